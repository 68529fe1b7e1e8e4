/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The queue of logs_batch.h. An event is written as JSON when it comes, so that a body is little
 * more than a copy of the queue's beginning.
 */
#include "shim/logs_batch.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define EVENT_EXTRA_BYTES 26 /* PutLogEvents: "plus 26 bytes for each log event" */
#define NS_PER_MS 1000000
#define KEEP_BYTES ((size_t)16 * 1024)
#define KEEP_EVENTS 128

const struct logs_batch_limits logs_batch_limits_aws = {
	.events = 10000,
	.bytes = (size_t)1024 * 1024,
	.body_bytes = (size_t)64 * 1024,
	.span_ms = (int64_t)24 * 60 * 60 * 1000,
};

void
logs_batch_done(struct logs_batch *b)
{
	logs_buffer_done(&b->json);
	free(b->events);
	b->events = NULL;
	b->n = b->room = b->n_taken = b->taken_bytes = 0;
}

void
logs_batch_clear(struct logs_batch *b)
{
	b->n = b->n_taken = b->taken_bytes = 0;
	logs_buffer_clear(&b->json, KEEP_BYTES);
	if (b->room > KEEP_EVENTS)
		logs_batch_done(b);
}

void
logs_batch_add(struct logs_batch *b, const struct logs_event *e)
{
	size_t before = b->json.len;
	char head[64];
	struct logs_batch_event *at;

	if (b->n == b->room) {
		b->room = b->room == 0 ? KEEP_EVENTS : b->room * 2;
		b->events = xrealloc(b->events, b->room, sizeof(*b->events));
	}
	at = &b->events[b->n++];
	*at = (struct logs_batch_event){ .time_ms = e->time_ns / NS_PER_MS,
		.size = e->len + EVENT_EXTRA_BYTES };
	memcpy(at->mark, e->mark, sizeof(at->mark));
	(void)snprintf(
	    head, sizeof(head), "{\"timestamp\":%" PRId64 ",\"message\":\"", at->time_ms);
	logs_buffer_append(&b->json, head, strlen(head));
	logs_buffer_append_json(&b->json, e->text, e->len);
	logs_buffer_append(&b->json, "\"},", 3);
	at->len = b->json.len - before;
}

size_t
logs_batch_bytes(const struct logs_batch *b)
{
	return b->json.len;
}

bool
logs_batch_is_empty(const struct logs_batch *b)
{
	return b->n == 0;
}

/* How many events make one body, and whether they are in the order of time. */
static size_t
fitting(const struct logs_batch *b, size_t *ret_json_bytes, bool *ret_sorted)
{
	int64_t oldest = INT64_MAX, newest = 0;
	size_t bytes = 0, n = 0;

	*ret_json_bytes = 0;
	*ret_sorted = true;
	for (; n < b->n && n < b->limits->events; n++) {
		const struct logs_batch_event *e = &b->events[n];
		int64_t low = e->time_ms < oldest ? e->time_ms : oldest;
		int64_t high = e->time_ms > newest ? e->time_ms : newest;

		if (n > 0 &&
		    (bytes + e->size > b->limits->bytes || high - low > b->limits->span_ms ||
			*ret_json_bytes + e->len > b->limits->body_bytes))
			break;
		*ret_sorted = *ret_sorted && high == e->time_ms;
		oldest = low;
		newest = high;
		bytes += e->size;
		*ret_json_bytes += e->len;
	}
	return n;
}

bool
logs_batch_is_full(const struct logs_batch *b)
{
	return b->json.len - b->taken_bytes >= b->limits->body_bytes ||
	       b->n - b->n_taken >= b->limits->events;
}

struct place {
	int64_t time_ms;
	size_t index, at, len;
};

static int
compare_places(const void *a, const void *b)
{
	const struct place *x = a, *y = b;

	if (x->time_ms != y->time_ms)
		return x->time_ms < y->time_ms ? -1 : 1;
	return x->index < y->index ? -1 : 1;
}

/* Those of the two sources that came in another order than their times. */
static void
append_sorted(struct logs_buffer *body, const struct logs_batch *b, size_t n)
{
	_cleanup_free_ struct place *places = xcalloc(n, sizeof(*places));
	size_t at = 0;

	for (size_t i = 0; i < n; i++) {
		places[i] = (struct place){ .time_ms = b->events[i].time_ms,
			.index = i,
			.at = at,
			.len = b->events[i].len };
		at += b->events[i].len;
	}
	qsort(places, n, sizeof(*places), compare_places);
	for (size_t i = 0; i < n; i++)
		logs_buffer_append(body, b->json.v + places[i].at, places[i].len);
}

static void
append_name(struct logs_buffer *body, const char *key, const char *name)
{
	logs_buffer_append(body, key, strlen(key));
	logs_buffer_append_json(body, name, strlen(name));
}

char *
logs_batch_take(struct logs_batch *b, const char *group, const char *stream, int64_t pending_ns,
    struct logs_position *position, size_t *ret_len)
{
	struct logs_buffer body = { 0 };
	bool sorted;

	b->n_taken = fitting(b, &b->taken_bytes, &sorted);
	if (b->n_taken == 0)
		return NULL;
	append_name(&body, "{\"logGroupName\":\"", group);
	append_name(&body, "\",\"logStreamName\":\"", stream);
	append_name(&body, "\",\"logEvents\":[", "");
	if (sorted)
		logs_buffer_append(&body, b->json.v, b->taken_bytes);
	else
		append_sorted(&body, b, b->n_taken);
	body.len--; /* the last comma */
	logs_buffer_append(&body, "]}", 3);
	for (size_t i = 0; i < b->n; i++) {
		for (size_t k = 0; i < b->n_taken && k < LOGS_SOURCE_MAX; k++)
			logs_mark_merge(&position->mark[k], &b->events[i].mark[k]);
		if (i >= b->n_taken && b->events[i].time_ms * NS_PER_MS < pending_ns)
			pending_ns = b->events[i].time_ms * NS_PER_MS;
	}
	position->floor_ns = logs_floor_ns(position->mark, pending_ns);
	*ret_len = body.len - 1;
	return body.v;
}

size_t
logs_batch_drop(struct logs_batch *b)
{
	size_t n = b->n_taken;

	logs_buffer_drop(&b->json, b->taken_bytes);
	b->n -= n;
	b->n_taken = b->taken_bytes = 0;
	memmove(b->events, b->events + n, b->n * sizeof(*b->events));
	if (b->n == 0)
		logs_batch_clear(b);
	return n;
}
