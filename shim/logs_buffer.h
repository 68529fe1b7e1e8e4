/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text as CloudWatch Logs takes it: UTF-8, in pieces of a limited length, as JSON; and the growing
 * buffer that such text is put together in. The other logs files use it; it must not know lines
 * and events.
 */
#ifndef SHIM_LOGS_BUFFER_H
#define SHIM_LOGS_BUFFER_H

#include "common/util.h"

/* A zeroed one is empty. It grows as needed: whoever appends has capped the size. */
struct logs_buffer {
	char *v; /* not NUL-terminated; NULL before the first append */
	size_t len, size;
};

void logs_buffer_done(struct logs_buffer *t);
/* Empties it; memory beyond `keep_bytes` is given back. */
void logs_buffer_clear(struct logs_buffer *t, size_t keep_bytes);
void logs_buffer_append(struct logs_buffer *t, const char *s, size_t len);
/* Takes away the first `len` bytes. */
void logs_buffer_drop(struct logs_buffer *t, size_t len);
/* Appends what comes out when each byte that belongs to no UTF-8 sequence becomes U+FFFD, as the
 * awslogs driver does it. NUL becomes U+FFFD as well: the service's store has no NUL. */
void logs_buffer_append_clean(struct logs_buffer *t, const char *s, size_t len);
/* Appends clean text as a JSON string without the quotes. */
void logs_buffer_append_json(struct logs_buffer *t, const char *s, size_t len);

/* How many bytes at the start of `s` are clean already. */
size_t logs_buffer_clean_bytes(const char *s, size_t len);
/* Where clean text is cut so that the first part has at most `max_bytes` (at least 4) and no
 * character is torn apart; `len` where it is not longer. */
size_t logs_buffer_split(const char *s, size_t len, size_t max_bytes);

#endif
