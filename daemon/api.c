/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every request goes through api_request from top to bottom; the one detour is a held reply, which
 * comes back through finish(). Called by http/; it knows operations only by their tables.
 */
#include "daemon/api.h"

#include "common/log.h"
#include "daemon/arn.h"
#include "daemon/config.h"
#include "daemon/fleet.h"
#include "daemon/services/identity.h"
#include "daemon/services/service.h"
#include "daemon/store/store.h"
#include "daemon/trail.h"
#include "daemon/store/task.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/queue.h>

struct entry {
	const char *name;
	const struct op *op; /* NULL: known, not available */
};

/* A service and its operations by name. */
struct served {
	const struct op_service *service;
	struct entry *entries; /* sorted by name */
	size_t n;
};

struct call_wish {
	enum task_wish wish;
	char task_id[33];
};

struct call_service_wish {
	char cluster[ARN_NAME_MAX];
	char service[ARN_NAME_MAX];
};

/* A call and what only this file needs of it. */
struct request {
	struct call call;                 /* first: api_cancel gets this pointer */
	const struct op_service *service; /* NULL: not one of ours */
	LIST_ENTRY(request) next;
	struct timer *deadline; /* NULL unless held */
	bool answered;          /* on_reply is being called or has been */
	bool look;              /* something that it waits for has changed */
	void (*on_reply)(int http_status, const char *body, size_t len, const char *err_type,
	    const char *request_id, void *cookie);
	void *cookie;
};
LIST_HEAD(request_list, request);

struct api {
	void (*on_networks)(void *cookie); /* may be NULL */
	void *on_networks_cookie;
	void (*on_service)(const struct scope *sc, const char *cluster, const char *service,
	    void *cookie); /* may be NULL */
	void *on_service_cookie;
	struct loop *loop;
	const struct config *config;
	struct store *store;
	struct fleet *fleet;
	struct identity *identity;
	struct served *served;
	size_t n_served;
	struct request_list held;
	struct timer
	    *look; /* held calls look again in the next turn, once for any number of changes */
};

static void on_look(void *arg);
static void on_deadline(void *arg);
static void finish(struct request *rq, int r);

/* --- the operations --- */

static int
compare_entries(const void *a, const void *b)
{
	return strcmp(((const struct entry *)a)->name, ((const struct entry *)b)->name);
}

/* All operations of a service by name; the caller owns the array. */
static struct entry *
list_entries(const struct op_service *service, size_t *ret_n)
{
	struct entry *entries;
	size_t n = service->n_unavailable;

	for (size_t t = 0; t < service->n_tables; t++)
		n += service->tables[t]->n;
	entries = xcalloc(n, sizeof(*entries));
	n = 0;
	for (size_t i = 0; i < service->n_unavailable; i++)
		entries[n++].name = service->unavailable[i];
	for (size_t t = 0; t < service->n_tables; t++)
		for (size_t i = 0; i < service->tables[t]->n; i++) {
			entries[n].op = &service->tables[t]->ops[i];
			entries[n].name = entries[n].op->name;
			n++;
		}
	qsort(entries, n, sizeof(*entries), compare_entries);
	*ret_n = n;
	return entries;
}

static struct api *
new_with(struct loop *l, const struct config *config, struct store *store, struct fleet *fleet,
    const struct op_service *const *list, size_t n)
{
	struct api *a = xcalloc(1, sizeof(*a));

	a->loop = l;
	a->config = config;
	a->store = store;
	a->fleet = fleet;
	a->identity = identity_new(config, store);
	a->served = xcalloc(n, sizeof(*a->served));
	a->n_served = n;
	for (size_t i = 0; i < n; i++) {
		a->served[i].service = list[i];
		a->served[i].entries = list_entries(list[i], &a->served[i].n);
	}
	a->look = timer_new(l, on_look, a);
	LIST_INIT(&a->held);
	return a;
}

struct api *
api_new(struct loop *l, const struct config *config, struct store *store, struct fleet *fleet)
{
	return new_with(l, config, store, fleet, services, n_services);
}

struct api *
api_new_with(struct loop *l, const struct config *config, struct store *store, struct fleet *fleet,
    const struct op_service *service)
{
	return new_with(l, config, store, fleet, &service, 1);
}

static const struct served *
find_service(const struct api *a, const char *name)
{
	for (size_t i = 0; i < a->n_served; i++)
		if (streq(name, a->served[i].service->name))
			return &a->served[i];
	return NULL;
}

static int
find_op(const struct served *sv, const char *operation, const struct op **ret, struct err *e)
{
	const struct entry key = { .name = operation };
	const struct entry *found = NULL;

	if (sv != NULL && operation != NULL)
		found = bsearch(&key, sv->entries, sv->n, sizeof(key), compare_entries);
	if (found == NULL)
		return err_set(e, ERR_UNKNOWN_OPERATION, "The operation %.100s is not known.",
		    operation != NULL ? operation : "");
	if (found->op == NULL)
		return err_set(e, ERR_NOT_AVAILABLE,
		    "The operation %s is part of %s but is not available in localemu-ecs yet.",
		    found->name, sv->service->full_name);
	*ret = found->op;
	return 0;
}

/* --- what handlers call --- */

void
call_wish(struct call *c, enum task_wish wish, const char *task_id)
{
	struct call_wish *w;

	/* Doubles at every power of two. */
	if ((c->n_wishes & (c->n_wishes - 1)) == 0)
		c->wishes =
		    xrealloc(c->wishes, c->n_wishes > 0 ? 2 * c->n_wishes : 1, sizeof(*c->wishes));
	w = &c->wishes[c->n_wishes++];
	w->wish = wish;
	(void)snprintf(w->task_id, sizeof(w->task_id), "%s", task_id);
}

void
call_wish_service(struct call *c, const char *cluster, const char *service)
{
	struct call_service_wish *w;

	for (size_t i = 0; i < c->n_service_wishes; i++) {
		w = &c->service_wishes[i];
		if (streq(w->cluster, cluster) && streq(w->service, service))
			return;
	}
	if ((c->n_service_wishes & (c->n_service_wishes - 1)) == 0)
		c->service_wishes = xrealloc(c->service_wishes,
		    c->n_service_wishes > 0 ? 2 * c->n_service_wishes : 1,
		    sizeof(*c->service_wishes));
	w = &c->service_wishes[c->n_service_wishes++];
	(void)snprintf(w->cluster, sizeof(w->cluster), "%s", cluster);
	(void)snprintf(w->service, sizeof(w->service), "%s", service);
}

void
call_wish_networks(struct call *c)
{
	c->wishes_networks = true;
}

bool
call_lenient(const struct call *c)
{
	return !c->config->strict;
}

/* --- one request --- */

static void
call_init(struct call *c, struct api *a, const struct scope *sc)
{
	c->api = a;
	c->config = a->config;
	c->store = a->store;
	c->fleet = a->fleet;
	c->scope = *sc;
	c->now_ms = now_ms();
	random_uuid(c->request_id);
}

static void
call_done(struct call *c)
{
	json_object_put(c->in);
	json_object_put(c->out);
	json_object_put(c->err_members);
	free(c->wishes);
	free(c->service_wishes);
	arena_done(&c->arena);
}

static struct request *
request_new(struct api *a, const struct api_request *r)
{
	struct request *rq = xcalloc(1, sizeof(*rq));
	struct call *c = &rq->call;

	call_init(c, a, &r->scope);
	(void)snprintf(
	    c->access_key, sizeof(c->access_key), "%s", r->access_key != NULL ? r->access_key : "");
	(void)snprintf(
	    c->source_ip, sizeof(c->source_ip), "%s", r->source_ip != NULL ? r->source_ip : "");
	(void)snprintf(
	    c->user_agent, sizeof(c->user_agent), "%s", r->user_agent != NULL ? r->user_agent : "");
	c->log_cursor = r->log_cursor;
	rq->on_reply = r->on_reply;
	rq->cookie = r->cookie;
	return rq;
}

static void
request_free(struct request *rq)
{
	timer_free(rq->deadline);
	call_done(&rq->call);
	free(rq);
}

static int
identify(struct request *rq, const struct api_request *r)
{
	const struct op_service *sv = rq->service;
	const struct identity_question q = {
		.request = r->signature,
		.access_key = rq->call.access_key,
		.service = sv != NULL ? sv->name : "",
		.wire = sv != NULL ? sv->wire : WIRE_JSON,
		.now_ms = rq->call.now_ms,
	};

	return identity_check(rq->call.api->identity, &q, &rq->call, &rq->call.err);
}

static int
read_input(struct request *rq, const struct api_request *r)
{
	struct call *c = &rq->call;
	const struct schema *input = c->op->input;
	enum err_kind bad = c->op->bad_input != ERR_NONE ? c->op->bad_input : ERR_INVALID_PARAMETER;
	int ret;

	if (c->op->read != NULL) {
		c->args = arena_alloc(&c->arena, input->size);
		if (c->op->read(c, r->body, r->body_len))
			return 0;
	}
	ret = protocol_read(rq->service->wire, input, r->body, r->body_len, &c->in, &c->err);
	if (ret < 0 || input == NULL)
		return ret;
	c->args = arena_alloc(&c->arena, input->size);
	return schema_bind(input, c->in, c->args, &c->arena, bad, &c->err);
}

/* A handler that fails without a word is our own fault. */
static int
checked(struct call *c, int r)
{
	if (r < 0 && c->err.kind == ERR_NONE)
		return err_set(&c->err, ERR_SERVER, "internal failure %d", -r);
	return r < 0 ? r : 0;
}

/* A write that failed is told of in a transaction of its own: nothing else of it is left. */
static void
record_failure(struct call *c, enum wire wire)
{
	struct err e = { 0 };
	int r;

	if ((c->op->flags & OP_NO_TRAIL) != 0)
		return;
	r = store_begin(c->store, &e);
	if (r == 0) {
		r = trail_add(c, protocol_error_code(wire, &c->err), &e);
		if (r == 0)
			r = store_commit(c->store, &e);
		else
			store_rollback(c->store);
	}
	if (r < 0)
		log_err(
		    "request", c->request_id, "%s: no CloudTrail record: %s", c->op->name, e.text);
}

/* Runs, records and commits, or leaves nothing. */
static int
write_in_transaction(struct call *c)
{
	int r;

	r = checked(c, store_begin(c->store, &c->err));
	if (r < 0)
		return r;
	r = checked(c, c->op->run(c));
	if (r == 0 && (c->op->flags & OP_NO_TRAIL) == 0)
		r = checked(c, trail_add(c, NULL, &c->err));
	if (r < 0) {
		store_rollback(c->store);
		return r;
	}
	r = checked(c, store_commit(c->store, &c->err));
	if (r < 0)
		c->err.kind = ERR_SERVER;
	return r;
}

static int
run_in_transaction(struct call *c, enum wire wire)
{
	int r;

	if ((c->op->flags & OP_WRITE) == 0)
		return checked(c, c->op->run(c));
	r = write_in_transaction(c);
	if (r < 0)
		record_failure(c, wire);
	return r;
}

/* Documents of the store are text inside an answer: who wants to look into it reads it as a client
 * would. */
static int
reread(struct call *c, struct json_object **ret)
{
	const char *text = json_print(c->out);

	return json_parse(text, strlen(text), ret, &c->err);
}

int
call_run(struct call *c, const char *service, const char *operation, struct json_object *in,
    struct json_object **ret)
{
	const struct served *sv = find_service(c->api, service);
	const struct call outer = *c;
	int r;

	c->in = in;
	c->out = json_object_new_object();
	c->service = service;
	r = find_op(sv, operation, &c->op, &c->err);
	if (r == 0 && c->op->input != NULL) {
		c->args = arena_alloc(&c->arena, c->op->input->size);
		r = schema_bind(
		    c->op->input, in, c->args, &c->arena, ERR_INVALID_PARAMETER, &c->err);
	}
	if (r == 0)
		r = checked(c, c->op->run(c));
	if (r == 0)
		r = reread(c, ret);
	json_object_put(c->out);
	json_object_put(c->in);
	c->op = outer.op;
	c->service = outer.service;
	c->in = outer.in;
	c->args = outer.args;
	c->out = outer.out;
	c->settle_arg = outer.settle_arg;
	return r;
}

/* What is committed is promised: a message that cannot be sent now is made up for by the reconcile
 * at start. */
static void
send_task_wishes(struct call *c)
{
	for (size_t i = 0; i < c->n_wishes; i++) {
		_cleanup_(store_task_done) struct store_task t = { 0 };
		struct err e = { 0 };
		int r = store_task_get(c->store, c->wishes[i].task_id, &t, &e);

		if (r < 0)
			log_err("task", c->wishes[i].task_id, "cannot be read: %s", e.text);
		if (r <= 0)
			continue;
		switch (c->wishes[i].wish) {
		case TASK_WISH_START:
			fleet_start(c->api->fleet, &t);
			break;
		case TASK_WISH_STOP:
			fleet_stop(c->api->fleet, &t);
			break;
		}
	}
}

static void
send_wishes(struct call *c)
{
	if (c->wishes_networks && c->api->on_networks != NULL)
		c->api->on_networks(c->api->on_networks_cookie);
	send_task_wishes(c);
	/* Last: the scheduler is told of a service, tasks of it that start are on their way. */
	for (size_t i = 0; i < c->n_service_wishes && c->api->on_service != NULL; i++)
		c->api->on_service(&c->scope, c->service_wishes[i].cluster,
		    c->service_wishes[i].service, c->api->on_service_cookie);
}

static bool
may_hold(const struct call *c)
{
	return (c->op->flags & OP_SETTLES) != 0 && c->config->settle_ms > 0 &&
	       config_kind(c->config, KIND_SETTLE);
}

/* Replaces the reply by what is true now. */
static int
answer_anew(struct call *c)
{
	json_object_put(c->out);
	c->out = json_object_new_object();
	return checked(c, c->op->answer(c));
}

struct call *
api_request(struct api *a, const struct api_request *r)
{
	struct request *rq = request_new(a, r);
	struct call *c = &rq->call;
	const struct served *sv = find_service(a, r->service);
	int ret;

	rq->service = sv != NULL ? sv->service : NULL;
	c->service = sv != NULL ? sv->service->name : "";
	if (sv != NULL && sv->service->global)
		(void)snprintf(c->scope.region, sizeof(c->scope.region), "%s-global",
		    arn_partition(r->scope.region));
	ret = identify(rq, r);
	if (ret == 0)
		ret = find_op(sv, r->operation, &c->op, &c->err);
	if (ret == 0)
		ret = read_input(rq, r);
	if (ret == 0) {
		c->out = json_object_new_object();
		ret = run_in_transaction(c, rq->service->wire);
	}
	if (ret < 0) {
		finish(rq, ret);
		return NULL;
	}
	send_wishes(c);
	if (may_hold(c)) {
		if (!c->op->settled(c)) {
			rq->deadline = timer_new(a->loop, on_deadline, rq);
			timer_set(rq->deadline, a->config->settle_ms);
			LIST_INSERT_HEAD(&a->held, rq, next);
			return c;
		}
		ret = answer_anew(c);
	}
	finish(rq, ret);
	return NULL;
}

static char *
print_reply(struct request *rq, bool failed, const char **ret_code, int *ret_status)
{
	struct call *c = &rq->call;
	enum wire wire = rq->service != NULL ? rq->service->wire : WIRE_JSON;
	struct protocol_frame frame = { .wire = wire, .request_id = c->request_id };

	*ret_code = NULL;
	*ret_status = 200;
	if (!failed && rq->service != NULL) {
		frame.operation = c->op->name;
		frame.xmlns = rq->service->xmlns;
		frame.no_result = (c->op->flags & OP_NO_RESULT) != 0;
		return protocol_print(&frame, c->out);
	}
	if (c->err.kind == ERR_SERVER)
		log_err("request", c->request_id, "%s: %s", c->op != NULL ? c->op->name : "?",
		    c->err.text);
	*ret_code = protocol_error_code(wire, &c->err);
	*ret_status = protocol_error_status(wire, &c->err);
	return protocol_print_error(
	    wire, *ret_status, *ret_code, c->err.text, c->request_id, c->err_members);
}

/* The only place that replies. `rq` is gone afterwards. */
static void
finish(struct request *rq, int r)
{
	_cleanup_free_ char *body = NULL;
	const char *code;
	int status;

	if (rq->deadline != NULL)
		LIST_REMOVE(rq, next);
	rq->answered = true;
	body = print_reply(rq, r < 0, &code, &status);
	rq->on_reply(status, body, strlen(body), code, rq->call.request_id, rq->cookie);
	request_free(rq);
}

int
api_act(struct api *a, const struct scope *sc, const char *principal, const struct op *op,
    void *args, struct err *e)
{
	struct call c = { .op = op, .args = args, .service = "ecs" };
	int r;

	call_init(&c, a, sc);
	(void)snprintf(c.principal_arn, sizeof(c.principal_arn), "%s", principal);
	(void)snprintf(c.principal_id, sizeof(c.principal_id), "%s", principal);
	c.out = json_object_new_object();
	r = run_in_transaction(&c, WIRE_JSON);
	if (r == 0)
		send_wishes(&c);
	else
		*e = c.err;
	call_done(&c);
	return r;
}

/* --- held calls --- */

static void
on_deadline(void *arg)
{
	struct request *rq = arg;

	finish(rq, answer_anew(&rq->call));
}

/* A call that started tasks waits for those, any other for whatever its `settled` finds in the
 * store. With many calls held, most changes are none of a call's business. */
static bool
waits_for(const struct call *c, const char *task_id)
{
	bool started = false;

	for (size_t i = 0; i < c->n_wishes; i++) {
		if (c->wishes[i].wish != TASK_WISH_START)
			continue;
		if (task_id != NULL && strcmp(c->wishes[i].task_id, task_id) == 0)
			return true;
		started = true;
	}
	return !started;
}

/* NULL: something else than a task has changed. */
static void
look_again(struct api *a, const char *task_id)
{
	struct request *rq;

	LIST_FOREACH(rq, &a->held, next)
	{
		if (rq->look || !waits_for(&rq->call, task_id))
			continue;
		rq->look = true;
		if (!timer_pending(a->look))
			timer_set(a->look, 0);
	}
}

void
api_task_changed(struct api *a, const char *task_id)
{
	look_again(a, task_id);
}

void
api_service_changed(struct api *a)
{
	look_again(a, NULL);
}

/* A reply may bring new requests and cancel held ones, so every search starts at the front. */
static struct request *
next_to_look(const struct api *a)
{
	struct request *rq;

	LIST_FOREACH(rq, &a->held, next)
	{
		if (rq->look)
			return rq;
	}
	return NULL;
}

static void
on_look(void *arg)
{
	struct api *a = arg;
	struct request *rq;

	while ((rq = next_to_look(a)) != NULL) {
		rq->look = false;
		if (rq->call.op->settled(&rq->call))
			finish(rq, answer_anew(&rq->call));
	}
}

void
api_on_service(struct api *a,
    void (*fn)(const struct scope *sc, const char *cluster, const char *service, void *cookie),
    void *cookie)
{
	a->on_service = fn;
	a->on_service_cookie = cookie;
}

void
api_on_networks(struct api *a, void (*fn)(void *cookie), void *cookie)
{
	a->on_networks = fn;
	a->on_networks_cookie = cookie;
}

void
api_answer_all(struct api *a)
{
	struct request *rq;

	while ((rq = LIST_FIRST(&a->held)) != NULL)
		finish(rq, answer_anew(&rq->call));
}

void
api_cancel(struct call *c)
{
	struct request *rq = (struct request *)c;

	if (c == NULL || rq->answered)
		return;
	LIST_REMOVE(rq, next);
	request_free(rq);
}

void
api_free(struct api *a)
{
	if (a == NULL)
		return;
	while (!LIST_EMPTY(&a->held))
		api_cancel(&LIST_FIRST(&a->held)->call);
	timer_free(a->look);
	for (size_t i = 0; i < a->n_served; i++)
		free(a->served[i].entries);
	free(a->served);
	identity_free(a->identity);
	free(a);
}

/* --- --dump-api --- */

static struct json_object *
dump_entry(const struct entry *entry)
{
	struct json_object *o = json_object_new_object();
	const struct op *op = entry->op;

	json_add_str(o, "name", entry->name);
	json_add_bool(o, "available", op != NULL);
	if (op == NULL)
		return o;
	json_add_bool(o, "write", (op->flags & OP_WRITE) != 0);
	json_add_bool(o, "settles", (op->flags & OP_SETTLES) != 0);
	json_add_str(o, "error",
	    err_type(op->bad_input != ERR_NONE ? op->bad_input : ERR_INVALID_PARAMETER));
	if (op->input != NULL)
		json_add(o, "input", schema_dump(op->input));
	return o;
}

static void
dump_streamed(const char *name, bool available, void *arg)
{
	struct json_object *o = json_object_new_object();

	json_add_str(o, "name", name);
	json_add_bool(o, "available", available);
	if (json_object_array_add(arg, o) != 0)
		abort();
}

static struct json_object *
dump_service(const struct op_service *sv)
{
	struct json_object *service = json_object_new_object();
	struct json_object *operations = json_object_new_array();
	_cleanup_free_ struct entry *entries = NULL;
	size_t n = 0;

	entries = list_entries(sv, &n);
	for (size_t i = 0; i < n; i++)
		if (json_object_array_add(operations, dump_entry(&entries[i])) != 0)
			abort();
	if (sv->streamed != NULL)
		sv->streamed(dump_streamed, operations);
	json_add_str(service, "name", sv->full_name);
	json_add(service, "operations", operations);
	return service;
}

struct json_object *
api_dump(void)
{
	struct json_object *root = json_object_new_object();
	struct json_object *all = json_object_new_object();

	for (size_t i = 0; i < n_services; i++)
		json_add(all, services[i]->name, dump_service(services[i]));
	json_add(root, "services", all);
	return root;
}
