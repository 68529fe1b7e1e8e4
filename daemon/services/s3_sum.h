/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The check sums of S3: computed piece by piece, by name, as text, and put together from those of
 * parts. Called by the other S3 files, also from threads; it keeps nothing but its tables.
 */
#ifndef DAEMON_SERVICES_S3_SUM_H
#define DAEMON_SERVICES_S3_SUM_H

#include "common/util.h"

#define S3_SUM_BYTES 32
#define S3_SUM_TEXT 48 /* base64 and a NUL */

enum s3_sum_kind {
	S3_SUM_NONE,
	S3_SUM_CRC32,
	S3_SUM_CRC32C,
	S3_SUM_CRC64NVME,
	S3_SUM_SHA1,
	S3_SUM_SHA256,
	S3_SUM_MD5, /* Content-MD5 and ETags; not among the names */
	S3_SUM_MAX,
};

/* One that is being computed. Zero-initialised it is none. */
struct s3_sum {
	enum s3_sum_kind kind;
	uint64_t crc;
	void *digest;
};

void s3_sum_begin(struct s3_sum *s, enum s3_sum_kind kind);
void s3_sum_add(struct s3_sum *s, const void *p, size_t n);
/* Returns how many bytes it has. The sum is none afterwards. */
size_t s3_sum_end(struct s3_sum *s, unsigned char ret[static S3_SUM_BYTES]);
void s3_sum_done(struct s3_sum *s);

size_t s3_sum_size(enum s3_sum_kind kind);
/* "CRC32"; NULL for none. */
const char *s3_sum_name(enum s3_sum_kind kind);
/* "x-amz-checksum-crc32" */
const char *s3_sum_header(enum s3_sum_kind kind);
/* By name or by header, without regard to case; S3_SUM_NONE: there is no such sum. */
enum s3_sum_kind s3_sum_by_name(const char *name);
enum s3_sum_kind s3_sum_by_header(const char *header);

/* Of two pieces that follow each other, from theirs; CRCs only. */
void s3_sum_combine(enum s3_sum_kind kind, unsigned char first[static S3_SUM_BYTES],
    const unsigned char second[static S3_SUM_BYTES], int64_t second_bytes);

void s3_base64(const void *p, size_t n, char *ret, size_t size);
/* -EINVAL where it is not base64 of exactly `n` bytes. */
int s3_base64_read(const char *text, unsigned char *ret, size_t n);
void s3_hex(const unsigned char *p, size_t n, char *ret);

#endif
