/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads what is cut into chunks: HTTP's own transfer coding, and the aws-chunked coding inside a
 * body, which only adds signatures to the size lines. Called by the HTTP edge and by S3; it keeps
 * no data, and everything that it reads is hostile.
 */
#ifndef COMMON_CHUNKED_H
#define COMMON_CHUNKED_H

#include "common/util.h"

#include <sys/types.h>

#define CHUNKED_LINE_MAX 1024
#define CHUNKED_TRAILERS_MAX 32

enum chunk_piece {
	CHUNK_MORE,    /* nothing to tell before there are more bytes */
	CHUNK_SIZE,    /* a chunk begins: size and extension */
	CHUNK_DATA,    /* bytes of the present chunk */
	CHUNK_TRAILER, /* a line behind the last chunk */
	CHUNK_END,     /* the last byte has been taken */
};

enum chunked_state {
	CHUNKED_AT_SIZE,
	CHUNKED_IN_DATA,
	CHUNKED_AT_DATA_END,
	CHUNKED_AT_TRAILER,
	CHUNKED_OVER,
};

/* Zero-initialised it stands before the first chunk. */
struct chunked {
	enum chunked_state state;
	uint64_t left; /* of the present chunk */
	size_t n_trailers;
	char line[CHUNKED_LINE_MAX];
	size_t line_len;
};

struct chunk {
	enum chunk_piece piece;
	const char *bytes; /* CHUNK_DATA: in the input */
	size_t len;
	uint64_t size;    /* CHUNK_SIZE: of the chunk, 0: it is the last */
	const char *text; /* CHUNK_SIZE: behind the size, ";chunk-signature=…" or "";
			     CHUNK_TRAILER: the line. Valid until the next call */
};

/* Takes some of the `n` bytes at `p` and says what they are. Returns how many were taken, -EPROTO
 * where they are no chunks. */
ssize_t chunked_next(struct chunked *c, const char *p, size_t n, struct chunk *ret);

#endif
