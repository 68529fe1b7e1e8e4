/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of the capacity providers that somebody has created; FARGATE and FARGATE_SPOT are none of
 * them. `doc` is the provider as DescribeCapacityProviders prints it, without status and tags.
 */
#ifndef DAEMON_STORE_CAPACITY_PROVIDER_H
#define DAEMON_STORE_CAPACITY_PROVIDER_H

#include "daemon/api.h"
#include "daemon/store/store.h"

struct store_capacity_provider {
	char name[256];
	char status[32];   /* ACTIVE, INACTIVE */
	char cluster[256]; /* of managed instances; "" with an Auto Scaling group */
	char *group;       /* the Auto Scaling group as it was given; NULL with managed instances */
	char *doc;         /* owned, as is group */
	int64_t deleted_at_ms; /* 0 while ACTIVE */
};

void store_capacity_provider_done(struct store_capacity_provider *p);
/* Inserts or replaces. */
int store_capacity_provider_put(struct store *s, const struct scope *sc,
    const struct store_capacity_provider *p, struct err *e);
/* 1 and a filled row (caller's), 0 where there is none, negative errno. */
int store_capacity_provider_get(struct store *s, const struct scope *sc, const char *name,
    struct store_capacity_provider *ret, struct err *e);
/* The ACTIVE one that uses an Auto Scaling group: 1, 0 or a negative errno. */
int store_capacity_provider_get_by_group(struct store *s, const struct scope *sc, const char *group,
    struct store_capacity_provider *ret, struct err *e);
/* ACTIVE ones by name, after `after`. */
int store_capacity_provider_list(struct store *s, const struct scope *sc, const char *after,
    int limit, int (*fn)(const struct store_capacity_provider *p, void *arg), void *arg,
    struct err *e);
/* Forgets INACTIVE ones deleted before `before_ms`. */
int store_capacity_provider_expire(struct store *s, int64_t before_ms, struct err *e);

static inline void
store_capacity_provider_done_(struct store_capacity_provider *p)
{
	store_capacity_provider_done(p);
}
#define _cleanup_capacity_provider_ _cleanup_(store_capacity_provider_done_)

#endif
