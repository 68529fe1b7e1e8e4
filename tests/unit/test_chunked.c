/* SPDX-License-Identifier: Apache-2.0 */
/* Chunks, cut anywhere: what is inside, what stands beside it, and what is no chunk at all. */
#include "common/chunked.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#define TRAILERS_SIZE 128

/* Reads `text` in pieces of `step` bytes into data and trailers; the state of the end, or -EPROTO.
 */
static int
read_all(const char *text, size_t len, size_t step, char *data, char *trailers)
{
	struct chunked c = { 0 };
	size_t at = 0, n_trailers = 0;

	*data = *trailers = '\0';
	while (at < len && c.state != CHUNKED_OVER) {
		size_t n = len - at < step ? len - at : step;
		/* exactly as long as it says, so that a sanitizer sees a read past the end */
		char *piece = xmemdup(text + at, n);
		size_t taken = 0;

		while (taken < n && c.state != CHUNKED_OVER) {
			struct chunk k;
			ssize_t r = chunked_next(&c, piece + taken, n - taken, &k);

			if (r < 0) {
				free(piece);
				return (int)r;
			}
			if (k.piece == CHUNK_DATA)
				strncat(data, k.bytes, k.len);
			if (k.piece == CHUNK_TRAILER || (k.piece == CHUNK_SIZE && *k.text)) {
				n_trailers += (size_t)snprintf(trailers + n_trailers,
				    TRAILERS_SIZE - n_trailers, "%s|", k.text);
			}
			taken += (size_t)r;
		}
		at += taken;
		free(piece);
	}
	return c.state == CHUNKED_OVER ? (int)at : 0;
}

static void
test_whole_at_every_cut(void **state)
{
	static const char text[] = "5;chunk-signature=ab\r\nhello\r\n0B\r\n, beautiful\r\n0\r\n"
				   "x-amz-checksum-crc32:AAAAAA==\r\nx: y\r\n\r\nGET /";
	char data[64], trailers[TRAILERS_SIZE];

	(void)state;
	for (size_t step = 1; step < sizeof(text); step++) {
		int r = read_all(text, sizeof(text) - 1, step, data, trailers);

		assert_int_equal(r, sizeof(text) - 1 - strlen("GET /"));
		assert_string_equal(data, "hello, beautiful");
		assert_string_equal(
		    trailers, ";chunk-signature=ab|x-amz-checksum-crc32:AAAAAA==|x: y|");
	}
}

static void
test_what_is_none(void **state)
{
	static const char *const texts[] = { "\r\n", "x\r\n", "5\nhello", "-1\r\n", "0x5\r\nhello",
		"5 \r\nhello\r\n", "1000000000000000\r\n", "5\r\nhelloX\r\n", "5\r\nhello\n",
		"2\r\nabc\r\n", "0\r\nx\ny\r\n" };
	char data[64], trailers[TRAILERS_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		for (size_t step = 1; step < 8; step++)
			if (read_all(texts[i], strlen(texts[i]), step, data, trailers) != -EPROTO)
				fail_msg("%s at %zu", texts[i], step);
}

static void
test_caps(void **state)
{
	_cleanup_free_ char *line = xcalloc(1, 2 * CHUNKED_LINE_MAX);
	struct chunked c = { 0 };
	struct chunk k;
	ssize_t r = 0;

	(void)state;
	memset(line, 'a', 2 * CHUNKED_LINE_MAX);
	assert_int_equal(chunked_next(&c, line, 2 * CHUNKED_LINE_MAX, &k), -EPROTO);
	c = (struct chunked){ 0 };
	assert_int_equal(chunked_next(&c, "0\r\n", 3, &k), 3);
	for (int i = 0; i <= CHUNKED_TRAILERS_MAX && r >= 0; i++)
		r = chunked_next(&c, "a: b\r\n", 6, &k);
	assert_int_equal(r, -EPROTO);
}

static void
test_a_part_is_not_the_end(void **state)
{
	char data[64], trailers[TRAILERS_SIZE];

	(void)state;
	assert_int_equal(read_all("5\r\nhel", 6, 6, data, trailers), 0);
	assert_int_equal(read_all("5\r\nhello\r\n0\r\n", 13, 3, data, trailers), 0);
	assert_string_equal(data, "hello");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole_at_every_cut),
		cmocka_unit_test(test_what_is_none),
		cmocka_unit_test(test_caps),
		cmocka_unit_test(test_a_part_is_not_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
