/* SPDX-License-Identifier: Apache-2.0 */
/*
 * struct task to shim.TaskState and back. Called by main.c; nothing is decided here.
 */
#include "shim/report.h"

#include <string.h>

/* The generated messages want mutable strings and never write to them. */
static char *
borrow(const char *s)
{
	return s != NULL ? (char *)(uintptr_t)s : (char *)(uintptr_t)protobuf_c_empty_string;
}

static enum container_state
state_of(enum container_phase phase)
{
	if (phase == PHASE_STOPPED)
		return CONTAINER_STOPPED;
	return phase == PHASE_RUNNING ? CONTAINER_RUNNING : CONTAINER_PENDING;
}

static Shim__NetworkBinding **
pack_bindings(const struct container *c, struct arena *a)
{
	Shim__NetworkBinding **list = arena_alloc(a, (c->n_bindings + 1) * sizeof(*list));

	for (size_t i = 0; i < c->n_bindings; i++) {
		const struct container_binding *b = &c->bindings[i];

		list[i] = arena_alloc(a, sizeof(**list));
		shim__network_binding__init(list[i]);
		list[i]->bind_ip = borrow(b->bind_ip);
		list[i]->container_port = b->container_port;
		list[i]->host_port = b->host_port;
		list[i]->protocol = borrow(b->protocol);
		list[i]->container_port_range = borrow(b->container_range);
		list[i]->host_port_range = borrow(b->host_range);
	}
	return list;
}

/* All containers of an awsvpc task have its network interface, once they were created. */
static Shim__NetworkInterface **
pack_interfaces(const struct container *c, struct arena *a, size_t *ret_n)
{
	const struct plan_network *n = &c->task->plan.network;
	Shim__NetworkInterface **list = arena_alloc(a, sizeof(*list));

	*ret_n = n->name != NULL && c->id != NULL;
	if (*ret_n == 0)
		return list;
	list[0] = arena_alloc(a, sizeof(**list));
	shim__network_interface__init(list[0]);
	list[0]->private_ipv4_address = borrow(n->private_ipv4);
	list[0]->attachment_id = borrow(n->attachment_id);
	return list;
}

static Shim__ContainerState *
pack_container(const struct container *c, struct arena *a)
{
	Shim__ContainerState *s = arena_alloc(a, sizeof(*s));

	shim__container_state__init(s);
	s->name = borrow(c->name);
	s->runtime_id = borrow(c->id);
	s->image_digest = borrow(c->digest);
	s->status = (Shim__ContainerStatus)state_of(c->phase);
	s->has_exit_code = c->phase == PHASE_STOPPED && c->has_exit_code;
	s->exit_code = s->has_exit_code ? c->exit_code : 0;
	s->reason = borrow(c->reason);
	s->health = (Shim__HealthStatus)c->health;
	s->n_network_bindings = c->n_bindings;
	s->network_bindings = pack_bindings(c, a);
	s->network_interfaces = pack_interfaces(c, a, &s->n_network_interfaces);
	s->restart_count = c->restart_count;
	return s;
}

void
report_send(const struct task *t, struct link *l)
{
	_cleanup_arena_ struct arena a = { 0 };
	Shim__TaskState s;
	Shim__Frame f;

	shim__task_state__init(&s);
	shim__frame__init(&f);
	s.seq = t->seq;
	s.last_status = (Shim__TaskStatus)t->state;
	s.desired_stopped = t->desired_stopped;
	s.health = (Shim__HealthStatus)task_health(t);
	s.stop_code = borrow(t->stop_code);
	s.stopped_reason = borrow(t->stopped_reason);
	/* What is told stays, and Fargate tells of no pull that was in vain. */
	if (!t->plan.fargate || t->times.pull_stopped != 0)
		s.pull_started_at_ms = t->times.pull_started;
	s.pull_stopped_at_ms = t->times.pull_stopped;
	s.started_at_ms = t->times.started;
	s.connectivity_at_ms = t->times.connectivity;
	s.stopping_at_ms = t->times.stopping;
	s.execution_stopped_at_ms = t->times.execution_stopped;
	s.stopped_at_ms = t->times.stopped;
	s.cleaned_up = t->cleaned_up;
	s.n_containers = t->plan.n_defined;
	s.containers = arena_alloc(&a, (s.n_containers + 1) * sizeof(*s.containers));
	for (size_t i = 0; i < s.n_containers; i++)
		s.containers[i] = pack_container(&t->containers[i], &a);
	f.body_case = SHIM__FRAME__BODY_TASK_STATE;
	f.task_state = &s;
	(void)link_send(l, &f);
}

static char *
keep(const char *s)
{
	return s != NULL && s[0] != '\0' ? xstrdup(s) : NULL;
}

static void
restore_container(struct container *c, const Shim__ContainerState *s)
{
	c->id = keep(s->runtime_id);
	c->digest = keep(s->image_digest);
	c->reason = keep(s->reason);
	c->health = (enum health_state)s->health;
	c->has_exit_code = s->has_exit_code;
	c->exit_code = s->exit_code;
	c->restart_count = s->restart_count;
	if (s->status == SHIM__CONTAINER_STATUS__CONTAINER_STOPPED) {
		c->phase = PHASE_STOPPED;
		c->failed = !s->has_exit_code;
	} else if (s->status == SHIM__CONTAINER_STATUS__CONTAINER_RUNNING) {
		c->phase = PHASE_RUNNING;
		c->gate_passed = true;
	}
	for (size_t i = 0; i < s->n_network_bindings; i++) {
		const Shim__NetworkBinding *b = s->network_bindings[i];

		bindings_add(
		    c, &(struct container_binding){
			   .bind_ip = b->bind_ip,
			   .container_port = b->container_port,
			   .host_port = b->host_port,
			   .protocol = b->protocol,
			   .container_range =
			       b->container_port_range[0] != '\0' ? b->container_port_range : NULL,
			   .host_range = b->host_port_range[0] != '\0' ? b->host_port_range : NULL,
		       });
	}
}

void
report_restore(struct task *t, const Shim__TaskState *last)
{
	if (last == NULL || last->seq == 0)
		return;
	t->seq = last->seq;
	if ((unsigned)last->last_status < TASK_STATE_MAX)
		t->state = (enum task_state)last->last_status;
	t->down = t->state >= TASK_DEPROVISIONING;
	t->desired_stopped = last->desired_stopped;
	t->stop_code = keep(last->stop_code);
	t->stopped_reason = keep(last->stopped_reason);
	t->times = (struct task_times){
		.pull_started = last->pull_started_at_ms,
		.pull_stopped = last->pull_stopped_at_ms,
		.started = last->started_at_ms,
		.connectivity = last->connectivity_at_ms,
		.stopping = last->stopping_at_ms,
		.execution_stopped = last->execution_stopped_at_ms,
		.stopped = last->stopped_at_ms,
	};
	t->cleaned_up = last->cleaned_up;
	for (size_t i = 0; i < t->n; i++)
		for (size_t k = 0; k < last->n_containers; k++)
			if (streq(t->containers[i].name, last->containers[k]->name))
				restore_container(&t->containers[i], last->containers[k]);
}
