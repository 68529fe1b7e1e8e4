/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What roles and users may do: inline policies, and managed ones that are attached. One set of
 * handlers for both kinds.
 */
#include "daemon/services/iam.h"

#include <string.h>

#define ATTACHED_MAX 20

static int attach(struct call *c);
static int delete_inline(struct call *c);
static int detach(struct call *c);
static int get_inline(struct call *c);
static int list_attached(struct call *c);
static int list_inline(struct call *c);
static int put_inline(struct call *c);

/* clang-format off */
#define SCHEMAS(kind, name_row) \
	static const struct schema_field kind##_arn_fields[] = { name_row, IAM_POLICY_ARN }; \
	static const struct schema_field kind##_name_fields[] = { name_row, IAM_POLICY_NAME }; \
	static const struct schema_field kind##_put_fields[] = { name_row, IAM_POLICY_NAME, IAM_DOCUMENT }; \
	static const struct schema_field kind##_list_fields[] = { name_row, IAM_PAGE }; \
	static const struct schema_field kind##_attached_fields[] = { name_row, IAM_PATH_PREFIX, IAM_PAGE }; \
	static const struct schema kind##_arn_schema = SCHEMA(struct iam_in, kind##_arn_fields, "AttachPolicyRequest"); \
	static const struct schema kind##_name_schema = SCHEMA(struct iam_in, kind##_name_fields, "GetPolicyRequest"); \
	static const struct schema kind##_put_schema = SCHEMA(struct iam_in, kind##_put_fields, "PutPolicyRequest"); \
	static const struct schema kind##_list_schema = SCHEMA(struct iam_in, kind##_list_fields, "ListPoliciesRequest"); \
	static const struct schema kind##_attached_schema = SCHEMA(struct iam_in, kind##_attached_fields, "ListAttachedPoliciesRequest")
#define OPS(word, kind) \
	{ .name = "Attach" word "Policy", .run = attach, .flags = OP_WRITE | OP_NO_RESULT, .input = &kind##_arn_schema }, \
	{ .name = "Detach" word "Policy", .run = detach, .flags = OP_WRITE | OP_NO_RESULT, .input = &kind##_arn_schema }, \
	{ .name = "ListAttached" word "Policies", .run = list_attached, .input = &kind##_attached_schema }, \
	{ .name = "Put" word "Policy", .run = put_inline, .flags = OP_WRITE | OP_NO_RESULT, .input = &kind##_put_schema }, \
	{ .name = "Get" word "Policy", .run = get_inline, .input = &kind##_name_schema }, \
	{ .name = "Delete" word "Policy", .run = delete_inline, .flags = OP_WRITE | OP_NO_RESULT, .input = &kind##_name_schema }, \
	{ .name = "List" word "Policies", .run = list_inline, .input = &kind##_list_schema }

SCHEMAS(role, IAM_ROLE_NAME);
SCHEMAS(user, IAM_USER_NAME);

static const struct op ops[] = {
	OPS("Role", role),
	OPS("User", user),
};
const struct op_table iam_grant_ops = { ops, ARRAY_SIZE(ops) };
/* clang-format on */

/* Policies of AWS itself are attached without being here. */
static bool
is_of_aws(const char *arn)
{
	return has_prefix(arn, "arn:") && strstr(arn, ":iam::aws:policy/") != NULL;
}

static int
count(const char *arn, void *arg)
{
	(void)arn;
	++*(int *)arg;
	return 0;
}

static int
attach(struct call *c)
{
	_cleanup_iam_ struct store_iam o = { 0 }, policy = { 0 };
	const struct iam_in *in = c->args;
	int n = 0, r = iam_find_subject(c, &o);

	if (r == 0 && !is_of_aws(in->policy_arn) && iam_find_policy(c, in->policy_arn, &policy) < 0)
		return c->err.kind != ERR_CODED
			   ? -1
			   : err_set_code(&c->err, 404, "NoSuchEntity",
				 "Policy %.512s does not exist or is not attachable.",
				 in->policy_arn);
	if (r == 0)
		r = store_iam_attach(c->store, &o, in->policy_arn, &c->err);
	if (r == 0)
		r = store_iam_attachment_list(c->store, &o, NULL, -1, count, &n, &c->err);
	if (r == 0 && n > ATTACHED_MAX)
		return err_set_code(&c->err, 409, "LimitExceeded",
		    "Cannot exceed quota for PoliciesPer%s: %d",
		    o.kind == IAM_ROLE ? "Role" : "User", ATTACHED_MAX);
	return r;
}

static int
detach(struct call *c)
{
	_cleanup_iam_ struct store_iam o = { 0 };
	const struct iam_in *in = c->args;
	int r = iam_find_subject(c, &o);

	if (r < 0)
		return r;
	r = store_iam_detach(c->store, &o, in->policy_arn, &c->err);
	if (r == 0)
		return err_set_code(
		    &c->err, 404, "NoSuchEntity", "Policy %.512s was not found.", in->policy_arn);
	return r < 0 ? r : 0;
}

static int
take_attached(const char *arn, void *arg)
{
	struct iam_listing *l = arg;
	struct json_object *one;

	if (!page_take(&l->page, arn))
		return 1;
	one = json_object_new_object();
	json_add_str(one, "PolicyName", strrchr(arn, '/') + 1);
	json_add_str(one, "PolicyArn", arn);
	l->r = json_object_array_add(l->list, one);
	return l->r;
}

static int
list_attached(struct call *c)
{
	_cleanup_iam_ struct store_iam o = { 0 };
	struct iam_listing l = { 0 };
	int r = iam_find_subject(c, &o);

	if (r == 0)
		r = iam_list_begin(c, &l, "AttachedPolicies");
	if (r < 0)
		return r;
	r = store_iam_attachment_list(
	    c->store, &o, page_after(&l.page), l.page.limit + 1, take_attached, &l, &c->err);
	return iam_list_end(&l, r);
}

static int
missing_inline(struct call *c, const struct store_iam *o)
{
	const struct iam_in *in = c->args;

	return err_set_code(&c->err, 404, "NoSuchEntity",
	    "The %s policy with name %.128s cannot be found.",
	    o->kind == IAM_ROLE ? "role" : "user", in->policy_name);
}

static int
put_inline(struct call *c)
{
	_cleanup_iam_ struct store_iam o = { 0 };
	const struct iam_in *in = c->args;
	int r = iam_find_subject(c, &o);

	if (r == 0)
		r = iam_check_document(c, in->document, false);
	return r < 0 ? r
		     : store_iam_document_put(
			   c->store, &o, in->policy_name, in->document, c->now_ms, &c->err);
}

static int
get_inline(struct call *c)
{
	_cleanup_iam_ struct store_iam o = { 0 };
	_cleanup_free_ char *document = NULL;
	const struct iam_in *in = c->args;
	int r = iam_find_subject(c, &o);

	if (r < 0)
		return r;
	r = store_iam_document_get(c->store, &o, in->policy_name, &document, NULL, &c->err);
	if (r <= 0)
		return r < 0 ? r : missing_inline(c, &o);
	json_add_str(c->out, o.kind == IAM_ROLE ? "RoleName" : "UserName", o.name);
	json_add_str(c->out, "PolicyName", in->policy_name);
	json_add_str(c->out, "PolicyDocument", iam_encode(c, document));
	return 0;
}

static int
delete_inline(struct call *c)
{
	_cleanup_iam_ struct store_iam o = { 0 };
	const struct iam_in *in = c->args;
	int r = iam_find_subject(c, &o);

	if (r < 0)
		return r;
	r = store_iam_document_delete(c->store, &o, in->policy_name, &c->err);
	if (r == 0)
		return missing_inline(c, &o);
	return r < 0 ? r : 0;
}

static int
take_name(const char *name, void *arg)
{
	struct iam_listing *l = arg;

	if (!page_take(&l->page, name))
		return 1;
	l->r = json_object_array_add(l->list, json_object_new_string(name));
	return l->r;
}

static int
list_inline(struct call *c)
{
	_cleanup_iam_ struct store_iam o = { 0 };
	struct iam_listing l = { 0 };
	int r = iam_find_subject(c, &o);

	if (r == 0)
		r = iam_list_begin(c, &l, "PolicyNames");
	if (r < 0)
		return r;
	r = store_iam_document_list(
	    c->store, &o, page_after(&l.page), l.page.limit + 1, take_name, &l, &c->err);
	return iam_list_end(&l, r);
}
