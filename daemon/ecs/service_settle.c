/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looks at a service's rows and tasks while a call about it is held. Called by api.c through the
 * table in service.c.
 */
#include "daemon/ecs/service_settle.h"

#include "daemon/ecs/service.h"

#include <string.h>

struct settle {
	const char *cluster;
	const char *service;
};

void
service_settle_begin(struct call *c, const char *cluster, const char *service)
{
	struct settle *s = arena_alloc(&c->arena, sizeof(*s));

	s->cluster = arena_strdup(&c->arena, cluster);
	s->service = arena_strdup(&c->arena, service);
	c->settle_arg = s;
}

struct looking {
	int64_t since_ms;
	bool found;
};

/* A failure of the deployment that is to be reached. */
static int
on_deployment(const struct store_deployment *d, void *arg)
{
	struct looking *x = arg;

	if (streq(d->status, "PRIMARY") &&
	    (d->failed_tasks > 0 || streq(d->rollout_state, "FAILED")))
		x->found = true;
	return x->found;
}

/* Newest first: what was there before the call ends the search. */
static int
on_event(const char *id, int64_t created_at_ms, const char *message, void *arg)
{
	struct looking *x = arg;

	(void)id;
	if (created_at_ms < x->since_ms)
		return 1;
	x->found = strstr(message, "unable to") != NULL;
	return x->found;
}

static bool
is_in_the_way(struct call *c, const struct settle *s)
{
	struct looking x = { .since_ms = c->now_ms };

	if (store_deployment_list(
		c->store, &c->scope, s->cluster, s->service, on_deployment, &x, &c->err) < 0)
		return true;
	if (!x.found && store_service_event_list(
			    c->store, &c->scope, s->cluster, s->service, on_event, &x, &c->err) < 0)
		return true;
	return x.found;
}

/* How many tasks are to run: the service's, or what its task sets come to. */
struct wanted {
	int64_t n;
};

static int
add_task_set(const struct store_deployment *d, void *arg)
{
	struct wanted *w = arg;

	if (d->task_set && !streq(d->status, "DRAINING"))
		w->n += d->desired_count;
	return 0;
}

/* A service that is gone, or cannot be read, will not settle any better. */
bool
service_settle_done(struct call *c)
{
	const struct settle *s = c->settle_arg;
	_cleanup_service_ struct store_service v = { 0 };
	struct task_numbers n = { 0 };
	struct wanted w = { 0 };

	if (store_service_get(c->store, &c->scope, s->cluster, s->service, &v, &c->err) <= 0 ||
	    !streq(v.status, "ACTIVE") ||
	    service_doc_count(c, s->cluster, s->service, NULL, &n) < 0)
		return true;
	w.n = v.desired_count;
	if (!streq(v.controller, "ECS")) {
		w.n = 0;
		if (store_deployment_list(
			c->store, &c->scope, s->cluster, s->service, add_task_set, &w, &c->err) < 0)
			return true;
	}
	return (n.running == w.n && n.pending == 0) || is_in_the_way(c, s);
}

int
service_settle_answer(struct call *c)
{
	const struct settle *s = c->settle_arg;

	return service_doc_reply(c, s->cluster, s->service);
}
