/* SPDX-License-Identifier: Apache-2.0 */
/* S3's pure parts: which operation a request means, and its check sums. */
#include "daemon/services/s3_route.h"
#include "daemon/services/s3_sum.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

/* clang-format off */
static const struct {
	const char *method, *host, *path, *query;
	const char *op, *bucket, *key; /* op: an error's code where it begins with "!" */
} routes[] = {
	{ "GET", "localhost:4566", "/", NULL, "ListBuckets", "", "" },
	{ "GET", "127.0.0.1:4566", "/b1c", "location", "GetBucketLocation", "b1c", "" },
	{ "GET", "127.0.0.1:4566", "/b1c/", "versioning=", "GetBucketVersioning", "b1c", "" },
	{ "PUT", "localhost", "/b1c/k", "x-id=PutObject", "PutObject", "b1c", "k" },
	{ "GET", "localhost", "/b1c/a/b%2Fc//d", NULL, "GetObject", "b1c", "a/b/c//d" },
	{ "GET", "b1c.localhost:4566", "/a+b%20c", NULL, "GetObject", "b1c", "a+b c" },
	{ "GET", "b1c.s3.localhost:4566", "/s3/x", NULL, "GetObject", "b1c", "s3/x" },
	{ "GET", "b.1.c.s3.eu-west-1.amazonaws.com", "/k", NULL, "GetObject", "b.1.c", "k" },
	{ "GET", "b1c.s3-us-west-2.amazonaws.com", "/k", NULL, "GetObject", "b1c", "k" },
	{ "GET", "s3.us-west-2.amazonaws.com", "/b1c/k", NULL, "GetObject", "b1c", "k" },
	{ "HEAD", "[::1]:4566", "/b1c/k", NULL, "HeadObject", "b1c", "k" },
	{ "HEAD", "", "/b1c", NULL, "HeadBucket", "b1c", "" },
	{ "GET", "localhost", "/b1c", "acl", "GetBucketAcl", "b1c", "" },
	{ "PATCH", "localhost", "/b1c", NULL, "!MethodNotAllowed", "", "" },
	{ "GET", "localhost", "/b1c/%00", NULL, "!InvalidURI", "", "" },
	{ "GET", "localhost", "/b1c/%ff", NULL, "!InvalidURI", "", "" },
	{ "GET", "localhost", "/b1c/%c0%80", NULL, "!InvalidURI", "", "" },
	{ "GET", "localhost", "/bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb/k", NULL, "!InvalidBucketName", "", "" },
};

/* Of "123456789", from the catalogues of CRCs and the digests' own papers. */
static const struct {
	enum s3_sum_kind kind;
	const char *hex;
} sums[] = {
	{ S3_SUM_CRC32,     "cbf43926" },
	{ S3_SUM_CRC32C,    "e3069283" },
	{ S3_SUM_CRC64NVME, "ae8b14860a799888" },
	{ S3_SUM_SHA1,      "f7c3bc1d808e04732adf679965ccc34ca7ae3441" },
	{ S3_SUM_SHA256,    "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225" },
	{ S3_SUM_MD5,       "25f9e794323b453885f5181f1b624d0b" },
};
/* clang-format on */

static void
test_routes(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(routes); i++) {
		_cleanup_arena_ struct arena a = { 0 };
		struct s3_target t = { .method = routes[i].method,
			.host = routes[i].host,
			.path = routes[i].path,
			.query = routes[i].query };
		struct s3_route r;
		struct err e = { 0 };
		int got = s3_route(&t, &a, &r, &e);

		if (routes[i].op[0] == '!') {
			if (got == 0 || !streq(e.code, routes[i].op + 1))
				fail_msg("route %zu: %s", i, got == 0 ? r.op->name : e.code);
		} else if (got < 0 || !streq(r.op->name, routes[i].op) ||
			   !streq(r.bucket, routes[i].bucket) || !streq(r.key, routes[i].key)) {
			fail_msg("route %zu: %s %s %s", i, got < 0 ? e.code : r.op->name, r.bucket,
			    r.key);
		}
	}
}

static void
test_parameters(void **state)
{
	_cleanup_arena_ struct arena a = { 0 };
	struct s3_target t = { .method = "GET",
		.host = "",
		.path = "/b1c",
		.query = "prefix=a%2Fb+c&flag&empty=&&x==y" };
	struct s3_route r;
	struct err e = { 0 };

	(void)state;
	assert_int_equal(s3_route(&t, &a, &r, &e), 0);
	assert_string_equal(s3_parameter(&r, "prefix"), "a/b c");
	assert_string_equal(s3_parameter(&r, "flag"), "");
	assert_string_equal(s3_parameter(&r, "empty"), "");
	assert_string_equal(s3_parameter(&r, "x"), "=y");
	assert_null(s3_parameter(&r, "y"));
}

static size_t
sum_of(enum s3_sum_kind kind, const char *p, size_t n, size_t step, unsigned char *ret)
{
	struct s3_sum s;

	s3_sum_begin(&s, kind);
	for (size_t at = 0; at < n; at += step)
		s3_sum_add(&s, p + at, n - at < step ? n - at : step);
	return s3_sum_end(&s, ret);
}

static void
test_sums(void **state)
{
	unsigned char sum[S3_SUM_BYTES];
	char hex[2 * S3_SUM_BYTES + 1];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sums); i++)
		for (size_t step = 1; step < 10; step++) {
			s3_hex(sum, sum_of(sums[i].kind, "123456789", 9, step, sum), hex);
			assert_string_equal(hex, sums[i].hex);
		}
}

static void
test_sums_of_parts(void **state)
{
	static const enum s3_sum_kind kinds[] = { S3_SUM_CRC32, S3_SUM_CRC32C, S3_SUM_CRC64NVME };
	unsigned char whole[S3_SUM_BYTES], first[S3_SUM_BYTES], second[S3_SUM_BYTES];
	char text[3001];

	(void)state;
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (char)(i * i % 251);
	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++)
		for (size_t cut = 0; cut <= sizeof(text); cut += 1000) {
			size_t n = sum_of(kinds[k], text, sizeof(text), 100, whole);

			(void)sum_of(kinds[k], text, cut, 100, first);
			(void)sum_of(kinds[k], text + cut, sizeof(text) - cut, 100, second);
			s3_sum_combine(kinds[k], first, second, (int64_t)(sizeof(text) - cut));
			assert_memory_equal(first, whole, n);
		}
}

static void
test_names_of_sums(void **state)
{
	(void)state;
	for (int k = S3_SUM_CRC32; k < S3_SUM_MD5; k++) {
		enum s3_sum_kind kind = (enum s3_sum_kind)k;

		assert_int_equal(s3_sum_by_name(s3_sum_name(kind)), kind);
		assert_int_equal(s3_sum_by_header(s3_sum_header(kind)), kind);
		assert_true(s3_sum_size(kind) > 0);
	}
	assert_int_equal(s3_sum_by_name("CRC16"), S3_SUM_NONE);
	assert_int_equal(s3_sum_by_header("x-amz-checksum-crc16"), S3_SUM_NONE);
}

static void
test_base64(void **state)
{
	unsigned char bytes[S3_SUM_BYTES];
	char text[S3_SUM_TEXT];

	(void)state;
	s3_base64("\x01\x02\x03\x04", 4, text, sizeof(text));
	assert_string_equal(text, "AQIDBA==");
	assert_int_equal(s3_base64_read(text, bytes, 4), 0);
	assert_memory_equal(bytes, "\x01\x02\x03\x04", 4);
	assert_true(s3_base64_read(text, bytes, 3) < 0);
	assert_true(s3_base64_read(text, bytes, 5) < 0);
	assert_true(s3_base64_read("AQIDBA=", bytes, 4) < 0);
	assert_true(s3_base64_read("AQI DBA=", bytes, 4) < 0);
	assert_true(s3_base64_read("", bytes, 4) < 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_routes),
		cmocka_unit_test(test_parameters),
		cmocka_unit_test(test_sums),
		cmocka_unit_test(test_sums_of_parts),
		cmocka_unit_test(test_names_of_sums),
		cmocka_unit_test(test_base64),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
