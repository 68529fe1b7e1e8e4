/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the service ecs consists of: all of the service model, against which a unit test counts the
 * tables.
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
	&ecs_daemon_definition_ops,
	&ecs_daemon_ops,
	&ecs_daemon_deployment_ops,
};

const struct op_service ecs_service = {
	.name = "ecs",
	.full_name = "Amazon ECS",
	.tables = tables,
	.n_tables = ARRAY_SIZE(tables),
};
