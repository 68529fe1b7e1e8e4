/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Form parameters of the Query and EC2 Query protocols as a JSON tree, guided by an operation's
 * table: A.member.1.B=x (EC2: A.1.B=x) becomes {"A":[{"B":"x"}]}. Called by protocol.c. Hostile
 * input is refused, never guessed at.
 */
#ifndef DAEMON_SERVICES_QUERY_H
#define DAEMON_SERVICES_QUERY_H

#include "common/json.h"
#include "common/schema.h"

#define QUERY_PARAMETERS_MAX 1000
#define QUERY_INDEX_MAX 1000
#define QUERY_DEPTH_MAX 16 /* parts of one name */

/* Lists are X.member.N, X.entry.N.key in Query, X.N in EC2. Parameters that the table does not name
 * are ignored (Action, Version …). 0 and the caller's object, or a code of the protocol in `e`. */
int query_parse(const struct schema *input, bool ec2, const char *form, size_t len,
    struct json_object **ret, struct err *e);

#endif
