/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent's API at ECS_AGENT_URI: scale-in protection of the own task, passed on to the daemon
 * with the task role's credentials, and fault injection, which no task here can be enabled for.
 * Called by the endpoint.
 */
#include "shim/request.h"

#include <errno.h>
#include <string.h>

static void
fail(struct request *r, int status, const char *code, const char *message, bool known)
{
	struct json_object *o = json_object_new_object(), *error = json_object_new_object();

	if (known)
		json_add_str(error, "Arn", r->task->arn);
	json_add_str(error, "Code", code);
	json_add_str(error, "Message", message);
	json_add(o, "error", error);
	request_json(r, status, o);
}

static bool
knows_id(const struct request *r)
{
	for (size_t i = 0; i < r->task->n; i++)
		if (streq(r->task->plan.containers[i].metadata_id, r->id))
			return true;
	return false;
}

static struct json_object *
first(struct json_object *list)
{
	if (!json_object_is_type(list, json_type_array) || json_object_array_length(list) == 0)
		return NULL;
	return json_object_array_get_idx(list, 0);
}

/* The one task of the reply in the agent's spelling. */
static void
answer_protection(struct request *r, struct json_object *task)
{
	struct json_object *o = json_object_new_object(), *p = json_object_new_object();
	struct json_object *expires = json_get(task, "expirationDate");
	_cleanup_json_ struct json_object *holder = json_object_new_object();

	json_add_iso_time(holder, "t", (int64_t)(json_object_get_double(expires) * 1000), false);
	json_object_object_add(p, "ExpirationDate", json_object_get(json_get(holder, "t")));
	json_add_bool(p, "ProtectionEnabled", json_get_bool(task, "protectionEnabled", false));
	json_add_str(p, "TaskArn", json_get_str(task, "taskArn"));
	json_add(o, "protection", p);
	request_json(r, 200, o);
}

static void
answer_failure(struct request *r, struct json_object *failure)
{
	struct json_object *o = json_object_new_object(), *f = json_object_new_object();

	json_add_str(f, "Arn", json_get_str(failure, "arn"));
	json_object_object_add(f, "Detail", json_object_get(json_get(failure, "detail")));
	json_add_str(f, "Reason", json_get_str(failure, "reason"));
	json_add(o, "failure", f);
	request_json(r, 200, o);
}

static void
on_protection(struct request *r, const struct aws_reply *reply)
{
	struct json_object *failure = first(json_get(reply->json, "failures"));
	struct json_object *task = first(json_get(reply->json, "protectedTasks"));

	if (reply->errnum == ETIMEDOUT)
		fail(r, 504, "RequestCanceled", "Timed out calling ECS Task Protection API", true);
	else if (failure != NULL)
		answer_failure(r, failure);
	else if (task != NULL)
		answer_protection(r, task);
	else if (reply->error != NULL && reply->status > 200)
		fail(r, reply->status, reply->error, reply->message, true);
	else
		fail(r, 500, "ServerException", "Unexpected error occurred", true);
}

/* Members that the agent does not know, and wrong types, are refused (handlers.go
 * DisallowUnknownFields). */
static bool
read_protection(const struct request *r, struct json_object **ret)
{
	struct json_object *o = NULL;
	bool fine = json_parse(r->body, r->body_len, &o, NULL) == 0 &&
		    json_object_is_type(o, json_type_object);

	if (fine) {
		json_object_object_foreach(o, key, value)
		{
			fine =
			    fine &&
			    ((streq(key, "ProtectionEnabled") &&
				 (value == NULL ||
				     json_object_is_type(value, json_type_boolean))) ||
				(streq(key, "ExpiresInMinutes") &&
				    (value == NULL || json_object_is_type(value, json_type_int))));
		}
	}
	*ret = o;
	return fine;
}

static void
ask(struct request *r, const char *operation, struct json_object *body)
{
	struct json_object *tasks = json_object_new_array();

	json_object_array_add(tasks, json_object_new_string(r->task->arn));
	json_add_str(body, "cluster", r->task->plan.cluster_name);
	json_add(body, "tasks", tasks);
	request_call(r, operation, body, on_protection);
}

void
serve_protection(struct request *r)
{
	_cleanup_json_ struct json_object *given = NULL;
	struct json_object *body;

	if (!knows_id(r)) {
		fail(r, 404, "ResourceNotFoundException", "Failed to find a task for the request",
		    false);
		return;
	}
	if (r->method == METHOD_PUT && !read_protection(r, &given)) {
		fail(r, 400, "InvalidParameterException",
		    "UpdateTaskProtection: failed to decode request", false);
		return;
	}
	if (r->method == METHOD_PUT && json_get(given, "ProtectionEnabled") == NULL) {
		fail(r, 400, "InvalidParameterException",
		    "Invalid request: does not contain 'ProtectionEnabled' field", true);
		return;
	}
	if (r->task->credentials.id == NULL) {
		fail(r, 403, "AccessDeniedException",
		    "Invalid Request: no task IAM role credentials available for task", true);
		return;
	}
	body = json_object_new_object();
	if (r->method == METHOD_PUT) {
		json_add_bool(
		    body, "protectionEnabled", json_get_bool(given, "ProtectionEnabled", false));
		if (json_get(given, "ExpiresInMinutes") != NULL)
			json_add_int(
			    body, "expiresInMinutes", json_get_int(given, "ExpiresInMinutes", 0));
	}
	ask(r, r->method == METHOD_PUT ? "UpdateTaskProtection" : "GetTaskProtection", body);
}

static bool
is_fault(const char *rest)
{
	static const char *const kinds[] = { "network-blackhole-port/", "network-latency/",
		"network-packet-loss/" };
	static const char *const actions[] = { "start", "stop", "status" };

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		for (size_t k = 0; has_prefix(rest, kinds[i]) && k < ARRAY_SIZE(actions); k++)
			if (streq(rest + strlen(kinds[i]), actions[k]))
				return true;
	return false;
}

void
serve_fault(struct request *r)
{
	_cleanup_free_ char *text = NULL;
	const struct plan *p = &r->task->plan;
	struct json_object *o;

	if (!is_fault(r->rest)) {
		request_text(r, 404, "text/plain; charset=utf-8", "404 page not found\n");
		return;
	}
	if (!knows_id(r))
		text = xasprintf("unable to lookup container: %s", r->id);
	else if (p->def.enable_fault_injection != TRI_TRUE)
		text = xasprintf("enableFaultInjection is not enabled for task: %s", r->task->arn);
	else if (p->def.network_mode != NETWORK_AWSVPC && p->def.network_mode != NETWORK_HOST)
		text = xasprintf("%s mode is not supported. Please use either host or awsvpc mode.",
		    p->def.network_mode == NETWORK_UNSET ? "bridge"
							 : network_mode_names[p->def.network_mode]);
	else
		text = xstrdup("fault injection is not available here");
	o = json_object_new_object();
	json_add_str(o, "Error", text);
	request_json(r, knows_id(r) ? 400 : 404, o);
}
