/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CreateDaemon, UpdateDaemon, DeleteDaemon, DescribeDaemon, ListDaemons. Called by api.c through
 * ecs_daemon_ops; where tasks are started and stopped is for the scheduler, which sees a daemon as
 * a DAEMON service on the instances of its capacity providers.
 */
#include "daemon/ecs/daemon.h"

#include "daemon/ecs/account_setting_ref.h"
#include "daemon/ecs/capacity_provider_ref.h"
#include "daemon/ecs/client_token_ref.h"
#include "daemon/ecs/cluster_ref.h"
#include "daemon/ecs/operations.h"
#include "daemon/ecs/service_delete.h"
#include "daemon/ecs/service_deploy.h"
#include "daemon/ecs/tag_set.h"
#include "daemon/ecs/task_definition_ref.h"
#include "daemon/page.h"

#include <stdio.h>
#include <string.h>

#define LIST_MAX 100
#define PROVIDERS_MAX 20
#define MINUTES_MAX 1440 /* of a bake time */

/* CreateDaemon and UpdateDaemon. */
struct daemon_in {
	const char *name; /* Update: NULL */
	const char *arn;  /* Create: NULL */
	const char *cluster;
	const char *definition;
	struct str_list providers;
	struct json_object *configuration;
	struct tag_list tags;
	int propagate; /* enum propagate */
	enum tri managed_tags;
	enum tri execute_command;
	const char *client_token;
};
enum propagate { PROPAGATE_UNSET, PROPAGATE_DAEMON, PROPAGATE_NONE };

struct reference_in {
	const char *arn;
};
struct list_in {
	const char *cluster;
	struct str_list providers;
	const char *token;
	struct opt_int limit;
};

/* clang-format off */
static const char *const propagate_names[] = { NULL, [PROPAGATE_DAEMON] = "DAEMON", [PROPAGATE_NONE] = "NONE", NULL };

static const struct schema_field alarm_fields[] = {
	F_UNBOUND(SCHEMA_LIST_STRING, "alarmNames"),
	F_UNBOUND(SCHEMA_BOOL, "enable"),
};
static const struct schema alarm_schema =
	{ .name = "DaemonAlarmConfiguration", .fields = alarm_fields, .n = ARRAY_SIZE(alarm_fields) };

static const struct schema_field configuration_fields[] = {
	F_UNBOUND(SCHEMA_DOUBLE, "drainPercent", .max = 100),
	F_UNBOUND(SCHEMA_STRUCT, "alarms", .sub = &alarm_schema),
	F_UNBOUND(SCHEMA_INT, "bakeTimeInMinutes", .max = MINUTES_MAX),
};
static const struct schema configuration_schema =
	{ .name = "DaemonDeploymentConfiguration", .fields = configuration_fields, .n = ARRAY_SIZE(configuration_fields) };

#define SETTINGS                                                                                                       \
	F_STR(struct daemon_in, definition, "daemonTaskDefinitionArn", .flags = SCHEMA_REQUIRED),                      \
	F_STRS(struct daemon_in, providers, "capacityProviderArns", .flags = SCHEMA_REQUIRED, .min_len = 1,            \
		.max_len = PROVIDERS_MAX),                                                                             \
	F_JSON(struct daemon_in, configuration, "deploymentConfiguration", &configuration_schema),                     \
	F_ENUM(struct daemon_in, propagate, "propagateTags", propagate_names),                                         \
	F_BOOL(struct daemon_in, managed_tags, "enableECSManagedTags"),                                                \
	F_BOOL(struct daemon_in, execute_command, "enableExecuteCommand")

static const struct schema_field create_fields[] = {
	F_STR(struct daemon_in, name, "daemonName", .flags = SCHEMA_REQUIRED, .min_len = 1,
		.max_len = ARN_NAME_MAX - sizeof(ARN_DAEMON_PREFIX), .chars = "A-Za-z0-9_-"),
	F_STR(struct daemon_in, cluster, "clusterArn"),
	SETTINGS,
	F_TAGS(struct daemon_in, tags),
	F_STR(struct daemon_in, client_token, "clientToken", .max_len = 36, .chars = "!-~"),
};
static const struct schema create_schema = SCHEMA(struct daemon_in, create_fields, "CreateDaemonRequest");

static const struct schema_field update_fields[] = {
	F_STR(struct daemon_in, arn, "daemonArn", .flags = SCHEMA_REQUIRED),
	SETTINGS,
};
static const struct schema update_schema = SCHEMA(struct daemon_in, update_fields, "UpdateDaemonRequest");

static const struct schema_field delete_fields[] = {
	F_STR(struct reference_in, arn, "daemonArn", .flags = SCHEMA_REQUIRED),
};
static const struct schema delete_schema = SCHEMA(struct reference_in, delete_fields, "DeleteDaemonRequest");

static const struct schema_field describe_fields[] = {
	F_STR(struct reference_in, arn, "daemonArn", .flags = SCHEMA_REQUIRED),
};
static const struct schema describe_schema = SCHEMA(struct reference_in, describe_fields, "DescribeDaemonRequest");

static const struct schema_field list_fields[] = {
	F_STR(struct list_in, cluster, "clusterArn"),
	F_STRS(struct list_in, providers, "capacityProviderArns", .max_len = PROVIDERS_MAX),
	F_INT(struct list_in, limit, "maxResults", .min = 1, .max = LIST_MAX),
	F_STR(struct list_in, token, "nextToken"),
};
static const struct schema list_schema = SCHEMA(struct list_in, list_fields, "ListDaemonsRequest");

static int create_daemon(struct call *c);
static int update_daemon(struct call *c);
static int delete_daemon(struct call *c);
static int describe_daemon(struct call *c);
static int list_daemons(struct call *c);

static const struct op ops[] = {
	{ .name = "CreateDaemon",   .run = create_daemon,   .input = &create_schema, .flags = OP_WRITE },
	{ .name = "DeleteDaemon",   .run = delete_daemon,   .input = &delete_schema, .flags = OP_WRITE },
	{ .name = "DescribeDaemon", .run = describe_daemon, .input = &describe_schema },
	{ .name = "ListDaemons",    .run = list_daemons,    .input = &list_schema },
	{ .name = "UpdateDaemon",   .run = update_daemon,   .input = &update_schema, .flags = OP_WRITE },
};

static const struct daemon_count_names counts = { .running = "runningCount", .total_running = "totalRunningCount" };
/* clang-format on */
const struct op_table ecs_daemon_ops = { ops, ARRAY_SIZE(ops) };

/* --- what the settings name --- */

/* The definition that is to run: an ACTIVE one, or the one that runs already (`present`, its ARN).
 */
static int
settle_definition(
    struct call *c, const struct daemon_in *in, const char *present, struct json_object *settings)
{
	_cleanup_task_definition_ struct store_task_definition t = { 0 };
	_cleanup_json_ struct json_object *doc = NULL;
	char arn[ARN_MAX];
	int r = task_definition_ref_find_daemon(c->store, &c->scope, in->definition, &t, &c->err);

	if (r < 0)
		return r;
	if (r == 0)
		return err_set(
		    &c->err, ERR_CLIENT, "The specified daemon task definition does not exist.");
	(void)arn_task_definition(arn, &c->scope, t.family, t.revision);
	if (t.status != TD_ACTIVE && !streq(arn, present))
		return err_set(&c->err, ERR_INVALID_PARAMETER,
		    "The specified daemon task definition is not ACTIVE.");
	json_add_str(settings, "taskDefinition", arn);
	r = json_parse(t.doc, strlen(t.doc), &doc, &c->err);
	if (r == 0 && in->execute_command == TRI_TRUE && json_get_str(doc, "taskRoleArn") == NULL)
		return err_set(&c->err, ERR_INVALID_PARAMETER,
		    "enableExecuteCommand needs a daemon task definition with a taskRoleArn.");
	return r;
}

static bool
has_provider(struct json_object *strategy, const char *name)
{
	for (size_t i = 0; i < json_object_array_length(strategy); i++)
		if (streq(json_get_str(json_object_array_get_idx(strategy, i), "capacityProvider"),
			name))
			return true;
	return false;
}

/* Their instances are where the tasks go. */
static int
settle_providers(
    struct call *c, const char *cluster, const struct daemon_in *in, struct json_object *settings)
{
	struct json_object *strategy = json_object_new_array();

	json_add(settings, "capacityProviderStrategy", strategy);
	for (size_t i = 0; i < in->providers.n; i++) {
		struct json_object *item;
		enum capacity_provider_kind kind;
		const char *name;
		int r = capacity_provider_find(c, cluster, in->providers.v[i], &name, &kind);

		if (r < 0)
			return r;
		if (kind != PROVIDER_MANAGED)
			return err_set(&c->err, ERR_UNSUPPORTED_FEATURE,
			    "Daemons are supported only with Amazon ECS Managed Instances capacity "
			    "providers, which '%.255s' is not.",
			    name);
		if (has_provider(strategy, name))
			return err_set(&c->err, ERR_INVALID_PARAMETER,
			    "capacityProviderArns can not name '%.255s' twice.", name);
		item = json_object_new_object();
		json_add_str(item, "capacityProvider", name);
		json_add_int(item, "weight", 1);
		json_add_int(item, "base", 0);
		json_object_array_add(strategy, item);
	}
	return 0;
}

/* A configuration that is not given is the one of before. The circuit breaker is always there. */
static int
settle_configuration(struct call *c, const struct daemon_in *in, struct json_object *old,
    struct json_object *settings)
{
	struct json_object *breaker = json_object_new_object(), *configuration, *alarms;

	if (in->configuration != NULL)
		configuration = schema_prune(&configuration_schema, in->configuration);
	else
		configuration = old != NULL ? json_copy(old) : json_object_new_object();
	json_add_bool(breaker, "enable", true);
	json_add_bool(breaker, "rollback", true);
	json_add(configuration, "deploymentCircuitBreaker", breaker);
	json_add(settings, "deploymentConfiguration", configuration);
	alarms = json_get(configuration, "alarms");
	if (json_get_bool(alarms, "enable", false) && json_get(alarms, "alarmNames") == NULL)
		return err_set(&c->err, ERR_INVALID_PARAMETER,
		    "alarmNames can not be empty when alarms are enabled.");
	return 0;
}

/* What the scheduler reads of a daemon is what it reads of a service. `old` are the settings so
 * far, NULL for a new daemon; the caller owns *ret. */
static int
make_settings(struct call *c, const char *cluster, const char *name, struct json_object *old,
    struct json_object **ret)
{
	const struct daemon_in *in = c->args;
	_cleanup_json_ struct json_object *settings = json_object_new_object();
	char arn[ARN_MAX];
	int r;

	json_add_str(settings, "serviceArn", arn_service(arn, &c->scope, cluster, name));
	json_add_str(settings, "clusterArn", cluster_ref_arn(c, cluster));
	json_add_str(
	    settings, "propagateTags", in->propagate == PROPAGATE_DAEMON ? "SERVICE" : "NONE");
	json_add_bool(settings, "enableECSManagedTags", in->managed_tags == TRI_TRUE);
	json_add_bool(settings, "enableExecuteCommand", in->execute_command == TRI_TRUE);
	r = settle_definition(c, in, json_get_str(old, "taskDefinition"), settings);
	if (r == 0)
		r = settle_providers(c, cluster, in, settings);
	if (r == 0)
		r = settle_configuration(c, in, json_get(old, "deploymentConfiguration"), settings);
	if (r == 0)
		*ret = TAKE(settings);
	return r;
}

/* --- replies --- */

static const char *
client_status(const struct store_service *v)
{
	return streq(v->status, "ACTIVE") ? "ACTIVE" : "DELETE_IN_PROGRESS";
}

/* The members that every answer about one daemon has. */
static void
add_daemon(struct call *c, const struct store_service *v, struct json_object *out)
{
	_cleanup_json_ struct json_object *doc = NULL;
	struct json_object *updated;
	char arn[ARN_MAX];

	json_add_str(out, "daemonArn", arn_service(arn, &c->scope, v->cluster, v->name));
	json_add_str(out, "status", client_status(v));
	json_add_time(out, "createdAt", v->created_at_ms);
	if (json_parse(v->doc, strlen(v->doc), &doc, NULL) < 0)
		return;
	updated = json_get(doc, "updatedAt");
	if (updated != NULL)
		json_add(out, "updatedAt", json_object_get(updated));
}

/* --- CreateDaemon --- */

static int
not_idempotent(struct call *c)
{
	return err_set(&c->err, ERR_INVALID_PARAMETER, "Creation of daemon was not idempotent.");
}

static int
answer(struct call *c, const struct store_service *v)
{
	add_daemon(c, v, c->out);
	return daemon_doc_add_deployment(c, v, c->out);
}

/* 1 if this token made the daemon that is still there. */
static int
replay(struct call *c, const char *token, const char *name)
{
	_cleanup_daemon_ struct store_service v = { 0 };
	_cleanup_free_ char *cluster = NULL;
	enum client_token_use use;
	int r = client_token_find(c, token, &use, &cluster);

	if (r < 0 || use == CLIENT_TOKEN_FRESH)
		return r;
	if (use == CLIENT_TOKEN_OTHER)
		return not_idempotent(c);
	r = store_service_get(c->store, &c->scope, cluster, name, &v, &c->err);
	if (r <= 0)
		return r;
	r = answer(c, &v);
	return r < 0 ? r : 1;
}

/* The name of a deleted daemon is free again: what was of it goes. */
static int
check_name(struct call *c, const char *cluster, const char *name)
{
	_cleanup_daemon_ struct store_service old = { 0 };
	int r = store_service_get(c->store, &c->scope, cluster, name, &old, &c->err);

	if (r <= 0)
		return r;
	if (streq(old.status, "DRAINING"))
		return err_set(&c->err, ERR_INVALID_PARAMETER,
		    "The daemon can not be created while one of its name is being deleted.");
	if (streq(old.status, "ACTIVE"))
		return not_idempotent(c);
	return store_service_forget(c->store, &c->scope, cluster, name, &c->err);
}

static int
put_daemon(struct call *c, struct store_service *v, struct json_object *settings)
{
	const struct daemon_in *in = c->args;
	int r;

	json_add_str(settings, "createdBy", account_setting_caller(c));
	v->doc = xstrdup(json_print(settings));
	r = store_service_put(c->store, v, &c->err);
	if (r == 0)
		r = tag_set_write(
		    c->store, json_get_str(settings, "serviceArn"), &in->tags, &c->err);
	if (r == 0)
		r = service_deploy_start(c, v, settings);
	if (r == 0)
		r = client_token_keep(c, in->client_token, v->cluster);
	return r == 0 ? answer(c, v) : r;
}

static int
create_daemon(struct call *c)
{
	const struct daemon_in *in = c->args;
	_cleanup_json_ struct json_object *settings = NULL;
	_cleanup_daemon_ struct store_service v = { .scope = c->scope,
		.status = "ACTIVE",
		.scheduling = "DAEMON",
		.controller = "ECS",
		.created_at_ms = c->now_ms };
	int r;

	(void)snprintf(v.name, sizeof(v.name), ARN_DAEMON_PREFIX "%s", in->name); /* fits */
	r = replay(c, in->client_token, v.name);
	if (r != 0)
		return r < 0 ? r : 0;
	r = cluster_ref_resolve_name(c, in->cluster, v.cluster);
	if (r == 0)
		r = tag_set_check(&in->tags, &c->err);
	if (r == 0)
		r = make_settings(c, v.cluster, v.name, NULL, &settings);
	if (r == 0)
		r = check_name(c, v.cluster, v.name);
	return r == 0 ? put_daemon(c, &v, settings) : r;
}

/* --- UpdateDaemon, DeleteDaemon --- */

static int
update_daemon(struct call *c)
{
	const struct daemon_in *in = c->args;
	_cleanup_json_ struct json_object *settings = NULL, *old = NULL;
	_cleanup_daemon_ struct store_service v = { 0 };
	int r = daemon_ref_active(c, in->arn, &v);

	if (r == 0)
		r = json_parse(v.doc, strlen(v.doc), &old, &c->err);
	if (r == 0)
		r = make_settings(c, v.cluster, v.name, old, &settings);
	if (r < 0)
		return r;
	json_add_str(settings, "createdBy", json_get_str(old, "createdBy"));
	json_add_time(settings, "updatedAt", c->now_ms);
	r = service_deploy_start(c, &v, settings);
	return r == 0 ? answer(c, &v) : r;
}

static int
delete_daemon(struct call *c)
{
	const struct reference_in *in = c->args;
	_cleanup_json_ struct json_object *doc = NULL;
	_cleanup_daemon_ struct store_service v = { 0 };
	int r = daemon_ref_active(c, in->arn, &v);

	if (r == 0)
		r = json_parse(v.doc, strlen(v.doc), &doc, &c->err);
	if (r < 0)
		return r;
	json_add_time(doc, "updatedAt", c->now_ms);
	free(v.doc);
	v.doc = xstrdup(json_print(doc));
	r = service_delete_row(c, &v);
	add_daemon(c, &v, c->out);
	json_add_str(c->out, "status", "DELETE_IN_PROGRESS"); /* if only for this moment */
	return r;
}

/* --- DescribeDaemon --- */

struct describing {
	struct call *c;
	struct json_object *revisions;
	int r;
};

static int
on_deployment(const struct store_deployment *d, void *arg)
{
	struct describing *x = arg;
	struct json_object *o = NULL;

	x->r = daemon_doc_revision(x->c, d->cluster, d->service, d->revision, &counts, &o);
	if (o != NULL)
		json_object_array_add(x->revisions, o);
	return x->r < 0;
}

static int
describe_daemon(struct call *c)
{
	const struct reference_in *in = c->args;
	_cleanup_daemon_ struct store_service v = { 0 };
	struct describing x = { .c = c, .revisions = json_object_new_array() };
	struct json_object *out = json_object_new_object();
	int r = daemon_ref_find(c, in->arn, &v);

	json_add(c->out, "daemon", out);
	json_add(out, "currentRevisions", x.revisions);
	if (r == 0)
		r = store_deployment_list(
		    c->store, &c->scope, v.cluster, v.name, on_deployment, &x, &c->err);
	if (r < 0 || x.r < 0)
		return r < 0 ? r : x.r;
	add_daemon(c, &v, out);
	json_add_str(out, "clusterArn", cluster_ref_arn(c, v.cluster));
	return daemon_doc_add_deployment(c, &v, out);
}

/* --- ListDaemons --- */

struct listing {
	struct call *c;
	struct page page;
	const char **providers; /* names; NULL: any */
	size_t n_providers;
	struct json_object *list;
};

static bool
is_wanted(const struct listing *l, const struct store_service *v)
{
	_cleanup_json_ struct json_object *doc = NULL;

	if (l->providers == NULL)
		return true;
	if (json_parse(v->doc, strlen(v->doc), &doc, NULL) < 0)
		return false;
	for (size_t i = 0; i < l->n_providers; i++)
		if (has_provider(json_get(doc, "capacityProviderStrategy"), l->providers[i]))
			return true;
	return false;
}

static int
on_daemon(const struct store_service *v, void *arg)
{
	struct listing *l = arg;
	struct json_object *o;
	char key[PAGE_KEY_MAX];

	if (!is_wanted(l, v))
		return 0;
	(void)snprintf(key, sizeof(key), "%s/%s", v->cluster, v->name);
	if (!page_take(&l->page, key))
		return 1;
	o = json_object_new_object();
	add_daemon(l->c, v, o);
	json_object_array_add(l->list, o);
	return 0;
}

static int
read_providers(struct call *c, const struct list_in *in, struct listing *l)
{
	int r = 0;

	if (in->providers.n == 0)
		return 0;
	l->providers = arena_alloc(&c->arena, in->providers.n * sizeof(*l->providers));
	for (size_t i = 0; r >= 0 && i < in->providers.n; i++) {
		r = capacity_provider_name(c, in->providers.v[i], &l->providers[l->n_providers]);
		l->n_providers += r == 1;
	}
	return r < 0 ? r : 0;
}

static int
list_daemons(struct call *c)
{
	const struct list_in *in = c->args;
	struct listing l = { .c = c, .list = json_object_new_array() };
	struct store_service_filter f = { .kind = STORE_DAEMONS };
	char cluster[ARN_NAME_MAX];
	int r = 0;

	json_add(c->out, "daemonSummariesList", l.list);
	if (in->cluster != NULL) {
		r = cluster_ref_resolve_name(c, in->cluster, cluster);
		f.cluster = cluster;
	}
	if (r == 0)
		r = read_providers(c, in, &l);
	if (r == 0)
		r = page_begin(&l.page, c->op->name, in->token,
		    in->limit.set ? (int)in->limit.v : LIST_MAX, &c->err);
	if (r == 0)
		r = store_service_list(
		    c->store, &c->scope, &f, page_after(&l.page), -1, on_daemon, &l, &c->err);
	if (r == 0)
		page_finish(&l.page, c->op->name, &c->arena, c->out);
	return r;
}
