/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a task's security groups let through, as the chains of an iptables-restore inside its
 * network namespace. Stateful as on AWS: replies pass, and what AWS never filters (loopback, the
 * endpoint, the resolver) passes too. Text only: called by task.c, and net.c brings it there. It
 * must not know the link.
 */
#ifndef SHIM_FIREWALL_H
#define SHIM_FIREWALL_H

#include "common/util.h"

#define FIREWALL_IN "LOCALEMU-IN"
#define FIREWALL_OUT "LOCALEMU-OUT"

/* One rule, as shim.proto's FirewallRule has it; borrowed. */
struct firewall_rule {
	const char *protocol; /* tcp, udp, icmp, a number; "-1": every one */
	int32_t from_port, to_port;
	char *const *peers;
	size_t n_peers;
};

struct firewall {
	bool allow_all;
	const struct firewall_rule *ingress, *egress;
	size_t n_ingress, n_egress;
};

/* A port that is published on the host. */
struct firewall_port {
	const char *protocol; /* "tcp", "udp" */
	int64_t first, last;
};

/* What comes from the host by way of published ports, whatever the groups say. */
struct firewall_host {
	const char *address; /* which the host has on the Docker network, NULL: the groups decide */
	const struct firewall_port *ports;
	size_t n_ports;
};

/* The filter table's part of the input of iptables-restore --noflush, which replaces both chains as
 * a whole; with `hook` the built-in chains are led through them as well, which is right once per
 * namespace. `resolvers` are the words of resolv.conf files. What is no rule of IPv4 is left out.
 * The caller's. */
char *firewall_text(
    const struct firewall *f, const struct firewall_host *host, const char *resolvers, bool hook);
/* The text of the host's resolv.conf files: whom the Engine's resolver asks on a task's behalf. The
 * caller's. */
char *firewall_resolvers(void);

#endif
