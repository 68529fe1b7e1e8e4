/* SPDX-License-Identifier: Apache-2.0 */
/*
 * StartTask: one task on each of the container instances that the caller names, with no placement
 * in between. The rest of its rules are RunTask's (task_plan.c), and so is its reply
 * (task_launch.c).
 */
#include "daemon/ecs/task.h"

#include "daemon/arn.h"
#include "daemon/ecs/container_instance_place.h"

#include <string.h>

/* What one task wants, and what the instances of this request hold; one can be named twice. */
struct targets {
	struct instance_use wanted;
	size_t n;
	struct {
		char id[ARN_ID_MAX];
		struct instance_use used;
	} v[RUN_TASK_COUNT_MAX];
};

static int
use_of(struct call *c, struct targets *t, const struct store_container_instance *i,
    struct instance_use **ret)
{
	for (size_t k = 0; k < t->n; k++)
		if (streq(t->v[k].id, i->id)) {
			*ret = &t->v[k].used;
			return 0;
		}
	memcpy(t->v[t->n].id, i->id, sizeof(i->id));
	*ret = &t->v[t->n++].used;
	return instance_use_read(c, i->cluster, i->id, *ret);
}

/* *ret_reason says why that instance can run no task, NULL where it can: then the task has its
 * place there. */
static int
take_place(struct call *c, struct targets *t, const struct store_container_instance *i,
    const char **ret_reason)
{
	_cleanup_json_ struct json_object *doc = NULL;
	struct instance_use *used = NULL;
	int r = container_instance_parse(c, i, &doc);

	if (r == 0)
		r = use_of(c, t, i, &used);
	if (r < 0)
		return r;
	*ret_reason = container_instance_lacks(c, i, doc, used, &t->wanted);
	if (*ret_reason == NULL)
		instance_use_add(used, &t->wanted);
	return 0;
}

/* Why an instance can run no task (StartTask.failures), NULL where it can: then its id is in
 * `ret_id`. */
static int
look_up(struct call *c, const char *cluster, const char *given, struct targets *t,
    char ret_id[static ARN_ID_MAX], const char **ret_reason)
{
	_cleanup_container_instance_ struct store_container_instance i = { 0 };
	int r = arn_resolve_container_instance(&c->scope, cluster, given, ret_id, &c->err);

	if (r == 1)
		r = store_container_instance_get(c->store, &c->scope, ret_id, &i, &c->err);
	if (r < 0)
		return r;
	*ret_reason = NULL;
	if (r == 0 || !streq(i.cluster, cluster))
		*ret_reason = "MISSING";
	else if (streq(i.status, "INACTIVE"))
		*ret_reason = "INACTIVE";
	return *ret_reason == NULL ? take_place(c, t, &i, ret_reason) : 0;
}

int
start_plan_instances(struct call *c, struct run_plan *p)
{
	struct targets *targets = arena_alloc(&c->arena, sizeof(*targets));
	const struct str_list *given = &p->in->instances;
	const char *cluster = p->cluster.name, *reason;
	char id[ARN_ID_MAX], arn[ARN_MAX];

	p->failures = json_object_new_array();
	task_sizes(p, &targets->wanted.cpu_units, &targets->wanted.memory_mib);
	instance_use_add_definition(&targets->wanted, &p->td);
	for (size_t i = 0; i < given->n; i++) {
		int r = look_up(c, cluster, given->v[i], targets, id, &reason);

		if (r < 0)
			return r;
		if (reason == NULL)
			p->instances[p->count++] = arena_strdup(&c->arena, id);
		else if (has_prefix(given->v[i], "arn:"))
			task_failure_add(p->failures, given->v[i], reason);
		else
			task_failure_add(p->failures,
			    arn_container_instance(arn, &c->scope, cluster, given->v[i]), reason);
	}
	return 0;
}

int
start_task(struct call *c)
{
	_cleanup_(run_plan_done) struct run_plan plan = { 0 };
	struct launch *result = arena_alloc(&c->arena, sizeof(*result));
	const struct run_task_in *in = c->args;
	int r;

	c->settle_arg = result;
	if (in->instances.n == 0)
		return err_set(
		    &c->err, ERR_INVALID_PARAMETER, "Container Instances cannot be empty.");
	if (in->instances.n > RUN_TASK_COUNT_MAX)
		return err_set(&c->err, ERR_INVALID_PARAMETER,
		    "Container Instances cannot have more than %d elements.", RUN_TASK_COUNT_MAX);
	r = start_plan_make(c, &plan);
	if (r == 0)
		r = task_launch(c, &plan, result);
	return r == 0 ? task_launch_answer(c) : r;
}
