/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which AWS protocol, service and operation a request speaks of, and with it the shape in which an
 * answer can be understood. Called by edge.c. It must not know which operations exist.
 */
#ifndef DAEMON_HTTP_RECOGNISE_H
#define DAEMON_HTTP_RECOGNISE_H

#include "common/util.h"
#include "daemon/services/protocol.h"

/* Borrowed; NULL where the request has no such thing. */
struct recognise_request {
	const char *target; /* X-Amz-Target */
	const char *content_type;
	const char *query; /* after the question mark, still encoded */
	const char *body;
	size_t body_len;
	const char *credential_service; /* "" where nobody said */
	const char *host;
};

struct recognised {
	enum wire wire;
	bool in_query;      /* the parameters are in the query string, not in the body */
	const char *served; /* the service for api_request ("ecs"), NULL: not one of ours */
	/* Names to repeat in messages, "" where there is none: letters and digits, in `service`
	 * also
	 * "-", "_" and ".". */
	char service[65];
	char operation[65];
};

/* One service that is served here, by what a request can say of it. A unit test holds this against
 * services.c, which the edge must not see. */
struct recognise_row {
	const char *service;
	enum wire wire;
	const char *target;  /* what X-Amz-Target begins with, up to the last dot; NULL */
	const char *version; /* the parameter Version of the Query protocols; NULL */
};
extern const struct recognise_row recognise_rows[];
extern const size_t n_recognise_rows;

void recognise(const struct recognise_request *in, struct recognised *ret);

#endif
