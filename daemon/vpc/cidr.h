/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IPv4 ranges: reading, printing, comparing, and the choice of a range that nobody uses. Called by
 * whatever deals with VPCs; it must not know the store or the Engine.
 */
#ifndef DAEMON_VPC_CIDR_H
#define DAEMON_VPC_CIDR_H

#include "common/util.h"

#define CIDR_TEXT_MAX 20 /* "255.255.255.255/32" with the NUL, and room */

struct cidr {
	uint32_t base; /* host byte order, no bit below the prefix is set */
	int prefix;
};

/* "10.0.0.0/16"; bits below the prefix are cleared, as EC2 does. 0 or -EINVAL. */
int cidr_parse(const char *text, struct cidr *ret);
const char *cidr_print(const struct cidr *c, char out[static CIDR_TEXT_MAX]);
uint32_t cidr_last(const struct cidr *c);
bool cidr_contains(const struct cidr *outer, const struct cidr *inner);
bool cidr_has(const struct cidr *c, uint32_t address);
bool cidr_overlaps(const struct cidr *a, const struct cidr *b);

/* "10.0.0.4" into host byte order: 0 or -EINVAL. */
int address_parse(const char *text, uint32_t *ret);
const char *address_print(uint32_t address, char out[static CIDR_TEXT_MAX]);

/* The range that a network gets: `wanted` where it overlaps none of `taken`, else the first free
 * one of the same size in 100.64.0.0/10. 0, or -ENOSPC where none is free. */
int cidr_choose(const struct cidr *wanted, const struct cidr *taken, size_t n, struct cidr *ret);
/* The ranges that the host has routes for, without the default route. The array is the caller's. */
size_t cidr_host_routes(struct cidr **ret);

#endif
