/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where things are and what an account may have: regions, availability zones, account attributes,
 * and the instances behind the synthetic container instances. Read by ec2.c; nothing here is stored
 * by EC2.
 */
#include "daemon/services/ec2.h"

#include "daemon/arn.h"
#include "daemon/config.h"
#include "daemon/store/cluster.h"
#include "daemon/store/container_instance.h"

#include <stdio.h>
#include <string.h>

#define ZONES "abc"
#define MANY 100000 /* more clusters or instances than anybody has */

struct account_in {
	struct str_list names;
	enum tri dry_run;
};

static int describe_regions(struct call *c);
static int describe_availability_zones(struct call *c);
static int describe_account_attributes(struct call *c);
static int describe_instances(struct call *c);

/* clang-format off */
static const struct schema_field regions_fields[] = {
	F_STRS(struct ec2_describe_in, ids, "RegionName"),
	F_LIST(struct ec2_describe_in, filters, "Filter", struct ec2_filter_in, &ec2_filter_schema),
	F_UNBOUND(SCHEMA_BOOL, "AllRegions"),
	F_EC2_DRY_RUN(struct ec2_describe_in),
};
static const struct schema regions_schema = SCHEMA(struct ec2_describe_in, regions_fields, "DescribeRegionsRequest");

static const struct schema_field zones_fields[] = {
	F_STRS(struct ec2_describe_in, ids, "ZoneName"),
	F_STRS(struct ec2_describe_in, names, "ZoneId"),
	F_LIST(struct ec2_describe_in, filters, "Filter", struct ec2_filter_in, &ec2_filter_schema),
	F_UNBOUND(SCHEMA_BOOL, "AllAvailabilityZones"),
	F_EC2_DRY_RUN(struct ec2_describe_in),
};
static const struct schema zones_schema =
	SCHEMA(struct ec2_describe_in, zones_fields, "DescribeAvailabilityZonesRequest");

static const struct schema_field account_fields[] = {
	F_STRS(struct account_in, names, "AttributeName"),
	F_EC2_DRY_RUN(struct account_in),
};
static const struct schema account_schema =
	SCHEMA(struct account_in, account_fields, "DescribeAccountAttributesRequest");

static const struct schema_field instances_fields[] = { EC2_DESCRIBE_FIELDS("InstanceId") };
static const struct schema instances_schema = SCHEMA(struct ec2_describe_in, instances_fields, "DescribeInstancesRequest");

static const struct op ops[] = {
	{ .name = "DescribeRegions",           .run = describe_regions,            .input = &regions_schema },
	{ .name = "DescribeAvailabilityZones", .run = describe_availability_zones, .input = &zones_schema },
	{ .name = "DescribeAccountAttributes", .run = describe_account_attributes, .flags = OP_WRITE, .input = &account_schema },
	{ .name = "DescribeInstances",         .run = describe_instances,          .flags = OP_WRITE, .input = &instances_schema },
};
const struct op_table ec2_place_ops = { ops, ARRAY_SIZE(ops) };

/* Regions that every account has without asking. */
static const char *const regions[] = {
	"ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1", "ap-southeast-1", "ap-southeast-2",
	"ca-central-1", "eu-central-1", "eu-north-1", "eu-west-1", "eu-west-2", "eu-west-3", "sa-east-1",
	"us-east-1", "us-east-2", "us-west-1", "us-west-2",
};

static const struct ec2_filter region_filters[] = {
	{ "endpoint",      "regionEndpoint" },
	{ "opt-in-status", "optInStatus" },
	{ "region-name",   "regionName" },
};
static const struct ec2_filter zone_filters[] = {
	{ "group-name",           "groupName" },
	{ "network-border-group", "networkBorderGroup" },
	{ "opt-in-status",        "optInStatus" },
	{ "region-name",          "regionName" },
	{ "state",                "zoneState" },
	{ "zone-id",              "zoneId" },
	{ "zone-name",            "zoneName" },
	{ "zone-type",            "zoneType" },
};
static const struct ec2_filter instance_filters[] = {
	{ "availability-zone",   "placement.availabilityZone" },
	{ "instance-id",         "instanceId" },
	{ "instance-state-name", "instanceState.name" },
	{ "instance-type",       "instanceType" },
	{ "subnet-id",           "subnetId" },
	{ "vpc-id",              "vpcId" },
};
/* clang-format on */

static bool
is_in(const struct str_list *list, const char *word)
{
	for (size_t i = 0; i < list->n; i++)
		if (streq(list->v[i], word))
			return true;
	return list->n == 0;
}

/* Adds `item` (taken over) where the filters want it. */
static int
add_wanted(struct call *c, struct json_object *set, const struct ec2_filter *table, size_t n,
    struct json_object *item)
{
	const struct ec2_describe_in *in = c->args;
	bool wanted = false;
	int r = ec2_describe_item(c, &in->filters, table, n, item, &wanted);

	if (r == 0 && wanted)
		json_object_array_add(set, item);
	else
		json_object_put(item);
	return r;
}

static int
describe_regions(struct call *c)
{
	const struct ec2_describe_in *in = c->args;
	struct json_object *set = json_object_new_array();
	size_t found = 0;
	int r = 0;

	json_add(c->out, "regionInfo", set);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(regions); i++) {
		_cleanup_free_ char *endpoint = xasprintf("ec2.%s.amazonaws.com", regions[i]);
		struct json_object *o;

		if (!is_in(&in->ids, regions[i]))
			continue;
		found++;
		o = json_object_new_object();
		json_add_str(o, "regionName", regions[i]);
		json_add_str(o, "regionEndpoint", endpoint);
		json_add_str(o, "optInStatus", "opt-in-not-required");
		r = add_wanted(c, set, region_filters, ARRAY_SIZE(region_filters), o);
	}
	if (r == 0 && found < in->ids.n)
		return err_set_code(&c->err, 400, "InvalidParameterValue",
		    "Invalid region provided: %.64s", in->ids.v[0]);
	return r < 0 ? r : ec2_end(c, in->dry_run);
}

static int
describe_availability_zones(struct call *c)
{
	const struct ec2_describe_in *in = c->args;
	struct json_object *set = json_object_new_array();
	char name[64], id[64];
	size_t found = 0;
	int r = 0;

	json_add(c->out, "availabilityZoneInfo", set);
	for (const char *letter = ZONES; r == 0 && *letter != '\0'; letter++) {
		struct json_object *o;

		(void)snprintf(name, sizeof(name), "%s%c", c->scope.region, *letter);
		vpc_zone_id(name, id, sizeof(id));
		if (!is_in(&in->ids, name) || !is_in(&in->names, id))
			continue;
		found++;
		o = json_object_new_object();
		json_add_str(o, "zoneName", name);
		json_add_str(o, "zoneId", id);
		json_add_str(o, "zoneState", "available");
		json_add_str(o, "zoneType", "availability-zone");
		json_add_str(o, "regionName", c->scope.region);
		json_add_str(o, "groupName", c->scope.region);
		json_add_str(o, "networkBorderGroup", c->scope.region);
		json_add_str(o, "optInStatus", "opt-in-not-required");
		json_add(o, "messageSet", json_object_new_array());
		r = add_wanted(c, set, zone_filters, ARRAY_SIZE(zone_filters), o);
	}
	if (r == 0 && found < (in->ids.n > in->names.n ? in->ids.n : in->names.n))
		return err_set_code(&c->err, 400, "InvalidParameterValue",
		    "Invalid availability zone: [%.64s]",
		    in->ids.n > 0 ? in->ids.v[0] : in->names.v[0]);
	return r < 0 ? r : ec2_end(c, in->dry_run);
}

static void
add_attribute(
    struct json_object *set, const struct account_in *in, const char *name, const char *value)
{
	struct json_object *o, *values, *v;

	if (!is_in(&in->names, name))
		return;
	o = json_object_new_object();
	values = json_object_new_array();
	v = json_object_new_object();
	json_add_str(v, "attributeValue", value);
	json_object_array_add(values, v);
	json_add_str(o, "attributeName", name);
	json_add(o, "attributeValueSet", values);
	json_object_array_add(set, o);
}

static int
describe_account_attributes(struct call *c)
{
	const struct account_in *in = c->args;
	struct json_object *set = json_object_new_array();
	char vpc[EC2_ID_MAX] = "";
	int r;

	json_add(c->out, "accountAttributeSet", set);
	r = vpc_default(c->store, &c->scope, c->config->owner, vpc, &c->err);
	if (r < 0)
		return r;
	add_attribute(set, in, "supported-platforms", "VPC");
	add_attribute(set, in, "default-vpc", r > 0 ? vpc : "none");
	add_attribute(set, in, "max-instances", "20");
	add_attribute(set, in, "vpc-max-security-groups-per-interface", "5");
	add_attribute(set, in, "max-elastic-ips", "5");
	add_attribute(set, in, "vpc-max-elastic-ips", "5");
	return ec2_end(c, in->dry_run);
}

/* --- DescribeInstances --- */

struct instances {
	struct call *c;
	struct json_object *set; /* of reservations */
	char vpc[EC2_ID_MAX], subnet[EC2_ID_MAX];
	size_t found;
	int r;
};

static struct json_object *
coded_state(const char *name, int code)
{
	struct json_object *o = json_object_new_object();

	json_add_int(o, "code", code);
	json_add_str(o, "name", name);
	return o;
}

static struct json_object *
make_instance(struct instances *w, const char *id, int64_t registered_ms)
{
	struct json_object *o = json_object_new_object(), *place = json_object_new_object();
	_cleanup_free_ char *zone = xasprintf("%sa", w->c->scope.region);

	json_add_str(o, "instanceId", id);
	json_add(o, "instanceState", coded_state("running", 16));
	json_add_str(o, "instanceType", "m5.large");
	if (registered_ms > 0)
		json_add_iso_time(o, "launchTime", registered_ms, true);
	json_add_str(place, "availabilityZone", zone);
	json_add_str(place, "tenancy", "default");
	json_add(o, "placement", place);
	if (w->vpc[0] != '\0') {
		json_add_str(o, "vpcId", w->vpc);
		json_add_str(o, "subnetId", w->subnet);
	}
	json_add_str(o, "architecture", "x86_64");
	return o;
}

static int
take_instance(const struct store_container_instance *row, void *arg)
{
	struct instances *w = arg;
	const struct ec2_describe_in *in = w->c->args;
	_cleanup_json_ struct json_object *doc = NULL;
	struct json_object *reservation, *list;
	const char *id;

	if (streq(row->status, "INACTIVE") ||
	    json_parse(row->doc, strlen(row->doc), &doc, NULL) < 0 ||
	    (id = json_get_str(doc, "ec2InstanceId")) == NULL || !is_in(&in->ids, id))
		return 0;
	w->found++;
	list = json_object_new_array();
	w->r = add_wanted(w->c, list, instance_filters, ARRAY_SIZE(instance_filters),
	    make_instance(
		w, id, (int64_t)(1000 * json_object_get_double(json_get(doc, "registeredAt")))));
	if (w->r < 0 || json_object_array_length(list) == 0) {
		json_object_put(list);
		return w->r < 0;
	}
	reservation = json_object_new_object();
	/* One instance per reservation: the id tells the one from the other. */
	json_add_str(reservation, "reservationId",
	    arena_printf(&w->c->arena, "r-%s", has_prefix(id, "i-") ? id + 2 : id));
	json_add_str(reservation, "ownerId", w->c->scope.account);
	json_add(reservation, "groupSet", json_object_new_array());
	json_add(reservation, "instancesSet", list);
	json_object_array_add(w->set, reservation);
	return 0;
}

static int
take_cluster(const struct store_cluster *cluster, void *arg)
{
	struct instances *w = arg;
	int r = store_container_instance_list(
	    w->c->store, &w->c->scope, cluster->name, NULL, MANY, take_instance, w, &w->c->err);

	if (w->r == 0)
		w->r = r;
	return w->r < 0;
}

static int
describe_instances(struct call *c)
{
	const struct ec2_describe_in *in = c->args;
	struct instances w = { .c = c, .set = json_object_new_array() };
	int r;

	json_add(c->out, "reservationSet", w.set);
	r = vpc_default(c->store, &c->scope, c->config->owner, w.vpc, &c->err);
	if (r > 0)
		r = vpc_first_subnet(c->store, &c->scope, w.vpc, w.subnet, &c->err);
	if (r >= 0)
		r = store_cluster_list(c->store, &c->scope, NULL, MANY, take_cluster, &w, &c->err);
	if (r == 0)
		r = w.r;
	if (r == 0 && w.found < in->ids.n)
		return err_set_code(&c->err, 400, "InvalidInstanceID.NotFound",
		    "The instance ID '%.64s' does not exist", in->ids.v[0]);
	return r < 0 ? r : ec2_end(c, in->dry_run);
}
