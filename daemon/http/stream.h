/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request that a service answers through rest.h, on a connection that evhttp does not see
 * meanwhile. edge.c decides which ones these are. It must not know services.
 */
#ifndef DAEMON_HTTP_STREAM_H
#define DAEMON_HTTP_STREAM_H

#include "daemon/http/conn.h"
#include "daemon/http/head.h"
#include "daemon/rest.h"

struct stream_request {
	struct head *head; /* owned by the stream from now on; still in the input buffer */
	struct scope scope;
	char access_key[129];
	char source_ip[46]; /* "": nobody knows */
};

/* Takes the connection over and starts the service, or answers by itself where the message is not
 * well-formed. */
void stream_open(
    struct conn *c, const struct stream_request *r, const struct rest_service *service);
/* The same, and the answer is an error of the edge's own. `body` is borrowed. */
void stream_refuse(struct conn *c, const struct stream_request *r, int status,
    const char *content_type, const char *body);

#endif
