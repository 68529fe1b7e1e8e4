/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Container.networkBindings: which ports of the host lead to a container, as the Engine's inspect
 * tells it. Called by container.c once a container runs.
 */
#include "shim/container.h"
#include "shim/task.h"
#include "common/log.h"

#include <inttypes.h>

void
bindings_clear(struct container *c)
{
	for (size_t i = 0; i < c->n_bindings; i++) {
		free(c->bindings[i].bind_ip);
		free(c->bindings[i].protocol);
		free(c->bindings[i].container_range);
		free(c->bindings[i].host_range);
	}
	free(c->bindings);
	c->bindings = NULL;
	c->n_bindings = 0;
}

void
bindings_add(struct container *c, const struct container_binding *b)
{
	c->bindings = xrealloc(c->bindings, c->n_bindings + 1, sizeof(*c->bindings));
	c->bindings[c->n_bindings++] = (struct container_binding){
		.bind_ip = xstrdup(b->bind_ip),
		.container_port = b->container_port,
		.host_port = b->host_port,
		.protocol = xstrdup(b->protocol),
		.container_range = b->container_range != NULL ? xstrdup(b->container_range) : NULL,
		.host_range = b->host_range != NULL ? xstrdup(b->host_range) : NULL,
	};
}

static char *
range_text(int64_t first, int64_t n)
{
	return xasprintf("%" PRId64 "-%" PRId64, first, first + n - 1);
}

/* One port of the plan on one address of the host. */
static void
add_one(struct container *c, const struct plan_port *port, const char *ip, int64_t host_port)
{
	int64_t n = port->container_last - port->container_first + 1;
	_cleanup_free_ char *container_range =
	    port->range ? range_text(port->container_first, n) : NULL;
	_cleanup_free_ char *host_range = port->range ? range_text(host_port, n) : NULL;
	_cleanup_free_ char *address = xstrdup(ip);
	_cleanup_free_ char *protocol = xstrdup(port->protocol);

	bindings_add(c, &(struct container_binding){
			    .bind_ip = address,
			    .container_port = port->range ? 0 : port->container_first,
			    .host_port = port->range ? 0 : host_port,
			    .protocol = protocol,
			    .container_range = container_range,
			    .host_range = host_range,
			});
}

/* A number that was taken is somebody's surprise. */
static void
log_moved(const struct container *c)
{
	for (size_t i = 0; i < c->n_bindings; i++) {
		const struct container_binding *b = &c->bindings[i];

		if (b->container_range == NULL && b->container_port != b->host_port)
			log_warn("task", c->task->id,
			    "container %s: port %" PRId64 " is taken on %s: published as %" PRId64,
			    c->name, b->container_port, b->bind_ip, b->host_port);
		else if (b->container_range != NULL && !streq(b->container_range, b->host_range))
			log_warn("task", c->task->id,
			    "container %s: ports %s are taken on %s: published as %s", c->name,
			    b->container_range, b->bind_ip, b->host_range);
	}
}

void
bindings_learn(struct container *c, struct json_object *ports)
{
	struct task *t = c->task;

	if (t->plan.def.network_mode != NETWORK_AWSVPC) {
		bindings_read(c, ports);
		return;
	}
	for (size_t i = 0; c->index == t->plan.holder && i < t->n; i++) {
		bindings_read(&t->containers[i], ports);
		log_moved(&t->containers[i]);
	}
	task_touch(t);
}

void
bindings_read(struct container *c, struct json_object *ports)
{
	bool host_mode = c->task->plan.def.network_mode == NETWORK_HOST;

	bindings_clear(c);
	for (size_t i = 0; i < c->plan->n_ports; i++) {
		const struct plan_port *port = &c->plan->ports[i];
		_cleanup_free_ char *key =
		    xasprintf("%" PRId64 "/%s", port->container_first, port->protocol);
		struct json_object *list = json_get(ports, key);
		size_t n =
		    json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;

		if (host_mode)
			add_one(c, port, "0.0.0.0", port->container_first);
		for (size_t k = 0; !host_mode && k < n; k++) {
			struct json_object *b = json_object_array_get_idx(list, k);
			const char *ip = json_get_str(b, "HostIp");
			const char *host_port = json_get_str(b, "HostPort");

			if (host_port != NULL)
				add_one(c, port, ip != NULL && ip[0] != '\0' ? ip : "0.0.0.0",
				    strtoll(host_port, NULL, 10));
		}
	}
}
