/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many parameters at once: DescribeParameters and GetParametersByPath, and the filters of both.
 */
#include "daemon/services/ssm.h"

#include "daemon/store/tag.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define DESCRIBE_DEFAULT 50
#define BY_PATH_DEFAULT 10
#define KEY_PATTERN "tag:.+|Name|Type|KeyId|Path|Label|Tier|DataType"
#define PATH_RULE                                                                                  \
	"The parameter doesn't meet the parameter name requirements. The parameter name must "     \
	"begin with a forward slash \"/\". It can't be prefixed with \"aws\" or \"ssm\" "          \
	"(case-insensitive). It must use only letters, numbers, or the following symbols: . "      \
	"(period), - (hyphen), _ (underscore). Special characters are not allowed. All "           \
	"sub-paths, if specified, must use the forward slash symbol \"/\". Valid example: "        \
	"/get/parameters2-/by1./path0_."

struct filter_in {
	const char *key;
	const char *option;
	struct str_list values;
};
struct filters {
	bool set;
	size_t n;
	struct filter_in *v;
};

/* The form from before ParameterFilters. */
struct old_filter_in {
	int key; /* index into old_keys */
	struct str_list values;
};

struct describe_in {
	LIST_OF(struct old_filter_in) old;
	struct filters filters;
	struct opt_int limit;
	const char *next;
	enum tri shared;
};

struct by_path_in {
	const char *path;
	enum tri recursive;
	struct filters filters;
	enum tri decrypt;
	struct opt_int limit;
	const char *next;
};

static int describe_parameters(struct call *c);
static int get_parameters_by_path(struct call *c);

enum key {
	KEY_NAME,
	KEY_TYPE,
	KEY_KEY_ID,
	KEY_PATH,
	KEY_LABEL,
	KEY_TIER,
	KEY_DATA_TYPE,
	KEY_TAG,
	KEY_MAX
};

/* clang-format off */
static const char *const equal_options[] = { NULL, "BeginsWith", "Equals", NULL };
static const char *const name_options[] = { NULL, "BeginsWith", "Contains", "Equals", NULL };
static const char *const path_options[] = { NULL, "Recursive", "OneLevel", NULL };
static const char *const type_values[] = { NULL, "String", "StringList", "SecureString", NULL };
static const char *const tier_values[] = { NULL, "Standard", "Advanced", "Intelligent-Tiering", NULL };

static const struct {
	const char *name;
	const char *member; /* of a version's doc that is compared; NULL: something else is */
	const char *const *options;
	const char *const *values; /* NULL: any */
	bool by_path; /* GetParametersByPath takes it */
	bool describe; /* DescribeParameters takes it */
} keys[KEY_MAX] = {
	[KEY_NAME]      = { "Name",     NULL,       name_options,  NULL,        false, true },
	[KEY_TYPE]      = { "Type",     "Type",     equal_options, type_values, true,  true },
	[KEY_KEY_ID]    = { "KeyId",    "KeyId",    equal_options, NULL,        true,  true },
	[KEY_PATH]      = { "Path",     NULL,       path_options,  NULL,        false, true },
	[KEY_LABEL]     = { "Label",    NULL,       equal_options, NULL,        true,  false },
	[KEY_TIER]      = { "Tier",     "Tier",     equal_options, tier_values, false, true },
	[KEY_DATA_TYPE] = { "DataType", "DataType", equal_options, NULL,        false, true },
	[KEY_TAG]       = { "tag:",     NULL,       equal_options, NULL,        false, true },
};

static const char *const old_keys[] = { NULL, "Name", "Type", "KeyId", NULL };

static const struct schema_field filter_fields[] = {
	F_STR(struct filter_in, key,     "Key",    .flags = SCHEMA_REQUIRED, .min_len = 1, .max_len = 132),
	F_STR(struct filter_in, option,  "Option", .min_len = 1, .max_len = 10),
	F_STRS(struct filter_in, values, "Values", .min_len = 1, .max_len = 50, .item_max_len = 1024),
};
static const struct schema filter_schema = SCHEMA(struct filter_in, filter_fields, "ParameterStringFilter");

static const struct schema_field old_filter_fields[] = {
	F_ENUM(struct old_filter_in, key,    "Key", old_keys, .flags = SCHEMA_REQUIRED),
	F_STRS(struct old_filter_in, values, "Values", .flags = SCHEMA_REQUIRED, .min_len = 1, .max_len = 50, .item_max_len = 1024),
};
static const struct schema old_filter_schema = SCHEMA(struct old_filter_in, old_filter_fields, "ParametersFilter");

static const struct schema_field describe_fields[] = {
	F_LIST(struct describe_in, old,     "Filters", struct old_filter_in, &old_filter_schema),
	F_LIST(struct describe_in, filters, "ParameterFilters", struct filter_in, &filter_schema),
	F_INT(struct describe_in, limit,    "MaxResults", .min = 1, .max = DESCRIBE_DEFAULT),
	F_SSM_NEXT(struct describe_in),
	F_BOOL(struct describe_in, shared,  "Shared"),
};
static const struct schema describe_schema = SCHEMA(struct describe_in, describe_fields, "DescribeParametersRequest");

static const struct schema_field by_path_fields[] = {
	F_STR(struct by_path_in, path,       "Path", .flags = SCHEMA_REQUIRED, .min_len = 1, .max_len = 2048),
	F_BOOL(struct by_path_in, recursive, "Recursive"),
	F_LIST(struct by_path_in, filters,   "ParameterFilters", struct filter_in, &filter_schema),
	F_SSM_DECRYPT(struct by_path_in),
	F_INT(struct by_path_in, limit,      "MaxResults", .min = 1, .max = BY_PATH_DEFAULT),
	F_SSM_NEXT(struct by_path_in),
};
static const struct schema by_path_schema = SCHEMA(struct by_path_in, by_path_fields, "GetParametersByPathRequest");

static const struct op ops[] = {
	{ .name = "DescribeParameters",  .run = describe_parameters,    .input = &describe_schema, .bad_input = ERR_VALIDATION },
	{ .name = "GetParametersByPath", .run = get_parameters_by_path, .input = &by_path_schema,  .bad_input = ERR_VALIDATION },
};
/* clang-format on */
const struct op_table ssm_list_ops = { ops, ARRAY_SIZE(ops) };

/* --- what filters may be --- */

static enum key
key_of(const char *name)
{
	if (has_prefix(name, "tag:") && name[4] != '\0')
		return KEY_TAG;
	for (int i = 0; i < KEY_TAG; i++)
		if (streq(keys[i].name, name))
			return (enum key)i;
	return KEY_MAX;
}

/* "[a, b]" of a name table. */
static const char *
print_choice(struct call *c, const char *const *names)
{
	const char *text = "";

	for (size_t i = 1; names[i] != NULL; i++)
		text = arena_printf(&c->arena, "%s%s%s", text, i > 1 ? ", " : "", names[i]);
	return arena_printf(&c->arena, "[%s]", text);
}

static int
refuse_key(struct call *c, const char *key, bool by_path)
{
	return err_set_code(&c->err, 400, "InvalidFilterKey",
	    "The following filter key is not valid: %.132s. Valid filter keys include: [%s].", key,
	    by_path ? "Type, KeyId, Label" : "Path, Name, Type, KeyId, Tier, DataType, tag:<key>");
}

static bool
is_path(const char *path)
{
	return path[0] == '/' && strstr(path, "//") == NULL &&
	       path[strspn(path, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				 "./_-")] == '\0';
}

static int
check_values(struct call *c, const struct filter_in *f, enum key key)
{
	const char *const *known = keys[key].values;

	if (f->values.n == 0 && key != KEY_TAG)
		return err_set_code(&c->err, 400, "InvalidFilterValue",
		    "The following filter values are missing : null for filter key %s.", f->key);
	for (size_t i = 0; i < f->values.n; i++) {
		const char *value = f->values.v[i];

		if (known != NULL && schema_enum_index(known, value) == 0)
			return err_set_code(&c->err, 400, "InvalidFilterValue",
			    "The following filter value is not valid: %.256s. Valid values "
			    "include: %s.",
			    value, print_choice(c, known));
		if (key == KEY_PATH && !is_path(value))
			return err_set(&c->err, ERR_VALIDATION, "%s", PATH_RULE);
	}
	return 0;
}

static int
check_filters(struct call *c, const struct filters *filters, bool by_path)
{
	for (size_t i = 0; i < filters->n; i++) {
		const struct filter_in *f = &filters->v[i];
		enum key key = key_of(f->key);
		int r;

		if (key == KEY_MAX)
			return err_set(&c->err, ERR_VALIDATION,
			    "1 validation error detected: Value '%.132s' at "
			    "'parameterFilters.%zu.member.key' failed to satisfy constraint: "
			    "Member must satisfy regular expression pattern: " KEY_PATTERN,
			    f->key, i + 1);
		if (by_path ? !keys[key].by_path : !keys[key].describe)
			return refuse_key(c, f->key, by_path);
		for (size_t j = 0; j < i; j++)
			if (streq(filters->v[j].key, f->key))
				return err_set_code(&c->err, 400, "InvalidFilterKey",
				    "The following filter key is duplicated in the request: %s. A "
				    "request can contain a filter key only once.",
				    f->key);
		if (f->option != NULL && schema_enum_index(keys[key].options, f->option) == 0)
			return err_set_code(&c->err, 400, "InvalidFilterOption",
			    "The following filter option is not valid: %s. Valid options include: "
			    "%s.",
			    f->option, print_choice(c, keys[key].options));
		r = check_values(c, f, key);
		if (r < 0)
			return r;
	}
	return 0;
}

/* --- what passes them --- */

/* True where a name lies below a path, at the next level or, `recursive`, at any. */
static bool
is_below(const char *name, const char *path, bool recursive)
{
	size_t len = strlen(path);

	if (len > 0 && path[len - 1] == '/')
		len--;
	if (strncmp(name, path, len) != 0)
		return false;
	name += len;
	/* "/" also holds the names that have no slash at all. */
	if (*name == '/')
		name++;
	else if (len > 0)
		return false;
	return recursive || strchr(name, '/') == NULL;
}

static bool
compare(const char *text, const char *option, const char *value)
{
	if (streq(option, "BeginsWith"))
		return has_prefix(text, value);
	if (streq(option, "Contains"))
		return strstr(text, value) != NULL;
	return streq(text, value);
}

/* One tag of a parameter against a tag filter. */
struct tag_match {
	const struct filter_in *f;
	bool found;
};

static int
match_tag(const char *key, const char *value, void *arg)
{
	struct tag_match *m = arg;

	if (!streq(key, m->f->key + strlen("tag:")))
		return 0;
	m->found = m->f->values.n == 0;
	for (size_t i = 0; i < m->f->values.n && !m->found; i++)
		m->found = compare(value, m->f->option, m->f->values.v[i]);
	return 1;
}

static int
match_one(struct call *c, const struct filter_in *f, const struct store_parameter *p,
    struct json_object *doc, bool *ret)
{
	enum key key = key_of(f->key);
	const char *text = key == KEY_NAME ? p->name : NULL;

	*ret = false;
	if (key == KEY_TAG) {
		_cleanup_free_ char *where = store_parameter_tag_key(p);
		struct tag_match m = { .f = f };
		int r = store_tag_list(c->store, where, match_tag, &m, &c->err);

		*ret = m.found;
		return r;
	}
	if (key == KEY_LABEL) { /* the labelled version was taken, or none */
		*ret = true;
		return 0;
	}
	if (keys[key].member != NULL)
		text = json_get_str(doc, keys[key].member);
	for (size_t i = 0; i < f->values.n && !*ret; i++) {
		if (key == KEY_PATH)
			*ret = is_below(p->name, f->values.v[i], streq(f->option, "Recursive"));
		else
			*ret = text != NULL && compare(text, f->option, f->values.v[i]);
	}
	return 0;
}

/* One list while its page is being filled. */
struct walk {
	struct call *c;
	const struct filters *filters;
	const char *path; /* GetParametersByPath; NULL: DescribeParameters */
	bool recursive;
	bool decrypt;
	const char *label; /* of the versions that are wanted, NULL: the newest */
	struct page page;
	struct json_object *list;
	int r;
};

/* Label filters say which version is shown; the others look at it. 1 where it passes. */
static int
passes(struct walk *w, const struct store_parameter *p, struct store_parameter_version *v)
{
	_cleanup_json_ struct json_object *doc = NULL;
	bool pass = true;
	int r = ssm_get_version(w->c, p, w->label, v);

	if (r <= 0)
		return r;
	doc = ssm_doc(v);
	for (size_t i = 0; i < w->filters->n && pass && r >= 0; i++)
		r = match_one(w->c, &w->filters->v[i], p, doc, &pass);
	return r < 0 ? r : pass;
}

static int
show(struct walk *w, const struct store_parameter *p, const struct store_parameter_version *v)
{
	struct json_object *o = json_object_new_object();

	(void)json_object_array_add(w->list, o);
	if (w->path == NULL) {
		json_add_str(o, "Name", p->name);
		json_add_str(o, "ARN", ssm_arn(w->c, p));
		ssm_print_metadata(v, o);
		return 0;
	}
	if (w->label != NULL)
		json_add_str(o, "Selector", arena_printf(&w->c->arena, ":%s", w->label));
	return ssm_print(w->c, p, v, w->decrypt, o);
}

static int
take_parameter(const struct store_parameter *p, void *arg)
{
	_cleanup_parameter_version_ struct store_parameter_version v = { 0 };
	struct walk *w = arg;

	if (w->path != NULL && !is_below(p->name, w->path, w->recursive))
		return 0;
	w->r = passes(w, p, &v);
	if (w->r <= 0)
		return w->r;
	w->r = 0;
	if (!page_take(&w->page, p->name))
		return 1;
	w->r = show(w, p, &v);
	return w->r;
}

/* Where no option is given, the usual one. The list is the call's own. */
static void
set_options(struct walk *w, struct filters *filters)
{
	for (size_t i = 0; i < filters->n; i++) {
		struct filter_in *f = &filters->v[i];
		enum key key = key_of(f->key);

		if (f->option == NULL)
			f->option = key == KEY_PATH ? "OneLevel" : "Equals";
		if (key == KEY_LABEL)
			w->label = f->values.v[0];
	}
	w->filters = filters;
}

static int
run_walk(struct walk *w, struct filters *filters, struct parameter_range range, const char *next,
    int limit)
{
	struct call *c = w->c;
	int r = check_filters(c, filters, w->path != NULL);

	w->list = json_object_new_array();
	json_add(c->out, "Parameters", w->list);
	if (r == 0)
		r = ssm_page_begin(c, &w->page, next, limit);
	if (r < 0)
		return r;
	set_options(w, filters);
	range.now = c->now_ms;
	if (page_after(&w->page) != NULL)
		range.after = page_after(&w->page);
	r = store_parameter_list(c->store, &c->scope, &range, take_parameter, w, &c->err);
	if (r == 0)
		r = w->r;
	if (r == 0)
		ssm_page_finish(c, &w->page);
	return r;
}

/* --- the operations --- */

/* Filters in the form of ParameterFilters; names were told by their beginning. */
static void
translate_old(struct call *c, const struct describe_in *in, struct filters *ret)
{
	ret->n = in->old.n;
	ret->v = arena_alloc(&c->arena, in->old.n * sizeof(*ret->v));
	for (size_t i = 0; i < in->old.n; i++) {
		ret->v[i].key = old_keys[in->old.v[i].key];
		ret->v[i].values = in->old.v[i].values;
		if (streq(ret->v[i].key, "Name"))
			ret->v[i].option = "BeginsWith";
	}
}

static int
describe_parameters(struct call *c)
{
	const struct describe_in *in = c->args;
	struct walk w = { .c = c };
	struct parameter_range all = { 0 };
	struct filters filters = in->filters;

	if (in->old.n > 0 && in->filters.n > 0)
		return err_set(&c->err, ERR_VALIDATION,
		    "You can use either Filters or ParameterFilters in a single request.");
	if (in->shared == TRI_TRUE) { /* nobody shares a parameter with another account here */
		json_add(c->out, "Parameters", json_object_new_array());
		return 0;
	}
	if (in->old.n > 0)
		translate_old(c, in, &filters);
	return run_walk(
	    &w, &filters, all, in->next, in->limit.set ? (int)in->limit.v : DESCRIBE_DEFAULT);
}

static int
get_parameters_by_path(struct call *c)
{
	const struct by_path_in *in = c->args;
	struct walk w = {
		.c = c,
		.path = in->path,
		.recursive = in->recursive == TRI_TRUE,
		.decrypt = in->decrypt == TRI_TRUE,
	};
	struct parameter_range range = { 0 };
	struct filters filters = in->filters;
	size_t len = strlen(in->path);

	if (!is_path(in->path))
		return err_set(&c->err, ERR_VALIDATION, "%s", PATH_RULE);
	if (len > 1 && in->path[len - 1] == '/')
		len--;
	if (len > 1) { /* '0' is what comes behind '/' */
		range.after = arena_printf(&c->arena, "%.*s/", (int)len, in->path);
		range.end = arena_printf(&c->arena, "%.*s0", (int)len, in->path);
	}
	return run_walk(
	    &w, &filters, range, in->next, in->limit.set ? (int)in->limit.v : BY_PATH_DEFAULT);
}
