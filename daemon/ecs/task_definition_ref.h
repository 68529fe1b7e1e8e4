/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From what a request calls a task definition ("web", "web:3", an ARN) to its row. Shared by the
 * operations that take one: RunTask, StartTask, CreateService and the task definition family
 * itself; it must not know what they do with it.
 */
#ifndef DAEMON_ECS_TASK_DEFINITION_REF_H
#define DAEMON_ECS_TASK_DEFINITION_REF_H

#include "daemon/api.h"
#include "daemon/store/task_definition.h"

static inline void
task_definition_ref_done_(struct store_task_definition *t)
{
	store_task_definition_done(t);
}
/* `_cleanup_task_definition_ struct store_task_definition td = { 0 };` */
#define _cleanup_task_definition_ _cleanup_(task_definition_ref_done_)

/* The row in any status; without a revision the latest ACTIVE one. Returns 1 and the row (caller's,
 * store_task_definition_done), 0 where there is none, or a negative errno with `e` filled: a
 * revision that is no number (InvalidParameterException), a failing store. */
int task_definition_ref_find(struct store *s, const struct scope *sc, const char *text,
    struct store_task_definition *ret, struct err *e);

/* The same for a daemon task definition. */
int task_definition_ref_find_daemon(struct store *s, const struct scope *sc, const char *text,
    struct store_task_definition *ret, struct err *e);
/* The same for what a deployment is made from: the ARN of either kind. */
int task_definition_ref_deployed(struct store *s, const struct scope *sc, const char *arn,
    struct store_task_definition *ret, struct err *e);

/* The row that something new may be started from. Returns 0 and the row, or a negative errno with
 * `e` filled: ClientException "TaskDefinition not found.", InvalidParameterException
 * "TaskDefinition is inactive" (also while it is being deleted). */
int task_definition_ref_active(struct store *s, const struct scope *sc, const char *text,
    struct store_task_definition *ret, struct err *e);

/* A revision that is being deleted and that no unfinished task uses any more is forgotten here,
 * with its tags; a daemon's is DELETED before, for an hour. Returns 1 when the row is gone, 0 when
 * it stays (in *t with its status), negative errno. */
int task_definition_ref_purge(
    struct store *s, const struct scope *sc, struct store_task_definition *t, struct err *e);

#endif
