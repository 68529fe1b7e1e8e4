/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One connection to the other emulator per request, a "passage" (see upstream.h). Bytes move when
 * one side has some and the other has room; how far they belong to this request and to its answer,
 * framing.c says.
 */
#include "daemon/http/upstream.h"

#include "common/log.h"
#include "daemon/http/framing.h"
#include "daemon/http/reply.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/dns.h>
#include <event2/event.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define ROOM_BYTES (64u * 1024)      /* that may wait on one side */
#define ANSWER_HEAD_MAX (64u * 1024) /* of the other emulator's answer */
#define CONNECT_S 5
#define STALL_S 60 /* without the other emulator taking a byte */

struct upstream {
	struct event_base *base;
	struct evdns_base *dns; /* NULL until a name has to be looked up */
	const char *host;
	int port;
};

struct passage {
	struct upstream *u;
	struct conn *c;
	struct bufferevent *bev; /* to the other emulator; NULL: it is done */
	struct head *head;
	enum wire wire;
	struct framing in;  /* of the request */
	struct framing out; /* of the answer */
	size_t scanned;
	bool answering; /* the head of the answer has been passed on */
	bool keep_alive;
	bool eof;  /* the other emulator has closed its side */
	bool over; /* the whole answer is in the client's output buffer */
	int64_t start_ms;
};

static void on_client_readable(struct bufferevent *bev, void *arg);
static void on_client_writable(struct bufferevent *bev, void *arg);
static void on_client_event(struct bufferevent *bev, short what, void *arg);
static void on_readable(struct bufferevent *bev, void *arg);
static void on_writable(struct bufferevent *bev, void *arg);
static void on_event(struct bufferevent *bev, short what, void *arg);
static void on_gone(struct conn *c);
static void pump_request(struct passage *p);

struct upstream *
upstream_new(struct loop *l, const char *host, const char *port)
{
	struct upstream *u = xcalloc(1, sizeof(*u));

	u->base = loop_base(l);
	u->host = host;
	u->port = (int)strtol(port, NULL, 10);
	return u;
}

void
upstream_free(struct upstream *u)
{
	if (u == NULL)
		return;
	if (u->dns != NULL)
		evdns_base_free(u->dns, 0);
	free(u);
}

static bool
connect_to(struct passage *p)
{
	static const struct timeval limit = { .tv_sec = CONNECT_S };
	struct upstream *u = p->u;
	/* libevent tries one address only, and an emulator's IPv4 one is the likely one. */
	int family = strchr(u->host, ':') != NULL ? AF_INET6 : AF_INET;

	if (u->dns == NULL)
		u->dns = evdns_base_new(
		    u->base, EVDNS_BASE_INITIALIZE_NAMESERVERS | EVDNS_BASE_DISABLE_WHEN_INACTIVE);
	p->bev = bufferevent_socket_new(u->base, -1, BEV_OPT_CLOSE_ON_FREE);
	if (p->bev == NULL)
		abort();
	bufferevent_setcb(p->bev, on_readable, on_writable, on_event, p);
	bufferevent_setwatermark(p->bev, EV_READ, 0, ROOM_BYTES);
	bufferevent_setwatermark(p->bev, EV_WRITE, ROOM_BYTES / 2, 0);
	(void)bufferevent_set_timeouts(p->bev, NULL, &limit); /* cannot fail on a new one */
	bufferevent_enable(p->bev, EV_READ | EV_WRITE);
	return bufferevent_socket_connect_hostname(p->bev, u->dns, family, u->host, u->port) == 0;
}

/* -- the end */

static void
passage_free(struct passage *p)
{
	if (p->bev != NULL)
		bufferevent_free(p->bev);
	head_free(p->head);
	free(p);
}

static void
on_gone(struct conn *c)
{
	struct passage *p = c->exchange;

	c->exchange = NULL;
	passage_free(p);
}

/* The client has the whole answer. */
static void
finish(struct passage *p)
{
	struct conn *c = p->c;

	log_debug("op", p->head->method, "passed on in %lld ms",
	    (long long)(monotonic_ms() - p->start_ms));
	if (!p->keep_alive || !p->in.over) {
		c->linger = !p->in.over;
		conn_drop(c); /* on_gone frees */
		return;
	}
	conn_give_back(c);
	passage_free(p);
}

static void
flush(struct passage *p)
{
	struct evbuffer *out = bufferevent_get_output(p->c->bev);

	p->over = true;
	bufferevent_setwatermark(p->c->bev, EV_WRITE, 0, 0);
	conn_moved(p->c);
	if (evbuffer_get_length(out) == 0)
		bufferevent_trigger(p->c->bev, EV_WRITE, BEV_TRIG_DEFER_CALLBACKS);
}

static void
close_upstream(struct passage *p)
{
	if (p->bev != NULL)
		bufferevent_free(p->bev);
	p->bev = NULL;
}

/* The other emulator does not answer, or not in HTTP. */
static void
fail(struct passage *p, const char *why)
{
	struct evbuffer *out = bufferevent_get_output(p->c->bev);
	_cleanup_free_ char *body = NULL;
	const char *type;
	char text[256], id[37];

	close_upstream(p);
	if (p->answering) {
		/* What there is of the answer goes out, and then nothing more. */
		p->keep_alive = false;
		flush(p);
		return;
	}
	(void)snprintf(text, sizeof(text), "The emulator that LOCALEMU_UPSTREAM names %s.", why);
	log_warn("op", p->head->method, "%s", text);
	random_uuid(id);
	body = reply_error_body(p->wire, 502,
	    p->wire == WIRE_JSON ? "ServiceUnavailableException" : "ServiceUnavailable", text, id,
	    &type);
	evbuffer_add_printf(out,
	    "HTTP/1.1 502 %s\r\nContent-Type: %s\r\nx-amzn-RequestId: %s\r\n"
	    "Content-Length: %zu\r\nConnection: close\r\n\r\n%s",
	    reply_reason(502), type, id, strlen(body), body);
	p->keep_alive = false;
	flush(p);
}

/* -- the request */

void
upstream_pass(struct upstream *u, struct conn *c, struct head *h, enum wire wire)
{
	struct passage *p = xcalloc(1, sizeof(*p));

	p->u = u;
	p->c = c;
	p->head = h;
	p->wire = wire;
	p->start_ms = monotonic_ms();
	p->keep_alive = head_keeps_alive(h);
	conn_take_over(c, on_client_readable, on_client_writable, on_client_event, p);
	c->exchange = p;
	c->on_abandoned = on_gone;
	if (!connect_to(p) && !p->over)
		fail(p, "cannot be reached");
	if (p->bev == NULL)
		return; /* on_event may have been quicker */
	if (framing_of_request(h, &p->in) < 0) {
		fail(p, "is not asked: the length of the body cannot be understood");
		return;
	}
	evbuffer_remove_buffer(
	    bufferevent_get_input(c->bev), bufferevent_get_output(p->bev), h->bytes);
	pump_request(p);
}

static void
pump_request(struct passage *p)
{
	struct evbuffer *to = p->bev != NULL ? bufferevent_get_output(p->bev) : NULL;

	if (to == NULL || p->in.over || evbuffer_get_length(to) >= ROOM_BYTES)
		return;
	if (framing_pass(&p->in, bufferevent_get_input(p->c->bev), to, ROOM_BYTES) < 0) {
		p->keep_alive = false;
		p->answering = true; /* the other emulator has part of it: nobody can answer */
		fail(p, "");
		return;
	}
	if (p->in.over)
		conn_wait(p->c);
	else
		conn_moved(p->c);
}

/* -- the answer */

/* Passes heads on, interim ones too. False where there is no whole one yet, or no more use. */
static bool
pass_head(struct passage *p)
{
	struct evbuffer *in = bufferevent_get_input(p->bev);
	struct evbuffer *out = bufferevent_get_output(p->c->bev);
	size_t len = head_length(in, &p->scanned);
	struct head *h;
	int status;

	if (len == 0) {
		/* the read callback comes again only where there is room for more */
		bufferevent_setwatermark(p->bev, EV_READ, 0, ANSWER_HEAD_MAX + 1);
		if (evbuffer_get_length(in) > ANSWER_HEAD_MAX)
			fail(p, "sends an answer that is not HTTP");
		return false;
	}
	h = head_read_answer(in, len);
	status = h != NULL ? h->status : 0;
	if (h == NULL ||
	    framing_of_answer(h,
		streq(p->head->method, "HEAD") || status == 204 || status == 304 || status < 200,
		&p->out) < 0) {
		head_free(h);
		fail(p, "sends an answer that is not HTTP");
		return false;
	}
	p->keep_alive = p->keep_alive && head_keeps_alive(h) && !p->out.until_eof;
	head_free(h);
	evbuffer_remove_buffer(in, out, len);
	p->scanned = 0;
	if (status == 101) /* from here on it is no HTTP any more */
		p->in = p->out = (struct framing){ .until_eof = true };
	p->answering = status >= 200 || status == 101;
	return true;
}

static void
pump_answer(struct passage *p)
{
	struct evbuffer *out = bufferevent_get_output(p->c->bev);
	size_t before = evbuffer_get_length(out);
	struct evbuffer *in;

	while (!p->answering)
		if (!pass_head(p))
			return;
	bufferevent_setwatermark(p->bev, EV_READ, 0, ROOM_BYTES);
	in = bufferevent_get_input(p->bev);
	if (before < ROOM_BYTES && framing_pass(&p->out, in, out, ROOM_BYTES) < 0) {
		fail(p, "");
		return;
	}
	if (evbuffer_get_length(out) > before)
		conn_moved(p->c);
	if (p->eof && evbuffer_get_length(in) == 0 && p->out.until_eof)
		p->out.over = true;
	if (p->out.over) {
		close_upstream(p);
		flush(p);
	} else if (p->eof && evbuffer_get_length(in) == 0) {
		fail(p, "");
	}
}

/* -- what happens on the two connections */

static void
on_client_readable(struct bufferevent *bev, void *arg)
{
	(void)bev;
	pump_request(arg);
}

static void
on_client_writable(struct bufferevent *bev, void *arg)
{
	struct passage *p = arg;

	if (p->over) {
		if (evbuffer_get_length(bufferevent_get_output(bev)) == 0)
			finish(p);
		return;
	}
	if (!p->in.over)
		conn_moved(p->c);
	else
		conn_wait(p->c);
	if (p->bev != NULL && p->answering)
		pump_answer(p);
}

static void
on_client_event(struct bufferevent *bev, short what, void *arg)
{
	struct passage *p = arg;

	(void)bev;
	p->keep_alive = false;
	if ((what & BEV_EVENT_EOF) == 0 || !p->in.over)
		conn_drop(p->c);
}

static void
on_readable(struct bufferevent *bev, void *arg)
{
	(void)bev;
	pump_answer(arg);
}

static void
on_writable(struct bufferevent *bev, void *arg)
{
	(void)bev;
	pump_request(arg);
}

static void
on_event(struct bufferevent *bev, short what, void *arg)
{
	static const struct timeval limit = { .tv_sec = STALL_S };
	struct passage *p = arg;

	if ((what & BEV_EVENT_CONNECTED) != 0) {
		(void)bufferevent_set_timeouts(bev, NULL, &limit); /* the old one serves as well */
		return;
	}
	if ((what & BEV_EVENT_EOF) != 0 && p->answering && p->out.until_eof) {
		evbuffer_add_buffer(bufferevent_get_output(p->c->bev), bufferevent_get_input(bev));
		close_upstream(p);
		flush(p);
		return;
	}
	if (p->answering)
		fail(p, "");
	else
		fail(p, (what & BEV_EVENT_TIMEOUT) != 0 ? "does not answer in time"
			: (what & BEV_EVENT_EOF) != 0
			    ? "has closed the connection without an answer"
			    : "cannot be reached");
}
