/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The network interface of an awsvpc task: which subnet and groups it is for, and what its shim is
 * told of it. Only the task_*.c files include it.
 */
#ifndef DAEMON_ECS_TASK_NETWORK_H
#define DAEMON_ECS_TASK_NETWORK_H

#include "daemon/ecs/task.h"
#include "daemon/vpc/interface.h"
#include "proto/shim.pb-c.h"

/* Where the tasks of one request get their interfaces; in the call's arena. */
struct task_place {
	char vpc[EC2_ID_MAX];
	const char **subnets; /* that exist, one for each that was asked for */
	size_t n_subnets;
	const char **groups; /* as given, or the VPC's default group */
	size_t n_groups;
	bool allow_all; /* nobody made the groups: nothing is filtered (lenient) */
};

/* Looks up subnets and groups of an awsvpc request; fills p->place. */
int task_network_check(struct call *c, struct run_plan *p);
/* Makes the interface of one task. *ret is in the call's arena, *ret_zone is its availability zone.
 */
int task_network_make(struct call *c, const struct run_plan *p, size_t index, const char *task_id,
    Shim__Network **ret, const char **ret_zone);

#endif
