/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules about one container by itself (RegisterTaskDefinition): image, memory, environment,
 * secrets, logging, health, times, kernel settings. Asked by task_definition_rules.c once for each
 * container, whose name is good by then.
 */
#include "daemon/ecs/task_definition_rules.h"

#include <string.h>

#define IMAGE_MAX 255
#define IMAGE_CHARS TD_NAME_CHARS ":./#@"
/* Docker takes 6 from version 20.10 on; ECS's agent rounds up, ECS does not refuse. */
#define MEMORY_MIB_MIN 4
#define ENV_FILES_MAX 10
#define EXIT_CODES_MAX 50
#define SWAPPINESS_MAX 100

typedef int container_rule(
    const struct td_subject *s, const struct container_def *c, struct err *e);
static container_rule image, cpu, memory_given, memory_minimum, memory_order, environment,
    environment_files, secrets_role, secrets_unique, repository_role, awslogs_options,
    health_command, health_ranges, timeouts, restart_policy, ulimits, capabilities, devices,
    memory_devices, swap, system_controls, system_control_modes, gpu, security_options,
    credential_specs;

/* clang-format off */
static const struct td_rule rules[] = {
	{ .name = "image",                .container = image },
	{ .name = "cpu",                  .container = cpu },
	{ .name = "memory_given",         .container = memory_given },
	{ .name = "memory_minimum",       .container = memory_minimum },
	{ .name = "memory_order",         .container = memory_order },
	{ .name = "environment",          .container = environment },
	{ .name = "environment_files",    .container = environment_files },
	{ .name = "secrets_role",         .container = secrets_role },
	{ .name = "secrets_unique",       .container = secrets_unique },
	{ .name = "repository_role",      .container = repository_role },
	{ .name = "awslogs_options",      .container = awslogs_options },
	{ .name = "health_command",       .container = health_command },
	{ .name = "health_ranges",        .container = health_ranges },
	{ .name = "timeouts",             .container = timeouts },
	{ .name = "restart_policy",       .container = restart_policy },
	{ .name = "ulimits",              .container = ulimits },
	{ .name = "capabilities",         .container = capabilities },
	{ .name = "devices",              .container = devices },
	{ .name = "memory_devices",       .container = memory_devices },
	{ .name = "swap",                 .container = swap },
	{ .name = "system_controls",      .container = system_controls },
	{ .name = "system_control_modes", .container = system_control_modes },
	{ .name = "gpu",                  .container = gpu },
	{ .name = "security_options",     .container = security_options },
	{ .name = "credential_specs",     .container = credential_specs },
};

/* KernelCapabilities.add and .drop. */
static const char *const capability_names[] = {
	"ALL", "AUDIT_CONTROL", "AUDIT_WRITE", "BLOCK_SUSPEND", "CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER",
	"FSETID", "IPC_LOCK", "IPC_OWNER", "KILL", "LEASE", "LINUX_IMMUTABLE", "MAC_ADMIN", "MAC_OVERRIDE", "MKNOD",
	"NET_ADMIN", "NET_BIND_SERVICE", "NET_BROADCAST", "NET_RAW", "SETFCAP", "SETGID", "SETPCAP", "SETUID",
	"SYS_ADMIN", "SYS_BOOT", "SYS_CHROOT", "SYS_MODULE", "SYS_NICE", "SYS_PACCT", "SYS_PTRACE", "SYS_RAWIO",
	"SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "SYSLOG", "WAKE_ALARM",
};

/* SystemControl.namespace; a row that ends in a dot allows everything below it. */
static const struct {
	const char *name;
	bool ipc;
} system_control_names[] = {
	{ "kernel.msgmax", true },
	{ "kernel.msgmnb", true },
	{ "kernel.msgmni", true },
	{ "kernel.sem", true },
	{ "kernel.shmall", true },
	{ "kernel.shmmax", true },
	{ "kernel.shmmni", true },
	{ "kernel.shm_rmid_forced", true },
	{ "fs.mqueue.", true },
	{ "net.", false },
};

static const char *const security_option_prefixes[] = {
	"no-new-privileges", "apparmor:", "label:", "credentialspec:",
};
/* clang-format on */
const struct td_rule_set td_rules_container = { rules, ARRAY_SIZE(rules) };

static int
image(const struct td_subject *s, const struct container_def *c, struct err *e)
{
	(void)s;
	if (c->image == NULL || *c->image == '\0')
		return err_set(e, ERR_CLIENT, "Container.image should not be null or empty.");
	if (strlen(c->image) > IMAGE_MAX)
		return err_set(e, ERR_CLIENT, "Container.image should be 255 characters or less");
	if (!td_rules_text_ok(c->image, IMAGE_MAX, IMAGE_CHARS))
		return err_set(e, ERR_CLIENT, "Container.image contains invalid characters.");
	return 0;
}

static int
cpu(const struct td_subject *s, const struct container_def *c, struct err *e)
{
	(void)s;
	if (c->cpu.v < 0)
		return err_set(e, ERR_CLIENT, "Invalid 'cpu' setting for container '%s'.", c->name);
	return 0;
}

static int
memory_given(const struct td_subject *s, const struct container_def *c, struct err *e)
{
	if (s->td->memory != NULL || s->fargate || s->memory_may_be_unset)
		return 0;
	if (c->memory.v == 0 && c->memory_reservation.v == 0)
		return err_set(e, ERR_CLIENT,
		    "Invalid setting for container '%s'. At least one of 'memory' or "
		    "'memoryReservation' must be specified.",
		    c->name);
	return 0;
}

static int
memory_minimum(const struct td_subject *s, const struct container_def *c, struct err *e)
{
	(void)s;
	if (c->memory.set && c->memory.v != 0 && c->memory.v < MEMORY_MIB_MIN)
		return err_set(
		    e, ERR_CLIENT, "Invalid 'memory' setting for container '%s'.", c->name);
	if (c->memory_reservation.set && c->memory_reservation.v != 0 &&
	    c->memory_reservation.v < MEMORY_MIB_MIN)
		return err_set(e, ERR_CLIENT,
		    "Invalid 'memoryReservation' setting for container '%s'.", c->name);
	return 0;
}

/* Equal values are accepted although the documentation says greater. */
static int
memory_order(const struct td_subject *s, const struct container_def *c, struct err *e)
{
	(void)s;
	if (c->memory.v != 0 && c->memory_reservation.v > c->memory.v)
		return err_set(e, ERR_CLIENT,
		    "Invalid setting for container '%s'. The value of 'memory' must be greater "
		    "than the value of 'memoryReservation'.",
		    c->name);
	return 0;
}

static int
environment(const struct td_subject *s, const struct container_def *c, struct err *e)
{
	(void)s;
	for (size_t i = 0; i < c->environment.n; i++) {
		const char *name = c->environment.v[i].name;

		if (name == NULL || *name == '\0')
			return err_set(e, ERR_CLIENT,
			    "Invalid setting for container '%s'. Environment variable name should "
			    "not be null or empty.",
			    c->name);
		if (strchr(name, '=') != NULL)
			return err_set(e, ERR_CLIENT,
			    "Invalid setting for container '%s'. Environment variable name "
			    "contains invalid characters.",
			    c->name);
	}
	return 0;
}

static int
environment_files(const struct td_subject *s, const struct container_def *c, struct err *e)
{
	(void)s;
	if (c->environment_files.n > ENV_FILES_MAX)
		return err_set(e, ERR_CLIENT,
		    "Invalid setting for container '%s'. A maximum of %d environment files can be "
		    "specified.",
		    c->name, ENV_FILES_MAX);
	for (size_t i = 0; i < c->environment_files.n; i++) {
		const char *value = c->environment_files.v[i].value;
		size_t len = strlen(value);

		if (!has_prefix(value, "arn:") || strstr(value, ":s3:::") == NULL)
			return err_set(e, ERR_CLIENT,
			    "Invalid setting for container '%s'. The environment file must be "
			    "given by the ARN of an Amazon S3 object.",
			    c->name);
		if (len < strlen(".env") || !streq(value + len - strlen(".env"), ".env"))
			return err_set(e, ERR_CLIENT,
			    "Invalid setting for container '%s'. The environment file must have a "
			    ".env file extension.",
			    c->name);
	}
	return 0;
}

/* An empty list asks for the role as well. */
static int
secrets_role(const struct td_subject *s, const struct container_def *c, struct err *e)
{
	bool logs = c->log_configuration != NULL && c->log_configuration->secret_options.n > 0;

	if ((c->secrets.set || logs) && s->td->execution_role_arn == NULL)
		return err_set(e, ERR_CLIENT,
		    "When you are specifying container secrets, you must also specify a value for "
		    "'executionRoleArn'.");
	return 0;
}

static bool
name_taken(const struct container_def *c, size_t secret)
{
	for (size_t i = 0; i < c->environment.n; i++) {
		if (streq(c->environment.v[i].name, c->secrets.v[secret].name))
			return true;
	}
	for (size_t i = 0; i < secret; i++) {
		if (streq(c->secrets.v[i].name, c->secrets.v[secret].name))
			return true;
	}
	return false;
}

static int
secrets_unique(const struct td_subject *s, const struct container_def *c, struct err *e)
{
	(void)s;
	for (size_t i = 0; i < c->secrets.n; i++) {
		if (name_taken(c, i))
			return err_set(e, ERR_CLIENT,
			    "The secret name must be unique and not shared with any new or "
			    "existing environment variables set on the container, such as '%s'.",
			    c->secrets.v[i].name);
	}
	return 0;
}

static int
repository_role(const struct td_subject *s, const struct container_def *c, struct err *e)
{
	if (c->repository_credentials != NULL && s->td->execution_role_arn == NULL)
		return err_set(e, ERR_CLIENT,
		    "Private repository authentication requires that the task definition specify a "
		    "value for executionRoleArn.");
	return 0;
}

static bool
has_option(const struct td_log_configuration *log, const char *name)
{
	for (size_t i = 0; i < log->options.n; i++) {
		if (streq(log->options.keys[i], name))
			return true;
	}
	return false;
}

static int
awslogs_options(const struct td_subject *s, const struct container_def *c, struct err *e)
{
	const struct td_log_configuration *log = c->log_configuration;
	bool region, group;

	(void)s;
	if (log == NULL || log->log_driver != LOG_DRIVER_AWSLOGS)
		return 0;
	region = has_option(log, "awslogs-region");
	group = has_option(log, "awslogs-group");
	if (!region || !group)
		return err_set(e, ERR_CLIENT, "Log driver awslogs requires options: %s%s%s",
		    region ? "" : "awslogs-region", region || group ? "" : ", ",
		    group ? "" : "awslogs-group");
	if (has_option(log, "awslogs-datetime-format") &&
	    has_option(log, "awslogs-multiline-pattern"))
		return err_set(e, ERR_CLIENT,
		    "Log driver awslogs does not support options awslogs-datetime-format and "
		    "awslogs-multiline-pattern together.");
	return 0;
}

/* ["CMD", …], ["CMD-SHELL", "…"], ["NONE"] or one string. */
static int
health_command(const struct td_subject *s, const struct container_def *c, struct err *e)
{
	const struct str_list *command;
	bool shell, exec;

	(void)s;
	if (c->health_check == NULL)
		return 0;
	command = &c->health_check->command;
	if (command->n == 0 || *command->v[0] == '\0')
		return err_set(e, ERR_CLIENT,
		    "Invalid setting for container '%s'. Health check command cannot be empty.",
		    c->name);
	shell = streq(command->v[0], "CMD-SHELL");
	exec = streq(command->v[0], "CMD");
	if (((shell || exec) && command->n < 2) || (shell && command->n > 2))
		return err_set(e, ERR_CLIENT,
		    "Invalid setting for container '%s'. Health check %s must be followed by %s.",
		    c->name, command->v[0], shell ? "one command string" : "a command");
	return 0;
}

static int
health_ranges(const struct td_subject *s, const struct container_def *c, struct err *e)
{
	const struct td_health_check *h = c->health_check;

	(void)s;
	if (h == NULL)
		return 0;
	const struct {
		const char *name;
		struct opt_int value;
		int min, max;
	} ranges[] = {
		{ "interval", h->interval, 5, 300 },
		{ "timeout", h->timeout, 2, 60 },
		{ "retries", h->retries, 1, 10 },
		{ "startPeriod", h->start_period, 0, 300 },
	};
	for (size_t i = 0; i < ARRAY_SIZE(ranges); i++) {
		if (ranges[i].value.set &&
		    (ranges[i].value.v < ranges[i].min || ranges[i].value.v > ranges[i].max))
			return err_set(e, ERR_CLIENT,
			    "Invalid setting for container '%s'. Health check %s must be between "
			    "%d and %d.",
			    c->name, ranges[i].name, ranges[i].min, ranges[i].max);
	}
	return 0;
}

static int
timeouts(const struct td_subject *s, const struct container_def *c, struct err *e)
{
	(void)s;
	if (c->start_timeout.v < 0)
		return err_set(
		    e, ERR_CLIENT, "Invalid 'startTimeout' setting for container '%s'.", c->name);
	if (c->stop_timeout.v < 0)
		return err_set(
		    e, ERR_CLIENT, "Invalid 'stopTimeout' setting for container '%s'.", c->name);
	return 0;
}

static int
restart_policy(const struct td_subject *s, const struct container_def *c, struct err *e)
{
	const struct td_restart_policy *p = c->restart_policy;

	(void)s;
	if (p == NULL)
		return 0;
	if (p->restart_attempt_period.set &&
	    (p->restart_attempt_period.v < 60 || p->restart_attempt_period.v > 1800))
		return err_set(e, ERR_CLIENT,
		    "Invalid setting for container '%s'. The restartAttemptPeriod must be between "
		    "60 and 1800 seconds.",
		    c->name);
	if (p->ignored_exit_codes != NULL &&
	    json_object_array_length(p->ignored_exit_codes) > EXIT_CODES_MAX)
		return err_set(e, ERR_CLIENT,
		    "Invalid setting for container '%s'. A maximum of %d container exit codes can "
		    "be ignored.",
		    c->name, EXIT_CODES_MAX);
	return 0;
}

static int
ulimits(const struct td_subject *s, const struct container_def *c, struct err *e)
{
	unsigned seen = 0;

	(void)s;
	for (size_t i = 0; i < c->ulimits.n; i++) {
		const struct td_ulimit *u = &c->ulimits.v[i];
		const char *name = ulimit_name_names[u->name];

		/* -1 is unlimited */
		if (u->soft_limit.v < -1 || u->hard_limit.v < -1 ||
		    (u->hard_limit.v != -1 &&
			(u->soft_limit.v == -1 || u->soft_limit.v > u->hard_limit.v)))
			return err_set(e, ERR_CLIENT,
			    "Invalid setting for container '%s'. The soft limit of ulimit '%s' "
			    "must not be greater than its hard limit.",
			    c->name, name);
		if (seen & BIT(u->name))
			return err_set(e, ERR_CLIENT,
			    "Invalid setting for container '%s'. The ulimit '%s' is specified more "
			    "than once.",
			    c->name, name);
		seen |= BIT(u->name);
	}
	return 0;
}

static const char *
unknown_capability(const struct str_list *names)
{
	for (size_t i = 0; i < names->n; i++) {
		bool known = false;

		for (size_t k = 0; k < ARRAY_SIZE(capability_names); k++)
			known = known || streq(names->v[i], capability_names[k]);
		if (!known)
			return names->v[i];
	}
	return NULL;
}

static int
capabilities(const struct td_subject *s, const struct container_def *c, struct err *e)
{
	const char *unknown;

	(void)s;
	if (c->linux_parameters == NULL || c->linux_parameters->capabilities == NULL)
		return 0;
	unknown = unknown_capability(&c->linux_parameters->capabilities->add);
	if (unknown == NULL)
		unknown = unknown_capability(&c->linux_parameters->capabilities->drop);
	if (unknown != NULL)
		return err_set(e, ERR_CLIENT,
		    "Invalid setting for container '%s'. Unknown Linux capability '%s'.", c->name,
		    unknown);
	return 0;
}

static int
devices(const struct td_subject *s, const struct container_def *c, struct err *e)
{
	(void)s;
	for (size_t i = 0; c->linux_parameters != NULL && i < c->linux_parameters->devices.n; i++) {
		if (*c->linux_parameters->devices.v[i].host_path == '\0')
			return err_set(e, ERR_CLIENT,
			    "Invalid setting for container '%s'. Device hostPath should not be "
			    "null or empty.",
			    c->name);
	}
	return 0;
}

/* linuxParameters.sharedMemorySize and .tmpfs[].size, both in MiB. */
static int
memory_devices(const struct td_subject *s, const struct container_def *c, struct err *e)
{
	const struct td_linux_parameters *p = c->linux_parameters;

	(void)s;
	if (p == NULL)
		return 0;
	if (p->shared_memory_size.v < 0)
		return err_set(e, ERR_CLIENT,
		    "Invalid 'sharedMemorySize' setting for container '%s'.", c->name);
	for (size_t i = 0; i < p->tmpfs.n; i++) {
		if (p->tmpfs.v[i].size.v <= 0 || *p->tmpfs.v[i].container_path != '/')
			return err_set(
			    e, ERR_CLIENT, "Invalid 'tmpfs' setting for container '%s'.", c->name);
	}
	return 0;
}

static int
swap(const struct td_subject *s, const struct container_def *c, struct err *e)
{
	const struct td_linux_parameters *p = c->linux_parameters;

	(void)s;
	if (p == NULL)
		return 0;
	if (p->max_swap.v < 0)
		return err_set(
		    e, ERR_CLIENT, "Invalid 'maxSwap' setting for container '%s'.", c->name);
	if (p->swappiness.v < 0 || p->swappiness.v > SWAPPINESS_MAX)
		return err_set(e, ERR_CLIENT,
		    "Invalid setting for container '%s'. The swappiness must be between 0 and %d.",
		    c->name, SWAPPINESS_MAX);
	return 0;
}

/* The row of system_control_names that covers a namespace, -1 where none does. */
static int
find_system_control(const char *name)
{
	for (size_t i = 0; name != NULL && i < ARRAY_SIZE(system_control_names); i++) {
		const char *row = system_control_names[i].name;

		if (row[strlen(row) - 1] == '.' ? has_prefix(name, row) && !streq(name, row)
						: streq(name, row))
			return (int)i;
	}
	return -1;
}

static int
system_controls(const struct td_subject *s, const struct container_def *c, struct err *e)
{
	(void)s;
	for (size_t i = 0; i < c->system_controls.n; i++) {
		const struct td_system_control *control = &c->system_controls.v[i];

		if (find_system_control(control->name_space) < 0)
			return err_set(e, ERR_CLIENT,
			    "Invalid setting for container '%s'. The system control namespace '%s' "
			    "is not supported.",
			    c->name, control->name_space != NULL ? control->name_space : "");
		if (control->value == NULL || *control->value == '\0')
			return err_set(e, ERR_CLIENT,
			    "Invalid setting for container '%s'. The system control '%s' must have "
			    "a value.",
			    c->name, control->name_space);
	}
	return 0;
}

/* Namespaces of the host are not a task's to set. */
static int
system_control_modes(const struct td_subject *s, const struct container_def *c, struct err *e)
{
	for (size_t i = 0; i < c->system_controls.n; i++) {
		const char *name = c->system_controls.v[i].name_space;
		bool ipc = system_control_names[find_system_control(name)].ipc;

		if (ipc && s->td->ipc_mode == IPC_HOST)
			return err_set(e, ERR_CLIENT,
			    "Invalid setting for container '%s'. The system control '%s' is not "
			    "supported when ipcMode=host.",
			    c->name, name);
		if (!ipc && s->td->network_mode == NETWORK_HOST)
			return err_set(e, ERR_CLIENT,
			    "Invalid setting for container '%s'. The system control '%s' is not "
			    "supported when networkMode=host.",
			    c->name, name);
	}
	return 0;
}

static int
gpu(const struct td_subject *s, const struct container_def *c, struct err *e)
{
	(void)s;
	for (size_t i = 0; i < c->resource_requirements.n; i++) {
		const struct td_resource_requirement *need = &c->resource_requirements.v[i];

		if (need->type == RESOURCE_GPU &&
		    (!td_rules_text_ok(need->value, 4, "0123456789") ||
			need->value[strspn(need->value, "0")] == '\0'))
			return err_set(e, ERR_CLIENT,
			    "Invalid setting for container '%s'. The GPU resource requirement must "
			    "be a positive number.",
			    c->name);
	}
	return 0;
}

static int
security_options(const struct td_subject *s, const struct container_def *c, struct err *e)
{
	(void)s;
	for (size_t i = 0; i < c->docker_security_options.n; i++) {
		bool known = false;

		for (size_t k = 0; k < ARRAY_SIZE(security_option_prefixes); k++)
			known = known || has_prefix(c->docker_security_options.v[i],
					     security_option_prefixes[k]);
		if (!known)
			return err_set(e, ERR_CLIENT,
			    "Invalid 'dockerSecurityOptions' setting for container '%s'.", c->name);
	}
	return 0;
}

static int
credential_specs(const struct td_subject *s, const struct container_def *c, struct err *e)
{
	(void)s;
	if (c->credential_specs.n > 1)
		return err_set(e, ERR_CLIENT,
		    "Invalid setting for container '%s'. Only one credential spec can be "
		    "specified.",
		    c->name);
	return 0;
}
