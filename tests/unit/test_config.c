/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flags and environment: every setting once, which one wins, and every bad value with its own
 * message.
 */
#include "daemon/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *const names[] = { "GATEWAY_LISTEN", "DOCKER_HOST", "ECS_DOCKER_BACKEND",
	"PERSISTENCE", "ECS_STRICT", "ECS_SETTLE_SECONDS", "ECS_PUBLISH_ADDRESS",
	"LOCALEMU_ACCOUNT_ID" };

static int
clear_environment(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		unsetenv(names[i]);
	return 0;
}

static int
read_args(struct config *c, struct err *e, const char *a, const char *b)
{
	char program[] = "localemu-ecsd";
	_cleanup_free_ char *x = a != NULL ? xstrdup(a) : NULL, *y = b != NULL ? xstrdup(b) : NULL;
	char *argv[] = { program, x, y, NULL };

	return config_read(c, a == NULL ? 1 : b == NULL ? 2 : 3, argv, e);
}

static void
test_defaults(void **state)
{
	struct config c;
	struct err e = { 0 };

	(void)state;
	assert_int_equal(read_args(&c, &e, NULL, NULL), 0);
	assert_string_equal(c.listen_host, "127.0.0.1");
	assert_string_equal(c.listen_port, "4566");
	assert_string_equal(c.engine_socket, "/var/run/docker.sock");
	assert_string_equal(c.account_id, "000000000000");
	assert_true(c.docker_backend && c.persistence && !c.strict);
	assert_int_equal(c.settle_ms, 10000);
	for (int k = 0; k < KINDNESS_MAX; k++)
		assert_true(config_kind(&c, (enum kindness)k));
	config_done(&c);
}

static void
test_environment_and_flags(void **state)
{
	struct config c;
	struct err e = { 0 };

	(void)state;
	setenv("GATEWAY_LISTEN", "0.0.0.0:1", 1);
	setenv("ECS_SETTLE_SECONDS", "0.25", 1);
	setenv("ECS_STRICT", "1", 1);
	setenv("PERSISTENCE", "0", 1);
	setenv("DOCKER_HOST", "unix:///tmp/d.sock", 1);
	assert_int_equal(read_args(&c, &e, "--listen", "[::1]:0"), 0);
	assert_string_equal(c.listen_host, "::1");
	assert_string_equal(c.listen_port, "0");
	assert_string_equal(c.engine_socket, "/tmp/d.sock");
	assert_int_equal(c.settle_ms, 250);
	assert_false(c.persistence);
	for (int k = 0; k < KINDNESS_MAX; k++)
		assert_false(config_kind(&c, (enum kindness)k));
	config_done(&c);
	assert_int_equal(read_args(&c, &e, "--listen=:7", NULL), 0);
	assert_string_equal(c.listen_host, "0.0.0.0");
	config_done(&c);
}

static void
test_endpoints(void **state)
{
	struct config c;
	struct err e = { 0 };

	(void)state;
	setenv("LOCALEMU_ENDPOINT_SECRETSMANAGER", "https://sm.example:8443", 1);
	setenv("LOCALEMU_ENDPOINT_S3", "http://127.0.0.1:9000/", 1);
	assert_int_equal(read_args(&c, &e, NULL, NULL), 0);
	unsetenv("LOCALEMU_ENDPOINT_SECRETSMANAGER");
	unsetenv("LOCALEMU_ENDPOINT_S3");
	assert_string_equal(c.endpoints[CONFIG_ENDPOINT_SECRETSMANAGER], "https://sm.example:8443");
	assert_string_equal(c.endpoints[CONFIG_ENDPOINT_S3], "http://127.0.0.1:9000/");
	assert_null(c.endpoints[CONFIG_ENDPOINT_SSM]);
	config_done(&c);
}

static void
assert_refused(
    const char *env, const char *value, const char *flag, const char *argument, const char *said)
{
	struct config c;
	struct err e = { 0 };

	if (env != NULL)
		setenv(env, value, 1);
	assert_true(read_args(&c, &e, flag, argument) < 0);
	assert_non_null(strstr(e.text, said));
	if (env != NULL)
		unsetenv(env);
}

static void
test_bad_values(void **state)
{
	char long_path[200];

	(void)state;
	memset(long_path, 'x', sizeof(long_path) - 1);
	long_path[0] = '/';
	long_path[sizeof(long_path) - 1] = '\0';
	assert_refused("GATEWAY_LISTEN", "4566", NULL, NULL, "GATEWAY_LISTEN");
	assert_refused("ECS_DOCKER_BACKEND", "maybe", NULL, NULL, "neither 0 nor 1");
	assert_refused("ECS_SETTLE_SECONDS", "-1", NULL, NULL, "ECS_SETTLE_SECONDS");
	assert_refused("ECS_SETTLE_SECONDS", "nan", NULL, NULL, "ECS_SETTLE_SECONDS");
	assert_refused("ECS_SETTLE_SECONDS", "3s", NULL, NULL, "ECS_SETTLE_SECONDS");
	assert_refused("ECS_PUBLISH_ADDRESS", "localhost", NULL, NULL, "not an IP address");
	assert_refused("LOCALEMU_ACCOUNT_ID", "12345", NULL, NULL, "12 digits");
	assert_refused("DOCKER_HOST", "tcp://10.0.0.1:2375", NULL, NULL, "DOCKER_HOST");
	assert_refused("LOCALEMU_ENDPOINT_SSM", "127.0.0.1:1", NULL, NULL, "LOCALEMU_ENDPOINT_SSM");
	assert_refused("LOCALEMU_ENDPOINT_S3", "http://", NULL, NULL, "LOCALEMU_ENDPOINT_S3");
	assert_refused("LOCALEMU_ENDPOINT_S3", "http://h/path", NULL, NULL, "not http://HOST");
	assert_refused("LOCALEMU_ENDPOINT_LOGS", "http://u:p@h", NULL, NULL, "not http://HOST");
	assert_refused(NULL, NULL, "--listen", "127.0.0.1:65536", "--listen");
	assert_refused(NULL, NULL, "--listen", NULL, "--listen needs a value");
	assert_refused(NULL, NULL, "--port", "1", "unknown flag --port");
	assert_refused(NULL, NULL, "stray", NULL, "unexpected argument stray");
	assert_refused(NULL, NULL, "--owner", "a b", "--owner");
	assert_refused(NULL, NULL, "--runtime-dir", long_path, "too long");
}

static void
test_remote_engine_without_backend(void **state)
{
	struct config c;
	struct err e = { 0 };

	(void)state;
	setenv("DOCKER_HOST", "tcp://10.0.0.1:2375", 1);
	setenv("ECS_DOCKER_BACKEND", "0", 1);
	assert_int_equal(read_args(&c, &e, NULL, NULL), 0);
	config_done(&c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_defaults, clear_environment),
		cmocka_unit_test_setup(test_environment_and_flags, clear_environment),
		cmocka_unit_test_setup(test_endpoints, clear_environment),
		cmocka_unit_test_setup(test_bad_values, clear_environment),
		cmocka_unit_test_setup(test_remote_engine_without_backend, clear_environment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
