/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Routes of route tables: CreateRoute, ReplaceRoute, DeleteRoute. They are recorded and checked, no
 * packet is steered by them. Read by ec2.c.
 */
#include "daemon/services/ec2.h"

#include <string.h>

struct route_in {
	const char *table;
	const char *destination;
	const char *destination6;
	const char *gateway;
	const char *interface;
	const char *nat_gateway;
	const char *instance;
	const char *peering;
	const char *transit_gateway;
	enum tri dry_run;
};

static int create_route(struct call *c);
static int replace_route(struct call *c);
static int delete_route(struct call *c);

/* clang-format off */
#define ROUTE_FIELDS                                                      \
	F_STR(struct route_in, table, "RouteTableId"),                    \
	F_STR(struct route_in, destination, "DestinationCidrBlock"),      \
	F_STR(struct route_in, destination6, "DestinationIpv6CidrBlock"), \
	F_STR(struct route_in, gateway, "GatewayId"),                     \
	F_STR(struct route_in, interface, "NetworkInterfaceId"),          \
	F_STR(struct route_in, nat_gateway, "NatGatewayId"),              \
	F_STR(struct route_in, instance, "InstanceId"),                   \
	F_STR(struct route_in, peering, "VpcPeeringConnectionId"),        \
	F_STR(struct route_in, transit_gateway, "TransitGatewayId"),      \
	F_EC2_DRY_RUN(struct route_in)
static const struct schema_field create_fields[] = { ROUTE_FIELDS };
static const struct schema create_schema = SCHEMA(struct route_in, create_fields, "CreateRouteRequest");
static const struct schema_field replace_fields[] = { ROUTE_FIELDS };
static const struct schema replace_schema = SCHEMA(struct route_in, replace_fields, "ReplaceRouteRequest");
static const struct schema_field delete_fields[] = {
	F_STR(struct route_in, table, "RouteTableId"),
	F_STR(struct route_in, destination, "DestinationCidrBlock"),
	F_STR(struct route_in, destination6, "DestinationIpv6CidrBlock"),
	F_EC2_DRY_RUN(struct route_in),
};
static const struct schema delete_schema = SCHEMA(struct route_in, delete_fields, "DeleteRouteRequest");

static const struct op ops[] = {
	{ .name = "CreateRoute",  .run = create_route,  .flags = OP_WRITE, .input = &create_schema },
	{ .name = "ReplaceRoute", .run = replace_route, .flags = OP_WRITE, .input = &replace_schema },
	{ .name = "DeleteRoute",  .run = delete_route,  .flags = OP_WRITE, .input = &delete_schema },
};
const struct op_table ec2_route_ops = { ops, ARRAY_SIZE(ops) };
/* clang-format on */

static const char *
destination_key(const struct route_in *in)
{
	return in->destination != NULL ? "destinationCidrBlock" : "destinationIpv6CidrBlock";
}

/* The destination as tables have it, or why it is none. */
static int
read_destination(struct call *c, const struct route_in *in, char *out, size_t size)
{
	const char *given = in->destination != NULL ? in->destination : in->destination6;
	struct cidr cidr;

	if (given == NULL)
		return ec2_require(c, NULL, "destinationCidrBlock");
	(void)snprintf(out, size, "%s", given);
	if (in->destination == NULL)
		return 0;
	if (cidr_parse(given, &cidr) < 0)
		return err_set_code(&c->err, 400, "InvalidParameterValue",
		    "Value (%.64s) for parameter destinationCidrBlock is invalid. This is not a "
		    "valid CIDR block.",
		    given);
	(void)cidr_print(&cidr, out);
	return 0;
}

/* Index of the route to a destination, -1 where there is none. */
static int
find_route(struct json_object *routes, const char *key, const char *destination)
{
	for (size_t i = 0; i < json_object_array_length(routes); i++)
		if (streq(json_get_str(json_object_array_get_idx(routes, i), key), destination))
			return (int)i;
	return -1;
}

static int
check_gateway(struct call *c, const struct route_in *in, const struct vpc_resource *table)
{
	_cleanup_resource_ struct vpc_resource gateway = { 0 };
	int r;

	if (streq(in->gateway, "local"))
		return 0;
	r = ec2_get(c, &ec2_gateway_view, in->gateway, &gateway);
	if (r == 0 && !streq(gateway.row.vpc, table->row.vpc))
		return err_set_code(&c->err, 400, "InvalidParameterValue",
		    "route table %s and network gateway %s belong to different networks", in->table,
		    in->gateway);
	return r;
}

/* Adds what the route leads to. Kinds of targets that cannot be made here do not exist. */
static int
add_target(struct call *c, const struct route_in *in, const struct vpc_resource *table,
    struct json_object *route)
{
	_cleanup_resource_ struct vpc_resource interface = { 0 };
	const struct {
		const char *id, *code, *noun;
	} absent[] = {
		{ in->nat_gateway, "InvalidNatGatewayID.NotFound", "natGateway ID" },
		{ in->instance, "InvalidInstanceID.NotFound", "instance ID" },
		{ in->peering, "InvalidVpcPeeringConnectionID.NotFound",
		    "vpcPeeringConnection ID" },
		{ in->transit_gateway, "InvalidTransitGatewayID.NotFound", "transitGateway ID" },
	};
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(absent); i++)
		if (absent[i].id != NULL)
			return err_set_code(&c->err, 400, absent[i].code,
			    "The %s '%.64s' does not exist", absent[i].noun, absent[i].id);
	if (in->gateway == NULL && in->interface == NULL)
		return ec2_require(c, NULL, "gatewayId");
	if (in->gateway != NULL)
		r = check_gateway(c, in, table);
	if (r == 0 && in->interface != NULL)
		r = ec2_get(c, &ec2_interface_view, in->interface, &interface);
	json_add_str(route, "gatewayId", in->gateway);
	json_add_str(route, "networkInterfaceId", in->interface);
	return r;
}

static int
new_route(struct call *c, const struct route_in *in, const struct vpc_resource *table,
    const char *destination, struct json_object **ret)
{
	_cleanup_json_ struct json_object *route = json_object_new_object();
	int r;

	json_add_str(route, destination_key(in), destination);
	r = add_target(c, in, table, route);
	if (r < 0)
		return r;
	json_add_str(route, "state", "active");
	json_add_str(route, "origin", "CreateRoute");
	*ret = TAKE(route);
	return 0;
}

/* What all three begin with: the table, the destination, and where in the table it is. */
static int
open_table(struct call *c, const struct route_in *in, struct vpc_resource *table, char *destination,
    size_t size, int *ret_at)
{
	int r = ec2_begin(c);

	if (r == 0)
		r = ec2_require(c, in->table, "routeTableId");
	if (r == 0)
		r = ec2_get(c, &ec2_route_table_view, in->table, table);
	if (r == 0)
		r = read_destination(c, in, destination, size);
	if (r == 0)
		*ret_at =
		    find_route(json_get(table->doc, "routeSet"), destination_key(in), destination);
	return r;
}

static int
create_route(struct call *c)
{
	const struct route_in *in = c->args;
	_cleanup_resource_ struct vpc_resource table = { 0 };
	struct json_object *route = NULL;
	char destination[64];
	int at = -1;
	int r = open_table(c, in, &table, destination, sizeof(destination), &at);

	if (r == 0 && at >= 0)
		return err_set_code(&c->err, 400, "RouteAlreadyExists",
		    "The route identified by %s already exists.", destination);
	if (r == 0)
		r = new_route(c, in, &table, destination, &route);
	if (r < 0)
		return r;
	json_object_array_add(json_get(table.doc, "routeSet"), route);
	r = vpc_resource_put(c->store, &c->scope, &table, &c->err);
	return r < 0 ? r : ec2_end_return(c, in->dry_run);
}

static int
no_route(struct call *c, const char *destination, const char *table)
{
	return err_set_code(&c->err, 400, "InvalidRoute.NotFound",
	    "no route with destination-cidr-block %s in route table %s", destination, table);
}

static int
replace_route(struct call *c)
{
	const struct route_in *in = c->args;
	_cleanup_resource_ struct vpc_resource table = { 0 };
	struct json_object *route = NULL;
	char destination[64];
	int at = -1;
	int r = open_table(c, in, &table, destination, sizeof(destination), &at);

	if (r == 0 && at < 0)
		return no_route(c, destination, in->table);
	if (r == 0)
		r = new_route(c, in, &table, destination, &route);
	if (r < 0)
		return r;
	(void)json_object_array_put_idx(json_get(table.doc, "routeSet"), (size_t)at, route);
	r = vpc_resource_put(c->store, &c->scope, &table, &c->err);
	return r < 0 ? r : ec2_end_return(c, in->dry_run);
}

static int
delete_route(struct call *c)
{
	const struct route_in *in = c->args;
	_cleanup_resource_ struct vpc_resource table = { 0 };
	struct json_object *routes;
	char destination[64];
	int at = -1;
	int r = open_table(c, in, &table, destination, sizeof(destination), &at);

	if (r == 0 && at < 0)
		return no_route(c, destination, in->table);
	if (r < 0)
		return r;
	routes = json_get(table.doc, "routeSet");
	if (streq(json_get_str(json_object_array_get_idx(routes, (size_t)at), "origin"),
		"CreateRouteTable"))
		return err_set_code(&c->err, 400, "InvalidParameterValue",
		    "cannot remove local route %s in route table %s", destination, in->table);
	(void)json_object_array_del_idx(routes, (size_t)at, 1);
	r = vpc_resource_put(c->store, &c->scope, &table, &c->err);
	return r < 0 ? r : ec2_end_return(c, in->dry_run);
}
