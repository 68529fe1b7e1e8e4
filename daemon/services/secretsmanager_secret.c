/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Secrets themselves: made, described, changed, tagged, marked for deletion and taken back. What is
 * in them is secretsmanager_version.c's.
 */
#include "daemon/services/secretsmanager.h"

#include "daemon/arn.h"
#include "daemon/store/tag.h"

#include <errno.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>

#define DAY_MS ((int64_t)24 * 60 * 60 * 1000)
#define WINDOW_MIN_DAYS 7
#define WINDOW_MAX_DAYS 30
#define NAME_CHARS "A-Za-z0-9/_+=.@!-"

struct replica_in {
	const char *region;
};

struct create_in {
	const char *name;
	struct secret_value_in value;
	const char *description;
	const char *kms_key;
	const char *type;
	struct secret_tags tags;
	LIST_OF(struct replica_in) replicas;
};

struct update_in {
	const char *id;
	struct secret_value_in value;
	const char *description;
	const char *kms_key;
	const char *type;
};

struct delete_in {
	const char *id;
	struct opt_int window;
	enum tri force;
};

struct tag_in {
	const char *id;
	struct secret_tags tags;
	struct str_list keys;
};

static int create_secret(struct call *c);
static int update_secret(struct call *c);
static int describe_secret(struct call *c);
static int delete_secret(struct call *c);
static int restore_secret(struct call *c);
static int tag_resource(struct call *c);
static int untag_resource(struct call *c);

/* clang-format off */
static const struct schema_field replica_fields[] = {
	F_STR(struct replica_in, region, "Region", .min_len = 1, .max_len = 128),
	F_UNBOUND(SCHEMA_STRING, "KmsKeyId", .max_len = 2048),
};
static const struct schema replica_schema = SCHEMA(struct replica_in, replica_fields, "ReplicaRegionType");

static const struct schema_field create_fields[] = {
	F_STR(struct create_in, name,        "Name", .flags = SCHEMA_REQUIRED, .min_len = 1, .max_len = SECRET_NAME_MAX - 1, .chars = NAME_CHARS,
	    .message = "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!"),
	F_SECRET_TOKEN(struct create_in),
	F_STR(struct create_in, description, "Description", .max_len = 2048),
	F_STR(struct create_in, kms_key,     "KmsKeyId", .max_len = 2048),
	F_SECRET_BINARY(struct create_in),
	F_SECRET_STRING(struct create_in),
	F_LIST(struct create_in, tags,       "Tags", struct secret_tag_in, &secret_tag_schema),
	F_LIST(struct create_in, replicas,   "AddReplicaRegions", struct replica_in, &replica_schema, .min_len = 1),
	F_UNBOUND(SCHEMA_BOOL, "ForceOverwriteReplicaSecret"),
	F_STR(struct create_in, type,        "Type", .max_len = 256),
};
static const struct schema create_schema = SCHEMA(struct create_in, create_fields, "CreateSecretRequest");

static const struct schema_field update_fields[] = {
	F_SECRET_ID(struct update_in),
	F_SECRET_TOKEN(struct update_in),
	F_STR(struct update_in, description, "Description", .max_len = 2048),
	F_STR(struct update_in, kms_key,     "KmsKeyId", .max_len = 2048),
	F_SECRET_BINARY(struct update_in),
	F_SECRET_STRING(struct update_in),
	F_STR(struct update_in, type,        "Type", .max_len = 256),
};
static const struct schema update_schema = SCHEMA(struct update_in, update_fields, "UpdateSecretRequest");

static const struct schema describe_schema = SCHEMA(struct secret_id_in, secret_id_fields, "DescribeSecretRequest");
static const struct schema restore_schema = SCHEMA(struct secret_id_in, secret_id_fields, "RestoreSecretRequest");

static const struct schema_field delete_fields[] = {
	F_SECRET_ID(struct delete_in),
	F_LONG(struct delete_in, window, "RecoveryWindowInDays"),
	F_BOOL(struct delete_in, force,  "ForceDeleteWithoutRecovery"),
};
static const struct schema delete_schema = SCHEMA(struct delete_in, delete_fields, "DeleteSecretRequest");

static const struct schema_field tag_fields[] = {
	F_SECRET_ID(struct tag_in),
	F_LIST(struct tag_in, tags, "Tags", struct secret_tag_in, &secret_tag_schema, .flags = SCHEMA_REQUIRED),
};
static const struct schema tag_schema = SCHEMA(struct tag_in, tag_fields, "TagResourceRequest");

static const struct schema_field untag_fields[] = {
	F_SECRET_ID(struct tag_in),
	F_STRS(struct tag_in, keys, "TagKeys", .flags = SCHEMA_REQUIRED, .item_max_len = 128),
};
static const struct schema untag_schema = SCHEMA(struct tag_in, untag_fields, "UntagResourceRequest");

static const struct op ops[] = {
	{ .name = "CreateSecret",   .run = create_secret,   .input = &create_schema,   .bad_input = ERR_VALIDATION, .flags = OP_WRITE },
	{ .name = "DeleteSecret",   .run = delete_secret,   .input = &delete_schema,   .bad_input = ERR_VALIDATION, .flags = OP_WRITE },
	{ .name = "DescribeSecret", .run = describe_secret, .input = &describe_schema, .bad_input = ERR_VALIDATION },
	{ .name = "RestoreSecret",  .run = restore_secret,  .input = &restore_schema,  .bad_input = ERR_VALIDATION, .flags = OP_WRITE },
	{ .name = "TagResource",    .run = tag_resource,    .input = &tag_schema,      .bad_input = ERR_VALIDATION, .flags = OP_WRITE },
	{ .name = "UntagResource",  .run = untag_resource,  .input = &untag_schema,    .bad_input = ERR_VALIDATION, .flags = OP_WRITE },
	{ .name = "UpdateSecret",   .run = update_secret,   .input = &update_schema,   .bad_input = ERR_VALIDATION, .flags = OP_WRITE },
};
/* clang-format on */
const struct op_table secretsmanager_secret_ops = { ops, ARRAY_SIZE(ops) };

/* --- CreateSecret --- */

/* A new ARN: the name, a hyphen and six random letters and digits, so that a secret that is made
 * again under an old name is another one to whoever kept the ARN. */
static int
make_arn(struct call *c, struct store_secret *o)
{
	static const char chars[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
	unsigned char random[6];
	char suffix[sizeof(random) + 1] = "";

	if (RAND_bytes(random, sizeof(random)) != 1)
		return err_set(&c->err, ERR_SERVER, "there is no randomness for an ARN");
	for (size_t i = 0; i < sizeof(random); i++)
		suffix[i] = chars[random[i] % (sizeof(chars) - 1)];
	(void)snprintf(o->arn, sizeof(o->arn), "arn:%s:secretsmanager:%s:%s:secret:%s-%s",
	    arn_partition(c->scope.region), c->scope.region, c->scope.account, o->name, suffix);
	return 0;
}

/* A secret of this name is there: the same request once more, or an error. */
static int
create_again(struct call *c, const struct store_secret *o, const struct secret_value *v,
    const struct create_in *in)
{
	int r = 0;

	if (o->deleted_at_ms != 0)
		return secret_refuse(c, "You can't create this secret because a secret with this "
					"name is already scheduled for deletion.");
	if (in->value.token != NULL && v->bytes != NULL)
		r = secret_value_same(c, o, v);
	if (r < 0)
		return r;
	if (r == 0)
		return err_set_code(&c->err, 400, "ResourceExistsException",
		    "The operation failed because the secret %s already exists.", o->name);
	secret_answer(c, o);
	json_add_str(c->out, "VersionId", v->version);
	return 0;
}

static int
create(struct call *c, const struct create_in *in, const struct secret_value *v)
{
	_cleanup_secret_ struct store_secret o = {
		.scope = c->scope,
		.description = in->description != NULL ? xstrdup(in->description) : NULL,
		.kms_key =
		    in->kms_key != NULL && *in->kms_key != '\0' ? xstrdup(in->kms_key) : NULL,
		.type = in->type != NULL ? xstrdup(in->type) : NULL,
		.created_at_ms = c->now_ms,
		.changed_at_ms = c->now_ms,
	};
	int r;

	(void)snprintf(o.name, sizeof(o.name), "%s", in->name);
	r = make_arn(c, &o);
	if (r == 0)
		r = store_secret_insert(c->store, &o, &c->err);
	if (r == 0)
		r = secret_put_tags(c, &o, &in->tags);
	if (r == 0 && v->bytes != NULL)
		r = secret_version_add(c, &o, v, NULL);
	if (r < 0)
		return r;
	secret_answer(c, &o);
	if (v->bytes != NULL)
		json_add_str(c->out, "VersionId", v->version);
	return 0;
}

static int
create_secret(struct call *c)
{
	_cleanup_secret_ struct store_secret there = { 0 };
	const struct create_in *in = c->args;
	struct secret_value v;
	int r = secret_value_read(c, &in->value, &v);

	if (r < 0)
		return r;
	if (in->replicas.set)
		return err_set(&c->err, ERR_NOT_AVAILABLE,
		    "AddReplicaRegions: secrets are not replicated in localemu-ecs.");
	/* What is due goes first: its name is free again. */
	r = store_secret_expire(c->store, c->now_ms, &c->err);
	if (r == 0)
		r = store_secret_get(c->store, &c->scope, in->name, c->now_ms, &there, &c->err);
	if (r < 0)
		return r;
	return r > 0 ? create_again(c, &there, &v, in) : create(c, in, &v);
}

/* --- UpdateSecret, DescribeSecret --- */

static void
change_text(char **where, const char *to)
{
	if (to == NULL)
		return;
	free(*where);
	*where = *to != '\0' ? xstrdup(to) : NULL;
}

static int
update_secret(struct call *c)
{
	_cleanup_secret_ struct store_secret o = { 0 };
	const struct update_in *in = c->args;
	struct secret_value v;
	int r = secret_value_read(c, &in->value, &v);

	if (r == 0)
		r = secret_find_alive(c, in->id, &o);
	if (r < 0)
		return r;
	change_text(&o.description, in->description);
	change_text(&o.kms_key, in->kms_key);
	change_text(&o.type, in->type);
	o.changed_at_ms = c->now_ms;
	r = store_secret_update(c->store, &o, &c->err);
	if (r == 0 && v.bytes != NULL)
		r = secret_version_add(c, &o, &v, NULL);
	if (r < 0)
		return r;
	secret_answer(c, &o);
	if (v.bytes != NULL)
		json_add_str(c->out, "VersionId", v.version);
	return 0;
}

int
secret_print(
    struct call *c, const struct store_secret *o, const char *stages_member, struct json_object *to)
{
	struct json_object *stages = secret_print_stages(c, o);

	if (stages == NULL)
		return -EIO;
	json_add_str(to, "ARN", o->arn);
	json_add_str(to, "Name", o->name);
	json_add_str(to, "Type", o->type);
	json_add_str(to, "Description", o->description);
	json_add_str(to, "KmsKeyId", o->kms_key);
	json_add_time(to, "LastChangedDate", o->changed_at_ms);
	json_add_time(to, "LastAccessedDate", o->accessed_at_ms);
	json_add_time(to, "DeletedDate", o->deleted_at_ms);
	if (json_object_object_length(stages) > 0)
		json_add(to, stages_member, stages);
	else
		json_object_put(stages);
	json_add_time(to, "CreatedDate", o->created_at_ms);
	return secret_add_tags(c, o, to);
}

static int
describe_secret(struct call *c)
{
	_cleanup_secret_ struct store_secret o = { 0 };
	const struct secret_id_in *in = c->args;
	int r = secret_find(c, in->id, &o);

	return r < 0 ? r : secret_print(c, &o, "VersionIdsToStages", c->out);
}

/* --- deletion --- */

/* "If you forcibly delete an already deleted or nonexistent secret, the operation does not return
 * ResourceNotFoundException." */
static int
delete_nothing(struct call *c, const struct delete_in *in)
{
	struct store_secret o = { 0 };
	int r = 0;

	c->err = (struct err){ 0 };
	if (has_prefix(in->id, "arn:") || strlen(in->id) >= sizeof(o.name)) {
		json_add_str(c->out, "ARN", in->id);
	} else {
		(void)snprintf(o.name, sizeof(o.name), "%s", in->id);
		r = make_arn(c, &o);
		secret_answer(c, &o);
	}
	json_add_time(c->out, "DeletionDate", c->now_ms);
	return r;
}

static int
check_window(struct call *c, const struct delete_in *in)
{
	if (in->force == TRI_TRUE && in->window.set)
		return err_set(&c->err, ERR_INVALID_PARAMETER,
		    "You can't use ForceDeleteWithoutRecovery in conjunction with "
		    "RecoveryWindowInDays.");
	if (in->window.set && (in->window.v < WINDOW_MIN_DAYS || in->window.v > WINDOW_MAX_DAYS))
		return err_set(&c->err, ERR_INVALID_PARAMETER,
		    "The RecoveryWindowInDays value must be between %d and %d days (inclusive).",
		    WINDOW_MIN_DAYS, WINDOW_MAX_DAYS);
	return 0;
}

static int
delete_secret(struct call *c)
{
	_cleanup_secret_ struct store_secret o = { 0 };
	const struct delete_in *in = c->args;
	bool force = in->force == TRI_TRUE;
	int64_t days = in->window.set ? in->window.v : WINDOW_MAX_DAYS;
	int r = check_window(c, in);

	if (r == 0)
		r = secret_find(c, in->id, &o);
	if (r < 0)
		return force && c->err.kind == ERR_RESOURCE_NOT_FOUND ? delete_nothing(c, in) : r;
	if (o.deleted_at_ms != 0 && !force)
		return secret_refuse(c, "You can't perform this operation on the secret because it "
					"was already scheduled for deletion.");
	if (force) {
		r = store_secret_delete(c->store, &o, &c->err);
	} else {
		o.deleted_at_ms = c->now_ms;
		o.purge_at_ms = c->now_ms + days * DAY_MS;
		r = store_secret_update(c->store, &o, &c->err);
	}
	secret_answer(c, &o);
	json_add_time(c->out, "DeletionDate", force ? c->now_ms : o.purge_at_ms);
	return r;
}

static int
restore_secret(struct call *c)
{
	_cleanup_secret_ struct store_secret o = { 0 };
	const struct secret_id_in *in = c->args;
	int r = secret_find(c, in->id, &o);

	if (r < 0)
		return r;
	o.deleted_at_ms = o.purge_at_ms = 0;
	secret_answer(c, &o);
	return store_secret_update(c->store, &o, &c->err);
}

/* --- tags --- */

static int
tag_resource(struct call *c)
{
	_cleanup_secret_ struct store_secret o = { 0 };
	const struct tag_in *in = c->args;
	int r = secret_find_alive(c, in->id, &o);

	return r < 0 ? r : secret_put_tags(c, &o, &in->tags);
}

static int
untag_resource(struct call *c)
{
	_cleanup_secret_ struct store_secret o = { 0 };
	const struct tag_in *in = c->args;
	int r = secret_find_alive(c, in->id, &o);

	for (size_t i = 0; i < in->keys.n && r == 0; i++)
		r = store_tag_delete(c->store, o.arn, in->keys.v[i], &c->err);
	return r;
}
