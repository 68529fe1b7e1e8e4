/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cluster query language: what each expression says of one instance, where the wrong ones are
 * wrong, and that no text whatever does harm.
 */
#include "daemon/cql.h"

#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define REGISTERED_MS 1529360908500 /* 2018-06-18T22:28:28.500Z */

/* clang-format off */
static const struct {
	const char *name;
	const char *value;
} attributes[] = {
	{ "ecs.availability-zone",         "us-east-1a" },
	{ "ecs.instance-type",             "t2.medium" },
	{ "ecs.os-type",                   "linux" },
	{ "ecs.capability.docker/a_b",     "" },
	{ "stack",                         "prod" },
	{ "rack",                          "9" },
};

static const struct {
	const char *text;
	bool result;
} truths[] = {
	{ "attribute:stack == prod", true },
	{ "attribute:stack==prod", true },
	{ "attribute:stack equals prod", true },
	{ "attribute:stack EQUALS prod", true },
	{ "attribute:stack == Prod", false },
	{ "attribute:stack == \"prod\"", true },
	{ "attribute:stack == 'prod'", true },
	{ "attribute:stack != prod", false },
	{ "attribute:stack not_equals test", true },
	{ "attribute:absent == prod", false },
	{ "attribute:absent != prod", false },
	{ "attribute:absent not_in [a, b]", false },
	{ "attribute:absent !~ .*", false },
	{ "attribute:absent exists", false },
	{ "attribute:absent !exists", true },
	{ "attribute:absent ! exists", true },
	{ "attribute:absent not_exists", true },
	{ "attribute:stack exists", true },
	{ "attribute:ecs.capability.docker/a_b exists", true },
	{ "attribute:ecs.capability.docker/a_b == ''", true },
	{ "attribute:rack > 10", false },
	{ "attribute:rack < 10", true },
	{ "attribute:rack >= 9.0", true },
	{ "attribute:rack greater_than 8", true },
	{ "attribute:rack less_than_equal 8", false },
	{ "attribute:stack > prac", true },
	{ "attribute:ecs.instance-type in [t2.small, t2.medium]", true },
	{ "attribute:ecs.instance-type in ['t2.small']", false },
	{ "attribute:ecs.instance-type !in [t2.small,t2.large]", true },
	{ "attribute:ecs.instance-type not_in [t2.medium]", false },
	{ "attribute:ecs.instance-type =~ t2.*", true },
	{ "attribute:ecs.instance-type =~ t2", false },
	{ "attribute:ecs.instance-type matches t\\d\\.(micro|medium)", true },
	{ "(attribute:ecs.instance-type =~ t2.(micro|medium))", true },
	{ "attribute:ecs.instance-type =~ (?:t1|t2)[.]med{1,2}ium", true },
	{ "attribute:ecs.instance-type =~ 't2|t2.medium'", true },
	{ "attribute:ecs.instance-type =~ \\D2\\.\\w+", true },
	{ "attribute:ecs.instance-type !~ m5.*", true },
	{ "attribute:ecs.instance-type not_matches t2.*", false },
	{ "agentConnected == true", true },
	{ "agentConnected != true", false },
	{ "agentConnected in [true, false]", true },
	{ "agentVersion > 1.9.3", true },
	{ "agentVersion < 1.9.3", false },
	{ "agentVersion == 1.10.0", true },
	{ "agentVersion =~ 1\\..*", true },
	{ "ec2InstanceId in ['i-abcd1234', 'i-wxyx7890']", true },
	{ "ec2InstanceId == i-other", false },
	{ "ec2InstanceId exists", true },
	{ "runningTasksCount == 3", true },
	{ "runningTasksCount >= 10", false },
	{ "runningTasksCount < 10", true },
	{ "runningTasksCount in [1, 3]", true },
	{ "registeredAt == 2018", true },
	{ "registeredAt == 2018-06", true },
	{ "registeredAt == 2018-06-18", true },
	{ "registeredAt == 2018-06-18T22", true },
	{ "registeredAt == 2018-06-18T22:28", true },
	{ "registeredAt == 2018-06-18T22:28:28", true },
	{ "registeredAt == 2018-06-18T22:28:28Z", true },
	{ "registeredAt == 2018-06-18T22:28:28+00:00", true },
	{ "registeredAt == 2018-06-19T00:28:28+02", true },
	{ "registeredAt == 2018-06-18T20:28:28-02:00", true },
	{ "registeredAt == 2018-06-18T22:28:29", false },
	{ "registeredAt > 2018-06-18", false },
	{ "registeredAt >= 2018-06-18", true },
	{ "registeredAt <= 2018-06-18", true },
	{ "registeredAt < 2018-06-18", false },
	{ "registeredAt > 2018-05-31", true },
	{ "registeredAt > 2017", true },
	{ "registeredAt != 2018-02-28", true },
	{ "task:group == service:web", true },
	{ "task:group != service:web", false },
	{ "not(task:group == database)", true },
	{ "task:group =~ family:.*", true },
	{ "task:group in [a, b]", false },
	{ "task:group not_in [a, b]", true },
	{ "task:group exists", true },
	{ "attribute:stack == prod and attribute:rack == 9", true },
	{ "attribute:stack == prod && attribute:rack == 8", false },
	{ "attribute:stack == test or attribute:rack == 9", true },
	{ "attribute:stack == test || attribute:rack == 8", false },
	{ "attribute:stack == prod or attribute:rack == 8 and attribute:rack == 7", true },
	{ "(attribute:stack == prod or attribute:rack == 8) and attribute:rack == 7", false },
	{ "not attribute:stack == test and attribute:rack == 9", true },
	{ "!(attribute:stack == test)", true },
	{ "! not attribute:stack == prod", true },
	{ "attribute:stack =~ pr.*&&attribute:rack == 9", true },
	{ "attribute:stack =~ x||attribute:rack == 9", true },
	{ "\t attribute:stack\n== prod ", true },
	{ "((((((((attribute:stack == prod))))))))", true },
};

static const struct {
	const char *text;
	const char *message;
} wrong[] = {
	{ "", "it ends where a comparison is expected at position 1" },
	{ "   ", "it ends where a comparison is expected at position 4" },
	{ "stack == prod", "an unknown subject at position 1" },
	{ "'attribute:stack' == prod", "an unknown subject at position 1" },
	{ "attribute: == prod", "an attribute without a name at position 1" },
	{ "agentConnectedness == true", "an unknown subject at position 1" },
	{ "attribute:stack", "it ends where an operator is expected at position 16" },
	{ "attribute:stack is prod", "an unknown operator at position 17" },
	{ "attribute:stack ! prod", "an unknown operator at position 17" },
	{ "attribute:stack !equals prod", "an unknown operator at position 17" },
	{ "attribute:stack = prod", "an unexpected character at position 17" },
	{ "attribute:stack ==", "it ends where a value is expected at position 19" },
	{ "attribute:stack == (", "a sign where a value is expected at position 20" },
	{ "attribute:stack == 'prod", "a quote without its end at position 20" },
	{ "attribute:stack == prod test", "something unexpected at position 25" },
	{ "attribute:stack == prod and", "it ends where a comparison is expected at position 28" },
	{ "or attribute:stack == prod", "an unknown subject at position 1" },
	{ "(attribute:stack == prod", "a parenthesis without its end at position 1" },
	{ "(attribute:stack == prod]", "something unexpected at position 25" },
	{ "attribute:stack == prod)", "something unexpected at position 24" },
	{ "attribute:stack in prod", "no list in brackets at position 20" },
	{ "attribute:stack in []", "a sign where a value is expected at position 21" },
	{ "attribute:stack in [a b]", "a list without its end at position 23" },
	{ "attribute:stack in [a,", "it ends where a value is expected at position 23" },
	{ "attribute:stack =~ ", "a regular expression is missing at position 20" },
	{ "attribute:stack =~ a[", "a regular expression that cannot be read at position 20" },
	{ "attribute:stack =~ 'a)(b'", "a regular expression that cannot be read at position 20" },
	{ "attribute:stack =~ (a)\\1", "a regular expression that cannot be read at position 20" },
	{ "attribute:stack =~ (?i)a", "a regular expression that cannot be read at position 20" },
	{ "attribute:stack =~ a{300}", "a regular expression that cannot be read at position 20" },
	{ "attribute:stack =~ ((a{99}){99}){99}", "a regular expression that cannot be read at position 20" },
	{ "agentConnected == yes", "neither true nor false at position 19" },
	{ "agentConnected > true", "an operator that does not fit its subject at position 16" },
	{ "runningTasksCount == many", "no number at position 22" },
	{ "runningTasksCount == 12345678901", "no number at position 22" },
	{ "runningTasksCount =~ 1", "an operator that does not fit its subject at position 19" },
	{ "registeredAt > yesterday", "no date at position 16" },
	{ "registeredAt > 2018-13", "no date at position 16" },
	{ "registeredAt > 2018-02-29", "no date at position 16" },
	{ "registeredAt > 2018-06-18T24", "no date at position 16" },
	{ "registeredAt > 2018-06-18+00:00", "no date at position 16" },
	{ "registeredAt > 2018-06-18T22:28:28+2", "no date at position 16" },
	{ "task:group > a", "an operator that does not fit its subject at position 12" },
};
/* clang-format on */

static const char *
attribute(const char *name, void *cookie)
{
	(void)cookie;
	for (size_t i = 0; i < ARRAY_SIZE(attributes); i++)
		if (streq(attributes[i].name, name))
			return attributes[i].value;
	return NULL;
}

static const struct str_list *
groups(void *cookie)
{
	static const char *names[] = { "service:web", "family:once" };
	static const struct str_list list = { .set = true, .n = 2, .v = names };

	(void)cookie;
	return &list;
}

static const struct cql_instance instance = {
	.agent_connected = true,
	.agent_version = "1.10.0",
	.ec2_instance_id = "i-abcd1234",
	.registered_at_ms = REGISTERED_MS,
	.running_tasks = 3,
	.attribute = attribute,
	.groups = groups,
};

static void
test_what_expressions_say(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(truths); i++) {
		_cleanup_arena_ struct arena arena = { 0 };
		_cleanup_cql_ struct cql *q = NULL;
		struct err e = { 0 };

		if (cql_parse(truths[i].text, &arena, ERR_INVALID_PARAMETER, &q, &e) < 0)
			fail_msg("%s: %s", truths[i].text, e.text);
		if (cql_match(q, &instance) != truths[i].result)
			fail_msg("%s is not %d", truths[i].text, truths[i].result);
	}
}

static void
test_where_expressions_are_wrong(void **state)
{
	char expected[256];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		struct err e = { 0 };

		(void)snprintf(
		    expected, sizeof(expected), "Invalid Expression: %s", wrong[i].message);
		if (cql_check(wrong[i].text, ERR_CLIENT, &e) == 0)
			fail_msg("%s is taken", wrong[i].text);
		if (!streq(e.text, expected))
			fail_msg("%s: %s", wrong[i].text, e.text);
		assert_int_equal(e.kind, ERR_CLIENT);
	}
}

/* A version that is not known has no order. */
static void
test_an_instance_without_an_agent_version(void **state)
{
	_cleanup_arena_ struct arena arena = { 0 };
	_cleanup_cql_ struct cql *q = NULL;
	struct cql_instance i = instance;

	(void)state;
	i.agent_version = NULL;
	assert_int_equal(
	    cql_parse("agentVersion < 2 or agentVersion exists", &arena, ERR_CLIENT, &q, NULL), 0);
	assert_false(cql_match(q, &i));
}

static void
repeat(char *out, const char *what, size_t n, const char *end)
{
	for (size_t i = 0; i < n; i++)
		out = stpcpy(out, what);
	(void)stpcpy(out, end);
}

static void
test_limits(void **state)
{
	char text[4096];
	struct err e;

	(void)state;
	repeat(text, "(", 31, "agentConnected==true");
	repeat(text + strlen(text), ")", 31, "");
	assert_int_equal(cql_check(text, ERR_CLIENT, &e), 0);
	repeat(text, "(", 32, "agentConnected==true");
	assert_true(cql_check(text, ERR_CLIENT, &e) < 0);
	assert_string_equal(e.text, "Invalid Expression: nested too deeply at position 33");
	repeat(text, "not ", 400, "agentConnected==true");
	assert_true(cql_check(text, ERR_CLIENT, &e) < 0);
	repeat(text, "agentConnected==true or ", 80, "agentConnected==true");
	assert_int_equal(cql_check(text, ERR_CLIENT, &e), 0);
	repeat(text, "agentConnected==true or ", 100, "agentConnected==true");
	assert_true(cql_check(text, ERR_CLIENT, &e) < 0);
	assert_string_equal(e.text, "Invalid Expression: it can have at most 2000 characters");
	memcpy(text, "agentVersion=~", 14);
	repeat(text + 14, "a", 255, "");
	assert_int_equal(cql_check(text, ERR_CLIENT, &e), 0);
	repeat(text + 14, "a", 256, "");
	assert_true(cql_check(text, ERR_CLIENT, &e) < 0);
}

/* Pieces of the grammar in any order: it may be right or wrong, it must end. */
static void
test_any_text(void **state)
{
	static const char *const pieces[] = { "attribute:stack", "attribute:", " ", "==", "=~",
		"!~", "!", "(", ")", "[", "]", ",", "'", "\"", "and", " or ", "not ", " in ",
		"exists", "agentConnected", "true", "registeredAt", "2018-06-18", "T22:28", "+00",
		"runningTasksCount", "3", "task:group", "a{2,9}", "\\d", "\\", "[^", "?:", "*", "+",
		"|", "&&", "||", "=", "&", ">", "<=", "\x80\xff", "\t" };
	uint32_t seed = 1;
	char text[1024];

	(void)state;
	for (unsigned round = 0; round < 20000; round++) {
		_cleanup_arena_ struct arena arena = { 0 };
		_cleanup_cql_ struct cql *q = NULL;
		size_t len = 0;

		for (unsigned n = 1 + round % 24; n > 0; n--) {
			const char *piece;

			seed = seed * 1664525 + 1013904223;
			piece = pieces[(seed >> 16) % ARRAY_SIZE(pieces)];
			memcpy(text + len, piece, strlen(piece) + 1);
			len += strlen(piece);
		}
		if (cql_parse(text, &arena, ERR_CLIENT, &q, NULL) == 0)
			(void)cql_match(q, &instance);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_expressions_say),
		cmocka_unit_test(test_where_expressions_are_wrong),
		cmocka_unit_test(test_an_instance_without_an_agent_version),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_any_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
