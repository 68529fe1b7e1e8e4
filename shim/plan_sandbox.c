/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sandbox: a container that owns the network, process and IPC namespaces which the containers
 * of a task share, made of localemu-ecs-init alone. Decides whether a task needs one and what its
 * image is. Called by plan.c, and by pull.c for the image; it must not know the Engine.
 */
#include "shim/plan.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* The agent's names (agent/api/task/task.go). */
#define NETWORK_PAUSE "~internal~ecs~pause"
#define NAMESPACE_PAUSE "~internal~ecs~pause~namespace"
#define IMAGE "localemu/ecs-pause"
#define STOP_TIMEOUT_S 5
#define INIT_MAX (8u * 1024 * 1024)
#define BLOCK 512 /* of a tar */

/* One that has a namespace of its own as its only container needs nobody to own it. */
static bool
is_needed(const struct plan *p)
{
	return (p->def.network_mode == NETWORK_AWSVPC && p->n_defined > 1) ||
	       p->def.pid_mode == PID_TASK || p->def.ipc_mode == IPC_TASK;
}

/* *ret is the caller's. */
static int
read_init(const char *path, char **ret, size_t *ret_len, struct err *e)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	_cleanup_free_ char *data = NULL;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set_errno(e, errno, "cannot read %s", path);
	if (st.st_size <= 0 || st.st_size > INIT_MAX)
		return err_set(e, ERR_SERVER, "%s is not the size of an init", path);
	data = xcalloc(1, (size_t)st.st_size);
	if (read(fd, data, (size_t)st.st_size) != st.st_size)
		return err_set_errno(e, errno, "cannot read %s", path);
	*ret = TAKE(data);
	*ret_len = (size_t)st.st_size;
	return 0;
}

/* Another init is another image (FNV-1a). */
static const char *
image_name(struct plan *p, const char *init_path)
{
	_cleanup_free_ char *data = NULL;
	uint64_t h = 14695981039346656037u;
	struct err e = { 0 };
	size_t len = 0;

	(void)read_init(init_path, &data, &len, &e); /* whoever needs the image fails with that */
	for (size_t i = 0; i < len; i++)
		h = (h ^ (unsigned char)data[i]) * 1099511628211u;
	return arena_printf(&p->arena, IMAGE ":%016" PRIx64, h);
}

void
plan_sandbox(struct plan *p, const struct plan_input *in)
{
	struct plan_container *c = &p->containers[p->n];
	struct container_def *def;

	if (!is_needed(p))
		return;
	def = arena_alloc(&p->arena, sizeof(*def));
	def->name = p->def.network_mode == NETWORK_AWSVPC ? NETWORK_PAUSE : NAMESPACE_PAUSE;
	def->image = image_name(p, in->init_path);
	*c = (struct plan_container){
		.def = def,
		/* A name that no container of a definition can have. */
		.docker_name = arena_printf(&p->arena, "localemu-ecs-%.*s-%.*s.pause",
		    PLAN_CLUSTER_NAME_MAX, in->cluster_name, PLAN_TASK_ID_SHORT, in->task_id),
		.essential = true,
		.stop_timeout_s = STOP_TIMEOUT_S,
		.sandbox = true,
	};
	p->holder = p->n++;
	for (size_t i = 0; i < p->n_defined; i++) {
		struct plan_container *other = &p->containers[i];

		other->joins = true;
		other->deps[other->n_deps++] =
		    (struct plan_dep){ .on = p->holder, .condition = PLAN_START };
	}
}

void
plan_yield_ports(struct plan *p, bool every)
{
	for (size_t i = 0; p->def.network_mode == NETWORK_AWSVPC && i < p->n; i++) {
		for (size_t k = 0; k < p->containers[i].n_ports; k++) {
			struct plan_port *port = &p->containers[i].ports[k];
			bool all_free = !every;

			for (int64_t n = port->container_first;
			     all_free && n <= port->container_last; n++)
				all_free = plan_port_is_free(p->publish_address, port->protocol, n);
			port->host_first = all_free ? port->container_first : 0;
			if (!all_free && port->range)
				port->host_first = plan_free_range(p->publish_address,
				    port->protocol, p->next_range,
				    port->container_last - port->container_first + 1);
		}
	}
}

/* A ustar header; its numbers are octal, its checksum counts itself as blanks. */
static void
put_header(char *block, size_t len)
{
	unsigned sum = 0;

	(void)snprintf(block, 100, "init");
	(void)snprintf(block + 100, 8, "%07o", 0755);
	(void)snprintf(block + 108, 8, "%07o", 0);
	(void)snprintf(block + 116, 8, "%07o", 0);
	(void)snprintf(block + 124, 12, "%011zo", len);
	(void)snprintf(block + 136, 12, "%011o", 0);
	memset(block + 148, ' ', 8);
	block[156] = '0';
	(void)snprintf(block + 257, 6, "ustar");
	block[263] = block[264] = '0'; /* its version */
	for (size_t i = 0; i < BLOCK; i++)
		sum += (unsigned char)block[i];
	(void)snprintf(block + 148, 8, "%06o", sum);
}

int
plan_sandbox_layer(const char *init_path, char **ret, size_t *ret_len, struct err *e)
{
	_cleanup_free_ char *init = NULL;
	size_t len = 0, padded;
	int r = read_init(init_path, &init, &len, e);

	if (init == NULL)
		return r;
	padded = (len + BLOCK - 1) / BLOCK * BLOCK;
	*ret_len = BLOCK + padded + 2 * (size_t)BLOCK;
	*ret = xcalloc(1, *ret_len);
	put_header(*ret, len);
	memcpy(*ret + BLOCK, init, len);
	return 0;
}
