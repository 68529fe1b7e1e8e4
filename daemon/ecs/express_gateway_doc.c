/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an express gateway service looks like: the configurations of the revisions that have a
 * deployment, and where a task answers. It changes nothing.
 */
#include "daemon/ecs/express_gateway.h"

#include "daemon/arn.h"
#include "daemon/store/tag.h"
#include "daemon/store/task.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct printing {
	struct call *c;
	const struct store_service *service;
	struct json_object *configurations;
	const char *endpoint; /* in the arena; NULL: nothing answers */
	int r;
};

/* --- the endpoint --- */

static int
on_task(const struct store_task *t, void *arg)
{
	struct printing *p = arg;
	_cleanup_json_ struct json_object *doc = NULL;
	struct json_object *containers, *bindings, *binding;
	struct err e;

	if (t->last_status != TASK_RUNNING || json_parse(t->doc, strlen(t->doc), &doc, &e) < 0)
		return 0;
	containers = json_get(doc, "containers");
	if (containers == NULL || json_object_array_length(containers) == 0)
		return 0;
	bindings = json_get(json_object_array_get_idx(containers, 0), "networkBindings");
	if (bindings == NULL || json_object_array_length(bindings) == 0)
		return 0;
	binding = json_object_array_get_idx(bindings, 0);
	p->endpoint = arena_printf(&p->c->arena, "http://%s:%" PRId64,
	    json_get_str(binding, "bindIP") != NULL ? json_get_str(binding, "bindIP") : "127.0.0.1",
	    json_get_int(binding, "hostPort", 0));
	return 1;
}

static struct json_object *
print_paths(const struct printing *p)
{
	struct json_object *paths = json_object_new_array(), *one;

	if (p->endpoint == NULL)
		return paths;
	one = json_object_new_object();
	json_add_str(one, "accessType", "PUBLIC");
	json_add_str(one, "endpoint", p->endpoint);
	json_object_array_add(paths, one);
	return paths;
}

/* --- configurations --- */

/* 1, 0 where the revision has none, or a negative errno. */
static int
print_configuration(struct printing *p, const char *revision, struct json_object **ret)
{
	_cleanup_(store_express_gateway_done) struct store_express_gateway row = { 0 };
	const struct store_service *v = p->service;
	struct call *c = p->c;
	char arn[ARN_MAX];
	int r = store_express_gateway_get(
	    c->store, &c->scope, v->cluster, v->name, revision, &row, &c->err);

	if (r > 0 && json_parse(row.doc, strlen(row.doc), ret, &c->err) < 0)
		return err_set(&c->err, ERR_SERVER, "a stored configuration cannot be read");
	if (r <= 0)
		return r;
	json_object_object_del(*ret, "infrastructureRoleArn");
	json_add_str(*ret, "serviceRevisionArn",
	    arn_service_revision(arn, &c->scope, v->cluster, v->name, revision));
	json_add(*ret, "ingressPaths", print_paths(p));
	json_add_time(*ret, "createdAt", row.created_at_ms);
	return 1;
}

static int
on_deployment(const struct store_deployment *d, void *arg)
{
	struct printing *p = arg;
	struct json_object *configuration = NULL;

	p->r = print_configuration(p, d->revision, &configuration);
	if (p->r > 0)
		json_object_array_add(p->configurations, configuration);
	return p->r < 0;
}

static int
begin(struct printing *p)
{
	struct call *c = p->c;

	return store_task_list_service(
	    c->store, &c->scope, p->service->cluster, p->service->name, on_task, p, &c->err);
}

/* --- the service --- */

static void
print_head(struct call *c, const struct store_service *v, struct json_object *o)
{
	struct json_object *status = json_object_new_object();
	char arn[ARN_MAX];

	json_add_str(o, "cluster", v->cluster);
	json_add_str(o, "serviceName", v->name);
	json_add_str(o, "serviceArn", arn_service(arn, &c->scope, v->cluster, v->name));
	json_add_str(status, "statusCode", v->status);
	json_add(o, "status", status);
}

static int
infrastructure_role(struct call *c, const struct store_service *v, const char **ret)
{
	_cleanup_(store_express_gateway_done) struct store_express_gateway row = { 0 };
	_cleanup_json_ struct json_object *doc = NULL;
	int r = store_express_gateway_get(
	    c->store, &c->scope, v->cluster, v->name, v->revision, &row, &c->err);

	if (r <= 0)
		return r;
	r = json_parse(row.doc, strlen(row.doc), &doc, &c->err);
	if (r == 0)
		*ret = arena_strdup(&c->arena, json_get_str(doc, "infrastructureRoleArn"));
	return r < 0 ? r : 1;
}

int
express_print(
    struct call *c, const struct store_service *v, bool with_tags, struct json_object **ret)
{
	struct printing p = { .c = c, .service = v };
	struct json_object *o, *tags = NULL;
	const char *role = NULL;
	char arn[ARN_MAX];
	int r = infrastructure_role(c, v, &role);

	if (r <= 0)
		return r;
	r = begin(&p);
	if (r == 0 && with_tags)
		r = tag_set_read(
		    c->store, arn_service(arn, &c->scope, v->cluster, v->name), &tags, &c->err);
	if (r < 0)
		return r;
	*ret = o = json_object_new_object();
	p.configurations = json_object_new_array();
	print_head(c, v, o);
	json_add_str(o, "infrastructureRoleArn", role);
	json_add(o, "activeConfigurations", p.configurations);
	if (tags != NULL)
		json_add(o, "tags", tags);
	json_add_time(o, "createdAt", v->created_at_ms);
	json_add_time(o, "updatedAt", v->created_at_ms);
	r = store_deployment_list(
	    c->store, &c->scope, v->cluster, v->name, on_deployment, &p, &c->err);
	if (r < 0 || p.r < 0) {
		json_object_put(TAKE(*ret));
		return r < 0 ? r : p.r;
	}
	return 1;
}

int
express_print_updated(struct call *c, const struct store_service *v, struct json_object **ret)
{
	struct printing p = { .c = c, .service = v };
	struct json_object *o, *target = NULL;
	int r = begin(&p);

	if (r == 0)
		r = print_configuration(&p, v->revision, &target);
	if (r <= 0)
		return r;
	*ret = o = json_object_new_object();
	print_head(c, v, o);
	json_add(o, "targetConfiguration", target);
	json_add_time(o, "createdAt", v->created_at_ms);
	json_add_time(o, "updatedAt", c->now_ms);
	return 1;
}
