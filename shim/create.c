/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A container is created: shared volumes are looked for, its gate is opened for business, and where
 * the name is taken already it is looked by whom. Called by container.c.
 */
#include "shim/task.h"

#include <errno.h>
#include <string.h>

static const struct plan_volume *next_unchecked_volume(struct container *c);
static bool wants_router_address(const struct container *c);
static void on_router(const struct engine_reply *r, void *arg);
static void on_volume(const struct engine_reply *r, void *arg);
static void on_created(const struct engine_reply *r, void *arg);
static void on_found(const struct engine_reply *r, void *arg);

void
container_create(struct container *c)
{
	_cleanup_arena_ struct arena a = { 0 };
	struct str_list argv = { 0 };
	const struct plan_volume *v = next_unchecked_volume(c);
	_cleanup_free_ char *body = NULL;
	struct err e = { 0 };

	if (v != NULL) {
		c->req = engine_volume_inspect(c->task->engine, v->docker_name, on_volume, c);
		return;
	}
	if (wants_router_address(c)) {
		struct container *router = &c->task->containers[c->task->plan.router];

		c->req = engine_inspect(c->task->engine, router->id, on_router, c);
		return;
	}
	if (!launch_cgroup(c->task))
		return;
	if (c->index == c->task->plan.holder)
		plan_yield_ports(&c->task->plan, c->ports_lost);
	if (container_ensure_gate(c, &e) < 0 ||
	    plan_body(&c->task->plan, c->index, &c->image, resources_of(c->task, c->index), &body,
		&e) < 0) {
		container_fail(c, "CannotCreateContainerError", e.text);
		return;
	}
	plan_argv(&c->task->plan, c->index, &c->image, &argv, &a);
	container_set_command(c, argv.v[0]);
	container_set_phase(c, PHASE_CREATING);
	c->task->maybe_present = true;
	c->req = engine_create(c->task->engine, c->plan->docker_name,
	    c->plan->sandbox ? NULL : c->task->plan.platform, body, on_created, c);
}

/* The next shared volume that must exist already, NULL where all were found. */
static const struct plan_volume *
next_unchecked_volume(struct container *c)
{
	for (; c->volumes_checked < c->plan->def->mount_points.n; c->volumes_checked++) {
		const struct plan_volume *v = plan_volume_find(
		    &c->task->plan, c->plan->def->mount_points.v[c->volumes_checked].source_volume);

		if (v != NULL && v->must_exist)
			return v;
	}
	return NULL;
}

static void
on_volume(const struct engine_reply *r, void *arg)
{
	struct container *c = arg;

	c->req = NULL;
	if (r->text == NULL) {
		c->volumes_checked++;
		container_create(c);
	} else {
		const struct plan_volume *v = next_unchecked_volume(c);
		_cleanup_free_ char *text =
		    xasprintf("initialize volume: volume detection failed, volume '%s' does "
			      "not exist and autoprovision is set to false",
			v->docker_name);

		container_fail(c, "CannotCreateVolumeError", r->status == 404 ? text : r->text);
	}
	task_run(c->task);
}

/* In bridge mode a container is told where its log router is (FLUENT_HOST). */
static bool
wants_router_address(const struct container *c)
{
	const struct plan *p = &c->task->plan;
	bool bridge = p->def.network_mode == NETWORK_BRIDGE || p->def.network_mode == NETWORK_UNSET;

	return bridge && p->router_address == NULL && plan_is_routed(p, c->index) &&
	       c->task->containers[p->router].phase == PHASE_RUNNING;
}

static void
on_router(const struct engine_reply *r, void *arg)
{
	struct container *c = arg;
	struct json_object *networks = json_get(json_get(r->body, "NetworkSettings"), "Networks");
	const char *address = json_get_str(json_get(networks, "bridge"), "IPAddress");

	c->req = NULL;
	if (address != NULL && address[0] != '\0') {
		plan_set_router_address(&c->task->plan, address);
		container_create(c);
	} else {
		container_fail(c, "CannotCreateContainerError",
		    r->text != NULL ? r->text : "the log router has no address");
	}
	task_run(c->task);
}

static void
fail_create(struct container *c, const struct engine_reply *r)
{
	if (r->errnum == ETIMEDOUT)
		container_fail_late(c, "created", engine_limits_agent.create_ms);
	else if (r->text != NULL &&
		 strstr(r->text, "does not match the specified platform") != NULL)
		/* The pull brought what there is; that it is of another platform shows here. */
		container_fail(c, "CannotPullContainerError", r->text);
	else
		container_fail(c, "CannotCreateContainerError",
		    r->text != NULL ? r->text : "the reply has no Id");
}

static void
on_created(const struct engine_reply *r, void *arg)
{
	struct container *c = arg;
	const char *id = json_get_str(r->body, "Id");

	c->req = NULL;
	if (r->text == NULL && id != NULL) {
		container_set_id(c, id);
		container_set_phase(c, PHASE_CREATED);
	} else if (r->status == 404 && c->plan->sandbox && !c->pulled) {
		/* Somebody has removed its image since it was seen: no registry has it. */
		container_set_phase(c, PHASE_NEW);
	} else if (r->status == 409) {
		c->req = engine_inspect(c->task->engine, c->plan->docker_name, on_found, c);
	} else {
		fail_create(c, r);
	}
	task_run(c->task);
}

/* The name is taken: by us, where an earlier call was heard but its answer was not. */
static void
on_found(const struct engine_reply *r, void *arg)
{
	struct container *c = arg;
	struct engine_container facts;

	c->req = NULL;
	if (r->text == NULL && engine_container_read(r->body, &facts) == 0 &&
	    streq(json_get_str(facts.labels, TASK_LABEL), c->task->arn))
		container_learn(c, &facts);
	else
		container_fail(c, "CannotCreateContainerError",
		    r->text != NULL ? r->text
				    : "Error response from daemon: Conflict. The container name is "
				      "already in use.");
	task_run(c->task);
}
