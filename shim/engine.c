/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The connection to the Engine and its requests: reachability, version, the event stream, one
 * struct engine_req and one completion for all calls. Called by the task's files; what replies look
 * like is in engine_read.c.
 */
#include "shim/engine.h"
#include "shim/curl.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define RETRY_MIN_MS 50
#define RETRY_MAX_MS 1000
#define PING_TIMEOUT_MS 10000
#define CREATE_TAKES_PLATFORM 41 /* since API 1.41 */

const struct engine_limits engine_limits_agent = {
	.inspect_ms = 30 * 1000,
	.create_ms = 4 * 60 * 1000,
	.start_ms = 3 * 60 * 1000,
	.remove_ms = 5 * 60 * 1000,
	.volume_ms = 5 * 60 * 1000,
	.stop_extra_ms = 2 * 60 * 1000,
};

struct engine {
	struct loop *loop;
	const struct engine_limits *limits;
	struct curl_io *io;
	const struct engine_callbacks *cb;
	char *socket_path;
	char *label;
	int64_t since_ms; /* the last event's time: the next subscription starts there */
	char version[16];
	bool pinged;
	bool up;
	int64_t retry_ms;
	struct timer *retry;
	struct engine_req *reqs;
};

struct engine_req {
	struct engine *engine;
	struct engine_req *next, **link;
	struct curl_io_req *io_req;
	engine_done_fn *done;
	void *arg;
	char *stream_error; /* a pull's, from inside its stream */
	void (*on_progress)(const char *status, void *arg);
	void (*on_data)(const char *data, size_t len, void *arg); /* a log stream's */
};

static void engine_ping(void *arg);
static void engine_subscribe(struct engine *e);
static void engine_lost(struct engine *e);
static void on_ping(const struct curl_io_reply *r, void *arg);
static void on_event_line(const char *line, size_t len, void *arg);
static void on_events_end(const struct curl_io_reply *r, void *arg);
static void on_reply(const struct curl_io_reply *r, void *arg);
static void on_pull_line(const char *line, size_t len, void *arg);

struct engine *
engine_new(struct loop *l, const char *socket_path, const struct engine_callbacks *cb)
{
	struct engine *e = xcalloc(1, sizeof(*e));

	e->loop = l;
	e->limits = &engine_limits_agent;
	e->cb = cb;
	e->socket_path = xstrdup(socket_path);
	e->io = curl_io_new(l, socket_path);
	e->retry_ms = RETRY_MIN_MS;
	e->retry = timer_new(l, engine_ping, e);
	engine_ping(e);
	return e;
}

static void
req_free(struct engine_req *r)
{
	*r->link = r->next;
	if (r->next != NULL)
		r->next->link = r->link;
	free(r->stream_error);
	free(r);
}

void
engine_free(struct engine *e)
{
	if (e == NULL)
		return;
	while (e->reqs != NULL)
		req_free(e->reqs);
	curl_io_free(e->io);
	timer_free(e->retry);
	free(e->socket_path);
	free(e->label);
	free(e);
}

void
engine_watch(struct engine *e, const char *label, int64_t since_ms)
{
	e->label = xstrdup(label);
	e->since_ms = since_ms;
	if (e->pinged)
		engine_subscribe(e);
}

void
engine_set_limits(struct engine *e, const struct engine_limits *limits)
{
	e->limits = limits;
}

bool
engine_is_up(const struct engine *e)
{
	return e->up;
}

char *
engine_away_text(const struct engine *e)
{
	return xasprintf(
	    "Cannot connect to the Docker daemon at unix://%s. Is the docker daemon running?",
	    e->socket_path);
}

static void
engine_ping(void *arg)
{
	struct engine *e = arg;

	(void)curl_io_send(e->io, &(struct curl_io_ask){ .method = "GET",
				      .url = "/_ping",
				      .timeout_ms = PING_TIMEOUT_MS,
				      .on_done = on_ping,
				      .arg = e });
}

static void
on_ping(const struct curl_io_reply *r, void *arg)
{
	struct engine *e = arg;

	if (r->errnum != 0 || r->status != 200) {
		engine_lost(e);
		return;
	}
	engine_version_agree(curl_io_header(r, "Api-Version"), e->version);
	e->pinged = true;
	if (e->label != NULL)
		engine_subscribe(e);
}

static void
append_escaped(char **s, const char *text)
{
	static const char plain[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
	size_t at = strlen(*s);
	char *out = xrealloc(*s, at + 3 * strlen(text) + 1, 1);

	for (; *text != '\0'; text++) {
		if (strchr(plain, *text) != NULL)
			out[at++] = *text;
		else
			at += (size_t)sprintf(out + at, "%%%02X", (unsigned char)*text);
	}
	out[at] = '\0';
	*s = out;
}

static void
append(char **s, const char *text)
{
	char *longer = xasprintf("%s%s", *s, text);

	free(*s);
	*s = longer;
}

/* The filter on our label, as /events and /containers/json take it. */
static char *
filters(const struct engine *e, bool events)
{
	static const char *const wanted[] = { "start", "die", "stop", "kill", "oom", "destroy",
		"health_status" };
	_cleanup_json_ struct json_object *o = json_object_new_object();
	struct json_object *labels = json_object_new_array();
	char *s = xstrdup("filters=");

	json_object_array_add(labels, json_object_new_string(e->label));
	json_add(o, "label", labels);
	if (events) {
		struct json_object *kinds = json_object_new_array();

		for (size_t i = 0; i < ARRAY_SIZE(wanted); i++)
			json_object_array_add(kinds, json_object_new_string(wanted[i]));
		json_add(o, "event", kinds);
	}
	append_escaped(&s, json_print(o));
	return s;
}

/* With `since` the Engine replays what happened while nobody listened: nothing can fall between
 * this and the look at the facts that follows. Events may so come twice. */
static void
engine_subscribe(struct engine *e)
{
	_cleanup_free_ char *filter = filters(e, true);
	_cleanup_free_ char *url = xasprintf("/v%s/events?since=%" PRId64 ".%03d&%s", e->version,
	    e->since_ms / 1000, (int)(e->since_ms % 1000), filter);

	(void)curl_io_send(e->io, &(struct curl_io_ask){ .method = "GET",
				      .url = url,
				      .on_line = on_event_line,
				      .on_done = on_events_end,
				      .arg = e });
	e->up = true;
	e->cb->on_up(e->cb->cookie);
}

static void
on_event_line(const char *line, size_t len, void *arg)
{
	struct engine *e = arg;
	_cleanup_json_ struct json_object *o = NULL;
	struct engine_event ev;

	e->retry_ms = RETRY_MIN_MS;
	if (!e->up || json_parse(line, len, &o, NULL) < 0 || engine_event_read(o, &ev) < 0)
		return;
	if (ev.time_ms > e->since_ms)
		e->since_ms = ev.time_ms;
	e->cb->on_event(&ev, e->cb->cookie);
}

static void
on_events_end(const struct curl_io_reply *r, void *arg)
{
	(void)r;
	engine_lost(arg);
}

/* Requests still in libcurl end without a call; their owners are told once, by on_down. */
static void
engine_lost(struct engine *e)
{
	bool was_up = e->up;

	curl_io_cancel_all(e->io);
	while (e->reqs != NULL)
		req_free(e->reqs);
	e->pinged = e->up = false;
	timer_set(e->retry, e->retry_ms);
	e->retry_ms = e->retry_ms * 2 < RETRY_MAX_MS ? e->retry_ms * 2 : RETRY_MAX_MS;
	if (was_up)
		e->cb->on_down(e->cb->cookie);
}

/* One call: `path` follows the version. */
static struct engine_req *
engine_ask(
    struct engine *e, struct curl_io_ask ask, const char *path, engine_done_fn *done, void *arg)
{
	_cleanup_free_ char *url = xasprintf("/v%s%s", e->version, path);
	struct engine_req *r = xcalloc(1, sizeof(*r));

	*r = (struct engine_req){
		.engine = e, .next = e->reqs, .link = &e->reqs, .done = done, .arg = arg
	};
	if (r->next != NULL)
		r->next->link = &r->next;
	e->reqs = r;
	ask.url = url;
	ask.on_done = on_reply;
	ask.arg = r;
	r->io_req = curl_io_send(e->io, &ask);
	return r;
}

void
engine_cancel(struct engine_req *r)
{
	if (r == NULL)
		return;
	curl_io_cancel(r->io_req);
	req_free(r);
}

/* The text of an error, "Error response from daemon: …" as Docker's client prints it; NULL where it
 * worked. */
static char *
error_text(const struct engine_req *r, const struct curl_io_reply *reply, struct json_object *body)
{
	const char *message = json_get_str(body, "message");

	if (reply->errnum == ETIMEDOUT)
		return xstrdup("timed out waiting for the Docker daemon");
	if (reply->errnum == ECONNREFUSED)
		return xstrdup("the Docker daemon closed the connection");
	if (reply->errnum != 0)
		return xstrdup("reply of the Docker daemon is too large");
	if (r->stream_error != NULL)
		return xasprintf("Error response from daemon: %s", r->stream_error);
	if ((reply->status >= 200 && reply->status < 300) || reply->status == 304)
		return NULL;
	return xasprintf(
	    "Error response from daemon: %s", message != NULL ? message : "no reason given");
}

static void
on_reply(const struct curl_io_reply *reply, void *arg)
{
	struct engine_req *r = arg;
	struct engine *e = r->engine;
	_cleanup_json_ struct json_object *body = NULL;
	_cleanup_free_ char *text = NULL;
	engine_done_fn *done = r->done;
	void *done_arg = r->arg;

	if (reply->errnum == ECONNREFUSED && r->on_data == NULL) {
		engine_lost(e);
		return;
	}
	e->retry_ms = RETRY_MIN_MS;
	if (reply->len > 0)
		(void)json_parse(reply->body, reply->len, &body, NULL);
	text = error_text(r, reply, body);
	req_free(r);
	done(
	    &(struct engine_reply){
		.status = reply->status, .errnum = reply->errnum, .body = body, .text = text },
	    done_arg);
}

struct engine_req *
engine_image(struct engine *e, const char *ref, engine_done_fn *done, void *arg)
{
	_cleanup_free_ char *path = xstrdup("/images/");

	append_escaped(&path, ref);
	append(&path, "/json");
	return engine_ask(e,
	    (struct curl_io_ask){ .method = "GET", .timeout_ms = e->limits->inspect_ms }, path,
	    done, arg);
}

static void
on_pull_line(const char *line, size_t len, void *arg)
{
	struct engine_req *r = arg;
	_cleanup_json_ struct json_object *o = NULL;
	const char *error, *status;

	if (json_parse(line, len, &o, NULL) < 0)
		return;
	error = json_get_str(o, "error");
	status = json_get_str(o, "status");
	if (error != NULL) {
		free(r->stream_error);
		r->stream_error = xstrdup(error);
	} else if (r->on_progress != NULL) {
		r->on_progress(status != NULL ? status : "", r->arg);
	}
}

struct engine_req *
engine_pull(struct engine *e, const char *ref, const char *platform, const char *auth,
    void (*on_progress)(const char *status, void *arg), engine_done_fn *done, void *arg)
{
	struct engine_req *r;
	_cleanup_free_ char *header = auth != NULL ? xasprintf("X-Registry-Auth: %s", auth) : NULL;
	_cleanup_free_ char *path =
	    xasprintf("/images/create?%s%s%sfromImage=", platform != NULL ? "platform=" : "",
		platform != NULL ? platform : "", platform != NULL ? "&" : "");
	_cleanup_free_ char *repo = NULL;
	_cleanup_free_ char *tag = NULL;

	engine_ref_split(ref, &repo, &tag);
	append_escaped(&path, repo);
	append(&path, "&tag=");
	append_escaped(&path, tag);
	r = engine_ask(e,
	    (struct curl_io_ask){ .method = "POST",
		.headers = { header, "Content-Type: application/json" },
		.on_line = on_pull_line },
	    path, done, arg);
	r->on_progress = on_progress;
	return r;
}

struct engine_req *
engine_info(struct engine *e, engine_done_fn *done, void *arg)
{
	return engine_ask(e,
	    (struct curl_io_ask){ .method = "GET", .timeout_ms = e->limits->inspect_ms }, "/info",
	    done, arg);
}

struct engine_req *
engine_import(
    struct engine *e, const char *ref, const char *tar, size_t len, engine_done_fn *done, void *arg)
{
	_cleanup_free_ char *path = xstrdup("/images/create?fromSrc=-&repo=");
	_cleanup_free_ char *repo = NULL;
	_cleanup_free_ char *tag = NULL;

	engine_ref_split(ref, &repo, &tag);
	append_escaped(&path, repo);
	append(&path, "&tag=");
	append_escaped(&path, tag);
	return engine_ask(e,
	    (struct curl_io_ask){ .method = "POST",
		.body = tar,
		.body_len = len,
		.body_stays = true,
		.headers = { "Content-Type: application/x-tar" },
		.timeout_ms = e->limits->create_ms,
		.on_line = on_pull_line },
	    path, done, arg);
}

struct engine_req *
engine_create(struct engine *e, const char *name, const char *platform, const char *body,
    engine_done_fn *done, void *arg)
{
	bool told = platform != NULL && engine_version_minor(e->version) >= CREATE_TAKES_PLATFORM;
	_cleanup_free_ char *path = xasprintf(
	    "/containers/create?name=%s%s%s", name, told ? "&platform=" : "", told ? platform : "");

	return engine_ask(e,
	    (struct curl_io_ask){
		.method = "POST", .body = body, .timeout_ms = e->limits->create_ms },
	    path, done, arg);
}

struct engine_req *
engine_start(struct engine *e, const char *id, engine_done_fn *done, void *arg)
{
	_cleanup_free_ char *path = xasprintf("/containers/%s/start", id);

	return engine_ask(e,
	    (struct curl_io_ask){ .method = "POST", .timeout_ms = e->limits->start_ms }, path, done,
	    arg);
}

struct engine_req *
engine_inspect(struct engine *e, const char *id, engine_done_fn *done, void *arg)
{
	_cleanup_free_ char *path = xasprintf("/containers/%s/json", id);

	return engine_ask(e,
	    (struct curl_io_ask){ .method = "GET", .timeout_ms = e->limits->inspect_ms }, path,
	    done, arg);
}

struct engine_req *
engine_inspect_size(struct engine *e, const char *id, engine_done_fn *done, void *arg)
{
	_cleanup_free_ char *path = xasprintf("/containers/%s/json?size=1", id);

	return engine_ask(e,
	    (struct curl_io_ask){ .method = "GET", .timeout_ms = e->limits->inspect_ms }, path,
	    done, arg);
}

struct engine_req *
engine_stats(struct engine *e, const char *id, engine_done_fn *done, void *arg)
{
	_cleanup_free_ char *path =
	    xasprintf("/containers/%s/stats?stream=false&one-shot=true", id);

	return engine_ask(e,
	    (struct curl_io_ask){ .method = "GET", .timeout_ms = e->limits->inspect_ms }, path,
	    done, arg);
}

static void
on_log_data(const char *data, size_t len, void *arg)
{
	struct engine_req *r = arg;

	r->on_data(data, len, r->arg);
}

struct engine_req *
engine_logs(struct engine *e, const char *id, bool follow, int64_t since_ns,
    void (*on_data)(const char *data, size_t len, void *arg), engine_done_fn *done, void *arg)
{
	_cleanup_free_ char *path = xasprintf(
	    "/containers/%s/logs?stdout=1&stderr=1&timestamps=1&follow=%d&since=%" PRId64 ".%09d",
	    id, follow, since_ns / 1000000000, (int)(since_ns % 1000000000));
	struct engine_req *r = engine_ask(
	    e, (struct curl_io_ask){ .method = "GET", .on_data = on_log_data }, path, done, arg);

	r->on_data = on_data;
	return r;
}

void
engine_pause(struct engine_req *r, bool pause)
{
	curl_io_pause(r->io_req, pause);
}

struct engine_req *
engine_stop(struct engine *e, const char *id, int64_t timeout_s, engine_done_fn *done, void *arg)
{
	_cleanup_free_ char *path = xasprintf("/containers/%s/stop?t=%" PRId64, id, timeout_s);

	return engine_ask(e,
	    (struct curl_io_ask){
		.method = "POST", .timeout_ms = timeout_s * 1000 + e->limits->stop_extra_ms },
	    path, done, arg);
}

struct engine_req *
engine_remove(struct engine *e, const char *id, engine_done_fn *done, void *arg)
{
	_cleanup_free_ char *path = xasprintf("/containers/%s?v=1&force=1", id);

	return engine_ask(e,
	    (struct curl_io_ask){ .method = "DELETE", .timeout_ms = e->limits->remove_ms }, path,
	    done, arg);
}

struct engine_req *
engine_list(struct engine *e, engine_done_fn *done, void *arg)
{
	_cleanup_free_ char *filter = filters(e, false);
	_cleanup_free_ char *path = xasprintf("/containers/json?all=1&%s", filter);

	return engine_ask(e,
	    (struct curl_io_ask){ .method = "GET", .timeout_ms = e->limits->inspect_ms }, path,
	    done, arg);
}

struct engine_req *
engine_volume_inspect(struct engine *e, const char *name, engine_done_fn *done, void *arg)
{
	_cleanup_free_ char *path = xstrdup("/volumes/");

	append_escaped(&path, name);
	return engine_ask(e,
	    (struct curl_io_ask){ .method = "GET", .timeout_ms = e->limits->volume_ms }, path, done,
	    arg);
}

struct engine_req *
engine_volume_remove(struct engine *e, const char *name, engine_done_fn *done, void *arg)
{
	_cleanup_free_ char *path = xstrdup("/volumes/");

	append_escaped(&path, name);
	return engine_ask(e,
	    (struct curl_io_ask){ .method = "DELETE", .timeout_ms = e->limits->volume_ms }, path,
	    done, arg);
}
