/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GET /v2/credentials/<id> and the older /v1/credentials?id=<id>: what the daemon sent of the
 * task's role. Called by the endpoint. There are no other task's credentials in this process.
 */
#include "shim/request.h"

#include <string.h>

static void
fail(struct request *r, int status, const char *code, const char *message)
{
	_cleanup_free_ char *text =
	    xasprintf("CredentialsV%uRequest: %s", r->route->version, message);
	struct json_object *o = json_object_new_object();

	json_add_str(o, "code", code);
	json_add_str(o, "message", text);
	json_add_int(o, "HTTPErrorCode", status);
	request_json(r, status, o);
}

/* The value of id in a query; NULL: none. */
static char *
id_of_query(const char *query)
{
	for (const char *at = query; at != NULL && *at != '\0'; at += strcspn(at, "&")) {
		at += *at == '&';
		if (has_prefix(at, "id="))
			return xstrndup(at + 3, strcspn(at + 3, "&"));
	}
	return NULL;
}

/* Takes as long wherever the difference is. */
static bool
is_secret(const char *given, const char *secret)
{
	size_t n = strlen(secret);
	unsigned difference = 0;

	if (strlen(given) != n)
		return false;
	for (size_t i = 0; i < n; i++)
		difference |= (unsigned char)given[i] ^ (unsigned char)secret[i];
	return difference == 0;
}

void
serve_credentials(struct request *r)
{
	const struct plan *p = &r->task->plan;
	const struct credentials *c = &r->task->credentials;
	_cleanup_free_ char *from_query = r->id == NULL ? id_of_query(r->query) : NULL;
	const char *id = r->id != NULL ? r->id : from_query;
	struct json_object *o;

	if (p->token != NULL &&
	    (r->authorization == NULL || !is_secret(r->authorization, p->token))) {
		fail(r, 401, "InvalidAuthorization", "The authorization token is not this task's");
	} else if (id == NULL || id[0] == '\0') {
		fail(r, 400, "NoIdInRequest", "No Credential ID in the request");
	} else if (p->credentials_id == NULL || !is_secret(id, p->credentials_id)) {
		fail(r, 400, "InvalidIdInRequest", "Credentials not found");
	} else if (!streq(c->id, id)) {
		fail(r, 503, "CredentialsUninitialized", "Credentials uninitialized for ID");
	} else {
		o = json_object_new_object();
		json_add_str(o, "RoleArn", c->role_arn);
		json_add_str(o, "AccessKeyId", c->access_key_id);
		json_add_str(o, "SecretAccessKey", c->secret_access_key);
		json_add_str(o, "Token", c->session_token);
		json_add_iso_time(o, "Expiration", c->expires_at_ms, false);
		request_json(r, 200, o);
	}
}
