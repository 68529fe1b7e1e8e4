/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inputs of the capacity provider operations as field tables. Read by capacity_provider.c,
 * which knows what the members mean; those of managed instances are kept as they are given.
 */
#include "daemon/ecs/capacity_provider.h"

/* clang-format off */
static const char *const enabled_names[] = { NULL, "ENABLED", "DISABLED", NULL };
static const char *const monitoring_names[] = { NULL, "BASIC", "DETAILED", NULL };
static const char *const capacity_option_names[] = { NULL, "ON_DEMAND", "SPOT", "RESERVED", NULL };
static const char *const cpu_maker_names[] = { NULL, "intel", "amd", "amazon-web-services", NULL };
static const char *const generation_names[] = { NULL, "current", "previous", NULL };
static const char *const included_names[] = { NULL, "included", "required", "excluded", NULL };
static const char *const storage_names[] = { NULL, "hdd", "ssd", NULL };
static const char *const accelerator_type_names[] = { NULL, "gpu", "fpga", "inference", NULL };
static const char *const accelerator_maker_names[] = { NULL, "amazon-web-services", "amd", "nvidia", "xilinx", "habana", NULL };
static const char *const accelerator_names[] = { NULL, "a100", "inferentia", "k520", "k80", "m60", "radeon-pro-v520", "t4",
						 "vu9p", "v100", "a10g", "h100", "t4g", NULL };
static const char *const reservation_names[] = { NULL, "RESERVATIONS_ONLY", "RESERVATIONS_FIRST", "RESERVATIONS_EXCLUDED", NULL };
static const char *const propagate_names[] = { NULL, "CAPACITY_PROVIDER", "NONE", NULL };
static const char *const include_names[] = { NULL, "TAGS", NULL };

/* Shapes that are kept as JSON. */
#define KEPT(table, shape) { .name = (shape), .fields = (table), .n = ARRAY_SIZE(table) }
#define F_NEEDED(t, n_, ...) { .name = (n_), .type = (t), .flags = SCHEMA_UNBOUND | SCHEMA_REQUIRED, ##__VA_ARGS__ }

/* --- Auto Scaling groups --- */

static const struct schema_field scaling_fields[] = {
	F_UNBOUND(SCHEMA_ENUM, "status", .names = enabled_names),
	F_UNBOUND(SCHEMA_INT, "targetCapacity", .min = 1, .max = 100),
	F_UNBOUND(SCHEMA_INT, "minimumScalingStepSize", .min = 1, .max = 10000),
	F_UNBOUND(SCHEMA_INT, "maximumScalingStepSize", .min = 1, .max = 10000),
	F_UNBOUND(SCHEMA_INT, "instanceWarmupPeriod", .max = 10000),
};
static const struct schema scaling_schema = KEPT(scaling_fields, "ManagedScaling");

static const struct schema_field group_fields[] = {
	F_NEEDED(SCHEMA_STRING, "autoScalingGroupArn", .min_len = 1, .max_len = 2048),
	F_UNBOUND(SCHEMA_STRUCT, "managedScaling", .sub = &scaling_schema),
	F_UNBOUND(SCHEMA_ENUM, "managedTerminationProtection", .names = enabled_names),
	F_UNBOUND(SCHEMA_ENUM, "managedDraining", .names = enabled_names),
};
const struct schema capacity_provider_group_schema = KEPT(group_fields, "AutoScalingGroupProvider");

static const struct schema_field group_update_fields[] = {
	F_UNBOUND(SCHEMA_STRUCT, "managedScaling", .sub = &scaling_schema),
	F_UNBOUND(SCHEMA_ENUM, "managedTerminationProtection", .names = enabled_names),
	F_UNBOUND(SCHEMA_ENUM, "managedDraining", .names = enabled_names),
};
const struct schema capacity_provider_group_update_schema = KEPT(group_update_fields, "AutoScalingGroupProviderUpdate");

/* --- managed instances --- */

static const struct schema_field whole_range_fields[] = {
	F_UNBOUND(SCHEMA_INT, "min"),
	F_UNBOUND(SCHEMA_INT, "max"),
};
static const struct schema_field needed_range_fields[] = {
	F_NEEDED(SCHEMA_INT, "min"),
	F_UNBOUND(SCHEMA_INT, "max"),
};
static const struct schema_field number_range_fields[] = {
	F_UNBOUND(SCHEMA_DOUBLE, "min"),
	F_UNBOUND(SCHEMA_DOUBLE, "max"),
};
static const struct schema cpu_count_schema = KEPT(needed_range_fields, "VCpuCountRangeRequest");
static const struct schema memory_schema = KEPT(needed_range_fields, "MemoryMiBRequest");
static const struct schema memory_per_cpu_schema = KEPT(number_range_fields, "MemoryGiBPerVCpuRequest");
static const struct schema interface_count_schema = KEPT(whole_range_fields, "NetworkInterfaceCountRequest");
static const struct schema total_storage_schema = KEPT(number_range_fields, "TotalLocalStorageGBRequest");
static const struct schema ebs_bandwidth_schema = KEPT(whole_range_fields, "BaselineEbsBandwidthMbpsRequest");
static const struct schema accelerator_count_schema = KEPT(whole_range_fields, "AcceleratorCountRequest");
static const struct schema accelerator_memory_schema = KEPT(whole_range_fields, "AcceleratorTotalMemoryMiBRequest");
static const struct schema bandwidth_schema = KEPT(number_range_fields, "NetworkBandwidthGbpsRequest");

static const struct schema_field requirement_fields[] = {
	F_NEEDED(SCHEMA_STRUCT, "vCpuCount", .sub = &cpu_count_schema),
	F_NEEDED(SCHEMA_STRUCT, "memoryMiB", .sub = &memory_schema),
	F_UNBOUND(SCHEMA_LIST_ENUM, "cpuManufacturers", .names = cpu_maker_names),
	F_UNBOUND(SCHEMA_STRUCT, "memoryGiBPerVCpu", .sub = &memory_per_cpu_schema),
	F_UNBOUND(SCHEMA_LIST_STRING, "excludedInstanceTypes", .max_len = 400, .item_max_len = 30),
	F_UNBOUND(SCHEMA_LIST_ENUM, "instanceGenerations", .names = generation_names),
	F_UNBOUND(SCHEMA_INT, "spotMaxPricePercentageOverLowestPrice"),
	F_UNBOUND(SCHEMA_INT, "onDemandMaxPricePercentageOverLowestPrice"),
	F_UNBOUND(SCHEMA_ENUM, "bareMetal", .names = included_names),
	F_UNBOUND(SCHEMA_ENUM, "burstablePerformance", .names = included_names),
	F_UNBOUND(SCHEMA_BOOL, "requireHibernateSupport"),
	F_UNBOUND(SCHEMA_STRUCT, "networkInterfaceCount", .sub = &interface_count_schema),
	F_UNBOUND(SCHEMA_ENUM, "localStorage", .names = included_names),
	F_UNBOUND(SCHEMA_LIST_ENUM, "localStorageTypes", .names = storage_names),
	F_UNBOUND(SCHEMA_STRUCT, "totalLocalStorageGB", .sub = &total_storage_schema),
	F_UNBOUND(SCHEMA_STRUCT, "baselineEbsBandwidthMbps", .sub = &ebs_bandwidth_schema),
	F_UNBOUND(SCHEMA_LIST_ENUM, "acceleratorTypes", .names = accelerator_type_names),
	F_UNBOUND(SCHEMA_STRUCT, "acceleratorCount", .sub = &accelerator_count_schema),
	F_UNBOUND(SCHEMA_LIST_ENUM, "acceleratorManufacturers", .names = accelerator_maker_names),
	F_UNBOUND(SCHEMA_LIST_ENUM, "acceleratorNames", .names = accelerator_names),
	F_UNBOUND(SCHEMA_STRUCT, "acceleratorTotalMemoryMiB", .sub = &accelerator_memory_schema),
	F_UNBOUND(SCHEMA_STRUCT, "networkBandwidthGbps", .sub = &bandwidth_schema),
	F_UNBOUND(SCHEMA_LIST_STRING, "allowedInstanceTypes", .max_len = 400, .item_max_len = 30),
	F_UNBOUND(SCHEMA_INT, "maxSpotPriceAsPercentageOfOptimalOnDemandPrice"),
};
static const struct schema requirements_schema = KEPT(requirement_fields, "InstanceRequirementsRequest");

static const struct schema_field network_fields[] = {
	F_UNBOUND(SCHEMA_LIST_STRING, "subnets"),
	F_UNBOUND(SCHEMA_LIST_STRING, "securityGroups"),
};
static const struct schema network_schema = KEPT(network_fields, "ManagedInstancesNetworkConfiguration");

static const struct schema_field volume_fields[] = {
	F_UNBOUND(SCHEMA_INT, "storageSizeGiB", .min = 1, .max = 65536),
};
static const struct schema volume_schema = KEPT(volume_fields, "ManagedInstancesStorageConfiguration");

static const struct schema_field local_volume_fields[] = {
	F_UNBOUND(SCHEMA_BOOL, "useLocalStorage"),
};
static const struct schema local_volume_schema = KEPT(local_volume_fields, "ManagedInstancesLocalStorageConfiguration");

static const struct schema_field reservation_fields[] = {
	F_UNBOUND(SCHEMA_STRING, "reservationGroupArn"),
	F_UNBOUND(SCHEMA_ENUM, "reservationPreference", .names = reservation_names),
};
static const struct schema reservation_schema = KEPT(reservation_fields, "CapacityReservationRequest");

/* A create and an update differ in what is needed, and a create in what can not change. */
#define TEMPLATE_REST \
	F_UNBOUND(SCHEMA_STRUCT, "storageConfiguration", .sub = &volume_schema), \
	F_UNBOUND(SCHEMA_STRUCT, "localStorageConfiguration", .sub = &local_volume_schema), \
	F_UNBOUND(SCHEMA_ENUM, "monitoring", .names = monitoring_names), \
	F_UNBOUND(SCHEMA_BOOL, "instanceMetadataTagsPropagation"), \
	F_UNBOUND(SCHEMA_STRUCT, "instanceRequirements", .sub = &requirements_schema), \
	F_UNBOUND(SCHEMA_STRUCT, "capacityReservations", .sub = &reservation_schema)

static const struct schema_field template_fields[] = {
	F_NEEDED(SCHEMA_STRING, "ec2InstanceProfileArn", .min_len = 1),
	F_NEEDED(SCHEMA_STRUCT, "networkConfiguration", .sub = &network_schema),
	TEMPLATE_REST,
	F_UNBOUND(SCHEMA_ENUM, "capacityOptionType", .names = capacity_option_names),
	F_UNBOUND(SCHEMA_BOOL, "fipsEnabled"),
};
static const struct schema template_schema = KEPT(template_fields, "InstanceLaunchTemplate");

static const struct schema_field template_update_fields[] = {
	F_UNBOUND(SCHEMA_STRING, "ec2InstanceProfileArn", .min_len = 1),
	F_UNBOUND(SCHEMA_STRUCT, "networkConfiguration", .sub = &network_schema),
	TEMPLATE_REST,
};
static const struct schema template_update_schema = KEPT(template_update_fields, "InstanceLaunchTemplateUpdate");

static const struct schema_field optimization_fields[] = {
	F_UNBOUND(SCHEMA_INT, "scaleInAfter", .min = -1, .max = 3600),
};
static const struct schema optimization_schema = KEPT(optimization_fields, "InfrastructureOptimization");

static const struct schema_field repair_fields[] = {
	F_UNBOUND(SCHEMA_ENUM, "actionsStatus", .names = enabled_names),
};
static const struct schema repair_schema = KEPT(repair_fields, "AutoRepairConfiguration");

#define MANAGED_REST \
	F_UNBOUND(SCHEMA_ENUM, "propagateTags", .names = propagate_names), \
	F_UNBOUND(SCHEMA_STRUCT, "infrastructureOptimization", .sub = &optimization_schema), \
	F_UNBOUND(SCHEMA_STRUCT, "autoRepairConfiguration", .sub = &repair_schema)

static const struct schema_field managed_fields[] = {
	F_NEEDED(SCHEMA_STRING, "infrastructureRoleArn", .min_len = 1),
	F_NEEDED(SCHEMA_STRUCT, "instanceLaunchTemplate", .sub = &template_schema),
	MANAGED_REST,
};
const struct schema capacity_provider_managed_schema =
	KEPT(managed_fields, "CreateManagedInstancesProviderConfiguration");

static const struct schema_field managed_update_fields[] = {
	F_NEEDED(SCHEMA_STRING, "infrastructureRoleArn", .min_len = 1),
	F_NEEDED(SCHEMA_STRUCT, "instanceLaunchTemplate", .sub = &template_update_schema),
	MANAGED_REST,
};
const struct schema capacity_provider_managed_update_schema =
	KEPT(managed_update_fields, "UpdateManagedInstancesProviderConfiguration");

/* --- requests --- */

static const struct schema_field create_fields[] = {
	F_STR(struct create_capacity_provider_in, name, "name", .flags = SCHEMA_REQUIRED, .min_len = 1, .max_len = 255,
	      .chars = "A-Za-z0-9_-"),
	F_STR(struct create_capacity_provider_in, cluster, "cluster"),
	F_JSON(struct create_capacity_provider_in, group, "autoScalingGroupProvider", &capacity_provider_group_schema),
	F_JSON(struct create_capacity_provider_in, managed, "managedInstancesProvider", &capacity_provider_managed_schema),
	F_TAGS(struct create_capacity_provider_in, tags),
};
const struct schema create_capacity_provider_schema =
	SCHEMA(struct create_capacity_provider_in, create_fields, "CreateCapacityProviderRequest");

static const struct schema_field update_fields[] = {
	F_STR(struct update_capacity_provider_in, name, "name", .flags = SCHEMA_REQUIRED),
	F_STR(struct update_capacity_provider_in, cluster, "cluster"),
	F_JSON(struct update_capacity_provider_in, group, "autoScalingGroupProvider", &capacity_provider_group_update_schema),
	F_JSON(struct update_capacity_provider_in, managed, "managedInstancesProvider",
	       &capacity_provider_managed_update_schema),
};
const struct schema update_capacity_provider_schema =
	SCHEMA(struct update_capacity_provider_in, update_fields, "UpdateCapacityProviderRequest");

static const struct schema_field delete_fields[] = {
	F_STR(struct delete_capacity_provider_in, provider, "capacityProvider", .flags = SCHEMA_REQUIRED),
	F_STR(struct delete_capacity_provider_in, cluster, "cluster"),
};
const struct schema delete_capacity_provider_schema =
	SCHEMA(struct delete_capacity_provider_in, delete_fields, "DeleteCapacityProviderRequest");

static const struct schema_field describe_fields[] = {
	F_STRS(struct describe_capacity_providers_in, providers, "capacityProviders", .max_len = 100),
	F_STR(struct describe_capacity_providers_in, cluster, "cluster"),
	F_ENUMS(struct describe_capacity_providers_in, include, "include", include_names),
	F_INT(struct describe_capacity_providers_in, limit, "maxResults", .min = 1, .max = 10),
	F_STR(struct describe_capacity_providers_in, token, "nextToken"),
};
const struct schema describe_capacity_providers_schema =
	SCHEMA(struct describe_capacity_providers_in, describe_fields, "DescribeCapacityProvidersRequest");
/* clang-format on */
