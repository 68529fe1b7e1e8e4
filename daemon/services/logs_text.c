/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A buffer for JSON, and numbers of 56 digits (see logs_text.h).
 */
#include "daemon/services/logs_text.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* 3 as in AWS's ids of these years, 13 digits of milliseconds, 20 and 22 of the rest. */
#define NUMBER_FORMAT "3%013" PRIu64 "%020" PRIu64 "%022" PRIu64
#define TIME_DIGITS 13
#define CHUNK_DIGITS 20
#define INDEX_DIGITS 22

void
logs_text_done(struct logs_text *t)
{
	free(TAKE(t->s));
	t->len = t->room = 0;
}

/* Room for `more` bytes and a NUL. */
static char *
reserve(struct logs_text *t, size_t more)
{
	if (t->room - t->len <= more) {
		t->room = 2 * t->room + more + 256;
		t->s = xrealloc(t->s, t->room, 1);
	}
	return t->s + t->len;
}

void
logs_text_add(struct logs_text *t, const char *s, size_t len)
{
	char *to = reserve(t, len);

	memcpy(to, s, len);
	to[len] = '\0';
	t->len += len;
}

void
logs_text_addf(struct logs_text *t, const char *fmt, ...)
{
	char small[128];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(small, sizeof(small), fmt, ap);
	va_end(ap);
	if (n > 0)
		logs_text_add(t, small, (size_t)n < sizeof(small) ? (size_t)n : sizeof(small) - 1);
}

/* The letter after the backslash, 0 where there is no short form. */
static char
short_escape(unsigned char c)
{
	switch (c) {
	case '\n':
		return 'n';
	case '\r':
		return 'r';
	case '\t':
		return 't';
	case '\b':
		return 'b';
	case '\f':
		return 'f';
	case '"':
	case '\\':
		return (char)c;
	default:
		return '\0';
	}
}

void
logs_text_add_string(struct logs_text *t, const char *s, size_t len)
{
	static const char digits[] = "0123456789abcdef";
	size_t start = 0;

	logs_text_add(t, "\"", 1);
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)s[i];
		char escape[6] = { '\\', 'u', '0', '0', digits[c >> 4], digits[c & 15] };
		bool is_short = short_escape(c) != '\0';

		if (c >= 0x20 && !is_short)
			continue;
		if (is_short)
			escape[1] = short_escape(c);
		logs_text_add(t, s + start, i - start);
		logs_text_add(t, escape, is_short ? 2 : sizeof(escape));
		start = i + 1;
	}
	logs_text_add(t, s + start, len - start);
	logs_text_add(t, "\"", 1);
}

const char *
logs_print_number(char buf[static LOGS_NUMBER_MAX], int64_t at_ms, int64_t n, int64_t i)
{
	(void)snprintf(
	    buf, LOGS_NUMBER_MAX, NUMBER_FORMAT, (uint64_t)at_ms, (uint64_t)n, (uint64_t)i);
	return buf;
}

static int64_t
read_digits(const char *s, size_t n)
{
	int64_t v = 0;

	for (size_t i = 0; i < n; i++) {
		if (v > (INT64_MAX - 9) / 10)
			return -1;
		v = 10 * v + (s[i] - '0');
	}
	return v;
}

bool
logs_read_number(const char *text, struct store_log_position *ret)
{
	struct store_log_position p;

	if (strspn(text, "0123456789") != LOGS_NUMBER_MAX - 1 || text[0] != '3' ||
	    text[LOGS_NUMBER_MAX - 1] != '\0')
		return false;
	p.at_ms = read_digits(text + 1, TIME_DIGITS);
	p.chunk = read_digits(text + 1 + TIME_DIGITS, CHUNK_DIGITS);
	p.index = read_digits(text + 1 + TIME_DIGITS + CHUNK_DIGITS, INDEX_DIGITS);
	if (p.chunk < 0 || p.index < 0)
		return false;
	*ret = p;
	return true;
}
