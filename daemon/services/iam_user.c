/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IAM users, and the lists of what users cannot have here (groups, certificates, devices), which
 * clients ask for before they delete one.
 */
#include "daemon/services/iam.h"
#include "daemon/store/credential.h"

#include <string.h>

static int create_user(struct call *c);
static int delete_user(struct call *c);
static int get_user(struct call *c);
static int list_nothing(struct call *c);
static int list_users(struct call *c);
static int no_login_profile(struct call *c);

/* clang-format off */
static const struct schema_field create_fields[] = {
	IAM_PATH,
	IAM_USER_NAME,
	F_STR(struct iam_in, boundary, "PermissionsBoundary", .min_len = 20, .max_len = 2048),
	IAM_TAGS(),
};
static const struct schema_field self_fields[] = { IAM_USER_OR_SELF };
static const struct schema_field name_fields[] = { IAM_USER_NAME };
static const struct schema_field list_fields[] = { IAM_PATH_PREFIX, IAM_PAGE };
static const struct schema_field of_user_fields[] = { IAM_USER_OR_SELF, IAM_PAGE };
static const struct schema_field groups_fields[] = { IAM_USER_NAME, IAM_PAGE };

static const struct schema create_schema  = SCHEMA(struct iam_in, create_fields, "CreateUserRequest");
static const struct schema self_schema    = SCHEMA(struct iam_in, self_fields, "GetUserRequest");
static const struct schema name_schema    = SCHEMA(struct iam_in, name_fields, "DeleteUserRequest");
static const struct schema list_schema    = SCHEMA(struct iam_in, list_fields, "ListUsersRequest");
static const struct schema of_user_schema = SCHEMA(struct iam_in, of_user_fields, "ListMFADevicesRequest");
static const struct schema groups_schema  = SCHEMA(struct iam_in, groups_fields, "ListGroupsForUserRequest");

static const struct op ops[] = {
	{ .name = "CreateUser",              .run = create_user,      .flags = OP_WRITE,                .input = &create_schema },
	{ .name = "DeleteLoginProfile",      .run = no_login_profile, .flags = OP_NO_RESULT,            .input = &name_schema },
	{ .name = "DeleteUser",              .run = delete_user,      .flags = OP_WRITE | OP_NO_RESULT, .input = &name_schema },
	{ .name = "GetLoginProfile",         .run = no_login_profile,                                   .input = &name_schema },
	{ .name = "GetUser",                 .run = get_user,                                           .input = &self_schema },
	{ .name = "ListGroupsForUser",       .run = list_nothing,                                       .input = &groups_schema },
	{ .name = "ListMFADevices",          .run = list_nothing,                                       .input = &of_user_schema },
	{ .name = "ListSSHPublicKeys",       .run = list_nothing,                                       .input = &of_user_schema },
	{ .name = "ListSigningCertificates", .run = list_nothing,                                       .input = &of_user_schema },
	{ .name = "ListUsers",               .run = list_users,                                         .input = &list_schema },
};
const struct op_table iam_user_ops = { ops, ARRAY_SIZE(ops) };

/* What each of these would list. */
static const struct {
	const char *op;
	const char *member;
} nothings[] = {
	{ "ListGroupsForUser",       "Groups" },
	{ "ListMFADevices",          "MFADevices" },
	{ "ListSSHPublicKeys",       "SSHPublicKeys" },
	{ "ListSigningCertificates", "Certificates" },
};
/* clang-format on */

static int
create_user(struct call *c)
{
	_cleanup_iam_ struct store_iam o = { 0 };
	const struct iam_in *in = c->args;
	struct json_object *doc = json_object_new_object();
	int r;

	json_add_str(doc, "PermissionsBoundary", in->boundary);
	r = iam_create(c, IAM_USER, in->user_name, doc, &o);
	return r < 0 ? r : iam_answer(c, &o);
}

static int
get_user(struct call *c)
{
	_cleanup_iam_ struct store_iam o = { 0 };
	const struct iam_in *in = c->args;
	struct json_object *root;
	int r;

	if (in->user_name == NULL && strstr(c->principal_arn, ":root") != NULL) {
		root = json_object_new_object();
		json_add_str(root, "UserId", c->principal_id);
		json_add_str(root, "Arn", c->principal_arn);
		json_add(c->out, "User", root);
		return 0;
	}
	r = iam_find_user_or_self(c, &o);
	return r < 0 ? r : iam_answer(c, &o);
}

static int
found_key(const struct store_credential *key, void *arg)
{
	(void)key;
	*(bool *)arg = true;
	return 1;
}

static int
delete_user(struct call *c)
{
	_cleanup_iam_ struct store_iam o = { 0 };
	bool attached = false, documents = false, keys = false;
	int r = iam_find_subject(c, &o);

	if (r == 0)
		r = store_iam_attachment_list(c->store, &o, NULL, 1, iam_found, &attached, &c->err);
	if (r == 0)
		r = store_iam_document_list(c->store, &o, NULL, 1, iam_found, &documents, &c->err);
	if (r == 0)
		r = store_credential_list_user(
		    c->store, o.account, o.name, found_key, &keys, &c->err);
	if (r < 0)
		return r;
	if (attached)
		return iam_conflict(c, "must detach all policies first.");
	if (documents)
		return iam_conflict(c, "must delete policies first.");
	if (keys)
		return iam_conflict(c, "must delete access keys first.");
	return iam_delete(c, &o);
}

static int
list_users(struct call *c)
{
	return iam_list_objects(c, IAM_USER, "Users");
}

static int
list_nothing(struct call *c)
{
	_cleanup_iam_ struct store_iam o = { 0 };
	int r = iam_find_user_or_self(c, &o);

	if (r < 0)
		return r;
	for (size_t i = 0; i < ARRAY_SIZE(nothings); i++)
		if (streq(nothings[i].op, c->op->name))
			json_add(c->out, nothings[i].member, json_object_new_array());
	json_add_bool(c->out, "IsTruncated", false);
	return 0;
}

/* There is no console to log in to, so nobody has one. */
static int
no_login_profile(struct call *c)
{
	_cleanup_iam_ struct store_iam o = { 0 };
	int r = iam_find_user_or_self(c, &o);

	if (r < 0)
		return r;
	return err_set_code(
	    &c->err, 404, "NoSuchEntity", "Login Profile for User %.64s cannot be found.", o.name);
}
