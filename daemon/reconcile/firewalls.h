/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the security groups of running tasks let through against what their shims were told: each
 * shim hears of a change of rules or members soon after it was committed. main.c owns it and tells
 * it what happened.
 */
#ifndef DAEMON_RECONCILE_FIREWALLS_H
#define DAEMON_RECONCILE_FIREWALLS_H

#include "common/loop.h"

struct fleet;
struct store;
struct firewalls;

/* Both outlive it. Never fails. */
struct firewalls *firewalls_new(struct loop *l, struct store *store, struct fleet *fleet);
void firewalls_free(struct firewalls *f);

/* A shim has been told of this task. */
void firewalls_begin(struct firewalls *f, const char *task_id);
/* The task is over; its address is no member of any group any more. */
void firewalls_end(struct firewalls *f, const char *task_id);
/* Rules or members may have changed: everybody is looked at, once for any number of calls in one
 * turn. */
void firewalls_look(struct firewalls *f);

#endif
