/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libevent with an explicit base: signals, timers, deferred calls, the end of children. Called by
 * everything that waits; it knows nothing of what it waits for.
 */
#include "common/loop.h"

#include <errno.h>
#include <sys/pidfd.h>
#include <sys/queue.h>
#include <sys/wait.h>

struct loop_signal {
	LIST_ENTRY(loop_signal) next;
	struct event *ev;
	void (*fn)(int signo, void *arg);
	void *arg;
};

struct timer {
	LIST_ENTRY(timer) next;
	struct event *ev;
	void (*fn)(void *arg);
	void *arg;
};

struct child {
	LIST_ENTRY(child) next;
	struct event *ev;
	pid_t pid;
	int fd;
	void (*fn)(pid_t pid, int status, void *arg);
	void *arg;
};

struct deferred {
	STAILQ_ENTRY(deferred) next;
	void (*fn)(void *arg);
	void *arg;
};
STAILQ_HEAD(deferred_list, deferred);

struct loop {
	struct event_base *base;
	bool quit;
	int code;
	LIST_HEAD(, loop_signal) signals;
	LIST_HEAD(, timer) timers;
	LIST_HEAD(, child) children;
	struct deferred_list deferred;
	struct event *turn;
};

static void on_signal(evutil_socket_t signo, short what, void *arg);
static void on_timer(evutil_socket_t fd, short what, void *arg);
static void on_turn(evutil_socket_t fd, short what, void *arg);
static void on_child(evutil_socket_t fd, short what, void *arg);

static struct event *
require_event(struct event *ev)
{
	if (ev == NULL)
		abort();
	return ev;
}

struct loop *
loop_new(void)
{
	struct loop *l = xcalloc(1, sizeof(*l));

	l->base = event_base_new();
	if (l->base == NULL)
		abort();
	l->turn = require_event(evtimer_new(l->base, on_turn, l));
	STAILQ_INIT(&l->deferred);
	return l;
}

static void
signal_free(struct loop_signal *s)
{
	LIST_REMOVE(s, next);
	event_free(s->ev);
	free(s);
}

void
loop_free(struct loop *l)
{
	if (l == NULL)
		return;
	while (!LIST_EMPTY(&l->signals))
		signal_free(LIST_FIRST(&l->signals));
	while (!LIST_EMPTY(&l->timers))
		timer_free(LIST_FIRST(&l->timers));
	while (!LIST_EMPTY(&l->children))
		child_free(LIST_FIRST(&l->children));
	while (!STAILQ_EMPTY(&l->deferred)) {
		struct deferred *d = STAILQ_FIRST(&l->deferred);

		STAILQ_REMOVE_HEAD(&l->deferred, next);
		free(d);
	}
	event_free(l->turn);
	event_base_free(l->base);
	free(l);
}

struct event_base *
loop_base(struct loop *l)
{
	return l->base;
}

int
loop_run(struct loop *l)
{
	/* libevent forgets a break that was asked for while it did not run. */
	if (!l->quit)
		(void)event_base_loop(l->base, EVLOOP_NO_EXIT_ON_EMPTY);
	l->quit = false;
	return l->code;
}

void
loop_quit(struct loop *l, int code)
{
	l->quit = true;
	l->code = code;
	event_base_loopbreak(l->base);
}

void
loop_on_signal(struct loop *l, int signo, void (*fn)(int signo, void *arg), void *arg)
{
	struct loop_signal *s = xcalloc(1, sizeof(*s));

	s->fn = fn;
	s->arg = arg;
	s->ev = require_event(evsignal_new(l->base, signo, on_signal, s));
	LIST_INSERT_HEAD(&l->signals, s, next);
	if (event_add(s->ev, NULL) < 0)
		abort();
}

static void
on_signal(evutil_socket_t signo, short what, void *arg)
{
	struct loop_signal *s = arg;

	(void)what;
	s->fn((int)signo, s->arg);
}

struct timer *
timer_new(struct loop *l, void (*fn)(void *arg), void *arg)
{
	struct timer *t = xcalloc(1, sizeof(*t));

	t->fn = fn;
	t->arg = arg;
	t->ev = require_event(evtimer_new(l->base, on_timer, t));
	LIST_INSERT_HEAD(&l->timers, t, next);
	return t;
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct timer *t = arg;

	(void)fd;
	(void)what;
	t->fn(t->arg); /* may have freed t */
}

void
timer_set(struct timer *t, int64_t ms)
{
	struct timeval tv = { 0 };

	if (ms > 0) {
		tv.tv_sec = ms / 1000;
		tv.tv_usec = ms % 1000 * 1000;
	}
	if (event_add(t->ev, &tv) < 0)
		abort();
}

void
timer_stop(struct timer *t)
{
	event_del(t->ev);
}

bool
timer_pending(const struct timer *t)
{
	return evtimer_pending(t->ev, NULL) != 0;
}

void
timer_free(struct timer *t)
{
	if (t == NULL)
		return;
	LIST_REMOVE(t, next);
	event_free(t->ev);
	free(t);
}

void
loop_defer(struct loop *l, void (*fn)(void *arg), void *arg)
{
	static const struct timeval at_once = { 0 };
	struct deferred *d = xcalloc(1, sizeof(*d));

	d->fn = fn;
	d->arg = arg;
	if (STAILQ_EMPTY(&l->deferred) && event_add(l->turn, &at_once) < 0)
		abort();
	STAILQ_INSERT_TAIL(&l->deferred, d, next);
}

/* What a deferred call defers comes in the turn after this one. */
static void
on_turn(evutil_socket_t fd, short what, void *arg)
{
	struct loop *l = arg;
	struct deferred_list now = STAILQ_HEAD_INITIALIZER(now);

	(void)fd;
	(void)what;
	STAILQ_CONCAT(&now, &l->deferred);
	while (!STAILQ_EMPTY(&now)) {
		struct deferred *d = STAILQ_FIRST(&now);

		STAILQ_REMOVE_HEAD(&now, next);
		d->fn(d->arg);
		free(d);
	}
}

struct child *
child_watch(struct loop *l, pid_t pid, void (*fn)(pid_t pid, int status, void *arg), void *arg)
{
	int fd = pidfd_open(pid, 0);
	struct child *c;

	if (fd < 0)
		return NULL;
	c = xcalloc(1, sizeof(*c));
	c->pid = pid;
	c->fd = fd;
	c->fn = fn;
	c->arg = arg;
	c->ev = require_event(event_new(l->base, fd, EV_READ | EV_PERSIST, on_child, c));
	LIST_INSERT_HEAD(&l->children, c, next);
	if (event_add(c->ev, NULL) < 0)
		abort();
	return c;
}

static void
on_child(evutil_socket_t fd, short what, void *arg)
{
	struct child *c = arg;
	struct child ended = *c;
	int status = 0;
	pid_t got;

	(void)fd;
	(void)what;
	got = waitpid(c->pid, &status, WNOHANG);
	if (got == 0 || (got < 0 && errno == EINTR))
		return;
	if (got < 0)
		status =
		    W_EXITCODE(255, 0); /* somebody else reaped it: its end is all that is known */
	child_free(c);
	ended.fn(ended.pid, status, ended.arg);
}

void
child_free(struct child *c)
{
	if (c == NULL)
		return;
	LIST_REMOVE(c, next);
	event_free(c->ev);
	close(c->fd);
	free(c);
}
