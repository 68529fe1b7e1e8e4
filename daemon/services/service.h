/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One AWS service as api.c takes it: its name, its protocol, its operation tables, and the names of
 * operations that are known and not built. ECS and every neighbour export one; services.c lists
 * them.
 *
 * A new service: operation rows as in ecs/, `extern const struct op_service foo_service` here, its
 * line in services.c, its row in http/recognise.c (a unit test compares the two). Handlers of
 * Query and EC2 services are like all others: c->args is bound by the row's table, whose names are
 * those on the wire ("RoleName"; EC2: "VpcId", "Filter", "TagSpecification"), c->out gets the XML
 * elements of the result as JSON in their order (EC2: "vpcSet": [{"vpcId": …}]). Errors are said
 * with err_set_code(&c->err, 404, "NoSuchEntity", …). Times: json_add_iso_time.
 */
#ifndef DAEMON_SERVICES_SERVICE_H
#define DAEMON_SERVICES_SERVICE_H

#include "daemon/api.h"
#include "daemon/services/protocol.h"

struct op_service {
	const char *name;      /* "ecs", as in api_request.service and in credential scopes */
	const char *full_name; /* "Amazon ECS", for people */
	enum wire wire;
	const char *xmlns; /* of answers; NULL for JSON */
	/* The service has no regions: c->scope.region is "aws-global" ("aws-cn-global" …). */
	bool global;
	const struct op_table *const *tables;
	size_t n_tables;
	const char *const *unavailable;
	size_t n_unavailable;
	/* Operations that go past api.c (rest.h): tells the names of all of them. NULL: none. */
	void (*streamed)(void (*fn)(const char *name, bool available, void *arg), void *arg);
};

extern const struct op_service ecs_service;            /* ecs/operations.c */
extern const struct op_service cloudtrail_service;     /* services/cloudtrail.c */
extern const struct op_service sts_service;            /* services/sts.c */
extern const struct op_service iam_service;            /* services/iam.c */
extern const struct op_service ec2_service;            /* services/ec2.c */
extern const struct op_service logs_service;           /* services/logs.c */
extern const struct op_service secretsmanager_service; /* services/secretsmanager.c */
extern const struct op_service ssm_service;            /* services/ssm.c */
extern const struct op_service s3_service;             /* services/s3_ops.c */

/* All of them (services.c). */
extern const struct op_service *const services[];
extern const size_t n_services;

#endif
