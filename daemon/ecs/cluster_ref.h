/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a `cluster` argument (name, ARN or nothing) to the cluster's row: what all operations that
 * work in a cluster need. Called by the operation files; it must not know what they do there.
 */
#ifndef DAEMON_ECS_CLUSTER_REF_H
#define DAEMON_ECS_CLUSTER_REF_H

#include "daemon/api.h"
#include "daemon/store/cluster.h"

static inline void
cluster_ref_done_(struct store_cluster *c)
{
	store_cluster_done(c);
}
/* `_cleanup_cluster_ struct store_cluster cluster = { 0 };` */
#define _cleanup_cluster_ _cleanup_(cluster_ref_done_)

/* The name in a cluster argument; NULL or "" is "default". An ARN of another kind, or a name that
 * no cluster can have, is InvalidParameterException; an ARN of another account or region is
 * ClusterNotFoundException. Fills c->err. */
int cluster_ref_name(struct call *c, const char *ref, char ret[static 256]);

/* The ACTIVE cluster that `ref` names, in *ret (the caller's, store_cluster_done). Returns 0, or
 * fills c->err with ClusterNotFoundException "Cluster not found." (also for an INACTIVE one). In
 * lenient mode "default" is created when it is first used (KIND_DEFAULT_CLUSTER). */
int cluster_ref_resolve(struct call *c, const char *ref, struct store_cluster *ret);
/* The same for callers that need the name alone. */
int cluster_ref_resolve_name(struct call *c, const char *ref, char ret[static 256]);

/* In lenient mode makes "default" if `name` is that and no row of it exists at all. */
int cluster_ref_ensure_default(struct call *c, const char *name);

/* arn:aws:ecs:<region>:<account>:cluster/<name>, in the call's arena. */
const char *cluster_ref_arn(struct call *c, const char *name);

#endif
