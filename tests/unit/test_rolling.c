/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rules of rolling.c against a world made of dice: thousands of services with random counts,
 * percentages, failures, delays, updates and kills, each look held against what ECS promises. The
 * named tests below show single rules.
 */
#include "daemon/reconcile/rolling.h"

#include "common/util.h"
#include "daemon/ecs/service_deploy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#define WORLDS 4000
#define TASKS_MAX 512
#define DEPLOYMENTS_MAX 32
#define CALM_LOOKS 4000 /* in which a world that is left alone comes to rest */

/* --- the world --- */

struct actor {
	bool used;
	bool bad;              /* ends by itself while PENDING */
	bool crashes;          /* ends by itself soon after RUNNING */
	bool ill;              /* its health check fails */
	int64_t next_ms;       /* when something happens to it */
	struct rolling_task t; /* facts only */
};

struct world {
	unsigned seed;
	int64_t now;
	struct rolling_service s;
	size_t n;
	struct actor actors[TASKS_MAX];
	struct rolling_deployment deployments[DEPLOYMENTS_MAX]; /* the newest first */
	bool bad[DEPLOYMENTS_MAX], ill[DEPLOYMENTS_MAX], crashes[DEPLOYMENTS_MAX];
	bool checked;
	bool breaker;
	bool calm; /* nothing goes wrong any more */
	struct rolling_task facts[TASKS_MAX];
	size_t of[TASKS_MAX]; /* actor of a fact */
};

static int64_t
roll_dice(struct world *w, int64_t from, int64_t to)
{
	w->seed = w->seed * 1103515245u + 12345u;
	return from + (int64_t)((w->seed >> 8) % (unsigned)(to - from + 1));
}

static bool
one_in(struct world *w, int64_t n)
{
	return roll_dice(w, 1, n) == 1;
}

static void
add_deployment(struct world *w)
{
	size_t n = w->s.n_deployments;

	if (n == DEPLOYMENTS_MAX)
		return;
	memmove(&w->deployments[1], &w->deployments[0], n * sizeof(w->deployments[0]));
	memmove(&w->bad[1], &w->bad[0], n * sizeof(w->bad[0]));
	memmove(&w->ill[1], &w->ill[0], n * sizeof(w->ill[0]));
	memmove(&w->crashes[1], &w->crashes[0], n * sizeof(w->crashes[0]));
	for (size_t i = 1; i <= n; i++)
		w->deployments[i].primary = false;
	for (size_t i = 0; i < TASKS_MAX; i++)
		if (w->actors[i].used && w->actors[i].t.deployment != ROLLING_NONE)
			w->actors[i].t.deployment++;
	w->deployments[0] = (struct rolling_deployment){ .primary = true };
	w->bad[0] = !w->calm && one_in(w, 5);
	w->ill[0] = !w->calm && w->checked && one_in(w, 5);
	w->crashes[0] = !w->calm && one_in(w, 5);
	w->s.n_deployments++;
	w->s.memory = (struct rolling_memory){ 0 };
}

static void
remove_deployment(struct world *w, size_t at)
{
	size_t after = --w->s.n_deployments - at;

	memmove(&w->deployments[at], &w->deployments[at + 1], after * sizeof(w->deployments[0]));
	memmove(&w->bad[at], &w->bad[at + 1], after * sizeof(w->bad[0]));
	memmove(&w->ill[at], &w->ill[at + 1], after * sizeof(w->ill[0]));
	memmove(&w->crashes[at], &w->crashes[at + 1], after * sizeof(w->crashes[0]));
	for (size_t i = 0; i < TASKS_MAX; i++) {
		size_t d = w->actors[i].t.deployment;

		if (!w->actors[i].used || d == ROLLING_NONE || d < at)
			continue;
		w->actors[i].t.deployment = d == at ? ROLLING_NONE : d - 1;
	}
}

static void
add_task(struct world *w, size_t deployment)
{
	struct actor *a = NULL;

	for (size_t i = 0; a == NULL && i < TASKS_MAX; i++)
		if (!w->actors[i].used)
			a = &w->actors[i];
	assert_non_null(a);
	*a = (struct actor){ .used = true,
		.bad = w->bad[deployment] && !w->calm,
		.ill = w->ill[deployment] && !w->calm,
		.crashes = w->crashes[deployment] && !w->calm,
		.next_ms = w->now + roll_dice(w, 1, 3000),
		.t = {
		    .deployment = deployment,
		    .last_status = TASK_PENDING,
		    .checked = w->checked,
		    .created_at_ms = w->now,
		    .zone = (size_t)roll_dice(w, 0, 2),
		} };
}

/* What happens to a task at its time. */
static void
live(struct world *w, struct actor *a)
{
	struct rolling_task *t = &a->t;

	a->next_ms = INT64_MAX;
	if (t->stopping) {
		t->last_status = TASK_STOPPED;
	} else if (t->last_status < TASK_RUNNING) {
		if (a->bad) {
			t->last_status = TASK_STOPPED;
			t->by_itself = t->stopping = true;
			return;
		}
		t->last_status = TASK_RUNNING;
		t->started_at_ms = w->now;
		if (a->crashes || w->checked)
			a->next_ms = w->now + roll_dice(w, 1, 4000);
	} else if (t->last_status == TASK_RUNNING && a->crashes) {
		t->last_status = TASK_STOPPED;
		t->by_itself = t->stopping = true;
	} else if (t->last_status == TASK_RUNNING && t->checked) {
		t->health = a->ill ? HEALTH_UNHEALTHY : HEALTH_HEALTHY;
	}
}

static void
collect_facts(struct world *w)
{
	size_t n = 0;

	for (size_t i = 0; i < TASKS_MAX; i++)
		if (w->actors[i].used) {
			w->facts[n] = w->actors[i].t;
			w->of[n++] = i;
		}
	/* The oldest first. */
	for (size_t i = 1; i < n; i++)
		for (size_t k = i;
		     k > 0 && w->facts[k - 1].created_at_ms > w->facts[k].created_at_ms; k--) {
			struct rolling_task t = w->facts[k];
			size_t of = w->of[k];

			w->facts[k] = w->facts[k - 1];
			w->of[k] = w->of[k - 1];
			w->facts[k - 1] = t;
			w->of[k - 1] = of;
		}
	w->s.tasks = w->facts;
	w->s.n_tasks = n;
	w->s.deployments = w->deployments;
	w->s.now_ms = w->now;
	w->s.breaker_threshold = w->breaker ? service_deploy_threshold(NULL, w->s.desired) : 0;
}

/* --- what is promised --- */

static int64_t
upper(const struct rolling_service *s)
{
	if (s->side_by_side)
		return 2 * s->desired;
	return s->desired * s->max_percent / 100;
}

static int64_t
lower(const struct rolling_service *s)
{
	if (s->side_by_side)
		return s->desired;
	return (s->desired * s->min_percent + 99) / 100;
}

static void
check_starts(const struct world *w)
{
	int64_t occupied = 0, starts = 0;

	for (size_t i = 0; i < w->s.n_tasks; i++)
		occupied += w->facts[i].last_status != TASK_STOPPED;
	for (size_t i = 0; i < w->s.n_deployments; i++)
		starts += (int64_t)w->deployments[i].start;
	if (starts > 0)
		assert_true(occupied + starts <= upper(&w->s));
	for (size_t i = 0; i < w->s.n_deployments; i++)
		if (w->deployments[i].rollout == ROLLING_FAILED)
			assert_int_equal(w->deployments[i].start, 0);
}

static void
check_stops(const struct world *w)
{
	int64_t healthy = 0, stopped_healthy = 0;

	for (size_t i = 0; i < w->s.n_tasks; i++) {
		const struct rolling_task *t = &w->facts[i];

		healthy += t->healthy;
		if (t->stop == ROLLING_KEEP)
			continue;
		assert_false(t->stopping);
		assert_int_not_equal(t->last_status, TASK_STOPPED);
		if (!w->s.draining && t->stop != ROLLING_STOP_UNHEALTHY)
			assert_true(t->protected_until_ms <= w->now);
		stopped_healthy += t->healthy;
	}
	if (stopped_healthy > 0 && !w->s.draining)
		assert_true(healthy - stopped_healthy >= lower(&w->s));
}

/* Those are counted when they are stopped, and judged by the next look. */
static bool
stops_unhealthy(const struct world *w)
{
	for (size_t i = 0; i < w->s.n_tasks; i++)
		if (w->facts[i].stop == ROLLING_STOP_UNHEALTHY)
			return true;
	return false;
}

static void
check_breaker(const struct world *w, const struct rolling_deployment *before, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		bool failed = before[i].rollout == ROLLING_IN_PROGRESS &&
			      w->deployments[i].rollout == ROLLING_FAILED;

		if (failed) {
			assert_true(w->s.breaker_tripped);
			assert_true(before[i].primary);
			assert_true(w->deployments[i].failed_tasks >=
				    service_deploy_threshold(NULL, w->s.desired));
		}
		/* It waits for no more than its threshold. */
		if (w->breaker && before[i].primary && w->deployments[i].primary &&
		    before[i].rollout == ROLLING_IN_PROGRESS &&
		    w->deployments[i].rollout == ROLLING_IN_PROGRESS && !stops_unhealthy(w))
			assert_true(w->deployments[i].failed_tasks <
				    service_deploy_threshold(NULL, w->s.desired));
	}
}

/* The same facts give the same answers. */
static void
check_repeatable(const struct world *w, const struct rolling_deployment *before)
{
	struct rolling_service again = w->s;
	struct rolling_task tasks[TASKS_MAX];
	struct rolling_deployment deployments[DEPLOYMENTS_MAX];

	memcpy(tasks, w->facts, sizeof(tasks));
	memcpy(deployments, before, sizeof(deployments));
	again.tasks = tasks;
	again.deployments = deployments;
	rolling(&again);
	for (size_t i = 0; i < w->s.n_tasks; i++)
		assert_int_equal(tasks[i].stop, w->facts[i].stop);
	for (size_t i = 0; i < w->s.n_deployments; i++)
		assert_int_equal(deployments[i].start, w->deployments[i].start);
}

static void
carry_out(struct world *w)
{
	for (size_t i = 0; i < w->s.n_tasks; i++) {
		struct actor *a = &w->actors[w->of[i]];

		if (w->facts[i].accounted)
			a->used = false;
		a->t.seen_healthy = a->t.seen_healthy || w->facts[i].healthy;
		if (w->facts[i].stop != ROLLING_KEEP) {
			a->t.stopping = true;
			a->next_ms = w->now + roll_dice(w, 1, 2000);
		}
	}
	for (size_t i = 0; i < w->s.n_deployments; i++)
		for (size_t k = 0; k < w->deployments[i].start; k++)
			add_task(w, i);
	for (size_t i = w->s.n_deployments; i-- > 0;)
		if (w->deployments[i].gone)
			remove_deployment(w, i);
}

static void
look(struct world *w)
{
	struct rolling_deployment before[DEPLOYMENTS_MAX];
	struct rolling_memory memory;

	collect_facts(w);
	memcpy(before, w->deployments, sizeof(before));
	memory = w->s.memory;
	rolling(&w->s);
	check_starts(w);
	check_stops(w);
	check_breaker(w, before, w->s.n_deployments);
	if (memory.rounds == w->s.memory.rounds &&
	    memory.next_start_ms == w->s.memory.next_start_ms)
		check_repeatable(w, before);
	carry_out(w);
}

/* To the next moment at which something happens; false where nothing will. */
static bool
pass_time(struct world *w)
{
	int64_t next = w->s.wake_at_ms > 0 ? w->s.wake_at_ms : INT64_MAX;

	for (size_t i = 0; i < TASKS_MAX; i++)
		if (w->actors[i].used && w->actors[i].next_ms < next)
			next = w->actors[i].next_ms;
	if (next == INT64_MAX)
		return false;
	if (next > w->now)
		w->now = next;
	for (size_t i = 0; i < TASKS_MAX; i++)
		if (w->actors[i].used && w->actors[i].next_ms <= w->now)
			live(w, &w->actors[i]);
	return true;
}

/* --- what the world does to it --- */

static void
choose_settings(struct world *w)
{
	static const int64_t max[] = { 100, 110, 125, 150, 200, 300 };

	w->s.desired = one_in(w, 10) ? 0 : roll_dice(w, 1, 12);
	w->s.max_percent = max[roll_dice(w, 0, 5)];
	w->s.min_percent = roll_dice(w, 0, 10) * 10;
	if (w->s.max_percent == 100 && w->s.min_percent == 100)
		w->s.min_percent = 50;
}

static void
kill_one(struct world *w)
{
	struct actor *a = &w->actors[roll_dice(w, 0, TASKS_MAX - 1)];

	for (size_t i = 0; i < TASKS_MAX && !a->used; i++)
		a = &w->actors[((size_t)(a - w->actors) + 1) % TASKS_MAX];
	if (!a->used || a->t.last_status == TASK_STOPPED)
		return;
	a->t.last_status = TASK_STOPPED;
	a->t.by_itself = !a->t.stopping;
	a->t.stopping = true;
	a->next_ms = INT64_MAX;
}

static void
disturb(struct world *w)
{
	struct actor *a = &w->actors[roll_dice(w, 0, 15)];

	if (one_in(w, 3))
		kill_one(w);
	if (one_in(w, 12))
		add_deployment(w);
	if (one_in(w, 15))
		w->s.desired = roll_dice(w, 0, 12);
	if (one_in(w, 20))
		choose_settings(w);
	if (a->used && one_in(w, 6))
		a->t.protected_until_ms = w->now + roll_dice(w, 1, 20000);
	if (a->used && one_in(w, 6))
		a->t.draining = true;
}

static void
calm_down(struct world *w)
{
	w->calm = true;
	for (size_t i = 0; i < DEPLOYMENTS_MAX; i++)
		w->bad[i] = w->ill[i] = w->crashes[i] = false;
	for (size_t i = 0; i < TASKS_MAX; i++) {
		struct actor *a = &w->actors[i];

		a->bad = a->crashes = false;
		if (a->used && a->ill && a->t.last_status == TASK_RUNNING && !a->t.stopping)
			a->next_ms = w->now + 1;
		a->ill = false;
		a->t.draining = false;
	}
}

static bool
may_be_stuck(const struct world *w)
{
	return upper(&w->s) <= w->s.desired && lower(&w->s) >= w->s.desired;
}

/* Everything that is wanted is there, and nothing else. */
static void
check_rest(const struct world *w)
{
	int64_t running = 0;
	bool failed = false;

	for (size_t i = 0; i < TASKS_MAX; i++)
		running += w->actors[i].used && w->actors[i].t.last_status == TASK_RUNNING &&
			   !w->actors[i].t.stopping;
	for (size_t i = 0; i < w->s.n_deployments; i++)
		failed = failed ||
			 (w->deployments[i].primary && w->deployments[i].rollout == ROLLING_FAILED);
	if (failed || may_be_stuck(w))
		return;
	assert_int_equal(running, w->s.desired);
	assert_true(w->s.memory.steady);
	assert_int_equal(w->s.n_deployments, 1);
	assert_int_equal(w->deployments[0].rollout, ROLLING_COMPLETED);
}

static void
run_world(unsigned seed)
{
	static struct world w;
	int64_t looks = 0;

	memset(&w, 0, sizeof(w));
	w.seed = seed * 2654435761u + 1;
	w.now = 1000000;
	w.s.healthy_after_ms = roll_dice(&w, 0, 3000);
	w.s.grace_ms = one_in(&w, 2) ? 0 : roll_dice(&w, 0, 5000);
	w.breaker = one_in(&w, 2);
	w.s.side_by_side = one_in(&w, 4);
	w.s.bake_ms = w.s.side_by_side ? roll_dice(&w, 0, 5000) : 0;
	w.s.breaker_rollback = one_in(&w, 2);
	w.checked = one_in(&w, 3);
	choose_settings(&w);
	add_deployment(&w);
	for (int i = 0; i < 60; i++) {
		disturb(&w);
		look(&w);
		(void)pass_time(&w);
	}
	calm_down(&w);
	do {
		look(&w);
		assert_true(++looks < CALM_LOOKS);
	} while (pass_time(&w));
	check_rest(&w);
	w.s.draining = true;
	do {
		look(&w);
		assert_true(++looks < CALM_LOOKS);
	} while (pass_time(&w));
	look(&w);
	assert_true(w.s.inactive);
}

static void
test_worlds(void **state)
{
	(void)state;
	for (unsigned seed = 0; seed < WORLDS; seed++) {
		char name[32];

		(void)snprintf(name, sizeof(name), "%u", seed);
		(void)setenv("WORLD", name, 1); /* for whoever looks at a core */
		run_world(seed);
	}
}

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
		cmocka_unit_test(test_worlds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
