/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Network interfaces: an address out of a subnet, a MAC, a name, and the document that EC2 prints.
 * Called by EC2's operations and for tasks; all functions write inside the caller's transaction.
 */
#ifndef DAEMON_VPC_INTERFACE_H
#define DAEMON_VPC_INTERFACE_H

#include "daemon/vpc/vpc.h"

struct interface_ask {
	const char *subnet;  /* that exists */
	const char *address; /* NULL: the lowest free one */
	const char *description;
	const char *const *groups; /* that exist, at least one */
	size_t n_groups;
	const char *holder; /* the task that it is made for; NULL: nobody, it is "available" */
	int64_t now_ms;
};

/* An address that is not the subnet's or is in use, a full subnet: errors of EC2 in `e`. 0 and the
 * caller's resource, or negative. */
int interface_make(struct store *s, const struct scope *sc, const struct interface_ask *ask,
    struct vpc_resource *ret, struct err *e);
/* The task that holds an interface has it attached, or is gone: then so is its interface. Tasks
 * without one are left alone. */
int interface_attach_held(
    struct store *s, const struct scope *sc, const char *holder, struct err *e);
int interface_release(struct store *s, const struct scope *sc, const char *holder, struct err *e);
/* "ip-10-0-0-4.ec2.internal" */
void interface_dns_name(const struct scope *sc, uint32_t address, char *out, size_t size);
/* Addresses of a subnet that interfaces can have, and how many are free. */
int interface_free(struct store *s, const struct scope *sc, const struct vpc_resource *subnet,
    int64_t *ret, struct err *e);

#endif
