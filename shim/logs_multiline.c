/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The awslogs driver's rule for events of several lines (awslogs: collectBatch): both sources fill
 * one event, in the order of the Engine's log; a line that matches begins a new one, and so does a
 * line that would not fit; each line keeps its newline. Empty lines alone are no events.
 */
#include "shim/logs_multiline.h"

#include <errno.h>
#include <string.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#define KEEP_BYTES ((size_t)16 * 1024)
#define MATCH_LIMIT 100000 /* steps for one line: an expression must not hold up the loop */

struct logs_multiline {
	pcre2_code *code; /* NULL: every line is an event */
	pcre2_match_data *match;
	pcre2_match_context *limits;
	logs_event_fn *on_event;
	void *arg;
	struct logs_buffer text;
	struct logs_event event; /* what is known of the one in `text` */
	bool open;
};

/* clang-format off */
static const struct {
	char letter;
	const char *pattern;
} letters[] = {
	{ 'a', "(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)" },
	{ 'A', "(?:Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday)" },
	{ 'w', "[0-6]" },
	{ 'd', "(?:0[1-9]|[12][0-9]|3[01])" },
	{ 'b', "(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)" },
	{ 'B', "(?:January|February|March|April|May|June|July|August|September|October|November|December)" },
	{ 'm', "(?:0[1-9]|1[0-2])" },
	{ 'Y', "\\d{4}" },
	{ 'y', "\\d{2}" },
	{ 'H', "(?:[01][0-9]|2[0-3])" },
	{ 'I', "(?:0[0-9]|1[0-2])" },
	{ 'p', "[AP]M" },
	{ 'M', "[0-5][0-9]" },
	{ 'S', "[0-5][0-9]" },
	{ 'f', "\\d{6}" },
	{ 'z', "[+-]\\d{4}" },
	{ 'Z', "[A-Z]{1,4}T" },
	{ 'j', "(?:0[0-9][1-9]|[12][0-9][0-9]|3[0-5][0-9]|36[0-6])" },
	{ 'L', "\\.\\d{3}" },
};
/* clang-format on */

static const char *
pattern_of(char letter)
{
	for (size_t i = 0; i < ARRAY_SIZE(letters); i++)
		if (letters[i].letter == letter)
			return letters[i].pattern;
	return "";
}

char *
logs_multiline_datetime(const char *format)
{
	struct logs_buffer t = { 0 };

	for (; *format != '\0'; format++) {
		const char *pattern = pattern_of(format[1]);

		if (format[0] == '%' && format[1] != '\0') {
			logs_buffer_append(&t, pattern, strlen(pattern));
			format++;
		} else {
			logs_buffer_append(&t, format, 1);
		}
	}
	logs_buffer_append(&t, "", 1);
	return t.v;
}

static int
compile(struct logs_multiline *m, const char *pattern, struct err *e)
{
	PCRE2_SIZE at;
	int code;
	PCRE2_UCHAR text[256];

	m->code = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED,
	    PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C, &code, &at, NULL);
	if (m->code == NULL) {
		(void)pcre2_get_error_message(code, text, sizeof(text));
		return err_set(e, ERR_CLIENT, "%s", (const char *)text);
	}
	m->match = pcre2_match_data_create(1, NULL);
	m->limits = pcre2_match_context_create(NULL);
	if (m->match == NULL || m->limits == NULL)
		abort();
	pcre2_set_match_limit(m->limits, MATCH_LIMIT);
	return 0;
}

int
logs_multiline_new(const char *pattern, logs_event_fn *on_event, void *arg,
    struct logs_multiline **ret, struct err *e)
{
	struct logs_multiline *m = xcalloc(1, sizeof(*m));
	int r;

	m->on_event = on_event;
	m->arg = arg;
	if (pattern != NULL && (r = compile(m, pattern, e)) < 0) {
		logs_multiline_free(m);
		return r;
	}
	*ret = m;
	return 0;
}

void
logs_multiline_free(struct logs_multiline *m)
{
	if (m == NULL)
		return;
	pcre2_code_free(m->code);
	pcre2_match_data_free(m->match);
	pcre2_match_context_free(m->limits);
	logs_buffer_done(&m->text);
	free(m);
}

static bool
begins_event(const struct logs_multiline *m, const struct logs_line *l)
{
	return pcre2_match(m->code, (PCRE2_SPTR)l->text, l->len, 0, PCRE2_NO_UTF_CHECK, m->match,
		   m->limits) >= 0;
}

void
logs_multiline_end(struct logs_multiline *m)
{
	if (!m->open)
		return;
	m->event.text = m->text.v;
	m->event.len = m->text.len;
	m->on_event(&m->event, m->arg);
	logs_multiline_clear(m);
}

void
logs_multiline_clear(struct logs_multiline *m)
{
	m->open = false;
	m->event = (struct logs_event){ 0 };
	logs_buffer_clear(&m->text, KEEP_BYTES);
}

int64_t
logs_multiline_pending_ns(const struct logs_multiline *m)
{
	return m->open ? m->event.time_ns : INT64_MAX;
}

static void
give_line(struct logs_multiline *m, const struct logs_line *l)
{
	struct logs_event e = { .time_ns = l->time_ns, .text = l->text, .len = l->len };

	if (l->len == 0)
		return;
	e.mark[l->source] = l->mark;
	m->on_event(&e, m->arg);
}

void
logs_multiline_add(struct logs_multiline *m, const struct logs_line *l)
{
	bool newline = l->ends && l->len < LOGS_EVENT_MAX;

	if (m->code == NULL) {
		give_line(m, l);
		return;
	}
	if (begins_event(m, l) || m->text.len + l->len + newline > LOGS_EVENT_MAX)
		logs_multiline_end(m);
	if (!m->open)
		m->event.time_ns = l->time_ns;
	m->open = true;
	m->event.mark[l->source] = l->mark;
	logs_buffer_append(&m->text, l->text, l->len);
	if (newline)
		logs_buffer_append(&m->text, "\n", 1);
}
