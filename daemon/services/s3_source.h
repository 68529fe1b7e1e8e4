/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bytes of an object on their way out: read slice by slice in a thread, written as fast as the
 * client takes them. Called by what answers with an object, and by what copies one. It must not
 * know why.
 */
#ifndef DAEMON_SERVICES_S3_SOURCE_H
#define DAEMON_SERVICES_S3_SOURCE_H

#include "daemon/services/s3_call.h"

/* Answers with `size` bytes of the object from `start` on; headers are in the call. Takes the
 * object's segments. The call is over when the client has them, or where they cannot be read. */
void s3_source_answer(
    struct s3_call *c, int status, struct store_object *o, int64_t start, int64_t size);
/* Gives the bytes to `take`, in a thread, and calls `done`; c->who.err is filled where they cannot
 * be read. */
void s3_source_read(struct s3_call *c, struct store_object *o, int64_t start, int64_t size,
    void (*take)(struct s3_call *c, const char *p, size_t n), void (*done)(struct s3_call *c));
void s3_source_free(struct s3_source *s);
/* True while somebody reads it. */
bool s3_source_uses(const struct s3 *s3, const char *blob);

#endif
