/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fills in the defaults that RegisterTaskDefinition echoes, so that registering what
 * DescribeTaskDefinition returned changes nothing, and derives compatibilities and
 * requiresAttributes. Called by task_definition.c.
 */
#include "daemon/ecs/task_definition_doc.h"

#include "daemon/ecs/task_definition_rules.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define CAPABILITY "com.amazonaws.ecs.capability."
#define CPU_UNITS_COMMON 10240 /* more needs an agent of 2023 or later */

/* What a definition makes use of, as far as an agent must be able to do it. */
enum fact {
	FACT_ANY,
	FACT_TASK_ROLE,
	FACT_TASK_ROLE_HOST,
	FACT_AWSVPC,
	FACT_LARGE_CPU,
	FACT_NAMESPACE_SHARING,
	FACT_FAULT_INJECTION,
	FACT_EFS,
	FACT_EFS_AUTH,
	FACT_LOCAL_VOLUME,
	FACT_PROXY,
	FACT_PRIVILEGED,
	FACT_RESERVATION,
	FACT_HEALTH_CHECK,
	FACT_ORDERING,
	FACT_RESTART_POLICY,
	FACT_PORT_RANGE,
	FACT_ENV_FILES,
	FACT_SECRET_ASM,
	FACT_SECRET_SSM,
	FACT_ECR,
	FACT_ECR_ROLE,
	FACT_REGISTRY_CREDENTIALS,
	FACT_AWSLOGS,
	FACT_AWSLOGS_ROLE,
	FACT_FLUENTD,
	FACT_FLUENTBIT,
	FACT_MAX,
};

/* clang-format off */
static const struct {
	enum fact fact;
	const char *attribute;
} attributes[] = {
	{ FACT_ANY,                  CAPABILITY "docker-remote-api.1.18" },
	{ FACT_AWSLOGS,              CAPABILITY "docker-remote-api.1.19" },
	{ FACT_RESERVATION,          CAPABILITY "docker-remote-api.1.21" },
	{ FACT_HEALTH_CHECK,         CAPABILITY "docker-remote-api.1.29" },
	{ FACT_PRIVILEGED,           CAPABILITY "privileged-container" },
	{ FACT_TASK_ROLE,            CAPABILITY "task-iam-role" },
	{ FACT_TASK_ROLE_HOST,       CAPABILITY "task-iam-role-network-host" },
	{ FACT_ECR,                  CAPABILITY "ecr-auth" },
	{ FACT_ECR_ROLE,             "ecs.capability.execution-role-ecr-pull" },
	{ FACT_AWSLOGS_ROLE,         "ecs.capability.execution-role-awslogs" },
	{ FACT_AWSVPC,               "ecs.capability.task-eni" },
	{ FACT_HEALTH_CHECK,         "ecs.capability.container-health-check" },
	{ FACT_ORDERING,             "ecs.capability.container-ordering" },
	{ FACT_SECRET_ASM,           "ecs.capability.secrets.asm.environment-variables" },
	{ FACT_SECRET_SSM,           "ecs.capability.secrets.ssm.environment-variables" },
	{ FACT_ENV_FILES,            "ecs.capability.env-files.s3" },
	{ FACT_EFS,                  "ecs.capability.efs" },
	{ FACT_EFS_AUTH,             "ecs.capability.efsAuth" },
	{ FACT_NAMESPACE_SHARING,    "ecs.capability.pid-ipc-namespace-sharing" },
	{ FACT_FLUENTD,              "ecs.capability.firelens.fluentd" },
	{ FACT_FLUENTBIT,            "ecs.capability.firelens.fluentbit" },
	{ FACT_REGISTRY_CREDENTIALS, "ecs.capability.private-registry-authentication.secretsmanager" },
	{ FACT_LOCAL_VOLUME,         "ecs.capability.docker-plugin.local" },
	{ FACT_LARGE_CPU,            "ecs.capability.increased-task-cpu-limit" },
	{ FACT_RESTART_POLICY,       "ecs.capability.container-restart-policy" },
	{ FACT_FAULT_INJECTION,      "ecs.capability.fault-injection" },
	{ FACT_PORT_RANGE,           "ecs.capability.network.container-port-range" },
	{ FACT_PROXY,                "ecs.capability.aws-appmesh" },
};

static const struct {
	const char *name;
	const char *kept; /* the member for what a daemon task definition says of it */
} namespaces[] = {
	{ "pidMode", "daemonPidMode" },
	{ "ipcMode", "daemonIpcMode" },
};
/* Lists that are echoed empty where they were left out. */
static const char *const task_lists[] = { "volumes", "placementConstraints" };
static const char *const container_lists[] = {
	"portMappings", "environment", "mountPoints", "volumesFrom", "systemControls",
};
/* clang-format on */

static void fill_containers(const struct task_def *td, struct json_object *list);
static void fill_container(const struct task_def *td, struct json_object *c);
static void fill_numbers(struct json_object *c);
static void fill_lists(struct json_object *o, const char *const *names, size_t n);
static void normalise(struct json_object *doc, const struct task_def *td);
static struct json_object *compatibilities(const struct task_def *td);
static struct json_object *required_attributes(const struct task_def *td);

struct json_object *
task_definition_doc_new(const struct task_def *td, struct json_object *in)
{
	struct json_object *doc = schema_prune(&task_def_schema, in);

	json_object_object_del(doc, "tags"); /* they stand beside the definition in every reply */
	fill_containers(td, json_get(doc, "containerDefinitions"));
	fill_lists(doc, task_lists, ARRAY_SIZE(task_lists));
	normalise(doc, td);
	json_add(doc, "requiresAttributes", required_attributes(td));
	json_add(doc, "compatibilities", compatibilities(td));
	return doc;
}

/* "shared" is the machine's namespace: what runs the task is told so in a task definition's words,
 * and the daemon's own are kept beside them. */
static void
keep_namespace(struct json_object *doc, const char *name, const char *kept)
{
	const char *mode = json_get_str(doc, name);

	if (mode == NULL)
		return;
	json_add_str(doc, kept, mode);
	if (streq(mode, "shared"))
		json_add_str(doc, name, "host");
	else
		json_object_object_del(doc, name);
}

struct json_object *
task_definition_doc_new_daemon(const struct task_def *td, struct json_object *in)
{
	struct json_object *doc = schema_prune(&daemon_def_schema, in);
	struct json_object *list = json_get(doc, "containerDefinitions");

	json_object_object_del(doc, "tags");
	for (size_t i = 0; i < json_object_array_length(list); i++)
		fill_numbers(json_object_array_get_idx(list, i));
	normalise(doc, td);
	for (size_t i = 0; i < ARRAY_SIZE(namespaces); i++)
		keep_namespace(doc, namespaces[i].name, namespaces[i].kept);
	return doc;
}

static void
restore_namespace(struct json_object *doc, const char *name, const char *kept)
{
	_cleanup_json_ struct json_object *mode = json_object_get(json_get(doc, kept));

	json_object_object_del(doc, name);
	json_object_object_del(doc, kept);
	json_add_str(doc, name, mode != NULL ? json_object_get_string(mode) : NULL);
}

int
task_definition_doc_reply_daemon(
    const struct store_task_definition *t, struct json_object **ret, struct err *e)
{
	_cleanup_json_ struct json_object *doc = NULL;
	int r = json_parse(t->doc, strlen(t->doc), &doc, e);

	if (r < 0)
		return r;
	for (size_t i = 0; i < ARRAY_SIZE(namespaces); i++)
		restore_namespace(doc, namespaces[i].name, namespaces[i].kept);
	json_add_str(doc, "status", td_status_name(t->status));
	json_add_time(doc, "registeredAt", t->registered_at_ms);
	json_add_time(doc, "deleteRequestedAt", t->delete_requested_at_ms);
	*ret = TAKE(doc);
	return 0;
}

struct json_object *
task_definition_doc_reply(const struct store_task_definition *t)
{
	_cleanup_json_ struct json_object *own = json_object_new_object();
	size_t len = strlen(t->doc);

	json_add_str(own, "status", td_status_name(t->status));
	json_add_time(own, "registeredAt", t->registered_at_ms);
	json_add_time(own, "deregisteredAt", t->deregistered_at_ms);
	json_add_time(own, "deleteRequestedAt", t->delete_requested_at_ms);
	/* The row's members go in front of the closing brace of the stored object, which is never
	 * empty. */
	return json_new_raw(xasprintf("%.*s,%s", (int)(len - 1), t->doc, json_print(own) + 1));
}

static void
fill_lists(struct json_object *o, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (json_get(o, names[i]) == NULL)
			json_add(o, names[i], json_object_new_array());
	}
}

static void
fill_containers(const struct task_def *td, struct json_object *list)
{
	size_t n = json_object_array_length(list);

	for (size_t i = 0; i < n; i++)
		fill_container(td, json_object_array_get_idx(list, i));
}

/* PortMapping.hostPort: any free port in bridge mode, else that of the container. A range has none.
 */
static void
fill_port(const struct task_def *td, struct json_object *p)
{
	bool same = td->network_mode == NETWORK_AWSVPC || td->network_mode == NETWORK_HOST;

	if (json_get_int(p, "hostPort", 0) == 0 && json_get(p, "containerPortRange") == NULL)
		json_add_int(p, "hostPort", same ? json_get_int(p, "containerPort", 0) : 0);
	if (json_get(p, "protocol") == NULL)
		json_add_str(p, "protocol", transport_protocol_names[PROTOCOL_TCP]);
}

static void
fill_numbers(struct json_object *c)
{
	if (json_get(c, "cpu") == NULL)
		json_add_int(c, "cpu", 0);
	if (json_get(c, "essential") == NULL)
		json_add_bool(c, "essential", true);
}

static void
fill_container(const struct task_def *td, struct json_object *c)
{
	struct json_object *ports;

	fill_numbers(c);
	fill_lists(c, container_lists, ARRAY_SIZE(container_lists));
	ports = json_get(c, "portMappings");
	for (size_t i = 0; i < json_object_array_length(ports); i++)
		fill_port(td, json_object_array_get_idx(ports, i));
}

static void
add_number_text(struct json_object *doc, const char *key, int64_t v)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "%" PRId64, v); /* fits */
	json_add_str(doc, key, text);
}

/* "1 vCPU" is stored as "1024", "1GB" as "1024". */
static void
normalise(struct json_object *doc, const struct task_def *td)
{
	int64_t v;

	if (td->cpu != NULL && task_def_cpu_units(td->cpu, &v) == 0)
		add_number_text(doc, "cpu", v);
	if (td->memory != NULL && task_def_memory_mib(td->memory, &v) == 0)
		add_number_text(doc, "memory", v);
}

static void
append(struct json_object *list, struct json_object *v)
{
	if (json_object_array_add(list, v) != 0)
		abort();
}

static void
append_compatibility(struct json_object *list, enum compatibility c)
{
	append(list, json_object_new_string(compatibility_names[c]));
}

static struct json_object *
compatibilities(const struct task_def *td)
{
	struct json_object *list = json_object_new_array();

	if (td->network_mode != NETWORK_AWSVPC)
		append_compatibility(list, COMPAT_EXTERNAL);
	append_compatibility(list, COMPAT_EC2);
	if (task_definition_rules_fit_fargate(td))
		append_compatibility(list, COMPAT_FARGATE);
	for (size_t i = 0; i < td->requires_compatibilities.n; i++) {
		if (streq(td->requires_compatibilities.v[i],
			compatibility_names[COMPAT_MANAGED_INSTANCES])) {
			append_compatibility(list, COMPAT_MANAGED_INSTANCES);
			break;
		}
	}
	return list;
}

static unsigned
fact(enum fact f, bool holds)
{
	return holds ? BIT(f) : 0;
}

static unsigned
task_facts(const struct task_def *td)
{
	bool host = td->network_mode == NETWORK_HOST;
	int64_t cpu = 0;

	(void)(td->cpu != NULL && task_def_cpu_units(td->cpu, &cpu)); /* the rules have seen it */
	return BIT(FACT_ANY) | fact(FACT_TASK_ROLE, td->task_role_arn != NULL && !host) |
	       fact(FACT_TASK_ROLE_HOST, td->task_role_arn != NULL && host) |
	       fact(FACT_AWSVPC, td->network_mode == NETWORK_AWSVPC) |
	       fact(FACT_LARGE_CPU, cpu > CPU_UNITS_COMMON) |
	       fact(
		   FACT_NAMESPACE_SHARING, td->pid_mode != PID_UNSET || td->ipc_mode != IPC_UNSET) |
	       fact(FACT_FAULT_INJECTION, td->enable_fault_injection == TRI_TRUE) |
	       fact(FACT_PROXY, td->proxy_configuration != NULL);
}

static unsigned
volume_facts(const struct td_volume *v)
{
	return fact(FACT_EFS, v->efs != NULL) |
	       fact(FACT_EFS_AUTH, v->efs != NULL && v->efs->authorization_config != NULL) |
	       fact(FACT_LOCAL_VOLUME, v->docker != NULL && (v->docker->driver == NULL ||
								streq(v->docker->driver, "local")));
}

static unsigned
log_facts(const struct task_def *td, const struct container_def *c)
{
	const struct td_firelens *router = c->firelens_configuration;
	bool awslogs =
	    c->log_configuration != NULL && c->log_configuration->log_driver == LOG_DRIVER_AWSLOGS;

	return fact(FACT_AWSLOGS, awslogs) |
	       fact(FACT_AWSLOGS_ROLE, awslogs && td->execution_role_arn != NULL) |
	       fact(FACT_FLUENTD, router != NULL && router->type == FIRELENS_FLUENTD) |
	       fact(FACT_FLUENTBIT, router != NULL && router->type == FIRELENS_FLUENTBIT);
}

static unsigned
container_facts(const struct task_def *td, const struct container_def *c)
{
	bool ecr = td_rules_ecr_image(c->image);
	unsigned facts = log_facts(td, c) | fact(FACT_PRIVILEGED, c->privileged == TRI_TRUE) |
			 fact(FACT_RESERVATION, c->memory_reservation.v != 0) |
			 fact(FACT_HEALTH_CHECK, c->health_check != NULL) |
			 fact(FACT_ORDERING,
			     c->depends_on.n > 0 || c->start_timeout.set || c->stop_timeout.set) |
			 fact(FACT_RESTART_POLICY,
			     c->restart_policy != NULL && c->restart_policy->enabled == TRI_TRUE) |
			 fact(FACT_ENV_FILES, c->environment_files.n > 0) | fact(FACT_ECR, ecr) |
			 fact(FACT_ECR_ROLE, ecr && td->execution_role_arn != NULL) |
			 fact(FACT_REGISTRY_CREDENTIALS, c->repository_credentials != NULL);

	for (size_t i = 0; i < c->port_mappings.n; i++)
		facts |= fact(FACT_PORT_RANGE, c->port_mappings.v[i].container_port_range != NULL);
	for (size_t i = 0; i < c->secrets.n; i++) {
		bool asm_secret = strstr(c->secrets.v[i].value_from, ":secretsmanager:") != NULL;

		facts |= BIT(asm_secret ? FACT_SECRET_ASM : FACT_SECRET_SSM);
	}
	return facts;
}

static void
append_attribute(struct json_object *list, const char *name)
{
	struct json_object *attribute = json_object_new_object();

	json_add_str(attribute, "name", name);
	append(list, attribute);
}

static void
append_log_drivers(struct json_object *list, const struct task_def *td)
{
	unsigned seen = BIT(LOG_DRIVER_UNSET);
	char name[64];

	for (size_t i = 0; i < td->containers.n; i++) {
		const struct td_log_configuration *log = td->containers.v[i].log_configuration;

		if (log == NULL || (seen & BIT(log->log_driver)) != 0)
			continue;
		seen |= BIT(log->log_driver);
		(void)snprintf(name, sizeof(name), CAPABILITY "logging-driver.%s",
		    log_driver_names[log->log_driver]);
		append_attribute(list, name);
	}
}

static struct json_object *
required_attributes(const struct task_def *td)
{
	struct json_object *list = json_object_new_array();
	unsigned facts = task_facts(td);

	for (size_t i = 0; i < td->volumes.n; i++)
		facts |= volume_facts(&td->volumes.v[i]);
	for (size_t i = 0; i < td->containers.n; i++)
		facts |= container_facts(td, &td->containers.v[i]);
	append_log_drivers(list, td);
	for (size_t i = 0; i < ARRAY_SIZE(attributes); i++) {
		if (facts & BIT(attributes[i].fact))
			append_attribute(list, attributes[i].attribute);
	}
	return list;
}
