/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GetLogEvents and FilterLogEvents: pages of events, forward and back. A token is a place in the
 * log, so it stays good while events come in.
 */
#include "daemon/services/log_pattern.h"
#include "daemon/services/logs.h"
#include "daemon/services/logs_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* A page is given up as it is after so long, with a token for the rest: the loop has others to
 * serve. */
#define BUDGET_MS 10
#define STREAMS_MAX 100

static int filter_log_events(struct call *c);
static int get_log_events(struct call *c);

/* clang-format off */
static const struct schema_field get_fields[] = {
	LOGS_GROUP(.flags = 0),
	LOGS_IDENTIFIER,
	LOGS_STREAM(.flags = SCHEMA_REQUIRED),
	F_LONG(struct logs_in, from,      "startTime", .max = LOGS_TIME_MAX),
	F_LONG(struct logs_in, to,        "endTime", .max = LOGS_TIME_MAX),
	LOGS_PAGE(LOGS_EVENTS_MAX),
	F_BOOL(struct logs_in, from_head, "startFromHead"),
	F_UNBOUND(SCHEMA_BOOL,            "unmask"),
};
static const struct schema_field filter_fields[] = {
	LOGS_GROUP(.flags = 0),
	LOGS_IDENTIFIER,
	F_STRS(struct logs_in, streams, "logStreamNames", .min_len = 1, .max_len = STREAMS_MAX, .item_max_len = 512),
	LOGS_STREAM_PREFIX,
	F_LONG(struct logs_in, from,    "startTime", .max = LOGS_TIME_MAX),
	F_LONG(struct logs_in, to,      "endTime", .max = LOGS_TIME_MAX),
	F_STR(struct logs_in, pattern,  "filterPattern", .max_len = 1024),
	LOGS_PAGE(LOGS_EVENTS_MAX),
	F_UNBOUND(SCHEMA_BOOL,          "interleaved"),
	F_UNBOUND(SCHEMA_BOOL,          "unmask"),
};
static const struct schema get_schema = SCHEMA(struct logs_in, get_fields, "GetLogEventsRequest");
static const struct schema filter_schema = SCHEMA(struct logs_in, filter_fields, "FilterLogEventsRequest");

static const struct op ops[] = {
	{ .name = "FilterLogEvents", .run = filter_log_events, .input = &filter_schema },
	{ .name = "GetLogEvents",    .run = get_log_events,    .input = &get_schema },
};
const struct op_table logs_read_ops = { ops, ARRAY_SIZE(ops) };
/* clang-format on */

static int
bad_token(struct call *c)
{
	return err_set(&c->err, ERR_INVALID_PARAMETER, "The specified nextToken is invalid.");
}

/* The time from which on events of the group are shown at all. */
static int64_t
from_ms(const struct call *c, const struct store_log_group *g)
{
	const struct logs_in *in = c->args;
	int64_t horizon = logs_horizon(c, g);

	return in->from.set && in->from.v > horizon ? in->from.v : horizon;
}

static size_t
limit(const struct logs_in *in)
{
	return in->limit.set ? (size_t)in->limit.v : LOGS_EVENTS_MAX;
}

/* --- GetLogEvents --- */

static struct json_object *
print_events(const struct store_log_page *page)
{
	struct logs_text t = { 0 };

	logs_text_add(&t, "[", 1);
	for (size_t i = 0; i < page->n; i++) {
		const struct store_log_event *ev = &page->events[i];

		logs_text_addf(&t, "%s{\"timestamp\":%" PRId64 ",\"message\":", i > 0 ? "," : "",
		    ev->position.at_ms);
		logs_text_add_string(&t, ev->text, ev->len);
		logs_text_addf(&t, ",\"ingestionTime\":%" PRId64 "}", ev->ingested_at_ms);
	}
	logs_text_add(&t, "]", 1);
	return json_new_raw(TAKE(t.s));
}

static void
add_token(struct call *c, const char *member, char way, const struct store_log_position *p)
{
	char number[LOGS_NUMBER_MAX];

	(void)logs_print_number(number, p->at_ms, p->chunk, p->index);
	json_add_str(c->out, member, arena_printf(&c->arena, "%c/%s/s", way, number));
}

/* "f/<56 digits>/s" or "b/…"; as they once were, without "/s", too. */
static int
read_token(struct call *c, const char *token, struct store_log_query *q)
{
	char number[LOGS_NUMBER_MAX];
	size_t len = strlen(token);

	if (len >= 2 && strcmp(token + len - 2, "/s") == 0)
		len -= 2;
	if ((!has_prefix(token, "f/") && !has_prefix(token, "b/")) || len - 2 >= sizeof(number))
		return bad_token(c);
	memcpy(number, token + 2, len - 2);
	number[len - 2] = '\0';
	if (!logs_read_number(number, &q->start))
		return bad_token(c);
	q->started = true;
	q->backward = token[0] == 'b';
	return 0;
}

/* Tokens of the places before the first and behind the last event of the page. An empty page leaves
 * the place where it was, so that a reader at the end gets the token that it came with. */
static void
add_tokens(struct call *c, const struct store_log_query *q, const struct store_log_page *page)
{
	struct store_log_position first = q->start, last = q->start;

	if (page->n > 0) {
		first = page->events[0].position;
		last = page->events[page->n - 1].position;
	}
	add_token(c, "nextForwardToken", 'f', &last);
	add_token(c, "nextBackwardToken", 'b', &first);
}

static int
get_log_events(struct call *c)
{
	_cleanup_(store_log_page_done) struct store_log_page page = { 0 };
	const struct logs_in *in = c->args;
	struct store_log_stream st = { 0 };
	struct store_log_group g = { 0 };
	struct store_log_query q = {
		.streams = &st.n,
		.n_streams = 1,
		.to_ms = in->to.set ? in->to.v : LOG_TIME_MAX,
		.backward = in->from_head != TRI_TRUE,
		.max_events = limit(in),
		.max_bytes = LOGS_BATCH_BYTES,
	};
	struct store *l = NULL;
	int r = in->token != NULL ? read_token(c, in->token, &q) : 0;

	if (r == 0)
		r = logs_open(c, &l);
	if (r == 0)
		r = logs_find_group(c, l, &g);
	if (r == 0)
		r = logs_find_stream(c, l, g.n, in->stream, &st);
	if (r < 0)
		return r;
	q.from_ms = from_ms(c, &g);
	r = store_log_read(l, &q, &page, &c->err);
	if (r < 0)
		return r;
	json_add(c->out, "events", print_events(&page));
	add_tokens(c, &q, &page);
	return 0;
}

/* --- FilterLogEvents --- */

static int
print_found(struct call *c, struct store *l, const struct store_log_page *page, struct logs_text *t)
{
	struct store_log_stream st = { 0 };
	char id[LOGS_NUMBER_MAX];

	logs_text_add(t, "[", 1);
	for (size_t i = 0; i < page->n; i++) {
		const struct store_log_event *ev = &page->events[i];
		const struct store_log_position *p = &ev->position;

		if (ev->stream != st.n &&
		    store_log_stream_get_by_key(l, ev->stream, &st, &c->err) < 0)
			return -1;
		logs_text_add(t, i > 0 ? ",{\"logStreamName\":" : "{\"logStreamName\":",
		    strlen("{\"logStreamName\":") + (i > 0));
		logs_text_add_string(t, st.name, strlen(st.name));
		logs_text_addf(t, ",\"timestamp\":%" PRId64 ",\"message\":", p->at_ms);
		logs_text_add_string(t, ev->text, ev->len);
		logs_text_addf(t, ",\"ingestionTime\":%" PRId64 ",\"eventId\":\"%s\"}",
		    ev->ingested_at_ms, logs_print_number(id, p->at_ms, p->chunk, p->index));
	}
	logs_text_add(t, "]", 1);
	return 0;
}

static int
find_streams(struct call *c, struct store *l, int64_t group, int64_t keys[static STREAMS_MAX])
{
	const struct logs_in *in = c->args;

	for (size_t i = 0; i < in->streams.n; i++) {
		struct store_log_stream st = { 0 };
		int r = logs_find_stream(c, l, group, in->streams.v[i], &st);

		if (r < 0)
			return r;
		keys[i] = st.n;
	}
	return 0;
}

static int
check_filter(struct call *c, struct store_log_query *q)
{
	const struct logs_in *in = c->args;
	char key[PAGE_KEY_MAX];
	int r;

	if (in->streams.set && in->prefix != NULL)
		return err_set(&c->err, ERR_INVALID_PARAMETER,
		    "logStreamNames and logStreamNamePrefix are mutually exclusive parameters.");
	r = in->prefix != NULL ? logs_check_stream_name(c, "logStreamNamePrefix", in->prefix) : 0;
	if (r < 0)
		return r;
	q->prefix = in->prefix;
	if (in->from.set && in->to.set && in->from.v > in->to.v)
		return err_set(&c->err, ERR_INVALID_PARAMETER,
		    "The start time must not be later than the end time.");
	if (in->token == NULL)
		return 0;
	if (page_decode(c->op->name, in->token, key, NULL) < 0 || !logs_read_number(key, &q->start))
		return bad_token(c);
	q->started = true;
	return 0;
}

static bool
fits(const char *text, size_t len, void *arg)
{
	return log_pattern_match(arg, text, len);
}

static void
pattern_done(struct log_pattern **p)
{
	log_pattern_free(*p);
}

static int
filter_log_events(struct call *c)
{
	_cleanup_(pattern_done) struct log_pattern *pattern = NULL;
	_cleanup_(store_log_page_done) struct store_log_page page = { 0 };
	_cleanup_(logs_text_done) struct logs_text t = { 0 };
	const struct logs_in *in = c->args;
	int64_t keys[STREAMS_MAX];
	struct store_log_group g = { 0 };
	struct store_log_query q = {
		.streams = in->streams.set ? keys : NULL,
		.n_streams = in->streams.n,
		/* unlike that of GetLogEvents, the end is part of the range */
		.to_ms = in->to.set && in->to.v < LOG_TIME_MAX ? in->to.v + 1 : LOG_TIME_MAX,
		.max_events = limit(in),
		.max_bytes = LOGS_BATCH_BYTES,
		.budget_ms = BUDGET_MS,
	};
	char number[LOGS_NUMBER_MAX];
	struct store *l = NULL;
	int r = check_filter(c, &q);

	if (r == 0 && in->pattern != NULL && in->pattern[0] != '\0')
		r = log_pattern_parse(in->pattern, &pattern, &c->err);
	if (r == 0)
		r = logs_open(c, &l);
	if (r == 0)
		r = logs_find_group(c, l, &g);
	if (r == 0)
		r = find_streams(c, l, g.n, keys);
	if (r < 0)
		return r;
	if (pattern != NULL) {
		q.match = fits;
		q.arg = pattern;
	}
	q.group = g.n;
	q.from_ms = from_ms(c, &g);
	r = store_log_read(l, &q, &page, &c->err);
	if (r == 0)
		r = print_found(c, l, &page, &t);
	if (r < 0)
		return r;
	json_add(c->out, "events", json_new_raw(TAKE(t.s)));
	json_add(c->out, "searchedLogStreams", json_object_new_array());
	if (page.more)
		json_add_str(c->out, "nextToken",
		    page_encode(&c->arena, c->op->name,
			logs_print_number(
			    number, page.next.at_ms, page.next.chunk, page.next.index)));
	return 0;
}
