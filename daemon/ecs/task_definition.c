/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The operations on task definitions: register, describe, list, deregister, delete. The rules of a
 * definition are in task_definition_rules*.c, its shape in task_definition_doc.c; api.c calls
 * through the table.
 */
#include "common/taskdef.h"
#include "daemon/api.h"
#include "daemon/arn.h"
#include "daemon/config.h"
#include "daemon/ecs/operations.h"
#include "daemon/ecs/tag_set.h"
#include "daemon/ecs/task_definition_doc.h"
#include "daemon/ecs/task_definition_ref.h"
#include "daemon/ecs/task_definition_rules.h"
#include "daemon/page.h"
#include "daemon/store/task_definition.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define DEFINITION_MAX_BYTES 65536
#define DELETE_MAX 10
#define LIST_DEFAULT 100
#define LIST_MAX 100
#define LIST_KEY_MAX 300 /* "family:revision" */

struct reference_in {
	const char *task_definition;
	struct str_list include;
};

struct list_in {
	const char *family_prefix;
	int status; /* enum td_status + 1 */
	int sort;
	const char *next_token;
	struct opt_int max_results;
};

struct families_in {
	const char *family_prefix;
	int status; /* enum families_status */
	const char *next_token;
	struct opt_int max_results;
};

struct delete_in {
	struct str_list task_definitions;
};

enum sort { SORT_UNSET, SORT_ASC, SORT_DESC };
enum families_status { FAMILIES_UNSET, FAMILIES_ACTIVE, FAMILIES_INACTIVE, FAMILIES_ALL };

/* clang-format off */
static const char *const include_names[] = { NULL, "TAGS", NULL };
static const char *const sort_names[] = { NULL, [SORT_ASC] = "ASC", [SORT_DESC] = "DESC", NULL };
static const char *const status_names[] = {
	[TD_ACTIVE + 1] = "ACTIVE",
	[TD_INACTIVE + 1] = "INACTIVE",
	[TD_DELETE_IN_PROGRESS + 1] = "DELETE_IN_PROGRESS",
	[TD_DELETED + 1] = NULL, /* of daemons alone */
};
static const char *const families_status_names[] = {
	[FAMILIES_ACTIVE] = "ACTIVE",
	[FAMILIES_INACTIVE] = "INACTIVE",
	[FAMILIES_ALL] = "ALL",
	NULL,
};

static const struct schema_field describe_fields[] = {
	F_STR(struct reference_in, task_definition, "taskDefinition", .flags = SCHEMA_REQUIRED),
	F_ENUMS(struct reference_in, include, "include", include_names),
};
static const struct schema describe_schema =
	SCHEMA(struct reference_in, describe_fields, "DescribeTaskDefinitionRequest");

static const struct schema_field list_fields[] = {
	F_STR(struct list_in, family_prefix, "familyPrefix"),
	F_ENUM(struct list_in, status, "status", status_names),
	F_ENUM(struct list_in, sort, "sort", sort_names),
	F_STR(struct list_in, next_token, "nextToken"),
	F_INT(struct list_in, max_results, "maxResults", .min = 1, .max = LIST_MAX),
};
static const struct schema list_schema = SCHEMA(struct list_in, list_fields, "ListTaskDefinitionsRequest");

static const struct schema_field families_fields[] = {
	F_STR(struct families_in, family_prefix, "familyPrefix"),
	F_ENUM(struct families_in, status, "status", families_status_names),
	F_STR(struct families_in, next_token, "nextToken"),
	F_INT(struct families_in, max_results, "maxResults", .min = 1, .max = LIST_MAX),
};
static const struct schema families_schema =
	SCHEMA(struct families_in, families_fields, "ListTaskDefinitionFamiliesRequest");

static const struct schema_field deregister_fields[] = {
	F_STR(struct reference_in, task_definition, "taskDefinition", .flags = SCHEMA_REQUIRED),
};
static const struct schema deregister_schema =
	SCHEMA(struct reference_in, deregister_fields, "DeregisterTaskDefinitionRequest");

static const struct schema_field delete_fields[] = {
	F_STRS(struct delete_in, task_definitions, "taskDefinitions", .flags = SCHEMA_REQUIRED),
};
static const struct schema delete_schema = SCHEMA(struct delete_in, delete_fields, "DeleteTaskDefinitionsRequest");

static int register_task_definition(struct call *c);
static int describe_task_definition(struct call *c);
static int list_task_definitions(struct call *c);
static int list_task_definition_families(struct call *c);
static int deregister_task_definition(struct call *c);
static int delete_task_definitions(struct call *c);

static const struct op ops[] = {
	{ .name = "RegisterTaskDefinition",     .run = register_task_definition,      .input = &task_def_schema, .flags = OP_WRITE },
	{ .name = "DescribeTaskDefinition",     .run = describe_task_definition,      .input = &describe_schema },
	{ .name = "ListTaskDefinitions",        .run = list_task_definitions,         .input = &list_schema },
	{ .name = "ListTaskDefinitionFamilies", .run = list_task_definition_families, .input = &families_schema },
	{ .name = "DeregisterTaskDefinition",   .run = deregister_task_definition,    .input = &deregister_schema, .flags = OP_WRITE },
	{ .name = "DeleteTaskDefinitions",      .run = delete_task_definitions,       .input = &delete_schema, .flags = OP_WRITE },
};
/* clang-format on */
const struct op_table ecs_task_definition_ops = { ops, ARRAY_SIZE(ops) };

static int check_registration(struct call *c, const struct task_def *td, struct tag_list *ret_tags);
static int store_registration(struct call *c, const struct task_def *td, struct json_object *doc,
    const struct tag_list *tags, struct store_task_definition *ret);
static int add_tags(struct call *c, const struct store_task_definition *t);
static int check_prefix(struct call *c, const char *prefix);
static int purge_deleted(struct call *c);

static int
register_task_definition(struct call *c)
{
	_cleanup_task_definition_ struct store_task_definition t = { 0 };
	_cleanup_json_ struct json_object *doc = NULL;
	const struct task_def *td = c->args;
	struct tag_list tags = { 0 };
	int r;

	r = check_registration(c, td, &tags);
	if (r < 0)
		return r;
	doc = task_definition_doc_new(td, c->in);
	r = store_registration(c, td, doc, &tags, &t);
	if (r < 0)
		return r;
	json_add(c->out, "taskDefinition", task_definition_doc_reply(&t));
	return tags.n > 0 ? add_tags(c, &t) : 0;
}

static int
check_registration(struct call *c, const struct task_def *td, struct tag_list *ret_tags)
{
	struct td_subject subject = {
		.td = td,
		.memory_may_be_unset = config_kind(c->config, KIND_MEMORY_UNSET),
	};
	struct tag_list tags = { .set = td->tags.set, .n = td->tags.n };
	size_t len = strlen(json_print(c->in));
	int r;

	if (len > DEFINITION_MAX_BYTES)
		return err_set(&c->err, ERR_CLIENT,
		    "Actual length: '%zu'. Max allowed length is '%d' bytes.", len,
		    DEFINITION_MAX_BYTES);
	r = task_definition_rules_check(&subject, NULL, &c->err);
	if (r < 0)
		return r;
	tags.v = arena_alloc(&c->arena, tags.n * sizeof(*tags.v));
	for (size_t i = 0; i < tags.n; i++)
		tags.v[i] = (struct tag){ .key = td->tags.v[i].key, .value = td->tags.v[i].value };
	r = tag_set_check(&tags, &c->err);
	if (r < 0)
		return r;
	*ret_tags = tags;
	return 0;
}

static int
store_registration(struct call *c, const struct task_def *td, struct json_object *doc,
    const struct tag_list *tags, struct store_task_definition *ret)
{
	_cleanup_task_definition_ struct store_task_definition t = { .registered_at_ms =
									 c->now_ms };
	char arn[ARN_MAX];
	int r;

	r = store_task_definition_next_revision(
	    c->store, &c->scope, td->family, &t.revision, &c->err);
	if (r < 0)
		return r;
	(void)snprintf(
	    t.family, sizeof(t.family), "%s", td->family); /* the rules have seen its length */
	json_add_str(
	    doc, "taskDefinitionArn", arn_task_definition(arn, &c->scope, t.family, t.revision));
	json_add_int(doc, "revision", t.revision);
	json_add_str(doc, "registeredBy", c->principal_arn);
	t.doc = xstrdup(json_print(doc));
	r = store_task_definition_put(c->store, &c->scope, &t, &c->err);
	if (r < 0)
		return r;
	r = tag_set_write(c->store, arn, tags, &c->err);
	if (r < 0)
		return r;
	*ret = t;
	t.doc = NULL;
	return 0;
}

static int
add_tags(struct call *c, const struct store_task_definition *t)
{
	struct json_object *tags;
	char arn[ARN_MAX];
	int r;

	r = tag_set_read(
	    c->store, arn_task_definition(arn, &c->scope, t->family, t->revision), &tags, &c->err);
	if (r < 0)
		return r;
	json_add(c->out, "tags", tags);
	return 0;
}

static int
describe_task_definition(struct call *c)
{
	_cleanup_task_definition_ struct store_task_definition t = { 0 };
	const struct reference_in *in = c->args;
	int r;

	r = task_definition_ref_find(c->store, &c->scope, in->task_definition, &t, &c->err);
	if (r < 0)
		return r;
	if (r == 0)
		return err_set(&c->err, ERR_CLIENT, "Unable to describe task definition.");
	json_add(c->out, "taskDefinition", task_definition_doc_reply(&t));
	if (in->include.n > 0) /* TAGS is all there is */
		return add_tags(c, &t);
	json_add(c->out, "tags", json_object_new_array());
	return 0;
}

/* One page being filled. */
struct listing {
	struct call *c;
	struct page page;
	struct json_object *names;
};

static int
on_definition(const struct store_task_definition *t, void *arg)
{
	struct listing *l = arg;
	char key[LIST_KEY_MAX], arn[ARN_MAX];

	(void)snprintf(key, sizeof(key), "%s:%" PRId64, t->family, t->revision); /* fits */
	if (!page_take(&l->page, key))
		return 1;
	arn_task_definition(arn, &l->c->scope, t->family, t->revision);
	json_object_array_add(l->names, json_object_new_string(arn));
	return 0;
}

/* Takes a key of on_definition apart, in place. */
static int
split_key(char *key, const char **ret_family, int64_t *ret_revision, struct err *e)
{
	char *colon = strrchr(key, ':');

	*ret_family = NULL;
	*ret_revision = 0;
	if (*key == '\0')
		return 0;
	if (colon == NULL)
		return err_set(e, ERR_INVALID_PARAMETER, "Invalid token.");
	*colon = '\0';
	*ret_family = key;
	*ret_revision = strtoll(colon + 1, NULL, 10);
	return 0;
}

static int
list_task_definitions(struct call *c)
{
	const struct list_in *in = c->args;
	struct listing l = { .c = c };
	enum td_status status = in->status != 0 ? (enum td_status)(in->status - 1) : TD_ACTIVE;
	const char *after_family = NULL;
	int64_t after_revision = 0;
	int r;

	r = check_prefix(c, in->family_prefix);
	if (r == 0)
		r = page_begin(&l.page, c->op->name, in->next_token,
		    in->max_results.set ? (int)in->max_results.v : LIST_DEFAULT, &c->err);
	if (r == 0)
		r = split_key(l.page.after, &after_family, &after_revision, &c->err);
	if (r == 0 && status == TD_DELETE_IN_PROGRESS)
		r = purge_deleted(c);
	if (r < 0)
		return r;
	l.names = json_object_new_array();
	json_add(c->out, "taskDefinitionArns", l.names);
	r = store_task_definition_list(c->store, &c->scope, in->family_prefix, status,
	    in->sort == SORT_DESC, after_family, after_revision, l.page.limit + 1, on_definition,
	    &l, &c->err);
	if (r < 0)
		return r;
	page_finish(&l.page, c->op->name, &c->arena, c->out);
	return 0;
}

static int
on_family(const char *family, void *arg)
{
	struct listing *l = arg;

	if (!page_take(&l->page, family))
		return 1;
	json_object_array_add(l->names, json_object_new_string(family));
	return 0;
}

static enum tri
wanted_activity(int status)
{
	switch ((enum families_status)status) {
	case FAMILIES_ACTIVE:
		return TRI_TRUE;
	case FAMILIES_INACTIVE:
		return TRI_FALSE;
	case FAMILIES_UNSET:
	case FAMILIES_ALL:
		break;
	}
	return TRI_UNSET;
}

static int
list_task_definition_families(struct call *c)
{
	const struct families_in *in = c->args;
	struct listing l = { .c = c };
	int r;

	r = check_prefix(c, in->family_prefix);
	if (r == 0)
		r = page_begin(&l.page, c->op->name, in->next_token,
		    in->max_results.set ? (int)in->max_results.v : LIST_DEFAULT, &c->err);
	if (r == 0)
		r = purge_deleted(c); /* a family of which nothing is left is none */
	if (r < 0)
		return r;
	l.names = json_object_new_array();
	json_add(c->out, "families", l.names);
	r = store_task_definition_families(c->store, &c->scope, in->family_prefix,
	    wanted_activity(in->status), page_after(&l.page), l.page.limit + 1, on_family, &l,
	    &c->err);
	if (r < 0)
		return r;
	page_finish(&l.page, c->op->name, &c->arena, c->out);
	return 0;
}

static int
check_prefix(struct call *c, const char *prefix)
{
	if (prefix != NULL && !td_rules_text_ok(prefix, TD_NAME_MAX, TD_NAME_CHARS))
		return err_set(&c->err, ERR_CLIENT, "family must match ^[a-zA-Z0-9\\-_]+$");
	return 0;
}

struct deleted {
	size_t n;
	struct store_task_definition *rows;
};

static int
on_deleted(const struct store_task_definition *t, void *arg)
{
	struct deleted *d = arg;

	d->rows = xrealloc(d->rows, d->n + 1, sizeof(*d->rows));
	d->rows[d->n++] = *t; /* without doc, as lists are */
	return 0;
}

/* Forgets every revision that waits for its last task to end, and need not any more. */
static int
purge_deleted(struct call *c)
{
	struct deleted d = { 0 };
	int r;

	r = store_task_definition_list(c->store, &c->scope, NULL, TD_DELETE_IN_PROGRESS, false,
	    NULL, 0, INT32_MAX, on_deleted, &d, &c->err);
	for (size_t i = 0; i < d.n && r >= 0; i++)
		r = task_definition_ref_purge(c->store, &c->scope, &d.rows[i], &c->err);
	free(d.rows);
	return r < 0 ? r : 0;
}

static int
deregister_task_definition(struct call *c)
{
	_cleanup_task_definition_ struct store_task_definition t = { 0 };
	const struct reference_in *in = c->args;
	char family[ARN_NAME_MAX];
	int64_t revision = 0;
	int r;

	r = arn_resolve_task_definition(&c->scope, in->task_definition, family, &revision, &c->err);
	if (r > 0 && revision == 0)
		return err_set(&c->err, ERR_CLIENT, "Revision is missing.");
	if (r > 0)
		r = task_definition_ref_find(c->store, &c->scope, in->task_definition, &t, &c->err);
	if (r < 0)
		return r;
	if (r == 0)
		return err_set(
		    &c->err, ERR_CLIENT, "The specified task definition does not exist.");
	if (t.status == TD_DELETE_IN_PROGRESS)
		return err_set(&c->err, ERR_CLIENT,
		    "The specified task definition is in DELETE_IN_PROGRESS status.");
	if (t.status == TD_ACTIVE) {
		t.status = TD_INACTIVE;
		t.deregistered_at_ms = c->now_ms;
		r = store_task_definition_put(c->store, &c->scope, &t, &c->err);
		if (r < 0)
			return r;
	}
	json_add(c->out, "taskDefinition", task_definition_doc_reply(&t));
	return 0;
}

static int
add_failure(struct json_object *failures, const char *arn, const char *reason)
{
	struct json_object *failure = json_object_new_object();

	json_add_str(failure, "arn", arn);
	json_add_str(failure, "reason", reason);
	json_object_array_add(failures, failure);
	return 0;
}

/* One of the definitions: what cannot be deleted is a failure in the reply, not of the call. */
static int
delete_one(
    struct call *c, const char *text, struct json_object *deleted, struct json_object *failures)
{
	_cleanup_task_definition_ struct store_task_definition t = { 0 };
	char family[ARN_NAME_MAX], arn[ARN_MAX];
	int64_t revision = 0;
	int r;

	r = arn_resolve_task_definition(&c->scope, text, family, &revision, NULL);
	if (r < 0 || (r > 0 && revision == 0))
		return add_failure(failures, text,
		    "The specified task definition identifier is invalid. Specify a valid name or "
		    "ARN and try again.");
	if (r > 0)
		text = arn_task_definition(arn, &c->scope, family, revision);
	r = r > 0 ? task_definition_ref_find(c->store, &c->scope, text, &t, &c->err) : 0;
	if (r < 0)
		return r;
	if (r == 0)
		return add_failure(failures, text,
		    "The specified task definition does not exist. Specify a valid account, "
		    "family, revision and try again.");
	if (t.status == TD_ACTIVE)
		return add_failure(failures, text,
		    "The specified task definition is still in ACTIVE status. Please deregister "
		    "the target and try again.");
	if (t.status == TD_INACTIVE) {
		t.status = TD_DELETE_IN_PROGRESS;
		t.delete_requested_at_ms = c->now_ms;
		r = store_task_definition_put(c->store, &c->scope, &t, &c->err);
		if (r < 0)
			return r;
	}
	json_object_array_add(deleted, task_definition_doc_reply(&t));
	return 0;
}

static int
delete_task_definitions(struct call *c)
{
	const struct delete_in *in = c->args;
	struct json_object *deleted, *failures;
	int r;

	if (in->task_definitions.n == 0)
		return err_set(&c->err, ERR_INVALID_PARAMETER,
		    "size of TaskDefinition references list must be greater than 0");
	if (in->task_definitions.n > DELETE_MAX)
		return err_set(&c->err, ERR_INVALID_PARAMETER,
		    "Size of TaskDefinition references list cannot exceed %d", DELETE_MAX);
	deleted = json_object_new_array();
	json_add(c->out, "taskDefinitions", deleted);
	failures = json_object_new_array();
	json_add(c->out, "failures", failures);
	for (size_t i = 0; i < in->task_definitions.n; i++) {
		r = delete_one(c, in->task_definitions.v[i], deleted, failures);
		if (r < 0)
			return r;
	}
	return 0;
}
