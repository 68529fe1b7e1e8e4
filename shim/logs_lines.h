/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pieces of the Engine's log put together to the lines that the container wrote, clean and none
 * longer than an event of CloudWatch Logs may be, past what was delivered before. Between
 * logs_stream and logs_multiline; it must not know what becomes of a line.
 */
#ifndef SHIM_LOGS_LINES_H
#define SHIM_LOGS_LINES_H

#include "shim/logs_position.h"

/* An event's 256 KiB less the 26 bytes that each counts for more (awslogs: maximumBytesPerEvent).
 */
#define LOGS_EVENT_MAX ((size_t)256 * 1024 - 26)

struct logs_line {
	enum logs_source source;
	int64_t time_ns;
	const char *text; /* borrowed, clean, at most LOGS_EVENT_MAX bytes */
	size_t len;
	bool ends; /* false: the line is longer than that, and goes on */
	struct logs_mark mark;
};

struct logs_lines {
	void (*on_line)(const struct logs_line *l, void *arg);
	void *arg;
	struct logs_gate gate;
	struct {
		struct logs_buffer text;
		int64_t time_ns;
		struct logs_mark mark;
		bool open; /* pieces came, the line's end did not */
	} part[LOGS_SOURCE_MAX];
	struct logs_buffer clean; /* of a piece that is not */
};

/* `l` is zeroed but for on_line and arg. Frees what it owns. */
void logs_lines_done(struct logs_lines *l);
/* Begins to read from there; half a line that was read before is forgotten. */
void logs_lines_from(struct logs_lines *l, const struct logs_position *from);
/* The Engine's stream will be read once more, from where this reading is now. Half a line stays.
 * Whatever comes is at *ret_floor_ns or later. */
void logs_lines_again(struct logs_lines *l, int64_t *ret_floor_ns);
void logs_lines_add(struct logs_lines *l, const struct logs_piece *p);
/* Nothing comes any more: gives out lines without an end. */
void logs_lines_end(struct logs_lines *l);
/* How far back the Engine has to be asked for whatever follows the marks, where the oldest of what
 * is known and not delivered is of pending_ns. */
int64_t logs_floor_ns(const struct logs_mark mark[static LOGS_SOURCE_MAX], int64_t pending_ns);
/* The time of the oldest line that has begun, INT64_MAX where none has. */
int64_t logs_lines_pending_ns(const struct logs_lines *l);

#endif
