/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes between a connection and a service (see stream.h). All steps are taken in on_kick and in
 * the callbacks of the bufferevent, never inside a call of the service: it need not expect to be
 * called back while it calls.
 */
#include "daemon/http/stream.h"

#include "common/log.h"
#include "daemon/http/framing.h"
#include "daemon/http/reply.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>

#define ROOM_BYTES (64u * 1024)      /* that may wait to be sent before more is asked for */
#define DISCARD_BYTES (1024u * 1024) /* of an unread body: above it the connection is closed */

struct stream {
	struct rest_call call; /* first: the service's handle */
	const struct rest_service *service;
	struct conn *c;
	struct head *head;
	struct framing in;
	struct event *kick;
	int64_t start_ms;
	char access_key[129];
	char source_ip[46];

	char *buf; /* of read; the service's */
	size_t size, got;
	bool reading;
	bool owes_continue; /* the client waits for 100 */

	int64_t out_left; /* of the answer's body */
	bool writing;     /* on_written is due */
	bool ending;      /* the answer is complete, perhaps not yet sent */
	bool told;        /* the service's part is over */
	bool keep_alive;
	size_t discarded;
};

static void on_readable(struct bufferevent *bev, void *arg);
static void on_writable(struct bufferevent *bev, void *arg);
static void on_event(struct bufferevent *bev, short what, void *arg);
static void on_kick(evutil_socket_t fd, short what, void *arg);
static void on_gone(struct conn *c);

static void edge_read(struct rest_call *call, void *buf, size_t size);
static void edge_reply(struct rest_call *call, const struct rest_reply *r);
static void edge_write(struct rest_call *call, const void *bytes, size_t n);
static void edge_drop(struct rest_call *call);

static const struct rest_edge edge = {
	.read = edge_read,
	.reply = edge_reply,
	.write = edge_write,
	.drop = edge_drop,
};

const char *
rest_header(const struct rest_call *c, const char *name)
{
	for (size_t i = 0; i < c->head.n_headers; i++)
		if (strcasecmp(c->head.headers[i].name, name) == 0)
			return c->head.headers[i].value;
	return NULL;
}

static void
kick(struct stream *s)
{
	event_active(s->kick, 0, 0);
}

/* -- begin and end */

static struct stream *
stream_new(struct conn *c, const struct stream_request *r)
{
	struct stream *s = xcalloc(1, sizeof(*s));
	const char *host = head_find(r->head, "Host");

	s->c = c;
	s->head = r->head;
	s->start_ms = monotonic_ms();
	s->kick = event_new(loop_base(c->set->loop), -1, 0, on_kick, s);
	if (s->kick == NULL)
		abort();
	s->call.edge = &edge;
	s->call.head = (struct sigv4_request){
		.method = r->head->method,
		.path = r->head->path,
		.query = r->head->query,
		.headers = r->head->headers,
		.n_headers = r->head->n_headers,
		.body = "",
		.body_later = true,
	};
	s->call.host = host != NULL ? host : "";
	s->call.scope = r->scope;
	memcpy(s->access_key, r->access_key, sizeof(s->access_key));
	s->call.access_key = s->access_key;
	memcpy(s->source_ip, r->source_ip, sizeof(s->source_ip));
	s->call.source_ip = s->source_ip[0] != '\0' ? s->source_ip : NULL;
	s->keep_alive = head_keeps_alive(r->head);
	s->owes_continue = r->head->minor > 0 && head_has_word(r->head, "Expect", "100-continue");
	conn_take_over(c, on_readable, on_writable, on_event, s);
	evbuffer_drain(bufferevent_get_input(c->bev), r->head->bytes);
	c->exchange = s;
	c->on_abandoned = on_gone;
	return s;
}

static void
stream_free(struct stream *s)
{
	event_free(s->kick);
	head_free(s->head);
	free(s);
}

static void
refuse(struct stream *s, int status, const char *content_type, const char *body)
{
	_cleanup_free_ char *type = xasprintf("Content-Type: %s\r\n", content_type);

	edge_reply(&s->call,
	    &(struct rest_reply){
		.status = status, .headers = type, .body = body, .body_len = strlen(body) });
}

void
stream_open(struct conn *c, const struct stream_request *r, const struct rest_service *service)
{
	struct stream *s = stream_new(c, r);
	_cleanup_free_ char *body = NULL;
	const char *type;
	char id[37];

	s->service = service;
	if (framing_of_request(s->head, &s->in) < 0) {
		random_uuid(id);
		s->keep_alive = false;
		body = reply_error_body(WIRE_REST_XML, 400, "InvalidRequest",
		    "The length of the body is not told in a way that can be understood.", id,
		    &type);
		refuse(s, 400, type, body);
		return;
	}
	s->call.body_bytes = s->in.chunked ? -1 : s->in.left < 0 ? 0 : s->in.left;
	service->start(&s->call, service->cookie);
}

void
stream_refuse(struct conn *c, const struct stream_request *r, int status, const char *content_type,
    const char *body)
{
	struct stream *s = stream_new(c, r);

	if (framing_of_request(s->head, &s->in) < 0)
		s->keep_alive = false;
	refuse(s, status, content_type, body);
}

/* conn's on_abandoned: the connection goes away. */
static void
on_gone(struct conn *c)
{
	struct stream *s = c->exchange;

	c->exchange = NULL;
	if (!s->told && s->call.on_abandoned != NULL)
		s->call.on_abandoned(&s->call);
	log_debug("op", s->head->method, "streamed request ended after %lld ms",
	    (long long)(monotonic_ms() - s->start_ms));
	stream_free(s);
}

/* The answer is out. What is left of the body is read and thrown away where that is little; else
 * the connection goes, slowly, so that the client gets to see the answer. */
static void
finish(struct stream *s)
{
	struct evbuffer *in = bufferevent_get_input(s->c->bev);
	struct conn *c = s->c;
	char waste[4096];
	ssize_t n = 1;

	while (s->keep_alive && !s->in.over && n > 0) {
		n = framing_take(&s->in, in, waste, sizeof(waste));
		s->discarded += n > 0 ? (size_t)n : 0;
		s->keep_alive = n >= 0 && s->discarded < DISCARD_BYTES &&
				(s->in.chunked || s->in.left < DISCARD_BYTES);
	}
	if (s->keep_alive && !s->in.over)
		return; /* more of it is on its way */
	if (s->keep_alive) {
		conn_give_back(c);
		stream_free(s);
		return;
	}
	c->linger = !s->in.over || evbuffer_get_length(in) > 0;
	conn_drop(c); /* on_gone frees */
}

/* -- the body of the request */

static void
edge_read(struct rest_call *call, void *buf, size_t size)
{
	struct stream *s = (struct stream *)call;

	s->buf = buf;
	s->size = size;
	s->got = 0;
	s->reading = true;
	kick(s);
}

/* Straight from the socket, past the buffer, where nothing but the body can come. */
static void
read_socket(struct stream *s)
{
	size_t want = s->size - s->got;
	ssize_t n;

	if (s->in.chunked || s->in.over ||
	    evbuffer_get_length(bufferevent_get_input(s->c->bev)) > 0)
		return;
	if ((int64_t)want > s->in.left)
		want = (size_t)s->in.left;
	n = want > 0 ? recv(s->c->fd, s->buf + s->got, want, MSG_DONTWAIT) : 0;
	if (n <= 0)
		return; /* nothing there yet, or an end that the bufferevent will see */
	s->got += (size_t)n;
	s->in.left -= n;
	s->in.over = s->in.left == 0;
}

static void
go_on(struct stream *s)
{
	static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";

	if (s->owes_continue && evbuffer_get_length(bufferevent_get_input(s->c->bev)) == 0)
		(void)bufferevent_write(s->c->bev, text, sizeof(text) - 1); /* memory only */
	s->owes_continue = false;
}

static void
pump_in(struct stream *s)
{
	struct evbuffer *in = bufferevent_get_input(s->c->bev);
	size_t before = s->got;
	ssize_t n;

	if (!s->in.over)
		go_on(s);
	n = framing_take(&s->in, in, s->buf + s->got, s->size - s->got);
	if (n >= 0) {
		s->got += (size_t)n;
		read_socket(s);
	}
	if (n < 0 || s->got == s->size || s->in.over) {
		s->reading = false;
		conn_wait(s->c);
		if (n < 0)
			s->keep_alive = false;
		s->call.on_read(&s->call, n < 0 ? n : (ssize_t)s->got);
	} else if (s->got > before || s->c->state != CONN_TRANSFER) {
		conn_moved(s->c);
	}
}

/* -- the answer */

static void
add_head(struct stream *s, const struct rest_reply *r)
{
	struct evbuffer *out = bufferevent_get_output(s->c->bev);
	time_t now = time(NULL);
	struct tm tm = { 0 };
	char date[64];

	(void)gmtime_r(&now, &tm);
	if (strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", &tm) == 0)
		abort();
	evbuffer_add_printf(out, "HTTP/1.1 %d %s\r\nDate: %s\r\n%s", r->status,
	    reply_reason(r->status), date, r->headers != NULL ? r->headers : "");
	if (!r->no_body)
		evbuffer_add_printf(out, "Content-Length: %lld\r\n",
		    r->body != NULL ? (long long)r->body_len : (long long)r->stream_bytes);
	if (!s->keep_alive)
		evbuffer_add_printf(out, "Connection: close\r\n");
	evbuffer_add(out, "\r\n", 2);
}

static void
edge_reply(struct rest_call *call, const struct rest_reply *r)
{
	struct stream *s = (struct stream *)call;
	struct evbuffer *out = bufferevent_get_output(s->c->bev);
	bool head_only = streq(s->head->method, "HEAD") || r->no_body;

	if (s->owes_continue && !s->in.over)
		s->keep_alive = false; /* whether the body comes is the client's choice now */
	if (s->c->set->closing)
		s->keep_alive = false;
	s->reading = false;
	add_head(s, r);
	if (!head_only && r->body != NULL)
		evbuffer_add(out, r->body, r->body_len);
	s->out_left = head_only || r->body != NULL ? 0 : r->stream_bytes;
	s->ending = s->told = s->out_left == 0;
	s->writing = !s->ending;
	conn_moved(s->c);
	log_line(r->status >= 500 ? LOG_LEVEL_WARN : LOG_LEVEL_DEBUG, "op", s->head->method,
	    "%d in %lld ms", r->status, (long long)(monotonic_ms() - s->start_ms));
	kick(s);
}

static void
edge_write(struct rest_call *call, const void *bytes, size_t n)
{
	struct stream *s = (struct stream *)call;

	if ((int64_t)n > s->out_left)
		n = (size_t)s->out_left;
	evbuffer_add(bufferevent_get_output(s->c->bev), bytes, n);
	s->out_left -= (int64_t)n;
	s->ending = s->told = s->out_left == 0;
	s->writing = !s->ending;
	conn_moved(s->c);
	kick(s);
}

static void
edge_drop(struct rest_call *call)
{
	struct stream *s = (struct stream *)call;

	s->told = true;
	s->c->doomed = true;
	event_active(s->c->soon, 0, 0);
}

/* Now rather than in the next turn of the loop, as in conn_reply. */
static void
flush(struct stream *s)
{
	struct evbuffer *out = bufferevent_get_output(s->c->bev);

	evbuffer_unfreeze(out, 1);
	(void)evbuffer_write(out, s->c->fd); /* what fails now fails again in the bufferevent */
	evbuffer_freeze(out, 1);
}

/* -- what happens on the connection */

static void
pump_out(struct stream *s)
{
	size_t waiting = evbuffer_get_length(bufferevent_get_output(s->c->bev));

	if (s->writing && waiting < ROOM_BYTES) {
		s->writing = false;
		s->call.on_written(&s->call);
	} else if (s->ending && waiting == 0) {
		finish(s);
	} else if (s->ending) {
		bufferevent_setwatermark(s->c->bev, EV_WRITE, 0, 0);
	}
}

static void
on_kick(evutil_socket_t fd, short what, void *arg)
{
	struct stream *s = arg;

	(void)fd;
	(void)what;
	if (s->reading) {
		pump_in(s);
	} else {
		flush(s);
		pump_out(s);
	}
}

static void
on_readable(struct bufferevent *bev, void *arg)
{
	struct stream *s = arg;

	(void)bev;
	if (s->reading)
		pump_in(s);
	else if (s->ending && evbuffer_get_length(bufferevent_get_output(bev)) == 0)
		finish(s);
}

static void
on_writable(struct bufferevent *bev, void *arg)
{
	struct stream *s = arg;

	(void)bev;
	if (s->reading)
		return;
	conn_moved(s->c);
	pump_out(s);
}

/* A client may shut its sending side down once it has sent everything. */
static void
on_event(struct bufferevent *bev, short what, void *arg)
{
	struct stream *s = arg;

	(void)bev;
	s->keep_alive = false;
	if ((what & BEV_EVENT_EOF) == 0 || !s->in.over)
		conn_drop(s->c);
	else if (s->ending)
		kick(s);
}
