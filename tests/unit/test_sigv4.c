/* SPDX-License-Identifier: Apache-2.0 */
/* Known answers of Signature Version 4 as AWS publishes them, and what must not be believed. */
#include "daemon/services/sigv4.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#define SECRET "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
#define S3_SECRET "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
#define AUTH(service, headers, signature)                                                          \
	"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/" service                      \
	"/aws4_request, SignedHeaders=" headers ", Signature=" signature
#define VANILLA "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"
#define HOST                                                                                       \
	{                                                                                          \
		"Host", "example.amazonaws.com"                                                    \
	}
#define DATE                                                                                       \
	{                                                                                          \
		"X-Amz-Date", "20150830T123600Z"                                                   \
	}

/* clang-format off */
static const struct {
	const char *method, *path, *query, *body, *secret;
	struct sigv4_header headers[8];
	bool good;
} cases[] = {
	/* the example of the signing documentation */
	{ "GET", "/", "Action=ListUsers&Version=2010-05-08", "", SECRET,
	  { { "content-type", "application/x-www-form-urlencoded; charset=utf-8" }, { "host", "iam.amazonaws.com" },
	    { "x-amz-date", "20150830T123600Z" },
	    { "Authorization", AUTH("iam", "content-type;host;x-amz-date", "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7") } }, true },
	/* get-vanilla and its relatives: all are the same canonical request */
	{ "GET", "/", NULL, "", SECRET, { HOST, DATE, { "Authorization", AUTH("service", "host;x-amz-date", VANILLA) } }, true },
	{ "GET", "", "", "", SECRET, { HOST, DATE, { "Authorization", AUTH("service", "host;x-amz-date", VANILLA) } }, true },
	{ "GET", "/./", NULL, "", SECRET, { HOST, DATE, { "Authorization", AUTH("service", "host;x-amz-date", VANILLA) } }, true },
	{ "GET", "/example/..", NULL, "", SECRET, { HOST, DATE, { "Authorization", AUTH("service", "host;x-amz-date", VANILLA) } }, true },
	{ "GET", "//", NULL, "", SECRET, { { "HOST", "  example.amazonaws.com " }, DATE, { "Authorization", AUTH("service", "host;x-amz-date", VANILLA) } }, true },
	/* post-vanilla */
	{ "POST", "/", NULL, "", SECRET,
	  { HOST, DATE, { "Authorization", AUTH("service", "host;x-amz-date", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b") } }, true },
	/* the presigned example of S3 */
	{ "GET", "/test.txt", "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request"
	  "&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host"
	  "&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404", "", S3_SECRET,
	  { { "Host", "examplebucket.s3.amazonaws.com" } }, true },

	{ "PUT", "/", NULL, "", SECRET, { HOST, DATE, { "Authorization", AUTH("service", "host;x-amz-date", VANILLA) } }, false },
	{ "GET", "/x", NULL, "", SECRET, { HOST, DATE, { "Authorization", AUTH("service", "host;x-amz-date", VANILLA) } }, false },
	{ "GET", "/", "a", "", SECRET, { HOST, DATE, { "Authorization", AUTH("service", "host;x-amz-date", VANILLA) } }, false },
	{ "GET", "/", NULL, "x", SECRET, { HOST, DATE, { "Authorization", AUTH("service", "host;x-amz-date", VANILLA) } }, false },
	{ "GET", "/", NULL, "", "other", { HOST, DATE, { "Authorization", AUTH("service", "host;x-amz-date", VANILLA) } }, false },
	{ "GET", "/", NULL, "", SECRET, { HOST, HOST, DATE, { "Authorization", AUTH("service", "host;x-amz-date", VANILLA) } }, false },
	{ "GET", "/", NULL, "", SECRET, { HOST, DATE, { "Authorization", AUTH("service", "x-amz-date", VANILLA) } }, false },
	{ "GET", "/", NULL, "", SECRET, { HOST, DATE, { "Authorization", AUTH("service", "host;x-amz-date", "5fa0") } }, false },
};

static const struct {
	struct sigv4_header header;
	const char *query;
	int r;
} claims[] = {
	{ { "X", "" }, NULL, 0 },
	{ { "X", "" }, "a=b&X-Amz-Date=1", 0 },
	{ { "Authorization", "Basic x" }, NULL, -1 },
	{ { "Authorization", "AWS4-HMAC-SHA256 " }, NULL, -1 },
	{ { "Authorization", "AWS4-HMAC-SHA256 Credential=a/b/c/d/aws4_request" }, NULL, -1 },
	{ { "Authorization", "AWS4-HMAC-SHA256 Credential=a/b/c/d/e, SignedHeaders=host, Signature=0" }, NULL, -1 },
	{ { "Authorization", "AWS4-HMAC-SHA256 Credential=a/b/c/d/aws4_request/x, SignedHeaders=host, Signature=0" }, NULL, -1 },
	{ { "Authorization", "AWS4-HMAC-SHA256 Credential=////, SignedHeaders=, Signature=" }, NULL, -1 },
	{ { "Authorization", AUTH("s", "host", "0") }, NULL, -1 }, /* no date */
	{ { "X", "" }, "X-Amz-Credential=a/b/c/d/aws4_request&X-Amz-Signature&X-Amz-SignedHeaders=host", -1 },
	{ { "X", "" }, "X-Amz-Credential=a/b/c/d/aws4_request&X-Amz-Signature=1&X-Amz-SignedHeaders=host&X-Amz-Date=20150830T123600Z", -1 },
	{ { "X", "" }, "X-Amz-Credential=a/b/c/d/aws4_request&X-Amz-Signature=1&X-Amz-SignedHeaders=host&X-Amz-Date=20150830T123600Z&X-Amz-Expires=604801", -1 },
	{ { "X", "" }, "X-Amz-Credential=a/b/c/d/aws4_request&X-Amz-Signature=1&X-Amz-SignedHeaders=host&X-Amz-Date=20150830T123600Z&X-Amz-Expires=1", 1 },
};
/* clang-format on */

static void
test_known_answers(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_arena_ struct arena a = { 0 };
		struct sigv4_request r = {
			.method = cases[i].method,
			.path = cases[i].path,
			.query = cases[i].query,
			.headers = cases[i].headers,
			.body = cases[i].body,
			.body_len = strlen(cases[i].body),
		};
		unsigned char key[SIGV4_KEY_BYTES];
		struct sigv4_claim c;
		struct err e = { 0 };

		while (r.n_headers < 8 && cases[i].headers[r.n_headers].name != NULL)
			r.n_headers++;
		assert_int_equal(sigv4_read(&r, &a, &c, &e), 1);
		sigv4_derive(cases[i].secret, c.date, c.region, c.service, key);
		if (sigv4_verify(&r, &c, key, &a) != cases[i].good)
			fail_msg("case %zu", i);
	}
}

static void
test_derived_key(void **state)
{
	static const unsigned char want[] = { 0xc4, 0xaf, 0xb1, 0xcc, 0x57, 0x71, 0xd8, 0x71, 0x76,
		0x3a, 0x39, 0x3e, 0x44, 0xb7, 0x03, 0x57, 0x1b, 0x55, 0xcc, 0x28, 0x42, 0x4d, 0x1a,
		0x5e, 0x86, 0xda, 0x6e, 0xd3, 0xc1, 0x54, 0xa4, 0xb9 };
	unsigned char key[SIGV4_KEY_BYTES];

	(void)state;
	sigv4_derive(SECRET, "20150830", "us-east-1", "iam", key);
	assert_memory_equal(key, want, sizeof(want));
}

static void
test_claims(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(claims); i++) {
		_cleanup_arena_ struct arena a = { 0 };
		const struct sigv4_request r = {
			.method = "GET",
			.path = "/",
			.query = claims[i].query,
			.headers = &claims[i].header,
			.n_headers = 1,
			.body = "",
		};
		struct sigv4_claim c;
		struct err e = { 0 };
		int got = sigv4_read(&r, &a, &c, &e);

		if ((got < 0 ? -1 : got) != claims[i].r || (got < 0) != (e.text[0] != '\0'))
			fail_msg("claim %zu: %d %s", i, got, e.text);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known_answers),
		cmocka_unit_test(test_derived_key),
		cmocka_unit_test(test_claims),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
