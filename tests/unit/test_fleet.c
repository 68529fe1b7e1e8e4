/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fleet with shims that misbehave. This program is its own fake shim: the fleet starts it
 * through a link called localemu-ecs-shim, and what it then does is named by Hello.owner.
 */
#include "common/log.h"
#include "daemon/config.h"
#include "daemon/fleet.h"
#include "daemon/snapshot.h"

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

#define TASK "0123456789abcdef0123456789abcdef"
#define LIMIT_MS 10000 /* no test waits longer */

/* --- the fake shim --- */

static void
say(Shim__Frame *f)
{
	uint8_t packet[4096];
	size_t n = shim__frame__pack(f, packet);

	(void)!write(3, packet, n); /* a daemon that is gone is no news */
}

static void
say_hello_ack(void)
{
	Shim__HelloAck ack = SHIM__HELLO_ACK__INIT;
	Shim__Frame f = SHIM__FRAME__INIT;

	ack.protocol = 1;
	f.body_case = SHIM__FRAME__BODY_HELLO_ACK;
	f.hello_ack = &ack;
	say(&f);
}

static void
say_state(uint64_t seq, Shim__TaskStatus status, bool cleaned_up)
{
	Shim__Frame f = SHIM__FRAME__INIT;
	Shim__TaskState s;

	shim__task_state__init(&s);
	s.seq = seq;
	s.last_status = status;
	s.cleaned_up = cleaned_up;
	f.body_case = SHIM__FRAME__BODY_TASK_STATE;
	f.task_state = &s;
	say(&f);
}

static void
say_refused(void)
{
	static char text[] = "no such protocol";
	Shim__Frame f = SHIM__FRAME__INIT;
	Shim__Refused refused;

	shim__refused__init(&refused);
	refused.text = text;
	f.body_case = SHIM__FRAME__BODY_REFUSED;
	f.refused = &refused;
	say(&f);
}

static Shim__Frame *
hear(void)
{
	static uint8_t packet[256 * 1024];
	ssize_t n = read(3, packet, sizeof(packet));

	return n > 0 ? shim__frame__unpack(NULL, (size_t)n, packet) : NULL;
}

/* Stays until the daemon closes the link, or for as long as a test may last. */
static void
linger(void)
{
	alarm(LIMIT_MS / 1000);
	while (hear() != NULL)
		;
	_exit(0);
}

/* What is done right after Hello; returns only if the shim goes on in an ordinary way. */
static void
misbehave(const char *how)
{
	if (streq(how, "exit"))
		_exit(3);
	if (streq(how, "garbage")) {
		(void)!write(3, "\xff\xff\xff\xff", 4);
		linger();
	}
	if (streq(how, "early")) {
		say_state(1, SHIM__TASK_STATUS__RUNNING, false);
		linger();
	}
	if (streq(how, "refuse")) {
		say_refused();
		_exit(1);
	}
	if (streq(how, "deaf")) {
		close(3);
		alarm(1); /* the daemon kills it sooner, unless it has gone itself */
		pause();
	}
	say_hello_ack();
}

/* Starts, runs, stops when told. "crash": dies once it runs, and is well behaved in the next life.
 * "last-words": says that all is over and is gone in the same moment. "no-adopt": only a Start
 * works. */
static int
fake_shim(void)
{
	Shim__Frame *hello = hear(), *f;
	uint64_t seq = 0;
	const char *how;

	if (hello == NULL || hello->body_case != SHIM__FRAME__BODY_HELLO)
		return 9;
	how = hello->hello->owner;
	misbehave(how);
	while ((f = hear()) != NULL) {
		switch (f->body_case) {
		case SHIM__FRAME__BODY_START:
			say_state(++seq, SHIM__TASK_STATUS__RUNNING, false);
			if (streq(how, "last-words"))
				say_state(++seq, SHIM__TASK_STATUS__STOPPED, true);
			if (streq(how, "last-words") || streq(how, "crash") ||
			    streq(how, "no-adopt"))
				return 0;
			break;
		case SHIM__FRAME__BODY_ADOPT:
			if (streq(how, "no-adopt") &&
			    f->adopt->last->last_status != SHIM__TASK_STATUS__STOPPED)
				return 1;
			seq = f->adopt->last->seq + 1;
			if (f->adopt->stop != NULL)
				say_state(seq, SHIM__TASK_STATUS__STOPPED, true);
			else
				say_state(seq, SHIM__TASK_STATUS__RUNNING, false);
			break;
		case SHIM__FRAME__BODY_STOP:
			say_state(++seq, SHIM__TASK_STATUS__STOPPED, true);
			break;
		case SHIM__FRAME__BODY_BYE:
			return 0;
		default:
			return 9;
		}
		shim__frame__free_unpacked(f, NULL);
	}
	return 0;
}

/* --- the fixture: what main.c, events and the reconcile are to a fleet --- */

struct fixture {
	char dir[32];
	struct config config;
	struct loop *loop;
	struct fleet *fleet;
	struct timer *limit;
	struct store_task row;
	Shim__TaskState *last;
	int n_states;
	int n_lost;
	int quit_at; /* a task state; TASK_STATE_MAX: when cleaned up */
	bool stop_when_lost;
};

static void
on_state(const char *task_id, const Shim__TaskState *s, void *cookie)
{
	struct fixture *f = cookie;

	assert_string_equal(task_id, TASK);
	if (s->seq <= f->row.seq)
		return;
	f->n_states++;
	free(f->row.state);
	f->row.state_len = shim__task_state__get_packed_size(s);
	f->row.state = xcalloc(f->row.state_len, 1);
	shim__task_state__pack(s, f->row.state);
	f->row.seq = s->seq;
	f->row.last_status = (enum task_state)s->last_status;
	snapshot_free(f->last);
	f->last = snapshot_of(&f->row);
	if (s->cleaned_up)
		fleet_release(f->fleet, task_id);
	if (s->cleaned_up ? f->quit_at == TASK_STATE_MAX : (int)s->last_status == f->quit_at)
		loop_quit(f->loop, 0);
}

static void
want_stop(struct fixture *f)
{
	f->row.desired_stopped = true;
	free(f->row.doc);
	f->row.doc = xstrdup("{\"stopCode\":\"UserInitiated\",\"stoppedReason\":\"enough\"}");
}

static void
on_lost(const char *task_id, void *cookie)
{
	struct fixture *f = cookie;

	assert_string_equal(task_id, TASK);
	f->n_lost++;
	if (f->stop_when_lost)
		want_stop(f);
	fleet_adopt(f->fleet, &f->row);
}

static void
on_limit(void *arg)
{
	struct fixture *f = arg;

	loop_quit(f->loop, -1);
}

static void
make_spec(struct store_task *t)
{
	static char definition[] =
	    "{\"family\":\"f\",\"containerDefinitions\":[{\"name\":\"a\",\"image\":\"i\","
	    "\"portMappings\":[{\"containerPort\":80,\"hostPort\":8080},{\"containerPort\":81,"
	    "\"hostPort\":0}]}]}";
	static char id[] = TASK;
	Shim__TaskSpec spec;

	shim__task_spec__init(&spec);
	spec.task_id = id;
	spec.definition_json = definition;
	t->spec_len = shim__task_spec__get_packed_size(&spec);
	t->spec = xcalloc(t->spec_len, 1);
	shim__task_spec__pack(&spec, t->spec);
}

static int
setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));
	const struct fleet_callbacks cb = { on_state, on_lost, f };
	_cleanup_free_ char *path = NULL;
	char self[4096] = "";

	log_set_level(LOG_LEVEL_ERROR);
	memcpy(f->dir, "/tmp/localemu-test-XXXXXX", sizeof("/tmp/localemu-test-XXXXXX"));
	assert_non_null(mkdtemp(f->dir));
	path = xasprintf("%s/localemu-ecs-shim", f->dir);
	assert_true(readlink("/proc/self/exe", self, sizeof(self) - 1) > 0);
	assert_int_equal(symlink(self, path), 0);
	f->config = (struct config){ .libexec_dir = f->dir,
		.runtime_dir = f->dir,
		.engine_socket = xasprintf("%s/engine", f->dir),
		.publish_address = xstrdup("127.0.0.1"),
		.owner = xstrdup("good"),
		.docker_backend = true };
	f->row =
	    (struct store_task){ .id = TASK, .runner = RUNNER_SHIM, .last_status = TASK_PENDING };
	f->row.doc = xstrdup("{}");
	make_spec(&f->row);
	f->loop = loop_new();
	f->limit = timer_new(f->loop, on_limit, f);
	timer_set(f->limit, LIMIT_MS);
	f->fleet = fleet_new(f->loop, &f->config, &cb);
	f->quit_at = TASK_STATE_MAX;
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *path = xasprintf("%s/localemu-ecs-shim", f->dir);

	fleet_free(f->fleet);
	timer_free(f->limit);
	loop_free(f->loop);
	snapshot_free(f->last);
	store_task_done(&f->row);
	(void)unlink(f->config.engine_socket); /* only one test makes it */
	free(f->config.engine_socket);
	free(f->config.publish_address);
	free(f->config.owner);
	(void)unlink(path); /* one test removes it */
	assert_int_equal(rmdir(f->dir), 0);
	free(f);
	return 0;
}

static void
shim_is(struct fixture *f, const char *how)
{
	free(f->config.owner);
	f->config.owner = xstrdup(how);
}

static void
run_until(struct fixture *f, int state)
{
	f->quit_at = state;
	assert_int_equal(loop_run(f->loop), 0);
}

/* Lets the shim leave and the runner go. */
static void
run_empty(struct fixture *f)
{
	struct timer *t = timer_new(f->loop, on_limit, f);

	timer_set(t, 50);
	(void)loop_run(f->loop); /* ends by the timer */
	timer_free(t);
	assert_int_equal(fleet_count(f->fleet), 0);
}

static void
test_start_and_stop(void **state)
{
	struct fixture *f = *state;

	fleet_start(f->fleet, &f->row);
	fleet_start(f->fleet, &f->row);
	assert_int_equal(fleet_count(f->fleet), 1);
	run_until(f, TASK_RUNNING);
	want_stop(f);
	fleet_stop(f->fleet, &f->row);
	run_until(f, TASK_STATE_MAX);
	assert_int_equal(f->last->last_status, TASK_STOPPED);
	assert_int_equal(f->n_lost, 0);
	run_empty(f);
}

/* The stop comes before the shim has said anything. */
static void
test_stop_at_once(void **state)
{
	struct fixture *f = *state;

	fleet_start(f->fleet, &f->row);
	want_stop(f);
	fleet_stop(f->fleet, &f->row);
	run_until(f, TASK_STATE_MAX);
	assert_int_equal(f->last->last_status, TASK_STOPPED);
	run_empty(f);
}

static void
test_lost_shim_is_replaced(void **state)
{
	struct fixture *f = *state;
	int64_t before = monotonic_ms();

	shim_is(f, "crash");
	fleet_start(f->fleet, &f->row);
	while (f->n_lost == 0 || f->n_states < 2)
		run_until(f, TASK_RUNNING);
	assert_true(monotonic_ms() - before < 1000);
	assert_int_equal(f->n_lost, 1);
	assert_int_equal(f->last->last_status, TASK_RUNNING);
	want_stop(f);
	fleet_stop(f->fleet, &f->row);
	run_until(f, TASK_STATE_MAX);
	run_empty(f);
}

/* A stop that was decided while there was no shim arrives with the adoption. */
static void
test_stop_in_between(void **state)
{
	struct fixture *f = *state;

	shim_is(f, "crash");
	f->stop_when_lost = true;
	fleet_start(f->fleet, &f->row);
	run_until(f, TASK_STATE_MAX);
	assert_int_equal(f->last->last_status, TASK_STOPPED);
	run_empty(f);
}

static void
test_last_words_are_heard(void **state)
{
	struct fixture *f = *state;

	shim_is(f, "last-words");
	fleet_start(f->fleet, &f->row);
	run_until(f, TASK_STATE_MAX);
	assert_int_equal(f->n_lost, 0);
	run_empty(f);
}

static void
assert_given_up(struct fixture *f, const char *how)
{
	shim_is(f, how);
	fleet_start(f->fleet, &f->row);
	run_until(f, TASK_STOPPED);
	assert_string_equal(f->last->stop_code, "TaskFailedToStart");
	assert_string_not_equal(f->last->stopped_reason, "");
	assert_int_equal(f->last->containers[0]->status, SHIM__CONTAINER_STATUS__CONTAINER_STOPPED);
	assert_false(f->last->containers[0]->has_exit_code);
	assert_int_equal(f->n_lost, 4); /* the first shim, and three that were to adopt */
}

static void
test_given_up_exit(void **state)
{
	assert_given_up(*state, "exit");
}

static void
test_given_up_garbage(void **state)
{
	assert_given_up(*state, "garbage");
}

static void
test_given_up_early(void **state)
{
	assert_given_up(*state, "early");
}

static void
test_given_up_deaf(void **state)
{
	assert_given_up(*state, "deaf");
}

/* The containers of a task that could not be adopted are removed by one more shim. */
static void
test_given_up_and_cleaned(void **state)
{
	struct fixture *f = *state;

	shim_is(f, "no-adopt");
	fleet_start(f->fleet, &f->row);
	run_until(f, TASK_STATE_MAX);
	assert_int_equal(f->last->last_status, TASK_STOPPED);
	assert_true(f->last->cleaned_up);
	assert_int_equal(f->n_lost, 4);
	run_empty(f);
}

static void
test_refused(void **state)
{
	struct fixture *f = *state;

	shim_is(f, "refuse");
	fleet_start(f->fleet, &f->row);
	run_until(f, TASK_STATE_MAX);
	assert_string_equal(f->last->stop_code, "TaskFailedToStart");
	assert_string_equal(f->last->stopped_reason, "no such protocol");
	assert_int_equal(f->n_lost, 1);
	run_empty(f);
}

static void
test_no_shim_to_be_had(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *path = xasprintf("%s/localemu-ecs-shim", f->dir);

	assert_int_equal(unlink(path), 0);
	fleet_start(f->fleet, &f->row);
	assert_int_equal(f->n_states, 0); /* never from inside fleet_start */
	run_until(f, TASK_STATE_MAX);
	assert_string_equal(f->last->stop_code, "TaskFailedToStart");
	assert_non_null(strstr(f->last->stopped_reason, "No such file"));
	run_empty(f);
}

static void
test_instant(void **state)
{
	struct fixture *f = *state;

	f->row.runner = RUNNER_INSTANT;
	fleet_start(f->fleet, &f->row);
	assert_int_equal(f->n_states, 0);
	run_until(f, TASK_RUNNING);
	assert_int_equal(f->last->n_containers, 1);
	assert_int_equal(f->last->containers[0]->n_network_bindings, 1);
	assert_int_equal(f->last->containers[0]->network_bindings[0]->host_port, 8080);
	assert_string_equal(f->last->containers[0]->runtime_id, "");
	want_stop(f);
	fleet_stop(f->fleet, &f->row);
	run_until(f, TASK_STATE_MAX);
	assert_string_equal(f->last->stop_code, "UserInitiated");
	assert_string_equal(f->last->stopped_reason, "enough");
	assert_false(f->last->containers[0]->has_exit_code);
	run_empty(f);
}

/* After a restart: what runs goes on, what should stop stops. */
static void
test_instant_adopted(void **state)
{
	struct fixture *f = *state;

	f->row.runner = RUNNER_INSTANT;
	f->row.last_status = TASK_RUNNING;
	f->row.seq = 7;
	fleet_adopt(f->fleet, &f->row);
	want_stop(f);
	fleet_stop(f->fleet, &f->row);
	run_until(f, TASK_STATE_MAX);
	assert_int_equal(f->last->seq, 8);
	run_empty(f);
}

static void
test_which_runner(void **state)
{
	struct fixture *f = *state;
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd;

	assert_int_equal(fleet_runner(f->fleet), RUNNER_INSTANT);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	memcpy(sa.sun_path, f->config.engine_socket, strlen(f->config.engine_socket));
	assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(listen(fd, 5), 0);
	assert_int_equal(fleet_runner(f->fleet), RUNNER_SHIM);
	close(fd);
	/* The Engine was there: that it is away for a while is for the shims to wait out. */
	assert_int_equal(fleet_runner(f->fleet), RUNNER_SHIM);
	assert_false(fleet_engine_reachable(f->fleet));
	f->config.docker_backend = false;
	assert_int_equal(fleet_runner(f->fleet), RUNNER_INSTANT);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		T(test_start_and_stop),
		T(test_stop_at_once),
		T(test_lost_shim_is_replaced),
		T(test_stop_in_between),
		T(test_last_words_are_heard),
		T(test_given_up_exit),
		T(test_given_up_garbage),
		T(test_given_up_early),
		T(test_given_up_deaf),
		T(test_given_up_and_cleaned),
		T(test_refused),
		T(test_no_shim_to_be_had),
		T(test_instant),
		T(test_instant_adopted),
		T(test_which_runner),
	};

	if (argc > 0 && streq(argv[0], "localemu-ecs-shim"))
		_exit(fake_shim()); /* what it leaves allocated is of no interest */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
