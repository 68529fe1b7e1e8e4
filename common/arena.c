/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A list of blocks that is filled from the front. Called by schema_bind and by request handlers;
 * it knows nothing of what it holds.
 */
#include "common/arena.h"

#include <string.h>

#define ARENA_BLOCK_BYTES 4096

struct arena_block {
	struct arena_block *next;
	size_t used;
	size_t size;
	_Alignas(max_align_t) unsigned char data[];
};

static struct arena_block *
block_new(struct arena *a, size_t want)
{
	size_t size = want > ARENA_BLOCK_BYTES ? want : ARENA_BLOCK_BYTES;
	struct arena_block *b = xcalloc(1, sizeof(*b) + size);

	b->size = size;
	b->next = a->blocks;
	a->blocks = b;
	return b;
}

void *
arena_alloc(struct arena *a, size_t size)
{
	size_t want = (size + _Alignof(max_align_t) - 1) & ~(_Alignof(max_align_t) - 1);
	struct arena_block *b = a->blocks;
	void *p;

	if (b == NULL || b->size - b->used < want)
		b = block_new(a, want);
	p = b->data + b->used;
	b->used += want;
	return p;
}

char *
arena_strdup(struct arena *a, const char *s)
{
	size_t n = strlen(s) + 1;

	return memcpy(arena_alloc(a, n), s, n);
}

char *
arena_printf(struct arena *a, const char *fmt, ...)
{
	_cleanup_free_ char *s = NULL;
	va_list ap;

	va_start(ap, fmt);
	s = xvasprintf(fmt, ap);
	va_end(ap);
	return arena_strdup(a, s);
}

void
arena_done(struct arena *a)
{
	struct arena_block *next;

	for (struct arena_block *b = a->blocks; b != NULL; b = next) {
		next = b->next;
		free(b);
	}
	a->blocks = NULL;
}
