/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a clientToken stood for the first time it came: a digest of the parameters and the ids that
 * were made (RunTask.clientToken).
 */
#ifndef DAEMON_STORE_CLIENT_TOKEN_H
#define DAEMON_STORE_CLIENT_TOKEN_H

#include "daemon/api.h"
#include "daemon/store/store.h"

/* 1 found (both strings are the caller's), 0 not, negative errno. `result` is text that the
 * operation chose. */
int store_client_token_get(struct store *s, const struct scope *sc, const char *operation,
    const char *token, char **ret_digest, char **ret_result, struct err *e);
int store_client_token_put(struct store *s, const struct scope *sc, const char *operation,
    const char *token, const char *digest, const char *result, int64_t now_ms, struct err *e);
int store_client_token_expire(struct store *s, int64_t before_ms, struct err *e);

#endif
