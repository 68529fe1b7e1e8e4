/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One timer (see log_keeper.h). It opens the file only where there is one.
 */
#include "daemon/log_keeper.h"

#include "common/log.h"
#include "daemon/store/log.h"

#define REST_MS (10 * 1000)
#define SLICE_MS 20     /* between two slices */
#define SLICE_CHUNKS 16 /* two megabytes: some milliseconds */

struct log_keeper {
	struct store *store;
	struct timer *timer;
};

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
	timer_set(k->timer, r > 0 ? SLICE_MS : REST_MS);
}

struct log_keeper *
log_keeper_new(struct loop *l, struct store *store)
{
	struct log_keeper *k = xcalloc(1, sizeof(*k));

	k->store = store;
	k->timer = timer_new(l, on_time, k);
	timer_set(k->timer, REST_MS);
	return k;
}

void
log_keeper_free(struct log_keeper *k)
{
	if (k == NULL)
		return;
	timer_free(k->timer);
	free(k);
}
