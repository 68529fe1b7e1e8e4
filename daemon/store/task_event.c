/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of task events (see task_event.h). What is searched is in a narrow table of its own, so that
 * a filter walks the whole ring in a millisecond.
 */
#include "daemon/store/task_event.h"
#include "daemon/store/sqlite.h"

#include <string.h>

enum { STMT_ADD, STMT_ADD_DOC, STMT_LIST, STMT_NEWEST, STMT_COUNT, STMT_TRIM, STMT_MAX };
_Static_assert(STMT_MAX <= STORE_STATEMENTS_MAX, "statements");

/* clang-format off */
static const char *const sql[STMT_MAX] = {
	[STMT_ADD]     = "INSERT INTO task_event (n, at, account, region, cluster, task)"
			 " SELECT max(?1 * 1000, coalesce((SELECT max(n) FROM task_event), 0) + 1), ?1, ?2, ?3, ?4, ?5"
			 " WHERE NOT EXISTS (SELECT 1 FROM task WHERE id = ?5 AND doc = ?6)",
	[STMT_ADD_DOC] = "INSERT INTO task_event_doc (n, doc) VALUES (last_insert_rowid(), ?1)",
	[STMT_LIST]    = "SELECT n, at, account, region, cluster, task, doc"
			 " FROM task_event CROSS JOIN task_event_doc USING (n) WHERE n > ?1"
			 " AND (?2 IS NULL OR account = ?2) AND (?3 IS NULL OR region = ?3)"
			 " AND (?4 IS NULL OR cluster = ?4) AND (?5 IS NULL OR task = ?5) ORDER BY n LIMIT ?6",
	[STMT_NEWEST]  = "SELECT max(n) FROM task_event",
	[STMT_COUNT]   = "SELECT count(*) FROM task_event",
	[STMT_TRIM]    = "DELETE FROM task_event WHERE n IN (SELECT n FROM task_event ORDER BY n LIMIT ?1)",
};
/* clang-format on */
static const struct store_sql task_event_sql = { STORE_TASK_EVENT, sql };

static int trim(struct store *s, struct err *e);

static int
read_number(struct store *s, unsigned stmt, int64_t *ret, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = query_open(&q, s, &task_event_sql, stmt, e);

	if (r < 0)
		return r;
	r = query_step(&q);
	if (r < 0)
		return r;
	*ret = query_int(&q, 0);
	return 0;
}

int
store_task_event_newest(struct store *s, int64_t *ret, struct err *e)
{
	return read_number(s, STMT_NEWEST, ret, e);
}

/* 1 if there is a new event. */
static int
add_row(struct store *s, const struct store_task *t, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = query_open(&q, s, &task_event_sql, STMT_ADD, e);

	if (r < 0)
		return r;
	query_bind_int(&q, 1, now_ms());
	query_bind(&q, 2, t->scope.account);
	query_bind(&q, 3, t->scope.region);
	query_bind(&q, 4, t->cluster);
	query_bind(&q, 5, t->id);
	query_bind(&q, 6, t->doc);
	r = query_run(&q);
	return r < 0 ? r : sqlite3_changes(s->db);
}

static int
add_doc(struct store *s, const char *doc, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = query_open(&q, s, &task_event_sql, STMT_ADD_DOC, e);

	if (r < 0)
		return r;
	query_bind(&q, 1, doc);
	return query_run(&q);
}

int
store_task_event_add(struct store *s, const struct store_task *t, struct err *e)
{
	int r = add_row(s, t, e);

	if (r == 1)
		r = add_doc(s, t->doc, e);
	else
		return r;
	if (r < 0)
		return r;
	s->task_events_added = true;
	return trim(s, e);
}

/* Rows are counted here rather than by SQLite, which would walk over all of them. */
static int
trim(struct store *s, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int64_t n = s->n_task_events + 1;
	int r = 0;

	if (s->n_task_events < 0)
		r = read_number(s, STMT_COUNT, &n, e);
	if (r == 0 && n > STORE_TASK_EVENTS_MAX) {
		r = query_open(&q, s, &task_event_sql, STMT_TRIM, e);
		if (r < 0)
			return r;
		query_bind_int(&q, 1, n - STORE_TASK_EVENTS_MAX);
		r = query_run(&q);
		n = STORE_TASK_EVENTS_MAX;
	}
	if (r == 0)
		s->n_task_events = n;
	return r;
}

int
store_task_event_list(struct store *s, const struct store_task_event_filter *f, int64_t after,
    int limit, int (*fn)(const struct store_task_event *ev, void *arg), void *arg, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = query_open(&q, s, &task_event_sql, STMT_LIST, e);

	if (r < 0)
		return r;
	query_bind_int(&q, 1, after);
	query_bind(&q, 2, f->account);
	query_bind(&q, 3, f->region);
	query_bind(&q, 4, f->cluster);
	query_bind(&q, 5, f->task);
	query_bind_int(&q, 6, limit);
	while ((r = query_step(&q)) > 0) {
		struct store_task_event ev = { .n = query_int(&q, 0), .at_ms = query_int(&q, 1) };

		query_copy(&q, 2, ev.scope.account, sizeof(ev.scope.account));
		query_copy(&q, 3, ev.scope.region, sizeof(ev.scope.region));
		query_copy(&q, 4, ev.cluster, sizeof(ev.cluster));
		query_copy(&q, 5, ev.task, sizeof(ev.task));
		ev.doc = query_text(&q, 6);
		if (fn(&ev, arg) != 0)
			return 0;
	}
	return r;
}

void
store_on_task_events(struct store *s, void (*fn)(void *cookie), void *cookie)
{
	s->on_task_events = fn;
	s->on_task_events_cookie = cookie;
}
