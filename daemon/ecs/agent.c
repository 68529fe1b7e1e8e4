/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an ECS agent says to the service: SubmitTaskStateChange, SubmitContainerStateChange,
 * SubmitAttachmentStateChanges, DiscoverPollEndpoint. A report counts for tasks on container
 * instances that somebody has registered; those that a shim of ours runs have their states from
 * there, and a report of them is acknowledged and nothing else.
 */
#include "daemon/arn.h"
#include "daemon/config.h"
#include "daemon/ecs/cluster_ref.h"
#include "daemon/ecs/operations.h"
#include "daemon/events.h"
#include "daemon/snapshot.h"
#include "daemon/store/container_instance.h"

#include <string.h>

#define REASON_MAX 1024

struct container_change {
	const char *name;
	const char *image_digest;
	const char *runtime_id;
	struct opt_int exit_code;
	const char *reason;
	const char *status;
};
struct task_change_in {
	const char *cluster;
	const char *task;
	const char *status;
	const char *reason;
	LIST_OF(struct container_change) containers;
	struct opt_double pull_started_at;
	struct opt_double pull_stopped_at;
	struct opt_double execution_stopped_at;
};
struct container_change_in {
	const char *cluster;
	const char *task;
	struct container_change container;
};
struct discover_in {
	const char *instance;
	const char *cluster;
};

/* clang-format off */
static const char *const protocol_names[] = { NULL, "tcp", "udp", NULL };
static const char *const managed_agent_names[] = { NULL, "ExecuteCommandAgent", NULL };

#define F_NEEDED(t, n_, ...) { .name = (n_), .type = (t), .flags = SCHEMA_UNBOUND | SCHEMA_REQUIRED, ##__VA_ARGS__ }
#define KEPT(table, shape) { .name = (shape), .fields = (table), .n = ARRAY_SIZE(table) }

/* The address of a port is the agent's own affair here: what is bound comes from the Engine. */
static const struct schema_field binding_fields[] = {
	F_UNBOUND(SCHEMA_STRING, "bindIP"),
	F_UNBOUND(SCHEMA_INT, "containerPort"),
	F_UNBOUND(SCHEMA_INT, "hostPort"),
	F_UNBOUND(SCHEMA_ENUM, "protocol", .names = protocol_names),
	F_UNBOUND(SCHEMA_STRING, "containerPortRange"),
	F_UNBOUND(SCHEMA_STRING, "hostPortRange"),
};
static const struct schema binding_schema = KEPT(binding_fields, "NetworkBinding");

static const struct schema_field attachment_fields[] = {
	F_NEEDED(SCHEMA_STRING, "attachmentArn"),
	F_NEEDED(SCHEMA_STRING, "status"),
};
static const struct schema attachment_schema = KEPT(attachment_fields, "AttachmentStateChange");

static const struct schema_field managed_agent_fields[] = {
	F_NEEDED(SCHEMA_STRING, "containerName"),
	F_NEEDED(SCHEMA_ENUM, "managedAgentName", .names = managed_agent_names),
	F_NEEDED(SCHEMA_STRING, "status"),
	F_UNBOUND(SCHEMA_STRING, "reason"),
};
static const struct schema managed_agent_schema = KEPT(managed_agent_fields, "ManagedAgentStateChange");

static const struct schema_field container_fields[] = {
	F_STR(struct container_change, name, "containerName"),
	F_STR(struct container_change, image_digest, "imageDigest"),
	F_STR(struct container_change, runtime_id, "runtimeId"),
	F_INT(struct container_change, exit_code, "exitCode"),
	F_UNBOUND(SCHEMA_LIST_STRUCT, "networkBindings", .sub = &binding_schema),
	F_STR(struct container_change, reason, "reason", .max_len = REASON_MAX),
	F_STR(struct container_change, status, "status"),
};
static const struct schema container_schema = SCHEMA(struct container_change, container_fields, "ContainerStateChange");

static const struct schema_field task_change_fields[] = {
	F_STR(struct task_change_in, cluster, "cluster"),
	F_STR(struct task_change_in, task, "task"),
	F_STR(struct task_change_in, status, "status"),
	F_STR(struct task_change_in, reason, "reason", .max_len = REASON_MAX),
	F_LIST(struct task_change_in, containers, "containers", struct container_change, &container_schema),
	F_UNBOUND(SCHEMA_LIST_STRUCT, "attachments", .sub = &attachment_schema),
	F_UNBOUND(SCHEMA_LIST_STRUCT, "managedAgents", .sub = &managed_agent_schema),
	F_TIME(struct task_change_in, pull_started_at, "pullStartedAt"),
	F_TIME(struct task_change_in, pull_stopped_at, "pullStoppedAt"),
	F_TIME(struct task_change_in, execution_stopped_at, "executionStoppedAt"),
};
static const struct schema task_change_schema =
	SCHEMA(struct task_change_in, task_change_fields, "SubmitTaskStateChangeRequest");

static const struct schema_field container_change_fields[] = {
	F_STR(struct container_change_in, cluster, "cluster"),
	F_STR(struct container_change_in, task, "task"),
	F_STR(struct container_change_in, container.name, "containerName"),
	F_STR(struct container_change_in, container.runtime_id, "runtimeId"),
	F_STR(struct container_change_in, container.status, "status"),
	F_INT(struct container_change_in, container.exit_code, "exitCode"),
	F_STR(struct container_change_in, container.reason, "reason", .max_len = REASON_MAX),
	F_UNBOUND(SCHEMA_LIST_STRUCT, "networkBindings", .sub = &binding_schema),
};
static const struct schema container_change_schema =
	SCHEMA(struct container_change_in, container_change_fields, "SubmitContainerStateChangeRequest");

struct attachment_change {
	const char *arn;
	const char *status;
};
static const struct schema_field attachment_change_fields[] = {
	F_STR(struct attachment_change, arn, "attachmentArn", .flags = SCHEMA_REQUIRED),
	F_STR(struct attachment_change, status, "status", .flags = SCHEMA_REQUIRED),
};
static const struct schema attachment_change_schema =
	SCHEMA(struct attachment_change, attachment_change_fields, "AttachmentStateChange");

struct submit_attachments_in {
	const char *cluster;
	LIST_OF(struct attachment_change) attachments;
};
static const struct schema_field attachments_fields[] = {
	F_STR(struct submit_attachments_in, cluster, "cluster"),
	F_LIST(struct submit_attachments_in, attachments, "attachments", struct attachment_change, &attachment_change_schema,
	       .flags = SCHEMA_REQUIRED),
};
static const struct schema attachments_schema =
	SCHEMA(struct submit_attachments_in, attachments_fields, "SubmitAttachmentStateChangesRequest");

static const struct schema_field discover_fields[] = {
	F_STR(struct discover_in, instance, "containerInstance"),
	F_STR(struct discover_in, cluster, "cluster"),
};
static const struct schema discover_schema = SCHEMA(struct discover_in, discover_fields, "DiscoverPollEndpointRequest");

static int submit_task(struct call *c);
static int submit_container(struct call *c);
static int submit_attachments(struct call *c);
static int discover_poll_endpoint(struct call *c);

static const struct op ops[] = {
	{ .name = "DiscoverPollEndpoint",         .run = discover_poll_endpoint, .input = &discover_schema },
	{ .name = "SubmitAttachmentStateChanges", .run = submit_attachments,     .input = &attachments_schema },
	{ .name = "SubmitContainerStateChange",   .run = submit_container,       .input = &container_change_schema, .flags = OP_WRITE },
	{ .name = "SubmitTaskStateChange",        .run = submit_task,            .input = &task_change_schema,      .flags = OP_WRITE },
};
/* clang-format on */
const struct op_table ecs_agent_ops = { ops, ARRAY_SIZE(ops) };

/* --- whose task it is --- */

static void
task_done(struct store_task *t)
{
	store_task_done(t);
}

/* 1 and the task where an agent's report of it counts, 0 where it is only acknowledged. */
static int
find_task(struct call *c, const char *cluster_given, const char *given, struct store_task *ret)
{
	struct store_container_instance instance = { 0 };
	char cluster[ARN_NAME_MAX], id[ARN_ID_MAX];
	int r = cluster_ref_resolve_name(c, cluster_given, cluster);

	if (r < 0 || given == NULL)
		return r;
	r = arn_resolve_task(&c->scope, cluster, given, id, &c->err);
	if (r == 1)
		r = store_task_get(c->store, id, ret, &c->err);
	if (r < 0)
		return r;
	if (r == 0 || !streq(ret->cluster, cluster) ||
	    !streq(ret->scope.account, c->scope.account) ||
	    !streq(ret->scope.region, c->scope.region))
		return err_set(
		    &c->err, ERR_INVALID_PARAMETER, "The referenced task was not found.");
	if (ret->runner == RUNNER_SHIM || ret->instance == NULL)
		return 0;
	r = store_container_instance_get(c->store, &c->scope, ret->instance, &instance, &c->err);
	if (r == 1 && instance.synthetic)
		r = 0;
	store_container_instance_done(&instance);
	return r;
}

/* --- a report becomes a snapshot --- */

static void
set_text(char **where, const char *value)
{
	if (value == NULL)
		return;
	if (*where != (const char *)protobuf_c_empty_string)
		free(*where);
	*where = xstrdup(value);
}

static int64_t
to_ms(struct opt_double seconds)
{
	return (int64_t)(seconds.v * 1000.0);
}

static int
parse_container_status(struct call *c, const char *name, int *ret)
{
	for (int i = 0; i < CONTAINER_STATE_MAX; i++)
		if (streq(container_state_name((enum container_state)i), name)) {
			*ret = i;
			return 0;
		}
	return err_set(&c->err, ERR_INVALID_PARAMETER,
	    "Container status '%.64s' should be one of [PENDING,RUNNING,STOPPED]", name);
}

static int
apply_container(struct call *c, Shim__TaskState *s, const struct container_change *change)
{
	Shim__ContainerState *found = NULL;
	int status = CONTAINER_PENDING, r;

	for (size_t i = 0; i < s->n_containers; i++)
		if (streq(s->containers[i]->name, change->name))
			found = s->containers[i];
	if (found == NULL)
		return err_set(&c->err, ERR_INVALID_PARAMETER,
		    "The container %.255s does not exist in the task.",
		    change->name != NULL ? change->name : "");
	if (change->status != NULL) {
		r = parse_container_status(c, change->status, &status);
		if (r < 0)
			return r;
		/* Nothing comes back from STOPPED. */
		if (status > (int)found->status)
			found->status = (Shim__ContainerStatus)status;
	}
	if (change->exit_code.set) {
		found->has_exit_code = true;
		found->exit_code = (int32_t)change->exit_code.v;
	}
	set_text(&found->reason, change->reason);
	set_text(&found->runtime_id, change->runtime_id);
	set_text(&found->image_digest, change->image_digest);
	return 0;
}

/* What ECS makes of a task that an agent says is STOPPED (lifecycle.md section 2). */
static void
apply_stop(struct call *c, Shim__TaskState *s, const char *reason)
{
	bool ran = s->started_at_ms != 0;

	if (reason == NULL || reason[0] == '\0')
		reason = ran ? "Essential container in task exited" : "Task failed to start";
	snapshot_end(s, ran ? "EssentialContainerExited" : "TaskFailedToStart", reason, c->now_ms);
	s->cleaned_up = true;
}

static int
apply_status(struct call *c, Shim__TaskState *s, const struct task_change_in *in)
{
	int status = in->status != NULL ? task_state_parse(in->status) : (int)s->last_status;

	if (status < 0)
		return err_set(&c->err, ERR_INVALID_PARAMETER,
		    "Task status '%.64s' is no status of a task.", in->status);
	if (in->pull_started_at.set && s->pull_started_at_ms == 0)
		s->pull_started_at_ms = to_ms(in->pull_started_at);
	if (in->pull_stopped_at.set && s->pull_stopped_at_ms == 0)
		s->pull_stopped_at_ms = to_ms(in->pull_stopped_at);
	if (in->execution_stopped_at.set && s->execution_stopped_at_ms == 0)
		s->execution_stopped_at_ms = to_ms(in->execution_stopped_at);
	if (s->connectivity_at_ms == 0)
		s->connectivity_at_ms = c->now_ms;
	if (status == TASK_STOPPED) {
		apply_stop(c, s, in->reason);
		return 0;
	}
	if (status >= TASK_RUNNING && s->started_at_ms == 0)
		s->started_at_ms = c->now_ms;
	s->last_status = (Shim__TaskStatus)status;
	s->seq++;
	return 0;
}

/* Writes it down. Of a task that has ended, its runner is told, who ends with it. */
static int
take_in(struct call *c, struct store_task *t, Shim__TaskState *s)
{
	int r = events_report(c->store, t, s, &c->err);

	if (r == 1 && t->last_status == TASK_STOPPED)
		call_wish(c, TASK_WISH_STOP, t->id);
	return r < 0 ? r : 0;
}

static int
acknowledge(struct call *c)
{
	json_add_str(c->out, "acknowledgment", "ACK");
	return 0;
}

/* --- the operations --- */

static int
submit_task(struct call *c)
{
	const struct task_change_in *in = c->args;
	_cleanup_(task_done) struct store_task t = { 0 };
	Shim__TaskState *s;
	int r = find_task(c, in->cluster, in->task, &t);

	if (r == 1) {
		s = snapshot_of(&t);
		r = 0;
		for (size_t i = 0; r == 0 && i < in->containers.n; i++)
			r = apply_container(c, s, &in->containers.v[i]);
		if (r == 0)
			r = apply_status(c, s, in);
		if (r == 0)
			r = take_in(c, &t, s);
		snapshot_free(s);
	}
	return r < 0 ? r : acknowledge(c);
}

static int
submit_container(struct call *c)
{
	const struct container_change_in *in = c->args;
	_cleanup_(task_done) struct store_task t = { 0 };
	Shim__TaskState *s;
	int r = find_task(c, in->cluster, in->task, &t);

	if (r == 1) {
		s = snapshot_of(&t);
		r = apply_container(c, s, &in->container);
		s->seq++;
		if (r == 0)
			r = take_in(c, &t, s);
		snapshot_free(s);
	}
	return r < 0 ? r : acknowledge(c);
}

/* The state of an attachment follows its task's (events.c). */
static int
submit_attachments(struct call *c)
{
	const struct submit_attachments_in *in = c->args;
	char cluster[ARN_NAME_MAX];
	int r = cluster_ref_resolve_name(c, in->cluster, cluster);

	return r < 0 ? r : acknowledge(c);
}

/* Everything that an agent asks for is asked for here; on this machine, where it listens to all. */
static int
discover_poll_endpoint(struct call *c)
{
	const char *host = c->config->listen_host, *url;
	bool brackets;

	if (host == NULL || streq(host, "0.0.0.0") || streq(host, "::") || host[0] == '\0')
		host = "127.0.0.1";
	brackets = strchr(host, ':') != NULL;
	url = arena_printf(&c->arena, "http://%s%s%s:%s/", brackets ? "[" : "", host,
	    brackets ? "]" : "", c->config->listen_port);
	json_add_str(c->out, "endpoint", url);
	json_add_str(c->out, "telemetryEndpoint", url);
	json_add_str(c->out, "serviceConnectEndpoint", url);
	return 0;
}
