/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tags of EC2's resources: CreateTags, DeleteTags, DescribeTags, and the TagSpecification of
 * operations that create. Tags are keyed by the resource's id, whose prefix tells its type.
 */
#include "daemon/services/ec2.h"

#include "daemon/page.h"

#include <stdio.h>
#include <string.h>

#define KEY_MAX 127
#define VALUE_MAX 255

struct tags_in {
	struct str_list resources;
	struct ec2_tags tags;
	enum tri dry_run;
};

static int create_tags(struct call *c);
static int delete_tags(struct call *c);
static int describe_tags(struct call *c);

/* clang-format off */
static const struct schema_field tag_fields[] = {
	F_STR(struct ec2_tag_in, key, "Key"),
	F_STR(struct ec2_tag_in, value, "Value"),
};
const struct schema ec2_tag_schema = SCHEMA(struct ec2_tag_in, tag_fields, "Tag");

static const struct schema_field tag_spec_fields[] = {
	F_STR(struct ec2_tag_spec, type, "ResourceType"),
	F_LIST(struct ec2_tag_spec, tags, "Tag", struct ec2_tag_in, &ec2_tag_schema),
};
const struct schema ec2_tag_spec_schema = SCHEMA(struct ec2_tag_spec, tag_spec_fields, "TagSpecification");

static const struct schema_field tags_fields[] = {
	F_STRS(struct tags_in, resources, "ResourceId", .max_len = 1000),
	F_LIST(struct tags_in, tags, "Tag", struct ec2_tag_in, &ec2_tag_schema),
	F_EC2_DRY_RUN(struct tags_in),
};
static const struct schema create_tags_schema = SCHEMA(struct tags_in, tags_fields, "CreateTagsRequest");
static const struct schema delete_tags_schema = SCHEMA(struct tags_in, tags_fields, "DeleteTagsRequest");

static const struct schema_field describe_fields[] = {
	F_LIST(struct ec2_describe_in, filters, "Filter", struct ec2_filter_in, &ec2_filter_schema),
	F_INT(struct ec2_describe_in, max_results, "MaxResults"),
	F_STR(struct ec2_describe_in, next_token, "NextToken"),
	F_BOOL(struct ec2_describe_in, dry_run, "DryRun"),
};
static const struct schema describe_schema = SCHEMA(struct ec2_describe_in, describe_fields, "DescribeTagsRequest");

static const struct op ops[] = {
	{ .name = "CreateTags",   .run = create_tags,   .flags = OP_WRITE, .input = &create_tags_schema },
	{ .name = "DeleteTags",   .run = delete_tags,   .flags = OP_WRITE, .input = &delete_tags_schema },
	{ .name = "DescribeTags", .run = describe_tags, .flags = OP_WRITE, .input = &describe_schema },
};
const struct op_table ec2_tag_ops = { ops, ARRAY_SIZE(ops) };

/* What can be tagged. */
static const struct {
	const char *prefix, *type;
	enum ec2_kind kind;
} types[] = {
	{ "vpc-",    "vpc",                 EC2_VPC },
	{ "subnet-", "subnet",              EC2_SUBNET },
	{ "sg-",     "security-group",      EC2_SECURITY_GROUP },
	{ "sgr-",    "security-group-rule", EC2_SECURITY_GROUP_RULE },
	{ "eni-",    "network-interface",   EC2_NETWORK_INTERFACE },
	{ "rtb-",    "route-table",         EC2_ROUTE_TABLE },
	{ "igw-",    "internet-gateway",    EC2_INTERNET_GATEWAY },
	{ "acl-",    "network-acl",         EC2_NETWORK_ACL },
};

static const struct ec2_filter filters[] = {
	{ "key",           "key" },
	{ "value",         "value" },
	{ "resource-id",   "resourceId" },
	{ "resource-type", "resourceType" },
};
/* clang-format on */

static const char *
type_of(const char *id)
{
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (has_prefix(id, types[i].prefix))
			return types[i].type;
	return "";
}

static int
add_tag(const char *id, const char *key, const char *value, void *arg)
{
	struct json_object *list = arg, *o = json_object_new_object();

	(void)id;
	json_add_str(o, "key", key);
	json_add_str(o, "value", value);
	json_object_array_add(list, o);
	return 0;
}

int
ec2_tag_set(struct call *c, const char *id, struct json_object **ret)
{
	_cleanup_json_ struct json_object *list = json_object_new_array();
	int r = store_ec2_tag_list(c->store, &c->scope, id, add_tag, list, &c->err);

	if (r < 0)
		return r;
	*ret = TAKE(list);
	return 0;
}

static int
put_tags(struct call *c, const char *id, const struct ec2_tags *tags)
{
	_cleanup_json_ struct json_object *now = NULL;
	int r = 0;

	for (size_t i = 0; r == 0 && i < tags->n; i++) {
		const struct ec2_tag_in *t = &tags->v[i];
		const char *value = t->value != NULL ? t->value : "";

		if (t->key == NULL || t->key[0] == '\0')
			return err_set_code(&c->err, 400, "InvalidParameterValue",
			    "Tag key cannot be null or empty.");
		if (has_prefix(t->key, "aws:"))
			return err_set_code(&c->err, 400, "InvalidParameterValue",
			    "Tag keys starting with 'aws:' are reserved for internal use");
		if (strlen(t->key) > KEY_MAX || strlen(value) > VALUE_MAX)
			return err_set_code(&c->err, 400, "InvalidParameterValue",
			    "Tag key exceeds the maximum length of %d characters, or its value %d.",
			    KEY_MAX, VALUE_MAX);
		r = store_ec2_tag_put(c->store, &c->scope, id, t->key, value, &c->err);
	}
	if (r == 0)
		r = ec2_tag_set(c, id, &now);
	if (r == 0 && json_object_array_length(now) > EC2_TAGS_MAX)
		return err_set_code(&c->err, 400, "TagLimitExceeded",
		    "The maximum number of tags for a resource is %d.", EC2_TAGS_MAX);
	return r;
}

int
ec2_tag_new(struct call *c, const struct ec2_tag_specs *specs, const char *type, const char *id)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < specs->n; i++) {
		if (!streq(specs->v[i].type, type))
			return err_set_code(&c->err, 400, "InvalidParameterValue",
			    "'%.100s' is not a valid taggable resource type for this operation.",
			    specs->v[i].type != NULL ? specs->v[i].type : "");
		r = put_tags(c, id, &specs->v[i].tags);
	}
	return r;
}

/* Every resource must exist. */
static int
check_resource(struct call *c, const char *id)
{
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		_cleanup_(store_ec2_done) struct store_ec2 row = { 0 };
		int r;

		if (!has_prefix(id, types[i].prefix))
			continue;
		r = store_ec2_get(c->store, &c->scope, types[i].kind, id, &row, &c->err);
		if (r != 0)
			return r < 0 ? r : 0;
	}
	return err_set_code(&c->err, 400, "InvalidID", "The ID '%.100s' is not valid", id);
}

static int
check_resources(struct call *c, const struct tags_in *in)
{
	int r = ec2_begin(c);

	if (r == 0 && in->resources.n == 0)
		return ec2_require(c, NULL, "resourceIdSet");
	for (size_t i = 0; r == 0 && i < in->resources.n; i++)
		r = check_resource(c, in->resources.v[i]);
	return r;
}

static int
create_tags(struct call *c)
{
	const struct tags_in *in = c->args;
	int r = check_resources(c, in);

	if (r == 0 && in->tags.n == 0)
		return ec2_require(c, NULL, "tagSet");
	for (size_t i = 0; r == 0 && i < in->resources.n; i++)
		r = put_tags(c, in->resources.v[i], &in->tags);
	return r < 0 ? r : ec2_end_return(c, in->dry_run);
}

struct doomed {
	struct call *c;
	const struct tags_in *in;
	int r;
};

/* A key without a value goes whatever its value is; no tags at all means all of them. */
static int
delete_if_named(const char *id, const char *key, const char *value, void *arg)
{
	struct doomed *d = arg;
	bool named = d->in->tags.n == 0;

	for (size_t i = 0; i < d->in->tags.n; i++) {
		const struct ec2_tag_in *t = &d->in->tags.v[i];

		named =
		    named || (streq(t->key, key) && (t->value == NULL || streq(t->value, value)));
	}
	if (named)
		d->r = store_ec2_tag_delete(d->c->store, &d->c->scope, id, key, &d->c->err);
	return d->r < 0;
}

static int
delete_tags(struct call *c)
{
	const struct tags_in *in = c->args;
	struct doomed d = { c, in, 0 };
	int r = ec2_begin(c);

	if (r == 0 && in->resources.n == 0)
		return ec2_require(c, NULL, "resourceIdSet");
	for (size_t i = 0; r == 0 && i < in->resources.n; i++) {
		r = store_ec2_tag_list(
		    c->store, &c->scope, in->resources.v[i], delete_if_named, &d, &c->err);
		if (r == 0)
			r = d.r;
	}
	return r < 0 ? r : ec2_end_return(c, in->dry_run);
}

struct tag_walk {
	struct call *c;
	struct page page;
	struct json_object *set;
	int r;
};

static int
describe_tag(const char *id, const char *key, const char *value, void *arg)
{
	struct tag_walk *w = arg;
	const struct ec2_describe_in *in = w->c->args;
	_cleanup_json_ struct json_object *o = json_object_new_object();
	char place[PAGE_KEY_MAX];
	bool wanted = false;

	(void)snprintf(place, sizeof(place), "%s/%s", id, key);
	if (page_after(&w->page) != NULL && strcmp(place, w->page.after) <= 0)
		return 0;
	json_add_str(o, "resourceId", id);
	json_add_str(o, "resourceType", type_of(id));
	json_add_str(o, "key", key);
	json_add_str(o, "value", value);
	w->r = ec2_describe_item(w->c, &in->filters, filters, ARRAY_SIZE(filters), o, &wanted);
	if (w->r < 0)
		return 1;
	if (!wanted)
		return 0;
	if (!page_take(&w->page, place))
		return 1;
	json_object_array_add(w->set, TAKE(o));
	return 0;
}

static int
describe_tags(struct call *c)
{
	const struct ec2_describe_in *in = c->args;
	struct tag_walk w = { .c = c };
	int64_t limit = in->max_results.set ? in->max_results.v : 1000;
	int r;

	if (limit < 5 || limit > 1000)
		return err_set_code(&c->err, 400, "InvalidParameterValue",
		    "Value ( %lld ) for parameter maxResults is invalid.", (long long)limit);
	if (page_begin(&w.page, c->op->name, in->next_token, (int)limit, &c->err) < 0)
		return err_set_code(
		    &c->err, 400, "InvalidNextToken", "The specified NextToken is not valid.");
	w.set = json_object_new_array();
	json_add(c->out, "tagSet", w.set);
	r = store_ec2_tag_list(c->store, &c->scope, NULL, describe_tag, &w, &c->err);
	if (r == 0)
		r = w.r;
	if (r < 0)
		return r;
	page_finish(&w.page, c->op->name, &c->arena, c->out);
	return ec2_end(c, in->dry_run);
}
