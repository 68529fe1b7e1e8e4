/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads targets, form bodies and credential scopes (see recognise.h). Names are copied only where
 * every character is harmless in JSON, XML and logs, because they are repeated in error messages.
 */
#include "daemon/http/recognise.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

/* clang-format off */
const struct recognise_row recognise_rows[] = {
	{ "cloudtrail", WIRE_JSON, "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101", NULL },
	{ "ecs", WIRE_JSON, "AmazonEC2ContainerServiceV20141113", NULL },
	{ "ec2", WIRE_EC2, NULL, "2016-11-15" },
	{ "iam", WIRE_QUERY, NULL, "2010-05-08" },
	{ "logs", WIRE_JSON, "Logs_20140328", NULL },
	{ "secretsmanager", WIRE_JSON, "secretsmanager", NULL },
	{ "ssm", WIRE_JSON, "AmazonSSM", NULL },
	{ "s3", WIRE_REST_XML, NULL, NULL },
	{ "sts", WIRE_QUERY, NULL, "2011-06-15" },
};

/* Services whose errors are neither JSON nor the common Query shape. */
static const struct {
	const char *service;
	enum wire wire;
} wires[] = {
	{ "ec2",        WIRE_EC2 },
	{ "s3",         WIRE_REST_XML },
	{ "s3express",  WIRE_REST_XML },
	{ "route53",    WIRE_REST_XML },
	{ "cloudfront", WIRE_REST_XML },
};
/* clang-format on */
const size_t n_recognise_rows = ARRAY_SIZE(recognise_rows);

#define VERSION_MAX 16

static bool recognise_target(const char *target, struct recognised *ret);
static bool recognise_form(
    const char *form, size_t len, struct recognised *ret, char version[static VERSION_MAX]);
static void recognise_query(struct recognised *ret, const char *version);
static bool names_s3(const char *host);

/* Copies a name whole, or leaves "" where it is too long or has a character that we would not
 * repeat. */
static void
copy_name(char *ret, size_t size, const char *from, size_t len, const char *also)
{
	ret[0] = '\0';
	if (len >= size)
		return;
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)from[i];

		if (!isascii(c) || (!isalnum(c) && (c == '\0' || strchr(also, c) == NULL)))
			return;
	}
	memcpy(ret, from, len);
	ret[len] = '\0';
}

void
recognise(const struct recognise_request *in, struct recognised *ret)
{
	bool form = in->content_type != NULL &&
		    strncasecmp(in->content_type, "application/x-www-form-urlencoded",
			strlen("application/x-www-form-urlencoded")) == 0;

	char version[VERSION_MAX] = "";

	*ret = (struct recognised){ .wire = WIRE_JSON };
	if (in->target != NULL && recognise_target(in->target, ret))
		return;
	copy_name(ret->service, sizeof(ret->service), in->credential_service,
	    strlen(in->credential_service), "-_.");
	if (ret->service[0] == '\0' && in->host != NULL && names_s3(in->host))
		memcpy(ret->service, "s3", sizeof("s3"));
	if (streq(ret->service, "s3")) {
		ret->served = "s3";
		ret->wire = WIRE_REST_XML;
		return;
	}
	if (form && recognise_form(in->body, in->body_len, ret, version))
		ret->wire = WIRE_QUERY;
	else if (in->query != NULL && recognise_form(in->query, strlen(in->query), ret, version)) {
		ret->wire = WIRE_QUERY;
		ret->in_query = true;
	}
	for (size_t i = 0; i < ARRAY_SIZE(wires); i++) {
		if (strcmp(ret->service, wires[i].service) == 0)
			ret->wire = wires[i].wire;
	}
	if (ret->wire == WIRE_QUERY || ret->wire == WIRE_EC2)
		recognise_query(ret, version);
}

static bool
recognise_target(const char *target, struct recognised *ret)
{
	const char *dot = strrchr(target, '.');

	if (dot == NULL)
		return false;
	copy_name(ret->service, sizeof(ret->service), target, (size_t)(dot - target), "-_.");
	copy_name(ret->operation, sizeof(ret->operation), dot + 1, strlen(dot + 1), "");
	for (size_t i = 0; i < n_recognise_rows; i++) {
		if (streq(ret->service, recognise_rows[i].target))
			ret->served = recognise_rows[i].service;
	}
	return true;
}

/* The scope of the signature says which service is meant; where there is none, the version of its
 * API does. */
static void
recognise_query(struct recognised *ret, const char *version)
{
	for (size_t i = 0; i < n_recognise_rows; i++) {
		const struct recognise_row *row = &recognise_rows[i];

		if (row->wire != WIRE_QUERY && row->wire != WIRE_EC2)
			continue;
		if (ret->service[0] != '\0' ? strcmp(ret->service, row->service) != 0
					    : !streq(version, row->version))
			continue;
		ret->served = row->service;
		ret->wire = row->wire;
	}
}

/* "s3.localhost", "bucket.s3.us-east-1.amazonaws.com": one of the names of a host is "s3". */
static bool
names_s3(const char *host)
{
	const char *p = host;

	while (*p != '\0') {
		size_t n = strcspn(p, ".:");

		if (n == 2 && strncasecmp(p, "s3", 2) == 0 && p[n] == '.')
			return true;
		if (p[n] != '.')
			break;
		p += n + 1;
	}
	return false;
}

/* Finds Action=… and Version=… among the parameters of a form body or a query string. */
static bool
recognise_form(
    const char *form, size_t len, struct recognised *ret, char version[static VERSION_MAX])
{
	static const char action_key[] = "Action=", version_key[] = "Version=";
	const char *end = form + len;
	bool found = false;

	while (form < end) {
		const char *stop = memchr(form, '&', (size_t)(end - form));
		size_t n;

		if (stop == NULL)
			stop = end;
		n = (size_t)(stop - form);
		if (!found && n > strlen(action_key) &&
		    memcmp(form, action_key, strlen(action_key)) == 0) {
			copy_name(ret->operation, sizeof(ret->operation), form + strlen(action_key),
			    n - strlen(action_key), "");
			found = true;
		} else if (n > strlen(version_key) &&
			   memcmp(form, version_key, strlen(version_key)) == 0) {
			copy_name(version, VERSION_MAX, form + strlen(version_key),
			    n - strlen(version_key), "-");
		}
		form = stop + 1;
	}
	return found;
}
