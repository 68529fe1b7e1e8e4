/* SPDX-License-Identifier: Apache-2.0 */
/*
 * key=value log lines through one sink. Edges log (http, api, shim link, events, both main.c);
 * library code returns. Never log environment, secrets or Authorization.
 */
#ifndef COMMON_LOG_H
#define COMMON_LOG_H

#include "common/util.h"

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* Receives one finished line without a newline: `key=value … msg="…"`. */
typedef void log_sink_fn(enum log_level level, const char *line, void *cookie);

/* Replaces the sink (the default writes `<level> line` to stderr). The shim's sends LogLine. */
void log_set_sink(log_sink_fn *fn, void *cookie);
/* Lines above this level are dropped before they are formatted. Default LOG_LEVEL_INFO. */
void log_set_level(enum log_level level);

/* Writes one line: `key=val msg="…"`; key NULL leaves the pair out. Control characters and quotes
 * in the text are escaped. */
void log_line(enum log_level level, const char *key, const char *val, const char *fmt, ...)
    PRINTF_LIKE(4, 5);
/* Gives an already formatted line to the sink (what a shim sent). */
void log_pass(enum log_level level, const char *line);

#define log_err(key, val, ...) log_line(LOG_LEVEL_ERROR, key, val, __VA_ARGS__)
#define log_warn(key, val, ...) log_line(LOG_LEVEL_WARN, key, val, __VA_ARGS__)
#define log_info(key, val, ...) log_line(LOG_LEVEL_INFO, key, val, __VA_ARGS__)
#define log_debug(key, val, ...) log_line(LOG_LEVEL_DEBUG, key, val, __VA_ARGS__)

#endif
