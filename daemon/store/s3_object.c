/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Buckets and objects (see s3.h).
 */
#include "daemon/store/s3_segment.h"

enum {
	STMT_BUCKET_INSERT,
	STMT_BUCKET_UPDATE,
	STMT_BUCKET_GET,
	STMT_BUCKET_HAS,
	STMT_BUCKET_DELETE,
	STMT_BUCKET_LIST,
	STMT_BUCKET_UPLOAD,
	STMT_PUT,
	STMT_UPDATE,
	STMT_GET,
	STMT_FIND,
	STMT_DELETE,
	STMT_LIST,
	STMT_MAX,
};
_Static_assert(STMT_MAX <= STORE_STATEMENTS_MAX, "statements");

#define BUCKET_COLUMNS "name, account, region, created_at, doc"
#define COLUMNS "n, bucket, key, etag, size, modified_at, doc"

/* clang-format off */
static const char *const sql[STMT_MAX] = {
	[STMT_BUCKET_INSERT] = "INSERT INTO s3_bucket (" BUCKET_COLUMNS ") VALUES (?1, ?2, ?3, ?4, ?5)",
	[STMT_BUCKET_UPDATE] = "UPDATE s3_bucket SET doc = ?2 WHERE name = ?1",
	[STMT_BUCKET_GET]    = "SELECT " BUCKET_COLUMNS " FROM s3_bucket WHERE name = ?1",
	[STMT_BUCKET_HAS]    = "SELECT 1 FROM s3_object WHERE bucket = ?1 LIMIT 1",
	[STMT_BUCKET_DELETE] = "DELETE FROM s3_bucket WHERE name = ?1",
	[STMT_BUCKET_LIST]   = ("SELECT " BUCKET_COLUMNS " FROM s3_bucket WHERE account = ?1 AND name > ?3"
				" AND substr(name, 1, length(?2)) = ?2 ORDER BY name LIMIT ?4"),
	[STMT_BUCKET_UPLOAD] = "SELECT n FROM s3_upload WHERE bucket = ?1 LIMIT 1",
	[STMT_PUT]           = ("INSERT INTO s3_object (bucket, key, etag, size, modified_at, doc)"
				" VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (bucket, key) DO UPDATE SET"
				" etag = excluded.etag, size = excluded.size, modified_at = excluded.modified_at,"
				" doc = excluded.doc RETURNING n"),
	[STMT_UPDATE]        = "UPDATE s3_object SET doc = ?2 WHERE n = ?1",
	[STMT_GET]           = "SELECT " COLUMNS " FROM s3_object WHERE bucket = ?1 AND key = ?2",
	[STMT_FIND]          = "SELECT n FROM s3_object WHERE bucket = ?1 AND key = ?2",
	[STMT_DELETE]        = "DELETE FROM s3_object WHERE n = ?1",
	[STMT_LIST]          = ("SELECT " COLUMNS " FROM s3_object WHERE bucket = ?1 AND key >= ?2"
				" ORDER BY key LIMIT ?3"),
};
/* clang-format on */
static const struct store_sql object_sql = { STORE_S3_OBJECT, sql };

void
store_bucket_done(struct store_bucket *b)
{
	free(b->doc);
	b->doc = NULL;
}

void
store_object_done(struct store_object *o)
{
	free(o->doc);
	free(o->segments);
	o->doc = NULL;
	o->segments = NULL;
}

/* --- buckets --- */

int
store_bucket_insert(struct store *s, const struct store_bucket *b, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = query_open(&q, s, &object_sql, STMT_BUCKET_INSERT, e);

	if (r < 0)
		return r;
	query_bind(&q, 1, b->name);
	query_bind(&q, 2, b->account);
	query_bind(&q, 3, b->region);
	query_bind_int(&q, 4, b->created_at_ms);
	query_bind(&q, 5, b->doc != NULL ? b->doc : "{}");
	return query_run(&q);
}

int
store_bucket_update(struct store *s, const struct store_bucket *b, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = query_open(&q, s, &object_sql, STMT_BUCKET_UPDATE, e);

	if (r < 0)
		return r;
	query_bind(&q, 1, b->name);
	query_bind(&q, 2, b->doc);
	return query_run(&q);
}

static void
read_bucket(struct query *q, struct store_bucket *b)
{
	query_copy(q, 0, b->name, sizeof(b->name));
	query_copy(q, 1, b->account, sizeof(b->account));
	query_copy(q, 2, b->region, sizeof(b->region));
	b->created_at_ms = query_int(q, 3);
	b->doc = query_dup(q, 4);
}

int
store_bucket_get(struct store *s, const char *name, struct store_bucket *ret, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = query_open(&q, s, &object_sql, STMT_BUCKET_GET, e);

	if (r < 0)
		return r;
	query_bind(&q, 1, name);
	r = query_step(&q);
	if (r > 0)
		read_bucket(&q, ret);
	return r;
}

/* The one number that a statement with one name gives: 1, 0: no row. */
static int
find_number(struct store *s, unsigned stmt, const char *name, int64_t *ret, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = query_open(&q, s, &object_sql, stmt, e);

	if (r < 0)
		return r;
	query_bind(&q, 1, name);
	r = query_step(&q);
	if (r > 0)
		*ret = query_int(&q, 0);
	return r;
}

int
store_bucket_delete(struct store *s, const char *name, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	struct store_upload u = { 0 };
	int64_t n;
	int r = find_number(s, STMT_BUCKET_HAS, name, &n, e);

	if (r != 0)
		return r < 0 ? r : 0;
	while ((r = find_number(s, STMT_BUCKET_UPLOAD, name, &u.n, e)) > 0) {
		r = store_upload_delete(s, &u, e);
		if (r < 0)
			return r;
	}
	if (r == 0)
		r = query_open(&q, s, &object_sql, STMT_BUCKET_DELETE, e);
	if (r < 0)
		return r;
	query_bind(&q, 1, name);
	r = query_run(&q);
	return r < 0 ? r : 1;
}

int
store_bucket_list(struct store *s, const char *account, const char *prefix, const char *after,
    int limit, int (*fn)(const struct store_bucket *b, void *arg), void *arg, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = query_open(&q, s, &object_sql, STMT_BUCKET_LIST, e);

	if (r < 0)
		return r;
	query_bind(&q, 1, account);
	query_bind(&q, 2, prefix);
	query_bind(&q, 3, after);
	query_bind_int(&q, 4, limit);
	while ((r = query_step(&q)) > 0) {
		_cleanup_bucket_ struct store_bucket b = { 0 };

		read_bucket(&q, &b);
		if (fn(&b, arg) != 0)
			return 0;
	}
	return r;
}

/* --- objects --- */

static int
open_key(struct query *q, struct store *s, unsigned stmt, const char *bucket, const char *key,
    struct err *e)
{
	int r = query_open(q, s, &object_sql, stmt, e);

	if (r < 0)
		return r;
	query_bind(q, 1, bucket);
	query_bind(q, 2, key);
	return 0;
}

/* 1 and the row's number, 0. */
static int
find_object(struct store *s, const char *bucket, const char *key, int64_t *ret, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = open_key(&q, s, STMT_FIND, bucket, key, e);

	if (r == 0)
		r = query_step(&q);
	if (r > 0)
		*ret = query_int(&q, 0);
	return r;
}

int
store_object_put(struct store *s, const struct store_object *o, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int64_t n = 0;
	int r = find_object(s, o->bucket, o->key, &n, e);

	if (r > 0)
		r = store_segments_drop(s, SEGMENT_OBJECT, n, e);
	if (r == 0)
		r = open_key(&q, s, STMT_PUT, o->bucket, o->key, e);
	if (r < 0)
		return r;
	query_bind(&q, 3, o->etag);
	query_bind_int(&q, 4, o->size);
	query_bind_int(&q, 5, o->modified_at_ms);
	query_bind(&q, 6, o->doc != NULL ? o->doc : "{}");
	r = query_step(&q);
	if (r > 0)
		n = query_int(&q, 0);
	if (r > 0)
		r = query_step(&q);
	return r < 0 ? r : store_segments_put(s, SEGMENT_OBJECT, n, o->segments, o->n_segments, e);
}

int
store_object_update(struct store *s, const struct store_object *o, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = query_open(&q, s, &object_sql, STMT_UPDATE, e);

	if (r < 0)
		return r;
	query_bind_int(&q, 1, o->n);
	query_bind(&q, 2, o->doc);
	return query_run(&q);
}

static void
read_object(struct query *q, struct store_object *o)
{
	o->n = query_int(q, 0);
	query_copy(q, 1, o->bucket, sizeof(o->bucket));
	query_copy(q, 2, o->key, sizeof(o->key));
	query_copy(q, 3, o->etag, sizeof(o->etag));
	o->size = query_int(q, 4);
	o->modified_at_ms = query_int(q, 5);
	o->doc = query_dup(q, 6);
}

int
store_object_get(struct store *s, const char *bucket, const char *key, bool segments,
    struct store_object *ret, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	_cleanup_object_ struct store_object o = { 0 };
	int r = open_key(&q, s, STMT_GET, bucket, key, e);

	if (r == 0)
		r = query_step(&q);
	if (r <= 0)
		return r;
	read_object(&q, &o);
	if (segments)
		r = store_segments_get(s, SEGMENT_OBJECT, o.n, &o.segments, &o.n_segments, e);
	if (r < 0)
		return r;
	*ret = o;
	o = (struct store_object){ 0 };
	return 1;
}

int
store_object_delete(struct store *s, const char *bucket, const char *key, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int64_t n = 0;
	int r = find_object(s, bucket, key, &n, e);

	if (r <= 0)
		return r;
	r = store_segments_drop(s, SEGMENT_OBJECT, n, e);
	if (r == 0)
		r = query_open(&q, s, &object_sql, STMT_DELETE, e);
	if (r < 0)
		return r;
	query_bind_int(&q, 1, n);
	r = query_run(&q);
	return r < 0 ? r : 1;
}

int
store_object_list(struct store *s, const char *bucket, const char *from, int limit,
    int (*fn)(const struct store_object *o, void *arg), void *arg, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = open_key(&q, s, STMT_LIST, bucket, from, e);

	if (r < 0)
		return r;
	query_bind_int(&q, 3, limit);
	while ((r = query_step(&q)) > 0) {
		_cleanup_object_ struct store_object o = { 0 };

		read_object(&q, &o);
		if (fn(&o, arg) != 0)
			return 0;
	}
	return r;
}
