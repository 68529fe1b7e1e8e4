/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values of secrets: GetSecretValue, BatchGetSecretValue, PutSecretValue. The only place where a
 * value leaves the store, and it goes into the reply and nowhere else.
 */
#include "daemon/services/secretsmanager.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#define BATCH_MAX 20
#define DAY_MS ((int64_t)24 * 60 * 60 * 1000)

struct get_value_in {
	const char *id;
	const char *version;
	const char *stage;
};

struct put_value_in {
	const char *id;
	struct secret_value_in value;
	struct str_list stages;
};

struct batch_get_in {
	struct str_list ids;
	struct secret_filters filters;
	struct opt_int limit;
	const char *next;
};

static int get_secret_value(struct call *c);
static int put_secret_value(struct call *c);
static int batch_get_secret_value(struct call *c);

/* clang-format off */
static const struct schema_field get_value_fields[] = {
	F_SECRET_ID(struct get_value_in),
	F_STR(struct get_value_in, version, "VersionId",    .min_len = 32, .max_len = SECRET_VERSION_ID_MAX - 1),
	F_STR(struct get_value_in, stage,   "VersionStage", .min_len = 1, .max_len = SECRET_STAGE_MAX - 1),
};
static const struct schema get_value_schema = SCHEMA(struct get_value_in, get_value_fields, "GetSecretValueRequest");

static const struct schema_field put_value_fields[] = {
	F_SECRET_ID(struct put_value_in),
	F_SECRET_TOKEN(struct put_value_in),
	F_SECRET_BINARY(struct put_value_in),
	F_SECRET_STRING(struct put_value_in),
	F_STRS(struct put_value_in, stages, "VersionStages", .min_len = 1, .max_len = SECRET_STAGES_MAX, .item_max_len = SECRET_STAGE_MAX - 1),
	F_UNBOUND(SCHEMA_STRING, "RotationToken", .min_len = 36, .max_len = 256),
};
static const struct schema put_value_schema = SCHEMA(struct put_value_in, put_value_fields, "PutSecretValueRequest");

static const struct schema_field batch_get_fields[] = {
	F_STRS(struct batch_get_in, ids,  "SecretIdList", .min_len = 1, .max_len = BATCH_MAX, .item_max_len = 2048),
	F_SECRET_FILTERS(struct batch_get_in),
	F_INT(struct batch_get_in, limit, "MaxResults", .min = 1, .max = BATCH_MAX),
	F_SECRET_NEXT(struct batch_get_in),
};
static const struct schema batch_get_schema = SCHEMA(struct batch_get_in, batch_get_fields, "BatchGetSecretValueRequest");

static const struct op ops[] = {
	{ .name = "BatchGetSecretValue", .run = batch_get_secret_value, .input = &batch_get_schema, .bad_input = ERR_VALIDATION },
	{ .name = "GetSecretValue",      .run = get_secret_value,       .input = &get_value_schema, .bad_input = ERR_VALIDATION },
	{ .name = "PutSecretValue",      .run = put_secret_value,       .input = &put_value_schema, .bad_input = ERR_VALIDATION, .flags = OP_WRITE },
};
/* clang-format on */
const struct op_table secretsmanager_value_ops = { ops, ARRAY_SIZE(ops) };

/* --- reading --- */

/* The version that VersionId and VersionStage mean together; AWSCURRENT where neither is given. */
static int
choose_version(struct call *c, const struct store_secret *o, const struct get_value_in *in,
    struct store_secret_version *ret)
{
	const char *stage = in->stage != NULL ? in->stage : STAGE_CURRENT;
	char labelled[SECRET_VERSION_ID_MAX] = "";
	const char *version = in->version;
	int r;

	if (in->version == NULL || in->stage != NULL) {
		r = store_secret_stage_get(c->store, o, stage, labelled, &c->err);
		if (r < 0)
			return r;
		if (r == 0 && in->version == NULL)
			return err_set(&c->err, ERR_RESOURCE_NOT_FOUND,
			    "Secrets Manager can't find the specified secret value for staging "
			    "label: %s",
			    stage);
		if (in->version == NULL)
			version = labelled;
	}
	r = store_secret_version_get(c->store, o, version, ret, &c->err);
	if (r == 0)
		return err_set(&c->err, ERR_RESOURCE_NOT_FOUND,
		    "Secrets Manager can't find the specified secret value for VersionId: %s",
		    version);
	if (r > 0 && in->stage != NULL && !streq(labelled, version))
		return secret_refuse(c, "You provided a VersionStage that is not associated to the "
					"provided VersionId.");
	return r < 0 ? r : 0;
}

static void
add_binary(struct json_object *to, const char *bytes, size_t len)
{
	_cleanup_free_ char *text = xcalloc(1, (len + 2) / 3 * 4 + 1);

	(void)EVP_EncodeBlock((unsigned char *)text, (const unsigned char *)bytes, (int)len);
	json_add_str(to, "SecretBinary", text);
}

/* What GetSecretValue shows, into `to`. */
static int
show_value(
    struct call *c, struct store_secret *o, const struct get_value_in *in, struct json_object *to)
{
	_cleanup_secret_version_ struct store_secret_version v = { 0 };
	int64_t today = c->now_ms - c->now_ms % DAY_MS;
	char *plain = NULL;
	size_t len = 0;
	int r = choose_version(c, o, in, &v);

	if (r < 0)
		return r;
	if (store_secret_reveal(c->store, o, &v, &plain, &len) < 0)
		return err_set_code(&c->err, 400, "DecryptionFailure",
		    "Secrets Manager can't decrypt the protected secret text using the provided "
		    "KMS key.");
	json_add_str(to, "ARN", o->arn);
	json_add_str(to, "Name", o->name);
	json_add_str(to, "VersionId", v.id);
	if (v.binary)
		add_binary(to, plain, len);
	else
		json_add_str(to, "SecretString", plain);
	OPENSSL_cleanse(plain, len);
	free(plain);
	json_add_time(to, "CreatedDate", v.created_at_ms);
	r = secret_add_stages(c, o, v.id, to);
	/* Once a day: the date is all that is told. */
	if (r == 0 && (o->accessed_at_ms < today || v.accessed_at_ms < today))
		r = store_secret_accessed(c->store, o, v.id, today, &c->err);
	return r;
}

int
secret_show(
    struct call *c, const char *id, const char *version, const char *stage, struct json_object *to)
{
	_cleanup_secret_ struct store_secret o = { 0 };
	const struct get_value_in wanted = { .version = version, .stage = stage };
	int r = secret_find_alive(c, id, &o);

	return r < 0 ? r : show_value(c, &o, &wanted, to);
}

static int
get_secret_value(struct call *c)
{
	const struct get_value_in *in = c->args;

	return secret_show(c, in->id, in->version, in->stage, c->out);
}

/* --- many at once --- */

struct batch {
	struct call *c;
	const struct secret_filters *filters;
	struct page page;
	struct json_object *values;
	struct json_object *errors;
	int r;
};

/* One secret of a batch: what cannot be read is an entry of Errors. */
static void
batch_one(struct batch *b, const char *id)
{
	struct json_object *entry = json_object_new_object();
	struct call *c = b->c;
	int r = secret_show(c, id, NULL, NULL, entry);

	if (r == 0) {
		(void)json_object_array_add(b->values, entry);
		return;
	}
	json_object_put(entry);
	entry = json_object_new_object();
	json_add_str(entry, "SecretId", id);
	json_add_str(entry, "ErrorCode", protocol_error_code(WIRE_JSON, &c->err));
	json_add_str(entry, "Message", c->err.text);
	(void)json_object_array_add(b->errors, entry);
	if (c->err.kind == ERR_SERVER)
		b->r = r;
	else
		c->err = (struct err){ 0 };
}

static int
batch_filtered(const struct store_secret *o, void *arg)
{
	struct batch *b = arg;
	char row[64];

	if (!secret_passes(b->c, o, b->filters, &b->r) || b->r < 0)
		return b->r;
	(void)snprintf(row, sizeof(row), "%lld:%lld", (long long)o->n, (long long)o->created_at_ms);
	if (!page_take(&b->page, row))
		return 1;
	batch_one(b, o->name);
	return b->r;
}

static int
batch_by_filters(struct batch *b, const struct batch_get_in *in)
{
	struct call *c = b->c;
	struct secret_listing l = { .order = SECRET_BY_CREATED, .now = c->now_ms };
	char *rest = NULL;
	int r =
	    secret_page_begin(c, &b->page, in->next, in->limit.set ? (int)in->limit.v : BATCH_MAX);

	if (r < 0)
		return r;
	l.after = strtoll(b->page.after, &rest, 10);
	l.after_ms = *rest == ':' ? strtoll(rest + 1, NULL, 10) : 0;
	r = store_secret_list(c->store, &c->scope, &l, batch_filtered, b, &c->err);
	if (r == 0 && b->r == 0)
		secret_page_finish(c, &b->page);
	return r;
}

static int
batch_get_secret_value(struct call *c)
{
	const struct batch_get_in *in = c->args;
	struct batch b = {
		.c = c,
		.filters = &in->filters,
		.values = json_object_new_array(),
		.errors = json_object_new_array(),
	};
	int r = 0;

	json_add(c->out, "SecretValues", b.values);
	json_add(c->out, "Errors", b.errors);
	if (in->ids.set == in->filters.set)
		return err_set(&c->err, ERR_INVALID_PARAMETER,
		    "Either 'SecretIdList' or 'Filters' must be provided, but not both.");
	if (in->ids.set && (in->limit.set || in->next != NULL))
		return err_set(&c->err, ERR_INVALID_PARAMETER,
		    "MaxResults and NextToken can only be used with Filters.");
	if (in->filters.set)
		r = batch_by_filters(&b, in);
	for (size_t i = 0; i < in->ids.n && b.r == 0; i++)
		batch_one(&b, in->ids.v[i]);
	return r < 0 ? r : b.r;
}

/* --- writing --- */

static int
put_secret_value(struct call *c)
{
	_cleanup_secret_ struct store_secret o = { 0 };
	const struct put_value_in *in = c->args;
	struct secret_value v;
	int r = secret_value_read(c, &in->value, &v);

	if (r == 0 && v.bytes == NULL)
		r = secret_refuse(c, "You must provide either SecretString or SecretBinary.");
	if (r == 0)
		r = secret_find_alive(c, in->id, &o);
	if (r == 0)
		r = secret_version_add(c, &o, &v, &in->stages);
	if (r < 0)
		return r;
	secret_answer(c, &o);
	json_add_str(c->out, "VersionId", v.version);
	return secret_add_stages(c, &o, v.version, c->out);
}
