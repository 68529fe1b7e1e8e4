/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ListSecrets: filters, order, pages. BatchGetSecretValue asks here which secrets its filters mean.
 */
#include "daemon/services/secretsmanager.h"

#include "daemon/store/tag.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define PAGE_DEFAULT 100

enum filter {
	FILTER_NONE,
	FILTER_DESCRIPTION,
	FILTER_NAME,
	FILTER_TAG_KEY,
	FILTER_TAG_VALUE,
	FILTER_PRIMARY_REGION,
	FILTER_OWNING_SERVICE,
	FILTER_ALL
};

struct list_in {
	enum tri deleted;
	struct opt_int limit;
	const char *next;
	struct secret_filters filters;
	int order;     /* index into sort_orders */
	int sorted_by; /* index into sort_keys */
};

static int list_secrets(struct call *c);

/* clang-format off */
static const char *const filter_keys[] = { NULL, "description", "name", "tag-key", "tag-value", "primary-region", "owning-service", "all", NULL };
static const char *const sort_orders[] = { NULL, "asc", "desc", NULL };
static const char *const sort_keys[] = { NULL, "created-date", "last-accessed-date", "last-changed-date", "name", NULL };
static const enum secret_order orders[ARRAY_SIZE(sort_keys)] = {
	[0] = SECRET_BY_CREATED,
	[1] = SECRET_BY_CREATED,
	[2] = SECRET_BY_ACCESSED,
	[3] = SECRET_BY_CHANGED,
	[4] = SECRET_BY_NAME,
};

static const struct schema_field filter_fields[] = {
	F_ENUM(struct secret_filter_in, key,    "Key", filter_keys),
	F_STRS(struct secret_filter_in, values, "Values", .min_len = 1, .max_len = 10, .item_max_len = 512, .chars = "a-zA-Z0-9 :_@/+=.!-"),
};
const struct schema secret_filter_schema = SCHEMA(struct secret_filter_in, filter_fields, "Filter");

static const struct schema_field list_fields[] = {
	F_BOOL(struct list_in, deleted,   "IncludePlannedDeletion"),
	F_INT(struct list_in, limit,      "MaxResults", .min = 1, .max = PAGE_DEFAULT),
	F_SECRET_NEXT(struct list_in),
	F_SECRET_FILTERS(struct list_in),
	F_ENUM(struct list_in, order,     "SortOrder", sort_orders),
	F_ENUM(struct list_in, sorted_by, "SortBy", sort_keys),
};
static const struct schema list_schema = SCHEMA(struct list_in, list_fields, "ListSecretsRequest");

static const struct op ops[] = {
	{ .name = "ListSecrets", .run = list_secrets, .input = &list_schema, .bad_input = ERR_VALIDATION },
};
/* clang-format on */
const struct op_table secretsmanager_list_ops = { ops, ARRAY_SIZE(ops) };

/* --- filters --- */

/* One wanted text against one secret. */
struct match {
	enum filter filter;
	const char *text;
	size_t len;
	bool found;
};

/* "Description: prefix match, not case-sensitive", at the beginning of any word. */
static bool
word_begins(const char *in, const char *text, size_t len)
{
	for (const char *p = in; p != NULL && *p != '\0'; p++)
		if ((p == in || !isalnum((unsigned char)p[-1])) && strncasecmp(p, text, len) == 0)
			return true;
	return false;
}

static int
match_tag(const char *key, const char *value, void *arg)
{
	struct match *m = arg;

	switch (m->filter) {
	case FILTER_TAG_KEY:
		m->found = strncmp(key, m->text, m->len) == 0;
		break;
	case FILTER_TAG_VALUE:
		m->found = strncmp(value, m->text, m->len) == 0;
		break;
	default:
		m->found = word_begins(key, m->text, m->len) || word_begins(value, m->text, m->len);
		break;
	}
	return m->found;
}

static int
match_text(struct call *c, const struct store_secret *o, struct match *m)
{
	switch (m->filter) {
	case FILTER_DESCRIPTION:
		m->found = word_begins(o->description, m->text, m->len);
		return 0;
	case FILTER_NAME:
		m->found = strncmp(o->name, m->text, m->len) == 0;
		return 0;
	case FILTER_PRIMARY_REGION:
	case FILTER_OWNING_SERVICE:
		return 0; /* nothing is replicated, nothing is managed by another service */
	case FILTER_ALL:
		m->found = word_begins(o->name, m->text, m->len) ||
			   word_begins(o->description, m->text, m->len);
		break;
	case FILTER_TAG_KEY:
	case FILTER_TAG_VALUE:
	case FILTER_NONE:
		break;
	}
	if (m->found)
		return 0;
	return store_tag_list(c->store, o->arn, match_tag, m, &c->err);
}

/* A value of a filter: "!" turns it round; of "all" every word counts by itself. */
static int
match_value(
    struct call *c, const struct store_secret *o, enum filter filter, const char *value, bool *ret)
{
	bool negated = *value == '!';
	struct match m = { .filter = filter, .text = value + negated };
	int r = 0;

	if (filter != FILTER_ALL) {
		m.len = strlen(m.text);
		r = match_text(c, o, &m);
	}
	while (filter == FILTER_ALL && !m.found && r == 0) {
		m.text += strspn(m.text, " ");
		m.len = strcspn(m.text, " ");
		if (m.len == 0)
			break;
		r = match_text(c, o, &m);
		m.text += m.len;
	}
	*ret = m.found != negated;
	return r;
}

static int
match_filter(
    struct call *c, const struct store_secret *o, const struct secret_filter_in *f, bool *ret)
{
	enum filter filter = f->key != 0 ? (enum filter)f->key : FILTER_ALL;
	int r = 0;

	*ret = f->values.n == 0;
	for (size_t i = 0; i < f->values.n && !*ret && r == 0; i++)
		r = match_value(c, o, filter, f->values.v[i], ret);
	return r;
}

bool
secret_passes(
    struct call *c, const struct store_secret *o, const struct secret_filters *filters, int *ret_r)
{
	bool passes = true;
	int r = 0;

	for (size_t i = 0; i < filters->n && passes && r == 0; i++)
		r = match_filter(c, o, &filters->v[i], &passes);
	if (r < 0)
		*ret_r = r;
	return passes && r == 0;
}

/* --- ListSecrets --- */

struct list_walk {
	struct call *c;
	const struct secret_filters *filters;
	enum secret_order order;
	struct page page;
	struct json_object *list;
	int r;
};

/* A row's place in the order: its number, and what it is sorted by. */
static void
print_key(const struct store_secret *o, enum secret_order order, char key[static PAGE_KEY_MAX])
{
	int64_t ms = 0;

	switch (order) {
	case SECRET_BY_NAME:
		(void)snprintf(key, PAGE_KEY_MAX, "%lld:%s", (long long)o->n, o->name);
		return;
	case SECRET_BY_CREATED:
		ms = o->created_at_ms;
		break;
	case SECRET_BY_ACCESSED:
		ms = o->accessed_at_ms;
		break;
	case SECRET_BY_CHANGED:
		ms = o->changed_at_ms;
		break;
	}
	(void)snprintf(key, PAGE_KEY_MAX, "%lld:%lld", (long long)o->n, (long long)ms);
}

static void
read_key(const char *key, struct secret_listing *l)
{
	char *rest;

	l->after = strtoll(key, &rest, 10);
	l->after_name = *rest == ':' ? rest + 1 : rest;
	l->after_ms = strtoll(l->after_name, NULL, 10);
}

static int
take_secret(const struct store_secret *o, void *arg)
{
	struct list_walk *w = arg;
	struct json_object *one;
	char key[PAGE_KEY_MAX];

	if (!secret_passes(w->c, o, w->filters, &w->r))
		return w->r;
	print_key(o, w->order, key);
	if (!page_take(&w->page, key))
		return 1;
	one = json_object_new_object();
	(void)json_object_array_add(w->list, one);
	w->r = secret_print(w->c, o, "SecretVersionsToStages", one);
	return w->r;
}

static int
list_secrets(struct call *c)
{
	const struct list_in *in = c->args;
	struct list_walk w = {
		.c = c,
		.filters = &in->filters,
		.order = orders[in->sorted_by],
		.list = json_object_new_array(),
	};
	struct secret_listing l = {
		.order = w.order,
		.descending = in->order == 2,
		.deleted_too = in->deleted == TRI_TRUE,
		.now = c->now_ms,
	};
	int r;

	json_add(c->out, "SecretList", w.list);
	r = secret_page_begin(
	    c, &w.page, in->next, in->limit.set ? (int)in->limit.v : PAGE_DEFAULT);
	if (r < 0)
		return r;
	read_key(w.page.after, &l);
	r = store_secret_list(c->store, &c->scope, &l, take_secret, &w, &c->err);
	if (r == 0)
		r = w.r;
	if (r == 0)
		secret_page_finish(c, &w.page);
	return r;
}
