/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The operations on daemon task definitions: register, describe, list, delete. They are task
 * definitions of which less can be said, kept in the same rows under families of their own
 * (ARN_DAEMON_PREFIX), with the same rules. api.c calls through the table.
 */
#include "common/taskdef.h"
#include "daemon/arn.h"
#include "daemon/config.h"
#include "daemon/ecs/operations.h"
#include "daemon/ecs/tag_set.h"
#include "daemon/ecs/task_definition_doc.h"
#include "daemon/ecs/task_definition_ref.h"
#include "daemon/ecs/task_definition_rules.h"
#include "daemon/page.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define DEFINITION_MAX_BYTES 65536
#define LIST_MAX 100
#define LIST_KEY_MAX 300 /* "family:revision" */

struct reference_in {
	const char *definition;
};

struct list_in {
	const char *family_prefix;
	const char *family;
	int revision; /* enum revision_filter */
	int status;   /* enum status_filter */
	int sort;     /* enum sort */
	const char *next_token;
	struct opt_int max_results;
};
enum revision_filter { REVISION_ANY, REVISION_LAST };
enum status_filter { STATUS_UNSET, STATUS_ACTIVE, STATUS_DELETE_IN_PROGRESS, STATUS_ALL };
enum sort { SORT_UNSET, SORT_ASC, SORT_DESC };

/* clang-format off */
static const char *const revision_names[] = { NULL, [REVISION_LAST] = "LAST_REGISTERED", NULL };
static const char *const status_names[] = {
	[STATUS_ACTIVE]             = "ACTIVE",
	[STATUS_DELETE_IN_PROGRESS] = "DELETE_IN_PROGRESS",
	[STATUS_ALL]                = "ALL",
	NULL,
};
static const char *const sort_names[] = { NULL, [SORT_ASC] = "ASC", [SORT_DESC] = "DESC", NULL };

static const struct schema_field describe_fields[] = {
	F_STR(struct reference_in, definition, "daemonTaskDefinition", .flags = SCHEMA_REQUIRED),
};
static const struct schema describe_schema =
	SCHEMA(struct reference_in, describe_fields, "DescribeDaemonTaskDefinitionRequest");

static const struct schema_field delete_fields[] = {
	F_STR(struct reference_in, definition, "daemonTaskDefinition", .flags = SCHEMA_REQUIRED),
};
static const struct schema delete_schema =
	SCHEMA(struct reference_in, delete_fields, "DeleteDaemonTaskDefinitionRequest");

static const struct schema_field list_fields[] = {
	F_STR(struct list_in, family_prefix, "familyPrefix"),
	F_STR(struct list_in, family, "family"),
	F_ENUM(struct list_in, revision, "revision", revision_names),
	F_ENUM(struct list_in, status, "status", status_names),
	F_ENUM(struct list_in, sort, "sort", sort_names),
	F_STR(struct list_in, next_token, "nextToken"),
	F_INT(struct list_in, max_results, "maxResults", .min = 1, .max = LIST_MAX),
};
static const struct schema list_schema =
	SCHEMA(struct list_in, list_fields, "ListDaemonTaskDefinitionsRequest");

static int register_definition(struct call *c);
static int describe_definition(struct call *c);
static int delete_definition(struct call *c);
static int list_definitions(struct call *c);

static const struct op ops[] = {
	{ .name = "RegisterDaemonTaskDefinition", .run = register_definition, .input = &daemon_def_schema, .flags = OP_WRITE },
	{ .name = "DescribeDaemonTaskDefinition", .run = describe_definition, .input = &describe_schema },
	{ .name = "DeleteDaemonTaskDefinition",   .run = delete_definition,   .input = &delete_schema, .flags = OP_WRITE },
	{ .name = "ListDaemonTaskDefinitions",    .run = list_definitions,    .input = &list_schema },
};
/* clang-format on */
const struct op_table ecs_daemon_definition_ops = { ops, ARRAY_SIZE(ops) };

/* --- RegisterDaemonTaskDefinition --- */

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
	*ret_tags = tags;
	return tag_set_check(&tags, &c->err);
}

/* The family under which the rows are kept. */
static int
keep_family(struct call *c, const char *family, char ret[static ARN_NAME_MAX])
{
	if (snprintf(ret, ARN_NAME_MAX, ARN_DAEMON_PREFIX "%s", family) < ARN_NAME_MAX)
		return 0;
	return err_set(&c->err, ERR_CLIENT, "family can have at most %zu characters.",
	    ARN_NAME_MAX - sizeof(ARN_DAEMON_PREFIX));
}

static int
register_definition(struct call *c)
{
	_cleanup_task_definition_ struct store_task_definition t = { .registered_at_ms =
									 c->now_ms };
	_cleanup_json_ struct json_object *doc = NULL;
	const struct task_def *td = c->args;
	struct tag_list tags = { 0 };
	char arn[ARN_MAX];
	int r = check_registration(c, td, &tags);

	if (r == 0)
		r = keep_family(c, td->family, t.family);
	if (r == 0)
		r = store_task_definition_next_revision(
		    c->store, &c->scope, t.family, &t.revision, &c->err);
	if (r < 0)
		return r;
	(void)arn_task_definition(arn, &c->scope, t.family, t.revision);
	doc = task_definition_doc_new_daemon(td, c->in);
	json_add_str(doc, "daemonTaskDefinitionArn", arn);
	json_add_int(doc, "revision", t.revision);
	json_add_str(doc, "registeredBy", c->principal_arn);
	t.doc = xstrdup(json_print(doc));
	r = store_task_definition_put(c->store, &c->scope, &t, &c->err);
	if (r == 0)
		r = tag_set_write(c->store, arn, &tags, &c->err);
	json_add_str(c->out, "daemonTaskDefinitionArn", arn);
	return r;
}

/* --- DescribeDaemonTaskDefinition, DeleteDaemonTaskDefinition --- */

static int
describe_definition(struct call *c)
{
	_cleanup_task_definition_ struct store_task_definition t = { 0 };
	const struct reference_in *in = c->args;
	struct json_object *doc = NULL;
	int r = task_definition_ref_find_daemon(c->store, &c->scope, in->definition, &t, &c->err);

	if (r == 0)
		return err_set(&c->err, ERR_CLIENT, "Unable to describe daemon task definition.");
	if (r > 0)
		r = task_definition_doc_reply_daemon(&t, &doc, &c->err);
	if (r == 0)
		json_add(c->out, "daemonTaskDefinition", doc);
	return r;
}

static int
delete_definition(struct call *c)
{
	_cleanup_task_definition_ struct store_task_definition t = { 0 };
	const struct reference_in *in = c->args;
	char family[ARN_NAME_MAX], arn[ARN_MAX];
	int64_t revision = 0;
	int r =
	    arn_resolve_daemon_definition(&c->scope, in->definition, family, &revision, &c->err);

	if (r == 1 && revision == 0)
		return err_set(&c->err, ERR_CLIENT, "Revision is missing.");
	if (r == 1)
		r = task_definition_ref_find_daemon(
		    c->store, &c->scope, in->definition, &t, &c->err);
	if (r < 0)
		return r;
	if (r == 0)
		return err_set(
		    &c->err, ERR_CLIENT, "The specified daemon task definition does not exist.");
	if (t.status != TD_ACTIVE)
		return err_set(&c->err, ERR_CLIENT,
		    "The specified daemon task definition is in %s status.",
		    td_status_name(t.status));
	t.status = TD_DELETE_IN_PROGRESS;
	t.delete_requested_at_ms = c->now_ms;
	json_add_str(c->out, "daemonTaskDefinitionArn",
	    arn_task_definition(arn, &c->scope, t.family, t.revision));
	return store_task_definition_put(c->store, &c->scope, &t, &c->err);
}

/* --- ListDaemonTaskDefinitions --- */

struct listing {
	struct call *c;
	struct page page;
	struct json_object *list;
	int r;
};

static int
add_registrant(struct call *c, const struct store_task_definition *t, struct json_object *o)
{
	_cleanup_task_definition_ struct store_task_definition row = { 0 };
	_cleanup_json_ struct json_object *doc = NULL;
	int r =
	    store_task_definition_get(c->store, &c->scope, t->family, t->revision, &row, &c->err);

	if (r == 1)
		r = json_parse(row.doc, strlen(row.doc), &doc, &c->err);
	json_add_str(o, "registeredBy", json_get_str(doc, "registeredBy"));
	return r;
}

static int
on_definition(const struct store_task_definition *t, void *arg)
{
	struct listing *l = arg;
	struct json_object *o;
	char key[LIST_KEY_MAX], arn[ARN_MAX];

	(void)snprintf(key, sizeof(key), "%s:%" PRId64, t->family, t->revision); /* fits */
	if (!page_take(&l->page, key))
		return 1;
	o = json_object_new_object();
	json_add_str(o, "arn", arn_task_definition(arn, &l->c->scope, t->family, t->revision));
	json_add_time(o, "registeredAt", t->registered_at_ms);
	json_add_time(o, "deleteRequestedAt", t->delete_requested_at_ms);
	json_add_str(o, "status", td_status_name(t->status));
	json_object_array_add(l->list, o);
	l->r = add_registrant(l->c, t, o);
	return l->r < 0;
}

struct purging {
	size_t n;
	struct store_task_definition *rows;
};

static int
on_deleted(const struct store_task_definition *t, void *arg)
{
	struct purging *p = arg;

	if (t->status != TD_DELETE_IN_PROGRESS && t->status != TD_DELETED)
		return 0;
	p->rows = xrealloc(p->rows, p->n + 1, sizeof(*p->rows));
	p->rows[p->n++] = *t; /* without doc, as lists are */
	return 0;
}

/* What no task and no daemon uses any more is DELETED, and after a while forgotten: settled by
 * looking at each of them. */
static int
settle_deleted(struct call *c)
{
	const struct store_daemon_definition_filter f = { .family_prefix = ARN_DAEMON_PREFIX,
		.status = -1 };
	struct purging p = { 0 };
	char arn[ARN_MAX];
	int r = store_daemon_definition_list(
	    c->store, &c->scope, &f, NULL, 0, -1, on_deleted, &p, &c->err);

	for (size_t i = 0; i < p.n && r >= 0; i++) {
		_cleanup_task_definition_ struct store_task_definition t = { 0 };

		(void)arn_task_definition(arn, &c->scope, p.rows[i].family, p.rows[i].revision);
		r = task_definition_ref_find_daemon(c->store, &c->scope, arn, &t, &c->err);
	}
	free(p.rows);
	return r < 0 ? r : 0;
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
make_filter(struct call *c, const struct list_in *in, struct store_daemon_definition_filter *ret)
{
	const char *given = in->family != NULL ? in->family : in->family_prefix;

	if (in->family != NULL && in->family_prefix != NULL)
		return err_set(&c->err, ERR_INVALID_PARAMETER,
		    "Specify either family or familyPrefix, but not both.");
	if (given != NULL && !td_rules_text_ok(given, TD_NAME_MAX, TD_NAME_CHARS))
		return err_set(&c->err, ERR_CLIENT, "%s must match ^[a-zA-Z0-9\\-_]+$",
		    in->family != NULL ? "family" : "familyPrefix");
	*ret = (struct store_daemon_definition_filter){
		.family_prefix =
		    arena_printf(&c->arena, ARN_DAEMON_PREFIX "%s", given != NULL ? given : ""),
		.whole = in->family != NULL,
		.status = TD_ACTIVE,
		.last_registered = in->revision == REVISION_LAST,
		.descending = in->sort == SORT_DESC,
	};
	if (in->status == STATUS_ALL)
		ret->status = -1;
	else if (in->status == STATUS_DELETE_IN_PROGRESS)
		ret->status = TD_DELETE_IN_PROGRESS;
	return 0;
}

static int
list_definitions(struct call *c)
{
	const struct list_in *in = c->args;
	struct listing l = { .c = c, .list = json_object_new_array() };
	struct store_daemon_definition_filter f;
	const char *after_family = NULL;
	int64_t after_revision = 0;
	int r = make_filter(c, in, &f);

	json_add(c->out, "daemonTaskDefinitions", l.list);
	if (r == 0)
		r = page_begin(&l.page, c->op->name, in->next_token,
		    in->max_results.set ? (int)in->max_results.v : LIST_MAX, &c->err);
	if (r == 0)
		r = split_key(l.page.after, &after_family, &after_revision, &c->err);
	if (r == 0 && in->status > STATUS_ACTIVE)
		r = settle_deleted(c);
	if (r == 0)
		r = store_daemon_definition_list(c->store, &c->scope, &f, after_family,
		    after_revision, l.page.limit + 1, on_definition, &l, &c->err);
	if (r == 0)
		r = l.r < 0 ? l.r : 0;
	if (r == 0)
		page_finish(&l.page, c->op->name, &c->arena, c->out);
	return r;
}
