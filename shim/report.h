/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The task as a snapshot for the daemon, and back: what Adopt carries. With main.c the only place
 * in the shim that knows protobuf.
 */
#ifndef SHIM_REPORT_H
#define SHIM_REPORT_H

#include "common/link.h"
#include "shim/task.h"

/* Sends the whole state. */
void report_send(const struct task *t, struct link *l);
/* Takes over what the store had; times, ids, codes, seq. */
void report_restore(struct task *t, const Shim__TaskState *last);

#endif
