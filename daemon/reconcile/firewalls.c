/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keeps for each running awsvpc task what its shim was told last, and tells it anew where that is
 * no longer what its groups say. It must not know how a firewall is made or enforced.
 */
#include "daemon/reconcile/firewalls.h"

#include "common/log.h"
#include "daemon/fleet.h"
#include "daemon/vpc_firewall.h"

#include <stdio.h>
#include <string.h>

struct guarded {
	struct guarded *next;
	struct scope scope;
	char task_id[33];
	char vpc[EC2_ID_MAX];
	bool open;  /* nobody made its groups: nothing of it can change, but it is a member */
	void *told; /* the firewall as it was packed last */
	size_t told_len;
};

struct firewalls {
	struct store *store;
	struct fleet *fleet;
	struct timer *look;
	struct guarded *list;
};

static void on_look(void *arg);

struct firewalls *
firewalls_new(struct loop *l, struct store *store, struct fleet *fleet)
{
	struct firewalls *f = xcalloc(1, sizeof(*f));

	*f = (struct firewalls){ .store = store, .fleet = fleet };
	f->look = timer_new(l, on_look, f);
	return f;
}

static void
guarded_free(struct guarded *g)
{
	free(g->told);
	free(g);
}

void
firewalls_free(struct firewalls *f)
{
	if (f == NULL)
		return;
	for (struct guarded *g = f->list, *next; g != NULL; g = next) {
		next = g->next;
		guarded_free(g);
	}
	timer_free(f->look);
	free(f);
}

void
firewalls_look(struct firewalls *f)
{
	if (f->list != NULL && !timer_pending(f->look))
		timer_set(f->look, 0);
}

/* The groups of a task's interface, in the arena. */
static size_t
read_groups(struct json_object *doc, struct arena *a, const char ***ret)
{
	struct json_object *set = json_get(doc, "groupSet");
	size_t n = set != NULL ? json_object_array_length(set) : 0;

	*ret = arena_alloc(a, (n + 1) * sizeof(**ret));
	for (size_t i = 0; i < n; i++)
		(*ret)[i] = json_get_str(json_object_array_get_idx(set, i), "groupId");
	return n;
}

static void
tell(struct firewalls *f, struct guarded *g, Shim__Firewall *firewall)
{
	size_t len = shim__firewall__get_packed_size(firewall);
	_cleanup_free_ void *packed = xcalloc(len + 1, 1);

	shim__firewall__pack(firewall, packed);
	if (g->told != NULL && g->told_len == len && memcmp(g->told, packed, len) == 0)
		return;
	fleet_firewall(f->fleet, g->task_id, firewall);
	free(g->told);
	g->told = TAKE(packed);
	g->told_len = len;
}

static void
look_at(struct firewalls *f, struct guarded *g)
{
	_cleanup_(store_ec2_done) struct store_ec2 row = { 0 };
	_cleanup_json_ struct json_object *doc = NULL;
	_cleanup_arena_ struct arena arena = { 0 };
	struct store_vpc_network network = { 0 };
	Shim__Firewall *firewall = NULL;
	const char **groups;
	struct err e = { 0 };
	size_t n;
	int r = store_ec2_held(f->store, &g->scope, g->task_id, &row, &e);

	if (r == 0)
		return; /* it has ended */
	if (r > 0)
		r = json_parse(row.doc, strlen(row.doc), &doc, &e);
	if (r == 0)
		r = store_vpc_network_get(f->store, g->vpc, &network, &e);
	if (r >= 0) {
		n = read_groups(doc, &arena, &groups);
		r = vpc_firewall_make(
		    f->store, &g->scope, &arena, groups, n, r > 0 ? &network : NULL, &firewall, &e);
	}
	if (r < 0)
		log_err("task", g->task_id, "its security groups cannot be read: %s", e.text);
	else
		tell(f, g, firewall);
}

static void
on_look(void *arg)
{
	struct firewalls *f = arg;

	for (struct guarded *g = f->list; g != NULL; g = g->next)
		if (!g->open)
			look_at(f, g);
}

/* NULL for a task without an interface of its own. */
static struct guarded *
new_guarded(const struct store_task *t)
{
	Shim__TaskSpec *spec = shim__task_spec__unpack(NULL, t->spec_len, t->spec);
	const Shim__Network *n = spec != NULL ? spec->network : NULL;
	struct guarded *g = NULL;

	if (n != NULL && n->firewall != NULL) {
		g = xcalloc(1, sizeof(*g));
		g->scope = t->scope;
		g->open = n->firewall->allow_all;
		memcpy(g->task_id, t->id, sizeof(g->task_id));
		(void)snprintf(g->vpc, sizeof(g->vpc), "%s", n->vpc_id);
		g->told_len = shim__firewall__get_packed_size(n->firewall);
		g->told = xcalloc(g->told_len + 1, 1);
		shim__firewall__pack(n->firewall, g->told);
	}
	shim__task_spec__free_unpacked(spec, NULL);
	return g;
}

static void
task_done(struct store_task *t)
{
	store_task_done(t);
}

static bool
forget(struct firewalls *f, const char *task_id)
{
	struct guarded **link = &f->list, *g;

	while (*link != NULL && !streq((*link)->task_id, task_id))
		link = &(*link)->next;
	g = *link;
	if (g == NULL)
		return false;
	*link = g->next;
	guarded_free(g);
	return true;
}

void
firewalls_begin(struct firewalls *f, const char *task_id)
{
	_cleanup_(task_done) struct store_task t = { 0 };
	struct guarded *g;
	struct err e = { 0 };

	/* What another shim was told counts for nothing: this one has what its spec says. */
	(void)forget(f, task_id);
	if (store_task_get(f->store, task_id, &t, &e) != 1)
		return;
	g = new_guarded(&t);
	if (g == NULL)
		return;
	g->next = f->list;
	f->list = g;
	firewalls_look(f);
}

void
firewalls_end(struct firewalls *f, const char *task_id)
{
	if (forget(f, task_id))
		firewalls_look(f);
}
