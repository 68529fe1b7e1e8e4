/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The set of live tails (see log_tail.h). Each batch of events that was committed is shown to all
 * of them; what fits is kept as JSON until it is asked for.
 */
#include "daemon/log_tail.h"

#include "common/arena.h"
#include "common/json.h"
#include "daemon/services/log_pattern.h"
#include "daemon/services/logs_text.h"
#include "daemon/store/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/queue.h>

#define EVENTS_MAX 500 /* of one update */
#define BYTES_MAX (1024u * 1024u)

struct log_tail {
	LIST_ENTRY(log_tail) next;
	struct log_tails *set;
	struct json_object *session;
	struct log_pattern *pattern; /* NULL: all */
	struct logs_text events;
	size_t n;
	bool sampled;
};

struct log_tails {
	struct store *store;
	LIST_HEAD(, log_tail) list;
	size_t n;
};

static void on_news(const struct store_log_news *news, void *cookie);

struct log_tails *
log_tails_new(struct store *store)
{
	struct log_tails *set = xcalloc(1, sizeof(*set));

	set->store = store;
	LIST_INIT(&set->list);
	store_logs_on_news(store, on_news, set);
	return set;
}

void
log_tails_free(struct log_tails *set)
{
	if (set == NULL)
		return;
	store_logs_on_news(set->store, NULL, NULL);
	free(set);
}

struct log_tail *
log_tail_open(struct log_tails *set, const char *session, size_t len, struct err *e)
{
	struct log_tail *t;
	const char *pattern;

	if (set->n == LOG_TAILS_MAX) {
		(void)err_set(e, ERR_LIMIT_EXCEEDED,
		    "There are %d live tails already, which is the most that there can be.",
		    LOG_TAILS_MAX);
		return NULL;
	}
	t = xcalloc(1, sizeof(*t));
	t->set = set;
	LIST_INSERT_HEAD(&set->list, t, next);
	set->n++;
	if (json_parse(session, len, &t->session, e) < 0) {
		log_tail_close(t);
		return NULL;
	}
	pattern = json_get_str(t->session, "logEventFilterPattern");
	if (pattern != NULL && log_pattern_parse(pattern, &t->pattern, e) < 0) {
		log_tail_close(t);
		return NULL;
	}
	return t;
}

void
log_tail_close(struct log_tail *t)
{
	if (t == NULL)
		return;
	LIST_REMOVE(t, next);
	t->set->n--;
	json_object_put(t->session);
	log_pattern_free(t->pattern);
	logs_text_done(&t->events);
	free(t);
}

/* Is `text` one of a list, or does one of a list begin it? An absent list names all. */
static bool
is_listed(struct json_object *list, const char *text, bool prefix)
{
	if (list == NULL)
		return true;
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		const char *s = json_object_get_string(json_object_array_get_idx(list, i));

		if (prefix ? has_prefix(text, s) : streq(text, s))
			return true;
	}
	return false;
}

static void
add_event(struct log_tail *t, const struct store_log_news *news, const struct store_log_line *line)
{
	if (t->n == EVENTS_MAX || t->events.len + line->len > BYTES_MAX) {
		t->sampled = true;
		return;
	}
	logs_text_add(&t->events, t->n > 0 ? ",{\"logStreamName\":" : "{\"logStreamName\":",
	    strlen("{\"logStreamName\":") + (t->n > 0));
	logs_text_add_string(&t->events, news->stream, strlen(news->stream));
	logs_text_add(&t->events, ",\"logGroupIdentifier\":", strlen(",\"logGroupIdentifier\":"));
	logs_text_add_string(&t->events, news->group_arn, strlen(news->group_arn));
	logs_text_add(&t->events, ",\"message\":", strlen(",\"message\":"));
	logs_text_add_string(&t->events, line->text, line->len);
	logs_text_addf(&t->events, ",\"timestamp\":%" PRId64 ",\"ingestionTime\":%" PRId64 "}",
	    line->at_ms, news->now_ms);
	t->n++;
}

static void
on_news(const struct store_log_news *news, void *cookie)
{
	struct log_tails *set = cookie;
	struct log_tail *t;

	LIST_FOREACH(t, &set->list, next)
	{
		if (!is_listed(
			json_get(t->session, "logGroupIdentifiers"), news->group_arn, false) ||
		    !is_listed(json_get(t->session, "logStreamNames"), news->stream, false) ||
		    !is_listed(json_get(t->session, "logStreamNamePrefixes"), news->stream, true))
			continue;
		for (size_t i = 0; i < news->n && !t->sampled; i++)
			if (t->pattern == NULL ||
			    log_pattern_match(t->pattern, news->lines[i].text, news->lines[i].len))
				add_event(t, news, &news->lines[i]);
	}
}

char *
log_tail_update(struct log_tail *t)
{
	struct logs_text out = { 0 };

	logs_text_addf(&out, "{\"sessionMetadata\":{\"sampled\":%s},\"sessionResults\":[",
	    t->sampled ? "true" : "false");
	logs_text_add(&out, t->n > 0 ? t->events.s : "", t->events.len);
	logs_text_add(&out, "]}", 2);
	logs_text_done(&t->events);
	t->n = 0;
	t->sampled = false;
	return out.s;
}
