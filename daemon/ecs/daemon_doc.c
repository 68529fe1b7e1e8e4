/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Daemons by ARN, and what is counted of them: the tasks of a revision, provider by provider.
 * Called by the operations on daemons and on their deployments; it changes nothing.
 */
#include "daemon/ecs/daemon.h"

#include "daemon/store/service_task.h"

#include <string.h>

#define STARTED_BY "ecs-svc/"

int
daemon_ref_find(struct call *c, const char *arn, struct store_service *ret)
{
	char cluster[ARN_NAME_MAX], name[ARN_NAME_MAX], id[ARN_ID_MAX];
	int r = arn_resolve_daemon(&c->scope, arn, ARN_DAEMON, cluster, name, id, &c->err);

	if (r == 1)
		r = store_service_get(c->store, &c->scope, cluster, name, ret, &c->err);
	if (r < 0)
		return r;
	if (r == 0 || streq(ret->status, "INACTIVE"))
		return err_set(&c->err, ERR_DAEMON_NOT_FOUND, "Daemon not found.");
	return 0;
}

int
daemon_ref_active(struct call *c, const char *arn, struct store_service *ret)
{
	int r = daemon_ref_find(c, arn, ret);

	if (r == 0 && !streq(ret->status, "ACTIVE"))
		return err_set(&c->err, ERR_DAEMON_NOT_ACTIVE, "Daemon was not ACTIVE.");
	return r;
}

/* --- the tasks of a revision --- */

struct counting {
	struct call *c;
	const char *revision;
	const char *deployment; /* whose tasks are walked */
	const struct daemon_count_names *names;
	struct json_object *providers;
	int64_t running, draining;
	int r;
};

static void
count_provider(struct counting *x, const char *provider, const char *key)
{
	char arn[ARN_MAX];

	if (provider == NULL || key == NULL)
		return;
	(void)arn_capacity_provider(arn, &x->c->scope, provider);
	for (size_t i = 0; i < json_object_array_length(x->providers); i++) {
		struct json_object *o = json_object_array_get_idx(x->providers, i);

		if (streq(json_get_str(o, "arn"), arn))
			json_add_int(o, key, json_get_int(o, key, 0) + 1);
	}
}

static int
on_task(const struct store_service_task *t, void *arg)
{
	struct counting *x = arg;

	if (t->started_by == NULL || !has_prefix(t->started_by, STARTED_BY) ||
	    !streq(t->started_by + strlen(STARTED_BY), x->deployment) ||
	    t->last_status == TASK_STOPPED)
		return 0;
	if (t->desired_stopped || t->draining) {
		x->draining++;
		count_provider(x, t->provider, x->names->draining);
	} else if (t->last_status == TASK_RUNNING) {
		x->running++;
		count_provider(x, t->provider, x->names->running);
	}
	return 0;
}

static int
on_deployment(const struct store_deployment *d, void *arg)
{
	struct counting *x = arg;

	if (!streq(d->revision, x->revision))
		return 0;
	x->deployment = d->id;
	x->r = store_service_task_list(
	    x->c->store, &x->c->scope, d->cluster, d->service, on_task, x, &x->c->err);
	return x->r < 0;
}

/* The providers that the revision names, with nothing counted yet. */
static int
list_providers(struct counting *x, const char *cluster, const char *name)
{
	_cleanup_(store_service_revision_done) struct store_service_revision row = { 0 };
	_cleanup_json_ struct json_object *doc = NULL;
	struct json_object *strategy;
	struct call *c = x->c;
	char arn[ARN_MAX];
	int r = store_service_revision_get(
	    c->store, &c->scope, cluster, name, x->revision, &row, &c->err);

	if (r == 1)
		r = json_parse(row.doc, strlen(row.doc), &doc, &c->err);
	strategy = json_get(doc, "capacityProviderStrategy");
	for (size_t i = 0; strategy != NULL && i < json_object_array_length(strategy); i++) {
		struct json_object *item = json_object_array_get_idx(strategy, i);
		struct json_object *o = json_object_new_object();

		json_add_str(o, "arn",
		    arn_capacity_provider(arn, &c->scope, json_get_str(item, "capacityProvider")));
		json_add_int(o, x->names->running, 0);
		if (x->names->draining != NULL)
			json_add_int(o, x->names->draining, 0);
		json_object_array_add(x->providers, o);
	}
	return r;
}

int
daemon_doc_revision(struct call *c, const char *cluster, const char *name, const char *revision,
    const struct daemon_count_names *names, struct json_object **ret)
{
	struct counting x = { .c = c, .revision = revision, .names = names };
	_cleanup_json_ struct json_object *out = json_object_new_object();
	char arn[ARN_MAX];
	int r;

	x.providers = json_object_new_array();
	json_add_str(out, "arn", arn_service_revision(arn, &c->scope, cluster, name, revision));
	json_add(out, "capacityProviders", x.providers);
	r = list_providers(&x, cluster, name);
	if (r >= 0)
		r = store_deployment_list(
		    c->store, &c->scope, cluster, name, on_deployment, &x, &c->err);
	if (r < 0 || x.r < 0)
		return r < 0 ? r : x.r;
	json_add_int(out, names->total_running, x.running);
	if (names->total_draining != NULL)
		json_add_int(out, names->total_draining, x.draining);
	*ret = TAKE(out);
	return 0;
}

/* --- the newest deployment --- */

static int
on_newest(const struct store_service_deployment *sd, void *arg)
{
	memcpy(arg, sd->id, sizeof(sd->id));
	return 1;
}

int
daemon_doc_add_deployment(struct call *c, const struct store_service *v, struct json_object *out)
{
	const struct store_service_deployment_filter any = { 0 };
	char id[SERVICE_DEPLOYMENT_ID_SIZE] = "", arn[ARN_MAX];
	int r = store_service_deployment_list(
	    c->store, &c->scope, v->cluster, v->name, &any, NULL, 1, on_newest, id, &c->err);

	if (r == 0 && id[0] != '\0')
		json_add_str(out, "deploymentArn",
		    arn_service_deployment(arn, &c->scope, v->cluster, v->name, id));
	return r;
}
