/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the body of a message ends: after so many bytes, with its last chunk, or with the
 * connection. Called by stream.c, which wants what is inside, and by upstream.c, which passes on
 * what it sees. It keeps no data.
 */
#ifndef DAEMON_HTTP_FRAMING_H
#define DAEMON_HTTP_FRAMING_H

#include "common/chunked.h"
#include "daemon/http/head.h"

struct evbuffer;

struct framing {
	bool chunked;
	bool until_eof; /* of answers only */
	bool over;
	int64_t left; /* without chunks */
	struct chunked reader;
};

/* 0, or -EPROTO: lengths that contradict each other, or a transfer coding that nobody knows. */
int framing_of_request(const struct head *h, struct framing *ret);
/* `bodiless`: of HEAD, or a status that has no body. */
int framing_of_answer(const struct head *h, bool bodiless, struct framing *ret);

/* Moves bytes of the body out of `in`, without their framing, as far as there are any and they fit.
 * Returns how many, -EPROTO. At the end f->over is true. */
ssize_t framing_take(struct framing *f, struct evbuffer *in, char *buf, size_t size);
/* Moves what belongs to the body from `in` to `out`, at most about `max` bytes, as it is. */
int framing_pass(struct framing *f, struct evbuffer *in, struct evbuffer *out, size_t max);

#endif
