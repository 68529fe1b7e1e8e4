/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The set of live tails on the wire (see live_tail.h): one timer, one frame a second each. A reader
 * that has not taken the last frame gets the next one later; one that does not read at all is
 * dropped.
 */
#include "daemon/http/live_tail.h"

#include "common/log.h"

#include <arpa/inet.h>
#include <event2/buffer.h>
#include <string.h>

#define UPDATE_MS 1000
#define SESSION_MS (3 * 60 * 60 * 1000)

struct live_tail {
	struct live_tails *set;
	TAILQ_ENTRY(live_tail) next;
	struct conn *c;
	struct evhttp_request *req;
	struct log_tail *source;
	int64_t began_ms; /* monotonic, as the next */
	int64_t wrote_ms;
	void (*on_end)(void *cookie);
	void *cookie;
};

struct live_tails {
	struct log_tails *source;
	struct http_limits limits;
	TAILQ_HEAD(, live_tail) list;
	struct timer *tick;
};

static void on_tick(void *arg);

/* --- frames --- */

/* Of IEEE 802.3, four bits at a time. */
static uint32_t
crc32_of(uint32_t crc, const void *bytes, size_t len)
{
	static const uint32_t table[16] = { 0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac,
		0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8,
		0xcb61b38c, 0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c };
	const unsigned char *p = bytes;

	crc = ~crc;
	for (size_t i = 0; i < len; i++) {
		crc ^= p[i];
		crc = crc >> 4 ^ table[crc & 15];
		crc = crc >> 4 ^ table[crc & 15];
	}
	return ~crc;
}

/* A header of type 7, a string; returns where the next one begins. */
static char *
put_header(char *to, const char *name, const char *value)
{
	uint16_t len = htons((uint16_t)strlen(value));

	*to++ = (char)strlen(name);
	to = stpcpy(to, name);
	*to++ = 7;
	memcpy(to, &len, sizeof(len));
	return stpcpy(to + sizeof(len), value);
}

void
live_tail_frame(
    struct evbuffer *out, const char *kind, const char *type, const char *payload, size_t len)
{
	char headers[256] = { 0 };
	char *end = headers;
	uint32_t prelude[3] = { 0 }, crc;

	end = put_header(end, ":message-type", kind);
	end = put_header(end, strcmp(kind, "event") == 0 ? ":event-type" : ":exception-type", type);
	end = put_header(end, ":content-type",
	    strcmp(type, "initial-response") == 0 ? "application/x-amz-json-1.1"
						  : "application/json");
	prelude[0] =
	    htonl((uint32_t)(sizeof(prelude) + (size_t)(end - headers) + len + sizeof(crc)));
	prelude[1] = htonl((uint32_t)(end - headers));
	prelude[2] = htonl(crc32_of(0, prelude, 2 * sizeof(prelude[0])));
	crc = crc32_of(0, prelude, sizeof(prelude));
	crc = crc32_of(crc, headers, (size_t)(end - headers));
	crc = htonl(crc32_of(crc, payload, len));
	evbuffer_add(out, prelude, sizeof(prelude));
	evbuffer_add(out, headers, (size_t)(end - headers));
	evbuffer_add(out, payload, len);
	evbuffer_add(out, &crc, sizeof(crc));
}

/* --- the set --- */

struct live_tails *
live_tails_new(struct loop *l, struct log_tails *source, const struct http_limits *limits)
{
	struct live_tails *set = xcalloc(1, sizeof(*set));

	set->source = source;
	set->limits = *limits;
	TAILQ_INIT(&set->list);
	set->tick = timer_new(l, on_tick, set);
	return set;
}

void
live_tails_free(struct live_tails *set)
{
	if (set == NULL)
		return;
	timer_free(set->tick);
	free(set);
}

/* Ends the reply in order; t is gone. */
static void
end_tail(struct live_tail *t)
{
	struct conn *c = t->c;
	struct evhttp_request *req = t->req;

	t->on_end(t->cookie);
	live_tail_free(t);
	conn_stream_end(c, req);
}

void
live_tails_end(struct live_tails *set)
{
	struct live_tail *t;

	while (set != NULL && (t = TAILQ_FIRST(&set->list)) != NULL)
		end_tail(t);
}

static void
on_taken(struct evhttp_connection *evcon, void *arg)
{
	(void)evcon;
	(void)arg;
}

/* Takes the frames over. */
static void
send_frames(struct live_tail *t, struct evbuffer *frames)
{
	t->wrote_ms = monotonic_ms();
	conn_stream_write(t->c, t->req, frames, on_taken, t);
	evbuffer_free(frames);
}

static struct evbuffer *
new_buffer(void)
{
	struct evbuffer *b = evbuffer_new();

	if (b == NULL)
		abort();
	return b;
}

static void
update(struct live_tail *t)
{
	_cleanup_free_ char *payload = log_tail_update(t->source);
	struct evbuffer *frames = new_buffer();

	live_tail_frame(frames, "event", "sessionUpdate", payload, strlen(payload));
	send_frames(t, frames);
}

static void
time_out(struct live_tail *t)
{
	static const char why[] = "{\"message\":\"The session has been open for three hours.\"}";
	struct evbuffer *frames = new_buffer();

	live_tail_frame(frames, "exception", "SessionTimeoutException", why, sizeof(why) - 1);
	send_frames(t, frames);
	end_tail(t);
}

static void
on_tick(void *arg)
{
	struct live_tails *set = arg;
	int64_t now = monotonic_ms();
	struct live_tail *t, *next;

	for (t = TAILQ_FIRST(&set->list); t != NULL; t = next) {
		next = TAILQ_NEXT(t, next);
		if (conn_unsent(t->c) == 0 && now - t->began_ms >= SESSION_MS) {
			time_out(t);
		} else if (conn_unsent(t->c) == 0) {
			update(t);
		} else if (now - t->wrote_ms >= set->limits.send_ms) {
			log_debug("op", "StartLiveTail", "a reader that does not read is dropped");
			conn_drop(t->c); /* t is gone */
		}
	}
	if (!TAILQ_EMPTY(&set->list))
		timer_set(set->tick, UPDATE_MS);
}

/* --- one tail --- */

struct live_tail *
live_tail_open(struct live_tails *set, struct conn *c, struct evhttp_request *req,
    const char *session, size_t len, void (*on_end)(void *cookie), void *cookie, struct err *e)
{
	struct log_tail *source = log_tail_open(set->source, session, len, e);
	struct evbuffer *frames;
	struct live_tail *t;

	if (source == NULL)
		return NULL;
	t = xcalloc(1, sizeof(*t));
	*t = (struct live_tail){ .set = set,
		.c = c,
		.req = req,
		.source = source,
		.began_ms = monotonic_ms(),
		.on_end = on_end,
		.cookie = cookie };
	TAILQ_INSERT_TAIL(&set->list, t, next);
	if (!timer_pending(set->tick))
		timer_set(set->tick, UPDATE_MS);
	frames = new_buffer();
	live_tail_frame(frames, "event", "initial-response", "{}", 2);
	live_tail_frame(frames, "event", "sessionStart", session, len);
	conn_stream_begin(c, req);
	send_frames(t, frames);
	return t;
}

void
live_tail_free(struct live_tail *t)
{
	if (t == NULL)
		return;
	TAILQ_REMOVE(&t->set->list, t, next);
	log_tail_close(t->source);
	/* Where sending failed, evhttp leaves the request to its user. */
	if (evhttp_request_get_connection(t->req) == NULL)
		evhttp_request_free(t->req);
	free(t);
}
