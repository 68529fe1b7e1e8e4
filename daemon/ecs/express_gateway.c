/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CreateExpressGatewayService and its three companions. One is a Fargate service with a task
 * definition made for it: both are made by the operations that make any, so that all the others see
 * them. There is no load balancer; the endpoint is a published port of a task.
 */
#include "daemon/arn.h"
#include "daemon/ecs/cluster_ref.h"
#include "daemon/ecs/express_gateway.h"
#include "daemon/ecs/operations.h"

#include <stdio.h>
#include <string.h>

static int create_express(struct call *c);
static int update_express(struct call *c);
static int delete_express(struct call *c);
static int describe_express(struct call *c);

/* clang-format off */
static const struct op ops[] = {
	{ .name = "CreateExpressGatewayService",   .run = create_express,   .input = &create_express_schema, .flags = OP_WRITE },
	{ .name = "DeleteExpressGatewayService",   .run = delete_express,   .input = &delete_express_schema, .flags = OP_WRITE },
	{ .name = "DescribeExpressGatewayService", .run = describe_express, .input = &describe_express_schema },
	{ .name = "UpdateExpressGatewayService",   .run = update_express,   .input = &update_express_schema, .flags = OP_WRITE },
};
/* clang-format on */
const struct op_table ecs_express_gateway_ops = { ops, ARRAY_SIZE(ops) };

static void
service_done(struct store_service *v)
{
	store_service_done(v);
}
#define _cleanup_service_ _cleanup_(service_done)

/* --- the rows --- */

static int
put_configuration(struct call *c, const struct store_service *v, struct json_object *configuration)
{
	struct store_express_gateway row = { .scope = c->scope, .created_at_ms = c->now_ms };
	int r;

	(void)snprintf(row.cluster, sizeof(row.cluster), "%s", v->cluster);
	(void)snprintf(row.service, sizeof(row.service), "%s", v->name);
	(void)snprintf(row.revision, sizeof(row.revision), "%s", v->revision);
	row.doc = xstrdup(json_print(configuration));
	r = store_express_gateway_put(c->store, &row, &c->err);
	store_express_gateway_done(&row);
	return r;
}

/* The service is looked after by ECS, and says so. */
static int
mark(struct call *c, struct store_service *v)
{
	_cleanup_json_ struct json_object *doc = NULL;
	int r = json_parse(v->doc, strlen(v->doc), &doc, &c->err);

	if (r < 0)
		return r;
	json_add_str(doc, "resourceManagementType", "ECS");
	free(v->doc);
	v->doc = xstrdup(json_print(doc));
	return store_service_put(c->store, v, &c->err);
}

static int
get_service(struct call *c, const char *cluster, const char *name, struct store_service *ret)
{
	int r = store_service_get(c->store, &c->scope, cluster, name, ret, &c->err);

	if (r == 0)
		return err_set(&c->err, ERR_SERVICE_NOT_FOUND, "Service not found.");
	return r < 0 ? r : 0;
}

/* --- create --- */

/* "nginx-1a2b3c4d" of "registry/nginx:1.27". */
static const char *
make_name(struct call *c, struct json_object *configuration)
{
	const char *image = json_get_str(json_get(configuration, "primaryContainer"), "image");
	const char *slash = image != NULL ? strrchr(image, '/') : NULL;
	char tail[9];

	random_hex(tail, 4);
	if (slash != NULL)
		image = slash + 1;
	if (image == NULL)
		image = "express";
	return arena_printf(&c->arena, "%.*s-%s", (int)strcspn(image, ":@."), image, tail);
}

static int
make_service(
    struct call *c, const char *cluster, const char *name, struct json_object *configuration)
{
	_cleanup_json_ struct json_object *out = NULL;
	struct json_object *in = json_object_new_object(), *network = NULL;
	struct json_object *tags = json_get(c->in, "tags");
	int r = express_network(c, configuration, &network);

	json_add(in, "networkConfiguration", network);
	json_add_str(in, "cluster", cluster);
	json_add_str(in, "serviceName", name);
	json_add_str(in, "taskDefinition", json_get_str(configuration, "taskDefinitionArn"));
	json_add_str(in, "launchType", "FARGATE");
	json_add_int(in, "desiredCount", express_min_tasks(configuration));
	if (tags != NULL)
		json_add(in, "tags", json_copy(tags));
	if (r < 0) {
		json_object_put(in);
		return r;
	}
	return call_run(c, "ecs", "CreateService", in, &out);
}

static int
create_express(struct call *c)
{
	const struct express_in *in = c->args;
	_cleanup_json_ struct json_object *configuration = express_configuration(c->in, NULL);
	_cleanup_service_ struct store_service v = { 0 };
	struct json_object *printed = NULL;
	char cluster[ARN_NAME_MAX];
	const char *name = in->service != NULL ? in->service : make_name(c, configuration);
	int r = cluster_ref_resolve_name(c, in->cluster, cluster);

	json_add_str(configuration, "infrastructureRoleArn", in->infrastructure_role);
	if (r == 0)
		r = express_check(c, configuration);
	if (r == 0)
		r = express_register(c, configuration, cluster, name);
	if (r == 0)
		r = make_service(c, cluster, name, configuration);
	if (r == 0)
		r = get_service(c, cluster, name, &v);
	if (r == 0)
		r = mark(c, &v);
	if (r == 0)
		r = put_configuration(c, &v, configuration);
	if (r == 0)
		r = express_print(c, &v, true, &printed);
	if (r < 0)
		return r;
	json_add(c->out, "service", printed);
	return 0;
}

/* --- the others --- */

/* serviceArn: only an ARN will do, as it alone names the cluster. */
static int
find(struct call *c, const char *given, enum err_kind missing, struct store_service *ret,
    struct store_express_gateway *ret_row)
{
	struct arn a;
	int r = 0;

	if (arn_parse(given, &a) < 0 || a.type != ARN_SERVICE || a.n != 2)
		return err_set(&c->err, ERR_INVALID_PARAMETER,
		    "serviceArn: '%.200s' is not the ARN of a service.", given);
	if (arn_in_scope(&c->scope, &a))
		r = store_service_get(c->store, &c->scope, a.part[0], a.part[1], ret, &c->err);
	if (r == 1)
		r = store_express_gateway_get(
		    c->store, &c->scope, ret->cluster, ret->name, ret->revision, ret_row, &c->err);
	if (r == 0)
		return err_set(&c->err, missing, "Express gateway service not found.");
	return r < 0 ? r : 0;
}

static int
find_active(struct call *c, const char *given, struct store_service *ret,
    struct store_express_gateway *ret_row)
{
	int r = find(c, given, ERR_SERVICE_NOT_FOUND, ret, ret_row);

	if (r == 0 && !streq(ret->status, "ACTIVE"))
		return err_set(&c->err, ERR_SERVICE_NOT_ACTIVE, "Service was not ACTIVE.");
	return r;
}

static int
reply(struct call *c, const struct store_service *v, bool with_tags)
{
	struct json_object *printed = NULL;
	int r = express_print(c, v, with_tags, &printed);

	if (r < 0)
		return r;
	json_add(c->out, "service", printed);
	return 0;
}

/* UpdateService of what has changed; the count stays within its new bounds. */
static int
change_service(struct call *c, const struct store_service *v, struct json_object *configuration)
{
	_cleanup_json_ struct json_object *out = NULL;
	struct json_object *in = json_object_new_object(), *network = NULL;
	int64_t min = express_min_tasks(configuration);
	int64_t max = json_get_int(json_get(configuration, "scalingTarget"), "maxTaskCount", min);
	int r = express_network(c, configuration, &network);

	json_add(in, "networkConfiguration", network);
	json_add_str(in, "cluster", v->cluster);
	json_add_str(in, "service", v->name);
	json_add_str(in, "taskDefinition", json_get_str(configuration, "taskDefinitionArn"));
	json_add_int(in, "desiredCount",
	    v->desired_count < min   ? min
	    : v->desired_count > max ? max
				     : v->desired_count);
	if (r < 0) {
		json_object_put(in);
		return r;
	}
	return call_run(c, "ecs", "UpdateService", in, &out);
}

/* Whether what the task definition is made from has changed. */
static bool
needs_definition(struct json_object *in)
{
	return json_get(in, "primaryContainer") != NULL || json_get(in, "cpu") != NULL ||
	       json_get(in, "memory") != NULL || json_get(in, "taskRoleArn") != NULL ||
	       json_get(in, "executionRoleArn") != NULL;
}

static int
update_express(struct call *c)
{
	const struct express_in *in = c->args;
	_cleanup_(store_express_gateway_done) struct store_express_gateway row = { 0 };
	_cleanup_json_ struct json_object *old = NULL, *configuration = NULL;
	_cleanup_service_ struct store_service v = { 0 }, changed = { 0 };
	struct json_object *printed = NULL;
	int r = find_active(c, in->service, &v, &row);

	if (r == 0 && row.doc != NULL)
		r = json_parse(row.doc, strlen(row.doc), &old, &c->err);
	if (r < 0)
		return r;
	configuration = express_configuration(c->in, old);
	json_add_str(
	    configuration, "infrastructureRoleArn", json_get_str(old, "infrastructureRoleArn"));
	if (needs_definition(c->in) && in->task_definition == NULL &&
	    json_get(configuration, "primaryContainer") != NULL)
		json_object_object_del(configuration, "taskDefinitionArn");
	r = express_check(c, configuration);
	if (r == 0)
		r = express_register(c, configuration, v.cluster, v.name);
	if (r == 0)
		r = change_service(c, &v, configuration);
	if (r == 0)
		r = get_service(c, v.cluster, v.name, &changed);
	if (r == 0)
		r = put_configuration(c, &changed, configuration);
	if (r == 0)
		r = express_print_updated(c, &changed, &printed);
	if (r < 0)
		return r;
	json_add(c->out, "service", printed);
	return 0;
}

static int
delete_express(struct call *c)
{
	const struct express_in *in = c->args;
	_cleanup_(store_express_gateway_done) struct store_express_gateway row = { 0 };
	_cleanup_service_ struct store_service v = { 0 }, deleted = { 0 };
	_cleanup_json_ struct json_object *out = NULL;
	struct json_object *delete;
	int r = find_active(c, in->service, &v, &row);

	if (r < 0)
		return r;
	delete = json_object_new_object();
	json_add_str(delete, "cluster", v.cluster);
	json_add_str(delete, "service", v.name);
	json_add_bool(delete, "force", true);
	r = call_run(c, "ecs", "DeleteService", delete, &out);
	if (r == 0)
		r = get_service(c, v.cluster, v.name, &deleted);
	return r < 0 ? r : reply(c, &deleted, false);
}

static int
describe_express(struct call *c)
{
	const struct express_in *in = c->args;
	_cleanup_(store_express_gateway_done) struct store_express_gateway row = { 0 };
	_cleanup_service_ struct store_service v = { 0 };
	int r = find(c, in->service, ERR_RESOURCE_NOT_FOUND, &v, &row);

	return r < 0 ? r : reply(c, &v, in->include.n > 0); /* TAGS is all there is */
}
