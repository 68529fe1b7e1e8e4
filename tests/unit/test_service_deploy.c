/* SPDX-License-Identifier: Apache-2.0 */
/*
 * New deployments over a store in memory: the rows that are made, what becomes of the deployment of
 * before, and the way back to an old revision.
 */
#include "daemon/ecs/service_deploy.h"
#include "daemon/store/store.h"

#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define DEFINITION(n) "arn:aws:ecs:us-east-1:000000000000:task-definition/web:" #n
#define SETTINGS(n)                                                                                \
	"{\"taskDefinition\":\"" DEFINITION(                                                       \
	    n) "\",\"launchType\":\"FARGATE\","                                                    \
	       "\"platformVersion\":\"LATEST\",\"platformFamily\":\"Linux\",\"loadBalancers\":[]," \
	       "\"deploymentConfiguration\":{\"deploymentCircuitBreaker\":{\"enable\":true,"       \
	       "\"rollback\":true}}}"
#define NOW_MS 1700000000000

static const struct scope here = { "000000000000", "us-east-1" };

struct room {
	struct store *store;
	struct call c;
	struct store_service service;
};

static int
setup(void **state)
{
	struct room *room = xcalloc(1, sizeof(*room));
	struct store_service *v = &room->service;

	*state = room;
	if (store_open(NULL, &room->store, NULL) < 0)
		return -1;
	room->c.store = room->store;
	room->c.scope = v->scope = here;
	room->c.now_ms = NOW_MS;
	(void)snprintf(v->cluster, sizeof(v->cluster), "web");
	(void)snprintf(v->name, sizeof(v->name), "front");
	(void)snprintf(v->status, sizeof(v->status), "ACTIVE");
	v->desired_count = 10;
	return 0;
}

static int
teardown(void **state)
{
	struct room *room = *state;

	store_service_done(&room->service);
	arena_done(&room->c.arena);
	free(room->c.service_wishes);
	store_close(room->store);
	free(room);
	return 0;
}

static void
start(struct room *room, const char *settings)
{
	_cleanup_json_ struct json_object *o = NULL;

	assert_int_equal(json_parse(settings, strlen(settings), &o, NULL), 0);
	if (service_deploy_start(&room->c, &room->service, o) != 0)
		fail_msg("%s", room->c.err.text);
	room->c.now_ms += 1000;
}

#define SEEN_MAX 4
struct seen {
	size_t n;
	struct store_deployment v[SEEN_MAX];
};

static int
on_deployment(const struct store_deployment *d, void *arg)
{
	struct seen *seen = arg;
	struct store_deployment *copy = &seen->v[seen->n++];

	assert_true(seen->n <= SEEN_MAX);
	*copy = *d;
	copy->doc = xstrdup(d->doc);
	copy->rollout_reason = xstrdup(d->rollout_reason);
	return 0;
}

static void
look(struct room *room, struct seen *seen)
{
	memset(seen, 0, sizeof(*seen));
	assert_int_equal(
	    store_deployment_list(room->store, &here, "web", "front", on_deployment, seen, NULL),
	    0);
}

static void
seen_done(struct seen *seen)
{
	for (size_t i = 0; i < seen->n; i++)
		store_deployment_done(&seen->v[i]);
}

static void
get_service_deployment(struct room *room, const char *id, struct store_service_deployment *ret)
{
	assert_int_equal(
	    store_service_deployment_get(room->store, &here, "web", "front", id, ret, NULL), 1);
}

static void
test_first_deployment(void **state)
{
	struct room *room = *state;
	_cleanup_(store_service_deployment_done) struct store_service_deployment sd = { 0 };
	_cleanup_(store_service_revision_done) struct store_service_revision revision = { 0 };
	_cleanup_(seen_done) struct seen seen;
	_cleanup_free_ char *reason = NULL;

	start(room, SETTINGS(1));
	look(room, &seen);
	assert_int_equal(seen.n, 1);
	assert_string_equal(seen.v[0].status, "PRIMARY");
	assert_string_equal(seen.v[0].rollout_state, "IN_PROGRESS");
	reason = xasprintf("ECS deployment ecs-svc/%s in progress.", seen.v[0].id);
	assert_string_equal(seen.v[0].rollout_reason, reason);
	assert_int_equal(strlen(seen.v[0].id), 19);
	assert_int_equal(strspn(seen.v[0].id, "0123456789"), 19);
	assert_int_equal(seen.v[0].desired_count, 10);
	assert_string_equal(seen.v[0].revision, room->service.revision);
	assert_string_equal(seen.v[0].doc,
	    "{\"taskDefinition\":\"" DEFINITION(
		1) "\",\"launchType\":\"FARGATE\",\"platformFamily\":\"Linux\","
		   "\"platformVersion\":\"1.4.0\"}");
	assert_int_equal(strlen(seen.v[0].service_deployment), 21);
	get_service_deployment(room, seen.v[0].service_deployment, &sd);
	assert_string_equal(sd.status, "PENDING");
	assert_true(service_deploy_is_open(&sd));
	assert_string_equal(sd.deployment, seen.v[0].id);
	assert_string_equal(sd.target_revision, room->service.revision);
	assert_non_null(strstr(sd.doc, "\"sourceServiceRevisions\":[]"));
	assert_non_null(strstr(sd.doc,
	    "\"deploymentCircuitBreaker\":{\"status\":\"MONITORING\",\"failureCount\":0,"
	    "\"threshold\":5}"));
	assert_int_equal(store_service_revision_get(room->store, &here, "web", "front",
			     room->service.revision, &revision, NULL),
	    1);
	assert_non_null(strstr(revision.doc, "\"taskDefinition\":\"" DEFINITION(1) "\""));
	assert_non_null(strstr(revision.doc, "\"platformVersion\":\"1.4.0\""));
	assert_string_equal(room->service.launch_type, "FARGATE");
	assert_int_equal(room->c.n_service_wishes, 1);
}

static void
test_the_deployment_of_before(void **state)
{
	struct room *room = *state;
	_cleanup_(store_service_deployment_done) struct store_service_deployment first = { 0 },
										 second = { 0 };
	_cleanup_(seen_done) struct seen seen;
	_cleanup_free_ char *source = NULL;

	start(room, SETTINGS(1));
	source = xasprintf("\"sourceServiceRevisions\":[{\"arn\":\"arn:aws:ecs:us-east-1:"
			   "000000000000:service-revision/web/front/%s\"}]",
	    room->service.revision);
	start(room, SETTINGS(2));
	look(room, &seen);
	assert_int_equal(seen.n, 2);
	assert_string_equal(seen.v[0].status, "PRIMARY");
	assert_string_equal(seen.v[1].status, "ACTIVE");
	assert_string_equal(seen.v[1].rollout_state, "IN_PROGRESS");
	get_service_deployment(room, seen.v[1].service_deployment, &first);
	assert_string_equal(first.status, "STOPPED");
	assert_false(service_deploy_is_open(&first));
	assert_int_equal(first.stopped_at_ms, NOW_MS + 1000);
	get_service_deployment(room, seen.v[0].service_deployment, &second);
	assert_string_equal(second.status, "PENDING");
	assert_non_null(strstr(second.doc, source));
}

static void
test_restore(void **state)
{
	struct room *room = *state;
	char first[DEPLOYMENT_ID_SIZE];

	start(room, SETTINGS(1));
	memcpy(first, room->service.revision, sizeof(first));
	start(room, SETTINGS(2));
	assert_int_equal(service_deploy_restore(&room->c, &room->service, first), 0);
	assert_string_equal(room->service.revision, first);
	assert_non_null(strstr(room->service.doc, DEFINITION(1)));
	assert_non_null(strstr(room->service.doc, "\"platformVersion\":\"LATEST\""));
	assert_non_null(strstr(room->service.doc, "\"loadBalancers\":[]"));
	assert_true(service_deploy_restore(&room->c, &room->service, "404") < 0);
}

static void
assert_threshold(const char *configuration, int64_t desired_count, int64_t expected)
{
	_cleanup_json_ struct json_object *breaker = json_object_new_object();
	struct json_object *o = NULL;

	if (configuration != NULL) {
		assert_int_equal(json_parse(configuration, strlen(configuration), &o, NULL), 0);
		json_add(breaker, "thresholdConfiguration", o);
	}
	assert_int_equal(service_deploy_threshold(breaker, desired_count), expected);
}

static void
test_threshold(void **state)
{
	(void)state;
	assert_threshold(NULL, 0, 3);
	assert_threshold(NULL, 6, 3);
	assert_threshold(NULL, 7, 4);
	assert_threshold(NULL, 25, 13);
	assert_threshold(NULL, 1000, 200);
	assert_threshold("{\"type\":\"BOUNDED_PERCENT\",\"value\":10}", 100, 10);
	assert_threshold("{\"type\":\"UNBOUNDED_PERCENT\",\"value\":10}", 5000, 500);
	assert_threshold("{\"type\":\"UNBOUNDED_PERCENT\",\"value\":10}", 0, 1);
	assert_threshold("{\"type\":\"COUNT\",\"value\":7}", 1000, 7);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_first_deployment, setup, teardown),
		cmocka_unit_test_setup_teardown(test_the_deployment_of_before, setup, teardown),
		cmocka_unit_test_setup_teardown(test_restore, setup, teardown),
		cmocka_unit_test(test_threshold),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
