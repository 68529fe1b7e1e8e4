/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Chooses ranges against the networks of all VPCs and the host's routes. Called by
 * services/ec2_vpc.c, ecs/task_network.c and vpc_network.c.
 */
#include "daemon/vpc/plan.h"

#include <stdio.h>
#include <string.h>

struct ranges {
	const char *but; /* the network that the choice is for */
	struct cidr *v;
	size_t n;
};

static void
add(struct ranges *r, const struct cidr *c)
{
	r->v = xrealloc(r->v, r->n + 1, sizeof(*r->v));
	r->v[r->n++] = *c;
}

static int
take_network(const struct store_vpc_network *n, void *arg)
{
	struct ranges *r = arg;
	struct cidr c;

	if (!streq(n->vpc, r->but) && cidr_parse(n->engine_cidr, &c) == 0)
		add(r, &c);
	return 0;
}

static int
choose(struct store *s, struct store_vpc_network *n, const struct cidr *taken, size_t n_taken,
    struct err *e)
{
	struct ranges ranges = { .but = n->vpc };
	struct cidr wanted, chosen;
	int r;

	if (cidr_parse(n->cidr, &wanted) < 0)
		return err_set(e, ERR_SERVER, "%s has no range", n->vpc);
	ranges.n = cidr_host_routes(&ranges.v);
	for (size_t i = 0; i < n_taken; i++)
		add(&ranges, &taken[i]);
	r = store_vpc_network_list(s, take_network, &ranges, e);
	if (r == 0 && cidr_choose(&wanted, ranges.v, ranges.n, &chosen) < 0)
		r = err_set(e, ERR_SERVER,
		    "no range of the size of %s is free in 100.64.0.0/10 for the network of %s",
		    n->cidr, n->vpc);
	free(ranges.v);
	if (r < 0)
		return r;
	(void)cidr_print(&chosen, n->engine_cidr);
	n->ready = false;
	return store_vpc_network_put(s, n, e);
}

int
vpc_plan_network(struct store *s, const struct scope *sc, const char *vpc, const char *cidr,
    struct store_vpc_network *ret, struct err *e)
{
	struct store_vpc_network n = { .scope = *sc };
	int r = store_vpc_network_get(s, vpc, ret, e);

	if (r != 0)
		return r < 0 ? r : 0;
	(void)snprintf(n.vpc, sizeof(n.vpc), "%s", vpc);
	(void)snprintf(n.cidr, sizeof(n.cidr), "%s", cidr);
	r = choose(s, &n, NULL, 0, e);
	if (r < 0)
		return r;
	*ret = n;
	return 1;
}

int
vpc_plan_again(struct store *s, struct store_vpc_network *n, const struct cidr *taken,
    size_t n_taken, struct err *e)
{
	return choose(s, n, taken, n_taken, e);
}
