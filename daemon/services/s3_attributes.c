/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GetObjectAttributes: what HeadObject says, as XML, as far as it was asked for.
 */
#include "daemon/services/s3_meta.h"

#include <stdio.h>
#include <string.h>

/* A name in the list of x-amz-object-attributes. */
static bool
asked(const struct s3_call *c, const char *name)
{
	const char *list = s3_header(c, "x-amz-object-attributes");
	size_t len = strlen(name);

	while (list != NULL && *list != '\0') {
		size_t n;

		list += strspn(list, ", \t");
		n = strcspn(list, ", \t");
		if (n == len && strncmp(list, name, n) == 0)
			return true;
		list += n;
	}
	return false;
}

static void
add_sum(struct s3_call *c, struct json_object *doc)
{
	struct json_object *sum = json_get(doc, "checksum");
	char element[32];

	if (sum == NULL || !asked(c, "Checksum"))
		return;
	(void)snprintf(element, sizeof(element), "Checksum%s", json_get_str(sum, "algorithm"));
	xml_markup(&c->body, "<Checksum>");
	s3_xml(c, element, json_get_str(sum, "value"));
	s3_xml(c, "ChecksumType", json_get_str(sum, "type"));
	s3_close_xml(c, "Checksum");
}

static void
add_parts(struct s3_call *c, const struct store_object *o)
{
	const char *dash = strchr(o->etag, '-');

	if (dash == NULL || !asked(c, "ObjectParts"))
		return;
	xml_markup(&c->body, "<ObjectParts>");
	s3_xml(c, "PartsCount", dash + 1);
	s3_close_xml(c, "ObjectParts");
}

void
s3_get_object_attributes(struct s3_call *c)
{
	_cleanup_bucket_ struct store_bucket bucket = { 0 };
	_cleanup_object_ struct store_object o = { 0 };
	_cleanup_json_ struct json_object *doc = NULL;
	const char *class;
	int r = s3_bucket(c, &bucket);

	if (r == 0) {
		r = store_object_get(
		    c->s3->store, bucket.name, c->route.key, false, &o, &c->who.err);
		if (r == 0)
			r = s3_error(c, 404, "NoSuchKey", "The specified key does not exist.");
	}
	if (r > 0 && o.doc != NULL)
		r = json_parse(o.doc, strlen(o.doc), &doc, &c->who.err);
	if (r < 0) {
		s3_fail(c, r);
		return;
	}
	s3_add_header_time(c, "Last-Modified", o.modified_at_ms);
	s3_open_xml(c, "GetObjectAttributesResponse");
	if (asked(c, "ETag"))
		s3_xml(c, "ETag", o.etag);
	add_sum(c, doc);
	add_parts(c, &o);
	class = json_get_str(doc, "class");
	if (asked(c, "StorageClass"))
		s3_xml(c, "StorageClass", class != NULL ? class : "STANDARD");
	if (asked(c, "ObjectSize"))
		s3_xml_int(c, "ObjectSize", o.size);
	s3_close_xml(c, "GetObjectAttributesResponse");
	s3_reply(c, 200);
}
