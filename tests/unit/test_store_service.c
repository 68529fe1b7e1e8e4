/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of services and of what belongs to them: what is written comes back, lists come in their
 * order and page by page, counts are right, and what belongs to a service goes with it.
 */
#include "daemon/store/service.h"
#include "daemon/store/store.h"
#include "daemon/store/tag.h"
#include "daemon/store/task.h"

#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define TASK_DEFINITION "arn:aws:ecs:us-east-1:000000000000:task-definition/web:1"

static const struct scope here = { "000000000000", "us-east-1" };
static const struct scope other_region = { "000000000000", "eu-west-1" };

static int
setup(void **state)
{
	struct store *s = NULL;

	if (store_open(NULL, &s, NULL) < 0)
		return -1;
	*state = s;
	return 0;
}

static int
teardown(void **state)
{
	store_close(*state);
	return 0;
}

static void
fill(char *out, size_t size, const char *text)
{
	(void)snprintf(out, size, "%s", text);
}
#define FILL(member, text) fill(member, sizeof(member), text)

static struct store_service
service(const char *cluster, const char *name, const char *status, const char *launch_type)
{
	struct store_service v = { .scope = here, .desired_count = 2, .created_at_ms = 5 };

	FILL(v.cluster, cluster);
	FILL(v.name, name);
	FILL(v.status, status);
	FILL(v.launch_type, launch_type);
	FILL(v.scheduling, "REPLICA");
	FILL(v.controller, "ECS");
	v.doc = xasprintf("{\"serviceArn\":\"arn:%s/%s\"}", cluster, name);
	return v;
}

static void
put(struct store *s, struct store_service v)
{
	struct err e = { 0 };

	if (store_service_put(s, &v, &e) != 0)
		fail_msg("%s", e.text);
	store_service_done(&v);
}

static int
on_service(const struct store_service *v, void *arg)
{
	char *end = (char *)arg + strlen(arg);

	(void)sprintf(end, "%s/%s,", v->cluster, v->name);
	return 0;
}

static void
assert_list(struct store *s, struct store_service_filter f, const char *after, int limit,
    const char *expected)
{
	char seen[512] = "";

	assert_int_equal(store_service_list(s, &here, &f, after, limit, on_service, seen, NULL), 0);
	assert_string_equal(seen, expected);
}

static void
test_service_comes_back(void **state)
{
	struct store *s = *state;
	struct store_service v = service("web", "front", "ACTIVE", "FARGATE"), got = { 0 };

	v.namespace = xstrdup("internal");
	v.state = xstrdup("{\"delay\":1}");
	FILL(v.revision, "1234567890123456789");
	put(s, v);
	assert_int_equal(store_service_get(s, &here, "web", "front", &got, NULL), 1);
	assert_string_equal(got.scope.region, "us-east-1");
	assert_string_equal(got.cluster, "web");
	assert_string_equal(got.name, "front");
	assert_string_equal(got.status, "ACTIVE");
	assert_string_equal(got.scheduling, "REPLICA");
	assert_string_equal(got.controller, "ECS");
	assert_string_equal(got.launch_type, "FARGATE");
	assert_string_equal(got.namespace, "internal");
	assert_string_equal(got.revision, "1234567890123456789");
	assert_string_equal(got.doc, "{\"serviceArn\":\"arn:web/front\"}");
	assert_string_equal(got.state, "{\"delay\":1}");
	assert_int_equal(got.desired_count, 2);
	assert_int_equal(got.created_at_ms, 5);
	got.desired_count = 7;
	put(s, got);
	assert_int_equal(store_service_get(s, &here, "web", "front", &got, NULL), 1);
	assert_int_equal(got.desired_count, 7);
	store_service_done(&got);
	assert_int_equal(store_service_get(s, &other_region, "web", "front", &got, NULL), 0);
	assert_int_equal(store_service_get(s, &here, "other", "front", &got, NULL), 0);
}

static void
test_services_are_listed(void **state)
{
	struct store *s = *state;
	struct store_service named = service("web", "b", "DRAINING", "EC2");
	char live[256] = "";

	named.namespace = xstrdup("internal");
	put(s, named);
	put(s, service("web", "c", "ACTIVE", "FARGATE"));
	put(s, service("web", "a", "ACTIVE", "FARGATE"));
	put(s, service("jobs", "z", "ACTIVE", "EC2"));
	put(s, service("web", "gone", "INACTIVE", "EC2"));
	assert_list(s, (struct store_service_filter){ 0 }, NULL, 9, "jobs/z,web/a,web/b,web/c,");
	assert_list(s, (struct store_service_filter){ 0 }, "jobs/z", 2, "web/a,web/b,");
	assert_list(
	    s, (struct store_service_filter){ .cluster = "web" }, NULL, 9, "web/a,web/b,web/c,");
	assert_list(s, (struct store_service_filter){ .cluster = "web" }, "web/a", 1, "web/b,");
	assert_list(s, (struct store_service_filter){ .cluster = "web", .inactive_too = true },
	    "web/c", 9, "web/gone,");
	assert_list(
	    s, (struct store_service_filter){ .launch_type = "FARGATE" }, NULL, 9, "web/a,web/c,");
	assert_list(s, (struct store_service_filter){ .scheduling = "DAEMON" }, NULL, 9, "");
	assert_list(s, (struct store_service_filter){ .namespace = "internal" }, NULL, 9, "web/b,");
	assert_list(s, (struct store_service_filter){ .namespace = "internal" }, "web/b", 9, "");
	assert_list(s, (struct store_service_filter){ .management = "ECS" }, NULL, 9, "");
	assert_int_equal(store_service_live(s, on_service, live, NULL), 0);
	assert_string_equal(live, "jobs/z,web/a,web/b,web/c,");
}

static void
test_services_are_counted(void **state)
{
	struct store *s = *state;
	struct store_service spot = service("web", "spot", "ACTIVE", "");
	struct store_service_counts n = { 0 };
	char *name = NULL;

	free(spot.doc);
	spot.doc = xstrdup("{\"capacityProviderStrategy\":[{\"capacityProvider\":\"FARGATE_SPOT\"},"
			   "{\"capacityProvider\":\"FARGATE\"}]}");
	put(s, spot);
	put(s, service("web", "a", "ACTIVE", "FARGATE"));
	put(s, service("web", "b", "ACTIVE", "EC2"));
	put(s, service("web", "c", "DRAINING", "EXTERNAL"));
	put(s, service("web", "d", "DRAINING", "FARGATE"));
	put(s, service("web", "e", "INACTIVE", "FARGATE"));
	put(s, service("jobs", "a", "ACTIVE", "FARGATE"));
	assert_int_equal(store_service_count(s, &here, "web", &n, NULL), 0);
	assert_int_equal(n.active, 3);
	assert_int_equal(n.active_fargate, 2);
	assert_int_equal(n.active_ec2, 1);
	assert_int_equal(n.draining, 2);
	assert_int_equal(n.draining_fargate, 1);
	assert_int_equal(n.draining_ec2, 1);
	assert_int_equal(store_service_find_provider(s, &here, "FARGATE", &name, NULL), 1);
	assert_string_equal(name, "spot");
	free(name);
	assert_int_equal(store_service_find_provider(s, &here, "mine", &name, NULL), 0);
}

static struct store_deployment
deployment(const char *id)
{
	struct store_deployment v = { .scope = here, .desired_count = 3, .created_at_ms = 9 };

	FILL(v.cluster, "web");
	FILL(v.service, "front");
	FILL(v.id, id);
	FILL(v.status, "PRIMARY");
	FILL(v.revision, "1111111111111111111");
	FILL(v.service_deployment, "abcdefghijklmnopqrstu");
	FILL(v.rollout_state, "IN_PROGRESS");
	v.rollout_reason = xstrdup("on its way");
	v.doc =
	    xasprintf("{\"taskDefinition\":\"" TASK_DEFINITION "\",\"taskSetArn\":\"arn:%s\"}", id);
	return v;
}

static void
put_deployment(struct store *s, struct store_deployment v)
{
	struct err e = { 0 };

	if (store_deployment_put(s, &v, &e) != 0)
		fail_msg("%s", e.text);
	store_deployment_done(&v);
}

static int
on_deployment(const struct store_deployment *v, void *arg)
{
	char *end = (char *)arg + strlen(arg);

	(void)sprintf(end, "%s,", v->id);
	return 0;
}

static void
test_deployments(void **state)
{
	struct store *s = *state;
	struct store_deployment v = deployment("2"), got = { 0 };
	char seen[128] = "";
	int64_t n = 0;

	put(s, service("web", "front", "ACTIVE", "EC2"));
	v.task_set = true;
	v.scale = 33.5;
	v.succeeded_once = true;
	FILL(v.stability_status, "STABILIZING");
	put_deployment(s, v);
	put_deployment(s, deployment("3"));
	put_deployment(s, deployment("1"));
	assert_int_equal(store_deployment_get(s, &here, "web", "front", "2", &got, NULL), 1);
	assert_true(got.task_set);
	assert_true(got.succeeded_once);
	assert_true(got.scale > 33.4 && got.scale < 33.6);
	assert_string_equal(got.stability_status, "STABILIZING");
	assert_string_equal(got.revision, "1111111111111111111");
	assert_string_equal(got.service_deployment, "abcdefghijklmnopqrstu");
	assert_string_equal(got.rollout_state, "IN_PROGRESS");
	assert_string_equal(got.rollout_reason, "on its way");
	assert_int_equal(got.desired_count, 3);
	FILL(got.status, "ACTIVE");
	got.failed_tasks = 4;
	put_deployment(s, got); /* keeps its place */
	assert_int_equal(
	    store_deployment_list(s, &here, "web", "front", on_deployment, seen, NULL), 0);
	assert_string_equal(seen, "1,3,2,");
	assert_int_equal(store_deployment_get(s, &here, "web", "front", "2", &got, NULL), 1);
	assert_int_equal(got.failed_tasks, 4);
	store_deployment_done(&got);
	assert_int_equal(store_deployment_count_definition(s, &here, TASK_DEFINITION, &n, NULL), 0);
	assert_int_equal(n, 3);
	assert_int_equal(store_deployment_delete(s, &here, "web", "front", "3", NULL), 0);
	assert_int_equal(store_deployment_count_definition(s, &here, TASK_DEFINITION, &n, NULL), 0);
	assert_int_equal(n, 2);
	assert_int_equal(
	    store_deployment_count_definition(s, &other_region, TASK_DEFINITION, &n, NULL), 0);
	assert_int_equal(n, 0);
}

static void
test_a_deployment_needs_its_service(void **state)
{
	struct store_deployment v = deployment("1");
	struct err e = { 0 };

	assert_true(store_deployment_put(*state, &v, &e) < 0);
	assert_int_equal(e.kind, ERR_SERVER);
	store_deployment_done(&v);
}

static void
put_roll_out(struct store *s, const char *id, const char *status, int64_t created_at_ms)
{
	struct store_service_deployment v = {
		.scope = here,
		.created_at_ms = created_at_ms,
		.started_at_ms = 2,
		.finished_at_ms = 3,
		.stopped_at_ms = 4,
		.updated_at_ms = 5,
		.status_reason = xstrdup("because"),
		.doc = xstrdup("{}"),
	};
	struct err e = { 0 };

	FILL(v.cluster, "web");
	FILL(v.service, "front");
	FILL(v.id, id);
	FILL(v.status, status);
	FILL(v.deployment, "7");
	FILL(v.target_revision, "8");
	FILL(v.rollback_revision, "9");
	FILL(v.lifecycle_stage, "BAKE_TIME");
	if (store_service_deployment_put(s, &v, &e) != 0)
		fail_msg("%s", e.text);
	store_service_deployment_done(&v);
}

static int
on_roll_out(const struct store_service_deployment *v, void *arg)
{
	char *end = (char *)arg + strlen(arg);

	(void)sprintf(end, "%s,", v->id);
	return 0;
}

static void
assert_roll_outs(struct store *s, struct store_service_deployment_filter f, const char *after,
    int limit, const char *expected)
{
	char seen[128] = "";

	assert_int_equal(store_service_deployment_list(
			     s, &here, "web", "front", &f, after, limit, on_roll_out, seen, NULL),
	    0);
	assert_string_equal(seen, expected);
}

static void
test_service_deployments(void **state)
{
	struct store *s = *state;
	struct store_service_deployment got = { 0 };
	const char *const ended[] = { "SUCCESSFUL", "STOPPED" };

	put(s, service("web", "front", "ACTIVE", "EC2"));
	put_roll_out(s, "a", "SUCCESSFUL", 10);
	put_roll_out(s, "c", "STOPPED", 20);
	put_roll_out(s, "b", "PENDING", 30);
	put_roll_out(s, "b", "IN_PROGRESS", 30);
	assert_int_equal(
	    store_service_deployment_get(s, &here, "web", "front", "b", &got, NULL), 1);
	assert_string_equal(got.status, "IN_PROGRESS");
	assert_string_equal(got.deployment, "7");
	assert_string_equal(got.target_revision, "8");
	assert_string_equal(got.rollback_revision, "9");
	assert_string_equal(got.status_reason, "because");
	assert_string_equal(got.lifecycle_stage, "BAKE_TIME");
	assert_int_equal(got.created_at_ms, 30);
	assert_int_equal(got.started_at_ms, 2);
	assert_int_equal(got.finished_at_ms, 3);
	assert_int_equal(got.stopped_at_ms, 4);
	assert_int_equal(got.updated_at_ms, 5);
	store_service_deployment_done(&got);
	assert_roll_outs(s, (struct store_service_deployment_filter){ 0 }, NULL, 9, "b,c,a,");
	assert_roll_outs(s, (struct store_service_deployment_filter){ 0 }, "b", 1, "c,");
	assert_roll_outs(
	    s, (struct store_service_deployment_filter){ .after_ms = 20 }, NULL, 9, "b,c,");
	assert_roll_outs(
	    s, (struct store_service_deployment_filter){ .before_ms = 20 }, NULL, 9, "c,a,");
	assert_roll_outs(s,
	    (struct store_service_deployment_filter){ .statuses = ended, .n_statuses = 2 }, NULL, 1,
	    "c,");
	assert_roll_outs(s,
	    (struct store_service_deployment_filter){ .statuses = ended, .n_statuses = 2 }, "c", 9,
	    "a,");
}

static void
test_revisions(void **state)
{
	struct store *s = *state;
	struct store_service_revision v = { .scope = here,
		.created_at_ms = 77,
		.doc = xstrdup("{\"a\":1}") },
				      got = { 0 };

	put(s, service("web", "front", "ACTIVE", "EC2"));
	FILL(v.cluster, "web");
	FILL(v.service, "front");
	FILL(v.id, "1");
	assert_int_equal(store_service_revision_insert(s, &v, NULL), 0);
	assert_true(store_service_revision_insert(s, &v, NULL) < 0);
	store_service_revision_done(&v);
	assert_int_equal(store_service_revision_get(s, &here, "web", "front", "1", &got, NULL), 1);
	assert_string_equal(got.doc, "{\"a\":1}");
	assert_string_equal(got.service, "front");
	assert_int_equal(got.created_at_ms, 77);
	store_service_revision_done(&got);
	assert_int_equal(store_service_revision_get(s, &here, "web", "front", "2", &got, NULL), 0);
}

struct seen_events {
	int n;
	char newest[64];
	char oldest[64];
};

static int
on_event(const char *id, int64_t created_at_ms, const char *message, void *arg)
{
	struct seen_events *seen = arg;

	(void)id;
	(void)created_at_ms;
	if (seen->n++ == 0)
		FILL(seen->newest, message);
	FILL(seen->oldest, message);
	return 0;
}

static void
test_the_last_events_are_kept(void **state)
{
	struct store *s = *state;
	struct seen_events seen = { 0 };
	char text[32];

	put(s, service("web", "front", "ACTIVE", "EC2"));
	put(s, service("web", "other", "ACTIVE", "EC2"));
	assert_int_equal(store_service_event_add(s, &here, "web", "other", "x", 1, "x", NULL), 0);
	for (int i = 1; i <= SERVICE_EVENTS_MAX + 20; i++) {
		(void)snprintf(text, sizeof(text), "%d", i);
		assert_int_equal(
		    store_service_event_add(s, &here, "web", "front", text, i, text, NULL), 0);
	}
	assert_int_equal(
	    store_service_event_list(s, &here, "web", "front", on_event, &seen, NULL), 0);
	assert_int_equal(seen.n, SERVICE_EVENTS_MAX);
	assert_string_equal(seen.newest, "120");
	assert_string_equal(seen.oldest, "21");
	seen.n = 0;
	assert_int_equal(
	    store_service_event_list(s, &here, "web", "other", on_event, &seen, NULL), 0);
	assert_int_equal(seen.n, 1);
}

static int
on_tag(const char *key, const char *value, void *arg)
{
	(void)key;
	(void)value;
	(*(int *)arg)++;
	return 0;
}

static int
count_tags(struct store *s, const char *arn)
{
	int n = 0;

	assert_int_equal(store_tag_list(s, arn, on_tag, &n, NULL), 0);
	return n;
}

static void
test_what_belongs_to_a_service_goes_with_it(void **state)
{
	struct store *s = *state;
	struct store_service gone = service("web", "front", "INACTIVE", "EC2");
	struct store_service later = service("web", "later", "INACTIVE", "EC2");
	struct store_deployment set = deployment("1"), got = { 0 };
	struct seen_events seen = { 0 };

	gone.inactive_at_ms = 100;
	later.inactive_at_ms = 200;
	put(s, gone);
	put(s, later);
	put(s, service("web", "stays", "ACTIVE", "EC2"));
	set.task_set = true;
	put_deployment(s, set);
	put_roll_out(s, "a", "SUCCESSFUL", 10);
	assert_int_equal(store_service_event_add(s, &here, "web", "front", "x", 1, "x", NULL), 0);
	assert_int_equal(store_tag_put(s, "arn:web/front", "k", "v", NULL), 0);
	assert_int_equal(store_tag_put(s, "arn:1", "k", "v", NULL), 0);
	assert_int_equal(store_tag_put(s, "arn:web/later", "k", "v", NULL), 0);
	assert_int_equal(store_service_expire(s, 150, 10, NULL), 1);
	assert_list(s, (struct store_service_filter){ .inactive_too = true }, NULL, 9,
	    "web/later,web/stays,");
	assert_int_equal(store_deployment_get(s, &here, "web", "front", "1", &got, NULL), 0);
	assert_roll_outs(s, (struct store_service_deployment_filter){ 0 }, NULL, 9, "");
	assert_int_equal(
	    store_service_event_list(s, &here, "web", "front", on_event, &seen, NULL), 0);
	assert_int_equal(seen.n, 0);
	assert_int_equal(count_tags(s, "arn:web/front"), 0);
	assert_int_equal(count_tags(s, "arn:1"), 0);
	assert_int_equal(count_tags(s, "arn:web/later"), 1);
	assert_int_equal(store_service_expire(s, 150, 10, NULL), 0);
}

static void
put_task(struct store *s, const char *id, const char *started_by, const char *service_name,
    enum task_state status, bool desired_stopped)
{
	struct store_task t = {
		.scope = here,
		.revision = 1,
		.started_by = xstrdup(started_by),
		.service = service_name != NULL ? xstrdup(service_name) : NULL,
		.last_status = status,
		.desired_stopped = desired_stopped,
		.doc = xstrdup("{}"),
	};
	struct err e = { 0 };

	FILL(t.id, id);
	FILL(t.cluster, "web");
	FILL(t.family, "web");
	FILL(t.launch_type, "FARGATE");
	if (store_task_insert(s, &t, &e) != 0)
		fail_msg("%s", e.text);
	store_task_done(&t);
}

static int
on_task(const struct store_task *t, void *arg)
{
	char *end = (char *)arg + strlen(arg);

	(void)sprintf(end, "%s:%s,", t->started_by, t->id);
	return 0;
}

static int
on_count(const struct store_task_service_count *n, void *arg)
{
	char *end = (char *)arg + strlen(arg);

	(void)sprintf(
	    end, "%s %d %d %d,", n->started_by, (int)n->running, (int)n->pending, (int)n->n);
	return 0;
}

static void
test_tasks_of_a_service(void **state)
{
	struct store *s = *state;
	char seen[256] = "", counts[256] = "";

	put_task(s, "t2", "ecs-svc/2", "front", TASK_RUNNING, false);
	put_task(s, "t1", "ecs-svc/1", "front", TASK_RUNNING, false);
	put_task(s, "t3", "ecs-svc/1", "front", TASK_PENDING, false);
	put_task(s, "t4", "ecs-svc/1", "front", TASK_RUNNING, true);
	put_task(s, "t5", "ecs-svc/1", "front", TASK_STOPPING, true);
	put_task(s, "t6", "ecs-svc/1", "front", TASK_STOPPED, true);
	put_task(s, "t7", "ecs-svc/3", "other", TASK_RUNNING, false);
	put_task(s, "t8", "me", NULL, TASK_RUNNING, false);
	assert_int_equal(store_task_list_service(s, &here, "web", "front", on_task, seen, NULL), 0);
	assert_string_equal(
	    seen, "ecs-svc/1:t1,ecs-svc/1:t3,ecs-svc/1:t4,ecs-svc/1:t5,ecs-svc/2:t2,");
	assert_int_equal(
	    store_task_count_service(s, &here, "web", "front", on_count, counts, NULL), 0);
	assert_string_equal(counts, "ecs-svc/1 2 1 4,ecs-svc/2 1 0 1,");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_service_comes_back, setup, teardown),
		cmocka_unit_test_setup_teardown(test_services_are_listed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_services_are_counted, setup, teardown),
		cmocka_unit_test_setup_teardown(test_deployments, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_a_deployment_needs_its_service, setup, teardown),
		cmocka_unit_test_setup_teardown(test_service_deployments, setup, teardown),
		cmocka_unit_test_setup_teardown(test_revisions, setup, teardown),
		cmocka_unit_test_setup_teardown(test_the_last_events_are_kept, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_what_belongs_to_a_service_goes_with_it, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tasks_of_a_service, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
