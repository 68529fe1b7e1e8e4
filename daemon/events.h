/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Snapshots in, rows out: the only writer of a task's state. Everything that happens to a task,
 * whoever ran it, comes through events_state; StopTask's wish comes through events_stop. Those who
 * want to know subscribe in main.c.
 */
#ifndef DAEMON_EVENTS_H
#define DAEMON_EVENTS_H

#include "daemon/store/task.h"
#include "proto/shim.pb-c.h"

struct events;

struct events_callbacks {
	/* The row of this task has changed and is committed. */
	void (*on_changed)(const char *task_id, void *cookie);
	/* The task is STOPPED and nothing of it is left: its shim may go. */
	void (*on_finished)(const char *task_id, void *cookie);
	void *cookie;
};

struct events *events_new(struct store *s, const struct events_callbacks *cb);
void events_free(struct events *ev);

/* Takes a snapshot in: ignored where seq is not above the stored one or the state would go
 * backwards. Writes doc (lastStatus, desiredStatus, version + 1, all timestamps, containers,
 * stopCode, stoppedReason …) and commits. */
void events_state(struct events *ev, const char *task_id, const Shim__TaskState *s);

/* The same inside the caller's transaction, for what an agent reports of a task that no runner of
 * ours has (SubmitTaskStateChange). Returns 1 when it was taken in, 0 when it was ignored, negative
 * errno. `t` is updated in place; nobody who subscribes is told. */
int events_report(
    struct store *s, struct store_task *t, const Shim__TaskState *state, struct err *e);

/* Inside the caller's transaction: desiredStatus STOPPED, stopCode and stoppedReason on a task that
 * has none yet. Returns 1 when it changed, 0 when the task was already stopping, negative errno.
 * `t` is updated in place. */
int events_stop(struct store *s, struct store_task *t, const char *stop_code, const char *reason,
    struct err *e);

#endif
