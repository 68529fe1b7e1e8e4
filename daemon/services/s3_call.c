/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Headers, bodies and answers of a request (see s3_call.h).
 */
#include "daemon/services/s3_call.h"

#include "common/log.h"
#include "daemon/services/s3_sink.h"
#include "daemon/services/s3_source.h"
#include "daemon/services/s3_sum.h"
#include "daemon/store/store.h"
#include "daemon/trail.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define BODY_MAX (4u * 1024 * 1024) /* of XML: 10000 parts with their check sums */
#define BODY_STEP (16u * 1024)

size_t
s3_slice_bytes(const struct s3 *s3)
{
	return s3->n_calls > S3_LARGE_SLICES_MAX ? S3_SMALL_SLICE_BYTES : S3_SLICE_BYTES;
}

/* -- what the request says */

const char *
s3_query(const struct s3_call *c, const char *name)
{
	return s3_parameter(&c->route, name);
}

const char *
s3_header(const struct s3_call *c, const char *name)
{
	const char *value = rest_header(c->rest, name);

	if (value != NULL)
		return value;
	for (size_t i = 0; i < c->route.n_parameters; i++)
		if (strcasecmp(c->route.parameters[i].name, name) == 0 &&
		    strncasecmp(name, "x-amz-", 6) == 0)
			return c->route.parameters[i].value;
	return NULL;
}

int
s3_bucket(struct s3_call *c, struct store_bucket *ret)
{
	const char *owner = s3_header(c, "x-amz-expected-bucket-owner");
	int r = store_bucket_get(c->s3->store, c->route.bucket, ret, &c->who.err);

	if (r < 0)
		return r;
	if (r == 0)
		return s3_error(c, 404, "NoSuchBucket", "The specified bucket does not exist");
	if (streq(ret->account, c->who.scope.account) &&
	    (owner == NULL || streq(owner, ret->account)))
		return 0;
	store_bucket_done(ret);
	return s3_error(c, 403, "AccessDenied", "Access Denied");
}

const char *
s3_owner_id(struct s3_call *c)
{
	char *ret = arena_alloc(&c->who.arena, 2 * S3_SUM_BYTES + 1);
	unsigned char sum[S3_SUM_BYTES];
	struct s3_sum s;

	s3_sum_begin(&s, S3_SUM_SHA256);
	s3_sum_add(&s, c->who.scope.account, strlen(c->who.scope.account));
	s3_hex(sum, s3_sum_end(&s, sum), ret);
	return ret;
}

/* -- a body of XML */

/* Any sum that the client gave of the body has to be its own. */
static int
check_body(struct s3_call *c)
{
	const char *said = rest_header(c->rest, "x-amz-content-sha256");
	const char *md5 = rest_header(c->rest, "Content-MD5");
	unsigned char sum[S3_SUM_BYTES], wanted[S3_SUM_BYTES];
	char text[2 * S3_SUM_BYTES + 1];
	struct s3_sum s;

	if (said != NULL && strlen(said) == 64) {
		s3_sum_begin(&s, S3_SUM_SHA256);
		s3_sum_add(&s, c->in, c->in_len);
		s3_hex(sum, s3_sum_end(&s, sum), text);
		if (strcasecmp(text, said) != 0)
			return s3_error(c, 400, "XAmzContentSHA256Mismatch",
			    "The provided 'x-amz-content-sha256' header does not match what was "
			    "computed.");
	}
	if (md5 != NULL) {
		s3_sum_begin(&s, S3_SUM_MD5);
		s3_sum_add(&s, c->in, c->in_len);
		(void)s3_sum_end(&s, sum); /* 16 */
		if (s3_base64_read(md5, wanted, 16) < 0)
			return s3_error(
			    c, 400, "InvalidDigest", "The Content-MD5 you specified was invalid.");
		if (memcmp(sum, wanted, 16) != 0)
			return s3_error(c, 400, "BadDigest",
			    "The Content-MD5 you specified did not match what we received.");
	}
	for (int k = S3_SUM_CRC32; k < S3_SUM_MD5; k++) {
		const char *value = rest_header(c->rest, s3_sum_header((enum s3_sum_kind)k));

		if (value == NULL)
			continue;
		s3_sum_begin(&s, (enum s3_sum_kind)k);
		s3_sum_add(&s, c->in, c->in_len);
		s3_base64(sum, s3_sum_end(&s, sum), text, sizeof(text));
		if (!streq(text, value))
			return s3_error(c, 400, "BadDigest",
			    "The %s you specified did not match the calculated checksum.",
			    s3_sum_name((enum s3_sum_kind)k));
	}
	return 0;
}

static void
read_more(struct s3_call *c)
{
	if (c->in_size - c->in_len < BODY_STEP) {
		c->in_size = c->in_size == 0 ? BODY_STEP : 2 * c->in_size;
		c->in = xrealloc(c->in, c->in_size, 1);
	}
	c->rest->edge->read(c->rest, c->in + c->in_len, c->in_size - c->in_len);
}

static void
on_body(struct rest_call *rest, ssize_t n)
{
	struct s3_call *c = rest->request;
	size_t room = c->in_size - c->in_len;
	int r;

	if (n < 0) {
		s3_fail(c, s3_error(c, 400, "IncompleteBody", "The body cannot be read."));
		return;
	}
	c->in_len += (size_t)n;
	if (c->in_len > BODY_MAX) {
		s3_fail(
		    c, s3_error(c, 400, "MaxMessageLengthExceeded", "Your request was too big."));
		return;
	}
	if ((size_t)n == room) {
		read_more(c);
		return;
	}
	r = check_body(c);
	if (r < 0)
		s3_fail(c, r);
	else
		c->next(c);
}

void
s3_read_body(struct s3_call *c, void (*next)(struct s3_call *c))
{
	c->next = next;
	c->rest->on_read = on_body;
	read_more(c);
}

/* -- work beside the loop */

static struct s3_call *
call_of(struct disk_job *j)
{
	return (struct s3_call *)((char *)j - offsetof(struct s3_call, job));
}

static void
on_work(struct disk_job *j)
{
	struct s3_call *c = call_of(j);

	c->work(c);
}

static void
on_worked(struct disk_job *j)
{
	struct s3_call *c = call_of(j);

	c->busy = false;
	if (c->rest == NULL)
		s3_call_free(c);
	else
		c->worked(c);
}

void
s3_submit(struct s3_call *c, void (*work)(struct s3_call *c), void (*worked)(struct s3_call *c))
{
	c->work = work;
	c->worked = worked;
	c->job.work = on_work;
	c->job.done = on_worked;
	c->busy = true;
	disk_submit(c->s3->disk, &c->job);
}

/* -- the answer */

void
s3_add_header(struct s3_call *c, const char *name, const char *value)
{
	if (value == NULL)
		return;
	for (const char *p = value; *p != '\0'; p++)
		if ((unsigned char)*p < 0x20 && *p != '\t')
			return;
	xml_markup(&c->headers, name);
	xml_markup(&c->headers, ": ");
	xml_markup(&c->headers, value);
	xml_markup(&c->headers, "\r\n");
}

void
s3_add_header_int(struct s3_call *c, const char *name, int64_t value)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "%lld", (long long)value);
	s3_add_header(c, name, text);
}

static struct tm
broken_down(int64_t ms)
{
	time_t t = (time_t)(ms / 1000);
	struct tm tm = { 0 };

	(void)gmtime_r(&t, &tm); /* no year of ours is too large */
	return tm;
}

void
s3_add_header_time(struct s3_call *c, const char *name, int64_t ms)
{
	struct tm tm = broken_down(ms);
	char text[64];

	if (strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", &tm) == 0)
		text[0] = '\0';
	s3_add_header(c, name, text);
}

void
s3_open_xml(struct s3_call *c, const char *root)
{
	s3_add_header(c, "Content-Type", "application/xml");
	xml_markup(&c->body, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<");
	xml_markup(&c->body, root);
	xml_markup(&c->body, " xmlns=\"" S3_XMLNS "\">");
}

void
s3_close_xml(struct s3_call *c, const char *root)
{
	xml_markup(&c->body, "</");
	xml_markup(&c->body, root);
	xml_markup(&c->body, ">");
}

void
s3_xml(struct s3_call *c, const char *name, const char *text)
{
	if (text == NULL)
		return;
	xml_markup(&c->body, "<");
	xml_markup(&c->body, name);
	xml_markup(&c->body, ">");
	xml_text(&c->body, text);
	s3_close_xml(c, name);
}

void
s3_xml_int(struct s3_call *c, const char *name, int64_t value)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "%lld", (long long)value);
	s3_xml(c, name, text);
}

void
s3_xml_time(struct s3_call *c, const char *name, int64_t ms)
{
	struct tm tm = broken_down(ms);
	char text[64], whole[32];

	if (strftime(whole, sizeof(whole), "%Y-%m-%dT%H:%M:%S", &tm) == 0)
		whole[0] = '\0';
	(void)snprintf(text, sizeof(text), "%s.%03dZ", whole, (int)(ms % 1000));
	s3_xml(c, name, text);
}

/* x-amz-id-2, which tells no more than the request's id. */
static const char *
host_id(struct s3_call *c)
{
	char *ret = arena_alloc(&c->who.arena, S3_SUM_TEXT);
	unsigned char sum[S3_SUM_BYTES];
	struct s3_sum s;

	s3_sum_begin(&s, S3_SUM_SHA256);
	s3_sum_add(&s, c->request_id, sizeof(c->request_id) - 1);
	s3_base64(sum, s3_sum_end(&s, sum), ret, S3_SUM_TEXT);
	return ret;
}

static void
add_ids(struct s3_call *c)
{
	s3_add_header(c, "x-amz-request-id", c->request_id);
	s3_add_header(c, "x-amz-id-2", host_id(c));
	s3_add_header(c, "Server", "AmazonS3");
}

void
s3_begin(struct s3_call *c, int status, int64_t bytes)
{
	add_ids(c);
	c->rest->edge->reply(
	    c->rest, &(struct rest_reply){
			 .status = status, .headers = c->headers.text, .stream_bytes = bytes });
}

void
s3_reply(struct s3_call *c, int status)
{
	add_ids(c);
	c->rest->edge->reply(c->rest, &(struct rest_reply){
					  .status = status,
					  .headers = c->headers.text,
					  .body = c->body.text != NULL ? c->body.text : "",
					  .body_len = c->body.len,
					  .no_body = status == 204 || status == 304,
				      });
	s3_call_free(c);
}

static bool
is_head(const struct s3_call *c)
{
	return streq(c->rest->head.method, "HEAD");
}

/* CloudTrail's management events: what changes buckets, not what is in them. Inside a transaction.
 */
static int
record(struct s3_call *c, const char *code)
{
	_cleanup_json_ struct json_object *in = json_object_new_object();
	_cleanup_json_ struct json_object *out = json_object_new_object();
	const struct op op = { .name = c->route.op->name };
	int r;

	if (!c->route.op->write)
		return 0;
	json_add_str(in, "bucketName", c->route.bucket);
	json_add_str(in, "Host", c->rest->host);
	c->who.op = &op;
	c->who.service = "s3";
	c->who.in = in;
	c->who.out = out;
	r = trail_add(&c->who, code, &c->who.err);
	c->who.op = NULL;
	c->who.in = NULL;
	c->who.out = NULL;
	return r;
}

static void
record_failure(struct s3_call *c, const char *code)
{
	const struct err said = c->who.err;
	struct err e = { 0 };
	int r;

	if (c->route.op == NULL || !c->route.op->write || c->who.principal_arn[0] == '\0')
		return;
	r = store_begin(c->s3->store, &e);
	if (r == 0)
		r = record(c, code);
	if (r == 0)
		r = store_commit(c->s3->store, &e);
	else
		store_rollback(c->s3->store);
	if (r < 0)
		log_err("request", c->request_id, "CloudTrail: %s", e.text);
	c->who.err = said;
}

void
s3_fail(struct s3_call *c, int r)
{
	struct err *e = &c->who.err;
	int status = 500;
	const char *code = "InternalError";
	const char *text = "We encountered an internal error. Please try again.";

	if (e->kind == ERR_CODED) {
		status = e->http_status;
		code = e->code;
		text = e->text;
	} else {
		log_err("request", c->request_id, "%s: %s (%d)",
		    c->route.op != NULL ? c->route.op->name : "S3", e->text, -r);
	}
	record_failure(c, code);
	xml_done(&c->body);
	if (status != 304 && !is_head(c)) {
		s3_add_header(c, "Content-Type", "application/xml");
		xml_markup(&c->body, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error>");
		s3_xml(c, "Code", code);
		s3_xml(c, "Message", text);
		if (c->route.bucket[0] != '\0')
			s3_xml(c, "BucketName", c->route.bucket);
		if (c->route.key[0] != '\0')
			s3_xml(c, "Key", c->route.key);
		s3_xml(c, "Resource", c->rest->head.path);
		s3_xml(c, "RequestId", c->request_id);
		s3_xml(c, "HostId", host_id(c));
		xml_markup(&c->body, "</Error>");
	}
	s3_reply(c, status);
}

void
s3_finish(struct s3_call *c, int r, int status)
{
	if (r < 0)
		s3_fail(c, r);
	else
		s3_reply(c, status);
}

int
s3_transact(struct s3_call *c, int (*fn)(struct s3_call *c))
{
	int r = store_begin(c->s3->store, &c->who.err);

	if (r < 0)
		return r;
	r = fn(c);
	if (r == 0)
		r = record(c, NULL);
	if (r < 0) {
		store_rollback(c->s3->store);
		return r;
	}
	return store_commit(c->s3->store, &c->who.err);
}

void
s3_call_free(struct s3_call *c)
{
	LIST_REMOVE(c, next_call);
	c->s3->n_calls--;
	if (LIST_EMPTY(&c->s3->calls) && c->s3->disk != NULL)
		timer_set(c->s3->quiet, S3_QUIET_MS);
	s3_sink_free(c->sink);
	s3_source_free(c->source);
	if (c->own_done != NULL)
		c->own_done(c->own);
	xml_done(&c->headers);
	xml_done(&c->body);
	free(c->in);
	arena_done(&c->who.arena);
	free(c);
}
