/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of clusters, container instances, tags and task definitions: what is written comes back, in
 * its scope, in order, page by page. Tasks are in test_store_task.c.
 */
#include "daemon/store/cluster.h"
#include "daemon/store/container_instance.h"
#include "daemon/store/store.h"
#include "daemon/store/tag.h"
#include "daemon/store/task_definition.h"

#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct scope here = { "000000000000", "us-east-1" };
static const struct scope other_region = { "000000000000", "eu-west-1" };
static const struct scope other_account = { "111111111111", "us-east-1" };

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

/* What a walk has seen: names joined by commas, ended by the callback after `stop_after`. */
struct seen {
	char text[4096];
	int n;
	int stop_after;
	struct store *again; /* the callback lists once more with the same statement */
};

static int
see(struct seen *s, const char *what)
{
	size_t len = strlen(s->text);

	(void)snprintf(s->text + len, sizeof(s->text) - len, "%s%s", s->n > 0 ? "," : "", what);
	return ++s->n == s->stop_after;
}

static int
on_cluster(const struct store_cluster *c, void *arg)
{
	struct seen inner = { 0 }, *s = arg;

	if (s->again != NULL) {
		assert_int_equal(
		    store_cluster_list(s->again, &here, NULL, 100, on_cluster, &inner, NULL), 0);
		assert_string_equal(inner.text, "a,b,c");
	}
	return see(s, c->name);
}

static void
put_cluster(
    struct store *s, const struct scope *sc, const char *name, const char *status, int64_t deleted)
{
	struct store_cluster c = { .created_at_ms = 7, .deleted_at_ms = deleted };

	(void)snprintf(c.name, sizeof(c.name), "%s", name);
	(void)snprintf(c.status, sizeof(c.status), "%s", status);
	c.doc = xasprintf("{\"of\":\"%s\"}", name);
	assert_int_equal(store_cluster_put(s, sc, &c, NULL), 0);
	store_cluster_done(&c);
}

static void
test_clusters(void **state)
{
	struct store *s = *state;
	struct store_cluster c = { 0 };
	struct seen all = { 0 }, page = { 0 }, stopped = { .stop_after = 1 };

	put_cluster(s, &here, "c", "ACTIVE", 0);
	put_cluster(s, &here, "a", "ACTIVE", 0);
	put_cluster(s, &here, "b", "ACTIVE", 0);
	put_cluster(s, &here, "gone", "INACTIVE", 50);
	put_cluster(s, &other_region, "r", "ACTIVE", 0);
	put_cluster(s, &other_account, "x", "ACTIVE", 0);

	assert_int_equal(store_cluster_get(s, &here, "a", &c, NULL), 1);
	assert_string_equal(c.name, "a");
	assert_string_equal(c.status, "ACTIVE");
	assert_string_equal(c.doc, "{\"of\":\"a\"}");
	assert_int_equal(c.created_at_ms, 7);
	store_cluster_done(&c);
	assert_null(c.doc);
	assert_int_equal(store_cluster_get(s, &here, "r", &c, NULL), 0);

	all.again = s;
	assert_int_equal(store_cluster_list(s, &here, NULL, 100, on_cluster, &all, NULL), 0);
	assert_string_equal(all.text, "a,b,c");
	assert_int_equal(store_cluster_list(s, &here, "a", 1, on_cluster, &page, NULL), 0);
	assert_string_equal(page.text, "b");
	assert_int_equal(store_cluster_list(s, &here, NULL, 100, on_cluster, &stopped, NULL), 0);
	assert_string_equal(stopped.text, "a");

	assert_int_equal(store_cluster_expire(s, 50, NULL), 0);
	assert_int_equal(store_cluster_get(s, &here, "gone", &c, NULL), 1);
	store_cluster_done(&c);
	assert_int_equal(store_cluster_expire(s, 51, NULL), 0);
	assert_int_equal(store_cluster_get(s, &here, "gone", &c, NULL), 0);
	put_cluster(s, &here, "a", "INACTIVE", 9);
	assert_int_equal(store_cluster_get(s, &here, "a", &c, NULL), 1);
	assert_string_equal(c.status, "INACTIVE");
	store_cluster_done(&c);
}

static void
test_values_are_bound(void **state)
{
	static const char nasty[] = "'; DROP TABLE cluster; --";
	struct store *s = *state;
	struct store_cluster c = { 0 };

	put_cluster(s, &here, nasty, "ACTIVE", 0);
	assert_int_equal(store_cluster_get(s, &here, nasty, &c, NULL), 1);
	assert_string_equal(c.name, nasty);
	store_cluster_done(&c);
}

static int
on_instance(const struct store_container_instance *i, void *arg)
{
	return see(arg, i->id);
}

static void
put_instance(
    struct store *s, const char *cluster, const char *id, const char *status, bool synthetic)
{
	struct store_container_instance i = { .synthetic = synthetic };

	(void)snprintf(i.cluster, sizeof(i.cluster), "%s", cluster);
	(void)snprintf(i.id, sizeof(i.id), "%s", id);
	(void)snprintf(i.status, sizeof(i.status), "%s", status);
	i.doc = xstrdup("{}");
	assert_int_equal(store_container_instance_put(s, &here, &i, NULL), 0);
	store_container_instance_done(&i);
}

static void
test_container_instances(void **state)
{
	struct store *s = *state;
	struct store_container_instance i = { 0 };
	struct seen all = { 0 }, page = { 0 };
	int64_t n = -1;

	put_instance(s, "web", "i2", "ACTIVE", false);
	put_instance(s, "web", "i1", "DRAINING", true);
	put_instance(s, "web", "i3", "INACTIVE", false);
	put_instance(s, "db", "i4", "ACTIVE", false);
	assert_int_equal(store_container_instance_get(s, &here, "i1", &i, NULL), 1);
	assert_string_equal(i.cluster, "web");
	assert_true(i.synthetic);
	store_container_instance_done(&i);
	assert_int_equal(store_container_instance_get(s, &other_region, "i1", &i, NULL), 0);
	assert_int_equal(
	    store_container_instance_list(s, &here, "web", NULL, 10, on_instance, &all, NULL), 0);
	assert_string_equal(all.text, "i1,i2,i3");
	assert_int_equal(
	    store_container_instance_list(s, &here, "web", "i1", 1, on_instance, &page, NULL), 0);
	assert_string_equal(page.text, "i2");
	assert_int_equal(store_container_instance_count(s, &here, "web", true, &n, NULL), 0);
	assert_int_equal(n, 2);
	assert_int_equal(store_container_instance_count(s, &here, "web", false, &n, NULL), 0);
	assert_int_equal(n, 1);
	assert_int_equal(store_container_instance_delete(s, &here, "i2", NULL), 0);
	assert_int_equal(store_container_instance_get(s, &here, "i2", &i, NULL), 0);
}

static int
on_tag(const char *key, const char *value, void *arg)
{
	char pair[64];

	(void)snprintf(pair, sizeof(pair), "%s=%s", key, value);
	return see(arg, pair);
}

static void
test_tags_keep_their_order(void **state)
{
	struct store *s = *state;
	struct seen all = { 0 }, after = { 0 }, none = { 0 };

	assert_int_equal(store_tag_put(s, "arn:1", "z", "1", NULL), 0);
	assert_int_equal(store_tag_put(s, "arn:1", "a", "2", NULL), 0);
	assert_int_equal(store_tag_put(s, "arn:2", "a", "other", NULL), 0);
	assert_int_equal(store_tag_put(s, "arn:1", "z", "3", NULL), 0);
	assert_int_equal(store_tag_list(s, "arn:1", on_tag, &all, NULL), 0);
	assert_string_equal(all.text, "z=3,a=2");
	assert_int_equal(store_tag_delete(s, "arn:1", "z", NULL), 0);
	assert_int_equal(store_tag_delete(s, "arn:1", "unknown", NULL), 0);
	assert_int_equal(store_tag_list(s, "arn:1", on_tag, &after, NULL), 0);
	assert_string_equal(after.text, "a=2");
	assert_int_equal(store_tag_delete_all(s, "arn:1", NULL), 0);
	assert_int_equal(store_tag_list(s, "arn:1", on_tag, &none, NULL), 0);
	assert_string_equal(none.text, "");
}

static void
put_definition(struct store *s, const char *family, int64_t revision, enum td_status status)
{
	struct store_task_definition t = {
		.revision = revision, .status = status, .registered_at_ms = 1
	};

	(void)snprintf(t.family, sizeof(t.family), "%s", family);
	t.doc = xstrdup("{}");
	assert_int_equal(store_task_definition_put(s, &here, &t, NULL), 0);
	store_task_definition_done(&t);
}

static void
test_revisions_are_never_used_twice(void **state)
{
	struct store *s = *state;
	struct store_task_definition t = { 0 };
	int64_t revision = 0;

	for (int64_t i = 1; i <= 3; i++) {
		assert_int_equal(
		    store_task_definition_next_revision(s, &here, "web", &revision, NULL), 0);
		assert_int_equal(revision, i);
		put_definition(s, "web", revision, TD_ACTIVE);
	}
	assert_int_equal(
	    store_task_definition_next_revision(s, &other_region, "web", &revision, NULL), 0);
	assert_int_equal(revision, 1);
	put_definition(s, "web", 3, TD_INACTIVE);
	assert_int_equal(store_task_definition_get(s, &here, "web", 0, &t, NULL), 1);
	assert_int_equal(t.revision, 2);
	store_task_definition_done(&t);
	assert_int_equal(store_task_definition_get(s, &here, "web", 3, &t, NULL), 1);
	assert_int_equal(t.status, TD_INACTIVE);
	assert_string_equal(t.doc, "{}");
	store_task_definition_done(&t);
	assert_int_equal(store_task_definition_delete(s, &here, "web", 3, NULL), 0);
	assert_int_equal(store_task_definition_get(s, &here, "web", 3, &t, NULL), 0);
	assert_int_equal(store_task_definition_next_revision(s, &here, "web", &revision, NULL), 0);
	assert_int_equal(revision, 4);
	assert_int_equal(store_task_definition_get(s, &here, "unknown", 0, &t, NULL), 0);
}

static int
on_definition(const struct store_task_definition *t, void *arg)
{
	char name[300];

	assert_null(t->doc);
	(void)snprintf(name, sizeof(name), "%s:%lld", t->family, (long long)t->revision);
	return see(arg, name);
}

static void
lists(struct store *s, const char *family, bool descending, const char *after,
    int64_t after_revision, int limit, const char *want)
{
	struct seen seen = { 0 };

	assert_int_equal(store_task_definition_list(s, &here, family, TD_ACTIVE, descending, after,
			     after_revision, limit, on_definition, &seen, NULL),
	    0);
	assert_string_equal(seen.text, want);
}

static void
test_lists_of_definitions(void **state)
{
	struct store *s = *state;

	put_definition(s, "a", 1, TD_ACTIVE);
	put_definition(s, "a", 2, TD_ACTIVE);
	put_definition(s, "a", 10, TD_ACTIVE);
	put_definition(s, "a", 11, TD_INACTIVE);
	put_definition(s, "b", 1, TD_ACTIVE);
	put_definition(s, "ab", 5, TD_ACTIVE);
	lists(s, NULL, false, NULL, 0, 100, "a:1,a:2,a:10,ab:5,b:1");
	lists(s, NULL, true, NULL, 0, 100, "b:1,ab:5,a:10,a:2,a:1");
	lists(s, "a", false, NULL, 0, 100, "a:1,a:2,a:10");
	lists(s, "a", true, NULL, 0, 100, "a:10,a:2,a:1");
	lists(s, NULL, false, "a", 2, 2, "a:10,ab:5");
	lists(s, NULL, true, "ab", 5, 2, "a:10,a:2");
	lists(s, "a", false, "a", 2, 100, "a:10");
	lists(s, "a", true, "a", 2, 100, "a:1");
	lists(s, "none", false, NULL, 0, 100, "");
}

static int
on_family(const char *family, void *arg)
{
	return see(arg, family);
}

static void
families(struct store *s, const char *prefix, enum tri active, const char *after, int limit,
    const char *want)
{
	struct seen seen = { 0 };

	assert_int_equal(store_task_definition_families(
			     s, &here, prefix, active, after, limit, on_family, &seen, NULL),
	    0);
	assert_string_equal(seen.text, want);
}

static void
test_families(void **state)
{
	static const char *const names[] = { "api", "app", "batch", "empty", "zoo" };
	struct store *s = *state;
	int64_t revision = 0;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		assert_int_equal(
		    store_task_definition_next_revision(s, &here, names[i], &revision, NULL), 0);
		if (!streq(names[i], "empty"))
			put_definition(
			    s, names[i], 1, streq(names[i], "batch") ? TD_INACTIVE : TD_ACTIVE);
	}
	families(s, NULL, TRI_UNSET, NULL, 100, "api,app,batch,zoo");
	families(s, NULL, TRI_TRUE, NULL, 100, "api,app,zoo");
	families(s, NULL, TRI_FALSE, NULL, 100, "batch");
	families(s, "ap", TRI_UNSET, NULL, 100, "api,app");
	families(s, "ap", TRI_UNSET, "api", 100, "app");
	families(s, NULL, TRI_UNSET, "api", 2, "app,batch");
	families(s, "q", TRI_UNSET, NULL, 100, "");
}

static void
test_status_names(void **state)
{
	(void)state;
	assert_string_equal(td_status_name(TD_ACTIVE), "ACTIVE");
	assert_string_equal(td_status_name(TD_INACTIVE), "INACTIVE");
	assert_string_equal(td_status_name(TD_DELETE_IN_PROGRESS), "DELETE_IN_PROGRESS");
	assert_string_equal(td_status_name(TD_STATUS_MAX), "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_clusters, setup, teardown),
		cmocka_unit_test_setup_teardown(test_values_are_bound, setup, teardown),
		cmocka_unit_test_setup_teardown(test_container_instances, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tags_keep_their_order, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_revisions_are_never_used_twice, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lists_of_definitions, setup, teardown),
		cmocka_unit_test_setup_teardown(test_families, setup, teardown),
		cmocka_unit_test(test_status_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
