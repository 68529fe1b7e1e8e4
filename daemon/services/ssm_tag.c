/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tags of parameters: AddTagsToResource, RemoveTagsFromResource, ListTagsForResource.
 */
#include "daemon/services/ssm.h"

#include "daemon/services/tag_list.h"
#include "daemon/store/tag.h"

#include <string.h>
#include <strings.h>

struct tag_in {
	int type; /* index into resource_types */
	const char *id;
	struct ssm_tags tags;
	struct str_list keys;
};

static int add_tags_to_resource(struct call *c);
static int remove_tags_from_resource(struct call *c);
static int list_tags_for_resource(struct call *c);

/* clang-format off */
static const char *const resource_types[] = {
	NULL, "Parameter", "Document", "ManagedInstance", "MaintenanceWindow", "PatchBaseline", "OpsItem", "OpsMetadata",
	"Automation", "Association", NULL,
};
#define TYPE_PARAMETER 1

#define F_TYPE F_ENUM(struct tag_in, type, "ResourceType", resource_types, .flags = SCHEMA_REQUIRED)
#define F_ID   F_STR(struct tag_in, id, "ResourceId", .flags = SCHEMA_REQUIRED, .max_len = 2048)

static const struct schema_field tag_fields[] = {
	F_STR(struct ssm_tag_in, key,   "Key",   .flags = SCHEMA_REQUIRED, .min_len = 1, .max_len = 128),
	F_STR(struct ssm_tag_in, value, "Value", .flags = SCHEMA_REQUIRED, .max_len = 256),
};
const struct schema ssm_tag_schema = SCHEMA(struct ssm_tag_in, tag_fields, "Tag");

static const struct schema_field add_fields[] = {
	F_TYPE,
	F_ID,
	F_SSM_TAGS(struct tag_in, .flags = SCHEMA_REQUIRED),
};
static const struct schema add_schema = SCHEMA(struct tag_in, add_fields, "AddTagsToResourceRequest");

static const struct schema_field remove_fields[] = {
	F_TYPE,
	F_ID,
	F_STRS(struct tag_in, keys, "TagKeys", .flags = SCHEMA_REQUIRED, .item_max_len = 128),
};
static const struct schema remove_schema = SCHEMA(struct tag_in, remove_fields, "RemoveTagsFromResourceRequest");

static const struct schema_field list_fields[] = {
	F_TYPE,
	F_ID,
};
static const struct schema list_schema = SCHEMA(struct tag_in, list_fields, "ListTagsForResourceRequest");

static const struct op ops[] = {
	{ .name = "AddTagsToResource",      .run = add_tags_to_resource,      .input = &add_schema,    .bad_input = ERR_VALIDATION, .flags = OP_WRITE },
	{ .name = "ListTagsForResource",    .run = list_tags_for_resource,    .input = &list_schema,   .bad_input = ERR_VALIDATION },
	{ .name = "RemoveTagsFromResource", .run = remove_tags_from_resource, .input = &remove_schema, .bad_input = ERR_VALIDATION, .flags = OP_WRITE },
};
/* clang-format on */
const struct op_table ssm_tag_ops = { ops, ARRAY_SIZE(ops) };

int
ssm_put_tags(struct call *c, const struct store_parameter *p, const struct ssm_tags *tags)
{
	_cleanup_free_ char *where = store_parameter_tag_key(p);
	int r = 0;

	for (size_t i = 0; i < tags->n && r == 0; i++) {
		if (strncasecmp(tags->v[i].key, "aws:", 4) == 0)
			return err_set(&c->err, ERR_VALIDATION,
			    "Tag keys that begin with aws: are reserved: %.128s", tags->v[i].key);
		r = store_tag_put(c->store, where, tags->v[i].key, tags->v[i].value, &c->err);
	}
	if (r == 0)
		r = store_tag_count(c->store, where, &c->err);
	if (r > SSM_TAGS_MAX)
		return err_set_code(&c->err, 400, "TooManyTagsError",
		    "The Targets parameter includes too many tags. Remove one or more tags and "
		    "try the command again.");
	return r < 0 ? r : 0;
}

/* Of what has tags in Systems Manager, parameters are there. */
static int
find_resource(struct call *c, struct store_parameter *ret)
{
	const struct tag_in *in = c->args;
	struct ssm_reference ref = ssm_parse(c, in->id);
	int r = 0;

	if (in->type == TYPE_PARAMETER && ref.selector == NULL)
		r = ssm_get(c, &ref, ret);
	if (r != 0)
		return r < 0 ? r : 0;
	return err_set_code(&c->err, 400, "InvalidResourceId",
	    "The resource ID is not valid. Verify that you entered the correct ID and try again.");
}

static int
add_tags_to_resource(struct call *c)
{
	const struct tag_in *in = c->args;
	struct store_parameter p;
	int r = find_resource(c, &p);

	return r < 0 ? r : ssm_put_tags(c, &p, &in->tags);
}

static int
remove_tags_from_resource(struct call *c)
{
	const struct tag_in *in = c->args;
	_cleanup_free_ char *where = NULL;
	struct store_parameter p;
	int r = find_resource(c, &p);

	if (r < 0)
		return r;
	where = store_parameter_tag_key(&p);
	for (size_t i = 0; i < in->keys.n && r == 0; i++)
		r = store_tag_delete(c->store, where, in->keys.v[i], &c->err);
	return r;
}

static int
list_tags_for_resource(struct call *c)
{
	_cleanup_free_ char *where = NULL;
	struct store_parameter p;
	struct json_object *list = json_object_new_array();
	int r;

	json_add(c->out, "TagList", list);
	r = find_resource(c, &p);
	if (r < 0)
		return r;
	where = store_parameter_tag_key(&p);
	return tag_list_print(c->store, where, list, &c->err);
}
