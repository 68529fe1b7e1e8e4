/* SPDX-License-Identifier: Apache-2.0 */
/*
 * References and values of value_from.h. The rules are those of the agent's taskresource packages
 * (asmsecret, ssmsecret, envFiles) and of its asm package.
 */
#include "shim/value_from.h"
#include "common/json.h"

#include <stdio.h>
#include <string.h>

#define ARN_FIELDS 6            /* arn:partition:service:region:account:resource */
#define FIELDS_MAX 11           /* one more than any reference has */
#define FIELDS_OF_SECRET 7      /* …:secret:name */
#define FIELDS_WITH_VERSION 10  /* …:json-key:version-stage:version-id */
#define PLAIN_EXPONENT_MIN (-4) /* Go's %g: strconv/ftoa.go */
#define PLAIN_EXPONENT_MAX 6
#define BASE64_PAD 64 /* index of "=" */

/* Splits at colons; the last field has what is left. Returns how many there are. */
static size_t
split(char *text, char *fields[static FIELDS_MAX])
{
	size_t n = 0;

	while (n < FIELDS_MAX - 1) {
		char *colon = strchr(text, ':');

		fields[n++] = text;
		if (colon == NULL)
			return n;
		*colon = '\0';
		text = colon + 1;
	}
	fields[n++] = text;
	return n;
}

static const char *
given(const char *field)
{
	return field[0] != '\0' ? field : NULL;
}

int
value_from_secret(const char *text, struct arena *a, struct value_ref *ret, struct err *e)
{
	char *fields[FIELDS_MAX];
	size_t n = split(arena_strdup(a, text), fields), len = 0;
	struct value_ref ref = { .source = VALUE_PARAMETER, .id = text };

	if (n >= ARN_FIELDS && streq(fields[0], "arn"))
		ref.region = given(fields[3]);
	if (n < ARN_FIELDS || !streq(fields[0], "arn") || !streq(fields[2], "secretsmanager")) {
		*ret = ref;
		return 0;
	}
	if (n != FIELDS_OF_SECRET && n != FIELDS_WITH_VERSION)
		return err_set(e, ERR_INVALID_PARAMETER,
		    "unexpected ARN format with parameters when trying to retrieve ASM secret");
	ref.source = VALUE_SECRET;
	for (size_t i = 0; i < FIELDS_OF_SECRET; i++)
		len += strlen(fields[i]) + 1;
	ref.id = arena_printf(a, "%.*s", (int)(len - 1), text);
	if (n == FIELDS_WITH_VERSION) {
		ref.json_key = given(fields[7]);
		ref.stage = given(fields[8]);
		ref.version = given(fields[9]);
	}
	*ret = ref;
	return 0;
}

void
value_from_registry(const char *text, struct arena *a, struct value_ref *ret)
{
	char *fields[FIELDS_MAX];
	size_t n = split(arena_strdup(a, text), fields);

	*ret = (struct value_ref){ .source = VALUE_SECRET, .id = text };
	if (n >= ARN_FIELDS && streq(fields[0], "arn"))
		ret->region = given(fields[3]);
}

int
value_from_file(const char *text, struct value_ref *ret, struct err *e)
{
	const char *at = has_prefix(text, "arn:") ? strstr(text, ":s3:::") : NULL;
	const char *slash = at != NULL ? strchr(at, '/') : NULL;

	at = at != NULL ? at + strlen(":s3:::") : NULL;
	if (slash == NULL || slash == at || slash[1] == '\0')
		return err_set(
		    e, ERR_INVALID_PARAMETER, "invalid s3 arn for environment file: %s", text);
	*ret = (struct value_ref){ .source = VALUE_OBJECT, .id = at };
	return 0;
}

/* The fewest digits that read back as the same number, as Go prints float64 with %v. json_parse
 * lets only finite ones through. */
static void
print_number(double v, FILE *out)
{
	char digits[40];
	int precision = 0, exponent;

	do
		(void)snprintf(digits, sizeof(digits), "%.*e", precision, v);
	while (strtod(digits, NULL) != v && ++precision < 17);
	exponent = (int)strtol(strchr(digits, 'e') + 1, NULL, 10);
	if (exponent < PLAIN_EXPONENT_MIN || exponent >= PLAIN_EXPONENT_MAX)
		(void)fputs(digits, out);
	else
		(void)fprintf(out, "%.*f", precision > exponent ? precision - exponent : 0, v);
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void print_value(struct json_object *v, FILE *out);

/* "map[a:1 b:2]", in the order of the keys. */
static void
print_map(struct json_object *o, FILE *out)
{
	size_t n = (size_t)json_object_object_length(o), i = 0;
	_cleanup_free_ const char **keys = xcalloc(n + 1, sizeof(*keys));

	json_object_object_foreach(o, key, value)
	{
		(void)value;
		keys[i++] = key;
	}
	qsort(keys, n, sizeof(*keys), by_name);
	(void)fputs("map[", out);
	for (i = 0; i < n; i++) {
		(void)fprintf(out, "%s%s:", i > 0 ? " " : "", keys[i]);
		print_value(json_object_object_get(o, keys[i]), out);
	}
	(void)fputs("]", out);
}

static void
print_list(struct json_object *list, FILE *out)
{
	(void)fputs("[", out);
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		(void)fputs(i > 0 ? " " : "", out);
		print_value(json_object_array_get_idx(list, i), out);
	}
	(void)fputs("]", out);
}

/* Depth is limited: the tree comes from json_parse. */
static void
print_value(struct json_object *v, FILE *out)
{
	switch (json_object_get_type(v)) {
	case json_type_null:
		(void)fputs("<nil>", out);
		break;
	case json_type_boolean:
		(void)fputs(json_object_get_boolean(v) ? "true" : "false", out);
		break;
	case json_type_int:
	case json_type_double:
		print_number(json_object_get_double(v), out);
		break;
	case json_type_string:
		(void)fputs(json_object_get_string(v), out);
		break;
	case json_type_object:
		print_map(v, out);
		break;
	case json_type_array:
		print_list(v, out);
		break;
	}
}

static struct json_object *
parse_object(const char *secret)
{
	struct json_object *o = NULL;

	if (json_parse(secret, strlen(secret), &o, NULL) == 0 &&
	    json_object_is_type(o, json_type_object))
		return o;
	json_object_put(o);
	return NULL;
}

int
value_of_key(const char *secret, const char *key, char **ret, struct err *e)
{
	_cleanup_json_ struct json_object *o = parse_object(secret);
	struct json_object *v = NULL;
	size_t len;
	FILE *out;

	if (o == NULL)
		return err_set(e, ERR_INVALID_PARAMETER,
		    "retrieved secret from Secrets Manager is no JSON object that could contain "
		    "json key %s",
		    key);
	if (!json_object_object_get_ex(o, key, &v))
		return err_set(e, ERR_INVALID_PARAMETER,
		    "retrieved secret from Secrets Manager did not contain json key %s", key);
	out = open_memstream(ret, &len);
	if (out == NULL)
		abort();
	print_value(v, out);
	if (fclose(out) != 0)
		abort();
	return 0;
}

static char *
base64url(const char *text)
{
	static const char alphabet[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=";
	size_t len = strlen(text);
	char *out = xcalloc((len + 2) / 3 * 4 + 1, 1), *at = out;

	for (size_t i = 0; i < len; i += 3) {
		uint32_t group = (uint32_t)(unsigned char)text[i] << 16;

		if (i + 1 < len)
			group |= (uint32_t)(unsigned char)text[i + 1] << 8;
		if (i + 2 < len)
			group |= (unsigned char)text[i + 2];
		*at++ = alphabet[group >> 18];
		*at++ = alphabet[group >> 12 & 63];
		*at++ = alphabet[i + 1 < len ? group >> 6 & 63 : BASE64_PAD];
		*at++ = alphabet[i + 2 < len ? group & 63 : BASE64_PAD];
	}
	return out;
}

int
value_registry_auth(const char *secret, char **ret, struct err *e)
{
	_cleanup_json_ struct json_object *o = parse_object(secret);
	_cleanup_json_ struct json_object *auth = json_object_new_object();
	const char *user = json_get_str(o, "username"), *password = json_get_str(o, "password");

	if (secret[0] == '\0')
		return err_set(e, ERR_INVALID_PARAMETER,
		    "asm fetching authorization data: empty secrets value");
	if (o == NULL)
		return err_set(e, ERR_INVALID_PARAMETER,
		    "asm fetching authorization data: unable to unmarshal secret value, invalid "
		    "schema");
	if (user == NULL || user[0] == '\0')
		return err_set(e, ERR_INVALID_PARAMETER,
		    "asm fetching username: AuthorizationData is malformed, empty field");
	if (password == NULL || password[0] == '\0')
		return err_set(e, ERR_INVALID_PARAMETER,
		    "asm fetching password: AuthorizationData is malformed, empty field");
	json_add_str(auth, "username", user);
	json_add_str(auth, "password", password);
	*ret = base64url(json_print(auth));
	return 0;
}

void
value_env_lines(char *text, void (*each)(const char *name, const char *value, void *arg), void *arg)
{
	while (*text != '\0') {
		char *line = text, *end = strchr(text, '\n'), *equals;

		text = end != NULL ? end + 1 : text + strlen(text);
		if (end != NULL)
			*end = '\0';
		end = line + strlen(line);
		if (end > line && end[-1] == '\r')
			end[-1] = '\0';
		equals = strchr(line, '=');
		if (line[0] == '#' || equals == NULL || equals == line)
			continue;
		*equals = '\0';
		each(line, equals + 1, arg);
	}
}
