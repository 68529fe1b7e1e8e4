/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tokens of List operations and the counting of one page. Called by the operation files; it must
 * not know what a key means.
 */
#include "daemon/page.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

/* A token is base64url, without padding, of "1/<operation>/<key>"; 1 is the version of this format.
 */
#define PLAIN_MAX (PAGE_KEY_MAX + 128)
#define TOKEN_MAX ((PLAIN_MAX + 2) / 3 * 4 + 1)

static void
token_encode(const char *plain, char out[static TOKEN_MAX])
{
	int n =
	    EVP_EncodeBlock((unsigned char *)out, (const unsigned char *)plain, (int)strlen(plain));

	while (n > 0 && out[n - 1] == '=')
		n--;
	out[n] = '\0';
	for (char *p = out; *p != '\0'; p++) {
		if (*p == '+')
			*p = '-';
		else if (*p == '/')
			*p = '_';
	}
}

static int
token_decode(const char *token, char ret[static TOKEN_MAX])
{
	char padded[TOKEN_MAX + 4];
	char again[TOKEN_MAX];
	size_t len = strlen(token);
	int n;

	if (len == 0 || len >= TOKEN_MAX || len % 4 == 1)
		return -EINVAL;
	(void)snprintf(padded, sizeof(padded), "%s%.*s", token, (int)((4 - len % 4) % 4), "==");
	for (char *p = padded; *p != '\0'; p++) {
		if (*p == '-')
			*p = '+';
		else if (*p == '_')
			*p = '/';
	}
	n = EVP_DecodeBlock(
	    (unsigned char *)ret, (const unsigned char *)padded, (int)strlen(padded));
	if (n < 0)
		return -EINVAL;
	ret[n] = '\0'; /* the padding's bytes come out as NULs, so strlen is the true length */
	/* Only what we write ourselves is a token: this refuses other alphabets, white space and
	 * NULs in the text. */
	if (strlen(ret) > PLAIN_MAX)
		return -EINVAL;
	token_encode(ret, again);
	return streq(again, token) ? 0 : -EINVAL;
}

char *
page_encode(struct arena *a, const char *operation, const char *key)
{
	char plain[PLAIN_MAX];
	char token[TOKEN_MAX];

	(void)snprintf(plain, sizeof(plain), "1/%s/%s", operation, key);
	token_encode(plain, token);
	return arena_strdup(a, token);
}

int
page_decode(const char *operation, const char *token, char ret[static PAGE_KEY_MAX], struct err *e)
{
	char plain[TOKEN_MAX];
	char head[128];

	if (token == NULL) {
		ret[0] = '\0';
		return 0;
	}
	(void)snprintf(head, sizeof(head), "1/%s/", operation);
	if (token_decode(token, plain) < 0 || !has_prefix(plain, head) ||
	    plain[strlen(head)] == '\0' || strlen(plain + strlen(head)) >= PAGE_KEY_MAX)
		return err_set(e, ERR_INVALID_PARAMETER, "Invalid token.");
	memcpy(ret, plain + strlen(head), strlen(plain + strlen(head)) + 1);
	return 0;
}

int
page_begin(struct page *p, const char *operation, const char *token, int limit, struct err *e)
{
	struct page page = { .limit = limit };
	int r = page_decode(operation, token, page.after, e);

	if (r == 0)
		*p = page;
	return r;
}

const char *
page_after(const struct page *p)
{
	return p->after[0] != '\0' ? p->after : NULL;
}

bool
page_take(struct page *p, const char *key)
{
	if (p->n >= p->limit) {
		p->more = true;
		return false;
	}
	p->n++;
	(void)snprintf(p->last, sizeof(p->last), "%s", key);
	return true;
}

void
page_finish(const struct page *p, const char *operation, struct arena *a, struct json_object *out)
{
	if (p->more)
		json_add_str(out, "nextToken", page_encode(a, operation, p->last));
}
