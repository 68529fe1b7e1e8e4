/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules of all groups together, references to groups replaced by the addresses of their members,
 * ranges of the VPC said as they are on its Docker network.
 */
#include "daemon/vpc_firewall.h"

#include <string.h>

struct work {
	struct store *store;
	const struct scope *scope;
	struct arena *arena;
	bool replaced; /* the Docker network has another range than the VPC */
	struct cidr own, engine;
	Shim__Firewall *out;
	struct err *e;
	int r;

	/* The rule that is being filled. */
	Shim__FirewallRule *rule;
	const char *group; /* whose members are looked for */
};

static void
add_peer(struct work *w, const struct cidr *c)
{
	Shim__FirewallRule *rule = w->rule;
	char **longer = arena_alloc(w->arena, (rule->n_peers + 1) * sizeof(*longer));
	char text[CIDR_TEXT_MAX];

	if (rule->n_peers > 0)
		memcpy(longer, rule->peers, rule->n_peers * sizeof(*longer));
	longer[rule->n_peers++] = arena_strdup(w->arena, cidr_print(c, text));
	rule->peers = longer;
}

/* A range of the VPC is somewhere else on the Docker network; one around the VPC is both. */
static void
add_range(struct work *w, const struct cidr *c)
{
	struct cidr moved = *c;

	if (w->replaced && cidr_contains(&w->own, c)) {
		moved.base = w->engine.base + (c->base - w->own.base);
		add_peer(w, &moved);
		return;
	}
	add_peer(w, c);
	if (w->replaced && c->prefix > 0 && cidr_contains(c, &w->own))
		add_peer(w, &w->engine);
}

static int
add_member(const struct store_ec2 *row, void *arg)
{
	struct work *w = arg;
	_cleanup_json_ struct json_object *doc = NULL;
	const struct cidr one = { row->address, 32 };
	struct json_object *groups;

	if (json_parse(row->doc, strlen(row->doc), &doc, NULL) < 0)
		return 0;
	groups = json_get(doc, "groupSet");
	for (size_t i = 0; groups != NULL && i < json_object_array_length(groups); i++)
		if (streq(
			json_get_str(json_object_array_get_idx(groups, i), "groupId"), w->group)) {
			add_range(w, &one);
			break;
		}
	return 0;
}

static Shim__FirewallRule *
new_rule(struct work *w, struct json_object *doc)
{
	bool egress = json_get_bool(doc, "isEgress", false);
	Shim__FirewallRule ***list = egress ? &w->out->egress : &w->out->ingress;
	size_t *n = egress ? &w->out->n_egress : &w->out->n_ingress;
	Shim__FirewallRule **longer = arena_alloc(w->arena, (*n + 1) * sizeof(*longer));
	Shim__FirewallRule *rule = arena_alloc(w->arena, sizeof(*rule));

	shim__firewall_rule__init(rule);
	rule->protocol = arena_strdup(w->arena, json_get_str(doc, "ipProtocol"));
	rule->from_port = (int32_t)json_get_int(doc, "fromPort", -1);
	rule->to_port = (int32_t)json_get_int(doc, "toPort", -1);
	if (*n > 0)
		memcpy(longer, *list, *n * sizeof(*longer));
	longer[(*n)++] = rule;
	*list = longer;
	return rule;
}

static int
add_rule(const struct store_ec2 *row, void *arg)
{
	struct work *w = arg;
	_cleanup_json_ struct json_object *doc = NULL;
	const char *range, *group;
	struct cidr c;

	if (json_parse(row->doc, strlen(row->doc), &doc, NULL) < 0 ||
	    json_get_str(doc, "ipProtocol") == NULL)
		return 0;
	range = json_get_str(doc, "cidrIpv4");
	group = json_get_str(json_get(doc, "referencedGroupInfo"), "groupId");
	if (range == NULL && group == NULL)
		return 0; /* IPv6, or a prefix list: there is none of either on the network */
	w->rule = new_rule(w, doc);
	if (range != NULL && cidr_parse(range, &c) == 0)
		add_range(w, &c);
	w->group = group;
	if (group != NULL)
		w->r = store_ec2_list(
		    w->store, w->scope, EC2_NETWORK_INTERFACE, NULL, NULL, add_member, w, w->e);
	return w->r < 0;
}

int
vpc_firewall_make(struct store *s, const struct scope *sc, struct arena *a,
    const char *const *groups, size_t n_groups, const struct store_vpc_network *n,
    Shim__Firewall **ret, struct err *e)
{
	struct work w = { .store = s, .scope = sc, .arena = a, .e = e };
	int r = 0;

	w.out = arena_alloc(a, sizeof(*w.out));
	shim__firewall__init(w.out);
	if (n != NULL && !streq(n->cidr, n->engine_cidr))
		w.replaced =
		    cidr_parse(n->cidr, &w.own) == 0 && cidr_parse(n->engine_cidr, &w.engine) == 0;
	for (size_t i = 0; r == 0 && i < n_groups; i++) {
		r = store_ec2_list(
		    s, sc, EC2_SECURITY_GROUP_RULE, NULL, groups[i], add_rule, &w, e);
		if (r == 0)
			r = w.r;
	}
	if (r == 0)
		*ret = w.out;
	return r;
}
