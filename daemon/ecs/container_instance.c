/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RegisterContainerInstance, DeregisterContainerInstance, UpdateContainerInstancesState,
 * UpdateContainerAgent, and the table of the family. The agent of every instance is this daemon, so
 * an instance is connected from its registration on.
 */
#include "daemon/ecs/container_instance_doc.h"

#include "daemon/arn.h"
#include "daemon/config.h"
#include "daemon/ecs/cluster_ref.h"
#include "daemon/ecs/operations.h"
#include "daemon/events.h"
#include "daemon/store/service.h"
#include "daemon/store/task.h"

#include <stdio.h>
#include <string.h>

#define UPDATE_MAX 10

/* --- inputs --- */

struct version_info {
	const char *agent_version;
	const char *agent_hash;
	const char *docker_version;
};
struct register_in {
	const char *cluster;
	const char *identity;
	const char *signature;
	struct instance_resources resources;
	struct version_info *version;
	const char *arn;
	struct instance_attributes attributes;
	struct platform_devices devices;
	struct tag_list tags;
};
struct deregister_in {
	const char *cluster;
	const char *instance;
	enum tri force;
};
struct update_state_in {
	const char *cluster;
	struct str_list instances;
	int status;
};
struct update_agent_in {
	const char *cluster;
	const char *instance;
};

/* clang-format off */
enum { STATUS_ACTIVE = 1, STATUS_DRAINING };
static const char *const status_names[] = {
	NULL, [STATUS_ACTIVE] = "ACTIVE", [STATUS_DRAINING] = "DRAINING", "REGISTERING", "DEREGISTERING",
	"REGISTRATION_FAILED", NULL,
};
#define STATUS_WRONG "Container instance status should be one of [ACTIVE, DRAINING]"

static const struct schema_field version_fields[] = {
	F_STR(struct version_info, agent_version, "agentVersion"),
	F_STR(struct version_info, agent_hash, "agentHash"),
	F_STR(struct version_info, docker_version, "dockerVersion"),
};
static const struct schema version_schema = SCHEMA(struct version_info, version_fields, "VersionInfo");

static const struct schema_field register_fields[] = {
	F_STR(struct register_in, cluster, "cluster"),
	F_STR(struct register_in, identity, "instanceIdentityDocument"),
	F_STR(struct register_in, signature, "instanceIdentityDocumentSignature"),
	F_LIST(struct register_in, resources, "totalResources", struct instance_resource, &instance_resource_schema),
	F_STRUCT(struct register_in, version, "versionInfo", struct version_info, &version_schema),
	F_STR(struct register_in, arn, "containerInstanceArn"),
	F_LIST(struct register_in, attributes, "attributes", struct instance_attribute, &instance_attribute_schema),
	F_LIST(struct register_in, devices, "platformDevices", struct platform_device, &platform_device_schema),
	F_TAGS(struct register_in, tags),
};
static const struct schema register_schema =
	SCHEMA(struct register_in, register_fields, "RegisterContainerInstanceRequest");

static const struct schema_field deregister_fields[] = {
	F_STR(struct deregister_in, cluster, "cluster"),
	F_STR(struct deregister_in, instance, "containerInstance", .flags = SCHEMA_REQUIRED),
	F_BOOL(struct deregister_in, force, "force"),
};
static const struct schema deregister_schema =
	SCHEMA(struct deregister_in, deregister_fields, "DeregisterContainerInstanceRequest");

static const struct schema_field update_state_fields[] = {
	F_STR(struct update_state_in, cluster, "cluster"),
	F_STRS(struct update_state_in, instances, "containerInstances", .flags = SCHEMA_REQUIRED,
	       .message = "Container Instances cannot be empty."),
	F_ENUM(struct update_state_in, status, "status", status_names, .flags = SCHEMA_REQUIRED, .message = STATUS_WRONG),
};
static const struct schema update_state_schema =
	SCHEMA(struct update_state_in, update_state_fields, "UpdateContainerInstancesStateRequest");

static const struct schema_field update_agent_fields[] = {
	F_STR(struct update_agent_in, cluster, "cluster"),
	F_STR(struct update_agent_in, instance, "containerInstance", .flags = SCHEMA_REQUIRED),
};
static const struct schema update_agent_schema =
	SCHEMA(struct update_agent_in, update_agent_fields, "UpdateContainerAgentRequest");
/* clang-format on */

/* --- operations --- */

static int register_container_instance(struct call *c);
static int deregister_container_instance(struct call *c);
static int update_container_instances_state(struct call *c);
static int update_container_agent(struct call *c);

/* clang-format off */
static const struct op ops[] = {
	{ .name = "RegisterContainerInstance",     .run = register_container_instance,      .input = &register_schema,     .flags = OP_WRITE },
	{ .name = "DeregisterContainerInstance",   .run = deregister_container_instance,    .input = &deregister_schema,   .flags = OP_WRITE },
	{ .name = "DescribeContainerInstances",    .run = describe_container_instances,     .input = &describe_container_instances_schema },
	{ .name = "ListContainerInstances",        .run = list_container_instances,         .input = &list_container_instances_schema },
	{ .name = "UpdateContainerInstancesState", .run = update_container_instances_state, .input = &update_state_schema, .flags = OP_WRITE },
	{ .name = "UpdateContainerAgent",          .run = update_container_agent,           .input = &update_agent_schema, .flags = OP_WRITE },
	{ .name = "PutAttributes",                 .run = put_attributes,                   .input = &put_attributes_schema,    .flags = OP_WRITE },
	{ .name = "DeleteAttributes",              .run = delete_attributes,                .input = &delete_attributes_schema, .flags = OP_WRITE },
	{ .name = "ListAttributes",                .run = list_attributes,                  .input = &list_attributes_schema },
};
/* clang-format on */
const struct op_table ecs_container_instance_ops = { ops, ARRAY_SIZE(ops) };

static int
reply_instance(struct call *c, const struct store_container_instance *row)
{
	struct json_object *instance = NULL;
	int r = container_instance_print(c, row, INSTANCE_INCLUDE_TAGS, &instance);

	if (r == 0)
		json_add(c->out, "containerInstance", instance);
	return r;
}

/* The one instance that an operation is about: not an INACTIVE one. */
static int
find_one(
    struct call *c, const char *cluster, const char *given, struct store_container_instance *ret)
{
	int r = container_instance_find(c, cluster, given, ret);

	if (r == 0 || (r == 1 && streq(ret->status, "INACTIVE")))
		return err_set(&c->err, ERR_INVALID_PARAMETER,
		    "The referenced container instance was not found.");
	return r < 0 ? r : 0;
}

/* --- RegisterContainerInstance --- */

/* What the identity document of an EC2 instance says, as attributes of the container instance. */
/* clang-format off */
static const struct { const char *member, *attribute; } identity_attributes[] = {
	{ "imageId",          "ecs.ami-id" },
	{ "availabilityZone", "ecs.availability-zone" },
	{ "instanceType",     "ecs.instance-type" },
};
/* clang-format on */

/* The identity document as a tree; without one NULL, which strict mode does not take. Nobody can
 * verify its signature: the key is AWS's. */
static int
read_identity(struct call *c, const struct register_in *in, struct json_object **ret)
{
	if (in->identity == NULL) {
		if (config_kind(c->config, KIND_SYNTHETIC_INSTANCE))
			return 0;
		return err_set(
		    &c->err, ERR_INVALID_PARAMETER, "Instance identity document can not be empty.");
	}
	if (json_parse(in->identity, strlen(in->identity), ret, NULL) < 0 ||
	    json_get_str(*ret, "instanceId") == NULL)
		return err_set(
		    &c->err, ERR_INVALID_PARAMETER, "Instance identity document is malformed.");
	return 0;
}

static void
add_identity(struct call *c, struct json_object *doc, struct json_object *identity)
{
	const char *id = json_get_str(identity, "instanceId");
	const char *architecture = json_get_str(identity, "architecture");
	char hex[19];

	if (id != NULL) {
		json_add_str(doc, "ec2InstanceId", id);
	} else if (json_get(doc, "ec2InstanceId") == NULL) {
		random_hex(hex, 9);
		json_add_str(doc, "ec2InstanceId", arena_printf(&c->arena, "i-%.17s", hex));
	}
	for (size_t i = 0; i < ARRAY_SIZE(identity_attributes); i++) {
		const char *value = json_get_str(identity, identity_attributes[i].member);

		if (value != NULL)
			container_instance_set_attribute(
			    doc, identity_attributes[i].attribute, value);
	}
	if (architecture != NULL)
		container_instance_set_attribute(doc, "ecs.cpu-architecture", architecture);
	container_instance_set_attribute(doc, "ecs.os-type", "linux");
}

static void
add_version(struct json_object *doc, const struct version_info *v)
{
	struct json_object *o = json_object_new_object();

	if (v != NULL) {
		json_add_str(o, "agentVersion", v->agent_version);
		json_add_str(o, "agentHash", v->agent_hash);
		json_add_str(o, "dockerVersion", v->docker_version);
	}
	json_add(doc, "versionInfo", o);
}

/* An agent that registers again is the instance that it was, on the machine that it was. */
static int
find_registered(struct call *c, const char *cluster, const struct register_in *in,
    struct json_object *identity, struct store_container_instance *row, struct json_object **ret)
{
	const char *type = json_get_str(identity, "instanceType"), *id;
	struct json_object *list;
	int r = find_one(c, cluster, in->arn, row);

	if (r == 0)
		r = container_instance_parse(c, row, ret);
	if (r < 0)
		return r;
	id = json_get_str(*ret, "ec2InstanceId");
	list = json_get(*ret, "attributes");
	for (size_t i = 0; type != NULL && list != NULL && i < json_object_array_length(list);
	     i++) {
		struct json_object *o = json_object_array_get_idx(list, i);

		if (streq(json_get_str(o, "name"), "ecs.instance-type") &&
		    !streq(json_get_str(o, "value"), type))
			return err_set(&c->err, ERR_INVALID_PARAMETER,
			    "Container instance type changes are not supported. Container "
			    "instance: %s, InstanceType: %.64s",
			    row->id, type);
	}
	type = json_get_str(identity, "instanceId");
	if (type != NULL && !streq(id, type))
		return err_set(&c->err, ERR_INVALID_PARAMETER,
		    "The referenced container instance was registered by another instance.");
	return 0;
}

static void
make_row(struct call *c, const char *cluster, struct store_container_instance *row,
    struct json_object **ret)
{
	char arn[ARN_MAX];

	*row = (struct store_container_instance){ .status = "ACTIVE" };
	random_hex(row->id, 16);
	(void)snprintf(row->cluster, sizeof(row->cluster), "%s", cluster);
	*ret = json_object_new_object();
	json_add_str(
	    *ret, "containerInstanceArn", arn_container_instance(arn, &c->scope, cluster, row->id));
	json_add_time(*ret, "registeredAt", c->now_ms);
	json_add(*ret, "attachments", json_object_new_array());
	json_add(*ret, "attributes", json_object_new_array());
}

static int
tag_instance(
    struct call *c, const struct store_container_instance *row, const struct tag_list *tags)
{
	char arn[ARN_MAX];

	if (!tags->set)
		return 0;
	return tag_set_write(
	    c->store, arn_container_instance(arn, &c->scope, row->cluster, row->id), tags, &c->err);
}

static int
wish_for(const struct store_service *v, void *arg)
{
	call_wish_service(arg, v->cluster, v->name);
	return 0;
}

/* What the cluster's services find to run on has changed. */
static int
wish_for_services(struct call *c, const char *cluster)
{
	const struct store_service_filter f = { .cluster = cluster,
		.kind = STORE_SERVICES_AND_DAEMONS };

	return store_service_list(c->store, &c->scope, &f, NULL, -1, wish_for, c, &c->err);
}

static int
register_container_instance(struct call *c)
{
	const struct register_in *in = c->args;
	_cleanup_container_instance_ struct store_container_instance row = { 0 };
	_cleanup_json_ struct json_object *identity = NULL, *doc = NULL;
	struct json_object *resources = NULL;
	char cluster[ARN_NAME_MAX];
	int r;

	r = cluster_ref_resolve_name(c, in->cluster, cluster);
	if (r == 0)
		r = read_identity(c, in, &identity);
	if (r == 0)
		r = tag_set_check(&in->tags, &c->err);
	if (r == 0 && in->arn != NULL && in->arn[0] != '\0')
		r = find_registered(c, cluster, in, identity, &row, &doc);
	else if (r == 0)
		make_row(c, cluster, &row, &doc);
	if (r == 0)
		r = container_instance_resources(c, &in->resources, &in->devices, &resources);
	if (r < 0)
		return r;
	json_add(doc, "registeredResources", resources);
	add_version(doc, in->version);
	add_identity(c, doc, identity);
	json_add_bool(doc, "agentConnected", true);
	for (size_t i = 0; i < in->attributes.n; i++)
		container_instance_set_attribute(
		    doc, in->attributes.v[i].name, in->attributes.v[i].value);
	r = container_instance_save(c, &row, doc);
	if (r == 0)
		r = tag_instance(c, &row, &in->tags);
	if (r == 0)
		r = wish_for_services(c, cluster);
	return r < 0 ? r : reply_instance(c, &row);
}

/* --- DeregisterContainerInstance --- */

struct stopping {
	struct call *c;
	bool force;
	size_t n;
	char (*ids)[33];
};

static int
on_task(const char *id, void *arg)
{
	struct stopping *s = arg;

	/* Doubles at every power of two. */
	if ((s->n & (s->n - 1)) == 0)
		s->ids = xrealloc(s->ids, s->n > 0 ? 2 * s->n : 1, sizeof(*s->ids));
	(void)snprintf(s->ids[s->n++], sizeof(*s->ids), "%s", id);
	return s->force ? 0 : 1;
}

static int
stop_one(struct call *c, const char *id)
{
	struct store_task t = { 0 };
	int r = store_task_get(c->store, id, &t, &c->err);

	if (r == 1)
		r = events_stop(c->store, &t, "UserInitiated",
		    "Container instance deregistration forced by user", &c->err);
	if (r == 1)
		call_wish(c, TASK_WISH_STOP, id);
	store_task_done(&t);
	return r < 0 ? r : 0;
}

static int
stop_tasks(struct call *c, const struct store_container_instance *row, bool force)
{
	struct store_task_filter f = { .cluster = row->cluster, .instance = row->id };
	struct stopping s = { .c = c, .force = force };
	int r = store_task_list(c->store, &c->scope, &f, NULL, -1, on_task, &s, &c->err);

	if (r == 0 && s.n > 0 && !force)
		r = err_set(&c->err, ERR_INVALID_PARAMETER, "Found running tasks on the instance.");
	for (size_t i = 0; r == 0 && i < s.n; i++)
		r = stop_one(c, s.ids[i]);
	free(s.ids);
	return r;
}

static int
deregister_container_instance(struct call *c)
{
	const struct deregister_in *in = c->args;
	_cleanup_container_instance_ struct store_container_instance row = { 0 };
	_cleanup_json_ struct json_object *doc = NULL;
	char cluster[ARN_NAME_MAX], arn[ARN_MAX];
	int r;

	r = cluster_ref_resolve_name(c, in->cluster, cluster);
	if (r == 0)
		r = find_one(c, cluster, in->instance, &row);
	if (r == 0)
		r = stop_tasks(c, &row, in->force == TRI_TRUE);
	if (r == 0)
		r = container_instance_parse(c, &row, &doc);
	if (r < 0)
		return r;
	(void)snprintf(row.status, sizeof(row.status), "INACTIVE");
	json_add_bool(doc, "agentConnected", false);
	r = container_instance_save(c, &row, doc);
	if (r == 0)
		r = wish_for_services(c, cluster);
	if (r == 0)
		r = reply_instance(c, &row);
	if (r < 0)
		return r;
	return tag_set_delete_all(
	    c->store, arn_container_instance(arn, &c->scope, cluster, row.id), &c->err);
}

/* --- UpdateContainerInstancesState --- */

static void
add_failure(struct json_object *failures, const char *arn, const char *reason)
{
	struct json_object *failure = json_object_new_object();

	json_add_str(failure, "arn", arn);
	json_add_str(failure, "reason", reason);
	json_object_array_add(failures, failure);
}

static int
update_one(struct call *c, const char *cluster, const char *given, const char *status,
    struct json_object *list, struct json_object *failures)
{
	_cleanup_container_instance_ struct store_container_instance row = { 0 };
	_cleanup_json_ struct json_object *doc = NULL;
	struct json_object *instance = NULL;
	int r = container_instance_find(c, cluster, given, &row);

	if (r < 0)
		return r;
	if (r == 0 || streq(row.status, "INACTIVE")) {
		add_failure(failures, container_instance_given_arn(c, cluster, given),
		    r == 0 ? "MISSING" : "INACTIVE");
		return 0;
	}
	r = container_instance_parse(c, &row, &doc);
	if (r == 0 && !streq(row.status, status)) {
		(void)snprintf(row.status, sizeof(row.status), "%s", status);
		r = container_instance_save(c, &row, doc);
	}
	if (r == 0)
		r = container_instance_print(c, &row, INSTANCE_INCLUDE_TAGS, &instance);
	if (r == 0)
		json_object_array_add(list, instance);
	return r;
}

/* Standalone tasks of a DRAINING instance run on; nothing new is put there. */
static int
update_container_instances_state(struct call *c)
{
	const struct update_state_in *in = c->args;
	struct json_object *list = json_object_new_array(), *failures = json_object_new_array();
	char cluster[ARN_NAME_MAX];
	int r;

	json_add(c->out, "containerInstances", list);
	json_add(c->out, "failures", failures);
	if (in->status != STATUS_ACTIVE && in->status != STATUS_DRAINING)
		return err_set(&c->err, ERR_INVALID_PARAMETER, "%s", STATUS_WRONG);
	if (in->instances.n == 0)
		return err_set(
		    &c->err, ERR_INVALID_PARAMETER, "Container Instances cannot be empty.");
	if (in->instances.n > UPDATE_MAX)
		return err_set(&c->err, ERR_INVALID_PARAMETER,
		    "Container Instances cannot have more than %d elements.", UPDATE_MAX);
	r = cluster_ref_resolve_name(c, in->cluster, cluster);
	for (size_t i = 0; r == 0 && i < in->instances.n; i++)
		r = update_one(
		    c, cluster, in->instances.v[i], status_names[in->status], list, failures);
	return r == 0 ? wish_for_services(c, cluster) : r;
}

/* --- UpdateContainerAgent --- */

/* The agent is this daemon, and there is no other version of it to go to. */
static int
update_container_agent(struct call *c)
{
	const struct update_agent_in *in = c->args;
	_cleanup_container_instance_ struct store_container_instance row = { 0 };
	_cleanup_json_ struct json_object *doc = NULL;
	char cluster[ARN_NAME_MAX];
	int r;

	r = cluster_ref_resolve_name(c, in->cluster, cluster);
	if (r == 0)
		r = find_one(c, cluster, in->instance, &row);
	if (r == 0)
		r = container_instance_parse(c, &row, &doc);
	if (r < 0)
		return r;
	if (json_get_str(json_get(doc, "versionInfo"), "agentVersion") == NULL)
		return err_set(&c->err, ERR_MISSING_VERSION,
		    "Amazon ECS is unable to determine the current version of the Amazon ECS "
		    "container agent on the container instance.");
	return err_set(&c->err, ERR_NO_UPDATE_AVAILABLE,
	    "There is no update available for this Amazon ECS container agent.");
}
