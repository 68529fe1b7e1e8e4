/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Builds the RunTask that a deployment stands for and runs it through the same plan, placement and
 * launch. Called by the service scheduler; it must not know what the service waits for.
 */
#include "daemon/ecs/task_service.h"

#include "daemon/arn.h"
#include "daemon/ecs/task.h"

#include <string.h>

_Static_assert(TASK_SERVICE_LAUNCH_MAX <= RUN_TASK_COUNT_MAX, "a launch is one plan");

/* clang-format off */
/* Members that mean the same in RunTask. */
static const char *const of_deployment[] = {
	"taskDefinition", "launchType", "capacityProviderStrategy", "platformVersion", "networkConfiguration",
	"volumeConfigurations",
};
static const char *const of_service[] = {
	"placementConstraints", "placementStrategy", "enableExecuteCommand", "enableECSManagedTags", "propagateTags",
};
/* clang-format on */

static void
copy_members(struct json_object *to, struct json_object *from, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct json_object *v = json_get(from, names[i]);
		bool empty =
		    json_object_is_type(v, json_type_array) && json_object_array_length(v) == 0;

		if (v != NULL && !empty)
			json_add(to, names[i], json_object_get(v));
	}
}

/* A platform version belongs to Fargate; ECS prints one for other services, too. */
static void
drop_platform(struct json_object *in)
{
	const char *launch = json_get_str(in, "launchType");

	if (launch != NULL && !streq(launch, "FARGATE"))
		json_object_object_del(in, "platformVersion");
	if (json_get(in, "capacityProviderStrategy") != NULL)
		json_object_object_del(in, "launchType");
}

struct json_object *
task_service_request(
    const char *cluster, struct json_object *settings, struct json_object *deployed)
{
	struct json_object *in = json_object_new_object();

	json_add_str(in, "cluster", cluster);
	copy_members(in, deployed, of_deployment, ARRAY_SIZE(of_deployment));
	copy_members(in, settings, of_service, ARRAY_SIZE(of_service));
	return in;
}

static int
bind_input(struct call *c, const struct task_service_launch *l, struct run_task_in *ret)
{
	json_object_put(c->in);
	c->in = task_service_request(l->cluster, l->settings, l->deployed);
	json_add_str(c->in, "startedBy", arena_printf(&c->arena, "ecs-svc/%s", l->deployment));
	json_add_int(c->in, "count", (int64_t)l->count);
	drop_platform(c->in);
	return schema_bind(&run_task_schema, c->in, ret, &c->arena, ERR_INVALID_PARAMETER, &c->err);
}

/* How service events put the reasons of placement. */
static const char *
closest(struct call *c, const char *instance, const char *reason)
{
	/* clang-format off */
	static const struct { const char *reason, *words; } known[] = {
		{ "AGENT",           "encountered error \"AGENT\"" },
		{ "RESOURCE:CPU",    "has insufficient CPU units available" },
		{ "RESOURCE:MEMORY", "has insufficient memory available" },
		{ "RESOURCE:PORTS",  "is already using a port required by your task" },
		{ "RESOURCE:GPU",    "has insufficient GPU resource available" },
		{ "MemberOf placement constraint unsatisfied.", "is missing an attribute required by your task" },
	};
	/* clang-format on */

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (streq(reason, known[i].reason))
			return arena_printf(&c->arena,
			    "The closest matching (container-instance %s) %s.", instance,
			    known[i].words);
	return arena_strdup(&c->arena, reason);
}

/* The instance that was looked at first, and why it would not do. */
static const char *
describe_failure(struct call *c, const struct run_plan *p)
{
	struct json_object *failure = NULL;
	const char *arn, *reason, *id;

	if (p->failures != NULL && json_object_array_length(p->failures) > 0)
		failure = json_object_array_get_idx(p->failures, 0);
	arn = json_get_str(failure, "arn");
	reason = json_get_str(failure, "reason");
	if (arn == NULL || reason == NULL)
		return "No Container Instances were found in your cluster.";
	id = strrchr(arn, '/') != NULL ? strrchr(arn, '/') + 1 : arn;
	return closest(c, id, reason);
}

int
task_service_launch(struct call *c, struct task_service_launch *l)
{
	_cleanup_(run_plan_done) struct run_plan plan = { .service = l };
	struct run_task_in *in = arena_alloc(&c->arena, sizeof(*in));
	struct launch result = { 0 };
	int r = bind_input(c, l, in);

	plan.in = in;
	plan.count = (int64_t)l->count;
	plan.group = arn_is_of_daemon(l->service)
			 ? arena_printf(&c->arena, "daemon:%s", arn_client_name(l->service))
			 : arena_printf(&c->arena, "service:%s", l->service);
	if (r == 0)
		r = service_plan_make(c, &plan);
	if (r == 0)
		r = task_launch(c, &plan, &result);
	if (r < 0)
		return r;
	l->n = result.n;
	memcpy(l->ids, result.ids, sizeof(l->ids));
	if (l->n < l->count)
		l->failure = describe_failure(c, &plan);
	return 0;
}

int
task_service_instances(struct call *c, const struct task_service_launch *l,
    void (*fn)(const char *instance, void *arg), void *arg)
{
	_cleanup_(run_plan_done) struct run_plan plan = { .service = l, .count = 1 };
	struct run_task_in *in = arena_alloc(&c->arena, sizeof(*in));
	int r = bind_input(c, l, in);

	plan.in = in;
	plan.group = arena_printf(&c->arena, "service:%s", l->service);
	if (r == 0)
		r = daemon_plan_make(c, &plan);
	return r == 0 ? run_plan_eligible(c, &plan, fn, arg) : r;
}
