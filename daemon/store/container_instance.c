/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of container instances. Called by the operation files; it must not know what `doc` holds.
 */
#include "daemon/store/container_instance.h"
#include "daemon/store/sqlite.h"

#include <string.h>

enum { STMT_PUT, STMT_GET, STMT_LIST, STMT_COUNT, STMT_DELETE, STMT_MAX };
_Static_assert(STMT_MAX <= STORE_STATEMENTS_MAX, "statements");

#define COLUMNS "id, cluster, status, synthetic, doc"

/* clang-format off */
static const char *const sql[STMT_MAX] = {
	[STMT_PUT]    = "INSERT OR REPLACE INTO container_instance (account, region, " COLUMNS ")"
			" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
	[STMT_GET]    = "SELECT " COLUMNS " FROM container_instance WHERE account = ?1 AND region = ?2 AND id = ?3",
	[STMT_LIST]   = "SELECT " COLUMNS " FROM container_instance"
			" WHERE account = ?1 AND region = ?2 AND cluster = ?3 AND id > ?4 ORDER BY id LIMIT ?5",
	[STMT_COUNT]  = ("SELECT count(*) FROM container_instance WHERE account = ?1 AND region = ?2"
			 " AND cluster = ?3 AND status <> 'INACTIVE' AND synthetic <= ?4"),
	[STMT_DELETE] = "DELETE FROM container_instance WHERE account = ?1 AND region = ?2 AND id = ?3",
};
/* clang-format on */
static const struct store_sql container_instance_sql = { STORE_CONTAINER_INSTANCE, sql };

static void
read_row(struct query *q, struct store_container_instance *i)
{
	memset(i, 0, sizeof(*i));
	query_copy(q, 0, i->id, sizeof(i->id));
	query_copy(q, 1, i->cluster, sizeof(i->cluster));
	query_copy(q, 2, i->status, sizeof(i->status));
	i->synthetic = query_int(q, 3) != 0;
	i->doc = query_dup(q, 4);
}

void
store_container_instance_done(struct store_container_instance *i)
{
	free(TAKE(i->doc));
}

int
store_container_instance_put(struct store *s, const struct scope *sc,
    const struct store_container_instance *i, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = query_open(&q, s, &container_instance_sql, STMT_PUT, e);

	if (r < 0)
		return r;
	query_bind_scope(&q, sc);
	query_bind(&q, 3, i->id);
	query_bind(&q, 4, i->cluster);
	query_bind(&q, 5, i->status);
	query_bind_int(&q, 6, i->synthetic);
	query_bind(&q, 7, i->doc);
	return query_run(&q);
}

int
store_container_instance_get(struct store *s, const struct scope *sc, const char *id,
    struct store_container_instance *ret, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = query_open(&q, s, &container_instance_sql, STMT_GET, e);

	if (r < 0)
		return r;
	query_bind_scope(&q, sc);
	query_bind(&q, 3, id);
	r = query_step(&q);
	if (r > 0)
		read_row(&q, ret);
	return r;
}

int
store_container_instance_list(struct store *s, const struct scope *sc, const char *cluster,
    const char *after, int limit, int (*fn)(const struct store_container_instance *i, void *arg),
    void *arg, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	struct store_container_instance i;
	int r, stop;

	r = query_open(&q, s, &container_instance_sql, STMT_LIST, e);
	if (r < 0)
		return r;
	query_bind_scope(&q, sc);
	query_bind(&q, 3, cluster);
	query_bind(&q, 4, after != NULL ? after : "");
	query_bind_int(&q, 5, limit);
	while ((r = query_step(&q)) > 0) {
		read_row(&q, &i);
		stop = fn(&i, arg);
		store_container_instance_done(&i);
		if (stop != 0)
			return 0;
	}
	return r;
}

int
store_container_instance_count(struct store *s, const struct scope *sc, const char *cluster,
    bool with_synthetic, int64_t *ret, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = query_open(&q, s, &container_instance_sql, STMT_COUNT, e);

	if (r < 0)
		return r;
	query_bind_scope(&q, sc);
	query_bind(&q, 3, cluster);
	query_bind_int(&q, 4, with_synthetic);
	r = query_step(&q);
	if (r < 0)
		return r;
	*ret = query_int(&q, 0);
	return 0;
}

int
store_container_instance_delete(
    struct store *s, const struct scope *sc, const char *id, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = query_open(&q, s, &container_instance_sql, STMT_DELETE, e);

	if (r < 0)
		return r;
	query_bind_scope(&q, sc);
	query_bind(&q, 3, id);
	return query_run(&q);
}
