/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AWS Security Token Service: who am I, and temporary credentials. Rows first, then their handlers.
 */
#include "daemon/config.h"
#include "daemon/services/service.h"
#include "daemon/services/sts_issue.h"

#include <stdio.h>
#include <string.h>

#define DURATION_MIN_S 900
#define DURATION_MAX_S 43200
#define SESSION_MAX_S 129600
#define ROOT_SESSION_MAX_S 3600
#define SESSION_CHARS "A-Za-z0-9_+=,.@-"

struct assume_role_in {
	const char *role_arn;
	const char *session_name;
	struct opt_int duration;
	const char *source_identity;
};

struct get_session_token_in {
	struct opt_int duration;
};

static int assume_role(struct call *c);
static int get_caller_identity(struct call *c);
static int get_session_token(struct call *c);

/* clang-format off */
static const struct schema_field tag_fields[] = {
	{ .name = "Key",   .type = SCHEMA_STRING, .flags = SCHEMA_UNBOUND | SCHEMA_REQUIRED, .min_len = 1, .max_len = 128 },
	{ .name = "Value", .type = SCHEMA_STRING, .flags = SCHEMA_UNBOUND | SCHEMA_REQUIRED, .max_len = 256 },
};
static const struct schema tag_schema = { .name = "Tag", .fields = tag_fields, .n = ARRAY_SIZE(tag_fields) };

static const struct schema_field policy_fields[] = {
	F_UNBOUND(SCHEMA_STRING, "arn", .min_len = 20, .max_len = 2048),
};
static const struct schema policy_schema = { .name = "PolicyDescriptorType", .fields = policy_fields, .n = ARRAY_SIZE(policy_fields) };

static const struct schema_field context_fields[] = {
	F_UNBOUND(SCHEMA_STRING, "ProviderArn", .min_len = 4, .max_len = 2048),
	F_UNBOUND(SCHEMA_STRING, "ContextAssertion", .min_len = 4, .max_len = 2048),
};
static const struct schema context_schema = { .name = "ProvidedContext", .fields = context_fields, .n = ARRAY_SIZE(context_fields) };

/* Policies, tags and identities of a session are checked and not kept: nothing here evaluates policies. */
static const struct schema_field assume_role_fields[] = {
	F_STR(struct assume_role_in, role_arn,     "RoleArn",         .flags = SCHEMA_REQUIRED, .min_len = 20, .max_len = 2048),
	F_STR(struct assume_role_in, session_name, "RoleSessionName", .flags = SCHEMA_REQUIRED, .min_len = 2, .max_len = 64, .chars = SESSION_CHARS),
	F_UNBOUND(SCHEMA_LIST_STRUCT,              "PolicyArns", .sub = &policy_schema, .max_len = 10),
	F_UNBOUND(SCHEMA_STRING,                   "Policy", .min_len = 1, .max_len = 2048),
	F_INT(struct assume_role_in, duration,     "DurationSeconds", .min = DURATION_MIN_S, .max = DURATION_MAX_S),
	F_UNBOUND(SCHEMA_LIST_STRUCT,              "Tags", .sub = &tag_schema, .max_len = 50),
	F_UNBOUND(SCHEMA_LIST_STRING,              "TransitiveTagKeys", .max_len = 50),
	F_UNBOUND(SCHEMA_STRING,                   "ExternalId", .min_len = 2, .max_len = 1224),
	F_UNBOUND(SCHEMA_STRING,                   "SerialNumber", .min_len = 9, .max_len = 256),
	F_UNBOUND(SCHEMA_STRING,                   "TokenCode", .min_len = 6, .max_len = 6),
	F_STR(struct assume_role_in, source_identity, "SourceIdentity", .min_len = 2, .max_len = 64, .chars = SESSION_CHARS),
	F_UNBOUND(SCHEMA_LIST_STRUCT,              "ProvidedContexts", .sub = &context_schema, .max_len = 5),
};
static const struct schema assume_role_schema = SCHEMA(struct assume_role_in, assume_role_fields, "AssumeRoleRequest");

static const struct schema get_caller_identity_schema = SCHEMA_EMPTY("GetCallerIdentityRequest");

static const struct schema_field get_session_token_fields[] = {
	F_INT(struct get_session_token_in, duration, "DurationSeconds", .min = DURATION_MIN_S, .max = SESSION_MAX_S),
	F_UNBOUND(SCHEMA_STRING, "SerialNumber", .min_len = 9, .max_len = 256),
	F_UNBOUND(SCHEMA_STRING, "TokenCode", .min_len = 6, .max_len = 6),
};
static const struct schema get_session_token_schema = SCHEMA(struct get_session_token_in, get_session_token_fields, "GetSessionTokenRequest");

static const struct op ops[] = {
	{ .name = "AssumeRole",        .run = assume_role,         .flags = OP_WRITE, .input = &assume_role_schema },
	{ .name = "GetCallerIdentity", .run = get_caller_identity,                    .input = &get_caller_identity_schema },
	{ .name = "GetSessionToken",   .run = get_session_token,   .flags = OP_WRITE, .input = &get_session_token_schema },
};
static const struct op_table sts_ops = { ops, ARRAY_SIZE(ops) };
static const struct op_table *const tables[] = { &sts_ops };

static const char *const unavailable[] = {
	"AssumeRoleWithSAML", "AssumeRoleWithWebIdentity", "AssumeRoot", "DecodeAuthorizationMessage", "GetAccessKeyInfo",
	"GetFederationToken",
};
/* clang-format on */

const struct op_service sts_service = {
	.name = "sts",
	.full_name = "AWS STS",
	.wire = WIRE_QUERY,
	.xmlns = "https://sts.amazonaws.com/doc/2011-06-15/",
	.tables = tables,
	.n_tables = ARRAY_SIZE(tables),
	.unavailable = unavailable,
	.n_unavailable = ARRAY_SIZE(unavailable),
};

static void
add_credentials(struct call *c, const struct store_credential *issued)
{
	struct json_object *o = json_object_new_object();

	json_add_str(o, "AccessKeyId", issued->access_key);
	json_add_str(o, "SecretAccessKey", issued->secret);
	json_add_str(o, "SessionToken", issued->token);
	json_add_iso_time(o, "Expiration", issued->expires_at_ms, false);
	json_add(c->out, "Credentials", o);
}

/* In strict mode the role has to exist and its trust policy has to name the caller. */
static int
check_trust(struct call *c, const struct role_ref *role, const char *role_arn)
{
	int r;

	if (config_kind(c->config, KIND_ROLE_STRING))
		return 0;
	r = sts_trusts(c->store, role, NULL, c->principal_arn, c->scope.account, &c->err);
	if (r != 0)
		return r < 0 ? r : 0;
	return err_set_code(&c->err, 403, "AccessDenied",
	    "User: %s is not authorized to perform: sts:AssumeRole on resource: %.256s",
	    c->principal_arn, role_arn);
}

static int
assume_role(struct call *c)
{
	const struct assume_role_in *in = c->args;
	const struct sts_session session = {
		.name = in->session_name,
		.task = "",
		.now_ms = c->now_ms,
		.duration_s = in->duration.set ? in->duration.v : 3600,
	};
	struct store_credential issued = { 0 };
	struct json_object *user;
	struct role_ref role;
	int r;

	if (role_ref_parse(in->role_arn, &role) < 0)
		return err_set_code(
		    &c->err, 400, "ValidationError", "%.256s is invalid", in->role_arn);
	r = check_trust(c, &role, in->role_arn);
	if (r == 0)
		r = sts_issue_role(c->store, &role, &session, &issued, &c->err);
	if (r < 0)
		return r;
	add_credentials(c, &issued);
	user = json_object_new_object();
	json_add_str(user, "AssumedRoleId", issued.user_id);
	json_add_str(user, "Arn", issued.arn);
	json_add(c->out, "AssumedRoleUser", user);
	json_add_str(c->out, "SourceIdentity", in->source_identity);
	return 0;
}

static int
get_caller_identity(struct call *c)
{
	json_add_str(c->out, "UserId", c->principal_id);
	json_add_str(c->out, "Account", c->scope.account);
	json_add_str(c->out, "Arn", c->principal_arn);
	return 0;
}

static int
get_session_token(struct call *c)
{
	const struct get_session_token_in *in = c->args;
	bool root = strstr(c->principal_arn, ":root") != NULL;
	struct sts_session session = { .name = "", .task = "", .now_ms = c->now_ms };
	struct store_credential issued = { 0 };
	int r;

	if (strstr(c->principal_arn, ":assumed-role/") != NULL)
		return err_set_code(&c->err, 403, "AccessDenied",
		    "Cannot call GetSessionToken with session credentials");
	session.duration_s = in->duration.set ? in->duration.v : DURATION_MAX_S;
	if (root && session.duration_s > ROOT_SESSION_MAX_S)
		session.duration_s = ROOT_SESSION_MAX_S;
	(void)snprintf(issued.account, sizeof(issued.account), "%s", c->scope.account);
	(void)snprintf(issued.arn, sizeof(issued.arn), "%s", c->principal_arn);
	(void)snprintf(issued.user_id, sizeof(issued.user_id), "%s", c->principal_id);
	r = sts_issue_session(c->store, &session, &issued, &c->err);
	if (r == 0)
		add_credentials(c, &issued);
	return r;
}
