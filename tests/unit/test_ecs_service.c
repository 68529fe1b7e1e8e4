/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Service operations without a daemon: handlers over a store in memory. What only a store can be
 * brought into is here - tasks that still stop, a hook that waits, a call that waits for tasks; the
 * rest is in tests/api.
 */
#include "daemon/config.h"
#include "daemon/ecs/operations.h"
#include "daemon/store/cluster.h"
#include "daemon/store/service.h"
#include "daemon/store/store.h"
#include "daemon/store/task.h"

#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define NOW_MS 1700000000000
#define DEPLOYMENT "1234567890123456789"
#define ROLL_OUT "abcdefghijklmnopqrstu"
#define ROLL_OUT_ARN "arn:aws:ecs:us-east-1:000000000000:service-deployment/web/front/" ROLL_OUT

static const struct scope here = { "000000000000", "us-east-1" };

struct room {
	struct store *store;
	struct config config;
};

static void
fill(char *out, size_t size, const char *text)
{
	(void)snprintf(out, size, "%s", text);
}
#define FILL(member, text) fill(member, sizeof(member), text)

static int
setup(void **state)
{
	struct room *room = xcalloc(1, sizeof(*room));
	struct store_cluster cluster = { .name = "web", .status = "ACTIVE" };
	int r;

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
find(const char *name)
{
	const struct op_service *s = &ecs_service;

	for (size_t t = 0; t < s->n_tables; t++)
		for (size_t i = 0; i < s->tables[t]->n; i++)
			if (streq(s->tables[t]->ops[i].name, name))
				return &s->tables[t]->ops[i];
	fail_msg("no operation %s", name);
	return NULL;
}

/* Runs an operation as api.c does; the call stays for `settled`. */
static int
run(struct room *room, struct call *c, const char *name, const char *body)
{
	int r;

	memset(c, 0, sizeof(*c));
	c->config = &room->config;
	c->store = room->store;
	c->scope = here;
	c->now_ms = NOW_MS;
	c->op = find(name);
	c->out = json_object_new_object();
	assert_int_equal(json_parse(body, strlen(body), &c->in, NULL), 0);
	c->args = arena_alloc(&c->arena, c->op->input->size);
	r = schema_bind(c->op->input, c->in, c->args, &c->arena, ERR_INVALID_PARAMETER, &c->err);
	return r < 0 ? r : c->op->run(c);
}

static void
done(struct call *c)
{
	json_object_put(c->in);
	json_object_put(c->out);
	free(c->service_wishes);
	free(c->wishes);
	arena_done(&c->arena);
}

static void
refused(struct room *room, const char *name, const char *body, const char *text)
{
	struct call c;

	assert_true(run(room, &c, name, body) < 0);
	assert_string_equal(c.err.text, text);
	done(&c);
}

static void
put_service(struct room *room, int64_t desired_count)
{
	struct store_service v = { .scope = here, .desired_count = desired_count };
	struct store_deployment d = { .scope = here, .desired_count = desired_count };

	FILL(v.cluster, "web");
	FILL(v.name, "front");
	FILL(v.status, "ACTIVE");
	FILL(v.controller, "ECS");
	FILL(v.scheduling, "REPLICA");
	v.doc = xstrdup("{\"serviceName\":\"front\",\"taskDefinition\":\"app:1\"}");
	assert_int_equal(store_service_put(room->store, &v, NULL), 0);
	store_service_done(&v);
	FILL(d.cluster, "web");
	FILL(d.service, "front");
	FILL(d.id, DEPLOYMENT);
	FILL(d.status, "PRIMARY");
	FILL(d.rollout_state, "IN_PROGRESS");
	FILL(d.service_deployment, ROLL_OUT);
	d.doc = xstrdup("{}");
	assert_int_equal(store_deployment_put(room->store, &d, NULL), 0);
	store_deployment_done(&d);
}

static void
put_roll_out(struct room *room, const char *status, const char *doc)
{
	struct store_service_deployment sd = { .scope = here };

	FILL(sd.cluster, "web");
	FILL(sd.service, "front");
	FILL(sd.id, ROLL_OUT);
	FILL(sd.status, status);
	FILL(sd.deployment, DEPLOYMENT);
	sd.doc = xstrdup(doc);
	assert_int_equal(store_service_deployment_put(room->store, &sd, NULL), 0);
	store_service_deployment_done(&sd);
}

static void
put_task(struct room *room, const char *id, enum task_state status, bool desired_stopped)
{
	struct store_task t = {
		.scope = here,
		.last_status = status,
		.desired_stopped = desired_stopped,
		.started_by = xstrdup("ecs-svc/" DEPLOYMENT),
		.service = xstrdup("front"),
		.doc = xstrdup("{}"),
	};
	struct err e = { 0 };

	FILL(t.id, id);
	FILL(t.cluster, "web");
	if (store_task_insert(room->store, &t, &e) != 0)
		fail_msg("%s", e.text);
	store_task_done(&t);
}

static void
test_a_service_drains(void **state)
{
	struct room *room = *state;
	struct json_object *service;
	struct call c;

	put_service(room, 0);
	put_roll_out(room, "IN_PROGRESS", "{}");
	put_task(room, "t1", TASK_STOPPING, true);
	assert_int_equal(
	    run(room, &c, "DeleteService", "{\"cluster\":\"web\",\"service\":\"front\"}"), 0);
	service = json_get(c.out, "service");
	assert_string_equal(json_get_str(service, "status"), "DRAINING");
	assert_int_equal(c.n_service_wishes, 1);
	done(&c);
	assert_int_equal(run(room, &c, "DescribeServiceDeployments",
			     "{\"serviceDeploymentArns\":[\"" ROLL_OUT_ARN "\"]}"),
	    0);
	assert_string_equal(
	    json_get_str(
		json_object_array_get_idx(json_get(c.out, "serviceDeployments"), 0), "status"),
	    "STOPPED");
	done(&c);
	refused(room, "UpdateService",
	    "{\"cluster\":\"web\",\"service\":\"front\",\"desiredCount\":1}",
	    "Service was not ACTIVE.");
	refused(room, "CreateService",
	    "{\"cluster\":\"web\",\"serviceName\":\"front\",\"desiredCount\":1,"
	    "\"taskDefinition\":\"app\"}",
	    "Unable to Start a service that is still Draining.");
	assert_int_equal(run(room, &c, "ListServices", "{\"cluster\":\"web\"}"), 0);
	assert_int_equal(json_object_array_length(json_get(c.out, "serviceArns")), 1);
	done(&c);
	assert_int_equal(
	    run(room, &c, "DeleteService", "{\"cluster\":\"web\",\"service\":\"front\"}"), 0);
	assert_string_equal(json_get_str(json_get(c.out, "service"), "status"), "DRAINING");
	done(&c);
}

/* UpdateService is held until as many tasks run as are wanted and the surplus has stopped. */
static void
test_what_a_reply_waits_for(void **state)
{
	struct room *room = *state;
	struct call c;

	put_service(room, 3);
	put_task(room, "t1", TASK_RUNNING, false);
	put_task(room, "t2", TASK_RUNNING, true);
	assert_int_equal(run(room, &c, "UpdateService",
			     "{\"cluster\":\"web\",\"service\":\"front\",\"desiredCount\":1}"),
	    0);
	assert_false(c.op->settled(&c));
	done(&c);
	assert_int_equal(run(room, &c, "UpdateService",
			     "{\"cluster\":\"web\",\"service\":\"front\",\"desiredCount\":2}"),
	    0);
	assert_true(c.op->settled(&c));
	done(&c);
	assert_int_equal(run(room, &c, "UpdateService",
			     "{\"cluster\":\"web\",\"service\":\"front\",\"desiredCount\":9}"),
	    0);
	assert_false(c.op->settled(&c));
	assert_int_equal(store_service_event_add(room->store, &here, "web", "front", "x", NOW_MS,
			     "(service front) was unable to place a task.", NULL),
	    0);
	assert_true(c.op->settled(&c));
	done(&c);
}

static void
test_a_failed_task_ends_the_wait(void **state)
{
	struct room *room = *state;
	struct store_deployment d = { 0 };
	struct call c;

	put_service(room, 3);
	assert_int_equal(run(room, &c, "UpdateService",
			     "{\"cluster\":\"web\",\"service\":\"front\",\"desiredCount\":2}"),
	    0);
	assert_false(c.op->settled(&c));
	assert_int_equal(
	    store_deployment_get(room->store, &here, "web", "front", DEPLOYMENT, &d, NULL), 1);
	assert_int_equal(d.desired_count, 2);
	d.failed_tasks = 1;
	assert_int_equal(store_deployment_put(room->store, &d, NULL), 0);
	store_deployment_done(&d);
	assert_true(c.op->settled(&c));
	done(&c);
}

#define HOOK(status)                                                                               \
	"{\"lifecycleHookDetails\":[{\"hookId\":\"h\",\"targetType\":\"PAUSE\",\"status\":"        \
	"\"" status "\"}]}"
#define CONTINUE(more) "{\"serviceDeploymentArn\":\"" ROLL_OUT_ARN "\",\"hookId\":\"h\"" more "}"

static void
assert_roll_out(struct room *room, const char *status, const char *doc)
{
	struct store_service_deployment sd = { 0 };

	assert_int_equal(
	    store_service_deployment_get(room->store, &here, "web", "front", ROLL_OUT, &sd, NULL),
	    1);
	assert_string_equal(sd.status, status);
	assert_string_equal(sd.doc, doc);
	store_service_deployment_done(&sd);
}

static void
test_a_paused_deployment_goes_on(void **state)
{
	struct room *room = *state;
	struct call c;

	put_service(room, 1);
	put_roll_out(room, "IN_PROGRESS", HOOK("AWAITING_ACTION"));
	assert_int_equal(run(room, &c, "ContinueServiceDeployment", CONTINUE("")), 0);
	assert_string_equal(json_get_str(c.out, "serviceDeploymentArn"), ROLL_OUT_ARN);
	assert_int_equal(c.n_service_wishes, 1);
	done(&c);
	assert_roll_out(room, "IN_PROGRESS", HOOK("SUCCEEDED"));
	refused(room, "ContinueServiceDeployment", CONTINUE(""),
	    "The lifecycle hook 'h' does not wait for an action: its status is SUCCEEDED.");
}

static void
test_a_paused_deployment_goes_back(void **state)
{
	struct room *room = *state;
	struct call c;

	put_service(room, 1);
	put_roll_out(room, "IN_PROGRESS", HOOK("AWAITING_ACTION"));
	assert_int_equal(
	    run(room, &c, "ContinueServiceDeployment", CONTINUE(",\"action\":\"ROLLBACK\"")), 0);
	done(&c);
	assert_roll_out(room, "ROLLBACK_REQUESTED", HOOK("FAILED"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_service_drains, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_a_reply_waits_for, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_failed_task_ends_the_wait, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_paused_deployment_goes_on, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_a_paused_deployment_goes_back, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
