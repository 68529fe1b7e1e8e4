/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tags as the neighbours of ECS show them: a list of Key and Value. Called by services/; what a tag
 * may be is each service's own.
 */
#ifndef DAEMON_SERVICES_TAG_LIST_H
#define DAEMON_SERVICES_TAG_LIST_H

#include "common/json.h"

struct store;

/* Appends {"Key":…,"Value":…} to `list` for each tag kept under `key`, in the order in which they
 * were set. 0 or a negative errno. */
int tag_list_print(struct store *s, const char *key, struct json_object *list, struct err *e);

#endif
