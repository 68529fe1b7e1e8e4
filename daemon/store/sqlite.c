/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Statements of the store: prepared once, bound, stepped, given back; and the one translation from
 * SQLite's results to struct err. Called by the other files of store/; it must not know any table.
 */
#include "daemon/store/sqlite.h"

#include <errno.h>
#include <string.h>

static int
prepare(struct store *s, const char *sql, unsigned flags, sqlite3_stmt **ret, struct err *e)
{
	int rc = sqlite3_prepare_v3(s->db, sql, -1, flags, ret, NULL);

	return rc == SQLITE_OK ? 0 : store_fail(s, rc, e);
}

int
query_open(
    struct query *q, struct store *s, const struct store_sql *set, unsigned stmt, struct err *e)
{
	sqlite3_stmt **kept = &s->stmts[set->family][stmt];
	sqlite3_stmt *own = NULL;
	int r;

	if (*kept == NULL) {
		r = prepare(s, set->sql[stmt], SQLITE_PREPARE_PERSISTENT, kept, e);
		if (r < 0)
			return r;
	} else if (sqlite3_stmt_busy(*kept)) {
		r = prepare(s, set->sql[stmt], 0, &own, e);
		if (r < 0)
			return r;
	}
	*q = (struct query){
		.store = s,
		.stmt = own != NULL ? own : *kept,
		.transient = own != NULL,
		.e = e,
	};
	return 0;
}

void
query_done(struct query *q)
{
	if (q->stmt == NULL)
		return;
	/* Both calls repeat the error of the last step, which was reported then. */
	if (q->transient) {
		(void)sqlite3_finalize(q->stmt);
	} else {
		(void)sqlite3_reset(q->stmt);
		(void)sqlite3_clear_bindings(q->stmt);
	}
	q->stmt = NULL;
}

/* Binding fails only for a parameter that the statement does not have, or for text over SQLite's
 * limit (a gigabyte). */

void
query_bind(struct query *q, int at, const char *text)
{
	(void)sqlite3_bind_text(q->stmt, at, text, -1, SQLITE_STATIC);
}

void
query_bind_int(struct query *q, int at, int64_t v)
{
	(void)sqlite3_bind_int64(q->stmt, at, v);
}

void
query_bind_real(struct query *q, int at, double v)
{
	(void)sqlite3_bind_double(q->stmt, at, v);
}

void
query_bind_blob(struct query *q, int at, const void *p, size_t len)
{
	(void)sqlite3_bind_blob64(q->stmt, at, p, len, SQLITE_STATIC);
}

void
query_bind_scope(struct query *q, const struct scope *sc)
{
	query_bind(q, 1, sc->account);
	query_bind(q, 2, sc->region);
}

void
query_bind_service(
    struct query *q, const struct scope *sc, const char *cluster, const char *service)
{
	query_bind_scope(q, sc);
	query_bind(q, 3, cluster);
	query_bind(q, 4, service);
}

int
query_step(struct query *q)
{
	int rc = sqlite3_step(q->stmt);

	if (rc == SQLITE_ROW)
		return 1;
	if (rc == SQLITE_DONE)
		return 0;
	return store_fail(q->store, rc, q->e);
}

int
query_run(struct query *q)
{
	int r;

	do
		r = query_step(q);
	while (r > 0);
	return r;
}

const char *
query_text(struct query *q, int at)
{
	return (const char *)sqlite3_column_text(q->stmt, at);
}

int64_t
query_int(struct query *q, int at)
{
	return sqlite3_column_int64(q->stmt, at);
}

double
query_real(struct query *q, int at)
{
	return sqlite3_column_double(q->stmt, at);
}

const void *
query_blob(struct query *q, int at, size_t *ret_len)
{
	const void *p = sqlite3_column_blob(q->stmt, at);

	*ret_len = (size_t)sqlite3_column_bytes(q->stmt, at);
	return p;
}

char *
query_dup(struct query *q, int at)
{
	const char *text = query_text(q, at);

	return text == NULL ? NULL : xmemdup(text, (size_t)sqlite3_column_bytes(q->stmt, at) + 1);
}

void *
query_dup_blob(struct query *q, int at, size_t *ret_len)
{
	const void *p = query_blob(q, at, ret_len);

	return p == NULL ? NULL : xmemdup(p, *ret_len);
}

void
query_copy(struct query *q, int at, char *out, size_t size)
{
	const char *text = query_text(q, at);
	size_t n = text == NULL ? 0 : strnlen(text, size - 1);

	if (n > 0)
		memcpy(out, text, n);
	out[n] = '\0';
}

/* The errno that says best what SQLite met. */
static int
errno_of(struct store *s, int rc)
{
	int errnum = sqlite3_system_errno(s->db);

	switch (rc & 0xff) {
	case SQLITE_FULL:
		return ENOSPC;
	case SQLITE_IOERR:
	case SQLITE_CANTOPEN:
		return errnum > 0 ? errnum : EIO;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return EUCLEAN;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return EBUSY;
	case SQLITE_READONLY:
		return EROFS;
	case SQLITE_PERM:
	case SQLITE_AUTH:
		return EACCES;
	case SQLITE_NOMEM:
		return ENOMEM;
	case SQLITE_TOOBIG:
		return E2BIG;
	case SQLITE_CONSTRAINT:
		return EEXIST;
	default:
		return EIO;
	}
}

int
store_fail(struct store *s, int rc, struct err *e)
{
	return err_set_errno(
	    e, errno_of(s, rc), "state file %s: %s", s->path, sqlite3_errmsg(s->db));
}
