/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looks keys up, verifies what they signed and says no in each protocol's words (see identity.h).
 */
#include "daemon/services/identity.h"

#include "daemon/arn.h"
#include "daemon/config.h"
#include "daemon/services/access_key.h"
#include "daemon/store/credential.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define SKEW_MS (15 * 60 * 1000)
#define CACHE_SIZE 64 /* derived keys; a power of two */

/* A derived key is good for one day: four digests less for each request. */
struct derived {
	char access_key[ACCESS_KEY_LEN + 1];
	char date[9];
	char region[33];
	char service[33];
	unsigned char key[SIGV4_KEY_BYTES];
};

struct identity {
	const struct config *config;
	struct store *store;
	struct derived cache[CACHE_SIZE];
};

enum problem {
	PROBLEM_UNSIGNED,
	PROBLEM_INCOMPLETE,
	PROBLEM_UNKNOWN_KEY,
	PROBLEM_TOKEN,
	PROBLEM_EXPIRED,
	PROBLEM_MISMATCH,
	PROBLEM_SKEW,
	PROBLEM_MAX,
};

struct words {
	int status;
	const char *code;
	const char *text; /* NULL: said by whoever found it */
};

#define INVALID_TOKEN "The security token included in the request is invalid."
#define EXPIRED_TOKEN "The security token included in the request is expired"
#define MISMATCH                                                                                   \
	"The request signature we calculated does not match the signature you provided. Check "    \
	"your AWS Secret Access Key and signing method. Consult the service documentation for "    \
	"details."
#define EC2_FAILURE "AWS was not able to validate the provided access credentials"

/* clang-format off */
static const struct words words[WIRE_MAX][PROBLEM_MAX] = {
	[WIRE_JSON] = {
		[PROBLEM_UNSIGNED]    = { 400, "MissingAuthenticationTokenException", "Missing Authentication Token" },
		[PROBLEM_INCOMPLETE]  = { 400, "IncompleteSignatureException", NULL },
		[PROBLEM_UNKNOWN_KEY] = { 400, "UnrecognizedClientException", INVALID_TOKEN },
		[PROBLEM_TOKEN]       = { 400, "UnrecognizedClientException", INVALID_TOKEN },
		[PROBLEM_EXPIRED]     = { 400, "ExpiredTokenException", EXPIRED_TOKEN },
		[PROBLEM_MISMATCH]    = { 400, "InvalidSignatureException", MISMATCH },
		[PROBLEM_SKEW]        = { 400, "InvalidSignatureException", NULL },
	},
	[WIRE_QUERY] = {
		[PROBLEM_UNSIGNED]    = { 403, "MissingAuthenticationToken", "Request is missing Authentication Token" },
		[PROBLEM_INCOMPLETE]  = { 400, "IncompleteSignature", NULL },
		[PROBLEM_UNKNOWN_KEY] = { 403, "InvalidClientTokenId", INVALID_TOKEN },
		[PROBLEM_TOKEN]       = { 403, "InvalidClientTokenId", INVALID_TOKEN },
		[PROBLEM_EXPIRED]     = { 403, "ExpiredToken", EXPIRED_TOKEN },
		[PROBLEM_MISMATCH]    = { 403, "SignatureDoesNotMatch", MISMATCH },
		[PROBLEM_SKEW]        = { 403, "SignatureDoesNotMatch", NULL },
	},
	[WIRE_EC2] = {
		[PROBLEM_UNSIGNED]    = { 400, "MissingParameter", "The request must contain the parameter AWSAccessKeyId" },
		[PROBLEM_INCOMPLETE]  = { 401, "AuthFailure", NULL },
		[PROBLEM_UNKNOWN_KEY] = { 401, "AuthFailure", EC2_FAILURE },
		[PROBLEM_TOKEN]       = { 401, "AuthFailure", EC2_FAILURE },
		[PROBLEM_EXPIRED]     = { 400, "RequestExpired", "Request has expired." },
		[PROBLEM_MISMATCH]    = { 401, "AuthFailure", EC2_FAILURE },
		[PROBLEM_SKEW]        = { 400, "RequestExpired", NULL },
	},
	[WIRE_REST_XML] = {
		[PROBLEM_UNSIGNED]    = { 403, "AccessDenied", "Access Denied" },
		[PROBLEM_INCOMPLETE]  = { 400, "AuthorizationHeaderMalformed", NULL },
		[PROBLEM_UNKNOWN_KEY] = { 403, "InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records." },
		[PROBLEM_TOKEN]       = { 400, "InvalidToken", "The provided token is malformed or otherwise invalid." },
		[PROBLEM_EXPIRED]     = { 400, "ExpiredToken", "The provided token has expired." },
		[PROBLEM_MISMATCH]    = { 403, "SignatureDoesNotMatch", MISMATCH },
		[PROBLEM_SKEW]        = { 403, "RequestTimeTooSkewed", NULL },
	},
};
/* clang-format on */

struct identity *
identity_new(const struct config *config, struct store *store)
{
	struct identity *id = xcalloc(1, sizeof(*id));

	id->config = config;
	id->store = store;
	return id;
}

void
identity_free(struct identity *id)
{
	if (id == NULL)
		return;
	OPENSSL_cleanse(id->cache, sizeof(id->cache));
	free(id);
}

static int
refuse(const struct identity_question *q, enum problem p, const char *text, struct err *e)
{
	const struct words *w = &words[q->wire][p];

	return err_set_code(e, w->status, w->code, "%s", w->text != NULL ? w->text : text);
}

/* The key of this claim, derived anew where the cache has another one in its place. */
static const unsigned char *
signing_key(
    struct identity *id, const char *access_key, const char *secret, const struct sigv4_claim *c)
{
	size_t hash = 5381;
	struct derived *d;

	for (const char *p = access_key; *p != '\0'; p++)
		hash = 33 * hash + (unsigned char)*p;
	for (const char *p = c->region; *p != '\0'; p++)
		hash = 33 * hash + (unsigned char)*p;
	for (const char *p = c->service; *p != '\0'; p++)
		hash = 33 * hash + (unsigned char)*p;
	d = &id->cache[(hash ^ hash >> 16) & (CACHE_SIZE - 1)];
	if (streq(d->access_key, access_key) && streq(d->date, c->date) &&
	    streq(d->region, c->region) && streq(d->service, c->service))
		return d->key;
	(void)snprintf(d->access_key, sizeof(d->access_key), "%s", access_key);
	(void)snprintf(d->date, sizeof(d->date), "%s", c->date);
	(void)snprintf(d->region, sizeof(d->region), "%s", c->region);
	(void)snprintf(d->service, sizeof(d->service), "%s", c->service);
	sigv4_derive(secret, c->date, c->region, c->service, d->key);
	return d->key;
}

static const char *
iso_time(int64_t ms, char ret[static 32])
{
	time_t t = (time_t)(ms / 1000);
	struct tm tm = { 0 };

	(void)gmtime_r(&t, &tm);
	if (strftime(ret, 32, "%Y%m%dT%H%M%SZ", &tm) == 0)
		ret[0] = '\0';
	return ret;
}

static int
check_time(const struct identity_question *q, const struct sigv4_claim *c, struct err *e)
{
	int64_t span_ms = c->presigned ? c->expires_s * 1000 : SKEW_MS;
	char now[32], limit[32], text[256];

	if (c->time_ms + span_ms < q->now_ms)
		(void)snprintf(text, sizeof(text),
		    "Signature expired: %s is now earlier than %s (%s - %lld min.)", c->time,
		    iso_time(q->now_ms - span_ms, limit), iso_time(q->now_ms, now),
		    (long long)(span_ms / 60000));
	else if (c->time_ms - SKEW_MS > q->now_ms)
		(void)snprintf(text, sizeof(text),
		    "Signature not yet current: %s is still later than %s (%s + 15 min.)", c->time,
		    iso_time(q->now_ms + SKEW_MS, limit), iso_time(q->now_ms, now));
	else
		return 0;
	return refuse(q, PROBLEM_SKEW, text, e);
}

/* The signature of a key that we know. `token` is "" for a permanent one. */
static int
verify(struct identity *id, const struct identity_question *q, const char *access_key,
    const char *secret, const char *token, struct err *e)
{
	_cleanup_arena_ struct arena a = { 0 };
	struct sigv4_claim c = { 0 };
	struct err why = { 0 };
	const char *given;
	int r = sigv4_read(q->request, &a, &c, &why);

	if (r == 0)
		return refuse(q, PROBLEM_UNSIGNED, NULL, e);
	if (r < 0)
		return refuse(q, PROBLEM_INCOMPLETE, why.text, e);
	given = c.session_token != NULL ? c.session_token : "";
	if (!streq(c.access_key, access_key))
		return refuse(q, PROBLEM_UNKNOWN_KEY, NULL, e);
	if (strlen(given) != strlen(token) || CRYPTO_memcmp(given, token, strlen(token)) != 0)
		return refuse(q, PROBLEM_TOKEN, NULL, e);
	if (strlen(c.date) != 8 || strncmp(c.date, c.time, 8) != 0 ||
	    !streq(c.service, q->service) || strlen(c.region) > 32)
		return refuse(q, PROBLEM_MISMATCH, NULL, e);
	r = check_time(q, &c, e);
	if (r < 0)
		return r;
	if (!sigv4_verify(q->request, &c, signing_key(id, access_key, secret, &c), &a))
		return refuse(q, PROBLEM_MISMATCH, NULL, e);
	return 0;
}

static void
become_root(struct call *c)
{
	(void)snprintf(c->principal_arn, sizeof(c->principal_arn), "arn:%s:iam::%s:root",
	    arn_partition(c->scope.region), c->scope.account);
	(void)snprintf(c->principal_id, sizeof(c->principal_id), "%s", c->scope.account);
}

static int
check_issued(struct identity *id, const struct identity_question *q,
    const struct store_credential *row, struct call *c, struct err *e)
{
	int r;

	if (!row->active)
		return refuse(q, PROBLEM_UNKNOWN_KEY, NULL, e);
	r = verify(id, q, row->access_key, row->secret, row->token, e);
	if (r < 0)
		return r;
	if (row->expires_at_ms > 0 && row->expires_at_ms <= q->now_ms)
		return refuse(q, PROBLEM_EXPIRED, NULL, e);
	(void)snprintf(c->scope.account, sizeof(c->scope.account), "%s", row->account);
	(void)snprintf(c->principal_arn, sizeof(c->principal_arn), "%s", row->arn);
	(void)snprintf(c->principal_id, sizeof(c->principal_id), "%s", row->user_id);
	return 0;
}

int
identity_check(
    struct identity *id, const struct identity_question *q, struct call *c, struct err *e)
{
	const struct config *config = id->config;
	struct store_credential row;
	int r = 0;

	if (q->request == NULL) {
		become_root(c);
		return 0;
	}
	/* JSON requests without a signature are root's, for curl; the Query services refuse them as
	 * AWS does. */
	if (q->access_key[0] == '\0' && (config->verify_signatures || q->wire != WIRE_JSON))
		return refuse(q, PROBLEM_UNSIGNED, NULL, e);
	if (strlen(q->access_key) == ACCESS_KEY_LEN)
		r = store_credential_get(id->store, q->access_key, &row, e);
	if (r < 0)
		return r;
	if (r > 0)
		return check_issued(id, q, &row, c, e);
	if (access_key_is_ours(q->access_key))
		return refuse(q, PROBLEM_UNKNOWN_KEY, NULL, e);
	if (config->verify_signatures) {
		if (!streq(q->access_key, config->root_access_key))
			return refuse(q, PROBLEM_UNKNOWN_KEY, NULL, e);
		r = verify(id, q, config->root_access_key, config->root_secret_key, "", e);
		if (r < 0)
			return r;
	}
	become_root(c);
	return 0;
}
