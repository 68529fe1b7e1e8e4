/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The set of event streams and the page (see event_stream.h). One timer feeds: a turn hands out a
 * bounded number of events, so that requests are answered between two.
 */
#include "daemon/http/event_stream.h"

#include "common/json.h"
#include "common/log.h"

#include <event2/buffer.h>
#include <event2/keyvalq_struct.h>
#include <string.h>
#include <sys/queue.h>

#define PAGE_EVENTS 250
#define BATCH_EVENTS 16 /* for one stream at a time */
#define TURN_EVENTS 64  /* for all streams in one turn of the loop */
#define RETRY_MS 1000   /* a client that lost its connection waits this long */

TAILQ_HEAD(stream_list, event_stream);

struct event_stream {
	struct event_streams *set;
	TAILQ_ENTRY(event_stream) next; /* the one that was fed longest ago is first */
	struct conn *c;
	struct evhttp_request *req;
	struct event_filter filter;
	int64_t cursor;
	bool behind;      /* the log has more than the last batch */
	int64_t wrote_ms; /* monotonic; the batch that is on its way */
	void (*on_end)(void *cookie);
	void *cookie;
};

struct event_streams {
	struct event_log *log;
	struct http_limits limits;
	struct stream_list list;
	size_t n;
	struct timer *feed;
	struct timer *tick;
};

static void on_feed(void *arg);
static void on_tick(void *arg);
static void on_taken(struct evhttp_connection *evcon, void *arg);
static void stream_send(struct event_stream *s, struct evbuffer *chunk);
static int feed(struct event_stream *s);

/* -- the query */

static int
read_params(
    struct event_log *log, const struct evkeyvalq *params, struct event_query *ret, struct err *e)
{
	const char *stream = evhttp_find_header(params, "stream");
	int r = event_filter_read(&ret->filter, evhttp_find_header(params, "cluster"),
	    evhttp_find_header(params, "task"), e);

	if (stream != NULL)
		ret->stream = strcmp(stream, "0") != 0;
	if (r == 0)
		r = event_log_since(log, evhttp_find_header(params, "since"), &ret->cursor, e);
	return r;
}

int
event_stream_read_query(struct event_log *log, const char *query, const char *accept,
    const char *last_event_id, struct event_query *ret, struct err *e)
{
	struct event_query q = { .stream = accept != NULL &&
					   strcasestr(accept, "text/event-stream") != NULL };
	struct evkeyvalq params;
	int r = 0;

	if (query != NULL && query[0] != '\0') {
		if (evhttp_parse_query_str(query, &params) != 0)
			return err_set(e, ERR_INVALID_PARAMETER, "The query is not well-formed.");
		r = read_params(log, &params, &q, e);
		evhttp_clear_headers(&params);
	}
	/* A client that comes back says where it was, with the address that it began with. */
	if (r == 0 && q.stream && last_event_id != NULL && last_event_id[0] != '\0')
		r = event_log_since(log, last_event_id, &q.cursor, e);
	if (r == 0)
		*ret = q;
	return r;
}

/* -- the page */

static void
add_to_page(int64_t cursor, const char *json, void *arg)
{
	(void)cursor;
	json_object_array_add(arg, json_new_raw(xstrdup(json)));
}

char *
event_stream_page(struct event_log *log, const struct event_query *q, struct err *e)
{
	_cleanup_json_ struct json_object *o = json_object_new_object();
	struct json_object *events = json_object_new_array();
	int64_t cursor = q->cursor;

	json_add(o, "events", events);
	if (event_log_read(log, &q->filter, PAGE_EVENTS, &cursor, add_to_page, events, e) < 0)
		return NULL;
	json_add_int(o, "next", cursor);
	return xstrdup(json_print(o));
}

/* -- the set */

bool
event_streams_full(const struct event_streams *set)
{
	return set->n >= EVENT_STREAMS_MAX;
}

struct event_streams *
event_streams_new(struct loop *l, struct event_log *log, const struct http_limits *limits)
{
	struct event_streams *set = xcalloc(1, sizeof(*set));

	set->log = log;
	set->limits = *limits;
	TAILQ_INIT(&set->list);
	set->feed = timer_new(l, on_feed, set);
	set->tick = timer_new(l, on_tick, set);
	return set;
}

void
event_streams_free(struct event_streams *set)
{
	if (set == NULL)
		return;
	timer_free(set->feed);
	timer_free(set->tick);
	free(set);
}

void
event_streams_wake(struct event_streams *set)
{
	if (set != NULL && set->n > 0 && !timer_pending(set->feed))
		timer_set(set->feed, 0);
}

void
event_streams_flush(struct event_streams *set)
{
	struct event_stream *s, *next;

	if (set == NULL)
		return;
	for (s = TAILQ_FIRST(&set->list); s != NULL; s = next) {
		next = TAILQ_NEXT(s, next);
		(void)feed(s); /* whoever could not be fed is gone */
	}
}

static void
on_feed(void *arg)
{
	struct event_streams *set = arg;
	struct event_stream *s;
	bool more = false;
	int given = 0;

	for (size_t i = set->n; i > 0 && (s = TAILQ_FIRST(&set->list)) != NULL; i--) {
		int n;

		if (given >= TURN_EVENTS) {
			more = true;
			break;
		}
		TAILQ_REMOVE(&set->list, s, next);
		TAILQ_INSERT_TAIL(&set->list, s, next);
		n = feed(s);
		if (n > 0)
			given += n;
	}
	if (more)
		timer_set(set->feed, 0);
}

/* Keeps the connections alive, and sees who does not read. */
static void
on_tick(void *arg)
{
	struct event_streams *set = arg;
	int64_t now = monotonic_ms();
	struct event_stream *s, *next;

	for (s = TAILQ_FIRST(&set->list); s != NULL; s = next) {
		next = TAILQ_NEXT(s, next);
		if (conn_unsent(s->c) == 0) {
			struct evbuffer *comment = evbuffer_new();

			evbuffer_add_printf(comment, ":\n\n");
			stream_send(s, comment);
		} else if (now - s->wrote_ms >= set->limits.send_ms) {
			log_debug("op", "events", "a reader that does not read is dropped");
			conn_drop(s->c); /* s is gone */
		}
	}
	if (set->n > 0)
		timer_set(set->tick, set->limits.heartbeat_ms);
}

/* -- one stream */

struct event_stream *
event_stream_open(struct event_streams *set, struct conn *c, struct evhttp_request *req,
    const struct event_query *q, void (*on_end)(void *cookie), void *cookie)
{
	struct evbuffer *first = evbuffer_new();
	struct event_stream *s;

	s = xcalloc(1, sizeof(*s));
	*s = (struct event_stream){
		.set = set,
		.c = c,
		.req = req,
		.filter = q->filter,
		.cursor = q->cursor,
		.behind = true,
		.on_end = on_end,
		.cookie = cookie,
	};
	TAILQ_INSERT_HEAD(&set->list, s, next);
	if (set->n++ == 0)
		timer_set(set->tick, set->limits.heartbeat_ms);
	/* The place where it begins, so that a client knows it before the first event. */
	evbuffer_add_printf(first, "retry: %d\nid: %lld\n\n", RETRY_MS, (long long)s->cursor);
	conn_stream_begin(c, req);
	stream_send(s, first);
	return s;
}

void
event_stream_free(struct event_stream *s)
{
	if (s == NULL)
		return;
	TAILQ_REMOVE(&s->set->list, s, next);
	s->set->n--;
	/* Where sending failed, evhttp leaves the request to its user. */
	if (evhttp_request_get_connection(s->req) == NULL)
		evhttp_request_free(s->req);
	free(s);
}

void
event_streams_end(struct event_streams *set)
{
	struct event_stream *s;

	if (set == NULL)
		return;
	while ((s = TAILQ_FIRST(&set->list)) != NULL) {
		struct conn *c = s->c;
		struct evhttp_request *req = s->req;

		s->on_end(s->cookie);
		event_stream_free(s);
		conn_stream_end(c, req);
	}
}

static void
add_to_chunk(int64_t cursor, const char *json, void *arg)
{
	evbuffer_add_printf(
	    arg, "id: %lld\nevent: " EVENT_DETAIL_TYPE "\ndata: %s\n\n", (long long)cursor, json);
}

/* Takes the chunk over. */
static void
stream_send(struct event_stream *s, struct evbuffer *chunk)
{
	s->wrote_ms = monotonic_ms();
	conn_stream_write(s->c, s->req, chunk, on_taken, s);
	evbuffer_free(chunk);
}

/* The number of events that were handed out, or a negative errno: then s is gone. */
static int
feed(struct event_stream *s)
{
	struct evbuffer *chunk;
	struct err e;
	int n;

	if (conn_unsent(s->c) > 0) {
		s->behind = true;
		return 0;
	}
	chunk = evbuffer_new();
	n = event_log_read(
	    s->set->log, &s->filter, BATCH_EVENTS, &s->cursor, add_to_chunk, chunk, &e);
	if (n < 0)
		log_err("op", "events", "%s", e.text);
	if (n <= 0)
		evbuffer_free(chunk);
	if (n < 0) {
		conn_drop(s->c);
		return n;
	}
	s->behind = n == BATCH_EVENTS;
	if (n > 0)
		stream_send(s, chunk);
	return n;
}

/* All that was written is with the kernel. */
static void
on_taken(struct evhttp_connection *evcon, void *arg)
{
	struct event_stream *s = arg;

	(void)evcon;
	if (s->behind)
		event_streams_wake(s->set);
}
