/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DescribeServices, ListServices, ListServicesByNamespace.
 */
#include "daemon/arn.h"
#include "daemon/ecs/cluster_ref.h"
#include "daemon/ecs/service.h"
#include "daemon/page.h"

#include <stdio.h>
#include <string.h>

#define DESCRIBE_MAX 10
#define LIST_DEFAULT 10
#define CLUSTERS_MAX 10000 /* that are looked at for a namespace */

/* --- DescribeServices --- */

static int
describe_one(struct call *c, const char *cluster, const char *given, bool with_tags,
    struct json_object *services, struct json_object *failures)
{
	_cleanup_service_ struct store_service v = { 0 };
	char name[ARN_NAME_MAX], arn[ARN_MAX];
	struct json_object *o = NULL;
	int r = arn_resolve_service(&c->scope, cluster, given, name, &c->err);

	if (r == 1)
		r = store_service_get(c->store, &c->scope, cluster, name, &v, &c->err);
	if (r == 1)
		r = service_doc_print(c, &v, with_tags, &o);
	else if (r == 0)
		task_failure_add(failures,
		    has_prefix(given, "arn:") ? given : arn_service(arn, &c->scope, cluster, given),
		    "MISSING");
	if (o != NULL)
		json_object_array_add(services, o);
	return r;
}

int
describe_services(struct call *c)
{
	const struct describe_services_in *in = c->args;
	struct json_object *services = json_object_new_array(), *failures = json_object_new_array();
	char cluster[ARN_NAME_MAX];
	int r;

	json_add(c->out, "services", services);
	json_add(c->out, "failures", failures);
	if (in->services.n == 0)
		return err_set(&c->err, ERR_INVALID_PARAMETER, "Services cannot be empty.");
	if (in->services.n > DESCRIBE_MAX)
		return err_set(&c->err, ERR_INVALID_PARAMETER,
		    "Services cannot have more than %d elements.", DESCRIBE_MAX);
	r = cluster_ref_resolve_name(c, in->cluster, cluster);
	for (size_t i = 0; r == 0 && i < in->services.n; i++)
		r = describe_one(
		    c, cluster, in->services.v[i], in->include.n > 0, services, failures);
	return r;
}

/* --- lists --- */

struct listing {
	struct call *c;
	struct page page;
	struct json_object *arns;
};

static int
list_one(const struct store_service *v, void *arg)
{
	struct listing *l = arg;
	char key[PAGE_KEY_MAX], arn[ARN_MAX];

	(void)snprintf(key, sizeof(key), "%s/%s", v->cluster, v->name);
	if (!page_take(&l->page, key))
		return 1;
	json_object_array_add(
	    l->arns, json_object_new_string(arn_service(arn, &l->c->scope, v->cluster, v->name)));
	return 0;
}

static int
list(struct listing *l, const struct store_service_filter *f)
{
	const struct list_services_in *in = l->c->args;
	struct call *c = l->c;
	int r = page_begin(&l->page, c->op->name, in->token,
	    in->limit.set ? (int)in->limit.v : LIST_DEFAULT, &c->err);

	if (r == 0)
		r = store_service_list(c->store, &c->scope, f, page_after(&l->page),
		    l->page.limit + 1, list_one, l, &c->err);
	if (r == 0)
		page_finish(&l->page, c->op->name, &c->arena, c->out);
	return r;
}

int
list_services(struct call *c)
{
	const struct list_services_in *in = c->args;
	struct listing l = { .c = c, .arns = json_object_new_array() };
	char cluster[ARN_NAME_MAX];
	const struct store_service_filter f = { .cluster = cluster,
		.launch_type = launch_type_names[in->launch_type],
		.scheduling = service_scheduling_names[in->scheduling],
		.management = service_management_names[in->management] };
	int r;

	json_add(c->out, "serviceArns", l.arns);
	r = cluster_ref_resolve_name(c, in->cluster, cluster);
	return r < 0 ? r : list(&l, &f);
}

struct namespace_search {
	struct call *c;
	const char *namespace;
	bool found;
};

static int
on_cluster(const struct store_cluster *row, void *arg)
{
	struct namespace_search *x = arg;
	_cleanup_json_ struct json_object *doc = NULL;

	if (row->doc != NULL && json_parse(row->doc, strlen(row->doc), &doc, NULL) == 0)
		x->found = streq(json_get_str(json_get(doc, "serviceConnectDefaults"), "namespace"),
		    x->namespace);
	return x->found;
}

/* Without Cloud Map a namespace is what services or clusters call one. */
static int
check_namespace(struct call *c, const char *namespace)
{
	struct namespace_search x = { .c = c, .namespace = namespace };
	int r =
	    store_cluster_list(c->store, &c->scope, NULL, CLUSTERS_MAX, on_cluster, &x, &c->err);

	if (r == 0 && !x.found)
		return err_set(&c->err, ERR_NAMESPACE_NOT_FOUND,
		    "The specified namespace was not found: %.200s", namespace);
	return r;
}

int
list_services_by_namespace(struct call *c)
{
	const struct list_services_in *in = c->args;
	struct listing l = { .c = c, .arns = json_object_new_array() };
	const struct store_service_filter f = { .namespace = in->namespace };
	int r;

	json_add(c->out, "serviceArns", l.arns);
	r = list(&l, &f);
	if (r == 0 && in->token == NULL && json_object_array_length(l.arns) == 0)
		return check_namespace(c, in->namespace);
	return r;
}
