/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of container instances. `doc` is the instance as DescribeContainerInstances prints it,
 * without counts and tags.
 */
#ifndef DAEMON_STORE_CONTAINER_INSTANCE_H
#define DAEMON_STORE_CONTAINER_INSTANCE_H

#include "daemon/api.h"
#include "daemon/store/store.h"

struct store_container_instance {
	char id[33];
	char cluster[256];
	char status[32]; /* ACTIVE, DRAINING, INACTIVE … */
	bool synthetic;
	char *doc; /* owned */
};

void store_container_instance_done(struct store_container_instance *i);
int store_container_instance_put(struct store *s, const struct scope *sc,
    const struct store_container_instance *i, struct err *e);
int store_container_instance_get(struct store *s, const struct scope *sc, const char *id,
    struct store_container_instance *ret, struct err *e);
int store_container_instance_list(struct store *s, const struct scope *sc, const char *cluster,
    const char *after, int limit, int (*fn)(const struct store_container_instance *i, void *arg),
    void *arg, struct err *e);
/* How many of a cluster's are not INACTIVE: those alone that are not synthetic, or all. */
int store_container_instance_count(struct store *s, const struct scope *sc, const char *cluster,
    bool with_synthetic, int64_t *ret, struct err *e);
int store_container_instance_delete(
    struct store *s, const struct scope *sc, const char *id, struct err *e);

#endif
