/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signature Version 4 as a verifier sees it: what a request claims, and whether a secret key makes
 * the same signature. Called by identity.c; it must not know whose keys there are.
 */
#ifndef DAEMON_SERVICES_SIGV4_H
#define DAEMON_SERVICES_SIGV4_H

#include "common/arena.h"
#include "common/err.h"

#define SIGV4_HEADERS_MAX 128
#define SIGV4_KEY_BYTES 32

struct sigv4_header {
	const char *name;
	const char *value;
};

/* The request as it came. Everything is borrowed. */
struct sigv4_request {
	const char *method;
	const char *path;  /* still encoded, "" counts as "/" */
	const char *query; /* still encoded, NULL: none */
	const struct sigv4_header *headers;
	size_t n_headers;
	const char *body;
	size_t body_len;
	/* It comes later: what X-Amz-Content-Sha256 says of it was signed, and whoever reads the
	 * body compares the two. */
	bool body_later;
};

/* What the Authorization header or the presigned query says. Texts live in the arena. */
struct sigv4_claim {
	const char *access_key;
	const char *date; /* 20150830 */
	const char *region;
	const char *service;
	const char *signed_headers; /* host;x-amz-date */
	const char *signature;
	const char *time;          /* 20150830T123600Z */
	int64_t time_ms;           /* the same as a number */
	const char *session_token; /* NULL: none */
	bool presigned;
	int64_t expires_s; /* of a presigned request */
};

/* 1 and a filled claim; 0 where the request is not signed; -EINVAL with the reason as text in `e`
 * where the signature is incomplete. */
int sigv4_read(
    const struct sigv4_request *r, struct arena *a, struct sigv4_claim *ret, struct err *e);

/* The key that signs for one day, region and service. */
void sigv4_derive(const char *secret, const char *date, const char *region, const char *service,
    unsigned char ret[static SIGV4_KEY_BYTES]);

/* True if that key makes the claimed signature, and the body is the one that was signed. */
bool sigv4_verify(const struct sigv4_request *r, const struct sigv4_claim *c,
    const unsigned char key[static SIGV4_KEY_BYTES], struct arena *a);

#endif
