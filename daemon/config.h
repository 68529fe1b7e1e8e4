/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the command line and the environment say, read once at start and constant afterwards. It
 * also holds the one table of kindnesses that ECS_STRICT=1 turns off.
 */
#ifndef DAEMON_CONFIG_H
#define DAEMON_CONFIG_H

#include "common/err.h"

#define LOCALEMU_VERSION "0.1.0"
#define EXIT_DONE 1 /* config_read: all was said (--help, --version), the process exits with 0 */

/* The services that ECS asks on behalf of a task. */
enum config_endpoint {
	CONFIG_ENDPOINT_SECRETSMANAGER,
	CONFIG_ENDPOINT_SSM,
	CONFIG_ENDPOINT_S3,
	CONFIG_ENDPOINT_LOGS,
	CONFIG_ENDPOINT_MAX
};

/* What they are called in signatures. */
extern const char *const config_endpoint_services[CONFIG_ENDPOINT_MAX];

struct config {
	char *listen_host; /* GATEWAY_LISTEN or --listen, default 127.0.0.1 */
	char *listen_port; /* default 4566; "0": any free one, until it is known */
	char *state_dir;   /* --state-dir, default /var/lib/localemu-ecs */
	char *runtime_dir; /* --runtime-dir, default /run/localemu-ecs; api.sock and the gates live
			      there */
	char *libexec_dir; /* where localemu-ecs-shim and -init are; default: beside this program,
			      else /usr/libexec/localemu-ecs */
	char *engine_socket;   /* DOCKER_HOST=unix://…, default /var/run/docker.sock */
	char *publish_address; /* ECS_PUBLISH_ADDRESS, default 127.0.0.1 */
	char *account_id;      /* LOCALEMU_ACCOUNT_ID, default 000000000000 */
	/* LOCALEMU_ENDPOINT_<SERVICE>: where ECS itself asks a service, NULL: here. */
	char *endpoints[CONFIG_ENDPOINT_MAX];
	char *owner; /* --owner: label localemu.owner on every container, default localemu-ecs */
	bool docker_backend; /* ECS_DOCKER_BACKEND, default true */
	bool persistence;    /* PERSISTENCE, default true; false: store in memory, a clean stop ends
				every task */
	bool strict;         /* ECS_STRICT */
	int settle_ms;       /* ECS_SETTLE_SECONDS * 1000, default 10000 */
	/* ECS_HEALTHY_AFTER_SECONDS * 1000: a service's task without a health check is healthy
	 * after that time RUNNING; default 2000, strict 40000 as on ECS */
	int healthy_after_ms;
	int synthetic_instances; /* ECS_SYNTHETIC_INSTANCES, default 1 */
	bool verify_signatures;  /* LOCALEMU_VERIFY_SIGNATURES */
	/* With verify_signatures: the only keys that were not issued here and are let in; both or
	 * neither. */
	char *root_access_key; /* LOCALEMU_ROOT_ACCESS_KEY_ID */
	char *root_secret_key; /* LOCALEMU_ROOT_SECRET_ACCESS_KEY */
	/* LOCALEMU_UPSTREAM=http://HOST:PORT: who gets what is not built here; NULL: nobody. */
	char *upstream_host, *upstream_port;
	bool dump_api; /* --dump-api */
	bool debug;    /* --debug */
};

/* The kindnesses of the lenient mode, one row each in config.c. */
enum kindness {
	KIND_SYNTHETIC_INSTANCE, /* RunTask for EC2 in a cluster without instances registers one */
	KIND_UNKNOWN_SUBNET,     /* awsvpc subnets and groups that nobody created are accepted */
	KIND_FARGATE_ANY_DEFINITION, /* launchType FARGATE takes a definition without FARGATE
					compatibility */
	KIND_DEFAULT_CLUSTER,        /* the cluster "default" exists when it is first used */
	KIND_DELETE_CLUSTER_TASKS,   /* DeleteCluster deletes services, stops tasks */
	KIND_SETTLE,                 /* replies wait for what they asked for */
	KIND_ROLE_STRING,            /* role ARNs need not exist */
	KIND_MEMORY_UNSET, /* a container outside Fargate needs neither memory nor memoryReservation
			    */
	KIND_HOST_ENTERS,  /* published ports of awsvpc tasks are open to the host */
	KINDNESS_MAX,
};

/* Reads argv and environ. Returns 0 and a filled config; a positive exit status when the program
 * should end now
 * (--help, --version: 0 is printed and 1 returned as EXIT_DONE); a negative errno with the reason
 * in `e`. */
int config_read(struct config *c, int argc, char **argv, struct err *e);
void config_done(struct config *c);
bool config_kind(const struct config *c, enum kindness k);

#endif
