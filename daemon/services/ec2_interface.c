/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Network interfaces: CreateNetworkInterface, DescribeNetworkInterfaces (those of tasks too),
 * DeleteNetworkInterface. Read by ec2.c; who holds one is not its business.
 */
#include "daemon/services/ec2.h"

#include "daemon/vpc/interface.h"

struct create_in {
	const char *subnet;
	const char *description;
	const char *address;
	struct str_list groups;
	struct ec2_tag_specs tag_specs;
	enum tri dry_run;
};
struct interface_id_in {
	const char *id;
	enum tri dry_run;
};

static int create_network_interface(struct call *c);
static int describe_network_interfaces(struct call *c);
static int delete_network_interface(struct call *c);

/* clang-format off */
static const struct schema_field create_fields[] = {
	F_STR(struct create_in, subnet, "SubnetId"),
	F_STR(struct create_in, description, "Description"),
	F_STR(struct create_in, address, "PrivateIpAddress"),
	F_STRS(struct create_in, groups, "SecurityGroupId", .max_len = 16),
	F_EC2_TAG_SPECS(struct create_in),
	F_EC2_DRY_RUN(struct create_in),
};
static const struct schema create_schema = SCHEMA(struct create_in, create_fields, "CreateNetworkInterfaceRequest");

static const struct schema_field describe_fields[] = { EC2_DESCRIBE_FIELDS("NetworkInterfaceId") };
static const struct schema describe_schema =
	SCHEMA(struct ec2_describe_in, describe_fields, "DescribeNetworkInterfacesRequest");

static const struct schema_field delete_fields[] = {
	F_STR(struct interface_id_in, id, "NetworkInterfaceId"),
	F_EC2_DRY_RUN(struct interface_id_in),
};
static const struct schema delete_schema =
	SCHEMA(struct interface_id_in, delete_fields, "DeleteNetworkInterfaceRequest");

static const struct op ops[] = {
	{ .name = "CreateNetworkInterface",    .run = create_network_interface,    .flags = OP_WRITE, .input = &create_schema },
	{ .name = "DescribeNetworkInterfaces", .run = describe_network_interfaces, .flags = OP_WRITE, .input = &describe_schema },
	{ .name = "DeleteNetworkInterface",    .run = delete_network_interface,    .flags = OP_WRITE, .input = &delete_schema },
};
const struct op_table ec2_interface_ops = { ops, ARRAY_SIZE(ops) };

static const struct ec2_filter filters[] = {
	{ "addresses.primary",            "privateIpAddressesSet.primary" },
	{ "addresses.private-ip-address", "privateIpAddressesSet.privateIpAddress" },
	{ "attachment.attachment-id",     "attachment.attachmentId" },
	{ "attachment.instance-id",       "attachment.instanceId" },
	{ "attachment.status",            "attachment.status" },
	{ "availability-zone",            "availabilityZone" },
	{ "description",                  "description" },
	{ "group-id",                     "groupSet.groupId" },
	{ "group-name",                   "groupSet.groupName" },
	{ "interface-type",               "interfaceType" },
	{ "mac-address",                  "macAddress" },
	{ "network-interface-id",         "networkInterfaceId" },
	{ "owner-id",                     "ownerId" },
	{ "private-dns-name",             "privateDnsName" },
	{ "private-ip-address",           "privateIpAddress" },
	{ "requester-id",                 "requesterId" },
	{ "requester-managed",            "requesterManaged" },
	{ "source-dest-check",            "sourceDestCheck" },
	{ "status",                       "status" },
	{ "subnet-id",                    "subnetId" },
	{ "vpc-id",                       "vpcId" },
};
const struct ec2_view ec2_interface_view = {
	.kind = EC2_NETWORK_INTERFACE, .set = "networkInterfaceSet", .id_key = "networkInterfaceId",
	.noun = "networkInterface ID", .not_found = "InvalidNetworkInterfaceID.NotFound", .filters = filters,
	.n_filters = ARRAY_SIZE(filters),
};
/* clang-format on */

static int
make(struct call *c, const struct create_in *in, struct vpc_resource *ret)
{
	_cleanup_resource_ struct vpc_resource subnet = { 0 };
	struct interface_ask ask = { .subnet = in->subnet,
		.address = in->address,
		.description = in->description,
		.groups = in->groups.v,
		.n_groups = in->groups.n,
		.now_ms = c->now_ms };
	char fallback[EC2_ID_MAX] = "";
	const char *const fallbacks[] = { fallback };
	int r = ec2_get(c, &ec2_subnet_view, in->subnet, &subnet);

	for (size_t i = 0; r == 0 && i < in->groups.n; i++) {
		_cleanup_resource_ struct vpc_resource group = { 0 };

		r = ec2_get(c, &ec2_group_view, in->groups.v[i], &group);
	}
	if (r == 0 && in->groups.n == 0) {
		r = vpc_default_group(c->store, &c->scope, subnet.row.vpc, fallback, &c->err);
		ask.groups = fallbacks;
		ask.n_groups = r > 0 ? 1 : 0;
	}
	return r < 0 ? r : interface_make(c->store, &c->scope, &ask, ret, &c->err);
}

static int
create_network_interface(struct call *c)
{
	const struct create_in *in = c->args;
	_cleanup_resource_ struct vpc_resource made = { 0 };
	struct json_object *doc = NULL;
	int r = ec2_begin(c);

	if (r == 0)
		r = ec2_require(c, in->subnet, "subnetId");
	if (r == 0)
		r = make(c, in, &made);
	if (r == 0)
		r = ec2_tag_new(c, &in->tag_specs, "network-interface", made.row.id);
	if (r == 0)
		r = ec2_print(c, &ec2_interface_view, &made.row, &doc);
	if (r < 0)
		return r;
	json_add(c->out, "networkInterface", doc);
	call_wish_networks(c); /* it is a member of its groups */
	return ec2_end(c, in->dry_run);
}

static int
describe_network_interfaces(struct call *c)
{
	return ec2_describe(c, &ec2_interface_view);
}

static int
delete_network_interface(struct call *c)
{
	const struct interface_id_in *in = c->args;
	_cleanup_resource_ struct vpc_resource interface = { 0 };
	int r = ec2_begin(c);

	if (r == 0)
		r = ec2_require(c, in->id, "networkInterfaceId");
	if (r == 0)
		r = ec2_get(c, &ec2_interface_view, in->id, &interface);
	if (r < 0)
		return r;
	if (interface.row.holder[0] != '\0')
		return err_set_code(&c->err, 400, "InvalidParameterValue",
		    "Network interface '%s' is currently in use.", in->id);
	call_wish_networks(c);
	r = store_ec2_delete(c->store, &c->scope, EC2_NETWORK_INTERFACE, in->id, &c->err);
	return r < 0 ? r : ec2_end_return(c, in->dry_run);
}
