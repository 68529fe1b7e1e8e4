/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the capacity provider operations share: their inputs, and what a provider means
 * for the clusters that it is associated with. Only capacity_provider*.c include it.
 */
#ifndef DAEMON_ECS_CAPACITY_PROVIDER_H
#define DAEMON_ECS_CAPACITY_PROVIDER_H

#include "daemon/ecs/tag_set.h"
#include "daemon/store/capacity_provider.h"

struct create_capacity_provider_in {
	const char *name;
	const char *cluster;
	struct json_object *group;
	struct json_object *managed;
	struct tag_list tags;
};
struct update_capacity_provider_in {
	const char *name;
	const char *cluster;
	struct json_object *group;
	struct json_object *managed;
};
struct delete_capacity_provider_in {
	const char *provider;
	const char *cluster;
};
struct describe_capacity_providers_in {
	struct str_list providers;
	const char *cluster;
	struct str_list include;
	struct opt_int limit;
	const char *token;
};

extern const struct schema create_capacity_provider_schema;
extern const struct schema update_capacity_provider_schema;
extern const struct schema delete_capacity_provider_schema;
extern const struct schema describe_capacity_providers_schema;
/* Of one provider, for schema_prune. */
extern const struct schema capacity_provider_group_schema;
extern const struct schema capacity_provider_group_update_schema;
extern const struct schema capacity_provider_managed_schema;
extern const struct schema capacity_provider_managed_update_schema;

/* Associates managed instances with their cluster: {capacityProviders} gets `name`. */
int capacity_provider_join(struct call *c, const char *cluster, const char *name);
/* Takes `name` off its cluster's capacityProviders. */
int capacity_provider_leave(struct call *c, const char *cluster, const char *name);
/* The name of an ACTIVE cluster that a provider is associated with (default_strategy: in whose
 * default strategy it is) in the arena, NULL where there is none. */
int capacity_provider_user(
    struct call *c, const char *name, bool default_strategy, const char **ret_cluster);

#endif
