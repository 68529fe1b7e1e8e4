/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The formats of ECS ARNs and short identifiers, as text only. Operation files call it; whether
 * something of that name exists is the store's to say.
 */
#include "daemon/arn.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define NAME_CHARS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"

/* clang-format off */
static const char *const type_names[ARN_TYPE_MAX] = {
	[ARN_OTHER]                  = "",
	[ARN_CLUSTER]                = "cluster",
	[ARN_TASK_DEFINITION]        = "task-definition",
	[ARN_TASK]                   = "task",
	[ARN_CONTAINER]              = "container",
	[ARN_CONTAINER_INSTANCE]     = "container-instance",
	[ARN_SERVICE]                = "service",
	[ARN_TASK_SET]               = "task-set",
	[ARN_CAPACITY_PROVIDER]      = "capacity-provider",
	[ARN_SERVICE_DEPLOYMENT]     = "service-deployment",
	[ARN_SERVICE_REVISION]       = "service-revision",
	[ARN_DAEMON]                 = "daemon",
	[ARN_DAEMON_DEPLOYMENT]      = "daemon-deployment",
	[ARN_DAEMON_REVISION]        = "daemon-revision",
	[ARN_DAEMON_TASK_DEFINITION] = "daemon-task-definition",
};

static const struct {
	const char *region_prefix;
	const char *partition;
} partitions[] = {
	{ "cn-", "aws-cn" },
	{ "us-gov-", "aws-us-gov" },
	/* services without regions */
	{ "aws-cn-", "aws-cn" },
	{ "aws-us-gov-", "aws-us-gov" },
};
/* clang-format on */

const char *
arn_type_name(enum arn_type t)
{
	return (unsigned)t < ARN_TYPE_MAX ? type_names[t] : "";
}

const char *
arn_partition(const char *region)
{
	for (size_t i = 0; i < ARRAY_SIZE(partitions); i++)
		if (has_prefix(region, partitions[i].region_prefix))
			return partitions[i].partition;
	return "aws";
}

static enum arn_type
type_of(const char *name)
{
	for (int t = ARN_OTHER + 1; t < ARN_TYPE_MAX; t++)
		if (strcmp(type_names[t], name) == 0)
			return (enum arn_type)t;
	return ARN_OTHER;
}

/* Cuts the text at the next `sep` and returns what comes before; NULL where that is empty or there
 * is no `sep`. */
static const char *
cut(char **text, char sep)
{
	char *start = *text;
	char *end = strchr(start, sep);

	if (end == NULL || end == start)
		return NULL;
	*end = '\0';
	*text = end + 1;
	return start;
}

int
arn_parse(const char *text, struct arn *ret)
{
	size_t len = strnlen(text, ARN_MAX);
	const char *service, *type;
	char *at;

	if (len == ARN_MAX || !has_prefix(text, "arn:"))
		return -EINVAL;
	memcpy(ret->text, text, len + 1);
	at = ret->text + strlen("arn:");
	ret->partition = cut(&at, ':');
	service = ret->partition != NULL ? cut(&at, ':') : NULL;
	ret->region = service != NULL ? cut(&at, ':') : NULL;
	ret->account = ret->region != NULL ? cut(&at, ':') : NULL;
	type = ret->account != NULL ? cut(&at, '/') : NULL;
	if (type == NULL || strcmp(service, "ecs") != 0)
		return -EINVAL;
	ret->type = type_of(type);
	for (ret->n = 0; strchr(at, '/') != NULL; ret->n++) {
		/* The last part is the rest, so one place is kept for it. */
		if (ret->n == ARN_PARTS_MAX - 1)
			return -EINVAL;
		ret->part[ret->n] = cut(&at, '/');
		if (ret->part[ret->n] == NULL)
			return -EINVAL;
	}
	if (*at == '\0')
		return -EINVAL;
	ret->part[ret->n++] = at;
	return 0;
}

bool
arn_in_scope(const struct scope *sc, const struct arn *a)
{
	return streq(a->account, sc->account) && streq(a->region, sc->region) &&
	       streq(a->partition, arn_partition(sc->region));
}

/* The part before the resource. The callers' names are bounded, so ARN_MAX holds the whole. */
static int
print_head(char *buf, const struct scope *sc, enum arn_type t)
{
	return snprintf(buf, ARN_MAX, "arn:%s:ecs:%s:%s:%s/", arn_partition(sc->region), sc->region,
	    sc->account, type_names[t]);
}

static const char *
build(
    char *buf, const struct scope *sc, enum arn_type t, const char *a, const char *b, const char *c)
{
	int n = print_head(buf, sc, t);

	(void)snprintf(buf + n, (size_t)(ARN_MAX - n), "%s%s%s%s%s", a, b != NULL ? "/" : "",
	    b != NULL ? b : "", c != NULL ? "/" : "", c != NULL ? c : "");
	return buf;
}

bool
arn_is_of_daemon(const char *name)
{
	return has_prefix(name, ARN_DAEMON_PREFIX);
}

const char *
arn_client_name(const char *name)
{
	return arn_is_of_daemon(name) ? name + strlen(ARN_DAEMON_PREFIX) : name;
}

const char *
arn_cluster(char buf[static ARN_MAX], const struct scope *sc, const char *name)
{
	return build(buf, sc, ARN_CLUSTER, name, NULL, NULL);
}

const char *
arn_task_definition(
    char buf[static ARN_MAX], const struct scope *sc, const char *family, int64_t revision)
{
	enum arn_type t =
	    arn_is_of_daemon(family) ? ARN_DAEMON_TASK_DEFINITION : ARN_TASK_DEFINITION;
	int n = print_head(buf, sc, t);

	(void)snprintf(
	    buf + n, (size_t)(ARN_MAX - n), "%s:%" PRId64, arn_client_name(family), revision);
	return buf;
}

const char *
arn_task(char buf[static ARN_MAX], const struct scope *sc, const char *cluster, const char *id)
{
	return build(buf, sc, ARN_TASK, cluster, id, NULL);
}

const char *
arn_container(char buf[static ARN_MAX], const struct scope *sc, const char *cluster,
    const char *task_id, const char *uuid)
{
	return build(buf, sc, ARN_CONTAINER, cluster, task_id, uuid);
}

const char *
arn_container_instance(
    char buf[static ARN_MAX], const struct scope *sc, const char *cluster, const char *id)
{
	return build(buf, sc, ARN_CONTAINER_INSTANCE, cluster, id, NULL);
}

const char *
arn_service(char buf[static ARN_MAX], const struct scope *sc, const char *cluster, const char *name)
{
	return build(buf, sc, arn_is_of_daemon(name) ? ARN_DAEMON : ARN_SERVICE, cluster,
	    arn_client_name(name), NULL);
}

const char *
arn_task_set(char buf[static ARN_MAX], const struct scope *sc, const char *cluster,
    const char *service, const char *id)
{
	int n = print_head(buf, sc, ARN_TASK_SET);

	(void)snprintf(buf + n, (size_t)(ARN_MAX - n), "%s/%s/ecs-svc/%s", cluster, service, id);
	return buf;
}

const char *
arn_service_deployment(char buf[static ARN_MAX], const struct scope *sc, const char *cluster,
    const char *service, const char *id)
{
	return build(buf, sc,
	    arn_is_of_daemon(service) ? ARN_DAEMON_DEPLOYMENT : ARN_SERVICE_DEPLOYMENT, cluster,
	    arn_client_name(service), id);
}

const char *
arn_service_revision(char buf[static ARN_MAX], const struct scope *sc, const char *cluster,
    const char *service, const char *id)
{
	return build(buf, sc,
	    arn_is_of_daemon(service) ? ARN_DAEMON_REVISION : ARN_SERVICE_REVISION, cluster,
	    arn_client_name(service), id);
}

const char *
arn_capacity_provider(char buf[static ARN_MAX], const struct scope *sc, const char *name)
{
	return build(buf, sc, ARN_CAPACITY_PROVIDER, name, NULL, NULL);
}

static bool
is_name(const char *s)
{
	size_t len = strnlen(s, ARN_NAME_MAX);

	return len > 0 && len < ARN_NAME_MAX && strspn(s, NAME_CHARS) == len;
}

static int
malformed(struct err *e)
{
	(void)err_set(
	    e, ERR_INVALID_PARAMETER, "Invalid identifier: Unexpected number of separators");
	return -EINVAL;
}

/* Takes an ARN apart that has to be of type `want`. 1: of this scope, 0: of another, or an error.
 */
static int
expect_arn(
    const struct scope *sc, const char *given, enum arn_type want, struct arn *a, struct err *e)
{
	if (arn_parse(given, a) < 0)
		return malformed(e);
	if (a->type != want) {
		(void)err_set(e, ERR_INVALID_PARAMETER,
		    "Invalid identifier: Identifier is for %s. Expected %s",
		    a->type != ARN_OTHER ? type_names[a->type] : "something else",
		    type_names[want]);
		return -EINVAL;
	}
	return arn_in_scope(sc, a) ? 1 : 0;
}

/* What a long ARN (cluster/x) or an old one (x) names. 1 and *ret, 0 where the cluster is another
 * one. */
static int
member_of(const struct arn *a, const char *cluster, const char **ret, struct err *e)
{
	if (a->n > 2)
		return malformed(e);
	if (a->n == 2 && strcmp(a->part[0], cluster) != 0)
		return 0;
	*ret = a->part[a->n - 1];
	return 1;
}

int
arn_resolve_cluster(
    const struct scope *sc, const char *given, char ret_name[static ARN_NAME_MAX], struct err *e)
{
	const char *name = given != NULL ? given : "default";
	struct arn a;
	int r;

	if (*name == '\0')
		return err_set(e, ERR_INVALID_PARAMETER, "Cluster can not be blank.");
	if (has_prefix(name, "arn:")) {
		r = expect_arn(sc, name, ARN_CLUSTER, &a, e);
		if (r <= 0)
			return r;
		if (a.n != 1)
			return malformed(e);
		name = a.part[0];
	}
	if (!is_name(name))
		return err_set(e, ERR_INVALID_PARAMETER,
		    "Invalid identifier: A cluster name has 1 to 255 letters, numbers, hyphens and "
		    "underscores");
	memcpy(ret_name, name, strlen(name) + 1);
	return 1;
}

/* Ids of tasks and instances: 32 hexadecimal digits, or the UUIDs of before 2018, which nothing
 * here has. */
static int
resolve_id(const struct scope *sc, enum arn_type type, const char *word, const char *cluster,
    const char *given, char ret_id[static ARN_ID_MAX], struct err *e)
{
	const char *id = given;
	struct arn a;
	size_t len;
	int r;

	if (has_prefix(given, "arn:")) {
		r = expect_arn(sc, given, type, &a, e);
		if (r > 0)
			r = member_of(&a, cluster, &id, e);
		if (r <= 0)
			return r;
	}
	if (strchr(id, '/') != NULL || strchr(id, ':') != NULL)
		return malformed(e);
	len = strlen(id);
	if (len != 32 && len != 36)
		return err_set(
		    e, ERR_INVALID_PARAMETER, "%s length should be one of [32,36]", word);
	memcpy(ret_id, id, len + 1);
	return 1;
}

int
arn_resolve_task(const struct scope *sc, const char *cluster, const char *given,
    char ret_id[static ARN_ID_MAX], struct err *e)
{
	return resolve_id(sc, ARN_TASK, "taskId", cluster, given, ret_id, e);
}

int
arn_resolve_container_instance(const struct scope *sc, const char *cluster, const char *given,
    char ret_id[static ARN_ID_MAX], struct err *e)
{
	return resolve_id(sc, ARN_CONTAINER_INSTANCE, "instanceId", cluster, given, ret_id, e);
}

int
arn_resolve_service(const struct scope *sc, const char *cluster, const char *given,
    char ret_name[static ARN_NAME_MAX], struct err *e)
{
	const char *name = given;
	struct arn a;
	int r;

	if (has_prefix(given, "arn:")) {
		r = expect_arn(sc, given, ARN_SERVICE, &a, e);
		if (r > 0)
			r = member_of(&a, cluster, &name, e);
		if (r <= 0)
			return r;
	}
	if (!is_name(name))
		return err_set(e, ERR_INVALID_PARAMETER,
		    "Invalid identifier: A service name has 1 to 255 letters, numbers, hyphens and "
		    "underscores");
	memcpy(ret_name, name, strlen(name) + 1);
	return 1;
}

static int
parse_revision(const char *text, int64_t *ret, struct err *e)
{
	size_t len = strlen(text);

	/* At most nine digits: every revision fits the 32 bits of the wire. */
	if (len == 0 || len > 9 || strspn(text, "0123456789") != len || strtol(text, NULL, 10) == 0)
		return err_set(
		    e, ERR_INVALID_PARAMETER, "Invalid revision number. Number: %.100s", text);
	*ret = strtol(text, NULL, 10);
	return 0;
}

static int
resolve_definition(const struct scope *sc, enum arn_type type, const char *given,
    char ret_family[static ARN_NAME_MAX], int64_t *ret_revision, struct err *e)
{
	const char *name = given;
	char family[ARN_NAME_MAX];
	int64_t revision = 0;
	const char *colon;
	struct arn a;
	size_t len;
	int r;

	if (*given == '\0')
		return err_set(e, ERR_INVALID_PARAMETER, "Task definition can not be blank.");
	if (has_prefix(given, "arn:")) {
		r = expect_arn(sc, given, type, &a, e);
		if (r <= 0)
			return r;
		if (a.n != 1)
			return malformed(e);
		name = a.part[0];
	}
	colon = strchr(name, ':');
	len = colon != NULL ? (size_t)(colon - name) : strlen(name);
	if (colon != NULL) {
		r = parse_revision(colon + 1, &revision, e);
		if (r < 0)
			return r;
	}
	if (len >= sizeof(family))
		return 0;
	memcpy(family, name, len);
	family[len] = '\0';
	if (!is_name(family))
		return 0; /* no family has such a name */
	memcpy(ret_family, family, len + 1);
	*ret_revision = revision;
	return 1;
}

int
arn_resolve_task_definition(const struct scope *sc, const char *given,
    char ret_family[static ARN_NAME_MAX], int64_t *ret_revision, struct err *e)
{
	return resolve_definition(sc, ARN_TASK_DEFINITION, given, ret_family, ret_revision, e);
}

/* The name under which something of that name is kept: false where it is too long to exist. */
static bool
daemon_key(char ret[static ARN_NAME_MAX], const char *name)
{
	return snprintf(ret, ARN_NAME_MAX, ARN_DAEMON_PREFIX "%s", name) < ARN_NAME_MAX;
}

int
arn_resolve_daemon_definition(const struct scope *sc, const char *given,
    char ret_family[static ARN_NAME_MAX], int64_t *ret_revision, struct err *e)
{
	char family[ARN_NAME_MAX];
	int64_t revision = 0;
	int r = resolve_definition(sc, ARN_DAEMON_TASK_DEFINITION, given, family, &revision, e);

	if (r <= 0 || !daemon_key(ret_family, family))
		return r < 0 ? r : 0;
	*ret_revision = revision;
	return 1;
}

int
arn_resolve_daemon(const struct scope *sc, const char *given, enum arn_type type,
    char ret_cluster[static ARN_NAME_MAX], char ret_name[static ARN_NAME_MAX],
    char ret_id[static ARN_ID_MAX], struct err *e)
{
	size_t parts = type == ARN_DAEMON ? 2 : 3;
	const char *id;
	struct arn a;
	int r = expect_arn(sc, given, type, &a, e);

	if (r < 0)
		return r;
	if (a.n != parts)
		return malformed(e);
	id = parts == 3 ? a.part[2] : "";
	if (r == 0 || !is_name(a.part[0]) || !is_name(a.part[1]) || strlen(id) >= ARN_ID_MAX)
		return 0;
	if (!daemon_key(ret_name, a.part[1]))
		return 0;
	memcpy(ret_cluster, a.part[0], strlen(a.part[0]) + 1);
	memcpy(ret_id, id, strlen(id) + 1);
	return 1;
}
