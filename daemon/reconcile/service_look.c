/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Carries out what rolling.c says: everything but starting tasks in one transaction, then each
 * start in its own, so that one that is refused undoes nothing else. What is lost between the two
 * is found by the next look.
 */
#include "daemon/reconcile/service_look.h"

#include "common/log.h"
#include "daemon/events.h"
#include "daemon/reconcile/service_event.h"
#include "daemon/reconcile/service_record.h"
#include "daemon/reconcile/service_view.h"

#include <stdio.h>
#include <string.h>

#define PRINCIPAL "ecs.amazonaws.com"
#define RETRY_MS 5000 /* after a failure of the store */
#define PLACE_DELAY_MS 5000
#define PLACE_DELAY_MAX_MS 60000

struct look_args {
	const char *cluster;
	const char *service;
	struct service_view view;
	bool changed;
	/* Of one launch. */
	struct task_service_launch launch;
	const char *instances[TASK_SERVICE_LAUNCH_MAX];
	struct err refused;
};

static int decide(struct call *c);
static int launch(struct call *c);
static int note_refusal(struct call *c);

/* clang-format off */
static const struct op decide_op       = { .name = "service", .run = decide, .flags = OP_WRITE };
static const struct op launch_op       = { .name = "service", .run = launch, .flags = OP_WRITE };
static const struct op note_refusal_op = { .name = "service", .run = note_refusal, .flags = OP_WRITE };

static const char *const stop_reasons[ROLLING_STOP_MAX] = {
	[ROLLING_STOP_SCALING]   = "Scaling activity initiated by (deployment ecs-svc/%s)",
	[ROLLING_STOP_UNHEALTHY] = "Task failed container health checks",
	[ROLLING_STOP_DRAINING]  = "Scaling activity initiated by (deployment ecs-svc/%s)",
};
/* clang-format on */

/* --- tasks --- */

static void
task_done(struct store_task *t)
{
	store_task_done(t);
}

/* The deployment in whose name tasks are stopped: the primary one. */
static const char *
initiator(const struct service_view *v, size_t task)
{
	for (size_t i = 0; i < v->rolling.n_deployments; i++)
		if (v->rolling.deployments[i].primary)
			return v->deployments[i].id;
	task = v->rolling.tasks[task].deployment;
	return task != ROLLING_NONE ? v->deployments[task].id : "";
}

static int
stop_one(struct call *c, const struct service_view *v, size_t i)
{
	_cleanup_(task_done) struct store_task t = { 0 };
	const char *words = stop_reasons[v->rolling.tasks[i].stop];
	const char *blank = strchr(words, '%');
	const char *reason = words;
	int r = store_task_get(c->store, v->tasks[i].id, &t, &c->err);

	if (r <= 0)
		return r;
	if (blank != NULL)
		reason = arena_printf(
		    &c->arena, "%.*s%s)", (int)(blank - words), words, initiator(v, i));
	r = events_stop(c->store, &t, "ServiceSchedulerInitiated", reason, &c->err);
	if (r == 1)
		call_wish(c, TASK_WISH_STOP, t.id);
	return r < 0 ? r : 0;
}

static int
write_task(struct call *c, struct look_args *l, size_t i)
{
	const struct rolling_task *t = &l->view.rolling.tasks[i];
	const struct store_service_task *row = &l->view.tasks[i];
	enum task_mark mark = t->accounted ? TASK_MARK_ENDED
			      : t->healthy ? TASK_MARK_HEALTHY
					   : row->mark;
	int r = 0;

	if (mark > row->mark)
		r = store_service_task_mark(c->store, row->id, mark, &c->err);
	if (r == 0 && t->stop != ROLLING_KEEP)
		r = stop_one(c, &l->view, i);
	l->changed = l->changed || t->stop != ROLLING_KEEP;
	return r;
}

/* " (task a) (task b)" of those that are stopped for a reason, "" where there are none. */
static char *
list_stopped(const struct service_view *v, bool unhealthy, size_t *ret_n)
{
	char *text = xstrdup("");

	*ret_n = 0;
	for (size_t i = 0; i < v->rolling.n_tasks; i++) {
		enum rolling_stop stop = v->rolling.tasks[i].stop;
		_cleanup_free_ char *before = NULL;

		if (stop == ROLLING_KEEP || (unhealthy && stop != ROLLING_STOP_UNHEALTHY))
			continue;
		before = text;
		text = xasprintf("%s (task %s)", before, v->tasks[i].id);
		(*ret_n)++;
	}
	return text;
}

static int
write_tasks(struct call *c, struct look_args *l)
{
	const struct service_view *v = &l->view;
	_cleanup_free_ char *stopped = NULL, *unhealthy = NULL;
	size_t n_stopped, n_unhealthy;
	int r = 0;

	for (size_t i = 0; r == 0 && i < v->rolling.n_tasks; i++)
		r = write_task(c, l, i);
	unhealthy = list_stopped(v, true, &n_unhealthy);
	stopped = list_stopped(v, false, &n_stopped);
	if (r == 0 && n_unhealthy > 0)
		r = service_event_say(
		    c, l->cluster, l->service, ")%s failed container health checks.", unhealthy);
	if (r == 0 && n_stopped > 0)
		r = service_event_say(c, l->cluster, l->service,
		    ") has stopped %zu running tasks:%s.", n_stopped, stopped);
	return r;
}

/* --- the service --- */

static int
write_judgement(struct call *c, struct look_args *l)
{
	const struct rolling_service *s = &l->view.rolling;
	int r = 0;

	if (s->became_stuck)
		r = service_event_complain(c, l->cluster, l->service,
		    ") was unable to stop or start tasks during a deployment because of the "
		    "service deployment configuration. Update the minimumHealthyPercent or "
		    "maximumPercent value and try again.");
	if (r == 0 && s->became_impaired)
		r = service_event_complain(c, l->cluster, l->service,
		    ") is unable to consistently start tasks successfully." SERVICE_EVENT_ADVICE);
	if (r == 0 && s->became_steady)
		r = service_event_say(c, l->cluster, l->service, ") has reached a steady state.");
	return r;
}

static int
write_memory(struct call *c, struct look_args *l)
{
	struct store_service *row = &l->view.row;
	_cleanup_free_ char *memory = service_view_memory(&l->view);

	if (!l->view.rolling.inactive && streq(memory, row->state != NULL ? row->state : ""))
		return 0;
	if (l->view.rolling.inactive) {
		(void)snprintf(row->status, sizeof(row->status), "INACTIVE");
		row->inactive_at_ms = c->now_ms;
		l->changed = true;
	}
	free(row->state);
	row->state = TAKE(memory);
	return store_service_put(c->store, row, &c->err);
}

static int
decide(struct call *c)
{
	struct look_args *l = c->args;
	int r = service_view_read(c, l->cluster, l->service, &l->view);

	if (r <= 0)
		return r;
	rolling(&l->view.rolling);
	r = write_tasks(c, l);
	if (r == 0)
		r = service_record_write(c, &l->view, &l->changed);
	if (r == 0)
		r = write_judgement(c, l);
	if (r == 0)
		r = write_memory(c, l);
	return r;
}

/* --- starting --- */

static char *
list_started(const struct task_service_launch *l)
{
	char *text = xstrdup("");

	for (size_t i = 0; i < l->n; i++) {
		_cleanup_free_ char *before = text;

		text = xasprintf("%s (task %s)", before, l->ids[i]);
	}
	return text;
}

/* Placement is tried again, later each time. */
static void
delay_launch(struct call *c, struct service_view *v)
{
	int64_t delay = PLACE_DELAY_MAX_MS;

	if (v->place_rounds < 4)
		delay = (int64_t)PLACE_DELAY_MS << v->place_rounds;
	v->place_rounds++;
	v->rolling.memory.next_start_ms = c->now_ms + delay;
	v->rolling.wake_at_ms = v->rolling.memory.next_start_ms;
}

static int
note_no_place(struct call *c, struct look_args *l, const char *why)
{
	delay_launch(c, &l->view);
	return service_event_complain(c, l->cluster, l->service,
	    ") was unable to place a task because no container instance met all of its "
	    "requirements. Reason: %s" SERVICE_EVENT_ADVICE,
	    why);
}

static int
launch(struct call *c)
{
	struct look_args *l = c->args;
	struct task_service_launch *t = &l->launch;
	_cleanup_free_ char *started = NULL;
	int r = task_service_launch(c, t);

	if (r < 0) {
		l->refused = c->err;
		return r;
	}
	started = list_started(t);
	if (t->n > 0)
		r = service_event_say(
		    c, l->cluster, l->service, ") has started %zu tasks:%s.", t->n, started);
	if (r == 0 && t->failure != NULL)
		r = note_no_place(c, l, t->failure);
	else if (t->n > 0)
		l->view.place_rounds = 0;
	l->changed = l->changed || t->n > 0;
	return r == 0 ? write_memory(c, l) : r;
}

static int
note_refusal(struct call *c)
{
	struct look_args *l = c->args;
	const char *why = l->refused.text;
	int r;

	if (has_prefix(why, "No Container Instances were found"))
		r = note_no_place(c, l, why);
	else {
		delay_launch(c, &l->view);
		r = service_event_complain(
		    c, l->cluster, l->service, ") was unable to place a task. Reason: %s", why);
	}
	return r == 0 ? write_memory(c, l) : r;
}

/* --- the look --- */

/* A DAEMON's tasks go where the rules say. */
static void
choose_instances(struct look_args *l)
{
	const struct service_view *v = &l->view;
	size_t n = 0;

	for (size_t i = 0; i < v->rolling.n_instances && n < l->launch.count; i++)
		if (v->rolling.instances[i].start)
			l->instances[n++] = v->instances[i];
	if (n > 0)
		l->launch.instances = l->instances;
}

static void
start_tasks(struct api *api, const struct scope *sc, struct look_args *l, size_t deployment,
    struct service_look *ret)
{
	struct service_view *v = &l->view;
	_cleanup_json_ struct json_object *deployed = NULL;
	const struct store_deployment *row = &v->deployments[deployment];
	size_t wanted = v->rolling.deployments[deployment].start;
	struct err e = { 0 };
	int r = json_parse(row->doc, strlen(row->doc), &deployed, &e);

	l->launch = (struct task_service_launch){
		.cluster = l->cluster,
		.service = l->service,
		.deployment = row->id,
		.settings = v->settings,
		.deployed = deployed,
		.count = wanted < TASK_SERVICE_LAUNCH_MAX ? wanted : TASK_SERVICE_LAUNCH_MAX,
		.there = v->places,
		.n_there = v->n_places,
	};
	choose_instances(l);
	if (r == 0)
		r = api_act(api, sc, PRINCIPAL, &launch_op, l, &e);
	if (r < 0 && l->refused.kind != ERR_NONE && l->refused.kind != ERR_SERVER)
		r = api_act(api, sc, PRINCIPAL, &note_refusal_op, l, &e);
	if (r < 0) {
		log_err("service", l->service, "cannot start tasks: %s", e.text);
		v->rolling.wake_at_ms = now_ms() + RETRY_MS;
	}
	ret->again = ret->again || (l->launch.n == TASK_SERVICE_LAUNCH_MAX && wanted > l->launch.n);
}

void
service_look(struct api *api, const struct scope *sc, const char *cluster, const char *service,
    struct service_look *ret)
{
	struct look_args l = { .cluster = cluster, .service = service };
	struct err e = { 0 };

	*ret = (struct service_look){ 0 };
	if (api_act(api, sc, PRINCIPAL, &decide_op, &l, &e) < 0) {
		log_err("service", service, "cannot be looked at: %s", e.text);
		ret->wake_at_ms = now_ms() + RETRY_MS;
	} else {
		for (size_t i = 0; i < l.view.rolling.n_deployments; i++)
			if (l.view.rolling.deployments[i].start > 0)
				start_tasks(api, sc, &l, i, ret);
		ret->wake_at_ms = l.view.rolling.wake_at_ms;
	}
	ret->changed = l.changed;
	service_view_done(&l.view);
}
