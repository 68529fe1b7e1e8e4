/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gate from both sides: the test plays init over the real socket, and the loop serves the gate.
 */
#include "shim/gate.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cmocka.h>

#define DEADLINE_MS 5000

struct fixture {
	struct loop *loop;
	struct gate *gate;
	char parent[32];
	bool open_at_once;
	int arrivals, passes;
	pid_t pid;
	int failure; /* errno of the last pass, 0: the exec happened */
};

static void
on_arrival(struct gate *g, pid_t pid, void *cookie)
{
	struct fixture *f = cookie;

	f->arrivals++;
	f->pid = pid;
	if (f->open_at_once)
		gate_open(g);
}

static void
on_passed(struct gate *g, const struct gate_failure *failure, void *cookie)
{
	struct fixture *f = cookie;

	(void)g;
	f->passes++;
	f->failure = failure != NULL ? failure->errnum : 0;
}

static const struct gate_callbacks callbacks = { .on_arrival = on_arrival, .on_passed = on_passed };

static int
setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));
	struct err e = { 0 };

	strcpy(f->parent, "/tmp/lemu-gate-XXXXXX");
	assert_non_null(mkdtemp(f->parent));
	f->loop = loop_new();
	f->open_at_once = true;
	assert_int_equal(gate_new(f->loop, f->parent, "web", &callbacks, f, &f->gate, &e), 0);
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	gate_free(f->gate);
	gate_remove(f->parent, "web");
	gate_remove(f->parent, "web");
	assert_int_equal(rmdir(f->parent), 0);
	loop_free(f->loop);
	free(f);
	return 0;
}

static int
arrive(const struct fixture *f)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	(void)snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/web/s", f->parent);
	assert_int_equal(connect(fd, (const struct sockaddr *)&addr, sizeof(addr)), 0);
	return fd;
}

/* Turns the loop until the counter has the value. */
static void
turn_until(struct fixture *f, const int *counter, int value)
{
	int64_t deadline = monotonic_ms() + DEADLINE_MS;

	while (*counter != value && monotonic_ms() < deadline)
		event_base_loop(loop_base(f->loop), EVLOOP_ONCE | EVLOOP_NONBLOCK);
	assert_int_equal(*counter, value);
}

static void
anybody_in_the_container_may_connect(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *dir = xasprintf("%s/web", f->parent);
	_cleanup_free_ char *path = xasprintf("%s/web/s", f->parent);
	struct stat st;

	assert_int_equal(stat(dir, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0755);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0666);
	assert_true(S_ISSOCK(st.st_mode));
}

static void
silence_after_opening_means_that_the_exec_happened(void **state)
{
	struct fixture *f = *state;
	int fd = arrive(f);
	char word = 0;

	turn_until(f, &f->arrivals, 1);
	assert_int_equal(f->pid, getpid());
	assert_int_equal(recv(fd, &word, 1, 0), 1);
	assert_int_equal(word, GATE_OPEN);
	close(fd);
	turn_until(f, &f->passes, 1);
	assert_int_equal(f->failure, 0);
}

static void
a_failed_exec_is_told(void **state)
{
	struct fixture *f = *state;
	struct gate_failure failure = { .errnum = ENOENT };
	int fd = arrive(f);
	char word;

	turn_until(f, &f->arrivals, 1);
	assert_int_equal(recv(fd, &word, 1, 0), 1);
	assert_int_equal(send(fd, &failure, sizeof(failure), 0), sizeof(failure));
	close(fd);
	turn_until(f, &f->passes, 1);
	assert_int_equal(f->failure, ENOENT);
}

static void
a_shut_gate_sends_init_away(void **state)
{
	struct fixture *f = *state;
	char word;
	int fd;

	f->open_at_once = false;
	fd = arrive(f);
	turn_until(f, &f->arrivals, 1);
	gate_shut(f->gate);
	assert_int_equal(recv(fd, &word, 1, 0), 0);
	close(fd);
	assert_int_equal(f->passes, 0);
}

static void
it_is_served_again_after_a_restart(void **state)
{
	struct fixture *f = *state;
	char word;

	for (int i = 1; i <= 3; i++) {
		int fd = arrive(f);

		turn_until(f, &f->arrivals, i);
		assert_int_equal(recv(fd, &word, 1, 0), 1);
		close(fd);
		turn_until(f, &f->passes, i);
	}
}

static void
the_next_shim_serves_the_same_directory(void **state)
{
	struct fixture *f = *state;
	struct err e = { 0 };
	char word;
	int fd;

	gate_free(f->gate);
	assert_int_equal(gate_new(f->loop, f->parent, "web", &callbacks, f, &f->gate, &e), 0);
	fd = arrive(f);
	turn_until(f, &f->arrivals, 1);
	assert_int_equal(recv(fd, &word, 1, 0), 1);
	close(fd);
	turn_until(f, &f->passes, 1);
}

static void
an_exit_does_not_overtake_the_exec(void **state)
{
	struct fixture *f = *state;
	int fd = arrive(f);
	char word;

	turn_until(f, &f->arrivals, 1);
	assert_int_equal(recv(fd, &word, 1, 0), 1);
	close(fd);
	gate_poll(f->gate);
	assert_int_equal(f->passes, 1);
}

static void
an_init_that_ends_before_it_reads_the_word_has_not_passed(void **state)
{
	struct fixture *f = *state;
	int fd = arrive(f);

	turn_until(f, &f->arrivals, 1);
	close(fd);
	gate_poll(f->gate);
	assert_int_equal(f->passes, 0);
}

static void
assert_text(int errnum, int found, const char *argv0, const char *expected)
{
	struct gate_failure failure = { .errnum = errnum, .found = found };
	_cleanup_free_ char *text = gate_failure_text(&failure, argv0);

	assert_non_null(strstr(text, expected));
	assert_true(has_prefix(text, "failed to create shim task: OCI runtime create failed: "));
	assert_string_equal(text + strlen(text) - strlen(": unknown"), ": unknown");
}

static void
failures_have_the_words_of_docker(void **state)
{
	(void)state;
	assert_text(ENOENT, 0, "x", "process: exec: \"x\": executable file not found in $PATH");
	assert_text(ENOENT, 0, "/x", "process: exec: \"/x\": stat /x: no such file or directory");
	assert_text(EACCES, 0, "/x", "process: exec: \"/x\": permission denied");
	assert_text(EISDIR, 0, "/x", "process: exec: \"/x\": is a directory");
	assert_text(ENOENT, 1, "/x", "process: exec /x: no such file or directory");
	assert_text(ENOEXEC, 1, "/x", "process: exec /x: exec format error");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    anybody_in_the_container_may_connect, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    silence_after_opening_means_that_the_exec_happened, setup, teardown),
		cmocka_unit_test_setup_teardown(a_failed_exec_is_told, setup, teardown),
		cmocka_unit_test_setup_teardown(a_shut_gate_sends_init_away, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    it_is_served_again_after_a_restart, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    the_next_shim_serves_the_same_directory, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    an_exit_does_not_overtake_the_exec, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    an_init_that_ends_before_it_reads_the_word_has_not_passed, setup, teardown),
		cmocka_unit_test(failures_have_the_words_of_docker),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
