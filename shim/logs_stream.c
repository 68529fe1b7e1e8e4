/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Engine's two forms of a log stream, as logs_stream.h says. Frames: one byte for the source,
 * three zeros, four bytes of length, then time, space and text (Engine API: ContainerAttach,
 * "Stream format"). A terminal's stream has no frames: time, space and text follow one another.
 */
#include "shim/logs_stream.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#define HEADER_BYTES 8
#define TIME_BYTES 31 /* "2006-01-02T15:04:05.000000000Z " */
#define SECOND_BYTES 19
#define PIECE_BYTES ((size_t)16 * 1024)
#define FRAME_MAX (2u * 1024 * 1024)

enum { FRAME_STDOUT = 1, FRAME_STDERR = 2, FRAME_ERROR = 3 };

static int feed_terminal(struct logs_stream *s, bool last);

static bool
read_digits(const char *s, size_t n, int64_t *ret)
{
	*ret = 0;
	for (size_t i = 0; i < n; i++) {
		if (s[i] < '0' || s[i] > '9')
			return false;
		*ret = *ret * 10 + (s[i] - '0');
	}
	return true;
}

/* Lines come in thousands per second: the date is worked out once for each of these. */
static bool
read_second(struct logs_stream *s, const char *text)
{
	int64_t year, month, day, hour, minute, second;
	struct tm tm;

	if (memcmp(s->second, text, SECOND_BYTES) == 0)
		return true;
	if (!read_digits(text, 4, &year) || !read_digits(text + 5, 2, &month) ||
	    !read_digits(text + 8, 2, &day) || !read_digits(text + 11, 2, &hour) ||
	    !read_digits(text + 14, 2, &minute) || !read_digits(text + 17, 2, &second) ||
	    text[4] != '-' || text[7] != '-' || text[10] != 'T' || text[13] != ':' ||
	    text[16] != ':')
		return false;
	tm = (struct tm){ .tm_year = (int)year - 1900,
		.tm_mon = (int)month - 1,
		.tm_mday = (int)day,
		.tm_hour = (int)hour,
		.tm_min = (int)minute,
		.tm_sec = (int)second };
	s->second_ns = (int64_t)timegm(&tm) * 1000000000;
	memcpy(s->second, text, SECOND_BYTES);
	return true;
}

static bool
read_time(struct logs_stream *s, const char *text, int64_t *ret_ns)
{
	int64_t fraction;

	if (text[SECOND_BYTES] != '.' || !read_digits(text + SECOND_BYTES + 1, 9, &fraction) ||
	    text[TIME_BYTES - 2] != 'Z' || text[TIME_BYTES - 1] != ' ' || !read_second(s, text))
		return false;
	*ret_ns = s->second_ns + fraction;
	return true;
}

/* One frame without its header. */
static int
give_frame(struct logs_stream *s, unsigned char type, const char *text, size_t len)
{
	struct logs_piece p = { .source = type == FRAME_STDERR ? LOGS_STDERR : LOGS_STDOUT };

	if (type == FRAME_ERROR)
		return -EIO;
	if ((type != FRAME_STDOUT && type != FRAME_STDERR) || len < TIME_BYTES ||
	    !read_time(s, text, &p.time_ns))
		return -EBADMSG;
	p.text = text + TIME_BYTES;
	p.len = len - TIME_BYTES;
	p.ends = p.len > 0 && p.text[p.len - 1] == '\n';
	p.len -= p.ends;
	s->on_piece(&p, s->arg);
	return 0;
}

/* The bytes of the frame that begins at `data`, header and all; 0 where that cannot be seen yet,
 * SIZE_MAX where it is none. */
static size_t
frame_bytes(const char *data, size_t len)
{
	const unsigned char *u = (const unsigned char *)data;
	size_t n;

	if (len < HEADER_BYTES)
		return 0;
	n = (size_t)u[4] << 24 | (size_t)u[5] << 16 | (size_t)u[6] << 8 | u[7];
	return u[1] != 0 || u[2] != 0 || u[3] != 0 || n > FRAME_MAX ? SIZE_MAX : HEADER_BYTES + n;
}

/* Gives out the whole frames at the start of `data`; returns how many bytes these are, or what is
 * wrong. */
static ssize_t
give_frames(struct logs_stream *s, const char *data, size_t len)
{
	size_t at = 0, n;
	int r;

	while ((n = frame_bytes(data + at, len - at)) > 0) {
		if (n == SIZE_MAX)
			return -EBADMSG;
		if (n > len - at)
			break;
		r = give_frame(
		    s, (unsigned char)data[at], data + at + HEADER_BYTES, n - HEADER_BYTES);
		if (r < 0)
			return r;
		at += n;
	}
	return (ssize_t)at;
}

/* A frame that began earlier is completed in `rest`; everything else is given out where it lies. */
static int
feed_frames(struct logs_stream *s, const char *data, size_t len)
{
	ssize_t used;

	while (s->rest.len > 0 && len > 0) {
		size_t n = frame_bytes(s->rest.v, s->rest.len);
		size_t wanted = (n == 0 ? HEADER_BYTES : n) - s->rest.len;
		size_t more = wanted < len ? wanted : len;

		if (n == SIZE_MAX)
			return -EBADMSG;
		logs_buffer_append(&s->rest, data, more);
		data += more;
		len -= more;
		used = give_frames(s, s->rest.v, s->rest.len);
		if (used < 0)
			return (int)used;
		if (used > 0)
			logs_buffer_clear(&s->rest, 2 * PIECE_BYTES);
	}
	used = give_frames(s, data, len);
	if (used < 0)
		return (int)used;
	logs_buffer_append(&s->rest, data + used, len - (size_t)used);
	return 0;
}

int
logs_stream_feed(struct logs_stream *s, const char *data, size_t len)
{
	if (!s->tty)
		return feed_frames(s, data, len);
	logs_buffer_append(&s->rest, data, len);
	return feed_terminal(s, false);
}

int
logs_stream_end(struct logs_stream *s)
{
	int r = s->tty ? feed_terminal(s, true) : 0;

	logs_stream_reset(s);
	return r;
}

void
logs_stream_reset(struct logs_stream *s)
{
	logs_buffer_done(&s->rest);
}

/* The length of the text that begins at `at`: up to a newline, or a full piece that is followed by
 * its own time again. SIZE_MAX: that cannot be seen yet. */
static size_t
terminal_piece(const char *at, size_t len, bool last, bool *ret_ends)
{
	const char *text = at + TIME_BYTES;
	size_t left = len - TIME_BYTES;
	const char *newline = memchr(text, '\n', left);

	*ret_ends = newline != NULL;
	if (newline != NULL && (size_t)(newline - text) <= PIECE_BYTES)
		return (size_t)(newline - text);
	if (left >= PIECE_BYTES + TIME_BYTES && memcmp(text + PIECE_BYTES, at, TIME_BYTES) == 0) {
		*ret_ends = false;
		return PIECE_BYTES;
	}
	if (newline != NULL)
		return (size_t)(newline - text);
	return last || left > FRAME_MAX ? left : SIZE_MAX;
}

static int
feed_terminal(struct logs_stream *s, bool last)
{
	struct logs_piece p = { .source = LOGS_STDOUT };
	size_t at = 0;

	while (s->rest.len - at >= TIME_BYTES) {
		const char *text = s->rest.v + at;

		if (!read_time(s, text, &p.time_ns))
			return -EBADMSG;
		p.len = terminal_piece(text, s->rest.len - at, last, &p.ends);
		if (p.len == SIZE_MAX)
			break;
		p.text = text + TIME_BYTES;
		s->on_piece(&p, s->arg);
		at += TIME_BYTES + p.len + p.ends;
	}
	logs_buffer_drop(&s->rest, at);
	return 0;
}
