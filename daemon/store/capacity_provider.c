/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of capacity providers. Called by the operation files and the reconcile; it must not know
 * what `doc` holds.
 */
#include "daemon/store/capacity_provider.h"
#include "daemon/store/sqlite.h"

#include <string.h>

enum { STMT_PUT, STMT_GET, STMT_GET_BY_GROUP, STMT_LIST, STMT_EXPIRE, STMT_MAX };
_Static_assert(STMT_MAX <= STORE_STATEMENTS_MAX, "statements");

#define COLUMNS "name, status, cluster, asg, doc, deleted_at"

/* clang-format off */
static const char *const sql[STMT_MAX] = {
	[STMT_PUT]          = "INSERT OR REPLACE INTO capacity_provider (account, region, " COLUMNS ")"
			      " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
	[STMT_GET]          = "SELECT " COLUMNS " FROM capacity_provider"
			      " WHERE account = ?1 AND region = ?2 AND name = ?3",
	[STMT_GET_BY_GROUP] = "SELECT " COLUMNS " FROM capacity_provider"
			      " WHERE account = ?1 AND region = ?2 AND asg = ?3 AND status = 'ACTIVE'",
	[STMT_LIST]         = "SELECT " COLUMNS " FROM capacity_provider WHERE account = ?1 AND region = ?2"
			      " AND status = 'ACTIVE' AND name > ?3 ORDER BY name LIMIT ?4",
	[STMT_EXPIRE]       = "DELETE FROM capacity_provider WHERE deleted_at > 0 AND deleted_at < ?1",
};
/* clang-format on */
static const struct store_sql capacity_provider_sql = { STORE_CAPACITY_PROVIDER, sql };

static void
read_row(struct query *q, struct store_capacity_provider *p)
{
	memset(p, 0, sizeof(*p));
	query_copy(q, 0, p->name, sizeof(p->name));
	query_copy(q, 1, p->status, sizeof(p->status));
	query_copy(q, 2, p->cluster, sizeof(p->cluster));
	p->group = query_dup(q, 3);
	p->doc = query_dup(q, 4);
	p->deleted_at_ms = query_int(q, 5);
}

void
store_capacity_provider_done(struct store_capacity_provider *p)
{
	free(TAKE(p->group));
	free(TAKE(p->doc));
}

int
store_capacity_provider_put(
    struct store *s, const struct scope *sc, const struct store_capacity_provider *p, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = query_open(&q, s, &capacity_provider_sql, STMT_PUT, e);

	if (r < 0)
		return r;
	query_bind_scope(&q, sc);
	query_bind(&q, 3, p->name);
	query_bind(&q, 4, p->status);
	query_bind(&q, 5, p->cluster);
	query_bind(&q, 6, p->group);
	query_bind(&q, 7, p->doc);
	query_bind_int(&q, 8, p->deleted_at_ms);
	return query_run(&q);
}

static int
get(struct store *s, const struct scope *sc, unsigned stmt, const char *key,
    struct store_capacity_provider *ret, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = query_open(&q, s, &capacity_provider_sql, stmt, e);

	if (r < 0)
		return r;
	query_bind_scope(&q, sc);
	query_bind(&q, 3, key);
	r = query_step(&q);
	if (r > 0)
		read_row(&q, ret);
	return r;
}

int
store_capacity_provider_get(struct store *s, const struct scope *sc, const char *name,
    struct store_capacity_provider *ret, struct err *e)
{
	return get(s, sc, STMT_GET, name, ret, e);
}

int
store_capacity_provider_get_by_group(struct store *s, const struct scope *sc, const char *group,
    struct store_capacity_provider *ret, struct err *e)
{
	return get(s, sc, STMT_GET_BY_GROUP, group, ret, e);
}

int
store_capacity_provider_list(struct store *s, const struct scope *sc, const char *after, int limit,
    int (*fn)(const struct store_capacity_provider *p, void *arg), void *arg, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	struct store_capacity_provider p;
	int r, stop;

	r = query_open(&q, s, &capacity_provider_sql, STMT_LIST, e);
	if (r < 0)
		return r;
	query_bind_scope(&q, sc);
	query_bind(&q, 3, after != NULL ? after : "");
	query_bind_int(&q, 4, limit);
	while ((r = query_step(&q)) > 0) {
		read_row(&q, &p);
		stop = fn(&p, arg);
		store_capacity_provider_done(&p);
		if (stop != 0)
			return 0;
	}
	return r;
}

int
store_capacity_provider_expire(struct store *s, int64_t before_ms, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = query_open(&q, s, &capacity_provider_sql, STMT_EXPIRE, e);

	if (r < 0)
		return r;
	query_bind_int(&q, 1, before_ms);
	return query_run(&q);
}
