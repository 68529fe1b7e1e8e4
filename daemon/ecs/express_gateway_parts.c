/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What AWS makes of an express gateway service: its configuration with defaults, a task definition
 * of one container, the network of the default VPC. Called by express_gateway.c; it must not know
 * what becomes of the service.
 */
#include "daemon/ecs/express_gateway.h"

#include "daemon/arn.h"

#include <string.h>

#define PORT_DEFAULT 80
#define CPU_DEFAULT "256"
#define MEMORY_DEFAULT "512"
#define HEALTH_CHECK_DEFAULT "/ping"
#define SCALING_TARGET_DEFAULT 60
#define TASKS_MIN_DEFAULT 1
#define TASKS_MAX_DEFAULT 20
#define LOG_PREFIX_DEFAULT "ecs"

/* clang-format off */
static const char *const asked_for[] = {
	"executionRoleArn", "taskRoleArn", "taskDefinitionArn", "cpu", "memory", "networkConfiguration",
	"healthCheckPath", "primaryContainer", "scalingTarget",
};
/* clang-format on */

static void
add_default(struct json_object *o, const char *key, struct json_object *v)
{
	if (json_get(o, key) == NULL)
		json_add(o, key, v);
	else
		json_object_put(v);
}

static void
add_scaling(struct json_object *o)
{
	struct json_object *target = json_get(o, "scalingTarget");

	if (target == NULL) {
		target = json_object_new_object();
		json_add(o, "scalingTarget", target);
	}
	add_default(target, "minTaskCount", json_object_new_int(TASKS_MIN_DEFAULT));
	add_default(target, "maxTaskCount", json_object_new_int(TASKS_MAX_DEFAULT));
	add_default(target, "autoScalingMetric", json_object_new_string("AVERAGE_CPU"));
	add_default(target, "autoScalingTargetValue", json_object_new_int(SCALING_TARGET_DEFAULT));
}

struct json_object *
express_configuration(struct json_object *in, struct json_object *old)
{
	struct json_object *o = json_object_new_object(), *container;

	for (size_t i = 0; i < ARRAY_SIZE(asked_for); i++) {
		struct json_object *v = json_get(in, asked_for[i]);

		if (v == NULL)
			v = json_get(old, asked_for[i]);
		if (v != NULL)
			json_add(o, asked_for[i], json_copy(v));
	}
	/* A new container is a new definition, whatever the old one was made from. */
	if (json_get(in, "taskDefinitionArn") == NULL && json_get(in, "primaryContainer") != NULL)
		json_object_object_del(o, "taskDefinitionArn");
	add_default(o, "cpu", json_object_new_string(CPU_DEFAULT));
	add_default(o, "memory", json_object_new_string(MEMORY_DEFAULT));
	add_default(o, "healthCheckPath", json_object_new_string(HEALTH_CHECK_DEFAULT));
	add_scaling(o);
	container = json_get(o, "primaryContainer");
	if (container != NULL)
		add_default(container, "containerPort", json_object_new_int(PORT_DEFAULT));
	return o;
}

int64_t
express_min_tasks(struct json_object *configuration)
{
	return json_get_int(json_get(configuration, "scalingTarget"), "minTaskCount", 1);
}

int
express_check(struct call *c, struct json_object *configuration)
{
	struct json_object *target = json_get(configuration, "scalingTarget");
	int64_t min = json_get_int(target, "minTaskCount", 1);
	int64_t max = json_get_int(target, "maxTaskCount", 1);
	const char *path = json_get_str(configuration, "healthCheckPath");
	bool given = json_get(configuration, "taskDefinitionArn") != NULL;

	if (!given && json_get(configuration, "primaryContainer") == NULL)
		return err_set(&c->err, ERR_INVALID_PARAMETER,
		    "A primaryContainer or a taskDefinitionArn is required.");
	if (!given && json_get(configuration, "executionRoleArn") == NULL)
		return err_set(&c->err, ERR_INVALID_PARAMETER, "executionRoleArn is required.");
	if (path[0] != '/')
		return err_set(&c->err, ERR_INVALID_PARAMETER,
		    "The healthCheckPath must start with a forward slash.");
	if (min < 1 || max < min)
		return err_set(&c->err, ERR_INVALID_PARAMETER,
		    "The minTaskCount of the scalingTarget must be at least 1 and at most its "
		    "maxTaskCount.");
	return 0;
}

/* --- the task definition --- */

static void
copy_member(struct json_object *to, struct json_object *from, const char *key)
{
	struct json_object *v = json_get(from, key);

	if (v != NULL)
		json_add(to, key, json_copy(v));
}

/* Logs go to a group of the service's own unless another one was asked for. */
static struct json_object *
log_configuration(
    struct call *c, struct json_object *container, const char *cluster, const char *service)
{
	struct json_object *asked = json_get(container, "awsLogsConfiguration");
	struct json_object *log = json_object_new_object(), *options = json_object_new_object();
	const char *group = json_get_str(asked, "logGroup");
	const char *prefix = json_get_str(asked, "logStreamPrefix");

	if (group == NULL)
		group = arena_printf(&c->arena, "/aws/ecs/%s/%s", cluster, service);
	json_add_str(options, "awslogs-group", group);
	json_add_str(options, "awslogs-region", c->scope.region);
	json_add_str(
	    options, "awslogs-stream-prefix", prefix != NULL ? prefix : LOG_PREFIX_DEFAULT);
	json_add_str(options, "awslogs-create-group", "true");
	json_add_str(log, "logDriver", "awslogs");
	json_add(log, "options", options);
	return log;
}

static struct json_object *
main_container(
    struct call *c, struct json_object *container, const char *cluster, const char *service)
{
	struct json_object *o = json_object_new_object(), *ports = json_object_new_array();
	struct json_object *port = json_object_new_object();

	json_add_str(o, "name", "Main");
	json_add_bool(o, "essential", true);
	json_add_int(port, "containerPort", json_get_int(container, "containerPort", PORT_DEFAULT));
	json_add_str(port, "protocol", "tcp");
	json_object_array_add(ports, port);
	json_add(o, "portMappings", ports);
	copy_member(o, container, "image");
	copy_member(o, container, "command");
	copy_member(o, container, "environment");
	copy_member(o, container, "secrets");
	copy_member(o, container, "repositoryCredentials");
	json_add(o, "logConfiguration", log_configuration(c, container, cluster, service));
	return o;
}

int
express_register(
    struct call *c, struct json_object *configuration, const char *cluster, const char *service)
{
	_cleanup_json_ struct json_object *out = NULL;
	struct json_object *in, *containers, *fargate;
	int r;

	if (json_get(configuration, "taskDefinitionArn") != NULL)
		return 0;
	in = json_object_new_object();
	containers = json_object_new_array();
	fargate = json_object_new_array();
	json_add_str(in, "family", arena_printf(&c->arena, "%.120s-%.120s", cluster, service));
	json_add_str(in, "networkMode", "awsvpc");
	json_object_array_add(fargate, json_object_new_string("FARGATE"));
	json_add(in, "requiresCompatibilities", fargate);
	copy_member(in, configuration, "cpu");
	copy_member(in, configuration, "memory");
	copy_member(in, configuration, "taskRoleArn");
	copy_member(in, configuration, "executionRoleArn");
	json_object_array_add(containers,
	    main_container(c, json_get(configuration, "primaryContainer"), cluster, service));
	json_add(in, "containerDefinitions", containers);
	r = call_run(c, "ecs", "RegisterTaskDefinition", in, &out);
	if (r == 0)
		json_add_str(configuration, "taskDefinitionArn",
		    json_get_str(json_get(out, "taskDefinition"), "taskDefinitionArn"));
	return r;
}

/* --- the network --- */

static struct json_object *
filter(const char *name, const char *value)
{
	struct json_object *in = json_object_new_object(), *list = json_object_new_array();
	struct json_object *one = json_object_new_object(), *values = json_object_new_array();

	json_add_str(one, "Name", name);
	json_object_array_add(values, json_object_new_string(value));
	json_add(one, "Value", values);
	json_object_array_add(list, one);
	json_add(in, "Filter", list);
	return in;
}

static int
default_subnets(struct call *c, struct json_object *ret)
{
	_cleanup_json_ struct json_object *out = NULL;
	struct json_object *list;
	int r = call_run(c, "ec2", "DescribeSubnets", filter("default-for-az", "true"), &out);

	list = json_get(out, "subnetSet");
	for (size_t i = 0; r == 0 && list != NULL && i < json_object_array_length(list); i++)
		json_object_array_add(ret, json_object_new_string(json_get_str(
					       json_object_array_get_idx(list, i), "subnetId")));
	return r;
}

int
express_network(struct call *c, struct json_object *configuration, struct json_object **ret)
{
	struct json_object *asked = json_get(configuration, "networkConfiguration");
	struct json_object *network = json_object_new_object(), *awsvpc = json_object_new_object();
	struct json_object *subnets = json_get(asked, "subnets");
	int r = 0;

	json_add(network, "awsvpcConfiguration", awsvpc);
	copy_member(awsvpc, asked, "securityGroups");
	if (subnets != NULL && json_object_array_length(subnets) > 0)
		json_add(awsvpc, "subnets", json_copy(subnets));
	else {
		subnets = json_object_new_array();
		json_add(awsvpc, "subnets", subnets);
		r = default_subnets(c, subnets);
	}
	json_add_str(awsvpc, "assignPublicIp", "ENABLED");
	*ret = network;
	return r;
}
