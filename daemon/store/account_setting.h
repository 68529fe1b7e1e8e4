/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of account settings: what somebody has set for a principal, by the principal's ARN. Defaults
 * are no rows; the one who reads knows them.
 */
#ifndef DAEMON_STORE_ACCOUNT_SETTING_H
#define DAEMON_STORE_ACCOUNT_SETTING_H

#include "daemon/api.h"
#include "daemon/store/store.h"

#define STORE_ACCOUNT_SETTING_VALUE_MAX 64 /* bytes with the NUL */

/* Inserts or replaces. */
int store_account_setting_put(struct store *s, const struct scope *sc, const char *principal,
    const char *name, const char *value, struct err *e);
/* 1 and the value, 0 where nothing is set, negative errno. */
int store_account_setting_get(struct store *s, const struct scope *sc, const char *principal,
    const char *name, char ret[static STORE_ACCOUNT_SETTING_VALUE_MAX], struct err *e);
int store_account_setting_delete(struct store *s, const struct scope *sc, const char *principal,
    const char *name, struct err *e);

#endif
