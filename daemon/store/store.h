/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The SQLite file: opening, migrations, transactions. The families' rows are in the store_*.h
 * headers beside it. The only place that includes sqlite3.h; whoever calls it sees structs and
 * text, never SQL.
 */
#ifndef DAEMON_STORE_STORE_H
#define DAEMON_STORE_STORE_H

#include "common/err.h"

struct store;

/* Opens (and creates, and migrates) <dir>/ecs.db in WAL mode, or a database in memory when dir is
 * NULL. The caller owns *ret. A file of a later version or one that is broken is an error that
 * names the file. */
int store_open(const char *dir, struct store **ret, struct err *e);
void store_close(struct store *s);

/* One transaction at a time. Commit can fail (disk full): then everything since begin is rolled
 * back. */
int store_begin(struct store *s, struct err *e);
int store_commit(struct store *s, struct err *e);
void store_rollback(struct store *s);

/* Empties every table. */
int store_reset(struct store *s, struct err *e);

/* Pages of List operations: rows after `after` (NULL: from the start), at most `limit`. The
 * callback gets borrowed rows; a non-zero return ends the walk. It may call every store function,
 * the one that walks too; whether the walk still meets a row that it wrote is open. It must not
 * roll back: that ends the walk with an error. All list functions return 0 or a negative errno with
 * `e` filled. */

#endif
