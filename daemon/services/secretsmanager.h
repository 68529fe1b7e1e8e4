/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the secretsmanager files share: finding a secret by what a request calls it, its value as a
 * request brings it, new versions and their labels, tags and pages. Beside them only
 * ssm_reference.c includes it.
 */
#ifndef DAEMON_SERVICES_SECRETSMANAGER_H
#define DAEMON_SERVICES_SECRETSMANAGER_H

#include "daemon/page.h"
#include "daemon/services/service.h"
#include "daemon/store/secret.h"

#define SECRET_BYTES_MAX 65536
#define SECRET_VERSIONS_MAX 100
#define SECRET_STAGES_MAX 20 /* of one version */
#define SECRET_TAGS_MAX 50
#define STAGE_CURRENT "AWSCURRENT"
#define STAGE_PREVIOUS "AWSPREVIOUS"

struct secret_tag_in {
	const char *key;
	const char *value;
};
struct secret_tags {
	bool set;
	size_t n;
	struct secret_tag_in *v;
};
extern const struct schema secret_tag_schema;

struct secret_filter_in {
	int key; /* index into secret_filter_keys */
	struct str_list values;
};
struct secret_filters {
	bool set;
	size_t n;
	struct secret_filter_in *v;
};
extern const struct schema secret_filter_schema;

/* clang-format off */
#define F_SECRET_ID(s)        F_STR(s, id, "SecretId", .flags = SCHEMA_REQUIRED, .min_len = 1, .max_len = 2048)
#define F_SECRET_TOKEN(s)     F_STR(s, value.token, "ClientRequestToken", .min_len = 32, .max_len = 64)
#define F_SECRET_BINARY(s)    F_BLOB(s, value.binary, "SecretBinary", .flags = SCHEMA_SECRET, .min_len = 1, .max_len = SECRET_BYTES_MAX)
#define F_SECRET_STRING(s)    F_STR(s, value.string, "SecretString", .flags = SCHEMA_SECRET, .min_len = 1, .max_len = SECRET_BYTES_MAX)
#define F_SECRET_FILTERS(s)   F_LIST(s, filters, "Filters", struct secret_filter_in, &secret_filter_schema, .max_len = 10)
#define F_SECRET_NEXT(s)      F_STR(s, next, "NextToken", .min_len = 1, .max_len = 4096)
/* clang-format on */

/* Input of the operations that take nothing but a secret. */
struct secret_id_in {
	const char *id;
};
extern const struct schema_field secret_id_fields[1];

extern const struct op_table secretsmanager_secret_ops;   /* secretsmanager_secret.c */
extern const struct op_table secretsmanager_value_ops;    /* secretsmanager_value.c */
extern const struct op_table secretsmanager_version_ops;  /* secretsmanager_version.c */
extern const struct op_table secretsmanager_list_ops;     /* secretsmanager_list.c */
extern const struct op_table secretsmanager_policy_ops;   /* secretsmanager_policy.c */
extern const struct op_table secretsmanager_password_ops; /* secretsmanager_password.c */

/* --- secretsmanager.c --- */

/* By name, ARN, or ARN without its last six characters. 0 and the caller's row, or
 * ResourceNotFoundException in c->err. */
int secret_find(struct call *c, const char *id, struct store_secret *ret);
/* The same; a secret that is marked for deletion is InvalidRequestException. */
int secret_find_alive(struct call *c, const char *id, struct store_secret *ret);
/* ARN and Name into c->out. */
void secret_answer(struct call *c, const struct store_secret *o);
/* The error of a request that cannot be done as things are. Returns a negative errno. */
int secret_refuse(struct call *c, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Replaces or adds tags; what they may not be is an error in c->err. */
int secret_put_tags(struct call *c, const struct store_secret *o, const struct secret_tags *tags);
/* Adds the list Tags, where there are any. */
int secret_add_tags(struct call *c, const struct store_secret *o, struct json_object *to);
/* page_begin with this service's error; and the token of the next page, where there is one. */
int secret_page_begin(struct call *c, struct page *p, const char *token, int limit);
void secret_page_finish(struct call *c, const struct page *p);

/* --- secretsmanager_version.c --- */

struct secret_value_in {
	const char *token;
	const char *binary;
	const char *string;
};
/* A value that a request brings. bytes NULL: it brings none. Lives in the call's arena. */
struct secret_value {
	const void *bytes;
	size_t len;
	bool binary;
	char version[SECRET_VERSION_ID_MAX]; /* the request's token, or a new id */
};
int secret_value_read(struct call *c, const struct secret_value_in *in, struct secret_value *ret);
/* 1 where the secret has a version of this id with this value, 0 where it has none of this id. One
 * with another value is ResourceExistsException. */
int secret_value_same(struct call *c, const struct store_secret *o, const struct secret_value *v);
/* Makes a version and gives it labels (none: AWSCURRENT); one that is there already with the same
 * value stays as it is. The secret has changed then: o is written. */
int secret_version_add(struct call *c, struct store_secret *o, const struct secret_value *v,
    const struct str_list *stages);
/* Adds the list VersionStages of a version. */
int secret_add_stages(
    struct call *c, const struct store_secret *o, const char *version, struct json_object *to);
/* {"<version>": ["<label>"…]} of all versions that have labels; the caller's, NULL on failure. */
struct json_object *secret_print_stages(struct call *c, const struct store_secret *o);

/* --- secretsmanager_value.c --- */

/* What GetSecretValue answers for a secret that is not marked for deletion, into `to`. `version` is
 * a version's id, `stage` a label; either may be NULL. */
int secret_show(
    struct call *c, const char *id, const char *version, const char *stage, struct json_object *to);

/* --- secretsmanager_secret.c --- */

/* A secret as DescribeSecret and ListSecrets show it, into `to`; they call the labels differently.
 */
int secret_print(struct call *c, const struct store_secret *o, const char *stages_member,
    struct json_object *to);

/* --- secretsmanager_list.c --- */

/* True where a secret passes all filters. A negative errno is in *ret_r. */
bool secret_passes(
    struct call *c, const struct store_secret *o, const struct secret_filters *filters, int *ret_r);

#endif
