/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plan: order, dependencies and names, and the create call's JSON, field by field.
 */
#include "shim/plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct plan_input
input(const char *definition)
{
	return (struct plan_input){
		.task_arn = "arn:task",
		.task_id = "0123456789abcdef0123456789abcdef",
		.cluster_arn = "arn:cluster",
		.cluster_name = "a-cluster-with-a-long-name",
		.region = "eu-west-1",
		.family = "fam",
		.revision = 7,
		.launch_type = "EC2",
		.definition_json = definition,
		.gate_parent = "/run/x/tasks/id",
		.init_path = "/usr/libexec/init",
		.publish_address = "127.0.0.1",
		.owner = "me",
	};
}

static void
build(const struct plan_input *in, struct plan *p)
{
	struct err e = { 0 };

	if (plan_build(in, p, &e) < 0)
		fail_msg("%s", e.text);
}

/* The create call's JSON of container `i`, of an image without a command. */
static struct json_object *
body(const struct plan *p, size_t i)
{
	const struct plan_image image = { 0 };
	_cleanup_free_ char *text = NULL;
	struct json_object *o = NULL;
	struct err e = { 0 };

	assert_int_equal(plan_body(p, i, &image, NULL, &text, &e), 0);
	assert_int_equal(json_parse(text, strlen(text), &o, &e), 0);
	return o;
}

/* The JSON of the only container of a definition, whose members are given. */
static struct json_object *
body_of(const char *members)
{
	_cleanup_free_ char *definition =
	    xasprintf("{\"family\":\"f\",\"volumes\":[{\"name\":\"own\"},"
		      "{\"name\":\"path\",\"host\":{\"sourcePath\":\"/data\"}}],"
		      "\"containerDefinitions\":[{\"name\":\"a\",\"image\":\"i\","
		      "\"command\":[\"x\"]%s%s}]}",
		members[0] != '\0' ? "," : "", members);
	struct plan_input in = input(definition);
	struct plan p;
	struct json_object *o;

	build(&in, &p);
	o = body(&p, 0);
	plan_done(&p);
	return o;
}

static void
assert_member(struct json_object *o, const char *key, const char *expected)
{
	assert_string_equal(json_print(json_get(o, key)), expected);
}

#define HOST(o) json_get(o, "HostConfig")

static void
argv_is_never_split_and_init_is_in_front(void **state)
{
	_cleanup_json_ struct json_object *o = body_of("\"entryPoint\":[\"sh\",\"-c\"]");

	(void)state;
	assert_member(o, "Entrypoint", "[\"/.localemu/init\"]");
	assert_member(o, "Cmd", "[\"sh\",\"-c\",\"x\"]");
}

static void
argv_is_merged_as_docker_does(void **state)
{
	static const char *image_entry[] = { "/entry" };
	static const char *image_cmd[] = { "serve" };
	static const struct {
		const char *members;
		const char *expected;
	} rows[] = {
		{ "", "/entry serve" },
		{ "\"command\":[\"x y\"]", "/entry x y" },
		{ "\"entryPoint\":[\"sh\"]", "sh" },
		{ "\"entryPoint\":[\"sh\"],\"command\":[\"z\"]", "sh z" },
		{ "\"entryPoint\":[\"\"],\"command\":[\"z\"]", "z" },
		{ "\"entryPoint\":[]", "serve" },
	};
	const struct plan_image image = { .entrypoint = { true, 1, image_entry },
		.cmd = { true, 1, image_cmd } };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_arena_ struct arena a = { 0 };
		_cleanup_free_ char *definition =
		    xasprintf("{\"family\":\"f\",\"containerDefinitions\":[{\"name\":\"a\","
			      "\"image\":\"i\"%s%s}]}",
			rows[i].members[0] != '\0' ? "," : "", rows[i].members);
		struct plan_input in = input(definition);
		struct str_list argv = { 0 };
		struct plan p;
		char *joined;

		build(&in, &p);
		plan_argv(&p, 0, &image, &argv, &a);
		joined = arena_strdup(&a, argv.n > 0 ? argv.v[0] : "");
		for (size_t k = 1; k < argv.n; k++)
			joined = arena_printf(&a, "%s %s", joined, argv.v[k]);
		assert_string_equal(joined, rows[i].expected);
		plan_done(&p);
	}
}

static void
nothing_to_run_is_an_error(void **state)
{
	struct plan_input in =
	    input("{\"family\":\"f\",\"containerDefinitions\":[{\"name\":\"a\",\"image\":\"i\"}]}");
	const struct plan_image image = { 0 };
	struct err e = { 0 };
	char *text = NULL;
	struct plan p;

	(void)state;
	build(&in, &p);
	assert_true(plan_body(&p, 0, &image, NULL, &text, &e) < 0);
	assert_string_equal(e.text, "Error response from daemon: No command specified");
	assert_null(text);
	plan_done(&p);
}

static void
names_and_labels(void **state)
{
	struct plan_input in = input(
	    "{\"family\":\"f\",\"containerDefinitions\":[{\"name\":\"web\",\"image\":\"i\","
	    "\"command\":[\"x\"],\"dockerLabels\":{\"mine\":\"1\",\"localemu.owner\":\"evil\"}}]}");
	struct plan p;
	_cleanup_json_ struct json_object *o = NULL;
	struct json_object *labels;

	(void)state;
	build(&in, &p);
	assert_string_equal(
	    p.containers[0].docker_name, "localemu-ecs-a-cluster-with-a-lon-0123456789ab-web");
	o = body(&p, 0);
	labels = json_get(o, "Labels");
	assert_string_equal(json_get_str(labels, "mine"), "1");
	assert_string_equal(json_get_str(labels, "localemu.owner"), "me");
	assert_string_equal(json_get_str(labels, "localemu.service"), "ecs");
	assert_string_equal(json_get_str(labels, "localemu.cluster"), "arn:cluster");
	assert_string_equal(json_get_str(labels, "localemu.task-arn"), "arn:task");
	assert_string_equal(json_get_str(labels, "localemu.container-name"), "web");
	assert_string_equal(json_get_str(labels, "com.amazonaws.ecs.task-arn"), "arn:task");
	assert_string_equal(json_get_str(labels, "com.amazonaws.ecs.task-definition-version"), "7");
	plan_done(&p);
}

static void
environment_overrides_by_name(void **state)
{
	struct plan_input in = input(
	    "{\"family\":\"f\",\"containerDefinitions\":[{\"name\":\"a\",\"image\":\"i\","
	    "\"command\":[\"x\"],\"memory\":64,\"environment\":[{\"name\":\"A\",\"value\":\"1\"},"
	    "{\"name\":\"B\",\"value\":\"\"},{\"name\":\"AWS_REGION\",\"value\":\"mars\"}]}]}");
	_cleanup_json_ struct json_object *o = NULL;
	struct plan p;

	(void)state;
	in.overrides_json = "{\"containerOverrides\":[{\"name\":\"a\",\"command\":[\"y "
			    "z\"],\"memory\":32,\"cpu\":5,"
			    "\"environment\":[{\"name\":\"A\",\"value\":\"2\"},{\"name\":\"C\","
			    "\"value\":\"=3\"}]}]}";
	build(&in, &p);
	o = body(&p, 0);
	assert_member(o, "Env",
	    "[\"AWS_ENDPOINT_URL=http://"
	    "169.254.170.2:4566\",\"AWS_EXECUTION_ENV=AWS_ECS_EC2\",\"AWS_REGION=mars\",\"AWS_"
	    "DEFAULT_REGION=eu-west-"
	    "1\",\"A=2\",\"B=\","
	    "\"C==3\"]");
	assert_member(o, "Cmd", "[\"y z\"]");
	assert_int_equal(json_get_int(HOST(o), "Memory", 0), 32 * 1024 * 1024);
	assert_int_equal(json_get_int(HOST(o), "CpuShares", 0), 5);
	plan_done(&p);
}

static void
gpus_of_an_override_stand_for_those_of_the_definition(void **state)
{
	struct plan_input in = input(
	    "{\"family\":\"f\",\"containerDefinitions\":[{\"name\":\"a\",\"image\":\"i\","
	    "\"command\":[\"x\"],\"resourceRequirements\":[{\"type\":\"GPU\",\"value\":\"2\"}]}]}");
	_cleanup_json_ struct json_object *o = NULL;
	struct plan p;

	(void)state;
	in.overrides_json = "{\"containerOverrides\":[{\"name\":\"a\",\"resourceRequirements\":[{"
			    "\"type\":\"GPU\",\"value\":\"1\"}]}]}";
	build(&in, &p);
	o = body(&p, 0);
	assert_member(HOST(o), "DeviceRequests", "[{\"Count\":1,\"Capabilities\":[[\"gpu\"]]}]");
	plan_done(&p);
}

static void
resources(void **state)
{
	_cleanup_json_ struct json_object *least =
	    body_of("\"cpu\":0,\"memory\":4,\"memoryReservation\":5");
	_cleanup_json_ struct json_object *most = body_of("\"cpu\":300000");

	(void)state;
	assert_int_equal(json_get_int(HOST(least), "CpuShares", 0), 2);
	assert_int_equal(json_get_int(HOST(least), "Memory", 0), 6 * 1024 * 1024);
	assert_int_equal(json_get_int(HOST(least), "MemoryReservation", 0), 5 * 1024 * 1024);
	assert_int_equal(json_get_int(HOST(most), "CpuShares", 0), 262144);
	assert_null(json_get(HOST(most), "Memory"));
}

static void
ports_are_published_on_one_address(void **state)
{
	_cleanup_json_ struct json_object *o =
	    body_of("\"portMappings\":[{\"containerPort\":80},{\"containerPort\":53,\"protocol\":"
		    "\"udp\",\"hostPort\":5353},"
		    "{\"containerPort\":443,\"hostPort\":8443}]");

	(void)state;
	assert_member(HOST(o), "PortBindings",
	    "{\"80/tcp\":[{\"HostIp\":\"127.0.0.1\",\"HostPort\":\"\"}],"
	    "\"53/udp\":[{\"HostIp\":\"127.0.0.1\",\"HostPort\":\"5353\"}],"
	    "\"443/tcp\":[{\"HostIp\":\"127.0.0.1\",\"HostPort\":\"8443\"}]}");
	assert_member(o, "ExposedPorts", "{\"80/tcp\":{},\"53/udp\":{},\"443/tcp\":{}}");
}

static void
a_range_gets_neighbours(void **state)
{
	struct plan_input in =
	    input("{\"family\":\"f\",\"containerDefinitions\":[{\"name\":\"a\",\"image\":\"i\","
		  "\"portMappings\":[{\"containerPortRange\":\"100-102\"},"
		  "{\"containerPortRange\":\"200-201\"}]}]}");
	struct plan p;

	(void)state;
	build(&in, &p);
	assert_int_equal(p.containers[0].n_ports, 2);
	assert_int_equal(p.containers[0].ports[0].container_last, 102);
	assert_true(p.containers[0].ports[0].host_first >= 49153);
	assert_true(p.containers[0].ports[1].host_first > p.containers[0].ports[0].host_first + 2 ||
		    p.containers[0].ports[1].host_first + 1 < p.containers[0].ports[0].host_first);
	plan_done(&p);
}

static void
volumes(void **state)
{
	_cleanup_json_ struct json_object *o =
	    body_of("\"mountPoints\":[{\"sourceVolume\":\"own\",\"containerPath\":\"/o\"},"
		    "{\"sourceVolume\":\"path\",\"containerPath\":\"/p\",\"readOnly\":true}]");
	struct json_object *mounts = json_get(HOST(o), "Mounts");
	struct json_object *own = json_object_array_get_idx(mounts, 2);

	(void)state;
	assert_member(HOST(o), "Binds", "[\"/data:/p:ro\"]");
	assert_int_equal(json_object_array_length(mounts), 3);
	assert_string_equal(json_print(json_object_array_get_idx(mounts, 0)),
	    "{\"Type\":\"bind\",\"Source\":\"/usr/libexec/init\",\"Target\":\"/.localemu/"
	    "init\",\"ReadOnly\":true}");
	assert_string_equal(json_print(json_object_array_get_idx(mounts, 1)),
	    "{\"Type\":\"bind\",\"Source\":\"/run/x/tasks/id/a\",\"Target\":\"/.localemu/"
	    "gate\",\"ReadOnly\":true}");
	assert_string_equal(json_get_str(own, "Source"), "localemu-ecs-0123456789ab-own");
	assert_string_equal(
	    json_get_str(json_get(json_get(own, "VolumeOptions"), "Labels"), "localemu.task-arn"),
	    "arn:task");
}

/* One row: members of the container, a key of the body (or of HostConfig), what it must be. */
static void
every_other_field(void **state)
{
	static const struct {
		const char *members;
		bool host;
		const char *key;
		const char *expected;
	} rows[] = {
		/* clang-format off */
		{ "\"user\":\"1:2\"", false, "User", "\"1:2\"" },
		{ "\"workingDirectory\":\"/w\"", false, "WorkingDir", "\"/w\"" },
		{ "\"hostname\":\"h\"", false, "Hostname", "\"h\"" },
		{ "\"pseudoTerminal\":true", false, "Tty", "true" },
		{ "\"interactive\":true", false, "OpenStdin", "true" },
		{ "\"disableNetworking\":true", false, "NetworkDisabled", "true" },
		{ "\"stopTimeout\":5", false, "StopTimeout", "5" },
		{ "", false, "StopTimeout", "30" },
		{ "", false, "Healthcheck", "null" },
		{ "\"healthCheck\":{\"command\":[\"CMD-SHELL\",\"t\"]}", false, "Healthcheck",
		  "{\"Test\":[\"CMD-SHELL\",\"t\"],\"Interval\":30000000000,\"Timeout\":5000000000,\"Retries\":3,\"StartPeriod\":0}" },
		{ "\"healthCheck\":{\"command\":[\"t\"],\"interval\":6,\"timeout\":7,\"retries\":8,\"startPeriod\":9}", false, "Healthcheck",
		  "{\"Test\":[\"CMD\",\"t\"],\"Interval\":6000000000,\"Timeout\":7000000000,\"Retries\":8,\"StartPeriod\":9000000000}" },
		{ "\"privileged\":true", true, "Privileged", "true" },
		{ "\"readonlyRootFilesystem\":true", true, "ReadonlyRootfs", "true" },
		{ "", true, "NetworkMode", "\"bridge\"" },
		{ "\"dnsServers\":[\"1.1.1.1\"]", true, "Dns", "[\"1.1.1.1\"]" },
		{ "\"dnsSearchDomains\":[\"d\"]", true, "DnsSearch", "[\"d\"]" },
		{ "\"extraHosts\":[{\"hostname\":\"h\",\"ipAddress\":\"1.2.3.4\"}]", true, "ExtraHosts", "[\"h:1.2.3.4\"]" },
		{ "\"dockerSecurityOptions\":[\"no-new-privileges\"]", true, "SecurityOpt", "[\"no-new-privileges\"]" },
		{ "\"ulimits\":[{\"name\":\"nofile\",\"softLimit\":1,\"hardLimit\":2}]", true, "Ulimits",
		  "[{\"Name\":\"nofile\",\"Soft\":1,\"Hard\":2}]" },
		{ "\"systemControls\":[{\"namespace\":\"net.core.somaxconn\",\"value\":\"9\"}]", true, "Sysctls",
		  "{\"net.core.somaxconn\":\"9\"}" },
		{ "\"linuxParameters\":{\"capabilities\":{\"add\":[\"NET_ADMIN\"]}}", true, "CapAdd", "[\"NET_ADMIN\"]" },
		{ "\"linuxParameters\":{\"capabilities\":{\"drop\":[\"ALL\"]}}", true, "CapDrop", "[\"ALL\"]" },
		{ "\"linuxParameters\":{\"initProcessEnabled\":true}", true, "Init", "true" },
		{ "\"linuxParameters\":{\"sharedMemorySize\":2}", true, "ShmSize", "2097152" },
		{ "\"linuxParameters\":{\"tmpfs\":[{\"containerPath\":\"/t\",\"size\":3,\"mountOptions\":[\"ro\",\"noexec\"]}]}", true,
		  "Tmpfs", "{\"/t\":\"size=3m,ro,noexec\"}" },
		{ "\"linuxParameters\":{\"devices\":[{\"hostPath\":\"/dev/x\"}]}", true, "Devices",
		  "[{\"PathOnHost\":\"/dev/x\",\"PathInContainer\":\"/dev/x\",\"CgroupPermissions\":\"rwm\"}]" },
		{ "\"linuxParameters\":{\"devices\":[{\"hostPath\":\"/dev/x\",\"containerPath\":\"/y\",\"permissions\":[\"read\",\"mknod\"]}]}", true,
		  "Devices", "[{\"PathOnHost\":\"/dev/x\",\"PathInContainer\":\"/y\",\"CgroupPermissions\":\"rm\"}]" },
		{ "\"memory\":10,\"linuxParameters\":{\"maxSwap\":0}", true, "MemorySwap", "10485760" },
		{ "\"memory\":10,\"linuxParameters\":{\"maxSwap\":5,\"swappiness\":7}", true, "MemorySwappiness", "7" },
		{ "\"logConfiguration\":{\"logDriver\":\"json-file\",\"options\":{\"max-size\":\"1m\"}}", true, "LogConfig",
		  "{\"Type\":\"json-file\",\"Config\":{\"max-size\":\"1m\"}}" },
		{ "\"logConfiguration\":{\"logDriver\":\"awslogs\",\"options\":{\"awslogs-group\":\"g\"}}", true, "LogConfig", "{\"Type\":\"json-file\",\"Config\":{\"max-size\":\"128m\",\"max-file\":\"4\"}}" },
		{ "\"resourceRequirements\":[{\"type\":\"GPU\",\"value\":\"2\"}]", true, "DeviceRequests",
		  "[{\"Count\":2,\"Capabilities\":[[\"gpu\"]]}]" },
		/* clang-format on */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_json_ struct json_object *o = body_of(rows[i].members);

		assert_member(rows[i].host ? HOST(o) : o, rows[i].key, rows[i].expected);
	}
}

#define THREE                                                                                      \
	"{\"family\":\"f\",%s\"containerDefinitions\":[{\"name\":\"c\",\"image\":\"i\","           \
	"\"command\":[\"x\"]%s},"                                                                  \
	"{\"name\":\"b\",\"image\":\"i\",\"command\":[\"x\"],\"essential\":false%s},"              \
	"{\"name\":\"a\",\"image\":\"i\",\"command\":[\"x\"]%s}]}"

static void
dependencies_come_first(void **state)
{
	_cleanup_free_ char *definition = xasprintf(THREE, "",
	    ",\"dependsOn\":[{\"containerName\":\"b\",\"condition\":\"SUCCESS\"}]",
	    ",\"links\":[\"a:db\"]", "");
	struct plan_input in = input(definition);
	_cleanup_json_ struct json_object *o = NULL;
	struct plan p;

	(void)state;
	build(&in, &p);
	assert_int_equal(p.order[0], 2);
	assert_int_equal(p.order[1], 1);
	assert_int_equal(p.order[2], 0);
	assert_int_equal(p.containers[0].deps[0].condition, PLAN_SUCCESS);
	assert_int_equal(p.containers[1].deps[0].condition, PLAN_START);
	o = body(&p, 1);
	assert_member(
	    HOST(o), "Links", "[\"localemu-ecs-a-cluster-with-a-lon-0123456789ab-a:db\"]");
	plan_done(&p);
}

static void
awsvpc_shares_a_sandbox(void **state)
{
	_cleanup_free_ char *definition = xasprintf(THREE, "\"networkMode\":\"awsvpc\",",
	    ",\"portMappings\":[{\"containerPort\":1}],"
	    "\"systemControls\":[{\"namespace\":\"net.x\",\"value\":\"1\"}]",
	    ",\"dependsOn\":[{\"containerName\":\"a\",\"condition\":\"START\"}]", "");
	struct plan_input in = input(definition);
	_cleanup_json_ struct json_object *sandbox = NULL;
	struct plan p;

	(void)state;
	in.network = (struct plan_network){
		.name = "net", .engine_ipv4 = "10.0.0.4", .dns_name = "ip-10-0-0-4.ec2.internal"
	};
	build(&in, &p);
	assert_int_equal(p.n_defined, 3);
	assert_int_equal(p.n, 4);
	assert_int_equal(p.holder, 3);
	assert_int_equal(p.order[0], 3);
	for (size_t i = 0; i < p.n_defined; i++) {
		_cleanup_json_ struct json_object *o = body(&p, i);

		assert_true(p.containers[i].joins);
		assert_null(json_get(HOST(o), "PortBindings"));
		assert_null(json_get(HOST(o), "Sysctls"));
		assert_null(json_get(o, "ExposedPorts"));
		assert_null(json_get(o, "Hostname"));
		assert_string_equal(json_get_str(HOST(o), "NetworkMode"),
		    "container:localemu-ecs-a-cluster-with-a-lon-0123456789ab.pause");
		assert_null(json_get(HOST(o), "PidMode"));
	}
	sandbox = body(&p, p.holder);
	assert_member(HOST(sandbox), "NetworkMode", "\"net\"");
	assert_member(HOST(sandbox), "PortBindings",
	    "{\"1/tcp\":[{\"HostIp\":\"127.0.0.1\",\"HostPort\":\"1\"}]}");
	assert_member(HOST(sandbox), "Sysctls", "{\"net.x\":\"1\"}");
	assert_member(sandbox, "Hostname", "\"ip-10-0-0-4.ec2.internal\"");
	assert_member(HOST(sandbox), "DnsSearch", "[\"ec2.internal\"]");
	assert_null(json_get(json_get(sandbox, "Labels"), "localemu.task-arn"));
	assert_null(json_get(json_get(sandbox, "Labels"), "localemu.cluster"));
	assert_member(json_get(sandbox, "Labels"), "localemu.sandbox-of", "\"arn:task\"");
	plan_yield_ports(&p, true);
	assert_int_equal(p.containers[0].ports[0].host_first, 0);
	plan_done(&p);
}

static void
processes_and_ipc_are_shared_in_a_sandbox(void **state)
{
	_cleanup_free_ char *definition =
	    xasprintf(THREE, "\"pidMode\":\"task\",\"ipcMode\":\"task\",", "", "", "");
	struct plan_input in = input(definition);
	_cleanup_json_ struct json_object *sandbox = NULL, *o = NULL;
	struct plan p;

	(void)state;
	build(&in, &p);
	sandbox = body(&p, p.holder);
	assert_member(HOST(sandbox), "IpcMode", "\"shareable\"");
	assert_member(HOST(sandbox), "NetworkMode", "\"none\"");
	o = body(&p, 0);
	assert_true(has_prefix(json_get_str(HOST(o), "PidMode"), "container:"));
	assert_true(has_prefix(json_get_str(HOST(o), "IpcMode"), "container:"));
	assert_member(HOST(o), "NetworkMode", "\"bridge\"");
	plan_done(&p);
}

static void
a_container_alone_needs_no_sandbox(void **state)
{
	struct plan_input in = input("{\"family\":\"f\",\"networkMode\":\"awsvpc\","
				     "\"containerDefinitions\":[{\"name\":\"a\",\"image\":\"i\","
				     "\"command\":[\"x\"]}]}");
	_cleanup_json_ struct json_object *o = NULL;
	struct plan p;

	(void)state;
	in.network.name = "net";
	build(&in, &p);
	assert_int_equal(p.n, 1);
	assert_false(p.containers[0].joins);
	o = body(&p, 0);
	assert_member(HOST(o), "NetworkMode", "\"net\"");
	plan_done(&p);
}

static void
what_cannot_run_is_refused(void **state)
{
	static const char *const depends[] = {
		",\"dependsOn\":[{\"containerName\":\"c\",\"condition\":\"START\"}]",
		",\"dependsOn\":[{\"containerName\":\"nobody\",\"condition\":\"START\"}]",
		",\"dependsOn\":[{\"containerName\":\"a\",\"condition\":\"HEALTHY\"}]",
		",\"links\":[\"nobody\"]",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(depends); i++) {
		_cleanup_free_ char *definition = xasprintf(THREE, "", depends[i], "", "");
		struct plan_input in = input(definition);
		struct err e = { 0 };
		struct plan p;

		assert_true(plan_build(&in, &p, &e) < 0);
		assert_true(e.text[0] != '\0');
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(argv_is_never_split_and_init_is_in_front),
		cmocka_unit_test(argv_is_merged_as_docker_does),
		cmocka_unit_test(nothing_to_run_is_an_error),
		cmocka_unit_test(names_and_labels),
		cmocka_unit_test(environment_overrides_by_name),
		cmocka_unit_test(gpus_of_an_override_stand_for_those_of_the_definition),
		cmocka_unit_test(resources),
		cmocka_unit_test(ports_are_published_on_one_address),
		cmocka_unit_test(a_range_gets_neighbours),
		cmocka_unit_test(volumes),
		cmocka_unit_test(every_other_field),
		cmocka_unit_test(dependencies_come_first),
		cmocka_unit_test(awsvpc_shares_a_sandbox),
		cmocka_unit_test(processes_and_ipc_are_shared_in_a_sandbox),
		cmocka_unit_test(a_container_alone_needs_no_sandbox),
		cmocka_unit_test(what_cannot_run_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
