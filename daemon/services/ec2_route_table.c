/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Route tables and their associations with subnets: create, describe, delete, associate,
 * disassociate, replace. What a table routes is recorded (ec2_route.c); packets follow the VPC's
 * Docker network. Read by ec2.c.
 */
#include "daemon/services/ec2.h"

#include <stdio.h>
#include <string.h>

struct create_in {
	const char *vpc;
	struct ec2_tag_specs tag_specs;
	enum tri dry_run;
};
struct table_in {
	const char *table;
	const char *subnet;
	const char *association;
	enum tri dry_run;
};

static int create_route_table(struct call *c);
static int describe_route_tables(struct call *c);
static int delete_route_table(struct call *c);
static int associate_route_table(struct call *c);
static int disassociate_route_table(struct call *c);
static int replace_route_table_association(struct call *c);

/* clang-format off */
static const struct schema_field create_fields[] = {
	F_STR(struct create_in, vpc, "VpcId"),
	F_EC2_TAG_SPECS(struct create_in),
	F_EC2_DRY_RUN(struct create_in),
};
static const struct schema create_schema = SCHEMA(struct create_in, create_fields, "CreateRouteTableRequest");

static const struct schema_field describe_fields[] = { EC2_DESCRIBE_FIELDS("RouteTableId") };
static const struct schema describe_schema = SCHEMA(struct ec2_describe_in, describe_fields, "DescribeRouteTablesRequest");

static const struct schema_field delete_fields[] = {
	F_STR(struct table_in, table, "RouteTableId"),
	F_EC2_DRY_RUN(struct table_in),
};
static const struct schema delete_schema = SCHEMA(struct table_in, delete_fields, "DeleteRouteTableRequest");

static const struct schema_field associate_fields[] = {
	F_STR(struct table_in, table, "RouteTableId"),
	F_STR(struct table_in, subnet, "SubnetId"),
	F_EC2_DRY_RUN(struct table_in),
};
static const struct schema associate_schema = SCHEMA(struct table_in, associate_fields, "AssociateRouteTableRequest");

static const struct schema_field disassociate_fields[] = {
	F_STR(struct table_in, association, "AssociationId"),
	F_EC2_DRY_RUN(struct table_in),
};
static const struct schema disassociate_schema =
	SCHEMA(struct table_in, disassociate_fields, "DisassociateRouteTableRequest");

static const struct schema_field replace_fields[] = {
	F_STR(struct table_in, association, "AssociationId"),
	F_STR(struct table_in, table, "RouteTableId"),
	F_EC2_DRY_RUN(struct table_in),
};
static const struct schema replace_schema =
	SCHEMA(struct table_in, replace_fields, "ReplaceRouteTableAssociationRequest");

static const struct op ops[] = {
	{ .name = "CreateRouteTable",             .run = create_route_table,              .flags = OP_WRITE, .input = &create_schema },
	{ .name = "DescribeRouteTables",          .run = describe_route_tables,           .flags = OP_WRITE, .input = &describe_schema },
	{ .name = "DeleteRouteTable",             .run = delete_route_table,              .flags = OP_WRITE, .input = &delete_schema },
	{ .name = "AssociateRouteTable",          .run = associate_route_table,           .flags = OP_WRITE, .input = &associate_schema },
	{ .name = "DisassociateRouteTable",       .run = disassociate_route_table,        .flags = OP_WRITE, .input = &disassociate_schema },
	{ .name = "ReplaceRouteTableAssociation", .run = replace_route_table_association, .flags = OP_WRITE, .input = &replace_schema },
};
const struct op_table ec2_route_table_ops = { ops, ARRAY_SIZE(ops) };

static const struct ec2_filter filters[] = {
	{ "association.gateway-id",                 "associationSet.gatewayId" },
	{ "association.main",                       "associationSet.main" },
	{ "association.route-table-association-id", "associationSet.routeTableAssociationId" },
	{ "association.route-table-id",             "associationSet.routeTableId" },
	{ "association.subnet-id",                  "associationSet.subnetId" },
	{ "owner-id",                               "ownerId" },
	{ "route-table-id",                         "routeTableId" },
	{ "route.destination-cidr-block",           "routeSet.destinationCidrBlock" },
	{ "route.destination-ipv6-cidr-block",      "routeSet.destinationIpv6CidrBlock" },
	{ "route.gateway-id",                       "routeSet.gatewayId" },
	{ "route.nat-gateway-id",                   "routeSet.natGatewayId" },
	{ "route.origin",                           "routeSet.origin" },
	{ "route.state",                            "routeSet.state" },
	{ "vpc-id",                                 "vpcId" },
};
const struct ec2_view ec2_route_table_view = {
	.kind = EC2_ROUTE_TABLE, .set = "routeTableSet", .id_key = "routeTableId", .noun = "routeTable ID",
	.not_found = "InvalidRouteTableID.NotFound", .filters = filters, .n_filters = ARRAY_SIZE(filters),
};
/* clang-format on */

static struct json_object *
new_table(struct call *c, const char *id, const struct vpc_resource *vpc)
{
	struct json_object *doc = json_object_new_object(), *routes = json_object_new_array();
	struct json_object *local = json_object_new_object();

	json_add_str(local, "destinationCidrBlock", json_get_str(vpc->doc, "cidrBlock"));
	json_add_str(local, "gatewayId", "local");
	json_add_str(local, "state", "active");
	json_add_str(local, "origin", "CreateRouteTable");
	json_object_array_add(routes, local);
	json_add_str(doc, "routeTableId", id);
	json_add_str(doc, "vpcId", vpc->row.id);
	json_add_str(doc, "ownerId", c->scope.account);
	json_add(doc, "routeSet", routes);
	json_add(doc, "associationSet", json_object_new_array());
	json_add(doc, "propagatingVgwSet", json_object_new_array());
	return doc;
}

static int
create_route_table(struct call *c)
{
	const struct create_in *in = c->args;
	_cleanup_resource_ struct vpc_resource vpc = { 0 }, made = { 0 };
	struct json_object *doc = NULL;
	int r = ec2_begin(c);

	if (r == 0)
		r = ec2_require(c, in->vpc, "vpcId");
	if (r == 0)
		r = ec2_get(c, &ec2_vpc_view, in->vpc, &vpc);
	if (r < 0)
		return r;
	made.row.kind = EC2_ROUTE_TABLE;
	vpc_new_id("rtb", made.row.id);
	memcpy(made.row.vpc, vpc.row.id, sizeof(made.row.vpc));
	made.doc = new_table(c, made.row.id, &vpc);
	r = vpc_resource_put(c->store, &c->scope, &made, &c->err);
	if (r == 0)
		r = ec2_tag_new(c, &in->tag_specs, "route-table", made.row.id);
	if (r == 0)
		r = ec2_print(c, &ec2_route_table_view, &made.row, &doc);
	if (r < 0)
		return r;
	json_add(c->out, "routeTable", doc);
	return ec2_end(c, in->dry_run);
}

static int
describe_route_tables(struct call *c)
{
	return ec2_describe(c, &ec2_route_table_view);
}

static int
delete_route_table(struct call *c)
{
	const struct table_in *in = c->args;
	_cleanup_resource_ struct vpc_resource table = { 0 };
	int r = ec2_begin(c);

	if (r == 0)
		r = ec2_require(c, in->table, "routeTableId");
	if (r == 0)
		r = ec2_get(c, &ec2_route_table_view, in->table, &table);
	if (r < 0)
		return r;
	if (json_object_array_length(json_get(table.doc, "associationSet")) > 0)
		return err_set_code(&c->err, 400, "DependencyViolation",
		    "The routeTable '%s' has dependencies and cannot be deleted.", in->table);
	r = store_ec2_delete(c->store, &c->scope, EC2_ROUTE_TABLE, in->table, &c->err);
	return r < 0 ? r : ec2_end_return(c, in->dry_run);
}

/* --- associations --- */

/* The table whose association has `key` = `value`, and where in its set. */
struct search {
	const char *key, *value;
	char table[EC2_ID_MAX];
	size_t at;
};

static int
look(const struct store_ec2 *row, void *arg)
{
	_cleanup_json_ struct json_object *doc = NULL;
	struct search *f = arg;
	struct json_object *list;

	if (json_parse(row->doc, strlen(row->doc), &doc, NULL) < 0)
		return 0;
	list = json_get(doc, "associationSet");
	for (size_t i = 0; list != NULL && i < json_object_array_length(list); i++)
		if (streq(json_get_str(json_object_array_get_idx(list, i), f->key), f->value)) {
			memcpy(f->table, row->id, sizeof(f->table));
			f->at = i;
			return 1;
		}
	return 0;
}

static int
add_association(struct call *c, struct vpc_resource *table, const char *subnet, bool main,
    char ret_id[static EC2_ID_MAX])
{
	struct json_object *o = json_object_new_object(), *state = json_object_new_object();
	struct json_object *list = json_get(table->doc, "associationSet");
	struct json_object *again = json_object_new_array();

	vpc_new_id("rtbassoc", ret_id);
	json_add_str(state, "state", "associated");
	json_add_bool(o, "main", main);
	json_add_str(o, "routeTableAssociationId", ret_id);
	json_add_str(o, "routeTableId", table->row.id);
	json_add_str(o, "subnetId", subnet);
	json_add(o, "associationState", state);
	/* The main one is always the first: DeleteVpc looks there. */
	if (main)
		json_object_array_add(again, json_object_get(o));
	for (size_t i = 0; list != NULL && i < json_object_array_length(list); i++)
		json_object_array_add(again, json_object_get(json_object_array_get_idx(list, i)));
	if (!main)
		json_object_array_add(again, json_object_get(o));
	json_object_put(o);
	json_add(table->doc, "associationSet", again);
	return vpc_resource_put(c->store, &c->scope, table, &c->err);
}

static void
add_state(struct call *c)
{
	struct json_object *state = json_object_new_object();

	json_add_str(state, "state", "associated");
	json_add(c->out, "associationState", state);
}

static int
associate_route_table(struct call *c)
{
	const struct table_in *in = c->args;
	_cleanup_resource_ struct vpc_resource table = { 0 }, subnet = { 0 };
	struct search f = { "subnetId", in->subnet, "", 0 };
	char id[EC2_ID_MAX];
	int r = ec2_begin(c);

	if (r == 0)
		r = ec2_require(c, in->table, "routeTableId");
	if (r == 0)
		r = ec2_require(c, in->subnet, "subnetId");
	if (r == 0)
		r = ec2_get(c, &ec2_route_table_view, in->table, &table);
	if (r == 0)
		r = ec2_get(c, &ec2_subnet_view, in->subnet, &subnet);
	if (r < 0)
		return r;
	if (!streq(table.row.vpc, subnet.row.vpc))
		return err_set_code(&c->err, 400, "InvalidParameterValue",
		    "Route table %s and network %s belong to different networks", in->table,
		    in->subnet);
	r = store_ec2_list(
	    c->store, &c->scope, EC2_ROUTE_TABLE, subnet.row.vpc, NULL, look, &f, &c->err);
	if (r == 0 && f.table[0] != '\0')
		return err_set_code(&c->err, 400, "Resource.AlreadyAssociated",
		    "the specified association for route table %s conflicts with an existing "
		    "association",
		    in->table);
	if (r == 0)
		r = add_association(c, &table, in->subnet, false, id);
	if (r < 0)
		return r;
	json_add_str(c->out, "associationId", id);
	add_state(c);
	return ec2_end(c, in->dry_run);
}

/* Takes an association out of its table; the caller owns it. */
static int
take_association(
    struct call *c, const char *id, struct json_object **ret, char ret_vpc[static EC2_ID_MAX])
{
	_cleanup_resource_ struct vpc_resource table = { 0 };
	struct search f = { "routeTableAssociationId", id, "", 0 };
	struct json_object *list;
	int r = store_ec2_list(c->store, &c->scope, EC2_ROUTE_TABLE, NULL, NULL, look, &f, &c->err);

	if (r == 0 && f.table[0] == '\0')
		return err_set_code(&c->err, 400, "InvalidAssociationID.NotFound",
		    "The association ID '%.64s' does not exist", id);
	if (r == 0)
		r = ec2_get(c, &ec2_route_table_view, f.table, &table);
	if (r < 0)
		return r;
	list = json_get(table.doc, "associationSet");
	*ret = json_object_get(json_object_array_get_idx(list, f.at));
	(void)json_object_array_del_idx(list, f.at, 1);
	memcpy(ret_vpc, table.row.vpc, EC2_ID_MAX);
	r = vpc_resource_put(c->store, &c->scope, &table, &c->err);
	if (r < 0)
		json_object_put(TAKE(*ret));
	return r;
}

static int
disassociate_route_table(struct call *c)
{
	const struct table_in *in = c->args;
	_cleanup_json_ struct json_object *old = NULL;
	char vpc[EC2_ID_MAX];
	int r = ec2_begin(c);

	if (r == 0)
		r = ec2_require(c, in->association, "associationId");
	if (r == 0)
		r = take_association(c, in->association, &old, vpc);
	if (r < 0)
		return r;
	if (json_get_bool(old, "main", false))
		return err_set_code(&c->err, 400, "InvalidParameterValue",
		    "cannot disassociate the main route table association %s", in->association);
	return ec2_end_return(c, in->dry_run);
}

static int
replace_route_table_association(struct call *c)
{
	const struct table_in *in = c->args;
	_cleanup_resource_ struct vpc_resource table = { 0 };
	_cleanup_json_ struct json_object *old = NULL;
	char id[EC2_ID_MAX], vpc[EC2_ID_MAX] = "";
	int r = ec2_begin(c);

	if (r == 0)
		r = ec2_require(c, in->association, "associationId");
	if (r == 0)
		r = ec2_require(c, in->table, "routeTableId");
	if (r == 0)
		r = take_association(c, in->association, &old, vpc);
	if (r == 0)
		r = ec2_get(c, &ec2_route_table_view, in->table, &table);
	if (r < 0)
		return r;
	if (!streq(table.row.vpc, vpc))
		return err_set_code(&c->err, 400, "InvalidParameterValue",
		    "Route table %s and association %s belong to different networks", in->table,
		    in->association);
	r = add_association(
	    c, &table, json_get_str(old, "subnetId"), json_get_bool(old, "main", false), id);
	if (r < 0)
		return r;
	json_add_str(c->out, "newAssociationId", id);
	add_state(c);
	return ec2_end(c, in->dry_run);
}
