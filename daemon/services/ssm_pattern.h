/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PutParameter.AllowedPattern: regular expressions that come from outside, with a bound on what
 * matching may cost. Only ssm_put.c calls it.
 */
#ifndef DAEMON_SERVICES_SSM_PATTERN_H
#define DAEMON_SERVICES_SSM_PATTERN_H

#include <stdbool.h>

/* 1 where the pattern is found in the value, 0 where it is not (or looking for it takes too long),
 * -EINVAL where it is no regular expression. */
int ssm_pattern_match(const char *pattern, const char *value);

#endif
