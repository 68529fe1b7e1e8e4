/* SPDX-License-Identifier: Apache-2.0 */
/*
 * VPCs: CreateVpc, DescribeVpcs, DeleteVpc, their attributes, CreateDefaultVpc. A VPC is `pending`
 * until the Engine has its network. Read by ec2.c; the network itself is vpc_network.c's.
 */
#include "daemon/services/ec2.h"

#include "daemon/config.h"
#include "daemon/fleet.h"
#include "daemon/vpc/plan.h"

#include <stdio.h>
#include <string.h>

#define NETWORK_TAG "localemu:network-cidr" /* the range in the place of the VPC's own */

static const char *const tenancy_names[] = { NULL, "default", "dedicated", "host", NULL };

struct create_vpc_in {
	const char *cidr;
	int tenancy;
	enum tri ipv6;
	struct ec2_tag_specs tag_specs;
	enum tri dry_run;
};
struct vpc_id_in {
	const char *vpc;
	enum tri dry_run;
};
struct modify_in {
	const char *vpc;
	struct ec2_bool_value *hostnames;
	struct ec2_bool_value *support;
	struct ec2_bool_value *metrics;
};
struct attribute_in {
	const char *vpc;
	const char *attribute;
	enum tri dry_run;
};

static int create_vpc(struct call *c);
static int create_default_vpc(struct call *c);
static int describe_vpcs(struct call *c);
static int delete_vpc(struct call *c);
static int modify_vpc_attribute(struct call *c);
static int describe_vpc_attribute(struct call *c);
static int dress(struct call *c, const struct store_ec2 *row, struct json_object *doc);

/* clang-format off */
static const struct schema_field create_fields[] = {
	F_STR(struct create_vpc_in, cidr, "CidrBlock"),
	F_ENUM(struct create_vpc_in, tenancy, "InstanceTenancy", tenancy_names),
	F_BOOL(struct create_vpc_in, ipv6, "AmazonProvidedIpv6CidrBlock"),
	F_EC2_TAG_SPECS(struct create_vpc_in),
	F_EC2_DRY_RUN(struct create_vpc_in),
};
static const struct schema create_schema = SCHEMA(struct create_vpc_in, create_fields, "CreateVpcRequest");

static const struct schema_field default_fields[] = {
	F_EC2_DRY_RUN(struct vpc_id_in),
};
static const struct schema default_schema = SCHEMA(struct vpc_id_in, default_fields, "CreateDefaultVpcRequest");

static const struct schema_field describe_fields[] = { EC2_DESCRIBE_FIELDS("VpcId") };
static const struct schema describe_schema = SCHEMA(struct ec2_describe_in, describe_fields, "DescribeVpcsRequest");

static const struct schema_field delete_fields[] = {
	F_STR(struct vpc_id_in, vpc, "VpcId"),
	F_EC2_DRY_RUN(struct vpc_id_in),
};
static const struct schema delete_schema = SCHEMA(struct vpc_id_in, delete_fields, "DeleteVpcRequest");

static const struct schema_field modify_fields[] = {
	F_STR(struct modify_in, vpc, "VpcId"),
	F_STRUCT(struct modify_in, hostnames, "EnableDnsHostnames", struct ec2_bool_value, &ec2_bool_value_schema),
	F_STRUCT(struct modify_in, support, "EnableDnsSupport", struct ec2_bool_value, &ec2_bool_value_schema),
	F_STRUCT(struct modify_in, metrics, "EnableNetworkAddressUsageMetrics", struct ec2_bool_value, &ec2_bool_value_schema),
};
static const struct schema modify_schema = SCHEMA(struct modify_in, modify_fields, "ModifyVpcAttributeRequest");

static const struct schema_field attribute_fields[] = {
	F_STR(struct attribute_in, vpc, "VpcId"),
	F_STR(struct attribute_in, attribute, "Attribute"),
	F_EC2_DRY_RUN(struct attribute_in),
};
static const struct schema attribute_schema = SCHEMA(struct attribute_in, attribute_fields, "DescribeVpcAttributeRequest");

static const struct op ops[] = {
	{ .name = "CreateVpc",            .run = create_vpc,             .flags = OP_WRITE, .input = &create_schema },
	{ .name = "CreateDefaultVpc",     .run = create_default_vpc,     .flags = OP_WRITE, .input = &default_schema },
	{ .name = "DescribeVpcs",         .run = describe_vpcs,          .flags = OP_WRITE, .input = &describe_schema },
	{ .name = "DeleteVpc",            .run = delete_vpc,             .flags = OP_WRITE, .input = &delete_schema },
	{ .name = "ModifyVpcAttribute",   .run = modify_vpc_attribute,   .flags = OP_WRITE, .input = &modify_schema },
	{ .name = "DescribeVpcAttribute", .run = describe_vpc_attribute, .flags = OP_WRITE, .input = &attribute_schema },
};
const struct op_table ec2_vpc_ops = { ops, ARRAY_SIZE(ops) };

static const struct ec2_filter filters[] = {
	{ "cidr",                                   "cidrBlock" },
	{ "cidr-block",                             "cidrBlock" },
	{ "cidrBlock",                              "cidrBlock" },
	{ "cidr-block-association.association-id",  "cidrBlockAssociationSet.associationId" },
	{ "cidr-block-association.cidr-block",      "cidrBlockAssociationSet.cidrBlock" },
	{ "cidr-block-association.state",           "cidrBlockAssociationSet.cidrBlockState.state" },
	{ "dhcp-options-id",                        "dhcpOptionsId" },
	{ "is-default",                             "isDefault" },
	{ "isDefault",                              "isDefault" },
	{ "owner-id",                               "ownerId" },
	{ "state",                                  "state" },
	{ "vpc-id",                                 "vpcId" },
};
const struct ec2_view ec2_vpc_view = {
	.kind = EC2_VPC, .set = "vpcSet", .id_key = "vpcId", .noun = "vpc ID", .not_found = "InvalidVpcID.NotFound",
	.malformed = "InvalidVpcID.Malformed", .prefix = "vpc-", .filters = filters, .n_filters = ARRAY_SIZE(filters),
	.dress = dress,
};
/* clang-format on */

/* What the network of the VPC adds: it is waited for, or it has another range. */
static int
dress(struct call *c, const struct store_ec2 *row, struct json_object *doc)
{
	struct json_object *tags, *tag;
	struct store_vpc_network n;
	int r = store_vpc_network_get(c->store, row->id, &n, &c->err);

	if (r <= 0)
		return r;
	if (!n.ready && !json_get_bool(doc, "isDefault", false))
		json_add_str(doc, "state", "pending");
	if (streq(n.engine_cidr, n.cidr))
		return 0;
	r = ec2_tag_set(c, row->id, &tags);
	if (r < 0)
		return r;
	tag = json_object_new_object();
	json_add_str(tag, "key", NETWORK_TAG);
	json_add_str(tag, "value", n.engine_cidr);
	json_object_array_add(tags, tag);
	json_add(doc, "tagSet", tags);
	return 0;
}

int
ec2_network_wanted(struct call *c, const char *vpc, const struct cidr *cidr)
{
	struct store_vpc_network n;
	char text[CIDR_TEXT_MAX];
	int r;

	if (fleet_runner(c->fleet) != RUNNER_SHIM)
		return 0;
	r = vpc_plan_network(c->store, &c->scope, vpc, cidr_print(cidr, text), &n, &c->err);
	call_wish_networks(c);
	return r < 0 ? r : 0;
}

int
ec2_network_unwanted(struct call *c, const char *vpc)
{
	call_wish_networks(c);
	return store_vpc_network_delete(c->store, vpc, &c->err);
}

/* Adds the VPC to the reply as "vpc". */
static int
answer_vpc(struct call *c, const char *id)
{
	_cleanup_resource_ struct vpc_resource vpc = { 0 };
	struct json_object *doc = NULL;
	int r = ec2_get(c, &ec2_vpc_view, id, &vpc);

	if (r == 0)
		r = ec2_print(c, &ec2_vpc_view, &vpc.row, &doc);
	if (r == 0)
		json_add(c->out, "vpc", doc);
	return r;
}

static int
create_vpc(struct call *c)
{
	const struct create_vpc_in *in = c->args;
	char id[EC2_ID_MAX] = "";
	struct cidr cidr;
	int r = ec2_begin(c);

	if (r == 0)
		r = ec2_require(c, in->cidr, "cidrBlock");
	if (r < 0)
		return r;
	if (in->ipv6 == TRI_TRUE)
		return err_set_code(&c->err, 400, "UnsupportedOperation",
		    "IPv6 ranges are not available in localemu-ecs.");
	if (cidr_parse(in->cidr, &cidr) < 0)
		return err_set_code(&c->err, 400, "InvalidParameterValue",
		    "Value (%.64s) for parameter cidrBlock is invalid. This is not a valid CIDR "
		    "block.",
		    in->cidr);
	if (cidr.prefix < 16 || cidr.prefix > 28)
		return err_set_code(
		    &c->err, 400, "InvalidVpc.Range", "The CIDR '%.64s' is invalid.", in->cidr);
	r = vpc_make(c->store, &c->scope, &cidr,
	    in->tenancy != 0 ? tenancy_names[in->tenancy] : "default", id, &c->err);
	if (r == 0)
		r = ec2_tag_new(c, &in->tag_specs, "vpc", id);
	if (r == 0)
		r = ec2_network_wanted(c, id, &cidr);
	if (r == 0)
		r = answer_vpc(c, id);
	return r < 0 ? r : ec2_end(c, in->dry_run);
}

static int
create_default_vpc(struct call *c)
{
	const struct vpc_id_in *in = c->args;
	char id[EC2_ID_MAX] = "";
	int r = vpc_default(c->store, &c->scope, c->config->owner, id, &c->err);

	if (r > 0)
		return err_set_code(&c->err, 400, "DefaultVpcAlreadyExists",
		    "A Default VPC already exists for this account in this region.");
	if (r == 0)
		r = vpc_default_again(c->store, &c->scope, id, &c->err);
	if (r == 0)
		r = answer_vpc(c, id);
	return r < 0 ? r : ec2_end(c, in->dry_run);
}

static int
describe_vpcs(struct call *c)
{
	return ec2_describe(c, &ec2_vpc_view);
}

/* --- DeleteVpc --- */

struct parts {
	struct call *c;
	const char *vpc;
	bool in_use;
	int r;
};

static int
delete_rule(const struct store_ec2 *row, void *arg)
{
	struct parts *p = arg;

	p->r = store_ec2_delete(
	    p->c->store, &p->c->scope, EC2_SECURITY_GROUP_RULE, row->id, &p->c->err);
	return p->r < 0;
}

/* The parts that came with the VPC go with it; any other of the kind keeps it. */
static int
delete_part(const struct store_ec2 *row, void *arg)
{
	struct parts *p = arg;
	_cleanup_json_ struct json_object *doc = NULL;
	struct json_object *associations;
	bool own = true;

	if (json_parse(row->doc, strlen(row->doc), &doc, &p->c->err) < 0)
		return 1;
	if (row->kind == EC2_SECURITY_GROUP)
		own = streq(json_get_str(doc, "groupName"), "default");
	associations = json_get(doc, "associationSet");
	if (row->kind == EC2_ROUTE_TABLE)
		own = associations != NULL && json_object_array_length(associations) > 0 &&
		      json_get_bool(json_object_array_get_idx(associations, 0), "main", false);
	if (!own) {
		p->in_use = true;
		return 1;
	}
	if (row->kind == EC2_SECURITY_GROUP)
		p->r = store_ec2_list(p->c->store, &p->c->scope, EC2_SECURITY_GROUP_RULE, NULL,
		    row->id, delete_rule, p, &p->c->err);
	if (p->r == 0)
		p->r = store_ec2_delete(p->c->store, &p->c->scope, row->kind, row->id, &p->c->err);
	return p->r < 0;
}

static int
delete_parts(struct parts *p)
{
	static const enum ec2_kind blocking[] = { EC2_SUBNET, EC2_NETWORK_INTERFACE,
		EC2_INTERNET_GATEWAY };
	static const enum ec2_kind own[] = { EC2_SECURITY_GROUP, EC2_ROUTE_TABLE, EC2_NETWORK_ACL };
	struct call *c = p->c;
	int64_t n;
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(blocking); i++) {
		r = store_ec2_count(c->store, &c->scope, blocking[i], p->vpc, NULL, &n, &c->err);
		p->in_use = p->in_use || (r == 0 && n > 0);
	}
	for (size_t i = 0; r == 0 && !p->in_use && i < ARRAY_SIZE(own); i++) {
		r = store_ec2_list(
		    c->store, &c->scope, own[i], p->vpc, NULL, delete_part, p, &c->err);
		if (r == 0)
			r = p->r;
	}
	if (r == 0 && p->in_use)
		return err_set_code(&c->err, 400, "DependencyViolation",
		    "The vpc '%s' has dependencies and cannot be deleted.", p->vpc);
	return r;
}

static int
delete_vpc(struct call *c)
{
	const struct vpc_id_in *in = c->args;
	_cleanup_resource_ struct vpc_resource vpc = { 0 };
	struct parts parts = { .c = c, .vpc = in->vpc };
	int r = ec2_begin(c);

	if (r == 0)
		r = ec2_require(c, in->vpc, "vpcId");
	if (r == 0)
		r = ec2_get(c, &ec2_vpc_view, in->vpc, &vpc);
	if (r == 0)
		r = delete_parts(&parts);
	if (r == 0)
		r = store_ec2_delete(c->store, &c->scope, EC2_VPC, in->vpc, &c->err);
	if (r == 0)
		r = ec2_network_unwanted(c, in->vpc);
	if (r == 0 && json_get_bool(vpc.doc, "isDefault", false))
		r = vpc_default_gone(c->store, &c->scope, &c->err);
	return r < 0 ? r : ec2_end_return(c, in->dry_run);
}

/* --- attributes --- */

static int
modify_vpc_attribute(struct call *c)
{
	const struct modify_in *in = c->args;
	_cleanup_resource_ struct vpc_resource vpc = { 0 };
	const struct {
		const char *name;
		const struct ec2_bool_value *value;
	} given[] = { { "enableDnsHostnames", in->hostnames }, { "enableDnsSupport", in->support },
		{ "enableNetworkAddressUsageMetrics", in->metrics } };
	size_t n = 0;
	int r = ec2_begin(c);

	if (r == 0)
		r = ec2_require(c, in->vpc, "vpcId");
	if (r == 0)
		r = ec2_get(c, &ec2_vpc_view, in->vpc, &vpc);
	if (r < 0)
		return r;
	for (size_t i = 0; i < ARRAY_SIZE(given); i++) {
		if (given[i].value == NULL)
			continue;
		json_add_bool(json_get(vpc.doc, "_attributes"), given[i].name,
		    given[i].value->value == TRI_TRUE);
		n++;
	}
	if (n != 1)
		return err_set_code(&c->err, 400,
		    n == 0 ? "MissingParameter" : "InvalidParameterCombination",
		    n == 0 ? "The request must contain exactly one attribute."
			   : "Fields for multiple attribute types specified");
	r = vpc_resource_put(c->store, &c->scope, &vpc, &c->err);
	return r < 0 ? r : ec2_end_return(c, TRI_UNSET);
}

static int
describe_vpc_attribute(struct call *c)
{
	static const char *const known[] = { "enableDnsSupport", "enableDnsHostnames",
		"enableNetworkAddressUsageMetrics" };
	const struct attribute_in *in = c->args;
	_cleanup_resource_ struct vpc_resource vpc = { 0 };
	struct json_object *o;
	int r = ec2_begin(c);

	if (r == 0)
		r = ec2_require(c, in->vpc, "vpcId");
	if (r == 0)
		r = ec2_require(c, in->attribute, "attribute");
	if (r == 0)
		r = ec2_get(c, &ec2_vpc_view, in->vpc, &vpc);
	if (r < 0)
		return r;
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (streq(in->attribute, known[i])) {
			json_add_str(c->out, "vpcId", in->vpc);
			o = json_object_new_object();
			json_add_bool(o, "value",
			    json_get_bool(json_get(vpc.doc, "_attributes"), known[i], false));
			json_add(c->out, known[i], o);
			return ec2_end(c, in->dry_run);
		}
	return err_set_code(&c->err, 400, "InvalidParameterValue",
	    "Value (%.64s) for parameter attribute is invalid. Unknown attribute.", in->attribute);
}
