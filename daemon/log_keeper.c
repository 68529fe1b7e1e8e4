/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One timer that sweeps and one job that moves (see log_keeper.h). The file is opened only where
 * there is one.
 */
#include "daemon/log_keeper.h"

#include "common/log.h"
#include "daemon/disk.h"
#include "daemon/store/log.h"

#include <malloc.h>

#define REST_MS (10 * 1000)
#define SLICE_MS 20     /* between two slices */
#define SLICE_CHUNKS 16 /* two megabytes: some milliseconds */

#define MOVE_PAGES 1000      /* of the write-ahead log: four megabytes */
#define MOVE_ALL_PAGES 65536 /* the thread is starved, so the loop has to wait */

struct log_keeper {
	struct loop *loop;
	struct store *store;
	struct timer *timer;

	struct disk *disk;
	struct disk_job job;
	bool moving;
	bool busy;  /* something was written since it last came to rest */
	int pages;  /* of the write-ahead log; fewer than before: it began anew */
	char *path; /* NULL: nothing has to be moved */
	int moved;  /* of these, by the last job; or a negative errno */
};

static void on_grown(int pages, void *cookie);

/* --- sweeping --- */

static int
sweep(struct log_keeper *k, struct err *e)
{
	struct store *l;
	int r = store_logs(k->store, &l, e);

	return r < 0 ? r : store_log_sweep(l, now_ms(), SLICE_CHUNKS, e);
}

static void
on_time(void *arg)
{
	struct log_keeper *k = arg;
	struct err e = { 0 };
	int r = store_logs_used(k->store) ? sweep(k, &e) : 0;

	if (r < 0)
		log_err(NULL, NULL, "logs: %s", e.text);
	if (r == 0 && k->busy) {
		k->busy = false;
		store_logs_rest(k->store);
		(void)malloc_trim(0); /* batches of a megabyte leave holes behind */
	}
	timer_set(k->timer, r > 0 ? SLICE_MS : REST_MS);
}

/* --- moving --- */

static struct log_keeper *
keeper_of(struct disk_job *j)
{
	return (struct log_keeper *)((char *)j - offsetof(struct log_keeper, job));
}

/* In a thread. */
static void
move(struct disk_job *j)
{
	struct log_keeper *k = keeper_of(j);

	k->moved = store_logs_move(k->path);
}

static void
on_moved(struct disk_job *j)
{
	struct log_keeper *k = keeper_of(j);
	struct err e = { 0 };

	k->moving = false;
	if (k->moved < 0)
		log_err(NULL, NULL, "%s: the write-ahead log cannot be moved", k->path);
	if (k->pages > MOVE_ALL_PAGES && store_logs_move_all(k->store, &e) < 0)
		log_err(NULL, NULL, "logs: %s", e.text);
}

static void
on_grown(int pages, void *cookie)
{
	struct log_keeper *k = cookie;

	k->busy = true;
	if (!k->moving && (pages < k->pages || k->moved < 0))
		k->moved = 0;
	k->pages = pages;
	if (k->moving || k->path == NULL || pages - k->moved < MOVE_PAGES)
		return;
	k->moving = true;
	disk_submit(k->disk, &k->job);
}

/* Waits for a job that has begun, and forgets one that has not. */
static void
on_closing(void *cookie)
{
	struct log_keeper *k = cookie;

	disk_free(k->disk);
	k->disk = disk_new(k->loop);
	k->moving = false;
}

/* --- */

struct log_keeper *
log_keeper_new(struct loop *l, struct store *store)
{
	struct log_keeper *k = xcalloc(1, sizeof(*k));
	const struct store_logs_watch watch = { on_grown, on_closing, k };

	k->loop = l;
	k->store = store;
	k->timer = timer_new(l, on_time, k);
	k->disk = disk_new(l);
	k->job = (struct disk_job){ .work = move, .done = on_moved };
	k->path = store_logs_path(store);
	store_logs_set_watch(store, &watch);
	timer_set(k->timer, REST_MS);
	return k;
}

void
log_keeper_free(struct log_keeper *k)
{
	static const struct store_logs_watch nobody;

	if (k == NULL)
		return;
	disk_free(k->disk);
	store_logs_set_watch(k->store, &nobody);
	timer_free(k->timer);
	free(k->path);
	free(k);
}
