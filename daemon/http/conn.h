/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every open connection and what it is doing, which is what evhttp does not tell: limits on number,
 * time and memory, close detection while a call is held, one write per reply, and AWS-shaped bodies
 * for the answers that evhttp gives by itself. http.c owns the set, edge.c answers on its members.
 * It must not know what a request means.
 */
#ifndef DAEMON_HTTP_CONN_H
#define DAEMON_HTTP_CONN_H

#include "daemon/http/http.h"

#include <event2/bufferevent.h>
#include <event2/http.h>
#include <sys/queue.h>
#include <sys/socket.h>

enum conn_state {
	CONN_RECEIVING, /* from the accept, or from the first byte of a further request */
	CONN_ANSWERING, /* a whole request is in the edge's hands */
	CONN_SENDING,
	CONN_TRANSFER, /* a streamed body: since_ms is when bytes were last moved */
	CONN_IDLE,
	CONN_STATE_MAX,
};

TAILQ_HEAD(conn_list, conn);
struct head;

struct conn {
	struct conns *set;
	TAILQ_ENTRY(conn) next; /* in set->in[state], longest in that state first */
	enum conn_state state;
	int64_t since_ms; /* monotonic; in this state */

	/* evhttp's, borrowed; -1 and NULL until the first turn of the loop after the accept. */
	int fd;
	struct evhttp_connection *evcon;
	struct bufferevent *bev;
	struct sockaddr_storage local; /* our end; AF_UNSPEC where it cannot be told */

	struct event *soon; /* does what may not be done inside a callback */
	struct event *peer; /* while a request is held: has the client gone? */
	void *exchange;     /* the edge's, while ANSWERING */
	/* It is going away in the middle of an exchange: forget the request, free `exchange`. */
	void (*on_abandoned)(struct conn *c);
	bool linger; /* last reply, and the client may still be sending */
	bool doomed; /* to be closed in the next turn of the loop */

	/* A request's head is looked at before evhttp gets to read it: until it is whole, its bytes
	 * stay in the input buffer. */
	bool holding;
	size_t body_bytes; /* what this request may have, see conn_allow_body */
	size_t scanned;
	struct evbuffer *early; /* came in before the last reply was out; NULL: nothing */
	struct head *claimed;   /* for on_claimed, in the next turn of the loop */
	struct {
		bufferevent_data_cb read, write;
		bufferevent_event_cb event;
		void *arg;
	} evhttp; /* its callbacks while the connection is somebody else's */
};

/* The set. Read by http.c and edge.c, written by conn.c. */
struct conns {
	struct loop *loop;
	struct http_limits limits;
	struct conn_list in[CONN_STATE_MAX];
	struct conn **by_fd;
	size_t by_fd_size;
	size_t n;
	size_t n_large; /* with more than limits.body_bytes */
	bool closing;   /* connections end with the request that they carry or have begun to send */
	bool closed;    /* nobody may send a request any more */
	struct timer *grace;
	struct timer *sweep;
	int64_t sweep_at_ms;
	struct linger_set *lingers;
	void (*on_abandoned)(struct conn *c); /* of requests that come through evhttp */
	/* Both or neither. Is this request to be streamed, and not evhttp's? `in` begins with the
	 * head. 1, 0, or -EAGAIN: more of the body has to be seen. */
	int (*claims)(struct conn *c, const struct head *h, struct evbuffer *in, void *cookie);
	/* It is: the connection is taken over (conn_take_over), the head is the callee's and still
	 * in the input buffer. */
	void (*on_claimed)(struct conn *c, struct head *h, void *cookie);
	void *claims_cookie;
};

/* A set that takes over what `server` accepts. Free it after the server. */
struct conns *conns_new(struct loop *l, struct evhttp *server, const struct http_limits *limits,
    void (*on_abandoned)(struct conn *c));
void conns_free(struct conns *cs);
/* From now on connections end with their next reply, idle ones at once. Those that were made and
 * have not sent their whole request have a moment to do it: it may be on its way. */
void conns_close(struct conns *cs);

/* The connection of a request that evhttp has just handed over, now ANSWERING; NULL where it is not
 * ours. */
struct conn *conn_take(struct conns *cs, struct evhttp_request *req);
/* The request is held: a client that goes away is noticed from now on. Never call it before
 * conn_take. */
void conn_hold(struct conn *c);
/* Sends the reply; headers are in the request already, `body` (borrowed, emptied) may be NULL. The
 * request is evhttp's again. */
void conn_reply(struct conn *c, struct evhttp_request *req, int status, struct evbuffer *body);

/* A reply that is sent piece by piece, headers first. The connection stays ANSWERING until
 * conn_stream_end; a client that goes away is noticed, and on_abandoned called, as with conn_hold,
 * which is not for these. */
void conn_stream_begin(struct conn *c, struct evhttp_request *req);
/* `piece` is borrowed and emptied; on_taken is called when the kernel has all that was written. */
void conn_stream_write(struct conn *c, struct evhttp_request *req, struct evbuffer *piece,
    void (*on_taken)(struct evhttp_connection *evcon, void *arg), void *arg);
void conn_stream_end(struct conn *c, struct evhttp_request *req);
/* A request that evhttp is not to see: what comes in and goes out is the callbacks' business, until
 * the connection is given back for the next request. ANSWERING, or in TRANSFER after each
 * conn_moved. */
void conn_take_over(struct conn *c, bufferevent_data_cb read, bufferevent_data_cb write,
    bufferevent_event_cb event, void *arg);
void conn_moved(struct conn *c);
void conn_wait(struct conn *c);
void conn_give_back(struct conn *c);

/* From `claims`: the request that is coming in may have a body of so many bytes instead of
 * limits.body_bytes. Only a few at a time may, so that memory stays bounded: the others keep to the
 * limit of all. */
void conn_allow_body(struct conn *c, size_t bytes);

/* Bytes that were written and that the kernel does not have. */
size_t conn_unsent(const struct conn *c);
/* The client's address, borrowed; NULL where it has none, as on a unix socket. */
const char *conn_peer(const struct conn *c);
/* Closes the connection at once. */
void conn_drop(struct conn *c);

#endif
