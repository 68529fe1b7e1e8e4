/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each strategy narrows the candidates down to those that are best by it; the next one goes on with
 * them. Called by task_place.c; it must not know what a task asks for.
 */
#include "daemon/ecs/task_strategy.h"

#include <string.h>
#include <strings.h>

#define ATTRIBUTE "attribute:"
#define ZONE "ecs.availability-zone"

const char *
candidate_attribute(const struct candidate *v, const char *name)
{
	struct json_object *list = json_get(v->doc, "attributes");

	for (size_t i = 0; list != NULL && i < json_object_array_length(list); i++) {
		struct json_object *o = json_object_array_get_idx(list, i);

		if (streq(json_get_str(o, "name"), name))
			return json_get_str(o, "value");
	}
	return NULL;
}

/* --- scores: the lowest is the best --- */

static int64_t
tasks_with_same_value(
    const struct candidate *v, size_t n, const struct candidate *of, const char *name)
{
	const char *value = candidate_attribute(of, name);
	int64_t tasks = 0;

	for (size_t i = 0; i < n; i++)
		if (streq(candidate_attribute(&v[i], name), value))
			tasks += v[i].n_group;
	return tasks;
}

static int64_t
remaining(const struct candidate *v, const char *field)
{
	struct json_object *list = json_get(v->doc, "registeredResources");
	bool cpu = strcasecmp(field, "cpu") == 0;

	for (size_t i = 0; list != NULL && i < json_object_array_length(list); i++) {
		struct json_object *o = json_object_array_get_idx(list, i);

		if (streq(json_get_str(o, "name"), cpu ? "CPU" : "MEMORY"))
			return json_get_int(o, "integerValue", 0) -
			       (cpu ? v->used->cpu_units : v->used->memory_mib);
	}
	return 0;
}

static int64_t
score(const struct candidate *v, size_t n, const struct candidate *of,
    const struct placement_strategy *s)
{
	if (s->type == STRATEGY_BINPACK)
		return remaining(of, s->field);
	if (strncasecmp(s->field, ATTRIBUTE, strlen(ATTRIBUTE)) == 0)
		return tasks_with_same_value(v, n, of, s->field + strlen(ATTRIBUTE));
	return of->n_group; /* instanceId, host */
}

static void
narrow(struct candidate *v, size_t n, const struct placement_strategy *s)
{
	int64_t best = INT64_MAX;

	for (size_t i = 0; i < n; i++)
		if (v[i].preferred && score(v, n, &v[i], s) < best)
			best = score(v, n, &v[i], s);
	for (size_t i = 0; i < n; i++)
		v[i].preferred = v[i].preferred && score(v, n, &v[i], s) == best;
}

static void
keep_any(struct candidate *v, size_t n)
{
	size_t preferred = 0, chosen;
	char dice[9];

	for (size_t i = 0; i < n; i++)
		preferred += v[i].preferred;
	if (preferred == 0)
		return;
	random_hex(dice, 4);
	chosen = strtoul(dice, NULL, 16) % preferred;
	for (size_t i = 0; i < n; i++)
		if (v[i].preferred)
			v[i].preferred = chosen-- == 0;
}

struct candidate *
task_strategy_choose(
    struct candidate *v, size_t n, const struct placement_strategy *strategies, size_t n_strategies)
{
	static const struct placement_strategy zones = { STRATEGY_SPREAD, ATTRIBUTE ZONE };
	struct candidate *best = NULL;

	for (size_t i = 0; i < n; i++)
		v[i].preferred = v[i].reason == NULL;
	if (n_strategies == 0)
		narrow(v, n, &zones);
	for (size_t i = 0; i < n_strategies; i++)
		if (strategies[i].type == STRATEGY_RANDOM)
			keep_any(v, n);
		else
			narrow(v, n, &strategies[i]);
	for (size_t i = 0; i < n; i++)
		if (v[i].preferred && (best == NULL || v[i].n_tasks < best->n_tasks))
			best = &v[i];
	return best;
}

/* --- what may be asked for --- */

static int
refuse(struct call *c, const char *text)
{
	return err_set(&c->err, ERR_INVALID_PARAMETER, "%s", text);
}

static int
check_one(struct call *c, struct placement_strategy *s)
{
	bool given = s->field != NULL && s->field[0] != '\0';

	if (s->type == STRATEGY_UNSET)
		return refuse(c, "Placement strategy type should not be null or empty.");
	if (s->type == STRATEGY_RANDOM)
		return given ? refuse(c, "Placement strategy of type random takes no field.") : 0;
	if (s->type == STRATEGY_BINPACK) {
		if (given &&
		    (strcasecmp(s->field, "cpu") == 0 || strcasecmp(s->field, "memory") == 0))
			return 0;
		return refuse(c, "Placement strategy field should be one of [cpu, memory] for the "
				 "type binpack.");
	}
	if (!given)
		return refuse(
		    c, "Placement strategy field should not be null or empty for the type spread.");
	if (strcasecmp(s->field, "instanceId") == 0 || strcasecmp(s->field, "host") == 0 ||
	    (strncasecmp(s->field, ATTRIBUTE, strlen(ATTRIBUTE)) == 0 &&
		s->field[strlen(ATTRIBUTE)] != '\0'))
		return 0;
	return refuse(c, "Placement strategy field should be one of [instanceId, host, "
			 "attribute:NAME] for the type spread.");
}

int
task_strategy_check(struct call *c, struct placement_strategy *strategies, size_t n)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++)
		r = check_one(c, &strategies[i]);
	return r;
}
