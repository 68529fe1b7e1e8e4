/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rules for tags and their way into the store and out of it. Called by the operation files; it
 * must not know what kind of resource an ARN names.
 */
#include "daemon/ecs/tag_set.h"

#include "daemon/store/tag.h"

#include <string.h>
#include <strings.h>

#define KEY_MAX 128   /* Tag.key, in characters */
#define VALUE_MAX 256 /* Tag.value */

/* The lengths count characters and not bytes, so they are checked below. */
static const struct schema_field tag_fields[] = {
	F_STR(struct tag, key, "key"),
	F_STR(struct tag, value, "value"),
};
const struct schema tag_schema = SCHEMA(struct tag, tag_fields, "Tag");

static size_t
count_characters(const char *s)
{
	size_t n = 0;

	for (; *s != '\0'; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

/* Tag.key and Tag.value: letters, digits, spaces and _.:/=+-@. Beyond ASCII everything passes:
 * which of it are letters would take the tables of Unicode. */
static bool
has_legal_characters(const char *s)
{
	for (const unsigned char *p = (const unsigned char *)s; *p != '\0'; p++) {
		bool letter = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') ||
			      (*p >= '0' && *p <= '9');

		if (*p < 0x80 && !letter && strchr(" _.:/=+-@", *p) == NULL)
			return false;
	}
	return true;
}

int
tag_set_check_key(const char *key, struct err *e)
{
	if (key == NULL || key[0] == '\0')
		return err_set(e, ERR_INVALID_PARAMETER, "Tag key can not be empty.");
	if (count_characters(key) > KEY_MAX)
		return err_set(e, ERR_INVALID_PARAMETER,
		    "Tag key can not be longer than %d characters.", KEY_MAX);
	if (strncasecmp(key, "aws:", 4) == 0)
		return err_set(e, ERR_INVALID_PARAMETER,
		    "aws: prefixed tag key names are not allowed for external use.");
	if (!has_legal_characters(key))
		return err_set(e, ERR_INVALID_PARAMETER,
		    "Tag key '%s' has characters that are not allowed. Allowed are letters, "
		    "numbers, spaces and _.:/=+-@",
		    key);
	return 0;
}

static int
check_value(const struct tag *t, struct err *e)
{
	if (t->value == NULL)
		return 0;
	if (count_characters(t->value) > VALUE_MAX)
		return err_set(e, ERR_INVALID_PARAMETER,
		    "Tag value of '%s' can not be longer than %d characters.", t->key, VALUE_MAX);
	if (!has_legal_characters(t->value))
		return err_set(e, ERR_INVALID_PARAMETER,
		    "Tag value of '%s' has characters that are not allowed. Allowed are letters, "
		    "numbers, spaces and "
		    "_.:/=+-@",
		    t->key);
	return 0;
}

int
tag_set_check(const struct tag_list *tags, struct err *e)
{
	int r;

	if (tags->n > TAG_SET_MAX)
		return err_set(
		    e, ERR_INVALID_PARAMETER, "Tags can not have more than %d items.", TAG_SET_MAX);
	for (size_t i = 0; i < tags->n; i++) {
		r = tag_set_check_key(tags->v[i].key, e);
		if (r == 0)
			r = check_value(&tags->v[i], e);
		if (r < 0)
			return r;
		for (size_t j = 0; j < i; j++)
			if (streq(tags->v[i].key, tags->v[j].key))
				return err_set(e, ERR_INVALID_PARAMETER, "Duplicate tag key '%s'.",
				    tags->v[i].key);
	}
	return 0;
}

int
tag_set_put(struct store *s, const char *arn, const char *key, const char *value, struct err *e)
{
	return store_tag_put(s, arn, key, value != NULL ? value : "", e);
}

static int
put_all(struct store *s, const char *arn, const struct tag_list *tags, struct err *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < tags->n; i++)
		r = tag_set_put(s, arn, tags->v[i].key, tags->v[i].value, e);
	return r;
}

int
tag_set_write(struct store *s, const char *arn, const struct tag_list *tags, struct err *e)
{
	int r = store_tag_delete_all(s, arn, e);

	return r < 0 ? r : put_all(s, arn, tags, e);
}

/* Writes first and counts then: the caller's transaction takes it back where it was too much. */
int
tag_set_add(struct store *s, const char *arn, const struct tag_list *tags, struct err *e)
{
	int r = put_all(s, arn, tags, e);

	if (r == 0)
		r = store_tag_count(s, arn, e);
	if (r < 0)
		return r;
	if (r > TAG_SET_MAX)
		return err_set(e, ERR_LIMIT_EXCEEDED, "A resource can not have more than %d tags.",
		    TAG_SET_MAX);
	return 0;
}

int
tag_set_delete_all(struct store *s, const char *arn, struct err *e)
{
	return store_tag_delete_all(s, arn, e);
}

static int
on_tag(const char *key, const char *value, void *arg)
{
	struct json_object *list = arg;
	struct json_object *tag = json_object_new_object();

	json_add_str(tag, "key", key);
	json_add_str(tag, "value", value);
	json_object_array_add(list, tag);
	return 0;
}

int
tag_set_read(struct store *s, const char *arn, struct json_object **ret, struct err *e)
{
	_cleanup_json_ struct json_object *list = json_object_new_array();
	int r = store_tag_list(s, arn, on_tag, list, e);

	if (r == 0)
		*ret = TAKE(list);
	return r;
}
