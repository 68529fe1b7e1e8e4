/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of task definition revisions, and each family's highest revision ever (numbers are never
 * used twice). `doc` is the whole `taskDefinition` object as DescribeTaskDefinition prints it,
 * except status and the three times, which the row has; tags live in store/tag.h.
 */
#ifndef DAEMON_STORE_TASK_DEFINITION_H
#define DAEMON_STORE_TASK_DEFINITION_H

#include "daemon/api.h"
#include "daemon/store/store.h"

/* DELETED: of daemon task definitions, which can be described for a while after. */
enum td_status { TD_ACTIVE, TD_INACTIVE, TD_DELETE_IN_PROGRESS, TD_DELETED, TD_STATUS_MAX };
const char *td_status_name(enum td_status s);

struct store_task_definition {
	char family[256];
	int64_t revision;
	enum td_status status;
	char *doc; /* owned */
	int64_t registered_at_ms;
	int64_t deregistered_at_ms;
	int64_t delete_requested_at_ms;
};

void store_task_definition_done(struct store_task_definition *t);
/* The next free revision of the family, counted up in the same call. */
int store_task_definition_next_revision(
    struct store *s, const struct scope *sc, const char *family, int64_t *ret, struct err *e);
int store_task_definition_put(
    struct store *s, const struct scope *sc, const struct store_task_definition *t, struct err *e);
/* revision 0: the latest ACTIVE one. 1 found, 0 not, negative errno. */
int store_task_definition_get(struct store *s, const struct scope *sc, const char *family,
    int64_t revision, struct store_task_definition *ret, struct err *e);
int store_task_definition_delete(
    struct store *s, const struct scope *sc, const char *family, int64_t revision, struct err *e);
/* By family then revision. `family` NULL: all. (after_family, after_revision) excluded; NULL: from
 * the start. `doc` is NULL in these rows. */
int store_task_definition_list(struct store *s, const struct scope *sc, const char *family,
    enum td_status status, bool descending, const char *after_family, int64_t after_revision,
    int limit, int (*fn)(const struct store_task_definition *t, void *arg), void *arg,
    struct err *e);
/* Daemon task definitions (families with ARN_DAEMON_PREFIX), by family then revision. */
struct store_daemon_definition_filter {
	const char *family_prefix; /* with ARN_DAEMON_PREFIX */
	bool whole;                /* it is the whole family's name */
	int status;                /* enum td_status, -1: any */
	bool last_registered;      /* of each family the highest revision that there is */
	bool descending;
};
/* As store_task_definition_list; the walk may not change the rows. */
int store_daemon_definition_list(struct store *s, const struct scope *sc,
    const struct store_daemon_definition_filter *f, const char *after_family,
    int64_t after_revision, int limit, int (*fn)(const struct store_task_definition *t, void *arg),
    void *arg, struct err *e);
/* Family names with that prefix, after `after`. `active`: TRI_TRUE only those with an ACTIVE
 * revision, TRI_FALSE only those without, TRI_UNSET all. */
int store_task_definition_families(struct store *s, const struct scope *sc, const char *prefix,
    enum tri active, const char *after, int limit, int (*fn)(const char *family, void *arg),
    void *arg, struct err *e);

#endif
