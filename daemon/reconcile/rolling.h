/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rules by which a service keeps its tasks: what to start and to stop, when a deployment is
 * done or has failed, when to look again (lifecycle.md section 10). Pure: it is given everything
 * there is of one service at one moment and fills in the answers beside the facts. It must not know
 * the store, the loop or the clock.
 *
 * Whoever calls it carries the answers out and calls it again whenever a fact has changed; asked
 * twice about the same facts it says the same.
 */
#ifndef DAEMON_RECONCILE_ROLLING_H
#define DAEMON_RECONCILE_ROLLING_H

#include "common/task_state.h"

#include <stddef.h>
#include <stdint.h>

#define ROLLING_NONE SIZE_MAX /* no index */
#define ROLLING_IMPAIRED 4    /* starts in a row that came to nothing, until it is said */
#define ROLLING_DELAY_MAX_MS (15 * 60 * 1000) /* between tasks that fail to start */
/* A task that ends sooner than this after it was made is not replaced before: ECS takes longer than
 * that to start one, a local crash loop would keep the machine busy. */
#define ROLLING_PACE_MS 500

enum rolling_stop {
	ROLLING_KEEP,
	ROLLING_STOP_SCALING,   /* too many, or replaced by another deployment's */
	ROLLING_STOP_UNHEALTHY, /* its containers fail their health checks */
	ROLLING_STOP_DRAINING,  /* its container instance is being emptied */
	ROLLING_STOP_MAX,
};

struct rolling_task {
	size_t deployment; /* index; ROLLING_NONE: of one that is gone */
	enum task_state last_status;
	bool stopping; /* desired STOPPED */
	bool checked;  /* its health is `health`, else its age */
	enum health_state health;
	bool seen_healthy; /* was healthy when it was looked at before */
	bool by_itself;    /* STOPPED, and nobody has asked for it */
	bool draining;     /* its container instance is */
	int64_t created_at_ms;
	int64_t started_at_ms;      /* RUNNING since, 0: not yet */
	int64_t protected_until_ms; /* 0 */
	size_t zone;                /* the same number is the same place */
	size_t instance;            /* index of the DAEMON's instances, else any number */

	enum rolling_stop stop;
	bool healthy;   /* now */
	bool accounted; /* STOPPED and counted: it need not be shown again */
};

enum rolling_state { ROLLING_IN_PROGRESS, ROLLING_COMPLETED, ROLLING_FAILED };

/* A deployment, or a task set. */
struct rolling_deployment {
	bool primary;
	bool leaving;   /* a task set that is DRAINING */
	int64_t target; /* of a task set: how many tasks it should have */

	/* Facts that become answers. */
	enum rolling_state rollout;
	int64_t failed_tasks; /* in a row */
	bool succeeded_once;  /* a task of it was healthy */

	int64_t desired_count; /* to be shown */
	size_t start;          /* tasks to make now */
	bool gone;             /* nothing is left of it, and nobody needs it */
	bool stable;           /* a task set's stabilityStatus is STEADY_STATE */
};

/* A container instance, for a DAEMON. */
struct rolling_instance {
	bool eligible; /* ACTIVE, connected, and the constraints allow it */
	bool start;
};

/* What is remembered between two looks. */
struct rolling_memory {
	bool steady;
	bool stuck;     /* nothing could be moved: said once */
	bool impaired;  /* tasks fail to start: said once */
	int64_t rounds; /* starts in a row that came to nothing */
	int64_t round_at_ms;
	int64_t next_start_ms; /* no task is made before, 0: at once */
	int64_t
	    whole_at_ms; /* side by side: the new tasks have all been healthy since, 0: not yet */
};

enum rolling_kind { ROLLING_REPLICA, ROLLING_DAEMON, ROLLING_TASK_SETS };

struct rolling_service {
	enum rolling_kind kind;
	bool draining; /* the service is being deleted */
	/* BLUE_GREEN, LINEAR, CANARY: all tasks of a new deployment come up beside the old ones,
	 * which stay until the new ones have been healthy for bake_ms. */
	bool side_by_side;
	int64_t bake_ms;
	int64_t desired;
	int64_t min_percent, max_percent;
	int64_t breaker_threshold; /* failures in a row that it takes; 0: there is none */
	bool breaker_rollback;
	bool roll_back_wanted; /* StopServiceDeployment */
	bool abort_wanted;
	int64_t grace_ms;         /* UNHEALTHY means nothing for so long after RUNNING */
	int64_t healthy_after_ms; /* RUNNING for so long is healthy, without a check */
	int64_t now_ms;

	size_t n_tasks, n_deployments, n_instances;
	struct rolling_task *tasks; /* those that have not been accounted for, the oldest first */
	struct rolling_deployment *deployments; /* the newest first */
	struct rolling_instance *instances;

	struct rolling_memory memory; /* a fact that becomes an answer */

	bool became_steady; /* all of these: just now */
	bool became_stuck;
	bool became_impaired;
	bool breaker_tripped;
	bool inactive;       /* DRAINING is over */
	size_t roll_back_to; /* deployment that becomes the primary one again, or ROLLING_NONE */
	int64_t wake_at_ms;  /* look again then, though nothing may have happened; 0: no need */
};

void rolling(struct rolling_service *s);

#endif
