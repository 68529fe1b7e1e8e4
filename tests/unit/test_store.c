/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The database as a whole: opening, reopening, refusing what is not ours, the lock, transactions,
 * emptying. Families have test files of their own.
 */
#include "daemon/store/client_token.h"
#include "daemon/store/cluster.h"
#include "daemon/store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>
#include <sqlite3.h>

static const struct scope scope = { "000000000000", "us-east-1" };

struct place {
	char dir[64];
	char file[80];
};

static int
setup(void **state)
{
	struct place *p = xcalloc(1, sizeof(*p));

	(void)snprintf(p->dir, sizeof(p->dir), "%s", "/tmp/test-store-XXXXXX");
	if (mkdtemp(p->dir) == NULL)
		return -1;
	(void)snprintf(p->file, sizeof(p->file), "%s/ecs.db", p->dir);
	*state = p;
	return 0;
}

static int
teardown(void **state)
{
	static const char *const names[] = { "ecs.db", "ecs.db-wal", "ecs.db-shm", "lock",
		"logs.db", "logs.db-wal", "logs.db-shm", "secrets.key" };
	struct place *p = *state;
	char path[128];

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", p->dir, names[i]);
		(void)unlink(path);
	}
	assert_int_equal(rmdir(p->dir), 0);
	free(p);
	return 0;
}

static void
put_cluster(struct store *s, const char *name)
{
	struct store_cluster c = { .status = "ACTIVE", .created_at_ms = 5 };
	struct err e = { 0 };

	(void)snprintf(c.name, sizeof(c.name), "%s", name);
	c.doc = xstrdup("{}");
	assert_int_equal(store_cluster_put(s, &scope, &c, &e), 0);
	store_cluster_done(&c);
}

static bool
has_cluster(struct store *s, const char *name)
{
	struct store_cluster c = { 0 };
	struct err e = { 0 };
	int r = store_cluster_get(s, &scope, name, &c, &e);

	assert_true(r >= 0);
	store_cluster_done(&c);
	return r == 1;
}

static void
test_reopen_keeps_rows(void **state)
{
	struct place *p = *state;
	struct store *s = NULL;
	struct stat st;
	struct err e = { 0 };

	assert_int_equal(store_open(p->dir, &s, &e), 0);
	assert_int_equal(stat(p->file, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	put_cluster(s, "web");
	store_close(s);

	assert_int_equal(store_open(p->dir, &s, &e), 0);
	assert_true(has_cluster(s, "web"));
	assert_false(has_cluster(s, "other"));
	store_close(s);
}

static void
test_directory_is_made(void **state)
{
	struct place *p = *state;
	struct store *s = NULL;
	struct err e = { 0 };

	assert_int_equal(rmdir(p->dir), 0);
	assert_int_equal(store_open(p->dir, &s, &e), 0);
	store_close(s);
	assert_true(store_open("/proc/nowhere/at/all", &s, &e) < 0);
	assert_int_equal(e.kind, ERR_SERVER);
	assert_non_null(strstr(e.text, "/proc/nowhere/at/all"));
}

static void
test_second_opener_is_refused(void **state)
{
	struct place *p = *state;
	struct store *s = NULL, *second = NULL;
	struct err e = { 0 };
	char pid[32];

	assert_int_equal(store_open(p->dir, &s, &e), 0);
	assert_true(store_open(p->dir, &second, &e) < 0);
	assert_null(second);
	(void)snprintf(pid, sizeof(pid), "(pid %d)", (int)getpid());
	assert_non_null(strstr(e.text, p->dir));
	assert_non_null(strstr(e.text, "in use by another"));
	assert_non_null(strstr(e.text, pid));
	put_cluster(s, "unharmed");
	store_close(s);
}

/* What kill -9 leaves behind opens again, without anybody cleaning up, and has what was committed.
 */
static void
test_opens_after_a_kill(void **state)
{
	struct place *p = *state;
	struct store *s = NULL;
	struct err e = { 0 };
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		if (store_open(p->dir, &s, &e) < 0 || store_begin(s, &e) < 0)
			_exit(1);
		put_cluster(s, "committed");
		if (store_commit(s, &e) < 0 || store_begin(s, &e) < 0)
			_exit(1);
		put_cluster(s, "in-the-middle");
		(void)raise(SIGKILL);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(store_open(p->dir, &s, &e), 0);
	assert_true(has_cluster(s, "committed"));
	assert_false(has_cluster(s, "in-the-middle"));
	store_close(s);
}

static void
sqlite_do(const char *file, const char *text)
{
	sqlite3 *db = NULL;

	assert_int_equal(sqlite3_open(file, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void
refused(const struct place *p, const char *why)
{
	struct store *s = NULL;
	struct err e = { 0 };

	assert_true(store_open(p->dir, &s, &e) < 0);
	assert_null(s);
	assert_int_equal(e.kind, ERR_SERVER);
	if (strstr(e.text, p->file) == NULL || strstr(e.text, why) == NULL)
		fail_msg("unclear: %s", e.text);
}

static void
test_later_version_is_refused(void **state)
{
	struct place *p = *state;
	struct store *s = NULL;
	struct err e = { 0 };

	assert_int_equal(store_open(p->dir, &s, &e), 0);
	store_close(s);
	sqlite_do(p->file, "PRAGMA user_version = 9999");
	refused(p, "later version");
}

static void
test_foreign_file_is_refused(void **state)
{
	struct place *p = *state;

	sqlite_do(p->file, "CREATE TABLE photos (id INTEGER)");
	refused(p, "not a state file");
}

static void
test_garbage_is_refused(void **state)
{
	struct place *p = *state;
	int fd = open(p->file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	char junk[8192];

	memset(junk, 'x', sizeof(junk));
	assert_true(fd >= 0);
	assert_int_equal(write(fd, junk, sizeof(junk)), sizeof(junk));
	close(fd);
	refused(p, "not a database");
}

/* A file whose first page is good and whose rest is gone or overwritten. */
static void
test_damage_is_an_error(void **state)
{
	struct place *p = *state;
	struct store *s = NULL;
	struct store_cluster c = { 0 };
	struct err e = { 0 };
	char junk[4096];
	struct stat st;
	int fd;

	assert_int_equal(store_open(p->dir, &s, &e), 0);
	put_cluster(s, "web");
	store_close(s);
	fd = open(p->file, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	memset(junk, 0xa5, sizeof(junk));
	for (off_t at = 4096; at < st.st_size; at += 4096)
		assert_int_equal(pwrite(fd, junk, sizeof(junk), at), sizeof(junk));
	close(fd);
	if (store_open(p->dir, &s, &e) == 0) {
		assert_true(store_cluster_get(s, &scope, "web", &c, &e) < 0);
		store_close(s);
	}
	assert_int_equal(e.kind, ERR_SERVER);
	assert_int_equal(e.errnum, EUCLEAN);
	assert_non_null(strstr(e.text, p->file));
}

static void
test_empty_file_is_a_new_one(void **state)
{
	struct place *p = *state;
	struct store *s = NULL;
	struct err e = { 0 };
	int fd = open(p->file, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(store_open(p->dir, &s, &e), 0);
	put_cluster(s, "web");
	store_close(s);
}

static void
test_transactions(void **state)
{
	struct store *s = NULL;
	struct err e = { 0 };

	(void)state;
	assert_int_equal(store_open(NULL, &s, &e), 0);
	assert_int_equal(store_begin(s, &e), 0);
	put_cluster(s, "kept");
	assert_int_equal(store_commit(s, &e), 0);
	assert_int_equal(store_begin(s, &e), 0);
	put_cluster(s, "dropped");
	store_rollback(s);
	store_rollback(s);
	assert_true(store_commit(s, &e) < 0);
	assert_true(has_cluster(s, "kept"));
	assert_false(has_cluster(s, "dropped"));

	assert_int_equal(store_reset(s, &e), 0);
	assert_false(has_cluster(s, "kept"));
	put_cluster(s, "again");
	assert_int_equal(store_begin(s, &e), 0);
	assert_int_equal(store_reset(s, &e), 0);
	store_rollback(s);
	assert_true(has_cluster(s, "again"));
	store_close(s);
	store_close(NULL);
}

/* A file that may not grow stands for a full disk. The transaction is gone, the store goes on. */
static void
test_full_disk_is_an_error(void **state)
{
	struct place *p = *state;
	struct store_cluster c = { .name = "big", .status = "ACTIVE" };
	struct rlimit was, small;
	struct store *s = NULL;
	struct err e = { 0 };
	int r;

	(void)signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(store_open(p->dir, &s, &e), 0);
	put_cluster(s, "before");
	c.doc = xcalloc(1, (16u << 20) + 1);
	memset(c.doc, ' ', 16u << 20);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
	small = was;
	small.rlim_cur = 1u << 20;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_int_equal(store_begin(s, &e), 0);
	r = store_cluster_put(s, &scope, &c, &e);
	if (r == 0)
		r = store_commit(s, &e);
	else
		store_rollback(s);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
	assert_true(r < 0);
	assert_int_equal(e.kind, ERR_SERVER);
	assert_non_null(strstr(e.text, p->file));
	assert_false(has_cluster(s, "big"));
	assert_true(has_cluster(s, "before"));
	put_cluster(s, "after");
	store_cluster_done(&c);
	store_close(s);
}

/* SQLite may end a transaction by itself: the commit then says so, and the next one works. */
static void
test_rollback_by_sqlite_itself(void **state)
{
	struct place *p = *state;
	struct store *s = NULL;
	struct err e = { 0 };
	struct store_cluster c = { .name = "web", .status = "ACTIVE" };

	assert_int_equal(store_open(p->dir, &s, &e), 0);
	store_close(s);
	sqlite_do(p->file,
	    "CREATE TRIGGER no BEFORE INSERT ON cluster BEGIN SELECT RAISE(ROLLBACK, 'no'); END");
	assert_int_equal(store_open(p->dir, &s, &e), 0);
	assert_int_equal(store_begin(s, &e), 0);
	assert_true(store_cluster_put(s, &scope, &c, &e) < 0);
	assert_int_equal(e.kind, ERR_SERVER);
	assert_true(store_commit(s, &e) < 0);
	assert_int_equal(store_begin(s, &e), 0);
	assert_int_equal(store_commit(s, &e), 0);
	store_close(s);
}

static void
test_client_tokens(void **state)
{
	static const struct scope elsewhere = { "000000000000", "eu-west-1" };
	_cleanup_free_ char *digest = NULL, *result = NULL;
	struct store *s = NULL;
	struct err e = { 0 };

	(void)state;
	assert_int_equal(store_open(NULL, &s, &e), 0);
	assert_int_equal(
	    store_client_token_put(s, &scope, "RunTask", "t1", "d", "a,b", 100, &e), 0);
	assert_int_equal(
	    store_client_token_get(s, &elsewhere, "RunTask", "t1", &digest, &result, &e), 0);
	assert_int_equal(
	    store_client_token_get(s, &scope, "StartTask", "t1", &digest, &result, &e), 0);
	assert_null(digest);
	assert_int_equal(
	    store_client_token_get(s, &scope, "RunTask", "t1", &digest, &result, &e), 1);
	assert_string_equal(digest, "d");
	assert_string_equal(result, "a,b");
	free(TAKE(digest));
	free(TAKE(result));
	assert_int_equal(store_client_token_expire(s, 100, &e), 0);
	assert_int_equal(
	    store_client_token_get(s, &scope, "RunTask", "t1", &digest, &result, &e), 1);
	free(TAKE(digest));
	free(TAKE(result));
	assert_int_equal(store_client_token_expire(s, 101, &e), 0);
	assert_int_equal(
	    store_client_token_get(s, &scope, "RunTask", "t1", &digest, &result, &e), 0);
	store_close(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_reopen_keeps_rows, setup, teardown),
		cmocka_unit_test_setup_teardown(test_directory_is_made, setup, teardown),
		cmocka_unit_test_setup_teardown(test_second_opener_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_opens_after_a_kill, setup, teardown),
		cmocka_unit_test_setup_teardown(test_later_version_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_foreign_file_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_garbage_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_damage_is_an_error, setup, teardown),
		cmocka_unit_test_setup_teardown(test_empty_file_is_a_new_one, setup, teardown),
		cmocka_unit_test_setup_teardown(test_full_disk_is_an_error, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rollback_by_sqlite_itself, setup, teardown),
		cmocka_unit_test(test_transactions),
		cmocka_unit_test(test_client_tokens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
