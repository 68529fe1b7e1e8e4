/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a request for rules of a security group says: its input tables, and the rules that follow
 * from it. Only ec2_rule.c and ec2_rule_input.c include it.
 */
#ifndef DAEMON_SERVICES_EC2_RULE_H
#define DAEMON_SERVICES_EC2_RULE_H

#include "daemon/services/ec2.h"

struct range_in {
	const char *peer;
	const char *description;
};
struct pair_in {
	const char *group;
	const char *name;
	const char *user;
	const char *description;
};
struct permission_in {
	const char *protocol;
	struct opt_int from, to;
	LIST_OF(struct pair_in) groups;
	LIST_OF(struct range_in) ipv4;
	LIST_OF(struct range_in) ipv6;
	LIST_OF(struct range_in) prefix_lists;
};
struct description_in {
	const char *rule;
	const char *description;
};
struct rules_in {
	const char *group;
	const char *group_name;
	LIST_OF(struct permission_in) permissions;
	const char *protocol; /* the old form: one rule in the request itself */
	struct opt_int from, to;
	const char *cidr;
	const char *source_name;
	struct str_list ids;
	LIST_OF(struct description_in) descriptions;
	struct ec2_tag_specs tag_specs;
	enum tri dry_run;
};

extern const struct schema ec2_authorize_ingress_schema, ec2_authorize_egress_schema,
    ec2_revoke_ingress_schema, ec2_revoke_egress_schema, ec2_update_ingress_schema,
    ec2_update_egress_schema;

/* The id of a group that is given by id, or by name in the default VPC. */
int ec2_rule_group(
    struct call *c, const char *id, const char *name, char ret_id[static EC2_ID_MAX]);
/* Appends every rule that the request says, in either form, to `list`: one for each protocol, port
 * range and peer. */
int ec2_rule_list(struct call *c, const struct rules_in *in, struct json_object *list);

#endif
