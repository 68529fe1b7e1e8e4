/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of task protection. Called by the operation files and by whoever chooses tasks to stop; it
 * must not know which tasks may be protected.
 */
#include "daemon/store/task_protection.h"
#include "daemon/store/sqlite.h"

enum { STMT_PUT, STMT_DELETE, STMT_GET, STMT_MAX };
_Static_assert(STMT_MAX <= STORE_STATEMENTS_MAX, "statements");

/* clang-format off */
static const char *const sql[STMT_MAX] = {
	[STMT_PUT]    = "INSERT OR REPLACE INTO task_protection (task, expires_at) VALUES (?1, ?2)",
	[STMT_DELETE] = "DELETE FROM task_protection WHERE task = ?1",
	[STMT_GET]    = "SELECT expires_at FROM task_protection WHERE task = ?1 AND expires_at > ?2",
};
/* clang-format on */
static const struct store_sql task_protection_sql = { STORE_TASK_PROTECTION, sql };

int
store_task_protection_put(
    struct store *s, const char *task_id, int64_t expires_at_ms, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = query_open(&q, s, &task_protection_sql, STMT_PUT, e);

	if (r < 0)
		return r;
	query_bind(&q, 1, task_id);
	query_bind_int(&q, 2, expires_at_ms);
	return query_run(&q);
}

int
store_task_protection_delete(struct store *s, const char *task_id, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = query_open(&q, s, &task_protection_sql, STMT_DELETE, e);

	if (r < 0)
		return r;
	query_bind(&q, 1, task_id);
	return query_run(&q);
}

int
store_task_protection_get(
    struct store *s, const char *task_id, int64_t now_ms, int64_t *ret_expires_at_ms, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = query_open(&q, s, &task_protection_sql, STMT_GET, e);

	if (r < 0)
		return r;
	query_bind(&q, 1, task_id);
	query_bind_int(&q, 2, now_ms);
	r = query_step(&q);
	if (r > 0)
		*ret_expires_at_ms = query_int(&q, 0);
	return r;
}
