/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is secret at rest: the key file, sealed values, and rows of secrets and parameters that go
 * when their time has come.
 */
#include "daemon/store/keyring.h"
#include "daemon/store/parameter.h"
#include "daemon/store/secret.h"
#include "daemon/store/store.h"
#include "daemon/store/tag.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#define NAMES_MAX 128
#define VALUE "correct horse battery staple"

static const struct scope here = { "000000000000", "us-east-1" };
static const struct scope elsewhere = { "000000000000", "eu-west-1" };

/* A directory of its own, and the key file that would be in it. */
struct place {
	char dir[64];
	char file[96];
};

static int
setup_place(void **state)
{
	struct place *p = xcalloc(1, sizeof(*p));

	(void)snprintf(p->dir, sizeof(p->dir), "/tmp/lemu-keyring-XXXXXX");
	if (mkdtemp(p->dir) == NULL)
		return -1;
	(void)snprintf(p->file, sizeof(p->file), "%s/secrets.key", p->dir);
	*state = p;
	return 0;
}

static int
teardown_place(void **state)
{
	struct place *p = *state;

	(void)unlink(p->file);
	if (rmdir(p->dir) < 0) /* nothing else may be left there */
		return -1;
	free(p);
	return 0;
}

static int
setup_store(void **state)
{
	struct store *s = NULL;

	if (store_open(NULL, &s, NULL) < 0)
		return -1;
	*state = s;
	return 0;
}

static int
teardown_store(void **state)
{
	store_close(*state);
	return 0;
}

static void
write_file(const char *path, const char *bytes, size_t len, mode_t mode)
{
	int fd;

	(void)unlink(path);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
	assert_true(fd >= 0);
	assert_int_equal(fchmod(fd, mode), 0);
	assert_int_equal(write(fd, bytes, len), len);
	close(fd);
}

/* --- the key --- */

static void
test_key_file(void **state)
{
	struct place *p = *state;
	struct keyring *first = NULL, *second = NULL;
	unsigned char *sealed = NULL;
	size_t len = 0;
	char *plain = NULL;
	struct stat st;

	assert_int_equal(keyring_open(p->dir, &first, NULL), 0);
	assert_int_equal(stat(p->file, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(st.st_size, 32);
	assert_int_equal(keyring_seal(first, "x", VALUE, strlen(VALUE), &sealed, &len, NULL), 0);
	keyring_free(first);
	/* The next one reads the same key. */
	assert_int_equal(keyring_open(p->dir, &second, NULL), 0);
	assert_int_equal(keyring_unseal(second, "x", sealed, len, &plain, &len), 0);
	assert_string_equal(plain, VALUE);
	assert_int_equal(len, strlen(VALUE));
	free(plain);
	free(sealed);
	keyring_free(second);
	keyring_free(NULL);
}

static void
test_broken_key_files(void **state)
{
	struct place *p = *state;
	struct keyring *k = NULL;
	char bytes[64] = "";
	struct err e = { 0 };

	write_file(p->file, bytes, 31, 0600);
	assert_true(keyring_open(p->dir, &k, &e) < 0);
	assert_non_null(strstr(e.text, p->file));
	write_file(p->file, bytes, 33, 0600);
	assert_true(keyring_open(p->dir, &k, &e) < 0);
	write_file(p->file, bytes, 32, 0640);
	assert_true(keyring_open(p->dir, &k, &e) < 0);
	assert_non_null(strstr(e.text, "0600"));
	(void)unlink(p->file);
	assert_int_equal(symlink("/dev/zero", p->file), 0);
	assert_true(keyring_open(p->dir, &k, &e) < 0);
	assert_true(keyring_open("/nonexistent", &k, &e) < 0);
	assert_null(k);
}

static void
test_sealing(void **state)
{
	struct keyring *k = NULL, *other = NULL;
	unsigned char *one = NULL, *two = NULL;
	size_t one_len = 0, two_len = 0, len = 99;
	char *plain = NULL;

	(void)state;
	assert_int_equal(keyring_open(NULL, &k, NULL), 0);
	assert_int_equal(keyring_open(NULL, &other, NULL), 0);
	assert_int_equal(keyring_seal(k, "a", VALUE, strlen(VALUE), &one, &one_len, NULL), 0);
	assert_int_equal(keyring_seal(k, "a", VALUE, strlen(VALUE), &two, &two_len, NULL), 0);
	assert_int_equal(one_len, two_len);
	assert_memory_not_equal(one, two, one_len); /* a nonce of its own each */
	assert_null(memmem(one, one_len, "horse", 5));
	assert_int_equal(keyring_unseal(k, "b", one, one_len, &plain, &len), -EBADMSG);
	assert_int_equal(keyring_unseal(other, "a", one, one_len, &plain, &len), -EBADMSG);
	for (size_t i = 0; i < one_len; i++) {
		assert_int_equal(keyring_unseal(k, "a", one, i, &plain, &len), -EBADMSG);
		one[i] ^= 1;
		assert_int_equal(keyring_unseal(k, "a", one, one_len, &plain, &len), -EBADMSG);
		one[i] ^= 1;
	}
	assert_null(plain);
	assert_int_equal(keyring_unseal(k, "a", one, one_len, &plain, &len), 0);
	assert_string_equal(plain, VALUE);
	free(one);
	free(two);
	free(plain);
	/* nothing at all is a value, too */
	assert_int_equal(keyring_seal(k, "a", "", 0, &one, &one_len, NULL), 0);
	assert_int_equal(keyring_unseal(k, "a", one, one_len, &plain, &len), 0);
	assert_int_equal(len, 0);
	free(one);
	free(plain);
	keyring_free(k);
	keyring_free(other);
}

/* --- secrets --- */

static struct store_secret
put_secret(struct store *s, const char *name, int64_t purge_at_ms)
{
	struct store_secret o = {
		.scope = here,
		.created_at_ms = 1,
		.changed_at_ms = 1,
		.deleted_at_ms = purge_at_ms > 0,
		.purge_at_ms = purge_at_ms,
	};
	struct store_secret_version v = { .id = "one", .created_at_ms = 1 };

	(void)snprintf(o.name, sizeof(o.name), "%s", name);
	(void)snprintf(o.arn, sizeof(o.arn), "arn:%s", name);
	assert_int_equal(store_secret_insert(s, &o, NULL), 0);
	assert_int_equal(store_secret_version_insert(s, &o, &v, VALUE, strlen(VALUE), NULL), 0);
	assert_int_equal(store_secret_stage_put(s, &o, "AWSCURRENT", v.id, NULL), 0);
	assert_int_equal(store_tag_put(s, o.arn, "k", "v", NULL), 0);
	return o;
}

static int
count_tags(const char *key, const char *value, void *arg)
{
	(void)key;
	(void)value;
	(*(int *)arg)++;
	return 0;
}

static int
tags_of(struct store *s, const char *key)
{
	int n = 0;

	assert_int_equal(store_tag_list(s, key, count_tags, &n, NULL), 0);
	return n;
}

static void
test_secret_rows(void **state)
{
	struct store *s = *state;
	struct store_secret made = put_secret(s, "db", 0), o = { 0 };
	struct store_secret_version v = { 0 }, moved;
	char version[SECRET_VERSION_ID_MAX];
	char *plain = NULL;
	size_t len = 0;

	assert_int_equal(store_secret_get(s, &elsewhere, "db", 1, &o, NULL), 0);
	assert_int_equal(store_secret_get(s, &here, "db", 1, &o, NULL), 1);
	assert_string_equal(o.arn, "arn:db");
	assert_int_equal(store_secret_stage_get(s, &o, "AWSCURRENT", version, NULL), 1);
	assert_string_equal(version, "one");
	assert_int_equal(store_secret_version_get(s, &o, "one", &v, NULL), 1);
	assert_null(memmem(v.sealed, v.sealed_len, "horse", 5));
	assert_int_equal(store_secret_reveal(s, &o, &v, &plain, &len), 0);
	assert_string_equal(plain, VALUE);
	free(plain);
	/* a value belongs to its version */
	moved = v;
	(void)snprintf(moved.id, sizeof(moved.id), "two");
	assert_int_equal(store_secret_reveal(s, &o, &moved, &plain, &len), -EBADMSG);
	store_secret_version_done(&v);
	assert_int_equal(store_secret_delete(s, &made, NULL), 0);
	assert_int_equal(store_secret_get(s, &here, "db", 1, &o, NULL), 0);
	assert_int_equal(tags_of(s, "arn:db"), 0);
}

static void
test_secret_is_purged(void **state)
{
	const int64_t window_ends = 1000;
	struct store *s = *state;
	struct store_secret o = { 0 };

	put_secret(s, "kept", 0);
	put_secret(s, "due", window_ends);
	assert_int_equal(store_secret_get(s, &here, "due", window_ends - 1, &o, NULL), 1);
	store_secret_done(&o);
	/* gone at that moment, whether anybody has cleaned up or not */
	assert_int_equal(store_secret_get(s, &here, "due", window_ends, &o, NULL), 0);
	assert_int_equal(store_secret_expire(s, window_ends - 1, NULL), 0);
	assert_int_equal(tags_of(s, "arn:due"), 1);
	assert_int_equal(store_secret_expire(s, window_ends, NULL), 0);
	assert_int_equal(tags_of(s, "arn:due"), 0);
	assert_int_equal(tags_of(s, "arn:kept"), 1);
	assert_int_equal(store_secret_get(s, &here, "due", 0, &o, NULL), 0);
	assert_int_equal(store_secret_get(s, &here, "kept", window_ends, &o, NULL), 1);
	store_secret_done(&o);
}

/* --- parameters --- */

static struct store_parameter
put_one(struct store *s, const char *name, int64_t expires_at_ms)
{
	struct store_parameter p = { .scope = here, .version = 1, .expires_at_ms = expires_at_ms };
	_cleanup_parameter_version_ struct store_parameter_version v = {
		.version = 1,
		.doc = xstrdup("{}"),
	};
	_cleanup_free_ char *key = NULL;

	(void)snprintf(p.name, sizeof(p.name), "%s", name);
	assert_int_equal(store_parameter_put(s, &p, NULL), 0);
	assert_int_equal(store_parameter_version_insert(s, &p, &v, VALUE, strlen(VALUE), NULL), 0);
	key = store_parameter_tag_key(&p);
	assert_int_equal(store_tag_put(s, key, "k", "v", NULL), 0);
	return p;
}

static int
take_name(const struct store_parameter *p, void *arg)
{
	char *names = arg;
	size_t len = strlen(names);

	(void)snprintf(names + len, NAMES_MAX - len, "%s ", p->name);
	return 0;
}

static void
test_parameter_ranges(void **state)
{
	const struct parameter_range all = { 0 };
	const struct parameter_range below = { .after = "/a/", .end = "/a0" };
	const struct parameter_range behind = { .after = "/a/y", .end = "/a0" };
	struct store *s = *state;
	char names[NAMES_MAX] = "";

	put_one(s, "/a/y", 0);
	put_one(s, "/a/x", 0);
	put_one(s, "/a", 0);
	put_one(s, "/ab", 0);
	assert_int_equal(store_parameter_list(s, &here, &all, take_name, names, NULL), 0);
	assert_string_equal(names, "/a /a/x /a/y /ab ");
	names[0] = '\0';
	assert_int_equal(store_parameter_list(s, &here, &below, take_name, names, NULL), 0);
	assert_string_equal(names, "/a/x /a/y ");
	names[0] = '\0';
	assert_int_equal(store_parameter_list(s, &here, &behind, take_name, names, NULL), 0);
	assert_string_equal(names, "");
	assert_int_equal(store_parameter_list(s, &elsewhere, &all, take_name, names, NULL), 0);
	assert_string_equal(names, "");
}

static void
test_parameter_expires(void **state)
{
	const int64_t end = 1000;
	struct store *s = *state;
	struct store_parameter p = put_one(s, "/due", end), kept = put_one(s, "/kept", 0), got;
	struct store_parameter_version v = { 0 };
	_cleanup_free_ char *key = store_parameter_tag_key(&p);

	assert_int_equal(store_parameter_get(s, &here, "/due", end - 1, &got, NULL), 1);
	assert_int_equal(store_parameter_get(s, &here, "/due", end, &got, NULL), 0);
	assert_int_equal(store_parameter_expire(s, end, NULL), 0);
	assert_int_equal(store_parameter_version_get(s, &p, 1, &v, NULL), 0);
	assert_int_equal(tags_of(s, key), 0);
	assert_int_equal(store_parameter_get(s, &here, "/kept", end, &got, NULL), 1);
	assert_int_equal(got.n, kept.n);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_key_file, setup_place, teardown_place),
		cmocka_unit_test_setup_teardown(test_broken_key_files, setup_place, teardown_place),
		cmocka_unit_test(test_sealing),
		cmocka_unit_test_setup_teardown(test_secret_rows, setup_store, teardown_store),
		cmocka_unit_test_setup_teardown(test_secret_is_purged, setup_store, teardown_store),
		cmocka_unit_test_setup_teardown(test_parameter_ranges, setup_store, teardown_store),
		cmocka_unit_test_setup_teardown(
		    test_parameter_expires, setup_store, teardown_store),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
