/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The scheduler over a store in memory and the instant runner, wired as main.c wires them: what is
 * in the store once the loop has come to rest. Services are made by the same function as
 * CreateService uses.
 */
#include "daemon/config.h"
#include "daemon/ecs/service_deploy.h"
#include "daemon/events.h"
#include "daemon/fleet.h"
#include "daemon/reconcile/services.h"
#include "daemon/store/service_task.h"
#include "daemon/store/store.h"

#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct scope scope = { "000000000000", "us-east-1" };

struct room {
	struct config config;
	struct loop *loop;
	struct store *store;
	struct events *events;
	struct fleet *fleet;
	struct api *api;
	struct reconcile_services *services;
};

static void
on_state(const char *id, const Shim__TaskState *s, void *cookie)
{
	struct room *room = cookie;

	events_state(room->events, id, s);
}

static void
on_lost(const char *id, void *cookie)
{
	(void)id;
	(void)cookie;
}

static void
on_changed(const char *id, void *cookie)
{
	struct room *room = cookie;

	reconcile_services_task(room->services, id);
}

static void
on_finished(const char *id, void *cookie)
{
	struct room *room = cookie;

	fleet_release(room->fleet, id);
}

static void
on_service(const struct scope *sc, const char *cluster, const char *service, void *cookie)
{
	struct room *room = cookie;

	reconcile_services_look(room->services, sc, cluster, service);
}

static void
on_reply(int status, const char *body, size_t len, const char *type, const char *id, void *cookie)
{
	(void)len;
	(void)type;
	(void)id;
	(void)cookie;
	if (status != 200)
		fail_msg("%s", body);
}

static void
request(struct room *room, const char *operation, const char *body)
{
	const struct api_request r = { .service = "ecs",
		.operation = operation,
		.body = body,
		.body_len = strlen(body),
		.scope = scope,
		.on_reply = on_reply };

	assert_null(api_request(room->api, &r));
}

static int
setup(void **state)
{
	struct room *room = xcalloc(1, sizeof(*room));
	const struct events_callbacks events_cb = { on_changed, on_finished, room };
	const struct fleet_callbacks fleet_cb = { on_state, on_lost, room };
	char *argv[] = { (char[]){ "localemu-ecsd" }, NULL };

	*state = room;
	(void)setenv("ECS_DOCKER_BACKEND", "0", 1);
	(void)setenv("ECS_SETTLE_SECONDS", "0", 1);
	(void)setenv("ECS_HEALTHY_AFTER_SECONDS", "0", 1);
	assert_int_equal(config_read(&room->config, 1, argv, NULL), 0);
	assert_int_equal(store_open(NULL, &room->store, NULL), 0);
	room->loop = loop_new();
	room->events = events_new(room->store, &events_cb);
	room->fleet = fleet_new(room->loop, &room->config, &fleet_cb);
	room->api = api_new(room->loop, &room->config, room->store, room->fleet);
	room->services = reconcile_services_new(room->loop, room->store, room->api);
	api_on_service(room->api, on_service, room);
	request(room, "RegisterTaskDefinition",
	    "{\"family\":\"web\",\"containerDefinitions\":[{\"name\":\"web\",\"image\":\"web\","
	    "\"memory\":16}]}");
	return 0;
}

static int
teardown(void **state)
{
	struct room *room = *state;

	reconcile_services_free(room->services);
	api_free(room->api);
	fleet_free(room->fleet);
	events_free(room->events);
	loop_free(room->loop);
	store_close(room->store);
	config_done(&room->config);
	free(room);
	return 0;
}

/* Until nothing is due at once. */
static void
rest(struct room *room)
{
	for (int quiet = 0; quiet < 20; quiet++)
		assert_true(event_base_loop(loop_base(room->loop), EVLOOP_NONBLOCK) >= 0);
}

/* --- services --- */

struct wish {
	const char *definition;
	int64_t desired;
	const char *status;
};

static void
service_done(struct store_service *v)
{
	store_service_done(v);
}

/* What CreateService and UpdateService come down to. */
static int
deploy(struct call *c)
{
	_cleanup_(service_done) struct store_service v = { .scope = scope,
		.cluster = "default",
		.name = "api",
		.scheduling = "REPLICA",
		.controller = "ECS" };
	struct json_object *settings = json_object_new_object(), *arn;
	const struct wish *w = c->args;
	int r = store_service_get(c->store, &scope, "default", "api", &v, &c->err);

	assert_true(r >= 0);
	(void)snprintf(v.status, sizeof(v.status), "%s", w->status);
	v.desired_count = w->desired;
	if (w->definition == NULL) {
		json_object_put(settings);
		call_wish_service(c, "default", "api");
		return store_service_put(c->store, &v, &c->err);
	}
	arn = json_object_new_string(w->definition);
	json_add(settings, "taskDefinition", arn);
	json_add_str(settings, "launchType", "FARGATE");
	json_add_bool(settings, "enableECSManagedTags", true);
	r = service_deploy_start(c, &v, settings);
	json_object_put(settings);
	return r;
}

static void
wish(struct room *room, const char *definition, int64_t desired, const char *status)
{
	static const struct op op = { .name = "deploy", .run = deploy, .flags = OP_WRITE };
	struct wish w = { definition, desired, status };
	struct err e = { 0 };

	if (api_act(room->api, &scope, "test", &op, &w, &e) < 0)
		fail_msg("%s", e.text);
	rest(room);
}

struct tally {
	int running, n;
	char first[33];
};

static int
count(const struct store_service_task *t, void *arg)
{
	struct tally *tally = arg;

	if (tally->n++ == 0)
		memcpy(tally->first, t->id, sizeof(t->id));
	tally->running += t->last_status == TASK_RUNNING && !t->desired_stopped;
	return 0;
}

static struct tally
tally(struct room *room)
{
	struct tally n = { 0 };

	assert_int_equal(
	    store_service_task_list(room->store, &scope, "default", "api", count, &n, NULL), 0);
	return n;
}

static int
copy_newest(const struct store_deployment *d, void *arg)
{
	*(struct store_deployment *)arg = *d;
	((struct store_deployment *)arg)->doc = NULL;
	((struct store_deployment *)arg)->rollout_reason = NULL;
	return 1;
}

static struct store_deployment
primary(struct room *room)
{
	struct store_deployment d = { 0 };

	assert_int_equal(
	    store_deployment_list(room->store, &scope, "default", "api", copy_newest, &d, NULL), 0);
	return d;
}

static int
join(const char *id, int64_t at, const char *message, void *arg)
{
	char *text = arg;

	(void)id;
	(void)at;
	(void)snprintf(text + strlen(text), 4096 - strlen(text), "%.50s|", message);
	return 0;
}

static const char *
events(struct room *room)
{
	static char text[4096];

	text[0] = '\0';
	assert_int_equal(
	    store_service_event_list(room->store, &scope, "default", "api", join, text, NULL), 0);
	return text;
}

static void
test_counts_hold(void **state)
{
	struct room *room = *state;
	struct tally n;
	char request_body[96];

	wish(room, "web:1", 3, "ACTIVE");
	assert_int_equal(tally(room).running, 3);
	assert_string_equal(primary(room).rollout_state, "COMPLETED");
	assert_non_null(strstr(events(room), "(service api) has reached a steady state.|"));
	assert_non_null(strstr(events(room), "(service api) has started 3 tasks: (task "));

	wish(room, NULL, 25, "ACTIVE");
	assert_int_equal(tally(room).running, 25);
	wish(room, NULL, 1, "ACTIVE");
	n = tally(room);
	assert_int_equal(n.running, 1);
	assert_int_equal(n.n, 1);

	/* One that a user stops is replaced. */
	(void)snprintf(request_body, sizeof(request_body), "{\"task\":\"%s\"}", n.first);
	request(room, "StopTask", request_body);
	rest(room);
	assert_int_equal(tally(room).running, 1);
	assert_string_not_equal(tally(room).first, n.first);
}

static void
test_rolls_out(void **state)
{
	struct room *room = *state;
	struct store_deployment first, second;

	wish(room, "web:1", 4, "ACTIVE");
	first = primary(room);
	wish(room, "web:1", 4, "ACTIVE");
	second = primary(room);
	assert_string_not_equal(first.id, second.id);
	assert_string_equal(second.rollout_state, "COMPLETED");
	assert_string_equal(second.status, "PRIMARY");
	assert_int_equal(tally(room).running, 4);
	assert_int_equal(
	    store_deployment_get(room->store, &scope, "default", "api", first.id, &first, NULL), 0);
}

static void
test_deletion(void **state)
{
	struct room *room = *state;
	struct store_service v = { 0 };

	wish(room, "web:1", 3, "ACTIVE");
	wish(room, NULL, 0, "DRAINING");
	assert_int_equal(tally(room).n, 0);
	assert_int_equal(store_service_get(room->store, &scope, "default", "api", &v, NULL), 1);
	assert_string_equal(v.status, "INACTIVE");
	assert_int_not_equal(v.inactive_at_ms, 0);
	assert_string_equal(primary(room).id, "");
	store_service_done(&v);
}

/* What was lost with the process is found again. */
static void
test_start(void **state)
{
	struct room *room = *state;

	reconcile_services_pause(room->services);
	wish(room, "web:1", 2, "ACTIVE");
	assert_int_equal(tally(room).n, 0);
	reconcile_services_start(room->services);
	rest(room);
	assert_int_equal(tally(room).running, 2);
}

static void
test_definition_that_is_gone(void **state)
{
	struct room *room = *state;

	wish(room, "gone:7", 1, "ACTIVE");
	assert_int_equal(tally(room).n, 0);
	assert_non_null(strstr(events(room), "(service api) was unable to place a task."));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_counts_hold, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rolls_out, setup, teardown),
		cmocka_unit_test_setup_teardown(test_deletion, setup, teardown),
		cmocka_unit_test_setup_teardown(test_start, setup, teardown),
		cmocka_unit_test_setup_teardown(test_definition_that_is_gone, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
