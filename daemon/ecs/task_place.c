/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where tasks go: ACTIVE instances with room for them that their constraints allow, in the order of
 * task_strategy.c; in a cluster without instances this machine is registered as one, or as several.
 * Called by task_plan.c; what an instance has and holds is for container_instance_place.c.
 */
#include "daemon/ecs/task.h"

#include "daemon/arn.h"
#include "daemon/config.h"
#include "daemon/ecs/task_service.h"
#include "daemon/ecs/task_strategy.h"

#include <string.h>

struct placing {
	struct call *c;
	const struct run_plan *plan;
	struct instance_use wanted;
	bool distinct;
	size_t n_filters;
	struct cql **filters;
	size_t n;
	size_t n_seen; /* with those that are not ACTIVE */
	bool only_synthetic;
	struct candidate *v;
};

static void
placing_done(struct placing *l)
{
	for (size_t i = 0; i < l->n_filters; i++)
		cql_done(l->filters[i]);
	for (size_t i = 0; i < l->n; i++) {
		store_container_instance_done(&l->v[i].row);
		json_object_put(l->v[i].doc);
		free(l->v[i].used);
	}
	free(l->v);
}

/* --- the candidates --- */

static int
add_candidate(const struct store_container_instance *row, void *arg)
{
	struct placing *l = arg;
	struct candidate *v;

	if (streq(row->status, "INACTIVE"))
		return 0;
	l->n_seen++;
	l->only_synthetic = l->only_synthetic && row->synthetic;
	if (!streq(row->status, "ACTIVE"))
		return 0;
	/* Doubles at every power of two. */
	if ((l->n & (l->n - 1)) == 0)
		l->v = xrealloc(l->v, l->n > 0 ? 2 * l->n : 1, sizeof(*l->v));
	v = &l->v[l->n++];
	*v = (struct candidate){ .row = *row };
	v->row.doc = xstrdup(row->doc != NULL ? row->doc : "{}");
	return 0;
}

/* Whoever has instances of his own, if only DRAINING ones, looks after them himself. */
static int
register_machine(struct placing *l)
{
	const char *cluster = l->plan->cluster.name;
	struct call *c = l->c;
	int r = 0;

	if (!config_kind(c->config, KIND_SYNTHETIC_INSTANCE) || !l->only_synthetic)
		return 0;
	while (r == 0 && l->n_seen < (size_t)c->config->synthetic_instances) {
		_cleanup_container_instance_ struct store_container_instance made = { 0 };

		container_instance_make_synthetic(c, cluster, (int)l->n_seen, &made);
		r = store_container_instance_put(c->store, &c->scope, &made, &c->err);
		if (r == 0)
			r = add_candidate(&made, l);
	}
	return r;
}

/* Tasks that this one wants to be far from, or near to. */
static int
count_group(struct placing *l, struct candidate *v)
{
	const struct task_service_launch *service = l->plan->service;
	const char *group = l->plan->group;

	for (size_t i = 0; service != NULL && i < service->n_there; i++)
		v->n_group += streq(service->there[i].instance, v->row.id);
	v->taken = v->n_group > 0;
	if (service != NULL || l->plan->in->placement_strategy.n == 0)
		return 0;
	return store_task_count_group(
	    l->c->store, &l->c->scope, v->row.cluster, v->row.id, group, &v->n_group, &l->c->err);
}

/* What a candidate holds is read only where somebody asks: the one instance that takes everything
 * is what most clusters have. */
static int
read_candidate(struct placing *l, struct candidate *v)
{
	int r = container_instance_parse(l->c, &v->row, &v->doc);

	v->takes_all = container_instance_takes_all(l->c, &v->row);
	v->used = xcalloc(1, sizeof(*v->used));
	if (r == 0 && (l->n > 1 || !v->takes_all))
		r = instance_use_read(l->c, v->row.cluster, v->row.id, v->used);
	v->n_tasks = v->used->running + v->used->pending;
	return r == 0 ? count_group(l, v) : r;
}

static int
find_candidates(struct placing *l)
{
	struct call *c = l->c;
	int r;

	r = store_container_instance_list(
	    c->store, &c->scope, l->plan->cluster.name, NULL, -1, add_candidate, l, &c->err);
	if (r == 0)
		r = register_machine(l);
	if (r == 0 && l->n == 0)
		return err_set(&c->err, ERR_INVALID_PARAMETER,
		    "No Container Instances were found in your %s.",
		    l->plan->providers[0] != NULL ? "capacity provider" : "cluster");
	for (size_t i = 0; r == 0 && i < l->n; i++)
		r = read_candidate(l, &l->v[i]);
	return r;
}

/* --- the constraints, of the definition and of the request --- */

static int
add_filter(struct placing *l, const char *expression)
{
	int r = cql_parse(
	    expression, &l->c->arena, ERR_INVALID_PARAMETER, &l->filters[l->n_filters], &l->c->err);

	l->n_filters += r == 0;
	return r;
}

static int
read_constraints(struct placing *l)
{
	const struct run_task_in *in = l->plan->in;
	const struct task_def *td = &l->plan->td;
	size_t n = td->placement_constraints.n + in->placement_constraints.n;
	int r = 0;

	l->filters = arena_alloc(&l->c->arena, (n + 1) * sizeof(struct cql *));
	for (size_t i = 0; r == 0 && i < td->placement_constraints.n; i++)
		r = add_filter(l, td->placement_constraints.v[i].expression);
	for (size_t i = 0; r == 0 && i < in->placement_constraints.n; i++) {
		const struct placement_constraint *k = &in->placement_constraints.v[i];

		if (k->type == CONSTRAINT_DISTINCT_INSTANCE)
			l->distinct = true;
		else
			r = add_filter(l, k->expression);
	}
	return r;
}

/* --- the places --- */

/* Why a candidate cannot take one more of these tasks, NULL where it can. */
static const char *
refusal(struct placing *l, const struct candidate *v)
{
	if (v->takes_all)
		return NULL;
	if (l->distinct && v->taken)
		return "DistinctInstance placement constraint unsatisfied.";
	for (size_t i = 0; i < l->n_filters; i++)
		if (!container_instance_matches(l->c, l->filters[i], &v->row, v->doc))
			return "MemberOf placement constraint unsatisfied.";
	return container_instance_lacks(l->c, &v->row, v->doc, v->used, &l->wanted);
}

static struct candidate *
choose(struct placing *l)
{
	const struct run_task_in *in = l->plan->in;

	for (size_t i = 0; i < l->n; i++)
		l->v[i].reason = refusal(l, &l->v[i]);
	return task_strategy_choose(l->v, l->n, in->placement_strategy.v, in->placement_strategy.n);
}

/* A DAEMON's instances are chosen already; one that has filled up takes none. */
static struct candidate *
find_chosen(struct placing *l, const char *id)
{
	for (size_t i = 0; i < l->n; i++) {
		struct candidate *v = &l->v[i];

		if (!streq(v->row.id, id))
			continue;
		v->reason = refusal(l, v);
		return v->reason == NULL ? v : NULL;
	}
	return NULL;
}

/* ECS names each instance that it has looked at, and why it would not do. */
static void
add_failures(struct placing *l, struct run_plan *p)
{
	char arn[ARN_MAX];

	if (p->failures == NULL)
		p->failures = json_object_new_array();
	for (size_t i = 0; i < l->n; i++)
		if (l->v[i].reason != NULL)
			task_failure_add(p->failures,
			    arn_container_instance(
				arn, &l->c->scope, l->v[i].row.cluster, l->v[i].row.id),
			    l->v[i].reason);
}

static void
take_place(struct placing *l, struct run_plan *p, int64_t at, struct candidate *v)
{
	p->instances[at] = arena_strdup(&l->c->arena, v->row.id);
	p->zones[at] = candidate_attribute(v, "ecs.availability-zone");
	if (p->zones[at] != NULL)
		p->zones[at] = arena_strdup(&l->c->arena, p->zones[at]);
	instance_use_add(v->used, &l->wanted);
	v->n_tasks++;
	v->n_group++;
	v->taken = true;
}

static void
place_tasks(struct placing *l, struct run_plan *p)
{
	const char *const *chosen = p->service != NULL ? p->service->instances : NULL;
	int64_t n = 0;

	for (int64_t i = 0; i < p->count; i++) {
		struct candidate *v = chosen != NULL ? find_chosen(l, chosen[i]) : choose(l);

		if (v != NULL) {
			take_place(l, p, n++, v);
			continue;
		}
		add_failures(l, p);
		if (chosen == NULL)
			break;
	}
	p->count = n;
}

int
run_plan_place(struct call *c, struct run_plan *p)
{
	_cleanup_(placing_done) struct placing l = { .c = c, .plan = p, .only_synthetic = true };
	int r;

	if (p->launch == LAUNCH_FARGATE)
		return 0;
	task_sizes(p, &l.wanted.cpu_units, &l.wanted.memory_mib);
	instance_use_add_definition(&l.wanted, &p->td);
	r = read_constraints(&l);
	if (r == 0)
		r = find_candidates(&l);
	if (r == 0)
		place_tasks(&l, p);
	return r;
}

/* A daemon's instances are those of its capacity providers; this machine stands in for those of
 * every provider. */
static bool
is_of_provider(const struct run_plan *p, const struct candidate *v)
{
	const char *provider = json_get_str(v->doc, "capacityProviderName");

	if (p->service == NULL || !arn_is_of_daemon(p->service->service) || v->row.synthetic)
		return true;
	for (size_t i = 0; i < p->in->strategy.n; i++)
		if (streq(p->in->strategy.v[i].capacity_provider, provider))
			return true;
	return false;
}

int
run_plan_eligible(
    struct call *c, struct run_plan *p, void (*fn)(const char *instance, void *arg), void *arg)
{
	_cleanup_(placing_done) struct placing l = { .c = c, .plan = p, .only_synthetic = true };
	int r = read_constraints(&l);

	if (r == 0)
		r = find_candidates(&l);
	for (size_t i = 0; r == 0 && i < l.n; i++) {
		const struct candidate *v = &l.v[i];
		bool fits = is_of_provider(p, v) &&
			    (v->takes_all || json_get_bool(v->doc, "agentConnected", false));

		for (size_t k = 0; fits && !v->takes_all && k < l.n_filters; k++)
			fits = container_instance_matches(c, l.filters[k], &v->row, v->doc);
		if (fits)
			fn(v->row.id, arg);
	}
	return r;
}
