/* SPDX-License-Identifier: Apache-2.0 */
/*
 * New task sets and their share of a service's desired count. Called by CreateTaskSet and by the
 * service operations; who else may change a task set is in task_set.c.
 */
#include "daemon/arn.h"
#include "daemon/ecs/service.h"
#include "daemon/ecs/service_deploy.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

int64_t
task_set_count(int64_t desired_count, double scale)
{
	/* A hair less, so that 3 of 10 is 30 % and not 4. */
	return (int64_t)ceil((double)desired_count * scale / 100 - 1e-9);
}

static struct json_object *
list_of(struct json_object *settings, const char *member)
{
	struct json_object *list = json_get(settings, member);

	return list != NULL ? json_object_get(list) : json_object_new_array();
}

static char *
print_doc(const struct store_deployment *d, const struct task_set_ask *ask)
{
	_cleanup_json_ struct json_object *doc = json_object_new_object();
	char id[64], arn[ARN_MAX];

	(void)snprintf(id, sizeof(id), "ecs-svc/%s", d->id);
	json_add_str(doc, "id", id);
	json_add_str(
	    doc, "taskSetArn", arn_task_set(arn, &d->scope, d->cluster, d->service, d->id));
	json_add_str(doc, "serviceArn", arn_service(arn, &d->scope, d->cluster, d->service));
	json_add_str(doc, "clusterArn", arn_cluster(arn, &d->scope, d->cluster));
	json_add_str(doc, "externalId", ask->external_id);
	service_deploy_add_members(doc, ask->settings);
	json_add(doc, "loadBalancers", list_of(ask->settings, "loadBalancers"));
	json_add(doc, "serviceRegistries", list_of(ask->settings, "serviceRegistries"));
	return xstrdup(json_print(doc));
}

int
task_set_make(struct call *c, const struct store_service *v, const struct task_set_ask *ask,
    char ret_id[static DEPLOYMENT_ID_SIZE])
{
	_cleanup_(store_deployment_done) struct store_deployment d = { .scope = c->scope,
		.task_set = true,
		.scale = ask->scale,
		.desired_count = task_set_count(v->desired_count, ask->scale),
		.stability_status = "STABILIZING",
		.stability_at_ms = c->now_ms,
		.created_at_ms = c->now_ms,
		.updated_at_ms = c->now_ms };
	int r;

	memcpy(d.cluster, v->cluster, sizeof(d.cluster));
	memcpy(d.service, v->name, sizeof(d.service));
	service_deploy_new_id(d.id);
	(void)snprintf(d.status, sizeof(d.status), "%s", ask->status);
	d.doc = print_doc(&d, ask);
	r = store_deployment_put(c->store, &d, &c->err);
	if (r == 0) {
		call_wish_service(c, v->cluster, v->name);
		memcpy(ret_id, d.id, sizeof(d.id));
	}
	return r;
}

struct scaling {
	struct call *c;
	int64_t desired_count;
	int r;
};

static int
scale_one(const struct store_deployment *d, void *arg)
{
	struct scaling *x = arg;
	struct store_deployment changed = *d; /* borrows what it points to */
	struct call *c = x->c;

	changed.desired_count = task_set_count(x->desired_count, d->scale);
	if (!d->task_set || changed.desired_count == d->desired_count)
		return 0;
	changed.updated_at_ms = c->now_ms;
	x->r = store_deployment_put(c->store, &changed, &c->err);
	return x->r < 0;
}

int
task_set_scale_all(struct call *c, const struct store_service *v)
{
	struct scaling x = { .c = c, .desired_count = v->desired_count };
	int r =
	    store_deployment_list(c->store, &c->scope, v->cluster, v->name, scale_one, &x, &c->err);

	return r < 0 ? r : x.r;
}
