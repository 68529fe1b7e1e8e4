/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CreateService: whether the name is free, the row, the first deployment or task set. What settings
 * can be wrong about is in service_rules.c and service_plan.c.
 */
#include "daemon/arn.h"
#include "daemon/ecs/account_setting_ref.h"
#include "daemon/ecs/client_token_ref.h"
#include "daemon/ecs/cluster_ref.h"
#include "daemon/ecs/service.h"
#include "daemon/ecs/service_deploy.h"
#include "daemon/ecs/service_settle.h"

#include <stdio.h>
#include <string.h>

static int not_idempotent(struct call *c);
static int replay(struct call *c, const struct service_in *in);
static int check_name(struct call *c, const char *cluster, const char *name);
static int check_count(struct call *c, const struct service_in *in, struct json_object *settings);
static int add_role(struct call *c, const struct service_in *in, struct json_object *settings);
static int put(
    struct call *c, const struct service_in *in, const char *cluster, struct json_object *settings);

int
create_service(struct call *c)
{
	const struct service_in *in = c->args;
	_cleanup_json_ struct json_object *settings = NULL;
	char cluster[ARN_NAME_MAX];
	struct service_check k = { .cluster = cluster };
	int r = replay(c, in);

	if (r != 0)
		return r < 0 ? r : service_settle_answer(c);
	k.settings = settings = service_settings_new(c->in);
	r = cluster_ref_resolve_name(c, in->cluster, cluster);
	if (r == 0)
		r = tag_set_check(&in->tags, &c->err);
	if (r == 0)
		r = check_count(c, in, settings);
	if (r == 0)
		r = service_rules_check(c, &k);
	if (r == 0)
		r = check_name(c, cluster, in->service);
	if (r == 0)
		r = json_get(settings, "taskDefinition") != NULL
			? service_plan_check(c, &k)
			: service_plan_check_placement(c, &k);
	if (r == 0)
		r = add_role(c, in, settings);
	if (r == 0)
		r = put(c, in, cluster, settings);
	return r == 0 ? service_settle_answer(c) : r;
}

/* --- the name --- */

static int
not_idempotent(struct call *c)
{
	return err_set(&c->err, ERR_INVALID_PARAMETER, "Creation of service was not idempotent.");
}

/* 1 if this token made the service that is still there. */
static int
replay(struct call *c, const struct service_in *in)
{
	_cleanup_service_ struct store_service v = { 0 };
	_cleanup_free_ char *cluster = NULL;
	enum client_token_use use;
	int r = client_token_find(c, in->client_token, &use, &cluster);

	if (r < 0 || use == CLIENT_TOKEN_FRESH)
		return r;
	if (use == CLIENT_TOKEN_OTHER)
		return not_idempotent(c);
	r = store_service_get(c->store, &c->scope, cluster, in->service, &v, &c->err);
	if (r == 1)
		service_settle_begin(c, cluster, in->service);
	return r;
}

/* The name of an INACTIVE service is free again: what was of it goes. */
static int
check_name(struct call *c, const char *cluster, const char *name)
{
	_cleanup_service_ struct store_service old = { 0 };
	int r = store_service_get(c->store, &c->scope, cluster, name, &old, &c->err);

	if (r <= 0)
		return r;
	if (streq(old.status, "DRAINING"))
		return err_set(&c->err, ERR_INVALID_PARAMETER,
		    "Unable to Start a service that is still Draining.");
	if (streq(old.status, "ACTIVE"))
		return not_idempotent(c);
	return store_service_forget(c->store, &c->scope, cluster, name, &c->err);
}

/* --- what is not a setting --- */

static int
check_count(struct call *c, const struct service_in *in, struct json_object *settings)
{
	bool external = streq(service_settings_controller(settings), "EXTERNAL");

	if (service_settings_is_daemon(settings))
		return !in->desired_count.set
			   ? 0
			   : err_set(&c->err, ERR_INVALID_PARAMETER,
				 "The daemon scheduling strategy does not support a desired count "
				 "for services. Remove the desired count value and try again.");
	if (in->desired_count.set || external)
		return 0;
	return err_set(&c->err, ERR_INVALID_PARAMETER,
	    "desiredCount is required for services with the REPLICA scheduling strategy.");
}

static bool
uses_awsvpc(struct json_object *settings)
{
	return json_get(json_get(settings, "networkConfiguration"), "awsvpcConfiguration") != NULL;
}

static bool
is_empty(struct json_object *list)
{
	return list == NULL || json_object_array_length(list) == 0;
}

/* CreateService.role, or the role that ECS has for services that need one. */
static int
add_role(struct call *c, const struct service_in *in, struct json_object *settings)
{
	bool balanced = !is_empty(json_get(settings, "loadBalancers"));
	const char *partition = arn_partition(c->scope.region), *role = in->role;

	if (role != NULL && uses_awsvpc(settings))
		return err_set(&c->err, ERR_INVALID_PARAMETER,
		    "You cannot specify an IAM role for services that require a service linked "
		    "role.");
	if (role != NULL && !balanced)
		return err_set(&c->err, ERR_INVALID_PARAMETER,
		    "An IAM role can only be specified for services with load balancers.");
	if (role != NULL && !has_prefix(role, "arn:"))
		role = arena_printf(&c->arena, "arn:%s:iam::%s:role/%s", partition,
		    c->scope.account, role + (role[0] == '/'));
	if (role == NULL && (balanced || uses_awsvpc(settings) ||
				!is_empty(json_get(settings, "serviceRegistries"))))
		role = arena_printf(&c->arena,
		    "arn:%s:iam::%s:role/aws-service-role/ecs.amazonaws.com/"
		    "AWSServiceRoleForECS",
		    partition, c->scope.account);
	json_add_str(settings, "roleArn", role);
	return 0;
}

/* --- the rows --- */

static char *
copy_namespace(struct json_object *settings)
{
	struct json_object *connect = json_get(settings, "serviceConnectConfiguration");
	const char *namespace = json_get_str(connect, "namespace");

	return namespace != NULL && json_get_bool(connect, "enabled", false) ? xstrdup(namespace)
									     : NULL;
}

static int
put_task_set(struct call *c, const struct store_service *v, struct json_object *settings)
{
	const struct task_set_ask ask = { .settings = settings, .status = "PRIMARY", .scale = 100 };
	char id[DEPLOYMENT_ID_SIZE];

	return task_set_make(c, v, &ask, id);
}

static int
put(struct call *c, const struct service_in *in, const char *cluster, struct json_object *settings)
{
	_cleanup_service_ struct store_service v = { .scope = c->scope,
		.status = "ACTIVE",
		.desired_count = in->desired_count.v,
		.created_at_ms = c->now_ms };
	const char *controller = service_settings_controller(settings);
	const char *launch_type = json_get_str(settings, "launchType");
	char arn[ARN_MAX];
	int r;

	(void)snprintf(v.cluster, sizeof(v.cluster), "%s", cluster);
	(void)snprintf(v.name, sizeof(v.name), "%s", in->service);
	(void)snprintf(v.controller, sizeof(v.controller), "%s", controller);
	(void)snprintf(v.scheduling, sizeof(v.scheduling), "%s",
	    service_settings_is_daemon(settings) ? "DAEMON" : "REPLICA");
	(void)snprintf(
	    v.launch_type, sizeof(v.launch_type), "%s", launch_type != NULL ? launch_type : "");
	v.namespace = copy_namespace(settings);
	json_add_str(settings, "createdBy", account_setting_caller(c));
	json_add_str(settings, "resourceManagementType", "CUSTOMER");
	json_add_str(settings, "clusterArn", cluster_ref_arn(c, cluster));
	json_add_str(settings, "serviceArn", arn_service(arn, &c->scope, cluster, v.name));
	v.doc = xstrdup(json_print(settings));
	r = store_service_put(c->store, &v, &c->err);
	if (r == 0)
		r = tag_set_write(c->store, arn, &in->tags, &c->err);
	if (r == 0 && streq(controller, "ECS"))
		r = service_deploy_start(c, &v, settings);
	if (r == 0 && streq(controller, "CODE_DEPLOY"))
		r = put_task_set(c, &v, settings);
	if (r == 0)
		r = client_token_keep(c, in->client_token, cluster);
	service_settle_begin(c, v.cluster, v.name);
	return r;
}
