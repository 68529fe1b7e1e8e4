/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PutLogEvents: what a batch may be, which of its events are too new, too old or expired, and where
 * its sender has got to. Sequence tokens are taken and ignored, as on AWS since 2023. It is no
 * OP_WRITE: the one transaction that it needs is that of the logs' file, and CloudTrail has no
 * record of it, because on AWS it is a data event.
 */
#include "daemon/services/logs.h"
#include "daemon/services/logs_text.h"

#include <string.h>

#define TOO_NEW_MS (2LL * 60 * 60 * 1000)
#define TOO_OLD_MS (14 * LOG_DAY_MS)

static int put_log_events(struct call *c);

/* clang-format off */
static const struct schema_field event_fields[] = {
	F_LONG(struct logs_event_in, timestamp, "timestamp", .flags = SCHEMA_REQUIRED, .max = LOGS_TIME_MAX),
	F_STR(struct logs_event_in, message,    "message", .flags = SCHEMA_REQUIRED, .min_len = 1),
};
static const struct schema event_schema = SCHEMA(struct logs_event_in, event_fields, "InputLogEvent");
static const struct schema_field entity_fields[] = {
	F_UNBOUND(SCHEMA_MAP_STRING, "keyAttributes", .max_len = 4, .item_max_len = 512),
	F_UNBOUND(SCHEMA_MAP_STRING, "attributes", .max_len = 10, .item_max_len = 512),
};
static const struct schema entity_schema = { .name = "Entity", .fields = entity_fields, .n = ARRAY_SIZE(entity_fields) };
static const struct schema_field put_fields[] = {
	LOGS_GROUP(.flags = SCHEMA_REQUIRED),
	LOGS_STREAM(.flags = SCHEMA_REQUIRED),
	F_LIST(struct logs_in, events, "logEvents", struct logs_event_in, &event_schema, .flags = SCHEMA_REQUIRED, .min_len = 1, .max_len = LOGS_EVENTS_MAX),
	F_UNBOUND(SCHEMA_STRING,       "sequenceToken", .min_len = 1),
	F_UNBOUND(SCHEMA_STRUCT,       "entity", .sub = &entity_schema),
};
static const struct schema put_schema = SCHEMA(struct logs_in, put_fields, "PutLogEventsRequest");

static const struct op ops[] = {
	{ .name = "PutLogEvents", .run = put_log_events, .input = &put_schema, .read = logs_batch_read },
};
const struct op_table logs_put_ops = { ops, ARRAY_SIZE(ops) };
/* clang-format on */

/* The events that are kept are those from `first` to before `end`. */
struct batch {
	const struct store_log_line *lines;
	size_t n;
	size_t first;
	size_t end;
	size_t n_too_old; /* as many of the first ones */
	size_t n_expired; /* the same, with those that are too old */
};

static int
check_batch(struct call *c, const struct batch *b)
{
	size_t bytes = 0;

	for (size_t i = 0; i < b->n; i++) {
		bytes += b->lines[i].len + LOG_EVENT_OVERHEAD;
		if (i > 0 && b->lines[i].at_ms < b->lines[i - 1].at_ms)
			return err_set(&c->err, ERR_INVALID_PARAMETER,
			    "Log events in a single PutLogEvents request must be in chronological "
			    "order.");
	}
	if (bytes > LOGS_BATCH_BYTES)
		return err_set(&c->err, ERR_INVALID_PARAMETER,
		    "Upload too large: %zu bytes exceeds limit of %u", bytes, LOGS_BATCH_BYTES);
	if (b->lines[b->n - 1].at_ms - b->lines[0].at_ms > LOG_DAY_MS)
		return err_set(&c->err, ERR_INVALID_PARAMETER,
		    "The batch of log events in a single PutLogEvents request cannot span more "
		    "than "
		    "24 hours.");
	return 0;
}

/* They are in order, so what is refused is at both ends. */
static void
sort_out(const struct call *c, const struct store_log_group *g, struct batch *b)
{
	int64_t oldest = c->now_ms - TOO_OLD_MS, horizon = logs_horizon(c, g);

	while (b->n_too_old < b->n && b->lines[b->n_too_old].at_ms < oldest)
		b->n_too_old++;
	b->n_expired = b->n_too_old;
	while (b->n_expired < b->n && b->lines[b->n_expired].at_ms < horizon)
		b->n_expired++;
	b->first = b->n_expired;
	b->end = b->n;
	while (b->end > b->first && b->lines[b->end - 1].at_ms > c->now_ms + TOO_NEW_MS)
		b->end--;
}

static void
add_rejected(struct call *c, const struct batch *b)
{
	struct json_object *o;

	if (b->first == 0 && b->end == b->n)
		return;
	o = json_object_new_object();
	if (b->end < b->n)
		json_add_int(o, "tooNewLogEventStartIndex", (int64_t)b->end);
	if (b->n_too_old > 0)
		json_add_int(o, "tooOldLogEventEndIndex", (int64_t)b->n_too_old);
	if (b->n_expired > b->n_too_old)
		json_add_int(o, "expiredLogEventEndIndex", (int64_t)b->n_expired);
	json_add(c->out, "rejectedLogEventsInfo", o);
}

static int
put(struct call *c, struct batch *b)
{
	const struct logs_in *in = c->args;
	char token[LOGS_NUMBER_MAX];
	struct store_log_stream st = { 0 };
	struct store_log_group g = { 0 };
	struct store *l = NULL;
	int r = logs_open(c, &l);

	if (r == 0)
		r = logs_find_group(c, l, &g);
	if (r == 0)
		r = logs_find_stream(c, l, g.n, in->stream, &st);
	if (r < 0)
		return r;
	sort_out(c, &g, b);
	add_rejected(c, b);
	r = store_begin(l, &c->err);
	if (r < 0)
		return r;
	r = logs_end(c, l,
	    store_log_append(
		l, &st, b->lines + b->first, b->end - b->first, c->now_ms, c->log_cursor, &c->err));
	if (r == 0)
		store_logs_tell(
		    c->store, &(struct store_log_news){ logs_group_arn(c, g.name), st.name,
				  b->lines + b->first, b->end - b->first, c->now_ms });
	if (r == 0)
		json_add_str(
		    c->out, "nextSequenceToken", logs_print_number(token, c->now_ms, st.n, 0));
	return r;
}

/* Of a batch that logs_batch_read has left to the ordinary way. */
static void
read_lines(struct call *c, struct batch *b)
{
	const struct logs_in *in = c->args;
	struct store_log_line *lines;

	if (in->lines != NULL)
		return;
	lines = arena_alloc(&c->arena, in->events.n * sizeof(*lines));
	for (size_t i = 0; i < in->events.n; i++)
		lines[i] = (struct store_log_line){ in->events.v[i].timestamp.v,
			in->events.v[i].message, strlen(in->events.v[i].message) };
	b->lines = lines;
	b->n = in->events.n;
}

static int
put_log_events(struct call *c)
{
	const struct logs_in *in = c->args;
	struct batch b = { in->lines, .n = in->n_lines };
	int r;

	if (c->log_cursor != NULL && strlen(c->log_cursor) >= LOG_CURSOR_MAX)
		return err_set(&c->err, ERR_INVALID_PARAMETER,
		    "The cursor must have at most %d bytes.", LOG_CURSOR_MAX - 1);
	read_lines(c, &b);
	r = check_batch(c, &b);
	return r < 0 ? r : put(c, &b);
}
