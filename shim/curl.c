/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libcurl's multi interface on the loop. libcurl may not be called from its own callbacks, so these
 * only collect; what came is given out when libcurl has returned. Called by engine.c,
 * endpoint.c and aws.c; it must not know what is asked.
 */
#include "shim/curl.h"

#include <curl/curl.h>
#include <errno.h>
#include <string.h>

#define CONNECTIONS_KEPT 4L
#define CONNECT_TIMEOUT_MS 5000L
#define BUFFER_BYTES 8192L
#define DATA_MAX 65536           /* libcurl reads on as long as something comes: not more at once */
#define DATA_BUFFER_BYTES 32768L /* of a request with on_data: much may come */
#define SOCKET_ORIGIN "http://localhost" /* what the Host of a request over the socket says */

struct curl_io {
	struct loop *loop;
	char *socket_path;
	CURLM *multi;
	struct event *timer;
	struct curl_slist *headers;
	struct curl_io_req *reqs;
};

struct curl_io_req {
	struct curl_io *io;
	struct curl_io_req *next, **link;
	void (*on_line)(const char *line, size_t len, void *arg);
	void (*on_data)(const char *data, size_t len, void *arg);
	void (*on_done)(const struct curl_io_reply *r, void *arg);
	void *arg;
	CURL *easy;
	struct curl_slist *headers; /* of its own, NULL: those of all */
	size_t reply_max;
	char *body; /* what was received and not yet given out */
	size_t len, size;
	bool oversize;
	bool paused; /* by its owner */
	bool full;   /* libcurl keeps what did not fit into `body` */
	bool fresh;  /* `body` has bytes that no line was looked for in */
	bool done;
	CURLcode result;
	bool busy;      /* one of its callbacks runs */
	bool cancelled; /* by that callback */
};

static int on_curl_socket(CURL *easy, curl_socket_t fd, int what, void *userp, void *socketp);
static int on_curl_timer(CURLM *multi, long timeout_ms, void *userp);
static void on_timer(evutil_socket_t fd, short what, void *arg);
static void req_free(struct curl_io_req *r);

static void *
require(void *p)
{
	if (p == NULL)
		abort();
	return p;
}

struct curl_io *
curl_io_new(struct loop *l, const char *socket_path)
{
	struct curl_io *io = xcalloc(1, sizeof(*io));

	(void)curl_global_init(CURL_GLOBAL_NOTHING);
	io->loop = l;
	io->socket_path = xstrdup(socket_path);
	io->multi = require(curl_multi_init());
	io->timer = require(evtimer_new(loop_base(l), on_timer, io));
	io->headers = require(curl_slist_append(NULL, "Content-Type: application/json"));
	io->headers = require(curl_slist_append(io->headers, "Expect:"));
	curl_multi_setopt(io->multi, CURLMOPT_SOCKETFUNCTION, on_curl_socket);
	curl_multi_setopt(io->multi, CURLMOPT_SOCKETDATA, io);
	curl_multi_setopt(io->multi, CURLMOPT_TIMERFUNCTION, on_curl_timer);
	curl_multi_setopt(io->multi, CURLMOPT_TIMERDATA, io);
	curl_multi_setopt(io->multi, CURLMOPT_MAXCONNECTS, CONNECTIONS_KEPT);
	return io;
}

void
curl_io_free(struct curl_io *io)
{
	if (io == NULL)
		return;
	while (io->reqs != NULL)
		req_free(io->reqs);
	curl_multi_cleanup(io->multi);
	event_free(io->timer);
	curl_slist_free_all(io->headers);
	free(io->socket_path);
	free(io);
}

static size_t
on_curl_write(char *data, size_t size, size_t n, void *userp)
{
	struct curl_io_req *r = userp;
	size_t add = size * n;

	if (r->cancelled || add > r->reply_max - r->len) {
		r->oversize = !r->cancelled;
		return 0;
	}
	if (r->on_data != NULL && r->len > 0 && r->len + add > DATA_MAX) {
		r->full = true;
		return CURL_WRITEFUNC_PAUSE;
	}
	if (r->len + add + 1 > r->size) {
		r->size = (r->len + add + 1) * 3 / 2;
		r->body = xrealloc(r->body, r->size, 1);
	}
	memcpy(r->body + r->len, data, add);
	r->len += add;
	r->body[r->len] = '\0';
	r->fresh = true;
	return add;
}

static void
set_method(CURL *h, const struct curl_io_ask *ask)
{
	if (ask->body != NULL || streq(ask->method, "POST")) {
		const char *body = ask->body != NULL ? ask->body : "";
		size_t len = ask->body_len != 0 ? ask->body_len : strlen(body);

		curl_easy_setopt(h, CURLOPT_POST, 1L);
		curl_easy_setopt(h, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)len);
		curl_easy_setopt(
		    h, ask->body_stays ? CURLOPT_POSTFIELDS : CURLOPT_COPYPOSTFIELDS, body);
	} else if (!streq(ask->method, "GET")) {
		curl_easy_setopt(h, CURLOPT_CUSTOMREQUEST, ask->method);
	}
}

static void
add_header(struct curl_io_req *r, const char *line)
{
	r->headers = require(curl_slist_append(r->headers, line));
}

/* The session token is part of what is signed: to libcurl it is a header as any other. */
static void
set_signature(struct curl_io_req *r, const struct curl_io_sign *sign)
{
	_cleanup_free_ char *scope = xasprintf("aws:amz:%s:%s", sign->region, sign->service);

	if (sign->token != NULL) {
		_cleanup_free_ char *token = xasprintf("X-Amz-Security-Token: %s", sign->token);

		add_header(r, token);
	}
	curl_easy_setopt(r->easy, CURLOPT_AWS_SIGV4, scope);
	curl_easy_setopt(r->easy, CURLOPT_USERNAME, sign->key);
	curl_easy_setopt(r->easy, CURLOPT_PASSWORD, sign->secret);
}

static void
set_headers(struct curl_io_req *r, const struct curl_io_ask *ask)
{
	for (size_t i = 0; i < CURL_IO_HEADERS_MAX && ask->headers[i] != NULL; i++)
		add_header(r, ask->headers[i]);
	if (ask->sign != NULL)
		set_signature(r, ask->sign);
	if (r->headers != NULL)
		add_header(r, "Expect:");
	curl_easy_setopt(
	    r->easy, CURLOPT_HTTPHEADER, r->headers != NULL ? r->headers : r->io->headers);
}

static void
set_peer(const struct curl_io_req *r, const struct curl_io_ask *ask)
{
	_cleanup_free_ char *url =
	    xasprintf("%s%s", ask->origin != NULL ? ask->origin : SOCKET_ORIGIN, ask->url);

	if (ask->origin == NULL)
		curl_easy_setopt(r->easy, CURLOPT_UNIX_SOCKET_PATH, r->io->socket_path);
	curl_easy_setopt(r->easy, CURLOPT_URL, url);
	curl_easy_setopt(r->easy, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(r->easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(r->easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(r->easy, CURLOPT_PROXY, "");
}

struct curl_io_req *
curl_io_send(struct curl_io *io, const struct curl_io_ask *ask)
{
	struct curl_io_req *r = xcalloc(1, sizeof(*r));
	CURL *h = require(curl_easy_init());

	*r = (struct curl_io_req){
		.io = io,
		.on_line = ask->on_line,
		.on_data = ask->on_data,
		.on_done = ask->on_done,
		.arg = ask->arg,
		.easy = h,
		.reply_max = ask->reply_max != 0 ? ask->reply_max : CURL_IO_REPLY_MAX,
		.next = io->reqs,
		.link = &io->reqs,
	};
	if (r->next != NULL)
		r->next->link = &r->next;
	io->reqs = r;
	set_peer(r, ask);
	set_method(h, ask);
	set_headers(r, ask);
	curl_easy_setopt(h, CURLOPT_PRIVATE, r);
	curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(
	    h, CURLOPT_BUFFERSIZE, ask->on_data != NULL ? DATA_BUFFER_BYTES : BUFFER_BYTES);
	curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, on_curl_write);
	curl_easy_setopt(h, CURLOPT_WRITEDATA, r);
	curl_easy_setopt(h, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS);
	curl_easy_setopt(h, CURLOPT_TIMEOUT_MS, (long)ask->timeout_ms);
	curl_easy_setopt(h, CURLOPT_FRESH_CONNECT, (long)ask->once);
	curl_easy_setopt(h, CURLOPT_FORBID_REUSE, (long)ask->once);
	if (curl_multi_add_handle(io->multi, h) != CURLM_OK)
		abort();
	return r;
}

void
curl_io_cancel(struct curl_io_req *r)
{
	if (r == NULL)
		return;
	if (r->busy)
		r->cancelled = true;
	else
		req_free(r);
}

void
curl_io_cancel_all(struct curl_io *io)
{
	for (struct curl_io_req *r = io->reqs, *next; r != NULL; r = next) {
		next = r->next;
		curl_io_cancel(r);
	}
}

void
curl_io_pause(struct curl_io_req *r, bool pause)
{
	r->paused = pause;
	if (!pause)
		r->full = false;
	(void)curl_easy_pause(r->easy, pause ? CURLPAUSE_RECV : CURLPAUSE_CONT);
}

char *
curl_io_escape(const char *text)
{
	char *escaped = require(curl_easy_escape(NULL, text, 0));
	char *out = xstrdup(escaped);

	curl_free(escaped);
	return out;
}

static void
req_free(struct curl_io_req *r)
{
	*r->link = r->next;
	if (r->next != NULL)
		r->next->link = r->link;
	curl_multi_remove_handle(r->io->multi, r->easy);
	curl_easy_cleanup(r->easy);
	curl_slist_free_all(r->headers);
	free(r->body);
	free(r);
}

static int
errnum_of(const struct curl_io_req *r)
{
	if (r->oversize)
		return EMSGSIZE;
	if (r->result == CURLE_OK)
		return 0;
	return r->result == CURLE_OPERATION_TIMEDOUT ? ETIMEDOUT : ECONNREFUSED;
}

static int
status_of(const struct curl_io_req *r)
{
	long status = 0;

	(void)curl_easy_getinfo(r->easy, CURLINFO_RESPONSE_CODE, &status);
	return (int)status;
}

static void
give_done(struct curl_io_req *r)
{
	struct curl_io_reply reply = {
		.errnum = errnum_of(r),
		.error = r->result == CURLE_OK ? "" : curl_easy_strerror(r->result),
		.status = status_of(r),
		.body = r->body != NULL ? r->body : "",
		.len = r->len,
		.req = r,
	};

	r->on_done(&reply, r->arg);
}

const char *
curl_io_header(const struct curl_io_reply *r, const char *name)
{
	struct curl_header *h = NULL;

	if (curl_easy_header(r->req->easy, name, 0, CURLH_HEADER, -1, &h) != CURLHE_OK)
		return NULL;
	return h->value;
}

/* Gives out whole lines and keeps the rest. */
static void
give_lines(struct curl_io_req *r)
{
	char *at = r->body, *end;

	while (!r->cancelled && (end = memchr(at, '\n', r->len - (size_t)(at - r->body))) != NULL) {
		size_t len = (size_t)(end - at);

		if (len > 0 && at[len - 1] == '\r')
			len--;
		at[len] = '\0';
		if (len > 0)
			r->on_line(at, len, r->arg);
		at = end + 1;
	}
	r->len -= (size_t)(at - r->body);
	memmove(r->body, at, r->len);
	r->body[r->len] = '\0';
}

static void
give_data(struct curl_io_req *r)
{
	size_t len = r->len;

	r->len = 0;
	r->on_data(r->body, len, r->arg);
	if (r->full && !r->paused && !r->cancelled)
		curl_io_pause(r, false);
}

/* Returns true if the request is over and was freed. */
static bool
give(struct curl_io_req *r)
{
	bool fresh = r->fresh && status_of(r) == 200;

	r->busy = true;
	r->fresh = false; /* what is given out may make room for more */
	if (fresh && r->on_line != NULL)
		give_lines(r);
	else if (fresh && r->on_data != NULL)
		give_data(r);
	if (r->done && !r->cancelled)
		give_done(r);
	r->busy = false;
	if (!r->done && !r->cancelled)
		return false;
	req_free(r);
	return true;
}

/* What came since, outside of libcurl. A callback may start and cancel any request: look from the
 * start each time. */
static void
give_all(struct curl_io *io)
{
	struct curl_io_req *r;
	CURLMsg *m;
	int left;

	while ((m = curl_multi_info_read(io->multi, &left)) != NULL) {
		if (m->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &r);
		r->done = true;
		r->result = m->data.result;
	}
	for (r = io->reqs; r != NULL;) {
		if (!r->done && !(r->fresh && (r->on_line != NULL || r->on_data != NULL))) {
			r = r->next;
			continue;
		}
		(void)give(r);
		r = io->reqs;
	}
}

static void
on_socket(evutil_socket_t fd, short what, void *arg)
{
	struct curl_io *io = arg;
	int running;
	int mask =
	    ((what & EV_READ) ? CURL_CSELECT_IN : 0) | ((what & EV_WRITE) ? CURL_CSELECT_OUT : 0);

	(void)curl_multi_socket_action(io->multi, fd, mask, &running);
	give_all(io);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct curl_io *io = arg;
	int running;

	(void)fd;
	(void)what;
	(void)curl_multi_socket_action(io->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	give_all(io);
}

static int
on_curl_socket(CURL *easy, curl_socket_t fd, int what, void *userp, void *socketp)
{
	struct curl_io *io = userp;
	struct event *ev = socketp;
	short mask = (short)(((what & CURL_POLL_IN) ? EV_READ : 0) |
			     ((what & CURL_POLL_OUT) ? EV_WRITE : 0));

	(void)easy;
	if (ev != NULL)
		event_free(ev);
	ev = NULL;
	if (what != CURL_POLL_REMOVE) {
		ev = require(
		    event_new(loop_base(io->loop), fd, (short)(mask | EV_PERSIST), on_socket, io));
		(void)event_add(ev, NULL);
	}
	(void)curl_multi_assign(io->multi, fd, ev);
	return 0;
}

static int
on_curl_timer(CURLM *multi, long timeout_ms, void *userp)
{
	struct curl_io *io = userp;
	struct timeval tv = { .tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000 };

	(void)multi;
	if (timeout_ms < 0)
		(void)event_del(io->timer);
	else
		(void)event_add(io->timer, &tv);
	return 0;
}
