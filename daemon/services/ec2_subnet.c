/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Subnets: CreateSubnet, DescribeSubnets, DeleteSubnet, ModifySubnetAttribute, and the network ACLs
 * that subnets are associated with. Read by ec2.c.
 */
#include "daemon/services/ec2.h"

#include "daemon/vpc/interface.h"

#include <stdio.h>
#include <string.h>

struct create_subnet_in {
	const char *vpc;
	const char *cidr;
	const char *zone;
	const char *zone_id;
	struct ec2_tag_specs tag_specs;
	enum tri dry_run;
};
struct subnet_id_in {
	const char *subnet;
	enum tri dry_run;
};
struct modify_in {
	const char *subnet;
	struct ec2_bool_value *public_ip;
	struct ec2_bool_value *ipv6;
	struct ec2_bool_value *dns64;
	struct ec2_bool_value *a_record;
	struct ec2_bool_value *aaaa_record;
	const char *hostname_type;
};

static int create_subnet(struct call *c);
static int describe_subnets(struct call *c);
static int delete_subnet(struct call *c);
static int modify_subnet_attribute(struct call *c);
static int describe_network_acls(struct call *c);
static int dress(struct call *c, const struct store_ec2 *row, struct json_object *doc);
static int dress_acl(struct call *c, const struct store_ec2 *row, struct json_object *doc);

/* clang-format off */
static const struct schema_field create_fields[] = {
	F_STR(struct create_subnet_in, vpc, "VpcId"),
	F_STR(struct create_subnet_in, cidr, "CidrBlock"),
	F_STR(struct create_subnet_in, zone, "AvailabilityZone"),
	F_STR(struct create_subnet_in, zone_id, "AvailabilityZoneId"),
	F_EC2_TAG_SPECS(struct create_subnet_in),
	F_EC2_DRY_RUN(struct create_subnet_in),
};
static const struct schema create_schema = SCHEMA(struct create_subnet_in, create_fields, "CreateSubnetRequest");

static const struct schema_field describe_fields[] = { EC2_DESCRIBE_FIELDS("SubnetId") };
static const struct schema describe_schema = SCHEMA(struct ec2_describe_in, describe_fields, "DescribeSubnetsRequest");

static const struct schema_field describe_acl_fields[] = { EC2_DESCRIBE_FIELDS("NetworkAclId") };
static const struct schema describe_acl_schema =
	SCHEMA(struct ec2_describe_in, describe_acl_fields, "DescribeNetworkAclsRequest");

static const struct schema_field delete_fields[] = {
	F_STR(struct subnet_id_in, subnet, "SubnetId"),
	F_EC2_DRY_RUN(struct subnet_id_in),
};
static const struct schema delete_schema = SCHEMA(struct subnet_id_in, delete_fields, "DeleteSubnetRequest");

#define F_VALUE(m, n) F_STRUCT(struct modify_in, m, n, struct ec2_bool_value, &ec2_bool_value_schema)
static const struct schema_field modify_fields[] = {
	F_STR(struct modify_in, subnet, "SubnetId"),
	F_VALUE(public_ip, "MapPublicIpOnLaunch"),
	F_VALUE(ipv6, "AssignIpv6AddressOnCreation"),
	F_VALUE(dns64, "EnableDns64"),
	F_VALUE(a_record, "EnableResourceNameDnsARecordOnLaunch"),
	F_VALUE(aaaa_record, "EnableResourceNameDnsAAAARecordOnLaunch"),
	F_STR(struct modify_in, hostname_type, "PrivateDnsHostnameTypeOnLaunch"),
};
static const struct schema modify_schema = SCHEMA(struct modify_in, modify_fields, "ModifySubnetAttributeRequest");

static const struct op ops[] = {
	{ .name = "CreateSubnet",          .run = create_subnet,           .flags = OP_WRITE, .input = &create_schema },
	{ .name = "DescribeSubnets",       .run = describe_subnets,        .flags = OP_WRITE, .input = &describe_schema },
	{ .name = "DeleteSubnet",          .run = delete_subnet,           .flags = OP_WRITE, .input = &delete_schema },
	{ .name = "ModifySubnetAttribute", .run = modify_subnet_attribute, .flags = OP_WRITE, .input = &modify_schema },
	{ .name = "DescribeNetworkAcls",   .run = describe_network_acls,   .flags = OP_WRITE, .input = &describe_acl_schema },
};
const struct op_table ec2_subnet_ops = { ops, ARRAY_SIZE(ops) };

static const struct ec2_filter filters[] = {
	{ "availability-zone",                     "availabilityZone" },
	{ "availabilityZone",                      "availabilityZone" },
	{ "availability-zone-id",                  "availabilityZoneId" },
	{ "availabilityZoneId",                    "availabilityZoneId" },
	{ "available-ip-address-count",            "availableIpAddressCount" },
	{ "cidr",                                  "cidrBlock" },
	{ "cidr-block",                            "cidrBlock" },
	{ "cidrBlock",                             "cidrBlock" },
	{ "default-for-az",                        "defaultForAz" },
	{ "defaultForAz",                          "defaultForAz" },
	{ "map-public-ip-on-launch",               "mapPublicIpOnLaunch" },
	{ "owner-id",                              "ownerId" },
	{ "state",                                 "state" },
	{ "subnet-arn",                            "subnetArn" },
	{ "subnet-id",                             "subnetId" },
	{ "vpc-id",                                "vpcId" },
};
const struct ec2_view ec2_subnet_view = {
	.kind = EC2_SUBNET, .set = "subnetSet", .id_key = "subnetId", .noun = "subnet ID",
	.not_found = "InvalidSubnetID.NotFound", .filters = filters, .n_filters = ARRAY_SIZE(filters), .dress = dress,
};

static const struct ec2_filter acl_filters[] = {
	{ "association.association-id", "associationSet.networkAclAssociationId" },
	{ "association.network-acl-id", "associationSet.networkAclId" },
	{ "association.subnet-id",      "associationSet.subnetId" },
	{ "default",                    "default" },
	{ "network-acl-id",             "networkAclId" },
	{ "owner-id",                   "ownerId" },
	{ "vpc-id",                     "vpcId" },
};
static const struct ec2_view acl_view = {
	.kind = EC2_NETWORK_ACL, .set = "networkAclSet", .id_key = "networkAclId", .noun = "networkAcl ID",
	.not_found = "InvalidNetworkAclID.NotFound", .filters = acl_filters, .n_filters = ARRAY_SIZE(acl_filters),
	.dress = dress_acl,
};
/* clang-format on */

static int
dress(struct call *c, const struct store_ec2 *row, struct json_object *doc)
{
	const struct vpc_resource subnet = { *row, doc };
	int64_t n;
	int r = interface_free(c->store, &c->scope, &subnet, &n, &c->err);

	if (r == 0)
		json_add_int(doc, "availableIpAddressCount", n);
	return r;
}

struct conflict {
	const struct cidr *cidr;
	bool found;
};

static int
look_for_conflict(const struct store_ec2 *row, void *arg)
{
	_cleanup_json_ struct json_object *doc = NULL;
	struct conflict *f = arg;
	const char *text;
	struct cidr cidr;

	if (json_parse(row->doc, strlen(row->doc), &doc, NULL) == 0 &&
	    (text = json_get_str(doc, "cidrBlock")) != NULL && cidr_parse(text, &cidr) == 0 &&
	    cidr_overlaps(&cidr, f->cidr))
		f->found = true;
	return f->found;
}

static int
check_range(struct call *c, const struct create_subnet_in *in, const struct vpc_resource *vpc,
    struct cidr *ret)
{
	const char *whole = json_get_str(vpc->doc, "cidrBlock");
	struct conflict conflict = { ret, false };
	struct cidr outer;
	int r;

	if (cidr_parse(in->cidr, ret) < 0)
		return err_set_code(&c->err, 400, "InvalidParameterValue",
		    "Value (%.64s) for parameter cidrBlock is invalid. This is not a valid CIDR "
		    "block.",
		    in->cidr);
	if (ret->prefix < 16 || ret->prefix > 28 || whole == NULL ||
	    cidr_parse(whole, &outer) < 0 || !cidr_contains(&outer, ret))
		return err_set_code(
		    &c->err, 400, "InvalidSubnet.Range", "The CIDR '%.64s' is invalid.", in->cidr);
	r = store_ec2_list(
	    c->store, &c->scope, EC2_SUBNET, in->vpc, NULL, look_for_conflict, &conflict, &c->err);
	if (r == 0 && conflict.found)
		return err_set_code(&c->err, 400, "InvalidSubnet.Conflict",
		    "The CIDR '%.64s' conflicts with another subnet", in->cidr);
	return r;
}

/* The zone that is asked for by name or id, the first one where none is. */
static int
choose_zone(struct call *c, const struct create_subnet_in *in, char *out, size_t size)
{
	char id[64];

	for (const char *letter = "abc"; *letter != '\0'; letter++) {
		(void)snprintf(out, size, "%s%c", c->scope.region, *letter);
		vpc_zone_id(out, id, sizeof(id));
		if ((in->zone == NULL || streq(in->zone, out)) &&
		    (in->zone_id == NULL || streq(in->zone_id, id)))
			return 0;
	}
	return err_set_code(&c->err, 400, "InvalidParameterValue",
	    "Value (%.64s) for parameter availabilityZone is invalid. Subnets can currently only "
	    "be "
	    "created in the following availability zones: %sa, %sb, %sc.",
	    in->zone != NULL ? in->zone : in->zone_id, c->scope.region, c->scope.region,
	    c->scope.region);
}

static int
create_subnet(struct call *c)
{
	const struct create_subnet_in *in = c->args;
	_cleanup_resource_ struct vpc_resource vpc = { 0 }, made = { 0 };
	char id[EC2_ID_MAX] = "", zone[64];
	struct json_object *doc = NULL;
	struct cidr cidr = { 0 };
	int r = ec2_begin(c);

	if (r == 0)
		r = ec2_require(c, in->vpc, "vpcId");
	if (r == 0)
		r = ec2_require(c, in->cidr, "cidrBlock");
	if (r == 0)
		r = ec2_get(c, &ec2_vpc_view, in->vpc, &vpc);
	if (r == 0)
		r = check_range(c, in, &vpc, &cidr);
	if (r == 0)
		r = choose_zone(c, in, zone, sizeof(zone));
	if (r == 0)
		r = vpc_make_subnet(c->store, &c->scope, in->vpc, &cidr, zone, false, id, &c->err);
	if (r == 0)
		r = ec2_tag_new(c, &in->tag_specs, "subnet", id);
	if (r == 0)
		r = ec2_get(c, &ec2_subnet_view, id, &made);
	if (r == 0)
		r = ec2_print(c, &ec2_subnet_view, &made.row, &doc);
	if (r < 0)
		return r;
	json_add(c->out, "subnet", doc);
	return ec2_end(c, in->dry_run);
}

static int
describe_subnets(struct call *c)
{
	return ec2_describe(c, &ec2_subnet_view);
}

struct leave {
	struct call *c;
	const char *subnet;
	int r;
};

/* A subnet takes its association with a route table along. */
static int
leave_route_table(const struct store_ec2 *row, void *arg)
{
	struct leave *l = arg;
	struct vpc_resource table = { .row = *row };
	struct json_object *kept, *list;

	if (json_parse(row->doc, strlen(row->doc), &table.doc, NULL) < 0)
		return 0;
	table.row.doc = NULL;
	list = json_get(table.doc, "associationSet");
	kept = json_object_new_array();
	for (size_t i = 0; list != NULL && i < json_object_array_length(list); i++) {
		struct json_object *a = json_object_array_get_idx(list, i);

		if (!streq(json_get_str(a, "subnetId"), l->subnet))
			json_object_array_add(kept, json_object_get(a));
	}
	json_add(table.doc, "associationSet", kept);
	l->r = vpc_resource_put(l->c->store, &l->c->scope, &table, &l->c->err);
	vpc_resource_done(&table);
	return l->r < 0;
}

static int
delete_subnet(struct call *c)
{
	const struct subnet_id_in *in = c->args;
	_cleanup_resource_ struct vpc_resource subnet = { 0 };
	struct leave leave = { c, in->subnet, 0 };
	int64_t n = 0;
	int r = ec2_begin(c);

	if (r == 0)
		r = ec2_require(c, in->subnet, "subnetId");
	if (r == 0)
		r = ec2_get(c, &ec2_subnet_view, in->subnet, &subnet);
	if (r == 0)
		r = store_ec2_count(
		    c->store, &c->scope, EC2_NETWORK_INTERFACE, NULL, in->subnet, &n, &c->err);
	if (r == 0 && n > 0)
		return err_set_code(&c->err, 400, "DependencyViolation",
		    "The subnet '%s' has dependencies and cannot be deleted.", in->subnet);
	if (r == 0)
		r = store_ec2_list(c->store, &c->scope, EC2_ROUTE_TABLE, subnet.row.vpc, NULL,
		    leave_route_table, &leave, &c->err);
	if (r == 0)
		r = leave.r;
	if (r == 0)
		r = store_ec2_delete(c->store, &c->scope, EC2_SUBNET, in->subnet, &c->err);
	return r < 0 ? r : ec2_end_return(c, in->dry_run);
}

static void
set_bool(struct json_object *o, const char *key, const struct ec2_bool_value *v)
{
	if (v != NULL)
		json_add_bool(o, key, v->value == TRI_TRUE);
}

static int
modify_subnet_attribute(struct call *c)
{
	const struct modify_in *in = c->args;
	_cleanup_resource_ struct vpc_resource subnet = { 0 };
	struct json_object *names;
	int r = ec2_begin(c);

	if (r == 0)
		r = ec2_require(c, in->subnet, "subnetId");
	if (r == 0)
		r = ec2_get(c, &ec2_subnet_view, in->subnet, &subnet);
	if (r < 0)
		return r;
	names = json_get(subnet.doc, "privateDnsNameOptionsOnLaunch");
	set_bool(subnet.doc, "mapPublicIpOnLaunch", in->public_ip);
	set_bool(subnet.doc, "assignIpv6AddressOnCreation", in->ipv6);
	set_bool(subnet.doc, "enableDns64", in->dns64);
	set_bool(names, "enableResourceNameDnsARecord", in->a_record);
	set_bool(names, "enableResourceNameDnsAAAARecord", in->aaaa_record);
	json_add_str(names, "hostnameType", in->hostname_type);
	r = vpc_resource_put(c->store, &c->scope, &subnet, &c->err);
	return r < 0 ? r : ec2_end_return(c, TRI_UNSET);
}

/* --- network ACLs: each VPC has its default one, which every subnet is associated with --- */

struct acl_association {
	const char *acl;
	struct json_object *list;
};

static int
associate(const struct store_ec2 *row, void *arg)
{
	struct acl_association *a = arg;
	struct json_object *o = json_object_new_object();
	_cleanup_free_ char *id = xasprintf("aclassoc-%s", strchr(row->id, '-') + 1);

	json_add_str(o, "networkAclAssociationId", id);
	json_add_str(o, "networkAclId", a->acl);
	json_add_str(o, "subnetId", row->id);
	json_object_array_add(a->list, o);
	return 0;
}

static int
dress_acl(struct call *c, const struct store_ec2 *row, struct json_object *doc)
{
	struct acl_association a = { row->id, json_object_new_array() };

	json_add(doc, "associationSet", a.list);
	return store_ec2_list(
	    c->store, &c->scope, EC2_SUBNET, row->vpc, NULL, associate, &a, &c->err);
}

static int
describe_network_acls(struct call *c)
{
	return ec2_describe(c, &acl_view);
}
