/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tags of every kind of resource, keyed by the resource's ARN, in the order in which they were set.
 */
#ifndef DAEMON_STORE_TAG_H
#define DAEMON_STORE_TAG_H

#include "daemon/store/store.h"

int store_tag_put(
    struct store *s, const char *arn, const char *key, const char *value, struct err *e);
int store_tag_delete(struct store *s, const char *arn, const char *key, struct err *e);
int store_tag_delete_all(struct store *s, const char *arn, struct err *e);
/* How many of them count towards a resource's limit: those whose keys do not begin with "aws:". */
int store_tag_count(struct store *s, const char *arn, struct err *e);
int store_tag_list(struct store *s, const char *arn,
    int (*fn)(const char *key, const char *value, void *arg), void *arg, struct err *e);

#endif
