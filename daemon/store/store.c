/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The database as a whole: the lock on its directory, opening, transactions, emptying. Called by
 * main.c and api.c; it must not know any table.
 */
#include "daemon/store/keyring.h"
#include "daemon/store/sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

/* Somebody may look into the file with sqlite3(1): the loop waits no longer than this. */
#define STORE_BUSY_MS 100

#define MEMORY ":memory:"

enum { STMT_BEGIN, STMT_COMMIT, STMT_ROLLBACK, STMT_MAX };
_Static_assert(STMT_MAX <= STORE_STATEMENTS_MAX, "statements");

/* clang-format off */
static const char *const sql[STMT_MAX] = {
	[STMT_BEGIN]    = "BEGIN IMMEDIATE",
	[STMT_COMMIT]   = "COMMIT",
	[STMT_ROLLBACK] = "ROLLBACK",
};
/* clang-format on */
static const struct store_sql base_sql = { STORE_BASE, sql };

/* In memory WAL is refused silently. The directory's lock makes us the only user of the file:
 * exclusive locking saves four system calls a read. The cache grows with use up to 1 MiB. */
static const char store_pragmas[] = "PRAGMA locking_mode = EXCLUSIVE;"
				    "PRAGMA journal_mode = WAL;"
				    "PRAGMA synchronous = NORMAL;"
				    "PRAGMA foreign_keys = ON;"
				    "PRAGMA cache_size = -1024;"
				    "PRAGMA temp_store = MEMORY;"
				    "PRAGMA journal_size_limit = 8388608;";

static int lock_directory(const char *dir, int *ret_fd, struct err *e);
static int make_private(const char *path, struct err *e);

int
store_open(const char *dir, struct store **ret, struct err *e)
{
	struct store *s = xcalloc(1, sizeof(*s));
	int r = 0;

	s->lock_fd = -1;
	s->n_task_events = -1;
	if (dir == NULL) {
		s->path = xstrdup(MEMORY);
	} else {
		s->path = xasprintf("%s/ecs.db", dir);
		r = lock_directory(dir, &s->lock_fd, e);
	}
	if (r == 0)
		r = keyring_open(dir, &s->keyring, e);
	if (r == 0)
		r = store_open_file(s, store_pragmas, e);
	if (r == 0)
		r = store_migrate(s, e);
	if (r < 0) {
		store_close(s);
		return r;
	}
	*ret = s;
	return 0;
}

void
store_close(struct store *s)
{
	if (s == NULL)
		return;
	store_close(s->logs);
	for (size_t f = 0; f < STORE_FAMILY_MAX; f++)
		for (size_t i = 0; i < STORE_STATEMENTS_MAX; i++)
			(void)sqlite3_finalize(s->stmts[f][i]); /* repeats an old error */
	(void)sqlite3_close(s->db); /* nothing is left open that could refuse it */
	if (s->lock_fd >= 0)
		close(s->lock_fd);
	keyring_free(s->keyring);
	free(s->path);
	free(s);
}

int
store_begin(struct store *s, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r = query_open(&q, s, &base_sql, STMT_BEGIN, e);

	return r < 0 ? r : query_run(&q);
}

int
store_commit(struct store *s, struct err *e)
{
	_cleanup_query_ struct query q = { 0 };
	int r;

	/* SQLite itself rolls back when the disk is full or breaks in a transaction. */
	if (sqlite3_get_autocommit(s->db)) {
		store_rollback(s);
		return err_set_errno(
		    e, EIO, "state file %s: the transaction was rolled back", s->path);
	}
	r = query_open(&q, s, &base_sql, STMT_COMMIT, e);
	if (r == 0)
		r = query_run(&q);
	if (r < 0) {
		store_rollback(s);
		return r;
	}
	if (s->task_events_added && s->on_task_events != NULL)
		s->on_task_events(s->on_task_events_cookie);
	s->task_events_added = false;
	return 0;
}

void
store_rollback(struct store *s)
{
	_cleanup_query_ struct query q = { 0 };

	s->task_events_added = false;
	s->n_task_events = -1;
	if (sqlite3_get_autocommit(s->db))
		return;
	if (query_open(&q, s, &base_sql, STMT_ROLLBACK, NULL) == 0)
		(void)query_run(&q); /* fails only where SQLite has rolled back already */
}

/* Deletes from every table that the file has, so that no list of tables can be forgotten. A
 * transaction of its own, or part of the caller's. The logs have a file of their own, which goes.
 */
int
store_reset(struct store *s, struct err *e)
{
	bool own = sqlite3_get_autocommit(s->db);
	sqlite3_stmt *names = NULL;
	int rc, r = 0;

	s->n_task_events = -1;
	if (own)
		r = store_begin(s, e);
	if (r < 0)
		return r;
	rc = sqlite3_prepare_v2(s->db,
	    "SELECT 'DELETE FROM \"' || name || '\"' FROM sqlite_master"
	    " WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'",
	    -1, &names, NULL);
	while (rc == SQLITE_OK && sqlite3_step(names) == SQLITE_ROW)
		rc = sqlite3_exec(
		    s->db, (const char *)sqlite3_column_text(names, 0), NULL, NULL, NULL);
	r = rc == SQLITE_OK ? 0 : store_fail(s, rc, e);
	rc = sqlite3_finalize(names);
	if (r == 0 && rc != SQLITE_OK)
		r = store_fail(s, rc, e);
	if (own && r == 0)
		r = store_commit(s, e);
	else if (own)
		store_rollback(s);
	if (r == 0)
		store_logs_discard(s);
	return r;
}

/* The kernel drops a flock with its process, so kill -9 leaves nothing to clean up. The pid is for
 * the message only. */
static int
lock_directory(const char *dir, int *ret_fd, struct err *e)
{
	_cleanup_free_ char *path = xasprintf("%s/lock", dir);
	_cleanup_close_ int fd = -1;
	char pid[32] = "";
	ssize_t n;

	if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		return err_set_errno(e, errno, "state directory %s cannot be made", dir);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return err_set_errno(
		    e, errno, "state directory %s: %s cannot be opened", dir, path);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK)
			return err_set_errno(e, errno, "state directory %s cannot be locked", dir);
		n = pread(fd, pid, sizeof(pid) - 1, 0);
		if (n > 0)
			pid[strcspn(pid, "\n")] = '\0';
		return err_set(e, ERR_SERVER,
		    "state directory %s is in use by another localemu-ecsd (pid %s)", dir,
		    n > 0 ? pid : "unknown");
	}
	n = snprintf(pid, sizeof(pid), "%d\n", (int)getpid());
	if (ftruncate(fd, 0) < 0 || pwrite(fd, pid, (size_t)n, 0) != n)
		return err_set_errno(
		    e, errno, "state directory %s: %s cannot be written", dir, path);
	*ret_fd = TAKE_FD(fd);
	return 0;
}

/* Environment and secrets of task definitions are in the file: nobody else may read it. -wal and
 * -shm get its mode. */
static int
make_private(const char *path, struct err *e)
{
	_cleanup_close_ int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return err_set_errno(e, errno, "state file %s cannot be opened", path);
	if (fchmod(fd, 0600) < 0)
		return err_set_errno(e, errno, "state file %s: mode 0600 cannot be set", path);
	return 0;
}

int
store_open_file(struct store *s, const char *pragmas, struct err *e)
{
	bool file = s->path[0] != '\0' && strcmp(s->path, MEMORY) != 0;
	int rc, r = file ? make_private(s->path, e) : 0;

	if (r < 0)
		return r;
	rc = sqlite3_open_v2(s->path, &s->db,
	    SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX |
		SQLITE_OPEN_EXRESCODE,
	    NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_busy_timeout(s->db, STORE_BUSY_MS);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(s->db, pragmas, NULL, NULL, NULL);
	return rc == SQLITE_OK ? 0 : store_fail(s, rc, e);
}
