/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tokens of List operations: they come back as they went, for their own operation only, and nothing
 * else is one.
 */
#include "daemon/page.h"

#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void
test_round_trip(void **state)
{
	static const char *const keys[] = { "a", "ab", "abc", "family:12", "x/y z", "\xc3\xa4" };
	_cleanup_arena_ struct arena a = { 0 };
	char long_key[PAGE_KEY_MAX], key[PAGE_KEY_MAX];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		const char *token = page_encode(&a, "ListClusters", keys[i]);

		assert_int_equal(
		    strspn(
			token, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"),
		    strlen(token));
		assert_int_equal(page_decode("ListClusters", token, key, NULL), 0);
		assert_string_equal(key, keys[i]);
	}
	memset(long_key, 0xff, sizeof(long_key) - 1);
	long_key[sizeof(long_key) - 1] = '\0';
	assert_int_equal(page_decode("ListTaskDefinitionFamilies",
			     page_encode(&a, "ListTaskDefinitionFamilies", long_key), key, NULL),
	    0);
	assert_string_equal(key, long_key);
	assert_int_equal(page_decode("ListClusters", NULL, key, NULL), 0);
	assert_string_equal(key, "");
}

static void
refused(const char *token)
{
	char key[PAGE_KEY_MAX] = "untouched";
	struct err e = { 0 };

	assert_true(page_decode("ListClusters", token, key, &e) < 0);
	assert_int_equal(e.kind, ERR_INVALID_PARAMETER);
	assert_string_equal(e.text, "Invalid token.");
	assert_string_equal(key, "untouched");
}

/* Every single change of a good token's characters either is refused or is another key: never a
 * crash. */
static void
test_everything_else_is_refused(void **state)
{
	_cleanup_arena_ struct arena a = { 0 };
	char *token = page_encode(&a, "ListClusters", "web");
	char key[PAGE_KEY_MAX], big[8192];

	(void)state;
	refused("");
	refused("x");
	refused("====");
	refused("not a token");
	refused(page_encode(&a, "ListTasks", "web"));
	refused(page_encode(&a, "ListClusters", ""));
	refused(arena_printf(&a, "%s=", token));
	memset(big, 'A', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	for (size_t n = sizeof(big) - 1; n > 0; n -= n > 700 ? 97 : 1) {
		big[n] = '\0';
		refused(big);
	}
	for (size_t i = 0; token[i] != '\0'; i++) {
		char was = token[i];

		for (int c = 1; c < 256; c++) {
			token[i] = (char)c;
			(void)page_decode(
			    "ListClusters", token, key, NULL); /* either way is right */
		}
		token[i] = was;
	}
}

static void
test_pages(void **state)
{
	_cleanup_arena_ struct arena a = { 0 };
	_cleanup_json_ struct json_object *last = json_object_new_object(),
					  *more = json_object_new_object();
	struct page p = { 0 };
	struct err e = { 0 };

	(void)state;
	assert_int_equal(page_begin(&p, "ListClusters", NULL, 2, &e), 0);
	assert_null(page_after(&p));
	assert_true(page_take(&p, "a"));
	assert_true(page_take(&p, "b"));
	page_finish(&p, "ListClusters", &a, last);
	assert_null(json_get(last, "nextToken"));
	assert_false(page_take(&p, "c"));
	page_finish(&p, "ListClusters", &a, more);
	assert_int_equal(page_begin(&p, "ListClusters", json_get_str(more, "nextToken"), 2, &e), 0);
	assert_string_equal(page_after(&p), "b");
	assert_true(page_begin(&p, "ListClusters", "bad", 2, &e) < 0);
	assert_string_equal(page_after(&p), "b");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_everything_else_is_refused),
		cmocka_unit_test(test_pages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
