/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log.h: what a line looks like, what is dropped, where it goes.
 */
#include "common/log.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static struct {
	enum log_level level;
	char line[1024];
	int n;
} seen;

static void
catch_line(enum log_level level, const char *line, void *cookie)
{
	assert_ptr_equal(cookie, &seen);
	seen.level = level;
	(void)snprintf(seen.line, sizeof(seen.line), "%s", line);
	seen.n++;
}

static int
setup(void **state)
{
	(void)state;
	memset(&seen, 0, sizeof(seen));
	log_set_sink(catch_line, &seen);
	log_set_level(LOG_LEVEL_INFO);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	log_set_sink(NULL, NULL);
	return 0;
}

static void
test_form(void **state)
{
	(void)state;
	log_info("task", "abc", "went %d", 1);
	assert_string_equal(seen.line, "task=abc msg=\"went 1\"");
	assert_int_equal(seen.level, LOG_LEVEL_INFO);
	log_err(NULL, NULL, "alone");
	assert_string_equal(seen.line, "msg=\"alone\"");
	log_err("k", "two words", "x");
	assert_string_equal(seen.line, "k=\"two words\" msg=\"x\"");
	log_err("k", NULL, "x");
	assert_string_equal(seen.line, "k=\"\" msg=\"x\"");
}

static void
test_escapes(void **state)
{
	(void)state;
	log_info("k", "a\"b\n", "say \"hi\" \\ \n\t\x1b[31m \xc3\xa9");
	assert_string_equal(
	    seen.line, "k=\"a\\\"b\\n\" msg=\"say \\\"hi\\\" \\\\ \\n\\x09\\x1b[31m \xc3\xa9\"");
	log_pass(LOG_LEVEL_WARN, "msg=\"a\nb\"");
	assert_string_equal(seen.line, "msg=\"a?b\"");
}

static void
test_levels(void **state)
{
	(void)state;
	log_debug(NULL, NULL, "x");
	log_pass(LOG_LEVEL_DEBUG, "x");
	assert_int_equal(seen.n, 0);
	log_set_level(LOG_LEVEL_DEBUG);
	log_debug(NULL, NULL, "x");
	log_pass(LOG_LEVEL_DEBUG, "x");
	assert_int_equal(seen.n, 2);
}

/* What the default sink writes to stderr. */
static void
read_stderr(enum log_level level, char *buf, size_t size)
{
	int saved = dup(STDERR_FILENO);
	int fds[2];
	ssize_t n;

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	dup2(fds[1], STDERR_FILENO);
	log_set_sink(NULL, NULL);
	log_line(level, "k", "v", "text");
	dup2(saved, STDERR_FILENO);
	close(saved);
	close(fds[1]);
	n = read(fds[0], buf, size - 1);
	close(fds[0]);
	assert_true(n > 0);
	buf[n] = '\0';
}

static void
test_default_sink(void **state)
{
	char buf[100];

	(void)state;
	unsetenv("JOURNAL_STREAM");
	read_stderr(LOG_LEVEL_ERROR, buf, sizeof(buf));
	assert_string_equal(buf, "error k=v msg=\"text\"\n");
	setenv("JOURNAL_STREAM", "8:1", 1);
	read_stderr(LOG_LEVEL_ERROR, buf, sizeof(buf));
	assert_string_equal(buf, "<3>k=v msg=\"text\"\n");
	read_stderr(LOG_LEVEL_INFO, buf, sizeof(buf));
	assert_string_equal(buf, "<6>k=v msg=\"text\"\n");
	unsetenv("JOURNAL_STREAM");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_form, setup, teardown),
		cmocka_unit_test_setup_teardown(test_escapes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_levels, setup, teardown),
		cmocka_unit_test_setup_teardown(test_default_sink, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
