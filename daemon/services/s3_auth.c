/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Authentication of S3's requests (see s3_auth.h).
 */
#include "daemon/services/s3_auth.h"

#include "daemon/arn.h"
#include "daemon/config.h"
#include "daemon/services/access_key.h"
#include "daemon/services/identity.h"
#include "daemon/services/s3_sum.h"
#include "daemon/store/credential.h"

#include <ctype.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define EMPTY_SHA256 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define AMZ "x-amz-"

/* -- secrets */

/* The secret of the call's key: 1, 0 where nobody here has it. */
static int
find_secret(struct s3_call *c, struct store_credential *ret)
{
	const struct config *config = c->s3->config;
	int r = 0;

	*ret = (struct store_credential){ 0 };
	if (strlen(c->who.access_key) == ACCESS_KEY_LEN)
		r = store_credential_get(c->s3->store, c->who.access_key, ret, &c->who.err);
	if (r != 0 || !config->verify_signatures ||
	    !streq(c->who.access_key, config->root_access_key))
		return r;
	(void)snprintf(ret->secret, sizeof(ret->secret), "%s", config->root_secret_key);
	ret->active = true;
	return 1;
}

/* -- URLs that were signed in the old way: AWSAccessKeyId, Expires, Signature */

/* clang-format off */
/* Parameters that are part of what is signed. */
static const char *const signed_parameters[] = {
	"acl", "cors", "delete", "lifecycle", "location", "logging", "notification", "partNumber", "policy",
	"requestPayment", "response-cache-control", "response-content-disposition", "response-content-encoding",
	"response-content-language", "response-content-type", "response-expires", "restore", "tagging", "torrent",
	"uploadId", "uploads", "versionId", "versioning", "versions", "website",
};
/* clang-format on */

static void
add_header_line(struct xml *t, const struct s3_call *c, const char *name)
{
	const char *value = rest_header(c->rest, name);

	xml_markup(t, value != NULL ? value : "");
	xml_markup(t, "\n");
}

static int
compare_lines(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* "x-amz-…:value" of headers, and of parameters of that name, in order. */
static void
add_amz_headers(struct xml *t, struct s3_call *c)
{
	const char *lines[SIGV4_HEADERS_MAX + S3_PARAMETERS_MAX];
	size_t n = 0;

	for (size_t i = 0; i < c->rest->head.n_headers; i++) {
		const struct sigv4_header *h = &c->rest->head.headers[i];
		char *line;

		if (strncasecmp(h->name, AMZ, strlen(AMZ)) != 0 ||
		    strcasecmp(h->name, "x-amz-date") == 0)
			continue;
		line = arena_printf(&c->who.arena, "%s:%s", h->name, h->value);
		for (char *p = line; *p != ':'; p++)
			*p = (char)tolower((unsigned char)*p);
		lines[n++] = line;
	}
	for (size_t i = 0; i < c->route.n_parameters; i++)
		if (has_prefix(c->route.parameters[i].name, AMZ))
			lines[n++] = arena_printf(&c->who.arena, "%s:%s",
			    c->route.parameters[i].name, c->route.parameters[i].value);
	qsort(lines, n, sizeof(lines[0]), compare_lines);
	for (size_t i = 0; i < n; i++) {
		xml_markup(t, lines[i]);
		xml_markup(t, "\n");
	}
}

/* "/bucket/key?acl", the key as it came. */
static void
add_resource(struct xml *t, const struct s3_call *c)
{
	const char *path = c->rest->head.path;
	char mark = '?';
	size_t n = strlen(c->route.bucket);

	if (n > 0 && (strncmp(path + 1, c->route.bucket, n) != 0 ||
			 (path[1 + n] != '/' && path[1 + n] != '\0'))) {
		xml_markup(t, "/");
		xml_markup(t, c->route.bucket);
	}
	xml_markup(t, path);
	for (size_t i = 0; i < ARRAY_SIZE(signed_parameters); i++) {
		const char *value = s3_query(c, signed_parameters[i]);

		if (value == NULL)
			continue;
		xml_markup(t, mark == '?' ? "?" : "&");
		mark = '&';
		xml_markup(t, signed_parameters[i]);
		if (*value != '\0') {
			xml_markup(t, "=");
			xml_markup(t, value);
		}
	}
}

static bool
is_signed_old(struct s3_call *c, const char *secret, const char *expires, const char *signature)
{
	unsigned char mac[20];
	unsigned int mac_len = sizeof(mac);
	char wanted[S3_SUM_TEXT];
	struct xml t = { 0 };

	xml_markup(&t, c->rest->head.method);
	xml_markup(&t, "\n");
	add_header_line(&t, c, "Content-MD5");
	add_header_line(&t, c, "Content-Type");
	xml_markup(&t, expires);
	xml_markup(&t, "\n");
	add_amz_headers(&t, c);
	add_resource(&t, c);
	if (HMAC(EVP_sha1(), secret, (int)strlen(secret), (const unsigned char *)t.text, t.len, mac,
		&mac_len) == NULL)
		abort();
	xml_done(&t);
	s3_base64(mac, sizeof(mac), wanted, sizeof(wanted));
	return strlen(wanted) == strlen(signature) &&
	       CRYPTO_memcmp(wanted, signature, strlen(wanted)) == 0;
}

static int
check_old(
    struct s3_call *c, const struct store_credential *k, const char *expires, const char *signature)
{
	const char *token = s3_header(c, "x-amz-security-token");

	if (!k->active || (k->expires_at_ms > 0 && k->expires_at_ms <= c->who.now_ms))
		return s3_error(c, 403, "InvalidAccessKeyId",
		    "The AWS Access Key Id you provided does not exist in our records.");
	if (!streq(token != NULL ? token : "", k->token))
		return s3_error(c, 400, "InvalidToken",
		    "The provided token is malformed or otherwise invalid.");
	if (!is_signed_old(c, k->secret, expires, signature))
		return s3_error(c, 403, "SignatureDoesNotMatch",
		    "The request signature we calculated does not match the signature you "
		    "provided. Check your key and signing method.");
	return 0;
}

/* 1 where the request was signed in this way and may come in, 0 where it was not. */
static int
authenticate_old(struct s3_call *c)
{
	const char *expires = s3_query(c, "Expires");
	const char *signature = s3_query(c, "Signature");
	struct store_credential k;
	int r;

	if (s3_query(c, "AWSAccessKeyId") == NULL || signature == NULL ||
	    rest_header(c->rest, "Authorization") != NULL)
		return 0;
	if (expires == NULL || *expires == '\0' || strlen(expires) > 15 ||
	    strspn(expires, "0123456789") != strlen(expires))
		return s3_error(c, 403, "AccessDenied",
		    "Query-string authentication requires the Signature, Expires and "
		    "AWSAccessKeyId parameters");
	if (strtoll(expires, NULL, 10) * 1000 < c->who.now_ms)
		return s3_error(c, 403, "AccessDenied", "Request has expired");
	r = find_secret(c, &k);
	if (r < 0)
		return r;
	if (r == 0 && (c->s3->config->verify_signatures || access_key_is_ours(c->who.access_key)))
		return s3_error(c, 403, "InvalidAccessKeyId",
		    "The AWS Access Key Id you provided does not exist in our records.");
	if (r > 0)
		r = check_old(c, &k, expires, signature);
	OPENSSL_cleanse(k.secret, sizeof(k.secret));
	if (r < 0)
		return r;
	if (k.account[0] != '\0') {
		memcpy(c->who.scope.account, k.account, sizeof(c->who.scope.account));
		(void)snprintf(c->who.principal_arn, sizeof(c->who.principal_arn), "%s", k.arn);
		(void)snprintf(c->who.principal_id, sizeof(c->who.principal_id), "%s", k.user_id);
	} else {
		(void)snprintf(c->who.principal_arn, sizeof(c->who.principal_arn),
		    "arn:%s:iam::%s:root", arn_partition(c->who.scope.region),
		    c->who.scope.account);
		(void)snprintf(
		    c->who.principal_id, sizeof(c->who.principal_id), "%s", c->who.scope.account);
	}
	return 1;
}

/* -- Signature Version 4 */

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
	int r = authenticate_old(c);

	if (r != 0)
		return r < 0 ? r : 0;
	r = check_expiry(c, &c->rest->head);
	return r < 0 ? r : identity_check(c->s3->identity, &q, &c->who, &c->who.err);
}

/* -- chunks */

int
s3_chunk_chain(struct s3_call *c, struct s3_chunk_chain *ret)
{
	struct sigv4_claim claim = { 0 };
	struct store_credential k;
	struct err why = { 0 };
	int r = find_secret(c, &k);

	if (r <= 0)
		return r;
	r = sigv4_read(&c->rest->head, &c->who.arena, &claim, &why);
	if (r <= 0 || strlen(claim.signature) >= sizeof(ret->last) ||
	    strlen(claim.time) >= sizeof(ret->time) || strlen(claim.region) > 32)
		return s3_error(c, 403, "SignatureDoesNotMatch",
		    "The signature that the chunks' signatures follow is not there.");
	sigv4_derive(k.secret, claim.date, claim.region, claim.service, ret->key);
	OPENSSL_cleanse(k.secret, sizeof(k.secret));
	(void)snprintf(ret->time, sizeof(ret->time), "%s", claim.time);
	(void)snprintf(ret->scope, sizeof(ret->scope), "%.8s/%s/%.32s/aws4_request", claim.date,
	    claim.region, claim.service);
	(void)snprintf(ret->last, sizeof(ret->last), "%s", claim.signature);
	return 1;
}

bool
s3_chunk_is_signed(
    struct s3_chunk_chain *chain, bool trailer, const char *digest, const char *signature)
{
	_cleanup_free_ char *text =
	    xasprintf("AWS4-HMAC-SHA256-%s\n%s\n%s\n%s%s\n%s", trailer ? "TRAILER" : "PAYLOAD",
		chain->time, chain->scope, chain->last, trailer ? "" : "\n" EMPTY_SHA256, digest);
	unsigned char mac[SIGV4_KEY_BYTES];
	unsigned int n = sizeof(mac);
	char wanted[S3_SIGNATURE_BYTES];

	if (HMAC(EVP_sha256(), chain->key, sizeof(chain->key), (const unsigned char *)text,
		strlen(text), mac, &n) == NULL)
		abort();
	s3_hex(mac, sizeof(mac), wanted);
	if (strlen(signature) != strlen(wanted) ||
	    CRYPTO_memcmp(signature, wanted, strlen(wanted)) != 0)
		return false;
	memcpy(chain->last, wanted, sizeof(wanted));
	return true;
}
