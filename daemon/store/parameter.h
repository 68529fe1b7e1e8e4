/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of Parameter Store: parameters, their versions, and the labels on versions. Every value is
 * sealed with the key beside the store, whatever its type. It must not know what a version's doc
 * says or what names are legal.
 */
#ifndef DAEMON_STORE_PARAMETER_H
#define DAEMON_STORE_PARAMETER_H

#include "daemon/api.h"
#include "daemon/store/store.h"

#define PARAMETER_NAME_MAX 1012 /* with the NUL, as the next */
#define PARAMETER_LABEL_MAX 101

struct store_parameter {
	int64_t n; /* the row */
	struct scope scope;
	char name[PARAMETER_NAME_MAX];
	int64_t version;       /* the newest; they have no gaps */
	int64_t expires_at_ms; /* 0: never */
};

struct store_parameter_version {
	int64_t version;
	int64_t modified_at_ms;
	char *doc;             /* everything else, a JSON object; owned */
	unsigned char *sealed; /* the value; owned */
	size_t sealed_len;
};

void store_parameter_version_done(struct store_parameter_version *v);
#define _cleanup_parameter_version_ _cleanup_(store_parameter_version_done)

/* What a parameter's tags are kept under in store/tag.h; the caller's. */
char *store_parameter_tag_key(const struct store_parameter *p);

/* Inserts the row, or replaces version and expiry of the one that is there; fills p->n. */
int store_parameter_put(struct store *s, struct store_parameter *p, struct err *e);
/* 1 and the row, 0, negative errno. What expired before `now` is not there. */
int store_parameter_get(struct store *s, const struct scope *sc, const char *name, int64_t now,
    struct store_parameter *ret, struct err *e);
/* Deletes it with versions, labels and tags. */
int store_parameter_delete(struct store *s, const struct store_parameter *p, struct err *e);
/* Deletes whatever expired before `now`. */
int store_parameter_expire(struct store *s, int64_t now, struct err *e);

/* In the order of names, those behind `after` (NULL: all) and before `end` (NULL: all). */
struct parameter_range {
	const char *after;
	const char *end;
	int64_t now;
};
int store_parameter_list(struct store *s, const struct scope *sc,
    const struct parameter_range *range, int (*fn)(const struct store_parameter *p, void *arg),
    void *arg, struct err *e);

/* A new version of `len` bytes; v->sealed is not read. */
int store_parameter_version_insert(struct store *s, const struct store_parameter *p,
    const struct store_parameter_version *v, const char *value, size_t len, struct err *e);
int store_parameter_version_delete(
    struct store *s, const struct store_parameter *p, int64_t version, struct err *e);
/* 1 and the caller's row, 0, negative errno. */
int store_parameter_version_get(struct store *s, const struct store_parameter *p, int64_t version,
    struct store_parameter_version *ret, struct err *e);
/* The oldest first, those behind `after`. */
int store_parameter_version_list(struct store *s, const struct store_parameter *p, int64_t after,
    int (*fn)(const struct store_parameter_version *v, void *arg), void *arg, struct err *e);
/* The value of a version: the caller's text. -EBADMSG where the key is not the one that it was
 * sealed with. */
int store_parameter_reveal(struct store *s, const struct store_parameter *p,
    const struct store_parameter_version *v, char **ret, size_t *ret_len);

/* A label is at one version at most: put takes it from wherever it was. */
int store_parameter_label_put(struct store *s, const struct store_parameter *p, const char *label,
    int64_t version, struct err *e);
/* 1 where that version had it, 0 where not. */
int store_parameter_label_delete(struct store *s, const struct store_parameter *p,
    const char *label, int64_t version, struct err *e);
/* 1 and the version, 0, negative errno. */
int store_parameter_label_get(struct store *s, const struct store_parameter *p, const char *label,
    int64_t *ret, struct err *e);
/* Labels of a version in their order. */
int store_parameter_label_list(struct store *s, const struct store_parameter *p, int64_t version,
    int (*fn)(const char *label, void *arg), void *arg, struct err *e);

#endif
