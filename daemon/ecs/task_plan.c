/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything that RunTask or StartTask can refuse, in one walk over a list of rules, and what
 * follows for all of its tasks: launch type or capacity providers, platform, container instance.
 * Called by task_run.c; it writes nothing but the synthetic container instance.
 */
#include "daemon/ecs/task.h"

#include "daemon/arn.h"
#include "daemon/config.h"
#include "daemon/cql.h"
#include "daemon/ecs/cluster_ref.h"
#include "daemon/ecs/task_definition_ref.h"
#include "daemon/ecs/task_network.h"
#include "daemon/ecs/task_strategy.h"

#include <string.h>

#define OVERRIDES_MAX 8192 /* characters of RunTask.overrides as JSON */
#define SUBNETS_MAX 16
#define PLATFORM_LINUX "1.4.0" /* what LATEST means */
#define PLATFORM_WINDOWS "1.0.0"

typedef int rule_fn(struct call *c, struct run_plan *p);

static rule_fn check_choice, check_propagation, check_tags, check_group, check_network,
    check_overrides, check_exec, check_volumes, check_launch, check_platform;

/* In the order in which ECS looks: what the request says by itself, then against the definition,
 * then against the cluster. */
static rule_fn *const run_rules[] = {
	check_choice,
	check_propagation,
	check_tags,
	check_group,
	run_plan_capacity,
	check_launch,
	check_network,
	check_overrides,
	run_plan_roles,
	check_exec,
	check_volumes,
	check_platform,
	run_plan_constraints,
	run_plan_place,
};

/* StartTask places nothing: its instances are EC2 ones, and they are named. */
static rule_fn *const start_rules[] = {
	check_propagation,
	check_tags,
	check_group,
	check_launch,
	check_network,
	check_overrides,
	run_plan_roles,
	check_exec,
	check_volumes,
	start_plan_instances,
};

/* What CreateService, UpdateService and CreateTaskSet look at. */
static rule_fn *const admission_rules[] = {
	check_choice,
	run_plan_capacity,
	check_launch,
	check_network,
	run_plan_roles,
	check_volumes,
	check_platform,
	run_plan_constraints,
};

/* What they have let in. */
static rule_fn *const service_rules[] = {
	run_plan_capacity,
	check_network,
	check_volumes,
	check_platform,
	run_plan_place,
};

/* Where a DAEMON's tasks go is asked before they are wanted. */
static rule_fn *const daemon_rules[] = {
	run_plan_capacity,
};

/* A service goes on with a definition that was deregistered in the meantime. */
static int
find_definition(struct call *c, struct run_plan *p)
{
	const char *given = p->in->task_definition;
	int r;

	if (p->service == NULL)
		return task_definition_ref_active(c->store, &c->scope, given, &p->row, &c->err);
	r = task_definition_ref_deployed(c->store, &c->scope, given, &p->row, &c->err);
	if (r == 0)
		return err_set(&c->err, ERR_CLIENT, "TaskDefinition not found.");
	return r < 0 ? r : 0;
}

static int
make_plan(struct call *c, struct run_plan *p, rule_fn *const *rules, size_t n)
{
	int r;

	r = cluster_ref_resolve(c, p->in->cluster, &p->cluster);
	if (r == 0)
		r = find_definition(c, p);
	if (r == 0)
		r = task_def_parse(p->row.doc, &c->arena, &p->tree, &p->td, &c->err);
	for (size_t i = 0; r == 0 && i < n; i++)
		r = rules[i](c, p);
	return r;
}

int
run_plan_make(struct call *c, struct run_plan *p)
{
	p->in = c->args;
	p->count = p->in->count.set ? p->in->count.v : 1;
	return make_plan(c, p, run_rules, ARRAY_SIZE(run_rules));
}

int
start_plan_make(struct call *c, struct run_plan *p)
{
	p->in = c->args;
	p->launch = LAUNCH_EC2;
	return make_plan(c, p, start_rules, ARRAY_SIZE(start_rules));
}

int
service_plan_make(struct call *c, struct run_plan *p)
{
	return make_plan(c, p, service_rules, ARRAY_SIZE(service_rules));
}

int
service_plan_admit(struct call *c, struct run_plan *p)
{
	int r = task_def_parse(p->row.doc, &c->arena, &p->tree, &p->td, &c->err);

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(admission_rules); i++)
		r = admission_rules[i](c, p);
	return r;
}

int
daemon_plan_make(struct call *c, struct run_plan *p)
{
	return make_plan(c, p, daemon_rules, ARRAY_SIZE(daemon_rules));
}

void
run_plan_done(struct run_plan *p)
{
	store_cluster_done(&p->cluster);
	store_task_definition_done(&p->row);
	json_object_put(p->tree);
	json_object_put(p->overrides);
	json_object_put(p->failures);
}

static int
refuse(struct call *c, const char *text)
{
	return err_set(&c->err, ERR_INVALID_PARAMETER, "%s", text);
}

static int
check_choice(struct call *c, struct run_plan *p)
{
	if (p->in->launch_type == LAUNCH_MANAGED)
		return refuse(c, "launch type should be one of [EC2,FARGATE,EXTERNAL]");
	if (p->in->launch_type != LAUNCH_UNSET && p->in->strategy.n > 0)
		return refuse(
		    c, "Specify either Launch Type or Capacity Provider Strategy, but not both.");
	return 0;
}

static int
check_propagation(struct call *c, struct run_plan *p)
{
	if (p->in->propagate_tags != PROPAGATE_SERVICE)
		return 0;
	return err_set(&c->err, ERR_INVALID_PARAMETER,
	    "propagateTags SERVICE is not supported for %s, only TASK_DEFINITION.", c->op->name);
}

static int
check_tags(struct call *c, struct run_plan *p)
{
	return tag_set_check(&p->in->tags, &c->err);
}

/* Groups of services and daemons: nobody else can join them. */
static int
check_group(struct call *c, struct run_plan *p)
{
	if (p->in->group != NULL &&
	    (has_prefix(p->in->group, "service:") || has_prefix(p->in->group, "daemon:")))
		return refuse(c, "Invalid namespace for group.");
	p->group = p->in->group != NULL && p->in->group[0] != '\0'
		       ? p->in->group
		       : arena_printf(&c->arena, "family:%s", p->row.family);
	return 0;
}

static bool
is_compatible(const struct run_plan *p, const char *with)
{
	struct json_object *list = json_get(p->tree, "compatibilities");

	for (size_t i = 0; list != NULL && i < json_object_array_length(list); i++)
		if (streq(json_object_get_string(json_object_array_get_idx(list, i)), with))
			return true;
	return false;
}

/* Any definition can run on this machine, so the lenient mode takes it. */
static int
check_launch(struct call *c, struct run_plan *p)
{
	const char *name = launch_type_names[p->launch];

	if (is_compatible(p, name) || config_kind(c->config, KIND_FARGATE_ANY_DEFINITION))
		return 0;
	return err_set(&c->err, ERR_INVALID_PARAMETER,
	    "Task definition does not support launch_type %s.", name);
}

static int
check_network(struct call *c, struct run_plan *p)
{
	const struct awsvpc_configuration *vpc =
	    p->in->network != NULL ? p->in->network->awsvpc : NULL;

	if (p->td.network_mode != NETWORK_AWSVPC)
		return vpc == NULL ? 0
				   : refuse(c, "Network Configuration is not valid for the given "
					       "networkMode of this task definition.");
	if (vpc == NULL)
		return refuse(c, "Network Configuration must be provided when networkMode 'awsvpc' "
				 "is specified.");
	if (vpc->subnets.n == 0)
		return refuse(c, "subnets can not be empty.");
	if (vpc->subnets.n > SUBNETS_MAX)
		return refuse(c, "subnets can have at most 16 items.");
	return task_network_check(c, p);
}

static int
check_override_sizes(struct call *c, const struct task_override *o)
{
	int64_t number;

	if (o->cpu != NULL && task_def_cpu_units(o->cpu, &number) < 0)
		return refuse(c, "Invalid 'cpu' setting for task.");
	if (o->memory != NULL && task_def_memory_mib(o->memory, &number) < 0)
		return refuse(c, "Invalid 'memory' setting for task.");
	return 0;
}

static int
check_overrides(struct call *c, struct run_plan *p)
{
	const struct task_override *o = p->in->overrides;
	struct json_object *given = json_get(c->in, "overrides");

	if (o == NULL)
		return 0;
	if (strlen(json_print(given)) > OVERRIDES_MAX)
		return refuse(c, "Container Overrides length must be at most 8192");
	for (size_t i = 0; i < o->containers.n; i++) {
		const char *name = o->containers.v[i].name;

		if (name == NULL)
			return refuse(c, "Container override name should not be null or empty.");
		if (task_def_container(&p->td, name) == NULL)
			return err_set(&c->err, ERR_INVALID_PARAMETER,
			    "Override for container named %s is not a container in the "
			    "TaskDefinition.",
			    name);
	}
	p->overrides = schema_prune(&task_override_schema, given);
	return check_override_sizes(c, o);
}

static int
check_exec(struct call *c, struct run_plan *p)
{
	const struct task_override *o = p->in->overrides;

	if (p->in->enable_execute_command != TRI_TRUE || p->td.task_role_arn != NULL ||
	    (o != NULL && o->task_role_arn != NULL))
		return 0;
	return refuse(c,
	    "The execute command failed because a valid task role is not being used. Specify a "
	    "valid task role in your task definition or as a task override and try again.");
}

static const struct volume_configuration *
find_volume_configuration(const struct run_task_in *in, const char *name)
{
	for (size_t i = 0; i < in->volumes.n; i++)
		if (streq(in->volumes.v[i].name, name))
			return &in->volumes.v[i];
	return NULL;
}

/* Volumes that the definition leaves open are configured here, and only those. */
static int
check_volumes(struct call *c, struct run_plan *p)
{
	size_t matched = 0;

	for (size_t i = 0; i < p->td.volumes.n; i++) {
		const struct td_volume *v = &p->td.volumes.v[i];

		if (v->configured_at_launch != TRI_TRUE)
			continue;
		if (find_volume_configuration(p->in, v->name) == NULL)
			return err_set(&c->err, ERR_INVALID_PARAMETER,
			    "The volume %s is configured at launch: a volumeConfiguration is "
			    "needed for it.",
			    v->name);
		matched++;
	}
	if (matched < p->in->volumes.n)
		return refuse(c, "A volumeConfiguration names a volume that the task definition "
				 "does not configure at launch.");
	return 0;
}

static int
check_platform(struct call *c, struct run_plan *p)
{
	/* Platform versions of Fargate that can be asked for. */
	static const char *const known[] = { "LATEST", "1.4.0", "1.3.0", "1.2.0", "1.1.0",
		"1.0.0" };
	const struct td_runtime_platform *platform = p->td.runtime_platform;
	bool windows = platform != NULL && platform->operating_system_family != OS_UNSET &&
		       platform->operating_system_family != OS_LINUX;
	const char *wanted = p->in->platform_version;

	if (wanted != NULL && p->launch != LAUNCH_FARGATE)
		return refuse(
		    c, "The platform version must be null when specifying an EC2 launch type.");
	if (p->launch != LAUNCH_FARGATE)
		return 0;
	p->platform_version = windows ? PLATFORM_WINDOWS : PLATFORM_LINUX;
	if (wanted == NULL || streq(wanted, "LATEST"))
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (streq(wanted, known[i])) {
			p->platform_version = wanted;
			return 0;
		}
	return err_set(&c->err, ERR_PLATFORM_UNKNOWN, "The specified platform does not exist.");
}

static int
check_constraint(struct call *c, const struct placement_constraint *k)
{
	bool has_text = k->expression != NULL && k->expression[0] != '\0';

	if (k->type == CONSTRAINT_UNSET)
		return refuse(c, "Placement constraint type should not be null or empty.");
	if (k->type == CONSTRAINT_DISTINCT_INSTANCE)
		return has_text
			   ? refuse(c, "Placement constraint of type distinctInstance takes no "
				       "expression.")
			   : 0;
	if (!has_text)
		return refuse(c, "Placement constraint expression should not be null or empty.");
	return cql_check(k->expression, ERR_INVALID_PARAMETER, &c->err);
}

int
run_plan_constraints(struct call *c, struct run_plan *p)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < p->in->placement_constraints.n; i++)
		r = check_constraint(c, &p->in->placement_constraints.v[i]);
	if (r == 0)
		r = task_strategy_check(
		    c, p->in->placement_strategy.v, p->in->placement_strategy.n);
	if (r < 0 || p->launch != LAUNCH_FARGATE)
		return r;
	if (p->in->placement_constraints.n > 0)
		return refuse(c, "Placement constraints are not supported with FARGATE.");
	if (p->in->placement_strategy.n > 0)
		return refuse(c, "Placement strategies are not supported with FARGATE.");
	return 0;
}
