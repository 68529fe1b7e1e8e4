/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the Engine's bytes to lines: text, streams with and without frames in every cut, positions
 * and their cursor, assembly of long lines and where reading goes on.
 */
#include "shim/logs_lines.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define PIECE 16384
#define LINES_MAX 64
#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define T0 INT64_C(1767323045000000000) /* 2026-01-02T03:04:05Z */
#define STAMP(fraction) "2026-01-02T03:04:05." fraction "Z "

/* A text that is written out, with its zeros. */
#define TEXT(literal) (literal), sizeof(literal) - 1

/* -- text */

static void
test_clean(void **state)
{
	/* clang-format off */
	static const struct {
		const char *in;
		size_t len;
		const char *out;
	} rows[] = {
		{ TEXT(""), "" },
		{ TEXT("plain \t\x01"), "plain \t\x01" },
		{ TEXT("a\0b"), "a\xef\xbf\xbd" "b" },
		{ TEXT("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"), "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80" },
		{ TEXT("\xff(\xc3("), "\xef\xbf\xbd(\xef\xbf\xbd(" },
		{ TEXT("\xe2\x82"), "\xef\xbf\xbd\xef\xbf\xbd" },            /* cut off */
		{ TEXT("\xc0\xaf"), "\xef\xbf\xbd\xef\xbf\xbd" },            /* overlong */
		{ TEXT("\xe0\x80\x80"), "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
		{ TEXT("\xed\xa0\x80"), "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" }, /* a surrogate */
		{ TEXT("\xf4\x90\x80\x80"), "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
		{ TEXT("\xf5"), "\xef\xbf\xbd" },
	};
	/* clang-format on */

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct logs_buffer t = { 0 };

		logs_buffer_append_clean(&t, rows[i].in, rows[i].len);
		assert_int_equal(t.len, strlen(rows[i].out));
		assert_true(t.len == 0 || memcmp(t.v, rows[i].out, t.len) == 0);
		assert_int_equal(logs_buffer_clean_bytes(t.v != NULL ? t.v : "", t.len), t.len);
		logs_buffer_done(&t);
	}
}

static void
test_split_and_json(void **state)
{
	struct logs_buffer t = { 0 };

	(void)state;
	assert_int_equal(logs_buffer_split(TEXT("abc"), 4), 3);
	assert_int_equal(logs_buffer_split(TEXT("abcde"), 4), 4);
	assert_int_equal(logs_buffer_split(TEXT("abc\xc3\xa4"), 4), 3);
	assert_int_equal(logs_buffer_split(TEXT("a\xf0\x9f\x98\x80"), 4), 1);
	logs_buffer_append_json(&t, TEXT("a\"b\\c\n\x1b/\xc3\xa4"));
	logs_buffer_append(&t, "", 1);
	assert_string_equal(t.v, "a\\\"b\\\\c\\u000a\\u001b/\xc3\xa4");
	logs_buffer_done(&t);
}

/* -- streams */

struct seen {
	char text[LINES_MAX][64]; /* the beginning of each */
	size_t len[LINES_MAX];
	enum logs_source source[LINES_MAX];
	int64_t time_ns[LINES_MAX];
	bool ends[LINES_MAX];
	struct logs_mark mark[LINES_MAX];
	size_t n;
};

static void
on_piece(const struct logs_piece *p, void *arg)
{
	struct seen *s = arg;

	assert_true(s->n < LINES_MAX);
	(void)snprintf(
	    s->text[s->n], sizeof(s->text[0]), "%.*s", (int)(p->len < 60 ? p->len : 60), p->text);
	s->len[s->n] = p->len;
	s->source[s->n] = p->source;
	s->time_ns[s->n] = p->time_ns;
	s->ends[s->n++] = p->ends;
}

static void
add_frame(
    struct logs_buffer *t, unsigned char type, const char *stamp, const char *text, size_t len)
{
	size_t n = strlen(stamp) + len;
	const char header[8] = { (char)type, 0, 0, 0, (char)(n >> 24), (char)(n >> 16),
		(char)(n >> 8), (char)n };

	logs_buffer_append(t, header, sizeof(header));
	logs_buffer_append(t, stamp, strlen(stamp));
	logs_buffer_append(t, text, len);
}

/* Feeds the bytes in parts of `step`. */
static int
feed(struct logs_stream *s, const struct logs_buffer *t, size_t step)
{
	for (size_t at = 0; at < t->len; at += step) {
		int r = logs_stream_feed(s, t->v + at, step < t->len - at ? step : t->len - at);

		if (r < 0)
			return r;
	}
	return 0;
}

static void
test_frames(void **state)
{
	static const size_t steps[] = { 1, 2, 7, 8, 9, 30, 39, 40, 41, 100, 16384, 100000 };
	char big[PIECE];
	struct logs_buffer t = { 0 };

	(void)state;
	memset(big, 'x', sizeof(big));
	add_frame(&t, 1, STAMP("000000001"), TEXT("out\n"));
	add_frame(&t, 2, STAMP("000000002"), TEXT("err\n"));
	add_frame(&t, 1, STAMP("000000003"), big, sizeof(big));
	add_frame(&t, 1, STAMP("000000003"), TEXT("rest\n"));
	add_frame(&t, 1, STAMP("999999999"), TEXT("\n"));
	add_frame(&t, 1, STAMP("000000005"), TEXT("no end"));
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		struct seen seen = { 0 };
		struct logs_stream s = { .on_piece = on_piece, .arg = &seen };

		assert_int_equal(feed(&s, &t, steps[i]), 0);
		assert_int_equal(logs_stream_end(&s), 0);
		assert_int_equal(seen.n, 6);
		assert_string_equal(seen.text[0], "out");
		assert_int_equal(seen.time_ns[0], T0 + 1);
		assert_string_equal(seen.text[1], "err");
		assert_int_equal(seen.source[1], LOGS_STDERR);
		assert_int_equal(seen.len[2], PIECE);
		assert_false(seen.ends[2]);
		assert_string_equal(seen.text[3], "rest");
		assert_true(seen.ends[3]);
		assert_int_equal(seen.len[4], 0);
		assert_int_equal(seen.time_ns[4], T0 + 999999999);
		assert_false(seen.ends[5]);
	}
	logs_buffer_done(&t);
}

static void
test_bad_frames(void **state)
{
	/* clang-format off */
	static const struct {
		const char *bytes;
		size_t len;
		int wanted;
	} rows[] = {
		{ TEXT("\x01\0\0\0\0\0\0\x03" "abc"), -EBADMSG },
		{ TEXT("\x01\0\0\x01\0\0\0\x03" "abc"), -EBADMSG },
		{ TEXT("\x01\0\0\0\xff\0\0\0"), -EBADMSG },
		{ TEXT("\x04\0\0\0\0\0\0\x20" STAMP("000000001") "a"), -EBADMSG },
		{ TEXT("\x01\0\0\0\0\0\0\x20" "2026-01-02T03:04:05.00000000xZ a"), -EBADMSG },
		{ TEXT("\x01\0\0\0\0\0\0\x20" "2026-01-02 03:04:05.000000001Z a"), -EBADMSG },
		{ TEXT("\x03\0\0\0\0\0\0\x03" "bad"), -EIO },
	};
	/* clang-format on */

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		for (size_t step = 1; step < 64; step += 31) {
			struct seen seen = { 0 };
			struct logs_stream s = { .on_piece = on_piece, .arg = &seen };
			struct logs_buffer t = { 0 };

			logs_buffer_append(&t, rows[i].bytes, rows[i].len);
			assert_int_equal(feed(&s, &t, step), rows[i].wanted);
			assert_int_equal(seen.n, 0);
			logs_stream_reset(&s);
			logs_buffer_done(&t);
		}
}

static void
test_terminal(void **state)
{
	static const size_t steps[] = { 1, 31, 32, 33, 1000, 16384, 100000 };
	char big[PIECE];
	struct logs_buffer t = { 0 };

	(void)state;
	memset(big, 'x', sizeof(big));
	logs_buffer_append(&t, TEXT(STAMP("000000001") "out\r\n"));
	logs_buffer_append(&t, TEXT(STAMP("000000002") "\n"));
	for (int i = 0; i < 2; i++) {
		logs_buffer_append(&t, TEXT(STAMP("000000003")));
		logs_buffer_append(&t, big, sizeof(big));
	}
	logs_buffer_append(&t, TEXT(STAMP("000000003") "\n"));
	logs_buffer_append(&t, TEXT(STAMP("000000004") "2026-01-02T03:04:05.000000004Z \n"));
	logs_buffer_append(&t, TEXT(STAMP("000000005") "prompt> "));
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		struct seen seen = { 0 };
		struct logs_stream s = { .tty = true, .on_piece = on_piece, .arg = &seen };

		assert_int_equal(feed(&s, &t, steps[i]), 0);
		assert_int_equal(seen.n, 6);
		assert_int_equal(logs_stream_end(&s), 0);
		assert_int_equal(seen.n, 7);
		assert_string_equal(seen.text[0], "out\r");
		assert_int_equal(seen.len[1], 0);
		assert_int_equal(seen.len[2], PIECE);
		assert_int_equal(seen.len[3], PIECE);
		assert_false(seen.ends[3]);
		assert_true(seen.len[4] == 0 && seen.ends[4]);
		assert_string_equal(seen.text[5], "2026-01-02T03:04:05.000000004Z ");
		assert_string_equal(seen.text[6], "prompt> ");
		assert_false(seen.ends[6]);
	}
	logs_buffer_done(&t);
}

/* -- positions */

static void
test_cursor(void **state)
{
	const struct logs_position p = {
		.mark = { { INT64_MAX, UINT32_MAX, UINT32_MAX }, { T0, 2, 3 } },
		.floor_ns = INT64_MAX,
	};
	/* clang-format off */
	static const char *const bad[] = {
		"", "x", ID, ID " ", ID " 1 2 3 4 5 6", ID " 1 2 3 4 5 6 7 8", ID " a 2 3 4 5 6 7",
		ID " -1 2 3 4 5 6 7", ID " 1 -2 3 4 5 6 7", "f" ID " 1 2 3 4 5 6 7",
	};
	/* clang-format on */
	struct logs_position back = { 0 };
	char text[LOGS_CURSOR_MAX];

	(void)state;
	logs_position_print(&p, ID, text);
	assert_true(logs_position_read(text, ID, &back));
	assert_memory_equal(&back, &p, sizeof(p));
	assert_false(logs_position_read(text, "0123", &back));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(logs_position_read(bad[i], ID, &back));
	assert_memory_equal(&back, &p, sizeof(p));
}

/* -- lines */

static void
on_line(const struct logs_line *l, void *arg)
{
	struct seen *s = arg;

	on_piece(&(struct logs_piece){ l->source, l->time_ns, l->text, l->len, l->ends }, arg);
	s->mark[s->n - 1] = l->mark;
}

static void
add(struct logs_lines *l, enum logs_source source, int64_t time_ns, const char *text, size_t len,
    bool ends)
{
	logs_lines_add(l, &(struct logs_piece){ source, T0 + time_ns, text, len, ends });
}

static void
test_lines(void **state)
{
	struct seen seen = { 0 };
	struct logs_lines l = { .on_line = on_line, .arg = &seen };
	const struct logs_position start = { 0 };

	(void)state;
	logs_lines_from(&l, &start);
	add(&l, LOGS_STDOUT, 1, TEXT("one"), true);
	add(&l, LOGS_STDOUT, 2, TEXT("be"), false);
	assert_int_equal(logs_lines_pending_ns(&l), T0 + 2);
	add(&l, LOGS_STDERR, 3, TEXT("between"), true);
	add(&l, LOGS_STDOUT, 2, TEXT("gin"), true);
	assert_int_equal(logs_lines_pending_ns(&l), INT64_MAX);
	add(&l, LOGS_STDOUT, 4, TEXT(""), true);
	add(&l, LOGS_STDOUT, 5, TEXT("last words"), false); /* and the container is restarted */
	add(&l, LOGS_STDOUT, 6, TEXT("bad\xff"), true);
	add(&l, LOGS_STDERR, 7, TEXT("open"), false);
	logs_lines_end(&l);
	assert_int_equal(seen.n, 7);
	assert_string_equal(seen.text[0], "one");
	assert_string_equal(seen.text[1], "between");
	assert_int_equal(seen.source[1], LOGS_STDERR);
	assert_string_equal(seen.text[2], "begin");
	assert_int_equal(seen.time_ns[2], T0 + 2);
	assert_true(seen.mark[2].time_ns == T0 + 2 && seen.mark[2].pieces == 2);
	assert_int_equal(seen.len[3], 0);
	assert_string_equal(seen.text[4], "last words");
	assert_string_equal(seen.text[5], "bad\xef\xbf\xbd");
	assert_string_equal(seen.text[6], "open");
	logs_lines_done(&l);
}

/* Three times the same time in each source, read again from every mark: what was before is not
 * given out again, what comes after is. */
static void
test_resume(void **state)
{
	struct seen first = { 0 };
	struct logs_lines l = { .on_line = on_line, .arg = &first };
	struct logs_position p = { 0 };

	(void)state;
	logs_lines_from(&l, &p);
	for (int i = 0; i < 12; i++) {
		char text[8];

		(void)snprintf(text, sizeof(text), "%d", i);
		add(&l, i % 2, 100 + i / 6, text, strlen(text), true);
	}
	assert_int_equal(first.n, 12);
	for (size_t until = 0; until <= 12; until++) {
		struct seen again = { 0 };

		memset(&p, 0, sizeof(p));
		for (size_t i = 0; i < until; i++)
			logs_mark_merge(&p.mark[first.source[i]], &first.mark[i]);
		l.arg = &again;
		logs_lines_from(&l, &p);
		for (size_t i = 0; i < 12; i++)
			add(&l, first.source[i], first.time_ns[i] - T0, first.text[i], first.len[i],
			    true);
		assert_int_equal(again.n, 12 - until);
		for (size_t i = 0; i < again.n; i++)
			assert_string_equal(again.text[i], first.text[until + i]);
		assert_false(l.gate.gap);
	}
	logs_lines_done(&l);
}

static void
test_gap(void **state)
{
	struct seen seen = { 0 };
	struct logs_lines l = { .on_line = on_line, .arg = &seen };
	struct logs_position p = {
		.mark = { { T0 + 10, 1, 0 }, { T0 + 2, 1, 0 } },
		.floor_ns = T0 + 5,
	};

	(void)state;
	logs_lines_from(&l, &p);
	add(&l, LOGS_STDERR, 20, TEXT("its mark was not asked for"), true);
	assert_false(l.gate.gap);
	add(&l, LOGS_STDOUT, 11, TEXT("its mark should have come"), true);
	assert_true(l.gate.gap);
	logs_lines_from(&l, &p);
	add(&l, LOGS_STDOUT, 10, TEXT("here it is"), true);
	add(&l, LOGS_STDOUT, 11, TEXT("and the next"), true);
	assert_false(l.gate.gap);
	assert_int_equal(seen.n, 3);
	logs_lines_done(&l);
}

/* A line of 600 KiB of three-byte characters comes in events of at most LOGS_EVENT_MAX; reading
 * goes on after each of these with the very next byte. */
static void
test_long_line(void **state)
{
	static const char euro[] = { '\xe2', '\x82', '\xac' };
	static char text[600 * 1024];
	struct seen first = { 0 };
	struct logs_lines l = { .on_line = on_line, .arg = &first };
	struct logs_position p = { 0 };
	const size_t step = PIECE - PIECE % 3;
	size_t sum = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(text); i += 3)
		memcpy(text + i, euro, sizeof(euro));
	logs_lines_from(&l, &p);
	for (size_t at = 0; at < sizeof(text); at += step)
		add(&l, LOGS_STDOUT, 9, text + at,
		    step < sizeof(text) - at ? step : sizeof(text) - at, at + step >= sizeof(text));
	assert_int_equal(first.n, 3);
	for (size_t i = 0; i < 3; i++) {
		assert_true(first.len[i] <= LOGS_EVENT_MAX && first.len[i] % 3 == 0);
		assert_int_equal(first.ends[i], i == 2);
		sum += first.len[i];
	}
	assert_int_equal(sum, sizeof(text));
	for (size_t until = 1; until <= 3; until++) {
		struct seen again = { 0 };

		p.mark[LOGS_STDOUT] = first.mark[until - 1];
		l.arg = &again;
		logs_lines_from(&l, &p);
		for (size_t at = 0; at < sizeof(text); at += step)
			add(&l, LOGS_STDOUT, 9, text + at,
			    step < sizeof(text) - at ? step : sizeof(text) - at,
			    at + step >= sizeof(text));
		assert_int_equal(again.n, 3 - until);
		for (size_t i = 0; i < again.n; i++)
			assert_int_equal(again.len[i], first.len[until + i]);
	}
	logs_lines_done(&l);
}

/* The Engine's stream ends and is opened again from where it was read. */
static void
test_again(void **state)
{
	struct seen seen = { 0 };
	struct logs_lines l = { .on_line = on_line, .arg = &seen };
	const struct logs_position start = { 0 };
	int64_t floor_ns;

	(void)state;
	logs_lines_from(&l, &start);
	add(&l, LOGS_STDOUT, 1, TEXT("a"), true);
	add(&l, LOGS_STDOUT, 2, TEXT("half "), false);
	for (int i = 0; i < 2; i++) {
		logs_lines_again(&l, &floor_ns);
		assert_true(floor_ns <= T0 + 1 && floor_ns > T0 - INT64_C(60000000000));
	}
	add(&l, LOGS_STDOUT, 1, TEXT("a"), true);
	add(&l, LOGS_STDOUT, 2, TEXT("half "), false);
	add(&l, LOGS_STDOUT, 2, TEXT("line"), true);
	assert_int_equal(seen.n, 2);
	assert_string_equal(seen.text[1], "half line");
	logs_lines_done(&l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_clean),
		cmocka_unit_test(test_split_and_json),
		cmocka_unit_test(test_frames),
		cmocka_unit_test(test_bad_frames),
		cmocka_unit_test(test_terminal),
		cmocka_unit_test(test_cursor),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_resume),
		cmocka_unit_test(test_gap),
		cmocka_unit_test(test_long_line),
		cmocka_unit_test(test_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
