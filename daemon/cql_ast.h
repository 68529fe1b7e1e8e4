/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the reader of the cluster query language (cql.c) leaves for the one who evaluates it
 * (cql_match.c): a tree in the caller's arena. Only these two include it.
 */
#ifndef DAEMON_CQL_AST_H
#define DAEMON_CQL_AST_H

#include "daemon/cql.h"

#include <regex.h>

enum cql_kind { CQL_OR, CQL_AND, CQL_NOT, CQL_COMPARE };

enum cql_subject {
	CQL_AGENT_CONNECTED,
	CQL_AGENT_VERSION,
	CQL_EC2_INSTANCE_ID,
	CQL_REGISTERED_AT,
	CQL_RUNNING_TASKS,
	CQL_ATTRIBUTE,
	CQL_TASK_GROUP,
	CQL_SUBJECT_MAX,
};

enum cql_op {
	CQL_EQ,
	CQL_NE,
	CQL_GT,
	CQL_GE,
	CQL_LT,
	CQL_LE,
	CQL_MATCHES,
	CQL_NOT_MATCHES,
	CQL_IN,
	CQL_NOT_IN,
	CQL_EXISTS,
	CQL_NOT_EXISTS,
	CQL_OP_MAX,
};

/* An argument in all the forms that its subject compares. */
struct cql_arg {
	struct cql_arg *next; /* of a list */
	const char *text;
	int64_t number;  /* runningTasksCount */
	int64_t from_ms; /* registeredAt: the span that the date names, its end excluded */
	int64_t to_ms;
};

struct cql_node {
	enum cql_kind kind;
	struct cql_node *left, *right; /* CQL_NOT: left alone */
	enum cql_subject subject;
	const char *attribute;
	enum cql_op op;
	struct cql_arg *args;
	regex_t *regex; /* compiled, of CQL_MATCHES and CQL_NOT_MATCHES */
	struct cql_node *next_regex;
};

struct cql {
	struct cql_node *root;
	struct cql_node *regexes; /* the nodes whose regex is to be freed */
};

/* Reads a date of the forms that registeredAt takes: a year and as much behind it as is known. */
int cql_read_date(const char *text, int64_t *ret_from_ms, int64_t *ret_to_ms);
/* A Java-style regular expression as POSIX compiles it: 0, or a negative errno and why. */
int cql_read_regex(const char *text, regex_t *ret, const char **ret_why);

#endif
