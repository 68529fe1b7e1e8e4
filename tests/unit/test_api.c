/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api.h with operations made for the purpose, over a real store in memory and the instant runner:
 * validation, errors, transactions, messages after COMMIT, held replies.
 */
#include "common/log.h"
#include "daemon/config.h"
#include "daemon/ecs/operations.h"
#include "daemon/fleet.h"
#include "daemon/store/store.h"
#include "daemon/store/task.h"

#include <errno.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#define DEADLINE_MS 10000
#define ID_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define ID_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

/* What came back of one request. */
struct reply {
	struct bench *bench;
	int n;
	int status;
	char body[1024];
	char type[64];
	char request_id[40];
	struct call *cancel; /* another call, cancelled from inside on_reply */
	bool ask_again;      /* a new request from inside on_reply */
	int *last;           /* counts down to loop_quit */
};

struct bench {
	struct loop *loop;
	struct config config;
	struct store *store;
	struct fleet *fleet;
	struct api *api;
	int snapshots; /* how many the runner gave */
	char started[33];
	bool deaf;  /* snapshots are not taken in */
	int errors; /* lines logged */
};

/* --- operations --- */

struct echo_in {
	const char *word;
	struct opt_int n;
};

static const struct schema_field echo_fields[] = {
	F_STR(struct echo_in, word, "word", .flags = SCHEMA_REQUIRED, .max_len = 8),
	F_INT(struct echo_in, n, "n", .max = 9),
};
static const struct schema echo_schema = SCHEMA(struct echo_in, echo_fields, "EchoRequest");

struct task_in {
	const char *id;
};

static const struct schema_field task_fields[] = {
	F_STR(struct task_in, id, "id", .flags = SCHEMA_REQUIRED),
};
static const struct schema task_schema = SCHEMA(struct task_in, task_fields, "TaskRequest");
static const struct schema empty_schema = SCHEMA_EMPTY("EmptyRequest");

static int
echo(struct call *c)
{
	const struct echo_in *in = c->args;

	json_add_str(c->out, "word", in->word);
	if (in->n.set)
		json_add_int(c->out, "n", in->n.v);
	json_add_str(c->out, "account", c->scope.account);
	json_add_str(c->out, "principal", c->principal_arn);
	json_add_str(c->out, "key", c->access_key);
	json_add_bool(c->out, "lenient", call_lenient(c));
	return 0;
}

static int
insert(struct call *c, const char *id)
{
	char group[] = "family:f", doc[] = "{}";
	struct store_task t = { .scope = c->scope,
		.revision = 1,
		.runner = RUNNER_INSTANT,
		.group = group,
		.doc = doc };

	(void)snprintf(t.id, sizeof(t.id), "%s", id);
	strcpy(t.cluster, "c");
	strcpy(t.family, "f");
	strcpy(t.launch_type, "EC2");
	t.created_at_ms = c->now_ms;
	return store_task_insert(c->store, &t, &c->err);
}

static int
start(struct call *c)
{
	const struct task_in *in = c->args;
	int r = insert(c, in->id);

	if (r < 0)
		return r;
	call_wish(c, TASK_WISH_START, in->id);
	json_add_str(c->out, "was", "new");
	c->settle_arg = arena_strdup(&c->arena, in->id);
	return 0;
}

/* -1 where there is no such row */
static int
status_of(struct store *s, const char *id)
{
	struct store_task t = { 0 };
	int r = store_task_get(s, id, &t, NULL);
	int status = t.last_status;

	assert_true(r >= 0);
	store_task_done(&t);
	return r > 0 ? status : -1;
}

static bool
is_running(struct call *c)
{
	return status_of(c->store, c->settle_arg) == TASK_RUNNING;
}

static int
say_status(struct call *c)
{
	json_add_str(c->out, "lastStatus",
	    task_state_name((enum task_state)status_of(c->store, c->settle_arg)));
	return 0;
}

static int
stop(struct call *c)
{
	const struct task_in *in = c->args;

	call_wish(c, TASK_WISH_STOP, in->id);
	call_wish(c, TASK_WISH_STOP, "0000");
	return 0;
}

static int
many(struct call *c)
{
	char id[33];

	for (int i = 0; i < 9; i++) {
		(void)snprintf(id, sizeof(id), "%032x", i);
		if (insert(c, id) < 0)
			return -EIO;
		call_wish(c, TASK_WISH_START, id);
	}
	return 0;
}

static int
fail_late(struct call *c)
{
	struct json_object *ids = json_object_new_array();

	(void)start(c);
	json_object_array_add(ids, json_object_new_string("r1"));
	c->err_members = json_object_new_object();
	json_add(c->err_members, "resourceIds", ids);
	return err_set(&c->err, ERR_CONFLICT, "Too late \xe2\x82, \"%s\"", "really");
}

static int
fail_silently(struct call *c)
{
	(void)start(c);
	return -ENOSPC;
}

static int
spoil_commit(struct call *c)
{
	(void)start(c);
	store_rollback(c->store); /* what SQLite does by itself when the disk is full */
	return 0;
}

/* clang-format off */
static const struct op ops[] = {
	{ .name = "Echo",         .run = echo,          .input = &echo_schema },
	{ .name = "Start",        .run = start,         .input = &task_schema, .flags = OP_WRITE },
	{ .name = "Stop",         .run = stop,          .input = &task_schema, .flags = OP_WRITE },
	{ .name = "Many",         .run = many,          .input = &empty_schema, .flags = OP_WRITE },
	{ .name = "FailLate",     .run = fail_late,     .input = &task_schema, .flags = OP_WRITE },
	{ .name = "FailSilently", .run = fail_silently, .input = &task_schema, .flags = OP_WRITE },
	{ .name = "SpoilCommit",  .run = spoil_commit,  .input = &task_schema, .flags = OP_WRITE },
	{ .name = "StartAndWait", .run = start,         .input = &task_schema, .flags = OP_WRITE | OP_SETTLES,
	  .settled = is_running, .answer = say_status, .bad_input = ERR_CLIENT },
};
/* clang-format on */
static const struct op_table table = { ops, ARRAY_SIZE(ops) };
static const struct op_table *const tables[] = { &table };
static const char *const unavailable[] = { "Fly" };
static const struct op_service service = {
	.name = "ecs",
	.full_name = "Amazon ECS",
	.tables = tables,
	.n_tables = 1,
	.unavailable = unavailable,
	.n_unavailable = 1,
};

/* --- the bench --- */

/* Takes a snapshot in as events.c would, as far as it matters here. */
static void
on_state(const char *task_id, const Shim__TaskState *s, void *cookie)
{
	struct bench *b = cookie;
	struct store_task t = { 0 };

	b->snapshots++;
	(void)snprintf(b->started, sizeof(b->started), "%s", task_id);
	if (b->deaf)
		return;
	assert_int_equal(store_task_get(b->store, task_id, &t, NULL), 1);
	t.last_status = (enum task_state)s->last_status;
	t.seq = s->seq;
	assert_int_equal(store_task_update(b->store, &t, NULL), 0);
	store_task_done(&t);
	api_task_changed(b->api, task_id);
}

static void
on_lost(const char *task_id, void *cookie)
{
	(void)task_id;
	(void)cookie;
}

static void
on_deadline(void *arg)
{
	(void)arg;
	fail_msg("nothing happened");
}

static void
on_line(enum log_level level, const char *line, void *cookie)
{
	struct bench *b = cookie;

	assert_true(has_prefix(line, "request="));
	if (level == LOG_LEVEL_ERROR)
		b->errors++;
}

static int
setup(void **state)
{
	struct bench *b = xcalloc(1, sizeof(*b));
	const struct fleet_callbacks cb = { on_state, on_lost, b };
	char host[] = "127.0.0.1";

	b->config.settle_ms = DEADLINE_MS;
	b->config.publish_address = xstrdup(host);
	log_set_sink(on_line, b);
	b->loop = loop_new();
	timer_set(timer_new(b->loop, on_deadline, NULL), DEADLINE_MS);
	assert_int_equal(store_open(NULL, &b->store, NULL), 0);
	b->fleet = fleet_new(b->loop, &b->config, &cb);
	b->api = api_new_with(b->loop, &b->config, b->store, b->fleet, &service);
	*state = b;
	return 0;
}

static int
teardown(void **state)
{
	struct bench *b = *state;

	log_set_sink(NULL, NULL);
	api_free(b->api);
	api_free(NULL);
	fleet_free(b->fleet);
	store_close(b->store);
	loop_free(b->loop);
	free(b->config.publish_address);
	free(b);
	return 0;
}

static struct call *ask(
    struct bench *b, const char *operation, const char *body, struct reply *reply);

static void
on_reply(int status, const char *body, size_t len, const char *type, const char *request_id,
    void *cookie)
{
	struct reply *r = cookie;

	r->n++;
	r->status = status;
	assert_int_equal(strlen(body), len);
	(void)snprintf(r->body, sizeof(r->body), "%s", body);
	(void)snprintf(r->type, sizeof(r->type), "%s", type != NULL ? type : "");
	(void)snprintf(r->request_id, sizeof(r->request_id), "%s", request_id);
	if (r->cancel != NULL)
		api_cancel(TAKE(r->cancel));
	if (r->ask_again) {
		struct reply inner = { .bench = r->bench };

		assert_null(ask(r->bench, "Echo", "{\"word\":\"w\"}", &inner));
		assert_int_equal(inner.status, 200);
	}
	if (r->last != NULL && --*r->last == 0)
		loop_quit(r->bench->loop, 0);
}

static struct call *
ask(struct bench *b, const char *operation, const char *body, struct reply *reply)
{
	const struct api_request r = {
		.service = "ecs",
		.operation = operation,
		.body = body,
		.body_len = strlen(body),
		.scope = { "000000000000", "us-east-1" },
		.access_key = "AKIDEXAMPLE",
		.on_reply = on_reply,
		.cookie = reply,
	};

	reply->bench = b;
	return api_request(b->api, &r);
}

/* An answer at once, with exactly this body. */
static void
expect(struct bench *b, const char *operation, const char *body, int status, const char *type,
    const char *wanted)
{
	struct reply r = { 0 };

	assert_null(ask(b, operation, body, &r));
	assert_int_equal(r.n, 1);
	assert_string_equal(r.body, wanted);
	assert_int_equal(r.status, status);
	assert_string_equal(r.type, type);
	assert_int_equal(strlen(r.request_id), 36);
}

static void
expect_error(
    struct bench *b, const char *operation, const char *body, const char *type, const char *message)
{
	char wanted[1024];

	(void)snprintf(
	    wanted, sizeof(wanted), "{\"__type\":\"%s\",\"message\":\"%s\"}", type, message);
	expect(b, operation, body, 400, type, wanted);
}

/* --- tests --- */

static void
test_read(void **state)
{
	struct bench *b = *state;

	expect(b, "Echo", "{\"word\":\"w\",\"n\":3,\"unknown\":{}}", 200, "",
	    "{\"word\":\"w\",\"n\":3,\"account\":\"000000000000\",\"principal\":\"arn:aws:iam::"
	    "000000000000:root\","
	    "\"key\":\"AKIDEXAMPLE\",\"lenient\":true}");
	b->config.strict = true;
	expect(b, "Echo", " {\"word\":\"/\"}\n", 200, "",
	    "{\"word\":\"/"
	    "\",\"account\":\"000000000000\",\"principal\":\"arn:aws:iam::000000000000:root\","
	    "\"key\":\"AKIDEXAMPLE\",\"lenient\":false}");
}

static void
test_operations(void **state)
{
	struct bench *b = *state;
	struct reply r = { 0 };
	struct api_request elsewhere = {
		.service = "sqs",
		.operation = "Echo",
		.body = "{}",
		.body_len = 2,
		.scope = { "1", "r" },
		.on_reply = on_reply,
		.cookie = &r,
	};

	expect_error(
	    b, "Nothing", "{}", "UnknownOperationException", "The operation Nothing is not known.");
	expect_error(
	    b, "echo", "{}", "UnknownOperationException", "The operation echo is not known.");
	expect_error(b, "", "{}", "UnknownOperationException", "The operation  is not known.");
	expect_error(b, "Fly", "not even JSON", "UnsupportedFeatureException",
	    "The operation Fly is part of Amazon ECS but is not available in localemu-ecs yet.");
	assert_null(api_request(b->api, &elsewhere));
	assert_string_equal(r.type, "UnknownOperationException");
	elsewhere.operation = NULL;
	assert_null(api_request(b->api, &elsewhere));
	assert_int_equal(r.n, 2);
}

static void
test_bad_bodies(void **state)
{
	struct bench *b = *state;

	expect_error(b, "Echo", "{\"word\":", "SerializationException",
	    "The request body is not valid JSON: unexpected end of data at byte 8.");
	expect_error(
	    b, "Echo", "[]", "SerializationException", "The request body must be a JSON object.");
	expect_error(
	    b, "Echo", "null", "SerializationException", "The request body must be a JSON object.");
	expect_error(
	    b, "Echo", "{\"word\":1}", "SerializationException", "Expected a string at 'word'.");
	expect_error(b, "Echo", "{\"word\":\"\\u0000\"}", "SerializationException",
	    "The request body is not valid JSON: NUL character at byte 9.");
	for (int i = 0; i < 2; i++)
		expect_error(b, "Echo", i == 0 ? "" : "{}", "InvalidParameterException",
		    "1 validation error detected: Value null at 'word' failed to satisfy "
		    "constraint: Member must not be "
		    "null");
	expect_error(b, "StartAndWait", "{}", "ClientException",
	    "1 validation error detected: Value null at 'id' failed to satisfy constraint: Member "
	    "must not be null");
	expect_error(b, "Echo", "{\"word\":\"w\",\"n\":10}", "InvalidParameterException",
	    "1 validation error detected: Value '10' at 'n' failed to satisfy constraint: Member "
	    "must have value less "
	    "than or equal to 9");
	assert_int_equal(b->snapshots, 0);
}

static void
run_until_snapshots(struct bench *b, int n)
{
	while (b->snapshots < n)
		event_base_loop(loop_base(b->loop), EVLOOP_ONCE);
}

static void
test_write_and_message(void **state)
{
	struct bench *b = *state;

	expect(b, "Start", "{\"id\":\"" ID_A "\"}", 200, "", "{\"was\":\"new\"}");
	assert_int_equal(status_of(b->store, ID_A), TASK_PROVISIONING);
	run_until_snapshots(b, 1);
	assert_string_equal(b->started, ID_A);
	assert_int_equal(status_of(b->store, ID_A), TASK_RUNNING);
	expect(b, "Stop", "{\"id\":\"" ID_A "\"}", 200, "", "{}");
	run_until_snapshots(b, 2);
	assert_int_equal(status_of(b->store, ID_A), TASK_STOPPED);
	expect(b, "Many", "", 200, "", "{}");
	run_until_snapshots(b, 11);
}

static void
test_failure_leaves_nothing(void **state)
{
	struct bench *b = *state;
	struct reply r = { 0 };

	expect(b, "FailLate", "{\"id\":\"" ID_A "\"}", 400, "ConflictException",
	    "{\"__type\":\"ConflictException\",\"message\":\"Too late ??, "
	    "\\\"really\\\"\",\"resourceIds\":[\"r1\"]}");
	expect(b, "FailSilently", "{\"id\":\"" ID_A "\"}", 500, "ServerException",
	    "{\"__type\":\"ServerException\",\"message\":\"internal failure 28\"}");
	assert_null(ask(b, "SpoilCommit", "{\"id\":\"" ID_A "\"}", &r));
	assert_int_equal(r.status, 500);
	assert_string_equal(r.type, "ServerException");
	assert_int_equal(status_of(b->store, ID_A), -1);
	assert_int_equal(fleet_count(b->fleet), 0);
	assert_int_equal(b->errors, 2); /* our own fault, and only that, is logged */
	/* and the store takes the next transaction */
	expect(b, "Start", "{\"id\":\"" ID_A "\"}", 200, "", "{\"was\":\"new\"}");
	run_until_snapshots(b, 1);
	assert_string_equal(b->started, ID_A);
}

static void
test_no_settling(void **state)
{
	struct bench *b = *state;

	b->config.settle_ms = 0;
	expect(b, "StartAndWait", "{\"id\":\"" ID_A "\"}", 200, "", "{\"was\":\"new\"}");
	b->config.settle_ms = DEADLINE_MS;
	b->config.strict = true;
	expect(b, "StartAndWait", "{\"id\":\"" ID_B "\"}", 200, "", "{\"was\":\"new\"}");
	run_until_snapshots(b, 2);
}

static void
test_settles(void **state)
{
	struct bench *b = *state;
	struct reply first = { 0 }, second = { .ask_again = true };
	int left = 2;

	first.last = second.last = &left;
	assert_non_null(ask(b, "StartAndWait", "{\"id\":\"" ID_A "\"}", &first));
	assert_non_null(ask(b, "StartAndWait", "{\"id\":\"" ID_B "\"}", &second));
	assert_int_equal(first.n + second.n, 0);
	assert_int_equal(loop_run(b->loop), 0);
	assert_string_equal(first.body, "{\"lastStatus\":\"RUNNING\"}");
	assert_string_equal(second.body, "{\"lastStatus\":\"RUNNING\"}");
	assert_int_equal(first.n, 1);
	assert_int_equal(second.n, 1);
	assert_int_equal(first.status, 200);
	assert_string_not_equal(first.request_id, second.request_id);
	/* another change, with nobody waiting */
	api_task_changed(b->api, ID_A);
	assert_int_equal(event_base_loop(loop_base(b->loop), EVLOOP_NONBLOCK), 0);
	assert_int_equal(first.n, 1);
}

static void
test_deadline(void **state)
{
	struct bench *b = *state;
	struct reply r = { 0 };
	int left = 1;

	r.last = &left;
	b->deaf = true;
	b->config.settle_ms = 20;
	assert_non_null(ask(b, "StartAndWait", "{\"id\":\"" ID_A "\"}", &r));
	api_task_changed(b->api, ID_A); /* looked at, not settled */
	assert_int_equal(loop_run(b->loop), 0);
	assert_int_equal(r.n, 1);
	assert_int_equal(r.status, 200);
	assert_string_equal(r.body, "{\"lastStatus\":\"PROVISIONING\"}");
}

static void
test_cancel(void **state)
{
	struct bench *b = *state;
	struct reply gone = { 0 }, stays = { 0 };
	struct call *held;
	int left = 1;

	stays.last = &left;
	held = ask(b, "StartAndWait", "{\"id\":\"" ID_A "\"}", &gone);
	assert_non_null(held);
	assert_non_null(ask(b, "StartAndWait", "{\"id\":\"" ID_B "\"}", &stays));
	api_cancel(held);
	api_cancel(NULL);
	assert_int_equal(loop_run(b->loop), 0);
	assert_int_equal(gone.n, 0);
	assert_int_equal(stays.n, 1);
	run_until_snapshots(b, 2); /* the task itself goes on */
}

static void
test_cancel_inside_reply(void **state)
{
	struct bench *b = *state;
	struct reply first = { 0 }, second = { 0 };
	struct call *a, *c;

	b->deaf = true;
	a = ask(b, "StartAndWait", "{\"id\":\"" ID_A "\"}", &first);
	c = ask(b, "StartAndWait", "{\"id\":\"" ID_B "\"}", &second);
	assert_true(a != NULL && c != NULL);
	/* Whichever is answered first takes the other one with it. */
	first.cancel = c;
	second.cancel = a;
	api_answer_all(b->api);
	assert_int_equal(first.n + second.n, 1);
}

static void
test_answer_all_and_free(void **state)
{
	struct bench *b = *state;
	struct reply r = { 0 }, forgotten = { 0 };

	b->deaf = true;
	assert_non_null(ask(b, "StartAndWait", "{\"id\":\"" ID_A "\"}", &r));
	api_answer_all(b->api);
	assert_int_equal(r.n, 1);
	assert_string_equal(r.body, "{\"lastStatus\":\"PROVISIONING\"}");
	assert_non_null(ask(b, "StartAndWait", "{\"id\":\"" ID_B "\"}", &forgotten));
	api_free(TAKE(b->api));
	assert_int_equal(forgotten.n, 0);
}

static int
act(struct call *c)
{
	const int *fails = c->args;

	assert_string_equal(c->principal_arn, "ecs.amazonaws.com");
	call_wish_service(c, "web", "front");
	call_wish_service(c, "web", "back");
	call_wish_service(c, "web", "front");
	return *fails != 0 ? err_set(&c->err, ERR_CLIENT, "no room") : 0;
}

static void
note_service(const struct scope *sc, const char *cluster, const char *name, void *cookie)
{
	char *notes = cookie;
	size_t len = strlen(notes);

	(void)snprintf(notes + len, 200 - len, "%s/%s/%s ", sc->region, cluster, name);
}

static void
test_act(void **state)
{
	static const struct op op = { .name = "RunTask", .run = act, .flags = OP_WRITE };
	const struct scope sc = { .account = "000000000000", .region = "eu-west-1" };
	struct bench *b = *state;
	char notes[200] = "";
	struct err e = { 0 };
	int fails = 1;

	api_on_service(b->api, note_service, notes);
	assert_true(api_act(b->api, &sc, "ecs.amazonaws.com", &op, &fails, &e) < 0);
	assert_string_equal(e.text, "no room");
	assert_string_equal(notes, "");
	fails = 0;
	assert_int_equal(api_act(b->api, &sc, "ecs.amazonaws.com", &op, &fails, &e), 0);
	assert_string_equal(notes, "eu-west-1/web/front eu-west-1/web/back ");
}

static void
test_dump(void **state)
{
	_cleanup_json_ struct json_object *dump = api_dump();
	struct json_object *list =
	    json_get(json_get(json_get(dump, "services"), "ecs"), "operations");
	size_t available = 0;
	const char *last = "";

	(void)state;
	assert_int_equal(json_object_array_length(list), ECS_OPERATIONS_TOTAL);
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *o = json_object_array_get_idx(list, i);

		assert_true(strcmp(last, json_get_str(o, "name")) < 0);
		last = json_get_str(o, "name");
		if (!json_get_bool(o, "available", false))
			continue;
		available++;
		assert_non_null(json_get_str(json_get(o, "input"), "name"));
		assert_non_null(json_get(json_get(o, "input"), "members"));
		assert_non_null(json_get_str(o, "error"));
	}
	assert_int_equal(available, ECS_OPERATIONS_TOTAL - ecs_service.n_unavailable);
}

int
main(void)
{
#define ONE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		ONE(test_read),
		ONE(test_operations),
		ONE(test_bad_bodies),
		ONE(test_write_and_message),
		ONE(test_failure_leaves_nothing),
		ONE(test_no_settling),
		ONE(test_settles),
		ONE(test_deadline),
		ONE(test_cancel),
		ONE(test_cancel_inside_reply),
		ONE(test_answer_all_and_free),
		ONE(test_act),
		cmocka_unit_test(test_dump),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
