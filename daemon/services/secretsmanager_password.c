/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GetRandomPassword: characters from the kernel's randomness, each of the kinds that are wanted at
 * least once, every place as likely as any other.
 */
#include "daemon/services/secretsmanager.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <string.h>

#define LENGTH_DEFAULT 32
#define LENGTH_MAX 4096

struct password_in {
	struct opt_int length;
	const char *without;
	enum tri no_numbers;
	enum tri no_punctuation;
	enum tri no_uppercase;
	enum tri no_lowercase;
	enum tri space;
	enum tri each;
};

static int get_random_password(struct call *c);

/* clang-format off */
static const struct schema_field password_fields[] = {
	F_LONG(struct password_in, length,         "PasswordLength", .min = 1, .max = LENGTH_MAX),
	F_STR(struct password_in, without,         "ExcludeCharacters", .max_len = LENGTH_MAX),
	F_BOOL(struct password_in, no_numbers,     "ExcludeNumbers"),
	F_BOOL(struct password_in, no_punctuation, "ExcludePunctuation"),
	F_BOOL(struct password_in, no_uppercase,   "ExcludeUppercase"),
	F_BOOL(struct password_in, no_lowercase,   "ExcludeLowercase"),
	F_BOOL(struct password_in, space,          "IncludeSpace"),
	F_BOOL(struct password_in, each,           "RequireEachIncludedType"),
};
static const struct schema password_schema = SCHEMA(struct password_in, password_fields, "GetRandomPasswordRequest");

static const struct op ops[] = {
	{ .name = "GetRandomPassword", .run = get_random_password, .input = &password_schema, .bad_input = ERR_VALIDATION },
};
/* clang-format on */
const struct op_table secretsmanager_password_ops = { ops, ARRAY_SIZE(ops) };

/* Characters of one kind that may be in a password. */
struct kind {
	size_t n;
	char chars[64];
};

static void
add_kind(struct kind kinds[static 5], size_t *n, const char *chars, const char *without)
{
	struct kind *k = &kinds[*n];

	*k = (struct kind){ 0 };
	for (; *chars != '\0'; chars++)
		if (without == NULL || strchr(without, *chars) == NULL)
			k->chars[k->n++] = *chars;
	if (k->n > 0)
		(*n)++;
}

static size_t
choose_kinds(const struct password_in *in, struct kind kinds[static 5])
{
	size_t n = 0;

	if (in->no_uppercase != TRI_TRUE)
		add_kind(kinds, &n, "ABCDEFGHIJKLMNOPQRSTUVWXYZ", in->without);
	if (in->no_lowercase != TRI_TRUE)
		add_kind(kinds, &n, "abcdefghijklmnopqrstuvwxyz", in->without);
	if (in->no_numbers != TRI_TRUE)
		add_kind(kinds, &n, "0123456789", in->without);
	if (in->no_punctuation != TRI_TRUE)
		add_kind(kinds, &n, "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", in->without);
	if (in->space == TRI_TRUE)
		add_kind(kinds, &n, " ", in->without);
	return n;
}

/* A number below `n`, each as likely as any other: what would favour some is thrown away. */
static int
random_below(uint32_t n, uint32_t *ret)
{
	const uint32_t fair = UINT32_MAX - UINT32_MAX % n;
	uint32_t v;

	do {
		if (RAND_bytes((unsigned char *)&v, sizeof(v)) != 1)
			return -1;
	} while (v >= fair);
	*ret = v % n;
	return 0;
}

static int
pick(const struct kind *kinds, size_t n_kinds, char *ret)
{
	size_t all = 0;
	uint32_t at = 0;

	for (size_t i = 0; i < n_kinds; i++)
		all += kinds[i].n;
	if (all == 0 || random_below((uint32_t)all, &at) < 0)
		return -1;
	for (size_t i = 0; i < n_kinds; i++) {
		if (at < kinds[i].n) {
			*ret = kinds[i].chars[at];
			return 0;
		}
		at -= (uint32_t)kinds[i].n;
	}
	return -1;
}

/* One of each kind first, anything behind, and then all shuffled. */
static int
make_password(char *out, size_t len, const struct kind *kinds, size_t n_kinds, bool each)
{
	uint32_t other = 0;

	for (size_t i = 0; i < len; i++) {
		int r = each && i < n_kinds ? pick(&kinds[i], 1, &out[i])
					    : pick(kinds, n_kinds, &out[i]);

		if (r < 0)
			return r;
	}
	for (size_t i = len; i > 1; i--) {
		char c = out[i - 1];

		if (random_below((uint32_t)i, &other) < 0)
			return -1;
		out[i - 1] = out[other];
		out[other] = c;
	}
	return 0;
}

static int
get_random_password(struct call *c)
{
	const struct password_in *in = c->args;
	size_t len = in->length.set ? (size_t)in->length.v : LENGTH_DEFAULT;
	bool each = in->each != TRI_FALSE;
	char password[LENGTH_MAX + 1] = "";
	struct kind kinds[5];
	size_t n = choose_kinds(in, kinds);

	if (n == 0)
		return err_set(&c->err, ERR_INVALID_PARAMETER,
		    "You have excluded every character: there is nothing to make a password of.");
	if (each && len < n)
		return err_set(&c->err, ERR_INVALID_PARAMETER,
		    "Password length %zu is too short based on the required types.", len);
	if (make_password(password, len, kinds, n, each) < 0)
		return err_set(&c->err, ERR_SERVER, "there is no randomness for a password");
	json_add_str(c->out, "RandomPassword", password);
	OPENSSL_cleanse(password, sizeof(password));
	return 0;
}
