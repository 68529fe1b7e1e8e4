/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading and deleting parameters by name: GetParameter, GetParameters, GetParameterHistory,
 * DeleteParameter, DeleteParameters.
 */
#include "daemon/services/ssm.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define HISTORY_DEFAULT 50

struct get_in {
	const char *name;
	struct str_list names;
	enum tri decrypt;
	struct opt_int limit;
	const char *next;
};

static int get_parameter(struct call *c);
static int get_parameters(struct call *c);
static int get_parameter_history(struct call *c);
static int delete_parameter(struct call *c);
static int delete_parameters(struct call *c);

/* clang-format off */
static const struct schema_field get_fields[] = {
	F_SSM_NAME(struct get_in),
	F_SSM_DECRYPT(struct get_in),
};
static const struct schema get_schema = SCHEMA(struct get_in, get_fields, "GetParameterRequest");

static const struct schema_field get_many_fields[] = {
	F_SSM_NAMES(struct get_in),
	F_SSM_DECRYPT(struct get_in),
};
static const struct schema get_many_schema = SCHEMA(struct get_in, get_many_fields, "GetParametersRequest");

static const struct schema_field history_fields[] = {
	F_SSM_NAME(struct get_in),
	F_SSM_DECRYPT(struct get_in),
	F_INT(struct get_in, limit, "MaxResults", .min = 1, .max = HISTORY_DEFAULT),
	F_SSM_NEXT(struct get_in),
};
static const struct schema history_schema = SCHEMA(struct get_in, history_fields, "GetParameterHistoryRequest");

static const struct schema_field delete_fields[] = {
	F_SSM_NAME(struct get_in),
};
static const struct schema delete_schema = SCHEMA(struct get_in, delete_fields, "DeleteParameterRequest");

static const struct schema_field delete_many_fields[] = {
	F_SSM_NAMES(struct get_in),
};
static const struct schema delete_many_schema = SCHEMA(struct get_in, delete_many_fields, "DeleteParametersRequest");

static const struct op ops[] = {
	{ .name = "DeleteParameter",     .run = delete_parameter,      .input = &delete_schema,      .bad_input = ERR_VALIDATION, .flags = OP_WRITE },
	{ .name = "DeleteParameters",    .run = delete_parameters,     .input = &delete_many_schema, .bad_input = ERR_VALIDATION, .flags = OP_WRITE },
	{ .name = "GetParameter",        .run = get_parameter,         .input = &get_schema,         .bad_input = ERR_VALIDATION },
	{ .name = "GetParameterHistory", .run = get_parameter_history, .input = &history_schema,     .bad_input = ERR_VALIDATION },
	{ .name = "GetParameters",       .run = get_parameters,        .input = &get_many_schema,    .bad_input = ERR_VALIDATION },
};
/* clang-format on */
const struct op_table ssm_get_ops = { ops, ARRAY_SIZE(ops) };

/* --- GetParameter, GetParameters --- */

/* 1 where it is printed into `to`, 0 where there is no such parameter (*ret_known false) or no such
 * version of it, negative errno. */
static int
print_one(struct call *c, const char *text, bool decrypt, struct json_object *to, bool *ret_known)
{
	_cleanup_parameter_version_ struct store_parameter_version v = { 0 };
	struct ssm_reference ref = ssm_parse(c, text);
	struct store_parameter p;
	int r;

	*ret_known = false;
	if (ssm_is_reference(&ref))
		return ssm_print_reference(c, &ref, decrypt, to);
	r = ssm_get(c, &ref, &p);
	*ret_known = r > 0;
	if (r > 0)
		r = ssm_get_version(c, &p, ref.selector, &v);
	if (r <= 0)
		return r;
	r = ssm_print(c, &p, &v, decrypt, to);
	if (ref.selector != NULL)
		json_add_str(to, "Selector", arena_printf(&c->arena, ":%s", ref.selector));
	return r < 0 ? r : 1;
}

static int
no_version(struct call *c, const char *text)
{
	struct ssm_reference ref = ssm_parse(c, text);
	bool number = ref.selector[strspn(ref.selector, "0123456789")] == '\0';

	return err_set_code(&c->err, 400, "ParameterVersionNotFound",
	    "Systems Manager could not find %s %.128s of %.1011s. Verify the %s and try again.",
	    number ? "version" : "label", ref.selector, ref.name, number ? "version" : "label");
}

static int
get_parameter(struct call *c)
{
	const struct get_in *in = c->args;
	struct json_object *o = json_object_new_object();
	bool known = false;
	int r;

	json_add(c->out, "Parameter", o);
	r = print_one(c, in->name, in->decrypt == TRI_TRUE, o, &known);
	if (r != 0)
		return r < 0 ? r : 0;
	if (known)
		return no_version(c, in->name);
	if (!has_prefix(in->name, SSM_REFERENCE))
		return ssm_not_found(c);
	return err_set_code(&c->err, 400, "ParameterNotFound",
	    "An error occurred (ParameterNotFound) when referencing Secrets Manager: Secret %.900s "
	    "not found.",
	    in->name);
}

/* A name that is asked for twice is answered once. */
static bool
is_repeated(const struct str_list *names, size_t at)
{
	for (size_t i = 0; i < at; i++)
		if (streq(names->v[i], names->v[at]))
			return true;
	return false;
}

static int
get_parameters(struct call *c)
{
	const struct get_in *in = c->args;
	struct json_object *found = json_object_new_array();
	struct json_object *invalid = json_object_new_array();

	json_add(c->out, "Parameters", found);
	json_add(c->out, "InvalidParameters", invalid);
	for (size_t i = 0; i < in->names.n; i++) {
		struct json_object *o;
		bool known;
		int r;

		if (is_repeated(&in->names, i))
			continue;
		o = json_object_new_object();
		r = print_one(c, in->names.v[i], in->decrypt == TRI_TRUE, o, &known);
		if (r > 0) {
			(void)json_object_array_add(found, o);
			continue;
		}
		json_object_put(o);
		if (r < 0)
			return r;
		(void)json_object_array_add(invalid, json_object_new_string(in->names.v[i]));
	}
	return 0;
}

/* --- GetParameterHistory --- */

struct history {
	struct call *c;
	const struct store_parameter *p;
	bool decrypt;
	struct page page;
	struct json_object *list;
	int r;
};

static int
take_label(const char *label, void *arg)
{
	return json_object_array_add(arg, json_object_new_string(label));
}

static int
take_version(const struct store_parameter_version *v, void *arg)
{
	struct history *h = arg;
	struct json_object *o, *labels;
	char key[32];

	(void)snprintf(key, sizeof(key), "%lld", (long long)v->version);
	if (!page_take(&h->page, key))
		return 1;
	o = json_object_new_object();
	labels = json_object_new_array();
	(void)json_object_array_add(h->list, o);
	json_add_str(o, "Name", h->p->name);
	ssm_print_metadata(v, o);
	json_add(o, "Labels", labels);
	h->r = ssm_print_value(h->c, h->p, v, h->decrypt, o);
	if (h->r == 0)
		h->r = store_parameter_label_list(
		    h->c->store, h->p, v->version, take_label, labels, &h->c->err);
	return h->r;
}

static int
get_parameter_history(struct call *c)
{
	const struct get_in *in = c->args;
	struct store_parameter p;
	struct history h = {
		.c = c,
		.p = &p,
		.decrypt = in->decrypt == TRI_TRUE,
		.list = json_object_new_array(),
	};
	int r;

	json_add(c->out, "Parameters", h.list);
	r = ssm_find(c, in->name, &p);
	if (r == 0)
		r = ssm_page_begin(
		    c, &h.page, in->next, in->limit.set ? (int)in->limit.v : HISTORY_DEFAULT);
	if (r == 0)
		r = store_parameter_version_list(
		    c->store, &p, strtoll(h.page.after, NULL, 10), take_version, &h, &c->err);
	if (r == 0)
		r = h.r;
	if (r == 0)
		ssm_page_finish(c, &h.page);
	return r;
}

/* --- deletion --- */

static int
delete_parameter(struct call *c)
{
	const struct get_in *in = c->args;
	struct store_parameter p;
	int r = ssm_find(c, in->name, &p);

	return r < 0 ? r : store_parameter_delete(c->store, &p, &c->err);
}

static int
delete_parameters(struct call *c)
{
	const struct get_in *in = c->args;
	struct json_object *deleted = json_object_new_array();
	struct json_object *invalid = json_object_new_array();

	json_add(c->out, "DeletedParameters", deleted);
	json_add(c->out, "InvalidParameters", invalid);
	for (size_t i = 0; i < in->names.n; i++) {
		struct ssm_reference ref = ssm_parse(c, in->names.v[i]);
		struct store_parameter p;
		int r = ref.selector == NULL ? ssm_get(c, &ref, &p) : 0;

		if (r < 0 || (r > 0 && store_parameter_delete(c->store, &p, &c->err) < 0))
			return -EIO;
		if (!is_repeated(&in->names, i))
			(void)json_object_array_add(
			    r > 0 ? deleted : invalid, json_object_new_string(in->names.v[i]));
	}
	return 0;
}
