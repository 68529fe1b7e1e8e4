/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Versions of secrets and the staging labels on them: UpdateSecretVersionStage,
 * ListSecretVersionIds, and how a request's value becomes a version. AWSCURRENT is always on one
 * version; when it moves, AWSPREVIOUS goes to where it was.
 */
#include "daemon/services/secretsmanager.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#define PAGE_DEFAULT 100

struct update_stage_in {
	const char *id;
	const char *stage;
	const char *from;
	const char *to;
};

struct list_versions_in {
	const char *id;
	struct opt_int limit;
	const char *next;
	enum tri deprecated;
};

static int update_secret_version_stage(struct call *c);
static int list_secret_version_ids(struct call *c);

/* clang-format off */
static const struct schema_field update_stage_fields[] = {
	F_SECRET_ID(struct update_stage_in),
	F_STR(struct update_stage_in, stage, "VersionStage",        .flags = SCHEMA_REQUIRED, .min_len = 1, .max_len = SECRET_STAGE_MAX - 1),
	F_STR(struct update_stage_in, from,  "RemoveFromVersionId", .min_len = 32, .max_len = SECRET_VERSION_ID_MAX - 1),
	F_STR(struct update_stage_in, to,    "MoveToVersionId",     .min_len = 32, .max_len = SECRET_VERSION_ID_MAX - 1),
};
static const struct schema update_stage_schema = SCHEMA(struct update_stage_in, update_stage_fields, "UpdateSecretVersionStageRequest");

static const struct schema_field list_versions_fields[] = {
	F_SECRET_ID(struct list_versions_in),
	F_INT(struct list_versions_in, limit,       "MaxResults", .min = 1, .max = PAGE_DEFAULT),
	F_SECRET_NEXT(struct list_versions_in),
	F_BOOL(struct list_versions_in, deprecated, "IncludeDeprecated"),
};
static const struct schema list_versions_schema = SCHEMA(struct list_versions_in, list_versions_fields, "ListSecretVersionIdsRequest");

static const struct op ops[] = {
	{ .name = "ListSecretVersionIds",     .run = list_secret_version_ids,     .input = &list_versions_schema, .bad_input = ERR_VALIDATION },
	{ .name = "UpdateSecretVersionStage", .run = update_secret_version_stage, .input = &update_stage_schema,  .bad_input = ERR_VALIDATION, .flags = OP_WRITE },
};
/* clang-format on */
const struct op_table secretsmanager_version_ops = { ops, ARRAY_SIZE(ops) };

/* --- values --- */

/* What a base64 text that the field table has checked stands for. */
static void
decode(struct call *c, const char *text, struct secret_value *v)
{
	size_t len = strlen(text);
	unsigned char *bytes = arena_alloc(&c->arena, len / 4 * 3 + 1);
	int n = EVP_DecodeBlock(bytes, (const unsigned char *)text, (int)len);

	v->bytes = bytes;
	v->len = n < 0 ? 0 : (size_t)n;
	v->len -= len > 0 && text[len - 1] == '=';
	v->len -= len > 1 && text[len - 2] == '=';
}

int
secret_value_read(struct call *c, const struct secret_value_in *in, struct secret_value *ret)
{
	struct secret_value v = { .binary = in->binary != NULL };

	if (in->binary != NULL && in->string != NULL)
		return err_set(&c->err, ERR_INVALID_PARAMETER,
		    "You can't specify both a binary secret value and a string secret value in the "
		    "same secret.");
	if (in->token != NULL)
		(void)snprintf(v.version, sizeof(v.version), "%s", in->token);
	else
		random_uuid(v.version);
	if (in->binary != NULL) {
		decode(c, in->binary, &v);
	} else if (in->string != NULL) {
		v.bytes = in->string;
		v.len = strlen(in->string);
	}
	*ret = v;
	return 0;
}

int
secret_value_same(struct call *c, const struct store_secret *o, const struct secret_value *v)
{
	_cleanup_secret_version_ struct store_secret_version there = { 0 };
	_cleanup_free_ char *plain = NULL;
	size_t len = 0;
	bool same;
	int r = store_secret_version_get(c->store, o, v->version, &there, &c->err);

	if (r <= 0)
		return r;
	r = store_secret_reveal(c->store, o, &there, &plain, &len);
	same = r == 0 && v->bytes != NULL && there.binary == v->binary && len == v->len &&
	       memcmp(plain, v->bytes, len) == 0;
	if (same)
		return 1;
	return err_set_code(&c->err, 400, "ResourceExistsException",
	    "You can't use ClientRequestToken %s because that value is already in use for a "
	    "version of secret %s.",
	    v->version, o->arn);
}

/* --- labels --- */

static int
move_stage(struct call *c, const struct store_secret *o, const char *stage, const char *version)
{
	char holder[SECRET_VERSION_ID_MAX] = "";
	int r = 0;

	if (streq(stage, STAGE_CURRENT))
		r = store_secret_stage_get(c->store, o, stage, holder, &c->err);
	if (r > 0 && !streq(holder, version))
		r = store_secret_stage_put(c->store, o, STAGE_PREVIOUS, holder, &c->err);
	if (r < 0)
		return r;
	return store_secret_stage_put(c->store, o, stage, version, &c->err);
}

static int
count_stage(const char *stage, const char *version, void *arg)
{
	int *n = arg;

	(void)stage;
	(void)version;
	(*n)++;
	return 0;
}

static int
check_stage_count(struct call *c, const struct store_secret *o, const char *version)
{
	int n = 0;
	int r = store_secret_stage_list(c->store, o, version, count_stage, &n, &c->err);

	if (r == 0 && n > SECRET_STAGES_MAX)
		return err_set(&c->err, ERR_LIMIT_EXCEEDED,
		    "A version of a secret can have %d staging labels at most.", SECRET_STAGES_MAX);
	return r;
}

/* The labels of a new version. The first one of a secret is the current one, whatever was asked
 * for. */
static int
put_stages(struct call *c, const struct store_secret *o, const char *version,
    const struct str_list *stages)
{
	char current[SECRET_VERSION_ID_MAX];
	int r = store_secret_stage_get(c->store, o, STAGE_CURRENT, current, &c->err);

	if (r == 0 || stages == NULL || !stages->set)
		r = move_stage(c, o, STAGE_CURRENT, version);
	if (stages != NULL)
		for (size_t i = 0; i < stages->n && r >= 0; i++)
			r = move_stage(c, o, stages->v[i], version);
	return r < 0 ? r : check_stage_count(c, o, version);
}

int
secret_version_add(struct call *c, struct store_secret *o, const struct secret_value *v,
    const struct str_list *stages)
{
	struct store_secret_version row = { .binary = v->binary, .created_at_ms = c->now_ms };
	int r = secret_value_same(c, o, v);

	if (r != 0)
		return r < 0 ? r : 0;
	(void)snprintf(row.id, sizeof(row.id), "%s", v->version);
	r = store_secret_version_insert(c->store, o, &row, v->bytes, v->len, &c->err);
	if (r == 0)
		r = put_stages(c, o, v->version, stages);
	if (r == 0)
		r = store_secret_version_prune(c->store, o, SECRET_VERSIONS_MAX, &c->err);
	if (r < 0)
		return r;
	o->changed_at_ms = c->now_ms;
	return store_secret_update(c->store, o, &c->err);
}

static int
take_stage(const char *stage, const char *version, void *arg)
{
	(void)version;
	return json_object_array_add(arg, json_object_new_string(stage));
}

int
secret_add_stages(
    struct call *c, const struct store_secret *o, const char *version, struct json_object *to)
{
	struct json_object *list = json_object_new_array();
	int r = store_secret_stage_list(c->store, o, version, take_stage, list, &c->err);

	json_add(to, "VersionStages", list);
	return r;
}

static int
group_stage(const char *stage, const char *version, void *arg)
{
	struct json_object *list = json_get(arg, version);

	if (list == NULL) {
		list = json_object_new_array();
		json_add(arg, version, list);
	}
	return json_object_array_add(list, json_object_new_string(stage));
}

struct json_object *
secret_print_stages(struct call *c, const struct store_secret *o)
{
	_cleanup_json_ struct json_object *map = json_object_new_object();

	if (store_secret_stage_list(c->store, o, NULL, group_stage, map, &c->err) < 0)
		return NULL;
	return TAKE(map);
}

/* --- UpdateSecretVersionStage --- */

static int
must_exist(struct call *c, const struct store_secret *o, const char *version)
{
	_cleanup_secret_version_ struct store_secret_version v = { 0 };
	int r = store_secret_version_get(c->store, o, version, &v, &c->err);

	if (r != 0)
		return r < 0 ? r : 0;
	return err_set(&c->err, ERR_RESOURCE_NOT_FOUND,
	    "Secrets Manager can't find the specified secret value for VersionId: %s", version);
}

/* Whether the label may go from where it is, `holder` ("": nowhere). */
static int
check_move(struct call *c, const struct update_stage_in *in, const char *holder)
{
	if (in->from == NULL && in->to == NULL)
		return err_set(&c->err, ERR_INVALID_PARAMETER,
		    "You must specify RemoveFromVersionId, MoveToVersionId, or both.");
	if (in->from != NULL && !streq(in->from, holder))
		return err_set(&c->err, ERR_INVALID_PARAMETER,
		    "Staging label %s is not attached to version %s, so it can't be removed from "
		    "it.",
		    in->stage, in->from);
	if (in->from == NULL && holder[0] != '\0' && !streq(in->to, holder))
		return err_set(&c->err, ERR_INVALID_PARAMETER,
		    "The parameter RemoveFromVersionId can't be empty. Staging label %s is "
		    "currently attached to version %s, so you must explicitly reference that "
		    "version in RemoveFromVersionId.",
		    in->stage, holder);
	if (in->to == NULL && streq(in->stage, STAGE_CURRENT))
		return err_set(&c->err, ERR_INVALID_PARAMETER,
		    "You can only move staging label AWSCURRENT to a different secret version. It "
		    "can't be completely removed.");
	return 0;
}

static int
update_secret_version_stage(struct call *c)
{
	_cleanup_secret_ struct store_secret o = { 0 };
	const struct update_stage_in *in = c->args;
	char holder[SECRET_VERSION_ID_MAX] = "";
	int r = secret_find_alive(c, in->id, &o);

	if (r == 0 && in->from != NULL)
		r = must_exist(c, &o, in->from);
	if (r == 0 && in->to != NULL)
		r = must_exist(c, &o, in->to);
	if (r == 0)
		r = store_secret_stage_get(c->store, &o, in->stage, holder, &c->err);
	if (r >= 0)
		r = check_move(c, in, holder);
	if (r == 0)
		r = in->to != NULL ? move_stage(c, &o, in->stage, in->to)
				   : store_secret_stage_delete(c->store, &o, in->stage, &c->err);
	if (r == 0 && in->to != NULL)
		r = check_stage_count(c, &o, in->to);
	if (r < 0)
		return r;
	o.changed_at_ms = c->now_ms;
	secret_answer(c, &o);
	return store_secret_update(c->store, &o, &c->err);
}

/* --- ListSecretVersionIds --- */

struct versions_walk {
	struct call *c;
	const struct store_secret *o;
	bool deprecated;
	struct page page;
	struct json_object *list;
	int r;
};

static int
take_version(const struct store_secret_version *v, void *arg)
{
	struct versions_walk *w = arg;
	struct json_object *one = json_object_new_object();
	struct json_object *keys;
	char row[32];

	w->r = secret_add_stages(w->c, w->o, v->id, one);
	if (json_object_array_length(json_get(one, "VersionStages")) == 0) {
		if (w->r < 0 || !w->deprecated) {
			json_object_put(one);
			return w->r;
		}
		json_object_object_del(one, "VersionStages");
	}
	(void)snprintf(row, sizeof(row), "%lld", (long long)v->n);
	if (!page_take(&w->page, row)) {
		json_object_put(one);
		return 1;
	}
	json_add_str(one, "VersionId", v->id);
	json_add_time(one, "LastAccessedDate", v->accessed_at_ms);
	json_add_time(one, "CreatedDate", v->created_at_ms);
	keys = json_object_new_array();
	(void)json_object_array_add(keys,
	    json_object_new_string(w->o->kms_key != NULL ? w->o->kms_key : "DefaultEncryptionKey"));
	json_add(one, "KmsKeyIds", keys);
	return json_object_array_add(w->list, one);
}

static int
list_secret_version_ids(struct call *c)
{
	_cleanup_secret_ struct store_secret o = { 0 };
	const struct list_versions_in *in = c->args;
	struct versions_walk w = {
		.c = c,
		.o = &o,
		.deprecated = in->deprecated == TRI_TRUE,
		.list = json_object_new_array(),
	};
	int r;

	json_add(c->out, "Versions", w.list);
	r = secret_find(c, in->id, &o);
	if (r == 0)
		r = secret_page_begin(
		    c, &w.page, in->next, in->limit.set ? (int)in->limit.v : PAGE_DEFAULT);
	if (r == 0)
		r = store_secret_version_list(
		    c->store, &o, strtoll(w.page.after, NULL, 10), take_version, &w, &c->err);
	if (r == 0)
		r = w.r;
	if (r < 0)
		return r;
	secret_answer(c, &o);
	secret_page_finish(c, &w.page);
	return 0;
}
