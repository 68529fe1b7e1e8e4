/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request whose body is too large to be held: how the HTTP edge gives it to a service, and what
 * the service asks of the edge meanwhile. The edge (http/stream.c) makes the calls, a service
 * answers them; neither sees the other's insides. Everything happens in the loop's thread.
 */
#ifndef DAEMON_REST_H
#define DAEMON_REST_H

#include "daemon/api.h"
#include "daemon/services/sigv4.h"

#include <sys/types.h>

struct rest_call;

/* An answer's head, and its body where that is short. */
struct rest_reply {
	int status;
	/* Whole lines, each with its CRLF; without Content-Length, Connection and Date. May be
	 * NULL. */
	const char *headers;
	const void *body; /* borrowed for the call */
	size_t body_len;
	/* > 0: `body` is NULL, and this many bytes are written by and by with `write`. To HEAD and
	 * with 304 they only say Content-Length. */
	int64_t stream_bytes;
	/* Neither Content-Length nor a body (204, 304). */
	bool no_body;
};

/* What the edge does for a service. */
struct rest_edge {
	/* Asks for the next bytes of the body: on_read is called, never from within, when `size`
	 * of them are in `buf` or the body is over. One at a time. The client is told to go on
	 * (100-continue) by the first. */
	void (*read)(struct rest_call *c, void *buf, size_t size);
	/* Answers; once. With stream_bytes the call goes on until all of them are written or
	 * `drop` is called, otherwise it is over when this returns. What was not read of the body
	 * is thrown away. */
	void (*reply)(struct rest_call *c, const struct rest_reply *r);
	/* The next bytes of a streamed answer, copied: on_written is called, never from within,
	 * when there is room for more. After the last one the call is over when this returns. */
	void (*write)(struct rest_call *c, const void *bytes, size_t n);
	/* Cuts the connection: the answer has begun and cannot be finished. The call is over. */
	void (*drop)(struct rest_call *c);
};

struct rest_call {
	/* The edge's, and constant. Texts live as long as the call. */
	const struct rest_edge *edge;
	struct sigv4_request head; /* body empty: it comes later */
	const char *host;          /* the Host header, "" where there is none */
	int64_t body_bytes;        /* -1: told by the end of its chunks */
	struct scope scope;
	const char *access_key; /* "" where there is none */
	const char *source_ip;  /* NULL: nobody knows */

	/* The service's. */
	void *request;
	/* n bytes were read, fewer than were asked for (perhaps 0) at the end of the body; -EPROTO:
	 * the body's chunks are not well-formed. */
	void (*on_read)(struct rest_call *c, ssize_t n);
	void (*on_written)(struct rest_call *c);
	/* The client is gone: the call is over, and so is the use of the buffer of `read`. */
	void (*on_abandoned)(struct rest_call *c);
};

struct rest_service {
	const char *name; /* as recognise.c says it: "s3" */
	/* Takes a call: sets the service's members, then answers at once or later. */
	void (*start)(struct rest_call *c, void *cookie);
	void *cookie;
};

/* A header of the request by name, without regard to case; NULL where it is not there. */
const char *rest_header(const struct rest_call *c, const char *name);

#endif
