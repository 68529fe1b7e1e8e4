/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GetObject and HeadObject: conditions, ranges, parts.
 */
#include "daemon/services/s3_meta.h"
#include "daemon/services/s3_source.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* What of the object is asked for. */
struct part {
	int64_t start, size;
	int64_t parts; /* of an object that was uploaded in parts; 0: not asked */
	bool partial;
};

static bool
read_number(const char **p, int64_t *ret)
{
	size_t n = strspn(*p, "0123456789");

	if (n == 0 || n > 18)
		return false;
	*ret = strtoll(*p, NULL, 10);
	*p += n;
	return true;
}

/* "bytes=0-499", "bytes=500-", "bytes=-500"; several ranges, and what is none, mean the whole. */
static int
read_range(struct s3_call *c, const struct store_object *o, struct part *ret)
{
	const char *p = rest_header(c->rest, "Range");
	int64_t first = -1, last = -1;

	if (p == NULL || !has_prefix(p, "bytes="))
		return 0;
	p += strlen("bytes=");
	(void)read_number(&p, &first); /* may be missing */
	if (*p++ != '-')
		return 0;
	(void)read_number(&p, &last);
	if (*p != '\0' || (first < 0 && last < 0) || (first >= 0 && last >= 0 && last < first))
		return 0;
	if (first < 0) {
		first = last > o->size ? 0 : o->size - last;
		if (last == 0)
			first = o->size;
		last = o->size - 1;
	}
	if (first >= o->size)
		return s3_error(c, 416, "InvalidRange", "The requested range is not satisfiable");
	if (last < 0 || last >= o->size)
		last = o->size - 1;
	*ret = (struct part){ .start = first, .size = last - first + 1, .partial = true };
	return 0;
}

static int
read_part(struct s3_call *c, const char *text, const struct store_object *o, struct part *ret)
{
	const char *p = text;
	int64_t number = 0, start = 0, last = 0;
	struct part part = { .partial = true };

	if (!read_number(&p, &number) || *p != '\0' || number < 1 || number > 10000)
		return s3_error(c, 400, "InvalidArgument",
		    "Part number must be an integer between 1 and 10000, inclusive");
	if (rest_header(c->rest, "Range") != NULL)
		return s3_error(c, 400, "InvalidRequest",
		    "Cannot specify both Range header and partNumber query parameter.");
	for (size_t i = 0; i < o->n_segments; i++) {
		const struct store_segment *g = &o->segments[i];

		if (i == 0 || g->part != last)
			part.parts++;
		last = g->part;
		if (part.parts == number) {
			if (part.size == 0)
				part.start = start;
			part.size += g->size;
		}
		start += g->size;
	}
	if (part.size == 0 && (number > 1 || o->size > 0))
		return s3_error(
		    c, 416, "InvalidPartNumber", "The requested partnumber is not satisfiable");
	if (strchr(o->etag, '-') == NULL)
		part.parts = 0;
	part.partial = o->size > 0;
	*ret = part;
	return 0;
}

static int
find(struct s3_call *c, struct store_object *o, struct part *ret)
{
	_cleanup_bucket_ struct store_bucket bucket = { 0 };
	const char *number = s3_query(c, "partNumber");
	const char *version = s3_query(c, "versionId");
	int r = s3_bucket(c, &bucket);

	if (r < 0)
		return r;
	r = store_object_get(c->s3->store, c->route.bucket, c->route.key, true, o, &c->who.err);
	if (r == 0)
		r = s3_error(c, 404, "NoSuchKey", "The specified key does not exist.");
	if (r > 0 && version != NULL && !streq(version, "null"))
		r = s3_error(c, 400, "InvalidArgument", "Invalid version id specified");
	if (r > 0)
		r = s3_meta_check_conditions(c, o);
	*ret = (struct part){ .size = o->size };
	if (r == 0)
		r = number != NULL ? read_part(c, number, o, ret) : read_range(c, o, ret);
	return r;
}

static void
add_part_headers(struct s3_call *c, const struct store_object *o, const struct part *part)
{
	char text[80];

	if (part->parts > 0)
		s3_add_header_int(c, "x-amz-mp-parts-count", part->parts);
	if (!part->partial)
		return;
	(void)snprintf(text, sizeof(text), "bytes %lld-%lld/%lld", (long long)part->start,
	    (long long)(part->start + part->size - 1), (long long)o->size);
	s3_add_header(c, "Content-Range", text);
}

static void
serve(struct s3_call *c, bool head)
{
	_cleanup_object_ struct store_object o = { 0 };
	struct part part = { 0 };
	int r = find(c, &o, &part);
	int status = part.partial ? 206 : 200;
	char size[40];

	if (r < 0) {
		if (c->who.err.http_status == 304) {
			s3_add_header_time(c, "Last-Modified", o.modified_at_ms);
			s3_meta_add_etag(c, o.etag);
		} else if (c->who.err.http_status == 416) {
			(void)snprintf(size, sizeof(size), "bytes */%lld", (long long)o.size);
			s3_add_header(c, "Content-Range", size);
		}
		s3_fail(c, r);
		return;
	}
	s3_meta_add_headers(c, &o, part.size == o.size);
	add_part_headers(c, &o, &part);
	if (!head) {
		s3_source_answer(c, status, &o, part.start, part.size);
		return;
	}
	s3_begin(c, status, part.size);
	s3_call_free(c);
}

void
s3_get_object(struct s3_call *c)
{
	serve(c, false);
}

void
s3_head_object(struct s3_call *c)
{
	serve(c, true);
}
