/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cluster and tag operations without a daemon: handlers over a store in memory. What only a store
 * can be brought into is here - tasks that still stop, instances of the user's own, a cluster
 * deleted an hour ago; the rest is in tests/api.
 */
#include "daemon/config.h"
#include "daemon/ecs/cluster_ref.h"
#include "daemon/ecs/operations.h"
#include "daemon/store/container_instance.h"
#include "daemon/store/store.h"
#include "daemon/store/task.h"

#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define HOUR_MS (60 * 60 * 1000)
#define NOW_MS 1700000000000

struct room {
	struct store *store;
	struct config config;
	int64_t now_ms;
};

static int
setup(void **state)
{
	struct room *room = xcalloc(1, sizeof(*room));

	room->now_ms = NOW_MS;
	*state = room;
	return store_open(NULL, &room->store, NULL);
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

/* Runs an operation as api.c does; the call stays for `settled` and `answer`. */
static int
run(struct room *room, struct call *c, const struct op_table *t, const char *name, const char *body)
{
	int r;

	memset(c, 0, sizeof(*c));
	c->config = &room->config;
	c->store = room->store;
	c->scope = (struct scope){ "000000000000", "us-east-1" };
	c->now_ms = room->now_ms;
	c->op = find(t, name);
	c->out = json_object_new_object();
	assert_int_equal(json_parse(body, strlen(body), &c->in, NULL), 0);
	c->args = arena_alloc(&c->arena, c->op->input->size);
	r = schema_bind(c->op->input, c->in, c->args, &c->arena, ERR_INVALID_PARAMETER, &c->err);
	if (r < 0)
		return r;
	assert_int_equal(store_begin(room->store, NULL), 0);
	r = c->op->run(c);
	if (r < 0)
		store_rollback(room->store);
	else
		assert_int_equal(store_commit(room->store, NULL), 0);
	return r;
}

static void
done(struct call *c)
{
	json_object_put(c->in);
	json_object_put(c->out);
	free(c->wishes);
	arena_done(&c->arena);
}

static void
ok(struct room *room, const char *name, const char *body)
{
	struct call c;

	if (run(room, &c, &ecs_cluster_ops, name, body) < 0)
		fail_msg("%s: %s", name, c.err.text);
	done(&c);
}

static void
refused(struct room *room, const char *name, const char *body, enum err_kind kind)
{
	struct call c;

	assert_true(run(room, &c, &ecs_cluster_ops, name, body) < 0);
	assert_int_equal(c.err.kind, kind);
	done(&c);
}

static const char *
status_of(struct room *room, const char *name, char out[static 32])
{
	static const struct scope scope = { "000000000000", "us-east-1" };
	struct store_cluster row = { 0 };

	if (store_cluster_get(room->store, &scope, name, &row, NULL) == 1)
		memcpy(out, row.status, sizeof(row.status));
	else
		(void)snprintf(out, 32, "none");
	store_cluster_done(&row);
	return out;
}

static void
insert_task(struct room *room, const char *id, enum task_state status, bool desired_stopped)
{
	struct store_task t = {
		.scope = { "000000000000", "us-east-1" },
		.cluster = "web",
		.family = "hello",
		.launch_type = "EC2",
		.last_status = status,
		.desired_stopped = desired_stopped,
	};

	(void)snprintf(t.id, sizeof(t.id), "%s", id);
	t.doc = xstrdup("{\"desiredStatus\":\"RUNNING\"}");
	assert_int_equal(store_task_insert(room->store, &t, NULL), 0);
	store_task_done(&t);
}

static void
finish_task(struct room *room, const char *id)
{
	struct store_task t = { 0 };

	assert_int_equal(store_task_get(room->store, id, &t, NULL), 1);
	t.last_status = TASK_STOPPED;
	assert_int_equal(store_task_update(room->store, &t, NULL), 0);
	store_task_done(&t);
}

static void
insert_instance(struct room *room, const char *id, bool synthetic)
{
	static const struct scope scope = { "000000000000", "us-east-1" };
	struct store_container_instance i = {
		.cluster = "web", .status = "ACTIVE", .synthetic = synthetic
	};

	(void)snprintf(i.id, sizeof(i.id), "%s", id);
	i.doc = xstrdup("{}");
	assert_int_equal(store_container_instance_put(room->store, &scope, &i, NULL), 0);
	store_container_instance_done(&i);
}

/* The reply waits until the last task has stopped, also one that was told to stop before. */
static void
test_delete_waits_for_tasks(void **state)
{
	struct room *room = *state;
	struct store_task t = { 0 };
	char status[32];
	struct call c;

	ok(room, "CreateCluster", "{\"clusterName\":\"web\"}");
	insert_task(room, "t1", TASK_RUNNING, false);
	insert_task(room, "t2", TASK_STOPPING, true);
	insert_task(room, "t3", TASK_STOPPED, true);
	assert_int_equal(
	    run(room, &c, &ecs_cluster_ops, "DeleteCluster", "{\"cluster\":\"web\"}"), 0);
	assert_int_equal(c.n_wishes, 1);
	assert_string_equal(status_of(room, "web", status), "INACTIVE");
	assert_false(c.op->settled(&c));
	assert_int_equal(store_task_get(room->store, "t1", &t, NULL), 1);
	assert_true(t.desired_stopped);
	assert_non_null(strstr(t.doc, "Cluster deleted by user"));
	assert_non_null(strstr(t.doc, "UserInitiated"));
	store_task_done(&t);
	finish_task(room, "t1");
	assert_false(c.op->settled(&c));
	finish_task(room, "t2");
	assert_true(c.op->settled(&c));
	json_object_put(c.out);
	c.out = json_object_new_object();
	assert_int_equal(c.op->answer(&c), 0);
	assert_string_equal(json_get_str(json_get(c.out, "cluster"), "status"), "INACTIVE");
	assert_int_equal(json_get_int(json_get(c.out, "cluster"), "runningTasksCount", -1), 0);
	done(&c);
}

/* Somebody makes the cluster again while the deletion still waits: its new tasks are not waited
 * for. */
static void
test_delete_and_made_again(void **state)
{
	struct room *room = *state;
	struct call c;

	ok(room, "CreateCluster", "{\"clusterName\":\"web\"}");
	insert_task(room, "t1", TASK_RUNNING, false);
	assert_int_equal(
	    run(room, &c, &ecs_cluster_ops, "DeleteCluster", "{\"cluster\":\"web\"}"), 0);
	assert_false(c.op->settled(&c));
	ok(room, "CreateCluster", "{\"clusterName\":\"web\"}");
	assert_true(c.op->settled(&c));
	json_object_put(c.out);
	c.out = json_object_new_object();
	assert_int_equal(c.op->answer(&c), 0);
	assert_string_equal(json_get_str(json_get(c.out, "cluster"), "status"), "INACTIVE");
	done(&c);
}

static void
test_delete_strict(void **state)
{
	struct room *room = *state;
	char status[32];

	ok(room, "CreateCluster", "{\"clusterName\":\"web\"}");
	insert_task(room, "t1", TASK_RUNNING, false);
	insert_instance(room, "i1", true);
	room->config.strict = true;
	refused(room, "DeleteCluster", "{\"cluster\":\"web\"}",
	    ERR_CLUSTER_CONTAINS_CONTAINER_INSTANCES);
	room->config.strict = false;
	insert_instance(room, "i2", false);
	refused(room, "DeleteCluster", "{\"cluster\":\"web\"}",
	    ERR_CLUSTER_CONTAINS_CONTAINER_INSTANCES);
	assert_string_equal(status_of(room, "web", status), "ACTIVE");
	assert_int_equal(store_reset(room->store, NULL), 0);

	ok(room, "CreateCluster", "{\"clusterName\":\"web\"}");
	insert_task(room, "t2", TASK_DEPROVISIONING, true);
	room->config.strict = true;
	refused(room, "DeleteCluster", "{\"cluster\":\"web\"}", ERR_CLUSTER_CONTAINS_TASKS);
	finish_task(room, "t2");
	ok(room, "DeleteCluster", "{\"cluster\":\"web\"}");
}

static void
test_synthetic_instances_go_with_the_cluster(void **state)
{
	static const struct scope scope = { "000000000000", "us-east-1" };
	struct room *room = *state;
	int64_t n = -1;

	ok(room, "CreateCluster", "{\"clusterName\":\"web\"}");
	insert_instance(room, "i1", true);
	ok(room, "DeleteCluster", "{\"cluster\":\"web\"}");
	assert_int_equal(
	    store_container_instance_count(room->store, &scope, "web", true, &n, NULL), 0);
	assert_int_equal(n, 0);
}

static size_t
described(struct room *room, const char *member)
{
	struct call c;
	size_t n;

	assert_int_equal(
	    run(room, &c, &ecs_cluster_ops, "DescribeClusters", "{\"clusters\":[\"web\"]}"), 0);
	n = json_object_array_length(json_get(c.out, member));
	done(&c);
	return n;
}

static void
test_deleted_is_described_for_an_hour(void **state)
{
	struct room *room = *state;

	ok(room, "CreateCluster", "{\"clusterName\":\"web\"}");
	ok(room, "DeleteCluster", "{\"cluster\":\"web\"}");
	room->now_ms += HOUR_MS - 1;
	assert_int_equal(described(room, "clusters"), 1);
	room->now_ms++;
	assert_int_equal(described(room, "clusters"), 0);
	assert_int_equal(described(room, "failures"), 1);
}

static void
test_resolve(void **state)
{
	struct room *room = *state;
	struct call c;
	char name[256];
	char status[32];

	assert_int_equal(run(room, &c, &ecs_cluster_ops, "ListClusters", "{}"), 0);
	assert_true(cluster_ref_resolve_name(&c, "web", name) < 0);
	assert_int_equal(c.err.kind, ERR_CLUSTER_NOT_FOUND);
	assert_string_equal(c.err.text, "Cluster not found.");
	room->config.strict = true;
	assert_true(cluster_ref_resolve_name(&c, NULL, name) < 0);
	assert_string_equal(status_of(room, "default", status), "none");
	room->config.strict = false;
	assert_int_equal(cluster_ref_resolve_name(&c, NULL, name), 0);
	assert_string_equal(name, "default");
	assert_string_equal(status_of(room, "default", status), "ACTIVE");
	assert_string_equal(
	    cluster_ref_arn(&c, "default"), "arn:aws:ecs:us-east-1:000000000000:cluster/default");
	assert_int_equal(cluster_ref_resolve_name(
			     &c, "arn:aws:ecs:us-east-1:000000000000:cluster/default", name),
	    0);
	assert_true(cluster_ref_resolve_name(
			&c, "arn:aws:ecs:eu-west-1:000000000000:cluster/default", name) < 0);
	assert_int_equal(c.err.kind, ERR_CLUSTER_NOT_FOUND);
	assert_true(cluster_ref_resolve_name(&c, "no/cluster", name) < 0);
	assert_int_equal(c.err.kind, ERR_INVALID_PARAMETER);
	done(&c);
}

/* Too many tags in sum: none of the call's stays. */
static void
test_tag_limit_takes_back_everything(void **state)
{
	struct room *room = *state;
	char body[4096] =
	    "{\"resourceArn\":\"arn:aws:ecs:us-east-1:000000000000:cluster/web\",\"tags\":[";
	struct call c;

	ok(room, "CreateCluster",
	    "{\"clusterName\":\"web\",\"tags\":[{\"key\":\"first\",\"value\":\"1\"}]}");
	for (int i = 0; i < 50; i++)
		(void)snprintf(body + strlen(body), sizeof(body) - strlen(body),
		    "%s{\"key\":\"k%d\"}", i > 0 ? "," : "", i);
	(void)snprintf(body + strlen(body), sizeof(body) - strlen(body), "]}");
	assert_true(run(room, &c, &ecs_tag_ops, "TagResource", body) < 0);
	assert_int_equal(c.err.kind, ERR_LIMIT_EXCEEDED);
	done(&c);
	assert_int_equal(
	    run(room, &c, &ecs_tag_ops, "ListTagsForResource",
		"{\"resourceArn\":\"arn:aws:ecs:us-east-1:000000000000:cluster/web\"}"),
	    0);
	assert_string_equal(json_print(c.out), "{\"tags\":[{\"key\":\"first\",\"value\":\"1\"}]}");
	done(&c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_delete_waits_for_tasks, setup, teardown),
		cmocka_unit_test_setup_teardown(test_delete_and_made_again, setup, teardown),
		cmocka_unit_test_setup_teardown(test_delete_strict, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_synthetic_instances_go_with_the_cluster, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_deleted_is_described_for_an_hour, setup, teardown),
		cmocka_unit_test_setup_teardown(test_resolve, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_tag_limit_takes_back_everything, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
