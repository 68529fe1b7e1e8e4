/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The task's state machine: the matrix, the one function that writes the state, and the conclusions
 * from what the containers do. Actions are in actions.c. It must not know how the state gets to the
 * daemon.
 */
#include "shim/task.h"
#include "common/log.h"

#include <string.h>

#define PATIENCE_MS (2 * 60 * 1000)

/* clang-format off */
#define STAY(state)     { NULL, (state), true }
#define GO(act, state)  { (act), (state), true }
const struct task_cell task_matrix[TASK_STATE_MAX][EV_MAX] = {
	[TASK_PROVISIONING] = {
		[EV_BEGIN]         = GO(act_provision,   TASK_PROVISIONING),
		[EV_PROVISIONED]   = GO(act_launch,      TASK_PENDING),
		[EV_CHANGED]       = STAY(TASK_PROVISIONING),
		[EV_STOP]          = GO(act_halt,        TASK_STOPPING),
		[EV_FAIL]          = GO(act_halt,        TASK_STOPPING),
		[EV_EXIT]          = GO(act_halt,        TASK_STOPPING),
		[EV_DOWN]          = GO(act_deprovision, TASK_DEPROVISIONING),
	},
	[TASK_PENDING] = {
		[EV_BEGIN]         = GO(act_launch,      TASK_PENDING),
		[EV_CHANGED]       = GO(act_launch,      TASK_PENDING),
		[EV_UP]            = GO(act_activate,    TASK_ACTIVATING),
		[EV_STOP]          = GO(act_halt,        TASK_STOPPING),
		[EV_FAIL]          = GO(act_halt,        TASK_STOPPING),
		[EV_EXIT]          = GO(act_halt,        TASK_STOPPING),
		[EV_DOWN]          = GO(act_deprovision, TASK_DEPROVISIONING),
	},
	[TASK_ACTIVATING] = {
		[EV_BEGIN]         = GO(act_activate,    TASK_ACTIVATING),
		[EV_CHANGED]       = GO(act_launch,      TASK_ACTIVATING),
		[EV_ACTIVATED]     = GO(act_launch,      TASK_RUNNING),
		[EV_STOP]          = GO(act_deactivate,  TASK_DEACTIVATING),
		[EV_FAIL]          = GO(act_deactivate,  TASK_DEACTIVATING),
		[EV_EXIT]          = GO(act_deactivate,  TASK_DEACTIVATING),
		[EV_DOWN]          = GO(act_deactivate,  TASK_DEACTIVATING),
	},
	[TASK_RUNNING] = {
		[EV_BEGIN]         = GO(act_launch,      TASK_RUNNING),
		[EV_CHANGED]       = GO(act_launch,      TASK_RUNNING),
		[EV_STOP]          = GO(act_deactivate,  TASK_DEACTIVATING),
		[EV_FAIL]          = GO(act_deactivate,  TASK_DEACTIVATING),
		[EV_EXIT]          = GO(act_deactivate,  TASK_DEACTIVATING),
		[EV_DOWN]          = GO(act_deactivate,  TASK_DEACTIVATING),
	},
	[TASK_DEACTIVATING] = {
		[EV_BEGIN]         = GO(act_deactivate,  TASK_DEACTIVATING),
		[EV_CHANGED]       = STAY(TASK_DEACTIVATING),
		[EV_STOP]          = STAY(TASK_DEACTIVATING),
		[EV_FAIL]          = STAY(TASK_DEACTIVATING),
		[EV_EXIT]          = STAY(TASK_DEACTIVATING),
		[EV_DOWN]          = STAY(TASK_DEACTIVATING),
		[EV_DEACTIVATED]   = GO(act_halt,        TASK_STOPPING),
	},
	[TASK_STOPPING] = {
		[EV_BEGIN]         = GO(act_halt,        TASK_STOPPING),
		[EV_CHANGED]       = GO(act_halt,        TASK_STOPPING),
		[EV_STOP]          = STAY(TASK_STOPPING),
		[EV_FAIL]          = STAY(TASK_STOPPING),
		[EV_EXIT]          = STAY(TASK_STOPPING),
		[EV_DOWN]          = GO(act_deprovision, TASK_DEPROVISIONING),
	},
	[TASK_DEPROVISIONING] = {
		[EV_BEGIN]         = GO(act_deprovision, TASK_DEPROVISIONING),
		[EV_CHANGED]       = STAY(TASK_DEPROVISIONING),
		[EV_STOP]          = STAY(TASK_DEPROVISIONING),
		[EV_FAIL]          = STAY(TASK_DEPROVISIONING),
		[EV_EXIT]          = STAY(TASK_DEPROVISIONING),
		[EV_DOWN]          = STAY(TASK_DEPROVISIONING),
		[EV_DEPROVISIONED] = GO(act_clean,       TASK_STOPPED),
	},
	[TASK_STOPPED] = {
		[EV_BEGIN]         = GO(act_clean,       TASK_STOPPED),
		[EV_CHANGED]       = STAY(TASK_STOPPED),
		[EV_STOP]          = STAY(TASK_STOPPED),
	},
};

static const char *const event_names[EV_MAX] = {
	[EV_BEGIN]         = "BEGIN",
	[EV_PROVISIONED]   = "PROVISIONED",
	[EV_CHANGED]       = "CHANGED",
	[EV_UP]            = "UP",
	[EV_ACTIVATED]     = "ACTIVATED",
	[EV_STOP]          = "STOP",
	[EV_FAIL]          = "FAIL",
	[EV_EXIT]          = "EXIT",
	[EV_DEACTIVATED]   = "DEACTIVATED",
	[EV_DOWN]          = "DOWN",
	[EV_DEPROVISIONED] = "DEPROVISIONED",
};
/* clang-format on */

static void on_patience_end(void *arg);
static void task_step(struct task *t, enum task_event ev);
static void stamp(struct task *t);
static void conclude(struct task *t);

const char *
task_event_name(enum task_event ev)
{
	return ev < EV_MAX ? event_names[ev] : "";
}

static void
open_endpoint(struct task *t, const char *runtime_dir)
{
	_cleanup_free_ char *api = xasprintf("%s/api.sock", runtime_dir != NULL ? runtime_dir : "");

	t->endpoint = endpoint_new(t->loop, t);
	t->proxy = proxy_new(t->loop, api);
	t->aws = aws_new(t->loop, api, t->plan.region, t->plan.account);
	t->net = net_new(t->loop, t->id, t->n, t->endpoint, t->proxy);
}

int
task_new(struct loop *l, struct engine *engine, const struct plan_input *in,
    void (*announce)(struct task *t, void *cookie), void *cookie, struct task **ret, struct err *e)
{
	struct task *t = xcalloc(1, sizeof(*t));
	int r = plan_build(in, &t->plan, e);

	t->loop = l;
	t->engine = engine;
	t->announce = announce;
	t->cookie = cookie;
	t->id = xstrdup(in->task_id);
	t->arn = xstrdup(in->task_arn);
	t->gate_parent = xstrdup(in->gate_parent);
	t->init_path = xstrdup(in->init_path);
	t->n = t->plan.n;
	open_endpoint(t, in->runtime_dir);
	t->containers = xcalloc(t->n, sizeof(*t->containers));
	for (size_t i = 0; i < t->n; i++)
		container_init(&t->containers[i], t, i, t->plan.containers[i].def->name,
		    &t->plan.containers[i]);
	t->state = t->plan.def.network_mode == NETWORK_AWSVPC ? TASK_PROVISIONING : TASK_PENDING;
	t->patience = timer_new(l, on_patience_end, t);
	*ret = t;
	return r;
}

void
task_free(struct task *t)
{
	if (t == NULL)
		return;
	for (size_t i = 0; i < t->n; i++)
		container_done(&t->containers[i]);
	net_free(t->net);
	endpoint_free(t->endpoint);
	proxy_free(t->proxy);
	resources_free(t->resources);
	aws_free(t->aws);
	timer_free(t->patience);
	timer_free(t->clean_timer);
	timer_free(t->sync_timer);
	timer_free(t->logs_timer);
	plan_done(&t->plan);
	credentials_done(&t->credentials);
	credentials_done(&t->execution_credentials);
	free(t->containers);
	free(t->stop_code);
	free(t->stopped_reason);
	free(t->init_path);
	free(t->gate_parent);
	free(t->arn);
	free(t->id);
	free(t);
}

/* In host mode the endpoint's address is known, and goes into the environment, before any container
 * is created. */
static void
open_on_host(struct task *t)
{
	struct err e = { 0 };
	char *token = NULL;
	uint16_t port = 0;

	if (t->n == 0 || t->plan.def.network_mode != NETWORK_HOST || t->cleaned_up)
		return;
	if (net_open_host(t->net, t->gate_parent, &port, &token, &e) < 0) {
		_cleanup_free_ char *reason = xasprintf("ResourceInitializationError: %s", e.text);

		log_err("task", t->id, "%s", e.text);
		task_refuse(t, reason);
		return;
	}
	plan_set_endpoint(&t->plan, port, token);
	free(token);
}

void
task_begin(struct task *t)
{
	_cleanup_free_ char *label = xasprintf(TASK_LABEL "=%s", t->arn);

	open_on_host(t);
	timer_set(t->patience, PATIENCE_MS);
	engine_watch(t->engine, label, now_ms());
	task_run(t);
}

/* A task that never got as far as a container does not wait for an Engine for ever. */
static void
on_patience_end(void *arg)
{
	struct task *t = arg;
	_cleanup_free_ char *text = engine_away_text(t->engine);

	if (engine_is_up(t->engine) || t->maybe_present)
		return;
	for (size_t i = 0; i < t->n; i++)
		if (t->containers[i].phase != PHASE_STOPPED)
			container_fail(&t->containers[i], "CannotCreateContainerError", text);
	task_run(t);
}

static void
decide_stop(struct task *t, const char *code, const char *reason, int64_t when_ms)
{
	if (t->desired_stopped)
		return;
	t->desired_stopped = true;
	t->stop_code = xstrdup(code);
	t->stopped_reason = xstrndup(reason, ERR_TEXT_MAX - 1);
	t->times.stopping = when_ms > t->times.started ? when_ms : t->times.started;
	task_touch(t);
}

void
task_stop(struct task *t, const char *code, const char *reason)
{
	decide_stop(t, code, reason, now_ms());
	task_post(t, EV_STOP);
	task_run(t);
}

void
task_set_credentials(struct task *t, bool execution_role, const struct credentials *c)
{
	credentials_set(execution_role ? &t->execution_credentials : &t->credentials, c);
	for (size_t i = 0; !execution_role && i < t->n; i++)
		arrival_pass(&t->containers[i]);
	if (execution_role) {
		resources_go_on(t);
		task_post(t, EV_CHANGED); /* a log stream may wait for them */
		task_run(t);
	}
}

/* The Engine's proxy, or its rule, makes a caller on the host look like the gateway. */
void
task_set_firewall(struct task *t, const struct firewall *f)
{
	_cleanup_arena_ struct arena a = { 0 };
	_cleanup_free_ char *resolvers = firewall_resolvers();
	_cleanup_free_ char *first = NULL;
	_cleanup_free_ char *again = NULL;
	struct firewall_host host = { 0 };
	struct firewall_port *ports;
	size_t n = 0;

	for (size_t i = 0; i < t->n; i++)
		n += t->plan.containers[i].n_ports;
	host.ports = ports = arena_alloc(&a, (n + 1) * sizeof(*ports));
	for (size_t i = 0; i < t->n; i++)
		for (size_t k = 0; k < t->plan.containers[i].n_ports; k++) {
			const struct plan_port *p = &t->plan.containers[i].ports[k];

			ports[host.n_ports++] = (struct firewall_port){
				.protocol = p->protocol,
				.first = p->container_first,
				.last = p->container_last,
			};
		}
	if (t->plan.host_enters)
		host.address = t->plan.network.gateway;
	first = firewall_text(f, &host, resolvers, true);
	again = firewall_text(f, &host, resolvers, false);
	net_set_filter(t->net, first, again);
}

void
task_refuse(struct task *t, const char *error)
{
	decide_stop(t, "TaskFailedToStart", error, now_ms());
	task_post(t, EV_FAIL);
	task_run(t);
}

void
task_touch(struct task *t)
{
	t->dirty = true;
}

void
task_post(struct task *t, enum task_event ev)
{
	t->posted |= BIT(ev);
}

static bool
take_posted(struct task *t, enum task_event *ret)
{
	for (unsigned ev = 0; ev < EV_MAX; ev++) {
		if ((t->posted & BIT(ev)) == 0)
			continue;
		t->posted &= ~BIT(ev);
		*ret = (enum task_event)ev;
		return true;
	}
	return false;
}

void
task_run(struct task *t)
{
	enum task_event ev;

	if (t->stepping)
		return;
	t->stepping = true;
	while (conclude(t), take_posted(t, &ev))
		task_step(t, ev);
	t->stepping = false;
	if (!t->dirty)
		return;
	t->dirty = false;
	t->seq++;
	t->announce(t, t->cookie);
}

/* The only writer of the state. */
static void
task_step(struct task *t, enum task_event ev)
{
	const struct task_cell *cell = &task_matrix[t->state][ev];

	if (!cell->legal) {
		log_warn("task", t->id, "%s refused in %s", task_event_name(ev),
		    task_state_name(t->state));
		return;
	}
	if (cell->next != t->state) {
		log_debug("task", t->id, "%s: %s -> %s", task_event_name(ev),
		    task_state_name(t->state), task_state_name(cell->next));
		t->state = cell->next;
		stamp(t);
		task_touch(t);
	}
	if (cell->act != NULL)
		cell->act(t);
}

static int64_t
later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* The times that belong to a state. They are those of the containers where these are known, so that
 * a task that was adopted after its end has the true ones; and they never go back. */
static void
stamp(struct task *t)
{
	struct task_times *at = &t->times;
	int64_t when = 0;

	if (t->state == TASK_RUNNING && at->started == 0) {
		for (size_t i = 0; i < t->n; i++)
			when = later(when, t->containers[i].started_ms);
		at->started =
		    later(later(when != 0 ? when : now_ms(), at->pull_stopped), at->connectivity);
	}
	if (t->state == TASK_STOPPED && at->stopped == 0) {
		for (size_t i = 0; i < t->n; i++)
			when = later(when, t->containers[i].stopped_ms);
		at->stopped =
		    later(when != 0 ? when : now_ms(), later(at->stopping, at->execution_stopped));
	}
}

/* What the containers' phases mean for the task, as events. */
static void
conclude(struct task *t)
{
	bool all_stopped = true, all_settled = true, one_running = false;

	for (size_t i = 0; i < t->n; i++) {
		struct container *c = &t->containers[i];

		all_stopped = all_stopped && c->phase == PHASE_STOPPED;
		all_settled = all_settled && c->phase >= PHASE_RUNNING;
		one_running = one_running || (c->phase == PHASE_RUNNING && !c->plan->sandbox);
		if (c->phase != PHASE_STOPPED || !c->plan->essential)
			continue;
		if (!c->failed && t->times.execution_stopped == 0) {
			t->times.execution_stopped = later(c->stopped_ms, t->times.started);
			task_touch(t);
		}
		if (t->desired_stopped)
			continue;
		if (c->failed) {
			decide_stop(t, "TaskFailedToStart",
			    t->plan.fargate || c->plan->sandbox ? c->reason
								: "Task failed to start",
			    c->stopped_ms);
			task_post(t, EV_FAIL);
		} else {
			decide_stop(t, "EssentialContainerExited",
			    "Essential container in task exited", c->stopped_ms);
			task_post(t, EV_EXIT);
		}
	}
	if (all_stopped && !t->down) {
		t->down = true;
		decide_stop(
		    t, "EssentialContainerExited", "Essential container in task exited", now_ms());
		task_post(t, EV_DOWN);
	} else if (all_settled && one_running && t->state == TASK_PENDING && !t->desired_stopped) {
		task_post(t, EV_UP);
	}
}

bool
task_has_credentials(const struct task *t)
{
	return t->plan.credentials_id == NULL || streq(t->credentials.id, t->plan.credentials_id);
}

bool
task_may_open(const struct task *t, const struct container *c)
{
	return !t->desired_stopped && (c->phase == PHASE_STARTING || c->phase == PHASE_RUNNING);
}

enum health_state
task_health(const struct task *t)
{
	enum health_state health = t->n > 0 ? HEALTH_HEALTHY : HEALTH_UNKNOWN;

	for (size_t i = 0; i < t->plan.n_defined; i++) {
		const struct container *c = &t->containers[i];

		if (!c->plan->essential)
			continue;
		if (c->health == HEALTH_UNHEALTHY)
			return HEALTH_UNHEALTHY;
		if (c->health == HEALTH_UNKNOWN)
			health = HEALTH_UNKNOWN;
	}
	return health;
}

void
task_on_up(void *cookie)
{
	struct task *t = cookie;

	sync_start(t);
	task_run(t);
}

void
task_on_down(void *cookie)
{
	struct task *t = cookie;

	log_warn("task", t->id, "the Engine is away");
	endpoint_on_engine_down(t->endpoint);
	awslogs_on_engine_down(t);
	t->synced = false;
	t->pending = 0;
	t->cgroup_asked = t->cgroup_settled;
	timer_free(TAKE(t->clean_timer));
	timer_free(TAKE(t->sync_timer));
	for (size_t i = 0; i < t->n; i++)
		container_forget(&t->containers[i]);
	if (!t->maybe_present && !timer_pending(t->patience))
		timer_set(t->patience, PATIENCE_MS);
	task_run(t);
}

void
task_on_event(const struct engine_event *ev, void *cookie)
{
	struct task *t = cookie;

	for (size_t i = 0; i < t->n; i++)
		if (streq(t->containers[i].id, ev->id))
			container_on_event(&t->containers[i], ev);
	task_run(t);
}
