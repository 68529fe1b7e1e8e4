/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Marks and the gate of logs_position.h. The gate counts pieces of equal time, since that is all
 * that tells them apart; should the host's clock go back, what is read then counts as of the
 * latest time before.
 */
#include "shim/logs_position.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static int
compare(const struct logs_mark *a, const struct logs_mark *b)
{
	if (a->time_ns != b->time_ns)
		return a->time_ns < b->time_ns ? -1 : 1;
	if (a->pieces != b->pieces)
		return a->pieces < b->pieces ? -1 : 1;
	return a->bytes < b->bytes ? -1 : a->bytes > b->bytes;
}

void
logs_mark_merge(struct logs_mark *m, const struct logs_mark *other)
{
	if (compare(m, other) < 0)
		*m = *other;
}

void
logs_position_print(
    const struct logs_position *p, const char *container_id, char out[static LOGS_CURSOR_MAX])
{
	const struct logs_mark *o = &p->mark[LOGS_STDOUT], *e = &p->mark[LOGS_STDERR];

	(void)snprintf(out, LOGS_CURSOR_MAX,
	    "%.64s %" PRId64 " %" PRId64 " %" PRIu32 " %" PRIu32 " %" PRId64 " %" PRIu32
	    " %" PRIu32,
	    container_id, p->floor_ns, o->time_ns, o->pieces, o->bytes, e->time_ns, e->pieces,
	    e->bytes);
}

bool
logs_position_read(const char *cursor, const char *container_id, struct logs_position *ret)
{
	struct logs_position p = { 0 };
	struct logs_mark *o = &p.mark[LOGS_STDOUT], *e = &p.mark[LOGS_STDERR];
	size_t len = strlen(container_id);
	int end = 0;

	if (strncmp(cursor, container_id, len) != 0 || cursor[len] != ' ' ||
	    strlen(cursor) >= LOGS_CURSOR_MAX)
		return false;
	cursor += len + 1;
	if (sscanf(cursor, /* NOLINT(cert-err34-c): a number out of range is somebody else's text */
		"%" SCNd64 " %" SCNd64 " %" SCNu32 " %" SCNu32 " %" SCNd64 " %" SCNu32 " %" SCNu32
		"%n",
		&p.floor_ns, &o->time_ns, &o->pieces, &o->bytes, &e->time_ns, &e->pieces, &e->bytes,
		&end) != 7 ||
	    cursor[end] != '\0' || p.floor_ns < 0 || o->time_ns < 0 || e->time_ns < 0)
		return false;
	*ret = p;
	return true;
}

void
logs_gate_open(struct logs_gate *g, const struct logs_position *from)
{
	*g = (struct logs_gate){ .floor_ns = from->floor_ns };
	memcpy(g->from, from->mark, sizeof(g->from));
}

bool
logs_gate_pass(
    struct logs_gate *g, const struct logs_piece *p, struct logs_mark *ret_mark, uint32_t *ret_skip)
{
	const struct logs_mark *from = &g->from[p->source];
	struct logs_mark *at = &g->at[p->source];

	if (p->time_ns > at->time_ns) {
		if (p->time_ns > from->time_ns && at->time_ns < from->time_ns &&
		    from->time_ns >= g->floor_ns)
			g->gap = true;
		*at = (struct logs_mark){ .time_ns = p->time_ns };
	}
	at->pieces++;
	*ret_mark = *at;
	*ret_skip = 0;
	if (at->time_ns < from->time_ns)
		return false;
	if (at->time_ns > from->time_ns)
		return true;
	if (at->pieces == from->pieces + 1)
		*ret_skip = from->bytes;
	return at->pieces > from->pieces;
}
