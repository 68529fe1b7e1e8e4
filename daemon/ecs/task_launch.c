/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What follows from a plan: the rows of new tasks with their tags, and the reply, which waits until
 * they run or have ended. Called by RunTask and StartTask; it must not know what they refuse.
 */
#include "daemon/ecs/task.h"

#include "daemon/arn.h"
#include "daemon/ecs/task_service.h"
#include "daemon/store/tag.h"

#include <string.h>

static int tag_task(struct call *c, const struct run_plan *p, const char *arn);

int
task_launch(struct call *c, const struct run_plan *p, struct launch *result)
{
	char arn[ARN_MAX];
	int r = 0;

	result->cluster = arena_strdup(&c->arena, p->cluster.name);
	if (p->failures != NULL)
		result->failures = arena_strdup(&c->arena, json_print(p->failures));
	for (size_t i = 0; r == 0 && i < (size_t)p->count; i++) {
		struct store_task t = { 0 };

		r = task_doc_build(c, p, i, &t);
		if (r == 0)
			r = store_task_insert(c->store, &t, &c->err);
		if (r == 0)
			r = tag_task(c, p, arn_task(arn, &c->scope, t.cluster, t.id));
		if (r == 0) {
			call_wish(c, TASK_WISH_START, t.id);
			memcpy(result->ids[result->n++], t.id, sizeof(t.id));
		}
		store_task_done(&t);
	}
	return r;
}

struct tag_copy {
	struct call *c;
	const char *arn;
	size_t n;
	int r;
};

static int
copy_tag(const char *key, const char *value, void *arg)
{
	struct tag_copy *copy = arg;

	if (has_prefix(key, "aws:"))
		return 0;
	copy->n++;
	copy->r = tag_set_put(copy->c->store, copy->arn, key, value, &copy->c->err);
	return copy->r < 0;
}

static int
copy_tags(struct call *c, const char *from, const char *to)
{
	struct tag_copy copy = { .c = c, .arn = to };
	int r = store_tag_list(c->store, from, copy_tag, &copy, &c->err);

	return r < 0 ? r : copy.r;
}

/* Tags of the request win over those of the task definition (RunTask.propagateTags). */
static int
tag_task(struct call *c, const struct run_plan *p, const char *arn)
{
	const struct run_task_in *in = p->in;
	char from[ARN_MAX];
	int r = 0;

	if (in->propagate_tags == PROPAGATE_TASK_DEFINITION)
		r = copy_tags(
		    c, arn_task_definition(from, &c->scope, p->row.family, p->row.revision), arn);
	else if (in->propagate_tags == PROPAGATE_SERVICE && p->service != NULL)
		r = copy_tags(
		    c, arn_service(from, &c->scope, p->cluster.name, p->service->service), arn);
	if (r == 0 && in->tags.n > 0)
		r = tag_set_add(c->store, arn, &in->tags, &c->err);
	if (r == 0 && in->enable_managed_tags == TRI_TRUE)
		r = tag_set_put(c->store, arn, "aws:ecs:clusterName", p->cluster.name, &c->err);
	if (r == 0 && in->enable_managed_tags == TRI_TRUE && p->service != NULL)
		r = tag_set_put(c->store, arn,
		    arn_is_of_daemon(p->service->service) ? "aws:ecs:daemonName"
							  : "aws:ecs:serviceName",
		    arn_client_name(p->service->service), &c->err);
	return r;
}

/* --- the reply --- */

bool
task_launch_settled(struct call *c)
{
	const struct launch *result = c->settle_arg;
	bool settled = true;

	for (size_t i = 0; settled && i < result->n; i++) {
		struct store_task t = { 0 };

		/* A task that is gone, or cannot be read, will not settle any better. */
		if (store_task_get(c->store, result->ids[i], &t, NULL) == 1)
			settled = t.last_status == TASK_RUNNING || t.last_status == TASK_STOPPED;
		store_task_done(&t);
	}
	return settled;
}

int
task_launch_answer(struct call *c)
{
	const struct launch *result = c->settle_arg;
	struct json_object *tasks = json_object_new_array(), *failures = NULL;
	char arn[ARN_MAX];
	int r = 0;

	json_add(c->out, "tasks", tasks);
	if (result->failures != NULL)
		r = json_parse(result->failures, strlen(result->failures), &failures, &c->err);
	else
		failures = json_object_new_array();
	json_add(c->out, "failures", failures);
	for (size_t i = 0; r >= 0 && i < result->n; i++) {
		char *doc = NULL;

		(void)arn_task(arn, &c->scope, result->cluster, result->ids[i]);
		r = store_task_doc(
		    c->store, &c->scope, result->cluster, result->ids[i], &doc, &c->err);
		if (r == 1)
			r = task_doc_add(c, tasks, doc, arn);
		else if (r == 0) /* a clientToken can outlive what it stood for */
			task_failure_add(failures, arn, "MISSING");
	}
	return r < 0 ? r : 0;
}

void
task_failure_add(struct json_object *failures, const char *arn, const char *reason)
{
	struct json_object *failure = json_object_new_object();

	json_add_str(failure, "arn", arn);
	json_add_str(failure, "reason", reason);
	json_object_array_add(failures, failure);
}
