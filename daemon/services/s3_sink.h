/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A body on its way into a blob: taken out of its chunks, summed up, checked against what the
 * client said of it, written and made durable, all in a thread, two slices at a time in memory.
 * Called by what uploads. It must not know what the blob is for.
 */
#ifndef DAEMON_SERVICES_S3_SINK_H
#define DAEMON_SERVICES_S3_SINK_H

#include "daemon/services/s3_call.h"
#include "daemon/services/s3_sum.h"

/* What came of it, once it is whole. */
struct s3_blob {
	char id[S3_ID_MAX];
	int64_t bytes;
	char etag[33];
	enum s3_sum_kind kind; /* the client's, else CRC64NVME */
	char sum[S3_SUM_TEXT];
};

/* Begins to read the call's body; at its end `done` is called, or the call has failed. 0, or a
 * negative errno where the headers contradict themselves. The call owns the sink. */
int s3_sink_start(struct s3_call *c, enum s3_sum_kind fallback, void (*done)(struct s3_call *c));
const struct s3_blob *s3_sink_blob(const struct s3_sink *k);
/* Rows refer to the blob now: it stays. */
void s3_sink_keep(struct s3_sink *k);
/* A blob that is not kept is garbage. */
void s3_sink_free(struct s3_sink *k);

#endif
