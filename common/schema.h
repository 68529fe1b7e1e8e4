/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Field tables: what an operation or a structure takes, declared once. One walker checks JSON
 * against a table and binds it into a C struct; another copies only what the table names; a third
 * prints the table for --dump-api. It knows JSON and C structs, nothing of ECS.
 *
 * A table is an array of rows made with the F_* macros. The macros compare the C type of the bound
 * member with what the row binds: a wrong type does not compile.
 *
 *	struct stop_task_in {
 *		const char *cluster;
 *		const char *task;
 *	};
 *	static const struct schema_field stop_task_fields[] = {
 *		F_STR(struct stop_task_in, cluster, "cluster"),
 *		F_STR(struct stop_task_in, task, "task", .flags = SCHEMA_REQUIRED),
 *	};
 *	const struct schema stop_task_schema = SCHEMA(struct stop_task_in, stop_task_fields,
 *"StopTaskRequest");
 */
#ifndef COMMON_SCHEMA_H
#define COMMON_SCHEMA_H

#include "common/arena.h"
#include "common/err.h"
#include "common/json.h"

/* How absent differs from false and from 0: all of them are zero bytes when absent. */
enum tri { TRI_UNSET, TRI_FALSE, TRI_TRUE };
struct opt_int {
	bool set;
	int64_t v;
};
struct opt_double {
	bool set;
	double v;
};
struct str_list {
	bool set; /* the member was there, maybe empty */
	size_t n;
	const char **v;
};
struct str_map { /* in the order of the JSON */
	bool set;
	size_t n;
	const char **keys;
	const char **values;
};
/* A list of structs: `LIST_OF(struct key_value) environment;` */
#define LIST_OF(type)                                                                              \
	struct {                                                                                   \
		bool set;                                                                          \
		size_t n;                                                                          \
		type *v;                                                                           \
	}

enum schema_type {
	SCHEMA_STRING,      /* const char *, NULL absent */
	SCHEMA_ENUM,        /* int: index into names[], 0 absent (names[0] is NULL) */
	SCHEMA_BOOL,        /* enum tri */
	SCHEMA_INT,         /* struct opt_int; 32-bit on the wire */
	SCHEMA_LONG,        /* struct opt_int; 64-bit */
	SCHEMA_DOUBLE,      /* struct opt_double */
	SCHEMA_TIME,        /* struct opt_double, epoch seconds */
	SCHEMA_STRUCT,      /* struct X *, NULL absent */
	SCHEMA_LIST_STRING, /* struct str_list */
	SCHEMA_LIST_ENUM,   /* struct str_list whose values are checked against names[] */
	SCHEMA_LIST_INT,    /* struct json_object *, borrowed */
	SCHEMA_LIST_STRUCT, /* LIST_OF(struct X) */
	SCHEMA_MAP_STRING,  /* struct str_map */
	SCHEMA_JSON, /* struct json_object *, borrowed; checked against sub where there is one */
	SCHEMA_BLOB, /* const char *, base64 text, NULL absent; lengths are of the bytes it stands
			for */
	SCHEMA_TYPE_MAX,
};

#define SCHEMA_REQUIRED BIT(0) /* absent or null is an error */
#define SCHEMA_UNBOUND BIT(1)  /* checked, copied and dumped, but bound to nothing */
/* The value is nobody's business (SecretString, a parameter's Value): messages do not repeat it,
 * and whoever records requests (CloudTrail, logs) has to leave it out. */
#define SCHEMA_SECRET BIT(2)

struct schema_field {
	const char *name; /* as on the wire */
	enum schema_type type;
	unsigned flags;
	size_t offset;
	const struct schema *sub; /* SCHEMA_STRUCT, SCHEMA_LIST_STRUCT, SCHEMA_JSON */
	/* Enum values from index 1 on, NULL-terminated. Of a SCHEMA_STRING: only dumped, the
	 * handler refuses others in words of its own. */
	const char *const *names;
	double min, max;         /* value of a number; max 0 with min 0: no limit */
	size_t min_len, max_len; /* bytes of a string, items of a list; max_len 0: no limit */
	size_t item_max_len;     /* bytes of each string of a list */
	const char *chars;       /* which characters a string may have, "a-z" ranges; NULL: all */
	const char
	    *message; /* said instead of the general text when the value is wrong or missing */
	enum err_kind kind; /* said instead of the operation's kind; ERR_NONE: that one */
	bool json_list;     /* SCHEMA_JSON: a list of sub instead of one */
};

struct schema {
	const char *name; /* the shape's name in the service model */
	size_t size;      /* of the bound struct */
	const struct schema_field *fields;
	size_t n;
};

#define SCHEMA(type, table, shape)                                                                 \
	{                                                                                          \
		.name = (shape), .size = sizeof(type), .fields = (table), .n = ARRAY_SIZE(table)   \
	}
/* A shape without members. */
#define SCHEMA_EMPTY(shape)                                                                        \
	{                                                                                          \
		.name = (shape)                                                                    \
	}

/* Offset of a member, and a compile error where the member's type is not `want`. */
#define SCHEMA_AT(s, m, want)                                                                      \
	(offsetof(s, m) +                                                                          \
	    0 * sizeof(                                                                            \
		    char[__builtin_types_compatible_p(__typeof__(((s *)0)->m), want) ? 1 : -1]))
#define SCHEMA_AT_LIST(s, m, elem)                                                                 \
	(offsetof(s, m) +                                                                          \
	    0 * sizeof(char[__builtin_types_compatible_p(__typeof__(*((s *)0)->m.v), elem) ? 1     \
											   : -1]))

/* clang-format off */
#define F_(s, m, want, n_, t, ...)  { .name = (n_), .type = (t), .offset = SCHEMA_AT(s, m, want), ##__VA_ARGS__ }
#define F_STR(s, m, n_, ...)        F_(s, m, const char *, n_, SCHEMA_STRING, ##__VA_ARGS__)
#define F_BLOB(s, m, n_, ...)       F_(s, m, const char *, n_, SCHEMA_BLOB, ##__VA_ARGS__)
#define F_ENUM(s, m, n_, nm, ...)   F_(s, m, int, n_, SCHEMA_ENUM, .names = (nm), ##__VA_ARGS__)
#define F_BOOL(s, m, n_, ...)       F_(s, m, enum tri, n_, SCHEMA_BOOL, ##__VA_ARGS__)
#define F_INT(s, m, n_, ...)        F_(s, m, struct opt_int, n_, SCHEMA_INT, ##__VA_ARGS__)
#define F_LONG(s, m, n_, ...)       F_(s, m, struct opt_int, n_, SCHEMA_LONG, ##__VA_ARGS__)
#define F_DOUBLE(s, m, n_, ...)     F_(s, m, struct opt_double, n_, SCHEMA_DOUBLE, ##__VA_ARGS__)
#define F_TIME(s, m, n_, ...)       F_(s, m, struct opt_double, n_, SCHEMA_TIME, ##__VA_ARGS__)
#define F_STRUCT(s, m, n_, elem, sch, ...) \
	{ .name = (n_), .type = SCHEMA_STRUCT, .offset = SCHEMA_AT(s, m, elem *), .sub = (sch), ##__VA_ARGS__ }
#define F_STRS(s, m, n_, ...)       F_(s, m, struct str_list, n_, SCHEMA_LIST_STRING, ##__VA_ARGS__)
#define F_ENUMS(s, m, n_, nm, ...)  F_(s, m, struct str_list, n_, SCHEMA_LIST_ENUM, .names = (nm), ##__VA_ARGS__)
#define F_INTS(s, m, n_, ...)       F_(s, m, struct json_object *, n_, SCHEMA_LIST_INT, ##__VA_ARGS__)
#define F_LIST(s, m, n_, elem, sch, ...) \
	{ .name = (n_), .type = SCHEMA_LIST_STRUCT, .offset = SCHEMA_AT_LIST(s, m, elem), .sub = (sch), ##__VA_ARGS__ }
#define F_MAP(s, m, n_, ...)        F_(s, m, struct str_map, n_, SCHEMA_MAP_STRING, ##__VA_ARGS__)
/* A structure (or, with .json_list = true, a list of them) that is kept as JSON. */
#define F_JSON(s, m, n_, sch, ...)  F_(s, m, struct json_object *, n_, SCHEMA_JSON, .sub = (sch), ##__VA_ARGS__)
/* A member that is checked but bound to nothing: F_UNBOUND(SCHEMA_STRING, "name", .max_len = 8) */
#define F_UNBOUND(t, n_, ...)       { .name = (n_), .type = (t), .flags = SCHEMA_UNBOUND, ##__VA_ARGS__ }
/* clang-format on */

/* Checks `in` (an object) against `s` and binds it into `out` (s->size bytes, overwritten). Strings
 * and JSON are borrowed from `in`; lists and structs live in `a`. Unknown members are ignored, null
 * counts as absent (ECS, all operations). On failure returns -EINVAL with the JSON path in the text
 * ("containerDefinitions[0].cpu"); the kind is ERR_SERIALIZATION for a wrong JSON type and `bad`
 * (or the row's own) for everything else. `out` may be NULL: then it only checks. */
int schema_bind(const struct schema *s, struct json_object *in, void *out, struct arena *a,
    enum err_kind bad, struct err *e);

/* A new tree with only the members that the table names, in the order of the table, at every depth;
 * nulls left out. The caller owns it. `in` must have passed schema_bind. */
struct json_object *schema_prune(const struct schema *s, struct json_object *in);

/* The table as JSON for --dump-api:
 * {"name":…,"members":[{"name","type","required","enum","min","max", "members"…}]}. The caller owns
 * it. */
struct json_object *schema_dump(const struct schema *s);

/* Index of `value` in an enum name table, 0 where it is not there. */
int schema_enum_index(const char *const *names, const char *value);

#endif
