/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finds the container instance that a task goes to, and registers this machine as one in a cluster
 * that has none. Called by RunTask; what instances consist of is for the container_instance files.
 */
#include "daemon/ecs/task_instance.h"

#include "daemon/config.h"
#include "daemon/ecs/container_instance_place.h"

#include <string.h>

static int
take_active(const struct store_container_instance *i, void *arg)
{
	if (!streq(i->status, "ACTIVE"))
		return 0;
	memcpy(arg, i->id, sizeof(i->id));
	return 1;
}

/* Whoever has instances, if only DRAINING ones, looks after them himself. */
static int
register_machine(struct call *c, const char *cluster, char ret_id[static 33])
{
	_cleanup_container_instance_ struct store_container_instance made = { 0 };
	int64_t n = 0;
	int r;

	if (!config_kind(c->config, KIND_SYNTHETIC_INSTANCE))
		return 0;
	r = store_container_instance_count(c->store, &c->scope, cluster, true, &n, &c->err);
	if (r < 0 || n > 0)
		return r;
	container_instance_make_synthetic(c, cluster, &made);
	r = store_container_instance_put(c->store, &c->scope, &made, &c->err);
	if (r < 0)
		return r;
	memcpy(ret_id, made.id, sizeof(made.id));
	return 1;
}

int
task_instance_ensure(struct call *c, const char *cluster, char ret_id[static 33])
{
	char id[33] = "";
	int r;

	r = store_container_instance_list(
	    c->store, &c->scope, cluster, NULL, INT32_MAX, take_active, id, &c->err);
	if (r < 0)
		return r;
	if (id[0] == '\0')
		return register_machine(c, cluster, ret_id);
	memcpy(ret_id, id, sizeof(id));
	return 1;
}
