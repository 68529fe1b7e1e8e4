/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A ring of CloudTrail's records: who wrote what, as text that is ready to be shown, with the
 * columns that LookupEvents searches. trail.c writes a record in the same transaction as what it
 * tells of.
 */
#ifndef DAEMON_STORE_TRAIL_H
#define DAEMON_STORE_TRAIL_H

#include "daemon/api.h"

#define STORE_TRAIL_MAX 10000 /* of all accounts; the oldest one makes room for the next */

struct store_trail_resource {
	const char *type; /* "AWS::ECS::Cluster" */
	const char *name; /* an ARN, or a name where there is none */
};

/* Everything is borrowed. */
struct store_trail {
	int64_t n; /* of the ring, grows by one with each record; set by store_trail_add */
	struct scope scope;
	int64_t at_ms;
	const char *id;     /* a UUID */
	const char *name;   /* "RunTask" */
	const char *source; /* "ecs.amazonaws.com" */
	const char *user;   /* "root", of a user or a session the name; NULL: a service of AWS */
	const char *access_key;                       /* NULL */
	const char *doc;                              /* the record */
	const struct store_trail_resource *resources; /* for store_trail_add alone */
	size_t n_resources;
};
int store_trail_add(struct store *s, const struct store_trail *t, struct err *e);

/* NULL: any. */
struct store_trail_filter {
	int64_t from_ms, to_ms; /* both included; to_ms 0: open */
	const char *id;
	const char *name;
	const char *source;
	const char *user;
	const char *access_key;
	const char *resource_name; /* whole, or its part behind the last '/' or ':' */
	const char *resource_type;
};
/* The newest first, those older than number `before` (0: all). */
int store_trail_list(struct store *s, const struct scope *sc, const struct store_trail_filter *f,
    int64_t before, int limit, int (*fn)(const struct store_trail *t, void *arg), void *arg,
    struct err *e);
/* In the order in which they were given. */
int store_trail_resources(struct store *s, int64_t n,
    int (*fn)(const struct store_trail_resource *r, void *arg), void *arg, struct err *e);

#endif
