/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP/1.0, so that a reply is its head and then bytes up to the end of the connection: no chunks,
 * nothing kept. Called by vpc_network.c.
 */
#include "daemon/engine_call.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

struct engine_call {
	struct engine_call_ask ask;
	struct bufferevent *bev;
	struct timer *end; /* the time is up, or it was over before it began */
	int errnum;        /* of `end` */
};

static void on_read(struct bufferevent *bev, void *arg);
static void on_event(struct bufferevent *bev, short what, void *arg);
static void on_end(void *arg);

static int
begin(struct engine_call *c)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	const struct engine_call_ask *ask = &c->ask;

	if (strlen(ask->socket_path) >= sizeof(sa.sun_path))
		return ENAMETOOLONG;
	memcpy(sa.sun_path, ask->socket_path, strlen(ask->socket_path));
	(void)evbuffer_add_printf(bufferevent_get_output(c->bev),
	    "%s %s HTTP/1.0\r\nHost: docker\r\nContent-Type: application/json\r\n"
	    "Content-Length: %zu\r\n\r\n%s",
	    ask->method, ask->path, ask->body != NULL ? strlen(ask->body) : 0,
	    ask->body != NULL ? ask->body : "");
	if (bufferevent_socket_connect(c->bev, (struct sockaddr *)&sa, sizeof(sa)) < 0)
		return ECONNREFUSED;
	return bufferevent_enable(c->bev, EV_READ | EV_WRITE) < 0 ? ECONNREFUSED : 0;
}

struct engine_call *
engine_call_send(struct loop *l, const struct engine_call_ask *ask)
{
	struct engine_call *c = xcalloc(1, sizeof(*c));

	c->ask = *ask;
	c->end = timer_new(l, on_end, c);
	c->bev = bufferevent_socket_new(
	    loop_base(l), -1, BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
	if (c->bev == NULL)
		abort();
	bufferevent_setcb(c->bev, on_read, NULL, on_event, c);
	c->errnum = begin(c);
	if (c->errnum != 0) {
		timer_set(c->end, 0);
		return c;
	}
	c->errnum = ETIMEDOUT;
	timer_set(c->end, ask->timeout_ms);
	return c;
}

void
engine_call_free(struct engine_call *c)
{
	if (c == NULL)
		return;
	bufferevent_free(c->bev);
	timer_free(c->end);
	free(c);
}

/* The call is gone before its owner hears of the end: it may send the next one from there. */
static void
finish(struct engine_call *c, struct engine_call_reply reply)
{
	void (*on_done)(const struct engine_call_reply *r, void *arg) = c->ask.on_done;
	void *arg = c->ask.arg;
	_cleanup_free_ char *body = reply.len > 0 ? xstrndup(reply.body, reply.len) : NULL;

	reply.body = body != NULL ? body : "";
	engine_call_free(c);
	on_done(&reply, arg);
}

static void
on_end(void *arg)
{
	struct engine_call *c = arg;

	finish(c, (struct engine_call_reply){ .errnum = c->errnum });
}

static void
on_read(struct bufferevent *bev, void *arg)
{
	if (evbuffer_get_length(bufferevent_get_input(bev)) > ENGINE_CALL_REPLY_MAX)
		finish(arg, (struct engine_call_reply){ .errnum = EMSGSIZE });
}

/* All has come: "HTTP/1.0 200 OK", headers, an empty line, the body. */
static void
take_reply(struct engine_call *c)
{
	struct evbuffer *in = bufferevent_get_input(c->bev);
	struct evbuffer_ptr head = evbuffer_search(in, "\r\n\r\n", 4, NULL);
	size_t len = evbuffer_get_length(in);
	const char *text;
	char *end;
	long status;

	if (head.pos < 0 || len < sizeof("HTTP/1.0 200")) {
		finish(c, (struct engine_call_reply){ .errnum = EBADMSG });
		return;
	}
	text = (const char *)evbuffer_pullup(in, -1);
	status = strtol(text + sizeof("HTTP/1.0"), &end, 10);
	if (strncmp(text, "HTTP/1.", 7) != 0 || status < 100 || status > 599) {
		finish(c, (struct engine_call_reply){ .errnum = EBADMSG });
		return;
	}
	finish(c, (struct engine_call_reply){ .status = (int)status,
		      .body = text + head.pos + 4,
		      .len = len - (size_t)head.pos - 4 });
}

static void
on_event(struct bufferevent *bev, short what, void *arg)
{
	(void)bev;
	if ((what & BEV_EVENT_EOF) != 0)
		take_reply(arg);
	else if ((what & BEV_EVENT_ERROR) != 0)
		finish(arg, (struct engine_call_reply){ .errnum = ECONNREFUSED });
}
