/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of IAM: what has a name and an ARN (roles, users, policies, instance profiles), the
 * documents that belong to one of them (inline policies, versions of a managed one), and what is
 * attached to whom. Keyed by account: IAM has no regions. Called by services/; it must not know
 * what documents say. Tags of IAM are in store/tag.h, by ARN.
 */
#ifndef DAEMON_STORE_IAM_H
#define DAEMON_STORE_IAM_H

#include "daemon/api.h"
#include "daemon/store/store.h"

/* The numbers are in the file: append, never reorder. */
enum iam_kind { IAM_ROLE, IAM_USER, IAM_POLICY, IAM_PROFILE, IAM_KIND_MAX };

#define IAM_NAME_MAX 129
#define IAM_PATH_MAX 513
#define IAM_ARN_MAX 721

struct store_iam {
	char account[13];
	enum iam_kind kind;
	char name[IAM_NAME_MAX];
	char id[33];
	char arn[IAM_ARN_MAX];
	char path[IAM_PATH_MAX];
	int64_t created_at_ms;
	char *doc; /* everything else, a JSON object; owned */
};

void store_iam_done(struct store_iam *o);
#define _cleanup_iam_ _cleanup_(store_iam_done)

int store_iam_insert(struct store *s, const struct store_iam *o, struct err *e);
/* Writes doc. */
int store_iam_update(struct store *s, const struct store_iam *o, struct err *e);
/* 1 found, 0 not, negative errno. Names are compared without regard to case. */
int store_iam_get(struct store *s, const char *account, enum iam_kind kind, const char *name,
    struct store_iam *ret, struct err *e);
/* Deletes the row, its documents and its attachments. */
int store_iam_delete(struct store *s, const struct store_iam *o, struct err *e);
/* In the order of names, those whose path begins with `path`. */
int store_iam_list(struct store *s, const char *account, enum iam_kind kind, const char *path,
    const char *after, int limit, int (*fn)(const struct store_iam *o, void *arg), void *arg,
    struct err *e);

/* Documents of an object: inline policies by name, versions of a policy by number ("1"). Put
 * replaces. */
int store_iam_document_put(struct store *s, const struct store_iam *owner, const char *name,
    const char *document, int64_t now_ms, struct err *e);
/* 1 and the caller's text, 0, negative errno. `ret_created_ms` may be NULL. */
int store_iam_document_get(struct store *s, const struct store_iam *owner, const char *name,
    char **ret, int64_t *ret_created_ms, struct err *e);
/* 1 where there was one, 0 where not. */
int store_iam_document_delete(
    struct store *s, const struct store_iam *owner, const char *name, struct err *e);
int store_iam_document_list(struct store *s, const struct store_iam *owner, const char *after,
    int limit, int (*fn)(const char *name, void *arg), void *arg, struct err *e);

int store_iam_attach(
    struct store *s, const struct store_iam *owner, const char *arn, struct err *e);
/* 1 where it was attached, 0 where not. */
int store_iam_detach(
    struct store *s, const struct store_iam *owner, const char *arn, struct err *e);
int store_iam_attachment_list(struct store *s, const struct store_iam *owner, const char *after,
    int limit, int (*fn)(const char *arn, void *arg), void *arg, struct err *e);
/* Who has it: names in their order. */
int store_iam_attached_to(struct store *s, const char *account, const char *arn,
    int (*fn)(enum iam_kind kind, const char *owner, void *arg), void *arg, struct err *e);

#endif
