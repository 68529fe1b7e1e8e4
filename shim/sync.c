/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Brings a task's memory in line with the Engine: after Start, at Adopt, and each time the Engine
 * was away. The events are subscribed by then, so that nothing that happens meanwhile is lost.
 * Called by task.c.
 */
#include "shim/task.h"
#include "common/log.h"

#define SYNC_AGAIN_MS 500

static void on_list(const struct engine_reply *r, void *arg);
static void on_facts(const struct engine_reply *r, void *arg);
static void sync_end(struct task *t);
static void on_sync_again(void *arg);

void
sync_start(struct task *t)
{
	t->synced = false;
	t->pending = 0;
	for (size_t i = 0; i < t->n; i++)
		t->containers[i].seen = false;
	if (!t->maybe_present || t->state == TASK_STOPPED) {
		sync_end(t);
		return;
	}
	t->pending = 1;
	(void)engine_list(t->engine, on_list, t);
}

static struct container *
find(struct task *t, const char *name)
{
	for (size_t i = 0; i < t->n; i++)
		if (streq(t->containers[i].name, name))
			return &t->containers[i];
	return NULL;
}

/* Ids first: from now on events find their container, also before its inspect is answered. */
static void
on_list(const struct engine_reply *r, void *arg)
{
	struct task *t = arg;
	size_t n =
	    json_object_is_type(r->body, json_type_array) ? json_object_array_length(r->body) : 0;

	t->pending = 0;
	if (r->text != NULL) {
		log_err("task", t->id, "cannot list containers: %s", r->text);
		timer_free(t->sync_timer);
		t->sync_timer = timer_new(t->loop, on_sync_again, t);
		timer_set(t->sync_timer, SYNC_AGAIN_MS);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		struct json_object *o = json_object_array_get_idx(r->body, i);
		const char *id = json_get_str(o, "Id");
		struct container *c = find(t, json_get_str(json_get(o, "Labels"), CONTAINER_LABEL));

		if (c == NULL || id == NULL || c->phase == PHASE_STOPPED)
			continue;
		free(c->id);
		c->id = xstrdup(id);
		c->seen = true;
		t->pending++;
		c->req = engine_inspect(t->engine, id, on_facts, c);
	}
	for (size_t i = 0; i < t->n; i++)
		if (!t->containers[i].seen)
			container_learn(&t->containers[i], NULL);
	if (t->pending == 0)
		sync_end(t);
	task_run(t);
}

static void
on_facts(const struct engine_reply *r, void *arg)
{
	struct container *c = arg;
	struct task *t = c->task;
	struct engine_container facts;

	c->req = NULL;
	if (r->text == NULL && engine_container_read(r->body, &facts) == 0)
		container_learn(c, &facts);
	else if (r->status == 404)
		container_learn(c, NULL);
	else
		log_err("task", t->id, "cannot inspect container %s: %s", c->name, r->text);
	if (--t->pending == 0)
		sync_end(t);
	task_run(t);
}

static void
on_sync_again(void *arg)
{
	sync_start(arg);
	task_run(arg);
}

static void
sync_end(struct task *t)
{
	t->synced = true;
	awslogs_on_engine_up(t);
	task_post(t, EV_BEGIN);
}
