/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the iam files share: one struct that every operation's input is bound into, rows of members
 * that come in many operations, finding and printing objects, pages, tags and documents. Only the
 * iam*.c files include it.
 */
#ifndef DAEMON_SERVICES_IAM_H
#define DAEMON_SERVICES_IAM_H

#include "daemon/page.h"
#include "daemon/services/service.h"
#include "daemon/store/iam.h"

#define IAM_TAGS_MAX 50
#define IAM_DOCUMENT_MAX 131072
#define IAM_NAME_CHARS "A-Za-z0-9_+=,.@-"

struct iam_tag_in {
	const char *key;
	const char *value;
};
extern const struct schema iam_tag_schema;

/* Every member of every operation. */
struct iam_in {
	const char *role_name;
	const char *user_name;
	const char *profile_name;
	const char *policy_name;
	const char *policy_arn;
	const char *path;
	const char *path_prefix;
	const char *document;
	const char *trust;
	const char *description;
	const char *boundary;
	struct opt_int max_session;
	LIST_OF(struct iam_tag_in) tags;
	struct str_list tag_keys;
	const char *marker;
	struct opt_int max_items;
	const char *version_id;
	enum tri set_as_default;
	int scope;
	enum tri only_attached;
	int entity_filter;
	const char *access_key_id;
	int status;
};

/* clang-format off */
#define IAM_ROLE_NAME    F_STR(struct iam_in, role_name,    "RoleName",            .flags = SCHEMA_REQUIRED, .min_len = 1, .max_len = 64, .chars = IAM_NAME_CHARS)
#define IAM_USER_NAME    F_STR(struct iam_in, user_name,    "UserName",            .flags = SCHEMA_REQUIRED, .min_len = 1, .max_len = 64, .chars = IAM_NAME_CHARS)
#define IAM_USER_OR_SELF F_STR(struct iam_in, user_name,    "UserName",                                      .min_len = 1, .max_len = 128, .chars = IAM_NAME_CHARS)
#define IAM_PROFILE_NAME F_STR(struct iam_in, profile_name, "InstanceProfileName", .flags = SCHEMA_REQUIRED, .min_len = 1, .max_len = 128, .chars = IAM_NAME_CHARS)
#define IAM_POLICY_NAME  F_STR(struct iam_in, policy_name,  "PolicyName",          .flags = SCHEMA_REQUIRED, .min_len = 1, .max_len = 128, .chars = IAM_NAME_CHARS)
#define IAM_POLICY_ARN   F_STR(struct iam_in, policy_arn,   "PolicyArn",           .flags = SCHEMA_REQUIRED, .min_len = 20, .max_len = 2048)
#define IAM_DOCUMENT     F_STR(struct iam_in, document,     "PolicyDocument",      .flags = SCHEMA_REQUIRED, .min_len = 1, .max_len = IAM_DOCUMENT_MAX)
#define IAM_PATH         F_STR(struct iam_in, path,         "Path",                .min_len = 1, .max_len = 512)
#define IAM_DESCRIPTION  F_STR(struct iam_in, description,  "Description",         .max_len = 1000)
#define IAM_TAGS(...)    F_LIST(struct iam_in, tags,        "Tags", struct iam_tag_in, &iam_tag_schema, .max_len = IAM_TAGS_MAX, ##__VA_ARGS__)
#define IAM_TAG_KEYS     F_STRS(struct iam_in, tag_keys,    "TagKeys",             .flags = SCHEMA_REQUIRED, .max_len = IAM_TAGS_MAX)
#define IAM_PATH_PREFIX  F_STR(struct iam_in, path_prefix,  "PathPrefix",          .min_len = 1, .max_len = 512)
#define IAM_PAGE \
	F_STR(struct iam_in, marker,    "Marker",   .min_len = 1, .max_len = 1024), \
	F_INT(struct iam_in, max_items, "MaxItems", .min = 1, .max = 1000)
/* clang-format on */

extern const struct op_table iam_role_ops;    /* iam_role.c */
extern const struct op_table iam_grant_ops;   /* iam_grant.c: inline and attached policies */
extern const struct op_table iam_policy_ops;  /* iam_policy.c */
extern const struct op_table iam_profile_ops; /* iam_profile.c */
extern const struct op_table iam_user_ops;    /* iam_user.c */
extern const struct op_table iam_key_ops;     /* iam_key.c */
extern const struct op_table iam_tag_ops;     /* iam_tag.c */

/* 0 and a row that the caller owns, or NoSuchEntity in c->err. */
int iam_find(struct call *c, enum iam_kind kind, const char *name, struct store_iam *ret);
/* The object that the operation's input names, by whichever member it has. */
int iam_find_subject(struct call *c, struct store_iam *ret);
/* The user that the input names, or the caller where it names none (iam_key.c). */
int iam_find_user_or_self(struct call *c, struct store_iam *ret);
/* A customer's managed policy by its ARN. */
int iam_find_policy(struct call *c, const char *arn, struct store_iam *ret);
/* Fills a new row, writes it and its tags; EntityAlreadyExists where the name is taken. Takes `doc`
 * over. */
int iam_create(struct call *c, enum iam_kind kind, const char *name, struct json_object *doc,
    struct store_iam *ret);
/* Deletes it with its tags, documents and attachments. */
int iam_delete(struct call *c, const struct store_iam *o);
/* The row's doc as a tree, the caller's; and back into the row and the store. */
struct json_object *iam_doc(const struct store_iam *o);
int iam_save(struct call *c, struct store_iam *o, struct json_object *doc);

/* An object as its Get operation shows it, `full` with tags; the caller's. NULL with the error in
 * c->err. */
struct json_object *iam_print(struct call *c, const struct store_iam *row, bool full);
/* Prints it into c->out under its element's name ("Role"). */
int iam_answer(struct call *c, const struct store_iam *row);

/* A document percent-encoded, as IAM returns it; in the call's arena. */
const char *iam_encode(struct call *c, const char *document);
/* MalformedPolicyDocument unless it is a policy; `trust`: of a role's principals. */
int iam_check_document(struct call *c, const char *document, bool trust);

/* A list while its page is being filled; begin adds the list to c->out. */
struct iam_listing {
	struct call *c;
	struct page page;
	struct json_object *list;
	int r; /* negative once a row could not be printed */
};
int iam_list_begin(struct call *c, struct iam_listing *l, const char *member);
int iam_list_end(struct iam_listing *l, int r);
/* All objects of a kind, by name and path. */
int iam_list_objects(struct call *c, enum iam_kind kind, const char *member);
/* 409 DeleteConflict "Cannot delete entity, …". */
int iam_conflict(struct call *c, const char *what);
/* A walk's callback: there is one; `arg` is a bool. */
int iam_found(const char *text, void *arg);

/* Adds the tags of an ARN to `o` as "Tags" where there are any (or `always`). */
int iam_add_tags(struct call *c, struct json_object *o, const char *arn, bool always);
int iam_put_tags(struct call *c, const char *arn);

#endif
