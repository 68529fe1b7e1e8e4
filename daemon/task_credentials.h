/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The credentials of running tasks: issued when a shim takes a task over, renewed while it runs,
 * revoked when it has ended. main.c owns it and tells it what happened. It must not know who asks
 * for credentials inside a task.
 */
#ifndef DAEMON_TASK_CREDENTIALS_H
#define DAEMON_TASK_CREDENTIALS_H

#include "common/loop.h"

struct fleet;
struct store;
struct task_credentials;

/* Both outlive it. Never fails. */
struct task_credentials *task_credentials_new(
    struct loop *l, struct store *store, struct fleet *fleet);
void task_credentials_free(struct task_credentials *tc);

/* A shim has been told of this task: it gets what the task's roles give, the same keys as before
 * where they are still good for a while. */
void task_credentials_begin(struct task_credentials *tc, const char *task_id);
/* The task is over: its keys open nothing any more. */
void task_credentials_end(struct task_credentials *tc, const char *task_id);

#endif
