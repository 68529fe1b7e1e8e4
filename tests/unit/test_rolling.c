/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The single rules of rolling.c, one scene each. What they promise together is held against
 * thousands of random worlds in test_rolling_worlds.c.
 */
#include "daemon/reconcile/rolling.h"

#include "common/util.h"
#include "daemon/ecs/service_deploy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

/* --- single rules --- */

struct scene {
	struct rolling_service s;
	struct rolling_deployment deployments[4];
	struct rolling_task tasks[16];
};

#define NOW 1000000

static void
scene_init(struct scene *x, int64_t desired, int64_t min, int64_t max, size_t n_deployments)
{
	memset(x, 0, sizeof(*x));
	x->s = (struct rolling_service){ .desired = desired,
		.min_percent = min,
		.max_percent = max,
		.healthy_after_ms = 2000,
		.now_ms = NOW,
		.n_deployments = n_deployments,
		.deployments = x->deployments,
		.tasks = x->tasks };
	x->deployments[0].primary = true;
	for (size_t i = 1; i < n_deployments; i++)
		x->deployments[i].rollout = ROLLING_COMPLETED;
}

/* RUNNING for `age` ms. */
static struct rolling_task *
scene_task(struct scene *x, size_t deployment, int64_t age)
{
	struct rolling_task *t = &x->tasks[x->s.n_tasks++];

	*t = (struct rolling_task){ .deployment = deployment,
		.last_status = TASK_RUNNING,
		.created_at_ms = NOW - age - 100,
		.started_at_ms = NOW - age };
	return t;
}

static size_t
stops(const struct scene *x)
{
	size_t n = 0;

	for (size_t i = 0; i < x->s.n_tasks; i++)
		n += x->tasks[i].stop != ROLLING_KEEP;
	return n;
}

static void
test_new_service(void **state)
{
	struct scene x;

	(void)state;
	scene_init(&x, 3, 100, 200, 1);
	rolling(&x.s);
	assert_int_equal(x.deployments[0].start, 3);
	assert_int_equal(x.deployments[0].desired_count, 3);
	assert_false(x.s.became_steady);
}

static void
test_steady_once(void **state)
{
	struct scene x;

	(void)state;
	scene_init(&x, 2, 100, 200, 1);
	scene_task(&x, 0, 5000);
	scene_task(&x, 0, 1500);
	rolling(&x.s);
	assert_false(x.s.became_steady);
	assert_int_equal(x.s.wake_at_ms, NOW + 500);
	x.s.now_ms += 500;
	rolling(&x.s);
	assert_true(x.s.became_steady);
	assert_int_equal(x.deployments[0].rollout, ROLLING_COMPLETED);
	rolling(&x.s);
	assert_false(x.s.became_steady);
	assert_int_equal(x.s.wake_at_ms, 0);
}

/* lifecycle.md section 10: floor of the maximum, ceiling of the minimum. */
static void
test_percentages(void **state)
{
	struct scene x;

	(void)state;
	scene_init(&x, 3, 50, 150, 2); /* at least 2, at most 4 */
	for (int i = 0; i < 3; i++)
		scene_task(&x, 1, 5000);
	rolling(&x.s);
	assert_int_equal(x.deployments[0].start, 1);
	assert_int_equal(stops(&x), 1);
	assert_int_equal(x.deployments[1].desired_count, 2);
}

static void
test_nothing_can_move(void **state)
{
	struct scene x;

	(void)state;
	scene_init(&x, 1, 100, 150, 2);
	scene_task(&x, 1, 5000);
	rolling(&x.s);
	assert_true(x.s.became_stuck);
	rolling(&x.s);
	assert_false(x.s.became_stuck);
}

/* A task that is on its way out has containers still. */
static void
test_stopping_tasks_take_room(void **state)
{
	struct scene x;

	(void)state;
	scene_init(&x, 1, 0, 100, 1);
	scene_task(&x, 0, 5000)->stopping = true;
	rolling(&x.s);
	assert_int_equal(x.deployments[0].start, 0);
	assert_false(x.s.memory.steady);
}

static void
test_breaker_threshold(void **state)
{
	static const int64_t expected[][2] = { { 0, 3 }, { 1, 3 }, { 5, 3 }, { 6, 3 }, { 7, 4 },
		{ 25, 13 }, { 400, 200 }, { 1000, 200 } };
	struct scene x;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(expected); i++)
		assert_int_equal(service_deploy_threshold(NULL, expected[i][0]), expected[i][1]);

	scene_init(&x, 1, 100, 200, 1);
	x.s.breaker_threshold = 3;
	x.deployments[0].failed_tasks = 1;
	*scene_task(&x, 0, 0) = (struct rolling_task){ .last_status = TASK_STOPPED,
		.by_itself = true,
		.stopping = true,
		.created_at_ms = NOW - 100 };
	rolling(&x.s);
	assert_int_equal(x.deployments[0].failed_tasks, 2);
	assert_int_equal(x.deployments[0].rollout, ROLLING_IN_PROGRESS);
	rolling(&x.s);
	assert_int_equal(x.deployments[0].failed_tasks, 3);
	assert_int_equal(x.deployments[0].rollout, ROLLING_FAILED);
	assert_true(x.s.breaker_tripped);
	assert_int_equal(x.s.roll_back_to, ROLLING_NONE);
	assert_int_equal(x.deployments[0].start, 0);
}

static void
test_rollback_keeps_what_runs(void **state)
{
	struct scene x;

	(void)state;
	scene_init(&x, 2, 100, 200, 2);
	x.s.breaker_threshold = 3;
	x.s.breaker_rollback = true;
	x.deployments[0].failed_tasks = 3;
	scene_task(&x, 1, 5000);
	scene_task(&x, 1, 5000);
	rolling(&x.s);
	assert_int_equal(x.s.roll_back_to, 1);
	assert_false(x.deployments[0].primary);
	assert_true(x.deployments[1].primary);
	assert_int_equal(stops(&x), 0);
	assert_int_equal(x.deployments[1].start, 0);
	assert_int_equal(x.deployments[1].rollout, ROLLING_COMPLETED);
	assert_true(x.deployments[0].gone);
}

static void
test_failed_deployment_leaves_the_old_one(void **state)
{
	struct scene x;

	(void)state;
	scene_init(&x, 2, 100, 200, 2);
	x.s.breaker_threshold = 3;
	x.deployments[0].rollout = ROLLING_FAILED;
	scene_task(&x, 1, 5000);
	rolling(&x.s);
	assert_int_equal(x.deployments[0].start, 0);
	assert_int_equal(x.deployments[1].start, 1);
	assert_int_equal(stops(&x), 0);
}

/* 0 for the first, then doubled from one second, at most 15 minutes. */
static void
test_throttle(void **state)
{
	static const int64_t delays[] = { 0, 1000, 2000, 4000, 8000 };
	struct scene x;

	(void)state;
	scene_init(&x, 1, 100, 200, 1);
	x.s.n_tasks = 1;
	for (size_t i = 0; i < 40; i++) {
		int64_t delay;

		x.tasks[0] = (struct rolling_task){ .last_status = TASK_STOPPED,
			.by_itself = true,
			.stopping = true,
			.created_at_ms = x.s.now_ms };
		x.s.now_ms += 1000;
		x.tasks[0].created_at_ms = x.s.now_ms - ROLLING_PACE_MS;
		x.s.n_tasks = 1;
		rolling(&x.s);
		delay = x.s.memory.next_start_ms - x.s.now_ms;
		if (i < ARRAY_SIZE(delays))
			assert_int_equal(delay, delays[i]);
		assert_true(delay <= ROLLING_DELAY_MAX_MS);
		assert_int_equal(x.deployments[0].start, delay == 0);
		assert_int_equal(x.s.became_impaired, i == 3);
		x.s.now_ms += delay;
	}
	assert_int_equal(x.s.memory.next_start_ms - x.s.now_ms, 0);
	/* Tasks of one round fail together. */
	x.s.memory = (struct rolling_memory){ 0 };
	x.s.n_tasks = 0;
	for (int i = 0; i < 5; i++)
		*scene_task(&x, 0, 0) = (struct rolling_task){ .last_status = TASK_STOPPED,
			.by_itself = true,
			.stopping = true,
			.created_at_ms = x.s.now_ms - 1000 };
	rolling(&x.s);
	assert_int_equal(x.s.memory.rounds, 1);
}

static void
test_unhealthy_is_replaced_first(void **state)
{
	struct rolling_task *ill;
	struct scene x;

	(void)state;
	scene_init(&x, 1, 100, 200, 1);
	ill = scene_task(&x, 0, 5000);
	ill->checked = ill->seen_healthy = true;
	ill->health = HEALTH_UNHEALTHY;
	x.s.grace_ms = 6000;
	rolling(&x.s);
	assert_int_equal(x.deployments[0].start, 0); /* still within its grace period */
	assert_int_equal(x.s.wake_at_ms, NOW + 1000);
	x.s.grace_ms = 0;
	rolling(&x.s);
	assert_int_equal(x.deployments[0].start, 1);
	assert_int_equal(stops(&x), 0);
	scene_task(&x, 0, 100)->checked = true;
	rolling(&x.s);
	assert_int_equal(ill->stop, ROLLING_STOP_UNHEALTHY);
	assert_int_equal(x.deployments[0].failed_tasks, 1);
}

static void
test_unhealthy_without_room(void **state)
{
	struct scene x;

	(void)state;
	scene_init(&x, 2, 50, 100, 1);
	for (int i = 0; i < 2; i++) {
		struct rolling_task *t = scene_task(&x, 0, 5000);

		t->checked = true;
		t->health = HEALTH_UNHEALTHY;
	}
	rolling(&x.s);
	assert_int_equal(stops(&x), 1);
}

static void
test_scale_in_order(void **state)
{
	struct rolling_task *crowded, *other;
	struct scene x;

	(void)state;
	scene_init(&x, 3, 100, 200, 1);
	for (int i = 0; i < 4; i++)
		scene_task(&x, 0, 9000 - i)->zone = i < 2 ? 0 : (size_t)i;
	crowded = &x.tasks[1];
	rolling(&x.s);
	assert_int_equal(stops(&x), 1);
	assert_int_equal(crowded->stop, ROLLING_STOP_SCALING);
	crowded->protected_until_ms = NOW + 10;
	other = &x.tasks[0];
	rolling(&x.s);
	assert_int_equal(other->stop, ROLLING_STOP_SCALING);
	assert_int_equal(crowded->stop, ROLLING_KEEP);
	/* What does not run yet goes before everything. */
	x.tasks[3].last_status = TASK_PENDING;
	rolling(&x.s);
	assert_int_equal(x.tasks[3].stop, ROLLING_STOP_SCALING);
}

/* BLUE_GREEN: both sets are whole until the bake time is over. */
static void
test_side_by_side(void **state)
{
	struct scene x;

	(void)state;
	scene_init(&x, 2, 50, 100, 2);
	x.s.side_by_side = true;
	x.s.bake_ms = 60000;
	scene_task(&x, 1, 5000);
	scene_task(&x, 1, 5000);
	rolling(&x.s);
	assert_int_equal(x.deployments[0].start, 2);
	assert_int_equal(stops(&x), 0);
	scene_task(&x, 0, 5000);
	scene_task(&x, 0, 5000);
	rolling(&x.s);
	assert_int_equal(stops(&x), 0);
	assert_int_equal(x.s.wake_at_ms, NOW + 60000);
	x.s.now_ms = NOW + 60000;
	rolling(&x.s);
	assert_int_equal(x.tasks[0].stop, ROLLING_STOP_SCALING);
	assert_int_equal(x.tasks[1].stop, ROLLING_STOP_SCALING);
	assert_int_equal(stops(&x), 2);
	assert_int_equal(x.deployments[0].rollout, ROLLING_IN_PROGRESS);
	x.s.n_tasks = 4;
	x.tasks[0].last_status = x.tasks[1].last_status = TASK_STOPPED;
	rolling(&x.s);
	assert_int_equal(x.deployments[0].rollout, ROLLING_COMPLETED);
}

static void
test_draining_instance(void **state)
{
	struct scene x;

	(void)state;
	scene_init(&x, 2, 100, 200, 1);
	scene_task(&x, 0, 5000)->draining = true;
	scene_task(&x, 0, 5000);
	rolling(&x.s);
	assert_int_equal(x.deployments[0].start, 1);
	assert_int_equal(stops(&x), 0);
	scene_task(&x, 0, 5000);
	rolling(&x.s);
	assert_int_equal(x.tasks[0].stop, ROLLING_STOP_DRAINING);
}

static void
test_daemon(void **state)
{
	struct rolling_instance instances[3] = { { .eligible = true }, { .eligible = true },
		{ .eligible = false } };
	struct scene x;

	(void)state;
	scene_init(&x, 0, 0, 100, 1);
	x.s.kind = ROLLING_DAEMON;
	x.s.instances = instances;
	x.s.n_instances = 3;
	scene_task(&x, 0, 5000)->instance = 2;
	rolling(&x.s);
	assert_int_equal(x.s.desired, 2);
	assert_int_equal(x.tasks[0].stop, ROLLING_STOP_SCALING);
	assert_int_equal(x.deployments[0].start, 1); /* the other's container is still there */
	x.s.n_tasks = 0;
	rolling(&x.s);
	assert_true(instances[0].start && instances[1].start && !instances[2].start);
}

static void
test_task_sets(void **state)
{
	struct scene x;

	(void)state;
	scene_init(&x, 0, 100, 200, 2);
	x.s.kind = ROLLING_TASK_SETS;
	x.deployments[0].target = 2;
	x.deployments[1].target = 1;
	x.deployments[1].leaving = true;
	scene_task(&x, 1, 5000);
	rolling(&x.s);
	assert_int_equal(x.deployments[0].start, 2);
	assert_int_equal(x.tasks[0].stop, ROLLING_STOP_SCALING);
	assert_false(x.deployments[0].stable);
	assert_false(x.deployments[1].gone);
	x.s.n_tasks = 0;
	scene_task(&x, 0, 5000);
	scene_task(&x, 0, 5000);
	rolling(&x.s);
	assert_true(x.deployments[0].stable);
	assert_true(x.deployments[1].gone);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_new_service),
		cmocka_unit_test(test_steady_once),
		cmocka_unit_test(test_percentages),
		cmocka_unit_test(test_nothing_can_move),
		cmocka_unit_test(test_stopping_tasks_take_room),
		cmocka_unit_test(test_breaker_threshold),
		cmocka_unit_test(test_rollback_keeps_what_runs),
		cmocka_unit_test(test_failed_deployment_leaves_the_old_one),
		cmocka_unit_test(test_throttle),
		cmocka_unit_test(test_unhealthy_is_replaced_first),
		cmocka_unit_test(test_unhealthy_without_room),
		cmocka_unit_test(test_scale_in_order),
		cmocka_unit_test(test_side_by_side),
		cmocka_unit_test(test_draining_instance),
		cmocka_unit_test(test_daemon),
		cmocka_unit_test(test_task_sets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
