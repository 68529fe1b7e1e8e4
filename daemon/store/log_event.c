/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events in chunks (see log.h): writing them, and finding those of a page. Called by
 * services/logs*.c; it must not know names or patterns.
 *
 * A chunk's data is a row of records: time, time of ingestion, length, text; numbers as the machine
 * has them, since the file does not leave it.
 */
#include "daemon/store/log.h"
#include "daemon/store/log_record.h"
#include "daemon/store/sqlite.h"

#include <string.h>

/* A sender of single lines shall not make a row of each: they join the last chunk while it is small
 * enough to be written anew every time. */
#define JOIN_BYTES 4096

enum { STMT_TAIL, STMT_INSERT, STMT_REPLACE, STMT_STREAM, STMT_GROUP, STMT_MAX };
_Static_assert(STMT_MAX <= STORE_STATEMENTS_MAX, "statements");

/* clang-format off */
static const char *const sql[STMT_MAX] = {
	[STMT_TAIL]    = "SELECT first_at, last_at, bytes, data FROM log_chunk"
			 " WHERE n = ?1 AND stream = ?2 AND length(data) <= ?3",
	[STMT_INSERT]  = "INSERT INTO log_chunk (log_group, stream, first_at, last_at, bytes, data)"
			 " VALUES (?1, ?2, ?3, ?4, ?5, ?6) RETURNING n",
	[STMT_REPLACE] = "UPDATE log_chunk SET last_at = ?2, bytes = ?3, data = ?4 WHERE n = ?1",
	[STMT_STREAM]  = "UPDATE log_stream SET first_at = CASE WHEN first_at < 0 THEN ?2 ELSE min(first_at, ?2) END,"
			 " last_at = max(last_at, ?3), ingested_at = ?4, tail = ?5, cursor = coalesce(?6, cursor)"
			 " WHERE n = ?1",
	[STMT_GROUP]   = "UPDATE log_group SET stored_bytes = stored_bytes + ?2 WHERE n = ?1",
};
/* clang-format on */
static const struct store_sql event_sql = { STORE_LOG_EVENT, sql };

struct chunk {
	int64_t n; /* 0: it has no row yet */
	int64_t first_at_ms;
	int64_t last_at_ms;
	int64_t bytes;
	char *data; /* LOG_CHUNK_BYTES, more where one event needs it */
	size_t len;
	size_t room;
};

/* The last chunk of the stream where `line` may join it; 0, and `c` is empty, where it may not. */
static int
open_tail(struct store *l, const struct store_log_stream *st, const struct store_log_line *line,
    struct chunk *c, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	const void *data;
	int r;

	if (st->tail == 0)
		return 0;
	r = query_open(&q, l, &event_sql, STMT_TAIL, e);
	if (r < 0)
		return r;
	query_bind_int(&q, 1, st->tail);
	query_bind_int(&q, 2, st->n);
	query_bind_int(&q, 3, JOIN_BYTES);
	r = query_step(&q);
	if (r <= 0)
		return r;
	if (line->at_ms < query_int(&q, 1) || line->at_ms - query_int(&q, 0) > LOG_CHUNK_SPAN_MS)
		return 0;
	data = query_blob(&q, 3, &c->len);
	memcpy(c->data, data, c->len);
	c->n = st->tail;
	c->first_at_ms = query_int(&q, 0);
	c->last_at_ms = query_int(&q, 1);
	c->bytes = query_int(&q, 2);
	return 0;
}

static bool
fits(const struct chunk *c, const struct store_log_line *line)
{
	return c->len == 0 || (c->len + LOG_RECORD_HEAD + line->len <= LOG_CHUNK_BYTES &&
				  line->at_ms - c->first_at_ms <= LOG_CHUNK_SPAN_MS);
}

static void
add(struct chunk *c, const struct store_log_line *line, int64_t now_ms)
{
	const struct log_record head = { line->at_ms, now_ms, (uint32_t)line->len };
	size_t need = c->len + LOG_RECORD_HEAD + line->len;

	if (need > c->room) { /* of one event alone */
		c->data = xrealloc(c->data, need, 1);
		c->room = need;
	}
	log_record_put(c->data + c->len, &head);
	memcpy(c->data + c->len + LOG_RECORD_HEAD, line->text, line->len);
	if (c->len == 0)
		c->first_at_ms = line->at_ms;
	c->last_at_ms = line->at_ms;
	c->bytes += (int64_t)line->len + LOG_EVENT_OVERHEAD;
	c->len = need;
}

/* Writes the chunk and leaves it empty. *ret_n is its row. */
static int
flush(struct store *l, const struct store_log_stream *st, struct chunk *c, int64_t *ret_n,
    struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = query_open(&q, l, &event_sql, c->n != 0 ? STMT_REPLACE : STMT_INSERT, e);

	if (r < 0)
		return r;
	if (c->n != 0) {
		query_bind_int(&q, 1, c->n);
		query_bind_int(&q, 2, c->last_at_ms);
		query_bind_int(&q, 3, c->bytes);
		query_bind_blob(&q, 4, c->data, c->len);
		*ret_n = c->n;
	} else {
		query_bind_int(&q, 1, st->group);
		query_bind_int(&q, 2, st->n);
		query_bind_int(&q, 3, c->first_at_ms);
		query_bind_int(&q, 4, c->last_at_ms);
		query_bind_int(&q, 5, c->bytes);
		query_bind_blob(&q, 6, c->data, c->len);
		r = query_step(&q);
		if (r > 0)
			*ret_n = query_int(&q, 0);
	}
	c->n = 0;
	c->len = 0;
	c->bytes = 0;
	return r < 0 ? r : query_run(&q);
}

static int
note(struct store *l, const struct store_log_stream *st, const struct store_log_line *lines,
    size_t n, int64_t tail, int64_t now_ms, const char *cursor, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = query_open(&q, l, &event_sql, STMT_STREAM, e);

	if (r < 0)
		return r;
	query_bind_int(&q, 1, st->n);
	query_bind_int(&q, 2, n > 0 ? lines[0].at_ms : st->first_at_ms);
	query_bind_int(&q, 3, n > 0 ? lines[n - 1].at_ms : st->last_at_ms);
	query_bind_int(&q, 4, n > 0 ? now_ms : st->ingested_at_ms);
	query_bind_int(&q, 5, tail);
	query_bind(&q, 6, cursor);
	return query_run(&q);
}

static int
note_bytes(struct store *l, int64_t group, int64_t bytes, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = query_open(&q, l, &event_sql, STMT_GROUP, e);

	if (r < 0)
		return r;
	query_bind_int(&q, 1, group);
	query_bind_int(&q, 2, bytes);
	return query_run(&q);
}

static void
chunk_done(struct chunk *c)
{
	free(c->data);
}

int
store_log_append(struct store *l, const struct store_log_stream *st,
    const struct store_log_line *lines, size_t n, int64_t now_ms, const char *cursor, struct err *e)
{
	_cleanup_(chunk_done) struct chunk c = { .data = xcalloc(1, LOG_CHUNK_BYTES),
		.room = LOG_CHUNK_BYTES };
	int64_t tail = st->tail, bytes = 0;
	int r = n > 0 ? open_tail(l, st, &lines[0], &c, e) : 0;

	for (size_t i = 0; r == 0 && i < n; i++) {
		if (!fits(&c, &lines[i]))
			r = flush(l, st, &c, &tail, e);
		add(&c, &lines[i], now_ms);
		bytes += (int64_t)lines[i].len + LOG_EVENT_OVERHEAD;
	}
	if (r == 0 && c.len > 0)
		r = flush(l, st, &c, &tail, e);
	if (r == 0)
		r = note(l, st, lines, n, tail, now_ms, cursor, e);
	return r < 0 ? r : note_bytes(l, st->group, bytes, e);
}
