/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Builds records of version 1.08 (see trail.h). Parameters and answers are copied as JSON, without
 * what is secret; resources are the ARNs that occur in them, and ids of services that have no ARNs
 * in their API.
 */
#include "daemon/trail.h"

#include "daemon/store/trail.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define EVENT_VERSION "1.08"
#define HIDDEN "HIDDEN_DUE_TO_SECURITY_REASONS"
#define PART_MAX                                                                                   \
	(100 * 1024) /* bytes of requestParameters, of responseElements: longer ones are left out  \
		      */
#define RESOURCES_MAX 20
#define NAME_MAX_LEN 1024

/* Members whose values are told to nobody, at any depth; `top`: only of the request or answer
 * itself. Names are compared after their first letter became a small one. */
static const struct {
	const char *source;
	const char *member;
	bool top;
} hidden[] = {
	{ "ecs", "environment", false },
	{ "iam", "secretAccessKey", false },
	{ "secretsmanager", "secretString", false },
	{ "secretsmanager", "secretBinary", false },
	{ "secretsmanager", "randomPassword", true },
	{ "ssm", "value", true },
	{ "sts", "secretAccessKey", false },
	{ "sts", "sessionToken", false },
};

/* clang-format off */

/* What an ARN stands for. */
static const struct {
	const char *service;
	const char *kind; /* the word before the name */
	const char *type;
} arn_types[] = {
	{ "ecs", "capacity-provider",      "AWS::ECS::CapacityProvider" },
	{ "ecs", "cluster",                "AWS::ECS::Cluster" },
	{ "ecs", "container-instance",     "AWS::ECS::ContainerInstance" },
	{ "ecs", "daemon",                 "AWS::ECS::Daemon" },
	{ "ecs", "service",                "AWS::ECS::Service" },
	{ "ecs", "service-deployment",     "AWS::ECS::ServiceDeployment" },
	{ "ecs", "service-revision",       "AWS::ECS::ServiceRevision" },
	{ "ecs", "task",                   "AWS::ECS::Task" },
	{ "ecs", "task-definition",        "AWS::ECS::TaskDefinition" },
	{ "ecs", "task-set",               "AWS::ECS::TaskSet" },
	{ "iam", "instance-profile",       "AWS::IAM::InstanceProfile" },
	{ "iam", "policy",                 "AWS::IAM::Policy" },
	{ "iam", "role",                   "AWS::IAM::Role" },
	{ "iam", "user",                   "AWS::IAM::User" },
	{ "logs", "log-group",             "AWS::Logs::LogGroup" },
	{ "secretsmanager", "secret",      "AWS::SecretsManager::Secret" },
	{ "ssm", "parameter",              "AWS::SSM::Parameter" },
};

/* Members that name a resource without an ARN. */
static const struct {
	const char *source;
	const char *member;
	const char *type;
} name_types[] = {
	{ "ec2", "groupId",            "AWS::EC2::SecurityGroup" },
	{ "ec2", "internetGatewayId",  "AWS::EC2::InternetGateway" },
	{ "ec2", "networkInterfaceId", "AWS::EC2::NetworkInterface" },
	{ "ec2", "routeTableId",       "AWS::EC2::RouteTable" },
	{ "ec2", "subnetId",           "AWS::EC2::Subnet" },
	{ "ec2", "vpcId",              "AWS::EC2::VPC" },
	{ "iam", "accessKeyId",        "AWS::IAM::AccessKey" },
	{ "iam", "instanceProfileName","AWS::IAM::InstanceProfile" },
	{ "iam", "roleName",           "AWS::IAM::Role" },
	{ "iam", "userName",           "AWS::IAM::User" },
	{ "logs", "logGroupName",      "AWS::Logs::LogGroup" },
	{ "s3", "bucketName",          "AWS::S3::Bucket" },
};
/* clang-format on */

/* One record while it is made. */
struct record {
	struct call *c;
	char source[64];
	bool lower; /* the API's names begin with capitals, CloudTrail's never do */
	struct store_trail_resource resources[RESOURCES_MAX];
	size_t n_resources;
};

/* --- resources --- */

static void
add_resource(struct record *rec, const char *type, const char *name)
{
	if (rec->n_resources == RESOURCES_MAX)
		return;
	for (size_t i = 0; i < rec->n_resources; i++)
		if (streq(rec->resources[i].name, name) && streq(rec->resources[i].type, type))
			return;
	rec->resources[rec->n_resources++] = (struct store_trail_resource){
		.type = type,
		.name = arena_strdup(&rec->c->arena, name),
	};
}

/* Copies what is before `stop` or the end; returns what is behind it, NULL where there is nothing.
 */
static const char *
cut(const char *from, const char *stop, char *out, size_t size)
{
	size_t len = strcspn(from, stop);

	(void)snprintf(out, size, "%.*s", (int)(len < size ? len : size - 1), from);
	return from[len] != '\0' ? from + len + 1 : NULL;
}

static void
find_arn(struct record *rec, const char *text)
{
	char part[6][64] = { 0 };
	const char *p = text;

	if (!has_prefix(text, "arn:") || strlen(text) > NAME_MAX_LEN)
		return;
	/* arn, partition, service, region, account, and the word before the name */
	for (size_t i = 0; i < ARRAY_SIZE(part) && p != NULL; i++)
		p = cut(p, i < 5 ? ":" : ":/", part[i], sizeof(part[i]));
	if (p == NULL)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(arn_types); i++)
		if (streq(arn_types[i].service, part[2]) && streq(arn_types[i].kind, part[5]))
			add_resource(rec, arn_types[i].type, text);
}

static void
find_name(struct record *rec, const char *member, const char *text)
{
	if (strlen(text) > NAME_MAX_LEN)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(name_types); i++)
		if (streq(name_types[i].source, rec->c->service) &&
		    streq(name_types[i].member, member))
			add_resource(rec, name_types[i].type, text);
}

/* --- parameters and answers --- */

static bool
is_hidden(const struct record *rec, const char *member, int depth)
{
	for (size_t i = 0; i < ARRAY_SIZE(hidden); i++)
		if (streq(hidden[i].source, rec->c->service) && streq(hidden[i].member, member) &&
		    (!hidden[i].top || depth == 0))
			return true;
	return false;
}

static struct json_object *copy(struct record *rec, struct json_object *o, int depth);

static struct json_object *
copy_object(struct record *rec, struct json_object *o, int depth)
{
	struct json_object *ret = json_object_new_object();

	json_object_object_foreach(o, key, v)
	{
		char *name = arena_strdup(&rec->c->arena, key);

		if (rec->lower || streq(rec->c->service, "ec2"))
			name[0] = (char)tolower((unsigned char)name[0]);
		if (is_hidden(rec, name, depth)) {
			json_add_str(ret, name, HIDDEN);
			continue;
		}
		if (json_object_is_type(v, json_type_string))
			find_name(rec, name, json_object_get_string(v));
		json_object_object_add(ret, name, copy(rec, v, depth + 1));
	}
	return ret;
}

static struct json_object *
copy(struct record *rec, struct json_object *o, int depth)
{
	struct json_object *ret;

	switch (json_object_get_type(o)) {
	case json_type_object:
		return copy_object(rec, o, depth);
	case json_type_array:
		ret = json_object_new_array();
		for (size_t i = 0; i < json_object_array_length(o); i++)
			json_object_array_add(
			    ret, copy(rec, json_object_array_get_idx(o, i), depth + 1));
		return ret;
	case json_type_string:
		find_arn(rec, json_object_get_string(o));
		break;
	default:
		break;
	}
	return json_copy(o);
}

/* Documents of the store are text inside an answer: it is printed and read again, so that what is
 * secret is found in them too. */
static struct json_object *
copy_answer(struct record *rec, struct json_object *out)
{
	_cleanup_json_ struct json_object *tree = NULL;
	const char *text = json_print(out);
	struct err e = { 0 };

	if (json_object_object_length(out) == 0 || strlen(text) > PART_MAX ||
	    json_parse(text, strlen(text), &tree, &e) < 0)
		return NULL;
	return copy(rec, tree, 0);
}

static struct json_object *
copy_parameters(struct record *rec)
{
	const struct schema *input = rec->c->op->input;
	_cleanup_json_ struct json_object *known = NULL;

	if (rec->c->in == NULL || strlen(json_print(rec->c->in)) > PART_MAX)
		return NULL;
	known = input != NULL ? schema_prune(input, rec->c->in) : json_copy(rec->c->in);
	rec->lower =
	    input != NULL && input->n > 0 && isupper((unsigned char)input->fields[0].name[0]) != 0;
	return json_object_object_length(known) > 0 ? copy(rec, known, 0) : NULL;
}

/* --- who --- */

static void
add_session(struct call *c, struct json_object *identity, const char *role, const char *account)
{
	struct json_object *context = json_object_new_object(), *issuer = json_object_new_object();
	char id[128], arn[512];

	(void)cut(c->principal_id, ":", id, sizeof(id));
	(void)snprintf(arn, sizeof(arn), "arn:aws:iam::%s:role/%s", account, role);
	json_add_str(issuer, "type", "Role");
	json_add_str(issuer, "principalId", id);
	json_add_str(issuer, "arn", arn);
	json_add_str(issuer, "accountId", account);
	json_add_str(issuer, "userName", role);
	json_add(context, "sessionIssuer", issuer);
	json_add(identity, "sessionContext", context);
}

/* userIdentity, and the name by which LookupEvents finds it (in the arena; NULL: none). */
static struct json_object *
print_identity(struct call *c, const char **ret_user)
{
	struct json_object *o = json_object_new_object();
	char *text = arena_strdup(&c->arena, c->principal_arn), *what = strrchr(text, ':');
	char *name = what != NULL ? strchr(what, '/') : NULL, *session = NULL;

	*ret_user = NULL;
	if (what == NULL) {
		json_add_str(o, "type", "AWSService");
		json_add_str(o, "invokedBy", c->principal_arn);
		return o;
	}
	session = has_prefix(what, ":assumed-role/") ? strrchr(what, '/') : NULL;
	json_add_str(o, "type",
	    session != NULL ? "AssumedRole"
	    : name != NULL  ? "IAMUser"
			    : "Root");
	json_add_str(o, "principalId", c->principal_id);
	json_add_str(o, "arn", c->principal_arn);
	json_add_str(o, "accountId", c->scope.account);
	json_add_str(o, "accessKeyId", c->access_key[0] != '\0' ? c->access_key : NULL);
	if (session != NULL) {
		*session = '\0';
		add_session(c, o, name + 1, c->scope.account);
		*ret_user = session + 1;
	} else if (name != NULL) {
		*ret_user = strrchr(name, '/') + 1;
		json_add_str(o, "userName", *ret_user);
	} else
		*ret_user = "root";
	return o;
}

/* --- the record --- */

/* Services without regions are recorded in one. */
static struct scope
place(const struct call *c)
{
	struct scope sc = c->scope;

	if (strstr(sc.region, "-global") != NULL)
		(void)snprintf(sc.region, sizeof(sc.region), "%s",
		    has_prefix(sc.region, "aws-cn") ? "cn-north-1" : "us-east-1");
	return sc;
}

static void
print_call(struct record *rec, struct json_object *o, const struct scope *sc, const char *code)
{
	struct call *c = rec->c;
	bool service = strchr(c->principal_arn, ':') == NULL;

	json_add_iso_time(o, "eventTime", c->now_ms, false);
	json_add_str(o, "eventSource", rec->source);
	json_add_str(o, "eventName", c->op->name);
	json_add_str(o, "awsRegion", sc->region);
	json_add_str(o, "sourceIPAddress", service ? c->principal_arn : c->source_ip);
	json_add_str(o, "userAgent", service ? c->principal_arn : c->user_agent);
	if (code != NULL) {
		json_add_str(o, "errorCode", code);
		json_add_str(o, "errorMessage", c->err.text);
	}
	/* Both are there as null, too. */
	json_object_object_add(o, "requestParameters", copy_parameters(rec));
	json_object_object_add(
	    o, "responseElements", code == NULL ? copy_answer(rec, c->out) : NULL);
	json_add_str(o, "requestID", c->request_id);
}

int
trail_add(struct call *c, const char *code, struct err *e)
{
	_cleanup_json_ struct json_object *o = json_object_new_object();
	struct record rec = { .c = c };
	const struct scope sc = place(c);
	struct store_trail t = { .scope = sc, .at_ms = c->now_ms, .name = c->op->name };
	char id[37];

	random_uuid(id);
	(void)snprintf(rec.source, sizeof(rec.source), "%s.amazonaws.com", c->service);
	json_add_str(o, "eventVersion", EVENT_VERSION);
	json_add(o, "userIdentity", print_identity(c, &t.user));
	print_call(&rec, o, &sc, code);
	json_add_str(o, "eventID", id);
	json_add_bool(o, "readOnly", false);
	json_add_str(o, "eventType", "AwsApiCall");
	json_add_bool(o, "managementEvent", true);
	json_add_str(o, "recipientAccountId", sc.account);
	json_add_str(o, "eventCategory", "Management");
	t.id = id;
	t.source = rec.source;
	t.access_key = c->access_key[0] != '\0' ? c->access_key : NULL;
	t.doc = json_print(o);
	t.resources = rec.resources;
	t.n_resources = rec.n_resources;
	return store_trail_add(c->store, &t, e);
}
