/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who says they are calling: the credential scope of an Authorization header or a presigned URL.
 * Called by edge.c for every request. It reads and never verifies: a signature is somebody else's
 * business.
 */
#ifndef DAEMON_HTTP_CREDENTIAL_H
#define DAEMON_HTTP_CREDENTIAL_H

#include "common/util.h"

#define CREDENTIAL_DEFAULT_REGION "us-east-1"

/* Empty strings where the request does not say, or says something that cannot be. */
struct credential {
	char access_key[129];
	char region[33];
	char service[33];
};

/* Reads "AWS4-HMAC-SHA256 Credential=AKID/date/region/service/aws4_request, …". NULL and garbage
 * give an empty credential. */
void credential_parse_header(const char *authorization, struct credential *ret);
/* Reads "AKID/date/region/service/aws4_request": X-Amz-Credential of a presigned URL,
 * percent-decoded. */
void credential_parse_scope(const char *scope, size_t len, struct credential *ret);

/* Reads the X-Amz-Credential, or the AWSAccessKeyId of a URL that was presigned in the old way
 * (S3's), out of a query string that is still encoded. NULL gives an empty credential. */
void credential_parse_query(const char *query, struct credential *ret);

/* Of the header, else of the query. */
void credential_read(const char *authorization, const char *query, struct credential *ret);

/* The account of an access key: the key itself where it is 12 digits, `otherwise` in all other
 * cases. */
const char *credential_account(const struct credential *c, const char *otherwise);
/* The region that was asked for, us-east-1 where none was. */
const char *credential_region(const struct credential *c);

#endif
