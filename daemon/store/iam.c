/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of IAM (see iam.h).
 */
#include "daemon/store/iam.h"
#include "daemon/store/sqlite.h"

enum {
	STMT_INSERT,
	STMT_UPDATE,
	STMT_GET,
	STMT_DELETE,
	STMT_DELETE_DOCUMENTS,
	STMT_DELETE_ATTACHMENTS,
	STMT_LIST,
	STMT_DOCUMENT_PUT,
	STMT_DOCUMENT_GET,
	STMT_DOCUMENT_DELETE,
	STMT_DOCUMENT_LIST,
	STMT_ATTACH,
	STMT_DETACH,
	STMT_ATTACHMENT_LIST,
	STMT_ATTACHED_TO,
	STMT_MAX,
};
_Static_assert(STMT_MAX <= STORE_STATEMENTS_MAX, "statements");

#define COLUMNS "account, kind, name, id, arn, path, created_at, doc"
#define OWNER "account = ?1 AND kind = ?2 AND owner = ?3"

/* clang-format off */
static const char *const sql[STMT_MAX] = {
	[STMT_INSERT]             = "INSERT INTO iam (" COLUMNS ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
	[STMT_UPDATE]             = "UPDATE iam SET doc = ?4 WHERE account = ?1 AND kind = ?2 AND name = ?3",
	[STMT_GET]                = "SELECT " COLUMNS " FROM iam WHERE account = ?1 AND kind = ?2 AND name = ?3",
	[STMT_DELETE]             = "DELETE FROM iam WHERE account = ?1 AND kind = ?2 AND name = ?3",
	[STMT_DELETE_DOCUMENTS]   = "DELETE FROM iam_document WHERE " OWNER,
	[STMT_DELETE_ATTACHMENTS] = "DELETE FROM iam_attachment WHERE " OWNER,
	[STMT_LIST]               = ("SELECT " COLUMNS " FROM iam WHERE account = ?1 AND kind = ?2 AND name > ?3"
				     " AND substr(path, 1, length(?4)) = ?4 ORDER BY name LIMIT ?5"),
	[STMT_DOCUMENT_PUT]       = ("INSERT INTO iam_document (account, kind, owner, name, document, created_at)"
				     " VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (account, kind, owner, name)"
				     " DO UPDATE SET document = excluded.document"),
	[STMT_DOCUMENT_GET]       = "SELECT document, created_at FROM iam_document WHERE " OWNER " AND name = ?4",
	[STMT_DOCUMENT_DELETE]    = "DELETE FROM iam_document WHERE " OWNER " AND name = ?4 RETURNING 1",
	[STMT_DOCUMENT_LIST]      = ("SELECT name FROM iam_document WHERE " OWNER " AND name > ?4"
				     " ORDER BY name LIMIT ?5"),
	[STMT_ATTACH]             = ("INSERT OR IGNORE INTO iam_attachment (account, kind, owner, arn)"
				     " VALUES (?1, ?2, ?3, ?4)"),
	[STMT_DETACH]             = "DELETE FROM iam_attachment WHERE " OWNER " AND arn = ?4 RETURNING 1",
	[STMT_ATTACHMENT_LIST]    = ("SELECT arn FROM iam_attachment WHERE " OWNER " AND arn > ?4"
				     " ORDER BY arn LIMIT ?5"),
	[STMT_ATTACHED_TO]        = ("SELECT kind, owner FROM iam_attachment WHERE account = ?1 AND arn = ?2"
				     " ORDER BY kind, owner"),
};
/* clang-format on */
static const struct store_sql iam_sql = { STORE_IAM, sql };

void
store_iam_done(struct store_iam *o)
{
	free(o->doc);
	o->doc = NULL;
}

/* Opens a statement and binds what names an object: ?1, ?2, ?3. */
static int
open_for(struct query *q, struct store *s, unsigned stmt, const char *account, enum iam_kind kind,
    const char *name, struct err *e)
{
	int r = query_open(q, s, &iam_sql, stmt, e);

	if (r < 0)
		return r;
	query_bind(q, 1, account);
	query_bind_int(q, 2, kind);
	query_bind(q, 3, name);
	return 0;
}

static int
open_owner(
    struct query *q, struct store *s, unsigned stmt, const struct store_iam *o, struct err *e)
{
	return open_for(q, s, stmt, o->account, o->kind, o->name, e);
}

static void
read_row(struct query *q, struct store_iam *o)
{
	query_copy(q, 0, o->account, sizeof(o->account));
	o->kind = (enum iam_kind)query_int(q, 1);
	query_copy(q, 2, o->name, sizeof(o->name));
	query_copy(q, 3, o->id, sizeof(o->id));
	query_copy(q, 4, o->arn, sizeof(o->arn));
	query_copy(q, 5, o->path, sizeof(o->path));
	o->created_at_ms = query_int(q, 6);
	o->doc = query_dup(q, 7);
}

int
store_iam_insert(struct store *s, const struct store_iam *o, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = open_owner(&q, s, STMT_INSERT, o, e);

	if (r < 0)
		return r;
	query_bind(&q, 4, o->id);
	query_bind(&q, 5, o->arn);
	query_bind(&q, 6, o->path);
	query_bind_int(&q, 7, o->created_at_ms);
	query_bind(&q, 8, o->doc);
	return query_run(&q);
}

int
store_iam_update(struct store *s, const struct store_iam *o, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = open_owner(&q, s, STMT_UPDATE, o, e);

	if (r < 0)
		return r;
	query_bind(&q, 4, o->doc);
	return query_run(&q);
}

int
store_iam_get(struct store *s, const char *account, enum iam_kind kind, const char *name,
    struct store_iam *ret, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = open_for(&q, s, STMT_GET, account, kind, name, e);

	if (r < 0)
		return r;
	r = query_step(&q);
	if (r > 0)
		read_row(&q, ret);
	return r;
}

static int
run_owner(struct store *s, unsigned stmt, const struct store_iam *o, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = open_owner(&q, s, stmt, o, e);

	return r < 0 ? r : query_run(&q);
}

int
store_iam_delete(struct store *s, const struct store_iam *o, struct err *e)
{
	int r = run_owner(s, STMT_DELETE_DOCUMENTS, o, e);

	if (r == 0)
		r = run_owner(s, STMT_DELETE_ATTACHMENTS, o, e);
	return r < 0 ? r : run_owner(s, STMT_DELETE, o, e);
}

int
store_iam_list(struct store *s, const char *account, enum iam_kind kind, const char *path,
    const char *after, int limit, int (*fn)(const struct store_iam *o, void *arg), void *arg,
    struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = open_for(&q, s, STMT_LIST, account, kind, after != NULL ? after : "", e);

	if (r < 0)
		return r;
	query_bind(&q, 4, path != NULL ? path : "");
	query_bind_int(&q, 5, limit);
	while ((r = query_step(&q)) > 0) {
		_cleanup_iam_ struct store_iam o = { 0 };

		read_row(&q, &o);
		if (fn(&o, arg) != 0)
			return 0;
	}
	return r;
}

int
store_iam_document_put(struct store *s, const struct store_iam *owner, const char *name,
    const char *document, int64_t now_ms, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = open_owner(&q, s, STMT_DOCUMENT_PUT, owner, e);

	if (r < 0)
		return r;
	query_bind(&q, 4, name);
	query_bind(&q, 5, document);
	query_bind_int(&q, 6, now_ms);
	return query_run(&q);
}

int
store_iam_document_get(struct store *s, const struct store_iam *owner, const char *name, char **ret,
    int64_t *ret_created_ms, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = open_owner(&q, s, STMT_DOCUMENT_GET, owner, e);

	if (r < 0)
		return r;
	query_bind(&q, 4, name);
	r = query_step(&q);
	if (r <= 0)
		return r;
	*ret = query_dup(&q, 0);
	if (ret_created_ms != NULL)
		*ret_created_ms = query_int(&q, 1);
	return 1;
}

/* A DELETE that tells whether there was something. */
static int
remove_one(
    struct store *s, unsigned stmt, const struct store_iam *owner, const char *key, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int found, r = open_owner(&q, s, stmt, owner, e);

	if (r < 0)
		return r;
	query_bind(&q, 4, key);
	found = query_step(&q);
	if (found <= 0)
		return found;
	r = query_run(&q);
	return r < 0 ? r : 1;
}

int
store_iam_document_delete(
    struct store *s, const struct store_iam *owner, const char *name, struct err *e)
{
	return remove_one(s, STMT_DOCUMENT_DELETE, owner, name, e);
}

/* Texts of one column after `after`. */
static int
list_texts(struct store *s, unsigned stmt, const struct store_iam *owner, const char *after,
    int limit, int (*fn)(const char *text, void *arg), void *arg, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = open_owner(&q, s, stmt, owner, e);

	if (r < 0)
		return r;
	query_bind(&q, 4, after != NULL ? after : "");
	query_bind_int(&q, 5, limit);
	while ((r = query_step(&q)) > 0)
		if (fn(query_text(&q, 0), arg) != 0)
			return 0;
	return r;
}

int
store_iam_document_list(struct store *s, const struct store_iam *owner, const char *after,
    int limit, int (*fn)(const char *name, void *arg), void *arg, struct err *e)
{
	return list_texts(s, STMT_DOCUMENT_LIST, owner, after, limit, fn, arg, e);
}

int
store_iam_attach(struct store *s, const struct store_iam *owner, const char *arn, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = open_owner(&q, s, STMT_ATTACH, owner, e);

	if (r < 0)
		return r;
	query_bind(&q, 4, arn);
	return query_run(&q);
}

int
store_iam_detach(struct store *s, const struct store_iam *owner, const char *arn, struct err *e)
{
	return remove_one(s, STMT_DETACH, owner, arn, e);
}

int
store_iam_attachment_list(struct store *s, const struct store_iam *owner, const char *after,
    int limit, int (*fn)(const char *arn, void *arg), void *arg, struct err *e)
{
	return list_texts(s, STMT_ATTACHMENT_LIST, owner, after, limit, fn, arg, e);
}

int
store_iam_attached_to(struct store *s, const char *account, const char *arn,
    int (*fn)(enum iam_kind kind, const char *owner, void *arg), void *arg, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = query_open(&q, s, &iam_sql, STMT_ATTACHED_TO, e);

	if (r < 0)
		return r;
	query_bind(&q, 1, account);
	query_bind(&q, 2, arn);
	while ((r = query_step(&q)) > 0)
		if (fn((enum iam_kind)query_int(&q, 0), query_text(&q, 1), arg) != 0)
			return 0;
	return r;
}
