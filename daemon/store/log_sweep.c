/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was deleted and what has outlived its retention, taken away in slices (see log.h). Called by
 * the keeper on its timer; it must not know when that is.
 */
#include "daemon/store/log.h"
#include "daemon/store/sqlite.h"

/* Pages that are free stay in the file to be written again, up to this many (16 MiB); of what is
 * over that, a slice gives so many back. */
#define FREE_PAGES_KEPT 4096

enum {
	STMT_GONE_STREAM,
	STMT_STREAM_CHUNKS,
	STMT_STREAM,
	STMT_GONE_GROUP,
	STMT_GROUP_CHUNKS,
	STMT_GROUP_STREAMS,
	STMT_GROUP,
	STMT_EXPIRING,
	STMT_EXPIRED_CHUNKS,
	STMT_BYTES,
	STMT_FREE_PAGES,
	STMT_VACUUM,
	STMT_MAX,
};
_Static_assert(STMT_MAX <= STORE_STATEMENTS_MAX, "statements");

/* clang-format off */
#define CHUNKS(where, limit) "DELETE FROM log_chunk WHERE n IN (SELECT n FROM log_chunk WHERE " where " LIMIT " limit ")" \
	" RETURNING bytes"
static const char *const sql[STMT_MAX] = {
	[STMT_GONE_STREAM]    = "SELECT n, log_group FROM log_stream WHERE gone = 1 LIMIT 1",
	[STMT_STREAM_CHUNKS]  = CHUNKS("stream = ?1", "?2"),
	[STMT_STREAM]         = "DELETE FROM log_stream WHERE n = ?1",
	[STMT_GONE_GROUP]     = "SELECT n FROM log_group WHERE gone = 1 LIMIT 1",
	[STMT_GROUP_CHUNKS]   = CHUNKS("log_group = ?1", "?2"),
	[STMT_GROUP_STREAMS]  = "DELETE FROM log_stream WHERE n IN"
				" (SELECT n FROM log_stream WHERE log_group = ?1 LIMIT ?2) RETURNING 0",
	[STMT_GROUP]          = "DELETE FROM log_group WHERE n = ?1",
	[STMT_EXPIRING]       = "SELECT n, retention_days FROM log_group WHERE gone = 0 AND retention_days > 0",
	[STMT_EXPIRED_CHUNKS] = CHUNKS("log_group = ?1 AND first_at < ?3 AND last_at < ?3", "?2"),
	[STMT_BYTES]          = "UPDATE log_group SET stored_bytes = max(0, stored_bytes - ?2) WHERE n = ?1",
	[STMT_FREE_PAGES]     = "PRAGMA freelist_count",
	[STMT_VACUUM]         = "PRAGMA incremental_vacuum(256)",
};
/* clang-format on */
static const struct store_sql sweep_sql = { STORE_LOG_SWEEP, sql };

/* 1 and the columns of the first row, 0 where there is none. */
static int
first(struct store *l, unsigned stmt, int64_t *ret_a, int64_t *ret_b, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = query_open(&q, l, &sweep_sql, stmt, e);

	if (r == 0)
		r = query_step(&q);
	if (r > 0) {
		*ret_a = query_int(&q, 0);
		if (ret_b != NULL)
			*ret_b = query_int(&q, 1);
	}
	return r;
}

static int
delete_row(struct store *l, unsigned stmt, int64_t n, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = query_open(&q, l, &sweep_sql, stmt, e);

	if (r < 0)
		return r;
	query_bind_int(&q, 1, n);
	return query_run(&q);
}

/* Deletes at most `limit` rows; returns how many. `ret_bytes` (may be NULL) gets the sum of what
 * they return. */
static int
delete_some(struct store *l, unsigned stmt, int64_t n, int limit, int64_t before_ms,
    int64_t *ret_bytes, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int64_t bytes = 0;
	int count = 0, r;

	r = query_open(&q, l, &sweep_sql, stmt, e);
	if (r < 0)
		return r;
	query_bind_int(&q, 1, n);
	query_bind_int(&q, 2, limit);
	if (before_ms != 0)
		query_bind_int(&q, 3, before_ms);
	while ((r = query_step(&q)) > 0) {
		bytes += query_int(&q, 0);
		count++;
	}
	if (r == 0 && ret_bytes != NULL)
		*ret_bytes = bytes;
	return r < 0 ? r : count;
}

static int
subtract(struct store *l, int64_t group, int64_t bytes, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = query_open(&q, l, &sweep_sql, STMT_BYTES, e);

	if (r < 0)
		return r;
	query_bind_int(&q, 1, group);
	query_bind_int(&q, 2, bytes);
	return query_run(&q);
}

static int
sweep_stream(struct store *l, int chunks, struct err *e)
{
	int64_t n, group, bytes = 0;
	int r = first(l, STMT_GONE_STREAM, &n, &group, e);

	if (r <= 0)
		return r;
	r = delete_some(l, STMT_STREAM_CHUNKS, n, chunks, 0, &bytes, e);
	if (r == 0)
		r = delete_row(l, STMT_STREAM, n, e);
	else if (r > 0)
		r = subtract(l, group, bytes, e);
	return r < 0 ? r : 1;
}

static int
sweep_group(struct store *l, int chunks, struct err *e)
{
	int64_t n;
	int r = first(l, STMT_GONE_GROUP, &n, NULL, e);

	if (r <= 0)
		return r;
	r = delete_some(l, STMT_GROUP_CHUNKS, n, chunks, 0, NULL, e);
	if (r == 0)
		r = delete_some(l, STMT_GROUP_STREAMS, n, 16 * chunks, 0, NULL, e);
	if (r == 0)
		r = delete_row(l, STMT_GROUP, n, e);
	return r < 0 ? r : 1;
}

static int
sweep_expired(struct store *l, int64_t now_ms, int chunks, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = query_open(&q, l, &sweep_sql, STMT_EXPIRING, e);

	while (r >= 0 && (r = query_step(&q)) > 0) {
		int64_t group = query_int(&q, 0), bytes = 0;
		int64_t before_ms = now_ms - query_int(&q, 1) * LOG_DAY_MS;

		r = delete_some(l, STMT_EXPIRED_CHUNKS, group, chunks, before_ms, &bytes, e);
		if (r > 0)
			r = subtract(l, group, bytes, e) < 0 ? -1 : 1;
		if (r != 0)
			return r;
	}
	return r;
}

static int
give_back(struct store *l, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int64_t n = 0;
	int r = first(l, STMT_FREE_PAGES, &n, NULL, e);

	if (r <= 0 || n <= FREE_PAGES_KEPT)
		return r < 0 ? r : 0;
	r = query_open(&q, l, &sweep_sql, STMT_VACUUM, e);
	if (r == 0)
		r = query_run(&q);
	return r < 0 ? r : 1;
}

int
store_log_sweep(struct store *l, int64_t now_ms, int chunks, struct err *e)
{
	int r = store_begin(l, e);

	if (r < 0)
		return r;
	r = sweep_stream(l, chunks, e);
	if (r == 0)
		r = sweep_group(l, chunks, e);
	if (r == 0)
		r = sweep_expired(l, now_ms, chunks, e);
	if (r == 0)
		r = give_back(l, e);
	if (r < 0) {
		store_rollback(l);
		return r;
	}
	return store_commit(l, e) < 0 ? -1 : r;
}
