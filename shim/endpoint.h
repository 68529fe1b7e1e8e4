/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a task's processes find at http://169.254.170.2: credentials, metadata v2 to v4, the agent's
 * API. It serves the listeners that net.c hands it, which only processes of this task can reach,
 * and knows of no other task. Requests that ask the Engine or the daemon are answered when those
 * have; bounded in rate, size, time and number.
 */
#ifndef SHIM_ENDPOINT_H
#define SHIM_ENDPOINT_H

#include "common/loop.h"

struct task;
struct endpoint;
struct endpoint_listener;

/* The caller's. */
struct endpoint *endpoint_new(struct loop *l, struct task *t);
/* Closes everything without an answer; listeners must be gone. NULL is legal. */
void endpoint_free(struct endpoint *e);
/* Serves a listening socket, which is taken over; NULL on failure. */
struct endpoint_listener *endpoint_listen(struct endpoint *e, int fd);
/* NULL is legal. */
void endpoint_unlisten(struct endpoint *e, struct endpoint_listener *l);
/* The Engine is away: whoever waits for it gets an error. */
void endpoint_on_engine_down(struct endpoint *e);

/* A path without "//", "." and ".."; the caller's. */
char *endpoint_clean_path(const char *path);
/* JSON with the escapes of Go's encoder; the caller's. */
char *endpoint_go_json(const char *json);

#endif
