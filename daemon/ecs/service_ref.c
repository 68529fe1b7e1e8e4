/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From "name or ARN" to a service's row. Called by the operations on services and task sets; it
 * must not know what they do with it.
 */
#include "daemon/ecs/service.h"

#include "daemon/arn.h"

int
service_ref_find(struct call *c, const char *cluster, const char *given, struct store_service *ret)
{
	char name[ARN_NAME_MAX];
	int r = arn_resolve_service(&c->scope, cluster, given, name, &c->err);

	if (r == 1)
		r = store_service_get(c->store, &c->scope, cluster, name, ret, &c->err);
	if (r == 0)
		return err_set(&c->err, ERR_SERVICE_NOT_FOUND, "Service not found.");
	return r < 0 ? r : 0;
}

int
service_ref_active(
    struct call *c, const char *cluster, const char *given, struct store_service *ret)
{
	int r = service_ref_find(c, cluster, given, ret);

	if (r == 0 && !streq(ret->status, "ACTIVE"))
		return err_set(&c->err, ERR_SERVICE_NOT_ACTIVE, "Service was not ACTIVE.");
	return r;
}
