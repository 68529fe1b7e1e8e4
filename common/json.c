/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parsing with limits and typed look-ups on top of json-c. Called from everywhere in both
 * processes; what the documents mean is not known here.
 */
#include "common/json.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static void
tokener_free(struct json_tokener **t)
{
	if (*t != NULL)
		json_tokener_free(*t);
}

static int
fail(struct err *e, const char *what, size_t at)
{
	return err_set(e, ERR_SERIALIZATION, "not valid JSON: %s at byte %zu", what, at);
}

/* Length of the number at `s` by the grammar of RFC 8259, 0 where there is none. `end` is where the
 * text ends. */
static size_t
number_len(const char *s, const char *end)
{
	const char *p = s;
	const char *digits;

	p += p < end && *p == '-';
	digits = p;
	while (p < end && isdigit((unsigned char)*p))
		p++;
	if (p == digits || (*digits == '0' && p - digits > 1))
		return 0;
	if (p < end && *p == '.') {
		digits = ++p;
		while (p < end && isdigit((unsigned char)*p))
			p++;
		if (p == digits)
			return 0;
	}
	if (p < end && (*p == 'e' || *p == 'E')) {
		p++;
		p += p < end && (*p == '+' || *p == '-');
		digits = p;
		while (p < end && isdigit((unsigned char)*p))
			p++;
		if (p == digits)
			return 0;
	}
	return (size_t)(p - s);
}

size_t
json_utf8_len(const unsigned char *s, size_t left)
{
	unsigned char low = 0x80, high = 0xbf;
	size_t n;

	if (s[0] < 0x80)
		return 1;
	if (s[0] < 0xc2 || s[0] > 0xf4)
		return 0;
	n = s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
	if (n > left)
		return 0;
	if (s[0] == 0xe0)
		low = 0xa0;
	else if (s[0] == 0xed)
		high = 0x9f;
	else if (s[0] == 0xf0)
		low = 0x90;
	else if (s[0] == 0xf4)
		high = 0x8f;
	if (s[1] < low || s[1] > high)
		return 0;
	for (size_t i = 2; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	return n;
}

/* Finds what json-c lets through although it is no JSON: strings in single quotes, NaN and
 * Infinity, 01 and 1., raw control characters, some of what is not UTF-8; and NULs, which cut a
 * member's name without a trace. Returns what is wrong and where, or NULL. */
static const char *
find_odd(const char *text, size_t len, size_t *ret_at)
{
	bool in_string = false;

	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		*ret_at = i;
		if (c == '\0')
			return "NUL character";
		if (!in_string) {
			if (c == '"') {
				in_string = true;
			} else if (c == '-' || isdigit(c)) {
				size_t n = number_len(text + i, text + len);

				if (n == 0)
					return "number of the wrong form";
				i += n - 1;
			} else if (strchr("{}[]:,truefalsn \t\r\n", c) == NULL) {
				return "unexpected character";
			}
		} else if (c == '"') {
			in_string = false;
		} else if (c < 0x20) {
			return "control character in a string";
		} else if (c == '\\') {
			if (len - i >= 6 && memcmp(text + i, "\\u0000", 6) == 0)
				return "NUL character";
			i++; /* whatever it is, it does not end the string */
		} else if (c >= 0x80) {
			size_t n = json_utf8_len((const unsigned char *)text + i, len - i);

			if (n == 0)
				return "text that is not UTF-8";
			i += n - 1;
		}
	}
	return NULL;
}

static bool has_odd_number(struct json_object *o);

static bool
has_odd_member(struct json_object *o)
{
	json_object_object_foreach(o, key, v)
	{
		(void)key;
		if (has_odd_number(v))
			return true;
	}
	return false;
}

/* 1e999 becomes Infinity, which would be printed again as what is no JSON. */
static bool
has_odd_number(struct json_object *o)
{
	switch (json_object_get_type(o)) {
	case json_type_double:
		return !isfinite(json_object_get_double(o));
	case json_type_array:
		for (size_t i = 0; i < json_object_array_length(o); i++)
			if (has_odd_number(json_object_array_get_idx(o, i)))
				return true;
		return false;
	case json_type_object:
		return has_odd_member(o);
	case json_type_null:
	case json_type_boolean:
	case json_type_int:
	case json_type_string:
		return false;
	}
	return false;
}

int
json_parse(const char *text, size_t len, struct json_object **ret, struct err *e)
{
	_cleanup_(tokener_free) struct json_tokener *tok = json_tokener_new_ex(JSON_DEPTH_MAX);
	_cleanup_json_ struct json_object *o = NULL;
	enum json_tokener_error why;
	const char *odd;
	size_t at = 0;

	if (tok == NULL)
		abort();
	if (len >= INT_MAX)
		return err_set(e, ERR_SERIALIZATION, "not valid JSON: too long");
	if (len == 0)
		return err_set(e, ERR_SERIALIZATION, "not valid JSON: nothing there");
	odd = find_odd(text, len, &at);
	if (odd != NULL)
		return fail(e, odd, at);
	json_tokener_set_flags(tok, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	o = json_tokener_parse_ex(tok, text, (int)len);
	why = json_tokener_get_error(tok);
	if (why == json_tokener_continue) {
		/* A bare number or a truncated text: only the end of the input tells which. */
		o = json_tokener_parse_ex(tok, "", 1);
		why = json_tokener_get_error(tok);
		if (why != json_tokener_success)
			return fail(e, "unexpected end of data", len);
	} else if (why != json_tokener_success) {
		return fail(e, json_tokener_error_desc(why), json_tokener_get_parse_end(tok));
	} else if (json_tokener_get_parse_end(tok) != len) {
		return fail(e, "something follows the value", json_tokener_get_parse_end(tok));
	}
	if (has_odd_number(o))
		return err_set(e, ERR_SERIALIZATION, "not valid JSON: a number is not finite");
	*ret = TAKE(o);
	return 0;
}

struct json_object *
json_get(struct json_object *o, const char *key)
{
	struct json_object *v = NULL;

	(void)json_object_object_get_ex(o, key, &v); /* false: v stays NULL */
	return v;
}

const char *
json_get_str(struct json_object *o, const char *key)
{
	struct json_object *v = json_get(o, key);

	return json_object_is_type(v, json_type_string) ? json_object_get_string(v) : NULL;
}

int64_t
json_get_int(struct json_object *o, const char *key, int64_t otherwise)
{
	struct json_object *v = json_get(o, key);

	if (!json_object_is_type(v, json_type_int) && !json_object_is_type(v, json_type_double))
		return otherwise;
	return json_object_get_int64(v);
}

bool
json_get_bool(struct json_object *o, const char *key, bool otherwise)
{
	struct json_object *v = json_get(o, key);

	return json_object_is_type(v, json_type_boolean) ? json_object_get_boolean(v) : otherwise;
}

void
json_add(struct json_object *o, const char *key, struct json_object *v)
{
	if (json_object_object_add(o, key, v) != 0)
		abort();
}

void
json_add_str(struct json_object *o, const char *key, const char *s)
{
	_cleanup_free_ char *repaired = NULL;
	const char *text = s;
	size_t len, n;

	if (s == NULL)
		return;
	len = strlen(s);
	for (size_t i = 0; i<len; i += n> 0 ? n : 1) {
		n = json_utf8_len((const unsigned char *)s + i, len - i);
		if (n > 0)
			continue;
		if (repaired == NULL)
			text = repaired = xstrdup(s);
		repaired[i] = '?';
	}
	json_add(o, key, json_object_new_string_len(text, (int)len));
}

void
json_add_int(struct json_object *o, const char *key, int64_t v)
{
	json_add(o, key, json_object_new_int64(v));
}

void
json_add_bool(struct json_object *o, const char *key, bool v)
{
	json_add(o, key, json_object_new_boolean(v));
}

void
json_add_time(struct json_object *o, const char *key, int64_t ms)
{
	if (ms != 0)
		json_add(o, key, json_new_time(ms));
}

void
json_add_iso_time(struct json_object *o, const char *key, int64_t ms, bool with_ms)
{
	time_t seconds = (time_t)(ms / 1000);
	char text[48];
	struct tm tm;
	size_t n;

	if (ms == 0 || gmtime_r(&seconds, &tm) == NULL)
		return;
	n = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	if (with_ms)
		n += (size_t)snprintf(text + n, sizeof(text) - n, ".%03d", (int)(ms % 1000));
	(void)snprintf(text + n, sizeof(text) - n, "Z");
	json_add_str(o, key, text);
}

struct json_object *
json_new_time(int64_t ms)
{
	char text[32];

	(void)snprintf(text, sizeof(text), "%s%" PRId64 ".%03d", ms < 0 ? "-" : "",
	    (int64_t)(llabs(ms) / 1000), (int)(llabs(ms) % 1000));
	return json_object_new_double_s((double)ms / 1000.0, text);
}

/* The serializer is json-c's own so that json_object_deep_copy knows how to copy the text. The node
 * is a number underneath because that is the smallest there is. */
struct json_object *
json_new_raw(char *text)
{
	struct json_object *o = json_object_new_int(0);

	if (o == NULL)
		abort();
	json_object_set_serializer(
	    o, json_object_userdata_to_json_string, text, json_object_free_userdata);
	return o;
}

struct json_object *
json_copy(struct json_object *o)
{
	struct json_object *copy = NULL;

	if (o != NULL && json_object_deep_copy(o, &copy, NULL) != 0)
		abort();
	return copy;
}

const char *
json_print(struct json_object *o)
{
	return json_object_to_json_string_ext(
	    o, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
}
