/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The list of everything that the service ecs has: the table of each family file, and the names of
 * the operations that are part of Amazon ECS but not built here yet. Read by api.c; a family file
 * defines its table and includes this header.
 */
#ifndef DAEMON_ECS_OPERATIONS_H
#define DAEMON_ECS_OPERATIONS_H

#include "daemon/services/service.h"

/* Operations in the current service model. */
#define ECS_OPERATIONS_TOTAL 77

extern const struct op_table ecs_cluster_ops;            /* ecs/cluster.c */
extern const struct op_table ecs_container_instance_ops; /* ecs/container_instance.c */
extern const struct op_table ecs_task_definition_ops;    /* ecs/task_definition.c */
extern const struct op_table ecs_task_ops;               /* ecs/task.c */
extern const struct op_table ecs_tag_ops;                /* ecs/tag.c */
extern const struct op_table ecs_account_setting_ops;    /* ecs/account_setting.c */
extern const struct op_table ecs_capacity_provider_ops;  /* ecs/capacity_provider.c */
extern const struct op_table ecs_task_protection_ops;    /* ecs/task_protection.c */
extern const struct op_table ecs_task_exec_ops;          /* ecs/task_exec.c */
extern const struct op_table ecs_agent_ops;              /* ecs/agent.c */
extern const struct op_table ecs_express_gateway_ops;    /* express_gateway.c */
extern const struct op_table ecs_service_ops;            /* ecs/service.c */
extern const struct op_table ecs_service_deployment_ops; /* ecs/service_deployment.c */
extern const struct op_table ecs_task_set_ops;           /* ecs/task_set.c */
extern const struct op_table ecs_daemon_definition_ops;  /* ecs/task_definition_daemon.c */
extern const struct op_table ecs_daemon_ops;             /* ecs/daemon.c */
extern const struct op_table ecs_daemon_deployment_ops;  /* ecs/daemon_deployment.c */

#endif
