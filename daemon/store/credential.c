/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of access keys and of what tasks are given of them (see credential.h).
 */
#include "daemon/store/credential.h"
#include "daemon/store/sqlite.h"

enum {
	STMT_PUT,
	STMT_GET,
	STMT_SET_ACTIVE,
	STMT_DELETE,
	STMT_DELETE_TASK,
	STMT_LIST_USER,
	STMT_EXPIRE,
	STMT_TASK_PUT,
	STMT_TASK_LIST,
	STMT_TASK_DELETE,
	STMT_TASK_DUE,
	STMT_MAX,
};
_Static_assert(STMT_MAX <= STORE_STATEMENTS_MAX, "statements");

#define COLUMNS                                                                                    \
	"access_key, secret, token, account, arn, user_id, user, task, active, created_at, "       \
	"expires_at"

/* clang-format off */
static const char *const sql[STMT_MAX] = {
	[STMT_PUT]         = ("INSERT INTO credential (" COLUMNS ")"
			      " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)"),
	[STMT_GET]         = ("SELECT " COLUMNS " FROM credential WHERE access_key = ?1"),
	[STMT_SET_ACTIVE]  = "UPDATE credential SET active = ?2 WHERE access_key = ?1",
	[STMT_DELETE]      = "DELETE FROM credential WHERE access_key = ?1",
	[STMT_DELETE_TASK] = "DELETE FROM credential WHERE task = ?1",
	[STMT_LIST_USER]   = ("SELECT " COLUMNS " FROM credential WHERE account = ?1 AND user = ?2"
			      " ORDER BY created_at, access_key"),
	[STMT_EXPIRE]      = "DELETE FROM credential WHERE expires_at > 0 AND expires_at < ?1",
	[STMT_TASK_PUT]    = ("INSERT INTO task_credential (task, role_type, id, role_arn, access_key)"
			      " VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (task, role_type) DO UPDATE"
			      " SET access_key = excluded.access_key"),
	[STMT_TASK_LIST]   = ("SELECT task, role_type, id, role_arn, access_key FROM task_credential"
			      " WHERE task = ?1 ORDER BY role_type"),
	[STMT_TASK_DELETE] = "DELETE FROM task_credential WHERE task = ?1",
	[STMT_TASK_DUE]    = ("SELECT DISTINCT t.task FROM task_credential t"
			      " LEFT JOIN credential c ON c.access_key = t.access_key"
			      " WHERE c.expires_at IS NULL OR c.expires_at < ?1"),
};
/* clang-format on */
static const struct store_sql credential_sql = { STORE_CREDENTIAL, sql };

/* NULL instead of "", so that the partial indexes stay small. */
static const char *
or_null(const char *s)
{
	return s[0] != '\0' ? s : NULL;
}

int
store_credential_put(struct store *s, const struct store_credential *c, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = query_open(&q, s, &credential_sql, STMT_PUT, e);

	if (r < 0)
		return r;
	query_bind(&q, 1, c->access_key);
	query_bind(&q, 2, c->secret);
	query_bind(&q, 3, c->token);
	query_bind(&q, 4, c->account);
	query_bind(&q, 5, c->arn);
	query_bind(&q, 6, c->user_id);
	query_bind(&q, 7, or_null(c->user));
	query_bind(&q, 8, or_null(c->task));
	query_bind_int(&q, 9, c->active);
	query_bind_int(&q, 10, c->created_at_ms);
	query_bind_int(&q, 11, c->expires_at_ms);
	return query_run(&q);
}

static void
read_row(struct query *q, struct store_credential *c)
{
	query_copy(q, 0, c->access_key, sizeof(c->access_key));
	query_copy(q, 1, c->secret, sizeof(c->secret));
	query_copy(q, 2, c->token, sizeof(c->token));
	query_copy(q, 3, c->account, sizeof(c->account));
	query_copy(q, 4, c->arn, sizeof(c->arn));
	query_copy(q, 5, c->user_id, sizeof(c->user_id));
	query_copy(q, 6, c->user, sizeof(c->user));
	query_copy(q, 7, c->task, sizeof(c->task));
	c->active = query_int(q, 8) != 0;
	c->created_at_ms = query_int(q, 9);
	c->expires_at_ms = query_int(q, 10);
}

int
store_credential_get(
    struct store *s, const char *access_key, struct store_credential *ret, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = query_open(&q, s, &credential_sql, STMT_GET, e);

	if (r < 0)
		return r;
	query_bind(&q, 1, access_key);
	r = query_step(&q);
	if (r > 0)
		read_row(&q, ret);
	return r;
}

int
store_credential_set_active(struct store *s, const char *access_key, bool active, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = query_open(&q, s, &credential_sql, STMT_SET_ACTIVE, e);

	if (r < 0)
		return r;
	query_bind(&q, 1, access_key);
	query_bind_int(&q, 2, active);
	return query_run(&q);
}

/* Statements with one parameter and no rows. */
static int
run_with(struct store *s, unsigned stmt, const char *text, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = query_open(&q, s, &credential_sql, stmt, e);

	if (r < 0)
		return r;
	query_bind(&q, 1, text);
	return query_run(&q);
}

int
store_credential_delete(struct store *s, const char *access_key, struct err *e)
{
	return run_with(s, STMT_DELETE, access_key, e);
}

int
store_credential_delete_task(struct store *s, const char *task, struct err *e)
{
	return run_with(s, STMT_DELETE_TASK, task, e);
}

int
store_credential_list_user(struct store *s, const char *account, const char *user,
    int (*fn)(const struct store_credential *c, void *arg), void *arg, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = query_open(&q, s, &credential_sql, STMT_LIST_USER, e);

	if (r < 0)
		return r;
	query_bind(&q, 1, account);
	query_bind(&q, 2, user);
	while ((r = query_step(&q)) > 0) {
		struct store_credential c;

		read_row(&q, &c);
		if (fn(&c, arg) != 0)
			return 0;
	}
	return r;
}

int
store_credential_expire(struct store *s, int64_t before_ms, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = query_open(&q, s, &credential_sql, STMT_EXPIRE, e);

	if (r < 0)
		return r;
	query_bind_int(&q, 1, before_ms);
	return query_run(&q);
}

int
store_task_credential_put(struct store *s, const struct store_task_credential *c, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = query_open(&q, s, &credential_sql, STMT_TASK_PUT, e);

	if (r < 0)
		return r;
	query_bind(&q, 1, c->task);
	query_bind(&q, 2, c->role_type);
	query_bind(&q, 3, c->id);
	query_bind(&q, 4, c->role_arn);
	query_bind(&q, 5, c->access_key);
	return query_run(&q);
}

int
store_task_credential_list(struct store *s, const char *task,
    int (*fn)(const struct store_task_credential *c, void *arg), void *arg, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = query_open(&q, s, &credential_sql, STMT_TASK_LIST, e);

	if (r < 0)
		return r;
	query_bind(&q, 1, task);
	while ((r = query_step(&q)) > 0) {
		struct store_task_credential c;

		query_copy(&q, 0, c.task, sizeof(c.task));
		query_copy(&q, 1, c.role_type, sizeof(c.role_type));
		query_copy(&q, 2, c.id, sizeof(c.id));
		query_copy(&q, 3, c.role_arn, sizeof(c.role_arn));
		query_copy(&q, 4, c.access_key, sizeof(c.access_key));
		if (fn(&c, arg) != 0)
			return 0;
	}
	return r;
}

int
store_task_credential_delete(struct store *s, const char *task, struct err *e)
{
	return run_with(s, STMT_TASK_DELETE, task, e);
}

int
store_task_credential_due(struct store *s, int64_t before_ms,
    int (*fn)(const char *task, void *arg), void *arg, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = query_open(&q, s, &credential_sql, STMT_TASK_DUE, e);

	if (r < 0)
		return r;
	query_bind_int(&q, 1, before_ms);
	while ((r = query_step(&q)) > 0)
		if (fn(query_text(&q, 0), arg) != 0)
			return 0;
	return r;
}
