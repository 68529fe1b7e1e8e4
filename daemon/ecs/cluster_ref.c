/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looks up the cluster that an operation is to work in, and makes "default" where the lenient mode
 * wants it. Called by the operation files; it must not know what they do there.
 */
#include "daemon/ecs/cluster_ref.h"

#include "daemon/arn.h"
#include "daemon/config.h"

#include <stdio.h>
#include <string.h>

static int
not_found(struct call *c)
{
	return err_set(&c->err, ERR_CLUSTER_NOT_FOUND, "Cluster not found.");
}

int
cluster_ref_name(struct call *c, const char *ref, char ret[static 256])
{
	int r = arn_resolve_cluster(
	    &c->scope, ref != NULL && ref[0] != '\0' ? ref : NULL, ret, &c->err);

	if (r < 0)
		return r;
	return r == 0 ? not_found(c) : 0;
}

static int
create_default(struct call *c, struct store_cluster *ret)
{
	struct store_cluster row = {
		.name = "default", .status = "ACTIVE", .created_at_ms = c->now_ms
	};
	int r;

	row.doc = xstrdup("{}");
	r = store_cluster_put(c->store, &c->scope, &row, &c->err);
	if (r < 0 || ret == NULL)
		store_cluster_done(&row);
	else
		*ret = row;
	return r;
}

int
cluster_ref_resolve(struct call *c, const char *ref, struct store_cluster *ret)
{
	_cleanup_cluster_ struct store_cluster row = { 0 };
	char name[256];
	int r;

	r = cluster_ref_name(c, ref, name);
	if (r < 0)
		return r;
	r = store_cluster_get(c->store, &c->scope, name, &row, &c->err);
	if (r < 0)
		return r;
	if (r == 1 && streq(row.status, "ACTIVE")) {
		*ret = row;
		row.doc = NULL;
		return 0;
	}
	if (streq(name, "default") && config_kind(c->config, KIND_DEFAULT_CLUSTER))
		return create_default(c, ret);
	return not_found(c);
}

int
cluster_ref_resolve_name(struct call *c, const char *ref, char ret[static 256])
{
	_cleanup_cluster_ struct store_cluster row = { 0 };
	int r = cluster_ref_resolve(c, ref, &row);

	if (r == 0)
		(void)snprintf(ret, 256, "%s", row.name);
	return r;
}

int
cluster_ref_ensure_default(struct call *c, const char *name)
{
	_cleanup_cluster_ struct store_cluster row = { 0 };
	int r;

	if (!streq(name, "default") || !config_kind(c->config, KIND_DEFAULT_CLUSTER))
		return 0;
	r = store_cluster_get(c->store, &c->scope, name, &row, &c->err);
	if (r == 0)
		return create_default(c, NULL);
	return r < 0 ? r : 0;
}

const char *
cluster_ref_arn(struct call *c, const char *name)
{
	char buf[ARN_MAX];

	return arena_strdup(&c->arena, arn_cluster(buf, &c->scope, name));
}
