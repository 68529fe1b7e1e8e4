/* SPDX-License-Identifier: Apache-2.0 */
/*
 * If-Match, If-None-Match, If-Modified-Since, If-Unmodified-Since, and what S3 makes of them in
 * reads, copies and writes (see s3_meta.h).
 */
#include "daemon/services/s3_meta.h"

#include <string.h>
#include <strings.h>
#include <time.h>

/* Names of the four in one kind of request. */
struct conditions {
	const char *match, *none_match, *modified, *unmodified;
};

/* An ETag among those of a list, quoted or not, weak or not. */
static bool
has_etag(const char *list, const char *etag)
{
	size_t len = strlen(etag);

	while (*list != '\0') {
		size_t n;

		list += strspn(list, " \t,");
		if (strncmp(list, "W/", 2) == 0)
			list += 2;
		list += *list == '"';
		n = strcspn(list, "\", \t");
		if ((n == 1 && *list == '*') || (n == len && strncmp(list, etag, n) == 0))
			return true;
		list += n;
		list += *list == '"';
		list += strcspn(list, ",");
	}
	return false;
}

/* An HTTP date; -1 where it is none: the header is ignored then. */
static int64_t
read_date(const char *text)
{
	static const char *const formats[] = { "%a, %d %b %Y %H:%M:%S", "%A, %d-%b-%y %H:%M:%S",
		"%a %b %d %H:%M:%S %Y" };

	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		struct tm tm = { 0 };

		if (strptime(text, formats[i], &tm) != NULL)
			return timegm(&tm);
	}
	return -1;
}

static int
failed(struct s3_call *c)
{
	return s3_error(c, 412, "PreconditionFailed",
	    "At least one of the pre-conditions you specified did not hold");
}

/* `unchanged` is said where the client has it already. */
static int
check(
    struct s3_call *c, const struct conditions *names, const struct store_object *o, int unchanged)
{
	const char *match = rest_header(c->rest, names->match);
	const char *none = rest_header(c->rest, names->none_match);
	const char *modified = rest_header(c->rest, names->modified);
	const char *unmodified = rest_header(c->rest, names->unmodified);
	int64_t at_s = o->modified_at_ms / 1000;

	if (match != NULL && !has_etag(match, o->etag))
		return failed(c);
	if (match == NULL && unmodified != NULL && read_date(unmodified) >= 0 &&
	    at_s > read_date(unmodified))
		return failed(c);
	if (none != NULL
		? has_etag(none, o->etag)
		: modified != NULL && read_date(modified) >= 0 && at_s <= read_date(modified))
		return unchanged == 304 ? s3_error(c, 304, "NotModified", "Not Modified")
					: failed(c);
	return 0;
}

int
s3_meta_check_conditions(struct s3_call *c, const struct store_object *o)
{
	static const struct conditions names = { "If-Match", "If-None-Match", "If-Modified-Since",
		"If-Unmodified-Since" };

	return check(c, &names, o, 304);
}

int
s3_meta_check_source_conditions(struct s3_call *c, const struct store_object *o)
{
	static const struct conditions names = { "x-amz-copy-source-if-match",
		"x-amz-copy-source-if-none-match", "x-amz-copy-source-if-modified-since",
		"x-amz-copy-source-if-unmodified-since" };

	return check(c, &names, o, 412);
}

int
s3_meta_check_write(struct s3_call *c, const struct store_object *o)
{
	const char *match = rest_header(c->rest, "If-Match");
	const char *none = rest_header(c->rest, "If-None-Match");

	if (none != NULL && !streq(none, "*"))
		return s3_error(c, 501, "NotImplemented",
		    "A header you provided implies functionality that is not implemented: "
		    "If-None-Match other than *");
	if (match != NULL && o == NULL)
		return s3_error(c, 404, "NoSuchKey", "The specified key does not exist.");
	if ((match != NULL && !has_etag(match, o->etag)) || (none != NULL && o != NULL))
		return failed(c);
	return 0;
}
