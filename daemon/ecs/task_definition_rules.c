/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asks the rules in their order and stops at the first refusal. Called by task_definition.c; the
 * rules themselves are in the files beside it.
 */
#include "daemon/ecs/task_definition_rules.h"

#include <string.h>

const struct td_rule_set *const td_rule_sets[TD_RULE_SETS] = {
	&td_rules_task,
	&td_rules_container,
	&td_rules_network,
	&td_rules_volume,
	&td_rules_order,
	&td_rules_fargate,
};

static int ask_set(const struct td_rule_set *set, const struct td_subject *s, const char **ret_rule,
    struct err *e);
static int ask(const struct td_rule *rule, const struct td_subject *s, struct err *e);
static void derive(struct td_subject *s);

int
task_definition_rules_check(struct td_subject *s, const char **ret_rule, struct err *e)
{
	int r;

	derive(s);
	for (size_t i = 0; i < TD_RULE_SETS; i++) {
		if (td_rule_sets[i] == &td_rules_fargate && !s->fargate)
			continue;
		r = ask_set(td_rule_sets[i], s, ret_rule, e);
		if (r < 0)
			return r;
	}
	return 0;
}

bool
task_definition_rules_fit_fargate(const struct task_def *td)
{
	struct td_subject s = { .td = td };

	derive(&s);
	return ask_set(&td_rules_fargate, &s, NULL, NULL) == 0;
}

bool
td_rules_text_ok(const char *text, size_t max, const char *set)
{
	size_t len = strlen(text);

	return len <= max && strspn(text, set) == len;
}

/* <account>.dkr.ecr.<region>.amazonaws.com/… */
bool
td_rules_ecr_image(const char *image)
{
	size_t digits = strspn(image, "0123456789");
	const char *slash = strchr(image, '/');
	const char *domain = strstr(image, ".amazonaws.com");

	return digits == 12 && has_prefix(image + digits, ".dkr.ecr") && slash != NULL &&
	       domain != NULL && domain < slash;
}

static void
derive(struct td_subject *s)
{
	const struct str_list *wanted = &s->td->requires_compatibilities;

	s->fargate = false;
	for (size_t i = 0; i < wanted->n; i++) {
		if (streq(wanted->v[i], compatibility_names[COMPAT_FARGATE]))
			s->fargate = true;
	}
	if (s->td->cpu == NULL || task_def_cpu_units(s->td->cpu, &s->cpu_units) < 0)
		s->cpu_units = -1;
	if (s->td->memory == NULL || task_def_memory_mib(s->td->memory, &s->memory_mib) < 0)
		s->memory_mib = -1;
}

static int
ask_set(
    const struct td_rule_set *set, const struct td_subject *s, const char **ret_rule, struct err *e)
{
	int r;

	for (size_t i = 0; i < set->n; i++) {
		r = ask(&set->rules[i], s, e);
		if (r < 0) {
			if (ret_rule != NULL)
				*ret_rule = set->rules[i].name;
			return r;
		}
	}
	return 0;
}

static int
ask(const struct td_rule *rule, const struct td_subject *s, struct err *e)
{
	int r;

	if (rule->task != NULL)
		return rule->task(s, e);
	for (size_t i = 0; i < s->td->containers.n; i++) {
		r = rule->container(s, &s->td->containers.v[i], e);
		if (r < 0)
			return r;
	}
	return 0;
}
