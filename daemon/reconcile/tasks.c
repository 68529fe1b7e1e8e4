/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recovery is one path: rows that are not cleaned up are adopted, whether the daemon, the machine
 * or one shim went down. Called by main.c; it must not know what a runner does with a task.
 */
#include "daemon/reconcile/tasks.h"

#include "common/log.h"
#include "common/taskdef.h"
#include "daemon/config.h"
#include "daemon/events.h"
#include "daemon/fleet.h"
#include "daemon/store/capacity_provider.h"
#include "daemon/store/client_token.h"
#include "daemon/store/cluster.h"
#include "daemon/store/parameter.h"
#include "daemon/store/secret.h"
#include "daemon/store/service.h"

#include <string.h>

#define ADOPT_BATCH 8 /* shims spawned in one turn: requests are answered between two */
#define ADOPT_PAUSE_MS 2
#define EXPIRY_EVERY_MS (60 * 1000)
#define EXPIRY_BATCH 100 /* tasks forgotten in one turn */
#define EXPIRY_PAUSE_MS 2
#define KEEP_STOPPED_MS (60 * 60 * 1000)    /* tasks and clusters: ECS shows them for an hour */
#define KEEP_TOKEN_MS (24 * 60 * 60 * 1000) /* RunTask.clientToken */
#define END_TICK_MS 100
#define END_MARGIN_MS (20 * 1000)
#define STOP_TIMEOUT_DEFAULT_S 30 /* ContainerDefinition.stopTimeout */
#define STOP_TIMEOUT_MAX_S 3600   /* what is waited for, not what is allowed */

/* Ids are collected first: nothing is done to tasks from inside a walk over their rows. */
struct id_list {
	size_t n;
	char (*v)[33];
	int64_t longest_stop_ms;
};

struct reconcile_tasks {
	struct loop *loop;
	const struct config *config;
	struct store *store;
	struct fleet *fleet;
	struct timer *adopt;
	struct id_list to_adopt;
	size_t adopted;
	struct timer *expiry;

	struct timer *end_tick; /* pending while an end_all is under way */
	char *end_reason;
	int64_t end_deadline_ms; /* monotonic */
	struct end_waiter *end_waiters;
	size_t n_end_waiters;
};

struct end_waiter {
	void (*done)(const struct err *e, void *cookie);
	void *cookie;
};

static void on_adopt(void *arg);
static void on_expiry(void *arg);
static void on_end_tick(void *arg);
static int collect(const struct store_task *t, void *arg);
static int64_t stop_ms(const struct store_task *t);

static void
task_done(struct store_task *t)
{
	store_task_done(t);
}
#define _cleanup_task_ _cleanup_(task_done)

struct reconcile_tasks *
reconcile_tasks_new(
    struct loop *l, const struct config *config, struct store *store, struct fleet *fleet)
{
	struct reconcile_tasks *r = xcalloc(1, sizeof(*r));

	*r =
	    (struct reconcile_tasks){ .loop = l, .config = config, .store = store, .fleet = fleet };
	r->adopt = timer_new(l, on_adopt, r);
	r->expiry = timer_new(l, on_expiry, r);
	r->end_tick = timer_new(l, on_end_tick, r);
	return r;
}

void
reconcile_tasks_free(struct reconcile_tasks *r)
{
	if (r == NULL)
		return;
	timer_free(r->adopt);
	timer_free(r->expiry);
	timer_free(r->end_tick);
	free(r->to_adopt.v);
	free(r->end_reason);
	free(r->end_waiters);
	free(r);
}

void
reconcile_tasks_start(struct reconcile_tasks *r)
{
	struct err e = { 0 };

	if (store_task_unfinished(r->store, collect, &r->to_adopt, &e) < 0)
		log_err(NULL, NULL, "unfinished tasks cannot be read: %s", e.text);
	if (r->to_adopt.n > 0) {
		log_info(NULL, NULL, "%zu unfinished tasks to adopt", r->to_adopt.n);
		timer_set(r->adopt, 0);
	}
	timer_set(r->expiry, 0); /* much may have become old while nothing ran */
}

static int
collect(const struct store_task *t, void *arg)
{
	struct id_list *list = arg;
	int64_t ms = stop_ms(t);

	if ((list->n & (list->n - 1)) == 0) /* 0 or a power of two: full */
		list->v = xrealloc(list->v, list->n == 0 ? 1 : 2 * list->n, sizeof(*list->v));
	memcpy(list->v[list->n++], t->id, sizeof(t->id));
	if (ms > list->longest_stop_ms)
		list->longest_stop_ms = ms;
	return 0;
}

/* Containers that depend on each other stop one after the other, each with its own stopTimeout. */
static int64_t
stop_ms(const struct store_task *t)
{
	_cleanup_arena_ struct arena arena = { 0 };
	_cleanup_json_ struct json_object *tree = NULL;
	Shim__TaskSpec *spec;
	struct task_def td;
	int64_t sum_s = 0;
	struct err e;
	int parsed;

	if (t->runner == RUNNER_INSTANT)
		return 0;
	spec = shim__task_spec__unpack(NULL, t->spec_len, t->spec);
	if (spec == NULL)
		return 0;
	parsed =
	    task_def_parse(arena_strdup(&arena, spec->definition_json), &arena, &tree, &td, &e);
	shim__task_spec__free_unpacked(spec, NULL);
	if (parsed < 0)
		return 0;
	for (size_t i = 0; i < td.containers.n && sum_s < STOP_TIMEOUT_MAX_S; i++)
		sum_s += td.containers.v[i].stop_timeout.set ? td.containers.v[i].stop_timeout.v
							     : STOP_TIMEOUT_DEFAULT_S;
	return 1000 * (sum_s < STOP_TIMEOUT_MAX_S ? sum_s : STOP_TIMEOUT_MAX_S);
}

static void
adopt_one(struct reconcile_tasks *r, const char *id)
{
	_cleanup_task_ struct store_task t = { 0 };
	struct err e = { 0 };
	int found = store_task_get(r->store, id, &t, &e);

	if (found < 0)
		log_err("task", id, "not adopted: %s", e.text);
	if (found <= 0 || t.cleaned_up) {
		fleet_release(r->fleet, id);
		return;
	}
	/* ECS_DOCKER_BACKEND=0 asks for no new containers; those that an earlier run made are still
	 * looked after. */
	if (t.runner == RUNNER_SHIM && !r->config->docker_backend &&
	    !fleet_engine_reachable(r->fleet)) {
		log_warn("task", id, "left as it is: it has containers, and there is no Engine");
		return;
	}
	fleet_adopt(r->fleet, &t);
}

static void
on_adopt(void *arg)
{
	struct reconcile_tasks *r = arg;

	for (int i = 0; i < ADOPT_BATCH && r->adopted < r->to_adopt.n; i++)
		adopt_one(r, r->to_adopt.v[r->adopted++]);
	if (r->adopted < r->to_adopt.n)
		timer_set(r->adopt, ADOPT_PAUSE_MS);
	else
		free(TAKE(r->to_adopt.v));
}

void
reconcile_tasks_lost(struct reconcile_tasks *r, const char *task_id)
{
	adopt_one(r, task_id);
}

void
reconcile_tasks_finished(struct reconcile_tasks *r, const char *task_id)
{
	fleet_release(r->fleet, task_id);
	if (timer_pending(r->end_tick) && fleet_count(r->fleet) == 0)
		timer_set(r->end_tick, 0);
}

bool
reconcile_tasks_expire(struct reconcile_tasks *r, int64_t now)
{
	struct err e = { 0 };
	int n = store_begin(r->store, &e);

	if (n == 0) {
		n = store_task_expire(r->store, now - KEEP_STOPPED_MS, EXPIRY_BATCH, &e);
		if (n < 0 || store_cluster_expire(r->store, now - KEEP_STOPPED_MS, &e) < 0 ||
		    store_capacity_provider_expire(r->store, now - KEEP_STOPPED_MS, &e) < 0 ||
		    store_service_expire(r->store, now - KEEP_STOPPED_MS, EXPIRY_BATCH, &e) < 0 ||
		    store_client_token_expire(r->store, now - KEEP_TOKEN_MS, &e) < 0 ||
		    store_parameter_expire(r->store, now, &e) < 0 ||
		    store_secret_expire(r->store, now, &e) < 0 || store_commit(r->store, &e) < 0) {
			store_rollback(r->store);
			n = -1;
		}
	}
	if (n < 0)
		log_err(NULL, NULL, "old rows cannot be removed: %s", e.text);
	return n == EXPIRY_BATCH;
}

static void
on_expiry(void *arg)
{
	struct reconcile_tasks *r = arg;
	bool more = reconcile_tasks_expire(r, now_ms());

	timer_set(r->expiry, more ? EXPIRY_PAUSE_MS : EXPIRY_EVERY_MS);
}

static void
end_one(struct reconcile_tasks *r, const char *id)
{
	_cleanup_task_ struct store_task t = { 0 };
	struct err e = { 0 };

	if (store_task_get(r->store, id, &t, &e) != 1 || t.desired_stopped)
		return;
	if (store_begin(r->store, &e) < 0)
		goto fail;
	if (events_stop(r->store, &t, "UserInitiated", r->end_reason, &e) < 0 ||
	    store_commit(r->store, &e) < 0) {
		store_rollback(r->store);
		goto fail;
	}
	fleet_stop(r->fleet, &t);
	return;
fail:
	log_err("task", id, "cannot be stopped: %s", e.text);
}

/* Stops what does not stop yet; true if nothing is left. Tasks that the fleet has given up are not
 * waited for, those that are still to be adopted are. */
static bool
end_round(struct reconcile_tasks *r, int64_t *ret_longest_stop_ms)
{
	struct id_list ids = { 0 };
	struct err e = { 0 };

	if (store_task_unfinished(r->store, collect, &ids, &e) < 0)
		log_err(NULL, NULL, "unfinished tasks cannot be read: %s", e.text);
	for (size_t i = 0; i < ids.n; i++)
		end_one(r, ids.v[i]);
	free(ids.v);
	*ret_longest_stop_ms = ids.longest_stop_ms;
	return fleet_count(r->fleet) == 0 && r->adopted == r->to_adopt.n;
}

void
reconcile_tasks_end_all(struct reconcile_tasks *r, const char *reason,
    void (*done)(const struct err *e, void *cookie), void *cookie)
{
	int64_t longest;

	r->end_waiters = xrealloc(r->end_waiters, r->n_end_waiters + 1, sizeof(*r->end_waiters));
	r->end_waiters[r->n_end_waiters++] = (struct end_waiter){ done, cookie };
	if (r->n_end_waiters > 1)
		return;
	free(r->end_reason);
	r->end_reason = xstrdup(reason);
	(void)end_round(r, &longest); /* the tick looks at the result */
	r->end_deadline_ms = monotonic_ms() + longest + END_MARGIN_MS;
	timer_set(r->end_tick, 0);
}

static void
tell_end_waiters(struct reconcile_tasks *r, const struct err *e)
{
	_cleanup_free_ struct end_waiter *waiters = TAKE(r->end_waiters);
	size_t n = r->n_end_waiters;

	r->n_end_waiters = 0; /* a waiter may ask anew */
	for (size_t i = 0; i < n; i++)
		waiters[i].done(e, waiters[i].cookie);
}

static void
on_end_tick(void *arg)
{
	struct reconcile_tasks *r = arg;
	int64_t longest;
	struct err e;

	if (end_round(r, &longest)) {
		tell_end_waiters(r, NULL);
	} else if (monotonic_ms() >= r->end_deadline_ms) {
		(void)err_set(
		    &e, ERR_SERVER, "%zu tasks have not ended in time", fleet_count(r->fleet));
		tell_end_waiters(r, &e);
	} else {
		timer_set(r->end_tick, END_TICK_MS);
	}
}
