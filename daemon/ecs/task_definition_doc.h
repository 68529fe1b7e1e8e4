/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a registered definition looks like: the request with ECS's defaults, and what ECS derives
 * from it. Called by task_definition.c with a definition that has passed the rules; it must not
 * know the store's tables.
 */
#ifndef DAEMON_ECS_TASK_DEFINITION_DOC_H
#define DAEMON_ECS_TASK_DEFINITION_DOC_H

#include "common/taskdef.h"
#include "daemon/store/task_definition.h"

/* The request `in`, which is bound in `td`, with defaults, compatibilities and requiresAttributes.
 * The caller owns it and adds what says which registration this is. */
struct json_object *task_definition_doc_new(const struct task_def *td, struct json_object *in);
/* The same of a daemon task definition, in words that task_def_parse understands. */
struct json_object *task_definition_doc_new_daemon(
    const struct task_def *td, struct json_object *in);

/* The TaskDefinition of a reply: the row's doc, its status and its times. The caller owns it. */
struct json_object *task_definition_doc_reply(const struct store_task_definition *t);
/* The DaemonTaskDefinition of a reply. 0, or a negative errno with `e` filled. */
int task_definition_doc_reply_daemon(
    const struct store_task_definition *t, struct json_object **ret, struct err *e);

#endif
