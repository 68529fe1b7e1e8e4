/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One request to S3 on its way, and what every operation needs of it: its bucket, its headers, its
 * small body, work beside the loop, an answer. Shared by the s3 files only.
 */
#ifndef DAEMON_SERVICES_S3_CALL_H
#define DAEMON_SERVICES_S3_CALL_H

#include "daemon/disk.h"
#include "daemon/rest.h"
#include "daemon/services/s3.h"
#include "daemon/services/s3_route.h"
#include "daemon/services/xml.h"

#define S3_XMLNS "http://s3.amazonaws.com/doc/2006-03-01/"
#define S3_QUIET_MS 2000
#define S3_SLICE_BYTES (128u * 1024)
#define S3_SMALL_SLICE_BYTES (16u * 1024)
#define S3_LARGE_SLICES_MAX 64                 /* calls; with more of them slices are small */
#define S3_OBJECT_MAX (INT64_C(5) << 30)       /* of one PUT */
#define S3_OBJECT_TOTAL_MAX (INT64_C(5) << 40) /* of an upload in parts */

struct s3_sink;
struct s3_source;
struct s3_call;
TAILQ_HEAD(s3_source_list, s3_source);
LIST_HEAD(s3_call_list, s3_call);
LIST_HEAD(s3_removal_list, s3_removal);

struct s3 {
	struct loop *loop;
	const struct config *config;
	struct store *store;
	struct disk *disk; /* NULL: it is over */
	struct identity *identity;
	struct rest_service rest;
	char *dir;
	struct s3_source_list sources; /* what is being read stays on the disk */
	struct s3_sweep *sweep;        /* garbage on its way out, NULL: none */
	struct s3_removal_list removals;
	struct s3_call_list calls;
	size_t n_calls;
	struct timer *quiet; /* no call for a while: what they used goes back to the system */
};

struct s3_call {
	LIST_ENTRY(s3_call) next_call;
	struct s3 *s3;
	struct rest_call *rest; /* NULL: the client is gone, and the call ends with its work */
	struct s3_route route;
	struct call who; /* scope, principal, arena, clock, err; nothing else of it is used */
	char request_id[17];
	struct xml headers; /* of the answer: lines */
	struct xml body;    /* of the answer */

	char *in; /* a body of XML; not terminated */
	size_t in_len, in_size;
	void (*next)(struct s3_call *c);

	struct disk_job job;
	bool busy;
	void (*work)(struct s3_call *c);
	void (*worked)(struct s3_call *c);

	struct s3_sink *sink;
	struct s3_source *source;
	void *own; /* of the operation; own_done frees it */
	void (*own_done)(void *own);
};

/* How much of a body is in memory at a time (twice, while it is written). */
size_t s3_slice_bytes(const struct s3 *s3);

/* A header of the request, or the parameter of a presigned URL of the same name; NULL. */
const char *s3_header(const struct s3_call *c, const char *name);
const char *s3_query(const struct s3_call *c, const char *name);

/* An error of S3's: fills c->who.err, returns a negative errno. */
#define s3_error(c, status, code, ...) err_set_code(&(c)->who.err, (status), (code), __VA_ARGS__)

/* The call's bucket, the caller's. A negative errno where it is not there or not the account's. */
int s3_bucket(struct s3_call *c, struct store_bucket *ret);

/* Reads the whole body, of at most a few MiB, checks its sums, and goes on with `next`. */
void s3_read_body(struct s3_call *c, void (*next)(struct s3_call *c));

/* Calls `work` in a thread and then `worked` in the loop; if the client goes meanwhile, the call
 * ends in its place. */
void s3_submit(
    struct s3_call *c, void (*work)(struct s3_call *c), void (*worked)(struct s3_call *c));

/* A line of the answer's head. What would break the line is not repeated. NULL: no line. */
void s3_add_header(struct s3_call *c, const char *name, const char *value);
void s3_add_header_int(struct s3_call *c, const char *name, int64_t value);
/* "Wed, 21 Oct 2015 07:28:00 GMT" */
void s3_add_header_time(struct s3_call *c, const char *name, int64_t ms);
/* Sets Content-Type: application/xml and opens the root element. */
void s3_open_xml(struct s3_call *c, const char *root);
void s3_close_xml(struct s3_call *c, const char *root);
/* <name>text</name>; nothing where it is NULL. */
void s3_xml(struct s3_call *c, const char *name, const char *text);
void s3_xml_int(struct s3_call *c, const char *name, int64_t value);
void s3_xml_time(struct s3_call *c, const char *name, int64_t ms);

/* The answer with what is in c->headers and c->body. The call is over. */
void s3_reply(struct s3_call *c, int status);
/* With the error in c->who.err; r is what filled it. */
void s3_fail(struct s3_call *c, int r);
/* One of the two. */
void s3_finish(struct s3_call *c, int r, int status);
/* The head of an answer whose body is written by and by. */
void s3_begin(struct s3_call *c, int status, int64_t bytes);
void s3_call_free(struct s3_call *c);

/* The canonical id of the account that asks: 64 digits. */
const char *s3_owner_id(struct s3_call *c);

/* Runs `fn` in a transaction, which is rolled back where it fails. */
int s3_transact(struct s3_call *c, int (*fn)(struct s3_call *c));

/* Where a blob is; the caller's. */
char *s3_blob_path(const struct s3 *s3, const char *blob);
char *s3_temporary_path(const struct s3 *s3, const char *blob);
/* Removes garbage beside the loop, if there is any. */
void s3_collect(struct s3 *s3);

/* The operations, by the files that they are in. */
void s3_list_buckets(struct s3_call *c); /* s3_bucket.c */
void s3_create_bucket(struct s3_call *c);
void s3_head_bucket(struct s3_call *c);
void s3_delete_bucket(struct s3_call *c);
void s3_get_bucket_location(struct s3_call *c);
void s3_get_bucket_versioning(struct s3_call *c);
void s3_put_bucket_versioning(struct s3_call *c);
void s3_put_object(struct s3_call *c); /* s3_put.c */
void s3_get_object(struct s3_call *c); /* s3_get.c */
void s3_head_object(struct s3_call *c);
void s3_delete_object(struct s3_call *c); /* s3_delete.c */
void s3_delete_objects(struct s3_call *c);
void s3_list_objects(struct s3_call *c); /* s3_list.c */
void s3_list_objects_v2(struct s3_call *c);
void s3_list_object_versions(struct s3_call *c);
void s3_get_tagging(struct s3_call *c); /* s3_tag.c */
void s3_put_tagging(struct s3_call *c);
void s3_delete_tagging(struct s3_call *c);
void s3_create_multipart_upload(struct s3_call *c); /* s3_upload.c */
void s3_upload_part(struct s3_call *c);
void s3_abort_multipart_upload(struct s3_call *c);
void s3_list_parts(struct s3_call *c);
void s3_list_multipart_uploads(struct s3_call *c);
void s3_complete_multipart_upload(struct s3_call *c); /* s3_complete.c */
void s3_copy_object(struct s3_call *c);               /* s3_copy.c */
void s3_upload_part_copy(struct s3_call *c);
void s3_get_object_attributes(struct s3_call *c); /* s3_attributes.c */

#endif
