/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The only room with libnl in it (see nl.h).
 */
#include "shim/nl.h"

#include <errno.h>
#include <net/if.h>
#include <netlink/netlink.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>

static int
fail(int r, const char *what, struct err *e)
{
	return err_set(e, ERR_SERVER, "%s: %s", what, nl_geterror(r));
}

static int
bring_up(struct nl_sock *sk, struct rtnl_link *lo, struct err *e)
{
	struct rtnl_link *change;
	int r;

	if ((rtnl_link_get_flags(lo) & IFF_UP) != 0)
		return 0;
	change = rtnl_link_alloc();
	if (change == NULL)
		return err_set_errno(e, ENOMEM, "lo");
	rtnl_link_set_flags(change, IFF_UP);
	r = rtnl_link_change(sk, lo, change, 0);
	rtnl_link_put(change);
	return r < 0 ? fail(r, "cannot bring lo up", e) : 0;
}

static int
add_address(struct nl_sock *sk, struct rtnl_link *lo, const char *text, struct err *e)
{
	struct rtnl_addr *address = rtnl_addr_alloc();
	struct nl_addr *local = NULL;
	int r = address == NULL ? -NLE_NOMEM : nl_addr_parse(text, AF_INET, &local);

	if (r >= 0)
		r = rtnl_addr_set_local(address, local);
	if (r >= 0) {
		rtnl_addr_set_ifindex(address, rtnl_link_get_ifindex(lo));
		rtnl_addr_set_scope(address, RT_SCOPE_HOST);
		r = rtnl_addr_add(sk, address, 0);
	}
	nl_addr_put(local);
	rtnl_addr_put(address);
	return r < 0 && r != -NLE_EXIST ? fail(r, "cannot add an address to lo", e) : 0;
}

int
nl_loopback(const char *address, struct err *e)
{
	struct nl_sock *sk = nl_socket_alloc();
	struct rtnl_link *lo = NULL;
	int r;

	if (sk == NULL)
		return err_set_errno(e, ENOMEM, "netlink");
	r = nl_connect(sk, NETLINK_ROUTE);
	if (r >= 0)
		r = rtnl_link_get_kernel(sk, 0, "lo", &lo);
	if (r < 0) {
		r = fail(r, "cannot look at lo", e);
	} else {
		r = bring_up(sk, lo, e);
		if (r == 0 && address != NULL)
			r = add_address(sk, lo, address, e);
	}
	rtnl_link_put(lo);
	nl_socket_free(sk);
	return r;
}
