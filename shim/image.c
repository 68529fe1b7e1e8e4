/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The image of a container: looked at, pulled where it is absent, looked at again. Called by
 * container.c; errors are worded and repeated as the agent does it (docker_client.go PullImage).
 */
#include "shim/task.h"
#include "common/log.h"

#include <string.h>

#define PULL_ATTEMPTS 5
#define PULL_DELAY_MIN_MS 1100
#define PULL_DELAY_MAX_MS 5000

static void on_image(const struct engine_reply *r, void *arg);
static void on_pulled(const struct engine_reply *r, void *arg);
static void on_pull_again(void *arg);

static void
stamp_pull(struct container *c, bool end)
{
	struct task_times *at = &c->task->times;

	if (at->pull_started == 0)
		at->pull_started = now_ms();
	if (end) {
		at->pull_stopped = now_ms();
		task_touch(c->task);
	}
}

void
image_fetch(struct container *c)
{
	stamp_pull(c, false);
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

static void
on_image(const struct engine_reply *r, void *arg)
{
	struct container *c = arg;
	struct json_object *config = json_get(r->body, "Config");

	c->req = NULL;
	if (r->text == NULL) {
		arena_done(&c->image_arena);
		c->image.entrypoint = copy_strings(c, json_get(config, "Entrypoint"));
		c->image.cmd = copy_strings(c, json_get(config, "Cmd"));
		set_digest(c, json_get(r->body, "RepoDigests"));
		stamp_pull(c, true);
		container_set_phase(c, PHASE_FETCHED);
	} else if (r->status == 404 && c->pull_attempts == 0) {
		log_info("task", c->task->id, "pulling %s", c->plan->def->image);
		task_touch(c->task);
		on_pull_again(c);
	} else {
		stamp_pull(c, true);
		container_fail(c, "CannotPullContainerError", r->text);
	}
	task_run(c->task);
}

static void
on_pull_again(void *arg)
{
	struct container *c = arg;

	c->pull_attempts++;
	c->req =
	    engine_pull(c->task->engine, c->plan->def->image, c->task->plan.platform, on_pulled, c);
}

static bool
contains_any(const char *text, const char *const *what)
{
	for (; *what != NULL; what++)
		if (strcasestr(text, *what) != NULL)
			return true;
	return false;
}

/* What another attempt does not change. */
static bool
is_final(const struct engine_reply *r)
{
	static const char *const words[] = { "not found", "manifest unknown", "pull access denied",
		"unauthorized", "authentication required", "access denied", "no basic auth",
		"invalid reference", "no matching manifest",
		"does not match the specified platform", NULL };

	return r->status == 400 || r->status == 401 || r->status == 403 || r->status == 404 ||
	       contains_any(r->text, words);
}

/* The reference as a registry client writes it: docker.io/library/x:y. */
static char *
canonical_ref(const char *ref)
{
	_cleanup_free_ char *repo = NULL;
	_cleanup_free_ char *tag = NULL;
	size_t host_len;
	bool host, digest;

	engine_ref_split(ref, &repo, &tag);
	digest = strchr(tag, ':') != NULL;
	host_len = strcspn(repo, "/");
	host = repo[host_len] == '/' &&
	       (memchr(repo, '.', host_len) != NULL || memchr(repo, ':', host_len) != NULL ||
		   has_prefix(repo, "localhost/"));
	return xasprintf("%s%s%s%s%s", host ? "" : "docker.io/",
	    host || repo[host_len] == '/' ? "" : "library/", repo, digest ? "@" : ":", tag);
}

/* Fargate's words for an image that the registry does not have; the Engine's own for everything
 * else. */
static char *
pull_error_text(const struct container *c, const struct engine_reply *r)
{
	static const char *const absent[] = { "manifest unknown", "not found: manifest",
		"manifest for", NULL };
	_cleanup_free_ char *ref = canonical_ref(c->plan->def->image);

	if (c->task->plan.fargate && contains_any(r->text, absent))
		return xasprintf("pull image manifest has been retried %u time(s): failed to "
				 "resolve ref %s: %s: not found",
		    c->pull_attempts, ref, ref);
	return xstrdup(r->text);
}

static void
on_pulled(const struct engine_reply *r, void *arg)
{
	struct container *c = arg;
	_cleanup_free_ char *text = NULL;
	int64_t delay_ms = PULL_DELAY_MIN_MS;

	c->req = NULL;
	if (r->text == NULL) {
		c->req = engine_image(c->task->engine, c->plan->def->image, on_image, c);
		return;
	}
	if (!is_final(r) && c->pull_attempts < PULL_ATTEMPTS) {
		for (unsigned i = 1; i < c->pull_attempts && delay_ms < PULL_DELAY_MAX_MS; i++)
			delay_ms *= 2;
		timer_free(c->timer);
		c->timer = timer_new(c->task->loop, on_pull_again, c);
		timer_set(c->timer, delay_ms < PULL_DELAY_MAX_MS ? delay_ms : PULL_DELAY_MAX_MS);
		return;
	}
	stamp_pull(c, true);
	text = pull_error_text(c, r);
	container_fail(c, "CannotPullContainerError", text);
	task_run(c->task);
}
