/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads the tasks of a service (see service_task.h). The index behind it holds no task that is over
 * and accounted for, so that it stays small however often a service replaces its tasks. It must not
 * know what a mark means.
 */
#include "daemon/store/service_task.h"
#include "daemon/store/sqlite.h"

#include <string.h>

enum { STMT_LIST, STMT_MARK, STMT_OWNER, STMT_ON_INSTANCE, STMT_MAX };
_Static_assert(STMT_MAX <= STORE_STATEMENTS_MAX, "statements");
_Static_assert(TASK_STOPPED == 7 && TASK_MARK_ENDED == 2, "the statements name these numbers");

/* clang-format off */
static const char *const sql[STMT_MAX] = {
	[STMT_LIST]        = "SELECT t.id, t.started_by, t.instance, t.zone, t.provider, CASE WHEN t.last_status = 7"
			     " AND json_valid(t.doc) THEN json_extract(t.doc, '$.stopCode') END, t.last_status,"
			     " t.desired_stopped, t.health, t.checks, t.mark, t.created_at, t.started_at, t.stopped_at,"
			     " p.expires_at, i.status = 'DRAINING' FROM task t INDEXED BY task_service_open"
			     " LEFT JOIN task_protection p ON p.task = t.id"
			     " LEFT JOIN container_instance i ON t.instance IS NOT NULL AND i.account = t.account"
			     " AND i.region = t.region AND i.id = t.instance"
			     " WHERE t.account = ?1 AND t.region = ?2 AND t.cluster = ?3 AND t.service = ?4"
			     " AND t.mark < 2 AND t.service IS NOT NULL ORDER BY t.n",
	[STMT_MARK]        = "UPDATE task SET mark = ?2 WHERE id = ?1",
	[STMT_OWNER]       = "SELECT account, region, cluster, service FROM task WHERE id = ?1 AND service IS NOT NULL",
	[STMT_ON_INSTANCE] = ("SELECT DISTINCT service FROM task INDEXED BY task_live WHERE account = ?1 AND region = ?2"
			      " AND cluster = ?3 AND last_status < 7 AND instance = ?4 AND service IS NOT NULL"),
};
/* clang-format on */
static const struct store_sql service_task_sql = { STORE_SERVICE_TASK, sql };

static void
read_row(struct query *q, struct store_service_task *t)
{
	memset(t, 0, sizeof(*t));
	query_copy(q, 0, t->id, sizeof(t->id));
	t->started_by = query_text(q, 1);
	t->instance = query_text(q, 2);
	t->zone = query_text(q, 3);
	t->provider = query_text(q, 4);
	t->stop_code = query_text(q, 5);
	t->last_status = (enum task_state)query_int(q, 6);
	t->desired_stopped = query_int(q, 7) != 0;
	t->health = (enum health_state)query_int(q, 8);
	t->checked = query_int(q, 9) > 0;
	t->mark = (enum task_mark)query_int(q, 10);
	t->created_at_ms = query_int(q, 11);
	t->started_at_ms = query_int(q, 12);
	t->stopped_at_ms = query_int(q, 13);
	t->protected_until_ms = query_int(q, 14);
	t->draining = query_int(q, 15) != 0;
}

int
store_service_task_list(struct store *s, const struct scope *sc, const char *cluster,
    const char *service, int (*fn)(const struct store_service_task *t, void *arg), void *arg,
    struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	struct store_service_task t;
	int r = query_open(&q, s, &service_task_sql, STMT_LIST, e);

	if (r < 0)
		return r;
	query_bind_scope(&q, sc);
	query_bind(&q, 3, cluster);
	query_bind(&q, 4, service);
	while ((r = query_step(&q)) > 0) {
		read_row(&q, &t);
		if (fn(&t, arg) != 0)
			return 0;
	}
	return r;
}

int
store_service_task_mark(struct store *s, const char *id, enum task_mark mark, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = query_open(&q, s, &service_task_sql, STMT_MARK, e);

	if (r < 0)
		return r;
	query_bind(&q, 1, id);
	query_bind_int(&q, 2, mark);
	return query_run(&q);
}

int
store_service_task_owner(struct store *s, const char *id, struct scope *ret_scope,
    char ret_cluster[static 256], char ret_service[static 256], struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = query_open(&q, s, &service_task_sql, STMT_OWNER, e);

	if (r < 0)
		return r;
	query_bind(&q, 1, id);
	r = query_step(&q);
	if (r <= 0)
		return r;
	query_copy(&q, 0, ret_scope->account, sizeof(ret_scope->account));
	query_copy(&q, 1, ret_scope->region, sizeof(ret_scope->region));
	query_copy(&q, 2, ret_cluster, 256);
	query_copy(&q, 3, ret_service, 256);
	return 1;
}

int
store_service_task_on_instance(struct store *s, const struct scope *sc, const char *cluster,
    const char *instance, int (*fn)(const char *service, void *arg), void *arg, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = query_open(&q, s, &service_task_sql, STMT_ON_INSTANCE, e);

	if (r < 0)
		return r;
	query_bind_scope(&q, sc);
	query_bind(&q, 3, cluster);
	query_bind(&q, 4, instance);
	while ((r = query_step(&q)) > 0)
		if (fn(query_text(&q, 0), arg) != 0)
			return 0;
	return r;
}
