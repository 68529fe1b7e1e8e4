/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests for services that are not built here, passed on to another emulator as they came, and
 * its answers as they come: no byte is changed and little is held. edge.c decides which ones these
 * are. It must not know what they mean.
 */
#ifndef DAEMON_HTTP_UPSTREAM_H
#define DAEMON_HTTP_UPSTREAM_H

#include "daemon/http/conn.h"
#include "daemon/http/head.h"
#include "daemon/services/protocol.h"

struct upstream;

/* `host` and `port` outlive it. */
struct upstream *upstream_new(struct loop *l, const char *host, const char *port);
/* After the connections. NULL is legal. */
void upstream_free(struct upstream *u);
/* Takes the connection over. `h`, which becomes the callee's, is still in the input buffer; `wire`
 * is the shape of the error where the other emulator does not answer. */
void upstream_pass(struct upstream *u, struct conn *c, struct head *h, enum wire wire);

#endif
