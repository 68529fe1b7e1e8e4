/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signed calls of AWS services, as the ECS agent makes them for a task: JSON 1.1 operations and
 * GETs of objects, repeated where it may help, on the loop. They go to the daemon's socket, or
 * where LOCALEMU_ENDPOINT_<SERVICE> or the call itself points. Whoever needs something of a service
 * calls it (resources.c, the endpoint); it must not know what is asked for.
 *
 * One struct aws serves all calls of a task side by side. Connections stay open between calls (one
 * per call in flight, at most four are kept), so that a caller who sends one batch after the
 * other pays for the connection once; after some seconds without a call they are closed and
 * libcurl's memory is freed.
 */
#ifndef SHIM_AWS_H
#define SHIM_AWS_H

#include "common/json.h"
#include "common/loop.h"
#include "shim/credentials.h"

#define AWS_HEADERS_MAX 4

enum aws_service {
	AWS_ECS,
	AWS_LOGS,
	AWS_S3,
	AWS_SECRETSMANAGER,
	AWS_SSM,
	AWS_STS,
	AWS_SERVICE_MAX
};

/* What a service is called in signatures, and in Hello.endpoints. */
extern const char *const aws_service_names[AWS_SERVICE_MAX];

struct aws;
struct aws_call;

/* How a call ended, after its last attempt. Everything is borrowed until on_done returns. */
struct aws_reply {
	int errnum; /* 0: the service answered. ETIMEDOUT; ECONNREFUSED: nobody there, or the
		       answer was cut off; EMSGSIZE: the answer is over reply_max; EBADMSG: it is
		       no JSON */
	int status; /* of HTTP, 0 where none came */
	unsigned attempts;
	/* NULL: it worked. Else "ResourceNotFoundException", without the namespace before it;
	 * where nobody answered, "RequestCanceled" or "RequestError" as the SDK calls it. */
	const char *error;
	const char *message;      /* beside error; never NULL then */
	const char *request_id;   /* "" where the answer has none */
	struct json_object *json; /* of an operation that worked: an object; NULL: no body */
	const char *body;         /* of a GET that worked, NUL-terminated */
	size_t len;
};

struct aws_ask {
	enum aws_service service;
	/* Who asks; looked at for every attempt, so that renewed ones are used, and has to outlive
	 * the call. Empty ones (no id): the task's account. */
	const struct credentials *as;
	const char *region;    /* that is asked; NULL: the task's own */
	const char *endpoint;  /* "http://host:port" for this call alone; NULL: the service's */
	const char *operation; /* "GetSecretValue"; NULL: GET of `path` */
	const char *path;      /* "/bucket/key", not escaped yet */
	const char *query;     /* "a=b&c=d", escaped by curl_io_escape; NULL: none */
	/* JSON of the operation, from malloc: taken over and freed when the call is over. */
	char *body;
	size_t body_len; /* 0: as long as the text is */
	/* More header lines, "x-amzn-logs-format: json/emf"; they are signed as well. */
	const char *headers[AWS_HEADERS_MAX];
	/* 0 stands for the agent's own: 5 s for an attempt, 3 attempts, 30 s for all. Only what can
	 * get better is tried again: no connection, a cut answer, 5xx, throttling. The pause
	 * between attempts doubles from 100 ms to 2 s. */
	int64_t timeout_ms, deadline_ms;
	unsigned attempts;
	bool once;        /* an attempt never reaches the service twice (see curl.h) */
	size_t reply_max; /* bytes; 0: 1 MiB */
	/* Called once from the loop, unless the call is cancelled; the call is gone then. */
	void (*on_done)(const struct aws_reply *r, void *arg);
	void *arg;
};

/* The caller's; costs nothing before the first call. `account` is the key that calls without
 * credentials are signed with. */
struct aws *aws_new(
    struct loop *l, const char *socket_path, const char *region, const char *account);
/* Ends all calls without a word. NULL is legal. */
void aws_free(struct aws *a);
/* All calls of the service ("logs") go to this origin from now on; names that are not known are
 * ignored. A slash at its end is left out. */
void aws_set_endpoint(struct aws *a, const char *service, const char *url);
/* True if calls of the service go to such an origin, and not to the daemon. */
bool aws_is_elsewhere(const struct aws *a, enum aws_service service);

/* Starts a call; strings are copied but for what says otherwise. Never calls back from inside. */
struct aws_call *aws_send(struct aws *a, const struct aws_ask *ask);
/* Ends a call without a word. NULL is legal. */
void aws_cancel(struct aws_call *c);

#endif
