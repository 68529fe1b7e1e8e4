/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A service's settings as JSON: what a request says, with ECS's defaults, put over what was there.
 * Called by CreateService and UpdateService before the rules look at the whole; it refuses nothing.
 */
#include "daemon/ecs/service.h"

#include <string.h>

/* clang-format off */
/* Members of a request that are about the request, or have a column of their own. */
static const char *const not_settings[] = {
	"cluster", "service", "clientToken", "role", "tags", "desiredCount", "forceNewDeployment",
};
static const char *const lists[] = { "loadBalancers", "serviceRegistries", "placementConstraints", "placementStrategy" };
static const char *const switches[] = { "enableECSManagedTags", "enableExecuteCommand" };
/* deploymentConfiguration's members that only some strategies have. */
static const struct {
	const char *member;
	const char *strategy;
} of_strategy[] = {
	{ "linearConfiguration", "LINEAR" },
	{ "canaryConfiguration", "CANARY" },
};
/* clang-format on */

static void complete(struct json_object *settings);

static void
add_default(struct json_object *o, const char *key, struct json_object *value)
{
	if (json_get(o, key) == NULL)
		json_add(o, key, value);
	else
		json_object_put(value);
}

const char *
service_settings_controller(struct json_object *settings)
{
	const char *type = json_get_str(json_get(settings, "deploymentController"), "type");

	return type != NULL ? type : "ECS";
}

bool
service_settings_is_daemon(struct json_object *settings)
{
	return streq(json_get_str(settings, "schedulingStrategy"), "DAEMON");
}

const char *
service_settings_strategy(struct json_object *settings)
{
	const char *name = json_get_str(json_get(settings, "deploymentConfiguration"), "strategy");

	return name != NULL ? name : "ROLLING";
}

static struct json_object *
take(const struct schema *s, struct json_object *in)
{
	struct json_object *o = schema_prune(s, in);

	for (size_t i = 0; i < ARRAY_SIZE(not_settings); i++)
		json_object_object_del(o, not_settings[i]);
	return o;
}

/* AvailabilityZoneRebalancing is on where nothing stands against it. */
static bool
can_rebalance(struct json_object *settings)
{
	struct json_object *strategies = json_get(settings, "placementStrategy"), *first;
	struct json_object *balancers = json_get(settings, "loadBalancers");
	int64_t max =
	    json_get_int(json_get(settings, "deploymentConfiguration"), "maximumPercent", 200);

	if (service_settings_is_daemon(settings) || max <= 100 ||
	    !streq(service_settings_controller(settings), "ECS"))
		return false;
	for (size_t i = 0; i < json_object_array_length(balancers); i++)
		if (json_get(json_object_array_get_idx(balancers, i), "loadBalancerName") != NULL)
			return false;
	if (json_object_array_length(strategies) == 0)
		return true;
	first = json_object_array_get_idx(strategies, 0);
	return streq(json_get_str(first, "type"), "spread") &&
	       streq(json_get_str(first, "field"), "attribute:ecs.availability-zone");
}

struct json_object *
service_settings_new(struct json_object *in)
{
	struct json_object *settings = take(&create_service_schema, in), *controller;

	add_default(settings, "schedulingStrategy", json_object_new_string("REPLICA"));
	if (json_get(settings, "deploymentController") == NULL) {
		controller = json_object_new_object();
		json_add_str(controller, "type", "ECS");
		json_add(settings, "deploymentController", controller);
	}
	complete(settings);
	add_default(settings, "availabilityZoneRebalancing",
	    json_object_new_string(can_rebalance(settings) ? "ENABLED" : "DISABLED"));
	return settings;
}

/* --- what is left out --- */

static void
complete_hooks(struct json_object *hooks)
{
	for (size_t i = 0; hooks != NULL && i < json_object_array_length(hooks); i++)
		add_default(json_object_array_get_idx(hooks, i), "targetType",
		    json_object_new_string("AWS_LAMBDA"));
}

static void
complete_shift(struct json_object *o, const char *percent_name, double percent,
    const char *minutes_name, int minutes)
{
	add_default(o, percent_name, json_object_new_double(percent));
	add_default(o, minutes_name, json_object_new_int(minutes));
}

/* bakeTimeInMinutes has no default with BLUE_GREEN: there it has to be said. */
static void
complete_strategy(struct json_object *configuration)
{
	const char *strategy;

	add_default(configuration, "strategy", json_object_new_string("ROLLING"));
	strategy = json_get_str(configuration, "strategy");
	for (size_t i = 0; i < ARRAY_SIZE(of_strategy); i++)
		if (streq(strategy, of_strategy[i].strategy))
			add_default(configuration, of_strategy[i].member, json_object_new_object());
	if (streq(strategy, "LINEAR"))
		complete_shift(json_get(configuration, "linearConfiguration"), "stepPercent", 10,
		    "stepBakeTimeInMinutes", 6);
	if (streq(strategy, "CANARY"))
		complete_shift(json_get(configuration, "canaryConfiguration"), "canaryPercent", 5,
		    "canaryBakeTimeInMinutes", 10);
	if (!streq(strategy, "BLUE_GREEN"))
		add_default(configuration, "bakeTimeInMinutes", json_object_new_int(0));
	complete_hooks(json_get(configuration, "lifecycleHooks"));
}

static void
complete_deployment(struct json_object *settings)
{
	bool daemon = service_settings_is_daemon(settings);
	struct json_object *configuration, *breaker;

	add_default(settings, "deploymentConfiguration", json_object_new_object());
	configuration = json_get(settings, "deploymentConfiguration");
	add_default(configuration, "maximumPercent", json_object_new_int(daemon ? 100 : 200));
	add_default(configuration, "minimumHealthyPercent", json_object_new_int(daemon ? 0 : 100));
	if (!streq(service_settings_controller(settings), "ECS"))
		return;
	complete_strategy(configuration);
	if (json_get(configuration, "deploymentCircuitBreaker") != NULL)
		return;
	breaker = json_object_new_object();
	json_add_bool(breaker, "enable", false);
	json_add_bool(breaker, "rollback", false);
	json_add(configuration, "deploymentCircuitBreaker", breaker);
}

static void
complete(struct json_object *settings)
{
	struct json_object *vpc;

	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		add_default(settings, lists[i], json_object_new_array());
	for (size_t i = 0; i < ARRAY_SIZE(switches); i++)
		add_default(settings, switches[i], json_object_new_boolean(false));
	add_default(settings, "propagateTags", json_object_new_string("NONE"));
	complete_deployment(settings);
	vpc = json_get(json_get(settings, "networkConfiguration"), "awsvpcConfiguration");
	if (vpc != NULL) {
		add_default(vpc, "securityGroups", json_object_new_array());
		add_default(vpc, "assignPublicIp", json_object_new_string("DISABLED"));
	}
	if (json_object_array_length(json_get(settings, "loadBalancers")) > 0)
		add_default(settings, "healthCheckGracePeriodSeconds", json_object_new_int(0));
}

/* --- UpdateService --- */

/* An item that says nothing: how UpdateService removes a placement strategy. */
static bool
is_list_of_nothing(struct json_object *list)
{
	return json_object_is_type(list, json_type_array) && json_object_array_length(list) == 1 &&
	       json_object_object_length(json_object_array_get_idx(list, 0)) == 0;
}

/* deploymentConfiguration: member by member, and what belongs to another strategy goes. */
static void
update_deployment(struct json_object *old, struct json_object *change)
{
	json_object_object_foreach(change, key, value)
	{
		json_add(old, key, json_object_get(value));
	}
	for (size_t i = 0; i < ARRAY_SIZE(of_strategy); i++)
		if (json_get(change, of_strategy[i].member) == NULL &&
		    !streq(json_get_str(old, "strategy"), of_strategy[i].strategy))
			json_object_object_del(old, of_strategy[i].member);
}

/* The last word of a provider's name or ARN. */
static bool
starts_with_fargate(struct json_object *strategy)
{
	const char *name = json_get_str(json_object_array_get_idx(strategy, 0), "capacityProvider");
	const char *slash = name != NULL ? strrchr(name, '/') : NULL;

	return name != NULL && has_prefix(slash != NULL ? slash + 1 : name, "FARGATE");
}

/* A strategy takes the place of the launch type; an empty one leads back to that of its providers.
 */
static void
update_capacity(struct json_object *settings, struct json_object *strategy)
{
	struct json_object *old = json_get(settings, "capacityProviderStrategy");
	bool fargate;

	if (json_object_array_length(strategy) > 0) {
		fargate = starts_with_fargate(strategy);
		json_object_object_del(settings, "launchType");
		json_add(settings, "capacityProviderStrategy", json_object_get(strategy));
	} else if (old != NULL) {
		fargate = starts_with_fargate(old);
		json_add_str(settings, "launchType", fargate ? "FARGATE" : "EC2");
		json_object_object_del(settings, "capacityProviderStrategy");
	} else {
		return;
	}
	if (!fargate)
		json_object_object_del(settings, "platformVersion");
}

void
service_settings_update(struct json_object *settings, struct json_object *in)
{
	_cleanup_json_ struct json_object *change = take(&update_service_schema, in);

	if (json_get(change, "capacityProviderStrategy") != NULL)
		update_capacity(settings, json_get(change, "capacityProviderStrategy"));
	json_object_object_foreach(change, key, value)
	{
		if (streq(key, "deploymentConfiguration"))
			update_deployment(json_get(settings, key), value);
		else if (is_list_of_nothing(value))
			json_add(settings, key, json_object_new_array());
		else if (!streq(key, "capacityProviderStrategy"))
			json_add(settings, key, json_object_get(value));
	}
	complete(settings);
}

static bool
is_nothing(struct json_object *v)
{
	return v == NULL ||
	       (json_object_is_type(v, json_type_array) && json_object_array_length(v) == 0);
}

bool
service_settings_differ(struct json_object *a, struct json_object *b, const char *const *members)
{
	for (size_t i = 0; members[i] != NULL; i++) {
		struct json_object *x = json_get(a, members[i]), *y = json_get(b, members[i]);

		if (is_nothing(x) && is_nothing(y))
			continue;
		if (is_nothing(x) || is_nothing(y) || json_object_equal(x, y) == 0)
			return true;
	}
	return false;
}
