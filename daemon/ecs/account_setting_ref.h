/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The account settings that there are, their values, and the one that holds for a principal: its
 * own, else the account's default, else that of Amazon ECS. Used by account_setting.c and by the
 * operations that a setting changes.
 */
#ifndef DAEMON_ECS_ACCOUNT_SETTING_REF_H
#define DAEMON_ECS_ACCOUNT_SETTING_REF_H

#include "daemon/api.h"
#include "daemon/store/account_setting.h"

/* The numbers are the order of ListAccountSettings and the indexes of the tables. */
enum account_setting {
	SETTING_NONE,
	SETTING_SERVICE_LONG_ARN,
	SETTING_TASK_LONG_ARN,
	SETTING_INSTANCE_LONG_ARN,
	SETTING_AWSVPC_TRUNKING,
	SETTING_CONTAINER_INSIGHTS,
	SETTING_FARGATE_FIPS,
	SETTING_TAG_AUTHORIZATION,
	SETTING_FARGATE_RETIREMENT,
	SETTING_GUARD_DUTY,
	SETTING_LOG_DRIVER_MODE,
	SETTING_FARGATE_WINDOWS,
	SETTING_MAX,
};
extern const char *const account_setting_names[];

struct account_setting_kind {
	const char *const *values; /* from index 1 on, NULL-terminated */
	const char *otherwise;     /* where nobody has set anything */
	bool long_arn;             /* can not be disabled any more */
	bool root_only;            /* holds for the whole account alone */
	bool aws_managed;          /* read-only */
};
extern const struct account_setting_kind account_setting_kinds[SETTING_MAX];

/* The ARN of the account's root user, whose settings are the account's defaults; in the arena. */
const char *account_setting_root(struct call *c);
/* The user or role that the call's settings are those of: the role of an assumed role. In the
 * arena. */
const char *account_setting_caller(struct call *c);

struct account_setting_value {
	char value[STORE_ACCOUNT_SETTING_VALUE_MAX];
	const char *principal; /* whose setting it is: the principal's or the root user's */
};
/* What holds for `principal`. 0 or a negative errno with c->err filled. */
int account_setting_effective(struct call *c, enum account_setting setting, const char *principal,
    struct account_setting_value *ret);

#endif
