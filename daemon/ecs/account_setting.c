/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PutAccountSetting, PutAccountSettingDefault, DeleteAccountSetting, ListAccountSettings. Called by
 * api.c through ecs_account_setting_ops; which settings there are is in account_setting_ref.c, what
 * they change is for the operations that ask there.
 */
#include "daemon/ecs/account_setting_ref.h"
#include "daemon/ecs/operations.h"
#include "daemon/page.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define PAGE_MAX 10

struct account_setting_in {
	const char *name;
	const char *value;
	const char *principal;
};
struct list_account_settings_in {
	const char *name;
	const char *value;
	const char *principal;
	enum tri effective;
	const char *token;
	struct opt_int limit;
};

/* Names are read as text: what is said of an unknown one quotes it. */
static const struct schema_field put_fields[] = {
	F_STR(struct account_setting_in, name, "name", .names = account_setting_names,
	    .flags = SCHEMA_REQUIRED),
	F_STR(struct account_setting_in, value, "value", .flags = SCHEMA_REQUIRED),
	F_STR(struct account_setting_in, principal, "principalArn", .max_len = 255),
};
static const struct schema put_schema =
    SCHEMA(struct account_setting_in, put_fields, "PutAccountSettingRequest");

static const struct schema_field put_default_fields[] = {
	F_STR(struct account_setting_in, name, "name", .names = account_setting_names,
	    .flags = SCHEMA_REQUIRED),
	F_STR(struct account_setting_in, value, "value", .flags = SCHEMA_REQUIRED),
};
static const struct schema put_default_schema =
    SCHEMA(struct account_setting_in, put_default_fields, "PutAccountSettingDefaultRequest");

static const struct schema_field delete_fields[] = {
	F_STR(struct account_setting_in, name, "name", .names = account_setting_names,
	    .flags = SCHEMA_REQUIRED),
	F_STR(struct account_setting_in, principal, "principalArn", .max_len = 255),
};
static const struct schema delete_schema =
    SCHEMA(struct account_setting_in, delete_fields, "DeleteAccountSettingRequest");

static const struct schema_field list_fields[] = {
	F_STR(struct list_account_settings_in, name, "name", .names = account_setting_names),
	F_STR(struct list_account_settings_in, value, "value"),
	F_STR(struct list_account_settings_in, principal, "principalArn", .max_len = 255),
	F_BOOL(struct list_account_settings_in, effective, "effectiveSettings"),
	F_STR(struct list_account_settings_in, token, "nextToken"),
	F_INT(struct list_account_settings_in, limit, "maxResults", .min = 1, .max = PAGE_MAX),
};
static const struct schema list_schema =
    SCHEMA(struct list_account_settings_in, list_fields, "ListAccountSettingsRequest");

static int put_account_setting(struct call *c);
static int put_account_setting_default(struct call *c);
static int delete_account_setting(struct call *c);
static int list_account_settings(struct call *c);

/* clang-format off */
static const struct op ops[] = {
	{ .name = "DeleteAccountSetting",     .run = delete_account_setting,      .input = &delete_schema,      .flags = OP_WRITE },
	{ .name = "ListAccountSettings",      .run = list_account_settings,       .input = &list_schema },
	{ .name = "PutAccountSetting",        .run = put_account_setting,         .input = &put_schema,         .flags = OP_WRITE },
	{ .name = "PutAccountSettingDefault", .run = put_account_setting_default, .input = &put_default_schema, .flags = OP_WRITE },
};
/* clang-format on */
const struct op_table ecs_account_setting_ops = { ops, ARRAY_SIZE(ops) };

/* --- what the members mean --- */

/* "x should be one of [a,b]", the words of ECS for a wrong choice. */
static int
refuse_choice(struct call *c, const char *given, const char *const *names)
{
	char text[512] = "";
	size_t len = 0;

	for (size_t i = 1; names[i] != NULL; i++)
		len += (size_t)snprintf(
		    text + len, sizeof(text) - len, "%s%s", i > 1 ? "," : "", names[i]);
	return err_set(&c->err, ERR_INVALID_PARAMETER, "%.128s should be one of [%s]", given, text);
}

static int
read_name(struct call *c, const char *given, enum account_setting *ret)
{
	int index = schema_enum_index(account_setting_names, given);

	if (index == SETTING_NONE)
		return refuse_choice(c, given, account_setting_names);
	*ret = (enum account_setting)index;
	return 0;
}

/* PutAccountSetting.principalArn: "you must be the root user, or the principal". */
static int
read_principal(struct call *c, const char *given, const char **ret)
{
	const char *caller = account_setting_caller(c), *root = account_setting_root(c);
	size_t head = strlen(root) - strlen("root");

	if (given == NULL || streq(given, caller)) {
		*ret = caller;
		return 0;
	}
	if (strncmp(given, root, head) != 0 ||
	    (!streq(given, root) && !has_prefix(given + head, "user/") &&
		!has_prefix(given + head, "role/")))
		return err_set(&c->err, ERR_INVALID_PARAMETER,
		    "Invalid principalArn: '%.200s' is not the ARN of a user, a role or the root "
		    "user of this account.",
		    given);
	if (!streq(caller, root))
		return err_set(&c->err, ERR_ACCESS_DENIED,
		    "You must be the root user or the principal to use the principalArn '%.200s'.",
		    given);
	*ret = given;
	return 0;
}

/* What a caller may change at all. */
static int
check_change(struct call *c, enum account_setting setting, const char *principal)
{
	const struct account_setting_kind *kind = &account_setting_kinds[setting];

	if (kind->aws_managed)
		return err_set(&c->err, ERR_INVALID_PARAMETER,
		    "The account setting %s is managed by AWS and is read-only.",
		    account_setting_names[setting]);
	if (kind->root_only && !streq(principal, account_setting_root(c)))
		return err_set(&c->err, ERR_INVALID_PARAMETER,
		    "You must use the root user to set the account setting %s.",
		    account_setting_names[setting]);
	return 0;
}

static struct json_object *
print_setting(enum account_setting setting, const char *value, const char *principal)
{
	struct json_object *o = json_object_new_object();

	json_add_str(o, "name", account_setting_names[setting]);
	json_add_str(o, "value", value);
	json_add_str(o, "principalArn", principal);
	json_add_str(
	    o, "type", account_setting_kinds[setting].aws_managed ? "aws_managed" : "user");
	return o;
}

/* --- the operations --- */

static int
put(struct call *c, const struct account_setting_in *in, enum account_setting setting,
    const char *principal)
{
	const struct account_setting_kind *kind = &account_setting_kinds[setting];
	int r = check_change(c, setting, principal);

	if (r < 0)
		return r;
	if (schema_enum_index(kind->values, in->value) == 0)
		return refuse_choice(c, in->value, kind->values);
	if (kind->long_arn && streq(in->value, "disabled"))
		return err_set(
		    &c->err, ERR_INVALID_PARAMETER, "You can no longer disable Long Arn settings");
	r = store_account_setting_put(c->store, &c->scope, principal, in->name, in->value, &c->err);
	if (r == 0)
		json_add(c->out, "setting", print_setting(setting, in->value, principal));
	return r;
}

static int
put_account_setting(struct call *c)
{
	const struct account_setting_in *in = c->args;
	enum account_setting setting = SETTING_NONE;
	const char *principal = NULL;
	int r = read_name(c, in->name, &setting);

	if (r == 0)
		r = read_principal(c, in->principal, &principal);
	return r < 0 ? r : put(c, in, setting, principal);
}

static int
put_account_setting_default(struct call *c)
{
	const struct account_setting_in *in = c->args;
	enum account_setting setting = SETTING_NONE;
	int r = read_name(c, in->name, &setting);

	return r < 0 ? r : put(c, in, setting, account_setting_root(c));
}

/* Answers the setting that went; where none was set, the one that holds. */
static int
delete_account_setting(struct call *c)
{
	const struct account_setting_in *in = c->args;
	struct account_setting_value v;
	enum account_setting setting = SETTING_NONE;
	const char *principal = NULL;
	int r = read_name(c, in->name, &setting);

	if (r == 0)
		r = read_principal(c, in->principal, &principal);
	if (r == 0)
		r = check_change(c, setting, principal);
	if (r == 0)
		r = account_setting_effective(c, setting, principal, &v);
	if (r == 0)
		r = store_account_setting_delete(c->store, &c->scope, principal, in->name, &c->err);
	if (r == 0)
		json_add(c->out, "setting", print_setting(setting, v.value, principal));
	return r;
}

struct list_walk {
	const char *principal;
	const char *value; /* NULL: any */
	bool effective;
	struct page page;
	struct json_object *settings;
};

/* 1 when the page is full. */
static int
list_one(struct call *c, struct list_walk *w, enum account_setting setting)
{
	struct account_setting_value v = { .principal = w->principal };
	const char *name = account_setting_names[setting];
	int r;

	if (w->effective)
		r = account_setting_effective(c, setting, w->principal, &v) < 0 ? -EIO : 1;
	else
		r = store_account_setting_get(
		    c->store, &c->scope, w->principal, name, v.value, &c->err);
	if (r <= 0)
		return r;
	if (w->value != NULL && !streq(w->value, v.value))
		return 0;
	if (!page_take(&w->page, name))
		return 1;
	json_object_array_add(w->settings, print_setting(setting, v.value, v.principal));
	return 0;
}

static int
list_account_settings(struct call *c)
{
	const struct list_account_settings_in *in = c->args;
	struct list_walk w = { .value = in->value,
		.effective = in->effective == TRI_TRUE,
		.settings = json_object_new_array() };
	enum account_setting only = SETTING_NONE;
	int i, r = 0;

	json_add(c->out, "settings", w.settings);
	if (in->name != NULL)
		r = read_name(c, in->name, &only);
	else if (in->value != NULL)
		r = err_set(&c->err, ERR_INVALID_PARAMETER,
		    "You must specify an account setting name to filter by value.");
	if (r == 0)
		r = read_principal(c, in->principal, &w.principal);
	if (r == 0)
		r = page_begin(&w.page, c->op->name, in->token,
		    in->limit.set ? (int)in->limit.v : PAGE_MAX, &c->err);
	if (r < 0)
		return r;
	/* After a name that is none, which a token cannot carry, the list begins anew. */
	i = w.page.after[0] != '\0' ? schema_enum_index(account_setting_names, w.page.after) : 0;
	for (i++; r == 0 && i < SETTING_MAX; i++)
		if (only == SETTING_NONE || only == (enum account_setting)i)
			r = list_one(c, &w, (enum account_setting)i);
	if (r < 0)
		return r;
	page_finish(&w.page, c->op->name, &c->arena, c->out);
	return 0;
}
