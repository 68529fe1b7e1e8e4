/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Deleting services. Called by DeleteService and, for those that are left in it, by DeleteCluster.
 */
#ifndef DAEMON_ECS_SERVICE_DELETE_H
#define DAEMON_ECS_SERVICE_DELETE_H

#include "daemon/api.h"
#include "daemon/store/service.h"

/* Makes an ACTIVE service DRAINING, which the scheduler sees to, or INACTIVE where it has no task.
 * Changes and writes the row. 0, or a negative errno with c->err filled. */
int service_delete_row(struct call *c, struct store_service *v);
/* Makes all services of a cluster INACTIVE, whose tasks the caller sees to. */
int service_delete_all(struct call *c, const char *cluster);

#endif
