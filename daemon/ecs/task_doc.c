/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a new task looks like to DescribeTasks (lifecycle.md section 9), and what its shim is told
 * of it. Called by the task operations; from then on only events.c changes the document.
 */
#include "daemon/ecs/task.h"

#include "daemon/arn.h"
#include "daemon/ecs/task_network.h"
#include "daemon/ecs/task_service.h"
#include "daemon/fleet.h"
#include "daemon/vpc/vpc.h"
#include "proto/shim.pb-c.h"

#include <stdio.h>
#include <string.h>

#define FARGATE_STORAGE_GIB 20 /* ephemeralStorage where none is asked for */

/* Where the task is. */
struct place {
	Shim__Network *network; /* NULL: not awsvpc */
	const char *zone;
};

static void add_attachments(
    struct json_object *doc, const struct run_plan *p, const struct place *place);
static void add_containers(
    struct call *c, struct json_object *doc, const struct run_plan *p, const char *id);
static void add_overrides(struct json_object *doc, const struct run_plan *p);
static void add_sizes(struct json_object *doc, const struct run_plan *p);
static void add_fargate(struct json_object *doc, const struct run_plan *p);
static void add_attribute(struct json_object *doc, const struct run_plan *p);
static char *make_doc(struct call *c, const struct run_plan *p, size_t index,
    const struct place *place, const struct store_task *t);
static void pack_spec(
    struct call *c, const struct run_plan *p, const struct place *place, struct store_task *t);

/* The containers whose health decides that of the task. */
static int64_t
count_checks(const struct task_def *td)
{
	int64_t n = 0;

	for (size_t i = 0; i < td->containers.n; i++)
		n += td->containers.v[i].essential != TRI_FALSE &&
		     td->containers.v[i].health_check != NULL;
	return n;
}

int
task_doc_build(struct call *c, const struct run_plan *p, size_t index, struct store_task *ret)
{
	bool with_interface = p->td.network_mode == NETWORK_AWSVPC;
	/* A service's tasks go on where the last one was put. */
	size_t first_subnet = p->service != NULL ? p->service->n_there : 0;
	struct place place = { NULL, p->zones[index] };
	int r = 0;

	if (place.zone == NULL)
		place.zone = arena_printf(&c->arena, "%sa", c->scope.region);
	*ret = (struct store_task){
		.scope = c->scope,
		.revision = p->row.revision,
		.group = xstrdup(p->group),
		.started_by = p->in->started_by != NULL ? xstrdup(p->in->started_by) : NULL,
		.instance = p->instances[index] != NULL ? xstrdup(p->instances[index]) : NULL,
		/* Skip what has no work: only a network interface is provisioned (lifecycle.md
		   section 1). */
		.last_status = with_interface ? TASK_PROVISIONING : TASK_PENDING,
		.runner = fleet_runner(c->fleet),
		.created_at_ms = c->now_ms,
		.service = p->service != NULL ? xstrdup(p->service->service) : NULL,
		.provider = p->providers[index] != NULL ? xstrdup(p->providers[index]) : NULL,
		.checks = count_checks(&p->td),
	};
	random_hex(ret->id, 16);
	memcpy(ret->cluster, p->cluster.name, sizeof(ret->cluster));
	memcpy(ret->family, p->row.family, sizeof(ret->family));
	(void)snprintf(
	    ret->launch_type, sizeof(ret->launch_type), "%s", launch_type_names[p->launch]);
	if (with_interface)
		r = task_network_make(
		    c, p, first_subnet + index, ret->id, &place.network, &place.zone);
	if (r < 0)
		return r;
	ret->zone = xstrdup(place.zone);
	ret->doc = make_doc(c, p, index, &place, ret);
	pack_spec(c, p, &place, ret);
	return 0;
}

static char *
make_doc(struct call *c, const struct run_plan *p, size_t index, const struct place *place,
    const struct store_task *t)
{
	_cleanup_json_ struct json_object *doc = json_object_new_object();
	const char *provider = p->providers[index];
	char arn[ARN_MAX];

	add_attachments(doc, p, place);
	add_attribute(doc, p);
	json_add_str(doc, "availabilityZone", place->zone);
	json_add_str(doc, "capacityProviderName", provider);
	json_add_str(doc, "clusterArn", arn_cluster(arn, &c->scope, t->cluster));
	if (t->instance != NULL)
		json_add_str(doc, "containerInstanceArn",
		    arn_container_instance(arn, &c->scope, t->cluster, t->instance));
	add_containers(c, doc, p, t->id);
	add_sizes(doc, p);
	json_add_time(doc, "createdAt", c->now_ms);
	json_add_str(doc, "desiredStatus", "RUNNING");
	json_add_bool(doc, "enableExecuteCommand", p->in->enable_execute_command == TRI_TRUE);
	json_add_str(doc, "group", t->group);
	json_add_str(doc, "healthStatus", health_state_name(HEALTH_UNKNOWN));
	json_add(doc, "inferenceAccelerators", json_object_new_array());
	json_add_str(doc, "lastStatus", task_state_name(t->last_status));
	if (provider == NULL || p->launch == LAUNCH_FARGATE)
		json_add_str(doc, "launchType", t->launch_type);
	add_overrides(doc, p);
	if (p->launch == LAUNCH_FARGATE)
		add_fargate(doc, p);
	json_add_str(doc, "startedBy", t->started_by);
	json_add_str(doc, "taskArn", arn_task(arn, &c->scope, t->cluster, t->id));
	json_add_str(
	    doc, "taskDefinitionArn", arn_task_definition(arn, &c->scope, t->family, t->revision));
	json_add_int(doc, "version", 1);
	return xstrdup(json_print(doc));
}

static void
add_detail(struct json_object *details, const char *name, const char *value)
{
	struct json_object *o = json_object_new_object();

	json_add_str(o, "name", name);
	json_add_str(o, "value", value);
	json_object_array_add(details, o);
}

static struct json_object *
add_attachment(struct json_object *list, const char *type, const char *id)
{
	struct json_object *o = json_object_new_object(), *details = json_object_new_array();

	json_add_str(o, "id", id);
	json_add_str(o, "type", type);
	json_add_str(o, "status", "PRECREATED");
	json_add(o, "details", details);
	json_object_array_add(list, o);
	return details;
}

/* More of the interface is shown once it is being attached: events.c. */
static void
add_attachments(struct json_object *doc, const struct run_plan *p, const struct place *place)
{
	struct json_object *list = json_object_new_array();
	struct json_object *details;
	char id[37];

	if (place->network != NULL)
		add_detail(
		    add_attachment(list, "ElasticNetworkInterface", place->network->attachment_id),
		    "subnetId", place->network->subnet_id);
	for (size_t i = 0; i < p->in->volumes.n; i++) {
		const struct volume_configuration *v = &p->in->volumes.v[i];

		if (v->managed_ebs == NULL)
			continue;
		random_uuid(id);
		details = add_attachment(list, "AmazonElasticBlockStorage", id);
		add_detail(details, "volumeName", v->name);
		add_detail(details, "roleArn", v->managed_ebs->role_arn);
	}
	json_add(doc, "attachments", list);
}

static void
add_attribute(struct json_object *doc, const struct run_plan *p)
{
	const struct td_runtime_platform *platform = p->td.runtime_platform;
	struct json_object *list = json_object_new_array(), *o = json_object_new_object();

	json_add_str(o, "name", "ecs.cpu-architecture");
	json_add_str(o, "value",
	    platform != NULL && platform->cpu_architecture == CPU_ARM64 ? "arm64" : "x86_64");
	json_object_array_add(list, o);
	json_add(doc, "attributes", list);
}

static const struct container_override *
find_override(const struct run_plan *p, const char *name)
{
	const struct task_override *o = p->in->overrides;

	for (size_t i = 0; o != NULL && i < o->containers.n; i++)
		if (streq(o->containers.v[i].name, name))
			return &o->containers.v[i];
	return NULL;
}

/* Sizes of containers are strings in Task.containers, absent where nothing was said; cpu is always
 * there. */
static void
add_size(struct json_object *o, const char *key, const struct opt_int *override,
    const struct opt_int *defined)
{
	const struct opt_int *size = override != NULL && override->set ? override : defined;
	char text[24];

	(void)snprintf(text, sizeof(text), "%lld", (long long)size->v);
	if (size->set || streq(key, "cpu"))
		json_add_str(o, key, text);
}

static void
add_containers(struct call *c, struct json_object *doc, const struct run_plan *p, const char *id)
{
	struct json_object *list = json_object_new_array();
	char arn[ARN_MAX], uuid[37];

	for (size_t i = 0; i < p->td.containers.n; i++) {
		const struct container_def *def = &p->td.containers.v[i];
		const struct container_override *over = find_override(p, def->name);
		struct json_object *o = json_object_new_object();

		random_uuid(uuid);
		json_add_str(
		    o, "containerArn", arn_container(arn, &c->scope, p->cluster.name, id, uuid));
		json_add_str(o, "taskArn", arn_task(arn, &c->scope, p->cluster.name, id));
		json_add_str(o, "name", def->name);
		json_add_str(o, "image", def->image);
		json_add_str(o, "lastStatus", container_state_name(CONTAINER_PENDING));
		json_add(o, "networkBindings", json_object_new_array());
		json_add(o, "networkInterfaces", json_object_new_array());
		json_add_str(o, "healthStatus", health_state_name(HEALTH_UNKNOWN));
		json_add(o, "managedAgents", json_object_new_array());
		add_size(o, "cpu", over != NULL ? &over->cpu : NULL, &def->cpu);
		add_size(o, "memory", over != NULL ? &over->memory : NULL, &def->memory);
		add_size(o, "memoryReservation", over != NULL ? &over->memory_reservation : NULL,
		    &def->memory_reservation);
		json_add(o, "gpuIds", json_object_new_array());
		json_object_array_add(list, o);
	}
	json_add(doc, "containers", list);
}

/* One entry per container, in the definition's order; only a name where nothing is overridden. */
static struct json_object *
list_container_overrides(const struct run_plan *p)
{
	struct json_object *given = json_get(p->overrides, "containerOverrides");
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < p->td.containers.n; i++) {
		const char *name = p->td.containers.v[i].name;
		struct json_object *found = NULL;

		for (size_t k = 0; given != NULL && k < json_object_array_length(given); k++)
			if (streq(json_get_str(json_object_array_get_idx(given, k), "name"), name))
				found = json_copy(json_object_array_get_idx(given, k));
		if (found == NULL) {
			found = json_object_new_object();
			json_add_str(found, "name", name);
		}
		json_object_array_add(list, found);
	}
	return list;
}

static void
add_overrides(struct json_object *doc, const struct run_plan *p)
{
	struct json_object *o =
	    p->overrides != NULL ? json_copy(p->overrides) : json_object_new_object();

	json_add(o, "containerOverrides", list_container_overrides(p));
	if (json_get(o, "inferenceAcceleratorOverrides") == NULL)
		json_add(o, "inferenceAcceleratorOverrides", json_object_new_array());
	json_add(doc, "overrides", o);
}

static void
add_number_text(struct json_object *doc, const char *key, int64_t value)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "%lld", (long long)value);
	json_add_str(doc, key, text);
}

/* Task.cpu and Task.memory: of the overrides, of the definition, or what the containers ask for
 * together. */
void
task_sizes(const struct run_plan *p, int64_t *ret_cpu_units, int64_t *ret_memory_mib)
{
	const struct task_override *over = p->in->overrides;
	const char *cpu = over != NULL && over->cpu != NULL ? over->cpu : p->td.cpu;
	const char *memory = over != NULL && over->memory != NULL ? over->memory : p->td.memory;
	int64_t cpu_units = 0, memory_mib = 0;

	for (size_t i = 0; i < p->td.containers.n; i++) {
		const struct container_def *def = &p->td.containers.v[i];
		const struct container_override *o = find_override(p, def->name);
		int64_t soft = o != NULL && o->memory_reservation.set ? o->memory_reservation.v
								      : def->memory_reservation.v;
		int64_t hard = o != NULL && o->memory.set ? o->memory.v : def->memory.v;

		cpu_units += o != NULL && o->cpu.set ? o->cpu.v : def->cpu.v;
		memory_mib += hard != 0 ? hard : soft;
	}
	/* Both texts were checked when they came in: on failure the sums would stay. */
	if (cpu != NULL)
		(void)task_def_cpu_units(cpu, &cpu_units);
	if (memory != NULL)
		(void)task_def_memory_mib(memory, &memory_mib);
	*ret_cpu_units = cpu_units;
	*ret_memory_mib = memory_mib;
}

static void
add_sizes(struct json_object *doc, const struct run_plan *p)
{
	int64_t cpu_units, memory_mib;

	task_sizes(p, &cpu_units, &memory_mib);
	add_number_text(doc, "cpu", cpu_units);
	add_number_text(doc, "memory", memory_mib);
}

static void
add_fargate(struct json_object *doc, const struct run_plan *p)
{
	const struct td_runtime_platform *platform = p->td.runtime_platform;
	const struct task_override *over = p->in->overrides;
	const struct td_ephemeral_storage *asked = over != NULL && over->ephemeral_storage != NULL
						       ? over->ephemeral_storage
						       : p->td.ephemeral_storage;
	int64_t gib =
	    asked != NULL && asked->size_gib.set ? asked->size_gib.v : FARGATE_STORAGE_GIB;
	struct json_object *storage = json_object_new_object(), *fargate = json_object_new_object();

	json_add_int(storage, "sizeInGiB", gib);
	json_add(doc, "ephemeralStorage", storage);
	json_add_int(fargate, "sizeInGiB", gib);
	json_add(doc, "fargateEphemeralStorage", fargate);
	json_add_str(doc, "platformVersion", p->platform_version);
	json_add_str(doc, "platformFamily",
	    platform == NULL || platform->operating_system_family == OS_UNSET ||
		    platform->operating_system_family == OS_LINUX
		? "Linux"
		: os_family_names[platform->operating_system_family]);
}

/* protobuf-c's strings are not const, though it only reads what it packs. */
static char *
borrow(struct call *c, const char *s)
{
	return arena_strdup(&c->arena, s);
}

/* What the containers' environment and metadata say of them; the ARNs are those of the document. */
static void
pack_containers(
    struct call *c, const struct run_plan *p, const struct store_task *t, Shim__TaskSpec *spec)
{
	_cleanup_json_ struct json_object *doc = NULL;
	size_t n = p->td.containers.n;
	char uuid[37];

	spec->metadata_ids = arena_alloc(&c->arena, n * sizeof(*spec->metadata_ids));
	spec->container_arns = arena_alloc(&c->arena, n * sizeof(*spec->container_arns));
	if (json_parse(t->doc, strlen(t->doc), &doc, NULL) < 0)
		return;
	for (size_t i = 0; i < n; i++) {
		struct json_object *o = json_object_array_get_idx(json_get(doc, "containers"), i);

		random_uuid(uuid);
		spec->metadata_ids[i] = borrow(c, uuid);
		spec->container_arns[i] = borrow(c, json_get_str(o, "containerArn"));
	}
	spec->n_metadata_ids = spec->n_container_arns = n;
}

/* The id stays the same for the task's life: it is in the environment of its containers. */
static void
pack_role(struct call *c, const struct run_plan *p, Shim__TaskSpec *spec)
{
	const struct task_override *o = p->in->overrides;
	const char *role =
	    o != NULL && o->task_role_arn != NULL ? o->task_role_arn : p->td.task_role_arn;
	char uuid[37];

	if (role == NULL || role[0] == '\0')
		return;
	random_uuid(uuid);
	spec->credentials_id = borrow(c, uuid);
}

static void
pack_spec(struct call *c, const struct run_plan *p, const struct place *place, struct store_task *t)
{
	Shim__TaskSpec spec;
	char arn[ARN_MAX], zone_id[32];

	shim__task_spec__init(&spec);
	spec.task_arn = borrow(c, arn_task(arn, &c->scope, t->cluster, t->id));
	spec.task_id = t->id;
	spec.cluster_arn = borrow(c, arn_cluster(arn, &c->scope, t->cluster));
	spec.cluster_name = t->cluster;
	spec.account = t->scope.account;
	spec.region = t->scope.region;
	spec.family = borrow(c, arn_client_name(t->family));
	spec.revision = t->revision;
	spec.launch_type = t->launch_type;
	spec.definition_json = p->row.doc;
	spec.overrides_json =
	    p->overrides != NULL ? borrow(c, json_print(p->overrides)) : spec.overrides_json;
	spec.created_at_ms = t->created_at_ms;
	spec.group = t->group;
	spec.availability_zone = borrow(c, place->zone);
	vpc_zone_id(place->zone, zone_id, sizeof(zone_id));
	spec.availability_zone_id = borrow(c, zone_id);
	spec.network = place->network;
	pack_containers(c, p, t, &spec);
	pack_role(c, p, &spec);
	t->spec_len = shim__task_spec__get_packed_size(&spec);
	t->spec = xcalloc(t->spec_len, 1);
	shim__task_spec__pack(&spec, t->spec);
}

/* Documents are stored without tags. What is printed has them as its last member, put in as text.
 */
int
task_doc_add(struct call *c, struct json_object *list, char *doc, const char *arn)
{
	_cleanup_free_ char *text = doc;
	_cleanup_json_ struct json_object *tags = NULL;
	size_t len = strlen(text);
	int r = 0;

	if (arn != NULL)
		r = tag_set_read(c->store, arn, &tags, &c->err);
	if (r < 0)
		return r;
	if (len > 0 && text[len - 1] == '}')
		text[len - 1] = '\0';
	json_object_array_add(list, json_new_raw(xasprintf("%s,\"tags\":%s}", text,
					tags != NULL ? json_print(tags) : "[]")));
	return 0;
}
