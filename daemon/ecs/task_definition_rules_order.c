/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules about who waits for whom: links, dependsOn, and that neither goes in a circle
 * (RegisterTaskDefinition). Asked by task_definition_rules.c.
 */
#include "daemon/ecs/task_definition_rules.h"

#include <string.h>

#define NODES_MAX 10 /* the rule container_count has been asked before */

/* Bit k of row i: container i waits for container k. */
struct graph {
	size_t n;
	unsigned waits_for[NODES_MAX];
};

static int link_targets(const struct td_subject *s, const struct container_def *c, struct err *e);
static int dependency_targets(
    const struct td_subject *s, const struct container_def *c, struct err *e);
static int dependency_conditions(
    const struct td_subject *s, const struct container_def *c, struct err *e);
static int link_cycle(const struct td_subject *s, struct err *e);
static int dependency_cycle(const struct td_subject *s, struct err *e);

/* clang-format off */
static const struct td_rule rules[] = {
	{ .name = "link_targets",          .container = link_targets },
	{ .name = "link_cycle",            .task = link_cycle },
	{ .name = "dependency_targets",    .container = dependency_targets },
	{ .name = "dependency_conditions", .container = dependency_conditions },
	{ .name = "dependency_cycle",      .task = dependency_cycle },
};
/* clang-format on */
const struct td_rule_set td_rules_order = { rules, ARRAY_SIZE(rules) };

/* The container of a link, "name" or "name:alias"; NULL where there is none. */
static const struct container_def *
link_target(const struct task_def *td, const char *text)
{
	size_t len = strcspn(text, ":");

	for (size_t i = 0; i < td->containers.n; i++) {
		const char *name = td->containers.v[i].name;

		if (strlen(name) == len && strncmp(name, text, len) == 0)
			return &td->containers.v[i];
	}
	return NULL;
}

static int
link_targets(const struct td_subject *s, const struct container_def *c, struct err *e)
{
	for (size_t i = 0; i < c->links.n; i++) {
		const char *text = c->links.v[i];
		const char *alias = strchr(text, ':');

		if (*text == '\0' || *text == ':' ||
		    (alias != NULL && (alias[1] == '\0' || strchr(alias + 1, ':') != NULL)))
			return err_set(e, ERR_CLIENT,
			    "Invalid setting for container '%s'. Invalid link format: '%s'.",
			    c->name, text);
		if (link_target(s->td, text) == NULL)
			return err_set(e, ERR_CLIENT,
			    "Invalid setting for container '%s'. The link target '%s' is not a "
			    "container in the TaskDefinition.",
			    c->name, text);
	}
	return 0;
}

static int
dependency_targets(const struct td_subject *s, const struct container_def *c, struct err *e)
{
	for (size_t i = 0; i < c->depends_on.n; i++) {
		const char *name = c->depends_on.v[i].container_name;

		if (streq(name, c->name))
			return err_set(e, ERR_CLIENT,
			    "A container cannot depend on itself. Container: '%s'.", c->name);
		if (task_def_container(s->td, name) == NULL)
			return err_set(e, ERR_CLIENT,
			    "Invalid setting for container '%s'. The dependency container '%s' is "
			    "not a container in the TaskDefinition.",
			    c->name, name);
	}
	return 0;
}

static int
dependency_conditions(const struct td_subject *s, const struct container_def *c, struct err *e)
{
	for (size_t i = 0; i < c->depends_on.n; i++) {
		const struct td_dependency *d = &c->depends_on.v[i];
		const struct container_def *target = task_def_container(s->td, d->container_name);
		bool ends = d->condition == DEPEND_SUCCESS || d->condition == DEPEND_COMPLETE;

		if (ends && target->essential != TRI_FALSE)
			return err_set(e, ERR_CLIENT,
			    "A dependency container with SUCCESS or COMPLETE condition cannot be "
			    "an essential container");
		if (d->condition == DEPEND_HEALTHY && target->health_check == NULL)
			return err_set(e, ERR_CLIENT,
			    "Invalid setting for container '%s'. The dependency container '%s' "
			    "with HEALTHY condition must have a health check.",
			    c->name, d->container_name);
	}
	return 0;
}

static void
graph_add(struct graph *g, const struct task_def *td, size_t from, const struct container_def *to)
{
	if (to != NULL)
		g->waits_for[from] |= BIT(to - td->containers.v);
}

/* Warshall: whoever waits for k also waits for whom k waits for. */
static bool
graph_has_cycle(struct graph *g)
{
	for (size_t k = 0; k < g->n; k++) {
		for (size_t i = 0; i < g->n; i++) {
			if (g->waits_for[i] & BIT(k))
				g->waits_for[i] |= g->waits_for[k];
		}
	}
	for (size_t i = 0; i < g->n; i++) {
		if (g->waits_for[i] & BIT(i))
			return true;
	}
	return false;
}

static int
link_cycle(const struct td_subject *s, struct err *e)
{
	struct graph g = { .n = s->td->containers.n };

	for (size_t i = 0; i < g.n; i++) {
		const struct str_list *links = &s->td->containers.v[i].links;

		for (size_t k = 0; k < links->n; k++)
			graph_add(&g, s->td, i, link_target(s->td, links->v[k]));
	}
	if (graph_has_cycle(&g))
		return err_set(e, ERR_CLIENT, "Container links should not have a cycle");
	return 0;
}

/* All that the agent waits for: dependsOn, links and volumesFrom together. */
static int
dependency_cycle(const struct td_subject *s, struct err *e)
{
	const struct task_def *td = s->td;
	struct graph g = { .n = td->containers.n };

	for (size_t i = 0; i < g.n; i++) {
		const struct container_def *c = &td->containers.v[i];

		for (size_t k = 0; k < c->depends_on.n; k++)
			graph_add(
			    &g, td, i, task_def_container(td, c->depends_on.v[k].container_name));
		for (size_t k = 0; k < c->links.n; k++)
			graph_add(&g, td, i, link_target(td, c->links.v[k]));
		for (size_t k = 0; k < c->volumes_from.n; k++)
			graph_add(&g, td, i,
			    task_def_container(td, c->volumes_from.v[k].source_container));
	}
	if (graph_has_cycle(&g))
		return err_set(e, ERR_CLIENT, "There is a circular dependency in containers");
	return 0;
}
