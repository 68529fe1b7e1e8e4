/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The regular expressions of filter patterns (%…%): the part of the language that CloudWatch Logs
 * has, run by PCRE2 within limits. Only the log_pattern*.c files include it.
 */
#ifndef DAEMON_SERVICES_LOG_REGEX_H
#define DAEMON_SERVICES_LOG_REGEX_H

#include <stdbool.h>
#include <stddef.h>

struct log_regex;

/* The caller owns it; NULL where the text is none: groups and what else AWS does not take are
 * refused as well. */
struct log_regex *log_regex_new(const char *text, size_t len);
/* Whether it is found anywhere in the text; a search that takes too many steps finds nothing. */
bool log_regex_match(const struct log_regex *re, const char *text, size_t len);
/* NULL is legal. */
void log_regex_free(struct log_regex *re);

#endif
