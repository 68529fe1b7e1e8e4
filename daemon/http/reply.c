/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Error answers as bytes and as bodies (see reply.h).
 */
#include "daemon/http/reply.h"

#include <string.h>

/* clang-format off */
static const struct {
	int status;
	const char *reason;
} reasons[] = {
	{ 200, "OK" },
	{ 204, "No Content" },
	{ 206, "Partial Content" },
	{ 304, "Not Modified" },
	{ 400, "Bad Request" },
	{ 401, "Unauthorized" },
	{ 403, "Forbidden" },
	{ 404, "Not Found" },
	{ 405, "Method Not Allowed" },
	{ 409, "Conflict" },
	{ 411, "Length Required" },
	{ 412, "Precondition Failed" },
	{ 413, "Request Entity Too Large" },
	{ 416, "Requested Range Not Satisfiable" },
	{ 417, "Expectation Failed" },
	{ 500, "Internal Server Error" },
	{ 501, "Not Implemented" },
	{ 502, "Bad Gateway" },
	{ 503, "Service Unavailable" },
};
/* clang-format on */

char *
reply_error_body(enum wire wire, int status, const char *code, const char *message,
    const char *request_id, const char **ret_content_type)
{
	*ret_content_type = protocol_content_type(wire);
	return protocol_print_error(wire, status, code, message, request_id, NULL);
}

char *
reply_error_bytes(int status, const char *code, const char *message)
{
	char request_id[37];
	const char *type;
	_cleanup_free_ char *body = NULL;

	random_uuid(request_id);
	body = reply_error_body(WIRE_JSON, status, code, message, request_id, &type);
	return xasprintf("HTTP/1.1 %d %s\r\n"
			 "Content-Type: %s\r\n"
			 "x-amzn-RequestId: %s\r\n"
			 "x-amzn-ErrorType: %s\r\n"
			 "Content-Length: %zu\r\n"
			 "Connection: close\r\n"
			 "\r\n"
			 "%s",
	    status, reply_reason(status), type, request_id, code, strlen(body), body);
}

const char *
reply_reason(int status)
{
	for (size_t i = 0; i < ARRAY_SIZE(reasons); i++) {
		if (reasons[i].status == status)
			return reasons[i].reason;
	}
	return status < 400 ? "OK" : status < 500 ? "Bad Request" : "Internal Server Error";
}
