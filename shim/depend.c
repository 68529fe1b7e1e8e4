/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What containers of a task wait for: dependsOn, and what links, volumesFrom and shared namespaces
 * imply. Looks at phases, changes nothing. The texts are those of the agent
 * (dependencygraph/graph.go).
 */
#include "shim/task.h"

static bool
ran(const struct container *c)
{
	return c->phase == PHASE_STOPPED && c->has_exit_code && !c->failed;
}

static bool
never_ran(const struct container *c)
{
	return c->phase == PHASE_STOPPED && !ran(c);
}

static bool
is_satisfied(const struct container *on, enum plan_condition condition)
{
	switch (condition) {
	case PLAN_CREATED:
		return on->id != NULL && on->phase >= PHASE_CREATED;
	case PLAN_START:
		return on->phase == PHASE_RUNNING || ran(on);
	case PLAN_COMPLETE:
		return ran(on);
	case PLAN_SUCCESS:
		return ran(on) && on->exit_code == 0;
	case PLAN_HEALTHY:
		return on->phase == PHASE_RUNNING && on->health == HEALTH_HEALTHY;
	case PLAN_CONDITION_MAX:
		break;
	}
	return false;
}

int
depend_check(const struct container *c, char **ret_text)
{
	int verdict = 1;

	for (size_t i = 0; i < c->plan->n_deps; i++) {
		const struct plan_dep *d = &c->plan->deps[i];
		const struct container *on = &c->task->containers[d->on];

		if (is_satisfied(on, d->condition))
			continue;
		if (on->phase != PHASE_STOPPED && on->start_timed_out &&
		    d->condition >= PLAN_COMPLETE) {
			*ret_text = xasprintf("dependency graph: container ordering dependency "
					      "[%s] for target [%s] has timed out.",
			    on->name, c->name);
			return -1;
		}
		if (never_ran(on)) {
			*ret_text = xasprintf(
			    "dependency graph: failed to resolve the container ordering dependency "
			    "[%s] for target [%s] because dependency will never start",
			    on->name, c->name);
			return -1;
		}
		if (ran(on) && d->condition == PLAN_SUCCESS) {
			*ret_text =
			    xasprintf("dependency graph: failed to resolve container ordering "
				      "dependency [%s] "
				      "for target [%s] as dependency did not exit successfully.",
				on->name, c->name);
			return -1;
		}
		verdict = 0;
	}
	return verdict;
}

bool
depend_is_needed(const struct container *c)
{
	for (size_t i = 0; i < c->task->n; i++) {
		const struct container *other = &c->task->containers[i];

		if (other->phase == PHASE_STOPPED)
			continue;
		for (size_t k = 0; k < other->plan->n_deps; k++)
			if (other->plan->deps[k].on == c->index)
				return true;
	}
	return false;
}
