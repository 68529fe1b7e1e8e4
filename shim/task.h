/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One task: its plan, its containers, its place in the state machine. Whatever happens (a message
 * of the daemon, an event or a reply of the Engine, a gate) becomes an event; task_step is the only
 * writer of the state. It must not know protobuf: main.c and report.c translate.
 */
#ifndef SHIM_TASK_H
#define SHIM_TASK_H

#include "common/task_state.h"
#include "shim/aws.h"
#include "shim/container.h"
#include "shim/credentials.h"
#include "shim/endpoint.h"
#include "shim/engine.h"
#include "shim/firewall.h"
#include "shim/net.h"
#include "shim/plan.h"
#include "shim/proxy.h"
#include "shim/resources.h"

/* What every container of a task carries, its sandbox too, and no container definition takes over.
 */
#define TASK_LABEL "com.amazonaws.ecs.task-arn"
#define CONTAINER_LABEL "com.amazonaws.ecs.container-name"

enum task_event {
	EV_BEGIN,         /* the facts are known: go on with what this state has to do */
	EV_PROVISIONED,   /* what the containers need outside of the Engine is there */
	EV_CHANGED,       /* a container changed */
	EV_UP,            /* every container is RUNNING or STOPPED, and one is RUNNING */
	EV_ACTIVATED,     /* registered where the task has to be */
	EV_STOP,          /* the daemon decided on a stop */
	EV_FAIL,          /* an essential container could not be started */
	EV_EXIT,          /* an essential container ended */
	EV_DEACTIVATED,   /* deregistered */
	EV_DOWN,          /* every container is STOPPED */
	EV_DEPROVISIONED, /* what was provisioned is gone */
	EV_MAX,
};

struct task_cell {
	void (*act)(struct task *t); /* NULL: nothing to do */
	enum task_state next;
	bool legal; /* false: the event is refused and logged */
};

extern const struct task_cell task_matrix[TASK_STATE_MAX][EV_MAX];

/* Names for log lines and tests. */
const char *task_event_name(enum task_event ev);

struct task_times { /* epoch milliseconds, 0: not reached */
	int64_t pull_started, pull_stopped, started, connectivity, stopping, execution_stopped,
	    stopped;
};

struct task {
	struct loop *loop;
	struct engine *engine;
	void (*announce)(struct task *t, void *cookie); /* the whole state changed: send it */
	void *cookie;
	char *id, *arn;
	char *gate_parent;
	char *init_path;
	struct plan plan;
	struct container *containers;
	size_t n;
	struct credentials credentials, execution_credentials;
	struct net *net;             /* what its namespaces get */
	struct endpoint *endpoint;   /* what is served there */
	struct proxy *proxy;         /* the way from there to the daemon's API */
	struct aws *aws;             /* what is asked of AWS services for it */
	struct resources *resources; /* what its containers need of these before they are created */

	enum task_state state;
	bool router_ready; /* the log router's files are written */
	bool desired_stopped;
	char *stop_code, *stopped_reason;
	struct task_times times;
	uint64_t seq;
	bool cleaned_up;

	uint32_t posted; /* BIT(enum task_event) of what waits to be stepped */
	bool stepping;
	bool dirty;                        /* something to announce */
	bool down;                         /* EV_DOWN was raised */
	bool maybe_present;                /* something of the task may be in the Engine */
	bool synced;                       /* memory and the Engine's facts agree */
	size_t pending;                    /* requests of the running sync or clean-up */
	bool cgroup_asked, cgroup_settled; /* whether there is one around the task */
	bool clean_failed;
	int64_t clean_retry_ms;
	struct timer *clean_timer;
	struct timer *sync_timer;
	struct timer *logs_timer; /* how long the end waits for logs */
	struct timer *patience;   /* how long a task that never ran waits for an Engine */
};

/* A new task from what the daemon sent, the caller's. A definition that cannot be planned gives a
 * task that fails when it begins, with the reason in `e` at every container; the return value is
 * then negative and *ret is set all the same. */
int task_new(struct loop *l, struct engine *engine, const struct plan_input *in,
    void (*announce)(struct task *t, void *cookie), void *cookie, struct task **ret, struct err *e);
void task_free(struct task *t);
/* Engine and facts permitting, goes on from where it is: at Start, at Adopt, after the Engine was
 * away. */
void task_begin(struct task *t);
/* Ends the task; the first code and reason stay. */
void task_stop(struct task *t, const char *code, const char *reason);
/* New or renewed credentials of the task role, or of the execution role; copied. */
void task_set_credentials(struct task *t, bool execution_role, const struct credentials *c);
/* What its security groups let through from now on, in the namespaces that are there too. */
void task_set_firewall(struct task *t, const struct firewall *f);
/* No container of the task could be planned: it ends with this. */
void task_refuse(struct task *t, const char *error);

/* Raises an event; task_run steps through all that were raised, and announces once. Every callback
 * from the loop ends with task_run. */
void task_post(struct task *t, enum task_event ev);
void task_run(struct task *t);
/* Something to be seen from outside changed. */
void task_touch(struct task *t);

/* The Engine's callbacks; the cookie is the task. */
void task_on_up(void *cookie);
void task_on_down(void *cookie);
void task_on_event(const struct engine_event *ev, void *cookie);

/* True if init of this container may become the user's process, once its namespace is prepared: the
 * task is not about to stop. */
bool task_may_open(const struct task *t, const struct container *c);
/* False while the credentials that the container's environment names have not come yet. */
bool task_has_credentials(const struct task *t);
/* The health that the task reports (HealthCheck: over essential containers). */
enum health_state task_health(const struct task *t);

/* True once it is known whether there is a cgroup around the task; where not yet, EV_CHANGED comes
 * (launch.c). */
bool launch_cgroup(struct task *t);

/* What the matrix does (actions.c). */
void act_provision(struct task *t);
void act_launch(struct task *t);
void act_activate(struct task *t);
void act_deactivate(struct task *t);
void act_halt(struct task *t);
void act_deprovision(struct task *t);
void act_clean(struct task *t);

/* Learns from the Engine what there is of the task, then raises EV_BEGIN (sync.c). */
void sync_start(struct task *t);

#endif
