/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Engine's replies as structs, and the connection against a scripted Engine: a thread-less HTTP
 * server in the same loop that answers from a list and then goes away.
 */
#include "shim/engine.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cmocka.h>

#define DEADLINE_MS 5000

static void
times(void **state)
{
	(void)state;
	assert_int_equal(engine_time_ms("1970-01-01T00:00:01Z"), 1000);
	assert_int_equal(engine_time_ms("2026-11-23T18:43:18.603451062Z"), 1795459398603);
	assert_int_equal(engine_time_ms("2026-11-23T20:43:18.6+02:00"), 1795459398600);
	assert_int_equal(engine_time_ms("0001-01-01T00:00:00Z"), 0);
	assert_int_equal(engine_time_ms("yesterday"), 0);
	assert_int_equal(engine_time_ms(NULL), 0);
}

static void
versions(void **state)
{
	static const struct {
		const char *theirs, *agreed;
	} rows[] = { { "1.41", "1.41" }, { "1.30", "1.30" }, { "1.43", "1.41" }, { "1.44", "1.44" },
		{ "1.52", "1.44" }, { NULL, "1.41" }, { "x", "1.41" }, { "2.0", "1.41" } };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char agreed[16];

		engine_version_agree(rows[i].theirs, agreed);
		assert_string_equal(agreed, rows[i].agreed);
	}
}

static void
references(void **state)
{
	static const struct {
		const char *ref, *repo, *tag;
	} rows[] = {
		{ "nginx", "nginx", "latest" },
		{ "nginx:1", "nginx", "1" },
		{ "host:5000/a/b", "host:5000/a/b", "latest" },
		{ "host:5000/a/b:2", "host:5000/a/b", "2" },
		{ "a@sha256:00", "a", "sha256:00" },
		{ "host:5000/a:3@sha256:00", "host:5000/a", "sha256:00" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_free_ char *repo = NULL;
		_cleanup_free_ char *tag = NULL;

		engine_ref_split(rows[i].ref, &repo, &tag);
		assert_string_equal(repo, rows[i].repo);
		assert_string_equal(tag, rows[i].tag);
	}
}

static struct json_object *
parse(const char *text)
{
	struct json_object *o = NULL;

	assert_int_equal(json_parse(text, strlen(text), &o, NULL), 0);
	return o;
}

static void
events(void **state)
{
	_cleanup_json_ struct json_object *die =
	    parse("{\"Type\":\"container\",\"Action\":\"die\",\"Actor\":{\"ID\":\"x\","
		  "\"Attributes\":{\"exitCode\":\"7\"}},"
		  "\"timeNano\":1795459398603451062}");
	_cleanup_json_ struct json_object *sick =
	    parse("{\"Type\":\"container\",\"Action\":\"health_status: "
		  "unhealthy\",\"Actor\":{\"ID\":\"x\"}}");
	_cleanup_json_ struct json_object *other =
	    parse("{\"Type\":\"network\",\"Action\":\"connect\",\"Actor\":{\"ID\":\"x\"}}");
	_cleanup_json_ struct json_object *nobody =
	    parse("{\"Type\":\"container\",\"Action\":\"die\"}");
	struct engine_event ev;

	(void)state;
	assert_int_equal(engine_event_read(die, &ev), 0);
	assert_int_equal(ev.kind, ENGINE_DIE);
	assert_int_equal(ev.exit_code, 7);
	assert_int_equal(ev.time_ms, 1795459398603);
	assert_int_equal(engine_event_read(sick, &ev), 0);
	assert_int_equal(ev.health, HEALTH_UNHEALTHY);
	assert_int_equal(engine_event_read(other, &ev), -EBADMSG);
	assert_int_equal(engine_event_read(nobody, &ev), -EBADMSG);
	assert_int_equal(engine_event_read(NULL, &ev), -EBADMSG);
}

static void
containers(void **state)
{
	_cleanup_json_ struct json_object *o = parse(
	    "{\"Id\":\"x\",\"State\":{\"Status\":\"exited\",\"Running\":false,\"OOMKilled\":true,"
	    "\"Pid\":0,"
	    "\"ExitCode\":137,\"Error\":\"\",\"StartedAt\":\"2026-11-23T18:43:18Z\","
	    "\"FinishedAt\":\"2026-11-23T18:43:19Z\"},\"Config\":{\"Cmd\":[\"sleep\",\"1\"]}}");
	_cleanup_json_ struct json_object *empty = parse("{}");
	struct engine_container c;

	(void)state;
	assert_int_equal(engine_container_read(o, &c), 0);
	assert_string_equal(c.status, "exited");
	assert_true(c.oom_killed);
	assert_null(c.error);
	assert_string_equal(c.command, "sleep");
	assert_int_equal(c.finished_ms - c.started_ms, 1000);
	assert_int_equal(engine_container_read(empty, &c), -EBADMSG);
	assert_int_equal(engine_container_read(NULL, &c), -EBADMSG);
}

/* The scripted Engine: one connection after the other, each gets the next answer and is closed,
 * save /events. */
struct fixture {
	struct loop *loop;
	struct engine *engine;
	char path[40];
	int listen_fd;
	struct event *listen_event;
	struct event *peers[32];
	int n_peers;
	int up, down, events, done;
	int status, errnum;
	char *text;
	const char *answer; /* to everything but _ping and events */
	char last[512];     /* the last request */
};

static void
on_request(evutil_socket_t fd, short what, void *arg)
{
	struct fixture *f = arg;
	static const char ping[] =
	    "HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nContent-Length: 2\r\n\r\nOK";
	static const char stream[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
	char request[4096] = "";
	const char *answer = f->answer;

	(void)what;
	if (read(fd, request, sizeof(request) - 1) <= 0) {
		shutdown(fd, SHUT_RDWR);
		return;
	}
	(void)snprintf(f->last, sizeof(f->last), "%.*s", (int)strcspn(request, "\r"), request);
	if (strstr(f->last, "/_ping") != NULL)
		answer = ping;
	else if (strstr(f->last, "/events") != NULL)
		answer = stream;
	if (answer == NULL)
		shutdown(fd, SHUT_RDWR);
	else
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
engine_listen(struct fixture *f)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	f->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	(void)snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", f->path);
	assert_int_equal(bind(f->listen_fd, (const struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(f->listen_fd, 16), 0);
	f->listen_event =
	    event_new(loop_base(f->loop), f->listen_fd, EV_READ | EV_PERSIST, on_connection, f);
	event_add(f->listen_event, NULL);
}

static void
engine_vanish(struct fixture *f)
{
	for (int i = 0; i < f->n_peers; i++) {
		close(event_get_fd(f->peers[i]));
		event_free(f->peers[i]);
	}
	f->n_peers = 0;
	event_free(f->listen_event);
	close(f->listen_fd);
	(void)unlink(f->path);
}

static void
on_up(void *cookie)
{
	((struct fixture *)cookie)->up++;
}

static void
on_down(void *cookie)
{
	((struct fixture *)cookie)->down++;
}

static void
on_event(const struct engine_event *ev, void *cookie)
{
	(void)ev;
	((struct fixture *)cookie)->events++;
}

static void
on_done(const struct engine_reply *r, void *arg)
{
	struct fixture *f = arg;

	f->done++;
	f->status = r->status;
	f->errnum = r->errnum;
	free(f->text);
	f->text = r->text != NULL ? xstrdup(r->text) : NULL;
}

static void
turn_until(struct fixture *f, const int *counter, int value)
{
	int64_t deadline = monotonic_ms() + DEADLINE_MS;

	while (*counter != value && monotonic_ms() < deadline)
		event_base_loop(loop_base(f->loop), EVLOOP_ONCE | EVLOOP_NONBLOCK);
	assert_int_equal(*counter, value);
}

static void
setup(struct fixture *f, struct engine_callbacks *cb)
{
	*f = (struct fixture){ 0 };
	*cb = (struct engine_callbacks){ on_up, on_down, on_event, f };
	(void)snprintf(f->path, sizeof(f->path), "/tmp/lemu-engine-%d.sock", (int)getpid());
	f->loop = loop_new();
	engine_listen(f);
	f->engine = engine_new(f->loop, f->path, cb);
	engine_watch(f->engine, "localemu.task-arn=arn:x", 1000);
	turn_until(f, &f->up, 1);
}

static void
teardown(struct fixture *f)
{
	engine_free(f->engine);
	engine_vanish(f);
	loop_free(f->loop);
	free(f->text);
}

#define REPLY(status, body) "HTTP/1.1 " status "\r\nContent-Length: " body

static void
errors_have_the_words_of_the_engine(void **state)
{
	struct engine_callbacks cb;
	struct fixture f;

	(void)state;
	setup(&f, &cb);
	f.answer = REPLY("404 Not Found", "32\r\n\r\n{\"message\":\"No such image: a:b\"}\n");
	(void)engine_image(f.engine, "host:1/a b", on_done, &f);
	turn_until(&f, &f.done, 1);
	assert_string_equal(f.last, "GET /v1.41/images/host%3A1%2Fa%20b/json HTTP/1.1");
	assert_int_equal(f.status, 404);
	assert_string_equal(f.text, "Error response from daemon: No such image: a:b");
	teardown(&f);
}

static void
a_pull_may_fail_inside_its_stream(void **state)
{
	struct engine_callbacks cb;
	struct fixture f;

	(void)state;
	setup(&f, &cb);
	f.answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
		   "13\r\n{\"status\":\"Pulling\"\r\n3\r\n}\r\n\r\n11\r\n{\"error\":\"no "
		   "net\"\r\n2\r\n}\n\r\n0\r\n\r\n";
	(void)engine_pull(f.engine, "a:1", NULL, NULL, NULL, on_done, &f);
	turn_until(&f, &f.done, 1);
	assert_string_equal(f.last, "POST /v1.41/images/create?fromImage=a&tag=1 HTTP/1.1");
	assert_string_equal(f.text, "Error response from daemon: no net");
	teardown(&f);
}

static void
create_names_the_platform(void **state)
{
	struct engine_callbacks cb;
	struct fixture f;

	(void)state;
	setup(&f, &cb);
	f.answer = REPLY("201 Created", "13\r\n\r\n{\"Id\":\"abc\"}\n");
	(void)engine_create(f.engine, "x", "linux/arm64", "{}", on_done, &f);
	turn_until(&f, &f.done, 1);
	assert_string_equal(
	    f.last, "POST /v1.41/containers/create?name=x&platform=linux/arm64 HTTP/1.1");
	(void)engine_create(f.engine, "x", NULL, "{}", on_done, &f);
	turn_until(&f, &f.done, 2);
	assert_string_equal(f.last, "POST /v1.41/containers/create?name=x HTTP/1.1");
	teardown(&f);
}

static void
images_fit_their_platform_or_do_not(void **state)
{
	static const struct {
		const char *image, *platform;
		bool expected;
	} rows[] = {
		{ "{\"Os\":\"linux\",\"Architecture\":\"arm64\"}", "linux/arm64", true },
		{ "{\"Os\":\"linux\",\"Architecture\":\"amd64\"}", "linux/arm64", false },
		{ "{\"Os\":\"linux\",\"Architecture\":\"arm\"}", "linux/arm64", false },
		{ "{\"Os\":\"windows\",\"Architecture\":\"amd64\"}", "linux/amd64", false },
		{ "{\"Os\":\"linux\",\"Architecture\":\"arm64\"}", NULL, true },
		{ "{\"Os\":\"\"}", "linux/arm64", true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_json_ struct json_object *o = NULL;

		assert_int_equal(json_parse(rows[i].image, strlen(rows[i].image), &o, NULL), 0);
		assert_int_equal(engine_image_fits(o, rows[i].platform), rows[i].expected);
	}
}

/* A create call that is never answered. */
static void
what_is_not_answered_ends(void **state)
{
	static const struct engine_limits short_ones = { .create_ms = 20, .start_ms = 20 };
	struct engine_callbacks cb;
	struct fixture f;

	(void)state;
	setup(&f, &cb);
	engine_set_limits(f.engine, &short_ones);
	f.answer = "";
	(void)engine_create(f.engine, "x", NULL, "{}", on_done, &f);
	turn_until(&f, &f.done, 1);
	assert_int_equal(f.errnum, ETIMEDOUT);
	(void)engine_start(f.engine, "x", on_done, &f);
	turn_until(&f, &f.done, 2);
	assert_int_equal(f.errnum, ETIMEDOUT);
	assert_int_equal(f.down, 0);
	teardown(&f);
}

static void
the_words_for_what_took_too_long(void **state)
{
	static const struct {
		const char *transition;
		int64_t ms;
		const char *text;
	} rows[] = {
		{ "created", 240000, "created; timed out after waiting 4m0s" },
		{ "running", 180000, "running; timed out after waiting 3m0s" },
		{ "pulled", 7200000, "pulled; timed out after waiting 2h0m0s" },
		{ "x", 59000, "x; timed out after waiting 59s" },
		{ "x", 999, "x; timed out after waiting 999ms" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_free_ char *text = engine_timeout_text(rows[i].transition, rows[i].ms);
		_cleanup_free_ char *want = xasprintf("Could not transition to %s", rows[i].text);

		assert_string_equal(text, want);
	}
	assert_int_equal(engine_limits_agent.create_ms, rows[0].ms);
	assert_int_equal(engine_limits_agent.start_ms, rows[1].ms);
}

static void
requests_vanish_with_the_engine_and_it_is_found_again(void **state)
{
	struct engine_callbacks cb;
	struct fixture f;

	(void)state;
	setup(&f, &cb);
	f.answer = NULL; /* closes the connection instead */
	(void)engine_start(f.engine, "x", on_done, &f);
	engine_vanish(&f);
	turn_until(&f, &f.down, 1);
	assert_false(engine_is_up(f.engine));
	assert_int_equal(f.done, 0);
	engine_listen(&f);
	turn_until(&f, &f.up, 2);
	f.answer = REPLY("204 No Content", "0\r\n\r\n");
	(void)engine_start(f.engine, "x", on_done, &f);
	turn_until(&f, &f.done, 1);
	assert_null(f.text);
	teardown(&f);
}

static void
a_cancelled_request_says_nothing(void **state)
{
	struct engine_callbacks cb;
	struct fixture f;

	(void)state;
	setup(&f, &cb);
	f.answer = REPLY("204 No Content", "0\r\n\r\n");
	engine_cancel(engine_start(f.engine, "x", on_done, &f));
	engine_cancel(NULL);
	(void)engine_start(f.engine, "y", on_done, &f);
	turn_until(&f, &f.done, 1);
	teardown(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(times),
		cmocka_unit_test(versions),
		cmocka_unit_test(references),
		cmocka_unit_test(events),
		cmocka_unit_test(containers),
		cmocka_unit_test(errors_have_the_words_of_the_engine),
		cmocka_unit_test(a_pull_may_fail_inside_its_stream),
		cmocka_unit_test(create_names_the_platform),
		cmocka_unit_test(images_fit_their_platform_or_do_not),
		cmocka_unit_test(what_is_not_answered_ends),
		cmocka_unit_test(the_words_for_what_took_too_long),
		cmocka_unit_test(requests_vanish_with_the_engine_and_it_is_found_again),
		cmocka_unit_test(a_cancelled_request_says_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
