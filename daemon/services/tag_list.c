/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tags of a resource as a list of Key and Value (see tag_list.h).
 */
#include "daemon/services/tag_list.h"

#include "daemon/store/tag.h"

static int
print_tag(const char *key, const char *value, void *arg)
{
	struct json_object *o = json_object_new_object();

	json_add_str(o, "Key", key);
	json_add_str(o, "Value", value);
	return json_object_array_add(arg, o);
}

int
tag_list_print(struct store *s, const char *key, struct json_object *list, struct err *e)
{
	return store_tag_list(s, key, print_tag, list, e);
}
