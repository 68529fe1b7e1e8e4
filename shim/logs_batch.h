/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The events that wait for CloudWatch Logs, and the bodies of PutLogEvents that are made of them.
 * It must not know where events come from or how a body is sent.
 */
#ifndef SHIM_LOGS_BATCH_H
#define SHIM_LOGS_BATCH_H

#include "shim/logs_multiline.h"

/* What one PutLogEvents takes. */
struct logs_batch_limits {
	size_t events;
	size_t bytes;      /* of text, 26 more for each event */
	size_t body_bytes; /* of JSON; a single event may be more */
	int64_t span_ms;   /* between the first and the last */
};

extern const struct logs_batch_limits logs_batch_limits_aws;

struct logs_batch_event {
	int64_t time_ms;
	size_t len;  /* of its JSON */
	size_t size; /* as CloudWatch Logs counts it */
	struct logs_mark mark[LOGS_SOURCE_MAX];
};

struct logs_batch {
	const struct logs_batch_limits *limits;
	struct logs_buffer json; /* of the events, each with a comma after it */
	struct logs_batch_event *events;
	size_t n, room;
	/* Those at the start that are in the last body. */
	size_t n_taken, taken_bytes;
};

/* `b` is zeroed but for limits. */
void logs_batch_done(struct logs_batch *b);
void logs_batch_clear(struct logs_batch *b);
void logs_batch_add(struct logs_batch *b, const struct logs_event *e);
/* Bytes of JSON that wait, those of the last body included. */
size_t logs_batch_bytes(const struct logs_batch *b);
/* True if what waits beside the last body is worth one of its own now. */
bool logs_batch_is_full(const struct logs_batch *b);
bool logs_batch_is_empty(const struct logs_batch *b);
/* A body from the oldest events, in the order of their times, as PutLogEvents wants them; NULL
 * where there are none. The caller's. Adds to *position what is delivered with it: pending_ns is
 * the time of the oldest line that is not among the events yet. */
char *logs_batch_take(struct logs_batch *b, const char *group, const char *stream,
    int64_t pending_ns, struct logs_position *position, size_t *ret_len);
/* The events of the last body are delivered, or given up: how many these were. */
size_t logs_batch_drop(struct logs_batch *b);

#endif
