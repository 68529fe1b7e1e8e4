/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PutAttributes, DeleteAttributes, ListAttributes. Attributes are part of their instance's
 * document; those that an agent registers are listed with those that users put there.
 */
#include "daemon/ecs/container_instance_doc.h"

#include "daemon/arn.h"
#include "daemon/ecs/cluster_ref.h"
#include "daemon/page.h"

#include <stdio.h>
#include <string.h>

#define ATTRIBUTES_PER_CALL 10
#define ATTRIBUTES_MAX 10 /* that users put on an instance */
#define LIST_MAX 100
#define NAME_CHARS "A-Za-z0-9_./\\-"
#define VALUE_CHARS "A-Za-z0-9_./\\@: -"

struct change_in {
	const char *cluster;
	struct instance_attributes attributes;
};
struct list_in {
	const char *cluster;
	int target_type;
	const char *name;
	const char *value;
	const char *token;
	struct opt_int limit;
};

/* clang-format off */
static const char *const target_type_names[] = { NULL, "container-instance", NULL };

static const struct schema_field rule_fields[] = {
	F_STR(struct instance_attribute, name, "name", .flags = SCHEMA_REQUIRED, .min_len = 1, .max_len = 128, .chars = NAME_CHARS),
	F_STR(struct instance_attribute, value, "value", .min_len = 1, .max_len = 128, .chars = VALUE_CHARS),
	F_ENUM(struct instance_attribute, target_type, "targetType", target_type_names,
	       .message = "targetType must be container-instance"),
	F_STR(struct instance_attribute, target_id, "targetId"),
};
static const struct schema rule_schema = SCHEMA(struct instance_attribute, rule_fields, "Attribute");

static const struct schema_field change_fields[] = {
	F_STR(struct change_in, cluster, "cluster"),
	F_LIST(struct change_in, attributes, "attributes", struct instance_attribute, &rule_schema,
	       .flags = SCHEMA_REQUIRED, .message = "attributes can not be empty"),
};
const struct schema put_attributes_schema = SCHEMA(struct change_in, change_fields, "PutAttributesRequest");
const struct schema delete_attributes_schema = SCHEMA(struct change_in, change_fields, "DeleteAttributesRequest");

static const struct schema_field list_fields[] = {
	F_STR(struct list_in, cluster, "cluster"),
	F_ENUM(struct list_in, target_type, "targetType", target_type_names, .flags = SCHEMA_REQUIRED,
	       .message = "targetType must be container-instance"),
	F_STR(struct list_in, name, "attributeName"),
	F_STR(struct list_in, value, "attributeValue"),
	F_STR(struct list_in, token, "nextToken"),
	F_INT(struct list_in, limit, "maxResults", .min = 1, .max = LIST_MAX),
};
const struct schema list_attributes_schema = SCHEMA(struct list_in, list_fields, "ListAttributesRequest");
/* clang-format on */

static void
add_attribute(struct json_object *list, const char *name, const char *value, const char *target_arn)
{
	struct json_object *o = json_object_new_object();

	json_add_str(o, "name", name);
	json_add_str(o, "value", value);
	json_add_str(o, "targetId", target_arn);
	json_object_array_add(list, o);
}

/* Attributes of these names come from agents and count for nobody's limit. */
static bool
is_builtin(const char *name)
{
	return has_prefix(name, "ecs.") || has_prefix(name, "com.amazonaws.ecs.");
}

static size_t
count_custom(struct json_object *doc)
{
	struct json_object *list = json_get(doc, "attributes");
	size_t n = 0;

	for (size_t i = 0; list != NULL && i < json_object_array_length(list); i++)
		n += !is_builtin(json_get_str(json_object_array_get_idx(list, i), "name"));
	return n;
}

/* --- PutAttributes, DeleteAttributes --- */

static int
find_target(struct call *c, const char *cluster, const struct instance_attribute *a,
    struct store_container_instance *ret)
{
	int r;

	if (a->target_id == NULL || a->target_id[0] == '\0')
		return err_set(&c->err, ERR_INVALID_PARAMETER, "targetId can not be empty");
	if (a->target_type == 0 && !has_prefix(a->target_id, "arn:"))
		return err_set(
		    &c->err, ERR_INVALID_PARAMETER, "targetType must be container-instance");
	r = container_instance_find(c, cluster, a->target_id, ret);
	if (r == 0 || (r == 1 && streq(ret->status, "INACTIVE")))
		return err_set(
		    &c->err, ERR_TARGET_NOT_FOUND, "Could not find %.500s", a->target_id);
	return r < 0 ? r : 0;
}

static int
put_one(struct call *c, struct json_object *doc, const struct instance_attribute *a)
{
	container_instance_set_attribute(doc, a->name, a->value);
	if (!is_builtin(a->name) && count_custom(doc) > ATTRIBUTES_MAX)
		return err_set(&c->err, ERR_ATTRIBUTE_LIMIT_EXCEEDED,
		    "A container instance can have at most %d custom attributes.", ATTRIBUTES_MAX);
	return 0;
}

/* What is not there is not missed. */
static int
delete_one(struct call *c, struct json_object *doc, const struct instance_attribute *a)
{
	struct json_object *list = json_get(doc, "attributes");

	(void)c;
	for (size_t i = 0; list != NULL && i < json_object_array_length(list); i++)
		if (streq(json_get_str(json_object_array_get_idx(list, i), "name"), a->name)) {
			(void)json_object_array_del_idx(list, i, 1); /* i is in bounds */
			break;
		}
	return 0;
}

typedef int change_fn(struct call *c, struct json_object *doc, const struct instance_attribute *a);

static int
change_target(struct call *c, const char *cluster, const struct instance_attribute *a,
    change_fn *change, struct json_object *list)
{
	_cleanup_container_instance_ struct store_container_instance row = { 0 };
	_cleanup_json_ struct json_object *doc = NULL;
	char arn[ARN_MAX];
	int r = find_target(c, cluster, a, &row);

	if (r == 0)
		r = container_instance_parse(c, &row, &doc);
	if (r == 0)
		r = change(c, doc, a);
	if (r == 0)
		r = container_instance_save(c, &row, doc);
	if (r == 0)
		add_attribute(list, a->name, a->value,
		    arn_container_instance(arn, &c->scope, cluster, row.id));
	return r;
}

static int
change_attributes(struct call *c, change_fn *change)
{
	const struct change_in *in = c->args;
	struct json_object *list = json_object_new_array();
	char cluster[ARN_NAME_MAX];
	int r;

	json_add(c->out, "attributes", list);
	if (in->attributes.n == 0)
		return err_set(&c->err, ERR_INVALID_PARAMETER, "attributes can not be empty");
	if (in->attributes.n > ATTRIBUTES_PER_CALL)
		return err_set(&c->err, ERR_INVALID_PARAMETER,
		    "attributes can not have more than %d elements", ATTRIBUTES_PER_CALL);
	for (size_t i = 0; i < in->attributes.n; i++) {
		const char *value = in->attributes.v[i].value;

		if (value != NULL && (value[0] == ' ' || value[strlen(value) - 1] == ' '))
			return err_set(&c->err, ERR_INVALID_PARAMETER,
			    "attributes[%zu].value: can not begin or end with white space", i);
	}
	r = cluster_ref_resolve_name(c, in->cluster, cluster);
	for (size_t i = 0; r == 0 && i < in->attributes.n; i++)
		r = change_target(c, cluster, &in->attributes.v[i], change, list);
	return r;
}

int
put_attributes(struct call *c)
{
	return change_attributes(c, put_one);
}

int
delete_attributes(struct call *c)
{
	return change_attributes(c, delete_one);
}

/* --- ListAttributes --- */

struct list_walk {
	struct call *c;
	const struct list_in *in;
	struct page page;
	struct json_object *list;
	int r;
};

static int
by_name(const void *a, const void *b)
{
	struct json_object *const *x = a, *const *y = b;

	return strcmp(json_get_str(*x, "name"), json_get_str(*y, "name"));
}

static bool
is_wanted(const struct list_in *in, struct json_object *attribute)
{
	return (in->name == NULL || streq(json_get_str(attribute, "name"), in->name)) &&
	       (in->value == NULL || streq(json_get_str(attribute, "value"), in->value));
}

/* Pages go by "<instance> <attribute>". */
static int
list_of(struct list_walk *w, const struct store_container_instance *row, struct json_object *all)
{
	char arn[ARN_MAX], key[PAGE_KEY_MAX];

	json_object_array_sort(all, by_name);
	for (size_t i = 0; i < json_object_array_length(all); i++) {
		struct json_object *o = json_object_array_get_idx(all, i);
		const char *name = json_get_str(o, "name");

		(void)snprintf(key, sizeof(key), "%s %s", row->id, name);
		if (!is_wanted(w->in, o) || strcmp(key, w->page.after) <= 0)
			continue;
		if (!page_take(&w->page, key))
			return 1;
		add_attribute(w->list, name, json_get_str(o, "value"),
		    arn_container_instance(arn, &w->c->scope, row->cluster, row->id));
	}
	return 0;
}

static int
on_instance(const struct store_container_instance *row, void *arg)
{
	struct list_walk *w = arg;
	_cleanup_json_ struct json_object *doc = NULL;
	struct json_object *all;

	if (streq(row->status, "INACTIVE") || strncmp(row->id, w->page.after, strlen(row->id)) < 0)
		return 0;
	w->r = container_instance_parse(w->c, row, &doc);
	if (w->r < 0)
		return 1;
	all = json_get(doc, "attributes");
	return all != NULL ? list_of(w, row, all) : 0;
}

int
list_attributes(struct call *c)
{
	const struct list_in *in = c->args;
	struct list_walk w = { .c = c, .in = in, .list = json_object_new_array() };
	char cluster[ARN_NAME_MAX];
	int r;

	json_add(c->out, "attributes", w.list);
	if (in->value != NULL && in->name == NULL)
		return err_set(&c->err, ERR_INVALID_PARAMETER,
		    "attributeName must be specified with attributeValue");
	r = cluster_ref_resolve_name(c, in->cluster, cluster);
	if (r == 0)
		r = page_begin(&w.page, c->op->name, in->token,
		    in->limit.set ? (int)in->limit.v : LIST_MAX, &c->err);
	if (r == 0)
		r = store_container_instance_list(
		    c->store, &c->scope, cluster, NULL, -1, on_instance, &w, &c->err);
	if (r == 0 && w.r < 0)
		r = w.r;
	if (r == 0)
		page_finish(&w.page, c->op->name, &c->arena, c->out);
	return r;
}
