/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes error bodies in four dialects (see reply.h). The strings that go in are constants and
 * checked names, so there is nothing to escape.
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
	{ 400, "Bad Request" },
	{ 403, "Forbidden" },
	{ 404, "Not Found" },
	{ 405, "Method Not Allowed" },
	{ 413, "Request Entity Too Large" },
	{ 417, "Expectation Failed" },
	{ 500, "Internal Server Error" },
	{ 501, "Not Implemented" },
	{ 503, "Service Unavailable" },
};
/* clang-format on */

static const char xml_head[] = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";

char *
reply_error_body(enum wire wire, const char *code, const char *message, const char *request_id,
    const char **ret_content_type)
{
	*ret_content_type = wire == WIRE_REST_XML ? "application/xml" : "text/xml";
	switch (wire) {
	case WIRE_QUERY:
		return xasprintf(
		    "%s<ErrorResponse><Error><Type>Sender</Type><Code>%s</Code><Message>%s"
		    "</Message></Error><RequestId>%s</RequestId></ErrorResponse>\n",
		    xml_head, code, message, request_id);
	case WIRE_EC2:
		return xasprintf(
		    "%s<Response><Errors><Error><Code>%s</Code><Message>%s</Message></Error>"
		    "</Errors><RequestID>%s</RequestID></Response>\n",
		    xml_head, code, message, request_id);
	case WIRE_REST_XML:
		return xasprintf(
		    "%s<Error><Code>%s</Code><Message>%s</Message><RequestId>%s</RequestId>"
		    "</Error>\n",
		    xml_head, code, message, request_id);
	case WIRE_JSON:
	case WIRE_MAX:
		break;
	}
	*ret_content_type = REPLY_JSON_TYPE;
	return xasprintf("{\"__type\":\"%s\",\"message\":\"%s\"}", code, message);
}

char *
reply_error_bytes(int status, const char *code, const char *message)
{
	char request_id[37];
	const char *type;
	_cleanup_free_ char *body = NULL;

	random_uuid(request_id);
	body = reply_error_body(WIRE_JSON, code, message, request_id, &type);
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
