/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One container of the plan as the body of the Engine's create call: every field of a container
 * definition that a Linux Engine can do, in the order of the table in RegisterTaskDefinition's
 * documentation. Called by container.c.
 */
#include "shim/plan.h"
#include "common/gate.h"

#include <inttypes.h>
#include <string.h>

#define MIB (1024 * 1024)
#define NS_PER_S 1000000000LL
#define CPU_SHARES_MIN 2 /* agent: task_linux.go dockerCPUShares */
#define CPU_SHARES_MAX 262144
#define MEMORY_MIN_MIB 6     /* ContainerDefinition.memory */
#define HEALTH_INTERVAL_S 30 /* HealthCheck's defaults */
#define HEALTH_TIMEOUT_S 5
#define HEALTH_RETRIES 3
/* So much of a container's output is there for `docker logs`, and may wait for CloudWatch Logs; the
 * disk is not filled. The files are large, since each rotation is a danger for who follows them. */
#define AWSLOGS_FILE_SIZE "128m"
#define AWSLOGS_FILES "4"

/* What is being built, and from what. */
struct body {
	const struct plan *plan;
	const struct plan_container *c;
	const struct container_def *def;
	const struct plan_values *values;
	struct json_object *config, *host;
};

static void put_process(struct body *b, const struct str_list *argv);
static void put_environment(struct body *b);
static void put_labels(struct body *b);
static void put_health(struct body *b);
static void put_resources(struct body *b);
static void put_network(struct body *b);
static void put_ports(struct body *b);
static void put_volumes(struct body *b);
static void put_linux(struct body *b);
static void put_security(struct body *b);
static void put_logging(struct body *b);
static void put_sysctls(struct body *b);
static void put_sandbox(struct body *b);

int
plan_body(const struct plan *p, size_t i, const struct plan_image *image,
    const struct plan_values *values, char **ret, struct err *e)
{
	static const struct plan_values nothing = { 0 };
	_cleanup_arena_ struct arena a = { 0 };
	_cleanup_json_ struct json_object *config = json_object_new_object();
	struct str_list argv = { 0 };
	struct body b = {
		.plan = p,
		.c = &p->containers[i],
		.def = p->containers[i].def,
		.values = values != NULL ? values : &nothing,
		.config = config,
		.host = json_object_new_object(),
	};

	json_add(config, "HostConfig", b.host);
	if (b.c->sandbox) {
		put_sandbox(&b);
		*ret = xstrdup(json_print(config));
		return 0;
	}
	plan_argv(p, i, image, &argv, &a);
	if (argv.n == 0)
		return err_set(e, ERR_CLIENT, "Error response from daemon: No command specified");
	put_process(&b, &argv);
	put_environment(&b);
	put_labels(&b);
	put_health(&b);
	put_resources(&b);
	put_network(&b);
	put_ports(&b);
	put_volumes(&b);
	put_linux(&b);
	put_security(&b);
	put_logging(&b);
	put_sysctls(&b);
	*ret = xstrdup(json_print(config));
	return 0;
}

static struct json_object *
array(struct json_object *o, const char *key)
{
	struct json_object *list = json_get(o, key);

	if (list != NULL)
		return list;
	list = json_object_new_array();
	json_add(o, key, list);
	return list;
}

static struct json_object *
object(struct json_object *o, const char *key)
{
	struct json_object *v = json_get(o, key);

	if (v != NULL)
		return v;
	v = json_object_new_object();
	json_add(o, key, v);
	return v;
}

static void
push(struct json_object *o, const char *key, const char *value)
{
	json_object_array_add(array(o, key), json_object_new_string(value));
}

static void
push_list(struct json_object *o, const char *key, const struct str_list *values)
{
	for (size_t i = 0; i < values->n; i++)
		push(o, key, values->v[i]);
}

static void
put_process(struct body *b, const struct str_list *argv)
{
	json_add_str(b->config, "Image", b->def->image);
	push(b->config, "Entrypoint", GATE_INIT);
	push_list(b->config, "Cmd", argv);
	json_add_str(b->config, "User", b->def->user);
	json_add_str(b->config, "WorkingDir", b->def->working_directory);
	json_add_bool(b->config, "Tty", b->def->pseudo_terminal == TRI_TRUE);
	json_add_bool(b->config, "OpenStdin", b->def->interactive == TRI_TRUE);
	json_add_int(b->config, "StopTimeout", b->c->stop_timeout_s);
}

/* As the agent does, over what the user gave under the same name. */
static void
put_endpoints(struct body *b, struct json_object *env)
{
	/* clang-format off */
	static const struct {
		const char *name, *path;
	} rows[] = {
		{ "ECS_CONTAINER_METADATA_URI",    "/v3/" },
		{ "ECS_CONTAINER_METADATA_URI_V4", "/v4/" },
		{ "ECS_AGENT_URI",                 "/api/" },
	};
	/* clang-format on */
	const struct plan *p = b->plan;
	_cleanup_free_ char *relative = NULL;
	_cleanup_free_ char *full = NULL;

	for (size_t i = 0; b->c->metadata_id != NULL && i < ARRAY_SIZE(rows); i++) {
		_cleanup_free_ char *url =
		    xasprintf("%s%s%s", p->endpoint_url, rows[i].path, b->c->metadata_id);

		json_add_str(env, rows[i].name, url);
	}
	if (p->credentials_id == NULL)
		return;
	relative = xasprintf("/v2/credentials/%s", p->credentials_id);
	full = xasprintf("%s%s", p->endpoint_url, relative);
	if (p->token == NULL) {
		json_add_str(env, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", relative);
	} else {
		json_add_str(env, "AWS_CONTAINER_CREDENTIALS_FULL_URI", full);
		json_add_str(env, "AWS_CONTAINER_AUTHORIZATION_TOKEN", p->token);
	}
}

static void
put_variables(struct json_object *env, const struct key_value *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (v[i].name != NULL)
			json_add_str(env, v[i].name, v[i].value != NULL ? v[i].value : "");
}

/* Where the router listens for whoever speaks its protocol, and that fluentd be root for its
 * socket. */
static void
put_router_environment(struct body *b, struct json_object *env)
{
	const struct td_firelens *router = b->def->firelens_configuration;
	const char *address =
	    b->plan->def.network_mode == NETWORK_AWSVPC ? "127.0.0.1" : b->plan->router_address;

	if (router != NULL && router->type == FIRELENS_FLUENTD)
		json_add_str(env, "FLUENT_UID", "0");
	if (address == NULL || !plan_is_routed(b->plan, (size_t)(b->c - b->plan->containers)))
		return;
	json_add_str(env, "FLUENT_HOST", address);
	json_add_str(env, "FLUENT_PORT", FIRELENS_PORT);
}

/* The last one of a name wins; the definition wins over environment files, the override over the
 * definition (ContainerOverride.environment), secrets over all (agent: task.go
 * PopulateSecrets). */
static void
put_environment(struct body *b)
{
	_cleanup_json_ struct json_object *env = json_object_new_object();

	json_add_str(env, "AWS_ENDPOINT_URL", b->plan->api_url);
	json_add_str(env, "AWS_EXECUTION_ENV", b->plan->execution_env);
	json_add_str(env, "AWS_REGION", b->plan->region);
	json_add_str(env, "AWS_DEFAULT_REGION", b->plan->region);
	put_variables(env, b->values->files.v, b->values->files.n);
	put_variables(env, b->def->environment.v, b->def->environment.n);
	if (b->c->override != NULL)
		put_variables(env, b->c->override->environment.v, b->c->override->environment.n);
	put_variables(env, b->values->secrets.v, b->values->secrets.n);
	put_router_environment(b, env);
	put_endpoints(b, env);
	json_object_object_foreach(env, name, value)
	{
		_cleanup_free_ char *pair = xasprintf("%s=%s", name, json_object_get_string(value));

		push(b->config, "Env", pair);
	}
}

/* Ours come last: dockerLabels cannot take them over. */
static void
put_labels(struct body *b)
{
	struct json_object *labels = object(b->config, "Labels");

	for (size_t i = 0; i < b->def->docker_labels.n; i++)
		json_add_str(
		    labels, b->def->docker_labels.keys[i], b->def->docker_labels.values[i]);
	for (size_t i = 0; i < b->plan->n_labels; i++)
		json_add_str(labels, b->plan->labels[i][0], b->plan->labels[i][1]);
	json_add_str(labels, "localemu.container-name", b->def->name);
	json_add_str(labels, "com.amazonaws.ecs.container-name", b->def->name);
}

/* Without one in the definition the image's own HEALTHCHECK stays, but ECS does not report it. */
static void
put_health(struct body *b)
{
	const struct td_health_check *h = b->def->health_check;
	const char *first;
	struct json_object *o;

	if (h == NULL || h->command.n == 0)
		return;
	o = object(b->config, "Healthcheck");
	first = h->command.v[0];
	if (!streq(first, "CMD") && !streq(first, "CMD-SHELL") && !streq(first, "NONE"))
		push(o, "Test", "CMD");
	push_list(o, "Test", &h->command);
	json_add_int(
	    o, "Interval", (h->interval.set ? h->interval.v : HEALTH_INTERVAL_S) * NS_PER_S);
	json_add_int(o, "Timeout", (h->timeout.set ? h->timeout.v : HEALTH_TIMEOUT_S) * NS_PER_S);
	json_add_int(o, "Retries", h->retries.set ? h->retries.v : HEALTH_RETRIES);
	json_add_int(o, "StartPeriod", h->start_period.v * NS_PER_S);
}

/* A container's number, or its override's. */
#define NUMBER(b, m)                                                                               \
	((b)->c->override != NULL && (b)->c->override->m.set ? (b)->c->override->m : (b)->def->m)

/* The task's memory holds for containers without a limit of their own. */
static int64_t
memory_mib(const struct body *b)
{
	int64_t mib = NUMBER(b, memory).v;

	if (mib == 0)
		mib = plan_task_memory_mib(b->plan);
	return mib > 0 && mib < MEMORY_MIN_MIB ? MEMORY_MIN_MIB : mib;
}

/* No container has more than the task, also where there is no cgroup around all of them. */
static void
put_cpu_quota(struct body *b)
{
	int64_t quota = plan_task_quota_us(b->plan);

	json_add_str(b->host, "CgroupParent", b->plan->cgroup_parent);
	if (quota == 0)
		return;
	json_add_int(b->host, "CpuPeriod", PLAN_CPU_PERIOD_US);
	json_add_int(b->host, "CpuQuota", quota);
}

/* resourceRequirements of an override stand for those of the definition. */
static void
put_gpus(struct body *b)
{
	const struct container_override *o = b->c->override;
	bool overridden = o != NULL && o->resource_requirements.n > 0;
	const struct td_resource_requirement *v =
	    overridden ? o->resource_requirements.v : b->def->resource_requirements.v;
	size_t n = overridden ? o->resource_requirements.n : b->def->resource_requirements.n;

	for (size_t i = 0; i < n; i++) {
		struct json_object *request, *all;

		if (v[i].type != RESOURCE_GPU || v[i].value == NULL)
			continue;
		request = json_object_new_object();
		all = json_object_new_array();
		json_object_array_add(all, json_object_new_string("gpu"));
		json_add_int(request, "Count", strtoll(v[i].value, NULL, 10));
		json_object_array_add(array(request, "Capabilities"), all);
		json_object_array_add(array(b->host, "DeviceRequests"), request);
	}
}

static void
put_resources(struct body *b)
{
	int64_t shares = NUMBER(b, cpu).v;
	int64_t memory = memory_mib(b);
	int64_t reservation = NUMBER(b, memory_reservation).v;
	const struct td_linux_parameters *l = b->def->linux_parameters;

	if (shares < CPU_SHARES_MIN)
		shares = CPU_SHARES_MIN;
	json_add_int(b->host, "CpuShares", shares > CPU_SHARES_MAX ? CPU_SHARES_MAX : shares);
	if (memory > 0)
		json_add_int(b->host, "Memory", memory * MIB);
	if (reservation > 0 && (memory == 0 || reservation <= memory))
		json_add_int(b->host, "MemoryReservation", reservation * MIB);
	if (l != NULL && l->max_swap.set && memory > 0) {
		json_add_int(b->host, "MemorySwap", (memory + l->max_swap.v) * MIB);
		if (l->swappiness.set)
			json_add_int(b->host, "MemorySwappiness", l->swappiness.v);
	}
	put_cpu_quota(b);
	for (size_t i = 0; i < b->def->ulimits.n; i++) {
		const struct td_ulimit *u = &b->def->ulimits.v[i];
		struct json_object *o = json_object_new_object();

		json_add_str(o, "Name", ulimit_name_names[u->name]);
		json_add_int(o, "Soft", u->soft_limit.v);
		json_add_int(o, "Hard", u->hard_limit.v);
		json_object_array_add(array(b->host, "Ulimits"), o);
	}
	put_gpus(b);
}

/* The containers of the task share it. */
static bool
has_interface(const struct body *b)
{
	return b->plan->def.network_mode == NETWORK_AWSVPC && b->plan->network.name != NULL &&
	       b->c == &b->plan->containers[b->plan->holder];
}

/* What other tasks of the VPC find it by: its containers, its service, its private DNS name. */
static void
put_aliases(struct body *b, struct json_object *endpoint)
{
	const struct plan *p = b->plan;

	for (size_t i = 0; i < p->n_defined; i++)
		push(endpoint, "Aliases", p->containers[i].def->name);
	if (p->group != NULL && has_prefix(p->group, "service:"))
		push(endpoint, "Aliases", p->group + strlen("service:"));
	if (p->network.dns_name != NULL)
		push(endpoint, "Aliases", p->network.dns_name);
}

/* The address and the MAC of the network interface are the container's own. Older Engines take the
 * MAC for the container, newer ones for the endpoint. */
static void
put_interface(struct body *b)
{
	const struct plan_network *n = &b->plan->network;
	struct json_object *endpoint =
	    object(object(object(b->config, "NetworkingConfig"), "EndpointsConfig"), n->name);

	json_add_str(b->host, "NetworkMode", n->name);
	json_add_str(object(endpoint, "IPAMConfig"), "IPv4Address", n->engine_ipv4);
	json_add_str(endpoint, "MacAddress", n->mac);
	json_add_str(b->config, "MacAddress", n->mac);
	put_aliases(b, endpoint);
	if (n->dns_name == NULL)
		return;
	json_add_str(b->config, "Hostname", n->dns_name);
	if (strchr(n->dns_name, '.') != NULL)
		push(b->host, "DnsSearch", strchr(n->dns_name, '.') + 1);
}

/* NetworkMode, PidMode and IpcMode; who joins another's namespace has no say in names and
 * resolvers. */
static void
put_network(struct body *b)
{
	static const char *const modes[NETWORK_MODE_MAX] = {
		[NETWORK_UNSET] = "bridge",
		[NETWORK_BRIDGE] = "bridge",
		[NETWORK_HOST] = "host",
		[NETWORK_AWSVPC] = "bridge",
		[NETWORK_NONE] = "none",
	};
	const struct plan *p = b->plan;
	bool joins = b->c->joins && p->def.network_mode == NETWORK_AWSVPC;
	_cleanup_free_ char *holder =
	    xasprintf("container:%s", p->containers[p->holder].docker_name);

	json_add_str(b->host, "NetworkMode", joins ? holder : modes[p->def.network_mode]);
	if (has_interface(b))
		put_interface(b);
	if (p->def.pid_mode == PID_HOST)
		json_add_str(b->host, "PidMode", "host");
	else if (p->def.pid_mode == PID_TASK && b->c->joins)
		json_add_str(b->host, "PidMode", holder);
	if (p->def.ipc_mode == IPC_HOST || p->def.ipc_mode == IPC_NONE)
		json_add_str(b->host, "IpcMode", ipc_mode_names[p->def.ipc_mode]);
	else if (p->def.ipc_mode == IPC_TASK && b->c->joins)
		json_add_str(b->host, "IpcMode", holder);
	if (b->def->disable_networking == TRI_TRUE)
		json_add_bool(b->config, "NetworkDisabled", true);
	if (joins)
		return;
	if (b->def->hostname != NULL)
		json_add_str(b->config, "Hostname", b->def->hostname);
	push_list(b->host, "Dns", &b->def->dns_servers);
	push_list(b->host, "DnsSearch", &b->def->dns_search_domains);
	for (size_t i = 0; i < b->def->extra_hosts.n; i++) {
		_cleanup_free_ char *entry = xasprintf("%s:%s", b->def->extra_hosts.v[i].hostname,
		    b->def->extra_hosts.v[i].ip_address);

		push(b->host, "ExtraHosts", entry);
	}
	for (size_t i = 0; i < b->def->links.n; i++) {
		const char *link = b->def->links.v[i];
		size_t len = strcspn(link, ":");

		for (size_t k = 0; k < p->n; k++) {
			const char *name = p->containers[k].def->name;
			_cleanup_free_ char *entry = NULL;

			if (strlen(name) != len || memcmp(name, link, len) != 0)
				continue;
			entry = xasprintf("%s:%s", p->containers[k].docker_name,
			    link[len] == ':' ? link + len + 1 : name);
			push(b->host, "Links", entry);
		}
	}
}

/* hostPort 0: the Engine chooses and is asked afterwards. */
static void
put_port(struct body *b, const struct plan_port *port)
{
	for (int64_t n = 0; n <= port->container_last - port->container_first; n++) {
		_cleanup_free_ char *key =
		    xasprintf("%" PRId64 "/%s", port->container_first + n, port->protocol);
		_cleanup_free_ char *host = port->host_first == 0
						? xstrdup("")
						: xasprintf("%" PRId64, port->host_first + n);
		struct json_object *binding;

		(void)object(object(b->config, "ExposedPorts"), key);
		if (b->plan->def.network_mode == NETWORK_AWSVPC &&
		    json_get(object(b->host, "PortBindings"), key) != NULL)
			continue; /* two containers of one address name the same port */
		binding = json_object_new_object();
		json_add_str(binding, "HostIp", b->plan->publish_address);
		json_add_str(binding, "HostPort", host);
		json_object_array_add(array(object(b->host, "PortBindings"), key), binding);
	}
}

/* In awsvpc mode those of all containers, at the owner of the address. */
static void
put_ports(struct body *b)
{
	const struct plan *p = b->plan;
	bool awsvpc = p->def.network_mode == NETWORK_AWSVPC;

	if (p->def.network_mode == NETWORK_HOST || (awsvpc && b->c != &p->containers[p->holder]))
		return;
	for (size_t i = 0; i < p->n; i++) {
		const struct plan_container *c = &p->containers[i];

		for (size_t k = 0; (awsvpc || c == b->c) && k < c->n_ports; k++)
			put_port(b, &c->ports[k]);
	}
}

static void
put_mount(struct body *b, const char *source, const char *target)
{
	struct json_object *o = json_object_new_object();

	json_add_str(o, "Type", "bind");
	json_add_str(o, "Source", source);
	json_add_str(o, "Target", target);
	json_add_bool(o, "ReadOnly", true);
	json_object_array_add(array(b->host, "Mounts"), o);
}

/* A named volume is made by the Engine with the container, with labels, so that whose it is can be
 * seen later. */
static void
put_named_volume(struct body *b, const struct plan_volume *v, const struct td_mount_point *m)
{
	const struct td_docker_volume *d = v->def->docker;
	struct json_object *o = json_object_new_object();
	struct json_object *options = object(o, "VolumeOptions");

	json_add_str(o, "Type", "volume");
	json_add_str(o, "Source", v->docker_name);
	json_add_str(o, "Target", m->container_path);
	json_add_bool(o, "ReadOnly", m->read_only == TRI_TRUE);
	for (size_t i = 0; d != NULL && i < d->labels.n; i++)
		json_add_str(object(options, "Labels"), d->labels.keys[i], d->labels.values[i]);
	if (v->owned) {
		json_add_str(object(options, "Labels"), "localemu.owner", b->plan->owner);
		json_add_str(object(options, "Labels"), "localemu.task-arn", b->plan->task_arn);
	}
	if (d != NULL && d->driver != NULL)
		json_add_str(object(options, "DriverConfig"), "Name", d->driver);
	for (size_t i = 0; d != NULL && i < d->driver_opts.n; i++)
		json_add_str(object(object(options, "DriverConfig"), "Options"),
		    d->driver_opts.keys[i], d->driver_opts.values[i]);
	json_object_array_add(array(b->host, "Mounts"), o);
}

static void
put_router_volumes(struct body *b)
{
	bool bit = b->def->firelens_configuration->type == FIRELENS_FLUENTBIT;
	const char *const rows[][2] = {
		{ FIRELENS_DIR "/" FIRELENS_CONFIG,
		    bit ? FIRELENS_BIT_CONFIG_TARGET : FIRELENS_D_CONFIG_TARGET },
		{ FIRELENS_SOCKET_DIR, FIRELENS_SOCKET_TARGET },
		{ FIRELENS_DIR "/" FIRELENS_EXTERNAL,
		    bit ? FIRELENS_BIT_EXTERNAL_TARGET : FIRELENS_D_EXTERNAL_TARGET },
	};
	size_t n = b->values->router_config != NULL ? ARRAY_SIZE(rows) : ARRAY_SIZE(rows) - 1;

	for (size_t i = 0; i < n; i++) {
		_cleanup_free_ char *bind =
		    xasprintf("%s/%s:%s", b->plan->gate_parent, rows[i][0], rows[i][1]);

		push(b->host, "Binds", bind);
	}
}

/* A bind by Binds and not by Mounts: the Engine makes a missing host.sourcePath, as ECS promises.
 */
static void
put_volumes(struct body *b)
{
	_cleanup_free_ char *gate = xasprintf("%s/%s", b->plan->gate_parent, b->def->name);

	put_mount(b, b->plan->init_path, GATE_INIT);
	put_mount(b, gate, GATE_DIR);
	if (b->def->firelens_configuration != NULL)
		put_router_volumes(b);
	for (size_t i = 0; i < b->def->mount_points.n; i++) {
		const struct td_mount_point *m = &b->def->mount_points.v[i];
		const struct plan_volume *v = plan_volume_find(b->plan, m->source_volume);

		if (v == NULL || m->container_path == NULL)
			continue;
		if (v->docker_name == NULL) {
			_cleanup_free_ char *bind = xasprintf("%s:%s%s", v->def->host->source_path,
			    m->container_path, m->read_only == TRI_TRUE ? ":ro" : "");

			push(b->host, "Binds", bind);
		} else {
			put_named_volume(b, v, m);
		}
	}
	for (size_t i = 0; i < b->def->volumes_from.n; i++) {
		const struct td_volume_from *f = &b->def->volumes_from.v[i];

		for (size_t k = 0; k < b->plan->n; k++) {
			_cleanup_free_ char *from =
			    xasprintf("%s%s", b->plan->containers[k].docker_name,
				f->read_only == TRI_TRUE ? ":ro" : "");

			if (streq(b->plan->containers[k].def->name, f->source_container))
				push(b->host, "VolumesFrom", from);
		}
	}
}

static void
put_device(struct body *b, const struct td_device *d)
{
	struct json_object *o = json_object_new_object();
	char permissions[4] = "";
	size_t n = 0;

	for (size_t i = 0; i < d->permissions.n && n < sizeof(permissions) - 1; i++)
		permissions[n++] = d->permissions.v[i][0]; /* read, write, mknod */
	json_add_str(o, "PathOnHost", d->host_path);
	json_add_str(
	    o, "PathInContainer", d->container_path != NULL ? d->container_path : d->host_path);
	json_add_str(o, "CgroupPermissions", n > 0 ? permissions : "rwm");
	json_object_array_add(array(b->host, "Devices"), o);
}

static void
put_tmpfs(struct body *b, const struct td_tmpfs *t)
{
	char *options = xasprintf("size=%" PRId64 "m", t->size.v);

	for (size_t i = 0; i < t->mount_options.n; i++) {
		char *more = xasprintf("%s,%s", options, t->mount_options.v[i]);

		free(options);
		options = more;
	}
	json_add_str(object(b->host, "Tmpfs"), t->container_path, options);
	free(options);
}

static void
put_linux(struct body *b)
{
	const struct td_linux_parameters *l = b->def->linux_parameters;

	if (l == NULL)
		return;
	if (l->capabilities != NULL) {
		push_list(b->host, "CapAdd", &l->capabilities->add);
		push_list(b->host, "CapDrop", &l->capabilities->drop);
	}
	for (size_t i = 0; i < l->devices.n; i++)
		put_device(b, &l->devices.v[i]);
	for (size_t i = 0; i < l->tmpfs.n; i++)
		put_tmpfs(b, &l->tmpfs.v[i]);
	if (l->init_process_enabled != TRI_UNSET)
		json_add_bool(b->host, "Init", l->init_process_enabled == TRI_TRUE);
	if (l->shared_memory_size.v > 0)
		json_add_int(b->host, "ShmSize", l->shared_memory_size.v * MIB);
}

static void
put_security(struct body *b)
{
	json_add_bool(b->host, "Privileged", b->def->privileged == TRI_TRUE);
	json_add_bool(b->host, "ReadonlyRootfs", b->def->readonly_root_filesystem == TRI_TRUE);
	push_list(b->host, "SecurityOpt", &b->def->docker_security_options);
	for (size_t i = 0; i < b->def->credential_specs.n; i++)
		push(b->host, "SecurityOpt", b->def->credential_specs.v[i]);
}

/* The router's socket, as the Engine sees it (agent: docker_task_engine.go getFirelensLogConfig).
 */
static void
put_router_logging(struct body *b)
{
	const struct str_map *options = &b->def->log_configuration->options;
	const char *id = strrchr(b->plan->task_arn, '/');
	_cleanup_free_ char *tag =
	    xasprintf("%s-firelens-%s", b->def->name, id != NULL ? id + 1 : "");
	_cleanup_free_ char *address =
	    xasprintf("unix://%s/" FIRELENS_SOCKET_DIR "/" FIRELENS_SOCKET, b->plan->gate_parent);
	struct json_object *config = object(object(b->host, "LogConfig"), "Config");

	json_add_str(object(b->host, "LogConfig"), "Type", "fluentd");
	json_add_str(config, "tag", tag);
	json_add_str(config, "fluentd-address", address);
	json_add_str(config, "fluentd-async", "true");
	json_add_str(config, "fluentd-sub-second-precision", "true");
	for (size_t i = 0; i < options->n; i++)
		if (streq(options->keys[i], FIRELENS_BUFFER_LIMIT))
			json_add_str(config, "fluentd-buffer-limit", options->values[i]);
}

/* What the Engine keeps of the output of a container with awslogs: for `docker logs`, and as the
 * buffer that logs.c reads from. */
static void
put_awslogs(const struct body *b)
{
	struct json_object *o = object(b->host, "LogConfig");

	json_add_str(o, "Type", "json-file");
	json_add_str(object(o, "Config"), "max-size", AWSLOGS_FILE_SIZE);
	json_add_str(object(o, "Config"), "max-file", AWSLOGS_FILES);
}

/* The Engine's own drivers as given. */
static void
put_logging(struct body *b)
{
	const struct td_log_configuration *l = b->def->log_configuration;
	struct json_object *o;

	if (plan_is_routed(b->plan, (size_t)(b->c - b->plan->containers)))
		put_router_logging(b);
	if (l == NULL || l->log_driver == LOG_DRIVER_UNSET ||
	    l->log_driver == LOG_DRIVER_AWSFIRELENS)
		return;
	if (l->log_driver == LOG_DRIVER_AWSLOGS) {
		put_awslogs(b);
		return;
	}
	o = object(b->host, "LogConfig");
	json_add_str(o, "Type", log_driver_names[l->log_driver]);
	for (size_t i = 0; i < l->options.n; i++)
		json_add_str(object(o, "Config"), l->options.keys[i], l->options.values[i]);
	put_variables(object(o, "Config"), b->values->log_options.v, b->values->log_options.n);
}

/* net.* belongs to the namespace: in awsvpc mode to its owner, whichever container asked
 * (SystemControl). */
static void
put_sysctls(struct body *b)
{
	bool shared = b->plan->def.network_mode == NETWORK_AWSVPC;

	for (size_t i = 0; i < b->plan->n; i++) {
		const struct plan_container *c = &b->plan->containers[i];

		for (size_t k = 0; k < c->def->system_controls.n; k++) {
			const struct td_system_control *s = &c->def->system_controls.v[k];
			bool net = s->name_space != NULL && has_prefix(s->name_space, "net.");
			bool mine = net && shared ? b->c == &b->plan->containers[b->plan->holder]
						  : c == b->c;

			if (mine && s->name_space != NULL)
				json_add_str(object(b->host, "Sysctls"), s->name_space, s->value);
		}
	}
}

/* It carries neither localemu.cluster nor localemu.task-arn: whoever counts the containers of a
 * task or of a cluster does not count it. */
static void
put_sandbox_labels(struct body *b)
{
	struct json_object *labels = object(b->config, "Labels");
	const struct plan *p = b->plan;

	for (size_t i = 0; i < p->n_labels; i++)
		if (!streq(p->labels[i][0], "localemu.cluster") &&
		    !streq(p->labels[i][0], "localemu.task-arn"))
			json_add_str(labels, p->labels[i][0], p->labels[i][1]);
	json_add_str(labels, "localemu.sandbox-of", p->task_arn);
	json_add_str(labels, "com.amazonaws.ecs.container-name", b->def->name);
}

/* It does nothing, writes nothing and needs no right to anything. */
static void
put_sandbox(struct body *b)
{
	const struct plan *p = b->plan;

	json_add_str(b->config, "Image", b->def->image);
	push(b->config, "Entrypoint", "/init");
	put_sandbox_labels(b);
	json_add_str(
	    b->host, "NetworkMode", p->def.network_mode == NETWORK_AWSVPC ? "bridge" : "none");
	if (has_interface(b))
		put_interface(b);
	if (p->def.ipc_mode == IPC_TASK)
		json_add_str(b->host, "IpcMode", "shareable");
	put_ports(b);
	put_sysctls(b);
	json_add_str(b->host, "CgroupParent", p->cgroup_parent);
	json_add_bool(b->host, "ReadonlyRootfs", true);
	push(b->host, "CapDrop", "ALL");
	push(b->host, "SecurityOpt", "no-new-privileges");
	json_add_str(object(b->host, "LogConfig"), "Type", "none");
}
