/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the settings of a service can be wrong about by themselves: controller, scheduling,
 * deployment configuration, Service Connect. Called by CreateService and UpdateService with the
 * whole of the settings; what needs the task definition is in service_plan.c.
 */
#include "daemon/ecs/service.h"

#include <math.h>
#include <string.h>

typedef int rule_fn(struct call *c, struct json_object *settings);

static rule_fn check_controller, check_daemon, check_external, check_definition, check_percents,
    check_strategy, check_shifts, check_hooks, check_monitors, check_load_balancers,
    check_registries, check_zones, check_connect, check_monitoring;

static rule_fn *const rules[] = {
	check_controller,
	check_daemon,
	check_definition,
	check_percents,
	check_strategy,
	check_shifts,
	check_hooks,
	check_monitors,
	check_load_balancers,
	check_registries,
	check_zones,
	check_connect,
	check_monitoring,
};

int
service_rules_check(struct call *c, const struct service_check *k)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(rules); i++)
		r = rules[i](c, k->settings);
	/* Later a task set that is primary has its members in the service's settings. */
	return r < 0 || k->update ? r : check_external(c, k->settings);
}

static int
refuse(struct call *c, const char *text)
{
	return err_set(&c->err, ERR_INVALID_PARAMETER, "%s", text);
}

static bool
has(struct json_object *settings, const char *member)
{
	struct json_object *v = json_get(settings, member);

	return v != NULL &&
	       (!json_object_is_type(v, json_type_array) || json_object_array_length(v) > 0);
}

static struct json_object *
configuration(struct json_object *settings)
{
	return json_get(settings, "deploymentConfiguration");
}

/* --- controller and scheduling --- */

static int
check_controller(struct call *c, struct json_object *settings)
{
	const char *controller = service_settings_controller(settings);

	if (streq(controller, "ECS"))
		return 0;
	if (service_settings_is_daemon(settings))
		return err_set(&c->err, ERR_INVALID_PARAMETER,
		    "The DAEMON scheduling strategy is not supported with the %s deployment "
		    "controller.",
		    controller);
	if (streq(controller, "CODE_DEPLOY") && !has(settings, "loadBalancers"))
		return refuse(c, "A load balancer is required for services that use the "
				 "CODE_DEPLOY deployment controller.");
	return 0;
}

static int
check_daemon(struct call *c, struct json_object *settings)
{
	const char *launch_type = json_get_str(settings, "launchType");

	if (!service_settings_is_daemon(settings))
		return 0;
	if (streq(launch_type, "FARGATE"))
		return refuse(c, "The daemon scheduling strategy is not supported with launch type "
				 "FARGATE.");
	if (has(settings, "placementStrategy"))
		return refuse(c,
		    "Placement strategies are not supported with the daemon scheduling strategy.");
	if (has(settings, "volumeConfigurations"))
		return refuse(c, "volumeConfigurations is not supported with the daemon scheduling "
				 "strategy.");
	return 0;
}

/* What task sets say is not for the service to say. */
static int
check_external(struct call *c, struct json_object *settings)
{
	static const char *const of_task_sets[] = { "taskDefinition", "launchType",
		"capacityProviderStrategy", "platformVersion", "networkConfiguration",
		"loadBalancers", "serviceRegistries", "serviceConnectConfiguration",
		"volumeConfigurations", "vpcLatticeConfigurations" };

	if (!streq(service_settings_controller(settings), "EXTERNAL"))
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(of_task_sets); i++)
		if (has(settings, of_task_sets[i]))
			return err_set(&c->err, ERR_INVALID_PARAMETER,
			    "%s can not be specified for a service that uses the EXTERNAL "
			    "deployment controller. Specify it in CreateTaskSet.",
			    of_task_sets[i]);
	return 0;
}

static int
check_definition(struct call *c, struct json_object *settings)
{
	if (has(settings, "taskDefinition") ||
	    streq(service_settings_controller(settings), "EXTERNAL"))
		return 0;
	return refuse(c, "TaskDefinition can not be blank.");
}

/* --- deploymentConfiguration --- */

static int
check_percents(struct call *c, struct json_object *settings)
{
	int64_t max = json_get_int(configuration(settings), "maximumPercent", 200);
	int64_t min = json_get_int(configuration(settings), "minimumHealthyPercent", 100);

	if (min > 100)
		return refuse(c, "minimumHealthyPercent can not be greater than 100.");
	if (max < min)
		return refuse(c, "maximumPercent can not be less than minimumHealthyPercent.");
	if (max == 100 && min == 100)
		return refuse(c, "Both maximumPercent and minimumHealthyPercent cannot be 100 as "
				 "this will block deployments.");
	if (max == 0)
		return refuse(c, "maximumPercent must be greater than 0.");
	return 0;
}

static int
check_strategy(struct call *c, struct json_object *settings)
{
	static const char *const of_ecs[] = { "strategy", "bakeTimeInMinutes", "lifecycleHooks",
		"linearConfiguration", "canaryConfiguration", "deploymentCircuitBreaker",
		"alarms" };
	const char *strategy = service_settings_strategy(settings);

	for (size_t i = 0; i < ARRAY_SIZE(of_ecs); i++)
		if (!streq(service_settings_controller(settings), "ECS") &&
		    has(configuration(settings), of_ecs[i]))
			return err_set(&c->err, ERR_INVALID_PARAMETER,
			    "deploymentConfiguration.%s is only supported with the ECS deployment "
			    "controller.",
			    of_ecs[i]);
	if (service_settings_is_daemon(settings) && !streq(strategy, "ROLLING"))
		return err_set(&c->err, ERR_INVALID_PARAMETER,
		    "The deployment strategy %s is not supported with the daemon scheduling "
		    "strategy.",
		    strategy);
	if (streq(strategy, "BLUE_GREEN") && !has(configuration(settings), "bakeTimeInMinutes"))
		return refuse(c, "bakeTimeInMinutes is required for the BLUE_GREEN deployment "
				 "strategy.");
	return 0;
}

/* stepPercent and canaryPercent are multiples of 0.1. */
static int
check_tenths(struct call *c, struct json_object *o, const char *member)
{
	struct json_object *v = json_get(o, member);
	double tenths = v != NULL ? json_object_get_double(v) * 10 : 0;

	if (fabs(tenths - round(tenths)) < 1e-6)
		return 0;
	return err_set(&c->err, ERR_INVALID_PARAMETER, "%s must be a multiple of 0.1.", member);
}

static int
check_shifts(struct call *c, struct json_object *settings)
{
	struct json_object *linear = json_get(configuration(settings), "linearConfiguration");
	struct json_object *canary = json_get(configuration(settings), "canaryConfiguration");
	const char *strategy = service_settings_strategy(settings);
	int r;

	if (linear != NULL && !streq(strategy, "LINEAR"))
		return refuse(
		    c, "linearConfiguration is only valid with the LINEAR deployment strategy.");
	if (canary != NULL && !streq(strategy, "CANARY"))
		return refuse(
		    c, "canaryConfiguration is only valid with the CANARY deployment strategy.");
	r = check_tenths(c, linear, "stepPercent");
	return r == 0 ? check_tenths(c, canary, "canaryPercent") : r;
}

static int
check_hook(struct call *c, struct json_object *hook)
{
	if (!has(hook, "lifecycleStages"))
		return refuse(c, "lifecycleStages can not be empty for a lifecycle hook.");
	if (streq(json_get_str(hook, "targetType"), "PAUSE"))
		return has(hook, "hookTargetArn")
			   ? refuse(c, "hookTargetArn can not be specified for a PAUSE hook.")
			   : 0;
	if (!has(hook, "hookTargetArn"))
		return refuse(c, "hookTargetArn is required for an AWS_LAMBDA hook.");
	if (!has(hook, "roleArn"))
		return refuse(c, "roleArn is required for an AWS_LAMBDA hook.");
	return err_set(&c->err, ERR_UNSUPPORTED_FEATURE,
	    "Lifecycle hooks of type AWS_LAMBDA are not supported: there is no AWS Lambda here "
	    "that could run them. Hooks of type PAUSE are.");
}

static int
check_hooks(struct call *c, struct json_object *settings)
{
	struct json_object *hooks = json_get(configuration(settings), "lifecycleHooks");
	int r = 0;

	if (hooks == NULL || json_object_array_length(hooks) == 0)
		return 0;
	if (streq(service_settings_strategy(settings), "ROLLING"))
		return refuse(c, "lifecycleHooks are not supported with the ROLLING deployment "
				 "strategy.");
	for (size_t i = 0; r == 0 && i < json_object_array_length(hooks); i++)
		r = check_hook(c, json_object_array_get_idx(hooks, i));
	return r;
}

static int
check_monitors(struct call *c, struct json_object *settings)
{
	struct json_object *alarms = json_get(configuration(settings), "alarms");

	if (json_get_bool(alarms, "enable", false) && !has(alarms, "alarmNames"))
		return refuse(c, "alarmNames can not be empty when alarms are enabled.");
	return 0;
}

/* --- load balancers, registries --- */

static int
check_load_balancer(struct call *c, struct json_object *lb)
{
	bool classic = has(lb, "loadBalancerName"), group = has(lb, "targetGroupArn");

	if (classic == group)
		return refuse(c, "Specify either loadBalancerName or targetGroupArn of a load "
				 "balancer, but not both.");
	if (group && !has_prefix(json_get_str(lb, "targetGroupArn"), "arn:"))
		return err_set(&c->err, ERR_INVALID_PARAMETER, "Invalid target group ARN: %.200s",
		    json_get_str(lb, "targetGroupArn"));
	if (!has(lb, "containerName"))
		return refuse(c, "containerName can not be blank for a load balancer.");
	if (!has(lb, "containerPort"))
		return refuse(c, "containerPort can not be null for a load balancer.");
	return 0;
}

static int
check_load_balancers(struct call *c, struct json_object *settings)
{
	struct json_object *list = json_get(settings, "loadBalancers");
	size_t n = json_object_array_length(list), n_classic = 0;
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++) {
		struct json_object *lb = json_object_array_get_idx(list, i);

		n_classic += has(lb, "loadBalancerName");
		r = check_load_balancer(c, lb);
	}
	if (r == 0 && n_classic > 0 && n > 1)
		return refuse(c, "A service can use one Classic Load Balancer, or target groups.");
	return r;
}

static int
check_registries(struct call *c, struct json_object *settings)
{
	struct json_object *list = json_get(settings, "serviceRegistries");

	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *o = json_object_array_get_idx(list, i);

		if (!has(o, "registryArn"))
			return refuse(c, "registryArn can not be blank.");
		if (has(o, "containerName") != has(o, "containerPort"))
			return refuse(c, "containerName and containerPort of a service registry "
					 "belong together.");
		if (has(o, "port") && has(o, "containerPort"))
			return refuse(c, "When specifying 'containerName' and 'containerPort', do "
					 "not specify 'port'.");
	}
	return 0;
}

/* --- availabilityZoneRebalancing --- */

static int
check_zones(struct call *c, struct json_object *settings)
{
	struct json_object *strategies = json_get(settings, "placementStrategy");
	struct json_object *balancers = json_get(settings, "loadBalancers");
	struct json_object *first;

	if (!streq(json_get_str(settings, "availabilityZoneRebalancing"), "ENABLED"))
		return 0;
	if (service_settings_is_daemon(settings))
		return refuse(c, "Availability Zone rebalancing is not supported with the daemon "
				 "scheduling strategy.");
	if (json_get_int(configuration(settings), "maximumPercent", 200) <= 100)
		return refuse(c, "Availability Zone rebalancing needs a maximumPercent greater "
				 "than 100.");
	for (size_t i = 0; i < json_object_array_length(balancers); i++)
		if (has(json_object_array_get_idx(balancers, i), "loadBalancerName"))
			return refuse(c, "Availability Zone rebalancing is not supported with a "
					 "Classic Load Balancer.");
	if (json_object_array_length(strategies) == 0)
		return 0;
	first = json_object_array_get_idx(strategies, 0);
	if (streq(json_get_str(first, "type"), "spread") &&
	    streq(json_get_str(first, "field"), "attribute:ecs.availability-zone"))
		return 0;
	return refuse(c, "Availability Zone rebalancing needs spread by "
			 "attribute:ecs.availability-zone as the first placement strategy.");
}

/* --- Service Connect --- */

static bool
is_discovery_name(const char *s)
{
	return s[0] != '-' && s[0] != '\0' &&
	       strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789_-") == strlen(s);
}

static bool
is_alias_name(const char *s)
{
	return s[0] != '-' && s[0] != '\0' &&
	       strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789_-.") == strlen(s);
}

static int
check_connect_service(struct call *c, struct json_object *o)
{
	const char *name = json_get_str(o, "discoveryName"), *dns;
	struct json_object *aliases = json_get(o, "clientAliases");

	if (name != NULL && !is_discovery_name(name))
		return err_set(&c->err, ERR_INVALID_PARAMETER,
		    "Invalid discoveryName '%s': it has lowercase letters, numbers, underscores "
		    "and hyphens, and does not start with a hyphen.",
		    name);
	for (size_t i = 0; aliases != NULL && i < json_object_array_length(aliases); i++) {
		dns = json_get_str(json_object_array_get_idx(aliases, i), "dnsName");
		if (dns != NULL && !is_alias_name(dns))
			return err_set(&c->err, ERR_INVALID_PARAMETER,
			    "Invalid dnsName '%s': it has lowercase letters, numbers, underscores, "
			    "hyphens and periods, and does not start with a hyphen.",
			    dns);
	}
	return 0;
}

static int
check_connect(struct call *c, struct json_object *settings)
{
	struct json_object *connect = json_get(settings, "serviceConnectConfiguration");
	struct json_object *services = json_get(connect, "services");
	int r = 0;

	if (connect == NULL || !json_get_bool(connect, "enabled", false))
		return 0;
	if (has(connect, "accessLogConfiguration") && !has(connect, "logConfiguration"))
		return refuse(c, "accessLogConfiguration needs a logConfiguration.");
	for (size_t i = 0; r == 0 && services != NULL && i < json_object_array_length(services);
	     i++)
		r = check_connect_service(c, json_object_array_get_idx(services, i));
	return r;
}

/* --- monitoring --- */

static int
check_metrics(struct call *c, struct json_object *o)
{
	struct json_object *names = json_get(o, "metricNames");
	int64_t seconds = json_get_int(o, "resolutionSeconds", 0);

	for (size_t i = 0; i < json_object_array_length(names); i++) {
		const char *name = json_object_get_string(json_object_array_get_idx(names, i));

		if (!streq(name, "CPUUtilization") && !streq(name, "MemoryUtilization"))
			return refuse(c, "metricNames should be one of "
					 "[CPUUtilization,MemoryUtilization]");
	}
	if (seconds != 20 && seconds != 60)
		return refuse(c, "resolutionSeconds should be one of [20,60]");
	return 0;
}

static int
check_monitoring(struct call *c, struct json_object *settings)
{
	struct json_object *list =
	    json_get(json_get(settings, "monitoring"), "metricConfigurations");
	int r = 0;

	for (size_t i = 0; r == 0 && list != NULL && i < json_object_array_length(list); i++)
		r = check_metrics(c, json_object_array_get_idx(list, i));
	return r;
}
