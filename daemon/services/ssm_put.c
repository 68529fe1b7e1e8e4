/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PutParameter: what names, values, tiers and policies may be, and how a new version comes from the
 * one before it. What an overwriting request does not say stays as it was.
 */
#include "daemon/services/ssm.h"
#include "daemon/services/ssm_pattern.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define STANDARD_BYTES_MAX 4096
#define ADVANCED_BYTES_MAX 8192
#define LEVELS_MAX 15
#define POLICIES_MAX 10
#define DEFAULT_KEY "alias/aws/ssm"
#define TIERS_URL                                                                                  \
	"https://docs.aws.amazon.com/systems-manager/latest/userguide/"                            \
	"parameter-store-advanced-parameters.html"

struct put_in {
	const char *name;
	const char *description;
	const char *value;
	int type; /* index into types */
	const char *key;
	enum tri overwrite;
	const char *pattern;
	struct ssm_tags tags;
	int tier; /* index into tiers */
	const char *policies;
	const char *data_type;
};

static int put_parameter(struct call *c);

/* clang-format off */
static const char *const types[] = { NULL, "String", "StringList", "SecureString", NULL };
enum tier { TIER_UNSET, TIER_STANDARD, TIER_ADVANCED, TIER_INTELLIGENT };
static const char *const tiers[] = { NULL, "Standard", "Advanced", "Intelligent-Tiering", NULL };
static const char *const data_types[] = { NULL, "text", "aws:ec2:image", "aws:ssm:integration", NULL };

static const struct schema_field put_fields[] = {
	F_SSM_NAME(struct put_in),
	F_STR(struct put_in, description, "Description", .max_len = 1024),
	F_STR(struct put_in, value,       "Value", .flags = SCHEMA_REQUIRED | SCHEMA_SECRET, .min_len = 1),
	F_ENUM(struct put_in, type,       "Type", types),
	F_STR(struct put_in, key,         "KeyId", .min_len = 1, .max_len = 256, .chars = "a-zA-Z0-9:/_-"),
	F_BOOL(struct put_in, overwrite,  "Overwrite"),
	F_STR(struct put_in, pattern,     "AllowedPattern", .max_len = 1024),
	F_SSM_TAGS(struct put_in),
	F_ENUM(struct put_in, tier,       "Tier", tiers),
	F_STR(struct put_in, policies,    "Policies", .min_len = 1, .max_len = 4096),
	F_STR(struct put_in, data_type,   "DataType", .max_len = 128),
};
static const struct schema put_schema = SCHEMA(struct put_in, put_fields, "PutParameterRequest");

static const struct op ops[] = {
	{ .name = "PutParameter", .run = put_parameter, .input = &put_schema, .bad_input = ERR_VALIDATION, .flags = OP_WRITE },
};
/* clang-format on */
const struct op_table ssm_put_ops = { ops, ARRAY_SIZE(ops) };

/* --- names --- */

static int
invalid(struct call *c, const char *text)
{
	return err_set(&c->err, ERR_VALIDATION, "%s", text);
}

static bool
has_word(const char *name, const char *word)
{
	return strncasecmp(name + (name[0] == '/'), word, strlen(word)) == 0;
}

/* Sub-paths of letters, digits and ".-_", none of them empty. */
static bool
is_formed(const char *name)
{
	bool empty = true;

	for (const char *p = name + (name[0] == '/'); *p != '\0'; p++) {
		if (*p == '/') {
			if (empty)
				return false;
			empty = true;
			continue;
		}
		if (!isascii((unsigned char)*p) ||
		    (!isalnum((unsigned char)*p) && strchr(".-_", *p) == NULL))
			return false;
		empty = false;
	}
	return !empty;
}

static int
check_name(struct call *c, const struct put_in *in)
{
	const char *name = in->name;
	int levels = 0;

	for (const char *p = name; *p != '\0'; p++)
		levels += *p == '/';
	if (levels > 0 && name[0] != '/')
		return invalid(c, "Parameter name must be a fully qualified name.");
	if (levels > 1 && has_word(name, "aws"))
		return err_set(&c->err, ERR_ACCESS_DENIED,
		    "No access to reserved parameter name: %.900s.", name);
	if (levels < 2 && (has_word(name, "aws") || has_word(name, "ssm")))
		return invalid(c, "Parameter name: can't be prefixed with \"aws\" or \"ssm\" "
				  "(case-insensitive).");
	if (has_word(name, "ssm") || !is_formed(name))
		return invalid(c, "Parameter name: can't be prefixed with \"ssm\" "
				  "(case-insensitive). If formed as a path, it can consist of "
				  "sub-paths divided by slash symbol; each sub-path can be formed "
				  "as a mix of letters, numbers and the following 3 symbols .-_");
	if (levels > LEVELS_MAX)
		return err_set_code(&c->err, 400, "HierarchyLevelLimitExceededException",
		    "A hierarchy can have a maximum of %d levels. For more information, see "
		    "Requirements and constraints for parameter names in the AWS Systems Manager "
		    "User Guide.",
		    LEVELS_MAX);
	if (strlen(name) >= PARAMETER_NAME_MAX)
		return invalid(c, "Parameter name: its length with the ARN's is limited to 1011 "
				  "characters.");
	return 0;
}

/* --- policies --- */

static int
policy_fault(struct call *c, const char *what)
{
	return err_set_code(&c->err, 400, "InvalidPolicyAttributeException", "%s", what);
}

/* "2026-12-02T21:34:33.000Z", seconds and fraction may be left out; 0 where it is no time. */
static int64_t
read_timestamp(const char *text)
{
	struct tm tm = { 0 };
	const char *rest = strptime(text, "%Y-%m-%dT%H:%M", &tm);

	if (rest != NULL && *rest == ':')
		rest = strptime(rest, ":%S", &tm);
	if (rest != NULL && *rest == '.')
		rest += 1 + strspn(rest + 1, "0123456789");
	if (rest == NULL || (!streq(rest, "Z") && *rest != '\0'))
		return 0;
	return (int64_t)timegm(&tm) * 1000;
}

static int
check_policy(struct call *c, struct json_object *policy, int64_t *ret_expires_at_ms)
{
	const char *type = json_get_str(policy, "Type");
	const char *at = json_get_str(json_get(policy, "Attributes"), "Timestamp");
	int64_t expires_at_ms;

	if (streq(type, "ExpirationNotification") || streq(type, "NoChangeNotification"))
		return json_get(policy, "Attributes") != NULL
			   ? 0
			   : policy_fault(c, "A parameter policy has no Attributes.");
	if (!streq(type, "Expiration"))
		return err_set_code(&c->err, 400, "InvalidPolicyTypeException",
		    "The policy type isn't supported. Parameter Store supports the following "
		    "policy types: Expiration, ExpirationNotification, and NoChangeNotification.");
	expires_at_ms = at != NULL ? read_timestamp(at) : 0;
	if (expires_at_ms <= c->now_ms)
		return policy_fault(
		    c, "The Timestamp of an Expiration policy must be a time in the future.");
	*ret_expires_at_ms = expires_at_ms;
	return 0;
}

/* The policies as JSON, the caller's; when they make the parameter expire. */
static int
read_policies(
    struct call *c, const char *text, struct json_object **ret, int64_t *ret_expires_at_ms)
{
	_cleanup_json_ struct json_object *list = NULL;
	int r = 0;

	if (json_parse(text, strlen(text), &list, NULL) < 0)
		return policy_fault(c, "The parameter policies are not valid JSON.");
	if (json_object_is_type(list, json_type_object)) {
		struct json_object *one = TAKE(list);

		list = json_object_new_array();
		(void)json_object_array_add(list, one);
		if (json_object_object_length(one) == 0) /* "{}" takes them all away */
			(void)json_object_array_del_idx(list, 0, 1);
	}
	if (!json_object_is_type(list, json_type_array))
		return policy_fault(c, "The parameter policies are not a list.");
	if (json_object_array_length(list) > POLICIES_MAX)
		return err_set_code(&c->err, 400, "PoliciesLimitExceededException",
		    "You specified more than the maximum number of allowed policies for the "
		    "parameter. The maximum is %d.",
		    POLICIES_MAX);
	for (size_t i = 0; i < json_object_array_length(list) && r == 0; i++)
		r = check_policy(c, json_object_array_get_idx(list, i), ret_expires_at_ms);
	if (r == 0)
		*ret = TAKE(list);
	return r;
}

/* --- values --- */

static int
check_size(struct call *c, enum tier tier, size_t len)
{
	if (tier == TIER_STANDARD && len > STANDARD_BYTES_MAX)
		return invalid(c,
		    "Standard tier parameters support a maximum parameter value of 4096 "
		    "characters. To create a larger parameter value, upgrade the parameter to use "
		    "the advanced-parameter tier. For more information, see " TIERS_URL);
	if (len > ADVANCED_BYTES_MAX)
		return invalid(c, "Advanced tier parameters support a maximum parameter value of "
				  "8192 characters.");
	return 0;
}

static int
check_pattern(struct call *c, const char *pattern, const char *value)
{
	int r = pattern != NULL && *pattern != '\0' ? ssm_pattern_match(pattern, value) : 1;

	if (r < 0)
		return err_set_code(&c->err, 400, "InvalidAllowedPatternException",
		    "The request doesn't meet the regular expression requirement.");
	if (r == 0)
		return err_set_code(&c->err, 400, "ParameterPatternMismatchException",
		    "Parameter value, cannot be validated against allowedPattern: %.900s", pattern);
	return 0;
}

/* `data_type` is the request's, the doc has the one that holds. */
static int
check_data_type(struct call *c, const char *data_type, struct json_object *doc, const char *value)
{
	if (data_type != NULL && schema_enum_index(data_types, data_type) == 0)
		return err_set(&c->err, ERR_VALIDATION,
		    "The following data type is not supported: %.128s (Data type names are all "
		    "lowercase.)",
		    data_type);
	if (streq(json_get_str(doc, "DataType"), "aws:ec2:image") && !has_prefix(value, "ami-"))
		return invalid(c, "The value of a parameter of data type aws:ec2:image must be the "
				  "ID of an Amazon Machine Image.");
	return 0;
}

/* --- one version --- */

/* What a new version will be: of the request, else of the version before. */
struct next {
	struct json_object *doc;
	int64_t expires_at_ms;
	enum tier tier;
};

static void
keep_or_set(struct next *n, struct json_object *before, const char *member, const char *given)
{
	const char *text = given != NULL ? given : json_get_str(before, member);

	if (text != NULL && *text != '\0')
		json_add_str(n->doc, member, text);
}

/* Intelligent tiering takes the cheaper tier where that will do; there is no way back from the
 * advanced one. */
static int
choose_tier(struct call *c, const struct put_in *in, struct json_object *before, struct next *n)
{
	bool was_advanced = streq(json_get_str(before, "Tier"), tiers[TIER_ADVANCED]);
	bool needs_advanced =
	    strlen(in->value) > STANDARD_BYTES_MAX || json_get(n->doc, "Policies") != NULL;

	n->tier = (enum tier)in->tier;
	if (n->tier == TIER_UNSET)
		n->tier = was_advanced ? TIER_ADVANCED : TIER_STANDARD;
	if (n->tier == TIER_INTELLIGENT)
		n->tier = was_advanced || needs_advanced ? TIER_ADVANCED : TIER_STANDARD;
	if (n->tier == TIER_STANDARD && was_advanced)
		return invalid(c,
		    "This parameter uses the advanced-parameter tier. You can't downgrade a "
		    "parameter from the advanced-parameter tier to the standard-parameter tier. If "
		    "necessary, you can delete the advanced parameter and recreate it as a "
		    "standard parameter.");
	if (n->tier == TIER_STANDARD && json_get(n->doc, "Policies") != NULL)
		return invalid(c, "Parameter policies are supported for parameters of the "
				  "advanced-parameter tier only.");
	json_add_str(n->doc, "Tier", tiers[n->tier]);
	return check_size(c, n->tier, strlen(in->value));
}

/* They are kept as text: the doc is flat, however deep a policy is. */
static int
choose_policies(struct call *c, const struct put_in *in, struct json_object *before,
    const struct store_parameter *p, struct next *n)
{
	_cleanup_json_ struct json_object *policies = NULL;
	int r;

	if (in->policies == NULL) {
		n->expires_at_ms = p->expires_at_ms;
		json_add_str(n->doc, "Policies", json_get_str(before, "Policies"));
		return 0;
	}
	r = read_policies(c, in->policies, &policies, &n->expires_at_ms);
	if (r == 0 && json_object_array_length(policies) > 0)
		json_add_str(n->doc, "Policies", json_print(policies));
	return r;
}

/* Fills n->doc, which is the caller's in any case. */
static int
make_next(struct call *c, const struct put_in *in, struct json_object *before,
    const struct store_parameter *p, struct next *n)
{
	const char *type = in->type != 0 ? types[in->type] : json_get_str(before, "Type");
	const char *key = in->key;
	int r;

	if (type == NULL)
		return invalid(c, "A parameter type is required when you create a parameter.");
	json_add_str(n->doc, "Type", type);
	if (streq(type, "SecureString"))
		keep_or_set(n, before, "KeyId",
		    key == NULL && json_get_str(before, "KeyId") == NULL ? DEFAULT_KEY : key);
	else if (key != NULL)
		return invalid(c, "KeyId is supported for parameters of type SecureString only.");
	keep_or_set(n, before, "Description", in->description);
	keep_or_set(n, before, "AllowedPattern", in->pattern);
	keep_or_set(n, before, "DataType", in->data_type);
	if (json_get(n->doc, "DataType") == NULL)
		json_add_str(n->doc, "DataType", data_types[1]);
	json_add_str(n->doc, "LastModifiedUser", c->principal_arn);
	r = choose_policies(c, in, before, p, n);
	if (r == 0)
		r = choose_tier(c, in, before, n);
	if (r == 0)
		r = check_data_type(c, in->data_type, n->doc, in->value);
	if (r == 0)
		r = check_pattern(c, json_get_str(n->doc, "AllowedPattern"), in->value);
	return r;
}

static int
note_label(const char *label, void *arg)
{
	bool *found = arg;

	(void)label;
	*found = true;
	return 1;
}

/* A hundred versions are kept: the oldest goes, unless somebody labelled it. */
static int
make_room(struct call *c, const struct store_parameter *p)
{
	int64_t oldest = p->version - SSM_VERSIONS_MAX + 1;
	bool labelled = false;
	int r = 0;

	if (oldest < 1)
		return 0;
	r = store_parameter_label_list(c->store, p, oldest, note_label, &labelled, &c->err);
	if (r < 0)
		return r;
	if (labelled)
		return err_set_code(&c->err, 400, "ParameterMaxVersionLimitExceeded",
		    "You attempted to create a new version of %.512s by calling the PutParameter "
		    "API with the overwrite flag. Version %lld, the oldest version, can't be "
		    "deleted because it has a label associated with it. Move the label to another "
		    "version of the parameter, and try again.",
		    p->name, (long long)oldest);
	return store_parameter_version_delete(c->store, p, oldest, &c->err);
}

static int
write_version(
    struct call *c, const struct put_in *in, struct store_parameter *p, const struct next *n)
{
	_cleanup_parameter_version_ struct store_parameter_version v = {
		.version = p->version + 1,
		.modified_at_ms = c->now_ms,
		.doc = xstrdup(json_print(n->doc)),
	};
	int r = p->version > 0 ? make_room(c, p) : 0;

	p->version = v.version;
	p->expires_at_ms = n->expires_at_ms;
	if (r == 0)
		r = store_parameter_put(c->store, p, &c->err);
	if (r == 0)
		r = store_parameter_version_insert(
		    c->store, p, &v, in->value, strlen(in->value), &c->err);
	if (r < 0)
		return r;
	json_add_int(c->out, "Version", v.version);
	json_add_str(c->out, "Tier", tiers[n->tier]);
	return 0;
}

/* The newest version's doc, the caller's; NULL where there is no parameter. */
static int
read_before(struct call *c, const struct store_parameter *p, struct json_object **ret)
{
	_cleanup_parameter_version_ struct store_parameter_version v = { 0 };
	int r = store_parameter_version_get(c->store, p, p->version, &v, &c->err);

	if (r > 0)
		*ret = ssm_doc(&v);
	return r < 0 ? r : 0;
}

static int
find_or_begin(struct call *c, const struct put_in *in, struct store_parameter *p)
{
	/* What is due goes first: its name is free again. */
	int r = store_parameter_expire(c->store, c->now_ms, &c->err);

	*p = (struct store_parameter){ .scope = c->scope };
	(void)snprintf(p->name, sizeof(p->name), "%s", in->name);
	if (r == 0)
		r = store_parameter_get(c->store, &c->scope, in->name, c->now_ms, p, &c->err);
	if (r < 0)
		return r;
	if (r > 0 && in->overwrite != TRI_TRUE)
		return err_set_code(&c->err, 400, "ParameterAlreadyExists",
		    "The parameter already exists. To overwrite this value, set the overwrite "
		    "option in the request to true.");
	return 0;
}

static int
put_parameter(struct call *c)
{
	const struct put_in *in = c->args;
	_cleanup_json_ struct json_object *before = NULL;
	_cleanup_json_ struct json_object *doc = json_object_new_object();
	struct next n = { .doc = doc };
	struct store_parameter p;
	int r = check_name(c, in);

	if (r == 0 && in->overwrite == TRI_TRUE && in->tags.n > 0)
		r = invalid(c,
		    "Invalid request: tags and overwrite can't be used together. To create a "
		    "parameter with tags, please remove overwrite flag. To update tags for an "
		    "existing parameter, please use AddTagsToResource or "
		    "RemoveTagsFromResource.");
	if (r == 0)
		r = find_or_begin(c, in, &p);
	if (r == 0 && p.version > 0)
		r = read_before(c, &p, &before);
	if (r == 0)
		r = make_next(c, in, before, &p, &n);
	if (r == 0)
		r = write_version(c, in, &p, &n);
	if (r == 0 && in->tags.n > 0)
		r = ssm_put_tags(c, &p, &in->tags);
	return r;
}
