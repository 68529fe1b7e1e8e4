/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DeleteObject and DeleteObjects. What is not there counts as deleted.
 */
#include "daemon/services/s3_document.h"
#include "daemon/services/s3_meta.h"

#include <string.h>

#define KEYS_MAX 1000

static int
delete_one(struct s3_call *c)
{
	_cleanup_bucket_ struct store_bucket bucket = { 0 };
	_cleanup_object_ struct store_object old = { 0 };
	int r = s3_bucket(c, &bucket);

	if (r == 0)
		r = store_object_get(
		    c->s3->store, bucket.name, c->route.key, false, &old, &c->who.err);
	if (r > 0 && rest_header(c->rest, "If-Match") != NULL)
		r = s3_meta_check_write(c, &old);
	if (r < 0)
		return r;
	r = store_object_delete(c->s3->store, bucket.name, c->route.key, &c->who.err);
	return r < 0 ? r : 0;
}

void
s3_delete_object(struct s3_call *c)
{
	const char *version = s3_query(c, "versionId");
	int r;

	if (version != NULL && !streq(version, "null"))
		r = s3_error(c, 400, "InvalidArgument", "Invalid version id specified");
	else
		r = s3_transact(c, delete_one);
	if (r == 0)
		s3_collect(c->s3);
	s3_finish(c, r, 204);
}

static void
add_error(struct s3_call *c, const char *key, const char *code, const char *text)
{
	xml_markup(&c->body, "<Error>");
	s3_xml(c, "Key", key);
	s3_xml(c, "Code", code);
	s3_xml(c, "Message", text);
	s3_close_xml(c, "Error");
}

static int
delete_listed(struct s3_call *c, const struct s3_node *o, bool quiet)
{
	const char *key = s3_document_text(o, "Key");
	const char *version = s3_document_text(o, "VersionId");
	int r;

	if (version != NULL && *version != '\0' && !streq(version, "null")) {
		add_error(c, key, "NoSuchVersion", "The specified version does not exist.");
		return 0;
	}
	r = store_object_delete(c->s3->store, c->route.bucket, key, &c->who.err);
	if (r < 0 || quiet)
		return r < 0 ? r : 0;
	xml_markup(&c->body, "<Deleted>");
	s3_xml(c, "Key", key);
	s3_close_xml(c, "Deleted");
	return 0;
}

static int
malformed(struct s3_call *c)
{
	return s3_error(c, 400, "MalformedXML",
	    "The XML you provided was not well-formed or did not validate against our published "
	    "schema");
}

static int
delete_all(struct s3_call *c)
{
	_cleanup_bucket_ struct store_bucket bucket = { 0 };
	const struct s3_document *d = c->own;
	const char *quiet_text = s3_document_text(d->root, "Quiet");
	bool quiet = quiet_text != NULL && strcasecmp(quiet_text, "true") == 0;
	size_t n = 0;
	int r = s3_bucket(c, &bucket);

	for (const struct s3_node *o = s3_document_first(d->root, "Object"); o != NULL;
	     o = s3_document_next(o)) {
		const char *key = s3_document_text(o, "Key");

		if (r == 0 && (key == NULL || *key == '\0' || strlen(key) >= S3_KEY_MAX))
			r = malformed(c);
		n++;
	}
	if (r == 0 && (n == 0 || n > KEYS_MAX))
		r = malformed(c);
	s3_open_xml(c, "DeleteResult");
	for (const struct s3_node *o = s3_document_first(d->root, "Object"); o != NULL && r == 0;
	     o = s3_document_next(o))
		r = delete_listed(c, o, quiet);
	s3_close_xml(c, "DeleteResult");
	return r;
}

static void
on_keys(struct s3_call *c)
{
	_cleanup_(s3_document_done) struct s3_document d = { 0 };
	int r = s3_document_read(c, "Delete", &d);

	c->own = &d;
	if (r == 0)
		r = s3_transact(c, delete_all);
	c->own = NULL;
	if (r == 0)
		s3_collect(c->s3);
	s3_finish(c, r, 200);
}

void
s3_delete_objects(struct s3_call *c)
{
	s3_read_body(c, on_keys);
}
