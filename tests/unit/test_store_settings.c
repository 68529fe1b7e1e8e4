/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of account settings, capacity providers and task protection: what is written comes back, in
 * its scope, and goes when its time has come.
 */
#include "daemon/store/account_setting.h"
#include "daemon/store/capacity_provider.h"
#include "daemon/store/store.h"
#include "daemon/store/task.h"
#include "daemon/store/task_protection.h"

#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define ROOT "arn:aws:iam::000000000000:root"
#define TASK_ID "0123456789abcdef0123456789abcdef"

static const struct scope here = { "000000000000", "us-east-1" };
static const struct scope other_region = { "000000000000", "eu-west-1" };

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
test_account_settings(void **state)
{
	struct store *s = *state;
	char value[STORE_ACCOUNT_SETTING_VALUE_MAX] = "";

	assert_int_equal(
	    store_account_setting_get(s, &here, ROOT, "containerInsights", value, NULL), 0);
	assert_int_equal(
	    store_account_setting_put(s, &here, ROOT, "containerInsights", "enabled", NULL), 0);
	assert_int_equal(
	    store_account_setting_put(s, &here, ROOT, "containerInsights", "enhanced", NULL), 0);
	assert_int_equal(
	    store_account_setting_get(s, &here, ROOT, "containerInsights", value, NULL), 1);
	assert_string_equal(value, "enhanced");
	assert_int_equal(
	    store_account_setting_get(s, &other_region, ROOT, "containerInsights", value, NULL), 0);
	assert_int_equal(
	    store_account_setting_get(s, &here, "somebody", "containerInsights", value, NULL), 0);
	assert_int_equal(
	    store_account_setting_delete(s, &here, ROOT, "containerInsights", NULL), 0);
	assert_int_equal(
	    store_account_setting_get(s, &here, ROOT, "containerInsights", value, NULL), 0);
}

static void
put_provider(
    struct store *s, const char *name, const char *status, const char *group, int64_t deleted_at_ms)
{
	struct store_capacity_provider p = { .deleted_at_ms = deleted_at_ms };

	(void)snprintf(p.name, sizeof(p.name), "%s", name);
	(void)snprintf(p.status, sizeof(p.status), "%s", status);
	p.group = group != NULL ? xstrdup(group) : NULL;
	p.doc = xasprintf("{\"name\":\"%s\"}", name);
	assert_int_equal(store_capacity_provider_put(s, &here, &p, NULL), 0);
	store_capacity_provider_done(&p);
}

static int
on_provider(const struct store_capacity_provider *p, void *arg)
{
	char *end = (char *)arg + strlen(arg);

	end = stpcpy(end, p->name);
	(void)stpcpy(end, ",");
	return 0;
}

static void
test_capacity_providers(void **state)
{
	struct store *s = *state;
	struct store_capacity_provider p = { 0 };
	char seen[256] = "", rest[256] = "";

	put_provider(s, "b", "ACTIVE", "asg-b", 0);
	put_provider(s, "a", "ACTIVE", "asg-a", 0);
	put_provider(s, "c", "INACTIVE", "asg-c", 50);
	put_provider(s, "d", "ACTIVE", NULL, 0);
	assert_int_equal(
	    store_capacity_provider_list(s, &here, NULL, 10, on_provider, seen, NULL), 0);
	assert_string_equal(seen, "a,b,d,");
	assert_int_equal(
	    store_capacity_provider_list(s, &here, "a", 1, on_provider, rest, NULL), 0);
	assert_string_equal(rest, "b,");
	assert_int_equal(store_capacity_provider_get(s, &here, "c", &p, NULL), 1);
	assert_string_equal(p.status, "INACTIVE");
	assert_string_equal(p.group, "asg-c");
	assert_string_equal(p.doc, "{\"name\":\"c\"}");
	store_capacity_provider_done(&p);
	assert_int_equal(store_capacity_provider_get(s, &other_region, "a", &p, NULL), 0);
	assert_int_equal(store_capacity_provider_get_by_group(s, &here, "asg-b", &p, NULL), 1);
	assert_string_equal(p.name, "b");
	store_capacity_provider_done(&p);
	assert_int_equal(store_capacity_provider_get_by_group(s, &here, "asg-c", &p, NULL), 0);
	assert_int_equal(store_capacity_provider_expire(s, 50, NULL), 0);
	assert_int_equal(store_capacity_provider_get(s, &here, "c", &p, NULL), 1);
	store_capacity_provider_done(&p);
	assert_int_equal(store_capacity_provider_expire(s, 51, NULL), 0);
	assert_int_equal(store_capacity_provider_get(s, &here, "c", &p, NULL), 0);
}

static void
test_task_protection(void **state)
{
	struct store *s = *state;
	struct store_task t = {
		.scope = here,
		.id = TASK_ID,
		.cluster = "web",
		.family = "hello",
		.launch_type = "EC2",
		.last_status = TASK_STOPPED,
		.cleaned_up = true,
		.stopped_at_ms = 10,
	};
	int64_t until = 0;

	t.group = xstrdup("family:hello");
	t.doc = xstrdup("{}");
	assert_int_equal(store_task_insert(s, &t, NULL), 0);
	store_task_done(&t);
	assert_int_equal(store_task_protection_get(s, TASK_ID, 0, &until, NULL), 0);
	assert_int_equal(store_task_protection_put(s, TASK_ID, 100, NULL), 0);
	assert_int_equal(store_task_protection_put(s, TASK_ID, 200, NULL), 0);
	assert_int_equal(store_task_protection_get(s, TASK_ID, 199, &until, NULL), 1);
	assert_int_equal(until, 200);
	assert_int_equal(store_task_protection_get(s, TASK_ID, 200, &until, NULL), 0);
	assert_int_equal(store_task_protection_delete(s, TASK_ID, NULL), 0);
	assert_int_equal(store_task_protection_get(s, TASK_ID, 0, &until, NULL), 0);
	/* It goes with its task, and cannot be without one. */
	assert_int_equal(store_task_protection_put(s, TASK_ID, 200, NULL), 0);
	assert_int_equal(store_task_expire(s, 11, 10, NULL), 1);
	assert_int_equal(store_task_protection_get(s, TASK_ID, 0, &until, NULL), 0);
	assert_true(store_task_protection_put(s, TASK_ID, 200, NULL) < 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_account_settings, setup, teardown),
		cmocka_unit_test_setup_teardown(test_capacity_providers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_task_protection, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
