/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the Engine's logs call sends, with timestamps, as pieces of lines: frames of stdout and
 * stderr, or the one raw stream of a container with a terminal. Docker's json-file driver cuts
 * lines into pieces of 16 KiB; all pieces of a line carry the time of the first. logs.c feeds it;
 * it must not know who asks for the bytes.
 */
#ifndef SHIM_LOGS_STREAM_H
#define SHIM_LOGS_STREAM_H

#include "shim/logs_buffer.h"

enum logs_source { LOGS_STDOUT, LOGS_STDERR, LOGS_SOURCE_MAX };

struct logs_piece {
	enum logs_source source;
	int64_t time_ns;  /* since the epoch: when the Engine read the line, or its first piece */
	const char *text; /* borrowed, neither NUL-terminated nor clean */
	size_t len;
	bool ends; /* a newline came after it */
};

struct logs_stream {
	bool tty;
	void (*on_piece)(const struct logs_piece *p, void *arg);
	void *arg;
	struct logs_buffer rest; /* the beginning of a frame, or of a line of a terminal */
	char second[20];         /* "2006-01-02T15:04:05" as last seen, and what it stands for */
	int64_t second_ns;
};

/* `s` is zeroed but for tty, on_piece and arg. Gives out every piece that is complete. Returns 0;
 * -EBADMSG where the bytes are none of the Engine's; -EIO where the Engine says inside the stream
 * that it cannot go on. */
int logs_stream_feed(struct logs_stream *s, const char *data, size_t len);
/* The stream ended as it should: gives out what a terminal's last line left open. */
int logs_stream_end(struct logs_stream *s);
/* Forgets what was begun; ready for another stream of the same container. */
void logs_stream_reset(struct logs_stream *s);

#endif
