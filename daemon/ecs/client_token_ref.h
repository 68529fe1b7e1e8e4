/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clientToken: the same token with the same parameters means what was made the first time. Called
 * by the operations that take one; it must not know what they make.
 */
#ifndef DAEMON_ECS_CLIENT_TOKEN_REF_H
#define DAEMON_ECS_CLIENT_TOKEN_REF_H

#include "daemon/api.h"

enum client_token_use {
	CLIENT_TOKEN_FRESH, /* none was given, or nobody has used it yet */
	CLIENT_TOKEN_SAME,  /* this very request has been made before */
	CLIENT_TOKEN_OTHER, /* another request has been made with it */
};

/* Looks the token (NULL: none) up for the call's operation. *ret_result is what client_token_keep
 * was given then, the caller's; NULL where it is fresh. 0, or a negative errno with c->err filled.
 */
int client_token_find(
    struct call *c, const char *token, enum client_token_use *ret_use, char **ret_result);
/* Notes what came of the request; nothing without a token. */
int client_token_keep(struct call *c, const char *token, const char *result);

#endif
