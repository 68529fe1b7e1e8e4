/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The HTTP edge of endpoint.h: listeners, limits, the table of routes, and how answers are written.
 * What is answered is in the serve_*.c files.
 */
#include "shim/endpoint.h"
#include "shim/request.h"
#include "common/log.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/http.h>
#include <stdio.h>
#include <string.h>

#define CONNECTIONS_MAX 64
#define HEADERS_MAX (16 * 1024)
#define BODY_MAX (16 * 1024)
#define TIMEOUT_S 5 /* agent: task_server_setup.go readTimeout, writeTimeout */
#define RATE_PER_S 40
#define RATE_BURST 60
#define API_TIMEOUT_MS 4000 /* agent: ecsCallTimeout */

/* clang-format off */
static const struct route routes[] = {
	{ "/v1/credentials",           1, ROUTE_CREDENTIALS,  serve_credentials,  0 },
	{ "/v2/credentials/{}",        2, ROUTE_CREDENTIALS,  serve_credentials,  0 },
	{ "/v2/metadata",              2, ROUTE_TASK,         serve_metadata,     0 },
	{ "/v2/metadata/",             2, ROUTE_TASK,         serve_metadata,     0 },
	{ "/v2/metadataWithTags",      2, ROUTE_TASK_TAGS,    serve_metadata,     0 },
	{ "/v2/metadataWithTags/",     2, ROUTE_TASK_TAGS,    serve_metadata,     0 },
	{ "/v2/metadata/{}",           2, ROUTE_CONTAINER,    serve_metadata,     0 },
	{ "/v2/stats",                 2, ROUTE_TASK_STATS,   serve_stats,        0 },
	{ "/v2/stats/",                2, ROUTE_TASK_STATS,   serve_stats,        0 },
	{ "/v2/stats/{}",              2, ROUTE_STATS,        serve_stats,        0 },
	{ "/v3/{}",                    3, ROUTE_CONTAINER,    serve_metadata,     0 },
	{ "/v3/{}/task",               3, ROUTE_TASK,         serve_metadata,     0 },
	{ "/v3/{}/taskWithTags",       3, ROUTE_TASK_TAGS,    serve_metadata,     0 },
	{ "/v3/{}/stats",              3, ROUTE_STATS,        serve_stats,        0 },
	{ "/v3/{}/task/stats",         3, ROUTE_TASK_STATS,   serve_stats,        0 },
	{ "/v3/{}/associations/*",     3, ROUTE_ASSOCIATIONS, serve_associations, 0 },
	{ "/v4/{}",                    4, ROUTE_CONTAINER,    serve_metadata,     0 },
	{ "/v4/{}/task",               4, ROUTE_TASK,         serve_metadata,     0 },
	{ "/v4/{}/taskWithTags",       4, ROUTE_TASK_TAGS,    serve_metadata,     0 },
	{ "/v4/{}/stats",              4, ROUTE_STATS,        serve_stats,        0 },
	{ "/v4/{}/task/stats",         4, ROUTE_TASK_STATS,   serve_stats,        0 },
	{ "/v4/{}/associations/*",     4, ROUTE_ASSOCIATIONS, serve_associations, 0 },
	{ "/api/{}/task-protection/v1/state", 1, ROUTE_PROTECTION, serve_protection, BIT(METHOD_GET) | BIT(METHOD_PUT) },
	{ "/api/{}/fault/v1/*",        1, ROUTE_FAULT,        serve_fault,        BIT(METHOD_POST) },
};
/* clang-format on */

/* A connection: evhttp makes and frees them by itself, and this is how they are counted. */
struct client {
	TAILQ_ENTRY(client) next;
	struct endpoint *endpoint;
	struct bufferevent *bev; /* until evcon is known */
	struct event *soon;
	bool attached;
};

struct endpoint {
	struct loop *loop;
	struct task *task;
	struct evhttp *http;
	TAILQ_HEAD(, client) clients;
	size_t n_clients;
	TAILQ_HEAD(, request) requests;
	int64_t tokens; /* thousandths of a request */
	int64_t filled_ms;
	struct stats_memory *stats;
};

static struct bufferevent *on_accept(struct event_base *base, void *arg);
static void on_soon(evutil_socket_t fd, short what, void *arg);
static void on_client_gone(struct evhttp_connection *evcon, void *arg);
static void on_request(struct evhttp_request *http, void *arg);
static void request_free(struct request *r);

struct endpoint *
endpoint_new(struct loop *l, struct task *t)
{
	struct endpoint *e = xcalloc(1, sizeof(*e));

	e->loop = l;
	e->task = t;
	e->tokens = RATE_BURST * 1000;
	e->filled_ms = monotonic_ms();
	TAILQ_INIT(&e->clients);
	TAILQ_INIT(&e->requests);
	e->http = evhttp_new(loop_base(l));
	if (e->http == NULL)
		abort();
	evhttp_set_allowed_methods(e->http, EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_HEAD |
						EVHTTP_REQ_PUT | EVHTTP_REQ_DELETE |
						EVHTTP_REQ_OPTIONS | EVHTTP_REQ_PATCH);
	evhttp_set_timeout(e->http, TIMEOUT_S);
	evhttp_set_max_headers_size(e->http, HEADERS_MAX);
	evhttp_set_max_body_size(e->http, BODY_MAX);
	evhttp_set_default_content_type(e->http, NULL);
	evhttp_set_bevcb(e->http, on_accept, e);
	evhttp_set_gencb(e->http, on_request, e);
	return e;
}

void
endpoint_free(struct endpoint *e)
{
	struct client *c;
	struct request *r;

	if (e == NULL)
		return;
	while ((r = TAILQ_FIRST(&e->requests)) != NULL)
		request_free(r);
	evhttp_free(e->http);
	while ((c = TAILQ_FIRST(&e->clients)) != NULL) {
		if (!c->attached)
			bufferevent_decref(c->bev);
		on_client_gone(NULL, c);
	}
	stats_memory_free(e->stats);
	free(e);
}

struct endpoint_listener *
endpoint_listen(struct endpoint *e, int fd)
{
	struct evhttp_bound_socket *bound = evhttp_accept_socket_with_handle(e->http, fd);

	if (bound == NULL)
		close(fd);
	return (struct endpoint_listener *)bound;
}

void
endpoint_unlisten(struct endpoint *e, struct endpoint_listener *l)
{
	if (l != NULL)
		evhttp_del_accept_socket(e->http, (struct evhttp_bound_socket *)l);
}

/* --- connections --- */

static struct bufferevent *
on_accept(struct event_base *base, void *arg)
{
	struct endpoint *e = arg;
	struct client *c = xcalloc(1, sizeof(*c));

	c->endpoint = e;
	c->bev = bufferevent_socket_new(base, -1, 0);
	c->soon = event_new(base, -1, 0, on_soon, c);
	if (c->bev == NULL || c->soon == NULL)
		abort();
	bufferevent_incref(c->bev); /* until on_soon */
	TAILQ_INSERT_TAIL(&e->clients, c, next);
	e->n_clients++;
	event_active(c->soon, 0, 0);
	return c->bev;
}

/* The accept is over; evhttp's callback argument is the connection, NULL where it is gone again. */
static void
on_soon(evutil_socket_t fd, short what, void *arg)
{
	struct client *c = arg;
	void *evcon = NULL;

	(void)fd;
	(void)what;
	bufferevent_getcb(c->bev, NULL, NULL, NULL, &evcon);
	bufferevent_decref(c->bev);
	c->attached = true;
	if (evcon == NULL) {
		on_client_gone(NULL, c);
		return;
	}
	evhttp_connection_set_closecb(evcon, on_client_gone, c);
	if (c->endpoint->n_clients > CONNECTIONS_MAX)
		evhttp_connection_free(evcon);
}

static void
on_client_gone(struct evhttp_connection *evcon, void *arg)
{
	struct client *c = arg;
	struct request *r, *next;

	for (r = TAILQ_FIRST(&c->endpoint->requests); evcon != NULL && r != NULL; r = next) {
		next = TAILQ_NEXT(r, next);
		if (r->http != NULL && evhttp_request_get_connection(r->http) == evcon)
			request_free(r);
	}
	TAILQ_REMOVE(&c->endpoint->clients, c, next);
	c->endpoint->n_clients--;
	event_free(c->soon);
	free(c);
}

/* --- from a request to its route --- */

/* A bucket of RATE_BURST that fills with RATE_PER_S (agent: config.go). */
static bool
take_token(struct endpoint *e)
{
	int64_t now = monotonic_ms();

	e->tokens += (now - e->filled_ms) * RATE_PER_S;
	e->filled_ms = now;
	if (e->tokens > RATE_BURST * 1000)
		e->tokens = RATE_BURST * 1000;
	if (e->tokens < 1000)
		return false;
	e->tokens -= 1000;
	return true;
}

/* As Go's path.Clean does, but for a slash at the end, which stays. */
char *
endpoint_clean_path(const char *path)
{
	char *out = xcalloc(strlen(path) + 3, 1);
	size_t n = 0;

	while (*path != '\0') {
		size_t len = strcspn(path, "/");

		if (len == 2 && memcmp(path, "..", 2) == 0) {
			while (n > 0 && out[--n] != '/')
				;
		} else if (len > 0 && !(len == 1 && *path == '.')) {
			out[n++] = '/';
			memcpy(out + n, path, len);
			n += len;
		}
		path += len;
		if (*path == '/' && path[1] == '\0' && n > 0)
			out[n++] = '/';
		path += *path == '/';
	}
	if (n == 0)
		out[n++] = '/';
	out[n] = '\0';
	return out;
}

static bool
matches(const char *pattern, const char *path, char **ret_id, const char **ret_rest)
{
	const char *hole = strstr(pattern, "{}");
	size_t before = hole != NULL ? (size_t)(hole - pattern) : strlen(pattern), len;
	const char *after;

	*ret_rest = "";
	if (strncmp(pattern, path, before) != 0)
		return false;
	if (hole == NULL) {
		*ret_id = NULL;
		return path[before] == '\0';
	}
	len = strcspn(path + before, "/");
	after = path + before + len;
	hole += strlen("{}");
	if (len == 0 && *hole != '\0')
		return false;
	before = strcspn(hole, "*");
	if (hole[before] == '*' ? strncmp(hole, after, before) != 0 : strcmp(hole, after) != 0)
		return false;
	*ret_id = xstrndup(after - len, len);
	*ret_rest = after + before;
	return true;
}

static enum request_method
method_of(struct evhttp_request *http)
{
	switch (evhttp_request_get_command(http)) {
	case EVHTTP_REQ_GET:
		return METHOD_GET;
	case EVHTTP_REQ_PUT:
		return METHOD_PUT;
	case EVHTTP_REQ_POST:
		return METHOD_POST;
	default:
		return METHOD_OTHER;
	}
}

/* On the host's loopback also web pages could ask, by a name of their own for 127.0.0.1. */
static bool
host_is_fine(const struct request *r, struct evhttp_request *http)
{
	const char *host = evhttp_find_header(evhttp_request_get_input_headers(http), "Host");
	size_t len = host != NULL ? strcspn(host, ":") : 0;

	return r->task->plan.token == NULL || host == NULL ||
	       (len == strlen("127.0.0.1") && strncmp(host, "127.0.0.1", len) == 0) ||
	       (len == strlen("localhost") && strncmp(host, "localhost", len) == 0);
}

static void
redirect(struct request *r, const char *path)
{
	_cleanup_free_ char *to = xasprintf(
	    "%s%s%s", path, r->query != NULL ? "?" : "", r->query != NULL ? r->query : "");
	_cleanup_free_ char *page = xasprintf("<a href=\"%s\">Moved Permanently</a>.\n\n", to);
	bool plain = strpbrk(to, "<>&\"'\r\n") == NULL;

	evhttp_add_header(evhttp_request_get_output_headers(r->http), "Location", to);
	request_text(r, 301, "text/html; charset=utf-8", plain ? page : "");
}

static void
dispatch(struct request *r, const char *path)
{
	_cleanup_free_ char *clean = endpoint_clean_path(path);
	const char *rest;

	if (!streq(clean, path)) {
		redirect(r, clean);
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(routes); i++) {
		if (!matches(routes[i].pattern, path, &r->id, &rest))
			continue;
		if (routes[i].methods != 0 && (routes[i].methods & BIT(r->method)) == 0) {
			request_text(r, 405, NULL, "");
			return;
		}
		r->route = &routes[i];
		r->rest = xstrdup(rest);
		routes[i].serve(r);
		return;
	}
	request_text(r, 404, "text/plain; charset=utf-8", "404 page not found\n");
}

static void
on_request(struct evhttp_request *http, void *arg)
{
	struct endpoint *e = arg;
	struct evbuffer *in = evhttp_request_get_input_buffer(http);
	const char *uri = evhttp_request_get_uri(http);
	const char *authorization =
	    evhttp_find_header(evhttp_request_get_input_headers(http), "Authorization");
	struct request *r = xcalloc(1, sizeof(*r));
	_cleanup_free_ char *path = NULL;

	r->endpoint = e;
	r->task = e->task;
	r->http = http;
	r->container = REQUEST_NO_CONTAINER;
	r->method = method_of(http);
	TAILQ_INSERT_TAIL(&e->requests, r, next);
	if (has_prefix(uri, "http://"))
		uri += strlen("http://") + strcspn(uri + strlen("http://"), "/?");
	path = xstrndup(uri, strcspn(uri, "?#"));
	if (uri[strlen(path)] == '?')
		r->query = xstrdup(uri + strlen(path) + 1);
	if (authorization != NULL)
		r->authorization = xstrdup(authorization);
	r->body_len = evbuffer_get_length(in);
	r->body = xcalloc(r->body_len + 1, 1);
	(void)evbuffer_copyout(in, r->body, r->body_len);
	if (!take_token(e))
		request_text(
		    r, 429, "text/plain; charset=utf-8", "You have reached maximum request limit.");
	else if (!host_is_fine(r, http))
		request_text(r, 403, "text/plain; charset=utf-8", "unknown host\n");
	else
		dispatch(r, path);
}

/* --- the answer --- */

static void
request_free(struct request *r)
{
	TAILQ_REMOVE(&r->endpoint->requests, r, next);
	for (size_t i = 0; r->fetches != NULL && i < r->task->n; i++) {
		engine_cancel(r->fetches[i].req);
		json_object_put(r->fetches[i].reply);
	}
	aws_cancel(r->api_call);
	timer_free(r->timer);
	json_object_put(r->kept);
	free(r->resource);
	free(r->fetches);
	free(r->id);
	free(r->rest);
	free(r->query);
	free(r->authorization);
	free(r->body);
	free(r);
}

void
request_text(struct request *r, int status, const char *type, const char *text)
{
	struct evhttp_request *http = TAKE(r->http);
	struct evbuffer *out = evbuffer_new();
	struct evkeyvalq *headers = evhttp_request_get_output_headers(http);
	char length[24];

	if (out == NULL)
		abort();
	if (type != NULL)
		evhttp_add_header(headers, "Content-Type", type);
	(void)snprintf(length, sizeof(length), "%zu", strlen(text));
	evhttp_add_header(headers, "Content-Length", length);
	if (evhttp_request_get_command(http) != EVHTTP_REQ_HEAD)
		(void)evbuffer_add(out, text, strlen(text));
	request_free(r);
	evhttp_send_reply(http, status, NULL, out);
	evbuffer_free(out);
}

const char *
request_peer(const struct request *r)
{
	char *address = NULL;
	uint16_t port;

	evhttp_connection_get_peer(evhttp_request_get_connection(r->http), &address, &port);
	return address != NULL ? address : "";
}

/* What Go's encoder escapes in strings: only there these characters can be. */
char *
endpoint_go_json(const char *json)
{
	/* clang-format off */
	static const struct {
		const char *plain, *escaped;
	} rows[] = {
		{ "<", "\\u003c" }, { ">", "\\u003e" }, { "&", "\\u0026" },
		{ "\xe2\x80\xa8", "\\u2028" }, { "\xe2\x80\xa9", "\\u2029" },
	};
	/* clang-format on */
	char *out = xcalloc(6 * strlen(json) + 1, 1), *end = out;

	while (*json != '\0') {
		size_t i = 0;

		while (i < ARRAY_SIZE(rows) && !has_prefix(json, rows[i].plain))
			i++;
		if (i == ARRAY_SIZE(rows)) {
			*end++ = *json++;
		} else {
			end = stpcpy(end, rows[i].escaped);
			json += strlen(rows[i].plain);
		}
	}
	return out;
}

void
request_json(struct request *r, int status, struct json_object *o)
{
	_cleanup_free_ char *text = endpoint_go_json(json_print(o));

	json_object_put(o);
	request_text(r, status, "application/json", text);
}

void
request_error(struct request *r, int status, const char *fmt, ...)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_json_ struct json_object *holder = json_object_new_object();
	va_list ap;

	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	/* json_add_str sees to what is not UTF-8. */
	json_add_str(holder, "e", text);
	request_json(r, status, json_object_get(json_get(holder, "e")));
}

/* --- what requests wait for --- */

void
endpoint_on_engine_down(struct endpoint *e)
{
	struct request *r, *next;

	for (r = e != NULL ? TAILQ_FIRST(&e->requests) : NULL; r != NULL; r = next) {
		next = TAILQ_NEXT(r, next);
		if (r->pending == 0)
			continue;
		for (size_t i = 0; i < r->task->n; i++)
			r->fetches[i].req = NULL; /* gone with the connection */
		request_error(r, 500, "%s",
		    r->route->kind == ROUTE_CONTAINER || r->route->kind == ROUTE_STATS
			? "failed to get container metadata"
			: "failed to get task metadata");
	}
}

struct stats_memory *
request_stats_memory(struct request *r)
{
	struct endpoint *e = r->endpoint;

	if (e->stats == NULL)
		e->stats = stats_memory_new(r->task->n);
	return e->stats;
}

static void
on_api_reply(const struct aws_reply *reply, void *arg)
{
	struct request *r = arg;

	r->api_call = NULL;
	r->api_done(r, reply);
}

void
request_call(struct request *r, const char *operation, struct json_object *body,
    void (*done)(struct request *r, const struct aws_reply *reply))
{
	r->api_done = done;
	r->api_call = aws_send(r->task->aws, &(struct aws_ask){ .service = AWS_ECS,
						 .as = &r->task->credentials,
						 .operation = operation,
						 .body = xstrdup(json_print(body)),
						 .timeout_ms = API_TIMEOUT_MS,
						 .attempts = 1,
						 .on_done = on_api_reply,
						 .arg = r });
	json_object_put(body);
}
