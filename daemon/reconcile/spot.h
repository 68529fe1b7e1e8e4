/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The interruption of Spot tasks, at somebody's wish: POST /_localemu/simulate/spot-interruption,
 * which main.c wires. What a service makes of it is the scheduler's.
 */
#ifndef DAEMON_RECONCILE_SPOT_H
#define DAEMON_RECONCILE_SPOT_H

#include "daemon/api.h"

/* Stops the tasks on FARGATE_SPOT, those of a cluster (name) or one task (id) where that is given,
 * as ECS does when it takes the capacity back. 0 and how many there were, or a negative errno with
 * `e` filled: some may be on their way out then. */
int spot_interrupt(struct api *api, struct store *store, const char *cluster, const char *task,
    int64_t *ret, struct err *e);

#endif
