/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Walks the tasks of a cluster for the providers they are on, and prints what ECS attaches to a
 * cluster for an Auto Scaling group: a scaling policy and a lifecycle hook. There is no Auto
 * Scaling here: the attachments say what the provider asks for.
 */
#include "daemon/ecs/cluster_capacity.h"

#include "daemon/ecs/cluster_ref.h"
#include "daemon/store/capacity_provider.h"
#include "daemon/store/task.h"

#include <errno.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>

static bool
has_name(struct json_object *list, const char *name)
{
	for (size_t i = 0; list != NULL && i < json_object_array_length(list); i++)
		if (streq(json_object_get_string(json_object_array_get_idx(list, i)), name))
			return true;
	return false;
}

struct removal {
	struct call *c;
	const char *cluster;
	struct json_object *removed;
	int r;
};

static int
on_task(const char *id, void *arg)
{
	struct removal *m = arg;
	_cleanup_free_ char *text = NULL;
	_cleanup_json_ struct json_object *doc = NULL;
	struct call *c = m->c;

	m->r = store_task_doc(c->store, &c->scope, m->cluster, id, &text, &c->err);
	if (m->r == 1)
		m->r = json_parse(text, strlen(text), &doc, &c->err);
	if (m->r == 0 && has_name(m->removed, json_get_str(doc, "capacityProviderName")))
		m->r = err_set(&c->err, ERR_RESOURCE_IN_USE,
		    "The specified capacity provider is in use and cannot be removed.");
	return m->r < 0;
}

int
cluster_capacity_check_removed(
    struct call *c, const char *cluster, struct json_object *before, struct json_object *after)
{
	_cleanup_json_ struct json_object *removed = json_object_new_array();
	struct removal m = { .c = c, .cluster = cluster, .removed = removed };
	int r;

	for (size_t i = 0; before != NULL && i < json_object_array_length(before); i++) {
		struct json_object *name = json_object_array_get_idx(before, i);

		if (!has_name(after, json_object_get_string(name)))
			json_object_array_add(removed, json_object_get(name));
	}
	if (json_object_array_length(removed) == 0)
		return 0;
	r = store_task_list_live(c->store, &c->scope, cluster, on_task, &m, &c->err);
	return r < 0 ? r : m.r;
}

/* Runs `fn` for each provider of the list that is no built-in one. */
static int
each_provider(struct call *c, struct json_object *providers,
    int (*fn)(struct call *c, const struct store_capacity_provider *p, void *arg), void *arg)
{
	for (size_t i = 0; providers != NULL && i < json_object_array_length(providers); i++) {
		_cleanup_capacity_provider_ struct store_capacity_provider row = { 0 };
		const char *name = json_object_get_string(json_object_array_get_idx(providers, i));
		int r = store_capacity_provider_get(c->store, &c->scope, name, &row, &c->err);

		if (r == 1)
			r = fn(c, &row, arg);
		if (r < 0)
			return r;
	}
	return 0;
}

static int
refuse_managed(struct call *c, const struct store_capacity_provider *p, void *arg)
{
	(void)arg;
	if (p->cluster[0] == '\0' || !streq(p->status, "ACTIVE"))
		return 0;
	return err_set(&c->err, ERR_CLUSTER_CONTAINS_CAPACITY_PROVIDER,
	    "The Cluster cannot be deleted while Capacity Providers are active.");
}

int
cluster_capacity_check_deletable(struct call *c, struct json_object *providers)
{
	return each_provider(c, providers, refuse_managed, NULL);
}

/* --- attachments --- */

/* A UUID that says nothing but which thing it is of. */
static void
uuid_of(char out[static 37], const char *cluster, const char *provider, const char *type)
{
	_cleanup_free_ char *text = xasprintf("%s\n%s\n%s", cluster, provider, type);
	unsigned char d[SHA256_DIGEST_LENGTH];

	(void)SHA256((const unsigned char *)text, strlen(text), d);
	(void)snprintf(out, 37,
	    "%02x%02x%02x%02x-%02x%02x-4%01x%02x-8%01x%02x-%02x%02x%02x%02x%02x%02x", d[0], d[1],
	    d[2], d[3], d[4], d[5], d[6] & 15, d[7], d[8] & 15, d[9], d[10], d[11], d[12], d[13],
	    d[14], d[15]);
}

static void
add_detail(struct json_object *list, const char *name, const char *value)
{
	struct json_object *o = json_object_new_object();

	json_add_str(o, "name", name);
	json_add_str(o, "value", value);
	json_object_array_add(list, o);
}

static void
add_attachment(struct json_object *list, const char *id, const char *type, const char *provider,
    const char *name, const char *value)
{
	struct json_object *o = json_object_new_object(), *details = json_object_new_array();

	json_add_str(o, "id", id);
	json_add_str(o, "type", type);
	json_add_str(o, "status", "ACTIVE");
	add_detail(details, "capacityProviderName", provider);
	add_detail(details, name, value);
	json_add(o, "details", details);
	json_object_array_add(list, o);
}

struct attaching {
	const char *cluster_arn;
	struct json_object *list;
};

static int
attach(struct call *c, const struct store_capacity_provider *p, void *arg)
{
	struct attaching *a = arg;
	_cleanup_json_ struct json_object *doc = NULL;
	struct json_object *group;
	char id[37];
	int r = json_parse(p->doc, strlen(p->doc), &doc, &c->err);

	if (r < 0)
		return r;
	group = json_get(doc, "autoScalingGroupProvider");
	if (streq(json_get_str(json_get(group, "managedScaling"), "status"), "ENABLED")) {
		uuid_of(id, a->cluster_arn, p->name, "as_policy");
		add_attachment(a->list, id, "as_policy", p->name, "scalingPolicyName",
		    arena_printf(&c->arena, "ECSManagedAutoScalingPolicy-%s", id));
	}
	if (streq(json_get_str(group, "managedDraining"), "ENABLED")) {
		uuid_of(id, a->cluster_arn, p->name, "managed_draining");
		add_attachment(a->list, id, "managed_draining", p->name,
		    "autoScalingLifecycleHookName", "ecs-managed-draining-termination-hook");
	}
	return 0;
}

int
cluster_capacity_add_attachments(
    struct call *c, const char *cluster, struct json_object *providers, struct json_object *out)
{
	struct attaching a = { cluster_ref_arn(c, cluster), json_object_new_array() };

	json_add(out, "attachments", a.list);
	if (each_provider(c, providers, attach, &a) < 0)
		return -EINVAL;
	if (json_object_array_length(a.list) > 0)
		json_add_str(out, "attachmentsStatus", "UPDATE_COMPLETE");
	return 0;
}
