/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The options of logs_options.h. The daemon has seen to those that are needed at registration; what
 * it lets through and the awslogs driver does not is refused here, in the driver's words.
 */
#include "shim/logs_options.h"
#include "shim/logs_multiline.h"

#include <ctype.h>
#include <string.h>

#define SIZE_LIMIT 1e15

const char *
logs_options_get(const struct td_log_configuration *c, const char *key)
{
	for (size_t i = 0; i < c->options.n; i++)
		if (streq(c->options.keys[i], key))
			return c->options.values[i];
	return NULL;
}

char *
logs_options_stream(
    const struct td_log_configuration *c, const char *container, const char *task_id)
{
	const char *prefix = logs_options_get(c, "awslogs-stream-prefix");

	return prefix != NULL ? xasprintf("%s/%s/%s", prefix, container, task_id) : NULL;
}

/* "64k", "10m", "1gb": what go-units calls RAMInBytes. */
static int
read_size(const char *text, int64_t *ret, struct err *e)
{
	static const char units[] = "bkmgt";
	char *end = NULL;
	double value = strtod(text, &end);
	const char *unit = *end != '\0' ? strchr(units, tolower((unsigned char)*end)) : units;
	double scale = 1;

	if (unit == NULL)
		unit = units;
	for (const char *u = unit; u > units; u--)
		scale *= 1024;
	if (end == text || !(value >= 0 && value * scale <= SIZE_LIMIT) || strlen(end) > 3 ||
	    (*end != '\0' && *unit != tolower((unsigned char)*end)))
		return err_set(e, ERR_CLIENT,
		    "error parsing value for max-buffer-size: invalid size: '%s'", text);
	*ret = (int64_t)(value * scale);
	return 0;
}

static int
read_mode(const struct td_log_configuration *c, struct logs_options *o, struct err *e)
{
	const char *mode = logs_options_get(c, "mode");
	const char *size = logs_options_get(c, "max-buffer-size");

	o->non_blocking = streq(mode, "non-blocking");
	if (mode != NULL && mode[0] != '\0' && !o->non_blocking && !streq(mode, "blocking"))
		return err_set(e, ERR_CLIENT, "logger: logging mode not supported: %s", mode);
	if (size != NULL && !o->non_blocking)
		return err_set(e, ERR_CLIENT,
		    "logger: max-buffer-size option is only supported with 'mode=non-blocking'");
	o->buffer_bytes = LOGS_BUFFER_BYTES;
	return size != NULL ? read_size(size, &o->buffer_bytes, e) : 0;
}

/* What Go's strconv.ParseBool takes. */
static int
read_create_group(const struct td_log_configuration *c, struct logs_options *o, struct err *e)
{
	static const char *const yes[] = { "1", "t", "T", "true", "TRUE", "True" };
	static const char *const no[] = { "0", "f", "F", "false", "FALSE", "False" };
	const char *text = logs_options_get(c, "awslogs-create-group");
	bool known = text == NULL;

	for (size_t i = 0; i < ARRAY_SIZE(yes); i++) {
		o->create_group = o->create_group || streq(text, yes[i]);
		known = known || streq(text, yes[i]) || streq(text, no[i]);
	}
	return known ? 0
		     : err_set(e, ERR_CLIENT,
			   "must specify valid value for log opt 'awslogs-create-group': "
			   "strconv.ParseBool: parsing \"%s\": invalid syntax",
			   text);
}

int
logs_options_read(const struct td_log_configuration *c, const char *container, const char *task_id,
    struct logs_options *ret, struct err *e)
{
	const char *format = logs_options_get(c, "awslogs-datetime-format");
	const char *pattern = logs_options_get(c, "awslogs-multiline-pattern");
	struct logs_options o = {
		.group = logs_options_get(c, "awslogs-group"),
		.region = logs_options_get(c, "awslogs-region"),
	};
	int r;

	if (o.group == NULL)
		return err_set(e, ERR_CLIENT, "must specify a value for log opt 'awslogs-group'");
	if ((r = read_mode(c, &o, e)) < 0 || (r = read_create_group(c, &o, e)) < 0)
		return r;
	o.stream = logs_options_stream(c, container, task_id);
	if (format != NULL)
		o.pattern = logs_multiline_datetime(format);
	else if (pattern != NULL)
		o.pattern = xstrdup(pattern);
	*ret = o;
	return 0;
}

void
logs_options_done(struct logs_options *o)
{
	free(o->stream);
	free(o->pattern);
	*o = (struct logs_options){ 0 };
}
