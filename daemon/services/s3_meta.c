/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Headers in and out (see s3_meta.h).
 */
#include "daemon/services/s3_meta.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define METADATA_PREFIX "x-amz-meta-"
#define METADATA_MAX 2048
#define TAG_KEY_MAX 128
#define TAG_VALUE_MAX 256
#define OBJECT_TAGS_MAX 10

/* clang-format off */
/* Headers that come back as they were given, and the parameter of GetObject that replaces them. */
static const struct {
	const char *name;
	const char *parameter;
} kept_headers[] = {
	{ "Cache-Control",       "response-cache-control" },
	{ "Content-Disposition", "response-content-disposition" },
	{ "Content-Encoding",    "response-content-encoding" },
	{ "Content-Language",    "response-content-language" },
	{ "Content-Type",        "response-content-type" },
	{ "Expires",             "response-expires" },
	{ "x-amz-website-redirect-location", NULL },
};

static const char *const classes[] = {
	"STANDARD", "REDUCED_REDUNDANCY", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER", "DEEP_ARCHIVE",
	"GLACIER_IR", "EXPRESS_ONEZONE", "OUTPOSTS", "SNOW",
};

/* Headers that ask for what is not there. */
static const char *const refused_headers[] = {
	"x-amz-server-side-encryption-customer-algorithm", "x-amz-server-side-encryption-customer-key",
	"x-amz-server-side-encryption-aws-kms-key-id", "x-amz-copy-source-server-side-encryption-customer-algorithm",
	"x-amz-write-offset-bytes",
};
/* clang-format on */

int
s3_meta_check(struct s3_call *c)
{
	const char *sse = s3_header(c, "x-amz-server-side-encryption");
	const char *acl = s3_header(c, "x-amz-acl");

	for (size_t i = 0; i < ARRAY_SIZE(refused_headers); i++)
		if (s3_header(c, refused_headers[i]) != NULL)
			return s3_error(c, 501, "NotImplemented",
			    "A header you provided implies functionality that is not implemented: "
			    "%s",
			    refused_headers[i]);
	if (sse != NULL && !streq(sse, "AES256"))
		return s3_error(c, 501, "NotImplemented",
		    "A header you provided implies functionality that is not implemented: "
		    "x-amz-server-side-encryption: %.32s",
		    sse);
	if (acl != NULL && !streq(acl, "private") && !streq(acl, "bucket-owner-full-control"))
		return s3_error(
		    c, 400, "AccessControlListNotSupported", "The bucket does not allow ACLs");
	if (s3_header(c, "x-amz-object-lock-mode") != NULL ||
	    s3_header(c, "x-amz-object-lock-legal-hold") != NULL)
		return s3_error(
		    c, 400, "InvalidRequest", "Bucket is missing Object Lock Configuration");
	return 0;
}

/* aws-chunked is how the body came, not what it is. */
static void
keep_encoding(struct json_object *headers, const char *value)
{
	_cleanup_free_ char *copy = xstrdup(value);
	char kept[256] = "";
	char *save = NULL;

	for (char *w = strtok_r(copy, ", \t", &save); w != NULL;
	     w = strtok_r(NULL, ", \t", &save)) {
		size_t len = strlen(kept);

		if (strcasecmp(w, "aws-chunked") != 0)
			(void)snprintf(
			    kept + len, sizeof(kept) - len, "%s%s", len > 0 ? "," : "", w);
	}
	if (kept[0] != '\0')
		json_add_str(headers, "Content-Encoding", kept);
}

static int
read_metadata(struct s3_call *c, struct json_object *doc)
{
	struct json_object *metadata = json_object_new_object();
	size_t total = 0;

	json_add(doc, "metadata", metadata);
	for (size_t i = 0; i < c->rest->head.n_headers; i++) {
		const struct sigv4_header *h = &c->rest->head.headers[i];
		const char *name = h->name + strlen(METADATA_PREFIX);
		const char *before;
		_cleanup_free_ char *lower = NULL, *joined = NULL;

		if (strncasecmp(h->name, METADATA_PREFIX, strlen(METADATA_PREFIX)) != 0 ||
		    *name == '\0')
			continue;
		lower = xstrdup(name);
		for (char *p = lower; *p != '\0'; p++)
			if (*p >= 'A' && *p <= 'Z')
				*p = (char)(*p - 'A' + 'a');
		before = json_get_str(metadata, lower);
		joined = before != NULL ? xasprintf("%s,%s", before, h->value) : xstrdup(h->value);
		json_add_str(metadata, lower, joined);
		total += strlen(name) + strlen(h->value);
	}
	if (total > METADATA_MAX)
		return s3_error(c, 400, "MetadataTooLarge",
		    "Your metadata headers exceed the maximum allowed metadata size");
	return 0;
}

int
s3_meta_read(struct s3_call *c, struct json_object **ret)
{
	_cleanup_json_ struct json_object *doc = json_object_new_object();
	struct json_object *headers = json_object_new_object();
	const char *class = s3_header(c, "x-amz-storage-class");
	bool known = class == NULL;
	int r;

	json_add(doc, "headers", headers);
	for (size_t i = 0; i < ARRAY_SIZE(kept_headers); i++) {
		const char *value = rest_header(c->rest, kept_headers[i].name);

		if (value != NULL && streq(kept_headers[i].name, "Content-Encoding"))
			keep_encoding(headers, value);
		else if (value != NULL)
			json_add_str(headers, kept_headers[i].name, value);
	}
	for (size_t i = 0; i < ARRAY_SIZE(classes); i++)
		known = known || streq(class, classes[i]);
	if (!known)
		return s3_error(
		    c, 400, "InvalidStorageClass", "The storage class you specified is not valid");
	if (class != NULL && !streq(class, "STANDARD"))
		json_add_str(doc, "class", class);
	r = s3_meta_check(c);
	if (r == 0)
		r = read_metadata(c, doc);
	if (r == 0)
		r = s3_meta_read_tags(c, doc);
	if (r == 0)
		*ret = TAKE(doc);
	return r;
}

/* -- tags */

int
s3_meta_check_tags(struct s3_call *c, struct json_object *tags, size_t max)
{
	size_t n = json_object_array_length(tags);

	if (n > max)
		return s3_error(c, 400, max == OBJECT_TAGS_MAX ? "BadRequest" : "InvalidTag",
		    max == OBJECT_TAGS_MAX ? "Object tags cannot be greater than 10"
					   : "Bucket tag count cannot be greater than 50");
	for (size_t i = 0; i < n; i++) {
		struct json_object *tag = json_object_array_get_idx(tags, i);
		const char *key = json_get_str(tag, "Key");
		const char *value = json_get_str(tag, "Value");

		if (key == NULL || *key == '\0' || strlen(key) > 4 * TAG_KEY_MAX)
			return s3_error(
			    c, 400, "InvalidTag", "The TagKey you have provided is invalid");
		if (value == NULL || strlen(value) > 4 * TAG_VALUE_MAX)
			return s3_error(
			    c, 400, "InvalidTag", "The TagValue you have provided is invalid");
		for (size_t k = 0; k < i; k++)
			if (streq(key, json_get_str(json_object_array_get_idx(tags, k), "Key")))
				return s3_error(c, 400, "InvalidTag",
				    "Cannot provide multiple Tags with the same key");
	}
	return 0;
}

int
s3_meta_read_tags(struct s3_call *c, struct json_object *doc)
{
	const char *p = s3_header(c, "x-amz-tagging");
	struct json_object *tags;

	if (p == NULL || *p == '\0')
		return 0;
	tags = json_object_new_array();
	json_add(doc, "tags", tags);
	while (*p != '\0') {
		size_t n = strcspn(p, "&");
		size_t name_len = strcspn(p, "=&");
		struct json_object *tag = json_object_new_object();

		json_add_str(tag, "Key", s3_decode(&c->who.arena, p, name_len, true));
		json_add_str(tag, "Value",
		    name_len < n
			? s3_decode(&c->who.arena, p + name_len + 1, n - name_len - 1, true)
			: "");
		if (json_object_array_add(tags, tag) != 0)
			abort();
		if (json_object_array_length(tags) > OBJECT_TAGS_MAX)
			break;
		p += n + (p[n] == '&');
	}
	return s3_meta_check_tags(c, tags, OBJECT_TAGS_MAX);
}

/* -- answers */

void
s3_meta_set_sum(struct json_object *doc, enum s3_sum_kind kind, const char *sum, const char *type)
{
	struct json_object *o = json_object_new_object();

	json_add_str(o, "algorithm", s3_sum_name(kind));
	json_add_str(o, "value", sum);
	json_add_str(o, "type", type);
	json_add(doc, "checksum", o);
}

void
s3_meta_add_etag(struct s3_call *c, const char *etag)
{
	char text[S3_ETAG_MAX + 2];

	(void)snprintf(text, sizeof(text), "\"%s\"", etag);
	s3_add_header(c, "ETag", text);
}

void
s3_meta_add_sum(struct s3_call *c, struct json_object *doc)
{
	struct json_object *sum = json_get(doc, "checksum");
	const char *name = sum != NULL ? json_get_str(sum, "algorithm") : NULL;

	if (name == NULL)
		return;
	s3_add_header(c, s3_sum_header(s3_sum_by_name(name)), json_get_str(sum, "value"));
	s3_add_header(c, "x-amz-checksum-type", json_get_str(sum, "type"));
}

static void
add_kept(struct s3_call *c, struct json_object *doc)
{
	struct json_object *headers = json_get(doc, "headers");
	bool type = false;

	for (size_t i = 0; i < ARRAY_SIZE(kept_headers); i++) {
		const char *value = kept_headers[i].parameter != NULL
					? s3_query(c, kept_headers[i].parameter)
					: NULL;

		if (value == NULL && headers != NULL)
			value = json_get_str(headers, kept_headers[i].name);
		s3_add_header(c, kept_headers[i].name, value);
		type = type || (value != NULL && streq(kept_headers[i].name, "Content-Type"));
	}
	if (!type)
		s3_add_header(c, "Content-Type", "binary/octet-stream");
}

void
s3_meta_add_headers(struct s3_call *c, const struct store_object *o, bool whole)
{
	_cleanup_json_ struct json_object *doc = NULL;
	struct json_object *metadata, *tags;
	const char *mode = s3_header(c, "x-amz-checksum-mode");
	struct err e = { 0 };

	s3_add_header_time(c, "Last-Modified", o->modified_at_ms);
	s3_meta_add_etag(c, o->etag);
	s3_add_header(c, "Accept-Ranges", "bytes");
	s3_add_header(c, "x-amz-server-side-encryption", "AES256");
	if (json_parse(o->doc, strlen(o->doc), &doc, &e) < 0)
		return; /* cannot be: it is our own */
	add_kept(c, doc);
	s3_add_header(c, "x-amz-storage-class", json_get_str(doc, "class"));
	metadata = json_get(doc, "metadata");
	if (metadata != NULL) {
		json_object_object_foreach(metadata, key, value)
		{
			_cleanup_free_ char *name = xasprintf(METADATA_PREFIX "%s", key);

			s3_add_header(c, name, json_object_get_string(value));
		}
	}
	tags = json_get(doc, "tags");
	if (tags != NULL && json_object_array_length(tags) > 0)
		s3_add_header_int(
		    c, "x-amz-tagging-count", (int64_t)json_object_array_length(tags));
	if (whole && mode != NULL && strcasecmp(mode, "ENABLED") == 0)
		s3_meta_add_sum(c, doc);
}
