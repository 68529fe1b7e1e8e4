/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ECS identifiers: building ARNs, taking them apart, and reading "name or ARN" members. Operation
 * files and api.c call it; it knows the formats and nothing of what exists.
 */
#ifndef DAEMON_ARN_H
#define DAEMON_ARN_H

#include "daemon/api.h"

#define ARN_MAX 1024     /* bytes with the NUL: two names of 255, ids, and the words between */
#define ARN_NAME_MAX 256 /* a cluster, family or service name with the NUL */
#define ARN_ID_MAX                                                                                 \
	37 /* a task or instance id with the NUL: 32 hexadecimal digits, or an old UUID of 36 */
#define ARN_PARTS_MAX 4
/* Daemons are kept beside services and their task definitions beside the others, under names that
 * no client can give to those: "daemon/<name>". The builders of ARNs that take such a name or
 * family make the ARN of the daemon's kind. */
#define ARN_DAEMON_PREFIX "daemon/"

enum arn_type {
	ARN_OTHER, /* an ECS ARN of a type that has no row in arn.c */
	ARN_CLUSTER,
	ARN_TASK_DEFINITION,
	ARN_TASK,
	ARN_CONTAINER,
	ARN_CONTAINER_INSTANCE,
	ARN_SERVICE,
	ARN_TASK_SET,
	ARN_CAPACITY_PROVIDER,
	ARN_SERVICE_DEPLOYMENT,
	ARN_SERVICE_REVISION,
	ARN_DAEMON,
	ARN_DAEMON_DEPLOYMENT,
	ARN_DAEMON_REVISION,
	ARN_DAEMON_TASK_DEFINITION,
	ARN_TYPE_MAX,
};

/* The word in the ARN ("task-definition"), "" for ARN_OTHER. */
const char *arn_type_name(enum arn_type t);

/* An ARN taken apart. `part` are the pieces after the type, split at '/': {"web", "<task id>"} of a
 * task's long ARN,
 * {"<task id>"} of its old one, {"hello:3"} of a task definition's. They point into `text`: do not
 * copy the struct. */
struct arn {
	const char *partition;
	const char *region;
	const char *account;
	enum arn_type type;
	size_t n;
	const char *part[ARN_PARTS_MAX];
	char text[ARN_MAX];
};

/* Takes an ECS ARN apart. 0, or -EINVAL where it is none: no "arn:" of service ecs, an empty or
 * superfluous part, too long. */
int arn_parse(const char *text, struct arn *ret);
/* True if the ARN is of this account, region and the region's partition. */
bool arn_in_scope(const struct scope *sc, const struct arn *a);
/* "aws", "aws-cn", "aws-us-gov". */
const char *arn_partition(const char *region);

/* Builders: fill `buf` and return it. */
const char *arn_cluster(char buf[static ARN_MAX], const struct scope *sc, const char *name);
const char *arn_task_definition(
    char buf[static ARN_MAX], const struct scope *sc, const char *family, int64_t revision);
const char *arn_task(
    char buf[static ARN_MAX], const struct scope *sc, const char *cluster, const char *id);
const char *arn_container(char buf[static ARN_MAX], const struct scope *sc, const char *cluster,
    const char *task_id, const char *uuid);
const char *arn_container_instance(
    char buf[static ARN_MAX], const struct scope *sc, const char *cluster, const char *id);
const char *arn_service(
    char buf[static ARN_MAX], const struct scope *sc, const char *cluster, const char *name);
/* `id` with its "ecs-svc/" left out. */
const char *arn_task_set(char buf[static ARN_MAX], const struct scope *sc, const char *cluster,
    const char *service, const char *id);
const char *arn_service_deployment(char buf[static ARN_MAX], const struct scope *sc,
    const char *cluster, const char *service, const char *id);
const char *arn_service_revision(char buf[static ARN_MAX], const struct scope *sc,
    const char *cluster, const char *service, const char *id);
const char *arn_capacity_provider(
    char buf[static ARN_MAX], const struct scope *sc, const char *name);

/* True for the name under which a daemon, or the family under which its definition, is kept. */
bool arn_is_of_daemon(const char *name);
/* The name as clients know it: without the prefix, where it has one. */
const char *arn_client_name(const char *name);

/* Resolvers of "name or ARN" members. All return
 *	1           it can exist here: the outputs are filled; look it up
 *	0           it cannot exist here (another account, region or cluster): answer as for
 *something unknown -EINVAL     it is no such identifier: `e` is filled with ERR_INVALID_PARAMETER
 *and AWS's words Outputs are untouched unless 1 is returned. */

/* A cluster's name. NULL: "default". */
int arn_resolve_cluster(
    const struct scope *sc, const char *given, char ret_name[static ARN_NAME_MAX], struct err *e);
/* A task's id: an id, its long ARN (of `cluster`, else 0) or its old short ARN. */
int arn_resolve_task(const struct scope *sc, const char *cluster, const char *given,
    char ret_id[static ARN_ID_MAX], struct err *e);
/* The same for a container instance. */
int arn_resolve_container_instance(const struct scope *sc, const char *cluster, const char *given,
    char ret_id[static ARN_ID_MAX], struct err *e);
/* A service's name: a name, its long ARN (of `cluster`, else 0) or its old short ARN. */
int arn_resolve_service(const struct scope *sc, const char *cluster, const char *given,
    char ret_name[static ARN_NAME_MAX], struct err *e);
/* "family", "family:revision" or an ARN. *ret_revision is 0 where none was given. A revision that
 * is no positive number is ERR_INVALID_PARAMETER "Invalid revision number. Number: x". */
int arn_resolve_task_definition(const struct scope *sc, const char *given,
    char ret_family[static ARN_NAME_MAX], int64_t *ret_revision, struct err *e);
/* The same for a daemon task definition; the family is the one under which it is kept. */
int arn_resolve_daemon_definition(const struct scope *sc, const char *given,
    char ret_family[static ARN_NAME_MAX], int64_t *ret_revision, struct err *e);
/* A daemon's ARN, or that of one of its deployments or revisions (`type`): the cluster, the name
 * under which the daemon is kept and the id ("" of a daemon). */
int arn_resolve_daemon(const struct scope *sc, const char *given, enum arn_type type,
    char ret_cluster[static ARN_NAME_MAX], char ret_name[static ARN_NAME_MAX],
    char ret_id[static ARN_ID_MAX], struct err *e);

#endif
