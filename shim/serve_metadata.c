/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Task and container metadata, versions 2 to 4, with and without tags. Called by the endpoint: asks
 * the Engine what the containers are like now, has metadata.c write the document, and for tags asks
 * the daemon.
 */
#include "shim/metadata.h"
#include "shim/request.h"

#include <string.h>

static bool
is_for_task(const struct request *r)
{
	return r->route->kind == ROUTE_TASK || r->route->kind == ROUTE_TASK_TAGS ||
	       r->route->kind == ROUTE_TASK_STATS;
}

/* Version 2 has no ids: it knows awsvpc tasks by the address of who asks. */
static bool
find_v2(struct request *r)
{
	const struct task *t = r->task;

	if (t->plan.def.network_mode != NETWORK_AWSVPC) {
		request_error(r, 400,
		    "Unable to get task arn from request: unable to associate '%s' with task",
		    request_peer(r));
		return false;
	}
	if (is_for_task(r))
		return true;
	for (size_t i = 0; i < t->n; i++)
		if (t->containers[i].id != NULL && streq(t->containers[i].id, r->id))
			r->container = i;
	if (r->container != REQUEST_NO_CONTAINER)
		return true;
	request_error(r, 400,
	    r->route->kind == ROUTE_STATS ? "Unable to get container stats for: %s"
					  : "Unable to generate metadata for container '%s'",
	    r->id);
	return false;
}

bool
request_find(struct request *r)
{
	const struct task *t = r->task;
	bool stats = r->route->kind == ROUTE_STATS || r->route->kind == ROUTE_TASK_STATS;
	const char *what = stats ? "stats" : "metadata";

	if (r->route->version == 2)
		return find_v2(r);
	for (size_t i = 0; i < t->n; i++)
		if (streq(t->plan.containers[i].metadata_id, r->id))
			r->container = i;
	if (r->container != REQUEST_NO_CONTAINER)
		return true;
	request_error(r,
	    r->route->version == 4 ? 404
	    : stats                ? 400
				   : 500,
	    is_for_task(r) ? "V%u task %s handler: unable to get task arn from request: unable to "
			     "get task Arn from v3 endpoint ID: %s"
			   : "V%u container %s handler: unable to get container ID from request: "
			     "unable to get docker ID from v3 endpoint ID: %s",
	    r->route->version, what, r->id);
	return false;
}

static void
on_fetched(const struct engine_reply *reply, void *arg)
{
	struct fetch *f = arg;
	struct request *r = f->request;

	f->req = NULL;
	json_object_put(f->reply);
	f->reply = reply->text == NULL ? json_object_get(reply->body) : NULL;
	if (--r->pending == 0)
		r->fetched(r);
}

void
request_fetch(struct request *r, bool (*wanted)(const struct request *r, size_t container),
    struct engine_req *(*ask)(struct engine *e, const char *id, engine_done_fn *done, void *arg),
    void (*done)(struct request *r))
{
	struct task *t = r->task;

	if (r->fetches == NULL)
		r->fetches = xcalloc(t->n, sizeof(*r->fetches));
	r->fetched = done;
	for (size_t i = 0; engine_is_up(t->engine) && i < t->n; i++) {
		struct fetch *f = &r->fetches[i];

		if (t->containers[i].id == NULL || !wanted(r, i))
			continue;
		f->request = r;
		f->container = i;
		f->req = ask(t->engine, t->containers[i].id, on_fetched, f);
		r->pending++;
	}
	if (r->pending == 0)
		done(r);
}

/* Of a container also the one whose network it has. */
static bool
wants_facts(const struct request *r, size_t i)
{
	return is_for_task(r) || i == r->container ||
	       (r->task->plan.containers[r->container].joins && i == r->task->plan.holder);
}

static struct json_object *
tag_map(struct json_object *tags)
{
	struct json_object *map = json_object_new_object();
	size_t n = json_object_is_type(tags, json_type_array) ? json_object_array_length(tags) : 0;

	for (size_t i = 0; i < n; i++) {
		struct json_object *tag = json_object_array_get_idx(tags, i);

		if (json_get_str(tag, "key") != NULL)
			json_add_str(map, json_get_str(tag, "key"), json_get_str(tag, "value"));
	}
	return map;
}

/* What went wrong is a member of the document, which is whole without tags (version 4). */
static void
add_tag_error(struct request *r, const char *field, const char *arn, const struct aws_reply *reply)
{
	struct json_object *list = json_get(r->kept, "Errors"), *o = json_object_new_object();

	if (list == NULL) {
		list = json_object_new_array();
		json_add(r->kept, "Errors", list);
	}
	json_add_str(o, "ErrorField", field);
	json_add_str(o, "ErrorCode", reply->error);
	json_add_str(o, "ErrorMessage", reply->message);
	json_add_int(o, "StatusCode", reply->status);
	json_add_str(o, "RequestId", reply->request_id);
	json_add_str(o, "ResourceARN", arn);
	json_object_array_add(list, o);
}

static void
add_tags(struct request *r, const char *field, const char *arn, const struct aws_reply *reply)
{
	struct json_object *map;

	if (reply->error != NULL) {
		if (r->route->version == 4)
			add_tag_error(r, field, arn, reply);
		return;
	}
	map = tag_map(json_get(reply->json, "tags"));
	if (json_object_object_length(map) > 0)
		json_add(r->kept, field, map);
	else
		json_object_put(map);
}

static void
ask_tags(struct request *r, const char *arn,
    void (*done)(struct request *r, const struct aws_reply *reply))
{
	struct json_object *ask = json_object_new_object();

	json_add_str(ask, "resourceArn", arn);
	request_call(r, "ListTagsForResource", ask, done);
}

static void
on_instance_tags(struct request *r, const struct aws_reply *reply)
{
	add_tags(r, "ContainerInstanceTags", r->resource, reply);
	request_json(r, 200, TAKE(r->kept));
}

/* On which instance the task is, only the daemon knows. */
static void
on_instance(struct request *r, const struct aws_reply *reply)
{
	struct json_object *tasks = json_get(reply->json, "tasks");
	bool found = reply->error == NULL && json_object_is_type(tasks, json_type_array) &&
		     json_object_array_length(tasks) > 0;
	const char *arn =
	    found ? json_get_str(json_object_array_get_idx(tasks, 0), "containerInstanceArn")
		  : NULL;

	if (arn == NULL) {
		request_json(r, 200, TAKE(r->kept));
		return;
	}
	r->resource = xstrdup(arn);
	ask_tags(r, r->resource, on_instance_tags);
}

static void
on_tags(struct request *r, const struct aws_reply *reply)
{
	struct task *t = r->task;
	struct json_object *ask, *tasks;

	add_tags(r, "TaskTags", t->arn, reply);
	if (t->plan.fargate) {
		request_json(r, 200, TAKE(r->kept));
		return;
	}
	ask = json_object_new_object();
	tasks = json_object_new_array();
	json_add_str(ask, "cluster", t->plan.cluster_arn);
	json_object_array_add(tasks, json_object_new_string(t->arn));
	json_add(ask, "tasks", tasks);
	request_call(r, "DescribeTasks", ask, on_instance);
}

static void
on_facts(struct request *r)
{
	struct task *t = r->task;
	_cleanup_free_ struct json_object **facts = xcalloc(t->n, sizeof(struct json_object *));

	for (size_t i = 0; i < t->n; i++)
		facts[i] = r->fetches[i].reply;
	if (!is_for_task(r)) {
		request_json(r, 200, metadata_container(t, r->container, facts, r->route->version));
		return;
	}
	r->kept = metadata_task(t, facts, r->route->version);
	if (r->route->kind != ROUTE_TASK_TAGS) {
		request_json(r, 200, TAKE(r->kept));
		return;
	}
	ask_tags(r, t->arn, on_tags);
}

void
serve_metadata(struct request *r)
{
	bool sizes = r->task->plan.fargate && is_for_task(r) && r->route->version == 4;

	if (request_find(r))
		request_fetch(
		    r, wants_facts, sizes ? engine_inspect_size : engine_inspect, on_facts);
}

/* No container here has an association (elastic inference, GPU, credspec). */
void
serve_associations(struct request *r)
{
	const char *slash = strchr(r->rest, '/');
	bool known = false;

	for (size_t i = 0; i < r->task->n; i++)
		known = known || streq(r->task->plan.containers[i].metadata_id, r->id);
	if (!known) {
		request_error(r, r->route->version == 4 ? 404 : 400,
		    "V%u container associations handler: unable to get task arn from request: "
		    "unable to get task Arn from v3 endpoint ID: %s",
		    r->route->version, r->id);
	} else if (slash == NULL) {
		struct json_object *o = json_object_new_object();

		json_add(o, "Associations", json_object_new_array());
		request_json(r, 200, o);
	} else {
		request_error(r, 500, "Unable to get association value for: %s", slash + 1);
	}
}
