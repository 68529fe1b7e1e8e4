/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of tasks: what is written comes back, every filter of ListTasks, the counts, expiry - and
 * how long reads take with 100 000 tasks (printed, not judged: `make bench` does that).
 */
#include "daemon/store/store.h"
#include "daemon/store/tag.h"
#include "daemon/store/task.h"

#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define MANY 100000

static const struct scope here = { "000000000000", "us-east-1" };
static const struct scope elsewhere = { "000000000000", "eu-west-1" };

static int
setup(void **state)
{
	struct store *s = NULL;

	if (store_open(NULL, &s, NULL) < 0)
		return -1;
	*state = s;
	return 0;
}

static int
teardown(void **state)
{
	store_close(*state);
	return 0;
}

static struct store_task
sample(int n)
{
	struct store_task t = {
		.scope = here,
		.cluster = "web",
		.family = "hello",
		.revision = 3,
		.launch_type = "FARGATE",
		.last_status = TASK_RUNNING,
		.runner = RUNNER_SHIM,
		.created_at_ms = 1000 + n,
		.seq = 4,
	};

	(void)snprintf(t.id, sizeof(t.id), "%032x", (unsigned)n);
	return t;
}

static void
insert(struct store *s, struct store_task *t)
{
	if (t->doc == NULL)
		t->doc = xasprintf("{\"taskArn\":\"arn:%s\"}", t->id);
	assert_int_equal(store_task_insert(s, t, NULL), 0);
	store_task_done(t);
}

static void
test_round_trip(void **state)
{
	struct store *s = *state;
	struct store_task t = sample(1), got = { 0 };
	char id[33];

	memcpy(id, t.id, sizeof(id));
	t.group = xstrdup("family:hello");
	t.started_by = xstrdup("me");
	t.instance = xstrdup("i1");
	t.spec = xmemdup("a\0b", 3);
	t.spec_len = 3;
	insert(s, &t);
	assert_int_equal(store_task_get(s, id, &got, NULL), 1);
	assert_string_equal(got.scope.account, here.account);
	assert_string_equal(got.scope.region, here.region);
	assert_string_equal(got.cluster, "web");
	assert_string_equal(got.family, "hello");
	assert_int_equal(got.revision, 3);
	assert_string_equal(got.group, "family:hello");
	assert_string_equal(got.started_by, "me");
	assert_null(got.service);
	assert_string_equal(got.instance, "i1");
	assert_string_equal(got.launch_type, "FARGATE");
	assert_int_equal(got.last_status, TASK_RUNNING);
	assert_false(got.desired_stopped);
	assert_int_equal(got.runner, RUNNER_SHIM);
	assert_int_equal(got.created_at_ms, 1001);
	assert_int_equal(got.seq, 4);
	assert_int_equal(got.spec_len, 3);
	assert_memory_equal(got.spec, "a\0b", 3);
	assert_null(got.state);

	got.last_status = TASK_STOPPED;
	got.desired_stopped = true;
	got.cleaned_up = true;
	got.stopped_at_ms = 2000;
	got.seq = 9;
	free(got.doc);
	got.doc = xstrdup("{\"new\":1}");
	got.state = xmemdup("st", 2);
	got.state_len = 2;
	assert_int_equal(store_task_update(s, &got, NULL), 0);
	store_task_done(&got);
	assert_int_equal(store_task_get(s, id, &got, NULL), 1);
	assert_int_equal(got.last_status, TASK_STOPPED);
	assert_true(got.desired_stopped);
	assert_true(got.cleaned_up);
	assert_int_equal(got.stopped_at_ms, 2000);
	assert_int_equal(got.seq, 9);
	assert_string_equal(got.doc, "{\"new\":1}");
	assert_memory_equal(got.state, "st", 2);
	assert_int_equal(got.spec_len, 3);
	store_task_done(&got);
	store_task_done(&got);
	assert_int_equal(store_task_get(s, "unknown", &got, NULL), 0);
}

static void
test_doc_is_for_its_cluster_only(void **state)
{
	struct store *s = *state;
	struct store_task t = sample(1);
	_cleanup_free_ char *doc = NULL;
	char id[33];

	memcpy(id, t.id, sizeof(id));
	insert(s, &t);
	assert_int_equal(store_task_doc(s, &elsewhere, "web", id, &doc, NULL), 0);
	assert_int_equal(store_task_doc(s, &here, "db", id, &doc, NULL), 0);
	assert_int_equal(store_task_doc(s, &here, "web", "unknown", &doc, NULL), 0);
	assert_null(doc);
	assert_int_equal(store_task_doc(s, &here, "web", id, &doc, NULL), 1);
	assert_non_null(strstr(doc, id));
}

static void
test_ids_are_unique(void **state)
{
	struct store *s = *state;
	struct store_task t = sample(1), twin = sample(1);
	struct err e = { 0 };

	insert(s, &t);
	twin.scope = elsewhere;
	assert_true(store_task_insert(s, &twin, &e) < 0);
	assert_int_equal(e.kind, ERR_SERVER);
}

struct seen {
	char text[512];
	int n;
};

static int
on_id(const char *id, void *arg)
{
	struct seen *s = arg;
	size_t len = strlen(s->text);

	(void)snprintf(s->text + len, sizeof(s->text) - len, "%s%ld", s->n++ > 0 ? "," : "",
	    strtol(id, NULL, 16));
	return 0;
}

static void
lists(struct store *s, const struct store_task_filter *f, const char *after, int limit,
    const char *want)
{
	struct seen seen = { 0 };

	assert_int_equal(store_task_list(s, &here, f, after, limit, on_id, &seen, NULL), 0);
	assert_string_equal(seen.text, want);
}

/*	     1    2        3        4        5        6
 * cluster   web  web      web      web      db       web
 * family    hello hello   other    hello    hello    hello
 * started   -    me       me       -        -        -
 * service   -    -        -        svc      -        -
 * instance  -    -        -        i1       i1       i1
 * launch    F    F        F        EC2      EC2      EC2
 * desired   run  run      run      run      run      stop */
static void
insert_six(struct store *s)
{
	for (int n = 1; n <= 6; n++) {
		struct store_task t = sample(n);

		if (n == 3)
			(void)snprintf(t.family, sizeof(t.family), "%s", "other");
		if (n == 5)
			(void)snprintf(t.cluster, sizeof(t.cluster), "%s", "db");
		if (n == 2 || n == 3)
			t.started_by = xstrdup("me");
		if (n == 4)
			t.service = xstrdup("svc");
		if (n >= 4) {
			t.instance = xstrdup("i1");
			(void)snprintf(t.launch_type, sizeof(t.launch_type), "%s", "EC2");
		}
		t.desired_stopped = n == 6;
		insert(s, &t);
	}
}

static void
test_filters(void **state)
{
	struct store *s = *state;
	struct store_task other = sample(9);

	insert_six(s);
	other.scope = elsewhere;
	insert(s, &other);
#define FILTER(...) (&(struct store_task_filter){ .desired_stopped = -1, ##__VA_ARGS__ })
	lists(s, FILTER(), NULL, 100, "1,2,3,4,5,6");
	lists(s, FILTER(.cluster = "web"), NULL, 100, "1,2,3,4,6");
	lists(s, FILTER(.family = "other"), NULL, 100, "3");
	lists(s, FILTER(.cluster = "web", .started_by = "me"), NULL, 100, "2,3");
#undef FILTER
#define FILTER(...) (&(struct store_task_filter){ .cluster = "web", ##__VA_ARGS__ })
	lists(s, FILTER(), NULL, 100, "1,2,3,4");
	lists(s, FILTER(.desired_stopped = 1), NULL, 100, "6");
	lists(s, FILTER(.family = "hello"), NULL, 100, "1,2,4");
	lists(s, FILTER(.started_by = "me"), NULL, 100, "2,3");
	lists(s, FILTER(.started_by = "me", .family = "hello"), NULL, 100, "2");
	lists(s, FILTER(.service = "svc"), NULL, 100, "4");
	lists(s, FILTER(.service = "svc", .launch_type = "FARGATE"), NULL, 100, "");
	lists(s, FILTER(.instance = "i1"), NULL, 100, "4");
	lists(s, FILTER(.instance = "i1", .desired_stopped = 1), NULL, 100, "6");
	lists(s, FILTER(.launch_type = "FARGATE"), NULL, 100, "1,2,3");
	lists(s, FILTER(), "00000000000000000000000000000002", 1, "3");
	lists(s, FILTER(.family = "hello"), "00000000000000000000000000000001", 100, "2,4");
	lists(s, FILTER(.family = "none"), NULL, 100, "");
#undef FILTER
}

static void
test_counts(void **state)
{
	struct store *s = *state;
	struct store_task_counts n;
	struct seen live = { 0 };
	int64_t users = 0;

	for (int i = 0; i < TASK_STATE_MAX; i++) {
		struct store_task t = sample(i);

		t.last_status = (enum task_state)i;
		insert(s, &t);
		t = sample(100 + i);
		t.last_status = (enum task_state)i;
		t.desired_stopped = true;
		(void)snprintf(t.launch_type, sizeof(t.launch_type), "%s", "EC2");
		insert(s, &t);
	}
	assert_int_equal(store_task_count(s, &here, "web", &n, NULL), 0);
	assert_int_equal(n.running[0], 1);
	assert_int_equal(n.running[1], 1);
	assert_int_equal(n.pending[0], 0);
	assert_int_equal(n.pending[1], TASK_STATE_MAX - 2); /* all but RUNNING and STOPPED */
	assert_int_equal(store_task_count(s, &elsewhere, "web", &n, NULL), 0);
	assert_int_equal(n.running[0] + n.running[1] + n.pending[0] + n.pending[1], 0);
	assert_int_equal(store_task_count_definition(s, &here, "hello", 3, &users, NULL), 0);
	assert_int_equal(users, 2 * (TASK_STATE_MAX - 1));
	assert_int_equal(store_task_count_definition(s, &here, "hello", 4, &users, NULL), 0);
	assert_int_equal(users, 0);
	assert_int_equal(store_task_list_live(s, &here, "web", on_id, &live, NULL), 0);
	assert_int_equal(live.n, 2 * (TASK_STATE_MAX - 1));
}

static void
counts_are(struct store *s, int64_t running, int64_t pending)
{
	struct store_task_counts n;

	assert_int_equal(store_task_count(s, &here, "web", &n, NULL), 0);
	assert_int_equal(n.running[0], 0);
	assert_int_equal(n.pending[0], 0);
	assert_int_equal(n.running[1], running);
	assert_int_equal(n.pending[1], pending);
}

/* The counts follow a task through its life, a transaction that is taken back, and expiry. */
static void
test_counts_follow(void **state)
{
	struct store *s = *state;
	struct store_task t = sample(1), got = { 0 };
	char id[33];

	memcpy(id, t.id, sizeof(id));
	t.last_status = TASK_PROVISIONING;
	insert(s, &t);
	counts_are(s, 0, 1);
	assert_int_equal(store_task_get(s, id, &got, NULL), 1);
	got.last_status = TASK_PENDING;
	assert_int_equal(store_task_update(s, &got, NULL), 0);
	counts_are(s, 0, 1);
	got.last_status = TASK_RUNNING;
	assert_int_equal(store_begin(s, NULL), 0);
	assert_int_equal(store_task_update(s, &got, NULL), 0);
	counts_are(s, 1, 0);
	store_rollback(s);
	counts_are(s, 0, 1);
	assert_int_equal(store_task_update(s, &got, NULL), 0);
	assert_int_equal(store_task_update(s, &got, NULL), 0);
	counts_are(s, 1, 0);
	got.desired_stopped = true;
	assert_int_equal(store_task_update(s, &got, NULL), 0);
	counts_are(s, 1, 0);
	got.last_status = TASK_STOPPING;
	assert_int_equal(store_task_update(s, &got, NULL), 0);
	counts_are(s, 0, 0);
	got.last_status = TASK_STOPPED;
	got.cleaned_up = true;
	got.stopped_at_ms = 1;
	assert_int_equal(store_task_update(s, &got, NULL), 0);
	counts_are(s, 0, 0);
	store_task_done(&got);
	t = sample(2);
	insert(s, &t);
	counts_are(s, 1, 0);
	assert_int_equal(store_task_expire(s, 2, 9, NULL), 1);
	counts_are(s, 1, 0);
	assert_int_equal(store_reset(s, NULL), 0);
	counts_are(s, 0, 0);
}

/* Writes to the table that is being walked, and walks it again from inside. */
static int
on_unfinished(const struct store_task *t, void *arg)
{
	struct store *s = arg;
	struct store_task got = { 0 };
	struct seen inner = { 0 };

	assert_int_equal(store_task_get(s, t->id, &got, NULL), 1);
	got.cleaned_up = true;
	assert_int_equal(store_task_update(s, &got, NULL), 0);
	store_task_done(&got);
	assert_int_equal(store_task_list_live(s, &here, "web", on_id, &inner, NULL), 0);
	assert_int_equal(inner.n, 3);
	return 0;
}

static int
on_none(const struct store_task *t, void *arg)
{
	(void)arg;
	fail_msg("%s is not cleaned up", t->id);
	return 0;
}

static void
test_unfinished_may_be_finished_on_the_way(void **state)
{
	struct store *s = *state;

	for (int n = 1; n <= 3; n++) {
		struct store_task t = sample(n);

		insert(s, &t);
	}
	assert_int_equal(store_task_unfinished(s, on_unfinished, s, NULL), 0);
	assert_int_equal(store_task_unfinished(s, on_none, s, NULL), 0);
}

static int
on_tag(const char *key, const char *value, void *arg)
{
	(void)key;
	(void)value;
	++*(int *)arg;
	return 0;
}

static void
test_expiry(void **state)
{
	static const char arn[] = "arn:00000000000000000000000000000001";
	struct store *s = *state;
	struct store_task got = { 0 };
	int tags = 0;

	for (int n = 1; n <= 4; n++) {
		struct store_task t = sample(n);

		t.last_status = n == 4 ? TASK_RUNNING : TASK_STOPPED;
		t.cleaned_up = n != 3;
		t.stopped_at_ms = n == 2 ? 500 : 100;
		insert(s, &t);
	}
	assert_int_equal(store_tag_put(s, arn, "k", "v", NULL), 0);
	assert_int_equal(
	    store_tag_put(s, "arn:00000000000000000000000000000002", "k", "v", NULL), 0);
	assert_int_equal(store_task_expire(s, 500, 0, NULL), 0);
	assert_int_equal(store_task_expire(s, 500, 9, NULL), 1);
	assert_int_equal(store_task_expire(s, 500, 9, NULL), 0);
	assert_int_equal(store_task_get(s, "00000000000000000000000000000001", &got, NULL), 0);
	for (int n = 2; n <= 4; n++) {
		char id[33];

		(void)snprintf(id, sizeof(id), "%032x", (unsigned)n);
		assert_int_equal(store_task_get(s, id, &got, NULL), 1);
		store_task_done(&got);
	}
	assert_int_equal(store_tag_list(s, arn, on_tag, &tags, NULL), 0);
	assert_int_equal(tags, 0);
	assert_int_equal(
	    store_tag_list(s, "arn:00000000000000000000000000000002", on_tag, &tags, NULL), 0);
	assert_int_equal(tags, 1);
}

static int64_t
now_us(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static void
fill(struct store *s, int from, int to)
{
	assert_int_equal(store_begin(s, NULL), 0);
	for (int n = from; n < to; n++) {
		struct store_task t = sample((int)((unsigned)n * 2654435761u % 0x7fffffff));

		if (n % 10 != 0) {
			t.last_status = TASK_STOPPED;
			t.desired_stopped = true;
			t.cleaned_up = true;
			t.stopped_at_ms = 5;
		}
		t.doc = xasprintf("{\"taskArn\":\"arn:%d\",\"pad\":\"%01500d\"}", n, 0);
		insert(s, &t);
	}
	assert_int_equal(store_commit(s, NULL), 0);
}

static void
measure(struct store *s, const char *label, int n_tasks)
{
	const struct store_task_filter stopped = { .cluster = "web", .desired_stopped = 1 };
	const struct store_task_filter family = { .cluster = "web", .family = "hello" };
	struct store_task_counts counts;
	struct seen seen;
	char id[33];
	int64_t t0 = now_us(), t1, t2, t3, t4;

	for (int i = 0; i < 1000; i++) {
		_cleanup_free_ char *doc = NULL;

		(void)snprintf(
		    id, sizeof(id), "%032x", (unsigned)(i % n_tasks) * 2654435761u % 0x7fffffff);
		assert_int_equal(store_task_doc(s, &here, "web", id, &doc, NULL), 1);
	}
	t1 = now_us();
	memset(&seen, 0, sizeof(seen));
	for (int i = 0; i < 100; i++)
		assert_int_equal(
		    store_task_list(s, &here, &stopped, NULL, 101, on_id, &seen, NULL), 0);
	t2 = now_us();
	for (int i = 0; i < 100; i++)
		assert_int_equal(
		    store_task_list(s, &here, &family, NULL, 101, on_id, &seen, NULL), 0);
	t3 = now_us();
	for (int i = 0; i < 10; i++)
		assert_int_equal(store_task_count(s, &here, "web", &counts, NULL), 0);
	t4 = now_us();
	print_message(
	    "%s: doc %.1f us, page of stopped %.1f us, page of a family %.1f us, counts %.1f us\n",
	    label, (double)(t1 - t0) / 1000, (double)(t2 - t1) / 100, (double)(t3 - t2) / 100,
	    (double)(t4 - t3) / 10);
}

static void
test_reads_of_many(void **state)
{
	struct store *s = *state;

	fill(s, 0, MANY / 100);
	measure(s, "1 000 tasks", MANY / 100);
	fill(s, MANY / 100, MANY);
	measure(s, "100 000 tasks", MANY);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_round_trip, setup, teardown),
		cmocka_unit_test_setup_teardown(test_doc_is_for_its_cluster_only, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ids_are_unique, setup, teardown),
		cmocka_unit_test_setup_teardown(test_filters, setup, teardown),
		cmocka_unit_test_setup_teardown(test_counts, setup, teardown),
		cmocka_unit_test_setup_teardown(test_counts_follow, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_unfinished_may_be_finished_on_the_way, setup, teardown),
		cmocka_unit_test_setup_teardown(test_expiry, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reads_of_many, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
