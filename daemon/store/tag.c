/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of tags. Called by ecs/tag_set.c; it must not know what an ARN names or which tags are
 * legal.
 */
#include "daemon/store/tag.h"
#include "daemon/store/sqlite.h"

enum { STMT_PUT, STMT_DELETE, STMT_DELETE_ALL, STMT_COUNT, STMT_LIST, STMT_MAX };
_Static_assert(STMT_MAX <= STORE_STATEMENTS_MAX, "statements");

/* clang-format off */
static const char *const sql[STMT_MAX] = {
	[STMT_PUT]        = ("INSERT INTO tag (arn, key, value) VALUES (?1, ?2, ?3)"
			     " ON CONFLICT (arn, key) DO UPDATE SET value = excluded.value"),
	[STMT_DELETE]     = "DELETE FROM tag WHERE arn = ?1 AND key = ?2",
	[STMT_DELETE_ALL] = "DELETE FROM tag WHERE arn = ?1",
	[STMT_COUNT]      = "SELECT count(*) FROM tag WHERE arn = ?1 AND key NOT LIKE 'aws:%'",
	[STMT_LIST]       = "SELECT key, value FROM tag WHERE arn = ?1 ORDER BY n",
};
/* clang-format on */
static const struct store_sql tag_sql = { STORE_TAG, sql };

int
store_tag_put(struct store *s, const char *arn, const char *key, const char *value, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = query_open(&q, s, &tag_sql, STMT_PUT, e);

	if (r < 0)
		return r;
	query_bind(&q, 1, arn);
	query_bind(&q, 2, key);
	query_bind(&q, 3, value);
	return query_run(&q);
}

int
store_tag_delete(struct store *s, const char *arn, const char *key, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = query_open(&q, s, &tag_sql, STMT_DELETE, e);

	if (r < 0)
		return r;
	query_bind(&q, 1, arn);
	query_bind(&q, 2, key);
	return query_run(&q);
}

int
store_tag_delete_all(struct store *s, const char *arn, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = query_open(&q, s, &tag_sql, STMT_DELETE_ALL, e);

	if (r < 0)
		return r;
	query_bind(&q, 1, arn);
	return query_run(&q);
}

int
store_tag_count(struct store *s, const char *arn, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = query_open(&q, s, &tag_sql, STMT_COUNT, e);

	if (r < 0)
		return r;
	query_bind(&q, 1, arn);
	r = query_step(&q);
	return r > 0 ? (int)query_int(&q, 0) : r;
}

int
store_tag_list(struct store *s, const char *arn,
    int (*fn)(const char *key, const char *value, void *arg), void *arg, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = query_open(&q, s, &tag_sql, STMT_LIST, e);

	if (r < 0)
		return r;
	query_bind(&q, 1, arn);
	while ((r = query_step(&q)) > 0)
		if (fn(query_text(&q, 0), query_text(&q, 1), arg) != 0)
			return 0;
	return r;
}
