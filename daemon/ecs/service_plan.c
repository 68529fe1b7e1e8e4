/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The settings of a service or task set against the task definition, the cluster and the network,
 * by the rules of RunTask and some of its own; and what follows from them: revision, launch type or
 * capacity provider strategy, platform. Called by the operations that make or change services and
 * task sets.
 */
#include "daemon/arn.h"
#include "daemon/ecs/capacity_provider_ref.h"
#include "daemon/ecs/cluster_ref.h"
#include "daemon/ecs/service.h"
#include "daemon/ecs/task_definition_ref.h"
#include "daemon/ecs/task_service.h"

#include <stdio.h>
#include <string.h>

typedef int rule_fn(struct call *c, const struct service_check *k, const struct run_plan *p);

static rule_fn check_daemon_launch, check_percents, check_load_balancers, check_registries,
    check_connect, check_lattice, check_exec;

static rule_fn *const rules[] = {
	check_daemon_launch,
	check_percents,
	check_load_balancers,
	check_registries,
	check_connect,
	check_lattice,
	check_exec,
};

static void settle(struct call *c, const struct service_check *k, const struct run_plan *p);

/* A service goes on with a definition that was deregistered in the meantime. */
static int
find_definition(struct call *c, const struct service_check *k, struct store_task_definition *ret)
{
	const char *given = json_get_str(k->settings, "taskDefinition");
	int r;

	if (!k->same_definition)
		return task_definition_ref_active(c->store, &c->scope, given, ret, &c->err);
	r = task_definition_ref_find(c->store, &c->scope, given, ret, &c->err);
	if (r == 0)
		return err_set(&c->err, ERR_CLIENT, "TaskDefinition not found.");
	return r < 0 ? r : 0;
}

/* The RunTask that the settings stand for. `request` has to outlive the plan. */
static int
bind_request(struct call *c, struct json_object *request, struct run_plan *p)
{
	struct run_task_in *in = arena_alloc(&c->arena, sizeof(*in));

	p->in = in;
	return schema_bind(
	    &run_task_schema, request, in, &c->arena, ERR_INVALID_PARAMETER, &c->err);
}

int
service_plan_check_placement(struct call *c, const struct service_check *k)
{
	_cleanup_(run_plan_done) struct run_plan plan = { .launch = LAUNCH_EC2 };
	_cleanup_json_ struct json_object *none = json_object_new_object(), *request = NULL;
	int r;

	json_add_str(none, "taskDefinition", ""); /* RunTask needs one */
	request = task_service_request(k->cluster, k->settings, none);
	r = bind_request(c, request, &plan);
	return r == 0 ? run_plan_constraints(c, &plan) : r;
}

int
service_plan_check(struct call *c, const struct service_check *k)
{
	_cleanup_(run_plan_done) struct run_plan plan = { .count = 1 };
	_cleanup_json_ struct json_object *request =
	    task_service_request(k->cluster, k->settings, k->settings);
	int r = bind_request(c, request, &plan);

	if (r == 0)
		r = cluster_ref_resolve(c, k->cluster, &plan.cluster);
	if (r == 0)
		r = find_definition(c, k, &plan.row);
	if (r == 0)
		r = service_plan_admit(c, &plan);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(rules); i++)
		r = rules[i](c, k, &plan);
	if (r == 0)
		settle(c, k, &plan);
	return r;
}

static int
refuse(struct call *c, const char *text)
{
	return err_set(&c->err, ERR_INVALID_PARAMETER, "%s", text);
}

/* --- the rules --- */

static int
check_daemon_launch(struct call *c, const struct service_check *k, const struct run_plan *p)
{
	if (!service_settings_is_daemon(k->settings) || p->launch != LAUNCH_FARGATE)
		return 0;
	return refuse(
	    c, "The daemon scheduling strategy is not supported with launch type FARGATE.");
}

/* DeploymentConfiguration: with tasks on EC2, CODE_DEPLOY has the defaults. */
static int
check_percents(struct call *c, const struct service_check *k, const struct run_plan *p)
{
	struct json_object *o = json_get(k->settings, "deploymentConfiguration");

	if (!streq(service_settings_controller(k->settings), "CODE_DEPLOY") ||
	    p->launch != LAUNCH_EC2 ||
	    (json_get_int(o, "maximumPercent", 200) == 200 &&
		json_get_int(o, "minimumHealthyPercent", 100) == 100))
		return 0;
	return refuse(c, "maximumPercent and minimumHealthyPercent can not be customized for a "
			 "service with the CODE_DEPLOY deployment controller and launch type EC2.");
}

static const struct container_def *
find_container(const struct run_plan *p, const char *name)
{
	return task_def_container(&p->td, name);
}

static bool
has_port(const struct container_def *d, int64_t port)
{
	for (size_t i = 0; i < d->port_mappings.n; i++)
		if (d->port_mappings.v[i].container_port.v == port)
			return true;
	return false;
}

/* The container and port that a load balancer or registry names. */
static int
check_target(struct call *c, const struct run_plan *p, struct json_object *o)
{
	const char *name = json_get_str(o, "containerName");
	int64_t port = json_get_int(o, "containerPort", 0);
	const struct container_def *d;

	if (name == NULL)
		return 0;
	d = find_container(p, name);
	if (d == NULL)
		return err_set(&c->err, ERR_INVALID_PARAMETER,
		    "The container %s does not exist in the task definition.", name);
	if (!has_port(d, port))
		return err_set(&c->err, ERR_INVALID_PARAMETER,
		    "The container %s did not have a container port %lld defined.", name,
		    (long long)port);
	return 0;
}

static int
check_load_balancers(struct call *c, const struct service_check *k, const struct run_plan *p)
{
	struct json_object *list = json_get(k->settings, "loadBalancers");
	int r = 0;

	for (size_t i = 0; r == 0 && list != NULL && i < json_object_array_length(list); i++) {
		struct json_object *lb = json_object_array_get_idx(list, i);

		if (p->td.network_mode == NETWORK_AWSVPC &&
		    json_get(lb, "loadBalancerName") != NULL)
			return refuse(c, "Classic Load Balancers are not supported with network "
					 "mode awsvpc.");
		r = check_target(c, p, lb);
	}
	return r;
}

static int
check_registries(struct call *c, const struct service_check *k, const struct run_plan *p)
{
	struct json_object *list = json_get(k->settings, "serviceRegistries");
	int r = 0;

	for (size_t i = 0; r == 0 && list != NULL && i < json_object_array_length(list); i++)
		r = check_target(c, p, json_object_array_get_idx(list, i));
	return r;
}

static bool
has_port_name(const struct run_plan *p, const char *name)
{
	for (size_t i = 0; i < p->td.containers.n; i++)
		for (size_t j = 0; j < p->td.containers.v[i].port_mappings.n; j++)
			if (streq(p->td.containers.v[i].port_mappings.v[j].name, name))
				return true;
	return false;
}

static int
check_port_names(struct call *c, const struct run_plan *p, struct json_object *list, const char *of)
{
	for (size_t i = 0; list != NULL && i < json_object_array_length(list); i++) {
		const char *name = json_get_str(json_object_array_get_idx(list, i), "portName");

		if (!has_port_name(p, name))
			return err_set(&c->err, ERR_INVALID_PARAMETER,
			    "The portName '%.100s' of %s is not the name of a port mapping in the "
			    "task definition.",
			    name, of);
	}
	return 0;
}

/* Its namespace may be the cluster's. */
static int
check_connect(struct call *c, const struct service_check *k, const struct run_plan *p)
{
	struct json_object *connect = json_get(k->settings, "serviceConnectConfiguration");
	_cleanup_json_ struct json_object *cluster = NULL;
	const char *namespace;
	int r;

	if (!json_get_bool(connect, "enabled", false))
		return 0;
	if (p->td.network_mode == NETWORK_HOST || p->td.network_mode == NETWORK_NONE)
		return refuse(c, "Service Connect needs a task definition with network mode awsvpc "
				 "or bridge.");
	if (json_get_str(connect, "namespace") == NULL) {
		r = json_parse(p->cluster.doc, strlen(p->cluster.doc), &cluster, &c->err);
		if (r < 0)
			return r;
		namespace = json_get_str(json_get(cluster, "serviceConnectDefaults"), "namespace");
		if (namespace == NULL)
			return refuse(c, "A namespace is required for Service Connect: the cluster "
					 "has no default one.");
		json_add_str(connect, "namespace", namespace);
	}
	return check_port_names(c, p, json_get(connect, "services"), "serviceConnectConfiguration");
}

static int
check_lattice(struct call *c, const struct service_check *k, const struct run_plan *p)
{
	return check_port_names(
	    c, p, json_get(k->settings, "vpcLatticeConfigurations"), "vpcLatticeConfigurations");
}

static int
check_exec(struct call *c, const struct service_check *k, const struct run_plan *p)
{
	if (!json_get_bool(k->settings, "enableExecuteCommand", false) ||
	    p->td.task_role_arn != NULL)
		return 0;
	return err_set(&c->err, ERR_INVALID_PARAMETER,
	    "The service couldn't be %s because a valid taskRoleArn is not being used. Specify a "
	    "valid task role in your task definition and try again.",
	    k->update ? "updated" : "created");
}

/* --- what follows --- */

static struct json_object *
print_item(const char *provider, int64_t weight, int64_t base)
{
	struct json_object *o = json_object_new_object();

	json_add_str(o, "capacityProvider", provider);
	json_add_int(o, "weight", weight);
	json_add_int(o, "base", base);
	return o;
}

/* The strategy by names and with its zeros; the cluster's where that is what counts. */
static struct json_object *
print_strategy(struct call *c, const struct run_plan *p)
{
	_cleanup_json_ struct json_object *cluster = NULL;
	struct json_object *out = json_object_new_array(), *list;

	for (size_t i = 0; i < p->in->strategy.n; i++) {
		const struct strategy_item *item = &p->in->strategy.v[i];

		json_object_array_add(
		    out, print_item(item->capacity_provider, item->weight.v, item->base.v));
	}
	if (p->in->strategy.n > 0 ||
	    json_parse(p->cluster.doc, strlen(p->cluster.doc), &cluster, &c->err) < 0)
		return out;
	list = json_get(cluster, "defaultCapacityProviderStrategy");
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *o = json_object_array_get_idx(list, i);

		json_object_array_add(
		    out, print_item(json_get_str(o, "capacityProvider"),
			     json_get_int(o, "weight", 0), json_get_int(o, "base", 0)));
	}
	return out;
}

static void
settle_platform(struct json_object *settings, const struct run_plan *p)
{
	const struct td_runtime_platform *platform = p->td.runtime_platform;
	bool is_linux = platform == NULL || platform->operating_system_family == OS_UNSET ||
			platform->operating_system_family == OS_LINUX;

	if (p->launch != LAUNCH_FARGATE) {
		json_object_object_del(settings, "platformVersion");
		json_object_object_del(settings, "platformFamily");
		return;
	}
	if (json_get(settings, "platformVersion") == NULL)
		json_add_str(settings, "platformVersion", "LATEST");
	json_add_str(settings, "platformFamily",
	    is_linux ? "Linux" : os_family_names[platform->operating_system_family]);
}

static void
settle(struct call *c, const struct service_check *k, const struct run_plan *p)
{
	struct json_object *settings = k->settings;
	char arn[ARN_MAX];

	json_add_str(settings, "taskDefinition",
	    arn_task_definition(arn, &c->scope, p->row.family, p->row.revision));
	json_object_object_del(settings, "capacityProviderStrategy");
	if (p->providers[0] != NULL)
		json_add(settings, "capacityProviderStrategy", print_strategy(c, p));
	else
		json_add_str(settings, "launchType", launch_type_names[p->launch]);
	settle_platform(settings, p);
}
