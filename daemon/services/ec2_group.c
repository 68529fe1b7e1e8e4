/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Security groups: CreateSecurityGroup, DescribeSecurityGroups, DeleteSecurityGroup. Their rules
 * are rows of their own (ec2_rule.c); a group's permissions are put together from them. Read by
 * ec2.c.
 */
#include "daemon/services/ec2.h"

#include "daemon/config.h"

#include <string.h>

struct create_in {
	const char *name;
	const char *description;
	const char *vpc;
	struct ec2_tag_specs tag_specs;
	enum tri dry_run;
};
struct delete_in {
	const char *id;
	const char *name;
	enum tri dry_run;
};

static int create_security_group(struct call *c);
static int describe_security_groups(struct call *c);
static int delete_security_group(struct call *c);
static int dress(struct call *c, const struct store_ec2 *row, struct json_object *doc);

/* clang-format off */
static const struct schema_field create_fields[] = {
	F_STR(struct create_in, name, "GroupName"),
	F_STR(struct create_in, description, "GroupDescription"),
	F_STR(struct create_in, vpc, "VpcId"),
	F_EC2_TAG_SPECS(struct create_in),
	F_EC2_DRY_RUN(struct create_in),
};
static const struct schema create_schema = SCHEMA(struct create_in, create_fields, "CreateSecurityGroupRequest");

static const struct schema_field describe_fields[] = {
	EC2_DESCRIBE_FIELDS("GroupId"),
	F_STRS(struct ec2_describe_in, names, "GroupName", .max_len = 1000),
};
static const struct schema describe_schema = SCHEMA(struct ec2_describe_in, describe_fields, "DescribeSecurityGroupsRequest");

static const struct schema_field delete_fields[] = {
	F_STR(struct delete_in, id, "GroupId"),
	F_STR(struct delete_in, name, "GroupName"),
	F_EC2_DRY_RUN(struct delete_in),
};
static const struct schema delete_schema = SCHEMA(struct delete_in, delete_fields, "DeleteSecurityGroupRequest");

static const struct op ops[] = {
	{ .name = "CreateSecurityGroup",    .run = create_security_group,    .flags = OP_WRITE, .input = &create_schema },
	{ .name = "DescribeSecurityGroups", .run = describe_security_groups, .flags = OP_WRITE, .input = &describe_schema },
	{ .name = "DeleteSecurityGroup",    .run = delete_security_group,    .flags = OP_WRITE, .input = &delete_schema },
};
const struct op_table ec2_group_ops = { ops, ARRAY_SIZE(ops) };

static const struct ec2_filter filters[] = {
	{ "description",                     "groupDescription" },
	{ "egress.ip-permission.cidr",       "ipPermissionsEgress.ipRanges.cidrIp" },
	{ "egress.ip-permission.from-port",  "ipPermissionsEgress.fromPort" },
	{ "egress.ip-permission.group-id",   "ipPermissionsEgress.groups.groupId" },
	{ "egress.ip-permission.group-name", "ipPermissionsEgress.groups.groupName" },
	{ "egress.ip-permission.ipv6-cidr",  "ipPermissionsEgress.ipv6Ranges.cidrIpv6" },
	{ "egress.ip-permission.protocol",   "ipPermissionsEgress.ipProtocol" },
	{ "egress.ip-permission.to-port",    "ipPermissionsEgress.toPort" },
	{ "egress.ip-permission.user-id",    "ipPermissionsEgress.groups.userId" },
	{ "group-id",                        "groupId" },
	{ "group-name",                      "groupName" },
	{ "ip-permission.cidr",              "ipPermissions.ipRanges.cidrIp" },
	{ "ip-permission.from-port",         "ipPermissions.fromPort" },
	{ "ip-permission.group-id",          "ipPermissions.groups.groupId" },
	{ "ip-permission.group-name",        "ipPermissions.groups.groupName" },
	{ "ip-permission.ipv6-cidr",         "ipPermissions.ipv6Ranges.cidrIpv6" },
	{ "ip-permission.protocol",          "ipPermissions.ipProtocol" },
	{ "ip-permission.to-port",           "ipPermissions.toPort" },
	{ "ip-permission.user-id",           "ipPermissions.groups.userId" },
	{ "owner-id",                        "ownerId" },
	{ "vpc-id",                          "vpcId" },
};
const struct ec2_view ec2_group_view = {
	.kind = EC2_SECURITY_GROUP, .set = "securityGroupInfo", .id_key = "groupId", .noun = "security group",
	.not_found = "InvalidGroup.NotFound", .malformed = "InvalidGroupId.Malformed", .prefix = "sg-",
	.filters = filters, .n_filters = ARRAY_SIZE(filters), .dress = dress,
};

/* Where a rule's peer goes in a permission. */
static const struct {
	const char *in_rule, *list, *in_list;
} peers[] = {
	{ "cidrIpv4",     "ipRanges",      "cidrIp" },
	{ "cidrIpv6",     "ipv6Ranges",    "cidrIpv6" },
	{ "prefixListId", "prefixListIds", "prefixListId" },
};
/* clang-format on */

/* The permission of a protocol and ports: one for all rules that have the same. */
static struct json_object *
permission_of(struct json_object *permissions, struct json_object *rule)
{
	const char *protocol = json_get_str(rule, "ipProtocol");
	int64_t from = json_get_int(rule, "fromPort", -1), to = json_get_int(rule, "toPort", -1);
	struct json_object *o;

	for (size_t i = 0; i < json_object_array_length(permissions); i++) {
		o = json_object_array_get_idx(permissions, i);
		if (streq(json_get_str(o, "ipProtocol"), protocol) &&
		    json_get_int(o, "fromPort", -1) == from && json_get_int(o, "toPort", -1) == to)
			return o;
	}
	o = json_object_new_object();
	json_add_str(o, "ipProtocol", protocol);
	if (!streq(protocol, "-1")) {
		json_add_int(o, "fromPort", from);
		json_add_int(o, "toPort", to);
	}
	json_add(o, "groups", json_object_new_array());
	for (size_t i = 0; i < ARRAY_SIZE(peers); i++)
		json_add(o, peers[i].list, json_object_new_array());
	json_object_array_add(permissions, o);
	return o;
}

static int
add_rule(const struct store_ec2 *row, void *arg)
{
	_cleanup_json_ struct json_object *rule = NULL;
	struct json_object *group, *permission, *o, *doc = arg;

	if (json_parse(row->doc, strlen(row->doc), &rule, NULL) < 0)
		return 0;
	permission = permission_of(
	    json_get(doc,
		json_get_bool(rule, "isEgress", false) ? "ipPermissionsEgress" : "ipPermissions"),
	    rule);
	o = json_object_new_object();
	group = json_get(rule, "referencedGroupInfo");
	if (group != NULL) {
		json_add_str(o, "userId", json_get_str(group, "userId"));
		json_add_str(o, "groupId", json_get_str(group, "groupId"));
		json_object_array_add(json_get(permission, "groups"), json_object_get(o));
	}
	for (size_t i = 0; i < ARRAY_SIZE(peers); i++)
		if (json_get(rule, peers[i].in_rule) != NULL) {
			json_add_str(o, peers[i].in_list, json_get_str(rule, peers[i].in_rule));
			json_object_array_add(
			    json_get(permission, peers[i].list), json_object_get(o));
		}
	json_add_str(o, "description", json_get_str(rule, "description"));
	json_object_put(o);
	return 0;
}

static int
dress(struct call *c, const struct store_ec2 *row, struct json_object *doc)
{
	json_add(doc, "ipPermissions", json_object_new_array());
	json_add(doc, "ipPermissionsEgress", json_object_new_array());
	return store_ec2_list(
	    c->store, &c->scope, EC2_SECURITY_GROUP_RULE, NULL, row->id, add_rule, doc, &c->err);
}

struct name_search {
	const char *name;
	char id[EC2_ID_MAX];
};

static int
look_for_name(const struct store_ec2 *row, void *arg)
{
	_cleanup_json_ struct json_object *doc = NULL;
	struct name_search *f = arg;

	if (json_parse(row->doc, strlen(row->doc), &doc, NULL) < 0 ||
	    !streq(json_get_str(doc, "groupName"), f->name))
		return 0;
	memcpy(f->id, row->id, sizeof(f->id));
	return 1;
}

static int
check_name(struct call *c, const struct create_in *in, const char *vpc)
{
	struct name_search f = { in->name, "" };
	int r;

	if (strlen(in->name) > 255 || has_prefix(in->name, "sg-"))
		return err_set_code(&c->err, 400, "InvalidParameterValue",
		    "Value (%.300s) for parameter groupName is invalid. Character sets beyond "
		    "ASCII "
		    "are not supported, and names may not begin with sg-.",
		    in->name);
	r = store_ec2_list(
	    c->store, &c->scope, EC2_SECURITY_GROUP, vpc, NULL, look_for_name, &f, &c->err);
	if (r == 0 && f.id[0] != '\0')
		return err_set_code(&c->err, 400, "InvalidGroup.Duplicate",
		    "The security group '%s' already exists for VPC '%s'", in->name, vpc);
	return r;
}

/* VpcId may be left out where there is a default VPC. */
static int
choose_vpc(struct call *c, const char *given, char ret_id[static EC2_ID_MAX])
{
	_cleanup_resource_ struct vpc_resource vpc = { 0 };
	int r;

	if (given == NULL) {
		r = vpc_default(c->store, &c->scope, c->config->owner, ret_id, &c->err);
		if (r == 0)
			return err_set_code(
			    &c->err, 400, "VPCIdNotSpecified", "No default VPC for this user");
		return r < 0 ? r : 0;
	}
	r = ec2_get(c, &ec2_vpc_view, given, &vpc);
	if (r == 0)
		memcpy(ret_id, vpc.row.id, EC2_ID_MAX);
	return r;
}

static int
create_security_group(struct call *c)
{
	const struct create_in *in = c->args;
	_cleanup_resource_ struct vpc_resource group = { 0 };
	char vpc[EC2_ID_MAX] = "", id[EC2_ID_MAX] = "";
	struct json_object *tags = NULL;
	int r = ec2_begin(c);

	if (r == 0)
		r = ec2_require(c, in->name, "groupName");
	if (r == 0)
		r = ec2_require(c, in->description, "groupDescription");
	if (r == 0)
		r = choose_vpc(c, in->vpc, vpc);
	if (r == 0)
		r = check_name(c, in, vpc);
	if (r == 0)
		r = vpc_make_group(
		    c->store, &c->scope, vpc, in->name, in->description, id, &c->err);
	if (r == 0)
		r = ec2_tag_new(c, &in->tag_specs, "security-group", id);
	if (r == 0)
		r = ec2_get(c, &ec2_group_view, id, &group);
	if (r == 0)
		r = ec2_tag_set(c, id, &tags);
	if (r < 0)
		return r;
	json_add_bool(c->out, "return", true);
	json_add_str(c->out, "groupId", id);
	json_add(c->out, "tagSet", tags);
	json_add_str(c->out, "securityGroupArn", json_get_str(group.doc, "securityGroupArn"));
	return ec2_end(c, in->dry_run);
}

static int
describe_security_groups(struct call *c)
{
	return ec2_describe(c, &ec2_group_view);
}

/* --- DeleteSecurityGroup --- */

struct use {
	struct call *c;
	const char *id;
	bool found;
	int r;
};

/* An interface of the group, or a rule of another group that refers to it. */
static int
look_for_use(const struct store_ec2 *row, void *arg)
{
	_cleanup_json_ struct json_object *doc = NULL;
	struct use *u = arg;
	struct json_object *groups;

	if (json_parse(row->doc, strlen(row->doc), &doc, NULL) < 0)
		return 0;
	groups = json_get(doc, "groupSet");
	for (size_t i = 0; groups != NULL && i < json_object_array_length(groups); i++)
		if (streq(json_get_str(json_object_array_get_idx(groups, i), "groupId"), u->id))
			u->found = true;
	if (!streq(row->parent, u->id) &&
	    streq(json_get_str(json_get(doc, "referencedGroupInfo"), "groupId"), u->id))
		u->found = true;
	return u->found;
}

static int
delete_rule(const struct store_ec2 *row, void *arg)
{
	struct use *u = arg;

	u->r = store_ec2_delete(
	    u->c->store, &u->c->scope, EC2_SECURITY_GROUP_RULE, row->id, &u->c->err);
	return u->r < 0;
}

static int
delete_if_unused(struct call *c, const char *id)
{
	struct use u = { c, id, false, 0 };
	int r = store_ec2_list(
	    c->store, &c->scope, EC2_NETWORK_INTERFACE, NULL, NULL, look_for_use, &u, &c->err);

	if (r == 0)
		r = store_ec2_list(c->store, &c->scope, EC2_SECURITY_GROUP_RULE, NULL, NULL,
		    look_for_use, &u, &c->err);
	if (r == 0 && u.found)
		return err_set_code(
		    &c->err, 400, "DependencyViolation", "resource %s has a dependent object", id);
	if (r == 0)
		r = store_ec2_list(c->store, &c->scope, EC2_SECURITY_GROUP_RULE, NULL, id,
		    delete_rule, &u, &c->err);
	if (r == 0)
		r = u.r;
	return r < 0 ? r : store_ec2_delete(c->store, &c->scope, EC2_SECURITY_GROUP, id, &c->err);
}

static int
delete_security_group(struct call *c)
{
	const struct delete_in *in = c->args;
	_cleanup_resource_ struct vpc_resource group = { 0 };
	struct name_search f = { in->name, "" };
	char vpc[EC2_ID_MAX] = "";
	const char *id = in->id;
	int r = ec2_begin(c);

	if (r == 0 && id == NULL && in->name != NULL) {
		r = choose_vpc(c, NULL, vpc);
		if (r == 0)
			r = store_ec2_list(c->store, &c->scope, EC2_SECURITY_GROUP, vpc, NULL,
			    look_for_name, &f, &c->err);
		id = f.id[0] != '\0' ? f.id : in->name;
	}
	if (r == 0)
		r = ec2_require(c, id, "groupId");
	if (r == 0)
		r = ec2_get(c, &ec2_group_view, id, &group);
	if (r < 0)
		return r;
	if (streq(json_get_str(group.doc, "groupName"), "default"))
		return err_set_code(&c->err, 400, "CannotDelete",
		    "the specified group: \"%s\" name: \"default\" cannot be deleted by a user",
		    id);
	r = delete_if_unused(c, id);
	json_add_str(c->out, "groupId", id);
	return r < 0 ? r : ec2_end_return(c, in->dry_run);
}
