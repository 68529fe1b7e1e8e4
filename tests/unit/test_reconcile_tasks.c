/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the reconcile forgets and when, with a clock that is moved by hand. Without a runner: what
 * becomes of unfinished tasks is in test_fleet.c and tests/faults.
 */
#include "common/log.h"
#include "daemon/reconcile/tasks.h"
#include "daemon/store/client_token.h"
#include "daemon/store/cluster.h"
#include "daemon/store/tag.h"
#include "daemon/store/task.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define MINUTE_MS ((int64_t)60 * 1000)
#define HOUR_MS (60 * MINUTE_MS)
#define THEN_MS 1703691100000 /* when everything of a test happened */

static const struct scope scope = { "000000000000", "us-east-1" };

struct fixture {
	struct loop *loop;
	struct store *store;
	struct reconcile_tasks *reconcile;
};

static int
setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));
	struct err e;

	log_set_level(LOG_LEVEL_ERROR);
	f->loop = loop_new();
	if (store_open(NULL, &f->store, &e) < 0)
		return -1;
	f->reconcile = reconcile_tasks_new(f->loop, NULL, f->store, NULL);
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	reconcile_tasks_free(f->reconcile);
	store_close(f->store);
	loop_free(f->loop);
	free(f);
	return 0;
}

static void
insert(struct fixture *f, int n, enum task_state status, bool cleaned_up)
{
	struct store_task t = { .scope = scope,
		.cluster = "web",
		.family = "f",
		.revision = 1,
		.launch_type = "EC2",
		.last_status = status,
		.desired_stopped = status == TASK_STOPPED,
		.cleaned_up = cleaned_up,
		.created_at_ms = THEN_MS,
		.stopped_at_ms = status == TASK_STOPPED ? THEN_MS : 0 };

	(void)snprintf(t.id, sizeof(t.id), "%032d", n);
	t.doc = xasprintf("{\"taskArn\":\"arn:%s\"}", t.id);
	assert_int_equal(store_task_insert(f->store, &t, NULL), 0);
	store_task_done(&t);
}

static bool
is_there(struct fixture *f, int n)
{
	struct store_task t = { 0 };
	char id[33];
	int r;

	(void)snprintf(id, sizeof(id), "%032d", n);
	r = store_task_get(f->store, id, &t, NULL);
	store_task_done(&t);
	return r == 1;
}

static int
count_tag(const char *key, const char *value, void *arg)
{
	(void)key;
	(void)value;
	++*(int *)arg;
	return 0;
}

static void
test_stopped_tasks_stay_for_an_hour(void **state)
{
	struct fixture *f = *state;
	const char *arn = "arn:00000000000000000000000000000001";
	int tags = 0;

	insert(f, 1, TASK_STOPPED, true);
	insert(f, 2, TASK_RUNNING, false);
	insert(f, 3, TASK_STOPPED, false); /* something of it is still in the Engine */
	assert_int_equal(store_tag_put(f->store, arn, "k", "v", NULL), 0);
	assert_false(reconcile_tasks_expire(f->reconcile, THEN_MS));
	assert_false(reconcile_tasks_expire(f->reconcile, THEN_MS + HOUR_MS));
	assert_true(is_there(f, 1));
	assert_int_equal(store_tag_list(f->store, arn, count_tag, &tags, NULL), 0);
	assert_int_equal(tags, 1);
	assert_false(reconcile_tasks_expire(f->reconcile, THEN_MS + HOUR_MS + 1));
	assert_false(is_there(f, 1));
	assert_int_equal(store_tag_list(f->store, arn, count_tag, &tags, NULL), 0);
	assert_int_equal(tags, 1);
	assert_false(reconcile_tasks_expire(f->reconcile, THEN_MS + 1000 * HOUR_MS));
	assert_true(is_there(f, 2));
	assert_true(is_there(f, 3));
}

static void
test_deleted_clusters_stay_for_an_hour(void **state)
{
	struct fixture *f = *state;
	struct store_cluster deleted = { .name = "old", .status = "INACTIVE", .created_at_ms = 1 };
	struct store_cluster kept = { .name = "web", .status = "ACTIVE", .created_at_ms = 1 };
	struct store_cluster got = { 0 };

	deleted.deleted_at_ms = THEN_MS;
	assert_int_equal(store_cluster_put(f->store, &scope, &deleted, NULL), 0);
	assert_int_equal(store_cluster_put(f->store, &scope, &kept, NULL), 0);
	(void)reconcile_tasks_expire(f->reconcile, THEN_MS + HOUR_MS);
	assert_int_equal(store_cluster_get(f->store, &scope, "old", &got, NULL), 1);
	store_cluster_done(&got);
	(void)reconcile_tasks_expire(f->reconcile, THEN_MS + HOUR_MS + 1);
	assert_int_equal(store_cluster_get(f->store, &scope, "old", &got, NULL), 0);
	assert_int_equal(store_cluster_get(f->store, &scope, "web", &got, NULL), 1);
	store_cluster_done(&got);
}

static int
token(struct fixture *f)
{
	_cleanup_free_ char *digest = NULL, *result = NULL;

	return store_client_token_get(f->store, &scope, "RunTask", "t", &digest, &result, NULL);
}

static void
test_client_tokens_stay_for_a_day(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(store_client_token_put(
			     f->store, &scope, "RunTask", "t", "digest", "result", THEN_MS, NULL),
	    0);
	(void)reconcile_tasks_expire(f->reconcile, THEN_MS + 24 * HOUR_MS);
	assert_int_equal(token(f), 1);
	(void)reconcile_tasks_expire(f->reconcile, THEN_MS + 24 * HOUR_MS + 1);
	assert_int_equal(token(f), 0);
}

/* Many at once are forgotten in several turns. */
static void
test_in_pieces(void **state)
{
	struct fixture *f = *state;
	const int64_t later = THEN_MS + 2 * HOUR_MS;
	int turns = 1, n = 1000;

	assert_int_equal(store_begin(f->store, NULL), 0);
	for (int i = 0; i < n; i++)
		insert(f, i, TASK_STOPPED, true);
	assert_int_equal(store_commit(f->store, NULL), 0);
	while (reconcile_tasks_expire(f->reconcile, later))
		turns++;
	assert_true(turns > 5 && turns < 50);
	for (int i = 0; i < n; i++)
		assert_false(is_there(f, i));
}

static void
on_deadline(void *arg)
{
	loop_quit(arg, -1);
}

struct look {
	struct fixture *f;
	struct timer *timer;
};

static void
on_look(void *arg)
{
	struct look *look = arg;

	if (is_there(look->f, 1))
		timer_set(look->timer, 1);
	else
		loop_quit(look->f->loop, 1);
}

/* What became old while the daemon was down goes when it starts. */
static void
test_at_the_start(void **state)
{
	struct fixture *f = *state;
	struct look look = { .f = f };
	struct timer *deadline = timer_new(f->loop, on_deadline, f->loop);

	look.timer = timer_new(f->loop, on_look, &look);
	insert(f, 1, TASK_STOPPED, true);
	reconcile_tasks_start(f->reconcile);
	timer_set(look.timer, 0);
	timer_set(deadline, 5000);
	assert_int_equal(loop_run(f->loop), 1);
	timer_free(look.timer);
	timer_free(deadline);
}

int
main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_stopped_tasks_stay_for_an_hour),
		TEST(test_deleted_clusters_stay_for_an_hour),
		TEST(test_client_tokens_stay_for_a_day),
		TEST(test_in_pieces),
		TEST(test_at_the_start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
