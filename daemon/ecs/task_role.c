/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The roles of a task that is to be run: in strict mode they have to exist and to trust ECS, as
 * RunTask and StartTask find out on AWS. Called by task_plan.c.
 */
#include "daemon/config.h"
#include "daemon/ecs/task.h"
#include "daemon/services/sts_issue.h"

#define ECS_TASKS "ecs-tasks.amazonaws.com"

static int
check_role(struct call *c, const char *role)
{
	char arn[STORE_PRINCIPAL_MAX];
	struct role_ref ref;
	int r;

	if (role == NULL || role[0] == '\0')
		return 0;
	r = role_ref_resolve(role, c->scope.account, c->scope.region, &ref, arn);
	if (r == 0)
		r = sts_trusts(c->store, &ref, ECS_TASKS, NULL, NULL, &c->err);
	else
		r = 0;
	if (r != 0)
		return r < 0 ? r : 0;
	return err_set(&c->err, ERR_CLIENT,
	    "ECS was unable to assume the role '%.512s' that was provided for this task. Please "
	    "verify that the role being passed has the proper trust relationship and permissions "
	    "and "
	    "that your IAM user has permissions to pass this role.",
	    role);
}

int
run_plan_roles(struct call *c, struct run_plan *p)
{
	const struct task_override *o = p->in->overrides;
	int r;

	if (config_kind(c->config, KIND_ROLE_STRING))
		return 0;
	r = check_role(
	    c, o != NULL && o->task_role_arn != NULL ? o->task_role_arn : p->td.task_role_arn);
	if (r < 0)
		return r;
	return check_role(c, o != NULL && o->execution_role_arn != NULL ? o->execution_role_arn
									: p->td.execution_role_arn);
}
