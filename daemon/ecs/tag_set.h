/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tags as the operations take and give them: the field row, the rules, writing those of a new
 * resource and reading them back. Used by every operation file that has tags; it must not know what
 * kind of resource an ARN names.
 */
#ifndef DAEMON_ECS_TAG_SET_H
#define DAEMON_ECS_TAG_SET_H

#include "common/err.h"
#include "common/json.h"
#include "common/schema.h"

struct store;

#define TAG_SET_MAX 50 /* tags of one resource, aws: ones not counted */

struct tag {
	const char *key;
	const char *value; /* NULL is taken as "" */
};
struct tag_list {
	bool set;
	size_t n;
	struct tag *v;
};

extern const struct schema tag_schema;
/* The row of an input's tags: `struct tag_list tags;` … F_TAGS(struct run_task_in, tags). */
#define F_TAGS(s, m, ...) F_LIST(s, m, "tags", struct tag, &tag_schema, ##__VA_ARGS__)

/* The rules for what a client may set: key 1-128 and value up to 256 characters of the allowed set,
 * no aws: prefix, no key twice, at most TAG_SET_MAX. InvalidParameterException otherwise. */
int tag_set_check(const struct tag_list *tags, struct err *e);
/* The rules for one key alone (UntagResource). */
int tag_set_check_key(const char *key, struct err *e);

/* Makes `tags` the tags of `arn`: what it had before goes. No rules are checked (aws: tags are set
 * by this too). */
int tag_set_write(struct store *s, const char *arn, const struct tag_list *tags, struct err *e);
/* Adds or replaces one tag; nothing is checked. */
int tag_set_put(
    struct store *s, const char *arn, const char *key, const char *value, struct err *e);
/* TagResource: adds to what is there; fails where more than TAG_SET_MAX would be set. `tags` must
 * have been checked. */
int tag_set_add(struct store *s, const char *arn, const struct tag_list *tags, struct err *e);
int tag_set_delete_all(struct store *s, const char *arn, struct err *e);

/* [{"key":…,"value":…}…] in the order in which they were set, [] where there are none. The caller
 * owns it. */
int tag_set_read(struct store *s, const char *arn, struct json_object **ret, struct err *e);

#endif
