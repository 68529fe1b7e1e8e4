/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arn.h: building, taking apart, and every way to name a resource.
 */
#include "daemon/arn.h"

#include <errno.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#define HEX "0123456789abcdef0123456789abcdef"
#define UUID "01234567-89ab-cdef-0123-456789abcdef"
#define HERE "arn:aws:ecs:us-east-1:000000000000:"

static const struct scope here = { "000000000000", "us-east-1" };

static void
test_builders(void **state)
{
	const struct scope china = { "123456789012", "cn-north-1" };
	char buf[ARN_MAX];

	(void)state;
	assert_string_equal(arn_cluster(buf, &here, "web"), HERE "cluster/web");
	assert_string_equal(
	    arn_task_definition(buf, &here, "hello", 12), HERE "task-definition/hello:12");
	assert_string_equal(arn_task(buf, &here, "web", HEX), HERE "task/web/" HEX);
	assert_string_equal(
	    arn_container(buf, &here, "web", HEX, UUID), HERE "container/web/" HEX "/" UUID);
	assert_string_equal(
	    arn_container_instance(buf, &here, "web", HEX), HERE "container-instance/web/" HEX);
	assert_string_equal(arn_service(buf, &here, "web", "s"), HERE "service/web/s");
	assert_string_equal(
	    arn_task_set(buf, &here, "web", "s", "12"), HERE "task-set/web/s/ecs-svc/12");
	assert_string_equal(arn_service_deployment(buf, &here, "web", "s", "aB_-"),
	    HERE "service-deployment/web/s/aB_-");
	assert_string_equal(
	    arn_service_revision(buf, &here, "web", "s", "12"), HERE "service-revision/web/s/12");
	assert_string_equal(arn_capacity_provider(buf, &here, "cp"), HERE "capacity-provider/cp");
	assert_string_equal(
	    arn_cluster(buf, &china, "web"), "arn:aws-cn:ecs:cn-north-1:123456789012:cluster/web");
	assert_string_equal(arn_partition("us-gov-west-1"), "aws-us-gov");
	assert_string_equal(arn_partition("eu-central-1"), "aws");
}

static void
test_longest_names_fit(void **state)
{
	char name[256], buf[ARN_MAX], service[256];
	struct scope sc;
	struct arn a;

	(void)state;
	memset(name, 'n', 255);
	name[255] = '\0';
	memset(&sc, 0, sizeof(sc));
	memset(sc.account, '1', 12);
	memset(sc.region, 'r', 32);
	arn_service(buf, &sc, name, name);
	assert_int_equal(arn_parse(buf, &a), 0);
	assert_int_equal(strlen(a.part[1]), 255);
	assert_true(arn_in_scope(&sc, &a));
	assert_int_equal(arn_resolve_service(&sc, name, buf, service, NULL), 1);
	assert_string_equal(service, name);
}

static void
test_parse(void **state)
{
	static const char *const bad[] = {
		"",
		"x",
		"arn:",
		"arn:aws:ecs:us-east-1:000000000000",
		"arn:aws:ecs:us-east-1:000000000000:cluster",
		"arn:aws:ecs:us-east-1:000000000000:cluster/",
		"arn:aws:ecs:us-east-1:000000000000:/web",
		"arn:aws:ecs:us-east-1::cluster/web",
		"arn:aws:ecs::000000000000:cluster/web",
		"arn::ecs:us-east-1:000000000000:cluster/web",
		"arn:aws:ec2:us-east-1:000000000000:cluster/web",
		"ARN:aws:ecs:us-east-1:000000000000:cluster/web",
		"arn:aws:ecs:us-east-1:000000000000:task/web//x",
		"arn:aws:ecs:us-east-1:000000000000:task//x",
		"arn:aws:ecs:us-east-1:000000000000:task/a/b/c/d/e",
	};
	char large[ARN_MAX + 100];
	struct arn a;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (arn_parse(bad[i], &a) == 0)
			fail_msg("accepted: %s", bad[i]);
	(void)snprintf(large, sizeof(large), HERE "cluster/");
	memset(large + strlen(large), 'x', sizeof(large) - strlen(HERE "cluster/"));
	large[sizeof(large) - 1] = '\0';
	assert_int_equal(arn_parse(large, &a), -EINVAL);

	assert_int_equal(arn_parse(HERE "task-set/c/s/ecs-svc/123", &a), 0);
	assert_int_equal(a.type, ARN_TASK_SET);
	assert_int_equal(a.n, 4);
	assert_string_equal(a.part[3], "123");
	assert_int_equal(arn_parse(HERE "task-definition/hello:3", &a), 0);
	assert_int_equal(a.type, ARN_TASK_DEFINITION);
	assert_string_equal(a.part[0], "hello:3");
	assert_string_equal(a.partition, "aws");
	assert_string_equal(a.region, "us-east-1");
	assert_string_equal(a.account, "000000000000");
	assert_int_equal(arn_parse(HERE "moon/x", &a), 0);
	assert_int_equal(a.type, ARN_OTHER);
	for (int t = ARN_OTHER + 1; t < ARN_TYPE_MAX; t++) {
		char text[ARN_MAX];

		assert_int_not_equal(strlen(arn_type_name((enum arn_type)t)), 0);
		(void)snprintf(text, sizeof(text), HERE "%s/x", arn_type_name((enum arn_type)t));
		assert_int_equal(arn_parse(text, &a), 0);
		assert_int_equal(a.type, t);
	}
	assert_string_equal(arn_type_name(ARN_TYPE_MAX), "");
}

/* What a resolver has to say to an identifier; `out` of 1 is the name or id. */
struct row {
	const char *given;
	int r;
	const char *out;
};

static void
check(const struct row *row, int r, const char *out, const struct err *e)
{
	if (r != row->r)
		fail_msg("%s: %d %s", row->given != NULL ? row->given : "NULL", r, e->text);
	if (r == 1)
		assert_string_equal(out, row->out);
	else
		assert_string_equal(out, "untouched");
	if (r < 0)
		assert_int_equal(e->kind, ERR_INVALID_PARAMETER);
}

static void
test_clusters(void **state)
{
	static const struct row rows[] = {
		{ NULL, 1, "default" },
		{ "web", 1, "web" },
		{ HERE "cluster/web", 1, "web" },
		{ "arn:aws:ecs:eu-west-1:000000000000:cluster/web", 0, NULL },
		{ "arn:aws:ecs:us-east-1:111111111111:cluster/web", 0, NULL },
		{ "arn:aws-cn:ecs:us-east-1:000000000000:cluster/web", 0, NULL },
		{ "", -EINVAL, NULL },
		{ "a/b", -EINVAL, NULL },
		{ "a b", -EINVAL, NULL },
		{ "arn:aws:ecs", -EINVAL, NULL },
		{ HERE "cluster/a/b", -EINVAL, NULL },
		{ HERE "cluster/a b", -EINVAL, NULL },
		{ HERE "task/web/" HEX, -EINVAL, NULL },
		{ "arn:aws:iam::000000000000:role/x", -EINVAL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char out[ARN_NAME_MAX] = "untouched";
		struct err e = { 0 };

		check(&rows[i], arn_resolve_cluster(&here, rows[i].given, out, &e), out, &e);
	}
}

static void
test_tasks(void **state)
{
	static const struct row rows[] = {
		{ HEX, 1, HEX },
		{ UUID, 1, UUID },
		{ HERE "task/web/" HEX, 1, HEX },
		{ HERE "task/" HEX, 1, HEX },
		{ HERE "task/other/" HEX, 0, NULL },
		{ "arn:aws:ecs:eu-west-1:000000000000:task/web/" HEX, 0, NULL },
		{ "arn:aws:ecs:us-east-1:111111111111:task/web/" HEX, 0, NULL },
		{ "", -EINVAL, NULL },
		{ "x", -EINVAL, NULL },
		{ "web/" HEX, -EINVAL, NULL },
		{ HERE "task/web/x", -EINVAL, NULL },
		{ HERE "task/web/" HEX "/x", -EINVAL, NULL },
		{ HERE "cluster/web", -EINVAL, NULL },
		{ HERE "container-instance/web/" HEX, -EINVAL, NULL },
	};
	struct err e = { 0 };
	char id[ARN_ID_MAX];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char out[ARN_ID_MAX] = "untouched";

		check(&rows[i], arn_resolve_task(&here, "web", rows[i].given, out, &e), out, &e);
	}
	(void)arn_resolve_task(&here, "web", "x", id, &e);
	assert_string_equal(e.text, "taskId length should be one of [32,36]");
	(void)arn_resolve_task(&here, "web", HERE "cluster/web", id, &e);
	assert_string_equal(e.text, "Invalid identifier: Identifier is for cluster. Expected task");
	assert_int_equal(arn_resolve_container_instance(
			     &here, "web", HERE "container-instance/web/" HEX, id, &e),
	    1);
	assert_int_equal(arn_resolve_container_instance(&here, "web", "x", id, &e), -EINVAL);
	assert_string_equal(e.text, "instanceId length should be one of [32,36]");
}

static void
test_services(void **state)
{
	static const struct row rows[] = {
		{ "api", 1, "api" },
		{ HERE "service/web/api", 1, "api" },
		{ HERE "service/api", 1, "api" },
		{ HERE "service/other/api", 0, NULL },
		{ "a/b", -EINVAL, NULL },
		{ "", -EINVAL, NULL },
		{ HERE "task/web/" HEX, -EINVAL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char out[ARN_NAME_MAX] = "untouched";
		struct err e = { 0 };

		check(&rows[i], arn_resolve_service(&here, "web", rows[i].given, out, &e), out, &e);
	}
}

static void
test_task_definitions(void **state)
{
	static const struct {
		struct row row;
		int64_t revision;
	} rows[] = {
		{ { "hello", 1, "hello" }, 0 },
		{ { "hello:3", 1, "hello" }, 3 },
		{ { "hello:007", 1, "hello" }, 7 },
		{ { HERE "task-definition/hello:12", 1, "hello" }, 12 },
		{ { HERE "task-definition/hello", 1, "hello" }, 0 },
		{ { "arn:aws:ecs:eu-west-1:000000000000:task-definition/hello:1", 0, NULL }, -1 },
		{ { "bad family", 0, NULL }, -1 },
		{ { ":1", 0, NULL }, -1 },
		{ { "", -EINVAL, NULL }, -1 },
		{ { "hello:", -EINVAL, NULL }, -1 },
		{ { "hello:0", -EINVAL, NULL }, -1 },
		{ { "hello:-1", -EINVAL, NULL }, -1 },
		{ { "hello:1x", -EINVAL, NULL }, -1 },
		{ { "hello:99999999999999999999", -EINVAL, NULL }, -1 },
		{ { "hello:1:2", -EINVAL, NULL }, -1 },
		{ { HERE "task-definition/a/b:1", -EINVAL, NULL }, -1 },
		{ { HERE "service/web/api", -EINVAL, NULL }, -1 },
	};
	char family[300], out[ARN_NAME_MAX] = "untouched";
	struct err e = { 0 };
	int64_t revision = -1;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		strcpy(out, "untouched");
		revision = -1;
		check(&rows[i].row,
		    arn_resolve_task_definition(&here, rows[i].row.given, out, &revision, &e), out,
		    &e);
		assert_int_equal(revision, rows[i].revision);
	}
	(void)arn_resolve_task_definition(&here, "hello:foo", out, &revision, &e);
	assert_string_equal(e.text, "Invalid revision number. Number: foo");
	memset(family, 'f', sizeof(family));
	family[255] = '\0';
	assert_int_equal(arn_resolve_task_definition(&here, family, out, &revision, &e), 1);
	family[255] = 'f';
	family[256] = '\0';
	assert_int_equal(arn_resolve_task_definition(&here, family, out, &revision, &e), 0);
}

static void
test_daemons(void **state)
{
	char cluster[ARN_NAME_MAX] = "untouched", name[ARN_NAME_MAX] = "untouched";
	char id[ARN_ID_MAX] = "untouched", family[ARN_NAME_MAX], long_name[300];
	char buf[ARN_MAX];
	struct err e = { 0 };
	int64_t revision = -1;

	(void)state;
	assert_string_equal(arn_service(buf, &here, "web", "daemon/log"), HERE "daemon/web/log");
	assert_string_equal(arn_service_deployment(buf, &here, "web", "daemon/log", "d1"),
	    HERE "daemon-deployment/web/log/d1");
	assert_string_equal(arn_service_revision(buf, &here, "web", "daemon/log", "7"),
	    HERE "daemon-revision/web/log/7");
	assert_string_equal(
	    arn_task_definition(buf, &here, "daemon/log", 3), HERE "daemon-task-definition/log:3");
	assert_string_equal(arn_client_name("daemon/log"), "log");
	assert_string_equal(arn_client_name("log"), "log");

	assert_int_equal(
	    arn_resolve_daemon(&here, HERE "service/web/log", ARN_DAEMON, cluster, name, id, &e),
	    -EINVAL);
	assert_int_equal(
	    arn_resolve_daemon(&here, HERE "daemon/log", ARN_DAEMON, cluster, name, id, &e),
	    -EINVAL);
	assert_int_equal(
	    arn_resolve_daemon(&here, "arn:aws:ecs:us-east-1:999999999999:daemon/web/log",
		ARN_DAEMON, cluster, name, id, &e),
	    0);
	assert_string_equal(name, "untouched");
	assert_int_equal(
	    arn_resolve_daemon(&here, HERE "daemon/web/log", ARN_DAEMON, cluster, name, id, &e), 1);
	assert_string_equal(cluster, "web");
	assert_string_equal(name, "daemon/log");
	assert_string_equal(id, "");
	assert_int_equal(arn_resolve_daemon(&here, HERE "daemon-revision/web/log/7",
			     ARN_DAEMON_REVISION, cluster, name, id, &e),
	    1);
	assert_string_equal(id, "7");

	assert_int_equal(arn_resolve_daemon_definition(
			     &here, HERE "daemon-task-definition/log:3", family, &revision, &e),
	    1);
	assert_string_equal(family, "daemon/log");
	assert_int_equal(revision, 3);
	assert_int_equal(arn_resolve_daemon_definition(
			     &here, HERE "task-definition/log:3", family, &revision, &e),
	    -EINVAL);
	memset(long_name, 'f', sizeof(long_name));
	long_name[248] = '\0';
	assert_int_equal(arn_resolve_daemon_definition(&here, long_name, family, &revision, &e), 1);
	long_name[248] = 'f';
	long_name[249] = '\0';
	assert_int_equal(arn_resolve_daemon_definition(&here, long_name, family, &revision, &e), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_builders),
		cmocka_unit_test(test_longest_names_fit),
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_clusters),
		cmocka_unit_test(test_tasks),
		cmocka_unit_test(test_services),
		cmocka_unit_test(test_task_definitions),
		cmocka_unit_test(test_daemons),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
