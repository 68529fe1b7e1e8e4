/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A batch of PutLogEvents read straight from its JSON. Megabytes of log lines come in this one
 * form, and a tree of them costs ten times what storing them does. It knows the form that SDKs
 * send, in whichever order and spacing; everything else, and everything wrong, is left to the
 * ordinary way (see op.read).
 */
#include "daemon/services/logs.h"

#include <string.h>

#define TIME_DIGITS_MAX 15
#define EVENT_MIN (sizeof("{\"timestamp\":1,\"message\":\"x\"}") - 1)

struct scan {
	const unsigned char *p;
	const unsigned char *end;
	struct arena *arena;
	char *room; /* for texts without their escapes; as long as the body, NULL until it is needed
		     */
};

static void
skip_space(struct scan *s)
{
	while (s->p < s->end && (*s->p == ' ' || *s->p == '\n' || *s->p == '\t' || *s->p == '\r'))
		s->p++;
}

static bool
take(struct scan *s, char c)
{
	skip_space(s);
	if (s->p == s->end || *s->p != (unsigned char)c)
		return false;
	s->p++;
	return true;
}

/* --- strings --- */

static bool
take_hex(struct scan *s, unsigned *ret)
{
	unsigned v = 0;

	if (s->end - s->p < 4)
		return false;
	for (int i = 0; i < 4; i++) {
		unsigned char c = *s->p++;

		if (c >= '0' && c <= '9')
			v = 16 * v + (c - '0');
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			v = 16 * v + ((c | 0x20) - 'a' + 10);
		else
			return false;
	}
	*ret = v;
	return true;
}

static char *
put_utf8(char *to, unsigned c)
{
	if (c < 0x80) {
		*to++ = (char)c;
	} else if (c < 0x800) {
		*to++ = (char)(0xc0 | c >> 6);
		*to++ = (char)(0x80 | (c & 0x3f));
	} else if (c < 0x10000) {
		*to++ = (char)(0xe0 | c >> 12);
		*to++ = (char)(0x80 | (c >> 6 & 0x3f));
		*to++ = (char)(0x80 | (c & 0x3f));
	} else {
		*to++ = (char)(0xf0 | c >> 18);
		*to++ = (char)(0x80 | (c >> 12 & 0x3f));
		*to++ = (char)(0x80 | (c >> 6 & 0x3f));
		*to++ = (char)(0x80 | (c & 0x3f));
	}
	return to;
}

/* Behind "\u"; NULL where it is half a character. */
static char *
take_unicode(struct scan *s, char *to)
{
	unsigned c, low;

	if (!take_hex(s, &c))
		return NULL;
	if (c >= 0xd800 && c < 0xdc00) {
		if (s->end - s->p < 6 || s->p[0] != '\\' || s->p[1] != 'u')
			return NULL;
		s->p += 2;
		if (!take_hex(s, &low) || low < 0xdc00 || low > 0xdfff)
			return NULL;
		c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
	} else if (c >= 0xdc00 && c < 0xe000) {
		return NULL;
	}
	return put_utf8(to, c);
}

/* Behind the backslash. */
static char *
take_escape(struct scan *s, char *to)
{
	static const char from[] = "\"\\/bfnrt", into[] = "\"\\/\b\f\n\r\t";
	const char *at;

	if (s->p == s->end || *s->p == '\0')
		return NULL;
	if (*s->p == 'u') {
		s->p++;
		return take_unicode(s, to);
	}
	at = strchr(from, *s->p++);
	if (at == NULL)
		return NULL;
	*to++ = into[at - from];
	return to;
}

#define EACH_BYTE(c) (0x0101010101010101ULL * (c))

/* Eight bytes at a time: true where each is a character of ASCII that stands for itself. A byte's
 * high bit comes out set where it has it, where it is below a space, or where it is one of the two
 * signs. */
static bool
is_plain(const unsigned char *p)
{
	uint64_t v, quote, slash;

	memcpy(&v, p, sizeof(v));
	quote = v ^ EACH_BYTE('"');
	slash = v ^ EACH_BYTE('\\');
	return ((v | (v - EACH_BYTE(0x20)) | (quote - EACH_BYTE(1)) | (slash - EACH_BYTE(1))) &
		   EACH_BYTE(0x80)) == 0;
}

/* Over what stands for itself, up to a quote or a backslash. */
static bool
skip_plain(struct scan *s)
{
	while (s->p < s->end && *s->p != '"' && *s->p != '\\') {
		size_t n = 1;

		if (s->end - s->p >= 8 && is_plain(s->p)) {
			s->p += 8;
			continue;
		}
		if (*s->p < 0x20)
			return false;
		if (*s->p >= 0x80)
			n = json_utf8_len(s->p, (size_t)(s->end - s->p));
		if (n == 0)
			return false;
		s->p += n;
	}
	return s->p < s->end;
}

/* Most texts have no escapes, and stay where they are. */
static bool
take_string(struct scan *s, const char **ret, size_t *ret_len)
{
	const unsigned char *start;
	char *text, *to;

	if (!take(s, '"'))
		return false;
	start = s->p;
	if (!skip_plain(s))
		return false;
	if (*s->p == '"') {
		*ret = (const char *)start;
		*ret_len = (size_t)(s->p++ - start);
		return true;
	}
	if (s->room == NULL)
		s->room = arena_alloc(s->arena, (size_t)(s->end - start));
	text = to = s->room;
	for (;;) {
		memcpy(to, start, (size_t)(s->p - start));
		to += s->p - start;
		if (*s->p++ == '"')
			break;
		to = take_escape(s, to);
		if (to == NULL)
			return false;
		start = s->p;
		if (!skip_plain(s))
			return false;
	}
	*ret = text;
	*ret_len = (size_t)(to - text);
	s->room = to;
	return true;
}

/* --- the batch --- */

static bool
take_time(struct scan *s, int64_t *ret)
{
	const unsigned char *start;
	int64_t v = 0;

	skip_space(s);
	for (start = s->p; s->p < s->end && *s->p >= '0' && *s->p <= '9'; s->p++) {
		if (s->p - start == TIME_DIGITS_MAX)
			return false;
		v = 10 * v + (*s->p - '0');
	}
	*ret = v;
	return s->p > start && (*start != '0' || s->p - start == 1);
}

static bool
is_key(const char *key, size_t len, const char *name)
{
	return len == strlen(name) && memcmp(key, name, len) == 0;
}

static bool
take_event(struct scan *s, struct store_log_line *line)
{
	bool has_time = false, has_text = false;
	const char *key;
	size_t len;

	if (!take(s, '{'))
		return false;
	do {
		if (!take_string(s, &key, &len) || !take(s, ':'))
			return false;
		if (is_key(key, len, "timestamp") && !has_time)
			has_time = take_time(s, &line->at_ms);
		else if (is_key(key, len, "message") && !has_text)
			has_text = take_string(s, &line->text, &line->len);
		else
			return false;
	} while (take(s, ','));
	return has_time && has_text && line->len > 0 && take(s, '}');
}

static bool
take_events(struct scan *s, struct logs_in *in)
{
	size_t most = (size_t)(s->end - s->p) / EVENT_MIN + 1;
	struct store_log_line *lines;
	size_t n = 0;

	if (in->lines != NULL || !take(s, '['))
		return false;
	if (most > LOGS_EVENTS_MAX)
		most = LOGS_EVENTS_MAX;
	lines = arena_alloc(s->arena, most * sizeof(*lines));
	do
		if (n == most || !take_event(s, &lines[n++]))
			return false;
	while (take(s, ','));
	in->lines = lines;
	in->n_lines = n;
	return take(s, ']');
}

static bool
take_name(struct scan *s, const char **ret)
{
	const char *text;
	size_t len;

	if (*ret != NULL || !take_string(s, &text, &len) || len == 0 || len >= LOG_NAME_MAX ||
	    memchr(text, '\0', len) != NULL)
		return false;
	*ret = arena_printf(s->arena, "%.*s", (int)len, text);
	return true;
}

static bool
take_member(struct scan *s, struct logs_in *in)
{
	const char *key, *token;
	size_t len;

	if (!take_string(s, &key, &len) || !take(s, ':'))
		return false;
	if (is_key(key, len, "logEvents"))
		return take_events(s, in);
	if (is_key(key, len, "logGroupName"))
		return take_name(s, &in->group);
	if (is_key(key, len, "logStreamName"))
		return take_name(s, &in->stream);
	return is_key(key, len, "sequenceToken") && take_string(s, &token, &len) && len > 0;
}

bool
logs_batch_read(struct call *c, const char *body, size_t len)
{
	struct scan s = { (const unsigned char *)body, (const unsigned char *)body + len, &c->arena,
		NULL };
	struct logs_in in = { 0 };

	if (!take(&s, '{'))
		return false;
	do
		if (!take_member(&s, &in))
			return false;
	while (take(&s, ','));
	if (!take(&s, '}') || in.group == NULL || in.stream == NULL || in.lines == NULL)
		return false;
	skip_space(&s);
	if (s.p != s.end)
		return false;
	*(struct logs_in *)c->args = in;
	return true;
}
