/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CloudTrail's ring: what is added is found by each column, in its scope, newest first; the oldest
 * go with all that belongs to them.
 */
#include "daemon/store/store.h"
#include "daemon/store/trail.h"

#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

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

static void
add(struct store *s, const struct scope *sc, int64_t at_ms, const char *id)
{
	const struct store_trail_resource cluster = { "AWS::ECS::Cluster",
		"arn:aws:ecs:us-east-1:000000000000:cluster/web" };
	const struct store_trail t = {
		.scope = *sc,
		.at_ms = at_ms,
		.id = id,
		.name = "CreateCluster",
		.source = "ecs.amazonaws.com",
		.user = "root",
		.doc = "{}",
		.resources = &cluster,
		.n_resources = 1,
	};

	assert_int_equal(store_trail_add(s, &t, NULL), 0);
}

struct seen {
	char ids[256];
	int n;
	int64_t oldest;
};

static int
see(const struct store_trail *t, void *arg)
{
	struct seen *seen = arg;
	size_t len = strlen(seen->ids);

	(void)snprintf(seen->ids + len, sizeof(seen->ids) - len, "%s,", t->id);
	seen->n++;
	seen->oldest = t->n;
	return 0;
}

static struct seen
list(struct store *s, const struct scope *sc, const struct store_trail_filter *f, int64_t before)
{
	struct seen seen = { 0 };

	assert_int_equal(store_trail_list(s, sc, f, before, 1000000, see, &seen, NULL), 0);
	return seen;
}

static int
count(const struct store_trail_resource *r, void *arg)
{
	int *n = arg;

	assert_string_equal(r->type, "AWS::ECS::Cluster");
	(*n)++;
	return 0;
}

static void
test_filters(void **state)
{
	struct store *s = *state;
	struct seen seen;
	int n = 0;

	add(s, &here, 1000, "a");
	add(s, &elsewhere, 1500, "b");
	add(s, &here, 2000, "c");
	seen = list(s, &here, &(struct store_trail_filter){ 0 }, 0);
	assert_string_equal(seen.ids, "c,a,");
	assert_string_equal(list(s, &here, &(struct store_trail_filter){ 0 }, 3).ids, "a,");
	assert_string_equal(
	    list(s, &here, &(struct store_trail_filter){ .from_ms = 1500 }, 0).ids, "c,");
	assert_string_equal(
	    list(s, &here, &(struct store_trail_filter){ .to_ms = 1500 }, 0).ids, "a,");
	assert_string_equal(list(s, &here, &(struct store_trail_filter){ .id = "c" }, 0).ids, "c,");
	assert_string_equal(
	    list(s, &here, &(struct store_trail_filter){ .resource_name = "web" }, 0).ids, "c,a,");
	assert_int_equal(
	    list(s, &here, &(struct store_trail_filter){ .resource_name = "eb" }, 0).n, 0);
	assert_int_equal(
	    list(s, &here, &(struct store_trail_filter){ .resource_type = "AWS::ECS::Task" }, 0).n,
	    0);
	assert_int_equal(store_trail_resources(s, seen.oldest, count, &n, NULL), 0);
	assert_int_equal(n, 1);
}

static void
test_ring(void **state)
{
	struct store *s = *state;
	struct seen seen;
	int gone = 0;
	char id[24];

	assert_int_equal(store_begin(s, NULL), 0);
	for (int i = 0; i < STORE_TRAIL_MAX + 5; i++) {
		(void)snprintf(id, sizeof(id), "%d", i);
		add(s, &here, i, id);
	}
	assert_int_equal(store_commit(s, NULL), 0);
	seen = list(s, &here, &(struct store_trail_filter){ 0 }, 0);
	assert_int_equal(seen.n, STORE_TRAIL_MAX);
	assert_int_equal(seen.oldest, 6);
	assert_int_equal(store_trail_resources(s, 5, count, &gone, NULL), 0);
	assert_int_equal(gone, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_filters, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ring, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
