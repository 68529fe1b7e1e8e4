/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AWS Identity and Access Management: the service, and what its operations have in common (see
 * iam.h). Policies are kept and returned, never evaluated.
 */
#include "daemon/services/iam.h"

#include "daemon/arn.h"
#include "daemon/services/access_key.h"
#include "daemon/services/tag_list.h"
#include "daemon/store/tag.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define PAGE_DEFAULT 100

static const struct op_table *const tables[] = {
	&iam_role_ops,
	&iam_grant_ops,
	&iam_policy_ops,
	&iam_profile_ops,
	&iam_user_ops,
	&iam_key_ops,
	&iam_tag_ops,
};

/* clang-format off */
static const char *const unavailable[] = {
	"AddUserToGroup", "AttachGroupPolicy", "ChangePassword", "CreateAccountAlias", "CreateGroup", "CreateLoginProfile",
	"CreateOpenIDConnectProvider", "CreateSAMLProvider", "CreateServiceLinkedRole", "CreateVirtualMFADevice",
	"DeleteAccountAlias", "DeleteGroup", "DeleteGroupPolicy", "DeleteOpenIDConnectProvider", "DeleteSAMLProvider",
	"DeleteServiceLinkedRole", "DetachGroupPolicy", "GetAccountAuthorizationDetails", "GetAccountPasswordPolicy",
	"GetAccountSummary", "GetGroup", "GetGroupPolicy", "GetOpenIDConnectProvider", "GetSAMLProvider",
	"ListAttachedGroupPolicies", "ListGroupPolicies", "ListGroups", "ListOpenIDConnectProviders", "ListSAMLProviders",
	"PutGroupPolicy", "PutUserPermissionsBoundary", "RemoveUserFromGroup", "SimulateCustomPolicy",
	"SimulatePrincipalPolicy", "UpdateGroup", "UpdateUser", "UploadServerCertificate",
};

static const struct {
	const char *element;
	const char *arn_word;
	const char *id_prefix;
	const char *name_member;
	const char *id_member;
	const char *missing; /* both with one name */
	const char *taken;
} kinds[IAM_KIND_MAX] = {
	[IAM_ROLE]    = { "Role", "role", "AROA", "RoleName", "RoleId",
			  "The role with name %.128s cannot be found.", "Role with name %.128s already exists." },
	[IAM_USER]    = { "User", "user", "AIDA", "UserName", "UserId",
			  "The user with name %.128s cannot be found.", "User with name %.128s already exists." },
	[IAM_POLICY]  = { "Policy", "policy", "ANPA", "PolicyName", "PolicyId",
			  "Policy %.128s was not found.",
			  "A policy called %.128s already exists. Duplicate names are not allowed." },
	[IAM_PROFILE] = { "InstanceProfile", "instance-profile", "AIPA", "InstanceProfileName", "InstanceProfileId",
			  "Instance Profile %.128s cannot be found.", "Instance Profile %.128s already exists." },
};

static const struct schema_field tag_fields[] = {
	F_STR(struct iam_tag_in, key,   "Key",   .flags = SCHEMA_REQUIRED, .min_len = 1, .max_len = 512),
	F_STR(struct iam_tag_in, value, "Value", .flags = SCHEMA_REQUIRED, .max_len = 1024),
};
const struct schema iam_tag_schema = SCHEMA(struct iam_tag_in, tag_fields, "Tag");
/* clang-format on */

const struct op_service iam_service = {
	.name = "iam",
	.full_name = "AWS IAM",
	.wire = WIRE_QUERY,
	.xmlns = "https://iam.amazonaws.com/doc/2010-05-08/",
	.global = true,
	.tables = tables,
	.n_tables = ARRAY_SIZE(tables),
	.unavailable = unavailable,
	.n_unavailable = ARRAY_SIZE(unavailable),
};

/* --- objects --- */

/* A code with one of the kinds' sentences, whose only directive is the name. */
static int
say(struct call *c, int status, const char *code, const char *sentence, const char *name)
{
	_cleanup_free_ char *text = NULL;
	const char *at = strstr(sentence, "%.128s");

	text =
	    xasprintf("%.*s%.128s%s", (int)(at - sentence), sentence, name, at + strlen("%.128s"));
	return err_set_code(&c->err, status, code, "%s", text);
}

int
iam_find(struct call *c, enum iam_kind kind, const char *name, struct store_iam *ret)
{
	int r = store_iam_get(c->store, c->scope.account, kind, name, ret, &c->err);

	if (r == 0)
		return say(c, 404, "NoSuchEntity", kinds[kind].missing, name);
	return r < 0 ? r : 0;
}

int
iam_find_policy(struct call *c, const char *arn, struct store_iam *ret)
{
	const char *name = strrchr(arn, '/');
	int r = name == NULL
		    ? 0
		    : store_iam_get(c->store, c->scope.account, IAM_POLICY, name + 1, ret, &c->err);

	if (r > 0 && !streq(ret->arn, arn)) {
		store_iam_done(ret);
		r = 0;
	}
	if (r == 0)
		return err_set_code(
		    &c->err, 404, "NoSuchEntity", "Policy %.512s was not found.", arn);
	return r < 0 ? r : 0;
}

int
iam_find_subject(struct call *c, struct store_iam *ret)
{
	const struct iam_in *in = c->args;

	if (in->role_name != NULL)
		return iam_find(c, IAM_ROLE, in->role_name, ret);
	if (in->user_name != NULL)
		return iam_find(c, IAM_USER, in->user_name, ret);
	if (in->profile_name != NULL)
		return iam_find(c, IAM_PROFILE, in->profile_name, ret);
	return iam_find_policy(c, in->policy_arn, ret);
}

static int
check_path(struct call *c, const char *path)
{
	size_t len = strlen(path);

	if (path[0] == '/' && path[len - 1] == '/' && strchr(path, ' ') == NULL)
		return 0;
	return err_set_code(&c->err, 400, "ValidationError",
	    "The specified value for path is invalid. It must begin and end with / and contain "
	    "only "
	    "alphanumeric characters and/or / characters.");
}

int
iam_create(struct call *c, enum iam_kind kind, const char *name, struct json_object *doc,
    struct store_iam *ret)
{
	_cleanup_json_ struct json_object *own = doc;
	const struct iam_in *in = c->args;
	const char *path = in->path != NULL ? in->path : "/";
	struct store_iam o = { .kind = kind, .created_at_ms = c->now_ms };
	int r = check_path(c, path);

	if (r < 0)
		return r;
	r = store_iam_get(c->store, c->scope.account, kind, name, &o, &c->err);
	if (r > 0) {
		store_iam_done(&o);
		return say(c, 409, "EntityAlreadyExists", kinds[kind].taken, name);
	}
	if (r < 0)
		return r;
	memcpy(o.account, c->scope.account, sizeof(o.account));
	(void)snprintf(o.name, sizeof(o.name), "%s", name);
	(void)snprintf(o.path, sizeof(o.path), "%s", path);
	(void)snprintf(o.arn, sizeof(o.arn), "arn:%s:iam::%s:%s%s%s",
	    arn_partition(c->scope.region), c->scope.account, kinds[kind].arn_word, path, name);
	unique_id_make(kinds[kind].id_prefix, NULL, o.id);
	o.doc = xstrdup(json_print(own));
	r = store_iam_insert(c->store, &o, &c->err);
	if (r == 0)
		r = iam_put_tags(c, o.arn);
	if (r < 0)
		store_iam_done(&o);
	else
		*ret = o;
	return r;
}

int
iam_delete(struct call *c, const struct store_iam *o)
{
	int r = store_tag_delete_all(c->store, o->arn, &c->err);

	return r < 0 ? r : store_iam_delete(c->store, o, &c->err);
}

struct json_object *
iam_doc(const struct store_iam *o)
{
	struct json_object *doc = NULL;

	if (json_parse(o->doc, strlen(o->doc), &doc, NULL) < 0)
		doc = json_object_new_object();
	return doc;
}

int
iam_save(struct call *c, struct store_iam *o, struct json_object *doc)
{
	free(o->doc);
	o->doc = xstrdup(json_print(doc));
	return store_iam_update(c->store, o, &c->err);
}

/* --- what they look like --- */

static int
print_role(struct call *c, struct json_object *o, struct json_object *doc)
{
	const char *trust = json_get_str(doc, "AssumeRolePolicyDocument");

	json_add_str(o, "AssumeRolePolicyDocument", iam_encode(c, trust != NULL ? trust : ""));
	json_add_str(o, "Description", json_get_str(doc, "Description"));
	json_add_int(o, "MaxSessionDuration", json_get_int(doc, "MaxSessionDuration", 3600));
	return 0;
}

static int
count_holder(enum iam_kind kind, const char *owner, void *arg)
{
	(void)kind;
	(void)owner;
	++*(int *)arg;
	return 0;
}

static int
print_policy(struct call *c, const struct store_iam *row, struct json_object *o,
    struct json_object *doc, bool full)
{
	int holders = 0;
	int r = store_iam_attached_to(
	    c->store, c->scope.account, row->arn, count_holder, &holders, &c->err);

	if (r < 0)
		return r;
	json_add_str(o, "DefaultVersionId", json_get_str(doc, "DefaultVersionId"));
	json_add_int(o, "AttachmentCount", holders);
	json_add_int(o, "PermissionsBoundaryUsageCount", 0);
	json_add_bool(o, "IsAttachable", true);
	if (full)
		json_add_str(o, "Description", json_get_str(doc, "Description"));
	json_add_iso_time(
	    o, "UpdateDate", json_get_int(doc, "UpdateDate", row->created_at_ms), false);
	return 0;
}

static int
print_profile(struct call *c, struct json_object *o, struct json_object *doc)
{
	const char *name = json_get_str(doc, "Role");
	_cleanup_iam_ struct store_iam role = { 0 };
	struct json_object *roles = json_object_new_array(), *one;

	json_add(o, "Roles", roles);
	if (name == NULL)
		return 0;
	if (iam_find(c, IAM_ROLE, name, &role) < 0)
		return -1;
	one = iam_print(c, &role, false);
	return one == NULL ? -1 : json_object_array_add(roles, one);
}

struct json_object *
iam_print(struct call *c, const struct store_iam *row, bool full)
{
	_cleanup_json_ struct json_object *o = json_object_new_object();
	_cleanup_json_ struct json_object *doc = iam_doc(row);
	const char *boundary = json_get_str(doc, "PermissionsBoundary");
	int r = 0;

	json_add_str(o, "Path", row->path);
	json_add_str(o, kinds[row->kind].name_member, row->name);
	json_add_str(o, kinds[row->kind].id_member, row->id);
	json_add_str(o, "Arn", row->arn);
	json_add_iso_time(o, "CreateDate", row->created_at_ms, false);
	switch (row->kind) {
	case IAM_ROLE:
		r = print_role(c, o, doc);
		break;
	case IAM_POLICY:
		r = print_policy(c, row, o, doc, full);
		break;
	case IAM_PROFILE:
		r = print_profile(c, o, doc);
		break;
	case IAM_USER:
	case IAM_KIND_MAX:
		break;
	}
	if (boundary != NULL) {
		struct json_object *b = json_object_new_object();

		json_add_str(b, "PermissionsBoundaryType", "Policy");
		json_add_str(b, "PermissionsBoundaryArn", boundary);
		json_add(o, "PermissionsBoundary", b);
	}
	if (r == 0 && full)
		r = iam_add_tags(c, o, row->arn, false);
	return r < 0 ? NULL : TAKE(o);
}

int
iam_answer(struct call *c, const struct store_iam *row)
{
	struct json_object *o = iam_print(c, row, true);

	if (o == NULL)
		return -1;
	json_add(c->out, kinds[row->kind].element, o);
	return 0;
}

/* --- documents --- */

const char *
iam_encode(struct call *c, const char *document)
{
	char *ret = arena_alloc(&c->arena, 3 * strlen(document) + 1);
	char *to = ret;

	for (const unsigned char *p = (const unsigned char *)document; *p != '\0'; p++) {
		if (isascii(*p) && (isalnum(*p) || strchr("-_.~", *p) != NULL))
			*to++ = (char)*p;
		else
			to += sprintf(to, "%%%02X", *p);
	}
	return ret;
}

static int
malformed(struct call *c, const char *why)
{
	return err_set_code(&c->err, 400, "MalformedPolicyDocument", "%s", why);
}

static bool
has(struct json_object *st, const char *member, const char *negated)
{
	return json_get(st, member) != NULL || json_get(st, negated) != NULL;
}

static int
check_statement(struct call *c, struct json_object *st, bool trust)
{
	const char *effect = json_get_str(st, "Effect");

	if (!json_object_is_type(st, json_type_object))
		return malformed(c, "Syntax errors in policy.");
	if (effect == NULL || (!streq(effect, "Allow") && !streq(effect, "Deny")))
		return malformed(c, "Syntax errors in policy.");
	if (!has(st, "Action", "NotAction"))
		return malformed(c, "Policy statement must contain actions.");
	if (trust && !has(st, "Principal", "NotPrincipal"))
		return malformed(c, "Missing required field Principal");
	if (trust && has(st, "Resource", "NotResource"))
		return malformed(c, "Has prohibited field Resource");
	if (!trust && has(st, "Principal", "NotPrincipal"))
		return malformed(c, "Policy document should not specify a principal.");
	if (!trust && !has(st, "Resource", "NotResource"))
		return malformed(c, "Policy statement must contain resources.");
	return 0;
}

int
iam_check_document(struct call *c, const char *document, bool trust)
{
	_cleanup_json_ struct json_object *doc = NULL;
	struct json_object *list;

	if (json_parse(document, strlen(document), &doc, NULL) < 0)
		return malformed(c, "This policy contains invalid Json");
	list = json_get(doc, "Statement");
	if (json_object_is_type(list, json_type_object))
		return check_statement(c, list, trust);
	if (!json_object_is_type(list, json_type_array))
		return malformed(c, "Syntax errors in policy.");
	for (size_t i = 0; i < json_object_array_length(list); i++)
		if (check_statement(c, json_object_array_get_idx(list, i), trust) < 0)
			return -1;
	return 0;
}

/* --- pages and tags --- */

int
iam_list_begin(struct call *c, struct iam_listing *l, const char *member)
{
	const struct iam_in *in = c->args;
	int limit = in->max_items.set ? (int)in->max_items.v : PAGE_DEFAULT;

	*l = (struct iam_listing){ .c = c, .list = json_object_new_array() };
	json_add(c->out, member, l->list);
	if (page_begin(&l->page, c->op->name, in->marker, limit, NULL) == 0)
		return 0;
	return err_set_code(&c->err, 400, "ValidationError", "Invalid Marker.");
}

int
iam_list_end(struct iam_listing *l, int r)
{
	if (r < 0 || l->r < 0)
		return -1;
	json_add_bool(l->c->out, "IsTruncated", l->page.more);
	if (l->page.more)
		json_add_str(
		    l->c->out, "Marker", page_encode(&l->c->arena, l->c->op->name, l->page.last));
	return 0;
}

static int
take_object(const struct store_iam *o, void *arg)
{
	struct iam_listing *l = arg;
	struct json_object *one;

	if (!page_take(&l->page, o->name))
		return 1;
	one = iam_print(l->c, o, false);
	l->r = one == NULL ? -1 : json_object_array_add(l->list, one);
	return l->r;
}

int
iam_list_objects(struct call *c, enum iam_kind kind, const char *member)
{
	const struct iam_in *in = c->args;
	struct iam_listing l;
	int r = iam_list_begin(c, &l, member);

	if (r == 0)
		r = store_iam_list(c->store, c->scope.account, kind, in->path_prefix,
		    page_after(&l.page), l.page.limit + 1, take_object, &l, &c->err);
	return r < 0 ? r : iam_list_end(&l, r);
}

int
iam_conflict(struct call *c, const char *what)
{
	return err_set_code(&c->err, 409, "DeleteConflict", "Cannot delete entity, %s", what);
}

int
iam_found(const char *text, void *arg)
{
	(void)text;
	*(bool *)arg = true;
	return 1;
}

int
iam_add_tags(struct call *c, struct json_object *o, const char *arn, bool always)
{
	_cleanup_json_ struct json_object *list = json_object_new_array();
	int r = tag_list_print(c->store, arn, list, &c->err);

	if (r == 0 && (always || json_object_array_length(list) > 0))
		json_add(o, "Tags", TAKE(list));
	return r;
}

int
iam_put_tags(struct call *c, const char *arn)
{
	const struct iam_in *in = c->args;
	int r = 0;

	for (size_t i = 0; r == 0 && i < in->tags.n; i++)
		r = store_tag_put(c->store, arn, in->tags.v[i].key, in->tags.v[i].value, &c->err);
	if (r == 0)
		r = store_tag_count(c->store, arn, &c->err);
	if (r > IAM_TAGS_MAX)
		return err_set_code(&c->err, 409, "LimitExceeded",
		    "The number of tags has reached the maximum limit.");
	return r < 0 ? r : 0;
}
