/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON trees as XML text. Called by protocol.c; it must not know what an element means.
 */
#ifndef DAEMON_SERVICES_XML_H
#define DAEMON_SERVICES_XML_H

#include "common/json.h"

/* A text that grows. Zero-initialised it is empty; xml_done frees it. */
struct xml {
	char *text; /* NUL-terminated once something was added */
	size_t len, size;
};

void xml_done(struct xml *x);
/* Adds markup as it is. */
void xml_markup(struct xml *x, const char *markup);
/* Adds text, escaped; characters that XML 1.0 cannot carry become U+FFFD. */
void xml_text(struct xml *x, const char *text);
/* Adds the members of `o` as elements, in order; the items of an array are elements `item`. Null
 * is left out; an empty array, object or string is <name/>. */
void xml_members(struct xml *x, struct json_object *o, const char *item);

#endif
