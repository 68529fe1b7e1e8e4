/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of services. Called by the operation files, the scheduler and the reconcile; of `doc` it
 * knows the service's ARN, by which its tags are found, and the names of capacity providers. What
 * belongs to a service has files of its own and goes with its row.
 */
#include "daemon/store/service.h"
#include "daemon/store/sqlite.h"

#include <string.h>

enum {
	STMT_PUT,
	STMT_GET,
	STMT_LIST,
	STMT_LIST_CLUSTER,
	STMT_LIST_NAMESPACE,
	STMT_LIVE,
	STMT_COUNT,
	STMT_FIND_PROVIDER,
	STMT_FORGET_TAGS,
	STMT_FORGET_TASK_SET_TAGS,
	STMT_FORGET,
	STMT_EXPIRED,
	STMT_MAX,
};
_Static_assert(STMT_MAX <= STORE_STATEMENTS_MAX, "statements");

/* COLUMN_ numbers are those of COLUMNS; the parameter of a column is one more. */
/* clang-format off */
#define COLUMNS                                                                                    \
	"account, region, cluster, name, status, scheduling, controller, launch_type, namespace,"  \
	" desired_count, created_at, inactive_at, revision, doc, state"
/* clang-format on */
enum {
	COLUMN_ACCOUNT,
	COLUMN_REGION,
	COLUMN_CLUSTER,
	COLUMN_NAME,
	COLUMN_STATUS,
	COLUMN_SCHEDULING,
	COLUMN_CONTROLLER,
	COLUMN_LAUNCH_TYPE,
	COLUMN_NAMESPACE,
	COLUMN_DESIRED_COUNT,
	COLUMN_CREATED_AT,
	COLUMN_INACTIVE_AT,
	COLUMN_REVISION,
	COLUMN_DOC,
	COLUMN_STATE,
};

#define NAMED_DAEMON(name) "(" name " GLOB 'daemon/*')" /* ARN_DAEMON_PREFIX */
/* The list statements differ in the index that leads; they come out of it in the order of cluster
 * and name. */
#define LIST(lead)                                                                                 \
	"SELECT " COLUMNS " FROM service WHERE account = ?1 AND region = ?2" lead                  \
	" AND (?7 IS NULL OR launch_type = ?7) AND (?8 IS NULL OR scheduling = ?8)"                \
	" AND (?11 IS NULL OR json_extract(doc, '$.resourceManagementType') = ?11)"                \
	" AND (?12 = 2 OR " NAMED_DAEMON(                                                          \
	    "name") " = ?12)"                                                                      \
		    " AND (?9 OR status <> 'INACTIVE') ORDER BY cluster, name LIMIT ?10"
#define AFTER " AND (cluster, name) > (?3, ?4)"
#define KEYED " WHERE account = ?1 AND region = ?2 AND cluster = ?3 AND name = ?4"

/* clang-format off */
static const char *const sql[STMT_MAX] = {
	[STMT_PUT]                  = "INSERT INTO service (" COLUMNS ", fargate)"
				      " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15,"
				      " CASE WHEN " NAMED_DAEMON("?4") " THEN 2 ELSE " SERVICE_FARGATE("?8", "?14") " END)"
				      " ON CONFLICT DO UPDATE SET status = ?5, scheduling = ?6, controller = ?7,"
				      " launch_type = ?8, namespace = ?9, desired_count = ?10, created_at = ?11,"
				      " inactive_at = ?12, revision = ?13, doc = ?14, state = ?15,"
				      " fargate = excluded.fargate",
	[STMT_GET]                  = "SELECT " COLUMNS " FROM service" KEYED,
	[STMT_LIST]                 = LIST(AFTER " AND (?6 IS NULL OR namespace = ?6)"),
	[STMT_LIST_CLUSTER]         = LIST(" AND cluster = ?5 AND name > ?4 AND (?6 IS NULL OR namespace = ?6)"),
	[STMT_LIST_NAMESPACE]       = LIST(AFTER " AND namespace = ?6"),
	[STMT_LIVE]                 = "SELECT " COLUMNS " FROM service INDEXED BY service_live"
				      " WHERE status <> 'INACTIVE' ORDER BY account, region, cluster, name",
	[STMT_COUNT]                = "SELECT status, fargate, count(*) FROM service INDEXED BY service_count"
				      " WHERE account = ?1 AND region = ?2 AND cluster = ?3"
				      " AND status <> 'INACTIVE' AND fargate < 2 GROUP BY status, fargate",
	[STMT_FIND_PROVIDER]        = "SELECT name FROM service, json_each(doc, '$.capacityProviderStrategy')"
				      " WHERE account = ?1 AND region = ?2 AND status <> 'INACTIVE'"
				      " AND json_extract(json_each.value, '$.capacityProvider') = ?3 LIMIT 1",
	[STMT_FORGET_TAGS]          = "DELETE FROM tag WHERE arn IN"
				      " (SELECT json_extract(doc, '$.serviceArn') FROM service" KEYED ")",
	[STMT_FORGET_TASK_SET_TAGS] = "DELETE FROM tag WHERE arn IN"
				      " (SELECT json_extract(doc, '$.taskSetArn') FROM deployment"
				      " WHERE account = ?1 AND region = ?2 AND cluster = ?3 AND service = ?4"
				      " AND task_set)",
	[STMT_FORGET]               = "DELETE FROM service" KEYED,
	[STMT_EXPIRED]              = "SELECT " COLUMNS " FROM service INDEXED BY service_inactive"
				      " WHERE inactive_at > 0 AND inactive_at < ?1 ORDER BY inactive_at LIMIT ?2",
};
/* clang-format on */
static const struct store_sql service_sql = { STORE_SERVICE, sql };

static void
read_row(struct query *q, struct store_service *v)
{
	memset(v, 0, sizeof(*v));
	query_copy(q, COLUMN_ACCOUNT, v->scope.account, sizeof(v->scope.account));
	query_copy(q, COLUMN_REGION, v->scope.region, sizeof(v->scope.region));
	query_copy(q, COLUMN_CLUSTER, v->cluster, sizeof(v->cluster));
	query_copy(q, COLUMN_NAME, v->name, sizeof(v->name));
	query_copy(q, COLUMN_STATUS, v->status, sizeof(v->status));
	query_copy(q, COLUMN_SCHEDULING, v->scheduling, sizeof(v->scheduling));
	query_copy(q, COLUMN_CONTROLLER, v->controller, sizeof(v->controller));
	query_copy(q, COLUMN_LAUNCH_TYPE, v->launch_type, sizeof(v->launch_type));
	v->namespace = query_dup(q, COLUMN_NAMESPACE);
	v->desired_count = query_int(q, COLUMN_DESIRED_COUNT);
	v->created_at_ms = query_int(q, COLUMN_CREATED_AT);
	v->inactive_at_ms = query_int(q, COLUMN_INACTIVE_AT);
	query_copy(q, COLUMN_REVISION, v->revision, sizeof(v->revision));
	v->doc = query_dup(q, COLUMN_DOC);
	v->state = query_dup(q, COLUMN_STATE);
}

void
store_service_done(struct store_service *v)
{
	free(TAKE(v->namespace));
	free(TAKE(v->doc));
	free(TAKE(v->state));
}

int
store_service_put(struct store *s, const struct store_service *v, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = query_open(&q, s, &service_sql, STMT_PUT, e);

	if (r < 0)
		return r;
	query_bind_service(&q, &v->scope, v->cluster, v->name);
	query_bind(&q, COLUMN_STATUS + 1, v->status);
	query_bind(&q, COLUMN_SCHEDULING + 1, v->scheduling);
	query_bind(&q, COLUMN_CONTROLLER + 1, v->controller);
	query_bind(&q, COLUMN_LAUNCH_TYPE + 1, v->launch_type);
	query_bind(&q, COLUMN_NAMESPACE + 1, v->namespace);
	query_bind_int(&q, COLUMN_DESIRED_COUNT + 1, v->desired_count);
	query_bind_int(&q, COLUMN_CREATED_AT + 1, v->created_at_ms);
	query_bind_int(&q, COLUMN_INACTIVE_AT + 1, v->inactive_at_ms);
	query_bind(&q, COLUMN_REVISION + 1, v->revision);
	query_bind(&q, COLUMN_DOC + 1, v->doc);
	query_bind(&q, COLUMN_STATE + 1, v->state);
	return query_run(&q);
}

int
store_service_get(struct store *s, const struct scope *sc, const char *cluster, const char *name,
    struct store_service *ret, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = query_open(&q, s, &service_sql, STMT_GET, e);

	if (r < 0)
		return r;
	query_bind_service(&q, sc, cluster, name);
	r = query_step(&q);
	if (r > 0)
		read_row(&q, ret);
	return r;
}

/* Gives every row to fn until it returns non-zero. */
static int
walk(struct query *q, int (*fn)(const struct store_service *v, void *arg), void *arg)
{
	struct store_service v;
	int r, stop;

	while ((r = query_step(q)) > 0) {
		read_row(q, &v);
		stop = fn(&v, arg);
		store_service_done(&v);
		if (stop != 0)
			return 0;
	}
	return r;
}

int
store_service_list(struct store *s, const struct scope *sc, const struct store_service_filter *f,
    const char *after, int limit, int (*fn)(const struct store_service *v, void *arg), void *arg,
    struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	_cleanup_free_ char *after_cluster = NULL;
	const char *slash = after != NULL ? strchr(after, '/') : NULL;
	unsigned stmt = STMT_LIST;
	int r;

	if (f->cluster != NULL)
		stmt = STMT_LIST_CLUSTER;
	else if (f->namespace != NULL)
		stmt = STMT_LIST_NAMESPACE;
	r = query_open(&q, s, &service_sql, stmt, e);
	if (r < 0)
		return r;
	after_cluster = slash != NULL ? xstrndup(after, (size_t)(slash - after)) : xstrdup("");
	query_bind_service(&q, sc, after_cluster, slash != NULL ? slash + 1 : "");
	query_bind(&q, 6, f->namespace);
	query_bind(&q, 7, f->launch_type);
	query_bind(&q, 8, f->scheduling);
	query_bind_int(&q, 9, f->inactive_too);
	query_bind_int(&q, 10, limit);
	query_bind(&q, 11, f->management);
	query_bind_int(&q, 12, f->kind);
	if (f->cluster != NULL)
		query_bind(&q, 5, f->cluster);
	return walk(&q, fn, arg);
}

int
store_service_live(
    struct store *s, int (*fn)(const struct store_service *v, void *arg), void *arg, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = query_open(&q, s, &service_sql, STMT_LIVE, e);

	return r < 0 ? r : walk(&q, fn, arg);
}

int
store_service_count(struct store *s, const struct scope *sc, const char *cluster,
    struct store_service_counts *ret, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	struct store_service_counts counts = { 0 };
	int r = query_open(&q, s, &service_sql, STMT_COUNT, e);

	if (r < 0)
		return r;
	query_bind_scope(&q, sc);
	query_bind(&q, 3, cluster);
	while ((r = query_step(&q)) > 0) {
		bool active = streq(query_text(&q, 0), "ACTIVE");
		bool fargate = query_int(&q, 1) != 0;
		int64_t n = query_int(&q, 2);

		*(active ? &counts.active : &counts.draining) += n;
		if (active)
			*(fargate ? &counts.active_fargate : &counts.active_ec2) += n;
		else
			*(fargate ? &counts.draining_fargate : &counts.draining_ec2) += n;
	}
	if (r < 0)
		return r;
	*ret = counts;
	return 0;
}

int
store_service_find_provider(
    struct store *s, const struct scope *sc, const char *provider, char **ret_name, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = query_open(&q, s, &service_sql, STMT_FIND_PROVIDER, e);

	if (r < 0)
		return r;
	query_bind_scope(&q, sc);
	query_bind(&q, 3, provider);
	r = query_step(&q);
	if (r > 0)
		*ret_name = query_dup(&q, 0);
	return r;
}

static int
run_keyed(struct store *s, unsigned stmt, const struct scope *sc, const char *cluster,
    const char *name, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = query_open(&q, s, &service_sql, stmt, e);

	if (r < 0)
		return r;
	query_bind_service(&q, sc, cluster, name);
	return query_run(&q);
}

int
store_service_forget(
    struct store *s, const struct scope *sc, const char *cluster, const char *name, struct err *e)
{
	int r = run_keyed(s, STMT_FORGET_TAGS, sc, cluster, name, e);

	if (r == 0)
		r = run_keyed(s, STMT_FORGET_TASK_SET_TAGS, sc, cluster, name, e);
	return r < 0 ? r : run_keyed(s, STMT_FORGET, sc, cluster, name, e);
}

struct expiry {
	struct store *store;
	int n;
	int result;
	struct err *e;
};

static int
on_expired(const struct store_service *v, void *arg)
{
	struct expiry *x = arg;

	x->result = store_service_forget(x->store, &v->scope, v->cluster, v->name, x->e);
	if (x->result < 0)
		return 1;
	x->n++;
	return 0;
}

int
store_service_expire(struct store *s, int64_t before_ms, int limit, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	struct expiry x = { .store = s, .e = e };
	int r = query_open(&q, s, &service_sql, STMT_EXPIRED, e);

	if (r < 0)
		return r;
	query_bind_int(&q, 1, before_ms);
	query_bind_int(&q, 2, limit);
	r = walk(&q, on_expired, &x);
	if (r == 0)
		r = x.result;
	return r < 0 ? r : x.n;
}
