/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads and forgets (see linger.h). Each socket has an absolute end, however busily its client goes
 * on sending.
 */
#include "daemon/http/linger.h"

#include "common/util.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/queue.h>
#include <sys/socket.h>

#define LINGER_MAX 64
#define LINGER_MS 3000
#define LINGER_READS 64 /* per turn of the loop */

struct linger_socket {
	TAILQ_ENTRY(linger_socket) next;
	struct linger_set *set;
	struct event *ev;
	int fd;
	int64_t until_ms; /* monotonic */
};

struct linger_set {
	struct event_base *base;
	TAILQ_HEAD(, linger_socket) all;
	size_t n;
};

static void on_readable(evutil_socket_t fd, short what, void *arg);
static void linger_free(struct linger_socket *l);

struct linger_set *
linger_set_new(struct event_base *base)
{
	struct linger_set *s = xcalloc(1, sizeof(*s));

	s->base = base;
	TAILQ_INIT(&s->all);
	return s;
}

void
linger_set_free(struct linger_set *s)
{
	struct linger_socket *l;

	if (s == NULL)
		return;
	while ((l = TAILQ_FIRST(&s->all)) != NULL)
		linger_free(l);
	free(s);
}

void
linger_add(struct linger_set *s, int fd)
{
	static const struct timeval timeout = { .tv_sec = LINGER_MS / 1000 };
	struct linger_socket *l;
	int copy;

	if (s->n >= LINGER_MAX)
		return;
	copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (copy < 0)
		return;
	l = xcalloc(1, sizeof(*l));
	l->set = s;
	l->fd = copy;
	l->until_ms = monotonic_ms() + LINGER_MS;
	l->ev = event_new(s->base, copy, EV_READ | EV_PERSIST, on_readable, l);
	if (l->ev == NULL)
		abort();
	TAILQ_INSERT_TAIL(&s->all, l, next);
	s->n++;
	event_add(l->ev, &timeout);
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct linger_socket *l = arg;
	char waste[16384];
	ssize_t n = 1;

	if ((what & EV_TIMEOUT) || monotonic_ms() >= l->until_ms) {
		linger_free(l);
		return;
	}
	for (int i = 0; i < LINGER_READS && n > 0; i++)
		n = recv(fd, waste, sizeof(waste), MSG_DONTWAIT);
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		linger_free(l);
}

static void
linger_free(struct linger_socket *l)
{
	TAILQ_REMOVE(&l->set->all, l, next);
	l->set->n--;
	event_free(l->ev);
	close(l->fd);
	free(l);
}
