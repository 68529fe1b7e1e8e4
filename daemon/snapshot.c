/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Builds and moves Shim__TaskState objects as a shim would. They are made the way protobuf-c makes
 * them, so that one free takes them down.
 */
#include "daemon/snapshot.h"

#include "common/taskdef.h"

#include <errno.h>

static void add_containers(Shim__TaskState *s, const struct task_def *td);
static void bind_ports(
    Shim__ContainerState *c, const struct container_def *def, int mode, const char *address);
static void set_string(char **where, const char *value);
static void add_interfaces(Shim__TaskState *s, const struct store_task *t);
static int parse_definition(const struct store_task *t, struct arena *a,
    struct json_object **ret_tree, struct task_def *ret);

Shim__TaskState *
snapshot_of(const struct store_task *t)
{
	_cleanup_arena_ struct arena arena = { 0 };
	_cleanup_json_ struct json_object *tree = NULL;
	Shim__TaskState *s = NULL;
	struct task_def td;

	if (t->state_len > 0)
		s = shim__task_state__unpack(NULL, t->state_len, t->state);
	if (s != NULL)
		return s;
	s = xcalloc(1, sizeof(*s));
	shim__task_state__init(s);
	if (parse_definition(t, &arena, &tree, &td) == 0)
		add_containers(s, &td);
	return s;
}

void
snapshot_free(Shim__TaskState *s)
{
	if (s != NULL)
		shim__task_state__free_unpacked(s, NULL);
}

void
snapshot_run(
    Shim__TaskState *s, const struct store_task *t, const char *publish_address, int64_t now)
{
	_cleanup_arena_ struct arena arena = { 0 };
	_cleanup_json_ struct json_object *tree = NULL;
	struct task_def td;
	bool known = parse_definition(t, &arena, &tree, &td) == 0;

	s->seq++;
	s->last_status = SHIM__TASK_STATUS__RUNNING;
	s->connectivity_at_ms = now;
	s->started_at_ms = now;
	for (size_t i = 0; i < s->n_containers; i++) {
		const struct container_def *def =
		    known ? task_def_container(&td, s->containers[i]->name) : NULL;

		s->containers[i]->status = SHIM__CONTAINER_STATUS__CONTAINER_RUNNING;
		if (def != NULL)
			bind_ports(s->containers[i], def, td.network_mode, publish_address);
	}
	add_interfaces(s, t);
}

void
snapshot_end(Shim__TaskState *s, const char *code, const char *reason, int64_t now)
{
	s->seq++;
	s->last_status = SHIM__TASK_STATUS__STOPPED;
	s->desired_stopped = true;
	if (s->stop_code[0] == '\0') {
		set_string(&s->stop_code, code);
		set_string(&s->stopped_reason, reason);
	}
	if (s->stopping_at_ms == 0)
		s->stopping_at_ms = now;
	if (s->execution_stopped_at_ms == 0 && s->started_at_ms != 0)
		s->execution_stopped_at_ms = now;
	if (s->stopped_at_ms == 0)
		s->stopped_at_ms = now;
	for (size_t i = 0; i < s->n_containers; i++)
		s->containers[i]->status = SHIM__CONTAINER_STATUS__CONTAINER_STOPPED;
}

/* Where nothing runs, every container is said to have the address of its task's interface. */
static void
add_interfaces(Shim__TaskState *s, const struct store_task *t)
{
	Shim__TaskSpec *spec = shim__task_spec__unpack(NULL, t->spec_len, t->spec);
	const Shim__Network *n = spec != NULL ? spec->network : NULL;

	for (size_t i = 0; n != NULL && i < s->n_containers; i++) {
		Shim__ContainerState *c = s->containers[i];
		Shim__NetworkInterface *one;

		if (c->n_network_interfaces > 0)
			continue;
		one = xcalloc(1, sizeof(*one));
		shim__network_interface__init(one);
		set_string(&one->private_ipv4_address, n->private_ipv4);
		set_string(&one->attachment_id, n->attachment_id);
		c->network_interfaces = xcalloc(1, sizeof(*c->network_interfaces));
		c->network_interfaces[c->n_network_interfaces++] = one;
	}
	shim__task_spec__free_unpacked(spec, NULL);
}

static int
parse_definition(const struct store_task *t, struct arena *a, struct json_object **ret_tree,
    struct task_def *ret)
{
	Shim__TaskSpec *spec = shim__task_spec__unpack(NULL, t->spec_len, t->spec);
	struct err e;
	int r;

	if (spec == NULL)
		return -EINVAL;
	r = task_def_parse(arena_strdup(a, spec->definition_json), a, ret_tree, ret, &e);
	shim__task_spec__free_unpacked(spec, NULL);
	return r;
}

static void
add_containers(Shim__TaskState *s, const struct task_def *td)
{
	s->containers = xcalloc(td->containers.n, sizeof(*s->containers));
	for (size_t i = 0; i < td->containers.n; i++) {
		Shim__ContainerState *c = xcalloc(1, sizeof(*c));

		shim__container_state__init(c);
		set_string(&c->name, td->containers.v[i].name);
		s->containers[s->n_containers++] = c;
	}
}

/* NetworkBinding is given for bridge and host mode; a port that the Engine would have to choose has
 * none. */
static void
bind_ports(Shim__ContainerState *c, const struct container_def *def, int mode, const char *address)
{
	if (mode == NETWORK_AWSVPC || mode == NETWORK_NONE || c->n_network_bindings > 0)
		return;
	c->network_bindings = xcalloc(def->port_mappings.n, sizeof(*c->network_bindings));
	for (size_t i = 0; i < def->port_mappings.n; i++) {
		const struct td_port_mapping *p = &def->port_mappings.v[i];
		int64_t host_port = mode == NETWORK_HOST ? p->container_port.v : p->host_port.v;
		Shim__NetworkBinding *b;

		if (host_port == 0)
			continue;
		b = xcalloc(1, sizeof(*b));
		shim__network_binding__init(b);
		set_string(&b->bind_ip, mode == NETWORK_HOST ? "0.0.0.0" : address);
		set_string(&b->protocol, p->protocol == PROTOCOL_UDP ? "udp" : "tcp");
		b->container_port = p->container_port.v;
		b->host_port = host_port;
		c->network_bindings[c->n_network_bindings++] = b;
	}
}

static void
set_string(char **where, const char *value)
{
	if (*where != (const char *)protobuf_c_empty_string)
		free(*where);
	*where = xstrdup(value);
}
