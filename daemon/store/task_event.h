/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A ring of the last changes of tasks, each with the task's document as it was then. store/task.c
 * writes a change in the same transaction as the task itself, so that an event is there exactly
 * when the change is, also after kill -9; event_log.c reads.
 */
#ifndef DAEMON_STORE_TASK_EVENT_H
#define DAEMON_STORE_TASK_EVENT_H

#include "daemon/api.h"
#include "daemon/store/task.h"

#define STORE_TASK_EVENTS_MAX 10000 /* the oldest one makes room for the next */

struct store_task_event {
	/* Epoch microseconds of the change, moved up where needed so that it grows with each event:
	 * also over a reset and in the next life of a store in memory. */
	int64_t n;
	int64_t at_ms;
	struct scope scope;
	char cluster[256];
	char task[33];
	const char *doc; /* borrowed */
};

/* Called before `t` is inserted or updated: adds an event if the document differs from the stored
 * one. */
int store_task_event_add(struct store *s, const struct store_task *t, struct err *e);

/* NULL: any. */
struct store_task_event_filter {
	const char *account;
	const char *region;
	const char *cluster;
	const char *task;
};
/* Events after number `after`, oldest first. */
int store_task_event_list(struct store *s, const struct store_task_event_filter *f, int64_t after,
    int limit, int (*fn)(const struct store_task_event *ev, void *arg), void *arg, struct err *e);
/* The number of the newest event, 0 where there is none. */
int store_task_event_newest(struct store *s, int64_t *ret, struct err *e);

/* `fn` is called after each commit that has added events, still inside store_commit: it must not
 * use the store. NULL: nobody. */
void store_on_task_events(struct store *s, void (*fn)(void *cookie), void *cookie);

#endif
