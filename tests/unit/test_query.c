/* SPDX-License-Identifier: Apache-2.0 */
/* Forms as trees, trees as XML, and the frames of each protocol around them. */
#include "daemon/services/query.h"

#include "daemon/services/protocol.h"
#include "daemon/services/xml.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

/* clang-format off */
static const struct schema_field leaf_fields[] = {
	F_UNBOUND(SCHEMA_STRING, "Key"),
	F_UNBOUND(SCHEMA_INT, "N"),
	F_UNBOUND(SCHEMA_LIST_STRING, "Value"),
};
static const struct schema leaf = { .name = "Leaf", .fields = leaf_fields, .n = ARRAY_SIZE(leaf_fields) };
static const struct schema_field fields[] = {
	{ .name = "Name", .type = SCHEMA_STRING, .flags = SCHEMA_UNBOUND | SCHEMA_REQUIRED },
	F_UNBOUND(SCHEMA_BOOL, "Flag"),
	F_UNBOUND(SCHEMA_INT, "Count"),
	F_UNBOUND(SCHEMA_DOUBLE, "Ratio"),
	F_UNBOUND(SCHEMA_STRUCT, "One", .sub = &leaf),
	F_UNBOUND(SCHEMA_LIST_STRUCT, "Many", .sub = &leaf),
	F_UNBOUND(SCHEMA_LIST_INT, "Numbers"),
	F_UNBOUND(SCHEMA_MAP_STRING, "Map"),
	F_UNBOUND(SCHEMA_JSON, "Any", .sub = &leaf, .json_list = true),
};
static const struct schema input = { .name = "Input", .fields = fields, .n = ARRAY_SIZE(fields) };

static const struct {
	bool ec2;
	const char *form;
	const char *json; /* NULL: refused */
} forms[] = {
	{ false, "", "{}" },
	{ false, "Action=X&Version=1&Name=a+b%2Bc%C3%BC", "{\"Name\":\"a b+cü\"}" },
	{ false, "Name&&&Name=2", "{\"Name\":\"2\"}" },
	{ false, "Name=", "{\"Name\":\"\"}" },
	{ false, "Flag=true&Count=12&Ratio=0.5", "{\"Flag\":true,\"Count\":12,\"Ratio\":0.5}" },
	{ false, "Flag=0&Count=12x&Ratio=nan", "{\"Flag\":false,\"Count\":\"12x\",\"Ratio\":\"nan\"}" },
	{ false, "Flag=maybe&Count=99999999999999999999", "{\"Flag\":\"maybe\",\"Count\":\"99999999999999999999\"}" },
	{ false, "One.Key=k&One.Value.member.2=b&One.Value.member.1=a&One.N=-3", "{\"One\":{\"Key\":\"k\",\"N\":-3,\"Value\":[\"a\",\"b\"]}}" },
	{ false, "Many.member.10.Key=z&Many.member.2.Key=a", "{\"Many\":[{\"Key\":\"a\"},{\"Key\":\"z\"}]}" },
	{ false, "Many=", "{\"Many\":[]}" },
	{ false, "Numbers.member.1=7&Numbers.member.2=x", "{\"Numbers\":[7,\"x\"]}" },
	{ false, "Map.entry.1.key=a&Map.entry.1.value=b&Map.entry.2.key=c", "{\"Map\":{\"a\":\"b\",\"c\":\"\"}}" },
	{ false, "Any.member.1.Key=x", "{\"Any\":[{\"Key\":\"x\"}]}" },
	{ true, "Many.1.Key=f&Many.1.Value.1=x&Many.1.Value.3=y", "{\"Many\":[{\"Key\":\"f\",\"Value\":[\"x\",\"y\"]}]}" },
	{ true, "Numbers.1000=1", "{\"Numbers\":[1]}" },
	{ false, "Unknown.member.9999.x=1", "{}" },

	{ true, "Numbers.1001=1", NULL },
	{ true, "Numbers.0=1", NULL },
	{ true, "Numbers.x=1", NULL },
	{ true, "Numbers.-1=1", NULL },
	{ true, "Many.1.Value.99999999999999999999=1", NULL },
	{ false, "Name=%", NULL },
	{ false, "Name=%4", NULL },
	{ false, "Name=%g0", NULL },
	{ false, "Name=%00", NULL },
	{ false, "Na%00me=1", NULL },
	{ false, "Name=%ff", NULL },
	{ false, "=1", NULL },
	{ false, "...=1", NULL },
	{ false, "a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q=1", NULL },
};
/* clang-format on */

static void
test_forms(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		/* exactly as long as it says, so that a sanitizer sees a read past the end */
		size_t len = strlen(forms[i].form);
		_cleanup_free_ char *form = xmemdup(forms[i].form, len > 0 ? len : 1);
		_cleanup_json_ struct json_object *o = NULL;
		struct err e = { 0 };
		int r = query_parse(&input, forms[i].ec2, form, len, &o, &e);

		if (r == 0 && forms[i].json != NULL && strcmp(json_print(o), forms[i].json) == 0)
			continue;
		if (r < 0 && forms[i].json == NULL && strcmp(e.code, "MalformedQueryString") == 0)
			continue;
		fail_msg("form %zu: %d %s", i, r, r == 0 ? json_print(o) : e.text);
	}
}

static void
test_too_many(void **state)
{
	char form[QUERY_PARAMETERS_MAX * 8 + 16] = "";
	size_t len = 0;
	struct json_object *o = NULL;
	struct err e = { 0 };

	(void)state;
	for (int i = 0; i < QUERY_PARAMETERS_MAX; i++)
		len += (size_t)snprintf(form + len, sizeof(form) - len, "a%d=&", i);
	assert_int_equal(query_parse(&input, false, form, len, &o, &e), 0);
	json_object_put(o);
	(void)snprintf(form + len, sizeof(form) - len, "a=&");
	assert_true(query_parse(&input, false, form, len + 3, &o, &e) < 0);
	assert_true(query_parse(&input, false, "a=b\0c", 5, &o, &e) < 0);
}

static void
test_missing_parameter(void **state)
{
	struct json_object *o = NULL;
	struct err e = { 0 };

	(void)state;
	assert_true(protocol_read(WIRE_EC2, &input, "Flag=1", 6, &o, &e) < 0);
	assert_string_equal(protocol_error_code(WIRE_EC2, &e), "MissingParameter");
	assert_string_equal(e.text, "The request must contain the parameter Name");
}

static void
test_xml(void **state)
{
	static const char json[] = "{\"a\":\"<&>\\\"'\",\"list\":[\"x\",{\"y\":1}],\"none\":[],"
				   "\"empty\":\"\",\"no\":false,\"null\":null,\"d\":1.5,\"o\":{}}";
	_cleanup_json_ struct json_object *o = NULL;
	_cleanup_(xml_done) struct xml x = { 0 };

	(void)state;
	assert_int_equal(json_parse(json, strlen(json), &o, NULL), 0);
	xml_members(&x, o, "item");
	assert_string_equal(x.text,
	    "<a>&lt;&amp;&gt;&quot;'</a><list><item>x</item><item><y>1</y></item></list><none/>"
	    "<empty/><no>false</no><d>1.5</d><o/>");
	xml_done(&x);
	xml_text(&x, "\x01\r\n\t");
	assert_string_equal(x.text, "\xef\xbf\xbd&#xD;\n\t");
}

static void
test_frames(void **state)
{
	struct protocol_frame f = {
		.wire = WIRE_QUERY, .operation = "Do", .xmlns = "urn:x", .request_id = "id"
	};
	_cleanup_json_ struct json_object *o = json_object_new_object();
	char *text;

	(void)state;
	json_add_str(o, "K", "v");
	text = protocol_print(&f, o);
	assert_string_equal(text,
	    "<DoResponse xmlns=\"urn:x\"><DoResult><K>v</K></DoResult><ResponseMetadata><RequestId>"
	    "id</RequestId></ResponseMetadata></DoResponse>\n");
	free(text);
	f.no_result = true;
	text = protocol_print(&f, o);
	assert_null(strstr(text, "DoResult"));
	free(text);
	f.wire = WIRE_EC2;
	text = protocol_print(&f, o);
	assert_non_null(
	    strstr(text, "<DoResponse xmlns=\"urn:x\"><requestId>id</requestId><K>v</K></Do"));
	free(text);
	f.wire = WIRE_JSON;
	text = protocol_print(&f, o);
	assert_string_equal(text, "{\"K\":\"v\"}");
	free(text);
	text = protocol_print_error(WIRE_QUERY, 500, "C", "a<b", "id", NULL);
	assert_non_null(strstr(text, "<Type>Receiver</Type><Code>C</Code><Message>a&lt;b</"));
	free(text);
	text = protocol_print_error(WIRE_JSON, 400, "C", "a<b", "id", o);
	assert_string_equal(text, "{\"__type\":\"C\",\"message\":\"a<b\",\"K\":\"v\"}");
	free(text);
}

static void
test_codes(void **state)
{
	struct err e = { 0 };

	(void)state;
	(void)err_set(&e, ERR_INVALID_PARAMETER, "x");
	assert_string_equal(protocol_error_code(WIRE_JSON, &e), "InvalidParameterException");
	assert_string_equal(protocol_error_code(WIRE_QUERY, &e), "ValidationError");
	assert_string_equal(protocol_error_code(WIRE_EC2, &e), "InvalidParameterValue");
	assert_int_equal(err_set_code(&e, 404, "NoSuchEntity", "%d", 1), -22);
	assert_string_equal(protocol_error_code(WIRE_JSON, &e), "NoSuchEntity");
	assert_int_equal(protocol_error_status(WIRE_QUERY, &e), 404);
	assert_string_equal(e.text, "1");
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_too_many),
		cmocka_unit_test(test_missing_parameter),
		cmocka_unit_test(test_xml),
		cmocka_unit_test(test_frames),
		cmocka_unit_test(test_codes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
