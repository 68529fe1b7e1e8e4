/* SPDX-License-Identifier: Apache-2.0 */
/*
 * StartTask: one task on each of the container instances that the caller names, with no placement
 * in between. The rest of its rules are RunTask's (task_plan.c), and so is its reply
 * (task_launch.c).
 */
#include "daemon/ecs/task.h"

#include "daemon/arn.h"
#include "daemon/store/container_instance.h"

#include <string.h>

static void
instance_done(struct store_container_instance *i)
{
	store_container_instance_done(i);
}

/* Why an instance can run no task (StartTask.failures), NULL where it can: then its id is in
 * `ret_id`. */
static int
look_up(struct call *c, const char *cluster, const char *given, char ret_id[static ARN_ID_MAX],
    const char **ret_reason)
{
	_cleanup_(instance_done) struct store_container_instance i = { 0 };
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
	return 0;
}

int
start_plan_instances(struct call *c, struct run_plan *p)
{
	const struct str_list *given = &p->in->instances;
	const char *cluster = p->cluster.name, *reason;
	char id[ARN_ID_MAX], arn[ARN_MAX];

	p->failures = json_object_new_array();
	for (size_t i = 0; i < given->n; i++) {
		int r = look_up(c, cluster, given->v[i], id, &reason);

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
