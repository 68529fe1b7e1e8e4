/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of Secrets Manager (see secret.h).
 */
#include "daemon/store/secret.h"
#include "daemon/store/keyring.h"
#include "daemon/store/sqlite.h"

enum {
	STMT_INSERT,
	STMT_UPDATE,
	STMT_GET,
	STMT_DELETE,
	STMT_DELETE_TAGS,
	STMT_EXPIRE,
	STMT_EXPIRE_TAGS,
	STMT_ACCESSED,
	STMT_VERSION_ACCESSED,
	STMT_LIST_UP,
	STMT_LIST_DOWN,
	STMT_VERSION_INSERT,
	STMT_VERSION_GET,
	STMT_VERSION_LIST,
	STMT_VERSION_PRUNE,
	STMT_STAGE_PUT,
	STMT_STAGE_DELETE,
	STMT_STAGE_GET,
	STMT_STAGE_LIST,
	STMT_MAX,
};
_Static_assert(STMT_MAX <= STORE_STATEMENTS_MAX, "statements");

/* clang-format off */
#define COLUMNS "n, account, region, name, arn, description, kms_key, type, policy, created_at, changed_at," \
	" accessed_at, deleted_at, purge_at"
#define VERSION_COLUMNS "n, id, is_binary, created_at, accessed_at"
#define NOT_PURGED(now) " (purge_at = 0 OR purge_at > " now ")"
#define DUE " purge_at > 0 AND purge_at <= ?1"
/* What ListSecrets sorts by, enum secret_order; rows that are equal in it go by their number. */
#define KEY "CASE ?3 WHEN 0 THEN created_at WHEN 1 THEN accessed_at WHEN 2 THEN changed_at ELSE name END"
#define LIST(compare, direction) \
	"SELECT " COLUMNS " FROM secret WHERE account = ?1 AND region = ?2 AND" NOT_PURGED("?4") \
	" AND (deleted_at = 0 OR ?5) AND (?6 = 0 OR (" KEY ", n) " compare " (?7, ?6))" \
	" ORDER BY " KEY " " direction ", n " direction

static const char *const sql[STMT_MAX] = {
	[STMT_INSERT]           = ("INSERT INTO secret (" COLUMNS ")"
				   " VALUES (NULL, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13) RETURNING n"),
	[STMT_UPDATE]           = ("UPDATE secret SET description = ?2, kms_key = ?3, type = ?4, policy = ?5, created_at = ?6,"
				   " changed_at = ?7, accessed_at = ?8, deleted_at = ?9, purge_at = ?10 WHERE n = ?1"),
	[STMT_GET]              = ("SELECT " COLUMNS " FROM secret WHERE account = ?1 AND region = ?2 AND name = ?3"
				   " AND" NOT_PURGED("?4")),
	[STMT_DELETE]           = "DELETE FROM secret WHERE n = ?1",
	[STMT_DELETE_TAGS]      = "DELETE FROM tag WHERE arn = ?1",
	[STMT_EXPIRE]           = "DELETE FROM secret WHERE" DUE,
	[STMT_EXPIRE_TAGS]      = "DELETE FROM tag WHERE arn IN (SELECT arn FROM secret WHERE" DUE ")",
	[STMT_ACCESSED]         = "UPDATE secret SET accessed_at = ?2 WHERE n = ?1",
	[STMT_VERSION_ACCESSED] = "UPDATE secret_version SET accessed_at = ?2 WHERE secret = ?1 AND id = ?3",
	[STMT_LIST_UP]          = LIST(">", "ASC"),
	[STMT_LIST_DOWN]        = LIST("<", "DESC"),
	[STMT_VERSION_INSERT]   = ("INSERT INTO secret_version (secret, id, is_binary, created_at, accessed_at, value)"
				   " VALUES (?1, ?2, ?3, ?4, ?5, ?6)"),
	[STMT_VERSION_GET]      = "SELECT " VERSION_COLUMNS ", value FROM secret_version WHERE secret = ?1 AND id = ?2",
	[STMT_VERSION_LIST]     = ("SELECT " VERSION_COLUMNS " FROM secret_version WHERE secret = ?1"
				   " AND n > ?2 ORDER BY n"),
	[STMT_VERSION_PRUNE]    = ("DELETE FROM secret_version WHERE n IN (SELECT n FROM secret_version AS v WHERE secret = ?1"
				   " AND NOT EXISTS (SELECT 1 FROM secret_stage WHERE secret = ?1 AND version = v.id)"
				   " ORDER BY n LIMIT max(0, (SELECT count(*) FROM secret_version WHERE secret = ?1) - ?2))"),
	[STMT_STAGE_PUT]        = "INSERT OR REPLACE INTO secret_stage (secret, stage, version) VALUES (?1, ?2, ?3)",
	[STMT_STAGE_DELETE]     = "DELETE FROM secret_stage WHERE secret = ?1 AND stage = ?2",
	[STMT_STAGE_GET]        = "SELECT version FROM secret_stage WHERE secret = ?1 AND stage = ?2",
	[STMT_STAGE_LIST]       = ("SELECT stage, version FROM secret_stage WHERE secret = ?1 AND (?2 IS NULL OR version = ?2)"
				   " ORDER BY n"),
};
/* clang-format on */
static const struct store_sql secret_sql = { STORE_SECRET, sql };

void
store_secret_done(struct store_secret *o)
{
	free(o->description);
	free(o->kms_key);
	free(o->type);
	free(o->policy);
	o->description = o->kms_key = o->type = o->policy = NULL;
}

void
store_secret_version_done(struct store_secret_version *v)
{
	free(v->sealed);
	v->sealed = NULL;
}

/* What a value is sealed for: see keyring_seal. */
static char *
about(const struct store_secret *o, const char *version)
{
	return xasprintf("secret %s %s", o->arn, version);
}

static void
read_secret(struct query *q, struct store_secret *o)
{
	*o = (struct store_secret){ .n = query_int(q, 0) };
	query_copy(q, 1, o->scope.account, sizeof(o->scope.account));
	query_copy(q, 2, o->scope.region, sizeof(o->scope.region));
	query_copy(q, 3, o->name, sizeof(o->name));
	query_copy(q, 4, o->arn, sizeof(o->arn));
	o->description = query_dup(q, 5);
	o->kms_key = query_dup(q, 6);
	o->type = query_dup(q, 7);
	o->policy = query_dup(q, 8);
	o->created_at_ms = query_int(q, 9);
	o->changed_at_ms = query_int(q, 10);
	o->accessed_at_ms = query_int(q, 11);
	o->deleted_at_ms = query_int(q, 12);
	o->purge_at_ms = query_int(q, 13);
}

static void
bind_changes(struct query *q, int at, const struct store_secret *o)
{
	query_bind(q, at, o->description);
	query_bind(q, at + 1, o->kms_key);
	query_bind(q, at + 2, o->type);
	query_bind(q, at + 3, o->policy);
	query_bind_int(q, at + 4, o->created_at_ms);
	query_bind_int(q, at + 5, o->changed_at_ms);
	query_bind_int(q, at + 6, o->accessed_at_ms);
	query_bind_int(q, at + 7, o->deleted_at_ms);
	query_bind_int(q, at + 8, o->purge_at_ms);
}

int
store_secret_insert(struct store *s, struct store_secret *o, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = query_open(&q, s, &secret_sql, STMT_INSERT, e);

	if (r < 0)
		return r;
	query_bind_scope(&q, &o->scope);
	query_bind(&q, 3, o->name);
	query_bind(&q, 4, o->arn);
	bind_changes(&q, 5, o);
	r = query_step(&q);
	if (r <= 0)
		return r;
	o->n = query_int(&q, 0);
	return query_run(&q);
}

int
store_secret_update(struct store *s, const struct store_secret *o, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = query_open(&q, s, &secret_sql, STMT_UPDATE, e);

	if (r < 0)
		return r;
	query_bind_int(&q, 1, o->n);
	bind_changes(&q, 2, o);
	return query_run(&q);
}

int
store_secret_get(struct store *s, const struct scope *sc, const char *name, int64_t now,
    struct store_secret *ret, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = query_open(&q, s, &secret_sql, STMT_GET, e);

	if (r < 0)
		return r;
	query_bind_scope(&q, sc);
	query_bind(&q, 3, name);
	query_bind_int(&q, 4, now);
	r = query_step(&q);
	if (r > 0)
		read_secret(&q, ret);
	return r;
}

int
store_secret_delete(struct store *s, const struct store_secret *o, struct err *e)
{
	_cleanup_query_ struct query q = { 0 }, tags = { 0 };
	int r = query_open(&tags, s, &secret_sql, STMT_DELETE_TAGS, e);

	if (r < 0)
		return r;
	query_bind(&tags, 1, o->arn);
	r = query_run(&tags);
	if (r == 0)
		r = query_open(&q, s, &secret_sql, STMT_DELETE, e);
	if (r < 0)
		return r;
	query_bind_int(&q, 1, o->n);
	return query_run(&q);
}

int
store_secret_expire(struct store *s, int64_t now, struct err *e)
{
	static const unsigned stmts[] = { STMT_EXPIRE_TAGS, STMT_EXPIRE };
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(stmts) && r == 0; i++) {
		_cleanup_query_ struct query q = { 0 };

		r = query_open(&q, s, &secret_sql, stmts[i], e);
		if (r < 0)
			return r;
		query_bind_int(&q, 1, now);
		r = query_run(&q);
	}
	return r;
}

int
store_secret_accessed(struct store *s, const struct store_secret *o, const char *version,
    int64_t day_ms, struct err *e)
{
	static const unsigned stmts[] = { STMT_ACCESSED, STMT_VERSION_ACCESSED };
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(stmts) && r == 0; i++) {
		_cleanup_query_ struct query q = { 0 };

		r = query_open(&q, s, &secret_sql, stmts[i], e);
		if (r < 0)
			return r;
		query_bind_int(&q, 1, o->n);
		query_bind_int(&q, 2, day_ms);
		if (stmts[i] == STMT_VERSION_ACCESSED)
			query_bind(&q, 3, version);
		r = query_run(&q);
	}
	return r;
}

int
store_secret_list(struct store *s, const struct scope *sc, const struct secret_listing *l,
    int (*fn)(const struct store_secret *o, void *arg), void *arg, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = query_open(&q, s, &secret_sql, l->descending ? STMT_LIST_DOWN : STMT_LIST_UP, e);

	if (r < 0)
		return r;
	query_bind_scope(&q, sc);
	query_bind_int(&q, 3, l->order);
	query_bind_int(&q, 4, l->now);
	query_bind_int(&q, 5, l->deleted_too);
	query_bind_int(&q, 6, l->after);
	if (l->order == SECRET_BY_NAME)
		query_bind(&q, 7, l->after_name);
	else
		query_bind_int(&q, 7, l->after_ms);
	while ((r = query_step(&q)) > 0) {
		_cleanup_secret_ struct store_secret o = { 0 };

		read_secret(&q, &o);
		if (fn(&o, arg) != 0)
			return 0;
	}
	return r;
}

/* --- versions --- */

static void
read_version(struct query *q, struct store_secret_version *v)
{
	*v = (struct store_secret_version){ .n = query_int(q, 0), .binary = query_int(q, 2) != 0 };
	query_copy(q, 1, v->id, sizeof(v->id));
	v->created_at_ms = query_int(q, 3);
	v->accessed_at_ms = query_int(q, 4);
}

/* Opens a statement on one secret: ?1. */
static int
open_for(
    struct query *q, struct store *s, unsigned stmt, const struct store_secret *o, struct err *e)
{
	int r = query_open(q, s, &secret_sql, stmt, e);

	if (r == 0)
		query_bind_int(q, 1, o->n);
	return r;
}

int
store_secret_version_insert(struct store *s, const struct store_secret *o,
    const struct store_secret_version *v, const void *value, size_t len, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	_cleanup_free_ char *whose = about(o, v->id);
	_cleanup_free_ unsigned char *sealed = NULL;
	size_t sealed_len = 0;
	int r = keyring_seal(s->keyring, whose, value, len, &sealed, &sealed_len, e);

	if (r == 0)
		r = open_for(&q, s, STMT_VERSION_INSERT, o, e);
	if (r < 0)
		return r;
	query_bind(&q, 2, v->id);
	query_bind_int(&q, 3, v->binary);
	query_bind_int(&q, 4, v->created_at_ms);
	query_bind_int(&q, 5, v->accessed_at_ms);
	query_bind_blob(&q, 6, sealed, sealed_len);
	return query_run(&q);
}

int
store_secret_version_get(struct store *s, const struct store_secret *o, const char *id,
    struct store_secret_version *ret, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = open_for(&q, s, STMT_VERSION_GET, o, e);

	if (r < 0)
		return r;
	query_bind(&q, 2, id);
	r = query_step(&q);
	if (r > 0) {
		read_version(&q, ret);
		ret->sealed = query_dup_blob(&q, 5, &ret->sealed_len);
	}
	return r;
}

int
store_secret_version_list(struct store *s, const struct store_secret *o, int64_t after,
    int (*fn)(const struct store_secret_version *v, void *arg), void *arg, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = open_for(&q, s, STMT_VERSION_LIST, o, e);

	if (r < 0)
		return r;
	query_bind_int(&q, 2, after);
	while ((r = query_step(&q)) > 0) {
		struct store_secret_version v;

		read_version(&q, &v);
		if (fn(&v, arg) != 0)
			return 0;
	}
	return r;
}

int
store_secret_version_prune(struct store *s, const struct store_secret *o, int keep, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = open_for(&q, s, STMT_VERSION_PRUNE, o, e);

	if (r < 0)
		return r;
	query_bind_int(&q, 2, keep);
	return query_run(&q);
}

int
store_secret_reveal(struct store *s, const struct store_secret *o,
    const struct store_secret_version *v, char **ret, size_t *ret_len)
{
	_cleanup_free_ char *whose = about(o, v->id);

	return keyring_unseal(s->keyring, whose, v->sealed, v->sealed_len, ret, ret_len);
}

/* --- staging labels --- */

int
store_secret_stage_put(struct store *s, const struct store_secret *o, const char *stage,
    const char *version, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = open_for(&q, s, STMT_STAGE_PUT, o, e);

	if (r < 0)
		return r;
	query_bind(&q, 2, stage);
	query_bind(&q, 3, version);
	return query_run(&q);
}

int
store_secret_stage_delete(
    struct store *s, const struct store_secret *o, const char *stage, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = open_for(&q, s, STMT_STAGE_DELETE, o, e);

	if (r < 0)
		return r;
	query_bind(&q, 2, stage);
	return query_run(&q);
}

int
store_secret_stage_get(struct store *s, const struct store_secret *o, const char *stage,
    char ret[static SECRET_VERSION_ID_MAX], struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = open_for(&q, s, STMT_STAGE_GET, o, e);

	if (r < 0)
		return r;
	query_bind(&q, 2, stage);
	r = query_step(&q);
	if (r > 0)
		query_copy(&q, 0, ret, SECRET_VERSION_ID_MAX);
	return r;
}

int
store_secret_stage_list(struct store *s, const struct store_secret *o, const char *version,
    int (*fn)(const char *stage, const char *version, void *arg), void *arg, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = open_for(&q, s, STMT_STAGE_LIST, o, e);

	if (r < 0)
		return r;
	query_bind(&q, 2, version);
	while ((r = query_step(&q)) > 0)
		if (fn(query_text(&q, 0), query_text(&q, 1), arg) != 0)
			return 0;
	return r;
}
