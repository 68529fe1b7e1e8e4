/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file of logs: where it is, when it is opened, its tables. Called by the services and by
 * store.c; the rows are log_group.c's, log_stream.c's and log_event.c's.
 */
#include "daemon/store/log.h"
#include "daemon/store/sqlite.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define MOVE_BUSY_MS 1000

/* auto_vacuum has to be said before anything is written. The cache is small: what is written is not
 * read again soon, and what is read is a page of output at most. */
static const char log_pragmas[] = "PRAGMA auto_vacuum = INCREMENTAL;"
				  "PRAGMA journal_mode = WAL;"
				  "PRAGMA synchronous = NORMAL;"
				  "PRAGMA cache_size = -1024;"
				  "PRAGMA temp_store = MEMORY;"
				  "PRAGMA journal_size_limit = 67108864;";

/* clang-format off */

/* Times are epoch milliseconds. gone: deleted, and to be swept up. A chunk's data is log_event.c's; bytes is what AWS
 * would bill for it. */
static const char *const steps[] = {
	[0] =
	    "CREATE TABLE log_group ("
	    " n INTEGER PRIMARY KEY, account TEXT NOT NULL, region TEXT NOT NULL, name TEXT NOT NULL,"
	    " class TEXT NOT NULL, kms_key TEXT NOT NULL, created_at INTEGER NOT NULL,"
	    " retention_days INTEGER NOT NULL, stored_bytes INTEGER NOT NULL, protected INTEGER NOT NULL,"
	    " gone INTEGER NOT NULL);"
	    "CREATE UNIQUE INDEX log_group_name ON log_group (account, region, name) WHERE gone = 0;"
	    "CREATE INDEX log_group_gone ON log_group (n) WHERE gone = 1;"
	    "CREATE INDEX log_group_retention ON log_group (n) WHERE gone = 0 AND retention_days > 0;"

	    "CREATE TABLE log_stream ("
	    " n INTEGER PRIMARY KEY, log_group INTEGER NOT NULL, name TEXT NOT NULL, created_at INTEGER NOT NULL,"
	    " first_at INTEGER NOT NULL, last_at INTEGER NOT NULL, ingested_at INTEGER NOT NULL,"
	    " tail INTEGER NOT NULL, cursor TEXT, gone INTEGER NOT NULL);"
	    "CREATE UNIQUE INDEX log_stream_name ON log_stream (log_group, name) WHERE gone = 0;"
	    "CREATE INDEX log_stream_last ON log_stream (log_group, last_at, name) WHERE gone = 0;"
	    "CREATE INDEX log_stream_all ON log_stream (log_group);"
	    "CREATE INDEX log_stream_gone ON log_stream (n) WHERE gone = 1;"

	    "CREATE TABLE log_chunk ("
	    " n INTEGER PRIMARY KEY, log_group INTEGER NOT NULL, stream INTEGER NOT NULL,"
	    " first_at INTEGER NOT NULL, last_at INTEGER NOT NULL, bytes INTEGER NOT NULL, data BLOB NOT NULL);"
	    "CREATE INDEX log_chunk_first ON log_chunk (stream, first_at, last_at);"
	    "CREATE INDEX log_chunk_last ON log_chunk (stream, last_at, first_at);"
	    "CREATE INDEX log_chunk_group ON log_chunk (log_group, first_at, last_at, stream);"

	    "CREATE TABLE tag ("
	    " n INTEGER PRIMARY KEY, arn TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL,"
	    " UNIQUE (arn, key));",
};
/* clang-format on */

/* Beside the file of `s`; "" where that is in memory: SQLite's name for a temporary file, which
 * takes no more memory than its cache. */
static char *
path_of(const struct store *s)
{
	const char *slash = strrchr(s->path, '/');

	return slash == NULL ? xstrdup("")
			     : xasprintf("%.*s/logs.db", (int)(slash - s->path), s->path);
}

static int
on_commit(void *cookie, sqlite3 *db, const char *name, int pages)
{
	const struct store *s = cookie;

	(void)db;
	(void)name;
	s->logs_watch.grown(pages, s->logs_watch.cookie);
	return SQLITE_OK;
}

int
store_logs(struct store *s, struct store **ret, struct err *e)
{
	struct store *l;
	int r;

	if (s->logs != NULL) {
		*ret = s->logs;
		return 0;
	}
	l = xcalloc(1, sizeof(*l));
	l->lock_fd = -1; /* the directory's lock is that of `s` */
	l->n_task_events = -1;
	l->path = path_of(s);
	r = store_open_file(l, log_pragmas, e);
	if (r == 0 && s->logs_watch.grown != NULL)
		(void)sqlite3_wal_hook(l->db, on_commit, s); /* there was none before */
	if (r == 0)
		r = store_migrate_along(l, steps, ARRAY_SIZE(steps), e);
	if (r < 0) {
		store_close(l);
		return r;
	}
	*ret = s->logs = l;
	return 0;
}

bool
store_logs_used(const struct store *s)
{
	_cleanup_free_ char *path = path_of(s);

	return s->logs != NULL || (path[0] != '\0' && access(path, F_OK) == 0);
}

void
store_logs_set_watch(struct store *s, const struct store_logs_watch *w)
{
	s->logs_watch = *w;
}

void
store_logs_on_news(
    struct store *s, void (*fn)(const struct store_log_news *news, void *cookie), void *cookie)
{
	s->on_log_news = fn;
	s->on_log_news_cookie = cookie;
}

void
store_logs_tell(const struct store *s, const struct store_log_news *news)
{
	if (s->on_log_news != NULL && news->n > 0)
		s->on_log_news(news, s->on_log_news_cookie);
}

char *
store_logs_path(const struct store *s)
{
	_cleanup_free_ char *path = path_of(s);

	return path[0] != '\0' ? TAKE(path) : NULL;
}

/* A connection of its own, which SQLite lets be in another thread. Reading anything makes it look
 * at the log; when it is closed, the log is left as it is. */
int
store_logs_move(const char *path)
{
	sqlite3 *db = NULL;
	int pages = 0;
	int rc = sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_busy_timeout(db, MOVE_BUSY_MS);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(db, "SELECT 1 FROM sqlite_master LIMIT 1", NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_wal_checkpoint_v2(db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, &pages);
	(void)sqlite3_close(db); /* nothing is left open that could refuse it */
	return rc == SQLITE_OK ? pages : -EIO;
}

int
store_logs_move_all(struct store *s, struct err *e)
{
	int rc;

	if (s->logs == NULL)
		return 0;
	rc = sqlite3_wal_checkpoint_v2(s->logs->db, NULL, SQLITE_CHECKPOINT_RESTART, NULL, NULL);
	return rc == SQLITE_OK ? 0 : store_fail(s->logs, rc, e);
}

void
store_logs_rest(struct store *s)
{
	if (s->logs != NULL)
		(void)sqlite3_db_release_memory(s->logs->db); /* returns SQLITE_OK always */
}

void
store_logs_discard(struct store *s)
{
	static const char *const suffixes[] = { "-wal", "-shm", "-journal", "" };
	_cleanup_free_ char *path = path_of(s);

	if (s->logs_watch.closing != NULL)
		s->logs_watch.closing(s->logs_watch.cookie);
	store_close(TAKE(s->logs));
	for (size_t i = 0; path[0] != '\0' && i < ARRAY_SIZE(suffixes); i++) {
		_cleanup_free_ char *file = xasprintf("%s%s", path, suffixes[i]);

		(void)unlink(file); /* where there is none, there is nothing to discard */
	}
}
