/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a service looks like to DescribeServices: its settings, what is counted from its tasks, its
 * deployments or task sets, its events. Called by the service and task set operations; it changes
 * nothing.
 */
#include "daemon/arn.h"
#include "daemon/ecs/service.h"
#include "daemon/ecs/service_deploy.h"

#include <string.h>

#define STARTED_BY "ecs-svc/"

/* What only revisions and deployments print. */
static const char *const hidden[] = { "serviceConnectConfiguration", "volumeConfigurations",
	"vpcLatticeConfigurations", "monitoring" };

/* --- counts --- */

struct counting {
	const char *id; /* NULL: any */
	struct task_numbers n;
};

static int
on_count(const struct store_task_service_count *n, void *arg)
{
	struct counting *x = arg;

	if (x->id != NULL && (n->started_by == NULL || !has_prefix(n->started_by, STARTED_BY) ||
				 !streq(n->started_by + strlen(STARTED_BY), x->id)))
		return 0;
	x->n.running += n->running;
	x->n.pending += n->pending;
	return 0;
}

int
service_doc_count(struct call *c, const char *cluster, const char *service, const char *id,
    struct task_numbers *ret)
{
	struct counting x = { .id = id };
	int r =
	    store_task_count_service(c->store, &c->scope, cluster, service, on_count, &x, &c->err);

	if (r == 0)
		*ret = x.n;
	return r;
}

/* --- deployments and task sets --- */

struct listing {
	struct call *c;
	struct json_object *deployments;
	struct json_object *task_sets;
	struct json_object *revisions; /* currentServiceRevisions */
	char current[ARN_MAX];         /* currentServiceDeployment, "" */
	bool with_tags;
	int r;
};

static void
print_deployment(const struct store_deployment *d, const struct task_numbers *n,
    struct json_object *doc, struct json_object *list)
{
	struct json_object *o = json_object_new_object();
	char id[sizeof(STARTED_BY) + DEPLOYMENT_ID_SIZE] = STARTED_BY;

	(void)stpcpy(id + strlen(STARTED_BY), d->id);
	json_add_str(o, "id", id);
	json_add_str(o, "status", d->status);
	json_add_int(o, "desiredCount", d->desired_count);
	json_add_int(o, "pendingCount", n->pending);
	json_add_int(o, "runningCount", n->running);
	json_add_int(o, "failedTasks", d->failed_tasks);
	json_add_time(o, "createdAt", d->created_at_ms);
	json_add_time(o, "updatedAt", d->updated_at_ms);
	json_add_str(o, "rolloutState", d->rollout_state);
	json_add_str(o, "rolloutStateReason", d->rollout_reason);
	json_object_object_foreach(doc, key, value)
	{
		json_add(o, key, json_object_get(value));
	}
	json_object_array_add(list, o);
}

static struct json_object *
find_revision(struct json_object *list, const char *arn)
{
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *o = json_object_array_get_idx(list, i);

		if (streq(json_get_str(o, "arn"), arn))
			return o;
	}
	return NULL;
}

/* Deployments of the same revision are one here. */
static void
add_revision(struct listing *l, const struct store_deployment *d, const struct task_numbers *n)
{
	char arn[ARN_MAX];
	struct json_object *o;

	(void)arn_service_revision(arn, &l->c->scope, d->cluster, d->service, d->revision);
	o = find_revision(l->revisions, arn);
	if (o == NULL) {
		o = json_object_new_object();
		json_add_str(o, "arn", arn);
		json_object_array_add(l->revisions, o);
	}
	json_add_int(
	    o, "requestedTaskCount", json_get_int(o, "requestedTaskCount", 0) + d->desired_count);
	json_add_int(o, "runningTaskCount", json_get_int(o, "runningTaskCount", 0) + n->running);
	json_add_int(o, "pendingTaskCount", json_get_int(o, "pendingTaskCount", 0) + n->pending);
}

static int
note_service_deployment(struct listing *l, const struct store_deployment *d)
{
	_cleanup_(store_service_deployment_done) struct store_service_deployment sd = { 0 };
	struct call *c = l->c;
	int r;

	if (!streq(d->status, "PRIMARY") || d->service_deployment[0] == '\0')
		return 0;
	r = store_service_deployment_get(
	    c->store, &c->scope, d->cluster, d->service, d->service_deployment, &sd, &c->err);
	if (r == 1 && service_deploy_is_open(&sd))
		(void)arn_service_deployment(l->current, &c->scope, d->cluster, d->service, sd.id);
	return r < 0 ? r : 0;
}

static int
list_one(struct listing *l, const struct store_deployment *d)
{
	_cleanup_json_ struct json_object *doc = NULL;
	struct json_object *set = NULL;
	struct task_numbers n = { 0 };
	struct call *c = l->c;
	int r = service_doc_count(c, d->cluster, d->service, d->id, &n);

	if (r == 0 && d->task_set) {
		r = service_doc_print_task_set(c, d, &n, l->with_tags, &set);
		if (r == 0)
			json_object_array_add(l->task_sets, set);
		return r;
	}
	if (r == 0)
		r = json_parse(d->doc, strlen(d->doc), &doc, &c->err);
	if (r == 0)
		r = note_service_deployment(l, d);
	if (r < 0)
		return r;
	print_deployment(d, &n, doc, l->deployments);
	add_revision(l, d, &n);
	return 0;
}

static int
on_deployment(const struct store_deployment *d, void *arg)
{
	struct listing *l = arg;

	l->r = list_one(l, d);
	return l->r < 0;
}

int
service_doc_print_task_set(struct call *c, const struct store_deployment *d,
    const struct task_numbers *n, bool with_tags, struct json_object **ret)
{
	_cleanup_json_ struct json_object *out = NULL;
	struct json_object *scale = json_object_new_object(), *tags = NULL;
	int r = json_parse(d->doc, strlen(d->doc), &out, &c->err);

	json_add(scale, "value", json_object_new_double(d->scale));
	json_add_str(scale, "unit", "PERCENT");
	if (r == 0 && with_tags)
		r = tag_set_read(c->store, json_get_str(out, "taskSetArn"), &tags, &c->err);
	if (r < 0) {
		json_object_put(scale);
		return r;
	}
	json_add_str(out, "status", d->status);
	json_add_int(out, "computedDesiredCount", d->desired_count);
	json_add_int(out, "pendingCount", n->pending);
	json_add_int(out, "runningCount", n->running);
	json_add_time(out, "createdAt", d->created_at_ms);
	json_add_time(out, "updatedAt", d->updated_at_ms);
	json_add(out, "scale", scale);
	json_add_str(out, "stabilityStatus", d->stability_status);
	json_add_time(out, "stabilityStatusAt", d->stability_at_ms);
	json_add(out, "tags", tags != NULL ? tags : json_object_new_array());
	*ret = TAKE(out);
	return 0;
}

/* An INACTIVE service has neither deployments nor task sets any more. */
static int
add_deployments(
    struct call *c, const struct store_service *v, bool with_tags, struct json_object *out)
{
	struct listing l = { .c = c,
		.deployments = json_object_new_array(),
		.task_sets = json_object_new_array(),
		.revisions = json_object_new_array(),
		.with_tags = with_tags };
	bool of_ecs = streq(v->controller, "ECS");
	int r = 0;

	if (!streq(v->status, "INACTIVE"))
		r = store_deployment_list(
		    c->store, &c->scope, v->cluster, v->name, on_deployment, &l, &c->err);
	if (r == 0)
		r = l.r;
	json_add(out, "deployments", l.deployments);
	if (of_ecs)
		json_object_put(l.task_sets);
	else
		json_add(out, "taskSets", l.task_sets);
	if (of_ecs && json_object_array_length(l.revisions) > 0)
		json_add(out, "currentServiceRevisions", l.revisions);
	else
		json_object_put(l.revisions);
	if (l.current[0] != '\0')
		json_add_str(out, "currentServiceDeployment", l.current);
	return r;
}

/* --- events --- */

static int
on_event(const char *id, int64_t created_at_ms, const char *message, void *arg)
{
	struct json_object *list = arg, *o = json_object_new_object();

	json_add_str(o, "id", id);
	json_add_time(o, "createdAt", created_at_ms);
	json_add_str(o, "message", message);
	json_object_array_add(list, o);
	return 0;
}

static int
add_events(struct call *c, const struct store_service *v, struct json_object *out)
{
	struct json_object *list = json_object_new_array();

	json_add(out, "events", list);
	return store_service_event_list(
	    c->store, &c->scope, v->cluster, v->name, on_event, list, &c->err);
}

/* --- the whole --- */

int
service_doc_print(
    struct call *c, const struct store_service *v, bool with_tags, struct json_object **ret)
{
	_cleanup_json_ struct json_object *out = NULL;
	struct json_object *tags = NULL;
	struct task_numbers n = { 0 };
	char arn[ARN_MAX];
	int r = json_parse(v->doc, strlen(v->doc), &out, &c->err);

	if (r == 0)
		r = service_doc_count(c, v->cluster, v->name, NULL, &n);
	if (r < 0)
		return r;
	for (size_t i = 0; i < ARRAY_SIZE(hidden); i++)
		json_object_object_del(out, hidden[i]);
	json_add_str(out, "status", v->status);
	json_add_int(out, "desiredCount", v->desired_count);
	json_add_int(out, "runningCount", n.running);
	json_add_int(out, "pendingCount", n.pending);
	json_add_time(out, "createdAt", v->created_at_ms);
	r = add_deployments(c, v, with_tags, out);
	if (r == 0)
		r = add_events(c, v, out);
	if (r == 0 && with_tags)
		r = tag_set_read(
		    c->store, arn_service(arn, &c->scope, v->cluster, v->name), &tags, &c->err);
	if (r < 0)
		return r;
	if (tags != NULL)
		json_add(out, "tags", tags);
	*ret = TAKE(out);
	return 0;
}

int
service_doc_reply(struct call *c, const char *cluster, const char *service)
{
	_cleanup_service_ struct store_service v = { 0 };
	struct json_object *o = NULL;
	int r = store_service_get(c->store, &c->scope, cluster, service, &v, &c->err);

	if (r == 0)
		return err_set(&c->err, ERR_SERVICE_NOT_FOUND, "Service not found.");
	if (r > 0)
		r = service_doc_print(c, &v, true, &o);
	if (r == 0)
		json_add(c->out, "service", o);
	return r;
}
