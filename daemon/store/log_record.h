/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The form of one event in a chunk's data: log_event.c writes it, log_read.c reads it, nobody else
 * knows it.
 */
#ifndef DAEMON_STORE_LOG_RECORD_H
#define DAEMON_STORE_LOG_RECORD_H

#include <stdint.h>
#include <string.h>

struct log_record {
	int64_t at_ms;
	int64_t ingested_at_ms;
	uint32_t len; /* of the text that follows */
};
#define LOG_RECORD_HEAD (2 * sizeof(int64_t) + sizeof(uint32_t))

static inline void
log_record_put(char *to, const struct log_record *r)
{
	memcpy(to, &r->at_ms, sizeof(r->at_ms));
	memcpy(to + sizeof(r->at_ms), &r->ingested_at_ms, sizeof(r->ingested_at_ms));
	memcpy(to + 2 * sizeof(int64_t), &r->len, sizeof(r->len));
}

/* The record at `from`, of which `left` bytes are there: its whole length, 0 where it is cut off.
 */
static inline size_t
log_record_get(const char *from, size_t left, struct log_record *ret)
{
	if (left < LOG_RECORD_HEAD)
		return 0;
	memcpy(&ret->at_ms, from, sizeof(ret->at_ms));
	memcpy(&ret->ingested_at_ms, from + sizeof(ret->at_ms), sizeof(ret->ingested_at_ms));
	memcpy(&ret->len, from + 2 * sizeof(int64_t), sizeof(ret->len));
	return left - LOG_RECORD_HEAD < ret->len ? 0 : LOG_RECORD_HEAD + ret->len;
}

#endif
