/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fast way to read a batch of PutLogEvents against the ordinary one: what it takes, it takes as
 * the JSON parser does, and it takes nothing that the parser does not.
 */
#include "common/json.h"
#include "daemon/services/logs.h"

#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define EVENT "{\"timestamp\":1700000000000,\"message\":\"m\"}"
#define HEAD "{\"logGroupName\":\"g\",\"logStreamName\":\"s\",\"logEvents\":["

/* clang-format off */
static const char *const taken[] = {
	HEAD EVENT "]}",
	HEAD EVENT "," EVENT "]}",
	"\n{ \"logEvents\" :\t[ { \"message\" : \"m\" , \"timestamp\" : 0 } ] , \"logStreamName\":\"s\", \"logGroupName\":\"g\" }\r\n",
	"{\"sequenceToken\":\"x\",\"logGroupName\":\"g\\u0041\",\"logStreamName\":\"a\\/b\",\"logEvents\":[" EVENT "]}",
	HEAD "{\"timestamp\":1,\"message\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t \\u00e9\\u20ac\\ud83d\\ude00 \xc3\xa9 \xf0\x9f\x98\x80 end\"}]}",
	HEAD "{\"timestamp\":1,\"message\":\"long enough for eight at a time, \xc3\xa9 and again \\n long enough for it\"}]}",
};

/* Left to the ordinary way: wrong, or of an unusual form. */
static const char *const left[] = {
	"", "{}", "[]", "null", HEAD "]}", HEAD EVENT "]", HEAD EVENT "]}x", HEAD EVENT ",]}", HEAD "null]}",
	HEAD "{\"timestamp\":1}]}", HEAD "{\"message\":\"m\"}]}", HEAD "{\"timestamp\":1,\"message\":\"\"}]}",
	HEAD "{\"timestamp\":-1,\"message\":\"m\"}]}", HEAD "{\"timestamp\":1.5,\"message\":\"m\"}]}",
	HEAD "{\"timestamp\":01,\"message\":\"m\"}]}", HEAD "{\"timestamp\":1e3,\"message\":\"m\"}]}",
	HEAD "{\"timestamp\":123456789012345678,\"message\":\"m\"}]}", HEAD "{\"timestamp\":\"1\",\"message\":\"m\"}]}",
	HEAD "{\"timestamp\":1,\"message\":\"\\ud83d\"}]}", HEAD "{\"timestamp\":1,\"message\":\"\\ude00\"}]}",
	HEAD "{\"timestamp\":1,\"message\":\"\\x\"}]}", HEAD "{\"timestamp\":1,\"message\":\"\xff\"}]}",
	HEAD "{\"timestamp\":1,\"message\":\"\n\"}]}", HEAD "{\"timestamp\":1,\"message\":\"m\",\"more\":1}]}",
	HEAD EVENT "],\"logGroupName\":\"h\"}", HEAD EVENT "],\"entity\":{}}", "{\"logGroupName\":\"g\",\"logEvents\":[" EVENT "]}",
	"{\"logGroupName\":\"\",\"logStreamName\":\"s\",\"logEvents\":[" EVENT "]}",
};
/* clang-format on */

static bool
read_batch(const char *body, size_t len, struct logs_in *ret, struct arena *a)
{
	struct call c = { .args = ret };
	char *exact =
	    xmemdup(body, len > 0 ? len : 1); /* where a sanitizer sees what is read behind it */
	bool r = logs_batch_read(&c, exact, len);

	if (r) { /* what is borrowed of the body outlives it here */
		struct store_log_line *lines = arena_alloc(a, ret->n_lines * sizeof(*lines));

		for (size_t i = 0; i < ret->n_lines; i++) {
			lines[i] = ret->lines[i];
			lines[i].text =
			    arena_printf(a, "%.*s", (int)ret->lines[i].len, ret->lines[i].text);
		}
		ret->lines = lines;
		ret->group = arena_strdup(a, ret->group);
		ret->stream = arena_strdup(a, ret->stream);
	}
	free(exact);
	arena_done(&c.arena);
	return r;
}

/* Holds what was read against the parser's tree. */
static void
compare(const char *body, size_t len, const struct logs_in *in)
{
	_cleanup_json_ struct json_object *o = NULL;
	struct json_object *events;

	if (json_parse(body, len, &o, NULL) < 0)
		fail_msg("taken, and no JSON: %.*s", (int)len, body);
	assert_string_equal(in->group, json_get_str(o, "logGroupName"));
	assert_string_equal(in->stream, json_get_str(o, "logStreamName"));
	events = json_get(o, "logEvents");
	assert_int_equal(in->n_lines, json_object_array_length(events));
	for (size_t i = 0; i < in->n_lines; i++) {
		struct json_object *ev = json_object_array_get_idx(events, i);

		assert_int_equal(in->lines[i].at_ms, json_get_int(ev, "timestamp", -1));
		assert_string_equal(in->lines[i].text, json_get_str(ev, "message"));
		assert_int_equal(in->lines[i].len, strlen(json_get_str(ev, "message")));
	}
}

static void
test_what_is_taken(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(taken); i++) {
		_cleanup_arena_ struct arena a = { 0 };
		struct logs_in in = { 0 };

		if (!read_batch(taken[i], strlen(taken[i]), &in, &a))
			fail_msg("not taken: %s", taken[i]);
		compare(taken[i], strlen(taken[i]), &in);
	}
}

static void
test_what_is_left(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(left); i++) {
		_cleanup_arena_ struct arena a = { 0 };
		struct logs_in in = { 0 };

		if (read_batch(left[i], strlen(left[i]), &in, &a))
			fail_msg("taken: %s", left[i]);
	}
}

/* Every beginning, and every byte replaced by an odd one. */
static void
test_whatever_comes(void **state)
{
	static const char odd[] = "\"\\{}[],:u0d9 \n\x01\x80\xc3\xf0x";

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(taken); i++)
		for (size_t k = 0, len = strlen(taken[i]); k < len * sizeof(odd); k++) {
			_cleanup_arena_ struct arena a = { 0 };
			_cleanup_free_ char *text = xstrdup(taken[i]);
			struct logs_in in = { 0 };

			text[k / sizeof(odd)] = odd[k % sizeof(odd)]; /* the NUL among them */
			if (read_batch(text, len, &in, &a) && strstr(text, "\\u0000") == NULL)
				compare(text, len, &in);
			in = (struct logs_in){ 0 };
			assert_false(read_batch(taken[i], k / sizeof(odd), &in, &a) &&
				     taken[i][k / sizeof(odd)] != '\r' &&
				     taken[i][k / sizeof(odd)] != '\n');
		}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_taken),
		cmocka_unit_test(test_what_is_left),
		cmocka_unit_test(test_whatever_comes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
