/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One pass at a time: ask the Engine for its networks, make what the store wants and the Engine has
 * not, remove what is ours and nobody wants. Each pass starts from what is true then, so that a
 * lost reply does no harm. Called by main.c's wiring; it must not know tasks beyond their network.
 */
#include "daemon/vpc_network.h"

#include "common/json.h"
#include "common/log.h"
#include "daemon/config.h"
#include "daemon/engine_call.h"
#include "daemon/vpc/plan.h"
#include "proto/shim.pb-c.h"

#include <stdio.h>
#include <string.h>

#define RETRY_MIN_MS 250
#define RETRY_MAX_MS 5000
#define REQUEST_TIMEOUT_MS 30000
#define END_MAX_MS 15000

/* A task that waits. */
struct held {
	struct held *next;
	char vpc[EC2_ID_MAX];
	char task_id[33];
};

struct end_waiter {
	struct end_waiter *next;
	void (*done)(const struct err *e, void *cookie);
	void *cookie;
};

struct vpc_networks {
	struct loop *loop;
	const struct config *config;
	struct store *store;
	struct vpc_networks_callbacks cb;
	struct engine_call *call; /* under way, NULL: none */
	struct timer *retry;
	int64_t retry_ms;
	bool busy;  /* a pass is under way */
	bool again; /* another one is wanted after it */
	bool seen;  /* the Engine has answered once */
	bool failed;
	/* Of this pass: what the Engine has, what we asked for already, by VPC or network id. */
	struct json_object *list;
	struct json_object *tried;
	struct json_object *refused;  /* VPCs that the Engine made no network for, the last time */
	struct store_vpc_network now; /* what is being made */
	char removing[65];
	struct held *held;
	struct end_waiter *enders;
	int64_t end_deadline_ms;
};

static void pass_begin(void *arg);
static void pass_step(struct vpc_networks *v);
static void pass_end(struct vpc_networks *v);
static void on_list(const struct engine_call_reply *r, void *arg);
static void on_made(const struct engine_call_reply *r, void *arg);
static void on_removed(const struct engine_call_reply *r, void *arg);
static void release(struct vpc_networks *v, const char *vpc);

struct rows {
	struct store_vpc_network *v;
	size_t n;
};

static int
take_row(const struct store_vpc_network *n, void *arg)
{
	struct rows *rows = arg;

	rows->v = xrealloc(rows->v, rows->n + 1, sizeof(*rows->v));
	rows->v[rows->n++] = *n;
	return 0;
}

/* All rows; the array is the caller's. */
static struct rows
read_rows(struct vpc_networks *v)
{
	struct rows rows = { 0 };
	struct err e = { 0 };

	if (store_vpc_network_list(v->store, take_row, &rows, &e) < 0)
		log_err(NULL, NULL, "networks of VPCs cannot be read: %s", e.text);
	return rows;
}

static void
set_ready(struct vpc_networks *v, struct store_vpc_network *n, bool ready)
{
	struct err e = { 0 };

	if (n->ready == ready)
		return;
	n->ready = ready;
	if (store_vpc_network_put(v->store, n, &e) < 0)
		log_err("vpc", n->vpc, "its network is not noted: %s", e.text);
}

struct vpc_networks *
vpc_networks_new(struct loop *l, const struct config *config, struct store *store,
    const struct vpc_networks_callbacks *cb)
{
	struct vpc_networks *v = xcalloc(1, sizeof(*v));
	struct rows rows;

	*v = (struct vpc_networks){ .loop = l, .config = config, .store = store, .cb = *cb };
	v->retry_ms = RETRY_MIN_MS;
	v->refused = json_object_new_object();
	v->retry = timer_new(l, pass_begin, v);
	/* Nobody has looked yet; without a backend there is nothing to wait for. */
	rows = read_rows(v);
	for (size_t i = 0; i < rows.n; i++)
		set_ready(v, &rows.v[i], !config->docker_backend);
	free(rows.v);
	return v;
}

void
vpc_networks_free(struct vpc_networks *v)
{
	if (v == NULL)
		return;
	engine_call_free(v->call);
	timer_free(v->retry);
	json_object_put(v->list);
	json_object_put(v->tried);
	json_object_put(v->refused);
	for (struct held *h = v->held, *next; h != NULL; h = next) {
		next = h->next;
		free(h);
	}
	for (struct end_waiter *w = v->enders, *next; w != NULL; w = next) {
		next = w->next;
		free(w);
	}
	free(v);
}

void
vpc_networks_look(struct vpc_networks *v)
{
	if (!v->config->docker_backend)
		return;
	if (v->busy) {
		v->again = true;
		return;
	}
	timer_stop(v->retry);
	pass_begin(v);
}

/* --- one pass --- */

static void
ask(struct vpc_networks *v, const char *method, const char *url, const char *body,
    void (*on_done)(const struct engine_call_reply *r, void *arg))
{
	v->call = engine_call_send(
	    v->loop, &(struct engine_call_ask){ .socket_path = v->config->engine_socket,
			 .method = method,
			 .path = url,
			 .body = body,
			 .timeout_ms = REQUEST_TIMEOUT_MS,
			 .on_done = on_done,
			 .arg = v });
}

static void
pass_begin(void *arg)
{
	struct vpc_networks *v = arg;

	v->busy = true;
	v->again = v->failed = false;
	json_object_put(v->tried);
	v->tried = json_object_new_object();
	ask(v, "GET", "/networks", NULL, on_list);
}

static void
on_list(const struct engine_call_reply *r, void *arg)
{
	struct vpc_networks *v = arg;
	struct json_object *list = NULL;

	v->call = NULL;
	if (r->errnum != 0 || r->status != 200 || json_parse(r->body, r->len, &list, NULL) < 0 ||
	    !json_object_is_type(list, json_type_array)) {
		json_object_put(list);
		v->failed = true;
		pass_end(v);
		return;
	}
	json_object_put(v->list);
	v->list = list;
	v->seen = true;
	pass_step(v);
}

static const char *
label_of(struct json_object *network, const char *label)
{
	return json_get_str(json_get(network, "Labels"), label);
}

/* The VPC whose network this is, NULL where it is not one of this daemon. */
static const char *
own_vpc(const struct vpc_networks *v, struct json_object *network)
{
	if (!streq(label_of(network, "localemu.owner"), v->config->owner))
		return NULL;
	return label_of(network, "localemu.vpc-id");
}

static struct json_object *
find_network(const struct vpc_networks *v, const char *vpc)
{
	for (size_t i = 0; i < json_object_array_length(v->list); i++) {
		struct json_object *o = json_object_array_get_idx(v->list, i);

		if (streq(own_vpc(v, o), vpc))
			return o;
	}
	return NULL;
}

static struct json_object *
ranges_of(struct json_object *network)
{
	return json_get(json_get(network, "IPAM"), "Config");
}

static bool
has_range(struct json_object *network, const char *cidr)
{
	struct json_object *config = ranges_of(network);

	for (size_t i = 0; config != NULL && i < json_object_array_length(config); i++)
		if (streq(json_get_str(json_object_array_get_idx(config, i), "Subnet"), cidr))
			return true;
	return false;
}

/* The ranges of the networks that are not ours; the array is the caller's. */
static size_t
foreign_ranges(const struct vpc_networks *v, struct cidr **ret)
{
	size_t n = 0;

	*ret = NULL;
	for (size_t i = 0; i < json_object_array_length(v->list); i++) {
		struct json_object *o = json_object_array_get_idx(v->list, i);
		struct json_object *config = ranges_of(o);

		for (size_t k = 0; own_vpc(v, o) == NULL && config != NULL &&
				   k < json_object_array_length(config);
		     k++) {
			const char *text =
			    json_get_str(json_object_array_get_idx(config, k), "Subnet");
			struct cidr c;

			if (text == NULL || cidr_parse(text, &c) < 0)
				continue;
			*ret = xrealloc(*ret, n + 1, sizeof(**ret));
			(*ret)[n++] = c;
		}
	}
	return n;
}

static bool
was_tried(struct vpc_networks *v, const char *key)
{
	if (json_get(v->tried, key) != NULL)
		return true;
	json_add_bool(v->tried, key, true);
	return false;
}

/* A range that another network of the Engine has is known before the Engine refuses it. */
static int
check_range(struct vpc_networks *v, struct store_vpc_network *n, struct err *e)
{
	_cleanup_free_ struct cidr *taken = NULL;
	size_t count = foreign_ranges(v, &taken);
	struct cidr planned;

	if (cidr_parse(n->engine_cidr, &planned) < 0)
		return err_set(e, ERR_SERVER, "no range");
	for (size_t i = 0; i < count; i++)
		if (cidr_overlaps(&planned, &taken[i]))
			return vpc_plan_again(v->store, n, taken, count, e);
	return 0;
}

/* The body of POST /networks/create; the caller's. */
static char *
network_body(const struct vpc_networks *v, const struct store_vpc_network *n)
{
	_cleanup_json_ struct json_object *o = json_object_new_object();
	struct json_object *ipam = json_object_new_object(), *list = json_object_new_array();
	struct json_object *config = json_object_new_object(), *labels = json_object_new_object();
	_cleanup_free_ char *name = xasprintf("localemu-vpc-%s", n->vpc);
	char gateway[CIDR_TEXT_MAX] = "";
	struct cidr cidr = { 0 };

	(void)cidr_parse(n->engine_cidr, &cidr); /* we wrote it */
	json_add_str(o, "Name", name);
	json_add_bool(o, "CheckDuplicate", true);
	json_add_str(o, "Driver", "bridge");
	json_add_str(config, "Subnet", n->engine_cidr);
	json_add_str(config, "Gateway", address_print(cidr.base + 1, gateway));
	json_object_array_add(list, config);
	json_add(ipam, "Config", list);
	json_add(o, "IPAM", ipam);
	json_add_str(labels, "localemu.service", "ecs");
	json_add_str(labels, "localemu.owner", v->config->owner);
	json_add_str(labels, "localemu.vpc-id", n->vpc);
	json_add_str(labels, "localemu.account", n->scope.account);
	json_add_str(labels, "localemu.region", n->scope.region);
	json_add(o, "Labels", labels);
	return xstrdup(json_print(o));
}

/* True if a request is under way for this row. */
static bool
fulfil(struct vpc_networks *v, struct store_vpc_network *n)
{
	struct json_object *network = find_network(v, n->vpc);
	_cleanup_free_ char *body = NULL;
	struct err e = { 0 };

	if (network != NULL && has_range(network, n->engine_cidr)) {
		set_ready(v, n, true);
		release(v, n->vpc);
		return false;
	}
	if (was_tried(v, n->vpc))
		return false;
	if (network != NULL) { /* of another range, left by an earlier run: first it has to go */
		v->failed = true;
		return false;
	}
	if (check_range(v, n, &e) < 0) {
		log_err("vpc", n->vpc, "no network: %s", e.text);
		json_add_bool(v->refused, n->vpc, true);
		release(v, n->vpc);
		v->failed = true;
		return false;
	}
	v->now = *n;
	body = network_body(v, n);
	ask(v, "POST", "/networks/create", body, on_made);
	return true;
}

static void
on_made(const struct engine_call_reply *r, void *arg)
{
	struct vpc_networks *v = arg;
	_cleanup_json_ struct json_object *body = NULL;
	struct store_vpc_network now;

	v->call = NULL;
	if (r->errnum != 0) {
		v->failed = true;
		pass_end(v);
		return;
	}
	json_object_object_del(v->refused, v->now.vpc);
	if (r->status == 201) {
		if (streq(v->now.cidr, v->now.engine_cidr))
			log_info("vpc", v->now.vpc, "network made, %s", v->now.cidr);
		else
			log_warn("vpc", v->now.vpc,
			    "network made with %s in the place of %s, which is in use on this host",
			    v->now.engine_cidr, v->now.cidr);
		/* The row may have been deleted meanwhile: then the next pass removes the network.
		 */
		if (store_vpc_network_get(v->store, v->now.vpc, &now, NULL) == 1)
			set_ready(v, &now, true);
		else
			v->again = true;
	} else {
		(void)json_parse(r->body, r->len, &body, NULL);
		log_err("vpc", v->now.vpc, "the Engine makes no network: %s",
		    json_get_str(body, "message") != NULL ? json_get_str(body, "message")
							  : "no reason given");
		json_add_bool(v->refused, v->now.vpc, true);
		v->failed = true;
	}
	/* Where it was refused, the tasks say with the Engine's own words what is missing. */
	release(v, v->now.vpc);
	pass_step(v);
}

/* True if the removal of a network that nobody wants is under way. */
static bool
remove_leftover(struct vpc_networks *v, const struct rows *rows)
{
	for (size_t i = 0; i < json_object_array_length(v->list); i++) {
		struct json_object *o = json_object_array_get_idx(v->list, i);
		const char *vpc = own_vpc(v, o), *id = json_get_str(o, "Id");
		_cleanup_free_ char *url = NULL;
		bool wanted = false;

		if (vpc == NULL || id == NULL)
			continue;
		for (size_t k = 0; k < rows->n; k++)
			wanted = wanted || (streq(rows->v[k].vpc, vpc) &&
					       has_range(o, rows->v[k].engine_cidr));
		if (wanted || was_tried(v, id))
			continue;
		(void)snprintf(v->removing, sizeof(v->removing), "%s", id);
		url = xasprintf("/networks/%s", v->removing);
		ask(v, "DELETE", url, NULL, on_removed);
		return true;
	}
	return false;
}

static void
on_removed(const struct engine_call_reply *r, void *arg)
{
	struct vpc_networks *v = arg;

	v->call = NULL;
	/* 403: a container is still in it; a later pass finds it gone. */
	if (r->errnum != 0 || (r->status != 204 && r->status != 404))
		v->failed = true;
	if (r->errnum != 0)
		pass_end(v);
	else
		pass_step(v);
}

static void
pass_step(struct vpc_networks *v)
{
	struct rows rows = read_rows(v);
	bool asked = false;

	for (size_t i = 0; !asked && i < rows.n; i++)
		asked = fulfil(v, &rows.v[i]);
	if (!asked)
		asked = remove_leftover(v, &rows);
	free(rows.v);
	if (!asked)
		pass_end(v);
}

static void
tell_enders(struct vpc_networks *v, const struct err *e)
{
	struct end_waiter *w = TAKE(v->enders), *next;

	for (; w != NULL; w = next) {
		next = w->next;
		w->done(e, w->cookie);
		free(w);
	}
}

static void
pass_end(struct vpc_networks *v)
{
	struct err e;

	v->busy = false;
	if (v->again) {
		timer_set(v->retry, 0);
		return;
	}
	if (!v->failed) {
		v->retry_ms = RETRY_MIN_MS;
		tell_enders(v, NULL);
		return;
	}
	if (v->enders != NULL && (!v->seen || monotonic_ms() >= v->end_deadline_ms)) {
		(void)err_set(&e, ERR_SERVER, "networks of VPCs could not be removed");
		tell_enders(v, v->seen ? &e : NULL);
	}
	timer_set(v->retry, v->enders != NULL ? RETRY_MIN_MS : v->retry_ms);
	v->retry_ms = v->retry_ms * 2 < RETRY_MAX_MS ? v->retry_ms * 2 : RETRY_MAX_MS;
}

/* --- tasks that wait --- */

/* The VPC of a task, "" where it has no network of its own. */
static void
vpc_of(const struct store_task *t, char out[static EC2_ID_MAX])
{
	Shim__TaskSpec *spec = shim__task_spec__unpack(NULL, t->spec_len, t->spec);

	out[0] = '\0';
	if (spec != NULL && spec->network != NULL)
		(void)snprintf(out, EC2_ID_MAX, "%s", spec->network->vpc_id);
	shim__task_spec__free_unpacked(spec, NULL);
}

bool
vpc_networks_hold(struct vpc_networks *v, const struct store_task *t)
{
	struct store_vpc_network n = { 0 };
	char vpc[EC2_ID_MAX];
	struct held *h;

	if (!v->config->docker_backend || t->runner != RUNNER_SHIM)
		return false;
	vpc_of(t, vpc);
	if (vpc[0] == '\0' || json_get(v->refused, vpc) != NULL ||
	    store_vpc_network_get(v->store, vpc, &n, NULL) != 1 || n.ready)
		return false;
	for (h = v->held; h != NULL; h = h->next)
		if (streq(h->task_id, t->id))
			return true;
	h = xcalloc(1, sizeof(*h));
	memcpy(h->vpc, vpc, sizeof(h->vpc));
	memcpy(h->task_id, t->id, sizeof(h->task_id));
	h->next = v->held;
	v->held = h;
	return true;
}

/* The list is taken apart first: a callback may hold and look. */
static void
release(struct vpc_networks *v, const char *vpc)
{
	struct held *ready = NULL, **link = &v->held, *h;

	while ((h = *link) != NULL) {
		if (!streq(h->vpc, vpc)) {
			link = &h->next;
			continue;
		}
		*link = h->next;
		h->next = ready;
		ready = h;
	}
	while ((h = ready) != NULL) {
		ready = h->next;
		v->cb.on_go(h->task_id, v->cb.cookie);
		free(h);
	}
}

/* --- the end --- */

static void
on_nothing_to_end(void *arg)
{
	tell_enders(arg, NULL);
}

void
vpc_networks_end_all(
    struct vpc_networks *v, void (*done)(const struct err *e, void *cookie), void *cookie)
{
	struct end_waiter *w = xcalloc(1, sizeof(*w));
	struct rows rows = read_rows(v);
	struct err e = { 0 };

	*w = (struct end_waiter){ v->enders, done, cookie };
	v->enders = w;
	v->end_deadline_ms = monotonic_ms() + END_MAX_MS;
	for (size_t i = 0; i < rows.n; i++)
		if (store_vpc_network_delete(v->store, rows.v[i].vpc, &e) < 0)
			log_err("vpc", rows.v[i].vpc, "its network stays: %s", e.text);
	free(rows.v);
	if (v->config->docker_backend)
		vpc_networks_look(v);
	else
		loop_defer(v->loop, on_nothing_to_end, v);
}
