/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Configuration and directory of a log router (see firelens.h). Both kinds of router get the same
 * sections in the same order: inputs, facts of the task, the user's own file, filters and an
 * output for each container.
 */
#include "shim/firelens.h"

#include "common/log.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define SOCKET FIRELENS_SOCKET_TARGET "/" FIRELENS_SOCKET
#define HEALTH_PORT "8877"
#define HEALTH_TAG "firelens-healthcheck"
#define REMOVE_FDS 16

struct grammar {
	bool closed; /* sections have an end, as in XML */
	const char *input, *filter, *output;
	const char *any;         /* the tag of every record */
	const char *rest;        /* of a tag, behind the container's name */
	const char *output_type; /* the log option that says which output */
	const char *socket_type, *socket_path, *bind, *port;
	const char *include;
	const char *external; /* where a file from S3 is mounted */
};

/* clang-format off */
static const struct grammar grammars[FIRELENS_TYPE_MAX] = {
	[FIRELENS_FLUENTBIT] = {
		.input = "INPUT", .filter = "FILTER", .output = "OUTPUT", .any = "*", .rest = "-firelens*", .output_type = "Name",
		.socket_type = "forward", .socket_path = "unix_path", .bind = "Listen", .port = "Port",
		.include = "@INCLUDE", .external = FIRELENS_BIT_EXTERNAL_TARGET,
	},
	[FIRELENS_FLUENTD] = { .closed = true,
		.input = "source", .filter = "filter", .output = "match", .any = "**", .rest = "-firelens**", .output_type = "@type",
		.socket_type = "unix", .socket_path = "path", .bind = "bind", .port = "port",
		.include = "@include", .external = FIRELENS_D_EXTERNAL_TARGET,
	},
};
/* clang-format on */

struct writer {
	FILE *out;
	const struct plan *plan;
	const struct td_firelens *router;
	const struct grammar *g;
};

static void
begin(const struct writer *w, const char *section, const char *tag, const char *type)
{
	if (w->g->closed) {
		(void)fprintf(w->out, "\n<%s%s%s>\n    @type %s\n", section, tag != NULL ? " " : "",
		    tag != NULL ? tag : "", type);
		return;
	}
	(void)fprintf(w->out, "\n[%s]\n    Name %s\n", section, type);
	if (tag != NULL)
		(void)fprintf(w->out, "    Match %s\n", tag);
}

static void
option(const struct writer *w, const char *key, const char *value)
{
	(void)fprintf(w->out, "    %s %s\n", key, value);
}

static void
end(const struct writer *w, const char *section)
{
	if (w->g->closed)
		(void)fprintf(w->out, "</%s>\n", section);
}

/* Only where containers of the task find it there: in bridge mode by its address. */
static void
write_forward(const struct writer *w)
{
	bool shared = w->plan->def.network_mode == NETWORK_AWSVPC;

	if (!shared && w->plan->def.network_mode != NETWORK_BRIDGE &&
	    w->plan->def.network_mode != NETWORK_UNSET)
		return;
	begin(w, w->g->input, NULL, "forward");
	option(w, w->g->bind, shared ? "127.0.0.1" : "0.0.0.0");
	option(w, w->g->port, FIRELENS_PORT);
	end(w, w->g->input);
	if (w->g->closed)
		return;
	/* What a container's health check can ask. */
	begin(w, w->g->input, NULL, "tcp");
	option(w, "Tag", HEALTH_TAG);
	option(w, "Listen", "127.0.0.1");
	option(w, "Port", HEALTH_PORT);
	begin(w, w->g->output, HEALTH_TAG, "null");
}

static const char *
get(const struct str_map *m, const char *key)
{
	for (size_t i = 0; i < m->n; i++)
		if (streq(m->keys[i], key))
			return m->values[i];
	return NULL;
}

/* The facts of the task in every record, unless enable-ecs-log-metadata says no. */
static void
write_metadata(const struct writer *w)
{
	_cleanup_free_ char *definition =
	    xasprintf("%s:%" PRId64, w->plan->family, w->plan->revision);
	const char *const rows[][2] = { { "ecs_cluster", w->plan->cluster_name },
		{ "ecs_task_arn", w->plan->task_arn }, { "ecs_task_definition", definition } };
	const char *wanted = get(&w->router->options, "enable-ecs-log-metadata");

	if (streq(wanted, "false"))
		return;
	begin(w, w->g->filter, w->g->any, w->g->closed ? "record_transformer" : "record_modifier");
	if (w->g->closed)
		(void)fputs("    <record>\n", w->out);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		(void)fprintf(w->out, "    %s %s %s\n", w->g->closed ? "   " : "Record", rows[i][0],
		    rows[i][1]);
	if (w->g->closed)
		(void)fputs("    </record>\n", w->out);
	end(w, w->g->filter);
}

static void
write_external(const struct writer *w)
{
	const char *type = get(&w->router->options, "config-file-type");
	const char *path = get(&w->router->options, "config-file-value");

	if (streq(type, "s3"))
		path = w->g->external;
	if (type != NULL && path != NULL)
		(void)fprintf(w->out, "\n%s %s\n", w->g->include, path);
}

static void
write_grep(const struct writer *w, const char *tag, const char *pattern, bool exclude)
{
	const char *section = exclude ? "exclude" : "regexp";

	if (pattern == NULL)
		return;
	begin(w, w->g->filter, tag, "grep");
	if (w->g->closed)
		(void)fprintf(w->out, "    <%s>\n        key log\n        pattern %s\n    </%s>\n",
		    section, pattern, section);
	else
		(void)fprintf(w->out, "    %s log %s\n", exclude ? "Exclude" : "Regex", pattern);
	end(w, w->g->filter);
}

/* Options that are not the output's. */
static bool
is_ours(const struct writer *w, const char *key)
{
	return streq(key, w->g->output_type) || streq(key, FIRELENS_INCLUDE_PATTERN) ||
	       streq(key, FIRELENS_EXCLUDE_PATTERN) || streq(key, FIRELENS_BUFFER_LIMIT);
}

static int
by_key(const void *a, const void *b)
{
	const struct key_value *x = a, *y = b;

	return strcmp(x->name, y->name);
}

/* Secrets stay out of the file: the router's environment has them. */
static const char *
secret_reference(const struct writer *w, size_t container, const char *name, struct arena *a)
{
	const char *variable = plan_router_variable(container, name, a);

	return w->g->closed ? arena_printf(a, "\"#{ENV['%s']}\"", variable)
			    : arena_printf(a, "${%s}", variable);
}

static int
write_output(const struct writer *w, size_t i, struct err *e)
{
	_cleanup_arena_ struct arena a = { 0 };
	const struct container_def *def = w->plan->containers[i].def;
	const struct td_log_configuration *log = def->log_configuration;
	const char *tag = arena_printf(&a, "%s%s", def->name, w->g->rest);
	const char *type = get(&log->options, w->g->output_type);
	struct key_value *rows =
	    arena_alloc(&a, (log->options.n + log->secret_options.n + 1) * sizeof(*rows));
	size_t n = 0;

	for (size_t k = 0; k < log->options.n; k++)
		if (!is_ours(w, log->options.keys[k]))
			rows[n++] = (struct key_value){ .name = log->options.keys[k],
				.value = log->options.values[k] };
	for (size_t k = 0; k < log->secret_options.n; k++) {
		const char *name = log->secret_options.v[k].name;

		rows[n++] =
		    (struct key_value){ .name = name, .value = secret_reference(w, i, name, &a) };
	}
	write_grep(w, tag, get(&log->options, FIRELENS_INCLUDE_PATTERN), false);
	write_grep(w, tag, get(&log->options, FIRELENS_EXCLUDE_PATTERN), true);
	if (type == NULL && n > 0)
		return err_set(e, ERR_CLIENT,
		    "unable to apply log options of container %s to firelens config: missing "
		    "output key %s which is required for firelens configuration of type %s",
		    def->name, w->g->output_type, firelens_type_names[w->router->type]);
	if (type == NULL)
		return 0; /* the user's own file has the output */
	qsort(rows, n, sizeof(*rows), by_key);
	begin(w, w->g->output, tag, type);
	for (size_t k = 0; k < n; k++)
		option(w, rows[k].name, rows[k].value);
	end(w, w->g->output);
	return 0;
}

char *
firelens_config(const struct plan *p, struct err *e)
{
	const struct td_firelens *router = p->containers[p->router].def->firelens_configuration;
	struct writer w = { .plan = p, .router = router, .g = &grammars[router->type] };
	_cleanup_free_ char *text = NULL;
	size_t len;
	int r = 0;

	w.out = open_memstream(&text, &len);
	if (w.out == NULL)
		abort();
	begin(&w, w.g->input, NULL, w.g->socket_type);
	option(&w, w.g->socket_path, SOCKET);
	end(&w, w.g->input);
	write_forward(&w);
	write_metadata(&w);
	write_external(&w);
	for (size_t i = 0; r == 0 && i < p->n_defined; i++)
		if (plan_is_routed(p, i))
			r = write_output(&w, i, e);
	if (fclose(w.out) != 0 || text == NULL)
		abort();
	return r == 0 ? TAKE(text) : NULL;
}

static int
write_file(const char *directory, const char *name, const char *text, struct err *e)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", directory, name);
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	size_t len = strlen(text);
	ssize_t n = fd >= 0 ? write(fd, text, len) : -1;

	if (n < 0)
		return err_set_errno(e, errno, "cannot write %s", path);
	if ((size_t)n < len)
		return err_set_errno(e, ENOSPC, "cannot write %s", path);
	return 0;
}

/* A router that is not root gets the directory where it makes its socket; by name it cannot be
 * known. */
static void
give_to_user(const char *directory, const char *user)
{
	char *rest = NULL;
	long uid, gid = -1;

	if (user == NULL || user[0] < '0' || user[0] > '9')
		return;
	uid = strtol(user, &rest, 10);
	if (rest[0] == ':' && rest[1] >= '0' && rest[1] <= '9')
		gid = strtol(rest + 1, NULL, 10);
	if (chown(directory, (uid_t)uid, (gid_t)gid) < 0) /* the router will say so, too */
		log_warn(NULL, NULL, "%s: %s", directory, strerror(errno));
}

int
firelens_prepare(const struct plan *p, const char *external, struct err *e)
{
	_cleanup_free_ char *dir = xasprintf("%s/" FIRELENS_DIR, p->gate_parent);
	_cleanup_free_ char *socket_dir = xasprintf("%s/" FIRELENS_SOCKET_DIR, p->gate_parent);
	_cleanup_free_ char *config = firelens_config(p, e);
	int r;

	if (config == NULL)
		return -EINVAL;
	if ((mkdir(p->gate_parent, 0755) < 0 && errno != EEXIST) ||
	    (mkdir(dir, 0755) < 0 && errno != EEXIST) ||
	    (mkdir(socket_dir, 0755) < 0 && errno != EEXIST))
		return err_set_errno(e, errno, "cannot make %s", socket_dir);
	give_to_user(socket_dir, p->containers[p->router].def->user);
	r = write_file(dir, FIRELENS_CONFIG, config, e);
	if (r == 0 && external != NULL)
		r = write_file(dir, FIRELENS_EXTERNAL, external, e);
	return r;
}

static int
remove_one(const char *path, const struct stat *sb, int type, struct FTW *at)
{
	(void)sb;
	(void)type;
	(void)at;
	(void)remove(path);
	return 0;
}

void
firelens_remove(const char *gate_parent)
{
	_cleanup_free_ char *dir = xasprintf("%s/" FIRELENS_DIR, gate_parent);

	(void)nftw(dir, remove_one, REMOVE_FDS, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}
