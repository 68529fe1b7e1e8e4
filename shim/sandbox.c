/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is particular in the life of a task's sandbox, and of the owner of an awsvpc task's address:
 * it runs once its network is prepared, it yields where a port is taken, and what has joined it
 * does not outlive it. Called by container.c.
 */
#include "shim/task.h"
#include "common/log.h"

#include <string.h>

static void on_facts(const struct engine_reply *r, void *arg);
static void on_prepared(const struct err *e, void *arg);
static void on_yielded(const struct engine_reply *r, void *arg);

void
sandbox_started(struct container *c)
{
	if (c->task->plan.def.network_mode == NETWORK_AWSVPC)
		c->req = engine_inspect(c->task->engine, c->id, on_facts, c);
	else
		container_is_up(c);
}

static void
on_facts(const struct engine_reply *r, void *arg)
{
	struct container *c = arg;
	struct engine_container facts;

	c->req = NULL;
	if (c->phase != PHASE_STARTING)
		return;
	if (r->text != NULL || engine_container_read(r->body, &facts) < 0 || !facts.running) {
		container_fail(c, "CannotStartContainerError",
		    r->text != NULL ? r->text
				    : "the sandbox ended before its network was prepared");
		task_run(c->task);
		return;
	}
	bindings_learn(c, facts.ports);
	net_prepare(c->task->net, c->index, facts.pid, false, on_prepared, c);
}

static void
on_prepared(const struct err *e, void *arg)
{
	struct container *c = arg;

	if (c->phase != PHASE_STARTING)
		return;
	if (e != NULL)
		container_fail(c, "ResourceInitializationError", e->text);
	else
		container_is_up(c);
	task_run(c->task);
}

bool
sandbox_is_missed(const struct container *c)
{
	bool joined = false;

	for (size_t i = 0; i < c->task->plan.n_defined; i++)
		joined = joined || c->task->containers[i].id != NULL;
	return c->plan->sandbox && joined;
}

/* The Engine's words, of its allocator and of its proxy. On AWS a task has its address for itself:
 * it does not fail because of who else is on this host. */
bool
sandbox_yields(struct container *c, const char *text)
{
	struct task *t = c->task;

	if (t->plan.def.network_mode != NETWORK_AWSVPC || c->index != t->plan.holder ||
	    c->ports_lost || t->desired_stopped ||
	    (strstr(text, "port is already allocated") == NULL &&
		strstr(text, "address already in use") == NULL))
		return false;
	log_info("task", t->id, "%s: other ports are published", text);
	c->ports_lost = true;
	c->req = engine_remove(t->engine, c->id, on_yielded, c);
	free(TAKE(c->id)); /* from here on its events are nobody's */
	return true;
}

static void
on_yielded(const struct engine_reply *r, void *arg)
{
	struct container *c = arg;

	c->req = NULL;
	if (r->text != NULL && r->status != 404)
		container_fail(c, "CannotStartContainerError", r->text);
	else
		container_set_phase(c, PHASE_FETCHED);
	task_run(c->task);
}
