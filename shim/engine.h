/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Docker Engine's API as typed calls, and the one rule for an Engine that goes away: every
 * request in flight vanishes, on_down is called, the connection is tried until it is back, then
 * on_up. Who asks then looks at the facts and asks again; no single request is ever repeated here.
 * It must not know tasks.
 */
#ifndef SHIM_ENGINE_H
#define SHIM_ENGINE_H

#include "common/json.h"
#include "common/loop.h"
#include "common/task_state.h"

struct engine;
struct engine_req;

enum engine_event_kind {
	ENGINE_START,
	ENGINE_DIE,
	ENGINE_STOP,
	ENGINE_KILL,
	ENGINE_OOM,
	ENGINE_DESTROY,
	ENGINE_HEALTH,
	ENGINE_EVENT_MAX,
};

struct engine_event {
	enum engine_event_kind kind;
	const char *id; /* of the container */
	int64_t time_ms;
	int exit_code;            /* ENGINE_DIE */
	int signal;               /* ENGINE_KILL */
	enum health_state health; /* ENGINE_HEALTH */
};

struct engine_callbacks {
	/* It answers, the version is agreed, events are subscribed: look at the facts now. */
	void (*on_up)(void *cookie);
	/* It is away: every request is gone without a call, and every engine_req pointer is dead.
	 */
	void (*on_down)(void *cookie);
	void (*on_event)(const struct engine_event *ev, void *cookie);
	void *cookie;
};

/* How long calls may take (agent/dockerclient/timeout.go). */
struct engine_limits {
	int64_t inspect_ms, create_ms, start_ms, remove_ms, volume_ms;
	int64_t stop_extra_ms; /* beside the container's own time */
};

extern const struct engine_limits engine_limits_agent;

struct engine_reply {
	int status;               /* of HTTP, 0: none came */
	int errnum;               /* ETIMEDOUT, EMSGSIZE; 0 with a status */
	struct json_object *body; /* NULL where there is none */
	const char *text; /* NULL: it worked (2xx, 304), else "Error response from daemon: …" */
};

typedef void engine_done_fn(const struct engine_reply *r, void *arg);

/* What inspect tells of a container; the strings borrow from the reply. */
struct engine_container {
	const char *id;
	const char *status; /* created, running, paused, restarting, removing, exited, dead */
	bool running;
	bool oom_killed;
	int pid;
	int exit_code;
	const char *error;   /* State.Error, NULL if empty */
	const char *command; /* the first word of Config.Cmd, NULL if there is none */
	int64_t started_ms;  /* 0: never */
	int64_t finished_ms;
	enum health_state health;
	struct json_object *labels;
	struct json_object *ports; /* NetworkSettings.Ports, NULL if none */
};

/* A new connection, the caller's; tries to reach the Engine at once. `cb` outlives it. */
struct engine *engine_new(
    struct loop *l, const char *socket_path, const struct engine_callbacks *cb);
void engine_free(struct engine *e);
/* From now on the events of containers with this label ("key=value") are wanted, those since
 * `since_ms` too. on_up is called once they are subscribed, and each time again after on_down. */
void engine_watch(struct engine *e, const char *label, int64_t since_ms);
bool engine_is_up(const struct engine *e);
/* Others than the agent's, for tests; they outlive the engine. */
void engine_set_limits(struct engine *e, const struct engine_limits *limits);
/* What Docker's own client says when nobody answers. The caller's. */
char *engine_away_text(const struct engine *e);

/* Each starts one request; `done` is called once from the loop unless it is cancelled or on_down
 * comes first. */
struct engine_req *engine_image(struct engine *e, const char *ref, engine_done_fn *done, void *arg);
/* `platform` is "linux/arm64" or NULL, `auth` a value of X-Registry-Auth or NULL. Errors inside the
 * stream count as errors of the request; everything else in it is progress. How long it may take is
 * for the caller to say. */
struct engine_req *engine_pull(struct engine *e, const char *ref, const char *platform,
    const char *auth, void (*on_progress)(const char *status, void *arg), engine_done_fn *done,
    void *arg);
/* What the Engine says of itself. */
struct engine_req *engine_info(struct engine *e, engine_done_fn *done, void *arg);
/* Makes an image "repo:tag" of one layer, a tar, which stays until the request is over. */
struct engine_req *engine_import(struct engine *e, const char *ref, const char *tar, size_t len,
    engine_done_fn *done, void *arg);
/* `platform` as for a pull: an Engine that knows the parameter refuses an image of another one. */
struct engine_req *engine_create(struct engine *e, const char *name, const char *platform,
    const char *body, engine_done_fn *done, void *arg);
struct engine_req *engine_start(struct engine *e, const char *id, engine_done_fn *done, void *arg);
struct engine_req *engine_inspect(
    struct engine *e, const char *id, engine_done_fn *done, void *arg);
/* The same with SizeRw and SizeRootFs, for which the Engine looks at every file. */
struct engine_req *engine_inspect_size(
    struct engine *e, const char *id, engine_done_fn *done, void *arg);
/* One sample of its resource usage, without the one before it. */
struct engine_req *engine_stats(struct engine *e, const char *id, engine_done_fn *done, void *arg);
/* What a container has written, with the Engine's times, from since_ns (epoch) on, as the Engine's
 * stream has it; with `follow` as long as it runs. Bytes go to on_data, `done` has none of them. A
 * connection that breaks ends the request with a text, and does not make the Engine count as away.
 */
struct engine_req *engine_logs(struct engine *e, const char *id, bool follow, int64_t since_ns,
    void (*on_data)(const char *data, size_t len, void *arg), engine_done_fn *done, void *arg);
/* Nothing more is taken from the stream until it goes on; what is on its way may still come. */
void engine_pause(struct engine_req *r, bool pause);
/* SIGTERM or the image's STOPSIGNAL, after `timeout_s` SIGKILL. */
struct engine_req *engine_stop(
    struct engine *e, const char *id, int64_t timeout_s, engine_done_fn *done, void *arg);
/* By force, with its anonymous volumes. */
struct engine_req *engine_remove(struct engine *e, const char *id, engine_done_fn *done, void *arg);
/* All containers with the label that engine_watch was given. */
struct engine_req *engine_list(struct engine *e, engine_done_fn *done, void *arg);
struct engine_req *engine_volume_inspect(
    struct engine *e, const char *name, engine_done_fn *done, void *arg);
struct engine_req *engine_volume_remove(
    struct engine *e, const char *name, engine_done_fn *done, void *arg);
/* Ends a request without a call. NULL is legal. */
void engine_cancel(struct engine_req *r);

/* The agent's words for what took too long: "Could not transition to created; timed out after
 * waiting 4m0s". The caller's. */
char *engine_timeout_text(const char *transition, int64_t ms);
/* Reads an inspect reply. Returns 0 or -EBADMSG. */
int engine_container_read(struct json_object *body, struct engine_container *ret);
/* Whether an image, as inspect tells it, is of the platform "os/architecture"; NULL is any. What
 * the image does not say is not held against it. */
bool engine_image_fits(struct json_object *image, const char *platform);
/* One line of /events. Returns 0, or -EBADMSG where it is none that is known. The strings borrow
 * from `o`. */
int engine_event_read(struct json_object *o, struct engine_event *ret);
/* RFC 3339 with fractions, as the Engine writes times; 0 for year 1 and for what is none. */
int64_t engine_time_ms(const char *text);
/* "1.41" as agreed between ours and what the header Api-Version says ("" where it says nothing
 * usable). */
void engine_version_agree(const char *theirs, char out[static 16]);
/* 41 of "1.41". */
long engine_version_minor(const char *version);
/* Splits "repo[:tag][@digest]" as the parameters fromImage and tag of a pull. Both are the
 * caller's. */
void engine_ref_split(const char *ref, char **ret_repo, char **ret_tag);

#endif
