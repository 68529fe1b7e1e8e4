/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The canonical request, the string to sign and the keys of Signature Version 4 (see sigv4.h). All
 * input is hostile; sizes are bounded by the edge, which takes 16 KiB of headers and path.
 */
#include "daemon/services/sigv4.h"

#include <ctype.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define ALGORITHM "AWS4-HMAC-SHA256"
#define PARAMETERS_MAX 256
#define SHA256_HEX (2 * SIGV4_KEY_BYTES + 1)

/* Text that grows. */
struct text {
	char *s;
	size_t len, size;
};

static void
text_done(struct text *t)
{
	free(t->s);
}
#define _cleanup_text_ _cleanup_(text_done)

static void
text_add(struct text *t, const char *s, size_t n)
{
	if (t->len + n + 1 > t->size) {
		t->size = 2 * (t->len + n) + 256;
		t->s = xrealloc(t->s, t->size, 1);
	}
	memcpy(t->s + t->len, s, n);
	t->len += n;
	t->s[t->len] = '\0';
}

static void
text_adds(struct text *t, const char *s)
{
	text_add(t, s, strlen(s));
}

/* --- encodings and digests --- */

static const char hex[] = "0123456789abcdef";

static void
print_hex(const unsigned char *bytes, size_t n, char *ret)
{
	for (size_t i = 0; i < n; i++) {
		ret[2 * i] = hex[bytes[i] >> 4];
		ret[2 * i + 1] = hex[bytes[i] & 15];
	}
	ret[2 * n] = '\0';
}

static void
sha256_hex(const void *p, size_t n, char ret[static SHA256_HEX])
{
	unsigned char md[SIGV4_KEY_BYTES];

	if (EVP_Digest(p, n, md, NULL, EVP_sha256(), NULL) != 1)
		abort();
	print_hex(md, sizeof(md), ret);
}

static void
hmac(const void *key, size_t key_len, const char *text, unsigned char ret[static SIGV4_KEY_BYTES])
{
	unsigned int n = SIGV4_KEY_BYTES;

	if (HMAC(EVP_sha256(), key, (int)key_len, (const unsigned char *)text, strlen(text), ret,
		&n) == NULL)
		abort();
}

static bool
is_unreserved(unsigned char c)
{
	return isascii(c) && (isalnum(c) || strchr("-_.~", c) != NULL) && c != '\0';
}

/* Percent-encodes as AWS does; slashes stay where they are part of a path. */
static void
add_encoded(struct text *t, const char *s, size_t n, bool path)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s[i];
		char code[4] = { '%', "0123456789ABCDEF"[c >> 4], "0123456789ABCDEF"[c & 15] };

		if (is_unreserved(c) || (path && c == '/'))
			text_add(t, s + i, 1);
		else
			text_add(t, code, 3);
	}
}

static int
hex_value(char c)
{
	const char *at = c == '\0' ? NULL : strchr(hex, tolower((unsigned char)c));

	return at == NULL ? -1 : (int)(at - hex);
}

/* Percent-decodes into the arena; what is no encoding stays as it is. */
static char *
decoded(struct arena *a, const char *s, size_t n)
{
	char *ret = arena_alloc(a, n + 1);
	size_t len = 0;

	for (size_t i = 0; i < n; i++) {
		if (s[i] == '%' && i + 2 < n && hex_value(s[i + 1]) >= 0 &&
		    hex_value(s[i + 2]) >= 0) {
			ret[len++] = (char)(16 * hex_value(s[i + 1]) + hex_value(s[i + 2]));
			i += 2;
		} else {
			ret[len++] = (char)(s[i] == '+' ? ' ' : s[i]);
		}
	}
	return ret;
}

/* --- the claim --- */

static const char *
find_header(const struct sigv4_request *r, const char *name)
{
	for (size_t i = 0; i < r->n_headers; i++)
		if (strcasecmp(r->headers[i].name, name) == 0)
			return r->headers[i].value;
	return NULL;
}

/* "Credential=AKID/20150830/us-east-1/iam/aws4_request" */
static int
read_scope(char *scope, struct sigv4_claim *c)
{
	char *save = NULL;
	const char *last;

	c->access_key = strtok_r(scope, "/", &save);
	c->date = strtok_r(NULL, "/", &save);
	c->region = strtok_r(NULL, "/", &save);
	c->service = strtok_r(NULL, "/", &save);
	last = strtok_r(NULL, "/", &save);
	return last != NULL && streq(last, "aws4_request") && *save == '\0' ? 0 : -EINVAL;
}

/* "20150830T123600Z" */
static int
read_time(const char *text, int64_t *ret_ms)
{
	struct tm tm = { 0 };
	const char *end = strlen(text) == 16 ? strptime(text, "%Y%m%dT%H%M%SZ", &tm) : NULL;

	if (end == NULL || *end != '\0')
		return -EINVAL;
	*ret_ms = (int64_t)timegm(&tm) * 1000;
	return 0;
}

static void
read_authorization(char *text, struct arena *a, struct sigv4_claim *c, char **ret_scope)
{
	char *save = NULL;

	for (char *part = strtok_r(text, ", \t", &save); part != NULL;
	     part = strtok_r(NULL, ", \t", &save)) {
		if (has_prefix(part, "Credential="))
			*ret_scope = arena_strdup(a, part + strlen("Credential="));
		else if (has_prefix(part, "SignedHeaders="))
			c->signed_headers = part + strlen("SignedHeaders=");
		else if (has_prefix(part, "Signature="))
			c->signature = part + strlen("Signature=");
	}
}

static void
read_presigned(
    const struct sigv4_request *r, struct arena *a, struct sigv4_claim *c, char **ret_scope)
{
	const char *p = r->query;
	char *expires = NULL;

	while (p != NULL && *p != '\0') {
		size_t n = strcspn(p, "&");
		size_t name_len = strcspn(p, "=&");
		char *name = decoded(a, p, name_len);
		char *value = name_len < n ? decoded(a, p + name_len + 1, n - name_len - 1) : NULL;

		if (value != NULL && streq(name, "X-Amz-Credential"))
			*ret_scope = value;
		else if (streq(name, "X-Amz-SignedHeaders"))
			c->signed_headers = value;
		else if (streq(name, "X-Amz-Signature"))
			c->signature = value;
		else if (streq(name, "X-Amz-Date"))
			c->time = value;
		else if (streq(name, "X-Amz-Security-Token"))
			c->session_token = value;
		else if (streq(name, "X-Amz-Expires"))
			expires = value;
		p += n + (p[n] == '&');
	}
	c->presigned = *ret_scope != NULL;
	c->expires_s = expires != NULL ? strtoll(expires, NULL, 10) : -1;
}

int
sigv4_read(const struct sigv4_request *r, struct arena *a, struct sigv4_claim *ret, struct err *e)
{
	const char *authorization = find_header(r, "Authorization");
	struct sigv4_claim c = { 0 };
	char *scope = NULL;

	if (authorization != NULL && has_prefix(authorization, ALGORITHM " ")) {
		read_authorization(
		    arena_strdup(a, authorization + strlen(ALGORITHM " ")), a, &c, &scope);
		c.time = find_header(r, "X-Amz-Date");
		if (c.time == NULL)
			c.time = find_header(r, "Date");
		c.session_token = find_header(r, "X-Amz-Security-Token");
	} else {
		read_presigned(r, a, &c, &scope);
		if (!c.presigned && authorization == NULL)
			return 0;
	}
	if (scope == NULL || read_scope(scope, &c) < 0)
		return err_set(e, ERR_INVALID_SIGNATURE,
		    "Authorization header requires 'Credential' parameter: a key, a date, a "
		    "region, a "
		    "service and 'aws4_request', separated by slashes.");
	if (c.signature == NULL || c.signed_headers == NULL)
		return err_set(e, ERR_INVALID_SIGNATURE,
		    "Authorization header requires '%s' parameter.",
		    c.signature == NULL ? "Signature" : "SignedHeaders");
	if (c.time == NULL || read_time(c.time, &c.time_ms) < 0)
		return err_set(e, ERR_INVALID_SIGNATURE,
		    "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' "
		    "header.");
	if (c.presigned && (c.expires_s < 0 || c.expires_s > 604800))
		return err_set(e, ERR_INVALID_SIGNATURE,
		    "X-Amz-Expires must be a number of seconds from 0 to 604800.");
	*ret = c;
	return 1;
}

/* --- the canonical request --- */

/* Without "." and ".." and doubled slashes, except for S3, whose keys may have them; encoded once
 * more than it came, again except for S3. */
static void
add_path(struct text *t, const char *path, bool s3)
{
	_cleanup_text_ struct text clean = { 0 };
	const char *p = path;

	if (s3 || *p == '\0') {
		text_adds(t, *p == '\0' ? "/" : p);
		return;
	}
	while (*p != '\0') {
		size_t n;

		p += strspn(p, "/");
		n = strcspn(p, "/");
		if (n == 2 && p[0] == '.' && p[1] == '.') {
			while (clean.len > 0 && clean.s[--clean.len] != '/')
				continue;
		} else if (n > 0 && !(n == 1 && p[0] == '.')) {
			text_add(&clean, "/", 1);
			text_add(&clean, p, n);
		}
		p += n;
	}
	if (clean.len == 0 || path[strlen(path) - 1] == '/')
		text_add(&clean, "/", 1);
	add_encoded(t, clean.s, clean.len, true);
}

static int
compare_texts(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Sorted "name=value", both encoded anew. '\1' stands for '=' while sorting: a name that another
 * one begins with comes first. */
static bool
add_query(struct text *t, const struct sigv4_request *r, bool presigned, struct arena *a)
{
	char *sorted[PARAMETERS_MAX] = { NULL };
	const char *p = r->query;
	size_t n_sorted = 0;

	while (p != NULL && *p != '\0') {
		size_t n = strcspn(p, "&");
		size_t name_len = strcspn(p, "=&");
		char *name = decoded(a, p, name_len);
		char *value = name_len < n ? decoded(a, p + name_len + 1, n - name_len - 1) : NULL;
		_cleanup_text_ struct text one = { 0 };

		p += n + (p[n] == '&');
		if (n == 0 || (presigned && streq(name, "X-Amz-Signature")))
			continue;
		if (n_sorted == ARRAY_SIZE(sorted))
			return false;
		add_encoded(&one, name, strlen(name), false);
		text_add(&one, "\1", 1);
		if (value != NULL)
			add_encoded(&one, value, strlen(value), false);
		sorted[n_sorted++] = arena_strdup(a, one.s);
	}
	qsort(sorted, n_sorted, sizeof(sorted[0]), compare_texts);
	for (size_t i = 0; i < n_sorted; i++) {
		*strchr(sorted[i], '\1') = '=';
		if (i > 0)
			text_add(t, "&", 1);
		text_adds(t, sorted[i]);
	}
	return true;
}

/* Without the blanks around it, and one blank for several. */
static void
add_trimmed(struct text *t, const char *value)
{
	const char *p = value + strspn(value, " \t");

	while (*p != '\0') {
		size_t n = strcspn(p, " \t");

		text_add(t, p, n);
		p += n;
		n = strspn(p, " \t");
		if (n > 0 && p[n] != '\0')
			text_add(t, " ", 1);
		p += n;
	}
}

/* The signed headers in the order in which they are listed; false where "host" is not among them.
 */
static bool
add_headers(
    struct text *t, const struct sigv4_request *r, const struct sigv4_claim *c, struct arena *a)
{
	char *names = arena_strdup(a, c->signed_headers);
	char *save = NULL;
	bool host = false;
	size_t n = 0;

	for (char *name = strtok_r(names, ";", &save); name != NULL;
	     name = strtok_r(NULL, ";", &save)) {
		bool first = true;

		if (++n > SIGV4_HEADERS_MAX)
			return false;
		host = host || streq(name, "host");
		text_adds(t, name);
		text_add(t, ":", 1);
		for (size_t i = 0; i < r->n_headers; i++) {
			if (strcasecmp(r->headers[i].name, name) != 0)
				continue;
			if (!first)
				text_add(t, ",", 1);
			add_trimmed(t, r->headers[i].value);
			first = false;
		}
		text_add(t, "\n", 1);
	}
	return host;
}

/* What was signed of the body; false where it is another body. */
static bool
add_payload(struct text *t, const struct sigv4_request *r, const struct sigv4_claim *c)
{
	const char *said = find_header(r, "X-Amz-Content-Sha256");
	char real[SHA256_HEX];

	if (c->presigned && said == NULL && streq(c->service, "s3"))
		said = "UNSIGNED-PAYLOAD";
	if (r->body_later && said != NULL) {
		text_adds(t, said);
		return true;
	}
	if (said != NULL && (streq(said, "UNSIGNED-PAYLOAD") || has_prefix(said, "STREAMING-"))) {
		text_adds(t, said);
		return true;
	}
	sha256_hex(r->body, r->body_len, real);
	text_adds(t, real);
	return said == NULL || strcasecmp(said, real) == 0;
}

void
sigv4_derive(const char *secret, const char *date, const char *region, const char *service,
    unsigned char ret[static SIGV4_KEY_BYTES])
{
	_cleanup_free_ char *first = xasprintf("AWS4%s", secret);

	hmac(first, strlen(first), date, ret);
	hmac(ret, SIGV4_KEY_BYTES, region, ret);
	hmac(ret, SIGV4_KEY_BYTES, service, ret);
	hmac(ret, SIGV4_KEY_BYTES, "aws4_request", ret);
	OPENSSL_cleanse(first, strlen(first));
}

bool
sigv4_verify(const struct sigv4_request *r, const struct sigv4_claim *c,
    const unsigned char key[static SIGV4_KEY_BYTES], struct arena *a)
{
	_cleanup_free_ char *to_sign = NULL;
	_cleanup_text_ struct text t = { 0 };
	unsigned char mac[SIGV4_KEY_BYTES];
	char digest[SHA256_HEX], wanted[SHA256_HEX];

	text_adds(&t, r->method);
	text_add(&t, "\n", 1);
	add_path(&t, r->path, streq(c->service, "s3"));
	text_add(&t, "\n", 1);
	if (!add_query(&t, r, c->presigned, a))
		return false;
	text_add(&t, "\n", 1);
	if (!add_headers(&t, r, c, a))
		return false;
	text_add(&t, "\n", 1);
	text_adds(&t, c->signed_headers);
	text_add(&t, "\n", 1);
	if (!add_payload(&t, r, c))
		return false;
	sha256_hex(t.s, t.len, digest);
	to_sign = xasprintf(ALGORITHM "\n%s\n%s/%s/%s/aws4_request\n%s", c->time, c->date,
	    c->region, c->service, digest);
	hmac(key, SIGV4_KEY_BYTES, to_sign, mac);
	print_hex(mac, sizeof(mac), wanted);
	return strlen(c->signature) == strlen(wanted) &&
	       CRYPTO_memcmp(c->signature, wanted, strlen(wanted)) == 0;
}
