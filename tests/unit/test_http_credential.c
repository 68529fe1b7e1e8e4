/* SPDX-License-Identifier: Apache-2.0 */
/* Credential scopes as SDKs send them, and as nobody should. */
#include "daemon/http/credential.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#define K128                                                                                       \
	"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"                         \
	"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

/* clang-format off */
static const struct {
	const char *header;
	const char *access_key;
	const char *region;
	const char *service;
} cases[] = {
	{ "AWS4-HMAC-SHA256 Credential=AKIAX/20260101/eu-central-1/ecs/aws4_request, SignedHeaders=host, Signature=0", "AKIAX", "eu-central-1", "ecs" },
	{ "AWS4-HMAC-SHA256 SignedHeaders=host,Credential=AKIAX/20260101/eu-central-1/ecs/aws4_request,Signature=0", "AKIAX", "eu-central-1", "ecs" },
	{ "AWS4-HMAC-SHA256 Credential=AKIAX/20260101/eu-central-1/ecs/aws4_request", "AKIAX", "eu-central-1", "ecs" },
	{ "AWS4-HMAC-SHA256 Credential=" K128 "/d/r/s/aws4_request", K128, "r", "s" },
	{ "AWS4-HMAC-SHA256 Credential=" K128 "A/d/r/s/aws4_request", "", "r", "s" },
	{ "AWS4-HMAC-SHA256 Credential=AKIAX/20260101/US-EAST-1/ecs/aws4_request", "AKIAX", "", "ecs" },
	{ "AWS4-HMAC-SHA256 Credential=AKIAX/20260101/us east/ecs/aws4_request", "", "", "" },
	{ "AWS4-HMAC-SHA256 Credential=AK\"X/20260101/<b>/';--/aws4_request", "AK\"X", "", "" },
	{ "AWS4-HMAC-SHA256 Credential=AK\xc3\xa4/20260101/r/s/aws4_request", "", "r", "s" },
	{ "AWS4-HMAC-SHA256 Credential=AK\001/20260101/r/s/aws4_request", "", "r", "s" },
	{ "AWS4-HMAC-SHA256 Credential=a/b/20260101/r/s/aws4_request", "", "", "" },
	{ "AWS4-HMAC-SHA256 Credential=AKIAX/20260101/r/s/aws5_request", "", "", "" },
	{ "AWS4-HMAC-SHA256 Credential=AKIAX/20260101/r/s/", "", "", "" },
	{ "AWS4-HMAC-SHA256 Credential=AKIAX/20260101", "", "", "" },
	{ "AWS4-HMAC-SHA256 Credential=", "", "", "" },
	{ "AWS4-HMAC-SHA256 Credential=////", "", "", "" },
	{ "AWS4-HMAC-SHA256 Credential=////aws4_request", "", "", "" },
	{ "AWS4-HMAC-SHA256", "", "", "" },
	{ "AWS4-HMAC-SHA256 ,,,   ,", "", "", "" },
	{ "Basic dXNlcjpwYXNz", "", "", "" },
	{ "Bearer Credential=AKIAX/20260101/r/s/aws4_request", "", "", "" },
	{ "", "", "", "" },
	{ NULL, "", "", "" },
};
/* clang-format on */

static void
test_headers(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct credential c;

		memset(&c, 'x', sizeof(c));
		credential_parse_header(cases[i].header, &c);
		assert_string_equal(c.access_key, cases[i].access_key);
		assert_string_equal(c.region, cases[i].region);
		assert_string_equal(c.service, cases[i].service);
	}
}

static void
test_every_prefix_of_a_scope(void **state)
{
	static const char scope[] = "AKIAX/20260101/eu-central-1/ecs/aws4_request";

	(void)state;
	for (size_t n = 0; n < sizeof(scope); n++) {
		char *copy = xmemdup(scope, n == 0 ? 1 : n);
		struct credential c;

		credential_parse_scope(copy, n, &c);
		assert_string_equal(c.access_key, n == sizeof(scope) - 1 ? "AKIAX" : "");
		free(copy);
	}
}

static void
test_account_and_region(void **state)
{
	struct credential c = { .access_key = "123456789012" };

	(void)state;
	assert_string_equal(credential_account(&c, "000000000000"), "123456789012");
	assert_string_equal(credential_region(&c), "us-east-1");
	strcpy(c.access_key, "12345678901a");
	assert_string_equal(credential_account(&c, "000000000000"), "000000000000");
	strcpy(c.access_key, "1234567890123");
	assert_string_equal(credential_account(&c, "000000000000"), "000000000000");
	c.access_key[0] = '\0';
	strcpy(c.region, "eu-west-3");
	assert_string_equal(credential_account(&c, "000000000000"), "000000000000");
	assert_string_equal(credential_region(&c), "eu-west-3");
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_headers),
		cmocka_unit_test(test_every_prefix_of_a_scope),
		cmocka_unit_test(test_account_and_region),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
