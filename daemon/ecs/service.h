/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the service operations share: inputs, the settings of a service as they are
 * made, checked and printed, the handlers that the table in service.c names. Only service*.c and
 * task_set*.c include it.
 */
#ifndef DAEMON_ECS_SERVICE_H
#define DAEMON_ECS_SERVICE_H

#include "daemon/ecs/tag_set.h"
#include "daemon/ecs/task.h"
#include "daemon/store/service.h"

static inline void
service_done_(struct store_service *v)
{
	store_service_done(v);
}
/* `_cleanup_service_ struct store_service v = { 0 };` */
#define _cleanup_service_ _cleanup_(service_done_)

/* CreateService and UpdateService; what is not here is kept as JSON: service_settings.c. */
struct service_in {
	const char *cluster;
	const char *service; /* Create: serviceName; Update: name or ARN */
	const char *task_definition;
	struct opt_int desired_count;
	const char *client_token;
	const char *role;
	enum tri force;
	struct tag_list tags;
};
struct delete_service_in {
	const char *cluster;
	const char *service;
	enum tri force;
};
struct describe_services_in {
	const char *cluster;
	struct str_list services;
	struct str_list include;
};
struct list_services_in {
	const char *cluster;
	const char *token;
	struct opt_int limit;
	int launch_type;
	int scheduling;
	int management;
	const char *namespace;
};

extern const char *const service_scheduling_names[]; /* by list_services_in.scheduling */
extern const char *const service_management_names[];
extern const struct schema create_service_schema;
extern const struct schema update_service_schema;
extern const struct schema delete_service_schema;
extern const struct schema describe_services_schema;
extern const struct schema list_services_schema;
extern const struct schema list_services_by_namespace_schema;
/* Shapes that task sets have, too. */
extern const struct schema service_load_balancer_schema;
extern const struct schema service_registry_schema;

int create_service(struct call *c);
int update_service(struct call *c);
int delete_service(struct call *c);
int describe_services(struct call *c);
int list_services(struct call *c);
int list_services_by_namespace(struct call *c);

/* --- from a name to the row (service_ref.c) --- */

/* The row of "name or ARN" in a cluster (name), whatever its status; the caller's. 0, or
 * ServiceNotFoundException. */
int service_ref_find(
    struct call *c, const char *cluster, const char *given, struct store_service *ret);
/* The same, and ServiceNotActiveException unless it is ACTIVE. */
int service_ref_active(
    struct call *c, const char *cluster, const char *given, struct store_service *ret);

/* --- settings: the service's doc while it is worked on --- */

/* The settings of a new service, with ECS's defaults; the caller owns them. */
struct json_object *service_settings_new(struct json_object *in);
/* Puts what an UpdateService says over the settings; what it leaves out stays. */
void service_settings_update(struct json_object *settings, struct json_object *in);
/* True if a member of the list (NULL-terminated) differs. */
bool service_settings_differ(
    struct json_object *a, struct json_object *b, const char *const *members);
const char *service_settings_controller(struct json_object *settings);
bool service_settings_is_daemon(struct json_object *settings);
/* ROLLING unless said otherwise. */
const char *service_settings_strategy(struct json_object *settings);

/* --- rules --- */

/* What is to be checked: a service that is made, one that is changed, a task set of one. */
struct service_check {
	struct json_object *settings; /* task definition, launch type and platform get settled */
	const char *cluster;          /* name */
	bool update;
	/* The definition that it has already need not be ACTIVE any more. */
	bool same_definition;
};
/* What the settings say by themselves. */
int service_rules_check(struct call *c, const struct service_check *k);
/* What they say against the task definition, the cluster and the network; settles taskDefinition,
 * launchType or capacityProviderStrategy, platformVersion and platformFamily. Not for services
 * whose task sets say that. */
int service_plan_check(struct call *c, const struct service_check *k);
/* For those: the placement alone. */
int service_plan_check_placement(struct call *c, const struct service_check *k);

/* --- replies (service_doc.c) --- */

/* The Service of a reply; the caller owns it. */
int service_doc_print(
    struct call *c, const struct store_service *v, bool with_tags, struct json_object **ret);
/* {"service": …} with its tags, as the store has it now. */
int service_doc_reply(struct call *c, const char *cluster, const char *service);
/* The TaskSet of a reply. */
struct task_numbers {
	int64_t running;
	int64_t pending;
};
int service_doc_print_task_set(struct call *c, const struct store_deployment *d,
    const struct task_numbers *n, bool with_tags, struct json_object **ret);
/* Tasks of one deployment or task set, or with an id of NULL of the whole service. */
int service_doc_count(struct call *c, const char *cluster, const char *service, const char *id,
    struct task_numbers *ret);

/* --- task sets (task_set.c) --- */

/* TaskSet.computedDesiredCount. */
int64_t task_set_count(int64_t desired_count, double scale);
struct task_set_ask {
	struct json_object *settings; /* what its tasks are, borrowed */
	const char *external_id;      /* NULL */
	const char *status;           /* PRIMARY, ACTIVE */
	double scale;                 /* percent */
};
/* Makes a task set of the service, and wishes for the service. `ret_id` gets its id. */
int task_set_make(struct call *c, const struct store_service *v, const struct task_set_ask *ask,
    char ret_id[static DEPLOYMENT_ID_SIZE]);
/* Gives every task set of the service its share of a new desired count. */
int task_set_scale_all(struct call *c, const struct store_service *v);

#endif
