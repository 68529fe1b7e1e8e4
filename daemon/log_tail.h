/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Live tails: who wants to see which log events as they come in, and what came in for them since
 * they last looked. main.c makes the set, http/live_tail.c opens tails and asks them once a second.
 * It must not know connections or frames.
 */
#ifndef DAEMON_LOG_TAIL_H
#define DAEMON_LOG_TAIL_H

#include "common/err.h"

struct log_tail;
struct log_tails;
struct store;

#define LOG_TAILS_MAX 15 /* at a time, as on AWS */

/* Sees what is appended to the logs of `store`, which outlives it. The caller owns it. */
struct log_tails *log_tails_new(struct store *store);
/* After the last tail. NULL is legal. */
void log_tails_free(struct log_tails *set);

/* `session` is what StartLiveTail answered (services/logs_tail.c). The caller owns it; NULL with
 * `e` filled: LimitExceededException where there are too many. */
struct log_tail *log_tail_open(
    struct log_tails *set, const char *session, size_t len, struct err *e);
/* The payload of a sessionUpdate with what came in since the last one: at most 500 events, and the
 * note that it is a sample where there were more. The caller owns it. */
char *log_tail_update(struct log_tail *t);
/* NULL is legal. */
void log_tail_close(struct log_tail *t);

#endif
