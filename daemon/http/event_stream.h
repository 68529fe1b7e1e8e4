/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GET /_localemu/events: a page of the event log, or a stream of server-sent events that goes on
 * for as long as the client reads. A stream is fed from the log and holds one batch at a time, so a
 * slow reader costs no memory and misses nothing while the log still has it; one that does not read
 * at all is dropped. Called by edge.c and http.c; it must not know what an event says.
 */
#ifndef DAEMON_HTTP_EVENT_STREAM_H
#define DAEMON_HTTP_EVENT_STREAM_H

#include "daemon/event_log.h"
#include "daemon/http/conn.h"

#define EVENT_STREAMS_MAX 64

struct event_query {
	struct event_filter filter;
	int64_t cursor;
	bool stream;
};
/* Reads the query string and what the headers ask for; all three may be NULL. The texts of `e` are
 * constants unless its kind is ERR_SERVER. */
int event_stream_read_query(struct event_log *log, const char *query, const char *accept,
    const char *last_event_id, struct event_query *ret, struct err *e);
/* {"events":[…],"next":cursor}; the caller owns it. NULL with `e` filled. */
char *event_stream_page(struct event_log *log, const struct event_query *q, struct err *e);

struct event_streams;
struct event_stream;

struct event_streams *event_streams_new(
    struct loop *l, struct event_log *log, const struct http_limits *limits);
/* All four take NULL, an edge without events. */
/* After the last stream's connection. */
void event_streams_free(struct event_streams *set);
/* There may be new events: they go out in the next turn of the loop, */
void event_streams_wake(struct event_streams *set);
/* or now, to everybody who has read the last ones. */
void event_streams_flush(struct event_streams *set);
/* Ends every stream in order. */
void event_streams_end(struct event_streams *set);

/* No further stream may be opened. */
bool event_streams_full(const struct event_streams *set);
/* Begins the reply, whose headers are in the request. `on_end` is called when the stream ends by
 * event_streams_end: the request is evhttp's again. */
struct event_stream *event_stream_open(struct event_streams *set, struct conn *c,
    struct evhttp_request *req, const struct event_query *q, void (*on_end)(void *cookie),
    void *cookie);
/* The connection is going away. NULL is legal. */
void event_stream_free(struct event_stream *s);

#endif
