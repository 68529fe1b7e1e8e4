/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tags of buckets and of objects: members "tags" of their documents.
 */
#include "daemon/services/s3_document.h"
#include "daemon/services/s3_meta.h"

#include <string.h>

#define OBJECT_TAGS_MAX 10
#define BUCKET_TAGS_MAX 50

/* Whose tags are meant: with a key the object's. */
struct tagged {
	struct store_bucket bucket;
	struct store_object object;
	struct json_object *doc;
};

static void
tagged_done(struct tagged *t)
{
	store_bucket_done(&t->bucket);
	store_object_done(&t->object);
	json_object_put(t->doc);
}

static int
find(struct s3_call *c, struct tagged *t)
{
	bool of_object = c->route.level == S3_ON_OBJECT;
	const char *doc;
	int r = s3_bucket(c, &t->bucket);

	if (r == 0 && of_object) {
		r = store_object_get(
		    c->s3->store, t->bucket.name, c->route.key, false, &t->object, &c->who.err);
		if (r == 0)
			r = s3_error(c, 404, "NoSuchKey", "The specified key does not exist.");
	}
	if (r < 0)
		return r;
	doc = of_object ? t->object.doc : t->bucket.doc;
	return json_parse(doc, strlen(doc), &t->doc, &c->who.err);
}

static int
save(struct s3_call *c, struct tagged *t)
{
	bool of_object = c->route.level == S3_ON_OBJECT;
	char **doc = of_object ? &t->object.doc : &t->bucket.doc;

	free(*doc);
	*doc = xstrdup(json_print(t->doc));
	return of_object ? store_object_update(c->s3->store, &t->object, &c->who.err)
			 : store_bucket_update(c->s3->store, &t->bucket, &c->who.err);
}

void
s3_get_tagging(struct s3_call *c)
{
	_cleanup_(tagged_done) struct tagged t = { 0 };
	int r = find(c, &t);
	struct json_object *tags = r == 0 ? json_get(t.doc, "tags") : NULL;
	size_t n = tags != NULL ? json_object_array_length(tags) : 0;

	if (r == 0 && n == 0 && c->route.level == S3_ON_BUCKET)
		r = s3_error(c, 404, "NoSuchTagSet", "The TagSet does not exist");
	s3_open_xml(c, "Tagging");
	xml_markup(&c->body, "<TagSet>");
	for (size_t i = 0; i < n; i++) {
		struct json_object *tag = json_object_array_get_idx(tags, i);

		xml_markup(&c->body, "<Tag>");
		s3_xml(c, "Key", json_get_str(tag, "Key"));
		s3_xml(c, "Value", json_get_str(tag, "Value"));
		s3_close_xml(c, "Tag");
	}
	s3_close_xml(c, "TagSet");
	s3_close_xml(c, "Tagging");
	s3_finish(c, r, 200);
}

/* In the transaction; c->own is the new array, NULL: none any more. */
static int
put(struct s3_call *c)
{
	_cleanup_(tagged_done) struct tagged t = { 0 };
	int r = find(c, &t);

	if (r < 0)
		return r;
	json_object_object_del(t.doc, "tags");
	if (c->own != NULL)
		json_add(t.doc, "tags", json_object_get(c->own));
	return save(c, &t);
}

static void
on_tags(struct s3_call *c)
{
	_cleanup_(s3_document_done) struct s3_document d = { 0 };
	_cleanup_json_ struct json_object *tags = json_object_new_array();
	bool of_object = c->route.level == S3_ON_OBJECT;
	const struct s3_node *set = NULL;
	int r = s3_document_read(c, "Tagging", &d);

	if (r == 0)
		set = s3_document_first(d.root, "TagSet");
	if (r == 0 && set == NULL)
		r = s3_error(c, 400, "MalformedXML",
		    "The XML you provided was not well-formed or did not validate against our "
		    "published schema");
	for (const struct s3_node *n = set != NULL ? s3_document_first(set, "Tag") : NULL;
	     n != NULL && json_object_array_length(tags) <= BUCKET_TAGS_MAX;
	     n = s3_document_next(n)) {
		struct json_object *tag = json_object_new_object();

		json_add_str(tag, "Key", s3_document_text(n, "Key"));
		json_add_str(tag, "Value", s3_document_text(n, "Value"));
		if (json_object_array_add(tags, tag) != 0)
			abort();
	}
	if (r == 0)
		r = s3_meta_check_tags(c, tags, of_object ? OBJECT_TAGS_MAX : BUCKET_TAGS_MAX);
	c->own = tags;
	if (r == 0)
		r = s3_transact(c, put);
	c->own = NULL;
	s3_finish(c, r, of_object ? 200 : 204);
}

void
s3_put_tagging(struct s3_call *c)
{
	s3_read_body(c, on_tags);
}

void
s3_delete_tagging(struct s3_call *c)
{
	s3_finish(c, s3_transact(c, put), 204);
}
