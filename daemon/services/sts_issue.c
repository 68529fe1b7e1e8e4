/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes keys and keeps them (see sts_issue.h); reads of a trust policy who may assume the role.
 */
#include "daemon/services/sts_issue.h"

#include "common/json.h"
#include "daemon/arn.h"
#include "daemon/services/access_key.h"
#include "daemon/store/iam.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* How long an expired key is told from one that never was. */
#define REMEMBER_EXPIRED_MS (24 * 60 * 60 * 1000LL)

/* Characters of names in ARNs (RoleName, RoleSessionName), paths apart. */
#define NAME_CHARS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+=,.@-"

int
role_ref_parse(const char *arn, struct role_ref *ret)
{
	struct role_ref r = { 0 };
	const char *name;
	int end = 0;

	if (sscanf(arn, "arn:%15[a-z-]:iam::%12[0-9]:role/%n", r.partition, r.account, &end) != 2 ||
	    end == 0 || strlen(r.account) != 12)
		return -EINVAL;
	name = strrchr(arn, '/') + 1;
	if (name[0] == '\0' || strlen(name) >= sizeof(r.name) ||
	    name[strspn(name, NAME_CHARS)] != '\0' ||
	    arn[(size_t)end + strspn(arn + end, NAME_CHARS "/")] != '\0')
		return -EINVAL;
	memcpy(r.name, name, strlen(name));
	*ret = r;
	return 0;
}

int
role_ref_resolve(const char *role, const char *account, const char *region, struct role_ref *ret,
    char arn[static STORE_PRINCIPAL_MAX])
{
	if (has_prefix(role, "arn:"))
		(void)snprintf(arn, STORE_PRINCIPAL_MAX, "%s", role);
	else
		(void)snprintf(arn, STORE_PRINCIPAL_MAX, "arn:%s:iam::%s:role/%s",
		    arn_partition(region), account, role);
	return role_ref_parse(arn, ret);
}

/* The parts that all temporary credentials have. */
static int
put_temporary(
    struct store *s, const struct sts_session *session, struct store_credential *c, struct err *e)
{
	_cleanup_free_ char *token = access_key_make_token();
	int r;

	access_key_make("ASIA", c->access_key);
	access_key_make_secret(c->secret);
	(void)snprintf(c->token, sizeof(c->token), "%s", token);
	c->active = true;
	c->created_at_ms = session->now_ms;
	c->expires_at_ms = session->now_ms + session->duration_s * 1000;
	r = store_credential_expire(s, session->now_ms - REMEMBER_EXPIRED_MS, e);
	return r < 0 ? r : store_credential_put(s, c, e);
}

static int
role_id(struct store *s, const struct role_ref *role, char ret[static 33], struct err *e)
{
	_cleanup_iam_ struct store_iam row = { 0 };
	_cleanup_free_ char *seed = NULL;
	int r = store_iam_get(s, role->account, IAM_ROLE, role->name, &row, e);

	if (r > 0) {
		memcpy(ret, row.id, sizeof(row.id));
	} else if (r == 0) {
		seed = xasprintf("%s/%s", role->account, role->name);
		unique_id_make("AROA", seed, ret);
	}
	return r < 0 ? r : 0;
}

int
sts_issue_role(struct store *s, const struct role_ref *role, const struct sts_session *session,
    struct store_credential *ret, struct err *e)
{
	struct store_credential c = { 0 };
	char id[33];
	int r = role_id(s, role, id, e);

	if (r < 0)
		return r;
	(void)snprintf(c.account, sizeof(c.account), "%s", role->account);
	(void)snprintf(c.arn, sizeof(c.arn), "arn:%s:sts::%s:assumed-role/%s/%s", role->partition,
	    role->account, role->name, session->name);
	(void)snprintf(c.user_id, sizeof(c.user_id), "%s:%s", id, session->name);
	(void)snprintf(c.task, sizeof(c.task), "%s", session->task);
	r = put_temporary(s, session, &c, e);
	if (r == 0)
		*ret = c;
	return r;
}

int
sts_issue_session(
    struct store *s, const struct sts_session *session, struct store_credential *ret, struct err *e)
{
	return put_temporary(s, session, ret, e);
}

int
sts_issue_user_key(struct store *s, int64_t now_ms, struct store_credential *ret, struct err *e)
{
	access_key_make("AKIA", ret->access_key);
	access_key_make_secret(ret->secret);
	ret->active = true;
	ret->created_at_ms = now_ms;
	return store_credential_put(s, ret, e);
}

/* --- trust policies --- */

/* Calls it for a value or for each one of a list. */
static bool
any(struct json_object *v, bool (*fits)(const char *text, const void *arg), const void *arg)
{
	if (json_object_is_type(v, json_type_string))
		return fits(json_object_get_string(v), arg);
	if (json_object_is_type(v, json_type_array))
		for (size_t i = 0; i < json_object_array_length(v); i++)
			if (any(json_object_array_get_idx(v, i), fits, arg))
				return true;
	return false;
}

struct who {
	const char *service;
	const char *principal_arn;
	const char *account;
};

static bool
is_service(const char *text, const void *arg)
{
	const struct who *w = arg;

	return streq(text, w->service);
}

/* The principal itself, its whole account, or everybody. An assumed role is named by its session or
 * by the role that it is of. */
static bool
is_principal(const char *text, const void *arg)
{
	const struct who *w = arg;
	char account[64], role[sizeof(((struct store_credential *)0)->arn)];
	const char *session;

	if (streq(text, "*") || streq(text, w->account) || streq(text, w->principal_arn))
		return true;
	if (has_prefix(text, "arn:")) {
		(void)snprintf(account, sizeof(account), ":iam::%s:root", w->account);
		if (strstr(text, account) != NULL)
			return true;
	}
	session = strstr(w->principal_arn, ":assumed-role/");
	if (session == NULL)
		return false;
	(void)snprintf(role, sizeof(role), "%s", session + strlen(":assumed-role/"));
	role[strcspn(role, "/")] = '\0';
	session = strrchr(text, '/');
	return strstr(text, ":role/") != NULL && session != NULL && streq(session + 1, role) &&
	       strstr(text, w->account) != NULL;
}

static bool
allows_assuming(const char *text, const void *arg)
{
	(void)arg;
	return streq(text, "sts:AssumeRole") || streq(text, "sts:*") || streq(text, "*");
}

static bool
statement_fits(struct json_object *st, const struct who *w)
{
	struct json_object *principal = json_get(st, "Principal");

	if (!any(json_get(st, "Action"), allows_assuming, NULL))
		return false;
	if (json_object_is_type(principal, json_type_string))
		return streq(json_object_get_string(principal), "*");
	if (w->service != NULL)
		return any(json_get(principal, "Service"), is_service, w);
	return any(json_get(principal, "AWS"), is_principal, w);
}

/* Statements that allow and none that denies. Conditions are not evaluated. */
static bool
policy_allows(struct json_object *policy, const struct who *w)
{
	struct json_object *list = json_get(policy, "Statement");
	bool single = json_object_is_type(list, json_type_object), allowed = false;
	size_t n = single                                       ? 1
		   : json_object_is_type(list, json_type_array) ? json_object_array_length(list)
								: 0;

	for (size_t i = 0; i < n; i++) {
		struct json_object *st = single ? list : json_object_array_get_idx(list, i);

		if (!statement_fits(st, w))
			continue;
		if (streq(json_get_str(st, "Effect"), "Deny"))
			return false;
		allowed = true;
	}
	return allowed;
}

int
sts_trusts(struct store *s, const struct role_ref *role, const char *service,
    const char *principal_arn, const char *account, struct err *e)
{
	_cleanup_json_ struct json_object *doc = NULL, *policy = NULL;
	_cleanup_iam_ struct store_iam row = { 0 };
	const struct who w = { service, principal_arn, account };
	const char *text;
	int r = store_iam_get(s, role->account, IAM_ROLE, role->name, &row, e);

	if (r <= 0)
		return r;
	if (json_parse(row.doc, strlen(row.doc), &doc, e) < 0)
		return -EINVAL;
	text = json_get_str(doc, "AssumeRolePolicyDocument");
	if (text == NULL || json_parse(text, strlen(text), &policy, NULL) < 0)
		return 0;
	return policy_allows(policy, &w);
}
