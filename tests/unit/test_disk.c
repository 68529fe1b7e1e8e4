/* SPDX-License-Identifier: Apache-2.0 */
/* Work beside the loop: all of it is done, each done is told once and from the loop. */
#include "daemon/disk.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#define JOBS 500

struct count {
	struct loop *loop;
	struct disk *disk;
	pthread_t loop_thread;
	size_t n;
	bool elsewhere; /* some work ran outside of the loop's thread */
};

struct job {
	struct disk_job job; /* first */
	struct count *count;
	int times;
	bool worked;
	bool elsewhere;
};

static void
work(struct disk_job *j)
{
	struct job *job = (struct job *)j;

	job->worked = true;
	job->elsewhere = pthread_equal(pthread_self(), job->count->loop_thread) == 0;
}

static void
done(struct disk_job *j)
{
	struct job *job = (struct job *)j;
	struct count *count = job->count;

	assert_true(job->worked);
	assert_true(pthread_equal(pthread_self(), count->loop_thread));
	count->elsewhere = count->elsewhere || job->elsewhere;
	job->worked = false;
	if (++job->times < 3) {
		disk_submit(count->disk, j); /* again, from within */
		return;
	}
	if (++count->n == JOBS)
		loop_quit(count->loop, 0);
}

static void
on_late(void *arg)
{
	(void)arg;
	fail_msg("the work was not done in time");
}

static void
test_all_is_done(void **state)
{
	struct count count = { .loop = loop_new(), .loop_thread = pthread_self() };
	struct job *jobs = xcalloc(JOBS, sizeof(*jobs));
	struct timer *late = timer_new(count.loop, on_late, NULL);

	(void)state;
	timer_set(late, 20000);
	count.disk = disk_new(count.loop);
	for (size_t i = 0; i < JOBS; i++) {
		jobs[i] = (struct job){ .job = { .work = work, .done = done }, .count = &count };
		disk_submit(count.disk, &jobs[i].job);
	}
	assert_int_equal(disk_pending(count.disk), JOBS);
	(void)loop_run(count.loop);
	assert_int_equal(count.n, JOBS);
	assert_int_equal(disk_pending(count.disk), 0);
	assert_true(count.elsewhere);
	disk_free(count.disk);
	timer_free(late);
	loop_free(count.loop);
	free(jobs);
}

static void
test_free_waits(void **state)
{
	struct count count = { .loop = loop_new(), .loop_thread = pthread_self() };
	struct job jobs[8];

	(void)state;
	count.disk = disk_new(count.loop);
	for (size_t i = 0; i < ARRAY_SIZE(jobs); i++) {
		jobs[i] = (struct job){ .job = { .work = work, .done = done }, .count = &count };
		disk_submit(count.disk, &jobs[i].job);
	}
	disk_free(count.disk); /* nobody touches the jobs afterwards: a sanitizer would see */
	memset(jobs, 0, sizeof(jobs));
	loop_free(count.loop);
	assert_int_equal(count.n, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_is_done),
		cmocka_unit_test(test_free_waits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
