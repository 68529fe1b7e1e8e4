/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes the documents of container instances and turns them into replies. A document has what is
 * registered; counts, what is left, tags and health are added when it is printed.
 */
#include "daemon/ecs/container_instance_doc.h"

#include "daemon/arn.h"
#include "daemon/config.h"

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#define CPU_UNITS 1024 /* of one vCPU */
#define ZONES 3        /* that synthetic instances are spread over */

/* clang-format off */
static const char *const target_type_names[] = { NULL, "container-instance", NULL };
enum device_type { DEVICE_UNSET, DEVICE_GPU, DEVICE_NEURON };
static const char *const device_type_names[] = { NULL, "GPU", "NEURON_DEVICE", NULL };

static const struct schema_field attribute_fields[] = {
	F_STR(struct instance_attribute, name, "name", .flags = SCHEMA_REQUIRED, .min_len = 1, .max_len = 255),
	F_STR(struct instance_attribute, value, "value"),
	F_ENUM(struct instance_attribute, target_type, "targetType", target_type_names),
	F_STR(struct instance_attribute, target_id, "targetId"),
};
const struct schema instance_attribute_schema = SCHEMA(struct instance_attribute, attribute_fields, "Attribute");

static const struct schema_field resource_fields[] = {
	F_STR(struct instance_resource, name, "name"),
	F_STR(struct instance_resource, type, "type"),
	F_UNBOUND(SCHEMA_DOUBLE, "doubleValue"),
	F_UNBOUND(SCHEMA_LONG, "longValue"),
	F_INT(struct instance_resource, integer_value, "integerValue"),
	F_STRS(struct instance_resource, set_value, "stringSetValue"),
};
const struct schema instance_resource_schema = SCHEMA(struct instance_resource, resource_fields, "Resource");

static const struct schema_field device_fields[] = {
	F_STR(struct platform_device, id, "id", .flags = SCHEMA_REQUIRED),
	F_ENUM(struct platform_device, type, "type", device_type_names, .flags = SCHEMA_REQUIRED),
};
const struct schema platform_device_schema = SCHEMA(struct platform_device, device_fields, "PlatformDevice");
/* clang-format on */

/* Capabilities that ecs-agent registers for what this machine can do. */
static const char *const capabilities[] = {
	"com.amazonaws.ecs.capability.docker-remote-api.1.24",
	"com.amazonaws.ecs.capability.docker-remote-api.1.40",
	"com.amazonaws.ecs.capability.logging-driver.json-file",
	"com.amazonaws.ecs.capability.privileged-container",
	"ecs.capability.container-health-check",
	"ecs.capability.container-ordering",
};

/* The ports that a container instance keeps for itself (registeredResources of a new one). */
static const char *const kept_ports[] = { "22", "2375", "2376", "51678", "51679" };

/* --- resources --- */

/* A Resource prints all its number members, the unused ones as zero. Takes `set` over. */
static struct json_object *
new_resource(const char *name, const char *type, int64_t value, struct json_object *set)
{
	struct json_object *o = json_object_new_object();

	json_add_str(o, "name", name);
	json_add_str(o, "type", type);
	json_add(o, "doubleValue", json_object_new_double(0.0));
	json_add_int(o, "longValue", 0);
	json_add_int(o, "integerValue", value);
	if (set != NULL)
		json_add(o, "stringSetValue", set);
	return o;
}

struct json_object *
container_instance_machine_resources(void)
{
	struct json_object *list = json_object_new_array(), *kept = json_object_new_array();
	int64_t memory_mib =
	    (int64_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE) / (1024 * 1024);
	int64_t cpu_units = sysconf(_SC_NPROCESSORS_ONLN) * CPU_UNITS;

	for (size_t i = 0; i < ARRAY_SIZE(kept_ports); i++)
		json_object_array_add(kept, json_object_new_string(kept_ports[i]));
	json_object_array_add(list, new_resource("CPU", "INTEGER", cpu_units, NULL));
	json_object_array_add(list, new_resource("MEMORY", "INTEGER", memory_mib, NULL));
	json_object_array_add(list, new_resource("PORTS", "STRINGSET", 0, kept));
	json_object_array_add(
	    list, new_resource("PORTS_UDP", "STRINGSET", 0, json_object_new_array()));
	return list;
}

static struct json_object *
print_set(const struct str_list *given)
{
	struct json_object *set = json_object_new_array();

	for (size_t i = 0; i < given->n; i++)
		json_object_array_add(set, json_object_new_string(given->v[i]));
	return set;
}

/* Of the four types of a Resource, ECS counts with two. */
static int
check_resource(struct call *c, const struct instance_resource *r)
{
	bool is_set = r->type != NULL && streq(r->type, "STRINGSET");

	if (r->name == NULL || r->name[0] == '\0')
		return err_set(
		    &c->err, ERR_INVALID_PARAMETER, "Resource name should not be null or empty.");
	if (!is_set && (r->type == NULL || !streq(r->type, "INTEGER")))
		return err_set(&c->err, ERR_INVALID_PARAMETER,
		    "Resource type of %.100s should be one of [INTEGER, STRINGSET]", r->name);
	if (r->integer_value.v < 0)
		return err_set(&c->err, ERR_INVALID_PARAMETER,
		    "Resource value of %.100s should not be negative.", r->name);
	return 0;
}

int
container_instance_resources(struct call *c, const struct instance_resources *given,
    const struct platform_devices *devices, struct json_object **ret)
{
	_cleanup_json_ struct json_object *list = NULL, *gpus = NULL;
	int r = 0;

	list = given->n == 0 ? container_instance_machine_resources() : json_object_new_array();
	for (size_t i = 0; r == 0 && i < given->n; i++) {
		const struct instance_resource *one = &given->v[i];

		r = check_resource(c, one);
		if (r < 0)
			return r;
		json_object_array_add(
		    list, new_resource(one->name, one->type, one->integer_value.v,
			      streq(one->type, "STRINGSET") ? print_set(&one->set_value) : NULL));
	}
	gpus = json_object_new_array();
	for (size_t i = 0; i < devices->n; i++)
		if (devices->v[i].type == DEVICE_GPU)
			json_object_array_add(gpus, json_object_new_string(devices->v[i].id));
	if (json_object_array_length(gpus) > 0)
		json_object_array_add(
		    list, new_resource("GPU", "STRINGSET", 0, json_object_get(gpus)));
	*ret = TAKE(list);
	return 0;
}

/* --- attributes and whole documents --- */

void
container_instance_set_attribute(struct json_object *doc, const char *name, const char *value)
{
	struct json_object *list = json_get(doc, "attributes"), *o = NULL;

	if (list == NULL) {
		list = json_object_new_array();
		json_add(doc, "attributes", list);
	}
	for (size_t i = 0; i < json_object_array_length(list); i++)
		if (streq(json_get_str(json_object_array_get_idx(list, i), "name"), name))
			o = json_object_array_get_idx(list, i);
	if (o == NULL) {
		o = json_object_new_object();
		json_add_str(o, "name", name);
		json_object_array_add(list, o);
	}
	json_object_object_del(o, "value");
	json_add_str(o, "value", value);
}

static void
add_machine_attributes(struct call *c, struct json_object *doc, int number)
{
	struct utsname machine = { 0 };

	(void)uname(&machine); /* cannot fail with a good pointer */
	container_instance_set_attribute(doc, "ecs.availability-zone",
	    arena_printf(&c->arena, "%s%c", c->scope.region, 'a' + number % ZONES));
	container_instance_set_attribute(doc, "ecs.instance-type", "localemu");
	container_instance_set_attribute(doc, "ecs.os-type", "linux");
	container_instance_set_attribute(doc, "ecs.os-family", "LINUX");
	container_instance_set_attribute(doc, "ecs.cpu-architecture",
	    streq(machine.machine, "aarch64") ? "arm64" : machine.machine);
	for (size_t i = 0; i < ARRAY_SIZE(capabilities); i++)
		container_instance_set_attribute(doc, capabilities[i], NULL);
}

void
container_instance_make_synthetic(
    struct call *c, const char *cluster, int number, struct store_container_instance *ret)
{
	_cleanup_json_ struct json_object *doc = json_object_new_object();
	struct json_object *version = json_object_new_object();
	char arn[ARN_MAX], ec2_id[21] = "i-", hex[19];

	*ret = (struct store_container_instance){ .status = "ACTIVE", .synthetic = true };
	random_hex(ret->id, 16);
	(void)snprintf(ret->cluster, sizeof(ret->cluster), "%s", cluster);
	random_hex(hex, 9);
	memcpy(ec2_id + 2, hex, 17);
	json_add_str(version, "agentVersion", LOCALEMU_VERSION);
	json_add_str(
	    doc, "containerInstanceArn", arn_container_instance(arn, &c->scope, cluster, ret->id));
	json_add_str(doc, "ec2InstanceId", ec2_id);
	json_add_int(doc, "version", 1);
	json_add(doc, "versionInfo", version);
	json_add(doc, "registeredResources", container_instance_machine_resources());
	json_add_str(doc, "status", ret->status);
	json_add_bool(doc, "agentConnected", true);
	add_machine_attributes(c, doc, number);
	json_add_time(doc, "registeredAt", c->now_ms);
	json_add(doc, "attachments", json_object_new_array());
	ret->doc = xstrdup(json_print(doc));
}

int
container_instance_save(struct call *c, struct store_container_instance *i, struct json_object *doc)
{
	json_add_int(doc, "version", json_get_int(doc, "version", 0) + 1);
	json_add_str(doc, "status", i->status);
	free(i->doc);
	i->doc = xstrdup(json_print(doc));
	return store_container_instance_put(c->store, &c->scope, i, &c->err);
}

/* --- printing --- */

/* remainingResources lists the ports that are taken, as registeredResources those that are kept. */
static void
add_used_ports(struct json_object *set, const uint32_t *used)
{
	char text[8];

	for (unsigned port = 1; port < 65536; port++) {
		if ((used[port / 32] & BIT(port % 32)) == 0)
			continue;
		(void)snprintf(text, sizeof(text), "%u", port);
		json_object_array_add(set, json_object_new_string(text));
	}
}

static struct json_object *
print_remaining(struct json_object *doc, const struct instance_use *used)
{
	struct json_object *list = json_copy(json_get(doc, "registeredResources"));

	if (list == NULL)
		return json_object_new_array();
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *o = json_object_array_get_idx(list, i);
		struct json_object *set = json_get(o, "stringSetValue");
		const char *name = json_get_str(o, "name");
		size_t n = set != NULL ? json_object_array_length(set) : 0;
		size_t gpus = (size_t)used->gpus < n ? (size_t)used->gpus : n;

		if (streq(name, "CPU"))
			json_add_int(o, "integerValue",
			    json_get_int(o, "integerValue", 0) - used->cpu_units);
		else if (streq(name, "MEMORY"))
			json_add_int(o, "integerValue",
			    json_get_int(o, "integerValue", 0) - used->memory_mib);
		else if (streq(name, "PORTS") && set != NULL)
			add_used_ports(set, used->tcp);
		else if (streq(name, "PORTS_UDP") && set != NULL)
			add_used_ports(set, used->udp);
		else if (streq(name, "GPU") && gpus > 0)
			(void)json_object_array_del_idx(set, 0, gpus); /* gpus is in bounds */
	}
	return list;
}

/* The agent of every instance is this daemon, which is there to answer. */
static struct json_object *
print_health(const struct call *c, struct json_object *doc)
{
	const char *status = json_get_bool(doc, "agentConnected", false) ? "OK" : "IMPAIRED";
	struct json_object *o = json_object_new_object(), *detail = json_object_new_object();
	struct json_object *details = json_object_new_array();
	struct json_object *since = json_get(doc, "registeredAt");

	json_add_str(o, "overallStatus", status);
	json_add_str(detail, "type", "CONTAINER_RUNTIME");
	json_add_str(detail, "status", status);
	json_add_time(detail, "lastUpdated", c->now_ms);
	if (since != NULL)
		json_add(detail, "lastStatusChange", json_object_get(since));
	json_object_array_add(details, detail);
	json_add(o, "details", details);
	return o;
}

int
container_instance_print(struct call *c, const struct store_container_instance *i, unsigned include,
    struct json_object **ret)
{
	struct instance_use *used = arena_alloc(&c->arena, sizeof(*used));
	_cleanup_json_ struct json_object *doc = NULL;
	struct json_object *tags = NULL;
	char arn[ARN_MAX];
	int r = container_instance_parse(c, i, &doc);

	if (r == 0)
		r = instance_use_read(c, i->cluster, i->id, used);
	if (r == 0 && include & INSTANCE_INCLUDE_TAGS)
		r = tag_set_read(c->store,
		    arn_container_instance(arn, &c->scope, i->cluster, i->id), &tags, &c->err);
	if (r < 0)
		return r;
	json_add_int(doc, "runningTasksCount", used->running);
	json_add_int(doc, "pendingTasksCount", used->pending);
	json_add(doc, "remainingResources", print_remaining(doc, used));
	json_add(doc, "tags", tags != NULL ? tags : json_object_new_array());
	if (include & INSTANCE_INCLUDE_HEALTH)
		json_add(doc, "healthStatus", print_health(c, doc));
	*ret = TAKE(doc);
	return 0;
}

/* --- finding --- */

int
container_instance_find(
    struct call *c, const char *cluster, const char *given, struct store_container_instance *ret)
{
	char id[ARN_ID_MAX];
	int r = arn_resolve_container_instance(&c->scope, cluster, given, id, &c->err);

	if (r == 1)
		r = store_container_instance_get(c->store, &c->scope, id, ret, &c->err);
	if (r == 1 && !streq(ret->cluster, cluster)) {
		store_container_instance_done(ret);
		return 0;
	}
	return r;
}

const char *
container_instance_given_arn(struct call *c, const char *cluster, const char *given)
{
	char arn[ARN_MAX];

	if (has_prefix(given, "arn:"))
		return given;
	return arena_strdup(&c->arena, arn_container_instance(arn, &c->scope, cluster, given));
}
