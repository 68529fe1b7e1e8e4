/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of Secrets Manager: secrets, their versions, and the staging labels that point at versions.
 * Values are sealed with the key beside the store on their way in, and opened only by
 * store_secret_reveal. Tags are in store/tag.h, by ARN. It must not know what labels mean.
 */
#ifndef DAEMON_STORE_SECRET_H
#define DAEMON_STORE_SECRET_H

#include "daemon/api.h"
#include "daemon/store/store.h"

#define SECRET_NAME_MAX 513 /* with the NUL, as all of these */
#define SECRET_ARN_MAX 640
#define SECRET_VERSION_ID_MAX 65
#define SECRET_STAGE_MAX 257

struct store_secret {
	int64_t n; /* the row */
	struct scope scope;
	char name[SECRET_NAME_MAX];
	char arn[SECRET_ARN_MAX];
	/* Owned; NULL: none. */
	char *description;
	char *kms_key;
	char *type;
	char *policy;
	int64_t created_at_ms;
	int64_t changed_at_ms;
	int64_t accessed_at_ms; /* the day, 0: never */
	int64_t deleted_at_ms;  /* when DeleteSecret was called, 0: it was not */
	int64_t purge_at_ms;    /* when the row goes, 0: never */
};

struct store_secret_version {
	int64_t n; /* the row */
	char id[SECRET_VERSION_ID_MAX];
	bool binary;
	int64_t created_at_ms;
	int64_t accessed_at_ms;
	unsigned char *sealed; /* owned */
	size_t sealed_len;
};

void store_secret_done(struct store_secret *o);
#define _cleanup_secret_ _cleanup_(store_secret_done)
void store_secret_version_done(struct store_secret_version *v);
#define _cleanup_secret_version_ _cleanup_(store_secret_version_done)

/* Fills o->n. */
int store_secret_insert(struct store *s, struct store_secret *o, struct err *e);
/* Writes everything but scope, name and ARN. */
int store_secret_update(struct store *s, const struct store_secret *o, struct err *e);
/* 1 and the caller's row, 0, negative errno. What was to be purged before `now` is not there. */
int store_secret_get(struct store *s, const struct scope *sc, const char *name, int64_t now,
    struct store_secret *ret, struct err *e);
/* Deletes it with versions, labels and tags. */
int store_secret_delete(struct store *s, const struct store_secret *o, struct err *e);
/* Deletes whatever was to be purged before `now`. */
int store_secret_expire(struct store *s, int64_t now, struct err *e);
/* The day of the last look at a secret and at one of its versions. */
int store_secret_accessed(struct store *s, const struct store_secret *o, const char *version,
    int64_t day_ms, struct err *e);

enum secret_order { SECRET_BY_CREATED, SECRET_BY_ACCESSED, SECRET_BY_CHANGED, SECRET_BY_NAME };

struct secret_listing {
	enum secret_order order;
	bool descending;
	bool deleted_too;
	int64_t now;
	/* The row that ended the page before, 0: from the start; and what it is sorted by. */
	int64_t after;
	int64_t after_ms;
	const char *after_name; /* SECRET_BY_NAME */
};
int store_secret_list(struct store *s, const struct scope *sc, const struct secret_listing *l,
    int (*fn)(const struct store_secret *o, void *arg), void *arg, struct err *e);

/* A new version of `len` bytes; v->sealed is not read. */
int store_secret_version_insert(struct store *s, const struct store_secret *o,
    const struct store_secret_version *v, const void *value, size_t len, struct err *e);
/* 1 and the caller's row, 0, negative errno. */
int store_secret_version_get(struct store *s, const struct store_secret *o, const char *id,
    struct store_secret_version *ret, struct err *e);
/* In the order in which they were made, those whose n is greater than `after`; sealed is NULL. */
int store_secret_version_list(struct store *s, const struct store_secret *o, int64_t after,
    int (*fn)(const struct store_secret_version *v, void *arg), void *arg, struct err *e);
/* Forgets the oldest versions without a label until at most `keep` versions are there. */
int store_secret_version_prune(
    struct store *s, const struct store_secret *o, int keep, struct err *e);
/* The value of a version: the caller's bytes with a NUL behind them. -EBADMSG where the key is not
 * the one that it was sealed with. */
int store_secret_reveal(struct store *s, const struct store_secret *o,
    const struct store_secret_version *v, char **ret, size_t *ret_len);

/* A label is at one version at most: put takes it from wherever it was. */
int store_secret_stage_put(struct store *s, const struct store_secret *o, const char *stage,
    const char *version, struct err *e);
int store_secret_stage_delete(
    struct store *s, const struct store_secret *o, const char *stage, struct err *e);
/* 1 and the version's id, 0, negative errno. */
int store_secret_stage_get(struct store *s, const struct store_secret *o, const char *stage,
    char ret[static SECRET_VERSION_ID_MAX], struct err *e);
/* Labels in the order in which they were set; of one version, or of all where it is NULL. */
int store_secret_stage_list(struct store *s, const struct store_secret *o, const char *version,
    int (*fn)(const char *stage, const char *version, void *arg), void *arg, struct err *e);

#endif
