/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rows of a new deployment, and what becomes of the one before. It knows which members of a
 * service make a revision; whether a change asks for a deployment is for service_update.c.
 */
#include "daemon/ecs/service_deploy.h"

#include "daemon/arn.h"
#include "daemon/ecs/task_definition_ref.h"

#include <stdio.h>
#include <string.h>

#define DIGITS "0123456789"
#define ID_CHARS DIGITS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_-"
#define THRESHOLD_PERCENT 50 /* of the desired count */
#define THRESHOLD_MIN 3
#define THRESHOLD_MAX 200

/* clang-format off */
const char *const service_deploy_members[] = {
	"taskDefinition", "launchType", "capacityProviderStrategy", "platformVersion", "platformFamily", "loadBalancers",
	"serviceRegistries", "networkConfiguration", "serviceConnectConfiguration", "volumeConfigurations",
	"vpcLatticeConfigurations", "monitoring", NULL,
};
/* What a revision of a daemon has besides. */
static const char *const daemon_members[] = {
	"propagateTags", "enableECSManagedTags", "enableExecuteCommand", NULL,
};
/* Members of a deployment; platformVersion is the one that LATEST means. */
static const char *const deployment_members[] = {
	"taskDefinition", "launchType", "capacityProviderStrategy", "platformFamily", "networkConfiguration",
	"serviceConnectConfiguration", "volumeConfigurations", "vpcLatticeConfigurations", NULL,
};
/* clang-format on */

void
service_deploy_new_id(char out[static DEPLOYMENT_ID_SIZE])
{
	random_text(out, 1, "123456789");
	random_text(out + 1, DEPLOYMENT_ID_SIZE - 2, DIGITS);
}

bool
service_deploy_is_open(const struct store_service_deployment *sd)
{
	static const char *const closed[] = { "SUCCESSFUL", "STOPPED", "ROLLBACK_SUCCESSFUL",
		"ROLLBACK_FAILED" };

	for (size_t i = 0; i < ARRAY_SIZE(closed); i++)
		if (streq(sd->status, closed[i]))
			return false;
	return true;
}

int64_t
service_deploy_threshold(struct json_object *breaker, int64_t desired_count)
{
	struct json_object *threshold = json_get(breaker, "thresholdConfiguration");
	const char *type = json_get_str(threshold, "type");
	int64_t value = json_get_int(threshold, "value", THRESHOLD_PERCENT), n;

	if (streq(type, "COUNT"))
		return value;
	n = (desired_count * value + 99) / 100;
	if (streq(type, "UNBOUNDED_PERCENT"))
		return n > 1 ? n : 1;
	if (n < THRESHOLD_MIN)
		return THRESHOLD_MIN;
	return n < THRESHOLD_MAX ? n : THRESHOLD_MAX;
}

/* What is empty is left out, as ECS does in revisions and deployments. */
static void
copy_members(struct json_object *to, struct json_object *from, const char *const *names)
{
	for (size_t i = 0; names[i] != NULL; i++) {
		struct json_object *v = json_get(from, names[i]);
		bool empty =
		    json_object_is_type(v, json_type_array) && json_object_array_length(v) == 0;

		if (v != NULL && !empty)
			json_add(to, names[i], json_object_get(v));
	}
}

/* LATEST is a number in what has been deployed. */
static void
add_platform_version(struct json_object *doc, struct json_object *settings)
{
	const char *version = json_get_str(settings, "platformVersion");
	const char *family = json_get_str(settings, "platformFamily");

	if (streq(version, "LATEST"))
		version = family == NULL || streq(family, "Linux") ? FARGATE_VERSION_LINUX
								   : FARGATE_VERSION_WINDOWS;
	json_add_str(doc, "platformVersion", version);
}

void
service_deploy_add_members(struct json_object *doc, struct json_object *settings)
{
	copy_members(doc, settings, deployment_members);
	add_platform_version(doc, settings);
}

/* --- the revision --- */

/* Digests are not known before a task has pulled. */
static int
add_images(struct call *c, struct json_object *doc, const char *task_definition)
{
	_cleanup_task_definition_ struct store_task_definition td = { 0 };
	_cleanup_json_ struct json_object *tree = NULL;
	struct json_object *list = json_object_new_array(), *containers;
	int r;

	json_add(doc, "containerImages", list);
	r = task_definition_ref_deployed(c->store, &c->scope, task_definition, &td, &c->err);
	if (r == 1)
		r = json_parse(td.doc, strlen(td.doc), &tree, &c->err);
	if (r < 0)
		return r;
	containers = json_get(tree, "containerDefinitions");
	for (size_t i = 0; containers != NULL && i < json_object_array_length(containers); i++) {
		struct json_object *from = json_object_array_get_idx(containers, i);
		struct json_object *image = json_object_new_object();

		json_add_str(image, "containerName", json_get_str(from, "name"));
		json_add_str(image, "image", json_get_str(from, "image"));
		json_object_array_add(list, image);
	}
	return 0;
}

static int
make_revision(struct call *c, const struct store_service *v, struct json_object *settings,
    char ret_id[static DEPLOYMENT_ID_SIZE])
{
	_cleanup_(store_service_revision_done) struct store_service_revision row = {
		.scope = c->scope, .created_at_ms = c->now_ms
	};
	_cleanup_json_ struct json_object *doc = json_object_new_object();
	char arn[ARN_MAX];
	int r;

	memcpy(row.cluster, v->cluster, sizeof(row.cluster));
	memcpy(row.service, v->name, sizeof(row.service));
	service_deploy_new_id(row.id);
	json_add_str(doc, "serviceRevisionArn",
	    arn_service_revision(arn, &c->scope, v->cluster, v->name, row.id));
	json_add_str(doc, "serviceArn", arn_service(arn, &c->scope, v->cluster, v->name));
	json_add_str(doc, "clusterArn", arn_cluster(arn, &c->scope, v->cluster));
	copy_members(doc, settings, service_deploy_members);
	if (arn_is_of_daemon(v->name))
		copy_members(doc, settings, daemon_members);
	add_platform_version(doc, settings);
	r = add_images(c, doc, json_get_str(settings, "taskDefinition"));
	if (r < 0)
		return r;
	json_add_bool(doc, "guardDutyEnabled", false);
	json_add_time(doc, "createdAt", c->now_ms);
	row.doc = xstrdup(json_print(doc));
	r = store_service_revision_insert(c->store, &row, &c->err);
	if (r == 0)
		memcpy(ret_id, row.id, sizeof(row.id));
	return r;
}

/* --- the deployments of before --- */

struct superseding {
	struct call *c;
	const struct store_service *service;
	struct json_object *sources; /* sourceServiceRevisions, filled */
	int r;
};

static int
stop_service_deployment(struct superseding *x, const char *id)
{
	_cleanup_(store_service_deployment_done) struct store_service_deployment sd = { 0 };
	const struct store_service *v = x->service;
	struct call *c = x->c;
	int r = store_service_deployment_get(
	    c->store, &c->scope, v->cluster, v->name, id, &sd, &c->err);

	if (r <= 0 || !service_deploy_is_open(&sd))
		return r < 0 ? r : 0;
	(void)snprintf(sd.status, sizeof(sd.status), "STOPPED");
	free(sd.status_reason);
	sd.status_reason = xstrdup("A newer service deployment has replaced this one.");
	sd.stopped_at_ms = sd.finished_at_ms = sd.updated_at_ms = c->now_ms;
	return store_service_deployment_put(c->store, &sd, &c->err);
}

static bool
has_arn(struct json_object *list, const char *arn)
{
	for (size_t i = 0; i < json_object_array_length(list); i++)
		if (streq(json_get_str(json_object_array_get_idx(list, i), "arn"), arn))
			return true;
	return false;
}

static int
supersede_one(const struct store_deployment *d, void *arg)
{
	struct superseding *x = arg;
	struct store_deployment changed = *d; /* borrows what it points to */
	struct call *c = x->c;
	char arn[ARN_MAX];

	if (d->task_set)
		return 0;
	(void)arn_service_revision(arn, &c->scope, d->cluster, d->service, d->revision);
	if (!has_arn(x->sources, arn)) {
		struct json_object *source = json_object_new_object();

		json_add_str(source, "arn", arn);
		json_object_array_add(x->sources, source);
	}
	if (!streq(d->status, "PRIMARY"))
		return 0;
	x->r = stop_service_deployment(x, d->service_deployment);
	if (x->r < 0)
		return 1;
	(void)snprintf(changed.status, sizeof(changed.status), "ACTIVE");
	changed.updated_at_ms = c->now_ms;
	x->r = store_deployment_put(c->store, &changed, &c->err);
	return x->r < 0;
}

/* Makes way for a PRIMARY deployment. The caller owns *ret_sources. */
static int
supersede(struct call *c, const struct store_service *v, struct json_object **ret_sources)
{
	_cleanup_json_ struct json_object *sources = json_object_new_array();
	struct superseding x = { .c = c, .service = v, .sources = sources };
	int r = store_deployment_list(
	    c->store, &c->scope, v->cluster, v->name, supersede_one, &x, &c->err);

	if (r == 0)
		r = x.r;
	if (r == 0)
		*ret_sources = TAKE(sources);
	return r;
}

/* --- the new one --- */

static int
put_deployment(struct call *c, const struct store_service *v, struct json_object *settings,
    const char *service_deployment, char ret_id[static DEPLOYMENT_ID_SIZE])
{
	_cleanup_(store_deployment_done) struct store_deployment d = { .scope = c->scope,
		.status = "PRIMARY",
		.rollout_state = "IN_PROGRESS",
		.desired_count = v->desired_count,
		.created_at_ms = c->now_ms,
		.updated_at_ms = c->now_ms };
	_cleanup_json_ struct json_object *doc = json_object_new_object();
	int r;

	memcpy(d.cluster, v->cluster, sizeof(d.cluster));
	memcpy(d.service, v->name, sizeof(d.service));
	service_deploy_new_id(d.id);
	memcpy(d.revision, v->revision, sizeof(d.revision));
	(void)snprintf(
	    d.service_deployment, sizeof(d.service_deployment), "%s", service_deployment);
	d.rollout_reason = xasprintf("ECS deployment ecs-svc/%s in progress.", d.id);
	service_deploy_add_members(doc, settings);
	d.doc = xstrdup(json_print(doc));
	r = store_deployment_put(c->store, &d, &c->err);
	if (r == 0)
		memcpy(ret_id, d.id, sizeof(d.id));
	return r;
}

static void
add_monitors(struct json_object *doc, struct json_object *configuration, int64_t desired_count)
{
	struct json_object *breaker = json_object_new_object(), *alarms = json_object_new_object();
	struct json_object *given = json_get(configuration, "alarms");
	struct json_object *asked = json_get(configuration, "deploymentCircuitBreaker");
	bool breaks = json_get_bool(asked, "enable", false);
	bool alarmed = json_get_bool(given, "enable", false);

	json_add_str(breaker, "status", breaks ? "MONITORING" : "DISABLED");
	json_add_int(breaker, "failureCount", 0);
	json_add_int(breaker, "threshold", service_deploy_threshold(asked, desired_count));
	json_add(doc, "deploymentCircuitBreaker", breaker);
	json_add_str(alarms, "status", alarmed ? "MONITORING" : "DISABLED");
	if (alarmed) {
		json_add(alarms, "alarmNames", json_object_get(json_get(given, "alarmNames")));
		json_add(alarms, "triggeredAlarmNames", json_object_new_array());
	}
	json_add(doc, "alarms", alarms);
}

static int
put_service_deployment(struct call *c, const struct store_service *v, struct json_object *settings,
    struct json_object *sources, const char *id, const char *deployment)
{
	_cleanup_(store_service_deployment_done) struct store_service_deployment sd = {
		.scope = c->scope,
		.status = "PENDING",
		.created_at_ms = c->now_ms,
		.updated_at_ms = c->now_ms,
	};
	_cleanup_json_ struct json_object *doc = json_object_new_object();
	struct json_object *configuration = json_get(settings, "deploymentConfiguration");

	memcpy(sd.cluster, v->cluster, sizeof(sd.cluster));
	memcpy(sd.service, v->name, sizeof(sd.service));
	(void)snprintf(sd.id, sizeof(sd.id), "%s", id);
	(void)snprintf(sd.deployment, sizeof(sd.deployment), "%s", deployment);
	memcpy(sd.target_revision, v->revision, sizeof(sd.target_revision));
	json_add(doc, "sourceServiceRevisions", json_object_get(sources));
	json_add(doc, "deploymentConfiguration", json_object_get(configuration));
	add_monitors(doc, configuration, v->desired_count);
	sd.doc = xstrdup(json_print(doc));
	return store_service_deployment_put(c->store, &sd, &c->err);
}

/* The service's row with `settings` as its doc. */
static int
put_service(struct call *c, struct store_service *v, struct json_object *settings)
{
	const char *launch_type = json_get_str(settings, "launchType");

	(void)snprintf(
	    v->launch_type, sizeof(v->launch_type), "%s", launch_type != NULL ? launch_type : "");
	free(v->doc);
	v->doc = xstrdup(json_print(settings));
	return store_service_put(c->store, v, &c->err);
}

int
service_deploy_start(struct call *c, struct store_service *v, struct json_object *settings)
{
	_cleanup_json_ struct json_object *sources = NULL;
	char id[SERVICE_DEPLOYMENT_ID_SIZE], deployment[DEPLOYMENT_ID_SIZE];
	int r;

	random_text(id, SERVICE_DEPLOYMENT_ID_SIZE - 1, ID_CHARS);
	r = put_service(c, v, settings); /* what follows refers to it */
	if (r == 0)
		r = make_revision(c, v, settings, v->revision);
	if (r == 0)
		r = store_service_put(c->store, v, &c->err);
	if (r == 0)
		r = supersede(c, v, &sources);
	if (r == 0)
		r = put_deployment(c, v, settings, id, deployment);
	if (r == 0)
		r = put_service_deployment(c, v, settings, sources, id, deployment);
	if (r == 0)
		call_wish_service(c, v->cluster, v->name);
	return r;
}

/* --- back to an old revision --- */

static int
read_doc(struct call *c, const char *text, struct json_object **ret)
{
	return json_parse(text, strlen(text), ret, &c->err);
}

static void
take_daemon_members(struct json_object *settings, struct json_object *revision)
{
	for (size_t i = 0; daemon_members[i] != NULL; i++) {
		struct json_object *v = json_get(revision, daemon_members[i]);

		if (v != NULL)
			json_add(settings, daemon_members[i], json_object_get(v));
	}
}

/* The service's settings with the revision's members; what the revision does not have goes. A
 * service that asks for LATEST goes on doing so where that is what the revision has. */
static void
take_members(struct json_object *settings, struct json_object *revision)
{
	_cleanup_json_ struct json_object *now = json_object_new_object();
	bool same_version;

	add_platform_version(now, settings);
	same_version =
	    streq(json_get_str(now, "platformVersion"), json_get_str(revision, "platformVersion"));
	for (size_t i = 0; service_deploy_members[i] != NULL; i++) {
		const char *name = service_deploy_members[i];
		struct json_object *v = json_get(revision, name);

		if (same_version && streq(name, "platformVersion"))
			continue;
		if (v != NULL)
			json_add(settings, name, json_object_get(v));
		else if (json_object_is_type(json_get(settings, name), json_type_array) &&
			 !streq(name, "capacityProviderStrategy"))
			json_add(settings, name, json_object_new_array());
		else
			json_object_object_del(settings, name);
	}
}

int
service_deploy_restore(struct call *c, struct store_service *v, const char *revision)
{
	_cleanup_(store_service_revision_done) struct store_service_revision row = { 0 };
	_cleanup_json_ struct json_object *settings = NULL, *old = NULL;
	int r = store_service_revision_get(
	    c->store, &c->scope, v->cluster, v->name, revision, &row, &c->err);

	if (r == 0)
		return err_set(&c->err, ERR_SERVER, "no service revision %s", revision);
	if (r > 0)
		r = read_doc(c, v->doc, &settings);
	if (r == 0)
		r = read_doc(c, row.doc, &old);
	if (r < 0)
		return r;
	take_members(settings, old);
	take_daemon_members(settings, old);
	memcpy(v->revision, row.id, sizeof(v->revision));
	return put_service(c, v, settings);
}
