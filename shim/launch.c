/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is settled once per task before its first container is created: whether there is a cgroup
 * around all of them, for which the Engine has to be asked how it makes its own. Called by
 * create.c.
 */
#include "shim/cgroup.h"
#include "shim/task.h"
#include "common/log.h"

#define MIB (1024 * 1024)

static void
on_info(const struct engine_reply *r, void *arg)
{
	struct task *t = arg;
	const struct cgroup_limits limits = {
		.cpu_quota_us = plan_task_quota_us(&t->plan),
		.cpu_period_us = PLAN_CPU_PERIOD_US,
		.memory_bytes = plan_task_memory_mib(&t->plan) * MIB,
	};
	_cleanup_free_ char *parent = NULL;
	struct err e = { 0 };

	t->cgroup_settled = true;
	if (r->text != NULL || !cgroup_is_ours_to_make(r->body))
		log_debug("task", t->id, "no cgroup around the task: the Engine's are not files");
	else if (cgroup_make(t->id, &limits, &parent, &e) < 0)
		log_info("task", t->id, "%s: its limits are those of its containers", e.text);
	else
		plan_set_cgroup(&t->plan, parent);
	task_post(t, EV_CHANGED);
	task_run(t);
}

bool
launch_cgroup(struct task *t)
{
	bool limited = plan_task_quota_us(&t->plan) > 0 || plan_task_memory_mib(&t->plan) > 0;

	if (!limited || t->cgroup_settled)
		return true;
	if (!t->cgroup_asked)
		(void)engine_info(t->engine, on_info, t);
	t->cgroup_asked = true;
	return false;
}
