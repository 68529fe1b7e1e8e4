/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One request to the Docker Engine over its unix socket. The daemon asks seldom and little, which
 * is not worth the memory of libcurl and what it brings along; containers are the shims' business.
 * vpc_network.c is the only caller. It must not know what is asked.
 */
#ifndef DAEMON_ENGINE_CALL_H
#define DAEMON_ENGINE_CALL_H

#include "common/loop.h"

#define ENGINE_CALL_REPLY_MAX (4u * 1024 * 1024)

struct engine_call;

struct engine_call_reply {
	int errnum;       /* 0; ECONNREFUSED, ETIMEDOUT, EMSGSIZE, EBADMSG: then there is no more */
	int status;       /* of HTTP */
	const char *body; /* NUL-terminated, borrowed */
	size_t len;
};

struct engine_call_ask {
	const char *socket_path;
	const char *method;
	const char *path;
	const char *body; /* JSON; NULL: none */
	int64_t timeout_ms;
	/* Called once, from the loop, unless engine_call_free comes first; the call is gone then.
	 */
	void (*on_done)(const struct engine_call_reply *r, void *arg);
	void *arg;
};

/* Starts it; what `ask` points to is copied. Never calls back from inside. */
struct engine_call *engine_call_send(struct loop *l, const struct engine_call_ask *ask);
/* Ends it without a call. NULL is legal. */
void engine_call_free(struct engine_call *c);

#endif
