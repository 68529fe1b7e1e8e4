/* SPDX-License-Identifier: Apache-2.0 */
/*
 * localemu-ecsd: makes the parts, wires what happens in one to those who want to know, runs the
 * loop, and stops in order. Everything else is somebody else's.
 */
#include "common/json.h"
#include "common/log.h"
#include "daemon/api.h"
#include "daemon/config.h"
#include "daemon/event_log.h"
#include "daemon/events.h"
#include "daemon/fleet.h"
#include "daemon/http/http.h"
#include "daemon/log_keeper.h"
#include "daemon/log_tail.h"
#include "daemon/reconcile/firewalls.h"
#include "daemon/reconcile/services.h"
#include "daemon/reconcile/spot.h"
#include "daemon/reconcile/tasks.h"
#include "daemon/services/s3.h"
#include "daemon/services/service.h"
#include "daemon/store/log.h"
#include "daemon/store/store.h"
#include "daemon/vpc_network.h"
#include "daemon/store/task_event.h"
#include "daemon/systemd.h"
#include "daemon/task_credentials.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>

#define EXIT_USAGE 2
#define DRAIN_TICK_MS 10
#define DRAIN_MAX_MS 2000 /* for the last replies to be taken */
#define KEPT_FDS_MAX 16
#define KEPT_FDS_MIN                                                                               \
	(SD_LISTEN_FDS_START + KEPT_FDS_MAX) /* out of the way of where they go then               \
					      */

struct daemon {
	struct config config;
	struct loop *loop;
	struct store *store;
	struct events *events;
	struct event_log *event_log;
	struct log_keeper *log_keeper;
	struct log_tails *log_tails;
	struct fleet *fleet;
	struct task_credentials *credentials;
	struct reconcile_tasks *reconcile;
	struct vpc_networks *networks;
	struct firewalls *firewalls;
	struct api *api;
	struct reconcile_services *services;
	struct s3 *s3;
	struct http *http;
	char *port_file; /* NULL until it is written */
	int port;        /* 0 where only a unix socket is listened to */
	int64_t started_ms;

	struct systemd *systemd;
	/* The sockets that systemd gave, once more: a reload gives them to the program that
	 * follows. */
	int kept_fds[KEPT_FDS_MAX];
	int n_kept_fds;

	bool stopping;
	bool reloading;
	int exit_code;
	struct timer *drain;
	int64_t drain_deadline_ms;
};

/* Someone who asked for POST /_localemu/state/reset. */
struct reset {
	struct daemon *d;
	void (*done)(const struct err *e, void *done_cookie);
	void *done_cookie;
};

static int daemon_open(struct daemon *d, struct err *e);
static int daemon_listen(struct daemon *d, struct err *e);
static void daemon_close(struct daemon *d);
static int write_port_file(struct daemon *d, struct err *e);
static int make_dirs(const char *path, mode_t mode, struct err *e);
static void on_state(const char *task_id, const Shim__TaskState *s, void *cookie);
static void on_lost(const char *task_id, void *cookie);
static void on_changed(const char *task_id, void *cookie);
static void on_finished(const char *task_id, void *cookie);
static void on_begun(const char *task_id, void *cookie);
static void on_task_events(void *cookie);
static bool must_wait(const struct store_task *t, void *cookie);
static void on_networks(void *cookie);
static void on_service(
    const struct scope *sc, const char *cluster, const char *service, void *cookie);
static void on_network_there(const char *task_id, void *cookie);
static void on_health(struct json_object *o, void *cookie);
static void on_reset(
    void (*done)(const struct err *e, void *done_cookie), void *done_cookie, void *cookie);
static void on_reset_ended(const struct err *e, void *cookie);
static void on_reset_done(const struct err *e, void *cookie);
static int on_log_cursor(const struct scope *sc, const char *group, const char *stream, char **ret,
    struct err *e, void *cookie);
static void print_status(char *buf, size_t size, void *cookie);
static bool cluster_of(const char *task_id, char *buf, size_t size, void *cookie);
static int on_interrupt_spot(
    const char *cluster, const char *task, int64_t *ret, struct err *e, void *cookie);
static void on_stop_signal(int signo, void *arg);
static void on_reload_signal(int signo, void *arg);
static void follow(struct daemon *d, char **argv);
static void on_all_ended(const struct err *e, void *cookie);
static void on_networks_gone(const struct err *e, void *cookie);
static void on_drain(void *arg);

static int
dump_api(void)
{
	struct json_object *o = api_dump();

	printf("%s\n", json_print(o));
	json_object_put(o);
	return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int
main(int argc, char **argv)
{
	struct daemon d = { .started_ms = monotonic_ms() };
	struct err e = { 0 };
	int r = config_read(&d.config, argc, argv, &e);

	if (r == EXIT_DONE)
		return EXIT_SUCCESS;
	if (r < 0) {
		(void)fprintf(stderr, "localemu-ecsd: %s\n", e.text);
		return EXIT_USAGE;
	}
	if (d.config.dump_api) {
		r = dump_api();
		config_done(&d.config);
		return r;
	}
	if (d.config.debug)
		log_set_level(LOG_LEVEL_DEBUG);
	r = daemon_open(&d, &e);
	if (r == 0)
		r = daemon_listen(&d, &e);
	if (r < 0) {
		log_err(NULL, NULL, "%s", e.text);
		daemon_close(&d);
		return EXIT_FAILURE;
	}
	systemd_ready(d.systemd);
	vpc_networks_look(d.networks);
	reconcile_tasks_start(d.reconcile);
	reconcile_services_start(d.services);
	r = loop_run(d.loop);
	daemon_close(&d);
	if (d.reloading && r == EXIT_SUCCESS)
		follow(&d, argv);
	return r;
}

/* A task costs two descriptors, a connection one. */
static void
raise_file_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(
		    RLIMIT_NOFILE, &limit); /* the old limit serves as well, for fewer tasks */
	}
}

static int
daemon_open(struct daemon *d, struct err *e)
{
	const struct config *config = &d->config;
	const struct events_callbacks events_cb = { on_changed, on_finished, d };
	const struct fleet_callbacks fleet_cb = { on_state, on_lost, d };
	const struct vpc_networks_callbacks networks_cb = { on_network_there, d };
	const struct http_callbacks http_cb = { on_health, on_reset, d, on_log_cursor,
		on_interrupt_spot };
	const struct systemd_callbacks systemd_cb = { print_status, cluster_of, d };
	int r;

	(void)signal(SIGPIPE, SIG_IGN); /* cannot fail with these arguments */
	raise_file_limit();

	r = make_dirs(config->runtime_dir, 0755, e);
	if (r == 0 && config->persistence)
		r = make_dirs(config->state_dir, 0700, e);
	if (r == 0)
		r = store_open(config->persistence ? config->state_dir : NULL, &d->store, e);
	if (r < 0)
		return r;
	d->loop = loop_new();
	d->systemd = systemd_new(d->loop, &systemd_cb);
	d->events = events_new(d->store, &events_cb);
	d->fleet = fleet_new(d->loop, config, &fleet_cb);
	d->credentials = task_credentials_new(d->loop, d->store, d->fleet);
	fleet_on_begun(d->fleet, on_begun, d);
	fleet_on_start(d->fleet, must_wait, d);
	d->firewalls = firewalls_new(d->loop, d->store, d->fleet);
	d->networks = vpc_networks_new(d->loop, config, d->store, &networks_cb);
	d->reconcile = reconcile_tasks_new(d->loop, config, d->store, d->fleet);
	d->api = api_new(d->loop, config, d->store, d->fleet);
	api_on_networks(d->api, on_networks, d);
	d->services = reconcile_services_new(d->loop, d->store, d->api);
	api_on_service(d->api, on_service, d);
	d->http = http_new(d->loop, config, d->api, &http_cb, NULL);
	r = s3_new(d->loop, config, d->store, &d->s3, e);
	if (r < 0)
		return r;
	http_serve_rest(d->http, s3_rest(d->s3));
	d->event_log = event_log_new(d->store);
	d->log_keeper = log_keeper_new(d->loop, d->store);
	d->log_tails = log_tails_new(d->store);
	http_serve_tails(d->http, d->log_tails);
	http_serve_events(d->http, d->event_log);
	store_on_task_events(d->store, on_task_events, d);
	d->drain = timer_new(d->loop, on_drain, d);
	loop_on_signal(d->loop, SIGTERM, on_stop_signal, d);
	loop_on_signal(d->loop, SIGINT, on_stop_signal, d);
	loop_on_signal(d->loop, SIGHUP, on_reload_signal, d);
	return 0;
}

static void
daemon_close(struct daemon *d)
{
	if (d->store != NULL)
		store_on_task_events(d->store, NULL, NULL);
	http_free(d->http);
	log_keeper_free(d->log_keeper);
	log_tails_free(d->log_tails);
	s3_free(d->s3);
	event_log_free(d->event_log);
	reconcile_services_free(d->services);
	api_free(d->api);
	reconcile_tasks_free(d->reconcile);
	vpc_networks_free(d->networks);
	firewalls_free(d->firewalls);
	task_credentials_free(d->credentials);
	fleet_free(d->fleet); /* closes the links: shims that still run leave their containers as
				 they are */
	events_free(d->events);
	timer_free(d->drain);
	systemd_free(d->systemd);
	if (d->loop != NULL)
		loop_free(d->loop);
	store_close(d->store);
	if (d->port_file != NULL)
		(void)unlink(
		    d->port_file); /* whoever finds it later is told by the refused connection */
	free(d->port_file);
	config_done(&d->config);
}

/* The port of an inherited listener, 0 for a unix socket. */
static int
port_of(int fd)
{
	struct sockaddr_storage sa = { 0 };
	socklen_t len = sizeof(sa);

	if (getsockname(fd, (struct sockaddr *)&sa, &len) < 0)
		return 0;
	if (sa.ss_family == AF_INET)
		return ntohs(((struct sockaddr_in *)&sa)->sin_port);
	if (sa.ss_family == AF_INET6)
		return ntohs(((struct sockaddr_in6 *)&sa)->sin6_port);
	return 0;
}

static int
listen_inherited(struct daemon *d, int n, struct err *e)
{
	for (int fd = SD_LISTEN_FDS_START; fd < SD_LISTEN_FDS_START + n; fd++) {
		int port = port_of(fd);
		int r = http_listen_fd(d->http, fd, e);

		if (r < 0)
			return r;
		if (d->port == 0)
			d->port = port;
	}
	return 0;
}

static int
listen_own(struct daemon *d, struct err *e)
{
	_cleanup_free_ char *path = xasprintf("%s/api.sock", d->config.runtime_dir);
	int r = http_listen_tcp(d->http, d->config.listen_host, d->config.listen_port, &d->port, e);

	return r < 0 ? r : http_listen_unix(d->http, path, e);
}

static int
daemon_listen(struct daemon *d, struct err *e)
{
	const char *host = d->config.listen_host;
	int n = sd_listen_fds(1);
	int r = n > 0 ? listen_inherited(d, n, e) : listen_own(d, e);

	if (r == 0 && d->port != 0)
		r = write_port_file(d, e);
	if (r < 0)
		return r;
	if (n > 0)
		log_info(NULL, NULL,
		    "localemu-ecsd " LOCALEMU_VERSION " listening on %d inherited sockets", n);
	else
		log_info(NULL, NULL, "localemu-ecsd " LOCALEMU_VERSION " listening on %s%s%s:%d",
		    strchr(host, ':') != NULL ? "[" : "", host,
		    strchr(host, ':') != NULL ? "]" : "", d->port);
	return 0;
}

/* Readers see no file or a whole one. */
static int
write_port_file(struct daemon *d, struct err *e)
{
	_cleanup_free_ char *path = xasprintf("%s/port", d->config.runtime_dir);
	_cleanup_free_ char *incomplete = xasprintf("%s.new", path);
	_cleanup_close_ int fd = open(incomplete, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (fd < 0 || dprintf(fd, "%d\n", d->port) < 0 || rename(incomplete, path) < 0)
		return err_set_errno(e, errno, "%s", path);
	d->port_file = TAKE(path);
	/* What answers of itself where it is (DiscoverPollEndpoint) finds the real port here. */
	free(d->config.listen_port);
	d->config.listen_port = xasprintf("%d", d->port);
	return 0;
}

static int
make_dirs(const char *path, mode_t mode, struct err *e)
{
	_cleanup_free_ char *copy = xstrdup(path);

	for (char *slash = strchr(copy + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(copy, 0755) < 0 && errno != EEXIST)
			return err_set_errno(e, errno, "%s", copy);
		*slash = '/';
	}
	if (mkdir(copy, mode) < 0 && errno != EEXIST)
		return err_set_errno(e, errno, "%s", copy);
	return 0;
}

static void
on_state(const char *task_id, const Shim__TaskState *s, void *cookie)
{
	struct daemon *d = cookie;

	events_state(d->events, task_id, s);
}

static void
on_lost(const char *task_id, void *cookie)
{
	struct daemon *d = cookie;

	reconcile_tasks_lost(d->reconcile, task_id);
}

static void
on_changed(const char *task_id, void *cookie)
{
	struct daemon *d = cookie;

	api_task_changed(d->api, task_id);
	reconcile_services_task(d->services, task_id);
	systemd_changed(d->systemd);
}

static void
on_finished(const char *task_id, void *cookie)
{
	struct daemon *d = cookie;

	task_credentials_end(d->credentials, task_id);
	firewalls_end(d->firewalls, task_id);
	reconcile_tasks_finished(d->reconcile, task_id);
	systemd_changed(d->systemd);
}

static void
on_begun(const char *task_id, void *cookie)
{
	struct daemon *d = cookie;

	task_credentials_begin(d->credentials, task_id);
	firewalls_begin(d->firewalls, task_id);
}

static void
on_task_events(void *cookie)
{
	struct daemon *d = cookie;

	http_wake_events(d->http);
}

/* --- networks of VPCs: tasks wait for theirs --- */

static bool
must_wait(const struct store_task *t, void *cookie)
{
	struct daemon *d = cookie;

	return vpc_networks_hold(d->networks, t);
}

static void
on_networks(void *cookie)
{
	struct daemon *d = cookie;

	vpc_networks_look(d->networks);
	firewalls_look(d->firewalls);
}

static void
on_service(const struct scope *sc, const char *cluster, const char *service, void *cookie)
{
	struct daemon *d = cookie;

	reconcile_services_look(d->services, sc, cluster, service);
}

static void
on_network_there(const char *task_id, void *cookie)
{
	struct daemon *d = cookie;

	reconcile_tasks_lost(d->reconcile, task_id);
}

static void
on_health(struct json_object *o, void *cookie)
{
	struct daemon *d = cookie;
	struct json_object *all = json_object_new_object();

	for (size_t i = 0; i < n_services; i++)
		json_add_str(all, services[i]->name, "running");
	json_add(o, "services", all);
	json_add_str(o, "edition", "localemu-ecs");
	json_add_str(o, "version", LOCALEMU_VERSION);
	json_add_int(o, "uptime", (monotonic_ms() - d->started_ms) / 1000);
	json_add_str(o, "engine",
	    !d->config.docker_backend          ? "disabled"
	    : fleet_engine_reachable(d->fleet) ? "reachable"
					       : "unreachable");
	json_add_int(o, "tasks", (int64_t)fleet_count(d->fleet));
}

static void
on_reset(void (*done)(const struct err *e, void *done_cookie), void *done_cookie, void *cookie)
{
	struct daemon *d = cookie;
	struct reset *reset = xcalloc(1, sizeof(*reset));

	*reset = (struct reset){ d, done, done_cookie };
	reconcile_services_pause(d->services); /* nothing is replaced any more */
	reconcile_tasks_end_all(
	    d->reconcile, "The emulator's state was reset.", on_reset_ended, reset);
}

static void
on_reset_ended(const struct err *e, void *cookie)
{
	struct reset *reset = cookie;
	struct err failure = { 0 };

	http_flush_events(reset->d->http);
	if (e == NULL && store_reset(reset->d->store, &failure) < 0)
		e = &failure;
	reconcile_services_start(reset->d->services);
	if (e == NULL)
		s3_forget(reset->d->s3);
	if (e != NULL)
		on_reset_done(e, reset);
	else
		vpc_networks_end_all(reset->d->networks, on_reset_done, reset);
}

static void
on_reset_done(const struct err *e, void *cookie)
{
	_cleanup_free_ struct reset *reset = cookie;

	if (e != NULL)
		log_err(NULL, NULL, "reset: %s", e->text);
	else
		log_info(NULL, NULL, "reset: the store is empty");
	reset->done(e, reset->done_cookie);
}

static int
on_log_cursor(const struct scope *sc, const char *group, const char *stream, char **ret,
    struct err *e, void *cookie)
{
	struct daemon *d = cookie;
	char cursor[LOG_CURSOR_MAX];
	struct store *l;
	int r;

	if (!store_logs_used(d->store))
		return 0;
	r = store_logs(d->store, &l, e);
	if (r == 0)
		r = store_log_cursor(l, sc, group, stream, cursor, e);
	if (r > 0)
		*ret = xstrdup(cursor);
	return r;
}

static int
on_interrupt_spot(const char *cluster, const char *task, int64_t *ret, struct err *e, void *cookie)
{
	struct daemon *d = cookie;

	return spot_interrupt(d->api, d->store, cluster, task, ret, e);
}

static void
begin_drain(struct daemon *d)
{
	d->drain_deadline_ms = monotonic_ms() + DRAIN_MAX_MS;
	timer_set(d->drain, 0);
}

/* Nobody comes in any more, and who is in gets an answer. */
static void
stop_asking(struct daemon *d)
{
	http_stop_accepting(d->http);
	api_answer_all(d->api);
	reconcile_services_pause(d->services);
}

/* The program that is installed now takes this one's place, with the same process id and the
 * sockets of systemd, in which requests wait meanwhile. Tasks go on and are adopted. */
static void
on_reload_signal(int signo, void *arg)
{
	struct daemon *d = arg;

	if (d->stopping)
		return;
	if (!d->config.persistence) {
		log_warn(NULL, NULL,
		    "%s: the state is in memory alone (PERSISTENCE=0), so nothing is reloaded",
		    strsignal(signo));
		return;
	}
	log_info(NULL, NULL, "%s: reloading", strsignal(signo));
	d->stopping = true;
	d->reloading = true;
	d->n_kept_fds = http_keep_listeners(d->http, KEPT_FDS_MIN, d->kept_fds, KEPT_FDS_MAX);
	systemd_reloading(d->systemd);
	stop_asking(d);
	begin_drain(d);
}

/* Returns only where that program cannot be run. */
static void
follow(struct daemon *d, char **argv)
{
	char path[PATH_MAX], number[16];
	ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - 1);
	char *gone;

	if (len < 0)
		return;
	path[len] = '\0';
	/* What was replaced by an upgrade has another file under its name now. */
	gone = strstr(path, " (deleted)");
	if (gone != NULL)
		*gone = '\0';
	for (int i = 0; i < d->n_kept_fds; i++) /* dup2 leaves close-on-exec behind */
		if (dup2(d->kept_fds[i], SD_LISTEN_FDS_START + i) < 0)
			return;
	if (d->n_kept_fds > 0) {
		(void)snprintf(number, sizeof(number), "%d", d->n_kept_fds);
		(void)setenv(
		    "LISTEN_FDS", number, 1); /* no memory: no sockets, which it will say */
		(void)snprintf(number, sizeof(number), "%ld", (long)getpid());
		(void)setenv("LISTEN_PID", number, 1);
	}
	(void)execv(path, argv);
	(void)fprintf(stderr, "localemu-ecsd: %s: %s\n", path, strerror(errno));
}

static void
print_status(char *buf, size_t size, void *cookie)
{
	struct daemon *d = cookie;
	size_t n = fleet_count(d->fleet);

	(void)snprintf(buf, size, "%zu unfinished task%s; %s", n, n == 1 ? "" : "s",
	    !d->config.docker_backend          ? "no Engine wanted"
	    : fleet_engine_reachable(d->fleet) ? "the Engine answers"
					       : "the Engine does not answer");
}

static bool
cluster_of(const char *task_id, char *buf, size_t size, void *cookie)
{
	struct daemon *d = cookie;
	struct store_task t = { 0 };
	bool found = d->store != NULL && store_task_get(d->store, task_id, &t, NULL) == 1;

	if (found)
		(void)snprintf(buf, size, "%s", t.cluster);
	store_task_done(&t);
	return found;
}

/* The first one asks to stop in order, the second one does not want to wait. */
static void
on_stop_signal(int signo, void *arg)
{
	struct daemon *d = arg;

	log_info(
	    NULL, NULL, "%s: %s", strsignal(signo), d->stopping ? "leaving at once" : "stopping");
	if (d->stopping) {
		loop_quit(d->loop, EXIT_FAILURE);
		return;
	}
	d->stopping = true;
	systemd_stopping(d->systemd);
	stop_asking(d);
	if (d->config.persistence)
		begin_drain(d);
	else
		reconcile_tasks_end_all(d->reconcile, "The emulator is stopping.", on_all_ended, d);
}

static void
on_all_ended(const struct err *e, void *cookie)
{
	struct daemon *d = cookie;

	if (e != NULL) {
		log_err(NULL, NULL, "%s", e->text);
		d->exit_code = EXIT_FAILURE;
	}
	vpc_networks_end_all(d->networks, on_networks_gone, d);
}

static void
on_networks_gone(const struct err *e, void *cookie)
{
	struct daemon *d = cookie;

	if (e != NULL) {
		log_err(NULL, NULL, "%s", e->text);
		d->exit_code = EXIT_FAILURE;
	}
	begin_drain(d);
}

static void
on_drain(void *arg)
{
	struct daemon *d = arg;

	if (http_connections(d->http) == 0 || monotonic_ms() >= d->drain_deadline_ms)
		loop_quit(d->loop, d->exit_code);
	else
		timer_set(d->drain, DRAIN_TICK_MS);
}
