/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One shim process and the link to it: spawned, greeted, told what to do, listened to, seen off.
 * fleet.c owns the objects; nobody else includes this. It must not know the store or why a task
 * starts or stops.
 */
#ifndef DAEMON_SHIM_H
#define DAEMON_SHIM_H

#include "common/loop.h"
#include "daemon/store/task.h"
#include "proto/shim.pb-c.h"

struct config;
struct fleet_credentials;
struct shim;

struct shim_callbacks {
	/* A snapshot (borrowed). */
	void (*on_state)(const Shim__TaskState *s, void *cookie);
	/* The process is reaped and the link closed, once, whatever the cause. `refusal`: what the
	 * shim said if it refused, else NULL. The owner may call shim_free in here. */
	void (*on_end)(const char *refusal, void *cookie);
	/* Start or Adopt has been sent. */
	void (*on_begun)(void *cookie);
	void *cookie;
};

/* What a shim is told once it has answered the greeting. Everything is copied. */
struct shim_order {
	const struct store_task *task; /* id and spec */
	const Shim__TaskState *last;   /* NULL: Start, else Adopt */
	const char *stop_code;         /* NULL: no stop was decided */
	const char *stop_reason;
};

/* Starts localemu-ecs-shim. 0 and *ret, the caller's; or a negative errno with the reason, and
 * nothing is left behind. */
int shim_spawn(struct loop *l, const struct config *config, const struct shim_order *order,
    const struct shim_callbacks *cb, struct shim **ret, struct err *e);
/* Passes a stop on; one that comes before the greeting is done waits for it. */
/* Sends credentials; what comes before Start or Adopt was sent is lost. */
void shim_credentials(struct shim *s, const struct fleet_credentials *c);
/* Passes on what security groups let through; forgotten where the greeting is not done: the spec
 * has it too. */
void shim_firewall(struct shim *s, Shim__Firewall *firewall);
void shim_stop(struct shim *s, const char *code, const char *reason);
/* Tells it to go. on_end follows, by force after a while. */
void shim_bye(struct shim *s);
/* Closes the link: a shim that still lives exits by itself and leaves its containers. on_end is not
 * called. */
void shim_free(struct shim *s);

#endif
