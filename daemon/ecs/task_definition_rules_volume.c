/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules about volumes and how containers mount them (RegisterTaskDefinition). Asked by
 * task_definition_rules.c.
 */
#include "daemon/ecs/task_definition_rules.h"

#include <string.h>

#define PORT_MAX 65535

typedef int task_rule(const struct td_subject *s, struct err *e);
static task_rule volume_names, volume_kinds, launch_volumes, host_volumes, efs_volumes,
    s3files_volumes;
static int mount_points(const struct td_subject *s, const struct container_def *c, struct err *e);
static int volumes_from(const struct td_subject *s, const struct container_def *c, struct err *e);

/* clang-format off */
static const struct td_rule rules[] = {
	{ .name = "volume_names",    .task = volume_names },
	{ .name = "volume_kinds",    .task = volume_kinds },
	{ .name = "launch_volumes",  .task = launch_volumes },
	{ .name = "host_volumes",    .task = host_volumes },
	{ .name = "efs_volumes",     .task = efs_volumes },
	{ .name = "s3files_volumes", .task = s3files_volumes },
	{ .name = "mount_points",    .container = mount_points },
	{ .name = "volumes_from",    .container = volumes_from },
};
/* clang-format on */
const struct td_rule_set td_rules_volume = { rules, ARRAY_SIZE(rules) };

static const struct td_volume *
find_volume(const struct task_def *td, const char *name)
{
	for (size_t i = 0; i < td->volumes.n; i++) {
		if (streq(td->volumes.v[i].name, name))
			return &td->volumes.v[i];
	}
	return NULL;
}

static int
volume_names(const struct td_subject *s, struct err *e)
{
	for (size_t i = 0; i < s->td->volumes.n; i++) {
		const struct td_volume *v = &s->td->volumes.v[i];

		if (v->name == NULL || *v->name == '\0')
			return err_set(e, ERR_CLIENT, "Volume.name should not be null or empty.");
		if (strlen(v->name) > TD_NAME_MAX)
			return err_set(
			    e, ERR_CLIENT, "Volume.name should be 255 characters or less.");
		if (!td_rules_text_ok(v->name, TD_NAME_MAX, TD_NAME_CHARS))
			return err_set(e, ERR_CLIENT, "Volume.name contains invalid characters.");
		if (find_volume(s->td, v->name) != v)
			return err_set(e, ERR_CLIENT, "Volume names must be unique.");
	}
	return 0;
}

/* An empty host object is no kind: it says "anonymous volume" beside nothing else. */
static int
volume_kinds(const struct td_subject *s, struct err *e)
{
	for (size_t i = 0; i < s->td->volumes.n; i++) {
		const struct td_volume *v = &s->td->volumes.v[i];
		int kinds = (v->host != NULL && v->host->source_path != NULL) +
			    (v->docker != NULL) + (v->efs != NULL) + (v->s3files != NULL) +
			    (v->fsx != NULL) + (v->configured_at_launch == TRI_TRUE);

		if (kinds > 1)
			return err_set(e, ERR_CLIENT,
			    "Invalid setting for volume '%s'. Only one volume configuration can be "
			    "specified per volume.",
			    v->name);
	}
	return 0;
}

static int
launch_volumes(const struct td_subject *s, struct err *e)
{
	int n = 0;

	for (size_t i = 0; i < s->td->volumes.n; i++)
		n += s->td->volumes.v[i].configured_at_launch == TRI_TRUE;
	if (n > 1)
		return err_set(e, ERR_CLIENT,
		    "Only one volume in a task definition can have 'configuredAtLaunch' set to "
		    "true.");
	return 0;
}

static int
host_volumes(const struct td_subject *s, struct err *e)
{
	for (size_t i = 0; i < s->td->volumes.n; i++) {
		const struct td_host_volume *host = s->td->volumes.v[i].host;

		if (host != NULL && host->source_path != NULL && *host->source_path == '\0')
			return err_set(e, ERR_CLIENT, "host.sourcePath should not be blank.");
	}
	return 0;
}

static int
check_efs(const char *name, const struct td_efs_volume *efs, struct err *e)
{
	const struct td_efs_authorization *auth = efs->authorization_config;
	bool access_point = auth != NULL && auth->access_point_id != NULL;

	if (*efs->file_system_id == '\0')
		return err_set(e, ERR_CLIENT,
		    "Invalid setting for volume '%s'. An EFS fileSystemId must be specified.",
		    name);
	if (access_point && efs->root_directory != NULL && *efs->root_directory != '\0' &&
	    !streq(efs->root_directory, "/"))
		return err_set(e, ERR_CLIENT,
		    "Invalid setting for volume '%s'. When an EFS access point is specified, the "
		    "rootDirectory must either be omitted or set to '/'.",
		    name);
	if (access_point && efs->transit_encryption != EFS_ENABLED)
		return err_set(e, ERR_CLIENT,
		    "Invalid setting for volume '%s'. EFS transit encryption must be enabled when "
		    "an access point is specified.",
		    name);
	if (auth != NULL && auth->iam == EFS_ENABLED && efs->transit_encryption != EFS_ENABLED)
		return err_set(e, ERR_CLIENT,
		    "Invalid setting for volume '%s'. EFS transit encryption must be enabled when "
		    "IAM authorization is enabled.",
		    name);
	if (efs->transit_encryption_port.set &&
	    (efs->transit_encryption_port.v < 1 || efs->transit_encryption_port.v > PORT_MAX))
		return err_set(e, ERR_CLIENT,
		    "Invalid setting for volume '%s'. The EFS transitEncryptionPort must be "
		    "between 1 and %d.",
		    name, PORT_MAX);
	return 0;
}

static int
efs_volumes(const struct td_subject *s, struct err *e)
{
	int r;

	for (size_t i = 0; i < s->td->volumes.n; i++) {
		const struct td_volume *v = &s->td->volumes.v[i];

		r = v->efs != NULL ? check_efs(v->name, v->efs, e) : 0;
		if (r < 0)
			return r;
	}
	return 0;
}

static int
s3files_volumes(const struct td_subject *s, struct err *e)
{
	for (size_t i = 0; i < s->td->volumes.n; i++) {
		const struct td_s3files_volume *v = s->td->volumes.v[i].s3files;

		if (v != NULL && !has_prefix(v->file_system_arn, "arn:"))
			return err_set(e, ERR_CLIENT,
			    "Invalid setting for volume '%s'. The fileSystemArn must be an ARN.",
			    s->td->volumes.v[i].name);
		if (v != NULL && v->transit_encryption_port.set &&
		    (v->transit_encryption_port.v < 1 || v->transit_encryption_port.v > PORT_MAX))
			return err_set(e, ERR_CLIENT,
			    "Invalid setting for volume '%s'. The transitEncryptionPort must be "
			    "between 1 and %d.",
			    s->td->volumes.v[i].name, PORT_MAX);
	}
	return 0;
}

static int
mount_points(const struct td_subject *s, const struct container_def *c, struct err *e)
{
	for (size_t i = 0; i < c->mount_points.n; i++) {
		const struct td_mount_point *m = &c->mount_points.v[i];

		if (m->source_volume == NULL || *m->source_volume == '\0')
			return err_set(e, ERR_CLIENT,
			    "Invalid setting for container '%s'. mountPoint.sourceVolume should "
			    "not be null or empty.",
			    c->name);
		if (find_volume(s->td, m->source_volume) == NULL)
			return err_set(e, ERR_CLIENT, "Unknown volume '%s'.", m->source_volume);
		if (m->container_path == NULL || *m->container_path == '\0')
			return err_set(e, ERR_CLIENT,
			    "Invalid setting for container '%s'. mountPoint.containerPath should "
			    "not be null or empty.",
			    c->name);
	}
	return 0;
}

static int
volumes_from(const struct td_subject *s, const struct container_def *c, struct err *e)
{
	for (size_t i = 0; i < c->volumes_from.n; i++) {
		const char *source = c->volumes_from.v[i].source_container;

		if (source == NULL || *source == '\0')
			return err_set(e, ERR_CLIENT,
			    "Invalid setting for container '%s'. volumesFrom.sourceContainer "
			    "should not be null or empty.",
			    c->name);
		if (streq(source, c->name) || task_def_container(s->td, source) == NULL)
			return err_set(e, ERR_CLIENT,
			    "Invalid setting for container '%s'. The volumesFrom source '%s' is "
			    "not another container in the TaskDefinition.",
			    c->name, source);
	}
	return 0;
}
