/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Deployments come to their end here: completed, failed, rolled back. The rules have decided; this
 * has the words and the rows (lifecycle.md section 10).
 */
#include "daemon/reconcile/service_record.h"

#include "common/json.h"
#include "daemon/arn.h"
#include "daemon/ecs/service_deploy.h"
#include "daemon/reconcile/service_event.h"

#include <stdio.h>
#include <string.h>

/* clang-format off */
static const char *const rollout_names[] = {
	[ROLLING_IN_PROGRESS] = "IN_PROGRESS",
	[ROLLING_COMPLETED]   = "COMPLETED",
	[ROLLING_FAILED]      = "FAILED",
};
/* clang-format on */

static void
set_reason(struct store_deployment *d, char *reason)
{
	free(d->rollout_reason);
	d->rollout_reason = reason;
}

static bool
was(const struct store_deployment *d, enum rolling_state state)
{
	return streq(d->rollout_state, rollout_names[state]);
}

/* --- the record --- */

static void
set_status(struct service_view *v, const char *status, int64_t now, bool over)
{
	struct store_service_deployment *r = &v->running;

	(void)snprintf(r->status, sizeof(r->status), "%s", status);
	if (r->started_at_ms == 0)
		r->started_at_ms = now;
	if (over && streq(status, "STOPPED"))
		r->stopped_at_ms = now;
	if (over)
		r->finished_at_ms = now;
	r->updated_at_ms = now;
}

static void
set_status_reason(struct service_view *v, char *reason)
{
	free(v->running.status_reason);
	v->running.status_reason = reason;
}

/* deploymentCircuitBreaker {status, failureCount, threshold}. */
static int
set_breaker(struct call *c, struct service_view *v, const char *status, int64_t failures)
{
	_cleanup_json_ struct json_object *doc = NULL;
	struct json_object *breaker, *asked;
	const char *text = v->running.doc != NULL ? v->running.doc : "{}";
	int r = json_parse(text, strlen(text), &doc, &c->err);

	if (r < 0)
		return r;
	if (v->rolling.breaker_threshold == 0)
		status = "DISABLED";
	asked =
	    json_get(json_get(v->settings, "deploymentConfiguration"), "deploymentCircuitBreaker");
	breaker = json_object_new_object();
	json_add_str(breaker, "status", status);
	json_add_int(breaker, "failureCount", failures);
	json_add_int(breaker, "threshold", service_deploy_threshold(asked, v->rolling.desired));
	json_add(doc, "deploymentCircuitBreaker", breaker);
	free(v->running.doc);
	v->running.doc = xstrdup(json_print(doc));
	return 0;
}

static int
set_rollback(struct call *c, struct service_view *v, const char *revision, const char *reason)
{
	_cleanup_json_ struct json_object *doc = NULL;
	struct json_object *rollback = json_object_new_object();
	char arn[ARN_MAX];
	int r = json_parse(v->running.doc, strlen(v->running.doc), &doc, &c->err);

	json_add_str(rollback, "reason", reason);
	json_add_time(rollback, "startedAt", c->now_ms);
	json_add_str(rollback, "serviceRevisionArn",
	    arn_service_revision(arn, &c->scope, v->row.cluster, v->row.name, revision));
	if (r < 0) {
		json_object_put(rollback);
		return r;
	}
	json_add(doc, "rollback", rollback);
	free(v->running.doc);
	v->running.doc = xstrdup(json_print(doc));
	(void)snprintf(
	    v->running.rollback_revision, sizeof(v->running.rollback_revision), "%s", revision);
	return 0;
}

static int
put_record(struct call *c, struct service_view *v)
{
	return v->has_running ? store_service_deployment_put(c->store, &v->running, &c->err) : 0;
}

/* --- the end of a roll-out --- */

static int
complete(struct call *c, struct service_view *v, struct store_deployment *d)
{
	int r;

	set_reason(d, xasprintf("ECS deployment ecs-svc/%s completed.", d->id));
	r = service_event_say(c, v->row.cluster, v->row.name,
	    ") (deployment ecs-svc/%s) deployment completed.", d->id);
	if (r < 0 || !v->has_running)
		return r;
	set_status(v,
	    has_prefix(v->running.status, "ROLLBACK") ? "ROLLBACK_SUCCESSFUL" : "SUCCESSFUL",
	    c->now_ms, true);
	r = set_breaker(c, v,
	    streq(v->running.status, "SUCCESSFUL") ? "MONITORING_COMPLETE" : "TRIGGERED",
	    d->failed_tasks);
	return r == 0 ? put_record(c, v) : r;
}

static const char *
reason_of_failure(const struct service_view *v)
{
	if (v->rolling.breaker_tripped)
		return "ECS deployment circuit breaker: tasks failed to start.";
	return v->rolling.roll_back_wanted ? "Service deployment rolled back because of "
					     "StopServiceDeployment."
					   : "Service deployment stopped by StopServiceDeployment.";
}

static int
fail(struct call *c, struct service_view *v, struct store_deployment *d, int64_t failures)
{
	bool again = has_prefix(v->running.status, "ROLLBACK_IN");
	bool rolls_back = v->rolling.roll_back_to != ROLLING_NONE;
	int r = 0;

	set_reason(d, xstrdup(reason_of_failure(v)));
	if (v->rolling.breaker_tripped)
		r = service_event_say(c, v->row.cluster, v->row.name,
		    ") (deployment ecs-svc/%s) deployment failed: tasks failed to start.", d->id);
	if (r < 0 || !v->has_running)
		return r;
	set_status_reason(v, xstrdup(reason_of_failure(v)));
	if (rolls_back)
		set_status(v, "ROLLBACK_IN_PROGRESS", c->now_ms, false);
	else
		set_status(v, again ? "ROLLBACK_FAILED" : "STOPPED", c->now_ms, true);
	r = set_breaker(
	    c, v, v->rolling.breaker_tripped ? "TRIGGERED" : "MONITORING_COMPLETE", failures);
	return r == 0 && !rolls_back ? put_record(c, v) : r;
}

/* `d` worked before, and is the primary one again. */
static int
roll_back(struct call *c, struct service_view *v, struct store_deployment *d)
{
	const char *reason = arena_printf(&c->arena,
	    v->rolling.breaker_tripped
		? "ECS deployment circuit breaker: rolling back to deploymentId ecs-svc/%s."
		: "ECS deployment rolling back to deploymentId ecs-svc/%s.",
	    d->id);
	int r;

	set_reason(d, xstrdup(reason));
	r = service_event_say(
	    c, v->row.cluster, v->row.name, ") rolling back to deployment ecs-svc/%s.", d->id);
	if (r == 0)
		r = service_deploy_restore(c, &v->row, d->revision);
	if (r < 0 || !v->has_running)
		return r;
	memcpy(d->service_deployment, v->running.id, sizeof(d->service_deployment));
	memcpy(v->running.deployment, d->id, sizeof(v->running.deployment));
	r = set_rollback(c, v, d->revision, reason_of_failure(v));
	return r == 0 ? put_record(c, v) : r;
}

/* --- deployments --- */

static bool
differs(const struct store_deployment *row, const struct rolling_deployment *d)
{
	bool primary = streq(row->status, "PRIMARY");

	if (row->task_set)
		return d->stable != streq(row->stability_status, "STEADY_STATE") ||
		       row->failed_tasks != d->failed_tasks;
	return row->desired_count != d->desired_count || row->failed_tasks != d->failed_tasks ||
	       row->succeeded_once != d->succeeded_once || !was(row, d->rollout) ||
	       primary != d->primary;
}

static int
write_rollout(struct call *c, struct service_view *v, struct store_deployment *row,
    const struct rolling_deployment *d)
{
	bool promoted = d->primary && !streq(row->status, "PRIMARY");
	int r = 0;

	if (d->rollout == ROLLING_FAILED && !was(row, ROLLING_FAILED))
		r = fail(c, v, row, d->failed_tasks);
	else if (promoted)
		r = roll_back(c, v, row);
	/* What never had to give way is back at once. */
	if (r == 0 && d->rollout == ROLLING_COMPLETED && (promoted || !was(row, ROLLING_COMPLETED)))
		r = complete(c, v, row);
	(void)snprintf(
	    row->rollout_state, sizeof(row->rollout_state), "%s", rollout_names[d->rollout]);
	(void)snprintf(row->status, sizeof(row->status), "%s", d->primary ? "PRIMARY" : "ACTIVE");
	return r;
}

static int
write_deployment(struct call *c, struct service_view *v, size_t i)
{
	const struct rolling_deployment *d = &v->rolling.deployments[i];
	struct store_deployment *row = &v->deployments[i];
	int r = 0;

	if (row->task_set) {
		(void)snprintf(row->stability_status, sizeof(row->stability_status), "%s",
		    d->stable ? "STEADY_STATE" : "STABILIZING");
		row->stability_at_ms = c->now_ms;
	} else {
		r = write_rollout(c, v, row, d);
		row->desired_count = d->desired_count;
	}
	row->failed_tasks = d->failed_tasks;
	row->succeeded_once = d->succeeded_once;
	row->updated_at_ms = c->now_ms;
	return r == 0 ? store_deployment_put(c->store, row, &c->err) : r;
}

/* Of the strategies that put the new tasks beside the old ones. Traffic is shifted nowhere: there
 * are no load balancers. */
static const char *
stage_of(const struct service_view *v)
{
	const struct rolling_service *s = &v->rolling;

	if (!s->side_by_side)
		return "";
	if (s->memory.whole_at_ms == 0)
		return "SCALE_UP";
	return s->now_ms < s->memory.whole_at_ms + s->bake_ms ? "BAKE_TIME" : "CLEAN_UP";
}

/* The record begins with the first look, counts failures and tells the stages. */
static int
write_progress(struct call *c, struct service_view *v)
{
	size_t primary = ROLLING_NONE;
	bool failed_more;
	int r;

	for (size_t i = 0; i < v->rolling.n_deployments; i++)
		if (v->rolling.deployments[i].primary)
			primary = i;
	if (!v->has_running || primary == ROLLING_NONE ||
	    v->rolling.deployments[primary].rollout != ROLLING_IN_PROGRESS)
		return 0;
	failed_more =
	    v->rolling.deployments[primary].failed_tasks != v->deployments[primary].failed_tasks;
	if (!streq(v->running.status, "PENDING") && !failed_more &&
	    streq(v->running.lifecycle_stage, stage_of(v)))
		return 0;
	(void)snprintf(
	    v->running.lifecycle_stage, sizeof(v->running.lifecycle_stage), "%s", stage_of(v));
	if (streq(v->running.status, "PENDING"))
		set_status(v, "IN_PROGRESS", c->now_ms, false);
	r = set_breaker(c, v, "MONITORING", v->rolling.deployments[primary].failed_tasks);
	return r == 0 ? put_record(c, v) : r;
}

/* A service that is deleted ends the roll-out that was under way. */
static int
write_end(struct call *c, struct service_view *v)
{
	if (!v->rolling.draining || !v->has_running)
		return 0;
	set_status_reason(v, xstrdup("The service was deleted."));
	set_status(v, "STOPPED", c->now_ms, true);
	return put_record(c, v);
}

/* A deployment that fails before it had a task goes as it fails. */
static int
write_gone(struct call *c, struct service_view *v, size_t i)
{
	const struct rolling_deployment *d = &v->rolling.deployments[i];
	struct store_deployment *row = &v->deployments[i];
	int r = 0;

	if (!row->task_set && d->rollout == ROLLING_FAILED && !was(row, ROLLING_FAILED))
		r = fail(c, v, row, d->failed_tasks);
	if (r < 0)
		return r;
	return store_deployment_delete(
	    c->store, &c->scope, v->row.cluster, v->row.name, row->id, &c->err);
}

int
service_record_write(struct call *c, struct service_view *v, bool *changed)
{
	int r = v->rolling.draining ? write_end(c, v) : write_progress(c, v);

	/* The newest first: what fails is written before what is rolled back to. */
	for (size_t i = 0; r == 0 && i < v->rolling.n_deployments; i++) {
		if (v->rolling.deployments[i].gone)
			r = write_gone(c, v, i);
		else if (differs(&v->deployments[i], &v->rolling.deployments[i]))
			r = write_deployment(c, v, i);
		else
			continue;
		*changed = true;
	}
	return r;
}
