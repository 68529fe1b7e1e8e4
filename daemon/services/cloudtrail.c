/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AWS CloudTrail: LookupEvents over the records that trail.c writes. There is always this one event
 * history and no trail, so operations on trails are not available. Rows first, then the handler.
 */
#include "daemon/page.h"
#include "daemon/services/service.h"
#include "daemon/store/trail.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define PAGE_MAX 50

enum attribute {
	ATTRIBUTE_UNSET,
	ATTRIBUTE_EVENT_ID,
	ATTRIBUTE_EVENT_NAME,
	ATTRIBUTE_READ_ONLY,
	ATTRIBUTE_USERNAME,
	ATTRIBUTE_RESOURCE_TYPE,
	ATTRIBUTE_RESOURCE_NAME,
	ATTRIBUTE_EVENT_SOURCE,
	ATTRIBUTE_ACCESS_KEY_ID,
};

struct lookup_attribute {
	int key; /* enum attribute */
	const char *value;
};

struct lookup_events_in {
	LIST_OF(struct lookup_attribute) attributes;
	struct opt_double from;
	struct opt_double to;
	int category;
	struct opt_int limit;
	const char *token;
};

static int lookup_events(struct call *c);

/* clang-format off */
static const char *const attribute_names[] = {
	[ATTRIBUTE_EVENT_ID]      = "EventId",
	[ATTRIBUTE_EVENT_NAME]    = "EventName",
	[ATTRIBUTE_READ_ONLY]     = "ReadOnly",
	[ATTRIBUTE_USERNAME]      = "Username",
	[ATTRIBUTE_RESOURCE_TYPE] = "ResourceType",
	[ATTRIBUTE_RESOURCE_NAME] = "ResourceName",
	[ATTRIBUTE_EVENT_SOURCE]  = "EventSource",
	[ATTRIBUTE_ACCESS_KEY_ID] = "AccessKeyId",
	NULL,
};
static const char *const category_names[] = { NULL, "insight", NULL };

static const struct schema_field attribute_fields[] = {
	F_ENUM(struct lookup_attribute, key,  "AttributeKey",   attribute_names, .flags = SCHEMA_REQUIRED),
	F_STR(struct lookup_attribute, value, "AttributeValue", .flags = SCHEMA_REQUIRED, .min_len = 1, .max_len = 2000),
};
static const struct schema attribute_schema = SCHEMA(struct lookup_attribute, attribute_fields, "LookupAttribute");

static const struct schema_field lookup_events_fields[] = {
	F_LIST(struct lookup_events_in, attributes, "LookupAttributes", struct lookup_attribute, &attribute_schema, .max_len = 1),
	F_TIME(struct lookup_events_in, from,       "StartTime"),
	F_TIME(struct lookup_events_in, to,         "EndTime"),
	F_ENUM(struct lookup_events_in, category,   "EventCategory", category_names),
	F_INT(struct lookup_events_in, limit,       "MaxResults"),
	F_STR(struct lookup_events_in, token,       "NextToken"),
};
static const struct schema lookup_events_schema = SCHEMA(struct lookup_events_in, lookup_events_fields, "LookupEventsRequest");

static const struct op ops[] = {
	{ .name = "LookupEvents", .run = lookup_events, .input = &lookup_events_schema },
};
/* clang-format on */
static const struct op_table cloudtrail_ops = { ops, ARRAY_SIZE(ops) };

/* Sorted, as --dump-api prints them. */
static const char *const unavailable[] = {
	"AddTags",
	"CreateTrail",
	"DeleteTrail",
	"DescribeTrails",
	"GetEventSelectors",
	"GetTrail",
	"GetTrailStatus",
	"ListTags",
	"ListTrails",
	"PutEventSelectors",
	"RemoveTags",
	"StartLogging",
	"StopLogging",
	"UpdateTrail",
};
static const struct op_table *const tables[] = { &cloudtrail_ops };

const struct op_service cloudtrail_service = {
	.name = "cloudtrail",
	.full_name = "AWS CloudTrail",
	.wire = WIRE_JSON,
	.tables = tables,
	.n_tables = ARRAY_SIZE(tables),
	.unavailable = unavailable,
	.n_unavailable = ARRAY_SIZE(unavailable),
};

/* --- LookupEvents --- */

struct walk {
	struct call *c;
	struct page page;
	struct json_object *events;
	int r;
};

static int
add_resource(const struct store_trail_resource *r, void *arg)
{
	struct json_object *o = json_object_new_object();

	json_add_str(o, "ResourceType", r->type);
	json_add_str(o, "ResourceName", r->name);
	json_object_array_add(arg, o);
	return 0;
}

static int
add_event(const struct store_trail *t, void *arg)
{
	struct walk *w = arg;
	struct json_object *o, *resources;
	char key[24];

	(void)snprintf(key, sizeof(key), "%" PRId64, t->n);
	if (!page_take(&w->page, key))
		return 1;
	o = json_object_new_object();
	resources = json_object_new_array();
	json_object_array_add(w->events, o);
	json_add_str(o, "EventId", t->id);
	json_add_str(o, "EventName", t->name);
	json_add_str(o, "ReadOnly", "false");
	json_add_str(o, "AccessKeyId", t->access_key);
	json_add_time(o, "EventTime", t->at_ms - t->at_ms % 1000);
	json_add_str(o, "EventSource", t->source);
	json_add_str(o, "Username", t->user);
	json_add(o, "Resources", resources);
	json_add_str(o, "CloudTrailEvent", t->doc);
	w->r = store_trail_resources(w->c->store, t->n, add_resource, resources, &w->c->err);
	return w->r < 0;
}

/* 1: nothing can match, as only writes are recorded. */
static int
read_attribute(const struct lookup_attribute *a, struct store_trail_filter *f)
{
	switch ((enum attribute)a->key) {
	case ATTRIBUTE_EVENT_ID:
		f->id = a->value;
		break;
	case ATTRIBUTE_EVENT_NAME:
		f->name = a->value;
		break;
	case ATTRIBUTE_READ_ONLY:
		return !streq(a->value, "false");
	case ATTRIBUTE_USERNAME:
		f->user = a->value;
		break;
	case ATTRIBUTE_RESOURCE_TYPE:
		f->resource_type = a->value;
		break;
	case ATTRIBUTE_RESOURCE_NAME:
		f->resource_name = a->value;
		break;
	case ATTRIBUTE_EVENT_SOURCE:
		f->source = a->value;
		break;
	case ATTRIBUTE_ACCESS_KEY_ID:
		f->access_key = a->value;
		break;
	case ATTRIBUTE_UNSET:
		break;
	}
	return 0;
}

static int
read_times(struct call *c, const struct lookup_events_in *in, struct store_trail_filter *f)
{
	if (in->from.set)
		f->from_ms = (int64_t)(in->from.v * 1000);
	/* Seconds are what callers have seen of a record's time. */
	if (in->to.set)
		f->to_ms = (int64_t)(in->to.v * 1000) + 999;
	if (in->from.set && in->to.set && in->from.v > in->to.v)
		return err_set_code(&c->err, 400, "InvalidTimeRangeException",
		    "The specified start time is after the specified end time.");
	return 0;
}

static int
lookup_events(struct call *c)
{
	const struct lookup_events_in *in = c->args;
	struct walk w = { .c = c, .events = json_object_new_array() };
	struct store_trail_filter f = { 0 };
	bool none = in->category != 0; /* insights: there are none */
	int r;

	json_add(c->out, "Events", w.events);
	if (in->limit.set && (in->limit.v < 1 || in->limit.v > PAGE_MAX))
		return err_set_code(&c->err, 400, "InvalidMaxResultsException",
		    "MaxResults should be a number between 1 and %d.", PAGE_MAX);
	r = read_times(c, in, &f);
	if (r == 0 && page_begin(&w.page, c->op->name, in->token,
			  in->limit.set ? (int)in->limit.v : PAGE_MAX, &c->err) < 0)
		r = err_set_code(
		    &c->err, 400, "InvalidNextTokenException", "The NextToken is invalid.");
	if (r < 0)
		return r;
	for (size_t i = 0; i < in->attributes.n; i++)
		none = read_attribute(&in->attributes.v[i], &f) || none;
	if (!none)
		r = store_trail_list(c->store, &c->scope, &f,
		    page_after(&w.page) != NULL ? strtoll(w.page.after, NULL, 10) : 0,
		    w.page.limit + 1, add_event, &w, &c->err);
	if (r < 0 || w.r < 0)
		return r < 0 ? r : w.r;
	if (w.page.more)
		json_add_str(c->out, "NextToken", page_encode(&c->arena, c->op->name, w.page.last));
	return 0;
}
