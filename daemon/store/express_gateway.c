/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of express gateway services (see express_gateway.h). It must not know what `doc` holds.
 */
#include "daemon/store/express_gateway.h"
#include "daemon/store/sqlite.h"

#include <stdio.h>

enum { STMT_PUT, STMT_GET, STMT_MAX };
_Static_assert(STMT_MAX <= STORE_STATEMENTS_MAX, "statements");

/* clang-format off */
static const char *const sql[STMT_MAX] = {
	[STMT_PUT] = "INSERT INTO express_gateway (account, region, cluster, service, revision, created_at, doc)"
		     " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"
		     " ON CONFLICT (account, region, cluster, service, revision) DO UPDATE SET doc = ?7",
	[STMT_GET] = "SELECT created_at, doc FROM express_gateway WHERE account = ?1 AND region = ?2"
		     " AND cluster = ?3 AND service = ?4 AND revision = ?5",
};
/* clang-format on */
static const struct store_sql express_gateway_sql = { STORE_EXPRESS_GATEWAY, sql };

void
store_express_gateway_done(struct store_express_gateway *v)
{
	free(TAKE(v->doc));
}

int
store_express_gateway_put(struct store *s, const struct store_express_gateway *v, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = query_open(&q, s, &express_gateway_sql, STMT_PUT, e);

	if (r < 0)
		return r;
	query_bind_scope(&q, &v->scope);
	query_bind(&q, 3, v->cluster);
	query_bind(&q, 4, v->service);
	query_bind(&q, 5, v->revision);
	query_bind_int(&q, 6, v->created_at_ms);
	query_bind(&q, 7, v->doc);
	return query_run(&q);
}

int
store_express_gateway_get(struct store *s, const struct scope *sc, const char *cluster,
    const char *service, const char *revision, struct store_express_gateway *ret, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = query_open(&q, s, &express_gateway_sql, STMT_GET, e);

	if (r < 0)
		return r;
	query_bind_scope(&q, sc);
	query_bind(&q, 3, cluster);
	query_bind(&q, 4, service);
	query_bind(&q, 5, revision);
	r = query_step(&q);
	if (r <= 0)
		return r;
	*ret = (struct store_express_gateway){ .scope = *sc, .created_at_ms = query_int(&q, 0) };
	(void)snprintf(ret->cluster, sizeof(ret->cluster), "%s", cluster);
	(void)snprintf(ret->service, sizeof(ret->service), "%s", service);
	(void)snprintf(ret->revision, sizeof(ret->revision), "%s", revision);
	ret->doc = query_dup(&q, 1);
	return 1;
}
