/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The calls of logs_service.h. The daemon's own CloudWatch Logs keeps a cursor beside a stream, in
 * the transaction that takes the events: header X-Localemu-Log-Cursor of PutLogEvents, and
 * /_localemu/logs/cursor to ask for it. Nobody else knows these, and is not told.
 */
#include "shim/logs_service.h"
#include "shim/curl.h"

#include <errno.h>
#include <string.h>

#define PUT_TIMEOUT_MS 10000
#define LAST_EVENTS 1000 /* looked at for those of one time */

/* Errors that speak of the request itself. */
static const char *const refusals[] = { "InvalidParameterException", "SerializationException",
	"ValidationException", "InvalidSequenceTokenException", "DataAlreadyAcceptedException",
	"RequestEntityTooLargeException" };

static void on_stream(const struct aws_reply *r, void *arg);
static void on_group(const struct aws_reply *r, void *arg);
static void on_cursor(const struct aws_reply *r, void *arg);
static void on_last_events(const struct aws_reply *r, void *arg);
static void on_put(const struct aws_reply *r, void *arg);

void
logs_service_done(struct logs_service *s)
{
	aws_cancel(TAKE(s->call));
	free(s->stream);
	s->stream = NULL;
}

static enum logs_outcome
judge(const struct logs_service *s, const struct aws_reply *r)
{
	if (r->error == NULL)
		return LOGS_DONE;
	if (r->errnum == ECONNREFUSED && !aws_is_elsewhere(s->aws, AWS_LOGS))
		return LOGS_NOBODY;
	if (r->status == 0 || r->status >= 500 || r->status == 429 ||
	    strstr(r->error, "Throttl") != NULL)
		return LOGS_AWAY;
	if (streq(r->error, "ResourceNotFoundException"))
		return LOGS_GONE;
	for (size_t i = 0; i < ARRAY_SIZE(refusals); i++)
		if (streq(r->error, refusals[i]))
			return LOGS_REFUSED;
	return r->status == 413 ? LOGS_REFUSED : LOGS_DENIED;
}

static void
call(struct logs_service *s, const struct aws_ask *what)
{
	struct aws_ask ask = *what;

	ask.service = AWS_LOGS;
	ask.as = s->as;
	ask.region = s->options->region;
	ask.arg = s;
	s->call = aws_send(s->aws, &ask);
}

static char *
names(const struct logs_service *s, bool with_stream)
{
	_cleanup_json_ struct json_object *o = json_object_new_object();

	json_add_str(o, "logGroupName", s->options->group);
	if (with_stream)
		json_add_str(o, "logStreamName", s->stream);
	return xstrdup(json_print(o));
}

static void
create_stream(struct logs_service *s)
{
	call(s, &(struct aws_ask){
		    .operation = "CreateLogStream", .body = names(s, true), .on_done = on_stream });
}

void
logs_service_create(struct logs_service *s, bool may_create_group)
{
	s->creating = !may_create_group || !s->options->create_group;
	create_stream(s);
}

static void
tell_create(struct logs_service *s, const struct aws_reply *r, const char *what)
{
	_cleanup_free_ char *text = NULL;

	if (r->error != NULL)
		text = xasprintf(
		    "failed to create Cloudwatch log %s: %s: %s", what, r->error, r->message);
	s->on_create(judge(s, r), text, s->arg);
}

static bool
exists(const struct aws_reply *r)
{
	return streq(r->error, "ResourceAlreadyExistsException");
}

static void
on_stream(const struct aws_reply *r, void *arg)
{
	static const struct aws_reply fine = { .status = 200 };
	struct logs_service *s = arg;

	s->call = NULL;
	if (judge(s, r) == LOGS_GONE && !s->creating) {
		s->creating = true;
		call(s, &(struct aws_ask){ .operation = "CreateLogGroup",
			    .body = names(s, false),
			    .on_done = on_group });
		return;
	}
	tell_create(s, exists(r) ? &fine : r, "stream");
}

static void
on_group(const struct aws_reply *r, void *arg)
{
	struct logs_service *s = arg;

	s->call = NULL;
	if (r->error != NULL && !exists(r))
		tell_create(s, r, "group");
	else
		create_stream(s);
}

void
logs_service_find(struct logs_service *s)
{
	_cleanup_free_ char *region = curl_io_escape(s->options->region);
	_cleanup_free_ char *group = curl_io_escape(s->options->group);
	_cleanup_free_ char *stream = curl_io_escape(s->stream);
	_cleanup_free_ char *query =
	    xasprintf("account=%s&region=%s&group=%s&stream=%s", s->account, region, group, stream);
	struct json_object *o;

	if (!aws_is_elsewhere(s->aws, AWS_LOGS)) {
		call(s, &(struct aws_ask){ .path = "/_localemu/logs/cursor",
			    .query = query,
			    .attempts = 1,
			    .on_done = on_cursor });
		return;
	}
	o = json_object_new_object();
	json_add_str(o, "logGroupName", s->options->group);
	json_add_str(o, "logStreamName", s->stream);
	json_add_bool(o, "startFromHead", false);
	json_add_int(o, "limit", LAST_EVENTS);
	call(s, &(struct aws_ask){ .operation = "GetLogEvents",
		    .body = xstrdup(json_print(o)),
		    .attempts = 1,
		    .reply_max = CURL_IO_REPLY_MAX,
		    .on_done = on_last_events });
	json_object_put(o);
}

static void
on_cursor(const struct aws_reply *r, void *arg)
{
	struct logs_service *s = arg;
	_cleanup_json_ struct json_object *o = NULL;

	s->call = NULL;
	if (r->error == NULL)
		(void)json_parse(r->body, r->len, &o, NULL);
	s->on_found(
	    judge(s, r), &(struct logs_found){ .cursor = json_get_str(o, "cursor") }, s->arg);
}

static void
on_last_events(const struct aws_reply *r, void *arg)
{
	struct logs_service *s = arg;
	struct json_object *events = json_get(r->json, "events");
	size_t n =
	    json_object_is_type(events, json_type_array) ? json_object_array_length(events) : 0;
	struct logs_found f = { 0 };

	s->call = NULL;
	while (n-- > 0) {
		int64_t ms = json_get_int(json_object_array_get_idx(events, n), "timestamp", 0);

		if (f.last_events > 0 && ms != f.last_ms)
			break;
		f.last_ms = ms;
		f.last_events++;
	}
	s->on_found(judge(s, r), &f, s->arg);
}

void
logs_service_put(struct logs_service *s, char *body, size_t len, const char *cursor)
{
	_cleanup_free_ char *header = xasprintf("X-Localemu-Log-Cursor: %s", cursor);

	call(s, &(struct aws_ask){ .operation = "PutLogEvents",
		    .body = body,
		    .body_len = len,
		    .headers = { aws_is_elsewhere(s->aws, AWS_LOGS) ? NULL : header },
		    .attempts = 1,
		    .once = true,
		    .timeout_ms = PUT_TIMEOUT_MS,
		    .on_done = on_put });
}

static void
on_put(const struct aws_reply *r, void *arg)
{
	struct logs_service *s = arg;
	struct json_object *rejected = json_get(r->json, "rejectedLogEventsInfo");
	_cleanup_free_ char *text = NULL;

	s->call = NULL;
	if (r->error != NULL)
		text = xasprintf("%s: %s", r->error, r->message);
	else if (rejected != NULL)
		text = xasprintf("some events were rejected: %s", json_print(rejected));
	s->on_put(judge(s, r), text, s->arg);
}
