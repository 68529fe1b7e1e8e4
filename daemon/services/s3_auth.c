/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Authentication of S3's requests (see s3_auth.h).
 */
#include "daemon/services/s3_auth.h"

#include "daemon/config.h"
#include "daemon/services/identity.h"

#include <string.h>

/* Of every presigned URL, whoever signed it. */
static int
check_expiry(struct s3_call *c, const struct sigv4_request *request)
{
	struct sigv4_claim claim = { 0 };
	struct err why = { 0 };
	int r;

	if (s3_query(c, "X-Amz-Signature") == NULL)
		return 0;
	r = sigv4_read(request, &c->who.arena, &claim, &why);
	if (r < 0)
		return s3_error(c, 400, "AuthorizationQueryParametersError", "%.200s", why.text);
	if (r > 0 && claim.presigned && claim.time_ms + claim.expires_s * 1000 < c->who.now_ms)
		return s3_error(c, 403, "AccessDenied", "Request has expired");
	return 0;
}

int
s3_authenticate(struct s3_call *c)
{
	const struct identity_question q = {
		.request = &c->rest->head,
		.access_key = c->who.access_key,
		.service = "s3",
		.wire = WIRE_REST_XML,
		.now_ms = c->who.now_ms,
	};
	int r = check_expiry(c, &c->rest->head);

	return r < 0 ? r : identity_check(c->s3->identity, &q, &c->who, &c->who.err);
}
