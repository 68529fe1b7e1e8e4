/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The HTTP edge: listeners, connections and their limits, and what a request means. main.c makes it
 * and wires the two callbacks; api.h is what it calls. It must not know operations, the store or
 * containers.
 */
#ifndef DAEMON_HTTP_HTTP_H
#define DAEMON_HTTP_HTTP_H

#include "common/err.h"
#include "common/loop.h"

struct api;
struct config;
struct event_log;
struct rest_service;
struct json_object;
struct http;
struct scope;

/* What a client may ask of us before it is cut off. Tests shrink them. */
struct http_limits {
	/* A larger body is 413 and never kept. */
	size_t body_bytes;
	/* Request line and headers together. */
	size_t header_bytes;
	/* Over it the longest idle one goes; with none idle, the one that has been sending its
	 * request for longest; with none of those, the newcomer. */
	size_t connections;
	/* From the first byte of a request (on a new connection the accept) to its last. */
	int64_t receive_ms;
	/* Between two requests. */
	int64_t idle_ms;
	/* Until the client has taken the reply, or what was last sent of a stream. */
	int64_t send_ms;
	/* A stream that has nothing to say says so. */
	int64_t heartbeat_ms;
};
/* 1 MiB, 16 KiB, 1024, 20 s, 60 s, 60 s, 15 s */
extern const struct http_limits http_limits_default;

struct http_callbacks {
	/* GET /_localemu/health: adds "services", "edition", "version", "uptime" … to `o`
	 * (borrowed). */
	void (*health)(struct json_object *o, void *cookie);
	/* POST /_localemu/state/reset: ends every task and empties the store, then calls `done`
	 * exactly once, at once or later, with NULL or what went wrong. `done` may be called
	 * whatever became of the client or of the http. */
	void (*reset)(
	    void (*done)(const struct err *e, void *done_cookie), void *done_cookie, void *cookie);
	void *cookie;
	/* GET /_localemu/logs/cursor: where the sender of a log stream has got to, as its last
	 * PutLogEvents said. 1 and the text in *ret, which the caller frees; 0 where nobody said; a
	 * negative errno. NULL: there is no such page. */
	int (*log_cursor)(const struct scope *sc, const char *group, const char *stream, char **ret,
	    struct err *e, void *cookie);
	/* POST /_localemu/simulate/spot-interruption: interrupts Spot tasks, of a cluster (name) or
	 * one (id), NULL: any. 0 and how many, or a negative errno. NULL: there is no such page. */
	int (*interrupt_spot)(
	    const char *cluster, const char *task, int64_t *ret, struct err *e, void *cookie);
};

/* Makes the edge, not listening yet. All that is passed in outlives it (limits are copied, NULL:
 * the defaults). Never fails. */
struct http *http_new(struct loop *loop, const struct config *config, struct api *api,
    const struct http_callbacks *cb, const struct http_limits *limits);

/* Serves GET /_localemu/events out of `log`, which outlives it; without this call there is no such
 * page. */
void http_serve_events(struct http *h, struct event_log *log);
/* Answers StartLiveTail with streams out of `tails`, which outlive it; without this call it is
 * answered like any other operation. */
struct log_tails;
void http_serve_tails(struct http *h, struct log_tails *tails);
/* There may be new events: open streams get them in the next turn of the loop, */
void http_wake_events(struct http *h);
/* or now, because the log is about to be emptied. */
void http_flush_events(struct http *h);

/* Gives requests for this service to it, with their bodies in pieces (rest.h). It outlives the
 * edge. */
void http_serve_rest(struct http *h, const struct rest_service *service);

/* Listens on every address that `host` means. Port "0" takes a free one. *ret_port (may be NULL)
 * gets the real port. */
int http_listen_tcp(
    struct http *h, const char *host, const char *port, int *ret_port, struct err *e);
/* Listens at `path` with mode 0660: whoever may write to it commands the Engine. A socket file that
 * nobody listens on any more is replaced, one in use is EADDRINUSE. The file is removed by
 * http_stop_accepting. */
int http_listen_unix(struct http *h, const char *path, struct err *e);
/* Takes over a listening socket, TCP or unix (sd_listen_fds). On failure the descriptor stays the
 * caller's. */
int http_listen_fd(struct http *h, int fd, struct err *e);

/* Before http_stop_accepting: duplicates of the listening sockets, close-on-exec and not below
 * `min`, in the order in which they were added; at most `max`. They are the caller's, go on
 * listening, and the file of a unix socket stays. Returns how many. */
int http_keep_listeners(struct http *h, int min, int *ret_fds, int max);
/* Closes the listeners and the connections that carry no request; those that do are answered and
 * then closed. */
void http_stop_accepting(struct http *h);
/* Connections that are open: after http_stop_accepting, 0 means that everybody has their answer. */
size_t http_connections(const struct http *h);
/* Closes everything; held calls are cancelled. NULL is legal. Call it before api_free. */
void http_free(struct http *h);

#endif
