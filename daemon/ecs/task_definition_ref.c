/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Task definition references, and the moment at which a deleted revision is really gone: the first
 * look at it after its last task has ended and its last service has gone (DeleteTaskDefinitions).
 * Called by operation files; knows no requests.
 */
#include "daemon/ecs/task_definition_ref.h"

#include "daemon/arn.h"
#include "daemon/store/service.h"
#include "daemon/store/tag.h"
#include "daemon/store/task.h"

#define DELETED_MS (60 * 60 * 1000LL) /* for which a DELETED one can be described */

typedef int resolve_fn(const struct scope *sc, const char *given,
    char ret_family[static ARN_NAME_MAX], int64_t *ret_revision, struct err *e);

static int
find(struct store *s, const struct scope *sc, const char *text, resolve_fn *resolve,
    struct store_task_definition *ret, struct err *e)
{
	_cleanup_task_definition_ struct store_task_definition t = { 0 };
	char family[ARN_NAME_MAX];
	int64_t revision;
	int r;

	r = resolve(sc, text, family, &revision, e);
	if (r <= 0)
		return r;
	r = store_task_definition_get(s, sc, family, revision, &t, e);
	if (r <= 0)
		return r;
	r = task_definition_ref_purge(s, sc, &t, e);
	if (r != 0)
		return r < 0 ? r : 0;
	*ret = t;
	t.doc = NULL;
	return 1;
}

int
task_definition_ref_find(struct store *s, const struct scope *sc, const char *text,
    struct store_task_definition *ret, struct err *e)
{
	return find(s, sc, text, arn_resolve_task_definition, ret, e);
}

int
task_definition_ref_find_daemon(struct store *s, const struct scope *sc, const char *text,
    struct store_task_definition *ret, struct err *e)
{
	return find(s, sc, text, arn_resolve_daemon_definition, ret, e);
}

int
task_definition_ref_deployed(struct store *s, const struct scope *sc, const char *arn,
    struct store_task_definition *ret, struct err *e)
{
	struct arn a;

	if (arn_parse(arn, &a) == 0 && a.type == ARN_DAEMON_TASK_DEFINITION)
		return task_definition_ref_find_daemon(s, sc, arn, ret, e);
	return task_definition_ref_find(s, sc, arn, ret, e);
}

int
task_definition_ref_active(struct store *s, const struct scope *sc, const char *text,
    struct store_task_definition *ret, struct err *e)
{
	_cleanup_task_definition_ struct store_task_definition t = { 0 };
	int r;

	r = task_definition_ref_find(s, sc, text, &t, e);
	if (r < 0)
		return r;
	if (r == 0)
		return err_set(e, ERR_CLIENT, "TaskDefinition not found.");
	if (t.status != TD_ACTIVE)
		return err_set(e, ERR_INVALID_PARAMETER, "TaskDefinition is inactive");
	*ret = t;
	t.doc = NULL;
	return 0;
}

static int
forget(
    struct store *s, const struct scope *sc, const struct store_task_definition *t, struct err *e)
{
	char arn[ARN_MAX];
	int r = store_tag_delete_all(s, arn_task_definition(arn, sc, t->family, t->revision), e);

	if (r == 0)
		r = store_task_definition_delete(s, sc, t->family, t->revision, e);
	return r < 0 ? r : 1;
}

/* DELETED is a status of daemon task definitions that clients wait for. */
static int
bury(struct store *s, const struct scope *sc, struct store_task_definition *t, struct err *e)
{
	t->status = TD_DELETED;
	return store_task_definition_put(s, sc, t, e);
}

int
task_definition_ref_purge(
    struct store *s, const struct scope *sc, struct store_task_definition *t, struct err *e)
{
	char arn[ARN_MAX];
	int64_t users, deployments;
	int r;

	if (t->status == TD_DELETED && now_ms() - t->delete_requested_at_ms > DELETED_MS)
		return forget(s, sc, t, e);
	if (t->status != TD_DELETE_IN_PROGRESS)
		return 0;
	r = store_task_count_definition(s, sc, t->family, t->revision, &users, e);
	if (r < 0 || users > 0)
		return r;
	(void)arn_task_definition(arn, sc, t->family, t->revision);
	r = store_deployment_count_definition(s, sc, arn, &deployments, e);
	if (r < 0 || deployments > 0)
		return r;
	return arn_is_of_daemon(t->family) ? bury(s, sc, t, e) : forget(s, sc, t, e);
}
