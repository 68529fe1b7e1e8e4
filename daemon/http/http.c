/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of the edge and its listening sockets (see http.h): TCP, unix, and those that systemd
 * hands over.
 */
#include "daemon/http/http.h"

#include "daemon/config.h"
#include "daemon/http/claim.h"
#include "daemon/http/conn.h"
#include "daemon/http/edge.h"
#include "daemon/http/event_stream.h"
#include "daemon/http/live_tail.h"
#include "daemon/http/upstream.h"

#include <errno.h>
#include <fcntl.h>
#include <event2/listener.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/un.h>

#define BACKLOG 512
#define LISTENERS_MAX 16

const struct http_limits http_limits_default = {
	.body_bytes = 1024 * 1024,
	.header_bytes = 16 * 1024,
	.connections = 1024,
	.receive_ms = 20 * 1000,
	.idle_ms = 60 * 1000,
	.send_ms = 60 * 1000,
	.heartbeat_ms = 15 * 1000,
};

struct http {
	struct evhttp *server;
	struct conns *conns;
	struct edge edge;
	struct claim claim;
	struct evhttp_bound_socket *bound[LISTENERS_MAX];
	size_t n_bound;
	char *unix_path; /* to be removed */
};

static void on_request(struct evhttp_request *req, void *arg);

/* A connection is a descriptor; half of what we may have is left for everything else. */
static size_t
connections_possible(size_t wanted)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur / 2 < wanted)
		return files.rlim_cur / 2;
	return wanted;
}

struct http *
http_new(struct loop *loop, const struct config *config, struct api *api,
    const struct http_callbacks *cb, const struct http_limits *limits)
{
	struct http *h = xcalloc(1, sizeof(*h));
	struct http_limits l = limits != NULL ? *limits : http_limits_default;

	l.connections = connections_possible(l.connections);
	h->edge = (struct edge){ .config = config, .api = api, .cb = *cb };
	h->server = evhttp_new(loop_base(loop));
	if (h->server == NULL)
		abort();
	evhttp_set_max_headers_size(h->server, (ev_ssize_t)l.header_bytes);
	evhttp_set_max_body_size(h->server, (ev_ssize_t)l.body_bytes);
	evhttp_set_allowed_methods(h->server, UINT16_MAX); /* edge.c refuses in the right words */
	evhttp_set_default_content_type(h->server, NULL);
	evhttp_set_gencb(h->server, on_request, h);
	h->conns = conns_new(loop, h->server, &l, edge_abandon);
	h->conns->claims = claim_wants;
	h->conns->on_claimed = claim_take;
	h->conns->claims_cookie = &h->claim;
	h->claim.config = config;
	if (config->upstream_host != NULL)
		h->claim.upstream =
		    upstream_new(loop, config->upstream_host, config->upstream_port);
	return h;
}

void
http_serve_events(struct http *h, struct event_log *log)
{
	h->edge.log = log;
	h->edge.streams = event_streams_new(h->conns->loop, log, &h->conns->limits);
}

void
http_serve_rest(struct http *h, const struct rest_service *service)
{
	h->claim.rest = service;
}

void
http_serve_tails(struct http *h, struct log_tails *tails)
{
	h->edge.tails = live_tails_new(h->conns->loop, tails, &h->conns->limits);
}

void
http_wake_events(struct http *h)
{
	event_streams_wake(h->edge.streams);
}

void
http_flush_events(struct http *h)
{
	event_streams_flush(h->edge.streams);
}

static void
on_request(struct evhttp_request *req, void *arg)
{
	struct http *h = arg;
	struct conn *c = conn_take(h->conns, req);

	if (c == NULL) /* cannot be: every connection is announced before it is read from */
		evhttp_send_error(req, 500, NULL);
	else
		edge_request(&h->edge, c, req);
}

int
http_keep_listeners(struct http *h, int min, int *ret_fds, int max)
{
	int n = 0;

	for (size_t i = 0; i < h->n_bound && n < max; i++) {
		ret_fds[n] = fcntl(evhttp_bound_socket_get_fd(h->bound[i]), F_DUPFD_CLOEXEC, min);
		n += ret_fds[n] >= 0;
	}
	free(TAKE(h->unix_path));
	return n;
}

void
http_stop_accepting(struct http *h)
{
	while (h->n_bound > 0)
		evhttp_del_accept_socket(h->server, h->bound[--h->n_bound]);
	if (h->unix_path != NULL)
		(void)unlink(h->unix_path); /* gone already: as wanted */
	free(TAKE(h->unix_path));
	conns_close(h->conns);
	event_streams_end(h->edge.streams);
	live_tails_end(h->edge.tails);
}

size_t
http_connections(const struct http *h)
{
	return h->conns->n;
}

void
http_free(struct http *h)
{
	if (h == NULL)
		return;
	http_stop_accepting(h);
	evhttp_free(h->server);
	conns_free(h->conns);
	upstream_free(h->claim.upstream);
	event_streams_free(h->edge.streams);
	live_tails_free(h->edge.tails);
	free(h);
}

/* -- listening sockets */

static int
take_listener(struct http *h, int fd, struct err *e)
{
	struct evhttp_bound_socket *bound;

	if (h->n_bound == LISTENERS_MAX)
		return err_set_errno(e, EMFILE, "listen");
	if (evutil_make_socket_nonblocking(fd) != 0)
		return err_set_errno(e, errno, "listen");
	bound = evhttp_accept_socket_with_handle(h->server, fd);
	if (bound == NULL)
		return err_set_errno(e, ENOMEM, "listen");
	h->bound[h->n_bound++] = bound;
	return 0;
}

static int
port_of(int fd)
{
	union {
		struct sockaddr_storage any;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	} a = { 0 };
	socklen_t len = sizeof(a);

	if (getsockname(fd, (struct sockaddr *)&a, &len) != 0)
		return 0;
	return ntohs(a.any.ss_family == AF_INET6 ? a.in6.sin6_port : a.in.sin_port);
}

/* Binds one address; `port` other than 0 replaces the address's own. */
static int
listen_address(struct http *h, const struct addrinfo *ai, int port, int *ret_port, struct err *e)
{
	static const int on = 1;
	struct sockaddr_storage a;
	_cleanup_close_ int fd = -1;
	int r;

	memcpy(&a, ai->ai_addr, ai->ai_addrlen);
	if (port != 0 && ai->ai_family == AF_INET6)
		((struct sockaddr_in6 *)&a)->sin6_port = htons((uint16_t)port);
	else if (port != 0)
		((struct sockaddr_in *)&a)->sin_port = htons((uint16_t)port);
	fd = socket(ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_set_errno(e, errno, "socket");
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	/* accepted sockets inherit it */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (ai->ai_family == AF_INET6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&a, ai->ai_addrlen) != 0 || listen(fd, BACKLOG) != 0)
		return err_set_errno(e, errno, "listen");
	r = take_listener(h, fd, e);
	if (r < 0)
		return r;
	*ret_port = port_of(TAKE_FD(fd));
	return 0;
}

int
http_listen_tcp(struct http *h, const char *host, const char *port, int *ret_port, struct err *e)
{
	struct addrinfo hints = {
		.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE
	};
	struct addrinfo *all;
	struct err why = { 0 };
	int real = 0;
	int r;

	r = getaddrinfo(host, port, &hints, &all);
	if (r != 0)
		return err_set(e, ERR_SERVER, "%s:%s: %s", host, port, gai_strerror(r));
	r = -EADDRNOTAVAIL;
	for (const struct addrinfo *ai = all; ai != NULL; ai = ai->ai_next) {
		int got = 0;
		int failed = listen_address(h, ai, real, &got, &why);

		/* "localhost" is two addresses, and a machine without IPv6 has only one of them */
		if (failed == 0)
			real = got;
		else if (real == 0)
			r = failed;
	}
	freeaddrinfo(all);
	if (real == 0)
		return err_set_errno(e, -r, "%s:%s", host, port);
	if (ret_port != NULL)
		*ret_port = real;
	return 0;
}

/* A file that is left from a killed daemon takes no connection. */
static int
remove_stale(const struct sockaddr_un *a)
{
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct stat st;

	if (lstat(a->sun_path, &st) != 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST;
	if (fd < 0 || connect(fd, (const struct sockaddr *)a, sizeof(*a)) == 0 ||
	    errno != ECONNREFUSED)
		return -EADDRINUSE;
	return unlink(a->sun_path) == 0 ? 0 : -errno;
}

int
http_listen_unix(struct http *h, const char *path, struct err *e)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	_cleanup_close_ int fd = -1;
	mode_t mask;
	int r;

	if (strlen(path) >= sizeof(a.sun_path))
		return err_set_errno(e, ENAMETOOLONG, "%s", path);
	memcpy(a.sun_path, path, strlen(path) + 1);
	r = remove_stale(&a);
	if (r < 0)
		return err_set_errno(e, -r, "%s", path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_set_errno(e, errno, "%s", path);
	mask = umask(0117);
	r = bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0 && listen(fd, BACKLOG) == 0 ? 0
											: -errno;
	(void)umask(mask);
	if (r < 0)
		return err_set_errno(e, -r, "%s", path);
	r = take_listener(h, fd, e);
	if (r < 0)
		return r;
	(void)TAKE_FD(fd);
	free(h->unix_path);
	h->unix_path = xstrdup(path);
	return 0;
}

int
http_listen_fd(struct http *h, int fd, struct err *e)
{
	static const int on = 1;
	int accepting = 0;
	socklen_t len = sizeof(accepting);

	if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &accepting, &len) != 0)
		return err_set_errno(e, errno, "descriptor %d", fd);
	if (!accepting)
		return err_set_errno(e, EINVAL, "descriptor %d does not listen", fd);
	/* not a TCP socket: nothing to set */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return take_listener(h, fd, e);
}
