/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finds the tasks first and stops each in a transaction of its own. It must not know who asked.
 */
#include "daemon/reconcile/spot.h"

#include "daemon/events.h"

#include <string.h>

struct victim {
	struct scope scope;
	char id[33];
};

struct search {
	const char *cluster;
	const char *task;
	size_t n;
	struct victim *v;
};

static int
collect(const struct store_task *t, void *arg)
{
	struct search *s = arg;

	if (t->desired_stopped || t->provider == NULL || !streq(t->provider, "FARGATE_SPOT") ||
	    (s->cluster != NULL && !streq(t->cluster, s->cluster)) ||
	    (s->task != NULL && !streq(t->id, s->task)))
		return 0;
	/* Doubles at every power of two. */
	if ((s->n & (s->n - 1)) == 0)
		s->v = xrealloc(s->v, s->n > 0 ? 2 * s->n : 1, sizeof(*s->v));
	s->v[s->n].scope = t->scope;
	memcpy(s->v[s->n++].id, t->id, sizeof(t->id));
	return 0;
}

static void
task_done(struct store_task *t)
{
	store_task_done(t);
}

static int
interrupt(struct call *c)
{
	_cleanup_(task_done) struct store_task t = { 0 };
	const struct victim *v = c->args;
	int r = store_task_get(c->store, v->id, &t, &c->err);

	if (r > 0)
		r = events_stop(
		    c->store, &t, "SpotInterruption", "Your Spot Task was interrupted.", &c->err);
	if (r > 0)
		call_wish(c, TASK_WISH_STOP, t.id);
	if (r > 0 && t.service != NULL)
		call_wish_service(c, t.cluster, t.service);
	return r < 0 ? r : 0;
}

int
spot_interrupt(struct api *api, struct store *store, const char *cluster, const char *task,
    int64_t *ret, struct err *e)
{
	static const struct op op = {
		.name = "spot-interruption", .run = interrupt, .flags = OP_WRITE
	};
	struct search s = { .cluster = cluster, .task = task };
	int r = store_task_unfinished(store, collect, &s, e);

	for (size_t i = 0; r == 0 && i < s.n; i++)
		r = api_act(api, &s.v[i].scope, "ecs.amazonaws.com", &op, &s.v[i], e);
	free(s.v);
	if (r == 0)
		*ret = (int64_t)s.n;
	return r;
}
