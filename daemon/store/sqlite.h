/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of store/ share: the open database, each family's prepared statements, and
 * shorthands to bind, step and read. Nobody outside store/ includes it; it must not know any table.
 */
#ifndef DAEMON_STORE_SQLITE_H
#define DAEMON_STORE_SQLITE_H

#include "daemon/api.h"
#include "daemon/store/log.h"
#include "daemon/store/store.h"

#include <sqlite3.h>

/* One per file that has statements. */
enum store_family {
	STORE_BASE,
	STORE_ACCOUNT_SETTING,
	STORE_CAPACITY_PROVIDER,
	STORE_CLIENT_TOKEN,
	STORE_CLUSTER,
	STORE_CONTAINER_INSTANCE,
	STORE_CREDENTIAL,
	STORE_DEPLOYMENT,
	STORE_EC2,
	STORE_EXPRESS_GATEWAY,
	STORE_IAM,
	STORE_LOG_EVENT,
	STORE_LOG_GROUP,
	STORE_LOG_READ,
	STORE_LOG_STREAM,
	STORE_LOG_SWEEP,
	STORE_SERVICE,
	STORE_SERVICE_DEPLOYMENT,
	STORE_SERVICE_EVENT,
	STORE_SERVICE_REVISION,
	STORE_PARAMETER,
	STORE_SECRET,
	STORE_SERVICE_TASK,
	STORE_S3_OBJECT,
	STORE_S3_SEGMENT,
	STORE_S3_UPLOAD,
	STORE_TAG,
	STORE_TASK,
	STORE_TASK_DEFINITION,
	STORE_TASK_EVENT,
	STORE_TASK_PROTECTION,
	STORE_TRAIL,
	STORE_VPC_NETWORK,
	STORE_FAMILY_MAX,
};
#define STORE_STATEMENTS_MAX 32 /* of one family */

struct store {
	sqlite3 *db;
	char *path;              /* of the file, or ":memory:": for messages */
	struct keyring *keyring; /* of values that are secret */
	int lock_fd;             /* holds the advisory lock on the directory, -1 in memory */
	sqlite3_stmt *stmts[STORE_FAMILY_MAX][STORE_STATEMENTS_MAX];

	/* Of task_event.c. */
	int64_t n_task_events;  /* rows, -1 where they have to be counted */
	bool task_events_added; /* in the open transaction */
	void (*on_task_events)(void *cookie);
	void *on_task_events_cookie;

	struct store *logs; /* of log.c: a second file, NULL until it is needed */
	struct store_logs_watch logs_watch;
	void (*on_log_news)(const struct store_log_news *news, void *cookie);
	void *on_log_news_cookie;
};

/* A family's statements, indexed by its STMT_ enum. */
struct store_sql {
	enum store_family family;
	const char *const *sql;
};

/* Use of one statement. It is prepared when first needed and kept; where the kept one is in the
 * middle of a walk (a callback came back to the same function), a second one is made for this use,
 * so that the walk is not disturbed. query_done gives it back. Bound text must stay valid until
 * then. */
struct query {
	struct store *store;
	sqlite3_stmt *stmt;
	bool transient;
	struct err *e;
};
#define _cleanup_query_ _cleanup_(query_done)

int query_open(
    struct query *q, struct store *s, const struct store_sql *set, unsigned stmt, struct err *e);
void query_done(struct query *q);

/* Parameters, ?1 is 1. NULL text is NULL. */
void query_bind(struct query *q, int at, const char *text);
void query_bind_int(struct query *q, int at, int64_t v);
void query_bind_real(struct query *q, int at, double v);
void query_bind_blob(struct query *q, int at, const void *p, size_t len);
/* ?1 and ?2, which every table that is keyed by scope uses for it. */
void query_bind_scope(struct query *q, const struct scope *sc);
/* The same and, as ?3 and ?4, a service's cluster and name. */
void query_bind_service(
    struct query *q, const struct scope *sc, const char *cluster, const char *service);

/* 1 with a row, 0 at the end, negative errno with the error filled. */
int query_step(struct query *q);
/* For statements without rows: 0 or a negative errno. */
int query_run(struct query *q);

/* Columns of the present row, the first is 0. The text is borrowed until the next step; NULL where
 * it is NULL. */
const char *query_text(struct query *q, int at);
int64_t query_int(struct query *q, int at);
const void *query_blob(struct query *q, int at, size_t *ret_len);
double query_real(struct query *q, int at);
/* The caller owns these; NULL where it is NULL. */
char *query_dup(struct query *q, int at);
void *query_dup_blob(struct query *q, int at, size_t *ret_len);
/* Cuts what does not fit (nothing does that was written through the same struct). */
void query_copy(struct query *q, int at, char *out, size_t size);

/* Fills `e` from what SQLite said last; returns a negative errno. */
int store_fail(struct store *s, int rc, struct err *e);

/* Opens the file at s->path (":memory:", "" for a temporary one that goes when it is closed) with
 * the pragmas of its kind; a file is made with a mode that lets nobody else read it. */
int store_open_file(struct store *s, const char *pragmas, struct err *e);

/* Whether a service is on Fargate: by its launch type, or by the first provider of its strategy. */
#define SERVICE_FARGATE(launch_type, doc)                                                          \
	"coalesce(coalesce(nullif(" launch_type ", ''),"                                           \
	" json_extract(" doc ", '$.capacityProviderStrategy[0].capacityProvider'))"                \
	" LIKE 'FARGATE%', 0)"

/* Brings the open database to the newest version. */
int store_migrate(struct store *s, struct err *e);
/* The same along the steps of another file. */
int store_migrate_along(struct store *s, const char *const *steps, size_t n_steps, struct err *e);

/* The file of logs goes, whatever is in it (log.c). */
void store_logs_discard(struct store *s);

#endif
