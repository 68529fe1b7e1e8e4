/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From an evhttp request to an answer (see edge.h). An exchange is one request in our hands; it
 * ends in answer() or, when the client goes first, in edge_abandon().
 */
#include "daemon/http/edge.h"

#include "common/json.h"
#include "common/log.h"
#include "daemon/api.h"
#include "daemon/config.h"
#include "daemon/http/credential.h"
#include "daemon/http/event_stream.h"
#include "daemon/http/live_tail.h"
#include "daemon/http/origin.h"
#include "daemon/http/reply.h"
#include "daemon/services/sigv4.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/keyvalq_struct.h>
#include <stdio.h>
#include <string.h>

#define PATH_OWN "/_localemu/"

struct exchange {
	struct edge *edge;
	struct conn *c;
	struct evhttp_request *req;
	struct call *call;           /* while api.c holds it */
	struct reset_wait *reset;    /* while a reset is under way for it */
	struct event_stream *stream; /* while it is sent */
	struct live_tail *tail;      /* the same */
	int64_t start_ms;
	enum wire wire; /* of the answer */
	char what[65];  /* operation or page, for the log */
};

/* Outlives the exchange when the client goes away during a reset. */
struct reset_wait {
	struct exchange *x; /* NULL: nobody waits any more */
};

struct body {
	const char *content_type;
	const char *text;
	size_t len;
};

static bool pass_guard(struct exchange *x);
static void serve_own_page(struct exchange *x, const char *path);
static void serve_front_page(struct exchange *x);
static void serve_aws(struct exchange *x, const char *path, const char *query);
static void on_reply(int http_status, const char *body, size_t len, const char *err_type,
    const char *request_id, void *cookie);
static void answer(struct exchange *x, int status, const struct body *body, const char *err_type,
    const char *request_id);
static void answer_error(
    struct exchange *x, enum wire wire, int status, const char *code, const char *message);
static void answer_method(struct exchange *x, const char *allow);
static const char *method_name(const struct exchange *x);

static const char *
header(const struct exchange *x, const char *name)
{
	return evhttp_find_header(evhttp_request_get_input_headers(x->req), name);
}

static void
add_header(const struct exchange *x, const char *name, const char *value)
{
	evhttp_add_header(evhttp_request_get_output_headers(x->req), name, value);
}

static bool
is_read(const struct exchange *x)
{
	return evhttp_request_get_command(x->req) & (EVHTTP_REQ_GET | EVHTTP_REQ_HEAD);
}

void
edge_request(struct edge *e, struct conn *c, struct evhttp_request *req)
{
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(req);
	const char *path = evhttp_uri_get_path(uri);
	const char *query = evhttp_uri_get_query(uri);
	struct exchange *x = xcalloc(1, sizeof(*x));

	x->edge = e;
	x->c = c;
	x->req = req;
	x->start_ms = monotonic_ms();
	c->exchange = x;
	if (path == NULL)
		path = "";
	if (!pass_guard(x))
		return;
	if (has_prefix(path, PATH_OWN))
		serve_own_page(x, path);
	else if (evhttp_request_get_command(req) == EVHTTP_REQ_OPTIONS)
		answer_method(x, "GET, HEAD, POST, OPTIONS");
	else
		serve_aws(x, path, query);
}

void
edge_abandon(struct conn *c)
{
	struct exchange *x = c->exchange;

	c->exchange = NULL;
	if (x->call != NULL)
		api_cancel(x->call);
	if (x->reset != NULL)
		x->reset->x = NULL;
	event_stream_free(x->stream);
	live_tail_free(x->tail);
	log_debug("op", x->what, "client went away after %lld ms",
	    (long long)(monotonic_ms() - x->start_ms));
	free(x);
}

static bool
pass_guard(struct exchange *x)
{
	struct err e;
	struct origin_request r = {
		.host = header(x, "Host"),
		.uri_host = evhttp_uri_get_host(evhttp_request_get_evhttp_uri(x->req)),
		.origin = header(x, "Origin"),
		.sec_fetch_site = header(x, "Sec-Fetch-Site"),
		.listen_host = x->edge->config->listen_host,
		.local = (const struct sockaddr *)&x->c->local,
	};

	if (origin_check(&r, &e) == 0)
		return true;
	answer_error(x, WIRE_JSON, 403, err_type(e.kind), e.text);
	return false;
}

/* -- pages of our own */

static void
answer_no_page(struct exchange *x)
{
	answer_error(x, WIRE_JSON, 404, "ResourceNotFoundException", "There is no such page.");
}

static void
serve_health(struct exchange *x)
{
	_cleanup_json_ struct json_object *o = json_object_new_object();
	struct body b = { .content_type = "application/json" };

	x->edge->cb.health(o, x->edge->cb.cookie);
	b.text = json_print(o);
	b.len = strlen(b.text);
	answer(x, 200, &b, NULL, NULL);
}

static void
on_reset_done(const struct err *e, void *cookie)
{
	static const struct body done = {
		.content_type = "application/json", .text = "{}", .len = 2
	};
	struct reset_wait *w = cookie;
	struct exchange *x = w->x;

	free(w);
	if (e != NULL)
		log_warn("op", PATH_OWN "state/reset", "%s", e->text);
	if (x == NULL)
		return;
	x->reset = NULL;
	if (e == NULL)
		answer(x, 200, &done, NULL, NULL);
	else
		answer_error(
		    x, WIRE_JSON, 500, err_type(ERR_SERVER), "The state could not be reset.");
}

static void
serve_reset(struct exchange *x)
{
	struct reset_wait *w = xcalloc(1, sizeof(*w));

	w->x = x;
	x->reset = w;
	conn_hold(x->c);
	x->edge->cb.reset(on_reset_done, w, x->edge->cb.cookie);
}

static void
on_stream_end(void *cookie)
{
	struct exchange *x = cookie;

	x->c->exchange = NULL;
	log_debug(
	    "op", x->what, "stream ended after %lld ms", (long long)(monotonic_ms() - x->start_ms));
	free(x);
}

static void
open_stream(struct exchange *x, const struct event_query *q)
{
	char id[37];

	if (event_streams_full(x->edge->streams)) {
		answer_error(x, WIRE_JSON, 503, "ServiceUnavailableException",
		    "Too many streams of events are open.");
		return;
	}
	random_uuid(id);
	add_header(x, "x-amzn-RequestId", id);
	add_header(x, "Content-Type", "text/event-stream");
	add_header(x, "Cache-Control", "no-cache");
	x->stream = event_stream_open(x->edge->streams, x->c, x->req, q, on_stream_end, x);
}

static void
serve_events(struct exchange *x)
{
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(x->req);
	struct body b = { .content_type = "application/json" };
	_cleanup_free_ char *page = NULL;
	struct event_query q;
	struct err e;
	int r;

	if (x->edge->log == NULL) {
		answer_no_page(x);
		return;
	}
	r = event_stream_read_query(x->edge->log, evhttp_uri_get_query(uri), header(x, "Accept"),
	    header(x, "Last-Event-ID"), &q, &e);
	if (r == 0 && q.stream && evhttp_request_get_command(x->req) == EVHTTP_REQ_GET) {
		open_stream(x, &q);
		return;
	}
	if (r == 0)
		page = event_stream_page(x->edge->log, &q, &e);
	if (page == NULL && e.kind == ERR_SERVER) {
		log_err("op", x->what, "%s", e.text);
		answer_error(
		    x, WIRE_JSON, 500, err_type(ERR_SERVER), "The events could not be read.");
	} else if (page == NULL) {
		answer_error(x, WIRE_JSON, 400, err_type(e.kind), e.text);
	} else {
		b.text = page;
		b.len = strlen(page);
		answer(x, 200, &b, NULL, NULL);
	}
}

/* The stream that a query names; all borrowed from it. */
static int
read_stream_name(const struct exchange *x, const struct evkeyvalq *params, struct scope *sc,
    const char **ret_group, const char **ret_stream)
{
	const char *account = evhttp_find_header(params, "account");
	const char *region = evhttp_find_header(params, "region");

	if (account == NULL)
		account = x->edge->config->account_id;
	*ret_group = evhttp_find_header(params, "group");
	*ret_stream = evhttp_find_header(params, "stream");
	if (region == NULL || *ret_group == NULL || *ret_stream == NULL ||
	    strlen(account) >= sizeof(sc->account) || strlen(region) >= sizeof(sc->region))
		return -EINVAL;
	memcpy(sc->account, account, strlen(account) + 1);
	memcpy(sc->region, region, strlen(region) + 1);
	return 0;
}

static void
answer_log_cursor(struct exchange *x, const struct evkeyvalq *params)
{
	_cleanup_json_ struct json_object *o = json_object_new_object();
	struct body b = { .content_type = "application/json" };
	_cleanup_free_ char *cursor = NULL;
	const char *group, *stream;
	struct scope sc;
	struct err e;

	if (read_stream_name(x, params, &sc, &group, &stream) < 0) {
		answer_error(x, WIRE_JSON, 400, err_type(ERR_INVALID_PARAMETER),
		    "The query names a stream by account, region, group and stream.");
		return;
	}
	if (x->edge->cb.log_cursor(&sc, group, stream, &cursor, &e, x->edge->cb.cookie) < 0) {
		log_err("op", x->what, "%s", e.text);
		answer_error(
		    x, WIRE_JSON, 500, err_type(ERR_SERVER), "The cursor could not be read.");
		return;
	}
	json_add(o, "cursor", cursor != NULL ? json_object_new_string(cursor) : NULL);
	b.text = json_print(o);
	b.len = strlen(b.text);
	answer(x, 200, &b, NULL, NULL);
}

static void
serve_log_cursor(struct exchange *x)
{
	const char *query = evhttp_uri_get_query(evhttp_request_get_evhttp_uri(x->req));
	struct evkeyvalq params;

	if (x->edge->cb.log_cursor == NULL) {
		answer_no_page(x);
		return;
	}
	if (evhttp_parse_query_str(query != NULL ? query : "", &params) != 0) {
		answer_error(x, WIRE_JSON, 400, err_type(ERR_INVALID_PARAMETER),
		    "The query is not well-formed.");
		return;
	}
	answer_log_cursor(x, &params);
	evhttp_clear_headers(&params);
}

static void
answer_interruption(struct exchange *x, const struct evkeyvalq *params)
{
	_cleanup_json_ struct json_object *o = json_object_new_object();
	struct body b = { .content_type = "application/json" };
	struct err e = { 0 };
	int64_t n = 0;

	if (x->edge->cb.interrupt_spot(evhttp_find_header(params, "cluster"),
		evhttp_find_header(params, "task"), &n, &e, x->edge->cb.cookie) < 0) {
		log_warn("op", PATH_OWN "simulate/spot-interruption", "%s", e.text);
		answer_error(
		    x, WIRE_JSON, 500, err_type(ERR_SERVER), "The tasks could not be interrupted.");
		return;
	}
	json_add_int(o, "interrupted", n);
	b.text = json_print(o);
	b.len = strlen(b.text);
	answer(x, 200, &b, NULL, NULL);
}

static void
serve_interruption(struct exchange *x)
{
	const char *query = evhttp_uri_get_query(evhttp_request_get_evhttp_uri(x->req));
	struct evkeyvalq params;

	if (x->edge->cb.interrupt_spot == NULL) {
		answer_no_page(x);
		return;
	}
	if (evhttp_parse_query_str(query != NULL ? query : "", &params) != 0) {
		answer_error(x, WIRE_JSON, 400, err_type(ERR_INVALID_PARAMETER),
		    "The query is not well-formed.");
		return;
	}
	answer_interruption(x, &params);
	evhttp_clear_headers(&params);
}

static void
serve_own_page(struct exchange *x, const char *path)
{
	/* clang-format off */
	static const struct {
		const char *path;
		unsigned methods;
		const char *allow;
		void (*serve)(struct exchange *x);
	} pages[] = {
		{ PATH_OWN "events",      EVHTTP_REQ_GET | EVHTTP_REQ_HEAD, "GET, HEAD, OPTIONS", serve_events },
		{ PATH_OWN "health",      EVHTTP_REQ_GET | EVHTTP_REQ_HEAD, "GET, HEAD, OPTIONS", serve_health },
		{ PATH_OWN "logs/cursor", EVHTTP_REQ_GET | EVHTTP_REQ_HEAD, "GET, HEAD, OPTIONS", serve_log_cursor },
		{ PATH_OWN "simulate/spot-interruption", EVHTTP_REQ_POST,   "POST, OPTIONS",      serve_interruption },
		{ PATH_OWN "state/reset", EVHTTP_REQ_POST,                  "POST, OPTIONS",      serve_reset },
	};
	/* clang-format on */

	for (size_t i = 0; i < ARRAY_SIZE(pages); i++) {
		if (strcmp(path, pages[i].path) != 0)
			continue;
		(void)snprintf(x->what, sizeof(x->what), "%s", path);
		if (pages[i].methods & evhttp_request_get_command(x->req))
			pages[i].serve(x);
		else
			answer_method(x, pages[i].allow);
		return;
	}
	answer_no_page(x);
}

static void
serve_front_page(struct exchange *x)
{
	static const char text[] = "This is localemu-ecs, a local Amazon ECS.\n"
				   "\n"
				   "It speaks the AWS API at this address: aws --endpoint-url "
				   "http://127.0.0.1:4566 ecs list-clusters\n"
				   "Its state: /_localemu/health\n";
	static const struct body front = { "text/plain; charset=utf-8", text, sizeof(text) - 1 };

	answer(x, 200, &front, NULL, NULL);
}

/* -- AWS */

/* The request as its sender saw it. `headers` is the caller's room; what does not fit in was not
 * signed by anybody whom we know. */
static struct sigv4_request
signed_request(const struct exchange *x, struct sigv4_header headers[static SIGV4_HEADERS_MAX])
{
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(x->req);
	struct evbuffer *in = evhttp_request_get_input_buffer(x->req);
	const char *method = method_name(x);
	const char *path = evhttp_uri_get_path(uri);
	struct sigv4_request r = {
		.method = method != NULL ? method : "",
		.path = path != NULL ? path : "",
		.query = evhttp_uri_get_query(uri),
		.headers = headers,
		.body_len = evbuffer_get_length(in),
	};
	const struct evkeyval *h;

	r.body = r.body_len > 0 ? (const char *)evbuffer_pullup(in, -1) : "";
	TAILQ_FOREACH(h, evhttp_request_get_input_headers(x->req), next)
	{
		if (r.n_headers == SIGV4_HEADERS_MAX)
			break;
		headers[r.n_headers++] = (struct sigv4_header){ h->key, h->value };
	}
	return r;
}

static void
call_api(struct exchange *x, const struct recognised *r, const struct credential *who,
    const char *body, size_t len)
{
	struct sigv4_header headers[SIGV4_HEADERS_MAX];
	const struct sigv4_request signature = signed_request(x, headers);
	struct call *call;
	struct api_request request = {
		.service = r->served,
		.operation = r->operation,
		.body = body,
		.body_len = len,
		.access_key = who->access_key,
		.log_cursor =
		    x->c->local.ss_family == AF_UNIX ? header(x, "X-Localemu-Log-Cursor") : NULL,
		.on_reply = on_reply,
		.cookie = x,
		.source_ip = conn_peer(x->c),
		.user_agent =
		    evhttp_find_header(evhttp_request_get_input_headers(x->req), "User-Agent"),
		.signature = &signature,
	};

	(void)snprintf(request.scope.account, sizeof(request.scope.account), "%s",
	    credential_account(who, x->edge->config->account_id));
	(void)snprintf(
	    request.scope.region, sizeof(request.scope.region), "%s", credential_region(who));
	(void)snprintf(x->what, sizeof(x->what), "%s", r->operation);
	x->wire = r->wire;
	call = api_request(x->edge->api, &request);
	if (call == NULL)
		return; /* answered, and x is gone */
	x->call = call;
	conn_hold(x->c);
}

/* A request for a service that is not built here, or for nothing that AWS has. */
static void
refuse(struct exchange *x, const struct recognised *r, const char *path)
{
	char message[256];

	if (r->service[0] != '\0' && r->served == NULL) {
		(void)snprintf(
		    message, sizeof(message), "The service %s is not available here.", r->service);
		if (r->wire == WIRE_REST_XML)
			answer_error(x, r->wire, 501, "NotImplemented", message);
		else
			answer_error(x, r->wire, 400,
			    r->wire == WIRE_JSON ? "UnknownOperationException" : "InvalidAction",
			    message);
	} else if (r->wire == WIRE_QUERY) {
		(void)snprintf(
		    message, sizeof(message), "The action %s is not available here.", r->operation);
		answer_error(x, r->wire, 400, "InvalidAction", message);
	} else if (strcmp(path, "/") != 0 && path[0] != '\0') {
		answer_error(x, WIRE_JSON, 404, "UnknownOperationException",
		    "Nothing is served at this path: POST the operation to /.");
	} else if (evhttp_request_get_command(x->req) == EVHTTP_REQ_POST) {
		answer_error(x, WIRE_JSON, 400, "UnknownOperationException",
		    "The X-Amz-Target header names no operation.");
	} else {
		answer_method(x, "GET, HEAD, POST, OPTIONS");
	}
}

static void
serve_aws(struct exchange *x, const char *path, const char *query)
{
	struct evbuffer *in = evhttp_request_get_input_buffer(x->req);
	size_t len = evbuffer_get_length(in);
	const char *body = len > 0 ? (const char *)evbuffer_pullup(in, -1) : "";
	bool root = path[0] == '\0' || strcmp(path, "/") == 0;
	struct credential who;
	struct recognised r;

	credential_read(header(x, "Authorization"), query, &who);
	recognise(&(struct recognise_request){ .target = header(x, "X-Amz-Target"),
		      .content_type = header(x, "Content-Type"),
		      .query = query,
		      .body = body,
		      .body_len = len,
		      .credential_service = who.service,
		      .host = header(x, "Host") },
	    &r);
	if (r.served != NULL && root && r.in_query &&
	    (evhttp_request_get_command(x->req) & (EVHTTP_REQ_GET | EVHTTP_REQ_POST)) != 0)
		call_api(x, &r, &who, query, strlen(query));
	else if (r.served != NULL && root && !r.in_query &&
		 evhttp_request_get_command(x->req) == EVHTTP_REQ_POST)
		call_api(x, &r, &who, body, len);
	else if (root && is_read(x) && r.wire == WIRE_JSON && r.service[0] == '\0')
		serve_front_page(x);
	else
		refuse(x, &r, path);
}

/* The answer of StartLiveTail is what its stream begins with. */
static void
open_tail(struct exchange *x, const char *session, size_t len, const char *request_id)
{
	struct err e = { 0 };

	add_header(x, "x-amzn-RequestId", request_id);
	add_header(x, "Content-Type", "application/vnd.amazon.eventstream");
	x->tail = live_tail_open(x->edge->tails, x->c, x->req, session, len, on_stream_end, x, &e);
	if (x->tail != NULL)
		return;
	evhttp_clear_headers(evhttp_request_get_output_headers(x->req));
	answer_error(x, WIRE_JSON, 400, err_type(e.kind), e.text);
}

static void
on_reply(int http_status, const char *body, size_t len, const char *err_type,
    const char *request_id, void *cookie)
{
	struct exchange *x = cookie;
	struct body b = {
		.content_type = protocol_content_type(x->wire), .text = body, .len = len
	};

	x->call = NULL;
	if (http_status == 200 && x->edge->tails != NULL && streq(x->what, "StartLiveTail")) {
		open_tail(x, body, len, request_id);
		return;
	}
	answer(x, http_status, &b, x->wire == WIRE_JSON ? err_type : NULL, request_id);
}

/* -- answers */

static const char *
method_name(const struct exchange *x)
{
	/* clang-format off */
	static const struct {
		enum evhttp_cmd_type type;
		const char *name;
	} names[] = {
		{ EVHTTP_REQ_GET,     "GET" },
		{ EVHTTP_REQ_POST,    "POST" },
		{ EVHTTP_REQ_HEAD,    "HEAD" },
		{ EVHTTP_REQ_PUT,     "PUT" },
		{ EVHTTP_REQ_DELETE,  "DELETE" },
		{ EVHTTP_REQ_OPTIONS, "OPTIONS" },
		{ EVHTTP_REQ_TRACE,   "TRACE" },
		{ EVHTTP_REQ_CONNECT, "CONNECT" },
		{ EVHTTP_REQ_PATCH,   "PATCH" },
	};
	/* clang-format on */

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (evhttp_request_get_command(x->req) == names[i].type)
			return names[i].name;
	}
	return NULL;
}

static void
log_exchange(const struct exchange *x, int status)
{
	const char *method = method_name(x);
	long long ms = monotonic_ms() - x->start_ms;

	log_line(status >= 500 ? LOG_LEVEL_WARN : LOG_LEVEL_DEBUG, "op", x->what,
	    "%s %d in %lld ms", method != NULL ? method : "?", status, ms);
}

/* Ends the exchange. */
static void
answer(struct exchange *x, int status, const struct body *body, const char *err_type,
    const char *request_id)
{
	struct evbuffer *out = evbuffer_new();
	char id[37];
	char len[24];

	if (out == NULL)
		abort();
	if (request_id == NULL) {
		random_uuid(id);
		request_id = id;
	}
	add_header(x, "x-amzn-RequestId", request_id);
	if (err_type != NULL)
		add_header(x, "x-amzn-ErrorType", err_type);
	if (body->len > 0)
		add_header(x, "Content-Type", body->content_type);
	if (status != 204) {
		(void)snprintf(len, sizeof(len), "%zu", body->len);
		add_header(x, "Content-Length", len);
	}
	if (evhttp_request_get_command(x->req) != EVHTTP_REQ_HEAD)
		evbuffer_add(out, body->text, body->len);
	if (method_name(x) == NULL || evhttp_request_get_command(x->req) == EVHTTP_REQ_CONNECT) {
		/* evhttp has not looked for a body: what follows may be anything */
		add_header(x, "Connection", "close");
		x->c->linger = true;
	}
	log_exchange(x, status);
	x->c->exchange = NULL;
	conn_reply(x->c, x->req, status, out);
	evbuffer_free(out);
	free(x);
}

static void
answer_error(struct exchange *x, enum wire wire, int status, const char *code, const char *message)
{
	char id[37];
	struct body b;
	_cleanup_free_ char *text = NULL;

	random_uuid(id);
	text = reply_error_body(wire, status, code, message, id, &b.content_type);
	b.text = text;
	b.len = strlen(text);
	answer(x, status, &b, wire == WIRE_JSON ? code : NULL, id);
}

static void
answer_method(struct exchange *x, const char *allow)
{
	static const struct body none = { .text = "" };

	add_header(x, "Allow", allow);
	if (evhttp_request_get_command(x->req) == EVHTTP_REQ_OPTIONS)
		answer(x, 204, &none, NULL, NULL);
	else
		answer_error(x, WIRE_JSON, 405, "MethodNotAllowedException",
		    "This method means nothing here.");
}
