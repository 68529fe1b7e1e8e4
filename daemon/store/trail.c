/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of CloudTrail's records (see trail.h). As with task events, what is searched is in a narrow
 * table of its own, so that a filter walks the whole ring in a millisecond. Numbers have no gaps:
 * the newest one says which are too old.
 */
#include "daemon/store/trail.h"
#include "daemon/store/sqlite.h"

#include <string.h>

enum {
	STMT_ADD,
	STMT_ADD_DOC,
	STMT_ADD_RESOURCE,
	STMT_TRIM,
	STMT_LIST,
	STMT_RESOURCES,
	STMT_MAX,
};
_Static_assert(STMT_MAX <= STORE_STATEMENTS_MAX, "statements");

/* clang-format off */
static const char *const sql[STMT_MAX] = {
	[STMT_ADD]          = "INSERT INTO trail (n, account, region, at, id, name, source, user, access_key)"
			      " VALUES (coalesce((SELECT max(n) FROM trail), 0) + 1, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
	[STMT_ADD_DOC]      = "INSERT INTO trail_doc (n, doc) VALUES (?1, ?2)",
	[STMT_ADD_RESOURCE] = "INSERT INTO trail_resource (n, i, type, name, short) VALUES (?1, ?2, ?3, ?4, ?5)",
	[STMT_TRIM]         = "DELETE FROM trail WHERE n <= ?1",
	[STMT_LIST]         = "SELECT n, at, id, name, source, user, access_key, doc"
			      " FROM trail CROSS JOIN trail_doc USING (n) WHERE account = ?1 AND region = ?2"
			      " AND (?3 = 0 OR n < ?3) AND at >= ?4 AND (?5 = 0 OR at <= ?5)"
			      " AND (?6 IS NULL OR id = ?6) AND (?7 IS NULL OR name = ?7)"
			      " AND (?8 IS NULL OR source = ?8) AND (?9 IS NULL OR user = ?9)"
			      " AND (?10 IS NULL OR access_key = ?10)"
			      " AND (?11 IS NULL OR EXISTS (SELECT 1 FROM trail_resource r"
			      " WHERE r.n = trail.n AND (r.name = ?11 OR r.short = ?11)))"
			      " AND (?12 IS NULL OR EXISTS (SELECT 1 FROM trail_resource r WHERE r.n = trail.n AND r.type = ?12))"
			      " ORDER BY n DESC LIMIT ?13",
	[STMT_RESOURCES]    = "SELECT type, name FROM trail_resource WHERE n = ?1 ORDER BY i",
};
/* clang-format on */
static const struct store_sql trail_sql = { STORE_TRAIL, sql };

static int
add_row(struct store *s, const struct store_trail *t, int64_t *ret_n, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = query_open(&q, s, &trail_sql, STMT_ADD, e);

	if (r < 0)
		return r;
	query_bind_scope(&q, &t->scope);
	query_bind_int(&q, 3, t->at_ms);
	query_bind(&q, 4, t->id);
	query_bind(&q, 5, t->name);
	query_bind(&q, 6, t->source);
	query_bind(&q, 7, t->user);
	query_bind(&q, 8, t->access_key);
	r = query_run(&q);
	*ret_n = sqlite3_last_insert_rowid(s->db);
	return r;
}

static int
add_doc(struct store *s, int64_t n, const char *doc, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = query_open(&q, s, &trail_sql, STMT_ADD_DOC, e);

	if (r < 0)
		return r;
	query_bind_int(&q, 1, n);
	query_bind(&q, 2, doc);
	return query_run(&q);
}

/* What people type for an ARN: "web", "web/1234…" is not it. */
static const char *
short_name(const char *name)
{
	size_t len = strlen(name);

	while (len > 0 && name[len - 1] != '/' && name[len - 1] != ':')
		len--;
	return name + len;
}

static int
add_resource(struct store *s, int64_t n, size_t i, const struct store_trail_resource *resource,
    struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = query_open(&q, s, &trail_sql, STMT_ADD_RESOURCE, e);

	if (r < 0)
		return r;
	query_bind_int(&q, 1, n);
	query_bind_int(&q, 2, (int64_t)i);
	query_bind(&q, 3, resource->type);
	query_bind(&q, 4, resource->name);
	query_bind(&q, 5, short_name(resource->name));
	return query_run(&q);
}

static int
trim(struct store *s, int64_t newest, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = query_open(&q, s, &trail_sql, STMT_TRIM, e);

	if (r < 0)
		return r;
	query_bind_int(&q, 1, newest - STORE_TRAIL_MAX);
	return query_run(&q);
}

int
store_trail_add(struct store *s, const struct store_trail *t, struct err *e)
{
	int64_t n = 0;
	int r = add_row(s, t, &n, e);

	if (r == 0)
		r = add_doc(s, n, t->doc, e);
	for (size_t i = 0; r == 0 && i < t->n_resources; i++)
		r = add_resource(s, n, i, &t->resources[i], e);
	if (r == 0 && n > STORE_TRAIL_MAX)
		r = trim(s, n, e);
	return r;
}

static void
bind_filter(struct query *q, const struct store_trail_filter *f)
{
	query_bind_int(q, 4, f->from_ms);
	query_bind_int(q, 5, f->to_ms);
	query_bind(q, 6, f->id);
	query_bind(q, 7, f->name);
	query_bind(q, 8, f->source);
	query_bind(q, 9, f->user);
	query_bind(q, 10, f->access_key);
	query_bind(q, 11, f->resource_name);
	query_bind(q, 12, f->resource_type);
}

int
store_trail_list(struct store *s, const struct scope *sc, const struct store_trail_filter *f,
    int64_t before, int limit, int (*fn)(const struct store_trail *t, void *arg), void *arg,
    struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = query_open(&q, s, &trail_sql, STMT_LIST, e);

	if (r < 0)
		return r;
	query_bind_scope(&q, sc);
	query_bind_int(&q, 3, before);
	bind_filter(&q, f);
	query_bind_int(&q, 13, limit);
	while ((r = query_step(&q)) > 0) {
		const struct store_trail t = {
			.n = query_int(&q, 0),
			.scope = *sc,
			.at_ms = query_int(&q, 1),
			.id = query_text(&q, 2),
			.name = query_text(&q, 3),
			.source = query_text(&q, 4),
			.user = query_text(&q, 5),
			.access_key = query_text(&q, 6),
			.doc = query_text(&q, 7),
		};

		if (fn(&t, arg) != 0)
			return 0;
	}
	return r;
}

int
store_trail_resources(struct store *s, int64_t n,
    int (*fn)(const struct store_trail_resource *r, void *arg), void *arg, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = query_open(&q, s, &trail_sql, STMT_RESOURCES, e);

	if (r < 0)
		return r;
	query_bind_int(&q, 1, n);
	while ((r = query_step(&q)) > 0) {
		const struct store_trail_resource resource = { query_text(&q, 0),
			query_text(&q, 1) };

		if (fn(&resource, arg) != 0)
			return 0;
	}
	return r;
}
