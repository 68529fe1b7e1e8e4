/* SPDX-License-Identifier: Apache-2.0 */
/*
 * common/taskdef.h and the stored shape of a definition: amounts, name tables, binding, and that
 * registering what was described changes nothing.
 */
#include "common/taskdef.h"
#include "daemon/ecs/task_definition_doc.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void
test_amounts(void **state)
{
	static const struct {
		const char *text;
		int (*read)(const char *text, int64_t *ret);
		int64_t want; /* -1: refused */
	} cases[] = {
		{ "256", task_def_cpu_units, 256 },
		{ " 256 ", task_def_cpu_units, 256 },
		{ "1 vCPU", task_def_cpu_units, 1024 },
		{ "1vcpu", task_def_cpu_units, 1024 },
		{ "0.25 VCPU", task_def_cpu_units, 256 },
		{ ".5 vCPU", task_def_cpu_units, 512 },
		{ "512", task_def_memory_mib, 512 },
		{ "1GB", task_def_memory_mib, 1024 },
		{ "0.5 gb", task_def_memory_mib, 512 },
		{ "30 GB", task_def_memory_mib, 30720 },
		{ "", task_def_cpu_units, -1 },
		{ " ", task_def_cpu_units, -1 },
		{ ".", task_def_cpu_units, -1 },
		{ "1.", task_def_cpu_units, -1 },
		{ "0.5", task_def_cpu_units, -1 },
		{ "-1", task_def_cpu_units, -1 },
		{ "1 vCPU x", task_def_cpu_units, -1 },
		{ "1GB", task_def_cpu_units, -1 },
		{ "512MB", task_def_memory_mib, -1 },
		{ "vCPU", task_def_cpu_units, -1 },
		{ "12345678901", task_def_memory_mib, -1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int64_t v = -1;
		int r = cases[i].read(cases[i].text, &v);

		if (v != cases[i].want || r != (cases[i].want < 0 ? -EINVAL : 0))
			fail_msg("\"%s\": %d, %lld", cases[i].text, r, (long long)v);
	}
}

static void
test_name_tables(void **state)
{
	static const struct {
		const char *const *names;
		int max;
	} tables[] = {
		{ network_mode_names, NETWORK_MODE_MAX },
		{ compatibility_names, COMPATIBILITY_MAX },
		{ pid_mode_names, PID_MODE_MAX },
		{ ipc_mode_names, IPC_MODE_MAX },
		{ transport_protocol_names, TRANSPORT_PROTOCOL_MAX },
		{ app_protocol_names, APP_PROTOCOL_MAX },
		{ env_file_type_names, ENV_FILE_TYPE_MAX },
		{ dependency_condition_names, DEPENDENCY_CONDITION_MAX },
		{ version_consistency_names, VERSION_CONSISTENCY_MAX },
		{ ulimit_name_names, ULIMIT_NAME_MAX },
		{ log_driver_names, LOG_DRIVER_MAX },
		{ resource_type_names, RESOURCE_TYPE_MAX },
		{ firelens_type_names, FIRELENS_TYPE_MAX },
		{ volume_scope_names, VOLUME_SCOPE_MAX },
		{ efs_switch_names, EFS_SWITCH_MAX },
		{ placement_type_names, PLACEMENT_TYPE_MAX },
		{ proxy_type_names, PROXY_TYPE_MAX },
		{ cpu_architecture_names, CPU_ARCHITECTURE_MAX },
		{ os_family_names, OS_FAMILY_MAX },
	};

	(void)state;
	for (size_t t = 0; t < ARRAY_SIZE(tables); t++) {
		assert_null(tables[t].names[0]);
		for (int i = 1; i < tables[t].max; i++) {
			assert_non_null(tables[t].names[i]);
			assert_int_equal(schema_enum_index(tables[t].names, tables[t].names[i]), i);
		}
		assert_null(tables[t].names[tables[t].max]);
	}
	assert_int_equal(
	    schema_enum_index(log_driver_names, "awsfirelens"), LOG_DRIVER_AWSFIRELENS);
	assert_int_equal(schema_enum_index(dependency_condition_names, "HEALTHY"), DEPEND_HEALTHY);
	assert_int_equal(schema_enum_index(network_mode_names, "awsvpc"), NETWORK_AWSVPC);
}

static void
test_parse(void **state)
{
	_cleanup_arena_ struct arena a = { 0 };
	_cleanup_json_ struct json_object *tree = NULL;
	struct err e = { 0 };
	struct task_def td;

	(void)state;
	assert_int_equal(
	    task_def_parse(
		"{\"family\":\"web\",\"networkMode\":\"bridge\",\"unknown\":[1],"
		"\"containerDefinitions\":[{\"name\":\"a\","
		"\"command\":[\"x "
		"y\",\"z\"],\"essential\":false,\"dockerLabels\":{\"k\":\"v\"},\"portMappings\":["
		"{\"containerPort\":80,\"protocol\":\"udp\"}],\"linuxParameters\":{\"tmpfs\":[{"
		"\"containerPath\":\"/t\","
		"\"size\":5}]}},{\"name\":\"b\"}]}",
		&a, &tree, &td, &e),
	    0);
	assert_string_equal(td.family, "web");
	assert_int_equal(td.network_mode, NETWORK_BRIDGE);
	assert_int_equal(td.containers.n, 2);
	assert_string_equal(td.containers.v[0].command.v[0], "x y");
	assert_int_equal(td.containers.v[0].essential, TRI_FALSE);
	assert_string_equal(td.containers.v[0].docker_labels.values[0], "v");
	assert_int_equal(td.containers.v[0].port_mappings.v[0].protocol, PROTOCOL_UDP);
	assert_int_equal(td.containers.v[0].linux_parameters->tmpfs.v[0].size.v, 5);
	assert_int_equal(td.containers.v[1].essential, TRI_UNSET);
	assert_ptr_equal(task_def_container(&td, "b"), &td.containers.v[1]);
	assert_null(task_def_container(&td, "c"));
}

static void
test_parse_fails(void **state)
{
	static const char *const texts[] = {
		"{",
		"[]",
		"{\"family\":7,\"containerDefinitions\":[]}",
		"{\"family\":\"f\"}",
		"{\"family\":\"f\",\"containerDefinitions\":{}}",
		"{\"family\":\"f\",\"containerDefinitions\":[{\"cpu\":\"x\"}]}",
		"{\"family\":\"f\",\"containerDefinitions\":[],\"networkMode\":\"nat\"}",
	};
	struct json_object *tree = NULL;
	struct task_def td;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		_cleanup_arena_ struct arena a = { 0 };
		struct err e = { 0 };

		assert_true(task_def_parse(texts[i], &a, &tree, &td, &e) < 0);
		assert_null(tree);
		assert_true(e.text[0] != '\0');
	}
}

static void
test_overrides(void **state)
{
	_cleanup_arena_ struct arena a = { 0 };
	_cleanup_json_ struct json_object *tree = NULL;
	struct err e = { 0 };
	struct task_override o;

	(void)state;
	assert_int_equal(
	    task_override_parse(
		"{\"cpu\":\"512\",\"containerOverrides\":[{\"name\":\"a\",\"command\":[],"
		"\"environment\":[{\"name\":\"N\",\"value\":\"\"}],\"memory\":7}]}",
		&a, &tree, &o, &e),
	    0);
	assert_string_equal(o.cpu, "512");
	assert_true(o.containers.v[0].command.set);
	assert_int_equal(o.containers.v[0].command.n, 0);
	assert_string_equal(o.containers.v[0].environment.v[0].value, "");
	assert_true(o.containers.v[0].memory.set);
	assert_false(o.containers.v[0].cpu.set);
}

/* The stored form of a definition. The caller owns it. */
static char *
store_form(const char *text)
{
	_cleanup_arena_ struct arena a = { 0 };
	_cleanup_json_ struct json_object *tree = NULL;
	_cleanup_json_ struct json_object *doc = NULL;
	struct err e = { 0 };
	struct task_def td;

	if (task_def_parse(text, &a, &tree, &td, &e) < 0)
		fail_msg("%s", e.text);
	doc = task_definition_doc_new(&td, tree);
	return xstrdup(json_print(doc));
}

static void
test_defaults(void **state)
{
	_cleanup_free_ char *bridge = store_form(
	    "{\"family\":\"f\",\"cpu\":\"1 "
	    "vCPU\",\"memory\":\"1GB\",\"tags\":[{\"key\":\"k\",\"value\":\"v\"}],"
	    "\"containerDefinitions\":["
	    "{\"name\":\"a\",\"image\":\"i\",\"portMappings\":[{\"containerPort\":80}]}]}");
	_cleanup_free_ char *awsvpc =
	    store_form("{\"family\":\"f\",\"networkMode\":\"awsvpc\",\"cpu\":\"256\",\"memory\":"
		       "\"512\",\"containerDefinitions\":["
		       "{\"name\":\"a\",\"image\":\"i\",\"portMappings\":[{\"containerPort\":80},{"
		       "\"containerPortRange\":\"90-91\"}]}]}");

	(void)state;
	assert_string_equal(bridge,
	    "{\"family\":\"f\",\"containerDefinitions\":[{\"name\":\"a\",\"image\":\"i\","
	    "\"portMappings\":["
	    "{\"containerPort\":80,\"hostPort\":0,\"protocol\":\"tcp\"}],\"cpu\":0,\"essential\":"
	    "true,\"environment\":[],"
	    "\"mountPoints\":[],\"volumesFrom\":[],\"systemControls\":[]}],\"cpu\":\"1024\","
	    "\"memory\":\"1024\","
	    "\"volumes\":[],\"placementConstraints\":[],\"requiresAttributes\":["
	    "{\"name\":\"com.amazonaws.ecs.capability.docker-remote-api.1.18\"}],"
	    "\"compatibilities\":[\"EXTERNAL\",\"EC2\"]}");
	assert_non_null(
	    strstr(awsvpc, "[{\"containerPort\":80,\"hostPort\":80,\"protocol\":\"tcp\"},{"
			   "\"containerPortRange\":\"90-91\",\"protocol\":\"tcp\"}]"));
	assert_non_null(strstr(awsvpc, "\"compatibilities\":[\"EC2\",\"FARGATE\"]"));
	assert_non_null(strstr(awsvpc, "{\"name\":\"ecs.capability.task-eni\"}"));
}

static void
test_round_trip(void **state)
{
	static const char *const texts[] = {
		"{\"family\":\"f\",\"containerDefinitions\":[{\"name\":\"a\",\"image\":\"i\"}]}",
		"{\"family\":\"f\",\"networkMode\":\"host\",\"containerDefinitions\":[{\"name\":"
		"\"a\",\"image\":\"i\",\"portMappings\":"
		"[{\"containerPort\":80}],\"environment\":[{\"name\":\"N\",\"value\":\"V\"}]}]}",
		"{\"family\":\"f\",\"networkMode\":\"awsvpc\",\"cpu\":\".25 "
		"vCPU\",\"memory\":\"0.5 GB\",\"requiresCompatibilities\":"
		"[\"FARGATE\"],\"containerDefinitions\":[{\"name\":\"a\",\"image\":\"i\","
		"\"portMappings\":[{\"containerPort\":80}],"
		"\"dockerLabels\":{\"z\":\"1\",\"a\":\"2\"},\"healthCheck\":{\"command\":[\"CMD-"
		"SHELL\",\"true\"]}}],"
		"\"volumes\":[{\"name\":\"v\",\"host\":{}}]}",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		_cleanup_free_ char *once = store_form(texts[i]);
		_cleanup_free_ char *twice = store_form(once);
		_cleanup_json_ struct json_object *a = json_tokener_parse(once);
		_cleanup_json_ struct json_object *b = json_tokener_parse(twice);

		assert_true(json_object_equal(a, b));
	}
}

static void
test_reply(void **state)
{
	char doc[] = "{\"family\":\"f\"}";
	const struct store_task_definition t = {
		.family = "f",
		.revision = 1,
		.status = TD_INACTIVE,
		.doc = doc,
		.registered_at_ms = 1703691100123,
		.deregistered_at_ms = 1703691101000,
	};
	_cleanup_json_ struct json_object *o = task_definition_doc_reply(&t);

	(void)state;
	assert_string_equal(json_print(o),
	    "{\"family\":\"f\",\"status\":\"INACTIVE\",\"registeredAt\":1703691100.123,"
	    "\"deregisteredAt\":1703691101.000}");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_amounts),
		cmocka_unit_test(test_name_tables),
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_parse_fails),
		cmocka_unit_test(test_overrides),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_reply),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
