/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The event log over a store in memory: what becomes an event and what does not, the ring, the
 * shape, and every way to name a place.
 */
#include "common/json.h"
#include "daemon/event_log.h"
#include "daemon/store/task_event.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

struct fixture {
	struct store *store;
	struct event_log *log;
	int commits; /* that were told of */
};

static void
on_task_events(void *cookie)
{
	struct fixture *f = cookie;

	f->commits++;
}

static int
setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));
	struct err e = { 0 };

	assert_int_equal(store_open(NULL, &f->store, &e), 0);
	f->log = event_log_new(f->store);
	store_on_task_events(f->store, on_task_events, f);
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	event_log_free(f->log);
	event_log_free(NULL);
	store_close(f->store);
	free(f);
	return 0;
}

/* A task whose id is 32 times `digit`; what the document says beyond its version is `more`. */
static void
make(struct store_task *t, char digit, const char *cluster, int version, const char *more)
{
	*t = (struct store_task){ .scope = { "000000000000", "us-east-1" }, .revision = 1 };
	memset(t->id, digit, 32);
	(void)snprintf(t->cluster, sizeof(t->cluster), "%s", cluster);
	memcpy(t->family, "f", 2);
	memcpy(t->launch_type, "EC2", 4);
	t->doc = xasprintf("{\"version\":%d%s}", version, more);
}

static void
insert(struct fixture *f, char digit, const char *cluster)
{
	struct store_task t;

	make(&t, digit, cluster, 1, "");
	assert_int_equal(store_begin(f->store, NULL), 0);
	assert_int_equal(store_task_insert(f->store, &t, NULL), 0);
	assert_int_equal(store_commit(f->store, NULL), 0);
	store_task_done(&t);
}

static void
update(struct fixture *f, char digit, const char *cluster, int version, const char *more)
{
	struct store_task t;

	make(&t, digit, cluster, version, more);
	assert_int_equal(store_begin(f->store, NULL), 0);
	assert_int_equal(store_task_update(f->store, &t, NULL), 0);
	assert_int_equal(store_commit(f->store, NULL), 0);
	store_task_done(&t);
}

#define SEEN_MAX 16
struct seen {
	int n; /* all of them, also those that are not kept */
	int64_t cursors[SEEN_MAX];
	struct json_object *events[SEEN_MAX];
};

static void
see(int64_t cursor, const char *json, void *arg)
{
	struct seen *s = arg;

	assert_null(strchr(json, '\n'));
	if (s->n < SEEN_MAX) {
		s->cursors[s->n] = cursor;
		assert_int_equal(json_parse(json, strlen(json), &s->events[s->n], NULL), 0);
	}
	s->n++;
}

static void
seen_done(struct seen *s)
{
	for (size_t i = 0; i < SEEN_MAX; i++)
		json_object_put(s->events[i]);
}
#define _cleanup_seen_ _cleanup_(seen_done)

static void
read_all(
    struct fixture *f, const char *cluster, const char *task, int64_t *cursor, struct seen *ret)
{
	struct event_filter filter;
	int n;

	memset(ret, 0, sizeof(*ret));
	assert_int_equal(event_filter_read(&filter, cluster, task, NULL), 0);
	n = event_log_read(f->log, &filter, INT32_MAX, cursor, see, ret, NULL);
	assert_int_equal(n, ret->n);
}

static int
count(struct fixture *f, const char *cluster, const char *task, const char *since)
{
	_cleanup_seen_ struct seen s;
	int64_t cursor;

	assert_int_equal(event_log_since(f->log, since, &cursor, NULL), 0);
	read_all(f, cluster, task, &cursor, &s);
	return s.n;
}

static void
test_nothing_yet(void **state)
{
	struct fixture *f = *state;
	int64_t cursor = -1;

	assert_int_equal(count(f, NULL, NULL, NULL), 0);
	assert_int_equal(count(f, NULL, NULL, "now"), 0);
	assert_int_equal(event_log_since(f->log, "", &cursor, NULL), 0);
	assert_int_equal(cursor, 0);
}

static void
test_shape(void **state)
{
	struct fixture *f = *state;
	_cleanup_seen_ struct seen s;
	struct json_object *o, *detail;
	int64_t cursor = 0;

	insert(f, 'a', "web");
	update(f, 'a', "web", 2,
	    ",\"startedAt\":1703691100.123,\"stoppedAt\":1703691101,\"formatAt\":\"text\","
	    "\"containers\":[{\"managedAgents\":[{\"lastStartedAt\":1703691100.007}]}]");
	read_all(f, NULL, NULL, &cursor, &s);
	assert_int_equal(s.n, 2);
	assert_true(s.cursors[0] > 0 && s.cursors[1] > s.cursors[0]);
	assert_int_equal(cursor, s.cursors[1]);
	o = s.events[1];
	assert_string_equal(json_get_str(o, "version"), "0");
	assert_string_equal(json_get_str(o, "detail-type"), "ECS Task State Change");
	assert_string_equal(json_get_str(o, "source"), "aws.ecs");
	assert_string_equal(json_get_str(o, "account"), "000000000000");
	assert_string_equal(json_get_str(o, "region"), "us-east-1");
	assert_int_equal(strlen(json_get_str(o, "time")), strlen("2026-01-01T00:00:00Z"));
	assert_int_equal(strlen(json_get_str(o, "id")), 36);
	assert_string_equal(
	    json_object_get_string(json_object_array_get_idx(json_get(o, "resources"), 0)),
	    "arn:aws:ecs:us-east-1:000000000000:task/web/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
	detail = json_get(o, "detail");
	assert_int_equal(json_get_int(detail, "version", 0), 2);
	assert_string_equal(json_get_str(detail, "startedAt"), "2023-12-27T15:31:40.123Z");
	assert_string_equal(json_get_str(detail, "stoppedAt"), "2023-12-27T15:31:41.000Z");
	assert_string_equal(json_get_str(detail, "formatAt"), "text");
	assert_non_null(
	    strstr(json_print(detail), "\"lastStartedAt\":\"2023-12-27T15:31:40.007Z\""));
	assert_int_equal(
	    strlen(json_get_str(detail, "updatedAt")), strlen("2026-01-01T00:00:00.000Z"));
}

static void
test_only_changes_that_are_committed(void **state)
{
	struct fixture *f = *state;
	struct store_task t;

	insert(f, 'a', "web");
	assert_int_equal(f->commits, 1);
	update(f, 'a', "web", 1, ""); /* columns that nobody sees */
	assert_int_equal(f->commits, 1);
	assert_int_equal(count(f, NULL, NULL, NULL), 1);

	make(&t, 'a', "web", 2, "");
	assert_int_equal(store_begin(f->store, NULL), 0);
	assert_int_equal(store_task_update(f->store, &t, NULL), 0);
	store_rollback(f->store);
	store_task_done(&t);
	assert_int_equal(count(f, NULL, NULL, NULL), 1);
	assert_int_equal(store_begin(f->store, NULL), 0);
	assert_int_equal(store_commit(f->store, NULL), 0);
	assert_int_equal(f->commits, 1);

	update(f, 'a', "web", 2, "");
	assert_int_equal(f->commits, 2);
	assert_int_equal(count(f, NULL, NULL, NULL), 2);

	store_on_task_events(f->store, NULL, NULL);
	update(f, 'a', "web", 3, "");
	assert_int_equal(f->commits, 2);
}

static void
test_filters(void **state)
{
	static const char task_arn[] =
	    "arn:aws:ecs:us-east-1:000000000000:task/web/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
	struct fixture *f = *state;
	_cleanup_seen_ struct seen s;
	int64_t cursor = 0;

	insert(f, 'a', "web");
	insert(f, 'b', "web");
	insert(f, 'c', "db");
	assert_int_equal(count(f, "web", NULL, NULL), 2);
	assert_int_equal(count(f, "db", NULL, NULL), 1);
	assert_int_equal(count(f, "nothing", NULL, NULL), 0);
	assert_int_equal(count(f, NULL, task_arn, NULL), 1);
	assert_int_equal(count(f, NULL, task_arn + strlen(task_arn) - 32, NULL), 1);
	assert_int_equal(count(f, "db", task_arn, NULL), 0);
	assert_int_equal(count(f, "arn:aws:ecs:us-east-1:000000000000:cluster/web", NULL, NULL), 2);
	assert_int_equal(count(f, "arn:aws:ecs:us-east-2:000000000000:cluster/web", NULL, NULL), 0);
	assert_int_equal(count(f, "arn:aws:ecs:us-east-1:000000000001:cluster/web", NULL, NULL), 0);

	/* What does not pass has been looked at: nobody does it again. */
	read_all(f, "nothing", NULL, &cursor, &s);
	assert_int_equal(s.n, 0);
	read_all(f, NULL, NULL, &cursor, &s);
	assert_int_equal(s.n, 0);
}

static void
test_filters_that_are_none(void **state)
{
	static const char *const arns[] = {
		"arn:",
		"arn:aws:ecs:us-east-1:000000000000:task-definition/f:1",
		"arn:aws:ecs:us-east-1:000000000000:service/web/s",
	};
	struct event_filter filter;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(arns); i++) {
		struct err e = { 0 };

		assert_true(event_filter_read(&filter, arns[i], NULL, &e) < 0);
		assert_int_equal(e.kind, ERR_INVALID_PARAMETER);
		assert_true(event_filter_read(&filter, NULL, arns[i], &e) < 0);
	}
}

static void
test_places(void **state)
{
	struct fixture *f = *state;
	_cleanup_seen_ struct seen s;
	int64_t cursor = 0;
	char text[32];

	insert(f, 'a', "web");
	insert(f, 'b', "web");
	insert(f, 'c', "web");
	read_all(f, NULL, NULL, &cursor, &s);
	for (int i = 0; i < 3; i++) {
		(void)snprintf(text, sizeof(text), "%lld", (long long)s.cursors[i]);
		assert_int_equal(count(f, NULL, NULL, text), 2 - i);
		assert_int_equal(count(f, NULL, NULL, json_get_str(s.events[i], "id")), 2 - i);
	}
	assert_int_equal(count(f, NULL, NULL, "now"), 0);
	assert_int_equal(
	    count(f, NULL, NULL, json_get_str(json_get(s.events[0], "detail"), "updatedAt")), 3);
	assert_int_equal(count(f, NULL, NULL, json_get_str(s.events[0], "time")), 3);
	assert_int_equal(count(f, NULL, NULL, "2200-01-01T00:00:00Z"), 0);
	assert_int_equal(count(f, NULL, NULL, "2001-01-01T00:00:00.5+02:00"), 3);
	assert_int_equal(count(f, NULL, NULL, "2001-01-01T00:00:00 02:00"), 3);
	assert_int_equal(count(f, NULL, NULL, "0"), 3);
	assert_int_equal(count(f, NULL, NULL, "999999999999999999"), 0);
}

static void
test_times_are_read_exactly(void **state)
{
	/* clang-format off */
	static const struct {
		const char *text;
		int64_t ms;
	} times[] = {
		{ "1970-01-01T00:00:01Z",            1000 },
		{ "1970-01-01T00:00:01.5Z",          1500 },
		{ "1970-01-01T00:00:01.123999Z",     1123 },
		{ "1970-01-01T01:00:01+01:00",       1000 },
		{ "1969-12-31T23:30:01-00:30",       1000 },
		{ "2023-12-27T15:31:40.123Z",        1703691100123 },
	};
	/* clang-format on */
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(times); i++) {
		int64_t cursor = 0;

		assert_int_equal(event_log_since(f->log, times[i].text, &cursor, NULL), 0);
		assert_int_equal(cursor, times[i].ms * 1000 - 1);
	}
}

static void
test_places_that_are_none(void **state)
{
	static const char *const texts[] = {
		"x",
		"Now",
		"-1",
		"1e3",
		"9999999999999999999",
		"2026-01-01",
		"2026-01-01T00:00:00",
		"2026-01-01T00:00:00.Z",
		"2026-01-01T00:00:00ZZ",
		"2026-01-01T00:00:00+",
		"2026-01-01T00:00:00+01",
		"2026-01-01T00:00:00+01:00x",
		"2026-13-01T00:00:00Z",
		"00000000-0000-7000-8000-000000000000",
		"00000000-0000-4000-8000-00000000000",
		"00000000-0000-4000-8000-00000000000g",
		"00000000000004000080000000000000000000",
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		int64_t cursor = 7;
		struct err e = { 0 };

		if (event_log_since(f->log, texts[i], &cursor, &e) == 0)
			fail_msg("%s was taken", texts[i]);
		assert_int_equal(e.kind, ERR_INVALID_PARAMETER);
		assert_int_equal(cursor, 7);
	}
}

static void
test_a_limit_leaves_the_rest_for_later(void **state)
{
	const struct event_filter any = { 0 };
	struct fixture *f = *state;
	_cleanup_seen_ struct seen s = { 0 };
	int64_t cursor = 0;

	for (int i = 0; i < 7; i++)
		insert(f, "abcdefg"[i], i % 2 == 0 ? "even" : "odd");
	assert_int_equal(event_log_read(f->log, &any, 3, &cursor, see, &s, NULL), 3);
	assert_int_equal(cursor, s.cursors[2]);
	assert_int_equal(event_log_read(f->log, &any, 4, &cursor, see, &s, NULL), 4);
	assert_int_equal(event_log_read(f->log, &any, 4, &cursor, see, &s, NULL), 0);
	assert_int_equal(s.n, 7);
}

static void
test_the_ring(void **state)
{
	struct fixture *f = *state;
	const int more = 100;
	_cleanup_seen_ struct seen s;
	int64_t cursor = 0;

	insert(f, 'a', "web");
	for (int v = 2; v <= STORE_TASK_EVENTS_MAX + more; v++)
		update(f, 'a', "web", v, "");
	read_all(f, NULL, NULL, &cursor, &s);
	assert_int_equal(s.n, STORE_TASK_EVENTS_MAX);
	assert_int_equal(json_get_int(json_get(s.events[0], "detail"), "version", 0), more + 1);

	/* The count is taken anew after a rollback and is right again. */
	assert_int_equal(store_begin(f->store, NULL), 0);
	store_rollback(f->store);
	update(f, 'a', "web", 1, "");
	assert_int_equal(count(f, NULL, NULL, NULL), STORE_TASK_EVENTS_MAX);
}

static void
test_numbers_grow_over_a_reset(void **state)
{
	struct fixture *f = *state;
	_cleanup_seen_ struct seen before, after;
	int64_t cursor = 0;

	insert(f, 'a', "web");
	read_all(f, NULL, NULL, &cursor, &before);
	assert_int_equal(store_reset(f->store, NULL), 0);
	assert_int_equal(count(f, NULL, NULL, NULL), 0);
	/* The numbers are microseconds of a clock that is read in milliseconds. */
	for (int64_t ms = now_ms(); now_ms() == ms;)
		;
	insert(f, 'a', "web");
	read_all(f, NULL, NULL, &cursor, &after);
	assert_int_equal(after.n, 1);
}

int
main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_nothing_yet),
		TEST(test_shape),
		TEST(test_only_changes_that_are_committed),
		TEST(test_filters),
		TEST(test_filters_that_are_none),
		TEST(test_places),
		TEST(test_times_are_read_exactly),
		TEST(test_places_that_are_none),
		TEST(test_a_limit_leaves_the_rest_for_later),
		TEST(test_the_ring),
		TEST(test_numbers_grow_over_a_reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
