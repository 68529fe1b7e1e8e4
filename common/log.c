/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Formats log lines and gives them to the one sink. Called by the edges of both processes; where
 * lines end up is the sink's business.
 */
#include "common/log.h"

#include <stdio.h>
#include <string.h>

static void write_stderr(enum log_level level, const char *line, void *cookie);

static struct {
	log_sink_fn *fn;
	void *cookie;
	enum log_level max;
} sink = { .fn = write_stderr, .max = LOG_LEVEL_INFO };

/* clang-format off */
static const struct {
	const char *plain;
	const char *journal; /* the priority that systemd reads off a line: sd-daemon(3) */
} level_words[] = {
	[LOG_LEVEL_ERROR] = { "error ", "<3>" },
	[LOG_LEVEL_WARN]  = { "warning ", "<4>" },
	[LOG_LEVEL_INFO]  = { "info ", "<6>" },
	[LOG_LEVEL_DEBUG] = { "debug ", "<7>" },
};
/* clang-format on */

static char *escape(char *to, const char *s);

void
log_set_sink(log_sink_fn *fn, void *cookie)
{
	sink.fn = fn != NULL ? fn : write_stderr;
	sink.cookie = cookie;
}

void
log_set_level(enum log_level level)
{
	sink.max = level;
}

void
log_line(enum log_level level, const char *key, const char *val, const char *fmt, ...)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_free_ char *line = NULL;
	size_t room;
	va_list ap;
	char *p;

	if (level > sink.max)
		return;
	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	if (val == NULL)
		val = "";
	room = 4 * strlen(text) + sizeof(" msg=\"\"");
	if (key != NULL)
		room += strlen(key) + 4 * strlen(val) + sizeof("=\"\"");
	line = p = xcalloc(1, room);
	if (key != NULL) {
		bool quote = *val == '\0' || strpbrk(val, " =\"\\") != NULL;

		p = stpcpy(p, key);
		p = stpcpy(p, quote ? "=\"" : "=");
		p = escape(p, val);
		p = stpcpy(p, quote ? "\" " : " ");
	}
	p = stpcpy(p, "msg=\"");
	p = escape(p, text);
	(void)stpcpy(p, "\"");
	sink.fn(level, line, sink.cookie);
}

void
log_pass(enum log_level level, const char *line)
{
	_cleanup_free_ char *copy = NULL;

	if (level > sink.max)
		return;
	copy = xstrdup(line);
	for (char *p = copy; *p != '\0'; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?'; /* what came from another process stays on one line */
	sink.fn(level, copy, sink.cookie);
}

/* Writes `s` so that it stays on one line and inside its quotes. At most four bytes per byte. */
static char *
escape(char *to, const char *s)
{
	static const char digits[] = "0123456789abcdef";

	for (; *s != '\0'; s++) {
		unsigned char c = (unsigned char)*s;

		if (c == '"' || c == '\\') {
			*to++ = '\\';
			*to++ = (char)c;
		} else if (c == '\n') {
			to = stpcpy(to, "\\n");
		} else if (c < 0x20 || c == 0x7f) {
			*to++ = '\\';
			*to++ = 'x';
			*to++ = digits[c >> 4];
			*to++ = digits[c & 15];
		} else {
			*to++ = (char)c;
		}
	}
	*to = '\0';
	return to;
}

/* One write per line, so that lines of several processes on one terminal do not mix. */
static void
write_stderr(enum log_level level, const char *line, void *cookie)
{
	_cleanup_free_ char *whole = NULL;
	const char *prefix;

	(void)cookie;
	if ((size_t)level >= ARRAY_SIZE(level_words))
		level = LOG_LEVEL_ERROR;
	prefix = getenv("JOURNAL_STREAM") != NULL ? level_words[level].journal
						  : level_words[level].plain;
	whole = xasprintf("%s%s\n", prefix, line);
	if (write(STDERR_FILENO, whole, strlen(whole)) < 0)
		return; /* nobody is left to be told */
}
