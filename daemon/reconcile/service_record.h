/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a look means for the rows of deployments and for the record of the roll-out (service
 * deployment), with the events that go with it. Called by service_look.c inside its transaction.
 */
#ifndef DAEMON_RECONCILE_SERVICE_RECORD_H
#define DAEMON_RECONCILE_SERVICE_RECORD_H

#include "daemon/reconcile/service_view.h"

/* Writes what differs from the rows in the view, and updates those; *changed becomes true where
 * something was. */
int service_record_write(struct call *c, struct service_view *v, bool *changed);

#endif
