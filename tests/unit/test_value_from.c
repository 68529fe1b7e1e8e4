/* SPDX-License-Identifier: Apache-2.0 */
/* References to secrets, parameters and objects in each form, and what is read from the texts
 * there. */
#include "shim/value_from.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define ALL_MAX 256
#define SM "arn:aws:secretsmanager:eu-west-1:000000000000:secret:db-AbCdEf"
#define SSM "arn:aws:ssm:us-west-2:000000000000:parameter/a/b"

static void
references(void **state)
{
	/* clang-format off */
	static const struct {
		const char *text;
		enum value_source source;
		const char *region, *id, *key, *stage, *version;
	} rows[] = {
		{ "name",                    VALUE_PARAMETER, NULL,        "name",   NULL, NULL, NULL },
		{ "/a/b:3",                  VALUE_PARAMETER, NULL,        "/a/b:3", NULL, NULL, NULL },
		{ SSM,                       VALUE_PARAMETER, "us-west-2", SSM,      NULL, NULL, NULL },
		{ SSM ":label",              VALUE_PARAMETER, "us-west-2", SSM ":label", NULL, NULL, NULL },
		{ SM,                        VALUE_SECRET,    "eu-west-1", SM,       NULL, NULL, NULL },
		{ SM ":key::",               VALUE_SECRET,    "eu-west-1", SM,       "key", NULL, NULL },
		{ SM "::AWSPREVIOUS:",       VALUE_SECRET,    "eu-west-1", SM,       NULL, "AWSPREVIOUS", NULL },
		{ SM ":::v-1",               VALUE_SECRET,    "eu-west-1", SM,       NULL, NULL, "v-1" },
		{ SM ":k:s:v",               VALUE_SECRET,    "eu-west-1", SM,       "k",  "s",  "v" },
		{ SM ":::",                  VALUE_SECRET,    "eu-west-1", SM,       NULL, NULL, NULL },
	};
	/* clang-format on */
	static const char *const bad[] = { SM ":k", SM ":k:", SM ":k:s:v:w",
		"arn:aws:secretsmanager:eu-west-1:000000000000:secret" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_arena_ struct arena a = { 0 };
		struct value_ref r;

		assert_int_equal(value_from_secret(rows[i].text, &a, &r, NULL), 0);
		assert_int_equal(r.source, rows[i].source);
		assert_true(streq(r.region, rows[i].region));
		assert_string_equal(r.id, rows[i].id);
		assert_true(streq(r.json_key, rows[i].key));
		assert_true(streq(r.stage, rows[i].stage));
		assert_true(streq(r.version, rows[i].version));
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		_cleanup_arena_ struct arena a = { 0 };
		struct value_ref r;
		struct err e = { 0 };

		assert_true(value_from_secret(bad[i], &a, &r, &e) < 0);
		assert_true(has_prefix(e.text, "unexpected ARN format with parameters"));
	}
}

static void
registries_and_files(void **state)
{
	_cleanup_arena_ struct arena a = { 0 };
	struct value_ref r;
	struct err e = { 0 };

	(void)state;
	value_from_registry("hub", &a, &r);
	assert_int_equal(r.source, VALUE_SECRET);
	assert_string_equal(r.id, "hub");
	assert_null(r.region);
	value_from_registry(SM, &a, &r);
	assert_string_equal(r.id, SM);
	assert_string_equal(r.region, "eu-west-1");
	assert_int_equal(value_from_file("arn:aws:s3:::b/d/x y.env", &r, &e), 0);
	assert_string_equal(r.id, "b/d/x y.env");
	assert_true(value_from_file("arn:aws:s3:::b", &r, &e) < 0);
	assert_true(value_from_file("arn:aws:s3:::b/", &r, &e) < 0);
	assert_true(value_from_file("arn:aws:s3:::/k.env", &r, &e) < 0);
	assert_true(value_from_file("s3://b/k.env", &r, &e) < 0);
}

static void
keys(void **state)
{
	static const char secret[] =
	    "{\"s\":\"x=\\\"y\\\"\",\"port\":5432,\"big\":1234567,\"f\":0.25,\"t\":true,\"n\":null,"
	    "\"z\":0,\"neg\":-1.5e-7,\"edge\":999999,\"o\":{\"b\":[1,\"a\",{}],\"a\":null},"
	    "\"e\":\"\",\"third\":0.1}";
	static const struct {
		const char *key, *value;
	} rows[] = { { "s", "x=\"y\"" }, { "port", "5432" }, { "big", "1.234567e+06" },
		{ "f", "0.25" }, { "t", "true" }, { "n", "<nil>" }, { "z", "0" },
		{ "neg", "-1.5e-07" }, { "edge", "999999" }, { "o", "map[a:<nil> b:[1 a map[]]]" },
		{ "e", "" }, { "third", "0.1" } };
	struct err e = { 0 };
	char *v = NULL;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(value_of_key(secret, rows[i].key, &v, &e), 0);
		assert_string_equal(v, rows[i].value);
		free(TAKE(v));
	}
	assert_true(value_of_key(secret, "absent", &v, &e) < 0);
	assert_string_equal(
	    e.text, "retrieved secret from Secrets Manager did not contain json key absent");
	for (size_t i = 0; i < 4; i++) {
		static const char *const none[] = { "topsecret", "[1]", "", "{\"a\":1} x" };

		assert_true(value_of_key(none[i], "a", &v, &e) < 0);
		assert_null(strstr(e.text, "topsecret"));
		assert_null(v);
	}
}

static void
registry_secrets(void **state)
{
	static const char *const bad[] = { "", "x", "{}", "{\"username\":\"u\"}",
		"{\"username\":\"u\",\"password\":\"\"}", "{\"username\":1,\"password\":\"p\"}" };
	char *auth = NULL;
	struct err e = { 0 };

	(void)state;
	assert_int_equal(
	    value_registry_auth("{\"username\":\"u\",\"password\":\"p?>~\"}", &auth, &e), 0);
	assert_string_equal(auth, "eyJ1c2VybmFtZSI6InUiLCJwYXNzd29yZCI6InA_Pn4ifQ==");
	free(TAKE(auth));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_true(value_registry_auth(bad[i], &auth, &e) < 0);
		assert_true(has_prefix(e.text, "asm fetching "));
	}
}

static void
each(const char *name, const char *value, void *arg)
{
	char *all = arg;
	size_t len = strlen(all);

	(void)snprintf(all + len, ALL_MAX - len, "%s=%s|", name, value);
}

static void
lines(void **state)
{
	char text[] =
	    "# c=d\nA=1\n\n  B = 2 \nno delimiter\n=x\nC=\"q\" # no comment\nE=\nF=a=b\r\n"
	    " #G=1\nA=2\nexport H=1\nlast=\xff";
	char all[ALL_MAX] = "";

	(void)state;
	value_env_lines(text, each, all);
	assert_string_equal(
	    all, "A=1|  B = 2 |C=\"q\" # no comment|E=|F=a=b| #G=1|A=2|export H=1|last=\xff|");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(references),
		cmocka_unit_test(registries_and_files),
		cmocka_unit_test(keys),
		cmocka_unit_test(registry_secrets),
		cmocka_unit_test(lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
