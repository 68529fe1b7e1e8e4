/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Documents of VPCs, subnets, security groups and their rules as EC2 prints them, and the default
 * VPC. Called by services/ec2* and vpc/interface.c; it must not know filters, errors of requests or
 * the Engine.
 */
#include "daemon/vpc/vpc.h"

#include "daemon/arn.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#define DEFAULT_CIDR 0xac1f0000 /* 172.31.0.0/16, with subnets of /20 */
#define DEFAULT_ZONES 3
#define ACCOUNT_ROW "account" /* id of the one EC2_ACCOUNT row; its doc names the default VPC */

void
vpc_resource_done(struct vpc_resource *r)
{
	store_ec2_done(&r->row);
	json_object_put(TAKE(r->doc));
}

int
vpc_resource_get(struct store *s, const struct scope *sc, enum ec2_kind kind, const char *id,
    struct vpc_resource *ret, struct err *e)
{
	_cleanup_resource_ struct vpc_resource r = { 0 };
	int found = store_ec2_get(s, sc, kind, id, &r.row, e);

	if (found <= 0)
		return found;
	found = json_parse(r.row.doc, strlen(r.row.doc), &r.doc, e);
	if (found < 0)
		return err_set(e, ERR_SERVER, "row %s cannot be read", id);
	*ret = (struct vpc_resource){ r.row, TAKE(r.doc) };
	r.row.doc = NULL;
	return 1;
}

int
vpc_resource_put(struct store *s, const struct scope *sc, struct vpc_resource *r, struct err *e)
{
	free(r->row.doc);
	r->row.doc = xstrdup(json_print(r->doc));
	return store_ec2_put(s, sc, &r->row, e);
}

void
vpc_new_id(const char *prefix, char out[static EC2_ID_MAX])
{
	char hex[17];

	random_hex(hex, 8);
	(void)snprintf(out, EC2_ID_MAX, "%.16s-0%s", prefix, hex);
}

/* Whoever asks a new daemon for its default VPC gets the ids that the last one had. */
static void
seeded_id(const char *prefix, const struct scope *sc, const char *owner, const char *what,
    char out[static EC2_ID_MAX])
{
	_cleanup_free_ char *seed = xasprintf("%s/%s/%s/%s", owner, sc->account, sc->region, what);
	unsigned char digest[EVP_MAX_MD_SIZE];
	char hex[17];

	if (EVP_Digest(seed, strlen(seed), digest, NULL, EVP_sha256(), NULL) != 1)
		abort();
	for (int i = 0; i < 8; i++)
		(void)snprintf(hex + 2 * i, 3, "%02x", digest[i]);
	(void)snprintf(out, EC2_ID_MAX, "%.16s-0%s", prefix, hex);
}

/* Writes a new row; an empty id is replaced by a new one. `doc` is taken over and gets the id under
 * `key` as its first word of identity. */
static int
put_new(struct store *s, const struct scope *sc, enum ec2_kind kind, const char *id,
    const char *vpc, const char *parent, struct json_object *doc, struct err *e)
{
	_cleanup_resource_ struct vpc_resource r = { .row = { .kind = kind }, .doc = doc };

	(void)snprintf(r.row.id, sizeof(r.row.id), "%s", id);
	(void)snprintf(r.row.vpc, sizeof(r.row.vpc), "%s", vpc);
	(void)snprintf(r.row.parent, sizeof(r.row.parent), "%s", parent);
	return vpc_resource_put(s, sc, &r, e);
}

static void
name_it(const char *prefix, char id[static EC2_ID_MAX])
{
	if (id[0] == '\0')
		vpc_new_id(prefix, id);
}

static struct json_object *
one_item(struct json_object *item)
{
	struct json_object *list = json_object_new_array();

	json_object_array_add(list, item);
	return list;
}

static struct json_object *
state(const char *key, const char *word)
{
	struct json_object *o = json_object_new_object();

	json_add_str(o, key, word);
	return o;
}

/* --- parts of a VPC --- */

int
vpc_make_rule(struct store *s, const struct scope *sc, const char *group, bool egress,
    struct json_object *rule, char ret_id[static EC2_ID_MAX], struct err *e)
{
	struct json_object *doc = json_object_new_object();
	char arn[ARN_MAX];

	vpc_new_id("sgr", ret_id);
	json_add_str(doc, "securityGroupRuleId", ret_id);
	json_add_str(doc, "groupId", group);
	json_add_str(doc, "groupOwnerId", sc->account);
	json_add_bool(doc, "isEgress", egress);
	json_object_object_foreach(rule, key, v) json_add(doc, key, json_object_get(v));
	(void)snprintf(arn, sizeof(arn), "arn:%s:ec2:%s:%s:security-group-rule/%s",
	    arn_partition(sc->region), sc->region, sc->account, ret_id);
	json_add_str(doc, "securityGroupRuleArn", arn);
	json_object_put(rule);
	return put_new(s, sc, EC2_SECURITY_GROUP_RULE, ret_id, "", group, doc, e);
}

static struct json_object *
all_traffic(void)
{
	struct json_object *rule = json_object_new_object();

	json_add_str(rule, "ipProtocol", "-1");
	json_add_int(rule, "fromPort", -1);
	json_add_int(rule, "toPort", -1);
	return rule;
}

int
vpc_make_group(struct store *s, const struct scope *sc, const char *vpc, const char *name,
    const char *description, char id[static EC2_ID_MAX], struct err *e)
{
	struct json_object *doc = json_object_new_object(), *rule = all_traffic();
	char arn[ARN_MAX], rule_id[EC2_ID_MAX];
	int r;

	name_it("sg", id);
	json_add_str(doc, "ownerId", sc->account);
	json_add_str(doc, "groupId", id);
	json_add_str(doc, "groupName", name);
	json_add_str(doc, "groupDescription", description);
	json_add_str(doc, "vpcId", vpc);
	(void)snprintf(arn, sizeof(arn), "arn:%s:ec2:%s:%s:security-group/%s",
	    arn_partition(sc->region), sc->region, sc->account, id);
	json_add_str(doc, "securityGroupArn", arn);
	json_add_str(rule, "cidrIpv4", "0.0.0.0/0");
	r = put_new(s, sc, EC2_SECURITY_GROUP, id, vpc, "", doc, e);
	if (r < 0) {
		json_object_put(rule);
		return r;
	}
	return vpc_make_rule(s, sc, id, true, rule, rule_id, e);
}

/* The default group lets its members talk to each other. */
static int
make_default_group(struct store *s, const struct scope *sc, const char *vpc,
    char id[static EC2_ID_MAX], struct err *e)
{
	struct json_object *rule, *reference;
	char rule_id[EC2_ID_MAX];
	int r = vpc_make_group(s, sc, vpc, "default", "default VPC security group", id, e);

	if (r < 0)
		return r;
	rule = all_traffic();
	reference = json_object_new_object();
	json_add_str(reference, "groupId", id);
	json_add_str(reference, "userId", sc->account);
	json_add(rule, "referencedGroupInfo", reference);
	return vpc_make_rule(s, sc, id, false, rule, rule_id, e);
}

static int
make_main_route_table(struct store *s, const struct scope *sc, const char *vpc, const char *cidr,
    const char *gateway, char id[static EC2_ID_MAX], struct err *e)
{
	struct json_object *doc = json_object_new_object(), *routes = json_object_new_array();
	struct json_object *route = json_object_new_object(), *main = json_object_new_object();
	char association[EC2_ID_MAX];

	name_it("rtb", id);
	vpc_new_id("rtbassoc", association);
	json_add_str(doc, "routeTableId", id);
	json_add_str(doc, "vpcId", vpc);
	json_add_str(doc, "ownerId", sc->account);
	json_add_str(route, "destinationCidrBlock", cidr);
	json_add_str(route, "gatewayId", "local");
	json_add_str(route, "state", "active");
	json_add_str(route, "origin", "CreateRouteTable");
	json_object_array_add(routes, route);
	if (gateway != NULL) {
		route = json_object_new_object();
		json_add_str(route, "destinationCidrBlock", "0.0.0.0/0");
		json_add_str(route, "gatewayId", gateway);
		json_add_str(route, "state", "active");
		json_add_str(route, "origin", "CreateRoute");
		json_object_array_add(routes, route);
	}
	json_add(doc, "routeSet", routes);
	json_add_str(main, "routeTableAssociationId", association);
	json_add_str(main, "routeTableId", id);
	json_add_bool(main, "main", true);
	json_add(main, "associationState", state("state", "associated"));
	json_add(doc, "associationSet", one_item(main));
	json_add(doc, "propagatingVgwSet", json_object_new_array());
	return put_new(s, sc, EC2_ROUTE_TABLE, id, vpc, "", doc, e);
}

static struct json_object *
acl_entry(int number, bool egress, const char *action)
{
	struct json_object *o = json_object_new_object();

	json_add_int(o, "ruleNumber", number);
	json_add_str(o, "protocol", "-1");
	json_add_str(o, "ruleAction", action);
	json_add_bool(o, "egress", egress);
	json_add_str(o, "cidrBlock", "0.0.0.0/0");
	return o;
}

static int
make_acl(struct store *s, const struct scope *sc, const char *vpc, struct err *e)
{
	struct json_object *doc = json_object_new_object(), *entries = json_object_new_array();
	char id[EC2_ID_MAX];

	vpc_new_id("acl", id);
	json_add_str(doc, "networkAclId", id);
	json_add_str(doc, "vpcId", vpc);
	json_add_str(doc, "ownerId", sc->account);
	json_add_bool(doc, "default", true);
	for (int egress = 1; egress >= 0; egress--) {
		json_object_array_add(entries, acl_entry(100, egress != 0, "allow"));
		json_object_array_add(entries, acl_entry(32767, egress != 0, "deny"));
	}
	json_add(doc, "entrySet", entries);
	return put_new(s, sc, EC2_NETWORK_ACL, id, vpc, "", doc, e);
}

static int
make_vpc_row(struct store *s, const struct scope *sc, const char *id, const char *cidr,
    const char *tenancy, bool is_default, struct err *e)
{
	struct json_object *doc = json_object_new_object();
	struct json_object *association = json_object_new_object();
	struct json_object *attributes = json_object_new_object();
	char name[EC2_ID_MAX];

	json_add_str(doc, "vpcId", id);
	json_add_str(doc, "ownerId", sc->account);
	json_add_str(doc, "state", "available");
	json_add_str(doc, "cidrBlock", cidr);
	vpc_new_id("vpc-cidr-assoc", name);
	json_add_str(association, "associationId", name);
	json_add_str(association, "cidrBlock", cidr);
	json_add(association, "cidrBlockState", state("state", "associated"));
	json_add(doc, "cidrBlockAssociationSet", one_item(association));
	json_add_str(doc, "dhcpOptionsId", "default");
	json_add_str(doc, "instanceTenancy", tenancy);
	json_add_bool(doc, "isDefault", is_default);
	json_add_bool(attributes, "enableDnsSupport", true);
	json_add_bool(attributes, "enableDnsHostnames", is_default);
	json_add_bool(attributes, "enableNetworkAddressUsageMetrics", false);
	json_add(doc, "_attributes", attributes);
	return put_new(s, sc, EC2_VPC, id, id, "", doc, e);
}

int
vpc_make(struct store *s, const struct scope *sc, const struct cidr *cidr, const char *tenancy,
    char id[static EC2_ID_MAX], struct err *e)
{
	char text[CIDR_TEXT_MAX], group[EC2_ID_MAX] = "", table[EC2_ID_MAX] = "";
	int r;

	name_it("vpc", id);
	r = make_vpc_row(s, sc, id, cidr_print(cidr, text), tenancy, false, e);
	if (r == 0)
		r = make_default_group(s, sc, id, group, e);
	if (r == 0)
		r = make_main_route_table(s, sc, id, text, NULL, table, e);
	return r == 0 ? make_acl(s, sc, id, e) : r;
}

void
vpc_zone_id(const char *zone, char *out, size_t size)
{
	/* "us-east-1a" → "use1-az1": first letters of the direction's words, the number. */
	static const struct {
		const char *word, *letters;
	} directions[] = { { "northeast", "ne" }, { "northwest", "nw" }, { "southeast", "se" },
		{ "southwest", "sw" }, { "north", "n" }, { "south", "s" }, { "east", "e" },
		{ "west", "w" }, { "central", "c" } };
	size_t len = strlen(zone);
	const char *dash = strchr(zone, '-'), *last = strrchr(zone, '-');
	const char *way = dash, *letters = "";

	if (dash == NULL || last == dash || len == 0) {
		(void)snprintf(out, size, "%s", zone);
		return;
	}
	if (has_prefix(dash, "-gov-"))
		way = dash + 4;
	for (size_t i = 0; i < ARRAY_SIZE(directions); i++)
		if (letters[0] == '\0' && has_prefix(way + 1, directions[i].word))
			letters = directions[i].letters;
	(void)snprintf(out, size, "%.*s%s%s%ld-az%d", (int)(dash - zone), zone,
	    way != dash ? "g" : "", letters, strtol(last + 1, NULL, 10),
	    zone[len - 1] >= 'a' && zone[len - 1] <= 'z' ? zone[len - 1] - 'a' + 1 : 1);
}

int
vpc_make_subnet(struct store *s, const struct scope *sc, const char *vpc, const struct cidr *cidr,
    const char *zone, bool is_default, char id[static EC2_ID_MAX], struct err *e)
{
	struct json_object *doc = json_object_new_object(), *names = json_object_new_object();
	char text[CIDR_TEXT_MAX], arn[ARN_MAX], zone_id[64];

	name_it("subnet", id);
	vpc_zone_id(zone, zone_id, sizeof(zone_id));
	json_add_str(doc, "subnetId", id);
	(void)snprintf(arn, sizeof(arn), "arn:%s:ec2:%s:%s:subnet/%s", arn_partition(sc->region),
	    sc->region, sc->account, id);
	json_add_str(doc, "subnetArn", arn);
	json_add_str(doc, "state", "available");
	json_add_str(doc, "ownerId", sc->account);
	json_add_str(doc, "vpcId", vpc);
	json_add_str(doc, "cidrBlock", cidr_print(cidr, text));
	json_add(doc, "ipv6CidrBlockAssociationSet", json_object_new_array());
	json_add_str(doc, "availabilityZone", zone);
	json_add_str(doc, "availabilityZoneId", zone_id);
	json_add_bool(doc, "defaultForAz", is_default);
	json_add_bool(doc, "mapPublicIpOnLaunch", is_default);
	json_add_bool(doc, "mapCustomerOwnedIpOnLaunch", false);
	json_add_bool(doc, "assignIpv6AddressOnCreation", false);
	json_add_bool(doc, "enableDns64", false);
	json_add_bool(doc, "ipv6Native", false);
	json_add_str(names, "hostnameType", "ip-name");
	json_add_bool(names, "enableResourceNameDnsARecord", false);
	json_add_bool(names, "enableResourceNameDnsAAAARecord", false);
	json_add(doc, "privateDnsNameOptionsOnLaunch", names);
	return put_new(s, sc, EC2_SUBNET, id, vpc, "", doc, e);
}

/* --- the default VPC --- */

/* An id of the default VPC's parts: seeded by `owner`, or random where that is NULL. */
static void
part_id(const char *prefix, const struct scope *sc, const char *owner, const char *what,
    char out[static EC2_ID_MAX])
{
	if (owner != NULL)
		seeded_id(prefix, sc, owner, what, out);
	else
		vpc_new_id(prefix, out);
}

static int
make_default_gateway(
    struct store *s, const struct scope *sc, const char *vpc, const char *id, struct err *e)
{
	struct json_object *doc = json_object_new_object(), *attachment;

	attachment = state("state", "available");
	json_add_str(attachment, "vpcId", vpc);
	json_add_str(doc, "internetGatewayId", id);
	json_add_str(doc, "ownerId", sc->account);
	json_add(doc, "attachmentSet", one_item(attachment));
	return put_new(s, sc, EC2_INTERNET_GATEWAY, id, vpc, "", doc, e);
}

static int
make_default_subnets(
    struct store *s, const struct scope *sc, const char *owner, const char *vpc, struct err *e)
{
	char zone[sizeof(sc->region) + 1], id[EC2_ID_MAX];
	int r = 0;

	for (int i = 0; r == 0 && i < DEFAULT_ZONES; i++) {
		struct cidr cidr = { DEFAULT_CIDR + ((uint32_t)i << 12), 20 };

		(void)snprintf(zone, sizeof(zone), "%s%c", sc->region, 'a' + i);
		part_id("subnet", sc, owner, zone, id);
		r = vpc_make_subnet(s, sc, vpc, &cidr, zone, true, id, e);
	}
	return r;
}

static int
note_default(struct store *s, const struct scope *sc, const char *vpc, struct err *e)
{
	return put_new(s, sc, EC2_ACCOUNT, ACCOUNT_ROW, vpc, "", json_object_new_object(), e);
}

static int
make_default(struct store *s, const struct scope *sc, const char *owner,
    char ret_id[static EC2_ID_MAX], struct err *e)
{
	char vpc[EC2_ID_MAX], gateway[EC2_ID_MAX], group[EC2_ID_MAX], table[EC2_ID_MAX];
	const struct cidr cidr = { DEFAULT_CIDR, 16 };
	char text[CIDR_TEXT_MAX];
	int r;

	part_id("vpc", sc, owner, "vpc", vpc);
	part_id("igw", sc, owner, "igw", gateway);
	part_id("sg", sc, owner, "sg", group);
	part_id("rtb", sc, owner, "rtb", table);
	r = make_vpc_row(s, sc, vpc, cidr_print(&cidr, text), "default", true, e);
	if (r == 0)
		r = make_default_group(s, sc, vpc, group, e);
	if (r == 0)
		r = make_default_gateway(s, sc, vpc, gateway, e);
	if (r == 0)
		r = make_main_route_table(s, sc, vpc, text, gateway, table, e);
	if (r == 0)
		r = make_acl(s, sc, vpc, e);
	if (r == 0)
		r = make_default_subnets(s, sc, owner, vpc, e);
	if (r == 0)
		r = note_default(s, sc, vpc, e);
	if (r == 0)
		memcpy(ret_id, vpc, EC2_ID_MAX);
	return r;
}

int
vpc_default(struct store *s, const struct scope *sc, const char *owner,
    char ret_id[static EC2_ID_MAX], struct err *e)
{
	_cleanup_(store_ec2_done) struct store_ec2 row = { 0 };
	int r = store_ec2_get(s, sc, EC2_ACCOUNT, ACCOUNT_ROW, &row, e);

	if (r < 0)
		return r;
	if (r == 0) {
		r = make_default(s, sc, owner, ret_id, e);
		return r < 0 ? r : 1;
	}
	if (row.vpc[0] == '\0')
		return 0;
	memcpy(ret_id, row.vpc, EC2_ID_MAX);
	return 1;
}

int
vpc_default_again(
    struct store *s, const struct scope *sc, char ret_id[static EC2_ID_MAX], struct err *e)
{
	return make_default(s, sc, NULL, ret_id, e);
}

int
vpc_default_gone(struct store *s, const struct scope *sc, struct err *e)
{
	return note_default(s, sc, "", e);
}

/* --- looking up --- */

struct search {
	const char *key, *word; /* a member that must be this word; NULL: any row */
	char id[EC2_ID_MAX];
};

static int
take_match(const struct store_ec2 *row, void *arg)
{
	_cleanup_json_ struct json_object *doc = NULL;
	struct search *f = arg;

	if (f->key != NULL) {
		if (json_parse(row->doc, strlen(row->doc), &doc, NULL) < 0 ||
		    !streq(json_get_str(doc, f->key), f->word))
			return 0;
	}
	memcpy(f->id, row->id, sizeof(f->id));
	return 1;
}

static int
find(struct store *s, const struct scope *sc, enum ec2_kind kind, const char *vpc, struct search *f,
    char ret_id[static EC2_ID_MAX], struct err *e)
{
	int r = store_ec2_list(s, sc, kind, vpc, NULL, take_match, f, e);

	if (r < 0 || f->id[0] == '\0')
		return r;
	memcpy(ret_id, f->id, EC2_ID_MAX);
	return 1;
}

int
vpc_default_group(struct store *s, const struct scope *sc, const char *vpc,
    char ret_id[static EC2_ID_MAX], struct err *e)
{
	return find(s, sc, EC2_SECURITY_GROUP, vpc, &(struct search){ "groupName", "default", "" },
	    ret_id, e);
}

int
vpc_first_subnet(struct store *s, const struct scope *sc, const char *vpc,
    char ret_id[static EC2_ID_MAX], struct err *e)
{
	return find(s, sc, EC2_SUBNET, vpc, &(struct search){ NULL, NULL, "" }, ret_id, e);
}
