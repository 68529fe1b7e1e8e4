/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When to look at which service: after its settings or its tasks have changed, at the times that
 * the last look asked for, and once at start. A service at rest costs nothing. main.c owns it and
 * tells it what happened.
 */
#ifndef DAEMON_RECONCILE_SERVICES_H
#define DAEMON_RECONCILE_SERVICES_H

#include "common/loop.h"
#include "daemon/api.h"

struct reconcile_services;

/* All that is passed in outlives it. Never fails. */
struct reconcile_services *reconcile_services_new(
    struct loop *l, struct store *store, struct api *api);
void reconcile_services_free(struct reconcile_services *r);

/* Has every service that is not INACTIVE looked at, a few in each turn of the loop. */
void reconcile_services_start(struct reconcile_services *r);
/* No more looks: the daemon stops, or everything is about to be forgotten. What was asked for since
 * is made up for by reconcile_services_start. */
void reconcile_services_pause(struct reconcile_services *r);

/* This service has to be looked at, soon and once however often it is said. */
void reconcile_services_look(
    struct reconcile_services *r, const struct scope *sc, const char *cluster, const char *service);
/* The same for the service of a task, if it has one. */
void reconcile_services_task(struct reconcile_services *r, const char *task_id);

#endif
