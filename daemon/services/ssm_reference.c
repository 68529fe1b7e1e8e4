/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parameters that stand for secrets: GetParameter of /aws/reference/secretsmanager/NAME reads the
 * secret, with a version's id or a label as selector. Nothing of it is kept here.
 */
#include "daemon/services/secretsmanager.h"
#include "daemon/services/ssm.h"

#include <string.h>

#define VERSION_ID_MIN 32 /* of Secrets Manager: what is shorter is a label */

bool
ssm_is_reference(const struct ssm_reference *ref)
{
	return !ref->foreign && has_prefix(ref->name, SSM_REFERENCE);
}

static void
print_secret(struct call *c, const struct ssm_reference *ref, struct json_object *secret,
    struct json_object *to)
{
	const char *text = json_get_str(secret, "SecretString");

	json_add_str(to, "Name", ref->name);
	json_add_str(to, "Type", "SecureString");
	json_add_str(to, "Value", text != NULL ? text : json_get_str(secret, "SecretBinary"));
	json_add_int(to, "Version", 0);
	if (ref->selector != NULL)
		json_add_str(to, "Selector", arena_printf(&c->arena, ":%s", ref->selector));
	json_add_str(to, "SourceResult", json_print(secret));
	json_add(to, "LastModifiedDate", json_copy(json_get(secret, "CreatedDate")));
	json_add_str(to, "ARN", json_get_str(secret, "ARN"));
	json_add_str(to, "DataType", "text");
}

int
ssm_print_reference(
    struct call *c, const struct ssm_reference *ref, bool decrypt, struct json_object *to)
{
	_cleanup_json_ struct json_object *secret = json_object_new_object();
	bool version = ref->selector != NULL && strlen(ref->selector) >= VERSION_ID_MIN;
	int r;

	if (!decrypt)
		return err_set(&c->err, ERR_VALIDATION,
		    "WithDecryption flag must be True for retrieving a Secret Manager secret.");
	r = secret_show(c, ref->name + strlen(SSM_REFERENCE), version ? ref->selector : NULL,
	    version ? NULL : ref->selector, secret);
	if (r < 0 && c->err.kind == ERR_RESOURCE_NOT_FOUND) {
		c->err = (struct err){ 0 };
		return 0;
	}
	if (r < 0)
		return r;
	print_secret(c, ref, secret, to);
	return 1;
}
