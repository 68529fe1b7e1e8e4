/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CreateCluster, DescribeClusters, ListClusters, UpdateCluster, UpdateClusterSettings,
 * PutClusterCapacityProviders, DeleteCluster. Called by api.c through ecs_cluster_ops; it must not
 * know how tasks run, only that they can be told to stop.
 */
#include "daemon/arn.h"
#include "daemon/config.h"
#include "daemon/ecs/account_setting_ref.h"
#include "daemon/ecs/cluster_capacity.h"
#include "daemon/ecs/cluster_doc.h"
#include "daemon/ecs/cluster_ref.h"
#include "daemon/ecs/operations.h"
#include "daemon/ecs/service_delete.h"
#include "daemon/ecs/tag_set.h"
#include "daemon/events.h"
#include "daemon/page.h"
#include "daemon/store/container_instance.h"
#include "daemon/store/service.h"
#include "daemon/store/task.h"

#include <stdio.h>
#include <string.h>

/* How long DescribeClusters still knows a deleted cluster. */
#define INACTIVE_SHOWN_MS (60 * 60 * 1000)
#define PAGE_DEFAULT 100

/* --- inputs --- */

struct create_cluster_in {
	const char *name;
	struct tag_list tags;
	struct cluster_settings settings;
	struct json_object *configuration;
	struct str_list providers;
	struct cluster_strategy strategy;
	struct json_object *service_connect;
};
struct update_cluster_in {
	const char *cluster;
	struct cluster_settings settings;
	struct json_object *configuration;
	struct json_object *service_connect;
};
struct put_providers_in {
	const char *cluster;
	struct str_list providers;
	struct cluster_strategy strategy;
};
struct describe_clusters_in {
	struct str_list clusters;
	struct str_list include;
};
struct list_clusters_in {
	const char *token;
	struct opt_int limit;
};
struct delete_cluster_in {
	const char *cluster;
};

/* clang-format off */
enum { INCLUDE_ATTACHMENTS = 1, INCLUDE_CONFIGURATIONS, INCLUDE_SETTINGS, INCLUDE_STATISTICS, INCLUDE_TAGS };
static const char *const include_names[] = {
	[INCLUDE_ATTACHMENTS]    = "ATTACHMENTS",
	[INCLUDE_CONFIGURATIONS] = "CONFIGURATIONS",
	[INCLUDE_SETTINGS]       = "SETTINGS",
	[INCLUDE_STATISTICS]     = "STATISTICS",
	[INCLUDE_TAGS]           = "TAGS",
	[INCLUDE_TAGS + 1]       = NULL,
};
/* clang-format on */

static const struct schema_field create_cluster_fields[] = {
	F_STR(struct create_cluster_in, name, "clusterName", .min_len = 1, .max_len = 255,
	    .chars = "A-Za-z0-9_-"),
	F_TAGS(struct create_cluster_in, tags),
	F_LIST(struct create_cluster_in, settings, "settings", struct cluster_setting,
	    &cluster_setting_schema),
	F_JSON(struct create_cluster_in, configuration, "configuration",
	    &cluster_configuration_schema),
	F_STRS(struct create_cluster_in, providers, "capacityProviders",
	    .max_len = CLUSTER_PROVIDERS_MAX),
	F_LIST(struct create_cluster_in, strategy, "defaultCapacityProviderStrategy",
	    struct cluster_strategy_item, &cluster_strategy_schema,
	    .max_len = CLUSTER_PROVIDERS_MAX),
	F_JSON(struct create_cluster_in, service_connect, "serviceConnectDefaults",
	    &cluster_service_connect_schema),
};
static const struct schema create_cluster_schema =
    SCHEMA(struct create_cluster_in, create_cluster_fields, "CreateClusterRequest");

static const struct schema_field update_cluster_fields[] = {
	F_STR(struct update_cluster_in, cluster, "cluster", .flags = SCHEMA_REQUIRED),
	F_LIST(struct update_cluster_in, settings, "settings", struct cluster_setting,
	    &cluster_setting_schema),
	F_JSON(struct update_cluster_in, configuration, "configuration",
	    &cluster_configuration_schema),
	F_JSON(struct update_cluster_in, service_connect, "serviceConnectDefaults",
	    &cluster_service_connect_schema),
};
static const struct schema update_cluster_schema =
    SCHEMA(struct update_cluster_in, update_cluster_fields, "UpdateClusterRequest");

static const struct schema_field update_cluster_settings_fields[] = {
	F_STR(struct update_cluster_in, cluster, "cluster", .flags = SCHEMA_REQUIRED),
	F_LIST(struct update_cluster_in, settings, "settings", struct cluster_setting,
	    &cluster_setting_schema, .flags = SCHEMA_REQUIRED),
};
static const struct schema update_cluster_settings_schema = SCHEMA(
    struct update_cluster_in, update_cluster_settings_fields, "UpdateClusterSettingsRequest");

static const struct schema_field put_providers_fields[] = {
	F_STR(struct put_providers_in, cluster, "cluster", .flags = SCHEMA_REQUIRED),
	F_STRS(struct put_providers_in, providers, "capacityProviders", .flags = SCHEMA_REQUIRED,
	    .max_len = CLUSTER_PROVIDERS_MAX),
	F_LIST(struct put_providers_in, strategy, "defaultCapacityProviderStrategy",
	    struct cluster_strategy_item, &cluster_strategy_schema, .flags = SCHEMA_REQUIRED,
	    .max_len = CLUSTER_PROVIDERS_MAX),
};
static const struct schema put_providers_schema =
    SCHEMA(struct put_providers_in, put_providers_fields, "PutClusterCapacityProvidersRequest");

static const struct schema_field describe_clusters_fields[] = {
	F_STRS(struct describe_clusters_in, clusters, "clusters", .max_len = 100),
	F_ENUMS(struct describe_clusters_in, include, "include", include_names),
};
static const struct schema describe_clusters_schema =
    SCHEMA(struct describe_clusters_in, describe_clusters_fields, "DescribeClustersRequest");

static const struct schema_field list_clusters_fields[] = {
	F_STR(struct list_clusters_in, token, "nextToken"),
	F_INT(struct list_clusters_in, limit, "maxResults", .min = 1, .max = 100),
};
static const struct schema list_clusters_schema =
    SCHEMA(struct list_clusters_in, list_clusters_fields, "ListClustersRequest");

static const struct schema_field delete_cluster_fields[] = {
	F_STR(struct delete_cluster_in, cluster, "cluster", .flags = SCHEMA_REQUIRED),
};
static const struct schema delete_cluster_schema =
    SCHEMA(struct delete_cluster_in, delete_cluster_fields, "DeleteClusterRequest");

/* --- operations --- */

static int create_cluster(struct call *c);
static int describe_clusters(struct call *c);
static int list_clusters(struct call *c);
static int update_cluster(struct call *c);
static int put_cluster_capacity_providers(struct call *c);
static int delete_cluster(struct call *c);
static bool delete_cluster_settled(struct call *c);
static int delete_cluster_answer(struct call *c);

/* clang-format off */
static const struct op ops[] = {
	{ .name = "CreateCluster",         .run = create_cluster,    .input = &create_cluster_schema,          .flags = OP_WRITE },
	{ .name = "DescribeClusters",      .run = describe_clusters, .input = &describe_clusters_schema },
	{ .name = "ListClusters",          .run = list_clusters,     .input = &list_clusters_schema },
	{ .name = "UpdateCluster",         .run = update_cluster,    .input = &update_cluster_schema,          .flags = OP_WRITE },
	{ .name = "UpdateClusterSettings", .run = update_cluster,    .input = &update_cluster_settings_schema, .flags = OP_WRITE },
	{ .name = "PutClusterCapacityProviders", .run = put_cluster_capacity_providers, .input = &put_providers_schema, .flags = OP_WRITE },
	{ .name = "DeleteCluster",         .run = delete_cluster,    .input = &delete_cluster_schema,          .flags = OP_WRITE | OP_SETTLES,
	  .settled = delete_cluster_settled, .answer = delete_cluster_answer },
};
/* clang-format on */
const struct op_table ecs_cluster_ops = { ops, ARRAY_SIZE(ops) };

/* --- a cluster as the API prints it --- */

static void
add_statistic(struct json_object *list, const char *name, int64_t value)
{
	struct json_object *pair = json_object_new_object();
	char text[24];

	(void)snprintf(text, sizeof(text), "%lld", (long long)value);
	json_add_str(pair, "name", name);
	json_add_str(pair, "value", text);
	json_object_array_add(list, pair);
}

/* Cluster.statistics. */
static struct json_object *
print_statistics(const struct store_task_counts *n, const struct store_service_counts *service)
{
	struct json_object *list = json_object_new_array();

	add_statistic(list, "runningEC2TasksCount", n->running[0]);
	add_statistic(list, "runningFargateTasksCount", n->running[1]);
	add_statistic(list, "pendingEC2TasksCount", n->pending[0]);
	add_statistic(list, "pendingFargateTasksCount", n->pending[1]);
	add_statistic(list, "activeEC2ServiceCount", service->active_ec2);
	add_statistic(list, "activeFargateServiceCount", service->active_fargate);
	add_statistic(list, "drainingEC2ServiceCount", service->draining_ec2);
	add_statistic(list, "drainingFargateServiceCount", service->draining_fargate);
	return list;
}

/* A member of the row's doc; where it has none, `otherwise` (consumed). */
static void
add_member(struct json_object *out, struct json_object *doc, const char *key,
    struct json_object *otherwise)
{
	struct json_object *v = json_get(doc, key);

	if (v == NULL) {
		if (otherwise != NULL)
			json_add(out, key, otherwise);
		return;
	}
	json_object_put(otherwise);
	json_add(out, key, json_object_get(v));
}

static int
add_counts(struct call *c, const char *name, unsigned include, struct json_object *out)
{
	struct store_service_counts service_counts = { 0 };
	struct store_task_counts tasks;
	int64_t instances = 0;
	int r;

	r = store_task_count(c->store, &c->scope, name, &tasks, &c->err);
	if (r == 0)
		r = store_container_instance_count(
		    c->store, &c->scope, name, true, &instances, &c->err);
	if (r == 0)
		r = store_service_count(c->store, &c->scope, name, &service_counts, &c->err);
	if (r < 0)
		return r;
	json_add_int(out, "registeredContainerInstancesCount", instances);
	json_add_int(out, "runningTasksCount", tasks.running[0] + tasks.running[1]);
	json_add_int(out, "pendingTasksCount", tasks.pending[0] + tasks.pending[1]);
	json_add_int(out, "activeServicesCount", service_counts.active);
	json_add(out, "statistics",
	    include & BIT(INCLUDE_STATISTICS) ? print_statistics(&tasks, &service_counts)
					      : json_object_new_array());
	return 0;
}

static int
parse_doc(struct call *c, const struct store_cluster *row, struct json_object **ret)
{
	const char *doc = row->doc != NULL ? row->doc : "{}";

	if (json_parse(doc, strlen(doc), ret, &c->err) < 0)
		return err_set(&c->err, ERR_SERVER,
		    "cluster %s: its stored document cannot be read", row->name);
	return 0;
}

/* What is not in `include` (BITs of INCLUDE_) comes as [] or, where it is no list, not at all. The
 * caller owns *ret. */
static int
print_cluster(
    struct call *c, const struct store_cluster *row, unsigned include, struct json_object **ret)
{
	_cleanup_json_ struct json_object *out = json_object_new_object();
	_cleanup_json_ struct json_object *doc = NULL;
	struct json_object *tags = NULL;
	const char *arn = cluster_ref_arn(c, row->name);
	int r;

	r = parse_doc(c, row, &doc);
	if (r < 0)
		return r;
	json_add_str(out, "clusterArn", arn);
	json_add_str(out, "clusterName", row->name);
	if (include & BIT(INCLUDE_CONFIGURATIONS))
		add_member(out, doc, "configuration", NULL);
	json_add_str(out, "status", row->status);
	r = add_counts(c, row->name, include, out);
	if (r < 0)
		return r;
	if (include & BIT(INCLUDE_TAGS))
		r = tag_set_read(c->store, arn, &tags, &c->err);
	if (r < 0)
		return r;
	json_add(out, "tags", tags != NULL ? tags : json_object_new_array());
	if (include & BIT(INCLUDE_SETTINGS))
		add_member(out, doc, "settings", cluster_doc_settings("disabled"));
	else
		json_add(out, "settings", json_object_new_array());
	add_member(out, doc, "capacityProviders", json_object_new_array());
	add_member(out, doc, "defaultCapacityProviderStrategy", json_object_new_array());
	if (include & BIT(INCLUDE_ATTACHMENTS))
		r = cluster_capacity_add_attachments(
		    c, row->name, json_get(doc, "capacityProviders"), out);
	if (r < 0)
		return r;
	add_member(out, doc, "serviceConnectDefaults", NULL);
	*ret = TAKE(out);
	return 0;
}

/* {"cluster": …}, the reply of every operation on one cluster. */
static int
reply_cluster(struct call *c, const struct store_cluster *row, unsigned include)
{
	struct json_object *cluster = NULL;
	int r = print_cluster(c, row, include, &cluster);

	if (r == 0)
		json_add(c->out, "cluster", cluster);
	return r;
}

static int
put_cluster(struct call *c, struct store_cluster *row, struct json_object *doc)
{
	free(row->doc);
	row->doc = xstrdup(json_print(doc));
	return store_cluster_put(c->store, &c->scope, row, &c->err);
}

/* --- CreateCluster --- */

#define INCLUDE_ALL_BUT_COUNTS                                                                     \
	(BIT(INCLUDE_CONFIGURATIONS) | BIT(INCLUDE_SETTINGS) | BIT(INCLUDE_TAGS))

/* The account setting containerInsights is what a new cluster begins with. */
static int
default_settings(struct call *c, struct json_object *doc)
{
	struct account_setting_value v;
	int r =
	    account_setting_effective(c, SETTING_CONTAINER_INSIGHTS, account_setting_caller(c), &v);

	if (r == 0)
		json_add(doc, "settings", cluster_doc_settings(v.value));
	return r;
}

static int
insert_cluster(struct call *c, const struct create_cluster_in *in, struct store_cluster *row)
{
	_cleanup_json_ struct json_object *doc = json_object_new_object();
	int r;

	r = default_settings(c, doc);
	if (r == 0)
		r = cluster_doc_set_settings(doc, &in->settings, &c->err);
	if (r == 0)
		r = cluster_doc_set_configuration(doc, in->configuration, &c->err);
	if (r == 0)
		r = cluster_doc_set_providers(doc, c, row->name, &in->providers);
	if (r == 0)
		r = cluster_doc_set_strategy(doc, c, row->name, &in->strategy);
	if (r == 0)
		r = tag_set_check(&in->tags, &c->err);
	if (r < 0)
		return r;
	cluster_doc_set_service_connect(doc, in->service_connect);
	r = put_cluster(c, row, doc);
	return r < 0 ? r
		     : tag_set_write(c->store, cluster_ref_arn(c, row->name), &in->tags, &c->err);
}

/* An ACTIVE cluster of that name is the answer as it is; an INACTIVE one begins anew. */
static int
create_cluster(struct call *c)
{
	const struct create_cluster_in *in = c->args;
	const char *name = in->name != NULL ? in->name : "default";
	_cleanup_cluster_ struct store_cluster row = { 0 };
	int r;

	r = store_cluster_get(c->store, &c->scope, name, &row, &c->err);
	if (r < 0)
		return r;
	if (r == 0 || !streq(row.status, "ACTIVE")) {
		store_cluster_done(&row);
		row = (struct store_cluster){ .status = "ACTIVE", .created_at_ms = c->now_ms };
		(void)snprintf(row.name, sizeof(row.name), "%s", name);
		r = insert_cluster(c, in, &row);
		if (r < 0)
			return r;
	}
	return reply_cluster(c, &row, INCLUDE_ALL_BUT_COUNTS);
}

/* --- DescribeClusters --- */

static void
add_failure(struct json_object *failures, const char *arn)
{
	struct json_object *failure = json_object_new_object();

	json_add_str(failure, "arn", arn);
	json_add_str(failure, "reason", "MISSING");
	json_object_array_add(failures, failure);
}

static int
describe_one(struct call *c, const char *given, unsigned include, struct json_object *clusters,
    struct json_object *failures)
{
	_cleanup_cluster_ struct store_cluster row = { 0 };
	struct json_object *cluster = NULL;
	char name[ARN_NAME_MAX] = "";
	int r;

	r = arn_resolve_cluster(&c->scope, given, name, &c->err);
	if (r < 0)
		return r;
	if (r == 1)
		r = cluster_ref_ensure_default(c, name);
	if (r == 0 && name[0] != '\0')
		r = store_cluster_get(c->store, &c->scope, name, &row, &c->err);
	if (r < 0)
		return r;
	if (r == 0 ||
	    (!streq(row.status, "ACTIVE") && row.deleted_at_ms + INACTIVE_SHOWN_MS <= c->now_ms)) {
		add_failure(failures, name[0] != '\0' ? cluster_ref_arn(c, name) : given);
		return 0;
	}
	r = print_cluster(c, &row, include, &cluster);
	if (r == 0)
		json_object_array_add(clusters, cluster);
	return r;
}

static int
describe_clusters(struct call *c)
{
	const struct describe_clusters_in *in = c->args;
	struct json_object *clusters = json_object_new_array();
	struct json_object *failures = json_object_new_array();
	unsigned include = 0;
	int r = 0;

	json_add(c->out, "clusters", clusters);
	json_add(c->out, "failures", failures);
	for (size_t i = 0; i < in->include.n; i++)
		include |= BIT(schema_enum_index(include_names, in->include.v[i]));
	if (in->clusters.n == 0)
		return describe_one(c, "default", include, clusters, failures);
	for (size_t i = 0; r == 0 && i < in->clusters.n; i++)
		r = describe_one(c, in->clusters.v[i], include, clusters, failures);
	return r;
}

/* --- ListClusters --- */

struct list_walk {
	struct call *c;
	struct page page;
	struct json_object *arns;
};

static int
on_listed(const struct store_cluster *row, void *arg)
{
	struct list_walk *w = arg;
	char arn[ARN_MAX];

	if (!page_take(&w->page, row->name))
		return 1;
	json_object_array_add(
	    w->arns, json_object_new_string(arn_cluster(arn, &w->c->scope, row->name)));
	return 0;
}

static int
list_clusters(struct call *c)
{
	const struct list_clusters_in *in = c->args;
	struct list_walk w = { .c = c, .arns = json_object_new_array() };
	int r;

	json_add(c->out, "clusterArns", w.arns);
	r = page_begin(&w.page, c->op->name, in->token,
	    in->limit.set ? (int)in->limit.v : PAGE_DEFAULT, &c->err);
	if (r == 0)
		r = store_cluster_list(c->store, &c->scope, page_after(&w.page), w.page.limit + 1,
		    on_listed, &w, &c->err);
	if (r == 0)
		page_finish(&w.page, c->op->name, &c->arena, c->out);
	return r;
}

/* --- UpdateCluster, UpdateClusterSettings --- */

static int
update_cluster(struct call *c)
{
	const struct update_cluster_in *in = c->args;
	_cleanup_cluster_ struct store_cluster row = { 0 };
	_cleanup_json_ struct json_object *doc = NULL;
	int r;

	r = cluster_ref_resolve(c, in->cluster, &row);
	if (r < 0)
		return r;
	r = parse_doc(c, &row, &doc);
	if (r < 0)
		return r;
	r = cluster_doc_set_settings(doc, &in->settings, &c->err);
	if (r == 0)
		r = cluster_doc_set_configuration(doc, in->configuration, &c->err);
	if (r < 0)
		return r;
	cluster_doc_set_service_connect(doc, in->service_connect);
	r = put_cluster(c, &row, doc);
	return r < 0 ? r : reply_cluster(c, &row, INCLUDE_ALL_BUT_COUNTS);
}

/* --- PutClusterCapacityProviders --- */

/* Both lists are replaced. */
static int
put_cluster_capacity_providers(struct call *c)
{
	const struct put_providers_in *in = c->args;
	_cleanup_cluster_ struct store_cluster row = { 0 };
	_cleanup_json_ struct json_object *doc = NULL, *before = NULL;
	int r;

	r = cluster_ref_resolve(c, in->cluster, &row);
	if (r == 0)
		r = parse_doc(c, &row, &doc);
	if (r < 0)
		return r;
	before = json_object_get(json_get(doc, "capacityProviders"));
	r = cluster_doc_set_providers(doc, c, row.name, &in->providers);
	if (r == 0)
		r = cluster_doc_set_strategy(doc, c, row.name, &in->strategy);
	if (r == 0)
		r = cluster_capacity_check_removed(
		    c, row.name, before, json_get(doc, "capacityProviders"));
	if (r == 0)
		r = put_cluster(c, &row, doc);
	return r < 0 ? r
		     : reply_cluster(c, &row, INCLUDE_ALL_BUT_COUNTS | BIT(INCLUDE_ATTACHMENTS));
}

/* --- DeleteCluster --- */

static int
check_providers(struct call *c, const struct store_cluster *row)
{
	_cleanup_json_ struct json_object *doc = NULL;
	int r = parse_doc(c, row, &doc);

	return r < 0 ? r : cluster_capacity_check_deletable(c, json_get(doc, "capacityProviders"));
}

struct id_list {
	char (*v)[33];
	size_t n;
};

static int
on_id(const char *id, void *arg)
{
	struct id_list *ids = arg;

	/* Doubles at every power of two. */
	if ((ids->n & (ids->n - 1)) == 0)
		ids->v = xrealloc(ids->v, ids->n > 0 ? 2 * ids->n : 1, sizeof(*ids->v));
	(void)snprintf(ids->v[ids->n++], sizeof(*ids->v), "%s", id);
	return 0;
}

static int
on_instance(const struct store_container_instance *i, void *arg)
{
	return on_id(i->id, arg);
}

static int
stop_task(struct call *c, const char *id)
{
	_cleanup_(store_task_done) struct store_task t = { 0 };
	int r;

	r = store_task_get(c->store, id, &t, &c->err);
	if (r <= 0)
		return r;
	r = events_stop(c->store, &t, "UserInitiated", "Cluster deleted by user", &c->err);
	if (r > 0)
		call_wish(c, TASK_WISH_STOP, id);
	return r < 0 ? r : 0;
}

static int
stop_tasks(struct call *c, const char *cluster)
{
	struct id_list ids = { 0 };
	int r;

	r = store_task_list_live(c->store, &c->scope, cluster, on_id, &ids, &c->err);
	if (r == 0 && ids.n > 0 && !config_kind(c->config, KIND_DELETE_CLUSTER_TASKS))
		r = err_set(&c->err, ERR_CLUSTER_CONTAINS_TASKS,
		    "The Cluster cannot be deleted while Tasks are active.");
	for (size_t i = 0; r == 0 && i < ids.n; i++)
		r = stop_task(c, ids.v[i]);
	free(ids.v);
	return r;
}

/* Services go with the cluster, as its tasks do. */
static int
end_services(struct call *c, const char *cluster)
{
	struct store_service_counts n;
	int r = store_service_count(c->store, &c->scope, cluster, &n, &c->err);

	if (r < 0 || n.active + n.draining == 0)
		return r;
	if (!config_kind(c->config, KIND_DELETE_CLUSTER_TASKS))
		return err_set(&c->err, ERR_CLUSTER_CONTAINS_SERVICES,
		    "The Cluster cannot be deleted while Services are active.");
	return service_delete_all(c, cluster);
}

/* Instances that were registered for a task's sake go with the cluster; others are the user's and
 * stay in the way. */
static int
drop_instances(struct call *c, const char *cluster)
{
	struct id_list ids = { 0 };
	char arn[ARN_MAX];
	int64_t n = 0;
	int r;

	r = store_container_instance_count(c->store, &c->scope, cluster,
	    !config_kind(c->config, KIND_SYNTHETIC_INSTANCE), &n, &c->err);
	if (r == 0 && n > 0)
		r = err_set(&c->err, ERR_CLUSTER_CONTAINS_CONTAINER_INSTANCES,
		    "The Cluster cannot be deleted while Container Instances are active or "
		    "draining.");
	if (r == 0)
		r = store_container_instance_list(
		    c->store, &c->scope, cluster, NULL, -1, on_instance, &ids, &c->err);
	for (size_t i = 0; r == 0 && i < ids.n; i++) {
		r = tag_set_delete_all(
		    c->store, arn_container_instance(arn, &c->scope, cluster, ids.v[i]), &c->err);
		if (r == 0)
			r = store_container_instance_delete(c->store, &c->scope, ids.v[i], &c->err);
	}
	free(ids.v);
	return r;
}

/* The cluster is INACTIVE from here on, so that nothing new starts in it while its tasks still
 * stop. */
static int
delete_cluster(struct call *c)
{
	const struct delete_cluster_in *in = c->args;
	_cleanup_cluster_ struct store_cluster row = { 0 };
	char name[ARN_NAME_MAX];
	int r;

	r = cluster_ref_name(c, in->cluster, name);
	if (r < 0)
		return r;
	r = store_cluster_get(c->store, &c->scope, name, &row, &c->err);
	if (r < 0)
		return r;
	if (r == 0 || !streq(row.status, "ACTIVE"))
		return err_set(&c->err, ERR_CLUSTER_NOT_FOUND, "Cluster not found.");
	r = check_providers(c, &row);
	if (r == 0)
		r = end_services(c, name);
	if (r == 0)
		r = drop_instances(c, name);
	if (r == 0)
		r = stop_tasks(c, name);
	if (r == 0)
		r = tag_set_delete_all(c->store, cluster_ref_arn(c, name), &c->err);
	if (r < 0)
		return r;
	(void)snprintf(row.status, sizeof(row.status), "INACTIVE");
	row.deleted_at_ms = c->now_ms;
	r = store_cluster_put(c->store, &c->scope, &row, &c->err);
	if (r < 0)
		return r;
	c->settle_arg = arena_strdup(&c->arena, name);
	return reply_cluster(c, &row, 0);
}

static int
on_any(const char *id, void *arg)
{
	bool *any = arg;

	(void)id;
	*any = true;
	return 1;
}

/* Its tasks have stopped. A cluster that somebody made again meanwhile has tasks of its own:
 * nothing to wait for. */
static bool
delete_cluster_settled(struct call *c)
{
	_cleanup_cluster_ struct store_cluster row = { 0 };
	bool any = false;

	if (store_cluster_get(c->store, &c->scope, c->settle_arg, &row, &c->err) != 1 ||
	    !streq(row.status, "INACTIVE"))
		return true;
	if (store_task_list_live(c->store, &c->scope, c->settle_arg, on_any, &any, &c->err) < 0)
		return true;
	return !any;
}

/* The cluster as this call left it, with today's counts. */
static int
delete_cluster_answer(struct call *c)
{
	_cleanup_cluster_ struct store_cluster row = { 0 };
	int r;

	r = store_cluster_get(c->store, &c->scope, c->settle_arg, &row, &c->err);
	if (r < 0)
		return r;
	(void)snprintf(row.name, sizeof(row.name), "%s", (const char *)c->settle_arg);
	(void)snprintf(row.status, sizeof(row.status), "INACTIVE");
	return reply_cluster(c, &row, 0);
}
