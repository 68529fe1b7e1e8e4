/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of the access keys that this daemon issued: temporary ones of STS and of tasks, and those of
 * IAM users. And of the ids under which a task finds its own. Called by services/ and by
 * task_credentials.c; it must not know signatures or roles.
 */
#ifndef DAEMON_STORE_CREDENTIAL_H
#define DAEMON_STORE_CREDENTIAL_H

#include "daemon/api.h"
#include "daemon/store/store.h"

#define STORE_TOKEN_MAX 513
#define STORE_PRINCIPAL_MAX 256

struct store_credential {
	char access_key[33];
	char secret[65];
	char token[STORE_TOKEN_MAX]; /* "": a permanent key */
	char account[13];
	char arn[STORE_PRINCIPAL_MAX]; /* of whoever signs with it */
	char user_id[128];             /* "AROA…:session", "AIDA…" */
	char user[65];                 /* the IAM user's name, "": none */
	char task[33];                 /* the task's id, "": none */
	bool active;
	int64_t created_at_ms;
	int64_t expires_at_ms; /* 0: never */
};

int store_credential_put(struct store *s, const struct store_credential *c, struct err *e);
/* 1 found, 0 not, negative errno. */
int store_credential_get(
    struct store *s, const char *access_key, struct store_credential *ret, struct err *e);
int store_credential_set_active(
    struct store *s, const char *access_key, bool active, struct err *e);
int store_credential_delete(struct store *s, const char *access_key, struct err *e);
int store_credential_delete_task(struct store *s, const char *task, struct err *e);
/* In the order of their creation. */
int store_credential_list_user(struct store *s, const char *account, const char *user,
    int (*fn)(const struct store_credential *c, void *arg), void *arg, struct err *e);
/* Forgets those that expired before. */
int store_credential_expire(struct store *s, int64_t before_ms, struct err *e);

/* What a task is given under an id that stays the same for its life. */
struct store_task_credential {
	char task[33];
	char role_type[16]; /* "task" or "execution" */
	char id[37];        /* uuid */
	char role_arn[STORE_PRINCIPAL_MAX];
	char access_key[33]; /* the newest; "": none yet */
};

int store_task_credential_put(
    struct store *s, const struct store_task_credential *c, struct err *e);
int store_task_credential_list(struct store *s, const char *task,
    int (*fn)(const struct store_task_credential *c, void *arg), void *arg, struct err *e);
int store_task_credential_delete(struct store *s, const char *task, struct err *e);
/* Tasks that have credentials which end before that time; each once. */
int store_task_credential_due(struct store *s, int64_t before_ms,
    int (*fn)(const char *task, void *arg), void *arg, struct err *e);

#endif
