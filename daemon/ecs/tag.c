/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TagResource, UntagResource, ListTagsForResource: which ARNs can have tags and whether they exist.
 * Called by api.c through ecs_tag_ops; the rules for tags themselves are in tag_set.c.
 */
#include "daemon/arn.h"
#include "daemon/ecs/operations.h"
#include "daemon/ecs/tag_set.h"
#include "daemon/store/capacity_provider.h"
#include "daemon/store/cluster.h"
#include "daemon/store/container_instance.h"
#include "daemon/store/service.h"
#include "daemon/store/tag.h"
#include "daemon/store/task.h"
#include "daemon/store/task_definition.h"

#include <stdio.h>
#include <string.h>

struct tag_resource_in {
	const char *arn;
	struct tag_list tags;
};
struct untag_resource_in {
	const char *arn;
	struct str_list keys;
};
struct list_tags_in {
	const char *arn;
};

static const struct schema_field tag_resource_fields[] = {
	F_STR(struct tag_resource_in, arn, "resourceArn", .flags = SCHEMA_REQUIRED),
	F_TAGS(struct tag_resource_in, tags, .flags = SCHEMA_REQUIRED),
};
static const struct schema tag_resource_schema =
    SCHEMA(struct tag_resource_in, tag_resource_fields, "TagResourceRequest");

static const struct schema_field untag_resource_fields[] = {
	F_STR(struct untag_resource_in, arn, "resourceArn", .flags = SCHEMA_REQUIRED),
	F_STRS(struct untag_resource_in, keys, "tagKeys", .flags = SCHEMA_REQUIRED),
};
static const struct schema untag_resource_schema =
    SCHEMA(struct untag_resource_in, untag_resource_fields, "UntagResourceRequest");

static const struct schema_field list_tags_fields[] = {
	F_STR(struct list_tags_in, arn, "resourceArn", .flags = SCHEMA_REQUIRED),
};
static const struct schema list_tags_schema =
    SCHEMA(struct list_tags_in, list_tags_fields, "ListTagsForResourceRequest");

static int tag_resource(struct call *c);
static int untag_resource(struct call *c);
static int list_tags_for_resource(struct call *c);

/* clang-format off */
static const struct op ops[] = {
	{ .name = "TagResource",         .run = tag_resource,           .input = &tag_resource_schema,   .flags = OP_WRITE },
	{ .name = "UntagResource",       .run = untag_resource,         .input = &untag_resource_schema, .flags = OP_WRITE },
	{ .name = "ListTagsForResource", .run = list_tags_for_resource, .input = &list_tags_schema },
};
/* clang-format on */
const struct op_table ecs_tag_ops = { ops, ARRAY_SIZE(ops) };

/* --- what exists --- */

/* 1 and the ARN as the store has it, 0 where there is no such resource, negative errno with c->err
 * filled. */
typedef int find_fn(struct call *c, const struct arn *a, char ret[static ARN_MAX]);
static find_fn find_cluster, find_task_definition, find_task, find_container_instance,
    find_capacity_provider, find_service, find_task_set, find_daemon, find_daemon_definition;

/* Resources that can have tags. */
/* clang-format off */
static const struct {
	size_t parts; /* of the long ARN, after the type */
	find_fn *find;
} taggable[ARN_TYPE_MAX] = {
	[ARN_CLUSTER]            = { 1, find_cluster },
	[ARN_TASK_DEFINITION]    = { 1, find_task_definition },
	[ARN_TASK]               = { 2, find_task },
	[ARN_CONTAINER_INSTANCE] = { 2, find_container_instance },
	[ARN_SERVICE]            = { 2, find_service },
	[ARN_TASK_SET]           = { 4, find_task_set },
	[ARN_CAPACITY_PROVIDER]  = { 1, find_capacity_provider },
	[ARN_DAEMON]             = { 2, find_daemon },
	[ARN_DAEMON_TASK_DEFINITION] = { 1, find_daemon_definition },
};
/* clang-format on */

static int
find_cluster(struct call *c, const struct arn *a, char ret[static ARN_MAX])
{
	struct store_cluster row = { 0 };
	bool active;
	int r;

	r = store_cluster_get(c->store, &c->scope, a->part[0], &row, &c->err);
	if (r < 0)
		return r;
	active = r == 1 && streq(row.status, "ACTIVE");
	store_cluster_done(&row);
	if (!active)
		return err_set(&c->err, ERR_CLUSTER_NOT_FOUND, "Cluster not found.");
	(void)arn_cluster(ret, &c->scope, a->part[0]);
	return 1;
}

static int
find_task_definition(struct call *c, const struct arn *a, char ret[static ARN_MAX])
{
	struct store_task_definition row = { 0 };
	char family[ARN_NAME_MAX];
	int64_t revision = 0;
	int r;

	r = arn_resolve_task_definition(&c->scope, a->part[0], family, &revision, &c->err);
	if (r <= 0)
		return r;
	if (revision == 0)
		return err_set(&c->err, ERR_INVALID_PARAMETER, "Revision is missing.");
	r = store_task_definition_get(c->store, &c->scope, family, revision, &row, &c->err);
	store_task_definition_done(&row);
	if (r > 0)
		(void)arn_task_definition(ret, &c->scope, family, revision);
	return r;
}

static int
find_task(struct call *c, const struct arn *a, char ret[static ARN_MAX])
{
	_cleanup_free_ char *doc = NULL;
	int r = find_cluster(c, a, ret);

	if (r == 1)
		r = store_task_doc(c->store, &c->scope, a->part[0], a->part[1], &doc, &c->err);
	if (r == 1)
		(void)arn_task(ret, &c->scope, a->part[0], a->part[1]);
	return r;
}

static int
find_container_instance(struct call *c, const struct arn *a, char ret[static ARN_MAX])
{
	struct store_container_instance row = { 0 };
	int r = find_cluster(c, a, ret);

	if (r == 1)
		r = store_container_instance_get(c->store, &c->scope, a->part[1], &row, &c->err);
	if (r == 1 && (!streq(row.cluster, a->part[0]) || streq(row.status, "INACTIVE")))
		r = 0;
	if (r == 1)
		(void)arn_container_instance(ret, &c->scope, a->part[0], a->part[1]);
	store_container_instance_done(&row);
	return r;
}

/* Those of Fargate can have no tags. */
static int
find_capacity_provider(struct call *c, const struct arn *a, char ret[static ARN_MAX])
{
	_cleanup_capacity_provider_ struct store_capacity_provider row = { 0 };
	int r = store_capacity_provider_get(c->store, &c->scope, a->part[0], &row, &c->err);

	if (r == 1 && !streq(row.status, "ACTIVE"))
		return 0;
	if (r == 1)
		(void)arn_capacity_provider(ret, &c->scope, a->part[0]);
	return r;
}

static int
find_service(struct call *c, const struct arn *a, char ret[static ARN_MAX])
{
	struct store_service row = { 0 };
	int r = find_cluster(c, a, ret);

	if (r == 1)
		r = store_service_get(c->store, &c->scope, a->part[0], a->part[1], &row, &c->err);
	if (r == 1 && streq(row.status, "INACTIVE"))
		r = 0;
	if (r == 1)
		(void)arn_service(ret, &c->scope, row.cluster, row.name);
	store_service_done(&row);
	return r;
}

static int
find_task_set(struct call *c, const struct arn *a, char ret[static ARN_MAX])
{
	struct store_deployment row = { 0 };
	int r = find_service(c, a, ret);

	if (r == 1)
		r = store_deployment_get(
		    c->store, &c->scope, a->part[0], a->part[1], a->part[3], &row, &c->err);
	if (r == 1 && !row.task_set)
		r = 0;
	if (r == 1)
		(void)arn_task_set(ret, &c->scope, row.cluster, row.service, row.id);
	store_deployment_done(&row);
	return r;
}

static int
find_daemon(struct call *c, const struct arn *a, char ret[static ARN_MAX])
{
	struct arn kept = *a;
	char name[ARN_NAME_MAX];

	if (snprintf(name, sizeof(name), ARN_DAEMON_PREFIX "%s", a->part[1]) >= (int)sizeof(name))
		return 0;
	kept.part[1] = name;
	return find_service(c, &kept, ret);
}

static int
find_daemon_definition(struct call *c, const struct arn *a, char ret[static ARN_MAX])
{
	struct store_task_definition row = { 0 };
	char family[ARN_NAME_MAX];
	int64_t revision = 0;
	int r = arn_resolve_daemon_definition(&c->scope, a->part[0], family, &revision, &c->err);

	if (r == 1 && revision == 0)
		return err_set(&c->err, ERR_INVALID_PARAMETER, "Revision is missing.");
	if (r == 1)
		r = store_task_definition_get(c->store, &c->scope, family, revision, &row, &c->err);
	store_task_definition_done(&row);
	if (r > 0)
		(void)arn_task_definition(ret, &c->scope, family, revision);
	return r;
}

static int
find_resource(struct call *c, const char *given, char ret[static ARN_MAX])
{
	struct arn a;
	int r;

	if (arn_parse(given, &a) < 0)
		return err_set(&c->err, ERR_INVALID_PARAMETER,
		    "Invalid identifier: '%.200s' is not an ARN of Amazon ECS.", given);
	if (taggable[a.type].parts == 0)
		return err_set(&c->err, ERR_INVALID_PARAMETER,
		    "Invalid identifier: resources of the type of '%.200s' can not have tags.",
		    given);
	if (a.n < taggable[a.type].parts)
		return err_set(&c->err, ERR_INVALID_PARAMETER,
		    "Long arn format must be used for tagging operations");
	if (a.n > taggable[a.type].parts)
		return err_set(&c->err, ERR_INVALID_PARAMETER,
		    "Invalid identifier: Unexpected number of separators");
	r = 0;
	if (arn_in_scope(&c->scope, &a))
		r = taggable[a.type].find(c, &a, ret);
	if (r == 0)
		return err_set(
		    &c->err, ERR_RESOURCE_NOT_FOUND, "The specified resource was not found.");
	return r < 0 ? r : 0;
}

/* --- the operations --- */

static int
tag_resource(struct call *c)
{
	const struct tag_resource_in *in = c->args;
	char arn[ARN_MAX];
	int r;

	r = tag_set_check(&in->tags, &c->err);
	if (r == 0)
		r = find_resource(c, in->arn, arn);
	return r < 0 ? r : tag_set_add(c->store, arn, &in->tags, &c->err);
}

/* Keys that the resource does not have are no error. */
static int
untag_resource(struct call *c)
{
	const struct untag_resource_in *in = c->args;
	char arn[ARN_MAX];
	int r = 0;

	for (size_t i = 0; r == 0 && i < in->keys.n; i++)
		r = tag_set_check_key(in->keys.v[i], &c->err);
	if (r == 0)
		r = find_resource(c, in->arn, arn);
	for (size_t i = 0; r == 0 && i < in->keys.n; i++)
		r = store_tag_delete(c->store, arn, in->keys.v[i], &c->err);
	return r;
}

static int
list_tags_for_resource(struct call *c)
{
	const struct list_tags_in *in = c->args;
	struct json_object *tags = NULL;
	char arn[ARN_MAX];
	int r;

	r = find_resource(c, in->arn, arn);
	if (r == 0)
		r = tag_set_read(c->store, arn, &tags, &c->err);
	if (r == 0)
		json_add(c->out, "tags", tags);
	return r;
}
