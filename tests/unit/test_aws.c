/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signed calls against a scripted service in the same loop: what is sent and signed, what is tried
 * again and for how long, how answers and errors are read.
 */
#include "shim/aws.h"
#include "daemon/services/sigv4.h"

#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cmocka.h>

#define DEADLINE_MS 8000
#define REQUEST_MAX 4096

#define JSON(body_len, body)                                                                       \
	"HTTP/1.1 200 OK\r\nx-amzn-RequestId: r-1\r\nContent-Length: " body_len "\r\n\r\n" body
#define AWAY "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"
#define DENIED                                                                                     \
	"HTTP/1.1 400 Bad Request\r\nContent-Length: 58\r\n\r\n"                                   \
	"{\"__type\":\"x.y#AccessDeniedException\",\"Message\":\"not you\"}"
#define THROTTLED                                                                                  \
	"HTTP/1.1 400 Bad Request\r\nx-amzn-ErrorType: ThrottlingException:http://x\r\n"           \
	"Content-Length: 20\r\n\r\n{\"message\":\"slowly\"}"
#define NO_KEY                                                                                     \
	"HTTP/1.1 404 Not Found\r\nContent-Type: application/xml\r\nContent-Length: 86\r\n\r\n"    \
	"<?xml version=\"1.0\"?><Error><Code>NoSuchKey</Code><Message>a &amp; b</Message></Error>"

static const char ok_json[] = JSON("9", "{\"a\":\"b\"}");
static const char a_list[] = JSON("2", "[]");

struct fixture {
	struct loop *loop;
	struct aws *aws;
	char directory[64], path[80], tcp_url[64];
	struct event *listeners[2];
	struct event *peers[64];
	int n_peers, connections;
	const char *const *script; /* NULL at its end; "": closes; "-": never answers */
	int requests, done;
	char request[REQUEST_MAX]; /* the latest */
	size_t len;
	struct credentials who;
	/* the reply, copied */
	int errnum, status;
	unsigned attempts;
	char *error, *message, *request_id, *body;
};

static void
drop(struct fixture *f, evutil_socket_t fd)
{
	for (int i = 0; i < f->n_peers; i++) {
		if (event_get_fd(f->peers[i]) != fd)
			continue;
		event_free(f->peers[i]);
		f->peers[i] = f->peers[--f->n_peers];
		close(fd);
		return;
	}
}

static bool
is_whole(const struct fixture *f)
{
	const char *end = strstr(f->request, "\r\n\r\n");
	const char *length = strcasestr(f->request, "content-length:");
	size_t want = length != NULL ? strtoul(length + strlen("content-length:"), NULL, 10) : 0;

	return end != NULL && f->len >= (size_t)(end + 4 - f->request) + want;
}

static void
on_request(evutil_socket_t fd, short what, void *arg)
{
	struct fixture *f = arg;
	const char *answer;
	ssize_t n = read(fd, f->request + f->len, sizeof(f->request) - 1 - f->len);

	(void)what;
	if (n <= 0) {
		drop(f, fd);
		return;
	}
	f->len += (size_t)n;
	f->request[f->len] = '\0';
	if (!is_whole(f))
		return;
	answer = *f->script != NULL ? *f->script++ : "";
	f->requests++;
	f->len = 0;
	if (answer[0] == '\0')
		drop(f, fd);
	else if (!streq(answer, "-"))
		assert_int_equal(write(fd, answer, strlen(answer)), strlen(answer));
}

static void
on_connection(evutil_socket_t fd, short what, void *arg)
{
	struct fixture *f = arg;
	int c = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)what;
	assert_true(c >= 0 && f->n_peers < (int)ARRAY_SIZE(f->peers));
	f->connections++;
	f->peers[f->n_peers] =
	    event_new(loop_base(f->loop), c, EV_READ | EV_PERSIST, on_request, f);
	event_add(f->peers[f->n_peers++], NULL);
}

static struct event *
listen_at(struct fixture *f, const struct sockaddr *addr, socklen_t len)
{
	int fd = socket(addr->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct event *ev;

	assert_int_equal(bind(fd, addr, len), 0);
	assert_int_equal(listen(fd, 16), 0);
	ev = event_new(loop_base(f->loop), fd, EV_READ | EV_PERSIST, on_connection, f);
	event_add(ev, NULL);
	return ev;
}

static int
setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct sockaddr_in in = { .sin_family = AF_INET };
	socklen_t in_len = sizeof(in);
	char id[] = "id", role[] = "arn", key[] = "ASIAEXAMPLE", secret[] = "secret",
	     token[] = "token/+=";
	const struct credentials who = { .id = id,
		.role_arn = role,
		.access_key_id = key,
		.secret_access_key = secret,
		.session_token = token };

	(void)snprintf(f->directory, sizeof(f->directory), "/tmp/lemu-aws-XXXXXX");
	assert_non_null(mkdtemp(f->directory));
	(void)snprintf(f->path, sizeof(f->path), "%s/api.sock", f->directory);
	(void)snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", f->path);
	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	f->loop = loop_new();
	f->listeners[0] = listen_at(f, (const struct sockaddr *)&addr, sizeof(addr));
	f->listeners[1] = listen_at(f, (const struct sockaddr *)&in, sizeof(in));
	assert_int_equal(
	    getsockname(event_get_fd(f->listeners[1]), (struct sockaddr *)&in, &in_len), 0);
	(void)snprintf(f->tcp_url, sizeof(f->tcp_url), "http://127.0.0.1:%d/", ntohs(in.sin_port));
	credentials_set(&f->who, &who);
	f->aws = aws_new(f->loop, f->path, "eu-west-1", "000000000000");
	*state = f;
	return 0;
}

static void
forget_reply(struct fixture *f)
{
	free(TAKE(f->error));
	free(TAKE(f->message));
	free(TAKE(f->request_id));
	free(TAKE(f->body));
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	aws_free(f->aws);
	while (f->n_peers > 0)
		drop(f, event_get_fd(f->peers[0]));
	for (size_t i = 0; i < ARRAY_SIZE(f->listeners); i++) {
		close(event_get_fd(f->listeners[i]));
		event_free(f->listeners[i]);
	}
	credentials_done(&f->who);
	forget_reply(f);
	loop_free(f->loop);
	(void)unlink(f->path);
	(void)rmdir(f->directory);
	free(f);
	return 0;
}

static void
on_done(const struct aws_reply *r, void *arg)
{
	struct fixture *f = arg;

	forget_reply(f);
	f->errnum = r->errnum;
	f->status = r->status;
	f->attempts = r->attempts;
	f->error = r->error != NULL ? xstrdup(r->error) : NULL;
	f->message = r->message != NULL ? xstrdup(r->message) : NULL;
	f->request_id = xstrdup(r->request_id);
	f->body = r->json != NULL   ? xstrdup(json_print(r->json))
		  : r->body != NULL ? xstrdup(r->body)
				    : NULL;
	f->done++;
}

static void
turn_until(struct fixture *f, const int *counter, int value)
{
	int64_t deadline = monotonic_ms() + DEADLINE_MS;

	while (*counter < value && monotonic_ms() < deadline)
		event_base_loop(loop_base(f->loop), EVLOOP_ONCE | EVLOOP_NONBLOCK);
	assert_int_equal(*counter, value);
}

/* A call that is served by `script`; what came of it is in the fixture. */
static void
call(struct fixture *f, const char *const *script, struct aws_ask ask)
{
	f->script = script;
	f->requests = f->done = 0;
	ask.on_done = on_done;
	ask.arg = f;
	(void)aws_send(f->aws, &ask);
	assert_int_equal(f->done, 0);
	turn_until(f, &f->done, 1);
}

#define SCRIPT(...) ((const char *const[]){ __VA_ARGS__, NULL })

/* Splits the latest request and looks at its signature with the daemon's eyes. */
static void
assert_signed(const struct fixture *f, const char *region, const char *service, const char *secret)
{
	_cleanup_arena_ struct arena a = { 0 };
	char *text = arena_strdup(&a, f->request), *end = strstr(text, "\r\n\r\n"), *line, *at;
	struct sigv4_header headers[16];
	struct sigv4_request r = { .headers = headers, .body = end + 4 };
	struct sigv4_claim claim;
	unsigned char key[SIGV4_KEY_BYTES];
	struct err e = { 0 };

	r.body_len = strlen(r.body);
	*end = '\0';
	line = strtok_r(text, "\r\n", &at);
	r.method = strtok(line, " ");
	r.path = strtok(NULL, " ");
	while ((line = strtok_r(NULL, "\r\n", &at)) != NULL) {
		char *colon = strchr(line, ':');

		*colon = '\0';
		headers[r.n_headers++] =
		    (struct sigv4_header){ line, colon + 1 + strspn(colon + 1, " ") };
	}
	assert_int_equal(sigv4_read(&r, &a, &claim, &e), 1);
	assert_string_equal(claim.region, region);
	assert_string_equal(claim.service, service);
	sigv4_derive(secret, claim.date, region, service, key);
	assert_true(sigv4_verify(&r, &claim, key, &a));
	if (claim.session_token != NULL)
		assert_non_null(strstr(claim.signed_headers, "x-amz-security-token"));
}

static void
an_operation(void **state)
{
	struct fixture *f = *state;

	call(f, SCRIPT(ok_json),
	    (struct aws_ask){ .service = AWS_SECRETSMANAGER,
		.as = &f->who,
		.operation = "GetSecretValue",
		.body = xstrdup("{\"SecretId\":\"x\"}"),
		.headers = { "x-amzn-logs-format: json/emf" } });
	assert_null(f->error);
	assert_int_equal(f->status, 200);
	assert_string_equal(f->body, "{\"a\":\"b\"}");
	assert_string_equal(f->request_id, "r-1");
	assert_non_null(strstr(f->request, "X-Amz-Target: secretsmanager.GetSecretValue\r\n"));
	assert_non_null(strstr(f->request, "Content-Type: application/x-amz-json-1.1\r\n"));
	assert_non_null(strstr(f->request, "x-amzn-logs-format: json/emf\r\n"));
	assert_non_null(strstr(f->request, "Credential=ASIAEXAMPLE/"));
	assert_signed(f, "eu-west-1", "secretsmanager", "secret");
}

static void
without_credentials_in_another_region(void **state)
{
	struct fixture *f = *state;

	call(f, SCRIPT(JSON("0", "")),
	    (struct aws_ask){ .service = AWS_LOGS,
		.region = "us-west-2",
		.operation = "PutLogEvents",
		.body = xstrdup("{}") });
	assert_null(f->error);
	assert_null(f->body);
	assert_non_null(strstr(f->request, "Credential=000000000000/"));
	assert_signed(f, "us-west-2", "logs", "none");
}

static void
an_object(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *origin = xstrdup(f->tcp_url);

	aws_set_endpoint(f->aws, "s3", f->tcp_url);
	aws_set_endpoint(f->aws, "nothing", f->tcp_url);
	call(f, SCRIPT(JSON("4", "A=1\n")),
	    (struct aws_ask){
		.service = AWS_S3, .as = &f->who, .path = "/b/a b/../\xc3\xa4+=%.env" });
	assert_null(f->error);
	assert_string_equal(f->body, "A=1\n");
	assert_true(has_prefix(f->request, "GET /b/a%20b/../%C3%A4%2B%3D%25.env HTTP/1.1\r\n"));
	assert_non_null(strcasestr(f->request, "x-amz-content-sha256: "));
	origin[strlen(origin) - 1] = '\0';
	assert_non_null(strstr(f->request, origin + strlen("http://")));
	assert_signed(f, "eu-west-1", "s3", "secret");
	call(f, SCRIPT(NO_KEY), (struct aws_ask){ .service = AWS_S3, .path = "/b/k" });
	assert_string_equal(f->error, "NoSuchKey");
	assert_string_equal(f->message, "a & b");
	assert_int_equal(f->status, 404);
	assert_int_equal(f->connections, 1);
}

static void
what_is_tried_again(void **state)
{
	struct fixture *f = *state;
	const struct aws_ask ask = { .service = AWS_SSM, .operation = "GetParameters" };
	/* clang-format off */
	const struct {
		const char *const *script;
		unsigned attempts;
		const char *error;
	} rows[] = {
		{ SCRIPT(AWAY, ok_json),                                2, NULL },
		{ SCRIPT(AWAY, AWAY, ok_json),                          3, NULL },
		{ SCRIPT(AWAY, AWAY, AWAY, ok_json),                    3, "UnknownError" },
		{ SCRIPT(THROTTLED, ok_json),                           2, NULL },
		/* libcurl itself goes on where a kept connection ends */
		{ SCRIPT("", "", ok_json),                              2, NULL },
		{ SCRIPT(JSON("3", "{a}"), ok_json),                    2, NULL },
		{ SCRIPT(a_list, a_list, a_list), 3, "SerializationError" },
		{ SCRIPT(DENIED, ok_json),                              1, "AccessDeniedException" },
		{ SCRIPT("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"), 1, "UnknownError" },
	};
	/* clang-format on */

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		call(f, rows[i].script, ask);
		assert_int_equal(f->attempts, rows[i].attempts);
		assert_true(streq(f->error, rows[i].error));
	}
	call(f, SCRIPT(DENIED), ask);
	assert_string_equal(f->message, "not you");
}

static void
nobody_answers(void **state)
{
	struct fixture *f = *state;
	int64_t before = monotonic_ms();

	call(f, SCRIPT("-", "-", "-"),
	    (struct aws_ask){ .service = AWS_SSM,
		.operation = "GetParameters",
		.timeout_ms = 50,
		.deadline_ms = 300,
		.attempts = 100 });
	assert_int_equal(f->errnum, ETIMEDOUT);
	assert_string_equal(f->error, "RequestCanceled");
	assert_true(f->attempts > 1 && monotonic_ms() - before < 2000);
	call(f, SCRIPT("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{\"a\""),
	    (struct aws_ask){ .service = AWS_SSM,
		.operation = "GetParameters",
		.timeout_ms = 50,
		.attempts = 1 });
	assert_int_equal(f->errnum, ETIMEDOUT);
	call(f, SCRIPT(ok_json),
	    (struct aws_ask){ .service = AWS_SSM,
		.endpoint = "http://127.0.0.1:1",
		.operation = "GetParameters",
		.attempts = 2 });
	assert_int_equal(f->errnum, ECONNREFUSED);
	assert_string_equal(f->error, "RequestError");
	assert_int_equal(f->attempts, 2);
}

static void
too_much(void **state)
{
	struct fixture *f = *state;

	call(f, SCRIPT(ok_json, ok_json),
	    (struct aws_ask){ .service = AWS_SSM, .operation = "X", .reply_max = 8 });
	assert_int_equal(f->errnum, EMSGSIZE);
	assert_int_equal(f->attempts, 1);
}

static void
a_call_is_given_up(void **state)
{
	struct fixture *f = *state;
	struct aws_call *c;

	f->script = SCRIPT(AWAY, ok_json);
	c = aws_send(
	    f->aws, &(struct aws_ask){
			.service = AWS_SSM, .operation = "X", .on_done = on_done, .arg = f });
	turn_until(f, &f->requests, 1);
	aws_cancel(c);
	call(f, SCRIPT(ok_json), (struct aws_ask){ .service = AWS_SSM, .operation = "X" });
	assert_int_equal(f->requests, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(an_operation, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    without_credentials_in_another_region, setup, teardown),
		cmocka_unit_test_setup_teardown(an_object, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_tried_again, setup, teardown),
		cmocka_unit_test_setup_teardown(nobody_answers, setup, teardown),
		cmocka_unit_test_setup_teardown(too_much, setup, teardown),
		cmocka_unit_test_setup_teardown(a_call_is_given_up, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
