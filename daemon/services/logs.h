/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the logs files share: one struct that every operation's input is bound into, rows of members
 * that come in many operations, and finding groups and streams. Only the logs*.c files include it.
 */
#ifndef DAEMON_SERVICES_LOGS_H
#define DAEMON_SERVICES_LOGS_H

#include "daemon/page.h"
#include "daemon/services/service.h"
#include "daemon/store/log.h"

#define LOGS_TAGS_MAX 50
#define LOGS_TIME_MAX 9007199254740991.0 /* what JSON's numbers hold exactly */
#define LOGS_EVENTS_MAX 10000            /* of one PutLogEvents, and of one page */
#define LOGS_BATCH_BYTES (1024u * 1024u) /* the same two */

struct logs_event_in {
	struct opt_int timestamp;
	const char *message;
};

/* Every member of every operation. */
struct logs_in {
	const char *group;
	const char *identifier; /* a group by name or ARN */
	const char *stream;
	const char *kms_key;
	const char *resource; /* an ARN */
	struct str_map tags;
	struct str_list tag_keys;
	int class;
	enum tri protected;
	struct opt_int retention;

	const char *prefix;
	const char *part;
	struct str_list identifiers;
	int order;
	enum tri descending;
	const char *token;
	struct opt_int limit;

	LIST_OF(struct logs_event_in) events;
	const struct store_log_line *lines; /* the same, where logs_batch_read has read them */
	size_t n_lines;
	struct str_list streams;
	struct str_list prefixes;
	struct opt_int from;
	struct opt_int to;
	enum tri from_head;
	const char *pattern;
};

/* clang-format off */
#define LOGS_GROUP(...)    F_STR(struct logs_in, group,      "logGroupName", .min_len = 1, .max_len = 512, ##__VA_ARGS__)
#define LOGS_STREAM(...)   F_STR(struct logs_in, stream,     "logStreamName", .min_len = 1, .max_len = 512, ##__VA_ARGS__)
#define LOGS_IDENTIFIER    F_STR(struct logs_in, identifier, "logGroupIdentifier", .min_len = 1, .max_len = 2048)
#define LOGS_STREAM_PREFIX F_STR(struct logs_in, prefix,     "logStreamNamePrefix", .min_len = 1, .max_len = 512)
#define LOGS_TAGS(...)     F_MAP(struct logs_in, tags,       "tags", .min_len = 1, .max_len = LOGS_TAGS_MAX, .item_max_len = 256, ##__VA_ARGS__)
#define LOGS_RESOURCE      F_STR(struct logs_in, resource,   "resourceArn", .flags = SCHEMA_REQUIRED, .min_len = 1, .max_len = 1011)
#define LOGS_PAGE(most) \
	F_STR(struct logs_in, token, "nextToken", .min_len = 1, .max_len = 2048), \
	F_INT(struct logs_in, limit, "limit", .min = 1, .max = (most))
/* clang-format on */

extern const struct op_table logs_group_ops;  /* logs_group.c */
extern const struct op_table logs_stream_ops; /* logs_stream.c */
extern const struct op_table logs_put_ops;    /* logs_put.c */
extern const struct op_table logs_read_ops;   /* logs_read.c */
extern const struct op_table logs_tail_ops;   /* logs_tail.c */
extern const struct op_table logs_tag_ops;    /* logs_tag.c */

/* The file of logs for this call, open; borrowed. */
int logs_open(struct call *c, struct store **ret);
/* What a writing operation returns: ends the transaction that store_begin began on `l`, by COMMIT
 * where r is 0. */
int logs_end(struct call *c, struct store *l, int r);

/* 0, or InvalidParameterException in AWS's words: a name has characters that it may not have. */
int logs_check_group_name(struct call *c, const char *member, const char *name);
int logs_check_stream_name(struct call *c, const char *member, const char *name);

/* The group that the input names, by name or identifier. 0 and the row, or
 * ResourceNotFoundException. */
int logs_find_group(struct call *c, struct store *l, struct store_log_group *ret);
/* A group by a name or an ARN, which may end with ":*". */
int logs_find_identified(
    struct call *c, struct store *l, const char *identifier, struct store_log_group *ret);
int logs_find_stream(
    struct call *c, struct store *l, int64_t group, const char *name, struct store_log_stream *ret);

/* arn:aws:logs:…:log-group:NAME, without ":*". */
const char *logs_group_arn(struct call *c, const char *name);
/* Writes the input's tags to an ARN; more than 50 in all is TooManyTagsException. */
int logs_put_tags(struct call *c, struct store *l, const char *arn);

/* op.read of PutLogEvents (logs_batch.c): a batch of a megabyte in a millisecond or two. */
bool logs_batch_read(struct call *c, const char *body, size_t len);

/* A time before which the group's events are no longer shown. */
int64_t logs_horizon(const struct call *c, const struct store_log_group *g);
/* The next page's token where there is another one; AWS's word for a token that is none. */
int logs_page_begin(struct call *c, struct page *p, int limit);

#endif
