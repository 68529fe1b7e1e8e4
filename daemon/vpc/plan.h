/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which range the Docker network of a VPC gets. Called inside the transaction of whoever needs the
 * network; vpc_network.c makes it. It must not talk to the Engine.
 */
#ifndef DAEMON_VPC_PLAN_H
#define DAEMON_VPC_PLAN_H

#include "daemon/store/vpc_network.h"
#include "daemon/vpc/cidr.h"

/* The VPC's network as planned before, or planned now: the VPC's own range, or one of 100.64.0.0/10
 * where another VPC or a route of the host has it. 1 where the row is new, 0 where it was there. */
int vpc_plan_network(struct store *s, const struct scope *sc, const char *vpc, const char *cidr,
    struct store_vpc_network *ret, struct err *e);
/* Another range, because `taken` have the planned one too. */
int vpc_plan_again(struct store *s, struct store_vpc_network *n, const struct cidr *taken,
    size_t n_taken, struct err *e);

#endif
