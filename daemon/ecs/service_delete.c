/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DeleteService, and what DeleteCluster does with services that are left. The scheduler stops the
 * tasks and makes the service INACTIVE; one that has none is INACTIVE at once.
 */
#include "daemon/ecs/service_delete.h"

#include "daemon/ecs/cluster_ref.h"
#include "daemon/ecs/service.h"
#include "daemon/ecs/service_deploy.h"

#include <stdio.h>
#include <string.h>

/* What stands against deleting without force. */
struct obstacle {
	int64_t task_sets; /* tasks that they ask for */
};

static int
on_deployment(const struct store_deployment *d, void *arg)
{
	struct obstacle *o = arg;

	if (d->task_set && !streq(d->status, "DRAINING"))
		o->task_sets += d->desired_count;
	return 0;
}

static int
check_scale(struct call *c, const struct store_service *v)
{
	struct obstacle o = { 0 };
	int r;

	if (streq(v->scheduling, "DAEMON"))
		return 0;
	r = store_deployment_list(
	    c->store, &c->scope, v->cluster, v->name, on_deployment, &o, &c->err);
	if (r == 0 && (v->desired_count > 0 || o.task_sets > 0))
		return err_set(&c->err, ERR_INVALID_PARAMETER,
		    "The service cannot be stopped while it is scaled above 0.");
	return r;
}

static int
on_task(const struct store_task *t, void *arg)
{
	(void)t;
	*(bool *)arg = true;
	return 1;
}

/* Deployments and task sets want nothing any more; what was rolling out is over. */
struct ending {
	struct call *c;
	int r;
};

static int
stop_roll_out(struct call *c, const struct store_deployment *d)
{
	_cleanup_(store_service_deployment_done) struct store_service_deployment sd = { 0 };
	int r = store_service_deployment_get(
	    c->store, &c->scope, d->cluster, d->service, d->service_deployment, &sd, &c->err);

	if (r <= 0 || !service_deploy_is_open(&sd))
		return r < 0 ? r : 0;
	(void)snprintf(sd.status, sizeof(sd.status), "STOPPED");
	free(sd.status_reason);
	sd.status_reason = xstrdup("The service was deleted.");
	sd.stopped_at_ms = sd.finished_at_ms = sd.updated_at_ms = c->now_ms;
	return store_service_deployment_put(c->store, &sd, &c->err);
}

static int
end_one(const struct store_deployment *d, void *arg)
{
	struct ending *x = arg;
	struct store_deployment changed = *d; /* borrows what it points to */
	struct call *c = x->c;

	changed.desired_count = 0;
	changed.scale = 0;
	changed.updated_at_ms = c->now_ms;
	if (d->task_set)
		(void)snprintf(changed.status, sizeof(changed.status), "DRAINING");
	else
		x->r = stop_roll_out(c, d);
	if (x->r == 0)
		x->r = store_deployment_put(c->store, &changed, &c->err);
	return x->r < 0;
}

static int
end_deployments(struct call *c, const struct store_service *v)
{
	struct ending x = { .c = c };
	int r =
	    store_deployment_list(c->store, &c->scope, v->cluster, v->name, end_one, &x, &c->err);

	return r < 0 ? r : x.r;
}

static int
end_service(const struct store_service *v, void *arg)
{
	struct ending *x = arg;
	struct store_service changed = *v; /* borrows what it points to */
	struct call *c = x->c;

	x->r = end_deployments(c, v);
	changed.desired_count = 0;
	(void)snprintf(changed.status, sizeof(changed.status), "INACTIVE");
	changed.inactive_at_ms = c->now_ms;
	if (x->r == 0)
		x->r = store_service_put(c->store, &changed, &c->err);
	return x->r < 0;
}

int
service_delete_all(struct call *c, const char *cluster)
{
	const struct store_service_filter f = { .cluster = cluster };
	struct ending x = { .c = c };
	int r = store_service_list(c->store, &c->scope, &f, NULL, -1, end_service, &x, &c->err);

	return r < 0 ? r : x.r;
}

int
service_delete_row(struct call *c, struct store_service *v)
{
	bool has_tasks = false;
	int r = end_deployments(c, v);

	if (r == 0)
		r = store_task_list_service(
		    c->store, &c->scope, v->cluster, v->name, on_task, &has_tasks, &c->err);
	if (r < 0)
		return r;
	v->desired_count = 0;
	(void)snprintf(v->status, sizeof(v->status), "%s", has_tasks ? "DRAINING" : "INACTIVE");
	v->inactive_at_ms = has_tasks ? 0 : c->now_ms;
	r = store_service_put(c->store, v, &c->err);
	if (r == 0 && has_tasks)
		call_wish_service(c, v->cluster, v->name);
	return r;
}

/* DRAINING is answered as it is, INACTIVE is not known any more. */
int
delete_service(struct call *c)
{
	const struct delete_service_in *in = c->args;
	_cleanup_service_ struct store_service v = { 0 };
	char cluster[256];
	int r = cluster_ref_resolve_name(c, in->cluster, cluster);

	if (r == 0)
		r = service_ref_find(c, cluster, in->service, &v);
	if (r < 0)
		return r;
	if (streq(v.status, "INACTIVE"))
		return err_set(&c->err, ERR_SERVICE_NOT_FOUND, "Service not found.");
	if (streq(v.status, "ACTIVE")) {
		r = in->force == TRI_TRUE ? 0 : check_scale(c, &v);
		if (r == 0)
			r = service_delete_row(c, &v);
	}
	return r < 0 ? r : service_doc_reply(c, v.cluster, v.name);
}
