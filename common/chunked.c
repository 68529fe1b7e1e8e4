/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One state per kind of line (see chunked.h). Lines end with CRLF; a bare LF is refused, because
 * two readers of one message must never disagree where a chunk ends.
 */
#include "common/chunked.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

/* Takes bytes up to the end of the line. 1: the line is whole, and its CRLF is gone from it. */
static int
take_line(struct chunked *c, const char *p, size_t n, size_t *ret_taken)
{
	const char *end = memchr(p, '\n', n);
	size_t len = end != NULL ? (size_t)(end - p) + 1 : n;

	if (c->line_len + len >= sizeof(c->line))
		return -EPROTO;
	memcpy(c->line + c->line_len, p, len);
	c->line_len += len;
	*ret_taken = len;
	if (end == NULL)
		return 0;
	if (c->line_len < 2 || c->line[c->line_len - 2] != '\r' ||
	    memchr(c->line, '\0', c->line_len) != NULL)
		return -EPROTO;
	c->line[c->line_len - 2] = '\0';
	c->line_len = 0;
	return 1;
}

static int
read_size(struct chunked *c, struct chunk *ret)
{
	size_t digits = strspn(c->line, "0123456789abcdefABCDEF");

	if (digits == 0 || digits > 15 || (c->line[digits] != '\0' && c->line[digits] != ';'))
		return -EPROTO;
	c->left = strtoull(c->line, NULL, 16);
	c->state = c->left > 0 ? CHUNKED_IN_DATA : CHUNKED_AT_TRAILER;
	*ret = (struct chunk){ .piece = CHUNK_SIZE, .size = c->left, .text = c->line + digits };
	return 0;
}

static int
read_trailer(struct chunked *c, struct chunk *ret)
{
	if (c->line[0] == '\0') {
		c->state = CHUNKED_OVER;
		*ret = (struct chunk){ .piece = CHUNK_END };
		return 0;
	}
	if (++c->n_trailers > CHUNKED_TRAILERS_MAX)
		return -EPROTO;
	*ret = (struct chunk){ .piece = CHUNK_TRAILER, .text = c->line };
	return 0;
}

static int
read_line(struct chunked *c, struct chunk *ret)
{
	switch (c->state) {
	case CHUNKED_AT_SIZE:
		return read_size(c, ret);
	case CHUNKED_AT_DATA_END:
		if (c->line[0] != '\0')
			return -EPROTO;
		c->state = CHUNKED_AT_SIZE;
		return 0;
	case CHUNKED_AT_TRAILER:
		return read_trailer(c, ret);
	case CHUNKED_IN_DATA:
	case CHUNKED_OVER:
		break;
	}
	return -EPROTO;
}

ssize_t
chunked_next(struct chunked *c, const char *p, size_t n, struct chunk *ret)
{
	size_t taken = 0;
	int r;

	*ret = (struct chunk){ .piece = CHUNK_MORE };
	if (c->state == CHUNKED_OVER) {
		ret->piece = CHUNK_END;
		return 0;
	}
	if (n == 0)
		return 0;
	if (c->state == CHUNKED_IN_DATA) {
		taken = n < c->left ? n : (size_t)c->left;
		c->left -= taken;
		if (c->left == 0)
			c->state = CHUNKED_AT_DATA_END;
		*ret = (struct chunk){ .piece = CHUNK_DATA, .bytes = p, .len = taken };
		return (ssize_t)taken;
	}
	r = take_line(c, p, n, &taken);
	if (r > 0)
		r = read_line(c, ret);
	return r < 0 ? r : (ssize_t)taken;
}
