/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The head of an HTTP/1 message as soon as it is whole, before evhttp reads it: conn.c asks for it
 * in order to see whose a request is, stream.c and upstream.c work with it. What it does not
 * understand is left to evhttp, which refuses it. It must not know what headers mean.
 */
#ifndef DAEMON_HTTP_HEAD_H
#define DAEMON_HTTP_HEAD_H

#include "daemon/services/sigv4.h"

struct evbuffer;

/* One message's head; texts point into `text`. */
struct head {
	char *text;   /* owned; taken apart by NULs */
	size_t bytes; /* that the head has in the buffer */
	const char *method;
	char *path;  /* begins with "/", still encoded, without "?"; "" for "*" */
	char *query; /* NULL: none */
	int minor;   /* HTTP/1.x */
	int status;  /* of an answer, else 0 */
	struct sigv4_header headers[SIGV4_HEADERS_MAX];
	size_t n_headers;
};

void head_free(struct head *h);

/* How many bytes the head at the front of `in` has, up to the empty line; 0 where that has not come
 * yet. *scanned is how far an earlier call has looked. */
size_t head_length(struct evbuffer *in, size_t *scanned);

/* Reads the first `len` bytes of `in`, which stay there. NULL: not a head that we understand. The
 * caller owns it. */
struct head *head_read_request(struct evbuffer *in, size_t len);
struct head *head_read_answer(struct evbuffer *in, size_t len);

/* The first header of that name, without regard to case; NULL: none. */
const char *head_find(const struct head *h, const char *name);
/* True if a comma-separated header has the word, without regard to case. */
bool head_has_word(const struct head *h, const char *name, const char *word);
/* False where HTTP/1.0 or "Connection: close" ends the connection with this message. */
bool head_keeps_alive(const struct head *h);

#endif
