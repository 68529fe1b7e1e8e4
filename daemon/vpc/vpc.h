/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a VPC consists of besides itself, and the default VPC that every account has in every
 * region. Called by EC2's operations and by tasks that need a network; all functions write inside
 * the caller's transaction. It must not know requests or the Engine.
 */
#ifndef DAEMON_VPC_VPC_H
#define DAEMON_VPC_VPC_H

#include "common/json.h"
#include "daemon/store/ec2.h"
#include "daemon/vpc/cidr.h"

#define VPC_RESERVED 4 /* addresses at the start of a subnet, and one at its end */

/* A resource while it is read or changed: its row and its document. */
struct vpc_resource {
	struct store_ec2 row;
	struct json_object *doc;
};
void vpc_resource_done(struct vpc_resource *r);
#define _cleanup_resource_ _cleanup_(vpc_resource_done)
/* 1 and the caller's resource, 0, negative errno. */
int vpc_resource_get(struct store *s, const struct scope *sc, enum ec2_kind kind, const char *id,
    struct vpc_resource *ret, struct err *e);
/* Writes row and document. */
int vpc_resource_put(
    struct store *s, const struct scope *sc, struct vpc_resource *r, struct err *e);

/* "<prefix>-0123456789abcdef0", random. */
void vpc_new_id(const char *prefix, char out[static EC2_ID_MAX]);

/* The default VPC, made when this account and region are seen for the first time. Its ids follow
 * from `owner`, account and region. 1 and its id, 0 where it was deleted, negative errno. */
int vpc_default(struct store *s, const struct scope *sc, const char *owner,
    char ret_id[static EC2_ID_MAX], struct err *e);
/* A new one with new ids, after the first was deleted. */
int vpc_default_again(
    struct store *s, const struct scope *sc, char ret_id[static EC2_ID_MAX], struct err *e);
/* It was deleted. */
int vpc_default_gone(struct store *s, const struct scope *sc, struct err *e);

/* A VPC with its default security group, main route table and network ACL. `id` "": a new one. */
int vpc_make(struct store *s, const struct scope *sc, const struct cidr *cidr, const char *tenancy,
    char id[static EC2_ID_MAX], struct err *e);
/* A subnet; `zone` is "us-east-1a". `id` as above. */
int vpc_make_subnet(struct store *s, const struct scope *sc, const char *vpc,
    const struct cidr *cidr, const char *zone, bool is_default, char id[static EC2_ID_MAX],
    struct err *e);
int vpc_make_group(struct store *s, const struct scope *sc, const char *vpc, const char *name,
    const char *description, char id[static EC2_ID_MAX], struct err *e);
/* A rule of a group. `rule` (taken over) has ipProtocol … of DescribeSecurityGroupRules; ids are
 * added to it. */
int vpc_make_rule(struct store *s, const struct scope *sc, const char *group, bool egress,
    struct json_object *rule, char ret_id[static EC2_ID_MAX], struct err *e);

/* The default security group of a VPC, its main route table, its network ACL: 1, 0, negative. */
int vpc_default_group(struct store *s, const struct scope *sc, const char *vpc,
    char ret_id[static EC2_ID_MAX], struct err *e);
/* The first default subnet, else the first subnet of a VPC. */
int vpc_first_subnet(struct store *s, const struct scope *sc, const char *vpc,
    char ret_id[static EC2_ID_MAX], struct err *e);
/* "use1-az1" of "us-east-1a". */
void vpc_zone_id(const char *zone, char *out, size_t size);

#endif
