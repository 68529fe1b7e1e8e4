/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json.h: what is accepted, what is refused and how it is said, typed look-ups, what is printed.
 */
#include "common/json.h"

#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static struct json_object *
parse(const char *text)
{
	struct json_object *o = NULL;
	struct err e = { 0 };

	if (json_parse(text, strlen(text), &o, &e) < 0)
		fail_msg("%s: %s", text, e.text);
	return o;
}

static void
refuse(const char *text, size_t len)
{
	struct json_object *o = NULL;
	struct err e = { 0 };

	if (json_parse(text, len, &o, &e) == 0)
		fail_msg("accepted: %s", text);
	assert_int_equal(e.kind, ERR_SERIALIZATION);
	assert_true(has_prefix(e.text, "not valid JSON: "));
	assert_null(o);
}

static void
test_accepts(void **state)
{
	static const char *const good[] = {
		"{}",
		"[]",
		"{\"a\":1}\n",
		" \t{ } ",
		"12",
		"-1.5e3",
		"\"x\"",
		"true",
		"{\"a\":null}",
		"{\"a\":\"\\u00e9\\ud83d\\ude00\"}",
		"{\"a\":\"\\\\u0000\"}",
		"{\"\":1}",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		json_object_put(parse(good[i]));
}

static void
test_refuses(void **state)
{
	static const char *const bad[] = {
		"",
		" ",
		"{",
		"{\"a\"",
		"{\"a\":",
		"{\"a\":1",
		"{\"a\":1}x",
		"{} {}",
		"{a:1}",
		"{'a':1}",
		"[1,]",
		"{\"a\":1,}",
		"tru",
		"TRUE",
		"nul",
		"\"",
		"\"\\x\"",
		"01",
		"1.",
		"[1.,2]",
		"[1.e5]",
		".5",
		"[-.5]",
		"1e",
		"[1e+]",
		"+1",
		"1.2.3",
		"--1",
		"1-2",
		"- 1",
		"[00]",
		"[-01]",
		"-",
		"NaN",
		"[NaN]",
		"[-Infinity]",
		"{\"a\":[1e999]}",
		"\"\\u0000\"",
		"{\"a\\u0000b\":1}",
		"{\"a\":\"\\\\\\u0000\"}",
		"\"\xff\"",
		"\"\xc3\"",
		"{\"a\":\"\xed\xa0\x80\"}",
		"/* */ {}",
		"{\"a\":\"x\ny\"}",
		"\"\\",
		"Infinity",
		"\xef\xbb\xbf{}",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		refuse(bad[i], strlen(bad[i]));
	refuse("{}\0", 3);
	refuse("{\"a\":\"x\0y\"}", 11);
	refuse("\0", 1);
}

static void
test_depth(void **state)
{
	char text[8192];

	(void)state;
	for (size_t depth = 1; depth < 4000; depth = depth < 64 ? depth + 1 : depth * 2) {
		struct json_object *o = NULL;
		struct err e = { 0 };
		int r;

		memset(text, '[', depth);
		memset(text + depth, ']', depth);
		r = json_parse(text, 2 * depth, &o, &e);
		json_object_put(o);
		if (depth < JSON_DEPTH_MAX - 1)
			assert_int_equal(r, 0);
		if (depth > JSON_DEPTH_MAX)
			assert_true(r < 0);
	}
	memset(text, '[', sizeof(text));
	refuse(text, sizeof(text));
}

static void
test_message(void **state)
{
	struct json_object *o = NULL;
	struct err e = { 0 };

	(void)state;
	assert_true(json_parse("{\"a\" 1}", 7, &o, &e) < 0);
	assert_string_equal(
	    e.text, "not valid JSON: object property name separator ':' expected at byte 5");
	assert_true(json_parse("{\"a\":", 5, &o, &e) < 0);
	assert_string_equal(e.text, "not valid JSON: unexpected end of data at byte 5");
	assert_true(json_parse("{\"a\":\"\\u0000\"}", 14, &o, &e) < 0);
	assert_string_equal(e.text, "not valid JSON: NUL character at byte 6");
	assert_true(json_parse("{}x", 3, &o, &e) < 0);
	assert_string_equal(e.text, "not valid JSON: unexpected character at byte 2");
	assert_true(json_parse("{} 1", 4, &o, &e) < 0);
	assert_non_null(strstr(e.text, " at byte 3"));
}

static void
test_getters(void **state)
{
	_cleanup_json_ struct json_object *o =
	    parse("{\"s\":\"x\",\"n\":5,\"d\":2.5,\"b\":true,\"z\":null,\"o\":{\"k\":1},\"a\":[]}");

	(void)state;
	assert_string_equal(json_get_str(o, "s"), "x");
	assert_null(json_get_str(o, "n"));
	assert_null(json_get_str(o, "z"));
	assert_null(json_get_str(o, "none"));
	assert_int_equal(json_get_int(o, "n", 9), 5);
	assert_int_equal(json_get_int(o, "d", 9), 2);
	assert_int_equal(json_get_int(o, "s", 9), 9);
	assert_int_equal(json_get_int(o, "none", 9), 9);
	assert_true(json_get_bool(o, "b", false));
	assert_true(json_get_bool(o, "n", true));
	assert_null(json_get(o, "z"));
	assert_int_equal(json_get_int(json_get(o, "o"), "k", 0), 1);
	assert_null(json_get(json_get(o, "a"), "k"));
	assert_null(json_get(NULL, "k"));
	assert_null(json_get_str(json_get(o, "s"), "k"));
}

static void
test_print(void **state)
{
	_cleanup_json_ struct json_object *o = json_object_new_object();
	_cleanup_json_ struct json_object *copy = NULL;

	(void)state;
	json_add_str(o, "path", "/a/b \"q\"");
	json_add_str(o, "none", NULL);
	json_add_int(o, "n", INT64_MAX);
	json_add_bool(o, "b", false);
	json_add_time(o, "never", 0);
	json_add_time(o, "t", 1703691100123);
	json_add_time(o, "u", 1703691100000);
	json_add_time(o, "v", 1);
	json_add(o, "raw", json_new_raw(xstrdup("{\"x\":[1,2]}")));
	copy = json_copy(o);
	json_add_int(o, "n", 0); /* the copy must not see this */
	assert_string_equal(json_print(copy),
	    "{\"path\":\"/a/b "
	    "\\\"q\\\"\",\"n\":9223372036854775807,\"b\":false,\"t\":1703691100.123,"
	    "\"u\":1703691100.000,\"v\":0.001,\"raw\":{\"x\":[1,2]}}");
	assert_null(json_copy(NULL));
}

static void
test_foreign_text(void **state)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{ "plain", "plain" },
		{ "", "" },
		{ "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80" },
		{ "cut \xe2\x82", "cut ??" },
		{ "\xff-\xc0\x80-\xed\xa0\x80", "?"
						"-?"
						"?-???" },
		{ "\xf4\x90\x80\x80\xf5", "?????" },
		{ "\xe0\x80\x80 \xf0\x80\x80\x80", "??? ????" },
		{ "\x80 \xc3\xa9", "? \xc3\xa9" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_json_ struct json_object *o = json_object_new_object();

		json_add_str(o, "k", rows[i].in);
		assert_string_equal(json_get_str(o, "k"), rows[i].out);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_accepts),
		cmocka_unit_test(test_refuses),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_message),
		cmocka_unit_test(test_getters),
		cmocka_unit_test(test_print),
		cmocka_unit_test(test_foreign_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
