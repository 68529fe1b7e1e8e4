/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The calls of aws.h over curl.h. One attempt after the other; what the answer means is decided in
 * one place, judge(). Nothing of a body is ever logged.
 */
#include "shim/aws.h"
#include "shim/curl.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define TIMEOUT_MS 5000 /* agent: ssm/factory, asm/factory roundtripTimeout */
#define DEADLINE_MS 30000
#define ATTEMPTS 3 /* the SDK's */
#define PAUSE_MIN_MS 100
#define PAUSE_MAX_MS 2000
#define REPLY_MAX (1024 * 1024)
#define IDLE_MS 15000
#define TYPE_MAX 128
/* S3 wants to be told the digest of the body, libcurl does not say it by itself. */
#define SHA256_OF_NOTHING "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

struct aws {
	struct loop *loop;
	char *socket_path, *region, *account;
	char *endpoints[AWS_SERVICE_MAX]; /* NULL: the daemon */
	struct curl_io *io;               /* made on first need */
	struct timer *idle;
	struct aws_call *calls;
};

struct aws_call {
	struct aws *aws;
	struct aws_call *next, **link;
	struct aws_ask ask; /* its strings are those below */
	char *region, *endpoint, *url;
	char *headers[CURL_IO_HEADERS_MAX];
	struct curl_io_req *req;
	struct timer *pause;
	unsigned attempts;
	int64_t pause_ms;
	int64_t until_ms; /* CLOCK_MONOTONIC */
};

/* clang-format off */
const char *const aws_service_names[AWS_SERVICE_MAX] = {
	[AWS_ECS]            = "ecs",
	[AWS_LOGS]           = "logs",
	[AWS_S3]             = "s3",
	[AWS_SECRETSMANAGER] = "secretsmanager",
	[AWS_SSM]            = "ssm",
	[AWS_STS]            = "sts",
};

/* What X-Amz-Target begins with; NULL where operations are not asked for in JSON. */
static const char *const targets[AWS_SERVICE_MAX] = {
	[AWS_ECS]            = "AmazonEC2ContainerServiceV20141113",
	[AWS_LOGS]           = "Logs_20140328",
	[AWS_SECRETSMANAGER] = "secretsmanager",
	[AWS_SSM]            = "AmazonSSM",
};
/* clang-format on */

/* Errors that the SDK tries again whatever their status (aws-sdk-go-v2: retry/standard.go). */
static const char *const passing[] = { "ThrottlingException", "Throttling", "ThrottledException",
	"RequestThrottled", "RequestThrottledException", "RequestLimitExceeded",
	"TooManyRequestsException", "SlowDown", "BandwidthLimitExceeded", "RequestTimeout",
	"RequestTimeoutException" };

static void on_idle(void *arg);
static void attempt(void *arg);
static void on_reply(const struct curl_io_reply *r, void *arg);

struct aws *
aws_new(struct loop *l, const char *socket_path, const char *region, const char *account)
{
	struct aws *a = xcalloc(1, sizeof(*a));

	a->loop = l;
	a->socket_path = xstrdup(socket_path);
	a->region = xstrdup(region != NULL ? region : "");
	a->account = xstrdup(account != NULL ? account : "");
	a->idle = timer_new(l, on_idle, a);
	return a;
}

static void
call_free(struct aws_call *c)
{
	*c->link = c->next;
	if (c->next != NULL)
		c->next->link = c->link;
	if (c->aws->calls == NULL)
		timer_set(c->aws->idle, IDLE_MS);
	timer_free(c->pause);
	for (size_t i = 0; i < ARRAY_SIZE(c->headers); i++)
		free(c->headers[i]);
	free(c->ask.body);
	free(c->region);
	free(c->endpoint);
	free(c->url);
	free(c);
}

void
aws_cancel(struct aws_call *c)
{
	if (c == NULL)
		return;
	curl_io_cancel(c->req);
	call_free(c);
}

void
aws_free(struct aws *a)
{
	if (a == NULL)
		return;
	while (a->calls != NULL)
		aws_cancel(a->calls);
	curl_io_free(a->io);
	timer_free(a->idle);
	for (size_t i = 0; i < AWS_SERVICE_MAX; i++)
		free(a->endpoints[i]);
	free(a->socket_path);
	free(a->region);
	free(a->account);
	free(a);
}

static void
on_idle(void *arg)
{
	struct aws *a = arg;

	if (a->calls == NULL)
		curl_io_free(TAKE(a->io));
}

static char *
origin_of(const char *url)
{
	size_t len = strlen(url);

	while (len > 0 && url[len - 1] == '/')
		len--;
	return xstrndup(url, len);
}

void
aws_set_endpoint(struct aws *a, const char *service, const char *url)
{
	for (size_t i = 0; i < AWS_SERVICE_MAX; i++) {
		if (!streq(aws_service_names[i], service))
			continue;
		free(a->endpoints[i]);
		a->endpoints[i] = origin_of(url);
	}
}

bool
aws_is_elsewhere(const struct aws *a, enum aws_service service)
{
	return a->endpoints[service] != NULL;
}

/* As S3 wants it: every byte but the unreserved ones and the slash. */
static char *
escape_path(const char *path)
{
	static const char plain[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/";
	char *out = xcalloc(3 * strlen(path) + 1, 1), *at = out;

	for (; *path != '\0'; path++) {
		if (strchr(plain, *path) != NULL)
			*at++ = *path;
		else
			at += sprintf(at, "%%%02X", (unsigned char)*path);
	}
	return out;
}

static void
set_headers(struct aws_call *c, const struct aws_ask *ask)
{
	size_t n = 0;

	if (ask->operation != NULL) {
		c->headers[n++] = xstrdup("Content-Type: application/x-amz-json-1.1");
		c->headers[n++] =
		    xasprintf("X-Amz-Target: %s.%s", targets[ask->service], ask->operation);
	} else {
		c->headers[n++] = xstrdup("X-Amz-Content-Sha256: " SHA256_OF_NOTHING);
	}
	for (size_t i = 0; i < AWS_HEADERS_MAX && ask->headers[i] != NULL; i++)
		c->headers[n++] = xstrdup(ask->headers[i]);
}

static char *
url_of(const struct aws_ask *ask)
{
	_cleanup_free_ char *path = NULL;

	if (ask->operation != NULL)
		return xstrdup("/");
	path = escape_path(ask->path);
	return ask->query != NULL ? xasprintf("%s?%s", path, ask->query) : TAKE(path);
}

struct aws_call *
aws_send(struct aws *a, const struct aws_ask *ask)
{
	struct aws_call *c = xcalloc(1, sizeof(*c));
	const char *own = a->endpoints[ask->service];

	*c = (struct aws_call){ .aws = a, .ask = *ask, .next = a->calls, .link = &a->calls };
	if (c->next != NULL)
		c->next->link = &c->next;
	a->calls = c;
	c->region = xstrdup(ask->region != NULL ? ask->region : a->region);
	if (ask->endpoint != NULL)
		c->endpoint = origin_of(ask->endpoint);
	else if (own != NULL)
		c->endpoint = xstrdup(own);
	c->url = url_of(ask);
	set_headers(c, ask);
	if (c->ask.timeout_ms == 0)
		c->ask.timeout_ms = TIMEOUT_MS;
	if (c->ask.attempts == 0)
		c->ask.attempts = ATTEMPTS;
	if (c->ask.reply_max == 0)
		c->ask.reply_max = REPLY_MAX;
	c->until_ms = monotonic_ms() + (ask->deadline_ms != 0 ? ask->deadline_ms : DEADLINE_MS);
	c->pause_ms = PAUSE_MIN_MS;
	c->pause = timer_new(a->loop, attempt, c);
	timer_stop(a->idle);
	attempt(c);
	return c;
}

static void
attempt(void *arg)
{
	struct aws_call *c = arg;
	struct aws *a = c->aws;
	const struct credentials *as = c->ask.as;
	bool known = as != NULL && as->id != NULL;
	int64_t left_ms = c->until_ms - monotonic_ms();
	struct curl_io_sign sign = {
		.service = aws_service_names[c->ask.service],
		.region = c->region,
		.key = known ? as->access_key_id : a->account,
		.secret = known ? as->secret_access_key : "none",
		.token = known ? as->session_token : NULL,
	};
	struct curl_io_ask ask = {
		.method = c->ask.operation != NULL ? "POST" : "GET",
		.origin = c->endpoint,
		.url = c->url,
		.body = c->ask.body,
		.body_len = c->ask.body_len,
		.body_stays = true,
		.sign = &sign,
		.timeout_ms = left_ms < c->ask.timeout_ms ? left_ms : c->ask.timeout_ms,
		.once = c->ask.once,
		.reply_max = c->ask.reply_max,
		.on_done = on_reply,
		.arg = c,
	};

	for (size_t i = 0; i < ARRAY_SIZE(c->headers); i++)
		ask.headers[i] = c->headers[i];
	if (ask.timeout_ms < 1)
		ask.timeout_ms = 1;
	if (a->io == NULL)
		a->io = curl_io_new(a->loop, a->socket_path);
	c->attempts++;
	c->req = curl_io_send(a->io, &ask);
}

/* "com.amazonaws.ssm#ParameterNotFound:http://…" and its kin: the name alone. */
static void
copy_type(char ret[static TYPE_MAX], const char *type)
{
	const char *start = type;
	size_t len = strcspn(type, ":");

	for (const char *p = type; p < type + len; p++)
		if (*p == '#')
			start = p + 1;
	(void)snprintf(ret, TYPE_MAX, "%.*s", (int)(type + len - start), start);
}

/* The text of an XML element without children; "" where there is none. The caller's. */
static char *
element(const char *xml, const char *name)
{
	/* clang-format off */
	static const struct {
		const char *escaped;
		char plain;
	} rows[] = {
		{ "&amp;", '&' }, { "&lt;", '<' }, { "&gt;", '>' }, { "&quot;", '"' }, { "&apos;", '\'' },
	};
	/* clang-format on */
	_cleanup_free_ char *open = xasprintf("<%s>", name);
	const char *at = strstr(xml, open);
	const char *end = at != NULL ? strchr(at + 1, '<') : NULL;
	char *text, *out;

	if (end == NULL)
		return xstrdup("");
	at += strlen(open);
	out = text = xcalloc((size_t)(end - at) + 1, 1);
	while (at < end) {
		size_t i = 0;

		while (i < ARRAY_SIZE(rows) && !has_prefix(at, rows[i].escaped))
			i++;
		if (i < ARRAY_SIZE(rows)) {
			*out++ = rows[i].plain;
			at += strlen(rows[i].escaped);
		} else {
			*out++ = *at++;
		}
	}
	return text;
}

/* What an answer says, in the form that is given out; `r` borrows from the other members. */
struct verdict {
	struct aws_reply r;
	struct json_object *json;
	char type[TYPE_MAX];
	char *message;
	bool again; /* it may get better */
};

static void
verdict_done(struct verdict *v)
{
	json_object_put(v->json);
	free(v->message);
}

static void
judge_silence(const struct aws_call *c, const struct curl_io_reply *r, struct verdict *v)
{
	v->r.errnum = r->errnum;
	v->again = r->errnum != EMSGSIZE;
	(void)snprintf(v->type, sizeof(v->type), "%s",
	    r->errnum == ETIMEDOUT ? "RequestCanceled" : "RequestError");
	if (r->errnum == ETIMEDOUT)
		v->message =
		    xstrdup("request context canceled caused by: context deadline exceeded");
	else if (r->errnum == EMSGSIZE)
		v->message = xasprintf("the answer is larger than %zu bytes", c->ask.reply_max);
	else
		v->message = xasprintf("send request failed caused by: %s", r->error);
}

static void
judge_error(const struct curl_io_reply *r, struct verdict *v)
{
	const char *header = curl_io_header(r, "x-amzn-ErrorType");
	const char *type = json_get_str(v->json, "__type");
	const char *message = json_get_str(v->json, "message");

	if (message == NULL)
		message = json_get_str(v->json, "Message");
	if (type == NULL)
		type = header != NULL ? header : json_get_str(v->json, "code");
	if (v->json == NULL && strstr(r->body, "<Code>") != NULL) {
		_cleanup_free_ char *code = element(r->body, "Code");

		copy_type(v->type, code);
		v->message = element(r->body, "Message");
	} else if (type != NULL) {
		copy_type(v->type, type);
		v->message = xstrdup(message != NULL ? message : "");
	}
	if (v->type[0] == '\0')
		(void)snprintf(v->type, sizeof(v->type), "UnknownError");
	if (v->message == NULL)
		v->message = xasprintf("the service answered with status %d", r->status);
	v->again = r->status >= 500 || r->status == 429;
	for (size_t i = 0; i < ARRAY_SIZE(passing); i++)
		v->again = v->again || streq(v->type, passing[i]);
}

static void
judge(const struct aws_call *c, const struct curl_io_reply *r, struct verdict *v)
{
	const char *id = curl_io_header(r, "x-amzn-RequestId");
	bool fine = r->status >= 200 && r->status < 300;

	if (id == NULL)
		id = curl_io_header(r, "x-amz-request-id");
	v->r = (struct aws_reply){
		.status = r->status, .attempts = c->attempts, .request_id = id != NULL ? id : ""
	};
	if (r->errnum != 0) {
		judge_silence(c, r, v);
	} else if (fine && c->ask.operation == NULL) {
		v->r.body = r->body;
		v->r.len = r->len;
	} else {
		(void)json_parse(r->body, r->len, &v->json, NULL);
		if (!fine) {
			judge_error(r, v);
		} else if (json_object_is_type(v->json, json_type_object)) {
			v->r.json = v->json;
		} else if (r->len > 0) {
			v->r.errnum = EBADMSG;
			v->again = true;
			(void)snprintf(v->type, sizeof(v->type), "SerializationError");
			v->message = xstrdup("failed to decode the answer of the service");
		}
	}
	if (v->message != NULL) {
		v->r.error = v->type;
		v->r.message = v->message;
	}
}

static void
on_reply(const struct curl_io_reply *r, void *arg)
{
	struct aws_call *c = arg;
	_cleanup_(verdict_done) struct verdict v = { 0 };
	void (*done)(const struct aws_reply *reply, void *cookie) = c->ask.on_done;
	void *done_arg = c->ask.arg;

	c->req = NULL;
	judge(c, r, &v);
	if (v.again && c->attempts < c->ask.attempts &&
	    monotonic_ms() + c->pause_ms < c->until_ms) {
		timer_set(c->pause, c->pause_ms);
		c->pause_ms = c->pause_ms * 2 < PAUSE_MAX_MS ? c->pause_ms * 2 : PAUSE_MAX_MS;
		return;
	}
	call_free(c);
	done(&v.r, done_arg);
}
