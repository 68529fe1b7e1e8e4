/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the service ec2 consists of, and what each of its operations begins and ends with. Read by
 * services.c.
 */
#include "daemon/services/ec2.h"

#include "daemon/config.h"

static const struct op_table *const tables[] = {
	&ec2_vpc_ops,
	&ec2_subnet_ops,
	&ec2_group_ops,
	&ec2_rule_ops,
	&ec2_interface_ops,
	&ec2_route_table_ops,
	&ec2_route_ops,
	&ec2_gateway_ops,
	&ec2_tag_ops,
	&ec2_place_ops,
};

/* Part of what people do with a VPC, so that they are told it is not here. */
static const char *const unavailable[] = {
	"AllocateAddress",
	"AssociateAddress",
	"AssociateVpcCidrBlock",
	"AttachNetworkInterface",
	"CreateEgressOnlyInternetGateway",
	"CreateFlowLogs",
	"CreateNatGateway",
	"CreateNetworkAcl",
	"CreateNetworkAclEntry",
	"CreateVpcEndpoint",
	"CreateVpcPeeringConnection",
	"DescribeNatGateways",
	"DetachNetworkInterface",
	"DisassociateVpcCidrBlock",
	"ModifyNetworkInterfaceAttribute",
	"ModifySecurityGroupRules",
	"ReleaseAddress",
	"RunInstances",
	"TerminateInstances",
};

const struct op_service ec2_service = {
	.name = "ec2",
	.full_name = "Amazon EC2",
	.wire = WIRE_EC2,
	.xmlns = "http://ec2.amazonaws.com/doc/2016-11-15/",
	.tables = tables,
	.n_tables = ARRAY_SIZE(tables),
	.unavailable = unavailable,
	.n_unavailable = ARRAY_SIZE(unavailable),
};

int
ec2_begin(struct call *c)
{
	char ignored[EC2_ID_MAX];
	int r = vpc_default(c->store, &c->scope, c->config->owner, ignored, &c->err);

	return r < 0 ? r : 0;
}

int
ec2_end(struct call *c, enum tri dry_run)
{
	if (dry_run != TRI_TRUE)
		return 0;
	return err_set_code(&c->err, 412, "DryRunOperation",
	    "Request would have succeeded, but DryRun flag is set.");
}

int
ec2_end_return(struct call *c, enum tri dry_run)
{
	json_add_bool(c->out, "return", true);
	return ec2_end(c, dry_run);
}
