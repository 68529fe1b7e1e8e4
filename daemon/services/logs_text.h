/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text of CloudWatch Logs: events as JSON, written straight into one buffer because there may be
 * ten thousand of them, and the numbers of 56 digits that stand for a place in a log. Only the
 * logs*.c files include it.
 */
#ifndef DAEMON_SERVICES_LOGS_TEXT_H
#define DAEMON_SERVICES_LOGS_TEXT_H

#include "daemon/store/log.h"

/* A growing text; all zero is an empty one. `s` ends with a NUL once something was added. */
struct logs_text {
	char *s;
	size_t len;
	size_t room;
};
void logs_text_done(struct logs_text *t);
void logs_text_add(struct logs_text *t, const char *s, size_t len);
void logs_text_addf(struct logs_text *t, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* A JSON string with its quotes. `s` is UTF-8 and may have NULs in it. */
void logs_text_add_string(struct logs_text *t, const char *s, size_t len);

#define LOGS_NUMBER_MAX 57 /* with the NUL */

/* 56 digits that grow with time, then with `n`, then with `i`: event ids, places in tokens and
 * sequence tokens. Returns `buf`. */
const char *logs_print_number(
    char buf[static LOGS_NUMBER_MAX], int64_t at_ms, int64_t n, int64_t i);
/* The position that was printed so; false where the text is none. */
bool logs_read_number(const char *text, struct store_log_position *ret);

#endif
