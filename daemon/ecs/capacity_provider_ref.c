/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Capacity providers by name or ARN. It reads the rows and knows which names need none; what a
 * strategy may consist of is for its readers.
 */
#include "daemon/ecs/capacity_provider_ref.h"

#include "daemon/arn.h"
#include "daemon/store/capacity_provider.h"

#include <string.h>

const char *const capacity_provider_built_in[] = { "FARGATE", "FARGATE_SPOT", NULL };

bool
capacity_provider_is_fargate(const char *name)
{
	for (size_t i = 0; capacity_provider_built_in[i] != NULL; i++)
		if (streq(name, capacity_provider_built_in[i]))
			return true;
	return false;
}

int
capacity_provider_name(struct call *c, const char *given, const char **ret)
{
	struct arn a;

	if (!has_prefix(given, "arn:")) {
		*ret = given;
		return strlen(given) < ARN_NAME_MAX;
	}
	if (arn_parse(given, &a) < 0 || a.type != ARN_CAPACITY_PROVIDER)
		return err_set(&c->err, ERR_INVALID_PARAMETER,
		    "Invalid identifier: '%.200s' is not the ARN of a capacity provider.", given);
	if (!arn_in_scope(&c->scope, &a) || a.n != 1 || strlen(a.part[0]) >= ARN_NAME_MAX)
		return 0;
	*ret = arena_strdup(&c->arena, a.part[0]);
	return 1;
}

int
capacity_provider_find(struct call *c, const char *cluster, const char *given,
    const char **ret_name, enum capacity_provider_kind *ret_kind)
{
	_cleanup_capacity_provider_ struct store_capacity_provider row = { 0 };
	const char *name = NULL;
	int r = capacity_provider_name(c, given, &name);

	if (r == 1 && capacity_provider_is_fargate(name)) {
		*ret_name = name;
		*ret_kind = PROVIDER_FARGATE;
		return 0;
	}
	if (r == 1)
		r = store_capacity_provider_get(c->store, &c->scope, name, &row, &c->err);
	if (r < 0)
		return r;
	/* Managed instances belong to one cluster. */
	if (r == 0 || !streq(row.status, "ACTIVE") ||
	    (row.cluster[0] != '\0' && !streq(row.cluster, cluster)))
		return err_set(&c->err, ERR_INVALID_PARAMETER,
		    "The specified capacity provider '%.255s' was not found. Specify a valid name "
		    "or ARN and try again.",
		    given);
	*ret_name = name;
	*ret_kind = row.cluster[0] != '\0' ? PROVIDER_MANAGED : PROVIDER_GROUP;
	return 0;
}
