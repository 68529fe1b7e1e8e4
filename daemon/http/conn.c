/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The set of connections (see conn.h). evhttp 2.1 makes and frees connections by itself; this file
 * learns of them through the bufferevent that it asks for at each accept, and of their end through
 * the close callback.
 */
#include "daemon/http/conn.h"

#include "daemon/http/head.h"
#include "daemon/http/linger.h"
#include "daemon/http/reply.h"

#include <event2/buffer.h>
#include <event2/event.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

/* Over what a legal request can need in memory: request line, headers, body, chunk sizes. */
#define INPUT_SLACK_BYTES (64u * 1024)
/* A low-water mark that is never reached: the read callback rests. */
#define HOLD_BYTES (SIZE_MAX / 2)
/* Of a body that is streamed, what may wait in the buffers. */
#define STREAM_BYTES (64u * 1024)
#define STREAM_WRITE_BYTES (256u * 1024)
#define LARGE_BODIES_MAX 32
#define GRACE_MS 200 /* for requests that are on their way when the set closes */

static struct bufferevent *on_accept(struct event_base *base, void *arg);
static void on_soon(evutil_socket_t fd, short what, void *arg);
static void on_input(struct evbuffer *in, const struct evbuffer_cb_info *info, void *arg);
static void on_output(struct evbuffer *out, const struct evbuffer_cb_info *info, void *arg);
static void on_peer(evutil_socket_t fd, short what, void *arg);
static void on_sent(struct evhttp_request *req, void *arg);
static void on_closed(struct evhttp_connection *evcon, void *arg);
static void on_sweep(void *arg);
static void hold(struct conn *c);
static void on_grace(void *arg);
static void conn_enter(struct conn *c, enum conn_state state);
static void conn_free(struct conn *c);

/* -- the set */

struct conns *
conns_new(struct loop *l, struct evhttp *server, const struct http_limits *limits,
    void (*on_abandoned)(struct conn *c))
{
	struct conns *cs = xcalloc(1, sizeof(*cs));

	cs->loop = l;
	cs->limits = *limits;
	cs->on_abandoned = on_abandoned;
	cs->sweep = timer_new(l, on_sweep, cs);
	cs->grace = timer_new(l, on_grace, cs);
	cs->lingers = linger_set_new(loop_base(l));
	for (size_t i = 0; i < CONN_STATE_MAX; i++)
		TAILQ_INIT(&cs->in[i]);
	evhttp_set_bevcb(server, on_accept, cs);
	return cs;
}

void
conns_free(struct conns *cs)
{
	struct conn *c;

	if (cs == NULL)
		return;
	/* evhttp_free has closed all but those that it accepted in this very turn of the loop. */
	for (size_t i = 0; i < CONN_STATE_MAX; i++) {
		while ((c = TAILQ_FIRST(&cs->in[i])) != NULL) {
			bufferevent_decref(c->bev);
			conn_free(c);
		}
	}
	timer_free(cs->sweep);
	timer_free(cs->grace);
	linger_set_free(cs->lingers);
	free(cs->by_fd);
	free(cs);
}

static void
close_unused(struct conns *cs, enum conn_state state)
{
	struct conn *c;
	struct conn *next;

	for (c = TAILQ_FIRST(&cs->in[state]); c != NULL; c = next) {
		next = TAILQ_NEXT(c, next);
		if (c->evcon != NULL)
			evhttp_connection_free(c->evcon);
	}
}

void
conns_close(struct conns *cs)
{
	if (cs->closing)
		return;
	cs->closing = true;
	close_unused(cs, CONN_IDLE);
	timer_set(cs->grace, GRACE_MS);
}

static void
on_grace(void *arg)
{
	struct conns *cs = arg;

	cs->closed = true;
	close_unused(cs, CONN_RECEIVING);
}

/* Makes room by closing the one that has been doing nothing, or nothing useful, for longest. */
static bool
drop_oldest(struct conns *cs, const struct conn *except)
{
	static const enum conn_state order[] = { CONN_IDLE, CONN_RECEIVING };
	struct conn *c;

	for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
		TAILQ_FOREACH(c, &cs->in[order[i]], next)
		{
			if (c == except || c->evcon == NULL)
				continue;
			evhttp_connection_free(c->evcon);
			return true;
		}
	}
	return false;
}

/* -- states and their deadlines */

static int64_t
limit_ms(const struct conns *cs, enum conn_state state)
{
	switch (state) {
	case CONN_RECEIVING:
		return cs->limits.receive_ms;
	case CONN_SENDING:
	case CONN_TRANSFER:
		return cs->limits.send_ms;
	case CONN_IDLE:
		return cs->limits.idle_ms;
	case CONN_ANSWERING:
	case CONN_STATE_MAX:
		break;
	}
	return INT64_MAX; /* a held call has a timer of its own in api.c */
}

/* The lists are ordered by age and all members of one have the same limit, so their heads are all
 * there is to look at; the timer is only ever moved to an earlier time, hence rarely. */
static void
arm_sweep(struct conns *cs, int64_t at_ms, int64_t now)
{
	if (timer_pending(cs->sweep) && cs->sweep_at_ms <= at_ms)
		return;
	cs->sweep_at_ms = at_ms;
	timer_set(cs->sweep, at_ms > now ? at_ms - now : 0);
}

static void
conn_enter(struct conn *c, enum conn_state state)
{
	struct conns *cs = c->set;

	TAILQ_REMOVE(&cs->in[c->state], c, next);
	c->state = state;
	c->since_ms = monotonic_ms();
	TAILQ_INSERT_TAIL(&cs->in[state], c, next);
	if (limit_ms(cs, state) != INT64_MAX)
		arm_sweep(cs, c->since_ms + limit_ms(cs, state), c->since_ms);
}

static void
on_sweep(void *arg)
{
	struct conns *cs = arg;
	int64_t now = monotonic_ms();

	for (int s = 0; s < CONN_STATE_MAX; s++) {
		enum conn_state state = (enum conn_state)s;
		struct conn *c;

		if (limit_ms(cs, state) == INT64_MAX)
			continue;
		while ((c = TAILQ_FIRST(&cs->in[state])) != NULL && c->evcon != NULL &&
		       c->since_ms + limit_ms(cs, state) <= now)
			evhttp_connection_free(c->evcon);
		if (c != NULL)
			arm_sweep(cs, c->since_ms + limit_ms(cs, state), now);
	}
}

/* -- the life of a connection */

/* evhttp is about to set up a connection and asks for its bufferevent. Everything else about the
 * connection becomes known when the accept is over: on_soon. */
static struct bufferevent *
on_accept(struct event_base *base, void *arg)
{
	struct conns *cs = arg;
	struct bufferevent *bev = bufferevent_socket_new(base, -1, 0);
	struct conn *c;

	if (bev == NULL)
		abort();
	c = xcalloc(1, sizeof(*c));
	c->set = cs;
	c->fd = -1;
	c->bev = bev;
	bufferevent_incref(bev); /* until on_soon */
	c->state = CONN_RECEIVING;
	TAILQ_INSERT_TAIL(&cs->in[c->state], c, next);
	cs->n++;
	conn_enter(c, CONN_RECEIVING);
	c->soon = event_new(base, -1, 0, on_soon, c);
	if (c->soon == NULL)
		abort();
	event_active(c->soon, 0, 0);
	return bev;
}

static void
index_by_fd(struct conns *cs, struct conn *c)
{
	size_t fd = (size_t)c->fd;

	if (fd >= cs->by_fd_size) {
		size_t size = fd < 64 ? 128 : fd * 2;

		cs->by_fd = xrealloc(cs->by_fd, size, sizeof(*cs->by_fd));
		memset(cs->by_fd + cs->by_fd_size, 0, (size - cs->by_fd_size) * sizeof(*cs->by_fd));
		cs->by_fd_size = size;
	}
	cs->by_fd[fd] = c;
}

/* evhttp has set the connection up, or has failed to. Its callback argument is the
 * evhttp_connection: the only way to it before the first request, and all that
 * evhttp_connection_set_closecb needs. */
static bool
conn_attach(struct conn *c)
{
	socklen_t local_len = sizeof(c->local);
	void *evcon = NULL;

	bufferevent_getcb(c->bev, NULL, NULL, NULL, &evcon);
	bufferevent_decref(c->bev);
	if (evcon == NULL) {
		conn_free(c);
		return false;
	}
	c->evcon = evcon;
	c->fd = bufferevent_getfd(c->bev);
	if (getsockname(c->fd, (struct sockaddr *)&c->local, &local_len) != 0)
		c->local.ss_family = AF_UNSPEC;
	index_by_fd(c->set, c);
	evhttp_connection_set_closecb(c->evcon, on_closed, c);
	evbuffer_add_cb(bufferevent_get_input(c->bev), on_input, c);
	evbuffer_add_cb(bufferevent_get_output(c->bev), on_output, c);
	hold(c);
	if (c->set->closed || (c->set->n > c->set->limits.connections && !drop_oldest(c->set, c))) {
		evhttp_connection_free(c->evcon);
		return false;
	}
	return true;
}

/* evhttp answers what it cannot parse with a page of HTML. The page is in the output buffer and not
 * yet on its way: only its status is kept. */
static void
replace_library_answer(struct conn *c)
{
	struct evbuffer *out = bufferevent_get_output(c->bev);
	_cleanup_free_ char *text = NULL;
	char line[64] = { 0 };
	const char *code;
	long status = 0;

	evbuffer_unfreeze(out, 1);
	if (evbuffer_copyout(out, line, sizeof(line) - 1) > 0 && (code = strchr(line, ' ')) != NULL)
		status = strtol(code, NULL, 10);
	if (status < 400) {
		evbuffer_freeze(out, 1);
		return; /* 100 Continue */
	}
	evbuffer_drain(out, evbuffer_get_length(out));
	evbuffer_freeze(out, 1);
	if (status == 413)
		text = reply_error_bytes((int)status, "RequestEntityTooLargeException",
		    "The request body is too large, or its chunks are not well-formed.");
	else if (status == 417)
		text = reply_error_bytes((int)status, "MalformedHttpRequestException",
		    "The only expectation that can be met is 100-continue.");
	else
		text = reply_error_bytes(400, "MalformedHttpRequestException",
		    "The request is not well-formed HTTP, or its headers are too large.");
	c->linger = true;
	conn_enter(c, CONN_SENDING);
	evbuffer_add(out, text, strlen(text));
}

void
conn_allow_body(struct conn *c, size_t bytes)
{
	struct conns *cs = c->set;

	if (c->body_bytes > cs->limits.body_bytes)
		cs->n_large--;
	if (bytes > cs->limits.body_bytes && cs->n_large == LARGE_BODIES_MAX)
		bytes = cs->limits.body_bytes;
	if (bytes > cs->limits.body_bytes)
		cs->n_large++;
	c->body_bytes = bytes;
	evhttp_connection_set_max_body_size(c->evcon, (ev_ssize_t)bytes);
}

/* From now on evhttp does not read. */
static void
hold(struct conn *c)
{
	conn_allow_body(c, c->set->limits.body_bytes);
	if (c->set->claims == NULL)
		return;
	c->holding = true;
	c->scanned = 0;
	bufferevent_setwatermark(c->bev, EV_READ, HOLD_BYTES, 0);
}

static void
release(struct conn *c)
{
	c->holding = false;
	bufferevent_setwatermark(c->bev, EV_READ, 0, 0);
}

/* A first line that ends and is none, and a head that is too long, are evhttp's to refuse. */
static bool
is_hopeless(struct evbuffer *in, size_t most)
{
	struct evbuffer_ptr lf;
	char last = '\0';

	if (evbuffer_get_length(in) > most)
		return true;
	lf = evbuffer_search(in, "\n", 1, NULL);
	if (lf.pos == 0)
		return true;
	if (lf.pos < 0 || evbuffer_ptr_set(in, &lf, (size_t)lf.pos - 1, EVBUFFER_PTR_SET) != 0)
		return false;
	return evbuffer_copyout_from(in, &lf, &last, 1) != 1 || last != '\r';
}

/* Whose is the request that is coming in? Called whenever there is more of it. */
static void
look_at_head(struct conn *c)
{
	struct evbuffer *in = bufferevent_get_input(c->bev);
	size_t len = head_length(in, &c->scanned);
	struct head *h;
	int r = 0;

	if (len == 0 && !is_hopeless(in, c->set->limits.header_bytes))
		return;
	h = len > 0 && len <= c->set->limits.header_bytes ? head_read_request(in, len) : NULL;
	if (h != NULL)
		r = c->set->claims(c, h, in, c->set->claims_cookie);
	if (r > 0) {
		c->claimed = h;
		c->holding = false; /* and the mark stays */
		event_active(c->soon, 0, 0);
		return;
	}
	head_free(h);
	if (r == 0)
		release(c);
}

/* What came in while the last reply was on its way out. */
static void
read_early(struct conn *c)
{
	struct evbuffer *in = bufferevent_get_input(c->bev);
	struct evbuffer *early = TAKE(c->early);

	evbuffer_unfreeze(in, 0);
	evbuffer_add_buffer(in, early);
	evbuffer_freeze(in, 0);
	evbuffer_free(early);
	if (!c->holding && c->claimed == NULL)
		bufferevent_trigger(c->bev, EV_READ, BEV_TRIG_DEFER_CALLBACKS);
}

static void
on_soon(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;

	(void)fd;
	(void)what;
	if (c->evcon == NULL && !conn_attach(c))
		return;
	if (c->doomed) {
		evhttp_connection_free(c->evcon);
		return;
	}
	if (c->early != NULL)
		read_early(c);
	if (c->claimed != NULL) {
		c->set->on_claimed(c, TAKE(c->claimed), c->set->claims_cookie);
		return;
	}
	if (c->state == CONN_RECEIVING && evbuffer_get_length(bufferevent_get_output(c->bev)) > 0)
		replace_library_answer(c);
}

static void
on_input(struct evbuffer *in, const struct evbuffer_cb_info *info, void *arg)
{
	struct conn *c = arg;
	const struct http_limits *limits = &c->set->limits;
	size_t most = c->body_bytes + limits->header_bytes + INPUT_SLACK_BYTES;

	if (info->n_added == 0)
		return;
	if (c->state == CONN_IDLE)
		conn_enter(c, CONN_RECEIVING);
	if (c->holding)
		look_at_head(c);
	if (evbuffer_get_length(in) <= most)
		return;
	if (c->state == CONN_SENDING) {
		bufferevent_disable(c->bev, EV_READ); /* evhttp reads on after the reply */
	} else if (evbuffer_get_length(in) > 2 * most) {
		/* A chunk size without an end; everything else evhttp would have taken out or
		 * refused by now. */
		c->doomed = true;
		event_active(c->soon, 0, 0);
	}
}

static void
on_output(struct evbuffer *out, const struct evbuffer_cb_info *info, void *arg)
{
	struct conn *c = arg;

	(void)out;
	if (info->n_added > 0 && c->state == CONN_RECEIVING)
		event_active(c->soon, 0, 0);
}

static void
on_closed(struct evhttp_connection *evcon, void *arg)
{
	struct conn *c = arg;

	(void)evcon;
	/* evhttp is about to close the descriptor, and the bufferevent may outlive that by a
	 * reference: its events must not stay registered for a number that the next accept gets
	 * again. */
	bufferevent_disable(c->bev, EV_READ | EV_WRITE);
	if (c->exchange != NULL)
		c->on_abandoned(c);
	if (c->linger)
		linger_add(c->set->lingers, c->fd);
	evbuffer_remove_cb(bufferevent_get_input(c->bev), on_input, c);
	evbuffer_remove_cb(bufferevent_get_output(c->bev), on_output, c);
	c->set->by_fd[c->fd] = NULL;
	conn_free(c);
}

static void
conn_free(struct conn *c)
{
	TAILQ_REMOVE(&c->set->in[c->state], c, next);
	c->set->n--;
	if (c->body_bytes > c->set->limits.body_bytes)
		c->set->n_large--;
	event_free(c->soon);
	if (c->peer != NULL)
		event_free(c->peer);
	if (c->early != NULL)
		evbuffer_free(c->early);
	head_free(c->claimed);
	free(c);
}

/* -- one request */

struct conn *
conn_take(struct conns *cs, struct evhttp_request *req)
{
	struct evhttp_connection *evcon = evhttp_request_get_connection(req);
	struct bufferevent *bev = evhttp_connection_get_bufferevent(evcon);
	evutil_socket_t fd = bufferevent_getfd(bev);
	struct conn *c = NULL;

	if (fd >= 0 && (size_t)fd < cs->by_fd_size)
		c = cs->by_fd[fd];
	if (c == NULL || c->evcon != evcon)
		return NULL;
	c->on_abandoned = cs->on_abandoned;
	conn_enter(c, CONN_ANSWERING);
	evhttp_request_set_on_complete_cb(req, on_sent, c);
	return c;
}

/* evhttp stops reading while a request is answered, so nothing would tell. Edge-triggered: a
 * further request that waits in the socket must not keep the loop busy. */
void
conn_hold(struct conn *c)
{
	c->peer = event_new(
	    loop_base(c->set->loop), c->fd, EV_READ | EV_CLOSED | EV_ET | EV_PERSIST, on_peer, c);
	if (c->peer == NULL)
		abort();
	event_add(c->peer, NULL);
}

static void
on_peer(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;
	struct pollfd p = { .fd = fd, .events = POLLRDHUP };

	(void)what;
	if (poll(&p, 1, 0) == 1 && (p.revents & (POLLRDHUP | POLLHUP | POLLERR)))
		evhttp_connection_free(c->evcon);
}

void
conn_reply(struct conn *c, struct evhttp_request *req, int status, struct evbuffer *body)
{
	struct evbuffer *out = bufferevent_get_output(c->bev);

	if (c->peer != NULL) {
		event_free(c->peer);
		c->peer = NULL;
	}
	if (c->set->closing)
		evhttp_add_header(evhttp_request_get_output_headers(req), "Connection", "close");
	conn_enter(c, CONN_SENDING);
	evhttp_send_reply(req, status, reply_reason(status), body);
	/* Now rather than in the next turn of the loop: it saves a system call and half a turn, and
	 * a client that has shut its sending side down still gets its answer. What the socket does
	 * not take, evhttp sends later. */
	evbuffer_unfreeze(out, 1);
	(void)evbuffer_write(out, c->fd);
	evbuffer_freeze(out, 1);
	if (evbuffer_get_length(out) == 0)
		bufferevent_trigger(c->bev, EV_WRITE, BEV_TRIG_DEFER_CALLBACKS);
}

void
conn_stream_begin(struct conn *c, struct evhttp_request *req)
{
	(void)c;
	evhttp_send_reply_start(req, 200, reply_reason(200));
}

/* evhttp reads while it sends a reply in pieces, so it sees by itself that a client is gone. */
void
conn_stream_write(struct conn *c, struct evhttp_request *req, struct evbuffer *piece,
    void (*on_taken)(struct evhttp_connection *evcon, void *arg), void *arg)
{
	(void)c;
	evhttp_send_reply_chunk_with_cb(req, piece, on_taken, arg);
}

void
conn_stream_end(struct conn *c, struct evhttp_request *req)
{
	conn_enter(c, CONN_SENDING);
	evhttp_send_reply_end(req);
}

size_t
conn_unsent(const struct conn *c)
{
	return evbuffer_get_length(bufferevent_get_output(c->bev));
}

const char *
conn_peer(const struct conn *c)
{
	char *address = NULL;
	uint16_t port = 0;

	evhttp_connection_get_peer(c->evcon, &address, &port);
	return address;
}

void
conn_drop(struct conn *c)
{
	evhttp_connection_free(c->evcon);
}

static void
on_sent(struct evhttp_request *req, void *arg)
{
	struct conn *c = arg;
	struct evbuffer *in = bufferevent_get_input(c->bev);
	bool more = evbuffer_get_length(in) > 0;

	(void)req;
	conn_enter(c, more ? CONN_RECEIVING : CONN_IDLE);
	/* evhttp closes most of these by itself, but never after CONNECT */
	c->doomed = c->linger || c->set->closing;
	hold(c);
	if (more && c->holding) {
		/* evhttp would read it in the next turn, held or not. */
		c->early = evbuffer_new();
		if (c->early == NULL)
			abort();
		evbuffer_add_buffer(c->early, in);
	}
	if (c->doomed || c->early != NULL)
		event_active(c->soon, 0, 0);
}

/* -- requests that evhttp does not see */

void
conn_take_over(struct conn *c, bufferevent_data_cb read, bufferevent_data_cb write,
    bufferevent_event_cb event, void *arg)
{
	bufferevent_getcb(
	    c->bev, &c->evhttp.read, &c->evhttp.write, &c->evhttp.event, &c->evhttp.arg);
	bufferevent_setcb(c->bev, read, write, event, arg);
	bufferevent_setwatermark(c->bev, EV_READ, 0, STREAM_BYTES);
	bufferevent_setwatermark(c->bev, EV_WRITE, STREAM_BYTES, 0);
	(void)bufferevent_set_max_single_write(c->bev, STREAM_WRITE_BYTES); /* else 16 KiB */
	bufferevent_enable(c->bev, EV_READ | EV_WRITE);
	conn_enter(c, CONN_ANSWERING);
}

void
conn_moved(struct conn *c)
{
	conn_enter(c, CONN_TRANSFER);
}

void
conn_wait(struct conn *c)
{
	if (c->state != CONN_ANSWERING)
		conn_enter(c, CONN_ANSWERING);
}

/* evhttp waits for a first line, as it did before, and for it nothing has happened. */
void
conn_give_back(struct conn *c)
{
	struct evbuffer *in = bufferevent_get_input(c->bev);
	bool more = evbuffer_get_length(in) > 0;

	c->exchange = NULL;
	bufferevent_disable(c->bev, EV_WRITE);
	bufferevent_setcb(c->bev, c->evhttp.read, c->evhttp.write, c->evhttp.event, c->evhttp.arg);
	bufferevent_setwatermark(c->bev, EV_WRITE, 0, 0);
	conn_enter(c, more ? CONN_RECEIVING : CONN_IDLE);
	hold(c);
	c->doomed = c->set->closing;
	if (more) {
		c->early = evbuffer_new();
		if (c->early == NULL)
			abort();
		evbuffer_add_buffer(c->early, in);
	}
	if (c->doomed || more)
		event_active(c->soon, 0, 0);
}
