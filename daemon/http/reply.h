/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bodies of the answers that the edge gives by itself, in the shape that the caller's protocol
 * asks for. Called by edge.c and conn.c. It must not know connections.
 */
#ifndef DAEMON_HTTP_REPLY_H
#define DAEMON_HTTP_REPLY_H

#include "daemon/http/recognise.h"

/* An error body. The caller owns the text; *ret_content_type is a constant. */
char *reply_error_body(enum wire wire, int status, const char *code, const char *message,
    const char *request_id, const char **ret_content_type);

/* A complete HTTP answer with a JSON error in it, for requests that never became one. The caller
 * owns it. */
char *reply_error_bytes(int status, const char *code, const char *message);

/* "Bad Request"; never NULL. */
const char *reply_reason(int status);

#endif
