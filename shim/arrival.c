/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between the arrival of a container's init at its gate and the gate's opening: the namespace is
 * prepared, the credentials that the environment names are there. Called by the gate, by sync's
 * findings and by task.c.
 */
#include "shim/task.h"
#include "common/log.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>

#define CREDENTIALS_WAIT_MS 10000
#define FARGATE_NOFILE 65535 /* soft and hard, where the definition says nothing */

static void refuse(struct container *c, const char *text);

/* The daemon sends them right after the task; where it cannot have them, it only logs why. */
static void
on_no_credentials(void *arg)
{
	struct container *c = arg;

	if (!c->prepared)
		return;
	c->prepared = false;
	refuse(c, "unable to get the credentials of the task role");
}

void
arrival_pass(struct container *c)
{
	if (!c->prepared)
		return;
	timer_free(TAKE(c->credentials_timer));
	if (!task_has_credentials(c->task)) {
		c->credentials_timer = timer_new(c->task->loop, on_no_credentials, c);
		timer_set(c->credentials_timer, CREDENTIALS_WAIT_MS);
		return;
	}
	c->prepared = false;
	if (task_may_open(c->task, c))
		gate_open(c->gate);
	else
		gate_shut(c->gate);
}

/* Without its endpoints no container starts. One that was restarted by hand ends again. */
static void
refuse(struct container *c, const char *text)
{
	log_err("task", c->task->id, "container %s: %s", c->name, text);
	if (c->phase == PHASE_STARTING)
		container_fail(c, "ResourceInitializationError", text);
	gate_shut(c->gate);
	task_run(c->task);
}

static void
on_prepared(const struct err *e, void *arg)
{
	struct container *c = arg;

	if (e != NULL) {
		refuse(c, e->text);
		return;
	}
	c->prepared = true;
	arrival_pass(c);
}

static bool
defines_nofile(const struct container_def *def)
{
	for (size_t i = 0; i < def->ulimits.n; i++)
		if (def->ulimits.v[i].name == ULIMIT_NOFILE)
			return true;
	return false;
}

/* Fargate's default for open files, or as much of it as the Engine gives its containers. What the
 * Engine gives cannot be asked of it, but init has it, and the user's process has what init has. */
static void
limit_files(const struct container *c, pid_t pid)
{
	const struct rlimit wanted = { FARGATE_NOFILE, FARGATE_NOFILE };
	struct rlimit given;

	if (!c->task->plan.fargate || defines_nofile(c->plan->def))
		return;
	if (prlimit(pid, RLIMIT_NOFILE, NULL, &given) == 0) {
		if (given.rlim_max > wanted.rlim_max)
			given.rlim_max = wanted.rlim_max;
		given.rlim_cur = given.rlim_max;
		if (prlimit(pid, RLIMIT_NOFILE, &wanted, NULL) == 0 ||
		    prlimit(pid, RLIMIT_NOFILE, &given, NULL) == 0)
			return;
	}
	log_warn("task", c->task->id, "container %s keeps the Engine's limit of open files: %s",
	    c->name, strerror(errno));
}

void
arrival_wait(struct gate *g, pid_t pid, void *cookie)
{
	struct container *c = cookie;

	c->prepared = false;
	if (!task_may_open(c->task, c)) {
		gate_shut(g);
		return;
	}
	limit_files(c, pid);
	net_prepare(c->task->net, c->index, pid, false, on_prepared, c);
}

/* The namespace of a container that an earlier shim let go. */
static void
on_prepared_again(const struct err *e, void *arg)
{
	struct container *c = arg;

	if (e != NULL)
		log_err("task", c->task->id, "container %s: %s", c->name, e->text);
}

void
arrival_again(struct container *c, pid_t pid)
{
	if (c->plan->sandbox && c->task->plan.def.network_mode != NETWORK_AWSVPC)
		return;
	net_prepare(c->task->net, c->index, pid, true, on_prepared_again, c);
}
