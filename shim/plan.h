/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Task definition and overrides as a plan: which containers, in which order, with which names,
 * ports, volumes and dependencies, and for each the JSON that the Engine's create call takes. Pure
 * data: made once per task from what the daemon sent; it must not know the Engine's state or the
 * link.
 */
#ifndef SHIM_PLAN_H
#define SHIM_PLAN_H

#include "common/taskdef.h"

/* Where a task's namespace leads to its shim. */
#define PLAN_ENDPOINT_ADDRESS "169.254.170.2"
#define PLAN_ENDPOINT_URL "http://" PLAN_ENDPOINT_ADDRESS
#define PLAN_API_URL PLAN_ENDPOINT_URL ":4566"

/* A log router: what is below the task's directory, and where it is in the router's container
 * (agent: taskresource/firelens). */
#define FIRELENS_DIR ".firelens" /* no container has such a name */
#define FIRELENS_CONFIG "fluent.conf"
#define FIRELENS_EXTERNAL "external.conf"
#define FIRELENS_SOCKET_DIR FIRELENS_DIR "/socket"
#define FIRELENS_SOCKET "fluent.sock"
#define FIRELENS_SOCKET_TARGET "/var/run"
#define FIRELENS_BIT_CONFIG_TARGET "/fluent-bit/etc/fluent-bit.conf"
#define FIRELENS_BIT_EXTERNAL_TARGET "/fluent-bit/etc/external.conf"
#define FIRELENS_D_CONFIG_TARGET "/fluentd/etc/fluent.conf"
#define FIRELENS_D_EXTERNAL_TARGET "/fluentd/etc/external.conf"
#define FIRELENS_PORT "24224"
/* Log options of awsfirelens that are no output's. */
#define FIRELENS_INCLUDE_PATTERN "include-pattern"
#define FIRELENS_EXCLUDE_PATTERN "exclude-pattern"
#define FIRELENS_BUFFER_LIMIT "log-driver-buffer-limit"
#define PLAN_CPU_PERIOD_US 100000 /* agent: ECS_CGROUP_CPU_PERIOD's default */
#define PLAN_CLUSTER_NAME_MAX 20  /* of it in a container's name */
#define PLAN_TASK_ID_SHORT 12

/* The network interface of an awsvpc task, as shim.proto's Network has it. */
struct plan_network {
	const char *name; /* of the Docker network, NULL: there is none */
	const char *engine_ipv4;
	const char *private_ipv4;
	const char *mac;
	const char *vpc_id;
	const char *subnet_cidr;
	const char *dns_name;
	const char *attachment_id;
	const char *gateway; /* which the host is there */
};

/* What the daemon said of the task and of the place; all borrowed during plan_build only. */
struct plan_input {
	const char *task_arn;
	const char *task_id;
	const char *cluster_arn;
	const char *cluster_name;
	const char *region;
	const char *family;
	int64_t revision;
	const char *launch_type;
	const char *definition_json;
	const char *overrides_json; /* NULL or "": none */
	const char *credentials_id; /* NULL or "": no task role */
	const char *const *metadata_ids;
	size_t n_metadata_ids;
	const char *const *container_arns;
	size_t n_container_arns;
	const char *account;
	const char *group;
	const char *availability_zone, *availability_zone_id;
	struct plan_network network;
	const char *runtime_dir; /* the daemon's: its API's socket and port are there */
	const char *gate_parent; /* directory with one gate directory per container */
	const char *init_path;
	const char *publish_address;
	const char *owner;
	bool host_enters; /* published ports are open to the host, whatever the firewall says */
};

/* When a dependency is satisfied (ContainerDependency.condition, and what links, volumesFrom and
 * shared namespaces imply). */
enum plan_condition {
	PLAN_CREATED,
	PLAN_START,
	PLAN_COMPLETE,
	PLAN_SUCCESS,
	PLAN_HEALTHY,
	PLAN_CONDITION_MAX
};

struct plan_dep {
	size_t on; /* index of a container */
	enum plan_condition condition;
};

struct plan_port {
	int64_t container_first, container_last;
	int64_t host_first;   /* 0: the Engine chooses */
	const char *protocol; /* "tcp", "udp" */
	bool range;           /* containerPortRange was given */
};

struct plan_container {
	const struct container_def *def;
	const struct container_override *override; /* NULL: none */
	const char *docker_name;
	bool essential;
	int64_t stop_timeout_s;
	int64_t start_timeout_s; /* 0: none */
	struct plan_dep *deps;
	size_t n_deps;
	bool joins;              /* the sandbox's namespaces */
	bool sandbox;            /* is that itself: none of the definition's */
	struct plan_port *ports; /* those that the Engine publishes, or that host mode opens */
	size_t n_ports;
	const char *metadata_id; /* what its endpoints are known by */
	const char *arn;
};

struct plan_volume {
	const struct td_volume *def;
	const char *docker_name; /* NULL: a path of the host */
	bool owned;              /* goes away with the task */
	bool must_exist;         /* scope shared without autoprovision */
};

struct plan {
	struct arena arena;
	struct json_object *definition_tree,
	    *overrides_tree; /* what def and overrides borrow from */
	struct task_def def;
	struct task_override overrides;
	const char *labels[8][2];
	size_t n_labels;
	const char *execution_env; /* value of AWS_EXECUTION_ENV */
	const char *region, *gate_parent, *init_path, *publish_address, *task_arn, *owner;
	const char *platform; /* for a pull, NULL: the Engine's own */
	bool fargate;
	bool host_enters;
	const char *cluster_arn, *cluster_name, *family, *launch_type, *account, *group,
	    *runtime_dir, *availability_zone, *availability_zone_id;
	int64_t revision;
	const char *credentials_id; /* NULL: no task role */
	const char *cgroup_parent;  /* NULL: there is none around the task */
	struct plan_network network;
	/* Where containers find what serves them; set before the first body is made. */
	const char *endpoint_url;          /* "http://169.254.170.2" */
	const char *api_url;               /* NULL: the API cannot be reached from the containers */
	const char *token;                 /* NULL: whoever reaches the endpoint is of the task */
	struct plan_container *containers; /* in the order of the definition, then the sandbox */
	size_t n;                          /* all of them */
	size_t n_defined;                  /* those of the definition */
	size_t *order;                     /* indices: dependencies first */
	size_t holder; /* of what containers of the task share: the sandbox, or the only one */
	size_t router; /* of FireLens; n_defined where there is none */
	const char *router_address; /* in bridge mode, NULL until it is known */
	struct plan_volume *volumes;
	size_t n_volumes;
	int64_t next_range; /* where the next free host port range is looked for */
};

/* What create must know of an image: its process, where the definition leaves it open. */
struct plan_image {
	struct str_list entrypoint, cmd;
};

/* What was read from AWS services for one container; nothing else has it. */
struct plan_values {
	LIST_OF(struct key_value) files; /* variables of environmentFiles, each name once */
	LIST_OF(struct key_value) secrets;
	LIST_OF(struct key_value) log_options; /* of logConfiguration.secretOptions */
	const char *router_config; /* of a log router: the file of config-file-type s3 */
};

/* Fills `ret`, to be given to plan_done. On failure nothing is left but `e`: a definition that
 * cannot run (unknown or circular dependencies). */
int plan_build(const struct plan_input *in, struct plan *ret, struct err *e);
/* Frees what a plan, also a zeroed one, owns. */
void plan_done(struct plan *p);

/* For host mode, where the endpoint is on a port of the loopback and asks for a token; before the
 * first body is made. */
void plan_set_endpoint(struct plan *p, uint16_t port, const char *token);
/* The log router's address, before the body of a container that logs through it. */
void plan_set_router_address(struct plan *p, const char *address);
/* True for containers that log through the router. */
bool plan_is_routed(const struct plan *p, size_t i);
/* The ARN of the router's own configuration (config-file-type s3), NULL where there is none. */
const char *plan_router_file(const struct plan *p);
/* What a secret of container `i`'s log options is called in the router's environment. */
const char *plan_router_variable(size_t i, const char *name, struct arena *a);
/* The task's own cpu and memory, its override's first; 0: not given. */
int64_t plan_task_quota_us(const struct plan *p);
int64_t plan_task_memory_mib(const struct plan *p);
/* Before the first body. */
void plan_set_cgroup(struct plan *p, const char *parent);
/* awsvpc: gives ports whose number is taken on this host to the Engine to choose, all of them with
 * `every`. Before the owner's body is made. */
void plan_yield_ports(struct plan *p, bool every);
/* What a sandbox's image is made of, as a layer: a tar of the init alone. *ret is the caller's. */
int plan_sandbox_layer(const char *init_path, char **ret, size_t *ret_len, struct err *e);
/* For plan.c: adds the sandbox where one is needed, and who joins it (plan_sandbox.c). */
void plan_sandbox(struct plan *p, const struct plan_input *in);
/* True if nothing of this host listens there. */
bool plan_port_is_free(const char *address, const char *protocol, int64_t port);
/* The body of the create call of container `i`; the caller's. `values` may be NULL. Fails where
 * there is no command to run. */
int plan_body(const struct plan *p, size_t i, const struct plan_image *image,
    const struct plan_values *values, char **ret, struct err *e);
/* The user's process as Docker merges it from definition, override and image; the strings borrow
 * from those. */
void plan_argv(const struct plan *p, size_t i, const struct plan_image *image, struct str_list *ret,
    struct arena *a);
/* The volume that a mount point names; NULL where there is none. */
const struct plan_volume *plan_volume_find(const struct plan *p, const char *name);
/* The first of `n` neighbouring host ports at or above `from` that are free on `address`; 0 where
 * there are none. */
int64_t plan_free_range(const char *address, const char *protocol, int64_t from, int64_t n);

#endif
