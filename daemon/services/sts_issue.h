/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Issues credentials: the one place where keys come into being, for AssumeRole, for tasks and for
 * IAM users. Called by sts.c, iam and task_credentials.c. It must not know requests.
 */
#ifndef DAEMON_SERVICES_STS_ISSUE_H
#define DAEMON_SERVICES_STS_ISSUE_H

#include "daemon/store/credential.h"

#include <stdbool.h>

/* A role's ARN taken apart: arn:aws:iam::123456789012:role/path/NAME. */
struct role_ref {
	char partition[16];
	char account[13];
	char name[65];
};

/* 0, or -EINVAL where it is none. */
int role_ref_parse(const char *arn, struct role_ref *ret);

/* The same of a role's bare name, in an account and the partition of a region, or of an ARN
 * (members such as taskRoleArn take both). `arn` gets the whole ARN. */
int role_ref_resolve(const char *role, const char *account, const char *region,
    struct role_ref *ret, char arn[static STORE_PRINCIPAL_MAX]);

/* What a session is called after and how long it lives. */
struct sts_session {
	const char *name; /* RoleSessionName; a task's id */
	const char *task; /* "": not a task's */
	int64_t now_ms;
	int64_t duration_s;
};

/* Temporary credentials of a role, stored. The role need not exist: then its id is made from its
 * ARN. */
int sts_issue_role(struct store *s, const struct role_ref *role, const struct sts_session *session,
    struct store_credential *ret, struct err *e);
/* Temporary credentials of somebody who keeps being who they are (GetSessionToken). `ret` has
 * account, arn and user_id already. */
int sts_issue_session(struct store *s, const struct sts_session *session,
    struct store_credential *ret, struct err *e);
/* A permanent key. `ret` has account, arn, user_id and user already. */
int sts_issue_user_key(
    struct store *s, int64_t now_ms, struct store_credential *ret, struct err *e);

/* Whether a role's trust policy lets a principal assume it: `service` ("ecs-tasks.amazonaws.com")
 * or `principal_arn` of `account`, the other one NULL. 1 yes, 0 no; 0 as well where the role does
 * not exist. */
int sts_trusts(struct store *s, const struct role_ref *role, const char *service,
    const char *principal_arn, const char *account, struct err *e);

#endif
