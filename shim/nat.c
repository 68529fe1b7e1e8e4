/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Starts iptables-restore and iptables (see nat.h). They inherit the namespace of the thread that
 * starts them, which waits for their end: never the loop's thread.
 */
#include "shim/nat.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#define WAIT_S "5" /* for another program's lock on the tables */

/* `-m tcp` is what -C compares with. */
#define RULE                                                                                       \
	"OUTPUT -d " NAT_ADDRESS "/32 -p tcp -m tcp --dport %u "                                   \
	"-j DNAT --to-destination 127.0.0.1:%u"

char *
nat_text(const struct nat_rule *rules, size_t n)
{
	char *text = xstrdup("*nat\n"), *all;

	for (size_t i = 0; i < n; i++) {
		char *more = xasprintf("%s-A " RULE "\n", text, rules[i].from, rules[i].to);

		free(text);
		text = more;
	}
	all = xasprintf("%sCOMMIT\n", text);
	free(text);
	return all;
}

/* Where PATH is a service's it may lack sbin. */
static int
spawn(pid_t *pid, const posix_spawn_file_actions_t *files, char *const argv[])
{
	static const char *const places[] = { "/usr/sbin/", "/sbin/", "" };
	static char path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
	char *env[] = { path, NULL };
	posix_spawnattr_t attr;
	sigset_t set;
	int r = ENOENT;

	(void)posix_spawnattr_init(&attr);
	(void)posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	(void)sigemptyset(&set);
	(void)posix_spawnattr_setsigmask(&attr, &set);
	(void)sigaddset(&set, SIGPIPE);
	(void)posix_spawnattr_setsigdefault(&attr, &set);
	for (size_t i = 0; r == ENOENT && i < ARRAY_SIZE(places); i++) {
		_cleanup_free_ char *program = xasprintf("%s%s", places[i], argv[0]);

		r = posix_spawnp(pid, program, files, &attr, argv, env);
	}
	(void)posix_spawnattr_destroy(&attr);
	return r;
}

/* Runs a program to its end. Returns its exit code, or a negative errno; `said` is the beginning of
 * its complaints. */
static int
run(char *const argv[], const char *input, char *said, size_t size)
{
	_cleanup_close_ int in = memfd_create("in", MFD_CLOEXEC);
	_cleanup_close_ int err = memfd_create("err", MFD_CLOEXEC);
	posix_spawn_file_actions_t files;
	int status = 0, r;
	ssize_t n;
	pid_t pid;

	said[0] = '\0';
	if (in < 0 || err < 0 || write(in, input, strlen(input)) < 0 || lseek(in, 0, SEEK_SET) < 0)
		return -errno;
	(void)posix_spawn_file_actions_init(&files);
	(void)posix_spawn_file_actions_adddup2(&files, in, STDIN_FILENO);
	(void)posix_spawn_file_actions_adddup2(&files, err, STDERR_FILENO);
	(void)posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	r = spawn(&pid, &files, argv);
	(void)posix_spawn_file_actions_destroy(&files);
	if (r != 0)
		return -r;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	n = pread(err, said, size - 1, 0);
	said[n > 0 ? n : 0] = '\0';
	said[strcspn(said, "\n")] = '\0';
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

static char *
word(const char *s)
{
	return (char *)(uintptr_t)s; /* argv is not const, and nobody writes to it */
}

int
nat_restore(const char *text, struct err *e)
{
	char *const argv[] = { word("iptables-restore"), word("--noflush"), word("-w"),
		word(WAIT_S), NULL };
	char said[256];
	int r = run(argv, text, said, sizeof(said));

	if (r < 0)
		return err_set_errno(e, -r, "cannot run iptables-restore");
	if (r > 0)
		return err_set(e, ERR_SERVER, "iptables-restore failed with %d: %s", r, said);
	return 0;
}

bool
nat_is_there(const struct nat_rule *rules, size_t n)
{
	_cleanup_free_ char *text =
	    xasprintf("-w " WAIT_S " -t nat -C " RULE, rules[n - 1].from, rules[n - 1].to);
	char *argv[32] = { word("iptables") }, *rest = text, said[256];
	size_t k = 1;

	while (k < ARRAY_SIZE(argv) - 1 && (argv[k] = strsep(&rest, " ")) != NULL)
		k++;
	return run(argv, "", said, sizeof(said)) == 0;
}
