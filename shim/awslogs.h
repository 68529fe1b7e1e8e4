/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Containers with the log driver awslogs, through their lives: the stream is there before the
 * process begins, the log is followed while it runs, and read to its end before the task counts as
 * STOPPED and the container goes. Called by container.c, actions.c, sync.c and task.c; how events
 * get to CloudWatch Logs is for logs.c.
 */
#ifndef SHIM_AWSLOGS_H
#define SHIM_AWSLOGS_H

#include "common/util.h"

struct awslogs;
struct container;
struct task;

/* NULL where the container has another driver. The caller's. */
struct awslogs *awslogs_new(struct container *c);
void awslogs_free(struct awslogs *a);

/* For all of these `c->awslogs` may be NULL. */

/* The container is not created yet: what can be asked for by now is. */
void awslogs_prepare(struct container *c);
/* Whether its process may begin. Where it never may the container has failed; where it may not yet,
 * EV_CHANGED follows. */
bool awslogs_may_start(struct container *c);
/* Its phase has changed, or is known again. */
void awslogs_update(struct container *c);

/* True once everything that the task's containers wrote is delivered, or given up; else
 * EV_DEPROVISIONED or EV_BEGIN follow, whichever the task waits for. Bounded: in DEPROVISIONING as
 * dockerd waits for its log drivers, in STOPPED by how long nothing was delivered. */
bool awslogs_settled(struct task *t);
void awslogs_on_engine_down(struct task *t);
void awslogs_on_engine_up(struct task *t);

#endif
