/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of log groups and their streams (see log.h). Called by services/logs*.c; it must not know
 * how events are kept.
 */
#include "daemon/store/log.h"
#include "daemon/store/sqlite.h"

#include <string.h>

enum { GROUP_GET, GROUP_INSERT, GROUP_UPDATE, GROUP_DELETE, GROUP_LIST, GROUP_MAX };
enum {
	STREAM_GET,
	STREAM_GET_BY_KEY,
	STREAM_INSERT,
	STREAM_DELETE,
	STREAM_CURSOR,
	STREAM_BY_NAME,
	STREAM_BY_NAME_DOWN,
	STREAM_BY_TIME,
	STREAM_BY_TIME_DOWN,
	STREAM_MAX,
};
_Static_assert(GROUP_MAX <= STORE_STATEMENTS_MAX, "statements");
_Static_assert(STREAM_MAX <= STORE_STATEMENTS_MAX, "statements");

/* clang-format off */
#define GROUP_COLUMNS  "n, name, class, kms_key, created_at, retention_days, stored_bytes, protected"
#define STREAM_COLUMNS "n, log_group, name, created_at, first_at, last_at, ingested_at, tail"
#define STREAMS        "SELECT " STREAM_COLUMNS " FROM log_stream WHERE gone = 0 AND log_group = ?1"
/* A name with the prefix ?2. substr, because LIKE would take % and _ for more than they are; the last character that
 * there is ends the range of the index. */
#define WITH_PREFIX    " AND name >= ?2 AND name <= ?2 || " LAST " AND substr(name, 1, length(?2)) = ?2"
#define LAST           "char(1114111, 1114111)"

static const char *const group_sql_text[GROUP_MAX] = {
	[GROUP_GET]    = "SELECT " GROUP_COLUMNS " FROM log_group"
			 " WHERE gone = 0 AND account = ?1 AND region = ?2 AND name = ?3",
	[GROUP_INSERT] = "INSERT INTO log_group (account, region, name, class, kms_key, created_at, retention_days,"
			 " stored_bytes, protected, gone) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 0, ?8, 0) RETURNING n",
	[GROUP_UPDATE] = "UPDATE log_group SET class = ?2, kms_key = ?3, retention_days = ?4, protected = ?5 WHERE n = ?1",
	[GROUP_DELETE] = "UPDATE log_group SET gone = 1 WHERE n = ?1",
	[GROUP_LIST]   = "SELECT " GROUP_COLUMNS " FROM log_group WHERE gone = 0 AND account = ?1 AND region = ?2"
			 " AND name > ?3 AND name >= ?4 AND name <= ?4 || " LAST " AND substr(name, 1, length(?4)) = ?4"
			 " AND (?5 IS NULL OR instr(name, ?5) > 0) ORDER BY name LIMIT ?6",
};
static const char *const stream_sql_text[STREAM_MAX] = {
	[STREAM_GET]          = STREAMS " AND name = ?2",
	[STREAM_GET_BY_KEY]   = "SELECT " STREAM_COLUMNS " FROM log_stream WHERE n = ?1 AND gone = 0",
	[STREAM_INSERT]       = "INSERT INTO log_stream (log_group, name, created_at, first_at, last_at, ingested_at,"
				" tail, gone) VALUES (?1, ?2, ?3, -1, -1, -1, 0, 0)",
	[STREAM_DELETE]       = "UPDATE log_stream SET gone = 1 WHERE n = ?1",
	[STREAM_CURSOR]       = "SELECT s.cursor FROM log_group AS g JOIN log_stream AS s ON s.log_group = g.n"
				" WHERE g.gone = 0 AND g.account = ?1 AND g.region = ?2 AND g.name = ?3"
				" AND s.gone = 0 AND s.name = ?4 AND s.cursor IS NOT NULL",
	[STREAM_BY_NAME]      = STREAMS WITH_PREFIX " AND name > ?3 ORDER BY name LIMIT ?5",
	[STREAM_BY_NAME_DOWN] = STREAMS WITH_PREFIX " AND name < coalesce(?3, " LAST ") ORDER BY name DESC LIMIT ?5",
	[STREAM_BY_TIME]      = STREAMS " AND (last_at, name) > (?4, ?3) ORDER BY last_at, name LIMIT ?5",
	[STREAM_BY_TIME_DOWN] = STREAMS " AND (last_at, name) < (?4, ?3) ORDER BY last_at DESC, name DESC LIMIT ?5",
};
/* clang-format on */
static const struct store_sql group_sql = { STORE_LOG_GROUP, group_sql_text };
static const struct store_sql stream_sql = { STORE_LOG_STREAM, stream_sql_text };

/* --- groups --- */

static void
read_group(struct query *q, struct store_log_group *g)
{
	memset(g, 0, sizeof(*g));
	g->n = query_int(q, 0);
	query_copy(q, 1, g->name, sizeof(g->name));
	query_copy(q, 2, g->class, sizeof(g->class));
	query_copy(q, 3, g->kms_key, sizeof(g->kms_key));
	g->created_at_ms = query_int(q, 4);
	g->retention_days = query_int(q, 5);
	g->stored_bytes = query_int(q, 6);
	g->protected = query_int(q, 7) != 0;
}

int
store_log_group_get(struct store *l, const struct scope *sc, const char *name,
    struct store_log_group *ret, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = query_open(&q, l, &group_sql, GROUP_GET, e);

	if (r < 0)
		return r;
	query_bind_scope(&q, sc);
	query_bind(&q, 3, name);
	r = query_step(&q);
	if (r > 0)
		read_group(&q, ret);
	return r;
}

int
store_log_group_insert(struct store *l, const struct scope *sc, const struct store_log_group *g,
    int64_t *ret_n, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = query_open(&q, l, &group_sql, GROUP_INSERT, e);

	if (r < 0)
		return r;
	query_bind_scope(&q, sc);
	query_bind(&q, 3, g->name);
	query_bind(&q, 4, g->class);
	query_bind(&q, 5, g->kms_key);
	query_bind_int(&q, 6, g->created_at_ms);
	query_bind_int(&q, 7, g->retention_days);
	query_bind_int(&q, 8, g->protected);
	r = query_step(&q);
	if (r > 0)
		*ret_n = query_int(&q, 0);
	return r < 0 ? r : query_run(&q);
}

int
store_log_group_update(struct store *l, const struct store_log_group *g, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = query_open(&q, l, &group_sql, GROUP_UPDATE, e);

	if (r < 0)
		return r;
	query_bind_int(&q, 1, g->n);
	query_bind(&q, 2, g->class);
	query_bind(&q, 3, g->kms_key);
	query_bind_int(&q, 4, g->retention_days);
	query_bind_int(&q, 5, g->protected);
	return query_run(&q);
}

static int
run_on(struct store *l, const struct store_sql *set, unsigned stmt, int64_t n, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = query_open(&q, l, set, stmt, e);

	if (r < 0)
		return r;
	query_bind_int(&q, 1, n);
	return query_run(&q);
}

int
store_log_group_delete(struct store *l, int64_t n, struct err *e)
{
	return run_on(l, &group_sql, GROUP_DELETE, n, e);
}

int
store_log_group_list(struct store *l, const struct scope *sc, const char *after, const char *prefix,
    const char *part, int limit, int (*fn)(const struct store_log_group *g, void *arg), void *arg,
    struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	struct store_log_group g;
	int r = query_open(&q, l, &group_sql, GROUP_LIST, e);

	if (r < 0)
		return r;
	query_bind_scope(&q, sc);
	query_bind(&q, 3, after != NULL ? after : "");
	query_bind(&q, 4, prefix != NULL ? prefix : "");
	query_bind(&q, 5, part);
	query_bind_int(&q, 6, limit);
	while ((r = query_step(&q)) > 0) {
		read_group(&q, &g);
		if (fn(&g, arg) != 0)
			return 0;
	}
	return r;
}

/* --- streams --- */

static void
read_stream(struct query *q, struct store_log_stream *st)
{
	memset(st, 0, sizeof(*st));
	st->n = query_int(q, 0);
	st->group = query_int(q, 1);
	query_copy(q, 2, st->name, sizeof(st->name));
	st->created_at_ms = query_int(q, 3);
	st->first_at_ms = query_int(q, 4);
	st->last_at_ms = query_int(q, 5);
	st->ingested_at_ms = query_int(q, 6);
	st->tail = query_int(q, 7);
}

int
store_log_stream_get(
    struct store *l, int64_t group, const char *name, struct store_log_stream *ret, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = query_open(&q, l, &stream_sql, STREAM_GET, e);

	if (r < 0)
		return r;
	query_bind_int(&q, 1, group);
	query_bind(&q, 2, name);
	r = query_step(&q);
	if (r > 0)
		read_stream(&q, ret);
	return r;
}

int
store_log_stream_get_by_key(struct store *l, int64_t n, struct store_log_stream *ret, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = query_open(&q, l, &stream_sql, STREAM_GET_BY_KEY, e);

	if (r < 0)
		return r;
	query_bind_int(&q, 1, n);
	r = query_step(&q);
	if (r > 0)
		read_stream(&q, ret);
	return r;
}

int
store_log_stream_insert(struct store *l, const struct store_log_stream *st, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = query_open(&q, l, &stream_sql, STREAM_INSERT, e);

	if (r < 0)
		return r;
	query_bind_int(&q, 1, st->group);
	query_bind(&q, 2, st->name);
	query_bind_int(&q, 3, st->created_at_ms);
	return query_run(&q);
}

int
store_log_stream_delete(struct store *l, int64_t n, struct err *e)
{
	return run_on(l, &stream_sql, STREAM_DELETE, n, e);
}

int
store_log_stream_list(struct store *l, const struct store_log_stream_list *w,
    int (*fn)(const struct store_log_stream *st, void *arg), void *arg, struct err *e)
{
	unsigned stmt = w->by_time ? (w->descending ? STREAM_BY_TIME_DOWN : STREAM_BY_TIME)
				   : (w->descending ? STREAM_BY_NAME_DOWN : STREAM_BY_NAME);
	_cleanup_query_ struct query q = { 0 };
	struct store_log_stream st;
	int r = query_open(&q, l, &stream_sql, stmt, e);

	if (r < 0)
		return r;
	query_bind_int(&q, 1, w->group);
	query_bind(&q, 3, w->after != NULL || w->descending ? w->after : "");
	if (w->by_time) {
		query_bind(&q, 3, w->after != NULL ? w->after : "");
		query_bind_int(&q, 4,
		    w->after != NULL ? w->after_at_ms
		    : w->descending  ? INT64_MAX
				     : INT64_MIN);
	} else {
		query_bind(&q, 2, w->prefix != NULL ? w->prefix : "");
	}
	query_bind_int(&q, 5, w->limit);
	while ((r = query_step(&q)) > 0) {
		read_stream(&q, &st);
		if (fn(&st, arg) != 0)
			return 0;
	}
	return r;
}

int
store_log_cursor(struct store *l, const struct scope *sc, const char *group, const char *stream,
    char ret[static LOG_CURSOR_MAX], struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = query_open(&q, l, &stream_sql, STREAM_CURSOR, e);

	if (r < 0)
		return r;
	query_bind_scope(&q, sc);
	query_bind(&q, 3, group);
	query_bind(&q, 4, stream);
	r = query_step(&q);
	if (r > 0)
		query_copy(&q, 0, ret, LOG_CURSOR_MAX);
	return r;
}
