/* SPDX-License-Identifier: Apache-2.0 */
/*
 * restartPolicy: whether a container that has ended is started again, and the start itself, of the
 * same container and through its gate. Nobody outside sees more of it than its count: container and
 * task stay RUNNING (agent: restart_tracker.go). Called by container.c.
 */
#include "shim/task.h"
#include "common/log.h"

#define PERIOD_S 300 /* ContainerRestartPolicy.restartAttemptPeriod */

static void on_restarted(const struct engine_reply *r, void *arg);

bool
restart_is_due(
    const struct td_restart_policy *p, int exit_code, int64_t attempt_ms, int64_t ended_ms)
{
	size_t n =
	    p->ignored_exit_codes != NULL ? json_object_array_length(p->ignored_exit_codes) : 0;
	int64_t period_s;

	for (size_t i = 0; i < n; i++)
		if (json_object_get_int(json_object_array_get_idx(p->ignored_exit_codes, i)) ==
		    exit_code)
			return false;
	period_s = p->restart_attempt_period.set ? p->restart_attempt_period.v : PERIOD_S;
	return ended_ms - attempt_ms >= period_s * 1000;
}

bool
restart_begin(struct container *c)
{
	const struct td_restart_policy *p = c->plan->def->restart_policy;

	if (p == NULL || p->enabled != TRI_TRUE || c->task->desired_stopped || c->removed)
		return false;
	/* Where it is not known yet since when it ran, the sync comes with both. */
	if (c->restarting || (c->attempt_ms == 0 && !c->task->synced))
		return true;
	/* An end at the gate of a shim that is gone was no life. */
	if (!(c->before_gate && c->exit_code == GATE_EXIT_CLOSED) &&
	    !restart_is_due(p, c->exit_code, c->attempt_ms, c->stopped_ms))
		return false;
	log_info("task", c->task->id, "container %s ended with %d and is started again", c->name,
	    c->exit_code);
	c->restarting = c->before_gate = true;
	c->req = engine_start(c->task->engine, c->id, on_restarted, c);
	return true;
}

static void
on_restarted(const struct engine_reply *r, void *arg)
{
	struct container *c = arg;

	c->req = NULL;
	c->restarting = false;
	if (c->phase != PHASE_RUNNING)
		return;
	if (r->text != NULL) {
		container_restart_failed(c, r->text);
	} else {
		c->restart_count++;
		container_restarted(c);
		task_touch(c->task);
	}
	task_post(c->task, EV_CHANGED);
	task_run(c->task);
}
