/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Small things that every file needs: cleanup attributes, ownership hand-over, allocation that
 * cannot fail. It knows nothing of ECS, of the Engine or of any library.
 */
#ifndef COMMON_UTIL_H
#define COMMON_UTIL_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define BIT(n) (1u << (n))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))

/* Hands the pointer in `p` over to the caller of the expression and leaves NULL behind. */
#define TAKE(p)                                                                                    \
	({                                                                                         \
		__typeof__(p) *take_p_ = &(p);                                                     \
		__typeof__(p) take_v_ = *take_p_;                                                  \
		*take_p_ = NULL;                                                                   \
		take_v_;                                                                           \
	})

/* The same for a file descriptor: leaves -1 behind. */
#define TAKE_FD(fd)                                                                                \
	({                                                                                         \
		int *take_p_ = &(fd);                                                              \
		int take_v_ = *take_p_;                                                            \
		*take_p_ = -1;                                                                     \
		take_v_;                                                                           \
	})

static inline void
util_free_(void *p)
{
	free(*(void **)p);
}

static inline void
util_close_(const int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

#define _cleanup_(f) __attribute__((cleanup(f)))
#define _cleanup_free_ _cleanup_(util_free_)
#define _cleanup_close_ _cleanup_(util_close_)

/* Allocation that aborts the process when memory is out: no caller checks. The result is the
 * caller's, to be given to free(). Sizes that come from outside are capped before they get here. */
void *xcalloc(size_t n, size_t size);
void *xrealloc(void *p, size_t n, size_t size);
char *xstrdup(const char *s);
char *xstrndup(const char *s, size_t n);
void *xmemdup(const void *p, size_t n);
char *xasprintf(const char *fmt, ...) PRINTF_LIKE(1, 2);
char *xvasprintf(const char *fmt, va_list ap) PRINTF_LIKE(1, 0);

/* Compares two strings, either of which may be NULL: NULL equals only NULL. */
bool streq(const char *a, const char *b);
/* True if `s` begins with `prefix`. */
bool has_prefix(const char *s, const char *prefix);

/* Milliseconds since the epoch (CLOCK_REALTIME): what ECS timestamps are made of. */
int64_t now_ms(void);
/* Milliseconds of CLOCK_MONOTONIC: for deadlines and durations. */
int64_t monotonic_ms(void);

/* Writes a random version-4 UUID, 36 characters and a NUL. */
void random_uuid(char out[static 37]);
/* Writes 2 * n_bytes lower-case hexadecimal digits of randomness and a NUL into `out`. */
void random_hex(char *out, size_t n_bytes);
/* Writes n random characters out of `chars` (at most 256) and a NUL. */
void random_text(char *out, size_t n, const char *chars);

#endif
