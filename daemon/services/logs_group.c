/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Log groups: creating, describing, deleting, and what can be set on one. Keys of KMS are kept and
 * shown; nothing is encrypted with them.
 */
#include "daemon/services/logs.h"
#include "daemon/store/tag.h"

#include <stdio.h>
#include <string.h>

#define PAGE_DEFAULT 50

static int associate_kms_key(struct call *c);
static int create_log_group(struct call *c);
static int delete_log_group(struct call *c);
static int delete_retention_policy(struct call *c);
static int describe_log_groups(struct call *c);
static int disassociate_kms_key(struct call *c);
static int put_log_group_deletion_protection(struct call *c);
static int put_retention_policy(struct call *c);

/* clang-format off */
static const char *const classes[] = { NULL, "STANDARD", "INFREQUENT_ACCESS", "DELIVERY", NULL };
static const int retentions[] = {
	1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
};

static const struct schema_field create_fields[] = {
	LOGS_GROUP(.flags = SCHEMA_REQUIRED),
	F_STR(struct logs_in, kms_key,    "kmsKeyId", .max_len = 256),
	LOGS_TAGS(.flags = 0),
	F_ENUM(struct logs_in, class,     "logGroupClass", classes),
	F_BOOL(struct logs_in, protected, "deletionProtectionEnabled"),
};
static const struct schema_field group_fields[] = {
	LOGS_GROUP(.flags = SCHEMA_REQUIRED),
};
static const struct schema_field describe_fields[] = {
	F_UNBOUND(SCHEMA_LIST_STRING,       "accountIdentifiers", .max_len = 20, .item_max_len = 12),
	F_STR(struct logs_in, prefix,       "logGroupNamePrefix", .min_len = 1, .max_len = 512),
	F_STR(struct logs_in, part,         "logGroupNamePattern", .max_len = 512),
	LOGS_PAGE(50),
	F_UNBOUND(SCHEMA_BOOL,              "includeLinkedAccounts"),
	F_ENUM(struct logs_in, class,       "logGroupClass", classes),
	F_STRS(struct logs_in, identifiers, "logGroupIdentifiers", .min_len = 1, .max_len = 50, .item_max_len = 2048),
};
static const struct schema_field retention_fields[] = {
	LOGS_GROUP(.flags = SCHEMA_REQUIRED),
	F_INT(struct logs_in, retention, "retentionInDays", .flags = SCHEMA_REQUIRED),
};
static const struct schema_field associate_fields[] = {
	LOGS_GROUP(.flags = 0),
	F_STR(struct logs_in, kms_key,    "kmsKeyId", .flags = SCHEMA_REQUIRED, .max_len = 256),
	F_STR(struct logs_in, identifier, "resourceIdentifier", .min_len = 1, .max_len = 2048),
};
static const struct schema_field disassociate_fields[] = {
	LOGS_GROUP(.flags = 0),
	F_STR(struct logs_in, identifier, "resourceIdentifier", .min_len = 1, .max_len = 2048),
};
static const struct schema_field protection_fields[] = {
	F_STR(struct logs_in, identifier, "logGroupIdentifier", .flags = SCHEMA_REQUIRED, .min_len = 1, .max_len = 2048),
	F_BOOL(struct logs_in, protected, "deletionProtectionEnabled", .flags = SCHEMA_REQUIRED),
};
static const struct schema create_schema = SCHEMA(struct logs_in, create_fields, "CreateLogGroupRequest");
static const struct schema group_schema = SCHEMA(struct logs_in, group_fields, "DeleteLogGroupRequest");
static const struct schema describe_schema = SCHEMA(struct logs_in, describe_fields, "DescribeLogGroupsRequest");
static const struct schema retention_schema = SCHEMA(struct logs_in, retention_fields, "PutRetentionPolicyRequest");
static const struct schema associate_schema = SCHEMA(struct logs_in, associate_fields, "AssociateKmsKeyRequest");
static const struct schema disassociate_schema = SCHEMA(struct logs_in, disassociate_fields, "DisassociateKmsKeyRequest");
static const struct schema protection_schema = SCHEMA(struct logs_in, protection_fields, "PutLogGroupDeletionProtectionRequest");

static const struct op ops[] = {
	{ .name = "AssociateKmsKey",               .run = associate_kms_key,                 .flags = OP_WRITE, .input = &associate_schema },
	{ .name = "CreateLogGroup",                .run = create_log_group,                  .flags = OP_WRITE, .input = &create_schema },
	{ .name = "DeleteLogGroup",                .run = delete_log_group,                  .flags = OP_WRITE, .input = &group_schema },
	{ .name = "DeleteRetentionPolicy",         .run = delete_retention_policy,           .flags = OP_WRITE, .input = &group_schema },
	{ .name = "DescribeLogGroups",             .run = describe_log_groups,                                  .input = &describe_schema },
	{ .name = "DisassociateKmsKey",            .run = disassociate_kms_key,              .flags = OP_WRITE, .input = &disassociate_schema },
	{ .name = "PutLogGroupDeletionProtection", .run = put_log_group_deletion_protection, .flags = OP_WRITE, .input = &protection_schema },
	{ .name = "PutRetentionPolicy",            .run = put_retention_policy,              .flags = OP_WRITE, .input = &retention_schema },
};
const struct op_table logs_group_ops = { ops, ARRAY_SIZE(ops) };
/* clang-format on */

/* --- one group --- */

static int
create(struct call *c, struct store *l)
{
	const struct logs_in *in = c->args;
	struct store_log_group g = { .created_at_ms = c->now_ms,
		.protected = in->protected == TRI_TRUE };
	int r = store_log_group_get(l, &c->scope, in->group, &g, &c->err);

	if (r > 0)
		return err_set_code(&c->err, 400, "ResourceAlreadyExistsException",
		    "The specified log group already exists");
	if (r < 0)
		return r;
	(void)snprintf(g.name, sizeof(g.name), "%s", in->group);
	(void)snprintf(g.class, sizeof(g.class), "%s", classes[in->class > 0 ? in->class : 1]);
	(void)snprintf(g.kms_key, sizeof(g.kms_key), "%s", in->kms_key != NULL ? in->kms_key : "");
	r = store_log_group_insert(l, &c->scope, &g, &g.n, &c->err);
	return r < 0 ? r : logs_put_tags(c, l, logs_group_arn(c, g.name));
}

static int
create_log_group(struct call *c)
{
	const struct logs_in *in = c->args;
	struct store *l = NULL;
	int r = logs_check_group_name(c, "logGroupName", in->group);

	if (r == 0 && has_prefix(in->group, "aws/"))
		r = err_set(&c->err, ERR_INVALID_PARAMETER,
		    "Log groups starting with AWS/ are reserved for AWS.");
	if (r == 0)
		r = logs_open(c, &l);
	if (r == 0)
		r = store_begin(l, &c->err);
	return r < 0 ? r : logs_end(c, l, create(c, l));
}

/* Finds the group that the input names and begins a transaction. */
static int
begin_on_group(struct call *c, struct store **ret_l, struct store_log_group *ret)
{
	int r = logs_open(c, ret_l);

	if (r == 0)
		r = logs_find_group(c, *ret_l, ret);
	return r < 0 ? r : store_begin(*ret_l, &c->err);
}

static int
delete_log_group(struct call *c)
{
	struct store_log_group g = { 0 };
	struct store *l = NULL;
	int r = begin_on_group(c, &l, &g);

	if (r < 0)
		return r;
	if (g.protected)
		r = err_set(&c->err, ERR_VALIDATION,
		    "Log group %.512s cannot be deleted because deletion protection is enabled.",
		    g.name);
	if (r == 0)
		r = store_log_group_delete(l, g.n, &c->err);
	if (r == 0)
		r = store_tag_delete_all(l, logs_group_arn(c, g.name), &c->err);
	return logs_end(c, l, r);
}

static int
put_retention(struct call *c, int64_t days)
{
	struct store_log_group g = { 0 };
	struct store *l = NULL;
	int r = begin_on_group(c, &l, &g);

	if (r < 0)
		return r;
	g.retention_days = days;
	return logs_end(c, l, store_log_group_update(l, &g, &c->err));
}

static int
put_retention_policy(struct call *c)
{
	const struct logs_in *in = c->args;
	char set[256] = "";
	size_t len = 0;

	for (size_t i = 0; i < ARRAY_SIZE(retentions); i++) {
		if (in->retention.v == retentions[i])
			return put_retention(c, in->retention.v);
		len += (size_t)snprintf(
		    set + len, sizeof(set) - len, "%s%d", i > 0 ? ", " : "", retentions[i]);
	}
	return err_set(&c->err, ERR_INVALID_PARAMETER,
	    "1 validation error detected: Value '%lld' at 'retentionInDays' failed to satisfy "
	    "constraint: Member must satisfy enum value set: [%s]",
	    (long long)in->retention.v, set);
}

static int
delete_retention_policy(struct call *c)
{
	return put_retention(c, 0);
}

static int
put_kms_key(struct call *c, const char *key)
{
	struct store_log_group g = { 0 };
	struct store *l = NULL;
	int r = begin_on_group(c, &l, &g);

	if (r < 0)
		return r;
	(void)snprintf(g.kms_key, sizeof(g.kms_key), "%s", key);
	return logs_end(c, l, store_log_group_update(l, &g, &c->err));
}

static int
associate_kms_key(struct call *c)
{
	const struct logs_in *in = c->args;

	return put_kms_key(c, in->kms_key);
}

static int
disassociate_kms_key(struct call *c)
{
	return put_kms_key(c, "");
}

static int
put_log_group_deletion_protection(struct call *c)
{
	const struct logs_in *in = c->args;
	struct store_log_group g = { 0 };
	struct store *l = NULL;
	int r = begin_on_group(c, &l, &g);

	if (r < 0)
		return r;
	g.protected = in->protected == TRI_TRUE;
	return logs_end(c, l, store_log_group_update(l, &g, &c->err));
}

/* --- DescribeLogGroups --- */

struct describe {
	struct call *c;
	struct page page;
	struct json_object *list;
};

static struct json_object *
print_group(struct call *c, const struct store_log_group *g)
{
	struct json_object *o = json_object_new_object();
	const char *arn = logs_group_arn(c, g->name);

	json_add_str(o, "logGroupName", g->name);
	json_add_int(o, "creationTime", g->created_at_ms);
	if (g->retention_days > 0)
		json_add_int(o, "retentionInDays", g->retention_days);
	json_add_int(o, "metricFilterCount", 0);
	json_add_str(o, "arn", arena_printf(&c->arena, "%s:*", arn));
	json_add_int(o, "storedBytes", g->stored_bytes);
	if (g->kms_key[0] != '\0')
		json_add_str(o, "kmsKeyId", g->kms_key);
	json_add_str(o, "logGroupClass", g->class);
	json_add_str(o, "logGroupArn", arn);
	json_add_bool(o, "deletionProtectionEnabled", g->protected);
	return o;
}

static int
add_group(const struct store_log_group *g, void *arg)
{
	struct describe *d = arg;
	const struct logs_in *in = d->c->args;

	if (in->class > 0 && strcmp(g->class, classes[in->class]) != 0)
		return 0;
	if (!page_take(&d->page, g->name))
		return 1;
	return json_object_array_add(d->list, print_group(d->c, g));
}

/* Those that are named, each once and where it exists. */
static int
describe_identified(struct describe *d, struct store *l)
{
	const struct logs_in *in = d->c->args;

	for (size_t i = 0; i < in->identifiers.n; i++) {
		struct store_log_group g = { 0 };
		int r = logs_find_identified(d->c, l, in->identifiers.v[i], &g);

		if (r < 0)
			return r;
		(void)add_group(&g, d);
	}
	return 0;
}

static int
describe_log_groups(struct call *c)
{
	const struct logs_in *in = c->args;
	struct describe d = { .c = c, .list = json_object_new_array() };
	struct store *l = NULL;
	int r;

	json_add(c->out, "logGroups", d.list);
	if (in->prefix != NULL && in->part != NULL)
		return err_set(&c->err, ERR_INVALID_PARAMETER,
		    "LogGroup name prefix and LogGroup name pattern are mutually exclusive "
		    "parameters.");
	r = in->prefix != NULL ? logs_check_group_name(c, "logGroupNamePrefix", in->prefix) : 0;
	if (r == 0 && in->part != NULL)
		r = logs_check_group_name(c, "logGroupNamePattern", in->part);
	if (r == 0)
		r = logs_page_begin(c, &d.page, in->limit.set ? (int)in->limit.v : PAGE_DEFAULT);
	if (r == 0)
		r = logs_open(c, &l);
	if (r < 0)
		return r;
	if (in->identifiers.set)
		return describe_identified(&d, l);
	/* A class leaves rows out, so the walk ends by add_group alone. */
	r = store_log_group_list(l, &c->scope, page_after(&d.page), in->prefix,
	    in->part != NULL && in->part[0] != '\0' ? in->part : NULL,
	    in->class > 0 ? -1 : d.page.limit + 1, add_group, &d, &c->err);
	if (r == 0)
		page_finish(&d.page, c->op->name, &c->arena, c->out);
	return r;
}
