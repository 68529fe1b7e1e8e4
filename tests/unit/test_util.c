/* SPDX-License-Identifier: Apache-2.0 */
/*
 * util.h and err.h: allocation, hand-over, clocks, random identifiers, errors as values.
 */
#include "common/err.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

static void
test_allocation(void **state)
{
	_cleanup_free_ char *nothing = xcalloc(0, 0);
	_cleanup_free_ char *text = xasprintf("%s-%d", "a", 7);
	_cleanup_free_ char *cut = xstrndup("abcdef", 3);
	_cleanup_free_ char *copy = xmemdup("a\0b", 3);

	(void)state;
	assert_non_null(nothing);
	assert_string_equal(text, "a-7");
	assert_string_equal(cut, "abc");
	assert_memory_equal(copy, "a\0b", 3);
	text = xrealloc(text, 100, 1);
	assert_string_equal(text, "a-7");
}

static void
test_take(void **state)
{
	char *a = xstrdup("x");
	_cleanup_free_ char *b = TAKE(a);
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	_cleanup_close_ int taken = TAKE_FD(fd);

	(void)state;
	assert_null(a);
	assert_string_equal(b, "x");
	assert_int_equal(fd, -1);
	assert_true(taken >= 0);
}

static void
test_strings(void **state)
{
	(void)state;
	assert_true(streq(NULL, NULL));
	assert_false(streq(NULL, ""));
	assert_false(streq("", NULL));
	assert_true(streq("a", "a"));
	assert_false(streq("a", "A"));
	assert_true(has_prefix("arn:aws", "arn:"));
	assert_false(has_prefix("ar", "arn:"));
}

static void
test_clocks(void **state)
{
	int64_t wall = now_ms();
	int64_t mono = monotonic_ms();

	(void)state;
	assert_true(wall / 1000 >= time(NULL) - 1 && wall / 1000 <= time(NULL) + 1);
	assert_true(monotonic_ms() >= mono);
}

static void
test_random(void **state)
{
	char a[37], b[37], hex[33], text[201];

	(void)state;
	random_uuid(a);
	random_uuid(b);
	assert_int_equal(strlen(a), 36);
	assert_string_not_equal(a, b);
	assert_int_equal(a[14], '4');
	assert_non_null(strchr("89ab", a[19]));
	assert_int_equal(strspn(a, "0123456789abcdef-"), 36);
	random_hex(hex, 16);
	assert_int_equal(strlen(hex), 32);
	assert_int_equal(strspn(hex, "0123456789abcdef"), 32);
	random_text(text, 200, "abc");
	assert_int_equal(strlen(text), 200);
	assert_int_equal(strspn(text, "abc"), 200);
	assert_non_null(strchr(text, 'a'));
	assert_non_null(strchr(text, 'c'));
}

static void
test_err(void **state)
{
	struct err e = { 0 };
	char text[3 * ERR_TEXT_MAX];

	(void)state;
	assert_int_equal(err_set(&e, ERR_CLUSTER_NOT_FOUND, "%s", "Cluster not found."), -EINVAL);
	assert_int_equal(e.kind, ERR_CLUSTER_NOT_FOUND);
	assert_int_equal(e.errnum, 0);
	assert_string_equal(e.text, "Cluster not found.");
	assert_int_equal(err_set(NULL, ERR_SERVER, "x"), -EIO);
	assert_int_equal(err_set_errno(&e, ENOENT, "open %s", "/x"), -ENOENT);
	assert_int_equal(e.kind, ERR_SERVER);
	assert_int_equal(e.errnum, ENOENT);
	assert_string_equal(e.text, "open /x: No such file or directory");

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	err_set(&e, ERR_CLIENT, "%s", text);
	assert_int_equal(strlen(e.text), ERR_TEXT_MAX - 1);
	err_set_errno(&e, EIO, "%s", text);
	assert_int_equal(strlen(e.text), ERR_TEXT_MAX - 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_allocation),
		cmocka_unit_test(test_take),
		cmocka_unit_test(test_strings),
		cmocka_unit_test(test_clocks),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_err),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
