/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Access keys of IAM users. The secret is shown once, when the key is made; identity.c verifies
 * what is signed with it.
 */
#include "daemon/services/iam.h"
#include "daemon/services/sts_issue.h"

#include <stdio.h>
#include <string.h>

#define KEYS_MAX 2

static int create_key(struct call *c);
static int delete_key(struct call *c);
static int get_last_used(struct call *c);
static int list_keys(struct call *c);
static int update_key(struct call *c);

/* clang-format off */
enum { STATUS_ACTIVE = 1, STATUS_INACTIVE };
static const char *const status_names[] = { NULL, "Active", "Inactive", "Expired", NULL };
#define KEY_ID F_STR(struct iam_in, access_key_id, "AccessKeyId", .flags = SCHEMA_REQUIRED, .min_len = 16, .max_len = 128, .chars = "A-Za-z0-9_")

static const struct schema_field create_fields[] = { IAM_USER_OR_SELF };
static const struct schema_field key_fields[] = { IAM_USER_OR_SELF, KEY_ID };
static const struct schema_field last_used_fields[] = { KEY_ID };
static const struct schema_field list_fields[] = { IAM_USER_OR_SELF, IAM_PAGE };
static const struct schema_field update_fields[] = {
	IAM_USER_OR_SELF, KEY_ID, F_ENUM(struct iam_in, status, "Status", status_names, .flags = SCHEMA_REQUIRED),
};

static const struct schema create_schema    = SCHEMA(struct iam_in, create_fields, "CreateAccessKeyRequest");
static const struct schema key_schema       = SCHEMA(struct iam_in, key_fields, "DeleteAccessKeyRequest");
static const struct schema last_used_schema = SCHEMA(struct iam_in, last_used_fields, "GetAccessKeyLastUsedRequest");
static const struct schema list_schema      = SCHEMA(struct iam_in, list_fields, "ListAccessKeysRequest");
static const struct schema update_schema    = SCHEMA(struct iam_in, update_fields, "UpdateAccessKeyRequest");

static const struct op ops[] = {
	{ .name = "CreateAccessKey",      .run = create_key,    .flags = OP_WRITE,                .input = &create_schema },
	{ .name = "DeleteAccessKey",      .run = delete_key,    .flags = OP_WRITE | OP_NO_RESULT, .input = &key_schema },
	{ .name = "GetAccessKeyLastUsed", .run = get_last_used,                                   .input = &last_used_schema },
	{ .name = "ListAccessKeys",       .run = list_keys,                                       .input = &list_schema },
	{ .name = "UpdateAccessKey",      .run = update_key,    .flags = OP_WRITE | OP_NO_RESULT, .input = &update_schema },
};
const struct op_table iam_key_ops = { ops, ARRAY_SIZE(ops) };
/* clang-format on */

int
iam_find_user_or_self(struct call *c, struct store_iam *ret)
{
	const struct iam_in *in = c->args;
	const char *self = strstr(c->principal_arn, ":user/");

	if (in->user_name != NULL)
		return iam_find(c, IAM_USER, in->user_name, ret);
	if (self != NULL)
		return iam_find(c, IAM_USER, strrchr(self, '/') + 1, ret);
	return err_set_code(&c->err, 400, "ValidationError",
	    "Must specify userName when calling with non-User credentials");
}

static int
count_key(const struct store_credential *key, void *arg)
{
	(void)key;
	++*(int *)arg;
	return 0;
}

static struct json_object *
print_key(const struct store_credential *key)
{
	struct json_object *o = json_object_new_object();

	json_add_str(o, "UserName", key->user);
	json_add_str(o, "AccessKeyId", key->access_key);
	json_add_str(o, "Status", status_names[key->active ? STATUS_ACTIVE : STATUS_INACTIVE]);
	json_add_iso_time(o, "CreateDate", key->created_at_ms, false);
	return o;
}

static int
create_key(struct call *c)
{
	_cleanup_iam_ struct store_iam user = { 0 };
	struct store_credential key = { 0 };
	struct json_object *o;
	int n = 0, r = iam_find_user_or_self(c, &user);

	if (r == 0)
		r = store_credential_list_user(
		    c->store, user.account, user.name, count_key, &n, &c->err);
	if (r < 0)
		return r;
	if (n >= KEYS_MAX)
		return err_set_code(&c->err, 409, "LimitExceeded",
		    "Cannot exceed quota for AccessKeysPerUser: %d", KEYS_MAX);
	if (strlen(user.arn) >= sizeof(key.arn))
		return err_set_code(&c->err, 400, "ValidationError",
		    "The path of the user is too long for access keys.");
	(void)snprintf(key.account, sizeof(key.account), "%s", user.account);
	(void)snprintf(key.arn, sizeof(key.arn), "%.*s", (int)sizeof(key.arn) - 1, user.arn);
	(void)snprintf(key.user_id, sizeof(key.user_id), "%s", user.id);
	(void)snprintf(key.user, sizeof(key.user), "%.64s", user.name);
	r = sts_issue_user_key(c->store, c->now_ms, &key, &c->err);
	if (r < 0)
		return r;
	o = print_key(&key);
	json_add_str(o, "SecretAccessKey", key.secret);
	json_add(c->out, "AccessKey", o);
	return 0;
}

/* A key of that user. */
static int
find_key(struct call *c, struct store_credential *ret)
{
	_cleanup_iam_ struct store_iam user = { 0 };
	const struct iam_in *in = c->args;
	int r = iam_find_user_or_self(c, &user);

	if (r < 0)
		return r;
	r = store_credential_get(c->store, in->access_key_id, ret, &c->err);
	if (r == 0 ||
	    (r > 0 && (!streq(ret->account, user.account) || !streq(ret->user, user.name))))
		return err_set_code(&c->err, 404, "NoSuchEntity",
		    "The Access Key with id %.128s cannot be found.", in->access_key_id);
	return r < 0 ? r : 0;
}

static int
delete_key(struct call *c)
{
	struct store_credential key;
	int r = find_key(c, &key);

	return r < 0 ? r : store_credential_delete(c->store, key.access_key, &c->err);
}

static int
update_key(struct call *c)
{
	const struct iam_in *in = c->args;
	struct store_credential key;
	int r = find_key(c, &key);

	if (r < 0)
		return r;
	return store_credential_set_active(
	    c->store, key.access_key, in->status == STATUS_ACTIVE, &c->err);
}

static int
take_key(const struct store_credential *key, void *arg)
{
	return json_object_array_add(arg, print_key(key));
}

/* There are at most two. */
static int
list_keys(struct call *c)
{
	_cleanup_iam_ struct store_iam user = { 0 };
	struct json_object *list;
	int r = iam_find_user_or_self(c, &user);

	if (r < 0)
		return r;
	list = json_object_new_array();
	json_add(c->out, "AccessKeyMetadata", list);
	r = store_credential_list_user(c->store, user.account, user.name, take_key, list, &c->err);
	if (r == 0)
		json_add_bool(c->out, "IsTruncated", false);
	return r;
}

/* When a key was used is not written down: every request would become a write. */
static int
get_last_used(struct call *c)
{
	const struct iam_in *in = c->args;
	struct store_credential key;
	struct json_object *o;
	int r = store_credential_get(c->store, in->access_key_id, &key, &c->err);

	if (r == 0 || (r > 0 && (key.user[0] == '\0' || !streq(key.account, c->scope.account))))
		return err_set_code(&c->err, 403, "AccessDenied",
		    "User: %s is not authorized to perform: iam:GetAccessKeyLastUsed on resource: "
		    "access key %.128s",
		    c->principal_arn, in->access_key_id);
	if (r < 0)
		return r;
	o = json_object_new_object();
	json_add_str(o, "ServiceName", "N/A");
	json_add_str(o, "Region", "N/A");
	json_add_str(c->out, "UserName", key.user);
	json_add(c->out, "AccessKeyLastUsed", o);
	return 0;
}
