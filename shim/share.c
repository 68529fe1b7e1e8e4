/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lock is a flock on a file, the word goes over a socket beside it: the kernel ends both with
 * the process. Called by pull.c.
 */
#include "shim/share.h"
#include "common/log.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#define BACKLOG 128
#define OUTCOME_MAX 2048
/* A leader that has the lock and no socket yet, or no socket any more, is about to have done that.
 */
#define AGAIN_MS 20

struct share {
	struct loop *loop;
	const struct share_callbacks *cb;
	void *cookie;
	char *directory;
	char lock_name[32], socket_name[32];
	struct timer *timer;
	int fd; /* who waits: the connection; who leads: the listening socket */
	struct event *event;
	int lock_fd;
	int *waiting; /* connections of the others */
	size_t n_waiting;
};

static void join(void *arg);
static void lead(struct share *s, int dir_fd);
static void follow(struct share *s, int dir_fd);
static void on_waiting(evutil_socket_t fd, short what, void *arg);
static void on_word(evutil_socket_t fd, short what, void *arg);

/* FNV-1a: names of images are longer than names of files. */
static uint64_t
hash(const char *text)
{
	uint64_t h = 14695981039346656037u;

	for (; *text != '\0'; text++)
		h = (h ^ (unsigned char)*text) * 1099511628211u;
	return h;
}

struct share *
share_new(struct loop *l, const char *directory, const char *name, const struct share_callbacks *cb,
    void *cookie)
{
	struct share *s = xcalloc(1, sizeof(*s));

	*s = (struct share){ .loop = l, .cb = cb, .cookie = cookie, .fd = -1, .lock_fd = -1 };
	s->directory = xstrdup(directory);
	(void)snprintf(s->lock_name, sizeof(s->lock_name), "%016" PRIx64 ".lock", hash(name));
	(void)snprintf(s->socket_name, sizeof(s->socket_name), "%016" PRIx64 ".s", hash(name));
	s->timer = timer_new(l, join, s);
	timer_set(s->timer, 0);
	return s;
}

static void
drop_socket(struct share *s)
{
	if (s->event != NULL)
		event_free(s->event);
	s->event = NULL;
	if (s->fd >= 0)
		close(TAKE_FD(s->fd));
}

/* The files go before the lock does: who takes a lock on a file that is gone looks again. */
static void
step_down(struct share *s)
{
	int dir_fd = open(s->directory, O_PATH | O_DIRECTORY | O_CLOEXEC);

	drop_socket(s);
	for (size_t i = 0; i < s->n_waiting; i++)
		close(s->waiting[i]);
	s->n_waiting = 0;
	if (dir_fd >= 0) {
		(void)unlinkat(dir_fd, s->socket_name, 0);
		(void)unlinkat(dir_fd, s->lock_name, 0);
		close(dir_fd);
	}
	close(TAKE_FD(s->lock_fd));
}

void
share_free(struct share *s)
{
	if (s == NULL)
		return;
	if (s->lock_fd >= 0)
		step_down(s);
	drop_socket(s);
	timer_free(s->timer);
	free(s->waiting);
	free(s->directory);
	free(s);
}

void
share_tell(struct share *s, const char *outcome)
{
	size_t len = strnlen(outcome, OUTCOME_MAX - 1) + 1;

	if (s->lock_fd < 0)
		return;
	if (s->fd >= 0)
		on_waiting(s->fd, 0, s);
	for (size_t i = 0; i < s->n_waiting; i++)
		(void)send(s->waiting[i], outcome, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	step_down(s);
}

/* True if the lock is ours: on the file that has the name now. */
static bool
is_current(const struct share *s, int dir_fd)
{
	struct stat ours, named;

	return fstat(s->lock_fd, &ours) == 0 &&
	       fstatat(dir_fd, s->lock_name, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
	       ours.st_ino == named.st_ino && ours.st_dev == named.st_dev;
}

static void
join(void *arg)
{
	struct share *s = arg;
	_cleanup_close_ int dir_fd = -1;

	(void)mkdir(s->directory, 0700);
	dir_fd = open(s->directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir_fd >= 0)
		s->lock_fd =
		    openat(dir_fd, s->lock_name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (s->lock_fd < 0) {
		log_warn("dir", s->directory, "cannot be shared: %s", strerror(errno));
		s->cb->on_lead(s->cookie);
	} else if (flock(s->lock_fd, LOCK_EX | LOCK_NB) < 0) {
		close(TAKE_FD(s->lock_fd));
		follow(s, dir_fd);
	} else if (!is_current(s, dir_fd)) {
		close(TAKE_FD(s->lock_fd));
		timer_set(s->timer, 0);
	} else {
		lead(s, dir_fd);
	}
}

static void
set_address(const struct share *s, int dir_fd, struct sockaddr_un *ret)
{
	*ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
	(void)snprintf(
	    ret->sun_path, sizeof(ret->sun_path), "/proc/self/fd/%d/%s", dir_fd, s->socket_name);
}

static void
watch(struct share *s, event_callback_fn fn)
{
	s->event = event_new(loop_base(s->loop), s->fd, EV_READ | EV_PERSIST, fn, s);
	if (s->event == NULL || event_add(s->event, NULL) < 0)
		abort();
}

static void
lead(struct share *s, int dir_fd)
{
	struct sockaddr_un addr;

	set_address(s, dir_fd, &addr);
	(void)unlinkat(dir_fd, s->socket_name, 0);
	s->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->fd >= 0 && bind(s->fd, (const struct sockaddr *)&addr, sizeof(addr)) == 0 &&
	    listen(s->fd, BACKLOG) == 0)
		watch(s, on_waiting);
	else
		log_warn("dir", s->directory, "cannot listen: %s", strerror(errno));
	s->cb->on_lead(s->cookie);
}

static void
on_waiting(evutil_socket_t fd, short what, void *arg)
{
	struct share *s = arg;
	int c;

	(void)what;
	while ((c = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0) {
		s->waiting = xrealloc(s->waiting, s->n_waiting + 1, sizeof(*s->waiting));
		s->waiting[s->n_waiting++] = c;
	}
}

static void
follow(struct share *s, int dir_fd)
{
	struct sockaddr_un addr;

	set_address(s, dir_fd, &addr);
	s->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->fd >= 0 && connect(s->fd, (const struct sockaddr *)&addr, sizeof(addr)) == 0) {
		watch(s, on_word);
		return;
	}
	drop_socket(s);
	timer_set(s->timer, AGAIN_MS);
}

/* Its word, or its end without one. */
static void
on_word(evutil_socket_t fd, short what, void *arg)
{
	struct share *s = arg;
	char outcome[OUTCOME_MAX];
	ssize_t n = recv(fd, outcome, sizeof(outcome) - 1, 0);

	(void)what;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	drop_socket(s);
	if (n <= 0) {
		timer_set(s->timer, 0);
		return;
	}
	outcome[n] = '\0';
	s->cb->on_told(outcome, s->cookie);
}
