/* SPDX-License-Identifier: Apache-2.0 */
/*
 * loop.h: quitting, timers, deferred calls, signals, children.
 */
#include "common/loop.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <cmocka.h>

#define DEADLINE_MS 5000

/* What callbacks write down. */
struct diary {
	struct loop *loop;
	struct timer *timer;
	struct timer *other;
	struct child *child;
	char text[64];
	int status;
	int left;
};

static void
note(struct diary *d, const char *word)
{
	strncat(d->text, word, sizeof(d->text) - strlen(d->text) - 1);
}

static void
on_deadline(void *arg)
{
	(void)arg;
	fail_msg("nothing happened");
}

static int
setup(void **state)
{
	struct diary *d = xcalloc(1, sizeof(*d));

	d->loop = loop_new();
	timer_set(timer_new(d->loop, on_deadline, NULL), DEADLINE_MS);
	*state = d;
	return 0;
}

static int
teardown(void **state)
{
	struct diary *d = *state;

	loop_free(d->loop); /* with the deadline still in it */
	free(d);
	return 0;
}

static void
write_a(void *arg)
{
	note(arg, "a");
}

static void
write_b(void *arg)
{
	note(arg, "b");
}

static void
quit_7(void *arg)
{
	struct diary *d = arg;

	note(d, "q");
	loop_quit(d->loop, 7);
}

static void
test_quit(void **state)
{
	struct diary *d = *state;

	loop_quit(d->loop, 3); /* before it runs */
	assert_int_equal(loop_run(d->loop), 3);
	loop_defer(d->loop, quit_7, d);
	assert_int_equal(loop_run(d->loop), 7);
	loop_free(NULL);
}

static void
test_timers(void **state)
{
	struct diary *d = *state;
	struct timer *a = timer_new(d->loop, write_a, d);
	struct timer *b = timer_new(d->loop, write_b, d);
	struct timer *q = timer_new(d->loop, quit_7, d);

	assert_false(timer_pending(a));
	timer_set(a, 20);
	timer_set(b, -1);
	assert_true(timer_pending(a));
	timer_set(a, 1); /* again, earlier */
	timer_set(q, 40);
	assert_int_equal(loop_run(d->loop), 7);
	assert_string_equal(d->text, "baq");
	assert_false(timer_pending(a));
	timer_set(a, 0);
	timer_stop(a);
	timer_set(q, 10);
	loop_run(d->loop);
	assert_string_equal(d->text, "baqq");
	timer_free(a);
	timer_free(b);
	timer_free(q);
	timer_free(NULL);
}

static void
free_both(void *arg)
{
	struct diary *d = arg;

	timer_free(TAKE(d->timer));
	timer_free(TAKE(d->other));
	note(d, "f");
}

static void
test_free_inside_callback(void **state)
{
	struct diary *d = *state;
	struct timer *q = timer_new(d->loop, quit_7, d);

	d->timer = timer_new(d->loop, free_both, d);
	d->other = timer_new(d->loop, free_both, d);
	timer_set(d->timer, 0);
	timer_set(d->other, 0); /* due in the same turn: one frees the other */
	timer_set(q, 20);
	loop_run(d->loop);
	assert_string_equal(d->text, "fq");
	timer_free(q);
}

static void
defer_again(void *arg)
{
	struct diary *d = arg;

	note(d, "x");
	loop_defer(d->loop, quit_7, d);
	if (d->left-- > 0)
		loop_defer(d->loop, defer_again, d);
}

static void
test_defer(void **state)
{
	struct diary *d = *state;

	loop_defer(d->loop, write_a, d);
	loop_defer(d->loop, write_b, d);
	loop_defer(d->loop, defer_again, d);
	assert_string_equal(d->text, "");
	loop_run(d->loop);
	assert_string_equal(d->text, "abxq");
	d->left = 1;
	loop_defer(d->loop, defer_again, d);
	loop_run(d->loop);
	assert_string_equal(d->text, "abxqxqx");
	loop_defer(d->loop, write_a, d); /* left behind: loop_free forgets it */
}

static void
on_usr1(int signo, void *arg)
{
	struct diary *d = arg;

	assert_int_equal(signo, SIGUSR1);
	note(d, "s");
	if (strlen(d->text) == 2)
		loop_quit(d->loop, 0);
	else
		(void)raise(SIGUSR1);
}

static void
test_signal(void **state)
{
	struct diary *d = *state;

	loop_on_signal(d->loop, SIGUSR1, on_usr1, d);
	(void)raise(SIGUSR1);
	loop_run(d->loop);
	assert_string_equal(d->text, "ss");
}

static void
on_end(pid_t pid, int status, void *arg)
{
	struct diary *d = arg;

	assert_true(pid > 0);
	note(d, "e");
	d->status = status;
	d->child = NULL;
	loop_quit(d->loop, 0);
}

static pid_t
spawn(int how)
{
	pid_t pid = fork();

	if (pid == 0) {
		if (how < 0)
			(void)raise(-how);
		_exit(how);
	}
	assert_true(pid > 0);
	return pid;
}

static void
test_children(void **state)
{
	struct diary *d = *state;

	d->child = child_watch(d->loop, spawn(42), on_end, d);
	assert_non_null(d->child);
	loop_run(d->loop);
	assert_true(WIFEXITED(d->status));
	assert_int_equal(WEXITSTATUS(d->status), 42);

	d->child = child_watch(d->loop, spawn(-SIGKILL), on_end, d);
	loop_run(d->loop);
	assert_true(WIFSIGNALED(d->status));
	assert_int_equal(WTERMSIG(d->status), SIGKILL);
	assert_string_equal(d->text, "ee");
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* all reaped */
	assert_int_equal(errno, ECHILD);
}

static void
test_child_unwatched(void **state)
{
	struct diary *d = *state;
	struct timer *q = timer_new(d->loop, quit_7, d);
	pid_t pid = spawn(0);

	child_free(child_watch(d->loop, pid, on_end, d));
	child_free(NULL);
	timer_set(q, 20);
	loop_run(d->loop);
	assert_string_equal(d->text, "q");
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_null(child_watch(d->loop, pid, on_end, d));
	assert_int_equal(errno, ESRCH);
	timer_free(q);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_quit, setup, teardown),
		cmocka_unit_test_setup_teardown(test_timers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_free_inside_callback, setup, teardown),
		cmocka_unit_test_setup_teardown(test_defer, setup, teardown),
		cmocka_unit_test_setup_teardown(test_signal, setup, teardown),
		cmocka_unit_test_setup_teardown(test_children, setup, teardown),
		cmocka_unit_test_setup_teardown(test_child_unwatched, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
