/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of everything that EC2 shows: one row per resource, whose `doc` is the resource as its
 * Describe operation prints it, without tags. The other columns are what is searched by. Tags of
 * EC2 are keyed by the resource's id.
 */
#ifndef DAEMON_STORE_EC2_H
#define DAEMON_STORE_EC2_H

#include "daemon/api.h"
#include "daemon/store/store.h"

/* The numbers are in the file: append, never reorder. */
enum ec2_kind {
	EC2_VPC,
	EC2_SUBNET,
	EC2_SECURITY_GROUP,
	EC2_SECURITY_GROUP_RULE,
	EC2_NETWORK_INTERFACE,
	EC2_ROUTE_TABLE,
	EC2_INTERNET_GATEWAY,
	EC2_NETWORK_ACL,
	EC2_ACCOUNT, /* one row: which VPC is the default one */
	EC2_KIND_MAX,
};

#define EC2_ID_MAX 40 /* "vpc-cidr-assoc-0123456789abcdef0" with the NUL, and room */

struct store_ec2 {
	int64_t n; /* order of creation, filled when read */
	enum ec2_kind kind;
	char id[EC2_ID_MAX];
	char vpc[EC2_ID_MAX]; /* "" where it belongs to none */
	/* The subnet of an interface, the group of a rule; "" for all others. */
	char parent[EC2_ID_MAX];
	uint32_t address; /* of an interface, host byte order; 0: none */
	char holder[33];  /* the task of an interface; "": none */
	char *doc;        /* owned */
};

void store_ec2_done(struct store_ec2 *r);
/* Inserts, or replaces what can change: vpc, holder and doc. */
int store_ec2_put(
    struct store *s, const struct scope *sc, const struct store_ec2 *r, struct err *e);
/* 1 and a row of the caller's, 0, negative errno. */
int store_ec2_get(struct store *s, const struct scope *sc, enum ec2_kind kind, const char *id,
    struct store_ec2 *ret, struct err *e);
/* With its tags. */
int store_ec2_delete(
    struct store *s, const struct scope *sc, enum ec2_kind kind, const char *id, struct err *e);
/* In the order of creation. `vpc` and `parent`: NULL for any. */
int store_ec2_list(struct store *s, const struct scope *sc, enum ec2_kind kind, const char *vpc,
    const char *parent, int (*fn)(const struct store_ec2 *r, void *arg), void *arg, struct err *e);
int store_ec2_count(struct store *s, const struct scope *sc, enum ec2_kind kind, const char *vpc,
    const char *parent, int64_t *ret, struct err *e);
/* The interface that a task holds: 1, 0, negative errno. */
int store_ec2_held(struct store *s, const struct scope *sc, const char *holder,
    struct store_ec2 *ret, struct err *e);
/* The lowest address from `first` to `last` that no interface of the subnet has: 1, 0 (none is
 * left), negative errno. */
int store_ec2_free_address(struct store *s, const struct scope *sc, const char *subnet,
    uint32_t first, uint32_t last, uint32_t *ret, struct err *e);

int store_ec2_tag_put(struct store *s, const struct scope *sc, const char *id, const char *key,
    const char *value, struct err *e);
int store_ec2_tag_delete(
    struct store *s, const struct scope *sc, const char *id, const char *key, struct err *e);
/* `id` NULL: of all resources, by id. */
int store_ec2_tag_list(struct store *s, const struct scope *sc, const char *id,
    int (*fn)(const char *id, const char *key, const char *value, void *arg), void *arg,
    struct err *e);

#endif
