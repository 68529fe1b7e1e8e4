/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The few things json-c leaves open: parsing with limits, typed look-ups that cannot fail, and
 * nodes that print as prepared text. Getters borrow; add consumes the value it is given.
 */
#ifndef COMMON_JSON_H
#define COMMON_JSON_H

#include "common/err.h"

#include <json-c/json.h>

#define JSON_DEPTH_MAX 32

static inline void
json_put_(struct json_object **o)
{
	json_object_put(*o);
}
#define _cleanup_json_ _cleanup_(json_put_)

/* Parses exactly one JSON value of `len` bytes. Depth is limited to JSON_DEPTH_MAX, a NUL inside a
 * string or trailing bytes are errors, text must be UTF-8. Returns 0 and the caller's new tree in
 * *ret, or fills `e` with ERR_SERIALIZATION. */
int json_parse(const char *text, size_t len, struct json_object **ret, struct err *e);

/* Length of the UTF-8 character at `s`, of which `left` bytes are there, 0 where there is none.
 * Overlong forms, surrogates and what lies beyond U+10FFFF are none (RFC 3629). */
size_t json_utf8_len(const unsigned char *s, size_t left);

/* Borrowed member of an object, NULL if absent, null or `o` is no object. */
struct json_object *json_get(struct json_object *o, const char *key);
/* Borrowed string member, NULL if absent or no string. */
const char *json_get_str(struct json_object *o, const char *key);
/* Number member, `otherwise` if absent or no number. */
int64_t json_get_int(struct json_object *o, const char *key, int64_t otherwise);
bool json_get_bool(struct json_object *o, const char *key, bool otherwise);

/* Add to an object; the _str form leaves the key out when `s` is NULL, and bytes of it that are not
 * UTF-8 (a text that was cut, words of another program) become '?'. json_add consumes `v`. */
void json_add(struct json_object *o, const char *key, struct json_object *v);
void json_add_str(struct json_object *o, const char *key, const char *s);
void json_add_int(struct json_object *o, const char *key, int64_t v);
void json_add_bool(struct json_object *o, const char *key, bool v);
/* Adds an ECS timestamp: a JSON number of epoch seconds with milliseconds (1703691100.123). `ms` of
 * 0 means "not reached": the key is left out. */
void json_add_time(struct json_object *o, const char *key, int64_t ms);
/* Adds a time as text, "2024-05-01T12:00:00Z" (with_ms: "2024-05-01T12:00:00.123Z", as EC2 does);
 * left out where `ms` is 0. */
void json_add_iso_time(struct json_object *o, const char *key, int64_t ms, bool with_ms);
/* A number node that prints as seconds with exactly three decimals. The caller owns it. */
struct json_object *json_new_time(int64_t ms);

/* A node that prints as `text` (which must be valid JSON), without parsing it: how stored
 * documents get into replies. Takes ownership of `text`. The caller owns the node. */
struct json_object *json_new_raw(char *text);

/* Deep copy; the caller owns it. NULL stays NULL. */
struct json_object *json_copy(struct json_object *o);

/* The one way we print: no white space, no escaped slashes. Borrowed from `o`. */
const char *json_print(struct json_object *o);

#endif
