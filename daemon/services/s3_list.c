/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ListObjects, ListObjectsV2, ListObjectVersions: keys in the order of their bytes, those below a
 * delimiter rolled up into common prefixes, page by page. One walk serves all three.
 */
#include "daemon/services/s3_meta.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define PAGE_MAX 1000

enum shape { SHAPE_V1, SHAPE_V2, SHAPE_VERSIONS };

struct list {
	struct s3_call *c;
	enum shape shape;
	const char *prefix, *delimiter; /* "" where there is none */
	const char *after;              /* keys and prefixes up to it are left out */
	bool encoded;                   /* encoding-type=url */
	bool owner;
	int64_t max, n;
	bool more;
	char from[S3_KEY_MAX + 1]; /* where the walk goes on */
	bool again;
	char last[S3_KEY_MAX]; /* what was listed last */
	struct xml prefixes;
};

/* -- texts */

/* A key or a part of one, as the client wants to read it. */
static void
add_key(struct list *l, const char *name, const char *key)
{
	if (key != NULL)
		s3_xml(l->c, name, l->encoded ? s3_encode(&l->c->who.arena, key) : key);
}

/* Tokens are keys in hexadecimal digits: nobody takes them for something to be made up. */
static const char *
make_token(struct arena *a, const char *key)
{
	char *ret = arena_alloc(a, 2 * strlen(key) + 1);

	s3_hex((const unsigned char *)key, strlen(key), ret);
	return ret;
}

static const char *
read_token(struct arena *a, const char *token)
{
	size_t n = strlen(token);
	char *ret = arena_alloc(a, n / 2 + 1);

	if (n == 0 || n % 2 != 0 || n / 2 >= S3_KEY_MAX || strspn(token, "0123456789abcdef") != n)
		return NULL;
	for (size_t i = 0; i < n; i += 2) {
		char pair[3] = { token[i], token[i + 1], '\0' };

		ret[i / 2] = (char)strtol(pair, NULL, 16);
		if (ret[i / 2] == '\0')
			return NULL;
	}
	return ret;
}

/* The value of a member of an object's document, without reading all of it. */
static bool
peek(const char *doc, const char *member, char *ret, size_t size)
{
	const char *p = strstr(doc, member);
	size_t n;

	if (p == NULL)
		return false;
	p += strlen(member);
	n = strcspn(p, "\"");
	if (n >= size)
		return false;
	memcpy(ret, p, n);
	ret[n] = '\0';
	return true;
}

/* -- the walk */

static void
add_object(struct list *l, const struct store_object *o)
{
	const char *element = l->shape == SHAPE_VERSIONS ? "Version" : "Contents";
	struct s3_call *c = l->c;
	char text[64];

	xml_markup(&c->body, "<");
	xml_markup(&c->body, element);
	xml_markup(&c->body, ">");
	add_key(l, "Key", o->key);
	if (l->shape == SHAPE_VERSIONS) {
		s3_xml(c, "VersionId", "null");
		s3_xml(c, "IsLatest", "true");
	}
	s3_xml_time(c, "LastModified", o->modified_at_ms);
	(void)snprintf(text, sizeof(text), "\"%s\"", o->etag);
	s3_xml(c, "ETag", text);
	if (peek(o->doc, "\"checksum\":{\"algorithm\":\"", text, sizeof(text)))
		s3_xml(c, "ChecksumAlgorithm", text);
	if (peek(o->doc, "\"type\":\"", text, sizeof(text)))
		s3_xml(c, "ChecksumType", text);
	s3_xml_int(c, "Size", o->size);
	if (l->owner) {
		xml_markup(&c->body, "<Owner>");
		s3_xml(c, "ID", s3_owner_id(c));
		s3_close_xml(c, "Owner");
	}
	if (!peek(o->doc, "\"class\":\"", text, sizeof(text)))
		(void)snprintf(text, sizeof(text), "STANDARD");
	s3_xml(c, "StorageClass", text);
	s3_close_xml(c, element);
}

/* Behind everything that begins with the text: its last byte is never 0xff in UTF-8. */
static void
go_behind(struct list *l, const char *text, size_t n)
{
	memcpy(l->from, text, n);
	l->from[n] = '\0';
	l->from[n - 1]++;
	l->again = true;
}

/* 1: the page is full. */
static int
take_place(struct list *l, const char *text, size_t n)
{
	if (l->n == l->max) {
		l->more = true;
		return 1;
	}
	l->n++;
	memcpy(l->last, text, n);
	l->last[n] = '\0';
	return 0;
}

static int
add_prefix(struct list *l, const char *key, size_t n)
{
	char text[S3_KEY_MAX];

	memcpy(text, key, n);
	text[n] = '\0';
	go_behind(l, key, n);
	if (streq(text, l->after))
		return 1;
	if (take_place(l, key, n) != 0) {
		l->again = false;
		return 1;
	}
	xml_markup(&l->prefixes, "<CommonPrefixes><Prefix>");
	xml_text(&l->prefixes, l->encoded ? s3_encode(&l->c->who.arena, text) : text);
	xml_markup(&l->prefixes, "</Prefix></CommonPrefixes>");
	return 1;
}

static int
on_object(const struct store_object *o, void *arg)
{
	struct list *l = arg;
	size_t prefix_len = strlen(l->prefix);
	const char *cut;

	if (strncmp(o->key, l->prefix, prefix_len) != 0)
		return 1;
	cut = l->delimiter[0] != '\0' ? strstr(o->key + prefix_len, l->delimiter) : NULL;
	if (cut != NULL)
		return add_prefix(l, o->key, (size_t)(cut - o->key) + strlen(l->delimiter));
	if (take_place(l, o->key, strlen(o->key)) != 0)
		return 1;
	add_object(l, o);
	return 0;
}

static int
walk(struct list *l)
{
	int r = 0;

	if (strcmp(l->prefix, l->after) > 0)
		(void)snprintf(l->from, sizeof(l->from), "%s", l->prefix);
	else if (l->after[0] != '\0')
		(void)snprintf(l->from, sizeof(l->from), "%s\1", l->after);
	do {
		l->again = false;
		r = store_object_list(
		    l->c->s3->store, l->c->route.bucket, l->from, -1, on_object, l, &l->c->who.err);
	} while (r == 0 && l->again && !l->more);
	if (l->max == 0)
		l->more = false;
	return r;
}

/* -- parameters and answers */

static int
read_common(struct list *l)
{
	struct s3_call *c = l->c;
	const char *prefix = s3_query(c, "prefix");
	const char *delimiter = s3_query(c, "delimiter");
	const char *max = s3_query(c, "max-keys");
	const char *encoding = s3_query(c, "encoding-type");

	l->prefix = prefix != NULL ? prefix : "";
	l->delimiter = delimiter != NULL ? delimiter : "";
	l->after = "";
	l->max = PAGE_MAX;
	if (max != NULL && *max != '\0') {
		if (strlen(max) > 10 || strspn(max, "0123456789") != strlen(max))
			return s3_error(c, 400, "InvalidArgument",
			    "Provided max-keys not an integer or within integer range");
		l->max = strtoll(max, NULL, 10);
		if (l->max > INT32_MAX)
			return s3_error(c, 400, "InvalidArgument",
			    "Argument maxKeys must be an integer between 0 and 2147483647");
		if (l->max > PAGE_MAX)
			l->max = PAGE_MAX;
	}
	if (encoding != NULL && *encoding != '\0' && strcasecmp(encoding, "url") != 0)
		return s3_error(
		    c, 400, "InvalidArgument", "Invalid Encoding Method specified in Request");
	l->encoded = encoding != NULL && *encoding != '\0';
	return 0;
}

static int
begin(struct list *l, struct s3_call *c, enum shape shape)
{
	_cleanup_bucket_ struct store_bucket bucket = { 0 };
	int r;

	l->c = c;
	l->shape = shape;
	r = read_common(l);
	return r < 0 ? r : s3_bucket(c, &bucket);
}

static int
check_length(struct list *l)
{
	if (strlen(l->prefix) >= S3_KEY_MAX || strlen(l->after) >= S3_KEY_MAX)
		return s3_error(l->c, 400, "KeyTooLongError", "Your key is too long");
	return 0;
}

/* What all three say first. */
static void
open_answer(struct list *l, const char *root)
{
	struct s3_call *c = l->c;

	s3_open_xml(c, root);
	s3_xml(c, "Name", c->route.bucket);
	add_key(l, "Prefix", l->prefix);
	if (l->delimiter[0] != '\0')
		add_key(l, "Delimiter", l->delimiter);
	s3_xml_int(c, "MaxKeys", l->max);
	if (l->encoded)
		s3_xml(c, "EncodingType", "url");
}

static void
close_answer(struct list *l, const char *root, int r)
{
	if (l->prefixes.text != NULL)
		xml_markup(&l->c->body, l->prefixes.text);
	xml_done(&l->prefixes);
	s3_xml(l->c, "IsTruncated", l->more ? "true" : "false");
	s3_close_xml(l->c, root);
	s3_finish(l->c, r, 200);
}

void
s3_list_objects(struct s3_call *c)
{
	struct list l = { .prefix = "", .delimiter = "", .after = "" };
	int r = begin(&l, c, SHAPE_V1);

	if (r == 0 && s3_query(c, "marker") != NULL)
		l.after = s3_query(c, "marker");
	l.owner = true;
	if (r == 0)
		r = check_length(&l);
	if (r < 0) {
		s3_fail(c, r);
		return;
	}
	open_answer(&l, "ListBucketResult");
	add_key(&l, "Marker", l.after);
	r = walk(&l);
	if (l.more && l.delimiter[0] != '\0')
		add_key(&l, "NextMarker", l.last);
	close_answer(&l, "ListBucketResult", r);
}

void
s3_list_objects_v2(struct s3_call *c)
{
	const char *token = s3_query(c, "continuation-token");
	const char *start = s3_query(c, "start-after");
	const char *owner = s3_query(c, "fetch-owner");
	struct list l = { .prefix = "", .delimiter = "", .after = "" };
	int r = begin(&l, c, SHAPE_V2);

	if (r == 0 && !streq(s3_query(c, "list-type"), "2"))
		r = s3_error(c, 400, "InvalidArgument", "Invalid List Type specified in Request");
	if (r == 0 && start != NULL)
		l.after = start;
	if (r == 0 && token != NULL)
		l.after = read_token(&c->who.arena, token);
	if (l.after == NULL) {
		l.after = "";
		r = s3_error(
		    c, 400, "InvalidArgument", "The continuation token provided is incorrect");
	}
	l.owner = owner != NULL && strcasecmp(owner, "true") == 0;
	if (r == 0)
		r = check_length(&l);
	if (r < 0) {
		s3_fail(c, r);
		return;
	}
	open_answer(&l, "ListBucketResult");
	s3_xml(c, "ContinuationToken", token);
	add_key(&l, "StartAfter", start);
	r = walk(&l);
	s3_xml_int(c, "KeyCount", l.n);
	if (l.more)
		s3_xml(c, "NextContinuationToken", make_token(&c->who.arena, l.last));
	close_answer(&l, "ListBucketResult", r);
}

void
s3_list_object_versions(struct s3_call *c)
{
	struct list l = { .prefix = "", .delimiter = "", .after = "" };
	int r = begin(&l, c, SHAPE_VERSIONS);

	if (r == 0 && s3_query(c, "key-marker") != NULL)
		l.after = s3_query(c, "key-marker");
	l.owner = true;
	if (r == 0)
		r = check_length(&l);
	if (r < 0) {
		s3_fail(c, r);
		return;
	}
	open_answer(&l, "ListVersionsResult");
	add_key(&l, "KeyMarker", l.after);
	s3_xml(c, "VersionIdMarker", s3_query(c, "version-id-marker"));
	r = walk(&l);
	if (l.more) {
		add_key(&l, "NextKeyMarker", l.last);
		s3_xml(c, "NextVersionIdMarker", "null");
	}
	close_answer(&l, "ListVersionsResult", r);
}
