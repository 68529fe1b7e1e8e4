/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sentences of resources_words.h. Those of EC2 are the agent's (taskresource/asmsecret,
 * ssmsecret, envFiles, asm/asm.go), those of Fargate what its users see in stoppedReason.
 */
#include "shim/resources_words.h"

#include <string.h>

#define PULL "unable to pull secrets or registry auth: execution resource retrieval failed: "
#define RETRIED "service call has been retried %u time(s): "

/* Errors that the SDK knows of the operation's model are printed without what HTTP said. */
static bool
is_modelled(const struct aws_reply *r)
{
	static const char *const types[] = { "ResourceNotFoundException",
		"InvalidParameterException", "InvalidRequestException", "DecryptionFailure",
		"InternalServiceError", "InvalidKeyId", "InternalServerError" };

	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (streq(r->error, types[i]))
			return true;
	return r->status == 0;
}

static char *
error_of(const struct aws_reply *r)
{
	if (is_modelled(r))
		return xasprintf("%s: %s", r->error, r->message);
	return xasprintf("%s: %s status code: %d, request id: %s", r->error, r->message, r->status,
	    r->request_id);
}

char *
words_for_reference(const struct plan *p, const char *text)
{
	return p->fargate ? xasprintf(PULL "%s", text) : xstrdup(text);
}

char *
words_for_value(const struct plan *p, bool registry, const char *text)
{
	if (p->fargate)
		return xasprintf(PULL "unable to %s from asm: " RETRIED "%s",
		    registry ? "get registry auth" : "retrieve secret", 1, text);
	if (registry)
		return xstrdup(text);
	return xasprintf(
	    "Fetching secret data from AWS Secrets Manager in region %s: %s", p->region, text);
}

char *
words_for_no_credentials(const struct plan *p, bool file)
{
	if (!p->fargate)
		return xstrdup("unable to find execution role credentials");
	return xstrdup(file ? "failed to download env files: unable to retrieve credentials"
			    : "unable to pull secrets or registry auth: unable to retrieve "
			      "credentials");
}

static char *
words_for_object(const struct plan *p, const char *id, const char *error)
{
	int bucket = (int)strcspn(id, "/");

	if (p->fargate)
		return xasprintf("failed to download env files: file download command: non empty "
				 "error stream: %s",
		    error);
	return xasprintf("unable to download env file with key %s from bucket %.*s, error: %s",
	    id + bucket + 1, bucket, id, error);
}

static char *
words_for_secret(
    const struct plan *p, const struct value_ref *ref, const char *error, unsigned attempts)
{
	if (p->fargate)
		return xasprintf(PULL "unable to retrieve secret from asm: " RETRIED
				      "failed to fetch secret %s from secrets manager: %s",
		    attempts, ref->id, error);
	return xasprintf("Fetching secret data from AWS Secrets Manager in region %s: secret %s: "
			 "%s",
	    ref->region, ref->id, error);
}

static char *
words_for_registry(
    const struct plan *p, const struct value_ref *ref, const char *error, unsigned attempts)
{
	if (p->fargate)
		return xasprintf(PULL "unable to get registry auth from asm: " RETRIED
				      "asm fetching secret from the service for %s: %s",
		    attempts, ref->id, error);
	return xasprintf("asm fetching secret from the service for %s: %s", ref->id, error);
}

static char *
words_for_parameters(
    const struct plan *p, const struct value_ref *ref, const char *error, unsigned attempts)
{
	if (p->fargate)
		return xasprintf(
		    PULL "unable to retrieve secrets from ssm: " RETRIED "%s", attempts, error);
	return xasprintf(
	    "Fetching secret data from SSM Parameter Store in %s: %s", ref->region, error);
}

char *
words_for_error(
    const struct plan *p, const struct value_ref *ref, bool registry, const struct aws_reply *reply)
{
	_cleanup_free_ char *error = error_of(reply);

	switch (ref->source) {
	case VALUE_PARAMETER:
		return words_for_parameters(p, ref, error, reply->attempts);
	case VALUE_SECRET:
		return registry ? words_for_registry(p, ref, error, reply->attempts)
				: words_for_secret(p, ref, error, reply->attempts);
	case VALUE_OBJECT:
		break;
	}
	return words_for_object(p, ref->id, error);
}

char *
words_for_missing(
    const struct plan *p, const struct value_ref *ref, const char *names, unsigned attempts)
{
	_cleanup_free_ char *error = xasprintf("invalid parameters: %s", names);

	return words_for_parameters(p, ref, error, attempts);
}
