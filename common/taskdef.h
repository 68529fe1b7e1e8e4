/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The task definition and RunTask's overrides as C structs, and the field tables that bind JSON
 * into them: one struct per shape of the ECS model, named after it. The daemon validates with them,
 * the shim plans containers with them. Only types, required members and enumerations are here;
 * whether values make sense is the daemon's to say.
 *
 * Absent members are zero: NULL strings and structs, TRI_UNSET, .set == false, enum 0. A registered
 * definition has ECS's defaults filled in (essential, portMappings[].hostPort and protocol, cpu).
 */
#ifndef COMMON_TASKDEF_H
#define COMMON_TASKDEF_H

#include "common/schema.h"

/* Each enum's names are in a table <enum>_names[] below: index 0 NULL, then the wire names, NULL at
 * the end. */
/* clang-format off */
enum network_mode { NETWORK_UNSET, NETWORK_BRIDGE, NETWORK_HOST, NETWORK_AWSVPC, NETWORK_NONE, NETWORK_MODE_MAX };
enum compatibility { COMPAT_UNSET, COMPAT_EC2, COMPAT_FARGATE, COMPAT_EXTERNAL, COMPAT_MANAGED_INSTANCES, COMPATIBILITY_MAX };
enum pid_mode { PID_UNSET, PID_HOST, PID_TASK, PID_MODE_MAX };
enum ipc_mode { IPC_UNSET, IPC_HOST, IPC_TASK, IPC_NONE, IPC_MODE_MAX };
enum transport_protocol { PROTOCOL_UNSET, PROTOCOL_TCP, PROTOCOL_UDP, TRANSPORT_PROTOCOL_MAX };
enum app_protocol { APP_PROTOCOL_UNSET, APP_PROTOCOL_HTTP, APP_PROTOCOL_HTTP2, APP_PROTOCOL_GRPC, APP_PROTOCOL_MAX };
enum env_file_type { ENV_FILE_UNSET, ENV_FILE_S3, ENV_FILE_TYPE_MAX };
enum dependency_condition { DEPEND_UNSET, DEPEND_START, DEPEND_COMPLETE, DEPEND_SUCCESS, DEPEND_HEALTHY, DEPENDENCY_CONDITION_MAX };
enum version_consistency { VERSION_UNSET, VERSION_ENABLED, VERSION_DISABLED, VERSION_CONSISTENCY_MAX };
enum ulimit_name {
	ULIMIT_UNSET, ULIMIT_CORE, ULIMIT_CPU, ULIMIT_DATA, ULIMIT_FSIZE, ULIMIT_LOCKS, ULIMIT_MEMLOCK, ULIMIT_MSGQUEUE,
	ULIMIT_NICE, ULIMIT_NOFILE, ULIMIT_NPROC, ULIMIT_RSS, ULIMIT_RTPRIO, ULIMIT_RTTIME, ULIMIT_SIGPENDING,
	ULIMIT_STACK, ULIMIT_NAME_MAX,
};
enum log_driver {
	LOG_DRIVER_UNSET, LOG_DRIVER_JSON_FILE, LOG_DRIVER_SYSLOG, LOG_DRIVER_JOURNALD, LOG_DRIVER_GELF,
	LOG_DRIVER_FLUENTD, LOG_DRIVER_AWSLOGS, LOG_DRIVER_SPLUNK, LOG_DRIVER_AWSFIRELENS, LOG_DRIVER_MAX,
};
enum resource_type {
	RESOURCE_UNSET,
	RESOURCE_GPU,
	RESOURCE_INFERENCE_ACCELERATOR,
	RESOURCE_NEURON_DEVICE,
	RESOURCE_TYPE_MAX
};
enum firelens_type { FIRELENS_UNSET, FIRELENS_FLUENTD, FIRELENS_FLUENTBIT, FIRELENS_TYPE_MAX };
enum volume_scope { SCOPE_UNSET, SCOPE_TASK, SCOPE_SHARED, VOLUME_SCOPE_MAX };
enum efs_switch { EFS_UNSET, EFS_ENABLED, EFS_DISABLED, EFS_SWITCH_MAX };
enum placement_type { PLACEMENT_UNSET, PLACEMENT_MEMBER_OF, PLACEMENT_TYPE_MAX };
enum proxy_type { PROXY_UNSET, PROXY_APPMESH, PROXY_TYPE_MAX };
enum cpu_architecture { CPU_UNSET, CPU_X86_64, CPU_ARM64, CPU_ARCHITECTURE_MAX };
enum os_family {
	OS_UNSET, OS_WINDOWS_SERVER_2019_FULL, OS_WINDOWS_SERVER_2019_CORE, OS_WINDOWS_SERVER_2016_FULL,
	OS_WINDOWS_SERVER_2004_CORE, OS_WINDOWS_SERVER_2022_CORE, OS_WINDOWS_SERVER_2022_FULL,
	OS_WINDOWS_SERVER_2025_CORE, OS_WINDOWS_SERVER_2025_FULL, OS_WINDOWS_SERVER_20H2_CORE, OS_LINUX, OS_FAMILY_MAX,
};
/* clang-format on */

extern const char *const network_mode_names[];
extern const char *const compatibility_names[];
extern const char *const pid_mode_names[];
extern const char *const ipc_mode_names[];
extern const char *const transport_protocol_names[];
extern const char *const app_protocol_names[];
extern const char *const env_file_type_names[];
extern const char *const dependency_condition_names[];
extern const char *const version_consistency_names[];
extern const char *const ulimit_name_names[];
extern const char *const log_driver_names[];
extern const char *const resource_type_names[];
extern const char *const firelens_type_names[];
extern const char *const volume_scope_names[];
extern const char *const efs_switch_names[];
extern const char *const placement_type_names[];
extern const char *const proxy_type_names[];
extern const char *const cpu_architecture_names[];
extern const char *const os_family_names[];
extern const char *const device_permission_names[]; /* "read", "write", "mknod" */

struct key_value {
	const char *name;
	const char *value;
};

struct td_secret {
	const char *name;
	const char *value_from;
};

struct td_repository_credentials {
	const char *credentials_parameter;
};

struct td_port_mapping {
	struct opt_int container_port;
	struct opt_int host_port;
	int protocol; /* enum transport_protocol */
	const char *name;
	int app_protocol;                 /* enum app_protocol */
	const char *container_port_range; /* "8080-8090" */
};

struct td_restart_policy {
	enum tri enabled;
	struct json_object *ignored_exit_codes; /* array of integers */
	struct opt_int restart_attempt_period;  /* seconds */
};

struct td_environment_file {
	const char *value;
	int type; /* enum env_file_type */
};

struct td_mount_point {
	const char *source_volume;
	const char *container_path;
	enum tri read_only;
};

struct td_volume_from {
	const char *source_container;
	enum tri read_only;
};

struct td_capabilities {
	struct str_list add;
	struct str_list drop;
};

struct td_device {
	const char *host_path;
	const char *container_path;
	struct str_list permissions;
};

struct td_tmpfs {
	const char *container_path;
	struct opt_int size; /* MiB */
	struct str_list mount_options;
};

struct td_linux_parameters {
	struct td_capabilities *capabilities;
	LIST_OF(struct td_device) devices;
	enum tri init_process_enabled;
	struct opt_int shared_memory_size; /* MiB */
	LIST_OF(struct td_tmpfs) tmpfs;
	struct opt_int max_swap; /* MiB */
	struct opt_int swappiness;
};

struct td_dependency {
	const char *container_name;
	int condition; /* enum dependency_condition */
};

struct td_host_entry {
	const char *hostname;
	const char *ip_address;
};

struct td_ulimit {
	int name; /* enum ulimit_name */
	struct opt_int soft_limit;
	struct opt_int hard_limit;
};

struct td_log_configuration {
	int log_driver; /* enum log_driver */
	struct str_map options;
	LIST_OF(struct td_secret) secret_options;
};

struct td_health_check {
	struct str_list command;
	struct opt_int interval; /* seconds, as are the next and start_period */
	struct opt_int timeout;
	struct opt_int retries;
	struct opt_int start_period;
};

struct td_system_control {
	const char *name_space;
	const char *value;
};

struct td_resource_requirement {
	const char *value;
	int type; /* enum resource_type */
};

struct td_firelens {
	int type; /* enum firelens_type */
	struct str_map options;
};

struct container_def {
	const char *name;
	const char *image;
	struct td_repository_credentials *repository_credentials;
	struct opt_int cpu;
	struct opt_int memory;             /* MiB */
	struct opt_int memory_reservation; /* MiB */
	struct str_list links;
	LIST_OF(struct td_port_mapping) port_mappings;
	enum tri essential; /* unset: true */
	struct td_restart_policy *restart_policy;
	struct str_list entry_point;
	struct str_list command;
	LIST_OF(struct key_value) environment;
	LIST_OF(struct td_environment_file) environment_files;
	LIST_OF(struct td_mount_point) mount_points;
	LIST_OF(struct td_volume_from) volumes_from;
	struct td_linux_parameters *linux_parameters;
	LIST_OF(struct td_secret) secrets;
	LIST_OF(struct td_dependency) depends_on;
	struct opt_int start_timeout; /* seconds */
	struct opt_int stop_timeout;  /* seconds */
	int version_consistency;      /* enum version_consistency */
	const char *hostname;
	const char *user;
	const char *working_directory;
	enum tri disable_networking;
	enum tri privileged;
	enum tri readonly_root_filesystem;
	struct str_list dns_servers;
	struct str_list dns_search_domains;
	LIST_OF(struct td_host_entry) extra_hosts;
	struct str_list docker_security_options;
	enum tri interactive;
	enum tri pseudo_terminal;
	struct str_map docker_labels;
	LIST_OF(struct td_ulimit) ulimits;
	struct td_log_configuration *log_configuration;
	struct td_health_check *health_check;
	LIST_OF(struct td_system_control) system_controls;
	LIST_OF(struct td_resource_requirement) resource_requirements;
	struct td_firelens *firelens_configuration;
	struct str_list credential_specs;
};

struct td_host_volume {
	const char *source_path;
};

struct td_docker_volume {
	int scope; /* enum volume_scope */
	enum tri autoprovision;
	const char *driver;
	struct str_map driver_opts;
	struct str_map labels;
};

struct td_efs_authorization {
	const char *access_point_id;
	int iam; /* enum efs_switch */
};

struct td_efs_volume {
	const char *file_system_id;
	const char *root_directory;
	int transit_encryption; /* enum efs_switch */
	struct opt_int transit_encryption_port;
	struct td_efs_authorization *authorization_config;
};

struct td_s3files_volume {
	const char *file_system_arn;
	const char *root_directory;
	struct opt_int transit_encryption_port;
	const char *access_point_arn;
};

struct td_fsx_authorization {
	const char *credentials_parameter;
	const char *domain;
};

struct td_fsx_volume {
	const char *file_system_id;
	const char *root_directory;
	struct td_fsx_authorization *authorization_config;
};

struct td_volume {
	const char *name;
	struct td_host_volume *host;
	struct td_docker_volume *docker;
	struct td_efs_volume *efs;
	struct td_s3files_volume *s3files;
	struct td_fsx_volume *fsx;
	enum tri configured_at_launch;
};

struct td_placement_constraint {
	int type; /* enum placement_type */
	const char *expression;
};

struct td_proxy_configuration {
	int type; /* enum proxy_type */
	const char *container_name;
	LIST_OF(struct key_value) properties;
};

struct td_inference_accelerator {
	const char *device_name;
	const char *device_type;
};

struct td_ephemeral_storage {
	struct opt_int size_gib;
};

struct td_runtime_platform {
	int cpu_architecture;        /* enum cpu_architecture */
	int operating_system_family; /* enum os_family */
};

struct td_tag {
	const char *key;
	const char *value;
};

/* RegisterTaskDefinition's request; a stored definition binds into it as well and then has no tags.
 */
struct task_def {
	const char *family;
	const char *task_role_arn;
	const char *execution_role_arn;
	int network_mode; /* enum network_mode */
	LIST_OF(struct container_def) containers;
	LIST_OF(struct td_volume) volumes;
	LIST_OF(struct td_placement_constraint) placement_constraints;
	struct str_list requires_compatibilities;
	const char *cpu;    /* in a stored definition CPU units ("256"), NULL where not given */
	const char *memory; /* in a stored definition MiB ("512") */
	LIST_OF(struct td_tag) tags;
	int pid_mode; /* enum pid_mode */
	int ipc_mode; /* enum ipc_mode */
	struct td_proxy_configuration *proxy_configuration;
	LIST_OF(struct td_inference_accelerator) inference_accelerators;
	struct td_ephemeral_storage *ephemeral_storage;
	struct td_runtime_platform *runtime_platform;
	enum tri enable_fault_injection;
};

struct container_override {
	const char *name;
	struct str_list command;
	LIST_OF(struct key_value) environment;
	LIST_OF(struct td_environment_file) environment_files;
	struct opt_int cpu;
	struct opt_int memory;
	struct opt_int memory_reservation;
	LIST_OF(struct td_resource_requirement) resource_requirements;
};

struct td_accelerator_override {
	const char *device_name;
	const char *device_type;
};

/* RunTask.overrides, StartTask.overrides. */
struct task_override {
	LIST_OF(struct container_override) containers;
	const char *cpu;
	LIST_OF(struct td_accelerator_override) accelerators;
	const char *execution_role_arn;
	const char *memory;
	const char *task_role_arn;
	struct td_ephemeral_storage *ephemeral_storage;
};

extern const struct schema container_def_schema; /* struct container_def */
/* KeyValuePair and Secret, which other inputs have, too. */
extern const struct schema key_value_schema;
extern const struct schema secret_schema;
extern const struct schema task_def_schema;           /* struct task_def, with the request's tags */
extern const struct schema daemon_def_schema;         /* struct task_def of a daemon, likewise */
extern const struct schema container_override_schema; /* struct container_override */
extern const struct schema log_configuration_schema;  /* struct td_log_configuration */
extern const struct schema task_override_schema;      /* struct task_override */

/* Parses a stored definition (or overrides) of NUL-terminated text. On success *ret borrows from
 * *ret_tree, which the caller puts after the last use, and from the arena. On failure nothing is
 * left but `e`, and `ret` is undefined. */
int task_def_parse(const char *text, struct arena *a, struct json_object **ret_tree,
    struct task_def *ret, struct err *e);
int task_override_parse(const char *text, struct arena *a, struct json_object **ret_tree,
    struct task_override *ret, struct err *e);

/* The container of that name, NULL where there is none. */
const struct container_def *task_def_container(const struct task_def *td, const char *name);

/* "256", "1 vCPU", ".5vcpu" as CPU units and "512", "1GB", "0.5 gb" as MiB. Returns 0 and *ret, or
 * -EINVAL where the text is neither; the range is the caller's to check. */
int task_def_cpu_units(const char *text, int64_t *ret);
int task_def_memory_mib(const char *text, int64_t *ret);

#endif
