/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes network interfaces. Called by services/ec2_interface.c and ecs/task_network.c; it must not
 * know what is attached to one.
 */
#include "daemon/vpc/interface.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* The addresses of a subnet that AWS does not keep for itself. */
static int
usable(const struct vpc_resource *subnet, uint32_t *ret_first, uint32_t *ret_last, struct err *e)
{
	const char *text = json_get_str(subnet->doc, "cidrBlock");
	struct cidr cidr;

	if (text == NULL || cidr_parse(text, &cidr) < 0)
		return err_set(e, ERR_SERVER, "row %s has no range", subnet->row.id);
	*ret_first = cidr.base + VPC_RESERVED;
	*ret_last = cidr_last(&cidr) - 1;
	return 0;
}

int
interface_free(struct store *s, const struct scope *sc, const struct vpc_resource *subnet,
    int64_t *ret, struct err *e)
{
	uint32_t first = 0, last = 0;
	int64_t used = 0;
	int r = usable(subnet, &first, &last, e);

	if (r == 0)
		r = store_ec2_count(s, sc, EC2_NETWORK_INTERFACE, NULL, subnet->row.id, &used, e);
	if (r == 0)
		*ret = (int64_t)last - first + 1 - used;
	return r;
}

static int
choose_address(struct store *s, const struct scope *sc, const struct interface_ask *ask,
    const struct vpc_resource *subnet, uint32_t *ret, struct err *e)
{
	uint32_t first = 0, last = 0, wanted = 0;
	int r = usable(subnet, &first, &last, e);

	if (r < 0)
		return r;
	if (ask->address == NULL) {
		r = store_ec2_free_address(s, sc, ask->subnet, first, last, ret, e);
		if (r == 0)
			return err_set_code(e, 400, "InsufficientFreeAddressesInSubnet",
			    "Insufficient free addresses in subnet %s.", ask->subnet);
		return r < 0 ? r : 0;
	}
	if (address_parse(ask->address, &wanted) < 0)
		return err_set_code(e, 400, "InvalidParameterValue",
		    "invalid value for parameter address: %.64s", ask->address);
	if (wanted < first || wanted > last)
		return err_set_code(e, 400, "InvalidParameterValue",
		    "Address does not fall within the subnet's address range");
	r = store_ec2_free_address(s, sc, ask->subnet, wanted, wanted, ret, e);
	if (r == 0)
		return err_set_code(
		    e, 400, "InvalidIPAddress.InUse", "The specified address is already in use.");
	return r < 0 ? r : 0;
}

void
interface_dns_name(const struct scope *sc, uint32_t address, char *out, size_t size)
{
	bool first_region = streq(sc->region, "us-east-1");

	(void)snprintf(out, size, "ip-%u-%u-%u-%u.%s%s", address >> 24, address >> 16 & 255,
	    address >> 8 & 255, address & 255, first_region ? "ec2" : sc->region,
	    first_region ? ".internal" : ".compute.internal");
}

static void
add_address(struct json_object *doc, const char *address, const char *name)
{
	struct json_object *list = json_object_new_array(), *o = json_object_new_object();

	json_add_str(doc, "privateIpAddress", address);
	json_add_str(doc, "privateDnsName", name);
	json_add_str(o, "privateIpAddress", address);
	json_add_str(o, "privateDnsName", name);
	json_add_bool(o, "primary", true);
	json_object_array_add(list, o);
	json_add(doc, "privateIpAddressesSet", list);
}

static int
add_groups(struct store *s, const struct scope *sc, const struct interface_ask *ask,
    struct json_object *doc, struct err *e)
{
	struct json_object *list = json_object_new_array();

	json_add(doc, "groupSet", list);
	for (size_t i = 0; i < ask->n_groups; i++) {
		_cleanup_resource_ struct vpc_resource group = { 0 };
		struct json_object *o;
		int r = vpc_resource_get(s, sc, EC2_SECURITY_GROUP, ask->groups[i], &group, e);

		if (r < 0)
			return r;
		o = json_object_new_object();
		json_add_str(o, "groupId", ask->groups[i]);
		json_add_str(o, "groupName", r > 0 ? json_get_str(group.doc, "groupName") : NULL);
		json_object_array_add(list, o);
	}
	return 0;
}

static void
add_attachment(struct json_object *doc, const struct scope *sc, int64_t now_ms)
{
	struct json_object *o = json_object_new_object();
	char id[EC2_ID_MAX];

	vpc_new_id("eni-attach", id);
	json_add_str(o, "attachmentId", id);
	json_add_int(o, "deviceIndex", 1);
	json_add_str(o, "instanceOwnerId", sc->account);
	json_add_str(o, "status", "attaching");
	json_add_iso_time(o, "attachTime", now_ms, true);
	json_add_bool(o, "deleteOnTermination", true);
	json_add(doc, "attachment", o);
}

static void
add_identity(struct json_object *doc, const struct scope *sc, const struct interface_ask *ask,
    const struct vpc_resource *subnet, const char *id)
{
	static const char *const from_subnet[] = { "vpcId", "availabilityZone",
		"availabilityZoneId" };
	char hex[11], mac[18];

	json_add_str(doc, "networkInterfaceId", id);
	json_add_str(doc, "subnetId", ask->subnet);
	for (size_t i = 0; i < ARRAY_SIZE(from_subnet); i++)
		json_add_str(doc, from_subnet[i], json_get_str(subnet->doc, from_subnet[i]));
	json_add_str(doc, "description", ask->description != NULL ? ask->description : "");
	json_add_str(doc, "ownerId", sc->account);
	json_add_str(doc, "requesterId", ask->holder != NULL ? "amazon-ecs" : sc->account);
	json_add_bool(doc, "requesterManaged", ask->holder != NULL);
	json_add_str(doc, "status", ask->holder != NULL ? "in-use" : "available");
	json_add_str(doc, "interfaceType", "interface");
	json_add_bool(doc, "sourceDestCheck", true);
	json_add(doc, "ipv6AddressesSet", json_object_new_array());
	/* Locally administered, as an address that nobody was sold must be. */
	random_hex(hex, 5);
	(void)snprintf(mac, sizeof(mac), "02:%.2s:%.2s:%.2s:%.2s:%.2s", hex, hex + 2, hex + 4,
	    hex + 6, hex + 8);
	json_add_str(doc, "macAddress", mac);
}

int
interface_make(struct store *s, const struct scope *sc, const struct interface_ask *ask,
    struct vpc_resource *ret, struct err *e)
{
	_cleanup_resource_ struct vpc_resource subnet = { 0 }, made = { 0 };
	char text[CIDR_TEXT_MAX], name[128];
	int r = vpc_resource_get(s, sc, EC2_SUBNET, ask->subnet, &subnet, e);

	if (r <= 0)
		return r < 0 ? r : err_set(e, ERR_SERVER, "no subnet %s", ask->subnet);
	r = choose_address(s, sc, ask, &subnet, &made.row.address, e);
	if (r < 0)
		return r;
	made.row.kind = EC2_NETWORK_INTERFACE;
	made.doc = json_object_new_object();
	vpc_new_id("eni", made.row.id);
	memcpy(made.row.vpc, subnet.row.vpc, sizeof(made.row.vpc));
	memcpy(made.row.parent, subnet.row.id, sizeof(made.row.parent));
	if (ask->holder != NULL)
		(void)snprintf(made.row.holder, sizeof(made.row.holder), "%s", ask->holder);
	add_identity(made.doc, sc, ask, &subnet, made.row.id);
	interface_dns_name(sc, made.row.address, name, sizeof(name));
	add_address(made.doc, address_print(made.row.address, text), name);
	if (ask->holder != NULL)
		add_attachment(made.doc, sc, ask->now_ms);
	r = add_groups(s, sc, ask, made.doc, e);
	if (r == 0)
		r = vpc_resource_put(s, sc, &made, e);
	if (r < 0)
		return r;
	*ret = made;
	made = (struct vpc_resource){ 0 };
	return 0;
}

int
interface_attach_held(struct store *s, const struct scope *sc, const char *holder, struct err *e)
{
	_cleanup_resource_ struct vpc_resource r = { 0 };
	struct json_object *attachment;
	int found = store_ec2_held(s, sc, holder, &r.row, e);

	if (found <= 0)
		return found;
	if (json_parse(r.row.doc, strlen(r.row.doc), &r.doc, e) < 0)
		return err_set(e, ERR_SERVER, "row %s cannot be read", r.row.id);
	attachment = json_get(r.doc, "attachment");
	if (attachment == NULL || streq(json_get_str(attachment, "status"), "attached"))
		return 0;
	json_add_str(attachment, "status", "attached");
	return vpc_resource_put(s, sc, &r, e);
}

int
interface_release(struct store *s, const struct scope *sc, const char *holder, struct err *e)
{
	_cleanup_(store_ec2_done) struct store_ec2 row = { 0 };
	int found = store_ec2_held(s, sc, holder, &row, e);

	if (found <= 0)
		return found;
	return store_ec2_delete(s, sc, EC2_NETWORK_INTERFACE, row.id, e);
}
