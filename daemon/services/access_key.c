/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random texts in the alphabets that AWS uses (see access_key.h).
 */
#include "daemon/services/access_key.h"

#include <openssl/evp.h>
#include <string.h>

#define CHECK_LEN 4
#define TOKEN_LEN 356
#define TOKEN_HEAD "IQoJb3JpZ2luX2Vj" /* what tokens of AWS begin with */

static const char base32[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static void
digest_text(const char *from, size_t len, char *ret, size_t n)
{
	unsigned char md[EVP_MAX_MD_SIZE];

	if (EVP_Digest(from, len, md, NULL, EVP_sha256(), NULL) != 1)
		abort();
	for (size_t i = 0; i < n; i++)
		ret[i] = base32[md[i] & 31];
	ret[n] = '\0';
}

void
access_key_make(const char prefix[static 4], char ret[static ACCESS_KEY_LEN + 1])
{
	memcpy(ret, prefix, 4);
	random_text(ret + 4, ACCESS_KEY_LEN - 4 - CHECK_LEN, base32);
	digest_text(ret, ACCESS_KEY_LEN - CHECK_LEN, ret + ACCESS_KEY_LEN - CHECK_LEN, CHECK_LEN);
}

bool
access_key_is_ours(const char *access_key)
{
	char check[CHECK_LEN + 1];

	if (strlen(access_key) != ACCESS_KEY_LEN ||
	    (!has_prefix(access_key, "ASIA") && !has_prefix(access_key, "AKIA")))
		return false;
	digest_text(access_key, ACCESS_KEY_LEN - CHECK_LEN, check, CHECK_LEN);
	return strcmp(access_key + ACCESS_KEY_LEN - CHECK_LEN, check) == 0;
}

void
access_key_make_secret(char ret[static ACCESS_SECRET_LEN + 1])
{
	random_text(ret, ACCESS_SECRET_LEN, base64);
}

char *
access_key_make_token(void)
{
	char text[TOKEN_LEN + 1];

	random_text(text, TOKEN_LEN, base64);
	return xasprintf("%s%s", TOKEN_HEAD, text);
}

void
unique_id_make(const char prefix[static 4], const char *seed, char ret[static UNIQUE_ID_LEN + 1])
{
	memcpy(ret, prefix, 4);
	if (seed != NULL)
		digest_text(seed, strlen(seed), ret + 4, UNIQUE_ID_LEN - 4);
	else
		random_text(ret + 4, UNIQUE_ID_LEN - 4, base32);
}
