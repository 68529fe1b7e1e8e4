/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The frames of each wire protocol around what query.c reads and xml.c prints (see protocol.h).
 */
#include "daemon/services/protocol.h"

#include "daemon/services/query.h"
#include "daemon/services/xml.h"

#include <string.h>

static const char xml_head[] = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";

/* clang-format off */
static const char *const content_types[WIRE_MAX] = {
	[WIRE_JSON]     = "application/x-amz-json-1.1",
	[WIRE_QUERY]    = "text/xml",
	[WIRE_EC2]      = "text/xml;charset=UTF-8",
	[WIRE_REST_XML] = "application/xml",
};

/* What the kinds of our own path (validation, dispatch, faults) are called where codes have no "Exception". All other
 * kinds are ECS's and never meet these wires. */
static const struct {
	enum err_kind kind;
	const char *query;
	const char *ec2;
	int status;
} codes[] = {
	{ ERR_SERVER,                 "InternalFailure",            "InternalError",         500 },
	{ ERR_INVALID_PARAMETER,      "ValidationError",            "InvalidParameterValue", 400 },
	{ ERR_SERIALIZATION,          "ValidationError",            "InvalidParameterValue", 400 },
	{ ERR_UNKNOWN_OPERATION,      "InvalidAction",              "InvalidAction",         400 },
	{ ERR_NOT_AVAILABLE,          "UnsupportedOperation",       "UnsupportedOperation",  400 },
	{ ERR_ACCESS_DENIED,          "AccessDenied",               "UnauthorizedOperation", 403 },
	{ ERR_THROTTLING,             "Throttling",                 "RequestLimitExceeded",  400 },
};
/* clang-format on */

const char *
protocol_content_type(enum wire wire)
{
	return content_types[(unsigned)wire < WIRE_MAX ? wire : WIRE_JSON];
}

/* EC2 has a code of its own for what is missing; schema_bind sees to deeper members. */
static int
check_present(const struct schema *input, struct json_object *in, struct err *e)
{
	for (size_t i = 0; i < input->n; i++)
		if ((input->fields[i].flags & SCHEMA_REQUIRED) != 0 &&
		    json_get(in, input->fields[i].name) == NULL)
			return err_set_code(e, 400, "MissingParameter",
			    "The request must contain the parameter %s", input->fields[i].name);
	return 0;
}

static int
read_json(const char *body, size_t len, struct json_object **ret, struct err *e)
{
	_cleanup_json_ struct json_object *o = NULL;
	struct err why = { 0 };

	if (len == 0)
		o = json_object_new_object();
	else if (json_parse(body, len, &o, &why) < 0)
		return err_set(e, ERR_SERIALIZATION, "The request body is %s.", why.text);
	if (!json_object_is_type(o, json_type_object))
		return err_set(e, ERR_SERIALIZATION, "The request body must be a JSON object.");
	*ret = TAKE(o);
	return 0;
}

int
protocol_read(enum wire wire, const struct schema *input, const char *body, size_t len,
    struct json_object **ret, struct err *e)
{
	struct json_object *o = NULL;
	int r;

	if (wire != WIRE_QUERY && wire != WIRE_EC2)
		return read_json(body, len, ret, e);
	r = query_parse(input, wire == WIRE_EC2, body, len, &o, e);
	if (r == 0 && wire == WIRE_EC2 && input != NULL)
		r = check_present(input, o, e);
	if (r < 0)
		json_object_put(o);
	else
		*ret = o;
	return r;
}

static void
open_element(struct xml *x, const char *operation, const char *kind, const char *xmlns)
{
	xml_markup(x, "<");
	xml_markup(x, operation);
	xml_markup(x, kind);
	if (xmlns != NULL) {
		xml_markup(x, " xmlns=\"");
		xml_markup(x, xmlns);
		xml_markup(x, "\"");
	}
	xml_markup(x, ">");
}

static void
close_element(struct xml *x, const char *operation, const char *kind)
{
	xml_markup(x, "</");
	xml_markup(x, operation);
	xml_markup(x, kind);
	xml_markup(x, ">");
}

static void
text_element(struct xml *x, const char *name, const char *text)
{
	open_element(x, name, "", NULL);
	xml_text(x, text);
	close_element(x, name, "");
}

char *
protocol_print(const struct protocol_frame *f, struct json_object *out)
{
	bool ec2 = f->wire == WIRE_EC2;
	struct xml x = { 0 };

	if (f->wire != WIRE_QUERY && !ec2)
		return xstrdup(json_print(out));
	if (ec2)
		xml_markup(&x, xml_head);
	open_element(&x, f->operation, "Response", f->xmlns);
	if (ec2) {
		text_element(&x, "requestId", f->request_id);
		xml_members(&x, out, "item");
	} else {
		if (!f->no_result) {
			open_element(&x, f->operation, "Result", NULL);
			xml_members(&x, out, "member");
			close_element(&x, f->operation, "Result");
		}
		xml_markup(&x, "<ResponseMetadata>");
		text_element(&x, "RequestId", f->request_id);
		xml_markup(&x, "</ResponseMetadata>");
	}
	close_element(&x, f->operation, "Response");
	xml_markup(&x, "\n");
	return x.text;
}

const char *
protocol_error_code(enum wire wire, const struct err *e)
{
	if (e->kind == ERR_CODED)
		return e->code;
	if (wire != WIRE_JSON)
		for (size_t i = 0; i < ARRAY_SIZE(codes); i++)
			if (codes[i].kind == e->kind)
				return wire == WIRE_EC2 ? codes[i].ec2 : codes[i].query;
	return err_type(e->kind);
}

int
protocol_error_status(enum wire wire, const struct err *e)
{
	if (e->kind == ERR_CODED)
		return e->http_status;
	if (wire != WIRE_JSON)
		for (size_t i = 0; i < ARRAY_SIZE(codes); i++)
			if (codes[i].kind == e->kind)
				return codes[i].status;
	return err_http_status(e->kind);
}

static char *
print_json_error(const char *code, const char *message, struct json_object *members)
{
	_cleanup_json_ struct json_object *o = json_object_new_object();

	json_add_str(o, "__type", code);
	json_add_str(o, "message", message);
	if (members != NULL) {
		json_object_object_foreach(members, key, v) json_add(o, key, json_object_get(v));
	}
	return xstrdup(json_print(o));
}

char *
protocol_print_error(enum wire wire, int status, const char *code, const char *message,
    const char *request_id, struct json_object *members)
{
	struct xml x = { 0 };

	if (wire != WIRE_QUERY && wire != WIRE_EC2 && wire != WIRE_REST_XML)
		return print_json_error(code, message, members);
	xml_markup(&x, xml_head);
	if (wire == WIRE_QUERY) {
		xml_markup(&x, "<ErrorResponse><Error>");
		text_element(&x, "Type", status >= 500 ? "Receiver" : "Sender");
	} else {
		xml_markup(&x, wire == WIRE_EC2 ? "<Response><Errors><Error>" : "<Error>");
	}
	text_element(&x, "Code", code);
	text_element(&x, "Message", message);
	if (wire == WIRE_REST_XML) {
		text_element(&x, "RequestId", request_id);
		xml_markup(&x, "</Error>");
	} else if (wire == WIRE_EC2) {
		xml_markup(&x, "</Error></Errors>");
		text_element(&x, "RequestID", request_id);
		xml_markup(&x, "</Response>");
	} else {
		xml_markup(&x, "</Error>");
		text_element(&x, "RequestId", request_id);
		xml_markup(&x, "</ErrorResponse>");
	}
	xml_markup(&x, "\n");
	return x.text;
}
