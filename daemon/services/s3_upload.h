/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the operations on uploads in parts share. Called by s3_upload.c, s3_complete.c, s3_copy.c.
 */
#ifndef DAEMON_SERVICES_S3_UPLOAD_H
#define DAEMON_SERVICES_S3_UPLOAD_H

#include "daemon/services/s3_meta.h"

#define S3_PARTS_MAX 10000
#define S3_PART_MIN (5 * 1024 * 1024) /* of all parts but the last */

struct s3_upload_sum {
	enum s3_sum_kind kind;
	bool full;     /* of all bytes, not of the parts' sums */
	bool declared; /* by the client when it began */
};

/* The upload that the query names, the caller's. NoSuchUpload where it is not there. */
int s3_upload_find(struct s3_call *c, struct store_upload *ret);
void s3_upload_sum(const struct store_upload *u, struct s3_upload_sum *ret);
/* partNumber of the query. */
int s3_upload_number(struct s3_call *c, int64_t *ret);

#endif
