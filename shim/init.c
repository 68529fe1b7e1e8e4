/* SPDX-License-Identifier: Apache-2.0 */
/*
 * localemu-ecs-init: what the Engine starts in every container. It waits at the gate until the shim
 * has prepared the namespace, then becomes the user's process in place. It asks nothing of the
 * image and leaves signals, environment, user and descriptors as they were; it must not know what
 * is being prepared. Without a word to run it is a task's sandbox, which owns the namespaces that
 * the task's containers share: it reaps whom they leave behind, and ends at SIGTERM.
 */
#include "common/gate.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define EXIT_NOT_FOUND 127
#define EXIT_NOT_EXECUTABLE 126
#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

static int gate_pass(void);
static int find(const char *name, char path[static PATH_MAX]);
static int pause_until_told(void);

int
main(int argc, char **argv)
{
	char path[PATH_MAX];
	struct gate_failure failure = { 0 };
	int gate;

	if (argc < 2)
		return pause_until_told();
	gate = gate_pass();
	if (gate < 0)
		_exit(GATE_EXIT_CLOSED);
	failure.errnum = find(argv[1], path);
	if (failure.errnum == 0) {
		execve(path, argv + 1, environ);
		failure.errnum = errno;
		failure.found = 1;
	}
	(void)send(gate, &failure, sizeof(failure), MSG_NOSIGNAL);
	_exit(failure.errnum == ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_EXECUTABLE);
}

/* Blocked, so that none is lost between two looks; as pid 1 nothing else ends it. */
static int
pause_until_told(void)
{
	sigset_t set;
	int number;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGCHLD);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	do {
		while (waitpid(-1, NULL, WNOHANG) > 0)
			continue;
		number = sigwaitinfo(&set, NULL);
	} while (number < 0 || number == SIGCHLD);
	return 0;
}

/* Returns the connected gate once it is open, -1 where it is missing or closed. */
static int
gate_pass(void)
{
	static const struct sockaddr_un addr = { .sun_family = AF_UNIX, .sun_path = GATE_SOCKET };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	char word = 0;
	ssize_t n;

	if (fd < 0 || connect(fd, (const struct sockaddr *)&addr, sizeof(addr)) < 0)
		return -1;
	do
		n = recv(fd, &word, sizeof(word), 0);
	while (n < 0 && errno == EINTR);
	return n == 1 && word == GATE_OPEN ? fd : -1;
}

/* What runc asks of a file before it tries to run it (Go's exec.LookPath): no directory, any
 * execute bit. */
static int
check_executable(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return errno;
	if (S_ISDIR(st.st_mode))
		return EISDIR;
	return (st.st_mode & 0111) != 0 ? 0 : EACCES;
}

/* One directory of PATH; an empty one is the working directory. */
static bool
join(char path[static PATH_MAX], const char *dir, size_t dir_len, const char *name)
{
	size_t name_len = strlen(name);

	if (dir_len == 0) {
		dir = ".";
		dir_len = 1;
	}
	if (dir_len + 1 + name_len >= PATH_MAX)
		return false;
	memcpy(path, dir, dir_len);
	path[dir_len] = '/';
	memcpy(path + dir_len + 1, name, name_len + 1);
	return true;
}

/* Finds what argv[0] names, as runc does. Returns 0 or the errno; ENOENT where no directory of PATH
 * has it. */
static int
find(const char *name, char path[static PATH_MAX])
{
	const char *dir = getenv("PATH");

	if (strchr(name, '/') != NULL) {
		if (strlen(name) >= PATH_MAX)
			return ENAMETOOLONG;
		memcpy(path, name, strlen(name) + 1);
		return check_executable(path);
	}
	if (dir == NULL)
		dir = DEFAULT_PATH;
	while (name[0] != '\0') {
		size_t len = strcspn(dir, ":");

		if (join(path, dir, len, name) && check_executable(path) == 0)
			return 0;
		if (dir[len] == '\0')
			break;
		dir += len + 1;
	}
	return ENOENT;
}
