/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of clusters. Called by ecs/cluster.c and ecs/cluster_ref.c; it must not know what `doc`
 * holds.
 */
#include "daemon/store/cluster.h"
#include "daemon/store/sqlite.h"

#include <string.h>

enum { STMT_GET, STMT_PUT, STMT_LIST, STMT_EXPIRE, STMT_MAX };
_Static_assert(STMT_MAX <= STORE_STATEMENTS_MAX, "statements");

#define COLUMNS "name, status, created_at, deleted_at, doc"

/* clang-format off */
static const char *const sql[STMT_MAX] = {
	[STMT_GET]    = "SELECT " COLUMNS " FROM cluster WHERE account = ?1 AND region = ?2 AND name = ?3",
	[STMT_PUT]    = "INSERT OR REPLACE INTO cluster (account, region, " COLUMNS ")"
			" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
	[STMT_LIST]   = "SELECT " COLUMNS " FROM cluster WHERE account = ?1 AND region = ?2 AND status = 'ACTIVE'"
			" AND name > ?3 ORDER BY name LIMIT ?4",
	[STMT_EXPIRE] = "DELETE FROM cluster WHERE deleted_at > 0 AND deleted_at < ?1",
};
/* clang-format on */
static const struct store_sql cluster_sql = { STORE_CLUSTER, sql };

static void
read_row(struct query *q, struct store_cluster *c)
{
	memset(c, 0, sizeof(*c));
	query_copy(q, 0, c->name, sizeof(c->name));
	query_copy(q, 1, c->status, sizeof(c->status));
	c->created_at_ms = query_int(q, 2);
	c->deleted_at_ms = query_int(q, 3);
	c->doc = query_dup(q, 4);
}

void
store_cluster_done(struct store_cluster *c)
{
	free(TAKE(c->doc));
}

int
store_cluster_get(struct store *s, const struct scope *sc, const char *name,
    struct store_cluster *ret, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = query_open(&q, s, &cluster_sql, STMT_GET, e);

	if (r < 0)
		return r;
	query_bind_scope(&q, sc);
	query_bind(&q, 3, name);
	r = query_step(&q);
	if (r > 0)
		read_row(&q, ret);
	return r;
}

int
store_cluster_put(
    struct store *s, const struct scope *sc, const struct store_cluster *c, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = query_open(&q, s, &cluster_sql, STMT_PUT, e);

	if (r < 0)
		return r;
	query_bind_scope(&q, sc);
	query_bind(&q, 3, c->name);
	query_bind(&q, 4, c->status);
	query_bind_int(&q, 5, c->created_at_ms);
	query_bind_int(&q, 6, c->deleted_at_ms);
	query_bind(&q, 7, c->doc);
	return query_run(&q);
}

int
store_cluster_list(struct store *s, const struct scope *sc, const char *after, int limit,
    int (*fn)(const struct store_cluster *c, void *arg), void *arg, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	struct store_cluster c;
	int r, stop;

	r = query_open(&q, s, &cluster_sql, STMT_LIST, e);
	if (r < 0)
		return r;
	query_bind_scope(&q, sc);
	query_bind(&q, 3, after != NULL ? after : "");
	query_bind_int(&q, 4, limit);
	while ((r = query_step(&q)) > 0) {
		read_row(&q, &c);
		stop = fn(&c, arg);
		store_cluster_done(&c);
		if (stop != 0)
			return 0;
	}
	return r;
}

int
store_cluster_expire(struct store *s, int64_t before_ms, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = query_open(&q, s, &cluster_sql, STMT_EXPIRE, e);

	if (r < 0)
		return r;
	query_bind_int(&q, 1, before_ms);
	return query_run(&q);
}
