/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Task and container documents (see metadata.h), member by member in the order of the agent's
 * structs (ecs-agent: tmds/handlers/v2/response.go, v4/state/response.go).
 */
#include "shim/metadata.h"
#include "shim/logs_options.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/timex.h>
#include <time.h>

#define CPU_UNITS 1024 /* of one vCPU */
#define MIB (1024 * 1024)
#define EPHEMERAL_GIB 20 /* Fargate's, where the definition says nothing */
#define ENGINE_RESOLVER "127.0.0.11"
#define OURS "localemu."
#define OUR_MOUNTS "/.localemu/"

/* The agent's names, which are not those of the API (agent/api/container/status). */
static const char *
known_status(const struct container *c, struct json_object *facts)
{
	switch (c->phase) {
	case PHASE_NEW:
	case PHASE_FETCHING:
		return "NONE";
	case PHASE_FETCHED:
	case PHASE_CREATING:
		return "PULLED";
	case PHASE_CREATED:
		return "CREATED";
	case PHASE_STARTING:
		/* Who asks from inside runs, also while the Engine is still about to say so. */
		return json_get_bool(json_get(facts, "State"), "Running", false) ? "RUNNING"
										 : "CREATED";
	case PHASE_RUNNING:
		return c->plan->sandbox ? "RESOURCES_PROVISIONED" : "RUNNING";
	case PHASE_STOPPED:
	case PHASE_MAX:
		break;
	}
	return "STOPPED";
}

/* A task is as far as its slowest container. */
static const char *
task_known_status(const struct task *t, struct json_object *const *facts)
{
	static const char *const order[] = { "NONE", "PULLED", "CREATED", "RUNNING", "STOPPED" };
	size_t least = ARRAY_SIZE(order) - 1;

	for (size_t i = 0; i < t->plan.n_defined; i++) {
		const char *status = known_status(&t->containers[i], facts[i]);

		for (size_t k = 0; k < least; k++)
			if (streq(order[k], status))
				least = k;
	}
	if (t->n == 0 || streq(order[least], "PULLED"))
		return "NONE"; /* the agent's tasks have no such status */
	return order[least];
}

/* RFC 3339 as Go writes it: no zeros at the end of the fraction. */
static void
add_time(struct json_object *o, const char *key, int64_t ms)
{
	time_t seconds = ms / 1000;
	char text[48], fraction[8] = "";
	struct tm tm;
	size_t n;

	if (ms == 0)
		return;
	(void)gmtime_r(&seconds, &tm);
	n = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	(void)snprintf(fraction, sizeof(fraction), ".%03d", (int)(ms % 1000));
	for (size_t k = strlen(fraction);
	     k > 0 && (fraction[k - 1] == '0' || fraction[k - 1] == '.');)
		fraction[--k] = '\0';
	(void)snprintf(text + n, sizeof(text) - n, "%sZ", fraction);
	json_add_str(o, key, text);
}

/* The Engine writes times as Go does; the year 1 is "never". */
static void
add_engine_time(struct json_object *o, const char *key, const char *text)
{
	if (engine_time_ms(text) > 0)
		json_add_str(o, key, text);
}

static void
add_list(struct json_object *o, const char *key, const char *only)
{
	struct json_object *list;

	if (only == NULL)
		return;
	list = json_object_new_array();
	json_object_array_add(list, json_object_new_string(only));
	json_add(o, key, list);
}

/* As Go prints a float64: 2, 0.25. */
static struct json_object *
number(double value)
{
	char text[32];

	(void)snprintf(text, sizeof(text), "%.12g", value);
	return json_object_new_double_s(value, text);
}

static void
add_object(struct json_object *o, const char *key, struct json_object *value)
{
	if (json_object_object_length(value) > 0)
		json_add(o, key, value);
	else
		json_object_put(value);
}

static void
add_array(struct json_object *o, const char *key, struct json_object *value)
{
	if (json_object_array_length(value) > 0)
		json_add(o, key, value);
	else
		json_object_put(value);
}

static void
add_port(
    struct json_object *list, int64_t container, const char *protocol, int64_t host, const char *ip)
{
	struct json_object *o = json_object_new_object();

	json_add_int(o, "ContainerPort", container);
	json_add_str(o, "Protocol", protocol);
	if (host > 0)
		json_add_int(o, "HostPort", host);
	json_add_str(o, "HostIp", ip);
	json_object_array_add(list, o);
}

static struct json_object *
ports_of(const struct task *t, const struct container *c, unsigned version)
{
	struct json_object *list = json_object_new_array();

	for (size_t k = 0; t->plan.def.network_mode != NETWORK_AWSVPC && k < c->n_bindings; k++)
		if (c->bindings[k].container_port > 0)
			add_port(list, c->bindings[k].container_port, c->bindings[k].protocol,
			    c->bindings[k].host_port, version == 4 ? c->bindings[k].bind_ip : NULL);
	for (size_t k = 0;
	     t->plan.def.network_mode == NETWORK_AWSVPC && k < c->plan->def->port_mappings.n; k++) {
		const struct td_port_mapping *m = &c->plan->def->port_mappings.v[k];

		if (m->container_port.set)
			add_port(list, m->container_port.v,
			    m->protocol == PROTOCOL_UDP ? "udp" : "tcp", m->container_port.v, NULL);
	}
	return list;
}

static struct json_object *
labels_of(struct json_object *facts)
{
	struct json_object *labels = json_get(json_get(facts, "Config"), "Labels");
	struct json_object *out = json_object_new_object();

	if (json_object_is_type(labels, json_type_object)) {
		json_object_object_foreach(labels, key, value)
		{
			if (!has_prefix(key, OURS))
				json_add(out, key, json_object_get(value));
		}
	}
	return out;
}

/* "10.0.2.1/24": the first address of the subnet is the router's. NULL where there is no subnet;
 * the caller's. */
static char *
gateway_of(const char *cidr)
{
	size_t len = cidr != NULL ? strcspn(cidr, "/") : 0;
	char address[INET_ADDRSTRLEN] = "";
	struct in_addr a;

	if (len == 0 || len >= sizeof(address))
		return NULL;
	memcpy(address, cidr, len);
	if (inet_pton(AF_INET, address, &a) != 1)
		return NULL;
	a.s_addr = htonl(ntohl(a.s_addr) + 1);
	(void)inet_ntop(AF_INET, &a, address, sizeof(address));
	return xasprintf("%s%s", address, cidr + len);
}

/* Names are the Engine's to resolve, so that its resolver is the one to ask. */
static void
add_interface(struct json_object *o, const struct plan_network *n, const char *mac)
{
	_cleanup_free_ char *gateway = gateway_of(n->subnet_cidr);
	const char *dot = n->dns_name != NULL ? strchr(n->dns_name, '.') : NULL;

	json_add_int(o, "AttachmentIndex", 0);
	json_add_str(o, "MACAddress", mac);
	json_add_str(o, "IPv4SubnetCIDRBlock", n->subnet_cidr);
	add_list(o, "DomainNameServers", ENGINE_RESOLVER);
	add_list(o, "DomainNameSearchList", dot != NULL ? dot + 1 : NULL);
	json_add_str(o, "PrivateDNSName", n->dns_name);
	json_add_str(o, "SubnetGatewayIpv4Address", gateway);
}

static struct json_object *
networks_of(const struct task *t, size_t i, struct json_object *const *facts, unsigned version)
{
	bool awsvpc = t->plan.def.network_mode == NETWORK_AWSVPC;
	size_t owner = awsvpc && t->plan.containers[i].joins ? t->plan.holder : i;
	struct json_object *networks =
	    json_get(json_get(facts[owner], "NetworkSettings"), "Networks");
	struct json_object *list = json_object_new_array();

	if (!json_object_is_type(networks, json_type_object))
		return list;
	json_object_object_foreach(networks, name, settings)
	{
		struct json_object *o = json_object_new_object();
		struct json_object *v4 = json_object_new_array();
		const char *address = json_get_str(settings, "IPAddress");

		json_add_str(o, "NetworkMode", awsvpc ? "awsvpc" : name);
		if (awsvpc && t->plan.network.private_ipv4 != NULL)
			address = t->plan.network.private_ipv4;
		json_object_array_add(v4, json_object_new_string(address != NULL ? address : ""));
		json_add(o, "IPv4Addresses", v4);
		if (awsvpc && version == 4)
			add_interface(o, &t->plan.network, json_get_str(settings, "MacAddress"));
		json_object_array_add(list, o);
	}
	return list;
}

static struct json_object *
volumes_of(struct json_object *facts)
{
	struct json_object *mounts = json_get(facts, "Mounts"), *list = json_object_new_array();
	size_t n =
	    json_object_is_type(mounts, json_type_array) ? json_object_array_length(mounts) : 0;

	for (size_t k = 0; k < n; k++) {
		struct json_object *m = json_object_array_get_idx(mounts, k);
		const char *to = json_get_str(m, "Destination");
		struct json_object *o;

		if (to == NULL || has_prefix(to, OUR_MOUNTS))
			continue;
		o = json_object_new_object();
		json_add_str(o, "DockerName", json_get_str(m, "Name"));
		json_add_str(o, "Source", json_get_str(m, "Source"));
		json_add_str(o, "Destination", to);
		json_object_array_add(list, o);
	}
	return list;
}

/* The last probe's words; UNKNOWN is left out. */
static void
add_health(struct json_object *o, const struct container *c, struct json_object *facts)
{
	struct json_object *log = json_get(json_get(json_get(facts, "State"), "Health"), "Log");
	size_t n = json_object_is_type(log, json_type_array) ? json_object_array_length(log) : 0;
	struct json_object *last = n > 0 ? json_object_array_get_idx(log, n - 1) : NULL;
	struct json_object *health;

	if (c->plan->def->health_check == NULL)
		return;
	health = json_object_new_object();
	if (c->health != HEALTH_UNKNOWN)
		json_add_str(health, "status", health_state_name(c->health));
	if (c->health != HEALTH_UNKNOWN && last != NULL) {
		add_engine_time(health, "statusSince", json_get_str(last, "End"));
		if (json_get_int(last, "ExitCode", 0) != 0)
			json_add_int(health, "exitCode", json_get_int(last, "ExitCode", 0));
		json_add_str(health, "output", json_get_str(last, "Output"));
	}
	json_add(o, "health", health);
}

static void
add_limits(struct json_object *o, const struct plan_container *c)
{
	const struct container_override *over = c->override;
	int64_t cpu = over != NULL && over->cpu.set ? over->cpu.v : c->def->cpu.v;
	int64_t memory = over != NULL && over->memory.set ? over->memory.v : c->def->memory.v;
	struct json_object *limits = json_object_new_object();

	json_add(limits, "CPU", number((double)(cpu < 2 ? 2 : cpu)));
	json_add_int(limits, "Memory", memory);
	json_add(o, "Limits", limits);
}

/* awslogs-stream-prefix is ECS's own option: what the driver gets instead is shown. */
static void
add_logging(struct json_object *o, const struct container_def *def, const char *task_id)
{
	const struct td_log_configuration *l = def->log_configuration;
	struct json_object *options = json_object_new_object();
	_cleanup_free_ char *stream = NULL;

	if (l != NULL && l->log_driver != LOG_DRIVER_UNSET) {
		json_add_str(o, "LogDriver", log_driver_names[l->log_driver]);
		if (l->log_driver == LOG_DRIVER_AWSLOGS)
			stream = logs_options_stream(l, def->name, task_id);
		for (size_t k = 0; k < l->options.n; k++)
			if (stream == NULL || !streq(l->options.keys[k], "awslogs-stream-prefix"))
				json_add_str(options, l->options.keys[k], l->options.values[k]);
		json_add_str(options, "awslogs-stream", stream);
	}
	add_object(o, "LogOptions", options);
}

static bool
restarts(const struct container_def *def)
{
	return def->restart_policy != NULL && def->restart_policy->enabled == TRI_TRUE;
}

struct json_object *
metadata_container(
    const struct task *t, size_t i, struct json_object *const *facts, unsigned version)
{
	const struct container *c = &t->containers[i];
	struct json_object *state = json_get(facts[i], "State");
	struct json_object *o = json_object_new_object();
	const char *image_id = json_get_str(facts[i], "Image");

	json_add_str(o, "DockerId", c->id != NULL ? c->id : "");
	json_add_str(o, "Name", c->name);
	json_add_str(o, "DockerName", c->plan->docker_name);
	json_add_str(o, "Image", c->plan->def->image);
	json_add_str(o, "ImageID", image_id != NULL && !c->plan->sandbox ? image_id : "");
	add_array(o, "Ports", ports_of(t, c, version));
	add_object(o, "Labels", labels_of(facts[i]));
	json_add_str(o, "DesiredStatus", t->desired_stopped ? "STOPPED" : "RUNNING");
	json_add_str(o, "KnownStatus", known_status(c, facts[i]));
	if (c->phase == PHASE_STOPPED && c->has_exit_code)
		json_add_int(o, "ExitCode", c->exit_code);
	add_limits(o, c->plan);
	add_engine_time(o, "CreatedAt", json_get_str(facts[i], "Created"));
	add_engine_time(o, "StartedAt", json_get_str(state, "StartedAt"));
	if (!json_get_bool(state, "Running", false))
		add_engine_time(o, "FinishedAt", json_get_str(state, "FinishedAt"));
	json_add_str(o, "Type",
	    !c->plan->sandbox                            ? "NORMAL"
	    : t->plan.def.network_mode == NETWORK_AWSVPC ? "CNI_PAUSE"
							 : "NAMESPACE_PAUSE");
	if (version < 4)
		add_array(o, "Networks", networks_of(t, i, facts, version));
	add_health(o, c, facts[i]);
	add_array(o, "Volumes", volumes_of(facts[i]));
	if (version == 4) {
		add_logging(o, c->plan->def, t->id);
		json_add_str(o, "ContainerARN", c->plan->arn);
		if (restarts(c->plan->def))
			json_add_int(o, "RestartCount", c->restart_count);
		add_array(o, "Networks", networks_of(t, i, facts, version));
		if (t->plan.fargate &&
		    streq(json_get_str(json_get(facts[i], "GraphDriver"), "Name"), "overlay2"))
			json_add_str(o, "Snapshotter", "overlayfs");
	}
	return o;
}

static void
add_task_limits(struct json_object *o, const struct plan *p)
{
	const char *cpu = p->overrides.cpu != NULL ? p->overrides.cpu : p->def.cpu;
	const char *memory = p->overrides.memory != NULL ? p->overrides.memory : p->def.memory;
	struct json_object *limits = json_object_new_object();
	int64_t units = 0, mib = 0;

	if (cpu != NULL && task_def_cpu_units(cpu, &units) == 0 && units > 0)
		json_add(limits, "CPU", number((double)units / CPU_UNITS));
	if (memory != NULL && task_def_memory_mib(memory, &mib) == 0 && mib > 0)
		json_add_int(limits, "Memory", mib);
	add_object(o, "Limits", limits);
}

/* What the task's containers have written, and their images, each once. */
static int64_t
storage_used(const struct task *t, struct json_object *const *facts)
{
	int64_t sum = 0;

	for (size_t i = 0; i < t->plan.n_defined; i++) {
		int64_t written = json_get_int(facts[i], "SizeRw", 0);
		const char *image = json_get_str(facts[i], "Image");
		bool counted = image == NULL;

		for (size_t k = 0; k < i; k++)
			counted = counted || streq(image, json_get_str(facts[k], "Image"));
		sum += counted ? written : json_get_int(facts[i], "SizeRootFs", written);
	}
	return sum;
}

static void
add_storage(struct json_object *o, const struct task *t, struct json_object *const *facts)
{
	const struct plan *p = &t->plan;
	const struct td_ephemeral_storage *s = p->overrides.ephemeral_storage != NULL
						   ? p->overrides.ephemeral_storage
						   : p->def.ephemeral_storage;
	int64_t gib = s != NULL && s->size_gib.set ? s->size_gib.v : EPHEMERAL_GIB;
	struct json_object *metrics = json_object_new_object();

	json_add_int(metrics, "Utilized", (storage_used(t, facts) + MIB - 1) / MIB);
	json_add_int(metrics, "Reserved", gib * 1024);
	json_add(o, "EphemeralStorageMetrics", metrics);
}

/* What the kernel holds of its own clock. */
static void
add_clock(struct json_object *o)
{
	struct timex tx = { 0 };
	struct json_object *drift = json_object_new_object();
	int state = adjtimex(&tx);

	json_add(drift, "ClockErrorBound", number((double)tx.maxerror / 1000));
	add_time(drift, "ReferenceTimestamp", now_ms());
	json_add_str(drift, "ClockSynchronizationStatus",
	    state < 0 || state == TIME_ERROR ? "NOT_SYNCHRONIZED" : "SYNCHRONIZED");
	json_add(o, "ClockDrift", drift);
}

struct json_object *
metadata_task(const struct task *t, struct json_object *const *facts, unsigned version)
{
	const struct plan *p = &t->plan;
	struct json_object *o = json_object_new_object(), *list = json_object_new_array();
	char revision[24];

	(void)snprintf(revision, sizeof(revision), "%" PRId64, p->revision);
	json_add_str(o, "Cluster", p->fargate ? p->cluster_arn : p->cluster_name);
	json_add_str(o, "TaskARN", t->arn);
	json_add_str(o, "Family", p->family);
	json_add_str(o, "Revision", revision);
	if (version == 4 && p->group != NULL && has_prefix(p->group, "service:"))
		json_add_str(o, "ServiceName", p->group + strlen("service:"));
	if (version == 4)
		json_add_str(o, "Group", p->group);
	json_add_str(o, "DesiredStatus", t->desired_stopped ? "STOPPED" : "RUNNING");
	json_add_str(o, "KnownStatus", task_known_status(t, facts));
	add_task_limits(o, p);
	add_time(o, "PullStartedAt", t->times.pull_started);
	add_time(o, "PullStoppedAt", t->times.pull_stopped);
	add_time(o, "ExecutionStoppedAt", t->times.execution_stopped);
	json_add_str(o, "AvailabilityZone", p->availability_zone);
	if (version == 4) {
		json_add_str(o, "AvailabilityZoneID", p->availability_zone_id);
		json_add_str(o, "LaunchType", p->launch_type);
		json_add_str(o, "VPCID", p->network.vpc_id);
	}
	for (size_t i = 0; i < (p->fargate ? p->n_defined : t->n); i++)
		if (t->containers[i].id != NULL || t->containers[i].phase == PHASE_FETCHED)
			json_object_array_add(list, metadata_container(t, i, facts, version));
	json_add(o, "Containers", list);
	if (version == 4 && p->fargate) {
		add_clock(o);
		add_storage(o, t, facts);
	}
	if (version == 4)
		json_add_bool(
		    o, "FaultInjectionEnabled", p->def.enable_fault_injection == TRI_TRUE);
	return o;
}
