/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of account settings (PutAccountSetting.name, .value and the defaults that the developer
 * guide gives), and how the principal's own setting, the account's and the default follow each
 * other. It knows no requests.
 */
#include "daemon/ecs/account_setting_ref.h"

#include "daemon/arn.h"

#include <stdio.h>
#include <string.h>

/* clang-format off */
const char *const account_setting_names[] = {
	[SETTING_SERVICE_LONG_ARN]   = "serviceLongArnFormat",
	[SETTING_TASK_LONG_ARN]      = "taskLongArnFormat",
	[SETTING_INSTANCE_LONG_ARN]  = "containerInstanceLongArnFormat",
	[SETTING_AWSVPC_TRUNKING]    = "awsvpcTrunking",
	[SETTING_CONTAINER_INSIGHTS] = "containerInsights",
	[SETTING_FARGATE_FIPS]       = "fargateFIPSMode",
	[SETTING_TAG_AUTHORIZATION]  = "tagResourceAuthorization",
	[SETTING_FARGATE_RETIREMENT] = "fargateTaskRetirementWaitPeriod",
	[SETTING_GUARD_DUTY]         = "guardDutyActivate",
	[SETTING_LOG_DRIVER_MODE]    = "defaultLogDriverMode",
	[SETTING_FARGATE_WINDOWS]    = "fargateEventWindows",
	[SETTING_MAX]                = NULL,
};

static const char *const enabled_disabled[] = { NULL, "enabled", "disabled", NULL };
static const char *const insights[] = { NULL, "enabled", "enhanced", "disabled", NULL };
static const char *const on_off[] = { NULL, "on", "off", NULL };
static const char *const days[] = { NULL, "0", "7", "14", NULL };
static const char *const log_modes[] = { NULL, "blocking", "non-blocking", NULL };

const struct account_setting_kind account_setting_kinds[SETTING_MAX] = {
	[SETTING_NONE]               = { .values = enabled_disabled, .otherwise = "", .aws_managed = true },
	[SETTING_SERVICE_LONG_ARN]   = { .values = enabled_disabled, .otherwise = "enabled", .long_arn = true },
	[SETTING_TASK_LONG_ARN]      = { .values = enabled_disabled, .otherwise = "enabled", .long_arn = true },
	[SETTING_INSTANCE_LONG_ARN]  = { .values = enabled_disabled, .otherwise = "enabled", .long_arn = true },
	[SETTING_AWSVPC_TRUNKING]    = { .values = enabled_disabled, .otherwise = "disabled" },
	[SETTING_CONTAINER_INSIGHTS] = { .values = insights, .otherwise = "disabled" },
	[SETTING_FARGATE_FIPS]       = { .values = enabled_disabled, .otherwise = "disabled" },
	[SETTING_TAG_AUTHORIZATION]  = { .values = on_off, .otherwise = "on" },
	[SETTING_FARGATE_RETIREMENT] = { .values = days, .otherwise = "7", .root_only = true },
	[SETTING_GUARD_DUTY]         = { .values = on_off, .otherwise = "off", .root_only = true, .aws_managed = true },
	[SETTING_LOG_DRIVER_MODE]    = { .values = log_modes, .otherwise = "non-blocking" },
	[SETTING_FARGATE_WINDOWS]    = { .values = enabled_disabled, .otherwise = "disabled" },
};
/* clang-format on */

const char *
account_setting_root(struct call *c)
{
	return arena_printf(
	    &c->arena, "arn:%s:iam::%s:root", arn_partition(c->scope.region), c->scope.account);
}

/* arn:aws:sts::<account>:assumed-role/<role>/<session> */
const char *
account_setting_caller(struct call *c)
{
	const char *role = strstr(c->principal_arn, ":assumed-role/");

	if (c->principal_arn[0] == '\0')
		return account_setting_root(c);
	if (role == NULL)
		return c->principal_arn;
	role += strlen(":assumed-role/");
	return arena_printf(&c->arena, "arn:%s:iam::%s:role/%.*s", arn_partition(c->scope.region),
	    c->scope.account, (int)strcspn(role, "/"), role);
}

int
account_setting_effective(struct call *c, enum account_setting setting, const char *principal,
    struct account_setting_value *ret)
{
	const char *name = account_setting_names[setting];
	const char *root = account_setting_root(c);
	struct account_setting_value v = { .principal = principal };
	int r;

	r = store_account_setting_get(c->store, &c->scope, principal, name, v.value, &c->err);
	if (r == 0) {
		v.principal = root;
		r = store_account_setting_get(c->store, &c->scope, root, name, v.value, &c->err);
	}
	if (r == 0)
		(void)snprintf(
		    v.value, sizeof(v.value), "%s", account_setting_kinds[setting].otherwise);
	if (r < 0)
		return r;
	*ret = v;
	return 0;
}
