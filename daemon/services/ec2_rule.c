/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules of security groups: authorize, revoke, describe, and change their descriptions. Each
 * protocol, port range and peer of a request is one rule. Read by ec2.c.
 */
#include "daemon/services/ec2_rule.h"

#include <string.h>

static int authorize_ingress(struct call *c);
static int authorize_egress(struct call *c);
static int revoke_ingress(struct call *c);
static int revoke_egress(struct call *c);
static int update_ingress(struct call *c);
static int update_egress(struct call *c);
static int describe_rules(struct call *c);

/* clang-format off */
static const struct schema_field describe_fields[] = { EC2_DESCRIBE_FIELDS("SecurityGroupRuleId") };
static const struct schema describe_schema =
	SCHEMA(struct ec2_describe_in, describe_fields, "DescribeSecurityGroupRulesRequest");

static const struct op ops[] = {
	{ .name = "AuthorizeSecurityGroupIngress", .run = authorize_ingress, .flags = OP_WRITE, .input = &ec2_authorize_ingress_schema },
	{ .name = "AuthorizeSecurityGroupEgress",  .run = authorize_egress,  .flags = OP_WRITE, .input = &ec2_authorize_egress_schema },
	{ .name = "RevokeSecurityGroupIngress",    .run = revoke_ingress,    .flags = OP_WRITE, .input = &ec2_revoke_ingress_schema },
	{ .name = "RevokeSecurityGroupEgress",     .run = revoke_egress,     .flags = OP_WRITE, .input = &ec2_revoke_egress_schema },
	{ .name = "UpdateSecurityGroupRuleDescriptionsIngress", .run = update_ingress, .flags = OP_WRITE, .input = &ec2_update_ingress_schema },
	{ .name = "UpdateSecurityGroupRuleDescriptionsEgress",  .run = update_egress,  .flags = OP_WRITE, .input = &ec2_update_egress_schema },
	{ .name = "DescribeSecurityGroupRules",    .run = describe_rules,    .flags = OP_WRITE, .input = &describe_schema },
};
const struct op_table ec2_rule_ops = { ops, ARRAY_SIZE(ops) };

static const struct ec2_filter filters[] = {
	{ "group-id",               "groupId" },
	{ "security-group-rule-id", "securityGroupRuleId" },
};
const struct ec2_view ec2_rule_view = {
	.kind = EC2_SECURITY_GROUP_RULE, .set = "securityGroupRuleSet", .id_key = "securityGroupRuleId",
	.noun = "security group rule ID", .not_found = "InvalidSecurityGroupRuleId.NotFound", .filters = filters,
	.n_filters = ARRAY_SIZE(filters),
};

/* clang-format on */

/* --- the same rule --- */

struct rule_search {
	struct json_object *rule;
	bool egress;
	char id[EC2_ID_MAX];
	struct json_object *doc; /* of the row that was found */
};

static int
look_for_rule(const struct store_ec2 *row, void *arg)
{
	static const char *const same[] = { "ipProtocol", "cidrIpv4", "cidrIpv6", "prefixListId" };
	struct rule_search *f = arg;
	struct json_object *doc = NULL;
	bool equal;

	if (json_parse(row->doc, strlen(row->doc), &doc, NULL) < 0)
		return 0;
	equal = json_get_bool(doc, "isEgress", false) == f->egress &&
		json_get_int(doc, "fromPort", -1) == json_get_int(f->rule, "fromPort", -1) &&
		json_get_int(doc, "toPort", -1) == json_get_int(f->rule, "toPort", -1) &&
		streq(json_get_str(json_get(doc, "referencedGroupInfo"), "groupId"),
		    json_get_str(json_get(f->rule, "referencedGroupInfo"), "groupId"));
	for (size_t i = 0; equal && i < ARRAY_SIZE(same); i++)
		equal = streq(json_get_str(doc, same[i]), json_get_str(f->rule, same[i]));
	if (!equal) {
		json_object_put(doc);
		return 0;
	}
	f->doc = doc;
	memcpy(f->id, row->id, sizeof(f->id));
	return 1;
}

/* 1 and the rule's document (the caller's) in f, 0, negative. */
static int
find_rule(struct call *c, const char *group, struct rule_search *f)
{
	int r = store_ec2_list(
	    c->store, &c->scope, EC2_SECURITY_GROUP_RULE, NULL, group, look_for_rule, f, &c->err);

	return r < 0 ? r : f->doc != NULL;
}

static const char *
peer_text(struct json_object *rule)
{
	static const char *const keys[] = { "cidrIpv4", "cidrIpv6", "prefixListId" };

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (json_get(rule, keys[i]) != NULL)
			return json_get_str(rule, keys[i]);
	return json_get_str(json_get(rule, "referencedGroupInfo"), "groupId");
}

static int
authorize_one(struct call *c, const char *group, bool egress, struct json_object *rule,
    const struct ec2_tag_specs *tags, struct json_object *out)
{
	_cleanup_resource_ struct vpc_resource made = { 0 };
	struct rule_search f = { rule, egress, "", NULL };
	struct json_object *doc = NULL;
	char id[EC2_ID_MAX];
	int r = find_rule(c, group, &f);

	json_object_put(f.doc);
	if (r < 0)
		return r;
	if (r > 0)
		return err_set_code(&c->err, 400, "InvalidPermission.Duplicate",
		    "the specified rule \"peer: %s, %s, from port: %lld, to port: %lld, ALLOW\" "
		    "already exists",
		    peer_text(rule), json_get_str(rule, "ipProtocol"),
		    (long long)json_get_int(rule, "fromPort", -1),
		    (long long)json_get_int(rule, "toPort", -1));
	r = vpc_make_rule(c->store, &c->scope, group, egress, json_object_get(rule), id, &c->err);
	if (r == 0)
		r = ec2_tag_new(c, tags, "security-group-rule", id);
	if (r == 0)
		r = ec2_get(c, &ec2_rule_view, id, &made);
	if (r == 0)
		r = ec2_print(c, &ec2_rule_view, &made.row, &doc);
	if (r == 0)
		json_object_array_add(out, doc);
	return r;
}

static int
authorize(struct call *c, bool egress)
{
	const struct rules_in *in = c->args;
	_cleanup_json_ struct json_object *list = json_object_new_array();
	struct json_object *out = json_object_new_array();
	char group[EC2_ID_MAX] = "";
	int r = ec2_begin(c);

	json_add_bool(c->out, "return", true);
	json_add(c->out, "securityGroupRuleSet", out);
	if (r == 0)
		r = ec2_rule_group(c, in->group, in->group_name, group);
	if (r == 0)
		r = ec2_rule_list(c, in, list);
	for (size_t i = 0; r == 0 && i < json_object_array_length(list); i++)
		r = authorize_one(
		    c, group, egress, json_object_array_get_idx(list, i), &in->tag_specs, out);
	call_wish_networks(c);
	return r < 0 ? r : ec2_end(c, in->dry_run);
}

static int
authorize_ingress(struct call *c)
{
	return authorize(c, false);
}

static int
authorize_egress(struct call *c)
{
	return authorize(c, true);
}

/* --- revoke --- */

static int
revoke_one(struct call *c, const char *id, struct json_object *doc, struct json_object *out)
{
	json_object_object_del(doc, "groupOwnerId");
	json_object_object_del(doc, "securityGroupRuleArn");
	json_add_str(doc, "referencedGroupId",
	    json_get_str(json_get(doc, "referencedGroupInfo"), "groupId"));
	json_object_object_del(doc, "referencedGroupInfo");
	json_object_array_add(out, json_object_get(doc));
	return store_ec2_delete(c->store, &c->scope, EC2_SECURITY_GROUP_RULE, id, &c->err);
}

static int
revoke_by_id(
    struct call *c, const char *group, bool egress, const char *id, struct json_object *out)
{
	_cleanup_resource_ struct vpc_resource rule = { 0 };
	int r = ec2_get(c, &ec2_rule_view, id, &rule);

	if (r < 0)
		return r;
	if (!streq(rule.row.parent, group) || json_get_bool(rule.doc, "isEgress", false) != egress)
		return err_set_code(&c->err, 400, "InvalidSecurityGroupRuleId.NotFound",
		    "The security group rule ID '%s' does not exist", id);
	return revoke_one(c, id, rule.doc, out);
}

static int
revoke_by_content(struct call *c, const char *group, bool egress, struct json_object *rule,
    struct json_object *out)
{
	struct rule_search f = { rule, egress, "", NULL };
	int r = find_rule(c, group, &f);

	if (r == 0)
		return err_set_code(&c->err, 400, "InvalidPermission.NotFound",
		    "The specified rule does not exist in this security group.");
	if (r > 0)
		r = revoke_one(c, f.id, f.doc, out);
	json_object_put(f.doc);
	return r;
}

static int
revoke_rules(struct call *c, bool egress)
{
	const struct rules_in *in = c->args;
	_cleanup_json_ struct json_object *list = json_object_new_array();
	struct json_object *out = json_object_new_array();
	char group[EC2_ID_MAX] = "";
	int r = ec2_begin(c);

	json_add_bool(c->out, "return", true);
	json_add(c->out, "revokedSecurityGroupRuleSet", out);
	if (r == 0)
		r = ec2_rule_group(c, in->group, in->group_name, group);
	for (size_t i = 0; r == 0 && i < in->ids.n; i++)
		r = revoke_by_id(c, group, egress, in->ids.v[i], out);
	if (r == 0 && in->ids.n == 0)
		r = ec2_rule_list(c, in, list);
	for (size_t i = 0; r == 0 && i < json_object_array_length(list); i++)
		r = revoke_by_content(c, group, egress, json_object_array_get_idx(list, i), out);
	call_wish_networks(c);
	return r < 0 ? r : ec2_end(c, in->dry_run);
}

static int
revoke_ingress(struct call *c)
{
	return revoke_rules(c, false);
}

static int
revoke_egress(struct call *c)
{
	return revoke_rules(c, true);
}

/* --- descriptions --- */

static int
describe_rule(struct call *c, const char *id, const char *description)
{
	_cleanup_resource_ struct vpc_resource rule = { 0 };
	int r = ec2_get(c, &ec2_rule_view, id, &rule);

	if (r < 0)
		return r;
	json_object_object_del(rule.doc, "description");
	json_add_str(rule.doc, "description", description);
	return vpc_resource_put(c->store, &c->scope, &rule, &c->err);
}

static int
update(struct call *c, bool egress)
{
	const struct rules_in *in = c->args;
	_cleanup_json_ struct json_object *list = json_object_new_array();
	char group[EC2_ID_MAX] = "";
	int r = ec2_begin(c);

	if (r == 0)
		r = ec2_rule_group(c, in->group, in->group_name, group);
	for (size_t i = 0; r == 0 && i < in->descriptions.n; i++) {
		r = ec2_require(c, in->descriptions.v[i].rule, "securityGroupRuleId");
		if (r == 0)
			r = describe_rule(
			    c, in->descriptions.v[i].rule, in->descriptions.v[i].description);
	}
	if (r == 0 && in->descriptions.n == 0)
		r = ec2_rule_list(c, in, list);
	for (size_t i = 0; r == 0 && i < json_object_array_length(list); i++) {
		struct json_object *rule = json_object_array_get_idx(list, i);
		struct rule_search f = { rule, egress, "", NULL };

		r = find_rule(c, group, &f);
		if (r == 0)
			return err_set_code(&c->err, 400, "InvalidPermission.NotFound",
			    "The specified rule does not exist in this security group.");
		json_object_put(f.doc);
		if (r > 0)
			r = describe_rule(c, f.id, json_get_str(rule, "description"));
	}
	return r < 0 ? r : ec2_end_return(c, in->dry_run);
}

static int
update_ingress(struct call *c)
{
	return update(c, false);
}

static int
update_egress(struct call *c)
{
	return update(c, true);
}

static int
describe_rules(struct call *c)
{
	return ec2_describe(c, &ec2_rule_view);
}
