/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The wire protocols of AWS: how a request's text becomes the JSON tree that an operation's table
 * describes, and how the tree that a handler filled, or an error, becomes the text of the answer.
 * Called by api.c for every request and by the HTTP edge for the errors that it gives by itself. It
 * must not know any service.
 */
#ifndef DAEMON_SERVICES_PROTOCOL_H
#define DAEMON_SERVICES_PROTOCOL_H

#include "common/json.h"
#include "common/schema.h"

enum wire {
	WIRE_JSON,     /* JSON 1.0, JSON 1.1 and REST-JSON: {"__type", "message"} */
	WIRE_QUERY,    /* form in, <XResponse><XResult> out, <ErrorResponse> */
	WIRE_EC2,      /* form in with lists as X.1, <XResponse> out, <Response><Errors> */
	WIRE_REST_XML, /* S3's bare <Error>; errors only so far */
	WIRE_MAX,
};

/* One answer's frame. `operation` and `xmlns` may be NULL where the wire is JSON. */
struct protocol_frame {
	enum wire wire;
	const char *operation;
	const char *xmlns;
	const char *request_id;
	bool no_result; /* Query: the operation has no output shape, so there is no <XResult> */
};

/* Content-Type of an answer: a constant. */
const char *protocol_content_type(enum wire wire);

/* The body as a tree for schema_bind; `input` (may be NULL) guides where the text does not tell a
 * number from a string. 0 and the caller's tree, or ERR_SERIALIZATION or a code of the protocol in
 * `e`. */
int protocol_read(enum wire wire, const struct schema *input, const char *body, size_t len,
    struct json_object **ret, struct err *e);

/* The answer's text; the caller owns it. In XML objects become elements in their order, arrays
 * <member> (Query) or <item> (EC2), nothing is left out but null. Raw nodes (json_new_raw) must not
 * be in `out` where the wire is XML. */
char *protocol_print(const struct protocol_frame *f, struct json_object *out);

/* An error's code in this protocol ("ValidationError" where JSON says
 * "InvalidParameterException"), and its HTTP status. Borrowed from `e` or a constant. */
const char *protocol_error_code(enum wire wire, const struct err *e);
int protocol_error_status(enum wire wire, const struct err *e);

/* An error's body; the caller owns it. `members` (may be NULL) are added in JSON. */
char *protocol_print_error(enum wire wire, int status, const char *code, const char *message,
    const char *request_id, struct json_object *members);

#endif
