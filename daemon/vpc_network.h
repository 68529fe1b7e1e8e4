/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Docker networks of VPCs: makes the Engine agree with the store's rows of vpc_network, and
 * holds tasks back until the network that they join is there. main.c owns it and tells it when the
 * rows may have changed.
 */
#ifndef DAEMON_VPC_NETWORK_H
#define DAEMON_VPC_NETWORK_H

#include "common/loop.h"
#include "daemon/store/task.h"

struct config;
struct store;
struct vpc_networks;

struct vpc_networks_callbacks {
	/* This task was held back, and its network is there now, or the Engine refuses to make it.
	 */
	void (*on_go)(const char *task_id, void *cookie);
	void *cookie;
};

/* All that is passed in outlives it. Never fails. */
struct vpc_networks *vpc_networks_new(struct loop *l, const struct config *config,
    struct store *store, const struct vpc_networks_callbacks *cb);
void vpc_networks_free(struct vpc_networks *v);

/* Looks at rows and Engine, now or as soon as the Engine answers: what is missing is made, what has
 * no row any more is removed. Safe to call at any time; at start it is what makes them agree again.
 */
void vpc_networks_look(struct vpc_networks *v);
/* True if the task has to wait for its network: on_go follows. */
bool vpc_networks_hold(struct vpc_networks *v, const struct store_task *t);

/* Removes every network of this daemon and forgets the rows (a clean stop). `done` is called once,
 * from a turn of its own; with the reason where some are left. */
void vpc_networks_end_all(
    struct vpc_networks *v, void (*done)(const struct err *e, void *cookie), void *cookie);

#endif
