/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Buckets: made, listed, looked at, deleted. Names are one space for all accounts and regions.
 */
#include "daemon/services/s3_call.h"

#include "daemon/services/s3_document.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define BUCKETS_PAGE_MAX 10000

/* -- CreateBucket */

/* 3 to 63 small letters, digits, dots and hyphens; not an address. */
static bool
is_bucket_name(const char *name)
{
	size_t len = strlen(name);
	struct in_addr address;

	if (len < 3 || len > 63 || strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789.-") != len ||
	    !isalnum((unsigned char)name[0]) || !isalnum((unsigned char)name[len - 1]))
		return false;
	return strstr(name, "..") == NULL && strstr(name, ".-") == NULL &&
	       strstr(name, "-.") == NULL && inet_pton(AF_INET, name, &address) != 1 &&
	       !has_prefix(name, "xn--") && !has_prefix(name, "sthree-");
}

/* us-east-1 has no constraint, and its old endpoint takes any; the others take their own. */
static int
check_region(struct s3_call *c, const char *constraint, const char **ret)
{
	const char *region = c->who.scope.region;

	if (constraint == NULL || *constraint == '\0') {
		if (!streq(region, "us-east-1"))
			return s3_error(c, 400, "IllegalLocationConstraintException",
			    "The unspecified location constraint is incompatible for the region "
			    "specific endpoint this request was sent to.");
		*ret = region;
		return 0;
	}
	if (streq(constraint, "EU"))
		constraint = "eu-west-1";
	if (strlen(constraint) >= sizeof(c->who.scope.region) ||
	    strspn(constraint, "abcdefghijklmnopqrstuvwxyz0123456789-") != strlen(constraint) ||
	    streq(constraint, "us-east-1"))
		return s3_error(c, 400, "InvalidLocationConstraint",
		    "The specified location-constraint is not valid");
	if (!streq(region, "us-east-1") && !streq(region, constraint))
		return s3_error(c, 400, "IllegalLocationConstraintException",
		    "The %.32s location constraint is incompatible for the region specific "
		    "endpoint this request was sent to.",
		    constraint);
	*ret = constraint;
	return 0;
}

static int
insert_bucket(struct s3_call *c)
{
	_cleanup_bucket_ struct store_bucket old = { 0 };
	struct store_bucket b = { .created_at_ms = c->who.now_ms };
	int r = store_bucket_get(c->s3->store, c->route.bucket, &old, &c->who.err);

	if (r > 0 && !streq(old.account, c->who.scope.account))
		return s3_error(c, 409, "BucketAlreadyExists",
		    "The requested bucket name is not available. The bucket namespace is shared by "
		    "all users of the system. Please select a different name and try again.");
	if (r > 0 && streq(old.region, "us-east-1") && streq(c->own, "us-east-1"))
		return 0; /* there, and only there, it is no error */
	if (r > 0)
		return s3_error(c, 409, "BucketAlreadyOwnedByYou",
		    "Your previous request to create the named bucket succeeded and you already "
		    "own it.");
	if (r < 0)
		return r;
	(void)snprintf(b.name, sizeof(b.name), "%s", c->route.bucket);
	(void)snprintf(b.account, sizeof(b.account), "%s", c->who.scope.account);
	(void)snprintf(b.region, sizeof(b.region), "%s", (const char *)c->own);
	return store_bucket_insert(c->s3->store, &b, &c->who.err);
}

static void
on_constraint(struct s3_call *c)
{
	_cleanup_(s3_document_done) struct s3_document d = { 0 };
	const char *region = NULL;
	int r = 0;

	if (c->in_len > 0)
		r = s3_document_read(c, "CreateBucketConfiguration", &d);
	if (r == 0)
		r = check_region(c,
		    c->in_len > 0 ? s3_document_text(d.root, "LocationConstraint") : NULL, &region);
	if (r == 0) {
		c->own = arena_strdup(&c->who.arena, region);
		r = s3_transact(c, insert_bucket);
	}
	if (r < 0) {
		s3_fail(c, r);
		return;
	}
	xml_markup(&c->headers, "Location: /");
	xml_markup(&c->headers, c->route.bucket);
	xml_markup(&c->headers, "\r\n");
	s3_reply(c, 200);
}

void
s3_create_bucket(struct s3_call *c)
{
	const char *ownership = s3_header(c, "x-amz-object-ownership");
	const char *lock = s3_header(c, "x-amz-bucket-object-lock-enabled");
	const char *acl = s3_header(c, "x-amz-acl");
	int r = 0;

	if (!is_bucket_name(c->route.bucket))
		r = s3_error(c, 400, "InvalidBucketName", "The specified bucket is not valid.");
	else if (acl != NULL && !streq(acl, "private"))
		r = s3_error(c, 400, "InvalidBucketAclWithObjectOwnership",
		    "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced "
		    "setting");
	else if (ownership != NULL && !streq(ownership, "BucketOwnerEnforced"))
		r = s3_error(c, 501, "NotImplemented",
		    "A header you provided implies functionality that is not implemented: "
		    "x-amz-object-ownership");
	else if (lock != NULL && strcasecmp(lock, "true") == 0)
		r = s3_error(c, 501, "NotImplemented",
		    "A header you provided implies functionality that is not implemented: "
		    "x-amz-bucket-object-lock-enabled");
	if (r < 0)
		s3_fail(c, r);
	else
		s3_read_body(c, on_constraint);
}

/* -- the others */

void
s3_head_bucket(struct s3_call *c)
{
	_cleanup_bucket_ struct store_bucket b = { 0 };
	int r = s3_bucket(c, &b);

	if (r == 0) {
		s3_add_header(c, "x-amz-bucket-region", b.region);
		s3_add_header(c, "Content-Type", "application/xml");
	}
	s3_finish(c, r, 200);
}

static int
delete_bucket(struct s3_call *c)
{
	_cleanup_bucket_ struct store_bucket b = { 0 };
	int r = s3_bucket(c, &b);

	if (r < 0)
		return r;
	r = store_bucket_delete(c->s3->store, b.name, &c->who.err);
	if (r == 0)
		return s3_error(
		    c, 409, "BucketNotEmpty", "The bucket you tried to delete is not empty");
	return r < 0 ? r : 0;
}

void
s3_delete_bucket(struct s3_call *c)
{
	int r = s3_transact(c, delete_bucket);

	if (r == 0)
		s3_collect(c->s3);
	s3_finish(c, r, 204);
}

void
s3_get_bucket_location(struct s3_call *c)
{
	_cleanup_bucket_ struct store_bucket b = { 0 };
	int r = s3_bucket(c, &b);

	if (r == 0) {
		s3_open_xml(c, "LocationConstraint");
		if (!streq(b.region, "us-east-1"))
			xml_text(&c->body, b.region);
		s3_close_xml(c, "LocationConstraint");
	}
	s3_finish(c, r, 200);
}

void
s3_get_bucket_versioning(struct s3_call *c)
{
	_cleanup_bucket_ struct store_bucket b = { 0 };
	int r = s3_bucket(c, &b);

	if (r == 0) {
		s3_open_xml(c, "VersioningConfiguration");
		s3_close_xml(c, "VersioningConfiguration");
	}
	s3_finish(c, r, 200);
}

static void
on_versioning(struct s3_call *c)
{
	_cleanup_(s3_document_done) struct s3_document d = { 0 };
	_cleanup_bucket_ struct store_bucket b = { 0 };
	int r = s3_bucket(c, &b);

	if (r == 0)
		r = s3_document_read(c, "VersioningConfiguration", &d);
	if (r == 0 && s3_document_text(d.root, "Status") == NULL)
		r = s3_error(c, 400, "IllegalVersioningConfigurationException",
		    "The Versioning element must be specified");
	if (r == 0)
		r = s3_error(c, 501, "NotImplemented",
		    "Versions of objects are part of Amazon S3 but are not available in "
		    "localemu-ecs yet: buckets stay unversioned.");
	s3_fail(c, r);
}

void
s3_put_bucket_versioning(struct s3_call *c)
{
	s3_read_body(c, on_versioning);
}

/* -- ListBuckets */

struct list {
	struct s3_call *c;
	int64_t left;
	char last[S3_BUCKET_MAX];
	bool more;
};

static int
add_bucket(const struct store_bucket *b, void *arg)
{
	struct list *list = arg;
	struct s3_call *c = list->c;
	const char *region = s3_query(c, "bucket-region");

	if (region != NULL && !streq(region, b->region))
		return 0;
	if (list->left-- == 0) {
		list->more = true;
		return 1;
	}
	xml_markup(&c->body, "<Bucket>");
	s3_xml(c, "Name", b->name);
	s3_xml_time(c, "CreationDate", b->created_at_ms);
	s3_xml(c, "BucketRegion", b->region);
	s3_close_xml(c, "Bucket");
	(void)snprintf(list->last, sizeof(list->last), "%s", b->name);
	return 0;
}

void
s3_list_buckets(struct s3_call *c)
{
	const char *prefix = s3_query(c, "prefix");
	const char *token = s3_query(c, "continuation-token");
	const char *max = s3_query(c, "max-buckets");
	struct list list = { .c = c, .left = BUCKETS_PAGE_MAX };
	int r = 0;

	if (max != NULL)
		list.left = strlen(max) < 6 && strspn(max, "0123456789") == strlen(max)
				? strtoll(max, NULL, 10)
				: 0;
	if (list.left < 1 || list.left > BUCKETS_PAGE_MAX)
		r = s3_error(c, 400, "InvalidArgument",
		    "Argument max-buckets must be an integer between 1 and 10000");
	s3_open_xml(c, "ListAllMyBucketsResult");
	xml_markup(&c->body, "<Buckets>");
	if (r == 0)
		r = store_bucket_list(c->s3->store, c->who.scope.account,
		    prefix != NULL ? prefix : "", token != NULL ? token : "", -1, add_bucket, &list,
		    &c->who.err);
	s3_close_xml(c, "Buckets");
	xml_markup(&c->body, "<Owner>");
	s3_xml(c, "ID", s3_owner_id(c));
	s3_close_xml(c, "Owner");
	if (list.more)
		s3_xml(c, "ContinuationToken", list.last);
	s3_xml(c, "Prefix", prefix);
	s3_close_xml(c, "ListAllMyBucketsResult");
	s3_finish(c, r, 200);
}
