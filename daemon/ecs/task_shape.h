/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shapes that RunTask has in common with services and task sets, which check and keep them as JSON.
 * Defined in task_input.c.
 */
#ifndef DAEMON_ECS_TASK_SHAPE_H
#define DAEMON_ECS_TASK_SHAPE_H

#include "common/schema.h"

extern const struct schema task_strategy_item_schema; /* CapacityProviderStrategyItem */
extern const struct schema task_network_schema;       /* NetworkConfiguration */
extern const struct schema task_constraint_schema;
extern const struct schema task_placement_strategy_schema;
extern const struct schema task_ebs_tags_schema; /* EBSTagSpecification */
extern const char *const task_propagate_tags_names[];
extern const char *const task_filesystem_names[];

#endif
