/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tasks that a service's scheduler starts: a RunTask whose input is what the service and one of its
 * deployments say. Shared with the scheduler (reconcile/); it must not know why tasks are wanted.
 */
#ifndef DAEMON_ECS_TASK_SERVICE_H
#define DAEMON_ECS_TASK_SERVICE_H

#include "daemon/api.h"

#define TASK_SERVICE_LAUNCH_MAX 10 /* tasks of one launch */

/* Where a task of the service is that has not ended. Borrowed, NULL where it does not apply. */
struct task_service_place {
	const char *zone;
	const char *instance;
	const char *provider;
};

struct task_service_launch {
	const char *cluster; /* names */
	const char *service;
	const char *deployment;       /* id: its tasks are started by "ecs-svc/<id>" */
	struct json_object *settings; /* of the service, as DescribeServices prints them */
	struct json_object *deployed; /* the deployment's or task set's document */
	size_t count;                 /* 1 to TASK_SERVICE_LAUNCH_MAX */
	const char *const *instances; /* a DAEMON's: where each task goes; NULL: placed */
	const struct task_service_place *there; /* what placement takes into account */
	size_t n_there;

	/* What became of it: fewer than `count` where there was no place, then `failure` says why,
	 * as a service event does. In the call's arena. */
	size_t n;
	char ids[TASK_SERVICE_LAUNCH_MAX][33];
	const char *failure;
};

/* The RunTask that a deployment (its doc) of a service (its settings) stands for, without what only
 * the scheduler knows. The caller owns it. */
struct json_object *task_service_request(
    const char *cluster, struct json_object *settings, struct json_object *deployed);

/* Writes the tasks and has them started after COMMIT. 0, or a negative errno with c->err filled
 * where no task of this deployment can be made. */
int task_service_launch(struct call *c, struct task_service_launch *l);

/* Calls `fn` with each container instance on which a DAEMON has a task, as far as its constraints
 * say; in lenient mode a cluster without any gets one. 0, or a negative errno with c->err filled:
 * also where there is no instance. */
int task_service_instances(struct call *c, const struct task_service_launch *l,
    void (*fn)(const char *instance, void *arg), void *arg);

#endif
