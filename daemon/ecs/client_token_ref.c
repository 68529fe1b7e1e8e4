/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compares requests that carry the same clientToken by their text. Called by RunTask, CreateService
 * and CreateTaskSet.
 */
#include "daemon/ecs/client_token_ref.h"

#include "daemon/store/client_token.h"

/* The parameters as text: what a later request with this token is compared with. */
static char *
digest(struct call *c)
{
	_cleanup_json_ struct json_object *params = json_copy(c->in);

	json_object_object_del(params, "clientToken");
	return xstrdup(json_print(params));
}

int
client_token_find(
    struct call *c, const char *token, enum client_token_use *ret_use, char **ret_result)
{
	_cleanup_free_ char *mine = NULL, *old = NULL, *result = NULL;
	int r = 0;

	if (token != NULL)
		r = store_client_token_get(
		    c->store, &c->scope, c->op->name, token, &old, &result, &c->err);
	if (r < 0)
		return r;
	*ret_use = CLIENT_TOKEN_FRESH;
	if (r == 0)
		return 0;
	mine = digest(c);
	*ret_use = streq(mine, old) ? CLIENT_TOKEN_SAME : CLIENT_TOKEN_OTHER;
	*ret_result = TAKE(result);
	return 0;
}

int
client_token_keep(struct call *c, const char *token, const char *result)
{
	_cleanup_free_ char *mine = NULL;

	if (token == NULL)
		return 0;
	mine = digest(c);
	return store_client_token_put(
	    c->store, &c->scope, c->op->name, token, mine, result, c->now_ms, &c->err);
}
