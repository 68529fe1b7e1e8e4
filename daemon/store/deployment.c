/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of deployments and task sets, which are the same thing to the tasks they start. Called by
 * the operation files and the scheduler; of `doc` it knows the task definition's ARN, by which a
 * task definition's users are counted, and a task set's ARN, by which its tags are found.
 */
#include "daemon/store/service.h"
#include "daemon/store/sqlite.h"

#include <string.h>

enum {
	STMT_PUT,
	STMT_GET,
	STMT_DELETE_TAGS,
	STMT_DELETE,
	STMT_LIST,
	STMT_COUNT_DEFINITION,
	STMT_MAX,
};
_Static_assert(STMT_MAX <= STORE_STATEMENTS_MAX, "statements");

/* COLUMN_ numbers are those of COLUMNS; the parameter of a column is one more. */
/* clang-format off */
#define COLUMNS                                                                                    \
	"account, region, cluster, service, id, task_set, status, revision, service_deployment,"   \
	" desired_count, failed_tasks, succeeded_once, rollout_state, rollout_reason, scale,"      \
	" stability_status, stability_at, created_at, updated_at, doc"
/* clang-format on */
enum {
	COLUMN_ACCOUNT,
	COLUMN_REGION,
	COLUMN_CLUSTER,
	COLUMN_SERVICE,
	COLUMN_ID,
	COLUMN_TASK_SET,
	COLUMN_STATUS,
	COLUMN_REVISION,
	COLUMN_SERVICE_DEPLOYMENT,
	COLUMN_DESIRED_COUNT,
	COLUMN_FAILED_TASKS,
	COLUMN_SUCCEEDED_ONCE,
	COLUMN_ROLLOUT_STATE,
	COLUMN_ROLLOUT_REASON,
	COLUMN_SCALE,
	COLUMN_STABILITY_STATUS,
	COLUMN_STABILITY_AT,
	COLUMN_CREATED_AT,
	COLUMN_UPDATED_AT,
	COLUMN_DOC,
};
#define OF_SERVICE " WHERE account = ?1 AND region = ?2 AND cluster = ?3 AND service = ?4"
#define KEYED OF_SERVICE " AND id = ?5"

/* clang-format off */
static const char *const sql[STMT_MAX] = {
	[STMT_PUT]              = "INSERT INTO deployment (" COLUMNS ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10,"
				  " ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20)"
				  " ON CONFLICT DO UPDATE SET task_set = ?6, status = ?7, revision = ?8,"
				  " service_deployment = ?9, desired_count = ?10, failed_tasks = ?11,"
				  " succeeded_once = ?12, rollout_state = ?13, rollout_reason = ?14, scale = ?15,"
				  " stability_status = ?16, stability_at = ?17, created_at = ?18, updated_at = ?19,"
				  " doc = ?20",
	[STMT_GET]              = "SELECT " COLUMNS " FROM deployment" KEYED,
	[STMT_DELETE_TAGS]      = "DELETE FROM tag WHERE arn IN"
				  " (SELECT json_extract(doc, '$.taskSetArn') FROM deployment" KEYED ")",
	[STMT_DELETE]           = "DELETE FROM deployment" KEYED,
	[STMT_LIST]             = "SELECT " COLUMNS " FROM deployment" OF_SERVICE " ORDER BY n DESC",
	[STMT_COUNT_DEFINITION] = "SELECT count(*) FROM deployment AS d WHERE account = ?1 AND region = ?2"
				  " AND json_extract(doc, '$.taskDefinition') = ?3 AND EXISTS (SELECT 1 FROM service AS s"
				  " WHERE (s.account, s.region, s.cluster, s.name) ="
				  " (d.account, d.region, d.cluster, d.service) AND s.status <> 'INACTIVE')",
};
/* clang-format on */
static const struct store_sql deployment_sql = { STORE_DEPLOYMENT, sql };

static void
read_row(struct query *q, struct store_deployment *v)
{
	memset(v, 0, sizeof(*v));
	query_copy(q, COLUMN_ACCOUNT, v->scope.account, sizeof(v->scope.account));
	query_copy(q, COLUMN_REGION, v->scope.region, sizeof(v->scope.region));
	query_copy(q, COLUMN_CLUSTER, v->cluster, sizeof(v->cluster));
	query_copy(q, COLUMN_SERVICE, v->service, sizeof(v->service));
	query_copy(q, COLUMN_ID, v->id, sizeof(v->id));
	v->task_set = query_int(q, COLUMN_TASK_SET) != 0;
	query_copy(q, COLUMN_STATUS, v->status, sizeof(v->status));
	query_copy(q, COLUMN_REVISION, v->revision, sizeof(v->revision));
	query_copy(
	    q, COLUMN_SERVICE_DEPLOYMENT, v->service_deployment, sizeof(v->service_deployment));
	v->desired_count = query_int(q, COLUMN_DESIRED_COUNT);
	v->failed_tasks = query_int(q, COLUMN_FAILED_TASKS);
	v->succeeded_once = query_int(q, COLUMN_SUCCEEDED_ONCE) != 0;
	query_copy(q, COLUMN_ROLLOUT_STATE, v->rollout_state, sizeof(v->rollout_state));
	v->rollout_reason = query_dup(q, COLUMN_ROLLOUT_REASON);
	v->scale = query_real(q, COLUMN_SCALE);
	query_copy(q, COLUMN_STABILITY_STATUS, v->stability_status, sizeof(v->stability_status));
	v->stability_at_ms = query_int(q, COLUMN_STABILITY_AT);
	v->created_at_ms = query_int(q, COLUMN_CREATED_AT);
	v->updated_at_ms = query_int(q, COLUMN_UPDATED_AT);
	v->doc = query_dup(q, COLUMN_DOC);
}

void
store_deployment_done(struct store_deployment *v)
{
	free(TAKE(v->rollout_reason));
	free(TAKE(v->doc));
}

int
store_deployment_put(struct store *s, const struct store_deployment *v, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = query_open(&q, s, &deployment_sql, STMT_PUT, e);

	if (r < 0)
		return r;
	query_bind_service(&q, &v->scope, v->cluster, v->service);
	query_bind(&q, COLUMN_ID + 1, v->id);
	query_bind_int(&q, COLUMN_TASK_SET + 1, v->task_set);
	query_bind(&q, COLUMN_STATUS + 1, v->status);
	query_bind(&q, COLUMN_REVISION + 1, v->revision);
	query_bind(&q, COLUMN_SERVICE_DEPLOYMENT + 1, v->service_deployment);
	query_bind_int(&q, COLUMN_DESIRED_COUNT + 1, v->desired_count);
	query_bind_int(&q, COLUMN_FAILED_TASKS + 1, v->failed_tasks);
	query_bind_int(&q, COLUMN_SUCCEEDED_ONCE + 1, v->succeeded_once);
	query_bind(&q, COLUMN_ROLLOUT_STATE + 1, v->rollout_state);
	query_bind(&q, COLUMN_ROLLOUT_REASON + 1, v->rollout_reason);
	query_bind_real(&q, COLUMN_SCALE + 1, v->scale);
	query_bind(&q, COLUMN_STABILITY_STATUS + 1, v->stability_status);
	query_bind_int(&q, COLUMN_STABILITY_AT + 1, v->stability_at_ms);
	query_bind_int(&q, COLUMN_CREATED_AT + 1, v->created_at_ms);
	query_bind_int(&q, COLUMN_UPDATED_AT + 1, v->updated_at_ms);
	query_bind(&q, COLUMN_DOC + 1, v->doc);
	return query_run(&q);
}

/* Opens a statement about one row. */
static int
open_keyed(struct query *q, struct store *s, unsigned stmt, const struct scope *sc,
    const char *cluster, const char *service, const char *id, struct err *e)
{
	int r = query_open(q, s, &deployment_sql, stmt, e);

	if (r < 0)
		return r;
	query_bind_service(q, sc, cluster, service);
	query_bind(q, 5, id);
	return 0;
}

int
store_deployment_get(struct store *s, const struct scope *sc, const char *cluster,
    const char *service, const char *id, struct store_deployment *ret, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = open_keyed(&q, s, STMT_GET, sc, cluster, service, id, e);

	if (r < 0)
		return r;
	r = query_step(&q);
	if (r > 0)
		read_row(&q, ret);
	return r;
}

static int
run_keyed(struct store *s, unsigned stmt, const struct scope *sc, const char *cluster,
    const char *service, const char *id, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = open_keyed(&q, s, stmt, sc, cluster, service, id, e);

	return r < 0 ? r : query_run(&q);
}

int
store_deployment_delete(struct store *s, const struct scope *sc, const char *cluster,
    const char *service, const char *id, struct err *e)
{
	int r = run_keyed(s, STMT_DELETE_TAGS, sc, cluster, service, id, e);

	return r < 0 ? r : run_keyed(s, STMT_DELETE, sc, cluster, service, id, e);
}

int
store_deployment_list(struct store *s, const struct scope *sc, const char *cluster,
    const char *service, int (*fn)(const struct store_deployment *v, void *arg), void *arg,
    struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	struct store_deployment v;
	int r, stop;

	r = query_open(&q, s, &deployment_sql, STMT_LIST, e);
	if (r < 0)
		return r;
	query_bind_service(&q, sc, cluster, service);
	while ((r = query_step(&q)) > 0) {
		read_row(&q, &v);
		stop = fn(&v, arg);
		store_deployment_done(&v);
		if (stop != 0)
			return 0;
	}
	return r;
}

int
store_deployment_count_definition(struct store *s, const struct scope *sc,
    const char *task_definition_arn, int64_t *ret, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = query_open(&q, s, &deployment_sql, STMT_COUNT_DEFINITION, e);

	if (r < 0)
		return r;
	query_bind_scope(&q, sc);
	query_bind(&q, 3, task_definition_arn);
	r = query_step(&q);
	if (r < 0)
		return r;
	*ret = query_int(&q, 0);
	return 0;
}
