/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an express gateway service was asked to be: a row for each of its service revisions. The
 * service itself is a row of store/service.h, and its rows here go with it.
 */
#ifndef DAEMON_STORE_EXPRESS_GATEWAY_H
#define DAEMON_STORE_EXPRESS_GATEWAY_H

#include "daemon/store/service.h"

struct store_express_gateway {
	struct scope scope;
	char cluster[256];
	char service[256];
	char revision[DEPLOYMENT_ID_SIZE];
	int64_t created_at_ms;
	/* The configuration as it was asked for (ExpressGatewayServiceConfiguration), and
	 * infrastructureRoleArn. */
	char *doc; /* owned */
};
void store_express_gateway_done(struct store_express_gateway *v);
/* Inserts, or replaces the row of that revision. */
int store_express_gateway_put(
    struct store *s, const struct store_express_gateway *v, struct err *e);
/* 1 found, 0 not (the service is no express gateway service), negative errno. */
int store_express_gateway_get(struct store *s, const struct scope *sc, const char *cluster,
    const char *service, const char *revision, struct store_express_gateway *ret, struct err *e);

#endif
