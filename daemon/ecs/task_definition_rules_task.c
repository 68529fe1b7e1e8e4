/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules about a task definition as a whole (RegisterTaskDefinition): names, number of containers,
 * roles, cpu and memory of the task against those of its containers, placement, storage. Asked by
 * task_definition_rules.c.
 */
#include "daemon/cql.h"
#include "daemon/ecs/task_definition_rules.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define CONTAINERS_MAX 10
#define CONSTRAINTS_MAX 10
#define EXPRESSION_MAX 2000
#define CPU_UNITS_MIN 128
#define CPU_UNITS_MAX 196608
#define MEMORY_MIB_MIN 4
#define STORAGE_GIB_MIN 21
#define STORAGE_GIB_MAX 200
#define ROLE_NAME_MAX 64
#define ROLE_NAME_CHARS TD_NAME_CHARS "+=,.@"

#define SETTING_INVALID                                                                            \
	"Invalid '%s' setting for task. For more information, see the Troubleshooting section of " \
	"the "                                                                                     \
	"Amazon ECS Developer Guide."

typedef int task_rule(const struct td_subject *s, struct err *e);
static task_rule family, container_count, container_names, essential, roles, task_cpu, task_memory,
    cpu_sum, container_memory, reservation_sum, placement_count, placement_constraints,
    ephemeral_storage, accelerators, proxy, firelens_count, firelens_used;

/* clang-format off */
static const struct td_rule rules[] = {
	{ .name = "family",                .task = family },
	{ .name = "container_count",       .task = container_count },
	{ .name = "container_names",       .task = container_names },
	{ .name = "essential",             .task = essential },
	{ .name = "roles",                 .task = roles },
	{ .name = "task_cpu",              .task = task_cpu },
	{ .name = "task_memory",           .task = task_memory },
	{ .name = "cpu_sum",               .task = cpu_sum },
	{ .name = "container_memory",      .task = container_memory },
	{ .name = "reservation_sum",       .task = reservation_sum },
	{ .name = "placement_count",       .task = placement_count },
	{ .name = "placement_constraints", .task = placement_constraints },
	{ .name = "ephemeral_storage",     .task = ephemeral_storage },
	{ .name = "accelerators",          .task = accelerators },
	{ .name = "proxy",                 .task = proxy },
	{ .name = "firelens_count",        .task = firelens_count },
	{ .name = "firelens_used",         .task = firelens_used },
};
/* clang-format on */
const struct td_rule_set td_rules_task = { rules, ARRAY_SIZE(rules) };

static int
family(const struct td_subject *s, struct err *e)
{
	const char *name = s->td->family;

	if (*name == '\0')
		return err_set(e, ERR_CLIENT, "Family should not be null or empty.");
	if (strlen(name) > TD_NAME_MAX)
		return err_set(e, ERR_CLIENT, "Family should be 255 characters or less.");
	if (!td_rules_text_ok(name, TD_NAME_MAX, TD_NAME_CHARS))
		return err_set(e, ERR_CLIENT, "Family contains invalid characters.");
	return 0;
}

static int
container_count(const struct td_subject *s, struct err *e)
{
	if (s->td->containers.n == 0)
		return err_set(e, ERR_CLIENT, "Container list cannot be empty.");
	if (s->td->containers.n > CONTAINERS_MAX)
		return err_set(e, ERR_CLIENT, "Too many containers.");
	return 0;
}

static int
container_names(const struct td_subject *s, struct err *e)
{
	const struct task_def *td = s->td;

	for (size_t i = 0; i < td->containers.n; i++) {
		const char *name = td->containers.v[i].name;

		if (name == NULL || *name == '\0')
			return err_set(
			    e, ERR_CLIENT, "Container.name should not be null or empty.");
		if (strlen(name) > TD_NAME_MAX)
			return err_set(
			    e, ERR_CLIENT, "Container.name should be 255 characters or less.");
		if (!td_rules_text_ok(name, TD_NAME_MAX, TD_NAME_CHARS))
			return err_set(
			    e, ERR_CLIENT, "Container.name contains invalid characters.");
		if (task_def_container(td, name) != &td->containers.v[i])
			return err_set(e, ERR_CLIENT, "Container names must be unique.");
	}
	return 0;
}

static int
essential(const struct td_subject *s, struct err *e)
{
	for (size_t i = 0; i < s->td->containers.n; i++) {
		if (s->td->containers.v[i].essential != TRI_FALSE)
			return 0;
	}
	return err_set(e, ERR_CLIENT, "All tasks must have at least one essential container.");
}

/* A role's name or its ARN; whether it exists is asked nowhere (KIND_ROLE_STRING). */
static bool
role_ok(const char *role)
{
	const char *name;

	if (!has_prefix(role, "arn:"))
		return *role != '\0' && td_rules_text_ok(role, ROLE_NAME_MAX, ROLE_NAME_CHARS);
	name = strstr(role, ":role/");
	return name != NULL && strstr(role, ":iam::") != NULL && name[strlen(":role/")] != '\0' &&
	       td_rules_text_ok(name + strlen(":role/"), 512, ROLE_NAME_CHARS "/");
}

static int
roles(const struct td_subject *s, struct err *e)
{
	if ((s->td->task_role_arn != NULL && !role_ok(s->td->task_role_arn)) ||
	    (s->td->execution_role_arn != NULL && !role_ok(s->td->execution_role_arn)))
		return err_set(e, ERR_CLIENT, "Role is not valid");
	return 0;
}

/* Fargate's own table of sizes narrows the range down further. */
static int
task_cpu(const struct td_subject *s, struct err *e)
{
	if (s->td->cpu != NULL && (s->cpu_units < CPU_UNITS_MIN || s->cpu_units > CPU_UNITS_MAX))
		return err_set(e, ERR_CLIENT, SETTING_INVALID, "cpu");
	return 0;
}

static int
task_memory(const struct td_subject *s, struct err *e)
{
	if (s->td->memory != NULL && (s->memory_mib < MEMORY_MIB_MIN || s->memory_mib > INT32_MAX))
		return err_set(e, ERR_CLIENT, SETTING_INVALID, "memory");
	return 0;
}

static int
cpu_sum(const struct td_subject *s, struct err *e)
{
	int64_t sum = 0;

	for (size_t i = 0; i < s->td->containers.n; i++)
		sum += s->td->containers.v[i].cpu.v;
	if (s->cpu_units >= 0 && sum > s->cpu_units)
		return err_set(e, ERR_CLIENT,
		    "The sum of all container 'cpu' values cannot be greater than the value of the "
		    "task 'cpu'.");
	return 0;
}

static int
container_memory(const struct td_subject *s, struct err *e)
{
	for (size_t i = 0; i < s->td->containers.n; i++) {
		const struct container_def *c = &s->td->containers.v[i];

		if (s->memory_mib >= 0 && c->memory.v > s->memory_mib)
			return err_set(e, ERR_CLIENT,
			    "The memory value for container '%s' of %" PRId64
			    " is greater than the task memory.",
			    c->name, c->memory.v);
	}
	return 0;
}

static int
reservation_sum(const struct td_subject *s, struct err *e)
{
	int64_t sum = 0;

	for (size_t i = 0; i < s->td->containers.n; i++)
		sum += s->td->containers.v[i].memory_reservation.v;
	if (s->memory_mib >= 0 && sum > s->memory_mib)
		return err_set(e, ERR_CLIENT,
		    "The sum of all container 'memoryReservation' values cannot be greater than "
		    "the value of the task 'memory'.");
	return 0;
}

static int
placement_count(const struct td_subject *s, struct err *e)
{
	if (s->td->placement_constraints.n > CONSTRAINTS_MAX)
		return err_set(e, ERR_CLIENT,
		    "A maximum of %d placement constraints can be specified per task definition.",
		    CONSTRAINTS_MAX);
	return 0;
}

static int
placement_constraints(const struct td_subject *s, struct err *e)
{
	for (size_t i = 0; i < s->td->placement_constraints.n; i++) {
		const struct td_placement_constraint *p = &s->td->placement_constraints.v[i];

		if (p->type == PLACEMENT_UNSET)
			return err_set(e, ERR_CLIENT,
			    "Placement constraint type should not be null or empty.");
		if (p->expression == NULL || *p->expression == '\0')
			return err_set(e, ERR_CLIENT,
			    "Placement constraint expression should not be null or empty.");
		if (strlen(p->expression) > EXPRESSION_MAX)
			return err_set(e, ERR_CLIENT,
			    "Placement constraint expression should be %d characters or less.",
			    EXPRESSION_MAX);
		if (cql_check(p->expression, ERR_CLIENT, e) < 0)
			return -EINVAL;
	}
	return 0;
}

static int
ephemeral_storage(const struct td_subject *s, struct err *e)
{
	const struct td_ephemeral_storage *storage = s->td->ephemeral_storage;

	if (storage != NULL &&
	    (storage->size_gib.v < STORAGE_GIB_MIN || storage->size_gib.v > STORAGE_GIB_MAX))
		return err_set(e, ERR_CLIENT,
		    "Invalid 'ephemeralStorage' setting for task. The supported values are between "
		    "%d GiB and %d GiB.",
		    STORAGE_GIB_MIN, STORAGE_GIB_MAX);
	return 0;
}

static bool
accelerator_known(const struct task_def *td, const char *device)
{
	for (size_t i = 0; i < td->inference_accelerators.n; i++) {
		if (streq(td->inference_accelerators.v[i].device_name, device))
			return true;
	}
	return false;
}

/* ResourceRequirement.value: the deviceName of one of the task's accelerators. */
static int
accelerators(const struct td_subject *s, struct err *e)
{
	for (size_t i = 0; i < s->td->containers.n; i++) {
		const struct container_def *c = &s->td->containers.v[i];

		for (size_t k = 0; k < c->resource_requirements.n; k++) {
			const struct td_resource_requirement *need = &c->resource_requirements.v[k];

			if (need->type == RESOURCE_INFERENCE_ACCELERATOR &&
			    !accelerator_known(s->td, need->value))
				return err_set(e, ERR_CLIENT,
				    "Invalid setting for container '%s'. The inference accelerator "
				    "'%s' is not specified in the task definition.",
				    c->name, need->value);
		}
	}
	return 0;
}

static int
proxy(const struct td_subject *s, struct err *e)
{
	const struct td_proxy_configuration *p = s->td->proxy_configuration;

	if (p == NULL)
		return 0;
	if (s->td->network_mode != NETWORK_AWSVPC)
		return err_set(e, ERR_CLIENT,
		    "Proxy configuration is only supported when networkMode=awsvpc.");
	if (task_def_container(s->td, p->container_name) == NULL)
		return err_set(e, ERR_CLIENT,
		    "The proxy configuration container '%s' is not a container in the "
		    "TaskDefinition.",
		    p->container_name);
	return 0;
}

static size_t
count_firelens(const struct task_def *td)
{
	size_t n = 0;

	for (size_t i = 0; i < td->containers.n; i++)
		n += td->containers.v[i].firelens_configuration != NULL;
	return n;
}

static int
firelens_count(const struct td_subject *s, struct err *e)
{
	if (count_firelens(s->td) > 1)
		return err_set(e, ERR_CLIENT,
		    "Only one container in a task definition can have a firelensConfiguration "
		    "object.");
	return 0;
}

/* A log router and containers that log through it come together. */
static int
firelens_used(const struct td_subject *s, struct err *e)
{
	bool router = count_firelens(s->td) > 0;
	bool used = false;

	for (size_t i = 0; i < s->td->containers.n; i++) {
		const struct td_log_configuration *log = s->td->containers.v[i].log_configuration;

		used = used || (log != NULL && log->log_driver == LOG_DRIVER_AWSFIRELENS);
	}
	if (router && !used)
		return err_set(e, ERR_CLIENT,
		    "When a firelensConfiguration object is specified, at least one container has "
		    "to be configured with the awsfirelens log driver.");
	if (used && !router)
		return err_set(e, ERR_CLIENT,
		    "When the awsfirelens log driver is specified, one container has to have a "
		    "firelensConfiguration object.");
	return 0;
}
