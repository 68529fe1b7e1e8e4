/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an object is besides its bytes: headers that come back as they were given, metadata, storage
 * class, check sum and tags, as the JSON document of its row. Called by what stores objects and by
 * what answers with them.
 */
#ifndef DAEMON_SERVICES_S3_META_H
#define DAEMON_SERVICES_S3_META_H

#include "common/json.h"
#include "daemon/services/s3_call.h"
#include "daemon/services/s3_sum.h"

/* The document of the request's headers. 0, or a negative errno with the error in the call.
 * *ret is the caller's. */
int s3_meta_read(struct s3_call *c, struct json_object **ret);
/* Only what is refused: encryption with keys of others, ACLs, locks. */
int s3_meta_check(struct s3_call *c);
/* "a=b&c=d" of x-amz-tagging into the document. */
int s3_meta_read_tags(struct s3_call *c, struct json_object *doc);
/* One tag set: names and values within their limits, no name twice. `tags`: [{Key, Value}]. */
int s3_meta_check_tags(struct s3_call *c, struct json_object *tags, size_t max);

/* `type`: "FULL_OBJECT" or "COMPOSITE". */
void s3_meta_set_sum(
    struct json_object *doc, enum s3_sum_kind kind, const char *sum, const char *type);
/* Headers of an answer about the object: all but its length. `whole`: it is of all its bytes, so
 * that their check sum may be told. */
void s3_meta_add_headers(struct s3_call *c, const struct store_object *o, bool whole);
/* The check sum's headers. */
void s3_meta_add_sum(struct s3_call *c, struct json_object *doc);
/* "\"0123…\"" */
void s3_meta_add_etag(struct s3_call *c, const char *etag);

/* If-Match and its kin against an object. 0, or the error 412 or 304. */
int s3_meta_check_conditions(struct s3_call *c, const struct store_object *o);
/* The same for a source: x-amz-copy-source-if-… */
int s3_meta_check_source_conditions(struct s3_call *c, const struct store_object *o);
/* If-Match and If-None-Match of a request that writes; `o` NULL: there is no object. */
int s3_meta_check_write(struct s3_call *c, const struct store_object *o);

#endif
