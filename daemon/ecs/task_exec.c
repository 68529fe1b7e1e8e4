/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ExecuteCommand (exec.md section 1): everything that it can refuse. What comes after - a session
 * with an agent in the container - is not to be had yet, and it says so as ECS does of a container
 * whose agent has no connection.
 */
#include "daemon/ecs/task.h"

#include "daemon/arn.h"
#include "daemon/ecs/cluster_ref.h"
#include "daemon/ecs/operations.h"

#include <string.h>

struct execute_command_in {
	const char *cluster;
	const char *container;
	const char *command;
	enum tri interactive;
	const char *task;
};

static const struct schema_field execute_command_fields[] = {
	F_STR(struct execute_command_in, cluster, "cluster"),
	F_STR(struct execute_command_in, container, "container"),
	F_STR(struct execute_command_in, command, "command", .flags = SCHEMA_REQUIRED),
	F_BOOL(struct execute_command_in, interactive, "interactive", .flags = SCHEMA_REQUIRED),
	F_STR(struct execute_command_in, task, "task", .flags = SCHEMA_REQUIRED),
};
static const struct schema execute_command_schema =
    SCHEMA(struct execute_command_in, execute_command_fields, "ExecuteCommandRequest");

static int execute_command(struct call *c);

static const struct op ops[] = {
	{ .name = "ExecuteCommand", .run = execute_command, .input = &execute_command_schema },
};
const struct op_table ecs_task_exec_ops = { ops, ARRAY_SIZE(ops) };

static int
refuse(struct call *c, const char *text)
{
	return err_set(&c->err, ERR_INVALID_PARAMETER, "%s", text);
}

/* The container that is meant: the only one where none is named. */
static int
find_container(struct call *c, struct json_object *task, const char *name, struct json_object **ret)
{
	struct json_object *list = json_get(task, "containers");
	size_t n = list != NULL ? json_object_array_length(list) : 0;

	if (name == NULL && n > 1)
		return refuse(c, "Container name must be specified for a task with more than one "
				 "container.");
	for (size_t i = 0; i < n; i++) {
		struct json_object *o = json_object_array_get_idx(list, i);

		if (name == NULL || streq(json_get_str(o, "name"), name)) {
			*ret = o;
			return 0;
		}
	}
	return err_set(&c->err, ERR_INVALID_PARAMETER,
	    "The container %.255s was not found in the task.", name != NULL ? name : "");
}

static int
check_task(struct call *c, struct json_object *task, const struct execute_command_in *in)
{
	struct json_object *container = NULL;
	int r;

	if (!json_get_bool(task, "enableExecuteCommand", false))
		return refuse(c,
		    "The execute command failed because execute command was not enabled when the "
		    "task was run or the execute command agent isn\xe2\x80\x99t running. Wait and "
		    "try again or run a new task with execute command enabled and try again.");
	r = find_container(c, task, in->container, &container);
	if (r < 0)
		return r;
	if (!streq(json_get_str(task, "lastStatus"), "RUNNING") ||
	    !streq(json_get_str(container, "lastStatus"), "RUNNING"))
		return refuse(c, "The execute command failed because the container is not "
				 "running. Wait and try again.");
	return err_set(&c->err, ERR_TARGET_NOT_CONNECTED,
	    "The execute command failed due to an internal error. Try again later.");
}

static int
execute_command(struct call *c)
{
	const struct execute_command_in *in = c->args;
	_cleanup_json_ struct json_object *task = NULL;
	_cleanup_free_ char *doc = NULL;
	char cluster[ARN_NAME_MAX], id[ARN_ID_MAX];
	int r;

	if (in->command[0] == '\0')
		return refuse(c, "Command cannot be empty.");
	/* "Amazon ECS only supports initiating interactive sessions." */
	if (in->interactive != TRI_TRUE)
		return refuse(c, "Interactive must be true.");
	r = cluster_ref_resolve_name(c, in->cluster, cluster);
	if (r < 0)
		return r;
	r = arn_resolve_task(&c->scope, cluster, in->task, id, &c->err);
	if (r == 1)
		r = store_task_doc(c->store, &c->scope, cluster, id, &doc, &c->err);
	if (r == 0)
		return refuse(c, "The referenced task was not found.");
	if (r == 1)
		r = json_parse(doc, strlen(doc), &task, &c->err);
	return r < 0 ? r : check_task(c, task, in);
}
