/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The outside of the two-phase start (common/gate.h): one listening socket per container in a
 * directory that is bind-mounted into it. It says when init waits and how its exec ended; what has
 * to be done in between, and whether the gate may open at all, is the caller's to know.
 */
#ifndef SHIM_GATE_H
#define SHIM_GATE_H

#include "common/err.h"
#include "common/gate.h"
#include "common/loop.h"

struct gate;

struct gate_callbacks {
	/* init of this process id waits. Answer with gate_open or gate_shut, now or later. */
	void (*on_arrival)(struct gate *g, pid_t pid, void *cookie);
	/* The exec happened (failure is NULL) or did not. */
	void (*on_passed)(struct gate *g, const struct gate_failure *failure, void *cookie);
};

/* Makes <parent>/<name>/ with the socket in it and serves it until gate_free; a socket that is
 * there already is replaced, so that a container started by an earlier shim finds this one. `cb`
 * outlives the gate. Returns 0 and the caller's *ret, or a negative errno with the reason in `e`.
 */
int gate_new(struct loop *l, const char *parent, const char *name, const struct gate_callbacks *cb,
    void *cookie, struct gate **ret, struct err *e);
/* Lets the waiting init go on. Without one it does nothing. */
void gate_open(struct gate *g);
/* Sends the waiting init away: it exits GATE_EXIT_CLOSED. NULL is legal. */
void gate_shut(struct gate *g);
/* Handles at once what has already arrived: an exit may overtake the news of the exec. NULL is
 * legal. */
void gate_poll(struct gate *g);
/* Stops serving; the directory stays. NULL is legal. */
void gate_free(struct gate *g);
/* Removes <parent>/<name>/ and the socket in it. Safe to call twice. */
void gate_remove(const char *parent, const char *name);
/* True if the process is there and is the user's. False where it still is the runtime or init, and
 * where it is gone: then its exit code tells. */
bool gate_was_passed(pid_t pid, const char *init_path);
/* The words of Docker for an exec that failed, as they follow "Error response from daemon: ". The
 * caller's. */
char *gate_failure_text(const struct gate_failure *failure, const char *argv0);

#endif
