/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the daemon operations share. A daemon is to the scheduler what a DAEMON service
 * is: its rows are those of services (store/service.h) under names that no service can have
 * (ARN_DAEMON_PREFIX). Only daemon*.c include it.
 */
#ifndef DAEMON_ECS_DAEMON_H
#define DAEMON_ECS_DAEMON_H

#include "daemon/arn.h"
#include "daemon/store/service.h"

static inline void
daemon_done_(struct store_service *v)
{
	store_service_done(v);
}
/* `_cleanup_daemon_ struct store_service v = { 0 };` */
#define _cleanup_daemon_ _cleanup_(daemon_done_)

/* The row of a daemon's ARN, ACTIVE or DRAINING; the caller's. 0, DaemonNotFoundException, or
 * InvalidParameterException where it is no such ARN. */
int daemon_ref_find(struct call *c, const char *arn, struct store_service *ret);
/* The same, and DaemonNotActiveException unless it is ACTIVE. */
int daemon_ref_active(struct call *c, const char *arn, struct store_service *ret);

/* The names that the counts of a revision have: of a provider and of all of them. */
struct daemon_count_names {
	const char *running, *total_running;
	const char *draining, *total_draining; /* NULL: not printed */
};
/* A revision {arn, capacityProviders, totals} as its tasks are now; `name` is the one under which
 * the daemon is kept. The caller owns it. */
int daemon_doc_revision(struct call *c, const char *cluster, const char *name, const char *revision,
    const struct daemon_count_names *names, struct json_object **ret);
/* Adds deploymentArn, of the newest deployment. */
int daemon_doc_add_deployment(
    struct call *c, const struct store_service *v, struct json_object *out);

#endif
