/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The byte stream of proxy.h. Each direction holds at most WINDOW_BYTES: who does not read is not
 * read from. An end of one direction is passed on as an end; the second one closes both.
 */
#include "shim/proxy.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/listener.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/un.h>

#define CONNECTIONS_MAX 32 /* of one task: the daemon has to serve the others as well */
#define WINDOW_BYTES (32 * 1024)

enum { SIDE_TASK, SIDE_DAEMON, SIDE_MAX };

struct tunnel {
	TAILQ_ENTRY(tunnel) next;
	struct proxy *proxy;
	struct proxy_listener *from;
	struct bufferevent *side[SIDE_MAX];
	bool ended[SIDE_MAX]; /* it has sent everything */
};

struct proxy_listener {
	struct proxy *proxy;
	struct evconnlistener *listener;
};

struct proxy {
	struct loop *loop;
	struct sockaddr_un daemon;
	TAILQ_HEAD(, tunnel) tunnels;
	size_t n;
};

static void on_connection(
    struct evconnlistener *el, evutil_socket_t fd, struct sockaddr *sa, int len, void *arg);

struct proxy *
proxy_new(struct loop *l, const char *socket_path)
{
	struct proxy *p = xcalloc(1, sizeof(*p));

	p->loop = l;
	p->daemon.sun_family = AF_UNIX;
	(void)strncpy(p->daemon.sun_path, socket_path, sizeof(p->daemon.sun_path) - 1);
	TAILQ_INIT(&p->tunnels);
	return p;
}

static void
tunnel_free(struct tunnel *t)
{
	TAILQ_REMOVE(&t->proxy->tunnels, t, next);
	t->proxy->n--;
	for (size_t i = 0; i < SIDE_MAX; i++)
		if (t->side[i] != NULL)
			bufferevent_free(t->side[i]);
	free(t);
}

void
proxy_free(struct proxy *p)
{
	struct tunnel *t;

	if (p == NULL)
		return;
	while ((t = TAILQ_FIRST(&p->tunnels)) != NULL)
		tunnel_free(t);
	free(p);
}

struct proxy_listener *
proxy_listen(struct proxy *p, int fd)
{
	struct proxy_listener *l = xcalloc(1, sizeof(*l));

	l->proxy = p;
	l->listener = evconnlistener_new(loop_base(p->loop), on_connection, l,
	    LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, fd);
	if (l->listener == NULL) {
		close(fd);
		free(l);
		return NULL;
	}
	return l;
}

void
proxy_unlisten(struct proxy *p, struct proxy_listener *l)
{
	struct tunnel *t, *next;

	if (l == NULL)
		return;
	for (t = TAILQ_FIRST(&p->tunnels); t != NULL; t = next) {
		next = TAILQ_NEXT(t, next);
		if (t->from == l)
			tunnel_free(t);
	}
	evconnlistener_free(l->listener);
	free(l);
}

static size_t
side_of(const struct tunnel *t, const struct bufferevent *bev)
{
	return t->side[SIDE_TASK] == bev ? SIDE_TASK : SIDE_DAEMON;
}

/* Everything that `from` sent is on its way: tell the other side that there is no more. */
static void
pass_end(struct tunnel *t, size_t from)
{
	struct bufferevent *to = t->side[!from];

	if (!t->ended[from] || evbuffer_get_length(bufferevent_get_output(to)) > 0)
		return;
	if (t->ended[!from])
		tunnel_free(t);
	else
		(void)shutdown(bufferevent_getfd(to), SHUT_WR);
}

static void
on_read(struct bufferevent *bev, void *arg)
{
	struct tunnel *t = arg;
	struct evbuffer *out = bufferevent_get_output(t->side[!side_of(t, bev)]);

	(void)evbuffer_add_buffer(out, bufferevent_get_input(bev));
	if (evbuffer_get_length(out) >= WINDOW_BYTES)
		(void)bufferevent_disable(bev, EV_READ);
}

static void
on_drained(struct bufferevent *bev, void *arg)
{
	struct tunnel *t = arg;
	size_t from = !side_of(t, bev);

	if (!t->ended[from])
		(void)bufferevent_enable(t->side[from], EV_READ);
	pass_end(t, from);
}

static void
on_end(struct bufferevent *bev, short what, void *arg)
{
	struct tunnel *t = arg;
	size_t from = side_of(t, bev);

	if ((what & BEV_EVENT_EOF) == 0) {
		tunnel_free(t);
		return;
	}
	t->ended[from] = true;
	pass_end(t, from);
}

static int
reach_daemon(const struct proxy *p)
{
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0 || connect(fd, (const struct sockaddr *)&p->daemon, sizeof(p->daemon)) < 0)
		return -1;
	return TAKE_FD(fd);
}

/* The daemon may be away: then the connection is closed, as by a host where nobody listens. */
static void
on_connection(
    struct evconnlistener *el, evutil_socket_t fd, struct sockaddr *sa, int len, void *arg)
{
	struct proxy_listener *l = arg;
	struct proxy *p = l->proxy;
	int daemon_fd = p->n < CONNECTIONS_MAX ? reach_daemon(p) : -1;
	struct tunnel *t;

	(void)el;
	(void)sa;
	(void)len;
	if (daemon_fd < 0) {
		close(fd);
		return;
	}
	t = xcalloc(1, sizeof(*t));
	t->proxy = p;
	t->from = l;
	TAILQ_INSERT_TAIL(&p->tunnels, t, next);
	p->n++;
	t->side[SIDE_TASK] = bufferevent_socket_new(loop_base(p->loop), fd, BEV_OPT_CLOSE_ON_FREE);
	t->side[SIDE_DAEMON] =
	    bufferevent_socket_new(loop_base(p->loop), daemon_fd, BEV_OPT_CLOSE_ON_FREE);
	if (t->side[SIDE_TASK] == NULL || t->side[SIDE_DAEMON] == NULL)
		abort();
	for (size_t i = 0; i < SIDE_MAX; i++) {
		bufferevent_setcb(t->side[i], on_read, on_drained, on_end, t);
		bufferevent_setwatermark(t->side[i], EV_READ, 0, WINDOW_BYTES);
	}
	for (size_t i = 0; i < SIDE_MAX; i++)
		(void)bufferevent_enable(t->side[i], EV_READ | EV_WRITE);
}
