/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keeper of CloudWatch Logs' file: now and then it takes away what was deleted and what has
 * outlived its retention, a slice at a time so that requests are answered in between; and it has a
 * thread move what was written from the write-ahead log into the file. main.c makes it.
 */
#ifndef DAEMON_LOG_KEEPER_H
#define DAEMON_LOG_KEEPER_H

#include "common/loop.h"

struct log_keeper;
struct store;

/* Works from then on; both arguments outlive it. The caller owns it. */
struct log_keeper *log_keeper_new(struct loop *l, struct store *store);
/* NULL is legal. */
void log_keeper_free(struct log_keeper *k);

#endif
