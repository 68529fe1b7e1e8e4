/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Assembly of lines for logs_lines.h. A piece without a newline goes on with the next piece of its
 * source, if that has the same time: another time means that the process before wrote no newline
 * at its end, and that the container was started again.
 */
#include "shim/logs_lines.h"

#include <string.h>

#define KEEP_BYTES ((size_t)32 * 1024)
/* How much later the Engine may write a line than one of the other source that it read after it. */
#define SKEW_NS ((int64_t)10 * 1000000000)

void
logs_lines_done(struct logs_lines *l)
{
	for (size_t i = 0; i < LOGS_SOURCE_MAX; i++)
		logs_buffer_done(&l->part[i].text);
	logs_buffer_done(&l->clean);
}

void
logs_lines_from(struct logs_lines *l, const struct logs_position *from)
{
	for (size_t i = 0; i < LOGS_SOURCE_MAX; i++) {
		logs_buffer_clear(&l->part[i].text, KEEP_BYTES);
		l->part[i].open = false;
	}
	logs_gate_open(&l->gate, from);
}

int64_t
logs_lines_pending_ns(const struct logs_lines *l)
{
	int64_t ns = INT64_MAX;

	for (size_t i = 0; i < LOGS_SOURCE_MAX; i++)
		if (l->part[i].open && l->part[i].time_ns < ns)
			ns = l->part[i].time_ns;
	return ns;
}

int64_t
logs_floor_ns(const struct logs_mark mark[static LOGS_SOURCE_MAX], int64_t pending_ns)
{
	int64_t newest = 0, floor;

	for (size_t i = 0; i < LOGS_SOURCE_MAX; i++)
		if (mark[i].time_ns > newest)
			newest = mark[i].time_ns;
	floor = newest > SKEW_NS ? newest - SKEW_NS : 0;
	return pending_ns < floor ? pending_ns : floor;
}

/* What was begun before this reading came to where it started counts as read by it. */
void
logs_lines_again(struct logs_lines *l, int64_t *ret_floor_ns)
{
	struct logs_position here = { 0 };

	memcpy(here.mark, l->gate.from, sizeof(here.mark));
	for (size_t i = 0; i < LOGS_SOURCE_MAX; i++)
		logs_mark_merge(&here.mark[i], &l->gate.at[i]);
	here.floor_ns = logs_floor_ns(here.mark, logs_lines_pending_ns(l));
	logs_gate_open(&l->gate, &here);
	*ret_floor_ns = here.floor_ns;
}

static void
give(struct logs_lines *l, enum logs_source source, const char *text, size_t len, bool ends,
    const struct logs_mark *mark)
{
	l->on_line(
	    &(struct logs_line){
		.source = source,
		.time_ns = l->part[source].time_ns,
		.text = text != NULL ? text : "",
		.len = len,
		.ends = ends,
		.mark = *mark,
	    },
	    l->arg);
}

static void
close_part(struct logs_lines *l, enum logs_source source)
{
	if (!l->part[source].open)
		return;
	l->part[source].open = false;
	give(l, source, l->part[source].text.v, l->part[source].text.len, true,
	    &l->part[source].mark);
	logs_buffer_clear(&l->part[source].text, KEEP_BYTES);
}

void
logs_lines_end(struct logs_lines *l)
{
	for (unsigned i = 0; i < LOGS_SOURCE_MAX; i++)
		close_part(l, (enum logs_source)i);
}

/* The line is longer than an event: all but its end goes on its way. What is left is of the piece
 * that has just been added, of piece_len clean bytes. */
static void
give_full(
    struct logs_lines *l, enum logs_source source, const struct logs_mark *mark, size_t piece_len)
{
	struct logs_buffer *t = &l->part[source].text;

	while (t->len > LOGS_EVENT_MAX) {
		size_t len = logs_buffer_split(t->v, t->len, LOGS_EVENT_MAX);
		struct logs_mark here = *mark;

		here.pieces--;
		here.bytes = (uint32_t)(piece_len - (t->len - len));
		give(l, source, t->v, len, false, &here);
		logs_buffer_drop(t, len);
	}
}

void
logs_lines_add(struct logs_lines *l, const struct logs_piece *p)
{
	bool clean = logs_buffer_clean_bytes(p->text, p->len) == p->len;
	const char *text = p->text;
	size_t len = p->len;
	struct logs_mark mark;
	uint32_t skip;

	if (!logs_gate_pass(&l->gate, p, &mark, &skip))
		return;
	if (l->part[p->source].open && l->part[p->source].time_ns != p->time_ns)
		close_part(l, p->source);
	if (!clean) {
		logs_buffer_clear(&l->clean, KEEP_BYTES);
		logs_buffer_append_clean(&l->clean, p->text, p->len);
		text = l->clean.v;
		len = l->clean.len;
	}
	if (skip > len)
		skip = (uint32_t)len;
	l->part[p->source].time_ns = p->time_ns;
	if (p->ends && !l->part[p->source].open && len - skip <= LOGS_EVENT_MAX) {
		give(l, p->source, text + skip, len - skip, true, &mark);
		return;
	}
	l->part[p->source].open = true;
	l->part[p->source].mark = mark;
	logs_buffer_append(&l->part[p->source].text, text + skip, len - skip);
	give_full(l, p->source, &mark, len);
	if (p->ends)
		close_part(l, p->source);
}
