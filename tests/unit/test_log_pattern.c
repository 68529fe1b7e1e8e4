/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Filter patterns: which messages fit, which patterns are none, and that neither patterns nor
 * messages of whatever kind do harm or take long.
 */
#include "daemon/services/log_pattern.h"

#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define CLOUDTRAIL                                                                                 \
	"{\"eventType\": \"UpdateTrail\", \"sourceIPAddress\": \"111.111.111.111\", "              \
	"\"arrayKey\": [\"value\", \"another value\"], \"objectList\": [{\"name\": \"a\", "        \
	"\"id\": 1}, {\"name\": \"b\", \"id\": 2}], \"SomeObject\": null, \"n\": 3.5, \"big\": "   \
	"12e2, "                                                                                   \
	"\"ok\": true, \"bad\": false, \"a.b\": \"dotted\", \"deep\": {\"er\": {\"x\": \"y\"}}}"
#define APACHE                                                                                     \
	"127.0.0.1 - frank [10/Oct/2000:13:25:15 -0700] \"GET /index.html HTTP/1.0\" 404 1534"

/* clang-format off */
static const struct {
	const char *pattern;
	const char *message;
	bool fits;
} rows[] = {
	/* terms */
	{ "", "anything", true },
	{ "  ", "anything", true },
	{ "ERROR", "[ERROR 400] BAD REQUEST", true },
	{ "ERROR", "error", false },
	{ "ERR", "[ERROR 400]", true },
	{ "ERROR ARGUMENTS", "ARGUMENTS and ERROR", true },
	{ "ERROR ARGUMENTS", "ERROR", false },
	{ "?ERROR ?WARN", "a WARN b", true },
	{ "?ERROR ?WARN", "INFO", false },
	{ "?ERROR INFO", "INFO", true }, /* optional terms say nothing beside others */
	{ "?ERROR INFO", "ERROR", false },
	{ "ERROR -EXITING", "ERROR here", true },
	{ "ERROR -EXITING", "ERROR EXITING", false },
	{ "-EXITING", "ERROR", true },
	{ "\"INTERNAL SERVER ERROR\"", "500 INTERNAL SERVER ERROR", true },
	{ "\"INTERNAL SERVER ERROR\"", "INTERNAL  SERVER ERROR", false },
	{ "-\"not this\" yes", "yes", true },
	{ "?\"a b\" ?c", "a b", true },
	{ "\"a \\\"b\\\"\"", "say a \"b\"", true },
	{ "\"[\"", "a[0]", true },
	{ "\xc3\xa9t\xc3\xa9", "un \xc3\xa9t\xc3\xa9", true },
	{ "snake_case", "in snake_case", true },
	{ "%AUTHORIZED%", "UNAUTHORIZED", true },
	{ "%4[0-9]{2}%", "status 404", true },
	{ "%4[0-9]{2}%", "status 40", false },
	{ "%^start% -%end$%", "start middle", true },
	{ "%^start% -%end$%", "start end", false },
	{ "%\\d+ms%", "12ms", true },
	{ "%a|b%", "b", true },
	{ "?%x% ?%y%", "y", true },

	/* JSON */
	{ "{ $.eventType = \"UpdateTrail\" }", CLOUDTRAIL, true },
	{ "{$.eventType=UpdateTrail}", CLOUDTRAIL, true },
	{ "{ $.eventType = \"*Trail\" }", CLOUDTRAIL, true },
	{ "{ $.eventType = \"Update*\" }", CLOUDTRAIL, true },
	{ "{ $.eventType = \"U*d*T*l\" }", CLOUDTRAIL, true },
	{ "{ $.eventType = \"*\" }", CLOUDTRAIL, true },
	{ "{ $.eventType = \"Trail\" }", CLOUDTRAIL, false },
	{ "{ $.eventType = \"UpdateTrail*x\" }", CLOUDTRAIL, false },
	{ "{ $.sourceIPAddress != 123.123.* }", CLOUDTRAIL, true },
	{ "{ $.sourceIPAddress != 111.111.* }", CLOUDTRAIL, false },
	{ "{ $.sourceIPAddress = %111\\.111\\.% }", CLOUDTRAIL, true },
	{ "{ $.sourceIPAddress != %111% }", CLOUDTRAIL, false },
	{ "{ $.arrayKey[0] = \"value\" }", CLOUDTRAIL, true },
	{ "{ $.arrayKey[1] = \"value\" }", CLOUDTRAIL, false },
	{ "{ $.arrayKey[2] = \"value\" }", CLOUDTRAIL, false },
	{ "{ $.arrayKey[*] = \"another value\" }", CLOUDTRAIL, true },
	{ "{ $.objectList[1].id = 2 }", CLOUDTRAIL, true },
	{ "{ $.objectList[*].id = 2 }", CLOUDTRAIL, true },
	{ "{ $.objectList[*].id = 3 }", CLOUDTRAIL, false },
	{ "{ $.deep.*.x = y }", CLOUDTRAIL, true },
	{ "{ $.deep.er.x = y }", CLOUDTRAIL, true },
	{ "{ $['deep'][\"er\"].x = y }", CLOUDTRAIL, true },
	{ "{ $['a.b'] = dotted }", CLOUDTRAIL, true },
	{ "{ $.a.b = dotted }", CLOUDTRAIL, false },
	{ "{ $.n > 3 }", CLOUDTRAIL, true },
	{ "{ $.n >= 3.5 && $.n <= 3.5 }", CLOUDTRAIL, true },
	{ "{ $.n < 3 }", CLOUDTRAIL, false },
	{ "{ $.n = 3.50 }", CLOUDTRAIL, true },
	{ "{ $.n != 3.5 }", CLOUDTRAIL, false },
	{ "{ $.big = 1200 }", CLOUDTRAIL, true },
	{ "{ $.big = 1.2e3 }", CLOUDTRAIL, true },
	{ "{ $.n > -1 }", CLOUDTRAIL, true },
	{ "{ $.eventType > 3 }", CLOUDTRAIL, false },
	{ "{ $.SomeObject IS NULL }", CLOUDTRAIL, true },
	{ "{ $.eventType IS NULL }", CLOUDTRAIL, false },
	{ "{ $.none IS NULL }", CLOUDTRAIL, false },
	{ "{ $.none NOT EXISTS }", CLOUDTRAIL, true },
	{ "{ $.SomeObject NOT EXISTS }", CLOUDTRAIL, false },
	{ "{ $.SomeObject EXISTS }", CLOUDTRAIL, true },
	{ "{ $.deep.none NOT EXISTS }", CLOUDTRAIL, true },
	{ "{ $.ok IS TRUE }", CLOUDTRAIL, true },
	{ "{ $.ok is false }", CLOUDTRAIL, false },
	{ "{ $.bad IS FALSE }", CLOUDTRAIL, true },
	{ "{ $.none = x }", CLOUDTRAIL, false },
	{ "{ $.none != x }", CLOUDTRAIL, false },
	{ "{ $.n = 1 || $.n = 2 || $.eventType = U* }", CLOUDTRAIL, true },
	{ "{ $.n = 3.5 || $.n = 2 && $.none = x }", CLOUDTRAIL, true }, /* && first */
	{ "{ ($.n = 3.5 || $.n = 2) && $.none = x }", CLOUDTRAIL, false },
	{ "{ ($.n > 3 && ($.eventType = \"x\" || $.ok IS TRUE)) }", CLOUDTRAIL, true },
	{ "{ $.a = 1 }", "no JSON", false },
	{ "{ $.a NOT EXISTS }", "no JSON", false },
	{ "{ $.a = 1 }", "{\"a\": 1", false },
	{ "{ $.a = 1 }", " {\"a\": 1}\n", true },
	{ "{ $[0] = 1 }", "[1]", true },
	{ "{ $.a = 1 }", "{\"a\": \"1\"}", true },
	{ "{ $.a = \"1\" }", "{\"a\": 1}", true },

	/* words */
	{ "[ip, user, username, timestamp, request, status_code, bytes]", APACHE, true },
	{ "[ip, user, username, timestamp, request, status_code]", APACHE, false },
	{ "[ip, user, username, timestamp, request, status_code, bytes, more]", APACHE, false },
	{ "[ip, user, username, timestamp, request, status_code=4*, bytes>1000]", APACHE, true },
	{ "[ip, user, username, timestamp, request, status_code=4*, bytes > 2000]", APACHE, false },
	{ "[..., status_code=404, bytes]", APACHE, true },
	{ "[ip=127.0.0.1, ...]", APACHE, true },
	{ "[ip, ..., request=\"GET *\", status, size>=1534]", APACHE, true },
	{ "[ip, ..., request=*html*, status!=4*, size]", APACHE, false },
	{ "[..., status = 404 || status = 500, size]", APACHE, true },
	{ "[..., (status > 400 && status < 405) || status = 7, size]", APACHE, true },
	{ "[ip = %^127%, ...]", APACHE, true },
	{ "[ip, user, username = frank, ...]", APACHE, true },
	{ "[ip, user, username != frank, ...]", APACHE, false },
	{ "[w1, ...]", "one", true },
	{ "[w1, w2, ...]", "one", false },
	{ "[...]", "", true },
	{ "[w1]", "\"in quotes", false }, /* not closed: two words */
};

static const char *const invalid[] = {
	"{", "}", "{}", "{ }", "{ $ = 1 }", "{ $.a }", "{ $.a = }", "{ $.a = 1", "{ $.a = 1 } x", "{ a = 1 }", "{ $.a == 1 }",
	"{ $.a > x }", "{ $.a > \"1\" }", "{ $.a IS 1 }", "{ $.a NOT NULL }", "{ $.a[ = 1 }", "{ $.a[x] = 1 }",
	"{ $.a[1234567] = 1 }", "{ $.a. = 1 }", "{ ($.a = 1 }", "{ $.a = 1) }", "{ $.a = 1 && }", "{ && $.a = 1 }",
	"{ $.a = 1 & $.b = 2 }", "{ $.a = \"x }", "{ $.a = %x }", "{ $.a = %% }", "{ $.a = %(x)% }", "{ $.a = %[% }",
	"[", "]", "[]", "[a", "[a,]", "[a, ..., b, ...]", "[a=]", "[a = 1 && b = 2]", "[a] b", "[a=1 2]",
	"a.b", "2018-05-01", "a-b", "\"open", "\"a\"b", "%open", "%(a)%", "%*%", "?", "-", "{a}", "(x)", "a*", "$.x",
	"%a% %b% %c% %d% %e% %f%",
};
/* clang-format on */

static bool
fits(const char *pattern, const char *message, size_t len)
{
	struct log_pattern *p = NULL;
	struct err e = { 0 };
	bool r;

	if (log_pattern_parse(pattern, &p, &e) < 0)
		fail_msg("%s: %s", pattern, e.text);
	r = log_pattern_match(p, message, len);
	log_pattern_free(p);
	return r;
}

static void
test_which_messages_fit(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (fits(rows[i].pattern, rows[i].message, strlen(rows[i].message)) != rows[i].fits)
			fail_msg("%s %s: %s", rows[i].pattern, rows[i].message,
			    rows[i].fits ? "should fit" : "should not fit");
}

static void
test_a_message_need_not_end_with_a_nul(void **state)
{
	(void)state;
	assert_false(fits("abc", "abc", 2));
	assert_true(fits("b", "a\0b", 3));
	assert_true(fits("%b$%", "a\0bc", 3));
	assert_false(fits("[w=12*]", "1", 1));
	assert_true(fits("[a=1, b=2]", "1 23", 3));
}

static void
test_what_is_no_pattern(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(invalid); i++) {
		struct log_pattern *p = NULL;
		struct err e = { 0 };

		if (log_pattern_parse(invalid[i], &p, &e) == 0)
			fail_msg("%s: taken for a pattern", invalid[i]);
		assert_int_equal(e.kind, ERR_INVALID_PARAMETER);
		if (strcmp(e.text, "Invalid filter pattern") != 0)
			assert_true(has_prefix(e.text, "Invalid character(s) in term '"));
		assert_null(p);
	}
}

/* Every beginning of every pattern, and each with one byte changed, on every message. */
static void
test_no_pattern_does_harm(void **state)
{
	static const char odd[] = "\"'{}[]()$.*%&|=!<>?-, \\x1\x80";
	char text[LOG_PATTERN_MAX + 2];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		size_t len = strlen(rows[i].pattern);

		for (size_t k = 0; k < len * sizeof(odd); k++) {
			struct log_pattern *p = NULL;

			(void)snprintf(text, sizeof(text), "%s", rows[i].pattern);
			text[k / sizeof(odd)] = odd[k % sizeof(odd)]; /* the NUL cuts it off */
			if (log_pattern_parse(text, &p, NULL) == 0)
				(void)log_pattern_match(
				    p, rows[i].message, strlen(rows[i].message));
			log_pattern_free(p);
		}
	}
	memset(text, '(', sizeof(text) - 1);
	memcpy(text, "{", 1);
	text[LOG_PATTERN_MAX] = '\0';
	assert_true(log_pattern_parse(text, &(struct log_pattern *){ NULL }, NULL) < 0);
	text[LOG_PATTERN_MAX] = '(';
	text[LOG_PATTERN_MAX + 1] = '\0';
	assert_true(log_pattern_parse(text, &(struct log_pattern *){ NULL }, NULL) < 0);
}

/* A megabyte that a careless matcher would go through a million times. */
static void
test_no_message_takes_long(void **state)
{
	static const char *const patterns[] = { "\"aaaaaaaaaaaaaaaab\"", "%a.*b%", "%a*a*a*a*b%",
		"[w=*a*a*a*a*b]", "{ $.*.*.*.* = 1 }", "{ $.a = \"*a*b*c\" }" };
	size_t len = 1024 * 1024;
	char *text = xcalloc(1, len + 1);
	int64_t start = monotonic_ms();

	(void)state;
	memset(text, 'a', len);
	for (size_t i = 0; i < ARRAY_SIZE(patterns); i++)
		assert_false(fits(patterns[i], text, len));
	memset(text, '[', len);
	for (size_t i = 0; i < ARRAY_SIZE(patterns); i++)
		assert_false(fits(patterns[i], text, len));
	assert_true(monotonic_ms() - start < 5000);
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_which_messages_fit),
		cmocka_unit_test(test_a_message_need_not_end_with_a_nul),
		cmocka_unit_test(test_what_is_no_pattern),
		cmocka_unit_test(test_no_pattern_does_harm),
		cmocka_unit_test(test_no_message_takes_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
