/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One process of many does a thing, and the others hear how it went. Whoever holds the lock of a
 * name leads; the others wait at the leader's socket, without polling. Where the leader dies or
 * gives up, the next one leads. It must not know what is done.
 */
#ifndef SHIM_SHARE_H
#define SHIM_SHARE_H

#include "common/loop.h"

struct share;

struct share_callbacks {
	/* It is ours to do; share_tell ends it. */
	void (*on_lead)(void *cookie);
	/* Another one did it, and this is what it told. share_free is legal inside. */
	void (*on_told)(const char *outcome, void *cookie);
};

/* A new one, the caller's; calls back from the loop only. Processes that give the same directory
 * (made where it is missing) and the same name meet. `cb` outlives it. */
struct share *share_new(struct loop *l, const char *directory, const char *name,
    const struct share_callbacks *cb, void *cookie);
/* The leader's word to everybody who waits; whoever comes later leads. */
void share_tell(struct share *s, const char *outcome);
/* A leader that leaves without a word hands over. NULL is legal. */
void share_free(struct share *s);

#endif
