/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CreateCapacityProvider, UpdateCapacityProvider, DeleteCapacityProvider,
 * DescribeCapacityProviders. Called by api.c through ecs_capacity_provider_ops; which cluster uses
 * a provider is in capacity_provider_cluster.c, strategies are for RunTask.
 */
#include "daemon/ecs/capacity_provider.h"

#include "daemon/arn.h"
#include "daemon/ecs/capacity_provider_ref.h"
#include "daemon/ecs/cluster_ref.h"
#include "daemon/ecs/operations.h"
#include "daemon/page.h"
#include "daemon/store/service.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* How long DescribeCapacityProviders still knows a deleted one that is asked for by name. */
#define INACTIVE_SHOWN_MS (60 * 60 * 1000)
#define PAGE_MAX 10

static int create_capacity_provider(struct call *c);
static int update_capacity_provider(struct call *c);
static int delete_capacity_provider(struct call *c);
static int describe_capacity_providers(struct call *c);

/* clang-format off */
static const struct op ops[] = {
	{ .name = "CreateCapacityProvider",    .run = create_capacity_provider,    .input = &create_capacity_provider_schema, .flags = OP_WRITE },
	{ .name = "UpdateCapacityProvider",    .run = update_capacity_provider,    .input = &update_capacity_provider_schema, .flags = OP_WRITE },
	{ .name = "DeleteCapacityProvider",    .run = delete_capacity_provider,    .input = &delete_capacity_provider_schema, .flags = OP_WRITE },
	{ .name = "DescribeCapacityProviders", .run = describe_capacity_providers, .input = &describe_capacity_providers_schema },
};
/* clang-format on */
const struct op_table ecs_capacity_provider_ops = { ops, ARRAY_SIZE(ops) };

/* --- a provider as the API prints it --- */

/* The document of a row, of this family or a cluster; the caller owns it. */
static int
parse_doc(struct call *c, const char *text, struct json_object **ret)
{
	if (text == NULL)
		text = "{}";
	return json_parse(text, strlen(text), ret, &c->err);
}

static int
print_provider(struct call *c, const struct store_capacity_provider *p, bool with_tags,
    struct json_object **ret)
{
	_cleanup_json_ struct json_object *out = NULL;
	struct json_object *tags = NULL;
	char arn[ARN_MAX];
	int r = parse_doc(c, p->doc, &out);

	if (r < 0)
		return r;
	(void)arn_capacity_provider(arn, &c->scope, p->name);
	json_add_str(out, "capacityProviderArn", arn);
	json_add_str(out, "name", p->name);
	json_add_str(out, "status", p->status);
	if (p->cluster[0] != '\0')
		json_add_str(out, "cluster", cluster_ref_arn(c, p->cluster));
	json_add_str(out, "type", p->cluster[0] != '\0' ? "MANAGED_INSTANCES" : "EC2_AUTOSCALING");
	if (with_tags)
		r = tag_set_read(c->store, arn, &tags, &c->err);
	if (r < 0)
		return r;
	json_add(out, "tags", tags != NULL ? tags : json_object_new_array());
	*ret = TAKE(out);
	return 0;
}

static struct json_object *
print_built_in(struct call *c, const char *name)
{
	struct json_object *out = json_object_new_object();
	char arn[ARN_MAX];

	json_add_str(out, "capacityProviderArn", arn_capacity_provider(arn, &c->scope, name));
	json_add_str(out, "name", name);
	json_add_str(out, "status", "ACTIVE");
	json_add(out, "tags", json_object_new_array());
	json_add_str(out, "type", name);
	return out;
}

static int
reply(struct call *c, const struct store_capacity_provider *p)
{
	struct json_object *provider = NULL;
	int r = print_provider(c, p, true, &provider);

	if (r == 0)
		json_add(c->out, "capacityProvider", provider);
	return r;
}

/* --- what Create and Update share --- */

static void
add_default(struct json_object *o, const char *key, struct json_object *value)
{
	if (json_get(o, key) == NULL)
		json_add(o, key, value);
	else
		json_object_put(value);
}

/* Fills in what was left out, and checks what belongs together. A group without managedScaling is
 * not scaled. */
static int
complete_group(struct call *c, struct json_object *group)
{
	struct json_object *scaling = json_get(group, "managedScaling");
	bool scaled;

	if (scaling == NULL) {
		scaling = json_object_new_object();
		json_add_str(scaling, "status", "DISABLED");
		json_add(group, "managedScaling", scaling);
	} else {
		add_default(scaling, "status", json_object_new_string("ENABLED"));
	}
	scaled = streq(json_get_str(scaling, "status"), "ENABLED");
	if (scaled) {
		add_default(scaling, "targetCapacity", json_object_new_int(100));
		add_default(scaling, "minimumScalingStepSize", json_object_new_int(1));
		add_default(scaling, "maximumScalingStepSize", json_object_new_int(10000));
		add_default(scaling, "instanceWarmupPeriod", json_object_new_int(300));
	}
	add_default(group, "managedTerminationProtection", json_object_new_string("DISABLED"));
	add_default(group, "managedDraining", json_object_new_string("ENABLED"));
	if (json_get_int(scaling, "minimumScalingStepSize", 1) >
	    json_get_int(scaling, "maximumScalingStepSize", 10000))
		return err_set(&c->err, ERR_INVALID_PARAMETER,
		    "managedScaling.minimumScalingStepSize can not be greater than "
		    "managedScaling.maximumScalingStepSize.");
	if (!scaled && streq(json_get_str(group, "managedTerminationProtection"), "ENABLED"))
		return err_set(&c->err, ERR_INVALID_PARAMETER,
		    "The managed termination protection setting for the capacity provider is "
		    "invalid. To enable managed termination protection for a capacity provider, "
		    "managed scaling must be enabled.");
	return 0;
}

/* Members of `from` over those of `into`; objects within become one. */
static void
merge(struct json_object *into, struct json_object *from)
{
	json_object_object_foreach(from, key, value)
	{
		struct json_object *old = json_get(into, key);

		if (json_object_is_type(value, json_type_object) &&
		    json_object_is_type(old, json_type_object))
			merge(old, value);
		else
			json_add(into, key, json_object_get(value));
	}
}

/* --- CreateCapacityProvider --- */

static int
check_name(struct call *c, const char *name)
{
	static const char *const reserved[] = { "aws", "ecs", "fargate" };
	struct store_capacity_provider old = { 0 };
	bool there;
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(reserved); i++)
		if (strncasecmp(name, reserved[i], strlen(reserved[i])) == 0)
			return err_set(&c->err, ERR_INVALID_PARAMETER,
			    "The specified capacity provider name is invalid. Up to 255 characters "
			    "are allowed, including letters (upper and lowercase), numbers, "
			    "underscores, and hyphens. The name cannot be prefixed with \"aws\", "
			    "\"ecs\", or \"fargate\". Specify a valid name and try again.");
	r = store_capacity_provider_get(c->store, &c->scope, name, &old, &c->err);
	there = r == 1 && streq(old.status, "ACTIVE");
	store_capacity_provider_done(&old);
	if (there)
		return err_set(&c->err, ERR_CLIENT,
		    "The specified capacity provider already exists. To change the configuration "
		    "of an existing capacity provider, update the capacity provider.");
	return r < 0 ? r : 0;
}

static int
take_group(struct call *c, const struct create_capacity_provider_in *in,
    struct store_capacity_provider *row, struct json_object *doc)
{
	struct json_object *group = schema_prune(&capacity_provider_group_schema, in->group);
	const char *arn = json_get_str(group, "autoScalingGroupArn");
	struct store_capacity_provider other = { 0 };
	int r;

	json_add(doc, "autoScalingGroupProvider", group);
	if (in->cluster != NULL)
		return err_set(&c->err, ERR_INVALID_PARAMETER,
		    "The cluster can only be specified with a managedInstancesProvider.");
	if (has_prefix(arn, "arn:") &&
	    (strstr(arn, ":autoscaling:") == NULL || strstr(arn, ":autoScalingGroupName/") == NULL))
		return err_set(&c->err, ERR_INVALID_PARAMETER,
		    "The specified Auto Scaling group ARN is invalid. Specify a valid ARN and try "
		    "again.");
	r = store_capacity_provider_get_by_group(c->store, &c->scope, arn, &other, &c->err);
	store_capacity_provider_done(&other);
	if (r == 1)
		return err_set(&c->err, ERR_INVALID_PARAMETER,
		    "The specified Auto Scaling group ARN is already being used by another "
		    "capacity provider. Specify a unique Auto Scaling group ARN and try again.");
	row->group = xstrdup(arn);
	return r < 0 ? r : complete_group(c, group);
}

static int
take_managed(struct call *c, const struct create_capacity_provider_in *in,
    struct store_capacity_provider *row, struct json_object *doc)
{
	struct json_object *managed = schema_prune(&capacity_provider_managed_schema, in->managed);
	int r;

	json_add(doc, "managedInstancesProvider", managed);
	if (in->cluster == NULL)
		return err_set(&c->err, ERR_INVALID_PARAMETER,
		    "The cluster must be specified with a managedInstancesProvider.");
	add_default(json_get(managed, "instanceLaunchTemplate"), "capacityOptionType",
	    json_object_new_string("ON_DEMAND"));
	add_default(managed, "propagateTags", json_object_new_string("NONE"));
	json_add_str(doc, "updateStatus", "CREATE_COMPLETE");
	r = cluster_ref_resolve_name(c, in->cluster, row->cluster);
	return r < 0 ? r : capacity_provider_join(c, row->cluster, in->name);
}

static int
create_capacity_provider(struct call *c)
{
	const struct create_capacity_provider_in *in = c->args;
	_cleanup_capacity_provider_ struct store_capacity_provider row = { .status = "ACTIVE" };
	_cleanup_json_ struct json_object *doc = json_object_new_object();
	char arn[ARN_MAX];
	int r;

	if ((in->group == NULL) == (in->managed == NULL))
		return err_set(&c->err, ERR_INVALID_PARAMETER,
		    "Specify either autoScalingGroupProvider or managedInstancesProvider.");
	r = check_name(c, in->name);
	if (r == 0)
		r = tag_set_check(&in->tags, &c->err);
	if (r == 0)
		r = in->group != NULL ? take_group(c, in, &row, doc)
				      : take_managed(c, in, &row, doc);
	if (r < 0)
		return r;
	(void)snprintf(row.name, sizeof(row.name), "%s", in->name);
	row.doc = xstrdup(json_print(doc));
	r = store_capacity_provider_put(c->store, &c->scope, &row, &c->err);
	if (r == 0)
		r = tag_set_write(
		    c->store, arn_capacity_provider(arn, &c->scope, row.name), &in->tags, &c->err);
	return r < 0 ? r : reply(c, &row);
}

/* --- UpdateCapacityProvider --- */

/* The ACTIVE provider that is to be changed; with managed instances, of that cluster. */
static int
find_to_change(
    struct call *c, const char *given, const char *cluster, struct store_capacity_provider *ret)
{
	char in_cluster[ARN_NAME_MAX] = "";
	const char *name = NULL;
	int r = capacity_provider_name(c, given, &name);

	if (r == 1 && capacity_provider_is_fargate(name))
		return err_set(&c->err, ERR_INVALID_PARAMETER,
		    "The capacity provider %s is reserved and cannot be changed or deleted.", name);
	if (r >= 0 && cluster != NULL && cluster_ref_resolve_name(c, cluster, in_cluster) < 0)
		return -EINVAL;
	if (r == 1)
		r = store_capacity_provider_get(c->store, &c->scope, name, ret, &c->err);
	if (r < 0)
		return r;
	if (r == 0 || !streq(ret->status, "ACTIVE") ||
	    (cluster != NULL && !streq(ret->cluster, in_cluster)))
		return err_set(&c->err, ERR_CLIENT,
		    "The specified capacity provider does not exist. Specify a valid name or ARN "
		    "and try again.");
	return 0;
}

static int
update_doc(struct call *c, const struct update_capacity_provider_in *in,
    const struct store_capacity_provider *row, struct json_object *doc)
{
	_cleanup_json_ struct json_object *change = NULL;
	bool managed = row->cluster[0] != '\0';
	struct json_object *o;

	if (in->group == NULL && in->managed == NULL)
		return err_set(&c->err, ERR_INVALID_PARAMETER,
		    "Specify either autoScalingGroupProvider or managedInstancesProvider.");
	if (managed ? in->group != NULL : in->managed != NULL)
		return err_set(&c->err, ERR_INVALID_PARAMETER,
		    "The type of a capacity provider cannot be changed.");
	json_add_str(doc, "updateStatus", "UPDATE_COMPLETE");
	if (managed) {
		change = schema_prune(&capacity_provider_managed_update_schema, in->managed);
		merge(json_get(doc, "managedInstancesProvider"), change);
		return 0;
	}
	o = json_get(doc, "autoScalingGroupProvider");
	change = schema_prune(&capacity_provider_group_update_schema, in->group);
	/* What is left out stays; completing is for scaling that begins with this. */
	merge(o, change);
	return complete_group(c, o);
}

static int
update_capacity_provider(struct call *c)
{
	const struct update_capacity_provider_in *in = c->args;
	_cleanup_capacity_provider_ struct store_capacity_provider row = { 0 };
	_cleanup_json_ struct json_object *doc = NULL;
	int r = find_to_change(c, in->name, in->cluster, &row);

	if (r == 0)
		r = parse_doc(c, row.doc, &doc);
	if (r == 0)
		r = update_doc(c, in, &row, doc);
	if (r < 0)
		return r;
	free(row.doc);
	row.doc = xstrdup(json_print(doc));
	r = store_capacity_provider_put(c->store, &c->scope, &row, &c->err);
	return r < 0 ? r : reply(c, &row);
}

/* --- DeleteCapacityProvider --- */

static int
check_services(struct call *c, const char *name)
{
	_cleanup_free_ char *service = NULL;
	int r = store_service_find_provider(c->store, &c->scope, name, &service, &c->err);

	if (r == 1)
		return err_set(&c->err, ERR_CLIENT,
		    "The capacity provider cannot be deleted because it is in the capacity "
		    "provider strategy of service: %s. Remove the capacity provider from the "
		    "service and try again.",
		    service);
	return r;
}

/* Managed instances leave their cluster by being deleted; a group has to be taken off before. */
static int
check_unused(struct call *c, const struct store_capacity_provider *row)
{
	const char *cluster = NULL;
	bool managed = row->cluster[0] != '\0';
	int r = capacity_provider_user(c, row->name, managed, &cluster);

	if (r == 0 && cluster != NULL)
		return err_set(&c->err, ERR_CLIENT,
		    "The capacity provider cannot be deleted because it is associated with "
		    "cluster: %s. Remove the capacity provider from the cluster and try again.",
		    cluster);
	if (r == 0)
		r = check_services(c, row->name);
	return r == 0 && managed ? capacity_provider_leave(c, row->cluster, row->name) : r;
}

/* The answer is what ECS says while the deletion goes on; here it is over with it. */
static int
delete_capacity_provider(struct call *c)
{
	const struct delete_capacity_provider_in *in = c->args;
	_cleanup_capacity_provider_ struct store_capacity_provider row = { 0 };
	_cleanup_json_ struct json_object *doc = NULL;
	char arn[ARN_MAX];
	int r = find_to_change(c, in->provider, in->cluster, &row);

	if (r == 0)
		r = check_unused(c, &row);
	if (r == 0)
		r = parse_doc(c, row.doc, &doc);
	if (r < 0)
		return r;
	json_add_str(doc, "updateStatus", "DELETE_IN_PROGRESS");
	free(row.doc);
	row.doc = xstrdup(json_print(doc));
	r = reply(c, &row);
	if (r < 0)
		return r;
	json_add_str(doc, "updateStatus", "DELETE_COMPLETE");
	free(row.doc);
	row.doc = xstrdup(json_print(doc));
	(void)snprintf(row.status, sizeof(row.status), "INACTIVE");
	row.deleted_at_ms = c->now_ms;
	r = store_capacity_provider_put(c->store, &c->scope, &row, &c->err);
	if (r == 0)
		r = tag_set_delete_all(
		    c->store, arn_capacity_provider(arn, &c->scope, row.name), &c->err);
	return r;
}

/* --- DescribeCapacityProviders --- */

struct describing {
	struct call *c;
	bool with_tags;
	struct json_object *of_cluster; /* names of one cluster's providers; NULL: any */
	struct page page;
	struct json_object *providers;
	struct json_object *failures;
	int r;
};

static bool
is_wanted(const struct describing *d, const char *name)
{
	if (d->of_cluster == NULL)
		return true;
	for (size_t i = 0; i < json_object_array_length(d->of_cluster); i++)
		if (streq(
			json_object_get_string(json_object_array_get_idx(d->of_cluster, i)), name))
			return true;
	return false;
}

/* Keys of the list: those of Fargate come first. */
#define KEY_BUILT_IN "0"
#define KEY_ROW "1"

static int
on_row(const struct store_capacity_provider *p, void *arg)
{
	struct describing *d = arg;
	struct json_object *o = NULL;
	char key[sizeof(p->name) + 1];

	if (!is_wanted(d, p->name))
		return 0;
	(void)snprintf(key, sizeof(key), KEY_ROW "%s", p->name);
	if (!page_take(&d->page, key))
		return 1;
	d->r = print_provider(d->c, p, d->with_tags, &o);
	if (d->r == 0)
		json_object_array_add(d->providers, o);
	return d->r < 0;
}

static int
describe_all(struct describing *d)
{
	const char *after = d->page.after;
	char key[32];
	int r;

	for (size_t i = 0; capacity_provider_built_in[i] != NULL; i++) {
		const char *name = capacity_provider_built_in[i];

		(void)snprintf(key, sizeof(key), KEY_BUILT_IN "%s", name);
		if (strcmp(key, after) <= 0 || !is_wanted(d, name))
			continue;
		if (!page_take(&d->page, key))
			return 0;
		json_object_array_add(d->providers, print_built_in(d->c, name));
	}
	r = store_capacity_provider_list(d->c->store, &d->c->scope,
	    has_prefix(after, KEY_ROW) ? after + strlen(KEY_ROW) : NULL, -1, on_row, d, &d->c->err);
	return r < 0 ? r : d->r;
}

static void
add_missing(struct describing *d, const char *given)
{
	struct json_object *failure = json_object_new_object();
	char arn[ARN_MAX];

	json_add_str(failure, "arn",
	    has_prefix(given, "arn:") ? given : arn_capacity_provider(arn, &d->c->scope, given));
	json_add_str(failure, "reason", "MISSING");
	json_object_array_add(d->failures, failure);
}

static int
describe_one(struct describing *d, const char *given)
{
	_cleanup_capacity_provider_ struct store_capacity_provider row = { 0 };
	struct call *c = d->c;
	struct json_object *o = NULL;
	const char *name = NULL;
	int r = capacity_provider_name(c, given, &name);

	if (r == 1 && !is_wanted(d, name))
		r = 0;
	if (r == 1 && capacity_provider_is_fargate(name)) {
		json_object_array_add(d->providers, print_built_in(c, name));
		return 0;
	}
	if (r == 1)
		r = store_capacity_provider_get(c->store, &c->scope, name, &row, &c->err);
	if (r < 0)
		return r;
	if (r == 0 ||
	    (!streq(row.status, "ACTIVE") && row.deleted_at_ms + INACTIVE_SHOWN_MS <= c->now_ms)) {
		add_missing(d, given);
		return 0;
	}
	r = print_provider(c, &row, d->with_tags, &o);
	if (r == 0)
		json_object_array_add(d->providers, o);
	return r;
}

/* Those that are named, in the order in which they are; the key of a page is the place. */
static int
describe_named(struct describing *d, const struct str_list *names)
{
	char key[24];
	int r = 0;

	for (size_t i = 0; r == 0 && i < names->n; i++) {
		(void)snprintf(key, sizeof(key), "%06zu", i);
		if (strcmp(key, d->page.after) <= 0)
			continue;
		if (!page_take(&d->page, key))
			break;
		r = describe_one(d, names->v[i]);
	}
	return r;
}

static int
describe_capacity_providers(struct call *c)
{
	const struct describe_capacity_providers_in *in = c->args;
	_cleanup_cluster_ struct store_cluster cluster = { 0 };
	_cleanup_json_ struct json_object *doc = NULL, *none = json_object_new_array();
	struct describing d = { .c = c,
		.with_tags = in->include.n > 0,
		.providers = json_object_new_array(),
		.failures = json_object_new_array() };
	int r;

	json_add(c->out, "capacityProviders", d.providers);
	json_add(c->out, "failures", d.failures);
	r = page_begin(
	    &d.page, c->op->name, in->token, in->limit.set ? (int)in->limit.v : PAGE_MAX, &c->err);
	if (r == 0 && in->cluster != NULL) {
		r = cluster_ref_resolve(c, in->cluster, &cluster);
		if (r == 0)
			r = parse_doc(c, cluster.doc, &doc);
		if (r == 0)
			d.of_cluster = json_get(doc, "capacityProviders") != NULL
					   ? json_get(doc, "capacityProviders")
					   : none;
	}
	if (r == 0)
		r = in->providers.n > 0 ? describe_named(&d, &in->providers) : describe_all(&d);
	if (r == 0)
		page_finish(&d.page, c->op->name, &c->arena, c->out);
	return r;
}
