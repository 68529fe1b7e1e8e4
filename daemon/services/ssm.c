/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AWS Systems Manager as api.c takes it - of which Parameter Store is built - and what its files
 * share: how a request names a parameter, and how one is printed.
 */
#include "daemon/services/ssm.h"

#include "daemon/arn.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

/* clang-format off */
static const struct op_table *const tables[] = {
	&ssm_put_ops,
	&ssm_get_ops,
	&ssm_list_ops,
	&ssm_label_ops,
	&ssm_tag_ops,
};

static const char *const unavailable[] = {
	"AssociateOpsItemRelatedItem", "CancelCommand", "CancelMaintenanceWindowExecution", "CreateActivation",
	"CreateAssociation", "CreateAssociationBatch", "CreateDocument", "CreateMaintenanceWindow", "CreateOpsItem",
	"CreateOpsMetadata", "CreatePatchBaseline", "CreateResourceDataSync", "DeleteActivation", "DeleteAssociation",
	"DeleteDocument", "DeleteInventory", "DeleteMaintenanceWindow", "DeleteOpsMetadata", "DeletePatchBaseline",
	"DeleteResourceDataSync", "DeleteResourcePolicy", "DeregisterManagedInstance",
	"DeregisterPatchBaselineForPatchGroup", "DeregisterTargetFromMaintenanceWindow",
	"DeregisterTaskFromMaintenanceWindow", "DescribeActivations", "DescribeAssociation",
	"DescribeAssociationExecutionTargets", "DescribeAssociationExecutions", "DescribeAutomationExecutions",
	"DescribeAutomationStepExecutions", "DescribeAvailablePatches", "DescribeDocument",
	"DescribeDocumentPermission", "DescribeEffectiveInstanceAssociations",
	"DescribeEffectivePatchesForPatchBaseline", "DescribeInstanceAssociationsStatus", "DescribeInstanceInformation",
	"DescribeInstancePatchStates", "DescribeInstancePatchStatesForPatchGroup", "DescribeInstancePatches",
	"DescribeInventoryDeletions", "DescribeMaintenanceWindowExecutionTaskInvocations",
	"DescribeMaintenanceWindowExecutionTasks", "DescribeMaintenanceWindowExecutions",
	"DescribeMaintenanceWindowSchedule", "DescribeMaintenanceWindowTargets", "DescribeMaintenanceWindowTasks",
	"DescribeMaintenanceWindows", "DescribeMaintenanceWindowsForTarget", "DescribeOpsItems",
	"DescribePatchBaselines", "DescribePatchGroupState", "DescribePatchGroups", "DescribePatchProperties",
	"DescribeSessions", "DisassociateOpsItemRelatedItem", "GetAutomationExecution", "GetCalendarState",
	"GetCommandInvocation", "GetConnectionStatus", "GetDefaultPatchBaseline",
	"GetDeployablePatchSnapshotForInstance", "GetDocument", "GetInventory", "GetInventorySchema",
	"GetMaintenanceWindow", "GetMaintenanceWindowExecution", "GetMaintenanceWindowExecutionTask",
	"GetMaintenanceWindowExecutionTaskInvocation", "GetMaintenanceWindowTask", "GetOpsItem", "GetOpsMetadata",
	"GetOpsSummary", "GetPatchBaseline", "GetPatchBaselineForPatchGroup", "GetResourcePolicies",
	"GetServiceSetting", "ListAssociationVersions", "ListAssociations", "ListCommandInvocations", "ListCommands",
	"ListComplianceItems", "ListComplianceSummaries", "ListDocumentMetadataHistory", "ListDocumentVersions",
	"ListDocuments", "ListInventoryEntries", "ListOpsItemEvents", "ListOpsItemRelatedItems", "ListOpsMetadata",
	"ListResourceComplianceSummaries", "ListResourceDataSync", "ModifyDocumentPermission", "PutComplianceItems",
	"PutInventory", "PutResourcePolicy", "RegisterDefaultPatchBaseline", "RegisterPatchBaselineForPatchGroup",
	"RegisterTargetWithMaintenanceWindow", "RegisterTaskWithMaintenanceWindow", "ResetServiceSetting",
	"ResumeSession", "SendAutomationSignal", "SendCommand", "StartAssociationsOnce", "StartAutomationExecution",
	"StartChangeRequestExecution", "StartSession", "StopAutomationExecution", "TerminateSession",
	"UpdateAssociation", "UpdateAssociationStatus", "UpdateDocument", "UpdateDocumentDefaultVersion",
	"UpdateDocumentMetadata", "UpdateMaintenanceWindow", "UpdateMaintenanceWindowTarget",
	"UpdateMaintenanceWindowTask", "UpdateManagedInstanceRole", "UpdateOpsItem", "UpdateOpsMetadata",
	"UpdatePatchBaseline", "UpdateResourceDataSync", "UpdateServiceSetting",
};
/* clang-format on */

const struct op_service ssm_service = {
	.name = "ssm",
	.full_name = "AWS Systems Manager",
	.wire = WIRE_JSON,
	.tables = tables,
	.n_tables = ARRAY_SIZE(tables),
	.unavailable = unavailable,
	.n_unavailable = ARRAY_SIZE(unavailable),
};

/* --- names --- */

struct ssm_reference
ssm_parse(struct call *c, const char *text)
{
	_cleanup_free_ char *head = xasprintf("arn:%s:ssm:%s:%s:parameter/",
	    arn_partition(c->scope.region), c->scope.region, c->scope.account);
	struct ssm_reference ref = { 0 };
	char *name, *colon;

	if (has_prefix(text, head)) {
		/* The slash is the first of a path's: a name with another one begins with it. */
		name = arena_strdup(&c->arena, text + strlen(head) - 1);
		ref.bare = strchr(name + 1, '/') == NULL;
		name += ref.bare;
	} else {
		ref.foreign = has_prefix(text, "arn:");
		name = arena_strdup(&c->arena, text);
	}
	colon = ref.foreign ? NULL : strchr(name, ':');
	if (colon != NULL) {
		*colon = '\0';
		ref.selector = colon + 1;
	}
	ref.name = name;
	return ref;
}

int
ssm_get(struct call *c, const struct ssm_reference *ref, struct store_parameter *ret)
{
	int r;

	if (ref->foreign)
		return 0;
	r = store_parameter_get(c->store, &c->scope, ref->name, c->now_ms, ret, &c->err);
	if (r == 0 && ref->bare)
		r = store_parameter_get(c->store, &c->scope,
		    arena_printf(&c->arena, "/%s", ref->name), c->now_ms, ret, &c->err);
	return r;
}

int
ssm_not_found(struct call *c)
{
	return err_set_code(&c->err, 400, "ParameterNotFound", "%s", "");
}

int
ssm_find(struct call *c, const char *name, struct store_parameter *ret)
{
	struct ssm_reference ref = ssm_parse(c, name);
	int r = ref.selector == NULL ? ssm_get(c, &ref, ret) : 0;

	if (r != 0)
		return r < 0 ? r : 0;
	return ssm_not_found(c);
}

/* A selector of digits is a version; a label cannot begin with one. */
int
ssm_get_version(struct call *c, const struct store_parameter *p, const char *selector,
    struct store_parameter_version *ret)
{
	int64_t version = p->version;
	int r = 1;

	if (selector != NULL && selector[strspn(selector, "0123456789")] == '\0')
		version = strlen(selector) < 18 ? strtoll(selector, NULL, 10) : 0;
	else if (selector != NULL)
		r = store_parameter_label_get(c->store, p, selector, &version, &c->err);
	if (r <= 0)
		return r;
	return store_parameter_version_get(c->store, p, version, ret, &c->err);
}

/* --- printing --- */

const char *
ssm_arn(struct call *c, const struct store_parameter *p)
{
	return arena_printf(&c->arena, "arn:%s:ssm:%s:%s:parameter%s%s",
	    arn_partition(p->scope.region), p->scope.region, p->scope.account,
	    p->name[0] == '/' ? "" : "/", p->name);
}

struct json_object *
ssm_doc(const struct store_parameter_version *v)
{
	struct json_object *doc = NULL;

	if (json_parse(v->doc, strlen(v->doc), &doc, NULL) < 0)
		return json_object_new_object();
	return doc;
}

static void
add_ciphertext(const struct store_parameter_version *v, struct json_object *to)
{
	_cleanup_free_ char *text = xcalloc(1, (v->sealed_len + 2) / 3 * 4 + 1);

	(void)EVP_EncodeBlock((unsigned char *)text, v->sealed, (int)v->sealed_len);
	json_add_str(to, "Value", text);
}

static int
add_value(struct call *c, const struct store_parameter *p, const struct store_parameter_version *v,
    struct json_object *to)
{
	char *plain = NULL;
	size_t len = 0;

	if (store_parameter_reveal(c->store, p, v, &plain, &len) < 0)
		return err_set_code(&c->err, 400, "InvalidKeyId",
		    "The value of %.256s cannot be decrypted: the key of the state directory is "
		    "not the one that it was encrypted with.",
		    p->name);
	json_add_str(to, "Value", plain);
	OPENSSL_cleanse(plain, len);
	free(plain);
	return 0;
}

int
ssm_print_value(struct call *c, const struct store_parameter *p,
    const struct store_parameter_version *v, bool decrypt, struct json_object *to)
{
	_cleanup_json_ struct json_object *doc = ssm_doc(v);

	const char *type = json_get_str(doc, "Type");

	if (decrypt || streq(type, "String") || streq(type, "StringList"))
		return add_value(c, p, v, to);
	add_ciphertext(v, to);
	return 0;
}

int
ssm_print(struct call *c, const struct store_parameter *p, const struct store_parameter_version *v,
    bool decrypt, struct json_object *to)
{
	_cleanup_json_ struct json_object *doc = ssm_doc(v);
	int r;

	json_add_str(to, "Name", p->name);
	json_add_str(to, "Type", json_get_str(doc, "Type"));
	r = ssm_print_value(c, p, v, decrypt, to);
	json_add_int(to, "Version", v->version);
	json_add_time(to, "LastModifiedDate", v->modified_at_ms);
	json_add_str(to, "ARN", ssm_arn(c, p));
	json_add_str(to, "DataType", json_get_str(doc, "DataType"));
	return r;
}

/* Policies are kept as one text; each is shown by itself. */
static struct json_object *
print_policies(struct json_object *doc)
{
	struct json_object *list = json_object_new_array();
	_cleanup_json_ struct json_object *policies = NULL;
	const char *text = json_get_str(doc, "Policies");

	if (text == NULL || json_parse(text, strlen(text), &policies, NULL) < 0)
		return list;
	for (size_t i = 0; i < json_object_array_length(policies); i++) {
		struct json_object *policy = json_object_array_get_idx(policies, i);
		struct json_object *o = json_object_new_object();

		json_add_str(o, "PolicyText", json_print(policy));
		json_add_str(o, "PolicyType", json_get_str(policy, "Type"));
		json_add_str(o, "PolicyStatus", "Pending");
		(void)json_object_array_add(list, o);
	}
	return list;
}

void
ssm_print_metadata(const struct store_parameter_version *v, struct json_object *to)
{
	static const char *const texts[] = {
		"Type",
		"KeyId",
		"LastModifiedUser",
		"Description",
		"AllowedPattern",
		"Tier",
		"DataType",
	};
	_cleanup_json_ struct json_object *doc = ssm_doc(v);

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		json_add_str(to, texts[i], json_get_str(doc, texts[i]));
	json_add_time(to, "LastModifiedDate", v->modified_at_ms);
	json_add_int(to, "Version", v->version);
	json_add(to, "Policies", print_policies(doc));
}

/* --- pages --- */

int
ssm_page_begin(struct call *c, struct page *p, const char *token, int limit)
{
	if (token != NULL && *token == '\0')
		token = NULL;
	if (page_begin(p, c->op->name, token, limit, NULL) == 0)
		return 0;
	return err_set_code(&c->err, 400, "InvalidNextToken", "The specified token is not valid.");
}

void
ssm_page_finish(struct call *c, const struct page *p)
{
	if (p->more)
		json_add_str(c->out, "NextToken", page_encode(&c->arena, c->op->name, p->last));
}
