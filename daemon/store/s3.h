/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of S3: buckets, objects, uploads in parts and their parts. The bytes are in files, "blobs",
 * which are written once and never changed; the rows say which pieces of which blobs make an
 * object, so that a copy is rows only. Called by services/s3*; it must not know files.
 *
 * A blob that no row refers to is garbage. Whoever writes one announces it first
 * (store_blob_announce): the rows that refer to it take the announcement back in their transaction,
 * and what is announced or garbage at a start was left by a process that died.
 */
#ifndef DAEMON_STORE_S3_H
#define DAEMON_STORE_S3_H

#include "daemon/api.h"
#include "daemon/store/store.h"

#define S3_BUCKET_MAX 64
#define S3_KEY_MAX 1025 /* bytes with the NUL */
#define S3_ID_MAX 65    /* of a blob (32 digits) or an upload */
#define S3_ETAG_MAX 48  /* without quotes: 32 digits, "-10000" */

struct store_bucket {
	char name[S3_BUCKET_MAX];
	char account[13];
	char region[33];
	int64_t created_at_ms;
	char *doc; /* everything else, a JSON object; owned */
};

/* Bytes of a blob that are bytes of an object or of a part. */
struct store_segment {
	int64_t part; /* of the upload that made the object, 0: made at once */
	char blob[S3_ID_MAX];
	int64_t start, size;
};

struct store_object {
	int64_t n;
	char bucket[S3_BUCKET_MAX];
	char key[S3_KEY_MAX];
	char etag[S3_ETAG_MAX];
	int64_t size;
	int64_t modified_at_ms;
	char *doc;                      /* headers, metadata, checksums, tags; owned */
	struct store_segment *segments; /* owned; only where they were asked for */
	size_t n_segments;
};

struct store_upload {
	int64_t n;
	char id[S3_ID_MAX];
	char bucket[S3_BUCKET_MAX];
	char key[S3_KEY_MAX];
	int64_t created_at_ms;
	char *doc;
};

struct store_part {
	int64_t n;
	int64_t upload; /* store_upload.n */
	int64_t number;
	char etag[S3_ETAG_MAX];
	int64_t size;
	int64_t modified_at_ms;
	char *doc;                      /* check sum; owned */
	struct store_segment *segments; /* owned; only where they were asked for */
	size_t n_segments;
};

void store_bucket_done(struct store_bucket *b);
void store_object_done(struct store_object *o);
void store_upload_done(struct store_upload *u);
void store_part_done(struct store_part *p);
#define _cleanup_bucket_ _cleanup_(store_bucket_done)
#define _cleanup_object_ _cleanup_(store_object_done)
#define _cleanup_upload_ _cleanup_(store_upload_done)
#define _cleanup_part_ _cleanup_(store_part_done)

int store_bucket_insert(struct store *s, const struct store_bucket *b, struct err *e);
/* Writes doc. */
int store_bucket_update(struct store *s, const struct store_bucket *b, struct err *e);
/* 1 found, 0 not, negative errno; so all that are called get. */
int store_bucket_get(struct store *s, const char *name, struct store_bucket *ret, struct err *e);
/* Its uploads go with it. 1 where it has no objects and is gone, 0 where it has some. */
int store_bucket_delete(struct store *s, const char *name, struct err *e);
/* In the order of names. */
int store_bucket_list(struct store *s, const char *account, const char *prefix, const char *after,
    int limit, int (*fn)(const struct store_bucket *b, void *arg), void *arg, struct err *e);

/* Puts it in the place of one of the same key. */
int store_object_put(struct store *s, const struct store_object *o, struct err *e);
/* Writes doc. */
int store_object_update(struct store *s, const struct store_object *o, struct err *e);
/* `segments`: they are wanted, too. */
int store_object_get(struct store *s, const char *bucket, const char *key, bool segments,
    struct store_object *ret, struct err *e);
/* 1 where there was one, 0 where not. */
int store_object_delete(struct store *s, const char *bucket, const char *key, struct err *e);
/* In the order of keys (their bytes), from `from` on, without segments. */
int store_object_list(struct store *s, const char *bucket, const char *from, int limit,
    int (*fn)(const struct store_object *o, void *arg), void *arg, struct err *e);

int store_upload_insert(struct store *s, const struct store_upload *u, struct err *e);
int store_upload_get(struct store *s, const char *id, struct store_upload *ret, struct err *e);
/* Its parts go with it. */
int store_upload_delete(struct store *s, const struct store_upload *u, struct err *e);
/* In the order of keys, those of one key in that of their ids: what is behind the pair. */
int store_upload_list(struct store *s, const char *bucket, const char *after_key,
    const char *after_id, int limit, int (*fn)(const struct store_upload *u, void *arg), void *arg,
    struct err *e);

/* Puts it in the place of one of the same number. */
int store_part_put(struct store *s, const struct store_part *p, struct err *e);
/* In the order of numbers, without segments. */
int store_part_list(struct store *s, int64_t upload, int64_t after, int limit,
    int (*fn)(const struct store_part *p, void *arg), void *arg, struct err *e);

/* Fills the part's segments. */
int store_part_segments(struct store *s, struct store_part *p, struct err *e);

int store_blob_announce(struct store *s, const char *blob, struct err *e);
/* It will not come: it is garbage. */
int store_blob_abandon(struct store *s, const char *blob, struct err *e);
/* At start: announcements of the last process are garbage. */
int store_blob_abandon_all(struct store *s, struct err *e);
int store_blob_garbage(
    struct store *s, int limit, int (*fn)(const char *blob, void *arg), void *arg, struct err *e);
/* The file is gone. */
int store_blob_forget(struct store *s, const char *blob, struct err *e);

#endif
