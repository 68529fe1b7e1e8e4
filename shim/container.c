/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of one container, one small step per callback. Called by actions.c, sync.c and the
 * task's events; it must not decide about the task.
 */
#include "shim/container.h"
#include "shim/task.h"
#include "common/log.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>

/* How long the end of a container that somebody else stopped is held back: `docker restart` looks
 * like `docker stop` until it starts the container again. So a `docker stop` by hand is seen that
 * much later; StopTask never is. */
#define RESTART_WAIT_MS 1000
/* A signal that long ago has nothing to do with the end: `docker restart` waits 10 s before
 * SIGKILL. */
#define KILL_MEMORY_MS 15000
#define PROBE_MS 200
#define PROBES_MAX 10

static void container_start(struct container *c);
static void check_running(struct container *c);
static void settle_exit(struct container *c);
static void container_exited(struct container *c);
static void on_started(const struct engine_reply *r, void *arg);
static void on_ports(const struct engine_reply *r, void *arg);
static void on_stop(const struct engine_reply *r, void *arg);
static void on_still_there(const struct engine_reply *r, void *arg);
static void on_verdict(const struct engine_reply *r, void *arg);
static void on_no_restart(void *arg);
static void on_start_timeout(void *arg);
static void on_probe(void *arg);
static void on_probed(const struct engine_reply *r, void *arg);
static void on_passed(struct gate *g, const struct gate_failure *failure, void *cookie);

static const struct gate_callbacks gate_callbacks = { .on_arrival = arrival_wait,
	.on_passed = on_passed };

void
container_init(struct container *c, struct task *t, size_t index, const char *name,
    const struct plan_container *plan)
{
	*c = (struct container){ .task = t, .index = index, .name = xstrdup(name), .plan = plan };
	c->awslogs = awslogs_new(c);
}

void
container_done(struct container *c)
{
	timer_free(c->timer);
	timer_free(c->start_timer);
	timer_free(c->credentials_timer);
	pull_free(c->pull);
	gate_free(c->gate);
	awslogs_free(c->awslogs);
	bindings_clear(c);
	arena_done(&c->image_arena);
	free(c->name);
	free(c->id);
	free(c->digest);
	free(c->reason);
	free(c->command);
}

void
container_set_phase(struct container *c, enum container_phase phase)
{
	if (c->phase == phase)
		return;
	c->phase = phase;
	if (phase == PHASE_STOPPED) {
		c->health = HEALTH_UNKNOWN;
		timer_free(TAKE(c->timer));
		timer_free(TAKE(c->start_timer));
		timer_free(TAKE(c->credentials_timer));
		gate_shut(c->gate);
		net_leave(c->task->net, c->index);
	}
	if (phase >= PHASE_RUNNING)
		task_touch(c->task);
	awslogs_update(c);
	task_post(c->task, EV_CHANGED);
}

static void
set_reason(struct container *c, const char *error, const char *text)
{
	_cleanup_free_ char *full = xasprintf("%s: %s", error, text);

	free(c->reason);
	c->reason = xstrndup(full, ERR_TEXT_MAX - 1);
}

void
container_fail(struct container *c, const char *error, const char *text)
{
	if (c->phase == PHASE_STOPPED)
		return;
	set_reason(c, error, text);
	c->failed = true;
	c->stopped_ms = now_ms();
	container_set_phase(c, PHASE_STOPPED);
}

void
container_fail_late(struct container *c, const char *transition, int64_t after_ms)
{
	_cleanup_free_ char *text = engine_timeout_text(transition, after_ms);

	container_fail(c, "DockerTimeoutError", text);
}

void
container_advance(struct container *c)
{
	_cleanup_free_ char *text = NULL;
	int ready;

	if (c->req != NULL || c->task->desired_stopped)
		return;
	switch (c->phase) {
	case PHASE_NEW:
		awslogs_prepare(c);
		image_fetch(c);
		break;
	case PHASE_FETCHED:
		ready = depend_check(c, &text);
		if (ready > 0) {
			container_create(c);
		} else if (ready < 0) {
			container_fail(c, "CannotStartContainerError", text);
			c->has_exit_code =
			    true; /* the agent's: a terminal dependency error counts as 143 */
			c->exit_code = 128 + SIGTERM;
		}
		break;
	case PHASE_CREATED:
		if (awslogs_may_start(c))
			container_start(c);
		break;
	case PHASE_FETCHING:
	case PHASE_CREATING:
	case PHASE_STARTING:
	case PHASE_RUNNING:
	case PHASE_STOPPED:
	case PHASE_MAX:
		break;
	}
}

/* Serves the gate from before the create call to the end of the task. */
int
container_ensure_gate(struct container *c, struct err *e)
{
	if (c->gate != NULL || c->plan->sandbox)
		return 0;
	if (mkdir(c->task->gate_parent, 0755) < 0 && errno != EEXIST)
		return err_set_errno(e, errno, "cannot make %s", c->task->gate_parent);
	return gate_new(
	    c->task->loop, c->task->gate_parent, c->name, &gate_callbacks, c, &c->gate, e);
}

void
container_set_command(struct container *c, const char *command)
{
	free(c->command);
	c->command = command != NULL ? xstrdup(command) : NULL;
}

void
container_set_id(struct container *c, const char *id)
{
	if (streq(c->id, id))
		return;
	free(c->id);
	c->id = xstrdup(id);
	task_touch(c->task);
}

static void
container_start(struct container *c)
{
	c->start_returned = c->gate_passed = c->found_running = c->died = false;
	timer_free(TAKE(c->timer));
	container_set_phase(c, PHASE_STARTING);
	c->req = engine_start(c->task->engine, c->id, on_started, c);
}

static bool
wants_ports(const struct container *c)
{
	const struct plan *p = &c->task->plan;
	bool any = false;

	if (p->def.network_mode != NETWORK_AWSVPC)
		return c->plan->n_ports > 0;
	for (size_t i = 0; c->index == p->holder && i < p->n; i++)
		any = any || p->containers[i].n_ports > 0;
	return any;
}

static void
on_started(const struct engine_reply *r, void *arg)
{
	struct container *c = arg;

	c->req = NULL;
	if (c->phase != PHASE_STARTING)
		return;
	c->found_running = r->status == 304;
	if (r->errnum == ETIMEDOUT) {
		container_fail_late(c, "running", engine_limits_agent.start_ms);
	} else if (r->text != NULL) {
		if (!sandbox_yields(c, r->text))
			container_fail(c, "CannotStartContainerError", r->text);
	} else if (c->plan->sandbox) {
		sandbox_started(c);
	} else if (wants_ports(c) && !c->task->desired_stopped) {
		c->req = engine_inspect(c->task->engine, c->id, on_ports, c);
	} else {
		c->start_returned = true;
		check_running(c);
	}
	task_run(c->task);
}

static void
on_ports(const struct engine_reply *r, void *arg)
{
	struct container *c = arg;

	c->req = NULL;
	if (r->text == NULL)
		bindings_learn(c, json_get(json_get(r->body, "NetworkSettings"), "Ports"));
	c->start_returned = true;
	check_running(c);
	task_touch(c->task);
	task_run(c->task);
}

static void
set_running(struct container *c)
{
	timer_free(TAKE(c->timer));
	if (c->started_ms == 0)
		c->started_ms = now_ms();
	if (c->attempt_ms == 0)
		c->attempt_ms = c->started_ms;
	container_set_phase(c, PHASE_RUNNING);
	if (c->plan->start_timeout_s > 0) {
		c->start_timer = timer_new(c->task->loop, on_start_timeout, c);
		timer_set(c->start_timer, c->plan->start_timeout_s * 1000);
	}
}

/* Start has returned and the user's process was executed: only both together are RUNNING. One that
 * ended meanwhile was RUNNING for a moment, and that is announced. */
static void
check_running(struct container *c)
{
	bool turned_away = c->died && c->exit_code == GATE_EXIT_CLOSED;

	if (c->phase != PHASE_STARTING || (!c->start_returned && !(c->died && c->gate_passed)))
		return;
	/* Who was found running may have passed its gate before anybody looked. */
	if (c->died && c->found_running && !turned_away)
		c->gate_passed = true;
	if (c->gate_passed) {
		set_running(c);
		if (!c->died)
			return;
		task_run(c->task);
		settle_exit(c);
	} else if (c->died && c->task->desired_stopped) {
		c->stopped_ms = now_ms();
		c->failed = true;
		container_set_phase(c, PHASE_STOPPED);
	} else if (turned_away && c->found_running) {
		/* It stood before the gate of a shim that is gone: it is started again. */
		container_set_phase(c, PHASE_CREATED);
	} else if (c->died) {
		container_fail(c, "CannotStartContainerError",
		    "Error response from daemon: the container ended before its process was "
		    "started");
	} else if (c->task->desired_stopped) {
		task_post(c->task, EV_CHANGED);
	}
}

void
container_is_up(struct container *c)
{
	c->start_returned = c->gate_passed = true;
	check_running(c);
}

static void
on_start_timeout(void *arg)
{
	struct container *c = arg;

	c->start_timed_out = true;
	task_post(c->task, EV_CHANGED);
	task_run(c->task);
}

/* Once a container runs, news from the gate is a restart's: its exit would tell of a failure. */
static void
on_passed(struct gate *g, const struct gate_failure *failure, void *cookie)
{
	struct container *c = cookie;

	(void)g;
	c->before_gate = false;
	if (c->phase != PHASE_STARTING)
		return;
	if (failure != NULL) {
		_cleanup_free_ char *text =
		    gate_failure_text(failure, c->command != NULL ? c->command : "");
		_cleanup_free_ char *full = xasprintf("Error response from daemon: %s", text);

		container_fail(c, "CannotStartContainerError", full);
	} else {
		c->gate_passed = true;
		check_running(c);
	}
	task_run(c->task);
}

static bool
killed_by_hand(const struct container *c)
{
	return c->killed_ms != 0 && c->stopped_ms - c->killed_ms < KILL_MEMORY_MS;
}

/* A container that ran has ended; or somebody restarts it. */
static void
settle_exit(struct container *c)
{
	if (!killed_by_hand(c) || c->task->desired_stopped || c->plan->sandbox) {
		container_exited(c);
		return;
	}
	timer_free(c->timer);
	c->timer = timer_new(c->task->loop, on_no_restart, c);
	timer_set(c->timer, RESTART_WAIT_MS);
}

static void
on_die(struct container *c, const struct engine_event *ev)
{
	gate_poll(c->gate);
	if (c->phase == PHASE_STOPPED)
		return;
	c->died = true;
	c->stopped_ms = ev->time_ms;
	/* A restart that the end of the task turned away at the gate: the life before it counts. */
	if (!c->before_gate || !c->task->desired_stopped || ev->exit_code != GATE_EXIT_CLOSED)
		c->exit_code = ev->exit_code;
	if (c->phase == PHASE_STARTING)
		check_running(c);
	else if (c->phase == PHASE_RUNNING)
		settle_exit(c);
}

/* The process ended: what remains open is whether the memory limit did it, which the Engine may say
 * later than die. */
static void
container_exited(struct container *c)
{
	struct opt_int memory = c->plan->def->memory;

	if (c->exit_code == 128 + SIGKILL && memory.v > 0 && !c->oom && !c->sigkilled &&
	    !c->task->desired_stopped && c->req == NULL) {
		c->req = engine_inspect(c->task->engine, c->id, on_verdict, c);
		return;
	}
	if (restart_begin(c))
		return;
	c->has_exit_code = true;
	if (c->oom)
		set_reason(c, "OutOfMemoryError", "Container killed due to memory usage");
	container_set_phase(c, PHASE_STOPPED);
}

static void
on_verdict(const struct engine_reply *r, void *arg)
{
	struct container *c = arg;
	struct engine_container facts;

	c->req = NULL;
	if (c->phase == PHASE_RUNNING) {
		c->oom = r->text == NULL && engine_container_read(r->body, &facts) == 0 &&
			 facts.oom_killed;
		c->sigkilled = !c->oom; /* settled */
		container_exited(c);
	}
	task_run(c->task);
}

static void
on_no_restart(void *arg)
{
	struct container *c = arg;

	container_exited(c);
	task_run(c->task);
}

/* By its policy or by `docker restart`: the same container goes on, its ports may be others. */
void
container_restarted(struct container *c)
{
	if (wants_ports(c) && c->req == NULL)
		c->req = engine_inspect(c->task->engine, c->id, on_ports, c);
}

void
container_restart_failed(struct container *c, const char *text)
{
	c->has_exit_code = true;
	set_reason(c, "CannotStartContainerError", text);
	container_set_phase(c, PHASE_STOPPED);
}

static void
on_restart(struct container *c, int64_t when_ms)
{
	if (!c->died)
		return;
	c->attempt_ms = when_ms;
	c->died = c->sigkilled = c->oom = false;
	c->killed_ms = 0;
	c->health = HEALTH_UNKNOWN;
	timer_free(TAKE(c->timer));
	container_restarted(c);
}

static void
vanished(struct container *c)
{
	c->stopped_ms = now_ms();
	set_reason(c, "ContainerVanishedError", "No container matching saved ID found");
	c->removed = true;
	c->failed = c->phase < PHASE_RUNNING && !c->plan->sandbox;
	container_set_phase(c, PHASE_STOPPED);
}

void
container_on_event(struct container *c, const struct engine_event *ev)
{
	if (ev->kind == ENGINE_DESTROY)
		c->removed = true;
	if (c->phase == PHASE_STOPPED)
		return;
	switch (ev->kind) {
	case ENGINE_DIE:
		on_die(c, ev);
		break;
	case ENGINE_KILL:
		/* SIGKILL first is no restart. */
		if (ev->signal == SIGKILL)
			c->sigkilled = true;
		else
			c->killed_ms = ev->time_ms;
		break;
	case ENGINE_START:
		if (c->phase == PHASE_RUNNING)
			on_restart(c, ev->time_ms);
		break;
	case ENGINE_OOM:
		c->oom = true;
		break;
	case ENGINE_HEALTH:
		if (c->plan->def->health_check != NULL && c->phase == PHASE_RUNNING) {
			c->health = ev->health;
			task_touch(c->task);
			task_post(c->task, EV_CHANGED);
		}
		break;
	case ENGINE_DESTROY:
		if (c->died && c->phase == PHASE_RUNNING)
			container_exited(c);
		else
			vanished(c);
		break;
	case ENGINE_STOP:
	case ENGINE_EVENT_MAX:
		break;
	}
}

void
container_halt(struct container *c)
{
	switch (c->phase) {
	case PHASE_NEW:
	case PHASE_FETCHING:
	case PHASE_FETCHED:
		engine_cancel(TAKE(c->req));
		pull_free(TAKE(c->pull));
		__attribute__((fallthrough));
	case PHASE_CREATED:
		c->failed = true;
		c->stopped_ms = now_ms();
		container_set_phase(c, PHASE_STOPPED);
		break;
	case PHASE_STARTING:
		gate_shut(c->gate);
		if (!c->start_returned)
			break;
		__attribute__((fallthrough));
	case PHASE_RUNNING:
		if (c->restarting)
			break;
		if (c->died)
			container_exited(c);
		else if (c->stop_req == NULL && !depend_is_needed(c))
			c->stop_req = engine_stop(
			    c->task->engine, c->id, c->plan->stop_timeout_s, on_stop, c);
		break;
	case PHASE_CREATING:
	case PHASE_STOPPED:
	case PHASE_MAX:
		break;
	}
}

/* As a rule the event was here before. */
static void
on_stop(const struct engine_reply *r, void *arg)
{
	struct container *c = arg;

	if (c->phase == PHASE_STOPPED) {
		c->stop_req = NULL;
		return;
	}
	if (r->text != NULL && r->status != 404)
		set_reason(c, "CannotStopContainerError", r->text);
	c->stop_req = engine_inspect(c->task->engine, c->id, on_still_there, c);
}

/* A container that cannot be stopped does not hold up the task; the clean-up removes it by force.
 */
static void
on_still_there(const struct engine_reply *r, void *arg)
{
	struct container *c = arg;
	struct engine_container facts;

	c->stop_req = NULL;
	if (c->phase == PHASE_STOPPED)
		return;
	if (r->text == NULL && engine_container_read(r->body, &facts) == 0)
		container_learn(c, &facts);
	else
		container_learn(c, NULL);
	if (c->phase != PHASE_STOPPED) {
		c->stopped_ms = now_ms();
		container_set_phase(c, PHASE_STOPPED);
	}
	task_run(c->task);
}

void
container_forget(struct container *c)
{
	c->req = c->stop_req = NULL;
	pull_forget(TAKE(c->pull));
	c->pulled = false;
	c->start_returned = c->died = c->restarting = false;
	if (c->phase == PHASE_STOPPED)
		return;
	timer_free(TAKE(c->timer));
	if (c->phase < PHASE_RUNNING)
		c->phase = PHASE_NEW;
}

/* It has ended while nobody looked; the Engine kept how. An end before the gate opened was no life:
 * init's own exit says so, and it is started (again). */
static void
learn_end(struct container *c, const struct engine_container *facts)
{
	bool ran = c->phase == PHASE_RUNNING || c->gate_passed;

	if (facts->started_ms == 0 || (!ran && facts->exit_code == GATE_EXIT_CLOSED)) {
		_cleanup_free_ char *text = xasprintf(
		    "Error response from daemon: %s", facts->error != NULL ? facts->error : "");

		if (facts->error != NULL)
			container_fail(c, "CannotStartContainerError", text);
		else
			container_set_phase(c, PHASE_CREATED);
		return;
	}
	if (!ran) {
		c->started_ms = facts->started_ms;
		container_set_phase(c, PHASE_RUNNING);
		task_run(c->task);
	}
	c->died = true;
	c->exit_code = facts->exit_code;
	c->stopped_ms = facts->finished_ms;
	c->attempt_ms = facts->started_ms;
	if (facts->exit_code == GATE_EXIT_CLOSED &&
	    facts->finished_ms - facts->started_ms < PROBE_MS)
		c->before_gate = true;
	if (restart_begin(c))
		return;
	c->has_exit_code = true;
	if (facts->oom_killed)
		set_reason(c, "OutOfMemoryError", "Container killed due to memory usage");
	container_set_phase(c, PHASE_STOPPED);
}

static void
learn_running(struct container *c, const struct engine_container *facts)
{
	if (c->attempt_ms == 0)
		c->attempt_ms = facts->started_ms;
	if (c->died && c->phase == PHASE_RUNNING) {
		container_exited(c); /* this is older than the event */
		return;
	}
	bindings_learn(c, facts->ports);
	if (c->started_ms == 0)
		c->started_ms = facts->started_ms;
	c->attempt_ms = facts->started_ms;
	c->before_gate =
	    c->phase == PHASE_RUNNING && !gate_was_passed(facts->pid, c->task->init_path);
	if (c->phase != PHASE_RUNNING) {
		c->start_returned = true;
		c->found_running = true;
		c->gate_passed = c->gate_passed ||
				 gate_was_passed(facts->pid, c->task->init_path) ||
				 c->probes >= PROBES_MAX;
		container_set_phase(c, PHASE_STARTING);
		check_running(c);
	}
	if (c->phase == PHASE_RUNNING)
		arrival_again(c, facts->pid);
	if (c->phase == PHASE_STARTING) {
		timer_free(c->timer);
		c->timer = timer_new(c->task->loop, on_probe, c);
		timer_set(c->timer, PROBE_MS);
	}
	if (c->plan->def->health_check != NULL && c->phase == PHASE_RUNNING)
		c->health = facts->health;
	task_touch(c->task);
}

/* A container found running that is neither before its gate nor behind it is looked at again: its
 * first process may be about to become init, or about to end. What stays unclear is held to run. */
static void
on_probe(void *arg)
{
	struct container *c = arg;

	if (c->phase != PHASE_STARTING || c->req != NULL)
		return;
	c->probes++;
	c->req = engine_inspect(c->task->engine, c->id, on_probed, c);
}

static void
on_probed(const struct engine_reply *r, void *arg)
{
	struct container *c = arg;
	struct engine_container facts;

	c->req = NULL;
	if (r->text == NULL && engine_container_read(r->body, &facts) == 0 &&
	    c->phase == PHASE_STARTING)
		container_learn(c, &facts);
	task_post(c->task, EV_CHANGED);
	task_run(c->task);
}

void
container_learn(struct container *c, const struct engine_container *facts)
{
	struct err e = { 0 };

	if (c->phase == PHASE_STOPPED)
		return;
	if (facts == NULL || streq(facts->status, "removing")) {
		if (c->id != NULL || sandbox_is_missed(c))
			vanished(c);
		return;
	}
	container_set_id(c, facts->id);
	container_set_command(c, facts->command);
	c->task->maybe_present = true;
	if (container_ensure_gate(c, &e) < 0)
		log_warn("task", c->task->id, "%s", e.text);
	if (facts->running)
		learn_running(c, facts);
	else
		learn_end(c, facts);
}
