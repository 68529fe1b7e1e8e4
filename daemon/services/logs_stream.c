/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Log streams: creating, describing, deleting.
 */
#include "daemon/services/logs.h"
#include "daemon/services/logs_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define PAGE_DEFAULT 50

static int create_log_stream(struct call *c);
static int delete_log_stream(struct call *c);
static int describe_log_streams(struct call *c);

enum { ORDER_UNSET, ORDER_NAME, ORDER_TIME };

/* clang-format off */
static const char *const orders[] = {
	[ORDER_UNSET] = NULL,
	[ORDER_NAME]  = "LogStreamName",
	[ORDER_TIME]  = "LastEventTime",
	NULL,
};

static const struct schema_field stream_fields[] = {
	LOGS_GROUP(.flags = SCHEMA_REQUIRED),
	LOGS_STREAM(.flags = SCHEMA_REQUIRED),
};
static const struct schema_field describe_fields[] = {
	LOGS_GROUP(.flags = 0),
	LOGS_IDENTIFIER,
	LOGS_STREAM_PREFIX,
	F_ENUM(struct logs_in, order,      "orderBy", orders),
	F_BOOL(struct logs_in, descending, "descending"),
	LOGS_PAGE(50),
};
static const struct schema stream_schema = SCHEMA(struct logs_in, stream_fields, "CreateLogStreamRequest");
static const struct schema describe_schema = SCHEMA(struct logs_in, describe_fields, "DescribeLogStreamsRequest");

static const struct op ops[] = {
	{ .name = "CreateLogStream",    .run = create_log_stream,    .flags = OP_WRITE, .input = &stream_schema },
	{ .name = "DeleteLogStream",    .run = delete_log_stream,    .flags = OP_WRITE, .input = &stream_schema },
	{ .name = "DescribeLogStreams", .run = describe_log_streams,                    .input = &describe_schema },
};
const struct op_table logs_stream_ops = { ops, ARRAY_SIZE(ops) };
/* clang-format on */

static int
create_log_stream(struct call *c)
{
	const struct logs_in *in = c->args;
	struct store_log_stream st = { .created_at_ms = c->now_ms };
	struct store_log_group g = { 0 };
	struct store *l = NULL;
	int r = logs_check_stream_name(c, "logStreamName", in->stream);

	if (r == 0)
		r = logs_open(c, &l);
	if (r == 0)
		r = logs_find_group(c, l, &g);
	if (r == 0)
		r = store_log_stream_get(l, g.n, in->stream, &st, &c->err);
	if (r > 0)
		return err_set_code(&c->err, 400, "ResourceAlreadyExistsException",
		    "The specified log stream already exists");
	if (r == 0)
		r = store_begin(l, &c->err);
	if (r < 0)
		return r;
	st.group = g.n;
	(void)snprintf(st.name, sizeof(st.name), "%s", in->stream);
	return logs_end(c, l, store_log_stream_insert(l, &st, &c->err));
}

static int
delete_log_stream(struct call *c)
{
	const struct logs_in *in = c->args;
	struct store_log_stream st = { 0 };
	struct store_log_group g = { 0 };
	struct store *l = NULL;
	int r = logs_open(c, &l);

	if (r == 0)
		r = logs_find_group(c, l, &g);
	if (r == 0)
		r = logs_find_stream(c, l, g.n, in->stream, &st);
	if (r == 0)
		r = store_begin(l, &c->err);
	return r < 0 ? r : logs_end(c, l, store_log_stream_delete(l, st.n, &c->err));
}

/* --- DescribeLogStreams --- */

struct describe {
	struct call *c;
	const char *group_arn;
	struct page page;
	bool by_time;
	struct json_object *list;
};

static struct json_object *
print_stream(struct describe *d, const struct store_log_stream *st)
{
	struct json_object *o = json_object_new_object();
	char token[LOGS_NUMBER_MAX];

	json_add_str(o, "logStreamName", st->name);
	json_add_int(o, "creationTime", st->created_at_ms);
	if (st->first_at_ms >= 0) {
		json_add_int(o, "firstEventTimestamp", st->first_at_ms);
		json_add_int(o, "lastEventTimestamp", st->last_at_ms);
		json_add_int(o, "lastIngestionTime", st->ingested_at_ms);
		json_add_str(o, "uploadSequenceToken",
		    logs_print_number(token, st->ingested_at_ms, st->n, 0));
	}
	json_add_str(
	    o, "arn", arena_printf(&d->c->arena, "%s:log-stream:%s", d->group_arn, st->name));
	json_add_int(o, "storedBytes", 0); /* as AWS says of every stream since 2019 */
	return o;
}

static int
add_stream(const struct store_log_stream *st, void *arg)
{
	struct describe *d = arg;
	char key[PAGE_KEY_MAX];

	if (d->by_time)
		(void)snprintf(key, sizeof(key), "%" PRId64 ":%s", st->last_at_ms, st->name);
	else
		(void)snprintf(key, sizeof(key), "%s", st->name);
	if (!page_take(&d->page, key))
		return 1;
	return json_object_array_add(d->list, print_stream(d, st));
}

static int
walk(struct describe *d, struct store *l, int64_t group)
{
	struct call *c = d->c;
	const struct logs_in *in = c->args;
	struct store_log_stream_list w = {
		.group = group,
		.prefix = in->prefix,
		.by_time = d->by_time,
		.descending = in->descending == TRI_TRUE,
		.after = page_after(&d->page),
		.limit = d->page.limit + 1,
	};
	char *end;
	int r;

	if (w.by_time && w.after != NULL) {
		w.after_at_ms = strtoll(w.after, &end, 10);
		if (*end != ':')
			return err_set(
			    &c->err, ERR_INVALID_PARAMETER, "The specified nextToken is invalid.");
		w.after = end + 1;
	}
	r = store_log_stream_list(l, &w, add_stream, d, &c->err);
	if (r == 0)
		page_finish(&d->page, c->op->name, &c->arena, c->out);
	return r;
}

static int
describe_log_streams(struct call *c)
{
	const struct logs_in *in = c->args;
	struct describe d = { .c = c, .list = json_object_new_array() };
	struct store_log_group g = { 0 };
	struct store *l = NULL;
	int r;

	json_add(c->out, "logStreams", d.list);
	d.by_time = in->order == ORDER_TIME;
	if (d.by_time && in->prefix != NULL)
		return err_set(&c->err, ERR_INVALID_PARAMETER,
		    "Cannot order by LastEventTime with a logStreamNamePrefix.");
	r = in->prefix != NULL ? logs_check_stream_name(c, "logStreamNamePrefix", in->prefix) : 0;
	if (r == 0)
		r = logs_page_begin(c, &d.page, in->limit.set ? (int)in->limit.v : PAGE_DEFAULT);
	if (r == 0)
		r = logs_open(c, &l);
	if (r == 0)
		r = logs_find_group(c, l, &g);
	if (r < 0)
		return r;
	d.group_arn = logs_group_arn(c, g.name);
	return walk(&d, l, g.n);
}
