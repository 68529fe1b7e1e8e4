/* SPDX-License-Identifier: Apache-2.0 */
/* AllowedPattern: what is found, what is no expression, and that nothing takes long. */
#include "common/util.h"
#include "daemon/services/ssm_pattern.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void
test_patterns(void **state)
{
	static const struct {
		const char *pattern, *value;
		int r;
	} cases[] = {
		{ "^\\d+$", "123", 1 },
		{ "^\\d+$", "12a", 0 },
		{ "b", "abc", 1 },
		{ "^(a|b){2}$", "ab", 1 },
		{ "^.$", "\xc3\xa9", 1 },
		{ "", "", 1 },
		{ "(", "x", -EINVAL },
		{ "[z-a]", "x", -EINVAL },
		{ "\xff", "x", -EINVAL },
		{ "\\C", "x", -EINVAL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(ssm_pattern_match(cases[i].pattern, cases[i].value), cases[i].r);
}

static void
test_every_way_there_is(void **state)
{
	int64_t begin = monotonic_ms();
	char value[8192];

	(void)state;
	memset(value, 'a', sizeof(value));
	value[sizeof(value) - 2] = '!';
	value[sizeof(value) - 1] = '\0';
	assert_int_equal(ssm_pattern_match("^(a+)+$", value), 0);
	assert_int_equal(ssm_pattern_match("^(a|aa)+$", value), 0);
	assert_int_equal(ssm_pattern_match("(.*)(.*)(.*)(.*)(.*)[^a!]", value), 0);
	assert_int_equal(ssm_pattern_match("((((((((((a?)*)*)*)*)*)*)*)*)*)*$b", value), 0);
	assert_true(monotonic_ms() - begin < 2000);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_patterns),
		cmocka_unit_test(test_every_way_there_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
