/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Serves the gates of one task's containers. Called by container.c; it knows sockets and
 * directories, and must not know the Engine or the task's state.
 */
#include "shim/gate.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#define GATE_NAME "s"
#define GATE_BACKLOG 4

struct gate {
	struct loop *loop;
	const struct gate_callbacks *cb;
	void *cookie;
	int listen_fd;
	struct event *listen_event;
	int fd; /* of the init that waits or execs, -1 */
	struct event *event;
	bool opened;
};

static int gate_listen(struct gate *g, const char *parent, const char *name, struct err *e);
static void on_connection(evutil_socket_t fd, short what, void *arg);
static void on_word(evutil_socket_t fd, short what, void *arg);

int
gate_new(struct loop *l, const char *parent, const char *name, const struct gate_callbacks *cb,
    void *cookie, struct gate **ret, struct err *e)
{
	struct gate *g = xcalloc(1, sizeof(*g));
	int r;

	*g = (struct gate){ .loop = l, .cb = cb, .cookie = cookie, .listen_fd = -1, .fd = -1 };
	r = gate_listen(g, parent, name, e);
	if (r < 0) {
		gate_free(g);
		return r;
	}
	*ret = g;
	return 0;
}

/* The names of tasks and containers are longer than a socket address: it is bound through its
 * directory's descriptor. */
static int
gate_listen(struct gate *g, const char *parent, const char *name, struct err *e)
{
	_cleanup_free_ char *dir = xasprintf("%s/%s", parent, name);
	_cleanup_close_ int dir_fd = -1;
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	if (mkdir(dir, 0755) < 0 && errno != EEXIST)
		return err_set_errno(e, errno, "cannot make %s", dir);
	dir_fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	g->listen_fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (dir_fd < 0 || g->listen_fd < 0)
		return err_set_errno(e, errno, "cannot open %s", dir);
	(void)unlinkat(dir_fd, GATE_NAME, 0);
	(void)snprintf(addr.sun_path, sizeof(addr.sun_path), "/proc/self/fd/%d/" GATE_NAME, dir_fd);
	if (bind(g->listen_fd, (const struct sockaddr *)&addr, sizeof(addr)) < 0 ||
	    fchmodat(dir_fd, GATE_NAME, 0666, 0) < 0 || listen(g->listen_fd, GATE_BACKLOG) < 0)
		return err_set_errno(e, errno, "cannot listen in %s", dir);
	g->listen_event =
	    event_new(loop_base(g->loop), g->listen_fd, EV_READ | EV_PERSIST, on_connection, g);
	if (g->listen_event == NULL || event_add(g->listen_event, NULL) < 0)
		return err_set_errno(e, ENOMEM, "cannot watch %s", dir);
	return 0;
}

static void
drop_connection(struct gate *g)
{
	if (g->event != NULL)
		event_free(g->event);
	g->event = NULL;
	if (g->fd >= 0)
		close(TAKE_FD(g->fd));
	g->opened = false;
}

/* A container has one init; whoever connects later is its next one, after a restart. */
static void
on_connection(evutil_socket_t fd, short what, void *arg)
{
	struct gate *g = arg;
	struct ucred peer = { 0 };
	socklen_t len = sizeof(peer);
	int c = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)what;
	if (c < 0)
		return;
	if (getsockopt(c, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0) {
		close(c);
		return;
	}
	drop_connection(g);
	g->fd = c;
	g->event = event_new(loop_base(g->loop), c, EV_READ | EV_PERSIST, on_word, g);
	if (g->event == NULL || event_add(g->event, NULL) < 0) {
		drop_connection(g);
		return;
	}
	g->cb->on_arrival(g, peer.pid, g->cookie);
}

/* Before the gate is open EOF only means that this init is gone: its exit tells the rest. */
static void
on_word(evutil_socket_t fd, short what, void *arg)
{
	struct gate *g = arg;
	struct gate_failure failure = { 0 };
	ssize_t n = recv(fd, &failure, sizeof(failure), 0);
	bool opened = g->opened;

	(void)what;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	drop_connection(g);
	/* An error is an init that ended before it read the word. */
	if (opened && n >= 0)
		g->cb->on_passed(g, n == (ssize_t)sizeof(failure) ? &failure : NULL, g->cookie);
}

void
gate_open(struct gate *g)
{
	static const char word = GATE_OPEN;

	if (g->fd < 0 || g->opened)
		return;
	g->opened = true;
	if (send(g->fd, &word, sizeof(word), MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)sizeof(word))
		drop_connection(g);
}

void
gate_shut(struct gate *g)
{
	if (g != NULL && !g->opened)
		drop_connection(g);
}

void
gate_poll(struct gate *g)
{
	if (g == NULL)
		return;
	if (g->fd < 0)
		on_connection(g->listen_fd, EV_READ, g);
	if (g->fd >= 0)
		on_word(g->fd, EV_READ, g);
}

void
gate_free(struct gate *g)
{
	if (g == NULL)
		return;
	drop_connection(g);
	if (g->listen_event != NULL)
		event_free(g->listen_event);
	if (g->listen_fd >= 0)
		close(g->listen_fd);
	free(g);
}

void
gate_remove(const char *parent, const char *name)
{
	_cleanup_free_ char *dir = xasprintf("%s/%s", parent, name);
	_cleanup_free_ char *path = xasprintf("%s/" GATE_NAME, dir);

	(void)unlink(path);
	(void)rmdir(dir);
}

/* The only child, where the Engine put its own init (linuxParameters.initProcessEnabled) in front;
 * 0: none. */
static pid_t
child_of(pid_t pid)
{
	_cleanup_free_ char *path = xasprintf("/proc/%d/task/%d/children", (int)pid, (int)pid);
	char text[16] = "";
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
		return 0;
	return (pid_t)strtol(text, NULL, 10);
}

bool
gate_was_passed(pid_t pid, const char *init_path)
{
	_cleanup_free_ char *exe = xasprintf("/proc/%d/exe", (int)pid);
	char name[PATH_MAX] = "";
	const char *base;
	struct stat running, init;

	if (pid <= 0 || readlink(exe, name, sizeof(name) - 1) < 0 || stat(exe, &running) < 0)
		return false;
	base = strrchr(name, '/') != NULL ? strrchr(name, '/') + 1 : name;
	if (streq(base, "docker-init"))
		return gate_was_passed(child_of(pid), init_path);
	/* Before init the process is runc, from a sealed copy: "/memfd:runc_cloned:/proc/self/exe
	 * (deleted)". */
	if (has_prefix(name, "/memfd:runc") || streq(base, "runc") || streq(base, "crun"))
		return false;
	return stat(init_path, &init) == 0 &&
	       (running.st_dev != init.st_dev || running.st_ino != init.st_ino);
}

/* Docker's own frame around what Go's exec.LookPath, or the kernel, said. */
char *
gate_failure_text(const struct gate_failure *failure, const char *argv0)
{
	_cleanup_free_ char *what = NULL;

	if (failure->found)
		what = xasprintf("exec %s: %s", argv0,
		    failure->errnum == ENOEXEC  ? "exec format error"
		    : failure->errnum == ENOENT ? "no such file or directory"
		    : failure->errnum == EACCES ? "permission denied"
						: strerror(failure->errnum));
	else if (failure->errnum == ENOENT && strchr(argv0, '/') == NULL)
		what = xasprintf("exec: \"%s\": executable file not found in $PATH", argv0);
	else if (failure->errnum == ENOENT)
		what = xasprintf("exec: \"%s\": stat %s: no such file or directory", argv0, argv0);
	else if (failure->errnum == EACCES || failure->errnum == EPERM)
		what = xasprintf("exec: \"%s\": permission denied", argv0);
	else if (failure->errnum == EISDIR)
		what = xasprintf("exec: \"%s\": is a directory", argv0);
	else
		what = xasprintf("exec: \"%s\": %s", argv0, strerror(failure->errnum));
	return xasprintf("failed to create shim task: OCI runtime create failed: runc create "
			 "failed: unable to start "
			 "container process: %s: unknown",
	    what);
}
