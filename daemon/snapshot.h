/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Snapshots that no shim sends: those of the instant runner, and the last one of a task whose shim
 * cannot be had. Called by instant.c and fleet.c; it must not know processes or the store beyond
 * the row it is given.
 */
#ifndef DAEMON_SNAPSHOT_H
#define DAEMON_SNAPSHOT_H

#include "daemon/store/task.h"
#include "proto/shim.pb-c.h"

/* The last snapshot of the row, or one of a task that has done nothing yet: its containers pending,
 * seq 0. The caller's, snapshot_free. */
Shim__TaskState *snapshot_of(const struct store_task *t);
void snapshot_free(Shim__TaskState *s);

/* Each makes the snapshot the next one (seq + 1). */
/* Everything runs as from now; fixed host ports are bound to `publish_address`. */
void snapshot_run(
    Shim__TaskState *s, const struct store_task *t, const char *publish_address, int64_t now);
/* The task is over. `code` and `reason` are taken where it has none yet. */
void snapshot_end(Shim__TaskState *s, const char *code, const char *reason, int64_t now);

#endif
