/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tasks of one service as its scheduler sees them: those that have not stopped, and those whose
 * end has not been taken account of yet, out of one index. Called by the scheduler alone; what a
 * task is otherwise is in store/task.h.
 */
#ifndef DAEMON_STORE_SERVICE_TASK_H
#define DAEMON_STORE_SERVICE_TASK_H

#include "daemon/store/task.h"

struct store_service_task {
	char id[33];
	const char *started_by; /* borrowed, as are all pointers here; may be NULL */
	const char *instance;   /* container instance id, NULL: Fargate */
	const char *zone;
	const char *provider;  /* capacity provider, NULL */
	const char *stop_code; /* of a STOPPED task, NULL */
	enum task_state last_status;
	bool desired_stopped;
	bool draining;            /* its instance is */
	enum health_state health; /* of the essential containers that have a check */
	bool checked;             /* there is one */
	enum task_mark mark;
	int64_t created_at_ms;
	int64_t started_at_ms;      /* 0 */
	int64_t stopped_at_ms;      /* 0 */
	int64_t protected_until_ms; /* 0 */
};

/* In the order in which they were made. A walk must not change them. */
int store_service_task_list(struct store *s, const struct scope *sc, const char *cluster,
    const char *service, int (*fn)(const struct store_service_task *t, void *arg), void *arg,
    struct err *e);

/* Writes the scheduler's note on a task; nobody else sees it. */
int store_service_task_mark(struct store *s, const char *id, enum task_mark mark, struct err *e);

/* 1 and where the service of a task is, 0 for a task of none. */
int store_service_task_owner(struct store *s, const char *id, struct scope *ret_scope,
    char ret_cluster[static 256], char ret_service[static 256], struct err *e);

/* Each service that has an unfinished task on a container instance, once. */
int store_service_task_on_instance(struct store *s, const struct scope *sc, const char *cluster,
    const char *instance, int (*fn)(const char *service, void *arg), void *arg, struct err *e);

#endif
