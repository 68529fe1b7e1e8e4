/* SPDX-License-Identifier: Apache-2.0 */
/*
 * schema.h: binding of every type, every way to be wrong, pruning, printing.
 */
#include "common/schema.h"

#include <errno.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static const char *const colour_names[] = { NULL, "RED", "GREEN", NULL };

struct leaf {
	const char *name;
	struct opt_int n;
};

static const struct schema_field leaf_fields[] = {
	F_STR(struct leaf, name, "name", .flags = SCHEMA_REQUIRED),
	F_INT(struct leaf, n, "n"),
};
static const struct schema leaf_schema = SCHEMA(struct leaf, leaf_fields, "Leaf");

struct all {
	const char *str;
	int colour;
	enum tri flag;
	struct opt_int small;
	struct opt_int large;
	struct opt_double real;
	struct opt_double when;
	struct leaf *one;
	struct str_list strs;
	struct str_list colours;
	struct json_object *ints;
	LIST_OF(struct leaf) leaves;
	struct str_map map;
	struct json_object *doc;
	struct json_object *docs;
	struct json_object *any;
};

static const struct schema_field all_fields[] = {
	F_STR(struct all, str, "str", .min_len = 2, .max_len = 5, .chars = "a-c_-"),
	F_ENUM(struct all, colour, "colour", colour_names),
	F_BOOL(struct all, flag, "flag"),
	F_INT(struct all, small, "small", .min = 1, .max = 10),
	F_LONG(struct all, large, "large"),
	F_DOUBLE(struct all, real, "real", .min = 0, .max = 1),
	F_TIME(struct all, when, "when"),
	F_STRUCT(struct all, one, "one", struct leaf, &leaf_schema),
	F_STRS(struct all, strs, "strs", .min_len = 1, .max_len = 3, .item_max_len = 4),
	F_ENUMS(struct all, colours, "colours", colour_names),
	F_INTS(struct all, ints, "ints", .min = 1, .max = 65535),
	F_LIST(struct all, leaves, "leaves", struct leaf, &leaf_schema),
	F_MAP(struct all, map, "map", .item_max_len = 3),
	F_JSON(struct all, doc, "doc", &leaf_schema),
	F_JSON(struct all, docs, "docs", &leaf_schema, .json_list = true, .max_len = 2),
	F_JSON(struct all, any, "any", NULL),
	F_UNBOUND(SCHEMA_STRING, "ghost", .max_len = 3),
	F_UNBOUND(SCHEMA_LIST_STRUCT, "ghosts", .sub = &leaf_schema),
	F_UNBOUND(SCHEMA_LIST_STRING, "ghostStrs"),
};
static const struct schema all_schema = SCHEMA(struct all, all_fields, "All");

struct strict {
	const char *id;
	struct opt_int n;
	int colour;
};

static const struct schema_field strict_fields[] = {
	F_STR(struct strict, id, "id", .flags = SCHEMA_REQUIRED, .max_len = 3, .message = "Bad id.",
	    .kind = ERR_CLIENT),
	F_INT(struct strict, n, "n", .min = 3, .kind = ERR_LIMIT_EXCEEDED),
	F_ENUM(struct strict, colour, "colour", colour_names, .message = "Bad colour."),
};
static const struct schema strict_schema = SCHEMA(struct strict, strict_fields, "Strict");

/* A shape within itself, as StrategyOption-like shapes of service models may be. */
static const struct schema node_schema;
static const struct schema_field node_fields[] = {
	{ .name = "name", .type = SCHEMA_STRING, .flags = SCHEMA_UNBOUND | SCHEMA_REQUIRED },
	F_UNBOUND(SCHEMA_LIST_STRUCT, "children", .sub = &node_schema),
};
static const struct schema node_schema = {
	.name = "Node", .fields = node_fields, .n = ARRAY_SIZE(node_fields)
};

static struct json_object *
parse(const char *text)
{
	struct json_object *o = NULL;
	struct err e = { 0 };

	if (json_parse(text, strlen(text), &o, &e) < 0)
		fail_msg("%s: %s", text, e.text);
	return o;
}

static void
refuse(const struct schema *s, const char *text, enum err_kind kind, const char *message)
{
	_cleanup_arena_ struct arena a = { 0 };
	_cleanup_json_ struct json_object *in = parse(text);
	char out[1024];
	struct err e = { 0 };

	assert_true(s->size <= sizeof(out));
	assert_int_equal(schema_bind(s, in, out, &a, ERR_INVALID_PARAMETER, &e), -EINVAL);
	if (e.kind != kind || strcmp(e.text, message) != 0)
		fail_msg("%s: %s: %s", text, err_type(e.kind), e.text);
	/* Only checking says the same. */
	e.text[0] = '\0';
	assert_int_equal(schema_bind(s, in, NULL, NULL, ERR_INVALID_PARAMETER, &e), -EINVAL);
	assert_string_equal(e.text, message);
}

static void
bind(const struct schema *s, struct json_object *in, void *out, struct arena *a)
{
	struct err e = { 0 };

	if (schema_bind(s, in, out, a, ERR_INVALID_PARAMETER, &e) != 0)
		fail_msg("%s: %s", json_print(in), e.text);
	assert_int_equal(schema_bind(s, in, NULL, NULL, ERR_INVALID_PARAMETER, &e), 0);
}

static void
test_binds_everything(void **state)
{
	_cleanup_arena_ struct arena a = { 0 };
	_cleanup_json_ struct json_object *in =
	    parse("{\"str\":\"ab-_\",\"colour\":\"GREEN\",\"flag\":false,\"small\":10,\"large\":"
		  "9223372036854775807,"
		  "\"real\":0.5,\"when\":1703691100.123,\"one\":{\"name\":\"x\",\"n\":1},\"strs\":["
		  "\"a\",\"b\"],"
		  "\"colours\":[\"RED\",\"GREEN\"],\"ints\":[1,65535],\"leaves\":[{\"name\":\"p\"},"
		  "{\"name\":\"q\",\"n\":2}],"
		  "\"map\":{\"z\":\"1\",\"a\":\"2\"},\"doc\":{\"name\":\"d\"},\"docs\":[{\"name\":"
		  "\"e\"}],\"any\":[1],"
		  "\"ghost\":\"boo\",\"ghosts\":[{\"name\":\"g\"}],\"ghostStrs\":[\"x\"],"
		  "\"unknown\":{\"deep\":[1]}}");
	struct all v;

	(void)state;
	memset(&v, 0xff, sizeof(v));
	bind(&all_schema, in, &v, &a);
	assert_string_equal(v.str, "ab-_");
	assert_int_equal(v.colour, 2);
	assert_int_equal(v.flag, TRI_FALSE);
	assert_true(v.small.set && v.small.v == 10);
	assert_true(v.large.set && v.large.v == INT64_MAX);
	assert_true(v.real.set && v.real.v == 0.5);
	assert_true(v.when.set && v.when.v > 1703691100.1229 && v.when.v < 1703691100.1231);
	assert_string_equal(v.one->name, "x");
	assert_true(v.one->n.set && v.one->n.v == 1);
	assert_true(v.strs.set);
	assert_int_equal(v.strs.n, 2);
	assert_string_equal(v.strs.v[1], "b");
	assert_string_equal(v.colours.v[1], "GREEN");
	assert_int_equal(json_object_array_length(v.ints), 2);
	assert_true(v.leaves.set);
	assert_int_equal(v.leaves.n, 2);
	assert_string_equal(v.leaves.v[1].name, "q");
	assert_true(v.leaves.v[1].n.set && !v.leaves.v[0].n.set);
	assert_int_equal(v.map.n, 2);
	assert_string_equal(v.map.keys[0], "z");
	assert_string_equal(v.map.values[1], "2");
	assert_string_equal(json_get_str(v.doc, "name"), "d");
	assert_int_equal(json_object_array_length(v.docs), 1);
	assert_non_null(v.any);
}

static void
test_absent_and_null(void **state)
{
	static const char *const texts[] = {
		"{}",
		"{\"str\":null,\"colour\":null,\"flag\":null,\"small\":null,\"one\":null,\"strs\":"
		"null,\"leaves\":null,"
		"\"map\":null,\"doc\":null,\"docs\":null,\"any\":null,\"ghost\":null}",
	};
	struct all zero;

	(void)state;
	memset(&zero, 0, sizeof(zero));
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		_cleanup_arena_ struct arena a = { 0 };
		_cleanup_json_ struct json_object *in = parse(texts[i]);
		struct all v;

		memset(&v, 0xff, sizeof(v));
		bind(&all_schema, in, &v, &a);
		assert_memory_equal(&v, &zero, sizeof(v));
	}
}

static void
test_empty_is_not_absent(void **state)
{
	_cleanup_arena_ struct arena a = { 0 };
	_cleanup_json_ struct json_object *in =
	    parse("{\"colours\":[],\"leaves\":[],\"map\":{},\"small\":1.0,"
		  "\"large\":-2.0,\"map\":{\"a\":null}}");
	struct all v;

	(void)state;
	bind(&all_schema, in, &v, &a);
	assert_true(v.colours.set && v.colours.n == 0);
	assert_true(v.leaves.set && v.leaves.n == 0);
	assert_true(v.map.set && v.map.n == 0);
	assert_int_equal(v.small.v, 1);
	assert_int_equal(v.large.v, -2);
	assert_false(v.strs.set);
}

static void
test_wrong_types(void **state)
{
	static const struct {
		const char *text, *message;
	} rows[] = {
		{ "{\"str\":1}", "Expected a string at 'str'." },
		{ "{\"colour\":1}", "Expected a string at 'colour'." },
		{ "{\"flag\":\"true\"}", "Expected a boolean at 'flag'." },
		{ "{\"flag\":1}", "Expected a boolean at 'flag'." },
		{ "{\"small\":\"1\"}", "Expected an integer at 'small'." },
		{ "{\"small\":1.5}", "Expected an integer at 'small'." },
		{ "{\"small\":2147483648}", "Expected an integer of at most 32 bits at 'small'." },
		{ "{\"small\":-2147483649}", "Expected an integer of at most 32 bits at 'small'." },
		{ "{\"large\":9223372036854775808}",
		    "Expected an integer of at most 64 bits at 'large'." },
		{ "{\"large\":1e300}", "Expected an integer of fewer digits at 'large'." },
		{ "{\"real\":\"x\"}", "Expected a number at 'real'." },
		{ "{\"when\":\"2024-01-01\"}", "Expected a timestamp in seconds at 'when'." },
		{ "{\"one\":[]}", "Expected an object at 'one'." },
		{ "{\"one\":{\"name\":[]}}", "Expected a string at 'one.name'." },
		{ "{\"strs\":\"a\"}", "Expected a list at 'strs'." },
		{ "{\"strs\":[\"a\",1]}", "Expected a string at 'strs[1]'." },
		{ "{\"strs\":[null]}", "Expected a string at 'strs[0]'." },
		{ "{\"ints\":[1,\"2\"]}", "Expected an integer at 'ints[1]'." },
		{ "{\"ints\":{}}", "Expected a list at 'ints'." },
		{ "{\"leaves\":{}}", "Expected a list at 'leaves'." },
		{ "{\"leaves\":[null]}", "Expected an object at 'leaves[0]'." },
		{ "{\"leaves\":[{\"name\":\"a\"},{\"name\":2}]}",
		    "Expected a string at 'leaves[1].name'." },
		{ "{\"map\":[]}", "Expected an object at 'map'." },
		{ "{\"map\":{\"k\":1}}", "Expected a string at 'map.k'." },
		{ "{\"doc\":[]}", "Expected an object at 'doc'." },
		{ "{\"doc\":{\"name\":1}}", "Expected a string at 'doc.name'." },
		{ "{\"docs\":{}}", "Expected a list at 'docs'." },
		{ "{\"docs\":[1]}", "Expected an object at 'docs[0]'." },
		{ "{\"docs\":[{\"name\":\"a\",\"n\":\"b\"}]}",
		    "Expected an integer at 'docs[0].n'." },
		{ "{\"any\":\"x\"}", "Expected an object or a list at 'any'." },
		{ "{\"ghost\":1}", "Expected a string at 'ghost'." },
		{ "{\"ghosts\":[{\"name\":1}]}", "Expected a string at 'ghosts[0].name'." },
		{ "{\"ghostStrs\":[1]}", "Expected a string at 'ghostStrs[0]'." },
		{ "[]", "Expected an object." },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		refuse(&all_schema, rows[i].text, ERR_SERIALIZATION, rows[i].message);
}

#define CORAL(value, path, must)                                                                   \
	"1 validation error detected: Value " value " at '" path                                   \
	"' failed to satisfy constraint: Member must " must

static void
test_wrong_values(void **state)
{
	static const struct {
		const char *text, *message;
	} rows[] = {
		{ "{\"str\":\"a\"}",
		    CORAL("'a'", "str", "have length greater than or equal to 2") },
		{ "{\"str\":\"aaaaaa\"}",
		    CORAL("'aaaaaa'", "str", "have length less than or equal to 5") },
		{ "{\"str\":\"abd\"}",
		    CORAL("'abd'", "str", "satisfy regular expression pattern: [a-c_-]+") },
		{ "{\"colour\":\"BLUE\"}",
		    CORAL("'BLUE'", "colour", "satisfy enum value set: [RED, GREEN]") },
		{ "{\"colour\":\"red\"}",
		    CORAL("'red'", "colour", "satisfy enum value set: [RED, GREEN]") },
		{ "{\"colours\":[\"RED\",\"\"]}",
		    CORAL("''", "colours[1]", "satisfy enum value set: [RED, GREEN]") },
		{ "{\"small\":0}", CORAL("'0'", "small", "have value greater than or equal to 1") },
		{ "{\"small\":11}", CORAL("'11'", "small", "have value less than or equal to 10") },
		{ "{\"real\":1.5}", CORAL("'1.5'", "real", "have value less than or equal to 1") },
		{ "{\"ints\":[0]}",
		    CORAL("'0'", "ints[0]", "have value greater than or equal to 1") },
		{ "{\"ints\":[65536]}",
		    CORAL("'65536'", "ints[0]", "have value less than or equal to 65535") },
		{ "{\"strs\":[]}",
		    CORAL("'[]'", "strs", "have length greater than or equal to 1") },
		{ "{\"strs\":[\"a\",\"b\",\"c\",\"d\"]}",
		    CORAL("'[\"a\",\"b\",\"c\",\"d\"]'", "strs",
			"have length less than or equal to 3") },
		{ "{\"strs\":[\"abcde\"]}",
		    CORAL("'abcde'", "strs[0]", "have length less than or equal to 4") },
		{ "{\"map\":{\"k\":\"long\"}}",
		    CORAL("'long'", "map.k", "have length less than or equal to 3") },
		{ "{\"one\":{}}", CORAL("null", "one.name", "not be null") },
		{ "{\"leaves\":[{\"name\":null}]}",
		    CORAL("null", "leaves[0].name", "not be null") },
		{ "{\"ghost\":\"long\"}",
		    CORAL("'long'", "ghost", "have length less than or equal to 3") },
		{ "{\"docs\":[{},{},{}]}",
		    CORAL("'[{},{},{}]'", "docs", "have length less than or equal to 2") },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		refuse(&all_schema, rows[i].text, ERR_INVALID_PARAMETER, rows[i].message);
}

static void
test_own_words(void **state)
{
	(void)state;
	refuse(&strict_schema, "{}", ERR_CLIENT, "Bad id.");
	refuse(&strict_schema, "{\"id\":null}", ERR_CLIENT, "Bad id.");
	refuse(&strict_schema, "{\"id\":\"long\"}", ERR_CLIENT, "Bad id.");
	refuse(&strict_schema, "{\"id\":1}", ERR_SERIALIZATION, "Expected a string at 'id'.");
	refuse(&strict_schema, "{\"id\":\"a\",\"n\":2}", ERR_LIMIT_EXCEEDED,
	    CORAL("'2'", "n", "have value greater than or equal to 3"));
	refuse(&strict_schema, "{\"id\":\"a\",\"colour\":\"x\"}", ERR_INVALID_PARAMETER,
	    "Bad colour.");
}

static void
test_echo_is_short_and_whole(void **state)
{
	_cleanup_json_ struct json_object *in = json_object_new_object();
	char text[4096] = "x";
	struct err e = { 0 };

	(void)state;
	for (size_t i = 1; i + 3 < sizeof(text); i += 2)
		memcpy(text + i, "\xc3\xa9", 3);
	json_add_str(in, "colour", text);
	assert_true(schema_bind(&all_schema, in, NULL, NULL, ERR_CLIENT, &e) < 0);
	assert_true(strlen(e.text) < 300);
	/* 1 + 49 * 2 = 99: the fiftieth does not fit. */
	assert_non_null(strstr(e.text, "\xc3\xa9...' at 'colour'"));
	assert_int_equal(strlen(strchr(e.text, '\'')) - strlen(strstr(e.text, "...'")), 100);
}

/* A secret is not repeated, however wrong it is, and the dump says which members are secrets. */
static void
test_secret_is_not_echoed(void **state)
{
	struct secret_in {
		const char *word;
	};
	static const struct schema_field fields[] = {
		F_STR(struct secret_in, word, "Word", .flags = SCHEMA_SECRET, .max_len = 8),
	};
	static const struct schema schema = SCHEMA(struct secret_in, fields, "SecretIn");
	_cleanup_json_ struct json_object *in = json_object_new_object();
	_cleanup_json_ struct json_object *dump = schema_dump(&schema);
	struct err e = { 0 };

	(void)state;
	json_add_str(in, "Word", "swordfish-and-more");
	assert_true(schema_bind(&schema, in, NULL, NULL, ERR_CLIENT, &e) < 0);
	assert_null(strstr(e.text, "swordfish"));
	assert_non_null(strstr(e.text, "'***' at 'word'"));
	assert_non_null(strstr(json_print(dump), "\"secret\":true"));
}

/* Lengths of a blob are those of the bytes, not of their base64. */
static void
test_blobs(void **state)
{
	struct blob_in {
		const char *blob;
	};
	static const struct schema_field fields[] = {
		F_BLOB(struct blob_in, blob, "Blob", .min_len = 1, .max_len = 4),
	};
	static const struct schema schema = SCHEMA(struct blob_in, fields, "BlobIn");
	static const struct {
		const char *text;
		enum err_kind kind; /* ERR_NONE: it is taken */
	} cases[] = {
		{ "AA==", ERR_NONE },
		{ "AAA=", ERR_NONE },
		{ "+/09", ERR_NONE },
		{ "AAAAAA==", ERR_NONE },
		{ "AAAAAAA=", ERR_CLIENT },
		{ "", ERR_CLIENT },
		{ "A", ERR_SERIALIZATION },
		{ "A===", ERR_SERIALIZATION },
		{ "=AAA", ERR_SERIALIZATION },
		{ "AA=A", ERR_SERIALIZATION },
		{ "AA-_", ERR_SERIALIZATION },
		{ "AA\nA", ERR_SERIALIZATION },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_json_ struct json_object *in = json_object_new_object();
		struct blob_in out = { 0 };
		struct err e = { 0 };

		json_add_str(in, "Blob", cases[i].text);
		assert_int_equal(schema_bind(&schema, in, &out, NULL, ERR_CLIENT, &e) == 0,
		    cases[i].kind == ERR_NONE);
		assert_int_equal(e.kind, cases[i].kind);
		if (cases[i].kind == ERR_NONE)
			assert_string_equal(out.blob, cases[i].text);
	}
}

static void
test_absurd_sizes(void **state)
{
	_cleanup_arena_ struct arena a = { 0 };
	_cleanup_json_ struct json_object *in = json_object_new_object();
	struct json_object *list = json_object_new_array();
	struct err e = { 0 };
	struct all v;

	(void)state;
	for (int i = 0; i < 1000000; i++)
		json_object_array_add(list, NULL);
	json_add(in, "leaves", list);
	assert_true(schema_bind(&all_schema, in, &v, &a, ERR_CLIENT, &e) < 0);
	assert_string_equal(e.text, "The request has too many list items.");
}

static void
test_prune(void **state)
{
	_cleanup_json_ struct json_object *in =
	    parse("{\"x\":1,\"docs\":[{\"n\":1,\"name\":\"a\",\"y\":2}],\"one\":{\"y\":1,\"name\":"
		  "\"b\",\"n\":null},"
		  "\"str\":\"ab\",\"flag\":null,\"any\":{\"kept\":[null,1]},\"map\":{\"b\":\"1\","
		  "\"a\":\"2\"},"
		  "\"real\":0.10,\"leaves\":[],\"ghosts\":[{\"name\":\"g\",\"z\":1}]}");
	_cleanup_json_ struct json_object *out = schema_prune(&all_schema, in);

	(void)state;
	assert_string_equal(json_print(out),
	    "{\"str\":\"ab\",\"real\":0.10,\"one\":{\"name\":\"b\"},\"leaves\":[],\"map\":{\"b\":"
	    "\"1\",\"a\":\"2\"},"
	    "\"docs\":[{\"name\":\"a\",\"n\":1}],\"any\":{\"kept\":[null,1]},\"ghosts\":[{\"name\":"
	    "\"g\"}]}");
}

static void
test_recursive_shape(void **state)
{
	_cleanup_json_ struct json_object *dump = schema_dump(&node_schema);
	_cleanup_json_ struct json_object *in = parse(
	    "{\"name\":\"a\",\"children\":[{\"name\":\"b\",\"children\":[{\"name\":\"c\"}]}]}");
	_cleanup_json_ struct json_object *bad =
	    parse("{\"name\":\"a\",\"children\":[{\"name\":\"b\",\"children\":[{}]}]}");
	struct err e = { 0 };

	(void)state;
	assert_string_equal(json_print(dump), "{\"name\":\"Node\",\"members\":[{\"name\":\"name\","
					      "\"type\":\"string\",\"required\":true},"
					      "{\"name\":\"children\",\"type\":\"list\",\"item\":"
					      "\"structure\",\"required\":false,\"shape\":\"Node\","
					      "\"recursive\":true}]}");
	assert_int_equal(schema_bind(&node_schema, in, NULL, NULL, ERR_CLIENT, &e), 0);
	assert_true(schema_bind(&node_schema, bad, NULL, NULL, ERR_CLIENT, &e) < 0);
	assert_string_equal(e.text, CORAL("null", "children[0].children[0].name", "not be null"));
}

static void
test_dump(void **state)
{
	_cleanup_json_ struct json_object *dump = schema_dump(&all_schema);
	struct json_object *members = json_get(dump, "members");
	struct json_object *m;

	(void)state;
	assert_int_equal(json_object_array_length(members), ARRAY_SIZE(all_fields));
	assert_string_equal(json_print(json_object_array_get_idx(members, 0)),
	    "{\"name\":\"str\",\"type\":\"string\",\"required\":false,\"minLength\":2,"
	    "\"maxLength\":5,"
	    "\"chars\":\"a-c_-\"}");
	assert_string_equal(json_print(json_object_array_get_idx(members, 1)),
	    "{\"name\":\"colour\",\"type\":\"string\",\"required\":false,\"enum\":[\"RED\","
	    "\"GREEN\"]}");
	m = json_object_array_get_idx(members, 14);
	assert_string_equal(json_get_str(m, "type"), "list");
	assert_string_equal(json_get_str(m, "shape"), "Leaf");
	assert_int_equal(json_object_array_length(json_get(m, "members")), 2);
}

static void
test_empty_shape(void **state)
{
	static const struct schema empty = SCHEMA_EMPTY("Empty");
	_cleanup_json_ struct json_object *in = parse("{\"x\":1}");
	_cleanup_json_ struct json_object *out = schema_prune(&empty, in);
	struct err e = { 0 };

	(void)state;
	assert_int_equal(schema_bind(&empty, in, NULL, NULL, ERR_CLIENT, &e), 0);
	assert_string_equal(json_print(out), "{}");
}

static void
test_enum_index(void **state)
{
	(void)state;
	assert_int_equal(schema_enum_index(colour_names, "RED"), 1);
	assert_int_equal(schema_enum_index(colour_names, "GREEN"), 2);
	assert_int_equal(schema_enum_index(colour_names, ""), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_binds_everything),
		cmocka_unit_test(test_absent_and_null),
		cmocka_unit_test(test_empty_is_not_absent),
		cmocka_unit_test(test_wrong_types),
		cmocka_unit_test(test_wrong_values),
		cmocka_unit_test(test_own_words),
		cmocka_unit_test(test_echo_is_short_and_whole),
		cmocka_unit_test(test_secret_is_not_echoed),
		cmocka_unit_test(test_blobs),
		cmocka_unit_test(test_absurd_sizes),
		cmocka_unit_test(test_prune),
		cmocka_unit_test(test_recursive_shape),
		cmocka_unit_test(test_dump),
		cmocka_unit_test(test_empty_shape),
		cmocka_unit_test(test_enum_index),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
