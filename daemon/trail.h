/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CloudTrail's record of one write: who, what, when, from where, with which parameters, and what
 * came of it. Called by api.c for each finished call; services/cloudtrail.c serves what is
 * recorded. It must not know operations: what must not be told is in a table by member name.
 */
#ifndef DAEMON_TRAIL_H
#define DAEMON_TRAIL_H

#include "daemon/api.h"

/* Adds the record of `c` inside the open transaction. With c->err filled it tells of a failure:
 * `code` is then the error code as the client sees it, else NULL. 0 or a negative errno with `e`
 * filled. */
int trail_add(struct call *c, const char *code, struct err *e);

#endif
