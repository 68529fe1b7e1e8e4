/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of services and of what belongs to them: deployments and task sets, service revisions,
 * service deployments, service events. The operations of ecs/ write what the caller wants, the
 * scheduler (reconcile/services.c) writes what has become of it; neither sees SQL.
 *
 * The tasks of a deployment are those whose startedBy is "ecs-svc/<id of the deployment>" and whose
 * `service` column is the service's name: nothing counts them twice, counts are read from the
 * tasks.
 */
#ifndef DAEMON_STORE_SERVICE_H
#define DAEMON_STORE_SERVICE_H

#include "daemon/api.h"
#include "daemon/store/store.h"

#define DEPLOYMENT_ID_SIZE 20 /* 19 digits: "ecs-svc/…" without its prefix; revisions too */
#define SERVICE_DEPLOYMENT_ID_SIZE 22 /* 21 characters of [A-Za-z0-9_-] */
#define SERVICE_EVENTS_MAX 100        /* that DescribeServices shows of each service */

/* One service. INACTIVE ones stay describable for an hour and their name can be used again: then
 * the row is replaced. */
struct store_service {
	struct scope scope;
	char cluster[256]; /* name */
	char name[256];
	char status[16];      /* ACTIVE, DRAINING, INACTIVE */
	char scheduling[16];  /* REPLICA, DAEMON */
	char controller[16];  /* ECS, CODE_DEPLOY, EXTERNAL */
	char launch_type[24]; /* of its present revision: EC2, FARGATE, EXTERNAL, MANAGED_INSTANCES;
				 "" with a capacity provider strategy */
	char *namespace; /* of serviceConnectConfiguration, for ListServicesByNamespace; NULL */
	int64_t desired_count;
	int64_t created_at_ms;
	int64_t inactive_at_ms;            /* 0 */
	char revision[DEPLOYMENT_ID_SIZE]; /* present service revision; "" for EXTERNAL without a
					      task set */
	/* The settings as DescribeServices prints them, without what is counted or derived:
	 * runningCount, pendingCount, deployments, taskSets, events, currentServiceDeployment,
	 * currentServiceRevisions, tags. And with what only its revisions print:
	 * serviceConnectConfiguration, volumeConfigurations, vpcLatticeConfigurations. */
	char *doc;
	/* The scheduler's memory of this service (JSON of its own: delay of the next start, …);
	 * NULL: none. */
	char *state;
};
void store_service_done(struct store_service *v);
/* Inserts, or replaces the row of the same name; what belongs to the service stays. Deployments,
 * revisions and events can be written only while their service has a row. */
int store_service_put(struct store *s, const struct store_service *v, struct err *e);
/* 1 found, 0 not, negative errno. */
int store_service_get(struct store *s, const struct scope *sc, const char *cluster,
    const char *name, struct store_service *ret, struct err *e);

/* Daemons are services under the scheduler's eyes: rows whose names begin with ARN_DAEMON_PREFIX.
 * Counts leave them out. */
enum store_service_kind { STORE_SERVICES, STORE_DAEMONS, STORE_SERVICES_AND_DAEMONS };

struct store_service_filter {
	const char *cluster;     /* NULL: of every cluster */
	const char *namespace;   /* NULL: any */
	const char *launch_type; /* NULL: any */
	const char *scheduling;  /* NULL: any */
	const char *management;  /* resourceManagementType; NULL: any */
	enum store_service_kind kind;
	bool inactive_too;
};
/* "cluster/name" in a stable order, after `after`. The row is borrowed. */
int store_service_list(struct store *s, const struct scope *sc,
    const struct store_service_filter *f, const char *after, int limit,
    int (*fn)(const struct store_service *v, void *arg), void *arg, struct err *e);
/* Every ACTIVE or DRAINING service of every account: what the scheduler looks at when it starts. */
int store_service_live(
    struct store *s, int (*fn)(const struct store_service *v, void *arg), void *arg, struct err *e);
/* ACTIVE and DRAINING services of a cluster (DescribeClusters.activeServicesCount and statistics).
 */
struct store_service_counts {
	int64_t active;
	int64_t draining;
	int64_t active_ec2, active_fargate;
	int64_t draining_ec2, draining_fargate;
};
int store_service_count(struct store *s, const struct scope *sc, const char *cluster,
    struct store_service_counts *ret, struct err *e);
/* The name of a service that is not INACTIVE and whose strategy names that capacity provider (the
 * caller's): 1, 0, negative errno. */
int store_service_find_provider(
    struct store *s, const struct scope *sc, const char *provider, char **ret_name, struct err *e);
/* Forgets a service with all that belongs to it and their tags. */
int store_service_forget(
    struct store *s, const struct scope *sc, const char *cluster, const char *name, struct err *e);
/* Forgets services INACTIVE since before `before_ms` with all that belongs to them. Returns how
 * many. */
int store_service_expire(struct store *s, int64_t before_ms, int limit, struct err *e);

/* A deployment of the rolling controller, or a task set: both are "ecs-svc/<id>", start tasks and
 * have counts. A completed old deployment's row is deleted, as ECS shows it no longer. */
struct store_deployment {
	struct scope scope;
	char cluster[256];
	char service[256];
	char id[DEPLOYMENT_ID_SIZE];
	bool task_set;
	char status[16]; /* PRIMARY, ACTIVE, INACTIVE; a task set's: PRIMARY, ACTIVE, DRAINING */
	char revision[DEPLOYMENT_ID_SIZE];                   /* what its tasks are made from */
	char service_deployment[SERVICE_DEPLOYMENT_ID_SIZE]; /* "" for a task set */
	int64_t desired_count; /* Deployment.desiredCount, TaskSet.computedDesiredCount */
	/* Consecutive failures; back to 0 when a task of it has become healthy. */
	int64_t failed_tasks;
	bool succeeded_once;    /* a task of it has been healthy: stage 1 of the circuit breaker is
				   over */
	char rollout_state[16]; /* IN_PROGRESS, COMPLETED, FAILED; "" for a task set */
	char *rollout_reason;
	double scale;              /* of a task set, percent */
	char stability_status[16]; /* of a task set: STEADY_STATE, STABILIZING */
	int64_t stability_at_ms;
	int64_t created_at_ms;
	int64_t updated_at_ms;
	/* Members of Deployment or TaskSet that never change: taskDefinition, launchType or
	 * capacityProviderStrategy, platform, networkConfiguration, loadBalancers, externalId … */
	char *doc;
};
void store_deployment_done(struct store_deployment *v);
int store_deployment_put(struct store *s, const struct store_deployment *v, struct err *e);
int store_deployment_get(struct store *s, const struct scope *sc, const char *cluster,
    const char *service, const char *id, struct store_deployment *ret, struct err *e);
int store_deployment_delete(struct store *s, const struct scope *sc, const char *cluster,
    const char *service, const char *id, struct err *e);
/* The newest first. The row is borrowed. */
int store_deployment_list(struct store *s, const struct scope *sc, const char *cluster,
    const char *service, int (*fn)(const struct store_deployment *v, void *arg), void *arg,
    struct err *e);

/* How many deployments and task sets, of any service that is not INACTIVE, use that task
 * definition (ARN with revision). */
int store_deployment_count_definition(struct store *s, const struct scope *sc,
    const char *task_definition_arn, int64_t *ret, struct err *e);

/* A service revision: immutable; doc is what DescribeServiceRevisions prints. */
struct store_service_revision {
	struct scope scope;
	char cluster[256];
	char service[256];
	char id[DEPLOYMENT_ID_SIZE];
	int64_t created_at_ms;
	char *doc;
};
void store_service_revision_done(struct store_service_revision *v);
int store_service_revision_insert(
    struct store *s, const struct store_service_revision *v, struct err *e);
int store_service_revision_get(struct store *s, const struct scope *sc, const char *cluster,
    const char *service, const char *id, struct store_service_revision *ret, struct err *e);

/* A service deployment: the record of one roll-out, kept after its end. */
struct store_service_deployment {
	struct scope scope;
	char cluster[256];
	char service[256];
	char id[SERVICE_DEPLOYMENT_ID_SIZE];
	char status[32];                     /* PENDING … ROLLBACK_FAILED, as the API has them */
	char deployment[DEPLOYMENT_ID_SIZE]; /* that carries it out */
	char target_revision[DEPLOYMENT_ID_SIZE];
	char rollback_revision[DEPLOYMENT_ID_SIZE]; /* "" while nothing is rolled back */
	char *status_reason;                        /* NULL */
	char lifecycle_stage[48];                   /* "" for ROLLING */
	int64_t created_at_ms, started_at_ms, finished_at_ms, stopped_at_ms,
	    updated_at_ms; /* 0: not yet */
	/* The rest as DescribeServiceDeployments prints it, without what is counted:
	 * sourceServiceRevisions (arn), deploymentConfiguration, rollback,
	 * deploymentCircuitBreaker, alarms. */
	char *doc;
};
void store_service_deployment_done(struct store_service_deployment *v);
int store_service_deployment_put(
    struct store *s, const struct store_service_deployment *v, struct err *e);
int store_service_deployment_get(struct store *s, const struct scope *sc, const char *cluster,
    const char *service, const char *id, struct store_service_deployment *ret, struct err *e);
struct store_service_deployment_filter {
	const char *const *statuses; /* any of these; NULL with n_statuses 0: all */
	size_t n_statuses;
	int64_t after_ms, before_ms; /* of createdAt; 0: open */
};
/* The newest first, after the id `after`. The row is borrowed. */
int store_service_deployment_list(struct store *s, const struct scope *sc, const char *cluster,
    const char *service, const struct store_service_deployment_filter *f, const char *after,
    int limit, int (*fn)(const struct store_service_deployment *v, void *arg), void *arg,
    struct err *e);

/* Adds a message to the service's events; the oldest beyond SERVICE_EVENTS_MAX go. */
int store_service_event_add(struct store *s, const struct scope *sc, const char *cluster,
    const char *service, const char *id, int64_t created_at_ms, const char *message, struct err *e);
/* The newest first. */
int store_service_event_list(struct store *s, const struct scope *sc, const char *cluster,
    const char *service,
    int (*fn)(const char *id, int64_t created_at_ms, const char *message, void *arg), void *arg,
    struct err *e);

#endif
