/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one walk behind EC2's Describe operations: ids, filters with wildcards, pages, tags. Called
 * by the ec2 files with a view of their kind; it must not know what a kind means.
 */
#include "daemon/services/ec2.h"

#include "daemon/page.h"

#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#define PAGE_DEFAULT 1000
#define PAGE_MIN 5
#define PAGE_MAX 1000
#define PATH_MAX_LEN 128

/* clang-format off */
static const struct schema_field filter_fields[] = {
	F_STR(struct ec2_filter_in, name, "Name"),
	F_STRS(struct ec2_filter_in, values, "Value", .max_len = EC2_FILTER_VALUES_MAX),
};
const struct schema ec2_filter_schema = SCHEMA(struct ec2_filter_in, filter_fields, "Filter");

static const struct schema_field bool_value_fields[] = {
	F_BOOL(struct ec2_bool_value, value, "Value"),
};
const struct schema ec2_bool_value_schema = SCHEMA(struct ec2_bool_value, bool_value_fields, "AttributeBooleanValue");
/* clang-format on */

/* `?` and `*` of EC2 are those of fnmatch, brackets mean nothing. */
static bool
wildcard_match(const char *pattern, const char *text)
{
	_cleanup_free_ char *plain = xcalloc(2 * strlen(pattern) + 1, 1);
	char *out = plain;

	for (const char *p = pattern; *p != '\0'; p++) {
		if (*p == '[')
			*out++ = '\\';
		*out++ = *p;
	}
	return fnmatch(plain, text, 0) == 0;
}

static bool
any_match(const struct str_list *values, const char *text)
{
	for (size_t i = 0; i < values->n; i++)
		if (wildcard_match(values->v[i], text))
			return true;
	return false;
}

/* True if something at `path` below `o` is one of the values. */
static bool
path_match(struct json_object *o, const char *path, const struct str_list *values)
{
	char key[PATH_MAX_LEN];
	size_t len = strcspn(path, ".");

	if (o == NULL)
		return false;
	if (json_object_is_type(o, json_type_array)) {
		for (size_t i = 0; i < json_object_array_length(o); i++)
			if (path_match(json_object_array_get_idx(o, i), path, values))
				return true;
		return false;
	}
	if (path[0] == '\0')
		return any_match(values, json_object_get_string(o));
	(void)snprintf(key, sizeof(key), "%.*s", (int)len, path);
	return path_match(json_get(o, key), path[len] == '.' ? path + len + 1 : "", values);
}

static bool
tag_match(struct json_object *doc, const char *key, const struct str_list *values)
{
	struct json_object *tags = json_get(doc, "tagSet");

	for (size_t i = 0; tags != NULL && i < json_object_array_length(tags); i++) {
		struct json_object *tag = json_object_array_get_idx(tags, i);

		if (streq(json_get_str(tag, "key"), key))
			return any_match(values, json_get_str(tag, "value"));
	}
	return false;
}

static int
filter_match(struct call *c, const struct ec2_filter_in *f, const struct ec2_filter *table,
    size_t n, struct json_object *doc, bool *ret)
{
	if (f->name == NULL)
		return err_set_code(
		    &c->err, 400, "InvalidParameterValue", "The filter 'null' is invalid");
	if (has_prefix(f->name, "tag:")) {
		*ret = tag_match(doc, f->name + 4, &f->values);
		return 0;
	}
	if (streq(f->name, "tag-key")) {
		*ret = path_match(doc, "tagSet.key", &f->values);
		return 0;
	}
	for (size_t i = 0; i < n; i++)
		if (streq(f->name, table[i].name)) {
			*ret = path_match(doc, table[i].path, &f->values);
			return 0;
		}
	return err_set_code(
	    &c->err, 400, "InvalidParameterValue", "The filter '%.100s' is invalid", f->name);
}

int
ec2_describe_item(struct call *c, const struct ec2_filters *filters, const struct ec2_filter *table,
    size_t n, struct json_object *item, bool *ret)
{
	bool wanted = true;
	int r = 0;

	for (size_t i = 0; r == 0 && wanted && i < filters->n; i++)
		r = filter_match(c, &filters->v[i], table, n, item, &wanted);
	if (r == 0)
		*ret = wanted;
	return r;
}

/* Names that nobody knows are refused also where there is nothing to look at. */
static int
check_filters(
    struct call *c, const struct ec2_filters *filters, const struct ec2_filter *table, size_t n)
{
	_cleanup_json_ struct json_object *nothing = json_object_new_object();
	bool ignored;
	int r = 0;

	for (size_t i = 0; r == 0 && i < filters->n; i++)
		r = filter_match(c, &filters->v[i], table, n, nothing, &ignored);
	return r;
}

int
ec2_print(struct call *c, const struct ec2_view *view, const struct store_ec2 *row,
    struct json_object **ret)
{
	_cleanup_json_ struct json_object *doc = NULL;
	struct json_object *tags = NULL;
	int r = json_parse(row->doc, strlen(row->doc), &doc, &c->err);

	if (r < 0)
		return err_set(&c->err, ERR_SERVER, "row %s cannot be read", row->id);
	if (view->dress != NULL)
		r = view->dress(c, row, doc);
	if (r == 0)
		r = ec2_tag_set(c, row->id, &tags);
	if (r < 0)
		return r;
	json_object_object_del(doc, "_attributes");
	if (json_get(doc, "tagSet") == NULL)
		json_add(doc, "tagSet", tags);
	else
		json_object_put(tags); /* the view has added some of its own to them */
	*ret = TAKE(doc);
	return 0;
}

struct walk {
	struct call *c;
	const struct ec2_view *view;
	const struct ec2_describe_in *in;
	struct json_object *set;
	struct page page;
	bool found[1000]; /* of in->ids */
	int r;
};

/* True if the row is one that was asked for by id. */
static bool
is_asked_for(struct walk *w, const struct store_ec2 *row)
{
	bool asked = !w->in->ids.set || w->in->ids.n == 0;

	for (size_t i = 0; i < w->in->ids.n; i++)
		if (streq(w->in->ids.v[i], row->id))
			asked = w->found[i] = true;
	return asked;
}

static bool
is_named(const struct walk *w, struct json_object *doc)
{
	const char *name = json_get_str(doc, "groupName");

	if (w->in->names.n == 0)
		return true;
	for (size_t i = 0; i < w->in->names.n; i++)
		if (streq(w->in->names.v[i], name))
			return true;
	return false;
}

static int
take_row(const struct store_ec2 *row, void *arg)
{
	struct walk *w = arg;
	_cleanup_json_ struct json_object *doc = NULL;
	bool wanted = false;
	char key[24];

	if (!is_asked_for(w, row))
		return 0;
	if (page_after(&w->page) != NULL && row->n <= strtoll(w->page.after, NULL, 10))
		return 0;
	w->r = ec2_print(w->c, w->view, row, &doc);
	if (w->r == 0)
		w->r = ec2_describe_item(
		    w->c, &w->in->filters, w->view->filters, w->view->n_filters, doc, &wanted);
	if (w->r < 0)
		return 1;
	if (!wanted || !is_named(w, doc))
		return 0;
	(void)snprintf(key, sizeof(key), "%lld", (long long)row->n);
	if (!page_take(&w->page, key))
		return 1;
	json_object_array_add(w->set, TAKE(doc));
	return 0;
}

static int
begin_page(struct call *c, const struct ec2_describe_in *in, struct page *page)
{
	int limit = PAGE_DEFAULT;

	if (in->max_results.set) {
		if (in->max_results.v < PAGE_MIN || in->max_results.v > PAGE_MAX)
			return err_set_code(&c->err, 400, "InvalidParameterValue",
			    "Value ( %lld ) for parameter maxResults is invalid. Expecting a value "
			    "greater than or equal to %d and less than or equal to %d.",
			    (long long)in->max_results.v, PAGE_MIN, PAGE_MAX);
		if (in->ids.n > 0)
			return err_set_code(&c->err, 400, "InvalidParameterCombination",
			    "The parameter MaxResults cannot be used with a list of ids.");
		limit = (int)in->max_results.v;
	}
	if (page_begin(page, c->op->name, in->next_token, limit, &c->err) < 0)
		return err_set_code(
		    &c->err, 400, "InvalidNextToken", "The specified NextToken is not valid.");
	return 0;
}

/* An id that names nothing is an error, and one of another form is another. */
static int
refuse_unknown(struct call *c, const struct ec2_view *view, const char *id)
{
	if (view->malformed != NULL && !has_prefix(id, view->prefix))
		return err_set_code(&c->err, 400, view->malformed,
		    "Invalid id: \"%.100s\" (expecting \"%s...\")", id, view->prefix);
	return err_set_code(
	    &c->err, 400, view->not_found, "The %s '%.100s' does not exist", view->noun, id);
}

int
ec2_describe(struct call *c, const struct ec2_view *view)
{
	struct walk w = { .c = c, .view = view, .in = c->args };
	int r = ec2_begin(c);

	if (r == 0)
		r = begin_page(c, w.in, &w.page);
	if (r == 0)
		r = check_filters(c, &w.in->filters, view->filters, view->n_filters);
	if (r < 0)
		return r;
	w.set = json_object_new_array();
	json_add(c->out, view->set, w.set);
	r = store_ec2_list(c->store, &c->scope, view->kind, NULL, NULL, take_row, &w, &c->err);
	if (r == 0)
		r = w.r;
	for (size_t i = 0; r == 0 && i < w.in->ids.n; i++)
		if (!w.found[i])
			r = refuse_unknown(c, view, w.in->ids.v[i]);
	if (r < 0)
		return r;
	page_finish(&w.page, c->op->name, &c->arena, c->out);
	return ec2_end(c, w.in->dry_run);
}

int
ec2_get(struct call *c, const struct ec2_view *view, const char *id, struct vpc_resource *ret)
{
	int r = vpc_resource_get(c->store, &c->scope, view->kind, id, ret, &c->err);

	if (r == 0)
		return refuse_unknown(c, view, id);
	return r < 0 ? r : 0;
}

int
ec2_require(struct call *c, const char *value, const char *name)
{
	if (value != NULL && value[0] != '\0')
		return 0;
	return err_set_code(
	    &c->err, 400, "MissingParameter", "The request must contain the parameter %s", name);
}
