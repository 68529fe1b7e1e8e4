/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When an operation that changes how many tasks a service has is over, and what it answers then:
 * `settled` and `answer` of CreateService and UpdateService. It must not know who starts tasks.
 */
#ifndef DAEMON_ECS_SERVICE_SETTLE_H
#define DAEMON_ECS_SERVICE_SETTLE_H

#include "daemon/api.h"

/* Notes which service the call is about; before it returns from `run`. */
void service_settle_begin(struct call *c, const char *cluster, const char *service);
/* As many tasks run as are wanted, surplus ones have stopped - or something is in the way: a task
 * has failed, or found no place. */
bool service_settle_done(struct call *c);
int service_settle_answer(struct call *c);

#endif
