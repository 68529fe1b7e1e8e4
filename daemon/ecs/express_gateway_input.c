/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tables of the express gateway operations. A configuration is kept as JSON:
 * express_gateway_parts.c reads it from the body.
 */
#include "common/taskdef.h"
#include "daemon/ecs/express_gateway.h"

#define ARN_LEN_MAX 2048

/* clang-format off */
static const char *const metric_names[] = { NULL, "AVERAGE_CPU", "AVERAGE_MEMORY", "REQUEST_COUNT_PER_TARGET", NULL };
static const char *const include_names[] = { NULL, "TAGS", NULL };

static const struct schema_field logs_fields[] = {
	{ .name = "logGroup", .type = SCHEMA_STRING, .flags = SCHEMA_UNBOUND | SCHEMA_REQUIRED, .min_len = 1, .max_len = 512 },
	{ .name = "logStreamPrefix", .type = SCHEMA_STRING, .flags = SCHEMA_UNBOUND | SCHEMA_REQUIRED, .min_len = 1, .max_len = 512 },
};
static const struct schema logs_schema =
	{ .name = "ExpressGatewayServiceAwsLogsConfiguration", .fields = logs_fields, .n = ARRAY_SIZE(logs_fields) };

static const struct schema_field repository_fields[] = {
	F_UNBOUND(SCHEMA_STRING, "credentialsParameter", .max_len = ARN_LEN_MAX),
};
static const struct schema repository_schema =
	{ .name = "ExpressGatewayRepositoryCredentials", .fields = repository_fields, .n = ARRAY_SIZE(repository_fields) };

static const struct schema_field container_fields[] = {
	{ .name = "image", .type = SCHEMA_STRING, .flags = SCHEMA_UNBOUND | SCHEMA_REQUIRED, .min_len = 1, .max_len = 4096 },
	F_UNBOUND(SCHEMA_INT, "containerPort", .min = 1, .max = 65535),
	F_UNBOUND(SCHEMA_STRUCT, "awsLogsConfiguration", .sub = &logs_schema),
	F_UNBOUND(SCHEMA_STRUCT, "repositoryCredentials", .sub = &repository_schema),
	F_UNBOUND(SCHEMA_LIST_STRING, "command"),
	F_UNBOUND(SCHEMA_LIST_STRUCT, "environment", .sub = &key_value_schema),
	F_UNBOUND(SCHEMA_LIST_STRUCT, "secrets", .sub = &secret_schema),
};
static const struct schema container_schema =
	{ .name = "ExpressGatewayContainer", .fields = container_fields, .n = ARRAY_SIZE(container_fields) };

static const struct schema_field network_fields[] = {
	F_UNBOUND(SCHEMA_LIST_STRING, "securityGroups"),
	F_UNBOUND(SCHEMA_LIST_STRING, "subnets"),
};
static const struct schema network_schema =
	{ .name = "ExpressGatewayServiceNetworkConfiguration", .fields = network_fields, .n = ARRAY_SIZE(network_fields) };

static const struct schema_field scaling_fields[] = {
	F_UNBOUND(SCHEMA_INT, "minTaskCount"),
	F_UNBOUND(SCHEMA_INT, "maxTaskCount"),
	F_UNBOUND(SCHEMA_ENUM, "autoScalingMetric", .names = metric_names),
	F_UNBOUND(SCHEMA_INT, "autoScalingTargetValue"),
};
static const struct schema scaling_schema =
	{ .name = "ExpressGatewayScalingTarget", .fields = scaling_fields, .n = ARRAY_SIZE(scaling_fields) };

/* What Create and Update have in common. */
#define CONFIGURATION                                                                              \
	F_UNBOUND(SCHEMA_STRING, "executionRoleArn", .max_len = ARN_LEN_MAX),                      \
	F_UNBOUND(SCHEMA_STRING, "healthCheckPath", .min_len = 1, .max_len = 1024), \
	F_UNBOUND(SCHEMA_STRUCT, "primaryContainer", .sub = &container_schema),               \
	F_UNBOUND(SCHEMA_STRING, "taskRoleArn", .max_len = ARN_LEN_MAX),                           \
	F_UNBOUND(SCHEMA_STRUCT, "networkConfiguration", .sub = &network_schema),                  \
	F_UNBOUND(SCHEMA_STRING, "cpu", .max_len = 16),                                            \
	F_UNBOUND(SCHEMA_STRING, "memory", .max_len = 16),                                         \
	F_UNBOUND(SCHEMA_STRUCT, "scalingTarget", .sub = &scaling_schema),                         \
	F_STR(struct express_in, task_definition, "taskDefinitionArn", .max_len = ARN_LEN_MAX)

static const struct schema_field create_fields[] = {
	F_STR(struct express_in, infrastructure_role, "infrastructureRoleArn", .flags = SCHEMA_REQUIRED, .min_len = 1, .max_len = ARN_LEN_MAX),
	F_STR(struct express_in, service, "serviceName"),
	F_STR(struct express_in, cluster, "cluster"),
	CONFIGURATION,
	F_TAGS(struct express_in, tags),
};
const struct schema create_express_schema = SCHEMA(struct express_in, create_fields, "CreateExpressGatewayServiceRequest");

static const struct schema_field update_fields[] = {
	F_STR(struct express_in, service, "serviceArn", .flags = SCHEMA_REQUIRED),
	CONFIGURATION,
};
const struct schema update_express_schema = SCHEMA(struct express_in, update_fields, "UpdateExpressGatewayServiceRequest");

static const struct schema_field delete_fields[] = {
	F_STR(struct express_in, service, "serviceArn", .flags = SCHEMA_REQUIRED),
};
const struct schema delete_express_schema = SCHEMA(struct express_in, delete_fields, "DeleteExpressGatewayServiceRequest");

static const struct schema_field describe_fields[] = {
	F_STR(struct express_in, service, "serviceArn", .flags = SCHEMA_REQUIRED),
	F_ENUMS(struct express_in, include, "include", include_names),
};
const struct schema describe_express_schema = SCHEMA(struct express_in, describe_fields, "DescribeExpressGatewayServiceRequest");
/* clang-format on */
