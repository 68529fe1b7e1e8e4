/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The filter pattern language of CloudWatch Logs: terms ("one" -two ?three %four|five%), conditions
 * on the members of JSON messages ({ $.a = "x*" && $.n > 3 }), and conditions on the words of a
 * message
 * ([ip, ..., status=4*, size>100]). Called by the handlers of logs; it knows texts and nothing of
 * where they come from.
 */
#ifndef DAEMON_SERVICES_LOG_PATTERN_H
#define DAEMON_SERVICES_LOG_PATTERN_H

#include "common/err.h"

#define LOG_PATTERN_MAX 1024 /* bytes: no pattern is longer */

struct log_pattern;

/* Reads a pattern; a blank one matches everything. 0 and the caller's pattern, or
 * InvalidParameterException
 * ("Invalid filter pattern") in `e`. */
int log_pattern_parse(const char *text, struct log_pattern **ret, struct err *e);
/* Whether a message fits. Work and memory are linear in its length, but for regular expressions,
 * which have limits of their own. */
bool log_pattern_match(const struct log_pattern *p, const char *text, size_t len);
/* NULL is legal. */
void log_pattern_free(struct log_pattern *p);

#endif
