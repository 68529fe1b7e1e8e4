/* SPDX-License-Identifier: Apache-2.0 */
/*
 * UpdateService: which members each kind of service lets change, and whether the change asks for a
 * new deployment.
 */
#include "daemon/ecs/cluster_ref.h"
#include "daemon/ecs/service.h"
#include "daemon/ecs/service_deploy.h"
#include "daemon/ecs/service_settle.h"

#include <stdio.h>
#include <string.h>

/* clang-format off */
/* What services whose task sets come from elsewhere can change (UpdateService). */
static const char *const free_members[] = {
	"cluster", "service", "desiredCount", "placementConstraints", "placementStrategy",
	"healthCheckGracePeriodSeconds", "enableECSManagedTags", "propagateTags", NULL,
};
static const char *const code_deploy_members[] = { "deploymentConfiguration", "enableExecuteCommand", NULL };
static const char *const no_members[] = { NULL };

/* What makes a new deployment where it changes. How tasks are provided is not among them. */
static const char *const deploying[] = {
	"taskDefinition", "platformVersion", "loadBalancers", "serviceRegistries", "networkConfiguration",
	"serviceConnectConfiguration", "volumeConfigurations", "vpcLatticeConfigurations", NULL,
};
/* What new tasks of the present deployment follow. */
static const char *const capacity[] = { "launchType", "capacityProviderStrategy", "platformFamily", NULL };
/* What has to be looked at against the task definition and the cluster. */
static const char *const planned[] = {
	"taskDefinition", "capacityProviderStrategy", "networkConfiguration", "placementConstraints", "placementStrategy",
	"platformVersion", "enableExecuteCommand", "loadBalancers", "serviceRegistries", "serviceConnectConfiguration",
	"volumeConfigurations", "vpcLatticeConfigurations", "deploymentConfiguration", NULL,
};
/* clang-format on */

static int check_members(struct call *c, const struct store_service *v);
static int check_count(struct call *c, const struct service_in *in, const struct store_service *v);
static int check(struct call *c, const struct service_in *in, const struct store_service *v,
    struct json_object *settings);
static int put_change(struct call *c, const struct service_in *in, struct store_service *v,
    struct json_object *old, struct json_object *settings);

int
update_service(struct call *c)
{
	const struct service_in *in = c->args;
	_cleanup_service_ struct store_service v = { 0 };
	_cleanup_json_ struct json_object *old = NULL, *settings = NULL;
	char cluster[256];
	int r = cluster_ref_resolve_name(c, in->cluster, cluster);

	if (r == 0)
		r = service_ref_active(c, cluster, in->service, &v);
	if (r == 0)
		r = check_members(c, &v);
	if (r == 0)
		r = check_count(c, in, &v);
	if (r == 0)
		r = json_parse(v.doc, strlen(v.doc), &old, &c->err);
	if (r < 0)
		return r;
	settings = json_copy(old);
	service_settings_update(settings, c->in);
	r = check(c, in, &v, settings);
	if (r == 0)
		r = put_change(c, in, &v, old, settings);
	if (r < 0)
		return r;
	service_settle_begin(c, v.cluster, v.name);
	return service_settle_answer(c);
}

/* --- what may change --- */

static bool
is_in(const char *const *list, const char *name)
{
	for (size_t i = 0; list[i] != NULL; i++)
		if (streq(list[i], name))
			return true;
	return false;
}

/* A member that says what is so already is no change: what DescribeServices gives can be sent. */
static bool
is_change(const char *name, struct json_object *value)
{
	if (streq(name, "forceNewDeployment"))
		return json_object_get_boolean(value);
	return !streq(name, "deploymentController");
}

static int
check_members(struct call *c, const struct store_service *v)
{
	const char *const *more =
	    streq(v->controller, "CODE_DEPLOY") ? code_deploy_members : no_members;
	const char *type = json_get_str(json_get(c->in, "deploymentController"), "type");

	if (type != NULL && !streq(type, v->controller))
		return err_set(&c->err, ERR_INVALID_PARAMETER,
		    "The deployment controller of a service can not be changed from %s to %s.",
		    v->controller, type);
	if (streq(v->controller, "ECS"))
		return 0;
	for (size_t i = 0; i < update_service_schema.n; i++) {
		const char *name = update_service_schema.fields[i].name;
		struct json_object *value = json_get(c->in, name);

		if (value == NULL || is_in(free_members, name) || is_in(more, name) ||
		    !is_change(name, value))
			continue;
		return err_set(&c->err, ERR_INVALID_PARAMETER,
		    "Unable to update %s on services with a %s deployment controller. %s", name,
		    v->controller,
		    streq(v->controller, "CODE_DEPLOY")
			? "Use AWS CodeDeploy to trigger a new deployment."
			: "Use CreateTaskSet to make a new task set.");
	}
	return 0;
}

static int
check_count(struct call *c, const struct service_in *in, const struct store_service *v)
{
	if (!in->desired_count.set || !streq(v->scheduling, "DAEMON"))
		return 0;
	return err_set(&c->err, ERR_INVALID_PARAMETER,
	    "The daemon scheduling strategy does not support a desired count for services. Remove "
	    "the desired count value and try again.");
}

static bool
asks_for_plan(struct call *c, const struct service_in *in)
{
	for (size_t i = 0; planned[i] != NULL; i++)
		if (json_get(c->in, planned[i]) != NULL)
			return true;
	return in->force == TRI_TRUE;
}

/* The rules are for what is said: a service that was right stays as it is. */
static int
check(struct call *c, const struct service_in *in, const struct store_service *v,
    struct json_object *settings)
{
	const struct service_check k = { .settings = settings,
		.cluster = v->cluster,
		.update = true,
		.same_definition = in->task_definition == NULL };
	int r = service_rules_check(c, &k);

	if (r < 0)
		return r;
	if (streq(v->controller, "EXTERNAL"))
		return service_plan_check_placement(c, &k);
	return asks_for_plan(c, in) ? service_plan_check(c, &k) : 0;
}

/* --- what follows --- */

struct following {
	struct call *c;
	const struct store_service *service;
	struct json_object *settings; /* NULL: only the count has changed */
	int r;
};

/* The present deployment goes on under changed conditions. */
static int
follow(const struct store_deployment *d, void *arg)
{
	struct following *f = arg;
	struct store_deployment changed = *d; /* borrows what it points to */
	_cleanup_json_ struct json_object *doc = NULL;
	_cleanup_free_ char *text = NULL;
	struct call *c = f->c;

	if (d->task_set || !streq(d->status, "PRIMARY"))
		return 0;
	changed.desired_count = f->service->desired_count;
	changed.updated_at_ms = c->now_ms;
	if (f->settings != NULL) {
		doc = json_object_new_object();
		service_deploy_add_members(doc, f->settings);
		text = xstrdup(json_print(doc));
		changed.doc = text;
	}
	f->r = store_deployment_put(c->store, &changed, &c->err);
	return 1;
}

static int
go_on(
    struct call *c, struct store_service *v, struct json_object *old, struct json_object *settings)
{
	struct following f = { .c = c, .service = v };
	const char *launch_type = json_get_str(settings, "launchType");
	int r;

	(void)snprintf(
	    v->launch_type, sizeof(v->launch_type), "%s", launch_type != NULL ? launch_type : "");
	free(v->doc);
	v->doc = xstrdup(json_print(settings));
	r = store_service_put(c->store, v, &c->err);
	if (service_settings_differ(old, settings, capacity))
		f.settings = settings;
	if (r == 0)
		r = store_deployment_list(
		    c->store, &c->scope, v->cluster, v->name, follow, &f, &c->err);
	if (r == 0)
		r = f.r;
	if (r == 0)
		r = task_set_scale_all(c, v);
	if (r == 0)
		call_wish_service(c, v->cluster, v->name);
	return r;
}

/* A platform version that goes with Fargate goes with the capacity. */
static bool
asks_for_deployment(
    const struct service_in *in, struct json_object *old, struct json_object *settings)
{
	bool was_fargate = json_get(old, "platformVersion") != NULL;
	bool is_fargate = json_get(settings, "platformVersion") != NULL;
	const char *const *members = deploying;

	if (in->force == TRI_TRUE)
		return true;
	if (was_fargate == is_fargate)
		return service_settings_differ(old, settings, members);
	for (size_t i = 0; deploying[i] != NULL; i++) {
		const char *const one[] = { deploying[i], NULL };

		if (!streq(deploying[i], "platformVersion") &&
		    service_settings_differ(old, settings, one))
			return true;
	}
	return false;
}

static void
take_namespace(struct store_service *v, struct json_object *settings)
{
	struct json_object *connect = json_get(settings, "serviceConnectConfiguration");
	const char *namespace = json_get_str(connect, "namespace");

	free(TAKE(v->namespace));
	if (namespace != NULL && json_get_bool(connect, "enabled", false))
		v->namespace = xstrdup(namespace);
}

static int
put_change(struct call *c, const struct service_in *in, struct store_service *v,
    struct json_object *old, struct json_object *settings)
{
	if (in->desired_count.set)
		v->desired_count = in->desired_count.v;
	take_namespace(v, settings);
	if (streq(v->controller, "ECS") && asks_for_deployment(in, old, settings))
		return service_deploy_start(c, v, settings);
	return go_on(c, v, old, settings);
}
