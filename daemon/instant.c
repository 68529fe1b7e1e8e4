/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Moves a task by made-up snapshots. It keeps one only until it is delivered: afterwards the row
 * has it, so that a hundred thousand tasks that "run" cost next to nothing.
 */
#include "daemon/instant.h"

#include "daemon/config.h"
#include "daemon/snapshot.h"

struct instant {
	const struct config *config;
	struct instant_callbacks cb;
	struct timer *turn;
	Shim__TaskState *next; /* to be delivered */
	uint64_t seq;          /* of the newest one ever made */
};

static Shim__TaskState *newest(struct instant *i, const struct store_task *t);
static void deliver(struct instant *i, Shim__TaskState *s);
static void on_turn(void *arg);

struct instant *
instant_new(struct loop *l, const struct config *config, const struct instant_callbacks *cb)
{
	struct instant *i = xcalloc(1, sizeof(*i));

	*i = (struct instant){ .config = config, .cb = *cb };
	i->turn = timer_new(l, on_turn, i);
	return i;
}

void
instant_free(struct instant *i)
{
	if (i == NULL)
		return;
	timer_free(i->turn);
	snapshot_free(i->next);
	free(i);
}

void
instant_start(struct instant *i, const struct store_task *t)
{
	Shim__TaskState *s = newest(i, t);

	snapshot_run(s, t, i->config->publish_address, now_ms());
	deliver(i, s);
}

void
instant_adopt(
    struct instant *i, const struct store_task *t, const char *stop_code, const char *stop_reason)
{
	if (stop_code != NULL || t->last_status == TASK_STOPPED)
		instant_stop(i, t, stop_code, stop_reason);
	else if (t->last_status < TASK_RUNNING)
		instant_start(i, t);
}

void
instant_stop(struct instant *i, const struct store_task *t, const char *code, const char *reason)
{
	Shim__TaskState *s = newest(i, t);

	snapshot_end(s, code != NULL ? code : "", reason != NULL ? reason : "", now_ms());
	s->cleaned_up = true;
	deliver(i, s);
}

void
instant_fail(struct instant *i, const struct store_task *t, const char *reason, bool cleaned_up)
{
	Shim__TaskState *s = newest(i, t);

	snapshot_end(s, "TaskFailedToStart", reason, now_ms());
	s->cleaned_up = cleaned_up;
	deliver(i, s);
}

/* What the next snapshot is made from: one that still waits is newer than the row. */
static Shim__TaskState *
newest(struct instant *i, const struct store_task *t)
{
	Shim__TaskState *s = i->next != NULL ? TAKE(i->next) : snapshot_of(t);

	if (s->seq < t->seq)
		s->seq = t->seq;
	if (s->seq < i->seq)
		s->seq = i->seq;
	return s;
}

static void
deliver(struct instant *i, Shim__TaskState *s)
{
	i->seq = s->seq;
	i->next = s;
	timer_set(i->turn, 0);
}

static void
on_turn(void *arg)
{
	struct instant *i = arg;
	Shim__TaskState *s = TAKE(i->next);

	/* The owner may free `i` in here. */
	i->cb.on_state(s, i->cb.cookie);
	snapshot_free(s);
}
