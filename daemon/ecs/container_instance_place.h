/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A container instance as a place for tasks: what it has, what its tasks hold of that, whether an
 * expression of the cluster query language is true of it. Shared with the operations that put tasks
 * on instances; it decides nothing.
 */
#ifndef DAEMON_ECS_CONTAINER_INSTANCE_PLACE_H
#define DAEMON_ECS_CONTAINER_INSTANCE_PLACE_H

#include "common/taskdef.h"
#include "daemon/api.h"
#include "daemon/cql.h"
#include "daemon/store/container_instance.h"

static inline void
container_instance_done_(struct store_container_instance *i)
{
	store_container_instance_done(i);
}
#define _cleanup_container_instance_ _cleanup_(container_instance_done_)

/* What tasks hold of an instance, or one task wants of it. A zeroed one is nothing. */
struct instance_use {
	int64_t cpu_units;
	int64_t memory_mib;
	int64_t gpus;
	int64_t running, pending; /* tasks */
	/* Host ports, a bit for each. */
	uint32_t tcp[65536 / 32];
	uint32_t udp[65536 / 32];
};

/* Adds what a definition asks of an instance besides processor and memory: GPUs and host ports. */
void instance_use_add_definition(struct instance_use *u, const struct task_def *td);
void instance_use_add(struct instance_use *u, const struct instance_use *more);
/* What the unfinished tasks of an instance hold. */
int instance_use_read(
    struct call *c, const char *cluster, const char *id, struct instance_use *ret);

/* In lenient mode an instance that was registered for a task's sake takes whatever comes, with no
 * regard to room or constraints: it is a developer's machine, and what was asked for counts more
 * than what it can promise. Where there are to be several, placement is what somebody wants to see:
 * then each has the machine's room and no more. */
bool container_instance_takes_all(const struct call *c, const struct store_container_instance *i);
/* Why a task that wants `wanted` cannot be put there ("RESOURCE:CPU", "AGENT"), NULL where it can.
 */
const char *container_instance_lacks(const struct call *c, const struct store_container_instance *i,
    struct json_object *doc, const struct instance_use *used, const struct instance_use *wanted);

/* Whether an expression is true of an instance; `doc` is its document. */
bool container_instance_matches(struct call *c, const struct cql *q,
    const struct store_container_instance *i, struct json_object *doc);

/* The row's document as a tree, the caller's. */
int container_instance_parse(
    struct call *c, const struct store_container_instance *i, struct json_object **ret);

/* A new row for this machine, its document filled; the caller's. The number chooses its zone. */
void container_instance_make_synthetic(
    struct call *c, const char *cluster, int number, struct store_container_instance *ret);

#endif
