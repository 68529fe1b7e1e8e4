/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of tasks. `doc` is the task exactly as DescribeTasks prints it, without tags; the other
 * columns are what is searched and sorted by. `spec` and `state` are the packed TaskSpec and last
 * TaskState of shim.proto, opaque here.
 */
#ifndef DAEMON_STORE_TASK_H
#define DAEMON_STORE_TASK_H

#include "common/task_state.h"
#include "daemon/api.h"
#include "daemon/store/store.h"

enum runner_kind { RUNNER_INSTANT, RUNNER_SHIM };

/* What a service's scheduler has noted of a task: it was healthy once, its end has been counted.
 */
enum task_mark { TASK_MARK_NONE, TASK_MARK_HEALTHY, TASK_MARK_ENDED };

struct store_task {
	struct scope scope;
	char id[33];
	char cluster[256];
	char family[256];
	int64_t revision;
	char *group;          /* owned, as are all pointers here */
	char *started_by;     /* NULL */
	char *service;        /* NULL: standalone */
	char *instance;       /* container instance id, NULL for Fargate */
	char launch_type[16]; /* EC2, FARGATE, EXTERNAL */
	char *zone;           /* availability zone */
	char *provider;       /* capacity provider, NULL */
	int64_t checks;       /* essential containers with a health check */
	enum task_state last_status;
	bool desired_stopped;
	enum runner_kind runner;
	bool cleaned_up; /* nothing of it is left in the Engine, no shim is needed */
	int64_t created_at_ms;
	int64_t started_at_ms; /* 0: not RUNNING yet */
	int64_t stopped_at_ms; /* 0 */
	/* Of the essential containers that have a check; what DescribeTasks prints counts those
	 * without one as UNKNOWN. */
	enum health_state health;
	uint64_t seq; /* of the last snapshot taken in */
	char *doc;
	void *spec;
	size_t spec_len;
	void *state;
	size_t state_len;
};

void store_task_done(struct store_task *t);
int store_task_insert(struct store *s, const struct store_task *t, struct err *e);
/* Writes what changes in a task's life: last_status … state, but for the
 * scheduler's mark. */
int store_task_update(struct store *s, const struct store_task *t, struct err *e);
/* By id alone (ids are unique everywhere). 1 found, 0 not, negative errno. */
int store_task_get(struct store *s, const char *id, struct store_task *ret, struct err *e);
/* The hot path of DescribeTasks: 1 and doc and cluster (caller's) if that task is in that scope and
 * cluster. */
int store_task_doc(struct store *s, const struct scope *sc, const char *cluster, const char *id,
    char **ret_doc, struct err *e);

/* Filters of ListTasks; NULL and -1: any. */
struct store_task_filter {
	const char *cluster;
	const char *family;
	const char *started_by;
	const char *service;
	const char *instance;
	const char *launch_type;
	int desired_stopped; /* -1, 0, 1 */
};
/* Ids in a stable order, after `after`. */
int store_task_list(struct store *s, const struct scope *sc, const struct store_task_filter *f,
    const char *after, int limit, int (*fn)(const char *id, void *arg), void *arg, struct err *e);

/* Ids of a cluster's tasks that are not STOPPED yet, whatever is wished for them. */
int store_task_list_live(struct store *s, const struct scope *sc, const char *cluster,
    int (*fn)(const char *id, void *arg), void *arg, struct err *e);

/* The tasks of a service that are not STOPPED yet, whatever is wished for them, those of one
 * deployment together and the oldest first. The rows are borrowed and come without the spec. */
int store_task_list_service(struct store *s, const struct scope *sc, const char *cluster,
    const char *service, int (*fn)(const struct store_task *t, void *arg), void *arg,
    struct err *e);
/* How many those are. Pending is as below. */
struct store_task_service_count {
	const char *started_by; /* "ecs-svc/…" of the deployment or task set */
	int64_t running;        /* lastStatus RUNNING, also where a stop is on the way */
	int64_t pending;
	int64_t n; /* all of them */
};
int store_task_count_service(struct store *s, const struct scope *sc, const char *cluster,
    const char *service, int (*fn)(const struct store_task_service_count *n, void *arg), void *arg,
    struct err *e);

/* Counts for DescribeClusters. Pending: neither RUNNING nor STOPPED nor desired to stop. Index 0
 * EC2 (and EXTERNAL), 1 FARGATE. */
struct store_task_counts {
	int64_t running[2];
	int64_t pending[2];
};
int store_task_count(struct store *s, const struct scope *sc, const char *cluster,
    struct store_task_counts *ret, struct err *e);
/* How many unfinished tasks use a task definition revision. */
int store_task_count_definition(struct store *s, const struct scope *sc, const char *family,
    int64_t revision, int64_t *ret, struct err *e);

/* What the unfinished tasks of a container instance hold there: those of one definition that have
 * the same size and are equally far, as one. */
struct store_task_use {
	char family[256];
	int64_t revision;
	int64_t cpu_units; /* of each task, as are the next ones */
	int64_t memory_mib;
	bool running;
	bool pending; /* neither RUNNING nor desired to stop */
	int64_t n;
};
int store_task_list_use(struct store *s, const struct scope *sc, const char *cluster,
    const char *instance, int (*fn)(const struct store_task_use *u, void *arg), void *arg,
    struct err *e);
/* How many of them are of a group. */
int store_task_count_group(struct store *s, const struct scope *sc, const char *cluster,
    const char *instance, const char *group, int64_t *ret, struct err *e);
/* The groups of those tasks, each once. */
int store_task_list_groups(struct store *s, const struct scope *sc, const char *cluster,
    const char *instance, int (*fn)(const char *group, void *arg), void *arg, struct err *e);

/* Every task of every account that is not cleaned up: what the reconcile at start looks at. */
int store_task_unfinished(
    struct store *s, int (*fn)(const struct store_task *t, void *arg), void *arg, struct err *e);
/* Forgets tasks stopped before `before_ms` and their tags, the oldest first and at most `limit`.
 * Returns how many. */
int store_task_expire(struct store *s, int64_t before_ms, int limit, struct err *e);

#endif
