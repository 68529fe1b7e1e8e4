/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cgroup around a task: its cpu and its memory as a limit over all containers together, as the
 * agent has it (taskresource/cgroup). Only where the Engine makes cgroups itself, on this host's
 * file system: with systemd in between, or without the right to it, the limits of the single
 * containers stand alone. Called by launch and clean-up; it must not know containers.
 */
#ifndef SHIM_CGROUP_H
#define SHIM_CGROUP_H

#include "common/err.h"
#include "common/json.h"

#define CGROUP_ROOT "/sys/fs/cgroup"

struct cgroup_limits {
	int64_t cpu_quota_us, cpu_period_us; /* quota 0: no limit */
	int64_t memory_bytes;                /* 0: no limit */
};

/* True where the Engine, as its /info tells, takes a path as the parent of its cgroups. */
bool cgroup_is_ours_to_make(struct json_object *info);
/* Makes the cgroup of a task, also where it is there already. Returns 0 and the caller's *ret, the
 * path that HostConfig.CgroupParent takes; what was made before a failure is gone again. */
int cgroup_make(const char *task_id, const struct cgroup_limits *limits, char **ret, struct err *e);
/* Removes it, also where there is none. -EBUSY: something still runs in it. */
int cgroup_remove(const char *task_id);

#endif
