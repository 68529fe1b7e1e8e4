/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The documents of the task metadata endpoint, versions 2 to 4, from what the shim knows of the
 * task and what the Engine says of its containers. Pure functions, called by serve_metadata.c.
 */
#ifndef SHIM_METADATA_H
#define SHIM_METADATA_H

#include "shim/task.h"

/* `facts` are the Engine's inspect replies of the task's containers, NULL for those that it does
 * not have. Both results are the caller's. */
struct json_object *metadata_container(
    const struct task *t, size_t i, struct json_object *const *facts, unsigned version);
/* All containers that have an id or an image. */
struct json_object *metadata_task(
    const struct task *t, struct json_object *const *facts, unsigned version);

#endif
