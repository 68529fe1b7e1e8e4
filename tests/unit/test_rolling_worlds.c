/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rules of rolling.c against a world made of dice: thousands of services with random counts,
 * percentages, failures, delays, updates and kills, each look held against what ECS promises.
 * Single rules are in test_rolling.c.
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_worlds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
