/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Uploads in parts: begun, filled, listed, aborted. What makes an object of one is in
 * s3_complete.c.
 */
#include "daemon/services/s3_upload.h"

#include "daemon/services/s3_sink.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define PAGE_MAX 1000

/* -- CreateMultipartUpload */

static void
put_doc(void *own)
{
	json_object_put(own);
}

static int
insert(struct s3_call *c)
{
	struct store_upload u = { .created_at_ms = c->who.now_ms };
	int r;

	random_hex(u.id, (sizeof(u.id) - 1) / 2);
	(void)snprintf(u.bucket, sizeof(u.bucket), "%s", c->route.bucket);
	(void)snprintf(u.key, sizeof(u.key), "%s", c->route.key);
	u.doc = xstrdup(json_print(c->own));
	r = store_upload_insert(c->s3->store, &u, &c->who.err);
	s3_open_xml(c, "InitiateMultipartUploadResult");
	s3_xml(c, "Bucket", u.bucket);
	s3_xml(c, "Key", u.key);
	s3_xml(c, "UploadId", u.id);
	s3_close_xml(c, "InitiateMultipartUploadResult");
	free(u.doc);
	return r;
}

/* Which sum the parts have, and whether the object's is one of all bytes or of the parts' sums. */
static int
read_sum(struct s3_call *c, struct json_object *doc)
{
	const char *name = s3_header(c, "x-amz-checksum-algorithm");
	const char *type = s3_header(c, "x-amz-checksum-type");
	enum s3_sum_kind kind = name != NULL ? s3_sum_by_name(name) : S3_SUM_CRC64NVME;
	bool full = type != NULL ? strcasecmp(type, "FULL_OBJECT") == 0 : kind == S3_SUM_CRC64NVME;

	if (kind == S3_SUM_NONE)
		return s3_error(c, 400, "InvalidRequest",
		    "Checksum algorithm provided is unsupported. Please try again with any of the "
		    "valid types: [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]");
	if (type != NULL && !full && strcasecmp(type, "COMPOSITE") != 0)
		return s3_error(
		    c, 400, "InvalidRequest", "Value for x-amz-checksum-type header is invalid.");
	if (type != NULL && name == NULL)
		return s3_error(c, 400, "InvalidRequest",
		    "The x-amz-checksum-type header can only be used with the "
		    "x-amz-checksum-algorithm header.");
	if (full ? kind == S3_SUM_SHA1 || kind == S3_SUM_SHA256 : kind == S3_SUM_CRC64NVME)
		return s3_error(c, 400, "InvalidRequest",
		    "The %s checksum type cannot be used with the %s checksum algorithm.",
		    full ? "FULL_OBJECT" : "COMPOSITE", s3_sum_name(kind));
	s3_meta_set_sum(doc, kind, "", full ? "FULL_OBJECT" : "COMPOSITE");
	if (name != NULL) {
		json_add_bool(doc, "declared", true);
		s3_add_header(c, "x-amz-checksum-algorithm", s3_sum_name(kind));
		s3_add_header(c, "x-amz-checksum-type", full ? "FULL_OBJECT" : "COMPOSITE");
	}
	return 0;
}

void
s3_create_multipart_upload(struct s3_call *c)
{
	_cleanup_bucket_ struct store_bucket bucket = { 0 };
	struct json_object *doc = NULL;
	int r = s3_bucket(c, &bucket);

	if (r == 0)
		r = s3_meta_read(c, &doc);
	c->own = doc;
	c->own_done = put_doc;
	if (r == 0)
		r = read_sum(c, doc);
	if (r == 0)
		r = s3_transact(c, insert);
	s3_add_header(c, "x-amz-server-side-encryption", "AES256");
	s3_finish(c, r, 200);
}

/* -- what the others share */

int
s3_upload_find(struct s3_call *c, struct store_upload *ret)
{
	_cleanup_bucket_ struct store_bucket bucket = { 0 };
	_cleanup_upload_ struct store_upload u = { 0 };
	int r = s3_bucket(c, &bucket);

	if (r < 0)
		return r;
	r = store_upload_get(c->s3->store, s3_query(c, "uploadId"), &u, &c->who.err);
	if (r < 0)
		return r;
	if (r == 0 || !streq(u.bucket, c->route.bucket) || !streq(u.key, c->route.key))
		return s3_error(c, 404, "NoSuchUpload",
		    "The specified upload does not exist. The upload ID may be invalid, or the "
		    "upload may have been aborted or completed.");
	*ret = u;
	u.doc = NULL;
	return 0;
}

void
s3_upload_sum(const struct store_upload *u, struct s3_upload_sum *ret)
{
	_cleanup_json_ struct json_object *doc = NULL;
	struct json_object *sum;
	struct err e = { 0 };

	*ret = (struct s3_upload_sum){ .kind = S3_SUM_CRC64NVME, .full = true };
	if (u->doc == NULL || json_parse(u->doc, strlen(u->doc), &doc, &e) < 0)
		return; /* cannot be: it is our own */
	sum = json_get(doc, "checksum");
	ret->kind = s3_sum_by_name(json_get_str(sum, "algorithm"));
	ret->full = streq(json_get_str(sum, "type"), "FULL_OBJECT");
	ret->declared = json_get_bool(doc, "declared", false);
}

int
s3_upload_number(struct s3_call *c, int64_t *ret)
{
	const char *text = s3_query(c, "partNumber");
	int64_t n = 0;

	if (text != NULL && strlen(text) < 6 && strspn(text, "0123456789") == strlen(text))
		n = strtoll(text, NULL, 10);
	if (n < 1 || n > S3_PARTS_MAX)
		return s3_error(c, 400, "InvalidArgument",
		    "Part number must be an integer between 1 and 10000, inclusive");
	*ret = n;
	return 0;
}

/* -- UploadPart */

static int
commit_part(struct s3_call *c)
{
	const struct s3_blob *b = s3_sink_blob(c->sink);
	_cleanup_json_ struct json_object *doc = json_object_new_object();
	_cleanup_upload_ struct store_upload u = { 0 };
	struct store_segment segment = { .size = b->bytes };
	struct store_part p = { .size = b->bytes, .modified_at_ms = now_ms() };
	int r = s3_upload_find(c, &u);

	if (r == 0)
		r = s3_upload_number(c, &p.number);
	if (r < 0)
		return r;
	s3_meta_set_sum(doc, b->kind, b->sum, "FULL_OBJECT");
	p.upload = u.n;
	p.doc = xstrdup(json_print(doc));
	(void)snprintf(p.etag, sizeof(p.etag), "%s", b->etag);
	(void)snprintf(segment.blob, sizeof(segment.blob), "%s", b->id);
	segment.part = p.number;
	p.segments = &segment;
	p.n_segments = b->bytes > 0 ? 1 : 0;
	r = store_part_put(c->s3->store, &p, &c->who.err);
	free(p.doc);
	return r;
}

static void
on_part(struct s3_call *c)
{
	const struct s3_blob *b = s3_sink_blob(c->sink);
	int r = s3_transact(c, commit_part);

	if (r < 0) {
		s3_fail(c, r);
		return;
	}
	if (b->bytes > 0)
		s3_sink_keep(c->sink);
	s3_collect(c->s3);
	s3_meta_add_etag(c, b->etag);
	s3_add_header(c, s3_sum_header(b->kind), b->sum);
	s3_add_header(c, "x-amz-server-side-encryption", "AES256");
	s3_reply(c, 200);
}

void
s3_upload_part(struct s3_call *c)
{
	_cleanup_upload_ struct store_upload u = { 0 };
	struct s3_upload_sum sum = { 0 };
	int64_t number;
	int r = s3_upload_number(c, &number);

	if (r == 0)
		r = s3_upload_find(c, &u);
	if (r == 0) {
		s3_upload_sum(&u, &sum);
		r = s3_sink_start(c, sum.kind, on_part);
	}
	if (r == 0 && sum.declared && s3_sink_blob(c->sink)->kind != sum.kind)
		r = s3_error(c, 400, "InvalidRequest",
		    "Checksum Type mismatch occurred, expected checksum Type: %s, actual checksum "
		    "Type: %s",
		    s3_sum_name(sum.kind), s3_sum_name(s3_sink_blob(c->sink)->kind));
	if (r < 0)
		s3_fail(c, r);
}

/* -- AbortMultipartUpload */

static int
abort_upload(struct s3_call *c)
{
	_cleanup_upload_ struct store_upload u = { 0 };
	int r = s3_upload_find(c, &u);

	return r < 0 ? r : store_upload_delete(c->s3->store, &u, &c->who.err);
}

void
s3_abort_multipart_upload(struct s3_call *c)
{
	int r = s3_transact(c, abort_upload);

	if (r == 0)
		s3_collect(c->s3);
	s3_finish(c, r, 204);
}

/* -- ListParts */

struct page {
	struct s3_call *c;
	int64_t max, n, last;
	bool more;
	bool encoded;
	char key[S3_KEY_MAX];
	char id[S3_ID_MAX];
	const char *prefix;
};

static int
read_limit(struct s3_call *c, const char *name, struct page *ret)
{
	const char *text = s3_query(c, name);

	ret->max = PAGE_MAX;
	if (text == NULL || *text == '\0')
		return 0;
	if (strlen(text) > 9 || strspn(text, "0123456789") != strlen(text))
		return s3_error(c, 400, "InvalidArgument",
		    "Provided %s not an integer or within integer range", name);
	ret->max = strtoll(text, NULL, 10);
	if (ret->max > PAGE_MAX)
		ret->max = PAGE_MAX;
	return 0;
}

static int
add_part(const struct store_part *p, void *arg)
{
	struct page *page = arg;
	struct s3_call *c = page->c;
	_cleanup_json_ struct json_object *doc = NULL;
	struct json_object *sum = NULL;
	struct err e = { 0 };
	char etag[S3_ETAG_MAX + 2], element[32];

	if (page->n == page->max) {
		page->more = true;
		return 1;
	}
	page->n++;
	page->last = p->number;
	if (json_parse(p->doc, strlen(p->doc), &doc, &e) == 0)
		sum = json_get(doc, "checksum");
	(void)snprintf(etag, sizeof(etag), "\"%s\"", p->etag);
	xml_markup(&c->body, "<Part>");
	s3_xml_int(c, "PartNumber", p->number);
	s3_xml_time(c, "LastModified", p->modified_at_ms);
	s3_xml(c, "ETag", etag);
	s3_xml_int(c, "Size", p->size);
	if (sum != NULL) {
		(void)snprintf(
		    element, sizeof(element), "Checksum%s", json_get_str(sum, "algorithm"));
		s3_xml(c, element, json_get_str(sum, "value"));
	}
	s3_close_xml(c, "Part");
	return 0;
}

static void
add_people(struct s3_call *c)
{
	static const char *const people[] = { "Initiator", "Owner" };

	for (size_t i = 0; i < ARRAY_SIZE(people); i++) {
		xml_markup(&c->body, i == 0 ? "<Initiator>" : "<Owner>");
		s3_xml(c, "ID", s3_owner_id(c));
		s3_close_xml(c, people[i]);
	}
	s3_xml(c, "StorageClass", "STANDARD");
}

void
s3_list_parts(struct s3_call *c)
{
	const char *marker = s3_query(c, "part-number-marker");
	_cleanup_upload_ struct store_upload u = { 0 };
	struct page page = { .c = c };
	struct s3_upload_sum sum;
	int64_t after = 0;
	int r = s3_upload_find(c, &u);

	if (r == 0)
		r = read_limit(c, "max-parts", &page);
	if (r == 0 && marker != NULL && *marker != '\0') {
		if (strlen(marker) > 9 || strspn(marker, "0123456789") != strlen(marker))
			r = s3_error(c, 400, "InvalidArgument",
			    "Provided part-number-marker not an integer or within integer range");
		else
			after = strtoll(marker, NULL, 10);
	}
	if (r < 0) {
		s3_fail(c, r);
		return;
	}
	s3_upload_sum(&u, &sum);
	s3_open_xml(c, "ListPartsResult");
	s3_xml(c, "Bucket", u.bucket);
	s3_xml(c, "Key", u.key);
	s3_xml(c, "UploadId", u.id);
	add_people(c);
	if (sum.declared) {
		s3_xml(c, "ChecksumAlgorithm", s3_sum_name(sum.kind));
		s3_xml(c, "ChecksumType", sum.full ? "FULL_OBJECT" : "COMPOSITE");
	}
	s3_xml_int(c, "PartNumberMarker", after);
	s3_xml_int(c, "MaxParts", page.max);
	r = store_part_list(c->s3->store, u.n, after, -1, add_part, &page, &c->who.err);
	if (page.n > 0)
		s3_xml_int(c, "NextPartNumberMarker", page.last);
	s3_xml(c, "IsTruncated", page.more ? "true" : "false");
	s3_close_xml(c, "ListPartsResult");
	s3_finish(c, r, 200);
}

/* -- ListMultipartUploads */

static int
add_upload(const struct store_upload *u, void *arg)
{
	struct page *page = arg;
	struct s3_call *c = page->c;

	if (strncmp(u->key, page->prefix, strlen(page->prefix)) != 0)
		return strcmp(u->key, page->prefix) > 0;
	if (page->n == page->max) {
		page->more = true;
		return 1;
	}
	page->n++;
	(void)snprintf(page->key, sizeof(page->key), "%s", u->key);
	(void)snprintf(page->id, sizeof(page->id), "%s", u->id);
	xml_markup(&c->body, "<Upload>");
	s3_xml(c, "Key", page->encoded ? s3_encode(&c->who.arena, u->key) : u->key);
	s3_xml(c, "UploadId", u->id);
	add_people(c);
	s3_xml_time(c, "Initiated", u->created_at_ms);
	s3_close_xml(c, "Upload");
	return 0;
}

void
s3_list_multipart_uploads(struct s3_call *c)
{
	const char *key = s3_query(c, "key-marker");
	const char *id = s3_query(c, "upload-id-marker");
	const char *prefix = s3_query(c, "prefix");
	const char *delimiter = s3_query(c, "delimiter");
	_cleanup_bucket_ struct store_bucket bucket = { 0 };
	struct page page = { .c = c, .prefix = prefix != NULL ? prefix : "" };
	int r = s3_bucket(c, &bucket);

	page.encoded = s3_query(c, "encoding-type") != NULL;
	if (r == 0)
		r = read_limit(c, "max-uploads", &page);
	if (r == 0 && delimiter != NULL && *delimiter != '\0')
		r = s3_error(c, 501, "NotImplemented",
		    "The delimiter of ListMultipartUploads is not available in localemu-ecs yet.");
	if (r < 0) {
		s3_fail(c, r);
		return;
	}
	s3_open_xml(c, "ListMultipartUploadsResult");
	s3_xml(c, "Bucket", bucket.name);
	s3_xml(c, "KeyMarker", key != NULL ? key : "");
	s3_xml(c, "UploadIdMarker", id != NULL ? id : "");
	s3_xml(c, "Prefix", prefix);
	if (page.encoded)
		s3_xml(c, "EncodingType", "url");
	s3_xml_int(c, "MaxUploads", page.max);
	/* Without an id the marker is behind all uploads of its key. */
	r = store_upload_list(c->s3->store, bucket.name, key != NULL ? key : "",
	    id != NULL && *id != '\0' ? id : "~", -1, add_upload, &page, &c->who.err);
	if (page.more) {
		s3_xml(c, "NextKeyMarker",
		    page.encoded ? s3_encode(&c->who.arena, page.key) : page.key);
		s3_xml(c, "NextUploadIdMarker", page.id);
	}
	s3_xml(c, "IsTruncated", page.more ? "true" : "false");
	s3_close_xml(c, "ListMultipartUploadsResult");
	s3_finish(c, r, 200);
}
