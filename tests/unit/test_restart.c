/* SPDX-License-Identifier: Apache-2.0 */
/*
 * restartPolicy as a rule of times and codes.
 */
#include "shim/container.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define MINUTE_MS 60000

static void
period(void **state)
{
	struct td_restart_policy p = { .enabled = TRI_TRUE };

	(void)state;
	/* 300 s where nothing is said */
	assert_false(restart_is_due(&p, 1, 1000, 1000 + 5 * MINUTE_MS - 1));
	assert_true(restart_is_due(&p, 1, 1000, 1000 + 5 * MINUTE_MS));
	p.restart_attempt_period = (struct opt_int){ .set = true, .v = 60 };
	assert_false(restart_is_due(&p, 0, 1000, 1000 + MINUTE_MS - 1));
	assert_true(restart_is_due(&p, 0, 1000, 1000 + MINUTE_MS));
}

static void
codes(void **state)
{
	_cleanup_json_ struct json_object *ignored = json_object_new_array();
	struct td_restart_policy p = { .enabled = TRI_TRUE, .ignored_exit_codes = ignored };

	(void)state;
	json_object_array_add(ignored, json_object_new_int(0));
	json_object_array_add(ignored, json_object_new_int(143));
	assert_false(restart_is_due(&p, 0, 0, 10 * MINUTE_MS));
	assert_false(restart_is_due(&p, 143, 0, 10 * MINUTE_MS));
	assert_true(restart_is_due(&p, 1, 0, 10 * MINUTE_MS));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(period),
		cmocka_unit_test(codes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
