/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The steps of awslogs.h. On EC2 the driver is dockerd's, on Fargate a shim logger's, and each has
 * its own words for a stream that cannot be had.
 */
#include "shim/awslogs.h"
#include "shim/logs.h"
#include "shim/task.h"

#define CREDENTIALS_WAIT_MS 10000
#define STOPPED_WAIT_MS 10000           /* dockerd: loggerCloseTimeout */
#define REMOVAL_WAIT_MS (5 * 60 * 1000) /* with nothing delivered */

struct awslogs {
	struct container *c;
	struct logs_options options;
	struct logs *logs; /* NULL: the options are wrong, `error` says how */
	char *error;       /* why there is no stream */
	bool asked, created;
	bool nothing; /* the container never ran */
	struct timer *credentials;
};

static void on_created(const char *error, void *arg);
static void on_drained(void *arg);
static void on_no_credentials(void *arg);

struct awslogs *
awslogs_new(struct container *c)
{
	const struct container_def *def = c->plan->def;
	const struct td_log_configuration *l = def->log_configuration;
	struct task *t = c->task;
	struct awslogs *a;
	struct err e = { 0 };

	if (l == NULL || l->log_driver != LOG_DRIVER_AWSLOGS)
		return NULL;
	a = xcalloc(1, sizeof(*a));
	a->c = c;
	if (logs_options_read(l, c->name, t->id, &a->options, &e) < 0 ||
	    logs_new(
		&(struct logs_ask){
		    .loop = t->loop,
		    .engine = t->engine,
		    .aws = t->aws,
		    .as = &t->execution_credentials,
		    .options = &a->options,
		    .account = t->plan.account,
		    .task_id = t->id,
		    .name = c->name,
		    .tty = def->pseudo_terminal == TRI_TRUE,
		    .on_created = on_created,
		    .on_drained = on_drained,
		    .arg = a,
		},
		&a->logs, &e) < 0)
		a->error = xstrdup(e.text);
	return a;
}

void
awslogs_free(struct awslogs *a)
{
	if (a == NULL)
		return;
	logs_free(a->logs);
	logs_options_done(&a->options);
	timer_free(a->credentials);
	free(a->error);
	free(a);
}

static bool
waits_for_credentials(const struct task *t)
{
	bool named =
	    t->plan.def.execution_role_arn != NULL || t->plan.overrides.execution_role_arn != NULL;

	return named && t->execution_credentials.id == NULL;
}

static void
ask_for_stream(struct awslogs *a)
{
	bool named = a->options.stream != NULL || a->c->id != NULL;

	if (a->asked || a->error != NULL || !named || waits_for_credentials(a->c->task))
		return;
	timer_free(TAKE(a->credentials));
	a->asked = true;
	logs_create(a->logs, a->c->id);
}

void
awslogs_prepare(struct container *c)
{
	if (c->awslogs != NULL)
		ask_for_stream(c->awslogs);
}

/* The daemon sends them right after the task; where it cannot have them, it only logs why. */
static void
on_no_credentials(void *arg)
{
	struct awslogs *a = arg;

	a->error = xstrdup("unable to get the credentials of the execution role");
	task_post(a->c->task, EV_CHANGED);
	task_run(a->c->task);
}

static void
fail(struct container *c, const char *error)
{
	_cleanup_free_ char *text = NULL;

	if (c->task->plan.fargate)
		text = xasprintf("failed to validate logger args: create stream has been retried 1 "
				 "times: %s : exit status 1",
		    error);
	else
		text = xasprintf(
		    "Error response from daemon: failed to initialize logging driver: %s", error);
	container_fail(c,
	    c->task->plan.fargate ? "ResourceInitializationError" : "CannotStartContainerError",
	    text);
}

bool
awslogs_may_start(struct container *c)
{
	struct awslogs *a = c->awslogs;

	if (a == NULL || a->created)
		return true;
	if (a->error != NULL) {
		fail(c, a->error);
		return false;
	}
	ask_for_stream(a);
	if (!a->asked && a->credentials == NULL) {
		a->credentials = timer_new(c->task->loop, on_no_credentials, a);
		timer_set(a->credentials, CREDENTIALS_WAIT_MS);
	}
	return false;
}

static void
on_created(const char *error, void *arg)
{
	struct awslogs *a = arg;

	a->created = error == NULL;
	if (error != NULL)
		a->error = xstrdup(error);
	task_post(a->c->task, EV_CHANGED);
	task_run(a->c->task);
}

void
awslogs_update(struct container *c)
{
	struct awslogs *a = c->awslogs;
	bool ran = c->phase >= PHASE_RUNNING &&
		   (c->started_ms != 0 || c->has_exit_code || c->phase == PHASE_RUNNING);

	if (a == NULL)
		return;
	a->nothing = c->phase == PHASE_STOPPED && (!ran || c->id == NULL || a->logs == NULL);
	if (!ran || c->id == NULL || a->logs == NULL)
		return;
	logs_follow(a->logs, c->id);
	if (c->phase == PHASE_STOPPED)
		logs_end(a->logs);
}

static bool
is_settled(const struct container *c)
{
	const struct awslogs *a = c->awslogs;

	return a == NULL || a->nothing || logs_is_drained(a->logs);
}

static bool
all_settled(const struct task *t)
{
	for (size_t i = 0; i < t->n; i++)
		if (!is_settled(&t->containers[i]))
			return false;
	return true;
}

/* What the task waits for goes on. */
static void
go_on(struct task *t)
{
	if (t->state == TASK_DEPROVISIONING)
		task_post(t, EV_DEPROVISIONED);
	else if (t->state == TASK_STOPPED)
		task_post(t, EV_BEGIN);
	task_run(t);
}

static void
on_drained(void *arg)
{
	struct awslogs *a = arg;
	struct task *t = a->c->task;

	if (all_settled(t) && t->logs_timer != NULL) {
		timer_free(TAKE(t->logs_timer));
		go_on(t);
	}
}

/* STOPPED waits no longer; the removal of the containers does, as long as something is delivered
 * now and then. */
static void
on_limit(void *arg)
{
	struct task *t = arg;
	int64_t progress_ms = 0, left_ms;

	if (t->state != TASK_STOPPED) {
		timer_free(TAKE(t->logs_timer));
		go_on(t);
		return;
	}
	for (size_t i = 0; i < t->n; i++)
		if (!is_settled(&t->containers[i]) &&
		    logs_progress_ms(t->containers[i].awslogs->logs) > progress_ms)
			progress_ms = logs_progress_ms(t->containers[i].awslogs->logs);
	left_ms = progress_ms != 0 ? progress_ms + REMOVAL_WAIT_MS - monotonic_ms() : 0;
	if (left_ms > 0) {
		timer_set(t->logs_timer, left_ms);
		return;
	}
	for (size_t i = 0; i < t->n; i++)
		if (!is_settled(&t->containers[i]))
			logs_abandon(t->containers[i].awslogs->logs);
}

bool
awslogs_settled(struct task *t)
{
	if (all_settled(t))
		return true;
	if (t->logs_timer == NULL) {
		t->logs_timer = timer_new(t->loop, on_limit, t);
		timer_set(
		    t->logs_timer, t->state == TASK_STOPPED ? REMOVAL_WAIT_MS : STOPPED_WAIT_MS);
	}
	return false;
}

void
awslogs_on_engine_down(struct task *t)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->containers[i].awslogs != NULL && t->containers[i].awslogs->logs != NULL)
			logs_on_engine_down(t->containers[i].awslogs->logs);
}

void
awslogs_on_engine_up(struct task *t)
{
	for (size_t i = 0; i < t->n; i++) {
		awslogs_update(&t->containers[i]);
		if (t->containers[i].awslogs != NULL && t->containers[i].awslogs->logs != NULL)
			logs_on_engine_up(t->containers[i].awslogs->logs);
	}
}
