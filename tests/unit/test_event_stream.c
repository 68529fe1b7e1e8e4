/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Event streams over real sockets with limits that a test can wait for: heartbeats, readers that do
 * not read, that go, that are too many, and the end of the daemon. Client and server share one
 * thread and one loop.
 */
#include "daemon/config.h"
#include "daemon/event_log.h"
#include "daemon/http/event_stream.h"
#include "daemon/http/http.h"
#include "daemon/store/task_event.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <cmocka.h>

#define DEADLINE_MS 5000
#define REQUEST(query)                                                                             \
	"GET /_localemu/events" query " HTTP/1.1\r\nHost: localhost\r\n"                           \
	"Accept: text/event-stream\r\n\r\n"

struct fixture {
	struct loop *loop;
	struct config config;
	struct http *http;
	struct store *store;
	struct event_log *log;
	char dir[32];
	char path[64];
	int version;
};

static void
on_health(struct json_object *o, void *cookie)
{
	(void)o;
	(void)cookie;
}

static void
on_reset(void (*done)(const struct err *e, void *done_cookie), void *done_cookie, void *cookie)
{
	(void)cookie;
	done(NULL, done_cookie);
}

static void
on_task_events(void *cookie)
{
	struct fixture *f = cookie;

	http_wake_events(f->http);
}

static int
start(void **state, int64_t heartbeat_ms, int64_t send_ms)
{
	struct fixture *f = xcalloc(1, sizeof(*f));
	struct http_callbacks cb = { .health = on_health, .reset = on_reset, .cookie = f };
	struct http_limits limits = http_limits_default;
	struct err e;

	limits.heartbeat_ms = heartbeat_ms;
	limits.send_ms = send_ms;
	f->loop = loop_new();
	f->config.listen_host = xstrdup("127.0.0.1");
	f->config.account_id = xstrdup("000000000000");
	f->http = http_new(f->loop, &f->config, NULL, &cb, &limits);
	strcpy(f->dir, "/tmp/test_stream_XXXXXX");
	if (mkdtemp(f->dir) == NULL || store_open(NULL, &f->store, &e) != 0)
		return -1;
	(void)snprintf(f->path, sizeof(f->path), "%s/api.sock", f->dir);
	if (http_listen_unix(f->http, f->path, &e) != 0)
		return -1;
	f->log = event_log_new(f->store);
	store_on_task_events(f->store, on_task_events, f);
	*state = f;
	return 0;
}

/* Only what a test waits for is short. */
static int
setup(void **state)
{
	int r = start(state, 60 * 1000, 60 * 1000);
	struct fixture *f = *state;

	if (r == 0)
		http_serve_events(f->http, f->log);
	return r;
}

static int
setup_tight(void **state)
{
	int r = start(state, 100, 300);
	struct fixture *f = *state;

	if (r == 0)
		http_serve_events(f->http, f->log);
	return r;
}

static int
setup_without(void **state)
{
	return start(state, 100, 300);
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	http_free(f->http);
	event_log_free(f->log);
	store_close(f->store);
	loop_free(f->loop);
	assert_int_equal(rmdir(f->dir), 0);
	free(f->config.listen_host);
	free(f->config.account_id);
	free(f);
	return 0;
}

/* One more event, with `padding` bytes in it. */
static void
happen(struct fixture *f, size_t padding)
{
	_cleanup_free_ char *text = xcalloc(padding + 1, 1);
	struct store_task t = { .scope = { "000000000000", "us-east-1" },
		.id = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		.cluster = "web" };
	int r;

	memset(text, 'x', padding);
	t.doc = xasprintf("{\"version\":%d,\"padding\":\"%s\"}", ++f->version, text);
	assert_int_equal(store_begin(f->store, NULL), 0);
	r = f->version == 1 ? store_task_insert(f->store, &t, NULL)
			    : store_task_update(f->store, &t, NULL);
	assert_int_equal(r, 0);
	assert_int_equal(store_commit(f->store, NULL), 0);
	store_task_done(&t);
}

/* One turn of the loop, and a millisecond of rest for both sides. */
static void
turn(struct fixture *f)
{
	static const struct timespec rest = { .tv_nsec = 1000 * 1000 };

	event_base_loop(loop_base(f->loop), EVLOOP_NONBLOCK);
	nanosleep(&rest, NULL);
}

static int
client(struct fixture *f, const char *request)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	size_t len = strlen(request);

	memcpy(a.sun_path, f->path, strlen(f->path) + 1);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(send(fd, request, len, MSG_NOSIGNAL), len);
	return fd;
}

/* Reads until `end` has been seen, the server has closed, or time is up. */
static const char *
get(struct fixture *f, int fd, const char *end, bool *ret_closed)
{
	static char buf[4 * 1024 * 1024];
	int64_t until = monotonic_ms() + DEADLINE_MS;
	size_t len = 0;

	*ret_closed = false;
	buf[0] = '\0';
	while (monotonic_ms() < until) {
		ssize_t n = recv(fd, buf + len, sizeof(buf) - 1 - len, MSG_DONTWAIT);

		if (n == 0 || (n < 0 && errno != EAGAIN)) {
			*ret_closed = true;
			break;
		}
		if (n > 0) {
			size_t from = len > 64 ? len - 64 : 0;

			len += (size_t)n;
			buf[len] = '\0';
			if (end != NULL && strstr(buf + from, end) != NULL)
				break;
		}
		turn(f);
	}
	return buf;
}

static const char *
get_until(struct fixture *f, int fd, const char *end)
{
	bool closed;
	const char *got = get(f, fd, end, &closed);

	if (strstr(got, end) == NULL)
		fail_msg("no \"%s\" in: %s", end, got);
	return got;
}

static void
wait_connections(struct fixture *f, size_t n)
{
	int64_t until = monotonic_ms() + DEADLINE_MS;

	while (http_connections(f->http) != n && monotonic_ms() < until)
		turn(f);
	assert_int_equal(http_connections(f->http), n);
}

static void
test_no_page_without_a_log(void **state)
{
	struct fixture *f = *state;
	int fd = client(f, REQUEST(""));

	get_until(f, fd, "HTTP/1.1 404");
	close(fd);
	http_wake_events(f->http);
	http_flush_events(f->http);
}

static void
test_events_as_they_happen(void **state)
{
	struct fixture *f = *state;
	int fd = client(f, REQUEST(""));

	get_until(f, fd, "id: 0\n\n");
	happen(f, 0);
	get_until(f, fd, "\"version\":1,");
	happen(f, 0);
	get_until(f, fd, "\"version\":2,");
	happen(f, 0);
	http_flush_events(f->http);
	get_until(f, fd, "\"version\":3,");
	close(fd);
	wait_connections(f, 0);
}

static void
test_heartbeat(void **state)
{
	struct fixture *f = *state;
	int fd = client(f, REQUEST("?since=now"));

	get_until(f, fd, "id: 0\n\n");
	get_until(f, fd, "3\r\n:\n\n\r\n");
	get_until(f, fd, "3\r\n:\n\n\r\n");
	happen(f, 0);
	get_until(f, fd, "\"version\":1,");
	close(fd);
	assert_int_equal(http_limits_default.heartbeat_ms, 15000);
}

/* It has taken nothing for longer than send_ms: dropped, and the others do not notice. */
static void
test_a_reader_that_does_not_read(void **state)
{
	struct fixture *f = *state;
	int deaf = client(f, REQUEST("")), other = client(f, REQUEST(""));
	bool closed;

	get_until(f, other, "id: 0\n\n");
	for (int i = 0; i < 100; i++)
		happen(f, 8192);
	get_until(f, other, "\"version\":100,");
	wait_connections(f, 1);
	happen(f, 0);
	get_until(f, other, "\"version\":101,");
	get(f, deaf, NULL, &closed);
	assert_true(closed);
	close(deaf);
	close(other);
}

/* Slow is not deaf: it gets everything, in order, though the kernel had no room for it. */
static void
test_a_slow_reader(void **state)
{
	struct fixture *f = *state;
	int fd = client(f, REQUEST(""));
	const char *got;

	get_until(f, fd, "id: 0\n\n");
	for (int i = 0; i < 200; i++)
		happen(f, 8192);
	for (int i = 0; i < 50; i++)
		turn(f);
	got = get_until(f, fd, "\"version\":200,");
	for (int i = 1; i <= 200; i++) {
		char part[32];

		(void)snprintf(part, sizeof(part), "{\"version\":%d,", i);
		got = strstr(got, part);
		assert_non_null(got);
	}
	close(fd);
}

/* The other end is gone while something is on its way to it. */
static void
test_a_reader_that_goes(void **state)
{
	struct fixture *f = *state;
	int fd = client(f, REQUEST(""));

	get_until(f, fd, "id: 0\n\n");
	for (int i = 0; i < 100; i++)
		happen(f, 8192);
	turn(f);
	close(fd);
	wait_connections(f, 0);
	fd = client(f, REQUEST(""));
	turn(f);
	turn(f);
	close(fd); /* unread data: a reset */
	happen(f, 0);
	wait_connections(f, 0);
}

static void
test_too_many(void **state)
{
	struct fixture *f = *state;
	int fds[EVENT_STREAMS_MAX], extra;

	for (size_t i = 0; i < EVENT_STREAMS_MAX; i++) {
		fds[i] = client(f, REQUEST(""));
		get_until(f, fds[i], "id: 0\n\n");
	}
	extra = client(f, REQUEST(""));
	get_until(f, extra, "HTTP/1.1 503 Service Unavailable\r\n");
	close(extra);
	happen(f, 0);
	for (size_t i = 0; i < EVENT_STREAMS_MAX; i++)
		get_until(f, fds[i], "\"version\":1,");
	close(fds[0]);
	wait_connections(f, EVENT_STREAMS_MAX - 1);
	fds[0] = client(f, REQUEST(""));
	get_until(f, fds[0], "\"version\":1,");
	for (size_t i = 0; i < EVENT_STREAMS_MAX; i++)
		close(fds[i]);
	wait_connections(f, 0);
}

static void
test_the_end(void **state)
{
	struct fixture *f = *state;
	int fd = client(f, REQUEST(""));
	bool closed;
	const char *got;
	size_t len;

	get_until(f, fd, "id: 0\n\n");
	happen(f, 0);
	get_until(f, fd, "\"version\":1,");
	http_stop_accepting(f->http);
	got = get(f, fd, NULL, &closed);
	assert_true(closed);
	len = strlen(got);
	assert_true(len >= 5);
	assert_string_equal(got + len - 5, "0\r\n\r\n");
	close(fd);
	wait_connections(f, 0);
}

static void
test_the_end_with_open_streams(void **state)
{
	struct fixture *f = *state;

	int fds[3];

	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		fds[i] = client(f, REQUEST(""));
	for (int i = 0; i < 100; i++)
		happen(f, 8192);
	for (int i = 0; i < 10; i++)
		turn(f);
	http_free(TAKE(f->http)); /* while something is on its way */
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		close(fds[i]);
	store_on_task_events(f->store, NULL, NULL);
}

int
main(void)
{
#define TEST(fn, setup_fn) cmocka_unit_test_setup_teardown(fn, setup_fn, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_no_page_without_a_log, setup_without),
		TEST(test_events_as_they_happen, setup),
		TEST(test_heartbeat, setup_tight),
		TEST(test_a_reader_that_does_not_read, setup_tight),
		TEST(test_a_slow_reader, setup),
		TEST(test_a_reader_that_goes, setup),
		TEST(test_too_many, setup),
		TEST(test_the_end, setup),
		TEST(test_the_end_with_open_streams, setup),
	};

	(void)signal(SIGPIPE, SIG_IGN); /* as the daemon does */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
