/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prints JSON trees as XML (see xml.h). Names of elements come from our own handlers, texts from
 * anybody: only the latter are escaped.
 */
#include "daemon/services/xml.h"

#include <string.h>

static void
add(struct xml *x, const char *bytes, size_t n)
{
	if (x->len + n + 1 > x->size) {
		x->size = 2 * (x->len + n + 1);
		x->text = xrealloc(x->text, x->size, 1);
	}
	memcpy(x->text + x->len, bytes, n);
	x->len += n;
	x->text[x->len] = '\0';
}

void
xml_done(struct xml *x)
{
	free(x->text);
	*x = (struct xml){ 0 };
}

void
xml_markup(struct xml *x, const char *markup)
{
	add(x, markup, strlen(markup));
}

/* What stands for a character, NULL: itself. */
static const char *
escape(unsigned char c)
{
	switch (c) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	case '\r':
		return "&#xD;";
	default:
		return c < 0x20 && c != '\n' && c != '\t' ? "\xef\xbf\xbd" : NULL;
	}
}

void
xml_text(struct xml *x, const char *text)
{
	const char *start = text;

	for (; *text != '\0'; text++) {
		const char *instead = escape((unsigned char)*text);

		if (instead == NULL)
			continue;
		add(x, start, (size_t)(text - start));
		xml_markup(x, instead);
		start = text + 1;
	}
	add(x, start, (size_t)(text - start));
}

static bool
is_empty(struct json_object *v)
{
	switch (json_object_get_type(v)) {
	case json_type_array:
		return json_object_array_length(v) == 0;
	case json_type_object:
		return json_object_object_length(v) == 0;
	case json_type_string:
		return json_object_get_string_len(v) == 0;
	case json_type_null:
	case json_type_boolean:
	case json_type_double:
	case json_type_int:
		break;
	}
	return false;
}

/* json-c limits the depth of what it parses, and handlers build nothing deeper. */
static void
element(struct xml *x, const char *name, struct json_object *v, const char *item)
{
	if (v == NULL)
		return;
	add(x, "<", 1);
	xml_markup(x, name);
	if (is_empty(v)) {
		add(x, "/>", 2);
		return;
	}
	add(x, ">", 1);
	switch (json_object_get_type(v)) {
	case json_type_array:
		for (size_t i = 0; i < json_object_array_length(v); i++)
			element(x, item, json_object_array_get_idx(v, i), item);
		break;
	case json_type_object:
		xml_members(x, v, item);
		break;
	case json_type_string:
		xml_text(x, json_object_get_string(v));
		break;
	case json_type_null:
	case json_type_boolean:
	case json_type_double:
	case json_type_int:
		xml_text(x, json_print(v));
		break;
	}
	add(x, "</", 2);
	xml_markup(x, name);
	add(x, ">", 1);
}

void
xml_members(struct xml *x, struct json_object *o, const char *item)
{
	json_object_object_foreach(o, key, v) element(x, key, v, item);
}
