/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of clusters. `doc` is the JSON object of the members that the API gives back unchanged:
 * settings, configuration, capacityProviders, defaultCapacityProviderStrategy,
 * serviceConnectDefaults.
 */
#ifndef DAEMON_STORE_CLUSTER_H
#define DAEMON_STORE_CLUSTER_H

#include "daemon/api.h"
#include "daemon/store/store.h"

struct store_cluster {
	char name[256];
	char status[32]; /* ACTIVE, INACTIVE */
	char *doc;       /* owned */
	int64_t created_at_ms;
	int64_t deleted_at_ms; /* 0 while ACTIVE */
};

void store_cluster_done(struct store_cluster *c);
/* 1 and a filled row (caller's, store_cluster_done), 0 where there is none, negative errno on
 * failure. */
int store_cluster_get(struct store *s, const struct scope *sc, const char *name,
    struct store_cluster *ret, struct err *e);
/* Inserts or replaces. */
int store_cluster_put(
    struct store *s, const struct scope *sc, const struct store_cluster *c, struct err *e);
/* ACTIVE clusters by name, after `after`. */
int store_cluster_list(struct store *s, const struct scope *sc, const char *after, int limit,
    int (*fn)(const struct store_cluster *c, void *arg), void *arg, struct err *e);
/* Forgets INACTIVE clusters deleted before `before_ms`. */
int store_cluster_expire(struct store *s, int64_t before_ms, struct err *e);

#endif
