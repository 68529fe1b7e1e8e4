/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How keys, secrets, tokens and unique ids of principals look. The ids of our own access keys end
 * in a check sum of the rest, so that one that was revoked and forgotten is still told from a key
 * that somebody brought along. Called by identity.c, sts_issue.c and iam; it must not know the
 * store.
 */
#ifndef DAEMON_SERVICES_ACCESS_KEY_H
#define DAEMON_SERVICES_ACCESS_KEY_H

#include "common/util.h"

#define ACCESS_KEY_LEN 20
#define ACCESS_SECRET_LEN 40
#define UNIQUE_ID_LEN 21

/* "ASIA" or "AKIA" and 16 more. */
void access_key_make(const char prefix[static 4], char ret[static ACCESS_KEY_LEN + 1]);
/* True if this daemon or another one like it made the id. */
bool access_key_is_ours(const char *access_key);
void access_key_make_secret(char ret[static ACCESS_SECRET_LEN + 1]);
/* The caller owns it. */
char *access_key_make_token(void);

/* "AROA" (role), "AIDA" (user), "ANPA" (policy), "AIPA" (instance profile) and 17 more: random, or
 * always the same for the same `seed`. */
void unique_id_make(
    const char prefix[static 4], const char *seed, char ret[static UNIQUE_ID_LEN + 1]);

#endif
