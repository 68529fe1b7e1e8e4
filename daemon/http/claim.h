/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which requests evhttp is not to see, because their bodies are streamed: those of a REST service,
 * and those that are passed on. Wired into the connections by http.c. It must not know operations.
 */
#ifndef DAEMON_HTTP_CLAIM_H
#define DAEMON_HTTP_CLAIM_H

#include "daemon/http/conn.h"
#include "daemon/http/head.h"

struct config;
struct rest_service;
struct upstream;

struct claim {
	const struct config *config;
	struct upstream *upstream;       /* NULL: nobody gets what is not built here */
	const struct rest_service *rest; /* NULL: there is none */
};

/* conns.claims and conns.on_claimed; the cookie is a struct claim. */
int claim_wants(struct conn *c, const struct head *h, struct evbuffer *in, void *cookie);
void claim_take(struct conn *c, struct head *h, void *cookie);

#endif
