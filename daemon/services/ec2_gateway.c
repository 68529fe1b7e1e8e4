/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Internet gateways: create, describe, attach, detach, delete. A record: whether a container
 * reaches the Internet is the host's business. Read by ec2.c.
 */
#include "daemon/services/ec2.h"

#include <stdio.h>
#include <string.h>

struct create_in {
	struct ec2_tag_specs tag_specs;
	enum tri dry_run;
};
struct gateway_in {
	const char *gateway;
	const char *vpc;
	enum tri dry_run;
};

static int create_internet_gateway(struct call *c);
static int describe_internet_gateways(struct call *c);
static int attach_internet_gateway(struct call *c);
static int detach_internet_gateway(struct call *c);
static int delete_internet_gateway(struct call *c);

/* clang-format off */
static const struct schema_field create_fields[] = {
	F_EC2_TAG_SPECS(struct create_in),
	F_EC2_DRY_RUN(struct create_in),
};
static const struct schema create_schema = SCHEMA(struct create_in, create_fields, "CreateInternetGatewayRequest");

static const struct schema_field describe_fields[] = { EC2_DESCRIBE_FIELDS("InternetGatewayId") };
static const struct schema describe_schema =
	SCHEMA(struct ec2_describe_in, describe_fields, "DescribeInternetGatewaysRequest");

static const struct schema_field attach_fields[] = {
	F_STR(struct gateway_in, gateway, "InternetGatewayId"),
	F_STR(struct gateway_in, vpc, "VpcId"),
	F_EC2_DRY_RUN(struct gateway_in),
};
static const struct schema attach_schema = SCHEMA(struct gateway_in, attach_fields, "AttachInternetGatewayRequest");
static const struct schema detach_schema = SCHEMA(struct gateway_in, attach_fields, "DetachInternetGatewayRequest");

static const struct schema_field delete_fields[] = {
	F_STR(struct gateway_in, gateway, "InternetGatewayId"),
	F_EC2_DRY_RUN(struct gateway_in),
};
static const struct schema delete_schema = SCHEMA(struct gateway_in, delete_fields, "DeleteInternetGatewayRequest");

static const struct op ops[] = {
	{ .name = "CreateInternetGateway",    .run = create_internet_gateway,    .flags = OP_WRITE, .input = &create_schema },
	{ .name = "DescribeInternetGateways", .run = describe_internet_gateways, .flags = OP_WRITE, .input = &describe_schema },
	{ .name = "AttachInternetGateway",    .run = attach_internet_gateway,    .flags = OP_WRITE, .input = &attach_schema },
	{ .name = "DetachInternetGateway",    .run = detach_internet_gateway,    .flags = OP_WRITE, .input = &detach_schema },
	{ .name = "DeleteInternetGateway",    .run = delete_internet_gateway,    .flags = OP_WRITE, .input = &delete_schema },
};
const struct op_table ec2_gateway_ops = { ops, ARRAY_SIZE(ops) };

static const struct ec2_filter filters[] = {
	{ "attachment.state",    "attachmentSet.state" },
	{ "attachment.vpc-id",   "attachmentSet.vpcId" },
	{ "internet-gateway-id", "internetGatewayId" },
	{ "owner-id",            "ownerId" },
};
const struct ec2_view ec2_gateway_view = {
	.kind = EC2_INTERNET_GATEWAY, .set = "internetGatewaySet", .id_key = "internetGatewayId",
	.noun = "internetGateway ID", .not_found = "InvalidInternetGatewayID.NotFound", .filters = filters,
	.n_filters = ARRAY_SIZE(filters),
};
/* clang-format on */

static int
create_internet_gateway(struct call *c)
{
	const struct create_in *in = c->args;
	_cleanup_resource_ struct vpc_resource made = { 0 };
	struct json_object *doc = NULL;
	int r = ec2_begin(c);

	if (r < 0)
		return r;
	made.row.kind = EC2_INTERNET_GATEWAY;
	made.doc = json_object_new_object();
	vpc_new_id("igw", made.row.id);
	json_add_str(made.doc, "internetGatewayId", made.row.id);
	json_add_str(made.doc, "ownerId", c->scope.account);
	json_add(made.doc, "attachmentSet", json_object_new_array());
	r = vpc_resource_put(c->store, &c->scope, &made, &c->err);
	if (r == 0)
		r = ec2_tag_new(c, &in->tag_specs, "internet-gateway", made.row.id);
	if (r == 0)
		r = ec2_print(c, &ec2_gateway_view, &made.row, &doc);
	if (r < 0)
		return r;
	json_add(c->out, "internetGateway", doc);
	return ec2_end(c, in->dry_run);
}

static int
describe_internet_gateways(struct call *c)
{
	return ec2_describe(c, &ec2_gateway_view);
}

static int
open_pair(struct call *c, const struct gateway_in *in, struct vpc_resource *gateway)
{
	_cleanup_resource_ struct vpc_resource vpc = { 0 };
	int r = ec2_begin(c);

	if (r == 0)
		r = ec2_require(c, in->gateway, "internetGatewayId");
	if (r == 0)
		r = ec2_require(c, in->vpc, "vpcId");
	if (r == 0)
		r = ec2_get(c, &ec2_gateway_view, in->gateway, gateway);
	return r < 0 ? r : ec2_get(c, &ec2_vpc_view, in->vpc, &vpc);
}

/* Writes which VPC the gateway is attached to, "" for none. */
static int
set_vpc(struct call *c, struct vpc_resource *gateway, const char *vpc)
{
	struct json_object *list = json_object_new_array(), *o;

	(void)snprintf(gateway->row.vpc, sizeof(gateway->row.vpc), "%s", vpc);
	json_add(gateway->doc, "attachmentSet", list);
	if (vpc[0] != '\0') {
		o = json_object_new_object();
		json_add_str(o, "state", "available");
		json_add_str(o, "vpcId", vpc);
		json_object_array_add(list, o);
	}
	return vpc_resource_put(c->store, &c->scope, gateway, &c->err);
}

static int
attach_internet_gateway(struct call *c)
{
	const struct gateway_in *in = c->args;
	_cleanup_resource_ struct vpc_resource gateway = { 0 };
	int64_t n = 0;
	int r = open_pair(c, in, &gateway);

	if (r < 0)
		return r;
	if (gateway.row.vpc[0] != '\0')
		return err_set_code(&c->err, 400, "Resource.AlreadyAssociated",
		    "resource %s is already attached to network %s", in->gateway, gateway.row.vpc);
	r = store_ec2_count(c->store, &c->scope, EC2_INTERNET_GATEWAY, in->vpc, NULL, &n, &c->err);
	if (r == 0 && n > 0)
		return err_set_code(&c->err, 400, "InvalidParameterValue",
		    "Network %s already has an internet gateway attached", in->vpc);
	if (r == 0)
		r = set_vpc(c, &gateway, in->vpc);
	return r < 0 ? r : ec2_end_return(c, in->dry_run);
}

static int
detach_internet_gateway(struct call *c)
{
	const struct gateway_in *in = c->args;
	_cleanup_resource_ struct vpc_resource gateway = { 0 };
	int r = open_pair(c, in, &gateway);

	if (r < 0)
		return r;
	if (!streq(gateway.row.vpc, in->vpc))
		return err_set_code(&c->err, 400, "Gateway.NotAttached",
		    "resource %s is not attached to network %s", in->gateway, in->vpc);
	r = set_vpc(c, &gateway, "");
	return r < 0 ? r : ec2_end_return(c, in->dry_run);
}

static int
delete_internet_gateway(struct call *c)
{
	const struct gateway_in *in = c->args;
	_cleanup_resource_ struct vpc_resource gateway = { 0 };
	int r = ec2_begin(c);

	if (r == 0)
		r = ec2_require(c, in->gateway, "internetGatewayId");
	if (r == 0)
		r = ec2_get(c, &ec2_gateway_view, in->gateway, &gateway);
	if (r < 0)
		return r;
	if (gateway.row.vpc[0] != '\0')
		return err_set_code(&c->err, 400, "DependencyViolation",
		    "The internetGateway '%s' has dependencies and cannot be deleted.",
		    in->gateway);
	r = store_ec2_delete(c->store, &c->scope, EC2_INTERNET_GATEWAY, in->gateway, &c->err);
	return r < 0 ? r : ec2_end_return(c, in->dry_run);
}
