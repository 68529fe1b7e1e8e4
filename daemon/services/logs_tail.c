/* SPDX-License-Identifier: Apache-2.0 */
/*
 * StartLiveTail as far as it is a request: is there everything that it wants to see? The answer is
 * the sessionStart that the stream begins with; the HTTP edge goes on from there
 * (http/live_tail.c).
 */
#include "daemon/services/log_pattern.h"
#include "daemon/services/logs.h"

#include <string.h>

static int start_live_tail(struct call *c);

/* clang-format off */
static const struct schema_field tail_fields[] = {
	F_STRS(struct logs_in, identifiers, "logGroupIdentifiers", .flags = SCHEMA_REQUIRED, .min_len = 1, .max_len = 10, .item_max_len = 2048),
	F_STRS(struct logs_in, streams,     "logStreamNames", .min_len = 1, .max_len = 10, .item_max_len = 512),
	F_STRS(struct logs_in, prefixes,    "logStreamNamePrefixes", .min_len = 1, .max_len = 10, .item_max_len = 512),
	F_STR(struct logs_in, pattern,      "logEventFilterPattern", .max_len = 1024),
};
static const struct schema tail_schema = SCHEMA(struct logs_in, tail_fields, "StartLiveTailRequest");

static const struct op ops[] = {
	{ .name = "StartLiveTail", .run = start_live_tail, .input = &tail_schema },
};
const struct op_table logs_tail_ops = { ops, ARRAY_SIZE(ops) };
/* clang-format on */

static int
check(struct call *c)
{
	const struct logs_in *in = c->args;
	struct log_pattern *pattern = NULL;
	int r = 0;

	if (in->streams.set && in->prefixes.set)
		return err_set(&c->err, ERR_INVALID_PARAMETER,
		    "logStreamNames and logStreamNamePrefixes are mutually exclusive parameters.");
	if ((in->streams.set || in->prefixes.set) && in->identifiers.n != 1)
		return err_set(&c->err, ERR_INVALID_PARAMETER,
		    "logStreamNames and logStreamNamePrefixes can be given for one log group "
		    "only.");
	for (size_t i = 0; r == 0 && i < in->streams.n; i++)
		r = logs_check_stream_name(c, "logStreamNames", in->streams.v[i]);
	for (size_t i = 0; r == 0 && i < in->prefixes.n; i++)
		r = logs_check_stream_name(c, "logStreamNamePrefixes", in->prefixes.v[i]);
	if (r == 0 && in->pattern != NULL)
		r = log_pattern_parse(in->pattern, &pattern, &c->err);
	log_pattern_free(pattern);
	return r;
}

static void
add_list(struct call *c, const char *member, const struct str_list *list)
{
	struct json_object *o = json_object_new_array();

	for (size_t i = 0; i < list->n; i++)
		json_object_array_add(o, json_object_new_string(list->v[i]));
	if (list->set)
		json_add(c->out, member, o);
	else
		json_object_put(o);
}

static int
start_live_tail(struct call *c)
{
	const struct logs_in *in = c->args;
	struct json_object *groups = json_object_new_array();
	struct store *l = NULL;
	char id[37];
	int r;

	random_uuid(id);
	json_add_str(c->out, "requestId", c->request_id);
	json_add_str(c->out, "sessionId", id);
	json_add(c->out, "logGroupIdentifiers", groups);
	r = check(c);
	if (r == 0)
		r = logs_open(c, &l);
	for (size_t i = 0; r == 0 && i < in->identifiers.n; i++) {
		struct store_log_group g = { 0 };

		r = logs_find_identified(c, l, in->identifiers.v[i], &g);
		if (r == 0)
			json_object_array_add(
			    groups, json_object_new_string(logs_group_arn(c, g.name)));
	}
	add_list(c, "logStreamNames", &in->streams);
	add_list(c, "logStreamNamePrefixes", &in->prefixes);
	json_add_str(c->out, "logEventFilterPattern", in->pattern);
	return r;
}
