/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of service deployments, the records of roll-outs. Called by the operation files and the
 * scheduler; it must not know what `doc` holds.
 */
#include "daemon/store/service.h"
#include "daemon/store/sqlite.h"

#include <string.h>

enum { STMT_PUT, STMT_GET, STMT_LIST, STMT_MAX };
_Static_assert(STMT_MAX <= STORE_STATEMENTS_MAX, "statements");

/* COLUMN_ numbers are those of COLUMNS; the parameter of a column is one more. */
/* clang-format off */
#define COLUMNS                                                                                    \
	"account, region, cluster, service, id, status, deployment, target_revision,"              \
	" rollback_revision, status_reason, lifecycle_stage, created_at, started_at, finished_at," \
	" stopped_at, updated_at, doc"
/* clang-format on */
enum {
	COLUMN_ACCOUNT,
	COLUMN_REGION,
	COLUMN_CLUSTER,
	COLUMN_SERVICE,
	COLUMN_ID,
	COLUMN_STATUS,
	COLUMN_DEPLOYMENT,
	COLUMN_TARGET_REVISION,
	COLUMN_ROLLBACK_REVISION,
	COLUMN_STATUS_REASON,
	COLUMN_LIFECYCLE_STAGE,
	COLUMN_CREATED_AT,
	COLUMN_STARTED_AT,
	COLUMN_FINISHED_AT,
	COLUMN_STOPPED_AT,
	COLUMN_UPDATED_AT,
	COLUMN_DOC,
};
#define OF_SERVICE " WHERE account = ?1 AND region = ?2 AND cluster = ?3 AND service = ?4"

/* clang-format off */
static const char *const sql[STMT_MAX] = {
	[STMT_PUT]  = "INSERT INTO service_deployment (" COLUMNS ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10,"
		      " ?11, ?12, ?13, ?14, ?15, ?16, ?17)"
		      " ON CONFLICT DO UPDATE SET status = ?6, deployment = ?7, target_revision = ?8,"
		      " rollback_revision = ?9, status_reason = ?10, lifecycle_stage = ?11, created_at = ?12,"
		      " started_at = ?13, finished_at = ?14, stopped_at = ?15, updated_at = ?16, doc = ?17",
	[STMT_GET]  = "SELECT " COLUMNS " FROM service_deployment" OF_SERVICE " AND id = ?5",
	[STMT_LIST] = "SELECT " COLUMNS " FROM service_deployment INDEXED BY service_deployment_order" OF_SERVICE
		      " AND (?5 = '' OR n < (SELECT n FROM service_deployment" OF_SERVICE " AND id = ?5))"
		      " AND created_at >= ?6 AND (?7 = 0 OR created_at <= ?7) ORDER BY n DESC",
};
/* clang-format on */
static const struct store_sql service_deployment_sql = { STORE_SERVICE_DEPLOYMENT, sql };

static void
read_row(struct query *q, struct store_service_deployment *v)
{
	memset(v, 0, sizeof(*v));
	query_copy(q, COLUMN_ACCOUNT, v->scope.account, sizeof(v->scope.account));
	query_copy(q, COLUMN_REGION, v->scope.region, sizeof(v->scope.region));
	query_copy(q, COLUMN_CLUSTER, v->cluster, sizeof(v->cluster));
	query_copy(q, COLUMN_SERVICE, v->service, sizeof(v->service));
	query_copy(q, COLUMN_ID, v->id, sizeof(v->id));
	query_copy(q, COLUMN_STATUS, v->status, sizeof(v->status));
	query_copy(q, COLUMN_DEPLOYMENT, v->deployment, sizeof(v->deployment));
	query_copy(q, COLUMN_TARGET_REVISION, v->target_revision, sizeof(v->target_revision));
	query_copy(q, COLUMN_ROLLBACK_REVISION, v->rollback_revision, sizeof(v->rollback_revision));
	v->status_reason = query_dup(q, COLUMN_STATUS_REASON);
	query_copy(q, COLUMN_LIFECYCLE_STAGE, v->lifecycle_stage, sizeof(v->lifecycle_stage));
	v->created_at_ms = query_int(q, COLUMN_CREATED_AT);
	v->started_at_ms = query_int(q, COLUMN_STARTED_AT);
	v->finished_at_ms = query_int(q, COLUMN_FINISHED_AT);
	v->stopped_at_ms = query_int(q, COLUMN_STOPPED_AT);
	v->updated_at_ms = query_int(q, COLUMN_UPDATED_AT);
	v->doc = query_dup(q, COLUMN_DOC);
}

void
store_service_deployment_done(struct store_service_deployment *v)
{
	free(TAKE(v->status_reason));
	free(TAKE(v->doc));
}

int
store_service_deployment_put(
    struct store *s, const struct store_service_deployment *v, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = query_open(&q, s, &service_deployment_sql, STMT_PUT, e);

	if (r < 0)
		return r;
	query_bind_service(&q, &v->scope, v->cluster, v->service);
	query_bind(&q, COLUMN_ID + 1, v->id);
	query_bind(&q, COLUMN_STATUS + 1, v->status);
	query_bind(&q, COLUMN_DEPLOYMENT + 1, v->deployment);
	query_bind(&q, COLUMN_TARGET_REVISION + 1, v->target_revision);
	query_bind(&q, COLUMN_ROLLBACK_REVISION + 1, v->rollback_revision);
	query_bind(&q, COLUMN_STATUS_REASON + 1, v->status_reason);
	query_bind(&q, COLUMN_LIFECYCLE_STAGE + 1, v->lifecycle_stage);
	query_bind_int(&q, COLUMN_CREATED_AT + 1, v->created_at_ms);
	query_bind_int(&q, COLUMN_STARTED_AT + 1, v->started_at_ms);
	query_bind_int(&q, COLUMN_FINISHED_AT + 1, v->finished_at_ms);
	query_bind_int(&q, COLUMN_STOPPED_AT + 1, v->stopped_at_ms);
	query_bind_int(&q, COLUMN_UPDATED_AT + 1, v->updated_at_ms);
	query_bind(&q, COLUMN_DOC + 1, v->doc);
	return query_run(&q);
}

int
store_service_deployment_get(struct store *s, const struct scope *sc, const char *cluster,
    const char *service, const char *id, struct store_service_deployment *ret, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = query_open(&q, s, &service_deployment_sql, STMT_GET, e);

	if (r < 0)
		return r;
	query_bind_service(&q, sc, cluster, service);
	query_bind(&q, 5, id);
	r = query_step(&q);
	if (r > 0)
		read_row(&q, ret);
	return r;
}

static bool
status_wanted(const struct store_service_deployment_filter *f, const char *status)
{
	for (size_t i = 0; i < f->n_statuses; i++)
		if (streq(f->statuses[i], status))
			return true;
	return f->n_statuses == 0;
}

int
store_service_deployment_list(struct store *s, const struct scope *sc, const char *cluster,
    const char *service, const struct store_service_deployment_filter *f, const char *after,
    int limit, int (*fn)(const struct store_service_deployment *v, void *arg), void *arg,
    struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	struct store_service_deployment v;
	int r, stop;

	r = query_open(&q, s, &service_deployment_sql, STMT_LIST, e);
	if (r < 0)
		return r;
	query_bind_service(&q, sc, cluster, service);
	query_bind(&q, 5, after != NULL ? after : "");
	query_bind_int(&q, 6, f->after_ms);
	query_bind_int(&q, 7, f->before_ms);
	while (limit > 0 && (r = query_step(&q)) > 0) {
		if (!status_wanted(f, query_text(&q, COLUMN_STATUS)))
			continue;
		limit--;
		read_row(&q, &v);
		stop = fn(&v, arg);
		store_service_deployment_done(&v);
		if (stop != 0)
			return 0;
	}
	return r < 0 ? r : 0;
}
