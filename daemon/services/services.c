/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every service that this daemon serves. Read by api.c, --dump-api and /_localemu/health.
 */
#include "daemon/services/service.h"

const struct op_service *const services[] = {
	&cloudtrail_service,
	&ecs_service,
	&ec2_service,
	&iam_service,
	&logs_service,
	&secretsmanager_service,
	&ssm_service,
	&s3_service,
	&sts_service,
};
const size_t n_services = ARRAY_SIZE(services);
