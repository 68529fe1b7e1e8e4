/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the store says about tasks against what runs: gives every unfinished task a runner at start
 * and after a loss, ends all of them when that is wanted, and forgets what is old. main.c owns it
 * and tells it what happened.
 */
#ifndef DAEMON_RECONCILE_TASKS_H
#define DAEMON_RECONCILE_TASKS_H

#include "common/err.h"
#include "common/loop.h"

struct config;
struct store;
struct fleet;
struct reconcile_tasks;

/* All that is passed in outlives it. Never fails. */
struct reconcile_tasks *reconcile_tasks_new(
    struct loop *l, const struct config *config, struct store *store, struct fleet *fleet);
void reconcile_tasks_free(struct reconcile_tasks *r);

/* Has every unfinished task of the store adopted, a few in each turn of the loop. Starts the expiry
 * of old rows. */
void reconcile_tasks_start(struct reconcile_tasks *r);
/* Forgets what is old at `now`, some of it: tasks that stopped and clusters that were deleted an
 * hour ago, client tokens of yesterday. True if there is more. The timer calls it. */
bool reconcile_tasks_expire(struct reconcile_tasks *r, int64_t now);
/* The runner of this task is gone. */
void reconcile_tasks_lost(struct reconcile_tasks *r, const char *task_id);
/* This task is STOPPED and cleaned up. */
void reconcile_tasks_finished(struct reconcile_tasks *r, const char *task_id);

/* Ends every task, and those that start meanwhile. `done` is called once, from a turn of its own:
 * with NULL when no runner is left, with the reason when some are after the longest stopTimeout and
 * a margin. A second call while the first is under way joins it. */
void reconcile_tasks_end_all(struct reconcile_tasks *r, const char *reason,
    void (*done)(const struct err *e, void *cookie), void *cookie);

#endif
