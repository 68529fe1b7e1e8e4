/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP over one unix socket, driven by the loop: requests with a whole reply or a reply in lines,
 * timeouts, cancel. The shim's calls of the Engine and of the daemon's API go through it. It must
 * not know what is asked; curl.c is the only file that sees libcurl.
 */
#ifndef SHIM_CURL_H
#define SHIM_CURL_H

#include "common/loop.h"

#define CURL_IO_REPLY_MAX (4u * 1024 * 1024) /* of a whole reply, and of one line */

struct curl_io;
struct curl_io_req;

/* How a request ended. */
struct curl_io_reply {
	int errnum; /* 0; ETIMEDOUT; EMSGSIZE: over CURL_IO_REPLY_MAX; ECONNREFUSED: the peer is
		       away */
	int status; /* of HTTP, 0 where none came */
	const char *body; /* what came and was no line, NUL-terminated */
	size_t len;
	const char *api_version; /* the header Api-Version, NULL where there is none */
};

struct curl_io_ask {
	const char *method;
	const char *url;          /* "/v1.41/containers/json?all=1" */
	const char *body;         /* JSON, NULL: none */
	const char *content_type; /* a whole header line, NULL: JSON */
	const char *header;       /* one more header line, NULL: none */
	/* Signed with SigV4 for the service ecs where sign_key is not NULL; sign_token may be. */
	const char *sign_region, *sign_key, *sign_secret, *sign_token;
	int64_t timeout_ms; /* of the whole request; 0: none */
	/* Where set, a reply of status 200 is given out line by line, without the line's end. */
	void (*on_line)(const char *line, size_t len, void *arg);
	/* Called once, unless the request is cancelled; everything in the reply is borrowed. */
	void (*on_done)(const struct curl_io_reply *r, void *arg);
	void *arg;
};

/* The caller's; curl_io_free ends all requests without a call. */
struct curl_io *curl_io_new(struct loop *l, const char *socket_path);
void curl_io_free(struct curl_io *io);
/* Starts a request; strings of `ask` are copied. It is freed after on_done; never calls back from
 * inside. */
struct curl_io_req *curl_io_send(struct curl_io *io, const struct curl_io_ask *ask);
/* Ends a request without a call; legal inside its own callbacks. NULL is legal. */
void curl_io_cancel(struct curl_io_req *r);
void curl_io_cancel_all(struct curl_io *io);

#endif
