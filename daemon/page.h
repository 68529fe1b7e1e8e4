/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pages of List operations: maxResults and the opaque nextToken. A token carries the operation's
 * name and the key of the last row of the page before; it holds no state, so it outlives a restart.
 * It must not know what a key means.
 */
#ifndef DAEMON_PAGE_H
#define DAEMON_PAGE_H

#include "common/arena.h"
#include "common/err.h"
#include "common/json.h"

#define PAGE_KEY_MAX                                                                               \
	1088 /* bytes of a key with the NUL: a parameter's name of 1011, and a number */

/* The token of the page after the row `key` ("family:12", a name, an id …). Lives in `a`. */
char *page_encode(struct arena *a, const char *operation, const char *key);

/* The key of a token that page_encode made for the same operation. A NULL token is the first page:
 * ret is "". Anything else fills `e` with InvalidParameterException "Invalid token." and leaves ret
 * alone. */
int page_decode(
    const char *operation, const char *token, char ret[static PAGE_KEY_MAX], struct err *e);

/* One page while it is being filled. Ask the store for p.limit + 1 rows after page_after(&p) and
 * call page_take for each: it returns false for the one row too many, which tells that there is
 * another page. */
struct page {
	char after[PAGE_KEY_MAX]; /* "" on the first page */
	char last[PAGE_KEY_MAX];
	int limit;
	int n;
	bool more;
};

int page_begin(struct page *p, const char *operation, const char *token, int limit, struct err *e);
/* NULL on the first page, as the store's list functions want it. Borrowed from `p`. */
const char *page_after(const struct page *p);
bool page_take(struct page *p, const char *key);
/* Adds nextToken to a reply where there is another page. */
void page_finish(
    const struct page *p, const char *operation, struct arena *a, struct json_object *out);

#endif
