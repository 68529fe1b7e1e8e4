/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Content-Length and chunks (see framing.h).
 */
#include "daemon/http/framing.h"

#include <errno.h>
#include <event2/buffer.h>
#include <string.h>
#include <strings.h>

/* "123", the same in every Content-Length there is; -1 where there is none. */
static int
read_length(const struct head *h, int64_t *ret)
{
	int64_t length = -1;

	for (size_t i = 0; i < h->n_headers; i++) {
		const char *text = h->headers[i].value;
		int64_t v;

		if (strcasecmp(h->headers[i].name, "Content-Length") != 0)
			continue;
		if (text[0] == '\0' || strlen(text) > 18 ||
		    strspn(text, "0123456789") != strlen(text))
			return -EPROTO;
		v = strtoll(text, NULL, 10);
		if (length >= 0 && v != length)
			return -EPROTO;
		length = v;
	}
	*ret = length;
	return 0;
}

static int
read_framing(const struct head *h, struct framing *f)
{
	const char *coding = head_find(h, "Transfer-Encoding");
	int r = read_length(h, &f->left);

	if (r < 0)
		return r;
	if (coding == NULL)
		return 0;
	if (strcasecmp(coding, "chunked") != 0 || f->left >= 0)
		return -EPROTO;
	f->chunked = true;
	return 0;
}

int
framing_of_request(const struct head *h, struct framing *ret)
{
	struct framing f = { 0 };
	int r = read_framing(h, &f);

	if (r < 0)
		return r;
	f.over = !f.chunked && f.left <= 0;
	*ret = f;
	return 0;
}

int
framing_of_answer(const struct head *h, bool bodiless, struct framing *ret)
{
	struct framing f = { 0 };
	int r = bodiless ? 0 : read_framing(h, &f);

	if (r < 0)
		return r;
	f.until_eof = !bodiless && !f.chunked && f.left < 0;
	f.over = bodiless || (!f.chunked && f.left == 0);
	*ret = f;
	return 0;
}

/* The first bytes of the buffer as they lie in memory. */
static bool
peek(struct evbuffer *in, struct evbuffer_iovec *ret)
{
	return evbuffer_peek(in, -1, NULL, ret, 1) > 0 && ret->iov_len > 0;
}

static ssize_t
take_chunked(struct framing *f, struct evbuffer *in, char *buf, size_t size)
{
	struct evbuffer_iovec v;
	size_t got = 0;

	while (!f->over && got < size && peek(in, &v)) {
		struct chunk piece;
		size_t n = v.iov_len;
		ssize_t taken;

		if (f->reader.state == CHUNKED_IN_DATA && n > size - got)
			n = size - got;
		taken = chunked_next(&f->reader, v.iov_base, n, &piece);
		if (taken < 0)
			return taken;
		if (piece.piece == CHUNK_DATA) {
			memcpy(buf + got, piece.bytes, piece.len);
			got += piece.len;
		}
		f->over = f->reader.state == CHUNKED_OVER;
		evbuffer_drain(in, (size_t)taken);
	}
	return (ssize_t)got;
}

ssize_t
framing_take(struct framing *f, struct evbuffer *in, char *buf, size_t size)
{
	size_t n = size;

	if (f->over)
		return 0;
	if (f->chunked)
		return take_chunked(f, in, buf, size);
	if (!f->until_eof && f->left < (int64_t)n)
		n = (size_t)f->left;
	n = (size_t)evbuffer_remove(in, buf, n);
	f->left -= (int64_t)n;
	f->over = !f->until_eof && f->left == 0;
	return (ssize_t)n;
}

int
framing_pass(struct framing *f, struct evbuffer *in, struct evbuffer *out, size_t max)
{
	struct evbuffer_iovec v;
	size_t passed = 0;

	while (!f->over && passed < max && peek(in, &v)) {
		struct chunk piece;
		ssize_t taken = (ssize_t)v.iov_len;

		if (f->chunked) {
			taken = chunked_next(&f->reader, v.iov_base, v.iov_len, &piece);
			if (taken < 0)
				return (int)taken;
			f->over = f->reader.state == CHUNKED_OVER;
		} else if (!f->until_eof) {
			if (f->left < taken)
				taken = (ssize_t)f->left;
			f->left -= taken;
			f->over = f->left == 0;
		}
		evbuffer_remove_buffer(in, out, (size_t)taken);
		passed += (size_t)taken;
	}
	return 0;
}
