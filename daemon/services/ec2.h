/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the ec2 files share: input tables of filters and tags, the one walk behind every Describe
 * operation, and what an operation begins and ends with. Only the ec2*.c files include it.
 */
#ifndef DAEMON_SERVICES_EC2_H
#define DAEMON_SERVICES_EC2_H

#include "daemon/api.h"
#include "daemon/services/service.h"
#include "daemon/vpc/vpc.h"

#define EC2_FILTER_VALUES_MAX 200
#define EC2_TAGS_MAX 50

struct ec2_filter_in {
	const char *name;
	struct str_list values;
};
struct ec2_filters {
	bool set;
	size_t n;
	struct ec2_filter_in *v;
};
extern const struct schema ec2_filter_schema;

struct ec2_tag_in {
	const char *key;
	const char *value;
};
struct ec2_tags {
	bool set;
	size_t n;
	struct ec2_tag_in *v;
};
extern const struct schema ec2_tag_schema;

struct ec2_tag_spec {
	const char *type;
	struct ec2_tags tags;
};
struct ec2_tag_specs {
	bool set;
	size_t n;
	struct ec2_tag_spec *v;
};
extern const struct schema ec2_tag_spec_schema;

struct ec2_bool_value { /* AttributeBooleanValue */
	enum tri value;
};
extern const struct schema ec2_bool_value_schema;

/* The input of every Describe operation; `names` is a second list of ids (GroupName). */
struct ec2_describe_in {
	struct str_list ids;
	struct str_list names;
	struct ec2_filters filters;
	struct opt_int max_results;
	const char *next_token;
	enum tri dry_run;
};

/* clang-format off */
#define EC2_DESCRIBE_FIELDS(id_name)                                                              \
	F_STRS(struct ec2_describe_in, ids, id_name, .max_len = 1000),                            \
	F_LIST(struct ec2_describe_in, filters, "Filter", struct ec2_filter_in, &ec2_filter_schema, .max_len = 200), \
	F_INT(struct ec2_describe_in, max_results, "MaxResults"),                                 \
	F_STR(struct ec2_describe_in, next_token, "NextToken"),                                   \
	F_BOOL(struct ec2_describe_in, dry_run, "DryRun")
#define F_EC2_TAG_SPECS(s) \
	F_LIST(s, tag_specs, "TagSpecification", struct ec2_tag_spec, &ec2_tag_spec_schema)
#define F_EC2_DRY_RUN(s) F_BOOL(s, dry_run, "DryRun")
/* clang-format on */

/* A filter's name and where its value is in the document: member names joined by dots; arrays are
 * looked into. */
struct ec2_filter {
	const char *name;
	const char *path;
};

/* One kind of resource as its Describe operation shows it. */
struct ec2_view {
	enum ec2_kind kind;
	const char *set;       /* "vpcSet" */
	const char *id_key;    /* "vpcId" */
	const char *noun;      /* "vpc ID", in "The vpc ID 'x' does not exist" */
	const char *not_found; /* "InvalidVpcID.NotFound" */
	const char *malformed; /* "InvalidVpcID.Malformed" where the id has another prefix */
	const char *prefix;    /* "vpc-" */
	const struct ec2_filter *filters;
	size_t n_filters;
	/* Adds what is not stored, before filters look; NULL: nothing. */
	int (*dress)(struct call *c, const struct store_ec2 *row, struct json_object *doc);
};
extern const struct ec2_view ec2_vpc_view, ec2_subnet_view, ec2_group_view, ec2_rule_view,
    ec2_interface_view, ec2_route_table_view, ec2_gateway_view;

/* What every handler begins with: this account's region has its default VPC. */
int ec2_begin(struct call *c);
/* What every handler ends with: after everything was checked and done, DryRun undoes it. */
int ec2_end(struct call *c, enum tri dry_run);
/* What most write operations answer. */
int ec2_end_return(struct call *c, enum tri dry_run);

/* The whole of a Describe operation; c->args is a struct ec2_describe_in. */
int ec2_describe(struct call *c, const struct ec2_view *view);
/* The document of one resource as Describe prints it, tags included; the caller owns it. */
int ec2_print(struct call *c, const struct ec2_view *view, const struct store_ec2 *row,
    struct json_object **ret);
/* The same walk over items that are in no store: takes each that the filters want into `set`. */
int ec2_describe_item(struct call *c, const struct ec2_filters *filters,
    const struct ec2_filter *table, size_t n, struct json_object *item, bool *ret);

/* A resource that must exist: the view's errors. 0 and the caller's resource, or negative. */
int ec2_get(struct call *c, const struct ec2_view *view, const char *id, struct vpc_resource *ret);
/* A member that must be there: MissingParameter. */
int ec2_require(struct call *c, const char *value, const char *name);

/* Sets the tags that a TagSpecification gives to a new resource of this type. */
int ec2_tag_new(
    struct call *c, const struct ec2_tag_specs *specs, const char *type, const char *id);
/* The tags of a resource as a tagSet; the caller owns it. */
int ec2_tag_set(struct call *c, const char *id, struct json_object **ret);

/* Makes the rows of a VPC's network and asks for it, or takes it away. */
int ec2_network_wanted(struct call *c, const char *vpc, const struct cidr *cidr);
int ec2_network_unwanted(struct call *c, const char *vpc);

extern const struct op_table ec2_vpc_ops, ec2_subnet_ops, ec2_group_ops, ec2_rule_ops,
    ec2_interface_ops, ec2_route_table_ops, ec2_route_ops, ec2_gateway_ops, ec2_tag_ops,
    ec2_place_ops;

#endif
