/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Amazon CloudWatch Logs: the service, and what its operations have in common (see logs.h). Events
 * are in a file of their own, so a writing operation has a transaction there beside the call's.
 */
#include "daemon/services/logs.h"

#include "daemon/arn.h"
#include "daemon/store/tag.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

static const struct op_table *const tables[] = {
	&logs_group_ops,
	&logs_stream_ops,
	&logs_put_ops,
	&logs_read_ops,
	&logs_tag_ops,
	&logs_tail_ops,
};

/* clang-format off */
static const char *const unavailable[] = {
	"CancelExportTask", "CreateExportTask", "DeleteDataProtectionPolicy", "DeleteDestination",
	"DeleteMetricFilter", "DeleteQueryDefinition", "DeleteResourcePolicy", "DeleteSubscriptionFilter",
	"DescribeDestinations", "DescribeExportTasks", "DescribeMetricFilters", "DescribeQueries",
	"DescribeQueryDefinitions", "DescribeResourcePolicies", "DescribeSubscriptionFilters",
	"GetDataProtectionPolicy", "GetLogGroupFields", "GetLogRecord", "GetQueryResults", "ListLogGroups",
	"PutDataProtectionPolicy", "PutDestination", "PutDestinationPolicy", "PutMetricFilter", "PutQueryDefinition",
	"PutResourcePolicy", "PutSubscriptionFilter", "StartQuery", "StopQuery", "TestMetricFilter",
};
/* clang-format on */

const struct op_service logs_service = {
	.name = "logs",
	.full_name = "Amazon CloudWatch Logs",
	.wire = WIRE_JSON,
	.tables = tables,
	.n_tables = ARRAY_SIZE(tables),
	.unavailable = unavailable,
	.n_unavailable = ARRAY_SIZE(unavailable),
};

int
logs_open(struct call *c, struct store **ret)
{
	return store_logs(c->store, ret, &c->err);
}

int
logs_end(struct call *c, struct store *l, int r)
{
	if (r == 0)
		return store_commit(l, &c->err);
	store_rollback(l);
	return r;
}

/* --- names --- */

static int
odd_name(struct call *c, const char *member, const char *name, const char *pattern)
{
	return err_set(&c->err, ERR_INVALID_PARAMETER,
	    "1 validation error detected: Value '%.512s' at '%s' failed to satisfy constraint: "
	    "Member must satisfy regular expression pattern: %s",
	    name, member, pattern);
}

int
logs_check_group_name(struct call *c, const char *member, const char *name)
{
	for (const char *p = name; *p != '\0'; p++)
		if (!isascii(*p) || (!isalnum(*p) && strchr("._-/#", *p) == NULL))
			return odd_name(c, member, name, "[\\.\\-_/#A-Za-z0-9]+");
	return 0;
}

int
logs_check_stream_name(struct call *c, const char *member, const char *name)
{
	return strpbrk(name, ":*") == NULL ? 0 : odd_name(c, member, name, "[^:*]*");
}

const char *
logs_group_arn(struct call *c, const char *name)
{
	return arena_printf(&c->arena, "arn:%s:logs:%s:%s:log-group:%s",
	    arn_partition(c->scope.region), c->scope.region, c->scope.account, name);
}

/* --- finding --- */

static int
no_group(struct call *c)
{
	return err_set(&c->err, ERR_RESOURCE_NOT_FOUND, "The specified log group does not exist.");
}

static int
find_group(struct call *c, struct store *l, const char *name, struct store_log_group *ret)
{
	int r = store_log_group_get(l, &c->scope, name, ret, &c->err);

	if (r == 0)
		return no_group(c);
	return r < 0 ? r : 0;
}

int
logs_find_identified(
    struct call *c, struct store *l, const char *identifier, struct store_log_group *ret)
{
	const char *head = logs_group_arn(c, "");
	char name[LOG_NAME_MAX];
	size_t len;

	if (!has_prefix(identifier, "arn:")) {
		int r = logs_check_group_name(c, "logGroupIdentifier", identifier);

		return r < 0 ? r : find_group(c, l, identifier, ret);
	}
	if (!has_prefix(identifier, head)) /* of somebody else, or of something else */
		return no_group(c);
	identifier += strlen(head);
	len = strcspn(identifier, ":");
	if (identifier[len] != '\0' && strcmp(identifier + len, ":*") != 0)
		return err_set(
		    &c->err, ERR_INVALID_PARAMETER, "The log group's ARN is not well-formed.");
	if (len >= sizeof(name))
		return no_group(c);
	memcpy(name, identifier, len);
	name[len] = '\0';
	return find_group(c, l, name, ret);
}

int
logs_find_group(struct call *c, struct store *l, struct store_log_group *ret)
{
	const struct logs_in *in = c->args;
	int r;

	if (in->group != NULL && in->identifier != NULL)
		return err_set(&c->err, ERR_INVALID_PARAMETER,
		    "LogGroup name and LogGroup ARN are mutually exclusive parameters.");
	if (in->identifier != NULL)
		return logs_find_identified(c, l, in->identifier, ret);
	if (in->group == NULL)
		return err_set(&c->err, ERR_INVALID_PARAMETER,
		    "Either a log group name or a log group identifier must be given.");
	r = logs_check_group_name(c, "logGroupName", in->group);
	return r < 0 ? r : find_group(c, l, in->group, ret);
}

int
logs_find_stream(
    struct call *c, struct store *l, int64_t group, const char *name, struct store_log_stream *ret)
{
	int r = logs_check_stream_name(c, "logStreamName", name);

	if (r == 0)
		r = store_log_stream_get(l, group, name, ret, &c->err);
	else
		return r;
	if (r == 0)
		return err_set(
		    &c->err, ERR_RESOURCE_NOT_FOUND, "The specified log stream does not exist.");
	return r < 0 ? r : 0;
}

int64_t
logs_horizon(const struct call *c, const struct store_log_group *g)
{
	return g->retention_days == 0 ? 0 : c->now_ms - g->retention_days * LOG_DAY_MS;
}

int
logs_page_begin(struct call *c, struct page *p, int limit)
{
	const struct logs_in *in = c->args;
	int r = page_begin(p, c->op->name, in->token, limit, &c->err);

	if (r < 0)
		return err_set(
		    &c->err, ERR_INVALID_PARAMETER, "The specified nextToken is invalid.");
	return 0;
}

/* --- tags --- */

static int
count_tag(const char *key, const char *value, void *arg)
{
	(void)key;
	(void)value;
	++*(size_t *)arg;
	return 0;
}

static int
check_tag(struct call *c, const char *key)
{
	if (key[0] == '\0' || strlen(key) > 128)
		return err_set(&c->err, ERR_INVALID_PARAMETER,
		    "1 validation error detected: Value at 'tags' failed to satisfy constraint: "
		    "Map "
		    "keys must satisfy constraint: [Member must have length less than or equal to "
		    "128, Member must have length greater than or equal to 1]");
	if (strncasecmp(key, "aws:", strlen("aws:")) == 0)
		return err_set(&c->err, ERR_INVALID_PARAMETER,
		    "Tag keys must not start with aws:, which is reserved for AWS's own use.");
	return 0;
}

int
logs_put_tags(struct call *c, struct store *l, const char *arn)
{
	const struct logs_in *in = c->args;
	size_t n = 0;
	int r = 0;

	for (size_t i = 0; r == 0 && i < in->tags.n; i++) {
		r = check_tag(c, in->tags.keys[i]);
		if (r == 0)
			r = store_tag_put(l, arn, in->tags.keys[i], in->tags.values[i], &c->err);
	}
	if (r == 0 && in->tags.n > 0)
		r = store_tag_list(l, arn, count_tag, &n, &c->err);
	if (r == 0 && n > LOGS_TAGS_MAX)
		return err_set_code(&c->err, 400, "TooManyTagsException",
		    "A resource can have no more than %d tags.", LOGS_TAGS_MAX);
	return r;
}
