/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inputs of the service operations as field tables. What CreateService and UpdateService say of
 * a service is checked here and kept as JSON; what it means is for service_settings.c and the
 * rules.
 */
#include "common/taskdef.h"
#include "daemon/ecs/service.h"
#include "daemon/ecs/task_shape.h"

/* clang-format off */
static const char *const switch_names[] = { NULL, "ENABLED", "DISABLED", NULL };
const char *const service_scheduling_names[] = { NULL, "REPLICA", "DAEMON", NULL };
static const char *const controller_names[] = { NULL, "ECS", "CODE_DEPLOY", "EXTERNAL", NULL };
static const char *const deployment_strategy_names[] = { NULL, "ROLLING", "BLUE_GREEN", "LINEAR", "CANARY", NULL };
static const char *const threshold_names[] = { NULL, "BOUNDED_PERCENT", "UNBOUNDED_PERCENT", "COUNT", NULL };
static const char *const hook_target_names[] = { NULL, "AWS_LAMBDA", "PAUSE", NULL };
static const char *const hook_action_names[] = { NULL, "ROLLBACK", "CONTINUE", NULL };
static const char *const hook_stage_names[] = { NULL, "RECONCILE_SERVICE", "PRE_SCALE_UP", "POST_SCALE_UP",
	"TEST_TRAFFIC_SHIFT", "POST_TEST_TRAFFIC_SHIFT", "PRE_PRODUCTION_TRAFFIC_SHIFT", "PRODUCTION_TRAFFIC_SHIFT",
	"POST_PRODUCTION_TRAFFIC_SHIFT", NULL };
static const char *const access_log_names[] = { NULL, "TEXT", "JSON", NULL };
const char *const service_management_names[] = { NULL, "CUSTOMER", "ECS", NULL };
static const char *const include_names[] = { NULL, "TAGS", NULL };

/* Shapes that are kept as JSON. */
#define KEPT(table, shape) { .name = (shape), .fields = (table), .n = ARRAY_SIZE(table) }
#define F_NEEDED(t, n_, ...) { .name = (n_), .type = (t), .flags = SCHEMA_UNBOUND | SCHEMA_REQUIRED, ##__VA_ARGS__ }

#define NAME_CHARS "A-Za-z0-9_-"
#define PORT_MAX 65535
#define MINUTES_MAX 1440        /* of every bake time */
#define HOOK_MINUTES_MAX 20160
#define DESIRED_COUNT_MAX 5000  /* tasks per service, a quota of ECS */
#define LOAD_BALANCERS_MAX 5
#define STRATEGY_ITEMS_MAX 20
#define CONSTRAINTS_MAX 10
#define PLACEMENT_STRATEGIES_MAX 5

/* --- load balancers and discovery --- */

static const struct schema_field advanced_fields[] = {
	F_UNBOUND(SCHEMA_STRING, "alternateTargetGroupArn"),
	F_UNBOUND(SCHEMA_STRING, "productionListenerRule"),
	F_UNBOUND(SCHEMA_STRING, "testListenerRule"),
	F_UNBOUND(SCHEMA_STRING, "roleArn"),
};
static const struct schema advanced_schema = KEPT(advanced_fields, "AdvancedConfiguration");

static const struct schema_field load_balancer_fields[] = {
	F_UNBOUND(SCHEMA_STRING, "targetGroupArn"),
	F_UNBOUND(SCHEMA_STRING, "loadBalancerName"),
	F_UNBOUND(SCHEMA_STRING, "containerName"),
	F_UNBOUND(SCHEMA_INT, "containerPort", .max = PORT_MAX),
	F_UNBOUND(SCHEMA_STRUCT, "advancedConfiguration", .sub = &advanced_schema),
};
const struct schema service_load_balancer_schema = KEPT(load_balancer_fields, "LoadBalancer");

static const struct schema_field registry_fields[] = {
	F_UNBOUND(SCHEMA_STRING, "registryArn"),
	F_UNBOUND(SCHEMA_INT, "port", .max = PORT_MAX),
	F_UNBOUND(SCHEMA_STRING, "containerName"),
	F_UNBOUND(SCHEMA_INT, "containerPort", .max = PORT_MAX),
};
const struct schema service_registry_schema = KEPT(registry_fields, "ServiceRegistry");

static const struct schema_field lattice_fields[] = {
	F_NEEDED(SCHEMA_STRING, "roleArn"),
	F_NEEDED(SCHEMA_STRING, "targetGroupArn"),
	F_NEEDED(SCHEMA_STRING, "portName"),
};
static const struct schema lattice_schema = KEPT(lattice_fields, "VpcLatticeConfiguration");

/* --- deploymentConfiguration --- */

static const struct schema_field threshold_fields[] = {
	F_NEEDED(SCHEMA_ENUM, "type", .names = threshold_names),
	F_NEEDED(SCHEMA_INT, "value", .min = 1, .max = INT32_MAX),
};
static const struct schema threshold_schema = KEPT(threshold_fields, "ThresholdConfiguration");

static const struct schema_field breaker_fields[] = {
	F_NEEDED(SCHEMA_BOOL, "enable"),
	F_NEEDED(SCHEMA_BOOL, "rollback"),
	F_UNBOUND(SCHEMA_BOOL, "resetOnHealthyTask"),
	F_UNBOUND(SCHEMA_STRUCT, "thresholdConfiguration", .sub = &threshold_schema),
};
static const struct schema breaker_schema = KEPT(breaker_fields, "DeploymentCircuitBreaker");

static const struct schema_field alarms_fields[] = {
	F_NEEDED(SCHEMA_LIST_STRING, "alarmNames"),
	F_NEEDED(SCHEMA_BOOL, "rollback"),
	F_NEEDED(SCHEMA_BOOL, "enable"),
};
static const struct schema alarms_schema = KEPT(alarms_fields, "DeploymentAlarms");

static const struct schema_field hook_timeout_fields[] = {
	F_UNBOUND(SCHEMA_INT, "timeoutInMinutes", .min = 1, .max = HOOK_MINUTES_MAX),
	F_UNBOUND(SCHEMA_ENUM, "action", .names = hook_action_names),
};
static const struct schema hook_timeout_schema = KEPT(hook_timeout_fields, "DeploymentLifecycleHookTimeoutConfiguration");

static const struct schema_field hook_fields[] = {
	F_UNBOUND(SCHEMA_ENUM, "targetType", .names = hook_target_names),
	F_UNBOUND(SCHEMA_STRING, "hookTargetArn"),
	F_UNBOUND(SCHEMA_STRING, "roleArn"),
	F_UNBOUND(SCHEMA_LIST_ENUM, "lifecycleStages", .names = hook_stage_names),
	F_UNBOUND(SCHEMA_JSON, "hookDetails"),
	F_UNBOUND(SCHEMA_STRUCT, "timeoutConfiguration", .sub = &hook_timeout_schema),
};
static const struct schema hook_schema = KEPT(hook_fields, "DeploymentLifecycleHook");

static const struct schema_field linear_fields[] = {
	F_UNBOUND(SCHEMA_DOUBLE, "stepPercent", .min = 3, .max = 100),
	F_UNBOUND(SCHEMA_INT, "stepBakeTimeInMinutes", .max = MINUTES_MAX),
};
static const struct schema linear_schema = KEPT(linear_fields, "LinearConfiguration");

static const struct schema_field canary_fields[] = {
	F_UNBOUND(SCHEMA_DOUBLE, "canaryPercent", .min = 0.1, .max = 100),
	F_UNBOUND(SCHEMA_INT, "canaryBakeTimeInMinutes", .max = MINUTES_MAX),
};
static const struct schema canary_schema = KEPT(canary_fields, "CanaryConfiguration");

static const struct schema_field deployment_configuration_fields[] = {
	F_UNBOUND(SCHEMA_STRUCT, "deploymentCircuitBreaker", .sub = &breaker_schema),
	F_UNBOUND(SCHEMA_INT, "maximumPercent", .max = INT32_MAX),
	F_UNBOUND(SCHEMA_INT, "minimumHealthyPercent", .max = INT32_MAX),
	F_UNBOUND(SCHEMA_STRUCT, "alarms", .sub = &alarms_schema),
	F_UNBOUND(SCHEMA_ENUM, "strategy", .names = deployment_strategy_names),
	F_UNBOUND(SCHEMA_INT, "bakeTimeInMinutes", .max = MINUTES_MAX),
	F_UNBOUND(SCHEMA_LIST_STRUCT, "lifecycleHooks", .sub = &hook_schema),
	F_UNBOUND(SCHEMA_STRUCT, "linearConfiguration", .sub = &linear_schema),
	F_UNBOUND(SCHEMA_STRUCT, "canaryConfiguration", .sub = &canary_schema),
};
static const struct schema deployment_configuration_schema =
	KEPT(deployment_configuration_fields, "DeploymentConfiguration");

static const struct schema_field controller_fields[] = {
	F_NEEDED(SCHEMA_ENUM, "type", .names = controller_names),
};
static const struct schema controller_schema = KEPT(controller_fields, "DeploymentController");

/* --- serviceConnectConfiguration --- */

static const struct schema_field match_fields[] = {
	F_NEEDED(SCHEMA_STRING, "exact"),
};
static const struct schema match_schema = KEPT(match_fields, "ServiceConnectTestTrafficHeaderMatchRules");

static const struct schema_field header_fields[] = {
	F_NEEDED(SCHEMA_STRING, "name"),
	F_UNBOUND(SCHEMA_STRUCT, "value", .sub = &match_schema),
};
static const struct schema header_schema = KEPT(header_fields, "ServiceConnectTestTrafficHeaderRules");

static const struct schema_field test_traffic_fields[] = {
	F_NEEDED(SCHEMA_STRUCT, "header", .sub = &header_schema),
};
static const struct schema test_traffic_schema = KEPT(test_traffic_fields, "ServiceConnectTestTrafficRules");

static const struct schema_field alias_fields[] = {
	F_NEEDED(SCHEMA_INT, "port", .max = PORT_MAX),
	F_UNBOUND(SCHEMA_STRING, "dnsName", .max_len = 127),
	F_UNBOUND(SCHEMA_STRUCT, "testTrafficRules", .sub = &test_traffic_schema),
};
static const struct schema alias_schema = KEPT(alias_fields, "ServiceConnectClientAlias");

static const struct schema_field timeout_fields[] = {
	F_UNBOUND(SCHEMA_INT, "idleTimeoutSeconds", .max = INT32_MAX),
	F_UNBOUND(SCHEMA_INT, "perRequestTimeoutSeconds", .max = INT32_MAX),
};
static const struct schema timeout_schema = KEPT(timeout_fields, "TimeoutConfiguration");

static const struct schema_field authority_fields[] = {
	F_UNBOUND(SCHEMA_STRING, "awsPcaAuthorityArn"),
};
static const struct schema authority_schema = KEPT(authority_fields, "ServiceConnectTlsCertificateAuthority");

static const struct schema_field tls_fields[] = {
	F_NEEDED(SCHEMA_STRUCT, "issuerCertificateAuthority", .sub = &authority_schema),
	F_UNBOUND(SCHEMA_STRING, "kmsKey"),
	F_UNBOUND(SCHEMA_STRING, "roleArn"),
};
static const struct schema tls_schema = KEPT(tls_fields, "ServiceConnectTlsConfiguration");

static const struct schema_field connect_service_fields[] = {
	F_NEEDED(SCHEMA_STRING, "portName"),
	F_UNBOUND(SCHEMA_STRING, "discoveryName", .max_len = 64),
	F_UNBOUND(SCHEMA_LIST_STRUCT, "clientAliases", .sub = &alias_schema, .max_len = 1),
	F_UNBOUND(SCHEMA_INT, "ingressPortOverride", .max = PORT_MAX),
	F_UNBOUND(SCHEMA_STRUCT, "timeout", .sub = &timeout_schema),
	F_UNBOUND(SCHEMA_STRUCT, "tls", .sub = &tls_schema),
};
static const struct schema connect_service_schema = KEPT(connect_service_fields, "ServiceConnectService");

static const struct schema_field access_log_fields[] = {
	F_NEEDED(SCHEMA_ENUM, "format", .names = access_log_names),
	F_UNBOUND(SCHEMA_ENUM, "includeQueryParameters", .names = switch_names),
};
static const struct schema access_log_schema = KEPT(access_log_fields, "ServiceConnectAccessLogConfiguration");

static const struct schema_field connect_fields[] = {
	F_NEEDED(SCHEMA_BOOL, "enabled"),
	F_UNBOUND(SCHEMA_STRING, "namespace", .max_len = 1024),
	F_UNBOUND(SCHEMA_LIST_STRUCT, "services", .sub = &connect_service_schema),
	F_UNBOUND(SCHEMA_STRUCT, "logConfiguration", .sub = &log_configuration_schema),
	F_UNBOUND(SCHEMA_STRUCT, "accessLogConfiguration", .sub = &access_log_schema),
};
static const struct schema connect_schema = KEPT(connect_fields, "ServiceConnectConfiguration");

/* --- volumeConfigurations --- */

static const struct schema_field managed_ebs_fields[] = {
	F_UNBOUND(SCHEMA_BOOL, "encrypted"),
	F_UNBOUND(SCHEMA_STRING, "kmsKeyId"),
	F_UNBOUND(SCHEMA_STRING, "volumeType"),
	F_UNBOUND(SCHEMA_INT, "sizeInGiB", .min = 1, .max = 65536),
	F_UNBOUND(SCHEMA_STRING, "snapshotId"),
	F_UNBOUND(SCHEMA_INT, "volumeInitializationRate"),
	F_UNBOUND(SCHEMA_INT, "iops"),
	F_UNBOUND(SCHEMA_INT, "throughput"),
	F_UNBOUND(SCHEMA_LIST_STRUCT, "tagSpecifications", .sub = &task_ebs_tags_schema),
	F_NEEDED(SCHEMA_STRING, "roleArn"),
	F_UNBOUND(SCHEMA_ENUM, "filesystemType", .names = task_filesystem_names),
};
static const struct schema managed_ebs_schema = KEPT(managed_ebs_fields, "ServiceManagedEBSVolumeConfiguration");

static const struct schema_field volume_fields[] = {
	F_NEEDED(SCHEMA_STRING, "name"),
	F_UNBOUND(SCHEMA_STRUCT, "managedEBSVolume", .sub = &managed_ebs_schema),
};
static const struct schema volume_schema = KEPT(volume_fields, "ServiceVolumeConfiguration");

/* --- monitoring --- */

static const struct schema_field metric_fields[] = {
	F_NEEDED(SCHEMA_LIST_STRING, "metricNames", .min_len = 1),
	F_NEEDED(SCHEMA_INT, "resolutionSeconds"),
};
static const struct schema metric_schema = KEPT(metric_fields, "MetricConfiguration");

static const struct schema_field monitoring_fields[] = {
	F_UNBOUND(SCHEMA_LIST_STRUCT, "metricConfigurations", .sub = &metric_schema),
};
static const struct schema monitoring_schema = KEPT(monitoring_fields, "MonitoringConfiguration");

/* --- the operations --- */

/* What both operations take. */
#define COMMON_FIELDS                                                                                                   \
	F_STR(struct service_in, cluster, "cluster"),                                                                  \
	F_INT(struct service_in, desired_count, "desiredCount", .min = 0, .max = DESIRED_COUNT_MAX),                    \
	F_STR(struct service_in, task_definition, "taskDefinition"),                                                   \
	F_UNBOUND(SCHEMA_LIST_STRUCT, "capacityProviderStrategy", .sub = &task_strategy_item_schema,                   \
		  .max_len = STRATEGY_ITEMS_MAX),                                                                      \
	F_UNBOUND(SCHEMA_STRUCT, "deploymentConfiguration", .sub = &deployment_configuration_schema),                  \
	F_UNBOUND(SCHEMA_ENUM, "availabilityZoneRebalancing", .names = switch_names),                                  \
	F_UNBOUND(SCHEMA_STRUCT, "networkConfiguration", .sub = &task_network_schema),                                 \
	F_UNBOUND(SCHEMA_LIST_STRUCT, "placementConstraints", .sub = &task_constraint_schema,                          \
		  .max_len = CONSTRAINTS_MAX),                                                                         \
	F_UNBOUND(SCHEMA_LIST_STRUCT, "placementStrategy", .sub = &task_placement_strategy_schema,                     \
		  .max_len = PLACEMENT_STRATEGIES_MAX),                                                                \
	F_UNBOUND(SCHEMA_STRING, "platformVersion"),                                                                   \
	F_UNBOUND(SCHEMA_INT, "healthCheckGracePeriodSeconds", .max = INT32_MAX),                                      \
	F_UNBOUND(SCHEMA_STRUCT, "deploymentController", .sub = &controller_schema),                                   \
	F_UNBOUND(SCHEMA_BOOL, "enableExecuteCommand"),                                                                \
	F_UNBOUND(SCHEMA_BOOL, "enableECSManagedTags"),                                                                \
	F_UNBOUND(SCHEMA_LIST_STRUCT, "loadBalancers", .sub = &service_load_balancer_schema,                           \
		  .max_len = LOAD_BALANCERS_MAX),                                                                      \
	F_UNBOUND(SCHEMA_ENUM, "propagateTags", .names = task_propagate_tags_names),                                   \
	F_UNBOUND(SCHEMA_LIST_STRUCT, "serviceRegistries", .sub = &service_registry_schema, .max_len = 1),             \
	F_UNBOUND(SCHEMA_STRUCT, "serviceConnectConfiguration", .sub = &connect_schema),                               \
	F_UNBOUND(SCHEMA_LIST_STRUCT, "volumeConfigurations", .sub = &volume_schema, .max_len = 1),                    \
	F_UNBOUND(SCHEMA_LIST_STRUCT, "vpcLatticeConfigurations", .sub = &lattice_schema), \
	F_UNBOUND(SCHEMA_STRUCT, "monitoring", .sub = &monitoring_schema)

static const struct schema_field create_service_fields[] = {
	COMMON_FIELDS,
	F_STR(struct service_in, service, "serviceName", .flags = SCHEMA_REQUIRED, .min_len = 1, .max_len = 255,
	      .chars = NAME_CHARS),
	F_STR(struct service_in, client_token, "clientToken", .max_len = 36, .chars = "!-~"),
	F_UNBOUND(SCHEMA_ENUM, "launchType", .names = launch_type_names),
	F_STR(struct service_in, role, "role"),
	F_UNBOUND(SCHEMA_ENUM, "schedulingStrategy", .names = service_scheduling_names),
	F_TAGS(struct service_in, tags),
};
const struct schema create_service_schema = SCHEMA(struct service_in, create_service_fields, "CreateServiceRequest");

static const struct schema_field update_service_fields[] = {
	COMMON_FIELDS,
	F_STR(struct service_in, service, "service", .flags = SCHEMA_REQUIRED),
	F_BOOL(struct service_in, force, "forceNewDeployment"),
};
const struct schema update_service_schema = SCHEMA(struct service_in, update_service_fields, "UpdateServiceRequest");

static const struct schema_field delete_service_fields[] = {
	F_STR(struct delete_service_in, cluster, "cluster"),
	F_STR(struct delete_service_in, service, "service", .flags = SCHEMA_REQUIRED),
	F_BOOL(struct delete_service_in, force, "force"),
};
const struct schema delete_service_schema =
	SCHEMA(struct delete_service_in, delete_service_fields, "DeleteServiceRequest");

static const struct schema_field describe_services_fields[] = {
	F_STR(struct describe_services_in, cluster, "cluster"),
	F_STRS(struct describe_services_in, services, "services", .flags = SCHEMA_REQUIRED,
	       .message = "Services cannot be empty."),
	F_ENUMS(struct describe_services_in, include, "include", include_names),
};
const struct schema describe_services_schema =
	SCHEMA(struct describe_services_in, describe_services_fields, "DescribeServicesRequest");

static const struct schema_field list_services_fields[] = {
	F_STR(struct list_services_in, cluster, "cluster"),
	F_STR(struct list_services_in, token, "nextToken"),
	F_INT(struct list_services_in, limit, "maxResults", .min = 1, .max = 100),
	F_ENUM(struct list_services_in, launch_type, "launchType", launch_type_names),
	F_ENUM(struct list_services_in, scheduling, "schedulingStrategy", service_scheduling_names),
	F_ENUM(struct list_services_in, management, "resourceManagementType", service_management_names),
};
const struct schema list_services_schema =
	SCHEMA(struct list_services_in, list_services_fields, "ListServicesRequest");

static const struct schema_field list_by_namespace_fields[] = {
	F_STR(struct list_services_in, namespace, "namespace", .flags = SCHEMA_REQUIRED, .min_len = 1, .max_len = 1024),
	F_STR(struct list_services_in, token, "nextToken"),
	F_INT(struct list_services_in, limit, "maxResults", .min = 1, .max = 100),
};
const struct schema list_services_by_namespace_schema =
	SCHEMA(struct list_services_in, list_by_namespace_fields, "ListServicesByNamespaceRequest");
/* clang-format on */
