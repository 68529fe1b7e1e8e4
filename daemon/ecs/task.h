/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the task operations share among themselves: inputs, the plan of a RunTask, the handlers that
 * the table in task.c names. Only the task_*.c files include it.
 */
#ifndef DAEMON_ECS_TASK_H
#define DAEMON_ECS_TASK_H

#include "common/taskdef.h"
#include "daemon/api.h"
#include "daemon/ecs/tag_set.h"
#include "daemon/store/cluster.h"
#include "daemon/store/task.h"
#include "daemon/store/task_definition.h"

enum launch_type {
	LAUNCH_UNSET,
	LAUNCH_EC2,
	LAUNCH_FARGATE,
	LAUNCH_EXTERNAL,
	LAUNCH_MANAGED,
	LAUNCH_TYPE_MAX
};
extern const char *const launch_type_names[];

#define RUN_TASK_COUNT_MAX 10

struct strategy_item {
	const char *capacity_provider;
	struct opt_int weight;
	struct opt_int base;
};
struct strategy {
	bool set;
	size_t n;
	struct strategy_item *v;
};

struct awsvpc_configuration {
	struct str_list subnets;
	struct str_list security_groups;
	int assign_public_ip;
};

struct network_configuration {
	struct awsvpc_configuration *awsvpc;
};

struct ebs_termination_policy {
	enum tri delete_on_termination;
};

struct managed_ebs_volume {
	struct opt_int size_gib;
	const char *role_arn;
	const char *snapshot_id;
	int filesystem_type;
	struct ebs_termination_policy *termination_policy;
};

struct volume_configuration {
	const char *name;
	struct managed_ebs_volume *managed_ebs;
};

enum constraint_type { CONSTRAINT_UNSET, CONSTRAINT_DISTINCT_INSTANCE, CONSTRAINT_MEMBER_OF };
struct placement_constraint {
	int type; /* enum constraint_type */
	const char *expression;
};

enum strategy_type { STRATEGY_UNSET, STRATEGY_RANDOM, STRATEGY_SPREAD, STRATEGY_BINPACK };
struct placement_strategy {
	int type; /* enum strategy_type */
	const char *field;
};

struct run_task_in {
	struct strategy strategy;
	const char *cluster;
	struct opt_int count;
	enum tri enable_managed_tags;
	enum tri enable_execute_command;
	const char *group;
	int launch_type; /* enum launch_type */
	struct network_configuration *network;
	struct task_override *overrides;
	LIST_OF(struct placement_constraint) placement_constraints;
	LIST_OF(struct placement_strategy) placement_strategy;
	const char *platform_version;
	int propagate_tags;
	const char *reference_id;
	const char *started_by;
	struct tag_list tags;
	const char *task_definition;
	const char *client_token;
	LIST_OF(struct volume_configuration) volumes;
	struct str_list instances; /* StartTask.containerInstances */
};
enum propagate_tags {
	PROPAGATE_UNSET,
	PROPAGATE_TASK_DEFINITION,
	PROPAGATE_SERVICE,
	PROPAGATE_NONE
};

/* What all tasks of one RunTask or StartTask have in common, once everything about the request is
 * known to be right. */
struct task_service_launch;
struct run_plan {
	const struct run_task_in *in;
	struct store_cluster cluster;
	struct store_task_definition row;
	struct json_object *tree; /* of row.doc */
	struct task_def td;       /* borrows from `tree` and the call's arena */
	struct json_object
	    *overrides; /* as given, with only the members that ECS knows; NULL: none */
	int64_t count;
	enum launch_type launch;
	const char *providers[RUN_TASK_COUNT_MAX]; /* of each task; NULL with a launch type */
	const char *group;
	const char *platform_version;              /* Fargate only */
	const char *instances[RUN_TASK_COUNT_MAX]; /* id for each task; NULL for Fargate */
	const char *zones[RUN_TASK_COUNT_MAX];     /* of those; NULL: not known */
	struct json_object *failures;              /* instances that can run nothing; NULL: none */
	struct task_place *place;                  /* task_network.h; NULL: not awsvpc */
	const struct task_service_launch *service; /* task_service.h; NULL: not of a service */
};

/* Fills the row of one new task: its document, its specification for the shim, its columns. The row
 * is the caller's, whatever is returned. */
int task_doc_build(struct call *c, const struct run_plan *p, size_t index, struct store_task *ret);
/* Processor and memory of each task of a plan: of the overrides, of the definition, or what the
 * containers ask for together. */
void task_sizes(const struct run_plan *p, int64_t *ret_cpu_units, int64_t *ret_memory_mib);
/* Adds `doc` (taken over) to a list of tasks in a reply, with the tags of `arn`, or with [] where
 * arn is NULL. */
int task_doc_add(struct call *c, struct json_object *list, char *doc, const char *arn);

/* Each checks everything that its operation can refuse and fills the plan; the caller's to
 * run_plan_done. */
int run_plan_make(struct call *c, struct run_plan *p);
int start_plan_make(struct call *c, struct run_plan *p);
/* With `in`, `count`, `group` and `service` filled: what can have changed since the service was
 * made. */
int service_plan_make(struct call *c, struct run_plan *p);
/* The same without a place for its tasks. */
int daemon_plan_make(struct call *c, struct run_plan *p);
/* With `in`, `count`, `cluster` and `row` filled: everything that services and task sets have in
 * common with RunTask and that can be refused, but whether there is a place. */
int service_plan_admit(struct call *c, struct run_plan *p);
void run_plan_done(struct run_plan *p);
/* Settles launch type or capacity providers of each task (lifecycle.md 13). */
int run_plan_capacity(struct call *c, struct run_plan *p);
/* The placement constraints and strategies that are asked for. */
int run_plan_constraints(struct call *c, struct run_plan *p);
/* In strict mode, whether its roles exist and trust ECS. */
int run_plan_roles(struct call *c, struct run_plan *p);
/* The container instance of each task of a RunTask or of a service; those that find no place are
 * failures. */
int run_plan_place(struct call *c, struct run_plan *p);
/* The instances that a DAEMON service's constraints allow, whether there is room or not. */
int run_plan_eligible(
    struct call *c, struct run_plan *p, void (*fn)(const char *instance, void *arg), void *arg);
/* The instances that StartTask names: a task for each that can run one, a failure for the others.
 */
int start_plan_instances(struct call *c, struct run_plan *p);

/* What an operation that makes tasks answers, now and after settling: its settle_arg. */
struct launch {
	const char *cluster;
	size_t n;
	char ids[RUN_TASK_COUNT_MAX][33];
	const char *failures; /* JSON, NULL: none */
};
/* Writes the rows and tags of the plan's tasks and has them started after COMMIT. */
int task_launch(struct call *c, const struct run_plan *p, struct launch *result);
bool task_launch_settled(struct call *c);
int task_launch_answer(struct call *c);
/* Adds {arn, reason} to the failures of a reply. */
void task_failure_add(struct json_object *failures, const char *arn, const char *reason);

extern const struct schema run_task_schema;
extern const struct schema start_task_schema;
extern const struct schema stop_task_schema;
extern const struct schema describe_tasks_schema;
extern const struct schema list_tasks_schema;

int run_task(struct call *c);
int start_task(struct call *c);
int stop_task(struct call *c);
int describe_tasks(struct call *c);
int list_tasks(struct call *c);

#endif
