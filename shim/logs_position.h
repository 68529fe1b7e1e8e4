/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How far the log of a container was read and delivered, exactly enough to go on there with no line
 * missing and none twice: per source a time of the Engine, how many pieces of that very time, and
 * how many bytes of the next one. Within a source times never go back; between the two they may,
 * by a little, so that each counts for itself. It must not know the Engine's bytes or HTTP.
 */
#ifndef SHIM_LOGS_POSITION_H
#define SHIM_LOGS_POSITION_H

#include "shim/logs_stream.h"

#define LOGS_CURSOR_MAX 200 /* bytes with the NUL */

/* Everything before it is delivered. time_ns 0: nothing is. */
struct logs_mark {
	int64_t time_ns;
	uint32_t pieces;
	uint32_t bytes; /* as clean text */
};

struct logs_position {
	struct logs_mark mark[LOGS_SOURCE_MAX];
	int64_t floor_ns; /* whatever is not delivered yet has this time or a later one */
};

/* One reading of the Engine's log, from a position on. */
struct logs_gate {
	struct logs_mark from[LOGS_SOURCE_MAX]; /* where the reading begins */
	struct logs_mark at[LOGS_SOURCE_MAX];   /* what went by, also without being let through */
	int64_t floor_ns;                       /* what is older was not asked for */
	bool gap; /* the piece at `from` was not there any more: the Engine has rotated it away */
};

/* The later of the two, into `m`. */
void logs_mark_merge(struct logs_mark *m, const struct logs_mark *other);
/* Writes "<container id> <floor> <time> <pieces> <bytes> <time> <pieces> <bytes>". */
void logs_position_print(
    const struct logs_position *p, const char *container_id, char out[static LOGS_CURSOR_MAX]);
/* Reads that. False, and *ret as it was, where it is of another container or none of ours. */
bool logs_position_read(const char *cursor, const char *container_id, struct logs_position *ret);

void logs_gate_open(struct logs_gate *g, const struct logs_position *from);
/* Whether the piece is still to be delivered, all but *ret_skip bytes of its clean text. *ret_mark
 * is where it ends. */
bool logs_gate_pass(struct logs_gate *g, const struct logs_piece *p, struct logs_mark *ret_mark,
    uint32_t *ret_skip);

#endif
