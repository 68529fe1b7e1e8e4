/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of service revisions, which never change. Called by the operation files and the scheduler;
 * it must not know what `doc` holds.
 */
#include "daemon/store/service.h"
#include "daemon/store/sqlite.h"

#include <string.h>

enum { STMT_INSERT, STMT_GET, STMT_MAX };
_Static_assert(STMT_MAX <= STORE_STATEMENTS_MAX, "statements");

#define COLUMNS "account, region, cluster, service, id, created_at, doc"

/* clang-format off */
static const char *const sql[STMT_MAX] = {
	[STMT_INSERT] = "INSERT INTO service_revision (" COLUMNS ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
	[STMT_GET]    = "SELECT " COLUMNS " FROM service_revision WHERE account = ?1 AND region = ?2"
			" AND cluster = ?3 AND service = ?4 AND id = ?5",
};
/* clang-format on */
static const struct store_sql service_revision_sql = { STORE_SERVICE_REVISION, sql };

void
store_service_revision_done(struct store_service_revision *v)
{
	free(TAKE(v->doc));
}

int
store_service_revision_insert(
    struct store *s, const struct store_service_revision *v, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = query_open(&q, s, &service_revision_sql, STMT_INSERT, e);

	if (r < 0)
		return r;
	query_bind_service(&q, &v->scope, v->cluster, v->service);
	query_bind(&q, 5, v->id);
	query_bind_int(&q, 6, v->created_at_ms);
	query_bind(&q, 7, v->doc);
	return query_run(&q);
}

int
store_service_revision_get(struct store *s, const struct scope *sc, const char *cluster,
    const char *service, const char *id, struct store_service_revision *ret, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = query_open(&q, s, &service_revision_sql, STMT_GET, e);

	if (r < 0)
		return r;
	query_bind_service(&q, sc, cluster, service);
	query_bind(&q, 5, id);
	r = query_step(&q);
	if (r <= 0)
		return r;
	memset(ret, 0, sizeof(*ret));
	ret->scope = *sc;
	query_copy(&q, 2, ret->cluster, sizeof(ret->cluster));
	query_copy(&q, 3, ret->service, sizeof(ret->service));
	query_copy(&q, 4, ret->id, sizeof(ret->id));
	ret->created_at_ms = query_int(&q, 5);
	ret->doc = query_dup(&q, 6);
	return r;
}
