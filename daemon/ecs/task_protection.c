/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GetTaskProtection and UpdateTaskProtection (lifecycle.md section 11): the wish is written down
 * here and read by whoever scales services in. Also what containers reach through their agent API.
 */
#include "daemon/ecs/task.h"

#include "daemon/arn.h"
#include "daemon/ecs/cluster_ref.h"
#include "daemon/ecs/operations.h"
#include "daemon/store/task_protection.h"

#define DEFAULT_MINUTES 120
#define MINUTE_MS (60 * 1000)

struct task_protection_in {
	const char *cluster;
	struct str_list tasks;
	enum tri enabled;
	struct opt_int minutes;
};

static const struct schema_field get_fields[] = {
	F_STR(struct task_protection_in, cluster, "cluster", .flags = SCHEMA_REQUIRED),
	F_STRS(struct task_protection_in, tasks, "tasks", .max_len = 100),
};
static const struct schema get_schema =
    SCHEMA(struct task_protection_in, get_fields, "GetTaskProtectionRequest");

static const struct schema_field update_fields[] = {
	F_STR(struct task_protection_in, cluster, "cluster", .flags = SCHEMA_REQUIRED),
	F_STRS(struct task_protection_in, tasks, "tasks", .flags = SCHEMA_REQUIRED, .max_len = 10),
	F_BOOL(struct task_protection_in, enabled, "protectionEnabled", .flags = SCHEMA_REQUIRED),
	F_INT(struct task_protection_in, minutes, "expiresInMinutes", .min = 1, .max = 2 * 24 * 60),
};
static const struct schema update_schema =
    SCHEMA(struct task_protection_in, update_fields, "UpdateTaskProtectionRequest");

static int get_task_protection(struct call *c);
static int update_task_protection(struct call *c);

/* clang-format off */
static const struct op ops[] = {
	{ .name = "GetTaskProtection",    .run = get_task_protection,    .input = &get_schema },
	{ .name = "UpdateTaskProtection", .run = update_task_protection, .input = &update_schema, .flags = OP_WRITE },
};
/* clang-format on */
const struct op_table ecs_task_protection_ops = { ops, ARRAY_SIZE(ops) };

static void
task_done(struct store_task *t)
{
	store_task_done(t);
}

/* Why a task has no protection to speak of; NULL where it can have one: a task of a service that
 * nobody has told to stop. */
static int
look_up(struct call *c, const char *cluster, const char *given, char ret_id[static ARN_ID_MAX],
    const char **ret_reason)
{
	_cleanup_(task_done) struct store_task t = { 0 };
	int r = arn_resolve_task(&c->scope, cluster, given, ret_id, &c->err);

	if (r == 1)
		r = store_task_get(c->store, ret_id, &t, &c->err);
	if (r < 0)
		return r;
	*ret_reason = NULL;
	if (r == 0 || !streq(t.cluster, cluster) || !streq(t.scope.account, c->scope.account) ||
	    !streq(t.scope.region, c->scope.region))
		*ret_reason = "MISSING";
	else if (t.service == NULL || t.desired_stopped || t.last_status == TASK_STOPPED)
		*ret_reason = "TASK_NOT_VALID";
	return 0;
}

static int
change(struct call *c, const struct task_protection_in *in, const char *id)
{
	int64_t minutes = in->minutes.set ? in->minutes.v : DEFAULT_MINUTES;

	if (in->enabled == TRI_UNSET)
		return 0;
	if (in->enabled == TRI_FALSE)
		return store_task_protection_delete(c->store, id, &c->err);
	return store_task_protection_put(c->store, id, c->now_ms + minutes * MINUTE_MS, &c->err);
}

static int
add_protection(struct call *c, const char *cluster, const char *id, struct json_object *list)
{
	struct json_object *o;
	int64_t until = 0;
	char arn[ARN_MAX];
	int r = store_task_protection_get(c->store, id, c->now_ms, &until, &c->err);

	if (r < 0)
		return r;
	o = json_object_new_object();
	json_add_str(o, "taskArn", arn_task(arn, &c->scope, cluster, id));
	json_add_bool(o, "protectionEnabled", r == 1);
	json_add_time(o, "expirationDate", until);
	json_object_array_add(list, o);
	return 0;
}

static int
each_task(struct call *c)
{
	const struct task_protection_in *in = c->args;
	struct json_object *tasks = json_object_new_array(), *failures = json_object_new_array();
	char cluster[ARN_NAME_MAX], id[ARN_ID_MAX], arn[ARN_MAX];
	int r;

	json_add(c->out, "protectedTasks", tasks);
	json_add(c->out, "failures", failures);
	r = cluster_ref_resolve_name(c, in->cluster, cluster);
	if (r == 0 && in->tasks.n == 0)
		r = err_set(&c->err, ERR_INVALID_PARAMETER, "Tasks cannot be empty.");
	for (size_t i = 0; r == 0 && i < in->tasks.n; i++) {
		const char *given = in->tasks.v[i], *reason = NULL;

		r = look_up(c, cluster, given, id, &reason);
		if (r == 0 && reason != NULL) {
			task_failure_add(failures,
			    has_prefix(given, "arn:") ? given
						      : arn_task(arn, &c->scope, cluster, given),
			    reason);
			continue;
		}
		if (r == 0)
			r = change(c, in, id);
		if (r == 0)
			r = add_protection(c, cluster, id, tasks);
	}
	return r;
}

static int
get_task_protection(struct call *c)
{
	return each_task(c);
}

static int
update_task_protection(struct call *c)
{
	return each_task(c);
}
