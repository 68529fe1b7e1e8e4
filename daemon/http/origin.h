/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The browser guard: could a web page of another origin have sent this request? The API starts
 * containers, so a page that somebody happens to have open must not reach it, neither directly
 * (Origin, Sec-Fetch-Site) nor by pointing its own name at 127.0.0.1 (Host). Called by edge.c
 * before anything else looks at a request.
 */
#ifndef DAEMON_HTTP_ORIGIN_H
#define DAEMON_HTTP_ORIGIN_H

#include "common/err.h"

#include <sys/socket.h>

/* What the guard looks at; strings are borrowed and NULL where the request does not have them. */
struct origin_request {
	const char *host;     /* the Host header */
	const char *uri_host; /* of an absolute request target */
	const char *origin;
	const char *sec_fetch_site;
	const char *listen_host; /* as configured */
	/* Our end of the connection. On AF_UNIX Host means nothing: no name leads there. */
	const struct sockaddr *local;
};

/* 0, or ERR_ACCESS_DENIED with the reason in `e`. SDKs and curl send neither Origin nor
 * Sec-Fetch-Site. */
int origin_check(const struct origin_request *r, struct err *e);

#endif
