/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The input of the operations that make tasks, RunTask and StartTask, as field tables over one
 * struct: what only one of them takes stays unset with the other. Read by task.c's table; what the
 * members mean is for task_plan.c.
 */
#include "daemon/ecs/task.h"

#include "daemon/ecs/task_shape.h"

/* clang-format off */
static const char *const assign_public_ip_names[] = { NULL, "ENABLED", "DISABLED", NULL };
const char *const task_propagate_tags_names[] = { NULL, "TASK_DEFINITION", "SERVICE", "NONE", NULL };
static const char *const constraint_names[] = { NULL, "distinctInstance", "memberOf", NULL };
static const char *const strategy_names[] = { NULL, "random", "spread", "binpack", NULL };
const char *const task_filesystem_names[] = { NULL, "ext3", "ext4", "xfs", "ntfs", NULL };
static const char *const ebs_resource_names[] = { NULL, "volume", NULL };

static const struct schema_field strategy_item_fields[] = {
	F_STR(struct strategy_item, capacity_provider, "capacityProvider", .flags = SCHEMA_REQUIRED),
	F_INT(struct strategy_item, weight, "weight", .min = 0, .max = 1000),
	F_INT(struct strategy_item, base, "base", .min = 0, .max = 100000),
};
const struct schema task_strategy_item_schema =
	SCHEMA(struct strategy_item, strategy_item_fields, "CapacityProviderStrategyItem");

static const struct schema_field awsvpc_fields[] = {
	F_STRS(struct awsvpc_configuration, subnets, "subnets", .flags = SCHEMA_REQUIRED, .message = "subnets can not be empty."),
	F_STRS(struct awsvpc_configuration, security_groups, "securityGroups", .max_len = 5),
	F_ENUM(struct awsvpc_configuration, assign_public_ip, "assignPublicIp", assign_public_ip_names),
};
static const struct schema awsvpc_schema = SCHEMA(struct awsvpc_configuration, awsvpc_fields, "AwsVpcConfiguration");

static const struct schema_field network_fields[] = {
	F_STRUCT(struct network_configuration, awsvpc, "awsvpcConfiguration", struct awsvpc_configuration, &awsvpc_schema),
};
const struct schema task_network_schema = SCHEMA(struct network_configuration, network_fields, "NetworkConfiguration");

static const struct schema_field constraint_fields[] = {
	F_ENUM(struct placement_constraint, type, "type", constraint_names),
	F_STR(struct placement_constraint, expression, "expression", .max_len = 2000),
};
const struct schema task_constraint_schema =
	SCHEMA(struct placement_constraint, constraint_fields, "PlacementConstraint");

static const struct schema_field placement_strategy_fields[] = {
	F_ENUM(struct placement_strategy, type, "type", strategy_names),
	F_STR(struct placement_strategy, field, "field"),
};
const struct schema task_placement_strategy_schema =
	SCHEMA(struct placement_strategy, placement_strategy_fields, "PlacementStrategy");

static const struct schema_field ebs_tags_fields[] = {
	{ .name = "resourceType", .type = SCHEMA_ENUM, .flags = SCHEMA_UNBOUND | SCHEMA_REQUIRED, .names = ebs_resource_names },
	F_UNBOUND(SCHEMA_LIST_STRUCT, "tags", .sub = &tag_schema, .max_len = TAG_SET_MAX),
	F_UNBOUND(SCHEMA_ENUM, "propagateTags", .names = task_propagate_tags_names),
};
const struct schema task_ebs_tags_schema = { "EBSTagSpecification", 0, ebs_tags_fields, ARRAY_SIZE(ebs_tags_fields) };

static const struct schema_field termination_fields[] = {
	F_BOOL(struct ebs_termination_policy, delete_on_termination, "deleteOnTermination", .flags = SCHEMA_REQUIRED),
};
static const struct schema termination_schema =
	SCHEMA(struct ebs_termination_policy, termination_fields, "TaskManagedEBSVolumeTerminationPolicy");

static const struct schema_field managed_ebs_fields[] = {
	F_UNBOUND(SCHEMA_BOOL, "encrypted"),
	F_UNBOUND(SCHEMA_STRING, "kmsKeyId"),
	F_UNBOUND(SCHEMA_STRING, "volumeType"),
	F_INT(struct managed_ebs_volume, size_gib, "sizeInGiB", .min = 1, .max = 65536),
	F_STR(struct managed_ebs_volume, snapshot_id, "snapshotId"),
	F_UNBOUND(SCHEMA_INT, "volumeInitializationRate"),
	F_UNBOUND(SCHEMA_INT, "iops"),
	F_UNBOUND(SCHEMA_INT, "throughput"),
	F_UNBOUND(SCHEMA_LIST_STRUCT, "tagSpecifications", .sub = &task_ebs_tags_schema),
	F_STR(struct managed_ebs_volume, role_arn, "roleArn", .flags = SCHEMA_REQUIRED),
	F_STRUCT(struct managed_ebs_volume, termination_policy, "terminationPolicy", struct ebs_termination_policy, &termination_schema),
	F_ENUM(struct managed_ebs_volume, filesystem_type, "filesystemType", task_filesystem_names),
};
static const struct schema managed_ebs_schema =
	SCHEMA(struct managed_ebs_volume, managed_ebs_fields, "TaskManagedEBSVolumeConfiguration");

static const struct schema_field volume_fields[] = {
	F_STR(struct volume_configuration, name, "name", .flags = SCHEMA_REQUIRED),
	F_STRUCT(struct volume_configuration, managed_ebs, "managedEBSVolume", struct managed_ebs_volume, &managed_ebs_schema),
};
static const struct schema volume_schema = SCHEMA(struct volume_configuration, volume_fields, "TaskVolumeConfiguration");

static const struct schema_field run_task_fields[] = {
	F_LIST(struct run_task_in, strategy, "capacityProviderStrategy", struct strategy_item, &task_strategy_item_schema, .max_len = 20),
	F_STR(struct run_task_in, cluster, "cluster"),
	F_INT(struct run_task_in, count, "count", .min = 1, .max = RUN_TASK_COUNT_MAX),
	F_BOOL(struct run_task_in, enable_managed_tags, "enableECSManagedTags"),
	F_BOOL(struct run_task_in, enable_execute_command, "enableExecuteCommand"),
	F_STR(struct run_task_in, group, "group", .max_len = 255),
	F_ENUM(struct run_task_in, launch_type, "launchType", launch_type_names,
	       .message = "launch type should be one of [EC2,FARGATE,EXTERNAL]"),
	F_STRUCT(struct run_task_in, network, "networkConfiguration", struct network_configuration, &task_network_schema),
	F_STRUCT(struct run_task_in, overrides, "overrides", struct task_override, &task_override_schema),
	F_LIST(struct run_task_in, placement_constraints, "placementConstraints", struct placement_constraint, &task_constraint_schema, .max_len = 10),
	F_LIST(struct run_task_in, placement_strategy, "placementStrategy", struct placement_strategy, &task_placement_strategy_schema, .max_len = 5),
	F_STR(struct run_task_in, platform_version, "platformVersion"),
	F_ENUM(struct run_task_in, propagate_tags, "propagateTags", task_propagate_tags_names),
	F_STR(struct run_task_in, reference_id, "referenceId", .max_len = 1024),
	F_STR(struct run_task_in, started_by, "startedBy", .max_len = 128, .chars = "A-Za-z0-9_/-"),
	F_TAGS(struct run_task_in, tags),
	F_STR(struct run_task_in, task_definition, "taskDefinition", .flags = SCHEMA_REQUIRED),
	F_STR(struct run_task_in, client_token, "clientToken", .max_len = 64, .chars = "!-~"),
	F_LIST(struct run_task_in, volumes, "volumeConfigurations", struct volume_configuration, &volume_schema),
};
const struct schema run_task_schema = SCHEMA(struct run_task_in, run_task_fields, "RunTaskRequest");

/* StartTask has what RunTask has but for what chooses a place. */
static const struct schema_field start_task_fields[] = {
	F_STR(struct run_task_in, cluster, "cluster"),
	F_STRS(struct run_task_in, instances, "containerInstances", .flags = SCHEMA_REQUIRED,
	       .message = "Container Instances cannot be empty."),
	F_BOOL(struct run_task_in, enable_managed_tags, "enableECSManagedTags"),
	F_BOOL(struct run_task_in, enable_execute_command, "enableExecuteCommand"),
	F_STR(struct run_task_in, group, "group", .max_len = 255),
	F_STRUCT(struct run_task_in, network, "networkConfiguration", struct network_configuration, &task_network_schema),
	F_STRUCT(struct run_task_in, overrides, "overrides", struct task_override, &task_override_schema),
	F_ENUM(struct run_task_in, propagate_tags, "propagateTags", task_propagate_tags_names),
	F_STR(struct run_task_in, reference_id, "referenceId", .max_len = 1024),
	F_STR(struct run_task_in, started_by, "startedBy", .max_len = 128, .chars = "A-Za-z0-9_/-"),
	F_TAGS(struct run_task_in, tags),
	F_STR(struct run_task_in, task_definition, "taskDefinition", .flags = SCHEMA_REQUIRED),
	F_LIST(struct run_task_in, volumes, "volumeConfigurations", struct volume_configuration, &volume_schema),
};
const struct schema start_task_schema = SCHEMA(struct run_task_in, start_task_fields, "StartTaskRequest");
/* clang-format on */
