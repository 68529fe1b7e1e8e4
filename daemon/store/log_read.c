/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finding the events of a page among chunks that may overlap in time (see log.h). Called by
 * services/logs_read.c and logs_tail.c; it must not know tokens or patterns.
 *
 * Chunks are met in the order of their first event (backward: of their last one). A heap holds the
 * best events met so far with the worst on top; whatever does not fit into the page falls out of it
 * and becomes the cut, behind which nothing is taken any more. The search is over when no chunk can
 * have anything before the cut. So one chunk and one page are all that is ever in memory.
 */
#include "daemon/store/log.h"
#include "daemon/store/log_record.h"
#include "daemon/store/sqlite.h"

#include <limits.h>

enum { STMT_FORWARD, STMT_BACKWARD, STMT_GROUP, STMT_DATA, STMT_MAX };
_Static_assert(STMT_MAX <= STORE_STATEMENTS_MAX, "statements");

/* clang-format off */
#define CHUNKS "SELECT n, stream, first_at, last_at FROM log_chunk"
static const char *const sql[STMT_MAX] = {
	[STMT_FORWARD]  = CHUNKS " WHERE stream = ?1 AND first_at >= ?4 AND first_at < ?3 AND last_at >= ?2"
			  " ORDER BY first_at",
	[STMT_BACKWARD] = CHUNKS " WHERE stream = ?1 AND last_at >= ?2 AND last_at < ?4 AND first_at < ?3"
			  " ORDER BY last_at DESC",
	[STMT_GROUP]    = CHUNKS " WHERE log_group = ?1 AND first_at >= ?4 AND first_at < ?3 AND last_at >= ?2"
			  " ORDER BY first_at",
	[STMT_DATA]     = "SELECT data FROM log_chunk WHERE n = ?1",
};
/* clang-format on */
static const struct store_sql read_sql = { STORE_LOG_READ, sql };

struct reader {
	struct store *store;
	const struct store_log_query *query;
	struct err *e;
	int64_t from_ms; /* with `start` taken into account */
	int64_t to_ms;
	int64_t deadline_ms; /* monotonic */

	struct store_log_event *heap; /* the worst on top */
	size_t n, room;
	size_t bytes;
	bool is_cut;
	struct store_log_position cut;

	/* The stream that was looked at last, in a search through a group. */
	int64_t stream;
	bool wanted;
};

static int
compare(const struct store_log_position *a, const struct store_log_position *b)
{
	if (a->at_ms != b->at_ms)
		return a->at_ms < b->at_ms ? -1 : 1;
	if (a->chunk != b->chunk)
		return a->chunk < b->chunk ? -1 : 1;
	return a->index < b->index ? -1 : a->index > b->index;
}

/* Positive where `a` is farther away from where the search begins. */
static int
farther(
    const struct reader *rd, const struct store_log_position *a, const struct store_log_position *b)
{
	return rd->query->backward ? compare(b, a) : compare(a, b);
}

/* --- the heap --- */

static void
swap(struct store_log_event *a, struct store_log_event *b)
{
	struct store_log_event t = *a;

	*a = *b;
	*b = t;
}

static void
push(struct reader *rd, const struct store_log_event *ev)
{
	size_t i = rd->n;

	if (rd->n == rd->room) {
		rd->room = rd->room > 0 ? 2 * rd->room : 64;
		rd->heap = xrealloc(rd->heap, rd->room, sizeof(*rd->heap));
	}
	rd->heap[rd->n++] = *ev;
	rd->bytes += ev->len + LOG_EVENT_OVERHEAD;
	for (; i > 0; i = (i - 1) / 2) {
		size_t up = (i - 1) / 2;

		if (farther(rd, &rd->heap[i].position, &rd->heap[up].position) <= 0)
			break;
		swap(&rd->heap[i], &rd->heap[up]);
	}
}

/* Throws the worst one out. */
static void
pop(struct reader *rd)
{
	struct store_log_event *h = rd->heap;
	size_t i = 0;

	rd->bytes -= h[0].len + LOG_EVENT_OVERHEAD;
	free(h[0].text);
	h[0] = h[--rd->n];
	for (;;) {
		size_t worst = i;

		for (size_t down = 2 * i + 1; down <= 2 * i + 2 && down < rd->n; down++)
			if (farther(rd, &h[down].position, &h[worst].position) > 0)
				worst = down;
		if (worst == i)
			break;
		swap(&h[i], &h[worst]);
		i = worst;
	}
}

static bool
is_behind_cut(const struct reader *rd, const struct store_log_position *p)
{
	return rd->is_cut && farther(rd, p, &rd->cut) >= 0;
}

static void
cut_at(struct reader *rd, const struct store_log_position *p)
{
	if (is_behind_cut(rd, p))
		return;
	rd->cut = *p;
	rd->is_cut = true;
	while (rd->n > 0 && is_behind_cut(rd, &rd->heap[0].position))
		pop(rd);
}

static void
consider(struct reader *rd, const struct store_log_event *ev, const char *text)
{
	const struct store_log_query *q = rd->query;
	struct store_log_event own = *ev;

	if (is_behind_cut(rd, &ev->position) ||
	    (q->match != NULL && !q->match(text, ev->len, q->arg)))
		return;
	own.text = xrealloc(NULL, ev->len + 1, 1);
	memcpy(own.text, text, ev->len);
	own.text[ev->len] = '\0';
	push(rd, &own);
	while (rd->n > q->max_events || (rd->n > 1 && rd->bytes > q->max_bytes)) {
		const struct store_log_position p = rd->heap[0].position;

		cut_at(rd, &p);
	}
}

/* --- chunks --- */

static bool
in_range(const struct reader *rd, const struct store_log_position *p)
{
	const struct store_log_query *q = rd->query;

	return p->at_ms >= rd->from_ms && p->at_ms < rd->to_ms &&
	       (!q->started || farther(rd, p, &q->start) > 0);
}

static int
read_chunk(struct reader *rd, int64_t n, int64_t stream)
{
	_cleanup_query_ struct query q = { 0 };
	struct log_record rec;
	const char *data;
	size_t len, size;
	int r = query_open(&q, rd->store, &read_sql, STMT_DATA, rd->e);

	if (r < 0)
		return r;
	query_bind_int(&q, 1, n);
	r = query_step(&q);
	if (r <= 0)
		return r;
	data = query_blob(&q, 0, &len);
	for (int64_t i = 0; (size = log_record_get(data, len, &rec)) > 0; i++) {
		const struct store_log_event ev = {
			.position = { rec.at_ms, n, i },
			.stream = stream,
			.ingested_at_ms = rec.ingested_at_ms,
			.len = rec.len,
		};

		if (!rd->query->backward && is_behind_cut(rd, &ev.position))
			break; /* and so is the rest */
		if (in_range(rd, &ev.position))
			consider(rd, &ev, data + LOG_RECORD_HEAD);
		data += size;
		len -= size;
	}
	return 0;
}

/* Is the stream one of those that are asked for? Only in a search through a group. */
static int
is_wanted(struct reader *rd, int64_t stream)
{
	const struct store_log_query *q = rd->query;
	struct store_log_stream st;
	int r = 1;

	if (stream == rd->stream)
		return rd->wanted;
	if (q->streams != NULL) {
		r = 0;
		for (size_t i = 0; r == 0 && i < q->n_streams; i++)
			r = q->streams[i] == stream;
	} else {
		r = store_log_stream_get_by_key(rd->store, stream, &st, rd->e);
		if (r > 0 && q->prefix != NULL)
			r = has_prefix(st.name, q->prefix);
	}
	if (r >= 0) {
		rd->stream = stream;
		rd->wanted = r > 0;
	}
	return r;
}

/* The time is over: what comes from this chunk on is the next page's. There has to be some
 * progress, so chunks that begin together are read together. */
static bool
is_over(struct reader *rd, int64_t first_at_ms)
{
	const struct store_log_position here = { first_at_ms, 0, 0 };

	if (rd->query->budget_ms == 0 || first_at_ms <= rd->from_ms ||
	    monotonic_ms() < rd->deadline_ms)
		return false;
	cut_at(rd, &here);
	return true;
}

static int
walk(struct reader *rd, struct query *q, bool one)
{
	int r;

	while ((r = query_step(q)) > 0) {
		int64_t stream = query_int(q, 1), first = query_int(q, 2), last = query_int(q, 3);

		if (rd->is_cut &&
		    (rd->query->backward ? last < rd->cut.at_ms : first > rd->cut.at_ms))
			return 0;
		if (!rd->query->backward && is_over(rd, first))
			return 0;
		r = one ? 1 : is_wanted(rd, stream);
		if (r > 0)
			r = read_chunk(rd, query_int(q, 0), stream);
		if (r < 0)
			return r;
	}
	return r;
}

static int
search(struct reader *rd)
{
	_cleanup_query_ struct query q = { 0 };
	const struct store_log_query *w = rd->query;
	bool one = w->n_streams == 1;
	unsigned stmt = !one ? STMT_GROUP : w->backward ? STMT_BACKWARD : STMT_FORWARD;
	int r = query_open(&q, rd->store, &read_sql, stmt, rd->e);

	if (r < 0)
		return r;
	query_bind_int(&q, 1, one ? w->streams[0] : w->group);
	query_bind_int(&q, 2, rd->from_ms);
	query_bind_int(&q, 3, rd->to_ms);
	query_bind_int(
	    &q, 4, w->backward ? rd->to_ms + LOG_CHUNK_SPAN_MS : rd->from_ms - LOG_CHUNK_SPAN_MS);
	return walk(rd, &q, one);
}

static int
compare_events(const void *a, const void *b)
{
	const struct store_log_event *x = a, *y = b;

	return compare(&x->position, &y->position);
}

int
store_log_read(
    struct store *l, const struct store_log_query *q, struct store_log_page *ret, struct err *e)
{
	struct reader rd = {
		.store = l,
		.query = q,
		.e = e,
		.from_ms = q->from_ms > 0 ? q->from_ms : 0,
		.to_ms = q->to_ms < LOG_TIME_MAX ? q->to_ms : LOG_TIME_MAX,
		.deadline_ms = monotonic_ms() + q->budget_ms,
	};
	struct store_log_page page;
	int r;

	if (q->started && q->backward && q->start.at_ms + 1 < rd.to_ms)
		rd.to_ms = q->start.at_ms + 1;
	if (q->started && !q->backward && q->start.at_ms > rd.from_ms)
		rd.from_ms = q->start.at_ms;
	r = rd.from_ms < rd.to_ms ? search(&rd) : 0;
	page = (struct store_log_page){ rd.heap, rd.n, rd.is_cut, rd.cut };
	if (r < 0) {
		store_log_page_done(&page);
		return r;
	}
	if (page.n > 0) {
		qsort(page.events, page.n, sizeof(*page.events), compare_events);
		/* A cut that an event made is that event, which the next page begins with. */
		if (rd.cut.chunk != 0)
			page.next = page.events[page.n - 1].position;
	}
	*ret = page;
	return 0;
}

void
store_log_page_done(struct store_log_page *p)
{
	for (size_t i = 0; i < p->n; i++)
		free(p->events[i].text);
	free(TAKE(p->events));
	p->n = 0;
}
