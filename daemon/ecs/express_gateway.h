/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the express gateway operations share: their inputs, and the parts that AWS
 * makes of one. Only express_gateway*.c include it.
 */
#ifndef DAEMON_ECS_EXPRESS_GATEWAY_H
#define DAEMON_ECS_EXPRESS_GATEWAY_H

#include "daemon/api.h"
#include "daemon/ecs/tag_set.h"
#include "daemon/store/express_gateway.h"

struct express_in {
	const char *infrastructure_role;
	const char *cluster;
	const char *service; /* Create: serviceName, NULL: made up; others: serviceArn */
	const char *task_definition;
	struct tag_list tags;
	struct str_list include;
};
extern const struct schema create_express_schema;
extern const struct schema update_express_schema;
extern const struct schema delete_express_schema;
extern const struct schema describe_express_schema;

/* --- what it is made of (express_gateway_parts.c) --- */

/* The members of an ExpressGatewayServiceConfiguration that are asked for, of a request's body,
 * over those of `old` (NULL: over ECS's defaults). The caller owns it. */
struct json_object *express_configuration(struct json_object *in, struct json_object *old);
/* Whether it can be: 0, or InvalidParameterException. */
int express_check(struct call *c, struct json_object *configuration);
/* Registers a task definition of one container "Main" unless the configuration names one; in both
 * cases taskDefinitionArn of the configuration is what its tasks are made from. */
int express_register(
    struct call *c, struct json_object *configuration, const char *cluster, const char *service);
/* NetworkConfiguration for CreateService: what was asked for, else the default VPC. */
int express_network(struct call *c, struct json_object *configuration, struct json_object **ret);
/* ExpressGatewayScalingTarget.minTaskCount. */
int64_t express_min_tasks(struct json_object *configuration);

/* --- replies (express_gateway_doc.c) --- */

/* An ECSExpressGatewayService; the caller owns it. 1, 0 where the service is none, or a negative
 * errno. */
int express_print(
    struct call *c, const struct store_service *v, bool with_tags, struct json_object **ret);
/* An UpdatedExpressGatewayService, likewise. */
int express_print_updated(struct call *c, const struct store_service *v, struct json_object **ret);

#endif
