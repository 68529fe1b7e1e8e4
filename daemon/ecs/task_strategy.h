/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which of several container instances a task goes to: placement strategies in their order
 * (lifecycle.md section 14). Between task_place.c, which knows where a task can go at all, and the
 * rules of ECS.
 */
#ifndef DAEMON_ECS_TASK_STRATEGY_H
#define DAEMON_ECS_TASK_STRATEGY_H

#include "daemon/ecs/container_instance_place.h"
#include "daemon/ecs/task.h"

struct candidate {
	struct store_container_instance row;
	struct json_object *doc;
	struct instance_use *used;
	bool takes_all;
	int64_t n_tasks;    /* that it has, and that were put there by this request */
	int64_t n_group;    /* those of them that belong to the same group: the service's, the
			       family's, or this request's */
	bool taken;         /* one of this request's tasks, or of this service's, is there */
	const char *reason; /* why it cannot take one now, NULL: it can */
	bool preferred;     /* scratch */
};

/* The value of an instance's attribute, NULL where it has none. Borrowed. */
const char *candidate_attribute(const struct candidate *v, const char *name);

/* The candidate without a reason that the strategies prefer, NULL where all have one. Without
 * strategies tasks are spread over the zones; what is equal to them goes to the emptiest. */
struct candidate *task_strategy_choose(struct candidate *v, size_t n,
    const struct placement_strategy *strategies, size_t n_strategies);

/* Checks the strategies of a request and fills in what ECS does (field of a spread, "host"). */
int task_strategy_check(struct call *c, struct placement_strategy *strategies, size_t n);

#endif
