/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pure parts of what is served at 169.254.170.2: the NAT rules, the documents of versions 2 to
 * 4 member by member, Go's way to write JSON and paths. And the edge: routes, credentials, the rate
 * limit, over a real socket.
 */
#include "shim/metadata.h"
#include "shim/nat.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#define UUID_A "11111111-2222-3333-4444-555555555555"
#define UUID_B "66666666-7777-8888-9999-000000000000"
#define CREDENTIALS_ID "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"

static void
rules_are_one_atomic_table(void **state)
{
	static const struct nat_rule rules[] = { { 80, 51679 }, { 4566, 51680 } };
	_cleanup_free_ char *text = nat_text(rules, ARRAY_SIZE(rules));

	(void)state;
	assert_string_equal(text,
	    "*nat\n"
	    "-A OUTPUT -d 169.254.170.2/32 -p tcp -m tcp --dport 80 -j DNAT --to-destination "
	    "127.0.0.1:51679\n"
	    "-A OUTPUT -d 169.254.170.2/32 -p tcp -m tcp --dport 4566 -j DNAT --to-destination "
	    "127.0.0.1:51680\n"
	    "COMMIT\n");
}

static void
paths_are_cleaned_as_go_does(void **state)
{
	static const char *const rows[][2] = {
		{ "/", "/" },
		{ "", "/" },
		{ "/v4/x", "/v4/x" },
		{ "/v4/x/", "/v4/x/" },
		{ "//v4//x", "/v4/x" },
		{ "/a/./b", "/a/b" },
		{ "/a/../b", "/b" },
		{ "/../../etc", "/etc" },
		{ "/a/..", "/" },
		{ "/...", "/..." },
		{ "///", "/" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_free_ char *clean = endpoint_clean_path(rows[i][0]);

		assert_string_equal(clean, rows[i][1]);
	}
}

static void
json_is_escaped_as_go_does(void **state)
{
	_cleanup_free_ char *text = endpoint_go_json("{\"a\":\"<b>&\xe2\x80\xa8\xc3\xa9\"}");

	(void)state;
	assert_string_equal(text, "{\"a\":\"\\u003cb\\u003e\\u0026\\u2028\xc3\xa9\"}");
}

/* --- a task without an Engine --- */

struct fixture {
	struct loop *loop;
	struct task *task;
	struct json_object *facts[2];
};

static void
ignore(struct task *t, void *cookie)
{
	(void)t;
	(void)cookie;
}

static struct task *
make_task(struct loop *l, const char *launch_type)
{
	static const char *const ids[] = { UUID_A, UUID_B };
	static const char *const arns[] = { "arn:c:a", "arn:c:b" };
	struct plan_input in = {
		.task_arn = "arn:task",
		.task_id = "0123456789abcdef0123456789abcdef",
		.cluster_arn = "arn:cluster/c",
		.cluster_name = "c",
		.region = "eu-west-1",
		.family = "fam",
		.revision = 7,
		.launch_type = launch_type,
		.definition_json =
		    "{\"family\":\"fam\",\"cpu\":\"256\",\"memory\":\"512\","
		    "\"containerDefinitions\":[{\"name\":\"a\",\"image\":\"img\",\"cpu\":10,"
		    "\"memory\":64,\"healthCheck\":{\"command\":[\"CMD\",\"x\"]},"
		    "\"logConfiguration\":{\"logDriver\":\"awslogs\",\"options\":{"
		    "\"awslogs-group\":\"g\",\"awslogs-stream-prefix\":\"p\"}}},"
		    "{\"name\":\"b\",\"image\":\"img\"}]}",
		.credentials_id = CREDENTIALS_ID,
		.metadata_ids = ids,
		.n_metadata_ids = 2,
		.container_arns = arns,
		.n_container_arns = 2,
		.account = "000000000000",
		.group = "service:web",
		.availability_zone = "eu-west-1a",
		.runtime_dir = "/nonexistent",
		.gate_parent = "/nonexistent/gates",
		.init_path = "/nonexistent/init",
		.publish_address = "127.0.0.1",
		.owner = "me",
	};
	struct task *t = NULL;
	struct err e = { 0 };

	assert_int_equal(task_new(l, NULL, &in, ignore, NULL, &t, &e), 0);
	return t;
}

static struct json_object *
parse(const char *text)
{
	struct json_object *o = NULL;

	assert_int_equal(json_parse(text, strlen(text), &o, NULL), 0);
	return o;
}

static int
setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));

	f->loop = loop_new();
	f->task = make_task(f->loop, "EC2");
	f->task->containers[0].id = xstrdup("id-a");
	f->task->containers[0].phase = PHASE_RUNNING;
	f->task->containers[0].health = HEALTH_HEALTHY;
	f->facts[0] = parse(
	    "{\"Id\":\"id-a\",\"Image\":\"sha256:1\",\"Created\":\"2026-01-02T03:04:05.6Z\","
	    "\"State\":{\"Running\":true,\"StartedAt\":\"2026-01-02T03:04:06.123456789Z\","
	    "\"FinishedAt\":\"0001-01-01T00:00:00Z\",\"Health\":{\"Log\":["
	    "{\"End\":\"2026-01-02T03:04:07Z\",\"ExitCode\":0,\"Output\":\"fine\"}]}},"
	    "\"Config\":{\"Labels\":{\"localemu.service\":\"ecs\",\"mine\":\"1\"}},"
	    "\"Mounts\":[{\"Destination\":\"/.localemu/init\",\"Source\":\"/i\"},"
	    "{\"Name\":\"v\",\"Destination\":\"/data\",\"Source\":\"/s\"}],"
	    "\"NetworkSettings\":{\"Networks\":{\"bridge\":{\"IPAddress\":\"172.17.0.2\"}}}}");
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	json_object_put(f->facts[0]);
	task_free(f->task);
	loop_free(f->loop);
	free(f);
	return 0;
}

static void
container_document_of_version_4(void **state)
{
	struct fixture *f = *state;
	_cleanup_json_ struct json_object *o = metadata_container(f->task, 0, f->facts, 4);

	assert_string_equal(json_print(o),
	    "{\"DockerId\":\"id-a\",\"Name\":\"a\",\"DockerName\":\"localemu-ecs-c-0123456789ab-"
	    "a\","
	    "\"Image\":\"img\",\"ImageID\":\"sha256:1\",\"Labels\":{\"mine\":\"1\"},"
	    "\"DesiredStatus\":\"RUNNING\",\"KnownStatus\":\"RUNNING\","
	    "\"Limits\":{\"CPU\":10,\"Memory\":64},\"CreatedAt\":\"2026-01-02T03:04:05.6Z\","
	    "\"StartedAt\":\"2026-01-02T03:04:06.123456789Z\",\"Type\":\"NORMAL\","
	    "\"health\":{\"status\":\"HEALTHY\",\"statusSince\":\"2026-01-02T03:04:07Z\","
	    "\"output\":\"fine\"},"
	    "\"Volumes\":[{\"DockerName\":\"v\",\"Source\":\"/s\",\"Destination\":\"/data\"}],"
	    "\"LogDriver\":\"awslogs\",\"LogOptions\":{\"awslogs-group\":\"g\","
	    "\"awslogs-stream\":\"p/a/0123456789abcdef0123456789abcdef\"},"
	    "\"ContainerARN\":\"arn:c:a\","
	    "\"Networks\":[{\"NetworkMode\":\"bridge\",\"IPv4Addresses\":[\"172.17.0.2\"]}]}");
}

static void
container_document_of_a_container_that_is_gone(void **state)
{
	struct fixture *f = *state;
	struct container *c = &f->task->containers[0];
	struct json_object *nothing[2] = { NULL, NULL };
	_cleanup_json_ struct json_object *o = NULL;

	c->phase = PHASE_STOPPED;
	c->health = HEALTH_UNKNOWN;
	c->has_exit_code = true;
	c->exit_code = 3;
	o = metadata_container(f->task, 0, nothing, 3);
	assert_string_equal(json_print(o),
	    "{\"DockerId\":\"id-a\",\"Name\":\"a\",\"DockerName\":\"localemu-ecs-c-0123456789ab-"
	    "a\","
	    "\"Image\":\"img\",\"ImageID\":\"\",\"DesiredStatus\":\"RUNNING\","
	    "\"KnownStatus\":\"STOPPED\",\"ExitCode\":3,\"Limits\":{\"CPU\":10,\"Memory\":64},"
	    "\"Type\":\"NORMAL\",\"health\":{}}");
}

static void
task_document(void **state)
{
	struct fixture *f = *state;
	_cleanup_json_ struct json_object *v4 = NULL;
	_cleanup_json_ struct json_object *v3 = NULL;

	f->task->times.pull_started = 1700000000120;
	f->task->times.pull_stopped = 1700000001000;
	v4 = metadata_task(f->task, f->facts, 4);
	assert_int_equal(json_object_array_length(json_get(v4, "Containers")), 1);
	json_object_object_del(v4, "Containers");
	assert_string_equal(json_print(v4),
	    "{\"Cluster\":\"c\",\"TaskARN\":\"arn:task\",\"Family\":\"fam\",\"Revision\":\"7\","
	    "\"ServiceName\":\"web\",\"Group\":\"service:web\",\"DesiredStatus\":\"RUNNING\","
	    "\"KnownStatus\":\"NONE\","
	    "\"Limits\":{\"CPU\":0.25,\"Memory\":512},"
	    "\"PullStartedAt\":\"2023-11-14T22:13:20.12Z\","
	    "\"PullStoppedAt\":\"2023-11-14T22:13:21Z\",\"AvailabilityZone\":\"eu-west-1a\","
	    "\"LaunchType\":\"EC2\",\"FaultInjectionEnabled\":false}");
	v3 = metadata_task(f->task, f->facts, 3);
	assert_null(json_get(v3, "LaunchType"));
	assert_null(json_get(v3, "ServiceName"));
}

static void
a_fargate_task_says_its_clusters_arn(void **state)
{
	struct fixture *f = *state;
	struct task *t = make_task(f->loop, "FARGATE");
	struct json_object *nothing[2] = { NULL, NULL };
	_cleanup_json_ struct json_object *o = metadata_task(t, nothing, 4);

	assert_string_equal(json_get_str(o, "Cluster"), "arn:cluster/c");
	task_free(t);
}

/* --- over a socket --- */

static int
connect_to(struct fixture *f, struct endpoint_listener **ret)
{
	struct sockaddr_in sa = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(sa);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	int client = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(bind(fd, (const struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(listen(fd, 8), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&sa, &len), 0);
	*ret = endpoint_listen(f->task->endpoint, fd);
	assert_non_null(*ret);
	assert_int_equal(connect(client, (const struct sockaddr *)&sa, sizeof(sa)), 0);
	return client;
}

/* Sends a request and turns the loop until its reply is here, in a buffer of the caller. */
static void
ask(struct fixture *f, int fd, const char *path, char *reply, size_t size)
{
	_cleanup_free_ char *request =
	    xasprintf("GET %s HTTP/1.1\r\nHost: 169.254.170.2\r\n\r\n", path);
	int64_t until = monotonic_ms() + 5000;
	ssize_t n = -1;

	assert_int_equal(send(fd, request, strlen(request), 0), (ssize_t)strlen(request));
	while (n < 0 && monotonic_ms() < until) {
		(void)event_base_loop(loop_base(f->loop), EVLOOP_NONBLOCK);
		n = recv(fd, reply, size - 1, MSG_DONTWAIT);
	}
	assert_true(n > 0);
	reply[n] = '\0';
}

static void
assert_reply(struct fixture *f, int fd, const char *path, const char *status, const char *body)
{
	char reply[4096];

	ask(f, fd, path, reply, sizeof(reply));
	if (strncmp(reply + strlen("HTTP/1.1 "), status, 3) != 0)
		fail_msg("%s: %s", path, reply);
	assert_string_equal(strstr(reply, "\r\n\r\n") + 4, body);
}

static void
credentials_are_served_once_they_are_here(void **state)
{
	struct fixture *f = *state;
	struct endpoint_listener *l;
	int fd = connect_to(f, &l);

	assert_false(task_has_credentials(f->task));
	assert_reply(f, fd, "/v2/credentials/" CREDENTIALS_ID, "503",
	    "{\"code\":\"CredentialsUninitialized\",\"message\":\"CredentialsV2Request: "
	    "Credentials "
	    "uninitialized for ID\",\"HTTPErrorCode\":503}");
	task_set_credentials(f->task, false,
	    &(struct credentials){ .id = (char[]){ CREDENTIALS_ID },
		.role_arn = (char[]){ "arn:role" },
		.access_key_id = (char[]){ "ASIA" },
		.secret_access_key = (char[]){ "secret" },
		.session_token = (char[]){ "token" },
		.expires_at_ms = 1700000000000 });
	assert_true(task_has_credentials(f->task));
	assert_reply(f, fd, "/v2/credentials/" CREDENTIALS_ID, "200",
	    "{\"RoleArn\":\"arn:role\",\"AccessKeyId\":\"ASIA\",\"SecretAccessKey\":\"secret\","
	    "\"Token\":\"token\",\"Expiration\":\"2023-11-14T22:13:20Z\"}");
	assert_reply(f, fd, "/v1/credentials?x=1&id=" UUID_A, "400",
	    "{\"code\":\"InvalidIdInRequest\",\"message\":\"CredentialsV1Request: Credentials not "
	    "found\",\"HTTPErrorCode\":400}");
	close(fd);
	endpoint_unlisten(f->task->endpoint, l);
}

static void
the_execution_role_is_not_served(void **state)
{
	struct fixture *f = *state;
	struct endpoint_listener *l;
	int fd = connect_to(f, &l);

	task_set_credentials(f->task, true,
	    &(struct credentials){ .id = (char[]){ UUID_B },
		.role_arn = (char[]){ "arn:role" },
		.access_key_id = (char[]){ "ASIA" },
		.secret_access_key = (char[]){ "secret" },
		.session_token = (char[]){ "token" } });
	assert_false(task_has_credentials(f->task));
	assert_reply(f, fd, "/v2/credentials/" UUID_B, "400",
	    "{\"code\":\"InvalidIdInRequest\",\"message\":\"CredentialsV2Request: Credentials not "
	    "found\",\"HTTPErrorCode\":400}");
	close(fd);
	endpoint_unlisten(f->task->endpoint, l);
}

static void
after_a_burst_the_rate_is_limited(void **state)
{
	struct fixture *f = *state;
	struct endpoint_listener *l;
	int fd = connect_to(f, &l), fine = 0;
	char reply[4096];

	for (int i = 0; i < 100; i++) {
		ask(f, fd, "/nothing", reply, sizeof(reply));
		fine += strncmp(reply, "HTTP/1.1 404", 12) == 0;
	}
	assert_true(fine >= 60 && fine < 80);
	assert_string_equal(
	    strstr(reply, "\r\n\r\n") + 4, "You have reached maximum request limit.");
	close(fd);
	endpoint_unlisten(f->task->endpoint, l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rules_are_one_atomic_table),
		cmocka_unit_test(paths_are_cleaned_as_go_does),
		cmocka_unit_test(json_is_escaped_as_go_does),
		cmocka_unit_test_setup_teardown(container_document_of_version_4, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    container_document_of_a_container_that_is_gone, setup, teardown),
		cmocka_unit_test_setup_teardown(task_document, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    a_fargate_task_says_its_clusters_arn, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    credentials_are_served_once_they_are_here, setup, teardown),
		cmocka_unit_test_setup_teardown(the_execution_role_is_not_served, setup, teardown),
		cmocka_unit_test_setup_teardown(after_a_burst_the_rate_is_limited, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
