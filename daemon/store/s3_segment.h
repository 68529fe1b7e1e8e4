/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the S3 files of store/ share: the segments of objects and of parts, and with the last of
 * them that refers to a blob, its garbage. Nobody else includes it.
 */
#ifndef DAEMON_STORE_S3_SEGMENT_H
#define DAEMON_STORE_S3_SEGMENT_H

#include "daemon/store/s3.h"
#include "daemon/store/sqlite.h"

/* The numbers are in the file. */
enum segment_kind { SEGMENT_OBJECT, SEGMENT_PART };

/* The segments of one owner, in order; the blobs that they refer to are not announced any more. */
int store_segments_put(struct store *s, enum segment_kind kind, int64_t owner,
    const struct store_segment *segments, size_t n, struct err *e);
int store_segments_get(struct store *s, enum segment_kind kind, int64_t owner,
    struct store_segment **ret, size_t *ret_n, struct err *e);
int store_segments_drop(struct store *s, enum segment_kind kind, int64_t owner, struct err *e);
/* Of all parts of an upload. */
int store_segments_drop_upload(struct store *s, int64_t upload, struct err *e);

#endif
