/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes deployments: the rows of a roll-out from what a service is to be. Called by CreateService
 * and UpdateService, and by the scheduler where it rolls back; what becomes of a deployment is the
 * scheduler's.
 */
#ifndef DAEMON_ECS_SERVICE_DEPLOY_H
#define DAEMON_ECS_SERVICE_DEPLOY_H

#include "daemon/api.h"
#include "daemon/store/service.h"

#define FARGATE_VERSION_LINUX "1.4.0" /* what platformVersion LATEST means */
#define FARGATE_VERSION_WINDOWS "1.0.0"

/* Members of a service's doc that a service revision is cut from: where one of them changes, there
 * is a new deployment (UpdateService). NULL-terminated. */
extern const char *const service_deploy_members[];

/* A new id of a deployment, task set or revision. */
void service_deploy_new_id(char out[static DEPLOYMENT_ID_SIZE]);

/* Starts a deployment of `settings` (the service's doc as it is to be; borrowed): a revision, a
 * deployment that is PRIMARY and IN_PROGRESS, a service deployment that is PENDING. The PRIMARY one
 * of before becomes ACTIVE, its service deployment STOPPED if it was not over. Writes all rows, the
 * service's too, whose doc, revision and launch type it sets, and wishes for the service. Returns 0
 * or a negative errno with c->err filled. */
int service_deploy_start(struct call *c, struct store_service *v, struct json_object *settings);

/* The service is again what an old revision of it was: its row is written. 0, or a negative errno
 * with c->err filled (ERR_SERVER where there is no such revision). */
int service_deploy_restore(struct call *c, struct store_service *v, const char *revision);

/* Adds the members of a deployment's or task set's doc that say what its tasks are. */
void service_deploy_add_members(struct json_object *doc, struct json_object *settings);

/* True while a service deployment is on its way. */
bool service_deploy_is_open(const struct store_service_deployment *sd);

/* How many failures a circuit breaker (deploymentCircuitBreaker, may be NULL) takes: what its
 * thresholdConfiguration says, else half of the desired count, 3 to 200. */
int64_t service_deploy_threshold(struct json_object *breaker, int64_t desired_count);

#endif
