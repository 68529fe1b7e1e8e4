/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RunTask: its input, its idempotency, the rows it makes, and its reply, which waits until the
 * tasks run or have ended. What may be refused is in task_plan.c, what a task looks like in
 * task_doc.c.
 */
#include "daemon/ecs/task.h"

#include "daemon/arn.h"
#include "daemon/store/client_token.h"
#include "daemon/store/tag.h"

#include <stdio.h>
#include <string.h>

/* clang-format off */
static const char *const assign_public_ip_names[] = { NULL, "ENABLED", "DISABLED", NULL };
static const char *const propagate_tags_names[] = { NULL, "TASK_DEFINITION", "SERVICE", "NONE", NULL };
static const char *const constraint_names[] = { NULL, "distinctInstance", "memberOf", NULL };
static const char *const strategy_names[] = { NULL, "random", "spread", "binpack", NULL };
static const char *const filesystem_names[] = { NULL, "ext3", "ext4", "xfs", "ntfs", NULL };
static const char *const ebs_resource_names[] = { NULL, "volume", NULL };

static const struct schema_field strategy_item_fields[] = {
	F_STR(struct strategy_item, capacity_provider, "capacityProvider", .flags = SCHEMA_REQUIRED),
	F_INT(struct strategy_item, weight, "weight", .min = 0, .max = 1000),
	F_INT(struct strategy_item, base, "base", .min = 0, .max = 100000),
};
static const struct schema strategy_item_schema =
	SCHEMA(struct strategy_item, strategy_item_fields, "CapacityProviderStrategyItem");

static const struct schema_field awsvpc_fields[] = {
	F_STRS(struct awsvpc_configuration, subnets, "subnets", .flags = SCHEMA_REQUIRED, .message = "subnets can not be empty."),
	F_STRS(struct awsvpc_configuration, security_groups, "securityGroups", .max_len = 5),
	F_ENUM(struct awsvpc_configuration, assign_public_ip, "assignPublicIp", assign_public_ip_names),
};
static const struct schema awsvpc_schema = SCHEMA(struct awsvpc_configuration, awsvpc_fields, "AwsVpcConfiguration");

static const struct schema_field network_fields[] = {
	F_STRUCT(struct network_configuration, awsvpc, "awsvpcConfiguration", struct awsvpc_configuration, &awsvpc_schema),
};
static const struct schema network_schema = SCHEMA(struct network_configuration, network_fields, "NetworkConfiguration");

static const struct schema_field constraint_fields[] = {
	F_ENUM(struct placement_constraint, type, "type", constraint_names),
	F_STR(struct placement_constraint, expression, "expression", .max_len = 2000),
};
static const struct schema constraint_schema =
	SCHEMA(struct placement_constraint, constraint_fields, "PlacementConstraint");

static const struct schema_field placement_strategy_fields[] = {
	F_ENUM(struct placement_strategy, type, "type", strategy_names),
	F_STR(struct placement_strategy, field, "field"),
};
static const struct schema placement_strategy_schema =
	SCHEMA(struct placement_strategy, placement_strategy_fields, "PlacementStrategy");

static const struct schema_field ebs_tags_fields[] = {
	{ .name = "resourceType", .type = SCHEMA_ENUM, .flags = SCHEMA_UNBOUND | SCHEMA_REQUIRED, .names = ebs_resource_names },
	F_UNBOUND(SCHEMA_LIST_STRUCT, "tags", .sub = &tag_schema, .max_len = TAG_SET_MAX),
	F_UNBOUND(SCHEMA_ENUM, "propagateTags", .names = propagate_tags_names),
};
static const struct schema ebs_tags_schema = { "EBSTagSpecification", 0, ebs_tags_fields, ARRAY_SIZE(ebs_tags_fields) };

static const struct schema_field termination_fields[] = {
	F_BOOL(struct ebs_termination_policy, delete_on_termination, "deleteOnTermination", .flags = SCHEMA_REQUIRED),
};
static const struct schema termination_schema =
	SCHEMA(struct ebs_termination_policy, termination_fields, "TaskManagedEBSVolumeTerminationPolicy");

static const struct schema_field managed_ebs_fields[] = {
	F_UNBOUND(SCHEMA_BOOL, "encrypted"),
	F_UNBOUND(SCHEMA_STRING, "kmsKeyId"),
	F_UNBOUND(SCHEMA_STRING, "volumeType"),
	F_INT(struct managed_ebs_volume, size_gib, "sizeInGiB", .min = 1, .max = 65536),
	F_STR(struct managed_ebs_volume, snapshot_id, "snapshotId"),
	F_UNBOUND(SCHEMA_INT, "volumeInitializationRate"),
	F_UNBOUND(SCHEMA_INT, "iops"),
	F_UNBOUND(SCHEMA_INT, "throughput"),
	F_UNBOUND(SCHEMA_LIST_STRUCT, "tagSpecifications", .sub = &ebs_tags_schema),
	F_STR(struct managed_ebs_volume, role_arn, "roleArn", .flags = SCHEMA_REQUIRED),
	F_STRUCT(struct managed_ebs_volume, termination_policy, "terminationPolicy", struct ebs_termination_policy, &termination_schema),
	F_ENUM(struct managed_ebs_volume, filesystem_type, "filesystemType", filesystem_names),
};
static const struct schema managed_ebs_schema =
	SCHEMA(struct managed_ebs_volume, managed_ebs_fields, "TaskManagedEBSVolumeConfiguration");

static const struct schema_field volume_fields[] = {
	F_STR(struct volume_configuration, name, "name", .flags = SCHEMA_REQUIRED),
	F_STRUCT(struct volume_configuration, managed_ebs, "managedEBSVolume", struct managed_ebs_volume, &managed_ebs_schema),
};
static const struct schema volume_schema = SCHEMA(struct volume_configuration, volume_fields, "TaskVolumeConfiguration");

static const struct schema_field run_task_fields[] = {
	F_LIST(struct run_task_in, strategy, "capacityProviderStrategy", struct strategy_item, &strategy_item_schema, .max_len = 20),
	F_STR(struct run_task_in, cluster, "cluster"),
	F_INT(struct run_task_in, count, "count", .min = 1, .max = RUN_TASK_COUNT_MAX),
	F_BOOL(struct run_task_in, enable_managed_tags, "enableECSManagedTags"),
	F_BOOL(struct run_task_in, enable_execute_command, "enableExecuteCommand"),
	F_STR(struct run_task_in, group, "group", .max_len = 255),
	F_ENUM(struct run_task_in, launch_type, "launchType", launch_type_names,
	       .message = "launch type should be one of [EC2,FARGATE,EXTERNAL]"),
	F_STRUCT(struct run_task_in, network, "networkConfiguration", struct network_configuration, &network_schema),
	F_STRUCT(struct run_task_in, overrides, "overrides", struct task_override, &task_override_schema),
	F_LIST(struct run_task_in, placement_constraints, "placementConstraints", struct placement_constraint, &constraint_schema, .max_len = 10),
	F_LIST(struct run_task_in, placement_strategy, "placementStrategy", struct placement_strategy, &placement_strategy_schema, .max_len = 5),
	F_STR(struct run_task_in, platform_version, "platformVersion"),
	F_ENUM(struct run_task_in, propagate_tags, "propagateTags", propagate_tags_names),
	F_STR(struct run_task_in, reference_id, "referenceId", .max_len = 1024),
	F_STR(struct run_task_in, started_by, "startedBy", .max_len = 128, .chars = "A-Za-z0-9_/-"),
	F_TAGS(struct run_task_in, tags),
	F_STR(struct run_task_in, task_definition, "taskDefinition", .flags = SCHEMA_REQUIRED),
	F_STR(struct run_task_in, client_token, "clientToken", .max_len = 64, .chars = "!-~"),
	F_LIST(struct run_task_in, volumes, "volumeConfigurations", struct volume_configuration, &volume_schema),
};
const struct schema run_task_schema = SCHEMA(struct run_task_in, run_task_fields, "RunTaskRequest");
/* clang-format on */

/* What is answered, now and after settling. */
struct run_result {
	const char *cluster;
	size_t n;
	char ids[RUN_TASK_COUNT_MAX][33];
};

static int replay(struct call *c, const struct run_task_in *in, struct run_result *result);
static int remember(struct call *c, const struct run_task_in *in, const struct run_result *result);
static int make_tasks(struct call *c, const struct run_plan *p, struct run_result *result);
static int tag_task(struct call *c, const struct run_plan *p, const char *arn);

int
run_task(struct call *c)
{
	_cleanup_(run_plan_done) struct run_plan plan = { 0 };
	struct run_result *result = arena_alloc(&c->arena, sizeof(*result));
	const struct run_task_in *in = c->args;
	int r;

	c->settle_arg = result;
	r = replay(c, in, result);
	if (r != 0)
		return r < 0 ? r : run_task_answer(c);
	r = run_plan_make(c, &plan);
	if (r == 0)
		r = make_tasks(c, &plan, result);
	if (r == 0)
		r = remember(c, in, result);
	return r == 0 ? run_task_answer(c) : r;
}

static int
make_tasks(struct call *c, const struct run_plan *p, struct run_result *result)
{
	char arn[ARN_MAX];
	int r = 0;

	result->cluster = arena_strdup(&c->arena, p->cluster.name);
	for (size_t i = 0; r == 0 && i < (size_t)p->count; i++) {
		struct store_task t = { 0 };

		task_doc_build(c, p, i, &t);
		r = store_task_insert(c->store, &t, &c->err);
		if (r == 0)
			r = tag_task(c, p, arn_task(arn, &c->scope, t.cluster, t.id));
		if (r == 0) {
			call_wish(c, TASK_WISH_START, t.id);
			memcpy(result->ids[result->n++], t.id, sizeof(t.id));
		}
		store_task_done(&t);
	}
	return r;
}

struct tag_copy {
	struct call *c;
	const char *arn;
	size_t n;
	int r;
};

static int
copy_tag(const char *key, const char *value, void *arg)
{
	struct tag_copy *copy = arg;

	if (has_prefix(key, "aws:"))
		return 0;
	copy->n++;
	copy->r = tag_set_put(copy->c->store, copy->arn, key, value, &copy->c->err);
	return copy->r < 0;
}

/* Tags of the request win over those of the task definition (RunTask.propagateTags). */
static int
tag_task(struct call *c, const struct run_plan *p, const char *arn)
{
	struct tag_copy copy = { .c = c, .arn = arn };
	const struct run_task_in *in = p->in;
	char td_arn[ARN_MAX];
	int r = 0;

	if (in->propagate_tags == PROPAGATE_TASK_DEFINITION) {
		(void)arn_task_definition(td_arn, &c->scope, p->row.family, p->row.revision);
		r = store_tag_list(c->store, td_arn, copy_tag, &copy, &c->err);
		if (r == 0)
			r = copy.r;
	}
	if (r == 0 && in->tags.n > 0)
		r = tag_set_add(c->store, arn, &in->tags, &c->err);
	if (r == 0 && in->enable_managed_tags == TRI_TRUE)
		r = tag_set_put(c->store, arn, "aws:ecs:clusterName", p->cluster.name, &c->err);
	return r;
}

/* --- clientToken: the same token with the same parameters means the same tasks --- */

/* The parameters as text: what a later request with this token is compared with. */
static char *
token_digest(struct call *c)
{
	_cleanup_json_ struct json_object *params = json_copy(c->in);

	json_object_object_del(params, "clientToken");
	return xstrdup(json_print(params));
}

/* Takes "cluster id id …" apart. */
static void
read_result(struct call *c, const char *text, struct run_result *result)
{
	char *copy = arena_strdup(&c->arena, text), *save = NULL;

	result->cluster = strtok_r(copy, " ", &save);
	for (char *id; result->n < RUN_TASK_COUNT_MAX && (id = strtok_r(NULL, " ", &save)) != NULL;)
		(void)snprintf(result->ids[result->n++], sizeof(result->ids[0]), "%s", id);
}

/* 1 if this token was used for the same request: `result` is what it made then. 0 if it is new or
 * there is none. */
static int
replay(struct call *c, const struct run_task_in *in, struct run_result *result)
{
	_cleanup_free_ char *digest = NULL, *old_digest = NULL, *old_result = NULL;
	struct json_object *arns;
	char arn[ARN_MAX];
	int r;

	if (in->client_token == NULL)
		return 0;
	r = store_client_token_get(
	    c->store, &c->scope, "RunTask", in->client_token, &old_digest, &old_result, &c->err);
	if (r != 1)
		return r;
	read_result(c, old_result, result);
	digest = token_digest(c);
	if (streq(digest, old_digest))
		return 1;
	arns = json_object_new_array();
	for (size_t i = 0; i < result->n; i++)
		json_object_array_add(arns, json_object_new_string(arn_task(
						arn, &c->scope, result->cluster, result->ids[i])));
	c->err_members = json_object_new_object();
	json_add(c->err_members, "resourceIds", arns);
	return err_set(&c->err, ERR_CONFLICT,
	    "The provided clientToken is already in use with a different RunTask request.");
}

static int
remember(struct call *c, const struct run_task_in *in, const struct run_result *result)
{
	_cleanup_free_ char *digest = NULL;
	char text[ARN_NAME_MAX + RUN_TASK_COUNT_MAX * 34];
	size_t len;

	if (in->client_token == NULL)
		return 0;
	digest = token_digest(c);
	len = (size_t)snprintf(text, sizeof(text), "%s", result->cluster);
	for (size_t i = 0; i < result->n; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, " %s", result->ids[i]);
	return store_client_token_put(
	    c->store, &c->scope, "RunTask", in->client_token, digest, text, c->now_ms, &c->err);
}

/* --- the reply --- */

bool
run_task_settled(struct call *c)
{
	const struct run_result *result = c->settle_arg;
	bool settled = true;

	for (size_t i = 0; settled && i < result->n; i++) {
		struct store_task t = { 0 };

		/* A task that is gone, or cannot be read, will not settle any better. */
		if (store_task_get(c->store, result->ids[i], &t, NULL) == 1)
			settled = t.last_status == TASK_RUNNING || t.last_status == TASK_STOPPED;
		store_task_done(&t);
	}
	return settled;
}

int
run_task_answer(struct call *c)
{
	const struct run_result *result = c->settle_arg;
	struct json_object *tasks = json_object_new_array();
	char arn[ARN_MAX];
	int r = 0;

	json_add(c->out, "tasks", tasks);
	json_add(c->out, "failures", json_object_new_array());
	for (size_t i = 0; r >= 0 && i < result->n; i++) {
		char *doc = NULL;

		r = store_task_doc(
		    c->store, &c->scope, result->cluster, result->ids[i], &doc, &c->err);
		if (r == 1)
			r = task_doc_add(c, tasks, doc,
			    arn_task(arn, &c->scope, result->cluster, result->ids[i]));
	}
	return r < 0 ? r : 0;
}
