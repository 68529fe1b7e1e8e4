/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The set of runners: one shim process per unfinished task, or the instant runner where there is no
 * Engine. The API and the reconcile say what is wanted; snapshots go up through the callback that
 * main.c wires to events. It must not know HTTP or operations.
 */
#ifndef DAEMON_FLEET_H
#define DAEMON_FLEET_H

#include "common/loop.h"
#include "daemon/store/task.h"
#include "proto/shim.pb-c.h"

struct config;
struct fleet;

struct fleet_callbacks {
	/* A snapshot of a task arrived (borrowed). */
	void (*on_state)(const char *task_id, const Shim__TaskState *s, void *cookie);
	/* A shim ended although its task has not; fleet_adopt is what should follow. */
	void (*on_lost)(const char *task_id, void *cookie);
	void *cookie;
};

/* Temporary credentials of one role of a task. Everything is copied. */
struct fleet_credentials {
	const char *id; /* under which the task asks for them */
	const char *role_arn;
	const char *access_key;
	const char *secret;
	const char *token;
	int64_t expires_at_ms;
	bool execution_role;
};

struct fleet *fleet_new(
    struct loop *l, const struct config *config, const struct fleet_callbacks *cb);
void fleet_free(struct fleet *f);

/* A shim has just been told to start or adopt a task: what else it must know can be sent now.
 * Nobody is called where it was never set. */
void fleet_on_begun(struct fleet *f, void (*fn)(const char *task_id, void *cookie), void *cookie);
/* Sends credentials to the shim of a task; nothing where it has none. */
void fleet_credentials(struct fleet *f, const char *task_id, const struct fleet_credentials *c);
/* The same with what a task's security groups let through from now on. */
void fleet_firewall(struct fleet *f, const char *task_id, Shim__Firewall *firewall);

/* Which runner a task that starts now gets: RUNNER_SHIM when the Engine's socket takes a connection
 * (remembered from the first success on: later absence is the shims' to wait out), RUNNER_INSTANT
 * otherwise or with ECS_DOCKER_BACKEND=0. */
enum runner_kind fleet_runner(struct fleet *f);

/* Who may say that a new task has to wait; whoever said so starts it later. Nobody is asked where
 * it was never set. */
void fleet_on_start(
    struct fleet *f, bool (*must_wait)(const struct store_task *t, void *cookie), void *cookie);
/* Starts a new task, stops one, takes one over after a restart or a lost shim. The row is borrowed.
 * All are safe to call twice; failures come back as snapshots, never as a return value. */
void fleet_start(struct fleet *f, const struct store_task *t);
void fleet_stop(struct fleet *f, const struct store_task *t);
void fleet_adopt(struct fleet *f, const struct store_task *t);
/* The task is over and cleaned up: its shim may go. */
void fleet_release(struct fleet *f, const char *task_id);

/* Shims and instant tasks that are not finished. */
size_t fleet_count(const struct fleet *f);
/* True if the last probe of the Engine's socket succeeded: for /_localemu/health. */
bool fleet_engine_reachable(struct fleet *f);

#endif
