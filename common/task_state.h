/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The states of a task and of a container, their names on the wire and their order: pure data for
 * both processes. The numbers are those of shim.proto; a unit test holds them together.
 */
#ifndef COMMON_TASK_STATE_H
#define COMMON_TASK_STATE_H

#include <stdbool.h>

enum task_state {
	TASK_PROVISIONING,
	TASK_PENDING,
	TASK_ACTIVATING,
	TASK_RUNNING,
	TASK_DEACTIVATING,
	TASK_STOPPING,
	TASK_DEPROVISIONING,
	TASK_STOPPED,
	TASK_STATE_MAX,
};

enum container_state {
	CONTAINER_PENDING,
	CONTAINER_RUNNING,
	CONTAINER_STOPPED,
	CONTAINER_STATE_MAX
};
enum health_state { HEALTH_UNKNOWN, HEALTH_HEALTHY, HEALTH_UNHEALTHY, HEALTH_STATE_MAX };

/* Names as DescribeTasks prints them ("PROVISIONING"). "" for a number out of range. */
const char *task_state_name(enum task_state s);
const char *container_state_name(enum container_state s);
const char *health_state_name(enum health_state s);

/* The state of that name; -1 where there is none. */
int task_state_parse(const char *name);

/* True if a task may go from `from` to `to`: only forward, and nothing leaves STOPPED. Staying is
 * legal. */
bool task_state_may_follow(enum task_state from, enum task_state to);

#endif
