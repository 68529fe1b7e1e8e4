/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the service ecs consists of. A new family adds its table here and takes its names off the
 * second list; a unit test counts both against the service model.
 */
#include "daemon/ecs/operations.h"

static const struct op_table *const tables[] = {
	&ecs_cluster_ops,
	&ecs_container_instance_ops,
	&ecs_task_definition_ops,
	&ecs_task_ops,
	&ecs_tag_ops,
	&ecs_account_setting_ops,
	&ecs_capacity_provider_ops,
	&ecs_task_protection_ops,
	&ecs_task_exec_ops,
	&ecs_agent_ops,
	&ecs_express_gateway_ops,
	&ecs_service_ops,
	&ecs_service_deployment_ops,
	&ecs_task_set_ops,
};

static const char *const unavailable[] = {
	"CreateDaemon",
	"DeleteDaemon",
	"DeleteDaemonTaskDefinition",
	"DescribeDaemon",
	"DescribeDaemonDeployments",
	"DescribeDaemonRevisions",
	"DescribeDaemonTaskDefinition",
	"ListDaemonDeployments",
	"ListDaemonTaskDefinitions",
	"ListDaemons",
	"RegisterDaemonTaskDefinition",
	"UpdateDaemon",
};

const struct op_service ecs_service = {
	.name = "ecs",
	.full_name = "Amazon ECS",
	.tables = tables,
	.n_tables = ARRAY_SIZE(tables),
	.unavailable = unavailable,
	.n_unavailable = ARRAY_SIZE(unavailable),
};
