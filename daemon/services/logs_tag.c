/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tags of log groups, by the group's name (the old operations) and by its ARN. They are in the file
 * of logs, so that a group and its tags are written together.
 */
#include "daemon/services/logs.h"
#include "daemon/store/tag.h"

static int list_tags(struct call *c);
static int tag(struct call *c);
static int untag(struct call *c);

/* clang-format off */
#define NAME LOGS_GROUP(.flags = SCHEMA_REQUIRED)

static const struct schema_field list_group_fields[] = { NAME };
static const struct schema_field list_fields[] = { LOGS_RESOURCE };
static const struct schema_field tag_group_fields[] = { NAME, LOGS_TAGS(.flags = SCHEMA_REQUIRED) };
static const struct schema_field tag_fields[] = { LOGS_RESOURCE, LOGS_TAGS(.flags = SCHEMA_REQUIRED) };
static const struct schema_field untag_group_fields[] = {
	NAME,
	F_STRS(struct logs_in, tag_keys, "tags", .flags = SCHEMA_REQUIRED, .min_len = 1, .item_max_len = 128),
};
static const struct schema_field untag_fields[] = {
	LOGS_RESOURCE,
	F_STRS(struct logs_in, tag_keys, "tagKeys", .flags = SCHEMA_REQUIRED, .max_len = LOGS_TAGS_MAX, .item_max_len = 128),
};
static const struct schema list_group_schema = SCHEMA(struct logs_in, list_group_fields, "ListTagsLogGroupRequest");
static const struct schema list_schema = SCHEMA(struct logs_in, list_fields, "ListTagsForResourceRequest");
static const struct schema tag_group_schema = SCHEMA(struct logs_in, tag_group_fields, "TagLogGroupRequest");
static const struct schema tag_schema = SCHEMA(struct logs_in, tag_fields, "TagResourceRequest");
static const struct schema untag_group_schema = SCHEMA(struct logs_in, untag_group_fields, "UntagLogGroupRequest");
static const struct schema untag_schema = SCHEMA(struct logs_in, untag_fields, "UntagResourceRequest");

static const struct op ops[] = {
	{ .name = "ListTagsForResource", .run = list_tags,                    .input = &list_schema },
	{ .name = "ListTagsLogGroup",    .run = list_tags,                    .input = &list_group_schema },
	{ .name = "TagLogGroup",         .run = tag,       .flags = OP_WRITE, .input = &tag_group_schema },
	{ .name = "TagResource",         .run = tag,       .flags = OP_WRITE, .input = &tag_schema },
	{ .name = "UntagLogGroup",       .run = untag,     .flags = OP_WRITE, .input = &untag_group_schema },
	{ .name = "UntagResource",       .run = untag,     .flags = OP_WRITE, .input = &untag_schema },
};
const struct op_table logs_tag_ops = { ops, ARRAY_SIZE(ops) };
/* clang-format on */

/* The ARN under which the tags of the input's group are kept. */
static int
find(struct call *c, struct store **ret_l, const char **ret_arn)
{
	const struct logs_in *in = c->args;
	struct store_log_group g = { 0 };
	int r = logs_open(c, ret_l);

	if (r == 0 && in->resource != NULL && !has_prefix(in->resource, "arn:"))
		r = err_set(&c->err, ERR_INVALID_PARAMETER, "The resource ARN is not valid.");
	if (r == 0)
		r = in->resource != NULL ? logs_find_identified(c, *ret_l, in->resource, &g)
					 : logs_find_group(c, *ret_l, &g);
	if (r == 0)
		*ret_arn = logs_group_arn(c, g.name);
	return r;
}

static int
add_tag(const char *key, const char *value, void *arg)
{
	json_add_str(arg, key, value);
	return 0;
}

static int
list_tags(struct call *c)
{
	struct json_object *tags = json_object_new_object();
	struct store *l = NULL;
	const char *arn = NULL;
	int r;

	json_add(c->out, "tags", tags);
	r = find(c, &l, &arn);
	return r < 0 ? r : store_tag_list(l, arn, add_tag, tags, &c->err);
}

static int
tag(struct call *c)
{
	struct store *l = NULL;
	const char *arn = NULL;
	int r = find(c, &l, &arn);

	if (r == 0)
		r = store_begin(l, &c->err);
	return r < 0 ? r : logs_end(c, l, logs_put_tags(c, l, arn));
}

static int
untag(struct call *c)
{
	const struct logs_in *in = c->args;
	struct store *l = NULL;
	const char *arn = NULL;
	int r = find(c, &l, &arn);

	if (r == 0)
		r = store_begin(l, &c->err);
	if (r < 0)
		return r;
	for (size_t i = 0; r == 0 && i < in->tag_keys.n; i++)
		r = store_tag_delete(l, arn, in->tag_keys.v[i], &c->err);
	return logs_end(c, l, r);
}
