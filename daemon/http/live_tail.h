/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The answer to StartLiveTail: a stream of frames (application/vnd.amazon.eventstream) with an
 * update every second for as long as the client reads, three hours at most. Called by edge.c and
 * http.c; it must not know what an update says.
 */
#ifndef DAEMON_HTTP_LIVE_TAIL_H
#define DAEMON_HTTP_LIVE_TAIL_H

#include "daemon/http/conn.h"
#include "daemon/log_tail.h"

struct evbuffer;
struct live_tail;
struct live_tails;

struct live_tails *live_tails_new(
    struct loop *l, struct log_tails *source, const struct http_limits *limits);
/* Both take NULL. The first after the last tail's connection, the second ends every tail in order.
 */
void live_tails_free(struct live_tails *set);
void live_tails_end(struct live_tails *set);

/* Begins the reply, whose headers are in the request, with `session` as its sessionStart. `on_end`
 * is called when the tail ends by itself: the request is evhttp's again. NULL with `e` filled where
 * there are too many. */
struct live_tail *live_tail_open(struct live_tails *set, struct conn *c, struct evhttp_request *req,
    const char *session, size_t len, void (*on_end)(void *cookie), void *cookie, struct err *e);
/* The connection is going away. NULL is legal. */
void live_tail_free(struct live_tail *t);

/* Appends one frame: a message of the event stream with a payload of JSON. `kind` is "event" or
 * "exception", `type` its name ("sessionUpdate"). For unit tests, too. */
void live_tail_frame(
    struct evbuffer *out, const char *kind, const char *type, const char *payload, size_t len);

#endif
