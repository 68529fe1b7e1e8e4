/* SPDX-License-Identifier: Apache-2.0 */
/*
 * awsvpcConfiguration against what EC2 has, and the interface that each task gets. In lenient mode
 * subnets that nobody made are taken to be of the default VPC, and groups that nobody made let
 * everything through. Called by task_plan.c and task_doc.c.
 */
#include "daemon/ecs/task_network.h"

#include "daemon/config.h"
#include "daemon/fleet.h"
#include "daemon/vpc/plan.h"
#include "daemon/vpc_firewall.h"

#include <string.h>

static int
unknown_subnet(struct call *c, const char *id)
{
	return err_set(&c->err, ERR_INVALID_PARAMETER,
	    "Error retrieving subnet information for [%.100s]: The subnet ID '%.100s' does not "
	    "exist (ErrorCode: InvalidSubnetID.NotFound)",
	    id, id);
}

/* The subnet that stands for one that nobody made. */
static int
stand_in(
    struct call *c, const char *id, char vpc[static EC2_ID_MAX], char subnet[static EC2_ID_MAX])
{
	int r;

	if (!config_kind(c->config, KIND_UNKNOWN_SUBNET))
		return unknown_subnet(c, id);
	r = vpc_default(c->store, &c->scope, c->config->owner, vpc, &c->err);
	if (r > 0)
		r = vpc_first_subnet(c->store, &c->scope, vpc, subnet, &c->err);
	if (r == 0)
		return unknown_subnet(c, id);
	return r < 0 ? r : 0;
}

static int
find_subnet(struct call *c, struct task_place *place, const char *id, bool *ret_known)
{
	_cleanup_(store_ec2_done) struct store_ec2 row = { 0 };
	char vpc[EC2_ID_MAX] = "", subnet[EC2_ID_MAX] = "";
	int r = store_ec2_get(c->store, &c->scope, EC2_SUBNET, id, &row, &c->err);

	*ret_known = r > 0;
	if (r > 0) {
		memcpy(vpc, row.vpc, sizeof(vpc));
		memcpy(subnet, row.id, sizeof(subnet));
	} else if (r == 0) {
		r = stand_in(c, id, vpc, subnet);
	}
	if (r < 0)
		return r;
	if (place->n_subnets > 0 && !streq(vpc, place->vpc))
		return err_set(&c->err, ERR_INVALID_PARAMETER,
		    "The provided subnets belong to different VPCs: %s and %s.", place->vpc, vpc);
	memcpy(place->vpc, vpc, sizeof(vpc));
	place->subnets[place->n_subnets++] = arena_strdup(&c->arena, subnet);
	return 0;
}

static int
find_group(struct call *c, struct task_place *place, const char *id)
{
	_cleanup_(store_ec2_done) struct store_ec2 row = { 0 };
	int r = store_ec2_get(c->store, &c->scope, EC2_SECURITY_GROUP, id, &row, &c->err);

	if (r < 0)
		return r;
	if (r == 0 && !config_kind(c->config, KIND_UNKNOWN_SUBNET))
		return err_set(&c->err, ERR_INVALID_PARAMETER,
		    "Error retrieving security group information for [%.100s]: The security group "
		    "'%.100s' does not exist (ErrorCode: InvalidGroup.NotFound)",
		    id, id);
	if (r > 0 && !streq(row.vpc, place->vpc))
		return err_set(&c->err, ERR_INVALID_PARAMETER,
		    "The security group %s belongs to another VPC than the subnets.", row.id);
	place->allow_all = place->allow_all || r == 0;
	place->groups[place->n_groups++] = arena_strdup(&c->arena, id);
	return 0;
}

/* Without groups it is the VPC's default one, but what nobody made has nobody's rules. */
static int
default_group(struct call *c, struct task_place *place, bool known)
{
	char id[EC2_ID_MAX] = "";
	int r = vpc_default_group(c->store, &c->scope, place->vpc, id, &c->err);

	if (r > 0)
		place->groups[place->n_groups++] = arena_strdup(&c->arena, id);
	place->allow_all = !known || r == 0;
	return r < 0 ? r : 0;
}

int
task_network_check(struct call *c, struct run_plan *p)
{
	const struct awsvpc_configuration *in = p->in->network->awsvpc;
	struct task_place *place = arena_alloc(&c->arena, sizeof(*place));
	bool known = true, one;
	int r = 0;

	place->subnets = arena_alloc(&c->arena, in->subnets.n * sizeof(*place->subnets));
	place->groups =
	    arena_alloc(&c->arena, (in->security_groups.n + 1) * sizeof(*place->groups));
	for (size_t i = 0; r == 0 && i < in->subnets.n; i++) {
		r = find_subnet(c, place, in->subnets.v[i], &one);
		known = known && one;
	}
	for (size_t i = 0; r == 0 && i < in->security_groups.n; i++)
		r = find_group(c, place, in->security_groups.v[i]);
	if (r == 0 && place->n_groups == 0)
		r = default_group(c, place, known);
	p->place = place;
	return r;
}

/* --- one task --- */

static char *
borrow(struct call *c, const char *s)
{
	return arena_strdup(&c->arena, s != NULL ? s : "");
}

/* The first subnet from the index on that has an address left. */
static int
make_interface(struct call *c, const struct run_plan *p, size_t index, const char *task_id,
    struct vpc_resource *ret, size_t *ret_at)
{
	const struct task_place *place = p->place;
	struct interface_ask ask = { .groups = place->groups,
		.n_groups = place->n_groups,
		.holder = task_id,
		.now_ms = c->now_ms };
	int r = -1;

	ask.description = arena_printf(&c->arena, "arn:aws:ecs:%s:%s:attachment/%s",
	    c->scope.region, c->scope.account, task_id);
	for (size_t i = 0; r < 0 && i < place->n_subnets; i++) {
		*ret_at = (index + i) % place->n_subnets;
		ask.subnet = place->subnets[*ret_at];
		r = interface_make(c->store, &c->scope, &ask, ret, &c->err);
	}
	/* The codes of EC2 are not ECS's. */
	if (r < 0 && c->err.kind == ERR_CODED)
		c->err.kind = ERR_CLIENT;
	return r;
}

/* Where the container is on its Docker network: at the same place in the range. */
static int
fill_engine_side(struct call *c, const char *vpc, const char *cidr_text, uint32_t address,
    Shim__Network *m, struct store_vpc_network *n)
{
	char text[CIDR_TEXT_MAX];
	struct cidr own, engine;
	int r = vpc_plan_network(c->store, &c->scope, vpc, cidr_text, n, &c->err);

	if (r < 0)
		return r;
	call_wish_networks(c);
	if (cidr_parse(n->cidr, &own) < 0 || cidr_parse(n->engine_cidr, &engine) < 0)
		return err_set(&c->err, ERR_SERVER, "the network of %s has no range", vpc);
	m->engine_ipv4 = borrow(c, address_print(engine.base + (address - own.base), text));
	m->prefix_len = (uint32_t)engine.prefix;
	m->gateway = borrow(c, address_print(engine.base + 1, text));
	return 0;
}

static int
fill_message(struct call *c, const struct run_plan *p, size_t at, const struct vpc_resource *eni,
    Shim__Network *m)
{
	_cleanup_resource_ struct vpc_resource vpc = { 0 }, subnet = { 0 };
	struct store_vpc_network n = { 0 };
	bool with_engine = fleet_runner(c->fleet) == RUNNER_SHIM;
	int r = vpc_resource_get(
	    c->store, &c->scope, EC2_SUBNET, p->place->subnets[at], &subnet, &c->err);

	if (r > 0)
		r = vpc_resource_get(c->store, &c->scope, EC2_VPC, p->place->vpc, &vpc, &c->err);
	if (r <= 0)
		return r < 0 ? r : err_set(&c->err, ERR_SERVER, "no VPC %s", p->place->vpc);
	m->vpc_id = borrow(c, p->place->vpc);
	m->network_name = arena_printf(&c->arena, "localemu-vpc-%s", p->place->vpc);
	m->subnet_id = borrow(c, p->in->network->awsvpc->subnets.v[at]);
	m->subnet_cidr = borrow(c, json_get_str(subnet.doc, "cidrBlock"));
	m->eni_id = borrow(c, eni->row.id);
	m->mac = borrow(c, json_get_str(eni->doc, "macAddress"));
	m->private_ipv4 = borrow(c, json_get_str(eni->doc, "privateIpAddress"));
	m->dns_name = borrow(c, json_get_str(eni->doc, "privateDnsName"));
	m->engine_ipv4 = m->private_ipv4;
	if (with_engine)
		r = fill_engine_side(
		    c, p->place->vpc, json_get_str(vpc.doc, "cidrBlock"), eni->row.address, m, &n);
	if (r >= 0)
		r = vpc_firewall_make(c->store, &c->scope, &c->arena, p->place->groups,
		    p->place->n_groups, with_engine ? &n : NULL, &m->firewall, &c->err);
	if (r >= 0)
		m->firewall->allow_all = p->place->allow_all;
	return r < 0 ? r : 0;
}

int
task_network_make(struct call *c, const struct run_plan *p, size_t index, const char *task_id,
    Shim__Network **ret, const char **ret_zone)
{
	_cleanup_resource_ struct vpc_resource eni = { 0 };
	Shim__Network *m = arena_alloc(&c->arena, sizeof(*m));
	char id[37];
	size_t at = 0;
	int r = make_interface(c, p, index, task_id, &eni, &at);

	if (r < 0)
		return r;
	shim__network__init(m);
	random_uuid(id);
	m->attachment_id = borrow(c, id);
	r = fill_message(c, p, at, &eni, m);
	if (r < 0)
		return r;
	*ret = m;
	*ret_zone = borrow(c, json_get_str(eni.doc, "availabilityZone"));
	return 0;
}
