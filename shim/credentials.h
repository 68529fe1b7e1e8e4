/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The temporary credentials that the daemon sent for a task: those of its task role and those of
 * its execution role, each replaced as a whole when it is renewed. main.c puts them in, the
 * endpoint and who acts for the task take them out. It must not know who may see them.
 */
#ifndef SHIM_CREDENTIALS_H
#define SHIM_CREDENTIALS_H

#include "common/util.h"

struct credentials {
	char *id; /* NULL: none came yet */
	char *role_arn;
	char *access_key_id;
	char *secret_access_key;
	char *session_token;
	int64_t expires_at_ms;
};

/* Replaces what `at` holds by copies of what `from` points to. */
void credentials_set(struct credentials *at, const struct credentials *from);
/* Frees what it owns, secrets overwritten; it is empty then. */
void credentials_done(struct credentials *c);

#endif
