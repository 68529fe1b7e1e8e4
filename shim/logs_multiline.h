/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines as events: each line one, or with awslogs-multiline-pattern or awslogs-datetime-format all
 * lines from one that matches to the next that does. Between logs_lines and logs_batch; the only
 * file that sees PCRE2.
 */
#ifndef SHIM_LOGS_MULTILINE_H
#define SHIM_LOGS_MULTILINE_H

#include "common/err.h"
#include "shim/logs_lines.h"

#define LOGS_MULTILINE_WAIT_MS 5000 /* of an event for its next line (awslogs: the ticker) */

struct logs_event {
	int64_t time_ns;
	const char *text; /* borrowed; at most LOGS_EVENT_MAX bytes, never none */
	size_t len;
	struct logs_mark mark[LOGS_SOURCE_MAX]; /* time_ns 0: it has nothing of that source */
};

struct logs_multiline;
typedef void logs_event_fn(const struct logs_event *e, void *arg);

/* The pattern that stands for awslogs-datetime-format: strftime's letters with %f and %L, all else
 * is of the expression. The caller's. */
char *logs_multiline_datetime(const char *format);
/* `pattern` NULL: every line is an event. Returns 0 and the caller's own; or -EINVAL with the words
 * of the library in `e`. */
int logs_multiline_new(const char *pattern, logs_event_fn *on_event, void *arg,
    struct logs_multiline **ret, struct err *e);
void logs_multiline_free(struct logs_multiline *m);
void logs_multiline_add(struct logs_multiline *m, const struct logs_line *l);
/* The event that waits for more lines is complete. */
void logs_multiline_end(struct logs_multiline *m);
/* Forgets it. */
void logs_multiline_clear(struct logs_multiline *m);
/* The time of its first line, INT64_MAX where there is none. */
int64_t logs_multiline_pending_ns(const struct logs_multiline *m);

#endif
