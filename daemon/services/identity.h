/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who sent a request: whoever signs with a key that this daemon issued is its owner, if the
 * signature is right; any other key is the account's root, unless LOCALEMU_VERIFY_SIGNATURES=1.
 * Called by api.c once per request. It must not know operations.
 */
#ifndef DAEMON_SERVICES_IDENTITY_H
#define DAEMON_SERVICES_IDENTITY_H

#include "daemon/api.h"
#include "daemon/services/protocol.h"
#include "daemon/services/sigv4.h"

struct identity;

/* Both outlive it. */
struct identity *identity_new(const struct config *config, struct store *store);
void identity_free(struct identity *id);

struct identity_question {
	const struct sigv4_request *request; /* NULL: there is nothing to verify (unit tests) */
	const char *access_key;              /* of the request, "" where it has none */
	const char *service;                 /* that the request goes to */
	enum wire wire;
	int64_t now_ms;
};

/* 0: c->scope.account and the principal's members of `c` are filled. Else the protocol's own error.
 */
int identity_check(
    struct identity *id, const struct identity_question *q, struct call *c, struct err *e);

#endif
