/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The capacityProviders of clusters as capacity_provider.c sees them: which cluster has a provider,
 * and managed instances that come and go with their own. What else is in a cluster's document is
 * left as it is.
 */
#include "daemon/ecs/capacity_provider.h"
#include "daemon/store/cluster.h"

#include <errno.h>
#include <string.h>

static int
parse(struct call *c, const struct store_cluster *row, struct json_object **ret)
{
	const char *doc = row->doc != NULL ? row->doc : "{}";

	return json_parse(doc, strlen(doc), ret, &c->err);
}

/* Index of `name` in a list of names, or of items that have it as capacityProvider; -1: not there.
 */
static int
find_name(struct json_object *list, const char *name)
{
	for (size_t i = 0; list != NULL && i < json_object_array_length(list); i++) {
		struct json_object *item = json_object_array_get_idx(list, i);

		if (json_object_is_type(item, json_type_string)
			? streq(json_object_get_string(item), name)
			: streq(json_get_str(item, "capacityProvider"), name))
			return (int)i;
	}
	return -1;
}

static int
edit(struct call *c, const char *cluster, const char *name, bool join)
{
	struct store_cluster row = { 0 };
	_cleanup_json_ struct json_object *doc = NULL;
	struct json_object *list;
	int at, r;

	r = store_cluster_get(c->store, &c->scope, cluster, &row, &c->err);
	if (r == 1)
		r = parse(c, &row, &doc) < 0 ? -EIO : 1;
	if (r == 1) {
		list = json_get(doc, "capacityProviders");
		if (list == NULL) {
			list = json_object_new_array();
			json_add(doc, "capacityProviders", list);
		}
		at = find_name(list, name);
		if (join && at < 0)
			json_object_array_add(list, json_object_new_string(name));
		else if (!join && at >= 0)
			json_object_array_del_idx(list, (size_t)at, 1);
		free(row.doc);
		row.doc = xstrdup(json_print(doc));
		r = store_cluster_put(c->store, &c->scope, &row, &c->err);
	}
	store_cluster_done(&row);
	return r < 0 ? r : 0;
}

int
capacity_provider_join(struct call *c, const char *cluster, const char *name)
{
	return edit(c, cluster, name, true);
}

int
capacity_provider_leave(struct call *c, const char *cluster, const char *name)
{
	return edit(c, cluster, name, false);
}

struct search {
	struct call *c;
	const char *name;
	const char *member;
	const char *found;
	int r;
};

static int
on_cluster(const struct store_cluster *row, void *arg)
{
	struct search *s = arg;
	_cleanup_json_ struct json_object *doc = NULL;

	s->r = parse(s->c, row, &doc);
	if (s->r < 0)
		return 1;
	if (find_name(json_get(doc, s->member), s->name) < 0)
		return 0;
	s->found = arena_strdup(&s->c->arena, row->name);
	return 1;
}

int
capacity_provider_user(
    struct call *c, const char *name, bool default_strategy, const char **ret_cluster)
{
	struct search s = { .c = c,
		.name = name,
		.member =
		    default_strategy ? "defaultCapacityProviderStrategy" : "capacityProviders" };
	int r = store_cluster_list(c->store, &c->scope, NULL, -1, on_cluster, &s, &c->err);

	if (r == 0)
		r = s.r;
	if (r == 0)
		*ret_cluster = s.found;
	return r;
}
