/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every operation of S3 and how a request says that it is meant; those without a function are
 * known and answered with NotImplemented. More specific rows come first.
 */
#include "daemon/services/s3_call.h"
#include "daemon/services/service.h"

#define ON_BUCKET(op, verb, param)                                                                 \
	{                                                                                          \
		.name = op, .method = verb, .level = S3_ON_BUCKET, .parameter = param              \
	}
#define ON_OBJECT(op, verb, param)                                                                 \
	{                                                                                          \
		.name = op, .method = verb, .level = S3_ON_OBJECT, .parameter = param              \
	}

/* clang-format off */
const struct s3_op s3_ops[] = {
	{ "ListBuckets",             "GET",    S3_ON_SERVICE, NULL,         .run = s3_list_buckets },

	{ "GetBucketLocation",       "GET",    S3_ON_BUCKET,  "location",   .run = s3_get_bucket_location },
	{ "GetBucketTagging",        "GET",    S3_ON_BUCKET,  "tagging",    .run = s3_get_tagging },
	{ "PutBucketTagging",        "PUT",    S3_ON_BUCKET,  "tagging",    .run = s3_put_tagging, .write = true },
	{ "DeleteBucketTagging",     "DELETE", S3_ON_BUCKET,  "tagging",    .run = s3_delete_tagging, .write = true },
	{ "GetBucketVersioning",     "GET",    S3_ON_BUCKET,  "versioning", .run = s3_get_bucket_versioning },
	{ "PutBucketVersioning",     "PUT",    S3_ON_BUCKET,  "versioning", .run = s3_put_bucket_versioning, .write = true },
	{ "ListMultipartUploads",    "GET",    S3_ON_BUCKET,  "uploads",    .run = s3_list_multipart_uploads },
	{ "ListObjectVersions",      "GET",    S3_ON_BUCKET,  "versions",   .run = s3_list_object_versions },
	{ "DeleteObjects",           "POST",   S3_ON_BUCKET,  "delete",     .run = s3_delete_objects },

	{ "CreateMultipartUpload",   "POST",   S3_ON_OBJECT,  "uploads",    .run = s3_create_multipart_upload },
	{ "UploadPartCopy",          "PUT",    S3_ON_OBJECT,  "uploadId",   .run = s3_upload_part_copy, .copies = true },
	{ "UploadPart",              "PUT",    S3_ON_OBJECT,  "uploadId",   .run = s3_upload_part },
	{ "ListParts",               "GET",    S3_ON_OBJECT,  "uploadId",   .run = s3_list_parts },
	{ "CompleteMultipartUpload", "POST",   S3_ON_OBJECT,  "uploadId",   .run = s3_complete_multipart_upload },
	{ "AbortMultipartUpload",    "DELETE", S3_ON_OBJECT,  "uploadId",   .run = s3_abort_multipart_upload },
	{ "GetObjectAttributes",     "GET",    S3_ON_OBJECT,  "attributes", .run = s3_get_object_attributes },
	{ "GetObjectTagging",        "GET",    S3_ON_OBJECT,  "tagging",    .run = s3_get_tagging },
	{ "PutObjectTagging",        "PUT",    S3_ON_OBJECT,  "tagging",    .run = s3_put_tagging },
	{ "DeleteObjectTagging",     "DELETE", S3_ON_OBJECT,  "tagging",    .run = s3_delete_tagging },

	ON_BUCKET("DeleteBucketAnalyticsConfiguration", "DELETE", "analytics"),
	ON_BUCKET("DeleteBucketCors", "DELETE", "cors"), ON_BUCKET("DeleteBucketEncryption", "DELETE", "encryption"),
	ON_BUCKET("DeleteBucketIntelligentTieringConfiguration", "DELETE", "intelligent-tiering"),
	ON_BUCKET("DeleteBucketInventoryConfiguration", "DELETE", "inventory"),
	ON_BUCKET("DeleteBucketLifecycle", "DELETE", "lifecycle"),
	ON_BUCKET("DeleteBucketMetricsConfiguration", "DELETE", "metrics"),
	ON_BUCKET("DeleteBucketOwnershipControls", "DELETE", "ownershipControls"),
	ON_BUCKET("DeleteBucketPolicy", "DELETE", "policy"), ON_BUCKET("DeleteBucketReplication", "DELETE", "replication"),
	ON_BUCKET("DeleteBucketWebsite", "DELETE", "website"),
	ON_BUCKET("DeletePublicAccessBlock", "DELETE", "publicAccessBlock"),
	ON_BUCKET("GetBucketAccelerateConfiguration", "GET", "accelerate"), ON_BUCKET("GetBucketAcl", "GET", "acl"),
	ON_BUCKET("GetBucketAnalyticsConfiguration", "GET", "analytics"), ON_BUCKET("GetBucketCors", "GET", "cors"),
	ON_BUCKET("GetBucketEncryption", "GET", "encryption"),
	ON_BUCKET("GetBucketIntelligentTieringConfiguration", "GET", "intelligent-tiering"),
	ON_BUCKET("GetBucketInventoryConfiguration", "GET", "inventory"),
	ON_BUCKET("GetBucketLifecycleConfiguration", "GET", "lifecycle"), ON_BUCKET("GetBucketLogging", "GET", "logging"),
	ON_BUCKET("GetBucketMetricsConfiguration", "GET", "metrics"),
	ON_BUCKET("GetBucketNotificationConfiguration", "GET", "notification"),
	ON_BUCKET("GetBucketOwnershipControls", "GET", "ownershipControls"), ON_BUCKET("GetBucketPolicy", "GET", "policy"),
	ON_BUCKET("GetBucketPolicyStatus", "GET", "policyStatus"), ON_BUCKET("GetBucketReplication", "GET", "replication"),
	ON_BUCKET("GetBucketRequestPayment", "GET", "requestPayment"), ON_BUCKET("GetBucketWebsite", "GET", "website"),
	ON_OBJECT("GetObjectAcl", "GET", "acl"), ON_OBJECT("GetObjectLegalHold", "GET", "legal-hold"),
	ON_BUCKET("GetObjectLockConfiguration", "GET", "object-lock"), ON_OBJECT("GetObjectRetention", "GET", "retention"),
	ON_OBJECT("GetObjectTorrent", "GET", "torrent"), ON_BUCKET("GetPublicAccessBlock", "GET", "publicAccessBlock"),
	ON_BUCKET("PutBucketAccelerateConfiguration", "PUT", "accelerate"), ON_BUCKET("PutBucketAcl", "PUT", "acl"),
	ON_BUCKET("PutBucketAnalyticsConfiguration", "PUT", "analytics"), ON_BUCKET("PutBucketCors", "PUT", "cors"),
	ON_BUCKET("PutBucketEncryption", "PUT", "encryption"),
	ON_BUCKET("PutBucketIntelligentTieringConfiguration", "PUT", "intelligent-tiering"),
	ON_BUCKET("PutBucketInventoryConfiguration", "PUT", "inventory"),
	ON_BUCKET("PutBucketLifecycleConfiguration", "PUT", "lifecycle"), ON_BUCKET("PutBucketLogging", "PUT", "logging"),
	ON_BUCKET("PutBucketMetricsConfiguration", "PUT", "metrics"),
	ON_BUCKET("PutBucketNotificationConfiguration", "PUT", "notification"),
	ON_BUCKET("PutBucketOwnershipControls", "PUT", "ownershipControls"), ON_BUCKET("PutBucketPolicy", "PUT", "policy"),
	ON_BUCKET("PutBucketReplication", "PUT", "replication"),
	ON_BUCKET("PutBucketRequestPayment", "PUT", "requestPayment"), ON_BUCKET("PutBucketWebsite", "PUT", "website"),
	ON_OBJECT("PutObjectAcl", "PUT", "acl"), ON_OBJECT("PutObjectLegalHold", "PUT", "legal-hold"),
	ON_BUCKET("PutObjectLockConfiguration", "PUT", "object-lock"), ON_OBJECT("PutObjectRetention", "PUT", "retention"),
	ON_BUCKET("PutPublicAccessBlock", "PUT", "publicAccessBlock"), ON_OBJECT("RestoreObject", "POST", "restore"),
	ON_OBJECT("SelectObjectContent", "POST", "select"),

	{ "ListObjectsV2",           "GET",    S3_ON_BUCKET,  "list-type",  .run = s3_list_objects_v2 },
	{ "ListObjects",             "GET",    S3_ON_BUCKET,  NULL,         .run = s3_list_objects },
	{ "CreateBucket",            "PUT",    S3_ON_BUCKET,  NULL,         .run = s3_create_bucket, .write = true },
	{ "HeadBucket",              "HEAD",   S3_ON_BUCKET,  NULL,         .run = s3_head_bucket },
	{ "DeleteBucket",            "DELETE", S3_ON_BUCKET,  NULL,         .run = s3_delete_bucket, .write = true },

	{ "CopyObject",              "PUT",    S3_ON_OBJECT,  NULL,         .run = s3_copy_object, .copies = true },
	{ "PutObject",               "PUT",    S3_ON_OBJECT,  NULL,         .run = s3_put_object },
	{ "GetObject",               "GET",    S3_ON_OBJECT,  NULL,         .run = s3_get_object },
	{ "HeadObject",              "HEAD",   S3_ON_OBJECT,  NULL,         .run = s3_head_object },
	{ "DeleteObject",            "DELETE", S3_ON_OBJECT,  NULL,         .run = s3_delete_object },
};
/* clang-format on */
const size_t n_s3_ops = ARRAY_SIZE(s3_ops);

static void
tell_operations(void (*fn)(const char *name, bool available, void *arg), void *arg)
{
	for (size_t i = 0; i < n_s3_ops; i++)
		fn(s3_ops[i].name, s3_ops[i].run != NULL, arg);
}

const struct op_service s3_service = {
	.name = "s3",
	.full_name = "Amazon S3",
	.wire = WIRE_REST_XML,
	.xmlns = S3_XMLNS,
	.streamed = tell_operations,
};
