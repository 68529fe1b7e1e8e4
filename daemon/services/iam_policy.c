/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IAM managed policies and their versions. A version is a document whose name is its number.
 */
#include "daemon/services/iam.h"

#include <stdio.h>
#include <string.h>

#define VERSIONS_MAX 5

static int create_policy(struct call *c);
static int create_version(struct call *c);
static int delete_policy(struct call *c);
static int delete_version(struct call *c);
static int get_policy(struct call *c);
static int get_version(struct call *c);
static int list_entities(struct call *c);
static int list_policies(struct call *c);
static int list_versions(struct call *c);
static int set_default_version(struct call *c);

/* clang-format off */
enum { SCOPE_ALL = 1, SCOPE_AWS, SCOPE_LOCAL };
static const char *const scope_names[] = { NULL, "All", "AWS", "Local", NULL };
enum { ENTITY_USER = 1, ENTITY_ROLE, ENTITY_GROUP, ENTITY_LOCAL, ENTITY_AWS };
static const char *const entity_names[] = { NULL, "User", "Role", "Group", "LocalManagedPolicy", "AWSManagedPolicy", NULL };
static const char *const usage_names[] = { NULL, "PermissionsPolicy", "PermissionsBoundary", NULL };
#define VERSION_ID F_STR(struct iam_in, version_id, "VersionId", .flags = SCHEMA_REQUIRED, .min_len = 2, .max_len = 32)
#define USAGE      F_UNBOUND(SCHEMA_ENUM, "PolicyUsageFilter", .names = usage_names)

static const struct schema_field create_fields[] = { IAM_POLICY_NAME, IAM_PATH, IAM_DOCUMENT, IAM_DESCRIPTION, IAM_TAGS() };
static const struct schema_field arn_fields[] = { IAM_POLICY_ARN };
static const struct schema_field version_fields[] = { IAM_POLICY_ARN, VERSION_ID };
static const struct schema_field create_version_fields[] = {
	IAM_POLICY_ARN, IAM_DOCUMENT, F_BOOL(struct iam_in, set_as_default, "SetAsDefault"),
};
static const struct schema_field list_fields[] = {
	F_ENUM(struct iam_in, scope, "Scope", scope_names),
	F_BOOL(struct iam_in, only_attached, "OnlyAttached"),
	IAM_PATH_PREFIX, USAGE, IAM_PAGE,
};
static const struct schema_field list_versions_fields[] = { IAM_POLICY_ARN, IAM_PAGE };
static const struct schema_field entities_fields[] = {
	IAM_POLICY_ARN, F_ENUM(struct iam_in, entity_filter, "EntityFilter", entity_names), IAM_PATH_PREFIX, USAGE, IAM_PAGE,
};

static const struct schema create_schema         = SCHEMA(struct iam_in, create_fields, "CreatePolicyRequest");
static const struct schema arn_schema            = SCHEMA(struct iam_in, arn_fields, "GetPolicyRequest");
static const struct schema version_schema        = SCHEMA(struct iam_in, version_fields, "GetPolicyVersionRequest");
static const struct schema create_version_schema = SCHEMA(struct iam_in, create_version_fields, "CreatePolicyVersionRequest");
static const struct schema list_schema           = SCHEMA(struct iam_in, list_fields, "ListPoliciesRequest");
static const struct schema list_versions_schema  = SCHEMA(struct iam_in, list_versions_fields, "ListPolicyVersionsRequest");
static const struct schema entities_schema       = SCHEMA(struct iam_in, entities_fields, "ListEntitiesForPolicyRequest");

static const struct op ops[] = {
	{ .name = "CreatePolicy",            .run = create_policy,       .flags = OP_WRITE,                .input = &create_schema },
	{ .name = "CreatePolicyVersion",     .run = create_version,      .flags = OP_WRITE,                .input = &create_version_schema },
	{ .name = "DeletePolicy",            .run = delete_policy,       .flags = OP_WRITE | OP_NO_RESULT, .input = &arn_schema },
	{ .name = "DeletePolicyVersion",     .run = delete_version,      .flags = OP_WRITE | OP_NO_RESULT, .input = &version_schema },
	{ .name = "GetPolicy",               .run = get_policy,                                            .input = &arn_schema },
	{ .name = "GetPolicyVersion",        .run = get_version,                                           .input = &version_schema },
	{ .name = "ListEntitiesForPolicy",   .run = list_entities,                                         .input = &entities_schema },
	{ .name = "ListPolicies",            .run = list_policies,                                         .input = &list_schema },
	{ .name = "ListPolicyVersions",      .run = list_versions,                                         .input = &list_versions_schema },
	{ .name = "SetDefaultPolicyVersion", .run = set_default_version, .flags = OP_WRITE | OP_NO_RESULT, .input = &version_schema },
};
const struct op_table iam_policy_ops = { ops, ARRAY_SIZE(ops) };
/* clang-format on */

static int
find(struct call *c, struct store_iam *ret)
{
	const struct iam_in *in = c->args;

	return iam_find_policy(c, in->policy_arn, ret);
}

static int
create_policy(struct call *c)
{
	_cleanup_iam_ struct store_iam o = { 0 };
	const struct iam_in *in = c->args;
	struct json_object *doc;
	int r = iam_check_document(c, in->document, false);

	if (r < 0)
		return r;
	doc = json_object_new_object();
	json_add_str(doc, "Description", in->description);
	json_add_str(doc, "DefaultVersionId", "v1");
	json_add_int(doc, "LastVersion", 1);
	r = iam_create(c, IAM_POLICY, in->policy_name, doc, &o);
	if (r == 0)
		r = store_iam_document_put(c->store, &o, "1", in->document, c->now_ms, &c->err);
	return r < 0 ? r : iam_answer(c, &o);
}

static int
get_policy(struct call *c)
{
	_cleanup_iam_ struct store_iam o = { 0 };
	int r = find(c, &o);

	return r < 0 ? r : iam_answer(c, &o);
}

static int
count_owner(enum iam_kind kind, const char *owner, void *arg)
{
	(void)kind;
	(void)owner;
	++*(int *)arg;
	return 0;
}

static int
count_version(const char *name, void *arg)
{
	(void)name;
	++*(int *)arg;
	return 0;
}

static int
delete_policy(struct call *c)
{
	_cleanup_iam_ struct store_iam o = { 0 };
	int owners = 0, versions = 0, r = find(c, &o);

	if (r == 0)
		r = store_iam_attached_to(
		    c->store, o.account, o.arn, count_owner, &owners, &c->err);
	if (r == 0)
		r = store_iam_document_list(
		    c->store, &o, NULL, -1, count_version, &versions, &c->err);
	if (r < 0)
		return r;
	if (owners > 0)
		return err_set_code(
		    &c->err, 409, "DeleteConflict", "Cannot delete a policy attached to entities.");
	if (versions > 1)
		return err_set_code(&c->err, 409, "DeleteConflict",
		    "This policy has more than one version. Before you delete a policy, you must "
		    "delete the policy's versions. The default version is deleted with the "
		    "policy.");
	return iam_delete(c, &o);
}

/* --- versions --- */

/* "v3" as the name of its document, "3". */
static int
find_version(
    struct call *c, const struct store_iam *o, char **ret_document, int64_t *ret_created_ms)
{
	const struct iam_in *in = c->args;
	int r = in->version_id[0] != 'v' ? 0
					 : store_iam_document_get(c->store, o, in->version_id + 1,
					       ret_document, ret_created_ms, &c->err);

	if (r == 0)
		return err_set_code(&c->err, 404, "NoSuchEntity",
		    "Policy %.512s version %.32s does not exist or is not attachable.", o->arn,
		    in->version_id);
	return r < 0 ? r : 0;
}

static struct json_object *
print_version(struct json_object *doc, const char *number, const char *document, int64_t created_ms)
{
	struct json_object *v = json_object_new_object();
	char id[64];

	(void)snprintf(id, sizeof(id), "v%s", number);
	json_add_str(v, "Document", document);
	json_add_str(v, "VersionId", id);
	json_add_bool(v, "IsDefaultVersion", streq(id, json_get_str(doc, "DefaultVersionId")));
	json_add_iso_time(v, "CreateDate", created_ms, false);
	return v;
}

static int
create_version(struct call *c)
{
	_cleanup_iam_ struct store_iam o = { 0 };
	_cleanup_json_ struct json_object *doc = NULL;
	const struct iam_in *in = c->args;
	int versions = 0, r = find(c, &o);
	char number[32], id[34];
	int64_t last;

	if (r == 0)
		r = iam_check_document(c, in->document, false);
	if (r == 0)
		r = store_iam_document_list(
		    c->store, &o, NULL, -1, count_version, &versions, &c->err);
	if (r < 0)
		return r;
	if (versions >= VERSIONS_MAX)
		return err_set_code(&c->err, 409, "LimitExceeded",
		    "A managed policy can have up to %d versions. Before you create a new version, "
		    "you must delete an existing version.",
		    VERSIONS_MAX);
	doc = iam_doc(&o);
	last = json_get_int(doc, "LastVersion", 1) + 1;
	(void)snprintf(number, sizeof(number), "%lld", (long long)last);
	(void)snprintf(id, sizeof(id), "v%s", number);
	json_add_int(doc, "LastVersion", last);
	json_add_int(doc, "UpdateDate", c->now_ms);
	if (in->set_as_default == TRI_TRUE)
		json_add_str(doc, "DefaultVersionId", id);
	r = store_iam_document_put(c->store, &o, number, in->document, c->now_ms, &c->err);
	if (r == 0)
		r = iam_save(c, &o, doc);
	if (r == 0)
		json_add(c->out, "PolicyVersion", print_version(doc, number, NULL, c->now_ms));
	return r;
}

static int
get_version(struct call *c)
{
	_cleanup_iam_ struct store_iam o = { 0 };
	_cleanup_json_ struct json_object *doc = NULL;
	_cleanup_free_ char *document = NULL;
	const struct iam_in *in = c->args;
	int64_t created_ms = 0;
	int r = find(c, &o);

	if (r == 0)
		r = find_version(c, &o, &document, &created_ms);
	if (r < 0)
		return r;
	doc = iam_doc(&o);
	json_add(c->out, "PolicyVersion",
	    print_version(doc, in->version_id + 1, iam_encode(c, document), created_ms));
	return 0;
}

static int
delete_version(struct call *c)
{
	_cleanup_iam_ struct store_iam o = { 0 };
	_cleanup_json_ struct json_object *doc = NULL;
	_cleanup_free_ char *document = NULL;
	const struct iam_in *in = c->args;
	int r = find(c, &o);

	if (r == 0)
		r = find_version(c, &o, &document, NULL);
	if (r < 0)
		return r;
	doc = iam_doc(&o);
	if (streq(in->version_id, json_get_str(doc, "DefaultVersionId")))
		return err_set_code(&c->err, 409, "DeleteConflict",
		    "Cannot delete the default version of a policy.");
	r = store_iam_document_delete(c->store, &o, in->version_id + 1, &c->err);
	return r < 0 ? r : 0;
}

static int
set_default_version(struct call *c)
{
	_cleanup_iam_ struct store_iam o = { 0 };
	_cleanup_json_ struct json_object *doc = NULL;
	_cleanup_free_ char *document = NULL;
	const struct iam_in *in = c->args;
	int r = find(c, &o);

	if (r == 0)
		r = find_version(c, &o, &document, NULL);
	if (r < 0)
		return r;
	doc = iam_doc(&o);
	json_add_str(doc, "DefaultVersionId", in->version_id);
	json_add_int(doc, "UpdateDate", c->now_ms);
	return iam_save(c, &o, doc);
}

struct version_listing {
	struct iam_listing l;
	struct json_object *doc;
	const struct store_iam *policy;
};

static int
take_version(const char *number, void *arg)
{
	struct version_listing *v = arg;
	_cleanup_free_ char *document = NULL;
	struct call *c = v->l.c;
	int64_t created_ms = 0;

	if (!page_take(&v->l.page, number))
		return 1;
	v->l.r =
	    store_iam_document_get(c->store, v->policy, number, &document, &created_ms, &c->err);
	if (v->l.r < 0)
		return v->l.r;
	v->l.r = json_object_array_add(v->l.list, print_version(v->doc, number, NULL, created_ms));
	return v->l.r;
}

static int
list_versions(struct call *c)
{
	_cleanup_iam_ struct store_iam o = { 0 };
	_cleanup_json_ struct json_object *doc = NULL;
	struct version_listing v = { .policy = &o };
	int r = find(c, &o);

	if (r == 0)
		r = iam_list_begin(c, &v.l, "Versions");
	if (r < 0)
		return r;
	doc = iam_doc(&o);
	v.doc = doc;
	r = store_iam_document_list(
	    c->store, &o, page_after(&v.l.page), v.l.page.limit + 1, take_version, &v, &c->err);
	return iam_list_end(&v.l, r);
}

/* --- lists --- */

static int
take_policy(const struct store_iam *o, void *arg)
{
	struct iam_listing *l = arg;
	const struct iam_in *in = l->c->args;
	_cleanup_json_ struct json_object *one = iam_print(l->c, o, false);

	if (one == NULL) {
		l->r = -1;
		return -1;
	}
	if (in->only_attached == TRI_TRUE && json_get_int(one, "AttachmentCount", 0) == 0)
		return 0;
	if (!page_take(&l->page, o->name))
		return 1;
	l->r = json_object_array_add(l->list, TAKE(one));
	return l->r;
}

/* Of AWS's own policies there are none here, only references to them. */
static int
list_policies(struct call *c)
{
	const struct iam_in *in = c->args;
	struct iam_listing l;
	int r = iam_list_begin(c, &l, "Policies");

	if (r == 0 && in->scope != SCOPE_AWS)
		r = store_iam_list(c->store, c->scope.account, IAM_POLICY, in->path_prefix,
		    page_after(&l.page), -1, take_policy, &l, &c->err);
	return r < 0 ? r : iam_list_end(&l, r);
}

struct entities {
	struct call *c;
	struct json_object *users, *roles;
	int r;
};

static int
take_entity(enum iam_kind kind, const char *owner, void *arg)
{
	_cleanup_iam_ struct store_iam o = { 0 };
	struct entities *all = arg;
	const struct iam_in *in = all->c->args;
	struct json_object *one;
	bool user = kind == IAM_USER;

	if (in->entity_filter != 0 && in->entity_filter != (user ? ENTITY_USER : ENTITY_ROLE))
		return 0;
	all->r = iam_find(all->c, kind, owner, &o);
	if (all->r < 0)
		return all->r;
	if (in->path_prefix != NULL && !has_prefix(o.path, in->path_prefix))
		return 0;
	one = json_object_new_object();
	json_add_str(one, user ? "UserName" : "RoleName", o.name);
	json_add_str(one, user ? "UserId" : "RoleId", o.id);
	all->r = json_object_array_add(user ? all->users : all->roles, one);
	return all->r;
}

static int
list_entities(struct call *c)
{
	const struct iam_in *in = c->args;
	struct entities all = {
		.c = c, .users = json_object_new_array(), .roles = json_object_new_array()
	};
	int r;

	json_add(c->out, "PolicyGroups", json_object_new_array());
	json_add(c->out, "PolicyUsers", all.users);
	json_add(c->out, "PolicyRoles", all.roles);
	r = store_iam_attached_to(
	    c->store, c->scope.account, in->policy_arn, take_entity, &all, &c->err);
	if (r < 0 || all.r < 0)
		return -1;
	json_add_bool(c->out, "IsTruncated", false);
	return 0;
}
