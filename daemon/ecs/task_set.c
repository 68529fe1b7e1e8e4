/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CreateTaskSet, UpdateTaskSet, DeleteTaskSet, DescribeTaskSets, UpdateServicePrimaryTaskSet: the
 * deployments of services whose deployment controller is not ECS. Called by api.c through
 * ecs_task_set_ops; the scheduler runs the tasks.
 */
#include "daemon/arn.h"
#include "daemon/ecs/client_token_ref.h"
#include "daemon/ecs/cluster_ref.h"
#include "daemon/ecs/operations.h"
#include "daemon/ecs/service.h"
#include "daemon/ecs/service_deploy.h"
#include "daemon/ecs/task_shape.h"

#include <stdio.h>
#include <string.h>

#define TASK_SETS_MAX 5 /* of a service */
#define PREFIX "ecs-svc/"

struct scale {
	struct opt_double value;
	int unit;
};
struct task_set_in {
	const char *cluster;
	const char *service;
	const char *task_set;
	const char *task_definition;
	const char *external_id;
	const char *client_token;
	struct scale *scale;
	enum tri force;
	struct tag_list tags;
	struct str_list task_sets;
	struct str_list include;
};

/* clang-format off */
static const char *const unit_names[] = { NULL, "PERCENT", NULL };
static const char *const include_names[] = { NULL, "TAGS", NULL };

static const struct schema_field scale_fields[] = {
	F_DOUBLE(struct scale, value, "value", .min = 0, .max = 100),
	F_ENUM(struct scale, unit, "unit", unit_names),
};
static const struct schema scale_schema = SCHEMA(struct scale, scale_fields, "Scale");

#define WHICH_SERVICE                                                                                                   \
	F_STR(struct task_set_in, cluster, "cluster", .flags = SCHEMA_REQUIRED),                                       \
	F_STR(struct task_set_in, service, "service", .flags = SCHEMA_REQUIRED)

static const struct schema_field create_fields[] = {
	WHICH_SERVICE,
	F_STR(struct task_set_in, external_id, "externalId", .max_len = 255),
	F_STR(struct task_set_in, task_definition, "taskDefinition", .flags = SCHEMA_REQUIRED),
	F_UNBOUND(SCHEMA_STRUCT, "networkConfiguration", .sub = &task_network_schema),
	F_UNBOUND(SCHEMA_LIST_STRUCT, "loadBalancers", .sub = &service_load_balancer_schema, .max_len = 1),
	F_UNBOUND(SCHEMA_LIST_STRUCT, "serviceRegistries", .sub = &service_registry_schema, .max_len = 1),
	F_UNBOUND(SCHEMA_ENUM, "launchType", .names = launch_type_names),
	F_UNBOUND(SCHEMA_LIST_STRUCT, "capacityProviderStrategy", .sub = &task_strategy_item_schema, .max_len = 20),
	F_UNBOUND(SCHEMA_STRING, "platformVersion"),
	F_STRUCT(struct task_set_in, scale, "scale", struct scale, &scale_schema),
	F_STR(struct task_set_in, client_token, "clientToken", .max_len = 36, .chars = "!-~"),
	F_TAGS(struct task_set_in, tags),
};
static const struct schema create_schema = SCHEMA(struct task_set_in, create_fields, "CreateTaskSetRequest");

static const struct schema_field update_fields[] = {
	WHICH_SERVICE,
	F_STR(struct task_set_in, task_set, "taskSet", .flags = SCHEMA_REQUIRED),
	F_STRUCT(struct task_set_in, scale, "scale", struct scale, &scale_schema, .flags = SCHEMA_REQUIRED),
};
static const struct schema update_schema = SCHEMA(struct task_set_in, update_fields, "UpdateTaskSetRequest");

static const struct schema_field delete_fields[] = {
	WHICH_SERVICE,
	F_STR(struct task_set_in, task_set, "taskSet", .flags = SCHEMA_REQUIRED),
	F_BOOL(struct task_set_in, force, "force"),
};
static const struct schema delete_schema = SCHEMA(struct task_set_in, delete_fields, "DeleteTaskSetRequest");

static const struct schema_field describe_fields[] = {
	WHICH_SERVICE,
	F_STRS(struct task_set_in, task_sets, "taskSets"),
	F_ENUMS(struct task_set_in, include, "include", include_names),
};
static const struct schema describe_schema = SCHEMA(struct task_set_in, describe_fields, "DescribeTaskSetsRequest");

static const struct schema_field primary_fields[] = {
	WHICH_SERVICE,
	F_STR(struct task_set_in, task_set, "primaryTaskSet", .flags = SCHEMA_REQUIRED),
};
static const struct schema primary_schema =
	SCHEMA(struct task_set_in, primary_fields, "UpdateServicePrimaryTaskSetRequest");

static int create_task_set(struct call *c);
static int update_task_set(struct call *c);
static int delete_task_set(struct call *c);
static int describe_task_sets(struct call *c);
static int update_service_primary_task_set(struct call *c);

static const struct op ops[] = {
	{ .name = "CreateTaskSet",               .run = create_task_set,                 .input = &create_schema, .flags = OP_WRITE },
	{ .name = "DeleteTaskSet",               .run = delete_task_set,                 .input = &delete_schema, .flags = OP_WRITE },
	{ .name = "DescribeTaskSets",            .run = describe_task_sets,              .input = &describe_schema },
	{ .name = "UpdateServicePrimaryTaskSet", .run = update_service_primary_task_set, .input = &primary_schema, .flags = OP_WRITE },
	{ .name = "UpdateTaskSet",               .run = update_task_set,                 .input = &update_schema, .flags = OP_WRITE },
};
/* clang-format on */
const struct op_table ecs_task_set_ops = { ops, ARRAY_SIZE(ops) };

/* --- which service, which task set --- */

static int
find_service(struct call *c, struct store_service *ret)
{
	const struct task_set_in *in = c->args;
	char cluster[ARN_NAME_MAX];
	int r = cluster_ref_resolve_name(c, in->cluster, cluster);

	return r < 0 ? r : service_ref_active(c, cluster, in->service, ret);
}

/* The id in "ecs-svc/<id>" or an ARN; NULL where it can be none of this service. In the arena. */
static const char *
id_of(struct call *c, const struct store_service *v, const char *given)
{
	struct arn a;

	if (has_prefix(given, PREFIX))
		return given + strlen(PREFIX);
	if (arn_parse(given, &a) < 0 || a.type != ARN_TASK_SET || a.n != 4 ||
	    !arn_in_scope(&c->scope, &a) || !streq(a.part[0], v->cluster) ||
	    !streq(a.part[1], v->name))
		return NULL;
	return arena_strdup(&c->arena, a.part[3]);
}

/* 1, 0, negative errno. */
static int
look_up(
    struct call *c, const struct store_service *v, const char *given, struct store_deployment *ret)
{
	const char *id = id_of(c, v, given);
	int r = 0;

	if (id != NULL)
		r = store_deployment_get(
		    c->store, &c->scope, v->cluster, v->name, id, ret, &c->err);
	if (r == 1 && !ret->task_set) {
		store_deployment_done(ret);
		return 0;
	}
	return r;
}

static int
find_task_set(struct call *c, struct store_service *ret_service, struct store_deployment *ret)
{
	const struct task_set_in *in = c->args;
	int r = find_service(c, ret_service);

	if (r == 0)
		r = look_up(c, ret_service, in->task_set, ret);
	else
		return r;
	if (r == 0)
		return err_set(
		    &c->err, ERR_TASK_SET_NOT_FOUND, "The specified task set does not exist.");
	return r < 0 ? r : 0;
}

static int
reply(struct call *c, const struct store_deployment *d)
{
	struct json_object *o = NULL;
	struct task_numbers n = { 0 };
	int r = service_doc_count(c, d->cluster, d->service, d->id, &n);

	if (r == 0)
		r = service_doc_print_task_set(c, d, &n, true, &o);
	if (r == 0)
		json_add(c->out, "taskSet", o);
	return r;
}

/* --- CreateTaskSet --- */

static int
count_one(const struct store_deployment *d, void *arg)
{
	size_t *n = arg;

	*n += d->task_set && !streq(d->status, "DRAINING");
	return 0;
}

static int
check_service(struct call *c, const struct store_service *v)
{
	size_t n = 0;
	int r;

	if (streq(v->controller, "ECS"))
		return err_set(&c->err, ERR_INVALID_PARAMETER,
		    "Task sets are only supported for services that use the EXTERNAL deployment "
		    "controller.");
	r = store_deployment_list(c->store, &c->scope, v->cluster, v->name, count_one, &n, &c->err);
	if (r == 0 && n >= TASK_SETS_MAX)
		return err_set(&c->err, ERR_LIMIT_EXCEEDED,
		    "A service can have at most %d task sets.", TASK_SETS_MAX);
	return r;
}

/* Members of the service that a task set's tasks follow, under those that the request has. */
static int
make_settings(struct call *c, const struct store_service *v, struct json_object **ret)
{
	static const char *const own[] = { "taskDefinition", "networkConfiguration",
		"loadBalancers", "serviceRegistries", "launchType", "capacityProviderStrategy",
		"platformVersion", "platformFamily" };
	_cleanup_json_ struct json_object *request = schema_prune(&create_schema, c->in);
	struct json_object *vpc =
	    json_get(json_get(request, "networkConfiguration"), "awsvpcConfiguration");
	int r = json_parse(v->doc, strlen(v->doc), ret, &c->err);

	if (r < 0)
		return r;
	if (vpc != NULL && json_get(vpc, "securityGroups") == NULL)
		json_add(vpc, "securityGroups", json_object_new_array());
	if (vpc != NULL && json_get(vpc, "assignPublicIp") == NULL)
		json_add_str(vpc, "assignPublicIp", "DISABLED");
	for (size_t i = 0; i < ARRAY_SIZE(own); i++) {
		struct json_object *value = json_get(request, own[i]);

		if (value != NULL)
			json_add(*ret, own[i], json_object_get(value));
		else
			json_object_object_del(*ret, own[i]);
	}
	return 0;
}

/* 1 if this token made a task set that is still there. */
static int
replay(struct call *c, const struct store_service *v)
{
	const struct task_set_in *in = c->args;
	_cleanup_(store_deployment_done) struct store_deployment d = { 0 };
	_cleanup_free_ char *id = NULL;
	enum client_token_use use;
	int r = client_token_find(c, in->client_token, &use, &id);

	if (r < 0 || use == CLIENT_TOKEN_FRESH)
		return r;
	if (use == CLIENT_TOKEN_OTHER)
		return err_set(
		    &c->err, ERR_INVALID_PARAMETER, "Creation of task set was not idempotent.");
	r = store_deployment_get(c->store, &c->scope, v->cluster, v->name, id, &d, &c->err);
	if (r == 1)
		r = reply(c, &d) < 0 ? -1 : 1;
	return r;
}

static int
put(struct call *c, const struct store_service *v, struct json_object *settings)
{
	const struct task_set_in *in = c->args;
	const struct task_set_ask ask = { .settings = settings,
		.external_id = in->external_id,
		.status = "ACTIVE",
		.scale = in->scale != NULL ? in->scale->value.v : 0 };
	_cleanup_(store_deployment_done) struct store_deployment d = { 0 };
	char id[DEPLOYMENT_ID_SIZE], arn[ARN_MAX];
	int r = task_set_make(c, v, &ask, id);

	if (r == 0)
		r = tag_set_write(c->store, arn_task_set(arn, &c->scope, v->cluster, v->name, id),
		    &in->tags, &c->err);
	if (r == 0)
		r = client_token_keep(c, in->client_token, id);
	if (r == 0)
		r = store_deployment_get(c->store, &c->scope, v->cluster, v->name, id, &d, &c->err);
	return r < 0 ? r : reply(c, &d);
}

static int
create_task_set(struct call *c)
{
	const struct task_set_in *in = c->args;
	_cleanup_service_ struct store_service v = { 0 };
	_cleanup_json_ struct json_object *settings = NULL;
	struct service_check k = { 0 };
	int r = find_service(c, &v);

	if (r == 0)
		r = replay(c, &v);
	if (r != 0)
		return r < 0 ? r : 0;
	r = check_service(c, &v);
	if (r == 0)
		r = tag_set_check(&in->tags, &c->err);
	if (r == 0)
		r = make_settings(c, &v, &settings);
	k.settings = settings;
	k.cluster = v.cluster;
	if (r == 0)
		r = service_plan_check(c, &k);
	return r == 0 ? put(c, &v, settings) : r;
}

/* --- UpdateTaskSet --- */

static int
update_task_set(struct call *c)
{
	const struct task_set_in *in = c->args;
	_cleanup_service_ struct store_service v = { 0 };
	_cleanup_(store_deployment_done) struct store_deployment d = { 0 };
	int r = find_task_set(c, &v, &d);

	if (r < 0)
		return r;
	if (!in->scale->value.set)
		return err_set(
		    &c->err, ERR_INVALID_PARAMETER, "The value of a scale can not be null.");
	if (streq(d.status, "DRAINING"))
		return err_set(&c->err, ERR_INVALID_PARAMETER,
		    "A task set that is DRAINING can not be updated.");
	d.scale = in->scale->value.v;
	d.desired_count = task_set_count(v.desired_count, d.scale);
	d.updated_at_ms = c->now_ms;
	(void)snprintf(d.stability_status, sizeof(d.stability_status), "STABILIZING");
	d.stability_at_ms = c->now_ms;
	r = store_deployment_put(c->store, &d, &c->err);
	if (r == 0)
		call_wish_service(c, v.cluster, v.name);
	return r < 0 ? r : reply(c, &d);
}

/* --- DeleteTaskSet --- */

struct task_search {
	const char *id;
	bool found;
};

static int
on_task(const struct store_task *t, void *arg)
{
	struct task_search *x = arg;

	x->found = t->started_by != NULL && has_prefix(t->started_by, PREFIX) &&
		   streq(t->started_by + strlen(PREFIX), x->id);
	return x->found;
}

/* A task set without tasks is gone at once, but the answer shows it once more. */
static int
drain(struct call *c, struct store_deployment *d)
{
	struct task_search x = { .id = d->id };
	int r;

	d->scale = 0;
	d->desired_count = 0;
	(void)snprintf(d->status, sizeof(d->status), "DRAINING");
	d->updated_at_ms = c->now_ms;
	r = store_deployment_put(c->store, d, &c->err);
	if (r == 0)
		r = reply(c, d);
	if (r == 0)
		r = store_task_list_service(
		    c->store, &c->scope, d->cluster, d->service, on_task, &x, &c->err);
	if (r < 0)
		return r;
	if (!x.found)
		return store_deployment_delete(
		    c->store, &c->scope, d->cluster, d->service, d->id, &c->err);
	call_wish_service(c, d->cluster, d->service);
	return 0;
}

static int
delete_task_set(struct call *c)
{
	const struct task_set_in *in = c->args;
	_cleanup_service_ struct store_service v = { 0 };
	_cleanup_(store_deployment_done) struct store_deployment d = { 0 };
	int r = find_task_set(c, &v, &d);

	if (r < 0)
		return r;
	if (in->force != TRI_TRUE && d.scale > 0)
		return err_set(&c->err, ERR_INVALID_PARAMETER,
		    "The task set cannot be deleted while it is scaled above 0.");
	return drain(c, &d);
}

/* --- DescribeTaskSets --- */

struct describing {
	struct call *c;
	bool with_tags;
	struct json_object *sets;
	int r;
};

static int
describe_one(const struct store_deployment *d, void *arg)
{
	struct describing *x = arg;
	struct json_object *o = NULL;
	struct task_numbers n = { 0 };

	if (!d->task_set)
		return 0;
	x->r = service_doc_count(x->c, d->cluster, d->service, d->id, &n);
	if (x->r == 0)
		x->r = service_doc_print_task_set(x->c, d, &n, x->with_tags, &o);
	if (x->r == 0)
		json_object_array_add(x->sets, o);
	return x->r < 0;
}

static int
describe_named(struct describing *x, const struct store_service *v, const char *given,
    struct json_object *failures)
{
	_cleanup_(store_deployment_done) struct store_deployment d = { 0 };
	struct call *c = x->c;
	char arn[ARN_MAX];
	int r = look_up(c, v, given, &d);

	if (r == 1) {
		(void)describe_one(&d, x);
		return x->r;
	}
	if (r == 0)
		task_failure_add(failures,
		    has_prefix(given, "arn:")
			? given
			: arn_task_set(arn, &c->scope, v->cluster, v->name,
			      has_prefix(given, PREFIX) ? given + strlen(PREFIX) : given),
		    "MISSING");
	return r;
}

static int
describe_task_sets(struct call *c)
{
	const struct task_set_in *in = c->args;
	struct json_object *failures = json_object_new_array();
	struct describing x = {
		.c = c, .with_tags = in->include.n > 0, .sets = json_object_new_array()
	};
	_cleanup_service_ struct store_service v = { 0 };
	int r;

	json_add(c->out, "taskSets", x.sets);
	json_add(c->out, "failures", failures);
	r = find_service(c, &v);
	if (r == 0 && in->task_sets.n == 0) {
		r = store_deployment_list(
		    c->store, &c->scope, v.cluster, v.name, describe_one, &x, &c->err);
		return r < 0 ? r : x.r;
	}
	for (size_t i = 0; r == 0 && i < in->task_sets.n; i++)
		r = describe_named(&x, &v, in->task_sets.v[i], failures);
	return r;
}

/* --- UpdateServicePrimaryTaskSet --- */

struct promotion {
	struct call *c;
	const char *id;
	int r;
};

static int
promote_one(const struct store_deployment *d, void *arg)
{
	struct promotion *x = arg;
	struct store_deployment changed = *d; /* borrows what it points to */
	const char *status = streq(d->id, x->id) ? "PRIMARY" : "ACTIVE";
	struct call *c = x->c;

	if (!d->task_set || streq(d->status, "DRAINING") || streq(d->status, status))
		return 0;
	(void)snprintf(changed.status, sizeof(changed.status), "%s", status);
	changed.updated_at_ms = c->now_ms;
	x->r = store_deployment_put(c->store, &changed, &c->err);
	return x->r < 0;
}

/* What the task set says is what the service says. */
static int
take_over(struct call *c, struct store_service *v, const struct store_deployment *d)
{
	_cleanup_json_ struct json_object *settings = NULL, *set = NULL;
	const char *launch_type;
	int r = json_parse(v->doc, strlen(v->doc), &settings, &c->err);

	if (r == 0)
		r = json_parse(d->doc, strlen(d->doc), &set, &c->err);
	if (r < 0)
		return r;
	for (size_t i = 0; service_deploy_members[i] != NULL; i++) {
		struct json_object *value = json_get(set, service_deploy_members[i]);

		if (value != NULL)
			json_add(settings, service_deploy_members[i], json_object_get(value));
		else
			json_object_object_del(settings, service_deploy_members[i]);
	}
	launch_type = json_get_str(settings, "launchType");
	(void)snprintf(
	    v->launch_type, sizeof(v->launch_type), "%s", launch_type != NULL ? launch_type : "");
	free(v->doc);
	v->doc = xstrdup(json_print(settings));
	return store_service_put(c->store, v, &c->err);
}

static int
update_service_primary_task_set(struct call *c)
{
	_cleanup_service_ struct store_service v = { 0 };
	_cleanup_(store_deployment_done) struct store_deployment d = { 0 }, now = { 0 };
	struct promotion x = { .c = c };
	int r = find_task_set(c, &v, &d);

	if (r == 0 && streq(d.status, "DRAINING"))
		return err_set(&c->err, ERR_INVALID_PARAMETER,
		    "A task set that is DRAINING can not be the primary one.");
	x.id = d.id;
	if (r == 0)
		r = store_deployment_list(
		    c->store, &c->scope, v.cluster, v.name, promote_one, &x, &c->err);
	if (r == 0)
		r = x.r;
	if (r == 0)
		r = take_over(c, &v, &d);
	if (r == 0)
		r = store_deployment_get(
		    c->store, &c->scope, v.cluster, v.name, d.id, &now, &c->err);
	if (r < 0)
		return r;
	call_wish_service(c, v.cluster, v.name);
	return reply(c, &now);
}
