/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Describes this machine as a container instance, with its real processors and memory. Called by
 * RunTask; it must not know tasks.
 */
#include "daemon/ecs/task_instance.h"

#include "daemon/arn.h"
#include "daemon/config.h"
#include "daemon/store/container_instance.h"

#include <string.h>
#include <sys/utsname.h>

#define CPU_UNITS 1024 /* of one vCPU */

/* Attributes that ecs-agent registers with a value, and the capabilities that have none. */
static const char *const capabilities[] = {
	"com.amazonaws.ecs.capability.docker-remote-api.1.24",
	"com.amazonaws.ecs.capability.docker-remote-api.1.40",
	"com.amazonaws.ecs.capability.logging-driver.json-file",
	"com.amazonaws.ecs.capability.privileged-container",
	"ecs.capability.container-health-check",
	"ecs.capability.container-ordering",
};

/* The ports that a container instance keeps for itself (ECS: registeredResources of a new
 * instance). */
static const char *const reserved_ports[] = { "22", "2375", "2376", "51678", "51679" };

static void
add_attribute(struct json_object *list, const char *name, const char *value)
{
	struct json_object *o = json_object_new_object();

	json_add_str(o, "name", name);
	json_add_str(o, "value", value);
	json_object_array_add(list, o);
}

static struct json_object *
make_attributes(const struct call *c)
{
	struct json_object *list = json_object_new_array();
	_cleanup_free_ char *zone = xasprintf("%sa", c->scope.region);
	struct utsname machine = { 0 };

	(void)uname(&machine); /* cannot fail with a good pointer */
	add_attribute(list, "ecs.availability-zone", zone);
	add_attribute(list, "ecs.instance-type", "localemu");
	add_attribute(list, "ecs.os-type", "linux");
	add_attribute(list, "ecs.os-family", "LINUX");
	add_attribute(list, "ecs.cpu-architecture",
	    streq(machine.machine, "aarch64") ? "arm64" : machine.machine);
	for (size_t i = 0; i < ARRAY_SIZE(capabilities); i++)
		add_attribute(list, capabilities[i], NULL);
	return list;
}

/* A Resource prints all its number members, the unused ones as zero. */
static struct json_object *
new_resource(const char *name, const char *type, int64_t value)
{
	struct json_object *o = json_object_new_object();

	json_add_str(o, "name", name);
	json_add_str(o, "type", type);
	json_add(o, "doubleValue", json_object_new_double(0.0));
	json_add_int(o, "longValue", 0);
	json_add_int(o, "integerValue", value);
	return o;
}

static struct json_object *
make_resources(void)
{
	struct json_object *list = json_object_new_array();
	struct json_object *ports = new_resource("PORTS", "STRINGSET", 0);
	struct json_object *ports_udp = new_resource("PORTS_UDP", "STRINGSET", 0);
	struct json_object *set = json_object_new_array();
	int64_t memory_mib =
	    (int64_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE) / (1024 * 1024);

	for (size_t i = 0; i < ARRAY_SIZE(reserved_ports); i++)
		json_object_array_add(set, json_object_new_string(reserved_ports[i]));
	json_add(ports, "stringSetValue", set);
	json_add(ports_udp, "stringSetValue", json_object_new_array());
	json_object_array_add(
	    list, new_resource("CPU", "INTEGER", sysconf(_SC_NPROCESSORS_ONLN) * CPU_UNITS));
	json_object_array_add(list, new_resource("MEMORY", "INTEGER", memory_mib));
	json_object_array_add(list, ports);
	json_object_array_add(list, ports_udp);
	return list;
}

static char *
make_doc(const struct call *c, const char *cluster, const char *id)
{
	_cleanup_json_ struct json_object *o = json_object_new_object();
	struct json_object *version = json_object_new_object();
	char arn[ARN_MAX], ec2_id[20] = "i-", hex[19];

	random_hex(hex, 9);
	memcpy(ec2_id + 2, hex, 17);
	json_add_str(version, "agentVersion", LOCALEMU_VERSION);
	json_add_str(
	    o, "containerInstanceArn", arn_container_instance(arn, &c->scope, cluster, id));
	json_add_str(o, "ec2InstanceId", ec2_id);
	json_add_int(o, "version", 1);
	json_add(o, "versionInfo", version);
	json_add(o, "remainingResources", make_resources());
	json_add(o, "registeredResources", make_resources());
	json_add_str(o, "status", "ACTIVE");
	json_add_bool(o, "agentConnected", true);
	json_add(o, "attributes", make_attributes(c));
	json_add_time(o, "registeredAt", c->now_ms);
	json_add(o, "attachments", json_object_new_array());
	return xstrdup(json_print(o));
}

static int
take_active(const struct store_container_instance *i, void *arg)
{
	if (!streq(i->status, "ACTIVE"))
		return 0;
	memcpy(arg, i->id, sizeof(i->id));
	return 1;
}

int
task_instance_ensure(struct call *c, const char *cluster, char ret_id[static 33])
{
	struct store_container_instance made = { .status = "ACTIVE", .synthetic = true };
	char id[33] = "";
	int r;

	r = store_container_instance_list(
	    c->store, &c->scope, cluster, NULL, INT32_MAX, take_active, id, &c->err);
	if (r < 0)
		return r;
	if (id[0] == '\0') {
		if (!config_kind(c->config, KIND_SYNTHETIC_INSTANCE))
			return 0;
		random_hex(id, 16);
		memcpy(made.id, id, sizeof(id));
		memcpy(made.cluster, cluster, strlen(cluster) + 1);
		made.doc = make_doc(c, cluster, id);
		r = store_container_instance_put(c->store, &c->scope, &made, &c->err);
		store_container_instance_done(&made);
		if (r < 0)
			return r;
	}
	memcpy(ret_id, id, sizeof(id));
	return 1;
}
