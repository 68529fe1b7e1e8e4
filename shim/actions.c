/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the moves of the task's state machine do. An action starts work and returns; that the work
 * is done is a later event. The clean-up after the end is here as well: containers, volumes,
 * directories, until nothing is left.
 */
#include "shim/firelens.h"
#include "shim/cgroup.h"
#include "shim/task.h"
#include "common/log.h"

#include <string.h>

#define CLEAN_RETRY_MIN_MS 100
#define CLEAN_RETRY_MAX_MS 5000

static void clean_remove(struct task *t);
static void clean_list_when_done(struct task *t);
static void clean_step(struct task *t);
static void on_removed(const struct engine_reply *r, void *arg);
static void on_leftover_removed(const struct engine_reply *r, void *arg);
static void on_left(const struct engine_reply *r, void *arg);
static void on_volume_removed(const struct engine_reply *r, void *arg);
static void on_clean_retry(void *arg);

/* Nothing has to be there before the containers yet: their networks are the Engine's. */
void
act_provision(struct task *t)
{
	task_post(t, EV_PROVISIONED);
}

/* The log router's configuration is there before its container is. */
static bool
router_ready(struct task *t)
{
	struct container *c =
	    t->plan.router < t->plan.n_defined ? &t->containers[t->plan.router] : NULL;
	const struct plan_values *values;
	struct err e = { 0 };

	if (c == NULL || t->router_ready || c->phase >= PHASE_CREATING)
		return true;
	values = resources_of(t, c->index);
	if (firelens_prepare(&t->plan, values != NULL ? values->router_config : NULL, &e) < 0) {
		_cleanup_free_ char *reason = xasprintf("ResourceInitializationError: %s", e.text);

		container_fail(c, "ResourceInitializationError", e.text);
		task_refuse(t, t->plan.fargate ? reason : "Task failed to start");
		return false;
	}
	t->router_ready = true;
	return true;
}

void
act_launch(struct task *t)
{
	if (t->times.connectivity == 0)
		t->times.connectivity = now_ms();
	if (t->synced && !t->desired_stopped && t->state == TASK_PENDING)
		(void)launch_cgroup(t);
	if (!t->synced || !resources_ready(t) || !router_ready(t))
		return;
	for (size_t i = 0; i < t->n; i++)
		container_advance(&t->containers[t->plan.order[i]]);
}

/* No target group and no name service knows the task. */
void
act_activate(struct task *t)
{
	task_post(t, EV_ACTIVATED);
}

void
act_deactivate(struct task *t)
{
	task_post(t, EV_DEACTIVATED);
}

/* Before the facts are known only what cannot be in the Engine can be ended. */
void
act_halt(struct task *t)
{
	resources_stop(t);
	if (!t->synced && t->maybe_present)
		return;
	for (size_t i = t->n; i-- > 0;)
		container_halt(&t->containers[t->plan.order[i]]);
}

void
act_deprovision(struct task *t)
{
	if (awslogs_settled(t))
		task_post(t, EV_DEPROVISIONED);
}

/* After the last snapshot of the task's life: nobody waits for this. */
void
act_clean(struct task *t)
{
	if (t->cleaned_up || t->pending > 0 || !awslogs_settled(t))
		return;
	if (!t->maybe_present)
		clean_step(t);
	else if (t->synced)
		clean_remove(t);
}

static void
clean_remove(struct task *t)
{
	if (t->clean_timer == NULL)
		t->clean_timer = timer_new(t->loop, on_clean_retry, t);
	t->clean_failed = false;
	t->pending = 1;
	for (size_t i = 0; i < t->n; i++) {
		struct container *c = &t->containers[i];

		if (c->id == NULL || c->removed)
			continue;
		t->pending++;
		(void)engine_remove(t->engine, c->id, on_removed, c);
	}
	clean_list_when_done(t);
}

/* One piece of work less; after the last one the Engine is asked what it still has. */
static void
clean_list_when_done(struct task *t)
{
	if (--t->pending > 0)
		return;
	t->pending = 1;
	(void)engine_list(t->engine, on_left, t);
}

/* 404: somebody was faster. 409: somebody is about to be. */
static bool
is_gone(const struct engine_reply *r)
{
	return r->text == NULL || r->status == 404;
}

static void
on_removed(const struct engine_reply *r, void *arg)
{
	struct container *c = arg;
	struct task *t = c->task;

	c->removed = is_gone(r);
	if (!c->removed)
		log_warn("task", t->id, "cannot remove container %s: %s", c->name, r->text);
	clean_list_when_done(t);
}

static void
clean_retry(struct task *t)
{
	t->clean_retry_ms = t->clean_retry_ms * 2;
	if (t->clean_retry_ms < CLEAN_RETRY_MIN_MS)
		t->clean_retry_ms = CLEAN_RETRY_MIN_MS;
	if (t->clean_retry_ms > CLEAN_RETRY_MAX_MS)
		t->clean_retry_ms = CLEAN_RETRY_MAX_MS;
	timer_set(t->clean_timer, t->clean_retry_ms);
}

static void
on_clean_retry(void *arg)
{
	clean_remove(arg);
}

/* What the label still finds: nothing, or what was created while nobody listened. */
static void
on_left(const struct engine_reply *r, void *arg)
{
	struct task *t = arg;
	size_t n = r->text == NULL ? json_object_array_length(r->body) : 0;

	t->pending = 0;
	if (r->text != NULL) {
		log_warn("task", t->id, "cannot list containers: %s", r->text);
		clean_retry(t);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		const char *id = json_get_str(json_object_array_get_idx(r->body, i), "Id");

		if (id == NULL)
			continue;
		t->pending++;
		(void)engine_remove(t->engine, id, on_leftover_removed, t);
	}
	if (t->pending == 0)
		clean_step(t);
	task_run(t);
}

static void
on_leftover_removed(const struct engine_reply *r, void *arg)
{
	struct task *t = arg;

	(void)r;
	if (--t->pending == 0)
		clean_retry(t);
}

/* No container is left: volumes, then directories, then the last words. */
static void
clean_step(struct task *t)
{
	for (size_t i = 0; t->maybe_present && i < t->plan.n_volumes; i++) {
		if (!t->plan.volumes[i].owned)
			continue;
		t->pending++;
		(void)engine_volume_remove(
		    t->engine, t->plan.volumes[i].docker_name, on_volume_removed, t);
	}
	if (t->pending > 0)
		return;
	for (size_t i = 0; i < t->n; i++) {
		gate_free(TAKE(t->containers[i].gate));
		gate_remove(t->gate_parent, t->containers[i].name);
	}
	if (cgroup_remove(t->id) < 0 && t->clean_timer != NULL) {
		clean_retry(t);
		return;
	}
	net_forget_host(t->gate_parent);
	firelens_remove(t->gate_parent);
	(void)rmdir(t->gate_parent);
	t->cleaned_up = true;
	task_touch(t);
}

static void
on_volume_removed(const struct engine_reply *r, void *arg)
{
	struct task *t = arg;

	if (!is_gone(r)) {
		log_warn("task", t->id, "cannot remove a volume: %s", r->text);
		t->clean_failed = true;
	}
	if (--t->pending > 0)
		return;
	if (t->clean_failed) {
		clean_retry(t);
		return;
	}
	for (size_t i = 0; i < t->plan.n_volumes; i++)
		t->plan.volumes[i].owned = false;
	clean_step(t);
	task_run(t);
}
