/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Work that may wait for a disk, done beside the loop: a few threads that begin when there is work
 * and end when there has been none for a while. Called by S3. It must not know what the work is.
 */
#ifndef DAEMON_DISK_H
#define DAEMON_DISK_H

#include "common/loop.h"

#include <sys/queue.h>

struct disk;

/* Part of its owner's struct, which must live until `done`. While `work` runs, what it touches is
 * the thread's alone: no store, no log, no event of the loop. */
struct disk_job {
	void (*work)(struct disk_job *j);
	void (*done)(struct disk_job *j); /* from the loop, once, unless disk_free came first */
	STAILQ_ENTRY(disk_job) next;
};

struct disk *disk_new(struct loop *l);
/* Waits for the work that has begun. What has not is forgotten, and `done` is called for none. */
void disk_free(struct disk *d);
void disk_submit(struct disk *d, struct disk_job *j);
/* Jobs whose `done` is yet to come. */
size_t disk_pending(const struct disk *d);

#endif
