/* SPDX-License-Identifier: Apache-2.0 */
/* Targets, form bodies and scopes: what is meant, and in which dialect the answer must be. */
#include "daemon/http/recognise.h"
#include "daemon/http/reply.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#define FORM "application/x-www-form-urlencoded; charset=utf-8"
#define JSON "application/x-amz-json-1.1"
#define ECS "AmazonEC2ContainerServiceV20141113."
#define A64 "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

/* clang-format off */
static const struct {
	const char *target, *type, *query, *body, *scope;
	enum wire wire;
	const char *served, *service, *operation;
} cases[] = {
	{ ECS "RunTask", JSON, NULL, "{}", "ecs", WIRE_JSON, "ecs", "AmazonEC2ContainerServiceV20141113", "RunTask" },
	{ ECS "RunTask", NULL, NULL, "", "", WIRE_JSON, "ecs", "AmazonEC2ContainerServiceV20141113", "RunTask" },
	{ ECS "RunTask", FORM, NULL, "Action=X", "ec2", WIRE_JSON, "ecs", "AmazonEC2ContainerServiceV20141113", "RunTask" },
	{ ECS "", JSON, NULL, "", "ecs", WIRE_JSON, "ecs", "AmazonEC2ContainerServiceV20141113", "" },
	{ ECS "Run\"Task", JSON, NULL, "", "ecs", WIRE_JSON, "ecs", "AmazonEC2ContainerServiceV20141113", "" },
	{ ECS A64, JSON, NULL, "", "ecs", WIRE_JSON, "ecs", "AmazonEC2ContainerServiceV20141113", A64 },
	{ ECS A64 "A", JSON, NULL, "", "ecs", WIRE_JSON, "ecs", "AmazonEC2ContainerServiceV20141113", "" },
	{ "amazonec2containerservicev20141113.RunTask", JSON, NULL, "", "", WIRE_JSON, NULL, "amazonec2containerservicev20141113", "RunTask" },
	{ "DynamoDB_20120810.ListTables", JSON, NULL, "{}", "dynamodb", WIRE_JSON, NULL, "DynamoDB_20120810", "ListTables" },
	{ "com.amazonaws.kms.Sign", JSON, NULL, "{}", "", WIRE_JSON, NULL, "com.amazonaws.kms", "Sign" },
	{ "<script>.x", JSON, NULL, "", "", WIRE_JSON, NULL, "", "x" },
	{ ".", JSON, NULL, "", "", WIRE_JSON, NULL, "", "" },
	{ "nodot", JSON, NULL, "", "logs", WIRE_JSON, NULL, "logs", "" },
	{ NULL, FORM, NULL, "Action=GetCallerIdentity&Version=2011-06-15", "sts", WIRE_QUERY, "sts", "sts", "GetCallerIdentity" },
	{ NULL, FORM, NULL, "Action=GetCallerIdentity&Version=2011-06-15", "", WIRE_QUERY, "sts", "", "GetCallerIdentity" },
	{ NULL, FORM, NULL, "Version=2016-11-15&Action=DescribeVpcs", "ec2", WIRE_EC2, "ec2", "ec2", "DescribeVpcs" },
	{ NULL, FORM, NULL, "Action=%3Cb%3E", "", WIRE_QUERY, NULL, "", "" },
	{ NULL, FORM, NULL, "Action=", "", WIRE_JSON, NULL, "", "" },
	{ NULL, FORM, NULL, "XAction=Y&&&=&", "", WIRE_JSON, NULL, "", "" },
	{ NULL, JSON, NULL, "Action=Y", "", WIRE_JSON, NULL, "", "" },
	{ NULL, NULL, "Action=ListUsers&Version=1", "", "iam", WIRE_QUERY, "iam", "iam", "ListUsers" },
	{ NULL, NULL, "list-type=2", "", "s3", WIRE_REST_XML, "s3", "s3", "" },
	{ NULL, FORM, "Action=X&Version=2011-06-15", "", "s3", WIRE_REST_XML, "s3", "s3", "" },
	{ NULL, NULL, NULL, "", "route53", WIRE_REST_XML, NULL, "route53", "" },
	{ NULL, NULL, NULL, "", "lambda", WIRE_JSON, NULL, "lambda", "" },
	{ NULL, NULL, NULL, "", "", WIRE_JSON, NULL, "", "" },
};
/* clang-format on */

static void
test_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		/* exactly as long as it says, so that a sanitizer sees a read past the end */
		size_t len = strlen(cases[i].body);
		char *body = xmemdup(cases[i].body, len == 0 ? 1 : len);
		struct recognise_request in = {
			.target = cases[i].target,
			.content_type = cases[i].type,
			.query = cases[i].query,
			.body = body,
			.body_len = len,
			.credential_service = cases[i].scope,
		};
		struct recognised r;

		recognise(&in, &r);
		if (r.wire != cases[i].wire || !streq(r.served, cases[i].served) ||
		    !streq(r.service, cases[i].service) || !streq(r.operation, cases[i].operation))
			fail_msg("case %zu: wire %d, served %s, service %s, operation %s", i,
			    (int)r.wire, r.served ? r.served : "-", r.service, r.operation);
		free(body);
	}
}

static void
test_hosts_of_s3(void **state)
{
	static const struct {
		const char *host;
		bool s3;
	} hosts[] = {
		{ "s3.localhost:4566", true },
		{ "bucket.s3.localhost", true },
		{ "a.b.s3.us-east-1.amazonaws.com", true },
		{ "S3.amazonaws.com", true },
		{ "localhost:4566", false },
		{ "s3", false },
		{ "bucket.localhost", false },
		{ "xs3.localhost", false },
		{ "s3x.localhost", false },
		{ "", false },
		{ "[::1]:4566", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(hosts); i++) {
		struct recognise_request in = {
			.body = "", .credential_service = "", .host = hosts[i].host
		};
		struct recognised r;

		recognise(&in, &r);
		if (streq(r.served, "s3") != hosts[i].s3)
			fail_msg("%s", hosts[i].host);
		in.credential_service = "ecs"; /* the signature says more than the name */
		recognise(&in, &r);
		assert_false(streq(r.served, "s3"));
	}
}

static void
test_every_wire_has_an_error_body(void **state)
{
	(void)state;
	for (int w = 0; w < WIRE_MAX; w++) {
		const char *type = NULL;
		char *body = reply_error_body(
		    (enum wire)w, 400, "SomeCode", "Some message.", "some-id", &type);

		assert_non_null(strstr(body, "SomeCode"));
		assert_non_null(strstr(body, "Some message."));
		assert_non_null(type);
		free(body);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_hosts_of_s3),
		cmocka_unit_test(test_every_wire_has_an_error_body),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
