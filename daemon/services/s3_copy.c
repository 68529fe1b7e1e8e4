/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CopyObject and UploadPartCopy. A copy is rows: its segments are pieces of the source's blobs. The
 * bytes are read only where an ETag or a check sum of exactly these bytes is not known yet.
 */
#include "daemon/services/s3_source.h"
#include "daemon/services/s3_upload.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

struct copy {
	struct store_object source;
	struct json_object *doc; /* of the copy */
	int64_t start, size;
	enum s3_sum_kind kind;
	struct s3_sum md5, sum;
	bool known; /* etag and sum_text need no reading */
	char etag[S3_ETAG_MAX];
	char sum_text[S3_SUM_TEXT];
	int (*commit)(struct s3_call *c);
	const char *root;
};

static void
copy_free(void *own)
{
	struct copy *k = own;

	store_object_done(&k->source);
	json_object_put(k->doc);
	s3_sum_done(&k->md5);
	s3_sum_done(&k->sum);
	free(k);
}

/* -- the source */

/* "bucket/key?versionId=…", percent-encoded; the bucket may be an ARN's. */
static int
read_source(struct s3_call *c, char bucket[static S3_BUCKET_MAX], char key[static S3_KEY_MAX])
{
	const char *header = rest_header(c->rest, "x-amz-copy-source");
	const char *version = strstr(header, "?versionId=");
	size_t n = version != NULL ? (size_t)(version - header) : strlen(header);
	const char *path = s3_decode(&c->who.arena, header, n, true);

	if (path == NULL || s3_split_path(path, bucket, key) < 0 || bucket[0] == '\0' ||
	    key[0] == '\0')
		return s3_error(c, 400, "InvalidArgument",
		    "Copy Source must mention the source bucket and key: sourcebucket/sourcekey");
	if (version != NULL && !streq(version, "?versionId=null"))
		return s3_error(c, 400, "InvalidArgument", "Invalid version id specified");
	return 0;
}

static int
find_source(struct s3_call *c, struct store_object *ret)
{
	_cleanup_bucket_ struct store_bucket b = { 0 };
	char bucket[S3_BUCKET_MAX], key[S3_KEY_MAX];
	int r = read_source(c, bucket, key);

	if (r < 0)
		return r;
	r = store_bucket_get(c->s3->store, bucket, &b, &c->who.err);
	if (r < 0)
		return r;
	if (r == 0)
		return s3_error(c, 404, "NoSuchBucket", "The specified bucket does not exist");
	if (!streq(b.account, c->who.scope.account))
		return s3_error(c, 403, "AccessDenied", "Access Denied");
	r = store_object_get(c->s3->store, bucket, key, true, ret, &c->who.err);
	if (r == 0)
		return s3_error(c, 404, "NoSuchKey", "The specified key does not exist.");
	return r < 0 ? r : s3_meta_check_source_conditions(c, ret);
}

/* The segments of bytes of the source; the caller's. */
static struct store_segment *
cut(const struct store_object *o, int64_t start, int64_t size, int64_t part, size_t *ret_n)
{
	struct store_segment *ret = xcalloc(o->n_segments + 1, sizeof(*ret));
	size_t n = 0;

	for (size_t i = 0; i < o->n_segments && size > 0; i++) {
		struct store_segment g = o->segments[i];

		if (start >= g.size) {
			start -= g.size;
			continue;
		}
		g.start += start;
		g.size -= start;
		if (g.size > size)
			g.size = size;
		g.part = part;
		size -= g.size;
		start = 0;
		ret[n++] = g;
	}
	*ret_n = n;
	return ret;
}

/* -- reading what is not known */

static void
take(struct s3_call *c, const char *p, size_t n)
{
	struct copy *k = c->own;

	s3_sum_add(&k->md5, p, n);
	s3_sum_add(&k->sum, p, n);
}

static void
finish(struct s3_call *c)
{
	const struct copy *k = c->own;
	char etag[S3_ETAG_MAX + 2], element[32];
	int r = s3_transact(c, k->commit);

	if (r == 0) {
		s3_collect(c->s3);
		(void)snprintf(etag, sizeof(etag), "\"%s\"", k->etag);
		(void)snprintf(element, sizeof(element), "Checksum%s", s3_sum_name(k->kind));
		s3_open_xml(c, k->root);
		s3_xml_time(c, "LastModified", now_ms());
		s3_xml(c, "ETag", etag);
		s3_xml(c, element, k->sum_text);
		s3_close_xml(c, k->root);
		s3_add_header(c, "x-amz-server-side-encryption", "AES256");
	}
	s3_finish(c, r, 200);
}

static void
on_read(struct s3_call *c)
{
	struct copy *k = c->own;
	unsigned char bytes[S3_SUM_BYTES];

	if (c->who.err.kind != ERR_NONE) {
		s3_fail(c, -EIO);
		return;
	}
	s3_hex(bytes, s3_sum_end(&k->md5, bytes), k->etag);
	s3_base64(bytes, s3_sum_end(&k->sum, bytes), k->sum_text, sizeof(k->sum_text));
	finish(c);
}

static void
run(struct s3_call *c)
{
	struct copy *k = c->own;
	struct store_object o = { 0 };

	if (k->known) {
		finish(c);
		return;
	}
	s3_sum_begin(&k->md5, S3_SUM_MD5);
	s3_sum_begin(&k->sum, k->kind);
	o.segments = cut(&k->source, k->start, k->size, 0, &o.n_segments);
	s3_source_read(c, &o, 0, k->size, take, on_read);
}

/* -- CopyObject */

static int
commit_object(struct s3_call *c)
{
	struct copy *k = c->own;
	_cleanup_bucket_ struct store_bucket bucket = { 0 };
	_cleanup_object_ struct store_object old = { 0 };
	_cleanup_object_ struct store_object o = { .size = k->size, .modified_at_ms = now_ms() };
	int r = s3_bucket(c, &bucket);

	if (r < 0)
		return r;
	r = store_object_get(c->s3->store, c->route.bucket, c->route.key, false, &old, &c->who.err);
	if (r >= 0)
		r = s3_meta_check_write(c, r > 0 ? &old : NULL);
	if (r < 0)
		return r;
	s3_meta_set_sum(k->doc, k->kind, k->sum_text, "FULL_OBJECT");
	(void)snprintf(o.bucket, sizeof(o.bucket), "%s", c->route.bucket);
	(void)snprintf(o.key, sizeof(o.key), "%s", c->route.key);
	(void)snprintf(o.etag, sizeof(o.etag), "%s", k->etag);
	o.doc = xstrdup(json_print(k->doc));
	o.segments = cut(&k->source, 0, k->size, 0, &o.n_segments);
	return store_object_put(c->s3->store, &o, &c->who.err);
}

static bool
replaces(const struct s3_call *c, const char *header)
{
	const char *directive = rest_header(c->rest, header);

	return directive != NULL && strcasecmp(directive, "REPLACE") == 0;
}

static int
check_directive(struct s3_call *c, const char *header)
{
	const char *directive = rest_header(c->rest, header);

	if (directive == NULL || strcasecmp(directive, "COPY") == 0 ||
	    strcasecmp(directive, "REPLACE") == 0)
		return 0;
	return s3_error(c, 400, "InvalidArgument", "Unknown %s.", header);
}

/* Headers and metadata of the request or of the source; class and tags each by their own. */
static int
make_doc(struct s3_call *c, struct copy *k)
{
	_cleanup_json_ struct json_object *source = NULL;
	bool replace = replaces(c, "x-amz-metadata-directive");
	bool new_tags = replaces(c, "x-amz-tagging-directive");
	struct json_object *kept;
	int r = s3_meta_read(c, &k->doc);

	if (r == 0)
		r = json_parse(k->source.doc, strlen(k->source.doc), &source, &c->who.err);
	if (r < 0)
		return r;
	if (!replace) {
		kept = json_get(source, "headers");
		json_add(k->doc, "headers", json_object_get(kept));
		kept = json_get(source, "metadata");
		json_add(k->doc, "metadata", json_object_get(kept));
	}
	if (!new_tags) {
		json_object_object_del(k->doc, "tags");
		kept = json_get(source, "tags");
		if (kept != NULL)
			json_add(k->doc, "tags", json_object_get(kept));
	}
	return 0;
}

/* An ETag and a sum of all the bytes that the source has already need no reading. */
static int
choose_sum(struct s3_call *c, struct copy *k)
{
	_cleanup_json_ struct json_object *source = NULL;
	const char *name = rest_header(c->rest, "x-amz-checksum-algorithm");
	struct json_object *sum;
	enum s3_sum_kind kind = S3_SUM_NONE;
	int r = json_parse(k->source.doc, strlen(k->source.doc), &source, &c->who.err);

	if (r < 0)
		return r;
	sum = json_get(source, "checksum");
	if (sum != NULL && streq(json_get_str(sum, "type"), "FULL_OBJECT"))
		kind = s3_sum_by_name(json_get_str(sum, "algorithm"));
	k->kind = name != NULL          ? s3_sum_by_name(name)
		  : kind != S3_SUM_NONE ? kind
					: S3_SUM_CRC64NVME;
	if (k->kind == S3_SUM_NONE)
		return s3_error(c, 400, "InvalidRequest",
		    "Checksum algorithm provided is unsupported. Please try again with any of the "
		    "valid types: [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]");
	k->known = kind == k->kind && strchr(k->source.etag, '-') == NULL;
	if (k->known) {
		(void)snprintf(k->etag, sizeof(k->etag), "%s", k->source.etag);
		(void)snprintf(k->sum_text, sizeof(k->sum_text), "%s", json_get_str(sum, "value"));
	}
	return 0;
}

static bool
changes_nothing(const struct s3_call *c, const struct copy *k)
{
	return streq(k->source.bucket, c->route.bucket) && streq(k->source.key, c->route.key) &&
	       !replaces(c, "x-amz-metadata-directive") &&
	       rest_header(c->rest, "x-amz-storage-class") == NULL &&
	       rest_header(c->rest, "x-amz-website-redirect-location") == NULL &&
	       rest_header(c->rest, "x-amz-server-side-encryption") == NULL;
}

void
s3_copy_object(struct s3_call *c)
{
	_cleanup_bucket_ struct store_bucket bucket = { 0 };
	struct copy *k = xcalloc(1, sizeof(*k));
	int r = s3_bucket(c, &bucket);

	c->own = k;
	c->own_done = copy_free;
	k->commit = commit_object;
	k->root = "CopyObjectResult";
	if (r == 0)
		r = check_directive(c, "x-amz-metadata-directive");
	if (r == 0)
		r = check_directive(c, "x-amz-tagging-directive");
	if (r == 0)
		r = find_source(c, &k->source);
	k->size = k->source.size;
	if (r == 0 && changes_nothing(c, k))
		r = s3_error(c, 400, "InvalidRequest",
		    "This copy request is illegal because it is trying to copy an object to itself "
		    "without changing the object's metadata, storage class, website redirect "
		    "location or encryption attributes.");
	if (r == 0 && k->size > S3_OBJECT_MAX)
		r = s3_error(c, 400, "InvalidRequest",
		    "The specified copy source is larger than the maximum allowable size for a "
		    "copy source: 5368709120");
	if (r == 0)
		r = make_doc(c, k);
	if (r == 0)
		r = choose_sum(c, k);
	if (r < 0)
		s3_fail(c, r);
	else
		run(c);
}

/* -- UploadPartCopy */

static int
commit_part(struct s3_call *c)
{
	const struct copy *k = c->own;
	_cleanup_json_ struct json_object *doc = json_object_new_object();
	_cleanup_upload_ struct store_upload u = { 0 };
	_cleanup_part_ struct store_part p = { .size = k->size, .modified_at_ms = now_ms() };
	int r = s3_upload_find(c, &u);

	if (r == 0)
		r = s3_upload_number(c, &p.number);
	if (r < 0)
		return r;
	s3_meta_set_sum(doc, k->kind, k->sum_text, "FULL_OBJECT");
	p.upload = u.n;
	p.doc = xstrdup(json_print(doc));
	(void)snprintf(p.etag, sizeof(p.etag), "%s", k->etag);
	p.segments = cut(&k->source, k->start, k->size, p.number, &p.n_segments);
	return store_part_put(c->s3->store, &p, &c->who.err);
}

static bool
read_number(const char **p, int64_t *ret)
{
	size_t n = strspn(*p, "0123456789");

	if (n == 0 || n > 15)
		return false;
	*ret = strtoll(*p, NULL, 10);
	*p += n;
	return true;
}

/* "bytes=first-last", both of them. */
static int
read_range(struct s3_call *c, struct copy *k)
{
	const char *p = rest_header(c->rest, "x-amz-copy-source-range");
	int64_t first = 0, last = 0;
	bool ok;

	k->size = k->source.size;
	if (p == NULL)
		return 0;
	ok = has_prefix(p, "bytes=");
	p += ok ? strlen("bytes=") : 0;
	ok = ok && read_number(&p, &first) && *p++ == '-' && read_number(&p, &last) && *p == '\0';
	if (!ok || last < first)
		return s3_error(c, 400, "InvalidArgument",
		    "The x-amz-copy-source-range value must be of the form bytes=first-last where "
		    "first and last are the zero-based offsets of the first and last bytes to "
		    "copy");
	if (last >= k->source.size)
		return s3_error(c, 400, "InvalidArgument",
		    "Range specified is not valid for source object of size: %lld",
		    (long long)k->source.size);
	k->start = first;
	k->size = last - first + 1;
	return 0;
}

void
s3_upload_part_copy(struct s3_call *c)
{
	_cleanup_upload_ struct store_upload u = { 0 };
	struct copy *k = xcalloc(1, sizeof(*k));
	struct s3_upload_sum sum;
	int64_t number;
	int r = s3_upload_number(c, &number);

	c->own = k;
	c->own_done = copy_free;
	k->commit = commit_part;
	k->root = "CopyPartResult";
	if (r == 0)
		r = s3_upload_find(c, &u);
	if (r == 0)
		r = find_source(c, &k->source);
	if (r == 0)
		r = read_range(c, k);
	if (r == 0 && k->size > S3_OBJECT_MAX)
		r = s3_error(c, 400, "InvalidRequest",
		    "The specified copy source is larger than the maximum allowable size for a "
		    "copy source: 5368709120");
	if (r < 0) {
		s3_fail(c, r);
		return;
	}
	s3_upload_sum(&u, &sum);
	k->kind = sum.kind;
	run(c);
}
