/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tags of IAM's objects: one set of handlers for every kind.
 */
#include "daemon/services/iam.h"
#include "daemon/store/tag.h"

static int list_tags(struct call *c);
static int tag(struct call *c);
static int untag(struct call *c);

/* clang-format off */
#define THREE(kind, name_row) \
	static const struct schema_field kind##_list_fields[] = { name_row, IAM_PAGE }; \
	static const struct schema_field kind##_tag_fields[] = { name_row, IAM_TAGS(.flags = SCHEMA_REQUIRED) }; \
	static const struct schema_field kind##_untag_fields[] = { name_row, IAM_TAG_KEYS }; \
	static const struct schema kind##_list_schema = SCHEMA(struct iam_in, kind##_list_fields, "ListTagsRequest"); \
	static const struct schema kind##_tag_schema = SCHEMA(struct iam_in, kind##_tag_fields, "TagRequest"); \
	static const struct schema kind##_untag_schema = SCHEMA(struct iam_in, kind##_untag_fields, "UntagRequest")
#define OPS(word, kind) \
	{ .name = "List" word "Tags", .run = list_tags, .input = &kind##_list_schema }, \
	{ .name = "Tag" word, .run = tag, .flags = OP_WRITE | OP_NO_RESULT, .input = &kind##_tag_schema }, \
	{ .name = "Untag" word, .run = untag, .flags = OP_WRITE | OP_NO_RESULT, .input = &kind##_untag_schema }

THREE(role, IAM_ROLE_NAME);
THREE(user, IAM_USER_NAME);
THREE(policy, IAM_POLICY_ARN);
THREE(profile, IAM_PROFILE_NAME);

static const struct op ops[] = {
	OPS("Role", role),
	OPS("User", user),
	OPS("Policy", policy),
	OPS("InstanceProfile", profile),
};
const struct op_table iam_tag_ops = { ops, ARRAY_SIZE(ops) };
/* clang-format on */

/* There are at most as many as fit on a page. */
static int
list_tags(struct call *c)
{
	_cleanup_iam_ struct store_iam o = { 0 };
	int r = iam_find_subject(c, &o);

	if (r == 0)
		r = iam_add_tags(c, c->out, o.arn, true);
	if (r == 0)
		json_add_bool(c->out, "IsTruncated", false);
	return r;
}

static int
tag(struct call *c)
{
	_cleanup_iam_ struct store_iam o = { 0 };
	int r = iam_find_subject(c, &o);

	return r < 0 ? r : iam_put_tags(c, o.arn);
}

static int
untag(struct call *c)
{
	_cleanup_iam_ struct store_iam o = { 0 };
	const struct iam_in *in = c->args;
	int r = iam_find_subject(c, &o);

	for (size_t i = 0; r == 0 && i < in->tag_keys.n; i++)
		r = store_tag_delete(c->store, o.arn, in->tag_keys.v[i], &c->err);
	return r;
}
