/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of the task operations. Each is in a file of its own: task_run*.c, task_stop.c,
 * task_read.c.
 */
#include "daemon/ecs/task.h"

#include "daemon/ecs/operations.h"

/* clang-format off */
const char *const launch_type_names[] = { NULL, "EC2", "FARGATE", "EXTERNAL", "MANAGED_INSTANCES", NULL };

static const struct op ops[] = {
	{ .name = "DescribeTasks", .run = describe_tasks, .input = &describe_tasks_schema },
	{ .name = "ListTasks",     .run = list_tasks,     .input = &list_tasks_schema },
	{ .name = "RunTask",       .run = run_task,       .input = &run_task_schema, .flags = OP_WRITE | OP_SETTLES,
	  .settled = task_launch_settled, .answer = task_launch_answer },
	{ .name = "StartTask",     .run = start_task,     .input = &start_task_schema, .flags = OP_WRITE | OP_SETTLES,
	  .settled = task_launch_settled, .answer = task_launch_answer },
	{ .name = "StopTask",      .run = stop_task,      .input = &stop_task_schema, .flags = OP_WRITE },
};
/* clang-format on */

const struct op_table ecs_task_ops = { ops, ARRAY_SIZE(ops) };
