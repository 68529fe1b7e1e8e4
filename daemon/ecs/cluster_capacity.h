/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the capacity providers of a cluster mean for it: which can be taken away, and the
 * attachments that those of Auto Scaling groups bring. Called by ecs/cluster.c; it must not know
 * how the names got into the cluster.
 */
#ifndef DAEMON_ECS_CLUSTER_CAPACITY_H
#define DAEMON_ECS_CLUSTER_CAPACITY_H

#include "daemon/api.h"

/* ResourceInUseException where a task that has not stopped is on a provider of the list `before`
 * that is not in the list `after` (either may be NULL: empty). */
int cluster_capacity_check_removed(
    struct call *c, const char *cluster, struct json_object *before, struct json_object *after);
/* ClusterContainsCapacityProviderException where the cluster has managed instances. */
int cluster_capacity_check_deletable(struct call *c, struct json_object *providers);
/* Adds attachments, and attachmentsStatus where there are any. The ids are the same every time. */
int cluster_capacity_add_attachments(
    struct call *c, const char *cluster, struct json_object *providers, struct json_object *out);

#endif
