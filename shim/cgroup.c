/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Directories and files of cgroup versions 1 and 2 (see cgroup.h). In version 1 the Engine makes
 * the same path in every hierarchy, so that all of them are looked at when it goes.
 */
#include "shim/cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#define PARENT "ecs"

static bool
is_unified(void)
{
	return access(CGROUP_ROOT "/cgroup.controllers", F_OK) == 0;
}

bool
cgroup_is_ours_to_make(struct json_object *info)
{
	const char *version = json_get_str(info, "CgroupVersion");

	return streq(json_get_str(info, "CgroupDriver"), "cgroupfs") &&
	       streq(version != NULL ? version : "1", is_unified() ? "2" : "1");
}

static int
put(const char *directory, const char *file, const char *text)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", directory, file);
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CLOEXEC);

	return fd >= 0 && write(fd, text, strlen(text)) >= 0 ? 0 : -errno;
}

static int
put_number(const char *directory, const char *file, int64_t number)
{
	_cleanup_free_ char *text = xasprintf("%" PRId64, number);

	return put(directory, file, text);
}

/* <hierarchy>/ecs/<task id>; the caller's. */
static char *
path_of(const char *hierarchy, const char *task_id)
{
	return xasprintf(
	    CGROUP_ROOT "/%s%s" PARENT "/%s", hierarchy, hierarchy[0] != '\0' ? "/" : "", task_id);
}

static int
make_directory(const char *hierarchy, const char *task_id, char **ret)
{
	_cleanup_free_ char *path = path_of(hierarchy, task_id);
	_cleanup_free_ char *parent = path_of(hierarchy, "");

	if ((mkdir(parent, 0755) < 0 && errno != EEXIST) ||
	    (mkdir(path, 0755) < 0 && errno != EEXIST))
		return -errno;
	*ret = TAKE(path);
	return 0;
}

static int
make_unified(const char *task_id, const struct cgroup_limits *l)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_free_ char *cpu =
	    xasprintf("%" PRId64 " %" PRId64, l->cpu_quota_us, l->cpu_period_us);
	int r;

	/* What is delegated from the root down; the Engine goes on from the task's. */
	(void)put(CGROUP_ROOT, "cgroup.subtree_control", "+cpu +memory +pids");
	r = make_directory("", task_id, &path);
	if (r == 0)
		r = put(CGROUP_ROOT "/" PARENT, "cgroup.subtree_control", "+cpu +memory +pids");
	if (r == 0 && l->cpu_quota_us > 0)
		r = put(path, "cpu.max", cpu);
	if (r == 0 && l->memory_bytes > 0)
		r = put_number(path, "memory.max", l->memory_bytes);
	return r;
}

static int
make_split(const char *task_id, const struct cgroup_limits *l)
{
	_cleanup_free_ char *cpu = NULL;
	_cleanup_free_ char *memory = NULL;
	int r = 0;

	if (l->cpu_quota_us > 0)
		r = make_directory("cpu", task_id, &cpu);
	if (r == 0 && cpu != NULL)
		r = put_number(cpu, "cpu.cfs_period_us", l->cpu_period_us);
	if (r == 0 && cpu != NULL)
		r = put_number(cpu, "cpu.cfs_quota_us", l->cpu_quota_us);
	if (r == 0 && l->memory_bytes > 0)
		r = make_directory("memory", task_id, &memory);
	if (r == 0 && memory != NULL) {
		(void)put(memory, "memory.use_hierarchy", "1"); /* refused where it always is */
		r = put_number(memory, "memory.limit_in_bytes", l->memory_bytes);
	}
	return r;
}

int
cgroup_make(const char *task_id, const struct cgroup_limits *limits, char **ret, struct err *e)
{
	int r = is_unified() ? make_unified(task_id, limits) : make_split(task_id, limits);

	if (r < 0) {
		(void)cgroup_remove(task_id);
		return err_set_errno(e, -r, "cannot make a cgroup for the task");
	}
	*ret = xasprintf("/" PARENT "/%s", task_id);
	return 0;
}

static int
remove_from(const char *hierarchy, const char *task_id)
{
	_cleanup_free_ char *path = path_of(hierarchy, task_id);

	return rmdir(path) < 0 && errno == EBUSY ? -EBUSY : 0;
}

int
cgroup_remove(const char *task_id)
{
	DIR *root = is_unified() ? NULL : opendir(CGROUP_ROOT);
	struct dirent *entry;
	int r = 0;

	if (root == NULL)
		return remove_from("", task_id);
	while ((entry = readdir(root)) != NULL)
		if (entry->d_name[0] != '.' && remove_from(entry->d_name, task_id) < 0)
			r = -EBUSY;
	closedir(root);
	return r;
}
