/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of the service operations. Each is in a file of its own: service_create.c,
 * service_update.c, service_delete.c, service_read.c.
 */
#include "daemon/ecs/service.h"

#include "daemon/ecs/operations.h"
#include "daemon/ecs/service_settle.h"

/* clang-format off */
static const struct op ops[] = {
	{ .name = "CreateService",           .run = create_service,             .input = &create_service_schema, .flags = OP_WRITE | OP_SETTLES,
	  .settled = service_settle_done, .answer = service_settle_answer },
	{ .name = "DeleteService",           .run = delete_service,             .input = &delete_service_schema, .flags = OP_WRITE },
	{ .name = "DescribeServices",        .run = describe_services,          .input = &describe_services_schema },
	{ .name = "ListServices",            .run = list_services,              .input = &list_services_schema },
	{ .name = "ListServicesByNamespace", .run = list_services_by_namespace, .input = &list_services_by_namespace_schema },
	{ .name = "UpdateService",           .run = update_service,             .input = &update_service_schema, .flags = OP_WRITE | OP_SETTLES,
	  .settled = service_settle_done, .answer = service_settle_answer },
};
/* clang-format on */

const struct op_table ecs_service_ops = { ops, ARRAY_SIZE(ops) };
