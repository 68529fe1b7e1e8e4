/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One service as it is in the store at one moment, with what the rules of rolling.h need of it.
 * Read by the scheduler at the start of each look; it must not know what follows from it.
 */
#ifndef DAEMON_RECONCILE_SERVICE_VIEW_H
#define DAEMON_RECONCILE_SERVICE_VIEW_H

#include "common/arena.h"
#include "daemon/ecs/task_service.h"
#include "daemon/reconcile/rolling.h"
#include "daemon/store/service.h"
#include "daemon/store/service_task.h"

struct service_view {
	struct store_service row;
	struct json_object *settings; /* of row.doc */
	struct rolling_service rolling;
	struct store_deployment *deployments; /* beside rolling.deployments */
	struct store_service_task *tasks;     /* beside rolling.tasks; text is in the arena */
	struct task_service_place *places;    /* of those that have not ended */
	size_t n_places;
	const char **instances;                  /* ids beside rolling.instances; in the arena */
	struct store_service_deployment running; /* the record of the primary one's roll-out */
	bool has_running;
	int64_t place_rounds; /* launches in a row that found no place */
	struct arena arena;
};

/* 1 and the view (the caller's), 0 where there is no such service or it is INACTIVE, negative
 * errno with c->err filled. */
int service_view_read(
    struct call *c, const char *cluster, const char *service, struct service_view *ret);
void service_view_done(struct service_view *v);

/* The scheduler's memory as text for store_service.state, NULL where there is nothing to remember.
 * The caller's. */
char *service_view_memory(const struct service_view *v);

#endif
