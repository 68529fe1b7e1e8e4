/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DescribeContainerInstances and ListContainerInstances. The table that names them is in
 * container_instance.c; what an instance prints is for container_instance_doc.c.
 */
#include "daemon/ecs/container_instance_doc.h"

#include "daemon/arn.h"
#include "daemon/ecs/cluster_ref.h"
#include "daemon/page.h"

#define DESCRIBE_MAX 100
#define LIST_MAX 100

struct describe_in {
	const char *cluster;
	struct str_list instances;
	struct str_list include;
};
struct list_in {
	const char *cluster;
	const char *filter;
	const char *token;
	struct opt_int limit;
	int status;
};

/* clang-format off */
static const char *const include_names[] = { NULL, "TAGS", "CONTAINER_INSTANCE_HEALTH", NULL };
static const char *const status_names[] = {
	NULL, "ACTIVE", "DRAINING", "REGISTERING", "DEREGISTERING", "REGISTRATION_FAILED", NULL,
};

static const struct schema_field describe_fields[] = {
	F_STR(struct describe_in, cluster, "cluster"),
	F_STRS(struct describe_in, instances, "containerInstances", .flags = SCHEMA_REQUIRED,
	       .message = "Container Instances cannot be empty."),
	F_ENUMS(struct describe_in, include, "include", include_names),
};
const struct schema describe_container_instances_schema =
	SCHEMA(struct describe_in, describe_fields, "DescribeContainerInstancesRequest");

static const struct schema_field list_fields[] = {
	F_STR(struct list_in, cluster, "cluster"),
	F_STR(struct list_in, filter, "filter"),
	F_STR(struct list_in, token, "nextToken"),
	F_INT(struct list_in, limit, "maxResults", .min = 1, .max = LIST_MAX),
	F_ENUM(struct list_in, status, "status", status_names),
};
const struct schema list_container_instances_schema =
	SCHEMA(struct list_in, list_fields, "ListContainerInstancesRequest");
/* clang-format on */

static void
add_missing(struct json_object *failures, const char *arn)
{
	struct json_object *failure = json_object_new_object();

	json_add_str(failure, "arn", arn);
	json_add_str(failure, "reason", "MISSING");
	json_object_array_add(failures, failure);
}

static int
describe_one(struct call *c, const char *cluster, const char *given, unsigned include,
    struct json_object *list, struct json_object *failures)
{
	_cleanup_container_instance_ struct store_container_instance row = { 0 };
	struct json_object *instance = NULL;
	int r = container_instance_find(c, cluster, given, &row);

	if (r == 0)
		add_missing(failures, container_instance_given_arn(c, cluster, given));
	if (r <= 0)
		return r;
	r = container_instance_print(c, &row, include, &instance);
	if (r == 0)
		json_object_array_add(list, instance);
	return r;
}

int
describe_container_instances(struct call *c)
{
	const struct describe_in *in = c->args;
	struct json_object *list = json_object_new_array(), *failures = json_object_new_array();
	char cluster[ARN_NAME_MAX];
	unsigned include = 0;
	int r;

	json_add(c->out, "containerInstances", list);
	json_add(c->out, "failures", failures);
	if (in->instances.n == 0)
		return err_set(
		    &c->err, ERR_INVALID_PARAMETER, "Container Instances cannot be empty.");
	if (in->instances.n > DESCRIBE_MAX)
		return err_set(&c->err, ERR_INVALID_PARAMETER,
		    "Container Instances cannot have more than %d elements.", DESCRIBE_MAX);
	for (size_t i = 0; i < in->include.n; i++)
		include |= streq(in->include.v[i], "TAGS") ? INSTANCE_INCLUDE_TAGS
							   : INSTANCE_INCLUDE_HEALTH;
	r = cluster_ref_resolve_name(c, in->cluster, cluster);
	for (size_t i = 0; r == 0 && i < in->instances.n; i++)
		r = describe_one(c, cluster, in->instances.v[i], include, list, failures);
	return r;
}

struct list_walk {
	struct call *c;
	const char *status; /* NULL: all but INACTIVE */
	const struct cql *filter;
	struct page page;
	struct json_object *arns;
	int r;
};

/* 1, 0, or a negative errno. */
static int
is_listed(struct list_walk *w, const struct store_container_instance *row)
{
	_cleanup_json_ struct json_object *doc = NULL;
	int r;

	if (w->status != NULL ? !streq(row->status, w->status) : streq(row->status, "INACTIVE"))
		return 0;
	if (w->filter == NULL)
		return 1;
	r = container_instance_parse(w->c, row, &doc);
	return r < 0 ? r : container_instance_matches(w->c, w->filter, row, doc);
}

static int
on_listed(const struct store_container_instance *row, void *arg)
{
	struct list_walk *w = arg;
	char arn[ARN_MAX];

	w->r = is_listed(w, row);
	if (w->r <= 0)
		return w->r < 0;
	if (!page_take(&w->page, row->id))
		return 1;
	json_object_array_add(w->arns, json_object_new_string(arn_container_instance(
					   arn, &w->c->scope, row->cluster, row->id)));
	return 0;
}

int
list_container_instances(struct call *c)
{
	const struct list_in *in = c->args;
	struct list_walk w = {
		.c = c, .status = status_names[in->status], .arns = json_object_new_array()
	};
	_cleanup_cql_ struct cql *filter = NULL;
	char cluster[ARN_NAME_MAX];
	int r;

	json_add(c->out, "containerInstanceArns", w.arns);
	r = cluster_ref_resolve_name(c, in->cluster, cluster);
	if (r == 0 && in->filter != NULL && in->filter[0] != '\0')
		r = cql_parse(in->filter, &c->arena, ERR_INVALID_PARAMETER, &filter, &c->err);
	if (r == 0)
		r = page_begin(&w.page, c->op->name, in->token,
		    in->limit.set ? (int)in->limit.v : LIST_MAX, &c->err);
	if (r < 0)
		return r;
	w.filter = filter;
	r = store_container_instance_list(
	    c->store, &c->scope, cluster, page_after(&w.page), -1, on_listed, &w, &c->err);
	if (r == 0 && w.r < 0)
		r = w.r;
	if (r == 0)
		page_finish(&w.page, c->op->name, &c->arena, c->out);
	return r;
}
