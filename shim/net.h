/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the network namespaces of a task get, and when: the listeners of endpoint and proxy inside,
 * a route to 169.254.170.2 where there is none, the NAT rules that lead there, and the firewall of
 * the task. Each namespace is prepared once, whoever of its containers comes first, on a thread of
 * its own: the shim never leaves its own namespace. Of the host nothing is changed; there it is a
 * listener with a token.
 */
#ifndef SHIM_NET_H
#define SHIM_NET_H

#include "common/err.h"
#include "common/loop.h"

struct endpoint;
struct proxy;
struct net;

/* e is NULL where it worked. Called once, also from inside net_prepare. */
typedef void net_done_fn(const struct err *e, void *arg);

/* For `users` containers; endpoint and proxy outlive it. */
struct net *net_new(
    struct loop *l, const char *name, size_t users, struct endpoint *endpoint, struct proxy *proxy);
/* Closes all listeners; waits for a preparation under way. NULL is legal. */
void net_free(struct net *n);

/* The filter table's part of what namespaces get from now on; those that are there get it soon.
 * `first` is for a namespace that had none, `again` for one that had another. */
void net_set_filter(struct net *n, const char *first, const char *again);
/* Prepares the namespace of process `pid` for a container. Its earlier namespace, and an earlier
 * call that waits, are forgotten. `found` says that it may have been prepared by an earlier shim;
 * where another call waits already, it is this one that is forgotten. */
void net_prepare(struct net *n, size_t user, pid_t pid, bool found, net_done_fn *done, void *arg);
/* The container is no more. The last one of a namespace closes its listeners. */
void net_leave(struct net *n, size_t user);

/* Listens on the host's loopback, on the port that `directory` remembers from before, and returns
 * it with the token; *ret_token is the caller's. */
int net_open_host(
    struct net *n, const char *directory, uint16_t *ret_port, char **ret_token, struct err *e);
/* Removes what net_open_host left in the directory. */
void net_forget_host(const char *directory);

#endif
