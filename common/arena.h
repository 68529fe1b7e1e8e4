/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory that lives as long as one request or one plan and goes away at once. schema_bind puts what
 * it binds here, so that bound structs need no destructors.
 */
#ifndef COMMON_ARENA_H
#define COMMON_ARENA_H

#include "common/util.h"

struct arena {
	struct arena_block *blocks;
};

/* Zeroed memory that stays valid until arena_done. Never fails. */
void *arena_alloc(struct arena *a, size_t size);
char *arena_strdup(struct arena *a, const char *s);
char *arena_printf(struct arena *a, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Frees everything; the arena is empty and usable again. A zeroed struct arena is an empty one. */
void arena_done(struct arena *a);

#define _cleanup_arena_ _cleanup_(arena_done)

#endif
