/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Name tables of the states that DescribeTasks prints, and their order. Called by both processes.
 */
#include "common/task_state.h"

#include <string.h>

static const char *const task_state_names[TASK_STATE_MAX] = {
	[TASK_PROVISIONING] = "PROVISIONING",
	[TASK_PENDING] = "PENDING",
	[TASK_ACTIVATING] = "ACTIVATING",
	[TASK_RUNNING] = "RUNNING",
	[TASK_DEACTIVATING] = "DEACTIVATING",
	[TASK_STOPPING] = "STOPPING",
	[TASK_DEPROVISIONING] = "DEPROVISIONING",
	[TASK_STOPPED] = "STOPPED",
};

static const char *const container_state_names[CONTAINER_STATE_MAX] = {
	[CONTAINER_PENDING] = "PENDING",
	[CONTAINER_RUNNING] = "RUNNING",
	[CONTAINER_STOPPED] = "STOPPED",
};

static const char *const health_state_names[HEALTH_STATE_MAX] = {
	[HEALTH_UNKNOWN] = "UNKNOWN",
	[HEALTH_HEALTHY] = "HEALTHY",
	[HEALTH_UNHEALTHY] = "UNHEALTHY",
};

const char *
task_state_name(enum task_state s)
{
	return (unsigned)s < TASK_STATE_MAX ? task_state_names[s] : "";
}

const char *
container_state_name(enum container_state s)
{
	return (unsigned)s < CONTAINER_STATE_MAX ? container_state_names[s] : "";
}

const char *
health_state_name(enum health_state s)
{
	return (unsigned)s < HEALTH_STATE_MAX ? health_state_names[s] : "";
}

int
task_state_parse(const char *name)
{
	for (int s = 0; s < TASK_STATE_MAX; s++)
		if (strcmp(task_state_names[s], name) == 0)
			return s;
	return -1;
}

bool
task_state_may_follow(enum task_state from, enum task_state to)
{
	if ((unsigned)to >= TASK_STATE_MAX)
		return false;
	return to >= from;
}
