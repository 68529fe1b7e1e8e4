/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One table of settings, each with its environment variable and its flag, read once by main.c. A
 * flag wins over the environment. It prints only --help and --version; everything that is wrong is
 * an error with the setting's name.
 */
#include "daemon/config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/un.h>

#define SECONDS_MAX 600.0
#define INSTANCES_MAX 100
/* How long a service's tasks run before they are healthy: ECS's time, and one for people who wait
 * for it. */
#define HEALTHY_AFTER_STRICT_MS 40000
#define HEALTHY_AFTER_MS 2000
#define ENDPOINT_MAX 512 /* bytes of a URL */

/* How one value is read; `name` is what the user wrote it with, for the message. */
typedef int read_fn(struct config *c, const char *name, const char *value, struct err *e);

static read_fn read_listen, read_state_dir, read_runtime_dir, read_owner, read_dump_api, read_debug,
    read_engine, read_docker_backend, read_persistence, read_strict, read_settle,
    read_healthy_after, read_instances, read_publish, read_account, read_verify, read_root_key,
    read_root_secret, read_endpoint, read_upstream;

struct setting {
	const char *env;      /* NULL: only a flag */
	const char *flag;     /* NULL: only the environment */
	const char *argument; /* what --help calls its value, NULL: takes none */
	const char *help;
	read_fn *read;
};

/* clang-format off */
static const struct setting settings[] = {
	{ "GATEWAY_LISTEN",      "listen",      "ADDR:PORT", "where the API answers, default 127.0.0.1:4566", read_listen },
	{ NULL,                  "state-dir",   "DIR", "where state is kept, default /var/lib/localemu-ecs", read_state_dir },
	{ NULL,                  "runtime-dir", "DIR", "sockets of this run, default /run/localemu-ecs", read_runtime_dir },
	{ NULL,                  "owner",       "NAME", "label localemu.owner of our containers, default localemu-ecs", read_owner },
	{ NULL,                  "dump-api",    NULL, "print the operation tables as JSON and exit", read_dump_api },
	{ NULL,                  "debug",       NULL, "log more", read_debug },
	{ "DOCKER_HOST",         NULL, "unix:///PATH", "the Engine's socket, default unix:///var/run/docker.sock", read_engine },
	{ "ECS_DOCKER_BACKEND",  NULL, "0|1", "0: no containers, states move at once, default 1", read_docker_backend },
	{ "PERSISTENCE",         NULL, "0|1", "0: state in memory, a clean stop ends every task, default 1", read_persistence },
	{ "ECS_STRICT",          NULL, "0|1", "1: refuse what AWS refuses, default 0", read_strict },
	{ "ECS_SETTLE_SECONDS",  NULL, "SECONDS", "how long a reply waits for its tasks, default 10", read_settle },
	{ "ECS_HEALTHY_AFTER_SECONDS", NULL, "SECONDS", "how long a service's task must run to be healthy, default 2, strict 40", read_healthy_after },
	{ "ECS_SYNTHETIC_INSTANCES", NULL, "NUMBER", "container instances that a cluster gets, default 1", read_instances },
	{ "ECS_PUBLISH_ADDRESS", NULL, "ADDR", "where host ports are published, default 127.0.0.1", read_publish },
	{ "LOCALEMU_ACCOUNT_ID", NULL, "12 digits", "the account, default 000000000000", read_account },
	{ "LOCALEMU_ENDPOINT_SECRETSMANAGER", NULL, "URL", "where secrets of tasks are read, default: here", read_endpoint },
	{ "LOCALEMU_ENDPOINT_SSM",  NULL, "URL", "where parameters of tasks are read, default: here", read_endpoint },
	{ "LOCALEMU_ENDPOINT_S3",   NULL, "URL", "where environment files of tasks are read, default: here", read_endpoint },
	{ "LOCALEMU_ENDPOINT_LOGS", NULL, "URL", "where awslogs sends what containers print, default: here", read_endpoint },
	{ "LOCALEMU_VERIFY_SIGNATURES",      NULL, "0|1", "1: only issued keys and the root pair are let in, default 0", read_verify },
	{ "LOCALEMU_ROOT_ACCESS_KEY_ID",     NULL, "KEY", "the root pair's access key", read_root_key },
	{ "LOCALEMU_ROOT_SECRET_ACCESS_KEY", NULL, "SECRET", "the root pair's secret key", read_root_secret },
	{ "LOCALEMU_UPSTREAM",   NULL, "http://HOST:PORT", "who gets requests for services that are not built here", read_upstream },
};

const char *const config_endpoint_services[CONFIG_ENDPOINT_MAX] = {
	[CONFIG_ENDPOINT_SECRETSMANAGER] = "secretsmanager",
	[CONFIG_ENDPOINT_SSM]            = "ssm",
	[CONFIG_ENDPOINT_S3]             = "s3",
	[CONFIG_ENDPOINT_LOGS]           = "logs",
};

/* What the lenient mode does kindly, for --help; ECS_STRICT=1 turns each of them off. */
static const char *const kindnesses[KINDNESS_MAX] = {
	[KIND_SYNTHETIC_INSTANCE]     = "a cluster without container instances gets one when a task needs it",
	[KIND_UNKNOWN_SUBNET]         = "subnets and security groups need not exist",
	[KIND_FARGATE_ANY_DEFINITION] = "launch type FARGATE takes any task definition",
	[KIND_DEFAULT_CLUSTER]        = "the cluster \"default\" exists when it is first used",
	[KIND_DELETE_CLUSTER_TASKS]   = "DeleteCluster takes the services and tasks with it",
	[KIND_SETTLE]                 = "replies wait until what they asked for has happened",
	[KIND_ROLE_STRING]            = "roles need not exist",
	[KIND_MEMORY_UNSET]           = "a container needs no memory limit",
	[KIND_HOST_ENTERS]            = "security groups let the host in where a port is published",
};
/* clang-format on */

enum { OPT_SETTING = 256, OPT_HELP = 512, OPT_VERSION };

static void
set_string(char **where, const char *value)
{
	free(*where);
	*where = xstrdup(value);
}

static void
print_help(void)
{
	printf("Usage: localemu-ecsd [FLAGS]\n\nFlags:\n");
	for (size_t i = 0; i < ARRAY_SIZE(settings); i++)
		if (settings[i].flag != NULL)
			printf("  --%-11s %-10s %s\n", settings[i].flag,
			    settings[i].argument ? settings[i].argument : "", settings[i].help);
	printf("  --%-11s %-10s %s\n  --%-11s\n\nEnvironment:\n", "version", "",
	    "print the version and exit", "help");
	for (size_t i = 0; i < ARRAY_SIZE(settings); i++)
		if (settings[i].env != NULL)
			printf("  %-30s %-12s %s\n", settings[i].env, settings[i].argument,
			    settings[i].help);
	printf("\nUnless ECS_STRICT=1:\n");
	for (int i = 0; i < KINDNESS_MAX; i++)
		printf("  - %s\n", kindnesses[i]);
}

static void
set_defaults(struct config *c)
{
	*c = (struct config){
		.listen_host = xstrdup("127.0.0.1"),
		.listen_port = xstrdup("4566"),
		.state_dir = xstrdup("/var/lib/localemu-ecs"),
		.runtime_dir = xstrdup("/run/localemu-ecs"),
		.engine_socket = xstrdup("/var/run/docker.sock"),
		.publish_address = xstrdup("127.0.0.1"),
		.account_id = xstrdup("000000000000"),
		.owner = xstrdup("localemu-ecs"),
		.docker_backend = true,
		.persistence = true,
		.settle_ms = 10000,
		.synthetic_instances = 1,
		.healthy_after_ms = -1,
	};
}

/* The shim and the init lie beside the daemon in a build tree, in libexec when installed. */
static void
find_libexec(struct config *c)
{
	char self[4096];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	_cleanup_free_ char *beside = NULL;

	if (n > 0) {
		self[n] = '\0';
		*strrchr(self, '/') = '\0';
		beside = xasprintf("%s/localemu-ecs-shim", self);
		if (access(beside, X_OK) == 0) {
			set_string(&c->libexec_dir, self);
			return;
		}
	}
	set_string(&c->libexec_dir, "/usr/libexec/localemu-ecs");
}

static int
read_environment(struct config *c, struct err *e)
{
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(settings); i++) {
		const char *value = settings[i].env != NULL ? getenv(settings[i].env) : NULL;

		if (value == NULL || value[0] == '\0')
			continue;
		r = settings[i].read(c, settings[i].env, value, e);
		if (r < 0)
			return r;
	}
	return 0;
}

static int
read_arguments(struct config *c, int argc, char **argv, struct err *e)
{
	struct option options[ARRAY_SIZE(settings) + 3] = { { 0 } };
	size_t n = 0;
	int opt, r;

	for (size_t i = 0; i < ARRAY_SIZE(settings); i++)
		if (settings[i].flag != NULL)
			options[n++] = (struct option){ .name = settings[i].flag,
				.has_arg =
				    settings[i].argument != NULL ? required_argument : no_argument,
				.val = OPT_SETTING + (int)i };
	options[n++] = (struct option){ .name = "help", .val = OPT_HELP };
	options[n] = (struct option){ .name = "version", .val = OPT_VERSION };

	optind = 0;
	opterr = 0;
	while ((opt = getopt_long(argc, argv, ":", options, NULL)) != -1) {
		if (opt == OPT_HELP) {
			print_help();
			return EXIT_DONE;
		}
		if (opt == OPT_VERSION) {
			printf("localemu-ecsd %s\n", LOCALEMU_VERSION);
			return EXIT_DONE;
		}
		if (opt == ':')
			return err_set(
			    e, ERR_INVALID_PARAMETER, "%s needs a value", argv[optind - 1]);
		if (opt < OPT_SETTING)
			return err_set(
			    e, ERR_INVALID_PARAMETER, "unknown flag %s", argv[optind - 1]);
		r = settings[opt - OPT_SETTING].read(
		    c, argv[optind - 1 - (optarg == argv[optind - 1])], optarg, e);
		if (r < 0)
			return r;
	}
	if (optind < argc)
		return err_set(e, ERR_INVALID_PARAMETER, "unexpected argument %s", argv[optind]);
	return 0;
}

int
config_read(struct config *c, int argc, char **argv, struct err *e)
{
	int r;

	set_defaults(c);
	find_libexec(c);
	r = read_environment(c, e);
	if (r == 0)
		r = read_arguments(c, argc, argv, e);
	if (c->healthy_after_ms < 0)
		c->healthy_after_ms = c->strict ? HEALTHY_AFTER_STRICT_MS : HEALTHY_AFTER_MS;
	if (r == 0 && c->docker_backend && c->engine_socket[0] != '/')
		r = err_set(e, ERR_INVALID_PARAMETER,
		    "DOCKER_HOST: only unix:///PATH can be used, not \"%s\" (ECS_DOCKER_BACKEND=0 "
		    "does without an Engine)",
		    c->engine_socket);
	if (r == 0 && c->verify_signatures &&
	    (c->root_access_key == NULL || c->root_secret_key == NULL))
		r = err_set(e, ERR_INVALID_PARAMETER,
		    "LOCALEMU_VERIFY_SIGNATURES=1 needs LOCALEMU_ROOT_ACCESS_KEY_ID and "
		    "LOCALEMU_ROOT_SECRET_ACCESS_KEY: nobody else could get in");
	if (r != 0)
		config_done(c);
	return r;
}

void
config_done(struct config *c)
{
	free(c->listen_host);
	free(c->listen_port);
	free(c->state_dir);
	free(c->runtime_dir);
	free(c->libexec_dir);
	free(c->engine_socket);
	free(c->publish_address);
	free(c->account_id);
	free(c->owner);
	for (size_t i = 0; i < CONFIG_ENDPOINT_MAX; i++)
		free(c->endpoints[i]);
	free(c->root_access_key);
	free(c->root_secret_key);
	free(c->upstream_host);
	free(c->upstream_port);
	*c = (struct config){ 0 };
}

bool
config_kind(const struct config *c, enum kindness k)
{
	return !c->strict && (unsigned)k < KINDNESS_MAX;
}

static int
read_listen(struct config *c, const char *name, const char *value, struct err *e)
{
	const char *colon = strrchr(value, ':');
	const char *host = value, *port;
	size_t host_len;
	long number;
	char *end;

	if (colon == NULL)
		return err_set(
		    e, ERR_INVALID_PARAMETER, "%s: \"%s\" is not ADDR:PORT", name, value);
	host_len = (size_t)(colon - value);
	port = colon + 1;
	if (host_len >= 2 && host[0] == '[' && host[host_len - 1] == ']') {
		host++;
		host_len -= 2;
	}
	errno = 0;
	number = strtol(port, &end, 10);
	if (port[0] < '0' || port[0] > '9' || *end != '\0' || errno != 0 || number > 65535)
		return err_set(e, ERR_INVALID_PARAMETER, "%s: \"%s\" is not a port", name, port);
	if (host_len > 0) {
		free(c->listen_host);
		c->listen_host = xstrndup(host, host_len);
	}
	set_string(&c->listen_port, port);
	return 0;
}

/* Relative directories are made absolute: a shim runs elsewhere, and the Engine mounts what lies
 * there. */
static int
read_dir(char **where, const char *name, const char *value, struct err *e)
{
	_cleanup_free_ char *cwd = NULL;

	if (value[0] == '\0')
		return err_set(e, ERR_INVALID_PARAMETER, "%s is empty", name);
	if (value[0] == '/') {
		set_string(where, value);
		return 0;
	}
	cwd = getcwd(NULL, 0);
	if (cwd == NULL)
		return err_set_errno(e, errno, "%s: current directory", name);
	free(*where);
	*where = xasprintf("%s/%s", cwd, value);
	return 0;
}

static int
read_state_dir(struct config *c, const char *name, const char *value, struct err *e)
{
	return read_dir(&c->state_dir, name, value, e);
}

static int
read_runtime_dir(struct config *c, const char *name, const char *value, struct err *e)
{
	/* Sockets lie below it: what does not fit into sun_path would fail much later. */
	if (strlen(value) > sizeof(((struct sockaddr_un *)0)->sun_path) - 16)
		return err_set(
		    e, ERR_INVALID_PARAMETER, "%s: the path is too long for sockets in it", name);
	return read_dir(&c->runtime_dir, name, value, e);
}

static int
read_owner(struct config *c, const char *name, const char *value, struct err *e)
{
	if (value[0] == '\0' || strlen(value) > 128 ||
	    value[strspn(value,
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")] != '\0')
		return err_set(e, ERR_INVALID_PARAMETER,
		    "%s: \"%s\" is not a name of at most 128 [A-Za-z0-9._-]", name, value);
	set_string(&c->owner, value);
	return 0;
}

static int
read_dump_api(struct config *c, const char *name, const char *value, struct err *e)
{
	(void)name;
	(void)value;
	(void)e;
	c->dump_api = true;
	return 0;
}

static int
read_debug(struct config *c, const char *name, const char *value, struct err *e)
{
	(void)name;
	(void)value;
	(void)e;
	c->debug = true;
	return 0;
}

static int
read_engine(struct config *c, const char *name, const char *value, struct err *e)
{
	(void)name;
	(void)e;
	/* Another scheme is an error only where the Engine is wanted: config_read looks when all is
	 * known. */
	set_string(
	    &c->engine_socket, has_prefix(value, "unix://") ? value + strlen("unix://") : value);
	return 0;
}

static int
read_switch(bool *where, const char *name, const char *value, struct err *e)
{
	if (streq(value, "1") || streq(value, "true"))
		*where = true;
	else if (streq(value, "0") || streq(value, "false"))
		*where = false;
	else
		return err_set(
		    e, ERR_INVALID_PARAMETER, "%s: \"%s\" is neither 0 nor 1", name, value);
	return 0;
}

static int
read_docker_backend(struct config *c, const char *name, const char *value, struct err *e)
{
	return read_switch(&c->docker_backend, name, value, e);
}

static int
read_persistence(struct config *c, const char *name, const char *value, struct err *e)
{
	return read_switch(&c->persistence, name, value, e);
}

static int
read_strict(struct config *c, const char *name, const char *value, struct err *e)
{
	return read_switch(&c->strict, name, value, e);
}

static int
read_seconds(int *ret_ms, const char *name, const char *value, struct err *e)
{
	char *end;
	double seconds;

	errno = 0;
	seconds = strtod(value, &end);
	if (end == value || *end != '\0' || errno != 0 || !isfinite(seconds) || seconds < 0 ||
	    seconds > SECONDS_MAX)
		return err_set(e, ERR_INVALID_PARAMETER,
		    "%s: \"%s\" is not a number of seconds from 0 to %.0f", name, value,
		    SECONDS_MAX);
	*ret_ms = (int)(seconds * 1000.0 + 0.5);
	return 0;
}

static int
read_settle(struct config *c, const char *name, const char *value, struct err *e)
{
	return read_seconds(&c->settle_ms, name, value, e);
}

static int
read_healthy_after(struct config *c, const char *name, const char *value, struct err *e)
{
	return read_seconds(&c->healthy_after_ms, name, value, e);
}

static int
read_instances(struct config *c, const char *name, const char *value, struct err *e)
{
	char *end;
	long n = strtol(value, &end, 10);

	if (end == value || *end != '\0' || n < 1 || n > INSTANCES_MAX)
		return err_set(e, ERR_INVALID_PARAMETER, "%s: \"%s\" is not a number from 1 to %d",
		    name, value, INSTANCES_MAX);
	c->synthetic_instances = (int)n;
	return 0;
}

static int
read_publish(struct config *c, const char *name, const char *value, struct err *e)
{
	struct in6_addr address;

	if (inet_pton(AF_INET, value, &address) != 1 && inet_pton(AF_INET6, value, &address) != 1)
		return err_set(
		    e, ERR_INVALID_PARAMETER, "%s: \"%s\" is not an IP address", name, value);
	set_string(&c->publish_address, value);
	return 0;
}

static int
read_account(struct config *c, const char *name, const char *value, struct err *e)
{
	if (strlen(value) != 12 || strspn(value, "0123456789") != 12)
		return err_set(
		    e, ERR_INVALID_PARAMETER, "%s: \"%s\" is not 12 digits", name, value);
	set_string(&c->account_id, value);
	return 0;
}

/* An origin: what is asked there is said by the services' own protocols. */
static int
read_endpoint(struct config *c, const char *name, const char *value, struct err *e)
{
	const char *service = name + strlen("LOCALEMU_ENDPOINT_");
	const char *host = has_prefix(value, "https://")  ? value + strlen("https://")
			   : has_prefix(value, "http://") ? value + strlen("http://")
							  : "";
	size_t len = strcspn(host, "/");

	if (len == 0 || strlen(value) > ENDPOINT_MAX ||
	    host[len + strspn(host + len, "/")] != '\0' ||
	    host[strcspn(host, " \t\r\n@?#")] != '\0')
		return err_set(e, ERR_INVALID_PARAMETER,
		    "%s: \"%s\" is not http://HOST:PORT or https://HOST:PORT", name, value);
	for (size_t i = 0; i < CONFIG_ENDPOINT_MAX; i++)
		if (strcasecmp(service, config_endpoint_services[i]) == 0)
			set_string(&c->endpoints[i], value);
	return 0;
}

static int
read_verify(struct config *c, const char *name, const char *value, struct err *e)
{
	return read_switch(&c->verify_signatures, name, value, e);
}

static int
read_root_key(struct config *c, const char *name, const char *value, struct err *e)
{
	if (strlen(value) < 3 || strlen(value) > 128 ||
	    value[strspn(
		value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")] != '\0')
		return err_set(
		    e, ERR_INVALID_PARAMETER, "%s is not 3 to 128 letters and digits", name);
	set_string(&c->root_access_key, value);
	return 0;
}

static int
read_root_secret(struct config *c, const char *name, const char *value, struct err *e)
{
	(void)name;
	(void)e;
	set_string(&c->root_secret_key, value);
	return 0;
}

/* http://HOST:PORT, http://[ADDR]:PORT, with or without a slash behind it. */
static int
read_upstream(struct config *c, const char *name, const char *value, struct err *e)
{
	const char *host =
	    value + (has_prefix(value, "http://") ? strlen("http://") : strlen(value));
	bool literal = *host == '[';
	size_t len = literal ? strcspn(host, "]") + 1 : strcspn(host, ":/");
	const char *port = len <= strlen(host) ? host + len : "";
	size_t digits = *port == ':' ? strspn(port + 1, "0123456789") : 0;
	const char *end = *port == ':' ? port + 1 + digits : port;

	if (len == 0 || len > 255 || len > strlen(host) || (*port == ':' && digits == 0) ||
	    digits > 5 || (digits > 0 && strtol(port + 1, NULL, 10) > 65535) ||
	    (*end != '\0' && !streq(end, "/")) || host[strcspn(host, " \t\r\n@?#")] != '\0')
		return err_set(
		    e, ERR_INVALID_PARAMETER, "%s: \"%s\" is not http://HOST:PORT", name, value);
	free(c->upstream_host);
	free(c->upstream_port);
	c->upstream_host = literal ? xstrndup(host + 1, len - 2) : xstrndup(host, len);
	c->upstream_port = digits > 0 ? xstrndup(port + 1, digits) : xstrdup("80");
	return 0;
}
