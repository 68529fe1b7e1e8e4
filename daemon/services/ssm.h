/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the ssm files share: how a request names a parameter and a version of it, finding and
 * printing them, tags. Only they include it.
 */
#ifndef DAEMON_SERVICES_SSM_H
#define DAEMON_SERVICES_SSM_H

#include "daemon/page.h"
#include "daemon/services/service.h"
#include "daemon/store/parameter.h"

#define SSM_VERSIONS_MAX 100
#define SSM_LABELS_MAX 10 /* of one version */
#define SSM_TAGS_MAX 50
#define SSM_REFERENCE "/aws/reference/secretsmanager/"

struct ssm_tag_in {
	const char *key;
	const char *value;
};
struct ssm_tags {
	bool set;
	size_t n;
	struct ssm_tag_in *v;
};
extern const struct schema ssm_tag_schema;

/* clang-format off */
#define F_SSM_NAME(s)    F_STR(s, name, "Name", .flags = SCHEMA_REQUIRED, .min_len = 1, .max_len = 2048)
#define F_SSM_NAMES(s)   F_STRS(s, names, "Names", .flags = SCHEMA_REQUIRED, .min_len = 1, .max_len = 10, .item_max_len = 2048)
#define F_SSM_DECRYPT(s) F_BOOL(s, decrypt, "WithDecryption")
#define F_SSM_LABELS(s)  F_STRS(s, labels, "Labels", .flags = SCHEMA_REQUIRED, .min_len = 1, .max_len = SSM_LABELS_MAX, .item_max_len = 100)
#define F_SSM_TAGS(s, ...) F_LIST(s, tags, "Tags", struct ssm_tag_in, &ssm_tag_schema, .max_len = 1000, ##__VA_ARGS__)
#define F_SSM_NEXT(s)    F_STR(s, next, "NextToken", .max_len = 4096)
/* clang-format on */

extern const struct op_table ssm_put_ops;   /* ssm_put.c */
extern const struct op_table ssm_get_ops;   /* ssm_get.c */
extern const struct op_table ssm_list_ops;  /* ssm_list.c */
extern const struct op_table ssm_label_ops; /* ssm_label.c */
extern const struct op_table ssm_tag_ops;   /* ssm_tag.c */

/* --- ssm.c --- */

/* "name", "name:3", "name:label", or an ARN with either behind it; both without the colon. NULL:
 * no selector. Live in the call's arena. */
struct ssm_reference {
	const char *name;
	const char *selector;
	bool foreign; /* an ARN of another account or region: it cannot exist here */
	bool bare;    /* an ARN cannot tell "x" from "/x": the name may be either */
};
struct ssm_reference ssm_parse(struct call *c, const char *text);

/* 1 and the row, 0, negative errno. */
int ssm_get(struct call *c, const struct ssm_reference *ref, struct store_parameter *ret);
/* By name or ARN, a selector is none of this. 0 and the row, or ParameterNotFound in c->err. */
int ssm_find(struct call *c, const char *name, struct store_parameter *ret);
/* The version that a selector means, the newest for NULL. 1 and the caller's row, 0 where there is
 * none, negative errno. */
int ssm_get_version(struct call *c, const struct store_parameter *p, const char *selector,
    struct store_parameter_version *ret);

/* ParameterNotFound, whose message is empty on AWS. Returns a negative errno. */
int ssm_not_found(struct call *c);

/* The ARN, in the call's arena. */
const char *ssm_arn(struct call *c, const struct store_parameter *p);
/* The members that Get operations show: Name, Type, Value, Version, LastModifiedDate, ARN,
 * DataType. */
int ssm_print(struct call *c, const struct store_parameter *p,
    const struct store_parameter_version *v, bool decrypt, struct json_object *to);
/* The value alone: ciphertext (base64) of a SecureString unless `decrypt`. */
int ssm_print_value(struct call *c, const struct store_parameter *p,
    const struct store_parameter_version *v, bool decrypt, struct json_object *to);
/* The members that DescribeParameters and GetParameterHistory show beside. */
void ssm_print_metadata(const struct store_parameter_version *v, struct json_object *to);
/* A version's doc as a tree with the members of the API ("Type", "Tier", "Policies" …); the
 * caller's. */
struct json_object *ssm_doc(const struct store_parameter_version *v);

/* page_begin with this service's error; and the token of the next page, where there is one. */
int ssm_page_begin(struct call *c, struct page *p, const char *token, int limit);
void ssm_page_finish(struct call *c, const struct page *p);

/* --- ssm_reference.c --- */

/* True of a name below /aws/reference/secretsmanager/: it stands for a secret. */
bool ssm_is_reference(const struct ssm_reference *ref);
/* Prints the secret as a parameter. 1 where it is printed into `to`, 0 where there is no such
 * secret or version, negative errno. */
int ssm_print_reference(
    struct call *c, const struct ssm_reference *ref, bool decrypt, struct json_object *to);

/* --- ssm_tag.c --- */

/* Replaces or adds tags; what they may not be is an error in c->err. */
int ssm_put_tags(struct call *c, const struct store_parameter *p, const struct ssm_tags *tags);

#endif
