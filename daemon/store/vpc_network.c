/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of the VPCs' Docker networks. Called by vpc_network.c, which fulfils them, and by those who
 * wish for one; it must not know the Engine.
 */
#include "daemon/store/vpc_network.h"
#include "daemon/store/sqlite.h"

#include <string.h>

enum { STMT_PUT, STMT_GET, STMT_DELETE, STMT_LIST, STMT_MAX };
_Static_assert(STMT_MAX <= STORE_STATEMENTS_MAX, "statements");

#define COLUMNS "account, region, vpc, cidr, engine_cidr, ready"

/* clang-format off */
static const char *const sql[STMT_MAX] = {
	[STMT_PUT]    = "INSERT OR REPLACE INTO vpc_network (" COLUMNS ") VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
	[STMT_GET]    = "SELECT " COLUMNS " FROM vpc_network WHERE vpc = ?1",
	[STMT_DELETE] = "DELETE FROM vpc_network WHERE vpc = ?1",
	[STMT_LIST]   = "SELECT " COLUMNS " FROM vpc_network ORDER BY vpc",
};
/* clang-format on */
static const struct store_sql vpc_network_sql = { STORE_VPC_NETWORK, sql };

static void
read_row(struct query *q, struct store_vpc_network *n)
{
	memset(n, 0, sizeof(*n));
	query_copy(q, 0, n->scope.account, sizeof(n->scope.account));
	query_copy(q, 1, n->scope.region, sizeof(n->scope.region));
	query_copy(q, 2, n->vpc, sizeof(n->vpc));
	query_copy(q, 3, n->cidr, sizeof(n->cidr));
	query_copy(q, 4, n->engine_cidr, sizeof(n->engine_cidr));
	n->ready = query_int(q, 5) != 0;
}

int
store_vpc_network_put(struct store *s, const struct store_vpc_network *n, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = query_open(&q, s, &vpc_network_sql, STMT_PUT, e);

	if (r < 0)
		return r;
	query_bind_scope(&q, &n->scope);
	query_bind(&q, 3, n->vpc);
	query_bind(&q, 4, n->cidr);
	query_bind(&q, 5, n->engine_cidr);
	query_bind_int(&q, 6, n->ready);
	return query_run(&q);
}

int
store_vpc_network_get(
    struct store *s, const char *vpc, struct store_vpc_network *ret, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = query_open(&q, s, &vpc_network_sql, STMT_GET, e);

	if (r < 0)
		return r;
	query_bind(&q, 1, vpc);
	r = query_step(&q);
	if (r > 0)
		read_row(&q, ret);
	return r;
}

int
store_vpc_network_delete(struct store *s, const char *vpc, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = query_open(&q, s, &vpc_network_sql, STMT_DELETE, e);

	if (r < 0)
		return r;
	query_bind(&q, 1, vpc);
	return query_run(&q);
}

int
store_vpc_network_list(struct store *s, int (*fn)(const struct store_vpc_network *n, void *arg),
    void *arg, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	struct store_vpc_network n;
	int r = query_open(&q, s, &vpc_network_sql, STMT_LIST, e);

	if (r < 0)
		return r;
	while ((r = query_step(&q)) > 0) {
		read_row(&q, &n);
		if (fn(&n, arg) != 0)
			return 0;
	}
	return r;
}
