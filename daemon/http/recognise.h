/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which AWS protocol, service and operation a request speaks of, and with it the shape in which an
 * answer can be understood. Called by edge.c. It must not know which operations exist.
 */
#ifndef DAEMON_HTTP_RECOGNISE_H
#define DAEMON_HTTP_RECOGNISE_H

#include "common/util.h"

/* How errors have to look. */
enum wire {
	WIRE_JSON,     /* JSON 1.0, JSON 1.1 and REST-JSON: {"__type", "message"} */
	WIRE_QUERY,    /* <ErrorResponse> */
	WIRE_EC2,      /* <Response><Errors> */
	WIRE_REST_XML, /* S3's bare <Error> */
	WIRE_MAX,
};

/* Borrowed; NULL where the request has no such thing. */
struct recognise_request {
	const char *target; /* X-Amz-Target */
	const char *content_type;
	const char *query; /* after the question mark, still encoded */
	const char *body;
	size_t body_len;
	const char *credential_service; /* "" where nobody said */
};

struct recognised {
	enum wire wire;
	const char *served; /* the service for api_request ("ecs"), NULL: not one of ours */
	/* Names to repeat in messages, "" where there is none: letters and digits, in `service`
	 * also
	 * "-", "_" and ".". */
	char service[65];
	char operation[65];
};

void recognise(const struct recognise_request *in, struct recognised *ret);

#endif
