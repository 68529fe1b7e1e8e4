/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ListServiceDeployments, DescribeServiceDeployments, DescribeServiceRevisions,
 * StopServiceDeployment, ContinueServiceDeployment. Called by api.c through
 * ecs_service_deployment_ops; what is asked for here is carried out by the scheduler.
 */
#include "daemon/arn.h"
#include "daemon/ecs/cluster_ref.h"
#include "daemon/ecs/operations.h"
#include "daemon/ecs/service.h"
#include "daemon/page.h"

#include <stdio.h>
#include <string.h>

#define DESCRIBE_MAX 20
#define LIST_DEFAULT 20

struct created_at {
	struct opt_double before;
	struct opt_double after;
};
struct list_in {
	const char *service;
	const char *cluster;
	struct str_list status;
	struct created_at *created_at;
	const char *token;
	struct opt_int limit;
};
struct describe_in {
	struct str_list arns;
};
enum stop_type { STOP_UNSET, STOP_ABORT, STOP_ROLLBACK };
struct stop_in {
	const char *arn;
	int type; /* enum stop_type */
};
enum hook_action { HOOK_UNSET, HOOK_ROLLBACK, HOOK_CONTINUE };
struct continue_in {
	const char *arn;
	const char *hook;
	int action; /* enum hook_action */
};

/* clang-format off */
static const char *const status_names[] = { NULL, "PENDING", "SUCCESSFUL", "STOPPED", "STOP_REQUESTED", "IN_PROGRESS",
	"ROLLBACK_REQUESTED", "ROLLBACK_IN_PROGRESS", "ROLLBACK_SUCCESSFUL", "ROLLBACK_FAILED", NULL };
static const char *const stop_names[] = { NULL, "ABORT", "ROLLBACK", NULL };
static const char *const action_names[] = { NULL, "ROLLBACK", "CONTINUE", NULL };

static const struct schema_field created_at_fields[] = {
	F_TIME(struct created_at, before, "before"),
	F_TIME(struct created_at, after, "after"),
};
static const struct schema created_at_schema = SCHEMA(struct created_at, created_at_fields, "CreatedAt");

static const struct schema_field list_fields[] = {
	F_STR(struct list_in, service, "service", .flags = SCHEMA_REQUIRED),
	F_STR(struct list_in, cluster, "cluster"),
	F_ENUMS(struct list_in, status, "status", status_names),
	F_STRUCT(struct list_in, created_at, "createdAt", struct created_at, &created_at_schema),
	F_STR(struct list_in, token, "nextToken"),
	F_INT(struct list_in, limit, "maxResults", .min = 1, .max = 100),
};
static const struct schema list_schema = SCHEMA(struct list_in, list_fields, "ListServiceDeploymentsRequest");

static const struct schema_field describe_fields[] = {
	F_STRS(struct describe_in, arns, "serviceDeploymentArns", .flags = SCHEMA_REQUIRED, .min_len = 1, .max_len = DESCRIBE_MAX),
};
static const struct schema describe_schema =
	SCHEMA(struct describe_in, describe_fields, "DescribeServiceDeploymentsRequest");

static const struct schema_field revision_fields[] = {
	F_STRS(struct describe_in, arns, "serviceRevisionArns", .flags = SCHEMA_REQUIRED, .min_len = 1, .max_len = DESCRIBE_MAX),
};
static const struct schema revision_schema =
	SCHEMA(struct describe_in, revision_fields, "DescribeServiceRevisionsRequest");

static const struct schema_field stop_fields[] = {
	F_STR(struct stop_in, arn, "serviceDeploymentArn", .flags = SCHEMA_REQUIRED),
	F_ENUM(struct stop_in, type, "stopType", stop_names),
};
static const struct schema stop_schema = SCHEMA(struct stop_in, stop_fields, "StopServiceDeploymentRequest");

static const struct schema_field continue_fields[] = {
	F_STR(struct continue_in, arn, "serviceDeploymentArn", .flags = SCHEMA_REQUIRED),
	F_STR(struct continue_in, hook, "hookId", .flags = SCHEMA_REQUIRED),
	F_ENUM(struct continue_in, action, "action", action_names),
};
static const struct schema continue_schema =
	SCHEMA(struct continue_in, continue_fields, "ContinueServiceDeploymentRequest");

static int list_service_deployments(struct call *c);
static int describe_service_deployments(struct call *c);
static int describe_service_revisions(struct call *c);
static int stop_service_deployment(struct call *c);
static int continue_service_deployment(struct call *c);

static const struct op ops[] = {
	{ .name = "ContinueServiceDeployment",  .run = continue_service_deployment,  .input = &continue_schema, .flags = OP_WRITE },
	{ .name = "DescribeServiceDeployments", .run = describe_service_deployments, .input = &describe_schema },
	{ .name = "DescribeServiceRevisions",   .run = describe_service_revisions,   .input = &revision_schema },
	{ .name = "ListServiceDeployments",     .run = list_service_deployments,     .input = &list_schema },
	{ .name = "StopServiceDeployment",      .run = stop_service_deployment,      .input = &stop_schema, .flags = OP_WRITE },
};
/* clang-format on */
const struct op_table ecs_service_deployment_ops = { ops, ARRAY_SIZE(ops) };

/* --- ARNs --- */

/* Takes apart the ARN of something that belongs to a service: {cluster, service, id}. 1, 0 where it
 * is of another account or region, or -EINVAL with c->err filled. */
static int
parse_arn(struct call *c, const char *given, enum arn_type type, struct arn *ret)
{
	if (arn_parse(given, ret) < 0 || ret->type != type || ret->n != 3)
		return err_set(&c->err, ERR_INVALID_PARAMETER,
		    "Invalid identifier: '%.200s' is not the ARN of a %s.", given,
		    arn_type_name(type));
	return arn_in_scope(&c->scope, ret) ? 1 : 0;
}

/* 1, 0, negative errno. */
static int
find(struct call *c, const char *given, struct store_service_deployment *ret)
{
	struct arn a;
	int r = parse_arn(c, given, ARN_SERVICE_DEPLOYMENT, &a);

	if (r == 1)
		r = store_service_deployment_get(
		    c->store, &c->scope, a.part[0], a.part[1], a.part[2], ret, &c->err);
	return r;
}

/* --- ListServiceDeployments --- */

struct listing {
	struct call *c;
	struct page page;
	struct json_object *list;
};

static void
add_arns(struct call *c, const struct store_service_deployment *sd, struct json_object *o)
{
	char arn[ARN_MAX];

	json_add_str(o, "serviceDeploymentArn",
	    arn_service_deployment(arn, &c->scope, sd->cluster, sd->service, sd->id));
	json_add_str(o, "serviceArn", arn_service(arn, &c->scope, sd->cluster, sd->service));
	json_add_str(o, "clusterArn", arn_cluster(arn, &c->scope, sd->cluster));
}

static int
list_one(const struct store_service_deployment *sd, void *arg)
{
	struct listing *l = arg;
	struct json_object *o;
	char arn[ARN_MAX];

	if (!page_take(&l->page, sd->id))
		return 1;
	o = json_object_new_object();
	add_arns(l->c, sd, o);
	json_add_time(o, "startedAt", sd->started_at_ms);
	json_add_time(o, "createdAt", sd->created_at_ms);
	json_add_time(o, "finishedAt", sd->finished_at_ms);
	json_add_str(o, "targetServiceRevisionArn",
	    arn_service_revision(arn, &l->c->scope, sd->cluster, sd->service, sd->target_revision));
	json_add_str(o, "status", sd->status);
	json_add_str(o, "statusReason", sd->status_reason);
	json_object_array_add(l->list, o);
	return 0;
}

static int64_t
to_ms(const struct opt_double *seconds)
{
	return seconds->set ? (int64_t)(seconds->v * 1000) : 0;
}

static int
list_service_deployments(struct call *c)
{
	const struct list_in *in = c->args;
	_cleanup_service_ struct store_service v = { 0 };
	struct listing l = { .c = c, .list = json_object_new_array() };
	struct store_service_deployment_filter f = { .statuses = in->status.v,
		.n_statuses = in->status.n };
	char cluster[ARN_NAME_MAX];
	int r;

	json_add(c->out, "serviceDeployments", l.list);
	if (in->created_at != NULL) {
		f.after_ms = to_ms(&in->created_at->after);
		f.before_ms = to_ms(&in->created_at->before);
	}
	r = cluster_ref_resolve_name(c, in->cluster, cluster);
	if (r == 0)
		r = service_ref_find(c, cluster, in->service, &v);
	if (r == 0)
		r = page_begin(&l.page, c->op->name, in->token,
		    in->limit.set ? (int)in->limit.v : LIST_DEFAULT, &c->err);
	if (r == 0)
		r = store_service_deployment_list(c->store, &c->scope, cluster, v.name, &f,
		    page_after(&l.page), l.page.limit + 1, list_one, &l, &c->err);
	if (r == 0)
		page_finish(&l.page, c->op->name, &c->arena, c->out);
	return r;
}

/* --- DescribeServiceDeployments --- */

/* The tasks of a revision: of all deployments that are made from it. */
struct revision_tasks {
	struct call *c;
	const char *revision;
	int64_t requested;
	struct task_numbers n;
	int r;
};

static int
on_deployment(const struct store_deployment *d, void *arg)
{
	struct revision_tasks *x = arg;
	struct task_numbers n = { 0 };

	if (d->task_set || !streq(d->revision, x->revision))
		return 0;
	x->r = service_doc_count(x->c, d->cluster, d->service, d->id, &n);
	x->requested += d->desired_count;
	x->n.running += n.running;
	x->n.pending += n.pending;
	return x->r < 0;
}

static int
fill_revision(
    struct call *c, const struct store_service_deployment *sd, struct json_object *summary)
{
	const char *arn = json_get_str(summary, "arn");
	const char *slash = arn != NULL ? strrchr(arn, '/') : NULL;
	struct revision_tasks x = { .c = c, .revision = slash != NULL ? slash + 1 : "" };
	int r = store_deployment_list(
	    c->store, &c->scope, sd->cluster, sd->service, on_deployment, &x, &c->err);

	if (r == 0)
		r = x.r;
	json_add_int(summary, "requestedTaskCount", x.requested);
	json_add_int(summary, "runningTaskCount", x.n.running);
	json_add_int(summary, "pendingTaskCount", x.n.pending);
	return r;
}

static int
print(struct call *c, const struct store_service_deployment *sd, struct json_object **ret)
{
	_cleanup_json_ struct json_object *out = NULL;
	struct json_object *target = json_object_new_object(), *sources;
	char arn[ARN_MAX];
	int r = json_parse(sd->doc, strlen(sd->doc), &out, &c->err);

	json_add_str(target, "arn",
	    arn_service_revision(arn, &c->scope, sd->cluster, sd->service, sd->target_revision));
	if (r == 0)
		r = fill_revision(c, sd, target);
	sources = json_get(out, "sourceServiceRevisions");
	for (size_t i = 0; r == 0 && sources != NULL && i < json_object_array_length(sources); i++)
		r = fill_revision(c, sd, json_object_array_get_idx(sources, i));
	if (r < 0) {
		json_object_put(target);
		return r;
	}
	add_arns(c, sd, out);
	json_add_time(out, "createdAt", sd->created_at_ms);
	json_add_time(out, "startedAt", sd->started_at_ms);
	json_add_time(out, "finishedAt", sd->finished_at_ms);
	json_add_time(out, "stoppedAt", sd->stopped_at_ms);
	json_add_time(out, "updatedAt", sd->updated_at_ms);
	json_add(out, "targetServiceRevision", target);
	json_add_str(out, "status", sd->status);
	json_add_str(out, "statusReason", sd->status_reason);
	if (sd->lifecycle_stage[0] != '\0')
		json_add_str(out, "lifecycleStage", sd->lifecycle_stage);
	*ret = TAKE(out);
	return 0;
}

static int
describe_service_deployments(struct call *c)
{
	const struct describe_in *in = c->args;
	struct json_object *list = json_object_new_array(), *failures = json_object_new_array();
	int r = 0;

	json_add(c->out, "serviceDeployments", list);
	json_add(c->out, "failures", failures);
	for (size_t i = 0; r >= 0 && i < in->arns.n; i++) {
		_cleanup_(store_service_deployment_done) struct store_service_deployment sd = { 0 };
		struct json_object *o = NULL;

		r = find(c, in->arns.v[i], &sd);
		if (r == 0)
			task_failure_add(failures, in->arns.v[i], "MISSING");
		if (r == 1)
			r = print(c, &sd, &o);
		if (o != NULL)
			json_object_array_add(list, o);
	}
	return r < 0 ? r : 0;
}

/* --- DescribeServiceRevisions --- */

static int
describe_revision(
    struct call *c, const char *given, struct json_object *list, struct json_object *failures)
{
	_cleanup_(store_service_revision_done) struct store_service_revision row = { 0 };
	struct arn a;
	int r = parse_arn(c, given, ARN_SERVICE_REVISION, &a);

	if (r == 1)
		r = store_service_revision_get(
		    c->store, &c->scope, a.part[0], a.part[1], a.part[2], &row, &c->err);
	if (r == 0)
		task_failure_add(failures, given, "MISSING");
	if (r == 1)
		json_object_array_add(list, json_new_raw(TAKE(row.doc)));
	return r < 0 ? r : 0;
}

static int
describe_service_revisions(struct call *c)
{
	const struct describe_in *in = c->args;
	struct json_object *list = json_object_new_array(), *failures = json_object_new_array();
	int r = 0;

	json_add(c->out, "serviceRevisions", list);
	json_add(c->out, "failures", failures);
	for (size_t i = 0; r == 0 && i < in->arns.n; i++)
		r = describe_revision(c, in->arns.v[i], list, failures);
	return r;
}

/* --- StopServiceDeployment, ContinueServiceDeployment --- */

static int
find_needed(struct call *c, const char *given, struct store_service_deployment *ret)
{
	int r = find(c, given, ret);

	if (r == 0)
		return err_set(&c->err, ERR_SERVICE_DEPLOYMENT_NOT_FOUND,
		    "The specified service deployment was not found.");
	return r < 0 ? r : 0;
}

/* Writes what is asked for; the scheduler does it. */
static int
ask(struct call *c, struct store_service_deployment *sd, const char *status, const char *given)
{
	int r;

	if (status != NULL)
		(void)snprintf(sd->status, sizeof(sd->status), "%s", status);
	sd->updated_at_ms = c->now_ms;
	r = store_service_deployment_put(c->store, sd, &c->err);
	if (r < 0)
		return r;
	call_wish_service(c, sd->cluster, sd->service);
	json_add_str(c->out, "serviceDeploymentArn", given);
	return 0;
}

static int
stop_service_deployment(struct call *c)
{
	const struct stop_in *in = c->args;
	_cleanup_(store_service_deployment_done) struct store_service_deployment sd = { 0 };
	int r = find_needed(c, in->arn, &sd);

	if (r < 0)
		return r;
	if (!streq(sd.status, "PENDING") && !streq(sd.status, "IN_PROGRESS"))
		return err_set(&c->err, ERR_CONFLICT,
		    "The service deployment can not be stopped: its status is %s.", sd.status);
	return ask(
	    c, &sd, in->type == STOP_ABORT ? "STOP_REQUESTED" : "ROLLBACK_REQUESTED", in->arn);
}

static struct json_object *
find_hook(struct json_object *doc, const char *id)
{
	struct json_object *list = json_get(doc, "lifecycleHookDetails");

	for (size_t i = 0; list != NULL && i < json_object_array_length(list); i++) {
		struct json_object *hook = json_object_array_get_idx(list, i);

		if (streq(json_get_str(hook, "hookId"), id))
			return hook;
	}
	return NULL;
}

static int
continue_service_deployment(struct call *c)
{
	const struct continue_in *in = c->args;
	_cleanup_(store_service_deployment_done) struct store_service_deployment sd = { 0 };
	_cleanup_json_ struct json_object *doc = NULL;
	bool back = in->action == HOOK_ROLLBACK;
	struct json_object *hook;
	int r = find_needed(c, in->arn, &sd);

	if (r < 0)
		return r;
	r = sd.doc != NULL ? json_parse(sd.doc, strlen(sd.doc), &doc, &c->err) : 0;
	if (r < 0)
		return r;
	hook = find_hook(doc, in->hook);
	if (hook == NULL)
		return err_set(&c->err, ERR_INVALID_PARAMETER,
		    "The service deployment has no lifecycle hook with the hookId '%.100s'.",
		    in->hook);
	if (!streq(json_get_str(hook, "status"), "AWAITING_ACTION"))
		return err_set(&c->err, ERR_INVALID_PARAMETER,
		    "The lifecycle hook '%.100s' does not wait for an action: its status is %s.",
		    in->hook, json_get_str(hook, "status"));
	json_add_str(hook, "status", back ? "FAILED" : "SUCCEEDED");
	free(sd.doc);
	sd.doc = xstrdup(json_print(doc));
	return ask(c, &sd, back ? "ROLLBACK_REQUESTED" : NULL, in->arn);
}
