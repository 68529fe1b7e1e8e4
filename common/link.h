/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One end of the SEQPACKET socket between daemon and shim: packs frames, splits and joins large
 * ones, queues what the socket does not take, replaces a queued TaskState by a newer one, and calls
 * the row of a const table for each frame that arrives. A bad frame closes this link, never the
 * process.
 */
#ifndef COMMON_LINK_H
#define COMMON_LINK_H

#include "common/loop.h"
#include "proto/shim.pb-c.h"

#define LINK_PACKET_MAX (128u * 1024)
#define LINK_FRAME_MAX (4u * 1024 * 1024)
#define LINK_PROTOCOL 1

/* Where the conversation is; a row names the states in which its message is legal. */
enum link_state {
	LINK_NEW,     /* nothing exchanged: Hello / HelloAck */
	LINK_GREETED, /* Start / Adopt */
	LINK_TASK,    /* everything else */
	LINK_STATE_MAX,
};

struct link;

/* `fn` gets the frame (borrowed) and the cookie; a negative errno closes the link. */
struct link_handler {
	const char *name;
	unsigned legal; /* BIT(enum link_state) of every state in which it may come */
	int (*fn)(struct link *l, const Shim__Frame *f, void *cookie);
};

#define LINK_HANDLERS_MAX 32 /* one more than the highest tag in Frame.body */

/* A link on `fd` (taken over, made non-blocking). `handlers` is indexed by Shim__Frame__BodyCase
 * and outlives the link. `on_close` is called once, never from inside link_send, with the reason
 * (0: EOF, else a negative errno); the owner then frees the link. Never fails. */
struct link *link_new(struct loop *loop, int fd,
    const struct link_handler handlers[static LINK_HANDLERS_MAX],
    void (*on_close)(struct link *l, int reason, void *cookie), void *cookie);

/* Packs and queues one frame; sends at once where the socket takes it. LogLines beyond 1 MiB of
 * queue are dropped and counted; a queued, unsent TaskState is replaced by a newer one. Returns 0,
 * or -E2BIG over LINK_FRAME_MAX, or -EPIPE on a closed link. */
int link_send(struct link *l, const Shim__Frame *f);

void link_set_state(struct link *l, enum link_state s);
enum link_state link_get_state(const struct link *l);
/* True once everything queued has been given to the socket. */
bool link_idle(const struct link *l);
/* Tries to send what is queued, blocking for at most `ms`: for the last words of a process. */
void link_drain(struct link *l, int64_t ms);
/* Closes and frees without calling on_close. NULL is legal. */
void link_free(struct link *l);

#endif
