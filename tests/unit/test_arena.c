/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arena.h: memory of one request.
 */
#include "common/arena.h"

#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static void
test_pieces_are_apart_aligned_and_zero(void **state)
{
	_cleanup_arena_ struct arena a = { 0 };
	unsigned char *last = NULL;

	(void)state;
	for (size_t size = 0; size < 300; size++) {
		unsigned char *p = arena_alloc(&a, size);

		assert_int_equal((uintptr_t)p % _Alignof(max_align_t), 0);
		for (size_t i = 0; i < size; i++)
			assert_int_equal(p[i], 0);
		memset(p, 0xff, size);
		if (last != NULL && size > 1)
			assert_int_equal(last[size - 2], 0xff);
		last = p;
	}
}

static void
test_large_piece(void **state)
{
	_cleanup_arena_ struct arena a = { 0 };
	char *small = arena_strdup(&a, "before");
	char *large = arena_alloc(&a, 1024 * 1024);
	char *after = arena_printf(&a, "%s %d", "after", 1);

	(void)state;
	memset(large, 'x', 1024 * 1024);
	assert_string_equal(small, "before");
	assert_string_equal(after, "after 1");
}

static void
test_usable_again(void **state)
{
	struct arena a = { 0 };

	(void)state;
	arena_done(&a);
	(void)arena_alloc(&a, 10);
	arena_done(&a);
	assert_null(a.blocks);
	assert_string_equal(arena_strdup(&a, "again"), "again");
	arena_done(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pieces_are_apart_aligned_and_zero),
		cmocka_unit_test(test_large_piece),
		cmocka_unit_test(test_usable_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
