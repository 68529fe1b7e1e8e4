/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows and documents in, facts out. What the settings leave open has ECS's defaults here. Called by
 * service_look.c only.
 */
#include "daemon/reconcile/service_view.h"

#include "common/json.h"
#include "daemon/arn.h"
#include "daemon/config.h"
#include "daemon/ecs/service_deploy.h"

#include <string.h>

#define STARTED_BY "ecs-svc/"

static int read_settings(struct call *c, struct service_view *v);
static int read_deployments(struct call *c, struct service_view *v);
static int read_running(struct call *c, struct service_view *v);
static int read_tasks(struct call *c, struct service_view *v);
static int read_instances(struct call *c, struct service_view *v);
static void read_memory(struct service_view *v);

int
service_view_read(
    struct call *c, const char *cluster, const char *service, struct service_view *ret)
{
	struct service_view *v = ret;
	int r = store_service_get(c->store, &c->scope, cluster, service, &v->row, &c->err);

	if (r <= 0)
		return r;
	if (streq(v->row.status, "INACTIVE"))
		return 0;
	v->rolling.now_ms = c->now_ms;
	r = read_settings(c, v);
	if (r == 0)
		r = read_deployments(c, v);
	if (r == 0)
		r = read_running(c, v);
	if (r == 0)
		r = read_tasks(c, v);
	if (r == 0 && v->rolling.kind == ROLLING_DAEMON && !v->rolling.draining)
		r = read_instances(c, v);
	if (r < 0)
		return r;
	read_memory(v);
	return 1;
}

void
service_view_done(struct service_view *v)
{
	for (size_t i = 0; i < v->rolling.n_deployments; i++)
		store_deployment_done(&v->deployments[i]);
	free(v->deployments);
	free(v->rolling.deployments);
	free(v->rolling.tasks);
	free(v->rolling.instances);
	free(v->tasks);
	free(v->places);
	free(v->instances);
	store_service_deployment_done(&v->running);
	store_service_done(&v->row);
	json_object_put(v->settings);
	arena_done(&v->arena);
}

/* Doubles at every power of two. */
static void *
grow(void *v, size_t n, size_t size)
{
	return (n & (n - 1)) == 0 ? xrealloc(v, n > 0 ? 2 * n : 1, size) : v;
}

/* --- settings --- */

static int
read_settings(struct call *c, struct service_view *v)
{
	struct rolling_service *s = &v->rolling;
	struct json_object *deployment, *breaker;
	const char *strategy;
	bool daemon = streq(v->row.scheduling, "DAEMON");

	if (json_parse(v->row.doc, strlen(v->row.doc), &v->settings, &c->err) < 0)
		return err_set(&c->err, ERR_SERVER, "its stored document cannot be read");
	deployment = json_get(v->settings, "deploymentConfiguration");
	breaker = json_get(deployment, "deploymentCircuitBreaker");
	s->kind = !streq(v->row.controller, "ECS") ? ROLLING_TASK_SETS
		  : daemon                         ? ROLLING_DAEMON
						   : ROLLING_REPLICA;
	s->draining = streq(v->row.status, "DRAINING");
	s->desired = v->row.desired_count;
	s->max_percent = json_get_int(deployment, "maximumPercent", daemon ? 100 : 200);
	s->min_percent = json_get_int(deployment, "minimumHealthyPercent", daemon ? 0 : 100);
	if (json_get_bool(breaker, "enable", false))
		s->breaker_threshold = service_deploy_threshold(breaker, s->desired);
	strategy = json_get_str(deployment, "strategy");
	s->side_by_side =
	    s->kind == ROLLING_REPLICA && strategy != NULL && !streq(strategy, "ROLLING");
	s->bake_ms = 60000 * json_get_int(deployment, "bakeTimeInMinutes", 0);
	s->breaker_rollback = json_get_bool(breaker, "rollback", false);
	s->grace_ms = 1000 * json_get_int(v->settings, "healthCheckGracePeriodSeconds", 0);
	s->healthy_after_ms = c->config->healthy_after_ms;
	return 0;
}

/* --- deployments --- */

static char *
copy_text(const char *s)
{
	return s != NULL ? xstrdup(s) : NULL;
}

static enum rolling_state
rollout_of(const char *name)
{
	if (streq(name, "FAILED"))
		return ROLLING_FAILED;
	return streq(name, "IN_PROGRESS") ? ROLLING_IN_PROGRESS : ROLLING_COMPLETED;
}

static int
add_deployment(const struct store_deployment *row, void *arg)
{
	struct service_view *v = arg;
	struct rolling_service *s = &v->rolling;
	size_t n = s->n_deployments++;

	v->deployments = grow(v->deployments, n, sizeof(*v->deployments));
	s->deployments = grow(s->deployments, n, sizeof(*s->deployments));
	v->deployments[n] = *row;
	v->deployments[n].rollout_reason = copy_text(row->rollout_reason);
	v->deployments[n].doc = copy_text(row->doc);
	s->deployments[n] = (struct rolling_deployment){
		.primary = streq(row->status, "PRIMARY"),
		.leaving = streq(row->status, "DRAINING"),
		.target = row->desired_count,
		.rollout = rollout_of(row->rollout_state),
		.failed_tasks = row->failed_tasks,
		.succeeded_once = row->succeeded_once,
	};
	return 0;
}

static int
read_deployments(struct call *c, struct service_view *v)
{
	return store_deployment_list(
	    c->store, &c->scope, v->row.cluster, v->row.name, add_deployment, v, &c->err);
}

/* StopServiceDeployment leaves its wish in the record. */
static int
read_running(struct call *c, struct service_view *v)
{
	const struct store_deployment *primary = NULL;
	int r;

	for (size_t i = 0; i < v->rolling.n_deployments; i++)
		if (v->rolling.deployments[i].primary)
			primary = &v->deployments[i];
	if (primary == NULL || primary->service_deployment[0] == '\0' ||
	    !streq(primary->rollout_state, "IN_PROGRESS"))
		return 0;
	r = store_service_deployment_get(c->store, &c->scope, v->row.cluster, v->row.name,
	    primary->service_deployment, &v->running, &c->err);
	v->has_running = r > 0;
	v->rolling.roll_back_wanted = r > 0 && streq(v->running.status, "ROLLBACK_REQUESTED");
	v->rolling.abort_wanted = r > 0 && streq(v->running.status, "STOP_REQUESTED");
	return r < 0 ? r : 0;
}

/* --- tasks --- */

static const char *
keep(struct service_view *v, const char *s)
{
	return s != NULL ? arena_strdup(&v->arena, s) : NULL;
}

static size_t
deployment_of(const struct service_view *v, const char *started_by)
{
	if (started_by == NULL || !has_prefix(started_by, STARTED_BY))
		return ROLLING_NONE;
	for (size_t i = 0; i < v->rolling.n_deployments; i++)
		if (streq(v->deployments[i].id, started_by + strlen(STARTED_BY)))
			return i;
	return ROLLING_NONE;
}

/* The first task with the same text; text that is NULL is the same as NULL. */
static size_t
same_as(const struct service_view *v, size_t n, size_t offset, const char *text)
{
	for (size_t i = 0; i < n; i++) {
		const char *other;

		memcpy(&other, (const char *)&v->tasks[i] + offset, sizeof(other));
		if (streq(other, text))
			return i;
	}
	return n;
}

/* Somebody asked for its end: it says nothing about the deployment. */
static bool
was_asked_to_stop(const struct store_service_task *t)
{
	static const char *const asked[] = { "UserInitiated", "ServiceSchedulerInitiated",
		"SpotInterruption", "TerminationNotice" };

	for (size_t i = 0; t->stop_code != NULL && i < ARRAY_SIZE(asked); i++)
		if (streq(t->stop_code, asked[i]))
			return true;
	return false;
}

static void
add_place(struct service_view *v, const struct store_service_task *t)
{
	if (t->last_status == TASK_STOPPED || t->desired_stopped)
		return;
	v->places = grow(v->places, v->n_places, sizeof(*v->places));
	v->places[v->n_places++] = (struct task_service_place){
		.zone = t->zone,
		.instance = t->instance,
		.provider = t->provider,
	};
}

static int
add_task(const struct store_service_task *row, void *arg)
{
	struct service_view *v = arg;
	struct rolling_service *s = &v->rolling;
	size_t n = s->n_tasks++;
	struct store_service_task *t;

	v->tasks = grow(v->tasks, n, sizeof(*v->tasks));
	s->tasks = grow(s->tasks, n, sizeof(*s->tasks));
	t = &v->tasks[n];
	*t = *row;
	t->started_by = keep(v, row->started_by);
	t->instance = keep(v, row->instance);
	t->zone = keep(v, row->zone);
	t->provider = keep(v, row->provider);
	t->stop_code = keep(v, row->stop_code);
	s->tasks[n] = (struct rolling_task){
		.deployment = deployment_of(v, t->started_by),
		.last_status = t->last_status,
		.stopping = t->desired_stopped,
		.checked = t->checked,
		.health = t->health,
		.seen_healthy = t->mark >= TASK_MARK_HEALTHY,
		.by_itself = t->last_status == TASK_STOPPED && !was_asked_to_stop(t),
		.draining = t->draining,
		.created_at_ms = t->created_at_ms,
		.started_at_ms = t->started_at_ms,
		.protected_until_ms = t->protected_until_ms,
		.zone = same_as(v, n, offsetof(struct store_service_task, zone), t->zone),
		.instance =
		    same_as(v, n, offsetof(struct store_service_task, instance), t->instance),
	};
	add_place(v, t);
	return 0;
}

static int
read_tasks(struct call *c, struct service_view *v)
{
	return store_service_task_list(
	    c->store, &c->scope, v->row.cluster, v->row.name, add_task, v, &c->err);
}

/* --- container instances: where a DAEMON is to be --- */

static void
add_instance(const char *id, void *arg)
{
	struct service_view *v = arg;
	size_t n = v->rolling.n_instances++;

	v->instances = grow(v->instances, n, sizeof(*v->instances));
	v->rolling.instances = grow(v->rolling.instances, n, sizeof(*v->rolling.instances));
	v->instances[n] = keep(v, id);
	v->rolling.instances[n] = (struct rolling_instance){ .eligible = true };
}

static void
number_instances(struct service_view *v)
{
	for (size_t i = 0; i < v->rolling.n_tasks; i++) {
		struct rolling_task *t = &v->rolling.tasks[i];

		t->instance = ROLLING_NONE;
		for (size_t k = 0; k < v->rolling.n_instances; k++)
			if (streq(v->tasks[i].instance, v->instances[k]))
				t->instance = k;
	}
}

/* DaemonDeploymentConfiguration.drainPercent: how many instances are without their task at a time,
 * at least one. */
static void
set_drain(struct service_view *v)
{
	struct json_object *deployment = json_get(v->settings, "deploymentConfiguration");
	struct json_object *drain = json_get(deployment, "drainPercent");
	int64_t percent = drain != NULL ? (int64_t)json_object_get_double(drain) : 100;
	int64_t n = (int64_t)v->rolling.n_instances, gone = (n * percent + 99) / 100;

	if (n > 0)
		v->rolling.min_percent = (n - (gone > 0 ? gone : 1)) * 100 / n;
}

static int
read_instances(struct call *c, struct service_view *v)
{
	_cleanup_json_ struct json_object *deployed = NULL;
	struct task_service_launch l = { .cluster = v->row.cluster,
		.service = v->row.name,
		.settings = v->settings,
		.count = 1 };
	int r = 0;

	for (size_t i = 0; r == 0 && i < v->rolling.n_deployments && deployed == NULL; i++) {
		const char *doc = v->deployments[i].doc;

		l.deployment = v->deployments[i].id;
		if (v->rolling.deployments[i].primary)
			r = json_parse(doc, strlen(doc), &deployed, &c->err);
	}
	if (r < 0 || deployed == NULL)
		return r;
	l.deployed = deployed;
	r = task_service_instances(c, &l, add_instance, v);
	/* A cluster without instances has no place for a task, and that is all there is to it. */
	if (r < 0 && c->err.kind != ERR_SERVER) {
		c->err = (struct err){ 0 };
		r = 0;
	}
	number_instances(v);
	if (arn_is_of_daemon(v->row.name))
		set_drain(v);
	return r;
}

/* --- memory: of one primary deployment, the next one starts afresh --- */

static const char *
primary_id(const struct service_view *v)
{
	for (size_t i = 0; i < v->rolling.n_deployments; i++)
		if (v->rolling.deployments[i].primary)
			return v->deployments[i].id;
	return "";
}

static void
read_memory(struct service_view *v)
{
	_cleanup_json_ struct json_object *o = NULL;
	struct rolling_memory *m = &v->rolling.memory;
	const char *of;

	if (v->row.state == NULL || json_parse(v->row.state, strlen(v->row.state), &o, NULL) < 0)
		return;
	of = json_get_str(o, "deployment");
	if (of == NULL || !streq(of, primary_id(v)))
		return;
	m->steady = json_get_bool(o, "steady", false);
	m->stuck = json_get_bool(o, "stuck", false);
	m->impaired = json_get_bool(o, "impaired", false);
	m->rounds = json_get_int(o, "rounds", 0);
	m->round_at_ms = json_get_int(o, "roundAt", 0);
	m->next_start_ms = json_get_int(o, "nextStart", 0);
	m->whole_at_ms = json_get_int(o, "wholeAt", 0);
	v->place_rounds = json_get_int(o, "placeRounds", 0);
}

static void
add_number(struct json_object *o, const char *key, int64_t v)
{
	if (v != 0)
		json_add_int(o, key, v);
}

static void
add_flag(struct json_object *o, const char *key, bool v)
{
	if (v)
		json_add_bool(o, key, true);
}

char *
service_view_memory(const struct service_view *v)
{
	_cleanup_json_ struct json_object *o = json_object_new_object();
	const struct rolling_memory *m = &v->rolling.memory;

	json_add_str(o, "deployment", primary_id(v));
	add_flag(o, "steady", m->steady);
	add_flag(o, "stuck", m->stuck);
	add_flag(o, "impaired", m->impaired);
	add_number(o, "rounds", m->rounds);
	add_number(o, "roundAt", m->round_at_ms);
	add_number(o, "nextStart", m->next_start_ms);
	add_number(o, "wholeAt", m->whole_at_ms);
	add_number(o, "placeRounds", v->place_rounds);
	return xstrdup(json_print(o));
}
