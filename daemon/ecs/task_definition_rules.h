/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What RegisterTaskDefinition refuses and with which words: a list of small rules, each of which
 * looks at one thing. Called by task_definition.c with a bound definition; types, required members
 * and enumerations were checked before.
 */
#ifndef DAEMON_ECS_TASK_DEFINITION_RULES_H
#define DAEMON_ECS_TASK_DEFINITION_RULES_H

#include "common/taskdef.h"

/* What the rules look at. The caller fills the first two, task_definition_rules_check the rest. */
struct td_subject {
	const struct task_def *td;
	bool memory_may_be_unset; /* KIND_MEMORY_UNSET: a container needs no limit of its own */
	bool fargate;             /* requiresCompatibilities has FARGATE */
	int64_t cpu_units;        /* of the task, -1 where not given or not readable */
	int64_t memory_mib;
};

/* One rule: about the whole definition, or asked once for each container. Returns 0, or fills `e`.
 */
struct td_rule {
	const char *name;
	int (*task)(const struct td_subject *s, struct err *e);
	int (*container)(const struct td_subject *s, const struct container_def *c, struct err *e);
};
struct td_rule_set {
	const struct td_rule *rules;
	size_t n;
};

/* The sets in the order in which they are asked; the first refusal wins. */
#define TD_RULE_SETS 6
extern const struct td_rule_set *const td_rule_sets[TD_RULE_SETS];

extern const struct td_rule_set td_rules_task;      /* task_definition_rules_task.c */
extern const struct td_rule_set td_rules_container; /* task_definition_rules_container.c */
extern const struct td_rule_set td_rules_network;   /* task_definition_rules_network.c */
extern const struct td_rule_set td_rules_volume;    /* task_definition_rules_volume.c */
extern const struct td_rule_set td_rules_order;     /* task_definition_rules_order.c */
extern const struct td_rule_set
    td_rules_fargate; /* task_definition_rules_fargate.c; asked only with .fargate */

/* Asks every rule. Returns 0; or a negative errno with `e` filled and, unless ret_rule is NULL, the
 * name of the rule that refused (static text). */
int task_definition_rules_check(struct td_subject *s, const char **ret_rule, struct err *e);
/* True if the definition could run on Fargate: it says so, or it would be accepted if it did. */
bool task_definition_rules_fit_fargate(const struct task_def *td);

/* The length of `text` is at most `max` and all its characters are in `set`. */
bool td_rules_text_ok(const char *text, size_t max, const char *set);
/* The image is in an Amazon ECR repository. */
bool td_rules_ecr_image(const char *image);

#define TD_NAME_MAX 255
#define TD_NAME_CHARS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

#endif
