/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of tasks: the busiest table. Called by ecs/task.c, ecs/cluster.c, events.c and the
 * reconcile; it must not know what `doc`, `spec` and `state` hold - but for the task's ARN in
 * `doc`, by which its tags are found.
 */
#include "daemon/store/task.h"
#include "daemon/store/sqlite.h"
#include "daemon/store/task_event.h"

#include <string.h>

enum {
	STMT_INSERT,
	STMT_INSERT_SPEC,
	STMT_UPDATE,
	STMT_GET,
	STMT_DOC,
	STMT_LIST_ANY,
	STMT_LIST_CLUSTER_ANY,
	STMT_LIST_CLUSTER,
	STMT_LIST_FAMILY,
	STMT_LIST_STARTED_BY,
	STMT_LIST_SERVICE,
	STMT_LIST_INSTANCE,
	STMT_LIST_LIVE,
	STMT_LIST_OF_SERVICE,
	STMT_COUNT_SERVICE,
	STMT_LIST_USE,
	STMT_LIST_GROUPS,
	STMT_COUNT_GROUP,
	STMT_COUNT,
	STMT_COUNT_DEFINITION,
	STMT_UNFINISHED,
	STMT_EXPIRE_TAGS,
	STMT_EXPIRE,
	STMT_MAX,
};
_Static_assert(STMT_MAX <= STORE_STATEMENTS_MAX, "statements");
_Static_assert(TASK_STOPPED == 7 && TASK_RUNNING == 3,
    "the statements below and the indexes name these numbers");

/* COLUMN_ numbers are those of COLUMNS. */
/* clang-format off */
#define COLUMNS                                                                                    \
	"id, account, region, cluster, family, revision, task_group, started_by, service,"         \
	" instance, launch_type, last_status, desired_stopped, runner, cleaned_up, created_at,"    \
	" stopped_at, seq, doc, state, zone, provider, checks, started_at, health"
/* clang-format on */
enum {
	COLUMN_ID,
	COLUMN_ACCOUNT,
	COLUMN_REGION,
	COLUMN_CLUSTER,
	COLUMN_FAMILY,
	COLUMN_REVISION,
	COLUMN_GROUP,
	COLUMN_STARTED_BY,
	COLUMN_SERVICE,
	COLUMN_INSTANCE,
	COLUMN_LAUNCH_TYPE,
	COLUMN_LAST_STATUS,
	COLUMN_DESIRED_STOPPED,
	COLUMN_RUNNER,
	COLUMN_CLEANED_UP,
	COLUMN_CREATED_AT,
	COLUMN_STOPPED_AT,
	COLUMN_SEQ,
	COLUMN_DOC,
	COLUMN_STATE,
	COLUMN_ZONE,
	COLUMN_PROVIDER,
	COLUMN_CHECKS,
	COLUMN_STARTED_AT,
	COLUMN_HEALTH,
	COLUMN_SPEC, /* of task_spec */
};

/* The list statements differ in the index that leads: ListTasks of one cluster comes out of an
 * index in the order of ids, however many tasks there are. FILTERS looks at the other columns in
 * the rows; its `+` keeps them away from the indexes. The two statements without desired_stopped in
 * front (_ANY) read everything and sort: no page of an operation needs them. */
#define LIST(lead)                                                                                 \
	"SELECT id FROM task WHERE account = ?1 AND region = ?2" lead FILTERS                      \
	" AND id > ?9 ORDER BY id LIMIT ?10"
#define MAY_BE(n, column) " AND (?" #n " IS NULL OR +" column " = ?" #n ")"
#define FILTERS                                                                                    \
	MAY_BE(4, "family")                                                                        \
	MAY_BE(5, "started_by")                                                                    \
	MAY_BE(6, "service")                                                                       \
	MAY_BE(7, "instance")                                                                      \
	MAY_BE(11, "launch_type")
#define DESIRED " AND desired_stopped = ?8"
#define EXPIRED                                                                                    \
	"SELECT n FROM task INDEXED BY task_stopped WHERE last_status = 7 AND cleaned_up = 1"      \
	" AND stopped_at < ?1 ORDER BY stopped_at, n LIMIT ?2"

/* clang-format off */
#define ON_INSTANCE                                                                                \
	" FROM task INDEXED BY task_live WHERE account = ?1 AND region = ?2 AND cluster = ?3"      \
	" AND last_status < 7 AND instance = ?4"
#define OF_SERVICE                                                                                 \
	" FROM task INDEXED BY task_live_service WHERE account = ?1 AND region = ?2"               \
	" AND cluster = ?3 AND service = ?4 AND last_status < 7"
static const char *const sql[STMT_MAX] = {
	[STMT_INSERT]           = "INSERT INTO task (" COLUMNS ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10,"
				  " ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25)",
	[STMT_INSERT_SPEC]      = "INSERT INTO task_spec (n, spec) VALUES (last_insert_rowid(), ?1)",
	[STMT_UPDATE]           = "UPDATE task SET last_status = ?2, desired_stopped = ?3, runner = ?4, cleaned_up = ?5,"
				  " stopped_at = ?6, seq = ?7, doc = ?8, state = ?9, started_at = ?10, health = ?11 WHERE id = ?1",
	[STMT_GET]              = "SELECT " COLUMNS ", spec FROM task LEFT JOIN task_spec USING (n) WHERE id = ?1",
	[STMT_DOC]              = "SELECT account, region, cluster, doc FROM task WHERE id = ?1",
	[STMT_LIST_ANY]         = LIST(MAY_BE(8, "desired_stopped")),
	[STMT_LIST_CLUSTER_ANY] = LIST(" AND cluster = ?3" MAY_BE(8, "desired_stopped")),
	[STMT_LIST_CLUSTER]     = LIST(" AND cluster = ?3" DESIRED),
	[STMT_LIST_FAMILY]      = LIST(" AND cluster = ?3 AND family = ?4" DESIRED),
	[STMT_LIST_STARTED_BY]  = LIST(" AND cluster = ?3 AND started_by = ?5" DESIRED),
	[STMT_LIST_SERVICE]     = LIST(" AND cluster = ?3 AND service = ?6" DESIRED),
	[STMT_LIST_INSTANCE]    = LIST(" AND cluster = ?3 AND instance = ?7" DESIRED),
	[STMT_LIST_LIVE]        = "SELECT id FROM task INDEXED BY task_live WHERE account = ?1 AND region = ?2"
				  " AND cluster = ?3 AND last_status < 7",
	[STMT_LIST_OF_SERVICE]  = "SELECT " COLUMNS ", NULL" OF_SERVICE " ORDER BY started_by, n",
	[STMT_COUNT_SERVICE]    = "SELECT started_by, sum(last_status = 3),"
				  " sum(last_status <> 3 AND desired_stopped = 0), count(*)" OF_SERVICE
				  " GROUP BY started_by",
	[STMT_LIST_USE]         = "SELECT family, revision, CAST(json_extract(doc, '$.cpu') AS INTEGER),"
				  " CAST(json_extract(doc, '$.memory') AS INTEGER), last_status = 3,"
				  " last_status <> 3 AND desired_stopped = 0, count(*)" ON_INSTANCE
				  " GROUP BY 1, 2, 3, 4, 5, 6",
	[STMT_LIST_GROUPS]      = "SELECT DISTINCT task_group" ON_INSTANCE " AND task_group IS NOT NULL",
	[STMT_COUNT_GROUP]      = "SELECT count(*)" ON_INSTANCE " AND task_group = ?5",
	[STMT_COUNT]            = "SELECT fargate, running, n FROM task_count"
				  " WHERE account = ?1 AND region = ?2 AND cluster = ?3",
	[STMT_COUNT_DEFINITION] = "SELECT count(*) FROM task INDEXED BY task_live_definition"
				  " WHERE account = ?1 AND region = ?2 AND family = ?3 AND revision = ?4"
				  " AND last_status < 7",
	[STMT_UNFINISHED]       = "SELECT " COLUMNS ", spec FROM task INDEXED BY task_unfinished"
				  " LEFT JOIN task_spec USING (n) WHERE cleaned_up = 0 ORDER BY n",
	[STMT_EXPIRE_TAGS]      = "DELETE FROM tag WHERE arn IN (SELECT json_extract(doc, '$.taskArn') FROM task"
				  " WHERE n IN (" EXPIRED ") AND json_valid(doc))",
	[STMT_EXPIRE]           = "DELETE FROM task WHERE n IN (" EXPIRED ")",
};
/* clang-format on */
static const struct store_sql task_sql = { STORE_TASK, sql };

static void
read_row(struct query *q, struct store_task *t)
{
	memset(t, 0, sizeof(*t));
	query_copy(q, COLUMN_ID, t->id, sizeof(t->id));
	query_copy(q, COLUMN_ACCOUNT, t->scope.account, sizeof(t->scope.account));
	query_copy(q, COLUMN_REGION, t->scope.region, sizeof(t->scope.region));
	query_copy(q, COLUMN_CLUSTER, t->cluster, sizeof(t->cluster));
	query_copy(q, COLUMN_FAMILY, t->family, sizeof(t->family));
	t->revision = query_int(q, COLUMN_REVISION);
	t->group = query_dup(q, COLUMN_GROUP);
	t->started_by = query_dup(q, COLUMN_STARTED_BY);
	t->service = query_dup(q, COLUMN_SERVICE);
	t->instance = query_dup(q, COLUMN_INSTANCE);
	query_copy(q, COLUMN_LAUNCH_TYPE, t->launch_type, sizeof(t->launch_type));
	t->last_status = (enum task_state)query_int(q, COLUMN_LAST_STATUS);
	t->desired_stopped = query_int(q, COLUMN_DESIRED_STOPPED) != 0;
	t->runner = (enum runner_kind)query_int(q, COLUMN_RUNNER);
	t->cleaned_up = query_int(q, COLUMN_CLEANED_UP) != 0;
	t->created_at_ms = query_int(q, COLUMN_CREATED_AT);
	t->stopped_at_ms = query_int(q, COLUMN_STOPPED_AT);
	t->seq = (uint64_t)query_int(q, COLUMN_SEQ);
	t->doc = query_dup(q, COLUMN_DOC);
	t->state = query_dup_blob(q, COLUMN_STATE, &t->state_len);
	t->zone = query_dup(q, COLUMN_ZONE);
	t->provider = query_dup(q, COLUMN_PROVIDER);
	t->checks = query_int(q, COLUMN_CHECKS);
	t->started_at_ms = query_int(q, COLUMN_STARTED_AT);
	t->health = (enum health_state)query_int(q, COLUMN_HEALTH);
	t->spec = query_dup_blob(q, COLUMN_SPEC, &t->spec_len);
}

void
store_task_done(struct store_task *t)
{
	free(TAKE(t->group));
	free(TAKE(t->started_by));
	free(TAKE(t->service));
	free(TAKE(t->instance));
	free(TAKE(t->zone));
	free(TAKE(t->provider));
	free(TAKE(t->doc));
	free(TAKE(t->spec));
	free(TAKE(t->state));
}

/* The parameter of a column is one more than its number. */
static int
insert_row(struct store *s, const struct store_task *t, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = query_open(&q, s, &task_sql, STMT_INSERT, e);

	if (r < 0)
		return r;
	query_bind(&q, COLUMN_ID + 1, t->id);
	query_bind(&q, COLUMN_ACCOUNT + 1, t->scope.account);
	query_bind(&q, COLUMN_REGION + 1, t->scope.region);
	query_bind(&q, COLUMN_CLUSTER + 1, t->cluster);
	query_bind(&q, COLUMN_FAMILY + 1, t->family);
	query_bind_int(&q, COLUMN_REVISION + 1, t->revision);
	query_bind(&q, COLUMN_GROUP + 1, t->group);
	query_bind(&q, COLUMN_STARTED_BY + 1, t->started_by);
	query_bind(&q, COLUMN_SERVICE + 1, t->service);
	query_bind(&q, COLUMN_INSTANCE + 1, t->instance);
	query_bind(&q, COLUMN_LAUNCH_TYPE + 1, t->launch_type);
	query_bind_int(&q, COLUMN_LAST_STATUS + 1, t->last_status);
	query_bind_int(&q, COLUMN_DESIRED_STOPPED + 1, t->desired_stopped);
	query_bind_int(&q, COLUMN_RUNNER + 1, t->runner);
	query_bind_int(&q, COLUMN_CLEANED_UP + 1, t->cleaned_up);
	query_bind_int(&q, COLUMN_CREATED_AT + 1, t->created_at_ms);
	query_bind_int(&q, COLUMN_STOPPED_AT + 1, t->stopped_at_ms);
	query_bind_int(&q, COLUMN_SEQ + 1, (int64_t)t->seq);
	query_bind(&q, COLUMN_DOC + 1, t->doc);
	query_bind_blob(&q, COLUMN_STATE + 1, t->state, t->state_len);
	query_bind(&q, COLUMN_ZONE + 1, t->zone);
	query_bind(&q, COLUMN_PROVIDER + 1, t->provider);
	query_bind_int(&q, COLUMN_CHECKS + 1, t->checks);
	query_bind_int(&q, COLUMN_STARTED_AT + 1, t->started_at_ms);
	query_bind_int(&q, COLUMN_HEALTH + 1, t->health);
	return query_run(&q);
}

/* Several statements: the caller's transaction holds them together. */
int
store_task_insert(struct store *s, const struct store_task *t, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = store_task_event_add(s, t, e);

	if (r == 0)
		r = insert_row(s, t, e);
	if (r == 0)
		r = query_open(&q, s, &task_sql, STMT_INSERT_SPEC, e);
	if (r < 0)
		return r;
	query_bind_blob(&q, 1, t->spec, t->spec_len);
	return query_run(&q);
}

int
store_task_update(struct store *s, const struct store_task *t, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = store_task_event_add(s, t, e);

	if (r == 0)
		r = query_open(&q, s, &task_sql, STMT_UPDATE, e);
	if (r < 0)
		return r;
	query_bind(&q, 1, t->id);
	query_bind_int(&q, 2, t->last_status);
	query_bind_int(&q, 3, t->desired_stopped);
	query_bind_int(&q, 4, t->runner);
	query_bind_int(&q, 5, t->cleaned_up);
	query_bind_int(&q, 6, t->stopped_at_ms);
	query_bind_int(&q, 7, (int64_t)t->seq);
	query_bind(&q, 8, t->doc);
	query_bind_blob(&q, 9, t->state, t->state_len);
	query_bind_int(&q, 10, t->started_at_ms);
	query_bind_int(&q, 11, t->health);
	return query_run(&q);
}

int
store_task_get(struct store *s, const char *id, struct store_task *ret, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = query_open(&q, s, &task_sql, STMT_GET, e);

	if (r < 0)
		return r;
	query_bind(&q, 1, id);
	r = query_step(&q);
	if (r > 0)
		read_row(&q, ret);
	return r;
}

int
store_task_doc(struct store *s, const struct scope *sc, const char *cluster, const char *id,
    char **ret_doc, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = query_open(&q, s, &task_sql, STMT_DOC, e);

	if (r < 0)
		return r;
	query_bind(&q, 1, id);
	r = query_step(&q);
	if (r <= 0)
		return r;
	if (!streq(query_text(&q, 0), sc->account) || !streq(query_text(&q, 1), sc->region) ||
	    !streq(query_text(&q, 2), cluster))
		return 0;
	*ret_doc = query_dup(&q, 3);
	return 1;
}

/* The statement whose index narrows most. */
static unsigned
list_statement(const struct store_task_filter *f)
{
	if (f->cluster == NULL)
		return STMT_LIST_ANY;
	if (f->desired_stopped < 0)
		return STMT_LIST_CLUSTER_ANY;
	if (f->started_by != NULL)
		return STMT_LIST_STARTED_BY;
	if (f->service != NULL)
		return STMT_LIST_SERVICE;
	if (f->instance != NULL)
		return STMT_LIST_INSTANCE;
	return f->family != NULL ? STMT_LIST_FAMILY : STMT_LIST_CLUSTER;
}

int
store_task_list(struct store *s, const struct scope *sc, const struct store_task_filter *f,
    const char *after, int limit, int (*fn)(const char *id, void *arg), void *arg, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = query_open(&q, s, &task_sql, list_statement(f), e);

	if (r < 0)
		return r;
	query_bind_scope(&q, sc);
	if (f->cluster != NULL)
		query_bind(&q, 3, f->cluster);
	query_bind(&q, 4, f->family);
	query_bind(&q, 5, f->started_by);
	query_bind(&q, 6, f->service);
	query_bind(&q, 7, f->instance);
	if (f->desired_stopped >= 0)
		query_bind_int(&q, 8, f->desired_stopped != 0);
	query_bind(&q, 9, after != NULL ? after : "");
	query_bind_int(&q, 10, limit);
	query_bind(&q, 11, f->launch_type);
	while ((r = query_step(&q)) > 0)
		if (fn(query_text(&q, 0), arg) != 0)
			return 0;
	return r;
}

int
store_task_list_live(struct store *s, const struct scope *sc, const char *cluster,
    int (*fn)(const char *id, void *arg), void *arg, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = query_open(&q, s, &task_sql, STMT_LIST_LIVE, e);

	if (r < 0)
		return r;
	query_bind_scope(&q, sc);
	query_bind(&q, 3, cluster);
	while ((r = query_step(&q)) > 0)
		if (fn(query_text(&q, 0), arg) != 0)
			return 0;
	return r;
}

int
store_task_list_service(struct store *s, const struct scope *sc, const char *cluster,
    const char *service, int (*fn)(const struct store_task *t, void *arg), void *arg, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	struct store_task t;
	int r, stop;

	r = query_open(&q, s, &task_sql, STMT_LIST_OF_SERVICE, e);
	if (r < 0)
		return r;
	query_bind_service(&q, sc, cluster, service);
	while ((r = query_step(&q)) > 0) {
		read_row(&q, &t);
		stop = fn(&t, arg);
		store_task_done(&t);
		if (stop != 0)
			return 0;
	}
	return r;
}

int
store_task_count_service(struct store *s, const struct scope *sc, const char *cluster,
    const char *service, int (*fn)(const struct store_task_service_count *n, void *arg), void *arg,
    struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	struct store_task_service_count n;
	int r = query_open(&q, s, &task_sql, STMT_COUNT_SERVICE, e);

	if (r < 0)
		return r;
	query_bind_service(&q, sc, cluster, service);
	while ((r = query_step(&q)) > 0) {
		n.started_by = query_text(&q, 0);
		n.running = query_int(&q, 1);
		n.pending = query_int(&q, 2);
		n.n = query_int(&q, 3);
		if (fn(&n, arg) != 0)
			return 0;
	}
	return r;
}

/* Opens a statement about the unfinished tasks of an instance. */
static int
open_on_instance(struct query *q, struct store *s, unsigned stmt, const struct scope *sc,
    const char *cluster, const char *instance, struct err *e)
{
	int r = query_open(q, s, &task_sql, stmt, e);

	if (r < 0)
		return r;
	query_bind_scope(q, sc);
	query_bind(q, 3, cluster);
	query_bind(q, 4, instance);
	return 0;
}

int
store_task_list_use(struct store *s, const struct scope *sc, const char *cluster,
    const char *instance, int (*fn)(const struct store_task_use *u, void *arg), void *arg,
    struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	struct store_task_use u;
	int r = open_on_instance(&q, s, STMT_LIST_USE, sc, cluster, instance, e);

	if (r < 0)
		return r;
	while ((r = query_step(&q)) > 0) {
		query_copy(&q, 0, u.family, sizeof(u.family));
		u.revision = query_int(&q, 1);
		u.cpu_units = query_int(&q, 2);
		u.memory_mib = query_int(&q, 3);
		u.running = query_int(&q, 4) != 0;
		u.pending = query_int(&q, 5) != 0;
		u.n = query_int(&q, 6);
		if (fn(&u, arg) != 0)
			return 0;
	}
	return r;
}

int
store_task_count_group(struct store *s, const struct scope *sc, const char *cluster,
    const char *instance, const char *group, int64_t *ret, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = open_on_instance(&q, s, STMT_COUNT_GROUP, sc, cluster, instance, e);

	if (r < 0)
		return r;
	query_bind(&q, 5, group);
	r = query_step(&q);
	if (r < 0)
		return r;
	*ret = query_int(&q, 0);
	return 0;
}

int
store_task_list_groups(struct store *s, const struct scope *sc, const char *cluster,
    const char *instance, int (*fn)(const char *group, void *arg), void *arg, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = open_on_instance(&q, s, STMT_LIST_GROUPS, sc, cluster, instance, e);

	if (r < 0)
		return r;
	while ((r = query_step(&q)) > 0)
		if (fn(query_text(&q, 0), arg) != 0)
			return 0;
	return r;
}

int
store_task_count(struct store *s, const struct scope *sc, const char *cluster,
    struct store_task_counts *ret, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	struct store_task_counts counts = { { 0 }, { 0 } };
	int r;

	r = query_open(&q, s, &task_sql, STMT_COUNT, e);
	if (r < 0)
		return r;
	query_bind_scope(&q, sc);
	query_bind(&q, 3, cluster);
	while ((r = query_step(&q)) > 0) {
		int fargate = query_int(&q, 0) != 0;

		if (query_int(&q, 1) != 0)
			counts.running[fargate] = query_int(&q, 2);
		else
			counts.pending[fargate] = query_int(&q, 2);
	}
	if (r < 0)
		return r;
	*ret = counts;
	return 0;
}

int
store_task_count_definition(struct store *s, const struct scope *sc, const char *family,
    int64_t revision, int64_t *ret, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = query_open(&q, s, &task_sql, STMT_COUNT_DEFINITION, e);

	if (r < 0)
		return r;
	query_bind_scope(&q, sc);
	query_bind(&q, 3, family);
	query_bind_int(&q, 4, revision);
	r = query_step(&q);
	if (r < 0)
		return r;
	*ret = query_int(&q, 0);
	return 0;
}

int
store_task_unfinished(
    struct store *s, int (*fn)(const struct store_task *t, void *arg), void *arg, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	struct store_task t;
	int r, stop;

	r = query_open(&q, s, &task_sql, STMT_UNFINISHED, e);
	if (r < 0)
		return r;
	while ((r = query_step(&q)) > 0) {
		read_row(&q, &t);
		stop = fn(&t, arg);
		store_task_done(&t);
		if (stop != 0)
			return 0;
	}
	return r;
}

static int
expire(struct store *s, unsigned stmt, int64_t before_ms, int limit, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = query_open(&q, s, &task_sql, stmt, e);

	if (r < 0)
		return r;
	query_bind_int(&q, 1, before_ms);
	query_bind_int(&q, 2, limit);
	r = query_run(&q);
	return r < 0 ? r : sqlite3_changes(s->db);
}

int
store_task_expire(struct store *s, int64_t before_ms, int limit, struct err *e)
{
	int r = expire(s, STMT_EXPIRE_TAGS, before_ms, limit, e);

	return r < 0 ? r : expire(s, STMT_EXPIRE, before_ms, limit, e);
}
