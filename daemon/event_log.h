/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The last changes of tasks in the shape in which EventBridge tells them, "ECS Task State Change",
 * for everybody who wants to know what happened without polling. http/event_stream.c reads; the
 * events themselves are written with the tasks (store/task_event.h). It must not know HTTP.
 */
#ifndef DAEMON_EVENT_LOG_H
#define DAEMON_EVENT_LOG_H

#include "common/err.h"
#include "daemon/api.h"

#define EVENT_DETAIL_TYPE "ECS Task State Change"

struct event_log;
struct store;

/* A log over a store, which outlives it. The caller owns it. */
struct event_log *event_log_new(struct store *s);
void event_log_free(struct event_log *log);

/* Which events: empty strings mean any. */
struct event_filter {
	struct scope scope;
	char cluster[256];
	char task[37];
};
/* From a cluster's name or ARN and a task's id or ARN, NULL: any. ERR_INVALID_PARAMETER for what is
 * neither. */
int event_filter_read(
    struct event_filter *ret, const char *cluster, const char *task, struct err *e);

/* A place in the log: a cursor, behind which one reads on. `since` is a cursor as it was given out,
 * an event's id, a time (RFC 3339: events from then on), "now", or NULL for the oldest that is
 * kept. */
int event_log_since(struct event_log *log, const char *since, int64_t *ret_cursor, struct err *e);

/* Calls `fn` with at most `limit` events after *cursor, oldest first, each as one line of JSON
 * (borrowed), and moves the cursor behind what was looked at. Returns the number of events, or a
 * negative errno with `e` filled. */
int event_log_read(struct event_log *log, const struct event_filter *f, int limit, int64_t *cursor,
    void (*fn)(int64_t cursor, const char *json, void *arg), void *arg, struct err *e);

#endif
