/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looks up the capacity providers that strategies and clusters name, those of Fargate among them.
 * Called by the operation files that take such names; it must not know what they do with them.
 */
#ifndef DAEMON_ECS_CAPACITY_PROVIDER_REF_H
#define DAEMON_ECS_CAPACITY_PROVIDER_REF_H

#include "daemon/api.h"

enum capacity_provider_kind {
	PROVIDER_NONE,
	PROVIDER_FARGATE,
	PROVIDER_GROUP,   /* an Auto Scaling group */
	PROVIDER_MANAGED, /* managed instances of one cluster */
};

/* FARGATE and FARGATE_SPOT, which are always there; NULL-terminated. */
extern const char *const capacity_provider_built_in[];
bool capacity_provider_is_fargate(const char *name);

/* The name in "name or ARN", in the arena. 1, 0 where it cannot exist here, or -EINVAL with
 * c->err filled. */
int capacity_provider_name(struct call *c, const char *given, const char **ret);
/* An ACTIVE provider that can be used in `cluster`: 0, or InvalidParameterException. The name is in
 * the arena. */
int capacity_provider_find(struct call *c, const char *cluster, const char *given,
    const char **ret_name, enum capacity_provider_kind *ret_kind);

#endif
