/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads permissions of requests, checks protocols, ports and peers, and lists the rules they mean.
 * Called by ec2_rule.c.
 */
#include "daemon/services/ec2_rule.h"

#include "daemon/config.h"

#include <arpa/inet.h>
#include <string.h>

/* clang-format off */
static const struct schema_field ipv4_fields[] = {
	F_STR(struct range_in, peer, "CidrIp"), F_STR(struct range_in, description, "Description"),
};
static const struct schema ipv4_schema = SCHEMA(struct range_in, ipv4_fields, "IpRange");
static const struct schema_field ipv6_fields[] = {
	F_STR(struct range_in, peer, "CidrIpv6"), F_STR(struct range_in, description, "Description"),
};
static const struct schema ipv6_schema = SCHEMA(struct range_in, ipv6_fields, "Ipv6Range");
static const struct schema_field prefix_list_fields[] = {
	F_STR(struct range_in, peer, "PrefixListId"), F_STR(struct range_in, description, "Description"),
};
static const struct schema prefix_list_schema = SCHEMA(struct range_in, prefix_list_fields, "PrefixListId");
static const struct schema_field pair_fields[] = {
	F_STR(struct pair_in, group, "GroupId"),
	F_STR(struct pair_in, name, "GroupName"),
	F_STR(struct pair_in, user, "UserId"),
	F_STR(struct pair_in, description, "Description"),
};
static const struct schema pair_schema = SCHEMA(struct pair_in, pair_fields, "UserIdGroupPair");
static const struct schema_field permission_fields[] = {
	F_STR(struct permission_in, protocol, "IpProtocol"),
	F_INT(struct permission_in, from, "FromPort"),
	F_INT(struct permission_in, to, "ToPort"),
	F_LIST(struct permission_in, groups, "Groups", struct pair_in, &pair_schema),
	F_LIST(struct permission_in, ipv4, "IpRanges", struct range_in, &ipv4_schema),
	F_LIST(struct permission_in, ipv6, "Ipv6Ranges", struct range_in, &ipv6_schema),
	F_LIST(struct permission_in, prefix_lists, "PrefixListIds", struct range_in, &prefix_list_schema),
};
static const struct schema permission_schema = SCHEMA(struct permission_in, permission_fields, "IpPermission");
static const struct schema_field description_fields[] = {
	F_STR(struct description_in, rule, "SecurityGroupRuleId"),
	F_STR(struct description_in, description, "Description"),
};
static const struct schema description_schema =
	SCHEMA(struct description_in, description_fields, "SecurityGroupRuleDescription");

#define RULES_FIELDS                                                                              \
	F_STR(struct rules_in, group, "GroupId"),                                                 \
	F_STR(struct rules_in, group_name, "GroupName"),                                          \
	F_LIST(struct rules_in, permissions, "IpPermissions", struct permission_in, &permission_schema), \
	F_STR(struct rules_in, protocol, "IpProtocol"),                                           \
	F_INT(struct rules_in, from, "FromPort"),                                                 \
	F_INT(struct rules_in, to, "ToPort"),                                                     \
	F_STR(struct rules_in, cidr, "CidrIp"),                                                   \
	F_STR(struct rules_in, source_name, "SourceSecurityGroupName"),                           \
	F_EC2_DRY_RUN(struct rules_in)
static const struct schema_field authorize_fields[] = { RULES_FIELDS, F_EC2_TAG_SPECS(struct rules_in) };
const struct schema ec2_authorize_ingress_schema =
	SCHEMA(struct rules_in, authorize_fields, "AuthorizeSecurityGroupIngressRequest");
const struct schema ec2_authorize_egress_schema =
	SCHEMA(struct rules_in, authorize_fields, "AuthorizeSecurityGroupEgressRequest");
static const struct schema_field revoke_fields[] = {
	RULES_FIELDS, F_STRS(struct rules_in, ids, "SecurityGroupRuleId"),
};
const struct schema ec2_revoke_ingress_schema =
	SCHEMA(struct rules_in, revoke_fields, "RevokeSecurityGroupIngressRequest");
const struct schema ec2_revoke_egress_schema =
	SCHEMA(struct rules_in, revoke_fields, "RevokeSecurityGroupEgressRequest");
static const struct schema_field update_fields[] = {
	RULES_FIELDS,
	F_LIST(struct rules_in, descriptions, "SecurityGroupRuleDescription", struct description_in, &description_schema),
};
const struct schema ec2_update_ingress_schema =
	SCHEMA(struct rules_in, update_fields, "UpdateSecurityGroupRuleDescriptionsIngressRequest");
const struct schema ec2_update_egress_schema =
	SCHEMA(struct rules_in, update_fields, "UpdateSecurityGroupRuleDescriptionsEgressRequest");

/* Protocols that have names, by number. */
static const struct {
	const char *number, *name;
} protocols[] = { { "6", "tcp" }, { "17", "udp" }, { "1", "icmp" }, { "58", "icmpv6" }, { "all", "-1" } };
/* clang-format on */

static const char *
protocol_name(const char *given)
{
	for (size_t i = 0; i < ARRAY_SIZE(protocols); i++)
		if (streq(given, protocols[i].number))
			return protocols[i].name;
	return given;
}

static bool
has_ports(const char *protocol)
{
	return streq(protocol, "tcp") || streq(protocol, "udp");
}

/* Protocol and ports of a permission, as a rule has them. */
static int
check_ports(struct call *c, const struct permission_in *p, struct json_object **ret)
{
	const char *protocol;
	int64_t from = -1, to = -1;

	if (p->protocol == NULL)
		return ec2_require(c, NULL, "ipProtocol");
	protocol = protocol_name(p->protocol);
	if (!has_ports(protocol) && !has_prefix(protocol, "icmp") && !streq(protocol, "-1") &&
	    (protocol[0] == '\0' || strspn(protocol, "0123456789") != strlen(protocol) ||
		strtol(protocol, NULL, 10) > 255))
		return err_set_code(&c->err, 400, "InvalidParameterValue",
		    "Invalid value '%.64s' for IP protocol. Unknown protocol.", protocol);
	if (has_ports(protocol) || has_prefix(protocol, "icmp")) {
		if (!p->from.set || !p->to.set)
			return err_set_code(&c->err, 400, "InvalidParameterValue",
			    "Invalid value 'Must specify both from and to ports with TCP/UDP.' for "
			    "portRange.");
		from = p->from.v;
		to = p->to.v;
	}
	if (has_ports(protocol) && (from < 0 || to > 65535 || from > to))
		return err_set_code(&c->err, 400, "InvalidParameterValue",
		    "Invalid TCP/UDP port range (%lld:%lld)", (long long)from, (long long)to);
	*ret = json_object_new_object();
	json_add_str(*ret, "ipProtocol", protocol);
	json_add_int(*ret, "fromPort", from);
	json_add_int(*ret, "toPort", to);
	return 0;
}

static int
check_peer(struct call *c, const char *key, const char *peer, char *ret_canonical)
{
	struct in6_addr ignored;
	struct cidr cidr;
	char address[64] = "";

	if (peer == NULL)
		return ec2_require(c, NULL, key);
	if (streq(key, "cidrIpv4")) {
		if (cidr_parse(peer, &cidr) < 0)
			return err_set_code(&c->err, 400, "InvalidParameterValue",
			    "CIDR block %.64s is malformed", peer);
		(void)cidr_print(&cidr, ret_canonical);
	} else if (streq(key, "cidrIpv6")) {
		const char *slash = strchr(peer, '/');

		if (slash != NULL && (size_t)(slash - peer) < sizeof(address))
			memcpy(address, peer, (size_t)(slash - peer));
		if (inet_pton(AF_INET6, address, &ignored) != 1)
			return err_set_code(&c->err, 400, "InvalidParameterValue",
			    "CIDR block %.64s is malformed", peer);
	}
	return 0;
}

/* Adds a rule of the permission with this peer to the list of rules. */
static void
add_one(struct json_object *list, struct json_object *base, const char *key,
    struct json_object *peer, const char *description)
{
	struct json_object *rule = json_copy(base);

	json_add(rule, key, peer);
	json_add_str(rule, "description", description);
	json_object_array_add(list, rule);
}

static int
add_ranges(struct call *c, struct json_object *list, struct json_object *base, const char *key,
    const struct range_in *ranges, size_t n)
{
	char canonical[CIDR_TEXT_MAX] = "";
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++) {
		r = check_peer(c, key, ranges[i].peer, canonical);
		if (r == 0)
			add_one(list, base, key,
			    json_object_new_string(
				canonical[0] != '\0' ? canonical : ranges[i].peer),
			    ranges[i].description);
	}
	return r;
}

struct by_name {
	const char *name;
	char id[EC2_ID_MAX];
};

static int
look_for_name(const struct store_ec2 *row, void *arg)
{
	_cleanup_json_ struct json_object *doc = NULL;
	struct by_name *f = arg;

	if (json_parse(row->doc, strlen(row->doc), &doc, NULL) < 0 ||
	    !streq(json_get_str(doc, "groupName"), f->name))
		return 0;
	memcpy(f->id, row->id, sizeof(f->id));
	return 1;
}

int
ec2_rule_group(struct call *c, const char *id, const char *name, char ret_id[static EC2_ID_MAX])
{
	_cleanup_resource_ struct vpc_resource group = { 0 };
	struct by_name f = { name, "" };
	char vpc[EC2_ID_MAX] = "";
	int r = 0;

	if (id == NULL && name != NULL) {
		r = vpc_default(c->store, &c->scope, c->config->owner, vpc, &c->err);
		if (r > 0)
			r = store_ec2_list(c->store, &c->scope, EC2_SECURITY_GROUP, vpc, NULL,
			    look_for_name, &f, &c->err);
		if (r == 0 && f.id[0] == '\0')
			return err_set_code(&c->err, 400, "InvalidGroup.NotFound",
			    "The security group '%.255s' does not exist in default VPC '%s'", name,
			    vpc);
		id = f.id;
	}
	if (r == 0)
		r = ec2_require(c, id, "groupId");
	if (r == 0)
		r = ec2_get(c, &ec2_group_view, id, &group);
	if (r == 0)
		memcpy(ret_id, group.row.id, EC2_ID_MAX);
	return r;
}

static int
add_groups(struct call *c, struct json_object *list, struct json_object *base,
    const struct permission_in *p)
{
	char id[EC2_ID_MAX] = "";
	int r = 0;

	for (size_t i = 0; r == 0 && i < p->groups.n; i++) {
		const struct pair_in *pair = &p->groups.v[i];
		struct json_object *o;

		r = ec2_rule_group(c, pair->group, pair->name, id);
		if (r < 0)
			return r;
		o = json_object_new_object();
		json_add_str(o, "groupId", id);
		json_add_str(o, "userId", pair->user != NULL ? pair->user : c->scope.account);
		add_one(list, base, "referencedGroupInfo", o, pair->description);
	}
	return r;
}

static int
add_permission(struct call *c, struct json_object *list, const struct permission_in *p)
{
	_cleanup_json_ struct json_object *base = NULL;
	size_t before = json_object_array_length(list);
	int r = check_ports(c, p, &base);

	if (r == 0)
		r = add_ranges(c, list, base, "cidrIpv4", p->ipv4.v, p->ipv4.n);
	if (r == 0)
		r = add_ranges(c, list, base, "cidrIpv6", p->ipv6.v, p->ipv6.n);
	if (r == 0)
		r = add_ranges(c, list, base, "prefixListId", p->prefix_lists.v, p->prefix_lists.n);
	if (r == 0)
		r = add_groups(c, list, base, p);
	if (r == 0 && json_object_array_length(list) == before)
		return err_set_code(&c->err, 400, "MissingParameter",
		    "The request must contain a source or destination for each permission");
	return r;
}

int
ec2_rule_list(struct call *c, const struct rules_in *in, struct json_object *list)
{
	struct range_in range = { in->cidr, NULL };
	struct pair_in pair = { NULL, in->source_name, NULL, NULL };
	struct permission_in one = { .protocol = in->protocol, .from = in->from, .to = in->to };
	int r = 0;

	for (size_t i = 0; r == 0 && i < in->permissions.n; i++)
		r = add_permission(c, list, &in->permissions.v[i]);
	if (r < 0 || in->permissions.n > 0)
		return r;
	if (in->protocol == NULL && in->cidr == NULL && in->source_name == NULL)
		return ec2_require(c, NULL, "ipPermissions");
	if (in->source_name != NULL && in->protocol == NULL)
		one.protocol = "-1";
	if (in->cidr != NULL) {
		one.ipv4.n = 1;
		one.ipv4.v = &range;
	}
	if (in->source_name != NULL) {
		one.groups.n = 1;
		one.groups.v = &pair;
	}
	return add_permission(c, list, &one);
}
