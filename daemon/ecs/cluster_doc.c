/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the API gives back of a cluster unchanged: the shapes of its input, their rules, and how
 * they get into the row's doc. Called by ecs/cluster.c; it must not know the other members of a
 * cluster.
 */
#include "daemon/ecs/cluster_doc.h"

#include "daemon/ecs/capacity_provider_ref.h"

#include <string.h>

/* clang-format off */
static const char *const setting_names[] = { NULL, "containerInsights", NULL };
static const char *const setting_values[] = { NULL, "enabled", "enhanced", "disabled", NULL };
static const char *const logging_names[] = { NULL, "NONE", "DEFAULT", "OVERRIDE", NULL };
/* clang-format on */

static const struct schema_field setting_fields[] = {
	F_ENUM(struct cluster_setting, name, "name", setting_names),
	F_STR(struct cluster_setting, value, "value"),
};
const struct schema cluster_setting_schema =
    SCHEMA(struct cluster_setting, setting_fields, "ClusterSetting");

static const struct schema_field strategy_fields[] = {
	F_STR(struct cluster_strategy_item, provider, "capacityProvider", .flags = SCHEMA_REQUIRED,
	    .min_len = 1),
	F_INT(struct cluster_strategy_item, weight, "weight", .max = 1000),
	F_INT(struct cluster_strategy_item, base, "base", .max = 100000),
};
const struct schema cluster_strategy_schema =
    SCHEMA(struct cluster_strategy_item, strategy_fields, "CapacityProviderStrategyItem");

/* Configurations are kept as JSON. */
#define SCHEMA_OF_JSON(table, shape)                                                               \
	{                                                                                          \
		.name = (shape), .fields = (table), .n = ARRAY_SIZE(table)                         \
	}

static const struct schema_field log_fields[] = {
	F_UNBOUND(SCHEMA_STRING, "cloudWatchLogGroupName"),
	F_UNBOUND(SCHEMA_BOOL, "cloudWatchEncryptionEnabled"),
	F_UNBOUND(SCHEMA_STRING, "s3BucketName"),
	F_UNBOUND(SCHEMA_BOOL, "s3EncryptionEnabled"),
	F_UNBOUND(SCHEMA_STRING, "s3KeyPrefix"),
};
static const struct schema log_schema =
    SCHEMA_OF_JSON(log_fields, "ExecuteCommandLogConfiguration");

static const struct schema_field execute_fields[] = {
	F_UNBOUND(SCHEMA_STRING, "kmsKeyId"),
	F_UNBOUND(SCHEMA_ENUM, "logging", .names = logging_names),
	F_UNBOUND(SCHEMA_STRUCT, "logConfiguration", .sub = &log_schema),
};
static const struct schema execute_schema =
    SCHEMA_OF_JSON(execute_fields, "ExecuteCommandConfiguration");

static const struct schema_field storage_fields[] = {
	F_UNBOUND(SCHEMA_STRING, "kmsKeyId"),
	F_UNBOUND(SCHEMA_STRING, "fargateEphemeralStorageKmsKeyId"),
};
static const struct schema storage_schema =
    SCHEMA_OF_JSON(storage_fields, "ManagedStorageConfiguration");

static const struct schema_field configuration_fields[] = {
	F_UNBOUND(SCHEMA_STRUCT, "executeCommandConfiguration", .sub = &execute_schema),
	F_UNBOUND(SCHEMA_STRUCT, "managedStorageConfiguration", .sub = &storage_schema),
};
const struct schema cluster_configuration_schema =
    SCHEMA_OF_JSON(configuration_fields, "ClusterConfiguration");

static const struct schema_field service_connect_fields[] = {
	{ .name = "namespace",
	    .type = SCHEMA_STRING,
	    .flags = SCHEMA_UNBOUND | SCHEMA_REQUIRED,
	    .max_len = 1024 },
};
const struct schema cluster_service_connect_schema =
    SCHEMA_OF_JSON(service_connect_fields, "ClusterServiceConnectDefaultsRequest");

struct json_object *
cluster_doc_settings(const char *value)
{
	struct json_object *list = json_object_new_array();
	struct json_object *setting = json_object_new_object();

	json_add_str(setting, "name", "containerInsights");
	json_add_str(setting, "value", value);
	json_object_array_add(list, setting);
	return list;
}

int
cluster_doc_set_settings(
    struct json_object *doc, const struct cluster_settings *settings, struct err *e)
{
	for (size_t i = 0; i < settings->n; i++) {
		const struct cluster_setting *s = &settings->v[i];

		if (s->name == 0)
			return err_set(e, ERR_INVALID_PARAMETER, "Setting name can not be blank.");
		if (s->value == NULL || schema_enum_index(setting_values, s->value) == 0)
			return err_set(e, ERR_INVALID_PARAMETER,
			    "Invalid cluster setting value for containerInsights: should be one of "
			    "[enabled,enhanced,disabled]");
		json_add(doc, "settings", cluster_doc_settings(s->value));
	}
	return 0;
}

int
cluster_doc_set_configuration(
    struct json_object *doc, struct json_object *configuration, struct err *e)
{
	struct json_object *execute = json_get(configuration, "executeCommandConfiguration");

	if (configuration == NULL)
		return 0;
	/* ExecuteCommandConfiguration.logging: "OVERRIDE: … a logConfiguration must be provided".
	 */
	if (streq(json_get_str(execute, "logging"), "OVERRIDE") &&
	    json_get(execute, "logConfiguration") == NULL)
		return err_set(e, ERR_INVALID_PARAMETER,
		    "logConfiguration must be specified when logging is OVERRIDE.");
	json_add(doc, "configuration", schema_prune(&cluster_configuration_schema, configuration));
	return 0;
}

/* An empty namespace takes the default away (UpdateCluster.serviceConnectDefaults). */
void
cluster_doc_set_service_connect(struct json_object *doc, struct json_object *service_connect)
{
	if (service_connect == NULL)
		return;
	if (json_get_str(service_connect, "namespace")[0] == '\0')
		json_object_object_del(doc, "serviceConnectDefaults");
	else
		json_add(doc, "serviceConnectDefaults",
		    schema_prune(&cluster_service_connect_schema, service_connect));
}

static bool
list_has(struct json_object *list, const char *text)
{
	for (size_t i = 0; i < json_object_array_length(list); i++)
		if (streq(json_object_get_string(json_object_array_get_idx(list, i)), text))
			return true;
	return false;
}

int
cluster_doc_set_providers(
    struct json_object *doc, struct call *c, const char *cluster, const struct str_list *providers)
{
	struct json_object *list = json_object_new_array();
	enum capacity_provider_kind kind;
	int r;

	json_add(doc, "capacityProviders", list);
	for (size_t i = 0; i < providers->n; i++) {
		const char *name = NULL;

		r = capacity_provider_find(c, cluster, providers->v[i], &name, &kind);
		if (r < 0)
			return r;
		if (list_has(list, name))
			return err_set(&c->err, ERR_INVALID_PARAMETER,
			    "The capacity provider '%s' is specified more than once.", name);
		json_object_array_add(list, json_object_new_string(name));
	}
	return 0;
}

/* CapacityProviderStrategyItem: providers of this cluster, each once, and one base at most. */
int
cluster_doc_set_strategy(struct json_object *doc, struct call *c, const char *cluster,
    const struct cluster_strategy *strategy)
{
	_cleanup_json_ struct json_object *seen = json_object_new_array();
	struct json_object *list = json_object_new_array();
	enum capacity_provider_kind kind, first = PROVIDER_NONE;
	size_t bases = 0;
	int r;

	json_add(doc, "defaultCapacityProviderStrategy", list);
	for (size_t i = 0; i < strategy->n; i++) {
		const struct cluster_strategy_item *given = &strategy->v[i];
		struct json_object *item;
		const char *name = NULL;

		r = capacity_provider_find(c, cluster, given->provider, &name, &kind);
		if (r < 0)
			return r;
		if (first != PROVIDER_NONE && kind != first)
			return err_set(&c->err, ERR_INVALID_PARAMETER,
			    "The specified capacity provider strategy cannot contain a mix of "
			    "capacity providers using Auto Scaling groups and Fargate providers.");
		first = kind;
		if (!list_has(json_get(doc, "capacityProviders"), name))
			return err_set(&c->err, ERR_INVALID_PARAMETER,
			    "The specified capacity provider strategy cannot contain a capacity "
			    "provider that is not "
			    "associated with the cluster. Associate the capacity provider with the "
			    "cluster and try "
			    "again.");
		if (list_has(seen, name))
			return err_set(&c->err, ERR_INVALID_PARAMETER,
			    "The capacity provider strategy contains the capacity provider '%s' "
			    "more than once.",
			    name);
		bases += given->base.v > 0;
		json_object_array_add(seen, json_object_new_string(name));
		item = json_object_new_object();
		json_add_str(item, "capacityProvider", name);
		json_add_int(item, "weight", given->weight.v);
		json_add_int(item, "base", given->base.v);
		json_object_array_add(list, item);
	}
	if (bases > 1)
		return err_set(&c->err, ERR_INVALID_PARAMETER,
		    "Only one capacity provider in a capacity provider strategy can have a base "
		    "defined.");
	return 0;
}
