/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the containers of a task need of AWS services before any image is pulled: secrets,
 * parameters, registry credentials, environment files. They are read with the execution role's
 * credentials, all side by side, each once however many containers want it. Values live here until
 * the containers are created, go into the Engine's create and pull calls and nowhere else; a shim
 * that adopts reads them again. Called by the task's moves; it must not know the Engine.
 */
#ifndef SHIM_RESOURCES_H
#define SHIM_RESOURCES_H

#include "shim/plan.h"

struct resources;
struct task;

/* True where the launch may go on. Else it is being read; when that is over EV_CHANGED is raised,
 * or the task is refused with ECS's words and nothing of it is started. */
bool resources_ready(struct task *t);
/* The execution role's credentials are there. */
void resources_go_on(struct task *t);
/* The task is about to stop: nothing is read any more. */
void resources_stop(struct task *t);
/* Overwrites the values. NULL is legal. */
void resources_free(struct resources *r);

/* What was read for a container; borrowed, NULL where it needs nothing. */
const struct plan_values *resources_of(const struct task *t, size_t container);
/* Its value of X-Registry-Auth; borrowed, NULL where it has none. */
const char *resources_registry_auth(const struct task *t, size_t container);

#endif
