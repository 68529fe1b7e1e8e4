/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ListDaemonDeployments, DescribeDaemonDeployments, DescribeDaemonRevisions. Called by api.c
 * through ecs_daemon_deployment_ops; it prints in a daemon's words what the scheduler has written
 * of its service deployments and service revisions.
 */
#include "daemon/ecs/daemon.h"

#include "daemon/ecs/operations.h"
#include "daemon/ecs/task.h"
#include "daemon/page.h"

#include <string.h>

#define DESCRIBE_MAX 20
#define LIST_DEFAULT 20

struct created_at {
	struct opt_double before;
	struct opt_double after;
};
struct list_in {
	const char *daemon;
	struct str_list status;
	struct created_at *created_at;
	struct opt_int limit;
	const char *token;
};
struct describe_in {
	struct str_list arns;
};

/* clang-format off */
static const char *const status_names[] = { NULL, "PENDING", "SUCCESSFUL", "STOPPED", "STOP_REQUESTED", "IN_PROGRESS",
	"ROLLBACK_IN_PROGRESS", "ROLLBACK_SUCCESSFUL", "ROLLBACK_FAILED", NULL };

static const struct schema_field created_at_fields[] = {
	F_TIME(struct created_at, before, "before"),
	F_TIME(struct created_at, after, "after"),
};
static const struct schema created_at_schema = SCHEMA(struct created_at, created_at_fields, "CreatedAt");

static const struct schema_field list_fields[] = {
	F_STR(struct list_in, daemon, "daemonArn", .flags = SCHEMA_REQUIRED),
	F_ENUMS(struct list_in, status, "status", status_names),
	F_STRUCT(struct list_in, created_at, "createdAt", struct created_at, &created_at_schema),
	F_INT(struct list_in, limit, "maxResults", .min = 1, .max = 100),
	F_STR(struct list_in, token, "nextToken"),
};
static const struct schema list_schema = SCHEMA(struct list_in, list_fields, "ListDaemonDeploymentsRequest");

static const struct schema_field deployment_fields[] = {
	F_STRS(struct describe_in, arns, "daemonDeploymentArns", .flags = SCHEMA_REQUIRED, .min_len = 1, .max_len = DESCRIBE_MAX),
};
static const struct schema deployment_schema =
	SCHEMA(struct describe_in, deployment_fields, "DescribeDaemonDeploymentsRequest");

static const struct schema_field revision_fields[] = {
	F_STRS(struct describe_in, arns, "daemonRevisionArns", .flags = SCHEMA_REQUIRED, .min_len = 1, .max_len = DESCRIBE_MAX),
};
static const struct schema revision_schema =
	SCHEMA(struct describe_in, revision_fields, "DescribeDaemonRevisionsRequest");

static int list_daemon_deployments(struct call *c);
static int describe_daemon_deployments(struct call *c);
static int describe_daemon_revisions(struct call *c);

static const struct op ops[] = {
	{ .name = "DescribeDaemonDeployments", .run = describe_daemon_deployments, .input = &deployment_schema },
	{ .name = "DescribeDaemonRevisions",   .run = describe_daemon_revisions,   .input = &revision_schema },
	{ .name = "ListDaemonDeployments",     .run = list_daemon_deployments,     .input = &list_schema },
};

static const struct daemon_count_names counts = {
	.running        = "runningInstanceCount",
	.total_running  = "totalRunningInstanceCount",
	.draining       = "drainingInstanceCount",
	.total_draining = "totalDrainingInstanceCount",
};
/* clang-format on */
const struct op_table ecs_daemon_deployment_ops = { ops, ARRAY_SIZE(ops) };

/* --- what lists and descriptions have in common --- */

static void
add_record(struct call *c, const struct store_service_deployment *sd, struct json_object *o)
{
	char arn[ARN_MAX];

	json_add_str(o, "daemonDeploymentArn",
	    arn_service_deployment(arn, &c->scope, sd->cluster, sd->service, sd->id));
	json_add_str(o, "clusterArn", arn_cluster(arn, &c->scope, sd->cluster));
	json_add_str(o, "status", sd->status);
	json_add_str(o, "statusReason", sd->status_reason);
	json_add_time(o, "createdAt", sd->created_at_ms);
	json_add_time(o, "startedAt", sd->started_at_ms);
	json_add_time(o, "stoppedAt", sd->stopped_at_ms);
	json_add_time(o, "finishedAt", sd->finished_at_ms);
}

/* --- ListDaemonDeployments --- */

struct listing {
	struct call *c;
	struct page page;
	struct json_object *list;
};

static int
list_one(const struct store_service_deployment *sd, void *arg)
{
	struct listing *l = arg;
	const struct scope *sc = &l->c->scope;
	struct json_object *o;
	char arn[ARN_MAX];

	if (!page_take(&l->page, sd->id))
		return 1;
	o = json_object_new_object();
	add_record(l->c, sd, o);
	json_add_str(o, "daemonArn", arn_service(arn, sc, sd->cluster, sd->service));
	json_add_str(o, "targetDaemonRevisionArn",
	    arn_service_revision(arn, sc, sd->cluster, sd->service, sd->target_revision));
	json_object_array_add(l->list, o);
	return 0;
}

static int64_t
to_ms(const struct opt_double *seconds)
{
	return seconds->set ? (int64_t)(seconds->v * 1000) : 0;
}

static int
list_daemon_deployments(struct call *c)
{
	const struct list_in *in = c->args;
	_cleanup_daemon_ struct store_service v = { 0 };
	struct listing l = { .c = c, .list = json_object_new_array() };
	struct store_service_deployment_filter f = { .statuses = in->status.v,
		.n_statuses = in->status.n };
	int r;

	json_add(c->out, "daemonDeployments", l.list);
	if (in->created_at != NULL) {
		f.after_ms = to_ms(&in->created_at->after);
		f.before_ms = to_ms(&in->created_at->before);
	}
	r = daemon_ref_find(c, in->daemon, &v);
	if (r == 0)
		r = page_begin(&l.page, c->op->name, in->token,
		    in->limit.set ? (int)in->limit.v : LIST_DEFAULT, &c->err);
	if (r == 0)
		r = store_service_deployment_list(c->store, &c->scope, v.cluster, v.name, &f,
		    page_after(&l.page), l.page.limit + 1, list_one, &l, &c->err);
	if (r == 0)
		page_finish(&l.page, c->op->name, &c->arena, c->out);
	return r;
}

/* --- DescribeDaemonDeployments --- */

static void
move(struct json_object *to, const char *to_key, struct json_object *from, const char *key)
{
	struct json_object *v = json_get(from, key);

	if (v != NULL)
		json_add(to, to_key, json_object_get(v));
}

/* The revisions that the deployment replaces, as their ARNs name them. */
static int
add_sources(struct call *c, const struct store_service_deployment *sd, struct json_object *doc,
    struct json_object *out)
{
	struct json_object *from = json_get(doc, "sourceServiceRevisions");
	struct json_object *list = json_object_new_array();
	int r = 0;

	json_add(out, "sourceDaemonRevisions", list);
	for (size_t i = 0; r == 0 && from != NULL && i < json_object_array_length(from); i++) {
		const char *arn = json_get_str(json_object_array_get_idx(from, i), "arn");
		const char *slash = arn != NULL ? strrchr(arn, '/') : NULL;
		struct json_object *o = NULL;

		if (slash == NULL)
			continue;
		r = daemon_doc_revision(c, sd->cluster, sd->service, slash + 1, &counts, &o);
		if (o != NULL)
			json_object_array_add(list, o);
	}
	return r;
}

/* rollback {reason, startedAt, serviceRevisionArn} in a daemon's words. */
static void
add_rollback(struct json_object *doc, struct json_object *target, struct json_object *out)
{
	struct json_object *from = json_get(doc, "rollback"), *o, *providers, *given;

	if (from == NULL)
		return;
	o = json_object_new_object();
	providers = json_object_new_array();
	given = json_get(target, "capacityProviders");
	json_add(out, "rollback", o);
	move(o, "reason", from, "reason");
	move(o, "startedAt", from, "startedAt");
	move(o, "rollbackTargetDaemonRevisionArn", from, "serviceRevisionArn");
	json_add(o, "rollbackCapacityProviders", providers);
	for (size_t i = 0; given != NULL && i < json_object_array_length(given); i++)
		json_object_array_add(providers,
		    json_object_get(json_get(json_object_array_get_idx(given, i), "arn")));
}

/* As it was asked for: the circuit breaker is nobody's choice. */
static void
add_configuration(struct json_object *doc, struct json_object *out)
{
	struct json_object *from = json_get(doc, "deploymentConfiguration");
	struct json_object *configuration =
	    from != NULL ? json_copy(from) : json_object_new_object();

	json_object_object_del(configuration, "deploymentCircuitBreaker");
	json_add(out, "deploymentConfiguration", configuration);
}

static int
print(struct call *c, const struct store_service_deployment *sd, struct json_object **ret)
{
	_cleanup_json_ struct json_object *out = json_object_new_object(), *doc = NULL;
	struct json_object *target = NULL;
	int r = json_parse(sd->doc, strlen(sd->doc), &doc, &c->err);

	if (r == 0)
		r = daemon_doc_revision(
		    c, sd->cluster, sd->service, sd->target_revision, &counts, &target);
	if (r < 0)
		return r;
	add_record(c, sd, out);
	json_add(out, "targetDaemonRevision", target);
	r = add_sources(c, sd, doc, out);
	if (r < 0)
		return r;
	move(out, "circuitBreaker", doc, "deploymentCircuitBreaker");
	move(out, "alarms", doc, "alarms");
	add_rollback(doc, target, out);
	add_configuration(doc, out);
	*ret = TAKE(out);
	return 0;
}

typedef int describe_fn(
    struct call *c, const char *given, struct json_object *list, struct json_object *failures);

static int
describe_all(struct call *c, const char *member, describe_fn *one)
{
	const struct describe_in *in = c->args;
	struct json_object *list = json_object_new_array(), *failures = json_object_new_array();
	int r = 0;

	json_add(c->out, member, list);
	json_add(c->out, "failures", failures);
	for (size_t i = 0; r == 0 && i < in->arns.n; i++)
		r = one(c, in->arns.v[i], list, failures);
	return r;
}

static int
describe_deployment(
    struct call *c, const char *given, struct json_object *list, struct json_object *failures)
{
	_cleanup_(store_service_deployment_done) struct store_service_deployment sd = { 0 };
	char cluster[ARN_NAME_MAX], name[ARN_NAME_MAX], id[ARN_ID_MAX];
	struct json_object *o = NULL;
	int r =
	    arn_resolve_daemon(&c->scope, given, ARN_DAEMON_DEPLOYMENT, cluster, name, id, &c->err);

	if (r == 1)
		r = store_service_deployment_get(
		    c->store, &c->scope, cluster, name, id, &sd, &c->err);
	if (r == 0)
		task_failure_add(failures, given, "MISSING");
	if (r == 1)
		r = print(c, &sd, &o);
	if (o != NULL)
		json_object_array_add(list, o);
	return r < 0 ? r : 0;
}

static int
describe_daemon_deployments(struct call *c)
{
	return describe_all(c, "daemonDeployments", describe_deployment);
}

/* --- DescribeDaemonRevisions --- */

static int
print_revision(struct call *c, const struct store_service_revision *row, struct json_object **ret)
{
	_cleanup_json_ struct json_object *doc = NULL, *out = json_object_new_object();
	const struct scope *sc = &c->scope;
	char arn[ARN_MAX];
	int r = json_parse(row->doc, strlen(row->doc), &doc, &c->err);

	if (r < 0)
		return r;
	json_add_str(out, "daemonRevisionArn",
	    arn_service_revision(arn, sc, row->cluster, row->service, row->id));
	json_add_str(out, "clusterArn", arn_cluster(arn, sc, row->cluster));
	json_add_str(out, "daemonArn", arn_service(arn, sc, row->cluster, row->service));
	move(out, "daemonTaskDefinitionArn", doc, "taskDefinition");
	json_add_time(out, "createdAt", row->created_at_ms);
	move(out, "containerImages", doc, "containerImages");
	json_add_str(out, "propagateTags",
	    streq(json_get_str(doc, "propagateTags"), "SERVICE") ? "DAEMON" : "NONE");
	move(out, "enableECSManagedTags", doc, "enableECSManagedTags");
	move(out, "enableExecuteCommand", doc, "enableExecuteCommand");
	*ret = TAKE(out);
	return 0;
}

static int
describe_revision(
    struct call *c, const char *given, struct json_object *list, struct json_object *failures)
{
	_cleanup_(store_service_revision_done) struct store_service_revision row = { 0 };
	char cluster[ARN_NAME_MAX], name[ARN_NAME_MAX], id[ARN_ID_MAX];
	struct json_object *o = NULL;
	int r =
	    arn_resolve_daemon(&c->scope, given, ARN_DAEMON_REVISION, cluster, name, id, &c->err);

	if (r == 1)
		r = store_service_revision_get(
		    c->store, &c->scope, cluster, name, id, &row, &c->err);
	if (r == 0)
		task_failure_add(failures, given, "MISSING");
	if (r == 1)
		r = print_revision(c, &row, &o);
	if (o != NULL)
		json_object_array_add(list, o);
	return r < 0 ? r : 0;
}

static int
describe_daemon_revisions(struct call *c)
{
	return describe_all(c, "daemonRevisions", describe_revision);
}
