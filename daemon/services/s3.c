/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of the service and of its directory, and the beginning of every request (see s3.h).
 *
 *   <dir>/tmp/<blob>       is being written
 *   <dir>/<2>/<blob>       whole, on the disk, never changed again; the 2 are its first digits
 */
#include "daemon/services/s3.h"

#include "common/log.h"
#include "daemon/config.h"
#include "daemon/services/identity.h"
#include "daemon/services/s3_auth.h"
#include "daemon/services/s3_call.h"
#include "daemon/services/s3_source.h"

#include <ctype.h>
#include <errno.h>
#include <ftw.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define SWEEP_MAX 64 /* files at a time */

/* Garbage on its way out. */
struct s3_sweep {
	struct disk_job job;
	struct s3 *s3;
	char blobs[SWEEP_MAX][S3_ID_MAX];
	size_t n;
	bool again; /* there is more */
};

/* A whole directory on its way out. */
struct s3_removal {
	struct disk_job job; /* first */
	LIST_ENTRY(s3_removal) next;
	char *path;
};

static void on_start(struct rest_call *rest, void *cookie);
static void removal_free(struct s3_removal *removal);

char *
s3_blob_path(const struct s3 *s3, const char *blob)
{
	return xasprintf("%s/%.2s/%s", s3->dir, blob, blob);
}

char *
s3_temporary_path(const struct s3 *s3, const char *blob)
{
	return xasprintf("%s/tmp/%s", s3->dir, blob);
}

static void
on_quiet(void *arg)
{
	const struct s3 *s3 = arg;

	if (LIST_EMPTY(&s3->calls))
		(void)malloc_trim(0); /* says only whether there was something */
}

/* -- the directory */

static int
remove_entry(const char *path, const struct stat *st, int type, struct FTW *where)
{
	(void)st;
	(void)type;
	(void)where;
	(void)remove(path); /* what stays is tried again at the next start */
	return 0;
}

static void
remove_tree(const char *path)
{
	(void)nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS); /* may not be there */
}

static int
make_directory(const struct s3 *s3, struct err *e)
{
	_cleanup_free_ char *tmp = xasprintf("%s/tmp", s3->dir);

	if ((mkdir(s3->dir, 0700) < 0 && errno != EEXIST) ||
	    (mkdir(tmp, 0700) < 0 && errno != EEXIST))
		return err_set_errno(e, errno, "%s", tmp);
	return 0;
}

static int
prepare_directory(struct s3 *s3, struct err *e)
{
	_cleanup_free_ char *tmp = xasprintf("%s/tmp", s3->dir);
	_cleanup_free_ char *old = xasprintf("%s.old", s3->dir);
	int r;

	remove_tree(old);
	remove_tree(s3->config->persistence ? tmp : s3->dir);
	r = make_directory(s3, e);
	return r < 0 ? r : store_blob_abandon_all(s3->store, e);
}

int
s3_new(struct loop *l, const struct config *config, struct store *store, struct s3 **ret,
    struct err *e)
{
	struct s3 *s3 = xcalloc(1, sizeof(*s3));
	int r;

	s3->loop = l;
	s3->config = config;
	s3->store = store;
	s3->disk = disk_new(l);
	s3->quiet = timer_new(l, on_quiet, s3);
	s3->identity = identity_new(config, store);
	s3->rest = (struct rest_service){ .name = "s3", .start = on_start, .cookie = s3 };
	s3->dir = xasprintf("%s/s3", config->persistence ? config->state_dir : config->runtime_dir);
	TAILQ_INIT(&s3->sources);
	LIST_INIT(&s3->removals);
	LIST_INIT(&s3->calls);
	r = prepare_directory(s3, e);
	if (r < 0) {
		s3_free(s3);
		return r;
	}
	s3_collect(s3);
	*ret = s3;
	return 0;
}

void
s3_free(struct s3 *s3)
{
	if (s3 == NULL)
		return;
	timer_free(s3->quiet);
	disk_free(TAKE(s3->disk));
	/* What was at work for clients that are gone, and has not been told that it is done. */
	while (!LIST_EMPTY(&s3->calls))
		s3_call_free(LIST_FIRST(&s3->calls));
	while (!LIST_EMPTY(&s3->removals))
		removal_free(LIST_FIRST(&s3->removals));
	if (!s3->config->persistence) {
		_cleanup_free_ char *old = xasprintf("%s.old", s3->dir);

		remove_tree(s3->dir);
		remove_tree(old);
	}
	identity_free(s3->identity);
	free(s3->sweep);
	free(s3->dir);
	free(s3);
}

const struct rest_service *
s3_rest(struct s3 *s3)
{
	return &s3->rest;
}

/* -- garbage */

static void
sweep_work(struct disk_job *j)
{
	struct s3_sweep *sweep = (struct s3_sweep *)j;

	for (size_t i = 0; i < sweep->n; i++) {
		_cleanup_free_ char *path = s3_blob_path(sweep->s3, sweep->blobs[i]);
		_cleanup_free_ char *tmp = s3_temporary_path(sweep->s3, sweep->blobs[i]);

		(void)unlink(path); /* one of the two, or neither, is there */
		(void)unlink(tmp);
	}
}

static void
sweep_done(struct disk_job *j)
{
	_cleanup_free_ struct s3_sweep *sweep = (struct s3_sweep *)j;
	struct s3 *s3 = sweep->s3;
	struct err e = { 0 };
	int r = store_begin(s3->store, &e);

	s3->sweep = NULL;
	for (size_t i = 0; i < sweep->n && r == 0; i++)
		r = store_blob_forget(s3->store, sweep->blobs[i], &e);
	if (r == 0)
		r = store_commit(s3->store, &e);
	else
		store_rollback(s3->store);
	if (r < 0)
		log_warn(NULL, NULL, "S3: files that are gone stay listed: %s", e.text);
	else if (sweep->again)
		s3_collect(s3);
}

static int
add_garbage(const char *blob, void *arg)
{
	struct s3_sweep *sweep = arg;

	if (s3_source_uses(sweep->s3, blob))
		return 0; /* collected when it has been read */
	if (sweep->n == SWEEP_MAX) {
		sweep->again = true;
		return 1;
	}
	(void)snprintf(sweep->blobs[sweep->n++], S3_ID_MAX, "%s", blob);
	return 0;
}

void
s3_collect(struct s3 *s3)
{
	struct s3_sweep *sweep;
	struct err e = { 0 };

	if (s3->disk == NULL)
		return;
	if (s3->sweep != NULL) {
		s3->sweep->again = true;
		return;
	}
	sweep = xcalloc(1, sizeof(*sweep));
	sweep->s3 = s3;
	sweep->job = (struct disk_job){ .work = sweep_work, .done = sweep_done };
	if (store_blob_garbage(s3->store, 4 * SWEEP_MAX, add_garbage, sweep, &e) < 0)
		log_warn(NULL, NULL, "S3: %s", e.text);
	if (sweep->n == 0) {
		free(sweep);
		return;
	}
	s3->sweep = sweep;
	disk_submit(s3->disk, &sweep->job);
}

static void
removal_work(struct disk_job *j)
{
	remove_tree(((struct s3_removal *)j)->path);
}

static void
removal_free(struct s3_removal *removal)
{
	LIST_REMOVE(removal, next);
	free(removal->path);
	free(removal);
}

static void
removal_done(struct disk_job *j)
{
	removal_free((struct s3_removal *)j);
}

void
s3_forget(struct s3 *s3)
{
	_cleanup_free_ char *old = NULL;
	struct s3_removal *removal;
	struct err e = { 0 };
	char id[9];

	random_hex(id, 4);
	removal = xcalloc(1, sizeof(*removal));
	removal->job = (struct disk_job){ .work = removal_work, .done = removal_done };
	removal->path = xasprintf("%s.old/%s", s3->dir, id);
	old = xasprintf("%s.old", s3->dir);
	(void)mkdir(old, 0700); /* what is wrong is told by rename */
	if (rename(s3->dir, removal->path) < 0)
		log_warn(NULL, NULL, "S3: %s: %s", s3->dir, strerror(errno));
	if (make_directory(s3, &e) < 0)
		log_err(NULL, NULL, "S3: %s", e.text);
	LIST_INSERT_HEAD(&s3->removals, removal, next);
	disk_submit(s3->disk, &removal->job);
}

/* -- the beginning of a request */

static void
on_abandoned(struct rest_call *rest)
{
	struct s3_call *c = rest->request;

	c->rest = NULL;
	if (!c->busy)
		s3_call_free(c);
}

static void
make_request_id(char ret[static 17])
{
	random_hex(ret, 8);
	for (char *p = ret; *p != '\0'; p++)
		*p = (char)toupper((unsigned char)*p);
}

static int
begin(struct s3_call *c)
{
	const struct rest_call *rest = c->rest;
	const struct s3_target target = {
		.method = rest->head.method,
		.host = rest->host,
		.path = rest->head.path,
		.query = rest->head.query,
		.copies = rest_header(rest, "x-amz-copy-source") != NULL,
	};
	int r = s3_route(&target, &c->who.arena, &c->route, &c->who.err);

	if (r == 0)
		r = s3_authenticate(c);
	if (r == 0 && c->route.op->run == NULL)
		r = s3_error(c, 501, "NotImplemented",
		    "The operation %s is part of Amazon S3 but is not available in localemu-ecs "
		    "yet.",
		    c->route.op->name);
	return r;
}

static void
on_start(struct rest_call *rest, void *cookie)
{
	struct s3_call *c = xcalloc(1, sizeof(*c));
	const char *agent;
	int r;

	c->s3 = cookie;
	LIST_INSERT_HEAD(&c->s3->calls, c, next_call);
	c->s3->n_calls++;
	c->rest = rest;
	c->who.config = c->s3->config;
	c->who.store = c->s3->store;
	c->who.scope = rest->scope;
	c->who.now_ms = now_ms();
	make_request_id(c->request_id);
	(void)snprintf(c->who.request_id, sizeof(c->who.request_id), "%s", c->request_id);
	(void)snprintf(c->who.source_ip, sizeof(c->who.source_ip), "%s",
	    rest->source_ip != NULL ? rest->source_ip : "");
	agent = rest_header(rest, "User-Agent");
	(void)snprintf(
	    c->who.user_agent, sizeof(c->who.user_agent), "%s", agent != NULL ? agent : "");
	(void)snprintf(c->who.access_key, sizeof(c->who.access_key), "%s", rest->access_key);
	rest->request = c;
	rest->on_abandoned = on_abandoned;
	r = begin(c);
	if (r < 0)
		s3_fail(c, r);
	else
		c->route.op->run(c);
}
