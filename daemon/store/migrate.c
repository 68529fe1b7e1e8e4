/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The schema, as numbered steps from an empty file to the newest version, and the walk along them.
 * Called by store_open. A step that was released is never changed: a new one is appended.
 */
#include "daemon/store/sqlite.h"

#include <errno.h>

#define STORE_APPLICATION_ID 0x4c454353 /* "LECS": tells our files from other SQLite files */

/* clang-format off */

/* The rows of task that DescribeClusters counts: running ones, and pending ones, which are on the way to RUNNING. Triggers
 * keep the numbers, so that they need no walk over the tasks of a cluster. */
#define COUNTED(row) "(" row ".last_status = 3 OR (" row ".last_status < 7 AND " row ".desired_stopped = 0))"
#define COUNT_CHANGES                                                                              \
	"((old.last_status = 3) <> (new.last_status = 3) OR " COUNTED("old") " <> " COUNTED("new") ")"
#define COUNT_UP                                                                                   \
	" INSERT INTO task_count (account, region, cluster, fargate, running, n)"                  \
	" VALUES (new.account, new.region, new.cluster, new.launch_type = 'FARGATE',"              \
	" new.last_status = 3, 1)"                                                                 \
	" ON CONFLICT (account, region, cluster, fargate, running) DO UPDATE SET n = n + 1;"
#define COUNT_ROW                                                                                  \
	" WHERE account = old.account AND region = old.region AND cluster = old.cluster"           \
	" AND fargate = (old.launch_type = 'FARGATE') AND running = (old.last_status = 3)"
#define COUNT_DOWN                                                                                 \
	" UPDATE task_count SET n = n - 1" COUNT_ROW ";"                                           \
	" DELETE FROM task_count" COUNT_ROW " AND n <= 0;"

/* Step n leads from version n to version n + 1; PRAGMA user_version says which have been taken.
 *
 * All keys begin with account and region. Times are epoch milliseconds, 0: not yet. In task, last_status is
 * enum task_state (7: STOPPED). The partial indexes of task hold only unfinished tasks, so what asks for those stays
 * flat as stopped ones pile up. The spec never changes after the insert and is in a table of its own, so that a change
 * of state does not write it again. */
static const char *const migrations[] = {
	[0] =
	    "CREATE TABLE cluster ("
	    " account TEXT NOT NULL, region TEXT NOT NULL, name TEXT NOT NULL, status TEXT NOT NULL,"
	    " created_at INTEGER NOT NULL, deleted_at INTEGER NOT NULL, doc TEXT,"
	    " PRIMARY KEY (account, region, name));"
	    "CREATE INDEX cluster_active ON cluster (account, region, name) WHERE status = 'ACTIVE';"
	    "CREATE INDEX cluster_deleted ON cluster (deleted_at) WHERE deleted_at > 0;"

	    "CREATE TABLE task_definition_family ("
	    " account TEXT NOT NULL, region TEXT NOT NULL, family TEXT NOT NULL, last_revision INTEGER NOT NULL,"
	    " PRIMARY KEY (account, region, family)) WITHOUT ROWID;"
	    "CREATE TABLE task_definition ("
	    " account TEXT NOT NULL, region TEXT NOT NULL, family TEXT NOT NULL, revision INTEGER NOT NULL,"
	    " status INTEGER NOT NULL, registered_at INTEGER NOT NULL, deregistered_at INTEGER NOT NULL,"
	    " delete_requested_at INTEGER NOT NULL, doc TEXT,"
	    " PRIMARY KEY (account, region, family, revision));"
	    "CREATE INDEX task_definition_status"
	    " ON task_definition (account, region, status, family, revision);"

	    "CREATE TABLE task ("
	    " n INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE,"
	    " account TEXT NOT NULL, region TEXT NOT NULL, cluster TEXT NOT NULL,"
	    " family TEXT NOT NULL, revision INTEGER NOT NULL, task_group TEXT, started_by TEXT, service TEXT,"
	    " instance TEXT, launch_type TEXT NOT NULL,"
	    " last_status INTEGER NOT NULL, desired_stopped INTEGER NOT NULL, runner INTEGER NOT NULL,"
	    " cleaned_up INTEGER NOT NULL, created_at INTEGER NOT NULL, stopped_at INTEGER NOT NULL,"
	    " seq INTEGER NOT NULL, doc TEXT, state BLOB);"
	    "CREATE INDEX task_cluster ON task (account, region, cluster, desired_stopped, id);"
	    "CREATE INDEX task_family ON task (account, region, cluster, family, desired_stopped, id);"
	    "CREATE INDEX task_started_by ON task (account, region, cluster, started_by, desired_stopped, id)"
	    " WHERE started_by IS NOT NULL;"
	    "CREATE INDEX task_service ON task (account, region, cluster, service, desired_stopped, id)"
	    " WHERE service IS NOT NULL;"
	    "CREATE INDEX task_instance ON task (account, region, cluster, instance, desired_stopped, id)"
	    " WHERE instance IS NOT NULL;"
	    "CREATE INDEX task_live ON task (account, region, cluster) WHERE last_status < 7;"
	    "CREATE INDEX task_live_definition ON task (account, region, family, revision)"
	    " WHERE last_status < 7;"
	    "CREATE INDEX task_unfinished ON task (n) WHERE cleaned_up = 0;"
	    "CREATE INDEX task_stopped ON task (stopped_at) WHERE last_status = 7 AND cleaned_up = 1;"
	    "CREATE TABLE task_spec ("
	    " n INTEGER PRIMARY KEY REFERENCES task (n) ON DELETE CASCADE, spec BLOB);"

	    "CREATE TABLE task_count ("
	    " account TEXT NOT NULL, region TEXT NOT NULL, cluster TEXT NOT NULL, fargate INTEGER NOT NULL,"
	    " running INTEGER NOT NULL, n INTEGER NOT NULL,"
	    " PRIMARY KEY (account, region, cluster, fargate, running)) WITHOUT ROWID;"
	    "CREATE TRIGGER task_count_insert AFTER INSERT ON task WHEN " COUNTED("new") " BEGIN"
	    COUNT_UP " END;"
	    "CREATE TRIGGER task_count_delete AFTER DELETE ON task WHEN " COUNTED("old") " BEGIN"
	    COUNT_DOWN " END;"
	    "CREATE TRIGGER task_count_leave AFTER UPDATE OF last_status, desired_stopped ON task"
	    " WHEN " COUNTED("old") " AND " COUNT_CHANGES " BEGIN" COUNT_DOWN " END;"
	    "CREATE TRIGGER task_count_enter AFTER UPDATE OF last_status, desired_stopped ON task"
	    " WHEN " COUNTED("new") " AND " COUNT_CHANGES " BEGIN" COUNT_UP " END;"

	    "CREATE TABLE container_instance ("
	    " account TEXT NOT NULL, region TEXT NOT NULL, id TEXT NOT NULL, cluster TEXT NOT NULL,"
	    " status TEXT NOT NULL, synthetic INTEGER NOT NULL, doc TEXT,"
	    " PRIMARY KEY (account, region, id));"
	    "CREATE INDEX container_instance_cluster ON container_instance (account, region, cluster, id);"

	    "CREATE TABLE tag ("
	    " n INTEGER PRIMARY KEY, arn TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL,"
	    " UNIQUE (arn, key));"

	    "CREATE TABLE client_token ("
	    " account TEXT NOT NULL, region TEXT NOT NULL, operation TEXT NOT NULL, token TEXT NOT NULL,"
	    " digest TEXT NOT NULL, result TEXT NOT NULL, created_at INTEGER NOT NULL,"
	    " PRIMARY KEY (account, region, operation, token)) WITHOUT ROWID;"
	    "CREATE INDEX client_token_age ON client_token (created_at);",

	/* The ring of task events; what is not searched is apart. */
	[1] =
	    "CREATE TABLE task_event ("
	    " n INTEGER PRIMARY KEY, at INTEGER NOT NULL, account TEXT NOT NULL, region TEXT NOT NULL,"
	    " cluster TEXT NOT NULL, task TEXT NOT NULL);"
	    "CREATE TABLE task_event_doc ("
	    " n INTEGER PRIMARY KEY REFERENCES task_event (n) ON DELETE CASCADE, doc TEXT);",

	/* EC2: kind is enum ec2_kind; address is an IPv4 address as a number, 0: none. */
	[2] =
	    "CREATE TABLE ec2 ("
	    " n INTEGER PRIMARY KEY, account TEXT NOT NULL, region TEXT NOT NULL, kind INTEGER NOT NULL,"
	    " id TEXT NOT NULL, vpc TEXT NOT NULL, parent TEXT NOT NULL, address INTEGER NOT NULL,"
	    " holder TEXT NOT NULL, doc TEXT NOT NULL, UNIQUE (account, region, kind, id));"
	    "CREATE INDEX ec2_vpc ON ec2 (account, region, kind, vpc);"
	    "CREATE INDEX ec2_parent ON ec2 (account, region, kind, parent);"
	    "CREATE INDEX ec2_holder ON ec2 (account, region, holder) WHERE holder <> '';"
	    "CREATE UNIQUE INDEX ec2_address ON ec2 (account, region, parent, address) WHERE address > 0;"
	    "CREATE TABLE ec2_tag ("
	    " account TEXT NOT NULL, region TEXT NOT NULL, id TEXT NOT NULL, key TEXT NOT NULL,"
	    " value TEXT NOT NULL, PRIMARY KEY (account, region, id, key)) WITHOUT ROWID;"
	    "CREATE TABLE vpc_network ("
	    " vpc TEXT PRIMARY KEY, account TEXT NOT NULL, region TEXT NOT NULL, cidr TEXT NOT NULL,"
	    " engine_cidr TEXT NOT NULL, ready INTEGER NOT NULL) WITHOUT ROWID;",

	/* Access keys, and IAM: kind is enum iam_kind; names differ in more than the case of their letters. */
	[3] =
	    "CREATE TABLE credential ("
	    " access_key TEXT PRIMARY KEY, secret TEXT NOT NULL, token TEXT NOT NULL, account TEXT NOT NULL,"
	    " arn TEXT NOT NULL, user_id TEXT NOT NULL, user TEXT, task TEXT, active INTEGER NOT NULL,"
	    " created_at INTEGER NOT NULL, expires_at INTEGER NOT NULL) WITHOUT ROWID;"
	    "CREATE INDEX credential_user ON credential (account, user) WHERE user IS NOT NULL;"
	    "CREATE INDEX credential_task ON credential (task) WHERE task IS NOT NULL;"
	    "CREATE INDEX credential_expiry ON credential (expires_at) WHERE expires_at > 0;"
	    "CREATE TABLE task_credential ("
	    " task TEXT NOT NULL, role_type TEXT NOT NULL, id TEXT NOT NULL UNIQUE, role_arn TEXT NOT NULL,"
	    " access_key TEXT NOT NULL, PRIMARY KEY (task, role_type)) WITHOUT ROWID;"
	    "CREATE TABLE iam ("
	    " n INTEGER PRIMARY KEY, account TEXT NOT NULL, kind INTEGER NOT NULL,"
	    " name TEXT NOT NULL COLLATE NOCASE, id TEXT NOT NULL, arn TEXT NOT NULL, path TEXT NOT NULL,"
	    " created_at INTEGER NOT NULL, doc TEXT NOT NULL, UNIQUE (account, kind, name));"
	    "CREATE TABLE iam_document ("
	    " account TEXT NOT NULL, kind INTEGER NOT NULL, owner TEXT NOT NULL COLLATE NOCASE,"
	    " name TEXT NOT NULL, document TEXT NOT NULL, created_at INTEGER NOT NULL,"
	    " PRIMARY KEY (account, kind, owner, name)) WITHOUT ROWID;"
	    "CREATE TABLE iam_attachment ("
	    " account TEXT NOT NULL, kind INTEGER NOT NULL, owner TEXT NOT NULL COLLATE NOCASE,"
	    " arn TEXT NOT NULL, PRIMARY KEY (account, kind, owner, arn)) WITHOUT ROWID;"
	    "CREATE INDEX iam_attachment_arn ON iam_attachment (account, arn);",

	/* Account settings, capacity providers, protection of tasks. asg is NULL with managed instances. */
	[4] =
	    "CREATE TABLE account_setting ("
	    " account TEXT NOT NULL, region TEXT NOT NULL, principal TEXT NOT NULL, name TEXT NOT NULL,"
	    " value TEXT NOT NULL, PRIMARY KEY (account, region, principal, name)) WITHOUT ROWID;"
	    "CREATE TABLE capacity_provider ("
	    " account TEXT NOT NULL, region TEXT NOT NULL, name TEXT NOT NULL, status TEXT NOT NULL,"
	    " cluster TEXT NOT NULL, asg TEXT, doc TEXT, deleted_at INTEGER NOT NULL,"
	    " PRIMARY KEY (account, region, name));"
	    "CREATE INDEX capacity_provider_deleted ON capacity_provider (deleted_at) WHERE deleted_at > 0;"
	    "CREATE TABLE task_protection ("
	    " task TEXT PRIMARY KEY REFERENCES task (id) ON DELETE CASCADE,"
	    " expires_at INTEGER NOT NULL) WITHOUT ROWID;",

	/* Services. What belongs to one goes with it; the order of creation is n. */
	[5] =
	    "CREATE TABLE service ("
	    " account TEXT NOT NULL, region TEXT NOT NULL, cluster TEXT NOT NULL, name TEXT NOT NULL,"
	    " status TEXT NOT NULL, scheduling TEXT NOT NULL, controller TEXT NOT NULL, launch_type TEXT NOT NULL,"
	    " namespace TEXT, desired_count INTEGER NOT NULL, created_at INTEGER NOT NULL,"
	    " inactive_at INTEGER NOT NULL, revision TEXT NOT NULL, doc TEXT NOT NULL, state TEXT,"
	    " PRIMARY KEY (account, region, cluster, name));"
	    "CREATE INDEX service_live ON service (account, region, cluster, name, status, launch_type)"
	    " WHERE status <> 'INACTIVE';"
	    "CREATE INDEX service_namespace ON service (account, region, namespace, cluster, name)"
	    " WHERE namespace IS NOT NULL;"
	    "CREATE INDEX service_inactive ON service (inactive_at) WHERE inactive_at > 0;"
	    "CREATE TABLE deployment ("
	    " n INTEGER PRIMARY KEY, account TEXT NOT NULL, region TEXT NOT NULL, cluster TEXT NOT NULL,"
	    " service TEXT NOT NULL, id TEXT NOT NULL, task_set INTEGER NOT NULL, status TEXT NOT NULL,"
	    " revision TEXT NOT NULL, service_deployment TEXT NOT NULL, desired_count INTEGER NOT NULL,"
	    " failed_tasks INTEGER NOT NULL, succeeded_once INTEGER NOT NULL, rollout_state TEXT NOT NULL,"
	    " rollout_reason TEXT, scale REAL NOT NULL, stability_status TEXT NOT NULL,"
	    " stability_at INTEGER NOT NULL, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL,"
	    " doc TEXT NOT NULL, UNIQUE (account, region, cluster, service, id),"
	    " FOREIGN KEY (account, region, cluster, service) REFERENCES service ON DELETE CASCADE);"
	    "CREATE INDEX deployment_definition"
	    " ON deployment (account, region, json_extract(doc, '$.taskDefinition'));"
	    "CREATE TABLE service_revision ("
	    " account TEXT NOT NULL, region TEXT NOT NULL, cluster TEXT NOT NULL, service TEXT NOT NULL,"
	    " id TEXT NOT NULL, created_at INTEGER NOT NULL, doc TEXT NOT NULL,"
	    " PRIMARY KEY (account, region, cluster, service, id),"
	    " FOREIGN KEY (account, region, cluster, service) REFERENCES service ON DELETE CASCADE);"
	    "CREATE TABLE service_deployment ("
	    " n INTEGER PRIMARY KEY, account TEXT NOT NULL, region TEXT NOT NULL, cluster TEXT NOT NULL,"
	    " service TEXT NOT NULL, id TEXT NOT NULL, status TEXT NOT NULL, deployment TEXT NOT NULL,"
	    " target_revision TEXT NOT NULL, rollback_revision TEXT NOT NULL, status_reason TEXT,"
	    " lifecycle_stage TEXT NOT NULL, created_at INTEGER NOT NULL, started_at INTEGER NOT NULL,"
	    " finished_at INTEGER NOT NULL, stopped_at INTEGER NOT NULL, updated_at INTEGER NOT NULL,"
	    " doc TEXT NOT NULL, UNIQUE (account, region, cluster, service, id),"
	    " FOREIGN KEY (account, region, cluster, service) REFERENCES service ON DELETE CASCADE);"
	    "CREATE INDEX service_deployment_order ON service_deployment (account, region, cluster, service, n);"
	    "CREATE TABLE service_event ("
	    " n INTEGER PRIMARY KEY, account TEXT NOT NULL, region TEXT NOT NULL, cluster TEXT NOT NULL,"
	    " service TEXT NOT NULL, id TEXT NOT NULL, created_at INTEGER NOT NULL, message TEXT NOT NULL,"
	    " FOREIGN KEY (account, region, cluster, service) REFERENCES service ON DELETE CASCADE);"
	    "CREATE INDEX service_event_order ON service_event (account, region, cluster, service, n);"
	    "CREATE INDEX task_live_service"
	    " ON task (account, region, cluster, service, started_by, last_status, desired_stopped)"
	    " WHERE service IS NOT NULL AND last_status < 7;",

	/* CloudTrail: a ring whose numbers have no gaps. */
	[6] =
	    "CREATE TABLE trail ("
	    " n INTEGER PRIMARY KEY, account TEXT NOT NULL, region TEXT NOT NULL, at INTEGER NOT NULL,"
	    " id TEXT NOT NULL, name TEXT NOT NULL, source TEXT NOT NULL, user TEXT, access_key TEXT);"
	    "CREATE TABLE trail_doc ("
	    " n INTEGER PRIMARY KEY REFERENCES trail (n) ON DELETE CASCADE, doc TEXT NOT NULL);"
	    "CREATE TABLE trail_resource ("
	    " n INTEGER NOT NULL REFERENCES trail (n) ON DELETE CASCADE, i INTEGER NOT NULL,"
	    " type TEXT NOT NULL, name TEXT NOT NULL, short TEXT NOT NULL,"
	    " PRIMARY KEY (n, i)) WITHOUT ROWID;",

	/* Secrets and parameters; values are sealed with a key that is not in this file. */
	[7] =
	    "CREATE TABLE secret ("
	    " n INTEGER PRIMARY KEY AUTOINCREMENT, account TEXT NOT NULL, region TEXT NOT NULL, name TEXT NOT NULL,"
	    " arn TEXT NOT NULL, description TEXT, kms_key TEXT, type TEXT, policy TEXT,"
	    " created_at INTEGER NOT NULL, changed_at INTEGER NOT NULL, accessed_at INTEGER NOT NULL,"
	    " deleted_at INTEGER NOT NULL, purge_at INTEGER NOT NULL, UNIQUE (account, region, name));"
	    "CREATE INDEX secret_purge ON secret (purge_at) WHERE purge_at > 0;"
	    "CREATE TABLE secret_version ("
	    " n INTEGER PRIMARY KEY AUTOINCREMENT, secret INTEGER NOT NULL REFERENCES secret (n) ON DELETE CASCADE,"
	    " id TEXT NOT NULL, is_binary INTEGER NOT NULL, created_at INTEGER NOT NULL,"
	    " accessed_at INTEGER NOT NULL, value BLOB NOT NULL, UNIQUE (secret, id));"
	    "CREATE TABLE secret_stage ("
	    " n INTEGER PRIMARY KEY AUTOINCREMENT, secret INTEGER NOT NULL REFERENCES secret (n) ON DELETE CASCADE,"
	    " stage TEXT NOT NULL, version TEXT NOT NULL, UNIQUE (secret, stage));"

	    "CREATE TABLE parameter ("
	    " n INTEGER PRIMARY KEY, account TEXT NOT NULL, region TEXT NOT NULL, name TEXT NOT NULL,"
	    " version INTEGER NOT NULL, expires_at INTEGER NOT NULL, UNIQUE (account, region, name));"
	    "CREATE INDEX parameter_expiry ON parameter (expires_at) WHERE expires_at > 0;"
	    "CREATE TABLE parameter_version ("
	    " parameter INTEGER NOT NULL REFERENCES parameter (n) ON DELETE CASCADE, version INTEGER NOT NULL,"
	    " modified_at INTEGER NOT NULL, doc TEXT NOT NULL, value BLOB NOT NULL,"
	    " PRIMARY KEY (parameter, version));"
	    "CREATE TABLE parameter_label ("
	    " parameter INTEGER NOT NULL REFERENCES parameter (n) ON DELETE CASCADE, label TEXT NOT NULL,"
	    " version INTEGER NOT NULL, PRIMARY KEY (parameter, label)) WITHOUT ROWID;",

	/* What the service scheduler reads of tasks; mark is enum task_mark, health enum health_state. */
	[8] =
	    "ALTER TABLE task ADD COLUMN zone TEXT;"
	    "ALTER TABLE task ADD COLUMN provider TEXT;"
	    "ALTER TABLE task ADD COLUMN checks INTEGER NOT NULL DEFAULT 0;"
	    "ALTER TABLE task ADD COLUMN started_at INTEGER NOT NULL DEFAULT 0;"
	    "ALTER TABLE task ADD COLUMN health INTEGER NOT NULL DEFAULT 0;"
	    "ALTER TABLE task ADD COLUMN mark INTEGER NOT NULL DEFAULT 0;"
	    "CREATE INDEX task_service_open ON task (account, region, cluster, service)"
	    " WHERE service IS NOT NULL AND mark < 2;",

	/* S3: kind is enum segment_kind. No foreign keys to the segments: dropping them leaves garbage to be collected. */
	[9] =
	    "CREATE TABLE s3_bucket ("
	    " name TEXT PRIMARY KEY, account TEXT NOT NULL, region TEXT NOT NULL, created_at INTEGER NOT NULL,"
	    " doc TEXT NOT NULL) WITHOUT ROWID;"
	    "CREATE INDEX s3_bucket_account ON s3_bucket (account, name);"
	    "CREATE TABLE s3_object ("
	    " n INTEGER PRIMARY KEY, bucket TEXT NOT NULL, key TEXT NOT NULL, etag TEXT NOT NULL,"
	    " size INTEGER NOT NULL, modified_at INTEGER NOT NULL, doc TEXT NOT NULL, UNIQUE (bucket, key));"
	    "CREATE TABLE s3_upload ("
	    " n INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, bucket TEXT NOT NULL, key TEXT NOT NULL,"
	    " created_at INTEGER NOT NULL, doc TEXT NOT NULL);"
	    "CREATE INDEX s3_upload_key ON s3_upload (bucket, key, id);"
	    "CREATE TABLE s3_part ("
	    " n INTEGER PRIMARY KEY, upload INTEGER NOT NULL, number INTEGER NOT NULL,"
	    " etag TEXT NOT NULL, size INTEGER NOT NULL, modified_at INTEGER NOT NULL, doc TEXT NOT NULL,"
	    " UNIQUE (upload, number));"
	    "CREATE TABLE s3_segment ("
	    " kind INTEGER NOT NULL, owner INTEGER NOT NULL, n INTEGER NOT NULL, part INTEGER NOT NULL,"
	    " blob TEXT NOT NULL, start INTEGER NOT NULL, size INTEGER NOT NULL,"
	    " PRIMARY KEY (kind, owner, n)) WITHOUT ROWID;"
	    "CREATE INDEX s3_segment_blob ON s3_segment (blob);"
	    "CREATE TABLE s3_garbage (blob TEXT PRIMARY KEY, announced INTEGER NOT NULL) WITHOUT ROWID;",

	/* DescribeClusters counts services without reading them. */
	[10] =
	    "ALTER TABLE service ADD COLUMN fargate INTEGER NOT NULL DEFAULT 0;"
	    "UPDATE service SET fargate = " SERVICE_FARGATE("launch_type", "doc") ";"
	    "CREATE INDEX service_count ON service (account, region, cluster, status, fargate)"
	    " WHERE status <> 'INACTIVE';",

	/* What an express gateway service was asked to be, for each of its revisions. */
	[11] =
	    "CREATE TABLE express_gateway ("
	    " account TEXT NOT NULL, region TEXT NOT NULL, cluster TEXT NOT NULL, service TEXT NOT NULL,"
	    " revision TEXT NOT NULL, created_at INTEGER NOT NULL, doc TEXT NOT NULL,"
	    " PRIMARY KEY (account, region, cluster, service, revision),"
	    " FOREIGN KEY (account, region, cluster, service) REFERENCES service ON DELETE CASCADE);",
};
/* clang-format on */

static int
pragma_get(struct store *s, const char *sql, int64_t *ret, struct err *e)
{
	sqlite3_stmt *stmt = NULL;
	int rc = sqlite3_prepare_v2(s->db, sql, -1, &stmt, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW)
		*ret = sqlite3_column_int64(stmt, 0);
	(void)sqlite3_finalize(stmt); /* repeats rc */
	return rc == SQLITE_ROW ? 0 : store_fail(s, rc, e);
}

static int
execute(struct store *s, const char *sql, struct err *e)
{
	int rc = sqlite3_exec(s->db, sql, NULL, NULL, NULL);

	return rc == SQLITE_OK ? 0 : store_fail(s, rc, e);
}

/* One step and the note that it was taken, together or not at all. */
static int
migrate_step(struct store *s, const char *const *steps, int64_t version, struct err *e)
{
	char mark[128];
	int r;

	(void)sqlite3_snprintf(sizeof(mark), mark,
	    "PRAGMA application_id = %d; PRAGMA user_version = %lld", STORE_APPLICATION_ID,
	    (long long)version + 1);
	r = store_begin(s, e);
	if (r == 0)
		r = execute(s, steps[version], e);
	if (r == 0)
		r = execute(s, mark, e);
	if (r == 0)
		return store_commit(s, e);
	store_rollback(s);
	return r;
}

int
store_migrate(struct store *s, struct err *e)
{
	return store_migrate_along(s, migrations, ARRAY_SIZE(migrations), e);
}

int
store_migrate_along(struct store *s, const char *const *steps, size_t n_steps, struct err *e)
{
	int64_t version = 0, application = 0, tables = 0;
	int r;

	r = pragma_get(s, "PRAGMA user_version", &version, e);
	if (r == 0)
		r = pragma_get(s, "PRAGMA application_id", &application, e);
	if (r == 0)
		r = pragma_get(s, "SELECT count(*) FROM sqlite_master", &tables, e);
	if (r < 0)
		return r;
	if (application != STORE_APPLICATION_ID &&
	    (application != 0 || version != 0 || tables != 0))
		return err_set(
		    e, ERR_SERVER, "state file %s: not a state file of localemu-ecs", s->path);
	if (version < 0 || version > (int64_t)n_steps)
		return err_set(e, ERR_SERVER,
		    "state file %s: written by a later version of localemu-ecs (schema %lld, this "
		    "one knows %zu)",
		    s->path, (long long)version, n_steps);
	for (; version < (int64_t)n_steps; version++) {
		r = migrate_step(s, steps, version, e);
		if (r < 0)
			return r;
	}
	return 0;
}
