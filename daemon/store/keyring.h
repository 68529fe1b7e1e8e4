/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The key under which the values of secrets and parameters lie in the store: made once, kept in a
 * file beside the store and never in it, so that a copy of the store alone gives nothing away.
 * Called by store/; it must not know what it seals.
 */
#ifndef DAEMON_STORE_KEYRING_H
#define DAEMON_STORE_KEYRING_H

#include "common/err.h"

struct keyring;

/* Reads <dir>/secrets.key, or makes it (mode 0600) where there is none. dir NULL: a key that lives
 * and dies with the process. The caller owns *ret. A file that is not a key of ours, or that others
 * may read, is an error that names it. */
int keyring_open(const char *dir, struct keyring **ret, struct err *e);
/* Wipes the key. Takes NULL. */
void keyring_free(struct keyring *k);

/* Encrypts `len` bytes with AES-256-GCM under a random nonce. `about` says whose value it is: it is
 * not kept, but the same words are needed to open it again, so that a value cannot be moved to
 * another row. 0 and the caller's bytes, or a negative errno. */
int keyring_seal(const struct keyring *k, const char *about, const void *plain, size_t len,
    unsigned char **ret, size_t *ret_len, struct err *e);

/* 0 and the caller's bytes, with a NUL behind them that is not counted; -EBADMSG where the value
 * was sealed with another key or for somebody else, or was changed. */
int keyring_unseal(const struct keyring *k, const char *about, const unsigned char *sealed,
    size_t len, char **ret, size_t *ret_len);

#endif
