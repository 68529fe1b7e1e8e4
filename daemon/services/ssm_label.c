/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Labels on versions of parameters: LabelParameterVersion, UnlabelParameterVersion. What is no
 * label is told in InvalidLabels, not refused.
 */
#include "daemon/services/ssm.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

struct label_in {
	const char *name;
	struct opt_int version;
	struct str_list labels;
};

static int label_parameter_version(struct call *c);
static int unlabel_parameter_version(struct call *c);

/* clang-format off */
static const struct schema_field label_fields[] = {
	F_SSM_NAME(struct label_in),
	F_LONG(struct label_in, version, "ParameterVersion"),
	F_SSM_LABELS(struct label_in),
};
static const struct schema label_schema = SCHEMA(struct label_in, label_fields, "LabelParameterVersionRequest");

static const struct schema_field unlabel_fields[] = {
	F_SSM_NAME(struct label_in),
	F_LONG(struct label_in, version, "ParameterVersion", .flags = SCHEMA_REQUIRED),
	F_SSM_LABELS(struct label_in),
};
static const struct schema unlabel_schema = SCHEMA(struct label_in, unlabel_fields, "UnlabelParameterVersionRequest");

static const struct op ops[] = {
	{ .name = "LabelParameterVersion",   .run = label_parameter_version,   .input = &label_schema,   .bad_input = ERR_VALIDATION, .flags = OP_WRITE },
	{ .name = "UnlabelParameterVersion", .run = unlabel_parameter_version, .input = &unlabel_schema, .bad_input = ERR_VALIDATION, .flags = OP_WRITE },
};
/* clang-format on */
const struct op_table ssm_label_ops = { ops, ARRAY_SIZE(ops) };

/* Letters, digits and ".-_"; no digit in front, and neither "aws" nor "ssm". */
static bool
is_label(const char *label)
{
	if (*label == '\0' || isdigit((unsigned char)*label) || strncasecmp(label, "aws", 3) == 0 ||
	    strncasecmp(label, "ssm", 3) == 0)
		return false;
	for (const char *p = label; *p != '\0'; p++)
		if (!isascii((unsigned char)*p) ||
		    (!isalnum((unsigned char)*p) && strchr(".-_", *p) == NULL))
			return false;
	return true;
}

static int
find_version(struct call *c, struct store_parameter *p, int64_t *ret)
{
	_cleanup_parameter_version_ struct store_parameter_version v = { 0 };
	const struct label_in *in = c->args;
	int64_t version;
	int r = ssm_find(c, in->name, p);

	if (r < 0)
		return r;
	version = in->version.set ? in->version.v : p->version;
	r = store_parameter_version_get(c->store, p, version, &v, &c->err);
	if (r == 0)
		return err_set_code(&c->err, 400, "ParameterVersionNotFound",
		    "Systems Manager could not find version %lld of %s. Verify the version and try "
		    "again.",
		    (long long)version, p->name);
	*ret = version;
	return r < 0 ? r : 0;
}

static int
count_label(const char *label, void *arg)
{
	int *n = arg;

	(void)label;
	(*n)++;
	return 0;
}

static int
label_parameter_version(struct call *c)
{
	const struct label_in *in = c->args;
	struct json_object *invalid = json_object_new_array();
	struct store_parameter p;
	int64_t version = 0;
	int n = 0, r;

	json_add(c->out, "InvalidLabels", invalid);
	r = find_version(c, &p, &version);
	for (size_t i = 0; i < in->labels.n && r == 0; i++) {
		const char *label = in->labels.v[i];

		if (is_label(label))
			r = store_parameter_label_put(c->store, &p, label, version, &c->err);
		else
			(void)json_object_array_add(invalid, json_object_new_string(label));
	}
	if (r == 0)
		r = store_parameter_label_list(c->store, &p, version, count_label, &n, &c->err);
	if (r == 0 && n > SSM_LABELS_MAX)
		return err_set_code(&c->err, 400, "ParameterVersionLabelLimitExceeded",
		    "A parameter version can have a maximum of %d labels. Move one or more labels "
		    "to "
		    "another version and try again.",
		    SSM_LABELS_MAX);
	json_add_int(c->out, "ParameterVersion", version);
	return r;
}

static int
unlabel_parameter_version(struct call *c)
{
	const struct label_in *in = c->args;
	struct json_object *removed = json_object_new_array();
	struct json_object *invalid = json_object_new_array();
	struct store_parameter p;
	int64_t version = 0;
	int r;

	json_add(c->out, "RemovedLabels", removed);
	json_add(c->out, "InvalidLabels", invalid);
	r = find_version(c, &p, &version);
	for (size_t i = 0; i < in->labels.n && r >= 0; i++) {
		r = store_parameter_label_delete(c->store, &p, in->labels.v[i], version, &c->err);
		if (r >= 0)
			(void)json_object_array_add(
			    r > 0 ? removed : invalid, json_object_new_string(in->labels.v[i]));
	}
	return r < 0 ? r : 0;
}
