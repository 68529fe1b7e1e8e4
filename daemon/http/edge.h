/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a complete request means: guard, own pages, protocol, and the way into api.h and back.
 * http.c gives requests in; conn.c sends the replies. It must not know sockets or listeners.
 */
#ifndef DAEMON_HTTP_EDGE_H
#define DAEMON_HTTP_EDGE_H

#include "daemon/http/conn.h"

struct edge {
	const struct config *config;
	struct api *api;
	struct http_callbacks cb;
	/* Of http_serve_events; NULL: there is no page of events. */
	struct event_log *log;
	struct event_streams *streams;
	struct live_tails *tails; /* of http_serve_tails; NULL: there are none */
};

/* Answers a request that conn_take has accepted, at once or later. `e` outlives the connection. */
void edge_request(struct edge *e, struct conn *c, struct evhttp_request *req);
/* conns.on_abandoned: the client is gone, the request will be freed under us. */
void edge_abandon(struct conn *c);

#endif
