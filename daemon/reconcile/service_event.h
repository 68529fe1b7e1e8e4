/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages about a service as DescribeServices lists them. The scheduler says them; this knows only
 * how not to say the same twice.
 */
#ifndef DAEMON_RECONCILE_SERVICE_EVENT_H
#define DAEMON_RECONCILE_SERVICE_EVENT_H

#include "common/util.h"
#include "daemon/api.h"

/* "For more information …", which ECS ends its complaints with. */
#define SERVICE_EVENT_ADVICE                                                                       \
	" For more information, see the Troubleshooting section of the Amazon ECS Developer "      \
	"Guide."

/* Adds "(service NAME" and the text, which closes the parenthesis, unless that is what was said
 * last. */
int service_event_say(struct call *c, const char *cluster, const char *service, const char *format,
    ...) PRINTF_LIKE(4, 5);
/* The same for what stays true for long: not again within six hours. */
int service_event_complain(struct call *c, const char *cluster, const char *service,
    const char *format, ...) PRINTF_LIKE(4, 5);

#endif
