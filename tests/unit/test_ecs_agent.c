/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reports of agents and task protection over a store in memory: tasks of services and tasks on
 * instances that somebody has registered, which no API test can have yet.
 */
#include "daemon/config.h"
#include "daemon/ecs/operations.h"
#include "daemon/store/cluster.h"
#include "daemon/store/container_instance.h"
#include "daemon/store/store.h"
#include "daemon/store/task.h"
#include "proto/shim.pb-c.h"

#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define NOW_MS 1700000000000
#define TASK_ID "0123456789abcdef0123456789abcdef"
#define INSTANCE_ID "ffffffffffffffffffffffffffffffff"

static const struct scope here = { "000000000000", "us-east-1" };

struct room {
	struct store *store;
	struct config config;
	int64_t now_ms;
	size_t wishes; /* of the last call */
};

static int
setup(void **state)
{
	struct room *room = xcalloc(1, sizeof(*room));
	struct store_cluster cluster = { .name = "web", .status = "ACTIVE" };
	int r;

	room->now_ms = NOW_MS;
	*state = room;
	r = store_open(NULL, &room->store, NULL);
	cluster.doc = xstrdup("{}");
	if (r == 0)
		r = store_cluster_put(room->store, &here, &cluster, NULL);
	store_cluster_done(&cluster);
	return r;
}

static int
teardown(void **state)
{
	struct room *room = *state;

	store_close(room->store);
	free(room);
	return 0;
}

static const struct op *
find(const struct op_table *t, const char *name)
{
	for (size_t i = 0; i < t->n; i++)
		if (streq(t->ops[i].name, name))
			return &t->ops[i];
	fail_msg("no operation %s", name);
	return NULL;
}

/* Runs an operation as api.c does. What it answers, or the error's text: the caller's. */
static char *
run(struct room *room, const struct op_table *t, const char *name, const char *body)
{
	struct call c = { .config = &room->config, .store = room->store, .scope = here };
	char *text;
	int r;

	c.now_ms = room->now_ms;
	c.op = find(t, name);
	c.out = json_object_new_object();
	assert_int_equal(json_parse(body, strlen(body), &c.in, NULL), 0);
	c.args = arena_alloc(&c.arena, c.op->input->size);
	r = schema_bind(c.op->input, c.in, c.args, &c.arena, ERR_INVALID_PARAMETER, &c.err);
	assert_int_equal(store_begin(room->store, NULL), 0);
	if (r == 0)
		r = c.op->run(&c);
	if (r < 0)
		store_rollback(room->store);
	else
		assert_int_equal(store_commit(room->store, NULL), 0);
	text = xstrdup(r < 0 ? c.err.text : json_print(c.out));
	room->wishes = c.n_wishes;
	json_object_put(c.in);
	json_object_put(c.out);
	free(c.wishes);
	arena_done(&c.arena);
	return text;
}

static void
answers(struct room *room, const struct op_table *t, const char *name, const char *body,
    const char *wanted)
{
	_cleanup_free_ char *text = run(room, t, name, body);

	assert_string_equal(text, wanted);
}

static void
insert_instance(struct room *room, bool synthetic)
{
	struct store_container_instance i = {
		.id = INSTANCE_ID, .cluster = "web", .status = "ACTIVE", .synthetic = synthetic
	};

	i.doc = xstrdup("{}");
	assert_int_equal(store_container_instance_put(room->store, &here, &i, NULL), 0);
	store_container_instance_done(&i);
}

/* A PENDING task with one container, "app". */
static void
insert_task(struct room *room, const char *service, enum runner_kind runner)
{
	Shim__TaskState s;
	Shim__ContainerState app, *list[] = { &app };
	char name[] = "app";
	struct store_task t = {
		.scope = here,
		.id = TASK_ID,
		.cluster = "web",
		.family = "hello",
		.launch_type = "EC2",
		.last_status = TASK_PENDING,
		.runner = runner,
	};

	shim__task_state__init(&s);
	shim__container_state__init(&app);
	app.name = name;
	s.last_status = SHIM__TASK_STATUS__PENDING;
	s.containers = list;
	s.n_containers = 1;
	t.state_len = shim__task_state__get_packed_size(&s);
	t.state = xcalloc(t.state_len, 1);
	shim__task_state__pack(&s, t.state);
	t.group = xstrdup("family:hello");
	t.service = service != NULL ? xstrdup(service) : NULL;
	t.instance = xstrdup(INSTANCE_ID);
	t.doc = xstrdup("{\"lastStatus\":\"PENDING\",\"desiredStatus\":\"RUNNING\",\"version\":1,"
			"\"containers\":[{\"name\":\"app\",\"lastStatus\":\"PENDING\"}]}");
	assert_int_equal(store_begin(room->store, NULL), 0);
	assert_int_equal(store_task_insert(room->store, &t, NULL), 0);
	assert_int_equal(store_commit(room->store, NULL), 0);
	store_task_done(&t);
}

/* The caller's. */
static struct json_object *
task_doc(struct room *room)
{
	_cleanup_free_ char *text = NULL;
	struct json_object *doc = NULL;

	assert_int_equal(store_task_doc(room->store, &here, "web", TASK_ID, &text, NULL), 1);
	assert_int_equal(json_parse(text, strlen(text), &doc, NULL), 0);
	return doc;
}

#define ACK "{\"acknowledgment\":\"ACK\"}"
#define SUBMIT(body)                                                                               \
	answers(room, &ecs_agent_ops, "SubmitTaskStateChange",                                     \
	    "{\"cluster\":\"web\",\"task\":\"" TASK_ID "\"," body "}", ACK)

static void
test_agent_reports(void **state)
{
	_cleanup_json_ struct json_object *running = NULL, *stopped = NULL;
	struct room *room = *state;
	struct json_object *app;

	insert_instance(room, false);
	insert_task(room, NULL, RUNNER_INSTANT);
	SUBMIT("\"status\":\"RUNNING\",\"pullStartedAt\":1700000000.5,\"containers\":[{"
	       "\"containerName\":\"app\",\"status\":\"RUNNING\",\"runtimeId\":\"abc\"}]");
	assert_int_equal(room->wishes, 0);
	running = task_doc(room);
	assert_string_equal(json_get_str(running, "lastStatus"), "RUNNING");
	assert_non_null(json_get(running, "startedAt"));
	assert_non_null(json_get(running, "pullStartedAt"));
	app = json_object_array_get_idx(json_get(running, "containers"), 0);
	assert_string_equal(json_get_str(app, "runtimeId"), "abc");
	assert_string_equal(json_get_str(app, "lastStatus"), "RUNNING");

	/* Backwards is acknowledged and ignored. */
	SUBMIT("\"status\":\"PENDING\"");
	answers(room, &ecs_agent_ops, "SubmitContainerStateChange",
	    "{\"cluster\":\"web\",\"task\":\"" TASK_ID "\",\"containerName\":\"app\","
	    "\"status\":\"STOPPED\",\"exitCode\":3,\"reason\":\"gone\"}",
	    ACK);
	SUBMIT("\"status\":\"STOPPED\"");
	assert_int_equal(room->wishes, 1);
	stopped = task_doc(room);
	assert_string_equal(json_get_str(stopped, "lastStatus"), "STOPPED");
	assert_string_equal(json_get_str(stopped, "desiredStatus"), "STOPPED");
	assert_string_equal(json_get_str(stopped, "stopCode"), "EssentialContainerExited");
	app = json_object_array_get_idx(json_get(stopped, "containers"), 0);
	assert_int_equal(json_get_int(app, "exitCode", -1), 3);
	assert_string_equal(json_get_str(app, "reason"), "gone");
	/* And nothing leaves STOPPED. */
	SUBMIT("\"status\":\"RUNNING\"");
}

static void
test_agent_reports_a_failed_start(void **state)
{
	_cleanup_json_ struct json_object *doc = NULL;
	struct room *room = *state;

	insert_instance(room, false);
	insert_task(room, NULL, RUNNER_INSTANT);
	SUBMIT("\"status\":\"STOPPED\",\"reason\":\"CannotPullContainerError: no\"");
	doc = task_doc(room);
	assert_string_equal(json_get_str(doc, "stopCode"), "TaskFailedToStart");
	assert_string_equal(json_get_str(doc, "stoppedReason"), "CannotPullContainerError: no");
}

static void
test_reports_of_our_tasks_change_nothing(void **state)
{
	_cleanup_json_ struct json_object *synthetic = NULL;
	struct room *room = *state;

	insert_instance(room, true);
	insert_task(room, NULL, RUNNER_INSTANT);
	SUBMIT("\"status\":\"STOPPED\"");
	synthetic = task_doc(room);
	assert_string_equal(json_get_str(synthetic, "lastStatus"), "PENDING");
}

static void
test_reports_of_a_shims_tasks_change_nothing(void **state)
{
	_cleanup_json_ struct json_object *doc = NULL;
	struct room *room = *state;

	insert_instance(room, false);
	insert_task(room, NULL, RUNNER_SHIM);
	SUBMIT("\"status\":\"STOPPED\"");
	doc = task_doc(room);
	assert_string_equal(json_get_str(doc, "lastStatus"), "PENDING");
}

static void
test_wrong_reports(void **state)
{
	struct room *room = *state;
	_cleanup_json_ struct json_object *doc = NULL;

	insert_instance(room, false);
	insert_task(room, NULL, RUNNER_INSTANT);
	answers(room, &ecs_agent_ops, "SubmitTaskStateChange",
	    "{\"cluster\":\"web\",\"task\":\"" TASK_ID "\",\"status\":\"DANCING\"}",
	    "Task status 'DANCING' is no status of a task.");
	answers(room, &ecs_agent_ops, "SubmitContainerStateChange",
	    "{\"cluster\":\"web\",\"task\":\"" TASK_ID "\",\"containerName\":\"other\"}",
	    "The container other does not exist in the task.");
	answers(room, &ecs_agent_ops, "SubmitTaskStateChange",
	    "{\"cluster\":\"web\",\"task\":\"" INSTANCE_ID "\",\"status\":\"RUNNING\"}",
	    "The referenced task was not found.");
	answers(room, &ecs_agent_ops, "SubmitTaskStateChange", "{\"cluster\":\"web\"}", ACK);
	doc = task_doc(room);
	assert_int_equal(json_get_int(doc, "version", 0), 1);
}

#define ARN "arn:aws:ecs:us-east-1:000000000000:task/web/" TASK_ID
#define UPDATE(body, wanted)                                                                       \
	answers(room, &ecs_task_protection_ops, "UpdateTaskProtection",                            \
	    "{\"cluster\":\"web\",\"tasks\":[\"" TASK_ID "\"]," body "}", wanted)
#define GET(wanted)                                                                                \
	answers(room, &ecs_task_protection_ops, "GetTaskProtection",                               \
	    "{\"cluster\":\"web\",\"tasks\":[\"" TASK_ID "\"]}", wanted)
#define PROTECTED(until)                                                                           \
	"{\"protectedTasks\":[{\"taskArn\":\"" ARN                                                 \
	"\",\"protectionEnabled\":true,\"expirationDate\":" until "}],\"failures\":[]}"
#define UNPROTECTED                                                                                \
	"{\"protectedTasks\":[{\"taskArn\":\"" ARN                                                 \
	"\",\"protectionEnabled\":false}],\"failures\":[]}"

static void
test_protection(void **state)
{
	struct room *room = *state;

	insert_task(room, "shop", RUNNER_INSTANT);
	GET(UNPROTECTED);
	UPDATE("\"protectionEnabled\":true", PROTECTED("1700007200.000"));
	room->now_ms += 1000;
	/* Once more begins anew. */
	UPDATE("\"protectionEnabled\":true,\"expiresInMinutes\":1", PROTECTED("1700000061.000"));
	room->now_ms = NOW_MS + 60999;
	GET(PROTECTED("1700000061.000"));
	room->now_ms++;
	GET(UNPROTECTED);
	UPDATE("\"protectionEnabled\":true,\"expiresInMinutes\":2880", PROTECTED("1700172861.000"));
	UPDATE("\"protectionEnabled\":false", UNPROTECTED);
	GET(UNPROTECTED);
}

static void
test_protection_of_what_no_service_has(void **state)
{
	struct room *room = *state;

	insert_task(room, NULL, RUNNER_INSTANT);
	UPDATE("\"protectionEnabled\":true", "{\"protectedTasks\":[],\"failures\":[{\"arn\":\"" ARN
					     "\",\"reason\":\"TASK_NOT_VALID\"}]}");
	GET("{\"protectedTasks\":[],\"failures\":[{\"arn\":\"" ARN
	    "\",\"reason\":\"TASK_NOT_VALID\"}]}");
}

int
main(void)
{
#define ONE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		ONE(test_agent_reports),
		ONE(test_agent_reports_a_failed_start),
		ONE(test_reports_of_our_tasks_change_nothing),
		ONE(test_reports_of_a_shims_tasks_change_nothing),
		ONE(test_wrong_reports),
		ONE(test_protection),
		ONE(test_protection_of_what_no_service_has),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
