/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of operations is in s3_ops.c; here is how a request finds its row (see s3_route.h).
 */
#include "daemon/services/s3_route.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static int
hex_value(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = c == '\0' ? NULL : strchr(digits, tolower((unsigned char)c));

	return at == NULL ? -1 : (int)(at - digits);
}

char *
s3_decode(struct arena *a, const char *text, size_t n, bool plus)
{
	char *ret = arena_alloc(a, n + 1);
	size_t len = 0;

	for (size_t i = 0; i < n; i++) {
		char c = text[i];

		if (c == '%' && i + 2 < n && hex_value(text[i + 1]) >= 0 &&
		    hex_value(text[i + 2]) >= 0) {
			c = (char)(16 * hex_value(text[i + 1]) + hex_value(text[i + 2]));
			i += 2;
		} else if (c == '+' && plus) {
			c = ' ';
		}
		if (c == '\0')
			return NULL;
		ret[len++] = c;
	}
	ret[len] = '\0';
	return ret;
}

char *
s3_encode(struct arena *a, const char *text)
{
	static const char digits[] = "0123456789ABCDEF";
	char *ret = arena_alloc(a, 3 * strlen(text) + 1);
	char *p = ret;

	for (; *text != '\0'; text++) {
		unsigned char ch = (unsigned char)*text;

		if (isascii(ch) && (isalnum(ch) || strchr("-_.~/*", ch) != NULL)) {
			*p++ = (char)ch;
			continue;
		}
		*p++ = '%';
		*p++ = digits[ch >> 4];
		*p++ = digits[ch & 15];
	}
	return ret;
}

/* Keys are UTF-8: listings are XML. */
static bool
is_utf8(const char *text)
{
	const unsigned char *p = (const unsigned char *)text;

	while (*p != '\0') {
		size_t n = *p < 0x80       ? 0
			   : *p >> 5 == 6  ? 1
			   : *p >> 4 == 14 ? 2
			   : *p >> 3 == 30 ? 3
					   : 9;

		if (n == 9 || (n == 1 && *p < 0xc2) || (n == 2 && *p == 0xe0 && p[1] < 0xa0) ||
		    (n == 3 && ((*p == 0xf0 && p[1] < 0x90) || *p > 0xf4)))
			return false;
		for (p++; n > 0; n--, p++)
			if (*p >> 6 != 2)
				return false;
	}
	return true;
}

/* The last label of a host that is "s3" or begins with "s3-": what is before it is the bucket. */
static const char *
find_service_label(const char *host, size_t len)
{
	const char *found = NULL;
	const char *p = host;

	while (p < host + len) {
		size_t n = strcspn(p, ".:");

		if ((n == 2 || (n > 3 && p[2] == '-')) && strncasecmp(p, "s3", 2) == 0)
			found = p;
		p += n + 1;
	}
	return found;
}

/* bucket.s3.localhost, bucket.s3.us-east-1.amazonaws.com, bucket.localhost. */
static int
read_host(const char *host, char bucket[static S3_BUCKET_MAX])
{
	static const char local[] = ".localhost";
	size_t len = strcspn(host, ":");
	const char *label = find_service_label(host, len);
	size_t n = 0;

	if (host[0] == '[')
		return 0;
	if (label != NULL)
		n = label > host ? (size_t)(label - host) - 1 : 0;
	else if (len > strlen(local) &&
		 strncasecmp(host + len - strlen(local), local, strlen(local)) == 0)
		n = len - strlen(local);
	if (n >= S3_BUCKET_MAX)
		return -EINVAL;
	memcpy(bucket, host, n);
	bucket[n] = '\0';
	return 0;
}

int
s3_split_path(const char *path, char bucket[static S3_BUCKET_MAX], char key[static S3_KEY_MAX])
{
	size_t n;

	path += *path == '/';
	n = strcspn(path, "/");
	if (n >= S3_BUCKET_MAX)
		return -EINVAL;
	memcpy(bucket, path, n);
	bucket[n] = '\0';
	path += n + (path[n] == '/');
	if (strlen(path) >= S3_KEY_MAX)
		return -ENAMETOOLONG;
	(void)snprintf(key, S3_KEY_MAX, "%s", path);
	return 0;
}

static int
read_query(const char *p, struct arena *a, struct s3_route *ret, struct err *e)
{
	while (p != NULL && *p != '\0') {
		size_t n = strcspn(p, "&");
		size_t name_len = strcspn(p, "=&");
		struct s3_parameter *q = &ret->parameters[ret->n_parameters];

		if (ret->n_parameters == S3_PARAMETERS_MAX)
			return err_set_code(
			    e, 400, "InvalidRequest", "The query has too many parameters.");
		q->name = s3_decode(a, p, name_len, true);
		q->value =
		    name_len < n ? s3_decode(a, p + name_len + 1, n - name_len - 1, true) : "";
		if (q->name == NULL || q->value == NULL)
			return err_set_code(e, 400, "InvalidArgument",
			    "A parameter of the query has a character that is not allowed.");
		ret->n_parameters += n > 0;
		p += n + (p[n] == '&');
	}
	return 0;
}

const char *
s3_parameter(const struct s3_route *r, const char *name)
{
	for (size_t i = 0; i < r->n_parameters; i++)
		if (strcmp(r->parameters[i].name, name) == 0)
			return r->parameters[i].value;
	return NULL;
}

/* Bucket and key. */
static int
read_path(const struct s3_target *t, struct arena *a, struct s3_route *ret, struct err *e)
{
	const char *path = s3_decode(a, t->path, strlen(t->path), false);
	int r = path != NULL && is_utf8(path) ? 0 : -EILSEQ;

	if (r < 0)
		return err_set_code(e, 400, "InvalidURI", "Couldn't parse the specified URI.");
	r = read_host(t->host, ret->bucket);
	if (r == 0 && ret->bucket[0] == '\0')
		r = s3_split_path(path, ret->bucket, ret->key);
	else if (r == 0 && strlen(path) <= S3_KEY_MAX)
		(void)snprintf(ret->key, sizeof(ret->key), "%s", path + (*path == '/'));
	else if (r == 0)
		r = -ENAMETOOLONG;
	if (r == -ENAMETOOLONG)
		return err_set_code(e, 400, "KeyTooLongError", "Your key is too long");
	if (r < 0)
		return err_set_code(
		    e, 400, "InvalidBucketName", "The specified bucket is not valid.");
	ret->level = ret->bucket[0] == '\0' ? S3_ON_SERVICE
		     : ret->key[0] == '\0'  ? S3_ON_BUCKET
					    : S3_ON_OBJECT;
	return 0;
}

static bool
fits(const struct s3_op *op, const struct s3_target *t, const struct s3_route *r)
{
	return op->level == r->level && streq(op->method, t->method) &&
	       (!op->copies || t->copies) &&
	       (op->parameter == NULL || s3_parameter(r, op->parameter) != NULL);
}

int
s3_route(const struct s3_target *t, struct arena *a, struct s3_route *ret, struct err *e)
{
	int r;

	*ret = (struct s3_route){ 0 };
	r = read_path(t, a, ret, e);
	if (r == 0)
		r = read_query(t->query, a, ret, e);
	if (r < 0)
		return r;
	for (size_t i = 0; i < n_s3_ops && ret->op == NULL; i++)
		if (fits(&s3_ops[i], t, ret))
			ret->op = &s3_ops[i];
	if (ret->op == NULL)
		return err_set_code(e, 405, "MethodNotAllowed",
		    "The specified method is not allowed against this resource.");
	return 0;
}
