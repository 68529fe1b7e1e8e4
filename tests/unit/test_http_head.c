/* SPDX-License-Identifier: Apache-2.0 */
/* Heads before evhttp sees them, and where bodies end. */
#include "daemon/http/framing.h"
#include "daemon/http/head.h"

#include <errno.h>
#include <event2/buffer.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#define HOST "Host: x\r\n"

static struct head *
read_text(const char *text, bool answer)
{
	struct evbuffer *in = evbuffer_new();
	size_t scanned = 0, len;
	struct head *h = NULL;

	/* byte by byte: the end is seen exactly when it is there */
	for (size_t i = 0; text[i] != '\0'; i++) {
		evbuffer_add(in, text + i, 1);
		len = head_length(in, &scanned);
		assert_int_equal(len, text[i + 1] == '\0' ? i + 1 : 0);
		if (len > 0)
			h = answer ? head_read_answer(in, len) : head_read_request(in, len);
	}
	evbuffer_free(in);
	return h;
}

static void
test_request(void **state)
{
	struct head *h = read_text("PUT /a%20b?x=1&y#z HTTP/1.1\r\n" HOST
				   "Empty:\r\nX-Blank: \t two  words \t\r\nx-blank: again\r\n\r\n",
	    false);

	(void)state;
	assert_non_null(h);
	assert_string_equal(h->method, "PUT");
	assert_string_equal(h->path, "/a%20b");
	assert_string_equal(h->query, "x=1&y");
	assert_int_equal(h->minor, 1);
	assert_int_equal(h->n_headers, 4);
	assert_string_equal(head_find(h, "EMPTY"), "");
	assert_string_equal(head_find(h, "x-blank"), "two  words");
	assert_null(head_find(h, "x"));
	assert_true(head_keeps_alive(h));
	head_free(h);
}

static void
test_what_is_left_to_evhttp(void **state)
{
	static const char *const texts[] = { "GET\r\n\r\n", "GET / HTTP/1.1 x\r\n\r\n",
		"GET / HTTP/2.0\r\n\r\n", "GET http://x/ HTTP/1.1\r\n\r\n",
		"OPTIONS * HTTP/1.1\r\n\r\n", "G(T / HTTP/1.1\r\n\r\n",
		"GET / HTTP/1.1\r\nno colon\r\n\r\n", "GET / HTTP/1.1\r\nbad name: x\r\n\r\n",
		"GET / HTTP/1.1\r\n: x\r\n\r\n", "GET / HTTP/1.1\r\nA: b\r\n folded\r\n\r\n",
		"GET / HTTP/1.1\r\nA: b\nB: c\r\n\r\n", "GET / HTTP/1.1\r\nA: b\rc\r\n\r\n" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct head *h = read_text(texts[i], false);

		if (h != NULL)
			fail_msg("%s", texts[i]);
	}
}

static void
test_too_many_headers(void **state)
{
	struct evbuffer *in = evbuffer_new();
	size_t scanned = 0;

	(void)state;
	evbuffer_add_printf(in, "GET / HTTP/1.1\r\n");
	for (int i = 0; i <= SIGV4_HEADERS_MAX; i++)
		evbuffer_add_printf(in, "h%d: x\r\n", i);
	evbuffer_add_printf(in, "\r\n");
	assert_null(head_read_request(in, head_length(in, &scanned)));
	evbuffer_free(in);
}

static void
test_answer(void **state)
{
	struct head *h =
	    read_text("HTTP/1.1 206 Partial Content\r\nConnection: close\r\n\r\n", true);

	(void)state;
	assert_non_null(h);
	assert_int_equal(h->status, 206);
	assert_false(head_keeps_alive(h));
	head_free(h);
	assert_null(read_text("HTTP/1.1 20 OK\r\n\r\n", true));
	assert_null(read_text("HTTP/1.1 2000\r\n\r\n", true));
	assert_null(read_text("HTP/1.1 200 OK\r\n\r\n", true));
}

static void
test_keep_alive(void **state)
{
	static const struct {
		const char *text;
		bool keeps;
	} heads[] = {
		{ "GET / HTTP/1.1\r\n\r\n", true },
		{ "GET / HTTP/1.0\r\n\r\n", false },
		{ "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", true },
		{ "GET / HTTP/1.1\r\nConnection: x, Close\r\n\r\n", false },
		{ "GET / HTTP/1.1\r\nConnection: closed\r\n\r\n", true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(heads); i++) {
		struct head *h = read_text(heads[i].text, false);

		if (head_keeps_alive(h) != heads[i].keeps)
			fail_msg("%s", heads[i].text);
		head_free(h);
	}
}

/* What a framing takes and passes of `body`, fed in pieces of `step`. */
static void
check_body(const char *headers, const char *body, const char *inside, const char *raw, size_t step)
{
	_cleanup_free_ char *text = xasprintf("POST / HTTP/1.1\r\n%s\r\n", headers);
	struct evbuffer *in = evbuffer_new(), *in2 = evbuffer_new(), *out = evbuffer_new();
	struct head *h = read_text(text, false);
	struct framing taken, passed;
	char got[256] = "";
	size_t n = 0;

	assert_int_equal(framing_of_request(h, &taken), 0);
	assert_int_equal(framing_of_request(h, &passed), 0);
	for (size_t at = 0; at < strlen(body); at += step) {
		size_t some = strlen(body) - at < step ? strlen(body) - at : step;
		ssize_t r;

		evbuffer_add(in, body + at, some);
		evbuffer_add(in2, body + at, some);
		r = framing_take(&taken, in, got + n, 3);
		while (r > 0) {
			n += (size_t)r;
			r = framing_take(&taken, in, got + n, 3);
		}
		assert_int_equal(r, 0);
		assert_int_equal(framing_pass(&passed, in2, out, 1000), 0);
	}
	assert_true(taken.over && passed.over);
	assert_string_equal(got, inside);
	assert_int_equal(evbuffer_get_length(out), strlen(raw));
	assert_memory_equal(evbuffer_pullup(out, -1), raw, strlen(raw));
	assert_int_equal(evbuffer_get_length(in), strlen(body) - strlen(raw));
	head_free(h);
	evbuffer_free(in);
	evbuffer_free(in2);
	evbuffer_free(out);
}

static void
test_bodies(void **state)
{
	static const char chunked[] = "5\r\nhello\r\n1;x=y\r\n!\r\n0\r\nt: x\r\n\r\n";

	(void)state;
	for (size_t step = 1; step < 12; step++) {
		check_body("Content-Length: 5\r\n", "helloGET /", "hello", "hello", step);
		check_body(
		    "Content-Length: 5\r\nContent-Length: 5\r\n", "hello", "hello", "hello", step);
		check_body("Transfer-Encoding: Chunked\r\n",
		    "5\r\nhello\r\n1;x=y\r\n!\r\n0\r\nt: x\r\n\r\nGET /", "hello!", chunked, step);
	}
}

static void
test_lengths_that_are_refused(void **state)
{
	static const char *const headers[] = { "Content-Length: x\r\n", "Content-Length: -1\r\n",
		"Content-Length: \r\n", "Content-Length: 1\r\nContent-Length: 2\r\n",
		"Content-Length: 9999999999999999999\r\n", "Transfer-Encoding: gzip\r\n",
		"Transfer-Encoding: chunked\r\nContent-Length: 1\r\n",
		"Transfer-Encoding: gzip, chunked\r\n" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(headers); i++) {
		_cleanup_free_ char *text = xasprintf("POST / HTTP/1.1\r\n%s\r\n", headers[i]);
		struct head *h = read_text(text, false);
		struct framing f;

		if (framing_of_request(h, &f) != -EPROTO)
			fail_msg("%s", headers[i]);
		head_free(h);
	}
}

static void
test_bodies_of_answers(void **state)
{
	struct head *h = read_text("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", true);
	struct framing f;

	(void)state;
	assert_int_equal(framing_of_answer(h, true, &f), 0);
	assert_true(f.over); /* of HEAD */
	assert_int_equal(framing_of_answer(h, false, &f), 0);
	assert_true(!f.over && !f.until_eof && f.left == 5);
	head_free(h);
	h = read_text("HTTP/1.1 200 OK\r\n\r\n", true);
	assert_int_equal(framing_of_answer(h, false, &f), 0);
	assert_true(!f.over && f.until_eof);
	head_free(h);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_request),
		cmocka_unit_test(test_what_is_left_to_evhttp),
		cmocka_unit_test(test_too_many_headers),
		cmocka_unit_test(test_answer),
		cmocka_unit_test(test_keep_alive),
		cmocka_unit_test(test_bodies),
		cmocka_unit_test(test_lengths_that_are_refused),
		cmocka_unit_test(test_bodies_of_answers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
