/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The members of a cluster that are stored as they were given: settings, configuration,
 * capacityProviders, defaultCapacityProviderStrategy, serviceConnectDefaults. Called by
 * ecs/cluster.c; it must not know the row's columns.
 */
#ifndef DAEMON_ECS_CLUSTER_DOC_H
#define DAEMON_ECS_CLUSTER_DOC_H

#include "daemon/api.h"

#define CLUSTER_PROVIDERS_MAX 20 /* capacity providers of a cluster, items of a strategy */

struct cluster_setting {
	int name;
	const char *value;
};
struct cluster_settings {
	bool set;
	size_t n;
	struct cluster_setting *v;
};
struct cluster_strategy_item {
	const char *provider;
	struct opt_int weight;
	struct opt_int base;
};
struct cluster_strategy {
	bool set;
	size_t n;
	struct cluster_strategy_item *v;
};

extern const struct schema cluster_setting_schema;
extern const struct schema cluster_strategy_schema; /* of one item */
extern const struct schema cluster_configuration_schema;
extern const struct schema cluster_service_connect_schema;

/* [{"name":"containerInsights","value":value}]; the caller owns it. */
struct json_object *cluster_doc_settings(const char *value);

/* Each checks a part of the input and sets that member of `doc`; what is not given (NULL, an empty
 * list of settings) stays. They return 0 or a negative errno with InvalidParameterException; `doc`
 * is of no use then. */
int cluster_doc_set_settings(
    struct json_object *doc, const struct cluster_settings *settings, struct err *e);
int cluster_doc_set_configuration(
    struct json_object *doc, struct json_object *configuration, struct err *e);
int cluster_doc_set_providers(
    struct json_object *doc, struct call *c, const char *cluster, const struct str_list *providers);
/* After the providers, which it refers to. */
int cluster_doc_set_strategy(struct json_object *doc, struct call *c, const char *cluster,
    const struct cluster_strategy *strategy);
void cluster_doc_set_service_connect(struct json_object *doc, struct json_object *service_connect);

#endif
