/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Closing without a reset: a socket that is closed while the client still sends answers with RST,
 * which destroys the error that we have just written. Called by conn.c for connections that were
 * refused half-way.
 */
#ifndef DAEMON_HTTP_LINGER_H
#define DAEMON_HTTP_LINGER_H

#include <event2/event.h>

struct linger_set;

struct linger_set *linger_set_new(struct event_base *base);
void linger_set_free(struct linger_set *s);
/* Keeps a duplicate of `fd` and throws away what arrives until the client is done, at most for a
 * few seconds and for a few dozen connections at a time; beyond that the caller's close is the end
 * of it. */
void linger_add(struct linger_set *s, int fd);

#endif
