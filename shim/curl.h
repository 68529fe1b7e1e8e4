/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP over one unix socket, or to another origin, driven by the loop: requests with a whole reply
 * or a reply in lines, signatures, timeouts, cancel. The shim's calls of the Engine and of AWS
 * services go through it. It must not know what is asked; curl.c is the only file that sees
 * libcurl.
 */
#ifndef SHIM_CURL_H
#define SHIM_CURL_H

#include "common/loop.h"

#define CURL_IO_REPLY_MAX (4u * 1024 * 1024) /* of a whole reply, and of one line */
#define CURL_IO_HEADERS_MAX 8

struct curl_io;
struct curl_io_req;

/* How a request ended. */
struct curl_io_reply {
	int errnum; /* 0; ETIMEDOUT; EMSGSIZE: over the limit; ECONNREFUSED: the peer is away */
	const char *error; /* libcurl's words for errnum, "" where that is 0 */
	int status;        /* of HTTP, 0 where none came */
	const char *body;  /* what came and was no line, NUL-terminated */
	size_t len;
	struct curl_io_req *req; /* for curl_io_header */
};

/* SigV4; libcurl signs every header that the request has. */
struct curl_io_sign {
	const char *service, *region;
	const char *key, *secret;
	const char *token; /* NULL: none */
};

struct curl_io_ask {
	const char *method;
	const char *origin; /* "https://host:8443"; NULL: whoever listens at the unix socket */
	const char *url;    /* "/v1.41/containers/json?all=1" */
	const char *body;   /* NULL: none */
	size_t body_len;    /* 0: as long as the text is */
	bool body_stays;    /* until the request is over: it is not copied */
	const char *headers[CURL_IO_HEADERS_MAX]; /* whole lines; none: JSON's Content-Type */
	const struct curl_io_sign *sign;          /* NULL: not signed */
	int64_t timeout_ms;                       /* of the whole request; 0: none */
	/* On a connection of its own: on one that was used before libcurl sends a request again
	 * where the peer hangs up without an answer. */
	bool once;
	size_t reply_max; /* bytes; 0: CURL_IO_REPLY_MAX */
	/* Where set, a reply of status 200 is given out line by line, without the line's end. */
	void (*on_line)(const char *line, size_t len, void *arg);
	/* Where set instead, such a reply is given out as bytes, as they come. */
	void (*on_data)(const char *data, size_t len, void *arg);
	/* Called once, unless the request is cancelled; everything in the reply is borrowed. */
	void (*on_done)(const struct curl_io_reply *r, void *arg);
	void *arg;
};

/* The caller's; curl_io_free ends all requests without a call. It keeps connections for the next
 * requests, a few of them. */
struct curl_io *curl_io_new(struct loop *l, const char *socket_path);
void curl_io_free(struct curl_io *io);
/* Starts a request; what `ask` points to is copied. It is freed after on_done; never calls back
 * from inside. */
struct curl_io_req *curl_io_send(struct curl_io *io, const struct curl_io_ask *ask);
/* Ends a request without a call; legal inside its own callbacks. NULL is legal. */
void curl_io_cancel(struct curl_io_req *r);
void curl_io_cancel_all(struct curl_io *io);
/* A paused request takes no more from its peer, who then waits; what was taken already may still be
 * given out once. Legal inside on_data. */
void curl_io_pause(struct curl_io_req *r, bool pause);
/* What goes into a query: every byte but the unreserved ones is escaped. The caller's. */
char *curl_io_escape(const char *text);
/* A header of the reply, borrowed until on_done returns; NULL where there is none. */
const char *curl_io_header(const struct curl_io_reply *r, const char *name);

#endif
