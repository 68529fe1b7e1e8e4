/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The walkers over field tables: one checks and binds, one copies, one prints. Called by api.c for
 * every request and by whoever reads JSON that comes from outside; the tables are others'.
 */
#include "common/schema.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define ECHO_MAX 100 /* bytes of a user's value that a message repeats */
#define HIDDEN "***" /* stands for a value with SCHEMA_SECRET */
#define PATH_MAX_BYTES 256
#define BOUND_MAX_BYTES                                                                            \
	(16u * 1024 * 1024) /* of all structs of one document: "{}," may stand for a large one */

/* Where in the document we are; a chain on the stack, printed only when something is wrong. */
struct path {
	const struct path *up;
	const char *name; /* NULL: an item of a list */
	size_t index;
	bool key; /* name is a key of a map, the user's own word */
};

struct walk {
	struct arena *arena;
	enum err_kind bad;
	struct err *e;
	size_t bound_bytes;
};

/* Checks `v`, which is not null, and binds it to `out` unless that is NULL. */
typedef int bind_fn(struct walk *w, const struct schema_field *f, struct json_object *v, void *out,
    const struct path *at);

static bind_fn bind_string, bind_enum, bind_bool, bind_int, bind_double, bind_struct, bind_strings,
    bind_ints, bind_structs, bind_map, bind_json, bind_blob;

/* clang-format off */
static const struct {
	bind_fn *bind;
	const char *type; /* as service models call it */
	const char *item; /* of a list or map */
} types[SCHEMA_TYPE_MAX] = {
	[SCHEMA_STRING]      = { bind_string,  "string", NULL },
	[SCHEMA_ENUM]        = { bind_enum,    "string", NULL },
	[SCHEMA_BOOL]        = { bind_bool,    "boolean", NULL },
	[SCHEMA_INT]         = { bind_int,     "integer", NULL },
	[SCHEMA_LONG]        = { bind_int,     "long", NULL },
	[SCHEMA_DOUBLE]      = { bind_double,  "double", NULL },
	[SCHEMA_TIME]        = { bind_double,  "timestamp", NULL },
	[SCHEMA_STRUCT]      = { bind_struct,  "structure", NULL },
	[SCHEMA_LIST_STRING] = { bind_strings, "list", "string" },
	[SCHEMA_LIST_ENUM]   = { bind_strings, "list", "string" },
	[SCHEMA_LIST_INT]    = { bind_ints,    "list", "integer" },
	[SCHEMA_LIST_STRUCT] = { bind_structs, "list", "structure" },
	[SCHEMA_MAP_STRING]  = { bind_map,     "map", "string" },
	[SCHEMA_JSON]        = { bind_json,    "structure", NULL },
	[SCHEMA_BLOB]        = { bind_blob,    "blob", NULL },
};
/* clang-format on */

/* The head that every LIST_OF() has, whatever its items are. */
struct any_list {
	bool set;
	size_t n;
	void *v;
};

static int bind_object(struct walk *w, const struct schema *s, struct json_object *in, void *out,
    const struct path *at);

int
schema_bind(const struct schema *s, struct json_object *in, void *out, struct arena *a,
    enum err_kind bad, struct err *e)
{
	struct walk w = { .arena = a, .bad = bad, .e = e };

	return bind_object(&w, s, in, out, NULL);
}

int
schema_enum_index(const char *const *names, const char *value)
{
	for (int i = 1; names[i] != NULL; i++)
		if (strcmp(names[i], value) == 0)
			return i;
	return 0;
}

/* Appends to a fixed buffer; what does not fit is left out. */
static void PRINTF_LIKE(3, 4) append(char *buf, size_t size, const char *fmt, ...)
{
	size_t len = strlen(buf);
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(buf + len, size - len, fmt, ap); /* cut on purpose */
	va_end(ap);
}

/* `inner`: as AWS's validation names members, with a small first letter ("secretId" of SecretId).
 */
static void
path_print(const struct path *at, bool inner, char *buf, size_t size)
{
	if (at == NULL)
		return;
	path_print(at->up, inner, buf, size);
	if (at->name == NULL)
		append(buf, size, "[%zu]", at->index);
	else if (inner && !at->key)
		append(buf, size, "%s%c%s", *buf != '\0' ? "." : "",
		    tolower((unsigned char)at->name[0]), at->name + 1);
	else
		append(buf, size, "%s%s", *buf != '\0' ? "." : "", at->name);
}

static int
wrong_type(struct walk *w, const struct path *at, const char *expected)
{
	char where[PATH_MAX_BYTES] = "";

	if (at == NULL)
		return err_set(w->e, ERR_SERIALIZATION, "Expected %s.", expected);
	path_print(at, false, where, sizeof(where));
	return err_set(w->e, ERR_SERIALIZATION, "Expected %s at '%s'.", expected, where);
}

/* A user's text, short enough for a message and cut between two characters. */
static void
echo_print(const char *value, char buf[static ECHO_MAX + 4])
{
	size_t len = strnlen(value, ECHO_MAX + 1);

	if (len <= ECHO_MAX) {
		memcpy(buf, value, len + 1);
		return;
	}
	len = ECHO_MAX;
	while (len > 0 && ((unsigned char)value[len] & 0xc0) == 0x80)
		len--;
	memcpy(buf, value, len);
	memcpy(buf + len, "...", 4);
}

/* The one place where a value's own error is said. `value` is NULL for a missing member. */
static int PRINTF_LIKE(5, 6) wrong_value(struct walk *w, const struct schema_field *f,
    const struct path *at, const char *value, const char *constraint, ...)
{
	enum err_kind kind = f->kind != ERR_NONE ? f->kind : w->bad;
	char where[PATH_MAX_BYTES] = "";
	char echo[ECHO_MAX + 4] = "";
	char must[ERR_TEXT_MAX / 2];
	va_list ap;

	if (f->message != NULL)
		return err_set(w->e, kind, "%s", f->message);
	va_start(ap, constraint);
	(void)vsnprintf(must, sizeof(must), constraint, ap); /* cut on purpose */
	va_end(ap);
	path_print(at, true, where, sizeof(where));
	if (value != NULL)
		echo_print((f->flags & SCHEMA_SECRET) != 0 ? HIDDEN : value, echo);
	return err_set(w->e, kind,
	    "1 validation error detected: Value %s%s%s at '%s' failed to satisfy constraint: "
	    "Member must %s",
	    value != NULL ? "'" : "", value != NULL ? echo : "null", value != NULL ? "'" : "",
	    where, must);
}

/* Room for `n` structs of `s`, within what one document may take. */
static int
alloc_structs(struct walk *w, const struct schema *s, size_t n, void **ret)
{
	if (n > (BOUND_MAX_BYTES - w->bound_bytes) / (s->size > 0 ? s->size : 1))
		return err_set(w->e, w->bad, "The request has too many list items.");
	w->bound_bytes += n * s->size;
	*ret = arena_alloc(w->arena, n * s->size);
	return 0;
}

static int
bind_object(struct walk *w, const struct schema *s, struct json_object *in, void *out,
    const struct path *at)
{
	int r;

	if (!json_object_is_type(in, json_type_object))
		return wrong_type(w, at, "an object");
	if (out != NULL && s->size > 0)
		memset(out, 0, s->size);
	for (size_t i = 0; i < s->n; i++) {
		const struct schema_field *f = &s->fields[i];
		const struct path here = { .up = at, .name = f->name };
		struct json_object *v = json_get(in, f->name);
		void *to = NULL;

		if (v == NULL) {
			if (f->flags & SCHEMA_REQUIRED)
				return wrong_value(w, f, &here, NULL, "not be null");
			continue;
		}
		if (out != NULL && (f->flags & SCHEMA_UNBOUND) == 0)
			to = (char *)out + f->offset;
		r = types[f->type].bind(w, f, v, to, &here);
		if (r < 0)
			return r;
	}
	return 0;
}

/* True if `c` is in a set like "A-Za-z0-9_-", in which a '-' first or last stands for itself. */
static bool
in_set(const char *set, unsigned char c)
{
	for (const unsigned char *p = (const unsigned char *)set; *p != '\0'; p++) {
		if (p[1] == '-' && p[2] != '\0') {
			if (c >= p[0] && c <= p[2])
				return true;
			p += 2;
		} else if (c == *p) {
			return true;
		}
	}
	return false;
}

static int
check_string(struct walk *w, const struct schema_field *f, const char *s, size_t len,
    size_t min_len, size_t max_len, const struct path *at)
{
	if (max_len > 0 && len > max_len)
		return wrong_value(w, f, at, s, "have length less than or equal to %zu", max_len);
	if (len < min_len)
		return wrong_value(
		    w, f, at, s, "have length greater than or equal to %zu", min_len);
	if (f->chars != NULL)
		for (size_t i = 0; i < len; i++)
			if (!in_set(f->chars, (unsigned char)s[i]))
				return wrong_value(w, f, at, s,
				    "satisfy regular expression pattern: [%s]+", f->chars);
	return 0;
}

static int
check_enum(struct walk *w, const struct schema_field *f, const char *s, const struct path *at,
    int *ret_index)
{
	char set[ERR_TEXT_MAX / 2] = "";
	int index = schema_enum_index(f->names, s);

	if (index == 0) {
		for (int i = 1; f->names[i] != NULL; i++)
			append(set, sizeof(set), "%s%s", i > 1 ? ", " : "", f->names[i]);
		return wrong_value(w, f, at, s, "satisfy enum value set: [%s]", set);
	}
	*ret_index = index;
	return 0;
}

/* The number of items of a list or of pairs of a map. */
static int
check_count(struct walk *w, const struct schema_field *f, struct json_object *v, size_t n,
    const struct path *at)
{
	if (f->max_len > 0 && n > f->max_len)
		return wrong_value(
		    w, f, at, json_print(v), "have length less than or equal to %zu", f->max_len);
	if (n < f->min_len)
		return wrong_value(w, f, at, json_print(v),
		    "have length greater than or equal to %zu", f->min_len);
	return 0;
}

static int
check_range(struct walk *w, const struct schema_field *f, struct json_object *v, double d,
    const struct path *at)
{
	if (f->min == 0 && f->max == 0)
		return 0;
	if (d < f->min)
		return wrong_value(
		    w, f, at, json_print(v), "have value greater than or equal to %.15g", f->min);
	if (f->max >= f->min && d > f->max)
		return wrong_value(
		    w, f, at, json_print(v), "have value less than or equal to %.15g", f->max);
	return 0;
}

static int
bind_string(struct walk *w, const struct schema_field *f, struct json_object *v, void *out,
    const struct path *at)
{
	const char *s;
	int r;

	if (!json_object_is_type(v, json_type_string))
		return wrong_type(w, at, "a string");
	s = json_object_get_string(v);
	r = check_string(
	    w, f, s, (size_t)json_object_get_string_len(v), f->min_len, f->max_len, at);
	if (r == 0 && out != NULL)
		*(const char **)out = s;
	return r;
}

/* Bytes that a base64 text stands for, -1 where it is none. */
static int64_t
base64_bytes(const char *s, size_t len)
{
	size_t digits =
	    strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/");
	size_t padding = len - digits;

	if (len % 4 != 0 || padding > 2 || strspn(s + digits, "=") != padding)
		return -1;
	return (int64_t)(len / 4 * 3 - padding);
}

static int
bind_blob(struct walk *w, const struct schema_field *f, struct json_object *v, void *out,
    const struct path *at)
{
	const char *s;
	int64_t bytes;

	if (!json_object_is_type(v, json_type_string))
		return wrong_type(w, at, "base64");
	s = json_object_get_string(v);
	bytes = base64_bytes(s, (size_t)json_object_get_string_len(v));
	if (bytes < 0)
		return wrong_type(w, at, "base64");
	if (f->max_len > 0 && (size_t)bytes > f->max_len)
		return wrong_value(
		    w, f, at, s, "have length less than or equal to %zu", f->max_len);
	if ((size_t)bytes < f->min_len)
		return wrong_value(
		    w, f, at, s, "have length greater than or equal to %zu", f->min_len);
	if (out != NULL)
		*(const char **)out = s;
	return 0;
}

static int
bind_enum(struct walk *w, const struct schema_field *f, struct json_object *v, void *out,
    const struct path *at)
{
	int index = 0;
	int r;

	if (!json_object_is_type(v, json_type_string))
		return wrong_type(w, at, "a string");
	r = check_enum(w, f, json_object_get_string(v), at, &index);
	if (r == 0 && out != NULL)
		*(int *)out = index;
	return r;
}

static int
bind_bool(struct walk *w, const struct schema_field *f, struct json_object *v, void *out,
    const struct path *at)
{
	(void)f;
	if (!json_object_is_type(v, json_type_boolean))
		return wrong_type(w, at, "a boolean");
	if (out != NULL)
		*(enum tri *)out = json_object_get_boolean(v) ? TRI_TRUE : TRI_FALSE;
	return 0;
}

/* A whole number of 32 or 64 bits; 1.0 is one as well, as for the service itself. */
static int
get_int(struct walk *w, struct json_object *v, bool wide, const struct path *at, int64_t *ret)
{
	int64_t n;

	if (json_object_is_type(v, json_type_int)) {
		if (json_object_get_uint64(v) > INT64_MAX)
			return wrong_type(w, at, "an integer of at most 64 bits");
		n = json_object_get_int64(v);
	} else if (json_object_is_type(v, json_type_double)) {
		double d = json_object_get_double(v);

		if (floor(d) != d)
			return wrong_type(w, at, "an integer");
		if (d < -0x1p53 || d > 0x1p53)
			return wrong_type(w, at, "an integer of fewer digits");
		n = (int64_t)d;
	} else {
		return wrong_type(w, at, "an integer");
	}
	if (!wide && (n < INT32_MIN || n > INT32_MAX))
		return wrong_type(w, at, "an integer of at most 32 bits");
	*ret = n;
	return 0;
}

static int
bind_int(struct walk *w, const struct schema_field *f, struct json_object *v, void *out,
    const struct path *at)
{
	int64_t n = 0;
	int r;

	r = get_int(w, v, f->type == SCHEMA_LONG, at, &n);
	if (r == 0)
		r = check_range(w, f, v, (double)n, at);
	if (r == 0 && out != NULL)
		*(struct opt_int *)out = (struct opt_int){ .set = true, .v = n };
	return r;
}

static int
bind_double(struct walk *w, const struct schema_field *f, struct json_object *v, void *out,
    const struct path *at)
{
	double d;
	int r;

	if (!json_object_is_type(v, json_type_double) && !json_object_is_type(v, json_type_int))
		return wrong_type(
		    w, at, f->type == SCHEMA_TIME ? "a timestamp in seconds" : "a number");
	d = json_object_get_double(v);
	r = check_range(w, f, v, d, at);
	if (r == 0 && out != NULL)
		*(struct opt_double *)out = (struct opt_double){ .set = true, .v = d };
	return r;
}

static int
bind_struct(struct walk *w, const struct schema_field *f, struct json_object *v, void *out,
    const struct path *at)
{
	void *bound = NULL;
	int r = 0;

	if (out != NULL)
		r = alloc_structs(w, f->sub, 1, &bound);
	if (r == 0)
		r = bind_object(w, f->sub, v, bound, at);
	if (r == 0 && out != NULL)
		memcpy(out, &bound, sizeof(bound));
	return r;
}

static int
bind_strings(struct walk *w, const struct schema_field *f, struct json_object *v, void *out,
    const struct path *at)
{
	const char **strings = NULL;
	size_t n;
	int r;

	if (!json_object_is_type(v, json_type_array))
		return wrong_type(w, at, "a list");
	n = json_object_array_length(v);
	r = check_count(w, f, v, n, at);
	if (r < 0)
		return r;
	if (out != NULL)
		strings = arena_alloc(w->arena, n * sizeof(*strings));
	for (size_t i = 0; i < n; i++) {
		const struct path here = { .up = at, .index = i };
		struct json_object *item = json_object_array_get_idx(v, i);
		int index = 0;
		const char *s;

		if (!json_object_is_type(item, json_type_string))
			return wrong_type(w, &here, "a string");
		s = json_object_get_string(item);
		r = check_string(
		    w, f, s, (size_t)json_object_get_string_len(item), 0, f->item_max_len, &here);
		if (r == 0 && f->type == SCHEMA_LIST_ENUM)
			r = check_enum(w, f, s, &here, &index);
		if (r < 0)
			return r;
		if (strings != NULL)
			strings[i] = s;
	}
	if (out != NULL)
		*(struct str_list *)out = (struct str_list){ .set = true, .n = n, .v = strings };
	return 0;
}

static int
bind_ints(struct walk *w, const struct schema_field *f, struct json_object *v, void *out,
    const struct path *at)
{
	size_t n;
	int r;

	if (!json_object_is_type(v, json_type_array))
		return wrong_type(w, at, "a list");
	n = json_object_array_length(v);
	r = check_count(w, f, v, n, at);
	for (size_t i = 0; i < n && r == 0; i++) {
		const struct path here = { .up = at, .index = i };
		struct json_object *item = json_object_array_get_idx(v, i);
		int64_t number = 0;

		r = get_int(w, item, false, &here, &number);
		if (r == 0)
			r = check_range(w, f, item, (double)number, &here);
	}
	if (r == 0 && out != NULL)
		*(struct json_object **)out = v;
	return r;
}

static int
bind_structs(struct walk *w, const struct schema_field *f, struct json_object *v, void *out,
    const struct path *at)
{
	struct any_list list = { .set = true };
	int r;

	if (!json_object_is_type(v, json_type_array))
		return wrong_type(w, at, "a list");
	list.n = json_object_array_length(v);
	r = check_count(w, f, v, list.n, at);
	if (r == 0 && out != NULL)
		r = alloc_structs(w, f->sub, list.n, &list.v);
	for (size_t i = 0; i < list.n && r == 0; i++) {
		const struct path here = { .up = at, .index = i };

		r = bind_object(w, f->sub, json_object_array_get_idx(v, i),
		    list.v != NULL ? (char *)list.v + i * f->sub->size : NULL, &here);
	}
	if (r == 0 && out != NULL)
		memcpy(out, &list, sizeof(list));
	return r;
}

static int
bind_map(struct walk *w, const struct schema_field *f, struct json_object *v, void *out,
    const struct path *at)
{
	struct str_map map = { .set = true };
	size_t n;
	int r;

	if (!json_object_is_type(v, json_type_object))
		return wrong_type(w, at, "an object");
	n = (size_t)json_object_object_length(v);
	r = check_count(w, f, v, n, at);
	if (r < 0)
		return r;
	if (out != NULL) {
		map.keys = arena_alloc(w->arena, n * sizeof(*map.keys));
		map.values = arena_alloc(w->arena, n * sizeof(*map.values));
	}
	json_object_object_foreach(v, key, value)
	{
		const struct path here = { .up = at, .name = key, .key = true };

		if (value == NULL)
			continue;
		if (!json_object_is_type(value, json_type_string))
			return wrong_type(w, &here, "a string");
		r = check_string(w, f, json_object_get_string(value),
		    (size_t)json_object_get_string_len(value), 0, f->item_max_len, &here);
		if (r < 0)
			return r;
		if (out != NULL) {
			map.keys[map.n] = key;
			map.values[map.n] = json_object_get_string(value);
			map.n++;
		}
	}
	if (out != NULL)
		*(struct str_map *)out = map;
	return 0;
}

static int
bind_json_list(
    struct walk *w, const struct schema_field *f, struct json_object *v, const struct path *at)
{
	size_t n;
	int r;

	if (!json_object_is_type(v, json_type_array))
		return wrong_type(w, at, "a list");
	n = json_object_array_length(v);
	r = check_count(w, f, v, n, at);
	for (size_t i = 0; i < n && r == 0; i++) {
		const struct path here = { .up = at, .index = i };
		struct json_object *item = json_object_array_get_idx(v, i);

		if (f->sub != NULL)
			r = bind_object(w, f->sub, item, NULL, &here);
		else if (!json_object_is_type(item, json_type_object))
			r = wrong_type(w, &here, "an object");
	}
	return r;
}

static int
bind_json(struct walk *w, const struct schema_field *f, struct json_object *v, void *out,
    const struct path *at)
{
	int r = 0;

	if (f->json_list)
		r = bind_json_list(w, f, v, at);
	else if (f->sub != NULL)
		r = bind_object(w, f->sub, v, NULL, at);
	else if (!json_object_is_type(v, json_type_object) &&
		 !json_object_is_type(v, json_type_array))
		r = wrong_type(w, at, "an object or a list");
	if (r == 0 && out != NULL)
		*(struct json_object **)out = v;
	return r;
}

static struct json_object *
prune_field(const struct schema_field *f, struct json_object *v)
{
	struct json_object *list;
	size_t n;

	if (f->sub == NULL)
		return json_copy(v);
	if (!json_object_is_type(v, json_type_array))
		return schema_prune(f->sub, v);
	n = json_object_array_length(v);
	list = json_object_new_array_ext((int)n);
	for (size_t i = 0; i < n; i++)
		if (json_object_array_add(
			list, schema_prune(f->sub, json_object_array_get_idx(v, i))) != 0)
			abort();
	return list;
}

struct json_object *
schema_prune(const struct schema *s, struct json_object *in)
{
	struct json_object *out = json_object_new_object();

	for (size_t i = 0; i < s->n; i++) {
		struct json_object *v = json_get(in, s->fields[i].name);

		if (v != NULL)
			json_add(out, s->fields[i].name, prune_field(&s->fields[i], v));
	}
	return out;
}

/* The shapes that enclose the one being printed. */
struct enclosing {
	const struct enclosing *up;
	const struct schema *s;
};

static struct json_object *dump_members(const struct schema *s, const struct enclosing *up);

static void
dump_limits(struct json_object *o, const struct schema_field *f)
{
	if (f->min != 0 || f->max != 0) {
		json_add(o, "min", json_object_new_double(f->min));
		if (f->max >= f->min)
			json_add(o, "max", json_object_new_double(f->max));
	}
	if (f->min_len > 0)
		json_add_int(o, "minLength", (int64_t)f->min_len);
	if (f->max_len > 0)
		json_add_int(o, "maxLength", (int64_t)f->max_len);
	if (f->item_max_len > 0)
		json_add_int(o, "itemMaxLength", (int64_t)f->item_max_len);
	if (f->chars != NULL)
		json_add_str(o, "chars", f->chars);
}

static struct json_object *
dump_field(const struct schema_field *f, const struct enclosing *up)
{
	struct json_object *o = json_object_new_object();
	bool free_form = f->type == SCHEMA_JSON && f->sub == NULL;

	json_add_str(o, "name", f->name);
	json_add_str(o, "type",
	    f->json_list ? "list"
	    : free_form  ? "document"
			 : types[f->type].type);
	json_add_str(o, "item", f->json_list ? "structure" : types[f->type].item);
	json_add_bool(o, "required", (f->flags & SCHEMA_REQUIRED) != 0);
	if ((f->flags & SCHEMA_SECRET) != 0)
		json_add_bool(o, "secret", true);
	if (f->names != NULL) {
		struct json_object *names = json_object_new_array();

		for (int i = 1; f->names[i] != NULL; i++)
			json_object_array_add(names, json_object_new_string(f->names[i]));
		json_add(o, "enum", names);
	}
	dump_limits(o, f);
	if (f->sub == NULL)
		return o;
	json_add_str(o, "shape", f->sub->name);
	for (const struct enclosing *in = up; in != NULL; in = in->up)
		if (in->s == f->sub) { /* a shape within itself: its members are further up */
			json_add_bool(o, "recursive", true);
			return o;
		}
	json_add(o, "members", dump_members(f->sub, up));
	return o;
}

static struct json_object *
dump_members(const struct schema *s, const struct enclosing *up)
{
	const struct enclosing here = { .up = up, .s = s };
	struct json_object *members = json_object_new_array();

	for (size_t i = 0; i < s->n; i++)
		json_object_array_add(members, dump_field(&s->fields[i], &here));
	return members;
}

struct json_object *
schema_dump(const struct schema *s)
{
	struct json_object *o = json_object_new_object();

	json_add_str(o, "name", s->name);
	json_add(o, "members", dump_members(s, NULL));
	return o;
}
