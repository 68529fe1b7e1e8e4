/* SPDX-License-Identifier: Apache-2.0 */
/*
 * events.c against a store in memory: snapshots in any order, twice, backwards, with rubbish in
 * them, and StopTask's wish in between.
 */
#include "common/json.h"
#include "common/log.h"
#include "daemon/events.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define TASK "0123456789abcdef0123456789abcdef"

static const char first_doc[] =
    "{\"attachments\":[{\"id\":\"att-1\",\"type\":\"ElasticNetworkInterface\",\"status\":"
    "\"PRECREATED\","
    "\"details\":[{\"name\":\"subnetId\",\"value\":\"subnet-1\"}]}],"
    "\"containers\":[{\"name\":\"a\",\"lastStatus\":\"PENDING\",\"networkBindings\":[],"
    "\"networkInterfaces\":[]},"
    "{\"name\":\"b\",\"lastStatus\":\"PENDING\",\"networkBindings\":[],\"networkInterfaces\":[]}],"
    "\"createdAt\":1703691100.123,\"desiredStatus\":\"RUNNING\",\"lastStatus\":\"PENDING\","
    "\"version\":1}";

struct fixture {
	struct store *store;
	struct events *events;
	int n_changed;
	int n_finished;
};

static void
on_changed(const char *task_id, void *cookie)
{
	struct fixture *f = cookie;

	assert_string_equal(task_id, TASK);
	f->n_changed++;
}

static void
on_finished(const char *task_id, void *cookie)
{
	struct fixture *f = cookie;

	assert_string_equal(task_id, TASK);
	f->n_finished++;
}

static int
setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));
	const struct events_callbacks cb = { on_changed, on_finished, f };
	struct store_task t = { .scope = { "000000000000", "us-east-1" },
		.id = TASK,
		.cluster = "web",
		.family = "hello",
		.revision = 1,
		.launch_type = "FARGATE",
		.last_status = TASK_PENDING,
		.runner = RUNNER_SHIM,
		.created_at_ms = 1703691100123 };
	struct err e = { 0 };

	log_set_level(LOG_LEVEL_ERROR);
	assert_int_equal(store_open(NULL, &f->store, &e), 0);
	t.group = xstrdup("family:hello");
	t.doc = xstrdup(first_doc);
	t.spec = xstrdup("spec");
	t.spec_len = 4;
	assert_int_equal(store_task_insert(f->store, &t, &e), 0);
	store_task_done(&t);
	f->events = events_new(f->store, &cb);
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	events_free(f->events);
	store_close(f->store);
	free(f);
	return 0;
}

static struct store_task
row(struct fixture *f)
{
	struct store_task t = { 0 };

	assert_int_equal(store_task_get(f->store, TASK, &t, NULL), 1);
	return t;
}

static struct json_object *
doc(struct fixture *f)
{
	struct store_task t = row(f);
	struct json_object *o = NULL;

	assert_int_equal(json_parse(t.doc, strlen(t.doc), &o, NULL), 0);
	store_task_done(&t);
	return o;
}

/* A snapshot of two containers; the strings are not owned. */
struct snapshot {
	Shim__TaskState s;
	Shim__ContainerState c[2];
	Shim__ContainerState *list[2];
};

static void
snapshot(struct snapshot *x, uint64_t seq, Shim__TaskStatus status)
{
	static char name_a[] = "a", name_b[] = "b";

	shim__task_state__init(&x->s);
	for (int i = 0; i < 2; i++) {
		shim__container_state__init(&x->c[i]);
		x->list[i] = &x->c[i];
	}
	x->c[0].name = name_a;
	x->c[1].name = name_b;
	x->s.seq = seq;
	x->s.last_status = status;
	x->s.containers = x->list;
	x->s.n_containers = 2;
}

static void
assert_doc(struct fixture *f, const char *status, const char *desired, int64_t version)
{
	_cleanup_json_ struct json_object *o = doc(f);

	assert_string_equal(json_get_str(o, "lastStatus"), status);
	assert_string_equal(json_get_str(o, "desiredStatus"), desired);
	assert_int_equal(json_get_int(o, "version", -1), version);
}

static void
test_running(void **state)
{
	struct fixture *f = *state;
	_cleanup_json_ struct json_object *o = NULL;
	static char id[] = "abc", ip[] = "127.0.0.1", tcp[] = "tcp", address[] = "172.17.0.2";
	Shim__NetworkBinding b = { 0 }, *bindings[] = { &b };
	Shim__NetworkInterface n = { 0 }, *interfaces[] = { &n };
	struct json_object *a, *binding;
	struct snapshot x;

	shim__network_binding__init(&b);
	b.bind_ip = ip;
	b.protocol = tcp;
	b.container_port = 80;
	b.host_port = 49153;
	shim__network_interface__init(&n);
	n.private_ipv4_address = address;
	snapshot(&x, 1, SHIM__TASK_STATUS__RUNNING);
	x.s.connectivity_at_ms = 1703691101000;
	x.s.started_at_ms = 1703691102007;
	x.c[0].status = SHIM__CONTAINER_STATUS__CONTAINER_RUNNING;
	x.c[0].runtime_id = id;
	x.c[0].network_bindings = bindings;
	x.c[0].n_network_bindings = 1;
	x.c[0].network_interfaces = interfaces;
	x.c[0].n_network_interfaces = 1;
	events_state(f->events, TASK, &x.s);

	assert_int_equal(f->n_changed, 1);
	assert_int_equal(f->n_finished, 0);
	assert_doc(f, "RUNNING", "RUNNING", 2);
	o = doc(f);
	assert_string_equal(json_object_to_json_string(json_get(o, "createdAt")), "1703691100.123");
	assert_string_equal(json_object_to_json_string(json_get(o, "startedAt")), "1703691102.007");
	assert_string_equal(json_get_str(o, "connectivity"), "CONNECTED");
	assert_null(json_get(o, "stoppedAt"));
	assert_null(json_get(o, "stopCode"));
	a = json_object_array_get_idx(json_get(o, "containers"), 0);
	assert_string_equal(json_get_str(a, "runtimeId"), "abc");
	assert_null(json_get(a, "exitCode"));
	binding = json_object_array_get_idx(json_get(a, "networkBindings"), 0);
	assert_int_equal(json_get_int(binding, "hostPort", 0), 49153);
	binding = json_object_array_get_idx(json_get(a, "networkInterfaces"), 0);
	assert_string_equal(json_get_str(binding, "attachmentId"), "att-1");
	a = json_object_array_get_idx(json_get(o, "attachments"), 0);
	assert_string_equal(json_get_str(a, "status"), "ATTACHED");
	assert_int_equal(json_object_array_length(json_get(a, "details")), 2);
}

static void
test_twice_is_once(void **state)
{
	struct fixture *f = *state;
	struct snapshot x;

	snapshot(&x, 1, SHIM__TASK_STATUS__RUNNING);
	events_state(f->events, TASK, &x.s);
	events_state(f->events, TASK, &x.s);
	assert_int_equal(f->n_changed, 1);
	/* A newer one that says nothing new is no new version. */
	x.s.seq = 2;
	events_state(f->events, TASK, &x.s);
	assert_int_equal(f->n_changed, 2);
	assert_doc(f, "RUNNING", "RUNNING", 2);
}

static void
test_never_backwards(void **state)
{
	struct fixture *f = *state;
	struct snapshot x;

	snapshot(&x, 5, SHIM__TASK_STATUS__STOPPED);
	x.s.stopped_at_ms = 1703691110000;
	events_state(f->events, TASK, &x.s);
	assert_doc(f, "STOPPED", "STOPPED", 2);
	snapshot(&x, 4, SHIM__TASK_STATUS__RUNNING); /* late */
	events_state(f->events, TASK, &x.s);
	snapshot(&x, 6, SHIM__TASK_STATUS__RUNNING); /* wrong */
	events_state(f->events, TASK, &x.s);
	snapshot(&x, UINT64_MAX, SHIM__TASK_STATUS__STOPPED); /* would silence all others */
	events_state(f->events, TASK, &x.s);
	assert_doc(f, "STOPPED", "STOPPED", 2);
	assert_int_equal(f->n_changed, 1);
	assert_int_equal(f->n_finished, 0);
	/* The cleaning up comes after STOPPED and ends the story. */
	snapshot(&x, 7, SHIM__TASK_STATUS__STOPPED);
	x.s.cleaned_up = true;
	events_state(f->events, TASK, &x.s);
	assert_int_equal(f->n_finished, 1);
	events_state(f->events, TASK, &x.s);
	assert_int_equal(f->n_finished, 2); /* said again: the shim is let go again */
	assert_doc(f, "STOPPED", "STOPPED", 2);
}

static void
test_first_stop_code_wins(void **state)
{
	struct fixture *f = *state;
	static char code[] = "EssentialContainerExited",
		    text[] = "Essential container in task exited";
	_cleanup_json_ struct json_object *o = NULL;
	struct store_task t = row(f);
	struct snapshot x;
	struct err e = { 0 };

	assert_int_equal(events_stop(f->store, &t, "UserInitiated", "enough", &e), 1);
	assert_int_equal(events_stop(f->store, &t, "UserInitiated", "again", &e), 0);
	store_task_done(&t);
	assert_doc(f, "PENDING", "STOPPED", 2);
	/* The shim does not know of the stop yet. */
	snapshot(&x, 1, SHIM__TASK_STATUS__RUNNING);
	events_state(f->events, TASK, &x.s);
	assert_doc(f, "RUNNING", "STOPPED", 3);
	t = row(f);
	assert_true(t.desired_stopped);
	store_task_done(&t);

	snapshot(&x, 2, SHIM__TASK_STATUS__STOPPED);
	x.s.stop_code = code;
	x.s.stopped_reason = text;
	x.c[0].has_exit_code = true;
	x.c[0].exit_code = 137;
	x.c[1].exit_code = 5; /* never started */
	events_state(f->events, TASK, &x.s);
	o = doc(f);
	assert_string_equal(json_get_str(o, "stopCode"), "UserInitiated");
	assert_string_equal(json_get_str(o, "stoppedReason"), "enough");
	assert_int_equal(
	    json_get_int(json_object_array_get_idx(json_get(o, "containers"), 0), "exitCode", -1),
	    137);
	assert_null(json_get(json_object_array_get_idx(json_get(o, "containers"), 1), "exitCode"));
	t = row(f);
	assert_true(t.stopped_at_ms > 0);
	assert_int_equal(events_stop(f->store, &t, "UserInitiated", "late", &e), 0);
	store_task_done(&t);
}

static void
test_times_do_not_move(void **state)
{
	struct fixture *f = *state;
	_cleanup_json_ struct json_object *o = NULL;
	struct snapshot x;

	snapshot(&x, 1, SHIM__TASK_STATUS__RUNNING);
	x.s.started_at_ms = 1703691102007;
	events_state(f->events, TASK, &x.s);
	x.s.seq = 2;
	x.s.started_at_ms = 1703691109000;
	events_state(f->events, TASK, &x.s);
	o = doc(f);
	assert_string_equal(json_object_to_json_string(json_get(o, "startedAt")), "1703691102.007");
}

/* The container ended before the stop that its next shim was told of; the clock was set back. */
static void
test_times_are_in_order(void **state)
{
	static const struct {
		const char *key;
		double expected;
	} rows[] = {
		{ "pullStartedAt", 1703691100.123 },
		{ "pullStoppedAt", 1703691101 },
		{ "startedAt", 1703691102 },
		{ "stoppingAt", 1703691109 },
		{ "executionStoppedAt", 1703691109 },
		{ "stoppedAt", 1703691109 },
	};
	struct fixture *f = *state;
	_cleanup_json_ struct json_object *o = NULL;
	struct snapshot x;

	snapshot(&x, 1, SHIM__TASK_STATUS__RUNNING);
	x.s.pull_started_at_ms = 1703691000000; /* before createdAt */
	x.s.pull_stopped_at_ms = 1703691101000;
	x.s.started_at_ms = 1703691102000;
	events_state(f->events, TASK, &x.s);
	x.s.seq = 2;
	x.s.last_status = SHIM__TASK_STATUS__STOPPED;
	x.s.stopping_at_ms = 1703691109000;
	x.s.execution_stopped_at_ms = 1703691107000;
	x.s.stopped_at_ms = 1703691108000;
	events_state(f->events, TASK, &x.s);
	o = doc(f);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_float_equal(
		    json_object_get_double(json_get(o, rows[i].key)), rows[i].expected, 0.0004);
}

static void
test_rubbish_in_a_reason(void **state)
{
	struct fixture *f = *state;
	static char reason[] = "CannotPullContainerError: \xff\xfe\"\\";
	_cleanup_json_ struct json_object *o = NULL;
	struct snapshot x;

	snapshot(&x, 1, SHIM__TASK_STATUS__STOPPED);
	x.c[0].reason = reason;
	events_state(f->events, TASK, &x.s);
	o = doc(f);
	assert_string_equal(
	    json_get_str(json_object_array_get_idx(json_get(o, "containers"), 0), "reason"),
	    "CannotPullContainerError: ?\?\"\\");
	x.s.seq = 2;
	x.s.cleaned_up = true;
	events_state(f->events, TASK, &x.s);
	assert_int_equal(f->n_finished, 1);
}

static void
test_unknown_task(void **state)
{
	struct fixture *f = *state;
	struct snapshot x;
	struct err e = { 0 };

	assert_int_equal(store_reset(f->store, &e), 0);
	snapshot(&x, 1, SHIM__TASK_STATUS__RUNNING);
	events_state(f->events, TASK, &x.s);
	assert_int_equal(f->n_changed + f->n_finished, 0);
	x.s.last_status = SHIM__TASK_STATUS__STOPPED;
	x.s.cleaned_up = true;
	events_state(f->events, TASK, &x.s);
	assert_int_equal(f->n_finished, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_running, setup, teardown),
		cmocka_unit_test_setup_teardown(test_twice_is_once, setup, teardown),
		cmocka_unit_test_setup_teardown(test_never_backwards, setup, teardown),
		cmocka_unit_test_setup_teardown(test_first_stop_code_wins, setup, teardown),
		cmocka_unit_test_setup_teardown(test_times_do_not_move, setup, teardown),
		cmocka_unit_test_setup_teardown(test_times_are_in_order, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rubbish_in_a_reason, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unknown_task, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
