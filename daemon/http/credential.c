/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Takes a credential scope apart (see credential.h). Nothing in here trusts its input: every part
 * has a length and an alphabet, and a part that breaks them counts as not given.
 */
#include "daemon/http/credential.h"

#include <ctype.h>
#include <event2/http.h>
#include <stdio.h>
#include <string.h>

#define SCOPE_PARTS 5 /* access key, date, region, service, "aws4_request" */

static bool
is_key_char(int c)
{
	return isgraph(c) && c != '/' && c != ',';
}

static bool
is_name_char(int c)
{
	return islower(c) || isdigit(c) || c == '-' || c == '_';
}

/* Copies what lies between two ends, whole or not at all. */
static void
copy_part(char *ret, size_t size, const char *from, const char *end, bool (*legal)(int))
{
	size_t len = (size_t)(end - from);

	ret[0] = '\0';
	if (len >= size)
		return;
	for (size_t i = 0; i < len; i++) {
		if (!isascii((unsigned char)from[i]) || !legal((unsigned char)from[i]))
			return;
	}
	memcpy(ret, from, len);
	ret[len] = '\0';
}

void
credential_parse_scope(const char *scope, size_t len, struct credential *ret)
{
	const char *starts[SCOPE_PARTS + 1];
	const char *end = scope + len;
	size_t n = 0;

	*ret = (struct credential){ 0 };
	starts[n++] = scope;
	for (const char *p = scope; p < end; p++) {
		if (*p != '/')
			continue;
		if (n == SCOPE_PARTS)
			return;
		starts[n++] = p + 1;
	}
	if (n != SCOPE_PARTS)
		return;
	starts[n] = end + 1; /* so that each part ends one before the next begins */
	if (strlen("aws4_request") != (size_t)(end - starts[4]) ||
	    memcmp(starts[4], "aws4_request", strlen("aws4_request")) != 0)
		return;
	copy_part(ret->access_key, sizeof(ret->access_key), starts[0], starts[1] - 1, is_key_char);
	copy_part(ret->region, sizeof(ret->region), starts[2], starts[3] - 1, is_name_char);
	copy_part(ret->service, sizeof(ret->service), starts[3], starts[4] - 1, is_name_char);
}

void
credential_parse_header(const char *authorization, struct credential *ret)
{
	static const char scheme[] = "AWS4-HMAC-SHA256";
	static const char key[] = "Credential=";
	const char *p;

	*ret = (struct credential){ 0 };
	if (authorization == NULL || strncmp(authorization, scheme, strlen(scheme)) != 0)
		return;
	p = authorization + strlen(scheme);
	while (*p != '\0') {
		p += strspn(p, " \t,");
		if (strncmp(p, key, strlen(key)) == 0) {
			p += strlen(key);
			credential_parse_scope(p, strcspn(p, ", \t"), ret);
			return;
		}
		p += strcspn(p, " \t,");
	}
}

/* The value of a parameter, decoded; NULL where it is not there. The caller owns it. */
static char *
query_value(const char *query, const char *name, size_t *ret_len)
{
	size_t name_len = strlen(name);

	while (*query != '\0') {
		size_t n = strcspn(query, "&");

		if (n > name_len && query[name_len] == '=' && strncmp(query, name, name_len) == 0) {
			_cleanup_free_ char *text =
			    xstrndup(query + name_len + 1, n - name_len - 1);

			return evhttp_uridecode(text, 1, ret_len);
		}
		query += n + (query[n] == '&');
	}
	return NULL;
}

void
credential_parse_query(const char *query, struct credential *ret)
{
	_cleanup_free_ char *scope = NULL;
	_cleanup_free_ char *key = NULL;
	size_t len = 0;

	*ret = (struct credential){ 0 };
	if (query == NULL)
		return;
	scope = query_value(query, "X-Amz-Credential", &len);
	if (scope != NULL) {
		credential_parse_scope(scope, len, ret);
		return;
	}
	key = query_value(query, "AWSAccessKeyId", &len);
	if (key == NULL || strstr(query, "Signature=") == NULL)
		return;
	copy_part(ret->access_key, sizeof(ret->access_key), key, key + len, is_key_char);
	(void)snprintf(ret->service, sizeof(ret->service), "s3");
}

void
credential_read(const char *authorization, const char *query, struct credential *ret)
{
	credential_parse_header(authorization, ret);
	if (ret->access_key[0] == '\0')
		credential_parse_query(query, ret);
}

const char *
credential_account(const struct credential *c, const char *otherwise)
{
	size_t len = strlen(c->access_key);

	if (len == 12 && strspn(c->access_key, "0123456789") == len)
		return c->access_key;
	return otherwise;
}

const char *
credential_region(const struct credential *c)
{
	return c->region[0] != '\0' ? c->region : CREDENTIAL_DEFAULT_REGION;
}
