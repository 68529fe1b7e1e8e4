/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Launch type or capacity provider strategy, and which provider each task of a RunTask goes to:
 * base first, then by weight. Called by task_plan.c; it must not know what a provider can still
 * take.
 */
#include "daemon/ecs/task.h"

#include "daemon/config.h"
#include "daemon/ecs/capacity_provider_ref.h"
#include "daemon/ecs/task_service.h"

#include <string.h>

static bool
is_associated(struct json_object *cluster_doc, const char *provider)
{
	struct json_object *list = json_get(cluster_doc, "capacityProviders");

	for (size_t i = 0; list != NULL && i < json_object_array_length(list); i++)
		if (streq(json_object_get_string(json_object_array_get_idx(list, i)), provider))
			return true;
	return false;
}

/* CapacityProviderStrategyItem's rules. Items that give an ARN get the name instead. */
static int
check_strategy(struct call *c, const struct store_cluster *cluster, struct json_object *cluster_doc,
    const struct strategy *s)
{
	enum capacity_provider_kind kind, first = PROVIDER_NONE;
	int64_t weights = 0;
	size_t n_bases = 0;

	for (size_t i = 0; i < s->n; i++) {
		struct strategy_item *item = &s->v[i];
		int r = capacity_provider_find(
		    c, cluster->name, item->capacity_provider, &item->capacity_provider, &kind);

		if (r < 0)
			return r;
		if (first != PROVIDER_NONE && kind != first)
			return err_set(&c->err, ERR_INVALID_PARAMETER,
			    "The specified capacity provider strategy cannot contain a mix of "
			    "capacity providers using Auto Scaling groups and Fargate providers.");
		first = kind;
		n_bases += item->base.v > 0;
		weights += item->weight.v;
		/* Outside strict mode the Fargate providers belong to every cluster. */
		if (!is_associated(cluster_doc, item->capacity_provider) &&
		    (kind != PROVIDER_FARGATE || c->config->strict))
			return err_set(&c->err, ERR_INVALID_PARAMETER,
			    "The specified capacity provider strategy cannot contain a capacity "
			    "provider that is not associated with the cluster. Associate the "
			    "capacity provider with the cluster and try again.");
	}
	if (n_bases > 1)
		return err_set(&c->err, ERR_INVALID_PARAMETER,
		    "Only one capacity provider in a capacity provider strategy can have a base "
		    "defined.");
	if (s->n > 1 && weights == 0)
		return err_set(&c->err, ERR_INVALID_PARAMETER,
		    "At least one capacity provider in a capacity provider strategy must have a "
		    "weight greater than 0.");
	return 0;
}

/* The item that the next task goes to, after `placed` tasks of each: the one with base to fill,
 * else the one that is furthest behind its weight. */
static size_t
next_item(const struct strategy *s, const int64_t *placed)
{
	size_t best = 0;

	for (size_t i = 0; i < s->n; i++)
		if (placed[i] < s->v[i].base.v)
			return i;
	for (size_t i = 1; i < s->n; i++) {
		int64_t mine = (placed[i] - s->v[i].base.v) * s->v[best].weight.v;
		int64_t its = (placed[best] - s->v[best].base.v) * s->v[i].weight.v;

		if (s->v[i].weight.v > 0 && (s->v[best].weight.v == 0 || mine < its))
			best = i;
	}
	return best;
}

/* The tasks that a service has already, item by item. */
static void
count_there(const struct task_service_launch *l, const struct strategy *s, int64_t *placed)
{
	for (size_t t = 0; l != NULL && t < l->n_there; t++)
		for (size_t i = 0; i < s->n; i++)
			placed[i] += streq(l->there[t].provider, s->v[i].capacity_provider);
}

static void
distribute(struct call *c, struct run_plan *p, const struct strategy *s)
{
	int64_t *placed = arena_alloc(&c->arena, s->n * sizeof(*placed));

	count_there(p->service, s, placed);
	for (int64_t t = 0; t < p->count; t++) {
		size_t i = next_item(s, placed);

		placed[i]++;
		p->providers[t] = arena_strdup(&c->arena, s->v[i].capacity_provider);
	}
}

/* defaultCapacityProviderStrategy of the cluster, as it is stored. */
static struct strategy
default_strategy(struct call *c, struct json_object *cluster_doc)
{
	struct json_object *list = json_get(cluster_doc, "defaultCapacityProviderStrategy");
	struct strategy s = { 0 };

	if (list == NULL || json_object_array_length(list) == 0)
		return s;
	s.v = arena_alloc(&c->arena, json_object_array_length(list) * sizeof(*s.v));
	for (; s.n < json_object_array_length(list); s.n++) {
		struct json_object *o = json_object_array_get_idx(list, s.n);

		s.v[s.n].capacity_provider = json_get_str(o, "capacityProvider");
		s.v[s.n].weight.v = json_get_int(o, "weight", 0);
		s.v[s.n].base.v = json_get_int(o, "base", 0);
	}
	return s;
}

int
run_plan_capacity(struct call *c, struct run_plan *p)
{
	_cleanup_json_ struct json_object *doc = NULL;
	struct strategy strategy = p->in->strategy;
	int r;

	p->launch =
	    p->in->launch_type != LAUNCH_UNSET ? (enum launch_type)p->in->launch_type : LAUNCH_EC2;
	if (p->in->launch_type != LAUNCH_UNSET)
		return 0;
	r = json_parse(p->cluster.doc, strlen(p->cluster.doc), &doc, &c->err);
	if (r < 0)
		return r;
	if (strategy.n == 0)
		strategy = default_strategy(c, doc);
	if (strategy.n == 0)
		return 0;
	r = check_strategy(c, &p->cluster, doc, &strategy);
	if (r < 0)
		return r;
	distribute(c, p, &strategy);
	p->launch = capacity_provider_is_fargate(p->providers[0]) ? LAUNCH_FARGATE : LAUNCH_EC2;
	return 0;
}
