/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of EC2's resources and their tags. Called by the ec2 files of services/ and by
 * ecs/task_network.c; it must not know what `doc` holds.
 */
#include "daemon/store/ec2.h"
#include "daemon/store/sqlite.h"

#include <string.h>

enum {
	STMT_PUT,
	STMT_GET,
	STMT_DELETE,
	STMT_DELETE_TAGS,
	STMT_LIST,
	STMT_COUNT,
	STMT_HELD,
	STMT_ADDRESS_USED,
	STMT_FREE_ADDRESS,
	STMT_TAG_PUT,
	STMT_TAG_DELETE,
	STMT_TAG_LIST,
	STMT_TAG_LIST_ALL,
	STMT_MAX
};
_Static_assert(STMT_MAX <= STORE_STATEMENTS_MAX, "statements");

#define COLUMNS "n, kind, id, vpc, parent, address, holder, doc"
#define MATCH                                                                                      \
	" WHERE account = ?1 AND region = ?2 AND kind = ?3 AND (?4 IS NULL OR vpc = ?4)"           \
	" AND (?5 IS NULL OR parent = ?5)"

/* clang-format off */
static const char *const sql[STMT_MAX] = {
	[STMT_PUT]          = ("INSERT INTO ec2 (account, region, kind, id, vpc, parent, address, holder, doc)"
			       " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT (account, region, kind, id)"
			       " DO UPDATE SET vpc = excluded.vpc, holder = excluded.holder, doc = excluded.doc"),
	[STMT_GET]          = "SELECT " COLUMNS " FROM ec2 WHERE account = ?1 AND region = ?2 AND kind = ?3 AND id = ?4",
	[STMT_DELETE]       = "DELETE FROM ec2 WHERE account = ?1 AND region = ?2 AND kind = ?3 AND id = ?4",
	[STMT_DELETE_TAGS]  = "DELETE FROM ec2_tag WHERE account = ?1 AND region = ?2 AND id = ?3",
	[STMT_LIST]         = "SELECT " COLUMNS " FROM ec2" MATCH " ORDER BY n",
	[STMT_COUNT]        = "SELECT count(*) FROM ec2" MATCH,
	[STMT_HELD]         = ("SELECT " COLUMNS " FROM ec2 WHERE account = ?1 AND region = ?2 AND holder = ?3"
			       " AND holder <> ''"),
	[STMT_ADDRESS_USED] = ("SELECT 1 FROM ec2 WHERE account = ?1 AND region = ?2 AND parent = ?3 AND address = ?4"
			       " AND address > 0"),
	/* The first used address whose successor is free. */
	[STMT_FREE_ADDRESS] = ("SELECT a.address + 1 FROM ec2 AS a WHERE a.account = ?1 AND a.region = ?2 AND a.parent = ?3"
			       " AND a.address >= ?4 AND a.address < ?5 AND a.address > 0 AND NOT EXISTS"
			       " (SELECT 1 FROM ec2 AS b WHERE b.account = ?1 AND b.region = ?2 AND b.parent = ?3"
			       " AND b.address = a.address + 1 AND b.address > 0) ORDER BY a.address LIMIT 1"),
	[STMT_TAG_PUT]      = "INSERT OR REPLACE INTO ec2_tag (account, region, id, key, value) VALUES (?1, ?2, ?3, ?4, ?5)",
	[STMT_TAG_DELETE]   = "DELETE FROM ec2_tag WHERE account = ?1 AND region = ?2 AND id = ?3 AND key = ?4",
	[STMT_TAG_LIST]     = ("SELECT id, key, value FROM ec2_tag WHERE account = ?1 AND region = ?2 AND id = ?3"
			       " ORDER BY key"),
	[STMT_TAG_LIST_ALL] = "SELECT id, key, value FROM ec2_tag WHERE account = ?1 AND region = ?2 ORDER BY id, key",
};
/* clang-format on */
static const struct store_sql ec2_sql = { STORE_EC2, sql };

static void
read_row(struct query *q, struct store_ec2 *r)
{
	memset(r, 0, sizeof(*r));
	r->n = query_int(q, 0);
	r->kind = (enum ec2_kind)query_int(q, 1);
	query_copy(q, 2, r->id, sizeof(r->id));
	query_copy(q, 3, r->vpc, sizeof(r->vpc));
	query_copy(q, 4, r->parent, sizeof(r->parent));
	r->address = (uint32_t)query_int(q, 5);
	query_copy(q, 6, r->holder, sizeof(r->holder));
	r->doc = query_dup(q, 7);
}

void
store_ec2_done(struct store_ec2 *r)
{
	free(TAKE(r->doc));
}

int
store_ec2_put(struct store *s, const struct scope *sc, const struct store_ec2 *r, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int ret = query_open(&q, s, &ec2_sql, STMT_PUT, e);

	if (ret < 0)
		return ret;
	query_bind_scope(&q, sc);
	query_bind_int(&q, 3, r->kind);
	query_bind(&q, 4, r->id);
	query_bind(&q, 5, r->vpc);
	query_bind(&q, 6, r->parent);
	query_bind_int(&q, 7, r->address);
	query_bind(&q, 8, r->holder);
	query_bind(&q, 9, r->doc);
	return query_run(&q);
}

int
store_ec2_get(struct store *s, const struct scope *sc, enum ec2_kind kind, const char *id,
    struct store_ec2 *ret, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = query_open(&q, s, &ec2_sql, STMT_GET, e);

	if (r < 0)
		return r;
	query_bind_scope(&q, sc);
	query_bind_int(&q, 3, kind);
	query_bind(&q, 4, id);
	r = query_step(&q);
	if (r > 0)
		read_row(&q, ret);
	return r;
}

int
store_ec2_delete(
    struct store *s, const struct scope *sc, enum ec2_kind kind, const char *id, struct err *e)
{
	_cleanup_query_ struct query row = { 0 }, tags = { 0 };
	int r = query_open(&row, s, &ec2_sql, STMT_DELETE, e);

	if (r < 0)
		return r;
	query_bind_scope(&row, sc);
	query_bind_int(&row, 3, kind);
	query_bind(&row, 4, id);
	r = query_run(&row);
	if (r == 0)
		r = query_open(&tags, s, &ec2_sql, STMT_DELETE_TAGS, e);
	if (r < 0)
		return r;
	query_bind_scope(&tags, sc);
	query_bind(&tags, 3, id);
	return query_run(&tags);
}

static int
open_match(struct query *q, struct store *s, const struct scope *sc, unsigned stmt,
    enum ec2_kind kind, const char *vpc, const char *parent, struct err *e)
{
	int r = query_open(q, s, &ec2_sql, stmt, e);

	if (r < 0)
		return r;
	query_bind_scope(q, sc);
	query_bind_int(q, 3, kind);
	query_bind(q, 4, vpc);
	query_bind(q, 5, parent);
	return 0;
}

int
store_ec2_list(struct store *s, const struct scope *sc, enum ec2_kind kind, const char *vpc,
    const char *parent, int (*fn)(const struct store_ec2 *r, void *arg), void *arg, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	struct store_ec2 row;
	int r, stop;

	r = open_match(&q, s, sc, STMT_LIST, kind, vpc, parent, e);
	if (r < 0)
		return r;
	while ((r = query_step(&q)) > 0) {
		read_row(&q, &row);
		stop = fn(&row, arg);
		store_ec2_done(&row);
		if (stop != 0)
			return 0;
	}
	return r;
}

int
store_ec2_count(struct store *s, const struct scope *sc, enum ec2_kind kind, const char *vpc,
    const char *parent, int64_t *ret, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = open_match(&q, s, sc, STMT_COUNT, kind, vpc, parent, e);

	if (r == 0)
		r = query_step(&q);
	if (r < 0)
		return r;
	*ret = query_int(&q, 0);
	return 0;
}

int
store_ec2_held(struct store *s, const struct scope *sc, const char *holder, struct store_ec2 *ret,
    struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = query_open(&q, s, &ec2_sql, STMT_HELD, e);

	if (r < 0)
		return r;
	query_bind_scope(&q, sc);
	query_bind(&q, 3, holder);
	r = query_step(&q);
	if (r > 0)
		read_row(&q, ret);
	return r;
}

static int
address_used(
    struct store *s, const struct scope *sc, const char *subnet, uint32_t address, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = query_open(&q, s, &ec2_sql, STMT_ADDRESS_USED, e);

	if (r < 0)
		return r;
	query_bind_scope(&q, sc);
	query_bind(&q, 3, subnet);
	query_bind_int(&q, 4, address);
	return query_step(&q);
}

int
store_ec2_free_address(struct store *s, const struct scope *sc, const char *subnet, uint32_t first,
    uint32_t last, uint32_t *ret, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = address_used(s, sc, subnet, first, e);

	if (r < 0)
		return r;
	if (r == 0) {
		*ret = first;
		return 1;
	}
	r = query_open(&q, s, &ec2_sql, STMT_FREE_ADDRESS, e);
	if (r < 0)
		return r;
	query_bind_scope(&q, sc);
	query_bind(&q, 3, subnet);
	query_bind_int(&q, 4, first);
	query_bind_int(&q, 5, last);
	r = query_step(&q);
	if (r > 0)
		*ret = (uint32_t)query_int(&q, 0);
	return r;
}

int
store_ec2_tag_put(struct store *s, const struct scope *sc, const char *id, const char *key,
    const char *value, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = query_open(&q, s, &ec2_sql, STMT_TAG_PUT, e);

	if (r < 0)
		return r;
	query_bind_scope(&q, sc);
	query_bind(&q, 3, id);
	query_bind(&q, 4, key);
	query_bind(&q, 5, value);
	return query_run(&q);
}

int
store_ec2_tag_delete(
    struct store *s, const struct scope *sc, const char *id, const char *key, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = query_open(&q, s, &ec2_sql, STMT_TAG_DELETE, e);

	if (r < 0)
		return r;
	query_bind_scope(&q, sc);
	query_bind(&q, 3, id);
	query_bind(&q, 4, key);
	return query_run(&q);
}

int
store_ec2_tag_list(struct store *s, const struct scope *sc, const char *id,
    int (*fn)(const char *id, const char *key, const char *value, void *arg), void *arg,
    struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = query_open(&q, s, &ec2_sql, id != NULL ? STMT_TAG_LIST : STMT_TAG_LIST_ALL, e);

	if (r < 0)
		return r;
	query_bind_scope(&q, sc);
	if (id != NULL)
		query_bind(&q, 3, id);
	while ((r = query_step(&q)) > 0)
		if (fn(query_text(&q, 0), query_text(&q, 1), query_text(&q, 2), arg) != 0)
			return 0;
	return r;
}
