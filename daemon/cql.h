/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cluster query language: expressions over container instances, as ListContainerInstances
 * filters and memberOf constraints have them. Called by the operations; it knows the grammar and
 * what an instance can be asked, not where instances are kept.
 *
 *	or   := and (("or" | "||") and)*
 *	and  := not (("and" | "&&") not)*
 *	not  := ("not" | "!") not | "(" or ")" | compare
 *	compare := subject operator [argument]
 *	subject := agentConnected | agentVersion | ec2InstanceId | registeredAt | runningTasksCount
 *| attribute:NAME | task:group operator := == != > >= < <= =~ !~ in !in exists !exists, or the word
 *for it (equals …) argument := word | "text" | 'text' | [argument, …] after in and !in
 */
#ifndef DAEMON_CQL_H
#define DAEMON_CQL_H

#include "common/arena.h"
#include "common/err.h"
#include "common/schema.h"

#define CQL_TEXT_MAX 2000 /* bytes of an expression */

struct cql; /* an expression that has been read */

/* What an instance answers. `attribute` gives NULL where the instance has none of that name and ""
 * where it has no value; `groups` are the groups of its unfinished tasks. Both are asked only when
 * the expression wants to know. */
struct cql_instance {
	bool agent_connected;
	const char *agent_version; /* NULL: unknown */
	const char *ec2_instance_id;
	int64_t registered_at_ms;
	int64_t running_tasks;
	const char *(*attribute)(const char *name, void *cookie);
	const struct str_list *(*groups)(void *cookie);
	void *cookie;
};

/* Reads an expression. 0 and *ret, which is cql_done's and lives no longer than `a`; or -EINVAL and
 * `bad` with "Invalid Expression: … at position N", counted from 1. */
int cql_parse(
    const char *text, struct arena *a, enum err_kind bad, struct cql **ret, struct err *e);
void cql_done(struct cql *q);
static inline void
cql_done_(struct cql **q)
{
	cql_done(*q);
}
#define _cleanup_cql_ _cleanup_(cql_done_)

/* Says only whether it can be read. */
int cql_check(const char *text, enum err_kind bad, struct err *e);

bool cql_match(const struct cql *q, const struct cql_instance *i);

#endif
