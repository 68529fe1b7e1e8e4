/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PutObject: the body becomes a blob, then the row refers to it; until then the old object is
 * there.
 */
#include "daemon/services/s3_meta.h"
#include "daemon/services/s3_sink.h"

#include <stdio.h>

static void
put_doc(void *own)
{
	json_object_put(own);
}

/* In the transaction. */
static int
commit(struct s3_call *c)
{
	const struct s3_blob *b = s3_sink_blob(c->sink);
	struct store_segment segment = { .size = b->bytes };
	_cleanup_object_ struct store_object old = { 0 };
	_cleanup_bucket_ struct store_bucket bucket = { 0 };
	struct store_object o = { .size = b->bytes, .modified_at_ms = now_ms() };
	int r = s3_bucket(c, &bucket);

	if (r < 0)
		return r;
	r = store_object_get(c->s3->store, c->route.bucket, c->route.key, false, &old, &c->who.err);
	if (r >= 0)
		r = s3_meta_check_write(c, r > 0 ? &old : NULL);
	if (r < 0)
		return r;
	s3_meta_set_sum(c->own, b->kind, b->sum, "FULL_OBJECT");
	(void)snprintf(o.bucket, sizeof(o.bucket), "%s", c->route.bucket);
	(void)snprintf(o.key, sizeof(o.key), "%s", c->route.key);
	(void)snprintf(o.etag, sizeof(o.etag), "%s", b->etag);
	(void)snprintf(segment.blob, sizeof(segment.blob), "%s", b->id);
	o.doc = xstrdup(json_print(c->own));
	o.segments = &segment;
	o.n_segments = b->bytes > 0 ? 1 : 0;
	r = store_object_put(c->s3->store, &o, &c->who.err);
	free(o.doc);
	return r;
}

static void
on_blob(struct s3_call *c)
{
	int r = s3_transact(c, commit);

	if (r < 0) {
		s3_fail(c, r);
		return;
	}
	if (s3_sink_blob(c->sink)->bytes > 0)
		s3_sink_keep(c->sink);
	s3_collect(c->s3); /* what the key had before */
	s3_meta_add_etag(c, s3_sink_blob(c->sink)->etag);
	s3_meta_add_sum(c, c->own);
	s3_add_header(c, "x-amz-server-side-encryption", "AES256");
	s3_reply(c, 200);
}

void
s3_put_object(struct s3_call *c)
{
	_cleanup_bucket_ struct store_bucket bucket = { 0 };
	_cleanup_object_ struct store_object old = { 0 };
	struct json_object *doc = NULL;
	int r = s3_bucket(c, &bucket);

	if (r == 0)
		r = s3_meta_read(c, &doc);
	c->own = doc;
	c->own_done = put_doc;
	if (r == 0)
		r = store_object_get(
		    c->s3->store, c->route.bucket, c->route.key, false, &old, &c->who.err);
	if (r >= 0)
		r = s3_meta_check_write(c, r > 0 ? &old : NULL);
	if (r == 0)
		r = s3_sink_start(c, S3_SUM_CRC64NVME, on_blob);
	if (r < 0)
		s3_fail(c, r);
}
