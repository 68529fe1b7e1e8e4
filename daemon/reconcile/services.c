/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A queue of services that want a look, and those that want one later, each with a timer of its
 * own. Whoever is in neither is not in memory. It must not know what a look does.
 */
#include "daemon/reconcile/services.h"

#include "common/log.h"
#include "daemon/reconcile/service_look.h"
#include "daemon/store/service.h"
#include "daemon/store/service_task.h"

#include <search.h>
#include <stdio.h>
#include <string.h>
#include <sys/queue.h>

#define LOOK_BATCH 16 /* services in one turn: requests are answered between two */
#define LOOK_BATCH_MS 5

struct watched {
	struct reconcile_services *all;
	TAILQ_ENTRY(watched) next;
	bool queued;
	struct timer *wake; /* NULL: none was ever needed */
	struct scope scope;
	char cluster[256];
	char service[256];
};
TAILQ_HEAD(watched_list, watched);

struct reconcile_services {
	struct loop *loop;
	struct store *store;
	struct api *api;
	struct timer *turn;
	struct watched_list queue;
	void *tree; /* of tsearch, by scope and names */
	bool paused;
};

static void on_turn(void *arg);
static void on_wake(void *arg);

struct reconcile_services *
reconcile_services_new(struct loop *l, struct store *store, struct api *api)
{
	struct reconcile_services *r = xcalloc(1, sizeof(*r));

	r->loop = l;
	r->store = store;
	r->api = api;
	r->turn = timer_new(l, on_turn, r);
	TAILQ_INIT(&r->queue);
	return r;
}

static void
watched_free(void *p)
{
	struct watched *w = p;

	timer_free(w->wake);
	free(w);
}

static void
forget_all(struct reconcile_services *r)
{
	timer_stop(r->turn);
	TAILQ_INIT(&r->queue);
	tdestroy(r->tree, watched_free);
	r->tree = NULL;
}

void
reconcile_services_free(struct reconcile_services *r)
{
	if (r == NULL)
		return;
	forget_all(r);
	timer_free(r->turn);
	free(r);
}

/* --- who is watched --- */

static int
compare(const void *a, const void *b)
{
	const struct watched *x = a, *y = b;
	int r = strcmp(x->service, y->service);

	if (r == 0)
		r = strcmp(x->cluster, y->cluster);
	if (r == 0)
		r = strcmp(x->scope.region, y->scope.region);
	return r != 0 ? r : strcmp(x->scope.account, y->scope.account);
}

static struct watched *
watch(
    struct reconcile_services *r, const struct scope *sc, const char *cluster, const char *service)
{
	struct watched *w = xcalloc(1, sizeof(*w)), **found;

	w->all = r;
	w->scope = *sc;
	(void)snprintf(w->cluster, sizeof(w->cluster), "%s", cluster);
	(void)snprintf(w->service, sizeof(w->service), "%s", service);
	found = tsearch(w, &r->tree, compare);
	if (found == NULL)
		abort();
	if (*found != w)
		free(w);
	return *found;
}

static void
queue(struct watched *w)
{
	if (w->queued)
		return;
	w->queued = true;
	TAILQ_INSERT_TAIL(&w->all->queue, w, next);
	if (!timer_pending(w->all->turn))
		timer_set(w->all->turn, 0);
}

void
reconcile_services_look(
    struct reconcile_services *r, const struct scope *sc, const char *cluster, const char *service)
{
	if (!r->paused)
		queue(watch(r, sc, cluster, service));
}

void
reconcile_services_task(struct reconcile_services *r, const char *task_id)
{
	char cluster[256], service[256];
	struct scope scope;
	struct err e = { 0 };
	int found = store_service_task_owner(r->store, task_id, &scope, cluster, service, &e);

	if (found > 0)
		reconcile_services_look(r, &scope, cluster, service);
	else if (found < 0)
		log_err("task", task_id, "its service cannot be found: %s", e.text);
}

static int
look_at_start(const struct store_service *v, void *arg)
{
	reconcile_services_look(arg, &v->scope, v->cluster, v->name);
	return 0;
}

void
reconcile_services_start(struct reconcile_services *r)
{
	struct err e = { 0 };

	r->paused = false;
	if (store_service_live(r->store, look_at_start, r, &e) < 0)
		log_err(NULL, NULL, "services cannot be read: %s", e.text);
}

void
reconcile_services_pause(struct reconcile_services *r)
{
	r->paused = true;
	forget_all(r);
}

/* --- looking --- */

/* A wish of the look itself comes back through reconcile_services_look: then it is queued again. */
static void
look_at(struct reconcile_services *r, struct watched *w)
{
	struct service_look look;

	TAILQ_REMOVE(&r->queue, w, next);
	w->queued = false;
	timer_free(TAKE(w->wake));
	service_look(r->api, &w->scope, w->cluster, w->service, &look);
	if (look.changed)
		api_service_changed(r->api);
	if (look.again)
		queue(w);
	if (look.wake_at_ms > 0) {
		int64_t in_ms = look.wake_at_ms - now_ms();

		w->wake = timer_new(r->loop, on_wake, w);
		timer_set(w->wake, in_ms > 0 ? in_ms : 0);
	}
	if (w->queued || w->wake != NULL)
		return;
	(void)tdelete(w, &r->tree, compare);
	watched_free(w);
}

static void
on_turn(void *arg)
{
	struct reconcile_services *r = arg;
	int64_t until = monotonic_ms() + LOOK_BATCH_MS;
	struct watched *w;

	for (int i = 0; i < LOOK_BATCH && monotonic_ms() <= until; i++) {
		w = TAILQ_FIRST(&r->queue);
		if (w == NULL)
			return;
		look_at(r, w);
	}
	if (!TAILQ_EMPTY(&r->queue))
		timer_set(r->turn, 0);
}

static void
on_wake(void *arg)
{
	queue(arg);
}
