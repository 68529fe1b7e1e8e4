/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pulls of several tasks at once against a scripted Engine in the same loop: who leads, who hears
 * of it, who takes over, and what is said when the stream stands still.
 */
#include "shim/pull.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cmocka.h>

#define DEADLINE_MS 5000
#define TASKS 5

struct one {
	struct fixture *f;
	struct pull *pull;
	char *error, *text;
	int done;
};

struct fixture {
	struct loop *loop;
	struct engine *engine;
	struct engine_callbacks cb;
	char directory[64], path[80];
	struct event *listen_event;
	struct event *peers[64];
	int n_peers, up, pulls, done;
	bool there;         /* the image */
	const char *answer; /* to a pull */
	struct one tasks[TASKS];
	struct pull_limits limits;
};

#define CHUNKED "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
#define LINE "15\r\n{\"status\":\"Pulling\"}\n\r\n"
#define END "0\r\n\r\n"
#define DENIED                                                                                     \
	"HTTP/1.1 404 Not Found\r\nContent-Length: 40\r\n\r\n"                                     \
	"{\"message\":\"pull access denied for x\"} \n"
#define BROKEN                                                                                     \
	"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 22\r\n\r\n{\"message\":\"no "       \
	"route\"}"

static void
on_request(evutil_socket_t fd, short what, void *arg)
{
	struct fixture *f = arg;
	char request[4096] = "";
	const char *answer;

	(void)what;
	if (read(fd, request, sizeof(request) - 1) <= 0) {
		shutdown(fd, SHUT_RDWR);
		return;
	}
	if (strstr(request, "/_ping") != NULL)
		answer = "HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nContent-Length: 2\r\n\r\nOK";
	else if (strstr(request, "/events") != NULL)
		answer = CHUNKED;
	else if (strncmp(request, "GET ", 4) == 0)
		answer = f->there ? "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
				  : "HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{}";
	else {
		f->pulls++;
		answer = f->answer;
	}
	assert_int_equal(write(fd, answer, strlen(answer)), strlen(answer));
}

static void
on_connection(evutil_socket_t fd, short what, void *arg)
{
	struct fixture *f = arg;
	int c = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)what;
	assert_true(c >= 0 && f->n_peers < (int)ARRAY_SIZE(f->peers));
	f->peers[f->n_peers] =
	    event_new(loop_base(f->loop), c, EV_READ | EV_PERSIST, on_request, f);
	event_add(f->peers[f->n_peers++], NULL);
}

static void
on_up(void *cookie)
{
	((struct fixture *)cookie)->up++;
}

static void
on_down(void *cookie)
{
	(void)cookie;
	fail();
}

static void
on_event(const struct engine_event *ev, void *cookie)
{
	(void)ev;
	(void)cookie;
}

static void
turn_until(struct fixture *f, const int *counter, int value)
{
	int64_t deadline = monotonic_ms() + DEADLINE_MS;

	while (*counter < value && monotonic_ms() < deadline)
		event_base_loop(loop_base(f->loop), EVLOOP_ONCE | EVLOOP_NONBLOCK);
	assert_int_equal(*counter, value);
}

static void
on_done(const char *error, const char *text, void *arg)
{
	struct one *one = arg;

	one->error = error != NULL ? xstrdup(error) : NULL;
	one->text = text != NULL ? xstrdup(text) : NULL;
	one->done++;
	one->f->done++;
	pull_free(TAKE(one->pull));
}

static void
start(struct fixture *f, int i, bool fargate)
{
	_cleanup_free_ char *directory = xasprintf("%s/pulls", f->directory);

	f->tasks[i].f = f;
	f->tasks[i].pull = pull_start(&(struct pull_ask){
	    .loop = f->loop,
	    .engine = f->engine,
	    .task_id = "t",
	    .directory = directory,
	    .ref = "x:1",
	    .fargate = fargate,
	    .limits = &f->limits,
	    .on_done = on_done,
	    .arg = &f->tasks[i],
	});
}

static int
setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	(void)snprintf(f->directory, sizeof(f->directory), "/tmp/lemu-pull-XXXXXX");
	assert_non_null(mkdtemp(f->directory));
	(void)snprintf(f->path, sizeof(f->path), "%s/engine", f->directory);
	(void)snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", f->path);
	assert_int_equal(bind(fd, (const struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(fd, 16), 0);
	f->limits = (struct pull_limits){ .begin_ms = 60000,
		.idle_ms = 60000,
		.total_ms = 60000,
		.delay_min_ms = 1,
		.delay_max_ms = 2,
		.attempts = 3 };
	f->cb = (struct engine_callbacks){ on_up, on_down, on_event, f };
	f->loop = loop_new();
	f->listen_event = event_new(loop_base(f->loop), fd, EV_READ | EV_PERSIST, on_connection, f);
	event_add(f->listen_event, NULL);
	f->engine = engine_new(f->loop, f->path, &f->cb);
	engine_watch(f->engine, "a=b", 1000);
	turn_until(f, &f->up, 1);
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *pulls = xasprintf("%s/pulls", f->directory);

	for (int i = 0; i < TASKS; i++) {
		pull_free(f->tasks[i].pull);
		free(f->tasks[i].error);
		free(f->tasks[i].text);
	}
	assert_int_equal(rmdir(pulls), 0); /* locks and sockets went before */
	engine_free(f->engine);
	for (int i = 0; i < f->n_peers; i++) {
		close(event_get_fd(f->peers[i]));
		event_free(f->peers[i]);
	}
	close(event_get_fd(f->listen_event));
	event_free(f->listen_event);
	loop_free(f->loop);
	(void)unlink(f->path);
	(void)rmdir(f->directory);
	free(f);
	return 0;
}

static void
start_all(struct fixture *f)
{
	for (int i = 0; i < TASKS; i++)
		start(f, i, false);
}

static void
one_pull_for_all(void **state)
{
	struct fixture *f = *state;

	f->answer = CHUNKED LINE END;
	start_all(f);
	turn_until(f, &f->done, TASKS);
	assert_int_equal(f->pulls, 1);
	for (int i = 0; i < TASKS; i++)
		assert_null(f->tasks[i].error);
}

static void
one_error_for_all(void **state)
{
	struct fixture *f = *state;

	f->answer = DENIED;
	start_all(f);
	turn_until(f, &f->done, TASKS);
	assert_int_equal(f->pulls, 1);
	for (int i = 0; i < TASKS; i++) {
		assert_string_equal(f->tasks[i].error, "CannotPullContainerError");
		assert_string_equal(
		    f->tasks[i].text, "Error response from daemon: pull access denied for x");
	}
}

static void
somebody_takes_over(void **state)
{
	struct fixture *f = *state;
	int64_t deadline = monotonic_ms() + DEADLINE_MS;

	f->answer = CHUNKED LINE; /* and no end */
	start(f, 0, false);
	turn_until(f, &f->pulls, 1);
	for (int i = 1; i < TASKS; i++)
		start(f, i, false);
	for (int turns = 0; turns < 100 && monotonic_ms() < deadline; turns++)
		event_base_loop(loop_base(f->loop), EVLOOP_ONCE | EVLOOP_NONBLOCK);
	assert_int_equal(f->pulls, 1);
	f->answer = CHUNKED LINE END;
	pull_free(TAKE(f->tasks[0].pull));
	turn_until(f, &f->done, TASKS - 1);
	assert_int_equal(f->pulls, 2);
}

static void
what_is_there_is_not_pulled(void **state)
{
	struct fixture *f = *state;

	f->there = true;
	start_all(f);
	turn_until(f, &f->done, TASKS);
	assert_int_equal(f->pulls, 0);
}

static void
repeated_and_given_up(void **state)
{
	struct fixture *f = *state;

	f->answer = BROKEN;
	start(f, 0, true);
	turn_until(f, &f->done, 1);
	assert_int_equal(f->pulls, 3);
	assert_string_equal(
	    f->tasks[0].text, "ref pull has been retried 3 time(s): failed to copy: no route");
}

static void
timeouts(void **state)
{
	/* clang-format off */
	static const struct {
		struct pull_limits limits;
		const char *answer, *error, *text;
	} rows[] = {
		{ { .begin_ms = 5, .idle_ms = 60000, .total_ms = 60000, .attempts = 1 }, CHUNKED,
		  "DockerTimeoutError", "Could not transition to pullBegin; timed out after waiting 5ms" },
		{ { .begin_ms = 60000, .idle_ms = 5, .total_ms = 60000, .attempts = 1 }, CHUNKED LINE,
		  "CannotPullContainerError", "inactivity time exceeded timeout while pulling image x:1" },
		{ { .begin_ms = 60000, .idle_ms = 60000, .total_ms = 1000, .attempts = 9 }, CHUNKED LINE,
		  "DockerTimeoutError", "Could not transition to pulled; timed out after waiting 1s" },
	};
	/* clang-format on */
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		f->limits = rows[i].limits;
		f->answer = rows[i].answer;
		start(f, (int)i, false);
		turn_until(f, &f->done, (int)i + 1);
		assert_string_equal(f->tasks[i].error, rows[i].error);
		assert_string_equal(f->tasks[i].text, rows[i].text);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(one_pull_for_all, setup, teardown),
		cmocka_unit_test_setup_teardown(one_error_for_all, setup, teardown),
		cmocka_unit_test_setup_teardown(somebody_takes_over, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_there_is_not_pulled, setup, teardown),
		cmocka_unit_test_setup_teardown(repeated_and_given_up, setup, teardown),
		cmocka_unit_test_setup_teardown(timeouts, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
