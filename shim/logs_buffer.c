/* SPDX-License-Identifier: Apache-2.0 */
/*
 * UTF-8 and JSON for logs_buffer.h. What counts as a sequence is what Go's unicode/utf8 takes,
 * since that is what the awslogs driver is written in: no overlong forms, no surrogates, nothing
 * above U+10FFFF, and a byte that fits nowhere is one error by itself.
 */
#include "shim/logs_buffer.h"

#include <stdio.h>
#include <string.h>

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */
#define SIZE_MIN 256

void
logs_buffer_done(struct logs_buffer *t)
{
	free(t->v);
	*t = (struct logs_buffer){ 0 };
}

void
logs_buffer_clear(struct logs_buffer *t, size_t keep_bytes)
{
	t->len = 0;
	if (t->size > keep_bytes)
		logs_buffer_done(t);
}

static void
reserve(struct logs_buffer *t, size_t more)
{
	size_t wanted = t->len + more;

	if (wanted <= t->size)
		return;
	t->size = wanted + wanted / 2 > SIZE_MIN ? wanted + wanted / 2 : SIZE_MIN;
	t->v = xrealloc(t->v, t->size, 1);
}

void
logs_buffer_append(struct logs_buffer *t, const char *s, size_t len)
{
	if (len == 0)
		return;
	reserve(t, len);
	memcpy(t->v + t->len, s, len);
	t->len += len;
}

void
logs_buffer_drop(struct logs_buffer *t, size_t len)
{
	t->len -= len;
	if (t->len > 0 && len > 0)
		memmove(t->v, t->v + len, t->len);
}

static bool
continues(const unsigned char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return false;
	return true;
}

/* The length of the sequence at `s`; 0 where there is none, and for NUL. */
static size_t
sequence(const unsigned char *s, size_t left)
{
	unsigned char c = s[0];

	if (c < 0x80)
		return c != 0;
	if (c >= 0xc2 && c <= 0xdf)
		return left >= 2 && continues(s + 1, 1) ? 2 : 0;
	if (c >= 0xe0 && c <= 0xef) {
		if (left < 3 || !continues(s + 1, 2) || (c == 0xe0 && s[1] < 0xa0) ||
		    (c == 0xed && s[1] > 0x9f))
			return 0;
		return 3;
	}
	if (c >= 0xf0 && c <= 0xf4) {
		if (left < 4 || !continues(s + 1, 3) || (c == 0xf0 && s[1] < 0x90) ||
		    (c == 0xf4 && s[1] > 0x8f))
			return 0;
		return 4;
	}
	return 0;
}

size_t
logs_buffer_clean_bytes(const char *s, size_t len)
{
	const unsigned char *u = (const unsigned char *)s;
	size_t at = 0, n;

	while (at < len && (n = sequence(u + at, len - at)) > 0)
		at += n;
	return at;
}

void
logs_buffer_append_clean(struct logs_buffer *t, const char *s, size_t len)
{
	while (len > 0) {
		size_t clean = logs_buffer_clean_bytes(s, len);

		logs_buffer_append(t, s, clean);
		if (clean == len)
			return;
		logs_buffer_append(t, REPLACEMENT, strlen(REPLACEMENT));
		s += clean + 1;
		len -= clean + 1;
	}
}

size_t
logs_buffer_split(const char *s, size_t len, size_t max_bytes)
{
	size_t at = max_bytes;

	if (len <= max_bytes)
		return len;
	while (at > 0 && ((unsigned char)s[at] & 0xc0) == 0x80)
		at--;
	return at;
}

static bool
is_plain(unsigned char c)
{
	return c >= 0x20 && c != '"' && c != '\\';
}

void
logs_buffer_append_json(struct logs_buffer *t, const char *s, size_t len)
{
	reserve(t, len);
	while (len > 0) {
		size_t plain = 0;
		char escaped[8];

		while (plain < len && is_plain((unsigned char)s[plain]))
			plain++;
		logs_buffer_append(t, s, plain);
		if (plain == len)
			return;
		if (s[plain] == '"' || s[plain] == '\\')
			(void)snprintf(escaped, sizeof(escaped), "\\%c", s[plain]);
		else
			(void)snprintf(
			    escaped, sizeof(escaped), "\\u%04x", (unsigned)(unsigned char)s[plain]);
		logs_buffer_append(t, escaped, strlen(escaped));
		s += plain + 1;
		len -= plain + 1;
	}
}
