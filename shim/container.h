/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One container of a task: image, create, start through the gate, ports, exit, stop. It raises
 * EV_CHANGED at its task for each step; in which order and whether at all is decided there.
 */
#ifndef SHIM_CONTAINER_H
#define SHIM_CONTAINER_H

#include "shim/awslogs.h"
#include "shim/engine.h"
#include "shim/gate.h"
#include "shim/plan.h"
#include "shim/pull.h"

struct task;

/* In the order in which a container goes through them. */
enum container_phase {
	PHASE_NEW,
	PHASE_FETCHING, /* image inspect, pull */
	PHASE_FETCHED,
	PHASE_CREATING,
	PHASE_CREATED,
	PHASE_STARTING, /* until start has returned, the exec has happened and the ports are known
			 */
	PHASE_RUNNING,
	PHASE_STOPPED,
	PHASE_MAX,
};

struct container_binding {
	char *bind_ip;
	int64_t container_port, host_port;
	char *protocol;
	char *container_range, *host_range; /* NULL: no range */
};

struct container {
	struct task *task;
	size_t index;
	const struct plan_container *plan; /* NULL where the definition could not be planned */
	char *name;
	enum container_phase phase;
	char *id;
	char *digest;
	struct engine_req *req; /* the one in flight */
	struct engine_req *stop_req;
	struct timer *timer;       /* the end of the wait for a restart; the next probe */
	struct timer *start_timer; /* startTimeout */
	struct gate *gate;
	bool prepared;                   /* the namespace of the init that waits there */
	struct timer *credentials_timer; /* how long that init waits for credentials */

	struct awslogs *awslogs; /* NULL: another log driver */

	struct arena image_arena;
	struct plan_image image;
	char *command;     /* the first word of the user's process */
	struct pull *pull; /* the one that is waited for */
	bool pulled;       /* there was one */
	size_t volumes_checked;
	bool start_returned, gate_passed;
	bool ports_lost; /* somebody was faster at a port: the Engine chooses */
	/* Somebody else's start: an earlier shim's, or one whose answer was lost. Whether its gate
	 * was passed, its end may have to tell. */
	bool found_running;
	unsigned probes; /* looks at such a container that neither waits nor runs */
	bool start_timed_out;
	bool failed; /* never ran: `reason` says why */

	/* restartPolicy: when the latest start was, how many there were after the first. */
	int64_t attempt_ms;
	uint32_t restart_count;
	bool restarting;  /* its start is asked for */
	bool before_gate; /* and nothing was heard of its gate yet */

	bool died;         /* its end is known, the verdict is not */
	int64_t killed_ms; /* when somebody else asked the Engine to end it, 0: nobody */
	bool sigkilled;    /* by the Engine, for somebody: not for its memory */
	bool oom;
	bool has_exit_code;
	int exit_code;
	char *reason;
	int64_t started_ms, stopped_ms;
	enum health_state health;
	struct container_binding *bindings;
	size_t n_bindings;
	bool seen;    /* by the running sync */
	bool removed; /* by the running clean-up */
};

void container_init(struct container *c, struct task *t, size_t index, const char *name,
    const struct plan_container *plan);
void container_done(struct container *c);

/* Starts the next piece of work towards RUNNING, where there is one and nothing has to be waited
 * for. */
void container_advance(struct container *c);
/* Starts, or goes on with, its end. Containers that depend on it must be STOPPED before. */
void container_halt(struct container *c);
/* The requests in flight are gone: back to the last certain step. */
void container_forget(struct container *c);
/* What the Engine says of it now; NULL: it has no such container. */
void container_learn(struct container *c, const struct engine_container *facts);
void container_on_event(struct container *c, const struct engine_event *ev);
/* The reason why it never ran: "<error>: <text>". */
void container_fail(struct container *c, const char *error, const char *text);
/* The same for a call that the Engine never answered. */
void container_fail_late(struct container *c, const char *transition, int64_t after_ms);

/* For the gate: init waits, the cookie is its container (arrival.c). */
void arrival_wait(struct gate *g, pid_t pid, void *cookie);
/* Something that a waiting init needs has come. */
void arrival_pass(struct container *c);
/* A container that an earlier shim let pass. */
void arrival_again(struct container *c, pid_t pid);

/* For image.c: the image is there, with its facts in c->image. */
void container_set_phase(struct container *c, enum container_phase phase);
/* Creates it (create.c). */
void container_create(struct container *c);
/* For create.c: its gate is there from before the create call to the end of the task. */
int container_ensure_gate(struct container *c, struct err *e);
void container_set_id(struct container *c, const char *id);
void container_set_command(struct container *c, const char *command);
/* The sandbox was started: its network is prepared, then it runs (sandbox.c). */
void sandbox_started(struct container *c);
/* True where it is gone, and with it what others have joined. */
bool sandbox_is_missed(const struct container *c);
/* Makes the container anew where its start failed for a port that is taken; false where that is not
 * why, or nobody asked for that very number. */
bool sandbox_yields(struct container *c, const char *text);
/* For sandbox.c: it runs. */
void container_is_up(struct container *c);
/* Fetches the image, by a pull where it is absent (image.c). */
void image_fetch(struct container *c);
/* Whether what it depends on lets it be created: 1 yes, 0 not yet, -1 never, with the caller's text
 * (depend.c). */
int depend_check(const struct container *c, char **ret_text);
/* True if a container that depends on this one has not stopped yet. */
bool depend_is_needed(const struct container *c);
/* Host ports, as the Engine allocated them (bindings.c). */
void bindings_read(struct container *c, struct json_object *ports);
/* In awsvpc mode what the owner of the address publishes is everybody's. */
void bindings_learn(struct container *c, struct json_object *ports);
void bindings_add(struct container *c, const struct container_binding *b);
void bindings_clear(struct container *c);
/* Starts a container that has ended again where its policy wants that, and says so (restart.c). */
bool restart_begin(struct container *c);
/* An enabled policy itself: an end with this code at this time, after a start at that time. */
bool restart_is_due(
    const struct td_restart_policy *p, int exit_code, int64_t attempt_ms, int64_t ended_ms);
/* For restart.c: how that went. */
void container_restarted(struct container *c);
void container_restart_failed(struct container *c, const char *text);

#endif
