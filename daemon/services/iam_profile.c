/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IAM instance profiles: a role each, or none.
 */
#include "daemon/services/iam.h"

static int add_role(struct call *c);
static int create_profile(struct call *c);
static int delete_profile(struct call *c);
static int get_profile(struct call *c);
static int list_for_role(struct call *c);
static int list_profiles(struct call *c);
static int remove_role(struct call *c);

/* clang-format off */
static const struct schema_field create_fields[] = { IAM_PROFILE_NAME, IAM_PATH, IAM_TAGS() };
static const struct schema_field name_fields[] = { IAM_PROFILE_NAME };
static const struct schema_field role_fields[] = { IAM_PROFILE_NAME, IAM_ROLE_NAME };
static const struct schema_field list_fields[] = { IAM_PATH_PREFIX, IAM_PAGE };
static const struct schema_field for_role_fields[] = { IAM_ROLE_NAME, IAM_PAGE };

static const struct schema create_schema   = SCHEMA(struct iam_in, create_fields, "CreateInstanceProfileRequest");
static const struct schema name_schema     = SCHEMA(struct iam_in, name_fields, "GetInstanceProfileRequest");
static const struct schema role_schema     = SCHEMA(struct iam_in, role_fields, "AddRoleToInstanceProfileRequest");
static const struct schema list_schema     = SCHEMA(struct iam_in, list_fields, "ListInstanceProfilesRequest");
static const struct schema for_role_schema = SCHEMA(struct iam_in, for_role_fields, "ListInstanceProfilesForRoleRequest");

static const struct op ops[] = {
	{ .name = "AddRoleToInstanceProfile",      .run = add_role,       .flags = OP_WRITE | OP_NO_RESULT, .input = &role_schema },
	{ .name = "CreateInstanceProfile",         .run = create_profile, .flags = OP_WRITE,                .input = &create_schema },
	{ .name = "DeleteInstanceProfile",         .run = delete_profile, .flags = OP_WRITE | OP_NO_RESULT, .input = &name_schema },
	{ .name = "GetInstanceProfile",            .run = get_profile,                                      .input = &name_schema },
	{ .name = "ListInstanceProfiles",          .run = list_profiles,                                    .input = &list_schema },
	{ .name = "ListInstanceProfilesForRole",   .run = list_for_role,                                    .input = &for_role_schema },
	{ .name = "RemoveRoleFromInstanceProfile", .run = remove_role,    .flags = OP_WRITE | OP_NO_RESULT, .input = &role_schema },
};
const struct op_table iam_profile_ops = { ops, ARRAY_SIZE(ops) };
/* clang-format on */

static int
find_profile(struct call *c, struct store_iam *ret)
{
	const struct iam_in *in = c->args;

	return iam_find(c, IAM_PROFILE, in->profile_name, ret);
}

static int
create_profile(struct call *c)
{
	_cleanup_iam_ struct store_iam o = { 0 };
	const struct iam_in *in = c->args;
	int r = iam_create(c, IAM_PROFILE, in->profile_name, json_object_new_object(), &o);

	return r < 0 ? r : iam_answer(c, &o);
}

static int
get_profile(struct call *c)
{
	_cleanup_iam_ struct store_iam o = { 0 };
	int r = find_profile(c, &o);

	return r < 0 ? r : iam_answer(c, &o);
}

static int
delete_profile(struct call *c)
{
	_cleanup_iam_ struct store_iam o = { 0 };
	_cleanup_json_ struct json_object *doc = NULL;
	int r = find_profile(c, &o);

	if (r < 0)
		return r;
	doc = iam_doc(&o);
	if (json_get_str(doc, "Role") != NULL)
		return iam_conflict(c, "must remove roles from instance profile first.");
	return iam_delete(c, &o);
}

static int
list_profiles(struct call *c)
{
	return iam_list_objects(c, IAM_PROFILE, "InstanceProfiles");
}

struct search {
	struct iam_listing l;
	const char *role;
};

static int
take_if_of_role(const struct store_iam *o, void *arg)
{
	_cleanup_json_ struct json_object *doc = iam_doc(o);
	struct search *s = arg;
	struct json_object *one;

	if (!streq(json_get_str(doc, "Role"), s->role))
		return 0;
	if (!page_take(&s->l.page, o->name))
		return 1;
	one = iam_print(s->l.c, o, false);
	s->l.r = one == NULL ? -1 : json_object_array_add(s->l.list, one);
	return s->l.r;
}

static int
list_for_role(struct call *c)
{
	_cleanup_iam_ struct store_iam role = { 0 };
	const struct iam_in *in = c->args;
	struct search s = { .role = role.name };
	int r = iam_find(c, IAM_ROLE, in->role_name, &role);

	if (r == 0)
		r = iam_list_begin(c, &s.l, "InstanceProfiles");
	if (r < 0)
		return r;
	r = store_iam_list(c->store, c->scope.account, IAM_PROFILE, NULL, page_after(&s.l.page), -1,
	    take_if_of_role, &s, &c->err);
	return iam_list_end(&s.l, r);
}

static int
add_role(struct call *c)
{
	_cleanup_iam_ struct store_iam o = { 0 }, role = { 0 };
	_cleanup_json_ struct json_object *doc = NULL;
	const struct iam_in *in = c->args;
	int r = find_profile(c, &o);

	if (r == 0)
		r = iam_find(c, IAM_ROLE, in->role_name, &role);
	if (r < 0)
		return r;
	doc = iam_doc(&o);
	if (json_get_str(doc, "Role") != NULL)
		return err_set_code(&c->err, 409, "LimitExceeded",
		    "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1");
	json_add_str(doc, "Role", role.name);
	return iam_save(c, &o, doc);
}

static int
remove_role(struct call *c)
{
	_cleanup_iam_ struct store_iam o = { 0 }, role = { 0 };
	_cleanup_json_ struct json_object *doc = NULL;
	const struct iam_in *in = c->args;
	int r = find_profile(c, &o);

	if (r == 0)
		r = iam_find(c, IAM_ROLE, in->role_name, &role);
	if (r < 0)
		return r;
	doc = iam_doc(&o);
	if (!streq(json_get_str(doc, "Role"), role.name))
		return err_set_code(&c->err, 404, "NoSuchEntity",
		    "The role with name %.64s cannot be found.", in->role_name);
	json_object_object_del(doc, "Role");
	return iam_save(c, &o, doc);
}
