/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AWS Secrets Manager as api.c takes it, and what its files share: how a request names a secret,
 * tags, pages. Values are sealed by the store; nothing here writes one anywhere else.
 */
#include "daemon/services/secretsmanager.h"

#include "daemon/arn.h"
#include "daemon/services/tag_list.h"
#include "daemon/store/tag.h"

#include <stdio.h>
#include <string.h>

#define SUFFIX_LEN 7 /* of an ARN: a hyphen and six characters */

/* clang-format off */
static const struct schema_field tag_fields[] = {
	F_STR(struct secret_tag_in, key,   "Key",   .min_len = 1, .max_len = 128),
	F_STR(struct secret_tag_in, value, "Value", .max_len = 256),
};
const struct schema secret_tag_schema = SCHEMA(struct secret_tag_in, tag_fields, "Tag");

const struct schema_field secret_id_fields[1] = {
	F_SECRET_ID(struct secret_id_in),
};

static const struct op_table *const tables[] = {
	&secretsmanager_secret_ops,
	&secretsmanager_value_ops,
	&secretsmanager_version_ops,
	&secretsmanager_list_ops,
	&secretsmanager_policy_ops,
	&secretsmanager_password_ops,
};

/* Rotation needs Lambda functions; replicas need a second region that fails on its own. */
static const char *const unavailable[] = {
	"CancelRotateSecret", "RemoveRegionsFromReplication", "ReplicateSecretToRegions", "RotateSecret",
	"StopReplicationToReplica",
};
/* clang-format on */

const struct op_service secretsmanager_service = {
	.name = "secretsmanager",
	.full_name = "AWS Secrets Manager",
	.wire = WIRE_JSON,
	.tables = tables,
	.n_tables = ARRAY_SIZE(tables),
	.unavailable = unavailable,
	.n_unavailable = ARRAY_SIZE(unavailable),
};

/* --- finding --- */

/* The name and the suffix in an ARN, which begin at the same place: 1 where a secret has this very
 * ARN. */
static int
get_by_arn(struct call *c, const char *arn, const char *tail, struct store_secret *ret)
{
	size_t len = strlen(tail);
	int r;

	if (len > SUFFIX_LEN && tail[len - SUFFIX_LEN] == '-') {
		_cleanup_free_ char *name = xstrndup(tail, len - SUFFIX_LEN);

		r = store_secret_get(c->store, &c->scope, name, c->now_ms, ret, &c->err);
		if (r < 0 || (r > 0 && streq(ret->arn, arn)))
			return r;
		store_secret_done(ret);
	}
	return store_secret_get(c->store, &c->scope, tail, c->now_ms, ret, &c->err);
}

int
secret_find(struct call *c, const char *id, struct store_secret *ret)
{
	_cleanup_free_ char *head =
	    xasprintf("arn:%s:secretsmanager:%s:%s:secret:", arn_partition(c->scope.region),
		c->scope.region, c->scope.account);
	int r = 0;

	if (has_prefix(id, head))
		r = get_by_arn(c, id, id + strlen(head), ret);
	else if (!has_prefix(id, "arn:"))
		r = store_secret_get(c->store, &c->scope, id, c->now_ms, ret, &c->err);
	if (r != 0)
		return r < 0 ? r : 0;
	return err_set(
	    &c->err, ERR_RESOURCE_NOT_FOUND, "Secrets Manager can't find the specified secret.");
}

int
secret_find_alive(struct call *c, const char *id, struct store_secret *ret)
{
	int r = secret_find(c, id, ret);

	if (r < 0 || ret->deleted_at_ms == 0)
		return r;
	return secret_refuse(c, "You can't perform this operation on the secret because it was "
				"marked for deletion.");
}

void
secret_answer(struct call *c, const struct store_secret *o)
{
	json_add_str(c->out, "ARN", o->arn);
	json_add_str(c->out, "Name", o->name);
}

int
secret_refuse(struct call *c, const char *fmt, ...)
{
	char text[ERR_TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap); /* cut on purpose */
	va_end(ap);
	return err_set_code(&c->err, 400, "InvalidRequestException", "%s", text);
}

/* --- tags --- */

static int
check_tags(struct call *c, const struct secret_tags *tags)
{
	for (size_t i = 0; i < tags->n; i++) {
		const char *key = tags->v[i].key;

		if (key == NULL)
			return err_set(&c->err, ERR_INVALID_PARAMETER, "A tag needs a key.");
		if (strncasecmp(key, "aws:", 4) == 0)
			return err_set(&c->err, ERR_INVALID_PARAMETER,
			    "Tag keys that begin with aws: are reserved: %.128s", key);
		for (size_t j = 0; j < i; j++)
			if (streq(key, tags->v[j].key))
				return err_set(&c->err, ERR_INVALID_PARAMETER,
				    "The tag key %.128s is there more than once.", key);
	}
	return 0;
}

int
secret_put_tags(struct call *c, const struct store_secret *o, const struct secret_tags *tags)
{
	int r = check_tags(c, tags);

	for (size_t i = 0; i < tags->n && r == 0; i++)
		r = store_tag_put(c->store, o->arn, tags->v[i].key,
		    tags->v[i].value != NULL ? tags->v[i].value : "", &c->err);
	if (r == 0)
		r = store_tag_count(c->store, o->arn, &c->err);
	if (r > SECRET_TAGS_MAX)
		return err_set(&c->err, ERR_INVALID_PARAMETER, "A secret can have %d tags at most.",
		    SECRET_TAGS_MAX);
	return r < 0 ? r : 0;
}

int
secret_add_tags(struct call *c, const struct store_secret *o, struct json_object *to)
{
	struct json_object *list = json_object_new_array();
	int r = tag_list_print(c->store, o->arn, list, &c->err);

	json_add(to, "Tags", list);
	return r;
}

/* --- pages --- */

int
secret_page_begin(struct call *c, struct page *p, const char *token, int limit)
{
	if (page_begin(p, c->op->name, token, limit, NULL) == 0)
		return 0;
	return err_set_code(&c->err, 400, "InvalidNextTokenException", "Invalid NextToken.");
}

void
secret_page_finish(struct call *c, const struct page *p)
{
	if (p->more)
		json_add_str(c->out, "NextToken", page_encode(&c->arena, c->op->name, p->last));
}
