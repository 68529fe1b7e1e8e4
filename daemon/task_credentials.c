/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which roles a task has is in its specification; which keys it was given is in the store, so that
 * a new shim of the same task serves the same ones (see task_credentials.h).
 */
#include "daemon/task_credentials.h"

#include "common/json.h"
#include "common/log.h"
#include "daemon/fleet.h"
#include "daemon/services/sts_issue.h"
#include "daemon/store/task.h"

#include <stdio.h>
#include <string.h>

#define LIFETIME_S (6 * 60 * 60) /* what tasks get of AWS */
#define RENEW_BELOW_MS (LIFETIME_S * 1000LL / 2)
#define LOOK_EVERY_MS (60 * 1000)
#define DUE_MAX 256 /* tasks renewed in one turn */

struct task_credentials {
	struct loop *loop;
	struct store *store;
	struct fleet *fleet;
	struct timer *look;
};

/* One of the two roles of a task. */
struct grant {
	struct task_credentials *tc;
	const char *task;
	bool execution;
	struct role_ref role;
	char id[37];
	char role_arn[STORE_PRINCIPAL_MAX];
	char access_key[33]; /* of the last time; "": none */
};

static void on_look(void *arg);

struct task_credentials *
task_credentials_new(struct loop *l, struct store *store, struct fleet *fleet)
{
	struct task_credentials *tc = xcalloc(1, sizeof(*tc));

	*tc = (struct task_credentials){ .loop = l, .store = store, .fleet = fleet };
	tc->look = timer_new(l, on_look, tc);
	timer_set(tc->look, LOOK_EVERY_MS);
	return tc;
}

void
task_credentials_free(struct task_credentials *tc)
{
	if (tc == NULL)
		return;
	timer_free(tc->look);
	free(tc);
}

static const char *
role_type(const struct grant *g)
{
	return g->execution ? "execution" : "task";
}

/* What the store knows of this grant from before. */
static int
recall(const struct store_task_credential *row, void *arg)
{
	struct grant *g = arg;

	if (!streq(row->role_type, role_type(g)) || !streq(row->role_arn, g->role_arn))
		return 0;
	memcpy(g->id, row->id, sizeof(g->id));
	memcpy(g->access_key, row->access_key, sizeof(g->access_key));
	return 1;
}

/* Writes a new key and what it is for. */
static int
issue(struct grant *g, struct store_credential *ret, struct err *e)
{
	const struct sts_session session = {
		.name = g->task, .task = g->task, .now_ms = now_ms(), .duration_s = LIFETIME_S
	};
	struct store *s = g->tc->store;
	struct store_task_credential row = { 0 };
	int r = store_begin(s, e);

	if (r < 0)
		return r;
	r = sts_issue_role(s, &g->role, &session, ret, e);
	(void)snprintf(row.task, sizeof(row.task), "%s", g->task);
	(void)snprintf(row.role_type, sizeof(row.role_type), "%s", role_type(g));
	memcpy(row.id, g->id, sizeof(row.id));
	memcpy(row.role_arn, g->role_arn, sizeof(row.role_arn));
	memcpy(row.access_key, ret->access_key, sizeof(row.access_key));
	if (r == 0)
		r = store_task_credential_put(s, &row, e);
	if (r == 0)
		return store_commit(s, e);
	store_rollback(s);
	return r;
}

static int
give(struct grant *g, struct err *e)
{
	struct task_credentials *tc = g->tc;
	struct store_credential c = { 0 };
	int r;

	r = store_task_credential_list(tc->store, g->task, recall, g, e);
	if (r == 0 && g->id[0] == '\0')
		random_uuid(g->id);
	if (r == 0 && g->access_key[0] != '\0')
		r = store_credential_get(tc->store, g->access_key, &c, e);
	if (r < 0)
		return r;
	if (c.expires_at_ms - now_ms() < RENEW_BELOW_MS) {
		c = (struct store_credential){ 0 };
		r = issue(g, &c, e);
	}
	if (r < 0)
		return r;
	fleet_credentials(tc->fleet, g->task,
	    &(struct fleet_credentials){
		.id = g->id,
		.role_arn = g->role_arn,
		.access_key = c.access_key,
		.secret = c.secret,
		.token = c.token,
		.expires_at_ms = c.expires_at_ms,
		.execution_role = g->execution,
	    });
	return 0;
}

/* A member of the overrides, else of the definition; NULL: the task has no such role. */
static const char *
role_of(struct json_object *overrides, struct json_object *definition, const char *member)
{
	const char *role = overrides != NULL ? json_get_str(overrides, member) : NULL;

	return role != NULL || definition == NULL ? role : json_get_str(definition, member);
}

static struct json_object *
parse(const char *text)
{
	struct json_object *o = NULL;

	if (text == NULL || text[0] == '\0' || json_parse(text, strlen(text), &o, NULL) < 0)
		return NULL;
	return o;
}

static void
give_all(struct task_credentials *tc, const char *task_id, const Shim__TaskSpec *spec)
{
	_cleanup_json_ struct json_object *definition = parse(spec->definition_json);
	_cleanup_json_ struct json_object *overrides = parse(spec->overrides_json);

	for (int execution = 0; execution <= 1; execution++) {
		const char *role =
		    role_of(overrides, definition, execution ? "executionRoleArn" : "taskRoleArn");
		struct grant g = { .tc = tc, .task = task_id, .execution = execution };
		struct err e = { 0 };

		if (role == NULL || role[0] == '\0')
			continue;
		if (role_ref_resolve(role, spec->account, spec->region, &g.role, g.role_arn) < 0) {
			log_err("task", task_id, "no credentials of %s: it is no role", role);
			continue;
		}
		/* That of the task role is in the environment of its containers. */
		if (!execution)
			(void)snprintf(g.id, sizeof(g.id), "%s", spec->credentials_id);
		if (give(&g, &e) < 0)
			log_err("task", task_id, "no credentials of %s: %s", g.role_arn, e.text);
	}
}

void
task_credentials_begin(struct task_credentials *tc, const char *task_id)
{
	_cleanup_(store_task_done) struct store_task t = { 0 };
	struct err e = { 0 };
	Shim__TaskSpec *spec;
	int r = store_task_get(tc->store, task_id, &t, &e);

	if (r < 0)
		log_err("task", task_id, "cannot be read: %s", e.text);
	if (r <= 0 || t.last_status == TASK_STOPPED)
		return;
	spec = shim__task_spec__unpack(NULL, t.spec_len, t.spec);
	if (spec == NULL)
		return; /* nothing has been started of it */
	give_all(tc, task_id, spec);
	shim__task_spec__free_unpacked(spec, NULL);
}

void
task_credentials_end(struct task_credentials *tc, const char *task_id)
{
	struct err e = { 0 };

	if (store_credential_delete_task(tc->store, task_id, &e) < 0 ||
	    store_task_credential_delete(tc->store, task_id, &e) < 0)
		log_err("task", task_id, "its credentials cannot be revoked: %s", e.text);
}

/* Ids are collected first: nothing is written from inside a walk. */
struct due {
	size_t n;
	char ids[DUE_MAX][33];
};

static int
collect(const char *task, void *arg)
{
	struct due *due = arg;

	(void)snprintf(due->ids[due->n++], sizeof(due->ids[0]), "%s", task);
	return due->n == DUE_MAX;
}

static void
on_look(void *arg)
{
	struct task_credentials *tc = arg;
	struct due due = { 0 };
	struct err e = { 0 };

	if (store_task_credential_due(tc->store, now_ms() + RENEW_BELOW_MS, collect, &due, &e) < 0)
		log_err(NULL, NULL, "credentials that end soon cannot be read: %s", e.text);
	for (size_t i = 0; i < due.n; i++)
		task_credentials_begin(tc, due.ids[i]);
	timer_set(tc->look, LOOK_EVERY_MS);
}
