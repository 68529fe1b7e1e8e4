/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CloudWatch Logs in a file of its own, logs.db beside ecs.db: groups, streams, and events in
 * chunks of many. Called by services/logs*.c and by the keeper; it must not know what a filter
 * pattern is.
 *
 * A chunk is one row with up to LOG_CHUNK_BYTES of events of one stream, in the order of their
 * times, that span at most LOG_CHUNK_SPAN_MS. So a megabyte of lines costs a handful of rows, and
 * whoever looks for events of a time finds the chunks by their first and last one.
 */
#ifndef DAEMON_STORE_LOG_H
#define DAEMON_STORE_LOG_H

#include "daemon/api.h"
#include "daemon/store/store.h"

#define LOG_NAME_MAX 513   /* bytes of a group's or stream's name with the NUL */
#define LOG_KEY_MAX 257    /* of a KMS key's id */
#define LOG_CURSOR_MAX 201 /* of the place where a sender has got to */
#define LOG_CHUNK_BYTES (128u * 1024)
#define LOG_CHUNK_SPAN_MS (5 * 60 * 1000)
#define LOG_EVENT_OVERHEAD 26 /* bytes that AWS counts for an event beside its message */
#define LOG_DAY_MS (24LL * 60 * 60 * 1000)
/* Later than any event can be; a day of slack to calculate with. */
#define LOG_TIME_MAX (9999999999999LL - LOG_DAY_MS)

/* The file, opened (and made) on first use; borrowed from `s`, which closes it. It takes
 * store_begin, store_commit and the functions of tag.h as well as those below. Without a state
 * directory it is a temporary file. */
int store_logs(struct store *s, struct store **ret, struct err *e);
/* It is open, or there is one to be opened. */
bool store_logs_used(const struct store *s);

/* Moving what was written from the write-ahead log into the file takes the disk's time, so it is
 * done by a thread. Whoever does it is told when there is much (from inside a commit: no store may
 * be used), and before the file is closed: then it has to be over. */
struct store_logs_watch {
	void (*grown)(int pages, void *cookie);
	void (*closing)(void *cookie);
	void *cookie;
};
/* Before the first use of the file. Without it SQLite does the moving within a commit. */
void store_logs_set_watch(struct store *s, const struct store_logs_watch *w);
/* Where the file is; the caller's. NULL where it is temporary, which needs no moving. */
char *store_logs_path(const struct store *s);
/* The moving, in whichever thread, while others write. Uses nothing of a store. The number of the
 * log's pages that are in the file then, or a negative errno. */
int store_logs_move(const char *path);
/* The whole of it, in the loop: for when the log grows faster than threads get to its end. */
int store_logs_move_all(struct store *s, struct err *e);

/* Nobody has written for a while: memory that only makes the next write faster is given back. */
void store_logs_rest(struct store *s);

struct store_log_group {
	int64_t n; /* its key */
	char name[LOG_NAME_MAX];
	char class[32];
	char kms_key[LOG_KEY_MAX]; /* "" where there is none */
	int64_t created_at_ms;
	int64_t retention_days; /* 0: for ever */
	int64_t stored_bytes;
	bool protected; /* from deletion */
};

struct store_log_stream {
	int64_t n;
	int64_t group;
	char name[LOG_NAME_MAX];
	int64_t created_at_ms;
	int64_t first_at_ms; /* of its events, -1: it never had one; so the next two */
	int64_t last_at_ms;
	int64_t ingested_at_ms;
	int64_t tail; /* the chunk that was written last */
};

/* 1 and the row, 0 where there is none, a negative errno with `e` filled. */
int store_log_group_get(struct store *l, const struct scope *sc, const char *name,
    struct store_log_group *ret, struct err *e);
/* Writes a new row; *ret_n is its key. */
int store_log_group_insert(struct store *l, const struct scope *sc, const struct store_log_group *g,
    int64_t *ret_n, struct err *e);
/* Writes class, key, retention and protection. */
int store_log_group_update(struct store *l, const struct store_log_group *g, struct err *e);
/* It is gone at once; its streams and events go in slices, see store_log_sweep. */
int store_log_group_delete(struct store *l, int64_t n, struct err *e);
/* By name, after `after`. `prefix` and `part` (of the name) may be NULL. */
int store_log_group_list(struct store *l, const struct scope *sc, const char *after,
    const char *prefix, const char *part, int limit,
    int (*fn)(const struct store_log_group *g, void *arg), void *arg, struct err *e);

int store_log_stream_get(
    struct store *l, int64_t group, const char *name, struct store_log_stream *ret, struct err *e);
/* By its key; 0 also where it was deleted. */
int store_log_stream_get_by_key(
    struct store *l, int64_t n, struct store_log_stream *ret, struct err *e);
int store_log_stream_insert(struct store *l, const struct store_log_stream *st, struct err *e);
int store_log_stream_delete(struct store *l, int64_t n, struct err *e);
/* Which streams of a group, and in which order. */
struct store_log_stream_list {
	int64_t group;
	const char *prefix; /* of names, or NULL */
	bool by_time;       /* by the time of the last event, else by name */
	bool descending;
	const char *after;   /* the name of the last one seen, NULL: from the start */
	int64_t after_at_ms; /* with by_time: its last_at_ms */
	int limit;
};
int store_log_stream_list(struct store *l, const struct store_log_stream_list *w,
    int (*fn)(const struct store_log_stream *st, void *arg), void *arg, struct err *e);

/* Where a sender has got to, as store_log_append was told: 1 and the text, 0 where nobody said. */
int store_log_cursor(struct store *l, const struct scope *sc, const char *group, const char *stream,
    char ret[static LOG_CURSOR_MAX], struct err *e);

/* An event on its way in. The text need not end with a NUL. */
struct store_log_line {
	int64_t at_ms;
	const char *text;
	size_t len;
};
/* Appends events, which are in the order of their times and not more than a day apart, and notes
 * the cursor (NULL: the old one stays). Part of the caller's transaction. */
int store_log_append(struct store *l, const struct store_log_stream *st,
    const struct store_log_line *lines, size_t n, int64_t now_ms, const char *cursor,
    struct err *e);

/* What was appended and committed, for those who watch it come in. All borrowed. */
struct store_log_news {
	const char *group_arn;
	const char *stream;
	const struct store_log_line *lines;
	size_t n;
	int64_t now_ms;
};
/* One watcher at a time; NULL: nobody. `fn` may use no store. */
void store_logs_on_news(
    struct store *s, void (*fn)(const struct store_log_news *news, void *cookie), void *cookie);
void store_logs_tell(const struct store *s, const struct store_log_news *news);

/* Events have one order: by time, then as they came. */
struct store_log_position {
	int64_t at_ms;
	int64_t chunk;
	int64_t index; /* in the chunk */
};

struct store_log_event {
	struct store_log_position position;
	int64_t stream;
	int64_t ingested_at_ms;
	char *text; /* len bytes and a NUL */
	size_t len;
};

struct store_log_query {
	int64_t group;
	const int64_t *streams; /* NULL: all of the group */
	size_t n_streams;
	const char *prefix; /* of the streams' names, or NULL */
	int64_t from_ms;
	int64_t to_ms; /* exclusive */
	bool backward; /* the last ones before `start`; of one stream only */
	bool started;  /* `start` is set: an exclusive bound */
	struct store_log_position start;
	size_t max_events;
	size_t max_bytes; /* of messages with LOG_EVENT_OVERHEAD each; one event is always taken */
	/* Forward only: having searched for so long, it leaves the rest to the next page. 0: never.
	 */
	int64_t budget_ms;
	bool (*match)(const char *text, size_t len, void *arg); /* NULL: all */
	void *arg;
};

struct store_log_page {
	struct store_log_event *events; /* in their order, whichever way was searched */
	size_t n;
	bool more;                      /* there may be more in that direction */
	struct store_log_position next; /* where the next page starts, with `more` and forward */
};

/* Fills a page, which the caller gives to store_log_page_done. */
int store_log_read(
    struct store *l, const struct store_log_query *q, struct store_log_page *ret, struct err *e);
void store_log_page_done(struct store_log_page *p);

/* Takes away a slice (at most `chunks`) of what was deleted or has outlived its group's retention,
 * and gives pages back to the file system. A transaction of its own. 1 where there may be more to
 * do, 0 where there is not. */
int store_log_sweep(struct store *l, int64_t now_ms, int chunks, struct err *e);

#endif
