/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DescribeTasks and ListTasks. DescribeTasks is what every waiter polls: it hands stored documents
 * through without reading them.
 */
#include "daemon/ecs/task.h"

#include "daemon/arn.h"
#include "daemon/ecs/cluster_ref.h"
#include "daemon/page.h"
#include "daemon/store/service.h"

#include <stdio.h>
#include <string.h>

#define DESCRIBE_MAX 100
#define LIST_MAX 100

struct describe_tasks_in {
	const char *cluster;
	struct str_list tasks;
	struct str_list include;
};

struct list_tasks_in {
	const char *cluster;
	const char *container_instance;
	const char *family;
	const char *next_token;
	struct opt_int max_results;
	const char *started_by;
	const char *service_name;
	int desired_status;
	int launch_type;
	const char *daemon_name;
};
enum desired_status { DESIRED_UNSET, DESIRED_RUNNING, DESIRED_PENDING, DESIRED_STOPPED };

/* clang-format off */
static const char *const include_names[] = { NULL, "TAGS", NULL };
static const char *const desired_status_names[] = { NULL, "RUNNING", "PENDING", "STOPPED", NULL };

static const struct schema_field describe_tasks_fields[] = {
	F_STR(struct describe_tasks_in, cluster, "cluster"),
	F_STRS(struct describe_tasks_in, tasks, "tasks", .flags = SCHEMA_REQUIRED, .message = "Tasks cannot be empty."),
	F_ENUMS(struct describe_tasks_in, include, "include", include_names),
};
const struct schema describe_tasks_schema =
	SCHEMA(struct describe_tasks_in, describe_tasks_fields, "DescribeTasksRequest");

static const struct schema_field list_tasks_fields[] = {
	F_STR(struct list_tasks_in, cluster, "cluster"),
	F_STR(struct list_tasks_in, container_instance, "containerInstance"),
	F_STR(struct list_tasks_in, family, "family"),
	F_STR(struct list_tasks_in, next_token, "nextToken"),
	F_INT(struct list_tasks_in, max_results, "maxResults", .min = 1, .max = LIST_MAX),
	F_STR(struct list_tasks_in, started_by, "startedBy"),
	F_STR(struct list_tasks_in, service_name, "serviceName"),
	F_ENUM(struct list_tasks_in, desired_status, "desiredStatus", desired_status_names),
	F_ENUM(struct list_tasks_in, launch_type, "launchType", launch_type_names),
	F_STR(struct list_tasks_in, daemon_name, "daemonName"),
};
const struct schema list_tasks_schema = SCHEMA(struct list_tasks_in, list_tasks_fields, "ListTasksRequest");
/* clang-format on */

/* A task that is not there: the ARN as it was given, or the one that its id would have. */
static void
add_missing(struct call *c, struct json_object *failures, const char *cluster, const char *given)
{
	char arn[ARN_MAX];

	task_failure_add(failures,
	    has_prefix(given, "arn:") ? given : arn_task(arn, &c->scope, cluster, given),
	    "MISSING");
}

static int
describe_one(struct call *c, const char *cluster, const char *given, bool with_tags,
    struct json_object *tasks, struct json_object *failures)
{
	char id[ARN_ID_MAX], arn[ARN_MAX];
	char *doc = NULL;
	int r = arn_resolve_task(&c->scope, cluster, given, id, &c->err);

	if (r < 0)
		return r;
	if (r == 1)
		r = store_task_doc(c->store, &c->scope, cluster, id, &doc, &c->err);
	if (r < 0)
		return r;
	if (r == 0) {
		add_missing(c, failures, cluster, given);
		return 0;
	}
	return task_doc_add(
	    c, tasks, doc, with_tags ? arn_task(arn, &c->scope, cluster, id) : NULL);
}

int
describe_tasks(struct call *c)
{
	const struct describe_tasks_in *in = c->args;
	struct json_object *tasks = json_object_new_array(), *failures = json_object_new_array();
	char cluster[ARN_NAME_MAX];
	int r;

	json_add(c->out, "tasks", tasks);
	json_add(c->out, "failures", failures);
	if (in->tasks.n == 0)
		return err_set(&c->err, ERR_INVALID_PARAMETER, "Tasks cannot be empty.");
	if (in->tasks.n > DESCRIBE_MAX)
		return err_set(&c->err, ERR_INVALID_PARAMETER,
		    "Tasks cannot have more than %d elements.", DESCRIBE_MAX);
	r = cluster_ref_resolve_name(c, in->cluster, cluster);
	for (size_t i = 0; r == 0 && i < in->tasks.n; i++)
		r = describe_one(c, cluster, in->tasks.v[i], in->include.n > 0, tasks, failures);
	return r;
}

static int
refuse_other_filters(struct call *c, const struct list_tasks_in *in)
{
	if (in->started_by != NULL && (in->family != NULL || in->service_name != NULL ||
					  in->container_instance != NULL || in->launch_type != 0))
		return err_set(&c->err, ERR_INVALID_PARAMETER,
		    "When startedBy is specified, it must be the only filter that is used.");
	return 0;
}

struct listing {
	struct call *c;
	const char *cluster;
	struct page page;
	struct json_object *arns;
};

static int
list_one(const char *id, void *arg)
{
	struct listing *l = arg;
	char arn[ARN_MAX];

	if (!page_take(&l->page, id))
		return 1;
	json_object_array_add(
	    l->arns, json_object_new_string(arn_task(arn, &l->c->scope, l->cluster, id)));
	return 0;
}

static int
check_service(struct call *c, const char *cluster, const char *service)
{
	struct store_service v = { 0 };
	int r = store_service_get(c->store, &c->scope, cluster, service, &v, &c->err);

	store_service_done(&v);
	if (r == 0)
		return err_set(&c->err, ERR_SERVICE_NOT_FOUND, "Service not found.");
	return r < 0 ? r : 0;
}

/* Names the filters; 0 where nothing can pass them. */
static int
make_filter(struct call *c, const struct list_tasks_in *in, const char *cluster,
    struct store_task_filter *f, char instance[static ARN_ID_MAX],
    char service[static ARN_NAME_MAX])
{
	int r;

	*f = (struct store_task_filter){
		.cluster = cluster,
		.family = in->family,
		.started_by = in->started_by,
		.launch_type = launch_type_names[in->launch_type],
		.desired_stopped = in->desired_status == DESIRED_STOPPED,
	};
	/* ECS never sets a task's desiredStatus to PENDING. */
	if (in->desired_status == DESIRED_PENDING)
		return 0;
	if (in->daemon_name != NULL) {
		if (in->service_name != NULL ||
		    snprintf(service, ARN_NAME_MAX, ARN_DAEMON_PREFIX "%s", in->daemon_name) >=
			ARN_NAME_MAX)
			return 0;
		f->service = service;
	}
	if (in->container_instance != NULL) {
		r = arn_resolve_container_instance(
		    &c->scope, cluster, in->container_instance, instance, &c->err);
		if (r <= 0)
			return r;
		f->instance = instance;
	}
	if (in->service_name != NULL) {
		r = arn_resolve_service(&c->scope, cluster, in->service_name, service, &c->err);
		if (r <= 0)
			return r < 0
				   ? r
				   : err_set(&c->err, ERR_SERVICE_NOT_FOUND, "Service not found.");
		r = check_service(c, cluster, service);
		if (r < 0)
			return r;
		f->service = service;
	}
	return 1;
}

int
list_tasks(struct call *c)
{
	const struct list_tasks_in *in = c->args;
	struct listing l = { .c = c, .arns = json_object_new_array() };
	char cluster[ARN_NAME_MAX], service[ARN_NAME_MAX], instance[ARN_ID_MAX];
	struct store_task_filter f;
	int r;

	json_add(c->out, "taskArns", l.arns);
	r = refuse_other_filters(c, in);
	if (r == 0)
		r = cluster_ref_resolve_name(c, in->cluster, cluster);
	if (r == 0)
		r = page_begin(&l.page, "ListTasks", in->next_token,
		    in->max_results.set ? (int)in->max_results.v : LIST_MAX, &c->err);
	if (r < 0)
		return r;
	l.cluster = cluster;
	r = make_filter(c, in, cluster, &f, instance, service);
	if (r <= 0)
		return r;
	r = store_task_list(
	    c->store, &c->scope, &f, page_after(&l.page), l.page.limit + 1, list_one, &l, &c->err);
	if (r == 0)
		page_finish(&l.page, "ListTasks", &c->arena, c->out);
	return r;
}
