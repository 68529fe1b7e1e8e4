/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Segments and garbage (see s3_segment.h, and s3.h for the latter).
 */
#include "daemon/store/s3_segment.h"

enum {
	STMT_PUT,
	STMT_TAKE_BACK,
	STMT_GET,
	STMT_MARK,
	STMT_DROP,
	STMT_MARK_UPLOAD,
	STMT_DROP_UPLOAD,
	STMT_ANNOUNCE,
	STMT_ABANDON,
	STMT_ABANDON_ALL,
	STMT_GARBAGE,
	STMT_FORGET,
	STMT_MAX,
};
_Static_assert(STMT_MAX <= STORE_STATEMENTS_MAX, "statements");

#define OWNER "kind = ?1 AND owner = ?2"

/* clang-format off */
static const char *const sql[STMT_MAX] = {
	[STMT_PUT]         = ("INSERT INTO s3_segment (kind, owner, n, part, blob, start, size)"
			      " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"),
	[STMT_TAKE_BACK]   = "DELETE FROM s3_garbage WHERE blob = ?1",
	[STMT_GET]         = ("SELECT part, blob, start, size FROM s3_segment WHERE " OWNER " ORDER BY n"),
	[STMT_MARK]        = ("INSERT OR IGNORE INTO s3_garbage (blob, announced)"
			      " SELECT g.blob, 0 FROM s3_segment g WHERE g.kind = ?1 AND g.owner = ?2"
			      " AND NOT EXISTS (SELECT 1 FROM s3_segment o WHERE o.blob = g.blob"
			      " AND (o.kind <> ?1 OR o.owner <> ?2))"),
	[STMT_DROP]        = ("DELETE FROM s3_segment WHERE " OWNER),
	/* ?1: the kind of parts, ?2: their upload */
	[STMT_MARK_UPLOAD] = ("INSERT OR IGNORE INTO s3_garbage (blob, announced)"
			      " SELECT g.blob, 0 FROM s3_part p JOIN s3_segment g ON g.kind = ?1 AND g.owner = p.n"
			      " WHERE p.upload = ?2 AND NOT EXISTS (SELECT 1 FROM s3_segment o WHERE o.blob = g.blob"
			      " AND (o.kind <> ?1 OR o.owner NOT IN (SELECT n FROM s3_part WHERE upload = ?2)))"),
	[STMT_DROP_UPLOAD] = ("DELETE FROM s3_segment WHERE kind = ?1"
			      " AND owner IN (SELECT n FROM s3_part WHERE upload = ?2)"),
	[STMT_ANNOUNCE]    = "INSERT INTO s3_garbage (blob, announced) VALUES (?1, 1)",
	[STMT_ABANDON]     = "UPDATE s3_garbage SET announced = 0 WHERE blob = ?1",
	[STMT_ABANDON_ALL] = "UPDATE s3_garbage SET announced = 0 WHERE announced = 1",
	[STMT_GARBAGE]     = "SELECT blob FROM s3_garbage WHERE announced = 0 LIMIT ?1",
	[STMT_FORGET]      = "DELETE FROM s3_garbage WHERE blob = ?1",
};
/* clang-format on */
static const struct store_sql segment_sql = { STORE_S3_SEGMENT, sql };

static int
put_one(struct store *s, enum segment_kind kind, int64_t owner, int64_t n,
    const struct store_segment *g, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = query_open(&q, s, &segment_sql, STMT_PUT, e);

	if (r < 0)
		return r;
	query_bind_int(&q, 1, kind);
	query_bind_int(&q, 2, owner);
	query_bind_int(&q, 3, n);
	query_bind_int(&q, 4, g->part);
	query_bind(&q, 5, g->blob);
	query_bind_int(&q, 6, g->start);
	query_bind_int(&q, 7, g->size);
	return query_run(&q);
}

static int
run_with_blob(struct store *s, unsigned stmt, const char *blob, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = query_open(&q, s, &segment_sql, stmt, e);

	if (r < 0)
		return r;
	if (blob != NULL)
		query_bind(&q, 1, blob);
	return query_run(&q);
}

int
store_segments_put(struct store *s, enum segment_kind kind, int64_t owner,
    const struct store_segment *segments, size_t n, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++) {
		r = put_one(s, kind, owner, (int64_t)i, &segments[i], e);
		if (r == 0)
			r = run_with_blob(s, STMT_TAKE_BACK, segments[i].blob, e);
	}
	return r;
}

int
store_segments_get(struct store *s, enum segment_kind kind, int64_t owner,
    struct store_segment **ret, size_t *ret_n, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	_cleanup_free_ struct store_segment *all = NULL;
	size_t n = 0, size = 0;
	int r = query_open(&q, s, &segment_sql, STMT_GET, e);

	if (r < 0)
		return r;
	query_bind_int(&q, 1, kind);
	query_bind_int(&q, 2, owner);
	while ((r = query_step(&q)) > 0) {
		if (n == size) {
			size = size == 0 ? 1 : 2 * size;
			all = xrealloc(all, size, sizeof(*all));
		}
		all[n] = (struct store_segment){ .part = query_int(&q, 0),
			.start = query_int(&q, 2),
			.size = query_int(&q, 3) };
		query_copy(&q, 1, all[n].blob, sizeof(all[n].blob));
		n++;
	}
	if (r < 0)
		return r;
	*ret = TAKE(all);
	*ret_n = n;
	return 0;
}

static int
run_with_owner(struct store *s, unsigned stmt, enum segment_kind kind, int64_t owner, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = query_open(&q, s, &segment_sql, stmt, e);

	if (r < 0)
		return r;
	query_bind_int(&q, 1, kind);
	query_bind_int(&q, 2, owner);
	return query_run(&q);
}

int
store_segments_drop(struct store *s, enum segment_kind kind, int64_t owner, struct err *e)
{
	int r = run_with_owner(s, STMT_MARK, kind, owner, e);

	return r < 0 ? r : run_with_owner(s, STMT_DROP, kind, owner, e);
}

int
store_segments_drop_upload(struct store *s, int64_t upload, struct err *e)
{
	int r = run_with_owner(s, STMT_MARK_UPLOAD, SEGMENT_PART, upload, e);

	return r < 0 ? r : run_with_owner(s, STMT_DROP_UPLOAD, SEGMENT_PART, upload, e);
}

int
store_blob_announce(struct store *s, const char *blob, struct err *e)
{
	return run_with_blob(s, STMT_ANNOUNCE, blob, e);
}

int
store_blob_abandon(struct store *s, const char *blob, struct err *e)
{
	return run_with_blob(s, STMT_ABANDON, blob, e);
}

int
store_blob_abandon_all(struct store *s, struct err *e)
{
	return run_with_blob(s, STMT_ABANDON_ALL, NULL, e);
}

int
store_blob_forget(struct store *s, const char *blob, struct err *e)
{
	return run_with_blob(s, STMT_FORGET, blob, e);
}

int
store_blob_garbage(
    struct store *s, int limit, int (*fn)(const char *blob, void *arg), void *arg, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = query_open(&q, s, &segment_sql, STMT_GARBAGE, e);

	if (r < 0)
		return r;
	query_bind_int(&q, 1, limit);
	while ((r = query_step(&q)) > 0)
		if (fn(query_text(&q, 0), arg) != 0)
			return 0;
	return r;
}
