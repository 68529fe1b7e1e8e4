/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The container instance that a cluster gets when an EC2-type task needs one and nobody registered
 * any: this machine. Called by the operations that place tasks.
 */
#ifndef DAEMON_ECS_TASK_INSTANCE_H
#define DAEMON_ECS_TASK_INSTANCE_H

#include "daemon/api.h"

/* The id of an ACTIVE container instance of the cluster, registered now if there is none and the
 * lenient mode allows. Returns 1, 0 where there is none, or a negative errno with c->err filled. */
int task_instance_ensure(struct call *c, const char *cluster, char ret_id[static 33]);

#endif
