/* SPDX-License-Identifier: Apache-2.0 */
/*
 * StopTask: writes the wish down and leaves the rest to the task's runner. Answers at once, as ECS
 * does: the task in the reply is desired STOPPED and still in its old lastStatus.
 */
#include "daemon/ecs/task.h"

#include "daemon/arn.h"
#include "daemon/ecs/cluster_ref.h"
#include "daemon/events.h"

#include <string.h>

struct stop_task_in {
	const char *cluster;
	const char *task;
	const char *reason;
};

/* clang-format off */
static const struct schema_field stop_task_fields[] = {
	F_STR(struct stop_task_in, cluster, "cluster"),
	F_STR(struct stop_task_in, task, "task", .flags = SCHEMA_REQUIRED),
	F_STR(struct stop_task_in, reason, "reason", .max_len = 255),
};
const struct schema stop_task_schema = SCHEMA(struct stop_task_in, stop_task_fields, "StopTaskRequest");
/* clang-format on */

static void
task_done(struct store_task *t)
{
	store_task_done(t);
}

static bool
is_here(const struct call *c, const struct store_task *t, const char *cluster)
{
	return streq(t->cluster, cluster) && streq(t->scope.account, c->scope.account) &&
	       streq(t->scope.region, c->scope.region);
}

int
stop_task(struct call *c)
{
	const struct stop_task_in *in = c->args;
	_cleanup_(task_done) struct store_task t = { 0 };
	_cleanup_json_ struct json_object *one = json_object_new_array();
	const char *reason =
	    in->reason != NULL && in->reason[0] != '\0' ? in->reason : "Task stopped by user";
	char cluster[ARN_NAME_MAX], id[ARN_ID_MAX], arn[ARN_MAX];
	int r;

	r = cluster_ref_resolve_name(c, in->cluster, cluster);
	if (r < 0)
		return r;
	r = arn_resolve_task(&c->scope, cluster, in->task, id, &c->err);
	if (r == 1)
		r = store_task_get(c->store, id, &t, &c->err);
	if (r < 0)
		return r;
	if (r == 0 || !is_here(c, &t, cluster))
		return err_set(
		    &c->err, ERR_INVALID_PARAMETER, "The referenced task was not found.");
	r = events_stop(c->store, &t, "UserInitiated", reason, &c->err);
	if (r < 0)
		return r;
	if (r == 1)
		call_wish(c, TASK_WISH_STOP, t.id);
	r = task_doc_add(c, one, TAKE(t.doc), arn_task(arn, &c->scope, cluster, t.id));
	if (r == 0)
		json_add(c->out, "task", json_object_get(json_object_array_get_idx(one, 0)));
	return r;
}
