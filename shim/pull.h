/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One image that is not there yet: pulled once however many tasks want it, repeated, given up and
 * worded as the agent does it (docker_client.go PullImage). Called by image.c; it must not know
 * containers.
 */
#ifndef SHIM_PULL_H
#define SHIM_PULL_H

#include "shim/engine.h"

struct pull;

struct pull_limits {
	int64_t begin_ms; /* without a word of the stream */
	int64_t idle_ms;  /* after one */
	int64_t total_ms;
	int64_t delay_min_ms, delay_max_ms; /* between attempts */
	unsigned attempts;
};

/* The agent's. */
extern const struct pull_limits pull_limits_agent;

struct pull_ask {
	struct loop *loop;
	struct engine *engine;
	const char *task_id;   /* for the log */
	const char *directory; /* where those who want the same image meet */
	const char *ref;
	const char *platform; /* NULL: the Engine's own */
	const char *auth;     /* value of X-Registry-Auth, NULL: none */
	bool fargate;         /* its words */
	const char
	    *init_path; /* not NULL: it comes from no registry, but is made of this program */
	const struct pull_limits *limits;
	/* Called once from the loop: error is NULL where the image is there, else
	 * "CannotPullContainerError" or "DockerTimeoutError". pull_free is legal inside. */
	void (*on_done)(const char *error, const char *text, void *arg);
	void *arg;
};

/* Starts one, the caller's; the strings of `ask` are copied, `limits` outlives it. */
struct pull *pull_start(const struct pull_ask *ask);
/* Ends it without a call; another task that wants the image goes on. NULL is legal. */
void pull_free(struct pull *p);
/* As pull_free, after the Engine went away and its requests with it. */
void pull_forget(struct pull *p);

#endif
