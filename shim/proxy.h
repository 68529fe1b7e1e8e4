/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Carries bytes between connections that come in at 169.254.170.2:4566 and the daemon's unix
 * socket, so that the API is reached from every network mode. It must not know HTTP: whoever asks
 * is known to the daemon by what it signed.
 */
#ifndef SHIM_PROXY_H
#define SHIM_PROXY_H

#include "common/loop.h"

struct proxy;
struct proxy_listener;

/* The caller's. */
struct proxy *proxy_new(struct loop *l, const char *socket_path);
/* Closes all connections; listeners must be gone. NULL is legal. */
void proxy_free(struct proxy *p);
/* Serves a listening socket, which is taken over; NULL on failure. */
struct proxy_listener *proxy_listen(struct proxy *p, int fd);
/* Stops serving it and what came in there. NULL is legal. */
void proxy_unlisten(struct proxy *p, struct proxy_listener *l);

#endif
