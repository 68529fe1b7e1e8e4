/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Leads a pull or waits for who does. The outcome as it is told to the others: "+", or
 * "-<error>\n<text>".
 */
#include "shim/pull.h"
#include "common/log.h"
#include "shim/plan.h"
#include "shim/share.h"

#include <string.h>

#define LOG_EVERY_MS 10000

const struct pull_limits pull_limits_agent = {
	.begin_ms = 5 * 60 * 1000,
	.idle_ms = 60 * 1000,
	.total_ms = 2 * 60 * 60 * 1000,
	.delay_min_ms = 1100,
	.delay_max_ms = 5000,
	.attempts = 5,
};

struct pull {
	struct pull_ask ask;
	char *task_id, *ref, *platform, *auth, *init_path;
	char *layer; /* what an image is made of, while the Engine reads it */
	struct share *share;
	struct engine_req *req;
	struct timer *again, *stall, *total;
	unsigned attempts;
	bool began; /* this attempt's stream said something */
	int64_t logged_ms;
};

static void on_lead(void *cookie);
static void on_told(const char *outcome, void *cookie);
static void on_looked(const struct engine_reply *r, void *arg);
static void on_progress(const char *status, void *arg);
static void on_pulled(const struct engine_reply *r, void *arg);
static void attempt(void *arg);
static void on_stall(void *arg);
static void on_total(void *arg);

static const struct share_callbacks share_callbacks = { .on_lead = on_lead, .on_told = on_told };

struct pull *
pull_start(const struct pull_ask *ask)
{
	struct pull *p = xcalloc(1, sizeof(*p));
	_cleanup_free_ char *name = xasprintf("%s %s %s", ask->ref,
	    ask->platform != NULL ? ask->platform : "", ask->auth != NULL ? ask->auth : "");

	*p = (struct pull){ .ask = *ask };
	p->ask.ref = p->ref = xstrdup(ask->ref);
	p->ask.task_id = p->task_id = xstrdup(ask->task_id);
	p->ask.platform = p->platform = ask->platform != NULL ? xstrdup(ask->platform) : NULL;
	p->ask.auth = p->auth = ask->auth != NULL ? xstrdup(ask->auth) : NULL;
	p->ask.init_path = p->init_path = ask->init_path != NULL ? xstrdup(ask->init_path) : NULL;
	p->again = timer_new(ask->loop, attempt, p);
	p->stall = timer_new(ask->loop, on_stall, p);
	p->total = timer_new(ask->loop, on_total, p);
	p->share = share_new(ask->loop, ask->directory, name, &share_callbacks, p);
	return p;
}

void
pull_forget(struct pull *p)
{
	if (p == NULL)
		return;
	p->req = NULL;
	pull_free(p);
}

void
pull_free(struct pull *p)
{
	if (p == NULL)
		return;
	engine_cancel(p->req);
	share_free(p->share);
	timer_free(p->again);
	timer_free(p->stall);
	timer_free(p->total);
	if (p->auth != NULL)
		explicit_bzero(p->auth, strlen(p->auth));
	free(p->auth);
	free(p->layer);
	free(p->init_path);
	free(p->platform);
	free(p->task_id);
	free(p->ref);
	free(p);
}

/* The last thing that a callback does: `p` may be gone afterwards. */
static void
finish(struct pull *p, const char *error, const char *text)
{
	_cleanup_free_ char *outcome =
	    error == NULL ? xstrdup("+") : xasprintf("-%s\n%s", error, text);

	timer_stop(p->stall);
	timer_stop(p->total);
	share_tell(p->share, outcome);
	p->ask.on_done(error, text, p->ask.arg);
}

static void
on_told(const char *outcome, void *cookie)
{
	struct pull *p = cookie;
	const char *end = strchr(outcome, '\n');
	_cleanup_free_ char *error = NULL;

	if (outcome[0] == '-' && end != NULL) {
		error = xstrndup(outcome + 1, (size_t)(end - outcome - 1));
		p->ask.on_done(error, end + 1, p->ask.arg);
	} else {
		p->ask.on_done(NULL, NULL, p->ask.arg);
	}
}

/* Another one may have brought it since it was missed. */
static void
on_lead(void *cookie)
{
	struct pull *p = cookie;

	timer_set(p->total, p->ask.limits->total_ms);
	p->req = engine_image(p->ask.engine, p->ref, on_looked, p);
}

static void
on_looked(const struct engine_reply *r, void *arg)
{
	struct pull *p = arg;

	p->req = NULL;
	if (r->text == NULL && engine_image_fits(r->body, p->platform)) {
		finish(p, NULL, NULL);
	} else if (r->text == NULL || r->status == 404) {
		log_info("task", p->task_id, "%s %s",
		    p->init_path != NULL ? "importing" : "pulling", p->ref);
		attempt(p);
	} else {
		finish(p, "CannotPullContainerError", r->text);
	}
}

static void
import(struct pull *p)
{
	struct err e = { 0 };
	size_t len;

	free(TAKE(p->layer));
	if (plan_sandbox_layer(p->init_path, &p->layer, &len, &e) < 0)
		finish(p, "CannotPullContainerError", e.text);
	else
		p->req = engine_import(p->ask.engine, p->ref, p->layer, len, on_pulled, p);
}

static void
attempt(void *arg)
{
	struct pull *p = arg;

	if (p->init_path != NULL) {
		p->attempts++;
		import(p);
		return;
	}
	p->attempts++;
	p->began = false;
	timer_set(p->stall, p->ask.limits->begin_ms);
	p->req =
	    engine_pull(p->ask.engine, p->ref, p->platform, p->auth, on_progress, on_pulled, p);
}

static void
on_progress(const char *status, void *arg)
{
	struct pull *p = arg;

	p->began = true;
	timer_set(p->stall, p->ask.limits->idle_ms);
	if (monotonic_ms() - p->logged_ms < LOG_EVERY_MS)
		return;
	p->logged_ms = monotonic_ms();
	log_info("task", p->task_id, "pulling %s: %s", p->ref, status);
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

/* Fargate's words for an image that the registry does not have, and for what stayed in vain; the
 * Engine's own for everything else. */
static char *
error_text(const struct pull *p, const char *text)
{
	static const char *const absent[] = { "manifest unknown", "not found: manifest",
		"manifest for", NULL };
	static const char docker[] = "Error response from daemon: ";
	_cleanup_free_ char *ref = canonical_ref(p->ref);

	if (p->ask.fargate && contains_any(text, absent))
		return xasprintf("pull image manifest has been retried %u time(s): failed to "
				 "resolve ref %s: %s: not found",
		    p->attempts, ref, ref);
	if (p->ask.fargate && p->attempts > 1)
		return xasprintf("ref pull has been retried %u time(s): failed to copy: %s",
		    p->attempts, has_prefix(text, docker) ? text + sizeof(docker) - 1 : text);
	return xstrdup(text);
}

/* One attempt was in vain. */
static void
fail(struct pull *p, const char *error, const char *text, bool final)
{
	const struct pull_limits *limits = p->ask.limits;
	int64_t delay_ms = limits->delay_min_ms;

	timer_stop(p->stall);
	log_info("task", p->task_id, "pull %u of %s failed: %s", p->attempts, p->ref, text);
	if (final || p->attempts >= limits->attempts) {
		finish(p, error, text);
		return;
	}
	for (unsigned i = 1; i < p->attempts && delay_ms < limits->delay_max_ms; i++)
		delay_ms *= 2;
	timer_set(p->again, delay_ms < limits->delay_max_ms ? delay_ms : limits->delay_max_ms);
}

static void
on_pulled(const struct engine_reply *r, void *arg)
{
	struct pull *p = arg;
	_cleanup_free_ char *text = NULL;

	p->req = NULL;
	if (r->text == NULL) {
		finish(p, NULL, NULL);
		return;
	}
	text = error_text(p, r->text);
	fail(p, "CannotPullContainerError", text, is_final(r));
}

static void
on_stall(void *arg)
{
	struct pull *p = arg;
	_cleanup_free_ char *text =
	    p->began ? xasprintf("inactivity time exceeded timeout while pulling image %s", p->ref)
		     : engine_timeout_text("pullBegin", p->ask.limits->begin_ms);

	engine_cancel(TAKE(p->req));
	fail(p, p->began ? "CannotPullContainerError" : "DockerTimeoutError", text, false);
}

static void
on_total(void *arg)
{
	struct pull *p = arg;
	_cleanup_free_ char *text = engine_timeout_text("pulled", p->ask.limits->total_ms);

	engine_cancel(TAKE(p->req));
	timer_stop(p->again);
	finish(p, "DockerTimeoutError", text);
}
