/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The whole edge over real sockets, with an API of our own behind it: what reaches api.h, what
 * comes back, and what becomes of clients that are slow, gone, too many or too greedy. Client and
 * server share one thread and one loop.
 */
#include "common/json.h"
#include "daemon/api.h"
#include "daemon/config.h"
#include "daemon/http/http.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <cmocka.h>

#define DEADLINE_MS 5000
#define TARGET "X-Amz-Target: AmazonEC2ContainerServiceV20141113."
#define REQUEST(op, body_len, body)                                                                \
	"POST / HTTP/1.1\r\nHost: localhost\r\n" TARGET op "\r\nContent-Length: " #body_len        \
	"\r\n\r\n" body

/* The API behind the edge: "Echo" answers at once, "Hold" when release() is called, "Big" with a
 * lot. */
struct api {
	size_t n_requests;
	size_t n_cancelled;
	char operation[65];
	char body[256];
	struct scope scope;
	char access_key[129];
	struct {
		struct call call; /* its `api` says whose; the rest is not used */
		bool held;
		struct api_request r;
	} held[8];
};

struct fixture {
	struct loop *loop;
	struct api api;
	struct config config;
	struct http *http;
	int port;
	char dir[32];
	char path[64];
	void (*reset_done)(const struct err *e, void *cookie);
	void *reset_cookie;
};

struct call *
api_request(struct api *a, const struct api_request *r)
{
	static char big[16 * 1024 * 1024];

	a->n_requests++;
	(void)snprintf(a->operation, sizeof(a->operation), "%s", r->operation);
	(void)snprintf(a->body, sizeof(a->body), "%.*s", (int)r->body_len, r->body);
	(void)snprintf(a->access_key, sizeof(a->access_key), "%s", r->access_key);
	a->scope = r->scope;
	if (strcmp(r->operation, "Hold") == 0) {
		for (size_t i = 0; i < ARRAY_SIZE(a->held); i++) {
			if (a->held[i].held)
				continue;
			a->held[i].call.api = a;
			a->held[i].held = true;
			a->held[i].r = *r;
			return &a->held[i].call;
		}
		abort();
	}
	if (strcmp(r->operation, "Big") == 0) {
		memset(big, ' ', sizeof(big));
		r->on_reply(200, big, sizeof(big), NULL, "id", r->cookie);
	} else if (strcmp(r->operation, "Fail") == 0) {
		r->on_reply(400, "{\"__type\":\"ClientException\"}", 28, "ClientException", "id",
		    r->cookie);
	} else {
		r->on_reply(200, r->body, r->body_len, NULL, "the-request-id", r->cookie);
	}
	return NULL;
}

void
api_cancel(struct call *c)
{
	struct api *a = c->api;

	for (size_t i = 0; i < ARRAY_SIZE(a->held); i++) {
		if (&a->held[i].call != c)
			continue;
		assert_true(a->held[i].held);
		a->held[i].held = false;
		a->n_cancelled++;
	}
}

static size_t
release(struct api *a)
{
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(a->held); i++) {
		if (!a->held[i].held)
			continue;
		a->held[i].held = false;
		a->held[i].r.on_reply(
		    200, "{\"late\":1}", 10, NULL, "late-id", a->held[i].r.cookie);
		n++;
	}
	return n;
}

static void
on_health(struct json_object *o, void *cookie)
{
	(void)cookie;
	json_add_str(o, "edition", "test");
}

static void
on_reset(void (*done)(const struct err *e, void *done_cookie), void *done_cookie, void *cookie)
{
	struct fixture *f = cookie;

	f->reset_done = done;
	f->reset_cookie = done_cookie;
}

static int
start(void **state, const struct http_limits *limits)
{
	struct fixture *f = xcalloc(1, sizeof(*f));
	struct http_callbacks cb = { .health = on_health, .reset = on_reset, .cookie = f };
	struct err e;

	f->loop = loop_new();
	f->config.listen_host = xstrdup("127.0.0.1");
	f->config.account_id = xstrdup("000000000000");
	f->http = http_new(f->loop, &f->config, &f->api, &cb, limits);
	strcpy(f->dir, "/tmp/test_http_XXXXXX");
	if (mkdtemp(f->dir) == NULL ||
	    http_listen_tcp(f->http, "127.0.0.1", "0", &f->port, &e) != 0)
		return -1;
	(void)snprintf(f->path, sizeof(f->path), "%s/api.sock", f->dir);
	*state = f;
	return 0;
}

static int
setup(void **state)
{
	return start(state, NULL);
}

static int
setup_tight(void **state)
{
	static const struct http_limits tight = {
		.body_bytes = 4096,
		.header_bytes = 1024,
		.connections = 4,
		.receive_ms = 150,
		.idle_ms = 400,
		.send_ms = 150,
	};

	return start(state, &tight);
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	http_free(f->http);
	loop_free(f->loop);
	(void)unlink(f->path);
	assert_int_equal(rmdir(f->dir), 0);
	free(f->config.listen_host);
	free(f->config.account_id);
	free(f);
	return 0;
}

/* -- a client */

/* One turn of the loop, and a millisecond of rest for both sides. */
static void
turn(struct fixture *f)
{
	static const struct timespec rest = { .tv_nsec = 1000 * 1000 };

	event_base_loop(loop_base(f->loop), EVLOOP_NONBLOCK);
	nanosleep(&rest, NULL);
}

static int
client(struct fixture *f)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)f->port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	return fd;
}

static void
put(int fd, const char *text)
{
	size_t len = strlen(text);

	assert_int_equal(send(fd, text, len, MSG_NOSIGNAL), len);
}

/* Reads until `end` has been seen, the server has closed (*ret_closed), or time is up. The caller
 * frees it. */
static char *
get(struct fixture *f, int fd, const char *end, bool *ret_closed)
{
	static char buf[64 * 1024];
	int64_t until = monotonic_ms() + DEADLINE_MS;
	size_t len = 0;

	*ret_closed = false;
	buf[0] = '\0';
	while (monotonic_ms() < until && (end == NULL || strstr(buf, end) == NULL)) {
		ssize_t n = recv(fd, buf + len, sizeof(buf) - 1 - len, MSG_DONTWAIT);

		if (n == 0 || (n < 0 && errno != EAGAIN)) {
			*ret_closed = true;
			break;
		}
		if (n > 0)
			len += (size_t)n;
		buf[len] = '\0';
		turn(f);
	}
	return buf;
}

static const char *
ask(struct fixture *f, int fd, const char *request, const char *end)
{
	bool closed;

	put(fd, request);
	return get(f, fd, end, &closed);
}

static void
wait_closed(struct fixture *f, int fd)
{
	bool closed;

	get(f, fd, NULL, &closed);
	assert_true(closed);
	close(fd);
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
wait_requests(struct fixture *f, size_t n)
{
	int64_t until = monotonic_ms() + DEADLINE_MS;

	while (f->api.n_requests != n && monotonic_ms() < until)
		turn(f);
	assert_int_equal(f->api.n_requests, n);
}

static void
wait_reset(struct fixture *f)
{
	int64_t until = monotonic_ms() + DEADLINE_MS;

	while (f->reset_done == NULL && monotonic_ms() < until)
		turn(f);
	assert_non_null(f->reset_done);
}

static void
contains(const char *text, const char *part)
{
	if (strstr(text, part) == NULL)
		fail_msg("no \"%s\" in: %s", part, text);
}

/* -- what reaches the API and what comes back */

static void
test_call(void **state)
{
	struct fixture *f = *state;
	int fd = client(f);
	const char *got = ask(f, fd,
	    "POST / HTTP/1.1\r\nHost: localhost:4566\r\n" TARGET "Echo\r\n"
	    "Content-Type: application/x-amz-json-1.1\r\n"
	    "Authorization: AWS4-HMAC-SHA256 "
	    "Credential=123456789012/20260101/eu-west-1/ecs/aws4_request, "
	    "SignedHeaders=host, Signature=0\r\n"
	    "Content-Length: 7\r\n\r\n{\"a\":1}",
	    "{\"a\":1}");

	contains(got, "HTTP/1.1 200 OK\r\n");
	contains(got, "Content-Type: application/x-amz-json-1.1\r\n");
	contains(got, "x-amzn-RequestId: the-request-id\r\n");
	contains(got, "Content-Length: 7\r\n");
	assert_string_equal(f->api.operation, "Echo");
	assert_string_equal(f->api.body, "{\"a\":1}");
	assert_string_equal(f->api.scope.account, "123456789012");
	assert_string_equal(f->api.scope.region, "eu-west-1");
	assert_string_equal(f->api.access_key, "123456789012");

	/* the same connection, nobody's credential */
	contains(ask(f, fd, REQUEST("Fail", 2, "{}"), "Exception\"}"),
	    "x-amzn-ErrorType: ClientException");
	assert_string_equal(f->api.scope.account, "000000000000");
	assert_string_equal(f->api.scope.region, "us-east-1");
	assert_string_equal(f->api.access_key, "");
	/* presigned */
	contains(ask(f, fd,
		     "POST /?X-Amz-Credential=AK%2F20260101%2Fap-south-1%2Fecs%2Faws4_request "
		     "HTTP/1.1\r\n"
		     "Host: localhost\r\n" TARGET "Echo\r\nContent-Length: 2\r\n\r\n{}",
		     "{}"),
	    "200 OK");
	assert_string_equal(f->api.scope.region, "ap-south-1");
	assert_string_equal(f->api.access_key, "AK");
	assert_int_equal(http_connections(f->http), 1);
	close(fd);
	wait_connections(f, 0);
}

static void
test_pipelined(void **state)
{
	struct fixture *f = *state;
	int fd = client(f);
	const char *got = ask(f, fd,
	    REQUEST("Echo", 5, "[\"a\"]") REQUEST("Hold", 2, "{}") REQUEST("Echo", 5, "[\"c\"]"),
	    "[\"a\"]");

	assert_null(strstr(got, "[\"c\"]"));
	wait_requests(f, 2);
	for (int i = 0; i < 20; i++)
		turn(f);
	assert_int_equal(f->api.n_requests, 2); /* in order: the third waits for the second */
	assert_int_equal(release(&f->api), 1);
	got = ask(f, fd, "", "[\"c\"]");
	contains(got, "{\"late\":1}");
	contains(got, "x-amzn-RequestId: late-id\r\n");
	close(fd);
}

static void
test_client_of_a_held_call_goes(void **state)
{
	struct fixture *f = *state;
	int polite = client(f);
	int rude = client(f);
	int pipelining = client(f);
	struct linger reset = { .l_onoff = 1 };

	put(polite, REQUEST("Hold", 2, "{}"));
	put(rude, REQUEST("Hold", 2, "{}"));
	put(pipelining, REQUEST("Hold", 2, "{}") REQUEST("Echo", 2, "{}"));
	wait_requests(f, 3);
	close(polite);
	setsockopt(rude, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	close(rude);
	close(pipelining);
	wait_connections(f, 0);
	assert_int_equal(f->api.n_cancelled, 3);
	assert_int_equal(release(&f->api), 0);
	assert_int_equal(f->api.n_requests, 3);
}

static void
test_half_closed_client_gets_its_answer(void **state)
{
	struct fixture *f = *state;
	int fd = client(f);
	bool closed;

	put(fd, REQUEST("Echo", 5, "[\"x\"]"));
	shutdown(fd, SHUT_WR);
	contains(get(f, fd, NULL, &closed), "[\"x\"]");
	assert_true(closed);
	close(fd);
}

static void
test_truncated_body_runs_nothing(void **state)
{
	struct fixture *f = *state;
	int fd = client(f);

	put(fd, REQUEST("Echo", 10, "{}"));
	shutdown(fd, SHUT_WR);
	wait_closed(f, fd);
	assert_int_equal(f->api.n_requests, 0);
}

static void
test_own_pages(void **state)
{
	struct fixture *f = *state;
	int fd = client(f);
	const char *got;

	contains(ask(f, fd, "GET /_localemu/health HTTP/1.1\r\nHost: localhost\r\n\r\n", "}"),
	    "{\"edition\":\"test\"}");
	got = ask(f, fd, "HEAD /_localemu/health HTTP/1.1\r\nHost: localhost\r\n\r\n", "\r\n\r\n");
	contains(got, "Content-Length: 18\r\n");
	assert_null(strstr(got, "edition"));
	contains(ask(f, fd, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "health"), "text/plain");
	contains(
	    ask(f, fd, "GET /_localemu/state/reset HTTP/1.1\r\nHost: localhost\r\n\r\n", "\"}"),
	    "405");
	contains(
	    ask(f, fd, "GET /_localemu/nothing HTTP/1.1\r\nHost: localhost\r\n\r\n", "\"}"), "404");
	contains(ask(f, fd, "OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n", "\r\n\r\n"),
	    "Allow: GET, HEAD, POST");
	assert_null(f->reset_done);
	close(fd);
}

static void
test_reset(void **state)
{
	struct fixture *f = *state;
	int fd = client(f);
	struct err e;
	bool closed;

	put(fd,
	    "POST /_localemu/state/reset HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n");
	wait_reset(f);
	f->reset_done(NULL, f->reset_cookie);
	contains(get(f, fd, "{}", &closed), "200 OK");

	f->reset_done = NULL;
	put(fd, "POST /_localemu/state/reset HTTP/1.1\r\nHost: localhost\r\n\r\n");
	wait_reset(f);
	err_set(&e, ERR_SERVER, "no");
	assert(f->reset_done != NULL);
	f->reset_done(&e, f->reset_cookie);
	contains(get(f, fd, "\"}", &closed), "500 Internal Server Error");

	/* a client that does not wait */
	f->reset_done = NULL;
	put(fd, "POST /_localemu/state/reset HTTP/1.1\r\nHost: localhost\r\n\r\n");
	wait_reset(f);
	close(fd);
	wait_connections(f, 0);
	f->reset_done(NULL, f->reset_cookie);
}

/* -- limits */

static void
test_slow_request_is_cut_off(void **state)
{
	struct fixture *f = *state;
	int silent = client(f);
	int dripping = client(f);
	int served = client(f);
	const char *text = REQUEST("Echo", 400, "");
	int64_t began = monotonic_ms();
	size_t n = 0;

	/* a byte with every turn: each one makes progress, the request as a whole does not */
	while (text[n] != '\0' && monotonic_ms() - began < DEADLINE_MS &&
	       send(dripping, text + n, 1, MSG_NOSIGNAL) == 1) {
		n++;
		for (int i = 0; i < 5; i++)
			turn(f);
		if (n == 5)
			contains(
			    ask(f, served, REQUEST("Echo", 5, "[\"y\"]"), "[\"y\"]"), "200 OK");
	}
	assert_true(monotonic_ms() - began < DEADLINE_MS);
	wait_closed(f, dripping);
	wait_closed(f, silent);
	assert_int_equal(f->api.n_requests, 1);
	close(served);
}

static void
test_idle_connection_is_closed(void **state)
{
	struct fixture *f = *state;
	int fd = client(f);
	int64_t began;

	ask(f, fd, REQUEST("Echo", 2, "{}"), "{}");
	began = monotonic_ms();
	wait_closed(f, fd);
	assert_true(monotonic_ms() - began > 300);
}

static void
test_reply_that_nobody_reads(void **state)
{
	struct fixture *f = *state;
	int fd = client(f);

	put(fd, REQUEST("Big", 2, "{}"));
	wait_requests(f, 1);
	wait_connections(f, 0);
	close(fd);
}

static void
test_oldest_idle_makes_room(void **state)
{
	struct fixture *f = *state;
	int held = client(f);
	int idle = client(f);
	int half = client(f);
	int more[3];

	put(held, REQUEST("Hold", 2, "{}"));
	wait_requests(f, 1);
	ask(f, idle, REQUEST("Echo", 2, "{}"), "{}");
	put(half, "POST / HT");
	wait_connections(f, 3);
	for (size_t i = 0; i < ARRAY_SIZE(more); i++) {
		more[i] = client(f);
		put(more[i], REQUEST("Hold", 2, "{}"));
		wait_requests(f, 3 + i);
	}
	wait_closed(f, idle);
	wait_closed(f, half);
	wait_connections(f, 4);
	/* every place is taken by a held call: the newcomer goes */
	wait_closed(f, client(f));
	assert_int_equal(release(&f->api), 4);
	assert_int_equal(f->api.n_cancelled, 0);
	contains(ask(f, held, "", "late"), "200 OK");
	for (size_t i = 0; i < ARRAY_SIZE(more); i++)
		close(more[i]);
	close(held);
}

static void
test_too_large(void **state)
{
	struct fixture *f = *state;
	static char huge[8192];
	int fd = client(f);
	const char *got;
	bool closed;

	got = ask(f, fd, REQUEST("Echo", 4097, ""), "}");
	contains(got, "HTTP/1.1 413 ");
	contains(got, "{\"__type\":\"RequestEntityTooLargeException\",");
	contains(got, "application/x-amz-json-1.1");
	wait_closed(f, fd);

	/* what is still being sent does not destroy the answer */
	fd = client(f);
	put(fd, REQUEST("Echo", 8192, ""));
	memset(huge, 'x', sizeof(huge) - 1);
	put(fd, huge);
	contains(get(f, fd, NULL, &closed), "HTTP/1.1 413 ");
	close(fd);

	fd = client(f);
	put(fd, "POST / HTTP/1.1\r\nHost: localhost\r\nX-Long: ");
	put(fd, huge);
	got = get(f, fd, NULL, &closed);
	contains(got, "HTTP/1.1 400 ");
	contains(got, "MalformedHttpRequestException");
	close(fd);

	fd = client(f);
	contains(ask(f, fd, "\x16\x03\x01\x02\xff\x01\r\n\r\n and more of that", "}"),
	    "HTTP/1.1 400 Bad Request");
	wait_closed(f, fd);
	assert_int_equal(f->api.n_requests, 0);
}

static void
test_endless_chunk_size(void **state)
{
	struct fixture *f = *state;
	int fd = client(f);
	static char zeros[16 * 1024];
	int64_t began = monotonic_ms();
	size_t sent = 0;

	memset(zeros, '0', sizeof(zeros));
	put(fd, "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n");
	while (monotonic_ms() - began < DEADLINE_MS) {
		ssize_t n = send(fd, zeros, sizeof(zeros), MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno != EAGAIN)
			break;
		sent += n > 0 ? (size_t)n : 0;
		turn(f);
	}
	assert_true(monotonic_ms() - began < DEADLINE_MS);
	assert_true(sent < 16 * 1024 * 1024);
	close(fd);
	wait_connections(f, 0);
}

static void
test_expect_and_chunks(void **state)
{
	struct fixture *f = *state;
	int fd = client(f);

	contains(
	    ask(f, fd,
		"POST / HTTP/1.1\r\nHost: localhost\r\n" TARGET "Echo\r\nExpect: 100-continue\r\n"
		"Content-Length: 5\r\n\r\n",
		"100 Continue\r\n\r\n"),
	    "100 Continue");
	contains(ask(f, fd, "[\"e\"]", "[\"e\"]"), "HTTP/1.1 200 OK");
	contains(ask(f, fd,
		     "POST / HTTP/1.1\r\nHost: localhost\r\n" TARGET "Echo\r\n"
		     "Transfer-Encoding: chunked\r\n\r\n2\r\n[\"\r\n3\r\nz\"]\r\n0\r\n\r\n",
		     "[\"z\"]"),
	    "HTTP/1.1 200 OK");
	contains(ask(f, fd,
		     "POST / HTTP/1.1\r\nHost: localhost\r\nExpect: wonders\r\nContent-Length: "
		     "5\r\n\r\n",
		     "}"),
	    "HTTP/1.1 417 ");
	wait_closed(f, fd);
}

/* -- listeners and the end */

static int
unix_client(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	memcpy(a.sun_path, path, strlen(path) + 1);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	return fd;
}

static void
test_unix(void **state)
{
	struct fixture *f = *state;
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	struct stat st;
	struct err e;
	int stale = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int fd;

	memcpy(a.sun_path, f->path, strlen(f->path) + 1);
	assert_int_equal(bind(stale, (struct sockaddr *)&a, sizeof(a)), 0);
	close(stale);
	assert_int_equal(http_listen_unix(f->http, f->path, &e), 0);
	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0660);
	assert_int_equal(http_listen_unix(f->http, f->path, &e), -EADDRINUSE);
	fd = unix_client(f->path);
	contains(ask(f, fd, "GET /_localemu/health HTTP/1.1\r\nHost: anything\r\n\r\n", "}"),
	    "\"test\"");
	contains(ask(f, fd, REQUEST("Echo", 5, "[\"u\"]"), "[\"u\"]"), "200 OK");
	close(fd);
	http_stop_accepting(f->http);
	assert_int_equal(stat(f->path, &st), -1);

	fd = open(f->path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	close(fd);
	assert_int_equal(http_listen_unix(f->http, f->path, &e), -EEXIST);
	assert_int_equal(stat(f->path, &st), 0);
}

static void
test_inherited_socket(void **state)
{
	struct fixture *f = *state;
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	struct err e;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int c;

	memcpy(a.sun_path, f->path, strlen(f->path) + 1);
	assert_int_equal(http_listen_fd(f->http, fd, &e), -EINVAL);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(http_listen_fd(f->http, fd, &e), 0);
	c = unix_client(f->path);
	contains(ask(f, c, REQUEST("Echo", 5, "[\"i\"]"), "[\"i\"]"), "200 OK");
	close(c);
}

static void
test_port_in_use(void **state)
{
	struct fixture *f = *state;
	struct err e;
	char port[8];

	(void)snprintf(port, sizeof(port), "%d", f->port);
	assert_int_equal(http_listen_tcp(f->http, "127.0.0.1", port, NULL, &e), -EADDRINUSE);
	contains(e.text, port);
	assert_true(http_listen_tcp(f->http, "256.1.1.1", "0", NULL, &e) < 0);
}

static void
test_stop_accepting(void **state)
{
	struct fixture *f = *state;
	int held = client(f);
	int idle = client(f);
	bool closed;

	put(held, REQUEST("Hold", 2, "{}"));
	ask(f, idle, REQUEST("Echo", 2, "{}"), "{}");
	wait_requests(f, 2);
	http_stop_accepting(f->http);
	assert_int_equal(http_connections(f->http), 1);
	wait_closed(f, idle);
	release(&f->api);
	contains(get(f, held, NULL, &closed), "Connection: close\r\n");
	assert_true(closed);
	close(held);
	wait_connections(f, 0);
}

static void
test_free_cancels(void **state)
{
	struct fixture *f = *state;
	int held = client(f);
	int fresh;

	put(held, REQUEST("Hold", 2, "{}"));
	wait_requests(f, 1);
	fresh = client(f);
	http_free(f->http);
	f->http = NULL;
	assert_int_equal(f->api.n_cancelled, 1);
	close(held);
	close(fresh);
}

int
main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
#define TIGHT(fn) cmocka_unit_test_setup_teardown(fn, setup_tight, teardown)
	static const struct CMUnitTest tests[] = {
		TEST(test_call),
		TEST(test_pipelined),
		TEST(test_client_of_a_held_call_goes),
		TEST(test_half_closed_client_gets_its_answer),
		TEST(test_truncated_body_runs_nothing),
		TEST(test_own_pages),
		TEST(test_reset),
		TIGHT(test_slow_request_is_cut_off),
		TIGHT(test_idle_connection_is_closed),
		TIGHT(test_reply_that_nobody_reads),
		TIGHT(test_oldest_idle_makes_room),
		TIGHT(test_too_large),
		TIGHT(test_endless_chunk_size),
		TIGHT(test_expect_and_chunks),
		TEST(test_unix),
		TEST(test_inherited_socket),
		TEST(test_port_in_use),
		TEST(test_stop_accepting),
		TEST(test_free_cancels),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
