/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The event loop of both processes: one event_base, signals, one-shot timers and the end of child
 * processes (pidfd). No callback frees its own object while it runs; nothing here blocks.
 */
#ifndef COMMON_LOOP_H
#define COMMON_LOOP_H

#include "common/util.h"

#include <event2/event.h>
#include <sys/types.h>

struct loop;

/* A new loop, the caller's; aborts where none can be had. loop_free frees what is still registered.
 */
struct loop *loop_new(void);
void loop_free(struct loop *l);
/* The libevent base, borrowed: for evhttp, bufferevents and fd events. */
struct event_base *loop_base(struct loop *l);
/* Runs until loop_quit; returns what loop_quit was given. */
int loop_run(struct loop *l);
void loop_quit(struct loop *l, int code);

/* Calls `fn` for each delivery of the signal, from the loop, until loop_free. */
void loop_on_signal(struct loop *l, int signo, void (*fn)(int signo, void *arg), void *arg);

/* A one-shot timer. The caller owns it: timer_free(NULL) is legal, freeing inside its callback is
 * legal too. */
struct timer;
struct timer *timer_new(struct loop *l, void (*fn)(void *arg), void *arg);
/* (Re)arms it `ms` from now. */
void timer_set(struct timer *t, int64_t ms);
void timer_stop(struct timer *t);
bool timer_pending(const struct timer *t);
void timer_free(struct timer *t);

/* Calls `fn` once from the next turn of the loop (for frees that must not happen inside a
 * callback). What is still waiting when the loop is freed is forgotten. */
void loop_defer(struct loop *l, void (*fn)(void *arg), void *arg);

/* Watches a child: `fn` is called once with its wait status (as of waitpid) after it has been
 * reaped. Returns NULL with errno set where no pidfd can be had. child_free before the end stops
 * the watch; when `fn` is called the watch is gone already. */
struct child;
struct child *child_watch(
    struct loop *l, pid_t pid, void (*fn)(pid_t pid, int status, void *arg), void *arg);
void child_free(struct child *c);

#endif
