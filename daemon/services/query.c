/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads form parameters in two steps (see query.h): names are split at their dots into a tree, the
 * text of a parameter under the key "" of its node; then the tree is read along the table.
 */
#include "daemon/services/query.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

struct reader {
	bool ec2;
	struct err *e;
};

static struct json_object *read_struct(
    struct reader *rd, const struct schema *s, struct json_object *node, int depth);

static int
malformed(struct err *e, const char *what)
{
	return err_set_code(
	    e, 400, "MalformedQueryString", "The query string is malformed: %s.", what);
}

/* --- text to tree --- */

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)tolower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Undoes percent-encoding in place; the new length, or -1 where it is none or hides a NUL. */
static ssize_t
decode(char *text, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		char c = text[i];

		if (c == '+') {
			c = ' ';
		} else if (c == '%') {
			int high = i + 2 < len ? hex_digit(text[i + 1]) : -1;
			int low = high >= 0 ? hex_digit(text[i + 2]) : -1;

			if (low < 0)
				return -1;
			c = (char)(high * 16 + low);
			i += 2;
		}
		if (c == '\0')
			return -1;
		text[n++] = c;
	}
	text[n] = '\0';
	return (ssize_t)n;
}

/* The node of a name, made where it is not there yet; NULL for a name that is too deep. */
static struct json_object *
node_of(struct json_object *root, char *name)
{
	struct json_object *node = root;
	char *save = NULL;
	int depth = 0;

	for (char *part = strtok_r(name, ".", &save); part != NULL;
	     part = strtok_r(NULL, ".", &save)) {
		struct json_object *next = NULL;

		if (++depth > QUERY_DEPTH_MAX)
			return NULL;
		if (!json_object_object_get_ex(node, part, &next)) {
			next = json_object_new_object();
			json_add(node, part, next);
		}
		node = next;
	}
	return depth > 0 ? node : NULL;
}

/* One "name=value"; the last one of a name counts. */
static int
take_parameter(struct json_object *root, char *text, size_t len, struct err *e)
{
	char *equals = memchr(text, '=', len);
	size_t name_len = equals != NULL ? (size_t)(equals - text) : len;
	char *value = equals != NULL ? equals + 1 : text + len;
	struct json_object *node, *leaf = NULL;
	ssize_t n;

	if (len == 0)
		return 0;
	n = decode(value, (size_t)(text + len - value));
	text[name_len] = '\0';
	if (n < 0 || decode(text, name_len) < 0)
		return malformed(e, "invalid percent-encoding");
	node = node_of(root, text);
	if (node == NULL)
		return malformed(e, "invalid name of a parameter");
	/* Through the parser's eyes: what is no UTF-8 does not get in. */
	json_add_str(node, "", value);
	if (!json_object_object_get_ex(node, "", &leaf) ||
	    strcmp(json_object_get_string(leaf), value) != 0)
		return malformed(e, "a value is not UTF-8");
	return 0;
}

static int
read_tree(char *form, size_t len, struct json_object *root, struct err *e)
{
	char *end = form + len;
	size_t n = 0;

	while (form < end) {
		char *stop = memchr(form, '&', (size_t)(end - form));
		int r;

		if (stop == NULL)
			stop = end;
		if (++n > QUERY_PARAMETERS_MAX)
			return malformed(e, "too many parameters");
		*stop = '\0';
		r = take_parameter(root, form, (size_t)(stop - form), e);
		if (r < 0)
			return r;
		form = stop + 1;
	}
	return 0;
}

/* --- tree to values, along the table --- */

static const char *
text_of(struct json_object *node)
{
	return json_get_str(node, "");
}

/* A number stays text where it is none: schema_bind says what is wrong with it. */
static struct json_object *
read_number(const char *text, bool whole)
{
	char *end = NULL;

	errno = 0;
	if (whole) {
		long long v = strtoll(text, &end, 10);

		if (errno == 0 && end != text && *end == '\0')
			return json_object_new_int64(v);
	} else {
		double v = strtod(text, &end);

		if (errno == 0 && end != text && *end == '\0' && v - v == 0)
			return json_object_new_double(v);
	}
	return json_object_new_string(text);
}

static struct json_object *
read_bool(const char *text)
{
	if (strcasecmp(text, "true") == 0 || strcmp(text, "1") == 0)
		return json_object_new_boolean(true);
	if (strcasecmp(text, "false") == 0 || strcmp(text, "0") == 0)
		return json_object_new_boolean(false);
	return json_object_new_string(text);
}

/* The index that a part of a name is; 0: none. */
static size_t
index_of(const char *part)
{
	size_t v = 0;

	if (part[0] == '\0' || strlen(part) > 4 || part[strspn(part, "0123456789")] != '\0')
		return 0;
	for (; *part != '\0'; part++)
		v = 10 * v + (size_t)(*part - '0');
	return v <= QUERY_INDEX_MAX ? v : 0;
}

/* The items of a list in the order of their indexes. Calls `fn` for each. NULL with the error set.
 */
static struct json_object *
read_items(struct reader *rd, const struct schema_field *f, struct json_object *node, int depth,
    struct json_object *(*fn)(
	struct reader *rd, const struct schema_field *f, struct json_object *item, int depth))
{
	struct json_object *by_index[QUERY_INDEX_MAX + 1] = { NULL };
	_cleanup_json_ struct json_object *list = json_object_new_array();

	if (node == NULL)
		return TAKE(list);
	json_object_object_foreach(node, part, item)
	{
		if (part[0] == '\0')
			continue;
		if (index_of(part) == 0) {
			(void)malformed(rd->e, "invalid index of a list");
			return NULL;
		}
		by_index[index_of(part)] = item;
	}
	for (size_t i = 0; i < ARRAY_SIZE(by_index); i++) {
		struct json_object *v;

		if (by_index[i] == NULL)
			continue;
		v = fn(rd, f, by_index[i], depth);
		if (v == NULL)
			return NULL;
		if (json_object_array_add(list, v) != 0)
			abort();
	}
	return TAKE(list);
}

static struct json_object *
item_string(struct reader *rd, const struct schema_field *f, struct json_object *item, int depth)
{
	const char *text = text_of(item);

	(void)rd;
	(void)depth;
	if (f->type == SCHEMA_LIST_INT)
		return read_number(text != NULL ? text : "", true);
	return json_object_new_string(text != NULL ? text : "");
}

static struct json_object *
item_struct(struct reader *rd, const struct schema_field *f, struct json_object *item, int depth)
{
	return read_struct(rd, f->sub, item, depth);
}

/* X.entry.N.key and X.entry.N.value. */
static struct json_object *
read_map(struct json_object *node)
{
	struct json_object *map = json_object_new_object();
	struct json_object *entries = json_get(node, "entry");

	if (entries == NULL)
		return map;
	json_object_object_foreach(entries, part, entry)
	{
		const char *key = text_of(json_get(entry, "key"));
		const char *value = text_of(json_get(entry, "value"));

		if (key != NULL && index_of(part) > 0)
			json_add_str(map, key, value != NULL ? value : "");
	}
	return map;
}

static struct json_object *
read_value(struct reader *rd, const struct schema_field *f, struct json_object *node, int depth)
{
	const char *text = text_of(node);
	struct json_object *items = rd->ec2 ? node : json_get(node, "member");

	switch (f->type) {
	case SCHEMA_LIST_STRING:
	case SCHEMA_LIST_ENUM:
	case SCHEMA_LIST_INT:
		return read_items(rd, f, items, depth, item_string);
	case SCHEMA_LIST_STRUCT:
		return read_items(rd, f, items, depth, item_struct);
	case SCHEMA_STRUCT:
		return read_struct(rd, f->sub, node, depth);
	case SCHEMA_MAP_STRING:
		return read_map(node);
	case SCHEMA_JSON:
		if (f->sub != NULL)
			return f->json_list ? read_items(rd, f, items, depth, item_struct)
					    : read_struct(rd, f->sub, node, depth);
		break;
	case SCHEMA_BOOL:
		return text != NULL ? read_bool(text) : NULL;
	case SCHEMA_INT:
	case SCHEMA_LONG:
		return text != NULL ? read_number(text, true) : NULL;
	case SCHEMA_DOUBLE:
	case SCHEMA_TIME:
		return text != NULL ? read_number(text, false) : NULL;
	case SCHEMA_STRING:
	case SCHEMA_BLOB:
	case SCHEMA_ENUM:
	case SCHEMA_TYPE_MAX:
		break;
	}
	return text != NULL ? json_object_new_string(text) : NULL;
}

/* NULL only with the error set. */
static struct json_object *
read_struct(struct reader *rd, const struct schema *s, struct json_object *node, int depth)
{
	_cleanup_json_ struct json_object *o = json_object_new_object();

	/* Tables may contain themselves; names that come this deep were refused already. */
	if (depth > QUERY_DEPTH_MAX)
		return TAKE(o);
	for (size_t i = 0; i < s->n; i++) {
		struct json_object *member = json_get(node, s->fields[i].name);
		struct json_object *v;

		if (member == NULL)
			continue;
		v = read_value(rd, &s->fields[i], member, depth + 1);
		if (rd->e->kind != ERR_NONE) {
			json_object_put(v);
			return NULL;
		}
		if (v != NULL)
			json_add(o, s->fields[i].name, v);
	}
	return TAKE(o);
}

int
query_parse(const struct schema *input, bool ec2, const char *form, size_t len,
    struct json_object **ret, struct err *e)
{
	_cleanup_json_ struct json_object *tree = json_object_new_object();
	_cleanup_free_ char *copy = xstrndup(form, len);
	struct err why = { 0 };
	struct reader rd = { ec2, &why };
	struct json_object *o;
	int r;

	r = memchr(form, '\0', len) != NULL ? malformed(e, "a NUL") : read_tree(copy, len, tree, e);
	if (r < 0)
		return r;
	if (input == NULL) {
		*ret = json_object_new_object();
		return 0;
	}
	o = read_struct(&rd, input, tree, 0);
	if (o == NULL)
		return malformed(e, "invalid index of a list");
	*ret = o;
	return 0;
}
