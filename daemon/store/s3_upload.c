/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Uploads in parts, and their parts (see s3.h).
 */
#include "daemon/store/s3_segment.h"

enum {
	STMT_INSERT,
	STMT_GET,
	STMT_DELETE,
	STMT_LIST,
	STMT_PART_PUT,
	STMT_PART_FIND,
	STMT_PART_DELETE,
	STMT_PART_LIST,
	STMT_MAX,
};
_Static_assert(STMT_MAX <= STORE_STATEMENTS_MAX, "statements");

#define COLUMNS "n, id, bucket, key, created_at, doc"

/* clang-format off */
static const char *const sql[STMT_MAX] = {
	[STMT_INSERT]      = "INSERT INTO s3_upload (id, bucket, key, created_at, doc) VALUES (?1, ?2, ?3, ?4, ?5)",
	[STMT_GET]         = ("SELECT " COLUMNS " FROM s3_upload WHERE id = ?1"),
	[STMT_DELETE]      = "DELETE FROM s3_upload WHERE n = ?1",
	[STMT_LIST]        = ("SELECT " COLUMNS " FROM s3_upload WHERE bucket = ?1 AND (key, id) > (?2, ?3)"
			      " ORDER BY key, id LIMIT ?4"),
	[STMT_PART_PUT]    = ("INSERT INTO s3_part (upload, number, etag, size, modified_at, doc)"
			      " VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (upload, number) DO UPDATE SET"
			      " etag = excluded.etag, size = excluded.size, modified_at = excluded.modified_at,"
			      " doc = excluded.doc RETURNING n"),
	[STMT_PART_FIND]   = "SELECT n FROM s3_part WHERE upload = ?1 AND number = ?2",
	[STMT_PART_DELETE] = "DELETE FROM s3_part WHERE upload = ?1",
	[STMT_PART_LIST]   = ("SELECT n, upload, number, etag, size, modified_at, doc FROM s3_part"
			      " WHERE upload = ?1 AND number > ?2 ORDER BY number LIMIT ?3"),
};
/* clang-format on */
static const struct store_sql upload_sql = { STORE_S3_UPLOAD, sql };

void
store_upload_done(struct store_upload *u)
{
	free(u->doc);
	u->doc = NULL;
}

void
store_part_done(struct store_part *p)
{
	free(p->doc);
	free(p->segments);
	p->doc = NULL;
	p->segments = NULL;
}

int
store_upload_insert(struct store *s, const struct store_upload *u, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = query_open(&q, s, &upload_sql, STMT_INSERT, e);

	if (r < 0)
		return r;
	query_bind(&q, 1, u->id);
	query_bind(&q, 2, u->bucket);
	query_bind(&q, 3, u->key);
	query_bind_int(&q, 4, u->created_at_ms);
	query_bind(&q, 5, u->doc != NULL ? u->doc : "{}");
	return query_run(&q);
}

static void
read_upload(struct query *q, struct store_upload *u)
{
	u->n = query_int(q, 0);
	query_copy(q, 1, u->id, sizeof(u->id));
	query_copy(q, 2, u->bucket, sizeof(u->bucket));
	query_copy(q, 3, u->key, sizeof(u->key));
	u->created_at_ms = query_int(q, 4);
	u->doc = query_dup(q, 5);
}

int
store_upload_get(struct store *s, const char *id, struct store_upload *ret, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = query_open(&q, s, &upload_sql, STMT_GET, e);

	if (r < 0)
		return r;
	query_bind(&q, 1, id);
	r = query_step(&q);
	if (r > 0)
		read_upload(&q, ret);
	return r;
}

static int
run_with_number(struct store *s, unsigned stmt, int64_t n, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = query_open(&q, s, &upload_sql, stmt, e);

	if (r < 0)
		return r;
	query_bind_int(&q, 1, n);
	return query_run(&q);
}

static int
find_part(struct store *s, int64_t upload, int64_t number, int64_t *ret, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = query_open(&q, s, &upload_sql, STMT_PART_FIND, e);

	if (r < 0)
		return r;
	query_bind_int(&q, 1, upload);
	query_bind_int(&q, 2, number);
	r = query_step(&q);
	if (r > 0)
		*ret = query_int(&q, 0);
	return r;
}

int
store_upload_delete(struct store *s, const struct store_upload *u, struct err *e)
{
	int r = store_segments_drop_upload(s, u->n, e);

	if (r == 0)
		r = run_with_number(s, STMT_PART_DELETE, u->n, e);
	return r < 0 ? r : run_with_number(s, STMT_DELETE, u->n, e);
}

int
store_upload_list(struct store *s, const char *bucket, const char *after_key, const char *after_id,
    int limit, int (*fn)(const struct store_upload *u, void *arg), void *arg, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = query_open(&q, s, &upload_sql, STMT_LIST, e);

	if (r < 0)
		return r;
	query_bind(&q, 1, bucket);
	query_bind(&q, 2, after_key);
	query_bind(&q, 3, after_id);
	query_bind_int(&q, 4, limit);
	while ((r = query_step(&q)) > 0) {
		_cleanup_upload_ struct store_upload u = { 0 };

		read_upload(&q, &u);
		if (fn(&u, arg) != 0)
			return 0;
	}
	return r;
}

int
store_part_put(struct store *s, const struct store_part *p, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int64_t n = 0;
	int r = find_part(s, p->upload, p->number, &n, e);

	if (r > 0)
		r = store_segments_drop(s, SEGMENT_PART, n, e);
	if (r == 0)
		r = query_open(&q, s, &upload_sql, STMT_PART_PUT, e);
	if (r < 0)
		return r;
	query_bind_int(&q, 1, p->upload);
	query_bind_int(&q, 2, p->number);
	query_bind(&q, 3, p->etag);
	query_bind_int(&q, 4, p->size);
	query_bind_int(&q, 5, p->modified_at_ms);
	query_bind(&q, 6, p->doc != NULL ? p->doc : "{}");
	r = query_step(&q);
	if (r > 0)
		n = query_int(&q, 0);
	if (r > 0)
		r = query_step(&q);
	return r < 0 ? r : store_segments_put(s, SEGMENT_PART, n, p->segments, p->n_segments, e);
}

int
store_part_list(struct store *s, int64_t upload, int64_t after, int limit,
    int (*fn)(const struct store_part *p, void *arg), void *arg, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = query_open(&q, s, &upload_sql, STMT_PART_LIST, e);

	if (r < 0)
		return r;
	query_bind_int(&q, 1, upload);
	query_bind_int(&q, 2, after);
	query_bind_int(&q, 3, limit);
	while ((r = query_step(&q)) > 0) {
		_cleanup_part_ struct store_part p = { .n = query_int(&q, 0),
			.upload = query_int(&q, 1),
			.number = query_int(&q, 2),
			.size = query_int(&q, 4),
			.modified_at_ms = query_int(&q, 5),
			.doc = query_dup(&q, 6) };

		query_copy(&q, 3, p.etag, sizeof(p.etag));
		if (fn(&p, arg) != 0)
			return 0;
	}
	return r;
}

int
store_part_segments(struct store *s, struct store_part *p, struct err *e)
{
	return store_segments_get(s, SEGMENT_PART, p->n, &p->segments, &p->n_segments, e);
}
