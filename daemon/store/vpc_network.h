/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which Docker network each VPC has, or should have: of all accounts, since they share one host.
 * A row is the wish; whether the Engine has fulfilled it is `ready`.
 */
#ifndef DAEMON_STORE_VPC_NETWORK_H
#define DAEMON_STORE_VPC_NETWORK_H

#include "daemon/store/ec2.h"

#define VPC_CIDR_MAX 20 /* "255.255.255.255/32" with the NUL, and room */

struct store_vpc_network {
	struct scope scope;
	char vpc[EC2_ID_MAX];
	char cidr[VPC_CIDR_MAX];        /* of the VPC */
	char engine_cidr[VPC_CIDR_MAX]; /* of the Docker network: the same, or a range in its place
					 */
	bool ready;                     /* the Engine has it */
};

int store_vpc_network_put(struct store *s, const struct store_vpc_network *n, struct err *e);
/* VPC ids are unique everywhere. 1, 0, negative errno. */
int store_vpc_network_get(
    struct store *s, const char *vpc, struct store_vpc_network *ret, struct err *e);
int store_vpc_network_delete(struct store *s, const char *vpc, struct err *e);
int store_vpc_network_list(struct store *s, int (*fn)(const struct store_vpc_network *n, void *arg),
    void *arg, struct err *e);

#endif
