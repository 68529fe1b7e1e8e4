/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IAM roles.
 */
#include "daemon/services/iam.h"

#include <string.h>

static int create_role(struct call *c);
static int delete_role(struct call *c);
static int delete_role_permissions_boundary(struct call *c);
static int get_role(struct call *c);
static int list_roles(struct call *c);
static int put_role_permissions_boundary(struct call *c);
static int update_assume_role_policy(struct call *c);
static int update_role(struct call *c);
static int update_role_description(struct call *c);

/* clang-format off */
#define MAX_SESSION F_INT(struct iam_in, max_session, "MaxSessionDuration", .min = 3600, .max = 43200)

static const struct schema_field create_fields[] = {
	IAM_PATH,
	IAM_ROLE_NAME,
	F_STR(struct iam_in, trust, "AssumeRolePolicyDocument", .flags = SCHEMA_REQUIRED, .min_len = 1, .max_len = IAM_DOCUMENT_MAX),
	IAM_DESCRIPTION,
	MAX_SESSION,
	F_STR(struct iam_in, boundary, "PermissionsBoundary", .min_len = 20, .max_len = 2048),
	IAM_TAGS(),
};
static const struct schema_field name_fields[] = { IAM_ROLE_NAME };
static const struct schema_field list_fields[] = { IAM_PATH_PREFIX, IAM_PAGE };
static const struct schema_field update_fields[] = { IAM_ROLE_NAME, IAM_DESCRIPTION, MAX_SESSION };
static const struct schema_field describe_fields[] = {
	IAM_ROLE_NAME,
	F_STR(struct iam_in, description, "Description", .flags = SCHEMA_REQUIRED, .max_len = 1000),
};
static const struct schema_field trust_fields[] = { IAM_ROLE_NAME, IAM_DOCUMENT };
static const struct schema_field boundary_fields[] = {
	IAM_ROLE_NAME,
	F_STR(struct iam_in, boundary, "PermissionsBoundary", .flags = SCHEMA_REQUIRED, .min_len = 20, .max_len = 2048),
};

static const struct schema create_schema   = SCHEMA(struct iam_in, create_fields, "CreateRoleRequest");
static const struct schema name_schema     = SCHEMA(struct iam_in, name_fields, "GetRoleRequest");
static const struct schema list_schema     = SCHEMA(struct iam_in, list_fields, "ListRolesRequest");
static const struct schema update_schema   = SCHEMA(struct iam_in, update_fields, "UpdateRoleRequest");
static const struct schema describe_schema = SCHEMA(struct iam_in, describe_fields, "UpdateRoleDescriptionRequest");
static const struct schema trust_schema    = SCHEMA(struct iam_in, trust_fields, "UpdateAssumeRolePolicyRequest");
static const struct schema boundary_schema = SCHEMA(struct iam_in, boundary_fields, "PutRolePermissionsBoundaryRequest");

static const struct op ops[] = {
	{ .name = "CreateRole",                    .run = create_role,                      .flags = OP_WRITE,                .input = &create_schema },
	{ .name = "DeleteRole",                    .run = delete_role,                      .flags = OP_WRITE | OP_NO_RESULT, .input = &name_schema },
	{ .name = "DeleteRolePermissionsBoundary", .run = delete_role_permissions_boundary, .flags = OP_WRITE | OP_NO_RESULT, .input = &name_schema },
	{ .name = "GetRole",                       .run = get_role,                                                           .input = &name_schema },
	{ .name = "ListRoles",                     .run = list_roles,                                                         .input = &list_schema },
	{ .name = "PutRolePermissionsBoundary",    .run = put_role_permissions_boundary,    .flags = OP_WRITE | OP_NO_RESULT, .input = &boundary_schema },
	{ .name = "UpdateAssumeRolePolicy",        .run = update_assume_role_policy,        .flags = OP_WRITE | OP_NO_RESULT, .input = &trust_schema },
	{ .name = "UpdateRole",                    .run = update_role,                      .flags = OP_WRITE,                .input = &update_schema },
	{ .name = "UpdateRoleDescription",         .run = update_role_description,          .flags = OP_WRITE,                .input = &describe_schema },
};
const struct op_table iam_role_ops = { ops, ARRAY_SIZE(ops) };
/* clang-format on */

static int
create_role(struct call *c)
{
	_cleanup_iam_ struct store_iam o = { 0 };
	const struct iam_in *in = c->args;
	struct json_object *doc;
	int r = iam_check_document(c, in->trust, true);

	if (r < 0)
		return r;
	doc = json_object_new_object();
	json_add_str(doc, "AssumeRolePolicyDocument", in->trust);
	json_add_str(doc, "Description", in->description);
	json_add_int(doc, "MaxSessionDuration", in->max_session.set ? in->max_session.v : 3600);
	json_add_str(doc, "PermissionsBoundary", in->boundary);
	r = iam_create(c, IAM_ROLE, in->role_name, doc, &o);
	return r < 0 ? r : iam_answer(c, &o);
}

static int
get_role(struct call *c)
{
	_cleanup_iam_ struct store_iam o = { 0 };
	int r = iam_find_subject(c, &o);

	return r < 0 ? r : iam_answer(c, &o);
}

struct profile_search {
	const char *role;
	bool found;
};

static int
look_at_profile(const struct store_iam *o, void *arg)
{
	_cleanup_json_ struct json_object *doc = iam_doc(o);
	struct profile_search *search = arg;

	search->found = streq(json_get_str(doc, "Role"), search->role);
	return search->found;
}

static int
delete_role(struct call *c)
{
	_cleanup_iam_ struct store_iam o = { 0 };
	struct profile_search search = { o.name, false };
	bool attached = false, inline_policies = false;
	int r = iam_find_subject(c, &o);

	if (r == 0)
		r = store_iam_attachment_list(c->store, &o, NULL, 1, iam_found, &attached, &c->err);
	if (r == 0)
		r = store_iam_document_list(
		    c->store, &o, NULL, 1, iam_found, &inline_policies, &c->err);
	if (r == 0)
		r = store_iam_list(c->store, o.account, IAM_PROFILE, NULL, NULL, -1,
		    look_at_profile, &search, &c->err);
	if (r < 0)
		return r;
	if (attached)
		return iam_conflict(c, "must detach all policies first.");
	if (inline_policies)
		return iam_conflict(c, "must delete policies first.");
	if (search.found)
		return iam_conflict(c, "must remove roles from instance profile first.");
	return iam_delete(c, &o);
}

static int
list_roles(struct call *c)
{
	return iam_list_objects(c, IAM_ROLE, "Roles");
}

/* Changes members of the role's document: those that are given. */
static int
change(struct call *c, const char *trust, bool answer)
{
	_cleanup_iam_ struct store_iam o = { 0 };
	_cleanup_json_ struct json_object *doc = NULL;
	const struct iam_in *in = c->args;
	int r = iam_find_subject(c, &o);

	if (r < 0)
		return r;
	doc = iam_doc(&o);
	json_add_str(doc, "AssumeRolePolicyDocument", trust);
	json_add_str(doc, "Description", in->description);
	json_add_str(doc, "PermissionsBoundary", in->boundary);
	if (in->max_session.set)
		json_add_int(doc, "MaxSessionDuration", in->max_session.v);
	r = iam_save(c, &o, doc);
	return r < 0 || !answer ? r : iam_answer(c, &o);
}

static int
update_role(struct call *c)
{
	return change(c, NULL, false);
}

static int
update_role_description(struct call *c)
{
	return change(c, NULL, true);
}

static int
put_role_permissions_boundary(struct call *c)
{
	return change(c, NULL, false);
}

static int
update_assume_role_policy(struct call *c)
{
	const struct iam_in *in = c->args;
	int r = iam_check_document(c, in->document, true);

	return r < 0 ? r : change(c, in->document, false);
}

static int
delete_role_permissions_boundary(struct call *c)
{
	_cleanup_iam_ struct store_iam o = { 0 };
	_cleanup_json_ struct json_object *doc = NULL;
	int r = iam_find_subject(c, &o);

	if (r < 0)
		return r;
	doc = iam_doc(&o);
	json_object_object_del(doc, "PermissionsBoundary");
	return iam_save(c, &o, doc);
}
