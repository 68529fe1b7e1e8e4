/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes the plan of a task: names, labels, ports, volumes, dependencies and their order. Called
 * once per task by task.c; the Engine's JSON is made in plan_body.c.
 */
#include "shim/plan.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define STOP_TIMEOUT_S 30 /* ECS_CONTAINER_STOP_TIMEOUT's default */
#define STOP_TIMEOUT_MIN_S 1
#define CPU_QUOTA_MIN_US 1000 /* the kernel's */
#define CPU_UNITS 1024        /* of one vCPU */
#define RANGE_FIRST 49153     /* the dynamic host port range of the agent's documentation */
#define RANGE_LAST 65535

static int parse(struct plan *p, const struct plan_input *in, struct err *e);
static size_t find_router(const struct plan *p);
static void name_all(struct plan *p, const struct plan_input *in);
static void plan_container(struct plan *p, size_t i, const struct plan_input *in);
static void plan_ports(struct plan *p, struct plan_container *c);
static void plan_volumes(struct plan *p, const struct plan_input *in);
static int plan_deps(struct plan *p, size_t i, struct err *e);
static int plan_order(struct plan *p, struct err *e);

int
plan_build(const struct plan_input *in, struct plan *ret, struct err *e)
{
	struct plan p = { 0 };
	int r = parse(&p, in, e);

	if (r == 0) {
		name_all(&p, in);
		p.n = p.n_defined = p.def.containers.n;
		p.containers = arena_alloc(&p.arena, (p.n + 1) * sizeof(*p.containers));
		p.order = arena_alloc(&p.arena, (p.n + 1) * sizeof(*p.order));
		p.router = find_router(&p);
		plan_volumes(&p, in);
		for (size_t i = 0; i < p.n; i++)
			plan_container(&p, i, in);
		for (size_t i = 0; r == 0 && i < p.n; i++)
			r = plan_deps(&p, i, e);
	}
	if (r == 0) {
		plan_sandbox(&p, in);
		r = plan_order(&p, e);
	}
	if (r < 0) {
		plan_done(&p);
		return r;
	}
	*ret = p;
	return 0;
}

void
plan_done(struct plan *p)
{
	json_object_put(p->definition_tree);
	json_object_put(p->overrides_tree);
	arena_done(&p->arena);
	*p = (struct plan){ 0 };
}

/* The daemon's own listener is on the same loopback. */
static const char *
read_api_url(struct plan *p)
{
	_cleanup_free_ char *path = xasprintf("%s/port", p->runtime_dir);
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	char text[16] = "";
	long port;

	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
		return NULL;
	port = strtol(text, NULL, 10);
	return port > 0 ? arena_printf(&p->arena, "http://127.0.0.1:%ld", port) : NULL;
}

void
plan_set_endpoint(struct plan *p, uint16_t port, const char *token)
{
	p->endpoint_url = arena_printf(&p->arena, "http://127.0.0.1:%u", port);
	p->token = arena_strdup(&p->arena, token);
	p->api_url = read_api_url(p);
}

static size_t
find_router(const struct plan *p)
{
	size_t i = 0;

	while (i < p->n_defined && p->def.containers.v[i].firelens_configuration == NULL)
		i++;
	return i;
}

bool
plan_is_routed(const struct plan *p, size_t i)
{
	const struct td_log_configuration *log = p->containers[i].def->log_configuration;

	return p->router < p->n_defined && i != p->router && log != NULL &&
	       log->log_driver == LOG_DRIVER_AWSFIRELENS;
}

const char *
plan_router_file(const struct plan *p)
{
	const struct td_firelens *router =
	    p->router < p->n_defined ? p->def.containers.v[p->router].firelens_configuration : NULL;
	const char *value = NULL;
	bool s3 = false;

	for (size_t i = 0; router != NULL && i < router->options.n; i++) {
		if (streq(router->options.keys[i], "config-file-type"))
			s3 = streq(router->options.values[i], "s3");
		else if (streq(router->options.keys[i], "config-file-value"))
			value = router->options.values[i];
	}
	return s3 ? value : NULL;
}

const char *
plan_router_variable(size_t i, const char *name, struct arena *a)
{
	return arena_printf(a, "%s_%zu", name, i);
}

void
plan_set_router_address(struct plan *p, const char *address)
{
	p->router_address = arena_strdup(&p->arena, address);
}

static int
parse(struct plan *p, const struct plan_input *in, struct err *e)
{
	int r = task_def_parse(in->definition_json, &p->arena, &p->definition_tree, &p->def, e);

	if (r == 0 && in->overrides_json != NULL && in->overrides_json[0] != '\0')
		r = task_override_parse(
		    in->overrides_json, &p->arena, &p->overrides_tree, &p->overrides, e);
	return r;
}

static void
add_label(struct plan *p, const char *key, const char *value)
{
	p->labels[p->n_labels][0] = key;
	p->labels[p->n_labels][1] = arena_strdup(&p->arena, value);
	p->n_labels++;
}

/* NULL for nothing, which on the wire is "". */
static const char *
keep(struct plan *p, const char *s)
{
	return s != NULL && s[0] != '\0' ? arena_strdup(&p->arena, s) : NULL;
}

/* The labels of every container of the task (design.md section 7, and the agent's own). */
static void
name_all(struct plan *p, const struct plan_input *in)
{
	const struct td_runtime_platform *platform = p->def.runtime_platform;

	/* Tasks that start at the same time look in different places. */
	p->next_range =
	    RANGE_FIRST + strtoll(arena_printf(&p->arena, "%.4s", in->task_id), NULL, 16) %
			      (RANGE_LAST - RANGE_FIRST);
	p->host_enters = in->host_enters;
	p->fargate = streq(in->launch_type, "FARGATE");
	p->execution_env = p->fargate ? "AWS_ECS_FARGATE" : "AWS_ECS_EC2";
	p->region = arena_strdup(&p->arena, in->region);
	p->gate_parent = arena_strdup(&p->arena, in->gate_parent);
	p->init_path = arena_strdup(&p->arena, in->init_path);
	p->publish_address = arena_strdup(&p->arena, in->publish_address);
	p->task_arn = arena_strdup(&p->arena, in->task_arn);
	p->owner = arena_strdup(&p->arena, in->owner);
	p->cluster_arn = arena_strdup(&p->arena, in->cluster_arn);
	p->cluster_name = arena_strdup(&p->arena, in->cluster_name);
	p->family = arena_strdup(&p->arena, in->family);
	p->launch_type = arena_strdup(&p->arena, in->launch_type);
	p->revision = in->revision;
	p->account = keep(p, in->account);
	p->group = keep(p, in->group);
	p->availability_zone = keep(p, in->availability_zone);
	p->availability_zone_id = keep(p, in->availability_zone_id);
	p->runtime_dir = keep(p, in->runtime_dir);
	p->network = (struct plan_network){
		.name = keep(p, in->network.name),
		.engine_ipv4 = keep(p, in->network.engine_ipv4),
		.private_ipv4 = keep(p, in->network.private_ipv4),
		.mac = keep(p, in->network.mac),
		.vpc_id = keep(p, in->network.vpc_id),
		.subnet_cidr = keep(p, in->network.subnet_cidr),
		.dns_name = keep(p, in->network.dns_name),
		.attachment_id = keep(p, in->network.attachment_id),
		.gateway = keep(p, in->network.gateway),
	};
	p->credentials_id = keep(p, in->credentials_id);
	p->endpoint_url = PLAN_ENDPOINT_URL;
	p->api_url = PLAN_API_URL;
	if (platform != NULL && platform->cpu_architecture != CPU_UNSET)
		p->platform =
		    platform->cpu_architecture == CPU_ARM64 ? "linux/arm64" : "linux/amd64";
	add_label(p, "localemu.service", "ecs");
	add_label(p, "localemu.owner", in->owner);
	add_label(p, "localemu.cluster", in->cluster_arn);
	add_label(p, "localemu.task-arn", in->task_arn);
	add_label(p, "com.amazonaws.ecs.task-arn", in->task_arn);
	add_label(p, "com.amazonaws.ecs.cluster", in->cluster_name);
	add_label(p, "com.amazonaws.ecs.task-definition-family", in->family);
	add_label(p, "com.amazonaws.ecs.task-definition-version",
	    arena_printf(&p->arena, "%" PRId64, in->revision));
}

static const struct container_override *
find_override(const struct plan *p, const char *name)
{
	for (size_t i = 0; i < p->overrides.containers.n; i++)
		if (streq(p->overrides.containers.v[i].name, name))
			return &p->overrides.containers.v[i];
	return NULL;
}

static void
plan_container(struct plan *p, size_t i, const struct plan_input *in)
{
	const struct container_def *def = &p->def.containers.v[i];
	struct plan_container *c = &p->containers[i];

	*c = (struct plan_container){
		.def = def,
		.override = find_override(p, def->name),
		.docker_name =
		    arena_printf(&p->arena, "localemu-ecs-%.*s-%.*s-%s", PLAN_CLUSTER_NAME_MAX,
			in->cluster_name, PLAN_TASK_ID_SHORT, in->task_id, def->name),
		.essential = def->essential != TRI_FALSE,
		.stop_timeout_s = def->stop_timeout.set ? def->stop_timeout.v : STOP_TIMEOUT_S,
		.start_timeout_s = def->start_timeout.set ? def->start_timeout.v : 0,
	};
	c->metadata_id = i < in->n_metadata_ids ? keep(p, in->metadata_ids[i]) : NULL;
	c->arn = i < in->n_container_arns ? keep(p, in->container_arns[i]) : NULL;
	if (c->stop_timeout_s < STOP_TIMEOUT_MIN_S)
		c->stop_timeout_s = STOP_TIMEOUT_MIN_S;
	plan_ports(p, c);
}

static void choose_range(struct plan *p, struct plan_port *port);

/* "8080-8090" */
static bool
parse_range(const char *text, int64_t *first, int64_t *last)
{
	char *end = NULL;

	*first = strtoll(text, &end, 10);
	if (end == text || *end != '-')
		return false;
	text = end + 1;
	*last = strtoll(text, &end, 10);
	return end != text && *first <= *last && *first > 0 && *last <= UINT16_MAX;
}

/* In host mode ports are open by themselves, in awsvpc mode their numbers are the same outside
 * (PortMapping.hostPort). */
static void
plan_ports(struct plan *p, struct plan_container *c)
{
	bool bridge = p->def.network_mode == NETWORK_BRIDGE || p->def.network_mode == NETWORK_UNSET;

	if (p->def.network_mode == NETWORK_NONE)
		return;
	c->ports = arena_alloc(&p->arena, c->def->port_mappings.n * sizeof(*c->ports));
	for (size_t i = 0; i < c->def->port_mappings.n; i++) {
		const struct td_port_mapping *m = &c->def->port_mappings.v[i];
		struct plan_port *port = &c->ports[c->n_ports];

		port->protocol = m->protocol == PROTOCOL_UDP ? "udp" : "tcp";
		if (m->container_port_range != NULL) {
			if (!parse_range(m->container_port_range, &port->container_first,
				&port->container_last))
				continue;
			port->range = true;
			if (bridge)
				choose_range(p, port);
		} else if (m->container_port.set) {
			port->container_first = port->container_last = m->container_port.v;
			port->host_first = m->host_port.v;
		} else {
			continue;
		}
		if (!bridge)
			port->host_first = port->container_first;
		c->n_ports++;
	}
}

static void
choose_range(struct plan *p, struct plan_port *port)
{
	int64_t n = port->container_last - port->container_first + 1;

	port->host_first = plan_free_range(p->publish_address, port->protocol, p->next_range, n);
	if (port->host_first == 0)
		port->host_first =
		    plan_free_range(p->publish_address, port->protocol, RANGE_FIRST, n);
	p->next_range = port->host_first + n;
}

/* What a closed connection left behind is in nobody's way, nor is a low number: the Engine binds.
 */
bool
plan_port_is_free(const char *address, const char *protocol, int64_t port)
{
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	bool udp = streq(protocol, "udp");
	_cleanup_close_ int fd =
	    socket(AF_INET, (udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, 0);
	int on = 1;

	if (inet_pton(AF_INET, address, &sa.sin_addr) != 1)
		sa.sin_addr.s_addr = htonl(INADDR_ANY);
	if (fd < 0 || (!udp && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0))
		return false;
	return bind(fd, (const struct sockaddr *)&sa, sizeof(sa)) == 0 || errno == EACCES;
}

/* The Engine does not choose neighbours, so that this is done as the agent does it: by trying. */
int64_t
plan_free_range(const char *address, const char *protocol, int64_t from, int64_t n)
{
	int64_t run = 0;

	for (int64_t port = from; n > 0 && port <= RANGE_LAST; port++) {
		run = plan_port_is_free(address, protocol, port) ? run + 1 : 0;
		if (run == n)
			return port - n + 1;
	}
	return 0;
}

/* A volume name out of an id, an access point and a directory: a slash is "_", what a name cannot
 * hold, and what would make two names equal, is ".xx". */
static const char *
volume_key(struct plan *p, const char *kind, const char *id, const char *point, const char *root)
{
	bool whole = root == NULL || streq(root, "/");
	const char *text =
	    arena_printf(&p->arena, "%s%s%s%s%s", id != NULL ? id : "", point != NULL ? ":" : "",
		point != NULL ? point : "", whole || root[0] == '/' ? "" : "/", whole ? "" : root);
	const char *prefix = arena_printf(&p->arena, "localemu-ecs-%s-", kind);
	size_t at = strlen(prefix), size = at + 3 * strlen(text) + 1;
	char *name = arena_alloc(&p->arena, size);

	memcpy(name, prefix, at);
	for (; *text != '\0'; text++)
		if (*text == '/')
			name[at++] = '_';
		else if (*text == '-' || isalnum((unsigned char)*text))
			name[at++] = *text;
		else
			at += (size_t)snprintf(name + at, size - at, ".%02x", (unsigned char)*text);
	name[at] = '\0';
	return name;
}

static void
plan_volumes(struct plan *p, const struct plan_input *in)
{
	p->n_volumes = p->def.volumes.n;
	p->volumes = arena_alloc(&p->arena, p->n_volumes * sizeof(*p->volumes));
	for (size_t i = 0; i < p->n_volumes; i++) {
		const struct td_volume *def = &p->def.volumes.v[i];
		struct plan_volume *v = &p->volumes[i];

		v->def = def;
		if (def->host != NULL && def->host->source_path != NULL)
			continue;
		if (def->docker != NULL && def->docker->scope == SCOPE_SHARED) {
			v->docker_name = def->name;
			v->must_exist = def->docker->autoprovision != TRI_TRUE;
		} else if (def->efs != NULL) {
			v->docker_name = volume_key(p, "efs", def->efs->file_system_id,
			    def->efs->authorization_config != NULL
				? def->efs->authorization_config->access_point_id
				: NULL,
			    def->efs->root_directory);
		} else if (def->s3files != NULL) {
			v->docker_name = volume_key(p, "s3files", def->s3files->file_system_arn,
			    def->s3files->access_point_arn, def->s3files->root_directory);
		} else if (def->fsx != NULL) {
			v->docker_name = volume_key(
			    p, "fsx", def->fsx->file_system_id, NULL, def->fsx->root_directory);
		} else {
			v->docker_name = arena_printf(&p->arena, "localemu-ecs-%.*s-%s",
			    PLAN_TASK_ID_SHORT, in->task_id, def->name);
			v->owned = true;
		}
	}
}

const struct plan_volume *
plan_volume_find(const struct plan *p, const char *name)
{
	for (size_t i = 0; i < p->n_volumes; i++)
		if (streq(p->volumes[i].def->name, name))
			return &p->volumes[i];
	return NULL;
}

static int
add_dep(struct plan *p, size_t i, const char *on, size_t on_len, enum plan_condition condition,
    struct err *e)
{
	struct plan_container *c = &p->containers[i];

	for (size_t k = 0; k < p->n; k++) {
		const char *name = p->def.containers.v[k].name;

		if (strlen(name) != on_len || memcmp(name, on, on_len) != 0)
			continue;
		c->deps[c->n_deps++] = (struct plan_dep){ .on = k, .condition = condition };
		return 0;
	}
	return err_set(e, ERR_CLIENT,
	    "dependency graph: container ordering dependency [%.*s] for target [%s] does not "
	    "exist.",
	    (int)on_len, on, c->def->name);
}

static enum plan_condition
condition_of(int condition)
{
	static const enum plan_condition table[DEPENDENCY_CONDITION_MAX] = {
		[DEPEND_UNSET] = PLAN_START,
		[DEPEND_START] = PLAN_START,
		[DEPEND_COMPLETE] = PLAN_COMPLETE,
		[DEPEND_SUCCESS] = PLAN_SUCCESS,
		[DEPEND_HEALTHY] = PLAN_HEALTHY,
	};

	return table[condition];
}

/* Who logs through a router waits until it runs, unless the router itself waits for somebody or
 * the user has said otherwise (agent: task.go addFirelensContainerDependency). */
static void
wait_for_router(struct plan *p, size_t i)
{
	struct plan_container *c = &p->containers[i];
	const struct container_def *router =
	    p->router < p->n_defined ? p->def.containers.v + p->router : NULL;

	if (!plan_is_routed(p, i) || router->depends_on.n > 0 || router->links.n > 0 ||
	    router->volumes_from.n > 0)
		return;
	for (size_t k = 0; k < c->n_deps; k++)
		if (c->deps[k].on == p->router)
			return;
	c->deps[c->n_deps++] = (struct plan_dep){ .on = p->router, .condition = PLAN_START };
}

/* dependsOn, and what links and volumesFrom imply (agent: task.go initializeContainerOrdering). */
static int
plan_deps(struct plan *p, size_t i, struct err *e)
{
	const struct container_def *def = p->containers[i].def;
	size_t most = def->depends_on.n + def->links.n + def->volumes_from.n + 2;
	int r = 0;

	p->containers[i].deps = arena_alloc(&p->arena, most * sizeof(struct plan_dep));
	for (size_t k = 0; r == 0 && k < def->depends_on.n; k++) {
		const struct td_dependency *d = &def->depends_on.v[k];
		const struct container_def *on = task_def_container(&p->def, d->container_name);

		if (d->condition == DEPEND_HEALTHY && on != NULL && on->health_check == NULL)
			return err_set(e, ERR_CLIENT,
			    "dependency graph: container ordering dependency [%s] for target [%s] "
			    "has no health check.",
			    on->name, def->name);
		r = add_dep(p, i, d->container_name, strlen(d->container_name),
		    condition_of(d->condition), e);
	}
	for (size_t k = 0; r == 0 && k < def->links.n; k++)
		r = add_dep(p, i, def->links.v[k], strcspn(def->links.v[k], ":"), PLAN_START, e);
	for (size_t k = 0; r == 0 && k < def->volumes_from.n; k++) {
		const char *source = def->volumes_from.v[k].source_container;

		r = add_dep(p, i, source, strlen(source), PLAN_CREATED, e);
	}
	if (r == 0)
		wait_for_router(p, i);
	return r;
}

static bool
placed(const size_t *order, size_t n, size_t what)
{
	for (size_t i = 0; i < n; i++)
		if (order[i] == what)
			return true;
	return false;
}

/* Dependencies first, else in the order of the definition. */
static int
plan_order(struct plan *p, struct err *e)
{
	for (size_t done = 0; done < p->n;) {
		size_t before = done;

		for (size_t i = 0; i < p->n; i++) {
			const struct plan_container *c = &p->containers[i];
			bool ready = !placed(p->order, done, i);

			for (size_t k = 0; ready && k < c->n_deps; k++)
				ready = placed(p->order, done, c->deps[k].on);
			if (ready)
				p->order[done++] = i;
		}
		if (done == before)
			return err_set(
			    e, ERR_CLIENT, "task has a circular dependency between its containers");
	}
	return 0;
}

int64_t
plan_task_memory_mib(const struct plan *p)
{
	const char *text = p->overrides.memory != NULL ? p->overrides.memory : p->def.memory;
	int64_t mib = 0;

	return text != NULL && task_def_memory_mib(text, &mib) == 0 ? mib : 0;
}

int64_t
plan_task_quota_us(const struct plan *p)
{
	const char *text = p->overrides.cpu != NULL ? p->overrides.cpu : p->def.cpu;
	int64_t units = 0, quota;

	if (text == NULL || task_def_cpu_units(text, &units) < 0 || units <= 0)
		return 0;
	quota = units * PLAN_CPU_PERIOD_US / CPU_UNITS;
	return quota < CPU_QUOTA_MIN_US ? CPU_QUOTA_MIN_US : quota;
}

void
plan_set_cgroup(struct plan *p, const char *parent)
{
	p->cgroup_parent = arena_strdup(&p->arena, parent);
}

/* The Engine's own rule (moby: daemon/commit.go merge): an entry point of the user drops the
 * image's command. */
void
plan_argv(const struct plan *p, size_t i, const struct plan_image *image, struct str_list *ret,
    struct arena *a)
{
	const struct plan_container *c = &p->containers[i];
	struct str_list entry = c->def->entry_point;
	struct str_list cmd = c->override != NULL && c->override->command.n > 0
				  ? c->override->command
				  : c->def->command;

	if (entry.n == 0) {
		if (cmd.n == 0)
			cmd = image->cmd;
		if (!entry.set)
			entry = image->entrypoint;
	}
	if (entry.n == 1 && entry.v[0][0] == '\0')
		entry.n = 0;
	ret->set = true;
	ret->n = entry.n + cmd.n;
	ret->v = arena_alloc(a, (ret->n + 1) * sizeof(*ret->v));
	for (size_t k = 0; k < entry.n; k++)
		ret->v[k] = entry.v[k];
	for (size_t k = 0; k < cmd.n; k++)
		ret->v[entry.n + k] = cmd.v[k];
}
