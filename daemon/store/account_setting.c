/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of account settings. Called by the operation files; it must not know which names and values
 * there are.
 */
#include "daemon/store/account_setting.h"
#include "daemon/store/sqlite.h"

enum { STMT_PUT, STMT_GET, STMT_DELETE, STMT_MAX };
_Static_assert(STMT_MAX <= STORE_STATEMENTS_MAX, "statements");

/* clang-format off */
static const char *const sql[STMT_MAX] = {
	[STMT_PUT]    = "INSERT OR REPLACE INTO account_setting (account, region, principal, name, value)"
			" VALUES (?1, ?2, ?3, ?4, ?5)",
	[STMT_GET]    = "SELECT value FROM account_setting"
			" WHERE account = ?1 AND region = ?2 AND principal = ?3 AND name = ?4",
	[STMT_DELETE] = "DELETE FROM account_setting"
			" WHERE account = ?1 AND region = ?2 AND principal = ?3 AND name = ?4",
};
/* clang-format on */
static const struct store_sql account_setting_sql = { STORE_ACCOUNT_SETTING, sql };

int
store_account_setting_put(struct store *s, const struct scope *sc, const char *principal,
    const char *name, const char *value, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = query_open(&q, s, &account_setting_sql, STMT_PUT, e);

	if (r < 0)
		return r;
	query_bind_scope(&q, sc);
	query_bind(&q, 3, principal);
	query_bind(&q, 4, name);
	query_bind(&q, 5, value);
	return query_run(&q);
}

int
store_account_setting_get(struct store *s, const struct scope *sc, const char *principal,
    const char *name, char ret[static STORE_ACCOUNT_SETTING_VALUE_MAX], struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = query_open(&q, s, &account_setting_sql, STMT_GET, e);

	if (r < 0)
		return r;
	query_bind_scope(&q, sc);
	query_bind(&q, 3, principal);
	query_bind(&q, 4, name);
	r = query_step(&q);
	if (r > 0)
		query_copy(&q, 0, ret, STORE_ACCOUNT_SETTING_VALUE_MAX);
	return r;
}

int
store_account_setting_delete(
    struct store *s, const struct scope *sc, const char *principal, const char *name, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = query_open(&q, s, &account_setting_sql, STMT_DELETE, e);

	if (r < 0)
		return r;
	query_bind_scope(&q, sc);
	query_bind(&q, 3, principal);
	query_bind(&q, 4, name);
	return query_run(&q);
}
