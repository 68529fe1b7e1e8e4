/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CRCs by eight tables each, digests by libcrypto (see s3_sum.h).
 */
#include "daemon/services/s3_sum.h"

#include <errno.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <string.h>
#include <strings.h>

struct crc {
	uint64_t polynomial; /* reflected */
	unsigned bits;
};

static const struct kind {
	const char *name;
	const char *header;
	size_t bytes;
	struct crc crc;
	const EVP_MD *(*digest)(void);
} kinds[S3_SUM_MAX] = {
	/* clang-format off */
	[S3_SUM_CRC32]     = { "CRC32",     "x-amz-checksum-crc32",     4,  { 0xedb88320, 32 }, NULL },
	[S3_SUM_CRC32C]    = { "CRC32C",    "x-amz-checksum-crc32c",    4,  { 0x82f63b78, 32 }, NULL },
	[S3_SUM_CRC64NVME] = { "CRC64NVME", "x-amz-checksum-crc64nvme", 8,  { 0x9a6c9329ac4bc9b5, 64 }, NULL },
	[S3_SUM_SHA1]      = { "SHA1",      "x-amz-checksum-sha1",      20, { 0 }, EVP_sha1 },
	[S3_SUM_SHA256]    = { "SHA256",    "x-amz-checksum-sha256",    32, { 0 }, EVP_sha256 },
	[S3_SUM_MD5]       = { NULL,        NULL,                       16, { 0 }, EVP_md5 },
	/* clang-format on */
};

/* tables[kind][k][b]: what the byte b does to the sum when k more bytes follow. Made when first
 * needed. */
static uint64_t tables[S3_SUM_CRC64NVME + 1][8][256];
static pthread_once_t tables_once = PTHREAD_ONCE_INIT;

static void
make_tables(void)
{
	for (int kind = S3_SUM_CRC32; kind <= S3_SUM_CRC64NVME; kind++) {
		for (unsigned b = 0; b < 256; b++) {
			uint64_t c = b;

			for (int i = 0; i < 8; i++)
				c = (c & 1) != 0 ? c >> 1 ^ kinds[kind].crc.polynomial : c >> 1;
			tables[kind][0][b] = c;
		}
		for (unsigned b = 0; b < 256; b++)
			for (int k = 1; k < 8; k++) {
				uint64_t c = tables[kind][k - 1][b];

				tables[kind][k][b] = c >> 8 ^ tables[kind][0][c & 255];
			}
	}
}

static uint64_t
mask(enum s3_sum_kind kind)
{
	return kinds[kind].crc.bits == 32 ? 0xffffffff : ~UINT64_C(0);
}

static uint64_t
crc_add(enum s3_sum_kind kind, uint64_t c, const unsigned char *p, size_t n)
{
	const uint64_t(*t)[256] = tables[kind];

	for (; n >= 8; n -= 8, p += 8) {
		uint64_t v;

		memcpy(&v, p, 8);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
		v = __builtin_bswap64(v);
#endif
		v ^= c;
		c = t[7][v & 255] ^ t[6][v >> 8 & 255] ^ t[5][v >> 16 & 255] ^ t[4][v >> 24 & 255] ^
		    t[3][v >> 32 & 255] ^ t[2][v >> 40 & 255] ^ t[1][v >> 48 & 255] ^ t[0][v >> 56];
	}
	for (; n > 0; n--, p++)
		c = c >> 8 ^ t[0][(c ^ *p) & 255];
	return c;
}

void
s3_sum_begin(struct s3_sum *s, enum s3_sum_kind kind)
{
	*s = (struct s3_sum){ .kind = kind };
	if (kind == S3_SUM_NONE)
		return;
	if (kinds[kind].digest == NULL) {
		(void)pthread_once(&tables_once, make_tables); /* cannot fail */
		s->crc = mask(kind);
		return;
	}
	s->digest = EVP_MD_CTX_new();
	if (s->digest == NULL || EVP_DigestInit_ex(s->digest, kinds[kind].digest(), NULL) != 1)
		abort();
}

void
s3_sum_add(struct s3_sum *s, const void *p, size_t n)
{
	if (s->kind == S3_SUM_NONE)
		return;
	if (s->digest == NULL)
		s->crc = crc_add(s->kind, s->crc, p, n);
	else if (EVP_DigestUpdate(s->digest, p, n) != 1)
		abort();
}

static void
write_crc(uint64_t c, size_t n, unsigned char *ret)
{
	for (size_t i = 0; i < n; i++)
		ret[i] = (unsigned char)(c >> 8 * (n - 1 - i));
}

size_t
s3_sum_end(struct s3_sum *s, unsigned char ret[static S3_SUM_BYTES])
{
	size_t n = s3_sum_size(s->kind);

	if (s->digest != NULL) {
		if (EVP_DigestFinal_ex(s->digest, ret, NULL) != 1)
			abort();
	} else if (n > 0) {
		write_crc(s->crc ^ mask(s->kind), n, ret);
	}
	s3_sum_done(s);
	return n;
}

void
s3_sum_done(struct s3_sum *s)
{
	EVP_MD_CTX_free(s->digest);
	*s = (struct s3_sum){ 0 };
}

size_t
s3_sum_size(enum s3_sum_kind kind)
{
	return kinds[kind].bytes;
}

const char *
s3_sum_name(enum s3_sum_kind kind)
{
	return kinds[kind].name;
}

const char *
s3_sum_header(enum s3_sum_kind kind)
{
	return kinds[kind].header;
}

enum s3_sum_kind
s3_sum_by_name(const char *name)
{
	for (int k = S3_SUM_CRC32; k < S3_SUM_MD5; k++)
		if (strcasecmp(name, kinds[k].name) == 0)
			return (enum s3_sum_kind)k;
	return S3_SUM_NONE;
}

enum s3_sum_kind
s3_sum_by_header(const char *header)
{
	for (int k = S3_SUM_CRC32; k < S3_SUM_MD5; k++)
		if (strcasecmp(header, kinds[k].header) == 0)
			return (enum s3_sum_kind)k;
	return S3_SUM_NONE;
}

/* --- sums of parts --- */

/* a times b modulo the polynomial; the highest bit is x to the power of 0. */
static uint64_t
multiply(const struct crc *crc, uint64_t a, uint64_t b)
{
	uint64_t product = 0;

	for (uint64_t m = UINT64_C(1) << (crc->bits - 1); m != 0; m >>= 1) {
		if ((a & m) != 0)
			product ^= b;
		b = (b & 1) != 0 ? b >> 1 ^ crc->polynomial : b >> 1;
	}
	return product;
}

void
s3_sum_combine(enum s3_sum_kind kind, unsigned char first[static S3_SUM_BYTES],
    const unsigned char second[static S3_SUM_BYTES], int64_t second_bytes)
{
	const struct crc *crc = &kinds[kind].crc;
	size_t n = kinds[kind].bytes;
	uint64_t shift = UINT64_C(1) << (crc->bits - 1), square = shift >> 1;
	uint64_t a = 0, b = 0;

	for (size_t i = 0; i < n; i++) {
		a = a << 8 | first[i];
		b = b << 8 | second[i];
	}
	for (uint64_t bits = 8 * (uint64_t)second_bytes; bits != 0; bits >>= 1) {
		if ((bits & 1) != 0)
			shift = multiply(crc, square, shift);
		square = multiply(crc, square, square);
	}
	write_crc(multiply(crc, shift, a) ^ b, n, first);
}

/* --- texts --- */

void
s3_base64(const void *p, size_t n, char *ret, size_t size)
{
	if (size < 4 * ((n + 2) / 3) + 1)
		abort();
	(void)EVP_EncodeBlock((unsigned char *)ret, p, (int)n); /* the length is known */
}

int
s3_base64_read(const char *text, unsigned char *ret, size_t n)
{
	unsigned char out[S3_SUM_BYTES + 3];
	size_t len = strlen(text);

	if (n > S3_SUM_BYTES || len != 4 * ((n + 2) / 3) ||
	    strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=") !=
		len ||
	    EVP_DecodeBlock(out, (const unsigned char *)text, (int)len) < (int)n ||
	    strcspn(text, "=") != (4 * n + 2) / 3)
		return -EINVAL;
	memcpy(ret, out, n);
	return 0;
}

void
s3_hex(const unsigned char *p, size_t n, char *ret)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < n; i++) {
		ret[2 * i] = digits[p[i] >> 4];
		ret[2 * i + 1] = digits[p[i] & 15];
	}
	ret[2 * n] = '\0';
}
