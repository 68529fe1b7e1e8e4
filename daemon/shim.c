/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Spawns localemu-ecs-shim with its end of a socket pair on fd 3 and drives the conversation of
 * shim.proto from the daemon's side. What comes from the shim is hostile input: it can end this
 * object, never the daemon.
 */
#include "daemon/shim.h"

#include "common/link.h"
#include "common/log.h"
#include "daemon/config.h"
#include "daemon/fleet.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define SHIM_FD 3
#define GREETING_MS 10000 /* until HelloAck */
#define LEAVING_MS 5000   /* from Bye to the end of the process */
#define PARTING_MS                                                                                 \
	300 /* between the end of the link and the end of the process, either way round */

struct shim {
	struct loop *loop;
	const struct config *config;
	struct shim_callbacks cb;
	char task_id[33];
	pid_t pid; /* 0 once reaped */
	struct child *child;
	struct link *link;   /* NULL once closed */
	struct link *closed; /* freed with the shim: not from its own callback */
	struct timer *deadline;
	struct timer *end; /* on_end comes from a turn of its own */
	char *refusal;
	bool leaving;

	/* What is left to say until the greeting is done. */
	Shim__TaskSpec *spec;
	Shim__TaskState *last;
	bool adopt;
	char *stop_code;
	char *stop_reason;
};

static int on_hello_ack(struct link *l, const Shim__Frame *f, void *cookie);
static int on_task_state(struct link *l, const Shim__Frame *f, void *cookie);
static int on_refused(struct link *l, const Shim__Frame *f, void *cookie);
static int on_log_line(struct link *l, const Shim__Frame *f, void *cookie);

#define ANY_STATE (BIT(LINK_NEW) | BIT(LINK_GREETED) | BIT(LINK_TASK))

/* clang-format off */
static const struct link_handler handlers[LINK_HANDLERS_MAX] = {
	[SHIM__FRAME__BODY_HELLO_ACK]  = { "HelloAck",  BIT(LINK_NEW),  on_hello_ack },
	[SHIM__FRAME__BODY_TASK_STATE] = { "TaskState", BIT(LINK_TASK), on_task_state },
	[SHIM__FRAME__BODY_REFUSED]    = { "Refused",   ANY_STATE,      on_refused },
	[SHIM__FRAME__BODY_LOG_LINE]   = { "LogLine",   ANY_STATE,      on_log_line },
};

/* All that a shim inherits of our environment: what a program needs to run, and what test builds are steered by. */
static const char *const passed_on[] = {
	"PATH", "TZ", "ASAN_OPTIONS", "LSAN_OPTIONS", "UBSAN_OPTIONS", "GCOV_PREFIX", "GCOV_PREFIX_STRIP",
};
/* clang-format on */

static int spawn_process(const char *path, int fd, pid_t *ret, struct err *e);
static int take_order(struct shim *s, const struct shim_order *order, struct err *e);
static void send_hello(struct shim *s);
static void on_child(pid_t pid, int status, void *arg);
static void on_close(struct link *l, int reason, void *cookie);
static void on_deadline(void *arg);
static void on_end_due(void *arg);

int
shim_spawn(struct loop *l, const struct config *config, const struct shim_order *order,
    const struct shim_callbacks *cb, struct shim **ret, struct err *e)
{
	_cleanup_free_ char *path = xasprintf("%s/localemu-ecs-shim", config->libexec_dir);
	_cleanup_close_ int ours = -1, theirs = -1;
	struct shim *s;
	int pair[2], r;

	s = xcalloc(1, sizeof(*s));
	*s = (struct shim){ .loop = l, .config = config, .cb = *cb };
	memcpy(s->task_id, order->task->id, sizeof(s->task_id));
	r = take_order(s, order, e);
	if (r < 0)
		goto fail;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
		r = err_set_errno(e, errno, "socketpair");
		goto fail;
	}
	ours = pair[0];
	theirs = pair[1];
	r = spawn_process(path, theirs, &s->pid, e);
	if (r < 0)
		goto fail;
	s->child = child_watch(l, s->pid, on_child, s);
	if (s->child == NULL) {
		r = err_set_errno(e, errno, "%s: pidfd", path);
		(void)kill(s->pid, SIGKILL);
		(void)waitpid(s->pid, NULL, 0); /* it was just killed: no wait worth the name */
		goto fail;
	}
	s->link = link_new(l, TAKE_FD(ours), handlers, on_close, s);
	s->deadline = timer_new(l, on_deadline, s);
	s->end = timer_new(l, on_end_due, s);
	timer_set(s->deadline, GREETING_MS);
	send_hello(s);
	log_debug(
	    "task", s->task_id, "shim %d spawned to %s", (int)s->pid, s->adopt ? "adopt" : "start");
	*ret = s;
	return 0;
fail:
	s->pid = 0;
	shim_free(s);
	return r;
}

static int
take_order(struct shim *s, const struct shim_order *order, struct err *e)
{
	const struct store_task *t = order->task;

	s->spec = shim__task_spec__unpack(NULL, t->spec_len, t->spec);
	if (s->spec == NULL)
		return err_set(e, ERR_SERVER, "the stored specification of the task is unreadable");
	s->adopt = order->last != NULL;
	if (s->adopt) {
		size_t n = shim__task_state__get_packed_size(order->last);
		_cleanup_free_ uint8_t *packed = xcalloc(n, 1);

		shim__task_state__pack(order->last, packed);
		s->last = shim__task_state__unpack(NULL, n, packed);
	}
	if (order->stop_code != NULL) {
		s->stop_code = xstrdup(order->stop_code);
		s->stop_reason = xstrdup(order->stop_reason != NULL ? order->stop_reason : "");
	}
	return 0;
}

static int
spawn_process(const char *path, int fd, pid_t *ret, struct err *e)
{
	char *argv[] = { xstrdup("localemu-ecs-shim"), NULL };
	char *envp[ARRAY_SIZE(passed_on) + 1];
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t none, all;
	size_t n = 0;
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(passed_on); i++)
		if (getenv(passed_on[i]) != NULL)
			envp[n++] = xasprintf("%s=%s", passed_on[i], getenv(passed_on[i]));
	envp[n] = NULL;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, fd, SHIM_FD);
	posix_spawn_file_actions_addclosefrom_np(&actions, SHIM_FD + 1);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setflags(
	    &attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	posix_spawnattr_setpgroup(&attr, 0);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &all);

	r = posix_spawn(ret, path, &actions, &attr, argv, envp);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&actions);
	free(argv[0]);
	for (size_t i = 0; i < n; i++)
		free(envp[i]);
	return r == 0 ? 0 : err_set_errno(e, r, "%s", path);
}

/* protobuf-c packs from pointers that are not const. */
static char *
text(const char *s)
{
	return (char *)(uintptr_t)s;
}

static void
send_hello(struct shim *s)
{
	_cleanup_free_ char *init_path = xasprintf("%s/localemu-ecs-init", s->config->libexec_dir);
	Shim__ServiceEndpoint endpoints[CONFIG_ENDPOINT_MAX];
	Shim__ServiceEndpoint *list[CONFIG_ENDPOINT_MAX];
	Shim__Frame frame = SHIM__FRAME__INIT;
	Shim__Hello hello;

	shim__hello__init(&hello);
	hello.endpoints = list;
	for (size_t i = 0; i < CONFIG_ENDPOINT_MAX; i++) {
		if (s->config->endpoints[i] == NULL)
			continue;
		list[hello.n_endpoints] = &endpoints[i];
		shim__service_endpoint__init(&endpoints[i]);
		endpoints[i].service = text(config_endpoint_services[i]);
		endpoints[i].url = s->config->endpoints[i];
		hello.n_endpoints++;
	}
	hello.protocol = LINK_PROTOCOL;
	hello.engine_socket = s->config->engine_socket;
	hello.runtime_dir = s->config->runtime_dir;
	hello.init_path = init_path;
	hello.publish_address = s->config->publish_address;
	hello.owner = s->config->owner;
	hello.host_enters = config_kind(s->config, KIND_HOST_ENTERS);
	hello.log_level = s->config->debug ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO;
	frame.body_case = SHIM__FRAME__BODY_HELLO;
	frame.hello = &hello;
	(void)link_send(s->link, &frame); /* a link that is gone says so by on_close */
}

static void
send_stop(struct shim *s)
{
	Shim__Frame frame = SHIM__FRAME__INIT;
	Shim__Stop stop;

	shim__stop__init(&stop);
	stop.stop_code = s->stop_code;
	stop.reason = s->stop_reason;
	frame.body_case = SHIM__FRAME__BODY_STOP;
	frame.stop = &stop;
	(void)link_send(s->link, &frame);
}

static int
on_hello_ack(struct link *l, const Shim__Frame *f, void *cookie)
{
	struct shim *s = cookie;
	Shim__Start start = SHIM__START__INIT;
	Shim__Adopt adopt = SHIM__ADOPT__INIT;
	Shim__Frame frame = SHIM__FRAME__INIT;
	Shim__Stop stop;
	int r;

	if (f->hello_ack->protocol != LINK_PROTOCOL)
		return -EPROTO;
	timer_stop(s->deadline);
	link_set_state(l, LINK_GREETED);
	if (s->adopt) {
		adopt.spec = s->spec;
		adopt.last = s->last;
		shim__stop__init(&stop);
		stop.stop_code = s->stop_code;
		stop.reason = s->stop_reason;
		adopt.stop = s->stop_code != NULL ? &stop : NULL;
		frame.body_case = SHIM__FRAME__BODY_ADOPT;
		frame.adopt = &adopt;
	} else {
		start.spec = s->spec;
		frame.body_case = SHIM__FRAME__BODY_START;
		frame.start = &start;
	}
	r = link_send(l, &frame);
	if (r < 0)
		return r;
	link_set_state(l, LINK_TASK);
	if (!s->adopt && s->stop_code != NULL)
		send_stop(s);
	/* Said and done: a shim of a long-running task costs the daemon only its link. */
	shim__task_spec__free_unpacked(TAKE(s->spec), NULL);
	if (s->last != NULL)
		shim__task_state__free_unpacked(TAKE(s->last), NULL);
	s->cb.on_begun(s->cb.cookie);
	return 0;
}

static int
on_task_state(struct link *l, const Shim__Frame *f, void *cookie)
{
	struct shim *s = cookie;

	(void)l;
	s->cb.on_state(f->task_state, s->cb.cookie);
	return 0;
}

static int
on_refused(struct link *l, const Shim__Frame *f, void *cookie)
{
	struct shim *s = cookie;

	(void)l;
	if (s->refusal == NULL) {
		s->refusal = xstrndup(f->refused->text, ERR_TEXT_MAX - 1);
		log_warn("task", s->task_id, "shim refuses: %s", s->refusal);
	}
	return 0;
}

static int
on_log_line(struct link *l, const Shim__Frame *f, void *cookie)
{
	struct shim *s = cookie;
	_cleanup_free_ char *line = xasprintf("shim=%s %s", s->task_id, f->log_line->line);
	uint32_t level = f->log_line->level;

	(void)l;
	log_pass(level <= LOG_LEVEL_DEBUG ? (enum log_level)level : LOG_LEVEL_INFO, line);
	return 0;
}

void
shim_stop(struct shim *s, const char *code, const char *reason)
{
	if (s->stop_code == NULL) {
		s->stop_code = xstrdup(code);
		s->stop_reason = xstrdup(reason);
	}
	if (s->link != NULL && link_get_state(s->link) == LINK_TASK)
		send_stop(s);
}

void
shim_credentials(struct shim *s, const struct fleet_credentials *c)
{
	Shim__Credentials m;
	Shim__Frame frame = SHIM__FRAME__INIT;

	if (s->link == NULL || link_get_state(s->link) != LINK_TASK)
		return;
	shim__credentials__init(&m);
	m.id = text(c->id);
	m.role_arn = text(c->role_arn);
	m.access_key_id = text(c->access_key);
	m.secret_access_key = text(c->secret);
	m.session_token = text(c->token);
	m.expires_at_ms = c->expires_at_ms;
	m.execution_role = c->execution_role;
	frame.body_case = SHIM__FRAME__BODY_CREDENTIALS;
	frame.credentials = &m;
	(void)link_send(s->link, &frame); /* a link that is gone says so by on_close */
}

void
shim_firewall(struct shim *s, Shim__Firewall *firewall)
{
	Shim__Frame frame = SHIM__FRAME__INIT;

	if (s->link == NULL || link_get_state(s->link) != LINK_TASK)
		return;
	frame.body_case = SHIM__FRAME__BODY_FIREWALL;
	frame.firewall = firewall;
	(void)link_send(s->link, &frame); /* a link that is gone says so by on_close */
}

void
shim_bye(struct shim *s)
{
	Shim__Bye bye = SHIM__BYE__INIT;
	Shim__Frame frame = SHIM__FRAME__INIT;

	s->leaving = true;
	frame.body_case = SHIM__FRAME__BODY_BYE;
	frame.bye = &bye;
	if (s->link != NULL)
		(void)link_send(s->link, &frame);
	timer_set(s->deadline, LEAVING_MS);
}

/* Both ends have to be seen: a reaped process may have left a last snapshot in the socket, and a
 * closed link may belong to a process that still works on the task, which no second one may do. */
static void
look_for_end(struct shim *s)
{
	if (s->link == NULL && s->pid == 0) {
		timer_stop(s->deadline);
		timer_set(s->end, 0);
	} else {
		timer_set(s->deadline, PARTING_MS);
	}
}

static void
on_child(pid_t pid, int status, void *arg)
{
	struct shim *s = arg;

	s->child = NULL;
	s->pid = 0;
	if (WIFSIGNALED(status))
		log_warn("task", s->task_id, "shim %d was killed by signal %d", (int)pid,
		    WTERMSIG(status));
	else if (WEXITSTATUS(status) != 0)
		log_warn(
		    "task", s->task_id, "shim %d exited with %d", (int)pid, WEXITSTATUS(status));
	look_for_end(s);
}

static void
on_close(struct link *l, int reason, void *cookie)
{
	struct shim *s = cookie;

	(void)l;
	if (reason != 0)
		log_warn("task", s->task_id, "link to shim %d closed: %s", (int)s->pid,
		    strerror(-reason));
	s->closed = TAKE(s->link);
	look_for_end(s);
}

static void
on_deadline(void *arg)
{
	struct shim *s = arg;

	if (s->pid != 0) {
		log_warn("task", s->task_id, "shim %d %s, killing it", (int)s->pid,
		    s->link == NULL ? "goes on without its link"
		    : s->leaving    ? "does not leave"
				    : "does not answer the greeting");
		(void)kill(s->pid, SIGKILL); /* not reaped yet: the pid is still its own */
		return;
	}
	/* Something else holds its end of the socket open. */
	link_free(TAKE(s->link));
	look_for_end(s);
}

static void
on_end_due(void *arg)
{
	struct shim *s = arg;

	s->cb.on_end(s->refusal, s->cb.cookie);
}

void
shim_free(struct shim *s)
{
	if (s == NULL)
		return;
	link_free(s->link);
	link_free(s->closed);
	child_free(s->child);
	timer_free(s->deadline);
	timer_free(s->end);
	if (s->spec != NULL)
		shim__task_spec__free_unpacked(s->spec, NULL);
	if (s->last != NULL)
		shim__task_state__free_unpacked(s->last, NULL);
	free(s->refusal);
	free(s->stop_code);
	free(s->stop_reason);
	free(s);
}
