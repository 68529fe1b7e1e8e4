/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One look at one service, in a fixed order: what has ended is counted, failed deployments are
 * found, tasks are started where there is room, stopped where enough healthy ones are left, and the
 * result is judged. Called by services.c through a snapshot, and by tests without one.
 */
#include "daemon/reconcile/rolling.h"

#include "common/util.h"

struct look {
	struct rolling_service *s;
	size_t primary; /* ROLLING_NONE: there is none */
	size_t keeper;  /* the deployment that worked last, while the primary one does not yet */
	int64_t upper, lower;
	int64_t occupied; /* not STOPPED: they may have containers */
	int64_t alive;    /* and shall go on */
	int64_t healthy;
	bool blocked; /* the primary deployment cannot start tasks now */
	bool moved;   /* something is decided */
};

/* --- tasks --- */

static bool
is_alive(const struct rolling_task *t)
{
	return t->stop == ROLLING_KEEP && !t->stopping && t->last_status <= TASK_RUNNING;
}

static bool
is_unhealthy(const struct rolling_service *s, const struct rolling_task *t)
{
	return t->checked && t->health == HEALTH_UNHEALTHY && t->last_status == TASK_RUNNING &&
	       s->now_ms >= t->started_at_ms + s->grace_ms;
}

/* RUNNING, and nothing bad is known: somebody may be using it. */
static bool
is_serving(const struct rolling_service *s, const struct rolling_task *t)
{
	return t->last_status == TASK_RUNNING && !is_unhealthy(s, t);
}

static bool
is_healthy(const struct rolling_service *s, const struct rolling_task *t)
{
	if (!is_alive(t) || t->last_status != TASK_RUNNING)
		return false;
	return t->checked ? t->health == HEALTH_HEALTHY
			  : s->now_ms >= t->started_at_ms + s->healthy_after_ms;
}

static bool
is_protected(const struct rolling_service *s, const struct rolling_task *t)
{
	return t->protected_until_ms > s->now_ms;
}

static void
wake_at(struct rolling_service *s, int64_t at_ms)
{
	if (at_ms > s->now_ms && (s->wake_at_ms == 0 || at_ms < s->wake_at_ms))
		s->wake_at_ms = at_ms;
}

/* Part of what its deployment should have: neither ill nor to be moved elsewhere. */
static bool
is_staying(const struct rolling_service *s, const struct rolling_task *t)
{
	return is_alive(t) && !t->draining && !is_unhealthy(s, t);
}

static int64_t
count_staying(const struct rolling_service *s, size_t deployment)
{
	int64_t n = 0;

	for (size_t i = 0; i < s->n_tasks; i++)
		n += s->tasks[i].deployment == deployment && is_staying(s, &s->tasks[i]);
	return n;
}

static void
stop_task(struct look *l, struct rolling_task *t, enum rolling_stop why)
{
	l->alive--;
	l->healthy -= is_healthy(l->s, t);
	t->stop = why;
	l->moved = true;
}

/* --- what has happened --- */

static void
delay_next_start(struct rolling_service *s, const struct rolling_task *t)
{
	struct rolling_memory *m = &s->memory;
	int64_t delay = 0;

	/* It never ran. Those that were made together fail together: that is one round. */
	if (t->started_at_ms == 0 && t->created_at_ms >= m->round_at_ms) {
		m->rounds++;
		m->round_at_ms = s->now_ms;
		if (m->rounds > 1)
			delay = m->rounds > 11 ? ROLLING_DELAY_MAX_MS : 500LL << (m->rounds - 1);
		if (delay > ROLLING_DELAY_MAX_MS)
			delay = ROLLING_DELAY_MAX_MS;
		if (s->now_ms + delay > m->next_start_ms)
			m->next_start_ms = s->now_ms + delay;
	}
	if (t->created_at_ms + ROLLING_PACE_MS > m->next_start_ms)
		m->next_start_ms = t->created_at_ms + ROLLING_PACE_MS;
}

static void
account_end(struct rolling_service *s, struct rolling_task *t)
{
	t->accounted = true;
	if (!t->by_itself)
		return;
	if (!t->seen_healthy && t->deployment != ROLLING_NONE)
		s->deployments[t->deployment].failed_tasks++;
	if (!t->seen_healthy)
		delay_next_start(s, t);
	else if (t->created_at_ms + ROLLING_PACE_MS > s->memory.next_start_ms)
		s->memory.next_start_ms = t->created_at_ms + ROLLING_PACE_MS;
}

static void
account_healthy(struct rolling_service *s, const struct rolling_task *t)
{
	struct rolling_deployment *d =
	    t->deployment != ROLLING_NONE ? &s->deployments[t->deployment] : NULL;

	if (d == NULL || t->seen_healthy)
		return;
	d->failed_tasks = 0;
	d->succeeded_once = true;
	if (d->primary || s->kind == ROLLING_TASK_SETS) {
		s->memory.rounds = 0;
		s->memory.impaired = false;
	}
}

/* The moments at which a task changes although nothing happens to it. */
static void
watch_task(struct rolling_service *s, const struct rolling_task *t)
{
	if (!is_alive(t) || t->last_status != TASK_RUNNING)
		return;
	if (!t->checked)
		wake_at(s, t->started_at_ms + s->healthy_after_ms);
	else if (t->health == HEALTH_UNHEALTHY)
		wake_at(s, t->started_at_ms + s->grace_ms);
}

static void
take_account(struct look *l)
{
	struct rolling_service *s = l->s;

	for (size_t i = 0; i < s->n_tasks; i++) {
		struct rolling_task *t = &s->tasks[i];

		t->stop = ROLLING_KEEP;
		t->healthy = is_healthy(s, t);
		t->accounted = false;
		if (t->last_status == TASK_STOPPED) {
			account_end(s, t);
			continue;
		}
		if (t->healthy)
			account_healthy(s, t);
		/* One that runs is one that could be started. */
		if (t->started_at_ms > s->memory.round_at_ms)
			s->memory.rounds = 0;
		watch_task(s, t);
		l->occupied++;
		l->alive += is_alive(t);
		l->healthy += t->healthy;
	}
}

/* --- deployments --- */

static void
find_deployments(struct look *l)
{
	struct rolling_service *s = l->s;

	l->primary = l->keeper = ROLLING_NONE;
	for (size_t i = 0; i < s->n_deployments; i++) {
		struct rolling_deployment *d = &s->deployments[i];

		d->start = 0;
		d->gone = false;
		d->stable = false;
		if (d->primary)
			l->primary = i;
		else if (l->keeper == ROLLING_NONE && d->rollout == ROLLING_COMPLETED)
			l->keeper = i;
	}
}

static void
judge_failures(struct look *l)
{
	struct rolling_service *s = l->s;
	struct rolling_deployment *p =
	    l->primary != ROLLING_NONE ? &s->deployments[l->primary] : NULL;

	s->roll_back_to = ROLLING_NONE;
	s->breaker_tripped = false;
	if (p == NULL || p->rollout != ROLLING_IN_PROGRESS)
		return;
	s->breaker_tripped = s->breaker_threshold > 0 && p->failed_tasks >= s->breaker_threshold;
	if (!s->breaker_tripped && !s->abort_wanted && !s->roll_back_wanted)
		return;
	p->rollout = ROLLING_FAILED;
	if (s->roll_back_wanted || (s->breaker_tripped && s->breaker_rollback))
		s->roll_back_to = l->keeper;
	if (s->roll_back_to == ROLLING_NONE)
		return;
	/* What worked before goes on, and its tasks stay as they are. */
	p->primary = false;
	l->primary = l->keeper;
	l->keeper = ROLLING_NONE;
	s->deployments[l->primary].primary = true;
	s->deployments[l->primary].rollout = ROLLING_IN_PROGRESS;
	s->deployments[l->primary].failed_tasks = 0;
	s->memory.rounds = 0;
	s->memory.next_start_ms = 0;
}

static bool
primary_failed(const struct look *l)
{
	return l->primary == ROLLING_NONE ||
	       l->s->deployments[l->primary].rollout == ROLLING_FAILED;
}

/* The bounds of minimumHealthyPercent and maximumPercent. */
static void
set_bounds(struct look *l)
{
	const struct rolling_service *s = l->s;

	l->upper = s->desired * s->max_percent / 100;
	l->lower = (s->desired * s->min_percent + 99) / 100;
	if (s->side_by_side) {
		l->upper = 2 * s->desired;
		l->lower = s->desired;
	}
	l->blocked = primary_failed(l) || s->now_ms < s->memory.next_start_ms;
}

/* --- starting --- */

static int64_t
room(const struct look *l)
{
	return l->upper > l->occupied ? l->upper - l->occupied : 0;
}

static void
start_tasks(struct look *l, size_t deployment, int64_t n)
{
	if (n <= 0)
		return;
	l->s->deployments[deployment].start += (size_t)n;
	l->occupied += n;
	l->moved = true;
}

static int64_t
least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* A primary deployment that cannot start anything leaves the service to the one before: it keeps up
 * the minimum, or everything once the primary one has failed. */
static void
start_in_its_place(struct look *l)
{
	int64_t wanted = primary_failed(l) ? l->s->desired : l->lower;
	int64_t staying = 0;

	if (l->keeper == ROLLING_NONE)
		return;
	for (size_t i = 0; i < l->s->n_tasks; i++)
		staying += is_staying(l->s, &l->s->tasks[i]);
	start_tasks(l, l->keeper, least(wanted - staying, room(l)));
}

static void
start_replica(struct look *l)
{
	int64_t missing;

	if (l->primary == ROLLING_NONE)
		return;
	missing = l->s->desired - count_staying(l->s, l->primary);
	if (missing > 0 && !primary_failed(l))
		wake_at(l->s, l->s->memory.next_start_ms);
	if (l->blocked)
		start_in_its_place(l);
	else
		start_tasks(l, l->primary, least(missing, room(l)));
}

/* --- stopping --- */

/* To be replaced by a task of the primary deployment elsewhere: of another deployment, or on an
 * instance that is being emptied. Where the primary one has failed, nobody is replaced by it. */
static bool
is_leaving(const struct look *l, const struct rolling_task *t)
{
	if (!is_alive(t))
		return false;
	if (t->draining)
		return true;
	return t->deployment != l->primary && !(primary_failed(l) && l->keeper == t->deployment);
}

static enum rolling_stop
reason_to_leave(const struct look *l, const struct rolling_task *t)
{
	return t->draining && t->deployment == l->primary ? ROLLING_STOP_DRAINING
							  : ROLLING_STOP_SCALING;
}

/* Whether a task may go without fewer healthy ones being left than there have to be. */
static bool
may_leave(const struct look *l, const struct rolling_task *t)
{
	const struct rolling_service *s = l->s;

	if (is_protected(s, t))
		return false;
	/* Nobody could take its place now. */
	if (l->blocked && !is_unhealthy(s, t) && l->alive <= s->desired)
		return false;
	if (!is_serving(s, t))
		return true;
	return is_healthy(s, t) ? l->healthy > l->lower : l->healthy >= l->lower;
}

/* Whether the tasks of before have to wait for the new ones. What has been whole once bakes on,
 * also where a task of it is being replaced. */
static bool
is_baking(struct look *l)
{
	struct rolling_service *s = l->s;
	struct rolling_memory *m = &s->memory;
	int64_t healthy = 0;

	if (!s->side_by_side || l->primary == ROLLING_NONE || l->keeper == ROLLING_NONE ||
	    s->deployments[l->primary].rollout != ROLLING_IN_PROGRESS)
		return false;
	for (size_t i = 0; i < s->n_tasks; i++)
		healthy += s->tasks[i].deployment == l->primary && is_healthy(s, &s->tasks[i]);
	if (m->whole_at_ms == 0 && healthy >= s->desired)
		m->whole_at_ms = s->now_ms;
	if (m->whole_at_ms == 0)
		return true;
	wake_at(s, m->whole_at_ms + s->bake_ms);
	return s->now_ms < m->whole_at_ms + s->bake_ms;
}

/* First those that serve nobody, the healthy ones last. */
static void
stop_leaving(struct look *l)
{
	struct rolling_service *s = l->s;
	bool baking = is_baking(l);

	for (int pass = 0; pass < 3; pass++)
		for (size_t i = 0; i < s->n_tasks; i++) {
			struct rolling_task *t = &s->tasks[i];
			int rank = !is_serving(s, t) ? 0 : is_healthy(s, t) ? 2 : 1;

			if (!is_leaving(l, t) || rank != pass)
				continue;
			if (baking && t->deployment == l->keeper && !t->draining)
				continue;
			if (may_leave(l, t))
				stop_task(l, t, reason_to_leave(l, t));
			else if (is_protected(s, t))
				wake_at(s, t->protected_until_ms);
		}
}

/* A replacement comes first where there is room for it, else they go one at a time. */
static void
stop_unhealthy(struct look *l, size_t deployment, int64_t desired)
{
	struct rolling_service *s = l->s;
	int64_t running = 0, coming = 0, staying = count_staying(s, deployment);
	bool one = room(l) == 0;

	for (size_t i = 0; i < s->n_tasks; i++) {
		const struct rolling_task *t = &s->tasks[i];

		running += t->deployment == deployment && is_staying(s, t) &&
			   t->last_status == TASK_RUNNING;
		coming += t->last_status < TASK_RUNNING ||
			  (t->last_status < TASK_STOPPED && !is_alive(t));
	}
	if (coming > 0 || s->deployments[deployment].start > 0)
		one = false;
	for (size_t i = 0; i < s->n_tasks; i++) {
		struct rolling_task *t = &s->tasks[i];

		if (t->deployment != deployment || !is_alive(t) || !is_unhealthy(s, t))
			continue;
		if (running < desired && !(one && staying < desired))
			continue;
		one = false;
		s->deployments[deployment].failed_tasks++;
		stop_task(l, t, ROLLING_STOP_UNHEALTHY);
	}
}

/* --- scaling in --- */

static int64_t
count_in_zone(const struct rolling_service *s, size_t deployment, size_t zone)
{
	int64_t n = 0;

	for (size_t i = 0; i < s->n_tasks; i++)
		n += s->tasks[i].deployment == deployment && s->tasks[i].zone == zone &&
		     is_staying(s, &s->tasks[i]);
	return n;
}

/* True if `a` should rather go than `b`: what does not run yet, then what is not healthy, then of
 * the zone that has most, then the newest. */
static bool
rather(const struct rolling_service *s, const struct rolling_task *a, const struct rolling_task *b)
{
	int64_t in_a, in_b;

	if ((a->last_status == TASK_RUNNING) != (b->last_status == TASK_RUNNING))
		return a->last_status != TASK_RUNNING;
	if (is_healthy(s, a) != is_healthy(s, b))
		return !is_healthy(s, a);
	if (a->zone != b->zone) {
		in_a = count_in_zone(s, a->deployment, a->zone);
		in_b = count_in_zone(s, b->deployment, b->zone);
		if (in_a != in_b)
			return in_a > in_b;
	}
	return a->created_at_ms >= b->created_at_ms;
}

static struct rolling_task *
choose_surplus(struct look *l, size_t deployment)
{
	struct rolling_service *s = l->s;
	struct rolling_task *best = NULL;

	for (size_t i = 0; i < s->n_tasks; i++) {
		struct rolling_task *t = &s->tasks[i];

		if (t->deployment != deployment || !is_staying(s, t))
			continue;
		if (is_protected(s, t)) {
			wake_at(s, t->protected_until_ms);
			continue;
		}
		if (is_healthy(s, t) && l->healthy <= l->lower)
			continue;
		if (best == NULL || rather(s, t, best))
			best = t;
	}
	return best;
}

static void
stop_surplus(struct look *l, size_t deployment, int64_t desired)
{
	struct rolling_task *t;

	for (int64_t n = count_staying(l->s, deployment) - desired; n > 0; n--) {
		t = choose_surplus(l, deployment);
		if (t == NULL)
			return;
		stop_task(l, t, ROLLING_STOP_SCALING);
	}
}

/* Of everything there is: where a failed deployment's tasks and those before make too many. */
static void
stop_surplus_of_all(struct look *l)
{
	int64_t kept = least(count_staying(l->s, l->primary), l->s->desired);

	stop_surplus(l, l->primary, l->s->desired);
	if (l->keeper == ROLLING_NONE)
		return;
	if (primary_failed(l))
		stop_surplus(l, l->keeper, l->s->desired - kept);
	else if (l->s->side_by_side)
		stop_surplus(l, l->keeper, l->s->desired);
}

/* --- the result --- */

static bool
is_empty(const struct rolling_service *s, size_t deployment)
{
	for (size_t i = 0; i < s->n_tasks; i++)
		if (s->tasks[i].deployment == deployment && s->tasks[i].last_status != TASK_STOPPED)
			return false;
	return true;
}

static int64_t
count_alive(const struct rolling_service *s, size_t deployment)
{
	int64_t n = (int64_t)s->deployments[deployment].start;

	for (size_t i = 0; i < s->n_tasks; i++)
		n += s->tasks[i].deployment == deployment && is_alive(&s->tasks[i]);
	return n;
}

/* Every task of one deployment, and no other is left, not even one that is stopping. */
static bool
is_whole(const struct rolling_service *s, size_t deployment, int64_t desired)
{
	int64_t healthy = 0;

	for (size_t i = 0; i < s->n_tasks; i++) {
		const struct rolling_task *t = &s->tasks[i];

		if (t->last_status == TASK_STOPPED || (t->deployment == deployment && !is_alive(t)))
			continue;
		if (t->deployment != deployment || !is_staying(s, t) || !is_healthy(s, t))
			return false;
		healthy++;
	}
	return healthy == desired && s->deployments[deployment].start == 0;
}

static void
settle(struct look *l, bool steady)
{
	struct rolling_memory *m = &l->s->memory;

	l->s->became_steady = steady && !m->steady;
	m->steady = steady;
	if (steady) {
		m->rounds = 0;
		m->next_start_ms = 0;
	}
	l->s->became_impaired = !m->impaired && m->rounds >= ROLLING_IMPAIRED;
	m->impaired = m->impaired || l->s->became_impaired;
	if (l->moved || steady)
		m->stuck = false;
}

/* Neither percentage lets anything move, and nothing is on the way that would change that. */
static bool
is_stuck(const struct look *l)
{
	const struct rolling_service *s = l->s;
	bool leaving = false;

	if (l->moved || l->blocked || s->side_by_side || l->healthy < l->alive ||
	    l->occupied > l->alive)
		return false;
	for (size_t i = 0; i < s->n_tasks; i++)
		leaving =
		    leaving || (is_leaving(l, &s->tasks[i]) && !is_protected(s, &s->tasks[i]));
	return leaving && room(l) == 0;
}

static void
judge_replica(struct look *l, int64_t desired)
{
	struct rolling_service *s = l->s;
	bool whole = l->primary != ROLLING_NONE && is_whole(s, l->primary, desired);
	bool done = whole && s->deployments[l->primary].rollout != ROLLING_FAILED;

	if (done)
		s->deployments[l->primary].rollout = ROLLING_COMPLETED;
	for (size_t i = 0; i < s->n_deployments; i++) {
		struct rolling_deployment *d = &s->deployments[i];

		d->desired_count = i == l->primary ? desired : count_alive(s, i);
		d->gone =
		    i != l->primary && is_empty(s, i) && d->start == 0 && (done || i != l->keeper);
	}
	s->became_stuck = is_stuck(l) && !s->memory.stuck;
	s->memory.stuck = s->memory.stuck || s->became_stuck;
	settle(l, done);
}

static void
roll_replica(struct look *l)
{
	set_bounds(l);
	start_replica(l);
	stop_leaving(l);
	if (l->primary == ROLLING_NONE)
		return;
	stop_unhealthy(l, l->primary, l->s->desired);
	if (primary_failed(l) && l->keeper != ROLLING_NONE)
		stop_unhealthy(l, l->keeper, l->s->desired - count_staying(l->s, l->primary));
	stop_surplus_of_all(l);
	judge_replica(l, l->s->desired);
}

/* --- DAEMON: a task on each instance --- */

static bool
is_occupied(const struct rolling_service *s, size_t instance)
{
	for (size_t i = 0; i < s->n_tasks; i++)
		if (s->tasks[i].instance == instance && s->tasks[i].last_status != TASK_STOPPED)
			return true;
	return false;
}

/* Instances that may not have one any more, and second tasks on one instance. */
static void
stop_misplaced(struct look *l)
{
	struct rolling_service *s = l->s;

	for (size_t i = 0; i < s->n_tasks; i++) {
		struct rolling_task *t = &s->tasks[i];
		bool wrong = t->instance >= s->n_instances || !s->instances[t->instance].eligible;

		if (!is_alive(t))
			continue;
		for (size_t k = 0; !wrong && k < i; k++)
			wrong = s->tasks[k].instance == t->instance && is_alive(&s->tasks[k]) &&
				s->tasks[k].deployment == t->deployment;
		if (wrong)
			stop_task(l, t, t->draining ? ROLLING_STOP_DRAINING : ROLLING_STOP_SCALING);
	}
}

static void
roll_daemon(struct look *l)
{
	struct rolling_service *s = l->s;
	size_t missing = 0;

	s->desired = 0;
	for (size_t i = 0; i < s->n_instances; i++) {
		s->instances[i].start = false;
		s->desired += s->instances[i].eligible;
	}
	set_bounds(l);
	stop_misplaced(l);
	stop_leaving(l);
	if (l->primary == ROLLING_NONE)
		return;
	stop_unhealthy(l, l->primary, 0);
	for (size_t i = 0; i < s->n_instances; i++) {
		if (!s->instances[i].eligible || is_occupied(s, i))
			continue;
		missing++;
		if (l->blocked || room(l) == 0)
			continue;
		s->instances[i].start = true;
		start_tasks(l, l->primary, 1);
	}
	if (missing > 0 && !primary_failed(l))
		wake_at(s, s->memory.next_start_ms);
	judge_replica(l, s->desired);
}

/* --- task sets: each has its own number --- */

static void
roll_task_sets(struct look *l)
{
	struct rolling_service *s = l->s;
	bool steady = true;

	for (size_t i = 0; i < s->n_deployments; i++) {
		struct rolling_deployment *d = &s->deployments[i];
		int64_t desired = d->leaving ? 0 : d->target, missing;

		missing = desired - count_staying(s, i);
		if (missing > 0 && s->now_ms >= s->memory.next_start_ms)
			start_tasks(l, i, missing);
		else if (missing > 0)
			wake_at(s, s->memory.next_start_ms);
		stop_unhealthy(l, i, desired);
		l->lower = 0; /* what is surplus is what the caller has scaled down */
		stop_surplus(l, i, desired);
		d->desired_count = desired;
		d->gone = d->leaving && is_empty(s, i);
	}
	for (size_t i = 0; i < s->n_deployments; i++) {
		struct rolling_deployment *d = &s->deployments[i];
		int64_t healthy = 0, alive = count_alive(s, i);

		for (size_t k = 0; k < s->n_tasks; k++)
			healthy += s->tasks[k].deployment == i && is_healthy(s, &s->tasks[k]);
		d->stable = healthy == d->desired_count && alive == healthy;
		steady = steady && d->stable && !d->leaving;
	}
	settle(l, steady);
}

/* --- deletion --- */

static void
drain(struct look *l)
{
	struct rolling_service *s = l->s;

	for (size_t i = 0; i < s->n_tasks; i++)
		if (is_alive(&s->tasks[i]))
			stop_task(l, &s->tasks[i], ROLLING_STOP_SCALING);
	for (size_t i = 0; i < s->n_deployments; i++) {
		s->deployments[i].desired_count = 0;
		s->deployments[i].gone = l->occupied == 0;
	}
	s->inactive = l->occupied == 0;
	s->wake_at_ms = 0;
}

void
rolling(struct rolling_service *s)
{
	struct look l = { .s = s };

	s->wake_at_ms = 0;
	s->inactive = false;
	s->became_steady = s->became_stuck = s->became_impaired = false;
	find_deployments(&l);
	take_account(&l);
	judge_failures(&l);
	if (s->draining)
		drain(&l);
	else if (s->kind == ROLLING_TASK_SETS)
		roll_task_sets(&l);
	else if (s->kind == ROLLING_DAEMON)
		roll_daemon(&l);
	else
		roll_replica(&l);
}
