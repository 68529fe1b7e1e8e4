/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether a request may come in: the identity of its key, what S3 adds to it (URLs that expire,
 * signatures of chunks). Called by the s3 files.
 */
#ifndef DAEMON_SERVICES_S3_AUTH_H
#define DAEMON_SERVICES_S3_AUTH_H

#include "daemon/services/s3_call.h"
#include "daemon/services/sigv4.h"

/* Fills c->who's scope and principal. A negative errno with the error in c->who.err. */
int s3_authenticate(struct s3_call *c);

#endif
