/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One runner per unfinished task, found by the task's id: a shim, the instant runner, or for a
 * moment neither, while a lost shim waits to be replaced. A runner that was released lives on
 * without a name until its process is gone.
 */
#include "daemon/fleet.h"

#include "common/json.h"
#include "common/log.h"
#include "daemon/config.h"
#include "daemon/instant.h"
#include "daemon/shim.h"
#include "daemon/snapshot.h"

#include <errno.h>
#include <search.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/un.h>

#define ADOPTIONS_MAX 3 /* in a row without a snapshot */
#define YOUNG_MS 1000   /* a shim that dies before this age is not replaced at once */

static const int64_t adoption_delay_ms[ADOPTIONS_MAX + 1] = { 0, 200, 800, 0 };

struct runner {
	char id[33]; /* first: compare_ids */
	struct fleet *fleet;
	LIST_ENTRY(runner) entry;
	bool released;
	struct shim *shim;
	struct instant *instant;
	struct timer *lost; /* a shim has gone: on_lost when it fires */
	int64_t spawned_ms; /* monotonic */
	int adoptions;      /* since the last snapshot */
	bool given_up; /* the task was ended for want of a shim; the shim there is, if any, only
			  cleans up */
	char *refusal;
};

struct fleet {
	struct loop *loop;
	const struct config *config;
	struct fleet_callbacks cb;
	void (*on_begun)(const char *task_id, void *cookie);
	void *on_begun_cookie;
	bool (*must_wait)(const struct store_task *t, void *cookie); /* may be NULL */
	void *must_wait_cookie;
	LIST_HEAD(runner_list, runner) runners;
	void *by_id; /* tsearch(3) tree of those that are not released */
	size_t n;
	bool engine_seen;
};

static struct runner *runner_find(const struct fleet *f, const char *id);
static struct runner *runner_new(struct fleet *f, const struct store_task *t);
static void runner_forget(struct runner *r);
static void runner_free(struct runner *r);
static void on_free_due(void *arg);
static int runner_spawn(
    struct runner *r, const struct store_task *t, const Shim__TaskState *last, struct err *e);
static void runner_lost(struct runner *r);
static void on_lost_due(void *arg);
static void runner_fail(
    struct runner *r, const struct store_task *t, const char *reason, bool cleaned_up);
static void runner_give_up(struct runner *r, const struct store_task *t);
static void on_instant_state(const Shim__TaskState *s, void *cookie);
static void on_shim_state(const Shim__TaskState *s, void *cookie);
static void on_shim_end(const char *refusal, void *cookie);
static void on_shim_begun(void *cookie);

/* The stop that the row says was decided; both NULL where none was. */
struct decided_stop {
	struct json_object *doc;
	const char *code;
	const char *reason;
};

static void
decided_stop_done(struct decided_stop *d)
{
	json_object_put(d->doc);
}
#define _cleanup_stop_ _cleanup_(decided_stop_done)

static struct decided_stop
decided_stop(const struct store_task *t)
{
	struct decided_stop d = { NULL, NULL, NULL };

	if (!t->desired_stopped && t->last_status != TASK_STOPPED)
		return d;
	if (json_parse(t->doc, strlen(t->doc), &d.doc, NULL) < 0)
		d.doc = NULL;
	d.code = d.doc != NULL ? json_get_str(d.doc, "stopCode") : NULL;
	d.reason = d.doc != NULL ? json_get_str(d.doc, "stoppedReason") : NULL;
	/* A task that stopped by itself has its own code already; the shim keeps the first one. */
	d.code = d.code != NULL ? d.code : "";
	d.reason = d.reason != NULL ? d.reason : "";
	return d;
}

struct fleet *
fleet_new(struct loop *l, const struct config *config, const struct fleet_callbacks *cb)
{
	struct fleet *f = xcalloc(1, sizeof(*f));

	*f = (struct fleet){ .loop = l, .config = config, .cb = *cb };
	LIST_INIT(&f->runners);
	return f;
}

void
fleet_on_begun(struct fleet *f, void (*fn)(const char *task_id, void *cookie), void *cookie)
{
	f->on_begun = fn;
	f->on_begun_cookie = cookie;
}

void
fleet_free(struct fleet *f)
{
	if (f == NULL)
		return;
	while (!LIST_EMPTY(&f->runners))
		runner_free(LIST_FIRST(&f->runners));
	free(f);
}

static bool
engine_answers(const struct fleet *f)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	_cleanup_close_ int fd = -1;

	if (strlen(f->config->engine_socket) >= sizeof(sa.sun_path))
		return false;
	memcpy(sa.sun_path, f->config->engine_socket, strlen(f->config->engine_socket));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	/* A unix socket takes a connection at once or not at all; a full backlog still is a
	 * listener. */
	return fd >= 0 && (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0 || errno == EAGAIN);
}

enum runner_kind
fleet_runner(struct fleet *f)
{
	if (!f->config->docker_backend)
		return RUNNER_INSTANT;
	if (!f->engine_seen)
		f->engine_seen = engine_answers(f);
	return f->engine_seen ? RUNNER_SHIM : RUNNER_INSTANT;
}

bool
fleet_engine_reachable(struct fleet *f)
{
	return engine_answers(f);
}

size_t
fleet_count(const struct fleet *f)
{
	return f->n;
}

void
fleet_on_start(
    struct fleet *f, bool (*must_wait)(const struct store_task *t, void *cookie), void *cookie)
{
	f->must_wait = must_wait;
	f->must_wait_cookie = cookie;
}

/* Only a task of which nothing is there yet can wait. */
static bool
waits(const struct fleet *f, const struct store_task *t)
{
	return f->must_wait != NULL && t->seq == 0 && !t->desired_stopped &&
	       f->must_wait(t, f->must_wait_cookie);
}

void
fleet_start(struct fleet *f, const struct store_task *t)
{
	struct runner *r = runner_find(f, t->id);
	struct err e = { 0 };

	if (r != NULL || waits(f, t))
		return;
	r = runner_new(f, t);
	if (t->runner == RUNNER_INSTANT) {
		instant_start(r->instant, t);
		return;
	}
	if (runner_spawn(r, t, NULL, &e) < 0) {
		log_err("task", t->id, "unable to start a shim: %s", e.text);
		runner_fail(r, t, e.text, true);
	}
}

void
fleet_stop(struct fleet *f, const struct store_task *t)
{
	struct runner *r = runner_find(f, t->id);
	_cleanup_stop_ struct decided_stop stop = decided_stop(t);

	if (r == NULL)
		fleet_adopt(f, t);
	else if (t->runner == RUNNER_INSTANT)
		instant_stop(r->instant, t, stop.code, stop.reason);
	else if (r->shim != NULL && stop.code != NULL)
		shim_stop(r->shim, stop.code, stop.reason);
	/* else: the adoption that is due takes the stop from the row */
}

void
fleet_adopt(struct fleet *f, const struct store_task *t)
{
	struct runner *r = runner_find(f, t->id);
	Shim__TaskState *last;
	struct err e = { 0 };

	if (r == NULL && waits(f, t))
		return;
	if (r == NULL)
		r = runner_new(f, t);
	else if (r->shim != NULL || r->given_up || t->runner == RUNNER_INSTANT)
		return;
	if (t->runner == RUNNER_INSTANT) {
		_cleanup_stop_ struct decided_stop stop = decided_stop(t);

		instant_adopt(r->instant, t, stop.code, stop.reason);
		return;
	}
	timer_stop(r->lost);
	if (r->refusal != NULL || r->adoptions >= ADOPTIONS_MAX) {
		runner_give_up(r, t);
		return;
	}
	r->adoptions++;
	last = snapshot_of(t);
	if (runner_spawn(r, t, last, &e) < 0) {
		log_err("task", t->id, "unable to start a shim: %s", e.text);
		runner_lost(r);
	}
	snapshot_free(last);
}

void
fleet_firewall(struct fleet *f, const char *task_id, Shim__Firewall *firewall)
{
	struct runner *r = runner_find(f, task_id);

	if (r != NULL && r->shim != NULL)
		shim_firewall(r->shim, firewall);
}

void
fleet_credentials(struct fleet *f, const char *task_id, const struct fleet_credentials *c)
{
	struct runner *r = runner_find(f, task_id);

	if (r != NULL && r->shim != NULL)
		shim_credentials(r->shim, c);
}

void
fleet_release(struct fleet *f, const char *task_id)
{
	struct runner *r = runner_find(f, task_id);

	if (r == NULL)
		return;
	runner_forget(r);
	timer_stop(r->lost);
	if (r->shim != NULL)
		shim_bye(r->shim); /* on_shim_end frees the runner */
	else
		loop_defer(f->loop, on_free_due, r); /* we may be inside one of its callbacks */
}

/* The id is the first member: a key of the tree is a runner or an id. */
static int
compare_ids(const void *a, const void *b)
{
	return strcmp(a, b);
}

static struct runner *
runner_find(const struct fleet *f, const char *id)
{
	struct runner *const *found = tfind(id, &f->by_id, compare_ids);

	return found != NULL ? *found : NULL;
}

static struct runner *
runner_new(struct fleet *f, const struct store_task *t)
{
	struct instant_callbacks cb = { on_instant_state, NULL };
	struct runner *r = xcalloc(1, sizeof(*r));

	memcpy(r->id, t->id, sizeof(r->id));
	r->fleet = f;
	if (t->runner == RUNNER_INSTANT) {
		cb.cookie = r;
		r->instant = instant_new(f->loop, f->config, &cb);
	}
	r->lost = timer_new(f->loop, on_lost_due, r);
	if (tsearch(r, &f->by_id, compare_ids) == NULL)
		abort(); /* memory, as everywhere */
	f->n++;
	LIST_INSERT_HEAD(&f->runners, r, entry);
	return r;
}

/* Takes the name away: nothing that comes from this runner means the task any more. */
static void
runner_forget(struct runner *r)
{
	if (r->released)
		return;
	r->released = true;
	(void)tdelete(r->id, &r->fleet->by_id, compare_ids);
	r->fleet->n--;
}

static void
runner_free(struct runner *r)
{
	runner_forget(r);
	LIST_REMOVE(r, entry);
	shim_free(r->shim);
	instant_free(r->instant);
	timer_free(r->lost);
	free(r->refusal);
	free(r);
}

static void
on_free_due(void *arg)
{
	runner_free(arg);
}

static int
runner_spawn(
    struct runner *r, const struct store_task *t, const Shim__TaskState *last, struct err *e)
{
	const struct shim_callbacks cb = { on_shim_state, on_shim_end, on_shim_begun, r };
	_cleanup_stop_ struct decided_stop stop = decided_stop(t);
	struct shim_order order = { t, last, stop.code, stop.reason };

	/* The row of a task that is just being given up does not know it yet. */
	if (r->given_up && last != NULL) {
		order.stop_code = last->stop_code;
		order.stop_reason = last->stopped_reason;
	}
	r->spawned_ms = monotonic_ms();
	return shim_spawn(r->fleet->loop, r->fleet->config, &order, &cb, &r->shim, e);
}

/* Asks for the adoption by a new shim, later where the last ones did not live long. */
static void
runner_lost(struct runner *r)
{
	int64_t delay = adoption_delay_ms[r->adoptions];

	if (delay == 0 && monotonic_ms() - r->spawned_ms < YOUNG_MS)
		delay = adoption_delay_ms[1];
	timer_set(r->lost, delay);
}

static void
on_lost_due(void *arg)
{
	struct runner *r = arg;

	r->fleet->cb.on_lost(r->id, r->fleet->cb.cookie);
}

/* The task ends without a shim: the instant runner says its last words. */
static void
runner_fail(struct runner *r, const struct store_task *t, const char *reason, bool cleaned_up)
{
	const struct instant_callbacks cb = { on_instant_state, r };

	r->given_up = true;
	r->instant = instant_new(r->fleet->loop, r->fleet->config, &cb);
	instant_fail(r->instant, t, reason, cleaned_up);
}

/* The task ends as TaskFailedToStart; one more shim is to remove what is left of it. Where that
 * fails too, the row stays "not cleaned up", and the next start of the daemon tries again. */
static void
runner_give_up(struct runner *r, const struct store_task *t)
{
	_cleanup_free_ char *reason =
	    r->refusal != NULL
		? xstrdup(r->refusal)
		: xasprintf(
		      "The task's supervisor ended %d times without reporting.", ADOPTIONS_MAX + 1);
	bool untouched = r->refusal != NULL && t->seq == 0 && r->adoptions == 0;
	Shim__TaskState *last;
	struct err e = { 0 };

	log_err("task", r->id, "given up: %s", reason);
	runner_fail(r, t, reason, untouched);
	if (untouched)
		return;
	last = snapshot_of(t);
	last->seq = t->seq;
	snapshot_end(last, "TaskFailedToStart", reason, now_ms());
	if (runner_spawn(r, t, last, &e) < 0)
		log_err("task", r->id, "unable to remove what is left of it: %s", e.text);
	snapshot_free(last);
}

static void
on_instant_state(const Shim__TaskState *s, void *cookie)
{
	struct runner *r = cookie;

	if (r->released)
		return;
	r->fleet->cb.on_state(r->id, s, r->fleet->cb.cookie);
	/* Not even a shim for the cleaning up could be had: nothing is left to wait for. */
	if (r->given_up && r->shim == NULL && !r->released) {
		runner_forget(r);
		loop_defer(r->fleet->loop, on_free_due, r);
	}
}

static void
on_shim_state(const Shim__TaskState *s, void *cookie)
{
	struct runner *r = cookie;

	r->adoptions = 0;
	if (!r->released)
		r->fleet->cb.on_state(r->id, s, r->fleet->cb.cookie);
}

static void
on_shim_begun(void *cookie)
{
	struct runner *r = cookie;

	if (!r->released && r->fleet->on_begun != NULL)
		r->fleet->on_begun(r->id, r->fleet->on_begun_cookie);
}

static void
on_shim_end(const char *refusal, void *cookie)
{
	struct runner *r = cookie;

	if (refusal != NULL && r->refusal == NULL)
		r->refusal = xstrdup(refusal);
	shim_free(TAKE(r->shim));
	if (r->released) {
		runner_free(r);
	} else if (r->given_up) {
		log_err("task", r->id,
		    "what is left of it could not be removed; the next start tries again");
		runner_free(r);
	} else {
		runner_lost(r);
	}
}
