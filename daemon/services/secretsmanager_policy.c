/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Resource policies of secrets: kept, given back, held to their form. Nothing here evaluates them.
 */
#include "daemon/services/secretsmanager.h"

#include <string.h>

#define POLICY_MAX 20480

struct policy_in {
	const char *id;
	const char *policy;
	enum tri block_public;
};

static int put_resource_policy(struct call *c);
static int get_resource_policy(struct call *c);
static int delete_resource_policy(struct call *c);
static int validate_resource_policy(struct call *c);

/* clang-format off */
#define F_POLICY F_STR(struct policy_in, policy, "ResourcePolicy", .flags = SCHEMA_REQUIRED, .min_len = 1, .max_len = POLICY_MAX)

static const struct schema_field put_fields[] = {
	F_SECRET_ID(struct policy_in),
	F_POLICY,
	F_BOOL(struct policy_in, block_public, "BlockPublicPolicy"),
};
static const struct schema put_schema = SCHEMA(struct policy_in, put_fields, "PutResourcePolicyRequest");

static const struct schema_field validate_fields[] = {
	F_STR(struct policy_in, id, "SecretId", .min_len = 1, .max_len = 2048),
	F_POLICY,
};
static const struct schema validate_schema = SCHEMA(struct policy_in, validate_fields, "ValidateResourcePolicyRequest");

static const struct schema get_schema = SCHEMA(struct secret_id_in, secret_id_fields, "GetResourcePolicyRequest");
static const struct schema delete_schema = SCHEMA(struct secret_id_in, secret_id_fields, "DeleteResourcePolicyRequest");

static const struct op ops[] = {
	{ .name = "DeleteResourcePolicy",   .run = delete_resource_policy,   .input = &delete_schema,   .bad_input = ERR_VALIDATION, .flags = OP_WRITE },
	{ .name = "GetResourcePolicy",      .run = get_resource_policy,      .input = &get_schema,      .bad_input = ERR_VALIDATION },
	{ .name = "PutResourcePolicy",      .run = put_resource_policy,      .input = &put_schema,      .bad_input = ERR_VALIDATION, .flags = OP_WRITE },
	{ .name = "ValidateResourcePolicy", .run = validate_resource_policy, .input = &validate_schema, .bad_input = ERR_VALIDATION },
};
/* clang-format on */
const struct op_table secretsmanager_policy_ops = { ops, ARRAY_SIZE(ops) };

/* --- the form --- */

static bool
has(struct json_object *statement, const char *member, const char *negated)
{
	return json_get(statement, member) != NULL || json_get(statement, negated) != NULL;
}

/* What is wrong with one statement, NULL: nothing. */
static const char *
statement_fault(struct json_object *statement)
{
	const char *effect = json_get_str(statement, "Effect");

	if (!json_object_is_type(statement, json_type_object))
		return "A statement of the resource policy is not an object.";
	if (!streq(effect, "Allow") && !streq(effect, "Deny"))
		return "The Effect of a statement must be Allow or Deny.";
	if (!has(statement, "Principal", "NotPrincipal"))
		return "A statement of the resource policy has no Principal.";
	if (!has(statement, "Action", "NotAction"))
		return "A statement of the resource policy has no Action.";
	if (!has(statement, "Resource", "NotResource"))
		return "A statement of the resource policy has no Resource.";
	return NULL;
}

/* "*", {"AWS": "*"} or a list with "*" in it. */
static bool
is_everybody(struct json_object *principal)
{
	if (json_object_is_type(principal, json_type_object))
		return is_everybody(json_get(principal, "AWS"));
	if (!json_object_is_type(principal, json_type_array))
		return json_object_is_type(principal, json_type_string) &&
		       streq(json_object_get_string(principal), "*");
	for (size_t i = 0; i < json_object_array_length(principal); i++) {
		struct json_object *one = json_object_array_get_idx(principal, i);

		if (json_object_is_type(one, json_type_string) &&
		    streq(json_object_get_string(one), "*"))
			return true;
	}
	return false;
}

static bool
is_public(struct json_object *statement)
{
	return streq(json_get_str(statement, "Effect"), "Allow") &&
	       json_get(statement, "Condition") == NULL &&
	       is_everybody(json_get(statement, "Principal"));
}

/* Faults of a document: of its form (NULL: none), and whether it opens the secret to everybody. */
struct faults {
	const char *form;
	bool open_to_all;
};

static struct faults
find_faults(const char *document)
{
	_cleanup_json_ struct json_object *doc = NULL;
	struct faults f = { 0 };
	struct json_object *list;
	size_t n;

	if (json_parse(document, strlen(document), &doc, NULL) < 0 ||
	    !json_object_is_type(doc, json_type_object)) {
		f.form = "This resource policy contains invalid Json.";
		return f;
	}
	list = json_get(doc, "Statement");
	n = json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 1;
	if (n == 0)
		f.form = "This resource policy has no statements.";
	for (size_t i = 0; i < n && f.form == NULL; i++) {
		struct json_object *statement = json_object_is_type(list, json_type_array)
						    ? json_object_array_get_idx(list, i)
						    : list;

		f.form = statement_fault(statement);
		f.open_to_all = f.open_to_all || (f.form == NULL && is_public(statement));
	}
	return f;
}

/* --- the operations --- */

static int
put_resource_policy(struct call *c)
{
	_cleanup_secret_ struct store_secret o = { 0 };
	const struct policy_in *in = c->args;
	struct faults faults = find_faults(in->policy);
	int r = secret_find_alive(c, in->id, &o);

	if (r < 0)
		return r;
	if (faults.form != NULL)
		return err_set_code(
		    &c->err, 400, "MalformedPolicyDocumentException", "%s", faults.form);
	if (faults.open_to_all && in->block_public == TRI_TRUE)
		return err_set_code(&c->err, 400, "PublicPolicyException",
		    "You can't attach a resource policy that allows broad access to the secret.");
	free(o.policy);
	o.policy = xstrdup(in->policy);
	secret_answer(c, &o);
	return store_secret_update(c->store, &o, &c->err);
}

static int
get_resource_policy(struct call *c)
{
	_cleanup_secret_ struct store_secret o = { 0 };
	const struct secret_id_in *in = c->args;
	int r = secret_find_alive(c, in->id, &o);

	if (r < 0)
		return r;
	secret_answer(c, &o);
	json_add_str(c->out, "ResourcePolicy", o.policy);
	return 0;
}

static int
delete_resource_policy(struct call *c)
{
	_cleanup_secret_ struct store_secret o = { 0 };
	const struct secret_id_in *in = c->args;
	int r = secret_find_alive(c, in->id, &o);

	if (r < 0)
		return r;
	free(o.policy);
	o.policy = NULL;
	secret_answer(c, &o);
	return store_secret_update(c->store, &o, &c->err);
}

static void
add_fault(struct json_object *list, const char *check, const char *text)
{
	struct json_object *o = json_object_new_object();

	json_add_str(o, "CheckName", check);
	json_add_str(o, "ErrorMessage", text);
	(void)json_object_array_add(list, o);
}

static int
validate_resource_policy(struct call *c)
{
	_cleanup_secret_ struct store_secret o = { 0 };
	const struct policy_in *in = c->args;
	struct faults faults = find_faults(in->policy);
	struct json_object *list;
	int r = in->id != NULL ? secret_find_alive(c, in->id, &o) : 0;

	if (r < 0)
		return r;
	list = json_object_new_array();
	if (faults.form != NULL)
		add_fault(list, "POLICY_SYNTAX", faults.form);
	if (faults.open_to_all)
		add_fault(list, "BLOCK_PUBLIC_POLICY",
		    "The resource policy allows broad access to the secret.");
	json_add_bool(c->out, "PolicyValidationPassed", json_object_array_length(list) == 0);
	json_add(c->out, "ValidationErrors", list);
	return 0;
}
