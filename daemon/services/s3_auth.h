/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether a request may come in: the identity of its key, and what S3 adds to it: URLs that expire,
 * URLs that were signed in the old way, signatures of chunks. Called by the s3 files.
 */
#ifndef DAEMON_SERVICES_S3_AUTH_H
#define DAEMON_SERVICES_S3_AUTH_H

#include "daemon/services/s3_call.h"
#include "daemon/services/sigv4.h"

#define S3_SIGNATURE_BYTES 65 /* 64 digits and a NUL */

/* Fills c->who's scope and principal. A negative errno with the error in c->who.err. */
int s3_authenticate(struct s3_call *c);

/* How the chunks of a body are signed: each signature signs the one before it. */
struct s3_chunk_chain {
	unsigned char key[SIGV4_KEY_BYTES];
	char time[17];   /* 20150830T123600Z */
	char scope[128]; /* 20150830/us-east-1/s3/aws4_request */
	char last[S3_SIGNATURE_BYTES];
};

/* The chain that begins with the request's own signature. 1; 0 where nobody here knows the key, as
 * with every signature of such a key; a negative errno with the error in the call. */
int s3_chunk_chain(struct s3_call *c, struct s3_chunk_chain *ret);
/* The next chunk (in a thread): its digest of 64 digits and its signature. `trailer`: of the lines
 * behind the last chunk. */
bool s3_chunk_is_signed(
    struct s3_chunk_chain *chain, bool trailer, const char *digest, const char *signature);

#endif
