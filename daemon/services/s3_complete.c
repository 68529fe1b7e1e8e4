/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CompleteMultipartUpload: the parts that the client lists become one object. No byte is copied:
 * the object's segments are those of its parts.
 */
#include "daemon/services/s3_document.h"
#include "daemon/services/s3_upload.h"

#include <stdio.h>
#include <string.h>

/* The object as it grows part by part. */
struct assembly {
	struct s3_call *c;
	const struct s3_node *listed; /* the next part that the client lists */
	struct s3_upload_sum sum;
	struct store_object o;
	size_t segments_size;
	int64_t n;
	struct s3_sum md5;       /* of the parts' */
	struct s3_sum composite; /* of the parts' */
	unsigned char full[S3_SUM_BYTES];
	int r;
};

static void
assembly_done(struct assembly *a)
{
	store_object_done(&a->o);
	s3_sum_done(&a->md5);
	s3_sum_done(&a->composite);
}

static int64_t
listed_number(const struct s3_node *part)
{
	const char *text = s3_document_text(part, "PartNumber");

	if (text == NULL || *text == '\0' || strlen(text) > 5 ||
	    strspn(text, "0123456789") != strlen(text))
		return 0;
	return strtoll(text, NULL, 10);
}

static int
invalid_part(struct s3_call *c)
{
	return s3_error(c, 400, "InvalidPart",
	    "One or more of the specified parts could not be found. The part may not have been "
	    "uploaded, or the specified entity tag may not match the part's entity tag.");
}

static int
check_list(struct s3_call *c, const struct s3_node *first)
{
	int64_t last = 0, n = 0;

	for (const struct s3_node *part = first; part != NULL; part = s3_document_next(part)) {
		int64_t number = listed_number(part);

		if (number < 1 || number > S3_PARTS_MAX)
			return invalid_part(c);
		if (number <= last)
			return s3_error(c, 400, "InvalidPartOrder",
			    "The list of parts was not in ascending order. Parts must be ordered "
			    "by part number.");
		last = number;
		n++;
	}
	if (n == 0)
		return s3_error(c, 400, "MalformedXML",
		    "The XML you provided was not well-formed or did not validate against our "
		    "published schema");
	return 0;
}

/* The ETag without its quotes. */
static bool
is_etag(const char *text, const char *etag)
{
	size_t len = strlen(etag);

	if (text == NULL)
		return false;
	text += *text == '"';
	return strncmp(text, etag, len) == 0 && (text[len] == '\0' || streq(text + len, "\""));
}

static int
add_sums(struct assembly *a, const struct store_part *p, const struct s3_node *listed)
{
	_cleanup_json_ struct json_object *doc = NULL;
	unsigned char bytes[S3_SUM_BYTES];
	struct json_object *sum;
	const char *given;
	char element[32];
	size_t n = s3_sum_size(a->sum.kind);
	int r = json_parse(p->doc, strlen(p->doc), &doc, &a->c->who.err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < 16; i++) {
		char pair[3] = { p->etag[2 * i], p->etag[2 * i + 1], '\0' };

		bytes[i] = (unsigned char)strtoul(pair, NULL, 16);
	}
	s3_sum_add(&a->md5, bytes, 16);
	sum = json_get(doc, "checksum");
	(void)snprintf(element, sizeof(element), "Checksum%s", json_get_str(sum, "algorithm"));
	given = s3_document_text(listed, element);
	if (given != NULL && !streq(given, json_get_str(sum, "value")))
		return invalid_part(a->c);
	if (a->sum.kind == S3_SUM_NONE)
		return 0;
	if (s3_sum_by_name(json_get_str(sum, "algorithm")) != a->sum.kind ||
	    s3_base64_read(json_get_str(sum, "value"), bytes, n) < 0) {
		a->sum.kind = S3_SUM_NONE; /* nobody asked for one, and the parts have others */
		return 0;
	}
	s3_sum_add(&a->composite, bytes, n);
	if (a->n == 0)
		memcpy(a->full, bytes, n);
	else if (a->sum.full)
		s3_sum_combine(a->sum.kind, a->full, bytes, p->size);
	return 0;
}

static int
add_segments(struct assembly *a, const struct store_part *p)
{
	struct store_part copy = { .n = p->n };
	int r = store_part_segments(a->c->s3->store, &copy, &a->c->who.err);

	if (r == 0 && a->o.n_segments + copy.n_segments > a->segments_size) {
		a->segments_size = 2 * (a->o.n_segments + copy.n_segments);
		a->o.segments = xrealloc(a->o.segments, a->segments_size, sizeof(*a->o.segments));
	}
	for (size_t i = 0; i < copy.n_segments; i++) {
		copy.segments[i].part = p->number;
		a->o.segments[a->o.n_segments++] = copy.segments[i];
	}
	store_part_done(&copy);
	return r;
}

/* One part that is there; those that are not listed are left out. */
static int
on_part(const struct store_part *p, void *arg)
{
	struct assembly *a = arg;
	const struct s3_node *listed = a->listed;

	if (listed == NULL)
		return 1;
	if (p->number < listed_number(listed))
		return 0;
	if (p->number > listed_number(listed) ||
	    !is_etag(s3_document_text(listed, "ETag"), p->etag)) {
		a->r = invalid_part(a->c);
		return 1;
	}
	a->listed = s3_document_next(listed);
	if (a->listed != NULL && p->size < S3_PART_MIN) {
		a->r = s3_error(a->c, 400, "EntityTooSmall",
		    "Your proposed upload is smaller than the minimum allowed size");
		return 1;
	}
	a->r = add_sums(a, p, listed);
	if (a->r == 0)
		a->r = add_segments(a, p);
	a->o.size += p->size;
	a->n++;
	return a->r < 0;
}

/* The document of the object: the upload's, with the sum as it came out. */
static int
finish_doc(struct assembly *a, const struct store_upload *u)
{
	_cleanup_json_ struct json_object *doc = NULL;
	unsigned char bytes[S3_SUM_BYTES];
	char text[S3_SUM_TEXT], whole[S3_SUM_TEXT + 8];
	enum s3_sum_kind kind = a->sum.kind;
	const char *wanted =
	    kind != S3_SUM_NONE ? rest_header(a->c->rest, s3_sum_header(kind)) : NULL;
	int r = json_parse(u->doc, strlen(u->doc), &doc, &a->c->who.err);

	if (r < 0)
		return r;
	json_object_object_del(doc, "checksum");
	json_object_object_del(doc, "declared");
	if (kind != S3_SUM_NONE && a->sum.full) {
		s3_base64(a->full, s3_sum_size(kind), whole, sizeof(whole));
		s3_meta_set_sum(doc, kind, whole, "FULL_OBJECT");
	} else if (kind != S3_SUM_NONE) {
		s3_base64(bytes, s3_sum_end(&a->composite, bytes), text, sizeof(text));
		(void)snprintf(whole, sizeof(whole), "%s-%lld", text, (long long)a->n);
		s3_meta_set_sum(doc, kind, whole, "COMPOSITE");
	}
	if (wanted != NULL && strcmp(wanted, whole) != 0 &&
	    !(strncmp(wanted, whole, strlen(wanted)) == 0 && whole[strlen(wanted)] == '-'))
		return s3_error(a->c, 400, "BadDigest",
		    "The %s you specified did not match the calculated checksum.",
		    s3_sum_name(kind));
	a->o.doc = xstrdup(json_print(doc));
	return 0;
}

static int
check_size(struct assembly *a)
{
	const char *size = rest_header(a->c->rest, "x-amz-mp-object-size");

	if (size != NULL && strtoll(size, NULL, 10) != a->o.size)
		return s3_error(a->c, 400, "InvalidRequest",
		    "The provided 'x-amz-mp-object-size' header value %.20s does not match what "
		    "was computed: %lld",
		    size, (long long)a->o.size);
	if (a->o.size > S3_OBJECT_TOTAL_MAX)
		return s3_error(a->c, 400, "EntityTooLarge",
		    "Your proposed upload exceeds the maximum allowed size");
	return 0;
}

static void
answer(struct assembly *a)
{
	struct s3_call *c = a->c;
	_cleanup_json_ struct json_object *doc = NULL;
	struct json_object *sum = NULL;
	char etag[S3_ETAG_MAX + 2], element[32];

	if (json_parse(a->o.doc, strlen(a->o.doc), &doc, &c->who.err) == 0)
		sum = json_get(doc, "checksum");
	(void)snprintf(etag, sizeof(etag), "\"%s\"", a->o.etag);
	s3_open_xml(c, "CompleteMultipartUploadResult");
	xml_markup(&c->body, "<Location>http://");
	xml_text(&c->body, c->rest->host);
	xml_text(&c->body, c->rest->head.path);
	xml_markup(&c->body, "</Location>");
	s3_xml(c, "Bucket", c->route.bucket);
	s3_xml(c, "Key", c->route.key);
	s3_xml(c, "ETag", etag);
	if (sum != NULL) {
		(void)snprintf(
		    element, sizeof(element), "Checksum%s", json_get_str(sum, "algorithm"));
		s3_xml(c, element, json_get_str(sum, "value"));
		s3_xml(c, "ChecksumType", json_get_str(sum, "type"));
	}
	s3_close_xml(c, "CompleteMultipartUploadResult");
}

static int
assemble(struct s3_call *c, struct assembly *a, const struct store_upload *u)
{
	_cleanup_object_ struct store_object old = { 0 };
	unsigned char bytes[S3_SUM_BYTES];
	char hex[2 * S3_SUM_BYTES + 1];
	int r =
	    store_object_get(c->s3->store, c->route.bucket, c->route.key, false, &old, &c->who.err);

	if (r >= 0)
		r = s3_meta_check_write(c, r > 0 ? &old : NULL);
	if (r == 0)
		r = store_part_list(c->s3->store, u->n, 0, -1, on_part, a, &c->who.err);
	if (r == 0)
		r = a->r;
	if (r == 0 && a->listed != NULL)
		r = invalid_part(c);
	if (r == 0)
		r = check_size(a);
	if (r == 0)
		r = finish_doc(a, u);
	if (r < 0)
		return r;
	s3_hex(bytes, s3_sum_end(&a->md5, bytes), hex);
	(void)snprintf(a->o.etag, sizeof(a->o.etag), "%.32s-%lld", hex, (long long)a->n);
	(void)snprintf(a->o.bucket, sizeof(a->o.bucket), "%s", c->route.bucket);
	(void)snprintf(a->o.key, sizeof(a->o.key), "%s", c->route.key);
	a->o.modified_at_ms = now_ms();
	r = store_object_put(c->s3->store, &a->o, &c->who.err);
	return r < 0 ? r : store_upload_delete(c->s3->store, u, &c->who.err);
}

/* In the transaction. */
static int
complete(struct s3_call *c)
{
	const struct s3_document *d = c->own;
	_cleanup_(assembly_done) struct assembly a = { .c = c };
	_cleanup_upload_ struct store_upload u = { 0 };
	int r = s3_upload_find(c, &u);

	a.listed = s3_document_first(d->root, "Part");
	if (r == 0)
		r = check_list(c, a.listed);
	if (r < 0)
		return r;
	s3_upload_sum(&u, &a.sum);
	s3_sum_begin(&a.md5, S3_SUM_MD5);
	s3_sum_begin(&a.composite, a.sum.kind);
	r = assemble(c, &a, &u);
	if (r == 0)
		answer(&a);
	return r;
}

static void
on_list(struct s3_call *c)
{
	_cleanup_(s3_document_done) struct s3_document d = { 0 };
	int r = s3_document_read(c, "CompleteMultipartUpload", &d);

	c->own = &d;
	if (r == 0)
		r = s3_transact(c, complete);
	c->own = NULL;
	if (r == 0)
		s3_collect(c->s3);
	s3_add_header(c, "x-amz-server-side-encryption", "AES256");
	s3_finish(c, r, 200);
}

void
s3_complete_multipart_upload(struct s3_call *c)
{
	s3_read_body(c, on_list);
}
