/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What Fargate asks beyond the other rules (RegisterTaskDefinition with requiresCompatibilities
 * FARGATE); the same rules say whether FARGATE is among the compatibilities of a definition that
 * did not ask. Asked by task_definition_rules.c.
 */
#include "daemon/ecs/task_definition_rules.h"

#include <string.h>

#define NOT_SUPPORTED "Fargate compatible task definitions do not support %s"
#define TIMEOUT_MIN_S 2
#define TIMEOUT_MAX_S 120
#define WINDOWS_CPU_MIN 1024

typedef int task_rule(const struct td_subject *s, struct err *e);
typedef int container_rule(
    const struct td_subject *s, const struct container_def *c, struct err *e);
static task_rule network, cpu_given, memory_given, combination, pid_mode, ipc_mode, host_volumes,
    docker_volumes, placement, accelerators;
static container_rule unsupported, linux_unsupported, capabilities, log_driver, awslogs_prefix,
    awslogs_role, ecr_role, gpu, ulimits, timeouts;

/* clang-format off */
static const struct td_rule rules[] = {
	{ .name = "fargate_network",        .task = network },
	{ .name = "fargate_cpu",            .task = cpu_given },
	{ .name = "fargate_memory",         .task = memory_given },
	{ .name = "fargate_combination",    .task = combination },
	{ .name = "fargate_pid_mode",       .task = pid_mode },
	{ .name = "fargate_ipc_mode",       .task = ipc_mode },
	{ .name = "fargate_host_volumes",   .task = host_volumes },
	{ .name = "fargate_docker_volumes", .task = docker_volumes },
	{ .name = "fargate_placement",      .task = placement },
	{ .name = "fargate_accelerators",   .task = accelerators },
	{ .name = "fargate_unsupported",    .container = unsupported },
	{ .name = "fargate_linux",          .container = linux_unsupported },
	{ .name = "fargate_capabilities",   .container = capabilities },
	{ .name = "fargate_log_driver",     .container = log_driver },
	{ .name = "fargate_awslogs_prefix", .container = awslogs_prefix },
	{ .name = "fargate_awslogs_role",   .container = awslogs_role },
	{ .name = "fargate_ecr_role",       .container = ecr_role },
	{ .name = "fargate_gpu",            .container = gpu },
	{ .name = "fargate_ulimits",        .container = ulimits },
	{ .name = "fargate_timeouts",       .container = timeouts },
};

/* Memory in MiB that goes with each number of CPU units: from, to, in steps of. */
static const struct {
	int cpu, min, max, step;
} combinations[] = {
	{ 256,   512,   512,    512 },
	{ 256,   1024,  2048,   1024 },
	{ 512,   1024,  4096,   1024 },
	{ 1024,  2048,  8192,   1024 },
	{ 2048,  4096,  16384,  1024 },
	{ 4096,  8192,  30720,  1024 },
	{ 8192,  16384, 61440,  4096 },
	{ 16384, 32768, 122880, 8192 },
};
/* clang-format on */
const struct td_rule_set td_rules_fargate = { rules, ARRAY_SIZE(rules) };

static int
network(const struct td_subject *s, struct err *e)
{
	if (s->td->network_mode != NETWORK_AWSVPC)
		return err_set(e, ERR_CLIENT, "Fargate only supports network mode ‘awsvpc’.");
	return 0;
}

static int
cpu_given(const struct td_subject *s, struct err *e)
{
	if (s->td->cpu == NULL)
		return err_set(
		    e, ERR_CLIENT, "Fargate requires that 'cpu' be defined at the task level.");
	return 0;
}

static int
memory_given(const struct td_subject *s, struct err *e)
{
	if (s->td->memory == NULL)
		return err_set(
		    e, ERR_CLIENT, "Fargate requires that 'memory' be defined at the task level.");
	return 0;
}

static int
combination(const struct td_subject *s, struct err *e)
{
	const struct td_runtime_platform *platform = s->td->runtime_platform;
	int os = platform != NULL ? platform->operating_system_family : OS_UNSET;
	bool fits = false;

	for (size_t i = 0; i < ARRAY_SIZE(combinations); i++)
		fits =
		    fits ||
		    (s->cpu_units == combinations[i].cpu && s->memory_mib >= combinations[i].min &&
			s->memory_mib <= combinations[i].max &&
			(s->memory_mib - combinations[i].min) % combinations[i].step == 0);
	if (os != OS_UNSET && os != OS_LINUX && s->cpu_units < WINDOWS_CPU_MIN)
		fits = false;
	if (!fits)
		return err_set(e, ERR_CLIENT, "No Fargate configuration exists for given values.");
	return 0;
}

static int
pid_mode(const struct td_subject *s, struct err *e)
{
	if (s->td->pid_mode == PID_HOST)
		return err_set(e, ERR_CLIENT,
		    "Tasks using the Fargate launch type do not support pidMode 'host'. The "
		    "supported value for pidMode is 'task'.");
	return 0;
}

static int
ipc_mode(const struct td_subject *s, struct err *e)
{
	if (s->td->ipc_mode != IPC_UNSET)
		return err_set(
		    e, ERR_CLIENT, "Tasks using the Fargate launch type do not support ipcMode.");
	return 0;
}

static int
host_volumes(const struct td_subject *s, struct err *e)
{
	for (size_t i = 0; i < s->td->volumes.n; i++) {
		if (s->td->volumes.v[i].host != NULL &&
		    s->td->volumes.v[i].host->source_path != NULL)
			return err_set(e, ERR_CLIENT, NOT_SUPPORTED, "sourcePath");
	}
	return 0;
}

static int
docker_volumes(const struct td_subject *s, struct err *e)
{
	for (size_t i = 0; i < s->td->volumes.n; i++) {
		if (s->td->volumes.v[i].docker != NULL)
			return err_set(e, ERR_CLIENT, NOT_SUPPORTED, "dockerVolumeConfiguration");
		if (s->td->volumes.v[i].fsx != NULL)
			return err_set(e, ERR_CLIENT, NOT_SUPPORTED,
			    "fsxWindowsFileServerVolumeConfiguration");
	}
	return 0;
}

static int
placement(const struct td_subject *s, struct err *e)
{
	if (s->td->placement_constraints.n > 0)
		return err_set(
		    e, ERR_CLIENT, "Placement constraints are not supported with FARGATE.");
	return 0;
}

static int
accelerators(const struct td_subject *s, struct err *e)
{
	if (s->td->inference_accelerators.n > 0)
		return err_set(e, ERR_CLIENT, NOT_SUPPORTED, "inferenceAccelerators");
	return 0;
}

static int
unsupported(const struct td_subject *s, const struct container_def *c, struct err *e)
{
	const struct {
		bool given;
		const char *name;
	} members[] = {
		{ c->privileged == TRI_TRUE, "privileged" },
		{ c->links.n > 0, "links" },
		{ c->disable_networking == TRI_TRUE, "disableNetworking" },
		{ c->docker_security_options.n > 0, "dockerSecurityOptions" },
		{ c->dns_servers.n > 0, "dnsServers" },
		{ c->dns_search_domains.n > 0, "dnsSearchDomains" },
		{ c->extra_hosts.n > 0, "extraHosts" },
		{ c->hostname != NULL, "hostname" },
	};

	(void)s;
	for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
		if (members[i].given)
			return err_set(e, ERR_CLIENT, NOT_SUPPORTED, members[i].name);
	}
	return 0;
}

static int
linux_unsupported(const struct td_subject *s, const struct container_def *c, struct err *e)
{
	const struct td_linux_parameters *p = c->linux_parameters;

	(void)s;
	if (p == NULL)
		return 0;
	if (p->devices.n > 0)
		return err_set(e, ERR_CLIENT, NOT_SUPPORTED, "devices");
	if (p->shared_memory_size.set)
		return err_set(e, ERR_CLIENT, NOT_SUPPORTED, "sharedMemorySize");
	if (p->max_swap.set)
		return err_set(e, ERR_CLIENT, NOT_SUPPORTED, "maxSwap");
	if (p->swappiness.set)
		return err_set(e, ERR_CLIENT, NOT_SUPPORTED, "swappiness");
	return 0;
}

static int
capabilities(const struct td_subject *s, const struct container_def *c, struct err *e)
{
	const struct td_capabilities *caps =
	    c->linux_parameters != NULL ? c->linux_parameters->capabilities : NULL;

	(void)s;
	for (size_t i = 0; caps != NULL && i < caps->add.n; i++) {
		if (!streq(caps->add.v[i], "SYS_PTRACE"))
			return err_set(e, ERR_CLIENT,
			    "Fargate compatible task definitions do not support adding the Linux "
			    "capability '%s'. The supported value is 'SYS_PTRACE'.",
			    caps->add.v[i]);
	}
	return 0;
}

static int
log_driver(const struct td_subject *s, const struct container_def *c, struct err *e)
{
	int driver =
	    c->log_configuration != NULL ? c->log_configuration->log_driver : LOG_DRIVER_UNSET;

	(void)s;
	if (driver != LOG_DRIVER_UNSET && driver != LOG_DRIVER_AWSLOGS &&
	    driver != LOG_DRIVER_SPLUNK && driver != LOG_DRIVER_AWSFIRELENS)
		return err_set(e, ERR_CLIENT,
		    "Fargate compatible task definitions do not support log driver %s. The "
		    "supported values are awslogs, splunk and awsfirelens.",
		    log_driver_names[driver]);
	return 0;
}

static bool
uses_awslogs(const struct container_def *c)
{
	return c->log_configuration != NULL &&
	       c->log_configuration->log_driver == LOG_DRIVER_AWSLOGS;
}

static int
awslogs_prefix(const struct td_subject *s, const struct container_def *c, struct err *e)
{
	(void)s;
	if (!uses_awslogs(c))
		return 0;
	for (size_t i = 0; i < c->log_configuration->options.n; i++) {
		if (streq(c->log_configuration->options.keys[i], "awslogs-stream-prefix"))
			return 0;
	}
	return err_set(e, ERR_CLIENT, "Log driver awslogs requires option: awslogs-stream-prefix");
}

static int
awslogs_role(const struct td_subject *s, const struct container_def *c, struct err *e)
{
	if (uses_awslogs(c) && s->td->execution_role_arn == NULL)
		return err_set(e, ERR_CLIENT,
		    "Fargate requires task definition to have execution role ARN to support log "
		    "driver awslogs.");
	return 0;
}

static int
ecr_role(const struct td_subject *s, const struct container_def *c, struct err *e)
{
	if (td_rules_ecr_image(c->image) && s->td->execution_role_arn == NULL)
		return err_set(e, ERR_CLIENT,
		    "Fargate requires task definition to have execution role ARN to support ECR "
		    "images.");
	return 0;
}

static int
gpu(const struct td_subject *s, const struct container_def *c, struct err *e)
{
	(void)s;
	if (c->resource_requirements.n > 0)
		return err_set(e, ERR_CLIENT, NOT_SUPPORTED, "resourceRequirements");
	return 0;
}

static int
ulimits(const struct td_subject *s, const struct container_def *c, struct err *e)
{
	(void)s;
	for (size_t i = 0; i < c->ulimits.n; i++) {
		if (c->ulimits.v[i].name != ULIMIT_NOFILE)
			return err_set(e, ERR_CLIENT,
			    "Fargate compatible task definitions do not support ulimit '%s'. The "
			    "supported value is 'nofile'.",
			    ulimit_name_names[c->ulimits.v[i].name]);
	}
	return 0;
}

static bool
timeout_ok(struct opt_int timeout_s)
{
	return !timeout_s.set || (timeout_s.v >= TIMEOUT_MIN_S && timeout_s.v <= TIMEOUT_MAX_S);
}

static int
timeouts(const struct td_subject *s, const struct container_def *c, struct err *e)
{
	(void)s;
	if (!timeout_ok(c->start_timeout) || !timeout_ok(c->stop_timeout))
		return err_set(e, ERR_CLIENT,
		    "Invalid setting for container '%s'. For Fargate, '%s' must be between %d and "
		    "%d seconds.",
		    c->name, timeout_ok(c->start_timeout) ? "stopTimeout" : "startTimeout",
		    TIMEOUT_MIN_S, TIMEOUT_MAX_S);
	return 0;
}
