/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of client tokens. Called by ecs/ files that take a clientToken; it must not know what digest
 * and result mean.
 */
#include "daemon/store/client_token.h"
#include "daemon/store/sqlite.h"

enum { STMT_GET, STMT_PUT, STMT_EXPIRE, STMT_MAX };
_Static_assert(STMT_MAX <= STORE_STATEMENTS_MAX, "statements");

/* clang-format off */
static const char *const sql[STMT_MAX] = {
	[STMT_GET]    = "SELECT digest, result FROM client_token"
			" WHERE account = ?1 AND region = ?2 AND operation = ?3 AND token = ?4",
	[STMT_PUT]    = "INSERT OR REPLACE INTO client_token"
			" (account, region, operation, token, digest, result, created_at)"
			" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
	[STMT_EXPIRE] = "DELETE FROM client_token WHERE created_at < ?1",
};
/* clang-format on */
static const struct store_sql client_token_sql = { STORE_CLIENT_TOKEN, sql };

int
store_client_token_get(struct store *s, const struct scope *sc, const char *operation,
    const char *token, char **ret_digest, char **ret_result, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = query_open(&q, s, &client_token_sql, STMT_GET, e);

	if (r < 0)
		return r;
	query_bind_scope(&q, sc);
	query_bind(&q, 3, operation);
	query_bind(&q, 4, token);
	r = query_step(&q);
	if (r > 0) {
		*ret_digest = query_dup(&q, 0);
		*ret_result = query_dup(&q, 1);
	}
	return r;
}

int
store_client_token_put(struct store *s, const struct scope *sc, const char *operation,
    const char *token, const char *digest, const char *result, int64_t now_ms, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = query_open(&q, s, &client_token_sql, STMT_PUT, e);

	if (r < 0)
		return r;
	query_bind_scope(&q, sc);
	query_bind(&q, 3, operation);
	query_bind(&q, 4, token);
	query_bind(&q, 5, digest);
	query_bind(&q, 6, result);
	query_bind_int(&q, 7, now_ms);
	return query_run(&q);
}

int
store_client_token_expire(struct store *s, int64_t before_ms, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = query_open(&q, s, &client_token_sql, STMT_EXPIRE, e);

	if (r < 0)
		return r;
	query_bind_int(&q, 1, before_ms);
	return query_run(&q);
}
