/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From lines to bodies of PutLogEvents: patterns and date formats, the limits of a body, the order
 * within it, what counts as delivered with it; and the driver's options.
 */
#include "shim/logs_batch.h"
#include "shim/logs_options.h"
#include "common/json.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define MS INT64_C(1000000)
#define T0 (INT64_C(1767323045000) * MS)
#define EVENTS_MAX 32

/* -- several lines */

struct seen {
	char *text[EVENTS_MAX];
	struct logs_event event[EVENTS_MAX];
	size_t n;
};

static void
on_event(const struct logs_event *e, void *arg)
{
	struct seen *s = arg;

	assert_true(s->n < EVENTS_MAX);
	assert_true(e->len > 0 && e->len <= LOGS_EVENT_MAX);
	s->event[s->n] = *e;
	s->text[s->n++] = xstrndup(e->text, e->len);
}

static void
seen_done(struct seen *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->text[i]);
	s->n = 0;
}

static void
add_line(struct logs_multiline *m, enum logs_source source, int64_t ms, const char *text)
{
	logs_multiline_add(m, &(struct logs_line){
				  .source = source,
				  .time_ns = T0 + ms * MS,
				  .text = text,
				  .len = strlen(text),
				  .ends = true,
				  .mark = { T0 + ms * MS, 1, 0 },
			      });
}

static void
test_single(void **state)
{
	struct seen seen = { 0 };
	struct logs_multiline *m;

	(void)state;
	assert_int_equal(logs_multiline_new(NULL, on_event, &seen, &m, NULL), 0);
	add_line(m, LOGS_STDOUT, 1, "a");
	add_line(m, LOGS_STDOUT, 2, "");
	add_line(m, LOGS_STDERR, 3, "\r");
	assert_int_equal(logs_multiline_pending_ns(m), INT64_MAX);
	assert_int_equal(seen.n, 2);
	assert_string_equal(seen.text[1], "\r");
	assert_int_equal(seen.event[1].mark[LOGS_STDERR].time_ns, T0 + 3 * MS);
	assert_int_equal(seen.event[1].mark[LOGS_STDOUT].time_ns, 0);
	seen_done(&seen);
	logs_multiline_free(m);
}

static void
test_multiline(void **state)
{
	struct seen seen = { 0 };
	struct logs_multiline *m;

	(void)state;
	assert_int_equal(logs_multiline_new("^(INFO|ERROR)", on_event, &seen, &m, NULL), 0);
	add_line(m, LOGS_STDOUT, 1, "before any");
	add_line(m, LOGS_STDOUT, 2, "INFO one");
	add_line(m, LOGS_STDOUT, 3, "ERROR two");
	add_line(m, LOGS_STDERR, 4, "  at x");
	add_line(m, LOGS_STDOUT, 5, "");
	add_line(m, LOGS_STDOUT, 6, " ERROR is not at the start");
	assert_int_equal(logs_multiline_pending_ns(m), T0 + 3 * MS);
	assert_int_equal(seen.n, 2);
	logs_multiline_end(m);
	logs_multiline_end(m);
	assert_int_equal(seen.n, 3);
	assert_string_equal(seen.text[0], "before any\n");
	assert_string_equal(seen.text[1], "INFO one\n");
	assert_string_equal(seen.text[2], "ERROR two\n  at x\n\n ERROR is not at the start\n");
	assert_int_equal(seen.event[2].time_ns, T0 + 3 * MS);
	assert_int_equal(seen.event[2].mark[LOGS_STDOUT].time_ns, T0 + 6 * MS);
	assert_int_equal(seen.event[2].mark[LOGS_STDERR].time_ns, T0 + 4 * MS);
	seen_done(&seen);
	logs_multiline_free(m);
}

/* What does not fit together any more becomes the next event. */
static void
test_multiline_full(void **state)
{
	static char text[1000];
	struct seen seen = { 0 };
	struct logs_multiline *m;
	size_t lines = 2 * (LOGS_EVENT_MAX / sizeof(text)) + 1;

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	assert_int_equal(logs_multiline_new("^START", on_event, &seen, &m, NULL), 0);
	add_line(m, LOGS_STDOUT, 0, "START");
	for (size_t i = 0; i < lines; i++)
		add_line(m, LOGS_STDOUT, 1, text);
	logs_multiline_end(m);
	assert_int_equal(seen.n, 3);
	assert_int_equal(seen.event[0].len + seen.event[1].len + seen.event[2].len,
	    lines * sizeof(text) + strlen("START\n"));
	seen_done(&seen);
	logs_multiline_free(m);
}

/* An expression that explodes costs a bounded time and matches nothing. */
static void
test_pattern_bounded(void **state)
{
	struct seen seen = { 0 };
	struct logs_multiline *m;
	char text[64];

	(void)state;
	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(logs_multiline_new("^(a+)+$|^(a|aa)+b", on_event, &seen, &m, NULL), 0);
	text[sizeof(text) - 2] = '!';
	for (int i = 0; i < 100; i++)
		add_line(m, LOGS_STDOUT, i, text);
	logs_multiline_end(m);
	assert_int_equal(seen.n, 1);
	seen_done(&seen);
	logs_multiline_free(m);
}

static void
test_bad_pattern(void **state)
{
	static const char *const bad[] = { "[", "(", "a{2", "\\", "*", "(?<n" };
	struct logs_multiline *m = NULL;
	size_t refused = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct err e = { 0 };

		if (logs_multiline_new(bad[i], on_event, NULL, &m, &e) == 0) {
			logs_multiline_free(m);
			continue;
		}
		refused++;
		assert_true(e.text[0] != '\0');
	}
	assert_int_equal(refused, 5); /* "a{2" is a text */
}

static void
test_datetime(void **state)
{
	/* clang-format off */
	static const struct {
		const char *format, *line;
		bool wanted;
	} rows[] = {
		{ "%Y-%m-%d", "2026-01-02 x", true },
		{ "%Y-%m-%d", "at 2026-12-31", true },
		{ "%Y-%m-%d", "2026-13-02", false },
		{ "%Y-%m-%d", "  at Foo.java", false },
		{ "\\[%b %d, %Y %H:%M:%S\\]", "[Jan 02, 2026 23:59:59] hello", true },
		{ "\\[%b %d, %Y %H:%M:%S\\]", "Jan 02, 2026 23:59:59 hello", false },
		{ "%H:%M:%S%L", "12:00:01.123", true },
		{ "%H:%M:%S%L", "12:00:01", false },
		{ "%A %B %j %I %p %y %w %a %f %z %Z", "Monday March 123 11 PM 26 1 Mon 123456 +0100 CET", true },
		{ "%q", "anything", true },
		{ "%", "100%", true },
	};
	/* clang-format on */

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_free_ char *pattern = logs_multiline_datetime(rows[i].format);
		struct seen seen = { 0 };
		struct logs_multiline *m;

		assert_int_equal(logs_multiline_new(pattern, on_event, &seen, &m, NULL), 0);
		add_line(m, LOGS_STDOUT, 0, "first");
		add_line(m, LOGS_STDOUT, 0, rows[i].line);
		logs_multiline_end(m);
		assert_int_equal(seen.n, rows[i].wanted ? 2 : 1);
		seen_done(&seen);
		logs_multiline_free(m);
	}
}

/* -- bodies */

static void
add_event(struct logs_batch *b, enum logs_source source, int64_t ms, const char *text)
{
	struct logs_event e = { .time_ns = T0 + ms * MS, .text = text, .len = strlen(text) };

	e.mark[source] = (struct logs_mark){ e.time_ns, 1, 0 };
	logs_batch_add(b, &e);
}

/* The messages of the next body, with blanks between them. */
static char *
take(struct logs_batch *b, struct logs_position *p)
{
	size_t len, n;
	_cleanup_free_ char *body = logs_batch_take(b, "g\"", "s", INT64_MAX, p, &len);
	_cleanup_json_ struct json_object *o = NULL;
	struct json_object *events;
	int64_t last = 0;
	char *out;

	if (body == NULL)
		return NULL;
	assert_int_equal(json_parse(body, len, &o, NULL), 0);
	assert_string_equal(json_get_str(o, "logGroupName"), "g\"");
	assert_string_equal(json_get_str(o, "logStreamName"), "s");
	events = json_get(o, "logEvents");
	n = json_object_array_length(events);
	assert_int_equal(n, b->n_taken);
	out = xstrdup("");
	for (size_t i = 0; i < n; i++) {
		struct json_object *e = json_object_array_get_idx(events, i);
		char *more = xasprintf("%s%s ", out, json_get_str(e, "message"));

		assert_true(json_get_int(e, "timestamp", 0) >= last);
		last = json_get_int(e, "timestamp", 0);
		free(out);
		out = more;
	}
	return out;
}

static void
expect(struct logs_batch *b, struct logs_position *p, const char *wanted)
{
	_cleanup_free_ char *got = take(b, p);

	assert_non_null(got);
	assert_string_equal(got, wanted);
	(void)logs_batch_drop(b);
}

static void
test_body(void **state)
{
	struct logs_batch b = { .limits = &logs_batch_limits_aws };
	struct logs_position p = { 0 };
	char *got;

	(void)state;
	assert_null(take(&b, &p));
	add_event(&b, LOGS_STDOUT, 1, "a");
	add_event(&b, LOGS_STDOUT, 3, "c\"\n");
	add_event(&b, LOGS_STDERR, 2, "b");
	add_event(&b, LOGS_STDOUT, 3, "d");
	got = take(&b, &p);
	assert_string_equal(got, "a b c\"\n d ");
	free(got);
	add_event(&b, LOGS_STDOUT, 4, "e"); /* while that is on its way */
	assert_int_equal(logs_batch_drop(&b), 4);
	assert_int_equal(p.mark[LOGS_STDOUT].time_ns, T0 + 3 * MS);
	assert_int_equal(p.mark[LOGS_STDERR].time_ns, T0 + 2 * MS);
	assert_true(p.floor_ns > 0 && p.floor_ns < T0);
	expect(&b, &p, "e ");
	assert_true(logs_batch_is_empty(&b));
	assert_int_equal(logs_batch_bytes(&b), 0);
	logs_batch_done(&b);
}

static void
test_limits(void **state)
{
	const struct logs_batch_limits limits = {
		.events = 3, .bytes = 26 * 3 + 30, .body_bytes = 400, .span_ms = 1000
	};
	struct logs_batch b = { .limits = &limits };
	struct logs_position p = { 0 };
	char big[600];

	(void)state;
	for (int i = 0; i < 4; i++)
		add_event(&b, LOGS_STDOUT, i, "x");
	assert_true(logs_batch_is_full(&b));
	expect(&b, &p, "x x x ");
	assert_false(logs_batch_is_full(&b));
	add_event(&b, LOGS_STDOUT, 4, "0123456789012345678901234567890");
	expect(&b, &p, "x 0123456789012345678901234567890 ");
	add_event(&b, LOGS_STDOUT, 5, "early");
	add_event(&b, LOGS_STDOUT, 1006, "late");
	expect(&b, &p, "early ");
	memset(big, 'y', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	add_event(&b, LOGS_STDOUT, 1007, big);
	expect(&b, &p, "late ");
	assert_true(logs_batch_is_full(&b));
	big[sizeof(big) - 1] = '\0';
	assert_int_equal(b.n, 1); /* alone, however large */
	free(take(&b, &p));
	assert_int_equal(logs_batch_drop(&b), 1);
	logs_batch_done(&b);
}

/* What has begun and is not in the body keeps the floor below it. */
static void
test_floor(void **state)
{
	struct logs_batch b = { .limits = &logs_batch_limits_aws };
	struct logs_position p = { 0 };
	size_t len;

	(void)state;
	add_event(&b, LOGS_STDOUT, 600000, "a");
	free(logs_batch_take(&b, "g", "s", T0 + 5 * MS, &p, &len));
	assert_int_equal(p.floor_ns, T0 + 5 * MS);
	free(logs_batch_take(&b, "g", "s", INT64_MAX, &p, &len));
	assert_int_equal(p.floor_ns, T0 + 590000 * MS);
	logs_batch_done(&b);
}

/* -- options */

#define OPTIONS_MAX 6

static int
read_options(const char *const *pairs, struct logs_options *ret, struct err *e)
{
	const char *keys[OPTIONS_MAX], *values[OPTIONS_MAX];
	struct td_log_configuration c = { .options = { .keys = keys, .values = values } };

	for (; pairs[2 * c.options.n] != NULL; c.options.n++) {
		keys[c.options.n] = pairs[2 * c.options.n];
		values[c.options.n] = pairs[2 * c.options.n + 1];
	}
	return logs_options_read(&c, "main", "0123", ret, e);
}

static void
test_options(void **state)
{
	struct logs_options o;
	struct err e = { 0 };

	(void)state;
	assert_int_equal(
	    read_options(
		(const char *[]){ "awslogs-group", "g", "awslogs-region", "r", NULL }, &o, &e),
	    0);
	assert_string_equal(o.group, "g");
	assert_string_equal(o.region, "r");
	assert_true(o.stream == NULL && o.pattern == NULL && !o.create_group && !o.non_blocking);
	logs_options_done(&o);
	assert_int_equal(
	    read_options((const char *[]){ "awslogs-group", "g", "awslogs-stream-prefix", "a/b",
			     "awslogs-create-group", "true", "mode", "non-blocking",
			     "max-buffer-size", "25M", NULL },
		&o, &e),
	    0);
	assert_string_equal(o.stream, "a/b/main/0123");
	assert_true(o.create_group && o.non_blocking);
	assert_int_equal(o.buffer_bytes, 25 << 20);
	logs_options_done(&o);
	assert_int_equal(read_options((const char *[]){ "awslogs-group", "g",
					  "awslogs-datetime-format", "%Y", NULL },
			     &o, &e),
	    0);
	assert_string_equal(o.pattern, "\\d{4}");
	logs_options_done(&o);
}

static void
test_bad_options(void **state)
{
	static const char *const rows[][2] = {
		{ "awslogs-create-group", "yes" },
		{ "awslogs-create-group", "" },
		{ "mode", "sometimes" },
		{ "max-buffer-size", "1m" },
	};
	static const char *const sizes[] = { "", "m", "-1m", "1x", "1mbyte", "nan", "inf",
		"1e99t" };
	struct logs_options o;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct err e = { 0 };

		assert_int_equal(read_options((const char *[]){ "awslogs-group", "g", rows[i][0],
						  rows[i][1], NULL },
				     &o, &e),
		    -EINVAL);
		assert_true(e.text[0] != '\0');
	}
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct err e = { 0 };

		assert_int_equal(
		    read_options((const char *[]){ "awslogs-group", "g", "mode", "non-blocking",
				     "max-buffer-size", sizes[i], NULL },
			&o, &e),
		    -EINVAL);
		assert_non_null(strstr(e.text, "max-buffer-size"));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_single),
		cmocka_unit_test(test_multiline),
		cmocka_unit_test(test_multiline_full),
		cmocka_unit_test(test_pattern_bounded),
		cmocka_unit_test(test_bad_pattern),
		cmocka_unit_test(test_datetime),
		cmocka_unit_test(test_body),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_floor),
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_bad_options),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
