/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scale-in protection of tasks: until when. A row goes with its task; one whose time is over means
 * the same as none.
 */
#ifndef DAEMON_STORE_TASK_PROTECTION_H
#define DAEMON_STORE_TASK_PROTECTION_H

#include "daemon/api.h"
#include "daemon/store/store.h"

/* Protects a task until `expires_at_ms`, whatever was said before. */
int store_task_protection_put(
    struct store *s, const char *task_id, int64_t expires_at_ms, struct err *e);
int store_task_protection_delete(struct store *s, const char *task_id, struct err *e);
/* 1 and the end of its protection where the task is protected at `now_ms`, else 0. */
int store_task_protection_get(struct store *s, const char *task_id, int64_t now_ms,
    int64_t *ret_expires_at_ms, struct err *e);

#endif
