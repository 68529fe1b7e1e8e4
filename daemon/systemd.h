/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What systemd is told: readiness, a status line with counts, signs of life, and log lines with
 * journal fields. main.c owns it; without systemd nothing of it happens. It must not know what
 * runs.
 */
#ifndef DAEMON_SYSTEMD_H
#define DAEMON_SYSTEMD_H

#include "common/loop.h"

struct systemd;

struct systemd_callbacks {
	/* Writes the status line ("3 tasks; the Engine answers") without a newline. */
	void (*status)(char *buf, size_t size, void *cookie);
	/* The name of a task's cluster: true if there is one. */
	bool (*cluster_of)(const char *task_id, char *buf, size_t size, void *cookie);
	void *cookie;
};

/* Log lines go to the journal from here on where standard error is the journal's: those that begin
 * with "task=" get the fields TASK= and CLUSTER=, those of a shim SHIM= as well. Signs of life are
 * given as often as $WATCHDOG_USEC asks for. Never fails. */
struct systemd *systemd_new(struct loop *l, const struct systemd_callbacks *cb);
void systemd_free(struct systemd *s);

/* READY=1 with the first status line. */
void systemd_ready(struct systemd *s);
/* The status line may have changed: it is told within a second. */
void systemd_changed(struct systemd *s);
/* STOPPING=1. */
void systemd_stopping(struct systemd *s);
/* RELOADING=1: the next READY=1 comes from the program that takes this one's place. */
void systemd_reloading(struct systemd *s);

#endif
