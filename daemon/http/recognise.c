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
/* What X-Amz-Target begins with, up to the last dot, for each service that is served here. */
static const struct {
	const char *prefix;
	const char *service;
} targets[] = {
	{ "AmazonEC2ContainerServiceV20141113", "ecs" },
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

static bool recognise_target(const char *target, struct recognised *ret);
static bool recognise_form(const char *form, size_t len, struct recognised *ret);

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

	*ret = (struct recognised){ .wire = WIRE_JSON };
	if (in->target != NULL && recognise_target(in->target, ret))
		return;
	copy_name(ret->service, sizeof(ret->service), in->credential_service,
	    strlen(in->credential_service), "-_.");
	if ((form && recognise_form(in->body, in->body_len, ret)) ||
	    (in->query != NULL && recognise_form(in->query, strlen(in->query), ret)))
		ret->wire = WIRE_QUERY;
	for (size_t i = 0; i < ARRAY_SIZE(wires); i++) {
		if (strcmp(ret->service, wires[i].service) == 0)
			ret->wire = wires[i].wire;
	}
}

static bool
recognise_target(const char *target, struct recognised *ret)
{
	const char *dot = strrchr(target, '.');

	if (dot == NULL)
		return false;
	copy_name(ret->service, sizeof(ret->service), target, (size_t)(dot - target), "-_.");
	copy_name(ret->operation, sizeof(ret->operation), dot + 1, strlen(dot + 1), "");
	for (size_t i = 0; i < ARRAY_SIZE(targets); i++) {
		if (strcmp(ret->service, targets[i].prefix) == 0)
			ret->served = targets[i].service;
	}
	return true;
}

/* Finds Action=… among the parameters of a form body or a query string. */
static bool
recognise_form(const char *form, size_t len, struct recognised *ret)
{
	static const char key[] = "Action=";
	const char *end = form + len;

	while (form < end) {
		const char *stop = memchr(form, '&', (size_t)(end - form));

		if (stop == NULL)
			stop = end;
		if ((size_t)(stop - form) > strlen(key) && memcmp(form, key, strlen(key)) == 0) {
			copy_name(ret->operation, sizeof(ret->operation), form + strlen(key),
			    (size_t)(stop - form) - strlen(key), "");
			return true;
		}
		form = stop + 1;
	}
	return false;
}
