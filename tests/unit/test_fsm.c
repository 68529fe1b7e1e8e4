/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The task's matrix, cell by cell, and the one function that steps through it. No Engine, no
 * containers: what the containers do is tested against a real one in tests/runtime.
 */
#include "shim/task.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void
every_event_has_a_name(void **state)
{
	(void)state;
	for (int ev = 0; ev < EV_MAX; ev++)
		assert_true(task_event_name((enum task_event)ev)[0] != '\0');
	assert_string_equal(task_event_name(EV_MAX), "");
}

static void
every_cell_is_legal_order(void **state)
{
	(void)state;
	for (int s = 0; s < TASK_STATE_MAX; s++) {
		for (int ev = 0; ev < EV_MAX; ev++) {
			const struct task_cell *cell = &task_matrix[s][ev];

			if (!cell->legal) {
				assert_null(cell->act);
				continue;
			}
			assert_true(task_state_may_follow((enum task_state)s, cell->next));
		}
	}
}

/* Marks all states that can be reached. */
static void
reach(enum task_state from, bool seen[TASK_STATE_MAX])
{
	if (seen[from])
		return;
	seen[from] = true;
	for (int ev = 0; ev < EV_MAX; ev++)
		if (task_matrix[from][ev].legal)
			reach(task_matrix[from][ev].next, seen);
}

static void
every_state_reaches_stopped(void **state)
{
	(void)state;
	for (int s = 0; s < TASK_STATE_MAX; s++) {
		bool seen[TASK_STATE_MAX] = { false };

		reach((enum task_state)s, seen);
		assert_true(seen[TASK_STOPPED]);
	}
}

static void
stopped_has_no_way_out(void **state)
{
	(void)state;
	for (int ev = 0; ev < EV_MAX; ev++)
		if (task_matrix[TASK_STOPPED][ev].legal)
			assert_int_equal(task_matrix[TASK_STOPPED][ev].next, TASK_STOPPED);
}

/* A stop, a failure and an exit may come at any time before the end; the facts may be learned again
 * in any state. */
static void
what_may_come_at_any_time_is_legal_everywhere(void **state)
{
	(void)state;
	for (int s = 0; s < TASK_STATE_MAX; s++) {
		assert_true(task_matrix[s][EV_BEGIN].legal);
		assert_true(task_matrix[s][EV_CHANGED].legal);
		assert_true(task_matrix[s][EV_STOP].legal);
		if (s == TASK_STOPPED)
			continue;
		assert_true(task_matrix[s][EV_FAIL].legal);
		assert_true(task_matrix[s][EV_EXIT].legal);
		assert_true(task_matrix[s][EV_DOWN].legal);
	}
}

/* No Engine behind it: nobody listens at this path. */
#define NO_ENGINE "/nonexistent/engine.sock"

struct fixture {
	struct loop *loop;
	struct engine *engine;
	struct engine_callbacks callbacks;
	struct task *task;
	int announced;
	enum task_state last;
};

static void
on_announce(struct task *t, void *cookie)
{
	struct fixture *f = cookie;

	f->announced++;
	f->last = t->state;
}

static const struct plan_input input = {
	.task_arn = "arn:aws:ecs:us-east-1:000000000000:task/c/0123456789abcdef0123456789abcdef",
	.task_id = "0123456789abcdef0123456789abcdef",
	.cluster_arn = "arn:aws:ecs:us-east-1:000000000000:cluster/c",
	.cluster_name = "c",
	.region = "us-east-1",
	.family = "f",
	.revision = 1,
	.launch_type = "EC2",
	.definition_json =
	    "{\"family\":\"f\",\"containerDefinitions\":[{\"name\":\"a\",\"image\":\"i\"},"
	    "{\"name\":\"b\",\"image\":\"i\",\"essential\":false}]}",
	.gate_parent = "/nonexistent/gates",
	.init_path = "/nonexistent/init",
	.publish_address = "127.0.0.1",
	.owner = "test",
};

static void
setup(struct fixture *f, const struct plan_input *in, int expected)
{
	struct err e = { 0 };

	*f = (struct fixture){ .last = TASK_STATE_MAX };
	f->callbacks = (struct engine_callbacks){ task_on_up, task_on_down, task_on_event, NULL };
	f->loop = loop_new();
	f->engine = engine_new(f->loop, NO_ENGINE, &f->callbacks);
	assert_int_equal(
	    task_new(f->loop, f->engine, in, on_announce, f, &f->task, &e) < 0, expected < 0);
	f->callbacks.cookie = f->task;
}

static void
teardown(struct fixture *f)
{
	task_free(f->task);
	engine_free(f->engine);
	loop_free(f->loop);
}

static void
a_stop_before_anything_exists_ends_the_task_at_once(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f, &input, 0);
	task_begin(f.task);
	task_stop(f.task, "UserInitiated", "enough");
	assert_int_equal(f.task->state, TASK_STOPPED);
	assert_int_equal(f.last, TASK_STOPPED);
	assert_string_equal(f.task->stop_code, "UserInitiated");
	assert_string_equal(f.task->stopped_reason, "enough");
	assert_true(f.task->cleaned_up);
	assert_true(f.task->times.stopping > 0 && f.task->times.stopped >= f.task->times.stopping);
	assert_int_equal(f.task->times.started, 0);
	assert_false(f.task->containers[0].has_exit_code);
	assert_int_equal(f.announced, f.task->seq);
	teardown(&f);
}

static void
the_first_reason_stays(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f, &input, 0);
	task_stop(f.task, "UserInitiated", "first");
	task_stop(f.task, "ServiceSchedulerInitiated", "second");
	assert_string_equal(f.task->stop_code, "UserInitiated");
	assert_string_equal(f.task->stopped_reason, "first");
	assert_int_equal(f.task->state, TASK_STOPPED);
	teardown(&f);
}

static void
an_essential_container_that_cannot_start_fails_the_task(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f, &input, 0);
	container_fail(&f.task->containers[0], "CannotPullContainerError", "no");
	task_run(f.task);
	assert_int_equal(f.task->state, TASK_STOPPED);
	assert_string_equal(f.task->stop_code, "TaskFailedToStart");
	assert_string_equal(f.task->stopped_reason, "Task failed to start");
	assert_string_equal(f.task->containers[0].reason, "CannotPullContainerError: no");
	assert_int_equal(f.task->containers[1].phase, PHASE_STOPPED);
	teardown(&f);
}

static void
on_fargate_the_reason_is_the_error_itself(void **state)
{
	struct plan_input in = input;
	struct fixture f;

	(void)state;
	in.launch_type = "FARGATE";
	setup(&f, &in, 0);
	container_fail(&f.task->containers[0], "CannotPullContainerError", "no");
	task_run(f.task);
	assert_string_equal(f.task->stopped_reason, "CannotPullContainerError: no");
	teardown(&f);
}

static void
a_container_that_is_not_essential_may_fail(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f, &input, 0);
	container_fail(&f.task->containers[1], "CannotPullContainerError", "no");
	task_run(f.task);
	assert_int_equal(f.task->state, TASK_PENDING);
	assert_false(f.task->desired_stopped);
	teardown(&f);
}

static void
what_cannot_be_planned_is_refused(void **state)
{
	struct plan_input in = input;
	struct fixture f;

	(void)state;
	in.definition_json =
	    "{\"family\":\"f\",\"containerDefinitions\":[{\"name\":\"a\",\"image\":\"i\","
	    "\"dependsOn\":[{\"containerName\":\"x\",\"condition\":\"START\"}]}]}";
	setup(&f, &in, -1);
	task_refuse(f.task, "TaskDependencyError: x");
	task_begin(f.task);
	assert_int_equal(f.task->state, TASK_STOPPED);
	assert_string_equal(f.task->stop_code, "TaskFailedToStart");
	assert_string_equal(f.task->stopped_reason, "TaskDependencyError: x");
	assert_true(f.task->cleaned_up);
	teardown(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_event_has_a_name),
		cmocka_unit_test(every_cell_is_legal_order),
		cmocka_unit_test(every_state_reaches_stopped),
		cmocka_unit_test(stopped_has_no_way_out),
		cmocka_unit_test(what_may_come_at_any_time_is_legal_everywhere),
		cmocka_unit_test(a_stop_before_anything_exists_ends_the_task_at_once),
		cmocka_unit_test(the_first_reason_stays),
		cmocka_unit_test(an_essential_container_that_cannot_start_fails_the_task),
		cmocka_unit_test(on_fargate_the_reason_is_the_error_itself),
		cmocka_unit_test(a_container_that_is_not_essential_may_fail),
		cmocka_unit_test(what_cannot_be_planned_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
