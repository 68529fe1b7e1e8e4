/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the Engine's replies and events mean, as C structs. Pure functions, called by engine.c and
 * the task's files; nothing here talks to anybody.
 */
#include "shim/engine.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* Ours is 1.41 (Engine 20.10). An Engine that speaks 1.44 may take nothing older than that (Engine
 * 29). */
#define VERSION_OURS 41
#define VERSION_NEWER 44

static const struct {
	const char *action;
	enum engine_event_kind kind;
	enum health_state health;
} actions[] = {
	/* clang-format off */
	{ "start",                    ENGINE_START,   HEALTH_UNKNOWN },
	{ "die",                      ENGINE_DIE,     HEALTH_UNKNOWN },
	{ "stop",                     ENGINE_STOP,    HEALTH_UNKNOWN },
	{ "kill",                     ENGINE_KILL,    HEALTH_UNKNOWN },
	{ "oom",                      ENGINE_OOM,     HEALTH_UNKNOWN },
	{ "destroy",                  ENGINE_DESTROY, HEALTH_UNKNOWN },
	{ "health_status: starting",  ENGINE_HEALTH,  HEALTH_UNKNOWN },
	{ "health_status: healthy",   ENGINE_HEALTH,  HEALTH_HEALTHY },
	{ "health_status: unhealthy", ENGINE_HEALTH,  HEALTH_UNHEALTHY },
	/* clang-format on */
};

/* A part of "linux/arm64" against the image's own. */
static bool
part_fits(const char *have, const char *want, size_t len)
{
	return have == NULL || have[0] == '\0' ||
	       (strlen(have) == len && memcmp(have, want, len) == 0);
}

bool
engine_image_fits(struct json_object *image, const char *platform)
{
	const char *slash = platform != NULL ? strchr(platform, '/') : NULL;

	return slash == NULL ||
	       (part_fits(json_get_str(image, "Os"), platform, (size_t)(slash - platform)) &&
		   part_fits(json_get_str(image, "Architecture"), slash + 1, strlen(slash + 1)));
}

static int
attribute_int(struct json_object *attributes, const char *key)
{
	const char *s = json_get_str(attributes, key);

	return s != NULL ? (int)strtol(s, NULL, 10) : 0;
}

int
engine_event_read(struct json_object *o, struct engine_event *ret)
{
	struct json_object *actor = json_get(o, "Actor");
	struct json_object *attributes = json_get(actor, "Attributes");
	const char *id = json_get_str(actor, "ID");
	const char *action = json_get_str(o, "Action");

	for (size_t i = 0; i < ARRAY_SIZE(actions); i++) {
		if (id == NULL || !streq(action, actions[i].action) ||
		    !streq(json_get_str(o, "Type"), "container"))
			continue;
		*ret = (struct engine_event){
			.kind = actions[i].kind,
			.id = id,
			.time_ms = json_get_int(o, "timeNano", 0) / 1000000,
			.exit_code = attribute_int(attributes, "exitCode"),
			.signal = attribute_int(attributes, "signal"),
			.health = actions[i].health,
		};
		return 0;
	}
	return -EBADMSG;
}

static enum health_state
health_of(const char *status)
{
	if (streq(status, "healthy"))
		return HEALTH_HEALTHY;
	return streq(status, "unhealthy") ? HEALTH_UNHEALTHY : HEALTH_UNKNOWN;
}

static const char *
first_string(struct json_object *list)
{
	if (!json_object_is_type(list, json_type_array) || json_object_array_length(list) == 0)
		return NULL;
	return json_object_get_string(json_object_array_get_idx(list, 0));
}

int
engine_container_read(struct json_object *body, struct engine_container *ret)
{
	struct json_object *state = json_get(body, "State");
	const char *id = json_get_str(body, "Id");
	const char *status = json_get_str(state, "Status");
	const char *error = json_get_str(state, "Error");

	if (id == NULL || status == NULL)
		return -EBADMSG;
	*ret = (struct engine_container){
		.id = id,
		.status = status,
		.running = json_get_bool(state, "Running", false),
		.oom_killed = json_get_bool(state, "OOMKilled", false),
		.pid = (int)json_get_int(state, "Pid", 0),
		.exit_code = (int)json_get_int(state, "ExitCode", 0),
		.error = error != NULL && error[0] != '\0' ? error : NULL,
		.command = first_string(json_get(json_get(body, "Config"), "Cmd")),
		.started_ms = engine_time_ms(json_get_str(state, "StartedAt")),
		.finished_ms = engine_time_ms(json_get_str(state, "FinishedAt")),
		.health = health_of(json_get_str(json_get(state, "Health"), "Status")),
		.labels = json_get(json_get(body, "Config"), "Labels"),
		.ports = json_get(json_get(body, "NetworkSettings"), "Ports"),
	};
	return 0;
}

/* "Z" or "+02:00" as seconds. */
static bool
parse_offset(const char *text, int64_t *ret_s)
{
	char *end = NULL;
	long hours = strtol(text, &end, 10);
	long minutes = 0;

	*ret_s = 0;
	if (*text == 'Z')
		return true;
	if (end == text || *end != ':')
		return false;
	minutes = strtol(end + 1, NULL, 10);
	*ret_s = hours * 3600 + (*text == '-' ? -minutes : minutes) * 60;
	return true;
}

int64_t
engine_time_ms(const char *text)
{
	struct tm tm = { 0 };
	int64_t ms = 0, unit = 100, offset_s, seconds;
	const char *at;

	if (text == NULL || (at = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm)) == NULL)
		return 0;
	if (*at == '.')
		for (at++; *at >= '0' && *at <= '9'; at++, unit /= 10)
			ms += (*at - '0') * unit;
	if (!parse_offset(at, &offset_s))
		return 0;
	seconds = (int64_t)timegm(&tm) - offset_s;
	return seconds > 0 ? seconds * 1000 + ms : 0;
}

/* As Go prints a duration. */
static char *
duration_text(int64_t ms)
{
	int64_t s = ms / 1000;

	if (ms < 1000)
		return xasprintf("%" PRId64 "ms", ms);
	if (s < 60)
		return xasprintf("%" PRId64 "s", s);
	if (s < 3600)
		return xasprintf("%" PRId64 "m%" PRId64 "s", s / 60, s % 60);
	return xasprintf("%" PRId64 "h%" PRId64 "m%" PRId64 "s", s / 3600, s % 3600 / 60, s % 60);
}

char *
engine_timeout_text(const char *transition, int64_t ms)
{
	_cleanup_free_ char *duration = duration_text(ms);

	return xasprintf(
	    "Could not transition to %s; timed out after waiting %s", transition, duration);
}

long
engine_version_minor(const char *version)
{
	return has_prefix(version, "1.") ? strtol(version + 2, NULL, 10) : 0;
}

void
engine_version_agree(const char *theirs, char out[static 16])
{
	long minor = VERSION_OURS;

	if (theirs != NULL && has_prefix(theirs, "1."))
		minor = engine_version_minor(theirs);
	if (minor >= VERSION_NEWER)
		minor = VERSION_NEWER;
	if (minor <= 0 || (minor > VERSION_OURS && minor < VERSION_NEWER))
		minor = VERSION_OURS;
	(void)snprintf(out, 16, "1.%ld", minor);
}

void
engine_ref_split(const char *ref, char **ret_repo, char **ret_tag)
{
	const char *digest = strchr(ref, '@');
	const char *slash = strrchr(ref, '/');
	const char *colon = strrchr(slash != NULL ? slash : ref, ':');

	if (digest != NULL) {
		/* With both, the digest says which image it is; the tag is only a name. */
		const char *name_end = memchr(ref, '@', strlen(ref));

		slash = memrchr(ref, '/', (size_t)(name_end - ref));
		colon = memchr(slash != NULL ? slash : ref, ':',
		    (size_t)(name_end - (slash != NULL ? slash : ref)));
		*ret_repo = xstrndup(ref, (size_t)((colon != NULL ? colon : name_end) - ref));
		*ret_tag = xstrdup(digest + 1);
	} else if (colon != NULL) {
		*ret_repo = xstrndup(ref, (size_t)(colon - ref));
		*ret_tag = xstrdup(colon + 1);
	} else {
		*ret_repo = xstrdup(ref);
		*ret_tag = xstrdup("latest");
	}
}
