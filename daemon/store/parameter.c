/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of Parameter Store (see parameter.h).
 */
#include "daemon/store/parameter.h"
#include "daemon/store/keyring.h"
#include "daemon/store/sqlite.h"
#include "daemon/store/tag.h"

enum {
	STMT_PUT,
	STMT_GET,
	STMT_DELETE,
	STMT_EXPIRE_TAGS,
	STMT_EXPIRE,
	STMT_LIST,
	STMT_VERSION_INSERT,
	STMT_VERSION_DELETE,
	STMT_VERSION_GET,
	STMT_VERSION_LIST,
	STMT_LABEL_PUT,
	STMT_LABEL_DELETE,
	STMT_LABEL_GET,
	STMT_LABEL_LIST,
	STMT_MAX,
};
_Static_assert(STMT_MAX <= STORE_STATEMENTS_MAX, "statements");

/* clang-format off */
#define COLUMNS "n, account, region, name, version, expires_at"
#define VERSION_COLUMNS "version, modified_at, doc, value"
#define SCOPE "account = ?1 AND region = ?2"
#define NOT_EXPIRED(now) " (expires_at = 0 OR expires_at > " now ")"
#define DUE " expires_at > 0 AND expires_at <= ?1"

static const char *const sql[STMT_MAX] = {
	[STMT_PUT]            = ("INSERT INTO parameter (account, region, name, version, expires_at)"
				 " VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (account, region, name) DO UPDATE"
				 " SET version = excluded.version, expires_at = excluded.expires_at RETURNING n"),
	[STMT_GET]            = "SELECT " COLUMNS " FROM parameter WHERE " SCOPE " AND name = ?3 AND" NOT_EXPIRED("?4"),
	[STMT_DELETE]         = "DELETE FROM parameter WHERE n = ?1",
	/* The same words as store_parameter_tag_key. */
	[STMT_EXPIRE_TAGS]    = ("DELETE FROM tag WHERE arn IN (SELECT 'parameter ' || account || ' ' || region || ' ' || name"
				 " FROM parameter WHERE" DUE ")"),
	[STMT_EXPIRE]         = "DELETE FROM parameter WHERE" DUE,
	[STMT_LIST]           = ("SELECT " COLUMNS " FROM parameter WHERE " SCOPE " AND name > ?3"
				 " AND (?4 IS NULL OR name < ?4) AND" NOT_EXPIRED("?5") " ORDER BY name"),
	[STMT_VERSION_INSERT] = ("INSERT INTO parameter_version (parameter, " VERSION_COLUMNS ")"
				 " VALUES (?1, ?2, ?3, ?4, ?5)"),
	[STMT_VERSION_DELETE] = "DELETE FROM parameter_version WHERE parameter = ?1 AND version = ?2",
	[STMT_VERSION_GET]    = "SELECT " VERSION_COLUMNS " FROM parameter_version WHERE parameter = ?1 AND version = ?2",
	[STMT_VERSION_LIST]   = ("SELECT " VERSION_COLUMNS " FROM parameter_version WHERE parameter = ?1 AND version > ?2"
				 " ORDER BY version"),
	[STMT_LABEL_PUT]      = "INSERT OR REPLACE INTO parameter_label (parameter, version, label) VALUES (?1, ?2, ?3)",
	[STMT_LABEL_DELETE]   = ("DELETE FROM parameter_label WHERE parameter = ?1 AND version = ?2 AND label = ?3"
				 " RETURNING 1"),
	[STMT_LABEL_GET]      = "SELECT version FROM parameter_label WHERE parameter = ?1 AND label = ?2",
	[STMT_LABEL_LIST]     = "SELECT label FROM parameter_label WHERE parameter = ?1 AND version = ?2 ORDER BY label",
};
/* clang-format on */
static const struct store_sql parameter_sql = { STORE_PARAMETER, sql };

void
store_parameter_version_done(struct store_parameter_version *v)
{
	free(v->doc);
	free(v->sealed);
	v->doc = NULL;
	v->sealed = NULL;
}

/* Not the ARN: "a" and "/a" are two parameters with one ARN. */
char *
store_parameter_tag_key(const struct store_parameter *p)
{
	return xasprintf("parameter %s %s %s", p->scope.account, p->scope.region, p->name);
}

/* What a value is sealed for: see keyring_seal. */
static char *
about(const struct store_parameter *p, int64_t version)
{
	return xasprintf("parameter %s %s %s %lld", p->scope.account, p->scope.region, p->name,
	    (long long)version);
}

static void
read_parameter(struct query *q, struct store_parameter *p)
{
	p->n = query_int(q, 0);
	query_copy(q, 1, p->scope.account, sizeof(p->scope.account));
	query_copy(q, 2, p->scope.region, sizeof(p->scope.region));
	query_copy(q, 3, p->name, sizeof(p->name));
	p->version = query_int(q, 4);
	p->expires_at_ms = query_int(q, 5);
}

int
store_parameter_put(struct store *s, struct store_parameter *p, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = query_open(&q, s, &parameter_sql, STMT_PUT, e);

	if (r < 0)
		return r;
	query_bind_scope(&q, &p->scope);
	query_bind(&q, 3, p->name);
	query_bind_int(&q, 4, p->version);
	query_bind_int(&q, 5, p->expires_at_ms);
	r = query_step(&q);
	if (r <= 0)
		return r;
	p->n = query_int(&q, 0);
	return query_run(&q);
}

int
store_parameter_get(struct store *s, const struct scope *sc, const char *name, int64_t now,
    struct store_parameter *ret, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = query_open(&q, s, &parameter_sql, STMT_GET, e);

	if (r < 0)
		return r;
	query_bind_scope(&q, sc);
	query_bind(&q, 3, name);
	query_bind_int(&q, 4, now);
	r = query_step(&q);
	if (r > 0)
		read_parameter(&q, ret);
	return r;
}

/* Opens a statement on one parameter: ?1. */
static int
open_for(
    struct query *q, struct store *s, unsigned stmt, const struct store_parameter *p, struct err *e)
{
	int r = query_open(q, s, &parameter_sql, stmt, e);

	if (r == 0)
		query_bind_int(q, 1, p->n);
	return r;
}

int
store_parameter_delete(struct store *s, const struct store_parameter *p, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	_cleanup_free_ char *key = store_parameter_tag_key(p);
	int r = store_tag_delete_all(s, key, e);

	if (r == 0)
		r = open_for(&q, s, STMT_DELETE, p, e);
	return r < 0 ? r : query_run(&q);
}

int
store_parameter_expire(struct store *s, int64_t now, struct err *e)
{
	static const unsigned stmts[] = { STMT_EXPIRE_TAGS, STMT_EXPIRE };
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(stmts) && r == 0; i++) {
		_cleanup_query_ struct query q = { 0 };

		r = query_open(&q, s, &parameter_sql, stmts[i], e);
		if (r < 0)
			return r;
		query_bind_int(&q, 1, now);
		r = query_run(&q);
	}
	return r;
}

int
store_parameter_list(struct store *s, const struct scope *sc, const struct parameter_range *range,
    int (*fn)(const struct store_parameter *p, void *arg), void *arg, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = query_open(&q, s, &parameter_sql, STMT_LIST, e);

	if (r < 0)
		return r;
	query_bind_scope(&q, sc);
	query_bind(&q, 3, range->after != NULL ? range->after : "");
	query_bind(&q, 4, range->end);
	query_bind_int(&q, 5, range->now);
	while ((r = query_step(&q)) > 0) {
		struct store_parameter p;

		read_parameter(&q, &p);
		if (fn(&p, arg) != 0)
			return 0;
	}
	return r;
}

/* --- versions --- */

static void
read_version(struct query *q, struct store_parameter_version *v)
{
	v->version = query_int(q, 0);
	v->modified_at_ms = query_int(q, 1);
	v->doc = query_dup(q, 2);
	v->sealed = query_dup_blob(q, 3, &v->sealed_len);
}

int
store_parameter_version_insert(struct store *s, const struct store_parameter *p,
    const struct store_parameter_version *v, const char *value, size_t len, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	_cleanup_free_ char *whose = about(p, v->version);
	_cleanup_free_ unsigned char *sealed = NULL;
	size_t sealed_len = 0;
	int r = keyring_seal(s->keyring, whose, value, len, &sealed, &sealed_len, e);

	if (r == 0)
		r = open_for(&q, s, STMT_VERSION_INSERT, p, e);
	if (r < 0)
		return r;
	query_bind_int(&q, 2, v->version);
	query_bind_int(&q, 3, v->modified_at_ms);
	query_bind(&q, 4, v->doc);
	query_bind_blob(&q, 5, sealed, sealed_len);
	return query_run(&q);
}

int
store_parameter_version_delete(
    struct store *s, const struct store_parameter *p, int64_t version, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = open_for(&q, s, STMT_VERSION_DELETE, p, e);

	if (r < 0)
		return r;
	query_bind_int(&q, 2, version);
	return query_run(&q);
}

int
store_parameter_version_get(struct store *s, const struct store_parameter *p, int64_t version,
    struct store_parameter_version *ret, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = open_for(&q, s, STMT_VERSION_GET, p, e);

	if (r < 0)
		return r;
	query_bind_int(&q, 2, version);
	r = query_step(&q);
	if (r > 0)
		read_version(&q, ret);
	return r;
}

int
store_parameter_version_list(struct store *s, const struct store_parameter *p, int64_t after,
    int (*fn)(const struct store_parameter_version *v, void *arg), void *arg, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = open_for(&q, s, STMT_VERSION_LIST, p, e);

	if (r < 0)
		return r;
	query_bind_int(&q, 2, after);
	while ((r = query_step(&q)) > 0) {
		_cleanup_parameter_version_ struct store_parameter_version v = { 0 };

		read_version(&q, &v);
		if (fn(&v, arg) != 0)
			return 0;
	}
	return r;
}

int
store_parameter_reveal(struct store *s, const struct store_parameter *p,
    const struct store_parameter_version *v, char **ret, size_t *ret_len)
{
	_cleanup_free_ char *whose = about(p, v->version);

	return keyring_unseal(s->keyring, whose, v->sealed, v->sealed_len, ret, ret_len);
}

/* --- labels --- */

int
store_parameter_label_put(struct store *s, const struct store_parameter *p, const char *label,
    int64_t version, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = open_for(&q, s, STMT_LABEL_PUT, p, e);

	if (r < 0)
		return r;
	query_bind_int(&q, 2, version);
	query_bind(&q, 3, label);
	return query_run(&q);
}

int
store_parameter_label_delete(struct store *s, const struct store_parameter *p, const char *label,
    int64_t version, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = open_for(&q, s, STMT_LABEL_DELETE, p, e);
	int found;

	if (r < 0)
		return r;
	query_bind_int(&q, 2, version);
	query_bind(&q, 3, label);
	found = query_step(&q);
	if (found <= 0)
		return found;
	r = query_run(&q);
	return r < 0 ? r : 1;
}

int
store_parameter_label_get(struct store *s, const struct store_parameter *p, const char *label,
    int64_t *ret, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = open_for(&q, s, STMT_LABEL_GET, p, e);

	if (r < 0)
		return r;
	query_bind(&q, 2, label);
	r = query_step(&q);
	if (r > 0)
		*ret = query_int(&q, 0);
	return r;
}

int
store_parameter_label_list(struct store *s, const struct store_parameter *p, int64_t version,
    int (*fn)(const char *label, void *arg), void *arg, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = open_for(&q, s, STMT_LABEL_LIST, p, e);

	if (r < 0)
		return r;
	query_bind_int(&q, 2, version);
	while ((r = query_step(&q)) > 0)
		if (fn(query_text(&q, 0), arg) != 0)
			return 0;
	return r;
}
