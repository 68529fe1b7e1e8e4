/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One request to the task's endpoint, for the files that answer it. Each request ends in exactly
 * one call of request_json, request_text or request_error; until then it may wait for the Engine
 * and the daemon. Only the endpoint's files include this.
 */
#ifndef SHIM_REQUEST_H
#define SHIM_REQUEST_H

#include "shim/task.h"
#include "common/json.h"

#include <sys/queue.h>

#define REQUEST_NO_CONTAINER SIZE_MAX

enum request_method { METHOD_GET, METHOD_PUT, METHOD_POST, METHOD_OTHER };

struct request;
struct route;
struct stats_memory;

/* A question to the Engine about one container. */
struct fetch {
	struct request *request;
	size_t container;
	struct engine_req *req;
	struct json_object *reply; /* NULL: none, or an error */
};

struct request {
	TAILQ_ENTRY(request) next;
	struct endpoint *endpoint;
	struct task *task;
	void *http; /* endpoint.c's */
	const struct route *route;
	enum request_method method;
	char *id;            /* of the path; "" where it has none */
	char *rest;          /* of the path, behind what the route names */
	char *query;         /* NULL: none */
	char *authorization; /* NULL: none */
	char *body;
	size_t body_len;
	size_t container;      /* whose id it is */
	struct fetch *fetches; /* one per container, while the Engine is asked */
	size_t pending;
	void (*fetched)(struct request *r);
	bool second_look; /* at the statistics */
	struct timer *timer;
	struct aws_call *api_call;
	void (*api_done)(struct request *r, const struct aws_reply *reply);
	struct json_object *kept; /* what is finished and waits for the rest */
	char *resource;           /* whose tags are asked for */
};

enum route_kind {
	ROUTE_CONTAINER,
	ROUTE_TASK,
	ROUTE_TASK_TAGS,
	ROUTE_STATS,
	ROUTE_TASK_STATS,
	ROUTE_ASSOCIATIONS,
	ROUTE_CREDENTIALS,
	ROUTE_PROTECTION,
	ROUTE_FAULT,
};

struct route {
	const char *pattern; /* "{}" stands for an id, a trailing "*" for anything */
	unsigned version;    /* 1 to 4 */
	enum route_kind kind;
	void (*serve)(struct request *r);
	/* Empty: any. */
	unsigned methods;
};

/* JSON as Go prints it; consumes `o`. */
void request_json(struct request *r, int status, struct json_object *o);
/* A bare JSON string: how the agent reports an error of metadata. */
void request_error(struct request *r, int status, const char *fmt, ...) PRINTF_LIKE(3, 4);
void request_text(struct request *r, int status, const char *type, const char *text);
/* The address of who asks, borrowed. */
const char *request_peer(const struct request *r);
/* Asks the daemon's API with the credentials of the task role, where it has one; consumes `body`.
 */
void request_call(struct request *r, const char *operation, struct json_object *body,
    void (*done)(struct request *r, const struct aws_reply *reply));
/* What the statistics were at the last look (serve_stats.c). */
struct stats_memory *request_stats_memory(struct request *r);

/* serve_credentials.c, serve_metadata.c, serve_stats.c, serve_agent.c */
void serve_credentials(struct request *r);
void serve_metadata(struct request *r);
void serve_associations(struct request *r);
void serve_stats(struct request *r);
void serve_protection(struct request *r);
void serve_fault(struct request *r);
/* serve_stats.c: the last sample of each container. */
struct stats_memory *stats_memory_new(size_t n);
void stats_memory_free(struct stats_memory *m);
/* Starts one question for each container that fits; `done` is called when all are answered, at once
 * where there are none. */
void request_fetch(struct request *r, bool (*wanted)(const struct request *r, size_t container),
    struct engine_req *(*ask)(struct engine *e, const char *id, engine_done_fn *done, void *arg),
    void (*done)(struct request *r));
/* The container that the path's id names; sends the error where there is none. */
bool request_find(struct request *r);

#endif
