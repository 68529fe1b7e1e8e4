/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The NAT rules that lead 169.254.170.2 to the shim's listeners inside a task's namespace, and how
 * rules get there: one iptables-restore, which touches no others. Called by net.c, on a thread that
 * is in the namespace.
 */
#ifndef SHIM_NAT_H
#define SHIM_NAT_H

#include "common/err.h"

#define NAT_ADDRESS "169.254.170.2"

struct nat_rule {
	uint16_t from; /* port of NAT_ADDRESS */
	uint16_t to;   /* port of 127.0.0.1 */
};

/* The input of iptables-restore --noflush; the caller's. */
char *nat_text(const struct nat_rule *rules, size_t n);
/* Gives the namespace of the calling thread the rules of `text`, all of a table or none. */
int nat_restore(const char *text, struct err *e);
/* True if the last of them is there: they come all together. */
bool nat_is_there(const struct nat_rule *rules, size_t n);

#endif
