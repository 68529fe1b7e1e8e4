/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Accounts for what tasks hold of a container instance (lifecycle.md section 15) and answers for it
 * what the cluster query language asks. Called by the operations on instances and by those that
 * start tasks.
 */
#include "daemon/ecs/container_instance_place.h"

#include "daemon/config.h"
#include "daemon/store/task.h"
#include "daemon/store/task_definition.h"

#include <string.h>

/* --- what tasks hold --- */

static void
add_port(struct instance_use *u, const struct td_port_mapping *m, bool host_network)
{
	int64_t port = host_network && m->host_port.v == 0 ? m->container_port.v : m->host_port.v;
	uint32_t *set = m->protocol == PROTOCOL_UDP ? u->udp : u->tcp;

	if (port > 0 && port < 65536)
		set[port / 32] |= BIT(port % 32);
}

static int64_t
gpus_of(const struct container_def *d)
{
	int64_t n = 0;

	for (size_t i = 0; i < d->resource_requirements.n; i++)
		if (d->resource_requirements.v[i].type == RESOURCE_GPU)
			n += strtol(d->resource_requirements.v[i].value, NULL, 10);
	return n;
}

/* A port that is chosen when the container starts is not reserved. */
void
instance_use_add_definition(struct instance_use *u, const struct task_def *td)
{
	bool host_network = td->network_mode == NETWORK_HOST;
	bool ports =
	    host_network || td->network_mode == NETWORK_BRIDGE || td->network_mode == NETWORK_UNSET;

	for (size_t i = 0; i < td->containers.n; i++) {
		const struct container_def *d = &td->containers.v[i];

		u->gpus += gpus_of(d);
		for (size_t k = 0; ports && k < d->port_mappings.n; k++)
			add_port(u, &d->port_mappings.v[k], host_network);
	}
}

void
instance_use_add(struct instance_use *u, const struct instance_use *more)
{
	u->cpu_units += more->cpu_units;
	u->memory_mib += more->memory_mib;
	u->gpus += more->gpus;
	u->running += more->running;
	u->pending += more->pending;
	for (size_t i = 0; i < ARRAY_SIZE(u->tcp); i++) {
		u->tcp[i] |= more->tcp[i];
		u->udp[i] |= more->udp[i];
	}
}

struct use_walk {
	struct call *c;
	struct instance_use *use;
	int r;
};

static int
add_definition(struct call *c, const struct store_task_use *group, struct instance_use *use)
{
	_cleanup_json_ struct json_object *tree = NULL;
	_cleanup_arena_ struct arena arena = { 0 };
	struct store_task_definition row = { 0 };
	struct task_def td;
	int64_t before = use->gpus;
	int r;

	r = store_task_definition_get(
	    c->store, &c->scope, group->family, group->revision, &row, &c->err);
	if (r == 1) {
		r = task_def_parse(row.doc, &arena, &tree, &td, &c->err);
		if (r == 0)
			instance_use_add_definition(use, &td);
		use->gpus = before + (use->gpus - before) * group->n;
	}
	store_task_definition_done(&row);
	return r;
}

static int
on_use(const struct store_task_use *group, void *arg)
{
	struct use_walk *w = arg;

	w->use->cpu_units += group->cpu_units * group->n;
	w->use->memory_mib += group->memory_mib * group->n;
	w->use->running += group->running ? group->n : 0;
	w->use->pending += group->pending ? group->n : 0;
	w->r = add_definition(w->c, group, w->use);
	return w->r < 0;
}

int
instance_use_read(struct call *c, const char *cluster, const char *id, struct instance_use *ret)
{
	struct use_walk w = { .c = c, .use = ret };
	int r;

	memset(ret, 0, sizeof(*ret));
	r = store_task_list_use(c->store, &c->scope, cluster, id, on_use, &w, &c->err);
	return r < 0 ? r : w.r;
}

/* --- what is left --- */

static struct json_object *
find_resource(struct json_object *doc, const char *name)
{
	struct json_object *list = json_get(doc, "registeredResources");

	for (size_t i = 0; list != NULL && i < json_object_array_length(list); i++)
		if (streq(json_get_str(json_object_array_get_idx(list, i), "name"), name))
			return json_object_array_get_idx(list, i);
	return NULL;
}

static int64_t
registered(struct json_object *doc, const char *name)
{
	return json_get_int(find_resource(doc, name), "integerValue", 0);
}

/* The instance keeps some ports for itself: they are in its resource's set. */
static bool
is_kept(struct json_object *doc, const char *name, const uint32_t *wanted)
{
	struct json_object *set = json_get(find_resource(doc, name), "stringSetValue");

	for (size_t i = 0; set != NULL && i < json_object_array_length(set); i++) {
		long port =
		    strtol(json_object_get_string(json_object_array_get_idx(set, i)), NULL, 10);

		if (port > 0 && port < 65536 && (wanted[port / 32] & BIT(port % 32)) != 0)
			return true;
	}
	return false;
}

static bool
ports_collide(
    struct json_object *doc, const struct instance_use *used, const struct instance_use *wanted)
{
	for (size_t i = 0; i < ARRAY_SIZE(used->tcp); i++)
		if ((used->tcp[i] & wanted->tcp[i]) != 0 || (used->udp[i] & wanted->udp[i]) != 0)
			return true;
	return is_kept(doc, "PORTS", wanted->tcp) || is_kept(doc, "PORTS_UDP", wanted->udp);
}

bool
container_instance_takes_all(const struct call *c, const struct store_container_instance *i)
{
	return i->synthetic && c->config->synthetic_instances == 1 &&
	       config_kind(c->config, KIND_SYNTHETIC_INSTANCE);
}

const char *
container_instance_lacks(const struct call *c, const struct store_container_instance *i,
    struct json_object *doc, const struct instance_use *used, const struct instance_use *wanted)
{
	struct json_object *gpus = json_get(find_resource(doc, "GPU"), "stringSetValue");
	int64_t n_gpus = gpus != NULL ? (int64_t)json_object_array_length(gpus) : 0;

	if (container_instance_takes_all(c, i))
		return NULL;
	if (!json_get_bool(doc, "agentConnected", false))
		return "AGENT";
	if (used->cpu_units + wanted->cpu_units > registered(doc, "CPU"))
		return "RESOURCE:CPU";
	if (used->memory_mib + wanted->memory_mib > registered(doc, "MEMORY"))
		return "RESOURCE:MEMORY";
	if (ports_collide(doc, used, wanted))
		return "RESOURCE:PORTS";
	return wanted->gpus > 0 && used->gpus + wanted->gpus > n_gpus ? "RESOURCE:GPU" : NULL;
}

/* --- the cluster query language --- */

struct answers {
	struct call *c;
	const struct store_container_instance *row;
	struct json_object *doc;
	struct str_list groups;
};

static const char *
on_attribute(const char *name, void *cookie)
{
	struct answers *a = cookie;
	struct json_object *list = json_get(a->doc, "attributes");
	const char *value;

	for (size_t i = 0; list != NULL && i < json_object_array_length(list); i++) {
		struct json_object *o = json_object_array_get_idx(list, i);

		if (!streq(json_get_str(o, "name"), name))
			continue;
		value = json_get_str(o, "value");
		return value != NULL ? value : "";
	}
	return NULL;
}

static int
on_group(const char *group, void *arg)
{
	struct answers *a = arg;
	const char **v;

	/* Doubles at every power of two; what was there before stays in the arena. */
	if ((a->groups.n & (a->groups.n - 1)) == 0) {
		v = arena_alloc(&a->c->arena, (a->groups.n > 0 ? 2 * a->groups.n : 1) * sizeof(*v));
		if (a->groups.n > 0)
			memcpy(v, a->groups.v, a->groups.n * sizeof(*v));
		a->groups.v = v;
	}
	a->groups.v[a->groups.n++] = arena_strdup(&a->c->arena, group);
	return 0;
}

/* A store that cannot be read shows itself where the call goes on. */
static const struct str_list *
on_groups(void *cookie)
{
	struct answers *a = cookie;

	if (!a->groups.set)
		(void)store_task_list_groups(a->c->store, &a->c->scope, a->row->cluster, a->row->id,
		    on_group, a, &a->c->err);
	a->groups.set = true;
	return &a->groups;
}

static int
on_count(const struct store_task_use *group, void *arg)
{
	*(int64_t *)arg += group->running ? group->n : 0;
	return 0;
}

bool
container_instance_matches(struct call *c, const struct cql *q,
    const struct store_container_instance *i, struct json_object *doc)
{
	struct answers a = { .c = c, .row = i, .doc = doc };
	struct cql_instance instance = {
		.agent_connected = json_get_bool(doc, "agentConnected", false),
		.agent_version = json_get_str(json_get(doc, "versionInfo"), "agentVersion"),
		.ec2_instance_id = json_get_str(doc, "ec2InstanceId"),
		.registered_at_ms =
		    (int64_t)(json_object_get_double(json_get(doc, "registeredAt")) * 1000.0 + 0.5),
		.attribute = on_attribute,
		.groups = on_groups,
		.cookie = &a,
	};

	if (store_task_list_use(c->store, &c->scope, i->cluster, i->id, on_count,
		&instance.running_tasks, &c->err) < 0)
		return false;
	return cql_match(q, &instance);
}

int
container_instance_parse(
    struct call *c, const struct store_container_instance *i, struct json_object **ret)
{
	const char *doc = i->doc != NULL ? i->doc : "{}";

	if (json_parse(doc, strlen(doc), ret, &c->err) < 0)
		return err_set(&c->err, ERR_SERVER,
		    "container instance %s: its stored document cannot be read", i->id);
	return 0;
}
