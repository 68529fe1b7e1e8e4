/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Namespaces and their preparation (see net.h). Called by container.c and task.c; it must not know
 * what the listeners serve.
 */
#include "shim/net.h"
#include "shim/endpoint.h"
#include "shim/nat.h"
#include "shim/nl.h"
#include "shim/proxy.h"
#include "common/log.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>

/* ECS reserves both, 51679 for this very purpose. */
#define ENDPOINT_PORT 51679
#define PROXY_PORT 51680
#define BACKLOG 64
#define STACK_BYTES (256 * 1024)
#define HOST_FILE ".endpoint"
#define TOKEN_BYTES 32

enum { LISTEN_ENDPOINT, LISTEN_PROXY, LISTEN_MAX };

static const struct nat_rule rules[LISTEN_MAX] = {
	[LISTEN_ENDPOINT] = { .from = 80, .to = ENDPOINT_PORT },
	[LISTEN_PROXY] = { .from = 4566, .to = PROXY_PORT },
};

/* One namespace. What the thread writes is read after it has ended. */
struct space {
	struct net *net;
	struct space *next;
	dev_t dev;
	ino_t ino;
	bool ready;
	bool found;          /* look before anything is added */
	bool stale;          /* the filter has changed meanwhile */
	char *first, *again; /* the filter, as the thread reads it */
	pthread_t thread;
	bool running;
	int done_fd; /* the thread's last word */
	struct event *done;
	int ns_fd;
	int fds[LISTEN_MAX];
	int result;
	struct err err;
	int64_t took_us;
	struct endpoint_listener *endpoint;
	struct proxy_listener *proxy;
};

struct user {
	struct space *space;
	net_done_fn *done; /* NULL: does not wait */
	void *arg;
};

struct net {
	struct loop *loop;
	char *name;
	struct endpoint *endpoint;
	struct proxy *proxy;
	struct space *spaces;
	struct user *users;
	size_t n;
	struct endpoint_listener *host;
	char *first, *again; /* the filter; NULL: there is none */
};

static void *prepare(void *arg);
static void on_prepared(evutil_socket_t fd, short what, void *arg);
static void space_free(struct space *s);

struct net *
net_new(
    struct loop *l, const char *name, size_t users, struct endpoint *endpoint, struct proxy *proxy)
{
	struct net *n = xcalloc(1, sizeof(*n));

	*n = (struct net){ .loop = l,
		.name = xstrdup(name),
		.endpoint = endpoint,
		.proxy = proxy,
		.users = xcalloc(users, sizeof(*n->users)),
		.n = users };
	return n;
}

void
net_free(struct net *n)
{
	if (n == NULL)
		return;
	while (n->spaces != NULL)
		space_free(n->spaces);
	endpoint_unlisten(n->endpoint, n->host);
	free(n->users);
	free(n->first);
	free(n->again);
	free(n->name);
	free(n);
}

/* --- on the thread, inside the namespace --- */

static int
listen_on(uint16_t port, struct err *e)
{
	struct sockaddr_in sa = { .sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	_cleanup_close_ int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int on = 1;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) < 0 ||
	    bind(fd, (const struct sockaddr *)&sa, sizeof(sa)) < 0 || listen(fd, BACKLOG) < 0)
		return err_set_errno(e, errno, "cannot listen on 127.0.0.1:%u", port);
	return TAKE_FD(fd);
}

/* The rules only see what has a route. */
static bool
has_route(void)
{
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_port = htons(80) };
	_cleanup_close_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	(void)inet_pton(AF_INET, NAT_ADDRESS, &sa.sin_addr);
	return fd >= 0 && connect(fd, (const struct sockaddr *)&sa, sizeof(sa)) == 0;
}

/* The filter comes first: where the NAT rules are, it has been. */
static int
add_rules(struct space *s)
{
	_cleanup_free_ char *nat = NULL;
	_cleanup_free_ char *all = NULL;

	if (s->found && nat_is_there(rules, LISTEN_MAX))
		return s->again != NULL ? nat_restore(s->again, &s->err) : 0;
	nat = nat_text(rules, LISTEN_MAX);
	all = xasprintf("%s%s", s->first != NULL ? s->first : "", nat);
	return nat_restore(all, &s->err);
}

static int
prepare_here(struct space *s)
{
	int r = 0;

	if (setns(s->ns_fd, CLONE_NEWNET) < 0)
		return err_set_errno(&s->err, errno, "cannot enter the network namespace");
	for (size_t i = 0; i < LISTEN_MAX; i++)
		if ((s->fds[i] = listen_on(rules[i].to, &s->err)) < 0)
			return s->fds[i];
	r = nl_loopback(has_route() ? NULL : NAT_ADDRESS "/32", &s->err);
	return r == 0 ? add_rules(s) : r;
}

static int64_t
now_us(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static void *
prepare(void *arg)
{
	struct space *s = arg;
	int64_t began = now_us();

	if (!s->ready)
		s->result = prepare_here(s);
	else if (setns(s->ns_fd, CLONE_NEWNET) < 0)
		s->result = err_set_errno(&s->err, errno, "cannot enter the network namespace");
	else
		s->result = nat_restore(s->again, &s->err);
	s->took_us = now_us() - began;
	(void)eventfd_write(s->done_fd, 1);
	return NULL;
}

/* --- on the loop --- */

static void
space_join(struct space *s)
{
	if (s->running)
		(void)pthread_join(s->thread, NULL);
	s->running = false;
}

static void
space_free(struct space *s)
{
	struct net *n = s->net;
	struct space **link = &n->spaces;

	space_join(s);
	while (*link != s)
		link = &(*link)->next;
	*link = s->next;
	for (size_t i = 0; i < n->n; i++)
		if (n->users[i].space == s)
			n->users[i] = (struct user){ 0 };
	endpoint_unlisten(n->endpoint, s->endpoint);
	proxy_unlisten(n->proxy, s->proxy);
	if (s->done != NULL)
		event_free(s->done);
	for (size_t i = 0; i < LISTEN_MAX; i++)
		if (s->fds[i] >= 0)
			close(s->fds[i]);
	if (s->done_fd >= 0)
		close(s->done_fd);
	if (s->ns_fd >= 0)
		close(s->ns_fd);
	free(s->first);
	free(s->again);
	free(s);
}

/* What the thread may read while the loop goes on. */
static void
copy_filter(struct space *s)
{
	free(s->first);
	free(s->again);
	s->first = s->net->first != NULL ? xstrdup(s->net->first) : NULL;
	s->again = s->net->again != NULL ? xstrdup(s->net->again) : NULL;
	s->stale = false;
}

/* Signals are the loop's. */
static int
start_thread(struct space *s)
{
	pthread_attr_t attr;
	sigset_t all, before;
	int r;

	(void)sigfillset(&all);
	(void)pthread_attr_init(&attr);
	(void)pthread_attr_setstacksize(&attr, STACK_BYTES);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&s->thread, &attr, prepare, s);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	(void)pthread_attr_destroy(&attr);
	s->running = r == 0;
	return r;
}

static struct space *
space_new(struct net *n, int ns_fd, const struct stat *st, bool found, struct err *e)
{
	struct space *s = xcalloc(1, sizeof(*s));

	*s = (struct space){ .net = n,
		.next = n->spaces,
		.dev = st->st_dev,
		.ino = st->st_ino,
		.found = found,
		.ns_fd = ns_fd,
		.fds = { -1, -1 },
		.done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) };
	n->spaces = s;
	copy_filter(s);
	s->done = event_new(loop_base(n->loop), s->done_fd, EV_READ | EV_PERSIST, on_prepared, s);
	if (s->done_fd >= 0 && s->done != NULL && event_add(s->done, NULL) == 0 &&
	    start_thread(s) == 0)
		return s;
	(void)err_set(e, ERR_SERVER, "cannot start the preparation of a network namespace");
	space_free(s);
	return NULL;
}

static void
wake(struct user *u, const struct err *e)
{
	net_done_fn *done = TAKE(u->done);

	if (done != NULL)
		done(e, u->arg);
}

static bool
is_used(const struct net *n, const struct space *s)
{
	for (size_t i = 0; i < n->n; i++)
		if (n->users[i].space == s)
			return true;
	return false;
}

static void
take_listeners(struct space *s)
{
	s->endpoint = endpoint_listen(s->net->endpoint, TAKE_FD(s->fds[LISTEN_ENDPOINT]));
	s->proxy = proxy_listen(s->net->proxy, TAKE_FD(s->fds[LISTEN_PROXY]));
	if (s->endpoint == NULL || s->proxy == NULL)
		s->result = err_set(&s->err, ERR_SERVER, "cannot serve a network namespace");
}

/* The namespace has been there before, only the filter is another. What cannot be had leaves the
 * one before it as it was. */
static void
filter_again(struct space *s)
{
	copy_filter(s);
	if (s->again != NULL && start_thread(s) != 0)
		log_err("task", s->net->name, "cannot start the change of a firewall");
}

static void
on_filtered(struct space *s)
{
	if (s->result < 0)
		log_err("task", s->net->name, "security groups: %s", s->err.text);
	else
		log_debug("task", s->net->name, "security groups changed in %lld us",
		    (long long)s->took_us);
	if (!is_used(s->net, s))
		space_free(s);
	else if (s->stale)
		filter_again(s);
}

void
net_set_filter(struct net *n, const char *first, const char *again)
{
	free(n->first);
	free(n->again);
	n->first = xstrdup(first);
	n->again = xstrdup(again);
	for (struct space *s = n->spaces; s != NULL; s = s->next) {
		s->stale = true;
		if (!s->running)
			filter_again(s);
	}
}

static void
on_prepared(evutil_socket_t fd, short what, void *arg)
{
	struct space *s = arg;
	struct net *n = s->net;
	eventfd_t word;
	struct err e;

	(void)what;
	(void)eventfd_read(fd, &word);
	space_join(s);
	if (s->ready) {
		on_filtered(s);
		return;
	}
	if (s->result == 0)
		take_listeners(s);
	s->ready = s->result == 0;
	e = s->err;
	if (s->ready)
		log_debug("task", n->name, "network namespace prepared in %lld us",
		    (long long)s->took_us);
	for (size_t i = 0; i < n->n; i++) {
		struct user *u = &n->users[i];

		if (u->space != s)
			continue;
		if (!s->ready)
			u->space = NULL;
		wake(u, s->ready ? NULL : &e);
	}
	if (!is_used(n, s))
		space_free(s);
	else if (s->stale)
		filter_again(s);
}

static struct space *
find(const struct net *n, const struct stat *st)
{
	for (struct space *s = n->spaces; s != NULL; s = s->next)
		if (s->dev == st->st_dev && s->ino == st->st_ino)
			return s;
	return NULL;
}

static bool
is_own(const struct stat *st)
{
	struct stat own;

	return stat("/proc/self/ns/net", &own) == 0 && own.st_dev == st->st_dev &&
	       own.st_ino == st->st_ino;
}

void
net_prepare(struct net *n, size_t user, pid_t pid, bool found, net_done_fn *done, void *arg)
{
	_cleanup_free_ char *path = xasprintf("/proc/%d/ns/net", (int)pid);
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct user *u = &n->users[user];
	struct space *s;
	struct err e = { 0 };
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0) {
		(void)err_set_errno(&e, errno, "cannot open the network namespace");
		done(&e, arg);
		return;
	}
	s = find(n, &st);
	if (u->space != s)
		net_leave(n, user);
	if (is_own(&st)) {
		done(NULL, arg);
		return;
	}
	if (s == NULL)
		s = space_new(n, TAKE_FD(fd), &st, found, &e);
	if (s == NULL) {
		done(&e, arg);
		return;
	}
	/* News that is older than the init which waits. */
	if (found && u->space == s && u->done != NULL)
		return;
	*u = (struct user){ .space = s, .done = done, .arg = arg };
	if (s->ready)
		wake(u, NULL);
}

void
net_leave(struct net *n, size_t user)
{
	struct space *s;

	if (n == NULL)
		return;
	s = n->users[user].space;
	n->users[user] = (struct user){ 0 };
	/* One that is being prepared goes when it is done. */
	if (s != NULL && !s->running && !is_used(n, s))
		space_free(s);
}

/* --- the host --- */

/* "41627 <token>"; port 0 where there is no such file. */
static void
read_host(const char *path, uint16_t *port, char token[static 2 * TOKEN_BYTES + 1])
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	char text[128] = "", *end = text;
	unsigned long number;
	size_t len;

	*port = 0;
	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
		return;
	number = strtoul(text, &end, 10);
	len = *end == ' ' ? strspn(end + 1, "0123456789abcdef") : 0;
	if (number > UINT16_MAX || len != 2 * (size_t)TOKEN_BYTES)
		return;
	memcpy(token, end + 1, len);
	token[len] = '\0';
	*port = (uint16_t)number;
}

static int
write_host(const char *path, unsigned port, const char *token, struct err *e)
{
	_cleanup_free_ char *text = xasprintf("%u %s\n", port, token);
	_cleanup_close_ int fd = -1;

	(void)unlink(path);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		return err_set_errno(e, errno, "cannot write %s", path);
	return 0;
}

int
net_open_host(
    struct net *n, const char *directory, uint16_t *ret_port, char **ret_token, struct err *e)
{
	_cleanup_free_ char *path = xasprintf("%s/" HOST_FILE, directory);
	char token[2 * TOKEN_BYTES + 1] = "";
	struct sockaddr_in sa = { 0 };
	socklen_t len = sizeof(sa);
	uint16_t port = 0;
	int fd;

	if (mkdir(directory, 0755) < 0 && errno != EEXIST)
		return err_set_errno(e, errno, "cannot make %s", directory);
	read_host(path, &port, token);
	fd = listen_on(port, e);
	if (fd < 0)
		return fd;
	if (port == 0) {
		random_hex(token, TOKEN_BYTES);
		(void)getsockname(fd, (struct sockaddr *)&sa, &len);
		port = ntohs(sa.sin_port);
		if (write_host(path, port, token, e) < 0) {
			close(fd);
			return -EIO;
		}
	}
	n->host = endpoint_listen(n->endpoint, fd);
	if (n->host == NULL)
		return err_set(e, ERR_SERVER, "cannot serve the host's loopback");
	*ret_port = port;
	*ret_token = xstrdup(token);
	return 0;
}

void
net_forget_host(const char *directory)
{
	_cleanup_free_ char *path = xasprintf("%s/" HOST_FILE, directory);

	(void)unlink(path);
}
