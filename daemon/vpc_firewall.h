/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Security groups as a list of what is let through, in the words of shim.proto. Called when a task
 * is made and whenever rules or members may have changed; it must not know tasks or who enforces
 * it.
 */
#ifndef DAEMON_VPC_FIREWALL_H
#define DAEMON_VPC_FIREWALL_H

#include "common/arena.h"
#include "daemon/store/vpc_network.h"
#include "daemon/vpc/vpc.h"
#include "proto/shim.pb-c.h"

/* What these groups together let through; *ret lives in the arena. `n` (may be NULL) is the Docker
 * network in whose range peers are said. */
int vpc_firewall_make(struct store *s, const struct scope *sc, struct arena *a,
    const char *const *groups, size_t n_groups, const struct store_vpc_network *n,
    Shim__Firewall **ret, struct err *e);

#endif
