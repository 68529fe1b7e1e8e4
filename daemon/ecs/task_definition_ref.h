/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From what a request calls a task definition ("web", "web:3", an ARN) to its row. Shared by the operations that take
 * one: RunTask, StartTask, CreateService and the task definition family itself.
 */
#ifndef DAEMON_ECS_TASK_DEFINITION_REF_H
#define DAEMON_ECS_TASK_DEFINITION_REF_H

#include "daemon/api.h"
#include "daemon/store/task_definition.h"

struct task_definition_ref {
	char family[256];
	int64_t revision; /* 0: none given, the latest ACTIVE one is meant */
};

/* Takes a reference apart without looking at the store. Returns 1, or 0 where it is an ARN of another account or
 * region, or -EINVAL where it is no reference at all. Where the only fault is a revision that is no number,
 * *ret_bad_revision points to it, inside `text`; else it is NULL. */
int task_definition_ref_parse(
    const struct scope *sc, const char *text, struct task_definition_ref *ret, const char **ret_bad_revision);

/* The row that a task may be started from. Returns 0 and a filled row (caller's, store_task_definition_done), or a
 * negative errno with `e` filled: ClientException "TaskDefinition not found.", InvalidParameterException
 * "TaskDefinition is inactive" (also while it is being deleted). */
int task_definition_ref_active(struct store *s, const struct scope *sc, const char *text,
    struct store_task_definition *ret, struct err *e);

#endif
