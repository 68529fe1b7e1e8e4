/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Allocation that cannot fail, clocks and random identifiers. Called from everywhere in both
 * processes; it must not know anything about ECS.
 */
#include "common/util.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

static void *
require(void *p)
{
	if (p == NULL)
		abort();
	return p;
}

void *
xcalloc(size_t n, size_t size)
{
	return require(calloc(n ? n : 1, size ? size : 1));
}

void *
xrealloc(void *p, size_t n, size_t size)
{
	return require(reallocarray(p, n ? n : 1, size ? size : 1));
}

char *
xstrdup(const char *s)
{
	return require(strdup(s));
}

char *
xstrndup(const char *s, size_t n)
{
	return require(strndup(s, n));
}

void *
xmemdup(const void *p, size_t n)
{
	void *copy = xcalloc(n, 1);

	if (n > 0)
		memcpy(copy, p, n);
	return copy;
}

char *
xvasprintf(const char *fmt, va_list ap)
{
	char *s = NULL;

	if (vasprintf(&s, fmt, ap) < 0)
		abort();
	return s;
}

char *
xasprintf(const char *fmt, ...)
{
	va_list ap;
	char *s;

	va_start(ap, fmt);
	s = xvasprintf(fmt, ap);
	va_end(ap);
	return s;
}

bool
streq(const char *a, const char *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	return strcmp(a, b) == 0;
}

bool
has_prefix(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

static int64_t
clock_ms(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t
now_ms(void)
{
	return clock_ms(CLOCK_REALTIME);
}

int64_t
monotonic_ms(void)
{
	return clock_ms(CLOCK_MONOTONIC);
}

static void
random_bytes(uint8_t *out, size_t n)
{
	size_t done = 0;

	while (done < n) {
		ssize_t got = getrandom(out + done, n - done, 0);

		if (got > 0)
			done += (size_t)got;
	}
}

void
random_hex(char *out, size_t n_bytes)
{
	static const char digits[] = "0123456789abcdef";
	uint8_t b;

	for (size_t i = 0; i < n_bytes; i++) {
		random_bytes(&b, 1);
		out[2 * i] = digits[b >> 4];
		out[2 * i + 1] = digits[b & 15];
	}
	out[2 * n_bytes] = '\0';
}

void
random_text(char *out, size_t n, const char *chars)
{
	size_t n_chars = strlen(chars), fair = 256 - 256 % n_chars;
	uint8_t b;

	random_bytes((uint8_t *)out, n);
	for (size_t i = 0; i < n; i++) {
		for (b = (uint8_t)out[i]; b >= fair;)
			random_bytes(&b, 1);
		out[i] = chars[b % n_chars];
	}
	out[n] = '\0';
}

void
random_uuid(char out[static 37])
{
	uint8_t b[16];

	random_bytes(b, sizeof(b));
	b[6] = (uint8_t)((b[6] & 0x0f) | 0x40);
	b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
	(void)snprintf(out, 37,
	    "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1],
	    b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14],
	    b[15]);
}
