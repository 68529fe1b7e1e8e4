/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of task definition revisions and the counter of each family. Called by ecs/task_definition.c
 * and ecs/task.c; it must not know what `doc` holds.
 */
#include "daemon/store/task_definition.h"
#include "daemon/store/sqlite.h"

#include <string.h>

enum {
	STMT_NEXT_REVISION,
	STMT_PUT,
	STMT_GET,
	STMT_GET_LATEST,
	STMT_DELETE,
	STMT_LIST_ASC,
	STMT_LIST_DESC,
	STMT_LIST_FAMILY_ASC,
	STMT_LIST_FAMILY_DESC,
	STMT_FAMILIES,
	STMT_DAEMON_ASC,
	STMT_DAEMON_DESC,
	STMT_MAX,
};
_Static_assert(STMT_MAX <= STORE_STATEMENTS_MAX, "statements");

#define COLUMNS "family, revision, status, registered_at, deregistered_at, delete_requested_at"
#define IN_SCOPE " WHERE account = ?1 AND region = ?2"
#define NOT_DAEMON " AND family NOT GLOB 'daemon/*'" /* ARN_DAEMON_PREFIX */
/* ?4 and ?5 as below; the prefix ?7, which is the whole family with ?8, and whether only the last
 * of each family counts, ?9. */
#define DAEMON_LIST(than)                                                                          \
	"SELECT " COLUMNS " FROM task_definition t" IN_SCOPE " AND (family, revision) " than       \
	" (?4, ?5) AND family >= ?7"                                                               \
	" AND family < ?7 || char(1114111) AND (?8 = 0 OR family = ?7)"                            \
	" AND (?3 < 0 OR status = ?3) AND (?9 = 0 OR revision = (SELECT max(m.revision)"           \
	" FROM task_definition m WHERE m.account = t.account AND m.region = t.region"              \
	" AND m.family = t.family AND (?3 < 0 OR m.status = ?3)))"

/* The list statements begin after (?4, ?5) in the direction of the walk, or anywhere where ?4 is
 * NULL: query_bind_after puts the lowest or highest key there, so that the index is entered at the
 * right place. char(1114111) is above every character of a family's name. */
/* clang-format off */
static const char *const sql[STMT_MAX] = {
	[STMT_NEXT_REVISION] = "INSERT INTO task_definition_family (account, region, family, last_revision)"
			       " VALUES (?1, ?2, ?3, 1) ON CONFLICT (account, region, family)"
			       " DO UPDATE SET last_revision = last_revision + 1 RETURNING last_revision",
	[STMT_PUT]           = "INSERT OR REPLACE INTO task_definition (account, region, " COLUMNS ", doc)"
			       " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
	[STMT_GET]           = "SELECT " COLUMNS ", doc FROM task_definition" IN_SCOPE
			       " AND family = ?3 AND revision = ?4",
	[STMT_GET_LATEST]    = "SELECT " COLUMNS ", doc FROM task_definition" IN_SCOPE
			       " AND status = 0 AND family = ?3 ORDER BY revision DESC LIMIT 1",
	[STMT_DELETE]        = "DELETE FROM task_definition" IN_SCOPE " AND family = ?3 AND revision = ?4",
	[STMT_LIST_ASC]      = "SELECT " COLUMNS " FROM task_definition" IN_SCOPE
			       " AND status = ?3 AND (family, revision) > (?4, ?5)" NOT_DAEMON
			       " ORDER BY family, revision LIMIT ?6",
	[STMT_LIST_DESC]     = "SELECT " COLUMNS " FROM task_definition" IN_SCOPE
			       " AND status = ?3 AND (family, revision) < (?4, ?5)" NOT_DAEMON
			       " ORDER BY family DESC, revision DESC LIMIT ?6",
	[STMT_LIST_FAMILY_ASC] =
			       "SELECT " COLUMNS " FROM task_definition" IN_SCOPE
			       " AND status = ?3 AND family = ?7 AND revision > ?5"
			       " AND (family, revision) > (?4, ?5) ORDER BY revision LIMIT ?6",
	[STMT_LIST_FAMILY_DESC] =
			       "SELECT " COLUMNS " FROM task_definition" IN_SCOPE
			       " AND status = ?3 AND family = ?7 AND revision < ?5"
			       " AND (family, revision) < (?4, ?5) ORDER BY revision DESC LIMIT ?6",
	[STMT_FAMILIES]      = "SELECT f.family, EXISTS (SELECT 1 FROM task_definition a"
			       " WHERE a.account = ?1 AND a.region = ?2 AND a.status = 0 AND a.family = f.family)"
			       " AS active FROM task_definition_family f WHERE f.account = ?1 AND f.region = ?2"
			       " AND f.family NOT GLOB 'daemon/*' AND f.family > ?3 AND f.family >= ?4 AND f.family < ?4 || char(1114111)"
			       " AND (?5 IS NULL OR active = ?5) AND (active OR EXISTS (SELECT 1"
			       " FROM task_definition t WHERE t.account = ?1 AND t.region = ?2"
			       " AND t.family = f.family)) ORDER BY f.family LIMIT ?6",
	[STMT_DAEMON_ASC]    = DAEMON_LIST(">") " ORDER BY family, revision LIMIT ?6",
	[STMT_DAEMON_DESC]   = DAEMON_LIST("<") " ORDER BY family DESC, revision DESC LIMIT ?6",
};
/* clang-format on */
static const struct store_sql task_definition_sql = { STORE_TASK_DEFINITION, sql };

/* clang-format off */
static const char *const td_status_names[TD_STATUS_MAX] = {
	[TD_ACTIVE]             = "ACTIVE",
	[TD_INACTIVE]           = "INACTIVE",
	[TD_DELETE_IN_PROGRESS] = "DELETE_IN_PROGRESS",
	[TD_DELETED]            = "DELETED",
};
/* clang-format on */

const char *
td_status_name(enum td_status s)
{
	return (unsigned)s < TD_STATUS_MAX ? td_status_names[s] : "";
}

static void
read_row(struct query *q, struct store_task_definition *t)
{
	memset(t, 0, sizeof(*t));
	query_copy(q, 0, t->family, sizeof(t->family));
	t->revision = query_int(q, 1);
	t->status = (enum td_status)query_int(q, 2);
	t->registered_at_ms = query_int(q, 3);
	t->deregistered_at_ms = query_int(q, 4);
	t->delete_requested_at_ms = query_int(q, 5);
}

void
store_task_definition_done(struct store_task_definition *t)
{
	free(TAKE(t->doc));
}

int
store_task_definition_next_revision(
    struct store *s, const struct scope *sc, const char *family, int64_t *ret, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int64_t revision;
	int r;

	r = query_open(&q, s, &task_definition_sql, STMT_NEXT_REVISION, e);
	if (r < 0)
		return r;
	query_bind_scope(&q, sc);
	query_bind(&q, 3, family);
	r = query_step(&q);
	if (r < 0)
		return r;
	revision = query_int(&q, 0);
	r = query_run(&q); /* a statement with RETURNING has ended only when it says so */
	if (r < 0)
		return r;
	*ret = revision;
	return 0;
}

int
store_task_definition_put(
    struct store *s, const struct scope *sc, const struct store_task_definition *t, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = query_open(&q, s, &task_definition_sql, STMT_PUT, e);

	if (r < 0)
		return r;
	query_bind_scope(&q, sc);
	query_bind(&q, 3, t->family);
	query_bind_int(&q, 4, t->revision);
	query_bind_int(&q, 5, t->status);
	query_bind_int(&q, 6, t->registered_at_ms);
	query_bind_int(&q, 7, t->deregistered_at_ms);
	query_bind_int(&q, 8, t->delete_requested_at_ms);
	query_bind(&q, 9, t->doc);
	return query_run(&q);
}

int
store_task_definition_get(struct store *s, const struct scope *sc, const char *family,
    int64_t revision, struct store_task_definition *ret, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r =
	    query_open(&q, s, &task_definition_sql, revision == 0 ? STMT_GET_LATEST : STMT_GET, e);

	if (r < 0)
		return r;
	query_bind_scope(&q, sc);
	query_bind(&q, 3, family);
	if (revision != 0)
		query_bind_int(&q, 4, revision);
	r = query_step(&q);
	if (r > 0) {
		read_row(&q, ret);
		ret->doc = query_dup(&q, 6);
	}
	return r;
}

int
store_task_definition_delete(
    struct store *s, const struct scope *sc, const char *family, int64_t revision, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = query_open(&q, s, &task_definition_sql, STMT_DELETE, e);

	if (r < 0)
		return r;
	query_bind_scope(&q, sc);
	query_bind(&q, 3, family);
	query_bind_int(&q, 4, revision);
	return query_run(&q);
}

int
store_task_definition_list(struct store *s, const struct scope *sc, const char *family,
    enum td_status status, bool descending, const char *after_family, int64_t after_revision,
    int limit, int (*fn)(const struct store_task_definition *t, void *arg), void *arg,
    struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	struct store_task_definition t;
	unsigned stmt;
	int r;

	if (family != NULL)
		stmt = descending ? STMT_LIST_FAMILY_DESC : STMT_LIST_FAMILY_ASC;
	else
		stmt = descending ? STMT_LIST_DESC : STMT_LIST_ASC;
	if (after_family == NULL) {
		after_family = descending ? "\xf4\x8f\xbf\xbf" : "";
		after_revision = descending ? INT64_MAX : 0;
	}
	r = query_open(&q, s, &task_definition_sql, stmt, e);
	if (r < 0)
		return r;
	query_bind_scope(&q, sc);
	query_bind_int(&q, 3, status);
	query_bind(&q, 4, after_family);
	query_bind_int(&q, 5, after_revision);
	query_bind_int(&q, 6, limit);
	if (family != NULL)
		query_bind(&q, 7, family);
	while ((r = query_step(&q)) > 0) {
		read_row(&q, &t);
		if (fn(&t, arg) != 0)
			return 0;
	}
	return r;
}

int
store_daemon_definition_list(struct store *s, const struct scope *sc,
    const struct store_daemon_definition_filter *f, const char *after_family,
    int64_t after_revision, int limit, int (*fn)(const struct store_task_definition *t, void *arg),
    void *arg, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	struct store_task_definition t;
	int r = query_open(
	    &q, s, &task_definition_sql, f->descending ? STMT_DAEMON_DESC : STMT_DAEMON_ASC, e);

	if (r < 0)
		return r;
	if (after_family == NULL) {
		after_family = f->descending ? "\xf4\x8f\xbf\xbf" : "";
		after_revision = f->descending ? INT64_MAX : 0;
	}
	query_bind_scope(&q, sc);
	query_bind_int(&q, 3, f->status);
	query_bind(&q, 4, after_family);
	query_bind_int(&q, 5, after_revision);
	query_bind_int(&q, 6, limit);
	query_bind(&q, 7, f->family_prefix);
	query_bind_int(&q, 8, f->whole);
	query_bind_int(&q, 9, f->last_registered);
	while ((r = query_step(&q)) > 0) {
		read_row(&q, &t);
		if (fn(&t, arg) != 0)
			return 0;
	}
	return r;
}

int
store_task_definition_families(struct store *s, const struct scope *sc, const char *prefix,
    enum tri active, const char *after, int limit, int (*fn)(const char *family, void *arg),
    void *arg, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = query_open(&q, s, &task_definition_sql, STMT_FAMILIES, e);

	if (r < 0)
		return r;
	query_bind_scope(&q, sc);
	query_bind(&q, 3, after != NULL ? after : "");
	query_bind(&q, 4, prefix != NULL ? prefix : "");
	if (active != TRI_UNSET)
		query_bind_int(&q, 5, active == TRI_TRUE);
	query_bind_int(&q, 6, limit);
	while ((r = query_step(&q)) > 0)
		if (fn(query_text(&q, 0), arg) != 0)
			return 0;
	return r;
}
