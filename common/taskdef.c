/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tables behind taskdef.h, in the order of the service model, and the few readings of a
 * definition that both processes share. Called by the daemon's task_definition files and the shim's
 * plan; knows no rules about values.
 */
#include "common/taskdef.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

/* clang-format off */
const char *const network_mode_names[] = { NULL, "bridge", "host", "awsvpc", "none", NULL };
const char *const compatibility_names[] = { NULL, "EC2", "FARGATE", "EXTERNAL", "MANAGED_INSTANCES", NULL };
const char *const pid_mode_names[] = { NULL, "host", "task", NULL };
const char *const ipc_mode_names[] = { NULL, "host", "task", "none", NULL };
const char *const transport_protocol_names[] = { NULL, "tcp", "udp", NULL };
const char *const app_protocol_names[] = { NULL, "http", "http2", "grpc", NULL };
const char *const env_file_type_names[] = { NULL, "s3", NULL };
const char *const dependency_condition_names[] = { NULL, "START", "COMPLETE", "SUCCESS", "HEALTHY", NULL };
const char *const version_consistency_names[] = { NULL, "enabled", "disabled", NULL };
const char *const ulimit_name_names[] = {
	[ULIMIT_CORE] = "core",
	[ULIMIT_CPU] = "cpu",
	[ULIMIT_DATA] = "data",
	[ULIMIT_FSIZE] = "fsize",
	[ULIMIT_LOCKS] = "locks",
	[ULIMIT_MEMLOCK] = "memlock",
	[ULIMIT_MSGQUEUE] = "msgqueue",
	[ULIMIT_NICE] = "nice",
	[ULIMIT_NOFILE] = "nofile",
	[ULIMIT_NPROC] = "nproc",
	[ULIMIT_RSS] = "rss",
	[ULIMIT_RTPRIO] = "rtprio",
	[ULIMIT_RTTIME] = "rttime",
	[ULIMIT_SIGPENDING] = "sigpending",
	[ULIMIT_STACK] = "stack",
	[ULIMIT_NAME_MAX] = NULL,
};
const char *const log_driver_names[] = {
	[LOG_DRIVER_JSON_FILE] = "json-file",
	[LOG_DRIVER_SYSLOG] = "syslog",
	[LOG_DRIVER_JOURNALD] = "journald",
	[LOG_DRIVER_GELF] = "gelf",
	[LOG_DRIVER_FLUENTD] = "fluentd",
	[LOG_DRIVER_AWSLOGS] = "awslogs",
	[LOG_DRIVER_SPLUNK] = "splunk",
	[LOG_DRIVER_AWSFIRELENS] = "awsfirelens",
	[LOG_DRIVER_MAX] = NULL,
};
const char *const resource_type_names[] = { NULL, "GPU", "InferenceAccelerator", "NeuronDevice",
	NULL };
const char *const firelens_type_names[] = { NULL, "fluentd", "fluentbit", NULL };
const char *const volume_scope_names[] = { NULL, "task", "shared", NULL };
const char *const efs_switch_names[] = { NULL, "ENABLED", "DISABLED", NULL };
const char *const placement_type_names[] = { NULL, "memberOf", NULL };
const char *const proxy_type_names[] = { NULL, "APPMESH", NULL };
const char *const cpu_architecture_names[] = { NULL, "X86_64", "ARM64", NULL };
const char *const os_family_names[] = {
	[OS_WINDOWS_SERVER_2019_FULL] = "WINDOWS_SERVER_2019_FULL",
	[OS_WINDOWS_SERVER_2019_CORE] = "WINDOWS_SERVER_2019_CORE",
	[OS_WINDOWS_SERVER_2016_FULL] = "WINDOWS_SERVER_2016_FULL",
	[OS_WINDOWS_SERVER_2004_CORE] = "WINDOWS_SERVER_2004_CORE",
	[OS_WINDOWS_SERVER_2022_CORE] = "WINDOWS_SERVER_2022_CORE",
	[OS_WINDOWS_SERVER_2022_FULL] = "WINDOWS_SERVER_2022_FULL",
	[OS_WINDOWS_SERVER_2025_CORE] = "WINDOWS_SERVER_2025_CORE",
	[OS_WINDOWS_SERVER_2025_FULL] = "WINDOWS_SERVER_2025_FULL",
	[OS_WINDOWS_SERVER_20H2_CORE] = "WINDOWS_SERVER_20H2_CORE",
	[OS_LINUX] = "LINUX",
	[OS_FAMILY_MAX] = NULL,
};
const char *const device_permission_names[] = { NULL, "read", "write", "mknod", NULL };

#define REQUIRED .flags = SCHEMA_REQUIRED

static const struct schema_field key_value_fields[] = {
	F_STR(struct key_value, name, "name"),
	F_STR(struct key_value, value, "value"),
};
const struct schema key_value_schema = SCHEMA(struct key_value, key_value_fields, "KeyValuePair");

static const struct schema_field secret_fields[] = {
	F_STR(struct td_secret, name, "name", REQUIRED),
	F_STR(struct td_secret, value_from, "valueFrom", REQUIRED),
};
const struct schema secret_schema = SCHEMA(struct td_secret, secret_fields, "Secret");

static const struct schema_field repository_credentials_fields[] = {
	F_STR(struct td_repository_credentials, credentials_parameter, "credentialsParameter", REQUIRED),
};
static const struct schema repository_credentials_schema =
	SCHEMA(struct td_repository_credentials, repository_credentials_fields, "RepositoryCredentials");

static const struct schema_field port_mapping_fields[] = {
	F_INT(struct td_port_mapping, container_port, "containerPort"),
	F_INT(struct td_port_mapping, host_port, "hostPort"),
	F_ENUM(struct td_port_mapping, protocol, "protocol", transport_protocol_names),
	F_STR(struct td_port_mapping, name, "name"),
	F_ENUM(struct td_port_mapping, app_protocol, "appProtocol", app_protocol_names),
	F_STR(struct td_port_mapping, container_port_range, "containerPortRange"),
};
static const struct schema port_mapping_schema = SCHEMA(struct td_port_mapping, port_mapping_fields, "PortMapping");

static const struct schema_field restart_policy_fields[] = {
	F_BOOL(struct td_restart_policy, enabled, "enabled", REQUIRED),
	F_INTS(struct td_restart_policy, ignored_exit_codes, "ignoredExitCodes"),
	F_INT(struct td_restart_policy, restart_attempt_period, "restartAttemptPeriod"),
};
static const struct schema restart_policy_schema =
	SCHEMA(struct td_restart_policy, restart_policy_fields, "ContainerRestartPolicy");

static const struct schema_field environment_file_fields[] = {
	F_STR(struct td_environment_file, value, "value", REQUIRED),
	F_ENUM(struct td_environment_file, type, "type", env_file_type_names, REQUIRED),
};
static const struct schema environment_file_schema =
	SCHEMA(struct td_environment_file, environment_file_fields, "EnvironmentFile");

static const struct schema_field mount_point_fields[] = {
	F_STR(struct td_mount_point, source_volume, "sourceVolume"),
	F_STR(struct td_mount_point, container_path, "containerPath"),
	F_BOOL(struct td_mount_point, read_only, "readOnly"),
};
static const struct schema mount_point_schema = SCHEMA(struct td_mount_point, mount_point_fields, "MountPoint");

static const struct schema_field volume_from_fields[] = {
	F_STR(struct td_volume_from, source_container, "sourceContainer"),
	F_BOOL(struct td_volume_from, read_only, "readOnly"),
};
static const struct schema volume_from_schema = SCHEMA(struct td_volume_from, volume_from_fields, "VolumeFrom");

static const struct schema_field capabilities_fields[] = {
	F_STRS(struct td_capabilities, add, "add"),
	F_STRS(struct td_capabilities, drop, "drop"),
};
static const struct schema capabilities_schema =
	SCHEMA(struct td_capabilities, capabilities_fields, "KernelCapabilities");

static const struct schema_field device_fields[] = {
	F_STR(struct td_device, host_path, "hostPath", REQUIRED),
	F_STR(struct td_device, container_path, "containerPath"),
	F_ENUMS(struct td_device, permissions, "permissions", device_permission_names),
};
static const struct schema device_schema = SCHEMA(struct td_device, device_fields, "Device");

static const struct schema_field tmpfs_fields[] = {
	F_STR(struct td_tmpfs, container_path, "containerPath", REQUIRED),
	F_INT(struct td_tmpfs, size, "size", REQUIRED),
	F_STRS(struct td_tmpfs, mount_options, "mountOptions"),
};
static const struct schema tmpfs_schema = SCHEMA(struct td_tmpfs, tmpfs_fields, "Tmpfs");

static const struct schema_field linux_parameters_fields[] = {
	F_STRUCT(struct td_linux_parameters, capabilities, "capabilities", struct td_capabilities, &capabilities_schema),
	F_LIST(struct td_linux_parameters, devices, "devices", struct td_device, &device_schema),
	F_BOOL(struct td_linux_parameters, init_process_enabled, "initProcessEnabled"),
	F_INT(struct td_linux_parameters, shared_memory_size, "sharedMemorySize"),
	F_LIST(struct td_linux_parameters, tmpfs, "tmpfs", struct td_tmpfs, &tmpfs_schema),
	F_INT(struct td_linux_parameters, max_swap, "maxSwap"),
	F_INT(struct td_linux_parameters, swappiness, "swappiness"),
};
static const struct schema linux_parameters_schema =
	SCHEMA(struct td_linux_parameters, linux_parameters_fields, "LinuxParameters");

static const struct schema_field dependency_fields[] = {
	F_STR(struct td_dependency, container_name, "containerName", REQUIRED),
	F_ENUM(struct td_dependency, condition, "condition", dependency_condition_names, REQUIRED),
};
static const struct schema dependency_schema = SCHEMA(struct td_dependency, dependency_fields, "ContainerDependency");

static const struct schema_field host_entry_fields[] = {
	F_STR(struct td_host_entry, hostname, "hostname", REQUIRED),
	F_STR(struct td_host_entry, ip_address, "ipAddress", REQUIRED),
};
static const struct schema host_entry_schema = SCHEMA(struct td_host_entry, host_entry_fields, "HostEntry");

static const struct schema_field ulimit_fields[] = {
	F_ENUM(struct td_ulimit, name, "name", ulimit_name_names, REQUIRED),
	F_INT(struct td_ulimit, soft_limit, "softLimit", REQUIRED),
	F_INT(struct td_ulimit, hard_limit, "hardLimit", REQUIRED),
};
static const struct schema ulimit_schema = SCHEMA(struct td_ulimit, ulimit_fields, "Ulimit");

static const struct schema_field log_configuration_fields[] = {
	F_ENUM(struct td_log_configuration, log_driver, "logDriver", log_driver_names, REQUIRED),
	F_MAP(struct td_log_configuration, options, "options"),
	F_LIST(struct td_log_configuration, secret_options, "secretOptions", struct td_secret, &secret_schema),
};
const struct schema log_configuration_schema =
	SCHEMA(struct td_log_configuration, log_configuration_fields, "LogConfiguration");

static const struct schema_field health_check_fields[] = {
	F_STRS(struct td_health_check, command, "command", REQUIRED),
	F_INT(struct td_health_check, interval, "interval"),
	F_INT(struct td_health_check, timeout, "timeout"),
	F_INT(struct td_health_check, retries, "retries"),
	F_INT(struct td_health_check, start_period, "startPeriod"),
};
static const struct schema health_check_schema = SCHEMA(struct td_health_check, health_check_fields, "HealthCheck");

static const struct schema_field system_control_fields[] = {
	F_STR(struct td_system_control, name_space, "namespace"),
	F_STR(struct td_system_control, value, "value"),
};
static const struct schema system_control_schema =
	SCHEMA(struct td_system_control, system_control_fields, "SystemControl");

static const struct schema_field resource_requirement_fields[] = {
	F_STR(struct td_resource_requirement, value, "value", REQUIRED),
	F_ENUM(struct td_resource_requirement, type, "type", resource_type_names, REQUIRED),
};
static const struct schema resource_requirement_schema =
	SCHEMA(struct td_resource_requirement, resource_requirement_fields, "ResourceRequirement");

static const struct schema_field firelens_fields[] = {
	F_ENUM(struct td_firelens, type, "type", firelens_type_names, REQUIRED),
	F_MAP(struct td_firelens, options, "options"),
};
static const struct schema firelens_schema = SCHEMA(struct td_firelens, firelens_fields, "FirelensConfiguration");

static const struct schema_field container_def_fields[] = {
	F_STR(struct container_def, name, "name"),
	F_STR(struct container_def, image, "image"),
	F_STRUCT(struct container_def, repository_credentials, "repositoryCredentials",
		struct td_repository_credentials, &repository_credentials_schema),
	F_INT(struct container_def, cpu, "cpu"),
	F_INT(struct container_def, memory, "memory"),
	F_INT(struct container_def, memory_reservation, "memoryReservation"),
	F_STRS(struct container_def, links, "links"),
	F_LIST(struct container_def, port_mappings, "portMappings", struct td_port_mapping, &port_mapping_schema),
	F_BOOL(struct container_def, essential, "essential"),
	F_STRUCT(struct container_def, restart_policy, "restartPolicy", struct td_restart_policy, &restart_policy_schema),
	F_STRS(struct container_def, entry_point, "entryPoint"),
	F_STRS(struct container_def, command, "command"),
	F_LIST(struct container_def, environment, "environment", struct key_value, &key_value_schema),
	F_LIST(struct container_def, environment_files, "environmentFiles",
		struct td_environment_file, &environment_file_schema),
	F_LIST(struct container_def, mount_points, "mountPoints", struct td_mount_point, &mount_point_schema),
	F_LIST(struct container_def, volumes_from, "volumesFrom", struct td_volume_from, &volume_from_schema),
	F_STRUCT(struct container_def, linux_parameters, "linuxParameters",
		struct td_linux_parameters, &linux_parameters_schema),
	F_LIST(struct container_def, secrets, "secrets", struct td_secret, &secret_schema),
	F_LIST(struct container_def, depends_on, "dependsOn", struct td_dependency, &dependency_schema),
	F_INT(struct container_def, start_timeout, "startTimeout"),
	F_INT(struct container_def, stop_timeout, "stopTimeout"),
	F_ENUM(struct container_def, version_consistency, "versionConsistency", version_consistency_names),
	F_STR(struct container_def, hostname, "hostname"),
	F_STR(struct container_def, user, "user"),
	F_STR(struct container_def, working_directory, "workingDirectory"),
	F_BOOL(struct container_def, disable_networking, "disableNetworking"),
	F_BOOL(struct container_def, privileged, "privileged"),
	F_BOOL(struct container_def, readonly_root_filesystem, "readonlyRootFilesystem"),
	F_STRS(struct container_def, dns_servers, "dnsServers"),
	F_STRS(struct container_def, dns_search_domains, "dnsSearchDomains"),
	F_LIST(struct container_def, extra_hosts, "extraHosts", struct td_host_entry, &host_entry_schema),
	F_STRS(struct container_def, docker_security_options, "dockerSecurityOptions"),
	F_BOOL(struct container_def, interactive, "interactive"),
	F_BOOL(struct container_def, pseudo_terminal, "pseudoTerminal"),
	F_MAP(struct container_def, docker_labels, "dockerLabels"),
	F_LIST(struct container_def, ulimits, "ulimits", struct td_ulimit, &ulimit_schema),
	F_STRUCT(struct container_def, log_configuration, "logConfiguration",
		struct td_log_configuration, &log_configuration_schema),
	F_STRUCT(struct container_def, health_check, "healthCheck", struct td_health_check, &health_check_schema),
	F_LIST(struct container_def, system_controls, "systemControls", struct td_system_control, &system_control_schema),
	F_LIST(struct container_def, resource_requirements, "resourceRequirements",
		struct td_resource_requirement, &resource_requirement_schema),
	F_STRUCT(struct container_def, firelens_configuration, "firelensConfiguration",
		struct td_firelens, &firelens_schema),
	F_STRS(struct container_def, credential_specs, "credentialSpecs"),
};
const struct schema container_def_schema = SCHEMA(struct container_def, container_def_fields, "ContainerDefinition");

static const struct schema_field host_volume_fields[] = {
	F_STR(struct td_host_volume, source_path, "sourcePath"),
};
static const struct schema host_volume_schema =
	SCHEMA(struct td_host_volume, host_volume_fields, "HostVolumeProperties");

static const struct schema_field docker_volume_fields[] = {
	F_ENUM(struct td_docker_volume, scope, "scope", volume_scope_names),
	F_BOOL(struct td_docker_volume, autoprovision, "autoprovision"),
	F_STR(struct td_docker_volume, driver, "driver"),
	F_MAP(struct td_docker_volume, driver_opts, "driverOpts"),
	F_MAP(struct td_docker_volume, labels, "labels"),
};
static const struct schema docker_volume_schema =
	SCHEMA(struct td_docker_volume, docker_volume_fields, "DockerVolumeConfiguration");

static const struct schema_field efs_authorization_fields[] = {
	F_STR(struct td_efs_authorization, access_point_id, "accessPointId"),
	F_ENUM(struct td_efs_authorization, iam, "iam", efs_switch_names),
};
static const struct schema efs_authorization_schema =
	SCHEMA(struct td_efs_authorization, efs_authorization_fields, "EFSAuthorizationConfig");

static const struct schema_field efs_volume_fields[] = {
	F_STR(struct td_efs_volume, file_system_id, "fileSystemId", REQUIRED),
	F_STR(struct td_efs_volume, root_directory, "rootDirectory"),
	F_ENUM(struct td_efs_volume, transit_encryption, "transitEncryption", efs_switch_names),
	F_INT(struct td_efs_volume, transit_encryption_port, "transitEncryptionPort"),
	F_STRUCT(struct td_efs_volume, authorization_config, "authorizationConfig",
		struct td_efs_authorization, &efs_authorization_schema),
};
static const struct schema efs_volume_schema = SCHEMA(struct td_efs_volume, efs_volume_fields, "EFSVolumeConfiguration");

static const struct schema_field s3files_volume_fields[] = {
	F_STR(struct td_s3files_volume, file_system_arn, "fileSystemArn", REQUIRED),
	F_STR(struct td_s3files_volume, root_directory, "rootDirectory"),
	F_INT(struct td_s3files_volume, transit_encryption_port, "transitEncryptionPort"),
	F_STR(struct td_s3files_volume, access_point_arn, "accessPointArn"),
};
static const struct schema s3files_volume_schema =
	SCHEMA(struct td_s3files_volume, s3files_volume_fields, "S3FilesVolumeConfiguration");

static const struct schema_field fsx_authorization_fields[] = {
	F_STR(struct td_fsx_authorization, credentials_parameter, "credentialsParameter", REQUIRED),
	F_STR(struct td_fsx_authorization, domain, "domain", REQUIRED),
};
static const struct schema fsx_authorization_schema =
	SCHEMA(struct td_fsx_authorization, fsx_authorization_fields, "FSxWindowsFileServerAuthorizationConfig");

static const struct schema_field fsx_volume_fields[] = {
	F_STR(struct td_fsx_volume, file_system_id, "fileSystemId", REQUIRED),
	F_STR(struct td_fsx_volume, root_directory, "rootDirectory", REQUIRED),
	F_STRUCT(struct td_fsx_volume, authorization_config, "authorizationConfig",
		struct td_fsx_authorization, &fsx_authorization_schema, REQUIRED),
};
static const struct schema fsx_volume_schema =
	SCHEMA(struct td_fsx_volume, fsx_volume_fields, "FSxWindowsFileServerVolumeConfiguration");

static const struct schema_field volume_fields[] = {
	F_STR(struct td_volume, name, "name"),
	F_STRUCT(struct td_volume, host, "host", struct td_host_volume, &host_volume_schema),
	F_STRUCT(struct td_volume, docker, "dockerVolumeConfiguration", struct td_docker_volume, &docker_volume_schema),
	F_STRUCT(struct td_volume, efs, "efsVolumeConfiguration", struct td_efs_volume, &efs_volume_schema),
	F_STRUCT(struct td_volume, s3files, "s3filesVolumeConfiguration",
		struct td_s3files_volume, &s3files_volume_schema),
	F_STRUCT(struct td_volume, fsx, "fsxWindowsFileServerVolumeConfiguration", struct td_fsx_volume, &fsx_volume_schema),
	F_BOOL(struct td_volume, configured_at_launch, "configuredAtLaunch"),
};
static const struct schema volume_schema = SCHEMA(struct td_volume, volume_fields, "Volume");

static const struct schema_field placement_constraint_fields[] = {
	F_ENUM(struct td_placement_constraint, type, "type", placement_type_names),
	F_STR(struct td_placement_constraint, expression, "expression"),
};
static const struct schema placement_constraint_schema =
	SCHEMA(struct td_placement_constraint, placement_constraint_fields, "TaskDefinitionPlacementConstraint");

static const struct schema_field tag_fields[] = {
	F_STR(struct td_tag, key, "key"),
	F_STR(struct td_tag, value, "value"),
};
static const struct schema td_tag_schema = SCHEMA(struct td_tag, tag_fields, "Tag");

static const struct schema_field proxy_configuration_fields[] = {
	F_ENUM(struct td_proxy_configuration, type, "type", proxy_type_names),
	F_STR(struct td_proxy_configuration, container_name, "containerName", REQUIRED),
	F_LIST(struct td_proxy_configuration, properties, "properties", struct key_value, &key_value_schema),
};
static const struct schema proxy_configuration_schema =
	SCHEMA(struct td_proxy_configuration, proxy_configuration_fields, "ProxyConfiguration");

static const struct schema_field inference_accelerator_fields[] = {
	F_STR(struct td_inference_accelerator, device_name, "deviceName", REQUIRED),
	F_STR(struct td_inference_accelerator, device_type, "deviceType", REQUIRED),
};
static const struct schema inference_accelerator_schema =
	SCHEMA(struct td_inference_accelerator, inference_accelerator_fields, "InferenceAccelerator");

static const struct schema_field ephemeral_storage_fields[] = {
	F_INT(struct td_ephemeral_storage, size_gib, "sizeInGiB", REQUIRED),
};
static const struct schema ephemeral_storage_schema =
	SCHEMA(struct td_ephemeral_storage, ephemeral_storage_fields, "EphemeralStorage");

static const struct schema_field runtime_platform_fields[] = {
	F_ENUM(struct td_runtime_platform, cpu_architecture, "cpuArchitecture", cpu_architecture_names),
	F_ENUM(struct td_runtime_platform, operating_system_family, "operatingSystemFamily", os_family_names),
};
static const struct schema runtime_platform_schema =
	SCHEMA(struct td_runtime_platform, runtime_platform_fields, "RuntimePlatform");

static const struct schema_field task_def_fields[] = {
	F_STR(struct task_def, family, "family", REQUIRED, .kind = ERR_CLIENT,
		.message = "Family should not be null or empty."),
	F_STR(struct task_def, task_role_arn, "taskRoleArn"),
	F_STR(struct task_def, execution_role_arn, "executionRoleArn"),
	F_ENUM(struct task_def, network_mode, "networkMode", network_mode_names),
	F_LIST(struct task_def, containers, "containerDefinitions", struct container_def, &container_def_schema,
		REQUIRED, .kind = ERR_CLIENT, .message = "Container list cannot be empty."),
	F_LIST(struct task_def, volumes, "volumes", struct td_volume, &volume_schema),
	F_LIST(struct task_def, placement_constraints, "placementConstraints",
		struct td_placement_constraint, &placement_constraint_schema),
	F_ENUMS(struct task_def, requires_compatibilities, "requiresCompatibilities", compatibility_names),
	F_STR(struct task_def, cpu, "cpu"),
	F_STR(struct task_def, memory, "memory"),
	F_LIST(struct task_def, tags, "tags", struct td_tag, &td_tag_schema),
	F_ENUM(struct task_def, pid_mode, "pidMode", pid_mode_names),
	F_ENUM(struct task_def, ipc_mode, "ipcMode", ipc_mode_names),
	F_STRUCT(struct task_def, proxy_configuration, "proxyConfiguration",
		struct td_proxy_configuration, &proxy_configuration_schema),
	F_LIST(struct task_def, inference_accelerators, "inferenceAccelerators",
		struct td_inference_accelerator, &inference_accelerator_schema),
	F_STRUCT(struct task_def, ephemeral_storage, "ephemeralStorage",
		struct td_ephemeral_storage, &ephemeral_storage_schema),
	F_STRUCT(struct task_def, runtime_platform, "runtimePlatform",
		struct td_runtime_platform, &runtime_platform_schema),
	F_BOOL(struct task_def, enable_fault_injection, "enableFaultInjection"),
};
const struct schema task_def_schema = SCHEMA(struct task_def, task_def_fields, "RegisterTaskDefinitionRequest");

/* --- daemon task definitions: the same structs, of which fewer members can be given --- */

static const struct schema_field daemon_linux_parameters_fields[] = {
	F_STRUCT(struct td_linux_parameters, capabilities, "capabilities", struct td_capabilities, &capabilities_schema),
	F_LIST(struct td_linux_parameters, devices, "devices", struct td_device, &device_schema),
	F_BOOL(struct td_linux_parameters, init_process_enabled, "initProcessEnabled"),
	F_LIST(struct td_linux_parameters, tmpfs, "tmpfs", struct td_tmpfs, &tmpfs_schema),
};
static const struct schema daemon_linux_parameters_schema =
	SCHEMA(struct td_linux_parameters, daemon_linux_parameters_fields, "DaemonLinuxParameters");

static const struct schema_field daemon_container_fields[] = {
	F_STR(struct container_def, name, "name"),
	F_STR(struct container_def, image, "image", REQUIRED),
	F_STRUCT(struct container_def, repository_credentials, "repositoryCredentials",
		struct td_repository_credentials, &repository_credentials_schema),
	F_INT(struct container_def, cpu, "cpu"),
	F_INT(struct container_def, memory, "memory"),
	F_INT(struct container_def, memory_reservation, "memoryReservation"),
	F_BOOL(struct container_def, essential, "essential"),
	F_STRUCT(struct container_def, restart_policy, "restartPolicy", struct td_restart_policy, &restart_policy_schema),
	F_STRS(struct container_def, entry_point, "entryPoint"),
	F_STRS(struct container_def, command, "command"),
	F_LIST(struct container_def, environment, "environment", struct key_value, &key_value_schema),
	F_LIST(struct container_def, environment_files, "environmentFiles",
		struct td_environment_file, &environment_file_schema),
	F_LIST(struct container_def, mount_points, "mountPoints", struct td_mount_point, &mount_point_schema),
	F_STRUCT(struct container_def, linux_parameters, "linuxParameters",
		struct td_linux_parameters, &daemon_linux_parameters_schema),
	F_LIST(struct container_def, secrets, "secrets", struct td_secret, &secret_schema),
	F_LIST(struct container_def, depends_on, "dependsOn", struct td_dependency, &dependency_schema),
	F_INT(struct container_def, start_timeout, "startTimeout"),
	F_INT(struct container_def, stop_timeout, "stopTimeout"),
	F_STR(struct container_def, user, "user"),
	F_STR(struct container_def, working_directory, "workingDirectory"),
	F_BOOL(struct container_def, privileged, "privileged"),
	F_BOOL(struct container_def, readonly_root_filesystem, "readonlyRootFilesystem"),
	F_BOOL(struct container_def, interactive, "interactive"),
	F_BOOL(struct container_def, pseudo_terminal, "pseudoTerminal"),
	F_LIST(struct container_def, ulimits, "ulimits", struct td_ulimit, &ulimit_schema),
	F_STRUCT(struct container_def, log_configuration, "logConfiguration",
		struct td_log_configuration, &log_configuration_schema),
	F_STRUCT(struct container_def, health_check, "healthCheck", struct td_health_check, &health_check_schema),
	F_LIST(struct container_def, system_controls, "systemControls", struct td_system_control, &system_control_schema),
	F_STRUCT(struct container_def, firelens_configuration, "firelensConfiguration",
		struct td_firelens, &firelens_schema),
};
static const struct schema daemon_container_schema =
	SCHEMA(struct container_def, daemon_container_fields, "DaemonContainerDefinition");

static const struct schema_field daemon_volume_fields[] = {
	F_STR(struct td_volume, name, "name"),
	F_STRUCT(struct td_volume, host, "host", struct td_host_volume, &host_volume_schema),
};
static const struct schema daemon_volume_schema = SCHEMA(struct td_volume, daemon_volume_fields, "DaemonVolume");

/* The machine's, or the daemon's own. */
static const char *const daemon_namespace_names[] = { NULL, "shared", "none", NULL };

static const struct schema_field daemon_def_fields[] = {
	F_STR(struct task_def, family, "family", REQUIRED, .kind = ERR_CLIENT,
		.message = "Family should not be null or empty."),
	F_STR(struct task_def, task_role_arn, "taskRoleArn"),
	F_STR(struct task_def, execution_role_arn, "executionRoleArn"),
	F_LIST(struct task_def, containers, "containerDefinitions", struct container_def, &daemon_container_schema,
		REQUIRED, .kind = ERR_CLIENT, .message = "containerDefinitions cannot be empty."),
	F_STR(struct task_def, cpu, "cpu"),
	F_STR(struct task_def, memory, "memory"),
	F_LIST(struct task_def, volumes, "volumes", struct td_volume, &daemon_volume_schema),
	F_LIST(struct task_def, tags, "tags", struct td_tag, &td_tag_schema),
	F_UNBOUND(SCHEMA_ENUM, "pidMode", .names = daemon_namespace_names),
	F_UNBOUND(SCHEMA_ENUM, "ipcMode", .names = daemon_namespace_names),
};
const struct schema daemon_def_schema =
	SCHEMA(struct task_def, daemon_def_fields, "RegisterDaemonTaskDefinitionRequest");

static const struct schema_field container_override_fields[] = {
	F_STR(struct container_override, name, "name"),
	F_STRS(struct container_override, command, "command"),
	F_LIST(struct container_override, environment, "environment", struct key_value, &key_value_schema),
	F_LIST(struct container_override, environment_files, "environmentFiles",
		struct td_environment_file, &environment_file_schema),
	F_INT(struct container_override, cpu, "cpu"),
	F_INT(struct container_override, memory, "memory"),
	F_INT(struct container_override, memory_reservation, "memoryReservation"),
	F_LIST(struct container_override, resource_requirements, "resourceRequirements",
		struct td_resource_requirement, &resource_requirement_schema),
};
const struct schema container_override_schema =
	SCHEMA(struct container_override, container_override_fields, "ContainerOverride");

static const struct schema_field accelerator_override_fields[] = {
	F_STR(struct td_accelerator_override, device_name, "deviceName"),
	F_STR(struct td_accelerator_override, device_type, "deviceType"),
};
static const struct schema accelerator_override_schema =
	SCHEMA(struct td_accelerator_override, accelerator_override_fields, "InferenceAcceleratorOverride");

static const struct schema_field task_override_fields[] = {
	F_LIST(struct task_override, containers, "containerOverrides",
		struct container_override, &container_override_schema),
	F_STR(struct task_override, cpu, "cpu"),
	F_LIST(struct task_override, accelerators, "inferenceAcceleratorOverrides",
		struct td_accelerator_override, &accelerator_override_schema),
	F_STR(struct task_override, execution_role_arn, "executionRoleArn"),
	F_STR(struct task_override, memory, "memory"),
	F_STR(struct task_override, task_role_arn, "taskRoleArn"),
	F_STRUCT(struct task_override, ephemeral_storage, "ephemeralStorage",
		struct td_ephemeral_storage, &ephemeral_storage_schema),
};
const struct schema task_override_schema = SCHEMA(struct task_override, task_override_fields, "TaskOverride");
/* clang-format on */

static int parse(const struct schema *s, const char *text, struct arena *a,
    struct json_object **ret_tree, void *ret, struct err *e);
static int parse_amount(const char *text, const char *unit, double scale, int64_t *ret);

int
task_def_parse(const char *text, struct arena *a, struct json_object **ret_tree,
    struct task_def *ret, struct err *e)
{
	return parse(&task_def_schema, text, a, ret_tree, ret, e);
}

int
task_override_parse(const char *text, struct arena *a, struct json_object **ret_tree,
    struct task_override *ret, struct err *e)
{
	return parse(&task_override_schema, text, a, ret_tree, ret, e);
}

static int
parse(const struct schema *s, const char *text, struct arena *a, struct json_object **ret_tree,
    void *ret, struct err *e)
{
	_cleanup_json_ struct json_object *tree = NULL;
	int r;

	r = json_parse(text, strlen(text), &tree, e);
	if (r < 0)
		return r;
	r = schema_bind(s, tree, ret, a, ERR_INVALID_PARAMETER, e);
	if (r < 0)
		return r;
	*ret_tree = TAKE(tree);
	return 0;
}

const struct container_def *
task_def_container(const struct task_def *td, const char *name)
{
	for (size_t i = 0; i < td->containers.n; i++) {
		if (streq(td->containers.v[i].name, name))
			return &td->containers.v[i];
	}
	return NULL;
}

int
task_def_cpu_units(const char *text, int64_t *ret)
{
	return parse_amount(text, "vcpu", 1024, ret);
}

int
task_def_memory_mib(const char *text, int64_t *ret)
{
	return parse_amount(text, "gb", 1024, ret);
}

/* A whole number, or a decimal number with the unit (in any case), which then counts `scale` each.
 */
static int
parse_amount(const char *text, const char *unit, double scale, int64_t *ret)
{
	size_t digits = 0, decimals = 0;
	double v = 0, place = 1;
	bool with_unit;

	while (isspace((unsigned char)*text))
		text++;
	for (; isdigit((unsigned char)*text) && digits < 10; text++, digits++)
		v = v * 10 + (*text - '0');
	if (*text == '.') {
		for (text++; isdigit((unsigned char)*text) && decimals < 10; text++, decimals++) {
			place /= 10;
			v += place * (*text - '0');
		}
		if (decimals == 0)
			return -EINVAL;
	}
	while (isspace((unsigned char)*text))
		text++;
	with_unit = strncasecmp(text, unit, strlen(unit)) == 0;
	if (with_unit)
		text += strlen(unit);
	while (isspace((unsigned char)*text))
		text++;
	if (*text != '\0' || digits + decimals == 0 || (decimals > 0 && !with_unit))
		return -EINVAL;
	*ret = (int64_t)(with_unit ? v * scale + 0.5 : v);
	return 0;
}
