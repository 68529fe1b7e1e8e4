/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One look at one service: reads what there is, asks the rules what follows, writes it down and has
 * it done. Called by services.c, which knows when to look.
 */
#ifndef DAEMON_RECONCILE_SERVICE_LOOK_H
#define DAEMON_RECONCILE_SERVICE_LOOK_H

#include "daemon/api.h"

struct service_look {
	bool changed;       /* something was written */
	bool again;         /* there is more to do at once */
	int64_t wake_at_ms; /* look again then; 0: when something happens */
};

/* A failure is logged, and looked at again later. */
void service_look(struct api *api, const struct scope *sc, const char *cluster, const char *service,
    struct service_look *ret);

#endif
