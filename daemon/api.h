/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The straight path of a request: find the operation, validate and bind its input, run it inside
 * one transaction, commit, tell the runners, answer - at once or when it has settled. http/ gives
 * requests in, ecs/ files declare operations. It must not know HTTP, SQL or containers.
 */
#ifndef DAEMON_API_H
#define DAEMON_API_H

#include "common/arena.h"
#include "common/err.h"
#include "common/json.h"
#include "common/loop.h"
#include "common/schema.h"

struct api;
struct call;
struct config;
struct store;
struct fleet;
struct sigv4_request;

/* Everything in the store is keyed by these two. */
struct scope {
	char account[13]; /* 12 digits */
	char region[33];
};

#define OP_WRITE BIT(0)   /* runs inside a transaction */
#define OP_SETTLES BIT(1) /* may hold its reply: has `settled` and `answer` */
/* Query protocol: has no output shape, so the answer has no <XResult>. */
#define OP_NO_RESULT BIT(2)
/* A write that CloudTrail does not record: what AWS calls a data event (PutLogEvents). */
#define OP_NO_TRAIL BIT(3)

/* One row of an operation table. */
struct op {
	const char *name; /* "RunTask" */
	/* Fills c->out (or leaves the empty object) and returns 0; or returns err_set(&c->err, …).
	 * What a failing handler wrote to the store is rolled back, messages that it asked for are
	 * dropped. */
	int (*run)(struct call *c);
	unsigned flags;
	const struct schema *input;
	/* May be NULL. Binds c->args straight from the body, for inputs so large that a tree of
	 * them takes too long. It need not know every form of them: where it returns false, `input`
	 * is bound the ordinary way, which also says what is wrong. */
	bool (*read)(struct call *c, const char *body, size_t len);
	/* Kind of a validation error; ERR_NONE means ERR_INVALID_PARAMETER. */
	enum err_kind bad_input;
	/* With OP_SETTLES: has what was asked for happened (reads the store)? */
	bool (*settled)(struct call *c);
	/* With OP_SETTLES: builds c->out anew from the store, after settling or at the deadline. */
	int (*answer)(struct call *c);
};

/* A family's table: ecs_cluster_ops, ecs_task_ops … each file of ecs/ exports one. */
struct op_table {
	const struct op *ops;
	size_t n;
};

/* What happens to a task after COMMIT. */
enum task_wish { TASK_WISH_START, TASK_WISH_STOP };

/* One request on its way through. Handlers read the upper half and fill the lower. */
struct call {
	struct api *api;
	const struct config *config;
	struct store *store;
	struct fleet *fleet; /* read only: fleet_runner(); messages go by call_wish */
	const struct op *op;
	const char *service; /* that `op` belongs to, "ecs" */
	struct scope scope;
	char source_ip[46]; /* of the client; "" where nobody knows */
	char user_agent[256];
	char access_key[129]; /* of the request's credential, "" where there is none */
	/* arn:aws:iam::<account>:root unless an issued key signed: then the user's or the assumed
	 * role's ARN. */
	char principal_arn[256];
	char principal_id[128]; /* UserId of GetCallerIdentity: account, AIDA…, AROA…:session */
	char request_id[37];
	const char *log_cursor; /* of api_request; only while `run` runs */
	struct arena arena;     /* lives until the reply is sent, also while the call is held */
	struct json_object *in; /* the body, owned by the call */
	void *args;             /* in, bound by op->input, in the arena */
	int64_t now_ms;         /* one clock for everything that this call writes */

	/* The reply's members; starts as an empty object; owned by the call. */
	struct json_object *out;
	struct err err;
	/* More members of an error body (ConflictException.resourceIds), or NULL. */
	struct json_object *err_members;
	/* In the arena: what `settled` and `answer` need of `run`. */
	void *settle_arg;

	struct call_wish *wishes; /* call_wish() */
	size_t n_wishes;
	bool wishes_networks;                     /* call_wish_networks() */
	struct call_service_wish *service_wishes; /* call_wish_service() */
	size_t n_service_wishes;
};

/* Notes a message for the runner of a task; sent after COMMIT, in order, dropped when the call
 * fails. */
void call_wish(struct call *c, enum task_wish wish, const char *task_id);
/* What a service wants, or what there is of it, has changed: the scheduler compares the two after
 * COMMIT. Saying it twice in one call is saying it once. */
void call_wish_service(struct call *c, const char *cluster, const char *service);
/* The store's wishes for VPC networks have changed: whoever makes them looks after COMMIT. */
void call_wish_networks(struct call *c);
/* Runs another operation as a part of this one, as ECS does for an express gateway service: for the
 * same caller, in the same transaction, its wishes become those of `c`. `in` is taken over. 0 with
 * the caller's answer in *ret, or a negative errno with c->err filled. CloudTrail tells of the
 * operation that `c` is about. */
int call_run(struct call *c, const char *service, const char *operation, struct json_object *in,
    struct json_object **ret);
/* True where a kindness of the lenient mode is wanted; the one place that reads ECS_STRICT for
 * operations. */
bool call_lenient(const struct call *c);

/* What the edge gives in. Strings are borrowed for the duration of api_request. */
struct api_request {
	const char *service;   /* "ecs" */
	const char *operation; /* "RunTask" */
	const char *body;
	size_t body_len;
	struct scope scope;
	const char *access_key;
	/* Called exactly once, at once or later, unless api_cancel came first: HTTP status, the
	 * body in the service's protocol (borrowed), the AWS error code or NULL, the request id. */
	void (*on_reply)(int http_status, const char *body, size_t len, const char *err_type,
	    const char *request_id, void *cookie);
	void *cookie;
	const char *source_ip;  /* NULL: nobody knows */
	const char *user_agent; /* NULL */
	/* The header X-Localemu-Log-Cursor of a peer on our unix socket, which is one of our own:
	 * where the sender of these log events has got to. NULL where there is none. */
	const char *log_cursor;
	/* The request as it was signed; NULL: nobody can verify it (unit tests). */
	const struct sigv4_request *signature;
};

/* Makes the API over a store and a fleet, both of which outlive it. The caller owns it. */
struct api *api_new(
    struct loop *l, const struct config *config, struct store *store, struct fleet *fleet);
/* The same with one service instead of all that services.c lists, for tests. `service` outlives the
 * API.
 */
struct op_service;
struct api *api_new_with(struct loop *l, const struct config *config, struct store *store,
    struct fleet *fleet, const struct op_service *service);
void api_free(struct api *a);
/* What call_wish_networks leads to, before tasks start; nothing where it was never set. */
void api_on_networks(struct api *a, void (*fn)(void *cookie), void *cookie);

/* What call_wish_service leads to, once for each service; nothing where it was never set. */
void api_on_service(struct api *a,
    void (*fn)(const struct scope *sc, const char *cluster, const char *service, void *cookie),
    void *cookie);

/* A call of ECS that the daemon makes by itself, as the service scheduler does: `op` runs in a
 * transaction of its own with `args` (borrowed) as c->args and the principal given
 * ("ecs.amazonaws.com"), and what it wishes follows after COMMIT. Nobody gets a reply; CloudTrail
 * shows c->out as the answer and c->in, which the handler may fill, as the parameters. Returns 0,
 * or a negative errno with `e` filled and everything rolled back. */
int api_act(struct api *a, const struct scope *sc, const char *principal, const struct op *op,
    void *args, struct err *e);

/* Runs one request. Returns NULL when on_reply has already been called, else a handle for
 * api_cancel. */
struct call *api_request(struct api *a, const struct api_request *r);
/* The client of a held call is gone: it is forgotten, on_reply is not called. */
void api_cancel(struct call *c);
/* A task has changed (called by events): held calls look again. */
void api_task_changed(struct api *a, const char *task_id);
/* A service has changed otherwise than by a task: held calls that wait for no task look again. */
void api_service_changed(struct api *a);
/* Answers every held call now (the daemon stops). */
void api_answer_all(struct api *a);

/* The operation tables as JSON (--dump-api): {"services":{"ecs":{"operations":[{name, available,
 * write, settles, error, input}]}}}. The caller owns it. */
struct json_object *api_dump(void);

#endif
