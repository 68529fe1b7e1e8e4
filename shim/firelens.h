/* SPDX-License-Identifier: Apache-2.0 */
/*
 * FireLens: what a log router (fluent-bit or fluentd) is given, as the agent does it
 * (taskresource/firelens): a configuration that is generated from the log options of the
 * containers that log through it, and a directory for the socket where the Engine's fluentd driver
 * finds it. Called before the router's container is created; it must not know the Engine.
 */
#ifndef SHIM_FIRELENS_H
#define SHIM_FIRELENS_H

#include "shim/plan.h"

/* The router's configuration, the caller's; NULL where a container has options for an output and
 * does not say which output. */
char *firelens_config(const struct plan *p, struct err *e);
/* Writes what is mounted into the router (plan.h: FIRELENS_*). `external` is the text of a
 * config-file-type s3, NULL: none. Safe to call again. */
int firelens_prepare(const struct plan *p, const char *external, struct err *e);
/* Removes all that, with what the router left in its directory. */
void firelens_remove(const char *gate_parent);

#endif
