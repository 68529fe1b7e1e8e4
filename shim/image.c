/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The image of a container: looked at, pulled where it is absent, looked at again. Called by
 * container.c; the pull itself is pull.c's.
 */
#include "shim/task.h"

#include <stddef.h>
#include <string.h>

static void on_image(const struct engine_reply *r, void *arg);
static void image_pull(struct container *c);
static void on_pulled(const char *error, const char *text, void *arg);

/* Task.pullStartedAt is the first pull's beginning. */
static void
stamp_begin(struct container *c)
{
	struct task_times *at = &c->task->times;

	if (!c->plan->sandbox && at->pull_started == 0)
		at->pull_started = now_ms();
}

/* Task.pullStoppedAt is the last pull's end. One in vain is the last; Fargate then tells of no pull
 * at all. */
static void
stamp_end(struct container *c, bool in_vain)
{
	const struct task *t = c->task;
	struct task_times *at = &c->task->times;
	bool last = true;

	if (c->plan->sandbox)
		return;
	for (size_t i = 0; i < t->plan.n_defined; i++)
		last = last && (i == c->index || t->containers[i].phase > PHASE_FETCHING);
	if (last || in_vain)
		at->pull_stopped = now_ms();
	if (in_vain && t->plan.fargate)
		at->pull_started = at->pull_stopped = 0;
	task_touch(c->task);
}

void
image_fetch(struct container *c)
{
	stamp_begin(c);
	container_set_phase(c, PHASE_FETCHING);
	c->req = engine_image(c->task->engine, c->plan->def->image, on_image, c);
}

static struct str_list
copy_strings(struct container *c, struct json_object *list)
{
	struct str_list out = { 0 };

	if (!json_object_is_type(list, json_type_array))
		return out;
	out.set = true;
	out.v = arena_alloc(&c->image_arena, (json_object_array_length(list) + 1) * sizeof(*out.v));
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		const char *s = json_object_get_string(json_object_array_get_idx(list, i));

		out.v[out.n++] = arena_strdup(&c->image_arena, s != NULL ? s : "");
	}
	return out;
}

/* The digest under which this repository knows the image; images that were never in a registry have
 * none. */
static void
set_digest(struct container *c, struct json_object *digests)
{
	_cleanup_free_ char *repo = NULL;
	_cleanup_free_ char *tag = NULL;
	const char *found = NULL;
	size_t n =
	    json_object_is_type(digests, json_type_array) ? json_object_array_length(digests) : 0;

	engine_ref_split(c->plan->def->image, &repo, &tag);
	for (size_t i = 0; i < n; i++) {
		const char *s = json_object_get_string(json_object_array_get_idx(digests, i));
		const char *at = s != NULL ? strchr(s, '@') : NULL;

		if (at == NULL)
			continue;
		if (found == NULL || ((size_t)(at - s) == strlen(repo) && has_prefix(s, repo)))
			found = at + 1;
	}
	free(c->digest);
	c->digest = found != NULL ? xstrdup(found) : NULL;
}

/* A sandbox runs init, which is what this host runs. */
static const char *
platform_of(const struct container *c)
{
	return c->plan->sandbox ? NULL : c->task->plan.platform;
}

/* One of another platform than the task's is as good as none. What a pull brought instead of it is
 * for create to refuse. */
static void
on_image(const struct engine_reply *r, void *arg)
{
	struct container *c = arg;
	struct json_object *config = json_get(r->body, "Config");
	bool fits;

	c->req = NULL;
	fits = r->text == NULL && (c->pulled || engine_image_fits(r->body, platform_of(c)));
	if (fits) {
		arena_done(&c->image_arena);
		c->image.entrypoint = copy_strings(c, json_get(config, "Entrypoint"));
		c->image.cmd = copy_strings(c, json_get(config, "Cmd"));
		set_digest(c, json_get(r->body, "RepoDigests"));
		stamp_end(c, false);
		container_set_phase(c, PHASE_FETCHED);
	} else if (!c->pulled && (r->text == NULL || r->status == 404)) {
		task_touch(c->task);
		image_pull(c);
	} else {
		stamp_end(c, true);
		container_fail(c, "CannotPullContainerError", r->text);
	}
	task_run(c->task);
}

/* Beside tasks/, so that the tasks of one daemon meet there. */
static char *
meeting_place(const struct task *t)
{
	const char *tasks = strstr(t->gate_parent, "/tasks/");

	return xasprintf("%.*s/pulls",
	    (int)(tasks != NULL ? tasks - t->gate_parent : (ptrdiff_t)strlen(t->gate_parent)),
	    t->gate_parent);
}

static void
image_pull(struct container *c)
{
	_cleanup_free_ char *directory = meeting_place(c->task);

	c->pulled = true;
	c->pull = pull_start(&(struct pull_ask){
	    .loop = c->task->loop,
	    .engine = c->task->engine,
	    .task_id = c->task->id,
	    .directory = directory,
	    .ref = c->plan->def->image,
	    .platform = platform_of(c),
	    .init_path = c->plan->sandbox ? c->task->init_path : NULL,
	    .auth = c->plan->sandbox ? NULL : resources_registry_auth(c->task, c->index),
	    .fargate = c->task->plan.fargate,
	    .limits = &pull_limits_agent,
	    .on_done = on_pulled,
	    .arg = c,
	});
}

static void
on_pulled(const char *error, const char *text, void *arg)
{
	struct container *c = arg;

	if (error == NULL) {
		c->req = engine_image(c->task->engine, c->plan->def->image, on_image, c);
	} else {
		stamp_end(c, true);
		container_fail(c, error, text);
	}
	pull_free(TAKE(c->pull));
	task_run(c->task);
}
