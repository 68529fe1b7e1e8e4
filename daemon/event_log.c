/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events out of rows (see event_log.h). Making one costs more than reading it, and many readers
 * want the same ones at the same time, so the last few are kept as they were printed.
 */
#include "daemon/event_log.h"

#include "common/json.h"
#include "daemon/arn.h"
#include "daemon/store/task_event.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define PRINTED_KEPT 64
/* An id is a UUID of 32 digits: the number of the event in 13 of them, and the task's id. */
#define NUMBER_DIGITS 13
#define ID_HIGH 12 /* digits of the number before the version */
#define ID_VERSION 12
#define ID_LOW 13
#define ID_TASK 14
#define ID_VARIANT 16

struct printed {
	int64_t n;
	char *json; /* NULL: an unused place */
};

struct event_log {
	struct store *store;
	struct printed printed[PRINTED_KEPT];
	size_t next_printed;
};

static const char *print_event(struct event_log *log, const struct store_task_event *ev);
static char *make_event(const struct store_task_event *ev);
static void make_id(char out[static 37], const struct store_task_event *ev);
static bool read_id(const char *text, int64_t *ret);
static bool read_time(const char *text, int64_t *ret_ms);
static void times_as_text(struct json_object *o);

struct event_log *
event_log_new(struct store *s)
{
	struct event_log *log = xcalloc(1, sizeof(*log));

	log->store = s;
	return log;
}

void
event_log_free(struct event_log *log)
{
	if (log == NULL)
		return;
	for (size_t i = 0; i < PRINTED_KEPT; i++)
		free(log->printed[i].json);
	free(log);
}

/* -- which events */

static int
filter_arn(struct event_filter *f, const char *text, enum arn_type type, struct err *e)
{
	struct arn a;

	if (arn_parse(text, &a) < 0 || a.type != type)
		return err_set(e, ERR_INVALID_PARAMETER, "%s",
		    type == ARN_CLUSTER ? "cluster must be the name or the ARN of a cluster."
					: "task must be the id or the ARN of a task.");
	(void)snprintf(f->scope.account, sizeof(f->scope.account), "%s", a.account);
	(void)snprintf(f->scope.region, sizeof(f->scope.region), "%s", a.region);
	if (type == ARN_CLUSTER)
		(void)snprintf(f->cluster, sizeof(f->cluster), "%s", a.part[0]);
	else
		(void)snprintf(f->task, sizeof(f->task), "%s", a.part[a.n - 1]);
	return 0;
}

int
event_filter_read(struct event_filter *ret, const char *cluster, const char *task, struct err *e)
{
	struct event_filter f = { 0 };
	int r = 0;

	if (cluster != NULL && has_prefix(cluster, "arn:"))
		r = filter_arn(&f, cluster, ARN_CLUSTER, e);
	else if (cluster != NULL)
		(void)snprintf(f.cluster, sizeof(f.cluster), "%s", cluster);
	if (r == 0 && task != NULL && has_prefix(task, "arn:"))
		r = filter_arn(&f, task, ARN_TASK, e);
	else if (r == 0 && task != NULL)
		(void)snprintf(f.task, sizeof(f.task), "%s", task);
	if (r == 0)
		*ret = f;
	return r;
}

/* -- from where on */

int
event_log_since(struct event_log *log, const char *since, int64_t *ret_cursor, struct err *e)
{
	size_t len = since != NULL ? strlen(since) : 0;
	int64_t ms;

	if (len == 0) {
		*ret_cursor = 0;
		return 0;
	}
	if (strcmp(since, "now") == 0)
		return store_task_event_newest(log->store, ret_cursor, e);
	if (len <= 18 && strspn(since, "0123456789") == len) {
		*ret_cursor = strtoll(since, NULL, 10);
		return 0;
	}
	if (read_id(since, ret_cursor))
		return 0;
	if (!read_time(since, &ms))
		return err_set(e, ERR_INVALID_PARAMETER,
		    "since must be a cursor, the id of an event, a time as in RFC 3339, or now.");
	*ret_cursor = ms * 1000 - 1;
	return 0;
}

/* "2026-01-31T12:00:00Z", with a fraction or without, or with an offset in place of Z. A plus sign
 * that was not encoded in a query has become a space. */
static bool
read_time(const char *text, int64_t *ret_ms)
{
	struct tm tm = { 0 }, offset = { 0 };
	const char *p = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
	int64_t ms = 0, offset_s = 0;

	if (p == NULL)
		return false;
	if (*p == '.') {
		if (!isdigit((unsigned char)*++p))
			return false;
		for (int64_t unit = 100; isdigit((unsigned char)*p); p++, unit /= 10)
			ms += unit * (*p - '0');
	}
	if (*p == '+' || *p == '-' || *p == ' ') {
		const char *end = strptime(p + 1, "%H:%M", &offset);

		if (end == NULL || *end != '\0')
			return false;
		offset_s = (*p == '-' ? -60 : 60) * (60 * offset.tm_hour + offset.tm_min);
	} else if (strcmp(p, "Z") != 0) {
		return false;
	}
	*ret_ms = 1000 * ((int64_t)timegm(&tm) - offset_s) + ms;
	return true;
}

/* -- reading */

struct reading {
	struct event_log *log;
	void (*fn)(int64_t cursor, const char *json, void *arg);
	void *arg;
	int64_t cursor;
	int n;
};

static int
read_one(const struct store_task_event *ev, void *arg)
{
	struct reading *reading = arg;

	reading->fn(ev->n, print_event(reading->log, ev), reading->arg);
	reading->cursor = ev->n;
	reading->n++;
	return 0;
}

static const char *
or_any(const char *text)
{
	return text[0] != '\0' ? text : NULL;
}

int
event_log_read(struct event_log *log, const struct event_filter *f, int limit, int64_t *cursor,
    void (*fn)(int64_t cursor, const char *json, void *arg), void *arg, struct err *e)
{
	const struct store_task_event_filter filter = {
		.account = or_any(f->scope.account),
		.region = or_any(f->scope.region),
		.cluster = or_any(f->cluster),
		.task = or_any(f->task),
	};
	struct reading reading = { .log = log, .fn = fn, .arg = arg, .cursor = *cursor };
	int64_t newest = 0;
	int r = store_task_event_newest(log->store, &newest, e);

	if (r == 0 && newest > *cursor)
		r = store_task_event_list(
		    log->store, &filter, *cursor, limit, read_one, &reading, e);
	if (r < 0)
		return r;
	/* All that follows was looked at, and does not pass the filter. */
	if (reading.n < limit && newest > reading.cursor)
		reading.cursor = newest;
	*cursor = reading.cursor;
	return reading.n;
}

/* -- the shape */

static const char *
print_event(struct event_log *log, const struct store_task_event *ev)
{
	struct printed *place;

	for (size_t i = 0; i < PRINTED_KEPT; i++)
		if (log->printed[i].json != NULL && log->printed[i].n == ev->n)
			return log->printed[i].json;
	place = &log->printed[log->next_printed++ % PRINTED_KEPT];
	free(place->json);
	*place = (struct printed){ .n = ev->n, .json = make_event(ev) };
	return place->json;
}

static char *
make_event(const struct store_task_event *ev)
{
	_cleanup_json_ struct json_object *o = json_object_new_object();
	struct json_object *resources = json_object_new_array(), *detail = NULL;
	char id[37], arn[ARN_MAX];

	make_id(id, ev);
	json_object_array_add(
	    resources, json_object_new_string(arn_task(arn, &ev->scope, ev->cluster, ev->task)));
	/* What is stored was printed by ourselves. */
	if (json_parse(ev->doc, strlen(ev->doc), &detail, NULL) < 0)
		detail = json_object_new_object();
	times_as_text(detail);
	json_add_iso_time(detail, "updatedAt", ev->at_ms, true);

	json_add_str(o, "version", "0");
	json_add_str(o, "id", id);
	json_add_str(o, "detail-type", EVENT_DETAIL_TYPE);
	json_add_str(o, "source", "aws.ecs");
	json_add_str(o, "account", ev->scope.account);
	json_add_iso_time(o, "time", ev->at_ms, false);
	json_add_str(o, "region", ev->scope.region);
	json_add(o, "resources", resources);
	json_add(o, "detail", detail);
	return xstrdup(json_print(o));
}

/* The API prints times as numbers, EventBridge as text. All of them have names that end in "At",
 * and nothing else in a task does that is a number. */
static void
times_as_text(struct json_object *o)
{
	if (json_object_is_type(o, json_type_array)) {
		for (size_t i = 0; i < json_object_array_length(o); i++)
			times_as_text(json_object_array_get_idx(o, i));
		return;
	}
	if (!json_object_is_type(o, json_type_object))
		return;
	json_object_object_foreach(o, key, v)
	{
		size_t len = strlen(key);
		bool is_time = len > 2 && strcmp(key + len - 2, "At") == 0;

		if (is_time && (json_object_is_type(v, json_type_double) ||
				   json_object_is_type(v, json_type_int)))
			json_add_iso_time(
			    o, key, (int64_t)(json_object_get_double(v) * 1000 + 0.5), true);
		else
			times_as_text(v);
	}
}

/* -- ids: they are made from what is there anyway, so that nothing has to be looked up by them */

static void
make_id(char out[static 37], const struct store_task_event *ev)
{
	static const char variants[] = "89ab";
	char digits[33], number[NUMBER_DIGITS + 1];
	size_t task_len = strlen(ev->task);

	memset(digits, '0', sizeof(digits) - 1);
	digits[sizeof(digits) - 1] = '\0';
	(void)snprintf(number, sizeof(number), "%013llx", (unsigned long long)ev->n);
	memcpy(digits, number, ID_HIGH);
	digits[ID_VERSION] = '4';
	digits[ID_LOW] = number[ID_HIGH];
	for (size_t i = ID_TASK, t = 0; i < sizeof(digits) - 1 && t < task_len; i++, t++)
		digits[i] = ev->task[t];
	digits[ID_VARIANT] = variants[digits[ID_VARIANT] & 3];
	(void)snprintf(out, 37, "%.8s-%.4s-%.4s-%.4s-%.12s", digits, digits + 8, digits + 12,
	    digits + 16, digits + 20);
}

static bool
read_id(const char *text, int64_t *ret)
{
	char number[NUMBER_DIGITS + 1];

	if (strlen(text) != 36 || strspn(text, "0123456789abcdefABCDEF-") != 36 || text[8] != '-' ||
	    text[13] != '-' || text[18] != '-' || text[23] != '-' || text[14] != '4')
		return false;
	(void)snprintf(number, sizeof(number), "%.8s%.4s%c", text, text + 9, text[15]);
	*ret = strtoll(number, NULL, 16);
	return true;
}
