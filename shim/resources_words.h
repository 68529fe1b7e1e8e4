/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What ECS says where a resource of a task cannot be had: on Fargate in one form, on EC2 as the
 * agent says it. Texts begin behind "ResourceInitializationError: " and are the caller's. Called
 * by resources.c; it must not know how things are fetched.
 */
#ifndef SHIM_RESOURCES_WORDS_H
#define SHIM_RESOURCES_WORDS_H

#include "shim/aws.h"
#include "shim/plan.h"
#include "shim/value_from.h"

/* A reference that cannot be understood, or a value that is not what it should be; `text` says why.
 */
char *words_for_reference(const struct plan *p, const char *text);
char *words_for_value(const struct plan *p, bool registry, const char *text);
/* No role, or its credentials do not come. */
char *words_for_no_credentials(const struct plan *p, bool file);
/* A call failed; `registry`: it was for a registry's login. */
char *words_for_error(const struct plan *p, const struct value_ref *ref, bool registry,
    const struct aws_reply *reply);
/* The service answered without these parameters. */
char *words_for_missing(
    const struct plan *p, const struct value_ref *ref, const char *names, unsigned attempts);

#endif
