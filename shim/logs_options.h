/* SPDX-License-Identifier: Apache-2.0 */
/*
 * logConfiguration of the driver awslogs as what it means for one container: group, stream, region
 * and how events are made. Called by awslogs.c; it must not know the container's state.
 */
#ifndef SHIM_LOGS_OPTIONS_H
#define SHIM_LOGS_OPTIONS_H

#include "common/err.h"
#include "common/taskdef.h"

#define LOGS_BUFFER_BYTES ((int64_t)10 * 1024 * 1024) /* agent: the default of max-buffer-size */

struct logs_options {
	const char *group, *region; /* borrowed from the definition */
	char *stream;               /* NULL: the container's id */
	bool create_group;
	bool non_blocking;
	int64_t buffer_bytes; /* of mode non-blocking */
	char *pattern;        /* an event's first line; NULL: each line is an event */
};

/* The value of an option, NULL where it is not given. */
const char *logs_options_get(const struct td_log_configuration *c, const char *key);
/* "<prefix>/<container>/<task id>"; NULL without awslogs-stream-prefix. The caller's. */
char *logs_options_stream(
    const struct td_log_configuration *c, const char *container, const char *task_id);
/* Fills *ret, to be given to logs_options_done. On failure nothing is left but `e`, with the
 * driver's words. */
int logs_options_read(const struct td_log_configuration *c, const char *container,
    const char *task_id, struct logs_options *ret, struct err *e);
void logs_options_done(struct logs_options *o);

#endif
