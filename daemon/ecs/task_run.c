/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RunTask and its idempotency. Its input is in task_input.c, what may be refused in task_plan.c;
 * the rows it makes and its reply, which it shares with StartTask, are in task_launch.c.
 */
#include "daemon/ecs/task.h"

#include "daemon/arn.h"
#include "daemon/ecs/client_token_ref.h"

#include <stdio.h>
#include <string.h>

static int replay(struct call *c, const struct run_task_in *in, struct launch *result);
static int remember(struct call *c, const struct run_task_in *in, const struct launch *result);

int
run_task(struct call *c)
{
	_cleanup_(run_plan_done) struct run_plan plan = { 0 };
	struct launch *result = arena_alloc(&c->arena, sizeof(*result));
	const struct run_task_in *in = c->args;
	int r;

	c->settle_arg = result;
	r = replay(c, in, result);
	if (r != 0)
		return r < 0 ? r : task_launch_answer(c);
	r = run_plan_make(c, &plan);
	if (r == 0)
		r = task_launch(c, &plan, result);
	if (r == 0)
		r = remember(c, in, result);
	return r == 0 ? task_launch_answer(c) : r;
}

/* --- clientToken: the same token with the same parameters means the same tasks --- */

/* Takes "cluster id id …" apart. */
static void
read_result(struct call *c, const char *text, struct launch *result)
{
	char *copy = arena_strdup(&c->arena, text), *save = NULL;

	result->cluster = strtok_r(copy, " ", &save);
	for (char *id; result->n < RUN_TASK_COUNT_MAX && (id = strtok_r(NULL, " ", &save)) != NULL;)
		(void)snprintf(result->ids[result->n++], sizeof(result->ids[0]), "%s", id);
}

/* 1 if this token was used for the same request: `result` is what it made then. 0 if it is new or
 * there is none. */
static int
replay(struct call *c, const struct run_task_in *in, struct launch *result)
{
	_cleanup_free_ char *old = NULL;
	enum client_token_use use;
	struct json_object *arns;
	char arn[ARN_MAX];
	int r = client_token_find(c, in->client_token, &use, &old);

	if (r < 0 || use == CLIENT_TOKEN_FRESH)
		return r;
	read_result(c, old, result);
	if (use == CLIENT_TOKEN_SAME)
		return 1;
	arns = json_object_new_array();
	for (size_t i = 0; i < result->n; i++)
		json_object_array_add(arns, json_object_new_string(arn_task(
						arn, &c->scope, result->cluster, result->ids[i])));
	c->err_members = json_object_new_object();
	json_add(c->err_members, "resourceIds", arns);
	return err_set(&c->err, ERR_CONFLICT,
	    "The provided clientToken is already in use with a different RunTask request.");
}

static int
remember(struct call *c, const struct run_task_in *in, const struct launch *result)
{
	char text[ARN_NAME_MAX + RUN_TASK_COUNT_MAX * 34];
	size_t len = (size_t)snprintf(text, sizeof(text), "%s", result->cluster);

	for (size_t i = 0; i < result->n; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, " %s", result->ids[i]);
	return client_token_keep(c, in->client_token, text);
}
