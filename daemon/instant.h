/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The runner that is used without an Engine: a task's states move at once and nothing runs. Also
 * delivers the last snapshot of a task that no shim could be had for. Same shape as shim.h; fleet.c
 * owns the objects.
 */
#ifndef DAEMON_INSTANT_H
#define DAEMON_INSTANT_H

#include "common/loop.h"
#include "daemon/store/task.h"
#include "proto/shim.pb-c.h"

struct config;
struct instant;

struct instant_callbacks {
	/* A snapshot (borrowed); always from a turn of the loop of its own. */
	void (*on_state)(const Shim__TaskState *s, void *cookie);
	void *cookie;
};

/* The caller's. Never fails. */
struct instant *instant_new(
    struct loop *l, const struct config *config, const struct instant_callbacks *cb);
void instant_free(struct instant *i);

/* The row is borrowed. Only the newest undelivered snapshot is delivered. */
void instant_start(struct instant *i, const struct store_task *t);
/* Goes on where the row is: starts what has not started, lets run what runs, ends what should stop.
 */
void instant_adopt(
    struct instant *i, const struct store_task *t, const char *stop_code, const char *stop_reason);
void instant_stop(
    struct instant *i, const struct store_task *t, const char *code, const char *reason);
/* Ends the task as TaskFailedToStart. `cleaned_up` false: containers may be left. */
void instant_fail(
    struct instant *i, const struct store_task *t, const char *reason, bool cleaned_up);

#endif
