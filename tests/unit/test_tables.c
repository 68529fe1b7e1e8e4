/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every name table there and back, the numbers that two files must agree on, and a walk over every
 * row of every operation table: what the compiler cannot see in a table is looked at here.
 */
#include "common/err.h"
#include "common/schema.h"
#include "common/task_state.h"
#include "daemon/ecs/operations.h"
#include "daemon/http/recognise.h"
#include "proto/shim.pb-c.h"

#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#define NAMES_MAX 256
#define DEPTH_MAX 16

static void
test_task_states(void **state)
{
	(void)state;
	for (int s = 0; s < TASK_STATE_MAX; s++) {
		const char *name = task_state_name((enum task_state)s);

		assert_true(strlen(name) > 0);
		assert_int_equal(task_state_parse(name), s);
		for (int to = 0; to < TASK_STATE_MAX; to++)
			assert_int_equal(
			    task_state_may_follow((enum task_state)s, (enum task_state)to),
			    to >= s);
	}
	assert_string_equal(task_state_name(TASK_STATE_MAX), "");
	assert_int_equal(task_state_parse("NOWHERE"), -1);
	assert_int_equal(task_state_parse(""), -1);
	assert_false(task_state_may_follow(TASK_RUNNING, TASK_STATE_MAX));
	for (int s = 0; s < CONTAINER_STATE_MAX; s++)
		assert_true(strlen(container_state_name((enum container_state)s)) > 0);
	for (int s = 0; s < HEALTH_STATE_MAX; s++)
		assert_true(strlen(health_state_name((enum health_state)s)) > 0);
	assert_string_equal(container_state_name(CONTAINER_STATE_MAX), "");
	assert_string_equal(health_state_name(HEALTH_STATE_MAX), "");
}

/* An enum of shim.proto against ours: as many values, the same numbers, the same names. */
static void
same_numbers(
    const ProtobufCEnumDescriptor *wire, int max, const char *prefix, const char *(*name)(int))
{
	assert_int_equal(wire->n_values, max);
	for (int i = 0; i < max; i++) {
		char wire_name[64];
		const ProtobufCEnumValue *v;

		(void)snprintf(wire_name, sizeof(wire_name), "%s%s", prefix, name(i));
		v = protobuf_c_enum_descriptor_get_value_by_name(wire, wire_name);
		if (v == NULL)
			fail_msg("%s has no %s", wire->name, wire_name);
		else
			assert_int_equal(v->value, i);
	}
}

static const char *
task_name(int i)
{
	return task_state_name((enum task_state)i);
}

static const char *
container_name(int i)
{
	return container_state_name((enum container_state)i);
}

static const char *
health_name(int i)
{
	return health_state_name((enum health_state)i);
}

static void
test_numbers_on_the_wire(void **state)
{
	(void)state;
	same_numbers(&shim__task_status__descriptor, TASK_STATE_MAX, "", task_name);
	same_numbers(
	    &shim__container_status__descriptor, CONTAINER_STATE_MAX, "CONTAINER_", container_name);
	same_numbers(&shim__health_status__descriptor, HEALTH_STATE_MAX, "", health_name);
}

static void
test_error_kinds(void **state)
{
	(void)state;
	assert_string_equal(err_type(ERR_NONE), "");
	for (int k = ERR_NONE + 1; k < ERR_MAX; k++) {
		const char *type = err_type((enum err_kind)k);

		if (k == ERR_CODED) /* says its name itself */
			continue;
		if (type == NULL || strstr(type, "Exception") == NULL) {
			fail_msg("kind %d has no name of an exception", k);
			return;
		}
		assert_int_equal(err_http_status((enum err_kind)k), k == ERR_SERVER ? 500 : 400);
		for (int other = k + 1; other < ERR_MAX; other++)
			/* "Not built yet" has no exception of its own in AWS. */
			if (strcmp(type, err_type((enum err_kind)other)) == 0 &&
			    k != ERR_NOT_AVAILABLE)
				fail_msg("%s twice", type);
	}
	assert_string_equal(err_type(ERR_MAX), "ServerException");
	assert_int_equal(err_http_status(ERR_MAX), 500);
}

/* Bytes that a row binds, by type. */
static const size_t bound_size[SCHEMA_TYPE_MAX] = {
	[SCHEMA_STRING] = sizeof(char *),
	[SCHEMA_ENUM] = sizeof(int),
	[SCHEMA_BOOL] = sizeof(enum tri),
	[SCHEMA_INT] = sizeof(struct opt_int),
	[SCHEMA_LONG] = sizeof(struct opt_int),
	[SCHEMA_DOUBLE] = sizeof(struct opt_double),
	[SCHEMA_TIME] = sizeof(struct opt_double),
	[SCHEMA_STRUCT] = sizeof(void *),
	[SCHEMA_LIST_STRING] = sizeof(struct str_list),
	[SCHEMA_LIST_ENUM] = sizeof(struct str_list),
	[SCHEMA_LIST_INT] = sizeof(void *),
	[SCHEMA_LIST_STRUCT] = sizeof(LIST_OF(int)),
	[SCHEMA_MAP_STRING] = sizeof(struct str_map),
	[SCHEMA_JSON] = sizeof(void *),
	[SCHEMA_BLOB] = sizeof(char *),
};

/* Where a walk is, for the message and against shapes within themselves. */
struct trail {
	const struct trail *up;
	const struct schema *s;
	const char *field;
	bool bound; /* false below a row that binds nothing: there required rows need no place
		       either */
};

static void
complain(const struct trail *at, const char *what)
{
	char path[512] = "";

	for (; at != NULL; at = at->up) {
		char longer[sizeof(path)];

		(void)snprintf(longer, sizeof(longer), "%s.%s %.300s", at->s->name,
		    at->field != NULL ? at->field : "", path);
		memcpy(path, longer, sizeof(path));
	}
	fail_msg("%s: %s", path, what);
}

static void
check_names(const struct trail *at, const char *const *names)
{
	size_t n = 1;

	if (names == NULL || names[0] != NULL) {
		complain(at, "an enum needs names, and names[0] is NULL");
		return;
	}
	for (; n < NAMES_MAX && names[n] != NULL; n++)
		if (schema_enum_index(names, names[n]) != (int)n)
			complain(at, "a name is there twice");
	if (n == 1 || n == NAMES_MAX)
		complain(at, "an enum without names or without an end");
}

static void walk(const struct schema *s, const struct trail *up, bool bound);

static void
check_field(const struct schema *s, const struct schema_field *f, const struct trail *at)
{
	bool is_enum = f->type == SCHEMA_ENUM || f->type == SCHEMA_LIST_ENUM;
	bool binds = at->bound && (f->flags & SCHEMA_UNBOUND) == 0;

	if (f->name == NULL || *f->name == '\0' || (unsigned)f->type >= SCHEMA_TYPE_MAX) {
		complain(at, "no name or no type");
		return;
	}
	/* A string with names: its handler has words of its own for others. */
	if (is_enum || (f->type == SCHEMA_STRING && f->names != NULL))
		check_names(at, f->names);
	else if (f->names != NULL)
		complain(at, "names, but no enum");
	if (at->bound && (f->flags & SCHEMA_REQUIRED) != 0 && (f->flags & SCHEMA_UNBOUND) != 0)
		complain(at, "required, but bound to nothing");
	if (binds && f->offset + bound_size[f->type] > s->size)
		complain(at, "binds beyond its struct");
	if ((f->type == SCHEMA_STRUCT || f->type == SCHEMA_LIST_STRUCT) && f->sub == NULL)
		complain(at, "no table of its members");
	if (binds && f->type != SCHEMA_JSON && f->sub != NULL && f->sub->n > 0 && f->sub->size == 0)
		complain(at, "binds a table that has no struct");
	if (f->json_list && f->type != SCHEMA_JSON)
		complain(at, "json_list, but no JSON");
	if (f->min_len > f->max_len && f->max_len > 0)
		complain(at, "shortest longer than longest");
	if (f->min > f->max && f->max != 0)
		complain(at, "least above most");
	if (f->kind < ERR_NONE || f->kind >= ERR_MAX)
		complain(at, "no kind of error");
	if (f->sub != NULL)
		walk(f->sub, at, binds && f->type != SCHEMA_JSON);
}

static void
walk(const struct schema *s, const struct trail *up, bool bound)
{
	int depth = 0;

	for (const struct trail *t = up; t != NULL; t = t->up) {
		if (t->s == s)
			return;
		depth++;
	}
	assert_true(depth < DEPTH_MAX);
	assert_non_null(s->name);
	for (size_t i = 0; i < s->n; i++) {
		const struct schema_field *f = &s->fields[i];
		const struct trail at = { up, s, f->name, bound };

		check_field(s, f, &at);
		for (size_t j = 0; j < i; j++) {
			const struct schema_field *g = &s->fields[j];

			if (strcmp(f->name, g->name) == 0)
				complain(&at, "two rows of that name");
			if (bound && ((f->flags | g->flags) & SCHEMA_UNBOUND) == 0 &&
			    f->offset == g->offset)
				complain(&at, "two rows bind the same member");
		}
	}
}

static size_t
check_rows(const struct op_table *table)
{
	for (size_t i = 0; i < table->n; i++) {
		const struct op *op = &table->ops[i];

		assert_non_null(op->name);
		if (op->run == NULL || op->input == NULL) {
			fail_msg("%s has no handler or no input", op->name);
			return 0;
		}
		if (((op->flags & OP_SETTLES) != 0) != (op->settled != NULL && op->answer != NULL))
			fail_msg("%s settles by halves", op->name);
		walk(op->input, NULL, true);
	}
	return table->n;
}

static void
test_every_row(void **state)
{
	(void)state;
	for (size_t s = 0; s < n_services; s++) {
		size_t n = 0;

		for (size_t t = 0; t < services[s]->n_tables; t++)
			n += check_rows(services[s]->tables[t]);
		assert_true(n > 0 || services[s]->streamed != NULL);
		assert_true(strlen(services[s]->full_name) > 0);
		assert_int_equal(services[s]->wire == WIRE_JSON, services[s]->xmlns == NULL);
	}
}

/* What the edge recognises is what there is, and speaks its protocol. */
static void
test_services_are_recognised(void **state)
{
	(void)state;
	assert_int_equal(n_recognise_rows, n_services);
	for (size_t i = 0; i < n_services; i++) {
		size_t found = 0;

		for (size_t j = 0; j < n_recognise_rows; j++)
			if (strcmp(recognise_rows[j].service, services[i]->name) == 0 &&
			    recognise_rows[j].wire == services[i]->wire)
				found++;
		if (found != 1)
			fail_msg("%s is recognised %zu times", services[i]->name, found);
	}
}

static void
test_operations_are_the_model(void **state)
{
	const char *names[ECS_OPERATIONS_TOTAL + 50];
	size_t n = 0;

	(void)state;
	for (size_t i = 0; i < ecs_service.n_unavailable; i++)
		names[n++] = ecs_service.unavailable[i];
	for (size_t t = 0; t < ecs_service.n_tables; t++)
		for (size_t i = 0; i < ecs_service.tables[t]->n; i++)
			names[n++] = ecs_service.tables[t]->ops[i].name;
	assert_int_equal(n, ECS_OPERATIONS_TOTAL);
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < i; j++)
			if (strcmp(names[i], names[j]) == 0)
				fail_msg("%s twice", names[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_task_states),
		cmocka_unit_test(test_numbers_on_the_wire),
		cmocka_unit_test(test_error_kinds),
		cmocka_unit_test(test_every_row),
		cmocka_unit_test(test_services_are_recognised),
		cmocka_unit_test(test_operations_are_the_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
