/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keeps a task's credentials (see credentials.h). Pure data; nothing here is ever logged.
 */
#include "shim/credentials.h"

#include <string.h>

static void
forget(char *secret)
{
	if (secret != NULL)
		explicit_bzero(secret, strlen(secret));
	free(secret);
}

void
credentials_done(struct credentials *c)
{
	free(c->id);
	free(c->role_arn);
	free(c->access_key_id);
	forget(c->secret_access_key);
	forget(c->session_token);
	*c = (struct credentials){ 0 };
}

void
credentials_set(struct credentials *at, const struct credentials *from)
{
	credentials_done(at);
	*at = (struct credentials){
		.id = xstrdup(from->id),
		.role_arn = xstrdup(from->role_arn),
		.access_key_id = xstrdup(from->access_key_id),
		.secret_access_key = xstrdup(from->secret_access_key),
		.session_token = xstrdup(from->session_token),
		.expires_at_ms = from->expires_at_ms,
	};
}
