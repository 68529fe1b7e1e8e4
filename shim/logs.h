/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The awslogs driver of one container: follows what the Engine has of its output, makes events of
 * it and delivers them to CloudWatch Logs, each once and in order. The Engine's file is the buffer:
 * while nobody takes events nothing is read. awslogs.c tells it of the container's life; it must
 * not know tasks.
 */
#ifndef SHIM_LOGS_H
#define SHIM_LOGS_H

#include "shim/aws.h"
#include "shim/engine.h"
#include "shim/logs_options.h"

struct logs;

struct logs_ask {
	struct loop *loop;
	struct engine *engine;
	struct aws *aws;
	const struct credentials *as;       /* who writes; outlives the log */
	const struct logs_options *options; /* likewise */
	const char *account;                /* likewise */
	const char *task_id, *name; /* of task and container, for the shim's log; likewise */
	bool tty;
	/* The answer to logs_create: NULL, or the driver's words. */
	void (*on_created)(const char *error, void *arg);
	/* After logs_end: everything is delivered, or can never be. */
	void (*on_drained)(void *arg);
	void *arg;
};

/* The caller's; costs little before logs_create or logs_follow. Fails where the options have a
 * pattern that is none, with the driver's words in `e`. */
int logs_new(const struct logs_ask *ask, struct logs **ret, struct err *e);
/* Ends without a call. What is not delivered the next one will deliver. NULL is legal. */
void logs_free(struct logs *l);

/* Sees to the stream, before the container's process begins. The id is needed only where the
 * options name no stream. */
void logs_create(struct logs *l, const char *container_id);
/* From where the stream got to. Does nothing where it follows already. */
void logs_follow(struct logs *l, const char *container_id);
/* The container writes nothing any more: reads to the end, then on_drained. After logs_follow. */
void logs_end(struct logs *l);
bool logs_is_drained(const struct logs *l);
/* Moments of CLOCK_MONOTONIC: when the service took something last, 0 where it never did. */
int64_t logs_progress_ms(const struct logs *l);
/* Nobody waits any longer: what is left is lost, and the log says so. */
void logs_abandon(struct logs *l);
/* The Engine went away, with all its requests; it is back. */
void logs_on_engine_down(struct logs *l);
void logs_on_engine_up(struct logs *l);

#endif
